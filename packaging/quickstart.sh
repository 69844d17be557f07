#!/bin/bash
# From a fresh Debian 12 to a sealed node, in one command: sudo packaging/quickstart.sh [SPEC]
#
# Installs packages, builds the release preset, compiles SPEC (default policies/xpander-airgapped.yaml), proves it sealed, punches a hole into
# a copy and finds it, then loads the firewall into a private
# network namespace and the zones into a private BIND, tries them, says in a few lines what each layer did, lets the node agent watch for ten
# seconds sealed and ten with a hole, replays a small capture in which one packet leaves, and cleans up. The namespaces
# (pod, node, inside, internet) have no route out of this machine; documentation addresses play the internet. Nothing of the host's own
# network, firewall or resolver is touched. Safe to run again.
#
# Needs root for packages and namespaces, and the package archive where packages are missing; without them it says what is missing.
# Exit codes: 0 everything as it must; 1 a layer let through or held what it must not; 4 the machine cannot run it.
set -u
root=$(cd "$(dirname "$0")/.." && pwd)
cd "$root" || exit 4
# A plain chroot has no root that is a mount point, and network namespaces need one.
[ -n "${AIRTIGHT_ROOTED:-}" ] || AIRTIGHT_ROOTED=1 exec bash packaging/rooted.sh bash "$root/packaging/quickstart.sh" "$@"
spec=${1:-policies/xpander-airgapped.yaml}
export PATH=$PATH:/usr/sbin:/sbin
stop() {
  echo "quickstart: $*" >&2
  exit 4
}

