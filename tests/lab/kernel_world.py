"""A packet filter of the running kernel that can be asked: what arrives of packets sent to any address at all.

  pod ---- node ---- wire      a pod's frames are forwarded by the node, the node sends packets of its own, the wire only
     vethpod   eth0            records: it has no address, and all that it gets is for another host's MAC address

The three network namespaces have no names and no route out; they end with this process.
"""
import contextlib
import ctypes
import ipaddress
import os
import re
import socket
import struct
import subprocess
from dataclasses import dataclass

import frames

CLONE_NEWNET = 0x40000000
IPV6_HDRINCL = 36
ETH_P_FENCE = 0x88B5
SO_RCVBUFFORCE = 33
ALIEN = "02:00:00:00:00:99"  # the next hop's MAC address, which nobody has
NODE = {4: ipaddress.ip_address("192.0.2.1"), 6: ipaddress.ip_address("2001:db8:ffff::1")}
POD = {4: ipaddress.ip_address("192.0.2.2"), 6: ipaddress.ip_address("2001:db8:ffff::2")}
NUMBERS = {"tcp": 6, "sctp": 132}
SYN, SYN_ACK = 0x02, 0x12
LEGACY_EMPTY = "".join(
    f"*{table}\n" + "".join(f":{chain} ACCEPT\n" for chain in chains.split()) + "COMMIT\n"
    for table, chains in (
        ("raw", "PREROUTING OUTPUT"),
        ("mangle", "PREROUTING INPUT FORWARD OUTPUT POSTROUTING"),
        ("filter", "INPUT FORWARD OUTPUT"),
    )
)
PRELUDE = "table inet prelude { chain c { type filter hook forward priority 0; ct state new counter; }; }"

libc = ctypes.CDLL(None, use_errno=True)


@dataclass(frozen=True)
class Packet:
    path: str  # forward: sent by the pod; output: by the node
    source: object
    destination: object
    protocol: str  # tcp udp sctp icmp
    port: int = 0
    sport: int = 40000


def tcp(packet, flags, payload):
    pseudo = packet.source.packed + packet.destination.packed
    head = struct.pack("!HHIIBBHHH", packet.sport, packet.port, 1, 0, 5 << 4, flags, 1024, 0, 0)
    length = len(head) + len(payload)
    pseudo += struct.pack("!BBH", 0, 6, length) if packet.destination.version == 4 else struct.pack("!IHBB", length, 0, 0, 6)
    return head[:16] + struct.pack("!H", frames.checksum(pseudo + head + payload)) + head[18:] + payload


def octets(packet, payload, flags=SYN):
    """The packet from its IP header on."""
    v4 = packet.destination.version == 4
    if packet.protocol == "udp":
        frame = {"payload": payload, "sport": packet.sport, "dport": packet.port}
    elif packet.protocol == "icmp":
        frame = {"payload": payload, "icmp": "8.0" if v4 else "128.0"}
    elif packet.protocol == "tcp":
        frame = {"payload": tcp(packet, flags, payload), "proto": 6}
    else:
        frame = {"payload": struct.pack("!HHII", packet.sport, packet.port, 0, 0) + payload, "proto": NUMBERS[packet.protocol]}
    return (frames.ipv4 if v4 else frames.ipv6)(frame, packet.source, packet.destination)


def ethernet(to, kind):
    return to + b"\x02" + bytes(5) + struct.pack("!H", kind)


