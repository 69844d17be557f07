"""Evasions and everyday traffic on which a replay once gave, or could give, a wrong answer: each says what the right one is."""
import json
import struct

from . import names, quic, tunnels
from .case import ANY, CLEAN, INCONCLUSIVE, VIOLATED, Case, Find
from .files import ETHERNET, Packet, cut, pcap
from .packets import (IP, TCP, Raw, connection, ether, fragments4, icmp6, ip4, ip6, other, pack, raw, tagged, tcp, udp)
from .world import (GATEWAY, INSIDE_NAME, NODE, NODE2, NODE_EXCEPTION, NOW, OFFICE, OUT, OUT6, OUTSIDE_NAME, POD, POD2, POD6, POD62, POD_EXCEPTION,
                    SERVER, SERVER6)

BOTH = (("veth1", ETHERNET), ("eth0", ETHERNET))
NOT_CLEAN = (VIOLATED, INCONCLUSIVE)
INSIDE, OUTSIDE = names.tls(INSIDE_NAME), names.tls(OUTSIDE_NAME)


def stream(*segments, port=443, peer=GATEWAY, sport=40000, isn=1000, source=POD, replies=()):
    return [ether(one) for one in connection(source, peer, port, segments, sport=sport, isn=isn, replies=replies)]


def segment(data=b"", seq=1001, flags="PA", port=443, ttl=64, sport=40000):
    return ether(tcp(POD, GATEWAY, port, data, flags=flags, sport=sport, seq=seq, ack=9001, ttl=ttl))


def datagrams(payloads, sport=50000):
    return [ether(udp(POD, GATEWAY, 443, one, sport=sport)) for one in payloads]


def left(port=443, **more):
    """The outside name, toward the gateway."""
    return Find("AT-A024", GATEWAY, port, OUTSIDE_NAME, **more)


def told(name, packets, port=443, peer=GATEWAY, verdict=VIOLATED, **more):
    """The name can be read, so it must be."""
    return Case(name, packets, verdict, (Find("AT-A024", peer, port, OUTSIDE_NAME),), maybe=ANY, **more)


def unclean(name, packets, **more):
    """What a receiver took cannot be told from the packets: whichever the finding is, the file is not clean."""
    return Case(name, packets, NOT_CLEAN, maybe=ANY, **more)


# --- addresses
def source_route(*hops):
    option = bytes([131, 3 + 4 * len(hops), 4]) + b"".join(pack(one) for one in hops)
    return option + b"\0" * (-len(option) % 4)


def routing(kind, hops, word=b"\0\0\0\0"):
    return bytes([17, 2 * len(hops), kind, len(hops)]) + word + b"".join(pack(one) for one in hops)


def lease(clock):
    """A DHCP acknowledgement that sets an inside router and this clock."""
    head = struct.pack(">BBBBIHH", 2, 1, 6, 0, 1, 0, 0) + b"\0" * 4 + pack("10.10.0.9") + b"\0" * 8 + b"\2\0\0\0\0\1" + b"\0" * 202
    return head + b"\x63\x82\x53\x63\x35\1\5\x36\4" + pack("10.10.0.1") + b"\x2a\4" + pack(clock) + b"\xff"


DATAGRAM = struct.pack(">HHHH", 1, 9, 12, 0) + b"data"
EXCEPTED = tcp(POD, POD_EXCEPTION, 443)

