"""IP itself turned against its reader: fragments, source routes, chains of extension headers, ESP and AH."""
import ipaddress
import struct

from . import names
from .case import ANY, CLEAN, INCONCLUSIVE, VIOLATED, Case, Find
from .packets import connection, ether, fragment6, fragments4, ip4, ip6, other, pack, tcp, udp
from .world import (COREDNS, GATEWAY, NODE, NODE2, NODE6, NODE62, OUT, OUT6, OUTSIDE_NAME, POD, POD2, POD6, POD62, RESOLVER, SERVER,
                    VLLM, VLLM6)

OVERLAP, TINY, OVERSIZE = Find("AT-A054", ANY, ANY), Find("AT-A055", ANY, ANY), Find("AT-A056", ANY, ANY)
DEEP = Find(("AT-A032", "AT-A051"), ANY, ANY)
ROUTED = ("AT-A005",)
UDP_BODY = struct.pack(">HHHH", 40000, 9999, 1608, 0) + b"x" * 1600


def udp4(source, destination, port, data, **ip):
    return udp(source, destination, port, data, **ip)


def routed4(via, *options):
    """A TCP packet to `via` with IPv4 source-route options; its checksum is the final destination's, if a route leads on."""
    padded = b"".join(options)
    final = str(ipaddress.ip_address(padded[-4:])) if padded[0] in (131, 137) and padded[2:3] == b"\x04" and len(padded) > 4 else via
    padded += b"\x01" * (-len(padded) % 4)
    return ip4(NODE, via, 6, tcp(NODE, final, 443)[20:], options=padded)


def loose(*hops, kind=131, pointer=4):
    return struct.pack("BBB", kind, 3 + 4 * len(hops), pointer) + b"".join(pack(hop) for hop in hops)


def routing6(via, kind, hops, left=None):
    """A TCP packet with an IPv6 routing header of types 0, 2 or 4; the hops of type 4 are backwards."""
    left = len(hops) if left is None else left
    final = via if left == 0 else hops[0] if kind == 4 else hops[-1]
    head = struct.pack(">BBBB", 6, 2 * len(hops), kind, left)
    head += struct.pack(">BBH", len(hops) - 1, 0, 0) if kind == 4 else b"\0" * 4
    return ip6(NODE6, via, 43, head + b"".join(pack(hop) for hop in hops) + tcp(NODE6, final, 443)[40:])


def chain(count, destination, following=60):
    """A hop-by-hop header and destination options, `count` headers in all, then TCP."""
    body = tcp(POD6, destination, 443)[40:]
    for index in range(count):
        body = bytes([6 if index == 0 else following, 0, 1, 4, 0, 0, 0, 0]) + body
    return ip6(POD6, destination, 0, body)


def jumbogram(destination, size=70000):
    data = struct.pack(">HHHH", 40000, 9999, 0, 0) + b"x" * (size - 8)
    option = struct.pack(">BBBBI", 17, 0, 0xc2, 4, size + 8)
    return ip6(POD6, destination, 0, option + data, length=0)


def ah(source, destination, port):
    head = struct.pack(">BBHII", 6, 4, 0, 1, 1) + b"\x5a" * 12
    return ip4(source, destination, 51, head + tcp(source, destination, port)[20:])


WHOLE = udp4(POD, OUT, 9999, b"x" * 1600)
INSIDE = udp4(POD, POD2, 9999, b"x" * 1600)
HELLO = connection(POD, GATEWAY, 443, [names.tls(OUTSIDE_NAME, padding=700)])
QUESTION = udp4(COREDNS, RESOLVER, 53, names.query(OUTSIDE_NAME, additional=[names.edns()]))
NAMED = Find("AT-A021", RESOLVER, 53, OUTSIDE_NAME)

