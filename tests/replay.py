#!/usr/bin/env python3
"""What a replay finds in captures that are built here: replay.py AIRTIGHT-AUDITOR [--only NAME] | --write DIR

Each case is a capture and its one right answer. It is run as it is, with two threads, in the other file form and split into two
files; the findings must be the same. --only runs the cases that have NAME in their names, --write writes the captures and runs nothing.
Prints "ok NAME", "FAIL NAME WHY" or "SKIPPED NAME WHY"; 77 if scapy is not there.
"""
import concurrent.futures
import hashlib
import importlib.util
import json
import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile

sys.dont_write_bytecode = True  # the tree is often read-only, and nothing else of it is generated


def with_scapy():
    """Goes on under another python3 of PATH if this one lacks scapy and that one has it."""
    if importlib.util.find_spec("scapy"):
        return
    for folder in os.get_exec_path():
        other = shutil.which("python3", path=folder)
        if other and not os.path.samefile(other, sys.executable) and \
                subprocess.run([other, "-c", "import scapy"], capture_output=True).returncode == 0:
            os.execv(other, [other, *sys.argv])
    print("SKIPPED replay scapy is not installed")
    sys.exit(77)


with_scapy()
from captures import containers, dns, headers, hellos, links, local, mixed, plain, review, sample, tunnels, world  # noqa: E402
from captures.files import Packet, pcap, pcapng, read_pcapng  # noqa: E402
from captures.world import AT, SPECS  # noqa: E402

try:
    import jsonschema
except ImportError:
    jsonschema = None

SECTIONS = (plain, links, headers, tunnels, local, dns, hellos, review)
SCHEMA = pathlib.Path(__file__).resolve().parent.parent / "auditor/replay/replay.schema.json"
EFFECTS = ["violated", "inconclusive", "listed"]


class Skip(Exception):
    pass


class Run:
    def __init__(self, auditor, folder):
        self.auditor, self.folder = auditor, pathlib.Path(folder)
        schema = json.loads(SCHEMA.read_text())
        self.validator = jsonschema.Draft202012Validator(schema) if jsonschema else None
        self.policies = {name: self.compile(name, text) for name, text in SPECS.items()}

    def compile(self, name, spec):
        folder = self.folder / "policies" / name
        folder.mkdir(parents=True)
        (folder / "isolation.yaml").write_text(spec)
        airtight = pathlib.Path(self.auditor).with_name("airtight")
        subprocess.run([airtight, "compile", "--at", AT, "isolation.yaml", "-o", "out"], cwd=folder, check=True, stdout=subprocess.DEVNULL,
                       stderr=subprocess.PIPE)
        return folder / "out/policy.json"

    def replay(self, folder, policy, paths, *arguments, stdin=None, form="json"):
        command = [self.auditor, "replay", "--policy", str(policy), "--format", form, *arguments, *paths]
        run = subprocess.run(command, cwd=folder, capture_output=True, timeout=60, input=b"" if stdin is None else stdin)
        return run.returncode, run.stdout.decode("utf-8", "replace"), run.stderr.decode("utf-8", "replace")

    def report(self, folder, policy, paths, *arguments, stdin=None):
        """(exit code, report or None, standard error, what is wrong with the report in itself)"""
        code, out, error = self.replay(folder, policy, paths, *arguments, stdin=stdin)
        if code < 0:
            return code, None, error, [f"died of signal {-code}: {error[-300:]}"]
        if not out:
            return code, None, error, []
        try:
            report = json.loads(out)
        except ValueError as problem:
            return code, None, error, [f"no JSON: {problem}: {out[:200]}"]
        return code, report, error, self.inconsistencies(report, folder, policy, paths, stdin)

    def inconsistencies(self, report, folder, policy, paths, stdin):
        if self.validator:
            errors = [f"schema: {'/'.join(map(str, one.absolute_path))}: {one.message[:160]}" for one in self.validator.iter_errors(report)]
            if errors:
                return errors[:3]
        wrong = []
        if report["policy_digest"] != json.loads(pathlib.Path(policy).read_text())["digest"]:
            wrong.append("policy_digest is not the policy's")
        for path, file in zip(paths, report["files"]):
            data = stdin if path == "-" else (folder / path).read_bytes()
            wrong += [] if file["path"] == path else [f"path {file['path']} in place of {path}"]
            wrong += [] if file["sha256"] == hashlib.sha256(data).hexdigest() else [f"sha256 of {path}"]
        if [file["path"] for file in report["files"]] != list(paths):
            wrong.append("files are not those of the command line")
        if bool(report["reasons"]) != (report["verdict"] != "clean"):
            wrong.append(f"verdict {report['verdict']} with reasons {report['reasons']}")
        order = [EFFECTS.index(one["effect"]) for one in report["findings"]]
        wrong += [] if order == sorted(order) else ["findings are not in order of effect"]
        if report["verdict"] == "clean" and any(one["effect"] != "listed" for one in report["findings"]):
            wrong.append("clean with a finding that is more than listed")
        if any(one["effect"] == "violated" for one in report["findings"]) != (report["verdict"] == "violated"):
            wrong.append("the verdict is not that of the findings")
        for one in report["findings"]:
            # A datagram that was never whole is told of by its first fragment, whose number nobody kept.
            least = 0 if (one["detail"] or "").startswith("fragments of a datagram") else 1
            wrong += [] if least <= len(one["examples"]) <= min(5, one["packets"]) else [f"{one['rule_id']} has {len(one['examples'])} examples"]
        return wrong


