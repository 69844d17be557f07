#!/usr/bin/env python3
"""Mutation test of the proof: mutations.py AIRTIGHT ROOT [--count N] [--mutations M] [--seed S] [--layer LAYER]…
       [--keep DIR] [--blind] [--verbose]

Random specs are compiled to every target that exists and must verify as proven, layer by layer. Then one artifact is
changed in one place, many times over: `airtight verify` must say so (any exit but 0, or the layer's own verdict), or a slow
reading of the two versions in Python, which shares nothing with the program, must find no packet and no name that they
treat differently.

What is different and not found must be of a kind that the layer never claims (NOT_CLAIMED); everything else is a missed
hole, and the test fails. --blind leaves mutants to that reading alone, to see what it can tell. AIRTIGHT_LONG=1: 400 specs
with 20 mutations each.
"""

import argparse
import collections
import concurrent.futures
import json
import os
import pathlib
import random
import shutil
import subprocess
import sys
import tempfile

import yaml

sys.dont_write_bytecode = True
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent / "mutations"))
import dns_zones  # noqa: E402
import network_policy  # noqa: E402
import nftables  # noqa: E402
from random_spec import Spec, Truth  # noqa: E402

# layer: (the oracle with its MUTATIONS, files that may be mutated)
LAYERS = {
    "kubernetes": (network_policy, ["networkpolicy/*.yaml"]),
    "firewall": (nftables, ["nftables/airtight.nft", "nftables/airtight-egress.nft"]),
    "dns": (dns_zones, ["bind/named.conf", "rpz/names-bind.zone", "rpz/answers-bind.zone", "rpz/sealed-root.zone"]),
}
# The layer's scope (DESIGN §4) leaves these out; keyed by what an oracle returns as "reason".
NOT_CLAIMED = {
    # firewall
    "toward inside": "the firewall knows no identities, so it has no exactness: more may go to an inside address",
    "no flow needs it": "complete asks for declared flows; something else that passed before is now dropped",
    "replies": "complete asks for a flow's first packet, so it does not see that replies are dropped (nothing opens)",
    "link messages": "neighbour discovery, ARP, DHCP, multicast and declared EtherTypes are no flows of the spec",
    "source route": "a source route or routing header that is not dropped is an assumption, printed with the verdict",
    "raw senders": "no egress chain is left, so none is credited: raw senders are an assumption, printed",
    "stays on the node": "a router's or server's message from a pod to its node does not leave",
    # dns
    "inside name": "dns has no exactness: which inside server is asked for an inside name, or one of several left out",
    # kubernetes
    "layer absent": "no policy is left: a layer that `targets` names and the input lacks is an assumption, printed",
}
TRIES = 40  # rows drawn until one applies to the file


def run(airtight, *arguments):
    return subprocess.run([airtight, *map(str, arguments)], capture_output=True, text=True, timeout=120)


def verify(airtight, spec, out):
    done = run(airtight, "verify", "--spec", spec, "--at", "2026-11-25", "--format", "json", out)
    report = (
        json.loads(done.stdout)
        if done.returncode in (0, 1, 3)
        else {"layers": [], "verdict": done.stderr.strip()[:300]}
    )
    return done.returncode, report


def unproven(code, report, layers):
    """What keeps an unmutated output from being proven, in words."""
    lacks = [] if code == 0 or set(layers) != set(LAYERS) else [f"exit {code}"]
    seen = {layer["layer"]: layer for layer in report["layers"]}
    for name in layers:
        layer = seen.get(name, {})
        wanted = (
            ("verdict", "sealed", "complete", "exact") if name == "kubernetes" else ("verdict", "sealed", "complete")
        )
        lacks += [f"{name} {key} is {layer.get(key)}" for key in wanted if layer.get(key) != "proven"]
    return lacks


def texts_of(out, patterns):
    return {path: path.read_text() for pattern in patterns for path in sorted(out.glob(pattern))}


def mutate(rng, layer, originals, truth):
    """(kind, path, new text, what was done), or None."""
    oracle, _ = LAYERS[layer]
    for _ in range(TRIES):
        path = rng.choice(sorted(originals))
        kind = rng.choice(sorted(oracle.MUTATIONS))
        changed = oracle.MUTATIONS[kind](rng, originals[path], truth)
        if changed and changed[0] != originals[path]:
            return kind, path, changed[0], changed[1]
    return None


def judge(layer, originals, path, text, truth):
    """What a survivor is: (class, reason, explanation)."""
    oracle, _ = LAYERS[layer]
    try:
        found = oracle.difference(
            list(originals.values()), [text if p == path else t for p, t in originals.items()], truth
        )
    except (KeyError, ValueError, IndexError, StopIteration) as error:
        return "missed", "", f"what the oracle cannot read should not be proven either: {error!r}"
    if not found:
        return "without effect", "", "the oracle sees no difference"
    reason = found.get("reason") or ""
    return "not claimed" if reason in NOT_CLAIMED else "missed", reason, found["text"]


def outcome(code, report, layers, layer):
    """(class, "", what was said) of a mutation that the program noticed; None of a survivor."""
    if code == 0 or set(layers) == set(LAYERS):
        said = next(
            (entry for entry in report["layers"] if entry["layer"] == layer), {"findings": [], "verdict": "proven"}
        )
        if code != 0:
            return "found", "", f"exit {code}, {layer} {said['verdict']}"
        # The together rule (DESIGN §4): one layer's doubt is listed where others hold the outside.
        return (
            ("listed", "", f"exit 0, {layer} {said['verdict']}")
            if said["verdict"] != "proven" or said["findings"]
            else None
        )
    return ("found", "", f"exit {code}") if code not in (0, 3) or unproven(code, report, layers) else None


