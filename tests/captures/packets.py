"""Packets: scapy for what it has layers for, bytes for what nobody would send in earnest. Every field that matters is given."""
import ipaddress
import logging
import struct

logging.getLogger("scapy").setLevel(logging.ERROR)

from scapy.layers.inet import ICMP, IP, TCP, UDP
from scapy.layers.inet6 import IPv6
from scapy.layers.l2 import ARP, Ether
from scapy.layers.sctp import SCTP, SCTPChunkInit
from scapy.packet import Raw

POD_MAC, GATEWAY_MAC = "02:00:0a:2a:00:4d", "02:00:0a:0a:00:01"


def raw(packet):
    return packet if isinstance(packet, bytes) else bytes(packet)


def pack(address):
    return ipaddress.ip_address(address).packed


def l3(source, destination, **fields):
    """An IP header of the family of the addresses; `ttl` and `proto` go by these names for both."""
    if ":" in source:
        names = {"ttl": "hlim", "proto": "nh"}
        return IPv6(src=source, dst=destination, **{names.get(key, key): value for key, value in fields.items()})
    return IP(src=source, dst=destination, **{"id": 4711, **fields})


def ether(packet, kind=None, source=POD_MAC, destination=GATEWAY_MAC):
    body = raw(packet)
    if kind is None:
        kind = 0x86dd if body[:1] and body[0] >> 4 == 6 else 0x0800
    return raw(Ether(src=source, dst=destination, type=kind)) + body


def tcp(source, destination, port, data=b"", flags="S", sport=40000, seq=1000, ack=0, **ip):
    return raw(l3(source, destination, **ip) / TCP(sport=sport, dport=port, flags=flags, seq=seq, ack=ack) / Raw(data))


def udp(source, destination, port, data=b"\0" * 12, sport=40000, **ip):
    return raw(l3(source, destination, **ip) / UDP(sport=sport, dport=port) / Raw(data))


def other(source, destination, protocol, data=b"\0" * 16, **ip):
    """A packet of any IP protocol by its number; no checksum is made."""
    return raw(l3(source, destination, proto=protocol, **ip) / Raw(data))


def icmp(source, destination, kind=8, code=0, data=b"\0" * 8, **ip):
    return raw(l3(source, destination, **ip) / ICMP(type=kind, code=code) / Raw(data))


def icmp6(source, destination, message, ttl=64, extension=b""):
    """`message` without its checksum; `extension` is a whole hop-by-hop header whose next header is set here."""
    total = len(message)
    pseudo = pack(source) + pack(destination) + struct.pack(">II", total, 58)
    filled = message[:2] + struct.pack(">H", checksum(pseudo + message[:2] + b"\0\0" + message[4:])) + message[4:]
    if extension:
        return ip6(source, destination, 0, b"\x3a" + extension[1:] + filled, ttl)
    return ip6(source, destination, 58, filled, ttl)


def ip6(source, destination, following, body, ttl=64, length=None):
    return struct.pack(">IHBB", 6 << 28, len(body) if length is None else length, following, ttl) + pack(source) + pack(destination) + body


def ip4(source, destination, protocol, body, options=b"", ttl=64, ident=4711, flags=0, offset=0, length=None):
    """`offset` in bytes; flags: 1 more fragments, 2 don't fragment, as three bits."""
    words = 5 + len(options) // 4
    total = 20 + len(options) + len(body) if length is None else length
    head = struct.pack(">BBHHHBBH", 4 << 4 | words, 0, total, ident, flags << 13 | offset // 8, ttl, protocol, 0)
    head += pack(source) + pack(destination) + options
    return head[:10] + struct.pack(">H", checksum(head)) + head[12:] + body


def checksum(data):
    data += b"\0" * (len(data) % 2)
    total = sum(struct.unpack(f">{len(data) // 2}H", data))
    while total >> 16:
        total = (total & 0xffff) + (total >> 16)
    return ~total & 0xffff


def fragments4(packet, size, ident=77):
    """An IPv4 packet without options, cut into fragments of `size` bytes of payload."""
    body, source, destination = packet[20:], ipaddress.ip_address(packet[12:16]), ipaddress.ip_address(packet[16:20])
    return [ip4(str(source), str(destination), packet[9], body[at:at + size], ident=ident, offset=at,
                flags=1 if at + size < len(body) else 0) for at in range(0, len(body), size)]


def fragment6(source, destination, protocol, body, offset, more, ident=77):
    head = struct.pack(">BBHI", protocol, 0, offset | (1 if more else 0), ident)
    return ip6(source, destination, 44, head + body)


def connection(source, destination, port, segments, sport=40000, isn=1000, replies=()):
    """A TCP connection from its handshake: `segments` are (offset in the client's stream, bytes) or bytes that follow one another."""
    out = [tcp(source, destination, port, sport=sport, seq=isn),
           tcp(destination, source, sport, flags="SA", sport=port, seq=9000, ack=isn + 1),
           tcp(source, destination, port, flags="A", sport=sport, seq=isn + 1, ack=9001)]
    at = 0
    for segment in segments:
        if isinstance(segment, tuple):
            at, segment = segment
        out.append(tcp(source, destination, port, segment, flags="PA", sport=sport, seq=(isn + 1 + at) % 2**32, ack=9001))
        at += len(segment)
    back = 0
    for reply in replies:
        out.append(tcp(destination, source, sport, reply, flags="PA", sport=port, seq=9001 + back, ack=isn + 1 + at))
        back += len(reply)
    return out


def arp(operation=1, source="10.10.0.5", target="10.10.0.1", **fields):
    return raw(ARP(op=operation, hwsrc=POD_MAC, psrc=source, hwdst="00:00:00:00:00:00", pdst=target, **fields))


def tagged(packet, tags, outer=0x8100):
    """An Ethernet frame with VLAN tags put before what it carries; `outer` is the type of all but the last."""
    frame = raw(packet)
    tower = b""
    for index, tag in enumerate(tags):
        tower += struct.pack(">HH", outer if index + 1 < len(tags) else 0x8100, tag)
    return frame[:12] + tower + frame[12:]


def cooked1(packet, kind=4, protocol=0x0800):
    """Linux cooked, version 1; kind: 0 to us, 1 broadcast, 4 sent by us."""
    return struct.pack(">HHH8sH", kind, 1, 6, bytes.fromhex(POD_MAC.replace(":", "")), protocol) + packet


def cooked2(packet, kind=4, protocol=0x0800, interface=2):
    return struct.pack(">HHIHBB8s", protocol, 0, interface, 1, kind, 6, bytes.fromhex(POD_MAC.replace(":", ""))) + packet
