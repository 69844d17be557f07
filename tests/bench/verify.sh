#!/bin/bash
# Times `airtight verify`, `connections` and `explain` on big clusters and rulesets and prints a markdown table: tests/bench/verify.sh [AIRTIGHT]
#
# netpol-analyzer (a Go module; SKIPPED where it cannot be built) is what a user would take for connections. Medians of RUNS (3) after one
# that is not counted; nothing is asserted. AIRTIGHT defaults to build/release/airtight. Needs GNU time, python3; go and nft where they are.
set -u
root=$(cd "$(dirname "$0")/../.." && pwd)
airtight=$(realpath "${1:-$root/build/release/airtight}")
export RUNS=${RUNS:-3} PATH=$PATH:/usr/sbin:/sbin:/usr/local/go/bin
[ -x "$airtight" ] && [ -x /usr/bin/time ] || { echo "verify.sh: needs $airtight and GNU time" >&2; exit 4; }
work=$(mktemp -d) || exit 4
trap 'chmod -R u+w "$work" 2>/dev/null; rm -rf "$work"' EXIT
cd "$work" || exit 4
generate() { python3 "$root/tests/bench/generate_cluster.py" "$@"; }
generate 10000 2000 json c10k
generate 50000 5000 json c50k
generate 10000 2000 full full
generate 300 100 json small
python3 - >big.nft <<'PY'
print("table inet t {\n  set inside {\n    type ipv4_addr\n    flags interval\n    elements = {")
print(",\n".join(f"      10.{n // 32768 % 256}.{n // 128 % 256}.{n % 128 * 2}" for n in range(100_000)))
print("    }\n  }\n  chain o {\n    type filter hook output priority 0; policy drop;\n    ip daddr @inside accept\n  }")
print("  chain f {\n    type filter hook forward priority 0; policy drop;\n    ip daddr @inside accept\n  }\n}")
PY
peer=''
if command -v go >/dev/null && GOPATH=$work/go GOFLAGS=-modcacherw go install github.com/np-guard/netpol-analyzer/v2/cmd/netpolicy@latest >go.log 2>&1; then
  peer=$(find "$work/go/bin" -type f | head -1)
fi
python3 - "$airtight" "$peer" <<'PY'
import datetime, os, platform, statistics, subprocess, sys

airtight, peer = sys.argv[1:]
runs = int(os.environ["RUNS"])


def once(command):
    done = subprocess.run(["/usr/bin/time", "-f", "%e %U %S %M", "-o", "usage", *command], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    wall, user, system, memory = map(float, open("usage").read().strip().splitlines()[-1].split())
    return wall, user + system, memory / 1024, done.returncode


def median(command):
    rows = [once(command) for _ in range(runs + 1)][1:]
    return [statistics.median(column) for column in zip(*rows)]


def megabytes(path):
    return sum(os.path.getsize(os.path.join(path, name)) for name in os.listdir(path)) / 1e6 if os.path.isdir(path) else os.path.getsize(path) / 1e6


cpu = next((line.split(":")[1].strip() for line in open("/proc/cpuinfo") if line.startswith("model name")), platform.machine())
print(f"{cpu}, {os.cpu_count()} cores, kernel {platform.release().split('-')[0]}, {datetime.date.today()}; `tests/bench/verify.sh`, "
      f"medians of {runs} whole processes, wall seconds.\n")
print("| what | seconds | peak MB | beside it |\n|---|---|---|---|")


def row(what, measured, beside):
    print(f"| {what} | {measured[0]:.2f} ({measured[1]:.2f} of CPU) | {measured[2]:.0f} | {beside} |")


for what, path, bar in (("10,000 pods × 2,000 policies, JSON", "c10k", "the bar is 2 s and 500 MB"), ("50,000 pods × 5,000 policies, JSON", "c50k", "the bar is 10 s"),
                        ("10,000 pods × 2,000 policies, `kubectl get -o yaml`", "full", "the bar is 10 s")):
    row(f"verify {what}, {megabytes(path):.0f} MB", median([airtight, "verify", path]), bar)
row("verify an nft list of 100,000 elements", median([airtight, "verify", "big.nft"]), "the bar is 1 s")
row("explain on the first", median([airtight, "explain", "c10k", "--from", "ns0/app0-0", "--to", "10.3.0.9:443"]), "the bar is 1 s")
ours = median([airtight, "connections", "small"])
if peer:
    theirs = median([peer, "list", "--dirpath", "small", "-q"])
    row("connections of 300 pods × 100 policies", ours, f"netpol-analyzer {theirs[0]:.2f} s, {theirs[2]:.0f} MB: ratio {ours[0] / theirs[0]:.2f} (IPv4 alone there)")
else:
    row("connections of 300 pods × 100 policies", ours, "netpol-analyzer: SKIPPED, it cannot be built here")
PY
