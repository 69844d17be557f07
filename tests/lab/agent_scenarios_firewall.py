"""The firewall while the agent watches it, the ways around it, and canaries that somebody interferes with."""
import os
import socket
import time

import agent_kernel
import frames
from agent_judge import Skipped, check, scenario
from agent_node import records, wait_for
from agent_world import OUT4, VLLM4

NEVER_PROVEN = ("violated", "inconclusive")


def enforcement(agent, known):
    return [record for record in records(agent.state)[known:] if record["type"] == "enforcement"]


def opened(agent, known):
    """An enforcement record after index `known` that says open, with what opened."""
    record = agent.wait_record("enforcement", known, lambda data: data["outcome"] == "open")
    check(record["data"]["opened"], "an open record that does not say what opened")
    return record


# --- opened and closed ---

@scenario("firewall flushed, nothing sent")
def flushed(lab):
    world, agent = lab.watched(canary=60)
    known = len(records(agent.state))
    world.unseal()
    opened(agent, known)
    agent.beats(2)
    check(not world.left(), "something left while nothing was sent")
    agent.stop()  # its last round of canaries finds the firewall open
    lab.judge(agent, NEVER_PROVEN)


@scenario("firewall opened for one second and closed again")
def opened_and_closed(lab):
    world, agent = lab.watched(canary=60)
    known = len(records(agent.state))
    world.unseal()
    time.sleep(1)
    world.seal()
    agent.wait_record("enforcement", known, lambda data: data["outcome"] in ("open", "changed"))
    agent.wait_record("enforcement", known, lambda data: data["outcome"] == "sealed")
    agent.beats(2).stop()
    lab.nothing_left(world)
    lab.judge(agent, "inconclusive", reasons=["enforcement"])


@scenario("firewall opened between two readings and closed before the next")
def opened_between(lab):
    """Half a tenth of a second: only what nftables tells of a change can have shown it."""
    world, agent = lab.watched(canary=60)
    known = len(records(agent.state))
    world.nft("insert rule inet airtight output ip daddr 203.0.113.9 accept")
    time.sleep(0.05)
    world.seal()
    agent.beats(2)
    check(any(r["data"]["outcome"] in ("open", "changed") for r in enforcement(agent, known)), "the change is not in the log")
    agent.stop()
    lab.nothing_left(world)
    lab.judge(agent, "inconclusive")


@scenario("no firewall at all")
def absent(lab):
    world, agent = lab.watched(sealed=False, canary=60)
    agent.beats(1).stop()
    lab.judge(agent, "violated", findings=[("escape", "192.0.2.253")])  # its own enforcement canaries left
    check(any(seen.canary for seen in world.left()), "no enforcement canary was on the wire")


@scenario("only the egress chain is missing")
def chain_missing(lab):
    world = lab.world()
    world.nft("delete table netdev airtight_egress")
    agent = lab.agent(world, canary=60).started()
    agent.beats(2).stop()
    lab.judge(agent, NEVER_PROVEN, gaps=["not-conserved"])


@scenario("a foreign ruleset comes and goes: still sealed, but nobody knows of the time between")
def foreign(lab):
    world, agent = lab.watched(canary=60)
    known = len(records(agent.state))
    world.nft("table inet site { chain input { type filter hook input priority filter; policy accept; counter; }\n}")
    agent.wait_record("enforcement", known, lambda data: data["outcome"] == "sealed")
    agent.beats(2).stop()
    lab.judge(agent, ("proven", "inconclusive"))
    check(enforcement(agent, known)[-1]["data"]["outcome"] == "sealed", "the last reading is not sealed")


# --- canaries that somebody interferes with ---

