"""One agent takes over from another that still runs: bridged where nothing speaks against it, and only there."""
import contextlib
import hashlib
import json
import pathlib
import signal
import threading
import time

from agent_judge import check, scenario
from agent_node import raw_records, records, seconds, wait_for
from agent_world import OUT4, VLLM4

PATIENCE = 30  # seconds for which the new agent waits


def waiting(lab, world, patience=PATIENCE, more=()):
    """A second agent on the same state, once it says that it watches and waits for the log."""
    new = lab.agent(world, more=("--take-over", patience, *more)).begin()
    wait_for("the word that it waits", lambda: not new.running() or '"event":"waiting"' in new.stderr())
    check(new.running(), f"it ended with {new.process.poll()}: {new.stderr()[-400:]}")
    return new


@contextlib.contextmanager
def traffic(world):
    """A few packets a second that stay inside."""
    ending = threading.Event()

    def send():
        while not ending.wait(0.05):
            world.udp("pod", VLLM4, 8000)
    thread = threading.Thread(target=send)
    thread.start()
    try:
        yield
    finally:
        ending.set()
        thread.join()


def rounds_from(agent, moment):
    """Whole canary rounds that began after `moment`."""
    begun = {r["data"]["round"] for r in records(agent.state, "canary-intent") if seconds(r["time"]) > moment}
    return begun & {r["data"]["round"] for r in records(agent.state, "canary-fate")}


def quiet_moment(agent):
    """Right after a round of canaries ended: none is out."""
    known = len(raw_records(agent.state))
    agent.wait_record("canary-fate", known)


def taken(old, new, stop):
    """The new agent writes, an interval at least, after the old one ended by `stop`."""
    known = len(raw_records(old.state))
    stop()
    new.wait_record("start", known)
    new.wait_record("canary-fate", known, lambda data: data["good"])
    new.beats(3)
    return known


def bridges(result):
    return [gap for node in result["nodes"] for gap in node["gaps"] if gap["bridged"] and "hand-over" in gap["reason"]]


@scenario("a hand-over under traffic is bridged", "the old agent's canaries are nobody's escape", "two hand-overs, one after the other",
          "an attempt that both saw is counted once")
def bridged(lab):
    world, old = lab.watched()
    with traffic(world):
        new = waiting(lab, world)
        since = time.time()
        world.udp("pod", OUT4, 4001)
        wait_for("two rounds of the old agent's while the new one watches", lambda: len(rounds_from(old, since)) >= 2)
        taken(old, new, old.stop)
        third = waiting(lab, world)
        time.sleep(1)
        with lab.row("a hand-over under traffic is bridged"):
            starts = records(old.state, "start")
            stop = records(old.state, "stop")[0]
            check(len(starts) == 2, f"{len(starts)} start records")
            since = seconds(starts[1]["data"]["capturing_since"])
            check(since < seconds(stop["time"]) < seconds(starts[1]["time"]), "the new agent did not watch before the old one stopped")
            beats = [r for r in records(old.state, "heartbeat") if r["seq"] > starts[1]["seq"]]
            check(seconds(beats[0]["data"]["from"]) <= seconds(stop["time"]), "its first interval begins after the old one stopped")
            check(not new.gaps(), f"gaps: {new.gaps()}")
        taken(new, third, new.stop)
        third.stop()
    result = lab.judge(third, "proven", findings=[("attempt", OUT4)])
    with lab.row("the old agent's canaries are nobody's escape"):
        check(not [f for f in result["findings"] if f["effect"] != "listed"], f"findings: {result['findings']}")
        check(not any("escape" in line for agent in (old, new, third) for _, line in agent.said), "an agent cried escape")
    with lab.row("two hand-overs, one after the other"):
        check(len(bridges(result)) == 2, f"bridged: {[node['gaps'] for node in result['nodes']]}")
    with lab.row("an attempt that both saw is counted once"):
        packets = sum(found["packets"] for found in result["findings"] if OUT4 in json.dumps(found))
        check(packets == 1, f"{packets} packets: {result['findings']}")
    lab.nothing_left(world)


@scenario("the firewall flushed during a hand-over, before the old agent stops", "the firewall flushed while nobody holds the log")
def flushed(lab):
    with lab.row("the firewall flushed during a hand-over, before the old agent stops"):
        world, old = lab.watched()
        new = waiting(lab, world)
        world.unseal()
        wait_for("the new agent's word", lambda: '"event":"enforcement"' in new.stderr())
        old.stop()
        wait_for("the start", lambda: len(records(new.state, "start")) == 2)
        new.beats(2).stop()
        lab.judge(new, ("inconclusive", "violated"))  # canaries that found the firewall open are escapes
        check(not bridges(lab.report(new.state)), "bridged")
    with lab.row("the firewall flushed while nobody holds the log"):
        world, old = lab.watched(state="second")
        new = lab.agent(world, state="second", more=("--take-over", PATIENCE)).begin()
        wait_for("the word that it waits", lambda: '"event":"waiting"' in new.stderr())
        new.signal(signal.SIGSTOP)
        old.stop()
        world.unseal()
        world.seal()  # the same rules again
        new.signal(signal.SIGCONT)
        wait_for("the start", lambda: len(records(new.state, "start")) == 2)
        new.beats(3).stop()
        lab.judge(new, "inconclusive", reasons=["sealed"])


