"""Time in which the agent could not know: stopped, killed, late, overloaded, out of disk. Each is a gap with its size."""
import json
import os
import random
import signal
import subprocess
import time

from agent_judge import Skipped, check, scenario
from agent_node import alive, raw_records, records, claimed_to, seconds, text_of, wait_for
from agent_world import OUT4, VLLM4


@scenario("the agent stopped for four seconds")
def stopped(lab):
    _, agent = lab.watched()
    pids = agent.pids()
    for pid in pids:
        os.kill(pid, signal.SIGSTOP)
    time.sleep(4)
    for pid in pids:
        os.kill(pid, signal.SIGCONT)
    agent.beats(2).stop()
    lab.judge(agent, "inconclusive", gaps=["suspended"])


@scenario("killed and restarted", "nothing of a killed agent lives on")
def killed(lab):
    _, agent = lab.watched()
    pids = agent.pids()
    os.kill(agent.process.pid, signal.SIGKILL)
    agent.process.wait(5)
    with lab.row("nothing of a killed agent lives on"):
        check(len(pids) >= 2, f"it was one process: {pids}")
        wait_for("the end of every process", lambda: not any(alive(pid) for pid in pids), 3)
    with lab.row("killed and restarted"):
        time.sleep(1)
        agent.started().beats(1).stop()
        lab.judge(agent, "inconclusive", gaps=["restart"])


@scenario("a clean stop and a later start")
def stopped_and_started(lab):
    _, agent = lab.watched()
    agent.stop()
    check(records(agent.state)[-1]["type"] in ("stop", "segment") and records(agent.state, "stop")[0]["data"]["why"] == "signal", "no stop record")
    time.sleep(2)
    agent.started().beats(1).stop()
    lab.judge(agent, "inconclusive", gaps=["restart"])


@scenario("one of the two processes killed")
def half_killed(lab):
    """What cannot read rulesets any more does not claim that time: it ends, or says at each interval that it cannot."""
    _, agent = lab.watched()
    for pid in agent.pids():
        if pid != agent.process.pid:
            os.kill(pid, signal.SIGKILL)
    died = time.time()
    time.sleep(3)
    if agent.running():
        agent.stop(None)
        lab.judge(agent, "inconclusive")
        check(any(r["data"]["outcome"] == "unreadable" and seconds(r["time"]) >= died for r in records(agent.state, "enforcement")), "no record says unreadable")
    check(agent.process.wait() != 0 or records(agent.state, "stop"), "the agent ended with 0 although half of it was killed")
    for interval in lab.report(agent.state)["proven_intervals"]:
        check(seconds(interval["to"]) <= died + 1.1, f"{interval} is called proven, half of the agent was dead from {died}")


@scenario("enrolled, the period covered", "enrolled, the agent started late", "enrolled, a node of the inventory without a log",
          "a report without inventory and trust", "a report with another trust root")
def enrolled(lab):
    world = lab.world()
    lab.keys()
    inventory = lab.inventory()
    early = time.time() - 1
    lab.enrol(inventory)
    time.sleep(2)
    agent = lab.agent(world).started()
    agent.beats(2).stop()
    first, last = agent.span()
    lab.call("verify", agent.state, "--trust", lab.folder / "trust.pub", code=0)
    with lab.row("enrolled, the period covered"):
        result = lab.judge(agent, "proven", more=lab.enrolled(first, last, inventory))
        check([node["coverage"] for node in result["nodes"]] in ([1], [1.0], [100], ["1"]) or "100" in str(result["nodes"][0]["coverage"]), f"coverage {result['nodes']}")
        check(result["period"] == {"from": first, "to": last}, f"period {result['period']}, asked for {first} to {last}")
    with lab.row("enrolled, the agent started late"):
        result = lab.judge(agent, "inconclusive", reasons=["n1"], more=lab.enrolled(text_of(early + 2), last, inventory))
        check(result["nodes"][0]["gaps"], "no gap before the start")
    with lab.row("enrolled, a node of the inventory without a log"):
        both = lab.folder / "both"
        both.write_text(lab.inventory("n1", "n2").read_text())
        lab.judge(agent, "inconclusive", reasons=["n2"], more=lab.enrolled(first, last, both))
        lab.inventory()
    with lab.row("a report without inventory and trust"):
        lab.judge(agent, "inconclusive", reasons=["inventory", "trust"], more=())
    with lab.row("a report with another trust root"):
        lab.call("keygen", "--trust", "somebody.example/else", "-o", lab.folder / "other", code=0)
        more = list(map(str, lab.enrolled(first, last, inventory)))
        more[more.index("--trust") + 1] = str(lab.folder / "other.pub")
        result = lab.report(agent.state, more=more)
        check(result["verdict"] == "inconclusive" and result["reasons"], f"{result['verdict']} by a root that signed nothing")


