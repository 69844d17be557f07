#!/bin/bash
# The generated zones and named.conf in a running BIND: bind_lab.sh AIRTIGHT [SPEC]
#
# Two network namespaces without any route out: `resolver` runs named with the files as they were emitted; `upstream`
# holds the address that the spec forwards to and stands where the default route leads, so it records both every
# question and every packet to another address (dns_recorder.py). Prints "ok NAME" or "FAIL NAME" a check.
# Needs root, named, named-checkzone, named-checkconf, ip and python3; otherwise says SKIPPED and exits 77.
# AIRTIGHT_LONG=1 watches the resolver without a client for 120 s in place of 20.
set -u

here=$(cd "$(dirname "$0")" && pwd)
airtight=${1:?usage: bind_lab.sh AIRTIGHT [SPEC]}
spec=${2:-$here/dns.yaml}
quiet_seconds=20
[ "${AIRTIGHT_LONG:-}" = 1 ] && quiet_seconds=120

skip() {
  echo "SKIPPED bind_lab: $1"
  echo "0 passed, 0 failed, 1 skipped"
  exit 77
}
[ "$(id -u)" = 0 ] || skip "needs root for network namespaces"
for tool in named named-checkzone named-checkconf ip python3; do
  command -v $tool > /dev/null || skip "needs $tool"
done

passed=0
failed=0
ok() { passed=$((passed + 1)); echo "ok $1"; }
fail() {
  failed=$((failed + 1))
  echo "FAIL $1"
  [ -z "${2:-}" ] || sed 's/^/     /' <<< "$2" | head -12
}
# check NAME WHAT-IS-WRONG: passes if nothing is wrong.
check() { if [ -z "$2" ]; then ok "$1"; else fail "$1" "$2"; fi; }

work=$(mktemp -d) || exit 1
resolver=airtight-r$$
upstream=airtight-u$$
named_pid=
recorder_pid=
cleanup() {
  for pid in $named_pid $recorder_pid; do kill "$pid" 2> /dev/null && wait "$pid" 2> /dev/null; done
  ip netns del $resolver 2> /dev/null
  ip netns del $upstream 2> /dev/null
  rm -rf "$work"
}
trap cleanup EXIT
trap 'exit 130' INT TERM

# ---- what was emitted

"$airtight" compile "$spec" --at 2026-11-25 -o "$work/out" > "$work/compile.log" 2>&1 || {
  fail compile "$(cat "$work/compile.log")"
  echo "$passed passed, $failed failed, 0 skipped"
  exit 1
}
ok compile
rpz=$work/out/rpz

check checkconf_accepts_the_configuration \
  "$(cd "$work/out/bind" && named-checkconf -z named.conf > "$work/conf.log" 2>&1 || cat "$work/conf.log")"
