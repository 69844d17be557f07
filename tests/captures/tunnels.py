"""Tunnels: the outer destination is judged, then every level inside by the same rules; what cannot be read is inconclusive."""
import struct

from . import names
from .case import ANY, CLEAN, INCONCLUSIVE, VIOLATED, Case, Find
from .packets import connection, ether, other, tcp, udp
from .world import GATEWAY, NODE, NODE2, NODE6, NODE62, OUT, OUT2, OUT6, OUTSIDE_NAME, POD, POD2, POD6, POD62, SERVER, VLLM

LEAK, LEAK6, INSIDE, INSIDE6 = tcp(POD, OUT, 443), tcp(POD6, OUT6, 443), tcp(POD, POD2, 443), tcp(POD6, POD62, 443)
INNER, INNER6 = Find("AT-A030", OUT, 443), Find("AT-A030", OUT6, 443)


def family(packet):
    return 6 if packet[0] >> 4 == 6 else 4


def ether_type(packet):
    return 0x86dd if family(packet) == 6 else 0x0800


def ipip(packet, source=NODE, destination=NODE2):
    return other(source, destination, 41 if family(packet) == 6 else 4, packet)


def gre(packet, source=NODE, destination=NODE2, flags=0, fields=b"", protocol=None):
    return other(source, destination, 47, struct.pack(">HH", flags, protocol or ether_type(packet)) + fields + packet)


def vxlan(packet, source=NODE, destination=NODE2, port=4789, vni=42):
    return udp(source, destination, port, struct.pack(">II", 0x08000000, vni << 8) + ether(packet))


