#!/usr/bin/env python3
"""Has z3 check what `airtight verify` claims: obligations.py AIRTIGHT ROOT

`verify --obligation` writes the rules as read and the claim. For every check-sat z3's answer must be the one that the file
expects, and the answers of a layer together must be its `sealed` in --format json: proven where no check is sat, violated
where a narrow or one reading is, else inconclusive. The input: the outputs of every policies/*.yaml and golden case, holes
punched into them, small inputs of every kind of rule, random ones, and the public cases of ../shared/corpus where they are.
A sample of them; all, and many more random ones, with AIRTIGHT_LONG. Prints "ok NAME" or "FAIL NAME WHY" and the counts;
exit 1 if one disagreed, 77 without z3.
"""
import json
import os
import pathlib
import random
import re
import shutil
import subprocess
import sys
import tempfile

DAY = "2026-11-25"
LONG = bool(os.environ.get("AIRTIGHT_LONG"))
SECONDS = 300  # for z3, a file
# What the small and random rulesets accept; without it clouds' own addresses are taken out of it.
INSIDE = [word for net in ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "fc00::/7") for word in ("--inside", net)]

POD = """---
apiVersion: v1
kind: Pod
metadata: {{name: {name}, namespace: {ns}, labels: {{app: {name}}}}}
spec: {{containers: [{{name: c, image: i, ports: [{{name: web, containerPort: 8080}}]}}]}}
"""
NP = """---
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {{name: {name}, namespace: {ns}}}
spec: {spec}
"""
SEALED = POD.format(name="web", ns="app") + NP.format(name="deny", ns="app", spec="{podSelector: {}, policyTypes: [Ingress, Egress]}")
ADMIN = """---
apiVersion: policy.networking.k8s.io/v1alpha1
kind: AdminNetworkPolicy
metadata: {{name: {name}}}
spec:
  priority: {priority}
  subject: {{namespaces: {{}}}}
  egress: [{{name: r, action: {action}, to: [{{networks: [{net}]}}]}}]
"""
CILIUM = """---
apiVersion: cilium.io/v2
kind: CiliumClusterwideNetworkPolicy
metadata: {{name: {name}}}
spec: {{endpointSelector: {{}}, {rules}}}
"""
CALICO = """---
apiVersion: projectcalico.org/v3
kind: GlobalNetworkPolicy
metadata: {{name: {name}}}
spec: {{selector: "{selector}", order: {order}, types: [Ingress, Egress], {rules}}}
"""
NFT = """table inet t {{
{parts}
  chain inside {{ ip daddr {{ 10.0.0.0/8, 127.0.0.0/8, 172.16.0.0/12, 192.168.0.0/16 }} accept
    ip6 daddr {{ fc00::/7, ::1 }} accept }}
  chain output {{ type filter hook output priority 0; policy {policy};
{rules}
  }}
  chain forward {{ type filter hook forward priority 0; policy {policy};
{rules}
  }}
}}
"""


def np(spec):
    return {"a.yaml": SEALED + NP.format(name="more", ns="app", spec=spec)}


def nft(rules, policy="drop", parts=""):
    return {"a.nft": NFT.format(rules=rules, policy=policy, parts=parts)}