@scenario("the policy file swapped while running", "the policy file swapped while running, by SIGHUP", "swapped for one that was enrolled before")
def swapped(lab):
    world = lab.world()
    spec = lab.folder / "wider.yaml"
    text = lab.spec.read_text()
    spec.write_text(text.replace("{cidr: 10.30.0.0/16, why: office}", "{cidr: 10.30.0.0/16, why: office}, {cidr: 10.31.0.0/16, why: a second office}"))
    check(spec.read_text() != text, "lab.yaml has no office to widen")
    subprocess.run([lab.airtight, "compile", spec, "-o", lab.folder / "wider", "--target", "nftables", "--at", "2026-11-25"], check=True, capture_output=True)
    wider, policy = lab.folder / "wider/policy.json", lab.folder / "policy.json"
    digests = [json.loads(path.read_text())["digest"] for path in (lab.policy, wider)]
    lab.keys()
    inventory = lab.inventory()
    lab.enrol(inventory, lab.policy, wider)
    agents = {}
    for name, state, hup in (("the policy file swapped while running", "plain", False), ("the policy file swapped while running, by SIGHUP", "hup", True),
                             ("swapped for one that was enrolled before", "state", False)):
        with lab.row(name):
            policy.write_bytes(lab.policy.read_bytes())
            agent = agents[state] = lab.agent(world, state=state, policy=policy).started()
            fresh = lab.folder / "fresh.json"
            fresh.write_bytes(wider.read_bytes())
            fresh.chmod(0o644)
            os.rename(fresh, policy)
            if hup:
                agent.process.send_signal(signal.SIGHUP)
            changed = agent.wait_record("policy", 0, lambda data: data["to"] == digests[1])
            check(changed["data"]["from"] == digests[0], f"from {changed['data']['from']}")
            agent.beats(2).stop()
            if state == "state":
                first, last = agent.span()
                lab.judge(agent, "proven", more=lab.enrolled(first, last, inventory))
            else:
                result = lab.judge(agent, "inconclusive", reasons=["policy"])
                check(digests[1][:20] in " ".join(result["reasons"]) or "digest" in " ".join(result["reasons"]), f"no reason names the digest: {result['reasons']}")


@scenario("a log of another policy")
def other_policy(lab):
    spec = lab.folder / "other.yaml"
    spec.write_text(lab.spec.read_text().replace("why: office", "why: another office"))
    subprocess.run([lab.airtight, "compile", spec, "-o", lab.folder / "other", "--target", "nftables", "--at", "2026-11-25"], check=True, capture_output=True)
    _, agent = lab.watched()
    agent.beats(1).stop()
    lab.judge(agent, "inconclusive", reasons=["policy"], policy=lab.folder / "other/policy.json")


@scenario("more than it can take: 200,000 packets a second while it does not read", alone=True)
def overload(lab):
    if lab.sender is None:
        raise Skipped("no C compiler for the sender")
    world = lab.world(record=False)
    agent = lab.agent(world, more=("--ring", "1")).started()
    flood = subprocess.Popen(world.command("node", lab.sender, "--rate", 200000, "--seconds", 4, "--size", 1400, "--to", VLLM4, "eth0"),
                             stdout=subprocess.PIPE, text=True)
    time.sleep(0.3)
    pids = agent.pids()
    for pid in pids:
        os.kill(pid, signal.SIGSTOP)
    time.sleep(0.7)  # shorter than what counts as suspended: only the kernel's count of drops can tell
    for pid in pids:
        os.kill(pid, signal.SIGCONT)
    sent = flood.communicate(timeout=30)[0]
    agent.beats(2).stop()
    lab.judge(agent, "inconclusive", gaps=["kernel-drops"])
    check(sum(int(gap["size"]) for gap in agent.gaps("kernel-drops")) > 1000, f"hardly a packet lost: {agent.gaps('kernel-drops')}, {sent}")