@scenario("sensor canaries eaten by a rogue rule")
def eaten_by_rule(lab):
    world, agent = lab.watched()
    agent.beats(1)
    world.nft("table netdev rogue { chain e { type filter hook egress device \"eth0\" priority -300; policy accept; ether daddr 02:61:69:72:74:00 drop; }\n}")
    bad = agent.wait_record("canary-fate", 0, lambda data: not data["good"])
    check({outcome["fate"] for outcome in bad["data"]["outcomes"]} & {"missed", "unsent"}, f"no canary was missed: {bad['data']['outcomes']}")
    agent.beats(1).stop()
    lab.judge(agent, "inconclusive", gaps=["canary"])


def attached(program, world, device, where):
    try:
        with world.inside("node"):
            return agent_kernel.attach(program(), device, where)
    except OSError as error:
        raise Skipped(f"this kernel attaches no tcx program: {error}") from None


@scenario("sensor canaries eaten by a BPF program")
def eaten_by_program(lab):
    world = lab.world()
    agent = lab.agent(world).started()
    agent.beats(1)
    link = attached(agent_kernel.drop_canaries, world, "eth0", agent_kernel.BPF_TCX_EGRESS)
    lab.undo.callback(os.close, link)
    agent.wait_record("canary-fate", 0, lambda data: not data["good"])
    agent.beats(1).stop()
    lab.judge(agent, "inconclusive", gaps=["canary", "bypass"])


@scenario("an enforcement canary that gets out is an escape")
def canary_out(lab):
    """A hole for the canary's own address, which no other traffic uses."""
    world, agent = lab.watched()
    world.nft("insert rule inet airtight output ip daddr 192.0.2.253 accept; insert rule netdev airtight_egress uplink_eth0 @ll,240,32 0xc00002fd accept")
    bad = agent.wait_record("canary-fate", 0, lambda data: any(outcome["fate"] == "escaped" for outcome in data["outcomes"]))
    check(not bad["data"]["good"], "a round with an escaped canary is called good")
    agent.beats(1).stop()
    check(any(seen.canary for seen in world.left()), "no enforcement canary was on the wire")
    lab.judge(agent, "violated", findings=[("escape", "192.0.2.253")])


# --- ways around netfilter ---

def pod_frame(world):
    """Octets of a pod's frame toward the outside, as it would stand on the uplink's wire."""
    return frames.build(f"name=around,to={OUT4},from=10.42.0.2,dport=4444,mac=ff:ff:ff:ff:ff:ff", bytes(6))[1]


def around(lab, prepare):
    """`prepare(world)` redirects the pod's frames to the uplink, past the egress hook; the wire sees them all the same."""
    world = lab.world()
    prepare(world)
    agent = lab.agent(world, canary=60).started()
    world.octets("pod", "eth0", pod_frame(world))
    wait_for("the redirected frame on the wire", lambda: any(seen.destination == OUT4 for seen in list(world.recorder.seen)), 3)
    agent.beats(2).stop()
    lab.judge(agent, "violated", findings=[("escape", OUT4, "4444")], gaps=["bypass"])


@scenario("a tc mirred redirect around the hooks, with a packet")
def mirred(lab):
    around(lab, mirred_there)


def mirred_there(world):
    try:
        world.run("node", "tc", "qdisc", "add", "dev", "vethpod", "clsact")
        world.run("node", "tc", "filter", "add", "dev", "vethpod", "ingress", "u32", "match", "u32", "0", "0", "action", "mirred", "egress", "redirect", "dev", "eth0")
    except RuntimeError as error:
        raise Skipped(f"no tc mirred here: {error}") from None


@scenario("a BPF redirect around the hooks, with a packet")
def bpf_redirect(lab):
    around(lab, lambda world: lab.undo.callback(os.close, attached(lambda: agent_kernel.redirect("eth0"), world, "vethpod", agent_kernel.BPF_TCX_INGRESS)))


@scenario("a tc mirred redirect that nobody uses")
def mirred_idle(lab):
    world, agent = lab.watched(canary=60)
    mirred_there(world)
    agent.beats(3)
    check(not world.left(), "something left while nobody sent")
    agent.stop()  # of its last round the pod's canary goes around the hooks
    lab.judge(agent, NEVER_PROVEN, gaps=["bypass"])


