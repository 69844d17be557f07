#!/bin/sh
# The nftables target in a kernel: nftables_lab.sh AIRTIGHT, the compiler's program. Prints one line a check and ends with
# a count; 1 if a check failed, 77 where it cannot run. Packets go to namespaces of its own only.
# shellcheck disable=SC2120,SC2119 # functions whose arguments are optional
set -u
[ $# -eq 1 ] || {
  echo "Usage: nftables_lab.sh AIRTIGHT" >&2
  exit 2
}
airtight=$1
# shellcheck source=tests/lab/lab.sh
. "$(dirname -- "$0")/lab.sh"
lab_needs nft setsid timeout
lab_build

rules=$lab_work/rules/nftables
patterns=$lab_work/patterns/nftables
state=$lab_work/state
works "compile lab.yaml" "$airtight" compile "$lab_dir/lab.yaml" -o "$lab_work/rules" --target nftables --at 2026-11-25
works "compile lab_patterns.yaml" "$airtight" compile "$lab_dir/lab_patterns.yaml" -o "$lab_work/patterns" --target nftables --at 2026-11-25
if ! [ -r "$rules/airtight.nft" ] || ! [ -r "$patterns/apply.sh" ]; then
  lab_summary
  exit 1
fi

nodenft() { in_ns node nft "$@"; }
apply() { in_ns node sh "$rules/apply.sh" --state "$state" "$@" </dev/null; }
apply_patterns() { in_ns node sh "$patterns/apply.sh" --state "$state" "$@" </dev/null; }
# status COMMAND...: its exit status; the output is in $lab_work/out
status() {
  "$@" >"$lab_work/out" 2>&1
  echo $?
}
# count inet NAME | count netdev NAME: packets of a named counter
count() {
  case $1 in
    inet) nodenft list counter inet airtight "$2" ;;
    *) nodenft list counter netdev airtight_egress "$2" ;;
  esac | sed -n 's/.*packets \([0-9]*\) .*/\1/p'
}
ours() { nodenft -s list ruleset | sed -n '/^table \(inet airtight\|netdev airtight_egress\) /,/^}/p'; }
foreign() { nodenft -s list ruleset | sed '/^table \(inet airtight\|netdev airtight_egress\) /,/^}/d'; }
# counts NAME EXPECTED FAMILY COUNTER COMMAND...: the counter rises by exactly that. The kernel speaks by itself now and
# then (IGMP, retransmissions), so it has three tries.
counts() {
  lab_name=$1
  lab_expected=$2
  lab_counter="$3 $4"
  shift 4
  for _ in 1 2 3; do
    # shellcheck disable=SC2086 # family and name are two words
    lab_before=$(count $lab_counter)
    "$@"
    # shellcheck disable=SC2086 # family and name are two words
    lab_got=$(($(count $lab_counter) - lab_before))
    [ "$lab_got" -ne "$lab_expected" ] || break
  done
  same "$lab_name" "$lab_expected" "$lab_got"
}
# Frames are followed by a fence that may leave: once the wire has it, it has all that was sent before.
fence=0
uplink=eth0
seen() { # NAME [FRAME...]: sends them, then says how many of that name the wire has seen
  fence=$((fence + 1))
  lab_marker=$1
  shift
  frames node send "$uplink" "$@" "name=fence$fence,to=10.10.0.1" >/dev/null
  lab_tries=0
  until grep -q "^fence$fence " "$lab_work/wire" || [ "$lab_tries" -gt 100 ]; do
    lab_tries=$((lab_tries + 1))
    sleep 0.02
  done
  grep -q "^fence$fence " "$lab_work/wire" || echo "no fence"
  grep -c "^$lab_marker " "$lab_work/wire"
}
raw() { frames node send "$uplink" "$@" >/dev/null; }
# leaves NAME FRAME, stays NAME FRAME: one raw frame from the node
sequence=0
leaves() {
  sequence=$((sequence + 1))
  same "$1" 1 "$(seen "frame$sequence" "name=frame$sequence,$2")"
}
stays() {
  sequence=$((sequence + 1))
  same "$1" 0 "$(seen "frame$sequence" "name=frame$sequence,$2")"
}

