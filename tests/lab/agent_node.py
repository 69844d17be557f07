"""The agent as a black box: its processes, what it says, what its log holds, and what `report` and `verify` make of that.

The log is read by auditor/evidence/FORMAT.md, not by the program.
"""
import calendar
import contextlib
import hashlib
import itertools
import json
import os
import pathlib
import signal
import struct
import subprocess
import threading
import time

PATIENCE = 15  # seconds until what must come is given up


class Failed(Exception):
    """What was expected and did not come, for a row's line."""


def check(holds, why):
    if not holds:
        raise Failed(why)


def wait_for(what, condition, patience=PATIENCE):
    """The first value that is not false."""
    end = time.monotonic() + patience
    while True:
        value = condition()
        if value:
            return value
        check(time.monotonic() < end, f"{what} did not come within {patience} s")
        time.sleep(0.02)


# --- the log

def unpack(octets, head):
    """The records of a file, each after its length and `head` octets more; what is torn at the end is left out."""
    found, at = [], 0
    while at + 2 + head <= len(octets):
        length, = struct.unpack_from("!H", octets, at)
        record = octets[at + 2 + head:at + 2 + head + length]
        if len(record) < length:
            break
        found.append(record)
        at += 2 + head + length
    return found


def pack(records, head):
    return b"".join(struct.pack("!H", len(r)) + hashlib.sha256(b"\0" + r).digest()[:head] + r for r in records)


def entry_files(folder):
    """(path, index of the first record, octets between length and record) of everything that holds records."""
    files = []
    for path in sorted((folder / "tile/entries").rglob("*") if (folder / "tile/entries").is_dir() else []):
        with contextlib.suppress(ValueError):
            if path.is_file():
                names = [part.removeprefix("x").removesuffix(".p") for part in path.relative_to(folder / "tile/entries").parts]
                if path.parent.name.endswith(".p"):
                    names.pop()
                files.append((path, int("".join(names)) * 256, 0))
    for path in (folder / "tail").iterdir() if (folder / "tail").is_dir() else []:
        with contextlib.suppress(ValueError):
            files.append((path, int(path.name) * 256, 4))
    return files


def raw_records(folder):
    """The records' octets in their order; those before the first that is missing."""
    found = {}
    for path, first, head in entry_files(pathlib.Path(folder)):
        with contextlib.suppress(FileNotFoundError):
            for index, record in enumerate(unpack(path.read_bytes(), head)):
                found[first + index] = record
    return [found[index] for index in itertools.takewhile(found.__contains__, itertools.count())]


class Data(dict):
    """Members of a record; what is empty was not written."""

    def __missing__(self, member):
        return {"opened": [], "counters": {}, "outcomes": [], "interfaces": []}.get(member, "")


def records(folder, kind=None):
    read = []
    for octets in raw_records(folder):
        with contextlib.suppress(ValueError):
            record = json.loads(octets)
            record["data"] = Data(record["data"])
            if record["type"] == "canary-fate":  # each different fate once, and which of them each canary had
                fates = [dict(zip(("fate", "blocked_by", "detail"), fate)) for fate in record["data"].get("fates", [])]
                record["data"]["outcomes"] = [fates[which] for which in record["data"]["outcomes"]]
            if kind is None or record["type"] == kind:
                read.append(record)
    return read


def rewrite(folder, change):
    """Gives every file of records what `change` makes of its list, as one would who knows the format."""
    for path, _, head in entry_files(pathlib.Path(folder)):
        path.write_bytes(pack(change(unpack(path.read_bytes(), head)), head))


def seconds(text):
    """A time of the log, seconds since 1970 with the fraction."""
    whole, _, fraction = text.removesuffix("Z").partition(".")
    base = time.strptime(whole, "%Y-%m-%dT%H:%M:%S")
    return calendar.timegm(base) + float("0." + (fraction or "0"))


def claimed_to(beat):
    """Where a heartbeat's claim ends, as a text: its time less its lag."""
    whole, _, fraction = beat["time"].removesuffix("Z").partition(".")
    at = calendar.timegm(time.strptime(whole, "%Y-%m-%dT%H:%M:%S")) * 10**9 + int(fraction.ljust(9, "0")) - beat["data"]["lag"] * 10**6
    fraction = f"{at % 10**9:09}".rstrip("0")
    return time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(at // 10**9)) + ("." + fraction if fraction else "") + "Z"


def text_of(moment):
    return time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(moment)) + "Z"


# --- processes

def children_of(pid):
    found = []
    for entry in os.listdir("/proc"):
        if entry.isdigit():
            with contextlib.suppress(OSError, IndexError):
                with open(f"/proc/{entry}/stat", encoding="ascii", errors="replace") as file:
                    if int(file.read().rpartition(")")[2].split()[1]) == pid:
                        found += [int(entry), *children_of(int(entry))]
    return found


