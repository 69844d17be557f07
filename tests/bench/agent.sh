#!/bin/bash
# Measures the node agent on veth, and prints markdown tables: tests/bench/agent.sh [AUDITOR]
#
# A node of namespaces with the compiled firewall; send_frames puts IMIX onto the uplink at RATE (500000) packets a second for SECONDS (20),
# on the same cores as the agent. Within the cluster, once with --judge-all, so that every packet is judged in user space, and once with the
# boundary filter; RUNS (3) times each, the worst is printed. Then IDLE (120) seconds in which nothing happens, and a log of
# DAYS (30) days, which make_month.py writes (SKIPPED without python3-cryptography).
# Nothing is asserted but that the log of each run verifies; drops are printed. AUDITOR defaults to build/release/airtight-auditor, the
# compiler stands beside it or is $AIRTIGHT. Needs root, iproute2, nft, gcc and python3; nothing is sent out of the namespaces.
set -u
root=$(cd "$(dirname "$0")/../.." && pwd)
auditor=$(realpath "${1:-$root/build/release/airtight-auditor}")
airtight=$(realpath "${AIRTIGHT:-$(dirname "$auditor")/airtight}")
export RATE=${RATE:-500000} SECONDS_SENT=${SECONDS_SENT:-20} RUNS=${RUNS:-3} IDLE=${IDLE:-120} DAYS=${DAYS:-30}
export PATH=$PATH:/usr/sbin:/sbin
[ -x "$auditor" ] && [ -x "$airtight" ] && [ "$(id -u)" -eq 0 ] || { echo "agent.sh: needs root, $auditor and $airtight" >&2; exit 4; }
work=$(mktemp -d) || exit 4
trap 'rm -rf "$work"' EXIT
chmod 755 "$work" && cd "$work" || exit 4
gcc -O2 "$root/tests/bench/send_frames.c" -o send_frames || exit 4
"$airtight" compile "$root/tests/lab/lab.yaml" -o out --target nftables --at 2026-11-25 >/dev/null || exit 4
commit=$(git -C "$root" rev-parse --short HEAD 2>/dev/null || echo unknown)
PYTHONDONTWRITEBYTECODE=1 PYTHONPATH=$root/tests/lab python3 - "$auditor" "$airtight" "$commit" "$root/tests/bench/make_month.py" <<'PY'
import datetime
import json
import os
import pathlib
import platform
import statistics
import subprocess
import sys
import time

from agent_judge import Lab
from agent_node import raw_records, records, seconds, status_of

auditor, airtight, commit, make_month = sys.argv[1:]
rate, length, runs, idle = (int(os.environ[name]) for name in ("RATE", "SECONDS_SENT", "RUNS", "IDLE"))
tools = {"auditor": auditor, "airtight": airtight, "out": os.path.abspath("out"), "sender": os.path.abspath("send_frames")}
TICK = os.sysconf("SC_CLK_TCK")


def spent(pids):
    """Seconds of processor time by process, each with that of its children that ended (proofs, readings of rules)."""
    found = {}
    for pid in pids:
        try:
            with open(f"/proc/{pid}/stat", encoding="ascii", errors="replace") as file:
                found[pid] = sum(map(int, file.read().rpartition(")")[2].split()[11:15])) / TICK
        except FileNotFoundError:
            pass  # a proof that ended
    return found


def more_than(before):
    """Seconds since `before`, of the processes that are still there."""
    return sum(value - before[pid] for pid, value in spent(before).items())


def memory(pids):
    """MB resident and anonymous, by process, the largest first."""
    states = [status_of(pid) for pid in pids if os.path.exists(f"/proc/{pid}")]
    rows = [(int(s["VmRSS"].split()[0]) / 1024, int(s["RssAnon"].split()[0]) / 1024) for s in states if "VmRSS" in s]
    return sorted(rows, reverse=True)


def counters(agent):
    """The last value of every counter."""
    values = {}
    for beat in records(agent.state, "heartbeat"):
        values.update({name: int(value) for name, value in beat["data"]["counters"].items()})
    return values


class Setting:
    """One world with an agent in it; a fresh folder each."""
    count = 0

    def __init__(self, interval, canary, more=()):
        Setting.count += 1
        folder = pathlib.Path(f"run{Setting.count}").resolve()
        folder.mkdir()
        folder.chmod(0o755)
        self.lab = Lab(tools, folder, ("bench",))
        self.world = self.lab.world(record=False)
        self.agent = self.lab.agent(self.world, interval=interval, canary=canary, more=more)

    def __enter__(self):
        return self.lab, self.world, self.agent

    def __exit__(self, *_):
        self.lab.undo.close()


def loaded(more):
    with Setting(1, 60, more) as (lab, world, agent):
        agent.started().beats(1)
        before, pids = counters(agent), agent.pids()
        start, used = time.monotonic(), spent(pids)
        said = world.run("node", tools["sender"], "--rate", rate, "--seconds", length, "--to", "10.42.7.7", "eth0").split()
        took = time.monotonic() - start
        used, pages = more_than(used), memory(pids)
        agent.beats(2).stop()
        after = counters(agent)
        risen = {name: after.get(name, 0) - before.get(name, 0) for name in ("eth0.seen", "eth0.dropped", "eth0.discarded")}
        lab.call("verify", agent.state, code=0)
        verdict = lab.report(agent.state)["verdict"]
        return {"sent": int(said[1]), "rate": int(said[1]) / float(said[5]), "seen": risen["eth0.seen"], "dropped": risen["eth0.dropped"],
                "discarded": risen["eth0.discarded"], "cpu": used / took, "pages": pages, "verdict": verdict}