# --- peers -----------------------------------------------------------------------------------------------------------
lab_background in_ns inside python3 "$lab_dir/talk.py" serve "$lab_work/inside.ready" 110 \
  tcp:8000@10.20.0.10 tcp:8000@fd00:20::10 udp:8000@10.20.0.10 udp:8000@fd00:20::10 tcp:9999@10.20.0.10 tcp:53@10.20.0.53 \
  udp:53@10.20.0.53 tcp:6443@10.10.0.1
lab_background in_ns internet python3 "$lab_dir/talk.py" serve "$lab_work/internet.ready" 110 \
  tcp:443@203.0.113.7 tcp:80@203.0.113.7 tcp:443@203.0.113.9 tcp:443@2001:db8::9 udp:123@198.51.100.7 udp:124@198.51.100.7 \
  tcp:443@198.51.100.9
lab_background in_ns pod python3 "$lab_dir/talk.py" serve "$lab_work/pod.ready" 110 \
  tcp:9018@10.42.0.2 tcp:9018@fd00:42::2 tcp:9019@10.42.0.2
lab_background in_ns inside python3 "$lab_dir/frames.py" watch --all lan0 "$lab_work/wire.ready" "$lab_work/wire" 110
for ready in inside internet pod wire; do lab_wait_for "$lab_work/$ready.ready"; done

# What others have on such a node: translation both ways, and a filter of their own.
cat >"$lab_work/foreign.nft" <<'NFT'
table ip nat {
  chain prerouting {
    type nat hook prerouting priority dstnat; policy accept;
    ip daddr 10.10.0.2 tcp dport 8443 dnat to 10.42.0.2:9018
    ip daddr 10.43.0.99 tcp dport 443 dnat to 203.0.113.9:443
  }
  chain output {
    type nat hook output priority -100; policy accept;
    ip daddr 127.0.0.1 tcp dport 7777 dnat to 203.0.113.9:443
    ip daddr 10.10.0.2 tcp dport 7777 dnat to 203.0.113.9:443
    ip daddr 10.43.0.98 tcp dport 443 dnat to 10.20.0.10:8000
  }
  chain postrouting {
    type nat hook postrouting priority srcnat; policy accept;
    oifname "eth0" ip saddr 10.42.0.0/16 ip daddr != 10.30.0.0/16 masquerade
    oifname "eth0" ip saddr 127.0.0.0/8 masquerade
  }
}
table inet site {
  chain input {
    type filter hook input priority filter; policy accept;
    counter comment "the site's own"
  }
}
NFT
nodenft -f "$lab_work/foreign.nft"
in_ns node sysctl -qw net.ipv4.conf.all.route_localnet=1 net.ipv4.conf.all.accept_source_route=1 \
  net.ipv4.conf.vethpod.accept_source_route=1
foreign_before=$(foreign)

# --- without rules everything is open, so that what follows means something ---------------------------------------------
works "open: pod to the internet, IPv4" talk pod ask tcp 203.0.113.9 443
works "open: pod to the internet, IPv6" talk pod ask tcp 2001:db8::9 443
works "open: node to the internet" talk node ask tcp 203.0.113.9 443
works "open: a loopback address that leads out" talk node ask tcp 127.0.0.1 7777
works "open: a Service that leads out" talk pod ask tcp 10.43.0.99 443
works "open: undeclared port inside" talk pod ask tcp 10.20.0.10 9999
leaves "open: an unknown EtherType" type=9000