def on_small_disk(lab):
    """A file system of its own for the state directory."""
    state = lab.folder / "state"
    state.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=1m,mode=0755", "lab", state], check=True)
    lab.undo.callback(subprocess.run, ["umount", "-l", state], check=False)
    return state


def fill(state):
    filler = state / "filler"
    with open(filler, "wb", buffering=0) as file:
        try:
            while True:
                file.write(bytes(4096))
        except OSError:
            pass
    return filler


def full(agent):
    """Fills the agent's disk, and waits until it said so."""
    filler = fill(agent.state)
    wait_for("a word on the full disk", lambda: "No space left" in agent.stderr())
    return filler


@scenario("the state disk full for a while")
def disk_full(lab):
    world = lab.world()
    on_small_disk(lab)
    agent = lab.agent(world).started()
    filler = full(agent)
    time.sleep(2)
    check(agent.running(), f"the agent ended with {agent.process.poll()} on a full disk: {agent.stderr()[-300:]}")
    filler.unlink()
    agent.beats(2).stop()
    lab.judge(agent, "inconclusive", gaps=["log-write"])


@scenario("the state disk full to the end")
def disk_full_for_good(lab):
    world = lab.world()
    on_small_disk(lab)
    lab.keys()
    inventory = lab.inventory()
    lab.enrol(inventory)
    agent = lab.agent(world).started()
    full(agent)
    time.sleep(1)
    agent.stop(None)
    check(agent.code != 0, "a log that could not be closed, and exit code 0")
    result = lab.report(agent.state, more=lab.enrolled(agent.span()[0], text_of(time.time()), inventory))
    check(result["verdict"] == "inconclusive", f"{result['verdict']} although nothing could be written")


def kills(lab, count):
    """SIGKILL at random moments while packets flow: what the log held stays as it was, and no dead time is claimed."""
    world = lab.world()
    agent = lab.agent(world)
    dice = random.Random(6)
    dead = []
    held = []
    for life in range(count):
        since = time.time()
        if life:
            dead.append((died, since))
        agent.begin()
        if life == 0:
            agent.wait_record("heartbeat")
        end = time.monotonic() + dice.uniform(0.05, 2.2 if life % 3 else 0.6)
        while time.monotonic() < end:
            world.udp("pod", OUT4, 4444)
            world.udp("node", VLLM4, 8000)
            time.sleep(0.01)
        agent.signal(signal.SIGKILL)
        agent.process.wait(5)
        died = time.time()
        wait_for("the end of every process", lambda: not any(alive(pid) for pid in pids_of_node(world)), 5)
        now = raw_records(agent.state)
        check(now[:len(held)] == held, f"life {life}: the log lost or changed one of its {len(held)} records")
        held = now
    dead.append((died, time.time()))
    agent.started().beats(1).stop()
    now = raw_records(agent.state)
    check(now[:len(held)] == held, f"the last start lost or changed one of {len(held)} records")
    for beat in records(agent.state, "heartbeat"):
        first, last = seconds(beat["data"]["from"]), seconds(claimed_to(beat))
        for gone, back in dead:
            check(last <= gone + 0.01 or first >= back - 0.01, f"a heartbeat claims {first:.3f} to {last:.3f}, the agent was dead from {gone:.3f} to {back:.3f}")
    result = lab.judge(agent, "inconclusive", gaps=["restart"])
    check(len(agent.gaps("restart")) >= 1, "no restart")
    for interval in result["proven_intervals"]:
        for gone, back in dead:
            check(seconds(interval["to"]) <= gone + 0.01 or seconds(interval["from"]) >= back - 0.01,
                  f"{interval} is called proven, the agent was dead from {gone} to {back}")
    lab.nothing_left(world)


def pids_of_node(world):
    listed = subprocess.run(["ip", "netns", "pids", world.space("node")], capture_output=True, text=True, check=False).stdout
    return [int(pid) for pid in listed.split()]


@scenario("ten random SIGKILLs under load")
def ten_kills(lab):
    kills(lab, 10)


@scenario("a hundred random SIGKILLs under load", long=True)
def hundred_kills(lab):
    kills(lab, 100)
