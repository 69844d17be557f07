"""Rulesets for verify_lab.py, written by hand, one idea each. One set, map, chain's head or rule a line, since
the boundaries to try are those of a line's ranges. Chains of the output hook ask for no source: `nodes` have any.
"""
import re
import textwrap
from dataclasses import dataclass


@dataclass(frozen=True)
class Ruleset:
    name: str
    kind: str  # nft, iptables (both families where there are texts for both)
    text: str  # of iptables: IPv4's
    text6: str = ""
    sports: tuple = ()  # source ports that its rules name: a question has any, so each is tried
    reach: tuple = ()  # addresses for which `verify` is asked; there the accepts are for ICMP echo, tcp 443 and states


def nft(name, text, **more):
    return Ruleset(name, "nft", textwrap.dedent(text), **more)


def iptables(name, text, text6="", **more):
    def whole(rules):
        """A dump of the filter table; policies as the first line says: INPUT FORWARD OUTPUT."""
        rules = textwrap.dedent(rules).strip()
        first, *lines = rules.splitlines()
        heads = [f":{chain} {policy} [0:0]" for chain, policy in zip(("INPUT", "FORWARD", "OUTPUT"), first.split())]
        users = [f":{chain} - [0:0]" for chain in dict.fromkeys(re.findall(r"^-A ([a-z]\w*)", rules, re.M))]
        return "\n".join(["*filter", *heads, *users, *lines, "COMMIT", ""])

    return Ruleset(name, "iptables", whole(text), whole(text6) if text6 else "", **more)


def forward(rules, policy="drop", family="inet", before=""):
    body = textwrap.dedent(rules).strip()
    return f"table {family} t {{\n{textwrap.dedent(before)}\nchain f {{\ntype filter hook forward priority 0; policy {policy};\n{body}\n}}\n}}\n"