for zone in names:airtight-names names-bind:airtight-names answers:airtight-answers answers-bind:airtight-answers \
            sealed-root:.; do
  check "checkzone_accepts_${zone%%:*}" \
    "$(named-checkzone "${zone#*:}" "$rpz/${zone%%:*}.zone" > "$work/zone.log" 2>&1 || cat "$work/zone.log")"
done

# triggers FILE: the owner of every record behind the name server's, in lower case.
triggers() { awk '$2 == "CNAME" { print tolower($1) }' "$1"; }
promised() { sed -n 's/^; triggers: //p' "$1"; }
for file in names names-bind answers answers-bind; do
  check "triggers_of_${file}_are_unique" "$(triggers "$rpz/$file.zone" | sort | uniq -d)"
  count=$(triggers "$rpz/$file.zone" | wc -l)
  expected=$(promised "$rpz/$file.zone")
  check "header_of_${file}_counts_its_triggers" \
    "$([ "$count" = "$expected" ] || echo "$count in the file, $expected promised")"
done
check sealed_root_has_no_address "$(grep -E '[[:space:]](A|AAAA)[[:space:]]' "$rpz/sealed-root.zone" | grep -v '^;')"

# ---- the two namespaces

ip netns add $resolver && ip netns add $upstream || skip "cannot make network namespaces"
ip -n $resolver link add lab0 type veth peer name lab1 netns $upstream || skip "cannot make a veth pair"
for ns in $resolver $upstream; do
  ip netns exec $ns sysctl -qw net.ipv6.conf.all.accept_ra=0 net.ipv6.conf.default.accept_dad=0 \
    net.ipv6.conf.all.accept_dad=0 net.ipv4.ip_forward=0 net.ipv6.conf.all.forwarding=0 > /dev/null
  ip -n $ns link set lo up
done
ip -n $resolver addr add 10.10.0.2/24 dev lab0  # a node's address: its clients are inside
ip -n $resolver addr add fd00:10::2/64 dev lab0 nodad
ip -n $resolver addr add 192.0.2.9/32 dev lo  # a client that is not
ip -n $upstream addr add 10.20.0.53/32 dev lab1
ip -n $upstream addr add fd00:20::53/128 dev lab1 nodad
ip -n $resolver link set lab0 up
ip -n $upstream link set lab1 up
ip -n $upstream route add 10.10.0.0/24 dev lab1
ip -n $upstream route add fd00:10::/64 dev lab1
ip -n $resolver route add 10.20.0.53 dev lab0
ip -n $resolver route add fd00:20::53 dev lab0
ip -n $resolver route add default via 10.20.0.53
ip -n $resolver route add default via fd00:20::53

record=$work/record.log
: > "$record"
ip netns exec $upstream python3 "$here/dns_recorder.py" serve "$record" lab1 10.20.0.53 fd00:20::53 \
  2> "$work/recorder.err" &
recorder_pid=$!
wait_for() {  # wait_for TEXT FILE
  for _ in $(seq 100); do
    grep -qs -- "$1" "$2" && return 0
    sleep 0.1
  done
  return 1
}
wait_for '^watching' "$record" || fail recorder_starts "$(cat "$work/recorder.err")"

# The recorder itself: an outside packet is seen, or everything below would mean nothing.
ip netns exec $resolver python3 -c '
import socket
for family, to in ((socket.AF_INET, "198.51.100.1"), (socket.AF_INET6, "2001:db8::1")):
    socket.socket(family, socket.SOCK_DGRAM).sendto(b"x", (to, 53))'
check recorder_sees_packets_to_the_outside \
  "$(wait_for 'packet ipv4 protocol 17 to 198.51.100.1' "$record" &&
     wait_for 'packet ipv6 protocol 17 to 2001:db8::1' "$record" || cat "$record" <(echo "not recorded"))"

mark=0
set_mark() { mark=$(wc -l < "$record"); }
recorded() { tail -n "+$((mark + 1))" "$record"; }
# Everything recorded since the mark but questions for names inside the forwarded zones.
leaked() {
  recorded | grep -vE '^question ([^ ]+\.)?(corp\.example|20\.10\.in-addr\.arpa) ' |
    cat - <(recorded | grep -E '^question ([^ ]+\.)?(secret|deep\.down)\.corp\.example ')
}

start_named() {  # start_named DIRECTORY LOG
  cd "$1" || exit 1
  ip netns exec $resolver named -g -d 3 -n 1 -c named.conf > "$2" 2>&1 &
  named_pid=$!
  cd - > /dev/null || exit 1
  wait_for 'running$' "$2" || fail named_starts "$(tail -12 "$2")"
}
stop_named() {
  kill "$named_pid" && wait "$named_pid" 2> /dev/null
  named_pid=
}
ask() { ip netns exec $resolver python3 "$here/dns_recorder.py" ask "${1:-10.10.0.2}"; }

# ---- a resolver without a client

set_mark
start_named "$work/out/bind" "$work/named.log"
sleep 2  # policy zones load in the background
for zone in names:names-bind answers:answers-bind; do
  name=airtight-${zone%%:*}
  loaded=$(grep -oE "rpz: $name: adding node .*\.$name\$" "$work/named.log" | sort -u | wc -l)
  expected=$(promised "$rpz/${zone#*:}.zone")
  check "named_loads_every_trigger_of_${zone#*:}" \
    "$([ "$loaded" = "$expected" ] || echo "$loaded loaded, $expected promised")"
