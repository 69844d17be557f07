#!/bin/bash
# Fills README.md's output blocks with what the program prints: packaging/readme.sh [--check] [--quickstart] [--figures] [--verify-figures] [--replay-figures] [--agent-figures] [--shown] [AIRTIGHT]
#
# A block stands between <!-- NAME --> and <!-- /NAME -->. --check writes nothing and exits 1 if a block is not what the program prints now.
# The blocks of the quickstart (root, a minute), of the benchmark and of the counts (minutes) depend on the machine: they are made anew only when
# asked for, and --check only sees that they are there. AIRTIGHT defaults to build/release/airtight.
set -u
root=$(cd "$(dirname "$0")/.." && pwd)
check='' quickstart='' figures='' verify_figures='' replay_figures='' agent_figures='' shown='' airtight=$root/build/release/airtight
for argument; do
  case $argument in
    --check) check=1 ;;
    --quickstart) quickstart=1 ;;
    --figures) figures=1 ;;
    --verify-figures) verify_figures=1 ;;
    --replay-figures) replay_figures=1 ;;
    --agent-figures) agent_figures=1 ;;
    --shown) shown=1 ;;
    -*) echo "usage: readme.sh [--check] [--quickstart] [--figures] [--shown] [AIRTIGHT]" >&2; exit 2 ;;
    *) airtight=$(realpath "$argument") ;;
  esac
done
[ -x "$airtight" ] || { echo "readme.sh: $airtight is not there: cmake --preset release && cmake --build --preset release" >&2; exit 4; }
work=$(mktemp -d) || exit 4
trap 'rm -rf "$work"' EXIT
mkdir "$work/blocks" "$work/run"
cd "$work/run" || exit 4
cp "$root/policies/minimal.yaml" .

fenced() { printf '```%s\n' "$1"; cat; printf '```\n'; } # LANGUAGE
run() { # what a person would type and see; errors and the exit code too
  echo "\$ airtight $*"
  local status=0
  "$airtight" "$@" 2>&1 || status=$?
  [ $status -eq 0 ] || { echo "\$ echo \$?"; echo $status; }
}
block() { # NAME, its text on standard input
  cat >"$work/blocks/$1"
}

sed '/^#/d' minimal.yaml | fenced yaml | block spec
run compile minimal.yaml -o out --at 2026-11-25 | fenced text | block compile
run verify --spec minimal.yaml out --at 2026-11-25 | fenced text | block verify
awk '/^---/ {n++} n == 2' out/networkpolicy/agents.yaml | sed 1d | fenced yaml | block networkpolicy
sed -n '/^  chain forward {/,/^  }/p' out/nftables/airtight.nft | grep -v 'nfproto ipv6' | sed 's/^  //' | fenced text | block nftables
sed -e 's/\[10.10.0.0\/24\]/[10.10.0.7\/24]/' -e 's/labels: {app: agent}/lables: {app: agent}/' minimal.yaml >wrong.yaml
run compile wrong.yaml -o out --at 2026-11-25 | fenced text | block error
run --explain AT-S203 | fenced text | block explain
sed -i 's/10\.20\.0\.10\/32/10.20.0.0\/24/' out/networkpolicy/agents.yaml
run compile minimal.yaml -o out --at 2026-11-25 --check | fenced text | block check
sed -i 's/ip daddr @endpoint_vllm_v4 tcp dport 8000 accept.*/ip daddr 0.0.0.0\/0 tcp dport 8000 accept/; 0,/ip daddr != @inside_v4 goto outside/{/ip daddr != @inside_v4 goto outside/d}' out/nftables/airtight.nft
run verify --spec minimal.yaml out --at 2026-11-25 | sed -n '1,/^Layers disagree/p' | sed '$d' | fenced text | block hole
run explain --spec minimal.yaml out --at 2026-11-25 --from agent --to 203.0.113.9:8000 | fenced text | block explain-packet
run compile "$root/policies/xpander-airgapped.yaml" -o shipped --at 2026-11-25 >/dev/null
cp "$root/packaging/sample.pcapng" node.pcapng
{ echo '$ airtight-auditor replay --policy out/policy.json node.pcapng'; "$airtight-auditor" replay --policy shipped/policy.json node.pcapng; echo "\$ echo \$?"; "$airtight-auditor" replay --policy shipped/policy.json node.pcapng >/dev/null; echo $?; } | fenced text | block replay
if [ -n "$quickstart" ]; then
  mkdir "$work/reports"
  QUICKSTART_REPORTS=$work/reports bash "$root/packaging/quickstart.sh" | grep -v '^Installing' | fenced text | block quickstart
  for name in sealed holed; do
    echo "\$ airtight-auditor report --policy out/policy.json --evidence $name --as-logged"
    sed '/^Exceptions of the policy/,/^$/d; /^Assumptions/,$d' "$work/reports/$name.report"
  done | fenced text | block agent
fi
if [ -n "$shown" ]; then bash "$root/tests/shown.sh" "$airtight" | block shown; fi
if [ -n "$figures" ]; then bash "$root/tests/bench/compile.sh" "$airtight" | block figures; fi
if [ -n "$replay_figures" ]; then bash "$root/tests/bench/replay.sh" "$airtight-auditor" | block replay-figures; fi
if [ -n "$agent_figures" ]; then bash "$root/tests/bench/agent.sh" "$airtight-auditor" | block agent-figures; fi
if [ -n "$verify_figures" ]; then bash "$root/tests/bench/verify.sh" "$airtight" | block verify-figures; fi

python3 - "$root/README.md" "$work/blocks" "$check" <<'PY'
import os
import re
import sys

readme, blocks, check = sys.argv[1:]
with open(readme, encoding="utf-8") as file:
    old = new = file.read()
stale = []
kept = ("quickstart", "agent", "figures", "verify-figures", "replay-figures", "agent-figures", "shown")
for name in sorted(os.listdir(blocks)) + [name for name in kept if not os.path.exists(os.path.join(blocks, name))]:
    found = re.search(rf"(<!-- {name} -->\n)(.*?)(<!-- /{name} -->\n)", new, re.DOTALL)
    if not found:
        stale.append(f"no block {name}")
        continue
    if name in kept and not os.path.exists(os.path.join(blocks, name)):
        if not found.group(2).strip():
            stale.append(f"block {name} is empty: packaging/readme.sh --{name}")
        continue
    with open(os.path.join(blocks, name), encoding="utf-8") as file:
        text = file.read()
    if found.group(2) != text:
        stale.append(f"block {name} is not what the program prints")
        new = new[:found.start(2)] + text + new[found.end(2):]
for name in re.findall(r"<!-- ([\w-]+) -->", new):
    if name not in kept and not os.path.exists(os.path.join(blocks, name)):
        stale.append(f"nothing makes block {name}")
if check:
    for line in stale:
        print("FAIL README.md:", line)
    print(f"{len(stale)} failed")
    sys.exit(1 if stale else 0)
if new != old:
    with open(readme, "w", encoding="utf-8") as file:
        file.write(new)
for line in stale:
    print(line)
PY
