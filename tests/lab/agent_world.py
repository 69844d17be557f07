"""The world of the agent's lab: a node between its pod and a router inside, behind which a play internet lies.

  pod ---- node ==== inside ---- internet           addresses as in lab.sh; documentation addresses play the internet
    vethpod   eth0  lan0                             the uplink is eth0; lan0 is recorded: what is there has left the node

Namespaces have names (`ip netns exec` gives each command its own /sys) and no route out; they end with the world.
"""
import contextlib
import ctypes
import dataclasses
import ipaddress
import itertools
import os
import socket
import struct
import subprocess
import threading
import time

import frames

CLONE_NEWNET = 0x40000000
SO_RCVBUFFORCE = 33
IPV6_HDRINCL = 36
SPACES = ("pod", "node", "inside", "internet")
# What lab.yaml calls inside, written down again: the recorder must not believe the program that it checks.
INSIDE = [ipaddress.ip_network(n) for n in (
    "10.42.0.0/16", "10.43.0.0/16", "10.10.0.0/24", "10.30.0.0/16", "10.20.0.10/32", "10.20.0.53/32", "127.0.0.0/8",
    "fd00:42::/56", "fd00:10::/64", "fd00:30::/64", "fd00:20::10/128", "::1/128")]
SENSOR_MAC = bytes.fromhex("026169727400")
SENSOR = {"192.0.2.254", "2001:db8::a1:7"}
ENFORCEMENT = {"192.0.2.253", "2001:db8::a1:8"}
MARK = 0x61697274
OUT4, OUT6, VLLM4, VLLM6, RESOLVER, ROUTER = "203.0.113.9", "2001:db8::9", "10.20.0.10", "fd00:20::10", "10.20.0.53", "10.10.0.1"

ADDRESSES = """\
node addr add 10.42.0.1/24 dev vethpod
node addr add fd00:42::1/64 dev vethpod nodad
pod addr add 10.42.0.2/24 dev eth0
pod addr add fd00:42::2/64 dev eth0 nodad
pod route add default via 10.42.0.1
pod route add default via fd00:42::1
inside addr add 10.10.0.1/24 dev lan0
inside addr add fd00:10::1/64 dev lan0 nodad
inside addr add 172.31.255.1/30 dev wan0
inside addr add fd00:ffff::1/64 dev wan0 nodad
inside addr add 10.20.0.10/32 dev lo
inside addr add 10.20.0.53/32 dev lo
inside addr add 10.30.0.5/32 dev lo
inside addr add fd00:20::10/128 dev lo nodad
inside addr add fd00:30::5/128 dev lo nodad
inside route add 10.42.0.0/16 via 10.10.0.2
inside route add default via 172.31.255.2
inside route add fd00:42::/56 via fd00:10::2
inside route add default via fd00:ffff::2
internet addr add 172.31.255.2/30 dev eth0
internet addr add fd00:ffff::2/64 dev eth0 nodad
internet addr add 203.0.113.9/32 dev lo
internet addr add 2001:db8::9/128 dev lo nodad
internet route add default via 172.31.255.1
internet route add default via fd00:ffff::1
"""
UPLINK = """\
node link set {0} up
node addr replace 10.10.0.2/24 dev {0}
node addr replace fd00:10::2/64 dev {0} nodad
node route replace default via 10.10.0.1 dev {0}
node route replace default via fd00:10::1 dev {0}
"""

libc = ctypes.CDLL(None, use_errno=True)
numbers = itertools.count()


def usable():
    """Why no such world can be made here; empty if it can."""
    if os.geteuid() != 0:
        return "needs root for network namespaces"
    name = f"ala{os.getpid()}"
    for command in (["ip", "netns", "add", name], ["ip", "netns", "del", name], ["nft", "--version"]):
        try:
            if subprocess.run(command, capture_output=True, check=False).returncode:
                return "this machine makes no network namespaces"
        except FileNotFoundError:
            return f"needs {command[0]}"
    return ""


def sweep(owner):
    """Removes what worlds of a process that is gone left behind."""
    listed = subprocess.run(["ip", "netns", "list"], capture_output=True, text=True, check=False).stdout
    for line in listed.splitlines():
        name = line.split(" ")[0]
        if name.startswith(f"ala{owner}-"):
            end_space(name)


def end_space(name):
    pids = subprocess.run(["ip", "netns", "pids", name], capture_output=True, text=True, check=False).stdout
    for pid in pids.split():
        with contextlib.suppress(ProcessLookupError):
            os.kill(int(pid), 9)
    subprocess.run(["ip", "netns", "del", name], capture_output=True, check=False)