done
complaints=' (error|warning|not loaded|invalid|duplicate|failed)|not writable'
check named_loads_without_complaint "$(grep -iE "$complaints" "$work/named.log" | grep -vE 'built with|managed-keys')"
sleep $((quiet_seconds - 2))
check "no_packet_without_a_client_for_${quiet_seconds}_seconds" "$(recorded)"

# ---- inside names

inside=$(ask << 'Q'
a.corp.example A
a.corp.example AAAA
a.corp.example A tcp
a.corp.example A case
a.corp.example A noedns
a.corp.example A do
vllm.corp.example A
a.corp.example TXT
a.corp.example MX
a.corp.example SRV
big.corp.example TXT
corp.example SOA
nothere.corp.example A
10.0.20.10.in-addr.arpa PTR
beside.down.corp.example A
inner.corp.example A
inner.corp.example AAAA
excepted.corp.example A
Q
)
answered() {  # answered NAME QUESTION EXPECTED
  local got
  got=$(grep -F -- "$2 -> " <<< "$inside" | head -1)
  [ "$got" = "$2 -> $3" ] && ok "$1" || fail "$1" "expected $2 -> $3
got      $got"
}
answered inside_name_resolves_ipv4 "a.corp.example A" "NOERROR answers=1 addresses=10.20.0.10"
answered inside_name_resolves_ipv6 "a.corp.example AAAA" "NOERROR answers=1 addresses=fd00:20::10"
answered inside_name_resolves_over_tcp "a.corp.example A tcp" "NOERROR answers=1 addresses=10.20.0.10"
answered inside_name_resolves_in_mixed_case "a.corp.example A case" "NOERROR answers=1 addresses=10.20.0.10"
answered inside_name_resolves_without_edns "a.corp.example A noedns" "NOERROR answers=1 addresses=10.20.0.10"
answered inside_name_resolves_with_do "a.corp.example A do" "NOERROR answers=1 addresses=10.20.0.10"
answered endpoint_name_resolves "vllm.corp.example A" "NOERROR answers=1 addresses=10.20.0.10"
answered inside_text_resolves "a.corp.example TXT" "NOERROR answers=1 addresses="
answered inside_mail_exchanger_resolves "a.corp.example MX" "NOERROR answers=1 addresses="
answered inside_service_resolves "a.corp.example SRV" "NOERROR answers=1 addresses="
answered long_answer_comes_over_tcp "big.corp.example TXT" "NOERROR answers=20 addresses="
answered zone_apex_resolves "corp.example SOA" "NOERROR answers=1 addresses="
answered missing_inside_name_is_nxdomain "nothere.corp.example A" "NXDOMAIN answers=0 addresses="
answered inside_reverse_name_resolves "10.0.20.10.in-addr.arpa PTR" "NOERROR answers=1 addresses="
answered name_beside_a_denied_one_resolves "beside.down.corp.example A" "NOERROR answers=1 addresses=10.20.0.10"
answered inside_alias_to_inside_resolves "inner.corp.example A" "NOERROR answers=2 addresses=10.20.0.10"
answered inside_alias_to_inside_resolves_ipv6 "inner.corp.example AAAA" "NOERROR answers=2 addresses=fd00:20::10"
answered excepted_address_passes "excepted.corp.example A" "NOERROR answers=1 addresses=203.0.113.7"
# A search list asks outside names with inside suffixes first: these are inside questions, and the inside answers them.
check outside_name_with_an_inside_suffix_is_an_inside_question \
  "$(echo api.openai.com.corp.example A | ask | grep -v -- '-> NXDOMAIN answers=0 addresses=$')"
check inside_names_cost_no_other_packet "$(leaked)"

# ---- outside names

types="A AAAA HTTPS SVCB TXT MX SRV ANY NULL CNAME NS SOA DS DNSKEY PTR TYPE65534"
long=$(printf 'x%.0s' $(seq 60))
outside="x.evil.example api.openai.com beside.openai.com x.y.api.openai.com openai.com com example evil xcorp.example
  corp.example.evil deployment-manager-privatelink.xpander.ai metadata.google.internal 8.8.8.8.in-addr.arpa
  x.in-addr.arpa in-addr.arpa arpa x.ip6.arpa invalid localhost time.google.com
  $long.$long.$long.${long:0:50}.test"
