"""Capture files to the byte: pcap and pcapng, written from packets, and pcapng read back."""
import dataclasses
import struct

ETHERNET, NULL, RAW, LOOP, COOKED1, IPV4, IPV6, COOKED2 = 1, 0, 101, 108, 113, 228, 229, 276


@dataclasses.dataclass(frozen=True)
class Packet:
    data: bytes          # what was captured
    time: int = None     # microseconds since 1970; None: a millisecond after the one before
    interface: int = 0
    wire: int = None     # bytes on the wire; None: all were captured
    direction: int = 0   # as epb_flags: 1 received, 2 transmitted

    @property
    def original(self):
        return len(self.data) if self.wire is None else self.wire


def cut(data, length):
    """A packet of which the snap length left the first bytes."""
    return Packet(data[:length], wire=len(data))


def pcap(packets, link=ETHERNET, order="<", nano=False, snap=262144):
    out = struct.pack(order + "IHHiIII", 0xa1b23c4d if nano else 0xa1b2c3d4, 2, 4, 0, 0, snap, link)
    for one in packets:
        seconds, rest = divmod(one.time, 1_000_000)
        out += struct.pack(order + "IIII", seconds, rest * 1000 if nano else rest, len(one.data), one.original) + one.data
    return out


def option(code, value, order="<"):
    return struct.pack(order + "HH", code, len(value)) + value + b"\0" * (-len(value) % 4)


def block(kind, body, order="<"):
    body += b"\0" * (-len(body) % 4)
    size = struct.pack(order + "I", len(body) + 12)
    return struct.pack(order + "I", kind) + size + body + size


def section(order="<"):
    return block(0x0a0d0d0a, struct.pack(order + "IHHq", 0x1a2b3c4d, 1, 0, -1), order)


def interface(name="", link=ETHERNET, order="<", snap=0, options=b""):
    named = option(2, name.encode(), order) if name else b""
    options = named + options
    return block(1, struct.pack(order + "HHI", link, 0, snap) + (options + b"\0\0\0\0" if options else b""), order)


def enhanced(one, order="<", options=b""):
    flags = option(2, struct.pack(order + "I", one.direction), order) if one.direction else b""
    options = options + flags
    head = struct.pack(order + "IIIII", one.interface, one.time >> 32, one.time & 0xffffffff, len(one.data), one.original)
    return block(6, head + one.data + b"\0" * (-len(one.data) % 4) + (options + b"\0\0\0\0" if options else b""), order)


def statistics(number, received, dropped, order="<", time=0):
    options = option(4, struct.pack(order + "Q", received), order) + option(5, struct.pack(order + "Q", dropped), order)
    return block(5, struct.pack(order + "III", number, time >> 32, time & 0xffffffff) + options + b"\0\0\0\0", order)


def pcapng(packets, interfaces=(("", ETHERNET),), order="<"):
    out = section(order) + b"".join(interface(name, link, order) for name, link in interfaces)
    return out + b"".join(enhanced(one, order) for one in packets)


def read_pcapng(data):
    """(bytes, comments, name of the interface) of each packet of a little-endian pcapng file of one section."""
    at, names, out = 0, [], []
    while at < len(data):
        kind, size = struct.unpack_from("<II", data, at)
        assert size >= 12 and data[at + size - 4:at + size] == data[at + 4:at + 8], f"block at {at}"
        body = data[at + 8:at + size - 4]
        if kind == 1:
            names.append(dict(options(body[8:])).get(2, b"").decode())
        elif kind == 6:
            number, _, _, length, _ = struct.unpack_from("<IIIII", body)
            found = options(body[20 + length + (-length % 4):])
            out.append((body[20:20 + length], [value.decode() for code, value in found if code == 1], names[number]))
        at += size
    return out


def options(data):
    out, at = [], 0
    while at + 4 <= len(data):
        code, length = struct.unpack_from("<HH", data, at)
        if code == 0:
            break
        out.append((code, data[at + 4:at + 4 + length]))
        at += 4 + length + (-length % 4)
    return out
