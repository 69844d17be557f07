"""A log that somebody changed afterwards: `verify` refuses it and names the damage, and `report` proves nothing by it."""
import json
import platform
import shutil
import subprocess

import agent_kernel
from agent_judge import Skipped, check, scenario
from agent_node import entry_files, raw_records, records, rewrite

ROWS = ("log truncated by a record", "log truncated in the middle of a record", "log with a record edited", "log with two records swapped",
        "log with a record deleted from the middle", "log with a record put in", "log without its checkpoint", "log with an older checkpoint put back",
        "log under keys that are not its own", "an older log replayed, against an anchor", "an older log replayed for a later period", "log with a seal removed",
        "log with a character of a signature changed", "the log itself, untouched", "verify and report make no socket")


def refused(lab, folder, *more):
    code, out, err = lab.call("verify", folder, *more)
    check(code == 1, f"verify ended with {code}, expected 1: {(out + err)[-300:]}")
    check((out + err).strip(), "verify refused without a word")
    code, out, _ = lab.call("report", "--policy", lab.policy, "--evidence", folder, "--as-logged", "--format", "json")
    check(code == 3 or more, f"report of a damaged log ended with {code}, expected 3: {out[:300]}")


def edit(octets):
    """Another digit in the middle of a heartbeat, the rest as it was."""
    for index in range(len(octets) // 2, len(octets)):
        if 0x31 <= octets[index] <= 0x38:
            return octets[:index] + bytes([octets[index] + 1]) + octets[index + 1:]
    raise ValueError("a record without a digit")


def at(index, change):
    return lambda found: [change(record) if number == index else record for number, record in enumerate(found)]


@scenario(*ROWS)
def damaged(lab):
    world = lab.world()
    agent = lab.agent(world).started()
    agent.beats(1).stop()
    first = lab.copy(agent, "first")
    agent.started().beats(2).stop()
    known = len(raw_records(agent.state))
    check(known < 256, f"{known} records are more than one bundle, which this scenario does not rewrite")
    beat = next(r["seq"] for r in records(agent.state, "heartbeat"))
    lab.call("verify", agent.state, code=0)
    numbers = iter(range(len(ROWS)))

    def copy():
        return lab.copy(agent, f"copy{next(numbers)}")

    with lab.row("log truncated by a record"):
        folder = copy()
        rewrite(folder, lambda found: found[:-1] if len(found) == known else found)
        check(len(raw_records(folder)) < known, "nothing was cut")
        refused(lab, folder)
    with lab.row("log truncated in the middle of a record"):
        folder = copy()
        for path, _, _ in entry_files(folder):
            path.write_bytes(path.read_bytes()[:-3])
        refused(lab, folder)
    with lab.row("log with a record edited"):
        folder = copy()
        rewrite(folder, at(beat, edit))
        check(raw_records(folder)[beat] != raw_records(agent.state)[beat], "nothing was edited")
        refused(lab, folder)
    with lab.row("log with two records swapped"):
        folder = copy()
        rewrite(folder, lambda found: [*found[:beat], found[beat + 1], found[beat], *found[beat + 2:]] if len(found) > beat + 1 else found)
        check(raw_records(folder) != raw_records(agent.state), "nothing was swapped")
        refused(lab, folder)
    with lab.row("log with a record deleted from the middle"):
        folder = copy()
        rewrite(folder, lambda found: [*found[:beat], *found[beat + 1:]])
        refused(lab, folder)
    with lab.row("log with a record put in"):
        folder = copy()
        rewrite(folder, lambda found: [*found[:beat + 1], *found[beat:]])
        refused(lab, folder)
    with lab.row("log without its checkpoint"):
        folder = copy()
        (folder / "checkpoint").unlink()
        refused(lab, folder)
    with lab.row("log with an older checkpoint put back"):
        folder = copy()
        (folder / "checkpoint").write_bytes((first / "checkpoint").read_bytes())
        refused(lab, folder)
    with lab.row("log with a seal removed"):
        folder = copy()
        seals = sorted(path for path in (folder / "seal").rglob("*") if path.is_file())
        check(seals, "a stopped agent left no seal")
        seals[0].unlink()
        refused(lab, folder)
    with lab.row("log with a character of a signature changed"):
        folder = copy()
        text = (folder / "checkpoint").read_text()
        where = len(text) - 20
        (folder / "checkpoint").write_text(text[:where] + ("A" if text[where] != "A" else "B") + text[where + 1:])
        refused(lab, folder)
    with lab.row("log under keys that are not its own"):
        folder = copy()
        lab.call("keygen", "--node", "n1", "--state", lab.folder / "stranger", code=0)
        (folder / "keys").write_bytes((lab.folder / "stranger/keys").read_bytes())
        refused(lab, folder)
    with lab.row("an older log replayed, against an anchor"):
        anchor = lab.folder / "anchor"
        anchor.write_bytes((agent.state / "checkpoint").read_bytes())
        lab.call("verify", first, code=0)  # by itself it is a log that ended then, and says so by its time
        refused(lab, first, "--anchor", anchor)
    with lab.row("an older log replayed for a later period"):
        replayed(lab, agent, first)
    with lab.row("the log itself, untouched"):
        lab.call("verify", agent.state, "--anchor", lab.folder / "anchor", code=0)
    with lab.row("verify and report make no socket"):
        if platform.machine() not in agent_kernel.SOCKET:
            raise Skipped(f"the number of socket() on {platform.machine()} is not known here")
        for words in (["verify", agent.state, "--anchor", anchor], ["report", "--policy", lab.policy, "--evidence", agent.state, "--as-logged", "-o", lab.folder / "offline"]):
            done = subprocess.run([lab.auditor, *map(str, words)], capture_output=True, text=True, preexec_fn=agent_kernel.without_sockets, env={}, cwd="/",
                                  check=False)
            check(done.returncode in (0, 3), f"{words[0]} ended with {done.returncode}: {done.stderr[-200:]}")


def replayed(lab, agent, first):
    """The earlier log stands in for the later time: not covered, whatever it says of itself."""
    last = records(agent.state, "heartbeat")[-1]["time"]
    inventory = lab.inventory()
    lab.keys("n9", "n9")
    start = records(first, "heartbeat")[0]["data"]["from"]
    result = lab.report(first, more=lab.enrolled(start, last, inventory))
    check(result["verdict"] == "inconclusive", f"{result['verdict']} for a period after the end of the log")
    check(result["nodes"] and result["nodes"][0]["gaps"], f"no gap for the time after it: {json.dumps(result['nodes'])[:300]}")


@scenario("a log that is not there, and a folder that is none")
def no_log(lab):
    empty = lab.folder / "empty"
    empty.mkdir()
    for folder in (empty, lab.folder / "none"):
        code = lab.call("verify", folder)[0]
        check(code in (1, 2, 4), f"verify of {folder.name} ended with {code}")
        code, out, _ = lab.call("report", "--policy", lab.policy, "--evidence", folder, "--as-logged", "--format", "json")
        check(code in (2, 3, 4) and '"verdict":"proven"' not in out.replace(" ", ""), f"report of {folder.name} ended with {code}")
    shutil.rmtree(empty)