SMALL = {
    "sealed": {"a.yaml": SEALED},
    "pod without a policy": {"a.yaml": POD.format(name="web", ns="app")},
    "egress type left out": {"a.yaml": POD.format(name="web", ns="app") + NP.format(name="deny", ns="app", spec="{podSelector: {}}")},
    "prefix with an exception": np("{podSelector: {}, policyTypes: [Egress], egress: [{to: [{ipBlock: {cidr: 0.0.0.0/0, except: [0.0.0.0/1, 128.0.0.0/1]}}]}]}"),
    "prefix with a gap": np("{podSelector: {}, policyTypes: [Egress], egress: [{to: [{ipBlock: {cidr: 0.0.0.0/0, except: [0.0.0.0/1, 128.0.0.0/2]}}]}]}"),
    "port range to IPv6": np("{podSelector: {}, policyTypes: [Egress], egress: [{to: [{ipBlock: {cidr: '::/0'}}], ports: [{port: 100, endPort: 200, protocol: UDP}]}]}"),
    "named port from everywhere": np("{podSelector: {}, ingress: [{ports: [{port: web}]}]}"),
    "named port of nobody": np("{podSelector: {}, ingress: [{ports: [{port: other}]}]}"),
    "unknown field": np("{podSelector: {}, policyTypes: [Egress], egress: [{to: [{ipBlock: {cidr: 8.8.8.0/24}}], why: so}]}"),
    "admin pass over deny": {"a.yaml": SEALED + ADMIN.format(name="p", priority=1, action="Pass", net="8.8.8.0/24")
                             + ADMIN.format(name="d", priority=2, action="Allow", net="8.8.0.0/16")},
    "admin tie": {"a.yaml": SEALED + ADMIN.format(name="p", priority=1, action="Deny", net="8.8.8.0/24")
                  + ADMIN.format(name="d", priority=1, action="Allow", net="8.8.8.0/24")},
    "cilium world denied": {"a.yaml": SEALED + CILIUM.format(name="d", rules="egress: [{toEntities: [cluster]}], egressDeny: [{toEntities: [world]}]")},
    "cilium range": {"a.yaml": SEALED + CILIUM.format(name="a", rules="egress: [{toCIDRSet: [{cidr: 8.0.0.0/8, except: [8.8.0.0/16]}], toPorts: [{ports: [{port: '53', protocol: UDP}]}]}]")},
    "calico order": {"a.yaml": SEALED + CALICO.format(name="a", selector="all()", order=1, rules="egress: [{action: Deny, destination: {nets: [8.0.0.0/8]}}]")
                     + CALICO.format(name="b", selector="app == 'web'", order=2, rules="egress: [{action: Allow, protocol: TCP, destination: {nets: [8.0.0.0/7]}}, {action: Deny}]")},
    "calico tie": {"a.yaml": SEALED + CALICO.format(name="a", selector="all()", order=1, rules="egress: [{action: Pass, destination: {nets: [8.0.0.0/8]}}]")
                   + CALICO.format(name="b", selector="all()", order=1, rules="egress: [{action: Deny, destination: {nets: [8.8.8.0/24]}}, {action: Allow, destination: {nets: [8.8.0.0/16]}}]")},
    "calico named port, every pod": {"a.yaml": SEALED + CALICO.format(name="a", selector="all()", order=1, rules="ingress: [{action: Deny, protocol: TCP, "
                                     "destination: {ports: ['0:65535', web]}}, {action: Allow, protocol: TCP, source: {nets: [8.8.8.8/32]}}]")},
    "chains": nft("    jump inside"),
    "goto does not come back": nft("    goto inside\n    accept"),
    "return comes back": nft("    jump c\n    accept", parts="  chain c { return; drop; }"),
    "established": nft("    ct state established,related accept\n    jump inside"),
    "limit": nft("    jump inside\n    limit rate 1/second accept"),
    "limited drop": nft("    limit rate 1/second drop\n    ip daddr 8.8.8.8 drop", "accept"),
    "IPv6 left out": nft("    ip daddr 10.0.0.0/8 accept\n    ip daddr 0.0.0.0/0 drop", "accept"),
    "unknown match": nft("    jump inside\n    some thing 7 ip daddr 8.8.8.8 accept"),
    "mark": nft("    meta mark 7 accept\n    jump inside"),
    "mark set": nft("    ip daddr 8.8.8.8 meta mark set 7\n    meta mark 7 accept\n    jump inside"),
    "verdict map": nft("    meta l4proto vmap { tcp : jump inside, udp : goto inside, icmp : return }\n    jump inside"),
    "missing chain": nft("    jump inside\n    ip daddr 8.8.8.8 jump nowhere"),
    "calls itself": nft("    jump inside\n    ip daddr 8.8.8.8 jump loop", parts="  chain loop { tcp dport 80 jump loop }"),
    "two families apart": {"a.nft": "table ip a { chain o { type filter hook output priority 0; policy drop; }\n"
                                    "chain f { type filter hook forward priority 0; policy drop; } }\n"},
    "held late": {"a.nft": "table inet t { chain p { type filter hook postrouting priority 0; policy drop; oifname \"lo\" accept } }\n"},
    "iptables": {"a.v4": "# Generated by iptables-save v1.8.9\n*filter\n:INPUT ACCEPT [0:0]\n:FORWARD DROP [0:0]\n:OUTPUT DROP [0:0]\n:m - [0:0]\n"
                         "-A OUTPUT -j m\n-A OUTPUT -m mark --mark 0x10/0x10 -j ACCEPT\n-A OUTPUT -d 10.0.0.0/8 -j ACCEPT\n"
                         "-A m -d 8.8.8.8/32 -p tcp -m tcp --dport 53 -j MARK --set-xmark 0x10/0x10\n-A m -j RETURN\nCOMMIT\n"},
}

