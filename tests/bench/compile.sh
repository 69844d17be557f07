#!/bin/bash
# Times `airtight compile` beside its peers in one run and prints a markdown table: tests/bench/compile.sh [AIRTIGHT]
#
# nft -c on the emitted file is the measure for a big spec; aerleon (from PyPI, in a throw-away environment; SKIPPED where it cannot be
# had) is what a user would take instead. Medians of RUNS (5) runs after one that is not counted, A and B in turn; nothing is asserted.
# AIRTIGHT defaults to build/release/airtight. Needs root or a user namespace for nft -c, GNU time and python3.
set -u
root=$(cd "$(dirname "$0")/../.." && pwd)
airtight=$(realpath "${1:-$root/build/release/airtight}")
export RUNS=${RUNS:-5} PATH=$PATH:/usr/sbin:/sbin
[ -x "$airtight" ] || { echo "compile.sh: $airtight is not there" >&2; exit 4; }
command -v nft >/dev/null && [ -x /usr/bin/time ] || { echo "compile.sh: needs nft and GNU time" >&2; exit 4; }
work=$(mktemp -d) || exit 4
trap 'rm -rf "$work"' EXIT
cd "$work" || exit 4
for count in 10000 100000; do
  python3 "$root/tests/bench/generate_spec.py" "$count" >"big$count.yaml"
  python3 "$root/tests/bench/generate_spec.py" "$count" refused >"refused$count.yaml"
done

peer=''
if python3 -m venv peer >/dev/null 2>&1 && peer/bin/pip install -q aerleon >/dev/null 2>&1; then
  peer=$work/peer/bin/aclgen
  mkdir -p aerleon/def aerleon/policies/pol aerleon/out
  python3 - big10000.yaml aerleon <<'PY'
import re, sys
prefixes = re.findall(r'^      - "?([0-9a-f:.]+/\d+)"?$', open(sys.argv[1]).read(), re.MULTILINE)
with open(sys.argv[2] + "/def/networks.yaml", "w") as out:
    out.write("networks:\n  INSIDE:\n    values:\n" + "".join(f'      - address: "{p}"\n' for p in prefixes))
with open(sys.argv[2] + "/def/services.yaml", "w") as out:
    out.write("services:\n  HTTPS:\n    - protocol: tcp\n      port: 443\n")
with open(sys.argv[2] + "/policies/pol/p.yaml", "w") as out:
    out.write("filters:\n- header:\n    targets:\n      nftables: mixed output\n  terms:\n  - name: inside\n    destination-address: INSIDE\n"
              "    destination-port: HTTPS\n    protocol: tcp\n    action: accept\n")
PY
fi

python3 - "$airtight" "$root" "$peer" <<'PY'
import datetime, os, platform, statistics, subprocess, sys

airtight, root, peer = sys.argv[1:]
runs = int(os.environ["RUNS"])


def once(command, folder="."):
    """Wall seconds, peak resident MB and exit code of one whole process."""
    done = subprocess.run(["/usr/bin/time", "-f", "%e %U %S %M", "-o", "/dev/stdout", *command], cwd=folder, text=True,
                          stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
    wall, user, system, memory = map(float, done.stdout.strip().splitlines()[-1].split())
    return wall, user + system, memory / 1024, done.returncode


def medians(*commands):
    """Commands in turn; of each the median of (wall, cpu, MB)."""
    rows = [[once(command) for command in commands] for _ in range(runs + 1)][1:]
    return [tuple(statistics.median(column) for column in zip(*[row[i][:3] for row in rows])) for i in range(len(commands))]


def compiling(spec, out):
    return [airtight, "compile", spec, "-o", out, "--at", "2026-11-25"]


cpu = next((line.split(":")[1].strip() for line in open("/proc/cpuinfo") if line.startswith("model name")), platform.machine())
print(f"{cpu}, {os.cpu_count()} cores, kernel {platform.release().split('-')[0]}, {datetime.date.today()}; `tests/bench/compile.sh`, "
      f"medians of {runs} whole processes, wall seconds.\n")
print("| what | seconds | peak MB | beside it |\n|---|---|---|---|")


def row(what, measured, beside):
    print(f"| {what} | {measured[0]:.2f} ({measured[1]:.2f} of CPU) | {measured[2]:.0f} | {beside} |")


big = {}
for count in (10_000, 100_000):
    spec, out = f"big{count}.yaml", f"out{count}"
    first = once(compiling(spec, out))
    if first[3] != 0:
        sys.exit(f"compile of {count} prefixes failed")
    compile_, nft, egress, read, zones = medians(
        compiling(spec, out), ["nft", "-c", "-f", f"{out}/nftables/airtight.nft"], ["nft", "-c", "-f", f"{out}/nftables/airtight-egress.nft"],
        compiling(f"refused{count}.yaml", "none"), ["named-checkzone", "-q", "airtight-names", f"{out}/rpz/names-bind.zone"])
    big[count] = compile_
    row(f"{count:,} mixed prefixes, 200 workloads, to all four targets", compile_,
        f"`nft -c` of both emitted files {nft[0] + egress[0]:.2f} s: ratio {compile_[0] / (nft[0] + egress[0]):.1f}; "
        f"`named-checkzone` of one of four zones {zones[0]:.2f} s; reading the YAML alone {read[0]:.2f} s")
print(f"| ten times the prefixes | {big[100_000][0] / big[10_000][0]:.1f} times the time | "
      f"{big[100_000][2] / big[10_000][2]:.1f} times | linear is 10 |")
if peer:
    [aerleon] = medians([peer, "--base_directory", "aerleon/policies", "--definitions_directory", "aerleon/def",
                         "--output_directory", "aerleon/out"])
    wrote = any(os.path.getsize(os.path.join("aerleon/out", name)) > 100_000 for name in os.listdir("aerleon/out"))
    [alone] = medians(compiling("big10000.yaml", "nft-only") + ["--target", "nftables"])
    refused = subprocess.run(["nft", "-c", "-f", "aerleon/out/p.nft"], stderr=subprocess.DEVNULL).returncode != 0
    row("10,000 mixed prefixes to nftables alone", alone,
        f"aerleon {aerleon[0]:.2f} s, {aerleon[2]:.0f} MB: ratio {alone[0] / aerleon[0]:.2f}" + (", and `nft -c` refuses its file" if refused else "")
        if wrote else "aerleon wrote no ruleset here: not compared")
else:
    print("| aerleon | SKIPPED: cannot be installed here | | |")
small = [once(compiling(f"{root}/policies/xpander-airgapped.yaml", "xpander")) for _ in range(1)]
import time
walls = []
for _ in range(4 * runs):
    begun = time.perf_counter()
    subprocess.run(compiling(f"{root}/policies/xpander-airgapped.yaml", "xpander"), stdout=subprocess.DEVNULL, check=True)
    walls.append((time.perf_counter() - begun) * 1000)
print(f"| policies/xpander-airgapped.yaml | {statistics.median(walls):.0f} ms | {small[0][2]:.0f} | the bar is 30 ms; files are synced to disk |")
PY