ADDRESSES = [
    # DESIGN §6: an exception whose source is seen and is another's is an escape. The pod side shows the source.
    Case("a pod uses an exception of nodes, translated", [
        Packet(ether(udp(POD, NODE_EXCEPTION, 123))), Packet(ether(udp(NODE, NODE_EXCEPTION, 123, sport=61000)), interface=1)],
        VIOLATED, (Find("AT-A003", NODE_EXCEPTION, 123),), maybe=ANY, interfaces=BOTH),
    # Other content than the node's: it may have left or not. It must not vanish in the finding about the node.
    Case("a pod tries what an exception lets nodes do", [
        Packet(ether(udp(POD, NODE_EXCEPTION, 123, b"of the pod"))), Packet(ether(udp(NODE, NODE_EXCEPTION, 123, b"of the node")), interface=1)],
        NOT_CLEAN, (Find(("AT-A003", "AT-A008"), NODE_EXCEPTION, 123, ANY),), maybe=ANY, interfaces=BOTH),
    # Two packets at each side, one of them the same: who sent the other one is not known.
    Case("a node's packet behind as many of a pod's", [
        Packet(ether(EXCEPTED)), Packet(ether(tcp(POD, POD_EXCEPTION, 443, b"again", flags="PA", seq=1001))),
        Packet(ether(tcp(NODE, POD_EXCEPTION, 443)), interface=1),
        Packet(ether(tcp(NODE, POD_EXCEPTION, 443, b"of the node", flags="PA", sport=50001, seq=77)), interface=1)],
        NOT_CLEAN, (Find(("AT-A003", "AT-A007"), POD_EXCEPTION, 443),), maybe=ANY, interfaces=BOTH),
    # Each hop is a place that the packet goes to, not only the last.
    Case("IPv4 source route with an outside hop before the last", [ether(ip4(POD, SERVER, 17, DATAGRAM, options=source_route(OUT, POD2)))], VIOLATED,
         (Find("AT-A005", OUT, 9),), maybe=ANY),
    Case("IPv6 routing header 0 with an outside hop before the last", [ether(ip6(POD6, SERVER6, 43, routing(0, (OUT6, POD62)) + DATAGRAM))], VIOLATED,
         (Find("AT-A005", OUT6, 9),), maybe=ANY),
    Case("segment routing with an outside hop before the last", [ether(ip6(POD6, SERVER6, 43, routing(4, (POD62, OUT6), b"\1\0\0\0") + DATAGRAM))],
         VIOLATED, (Find("AT-A005", OUT6, 9),), maybe=ANY),
    # AT-A041 speaks of a clock: option 42 of DHCP sets it.
    Case("DHCP offers an outside clock", [ether(udp("10.10.0.1", "255.255.255.255", 68, lease(OUT), sport=67))], CLEAN,
         (Find("AT-A041", "255.255.255.255", 68),), maybe=ANY),
    # Not decoded, at an uplink: never silent, whoever declares the tunnel around it.
    Case("a declared tunnel whose content cannot be told",
         [ether(udp(NODE, NODE2, 8472, struct.pack(">II", 0x08000000, 42 << 8) + ether(struct.pack(">I", 100 << 12 | 0x140) + b"\x90" * 40, 0x8847)))],
         INCONCLUSIVE, (Find(("AT-A031", "AT-A052"), NODE2, 8472),), maybe=ANY),
]

# --- HTTP
CHUNKED = names.http("POST / HTTP/1.1", INSIDE_NAME, "Transfer-Encoding: chunked\r\n") + b"5\r\nhello\r\n0\r\n\r\n"
FIRST = names.http("GET / HTTP/1.1", INSIDE_NAME)
REQUEST = names.http(f"GET http://{OUTSIDE_NAME}/ HTTP/1.1", OUTSIDE_NAME)
LONG = names.http(f"GET http://{OUTSIDE_NAME}/ HTTP/1.1", OUTSIDE_NAME, "X: " + "a" * 40000 + "\r\n")
SPOILT = names.http(f"GET http://{OUTSIDE_NAME}/ HTTP/1.1", OUTSIDE_NAME, "X: a\0b\r\n")
WEBSOCKET = names.http("POST / HTTP/1.1", INSIDE_NAME, "Upgrade: websocket\r\nContent-Length: 7\r\n") + b'{"a":1}'
TUNNEL = names.http(f"CONNECT {OUTSIDE_NAME}:443 HTTP/1.1", OUTSIDE_NAME + ":443")


def closed(source, sport, data):
    """A connection with a request, closed from both sides."""
    end = 1001 + len(data)
    return [*stream(data, port=80, sport=sport, source=source), ether(tcp(source, GATEWAY, 80, flags="FA", sport=sport, seq=end, ack=9001)),
            ether(tcp(GATEWAY, source, sport, flags="FA", sport=80, seq=9001, ack=end + 1)),
            ether(tcp(source, GATEWAY, 80, flags="A", sport=sport, seq=end + 1, ack=9002))]


def many_http2(count, make=lambda number: POD):
    return [frame for number in range(count) for frame in closed(make(number), 30000 + number, names.http2(INSIDE_NAME))]


