"""The processes themselves: what they may do, what they tell, how they end; doctor and probe beside them."""
import json
import re
import socket
import struct
import threading
import time
import urllib.error
import urllib.request

import dns_recorder
from agent_judge import check, scenario
from agent_node import children_of, records, seconds, status_of, text_of, wait_for
from agent_scenarios_packets import resolver
from agent_world import OUT4, RESOLVER

NET_ADMIN, NET_RAW = 1 << 12, 1 << 13
SAMPLE = r'[a-zA-Z_:][a-zA-Z0-9_:]*(\{([a-zA-Z_][a-zA-Z0-9_]*="([^"\\\n]|\\.)*",?)*\})? [-+0-9.eEInfNa]+( \d+)?'
HOLE = "insert rule inet airtight forward ip daddr 203.0.113.9 accept; insert rule netdev airtight_egress uplink_eth0 @ll,240,32 0xcb007109 accept"
STRANGERS = (b"", b"\0" * 4096, b"GET /metrics HTTP/1.1\r\n" + b"a: b\r\n" * 5000, b"POST /metrics HTTP/1.1\r\nContent-Length: 99999999\r\n\r\n",
             b"GET " + b"/" * 100000)


@scenario("two processes: one with two capabilities, all others with none")
def privileges(lab):
    _, agent = lab.watched()
    for _ in range(5):
        seen = {}
        for pid in agent.pids():
            try:
                status = status_of(pid)
            except OSError:
                continue  # a proof that ended
            seen[pid] = (int(status["CapEff"], 16), int(status["CapPrm"], 16), int(status["NoNewPrivs"]))
        what = f"(effective, permitted, no new privileges) of each process: {seen}"
        mighty = [pid for pid, capabilities in seen.items() if capabilities[0] or capabilities[1]]
        check(all(seen[pid][:2] == (NET_ADMIN | NET_RAW,) * 2 for pid in mighty), what)
        openers = [pid for pid in mighty if not any(pid in children_of(other) for other in mighty)]  # what it runs to read rulesets has its right
        check(len(openers) == 1, what)
        helpless = [capabilities for pid, capabilities in seen.items() if pid not in mighty]
        check(helpless and all(bound == 1 for _, _, bound in helpless), what)
        time.sleep(0.2)
    agent.stop()


def fetch(world, path, port=9469):
    with world.inside("node"):
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{port}{path}", timeout=3) as answer:
                return answer.status, answer.read().decode()
        except urllib.error.HTTPError as error:
            return error.code, error.read().decode()


def metric_sum(text, *words):
    """Values of all samples whose name and labels hold the words, added up; None where there is none."""
    found = [float(line.rsplit(" ", 1)[1]) for line in text.splitlines() if not line.startswith("#") and line and all(word in line for word in words)]
    return sum(found) if found else None


@scenario("/metrics and /healthz on loopback", "an escape is counted on /metrics", "a stranger's request does not stop the agent", "other addresses do not answer")
def metrics(lab):
    world = lab.world(sealed=False)
    agent = lab.agent(world, canary=60, more=("--listen", "127.0.0.1:9469")).started()
    with lab.row("/metrics and /healthz on loopback"):
        status, text = fetch(world, "/metrics")
        check(status == 200, f"/metrics answered {status}")
        for line in text.splitlines():
            check(line == "" or line.startswith("#") or re.fullmatch(SAMPLE, line), f"no line of the Prometheus text format: {line!r}")
        for word in ("seen", "dropped", "gap", "finding", "canary"):
            check(word in text, f"/metrics says nothing of {word}: {text[:300]}")
        status, text = fetch(world, "/healthz")
        check(status in (200, 503) and text, f"/healthz answered {status}")
        check(fetch(world, "/else")[0] == 404, "an unknown path is not 404")
    with lab.row("an escape is counted on /metrics"):
        before = metric_sum(fetch(world, "/metrics")[1], "violations_total") or 0
        for port in range(5000, 5010):
            world.udp("pod", OUT4, port)
        wait_for("ten more of what violates", lambda: (metric_sum(fetch(world, "/metrics")[1], "violations_total") or 0) >= before + 10, 3)
    with lab.row("a stranger's request does not stop the agent"):
        for octets in STRANGERS:
            with world.inside("node"):
                stranger = socket.create_connection(("127.0.0.1", 9469), timeout=2)
            with stranger:
                try:
                    stranger.sendall(octets)
                    stranger.shutdown(socket.SHUT_WR)
                    stranger.recv(4096)
                except OSError:
                    pass
        with world.inside("node"):
            held = [socket.create_connection(("127.0.0.1", 9469), timeout=2) for _ in range(50)]  # they say nothing
        agent.beats(2)
        for one in held:
            one.close()
        check(wait_for("an answer after strangers", lambda: fetch(world, "/metrics")[0]) == 200, "no answer after strangers")
    with lab.row("other addresses do not answer"):
        with world.inside("node"), socket.socket() as other:
            other.settimeout(1)
            check(other.connect_ex(("10.10.0.2", 9469)) != 0, "the node's own address answers too")
    agent.stop()