@scenario("a packet that left during a hand-over", "a packet that left while nobody holds the log")
def left(lab):
    hole = "insert rule inet airtight forward ip daddr 203.0.113.9 accept; insert rule netdev airtight_egress uplink_eth0 @ll,240,32 0xcb007109 accept"
    with lab.row("a packet that left during a hand-over"):
        world, old = lab.watched()
        new = waiting(lab, world)
        world.nft(hole)
        world.udp("pod", OUT4, 4444)
        wait_for("the new agent's cry", lambda: '"event":"escape"' in new.stderr())
        old.stop()
        wait_for("the start", lambda: len(records(new.state, "start")) == 2)
        new.beats(2).stop()
        lab.judge(new, "violated", findings=[("escape", OUT4)])
    with lab.row("a packet that left while nobody holds the log"):
        world, old = lab.watched(state="second")
        new = lab.agent(world, state="second", more=("--take-over", PATIENCE)).begin()
        wait_for("the word that it waits", lambda: '"event":"waiting"' in new.stderr())
        new.signal(signal.SIGSTOP)
        old.stop()
        world.nft(hole)
        world.udp("pod", OUT4, 4444)
        new.signal(signal.SIGCONT)
        wait_for("the start", lambda: len(records(new.state, "start")) == 2)
        new.beats(2).stop()
        lab.judge(new, "violated", findings=[("escape", OUT4)])


@scenario("a sensor canary that is not the old agent's, sent during a hand-over", "the old agent's sensor canary repeated during a hand-over")
def forged(lab):
    with lab.row("a sensor canary that is not the old agent's, sent during a hand-over"):
        world, old = lab.watched()
        new = waiting(lab, world)
        frame = sensor_of(world)
        world.octets("node", "eth0", frame[:42] + bytes(32), mark=0x61697274)
        taken(old, new, old.stop)
        new.stop()
        lab.judge(new, "violated", findings=[("escape", "192.0.2.254")])
    with lab.row("the old agent's sensor canary repeated during a hand-over"):
        world, old = lab.watched(state="second")
        new = lab.agent(world, state="second", more=("--take-over", PATIENCE)).begin()
        wait_for("the word that it waits", lambda: '"event":"waiting"' in new.stderr())
        world.octets("node", "eth0", sensor_of(world), mark=0x61697274)
        taken(old, new, old.stop)
        new.stop()
        lab.judge(new, "violated", findings=[("escape", "192.0.2.254")])


def sensor_of(world):
    """The octets of the last IPv4 sensor canary that left."""
    known = len(world.sensors())
    return wait_for("an IPv4 sensor canary", lambda: next((s.octets[:s.length] for s in world.sensors()[known:] if s.destination == "192.0.2.254"), None))


@scenario("the old agent killed instead of stopped")
def killed(lab):
    world, old = lab.watched()
    new = waiting(lab, world)
    quiet_moment(old)
    taken(old, new, old.kill)
    new.stop()
    result = lab.judge(new, "inconclusive", gaps=["restart"])
    check(not bridges(result), "bridged")
    check(any("did not end with a stop record" in gap["detail"] for gap in new.gaps("restart")), f"gaps: {new.gaps()}")


def digest(folder):
    """Of every file and its octets."""
    files = [path for path in sorted(pathlib.Path(folder).rglob("*")) if path.is_file()]
    return hashlib.sha256(b"".join(str(path).encode() + b"\0" + path.read_bytes() for path in files)).hexdigest()


@scenario("a take-over that waits in vain", "a take-over that is ended while it waits", "a take-over of a log that nobody writes")
def in_vain(lab):
    world, old = lab.watched()
    with lab.row("a take-over that waits in vain"):
        old.signal(signal.SIGSTOP)  # so that the log is its last word
        before = digest(old.state)
        new = waiting(lab, world, 2)
        wait_for("its end", lambda: not new.running(), 8)
        check(new.process.wait() == 4, f"it ended with {new.process.wait()}")
        check(digest(old.state) == before, "the log is another one")
        check("another agent still writes the log" in new.stderr(), new.stderr()[-300:])
        old.signal(signal.SIGCONT)
    with lab.row("a take-over that is ended while it waits"):
        new = waiting(lab, world)
        known = len(records(old.state, "start"))
        new.stop()
        check(len(records(old.state, "start")) == known, "it wrote a start record")
        old.beats(1)
    with lab.row("a take-over of a log that nobody writes"):
        old.stop()
        new = lab.agent(world, more=("--take-over", PATIENCE)).started()
        new.beats(2).stop()
        lab.judge(new, "inconclusive", gaps=["restart"])
