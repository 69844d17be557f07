"""What the lab asks of the kernel by itself, where a machine lacks ethtool and bpftool."""
import array
import ctypes
import fcntl
import os
import platform
import socket
import struct

SIOCETHTOOL = 0x8946
OFFLOADS = {"tso": 0x1F, "gso": 0x24}  # ETHTOOL_STSO, ETHTOOL_SGSO
BPF_PROG_LOAD, BPF_LINK_CREATE = 5, 28
BPF_PROG_TYPE_SCHED_CLS = 3
BPF_TCX_INGRESS, BPF_TCX_EGRESS = 46, 47
SYSCALL = {"x86_64": 321, "aarch64": 280}
SOCKET = {"x86_64": (0xC000003E, 41), "aarch64": (0xC00000B7, 198)}  # AUDIT_ARCH and the number of socket()
PR_SET_SECCOMP, PR_SET_NO_NEW_PRIVS = 22, 38

libc = ctypes.CDLL(None, use_errno=True)


def offload(device, name, on):
    """Switches an offload of a device of this namespace."""
    value = array.array("B", struct.pack("II", OFFLOADS[name], int(on)))
    request = struct.pack("16sP", device.encode(), value.buffer_info()[0]).ljust(40, b"\0")
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as any_socket:
        fcntl.ioctl(any_socket, SIOCETHTOOL, request)


def bpf(command, attributes):
    number = SYSCALL.get(platform.machine())
    if number is None:
        raise OSError(38, f"the number of bpf() on {platform.machine()} is not known here")
    buffer = ctypes.create_string_buffer(attributes, len(attributes))
    result = libc.syscall(number, command, buffer, len(attributes))
    if result < 0:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))
    return result


def instruction(code, registers, offset, value):
    return struct.pack("<BBhi", code, registers, offset, value)


def classifier(instructions):
    """Descriptor of a loaded program of type SCHED_CLS."""
    code = b"".join(instructions)
    held, terms = ctypes.create_string_buffer(code, len(code)), ctypes.create_string_buffer(b"GPL")
    return bpf(BPF_PROG_LOAD, struct.pack("<IIQQIIQII16sII", BPF_PROG_TYPE_SCHED_CLS, len(instructions), ctypes.addressof(held),
                                          ctypes.addressof(terms), 0, 0, 0, 0, 0, b"lab", 0, 0))


def redirect(target):
    """Program that sends every packet out of a device of this namespace: r1 = index; r2 = 0; call bpf_redirect; exit."""
    return classifier([instruction(0xB7, 1, 0, socket.if_nametoindex(target)), instruction(0xB7, 2, 0, 0), instruction(0x85, 0, 0, 23),
                       instruction(0x95, 0, 0, 0)])


def drop_canaries():
    """Program that drops what goes to the canary's MAC address, 02:61:69:72:74:00, and passes all else on (TCX_NEXT).

    r2 = data, r3 = data_end; if r2 + 14 > r3 pass; its first four octets are compared, which no device of the lab has.
    """
    return classifier([
        instruction(0x61, 0x12, 76, 0), instruction(0x61, 0x13, 80, 0),
        instruction(0xBF, 0x24, 0, 0), instruction(0x07, 4, 0, 14), instruction(0x2D, 0x34, 3, 0),
        instruction(0x61, 0x25, 0, 0),
        instruction(0xB7, 0, 0, 2), instruction(0x15, 5, 1, 0x72696102),
        instruction(0xB7, 0, 0, -1), instruction(0x95, 0, 0, 0)])


def attach(program, device, where):
    """Descriptor of the link (tcx: kernel 6.6 and later); the program is there until it is closed."""
    return bpf(BPF_LINK_CREATE, struct.pack("<IIII", program, socket.if_nametoindex(device), where, 0) + bytes(48))


def without_sockets():
    """From here on this process and what it runs are killed by SIGSYS when they make a socket of any family."""
    architecture, number = SOCKET[platform.machine()]
    code = b"".join(struct.pack("HBBI", *line) for line in (
        (0x20, 0, 0, 4), (0x15, 0, 3, architecture), (0x20, 0, 0, 0), (0x15, 0, 1, number), (0x06, 0, 0, 0x80000000), (0x06, 0, 0, 0x7FFF0000)))
    held = ctypes.create_string_buffer(code, len(code))
    program = ctypes.create_string_buffer(struct.pack("HxxxxxxP", len(code) // 8, ctypes.addressof(held)), 16)
    if libc.prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) or libc.prctl(PR_SET_SECCOMP, 2, program, 0, 0):
        raise OSError(ctypes.get_errno(), "seccomp")