def essence(report):
    """What may not depend on how packets are put into a file."""
    kept = {key: value for key, value in report.items() if key not in ("files", "findings")}
    findings = [{key: value for key, value in one.items() if key != "examples"} for one in report["findings"]]
    return {**kept, "findings": sorted(findings, key=lambda one: json.dumps(one, sort_keys=True))}


def as_split(report):
    """What holds of two files as of one: flows are counted in each, and assumptions count interfaces."""
    kept = {key: value for key, value in essence(report).items() if key not in ("assumptions", "flows", "limits", "visibility")}
    return {**kept, "classes": {name: (count["packets"], count["bytes"]) for name, count in report["classes"].items()}}


def difference(one, other):
    """Members that differ; of lists what only one of them has."""
    out = []
    for key in sorted({*one, *other}):
        left, right = one.get(key), other.get(key)
        if left == right:
            continue
        if isinstance(left, list) and isinstance(right, list):
            left, right = [x for x in left if x not in right], [x for x in right if x not in left]
            if key == "findings" and len(left) == len(right) == 1:
                left, right = [{name: value for name, value in x[0].items() if value != y[0].get(name)} for x, y in ((left, right), (right, left))]
        elif isinstance(left, dict) and isinstance(right, dict):
            left, right = [{name: value for name, value in x.items() if value != y.get(name)} for x, y in ((left, right), (right, left))]
        out.append(f"{key}: {json.dumps(left)[:300]} against {json.dumps(right)[:300]}")
    return "; ".join(out)