BY_HAND = [
    nft("prefixes", forward("""
        ip daddr 203.0.113.8/29 accept
        ip daddr 203.0.113.64/31 accept
        ip daddr 198.51.100.7 accept
        ip daddr 10.0.0.0/8 accept
        ip6 daddr 2001:db8:1::/48 accept
        ip6 daddr 2001:db8:2::7 accept
        ip6 daddr 2001:db8:2::10/127 accept
        ip6 daddr fd00::/8 accept""")),
    nft("the widest prefixes", forward("""
        ip daddr 0.0.0.0/0 tcp dport 80 accept
        ip6 daddr ::/0 udp dport 53 accept
        ip daddr 128.0.0.0/1 udp dport 53 accept
        ip6 daddr 8000::/1 tcp dport 80 accept""")),
    nft("sets of intervals", forward("""
        ip daddr @s accept
        ip6 daddr @s6 accept
        ip daddr != @w tcp dport @p accept
        ip daddr { 10.0.0.3-10.0.1.9, 10.0.2.0/25, 10.0.3.1 } udp dport { 53, 67-69, 65535 } accept
        ip6 daddr != { fd00::/8, 2001:db8::-2001:db8:ffff::5 } udp dport != { 1-52, 54-65535 } accept""", before="""
        set s { type ipv4_addr; flags interval; elements = { 203.0.113.5-203.0.113.17, 203.0.113.128/26, 198.51.100.0/24 }; }
        set s6 { type ipv6_addr; flags interval; elements = { 2001:db8::5-2001:db8::1:0, 2001:db8:8000::/33 }; }
        set w { type ipv4_addr; flags interval; elements = { 10.0.0.0/8, 172.16.0.0/12, 192.0.2.0/24 }; }
        set p { type inet_service; flags interval; elements = { 80, 443, 8000-8999 }; }""")),
    nft("concatenations", forward("""
        ip daddr . tcp dport { 10.0.0.1 . 22, 10.1.0.0/16 . 80-90, 10.2.0.5-10.2.0.9 . 443 } accept
        ip daddr . meta l4proto . th dport @three accept
        ip6 daddr . udp dport { fd00::1 . 53, fd00:1::/32 . 5000-5010 } accept
        ip saddr . ip daddr vmap { 10.9.0.1 . 10.9.1.1 : accept, 192.0.2.2 . 10.9.2.0/24 : accept, 10.9.0.0/24 . 10.9.3.3 : accept }
        ip daddr 10.3.0.0/16 ip daddr . tcp dport != { 10.3.0.1 . 22, 10.3.1.0/24 . 0-1023 } accept""", before="""
        set three { type ipv4_addr . inet_proto . inet_service; flags interval; elements = { 203.0.113.9 . tcp . 80, 203.0.113.16/28 . udp . 53-54 }; }""")),
    nft("verdict maps", forward("""
        tcp dport vmap { 22 : accept, 80-90 : jump web, 443 : goto other, 8000 : continue, 9000 : return, 9001 : drop }
        ip daddr vmap @v
        ip daddr . udp dport vmap { 10.0.0.1 . 53 : accept, 10.0.0.2 . 53 : drop, 10.1.0.0/24 . 500-510 : jump web }
        meta l4proto vmap { tcp : drop, udp : jump other }""", before="""
        map v { type ipv4_addr : verdict; flags interval; elements = { 203.0.113.7 : accept, 203.0.113.32/27 : goto other, 203.0.113.64-203.0.113.99 : jump web }; }
        chain web { 
        ip daddr 198.51.100.0/25 accept
        ip daddr 203.0.113.80/30 return
        ip daddr 203.0.113.64/26 udp dport 7 accept
        }
        chain other { 
        ip daddr 203.0.113.40-203.0.113.50 accept
        udp dport 123 accept
        }""")),
    nft("jump, goto and return", """
        table inet t {
        chain deep {
        ip daddr 10.0.0.0/30 return
        ip daddr 10.0.0.0/28 accept
        ip daddr 10.0.1.0/24 drop
        }
        chain middle {
        tcp dport 1-99 jump deep
        tcp dport 50-60 accept
        tcp dport 100-199 goto deep
        tcp dport 100-199 accept
        return
        accept
        }
        chain f {
        type filter hook forward priority 0; policy drop;
        ip daddr 10.0.0.0/23 jump middle
        ip daddr 10.0.0.0/31 accept
        ip daddr 10.0.2.0/24 goto middle
        ip daddr 10.0.2.0/24 accept
        tcp dport 22 return
        tcp dport 20-25 accept
        }
        chain o {
        type filter hook output priority 0; policy accept;
        ip daddr 10.0.0.0/30 goto middle
        ip daddr 10.0.1.0/24 jump deep
        ip daddr 10.0.2.7 return
        ip daddr 10.0.2.0/28 drop
        }
        }"""),
    nft("ports", forward("""
        tcp dport > 60000 accept
        tcp dport < 10 accept
        tcp dport >= 1000 tcp dport <= 1010 accept
        udp dport != 100-65000 accept
        udp dport { ssh, domain, 5000-5003 } accept
        tcp dport 443 ip daddr != 10.0.0.0/8 accept""")),
    nft("transport headers", forward("""
        meta l4proto { tcp, udp } th dport 53 accept
        meta l4proto tcp th dport 1000-1023 accept
        meta l4proto udp @th,16,16 4000-4010 accept
        meta l4proto != { tcp, udp } ip daddr 203.0.113.0/24 accept
        sctp dport 36412 accept
        sctp dport 3000-3010 ip6 daddr 2001:db8::/64 accept
        ip protocol udp ip daddr 198.51.100.0/28 accept
        ip6 nexthdr tcp ip6 daddr fd00:7::/32 accept
        meta l4proto 132 ip daddr 10.0.0.0/30 accept""")),
    nft("families", """
        table ip four {
        chain f {
        type filter hook forward priority 5; policy drop;
        ip daddr 10.0.0.0/9 accept
        tcp dport 7 accept
        }
        }
        table ip6 six {
        chain o {
        type filter hook output priority 0; policy accept;
        ip6 daddr fd00:1::/32 udp dport 53 drop
        }
        chain f {
        type filter hook forward priority 0; policy drop;
        ip6 daddr fd00::/9 accept
        }
        }
        table inet both {
        chain f {
        type filter hook forward priority -5; policy accept;
        meta nfproto ipv4 udp dport 53 drop
        meta nfproto ipv6 tcp dport 80-90 drop
        meta protocol ip6 udp dport 9 drop
        }
        }"""),
    nft("two tables on one hook, and other hooks", """
        table inet first {
        chain f {
        type filter hook forward priority filter - 10; policy accept;
        ip daddr 10.0.0.0/24 accept
        ip daddr 10.0.3.0/24 drop
        }
        chain o {
        type filter hook output priority -10; policy drop;
        ip daddr 10.0.0.0/16 accept
        }
        }
        table inet second {
        chain f {
        type filter hook forward priority filter; policy drop;
        ip daddr 10.0.0.16/28 accept
        ip daddr 10.0.3.0/25 accept
        tcp dport 80 accept
        }
        chain o {
        type filter hook output priority 10; policy accept;
        ip daddr 10.0.0.8/29 drop
        }
        chain pre {
        type filter hook prerouting priority raw; policy accept;
        ip daddr 10.0.0.20 drop
        ip6 daddr fd00::/16 drop
        }
        chain post {
        type filter hook postrouting priority mangle; policy accept;
        tcp dport 80 ip daddr 203.0.113.0/25 drop
        ip6 daddr 2001:db8::/48 drop
        }
        }"""),
    nft("senders", forward("""
        ip saddr 10.42.0.0/16 ip daddr 203.0.113.0/24 accept
        ip saddr != 10.0.0.0/8 tcp dport 443 accept
        ip6 saddr { fd00:42::/56, fd00:43::1 } udp dport 53 accept
        ip saddr @s drop
        ip daddr 198.51.100.0/24 accept""", before="""
        set s { type ipv4_addr; flags interval; elements = { 10.43.0.5-10.43.0.9, 192.0.2.64/26 }; }""")),
    nft("masks", forward("""
        ip daddr & 255.255.0.0 == 10.1.0.0 accept
        ip daddr & 0.0.0.255 == 0.0.0.7 tcp dport 80 accept
        ip daddr & 255.0.0.0 != 10.0.0.0 udp dport 53 accept
        tcp dport & 0xfff0 == 0x1f90 accept
        ip6 daddr & ffff:ffff:: == 2001:db8:: accept""")),
    nft("source ports", forward("""
        udp sport 67 udp dport 68 drop
        udp sport 5000-5010 ip daddr 10.0.0.0/28 accept
        tcp sport != 1-1023 tcp dport 80 accept
        tcp sport 20 ip6 daddr fd00::/16 accept"""), sports=(20, 67, 1023, 1024, 4999, 5000, 5010, 5011)),
    nft("states", forward("""
        ct state invalid drop
        ct state established,related accept
        ct state new tcp dport 443 accept
        ct state != new udp dport 53 accept
        ct state vmap { new : jump fresh, established : drop }""", before="""
        chain fresh { 
        ip daddr 203.0.113.16/28 accept
        ct state { established, related } accept
        ip6 daddr fd00::/16 ct state untracked accept
        }""")),
    nft("statements between", forward("""
        meta mark set 0x0
        counter ip daddr 203.0.113.0/26 accept
        tcp dport 25 reject with tcp reset
        ip daddr 203.0.113.64/26 log prefix "a b" counter packets 1 bytes 2 accept comment "drop"
        ip daddr 198.51.100.0/24 reject
        udp dport 53 meta mark set 0x1 counter
        meta mark 0x1 ip daddr 10.0.0.0/30 accept
        ip6 daddr 2001:db8::/32 reject with icmpv6 admin-prohibited
        tcp dport { 80, 443 } accept""")),
    nft("limits", forward("""
        ip daddr 203.0.113.0/28 limit rate over 1/day burst 1 packets drop
        ip daddr 203.0.113.0/24 limit rate 1000000/second burst 1000000 packets accept
        ip daddr 10.0.0.0/30 quota over 1000 mbytes drop
        ip daddr 10.0.0.0/24 accept""")),
    nft("no rule at all", "table inet t {\nchain f {\ntype filter hook forward priority 0; policy drop;\n}\nchain unused {\naccept\n}\n}\n"),
    nft("commands, one after the other", """
        add table inet t
        add chain inet t f { type filter hook forward priority 0; policy accept; }
        add set inet t s { type ipv4_addr; flags interval; }
        add element inet t s { 10.0.0.0/24, 10.0.2.0-10.0.2.9 }
        add rule inet t f ip daddr @s tcp dport 80-90 accept
        add rule inet t f ip daddr 203.0.113.0/24 accept
        insert rule inet t f ip daddr 203.0.113.16/28 drop
        add chain inet t f { policy drop; }
        table inet t {
        chain f {
        udp dport 53 accept
        }
        }
        table inet gone {
        chain f {
        type filter hook forward priority 0; policy drop;
        }
        }
        delete table inet gone
        table inet emptied {
        chain f {
        type filter hook forward priority 0; policy accept;
        ip daddr 203.0.113.128/25 drop
        }
        }
        flush chain inet emptied f"""),
    nft("as people write", """
        define office = { 10.0.0.0/25, 10.0.0.128/25, 10.0.2.5 }
        define web = 8080
        define far = 2001:DB8::A:0/112
        table inet t { # a table
        set hosts { type ipv4_addr; flags interval; auto-merge; elements = { 198.51.100.0/28, 198.51.100.8/29, 198.51.100.14-198.51.100.20 }; }
        chain f {
        type filter hook forward priority filter; # policy drop;
        ip daddr $office tcp dport { $web, 0x50, https } accept; ip6 daddr $far accept
        ip daddr @hosts ip daddr != 198.51.100.4/30 \\
        udp dport 0-1023 accept
        ip protocol 17 ip daddr 203.0.113.64/26 accept
        meta l4proto 6 ip6 daddr ::ffff:10.0.0.0/120 accept
        tcp flags & (fin | syn | rst | ack) == syn ip daddr 203.0.113.0/30 accept
        ct direction original ip daddr 203.0.113.4/31 accept
        ip version 4 tcp dport 6000-6003 accept
        drop
        }
        }"""),
    nft("elements for all the rest, and typeof", forward("""
        ip daddr vmap { 10.0.0.0/24 : accept, 10.0.1.0/24 : jump c, 203.0.113.0/24 : continue, * : drop }
        tcp dport @some accept
        ip daddr . udp dport @pairs accept
        ip6 daddr . meta l4proto . th dport vmap @triples""", before="""
        set some { type inet_service; flags interval; elements = { 80, 8000-8010 }; }
        set pairs { typeof ip daddr . udp dport; flags interval; elements = { 203.0.113.0/25 . 53, 203.0.113.200-203.0.113.210 . 1000-2000 }; }
        map triples { typeof ip6 daddr . meta l4proto . th dport : verdict; flags interval; elements = { fd00::/16 . tcp . 443 : accept, fd00::/16 . udp . 0-65535 : jump c }; }
        chain c { 
        ip6 daddr fd00::/17 udp dport 1024-65535 accept
        ip daddr 10.0.1.128/25 accept
        }""")),
    nft("a set with all the rest in it", forward("""
        ip daddr @s accept""", before="""
        set s { type ipv4_addr; flags interval; elements = { 10.0.0.0/24, * }; }""")),
    nft("a dormant table holds nothing", """
        table inet t {
        flags dormant
        chain f {
        type filter hook forward priority 0; policy drop;
        ip daddr 10.0.0.0/24 accept
        }
        chain o {
        type filter hook output priority 0; policy drop;
        }
        }""", reach=("203.0.113.9", "2001:db8::9")),
    nft("a route chain, and families that are not IP", """
        table inet t {
        chain o {
        type route hook output priority mangle; policy accept;
        ip daddr 10.0.0.0/24 drop
        }
        }
        table bridge b {
        chain f {
        type filter hook forward priority 0; policy drop;
        }
        }
        table arp a {
        chain o {
        type filter hook output priority 0; policy accept;
        }
        }"""),
    Ruleset("iptables: other tables", "iptables", """*raw
:PREROUTING ACCEPT [0:0]
:OUTPUT ACCEPT [0:0]
-A PREROUTING -d 10.0.0.0/30 -j DROP
-A OUTPUT -d 10.0.0.0/29 -j DROP
-A PREROUTING -d 10.0.4.0/24 -j NOTRACK
COMMIT
*mangle
:PREROUTING ACCEPT [0:0]
:INPUT ACCEPT [0:0]
:FORWARD ACCEPT [0:0]
:OUTPUT ACCEPT [0:0]
:POSTROUTING ACCEPT [0:0]
-A FORWARD -d 10.0.1.0/30 -j DROP
-A POSTROUTING -d 10.0.2.0/30 -p tcp -j DROP
-A PREROUTING -d 10.0.5.0/24 -j MARK --set-xmark 0x1/0xffffffff
COMMIT
*filter
:INPUT DROP [0:0]
:FORWARD DROP [0:0]
:OUTPUT ACCEPT [0:0]
-A FORWARD -d 10.0.0.0/22 -j ACCEPT
-A FORWARD -d 10.0.4.0/30 -m conntrack --ctstate UNTRACKED -j ACCEPT
-A FORWARD -d 10.0.4.4/30 -m conntrack --ctstate NEW -j ACCEPT
-A FORWARD -d 10.0.5.0/30 -m mark --mark 0x1 -j ACCEPT
-A FORWARD -p tcp -m tcp --tcp-flags FIN,SYN,RST,ACK SYN -d 10.0.6.0/30 -j ACCEPT
COMMIT
"""),
    nft("comparisons, and ranges without a set", forward("""
        ip daddr 10.0.0.3-10.0.1.9 tcp dport 22 accept
        ip6 daddr 2001:db8::5-2001:db8::1:0 accept
        ip6 daddr != 8000::-ffff:: udp dport 22 accept
        ip daddr >= 200.0.0.0 udp dport 53 accept
        ip daddr < 9.0.0.0 tcp dport 9 accept
        ip6 daddr <= 2000:: tcp dport 443 accept
        ip daddr 10.9.0.5/24 accept
        ip daddr { 10.9.2.5/24, 10.9.4.0/24 } accept
        ip daddr != 10.0.0.0/8 ip daddr != 203.0.113.0/25 tcp dport != { 80-90, 443 } accept""")),
    nft("a range that nft 1.0.6 lists upside down", forward("""
        ip daddr < 9.0.0.0 ip daddr > 7.255.255.255 accept""")),
    nft("elements with words of their own", forward("""
        ip daddr @s accept
        tcp dport vmap @m""", before="""
        set s { type ipv4_addr; flags interval; counter; comment "x { y }"; elements = { 10.0.0.0/24 comment "} , 10.0.1.0/24", 203.0.113.7 counter packets 0 bytes 0 }; }
        map m { type inet_service : verdict; flags interval; counter; elements = { 80-90 comment "a : drop" : accept, 443 : accept }; }""")),
    nft("empty sets, and words that mislead", """
        table inet t {
        set none { type ipv4_addr; flags interval; }
        set ports { type inet_service; }
        chain f {
        type filter hook forward priority 0; policy drop;
        ip daddr @none drop
        ip daddr 10.0.0.0/24 tcp dport != @ports accept comment "} policy accept; {"
        ip daddr 10.0.0.0/25 log prefix "drop; ip daddr 10.0.1.0/24" accept
        ip daddr != @none udp dport 53 jump later comment "# not a comment"
        tcp dport 443 jump later
        }
        chain later {
        ip daddr 203.0.113.0/26 accept
        ip6 daddr 2001:db8::/33 accept
        }
        }"""),
    nft("states as bits", forward("""
        ct state & (new | invalid) != 0 ip daddr 10.0.0.0/30 accept
        ct state != { established, related } ip daddr 10.0.1.0/30 accept
        ct state { new } ip daddr 10.0.2.0/30 accept
        ct state & established == 0 ip daddr 10.0.3.0/30 accept
        ct state != established,related ip daddr 10.0.4.0/30 accept
        ct state != new,invalid ip daddr 10.0.5.0/30 accept
        ct state untracked ip daddr 10.0.6.0/30 accept""")),
    nft("untracked packets", """
        table inet t {
        chain r {
        type filter hook prerouting priority raw; policy accept;
        ip daddr 10.0.0.0/29 notrack
        }
        chain f {
        type filter hook forward priority 0; policy drop;
        ip daddr 10.0.0.0/30 ct state untracked accept
        ip daddr 10.0.0.4/30 ct state new accept
        ip daddr 10.0.1.0/30 ct state new accept
        }
        }"""),
    nft("chains of type nat", """
        table inet t {
        chain n {
        type nat hook postrouting priority srcnat; policy accept;
        ip daddr 10.0.0.0/30 masquerade
        ip daddr 10.0.1.0/30 drop
        }
        chain f {
        type filter hook forward priority 0; policy drop;
        ip daddr 10.0.0.0/23 accept
        }
        }"""),
    iptables("iptables: masks, and matches that are seldom", """
        ACCEPT DROP ACCEPT
        -A FORWARD -d 10.0.1.0/255.0.255.0 -j ACCEPT
        -A FORWARD -d 172.16.5.5/16 -j ACCEPT
        -A FORWARD -p tcp -m multiport --ports 7777 -d 203.0.113.0/26 -j ACCEPT
        -A FORWARD -p udp -m multiport --sports 7777 -d 203.0.113.64/26 -j ACCEPT
        -A FORWARD -m length --length 0:65535 -d 198.51.100.0/28 -j ACCEPT
        -A FORWARD -m ttl --ttl-gt 1 -d 198.51.100.16/28 -j ACCEPT
        -A FORWARD -m string --string zzz --algo bm -d 198.51.100.32/28 -j DROP
        -A FORWARD -d 198.51.100.32/27 -j ACCEPT
        -A FORWARD -p 132 -d 198.51.100.64/28 -j ACCEPT
        -A FORWARD -m addrtype --dst-type UNICAST -d 198.51.100.80/28 -j ACCEPT
        -A FORWARD -m limit --limit 10000/sec --limit-burst 10000 -d 198.51.100.96/28 -j ACCEPT
        -A FORWARD -m u32 --u32 "0>>22&0x3C@0>>16=0" -d 198.51.100.112/28 -j ACCEPT
        -A OUTPUT -m owner ! --uid-owner 0 -j ACCEPT
        -A OUTPUT -d 203.0.113.0/28 -j DROP""", sports=(7777,)),
    nft("echo requests", forward("""
        icmp type echo-request ip daddr 203.0.113.8/29 accept
        icmp type { redirect, echo-reply } ip daddr 198.51.100.0/24 accept
        icmpv6 type echo-request ip6 daddr 2001:db8:1::/48 accept
        ip6 daddr 2001:db8:2::/48 meta l4proto ipv6-icmp icmpv6 type != 133-137 accept
        ip daddr 10.0.0.0/30 icmp code 0 accept
        tcp dport 443 ip daddr 203.0.113.64/26 accept"""),
        reach=("203.0.113.7", "203.0.113.8", "203.0.113.15", "203.0.113.16", "203.0.113.63", "203.0.113.64", "2001:db8:1::", "2001:db8:1:ffff:ffff:ffff:ffff:ffff",
               "2001:db8:0:ffff:ffff:ffff:ffff:ffff", "2001:db8:2::1", "2001:db8:3::", "10.0.0.3", "10.0.0.4")),  # fmt: skip
    nft("replies leave, or not", """
        table inet t {
        chain f {
        type filter hook forward priority 0; policy drop;
        ip daddr 203.0.113.0/25 drop
        ct state established,related accept
        ip daddr 203.0.113.0/24 accept
        ct state new ip6 daddr 2001:db8::/64 accept
        }
        chain o {
        type filter hook output priority 0; policy drop;
        ct state established accept
        ip daddr 198.51.100.0/31 tcp dport 443 accept
        }
        chain late {
        type filter hook forward priority 1; policy accept;
        ct state established,related ip daddr 198.51.100.0/28 drop
        ip6 daddr 2001:db8:9::/48 drop
        }
        }""", reach=("203.0.113.127", "203.0.113.128", "198.51.100.1", "198.51.100.2", "198.51.100.15", "198.51.100.16", "2001:db8::1", "2001:db8:0:1::", "2001:db8:9::", "2001:db8:a::")),
    nft("states of what is inside only", """
        table inet t {
        set inside { type ipv4_addr; flags interval; elements = { 10.0.0.0/8 }; }
        chain f {
        type filter hook forward priority 0; policy drop;
        ip daddr != @inside drop
        ip6 daddr != fd00::/8 drop
        ct state vmap { established : accept, related : accept }
        ip daddr 10.1.0.0/16 tcp dport 443 accept
        }
        }""", reach=("9.255.255.255", "10.0.0.0", "10.255.255.255", "11.0.0.0", "10.1.0.0", "fcff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", "fd00::", "fe00::")),
    iptables("iptables: addresses and ports", """
        ACCEPT DROP DROP
        -A FORWARD -d 203.0.113.8/29 -j ACCEPT
        -A FORWARD -d 198.51.100.7/32 -p tcp -m tcp --dport 80:90 -j ACCEPT
        -A FORWARD ! -d 10.0.0.0/8 -p udp -m udp --dport 53 -j ACCEPT
        -A FORWARD -d 10.0.0.0/24 -p tcp -m tcp ! --dport 22 -j ACCEPT
        -A FORWARD -s 10.42.0.0/16 -d 10.2.0.0/16 -j ACCEPT
        -A FORWARD ! -s 192.0.2.0/24 -p tcp -m tcp --dport 7: -j ACCEPT
        -A FORWARD ! -p tcp -d 172.16.0.0/31 -j ACCEPT
        -A OUTPUT -p udp -m udp --dport :9 -j ACCEPT
        -A OUTPUT -d 203.0.113.1/32 -j ACCEPT""", """
        ACCEPT DROP ACCEPT
        -A FORWARD -d 2001:db8:1::/48 -j ACCEPT
        -A FORWARD ! -d fd00::/8 -p tcp -m tcp --dport 80:90 -j ACCEPT
        -A FORWARD -s fd00:42::/56 -p udp -m udp --dport 53 -j ACCEPT
        -A OUTPUT -d 2001:db8::/33 -j REJECT
        -A OUTPUT ! -d fd00::/16 -p tcp -m tcp ! --dport 443 -j DROP"""),
    iptables("iptables: matches", """
        ACCEPT DROP ACCEPT
        -A FORWARD -p tcp -m multiport --dports 22,80:90,443 -j ACCEPT
        -A FORWARD -p udp -m multiport ! --dports 1:100,200:65535 -j ACCEPT
        -A FORWARD -m iprange --dst-range 203.0.113.5-203.0.113.17 -j ACCEPT
        -A FORWARD -m iprange ! --dst-range 9.0.0.0-250.0.0.0 -p udp -j ACCEPT
        -A FORWARD -m iprange --src-range 10.42.0.3-10.42.0.9 -d 198.51.100.0/24 -j ACCEPT
        -A FORWARD -p sctp -m sctp --dport 3000:3010 -j ACCEPT
        -A FORWARD -m conntrack --ctstate NEW -d 10.7.0.0/24 -j ACCEPT
        -A FORWARD -m conntrack ! --ctstate NEW,ESTABLISHED -d 10.8.0.0/24 -j ACCEPT
        -A FORWARD -m state --state RELATED,ESTABLISHED -j ACCEPT
        -A OUTPUT -m comment --comment "a -d 10.0.0.0/8 -j ACCEPT" -d 203.0.113.0/28 -j DROP""", """
        ACCEPT DROP ACCEPT
        -A FORWARD -p udp -m multiport --dports 53,5000:5003 -j ACCEPT
        -A FORWARD -m iprange --dst-range 2001:db8::5-2001:db8::1:0 -j ACCEPT
        -A FORWARD -m conntrack --ctstate NEW -p tcp -m tcp --dport 22 -d 2001:db8:8::/48 -j ACCEPT"""),
    iptables("iptables: user chains", """
        ACCEPT ACCEPT ACCEPT
        -A FORWARD -d 10.0.0.0/23 -j middle
        -A FORWARD -d 10.0.0.0/31 -j DROP
        -A FORWARD -d 10.0.2.0/24 -g middle
        -A FORWARD -d 10.0.2.0/24 -j DROP
        -A FORWARD -p tcp -m tcp --dport 22 -j RETURN
        -A FORWARD -p tcp -m tcp --dport 20:25 -j REJECT --reject-with tcp-reset
        -A middle -p tcp -m tcp --dport 1:99 -j deep
        -A middle -p tcp -m tcp --dport 50:60 -j DROP
        -A middle -d 10.0.0.128/25 -g deep
        -A middle -d 10.0.0.0/24 -j DROP
        -A deep -d 10.0.0.0/30 -j RETURN
        -A deep -d 10.0.0.0/28 -j DROP
        -A deep -d 10.0.0.192/26 -j ACCEPT
        -A deep -j LOG --log-prefix "deep "
        -A deep -m mark --mark 0x7 -d 10.0.1.0/24 -j DROP
        -A OUTPUT -d 203.0.113.0/24 -j deep
        -A OUTPUT -d 203.0.113.0/24 -p udp -j DROP"""),
    iptables("iptables: echo requests", """
        ACCEPT DROP DROP
        -A FORWARD -d 203.0.113.8/29 -p icmp -m icmp --icmp-type 8 -j ACCEPT
        -A FORWARD -d 198.51.100.0/24 -p icmp -m icmp --icmp-type 0 -j ACCEPT
        -A FORWARD -d 10.0.0.0/30 -m conntrack --ctstate ESTABLISHED -j ACCEPT""", """
        ACCEPT DROP DROP
        -A FORWARD -d 2001:db8:1::/48 -p ipv6-icmp -m icmp6 --icmpv6-type 128 -j ACCEPT""",
        reach=("203.0.113.7", "203.0.113.8", "203.0.113.15", "203.0.113.16", "10.0.0.3", "10.0.0.4", "2001:db8:1::", "2001:db8:2::")),  # fmt: skip
]  # fmt: skip
