#!/bin/bash
# Times `airtight-auditor replay` beside what else reads captures, and prints a markdown table: tests/bench/replay.sh [AUDITOR]
#
# Peers: tshark, argus and nfpcapd (SKIPPED where they are not installed), and bare_loop, a loop with a hash table that judges nothing. In
# each of RUNS (3) rounds, after one that is not counted, every program runs once, one after the other; figures are medians of the rounds.
# Nothing is asserted but that replay found the captures clean and that it and the loops counted every packet. BYTES (1e9), FLOWS (200000) and SLICE (1e8,
# for tshark) set the sizes. AUDITOR defaults to build/release/airtight-auditor, the compiler stands beside it or is $AIRTIGHT. Needs GNU
# time, g++, libpcap's headers, python3; 2 GB below $TMPDIR and some minutes.
set -u
root=$(cd "$(dirname "$0")/../.." && pwd)
auditor=$(realpath "${1:-$root/build/release/airtight-auditor}")
airtight=$(realpath "${AIRTIGHT:-$(dirname "$auditor")/airtight}")
export RUNS=${RUNS:-3} PATH=$PATH:/usr/sbin:/sbin
[ -x "$auditor" ] && [ -x "$airtight" ] && [ -x /usr/bin/time ] || { echo "replay.sh: needs $auditor, $airtight and GNU time" >&2; exit 4; }
work=$(mktemp -d) || exit 4
trap 'rm -rf "$work"' EXIT
cd "$work" || exit 4
g++ -std=c++20 -O2 "$root/tests/bench/make_capture.cpp" -o make_capture && gcc -O2 "$root/tests/bench/bare_loop.c" -lpcap -o bare_loop || exit 4
"$airtight" compile "$root/policies/xpander-airgapped.yaml" -o out --at 2026-11-25 >/dev/null || exit 4
bytes=${BYTES:-1e9} flows=${FLOWS:-200000} slice=${SLICE:-1e8}
share() { python3 -c "import sys; print(max(1, int($1)))"; }
./make_capture imix.pcap "$bytes" "$flows" imix 8192 >imix.counts &&
  ./make_capture slice.pcap "$slice" "$(share "$flows * $slice / $bytes")" imix 8192 >slice.counts &&
  ./make_capture small.pcap "$(share "$bytes / 4")" "$(share "$flows / 4")" small 8192 >small.counts &&
  ./make_capture million.pcap "$(share "$bytes * 0.4")" "$(share "$flows * 5")" small "$(share "$flows * 5")" >million.counts || exit 4
python3 - "$auditor" <<'PY'
import datetime, os, platform, re, shutil, statistics, subprocess, sys

auditor = sys.argv[1]
runs = int(os.environ["RUNS"])
replay = [auditor, "replay", "--policy", "out/policy.json", "--format", "json"]


class Capture:
    def __init__(self, name):
        self.path = f"{name}.pcap"
        self.packets, self.bytes, self.flows = map(int, open(f"{name}.counts").read().split())


def whole(match, where):
    """Fails unless the number that the program printed is the number of packets."""
    def check(output, capture, program):
        found = re.search(match, output)
        if not found or int(found.group(1)) != capture.packets:
            sys.exit(f"replay.sh: {program} {where}: {output[:300]!r} is not {capture.packets} packets")
    return check


REPLAY = whole(r'"packets":(\d+),\n"bytes"', "on a capture")
BARE = whole(r"(\d+) packets", "on a capture")
PROGRAMS = {
    "replay": (lambda c: replay + ["--threads", "1", c.path], REPLAY),
    "replay, 2 threads": (lambda c: replay + ["--threads", "2", c.path], REPLAY),
    "libpcap loop": (lambda c: ["./bare_loop", "libpcap", c.path], BARE),
    "mapped loop": (lambda c: ["./bare_loop", "mmap", c.path], BARE),
    "argus": (lambda c: ["argus", "-F", "/dev/null", "-r", c.path, "-w", "flows.argus"], None),
    "nfpcapd": (lambda c: ["nfpcapd", "-r", c.path, "-w", "flows.nfcapd"], None),
    "tshark": (lambda c: ["tshark", "-n", "-q", "-r", c.path, "-z", "conv,ip"], None),
}


