#!/usr/bin/env python3
"""What the verifier reads out of rules against what the kernel does with them: verify_lab.py AIRTIGHT

Every ruleset is loaded into a network namespace; packets are sent to it at the boundary of every interval that it names (first,
last, the one before and the one behind), and what arrives is compared with `airtight explain` of the text, and of the kernel's
own listing of it (`nft -j list ruleset`, iptables-save). `explain` knows new connections of TCP, UDP and SCTP only: for the rest
(echo requests, packets of established connections) `airtight verify` is asked whether an address can be reached at all.

Prints one line a ruleset; 1 if one failed, 77 where it cannot run. AIRTIGHT_LONG=N: N times the random rulesets.
"""
import concurrent.futures
import dataclasses
import ipaddress
import itertools
import json
import os
import random
import re
import shutil
import subprocess
import sys
import tempfile

import kernel_random_rulesets
import kernel_rulesets
import kernel_world
from kernel_world import NODE, POD, Packet

# Why answers of explain or verify are wrong today: (ruleset and reading, answers, reason), the first two as patterns.
# Where nothing matches any more, the ruleset fails until the line is taken out.
KNOWN_WRONG = []
MOST_QUESTIONS = 60
ESTABLISHED_SPORT = 50000
LEGACY = " (legacy)"
IP4 = r"\d+\.\d+\.\d+\.\d+"
IP6 = r"(?<![\w:])(?:[0-9a-f]{0,4}:){2,7}[0-9a-f]{0,4}"
TOKEN = re.compile(
    rf"(?P<address>(?:{IP4}|{IP6})(?:/\d+|-(?:{IP4}|{IP6}))?)(?![\w:.])"
    r"|(?P<side>\b[sd]addr\b|--(?:src|dst)-range|(?<!\S)-[sd](?=\s))|@(?P<set>[a-z]\w*)\b"
    r"|(?P<skip>priority [^;]*|@th,\d+,\d+|0x\w+|rate [^;]*?packets|\"[^\"]*\")|(?<![\w.#])(?P<port>\d+(?:[-:]\d+)?|:\d+|\d+:)(?![\w.])"
)  # fmt: skip
SENDER_WORDS = ("saddr", "--src-range", "-s")
DEFAULT = {4: [ipaddress.ip_address("203.0.113.77")], 6: [ipaddress.ip_address("2001:db8:77::7")]}


def routable(address):
    """Whether a router forwards it at all, and the lab's node has not it itself."""
    if address in (*NODE.values(), ipaddress.ip_address("192.0.2.254")):
        return False
    if address.version == 4:
        return 1 <= address.packed[0] <= 223 and address.packed[0] != 127
    return 1 << 64 <= int(address) < 0xFE80 << 112


@dataclasses.dataclass
class Named:
    """The ranges that one line of rules names."""

    destinations: list = dataclasses.field(default_factory=list)
    sources: list = dataclasses.field(default_factory=list)
    ports: list = dataclasses.field(default_factory=list)


def address_range(text):
    if "-" in text:
        first, last = (ipaddress.ip_address(part) for part in text.split("-"))
        return first, last
    network = ipaddress.ip_network(text, strict=False)
    return network.network_address, network.broadcast_address


def named_in(line, sets):
    found = Named()
    addresses = found.destinations
    for match in TOKEN.finditer(line):
        kind, text = match.lastgroup, match.group()
        if kind == "side":
            addresses = found.sources if text in SENDER_WORDS else found.destinations
        elif kind == "address":
            try:
                addresses.append(address_range(text))
            except ValueError:
                continue
        elif kind == "set" and match.group("set") in sets:
            other = sets[match.group("set")]
            addresses.extend(other.destinations)
            found.ports.extend(other.ports)
        elif kind == "port":
            first, _, last = text.replace("-", ":").partition(":")
            low, high = int(first or 0), int(last or (65535 if ":" in text else first))
            if high <= 65535:
                found.ports.append((low, high))
    return found


def edges(ranges):
    """First, last, the one before, the one behind."""
    result = []
    for first, last in ranges:
        for base, step in ((first, 0), (last, 0), (first, -1), (last, 1)):
            try:
                result.append(base + step)
            except ipaddress.AddressValueError:
                continue
    return list(dict.fromkeys(result))


