"""Names in handshakes and requests: TLS, DTLS, QUIC, HTTP, SOCKS, toward a peer that the policy declares."""
from . import names, quic
from .case import ANY, CLEAN, INCONCLUSIVE, VIOLATED, Case, Find
from .files import ETHERNET, Packet, cut
from .packets import connection, ether, udp
from .world import GATEWAY, INSIDE_NAME, OUT, OUTSIDE_NAME, POD, POD2, SERVER

HELLO = names.tls(OUTSIDE_NAME)
VOCABULARY = "openaipublic.blob.core.windows.net"


def stream(*segments, port=443, peer=GATEWAY, sport=40000, isn=1000, source=POD):
    return [ether(one) for one in connection(source, peer, port, segments, sport=sport, isn=isn)]


def cleartext(name=OUTSIDE_NAME, port=443, peer=GATEWAY, **more):
    return Find("AT-A024", peer, port, name, **more)


def datagrams(payloads, peer=GATEWAY, port=443):
    return [ether(udp(POD, peer, port, one, sport=50000)) for one in payloads]


def split_everywhere(make, port=443):
    """One connection for each place at which two segments may cut, each with a name of its own."""
    def packets():
        out = []
        for place in range(1, len(make(0))):
            data = make(place)
            out += stream(data[:place], data[place:], sport=20000 + place, port=port)
        return out
    return packets


def everywhere(name, make, port=443):
    length = len(make(0))
    return Case(name, split_everywhere(make, port), VIOLATED, tuple(cleartext(numbered(place), port) for place in range(1, length)))


def numbered(place):
    return f"n{place:03d}.example.org"


def of_quic(name, payloads, verdict=VIOLATED, finds=(cleartext(protocol="udp"),), **more):
    return Case(f"QUIC {name}", lambda: datagrams(payloads()), verdict, finds, needs="cryptography", **more)


THIRD = len(HELLO) // 3
CONFLICT = names.tls("aaa.corp.example")
OTHER = names.tls("www.example.org1")  # as long
assert len(CONFLICT) == len(OTHER)
MESSAGE = names.hello(OUTSIDE_NAME, padding=1500)

