"""Links: tags, undeclared EtherTypes, cooked and raw captures, and what the snap length left."""
import struct

from .case import ANY, CLEAN, INCONCLUSIVE, VIOLATED, Case, Find
from .files import COOKED1, COOKED2, ETHERNET, IPV4, IPV6, LOOP, NULL, RAW, Packet, cut
from .packets import arp, cooked1, cooked2, ether, tagged, tcp, udp
from .world import OUT, OUT6, POD, POD2, POD6, POD62, VLLM

TAG = Find("AT-A011", ANY, ANY)
TYPE = Find("AT-A010", ANY, ANY)
NO_PORT = (Find("AT-A050", ANY, ANY),)  # addresses suffice; that the ports are missing may be said besides
LEAK, INSIDE = tcp(POD, OUT, 443), tcp(POD, POD2, 443)
LLDP = b"\x02\x07\x04" + b"\x02\0\x0a\x2a\0\x4d" + b"\x04\x05\x05eth0" + b"\x06\x02\0\x78" + b"\0\0"
STP = b"\x42\x42\x03" + b"\0\0\0\0\0" + b"\x80\0" + b"\x02\0\x0a\x2a\0\x4d" + b"\0\0\0\0" + b"\x80\0" + b"\x02\0\x0a\x2a\0\x4d" + b"\x80\x01" + b"\0\0\x14\0\x02\0\x0f\0"


def mpls(packet, labels):
    stack = b"".join(struct.pack(">I", label << 12 | (1 << 8 if at == len(labels) - 1 else 0) | 64) for at, label in enumerate(labels))
    return ether(stack + packet, 0x8847)


def pppoe(packet, protocol=0x0021):
    return ether(struct.pack(">BBHHH", 0x11, 0, 17, len(packet) + 2, protocol) + packet, 0x8864)


def untyped(packet, destination="01:80:c2:00:00:00"):
    """802.3: a length in place of the type."""
    return ether(packet, len(packet), destination=destination) + b"\0" * max(0, 46 - len(packet))


def snap(packet, protocol):
    return untyped(b"\xaa\xaa\x03\0\0\0" + struct.pack(">H", protocol) + packet, "02:00:0a:0a:00:01")


def loopback(order, family):
    return struct.pack(order + "I", family)


def sniffed(length, packet=LEAK):
    return [cut(ether(packet), length)]