HTTP = [
    told("a request in two segments behind a chunked body", stream(CHUNKED, REQUEST[:10], REQUEST[10:], port=3128), 3128),
    told("a request in the segment that ends a chunked body", stream(CHUNKED + REQUEST, port=3128), 3128),
    unclean("the second request contradicts itself", stream(FIRST, SPOILT, port=3128)),
    unclean("the second request is longer than is read", stream(FIRST, *(LONG[at:at + 1400] for at in range(0, len(LONG), 1400)), port=3128)),
    told("a tunnel behind an upgrade that had a body", stream(WEBSOCKET, TUNNEL, port=3128), 3128),
    told("a hello behind an upgrade to TLS",
         stream(names.http("OPTIONS * HTTP/1.1", INSIDE_NAME, "Upgrade: TLS/1.0\r\nConnection: Upgrade\r\n"), OUTSIDE, port=3128), 3128),
    # Short connections of HTTP/2, one after the other, are everyday traffic: nothing about them is unread.
    Case("70 connections of HTTP/2 one after the other", lambda: many_http2(70)),
    Case("70 pods with a connection of HTTP/2 each", lambda: many_http2(70, lambda number: f"10.42.2.{number + 1}")),
    Case("an empty Host names nobody", stream(names.http("OPTIONS * HTTP/1.1", ""), port=80)),
]

# --- handshakes
MAIL, DIRECTORY = (b"EHLO pod\r\n", b"STARTTLS\r\n"), (bytes.fromhex("301d02010177188016") + b"1.3.6.1.4.1.1466.20037",)
DATABASE = (bytes.fromhex("20000001858ff7000000000121") + b"\0" * 23,)
PARTS = [OUTSIDE[at:at + 20] for at in range(0, len(OUTSIDE), 20)]
PRELUDE = stream()
LATE = names.query(OUTSIDE_NAME, ident=0x0301)
PAD = 5891 - len(LATE) - 15
LATE = names.query(OUTSIDE_NAME, ident=0x0301, additional=(names.edns(struct.pack(">HH", 12, PAD) + b"\0" * PAD),))
LATE = names.over_tcp(LATE)
assert LATE[:2] == b"\x17\x03"  # the length looks like the beginning of a TLS record

HELLOS = [
    # The mark of a tunnel's port on one side alone is what any client may choose.
    told("TLS from the port of OpenVPN", stream(OUTSIDE, sport=1194)),
    Case("QUIC from the port of OpenVPN", lambda: datagrams(quic.of_hello(names.hello(OUTSIDE_NAME)), 1194), VIOLATED, (left(),), maybe=ANY,
         needs="cryptography"),
    told("TLS after STARTTLS of SMTP", stream(*MAIL, OUTSIDE)),
    told("TLS after STARTTLS of IMAP", stream(b"a STARTTLS\r\n", OUTSIDE)),
    told("TLS after StartTLS of LDAP", stream(*DIRECTORY, OUTSIDE)),
    told("TLS after SSLRequest of MySQL", stream(*DATABASE, OUTSIDE)),
    told("TLS after an alert", stream(bytes.fromhex("1503010002015a") + OUTSIDE)),
    Case("DTLS behind another record of the datagram",
         [ether(udp(POD, GATEWAY, 443, bytes.fromhex("15fefd0000000000000000000201") + b"\x5a" + names.dtls(OUTSIDE_NAME)))],
         VIOLATED, (left(),), maybe=ANY),
    # Who opened is no reason not to look: a forged packet says it, and either side may be the client of TLS.
    told("the hello after a SYN from the other side", [ether(tcp(GATEWAY, POD, 40000, sport=443, seq=9000)), *stream(OUTSIDE)]),
    told("the hello after a SYN with ACK that answers nothing", [segment(flags="SA", seq=5, ttl=1), *stream(OUTSIDE)]),
    told("the hello of who was called", [ether(one) for one in connection(OFFICE, POD, 8080, [b"\x01"], replies=[OUTSIDE])], 40000, OFFICE),
    # A sender may make packets that its peer never takes: beyond their hop limit, or outside the window.
    unclean("a second SYN elsewhere in the sequence", [PRELUDE[0], segment(flags="S", seq=900000, ttl=1), *PRELUDE[1:], segment(OUTSIDE)]),
    unclean("a reset and a SYN elsewhere in the sequence",
            [*PRELUDE, segment(flags="R", seq=77, ttl=1), segment(flags="S", seq=900000, ttl=1), segment(OUTSIDE)]),
    unclean("another hello was read at the same place", [*PRELUDE, segment(INSIDE, ttl=1), segment(OUTSIDE)]),
    unclean("another hello was in the SYN", [segment(INSIDE, seq=1000, flags="S"), *PRELUDE[1:], segment(OUTSIDE)]),
    unclean("a preamble in two parts after a reset",
            [*PRELUDE, segment(flags="R", seq=77, ttl=1), segment(b"\0\0\0\x08"), segment(b"\x04\xd2\x16\x2f" + OUTSIDE, seq=1005)]),
    told("a new connection on the ports of one that was not closed", [*stream(INSIDE), *stream(OUTSIDE, isn=500000)]),
    # A receiver takes urgent bytes out of the stream.
    unclean("urgent bytes in the name of a host", lambda: [*PRELUDE, *urgent((b"GET / HTTP/1.1\r\nHost: wiki.corp.exampl", False), (b"e", True),
                                                                             (b"\r\n\r\n", False))]),
    Case("QUIC whose first half was pushed out", lambda: pushed_out(), NOT_CLEAN, maybe=ANY, needs="cryptography"),
    # The same with any number of threads: the tag is of a type, and of a priority, that look like IP where they stand.
    told("a hello in parts behind tags of another type", [tagged(one, [0x4064, 0x4065], outer=0x9100) for one in stream(*PARTS)], policy="l2"),
]