@dataclasses.dataclass(frozen=True)
class Seen:
    """A frame that left the node."""
    time: float
    octets: bytes  # the first of them; a tag that the kernel took off is there again
    length: int
    destination: str  # IP address behind any 802.1Q tag; empty where there is none
    protocol: int
    tagged: bool

    @property
    def sensor(self):
        return self.octets[:6] == SENSOR_MAC and self.destination in SENSOR

    @property
    def canary(self):
        return self.destination in ENFORCEMENT

    @property
    def outside(self):
        if not self.destination:
            return False
        where = ipaddress.ip_address(self.destination)
        link = where.is_link_local or where.is_multicast
        return not link and not any(where in net for net in INSIDE if net.version == where.version)


def read_frame(when, octets, length, tag):
    if tag is not None:
        octets = octets[:12] + struct.pack("!HH", 0x8100, tag) + octets[12:]
    at, tagged = 12, False
    kind = octets[at:at + 2]
    while kind in (b"\x81\x00", b"\x88\xa8"):
        at, tagged = at + 4, True
        kind = octets[at:at + 2]
    at += 2
    destination, protocol = "", -1
    if kind == b"\x08\x00" and len(octets) >= at + 20:
        destination, protocol = str(ipaddress.ip_address(octets[at + 16:at + 20])), octets[at + 9]
    elif kind == b"\x86\xdd" and len(octets) >= at + 40:
        destination, protocol = str(ipaddress.ip_address(octets[at + 24:at + 40])), octets[at + 6]
    return Seen(when, octets, length, destination, protocol, tagged)


class Recorder:
    """Every frame that comes out of a device's other end, by a socket of its own."""

    def __init__(self, device):
        self.socket = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(frames.ETH_P_ALL))
        self.socket.setsockopt(socket.SOL_SOCKET, SO_RCVBUFFORCE, 32 << 20)
        self.socket.setsockopt(frames.SOL_PACKET, frames.PACKET_AUXDATA, 1)
        self.socket.bind((device, frames.ETH_P_ALL))
        self.socket.settimeout(0.1)
        self.seen = []
        self.ending = False
        self.thread = threading.Thread(target=self.record, daemon=True)
        self.thread.start()

    def record(self):
        while not self.ending:
            try:
                octets, extra, _, where = self.socket.recvmsg(400, 256)
            except TimeoutError:
                continue
            except OSError:
                return
            if where[2] == frames.PACKET_OUTGOING:
                continue
            tag, length = None, len(octets)
            for level, name, data in extra:
                if level == frames.SOL_PACKET and name == frames.PACKET_AUXDATA:
                    status, length, _, _, _, tci, _ = struct.unpack("IIIHHHH", data[:20])
                    tag = tci if status & 0x10 else None
            self.seen.append(read_frame(time.time(), octets, length, tag))

    def close(self):
        self.ending = True
        self.thread.join()
        self.socket.close()