def one_spec(airtight, seed, mutations, layers, keep, blind, work):
    """Rows (layer, kind, class, reason, text); class is "refused" or "unproven" where nothing was mutated."""
    rng = random.Random(seed)
    spec, out = work / f"{seed}.yaml", work / str(seed)
    document = Spec(rng).document
    spec.write_text(yaml.safe_dump(document, sort_keys=False))
    done = run(airtight, "compile", spec, "-o", out, "--at", "2026-11-25")
    if done.returncode != 0:
        return [("", "", "refused", "", f"spec {seed}: {done.stderr.splitlines()[0]}")]
    truth = Truth(document)
    code, report = verify(airtight, spec, out)
    baseline = unproven(code, report, layers)
    rows = []
    if baseline:
        rows.append(("", "", "unproven", "", f"spec {seed}: {', '.join(baseline)}"))
        if keep:
            shutil.copy(spec, keep)
        return rows
    for number in range(mutations):
        layer = layers[number % len(layers)]
        originals = texts_of(out, LAYERS[layer][1])
        mutant = mutate(rng, layer, originals, truth)
        if not mutant:
            continue
        kind, path, text, said = mutant
        path.write_text(text)
        code, report = verify(airtight, spec, out)
        where = f"spec {seed}, {path.relative_to(out)}: {said}"
        what, reason, why = (None if blind else outcome(code, report, layers, layer)) or judge(
            layer, originals, path, text, truth
        )
        rows.append((layer, kind, what, reason, f"{where}; {why}"))
        if what == "missed" and keep:
            shutil.copytree(out, keep / f"{seed}-{number}", dirs_exist_ok=True)
            shutil.copy(spec, keep / f"{seed}-{number}.yaml")
        path.write_text(originals[path])
    shutil.rmtree(out)
    return rows


def print_table(rows):
    classes = ("found", "listed", "without effect", "not claimed", "missed")
    counts = collections.Counter((layer, kind, what) for layer, kind, what, _, _ in rows if what in classes)
    print(f"{'mutation':44} tried  found  listed  without effect  not claimed  missed")
    kinds = sorted({key[:2] for key in counts})
    for layer, kind in [*kinds, ("", "all")]:
        row = [
            sum(n for key, n in counts.items() if (not layer or key[:2] == (layer, kind)) and key[2] == what)
            for what in classes
        ]
        print(f"{layer + ' ' * bool(layer) + kind:44}{sum(row):6}{row[0]:7}{row[1]:8}{row[2]:16}{row[3]:13}{row[4]:8}")
    return row


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("airtight")
    parser.add_argument("root", type=pathlib.Path)
    long = os.environ.get("AIRTIGHT_LONG") == "1"
    parser.add_argument("--count", type=int, default=400 if long else 20)
    parser.add_argument("--mutations", type=int, default=20 if long else 9)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--layer", action="append", choices=LAYERS)
    parser.add_argument("--keep", type=pathlib.Path)
    parser.add_argument("--verbose", action="store_true")
    parser.add_argument(
        "--blind", action="store_true", help="do not ask the program about mutants: what the oracle alone makes of them"
    )
    options = parser.parse_args()
    layers = options.layer or list(LAYERS)
    if options.keep:
        options.keep.mkdir(parents=True, exist_ok=True)
    airtight = str(pathlib.Path(options.airtight).resolve())
    with tempfile.TemporaryDirectory() as work, concurrent.futures.ProcessPoolExecutor(2) as pool:
        seeds = range(options.seed * 100000, options.seed * 100000 + options.count)
        jobs = [
            pool.submit(
                one_spec, airtight, seed, options.mutations, layers, options.keep, options.blind, pathlib.Path(work)
            )
            for seed in seeds
        ]
        rows = [row for job in jobs for row in job.result()]

    found, listed, without_effect, not_claimed, missed = print_table(rows)
    tried = found + listed + without_effect + not_claimed + missed
    scored = found + listed + missed
    for what in ("refused", "unproven", "missed"):
        for _, kind, outcome, _, text in rows:
            if outcome == what:
                print(f"{what.upper()} {kind}{': ' * bool(kind)}{text}")
    if options.verbose:
        for layer, kind, outcome, reason, text in rows:
            print(f"  {outcome}{' ' * bool(reason)}{reason}: {layer} {kind}: {text}")
    reasons = collections.Counter(reason for _, _, outcome, reason, _ in rows if outcome == "not claimed")
    for reason, number in reasons.most_common():
        print(f"not claimed, {number}: {reason}: {NOT_CLAIMED[reason]}")
    refused = sum(outcome == "refused" for _, _, outcome, _, _ in rows)
    bad = sum(outcome == "unproven" for _, _, outcome, _, _ in rows)
    print(
        f"{options.count} specs, {refused} refused by compile, {bad} not proven; {tried} mutations, seed {options.seed}"
    )
    noticed = found + listed
    print(
        f"mutation score: {noticed}/{scored}"
        + (f" = {100 * noticed / scored:.1f} %" if scored else "")
        + f" ({listed} of them listed as a layer's doubt, exit 0)" * bool(listed)
    )
    ok = not bad and not missed and scored and refused * 5 < options.count
    print("ok mutations" if ok else "FAIL mutations a hole was missed, a spec was not proven, or nothing was tried")
    return 0 if ok else 1


if __name__ == "__main__":
    sys.exit(main())