def questions(ruleset):
    """Packets of new connections at every boundary of every line: each boundary on every path, the rest by lot."""
    chance = random.Random(ruleset.name.removesuffix(LEGACY))
    text = ruleset.text + "\n" + ruleset.text6
    versions = (4,) if ruleset.kind == "iptables" and not ruleset.text6 else (4, 6)
    paths = ["forward"] + (["output"] if re.search("output|OUTPUT", text) else [])
    sets, lines = {}, []
    for line in text.splitlines():
        named = named_in(line, sets)
        if head := re.match(r"\s*(?:set|map) (\w+) ", line):
            sets[head.group(1)] = named
        elif named.destinations or named.sources or named.ports or re.search("tcp|udp|sctp|nfproto", line):
            lines.append((line, named))
    first, second = [], []
    for line, named in lines or [("", Named())]:
        inside = [d for d, _ in named.destinations if routable(d)]
        families = {d.version for d in inside} or {d.version for d, _ in named.sources} or {4, 6}
        inside = inside or [d for family in sorted(families) for d in DEFAULT[family]]
        ports = [max(1, low) for low, _ in named.ports] or [443]
        spoken = [p for p in ("tcp", "udp", "sctp") if re.search(rf"\b{p}\b", line)]
        protocols = spoken + [p for p in ("tcp", "udp") if p not in spoken]
        cycle = itertools.count(chance.randrange(7))

        def of(values):
            return values[next(cycle) % len(values)]

        def ask(destination, port, protocol, source=None, only=paths):
            if not routable(destination) or not 1 <= port <= 65535 or (source and source.version != destination.version):
                return []
            return [(path, source, destination, protocol, port) for path in only]

        for destination in edges(named.destinations):
            first += ask(destination, of(ports), of(spoken or protocols))
            second += [q for port in ports for protocol in protocols for q in ask(destination, port, protocol)]
        for port in edges(named.ports):
            first += ask(of(inside), port, of(spoken or protocols))
            second += [q for d in inside for protocol in protocols for q in ask(d, port, protocol)]
        for source in edges(named.sources):
            if routable(source):
                several = inside + DEFAULT[source.version]
                first += [q for d in several for q in ask(d, of(ports), of(protocols), source, ["forward"])][:2]
                second += [q for d in inside for p in protocols for q in ask(d, of(ports), p, source, ["forward"])]
        second += [q for family in DEFAULT for protocol in protocols for q in ask(DEFAULT[family][0], of(ports), protocol)]
    first = list(dict.fromkeys(first))
    second = [q for q in dict.fromkeys(second) if q not in set(first)]
    every = first + chance.sample(second, max(0, min(len(second), MOST_QUESTIONS - len(first))))
    return [
        Packet(path, NODE[d.version] if path == "output" else source or POD[d.version], d, protocol, port)
        for path, source, d, protocol, port in every
        if d.version in versions
    ]


def words(packet):
    sender = "node" if packet.path == "output" else packet.source
    return f"{sender} → {packet.destination} {packet.protocol}" + (f" {packet.port}" if packet.port else "")


def passed(allowed):
    return "passes" if allowed else "drops"


class Product:
    def __init__(self, airtight):
        self.airtight = airtight

    def answer(self, arguments):
        command = [self.airtight, *arguments, "--format", "json"]
        result = subprocess.run(command, capture_output=True, text=True, check=False, timeout=120)
        if result.returncode in (2, 4) or not result.stdout:
            raise RuntimeError(f"airtight {' '.join(arguments)}: {result.returncode} {result.stdout}{result.stderr}")
        return json.loads(result.stdout)

    def explain(self, files, packet):
        """(allowed, certain)"""
        address = f"[{packet.destination}]" if packet.destination.version == 6 else packet.destination
        sender = "nodes" if packet.path == "output" else str(packet.source)
        answer = self.answer(["explain", *files, "--from", sender, "--to", f"{address}:{packet.port}/{packet.protocol}"])
        layer = next(layer for layer in answer["layers"] if layer["layer"] == "firewall")
        return (layer["allowed"], layer["certain"]) if layer["asked"] else (True, True)  # no chain holds it

    def reaches(self, files, path, address):
        """Whether verify says that packets get to the address, of all addresses the only one outside."""
        whole = [ipaddress.ip_network("0.0.0.0/0"), ipaddress.ip_network("::/0")]
        one = ipaddress.ip_network(address)
        inside = [n for w in whole for n in (w.address_exclude(one) if w.version == one.version else [w])]
        answer = self.answer(["verify", *files, *(a for n in inside for a in ("--inside", str(n)))])
        layer = next((layer for layer in answer["layers"] if layer["layer"] == "firewall"), None)
        if layer is None and answer["verdict"] == "proven":
            raise RuntimeError("verify proves it without a firewall")
        workload = {"forward": "pods", "output": "nodes"}[path]
        return layer is None or any(f["workload"] == workload and f["destination"] == str(address) for f in layer["findings"])


