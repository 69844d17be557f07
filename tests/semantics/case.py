"""One case: artifacts, arguments, and what the right answer says. Cases are data; `run` says how an answer differs."""
import dataclasses
import ipaddress
import json
import pathlib
import subprocess
import tempfile

AT = "2026-11-25"
OPEN = (1, 2, 3)  # "open": anything but proven


@dataclasses.dataclass
class Case:
    name: str
    files: object  # {name: text or bytes}, a name with a slash makes the folder; or a function of the program that gives it
    arguments: tuple = ()
    command: str = "verify"
    paths: tuple = None  # of the files, what is named on the command line; None: all but isolation.yaml
    stdin: object = None
    code: object = None  # an exit code, or several of which one
    verdict: object = None
    layers: dict = dataclasses.field(default_factory=dict)
    finds: tuple = ()  # each a dict; one finding must have all of it
    lacks: tuple = ()  # each a dict; no finding may have all of it
    assumes: tuple = ()
    assumes_not: tuple = ()
    relays: tuple = ()  # each a list of fragments, in the order of a path
    unsupported: tuple = ()  # fragments
    connections: object = None  # of `connections`: the whole list as "source > destination proto first-last"
    text: tuple = ()  # fragments of standard output or error
    text_not: tuple = ()
    json: bool = True
    also: object = None  # a function of (code, output, error) that gives what else is wrong

    def answer(self, airtight):
        """What is wrong, nothing if the answer is right, and the whole answer."""
        case = dataclasses.replace(self, files=self.files(airtight)) if callable(self.files) else self
        code, out, err = invoke(airtight, case)
        return differences(case, code, out, err), out + err


def findings(report):
    """Every finding with the layer in which it stands."""
    for layer in report.get("layers", []):
        for finding in layer["findings"]:
            yield {**finding, "layer": layer["layer"]}
    for finding in report.get("findings", []):
        yield {**finding, "layer": None}


def line_with(files, place):
    """("p.yaml", "to: []") or "p.yaml:to: []": the file and the lines in which the text stands."""
    name, _, text = place.partition(":")
    return name, {number for number, line in enumerate(files[name].split("\n"), 1) if text in line}


def points_at(because, files, place):
    if place == "absent":
        return any(one.get("absent") for one in because)
    name, lines = line_with(files, place)
    assert lines, f"no such line: {place}"
    return any(one.get("file", "").endswith(name) and one.get("line") in lines for one in because)


def matches(finding, wanted, files):
    packet = finding.get("counterexample") or {}
    for key, value in wanted.items():
        if key == "because":
            holds = points_at(finding["because"], files, value)
        elif key == "dst_in":
            dst = packet.get("dst") or finding.get("destination")
            try:
                holds = ipaddress.ip_address(dst) in ipaddress.ip_network(value)
            except ValueError:
                holds = False
        elif key == "dport":
            holds = packet.get("dport") == value
        elif key == "state":
            holds = packet.get("state") == value
        elif key in ("message", "workload", "extent", "object"):
            text = " ".join(one.get("object", "")
                            for one in finding["because"]) if key == "object" else finding.get(key)
            holds = value in (text or "")
        else:
            holds = finding.get(key) == value
        if not holds:
            return False
    return True


def connection_lines(report):
    """As words; the address families' whole ranges are "v4" and "v6"."""
    short = {"0.0.0.0-255.255.255.255": "v4", "::-ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff": "v6"}
    lines = set()
    for one in report["connections"]:
        for protocol in one["protocols"]:
            ports = ",".join(f"{a}-{b}" if a != b else f"{a}" for a, b in protocol["ports"])
            destination = short.get(one["destination"], one["destination"])
            source = short.get(one["source"], one["source"])
            lines.add(f"{source} > {destination} {protocol['protocol']} {ports}")
    return lines