def play(run, case, folder):
    """A case of packets, in all its forms."""
    if case.needs and not importlib.util.find_spec(case.needs):
        raise Skip(f"the Python module {case.needs} is not installed")
    policy, frames = run.policies[case.policy], case.frames()
    (folder / "a.cap").write_bytes(case.file())
    code, report, error, wrong = run.report(folder, policy, ["a.cap"], *case.arguments)
    if report is None:
        return [*wrong, f"exit code {code} without a report: {error[:300]}"]
    wrong += case.problems(code, report)
    wrong += [f"problem of a whole file: {one['what']}" for file in report["files"] for one in file["problems"]]
    if report["packets"] != len(frames) or report["bytes"] != sum(one.original for one in frames):
        wrong.append(f"{report['packets']} packets, {report['bytes']} bytes")
    forms = {"two threads": (["a.cap"], ["--threads", "2"])}
    if converted := case.converted():
        (folder / "b.cap").write_bytes(converted)
        forms["pcapng"] = (["b.cap"], [])
    if halves := case.halves():
        for name, half in zip("cd", halves):
            (folder / f"{name}.cap").write_bytes(half)
        forms["two files"] = (["c.cap", "d.cap"], [])
    for form, (paths, more) in forms.items():
        again, other, error, inconsistent = run.report(folder, policy, paths, *case.arguments, *more)
        wrong += [f"{form}: {one}" for one in inconsistent]
        if other is None:
            wrong.append(f"{form}: exit code {again} without a report: {error[:300]}")
        elif form == "two threads" and other != report:
            wrong.append(f"{form}: {difference(report, other)}")
        else:
            before, after = (as_split(report), as_split(other)) if form == "two files" else (essence(report), essence(other))
            if again != code or before != after:
                wrong.append(f"{form}: exit code {again} against {code}; {difference(before, after)}")
    return wrong


def read(run, case, folder):
    """A case of files."""
    for name, data in case.files.items():
        data = data() if callable(data) else data
        if data is None:
            raise Skip("no zstd program")
        (folder / name).write_bytes(data)
    policy = run.policies["base"]
    if callable(case.policy):
        changed = folder / "changed.json"
        changed.write_text(case.policy(policy.read_text()))
        policy = changed
    paths = list(case.files) if case.paths is None else list(case.paths)
    code, report, error, wrong = run.report(folder, policy, paths, *case.arguments, stdin=case.stdin)
    return wrong + case.problems(code, report, error)


def any_order(run, folder):
    """Independent flows in any order: the same findings, in one file and in two."""
    (folder / "a.cap").write_bytes(pcap(mixed.in_order()))
    code, report, error, wrong = run.report(folder, run.policies["base"], ["a.cap"])
    if report is None:
        return [f"exit code {code}: {error[:300]}"]
    for seed in range(8):
        packets = mixed.shuffled(seed)
        (folder / "b.cap").write_bytes(pcapng(packets) if seed % 2 else pcap(packets))
        for name, part in (("c", packets[::2]), ("d", packets[1::2])):  # interleaved, as two rings of one interface
            (folder / f"{name}.cap").write_bytes(pcap(part))
        for paths, more in ((["b.cap"], []), (["b.cap"], ["--threads", "2"]), (["c.cap", "d.cap"], []), (["d.cap", "c.cap"], [])):
            again, other, error, _ = run.report(folder, run.policies["base"], paths, *more)
            before, after = [{key: value for key, value in as_split(one).items() if key != "period"} if one else {} for one in (report, other)]
            for kept in (before, after):
                kept["findings"] = [{key: value for key, value in found.items() if key not in ("first_seen", "last_seen")}
                                    for found in kept.get("findings", ())]
            if again != code or before != after:
                wrong.append(f"seed {seed}, {' '.join(paths + more)}: {difference(before, after) if other else error[:300]}")
    return wrong