CASES = [
    # --- tags
    Case("one tag, undeclared", [tagged(ether(INSIDE), [7])], VIOLATED, (TAG,)),
    Case("one tag, undeclared, to outside", [tagged(ether(LEAK), [7])], VIOLATED, (TAG, Find("AT-A001", OUT, 443))),
    Case("priority tag of VLAN 0, undeclared", [tagged(ether(INSIDE), [0])], VIOLATED, (TAG,)),
    Case("one tag, declared", [tagged(ether(INSIDE), [7])], policy="l2"),
    Case("one tag, declared, to outside", [tagged(ether(LEAK), [7])], VIOLATED, (Find("AT-A001", OUT, 443),), policy="l2"),
    Case("two tags, declared", [tagged(ether(INSIDE), [7, 8], 0x88a8)], policy="l2"),
    Case("two tags, declared, to outside", [tagged(ether(LEAK), [7, 8], 0x88a8)], VIOLATED, (Find("AT-A001", OUT, 443),), policy="l2"),
    Case("fifteen tags, declared", [tagged(ether(INSIDE), range(1, 16))], policy="l2"),
    Case("fifteen tags, declared, to outside", [tagged(ether(LEAK), range(1, 16))], VIOLATED, (Find("AT-A001", OUT, 443),), policy="l2"),
    Case("forty tags, declared", [tagged(ether(INSIDE), range(1, 41))], INCONCLUSIVE, (Find(("AT-A032", "AT-A051"), ANY, ANY),), policy="l2"),
    Case("forty tags, undeclared", [tagged(ether(LEAK), range(1, 41))], VIOLATED, (TAG,), maybe=(Find(("AT-A032", "AT-A051"), ANY, ANY),)),
    Case("tagged ARP, declared", [tagged(ether(arp(), 0x0806), [7])], policy="l2"),
    Case("tag with the old type 0x9100, to outside", [ether(b"\0\x07\x08\0" + LEAK, 0x9100)], VIOLATED, (Find(("AT-A010", "AT-A011"), ANY, ANY),),
         maybe=(Find("AT-A001", OUT, 443),)),

    # --- EtherTypes
    Case("undeclared EtherType", [ether(b"x" * 50, 0x88b5)], VIOLATED, (Find("AT-A010", None, None, protocol="ethertype 0x88b5"),)),
    Case("IPX", [ether(b"\xff" * 50, 0x8137)], VIOLATED, (TYPE,)),
    Case("LLDP, undeclared", [ether(LLDP, 0x88cc, destination="01:80:c2:00:00:0e")], VIOLATED, (TYPE,)),
    Case("LLDP, declared", [ether(LLDP, 0x88cc, destination="01:80:c2:00:00:0e")], policy="l2"),
    Case("LLC of a spanning tree", [untyped(STP)], VIOLATED, (TYPE,)),
    Case("MACsec", [ether(b"\x2c\0\0\0\0\x01" + b"\x5a" * 60, 0x88e5)], VIOLATED, (TYPE,), maybe=(Find("AT-A031", ANY, ANY),)),
    Case("MPLS to inside", [mpls(INSIDE, [100])], VIOLATED, (TYPE,)),
    Case("MPLS to outside", [mpls(LEAK, [100, 200, 300])], VIOLATED, (TYPE, Find("AT-A001", OUT, 443))),
    Case("PPPoE to outside", [pppoe(LEAK)], VIOLATED, (TYPE, Find("AT-A001", OUT, 443))),
    Case("PPPoE to inside", [pppoe(INSIDE)], VIOLATED, (TYPE,)),
    Case("PPPoE discovery", [ether(b"\x11\x09\0\0\0\x04\x01\x01\0\0" + b"\0" * 36, 0x8863)], VIOLATED, (TYPE,)),
    # What SNAP carries is IP by another envelope; whether that envelope is itself undeclared is open.
    Case("IP in SNAP to outside", [snap(LEAK, 0x0800)], VIOLATED, (Find(("AT-A001", "AT-A010"), ANY, ANY),), maybe=(Find(("AT-A001", "AT-A010"), ANY, ANY),)),
    Case("unknown type in SNAP", [snap(b"x" * 40, 0x88b5)], VIOLATED, (TYPE,)),
    Case("EtherType 0x0600", [ether(b"x" * 50, 0x0600)], VIOLATED, (TYPE,)),
    Case("IPv6 type over an IPv4 packet", [ether(LEAK, 0x86dd)], (VIOLATED, INCONCLUSIVE), (Find(("AT-A001", "AT-A051"), ANY, ANY),)),
    Case("IPv4 type over an IPv6 packet", [ether(tcp(POD6, OUT6, 443), 0x0800)], (VIOLATED, INCONCLUSIVE),
         (Find(("AT-A001", "AT-A051"), ANY, ANY),)),
    Case("padding of a short frame", [ether(udp(POD, POD2, 9, b"x")) + b"\0" * 17]),
    Case("ARP", [ether(arp(), 0x0806, destination="ff:ff:ff:ff:ff:ff"), ether(arp(2), 0x0806)]),
    Case("ARP with padding", [ether(arp(), 0x0806) + b"\0" * 18]),
    # What an ARP frame that is none does to the verdict is open, but it is not clean.
    Case("ARP that carries data", [ether(arp(), 0x0806) + b"secret data of some kind here"], (VIOLATED, INCONCLUSIVE), (Find("AT-A053", ANY, ANY),)),
    Case("ARP of another hardware", [ether(arp(hwtype=6), 0x0806)], (VIOLATED, INCONCLUSIVE), (Find("AT-A053", ANY, ANY),)),
    Case("ARP operation 9", [ether(arp(9), 0x0806)], (VIOLATED, INCONCLUSIVE), (Find("AT-A053", ANY, ANY),)),

    # --- cooked, raw, loopback
    Case("cooked v1, sent", [cooked1(LEAK)], VIOLATED, (Find("AT-A001", OUT, 443),), interfaces=(("", COOKED1),)),
    Case("cooked v1, received for outside", [cooked1(LEAK, 0)], CLEAN, (Find("AT-A014", OUT, 443),), interfaces=(("", COOKED1),)),
    Case("cooked v1, inside", [cooked1(INSIDE)], interfaces=(("", COOKED1),)),
    Case("cooked v1, IPv6", [cooked1(tcp(POD6, OUT6, 443), protocol=0x86dd)], VIOLATED, (Find("AT-A001", OUT6, 443),), interfaces=(("", COOKED1),)),
    Case("cooked v1, tagged, to outside", [cooked1(b"\0\x07\x08\0" + LEAK, protocol=0x8100)], VIOLATED, (Find("AT-A001", OUT, 443),), maybe=(TAG,),
         interfaces=(("", COOKED1),)),
    Case("cooked v1, undeclared type", [cooked1(b"x" * 40, protocol=0x88b5)], VIOLATED, (TYPE,), interfaces=(("", COOKED1),)),
    Case("cooked v2, sent", [cooked2(LEAK)], VIOLATED, (Find("AT-A001", OUT, 443),), interfaces=(("", COOKED2),)),
    Case("cooked v2, received for outside", [cooked2(LEAK, 0)], CLEAN, (Find("AT-A014", OUT, 443),), interfaces=(("", COOKED2),)),
    Case("cooked v2, inside", [cooked2(INSIDE)], interfaces=(("", COOKED2),)),
    Case("R45 the tag where it belongs", [cooked2(b"\0\x64\x08\0" + tcp("10.42.0.9", "203.0.113.7", 444), protocol=0x8100)], VIOLATED,
         (Find(("AT-A001", "AT-A003"), "203.0.113.7", 444),), maybe=(TAG,), interfaces=(("", COOKED2),)),
    Case("R45 the tag in place of the type", [cooked2(b"\x08\0" + tcp("10.42.0.9", "203.0.113.7", 444), protocol=0x0064)], (VIOLATED, INCONCLUSIVE),
         (Find(("AT-A001", "AT-A003", "AT-A050", "AT-A051", "AT-A052"), ANY, ANY),), maybe=(TAG,), interfaces=(("", COOKED2),)),
    Case("raw IP", [LEAK, INSIDE, tcp(POD6, POD62, 443)], VIOLATED, (Find("AT-A001", OUT, 443),), interfaces=(("", RAW),)),
    Case("raw IP of version 7", [b"\x75" + LEAK[1:]], INCONCLUSIVE, (Find("AT-A051", ANY, ANY),), interfaces=(("", RAW),)),
    Case("raw IPv4", [LEAK], VIOLATED, (Find("AT-A001", OUT, 443),), interfaces=(("", IPV4),)),
    Case("raw IPv6", [tcp(POD6, OUT6, 443)], VIOLATED, (Find("AT-A001", OUT6, 443),), interfaces=(("", IPV6),)),
    Case("null, little-endian", [loopback("<", 2) + LEAK], VIOLATED, (Find("AT-A001", OUT, 443),), interfaces=(("", NULL),)),
    Case("null, big-endian", [loopback(">", 2) + LEAK], VIOLATED, (Find("AT-A001", OUT, 443),), interfaces=(("", NULL),)),
    Case("null, IPv6 of three systems", [loopback("<", family) + tcp(POD6, OUT6, 443) for family in (24, 28, 30)], VIOLATED,
         (Find("AT-A001", OUT6, 443, packets=3),), interfaces=(("", NULL),)),
    Case("loop", [loopback(">", 2) + LEAK], VIOLATED, (Find("AT-A001", OUT, 443),), interfaces=(("", LOOP),)),
    Case("link type that nobody reads", [b"\0" * 40], INCONCLUSIVE, (Find("AT-A052", ANY, ANY),), interfaces=(("", 127),)),

    # --- the snap length
    Case("cut at 6: not even the type", sniffed(6), INCONCLUSIVE, (Find("AT-A050", ANY, ANY),)),
    Case("cut at 14: no IP header", sniffed(14), INCONCLUSIVE, (Find("AT-A050", ANY, ANY),)),
    Case("cut at 20: no addresses", sniffed(20), INCONCLUSIVE, (Find("AT-A050", ANY, ANY),)),
    Case("cut at 33: a byte short of the addresses", sniffed(33), INCONCLUSIVE, (Find("AT-A050", ANY, ANY),)),
    Case("cut at 34: addresses and no port", sniffed(34), VIOLATED, (Find("AT-A001", OUT, None),), maybe=NO_PORT),
    Case("cut at 37: half a port", sniffed(37), VIOLATED, (Find("AT-A001", OUT, None),), maybe=NO_PORT),
    Case("cut at 38: ports", sniffed(38), VIOLATED, (Find("AT-A001", OUT, ANY),)),
    Case("cut at 53: a byte short of the TCP header", sniffed(53), VIOLATED, (Find("AT-A001", OUT, 443),)),
    Case("cut at 54: the TCP header", [cut(ether(tcp(POD, OUT, 443, b"x" * 100, flags="PA")), 54)], VIOLATED, (Find("AT-A001", OUT, 443),)),
    Case("cut payload inside", [cut(ether(tcp(POD, VLLM, 8000, b"x" * 100, flags="PA")), 54)]),
    # Pod to pod is inside whatever the ports are; whether such a packet is also undecodable is open.
    Case("cut at 34 inside", sniffed(34, INSIDE), (CLEAN, INCONCLUSIVE), maybe=(Find("AT-A050", ANY, ANY),)),
    Case("cut at 53, IPv6: a byte short of the addresses", sniffed(53, tcp(POD6, OUT6, 443)), INCONCLUSIVE, (Find("AT-A050", ANY, ANY),)),
    Case("cut at 54, IPv6: addresses and no port", sniffed(54, tcp(POD6, OUT6, 443)), VIOLATED, (Find("AT-A001", OUT6, None),), maybe=NO_PORT),
    Case("cut at 58, IPv6: ports", sniffed(58, udp(POD6, OUT6, 9999)), VIOLATED, (Find("AT-A001", OUT6, 9999),)),
    Case("empty frame", [Packet(b"", wire=60)], INCONCLUSIVE, (Find("AT-A050", ANY, ANY),)),
    Case("runt that nobody cut", [b"\x02\0\x0a\0\0\x01"], INCONCLUSIVE, (Find(("AT-A050", "AT-A051"), ANY, ANY),)),
    Case("IPv4 longer than the frame", [ether(LEAK[:2] + b"\x0f\xff" + LEAK[4:])], (VIOLATED, INCONCLUSIVE),
         (Find(("AT-A001", "AT-A050", "AT-A051"), ANY, ANY),), maybe=(Find("AT-A051", ANY, ANY),)),
    Case("IPv4 header of 12 bytes", [ether(b"\x43" + LEAK[1:])], INCONCLUSIVE, (Find("AT-A051", ANY, ANY),)),
    Case("an undecodable packet among clean ones", [ether(INSIDE), ether(b"\x43" + INSIDE[1:]), ether(INSIDE)], INCONCLUSIVE,
         (Find("AT-A051", ANY, ANY, packets=1),), also=lambda report: [] if report["undecoded"] == 1 else [f"undecoded {report['undecoded']}"]),
]
