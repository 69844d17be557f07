"""nftables and iptables: what a ruleset lets leave a node."""
import json

from .case import OPEN, Case
from .words import BASE, SPEC, WEB, deny, documents

IN = ("--inside", "10.0.0.0/8")
ACCEPT = "ip daddr 10.0.0.0/8 accept"
UNCLEAR = ("violated", "inconclusive")
RAW = "no raw sender is on the nodes"
SOURCE_ROUTE = "IPv4 source route"


def chain(hook, rules, policy="drop", priority="0", name=None, kind="filter"):
    return f"chain {name or hook} {{\n type {kind} hook {hook} priority {priority}; policy {policy};\n {rules}\n}}\n"


def table(*parts, family="inet", name="t"):
    return f"table {family} {name} {{\n{''.join(parts)}}}\n"


def both(rules, policy="drop", priority="0", more="", name="t"):
    """One table with the same rules on the two hooks by which packets leave."""
    return table(more, chain("output", rules, policy, priority), chain("forward", rules, policy, priority), name=name)


def held(name, text, *arguments, **more):
    return Case(name, {"r.nft": text}, arguments or IN, **{"code": 0, "verdict": "proven", **more})


def opened(name, text, *arguments, **more):
    return Case(name, {"r.nft": text}, arguments or IN,
                **{"code": 1, "verdict": "violated", "finds": ({"property": "sealed"}, ), **more})


def unclear(name, text, *arguments, **more):
    return Case(name, {"r.nft": text}, arguments or IN, **{"code": OPEN, "verdict": UNCLEAR, **more})