class World:
    def __init__(self, firewall=None, record=True):
        """`firewall`: the folder of apply.sh; without one the node holds nothing back."""
        self.prefix = f"ala{os.getpid()}-{next(numbers)}"
        self.home = os.open("/proc/self/ns/net", os.O_RDONLY)
        self.open = {}
        self.recorder = None
        self.firewall = firewall
        try:
            self.build(record)
        except BaseException:
            self.close()
            raise

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def space(self, name):
        return f"{self.prefix}-{name}"

    @contextlib.contextmanager
    def inside(self, name):
        """The calling thread is in the namespace; sockets that it makes there stay there."""
        if libc.setns(self.open[name], CLONE_NEWNET):
            raise OSError(ctypes.get_errno(), "setns")
        try:
            yield
        finally:
            if libc.setns(self.home, CLONE_NEWNET):
                raise OSError(ctypes.get_errno(), "setns")

    def command(self, name, *words):
        return ["ip", "netns", "exec", self.space(name), *map(str, words)]

    def run(self, name, *words, text=None):
        """Standard output; what a failing command says is the error."""
        done = subprocess.run(self.command(name, *words), input=text, capture_output=True, text=True, timeout=60, check=False)
        if done.returncode:
            raise RuntimeError(f"{' '.join(map(str, words))}: {done.stderr.strip() or done.returncode}")
        return done.stdout

    def ip(self, lines):
        """Lines "SPACE ARGUMENTS OF ip", a batch for each space."""
        batches = {}
        for line in lines.splitlines():
            name, rest = line.split(" ", 1)
            batches.setdefault(name, []).append(rest)
        for name, batch in batches.items():
            done = subprocess.run(["ip", "-n", self.space(name), "-batch", "-"], input="\n".join(batch) + "\n", capture_output=True, text=True, check=False)
            if done.returncode:
                raise RuntimeError(f"ip in {name}: {done.stderr.strip()}")

    def setting(self, name, path, value):
        with self.inside(name), open("/proc/sys/net/" + path, "w", encoding="ascii") as file:
            file.write(value)

    def build(self, record):
        for name in SPACES:
            subprocess.run(["ip", "netns", "add", self.space(name)], check=True)
            self.open[name] = os.open(f"/run/netns/{self.space(name)}", os.O_RDONLY)
            for key in ("accept_dad", "accept_ra"):
                for device in ("all", "default"):
                    self.setting(name, f"ipv6/conf/{device}/{key}", "0")
        for name in ("node", "inside"):
            self.setting(name, "ipv4/ip_forward", "1")
            self.setting(name, "ipv6/conf/all/forwarding", "1")
        self.ip("".join(f"{name} link set lo up\n" for name in SPACES))
        self.link("pod", "eth0", "node", "vethpod")
        self.link("node", "eth0", "inside", "lan0")
        self.link("inside", "wan0", "internet", "eth0")
        self.uplink("eth0")
        self.ip(ADDRESSES)
        if self.firewall:
            self.seal()
        if record:
            with self.inside("inside"):
                self.recorder = Recorder("lan0")

    def link(self, one, device, other, peer):
        subprocess.run(["ip", "link", "add", device, "netns", self.space(one), "type", "veth", "peer", "name", peer, "netns", self.space(other)], check=True)
        self.ip(f"{one} link set {device} up\n{other} link set {peer} up\n")

    def uplink(self, device):
        """Addresses and routes of the uplink, again after it was down or renamed."""
        self.ip(UPLINK.format(device))

    def seal(self):
        self.run("node", "sh", f"{self.firewall}/apply.sh", "--state", f"/run/{self.prefix}")

    def unseal(self):
        self.run("node", "nft", "-f", "-", text="delete table inet airtight; delete table netdev airtight_egress")

    def nft(self, text):
        self.run("node", "nft", "-f", "-", text=text)

    def close(self):
        if self.recorder:
            self.recorder.close()
        for descriptor in self.open.values():
            os.close(descriptor)
        self.open = {}
        for name in SPACES:
            end_space(self.space(name))
        subprocess.run(["rm", "-rf", f"/run/{self.prefix}"], check=False)
        os.close(self.home)

    # --- traffic

    def raw(self, name, device, *texts):
        """Frames as frames.py reads them; how many the kernel took."""
        return sum(self.octets(name, device, text) for text in texts)

    def octets(self, name, device, frame, mark=0, bypass=False, count=1):
        """A frame as text of frames.py, or whole as octets, `count` times; how many the kernel took."""
        with self.inside(name):
            sender = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, 0)
        with sender:
            sender.bind((device, 0))
            if isinstance(frame, str):
                words, frame = frames.build(frame, sender.getsockname()[4])
                mark, bypass, count = int(words.get("mark", "0"), 0), words.get("bypass") == "1", int(words.get("count", "1"))
            if mark:
                sender.setsockopt(socket.SOL_SOCKET, socket.SO_MARK, mark)
            if bypass:
                sender.setsockopt(frames.SOL_PACKET, frames.PACKET_QDISC_BYPASS, 1)
            taken = 0
            for _ in range(count):
                with contextlib.suppress(OSError):  # ENOBUFS: the egress hook dropped it
                    sender.sendto(frame, (device, frames.ETH_P_ALL))
                    taken += 1
        return taken

    def udp(self, name, address, port=9, payload=b"airtight-lab:udp;", mark=0, count=1):
        """A datagram as any program sends it; whether the kernel took it."""
        with self.inside(name):
            sender = socket.socket(socket.AF_INET6 if ":" in address else socket.AF_INET, socket.SOCK_DGRAM)
        with sender:
            if mark:
                sender.setsockopt(socket.SOL_SOCKET, socket.SO_MARK, mark)
            for _ in range(count):
                try:
                    sender.sendto(payload, (address, port))
                except OSError:
                    return False
        return True

    def echo_request(self, name, address):
        v6 = ":" in address
        with self.inside(name):
            sender = socket.socket(socket.AF_INET6 if v6 else socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_ICMPV6 if v6 else socket.IPPROTO_ICMP)
        with sender:
            head = struct.pack("!BBHHH", 128 if v6 else 8, 0, 0, 7, 1) + b"airtight-lab"
            if not v6:
                head = head[:2] + struct.pack("!H", frames.checksum(head)) + head[4:]
            sender.sendto(head, (address, 0))

    # --- what left

    def left(self):
        """The frames that left to the outside, sensor canaries apart."""
        return [seen for seen in list(self.recorder.seen) if seen.outside and not seen.sensor]

    def escaped(self):
        """The same without enforcement canaries: what the scenario itself sent."""
        return [seen for seen in self.left() if not seen.canary]

    def sensors(self):
        return [seen for seen in list(self.recorder.seen) if seen.sensor]