# Connections that live before the rules come.
for held in "pod 203.0.113.9 443" "node 2001:db8::9 443" "internet 10.42.0.2 9018" "node 10.20.0.10 8000"; do
  # shellcheck disable=SC2086 # three words
  set -- $held
  source=
  [ "$1" != internet ] || source="--from 203.0.113.9"
  # shellcheck disable=SC2086 # an option and its value, or nothing
  ( talk "$1" hold "$2" "$3" "$lab_work/held.$1.$2" "$lab_work/go" $source && : >"$lab_work/alive.$1.$2"
    : >"$lab_work/ended.$1.$2" ) >/dev/null 2>&1 &
  lab_pids="$lab_pids $!"
  lab_wait_for "$lab_work/held.$1.$2"
done

# --- loading ---------------------------------------------------------------------------------------------------------
same "bad usage is 2" "2 2 2 2" "$(status apply --nonsense) $(status apply --confirm) $(status apply --confirm 0) $(status apply --confirmed --audit)"
same "--help is 0" 0 "$(status apply --help)"
same "nothing waits for confirmation" 1 "$(status apply --confirmed)"
same "no nft is 4" 4 "$(status in_ns node env PATH="$lab_work/none" /bin/sh -c "PATH=$lab_work/none; export PATH; exec /bin/sh $rules/apply.sh")"
works "nft -c accepts airtight.nft" nodenft -c -f "$rules/airtight.nft"
works "nft -c accepts airtight-egress.nft" nodenft -c -f "$rules/airtight-egress.nft"
works "the egress file loads as emitted" nodenft -f "$rules/airtight-egress.nft"
emitted=$(nodenft -s list table netdev airtight_egress)
works "apply.sh" apply
same "what apply.sh binds is what was emitted" "$emitted" "$(nodenft -s list table netdev airtight_egress)"
same "foreign tables are as before" "$foreign_before" "$(foreign)"
once=$(ours)
works "apply.sh again" apply
same "a second load changes nothing" "$once" "$(ours)"
same "foreign tables are as before, again" "$foreign_before" "$(foreign)"
works "the plain files load twice" nodenft -f "$rules/airtight.nft"
works "the plain egress file loads twice" nodenft -f "$rules/airtight-egress.nft"
same "and change nothing" "$once" "$(ours)"

# --- connections from before -----------------------------------------------------------------------------------------
: >"$lab_work/go"
for held in pod.203.0.113.9 node.2001:db8::9 internet.10.42.0.2 node.10.20.0.10; do lab_wait_for "$lab_work/ended.$held"; done
refused "a pod's old connection to the internet is dead" test -e "$lab_work/alive.pod.203.0.113.9"
refused "the node's old connection to the internet is dead, IPv6" test -e "$lab_work/alive.node.2001:db8::9"
refused "an outside opener's old connection gets no answer" test -e "$lab_work/alive.internet.10.42.0.2"
works "the node's old connection inside lives" test -e "$lab_work/alive.node.10.20.0.10"

# --- declared flows connect ------------------------------------------------------------------------------------------
works "pod to vllm, TCP" talk pod ask tcp 10.20.0.10 8000
works "pod to vllm, TCP, IPv6" talk pod ask tcp fd00:20::10 8000
works "node to vllm, TCP" talk node ask tcp 10.20.0.10 8000
works "pod to vllm, 4,000 octets of UDP come whole" talk pod ask udp 10.20.0.10 8000 --size 4000
works "pod to vllm, 4,000 octets of UDP come whole, IPv6" talk pod ask udp fd00:20::10 8000 --size 4000
works "node to vllm, 4,000 octets of UDP come whole" talk node ask udp 10.20.0.10 8000 --size 4000
works "pod to resolvers, UDP" talk pod ask udp 10.20.0.53 53
works "pod to resolvers, ICMP as declared" in_ns pod ping -c1 -W1 10.20.0.53
works "node to API server" talk node ask tcp 10.10.0.1 6443
works "node to a Service that leads inside" talk node ask tcp 10.43.0.98 443
works "pod to node" in_ns pod ping -c1 -W1 10.42.0.1
works "node to pod" talk node ask tcp 10.42.0.2 9018
works "node to itself" in_ns node ping -c1 -W1 10.10.0.2
works "node to itself, IPv6" in_ns node ping -c1 -W1 ::1
works "people inside to a pod" talk inside ask tcp 10.42.0.2 9018 --from 10.30.0.5
works "people inside to a pod, IPv6" talk inside ask tcp fd00:42::2 9018 --from fd00:30::5
works "people inside to a pod by the node's port" talk inside ask tcp 10.10.0.2 8443 --from 10.30.0.5
in_ns node ip -6 neigh flush dev eth0
in_ns node ip -6 neigh flush dev vethpod
works "neighbour discovery lives" in_ns pod ping -c1 -W2 fd00:10::1