SEALED = both(ACCEPT)
OUT = "meta nfproto ipv6 drop\n ip daddr != 10.0.0.0/8 drop"
HOOKS = [
    held("policy drop and inside accepted", SEALED, assumes=(RAW, SOURCE_ROUTE)),
    held("policy accept and both families dropped", both(OUT, "accept")),
    held("drop ends all: a second table on the hook accepts", SEALED + both("accept", "accept", "10", name="u")),
    held("drop ends all: the first table accepts",
         both("accept", "accept", "-10", name="u") + SEALED),
    held("accept ends one chain only",
         table(chain("output", "accept", priority="-10", name="a"), chain("output", ACCEPT), chain("forward", ACCEPT))),
    opened("accept ends its own chain: a drop behind it never comes", both(f"accept\n {OUT}", "accept")),
    held("accept in a jump ends its base chain, not others",
         both("jump yes", more="chain yes {\n ip daddr 10.0.0.0/8 accept\n}\n")),
    held("return goes on behind the jump",
         both(f"jump maybe\n {OUT}\n accept", more="chain maybe {\n return\n accept\n}\n")),
    opened("a jumped chain accepts before the drop",
           both(f"jump yes\n {OUT}", "accept", more="chain yes {\n tcp dport 443 accept\n}\n"),
           finds=({"protocol": "tcp", "port": 443}, )),
    held("goto does not come back", both("goto only\n accept", more="chain only {\n ip daddr 10.0.0.0/8 accept\n}\n")),
    opened("goto with policy accept", both(f"goto only\n {OUT}", "accept",
                                           more="chain only {\n tcp dport 1 drop\n}\n")),
    held("a verdict map", both("tcp dport vmap { 443 : jump inner, 80 : drop }",
                               more=f"chain inner {{\n {ACCEPT}\n}}\n")),
    opened("a verdict map that accepts",
           both("tcp dport vmap { 443 : accept, 80 : drop }"),
           finds=({"protocol": "tcp", "port": 443}, )),
    opened("the output hook alone leaves pods", table(chain("output", ACCEPT)), finds=({"workload": "pods"}, )),
    opened("the forward hook alone leaves nodes", table(chain("forward", ACCEPT)), finds=({"workload": "nodes"}, )),
    opened("an input chain holds nothing that leaves", table(chain("input", "drop"))),
    held("postrouting holds both", table(chain("postrouting", ACCEPT))),
    opened("policy accept without rules", both("", "accept"), finds=({"dst_in": "0.0.0.0/0"}, )),
    opened("IPv4 alone is half",
           table(chain("output", ACCEPT), chain("forward", ACCEPT), family="ip"),
           finds=({"dst_in": "::/0"}, )),
    opened("an IPv4 drop in an inet chain leaves IPv6",
           both("ip daddr != 10.0.0.0/8 drop", "accept"),
           finds=({"dst_in": "::/0"}, )),
    held(
        "two tables, one a family",
        table(chain("output", ACCEPT), chain("forward", ACCEPT), family="ip") +
        table(chain("output", ""), chain("forward", ""), family="ip6")),
    opened("a drop of some interfaces leaves the others", both('oifname "eth0" drop', "accept")),
    unclear("a drop by rate leaves the rest", both("limit rate over 5/second drop", "accept")),
    opened("a drop of one protocol leaves the others",
           both("meta l4proto { tcp, udp } drop", "accept"),
           finds=({"property": "sealed"}, )),
    opened("a drop of new packets leaves established ones",
           both("ct state new ip daddr != 10.0.0.0/8 drop\n ct state new meta nfproto ipv6 drop", "accept"),
           finds=({"state": "established"}, )),
    opened("established packets leave",
           both(f"ct state established,related accept\n {ACCEPT}"),
           finds=({"state": "established", "because": "r.nft:ct state"}, )),
    held("established packets to the inside only", both("ct state established ip daddr 10.0.0.0/8 accept")),
    held("outside is dropped first, whatever the state",
         both(f"{OUT}\n ct state established,related accept\n {ACCEPT}")),
    opened("reject that comes after an accept",
           both("tcp dport 53 accept\n reject"),
           finds=({"protocol": "tcp", "port": 53}, )),
    held("reject ends all", both(f"{ACCEPT}\n reject", "accept")),
    opened("a mark is a hole", both(f"meta mark 0x1 accept\n {ACCEPT}"), finds=({"because": "r.nft:mark 0x1"}, )),
    Case("a mark is a hole, and its kind is named", {"r.nft": both(f"meta mark 0x1 accept\n {ACCEPT}")},
         IN,
         code=1,
         finds=({"rule_id": "AT-V306"}, )),
    held("a mark toward the inside is none", both("meta mark 0x1 ip daddr 10.0.0.0/8 accept")),
    unclear("a hole for one user", both(f"meta skuid 0 accept\n {ACCEPT}")),
    held("a hole for one user toward the inside is none", both("meta skuid 0 ip daddr 10.0.0.0/8 accept"), code=(0, 1)),
    held(
        "intervals and sets of addresses",
        both("ip daddr @inner accept",
             more=
             "set inner {\n type ipv4_addr\n flags interval\n elements = { 10.0.0.0/9, 10.128.0.0-10.255.255.255 }\n}\n"
             )),
    opened("a set with one outside element",
           both("ip daddr @inner accept",
                more="set inner {\n type ipv4_addr\n flags interval\n elements = { 10.0.0.0/8, 203.0.113.9 }\n}\n"),
           finds=({"destination": "203.0.113.9"}, )),
    opened("a concatenation",
           both("ip daddr . tcp dport { 203.0.113.9 . 443, 10.0.0.1 . 80 } accept"),
           finds=({"destination": "203.0.113.9", "protocol": "tcp", "port": 443}, )),
    unclear("a set that is not in the input, in an accept", both("ip daddr @elsewhere accept")),
    unclear("a set that the packet path fills, in an accept",
            both("ip daddr @seen accept",
                 more="set seen {\n type ipv4_addr\n flags dynamic,timeout\n timeout 1h\n}\n")),
    unclear("a match that is not known, in an accept", both(f"osf name \"Linux\" accept\n {ACCEPT}")),
    unclear("a match that is not known, in a drop", both("osf name \"Linux\" drop", "accept")),
]
FILES = [
    held("a table is deleted and made anew in one file",
         both("accept", "accept") + "delete table inet t\n" + SEALED),
    held("flush ruleset before the table",
         both("accept", "accept", name="u") + "flush ruleset\n" + SEALED),
    unclear("flush ruleset behind the table", SEALED + "flush ruleset\n"),
    unclear("delete table behind the table", SEALED + "delete table inet t\n"),
    unclear("flush table behind the table",
            SEALED.replace("policy drop", "policy accept").replace(ACCEPT, OUT) + "flush table inet t\n"),
    unclear("flush chain behind the table",
            SEALED.replace("policy drop", "policy accept").replace(ACCEPT, OUT) + "flush chain inet t output\n"),
    opened("a chain that is written twice has the rules of both",
           SEALED + table(chain("output", "tcp dport 443 accept")),
           finds=({"protocol": "tcp", "port": 443, "workload": "nodes"}, )),
    opened("insert rule goes before",
           both(f"{OUT}", "accept") + "insert rule inet t output tcp dport 443 accept\n",
           finds=({"protocol": "tcp", "port": 443}, )),
    held("add rule goes behind",
         both(f"{OUT}", "accept") + "add rule inet t output tcp dport 443 accept\n"),
    unclear("a family that the destination is not of: nft refuses the file",
            both(f"ip6 daddr fd00::/8 ip protocol tcp accept\n {ACCEPT}")),
    unclear("a set of intervals without the flag: nft refuses the file",
            both("ip daddr @inner accept", more="set inner {\n type ipv4_addr\n elements = { 10.0.0.0/8 }\n}\n")),
    unclear(
        "a set of intervals that overlap: nft refuses the file",
        both("ip daddr @inner accept",
             more="set inner {\n type ipv4_addr\n flags interval\n elements = { 10.0.0.0/8, 10.1.0.0/16 }\n}\n")),
    unclear("a jump to a chain that is not there: nft refuses the file", both(f"jump nowhere\n {ACCEPT}")),
    unclear("a set that is not there: nft refuses the file", both(f"ip daddr @nowhere drop\n {ACCEPT}")),
    unclear("a filter chain of a family that has no such hook",
            table(chain("output", ACCEPT), chain("forward", ACCEPT), chain("egress", "accept", name="e"), family="ip")),
]
WHERE = [
    held("out by loopback leaves nothing", both(f'oifname "lo" accept\n {ACCEPT}')),
    unclear("out by every interface but one", both(f'oifname != "eth0" accept\n {ACCEPT}')),
    unclear("out by a bridge of pods", both(f'oifname "cni0" accept\n {ACCEPT}')),
    unclear("what came in by an interface", both(f'iifname "eth1" accept\n {ACCEPT}')),
    unclear("what was translated", both(f"ct status dnat accept\n {ACCEPT}")),
    unclear("the original destination is not the real one", both("ct original ip daddr 10.0.0.0/8 accept")),
    unclear("an address that is local, in a drop", both("fib daddr type != local drop", "accept")),
    unclear("a table that sleeps", both(ACCEPT, more="flags dormant;\n")),
    unclear(
        "elements that expire, in a drop",
        both(
            "ip daddr @out drop\n meta nfproto ipv6 drop",
            "accept",
            more=
            "set out {\n type ipv4_addr\n flags interval,timeout\n elements = { 0.0.0.0-9.255.255.255 timeout 1h, 11.0.0.0-255.255.255.255 timeout 1h }\n}\n"
        )),
    held(
        "elements that stay, in a drop",
        both(
            "ip daddr @out drop\n meta nfproto ipv6 drop",
            "accept",
            more=
            "set out {\n type ipv4_addr\n flags interval\n elements = { 0.0.0.0-9.255.255.255, 11.0.0.0-255.255.255.255 }\n}\n"
        )),
    unclear("a table of bridges sees nothing that is routed",
            table(chain("output", "", name="o"), chain("forward", "", name="f"), family="bridge")),
    unclear("a file that is included and not in the input", 'include "/etc/nft/more.nft"\n' + SEALED),
    unclear("a drop at random", both("numgen random mod 2 0 drop", "accept")),
    unclear("a drop until a quota", both("quota until 1 mbytes drop", "accept")),
    unclear("a drop by day", both("meta day \"Monday\" drop", "accept")),
    unclear("a drop of packets with an address of ours",
            both("ip saddr 10.42.0.0/16 ip daddr != 10.0.0.0/8 drop\n meta nfproto ipv6 drop", "accept")),
    unclear("a drop of lengths", both("meta length < 1500 drop", "accept")),
    held("variables", "define inner = { 10.0.0.0/8 }\n" + both("ip daddr $inner accept")),
    opened("variables that hold the outside",
           "define inner = { 10.0.0.0/8, 203.0.113.0/24 }\n" + both("ip daddr $inner accept"),
           finds=({"destination": "203.0.113.0"}, )),
    held("negated sets", both("ip daddr != { 10.0.0.0/8 } drop\n meta nfproto ipv6 drop", "accept")),
    opened("a prefix by mask that is wider",
           both("ip daddr & 254.0.0.0 == 10.0.0.0 accept"),
           finds=({"destination": "11.0.0.0"}, )),
]
TRANSLATION = [
    held("a check at -150 rests on nobody's translation behind it", both(ACCEPT, priority="-150"), assumes=("translat", )),
    opened("translation at -100, a check at -150 does not see it",
           table(chain("output", ACCEPT, priority="-150"), chain("forward", ACCEPT, priority="-150"),
                 chain("output", "tcp dport 80 dnat ip to 203.0.113.9", "accept", "-100", name="n", kind="nat"),
                 chain("prerouting", "", "accept", "-100", name="p", kind="nat")),
           code=OPEN,
           verdict=UNCLEAR,
           finds=()),
    held(
        "translation at -100, a check at 0 sees the real destination",
        table(chain("output", ACCEPT), chain("forward", ACCEPT),
              chain("output", "tcp dport 80 dnat ip to 203.0.113.9", "accept", "-100", name="n", kind="nat"))),
    held(
        "translation in prerouting, a check in forward",
        table(chain("output", ACCEPT), chain("forward", ACCEPT),
              chain("prerouting", "tcp dport 80 dnat ip to 203.0.113.9", "accept", "-100", name="n", kind="nat"))),
    unclear(
        "a nat chain that declares 50 translates at -100 all the same",
        table(chain("output", ACCEPT, priority="-150"), chain("forward", ACCEPT),
              chain("output", "tcp dport 80 dnat ip to 203.0.113.9", "accept", "50", name="n", kind="nat"))),
    held(
        "a nat chain that declares 50 is before a check at 0",
        table(chain("output", ACCEPT), chain("forward", ACCEPT),
              chain("output", "tcp dport 80 dnat ip to 203.0.113.9", "accept", "50", name="n", kind="nat"))),
    unclear(
        "a rewrite behind the check",
        table(chain("output", ACCEPT), chain("forward", ACCEPT),
              chain("output", "ip daddr set 203.0.113.9", "accept", "50", name="late"))),
    held(
        "source translation behind the check is none",
        table(chain("output", ACCEPT), chain("forward", ACCEPT),
              chain("postrouting", "masquerade", "accept", "100", name="n", kind="nat"))),
    unclear("dup", both(f"dup to 203.0.113.9 device \"eth0\"\n {ACCEPT}")),
    unclear("queue", both("queue num 1")),
    unclear(
        "fwd", SEALED +
        'table netdev n {\n chain i {\n type filter hook ingress device "eth1" priority 0; policy accept;\n fwd to "eth0"\n}\n}\n'
    ),
    unclear(
        "flowtable offload",
        table("flowtable f {\n hook ingress priority 0; devices = { eth0 };\n}\n", chain("output", ACCEPT),
              chain("forward", f"flow add @f\n {ACCEPT}"))),
    held("source routes are an assumption", SEALED, assumes=(SOURCE_ROUTE, )),
    held(
        "source routes are dropped",
        both(
            f"meta nfproto ipv6 exthdr rt exists drop\n meta nfproto ipv6 drop\n ip option lsrr exists drop\n ip option ssrr exists drop\n {ACCEPT}"
        ),
        assumes_not=(SOURCE_ROUTE, )),
]