def geneve(packet, source=NODE, destination=NODE2, options=b""):
    return udp(source, destination, 6081, struct.pack(">BBHI", len(options) // 4, 0, 0x6558, 42 << 8) + options + ether(packet))


def gtp(packet, source=NODE, destination=NODE2, extended=False):
    body = (b"\0\x01\0\x85" + b"\x01\0\x09\0" if extended else b"") + packet
    return udp(source, destination, 2152, struct.pack(">BBHI", 0x34 if extended else 0x30, 0xff, len(body), 1) + body, sport=2152)


def teredo(packet, source=NODE, destination=NODE2, head=b""):
    return udp(source, destination, 3544, head + packet)


def mpls_over_udp(packet):
    return udp(NODE, NODE2, 6635, struct.pack(">I", 100 << 12 | 1 << 8 | 64) + packet)


def nested(depth, packet):
    """`packet` is the innermost of `depth` IP headers."""
    for _ in range(depth - 1):
        packet = ipip(packet)
    return packet


def wireguard(destination, port=51820):
    handshake = struct.pack("<BxxxI", 1, 7) + bytes(range(140))
    data = struct.pack("<BxxxIQ", 4, 7, 0) + b"\x5a" * 64
    return [ether(udp(NODE, destination, port, handshake, sport=51820)), ether(udp(NODE, destination, port, data, sport=51820))]


ESP = b"\0\0\0\x07\0\0\0\x01" + b"\x5a" * 64
OPENVPN = b"\x38" + bytes(range(8)) + b"\0" + b"\0\0\0\0"  # P_CONTROL_HARD_RESET_CLIENT_V2
L2TP = struct.pack(">HHHH", 0x4002, 60, 1, 1) + b"\xff\x03\xc0\x21" + b"\x5a" * 48
L2TP3 = struct.pack(">I", 77) + b"\x5a" * 60
PPTP = struct.pack(">HHHHI", 0x3001, 0x880b, 40, 1, 1) + b"\x5a" * 40
SSTP_PEER = Find("AT-A012", SERVER, ANY)
OPAQUE = Find("AT-A031", SERVER, ANY)

KINDS = (("GRE", gre), ("VXLAN", vxlan), ("VXLAN on 8472", lambda packet: vxlan(packet, port=8472)), ("GENEVE", geneve), ("GTP-U", gtp))

CASES = [
    *(Case(f"{name} with an outside level", [ether(make(LEAK))], VIOLATED, (INNER,)) for name, make in KINDS),
    *(Case(f"{name} with an outside level of IPv6", [ether(make(LEAK6))], VIOLATED, (INNER6,)) for name, make in KINDS),
    *(Case(f"{name} with inside levels", [ether(make(INSIDE)), ether(make(INSIDE6))]) for name, make in KINDS),
    Case("IP in IP with an outside level", [ether(ipip(LEAK))], VIOLATED, (Find("AT-A030", OUT, 443, source=POD),)),
    Case("IP in IP with inside levels", [ether(ipip(INSIDE))]),
    Case("6in4 with an outside level", [ether(ipip(LEAK6))], VIOLATED, (INNER6,)),
    Case("6in4 with inside levels", [ether(ipip(INSIDE6))]),
    Case("4in6 with an outside level", [ether(ipip(LEAK, NODE6, NODE62))], VIOLATED, (INNER,)),
    Case("6in6 with an outside level", [ether(ipip(LEAK6, NODE6, NODE62))], VIOLATED, (INNER6,)),
    Case("ISATAP with an outside level", [ether(ipip(tcp("fd00:10::5efe:10.10.0.5", OUT6, 443)))], VIOLATED, (INNER6,),
         maybe=(Find("AT-A015", ANY, ANY),)),
    Case("6to4 relay", [ether(ipip(tcp("2002:a0a:5::1", OUT6, 443), NODE, "192.88.99.1"))], VIOLATED, (Find("AT-A001", "192.88.99.1", None),),
         maybe=(INNER6,)),
    Case("6to4 to a named router", [ether(ipip(tcp("2002:a0a:5::1", "2002:cb00:710a::1", 443), NODE, OUT))], VIOLATED, (Find("AT-A001", OUT, None),),
         maybe=(Find("AT-A030", "2002:cb00:710a::1", 443),)),
    Case("Teredo with an outside level", [ether(teredo(LEAK6))], VIOLATED, (INNER6,)),
    Case("Teredo with an origin indication", [ether(teredo(LEAK6, head=b"\0\0\x63\xbf\x5f\x5f\xff\xfe"))], VIOLATED, (INNER6,)),
    Case("Teredo to outside", [ether(teredo(LEAK6, destination=OUT))], VIOLATED, (Find("AT-A001", OUT, 3544),), maybe=(INNER6,)),
    Case("GRE with key, checksum and sequence", [ether(gre(LEAK, flags=0xb000, fields=b"\0\0\0\0" + b"\0\0\0\x07" + b"\0\0\0\x01"))], VIOLATED, (INNER,)),
    Case("GRE with Ethernet inside", [ether(gre(ether(LEAK), protocol=0x6558))], VIOLATED, (INNER,)),
    Case("EtherIP with an outside level", [ether(other(NODE, NODE2, 97, b"\x30\0" + ether(LEAK)))], VIOLATED, (INNER,)),
    Case("GENEVE with options", [ether(geneve(LEAK, options=b"\x01\x02\x80\x01abcd"))], VIOLATED, (INNER,)),
    Case("GTP-U with extension headers", [ether(gtp(LEAK, extended=True))], VIOLATED, (INNER,)),
    Case("MPLS over UDP", [ether(mpls_over_udp(LEAK))], VIOLATED, (INNER,)),
    Case("MPLS in IP", [ether(other(NODE, NODE2, 137, struct.pack(">I", 100 << 12 | 1 << 8 | 64) + LEAK))], VIOLATED, (INNER,)),
    Case("VXLAN of IPv6 outside, outside level", [ether(vxlan(LEAK, NODE6, NODE62))], VIOLATED, (INNER,)),
    Case("tunnel to outside with inside levels", [ether(vxlan(INSIDE, destination=OUT))], VIOLATED, (Find("AT-A001", OUT, 4789),)),
    Case("tunnel to outside with another outside level", [ether(ipip(tcp(POD, OUT2, 443), NODE, OUT))], VIOLATED, (Find("AT-A001", OUT, None),),
         maybe=(Find("AT-A030", OUT2, 443),)),
    Case("tunnel to an undeclared inside peer", [ether(gre(INSIDE, destination=SERVER))], CLEAN, (Find("AT-A012", SERVER, None),)),
    Case("outside level to an undeclared inside peer", [ether(gre(LEAK, destination=SERVER))], VIOLATED, (Find("AT-A012", SERVER, None), INNER)),
    Case("undeclared inside level", [ether(vxlan(tcp(POD, SERVER, 22), port=8472))], CLEAN, (Find("AT-A012", SERVER, 22),)),
    Case("name in a tunnel", [ether(vxlan(one, port=8472)) for one in connection(POD, GATEWAY, 443, [names.tls(OUTSIDE_NAME)])], VIOLATED,
         (Find("AT-A024", GATEWAY, 443, OUTSIDE_NAME),)),
    Case("tag and outside level within VXLAN", [ether(udp(NODE, NODE2, 4789, struct.pack(">II", 0x08000000, 0x100) + ether(b"\0\x07\x08\0" + LEAK, 0x8100)))],
         VIOLATED, (INNER,), maybe=(Find("AT-A011", ANY, ANY),)),

    # --- tunnels within tunnels
    Case("VXLAN in GRE in IP in IP", [ether(ipip(gre(vxlan(LEAK))))], VIOLATED, (INNER,)),
    Case("GENEVE in 4in6 in VXLAN", [ether(vxlan(ipip(geneve(LEAK6), NODE6, NODE62)))], VIOLATED, (INNER6,)),
    Case("three kinds, all inside", [ether(ipip(gre(vxlan(INSIDE))))]),
    Case("eight levels inside", [ether(nested(8, INSIDE))]),
    Case("eight levels, the last outside", [ether(nested(8, LEAK))], VIOLATED, (INNER,)),
    Case("nine levels inside", [ether(nested(9, INSIDE))], INCONCLUSIVE, (Find("AT-A032", ANY, ANY),)),
    Case("nine levels, the last outside", [ether(nested(9, LEAK))], INCONCLUSIVE, (Find("AT-A032", ANY, ANY),)),
    Case("thirty levels", [ether(nested(30, LEAK))], INCONCLUSIVE, (Find("AT-A032", ANY, ANY),)),
    Case("an inner header that is cut", [ether(ipip(LEAK[:15]))], INCONCLUSIVE, (Find(("AT-A050", "AT-A051"), ANY, ANY),)),

    # --- what cannot be read
    Case("WireGuard, declared", wireguard(NODE2)),
    Case("WireGuard to an undeclared peer", wireguard(SERVER), INCONCLUSIVE, (OPAQUE, SSTP_PEER)),
    Case("WireGuard to outside", wireguard(OUT), VIOLATED, (Find("AT-A001", OUT, 51820),), maybe=(Find("AT-A031", OUT, 51820),)),
    Case("WireGuard on another port", wireguard(SERVER, 4500 + 97), INCONCLUSIVE, (OPAQUE, SSTP_PEER)),
    Case("ESP to an undeclared peer", [ether(other(NODE, SERVER, 50, ESP))], INCONCLUSIVE, (OPAQUE, SSTP_PEER)),
    Case("ESP in UDP to an undeclared peer", [ether(udp(NODE, SERVER, 4500, ESP, sport=4500))], INCONCLUSIVE, (OPAQUE, SSTP_PEER)),
    Case("OpenVPN to an undeclared peer", [ether(udp(NODE, SERVER, 1194, OPENVPN))], INCONCLUSIVE, (OPAQUE, SSTP_PEER)),
    Case("L2TP to an undeclared peer", [ether(udp(NODE, SERVER, 1701, L2TP, sport=1701))], INCONCLUSIVE, (OPAQUE, SSTP_PEER)),
    Case("L2TPv3 to an undeclared peer", [ether(other(NODE, SERVER, 115, L2TP3))], INCONCLUSIVE, (OPAQUE, SSTP_PEER)),
    Case("PPTP to an undeclared peer", [ether(other(NODE, SERVER, 47, PPTP))], INCONCLUSIVE, (OPAQUE, SSTP_PEER)),
]
