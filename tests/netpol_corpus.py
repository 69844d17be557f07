#!/usr/bin/env python3
"""Other people's network-policy cases against `airtight connections`: netpol_corpus.py AIRTIGHT CORPUS

CORPUS holds cases of three suites with their answers (CASES.md there says how to read them). Where we differ the
difference must stand in EXPLAINED below with its reason, and a reason that no longer applies is a failure too.
"""
import ipaddress
import json
import pathlib
import re
import subprocess
import sys
import tempfile

import yaml

ALL = ((1, 65535),)
PROTOCOLS = ("TCP", "UDP", "SCTP")
END = 2**32  # the labels know IPv4 only: our IPv6 blocks are not compared

# Case -> why our answer is another. Each of these was looked at by hand.
EXPLAINED = {
    "anp_and_banp_using_networks_and_nodes_test": "we read `nodes` peers, the label ignores them",
    "anp_and_banp_using_networks_test": "`networks` matches pods by address too, as the conformance suite demands, and theirs are not known",
    "anp_and_banp_using_networks_with_ipv6_test": "as anp_and_banp_using_networks_test",
    "multiple_topology_resources_2": "hostNetwork pods: the label holds them by policies, which no cluster does",
    "virtual_machines_example": "VirtualMachine is a kind that we do not understand: we say inconclusive",
    "anp_test_3_pass_traffic": "a `pods` subject or peer without namespaceSelector: the CRD refuses the object, we judge it absent",
    "anp_test_9": "as anp_test_3_pass_traffic",
    "anp_test_10": "as anp_test_3_pass_traffic",
    "anp_test_10_swapping_rules": "as anp_test_3_pass_traffic",
    "udn_test_3": "a primary user-defined network: we say inconclusive",
    "cudn_test_5": "a primary user-defined network: we say inconclusive",
    "nad_test_15": "secondary networks: we say inconclusive",
    "example_pods_w_same_owner_and_labels_gap_with_good_match_expression":
        "the policy's name has underscores: the API server refuses it, we judge it absent",
}


def ports_text(ports):
    return ",".join(f"{a}-{b}" if a != b else str(a) for a, b in ports)


def union(intervals):
    merged = []
    for first, last in sorted(intervals):
        if merged and first <= merged[-1][1] + 1:
            merged[-1][1] = max(merged[-1][1], last)
        else:
            merged.append([first, last])
    return tuple((a, b) for a, b in merged)


def block(text):
    """The IPv4 interval of `first-last`, half open; None for a workload, () for IPv6."""
    match = re.fullmatch(r"([0-9a-fA-F.:]+)-([0-9a-fA-F.:]+)(\[External\])?", text)
    if not match:
        return None
    first, last = ipaddress.ip_address(match[1]), ipaddress.ip_address(match[2])
    return (int(first), int(last) + 1) if first.version == 4 else ()


class Table:
    """(who, whom, protocol) -> list of (address interval or None, ports)."""

    def __init__(self):
        self.rows = {}

    def add(self, source, destination, protocol, ports):
        a, b = block(source), block(destination)
        if a == () or b == ():
            return
        key = ("*" if a else source, "*" if b else destination, protocol)
        self.rows.setdefault(key, []).append((a or b or (0, END), ports))

    def flat(self):
        """Canonical: per key the ports of each elementary address interval, neighbours with equal ports joined."""
        result = {}
        for key, rows in self.rows.items():
            cuts = sorted({cut for interval, _ in rows for cut in interval})
            joined = []
            for first, last in zip(cuts, cuts[1:]):
                ports = union([p for (a, b), some in rows if a <= first and last <= b for p in some])
                if not ports:
                    continue
                if joined and joined[-1][1] == first and joined[-1][2] == ports:
                    joined[-1][1] = last
                else:
                    joined.append([first, last, ports])
            result[key] = tuple(tuple(row) for row in joined)
        return result


def read_label(path):
    table = Table()
    for line in path.read_text().splitlines():
        if line.startswith("Exposure Analysis Result:"):
            break
        match = re.fullmatch(r"(\S+) => (\S+) : (.*)", line.strip())
        if not match or "{ingress-controller}" in line:
            continue
        source, destination, what = match.groups()
        if what == "All Connections":
            for protocol in PROTOCOLS:
                table.add(source, destination, protocol, ALL)
            continue
        for part in re.split(r",(?=[A-Z])", what):
            protocol, _, ports = part.partition(" ")
            intervals = [tuple(int(n) for n in (p.split("-") * 2)[:2]) for p in ports.split(",")] if ports else list(ALL)
            table.add(source, destination, protocol, intervals)
    return table.flat()


