#!/usr/bin/env python3
"""The node agent on a node of namespaces: agent_lab.py AUDITOR AIRTIGHT [--long] [--only TEXT]... [--list] [--keep] [--jobs N]

Each row of the table sets a world up, sends packets in it, and holds the program's `report` and `verify` to what a recorder on the wire
saw. Prints "ok NAME", "FAIL NAME WHY" or "SKIPPED NAME WHY", and a count; 1 if a row failed, 77 where no such world can be made.

  --long       the rows that take minutes too
  --only TEXT  rows whose name holds TEXT (repeatable)
  --list       names the rows; "(long)" behind those that need --long, "(unit)" behind those that unit tests hold
  --keep       keeps a failed row's folder, and prints the agent's words, its records and the report
  --jobs N     so many scenarios at a time (3: most of them wait)

Packets go to namespaces of its own only, which have no route out. Needs root, iproute2, nft; a C compiler for the row with most packets.
"""
import argparse
import concurrent.futures
import os
import pathlib
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time

import agent_scenarios_firewall
import agent_scenarios_gaps
import agent_scenarios_handover
import agent_scenarios_log
import agent_scenarios_packets
import agent_scenarios_process
from agent_judge import TABLE, Lab
from agent_world import sweep, usable

HERE = pathlib.Path(__file__).resolve().parent
MODULES = (agent_scenarios_packets, agent_scenarios_firewall, agent_scenarios_gaps, agent_scenarios_handover, agent_scenarios_log,
           agent_scenarios_process)
# Through the seam for clock and files: both are of the whole machine, so no lab may do them.
UNIT = ("clock stepped an hour forward and back", "power cut", "disk that fails or is read-only")
PATIENCE = 100  # seconds for a scenario; ten times that for a long one


def tools_for(auditor, airtight, folder):
    """What all scenarios share: the compiled policy, the rules, the sender."""
    out = folder / "out"
    done = subprocess.run([airtight, "compile", HERE / "lab.yaml", "-o", out, "--target", "nftables", "--at", "2026-11-25"], capture_output=True, text=True, check=False)
    if done.returncode:
        sys.exit(f"FAIL compile lab.yaml: {done.stderr}")
    sender = folder / "send_frames"
    compiler = shutil.which("cc") or shutil.which("gcc") or shutil.which("clang")
    if not compiler or subprocess.run([compiler, "-O2", HERE.parent / "bench/send_frames.c", "-o", sender], check=False).returncode:
        sender = None
    return {"auditor": str(auditor), "airtight": str(airtight), "out": str(out), "sender": sender and str(sender)}


def one(tools, index, folder, keep):
    """A scenario in a process of its own: what it breaks ends with it."""
    chosen = TABLE[index]
    os.environ["PATH"] += ":/usr/sbin:/sbin"
    return 0 if Lab(tools, folder, chosen.rows, keep).run(chosen.story) else 1


class Runner:
    def __init__(self, tools, folder, keep):
        self.tools, self.folder, self.keep = tools, folder, keep
        self.lock = threading.Lock()
        self.words = {"ok": 0, "FAIL": 0, "SKIPPED": 0}
        self.running = {}
        self.slowest = []

    def run(self, index):
        chosen = TABLE[index]
        where = self.folder / f"scenario{index}"
        where.mkdir()
        where.chmod(0o755)
        began = time.monotonic()
        command = [sys.executable, __file__, self.tools["auditor"], self.tools["airtight"], *(["--keep"] if self.keep else []),
                   "--one", str(index), str(where), self.tools["out"], self.tools["sender"] or "-"]
        process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, errors="replace",
                                   start_new_session=True)
        self.running[process.pid] = process
        try:
            said = process.communicate(timeout=PATIENCE * (10 if chosen.long else 1))[0]
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            said = process.communicate()[0] + "\nit took too long\n"
        del self.running[process.pid]
        sweep(process.pid)
        self.tell(chosen, said, time.monotonic() - began)
        if not self.keep:
            subprocess.run(["umount", "-l", where / "state"], capture_output=True, check=False)
            shutil.rmtree(where, ignore_errors=True)

    def tell(self, chosen, said, took):
        lines = said.splitlines()
        for name in chosen.rows:
            if not any(f"{line} ".startswith(f"{word} {name} ") for line in lines for word in self.words):
                lines.append(f"FAIL {name} the scenario died: {' '.join(said.split())[-300:]}")
        with self.lock:
            self.slowest.append((took, chosen.rows[0]))
            for line in lines:
                word = line.partition(" ")[0]
                if word in self.words:
                    self.words[word] += 1
                print(line, flush=True)

    def stop(self, *_):
        for pid in list(self.running):
            os.killpg(pid, signal.SIGKILL)
        time.sleep(0.2)
        for pid in list(self.running):
            sweep(pid)
        shutil.rmtree(self.folder, ignore_errors=True)
        os._exit(130)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("auditor", nargs="?")
    parser.add_argument("airtight", nargs="?")
    parser.add_argument("--long", action="store_true", default=bool(os.environ.get("AIRTIGHT_LONG")))
    parser.add_argument("--only", action="append", default=[])
    parser.add_argument("--list", action="store_true")
    parser.add_argument("--keep", action="store_true")
    parser.add_argument("--jobs", type=int, default=3)
    parser.add_argument("--one", nargs=4, help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.list:
        for chosen in TABLE:
            print("\n".join(name + (" (long)" if chosen.long else "") for name in chosen.rows))
        print("\n".join(name + " (unit)" for name in UNIT))
        return 0
    if not args.auditor or not args.airtight:
        parser.error("AUDITOR and AIRTIGHT, the two programs, are needed")
    auditor, airtight = (pathlib.Path(path).resolve() for path in (args.auditor, args.airtight))
    if args.one:
        index, where, out, sender = args.one
        return one({"auditor": str(auditor), "airtight": str(airtight), "out": out, "sender": None if sender == "-" else sender}, int(index), where, args.keep)
    why = usable()
    if why:
        print("SKIPPED:", why)
        return 77
    began = time.monotonic()
    top = pathlib.Path(tempfile.mkdtemp(prefix="agent_lab"))
    top.chmod(0o755)  # the agent gives up root before it opens its files
    runner = Runner(tools_for(auditor, airtight, top), top, args.keep)
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, runner.stop)
    wanted = [index for index, chosen in enumerate(TABLE)
              if (args.long or not chosen.long or args.only) and (not args.only or any(text in name for text in args.only for name in chosen.rows))]
    wanted.sort(key=lambda index: -len(TABLE[index].rows))  # the longest first
    with concurrent.futures.ThreadPoolExecutor(max(1, args.jobs)) as pool:
        list(pool.map(runner.run, [index for index in wanted if not TABLE[index].alone]))
    for index in wanted:
        if TABLE[index].alone:
            runner.run(index)
    if args.keep and runner.words["FAIL"]:
        print(f"kept: {top}")
    else:
        shutil.rmtree(top, ignore_errors=True)
    slow = ", ".join(f"{name} {took:.0f} s" for took, name in sorted(runner.slowest, reverse=True)[:3])
    print(f"{time.monotonic() - began:.0f} s; the slowest: {slow}")
    print(f"{runner.words['ok']} passed, {runner.words['FAIL']} failed, {runner.words['SKIPPED']} skipped")
    return 1 if runner.words["FAIL"] else 0


if __name__ == "__main__":
    sys.exit(main())