def idled():
    with Setting(10, 60) as (lab, _, agent):
        agent.started().beats(1)
        pids = agent.pids()
        start, known = time.monotonic(), len(raw_records(agent.state))
        used, since = spent(pids), time.time()
        time.sleep(idle)
        took, used = time.monotonic() - start, more_than(used)
        new = records(agent.state)[known:]
        pages = memory(pids)
        lengths = {}
        for record, octets in zip(new, raw_records(agent.state)[known:]):
            lengths.setdefault(record["type"], []).append(len(octets) + 2 + 4)
        agent.stop()
        lab.call("verify", agent.state, code=0)
        assert all(seconds(record["time"]) >= since - 60 for record in new)
        return took, used, lengths, pages


def bytes_of(folder):
    total = 0
    for path in folder.rglob("*"):
        try:
            total += path.stat().st_size if path.is_file() else 0
        except FileNotFoundError:
            pass
    return total


def shown(pages):
    return " + ".join(f"{rss:.0f} ({anonymous:.0f})" for rss, anonymous in pages)


cpu = next((line.split(":")[1].strip() for line in open("/proc/cpuinfo", encoding="utf-8") if line.startswith("model name")), platform.machine())
print(f"{cpu}, {os.cpu_count()} cores, kernel {platform.release().split('-')[0]}, {datetime.date.today()}, commit {commit}; `tests/bench/agent.sh`, "
      f"load {os.getloadavg()[0]:.1f} before. IMIX (frames of 64, 594 and 1518 bytes as 7:4:1) for {length} s, the worst of {runs} runs; the sender shares the cores.\n")
print("| packets | sent a second | sent | judged in user space | discarded by the boundary filter | dropped | CPU of the agent, cores "
      "| MB resident (anonymous), each process | verdict |")
print("|---|---|---|---|---|---|---|---|---|")
for name, more in (("all judged in user space (`--judge-all`)", ["--judge-all"]), ("with the boundary filter", [])):
    row = max((loaded(more) for _ in range(runs)), key=lambda row: (row["dropped"], row["cpu"]))
    print(f"| {name} | {row['rate']:,.0f} | {row['sent']:,} | {row['seen']:,} | {row['discarded']:,} | {row['dropped']:,} | {row['cpu']:.2f} "
          f"| {shown(row['pages'])} | {row['verdict']} |", flush=True)

took, used, lengths, pages = idled()
day = 86400
beats, rounds = lengths.get("heartbeat", []), [sum(pair) for pair in zip(lengths.get("canary-intent", []), lengths.get("canary-fate", []))]
records_a_day = day / 10 + 2 * day / 60
print(f"\nIdle for {took:.0f} s (interval 10 s, a canary round a minute):\n")
print("| what | figure |\n|---|---|")
print(f"| CPU | {100 * used / took:.2f} % of a core |")
print(f"| MB resident (anonymous), each process | {shown(pages)}, together {sum(rss for rss, _ in pages):.0f} ({sum(anonymous for _, anonymous in pages):.0f}) |")
if beats and rounds:
    made = day / 10 * sum(beats) / len(beats) + day / 60 * sum(rounds) / len(rounds) + records_a_day * 32 * 256 / 255
    print(f"| bytes of a heartbeat, of a canary round | {sum(beats) / len(beats):.0f}, {sum(rounds) / len(rounds):.0f} |")
    print(f"| log of a day: records and hashes, from these sizes | {made / 1e6:.2f} MB |")
others = [f"{len(found)} {kind}" for kind, found in sorted(lengths.items()) if kind not in ("heartbeat", "canary-intent", "canary-fate")]
print(f"| other records in this time | {', '.join(others) or 'none'} |")

days = int(os.environ["DAYS"])
with open("out/policy.json", encoding="utf-8") as file:
    digest = json.load(file)["digest"]
made = subprocess.run([sys.executable, make_month, "month", digest, str(days)], capture_output=True, text=True, check=False)
if made.returncode:
    print(f"\nSKIPPED the log of a month: {made.stderr.strip().splitlines()[-1]}")
    sys.exit(0)
print(f"\nA log of {days} days at these intervals, {int(made.stdout):,} records, {bytes_of(pathlib.Path('month')) / 1e6:.0f} MB, cached (median of {runs}):\n")
print("| command | seconds | peak MB | ended with |\n|---|---|---|---|")
for words in (["verify", "month"], ["report", "--policy", "out/policy.json", "--evidence", "month", "--as-logged"]):
    taken, peak, code = [], 0, 0
    for _ in range(runs):
        start = time.monotonic()
        process = subprocess.Popen([auditor, *words], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        _, status, usage = os.wait4(process.pid, 0)
        taken.append(time.monotonic() - start)
        peak, code = max(peak, usage.ru_maxrss / 1024), os.waitstatus_to_exitcode(status)
    print(f"| {words[0]} | {statistics.median(taken):.2f} | {peak:.0f} | {code} |")
PY