def written_findings(run, folder):
    """--write-findings: the offending packets and no others, in order, each with the rule in a comment."""
    packets = mixed.shuffled(1)
    (folder / "a.cap").write_bytes(pcapng(packets, (("eth0", 1),)))
    code, out, error = run.replay(folder, run.policies["base"], ["a.cap"], "--write-findings", "out.pcapng")
    if code != 1 or not (folder / "out.pcapng").exists():
        return [f"exit code {code}: {error[:300]}"]
    rules = {data: rule for flow, rule in mixed.FLOWS for data in flow}
    found = read_pcapng((folder / "out.pcapng").read_bytes())
    unsaid = set(mixed.UNSAID)
    wanted = [one.data for one in packets if rules.get(one.data)]
    given = [data for data, _, _ in found if data not in unsaid]
    wrong = [] if given == wanted else [f"{len(given)} packets in place of {len(wanted)}, or in another order"]
    wrong += [] if any(data in unsaid for data, _, _ in found) else ["no packet of the connection with the outside name"]
    for data, comments, interface in found:
        rule = rules.get(data) or "AT-A024"
        wrong += [] if any(rule in one for one in comments) else [f"comments {comments} without {rule}"]
        wrong += [] if interface == "eth0" else [f"interface “{interface}”"]
    from scapy.utils import rdpcap
    wrong += [] if len(rdpcap(str(folder / "out.pcapng"))) == len(found) else ["scapy reads another number of packets"]
    if shutil.which("tshark"):
        shown = subprocess.run(["tshark", "-r", "out.pcapng", "-T", "fields", "-e", "frame.comment"], cwd=folder, capture_output=True, text=True)
        wrong += [] if len([one for one in shown.stdout.splitlines() if "AT-A" in one]) == len(found) else ["tshark shows other comments"]
    code, out, error = run.replay(folder, run.policies["base"], ["a.cap"], "--write-findings", "nowhere/out.pcapng")
    wrong += [] if code == 4 and "nowhere" in error else [f"a folder that is not there: exit code {code}: {error[:200]}"]
    return wrong


def no_findings_written(run, folder):
    """A clean capture gives a file without packets, or none."""
    (folder / "a.cap").write_bytes(pcap(containers.CLEAN_PACKETS))
    code, out, error = run.replay(folder, run.policies["base"], ["a.cap"], "--write-findings", "out.pcapng")
    left = read_pcapng((folder / "out.pcapng").read_bytes()) if (folder / "out.pcapng").exists() else []
    return ([] if code == 0 else [f"exit code {code}: {error[:300]}"]) + ([f"{len(left)} packets"] if left else [])


def text(run, folder):
    """The report for people: its first line answers, and what was looked at is there."""
    digest = json.loads(run.policies["base"].read_text())["digest"]
    wrong = []
    for name, packets, code, first in (("clean", containers.CLEAN_PACKETS, 0, r"clean\b(?! with)"), ("leak", containers.LEAKING, 1, "violated: "),
                                       ("excepted", [Packet(plain.ether(plain.tcp(world.POD, world.POD_EXCEPTION, 443)), world.NOW)], 0,
                                        "clean with 1 exception"), ("cut", None, 3, "inconclusive: ")):
        data = pcap(packets) if packets else pcap(containers.CLEAN_PACKETS)[:-1]
        (folder / f"{name}.cap").write_bytes(data)
        got, out, error = run.replay(folder, run.policies["base"], [f"{name}.cap"], form="text")
        wrong += [] if got == code else [f"{name}: exit code {got}: {error[:200]}"]
        wrong += [] if re.match(first, out) else [f"{name}: first line “{out.splitlines()[0] if out else ''}”"]
        wanted = [digest, hashlib.sha256(data).hexdigest(), f"{name}.cap", "2026-11-20T12:00:00"]
        wanted += ["AT-A001", world.OUT] if name == "leak" else []
        wrong += [f"{name}: lacks {one}" for one in wanted if one not in out]
        wrong += [f"{name}: colour without a terminal"] if "\x1b" in out + error else []
        wrong += [f"{name}: a line is no text"] if "�" in out else []
    return wrong


def hostile_names(run, folder):
    """Names and paths from packets reach no terminal as they are, and JSON stays JSON."""
    wild = b"\x0ba\x1b[31mb\x07\nc\xff\x22"
    question = containers.struct.pack(">HHHHHH", 1, 0x100, 1, 0, 0, 0) + wild + b"\x07example\x03org\0\0\x01\0\x01"
    wild_label = bytes([len(wild) - 1]) + wild[1:]
    question = question.replace(wild, wild_label)
    (folder / "a.cap").write_bytes(pcap([Packet(dns.ask(question), world.NOW)]))
    code, out, error = run.replay(folder, run.policies["base"], ["a.cap"], form="text")
    wrong = [] if code in (0, 3) else [f"exit code {code}: {error[:200]}"]
    wrong += ["text has a control character"] if re.search(r"[\x00-\x09\x0b-\x1f\x7f]", out) else []
    code, report, error, inconsistent = run.report(folder, run.policies["base"], ["a.cap"])
    return wrong + inconsistent + ([] if report else [f"no report: {error[:200]}"])