def invoke(airtight, case):
    with tempfile.TemporaryDirectory() as folder:
        for name, text in case.files.items():
            path = pathlib.Path(folder, name)
            path.parent.mkdir(parents=True, exist_ok=True)
            if name.endswith("/"):
                path.mkdir()
                continue
            path.write_bytes(text if isinstance(text, bytes) else text.encode())
        paths = case.paths
        if paths is None:
            paths = tuple(name for name in case.files if name != "isolation.yaml")
        form = ("--format", "json") if case.json else ()
        arguments = [*form, *case.arguments]
        if "--spec" in arguments:
            arguments += ["--at", AT]
        stdin = case.stdin.encode() if isinstance(case.stdin, str) else case.stdin or b""
        run = subprocess.run([airtight, case.command, *arguments, *paths],
                             cwd=folder,
                             input=stdin,
                             capture_output=True,
                             timeout=60,
                             check=False)
        return run.returncode, run.stdout.decode("utf-8", "replace"), run.stderr.decode("utf-8", "replace")


def differences(case, code, out, err):
    """What of the answer is not as the case wants it, in words."""
    wrong = []
    codes = case.code if isinstance(case.code, tuple) else (case.code, )
    if case.code is not None and code not in codes:
        wrong.append(f"exit {code}, not {case.code}")
    if code not in (0, 1, 2, 3, 4):
        wrong.append(f"exit {code}")
    for fragment in case.text:
        if fragment not in out + err:
            wrong.append(f"output lacks '{fragment}'")
    for fragment in case.text_not:
        if fragment in out + err:
            wrong.append(f"output has '{fragment}'")
    wrong += case.also(code, out, err) if case.also else []
    asks_more = (case.verdict or case.layers or case.finds or case.lacks or case.assumes or case.assumes_not
                 or case.relays or case.unsupported or case.connections is not None)
    if not asks_more:
        return wrong
    try:
        report = json.loads(out)
    except ValueError:
        return wrong + ["no JSON on standard output"]
    verdicts = case.verdict if isinstance(case.verdict, tuple) else (case.verdict, )
    if case.verdict and report.get("verdict") not in verdicts:
        wrong.append(f"verdict {report.get('verdict')}, not {case.verdict}")
    for layer, verdict in case.layers.items():
        got = next((one["verdict"] for one in report.get("layers", []) if one["layer"] == layer), None)
        if got not in (verdict if isinstance(verdict, tuple) else (verdict, )):
            wrong.append(f"layer {layer} {got}, not {verdict}")
    found = list(findings(report))
    wrong += [f"no finding {one}" for one in case.finds if not any(matches(f, one, case.files) for f in found)]
    wrong += [f"a finding {one}" for one in case.lacks if any(matches(f, one, case.files) for f in found)]
    assumptions = report.get("assumptions", [])
    wrong += [f"no assumption '{one}'" for one in case.assumes if not any(one in line for line in assumptions)]
    wrong += [f"an assumption '{one}'" for one in case.assumes_not if any(one in line for line in assumptions)]
    for path in case.relays:
        if not any(in_order(path, relay["path"]) for relay in report.get("relays", [])):
            wrong.append(f"no relay {path}")
    unsupported = json.dumps(report.get("unsupported", []))
    wrong += [f"not named as not understood: '{one}'" for one in case.unsupported if one not in unsupported]
    if case.connections is not None and connection_lines(report) != set(case.connections):
        got = connection_lines(report)
        wrong.append(
            f"connections: lacks {sorted(set(case.connections) - got)}, has {sorted(got - set(case.connections))}")
    return wrong


def in_order(fragments, path):
    hops = iter(path)
    return all(any(fragment in hop for hop in hops) for fragment in fragments)


def digest(answer):
    """The answer in a few lines, for people who look for the reason of a failure."""
    try:
        report = json.loads(answer)
    except ValueError:
        return answer
    lines = [f"verdict {report.get('verdict')}"
             ] + [f"layer {one['layer']} {one['verdict']}" for one in report.get("layers", [])]
    for one in findings(report):
        because = ", ".join(b.get("absent") or f"{b['file']}:{b['line']} {b['object']}" for b in one["because"])
        lines.append(
            f"{one['layer']} {one['rule_id']} {one['property']} {one['effect']} {one['workload']} {one['destination']} "
            f"{one['protocol']} {one['port']} {one['message'][:160]} <- {because}")
    lines += [f"assumption {one}" for one in report.get("assumptions", [])]
    lines += [f"{key} {one}" for key in ("connections", "relays", "unsupported") for one in report.get(key, [])]
    return "\n".join(lines)