# --- all else does not -------------------------------------------------------------------------------------------------
to_undeclared() {
  talk pod ask udp 10.20.0.10 9999 --count 3
  talk node ask udp 10.20.0.10 9999 --count 2
}
counts "undeclared port inside: counted one by one" 5 inet undeclared to_undeclared
refused "pod to vllm, undeclared port" talk pod ask tcp 10.20.0.10 9999
refused "node to vllm, undeclared port" talk node ask tcp 10.20.0.10 9999
refused "pod to vllm, ICMP undeclared" in_ns pod ping -c1 -W1 10.20.0.10
refused "people inside to a pod, undeclared port" talk inside ask tcp 10.42.0.2 9019 --from 10.30.0.5
refused "others inside to a pod" talk inside ask tcp 10.42.0.2 9018 --from 10.20.0.53
to_outside() {
  talk pod ask udp 203.0.113.9 9 --count 3
  talk pod ask udp 2001:db8::9 9 --count 4
  talk node ask udp 203.0.113.9 9 --count 2
  talk node ask udp 2001:db8::9 9 --count 1
}
counts "outside: counted one by one" 10 inet outside to_outside
counts "a denied catalogue has its own counter" 3 inet denied_cloud-metadata talk pod ask udp 169.254.169.254 80 --count 3
refused "pod to the internet, TCP" talk pod ask tcp 203.0.113.9 443
refused "pod to the internet, TCP, IPv6" talk pod ask tcp 2001:db8::9 443
refused "pod to the internet, ICMP" in_ns pod ping -c1 -W1 203.0.113.9
refused "pod to the internet, ICMPv6" in_ns pod ping -c1 -W1 2001:db8::9
refused "node to the internet, TCP" talk node ask tcp 203.0.113.9 443
refused "node to the internet, TCP, IPv6" talk node ask tcp 2001:db8::9 443
refused "node to the internet, bound to the device" talk node ask tcp 203.0.113.9 443 --device eth0
refused "a loopback address that leads out" talk node ask tcp 127.0.0.1 7777
refused "an own address that leads out" talk node ask tcp 10.10.0.2 7777
refused "a Service that leads out" talk pod ask tcp 10.43.0.99 443
before=$(count inet outside_inbound)
refused "outside opener to a pod" talk internet ask tcp 10.42.0.2 9018 --from 203.0.113.9
same "and it is counted as such" yes "$([ "$(count inet outside_inbound)" -gt "$before" ] && echo yes)"
refused "outside opener to the node gets no answer" in_ns internet ping -c1 -W1 -I 203.0.113.9 10.10.0.2

# --- exceptions --------------------------------------------------------------------------------------------------------
works "exception of pods, on its port" talk pod ask tcp 203.0.113.7 443
refused "exception of pods, another port" talk pod ask tcp 203.0.113.7 80
refused "exception of pods, from the node" talk node ask tcp 203.0.113.7 443
works "exception of nodes, on its port" talk node ask udp 198.51.100.7 123
refused "exception of nodes, another port" talk node ask udp 198.51.100.7 124
refused "exception of nodes, from a pod" talk pod ask udp 198.51.100.7 123
same "exceptions are counted" "yes yes" "$([ "$(count inet exception_1)" -gt 0 ] && echo yes) $([ "$(count inet exception_2)" -eq 1 ] && echo yes)"

