"""Addresses alone: what leaves, what stays, exceptions, directions, and the pod's side of the same packets."""
import struct

from . import names
from .case import ANY, CLEAN, INCONCLUSIVE, VIOLATED, Case, Find
from .files import ETHERNET, Packet
from .packets import SCTP, Raw, SCTPChunkInit, connection, ether, icmp, icmp6, ip4, l3, other, raw, tcp, udp
from .world import (INSIDE_NAME, LAST, LATER, NODE, NODE2, NODE6, NODE_EXCEPTION, NOW, OFFICE, OUT, OUT2, OUT6, POD, POD2, POD6, POD62,
                    POD_EXCEPTION, SERVER, SERVER6, VLLM, VLLM6)

UPLINK, BOTH = (("eth0", ETHERNET),), (("veth1", ETHERNET), ("eth0", ETHERNET))
BINARY = b"\0\x01\x02\xff" * 8  # begins no protocol that holds names
DCCP_REQUEST = struct.pack(">HHBBHBBHI", 40000, 5001, 5, 0, 0, 0 << 1 | 1, 0, 0, 1) + struct.pack(">I", 0)
ECHO6 = b"\x80\0\0\0\0\x01\0\x01" + b"\0" * 8


def sctp(source, destination, port):
    return raw(l3(source, destination) / SCTP(sport=40000, dport=port) / SCTPChunkInit(init_tag=1))


def escapes(name, packet, dst, port, **more):
    return Case(f"escape {name}", [ether(packet)], VIOLATED, (Find("AT-A001", dst, port, packets=1, **more),))


def joined(report):
    """R01: both sights of the one escape."""
    sights = report["findings"][0]["pod_side"]
    wanted = [{"source": POD, "interface": "veth1", "packets": 1, "guessed": False}]
    return [] if sights == wanted else [f"pod_side {sights}"]


def quotes(destination):
    """An ICMP error about a packet to somewhere; the quotation was not sent here."""
    return icmp(NODE, POD, 3, 1, b"\0" * 4 + tcp(POD, destination, 443))


def seen(first, last):
    return lambda report: [] if (report["period"]["first"], report["period"]["last"]) == (first, last) else [f"{report['period']}"]