@scenario("SIGTERM ends with a stop record and 0", "--duration ends by itself", "a second agent on the same state is refused")
def endings(lab):
    world = lab.world()
    agent = lab.agent(world).started()
    with lab.row("a second agent on the same state is refused"):
        second = lab.agent(world).begin()
        wait_for("the end of the second agent", lambda: not second.running(), 8)
        check(second.process.wait() in (2, 4), f"it ended with {second.process.wait()}")
        check(agent.running(), "the first agent ended with it")
        check(second.stderr().strip(), "it said nothing")
    with lab.row("SIGTERM ends with a stop record and 0"):
        rounds = len(records(agent.state, "canary-fate"))
        agent.beats(1)
        since = time.monotonic()
        agent.stop()
        check(time.monotonic() - since < 5, "it took more than five seconds to stop")
        stop = records(agent.state, "stop")
        check(len(stop) == 1 and stop[0]["data"]["why"] == "signal" and not stop[0]["data"]["uplinks_down"], f"stop records {stop}")
        check(len(records(agent.state, "canary-fate")) > rounds, "no round of canaries before the stop")
        check(not [p for p in agent.pids() if p != agent.process.pid], "a process is left")
    with lab.row("--duration ends by itself"):
        timed = lab.agent(world, state="timed", more=("--duration", "3")).started()
        check(timed.process.wait(15) == 0, f"it ended with {timed.process.wait()}")
        took = seconds(records(timed.state, "stop")[0]["time"]) - seconds(records(timed.state, "start")[0]["time"])
        check(2.5 <= took <= 6, f"three seconds took {took:.1f}")
        check(records(timed.state, "stop")[0]["data"]["why"] == "duration", "the stop record does not say duration")
        lab.judge(timed, "proven")


@scenario("the quickstart's line: run without a file, report as logged")
def quickstart(lab):
    """`run --policy --state --uplink --pod-side --interval --duration`, nothing else; then the same with a hole."""
    world = lab.world()
    command = [lab.auditor, "run", "--policy", lab.policy, "--state", lab.folder / "quick", "--uplink", "eth0", "--pod-side", "vethpod",
               "--interval", 1, "--duration", 6]
    world.run("node", *command)
    code, text, _ = lab.call("report", "--policy", lab.policy, "--evidence", lab.folder / "quick", "--as-logged")
    check(code == 0 and "proven" in text.splitlines()[0], f"{code}: {text[:200]}")
    hole = threading.Timer(3, lambda: world.nft(HOLE))
    packet = threading.Timer(3.5, lambda: world.udp("pod", OUT4, 4444))
    hole.start()
    packet.start()
    command[command.index(lab.folder / "quick")] = lab.folder / "hole"
    world.run("node", *command)
    hole.join()
    packet.join()
    code, text, _ = lab.call("report", "--policy", lab.policy, "--evidence", lab.folder / "hole", "--as-logged")
    check(code == 1 and "violated" in text.splitlines()[0] and OUT4 in text, f"{code}: {text[:300]}")


LINE = {"interface": "vethpod", "namespace": "app", "name": "web-0", "addresses": ["10.42.0.2", "fd00:42::2"]}


@scenario("attribution by --pods, re-read on a change, and unknown without")
def attribution(lab):
    world = lab.world()
    pods = lab.folder / "pods"
    pods.write_text("")
    pods.chmod(0o644)
    agent = lab.agent(world, more=("--pods", pods)).started()
    world.udp("pod", OUT4, 4001)
    agent.beats(1)
    pods.write_text(json.dumps(LINE | {"from": text_of(time.time() - 5)}) + "\n")
    agent.beats(2)
    world.udp("pod", OUT4, 4002)
    agent.beats(2).stop()
    result = lab.judge(agent, "proven", findings=[("attempt", OUT4)])
    workloads = {found.get("workload") for found in result["findings"] if found["class"] == "attempt"}
    check(workloads == {"unknown", "app/web-0"}, f"workloads of the attempts: {workloads}")