TLS = [
    Case("outside name to a declared endpoint", stream(HELLO), VIOLATED, (cleartext(effect="violated", protocol="tcp", source=POD),)),
    Case("outside name to an undeclared server", stream(HELLO, peer=SERVER), VIOLATED, (cleartext(peer=SERVER), Find("AT-A012", SERVER, 443, ANY))),
    Case("outside name to a pod", stream(HELLO, peer=POD2), CLEAN, (Find("AT-A025", POD2, 443, OUTSIDE_NAME, effect="listed"),)),
    Case("outside name at the pod side", stream(HELLO), CLEAN, (Find("AT-A025", GATEWAY, 443, OUTSIDE_NAME, role="pod side"),),
         interfaces=(("veth1", ETHERNET),), arguments=("--pod-side", "veth1")),
    Case("outside name to outside", stream(HELLO, peer=OUT), VIOLATED, (Find("AT-A001", OUT, 443, ANY), cleartext(peer=OUT))),
    Case("outside name on an odd port", stream(HELLO, port=3128), VIOLATED, (cleartext(port=3128),)),
    Case("inside name", stream(names.tls(INSIDE_NAME)), also=lambda report: [] if report["visibility"]["tls_hellos"] == 1 else ["tls_hellos"]),
    Case("inside name in mixed case", stream(names.tls("Wiki.CORP.example"))),
    Case("outside name in mixed case with a final dot", stream(names.tls("WWW.Example.Org.")), VIOLATED, (cleartext(),)),
    Case("no name", stream(names.tls()), also=lambda report: [] if report["visibility"]["tls_hellos"] == 1 else ["tls_hellos"]),
    Case("outside literal", stream(names.tls("203.0.113.10")), VIOLATED, (cleartext("203.0.113.10"),)),
    Case("inside literal", stream(names.tls("10.20.0.40"))),
    Case("R53 the vocabulary", stream(names.tls(VOCABULARY)), VIOLATED, (cleartext(VOCABULARY, catalogue="tiktoken"),)),
    Case("hosted LLM", stream(names.tls("api.openai.com")), VIOLATED, (cleartext("api.openai.com", catalogue="OpenAI"),)),
    Case("name of an endpoint", stream(names.tls("vllm.corp.example"))),
    everywhere("cut at every byte", lambda place: names.tls(numbered(place))),
    Case("a byte a segment", stream(*(HELLO[at:at + 1] for at in range(len(HELLO)))), VIOLATED, (cleartext(),)),
    Case("two segments, out of order", stream((THIRD, HELLO[THIRD:]), (0, HELLO[:THIRD])), VIOLATED, (cleartext(),)),
    Case("five segments, backwards", stream(*((at, HELLO[at:at + 40]) for at in reversed(range(0, len(HELLO), 40)))), VIOLATED, (cleartext(),)),
    Case("records of one byte", stream(names.records(names.hello(OUTSIDE_NAME), 1)), VIOLATED, (cleartext(),)),
    Case("records of one byte, a byte a segment", stream(*(bytes([one]) for one in names.records(names.hello(OUTSIDE_NAME), 1))), VIOLATED, (cleartext(),)),
    Case("three segments with a copy", stream((0, HELLO[:THIRD]), (THIRD, HELLO[THIRD:2 * THIRD]), (0, HELLO[:THIRD]), (2 * THIRD, HELLO[2 * THIRD:])),
         VIOLATED, (cleartext(),)),
    Case("segments that overlap with the same bytes", stream((0, HELLO[:2 * THIRD]), (THIRD, HELLO[THIRD:])), VIOLATED, (cleartext(),)),
    Case("sequence numbers that wrap", stream(HELLO[:THIRD], HELLO[THIRD:], isn=2**32 - 30), VIOLATED, (cleartext(),)),
    Case("a hello of 9,000 bytes", stream(*(names.tls(OUTSIDE_NAME, padding=8800)[at:at + 1400] for at in range(0, 9100, 1400))), VIOLATED, (cleartext(),)),
    # The receiver may have taken either copy: never clean; which of the two verdicts is open.
    Case("the same bytes twice with another name", stream((0, CONFLICT[:-1]), (0, OTHER)), (VIOLATED, INCONCLUSIVE), (Find("AT-A057", GATEWAY, 443, ANY),),
         maybe=ANY),
    Case("the middle segment is missing", stream((0, HELLO[:THIRD]), (2 * THIRD, HELLO[2 * THIRD:])), INCONCLUSIVE, (Find("AT-A027", GATEWAY, 443, ANY),)),
    Case("the hello ends too early", stream(HELLO[:-20]), INCONCLUSIVE, (Find("AT-A027", GATEWAY, 443, ANY),)),
    Case("the hello is cut by the snap length", [*stream(HELLO)[:3], cut(stream(HELLO)[3], 90)], INCONCLUSIVE, (Find("AT-A027", GATEWAY, 443, ANY),),
         maybe=(Find("AT-A050", ANY, ANY),)),
    Case("ECH behind an inside name", stream(names.tls(INSIDE_NAME, ech=True)), CLEAN, (Find("AT-A026", GATEWAY, 443, ANY, effect="listed"),)),
    Case("ECH behind an outside name", stream(names.tls(OUTSIDE_NAME, ech=True)), VIOLATED, (cleartext(), Find("AT-A026", GATEWAY, 443, ANY))),
    Case("hello after STARTTLS", stream(b"EHLO pod\r\n", b"STARTTLS\r\n", HELLO, port=3128), (VIOLATED, CLEAN), maybe=ANY),  # not in the papers
    Case("DTLS", [ether(udp(POD, GATEWAY, 443, names.dtls(OUTSIDE_NAME)))], VIOLATED, (cleartext(),)),
    Case("DTLS, inside name", [ether(udp(POD, GATEWAY, 443, names.dtls(INSIDE_NAME)))]),
    Case("connection that began before the file", stream(HELLO)[2:], (VIOLATED, CLEAN), maybe=(cleartext(),)),  # a name may be seen all the same
]
for one in TLS:
    one.name = f"TLS {one.name}"

