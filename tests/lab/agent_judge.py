"""A table of scenarios, and what each is held to: `report` and `verify` of the program, and what really left the node."""
import contextlib
import dataclasses
import json
import pathlib
import shutil
import subprocess
import time

from agent_node import Agent, Failed, check, records, text_of
from agent_world import World

CODES = {"proven": 0, "violated": 1, "inconclusive": 3}
# What a report calls gap records, where it does not use their reason.
GAPS = {"bypass": "a way around the firewall", "not-conserved": "do not add up", "log-write": "log could not be written", "canary": "canary round"}
TABLE = []


class Skipped(Exception):
    pass


@dataclasses.dataclass(frozen=True)
class Scenario:
    rows: tuple  # the names that it prints
    story: object
    long: bool  # only with --long
    alone: bool  # nothing else may run beside it


def scenario(*rows, long=False, alone=False):
    """Adds a function(lab) to the table. One with a single row need not name it; others use lab.row(NAME)."""
    def add(story):
        TABLE.append(Scenario(rows, story, long, alone))
        return story
    return add


class Lab:
    def __init__(self, tools, folder, rows, keep=False):
        self.auditor, self.airtight = tools["auditor"], tools["airtight"]
        self.out = pathlib.Path(tools["out"])  # what `airtight compile lab.yaml` wrote
        self.sender = tools["sender"]  # send_frames, or None
        self.spec = pathlib.Path(__file__).with_name("lab.yaml")
        self.policy = self.out / "policy.json"
        self.firewall = self.out / "nftables"
        self.folder = pathlib.Path(folder)
        self.rows = rows
        self.keep = keep
        self.told = {}
        self.agents = []
        self.undo = contextlib.ExitStack()

    # --- rows

    @contextlib.contextmanager
    def held(self, names):
        """What fails inside fails the rows that were not told yet; a single row is ok where nothing failed."""
        word, why = ("ok", "") if len(names) == 1 else ("FAIL", "the scenario did not come to it")
        try:
            yield
        except Skipped as reason:
            word, why = "SKIPPED", str(reason)
        except Failed as error:
            word, why = "FAIL", str(error)
        except (RuntimeError, OSError, ValueError, KeyError, IndexError, TypeError, subprocess.SubprocessError) as error:
            word, why = "FAIL", f"{type(error).__name__}: {error}"
        for name in names:
            self.tell(name, word, why)

    def row(self, name):
        return self.held([name])

    def tell(self, name, word, why=""):
        assert name in self.rows, name
        if name not in self.told:
            self.told[name] = word
            print(f"{word} {name} {' '.join(why.split())[:700]}".rstrip(), flush=True)

    def run(self, story):
        """The whole scenario; whether no row failed."""
        with self.undo:
            with self.held(self.rows):
                story(self)
            failed = "FAIL" in self.told.values()
            if failed and self.keep:
                self.explain()
        return not failed

    def explain(self):
        for agent in self.agents:
            print(f"--- {agent.state}: standard error of the agent\n{agent.stderr()[-3000:]}")
            for record in records(agent.state):
                print(json.dumps(record)[:400])
            print(self.call("report", "--policy", self.policy, "--evidence", agent.state, "--as-logged")[1][-4000:], flush=True)

    # --- worlds and agents

    def world(self, sealed=True, **more):
        return self.undo.enter_context(World(self.firewall if sealed else None, **more))

    def agent(self, world, **more):
        agent = Agent(self, world, **more)
        self.undo.callback(agent.kill)
        return agent

    def watched(self, sealed=True, **more):
        """A world with an agent that has all it needs for `proven`, if the world is sealed."""
        world = self.world(sealed)
        return world, self.agent(world, **more).started()

    # --- the program's other commands

    def call(self, *words, code=None, world=None, where="node"):
        assert world or words[0] in ("report", "verify", "keygen", "enrol"), "what may send does so in a world only"
        command = [self.auditor, *map(str, words)]
        done = subprocess.run(world.command(where, *command) if world else command, capture_output=True, text=True, errors="replace", stdin=subprocess.DEVNULL,
                              timeout=60, check=False)
        check(code is None or done.returncode == code,
              f"{' '.join(map(str, words[:2]))} ended with {done.returncode}, expected {code}: {(done.stdout + done.stderr)[-500:]}")
        return done.returncode, done.stdout, done.stderr

    def report(self, *evidence, policy=None, more=("--as-logged",)):
        """Verdict, exit code and JSON; the three agree."""
        words = ["report", "--policy", policy or self.policy, "--format", "json", *more]
        for folder in evidence:
            words += ["--evidence", folder]
        code, out, err = self.call(*words)
        try:
            result = json.loads(out)
        except ValueError:
            raise Failed(f"report ended with {code} and without JSON: {(out + err)[-400:]}") from None
        check(code == CODES.get(result["verdict"]), f"report said {result['verdict']} and ended with {code}")
        return result

    def judge(self, agent, verdict, reasons=(), findings=(), gaps=(), policy=None, more=("--as-logged",)):
        """`verify` accepts the log, `report` has the verdict (one of several, where a tuple), and says why.

        reasons: each a text or tuple of texts that one reason holds, whatever the case. findings: (class or classes, text...).
        gaps: reasons of gap records, of which the log and the report have one.
        """
        self.call("verify", agent.state, code=0)
        result = self.report(agent.state, policy=policy, more=more)
        allowed = (verdict,) if isinstance(verdict, str) else verdict
        check(result["verdict"] in allowed, f"report said {result['verdict']}, expected {' or '.join(allowed)}: {result['reasons'][:4]}")
        if result["verdict"] == "proven":
            check(not result["reasons"], f"proven, and yet reasons: {result['reasons'][:3]}")
        else:
            check(result["reasons"], f"{result['verdict']} without a reason")
        for wanted in reasons:
            words = (wanted,) if isinstance(wanted, str) else wanted
            check(any(all(word.lower() in reason.lower() for word in words) for reason in result["reasons"]), f"no reason says {words}: {result['reasons'][:6]}")
        for classes, *words in findings:
            self.finding(result, classes, *words)
        for gap in gaps:
            check(agent.gaps(gap), f"no gap record {gap}; there are {[g['reason'] for g in agent.gaps()]}")
            said = json.dumps([[g["reason"] for g in node["gaps"]] for node in result["nodes"]] + [result["reasons"]]).lower()
            check(GAPS.get(gap, gap.replace("-", " ")) in said, f"the report names no gap {gap}: {said[:400]}")
        return result

    @staticmethod
    def finding(result, classes, *words):
        classes = (classes,) if isinstance(classes, str) else classes
        for found in result["findings"]:
            text = json.dumps(found)
            if found["class"] in classes and all(word in text for word in words):
                return found
        listed = [[f["class"], f.get("destination") or f.get("destinations"), f.get("name")] for f in result["findings"]]
        raise Failed(f"no finding {classes} with {words}: {listed[:8]}")

    @staticmethod
    def nothing_left(world):
        left = world.left()
        check(not left, f"the wire saw {len(left)} frames to the outside, the first to {left[0].destination if left else ''}")

    # --- keys, inventory, enrolment

    def keys(self, node="n1", state="state"):
        """A trust root and a node's keys; before the agent starts."""
        if not (self.folder / "trust").exists():
            self.call("keygen", "--trust", "lab.example/root", "-o", self.folder / "trust", code=0)
        self.call("keygen", "--node", node, "--state", self.folder / state, code=0)

    def inventory(self, *nodes, joined=None):
        path = self.folder / "inventory.json"
        joined = joined or text_of(time.time() - 3600)
        path.write_text(json.dumps([{"node": node, "joined": joined, "left": None, "uplinks": ["eth0"]} for node in nodes or ("n1",)]))
        return path

    def enrol(self, inventory, *policies, state="state"):
        words = []
        for policy in policies or (self.policy,):
            words += ["--policy", policy]
        self.call("enrol", "--trust-key", self.folder / "trust", "--keys", self.folder / state / "keys", "--inventory", inventory, *words, "--into", self.folder / state,
                  code=0)

    def enrolled(self, first, last, inventory):
        """The flags of `report` for a period."""
        return "--inventory", inventory, "--trust", self.folder / "trust.pub", "--from", first, "--to", last

    def copy(self, agent, name):
        """Another folder with the same log."""
        target = self.folder / name
        shutil.copytree(agent.state, target)
        return target