# --- packages and build
bash packaging/install_packages.sh build || stop "cannot build without these packages"
bash packaging/install_packages.sh lab
have_lab=$?
build_log=build/quickstart.log
mkdir -p build
{ cmake --preset release && cmake --build --preset release --target airtight airtight-auditor; } >"$build_log" 2>&1 || {
  tail -30 "$build_log" >&2
  stop "the build failed; all of its output is in $build_log"
}
airtight=$root/build/release/airtight
work=$(mktemp -d) || exit 4
trap 'rm -rf "$work"' EXIT
"$airtight" compile "$spec" -o "$work/out" >"$work/compile.log" || exit 1
out=$work/out
policies=$(cat "$out"/networkpolicy/*.yaml | grep -c '^kind: NetworkPolicy')
namespaces=$(find "$out/networkpolicy" -name '*.yaml' | wc -l)

line() { printf '%-10s  %s\n' "$1" "$2"; }
line compile "$spec: $(find "$out" -type f | wc -l) files for targets $(find "$out" -mindepth 1 -maxdepth 1 -type d -printf '%f\n' | sort | xargs)"
line kubernetes "$policies NetworkPolicies, $namespaces namespaces denied by default (written; enforcing them takes a cluster)"

# --- the proof, and a hole that it must find
wrong=0
as_it_must() { # LAYER TEXT COMMAND...: prints the line, with "NOT" in front and counted if the command fails
  local layer=$1 text=$2
  shift 2
  if "$@"; then line "$layer" "$text"; else wrong=$((wrong + 1)) && line "$layer" "NOT AS IT MUST: $text"; fi
}
"$airtight" verify --spec "$spec" "$out" >"$work/verify.log"
proven=$?
as_it_must verify "$(head -1 "$work/verify.log"): $(sed -n 's/^  \([a-z]*\)  *\(proven\|violated\|inconclusive\) .*/\1 \2/p' "$work/verify.log" | paste -sd, | sed 's/,/, /g')" \
  test $proven -eq 0
cp -r "$out" "$work/holed"
sed -i '0,/cidr: 10\.20\.[0-9.]*\/32/s//cidr: 0.0.0.0\/0/' "$work/holed/networkpolicy/xpander.yaml" 2>/dev/null
"$airtight" verify --spec "$spec" "$work/holed" --format json >"$work/holed.json"
found=$(python3 -c '
import json, os, sys
for layer in json.load(open(sys.argv[1]))["layers"]:
    for finding in layer["findings"]:
        if finding["property"] == "sealed":
            because = finding["because"][0]
            print("{} of {} gets out to {}, {}/{}, by {}:{}".format("a packet", finding["workload"], finding["counterexample"]["dst"],
                  finding["port"], finding["protocol"], os.path.basename(because["file"]), because["line"]))
            sys.exit()
' "$work/holed.json" 2>/dev/null)
as_it_must verify "one prefix of a copy widened to 0.0.0.0/0: $found" test -n "$found"

# --- can this machine do the rest?
[ "$(id -u)" -eq 0 ] || stop "the rest needs root for network namespaces. Run: sudo packaging/quickstart.sh"
[ $have_lab -eq 0 ] || stop "the rest needs the packages named above"
ip netns add "quickstart-$$" 2>/dev/null || stop "the rest needs network namespaces, and this machine makes none"
ip netns del "quickstart-$$"

# --- pod, node, inside, internet
# shellcheck source=tests/lab/lab.sh
. tests/lab/lab.sh
lab_dir=$root/tests/lab
lab_build
# named reads where the distribution's profile lets it.
dns=$(mktemp -d /var/cache/bind/quickstart.XXXXXX 2>/dev/null || mktemp -d) || exit 4
quickstart_end() {
  local status=$?
  rm -rf "$work" "$dns"
  (exit $status)
  lab_end
}
trap quickstart_end EXIT
in_ns inside ip addr add 10.20.0.54/32 dev lo
record=$lab_work/record
: >"$record"
lab_background in_ns inside python3 "$lab_dir/dns_recorder.py" serve "$record" lan0 10.20.0.53 10.20.0.54
lab_background in_ns inside python3 "$lab_dir/talk.py" serve "$lab_work/inside.ready" 300 tcp:8000@10.20.0.10
lab_background in_ns internet python3 "$lab_dir/talk.py" serve "$lab_work/internet.ready" 300 tcp:443@203.0.113.9 tcp:443@2001:db8::9
lab_wait_for "$lab_work/inside.ready"
lab_wait_for "$lab_work/internet.ready"

refused() { ! "$@" 2>/dev/null; }
wait_for() { # TEXT FILE
  for _ in $(seq 200); do grep -qs -- "$1" "$2" && return 0; sleep 0.05; done
  return 1
}
# outside_seen FENCE: packets to the outside that the wire behind the node carried. FENCE is an inside address that nothing was sent
# to yet: a frame to it goes last, so once the wire has it, it has all that went before.
outside_seen() {
  frames node send eth0 "name=fence,to=$1" >/dev/null
  wait_for "to $1\$" "$record"
  grep -cE 'to (203\.0\.113\.9|2001:db8::9)$' "$record"
}
count() { in_ns node nft list counter "$1" "$2" "$3" | sed -n 's/.*packets \([0-9]*\) .*/\1/p'; }
raw_frame() { frames node send eth0 name=raw,to=203.0.113.9,bypass=1 >/dev/null; }
wait_for '^watching' "$record" || stop "the recorder did not start: $(tail -3 "$lab_work/background.log")"
open() { talk pod ask tcp 203.0.113.9 443 && talk pod ask tcp 2001:db8::9 443 && raw_frame && wait_for 'to 203.0.113.9' "$record"; }
as_it_must control "without rules the pod reaches the internet, 203.0.113.9 and 2001:db8::9, so what follows means something" open

# --- firewall
load() { in_ns node sh "$out/nftables/apply.sh" --state "$lab_work/state" </dev/null >"$lab_work/apply.log" 2>&1 || { cat "$lab_work/apply.log"; false; }; }
as_it_must firewall "loaded: table inet airtight for the IP stack, table netdev airtight_egress for whatever leaves by eth0" load
as_it_must firewall "pod -> vllm 10.20.0.10:8000, declared: connected" talk pod ask tcp 10.20.0.10 8000
seen_before=$(outside_seen 10.20.0.11)
forbidden() {
  refused talk pod ask tcp 203.0.113.9 443 && refused talk pod ask tcp 2001:db8::9 443 && refused talk node ask tcp 203.0.113.9 443
}
forbidden
held=$?
dropped=$(count inet airtight outside)
as_it_must firewall "pod and node -> 203.0.113.9:443 and 2001:db8::9:443: dropped, counter \"outside\" says $dropped packets" \
  test "$held$((dropped > 0))" = 01
egress_before=$(count netdev airtight_egress dropped_eth0)
raw_frame
left=$(($(outside_seen 10.20.0.12) - seen_before))
egress=$(($(count netdev airtight_egress dropped_eth0) - egress_before))
as_it_must egress "a raw frame past the IP stack and its queue: $egress dropped; the wire behind the node carried $left packets to the outside" \
  test "$egress$left" = 10

# --- resolver
cp -r "$out/bind" "$out/rpz" "$dns/"
chmod -R a+rX "$dns"
(cd "$dns/bind" && exec ip netns exec "$lab_id-node" named -g -n 1 -c named.conf >"$dns/named.log" 2>&1) &
lab_pids="$lab_pids $!"
wait_for 'running$' "$dns/named.log" || { tail -5 "$dns/named.log" >&2; stop "named did not start"; }
ask() { in_ns pod python3 "$lab_dir/dns_recorder.py" ask 10.10.0.2 <<<"$1 A"; }
inside=$(ask vllm.corp.example)
as_it_must dns "vllm.corp.example -> ${inside##*addresses=}, by the inside resolver" test "${inside#*-> }" = "NOERROR answers=1 addresses=10.20.0.10"
outside=$(ask api.openai.com)
leaked=$(grep '^question ' "$record" | grep -vc '^question \([^ ]*\.\)\?corp\.example ')
as_it_must dns "api.openai.com -> $(awk '{print $4}' <<<"$outside"); questions for outside names that left the resolver: $leaked" \
  test "${outside#*-> }$leaked" = "NXDOMAIN answers=0 addresses=0"

# --- the node agent, ten seconds sealed and ten with a hole
# agent NAME TRAFFIC...: runs it while TRAFFIC happens, then asks for the report.
agent() {
  local name=$1 pid
  shift
  in_ns node "$airtight"-auditor run --policy "$out/policy.json" --state "$work/$name" --node quickstart --uplink eth0 --interval 1 \
    --duration 9 --canary-interval 3 --probe-interval 0 --listen none 2>"$work/$name.log" &
  pid=$!
  wait_for '"event":"started"' "$work/$name.log" && "$@" >/dev/null 2>&1
  wait $pid || { tail -3 "$work/$name.log"; return 4; }
  (cd "$work" && exec "$airtight"-auditor report --policy "$out/policy.json" --evidence "$name" --as-logged) >"$work/$name.report"
}
traffic() { talk pod ask tcp 10.20.0.10 8000; refused talk pod ask tcp 203.0.113.9 443; }
agent sealed traffic
sealed=$?
attempts=$(grep -c '^listed\[AT-A009\]' "$work/sealed.report")
as_it_must agent "10 s sealed, a pod tried 203.0.113.9:443: $(head -1 "$work/sealed.report"); attempts listed: $attempts" test "$sealed$attempts" = 01
in_ns node nft insert rule inet airtight forward ip daddr 203.0.113.9 accept
in_ns node nft insert rule netdev airtight_egress uplink_eth0 ip daddr 203.0.113.9 accept
agent holed talk pod ask tcp 203.0.113.9 443
holed=$?
packet=$(sed -n '/^violated\[AT-A001\]/,/^$/{s/^  quickstart  unknown  \([^ ]*  [^ ]*\) .*/\1/p;s/.*, from \([^ ]*\) at.*/from \1/p}' "$work/holed.report" | paste -sd' ')
as_it_must agent "10 s with a rule that accepts 203.0.113.9: $(head -1 "$work/holed.report"): $packet" test "$holed${packet:+ $packet}" = "1 203.0.113.9  443/tcp from 10.42.0.2"
"$airtight"-auditor verify "$work/sealed" "$work/holed" >"$work/logs.log"
as_it_must verify "both evidence logs, recomputed: $(head -1 "$work/logs.log")" test $? -eq 0
[ -z "${QUICKSTART_REPORTS:-}" ] || cp "$work/sealed.report" "$work/holed.report" "$QUICKSTART_REPORTS"

# --- what packets say: a capture of a quiet minute, in which one library asks its vendor
"$airtight" compile policies/xpander-airgapped.yaml -o "$work/shipped" --at 2026-11-25 >/dev/null || exit 1
"$airtight"-auditor replay --policy "$work/shipped/policy.json" --format json packaging/sample.pcapng >"$work/replay.json"
left=$?
found=$(python3 -c '
import json, sys
report = json.load(open(sys.argv[1]))
for finding in report["findings"]:
    if finding["class"] == "escape":
        print("{}, packet {} of {}: {} -> {}, {}/{}, from {} at the pod side".format(finding["rule_id"], finding["examples"][0]["packet"], report["packets"],
              finding["source"], finding["destination"], finding["port"], finding["protocol"], finding["pod_side"][0]["source"]))
' "$work/replay.json" 2>/dev/null)
as_it_must replay "packaging/sample.pcapng: violated, $found" test "$left${found:+found}" = 1found

if [ $wrong -eq 0 ]; then
  line result "everything as it must, after $SECONDS s; namespaces, rules and resolver are gone again"
else
  line result "$wrong lines are not as they must be"
  exit 1
fi