# --- DNS
QUESTION = udp(POD, SERVER, 53, names.query(OUTSIDE_NAME, additional=(names.edns(struct.pack(">HH", 12, 1500) + b"\0" * 1500),)))
PIECES = fragments4(QUESTION, 800)
ASKED = Find("AT-A020", SERVER, 53, OUTSIDE_NAME)

DNS = [
    Case("DNS over TCP whose length looks like TLS", stream(*(LATE[at:at + 1400] for at in range(0, len(LATE), 1400)), port=53, peer=SERVER), VIOLATED,
         (ASKED,), maybe=ANY),
    Case("a question behind 30 other datagrams", [*datagrams([b"\1\2" + bytes([number]) * 20 for number in range(30)]),
                                                 *datagrams([names.query(OUTSIDE_NAME)])], VIOLATED,
         (Find("AT-A020", GATEWAY, 443, OUTSIDE_NAME),), maybe=ANY),
    Case("an update that carries an outside name",
         [ether(udp(POD, SERVER, 53, struct.pack(">HHHHHH", 1, 5 << 11, 1, 0, 1, 0) + names.labels("corp.example") + struct.pack(">HH", 6, 1) +
                    names.address(OUTSIDE_NAME, SERVER)[0]))], VIOLATED, (ASKED,), maybe=ANY),
    Case("a question that calls itself an answer", [ether(udp(POD, SERVER, 53, names.query(OUTSIDE_NAME, flags=0x8103)))], NOT_CLEAN, maybe=ANY),
    unclean("a question in fragments, and a false last one",
            [ether(one) for one in (PIECES[0], ip4(POD, SERVER, 17, b"z" * 8, ident=77, offset=8000), PIECES[1])]),
    unclean("a question in fragments, with thousands between them",
            lambda: [ether(one) for one in (PIECES[0], *(ip4(POD, POD2, 17, b"z" * 8, flags=1, ident=number, offset=8) for number in range(5000)),
                                            PIECES[1])]),
    unclean("a question of which a fragment is missing", [ether(PIECES[0])]),
]

# --- what the capture lacks: only headers were kept (tcpdump -s 54), or a packet was lost
TWO = names.http2(INSIDE_NAME)
LACKING = [
    unclean("TLS, cut behind the TCP header", [cut(one, 54) for one in stream(OUTSIDE)]),
    unclean("TLS, cut within the TCP header", [cut(one, 42) for one in stream(OUTSIDE)]),
    unclean("HTTP, cut behind the TCP header", [cut(one, 54) for one in stream(REQUEST, port=3128)]),
    unclean("DNS over TCP, cut behind the TCP header", [cut(one, 54) for one in stream(names.over_tcp(names.query(OUTSIDE_NAME)), port=53, peer=SERVER)]),
    unclean("DNS, cut behind the UDP header", [cut(ether(udp(POD, SERVER, 53, names.query(OUTSIDE_NAME))), 42)]),
    Case("QUIC, cut behind the UDP header", lambda: [cut(one, 42) for one in datagrams(quic.of_hello(names.hello(OUTSIDE_NAME)))], NOT_CLEAN, maybe=ANY,
         needs="cryptography"),
    unclean("a request behind a lost segment", [*stream(FIRST, port=3128), segment(REQUEST, seq=1001 + len(FIRST) + 500, port=3128)]),
    unclean("HTTP/2 behind a lost segment", [*stream(TWO, port=80), segment(names.http2(OUTSIDE_NAME)[33:], seq=1001 + len(TWO) + 500, port=80)]),
    told("a request in a connection that began before the file", [segment(b"{} {} {}", port=3128), segment(REQUEST, seq=1009, port=3128)], 3128),
    unclean("SOCKS 5 with an authentication that is not followed",
            stream(b"\x05\x01\x01", b"\x01\x01\0\x04tokn", names.socks5(OUTSIDE_NAME)[1], port=1080)),
]