# --- what pods must not say, and source routes ---------------------------------------------------------------------------
podraw() { frames pod send eth0 "$@" >/dev/null; }
podmac=$(in_ns node cat /sys/class/net/vethpod/address)
rogue() { # NAME FRAME
  before=$(count inet rogue_server)
  podraw "name=rogue,$2"
  same "$1" 1 $(($(count inet rogue_server) - before))
}
rogue "a pod's router advertisement" "to=ff02::1,from=fe80::1,ttl=255,icmp=134.0,mac=33:33:00:00:00:01"
rogue "a pod's ICMPv6 redirect" "to=fd00:42::1,from=fe80::1,ttl=255,icmp=137.0,mac=$podmac"
rogue "a pod's ICMP redirect" "to=10.42.0.1,from=10.42.0.2,icmp=5.1,mac=$podmac"
rogue "a pod's DHCP offer" "to=255.255.255.255,from=10.42.0.2,sport=67,dport=68"
rogue "a pod's DHCPv6 advertisement" "to=fd00:42::1,from=fd00:42::2,sport=547,dport=546,mac=$podmac"
before=$(count inet rogue_server)
in_ns pod ip -6 neigh flush dev eth0
works "a pod's neighbour solicitation lives" in_ns pod ping -c1 -W2 fd00:42::1
podraw "name=rs,to=ff02::2,from=fe80::5,ttl=255,icmp=133.0,mac=33:33:00:00:00:02"
same "a pod's router solicitation is no rogue server" 0 $(($(count inet rogue_server) - before))
source_routed() { # NAME FRAME
  before=$(count inet source_route)
  podraw "name=routed,mac=$podmac,$2"
  same "$1" 1 $(($(count inet source_route) - before))
}
source_routed "loose source route toward inside" "to=10.20.0.10,from=10.42.0.2,dport=8000,option=lsrr"
# Strict: the node itself is named first, and passes it on to the next hop.
source_routed "strict source route toward inside" "to=10.42.0.1,from=10.42.0.2,dport=8000,option=ssrr,hop=10.10.0.1"
source_routed "IPv6 routing header toward inside" "to=fd00:20::10,from=fd00:42::2,dport=8000,header=routing"

# --- raw frames at the uplink --------------------------------------------------------------------------------------------
leaves "raw: IPv4 to inside" "to=10.20.0.10"
leaves "raw: IPv6 to inside" "to=fd00:20::10"
leaves "raw: IPv6 to inside, a fragment" "to=fd00:20::10,header=fragment"
leaves "raw: IPv6 to inside, destination options" "to=fd00:20::10,header=dst"
for bypass in 0 1; do
  with="bypass=$bypass"
  stays "raw: IPv4 to outside, $with" "to=203.0.113.9,$with"
  stays "raw: IPv6 to outside, $with" "to=2001:db8::9,$with"
  stays "raw: 802.1Q, inner inside, $with" "to=10.20.0.10,tags=8100.5,$with"
  stays "raw: 802.1Q, inner outside, $with" "to=203.0.113.9,tags=8100.5,$with"
  stays "raw: QinQ, $with" "to=10.20.0.10,tags=88a8.5+8100.6,$with"
  stays "raw: MPLS, $with" "to=10.20.0.10,type=8847,$with"
  stays "raw: unknown EtherType, $with" "type=9000,$with"
  leaves "raw: declared EtherType (LLDP), $with" "type=88cc,$with"