HTTP = [
    Case("Host", stream(names.http("GET / HTTP/1.1", OUTSIDE_NAME), port=80), VIOLATED, (cleartext(port=80),)),
    Case("Host with a port", stream(names.http("GET / HTTP/1.1", OUTSIDE_NAME + ":8080"), port=80), VIOLATED, (cleartext(port=80),)),
    Case("Host, inside", stream(names.http("GET / HTTP/1.1", INSIDE_NAME), port=80),
         also=lambda report: [] if report["visibility"]["http_requests"] == 1 else ["http_requests"]),
    Case("Host in mixed case, folded and without spaces", stream(b"GET / HTTP/1.1\r\nhOsT:WWW.example.ORG\r\n\r\n", port=80), VIOLATED, (cleartext(port=80),)),
    Case("absolute URI", stream(names.http(f"GET http://{OUTSIDE_NAME}/ HTTP/1.1", INSIDE_NAME), port=3128), VIOLATED, (cleartext(port=3128),)),
    Case("inside URI with an outside Host", stream(names.http(f"GET http://{INSIDE_NAME}/ HTTP/1.1", OUTSIDE_NAME), port=3128), VIOLATED,
         (cleartext(port=3128),)),
    Case("CONNECT", stream(names.http(f"CONNECT {OUTSIDE_NAME}:443 HTTP/1.1", OUTSIDE_NAME + ":443"), port=3128), VIOLATED, (cleartext(port=3128),),
         maybe=(cleartext(port=3128),)),  # the target and the Host line may be told apart
    Case("CONNECT, and a hello with another name behind it", [*stream(names.http(f"CONNECT {INSIDE_NAME}:443 HTTP/1.1", INSIDE_NAME), HELLO, port=3128)],
         VIOLATED, (cleartext(port=3128),)),
    Case("CONNECT to an inside name", stream(names.http(f"CONNECT {INSIDE_NAME}:443 HTTP/1.1", INSIDE_NAME), port=3128)),
    Case("outside literal", stream(names.http("GET / HTTP/1.1", "203.0.113.10"), port=80), VIOLATED, (cleartext("203.0.113.10", 80),)),
    Case("outside literal of IPv6", stream(names.http("GET / HTTP/1.1", "[2001:db8::10]:8080"), port=80), VIOLATED, (cleartext("2001:db8::10", 80),)),
    Case("inside literal", stream(names.http("GET / HTTP/1.1", "10.20.0.40"), port=80)),
    Case("the second request of a connection", stream(names.http("GET / HTTP/1.1", INSIDE_NAME), names.http("GET / HTTP/1.1", OUTSIDE_NAME), port=80), VIOLATED,
         (cleartext(port=80),)),
    Case("two Host lines that differ", stream(names.http("GET / HTTP/1.1", INSIDE_NAME, f"Host: {OUTSIDE_NAME}\r\n"), port=80), (VIOLATED, INCONCLUSIVE),
         (Find(("AT-A024", "AT-A027"), GATEWAY, 80, ANY),), maybe=ANY),
    Case("Host to a pod", stream(names.http("GET / HTTP/1.1", OUTSIDE_NAME), port=8080, peer=POD2), CLEAN, (Find("AT-A025", POD2, 8080, OUTSIDE_NAME),)),
    everywhere("Host cut at every byte", lambda place: names.http("GET / HTTP/1.1", numbered(place)), port=80),
    Case("HTTP/2 by prior knowledge", stream(names.http2(OUTSIDE_NAME), port=80), VIOLATED, (cleartext(port=80),)),
    Case("HTTP/2 by prior knowledge, inside", stream(names.http2(INSIDE_NAME), port=80)),
    Case("HTTP/2 by prior knowledge, a byte a segment", stream(*(bytes([one]) for one in names.http2(OUTSIDE_NAME)), port=80), VIOLATED, (cleartext(port=80),)),
    Case("SOCKS 4a", stream(names.socks4a(OUTSIDE_NAME), port=1080), VIOLATED, (cleartext(port=1080),),
         also=lambda report: [] if report["visibility"]["socks_requests"] == 1 else ["socks_requests"]),
    Case("SOCKS 4a, inside", stream(names.socks4a(INSIDE_NAME), port=1080)),
    Case("SOCKS 5", stream(*names.socks5(OUTSIDE_NAME), port=1080), VIOLATED, (cleartext(port=1080),)),
    Case("SOCKS 5, inside", stream(*names.socks5(INSIDE_NAME), port=1080)),
    Case("SOCKS 5, outside literal", stream(*names.socks5(OUT), port=1080), VIOLATED, (cleartext(OUT, 1080),)),
    Case("SOCKS 5, outside literal of IPv6", stream(*names.socks5("2001:db8::10"), port=1080), VIOLATED, (cleartext("2001:db8::10", 1080),)),
    Case("SOCKS 5, a byte a segment", stream(*(bytes([one]) for one in b"".join(names.socks5(OUTSIDE_NAME))), port=1080), VIOLATED, (cleartext(port=1080),)),
]
for one in HTTP:
    one.name = f"HTTP {one.name}" if "SOCKS" not in one.name and "HTTP" not in one.name else one.name