# --- what every cluster does: nothing is violated
SOLICITATION = icmp6("fe80::1", "ff02::1:ff00:2", b"\x87" + b"\0" * 7 + pack("fe80::2") + b"\1\1\2\0\0\0\0\1", ttl=255)
REPORT = icmp6("fe80::1", "ff02::16", b"\x8f\0\0\0\0\0\0\1\4\0\0\0" + pack("ff02::1:ff00:2"), ttl=1, extension=b"\0\0\5\2\0\0\1\0")
ALERT = b"\x94\x04\0\0"

EVERYDAY = [
    Case("a question for the root", [ether(udp(POD, "10.43.0.10", 53, names.query("", kind=names.NS)))], CLEAN, maybe=ANY),
    Case("neighbour solicitation in a declared overlay", [ether(tunnels.vxlan(SOLICITATION, port=8472))]),
    Case("MLD report in a declared overlay", [ether(tunnels.vxlan(REPORT, port=8472))]),
]


def urgent(*parts):
    out, seq = [], 1001
    for data, is_urgent in parts:
        head = TCP(sport=40000, dport=443, flags="PAU" if is_urgent else "PA", seq=seq, ack=9001, urgptr=len(data) if is_urgent else 0)
        out.append(ether(raw(IP(src=POD, dst=GATEWAY, id=4711) / head / Raw(data))))
        seq += len(data)
    return out


def pushed_out():
    """Two halves of a hello, and between them as many other beginnings as are followed in one flow; then a whole hello."""
    halves = quic.of_hello(names.hello(OUTSIDE_NAME, padding=1500), 2, connection=b"outsider")
    beginnings = [quic.of_hello(names.hello(INSIDE_NAME, padding=1500), 2, connection=b"begin%03d" % number)[0] for number in range(4)]
    return datagrams([halves[0], *beginnings, halves[1], *quic.of_hello(names.hello(INSIDE_NAME), connection=b"harmless")])


CASES = ADDRESSES + HTTP + HELLOS + DNS + LACKING + EVERYDAY
for one in CASES:
    one.name = f"review {one.name}"


# --- what is no case of packets alone
def keeps_its_input(run, folder):
    """--write-findings never replaces the capture that is evidence, nor the policy, under whatever name."""
    data = pcap([Packet(ether(tcp(POD, OUT, 443)), NOW)])
    (folder / "a.cap").write_bytes(data)
    (folder / "link.cap").hardlink_to(folder / "a.cap")
    policy = folder / "policy.json"
    policy.write_bytes(run.policies["base"].read_bytes())
    wrong = []
    for target in ("a.cap", "./a.cap", "policy.json"):
        code, _, error = run.replay(folder, policy, ["a.cap"], "--write-findings", target)
        wrong += [] if code == 2 and target.lstrip("./") in error else [f"{target}: exit code {code}: {error[:200]}"]
        wrong += [] if (folder / "a.cap").read_bytes() == data else [f"{target}: the capture was replaced"]
        wrong += [] if policy.read_bytes() == run.policies["base"].read_bytes() else [f"{target}: the policy was replaced"]
        (folder / "a.cap").write_bytes(data)
        policy.write_bytes(run.policies["base"].read_bytes())
    return wrong


def names_the_worst(run, folder):
    """More different findings than are kept: what violates is named, with any number of threads."""
    frame = ether(tcp(POD, SERVER, 1))
    many = [frame[:33] + bytes([90 + number // 65000]) + frame[34:36] + struct.pack(">H", 1 + number % 65000) + frame[38:]
            for number in range(70_000)]
    many.append(ether(tcp(POD, OUT, 443)))
    (folder / "a.cap").write_bytes(pcap([Packet(one, NOW + number) for number, one in enumerate(many)]))
    wrong = []
    for threads in ("1", "4"):
        code, out, error = run.replay(folder, run.policies["base"], ["a.cap"], "--threads", threads)
        found = [one for one in json.loads(out)["findings"] if one["rule_id"] == "AT-A001"] if code == 1 else []
        wrong += [] if [one["destination"] for one in found] == [OUT] else [f"{threads} threads: exit code {code}, {len(found)} escapes named"]
    return wrong


STORIES = {"review --write-findings keeps its input": keeps_its_input, "review a full list names what violates": names_the_worst}