every_question() {  # every_question WORD...: each outside name and type, with these words
  for name in $outside; do for type in $types; do echo "$name $type $*"; done; done
}
all_nxdomain() {  # all_nxdomain CHECK LINES COUNT
  check "$1" "$(grep -v -- '-> NXDOMAIN answers=0 addresses=$' <<< "$2"
    [ "$(wc -l <<< "$2")" -ge "$3" ] || echo "only $(wc -l <<< "$2") answers")"
}
set_mark
questions=$(every_question | wc -l)
all_nxdomain outside_names_are_nxdomain_over_udp "$(every_question | ask)" "$questions"
all_nxdomain outside_names_are_nxdomain_over_tcp "$(every_question tcp | ask)" "$questions"
all_nxdomain outside_names_are_nxdomain_in_mixed_case "$(every_question case | ask)" "$questions"
all_nxdomain outside_names_are_nxdomain_without_edns "$(every_question noedns | ask)" "$questions"
all_nxdomain outside_names_are_nxdomain_with_do "$(every_question do | ask)" "$questions"
all_nxdomain outside_names_are_nxdomain_over_ipv6 "$(every_question | ask fd00:10::2)" "$questions"
all_nxdomain outside_names_are_nxdomain_without_recursion_desired "$(every_question nord | ask)" "$questions"
root=$(for type in $types; do echo ". $type"; done | ask)
check the_root_is_ours "$(grep -vE -- '-> (NOERROR|NXDOMAIN) answers=[01234] addresses=$' <<< "$root")"
check a_cluster_name_is_not_forwarded \
  "$(echo kubernetes.default.svc.cluster.local A | ask | grep -v -- '-> NXDOMAIN answers=0 addresses=$')"
check outside_reverse_name_is_nxdomain_ipv6 \
  "$(echo 8.8.8.8.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.6.8.4.0.6.8.4.1.0.0.2.ip6.arpa PTR | ask |
     grep -v -- '-> NXDOMAIN answers=0 addresses=$')"
check upstream_sees_no_outside_name "$(recorded)"

# ---- denied names inside a zone

set_mark
denied=$(for name in secret.corp.example below.secret.corp.example deep.down.corp.example; do
  for type in $types; do echo "$name $type"; done; echo "$name A tcp"; echo "$name A case"; done | ask)
all_nxdomain denied_names_inside_a_zone_are_nxdomain "$denied" 54
check denied_names_inside_a_zone_are_not_asked_for "$(recorded)"
logged() {  # logged CHECK NAME
  local line="rpz QNAME NXDOMAIN rewrite $2/A/IN via $2.airtight-names"
  check "$1" "$(grep -qF "$line" "$work/named.log" || echo "no such line: $line")"
}
logged denial_is_logged_with_its_name secret.corp.example
logged catalogue_hit_is_logged_with_its_name api.openai.com

# ---- aliases: no question for the target leaves, no address is in the answer

set_mark
aliases=$(for name in bare.corp.example chain.corp.example lure.corp.example b.tree.corp.example; do
  for type in A AAAA HTTPS TXT ANY; do
    echo "$name $type"; echo "$name $type tcp"; echo "$name $type do"
  done; done | ask)
check alias_to_an_outside_name_carries_no_address "$(grep -v -- ' addresses=$' <<< "$aliases")"
check alias_to_an_outside_name_ends \
  "$(grep -E ' (A|AAAA)( tcp| do)? ' <<< "$aliases" | grep -v -- '-> NXDOMAIN ')"
again=$(for name in bare chain lure; do echo "$name.corp.example A nord"; done | ask)
check cached_alias_to_an_outside_name_carries_no_address "$(grep -v -- ' addresses=$' <<< "$again")"
secret=$(printf 'tosecret.corp.example %s\n' A ANY 'A tcp' | ask)
check alias_to_a_denied_name_carries_no_address "$(grep -v -- ' addresses=$' <<< "$secret")"
toout=$(printf 'toout.corp.example %s\n' A AAAA ANY | ask)
check alias_to_an_outside_address_carries_no_address "$(grep -v -- ' addresses=$' <<< "$toout")"
check alias_to_a_denied_name_or_address_is_nxdomain \
  "$(grep -v -- '-> NXDOMAIN ' <<< "$secret"$'\n'"$toout" | grep -v ' ANY ')"