QUIC = [
    of_quic("v1", lambda: quic.of_hello(names.hello(OUTSIDE_NAME)), also=lambda report: [] if report["visibility"]["quic_hellos"] == 1 else ["quic_hellos"]),
    of_quic("v2", lambda: quic.of_hello(names.hello(OUTSIDE_NAME), version=quic.V2)),
    of_quic("v1, inside name", lambda: quic.of_hello(names.hello(INSIDE_NAME)), CLEAN, ()),
    of_quic("v1, the hello in three datagrams", lambda: quic.of_hello(MESSAGE, 3)),
    of_quic("v2, the hello in three datagrams", lambda: quic.of_hello(MESSAGE, 3, version=quic.V2)),
    of_quic("v1, three datagrams out of order", lambda: quic.of_hello(MESSAGE, 3, order=(2, 0, 1))),
    of_quic("v1, a datagram twice", lambda: quic.of_hello(MESSAGE, 3, order=(0, 1, 0, 2))),
    of_quic("v1, CRYPTO frames shuffled within a datagram", lambda: [quic.initial(b"".join(
        quic.crypto(at, names.hello(OUTSIDE_NAME)[at:at + 16]) + b"\x01" for at in reversed(range(0, len(names.hello(OUTSIDE_NAME)), 16))))]),
    of_quic("v1, padding and PING before the hello", lambda: [quic.initial(b"\0" * 40 + b"\x01" + quic.crypto(0, names.hello(OUTSIDE_NAME)))]),
    of_quic("v1, a token", lambda: quic.of_hello(names.hello(OUTSIDE_NAME), token=b"t" * 80)),
    of_quic("v1, a connection id of 20 bytes", lambda: quic.of_hello(names.hello(OUTSIDE_NAME), connection=bytes(range(20)))),
    of_quic("v1, ECH behind an inside name", lambda: quic.of_hello(names.hello(INSIDE_NAME, ech=True)), CLEAN, (Find("AT-A026", GATEWAY, 443, ANY),)),
    of_quic("v1, DNS over QUIC by ALPN", lambda: quic.of_hello(names.hello(INSIDE_NAME, alpn=["doq"])), CLEAN, (Find("AT-A028", GATEWAY, 443, ANY),)),
    of_quic("v1, a datagram is missing", lambda: quic.of_hello(MESSAGE, 3, order=(0, 2)), INCONCLUSIVE, (Find("AT-A027", GATEWAY, 443, ANY),)),
    of_quic("v1, damaged", lambda: [quic.initial(quic.crypto(0, names.hello(OUTSIDE_NAME)))[:-1] + b"\xff"], INCONCLUSIVE,
            (Find("AT-A027", GATEWAY, 443, ANY),)),
    of_quic("of an unknown version", lambda: [b"\xc3\xba\xba\xba\xba\x08" + b"\x5a" * 1194], (INCONCLUSIVE, CLEAN),
            (Find(("AT-A026", "AT-A027"), GATEWAY, 443, ANY),)),
    Case("QUIC v1 after a retry", lambda: [*datagrams(quic.of_hello(names.hello(INSIDE_NAME))),
         ether(udp(GATEWAY, POD, 50000, quic.retry(), sport=443)),
         *datagrams(quic.of_hello(names.hello(OUTSIDE_NAME), connection=b"newconid", token=b"token"))], VIOLATED, (cleartext(),), needs="cryptography"),
    Case("QUIC v1 after version negotiation", lambda: [*datagrams([b"\xc3\xba\xba\xba\xba\x08" + b"\x5a" * 1194]),
         ether(udp(GATEWAY, POD, 50000, quic.version_negotiation(), sport=443)), *datagrams(quic.of_hello(names.hello(OUTSIDE_NAME)))], VIOLATED,
         (cleartext(),), maybe=(Find(("AT-A026", "AT-A027"), GATEWAY, 443, ANY),), needs="cryptography"),
    Case("QUIC to a pod", lambda: datagrams(quic.of_hello(names.hello(OUTSIDE_NAME)), POD2), CLEAN, (Find("AT-A025", POD2, 443, OUTSIDE_NAME),),
         needs="cryptography"),
    Case("QUIC on another port", lambda: datagrams(quic.of_hello(names.hello(OUTSIDE_NAME)), SERVER, 4433), VIOLATED,
         (cleartext(port=4433, peer=SERVER), Find("AT-A012", SERVER, 4433, ANY)), needs="cryptography"),
]
CASES = TLS + HTTP + QUIC