CASES = [
    # --- fragments
    Case("first fragment to outside", [ether(fragments4(WHOLE, 800)[0])], VIOLATED, (Find("AT-A001", OUT, 9999),)),
    Case("later fragment to outside", [ether(fragments4(WHOLE, 800)[1])], VIOLATED, (Find("AT-A001", OUT, None),)),
    Case("all fragments to outside", [ether(one) for one in fragments4(WHOLE, 800)], VIOLATED, (Find("AT-A001", OUT, ANY),),
         maybe=(Find("AT-A001", OUT, ANY),)),
    Case("fragments to outside, out of order", [ether(one) for one in reversed(fragments4(WHOLE, 800))], VIOLATED, (Find("AT-A001", OUT, ANY),),
         maybe=(Find("AT-A001", OUT, ANY),)),
    Case("fragments inside", [ether(one) for one in fragments4(INSIDE, 800)]),
    Case("fragments inside, out of order", [ether(fragments4(INSIDE, 400)[at]) for at in (3, 0, 4, 2, 1)]),
    Case("first fragment of IPv6 to outside", [ether(fragment6(POD6, OUT6, 17, UDP_BODY[:800], 0, True))], VIOLATED,
         (Find("AT-A001", OUT6, 9999),)),
    Case("later fragment of IPv6 to outside", [ether(fragment6(POD6, OUT6, 17, UDP_BODY[800:], 800, False))], VIOLATED,
         (Find("AT-A001", OUT6, None),)),
    Case("atomic fragment of IPv6 to outside", [ether(fragment6(POD6, OUT6, 6, tcp(POD6, OUT6, 443)[40:], 0, False))], VIOLATED,
         (Find("AT-A001", OUT6, 443),)),
    # What flagged fragments between inside addresses do to the verdict is open; they are never a leak of their own.
    Case("overlapping fragments inside", [ether(ip4(POD, POD2, 17, INSIDE[20:820], ident=5, flags=1)),
                                          ether(ip4(POD, POD2, 17, b"y" * 828, ident=5, offset=792))], (CLEAN, INCONCLUSIVE), (OVERLAP,)),
    Case("overlapping fragments of IPv6 inside", [ether(fragment6(POD6, POD62, 17, UDP_BODY[:800], 0, True)),
                                                  ether(fragment6(POD6, POD62, 17, b"y" * 400, 400, False))], (CLEAN, INCONCLUSIVE), (OVERLAP,)),
    Case("overlapping fragments to outside", [ether(ip4(POD, OUT, 17, WHOLE[20:820], ident=5, flags=1)),
                                              ether(ip4(POD, OUT, 17, b"y" * 828, ident=5, offset=792))], VIOLATED,
         (OVERLAP, Find("AT-A001", OUT, ANY)), maybe=(Find("AT-A001", OUT, ANY),)),
    Case("an exact copy of a fragment is no overlap", [ether(one) for one in (fragments4(INSIDE, 800)[0], *fragments4(INSIDE, 800))]),
    Case("tiny first fragment inside", [ether(ip4(POD, VLLM, 6, tcp(POD, VLLM, 8000)[20:28], ident=6, flags=1)),
                                        ether(ip4(POD, VLLM, 6, tcp(POD, VLLM, 8000)[28:], ident=6, offset=8))], (CLEAN, INCONCLUSIVE), (TINY,),
         maybe=(Find("AT-A012", VLLM, None),)),
    Case("tiny first fragment to outside", [ether(ip4(POD, OUT, 6, tcp(POD, OUT, 443)[20:28], ident=6, flags=1)),
                                            ether(ip4(POD, OUT, 6, tcp(POD, OUT, 443)[28:], ident=6, offset=8))], VIOLATED,
         (TINY, Find("AT-A001", OUT, ANY)), maybe=(Find("AT-A001", OUT, ANY),)),
    Case("fragment past the largest packet", [ether(ip4(POD, POD2, 17, b"x" * 1400, ident=8, offset=65528))], (CLEAN, INCONCLUSIVE), (OVERSIZE,)),
    Case("question hidden in two fragments", [ether(one) for one in fragments4(QUESTION, 24)], CLEAN, (NAMED,), maybe=(TINY,)),
    Case("question hidden in three fragments, out of order", [ether(fragments4(QUESTION, 24)[at]) for at in (2, 0, 1)], CLEAN, (NAMED,), maybe=(TINY,)),
    Case("ClientHello in fragments", [ether(one) for one in (*HELLO[:3], *fragments4(HELLO[3], 256))], VIOLATED,
         (Find("AT-A024", GATEWAY, 443, OUTSIDE_NAME),)),
    Case("ClientHello in fragments, out of order", [ether(one) for one in (*HELLO[:3], *reversed(fragments4(HELLO[3], 256)))], VIOLATED,
         (Find("AT-A024", GATEWAY, 443, OUTSIDE_NAME),)),
    Case("a datagram that is never whole, to a declared resolver", [ether(fragments4(QUESTION, 24)[1])], (CLEAN, INCONCLUSIVE), maybe=ANY),

    # --- source routes
    Case("loose source route to outside", [ether(routed4(NODE2, loose(OUT)))], VIOLATED, (Find(ROUTED, (OUT, NODE2), ANY),)),
    Case("strict source route to outside", [ether(routed4(NODE2, loose(OUT, kind=137)))], VIOLATED, (Find(ROUTED, (OUT, NODE2), ANY),)),
    Case("source route of three hops, the last outside", [ether(routed4(NODE2, loose(SERVER, VLLM, OUT)))], VIOLATED,
         (Find(ROUTED, (OUT, NODE2), ANY),), maybe=(Find("AT-A012", ANY, ANY),)),
    # Two such options: forbidden by RFC 1122, so which of them counts is the receiver's whim.
    Case("two source routes", [ether(routed4(NODE2, loose(VLLM), loose(OUT)))], (VIOLATED, INCONCLUSIVE),
         (Find(("AT-A005", "AT-A051"), ANY, ANY),), maybe=(Find("AT-A012", ANY, ANY),)),
    Case("source route that has been followed", [ether(routed4(NODE2, loose(VLLM, pointer=8)))]),
    Case("source route of an outside destination", [ether(routed4(OUT, loose(NODE2)))], VIOLATED, (Find(("AT-A001", "AT-A005"), ANY, ANY),),
         maybe=(Find(("AT-A001", "AT-A005"), ANY, ANY),)),
    Case("other IPv4 options", [ether(routed4(NODE2, b"\x07\x07\x04\0\0\0\0"))]),
    Case("IPv4 option of length 0", [ether(routed4(NODE2, b"\x83\0\0\0"))], (VIOLATED, INCONCLUSIVE), (Find(("AT-A005", "AT-A051"), ANY, ANY),)),
    *(Case(f"routing header {kind} to outside", [ether(routing6(NODE62, kind, [OUT6]))], VIOLATED, (Find(ROUTED, (OUT6, NODE62), ANY),))
      for kind in (0, 2, 4)),
    Case("routing header 0 of three hops, the last outside", [ether(routing6(NODE62, 0, ["fd00:10::7", VLLM6, OUT6]))], VIOLATED,
         (Find(ROUTED, (OUT6, NODE62), ANY),)),
    Case("segment routing, the last segment outside", [ether(routing6(NODE62, 4, [OUT6, "fd00:10::7"], left=1))], VIOLATED,
         (Find(ROUTED, (OUT6, NODE62), ANY),)),
    Case("routing header that has been followed", [ether(routing6(NODE62, 0, ["fd00:10::7"], left=0))]),
    Case("routing header of an unknown type", [ether(routing6(NODE62, 99, [OUT6]))], (VIOLATED, INCONCLUSIVE),
         (Find(("AT-A005", "AT-A051"), ANY, ANY),)),
    Case("routing header to an outside destination", [ether(routing6(OUT6, 0, [NODE62]))], VIOLATED, (Find(("AT-A001", "AT-A005"), ANY, ANY),),
         maybe=(Find(("AT-A001", "AT-A005"), ANY, ANY),)),

    # --- chains of extension headers
    Case("eight extension headers inside", [ether(chain(8, POD62))]),
    Case("eight extension headers to outside", [ether(chain(8, OUT6))], VIOLATED, (Find("AT-A001", OUT6, 443),)),
    Case("fifty extension headers inside", [ether(chain(50, POD62))], INCONCLUSIVE, (DEEP,)),
    Case("fifty extension headers to outside", [ether(chain(50, OUT6))], VIOLATED, (Find("AT-A001", OUT6, ANY),), maybe=(DEEP,)),
    Case("fifty hop-by-hop headers inside", [ether(chain(50, POD62, following=0))], INCONCLUSIVE, (DEEP,)),
    Case("extension header past the end", [ether(ip6(POD6, POD62, 0, b"\x06\xff" + b"\0" * 30))], INCONCLUSIVE, (Find("AT-A051", ANY, ANY),)),
    Case("jumbogram inside", [ether(jumbogram(POD62))]),
    Case("jumbogram to outside", [ether(jumbogram(OUT6))], VIOLATED, (Find("AT-A001", OUT6, ANY),)),

    # --- ESP and AH
    Case("ESP to outside", [ether(other(POD, OUT, 50, b"\0\0\0\x01\0\0\0\x01" + b"\x5a" * 64))], VIOLATED, (Find("AT-A001", OUT, None, protocol="esp"),)),
    Case("ESP of IPv6 to outside", [ether(other(POD6, OUT6, 50, b"\0\0\0\x01\0\0\0\x01" + b"\x5a" * 64))], VIOLATED, (Find("AT-A001", OUT6, None),)),
    Case("AH before TCP to outside", [ether(ah(POD, OUT, 443))], VIOLATED, (Find("AT-A001", OUT, 443),)),
    Case("AH before TCP inside", [ether(ah(POD, VLLM, 8000))]),
]