def shipped(run, folder):
    """The capture that the quickstart plays is what its script makes, and its one leak is found in it."""
    root = pathlib.Path(__file__).resolve().parent.parent
    data = (root / "packaging/sample.pcapng").read_bytes()
    wrong = [] if data == sample.capture() else ["packaging/sample.pcapng is not what tests/captures/sample.py makes"]
    policy = run.compile("sample", (root / "policies/xpander-airgapped.yaml").read_text())
    (folder / "sample.pcapng").write_bytes(data)
    code, report, error, inconsistent = run.report(folder, policy, ["sample.pcapng"])
    if report is None:
        return wrong + [f"exit code {code}: {error[:200]}"]
    found = [(one["rule_id"], one["source"], one["destination"], one["port"], one["name"]) for one in report["findings"]]
    wanted = [("AT-A001", sample.NODE, sample.OUTSIDE, 443, None), ("AT-A021", sample.DNS_POD, sample.RESOLVER, 53, sample.LEAK)]
    sights = [(one["source"], one["interface"], one["guessed"]) for one in report["findings"][0]["pod_side"]]
    return wrong + inconsistent + ([] if (code, found, sights) == (1, wanted, [(sample.WORKER, "cali7f2a", False)]) else [f"{code} {found} {sights}"])


STORIES = {"shipped capture": shipped, "property any order of independent flows": any_order, "output --write-findings": written_findings,
           "output --write-findings of a clean file": no_findings_written, "output text": text, "output hostile names": hostile_names, **review.STORIES}


def write(folder):
    """Every capture, to be looked at."""
    folder = pathlib.Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    for case in (case for section in SECTIONS for case in section.CASES):
        if not case.needs or importlib.util.find_spec(case.needs):
            (folder / (re.sub(r"[^A-Za-z0-9]+", "-", case.name) + ".cap")).write_bytes(case.file())
    return 0


def main():
    arguments = sys.argv[1:]
    if arguments[:1] == ["--write"]:
        return write(arguments[1])
    auditor, only = os.path.abspath(arguments[0]), arguments[2] if arguments[1:2] == ["--only"] else ""
    works = [(case.name, lambda run, folder, case=case: play(run, case, folder)) for section in SECTIONS for case in section.CASES]
    works += [(case.name, lambda run, folder, case=case: read(run, case, folder)) for case in containers.CASES] + list(STORIES.items())
    names = [name for name, _ in works]
    if twice := {name for name in names if names.count(name) > 1}:
        print(f"FAIL names given twice: {sorted(twice)}")
        return 1
    if jsonschema is None:
        print("SKIPPED schema the Python module jsonschema is not installed")
    passed = failed = skipped = 0
    with tempfile.TemporaryDirectory() as top, concurrent.futures.ThreadPoolExecutor(2) as pool:
        run = Run(auditor, top)

        def one(work):
            with tempfile.TemporaryDirectory(dir=top) as folder:
                try:
                    return work[1](run, pathlib.Path(folder))
                except OSError as problem:
                    return [str(problem)]
                except subprocess.TimeoutExpired:
                    return ["did not end within a minute"]
                except Skip as why:
                    return why

        works = [work for work in works if only in work[0]]
        for (name, _), wrong in zip(works, pool.map(one, works)):
            if isinstance(wrong, Skip):
                skipped += 1
                print(f"SKIPPED {name} {wrong}")
            elif wrong:
                failed += 1
                print(f"FAIL {name} {' | '.join(wrong)}")
            else:
                passed += 1
                print(f"ok {name}")
    print(f"{passed} passed, {failed} failed, {skipped} skipped")
    return 1 if failed or not passed else 0


if __name__ == "__main__":
    sys.exit(main())