class Lab:
    def __init__(self, product, world, work):
        self.product, self.world, self.work = product, world, work
        self.pool = concurrent.futures.ThreadPoolExecutor(os.cpu_count() or 2)
        self.failed = self.passed = self.known = 0

    def file(self, name, text):
        path = os.path.join(self.work, name)
        with open(path, "w", encoding="utf-8") as file:
            file.write(text)
        return path

    def readings(self, ruleset):
        """What of the loaded ruleset is read, by name: files."""
        if ruleset.kind == "nft":
            listing = self.world.run("node", "nft -j list ruleset".split())
            return {"text": [self.file("rules.nft", ruleset.text)], "json": [self.file("rules.json", listing)]}
        tool = "-legacy" if ruleset.name.endswith(LEGACY) else ""
        files = []
        for family, text in (("", ruleset.text), ("6", ruleset.text6)):
            if text:
                files.append(self.file(f"rules{family}.save", self.world.run("node", [f"ip{family}tables{tool}-save"])))
        readings = {"iptables-save": files}
        if not tool:  # the same rules as nftables shows them: matches of iptables' own are hidden there, and not understood
            readings["json"] = [self.file("rules.json", self.world.run("node", "nft -j list ruleset".split()))]
        return readings

    def loaders(self, ruleset):
        if ruleset.kind == "nft":
            return [(["nft", "-f", "-"], ruleset.text)]
        tool = "-legacy" if ruleset.name.endswith(LEGACY) else ""
        return [([f"ip{f}tables{tool}-restore"], text) for f, text in (("", ruleset.text), ("6", ruleset.text6)) if text]

    def reach_packets(self, ruleset):
        """(path, address): packets of all kinds; the established ones apart."""
        bundles, established = {}, []
        for address in map(ipaddress.ip_address, ruleset.reach):
            for path in ("forward", "output"):
                source = (POD if path == "forward" else NODE)[address.version]
                held = Packet(path, source, address, "udp", 443, ESTABLISHED_SPORT)
                established.append(held)
                bundles[path, address] = [held, Packet(path, source, address, "icmp")]
                bundles[path, address] += [Packet(path, source, address, protocol, 443) for protocol in ("tcp", "udp", "sctp")]
        return bundles, established

    def kernel(self, groups):
        """Whether a packet of each group arrived."""
        packets = [packet for group in groups for packet in group]
        arrived = self.world.arrived(packets)
        count = itertools.count()
        return [any([next(count) in arrived for _ in group]) for group in groups]

    def ask(self, files, asked, truth, bundles, reached):
        """Where explain and verify disagree with the kernel about what is in the files, and how often explain is not certain."""
        wrong, unsure = [], 0
        answers = self.pool.map(lambda packet: self.product.explain(files, packet), asked)
        for packet, kernel, (allowed, certain) in zip(asked, truth, answers):
            unsure += not certain
            if allowed != kernel and (certain or kernel):  # what is not certain is the wider of two answers
                wrong.append(f"{words(packet)}: the kernel {passed(kernel)} it, explain {passed(allowed)} it")
        answers = self.pool.map(lambda key: self.product.reaches(files, *key), bundles)
        for (path, address), kernel, reaches in zip(bundles, reached, answers):
            if kernel != reaches:
                wrong.append(f"{path} to {address}: the kernel {passed(kernel)} something, verify {passed(reaches)} something")
        return wrong, unsure

    def check(self, ruleset):
        asked = questions(ruleset)
        bundles, established = self.reach_packets(ruleset)
        self.world.load(self.loaders(ruleset), established)
        sports = (Packet.sport, *ruleset.sports)
        truth = self.kernel([[dataclasses.replace(packet, sport=sport) for sport in sports] for packet in asked])
        reached = self.kernel(list(bundles.values()))
        for reading, files in self.readings(ruleset).items():
            wrong, unsure = self.ask(files, asked, truth, bundles, reached)
            counts = f"{len(asked) + len(bundles)} probes, {sum(truth) + sum(reached)} arrived"
            counts += f", {unsure} not certain" if unsure else ""
            self.judge(ruleset, reading, files, wrong, counts)

    def control(self, ruleset, old, new):
        """A reading that differs from what is loaded in one place is noticed."""
        asked = questions(ruleset)
        self.world.load(self.loaders(ruleset))
        truth = self.kernel([[packet] for packet in asked])
        wrong, _ = self.ask([self.file("control.nft", ruleset.text.replace(old, new))], asked, truth, {}, [])
        self.count(f"{old} is not {new}", [] if wrong else ["a wrong reading agrees with the kernel"], f"{len(asked)} probes")

    def count(self, name, wrong, counts):
        if wrong:
            self.failed += 1
            print(f"FAIL {name}: {counts}, {len(wrong)} wrong", *wrong[:10], sep="\n    ", flush=True)
        else:
            self.passed += 1
            print(f"ok {name}: {counts}", flush=True)

    def judge(self, ruleset, reading, files, wrong, counts):
        name = f"{ruleset.name}, {reading}"
        for about, pattern, why in KNOWN_WRONG:
            if re.match(about, name):
                known = [line for line in wrong if re.search(pattern, line)]
                wrong = [line for line in wrong if line not in known]
                self.known += len(known)
                print(f"KNOWN {name}: {len(known)} wrong: {why}")
                if not known:
                    wrong.append(f"nothing is wrong any more: take '{about}' out of KNOWN_WRONG")
        self.count(name, wrong, counts)
        for path in files if wrong else ():
            with open(path, encoding="utf-8") as file:
                print("".join("    | " + line + "\n" for line in file.read(6000).splitlines()), end="")