# (policy, file below its output, what is there, what comes in its place): one hole each, or none.
HOLES = [
    ("xpander-airgapped", "networkpolicy/xpander.yaml", r"cidr: 10\.20\.1\.\d+/32", "cidr: 0.0.0.0/1"),
    ("xpander-airgapped", "networkpolicy/xpander.yaml", r"(?m)^    - Egress\n|, Egress\b|^  - Egress\n", ""),
    ("xpander-airgapped", "nftables/airtight.nft", r"policy drop;", "policy drop; ct state established accept;"),
    ("xpander-airgapped", "nftables/airtight.nft", r"policy drop;", "policy accept;"),
    ("dual-stack", "nftables/airtight.nft", r"table inet airtight\b", "table ip airtight"),
    ("dual-stack", "nftables/airtight.nft", r"\bdrop\n", "accept\n"),
    ("dual-stack", "nftables/airtight-egress.nft", r"policy drop;", "policy accept;"),
]


def random_network(rng):
    if rng.random() < 0.6:  # inside, else most inputs would have a hole
        return rng.choice(["10.0.0.0/8", "10.1.0.0/16", "192.168.0.0/16", "172.16.0.0/12", "'fd00::/16'", "127.0.0.0/8"])
    if rng.random() < 0.3:
        return f"'{rng.choice(['2001:db8::/32', 'fc00::/7', '::/0', 'fd00::/9', '8000::/1'])}'"
    bits = rng.choice([0, 1, 2, 8, 16, 31, 32])
    base = rng.choice([0x08080800, 0x0A000000, 0xC0A80000, 0xAC100000, rng.getrandbits(32)]) >> (32 - bits) << (32 - bits)
    return ".".join(str(base >> shift & 255) for shift in (24, 16, 8, 0)) + f"/{bits}"


def random_manifests(rng):
    ports = lambda: rng.choice(["", ", ports: [{port: 443}]", ", ports: [{port: 53, protocol: UDP}, {port: web}]", ", ports: [{port: 1, endPort: 65535}]"])
    text = "".join(POD.format(name=name, ns=ns) for name, ns in (("web", "app"), ("db", "app"), ("job", "batch")))
    for i in range(rng.randrange(4)):
        way, peer = rng.choice([("egress", "to"), ("ingress", "from")])
        to = rng.choice([f"{{ipBlock: {{cidr: {random_network(rng)}}}}}", "{namespaceSelector: {}}", "{podSelector: {}}"])
        selector = rng.choice(["{}", "{matchLabels: {app: web}}", "{matchExpressions: [{key: app, operator: NotIn, values: [db]}]}"])
        types = rng.choice(["", "policyTypes: [Egress], ", "policyTypes: [Ingress, Egress], "])
        extra = ", more: x" if rng.random() < 0.15 else ""
        text += NP.format(name=f"p{i}", ns=rng.choice(["app", "batch"]), spec=f"{{podSelector: {selector}, {types}{way}: [{{{peer}: [{to}]{ports()}{extra}}}]}}")
    for i in range(rng.randrange(5)):
        text += ADMIN.format(name=f"a{i}", priority=rng.randrange(3), action=rng.choice(["Allow", "Deny", "Pass"]), net=random_network(rng))
    if rng.random() < 0.6:
        text += ADMIN.format(name="last", priority=rng.choice([2, 99]), action="Deny", net="0.0.0.0/0, '::/0'")
    return {"a.yaml": text}