def netdev(rules, policy="drop", device='device "eth0" '):
    return f"table netdev n {{\n chain leave {{\n type filter hook egress {device}priority 0; policy {policy};\n {rules}\n}}\n}}\n"


FRAMES = "ether type arp accept\n ether type ip ip daddr 10.0.0.0/8 accept"
HOST_POD = documents(WEB.replace("spec:\n      containers", "spec:\n      hostNetwork: true\n      containers"))
BASE_HELD = both(
    "ip daddr { 10.42.0.0/15, 10.10.0.0/24, 10.20.0.10, 127.0.0.0/8 } accept\n ip6 daddr { fd00:42::/56, ::1 } accept")
LISTING = {
    "nftables": [{"metainfo": {"version": "1.0.6", "release_name": "x", "json_schema_version": 1}},
                 {"table": {"family": "netdev", "name": "n", "handle": 1}}, {
                     "chain": {
                         "family": "netdev", "table": "n", "name": "leave", "handle": 1, "type": "filter",
                         "hook": "egress", "prio": 0, "policy": "drop"
                     }
                 }, ]
}


def listing(*extra):
    """`nft -j list ruleset` of the sealed table and a netdev chain."""
    rules = []
    for hook in ("output", "forward"):
        rules.append({
            "chain": {
                "family": "inet", "table": "t", "name": hook, "handle": 1, "type": "filter", "hook": hook, "prio": 0,
                "policy": "drop"
            }
        })
    for hook in ("output", "forward"):
        rules.append({
            "rule": {
                "family": "inet", "table": "t", "chain": hook, "handle": 2, "expr": [{
                    "match": {
                        "op": "==", "left": {"payload": {"protocol": "ip", "field": "daddr"}},
                        "right": {"prefix": {"addr": "10.0.0.0", "len": 8}}
                    }
                }, {"accept": None}]
            }
        })
    return json.dumps(
        {"nftables": [*LISTING["nftables"], {"table": {"family": "inet", "name": "t", "handle": 2}}, *rules, *extra]},
        indent=1)