class World:
    def __init__(self):
        self.home = os.open("/proc/self/ns/net", os.O_RDONLY)
        self.spaces = {}
        for name in ("pod", "node", "wire"):
            if libc.unshare(CLONE_NEWNET):
                number = ctypes.get_errno()
                self.enter(self.home)
                raise OSError(number, os.strerror(number))
            self.spaces[name] = os.open("/proc/self/ns/net", os.O_RDONLY)
            self.enter(self.home)
        self.batch = 0
        self.legacy = False  # iptables-legacy was used
        self.build()

    def enter(self, space):
        if libc.setns(space, CLONE_NEWNET):
            raise OSError(ctypes.get_errno(), "setns")

    @contextlib.contextmanager
    def inside(self, name):
        self.enter(self.spaces[name])
        try:
            yield
        finally:
            self.enter(self.home)

    def run(self, name, command, text=None):
        """Standard output of a command in a namespace; what it says on standard error is an error's message."""
        with self.inside(name):
            result = subprocess.run(command, input=text, capture_output=True, text=True, check=False, timeout=60)
        if result.returncode:
            raise RuntimeError(f"{' '.join(command)}: {result.stderr.strip() or result.returncode}")
        return result.stdout

    def build(self):
        def settings(values):
            for path, value in values.items():
                with open("/proc/sys/net/" + path, "w", encoding="ascii") as file:
                    file.write(value)

        for name in ("pod", "wire"):
            with self.inside(name):
                settings({"ipv6/conf/all/disable_ipv6": "1", "ipv6/conf/default/disable_ipv6": "1"})
        with self.inside("node"):
            settings({"ipv4/ip_forward": "1", "ipv6/conf/all/forwarding": "1"})
            settings({f"ipv4/conf/{i}/rp_filter": "0" for i in ("all", "default")})
            settings({f"ipv6/conf/{i}/{key}": "0" for i in ("all", "default") for key in ("accept_dad", "accept_ra")})
        peers = {name: f"/proc/{os.getpid()}/fd/{self.spaces[name]}" for name in ("pod", "wire")}
        for line in (
            f"ip link add vethpod type veth peer name eth0 netns {peers['pod']}",
            f"ip link add eth0 type veth peer name wire0 netns {peers['wire']}",
            "ip link set lo up",
            "ip link set vethpod up",
            "ip link set eth0 up",
            f"ip addr add {NODE[4]}/32 dev eth0",
            f"ip addr add {NODE[6]}/128 dev eth0 nodad",
            "ip route add default via 192.0.2.254 dev eth0 onlink",
            "ip -6 route add default via fe80::99 dev eth0 onlink",
            f"ip neigh add 192.0.2.254 lladdr {ALIEN} nud permanent dev eth0",
            f"ip neigh add fe80::99 lladdr {ALIEN} nud permanent dev eth0",
        ):
            self.run("node", line.split())
        self.run("pod", ["ip", "link", "set", "eth0", "up"])
        self.run("wire", ["ip", "link", "set", "wire0", "up"])

        with self.inside("pod"):
            self.from_pod = self.raw("eth0", 0)
        with self.inside("wire"):
            self.recorder = self.raw("wire0", frames.ETH_P_ALL)
        with self.inside("node"):
            self.at_node = self.raw("vethpod", ETH_P_FENCE)
            self.at_uplink = self.raw("eth0", ETH_P_FENCE)
            self.from_node = {
                4: socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_RAW),
                6: socket.socket(socket.AF_INET6, socket.SOCK_RAW, socket.IPPROTO_RAW),
            }
            self.from_node[6].setsockopt(socket.IPPROTO_IPV6, IPV6_HDRINCL, 1)
        self.macs = {"vethpod": self.at_node.getsockname()[4], "eth0": self.at_uplink.getsockname()[4]}

    @staticmethod
    def raw(device, kind):
        raw = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, 0)
        raw.setsockopt(socket.SOL_SOCKET, SO_RCVBUFFORCE, 16 << 20)
        raw.bind((device, kind))
        raw.settimeout(10)
        return raw

    def send(self, packet, payload):
        content = octets(packet, payload)
        if packet.path == "forward":
            kind = 0x0800 if packet.destination.version == 4 else 0x86DD
            self.from_pod.send(ethernet(self.macs["vethpod"], kind) + content)
            return
        try:
            self.from_node[packet.destination.version].sendto(content, (str(packet.destination), 0))
        except PermissionError:
            pass  # what the output hook drops is EPERM to the sender

    def fence(self, mark):
        """What was sent before arrives before: one processor does it all, and each of the two hops keeps the order."""
        frame = ethernet(b"\xff" * 6, ETH_P_FENCE) + mark.ljust(46, b".")
        self.from_pod.send(frame)
        while mark not in self.at_node.recv(65535):
            pass
        self.at_uplink.send(frame)

    def pass_once(self, packets):
        """The indexes of the packets that reached the wire on their way to their destinations."""
        self.batch += 1
        end = b"end %d." % self.batch
        allowed = os.sched_getaffinity(0)
        os.sched_setaffinity(0, {min(allowed)})
        try:
            for index, packet in enumerate(packets):
                self.send(packet, frames.MARKER + b"%d.%d;" % (self.batch, index))
            self.fence(end)
            found = set()
            while end not in (frame := self.recorder.recv(65535)):
                match = re.search(frames.MARKER + rb"(\d+)\.(\d+);", frame)
                if match and int(match.group(1)) == self.batch:
                    wanted = packets[int(match.group(2))].destination.packed
                    at = 14 + (16 if len(wanted) == 4 else 24)
                    if frame[at : at + len(wanted)] == wanted:  # and not an error that quotes it
                        found.add(int(match.group(2)))
            return found
        finally:
            os.sched_setaffinity(0, allowed)

    def arrived(self, packets):
        """The same; what is missing is sent three times, so that a loss which is no verdict does not count as one."""
        found = set()
        for _ in range(3):
            rest = [index for index in range(len(packets)) if index not in found]
            found |= {rest[index] for index in self.pass_once([packets[index] for index in rest])}
        return found

    def load(self, loaders, established=()):
        """Puts the rules of [(command, text)] in place of all others, and answers `established` packets before."""
        self.clear()
        if established:
            self.run("node", ["nft", "-f", "-"], PRELUDE)
            if len(self.arrived(established)) != len(established):
                raise RuntimeError("packets do not pass a node without rules")
            for packet in established:
                kind = 0x0800 if packet.destination.version == 4 else 0x86DD
                answer = Packet("", packet.destination, packet.source, packet.protocol, packet.sport, packet.port)
                self.recorder.send(ethernet(self.macs["eth0"], kind) + octets(answer, b"answer", SYN_ACK))
            self.recorder.send(ethernet(self.macs["eth0"], ETH_P_FENCE) + b"answered".ljust(46, b"."))
            while b"answered" not in self.at_uplink.recv(65535):
                pass
        for command, text in loaders:
            self.legacy = self.legacy or "legacy" in command[0]
            self.run("node", command, text)
        if established:  # not before: without a rule that asks for them, connections are forgotten
            self.run("node", "nft delete table inet prelude".split())

    def clear(self):
        self.run("node", "nft flush ruleset".split())
        if self.legacy:
            for family in ("", "6"):
                self.run("node", [f"ip{family}tables-legacy-restore"], LEGACY_EMPTY)
            self.legacy = False