def random_ruleset(rng):
    def match():
        part = rng.choice(["", "ct state new ", "meta mark 7 ", "oifname \"eth0\" ", "limit rate 1/second ", "ip ttl 255 ", "some thing 7 "] + [""] * 6)
        part += rng.choice(["", "tcp dport 443 ", "udp dport != 53 ", "meta l4proto icmp ", "th dport 1-100 ", "tcp sport 80 "])
        net = random_network(rng).strip("'")
        return part + ("" if rng.random() < 0.2 else f"{'ip6' if ':' in net else 'ip'} {'saddr' if rng.random() < 0.2 else 'daddr'} {rng.choice(['', '', '!= '])}{net} ")

    def rules(level):
        later = [f"jump c{n}" for n in range(level, 3)] + [f"goto c{n}" for n in range(level, 3)]
        verdict = lambda: rng.choice(["accept", "drop", "drop", "return", "meta mark set 7", "counter"] + later + later)
        return "\n".join("    " + match() + verdict() for _ in range(rng.randrange(1, 5)))

    parts = "\n".join(f"  chain c{n} {{\n{rules(n + 1)}\n  }}" for n in reversed(range(3)))
    return nft(rules(0) + "\n    jump inside", rng.choice(["accept", "drop", "drop"]), parts)


class Run:
    def __init__(self, airtight):
        self.airtight, self.checks, self.agreed, self.apart, self.failures, self.inputs, self.unread, self.sat, self.open = airtight, 0, 0, 0, 0, 0, 0, 0, 0

    def fail(self, name, why):
        self.failures += 1
        print("FAIL", name, why)

    def verify(self, name, paths, options=()):
        with tempfile.TemporaryDirectory() as folder:
            file = pathlib.Path(folder) / "claim.smt2"
            done = subprocess.run([self.airtight, "verify", *map(str, paths), "--at", DAY, "--format", "json", "--obligation", str(file), *options],
                                  capture_output=True, text=True, timeout=600)
            if done.returncode not in (0, 1, 3):
                self.unread += 1
                return None
            self.inputs += 1
            before = self.failures
            self.check(name, file, json.loads(done.stdout))
            return self.failures == before

    def check(self, name, file, report):
        text = file.read_text()
        expected = re.findall(r"^; check \d+: layer (\w+), (.*); expect ([a-z-]+)\n\(check-sat\)$", text, re.M)
        skipped = re.findall(r"^; not encoded: layer (\w+)", text, re.M)
        solved = subprocess.run(["z3", f"-T:{SECONDS}", str(file)], capture_output=True, text=True)
        answers = solved.stdout.split("\n")[:-1]
        self.checks += len(expected)
        self.apart += len(skipped)
        if len(expected) != text.count("\n(check-sat)"):
            return self.fail(name, "a check-sat without its comment")
        if len(answers) != len(expected):
            return self.fail(name, f"z3 gave {len(answers)} answers to {len(expected)} checks: {answers[-1:]}")
        found = {}
        for (layer, title, wanted), answer in zip(expected, answers):
            if wanted == "unknown-ok" and answer in ("sat", "unsat"):
                self.open += 1
                continue
            if answer != wanted:
                self.fail(name, f"layer {layer}, {title}: airtight says {wanted}, z3 {answer}")
                continue
            self.agreed += 1
            self.sat += answer == "sat"
            if answer == "sat":
                found[layer] = "violated" if "wide" not in title or found.get(layer) == "violated" else "inconclusive"
        for layer in report["layers"]:
            kind, sealed = layer["layer"], layer["sealed"]
            if sealed is None or kind == "dns" or kind in skipped:
                continue
            ours = found.get(kind, "proven")
            if ours == "inconclusive" and sealed == "violated" and kind != "firewall" and self.left_open(report):
                continue
            if ours != sealed and not (kind == "firewall" and self.by_circumstance(layer, ours)):
                self.fail(name, f"layer {kind} is sealed: {sealed}, by z3's answers {ours}")

    @staticmethod
    def left_open(report):
        """An unknown field or equal priorities: the file has the reading of both, the verdict that of the worst case."""
        return any(f["rule_id"] in ("AT-V202", "AT-V206") for f in report["findings"])

    @staticmethod
    def by_circumstance(layer, ours):
        """What is read around the rules of a firewall makes it worse than its packets: a missing family, a chain that is not credited."""
        order = ["proven", "inconclusive", "violated"]
        around = [f["effect"] for f in layer["findings"] if f["effect"] and (f["rule_id"] not in ("AT-V001", "AT-V301", "AT-V306", "AT-V308"))]
        worst = max(around, key=order.index, default="proven")
        return layer["sealed"] == max(ours, worst, key=order.index) or (layer["sealed"] == "inconclusive" and ours == "proven")