EGRESS = [
    held("an egress chain with policy drop holds raw senders",
         SEALED + netdev(
             "@ll,96,16 0x0806 accept\n @ll,96,16 0x0800 @ll,112,8 0x45 @ll,240,32 & 0xff000000 == 0x0a000000 accept"),
         verdict=("proven", "inconclusive"),
         code=(0, 3)),
    held("an egress chain that lets nothing out", SEALED + netdev(""), assumes_not=(RAW, )),
    Case("an egress chain of policy accept that drops addresses lets other frames out",
         {"r.nft": SEALED + netdev("ip daddr != 10.0.0.0/8 drop\n ip6 daddr ::/0 drop", "accept")},
         IN,
         code=OPEN,
         finds=({"layer": "firewall", "property": "sealed"}, )),
    unclear("an egress chain that asks for the sender's word",
            SEALED + netdev(FRAMES + "\n meta protocol vlan accept")),
    held("a chain without an egress hook leaves raw senders an assumption", SEALED, assumes=(RAW, )),
    Case("an egress chain is credited if every interface was bound", {"r.nft": SEALED + netdev("")},
         IN,
         verdict="proven",
         assumes=("bound", )),
    Case("an egress chain of no device holds nothing",
         {"r.nft": SEALED + netdev("", device=""), "p.yaml": documents(deny(), HOST_POD)},
         IN,
         code=OPEN,
         verdict=UNCLEAR),
    Case("an egress chain of another device than the uplinks", {
        "isolation.yaml": SPEC, "r.nft": BASE_HELD + netdev("", device='device "eth7" '), "p.yaml": documents(
            BASE, HOST_POD.replace("name: web", "name: host"))
    }, ("--spec", "isolation.yaml"),
         code=OPEN,
         text=("raw sender", )),
    Case("an egress chain of the uplink",
         {"isolation.yaml": SPEC, "r.nft": BASE_HELD + netdev("", device='device "eth0" ')},
         ("--spec", "isolation.yaml"),
         layers={"firewall": "proven"}),
    Case("an egress chain of the uplink is credited if every interface was bound",
         {"isolation.yaml": SPEC, "r.nft": BASE_HELD + netdev("", device='device "eth0" ')},
         ("--spec", "isolation.yaml"),
         assumes=("bound", )),
    Case("an egress chain of one uplink of two", {
        "isolation.yaml": SPEC.replace("uplinks: [eth0]", "uplinks: [eth0, eth1]"), "r.nft": BASE_HELD +
        netdev("", device='device "eth0" '), "p.yaml": documents(BASE, HOST_POD.replace("name: web", "name: host"))
    }, ("--spec", "isolation.yaml"),
         code=OPEN,
         text=("raw sender", )),
    Case("a live listing credits no egress chain", {"r.json": listing()}, IN, verdict="proven", assumes=(RAW, )),
    Case("a live listing, and a hostNetwork pod that keeps raw sockets",
         {"r.json": listing(), "p.yaml": documents(deny(), HOST_POD)},
         IN,
         code=OPEN,
         verdict="inconclusive"),
    Case("a live listing with a foreign accept that comes first", {
        "r.json": listing({
            "chain": {
                "family": "inet", "table": "t", "name": "z", "handle": 9, "type": "filter", "hook": "output",
                "prio": -5, "policy": "accept"
            }
        })
    },
         IN,
         verdict="proven"),
    Case("a live listing with an expression that is not known", {
        "r.json": listing({
            "rule": {
                "family": "inet", "table": "t", "chain": "output", "handle": 9, "expr": [{"planet": "mars"},
                                                                                         {"accept": None}]
            }
        })
    },
         IN,
         code=OPEN,
         verdict=UNCLEAR),
    Case("the spec says eBPF: the netfilter of pods is not credited", {
        "isolation.yaml": SPEC.replace("    domain:", "    dataplane: ebpf\n    domain:").replace(
            "targets: [networkpolicy]", "targets: [networkpolicy, nftables, tc]"),
        "r.nft": both(
            "ip daddr { 10.42.0.0/15, 10.10.0.0/24, 10.20.0.10, 127.0.0.0/8 } accept\n ip6 daddr { fd00:42::/56, ::1 } accept"
        )
    }, ("--spec", "isolation.yaml"),
         code=OPEN),
]