CASES = [
    escapes("TCP", tcp(POD, OUT, 443), OUT, 443, protocol="tcp", source=POD, bytes=54, first_seen="2026-11-20T12:00:00Z",
            last_seen="2026-11-20T12:00:00Z", role="uplink", effect="violated", catalogue=None, pod_side=[]),
    escapes("TCP of IPv6", tcp(POD6, OUT6, 443), OUT6, 443, protocol="tcp", source=POD6),
    escapes("TCP without SYN", tcp(POD, OUT, 443, b"x" * 100, flags="PA"), OUT, 443, guessed_direction=True),
    escapes("TCP reset", tcp(POD, OUT, 443, flags="R"), OUT, ANY),
    escapes("UDP", udp(POD, OUT, 9999), OUT, 9999, protocol="udp"),
    escapes("UDP of IPv6", udp(POD6, OUT6, 9999), OUT6, 9999, protocol="udp"),
    escapes("UDP to port 0", udp(POD, OUT, 0), OUT, 0),
    escapes("ICMP echo", icmp(POD, OUT), OUT, None, protocol="icmp"),
    escapes("ICMP error to outside", icmp(POD, OUT, 3, 3, b"\0" * 4 + tcp(OUT, POD, 8080)), OUT, None, protocol="icmp"),
    escapes("ICMPv6 echo", icmp6(POD6, OUT6, ECHO6), OUT6, None, protocol="icmpv6"),
    escapes("SCTP", sctp(POD, OUT, 3868), OUT, 3868, protocol="sctp"),
    escapes("SCTP of IPv6", sctp(POD6, OUT6, 3868), OUT6, 3868, protocol="sctp"),
    escapes("DCCP", other(POD, OUT, 33, DCCP_REQUEST), OUT, 5001, protocol="dccp"),
    escapes("IGMP to a host", other(POD, OUT, 2, b"\x16\0\xf9\xed\xef\x01\x01\x01"), OUT, None, protocol="igmp"),
    escapes("protocol 253", other(POD, OUT, 253), OUT, None),
    escapes("protocol 253 of IPv6", other(POD6, OUT6, 253), OUT6, None),
    escapes("protocol 59, no next header", other(POD6, OUT6, 59, b"covert data here"), OUT6, None),
    escapes("private address outside", tcp(POD, "192.168.7.7", 443), "192.168.7.7", 443),
    escapes("shared address space", tcp(POD, "100.64.0.1", 443), "100.64.0.1", 443),
    escapes("metadata address", tcp(POD, "169.254.169.254", 80), "169.254.169.254", 80, catalogue="etadata"),
    escapes("undeclared multicast", udp(POD, "239.1.1.1", 5000), "239.1.1.1", 5000),
    escapes("limited broadcast", udp(NODE, "255.255.255.255", 5000), "255.255.255.255", 5000),
    escapes("link-local IPv6 peer", tcp("fe80::1", "fe80::2", 22), "fe80::2", 22),
    escapes("just past the pods", tcp(POD, "10.44.0.0", 80), "10.44.0.0", 80),
    escapes("just before the pods", tcp(POD, "10.41.255.255", 80), "10.41.255.255", 80),
    escapes("just past the pods of IPv6", tcp(POD6, "fd00:42:0:100::", 80), "fd00:42:0:100::", 80),
    escapes("IPv4-mapped outside address", tcp(POD6, "::ffff:203.0.113.10", 80), "::ffff:203.0.113.10", 80),
    escapes("6to4 address", tcp(POD6, "2002:cb00:710a::1", 80), "2002:cb00:710a::1", 80),
    escapes("NAT64 address", tcp(POD6, "64:ff9b::203.0.113.10", 80), "64:ff9b::cb00:710a", 80),
    escapes("forged source", tcp("192.0.2.200", OUT, 443), OUT, 443, source="192.0.2.200"),
    escapes("xpander Cloud by address", tcp(POD, "15.197.85.80", 443), "15.197.85.80", 443, catalogue="xpander Cloud"),
    escapes("public resolver by address", tcp(POD, "8.8.8.8", 443), "8.8.8.8", 443, catalogue="Google Public DNS"),
    Case("escape with answers is one finding", [ether(one) for one in connection(POD, OUT, 443, [BINARY], replies=[BINARY])], VIOLATED,
         (Find("AT-A001", OUT, 443, source=POD, guessed_direction=False),)),
    Case("escape in a flood of inside packets",
         [ether(tcp(POD, POD2, 8080, sport=20000 + n)) for n in range(200)] + [ether(udp(POD, OUT, 53124))] +
         [ether(tcp(POD2, POD, 8080, sport=20000 + n)) for n in range(200)], VIOLATED, (Find("AT-A001", OUT, 53124, packets=1),)),
    Case("two outside peers are two findings", [ether(tcp(POD, OUT, 443)), ether(tcp(POD, OUT2, 443)), ether(tcp(POD, OUT, 443))], VIOLATED,
         (Find("AT-A001", OUT, 443, packets=2), Find("AT-A001", OUT2, 443, packets=1))),
    Case("embedded outside address, ISATAP", [ether(udp(NODE6, "fd00:20::5efe:203.0.113.10", 9))], (VIOLATED, INCONCLUSIVE, CLEAN),
         (Find("AT-A015", "fd00:20::5efe:cb00:710a", 9),), maybe=(Find("AT-A012", ANY, 9),)),  # its effect is not in the papers

    # --- inside
    Case("pod to pod", [ether(one) for one in connection(POD, POD2, 1234, [BINARY], replies=[BINARY])]),
    Case("pod to pod of IPv6", [ether(udp(POD6, POD62, 1234))]),
    Case("declared", [ether(one) for one in connection(POD, VLLM, 8000, [BINARY], replies=[BINARY])],
         also=lambda report: [] if report["classes"].get("inside-declared", {}).get("packets") == 5 else [str(report["classes"])]),
    Case("declared of IPv6", [ether(tcp(POD6, VLLM6, 8000))]),
    Case("undeclared inside", [ether(tcp(POD, SERVER, 5432))], CLEAN, (Find("AT-A012", SERVER, 5432, effect="listed", source=POD),)),
    Case("undeclared inside of IPv6", [ether(tcp(POD6, SERVER6, 5432))], CLEAN, (Find("AT-A012", SERVER6, 5432),)),
    Case("undeclared port of an endpoint", [ether(tcp(POD, VLLM, 22))], CLEAN, (Find("AT-A012", VLLM, 22),)),
    Case("undeclared inside with answers", [ether(one) for one in connection(POD, SERVER, 5432, [BINARY], replies=[BINARY])], CLEAN,
         (Find("AT-A012", SERVER, 5432),)),
    Case("strict makes a finding exit 1", [ether(tcp(POD, SERVER, 5432))], CLEAN, (Find("AT-A012", SERVER, 5432),), arguments=("--strict",)),
    Case("strict leaves no finding clean", [ether(tcp(POD, VLLM, 8000))], CLEAN, arguments=("--strict",)),
    Case("office to the web", [ether(one) for one in connection(OFFICE, POD, 8080, [names.http("GET / HTTP/1.1", INSIDE_NAME)], replies=[b"HTTP/1.1 204 No Content\r\n\r\n"])]),
    # A few letters may be the beginning of a request: whether a file that ends there is clean is open.
    Case("declared, letters that say nothing", [ether(one) for one in connection(POD, VLLM, 8000, [b"hello"])], (CLEAN, INCONCLUSIVE),
         maybe=(Find("AT-A027", VLLM, 8000),)),
    Case("ICMP error that quotes an outside packet", [ether(quotes(OUT))]),
    Case("inside ping", [ether(icmp(NODE, NODE2))]),

    # --- opened from outside
    Case("opened from outside, unanswered", [ether(tcp(OUT, POD, 8080, sport=5555))], CLEAN,
         (Find("AT-A013", POD, 8080, source=OUT, effect="listed"),)),
    Case("opened from outside, answered", [ether(tcp(OUT, POD, 8080, sport=5555)), ether(tcp(POD, OUT, 5555, flags="SA", sport=8080))], VIOLATED,
         (Find("AT-A002", OUT, ANY),), maybe=(Find("AT-A013", POD, 8080),)),
    Case("opened from outside, refused", [ether(tcp(OUT, POD, 8080, sport=5555)), ether(tcp(POD, OUT, 5555, flags="RA", sport=8080))], VIOLATED,
         (Find("AT-A002", OUT, ANY),), maybe=(Find("AT-A013", POD, 8080),)),
    Case("outside datagram, answered", [ether(udp(OUT, NODE, 123, sport=4444)), ether(udp(NODE, OUT, 4444, sport=123))], VIOLATED,
         (Find("AT-A002", OUT, ANY, guessed_direction=True),), maybe=(Find("AT-A013", NODE, 123),)),
    Case("outside ping, answered", [ether(icmp(OUT, NODE)), ether(icmp(NODE, OUT, 0))], VIOLATED, (Find("AT-A002", OUT, None),),
         maybe=(Find("AT-A013", NODE, None),)),
    Case("SYN with ACK alone says who opened", [ether(tcp(POD, OUT, 5555, flags="SA", sport=8080))], VIOLATED, (Find("AT-A002", OUT, ANY),)),

    # --- exceptions
    Case("exception in force", [ether(tcp(POD, POD_EXCEPTION, 443))], CLEAN, (Find("AT-A006", POD_EXCEPTION, 443, source=POD, effect="listed"),),
         also=lambda report: [] if report["exceptions_used"] == 1 else ["exceptions_used"]),
    Case("exception in force, its answers", [ether(one) for one in connection(POD, POD_EXCEPTION, 443, [BINARY], replies=[BINARY])], CLEAN,
         (Find("AT-A006", POD_EXCEPTION, 443),)),
    Case("exception of nodes", [ether(udp(NODE, NODE_EXCEPTION, 123))], CLEAN, (Find("AT-A006", NODE_EXCEPTION, 123, source=NODE),)),
    Case("exception in its last second", [ether(tcp(POD, POD_EXCEPTION, 443))], CLEAN, (Find("AT-A006", POD_EXCEPTION, 443),), start=LAST),
    Case("exception expired", [ether(tcp(POD, POD_EXCEPTION, 443))], VIOLATED, (Find("AT-A004", POD_EXCEPTION, 443),), start=LATER),
    Case("exception expires within the file", [Packet(ether(tcp(POD, POD_EXCEPTION, 443)), LAST), Packet(ether(tcp(POD, POD_EXCEPTION, 443)), LATER)],
         VIOLATED, (Find("AT-A006", POD_EXCEPTION, 443, packets=1), Find("AT-A004", POD_EXCEPTION, 443, packets=1))),
    # Whether another port is a misuse or plainly an escape is open; it is an escape in any case.
    Case("exception, another port", [ether(tcp(POD, POD_EXCEPTION, 80))], VIOLATED, (Find(("AT-A001", "AT-A003"), POD_EXCEPTION, 80),)),
    Case("exception, another protocol", [ether(udp(POD, POD_EXCEPTION, 443))], VIOLATED, (Find(("AT-A001", "AT-A003"), POD_EXCEPTION, 443),)),
    Case("exception, the next address", [ether(tcp(POD, "203.0.113.6", 443))], VIOLATED, (Find("AT-A001", "203.0.113.6", 443),)),
    Case("exception of nodes, used by a pod", [ether(udp(POD, NODE_EXCEPTION, 123))], VIOLATED, (Find("AT-A003", NODE_EXCEPTION, 123, source=POD),)),
    Case("exception of a pod, used by a server", [ether(tcp(SERVER, POD_EXCEPTION, 443))], VIOLATED, (Find("AT-A003", POD_EXCEPTION, 443),)),
    Case("exception of a pod, after translation", [ether(tcp(NODE, POD_EXCEPTION, 443))], INCONCLUSIVE,
         (Find("AT-A007", POD_EXCEPTION, 443, source=NODE, effect="inconclusive"),)),
    Case("exception of a pod, expired, after translation", [ether(tcp(NODE, POD_EXCEPTION, 443))], VIOLATED,
         (Find(("AT-A001", "AT-A003", "AT-A004"), POD_EXCEPTION, 443),), start=LATER),
    Case("exception of a pod, translated, its pod side seen",
         [Packet(ether(tcp(POD, POD_EXCEPTION, 443))), Packet(ether(tcp(NODE, POD_EXCEPTION, 443, sport=61000)), interface=1)], CLEAN,
         (Find("AT-A006", POD_EXCEPTION, 443, role="uplink"),), maybe=(Find("AT-A006", POD_EXCEPTION, 443, role="pod side"),), interfaces=BOTH),
    Case("exception, a fragment without its port", [ether(ip4(POD, POD_EXCEPTION, 6, b"x" * 64, offset=1480))], (VIOLATED, INCONCLUSIVE),
         (Find(("AT-A001", "AT-A003", "AT-A007"), POD_EXCEPTION, None),)),

    # --- the pod's side
    Case("R01 joined", [Packet(ether(tcp(POD, OUT, 1023)), NOW),
                        Packet(ether(tcp(NODE, OUT, 1023)), NOW + 100, interface=1),
                        Packet(ether(tcp(POD, POD2, 80)), NOW + 400_000)], VIOLATED,
         (Find("AT-A001", OUT, 1023, role="uplink", source=NODE, packets=1),), interfaces=BOTH, also=joined),
    Case("R01 joined through another source port", [Packet(ether(tcp(POD, OUT, 443))), Packet(ether(tcp(NODE, OUT, 443, sport=61234)), interface=1)],
         VIOLATED, (Find("AT-A001", OUT, 443, role="uplink", source=NODE),), interfaces=BOTH, also=joined),
    Case("attempt that nothing shows to have been held", [Packet(ether(tcp(POD, OUT, 443))), Packet(ether(tcp(NODE, NODE2, 10250)), interface=1)],
         INCONCLUSIVE, (Find("AT-A008", OUT, 443, role="pod side", source=POD, interface="veth1"),), interfaces=BOTH),
    Case("attempt by --pod-side", [ether(tcp(POD, OUT, 443))], INCONCLUSIVE, (Find("AT-A008", OUT, 443),), interfaces=(("veth1", ETHERNET),),
         arguments=("--pod-side", "veth1")),
    Case("a named interface alone is an uplink", [ether(tcp(POD, OUT, 443))], VIOLATED, (Find("AT-A001", OUT, 443),),
         interfaces=(("veth1", ETHERNET),)),
    Case("two names, neither an uplink: both are", [Packet(ether(tcp(POD, OUT, 443)), interface=1)], VIOLATED, (Find("AT-A001", OUT, 443),),
         interfaces=(("veth1", ETHERNET), ("veth2", ETHERNET))),
    Case("two attempts, one of them escaped",
         [Packet(ether(tcp(POD, OUT, 443))), Packet(ether(tcp(POD, OUT2, 443, sport=40001))), Packet(ether(tcp(NODE, OUT, 443)), interface=1)], VIOLATED,
         (Find("AT-A001", OUT, 443, role="uplink"), Find("AT-A008", OUT2, 443)), interfaces=BOTH),
    Case("a pod's frame is received by the host's end", [Packet(ether(tcp(POD, OUT, 443)), direction=1)], INCONCLUSIVE, (Find("AT-A008", OUT, 443),),
         interfaces=(("veth1", ETHERNET),), arguments=("--pod-side", "veth1")),

    # --- direction
    Case("received for outside, by the flags of pcapng", [Packet(ether(tcp(NODE2, OUT, 443)), direction=1)], CLEAN,
         (Find("AT-A014", OUT, 443, effect="listed"),), interfaces=UPLINK),
    Case("transmitted, by the flags of pcapng", [Packet(ether(tcp(NODE, OUT, 443)), direction=2)], VIOLATED, (Find("AT-A001", OUT, 443),),
         interfaces=UPLINK),
    Case("received, then sent on", [Packet(ether(tcp(NODE2, OUT, 443)), direction=1), Packet(ether(tcp(NODE2, OUT, 443, ttl=63)), direction=2)],
         VIOLATED, (Find("AT-A001", OUT, 443),), maybe=(Find("AT-A014", OUT, 443),), interfaces=UPLINK),
    Case("the period", [Packet(ether(tcp(POD, VLLM, 8000)), NOW + 500_000), Packet(ether(tcp(POD, VLLM, 8000)), NOW + 1_000_000)],
         also=seen("2026-11-20T12:00:00.5Z", "2026-11-20T12:00:01Z")),
]