done
leaves "raw: IPv4 to inside past the queueing discipline" "to=10.20.0.10,bypass=1"
stays "raw: told to be ARP, is IPv4 to outside" "to=203.0.113.9,claim=0806"
stays "raw: told to be LLDP, is IPv4 to outside" "to=203.0.113.9,claim=88cc"
# The octets that IPv4 keeps its destination in are here an IPv6 source that reads as an inside IPv4 address.
stays "raw: told to be IPv4, is IPv6 to outside" "to=2001:db8::9,from=fd00:10::0a14:000a:0:0,claim=0800"
stays "raw: IPv4 source route to inside" "to=10.20.0.10,option=lsrr"
stays "raw: IPv6 routing header to inside" "to=fd00:20::10,header=routing"
leaves "raw: an exception's address" "to=203.0.113.7,dport=1"
stays "raw: broadcast" "to=255.255.255.255"
leaves "raw: DHCP client message" "to=255.255.255.255,from=0.0.0.0,sport=68,dport=67"
stays "raw: DHCP server message" "to=255.255.255.255,sport=67,dport=68"
leaves "raw: DHCPv6 client message" "to=ff02::1:2,from=fe80::2,sport=546,dport=547"
leaves "raw: declared multicast (VRRP)" "to=224.0.0.18,proto=112,ttl=255"
leaves "raw: declared multicast with router alert" "to=224.0.0.18,proto=112,option=alert"
stays "raw: the group, another protocol" "to=224.0.0.18,proto=17"
stays "raw: another group" "to=224.0.0.5,proto=112"
leaves "raw: neighbour solicitation" "to=ff02::1:ff00:1,from=fe80::2,icmp=135.0,ttl=255"
stays "raw: neighbour solicitation from afar" "to=ff02::1:ff00:1,from=fe80::2,icmp=135.0,ttl=254"
stays "raw: neighbour solicitation to outside" "to=2001:db8::9,from=fe80::2,icmp=135.0,ttl=255"
stays "raw: router advertisement" "to=ff02::1,from=fe80::2,icmp=134.0,ttl=255"
stays "raw: echo to a link-local address" "to=fe80::77,from=fe80::2,icmp=128.0,ttl=255"
leaves "raw: MLD report" "to=ff02::16,from=fe80::2,icmp=143.0,ttl=1,header=hop"
stays "raw: MLD report with another hop limit" "to=ff02::16,from=fe80::2,icmp=143.0,ttl=2,header=hop"
works "ARP lives" sh -c "ip netns exec $lab_id-node ip neigh flush dev eth0; ip netns exec $lab_id-node ping -c1 -W2 10.10.0.1"

# --- the sensor canary's one shape -----------------------------------------------------------------------------------------
canary4="to=192.0.2.254,mac=02:61:69:72:74:00,mark=0x61697274,ttl=1,dport=9,size=32"
canary6="to=2001:db8::a1:7,mac=02:61:69:72:74:00,mark=0x61697274,ttl=1,dport=9,size=32"
leaves "canary, IPv4" "$canary4"
leaves "canary, IPv4, past the queueing discipline" "$canary4,bypass=1"
leaves "canary, IPv6" "$canary6"
leaves "canary, IPv6, past the queueing discipline" "$canary6,bypass=1"
for canary in "$canary4" "$canary6"; do
  for but in mark=0 mac=02:61:69:72:74:01 ttl=2 dport=10 size=33; do
    stays "canary, but $but (${canary%%,*})" "$canary,$but"
  done
done
stays "canary, but another address" "$canary4,to=192.0.2.9"
stays "canary, but tagged" "$canary4,tags=8100.5"
many=$(seen many "name=many,$canary4,count=40")
same "canaries are rate-limited" yes "$([ "$many" -ge 1 ] && [ "$many" -le 10 ] && echo yes || echo "$many of 40")"

# --- counters agree with what was sent ---------------------------------------------------------------------------------------
counts "dropped frames are counted one by one" 16 netdev dropped_eth0 \
  raw "name=d1,to=203.0.113.9,count=7" "name=d2,to=2001:db8::9,count=5,bypass=1" "name=d3,type=9000,count=4"
for try in 1 2 3; do # a frame of the kernel's own may come between two readings
  seen nothing >/dev/null
  accepted=$(count netdev accepted_eth0)
  wire=$(wc -l <"$lab_work/wire")
  seen nothing "name=a1,to=10.20.0.10,count=7" "name=a2,to=fd00:20::10,count=5,bypass=1" >/dev/null
  accepted=$(($(count netdev accepted_eth0) - accepted))
  wire=$(($(wc -l <"$lab_work/wire") - wire))
  [ "$accepted" -ne "$wire" ] || break