@scenario("an XDP or tcx program that the policy does not name")
def program(lab):
    world, agent = lab.watched(canary=60)
    link = attached(agent_kernel.drop_canaries, world, "vethpod", agent_kernel.BPF_TCX_INGRESS)
    lab.undo.callback(os.close, link)
    agent.beats(3).stop()
    lab.judge(agent, "inconclusive", gaps=["bypass"])


# --- interfaces that nobody declared ---

@scenario("a second uplink that nobody declared")
def second_uplink(lab):
    world, agent = lab.watched(canary=60)
    world.link("node", "wan7", "inside", "lan7")
    agent.beats(3).stop()
    result = lab.judge(agent, "inconclusive", gaps=["undeclared-interface"])
    check(any("wan7" in reason for reason in result["reasons"]), f"no reason names wan7: {result['reasons'][:4]}")


@scenario("a packet that left by a second uplink that nobody declared")
def second_uplink_used(lab):
    world = lab.world()
    world.link("node", "wan7", "inside", "lan7")
    agent = lab.agent(world, canary=60).started()
    since = time.time()
    check(world.octets("node", "wan7", pod_frame(world)) == 1, "the frame was not sent")
    agent.alarm(OUT4, since=since)
    agent.beats(1).stop()
    lab.judge(agent, "violated", findings=[("escape", OUT4, "4444")], gaps=["undeclared-interface"])


@scenario("an undeclared uplink that went before the start leaves no gap")
def uplink_gone(lab):
    world = lab.world()
    world.link("node", "wan7", "inside", "lan7")
    world.ip("node link del wan7")
    agent = lab.agent(world, canary=60).started()
    agent.beats(2).stop()
    lab.judge(agent, "proven")


@scenario("an interface born and gone within 200 ms, one packet sent")
def short_life(lab):
    world, agent = lab.watched(canary=60)
    began = time.monotonic()
    world.link("node", "vethx", "pod", "ethx")
    world.octets("pod", "ethx", pod_frame(world))
    world.ip("node link del vethx")
    took = time.monotonic() - began
    if took > 0.2:
        raise Skipped(f"the interface lived {took:.3f} s: this machine is too busy")
    agent.beats(3).stop()
    lab.judge(agent, "inconclusive", findings=[(("attempt", "unresolved", "outside-inbound"), OUT4)])
    check(any(gap["interface"] == "vethx" for gap in agent.gaps()), f"no gap names the interface: {agent.gaps()}")
    lab.nothing_left(world)


@scenario("the uplink renamed")
def renamed(lab):
    world, agent = lab.watched(canary=60)
    world.ip("node link set eth0 down\nnode link set eth0 name wan0")
    world.uplink("wan0")
    agent.beats(3).stop(None)
    result = lab.judge(agent, "inconclusive")
    check(any("wan0" in reason or "eth0" in reason for reason in result["reasons"]), f"no reason names it: {result['reasons'][:4]}")


@scenario("the pod's side renamed to another declared name")
def pod_renamed(lab):
    """Both names are declared, so nothing but a change of names happened; what is sent by the new name is still seen."""
    world, agent = lab.watched(canary=60, pods=("veth*",))
    world.ip("node link set vethpod name vethother")
    agent.beats(1)
    world.udp("pod", OUT4, 4444)
    agent.beats(2).stop()
    lab.judge(agent, ("proven", "inconclusive"), findings=[(("attempt", "unresolved"), OUT4, "4444")])


@scenario("the uplink taken down and up again")
def flapped(lab):
    world, agent = lab.watched()
    world.ip("node link set eth0 down")
    time.sleep(0.3)
    world.uplink("eth0")
    agent.beats(2)
    with world.inside("node"), socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
        sender.sendto(b"airtight-lab:after;", (VLLM4, 8000))
    agent.beats(2).stop()
    lab.judge(agent, ("proven", "inconclusive"))
    lab.nothing_left(world)
