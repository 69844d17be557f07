"""DNS: who is asked what, how it is answered, and every way to write a question that a careless reader misses."""
import struct

from . import names
from .case import ANY, CLEAN, INCONCLUSIVE, VIOLATED, Case, Find
from .names import A, AAAA, HTTPS, PTR, TXT, address, alias, answer, edns, labels, over_tcp, query, record
from .packets import connection, ether, pack, tcp, udp
from .world import COREDNS, GATEWAY, INSIDE_NAME, NODE, OUT, OUTSIDE_NAME, POD, POD2, RESOLVER, SERVER, VLLM


def ask(message, resolver=RESOLVER, port=53, sport=33000, source=COREDNS):
    return ether(udp(source, resolver, port, message, sport=sport))


def reply(message, resolver=RESOLVER, port=53, sport=33000, source=COREDNS):
    return ether(udp(resolver, source, sport, message, sport=port))


def asked(name, *records, resolver=RESOLVER, kind=A, **more):
    return [ask(query(name, kind), resolver), reply(answer(name, records, kind, **more), resolver)]


def over(segments, replies=(), resolver=RESOLVER):
    return [ether(one) for one in connection(COREDNS, resolver, 53, segments, sport=33000, replies=replies)]


def each_byte(data):
    return [data[at:at + 1] for at in range(len(data))]


def named(name=OUTSIDE_NAME, resolver=RESOLVER, port=53, **more):
    return Find("AT-A021", resolver, port, name, **more)


def upstream(name=OUTSIDE_NAME):
    """Found on the answer or joined to its question, so the ends are open."""
    return Find("AT-A022", ANY, ANY, name, effect="inconclusive")


def outside_answer(name=INSIDE_NAME):
    return Find("AT-A023", ANY, ANY, name, effect="listed")


QUESTION, INSIDE = query(OUTSIDE_NAME), query(INSIDE_NAME)
ALSO = (named(),)
LONG = ".".join(["a" * 63, "b" * 63, "c" * 63, "d" * 48]) + ".example.org"
POINTER = b"\xc0\x0c"  # to the name of the first question
HINTS = struct.pack(">H", 1) + b"\0" + struct.pack(">HH", 1, 3) + b"\x02h2" + struct.pack(">HH", 4, 4) + pack("203.0.113.9")
NOTHING_READ = (CLEAN, INCONCLUSIVE)  # a question that has no name: whether the packet is undecodable is open, but it names no outside