done
same "accepted frames are what the wire saw (try $try)" "$wire" "$accepted"
oversize=$(count netdev oversize_eth0)
works "a long answer comes whole" talk node ask tcp 10.20.0.10 8000 --size 200000
same "buffers longer than the MTU are counted apart" yes "$([ "$(count netdev oversize_eth0)" -gt "$oversize" ] && echo yes)"

# --- uplinks that are missing, renamed, matched by a pattern --------------------------------------------------------------------
in_ns node ip link set eth0 down
in_ns node ip link set eth0 name up9
same "a missing uplink: exit 1" 1 "$(status apply)"
same "a missing uplink: named" 1 "$(grep -c 'uplink eth0 is not there' "$lab_work/out")"
works "a missing uplink: the inet part is in force" nodenft list chain inet airtight output
lab_node_routes up9
refused "a renamed uplink: the IP stack is held" talk node ask tcp 203.0.113.9 443
in_ns node ip link set up9 down
in_ns node ip link set up9 name eth0
lab_node_routes eth0
works "the uplink is back: exit 0" apply
stays "the uplink is back: held" "to=203.0.113.9"

same "a pattern without a match: exit 1" 1 "$(in_ns node ip link set eth0 down; in_ns node ip link set eth0 name up9; status apply_patterns)"
same "a pattern without a match: named" 1 "$(grep -c 'no device matches eth' "$lab_work/out")"
in_ns node ip link set up9 name eth7
lab_node_routes eth7
uplink=eth7
works "a pattern is bound to the device under its new name" apply_patterns
stays "pattern: IPv4 to outside" "to=203.0.113.9"
leaves "pattern: IPv4 to inside" "to=10.20.0.10"
leaves "vlan declared: inner IPv4 inside" "to=10.20.0.10,tags=8100.5"
leaves "vlan declared: inner IPv6 inside" "to=fd00:20::10,tags=8100.5"
leaves "vlan declared: inner neighbour solicitation" "to=ff02::1:ff00:1,from=fe80::2,icmp=135.0,ttl=255,tags=8100.5"
stays "vlan declared: inner IPv4 outside" "to=203.0.113.9,tags=8100.5"
stays "vlan declared: inner IPv4 outside, source inside" "to=203.0.113.9,from=10.20.0.10,tags=8100.5"
stays "vlan declared: inner IPv6 outside" "to=2001:db8::9,tags=8100.5"
stays "vlan declared: inner source route" "to=10.20.0.10,option=lsrr,tags=8100.5"
stays "vlan declared: two tags" "to=10.20.0.10,tags=8100.5+8100.6"
stays "vlan declared: inner unknown" "type=9000,tags=8100.5"
stays "LLDP is not declared here" "type=88cc"
in_ns node ip link set eth7 down
in_ns node ip link set eth7 name eth0
lab_node_routes eth0
uplink=eth0
apply >/dev/null 2>&1

# A bridge takes the tag off the frame and keeps it beside: the hook must see it all the same.
in_ns node ip link add br0 type bridge
in_ns node ip link add vtag type veth peer name vtag0
in_ns node ip link set vtag0 netns "$lab_id-pod"
for device in br0 vtag; do in_ns node ip link set "$device" up; done
in_ns pod ip link set vtag0 up
in_ns node ip link set vtag master br0
in_ns node ip link set eth0 master br0
lab_tries=0
until [ "$(seen bridged-plain)" != 0 ] || [ "$lab_tries" -gt 20 ]; do # its ports come up when they come up
  lab_tries=$((lab_tries + 1))
  frames pod send vtag0 "name=bridged-plain,to=10.20.0.10,dport=8000" >/dev/null
done
works "a bridged frame to inside leaves" test "$(seen bridged-plain)" -ge 1
frames pod send vtag0 "name=bridged-outside,to=203.0.113.9" \
  "name=bridged-tag,to=10.20.0.10,tags=8100.5" >/dev/null