check no_question_for_an_outside_target_leaves "$(leaked)"

# ---- answers with an outside address

set_mark
ends=$(for name in out signed mixed beside xpander xpander2 metadata; do
  for words in A ANY 'A tcp' 'A do' 'A case' 'A nord'; do echo "$name.corp.example $words"; done; done
  for name in out signed mixed mapped mappedxpander nat64 metadata; do
    for words in AAAA 'AAAA tcp' 'AAAA do' 'AAAA nord'; do echo "$name.corp.example $words"; done; done)
ends=$(ask <<< "$ends")
check inside_name_with_an_outside_address_carries_none "$(grep -v -- ' addresses=$' <<< "$ends")"
check inside_name_with_an_outside_address_is_nxdomain "$(grep -v ' nord ' <<< "$ends" | grep -v -- '-> NXDOMAIN ')"
check xpander_cloud_address_ends \
  "$(grep -E '^xpander' <<< "$ends" | grep -v ' nord ' | grep -v -- '-> NXDOMAIN answers=0 addresses=$')"
check answers_cost_no_other_packet "$(leaked)"
# A limit, stated in named.conf: BIND hands hints on as they come. If this turns red, the limit is gone.
check hints_of_https_records_are_a_stated_limit \
  "$(echo vllm.corp.example HTTPS hints | ask | grep -v -- 'addresses=hint$')"

# ---- who may ask

refused=$(printf '%s from=192.0.2.9\n' 'a.corp.example A' 'x.evil.example A' '. NS' | ask)
check a_client_from_outside_is_refused "$(grep -v -- '-> REFUSED answers=0 addresses=$' <<< "$refused")"
check policy_zones_cannot_be_read "$(echo 'airtight-names SOA' | ask | grep -v -- ' answers=0 ')"
stop_named

# ---- without the policy zones the root still holds; without the root too, no other address is asked

mkdir -p "$work/bare/bind" && cp -r "$rpz" "$work/bare/rpz"
rm "$work"/bare/rpz/{names,names-bind,answers,answers-bind}.zone
awk '/^ *response-policy/ { skip = 1 } /^zone "airtight-/ { skip = 2 }
     !skip { print }
     skip == 1 && /^ *}.*;$/ { skip = 0 }  skip == 2 && /^};$/ { skip = 0 }' \
  "$work/out/bind/named.conf" > "$work/bare/bind/named.conf"
set_mark
start_named "$work/bare/bind" "$work/bare.log"
alone=$(for name in $outside; do for type in $types; do echo "$name $type"; done; done | grep -v '^invalid ' |
  grep -v '^\(example\|in-addr.arpa\|arpa\) ' | ask)
all_nxdomain sealed_root_alone_answers_nxdomain "$alone" 250
check sealed_root_alone_asks_nobody "$(recorded)"
check sealed_root_alone_ends_aliases \
  "$(printf 'chain.corp.example %s\n' A AAAA ANY | ask | grep -v -- ' addresses=$')"
check sealed_root_alone_asks_nobody_for_targets "$(leaked)"
stop_named

mkdir -p "$work/open/bind" && cp -r "$work/bare/rpz" "$work/open/rpz"
awk '/^zone "\."/ { skip = 1 } !skip { print } /^};$/ { skip = 0 }' "$work/bare/bind/named.conf" \
  > "$work/open/bind/named.conf"
set_mark
start_named "$work/open/bind" "$work/open.log"
open=$(printf '%s\n' 'x.evil.example A' 'com NS' '. NS' '. DNSKEY' 'chain.corp.example A' | ask)
check without_any_zone_no_outside_name_has_an_address \
  "$(grep -v -- ' addresses=$' <<< "$open" | grep -v -- '-> TIMEOUT$')"
check without_any_zone_no_other_address_is_asked "$(leaked)"
stop_named

echo "$passed passed, $failed failed, 0 skipped"
[ "$failed" = 0 ]