CASES = [
    # --- who is asked
    Case("outside name, no answer", [ask(QUESTION)], CLEAN, (named(effect="listed", source=COREDNS),)),
    Case("outside name, NXDOMAIN", asked(OUTSIDE_NAME, rcode=3), CLEAN, (named(),)),
    Case("outside name, refused", asked(OUTSIDE_NAME, rcode=5), CLEAN, (named(),)),
    Case("outside name, answered with an outside address", asked(OUTSIDE_NAME, *address(OUTSIDE_NAME, "203.0.113.9")), INCONCLUSIVE, (upstream(),), ALSO),
    Case("outside name, answered with an outside address of IPv6", asked(OUTSIDE_NAME, *address(OUTSIDE_NAME, "2001:db8::9"), kind=AAAA),
         INCONCLUSIVE, (upstream(),), ALSO),
    Case("outside name, answered with an inside address", asked(OUTSIDE_NAME, *address(OUTSIDE_NAME, "10.20.0.40")), CLEAN, (named(),)),
    Case("outside name, one address inside and one outside", asked(OUTSIDE_NAME, *address(OUTSIDE_NAME, "10.20.0.40", "203.0.113.9")), INCONCLUSIVE,
         (upstream(),), ALSO),
    Case("outside name, denied behind an alias", asked(OUTSIDE_NAME, alias(OUTSIDE_NAME, "cdn.example.net"), rcode=3), INCONCLUSIVE, (upstream(),), ALSO),
    Case("outside name, denied with an outside address", asked(OUTSIDE_NAME, *address(OUTSIDE_NAME, "203.0.113.9"), rcode=3), INCONCLUSIVE,
         (upstream(),), ALSO),
    Case("outside name asked of a resolver's other port", [ask(QUESTION, port=5300)], VIOLATED, (Find("AT-A020", RESOLVER, 5300, OUTSIDE_NAME),), maybe=ANY),
    Case("outside name, answered with text", asked(OUTSIDE_NAME, record(OUTSIDE_NAME, TXT, b"\x05hello"), kind=TXT), INCONCLUSIVE, (upstream(),), ALSO),
    Case("outside name, answered with an alias", asked(OUTSIDE_NAME, alias(OUTSIDE_NAME, "cdn.example.net")), INCONCLUSIVE, (upstream(),), ALSO),
    Case("outside name of a server without a resolver's role", asked(OUTSIDE_NAME, resolver=SERVER, rcode=3), VIOLATED,
         (Find("AT-A020", SERVER, 53, OUTSIDE_NAME, effect="violated"), Find("AT-A012", SERVER, 53))),
    Case("inside name of a server without a resolver's role", asked(INSIDE_NAME, *address(INSIDE_NAME, "10.20.0.40"), resolver=SERVER), CLEAN,
         (Find("AT-A012", SERVER, 53),)),
    Case("outside name of an outside resolver", [ask(QUESTION, "8.8.8.8")], VIOLATED,
         (Find("AT-A001", "8.8.8.8", 53, ANY, catalogue="Google Public DNS"), Find("AT-A020", "8.8.8.8", 53, OUTSIDE_NAME))),
    Case("inside name of an outside resolver", [ask(INSIDE, OUT)], VIOLATED, (Find("AT-A001", OUT, 53, ANY),)),
    Case("outside name of cluster DNS", [ask(QUESTION, "10.43.0.10", source=POD)], CLEAN, (named(resolver="10.43.0.10"),)),
    Case("outside name of a pod, where cluster DNS is pods", [ask(QUESTION, COREDNS, source=POD)], CLEAN, (named(resolver=COREDNS),)),
    Case("outside name at the resolver's other port", [ask(QUESTION, port=5353)], (VIOLATED, CLEAN),
         (Find("AT-A012", RESOLVER, 5353), Find(("AT-A020", "AT-A021"), RESOLVER, 5353, OUTSIDE_NAME))),
    Case("question on another port of an undeclared server", [ask(QUESTION, SERVER, 5300)], VIOLATED,
         (Find("AT-A020", SERVER, 5300, OUTSIDE_NAME), Find("AT-A012", SERVER, 5300))),
    Case("question on a declared port of an endpoint", [ask(QUESTION, GATEWAY, 443, source=POD)], VIOLATED, (Find("AT-A020", GATEWAY, 443, OUTSIDE_NAME),)),
    Case("inside names", asked(INSIDE_NAME, *address(INSIDE_NAME, "10.20.0.40")) + [ask(query("vllm.corp.example"), sport=33001),
         ask(query("web.app.svc.cluster.local"), sport=33002), ask(query("10.0.20.10.in-addr.arpa", PTR), sport=33003)],
         also=lambda report: [] if {one["name"].rstrip("."): one["inside"] for one in report["names"]}.get(INSIDE_NAME) is True else ["names"]),
    Case("names are counted", [ask(QUESTION), ask(QUESTION, sport=33001)], CLEAN, (named(packets=2),),
         also=lambda report: [] if [(one["name"].rstrip("."), one["times"], one["inside"]) for one in report["names"]] == [(OUTSIDE_NAME, 2, False)]
         and report["visibility"]["dns_questions"] == 2 else [f"{report['names']} {report['visibility']}"]),
    Case("a name that only ends like the zone", [ask(query("notcorp.example"))], CLEAN, (named("notcorp.example"),)),
    Case("the zone within another name", [ask(query("corp.example.evil.example"))], CLEAN, (named("corp.example.evil.example"),)),
    Case("the search list's outside name", [ask(query("www.example.org.app.svc.cluster.local"))], CLEAN),
    Case("a top-level name", [ask(query("internet"))], CLEAN, (named("internet"),)),
    Case("the longest name", [ask(query(LONG))], CLEAN, (named(LONG),)),
    Case("zone transfer of an outside zone", over([over_tcp(query("example.org", 252))]), CLEAN, (named("example.org"),)),

    # --- inside names that are answered with outside
    Case("inside name, outside address", asked(INSIDE_NAME, *address(INSIDE_NAME, "203.0.113.9")), CLEAN, (outside_answer(),)),
    Case("inside name, outside address of IPv6", asked(INSIDE_NAME, *address(INSIDE_NAME, "2001:db8::9"), kind=AAAA), CLEAN, (outside_answer(),)),
    Case("inside name, alias to outside with an outside address",
         asked("a.corp.example", alias("a.corp.example", "b.evil.example"), *address("b.evil.example", "203.0.113.9")), CLEAN,
         (outside_answer("a.corp.example"),), (Find("AT-A023", ANY, ANY, "b.evil.example"),)),
    Case("inside name, three aliases, all inside", asked("a.corp.example", alias("a.corp.example", "b.corp.example"),
         alias("b.corp.example", "c.corp.example"), alias("c.corp.example", "d.corp.example"), *address("d.corp.example", "10.20.0.40"))),
    Case("inside name, address hint of an HTTPS record", asked(INSIDE_NAME, record(INSIDE_NAME, HTTPS, HINTS), kind=HTTPS), CLEAN, (outside_answer(),)),
    Case("outside name, HTTPS record", asked(OUTSIDE_NAME, record(OUTSIDE_NAME, HTTPS, HINTS), kind=HTTPS), INCONCLUSIVE, (upstream(),), ALSO),
    # An additional record is no answer to what was asked: whether it is a finding is open.
    Case("inside name, outside address among the additional records",
         asked(INSIDE_NAME, *address(INSIDE_NAME, "10.20.0.40"), additional=address(INSIDE_NAME, "203.0.113.9")), CLEAN,
         maybe=(outside_answer(),)),
    Case("inside name, compressed owner of an outside address", asked(INSIDE_NAME, record(POINTER, A, pack("203.0.113.9"))), CLEAN, (outside_answer(),)),
    Case("inside name, IPv4-mapped outside address", asked(INSIDE_NAME, *address(INSIDE_NAME, "::ffff:203.0.113.9"), kind=AAAA), CLEAN,
         (outside_answer(),)),
    Case("inside name, answered outside, and followed", asked(INSIDE_NAME, *address(INSIDE_NAME, "203.0.113.9")) + [ether(tcp(POD, "203.0.113.9", 443))],
         VIOLATED, (outside_answer(), Find("AT-A001", "203.0.113.9", 443, ANY))),

    # --- how a question is written
    Case("letter case of 0x20", [ask(query("wWw.ExAmPlE.oRG"))], CLEAN, (named(),)),
    Case("inside name in mixed case", [ask(query("WIKI.Corp.eXample"))]),
    Case("EDNS", [ask(query(OUTSIDE_NAME, additional=[edns(b"\0\x0a\0\x08" + b"\x11" * 8)]))], CLEAN, (named(),)),
    Case("name of an outside address", [ask(query("9.113.0.203.in-addr.arpa", PTR))], CLEAN, (named("9.113.0.203.in-addr.arpa"),)),
    Case("name of an outside address of IPv6", [ask(query("9." + "0." * 23 + "8.b.d.0.1.0.0.2.ip6.arpa", PTR))], CLEAN,
         (named("9." + "0." * 23 + "8.b.d.0.1.0.0.2.ip6.arpa"),)),
    Case("name of an inside address", [ask(query("10.0.20.10.in-addr.arpa", PTR))]),
    Case("two questions, the second outside", [ask(struct.pack(">HHHHHH", 7, 0x0100, 2, 0, 0, 0) + labels(INSIDE_NAME) + b"\0\x01\0\x01" +
         labels(OUTSIDE_NAME) + b"\0\x01\0\x01")], CLEAN, (named(),)),
    Case("question of type ANY", [ask(query(OUTSIDE_NAME, 255))], CLEAN, (named(),)),
    Case("question of type 65534", [ask(query(OUTSIDE_NAME, 65534))], CLEAN, (named(),)),
    Case("tunnel of long labels", [ask(query(f"{'ab12' * 15}{n:03d}.{'cd34' * 15}.t.example.net", TXT), sport=33000 + n) for n in range(20)], CLEAN,
         tuple(named(f"{'ab12' * 15}{n:03d}.{'cd34' * 15}.t.example.net") for n in range(20))),
    Case("pointer to itself", [ask(query(b"\xc0\x0c"))], NOTHING_READ, maybe=ANY),
    Case("pointers to one another", [ask(query(b"\xc0\x0e\xc0\x0c"))], NOTHING_READ, maybe=ANY),
    Case("pointer past the end", [ask(query(b"\x03www\xff\xff"))], NOTHING_READ, maybe=ANY),
    Case("pointer loop in the answer to an outside name", [ask(QUESTION), reply(answer(OUTSIDE_NAME, [record(b"\xc0\x2d", A, pack("203.0.113.9"))]))],
         NOTHING_READ, (named(),), maybe=ANY),
    Case("label of 64 bytes", [ask(query(b"\x40" + b"a" * 64 + b"\0"))], NOTHING_READ, maybe=ANY),
    Case("counts that lie", [ask(QUESTION[:4] + b"\0\x01\xff\xff\xff\xff\xff\xff" + QUESTION[12:])], NOTHING_READ, (named(),), maybe=ANY),
    Case("bytes that are no host name", [ask(query(b"\x05a b\0c\x07example\x03org\0"))], CLEAN, (Find("AT-A021", RESOLVER, 53, ANY),)),

    # --- over TCP
    Case("TCP", over([over_tcp(QUESTION)]), CLEAN, (named(),)),
    Case("TCP, five messages in a segment", over([over_tcp(INSIDE, QUESTION, INSIDE, query("two.example.net"), INSIDE)]), CLEAN,
         (named(), named("two.example.net"))),
    Case("TCP, a byte a segment", over(each_byte(over_tcp(INSIDE, QUESTION))), CLEAN, (named(),)),
    Case("TCP, the length apart from the message", over([over_tcp(QUESTION)[:2], over_tcp(QUESTION)[2:]]), CLEAN, (named(),)),
    Case("TCP, out of order", over([(20, over_tcp(QUESTION)[20:]), (0, over_tcp(QUESTION)[:20])]), CLEAN, (named(),)),
    Case("TCP, answered with an outside address", over([over_tcp(QUESTION)], [over_tcp(answer(OUTSIDE_NAME, address(OUTSIDE_NAME, "203.0.113.9")))]),
         INCONCLUSIVE, (upstream(),), ALSO),
    Case("TCP, the answer in three segments",
         over([over_tcp(QUESTION)], [over_tcp(answer(OUTSIDE_NAME, address(OUTSIDE_NAME, "203.0.113.9")))[at:at + 20] for at in (0, 20, 40)] +
              [over_tcp(answer(OUTSIDE_NAME, address(OUTSIDE_NAME, "203.0.113.9")))[60:]]), INCONCLUSIVE, (upstream(),), ALSO),
    Case("TCP to an undeclared server", over([over_tcp(QUESTION)], resolver=SERVER), VIOLATED,
         (Find("AT-A020", SERVER, 53, OUTSIDE_NAME), Find("AT-A012", SERVER, 53))),
    Case("TCP, a middle segment is missing", over([(0, over_tcp(QUESTION)[:12]), (20, over_tcp(QUESTION)[20:])]), (CLEAN, INCONCLUSIVE), maybe=ANY),

    # --- other resolvers' protocols: their groups are outside, and not declared
    Case("mDNS", [ether(udp(NODE, "224.0.0.251", 5353, query("printer.local", ident=0, flags=0), sport=5353, ttl=255))], VIOLATED,
         (Find("AT-A001", "224.0.0.251", 5353, ANY),), (Find("AT-A020", "224.0.0.251", 5353, "printer.local"),)),
    Case("mDNS of IPv6", [ether(udp("fe80::5", "ff02::fb", 5353, query("printer.local", ident=0, flags=0), sport=5353, ttl=255))], VIOLATED,
         (Find("AT-A001", "ff02::fb", 5353, ANY),), (Find("AT-A020", "ff02::fb", 5353, "printer.local"),)),
    Case("LLMNR", [ether(udp(NODE, "224.0.0.252", 5355, query("fileserver", flags=0), ttl=1))], VIOLATED,
         (Find("AT-A001", "224.0.0.252", 5355, ANY),), (Find("AT-A020", "224.0.0.252", 5355, "fileserver"),)),

    # --- encrypted
    Case("DoT to a pod", [ether(one) for one in connection(POD, POD2, 853, [names.tls(INSIDE_NAME)])], CLEAN,
         (Find("AT-A028", POD2, 853, ANY, effect="listed"),)),
    Case("DoT to an undeclared server", [ether(one) for one in connection(POD, SERVER, 853, [names.tls()])], CLEAN,
         (Find("AT-A028", SERVER, 853, ANY), Find("AT-A012", SERVER, 853))),
    Case("DoT to outside", [ether(one) for one in connection(POD, OUT, 853, [names.tls()])], VIOLATED, (Find("AT-A001", OUT, 853, ANY),),
         (Find("AT-A028", OUT, 853, ANY),)),
    Case("DoQ to a pod", [ether(udp(POD, POD2, 853, b"\xc3\0\0\0\x01\x08" + b"\x5a" * 1194))], (CLEAN, INCONCLUSIVE), (Find("AT-A028", POD2, 853, ANY),),
         (Find("AT-A027", POD2, 853, ANY),)),
    Case("DoT by ALPN on a declared port", [ether(one) for one in connection(POD, GATEWAY, 443, [names.tls(INSIDE_NAME, alpn=["dot"])])], CLEAN,
         (Find("AT-A028", GATEWAY, 443, ANY),)),
    Case("DoH by its known name", [ether(one) for one in connection(POD, GATEWAY, 443, [names.tls("dns.google", alpn=["h2"])])], VIOLATED,
         (Find("AT-A024", GATEWAY, 443, "dns.google", catalogue="DNS"),), (Find("AT-A028", GATEWAY, 443, ANY),)),
    Case("DoH to outside", [ether(one) for one in connection(POD, "8.8.8.8", 443, [names.tls("dns.google")])], VIOLATED,
         (Find("AT-A001", "8.8.8.8", 443, ANY, catalogue="Google"), Find("AT-A024", "8.8.8.8", 443, "dns.google")), (Find("AT-A028", "8.8.8.8", 443, ANY),)),

    # --- labels of catalogues
    Case("R51 ollama.com", [ask(query("ollama.com"))], CLEAN, (named("ollama.com", catalogue="Ollama"),)),
    Case("R53 the vocabulary, asked for", [ask(query("openaipublic.blob.core.windows.net"))], CLEAN,
         (named("openaipublic.blob.core.windows.net", catalogue="tiktoken"),)),
    Case("xpander Cloud by name", [ask(query("deployment-manager.xpander.ai"))], CLEAN, (named("deployment-manager.xpander.ai", catalogue="deployment manager"),)),
    Case("hosted LLM by name", [ask(query("api.openai.com"))], CLEAN, (named("api.openai.com", catalogue="OpenAI"),)),
    Case("a denied name behind a private address", asked("deployment-manager-privatelink.xpander.ai", *address(
         "deployment-manager-privatelink.xpander.ai", "10.20.0.99")), CLEAN, (named("deployment-manager-privatelink.xpander.ai", catalogue="PrivateLink"),)),
]
for one in CASES:
    one.name = f"DNS {one.name}"