V4 = "*filter\n:INPUT ACCEPT [0:0]\n:FORWARD {policy} [0:0]\n:OUTPUT {policy} [0:0]\n{rules}COMMIT\n"
V4_HELD = V4.format(policy="DROP", rules="-A OUTPUT -d 10.0.0.0/8 -j ACCEPT\n-A FORWARD -d 10.0.0.0/8 -j ACCEPT\n")
V6_HELD = "# Generated by ip6tables-save v1.8.9 (nf_tables)\n" + V4.format(
    policy="DROP", rules="-A OUTPUT -d fd00::/8 -j ACCEPT\n-A FORWARD -d fd00::/8 -j ACCEPT\n")
V4_HELD = "# Generated by iptables-save v1.8.9 (nf_tables)\n" + V4_HELD
BOTH_IN = ("--inside", "10.0.0.0/8", "--inside", "fd00::/8")


def dumps(name, v4, v6, **more):
    files = {"v4.rules": v4} | ({"v6.rules": v6} if v6 else {})
    return Case(name, files, BOTH_IN, **more)


def v4(rules, policy="DROP"):
    return "# Generated by iptables-save v1.8.9 (nf_tables)\n" + V4.format(policy=policy, rules=rules)


IPTABLES = [
    dumps("both dumps, one backend: the other backend is not shown",
          V4_HELD,
          V6_HELD,
          code=(0, 3),
          verdict=("proven", "inconclusive")),
    dumps("a dump that warns of the other backend",
          "# Warning: iptables-legacy tables present, use iptables-legacy-save to see them\n" + V4_HELD,
          V6_HELD,
          code=OPEN,
          verdict=UNCLEAR),
    dumps("iptables-save alone is half", V4_HELD, None, code=OPEN, verdict=UNCLEAR),
    Case("ip6tables-save alone is half", {"v6.rules": V6_HELD}, BOTH_IN, code=OPEN, verdict=UNCLEAR),
    dumps("an open IPv6 dump",
          V4_HELD,
          V6_HELD.replace("DROP", "ACCEPT"),
          code=1,
          verdict="violated",
          finds=({"dst_in": "::/0"}, )),
    dumps("a policy of ACCEPT",
          V4_HELD.replace("DROP", "ACCEPT"),
          V6_HELD,
          code=1,
          verdict="violated",
          finds=({"dst_in": "0.0.0.0/0"}, )),
    dumps("a jump to a chain that accepts",
          v4(":X - [0:0]\n-A OUTPUT -j X\n-A X -p tcp --dport 443 -j ACCEPT\n-A FORWARD -d 10.0.0.0/8 -j ACCEPT\n"),
          V6_HELD,
          code=1,
          verdict="violated",
          finds=({"protocol": "tcp", "port": 443, "workload": "nodes"}, )),
    dumps("RETURN goes back",
          v4(":X - [0:0]\n-A OUTPUT -j X\n-A OUTPUT -d 10.0.0.0/8 -j ACCEPT\n-A X -p tcp -j RETURN\n"),
          V6_HELD,
          code=(0, 3),
          verdict=("proven", "inconclusive")),
    dumps("a negated destination",
          v4("-A OUTPUT ! -d 203.0.113.0/24 -j DROP\n-A OUTPUT -j ACCEPT\n"),
          V6_HELD,
          code=1,
          verdict="violated",
          finds=({"destination": "203.0.113.0"}, )),
    dumps("established packets leave",
          v4("-A OUTPUT -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT\n-A OUTPUT -d 10.0.0.0/8 -j ACCEPT\n"),
          V6_HELD,
          code=1,
          verdict="violated",
          finds=({"state": "established"}, )),
    dumps("a set that is not in the input, in an accept",
          v4("-A OUTPUT -m set --match-set out dst -j ACCEPT\n"),
          V6_HELD,
          code=OPEN,
          verdict=UNCLEAR),
    dumps("a set that is not in the input, in a drop",
          v4("-A OUTPUT -m set --match-set out dst -j DROP\n", "ACCEPT"),
          V6_HELD,
          code=OPEN,
          verdict=UNCLEAR),
    dumps("a match that is not known, in an accept",
          v4("-A OUTPUT -m planet --mars -j ACCEPT\n"),
          V6_HELD,
          code=OPEN,
          verdict=UNCLEAR),
    dumps("a mark is a hole", v4("-A OUTPUT -m mark --mark 0x1 -j ACCEPT\n"), V6_HELD, code=1, verdict="violated"),
    dumps("queue", v4("-A OUTPUT -j NFQUEUE --queue-num 1\n"), V6_HELD, code=OPEN, verdict=UNCLEAR),
    *(dumps(f"{what} is no way to hold everything",
            v4(f"-A OUTPUT {match} -j DROP\n-A FORWARD -j DROP\n", "ACCEPT"),
            V6_HELD,
            code=OPEN,
            verdict=UNCLEAR)
      for what, match in (("a drop at random", "-m statistic --mode random --probability 0.5"),
                          ("a drop by user", "-m owner --uid-owner 0"),
                          ("a drop of local addresses", "-m addrtype ! --dst-type LOCAL"),
                          ("a drop by interface", "-o eth0"), ("a drop of new packets", "-m conntrack --ctstate NEW"),
                          ("a drop by time", "-m time --timestart 10:00"), ("a drop of fragments", "-f"),
                          ("a drop by rate", "-m limit --limit 5/sec"))),
    *(dumps(f"{what} is a way out", v4(f"-A OUTPUT {match} -j ACCEPT\n"), V6_HELD, code=OPEN, verdict=UNCLEAR)
      for what, match in (("the original destination", "-m conntrack --ctorigdst 10.0.0.0/8"),
                          ("an accept by user", "-m owner --uid-owner 0"), ("an accept by interface", "-o eth0"),
                          ("an accept by source", "-s 10.0.0.0/8"),
                          ("an accept of DNAT", "-m conntrack --ctstate DNAT"))),
    dumps("goto comes back to nobody",
          v4(":X - [0:0]\n-A OUTPUT -g X\n-A OUTPUT -j ACCEPT\n-A X -d 10.0.0.0/8 -j ACCEPT\n"),
          V6_HELD,
          verdict=("proven", "inconclusive")),
    dumps("TEE copies before the drop",
          v4("-A OUTPUT -j TEE --gateway 203.0.113.9\n"),
          V6_HELD,
          code=OPEN,
          verdict=UNCLEAR),
    dumps("a translation of what the node sends is before the check",
          v4("") + "*nat\n:OUTPUT ACCEPT [0:0]\n-A OUTPUT -p tcp -j DNAT --to-destination 203.0.113.9\nCOMMIT\n",
          V6_HELD,
          verdict=("proven", "inconclusive")),
    dumps("a dump without its COMMIT", V4_HELD.replace("COMMIT\n", ""), V6_HELD, code=OPEN),
    dumps("multiport",
          v4("-A OUTPUT -p tcp -m multiport --dports 80,443:445 -j ACCEPT\n"),
          V6_HELD,
          code=1,
          verdict="violated",
          finds=({"protocol": "tcp", "port": 80}, )),
    Case("iptables-legacy and nftables live side by side", {
        "v4.rules": V4_HELD.replace("nf_tables", "legacy"), "v6.rules": V6_HELD.replace("nf_tables", "legacy"),
        "r.nft": both("accept", "accept")
    },
         BOTH_IN,
         verdict="proven"),
    Case("a drop in either backend holds", {
        "v4.rules": V4_HELD.replace("nf_tables", "legacy").replace("DROP", "ACCEPT"), "v6.rules": V6_HELD.replace(
            "nf_tables", "legacy").replace("DROP", "ACCEPT"),
        "r.nft": both("ip daddr 10.0.0.0/8 accept\n ip6 daddr fd00::/8 accept")
    },
         BOTH_IN,
         verdict="proven"),
]
TOGETHER = [
    Case("a firewall that holds what a policy opens", {
        "p.yaml": documents(BASE, deny("x")).replace("policyTypes: [Ingress, Egress]", "policyTypes: [Ingress]"),
        "r.nft": SEALED
    },
         IN,
         layers={"kubernetes": "violated", "firewall": "proven"},
         verdict="proven"),
    Case("a policy that holds pods' ports does not hold nodes", {"p.yaml": BASE, "r.nft": both("", "accept")},
         IN,
         code=1,
         verdict="violated",
         layers={"kubernetes": "proven", "firewall": "violated"}),
    Case("an empty ruleset holds nothing", {"r.nft": "table inet t {\n}\n"}, IN, code=OPEN, verdict=UNCLEAR),
    Case("a ruleset with an error is refused with its place", {
        "r.nft": "table inet t {\n chain o {\n type filter hook output priority 0; policy drop;\n ip daddr accept accept {\n"
    },
         IN,
         code=2,
         text=("r.nft", )),
]
for one in (*HOOKS, *FILES, *WHERE, *TRANSLATION, *EGRESS, *TOGETHER):
    one.name = f"nft: {one.name}"
for one in IPTABLES:
    one.name = f"iptables: {one.name}"
CASES = [*HOOKS, *FILES, *WHERE, *TRANSLATION, *EGRESS, *IPTABLES, *TOGETHER]