def status_of(pid):
    with open(f"/proc/{pid}/status", encoding="ascii", errors="replace") as file:
        return dict(line.rstrip("\n").split(":\t", 1) for line in file if ":\t" in line)


def alive(pid):
    try:
        return status_of(pid)["State"][0] not in "ZX"
    except (OSError, KeyError):
        return False


class Agent:
    """One life of `airtight-auditor run` in the node's namespace; begin() may follow a death, on the same state."""

    def __init__(self, lab, world, state="state", policy=None, interval=1, canary=2, uplinks=("eth0",), pods=("vethpod",), node="n1", more=()):
        self.lab, self.world = lab, world
        self.state = lab.folder / state
        self.command = [lab.auditor, "run", "--policy", policy or lab.policy, "--state", self.state, "--node", node, "--interval", interval, "--canary-interval", canary]
        for flag, names in (("--uplink", uplinks), ("--pod-side", pods)):
            for name in names:
                self.command += [flag, name]
        self.command += ["--pod-namespace", f"/run/netns/{world.space('pod')}"]
        if "--listen" not in more:
            self.command += ["--listen", "none"]
        self.command += more
        self.said = []  # (time, line) of standard error
        self.process = None
        self.code = None
        lab.agents.append(self)

    def begin(self):
        self.process = subprocess.Popen(self.world.command("node", *self.command), stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                                        stderr=subprocess.PIPE, text=True, errors="replace", start_new_session=True)
        self.code = None
        threading.Thread(target=self.listen, args=(self.process.stderr,), daemon=True).start()
        return self

    def listen(self, stream):
        for line in stream:
            self.said.append((time.time(), line.rstrip("\n")))

    def stderr(self):
        return "\n".join(line for _, line in self.said)

    def started(self):
        """Begins, and waits until captures are open, enforcement was read, a round of canaries was judged, an interval ended."""
        known = len(raw_records(self.state))
        self.begin()
        for kind in ("start", "enforcement", "canary-fate", "heartbeat"):
            self.wait_record(kind, known)
        return self

    def wait_record(self, kind, known=0, fits=lambda data: True, patience=PATIENCE):
        """The first record of that kind from index `known` on whose data fits."""
        def found():
            for record in records(self.state)[known:]:
                if record["type"] == kind and fits(record["data"]):
                    return record
            if not self.running():
                raise Failed(f"the agent ended with {self.process.poll()} before a {kind} record: {self.stderr()[-400:]}")
            return None
        return wait_for(f"a {kind} record", found, patience)

    def beats(self, count=2):
        """Waits for so many heartbeats more."""
        known = len(records(self.state, "heartbeat"))
        wait_for(f"{count} heartbeats", lambda: len(records(self.state, "heartbeat")) >= known + count or not self.running())
        check(self.running(), f"the agent ended with {self.process.poll()}: {self.stderr()[-400:]}")
        return self

    def running(self):
        return self.process.poll() is None

    def pids(self):
        return [self.process.pid, *children_of(self.process.pid)]

    def signal(self, number):
        """To all of its processes."""
        for pid in self.pids():
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, number)

    def stop(self, expected=0):
        """A clean stop; the exit code."""
        if self.running():
            self.process.send_signal(signal.SIGTERM)
        try:
            self.code = self.process.wait(PATIENCE)
        except subprocess.TimeoutExpired:
            raise Failed(f"the agent did not stop within {PATIENCE} s of SIGTERM") from None
        check(expected is None or self.code == expected, f"the agent ended with {self.code}, expected {expected}: {self.stderr()[-400:]}")
        return self.code

    def kill(self):
        if self.process and self.running():
            self.signal(signal.SIGKILL)
            self.process.wait(PATIENCE)

    # --- what it logged

    def gaps(self, reason=None):
        return [r["data"] for r in records(self.state, "gap") if reason in (None, r["data"]["reason"])]

    def span(self):
        """From the first heartbeat's `from` to where the last one's claim ends, as texts."""
        beats = records(self.state, "heartbeat")
        check(beats, "the log has no heartbeat")
        return beats[0]["data"]["from"], claimed_to(beats[-1])

    def alarm(self, *words, since):
        """The first JSON line on standard error with all the words: seconds after `since`."""
        def found():
            for when, line in list(self.said):
                if when >= since and line.startswith("{") and all(word in line for word in words):
                    with contextlib.suppress(ValueError):
                        json.loads(line)
                        return when
            return None
        return wait_for(f"a JSON line with {', '.join(words)} on standard error", found, 3) - since