def one_line(found):
    """A set of several lines, as the boundaries want it."""
    words_of_it = " ".join(re.sub(r"\n(?=\s*(flags|elements|\}\s*$))", ";", found.group()).split())
    return words_of_it.replace("{;", "{").replace("; }", " }").removesuffix("}") + "; }"


def own_output(airtight, work):
    """The compiler's own firewall for the smallest policy."""
    policies = os.path.join(os.path.dirname(os.path.abspath(__file__)), "../../policies")
    out = os.path.join(work, "out")
    command = [airtight, "compile", os.path.join(policies, "minimal.yaml"), "-o", out, "--at", "2026-11-25"]
    subprocess.run(command, check=True, capture_output=True)
    with open(os.path.join(out, "nftables/airtight.nft"), encoding="utf-8") as file:
        text = file.read()
    text = re.sub(r"(?s)\bset \w+ \{.*?\}\s*\}", one_line, text)
    return kernel_rulesets.Ruleset("policies/minimal.yaml", "nft", text, sports=(67,), reach=("203.0.113.9", "2001:db8::9"))


def skipped():
    if os.geteuid():
        return "needs root for network namespaces"
    for program in ("ip", "nft"):
        if not shutil.which(program):
            return f"{program} is not installed"
    return None


def main():
    if len(sys.argv) != 2:
        print("Usage: verify_lab.py AIRTIGHT", file=sys.stderr)
        return 2
    os.environ["PATH"] += ":/usr/sbin:/sbin"
    why = skipped()
    try:
        world = None if why else kernel_world.World()
        if world:
            world.run("node", ["nft", "-f", "-"], kernel_world.PRELUDE)
    except (OSError, RuntimeError) as error:
        why = f"no network namespaces with nftables can be made here: {error}"
    if why:
        print("SKIPPED", why)
        return 77
    rulesets = kernel_rulesets.BY_HAND + kernel_random_rulesets.at_random(10 * int(os.environ.get("AIRTIGHT_LONG") or 1))
    with tempfile.TemporaryDirectory() as work:
        lab = Lab(Product(os.path.abspath(sys.argv[1])), world, work)
        rulesets.append(own_output(lab.product.airtight, work))
        if shutil.which("ip6tables-legacy-restore"):
            rulesets += [dataclasses.replace(r, name=r.name + LEGACY) for r in kernel_rulesets.BY_HAND if r.kind == "iptables"]
        lab.control(kernel_rulesets.BY_HAND[0], "203.0.113.8/29", "203.0.113.8/30")
        for ruleset in rulesets:
            if ruleset.kind == "iptables" and not shutil.which("ip6tables-restore"):
                print(f"SKIPPED {ruleset.name}: iptables is not installed")
                continue
            try:
                lab.check(ruleset)
            except RuntimeError as error:
                lab.failed += 1
                print(f"FAIL {ruleset.name}: {error}", flush=True)
    print(f"{lab.passed} passed, {lab.failed} failed" + (f", {lab.known} answers known to be wrong" if lab.known else ""))
    return 1 if lab.failed else 0


if __name__ == "__main__":
    sys.exit(main())