def read_ours(airtight, paths):
    run = subprocess.run([airtight, "connections", "--format", "json", *paths], capture_output=True, text=True, timeout=120)
    if run.returncode not in (0, 3):
        return None, run.returncode, run.stderr
    table = Table()
    for one in json.loads(run.stdout)["connections"]:
        if not one.get("certain", True):
            continue
        for entry in one["protocols"]:
            table.add(one["source"], one["destination"], entry["protocol"].upper(), [tuple(p) for p in entry["ports"]] or list(ALL))
    return table.flat(), run.returncode, run.stderr


def difference(label, ours):
    lines = []
    for key in sorted(set(label) | set(ours)):
        if label.get(key) != ours.get(key):
            show = lambda rows: "; ".join(f"{ipaddress.ip_address(a)}-{ipaddress.ip_address(b - 1)} {ports_text(p)}" for a, b, p in rows or ()) or "nothing"
            lines.append(f"  {key[0]} => {key[1]} {key[2]}: label {show(label.get(key))}, ours {show(ours.get(key))}")
    return lines


def analyzer(airtight, corpus):
    passed, failed, explained = 0, 0, set()
    for case in sorted((corpus / "netpol-analyzer").iterdir()):
        manifests = case / "manifests"
        expected = next(iter(sorted(case.glob("expected_*.txt"))), None)
        if not manifests.is_dir():
            continue
        ours, code, errors = read_ours(airtight, [str(manifests)])
        if expected is None:  # the suite refuses the input, or has no answer: ours must not crash
            passed, failed = (passed + 1, failed) if code in (0, 2, 3) else (passed, failed + 1)
            continue
        lines = difference(read_label(expected), ours) if ours is not None else [f"  exit {code}: {errors}"]
        if lines and case.name in EXPLAINED:
            explained.add(case.name)
        elif lines:
            failed += 1
            print(f"FAIL {case.name}: {len(lines)} differences, unexplained\n" + "\n".join(lines[:12]))
        else:
            passed += 1
    for name in sorted(set(EXPLAINED) - explained):
        failed += 1
        print(f"FAIL {name}: explained, but there is no difference any more (or no such case)")
    return passed, failed, len(explained)


def swapped(text, direction, first, second):
    documents = list(yaml.safe_load_all(text))
    for document in documents:
        rules = document["spec"][direction]
        rules[first], rules[second] = rules[second], rules[first]
    return yaml.safe_dump_all(documents)


def conformance(airtight, corpus):
    """Measured truth: what probes of conforming clusters demand."""
    folder = corpus / "network-policy-api"
    passed = failed = 0
    cache = {}
    for line in (folder / "expected.tsv").read_text().splitlines():
        if not line or line.startswith(("#", "policy\t")):
            continue
        policy, variant, client, server, protocol, port, verdict = line.split("\t")[:7]
        if (policy, variant) not in cache:
            text = (folder / policy).read_text()
            for step in filter(None, variant.split("; ")):
                match = re.fullmatch(r"swap (\w+) (\d) and (\d)", step)
                if match:
                    text = swapped(text, match[1], int(match[2]), int(match[3]))
            with tempfile.TemporaryDirectory() as name:
                path = pathlib.Path(name, policy)
                path.write_text(text)
                cache[policy, variant] = read_ours(airtight, [str(folder / "base.yaml"), str(path)])
        ours, code, errors = cache[policy, variant]
        if ours is None:
            failed += 1
            print(f"FAIL {policy} {variant}: exit {code}: {errors}")
            continue
        workload = lambda pod: re.sub(r"^([^/]+)/(.*)-\d+$", r"network-policy-conformance-\1/\2[StatefulSet]", pod)
        rows = ours.get((workload(client), workload(server), protocol.upper()), ())
        allowed = any(a <= int(port) <= b for _, _, ports in rows for a, b in ports)
        if allowed == (verdict.lower() in ("allow", "allowed", "connected", "true", "accept")):
            passed += 1
        else:
            failed += 1
            print(f"FAIL {policy} [{variant}] {client} => {server} {protocol} {port}: suite {verdict}, ours {'allow' if allowed else 'deny'}")
    return passed, failed


def main():
    airtight, corpus = sys.argv[1], pathlib.Path(sys.argv[2])
    if not corpus.is_dir():
        print("SKIPPED: the corpus of network-policy cases is not beside this checkout")
        return 77
    passed, failed, explained = analyzer(airtight, corpus)
    more, worse = conformance(airtight, corpus)
    for path in sorted((corpus / "cyclonus").glob("*.yaml")):
        _, code, errors = read_ours(airtight, [str(path)])
        more, worse = (more + 1, worse) if code in (0, 3) else (more, worse + 1)
        if code not in (0, 3):
            print(f"FAIL cyclonus {path.name}: exit {code}: {errors}")
    print(f"{passed + more} passed, {failed + worse} failed, {explained} differ for a reason that is given")
    return 1 if failed + worse else 0


if __name__ == "__main__":
    sys.exit(main())