def compiled(airtight, specs, out):
    done = subprocess.run([airtight, "compile", *map(str, specs), "-o", str(out), "--at", DAY], capture_output=True, text=True, timeout=120)
    return done.returncode == 0


def written(folder, files):
    folder.mkdir(parents=True, exist_ok=True)
    for file, text in files.items():
        (folder / file).write_text(text)
    return folder


def main():
    if len(sys.argv) != 3:
        print(__doc__)
        return 2
    if not shutil.which("z3"):
        print("SKIPPED obligations z3 is not installed")
        return 77
    run, root = Run(os.path.abspath(sys.argv[1])), pathlib.Path(sys.argv[2]).resolve()
    with tempfile.TemporaryDirectory() as temporary:
        work = pathlib.Path(temporary)

        def case(name, paths, options=()):
            if run.verify(name, paths, options):
                print("ok", name)

        for spec in sorted((root / "policies").glob("*.yaml")):
            if not compiled(run.airtight, [spec], work / spec.stem):
                run.fail(spec.stem, "does not compile")
                continue
            case(spec.stem, [work / spec.stem], ["--spec", str(spec)])
        for number, (policy, file, there, instead) in enumerate(HOLES):
            name = f"hole {number + 1} in {policy}/{file}"
            holed = work / f"hole{number}"
            shutil.copytree(work / policy, holed)
            text = (holed / file).read_text()
            changed = re.sub(there, instead, text, count=1)
            if changed == text:
                run.fail(name, "the text to change is not there")
            (holed / file).write_text(changed)
            case(name, [holed], ["--spec", str(root / "policies" / f"{policy}.yaml")])
        for name, files in SMALL.items():
            case(name, [written(work / "small" / re.sub(r"\W", "_", name), files)], INSIDE + (["--every-pod"] if name.startswith("admin") or "every pod" in name else []))
        for spec in sorted((root / "tests/golden").glob("*" if LONG else "everything")):
            specs = sorted(spec.glob("spec*.yaml"))
            if specs and compiled(run.airtight, specs, work / "golden" / spec.name):
                case(f"golden {spec.name}", [work / "golden" / spec.name], [part for s in specs for part in ("--spec", str(s))])
        # Random inputs, one line for all: each failure names its seed.
        for kind, make in (("manifests", random_manifests), ("ruleset", random_ruleset)):
            before, count = run.failures, 500 if LONG else 25
            for seed in range(count):
                run.verify(f"random {kind} {seed}", [written(work / "random" / f"{kind}{seed}", make(random.Random(f"{kind} {seed}")))], INSIDE)
            if run.failures == before:
                print(f"ok random {kind}: {count} inputs")
        cases = sorted((root / "../shared/corpus/netpol/netpol-analyzer").glob("*/manifests"))
        if not cases:
            print("SKIPPED corpus no public cases beside this tree")
        before = run.failures
        for number, folder in enumerate(cases):
            if LONG or number % 20 == 0:
                run.verify(f"corpus {folder.parent.name}", [folder])
        if cases and run.failures == before:
            print("ok corpus")
    print(f"{run.inputs} inputs, {run.unread} not read; {run.checks} check-sats, {run.agreed} agree ({run.sat} sat), "
          f"{run.open} where airtight claims neither; {run.apart} not encoded")
    return 1 if run.failures else 0


if __name__ == "__main__":
    sys.exit(main())