same "a bridged frame to outside stays" 0 "$(seen bridged-outside)"
same "a tag beside the frame is seen: it stays" 0 "$(seen bridged-tag)"
apply_patterns >/dev/null 2>&1
frames pod send vtag0 "name=tag-inside,to=10.20.0.10,tags=8100.5" "name=tag-outside,to=203.0.113.9,tags=8100.5" >/dev/null
same "vlan declared: a tag beside the frame, inner inside" 1 "$(seen tag-inside)"
same "vlan declared: a tag beside the frame, inner outside" 0 "$(seen tag-outside)"
in_ns node ip link del br0
in_ns node ip link del vtag
lab_node_routes eth0
works "back to the first rules" apply
same "and they are the same" "$once" "$(ours)"

# --- counting form, confirmation, removal -----------------------------------------------------------------------------------------
works "apply.sh --audit" apply --audit
works "audit: nothing is held" talk pod ask tcp 203.0.113.9 443
same "audit: it is counted" yes "$([ "$(count inet outside)" -gt 0 ] && echo yes)"
leaves "audit: raw frames leave" "to=203.0.113.9"
same "audit: they are counted" yes "$([ "$(count netdev dropped_eth0)" -gt 0 ] && echo yes)"
works "from audit back to enforcing" apply
same "is as before" "$once" "$(ours)"

same "--confirm: loaded" 0 "$(status apply --audit --confirm 2)"
works "--confirm: in force while it waits" talk pod ask tcp 203.0.113.9 443
same "--confirm: a second one has to wait" 4 "$(status apply --confirm 2)"
rolled_back() {
  lab_tries=0
  until ls -d "$state"/rolled-back.* >/dev/null 2>&1 || [ "$lab_tries" -gt 400 ]; do
    lab_tries=$((lab_tries + 1))
    sleep 0.02
  done
  rm -rf "$state"/rolled-back.*
}
rolled_back
same "--confirm: unconfirmed, it is as before" "$once" "$(ours)"
refused "--confirm: and holds" talk pod ask tcp 203.0.113.9 443
stays "--confirm: and holds raw frames" "to=203.0.113.9"
same "--confirmed: too late" 1 "$(status apply --confirmed)"
same "--confirm, confirmed" "0 0" "$(status apply_patterns --confirm 3) $(status apply --confirmed)"
kept=$(ours)
sleep 3.3
same "--confirm: confirmed, it stays" "$kept" "$(ours)"

on_terminal() { in_ns node python3 "$lab_dir/terminal.py" "$@"; }
same "--confirm on a terminal: Enter keeps" 0 "$(status on_terminal 0.5 sh "$rules/apply.sh" --state "$state" --confirm 20)"
same "--confirm on a terminal: no Enter, exit 1" 1 "$(status on_terminal never sh "$patterns/apply.sh" --state "$state" --confirm 1)"
same "--confirm on a terminal: and it is as before" "$once" "$(ours)"

works "remove.sh" in_ns node sh "$rules/remove.sh" --state "$state"
same "remove.sh: nothing of ours is left" "" "$(ours)"
same "remove.sh: foreign tables are as before" "$foreign_before" "$(foreign)"
works "remove.sh again" in_ns node sh "$rules/remove.sh" --state "$state"
works "remove.nft" nodenft -f "$rules/remove.nft"
works "removed: open again" talk pod ask tcp 203.0.113.9 443

# The session that loaded is killed; what it loaded goes all the same.
setsid sh -c "exec ip netns exec $lab_id-node sh $rules/apply.sh --state $state --confirm 2" </dev/null >/dev/null 2>&1 &
session=$!
lab_wait_for "$state"
lab_tries=0
until [ -n "$(ours)" ] || [ "$lab_tries" -gt 200 ]; do lab_tries=$((lab_tries + 1)); sleep 0.02; done
kill -KILL "-$session" 2>/dev/null
rolled_back
same "--confirm: rolled back although the session died" "" "$(ours)"

lab_summary