def once(program, capture):
    command, check = PROGRAMS[program]
    for leftover in ("flows.argus", "flows.nfcapd"):
        shutil.rmtree(leftover, ignore_errors=True)
        if os.path.exists(leftover):
            os.remove(leftover)
    os.mkdir("flows.nfcapd")
    done = subprocess.run(["/usr/bin/time", "-f", "%e %U %S %M", "-o", "usage", *command(capture)], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    if done.returncode != 0:
        sys.exit(f"replay.sh: {program} on {capture.path} ended with {done.returncode}: {done.stdout[:300]}{done.stderr[-300:]}")
    if check:
        check(done.stdout, capture, program)
    wall, user, system, memory = map(float, open("usage").read().strip().splitlines()[-1].split())
    return wall, user + system, memory / 1024


def beside_each_other(jobs):
    """{(program, capture)} -> (median seconds, median seconds of CPU, most MB), the programs taking turns."""
    rows = {job: [] for job in jobs}
    for turn in range(runs + 1):
        for job in jobs:
            measured = once(*job)
            if turn > 0:
                rows[job].append(measured)
    return {job: (statistics.median(r[0] for r in row), statistics.median(r[1] for r in row), max(r[2] for r in row)) for job, row in rows.items()}


imix, slice_, small, million = map(Capture, ("imix", "slice", "small", "million"))
missing = [name for name in ("argus", "nfpcapd", "tshark") if not shutil.which(name)]
loops = ["replay", "replay, 2 threads", "libpcap loop", "mapped loop"]
peers = [name for name in ("argus", "nfpcapd") if name not in missing]
jobs = [(program, imix) for program in loops + peers] + [(program, small) for program in loops + peers] + [(program, million) for program in loops[:2]]
if "tshark" not in missing:
    jobs.append(("tshark", slice_))
load = os.getloadavg()[0]
results = beside_each_other(jobs)


def rate(program, capture):
    return capture.packets / results[program, capture][0] / 1e6


def row(program, capture, note=""):
    speed, beside = rate(program, capture), ""
    if not program.startswith("replay"):
        reference = rate("replay", imix if capture is slice_ else capture)
        beside = f"replay is {reference / speed:.{1 if reference / speed >= 10 else 2}f}×"
    elif program != "replay":
        beside = f"{speed / rate('replay', capture):.2f}× one thread"
    wall, cpu, memory = results[program, capture]
    print(f"| {program}{note} | {wall:.2f} ({cpu:.2f} of CPU) | {speed:.3f} | {memory:.0f} | {beside} |")


def table(title, capture, programs):
    print(f"\n{title}: {capture.packets:,} packets, {capture.bytes / 1e6:,.0f} MB, {capture.flows:,} flows.\n")
    print("| program | seconds | million packets a second | peak MB | beside it |\n|---|---|---|---|---|")
    for program in programs:
        row(program, capture)


cpu = next((line.split(":")[1].strip() for line in open("/proc/cpuinfo") if line.startswith("model name")), platform.machine())
print(f"{cpu}, {os.cpu_count()} cores, kernel {platform.release().split('-')[0]}, {datetime.date.today()}; `tests/bench/replay.sh`, "
      f"medians of {runs} whole processes that took turns, files cached, load {load:.1f} before. Peak memory counts pages of a mapped file too. replay judges every packet, the others count.")
table("IMIX (frames of 64, 594 and 1518 bytes as 7:4:1)", imix, loops + peers)
if "tshark" not in missing:
    row("tshark", slice_, f" `-z conv,ip`, on a slice of {slice_.packets:,} packets")
table("Smallest frames (64 bytes)", small, loops + peers)
table("Many flows, all alive at once (64 bytes)", million, loops[:2])
for name in missing:
    print(f"\n{name}: SKIPPED, it is not installed.")
PY