# --- doctor and probe ---

@scenario("doctor on a sealed node", "doctor on an open node", "doctor without a network")
def doctor(lab):
    world = lab.world()
    with lab.row("doctor on a sealed node"):
        code, out, err = lab.call("doctor", "--policy", lab.policy, world=world)
        check(code in (0, 3), f"it ended with {code}: {err[-200:]}")
        for word in ("kernel", "egress", "eth0", "clock", "capab"):
            check(word in out.lower(), f"it says nothing of {word}: {out[:300]}")
        sealed = out
    with lab.row("doctor on an open node"):
        world.unseal()
        code, out, err = lab.call("doctor", "--policy", lab.policy, world=world)
        check(code == 3, f"it ended with {code} on a node without the egress chain: {out[-300:]} {err[-200:]}")
        check(out != sealed, "it says the same of a node without a firewall")
    with lab.row("doctor without a network"):
        world.ip("node link del eth0\nnode link del vethpod")
        code, out, _ = lab.call("doctor", "--policy", lab.policy, world=world)
        check(code == 3 and out, f"it ended with {code}")


DOCUMENTATION = r"(^|\.)(example|invalid|test|example\.(com|net|org))\.?$"  # RFC 2606


class Answers(threading.Thread):
    """A resolver inside that says NXDOMAIN to everything; it counts."""

    def __init__(self, world):
        super().__init__(daemon=True)
        with world.inside("inside"):
            self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
            self.socket.bind((RESOLVER, 53))
            self.socket.settimeout(0.2)
        self.asked = []
        self.start()

    def run(self):
        while True:
            try:
                question, peer = self.socket.recvfrom(4096)
            except TimeoutError:
                continue
            except OSError:
                return
            name, end = dns_recorder.decode_name(question, 12)
            self.asked.append(name)
            head = struct.unpack("!6H", question[:12])
            self.socket.sendto(struct.pack("!6H", head[0], 0x8183, 1, 0, 0, 0) + question[12:end + 4], peer)


@scenario("probe of a sealed node: blocked, by the count of our rule", "probe with a dead resolver", "probe without a route",
          "probe with the uplink down", "probe without an interface", "probe without a firewall sends nothing", "probe when the resolver answers outside names")
def probe(lab):
    words = ("probe", "--policy", lab.policy, "--resolver", RESOLVER)
    world = lab.world()
    with lab.row("probe with a dead resolver"):
        code, out, err = lab.call(*words, world=world)
        check(code == 3 and out, f"it ended with {code}: {out[-300:]} {err[-200:]}")
    answers = Answers(world)
    lab.undo.callback(answers.socket.close)
    with lab.row("probe of a sealed node: blocked, by the count of our rule"):
        code, out, err = lab.call(*words, "--format", "json", world=world)
        check(code == 0, f"it ended with {code}: {out[-400:]} {err[-200:]}")
        json.loads(out)
        check(answers.asked and all(re.search(DOCUMENTATION, name.lower()) for name in answers.asked), f"names asked: {answers.asked}")
        lab.nothing_left(world)
    with lab.row("probe without a route"):
        world.ip("node route del default via 10.10.0.1\nnode route del default via fd00:10::1")
        code, out, err = lab.call(*words, world=world)
        check(code == 3, f"it ended with {code}: {out[-300:]} {err[-200:]}")
    with lab.row("probe with the uplink down"):
        world.ip("node link set eth0 down")
        check(lab.call(*words, world=world)[0] == 3, "not inconclusive")
    with lab.row("probe without an interface"):
        world.ip("node link del eth0\nnode link del vethpod")
        check(lab.call(*words, world=world)[0] == 3, "not inconclusive")
    answers.socket.close()
    with lab.row("probe without a firewall sends nothing"):
        bare = lab.world(sealed=False)
        code, out, _ = lab.call(*words, world=bare)
        check(code == 3, f"it ended with {code}: {out[-300:]}")
        lab.nothing_left(bare)
    with lab.row("probe when the resolver answers outside names"):
        loose = lab.world()
        log = resolver(lab, loose)
        code, out, _ = lab.call(*words, world=loose)
        check(code == 1, f"it ended with {code}: {out[-300:]} {log.read_text()[-200:]}")

