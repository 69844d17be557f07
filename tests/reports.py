#!/usr/bin/env python3
"""Scenarios of the field reports that artifacts can show: reports.py AIRTIGHT

Each is what went wrong for somebody with another tool, on the base cluster that the reports share, and the right answer
of `airtight verify`: exit code, verdicts, and what its findings must name. Text is written here, not read from anywhere.
"""
import json
import os
import pathlib
import subprocess
import sys
import tempfile

AT = "2026-11-25"
SPEC = """
apiVersion: airtight.dev/v1
kind: IsolationSpec
metadata: {name: base, owner: tests}
defaults: {namespace: app}
boundary:
  mode: airgapped
  cluster:
    pods: [10.42.0.0/16, "fd00:42::/56"]
    services: [10.43.0.0/16]
    nodes: [10.10.0.0/24]
    domain: cluster.local
    dns: {namespace: kube-system, labels: {k8s-app: kube-dns}, service: 10.43.0.10}
    uplinks: [eth0]
    apiServer: ["10.10.0.1:6443"]
  deny: [xpander-cloud, cloud-metadata]
workloads:
  web: {labels: {app: web}, serves: {http: 8080/tcp}}
  db: {labels: {app: db}, serves: {sql: 5432/tcp}}
endpoints:
  vllm: {role: llm, addresses: [10.20.0.10], ports: [8000/tcp]}
flows:
  - {from: web, to: vllm, why: inference}
  - {from: web, to: db.sql, why: storage}
  - {from: web, to: api-server, why: watches}
targets: [networkpolicy, nftables]
"""
WEB = """
apiVersion: apps/v1
kind: Deployment
metadata: {name: web, namespace: app}
spec:
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec: {containers: [{name: web, image: registry.corp.example/web, ports: [{containerPort: 8080}]}]}
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: db, namespace: app}
spec:
  selector: {matchLabels: {app: db}}
  template:
    metadata: {labels: {app: db}}
    spec: {containers: [{name: db, image: registry.corp.example/db}]}
"""
DENY = """
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {name: deny-all, namespace: app}
spec: {podSelector: {}, policyTypes: [Ingress, Egress]}
"""
BASE = WEB + "---" + DENY


def egress(rules, name="allow", selector="{}", ns="app"):
    return f"""
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {{name: {name}, namespace: {ns}}}
spec:
  podSelector: {selector}
  policyTypes: [Egress]
  egress: {rules}
"""


class Run:
    def __init__(self, airtight):
        self.airtight, self.passed, self.failed = airtight, 0, 0

    def verify(self, files, *arguments, spec=SPEC):
        with tempfile.TemporaryDirectory() as folder:
            for name, text in files.items():
                pathlib.Path(folder, name).write_text(text)
            pathlib.Path(folder, "isolation.yaml").write_text(spec)
            paths = [a for a in files]
            run = subprocess.run([self.airtight, "verify", "--format", "json", "--at", AT, *arguments, *paths], cwd=folder,
                                 capture_output=True, text=True, timeout=60)
            if run.returncode in (2, 4) or not run.stdout:
                return run.returncode, {}, run.stdout + run.stderr
            return run.returncode, json.loads(run.stdout), run.stdout

    def check(self, name, holds, detail=""):
        if holds:
            self.passed += 1
        else:
            self.failed += 1
            print(f"FAIL {name}: {str(detail)[:3000]}")


def layer(report, name):
    return next((one for one in report.get("layers", []) if one["layer"] == name), {"verdict": None, "findings": []})


def findings(report):
    for one in report.get("layers", []):
        yield from one["findings"]
    yield from report.get("findings", [])


def rules_of(report):
    return {finding["rule_id"] for finding in findings(report)}


def has(report, **wanted):
    return any(all(finding.get(key) == value for key, value in wanted.items()) for finding in findings(report))


def r03(t):
    """Flows older than the policy: an established accept before the outside is dropped."""
    chain = ("chain {n} {{ type filter hook {n} priority 0; policy drop; ct state established,related accept\n"
             "ip daddr 10.0.0.0/8 accept\n}}\n")
    text = "table inet t {\n" + chain.format(n="output") + chain.format(n="forward") + "}\n"
    code, report, raw = t.verify({"rules.nft": text}, "--inside", "10.0.0.0/8")
    t.check("R03 violated", code == 1 and report.get("verdict") == "violated", raw)
    found = [f for f in findings(report) if f["counterexample"] and f["counterexample"]["state"] in ("established", "related")]
    t.check("R03 names the state", bool(found), raw)
    t.check("R03 because of the accept line", any(b.get("line") in (2, 3) for f in found for b in f["because"]), raw)
    held = text.replace("ct state established,related accept\n", "ip daddr != 10.0.0.0/8 drop\nct state established,related accept\n") \
               .replace("policy drop; ip", "policy drop;\nip")
    held = held.replace("table inet t {", "table inet t {").replace("ip daddr != 10.0.0.0/8 drop", "ip daddr != 10.0.0.0/8 drop\nmeta nfproto ipv6 drop")
    code, report, raw = t.verify({"rules.nft": held}, "--inside", "10.0.0.0/8")
    t.check("R03 sealed once outside is dropped first", code == 0 and report.get("verdict") == "proven", raw)


def r05(t):
    """The other address family: a cluster-scoped deny of IPv4 alone."""
    cilium = """
apiVersion: cilium.io/v2
kind: CiliumClusterwideNetworkPolicy
metadata: {name: deny-world}
spec:
  endpointSelector: {}
  enableDefaultDeny: {egress: false}
  egressDeny: [{toCIDR: [0.0.0.0/0]}]
"""
    files = {"base.yaml": BASE + "---" + egress("[{to: [{ipBlock: {cidr: 10.0.0.0/8}}]}]"), "cilium.yaml": cilium}
    code, report, raw = t.verify(files, "--inside", "10.0.0.0/8", "--inside", "fd00::/8")
    t.check("R05 kubernetes proven", layer(report, "kubernetes")["verdict"] == "proven", raw)
    cluster = layer(report, "cluster")
    t.check("R05 cluster violated", cluster["verdict"] == "violated", raw)
    t.check("R05 by IPv6", any(":" in (f["destination"] or "") for f in cluster["findings"]), raw)


def r09(t):
    """A flow between pods that passes by ipBlock only."""
    allow = egress("[{to: [{ipBlock: {cidr: 10.42.0.0/16}}], ports: [{port: 5432}]}]", selector="{matchLabels: {app: web}}")
    code, report, raw = t.verify({"base.yaml": BASE + "---" + allow}, "--spec", "isolation.yaml")
    kubernetes = layer(report, "kubernetes")
    t.check("R09 sealed stays proven", kubernetes["verdict"] == "proven", raw)
    t.check("R09 the finding", any("reaches pods by ipBlock only" in f["message"] and f["property"] == "complete"
                                   for f in kubernetes["findings"]), raw)
    t.check("R09 exit 1", code == 1, raw)


def r11(t):
    """The Service's port is not the pod's."""
    with tempfile.TemporaryDirectory() as folder:
        pathlib.Path(folder, "isolation.yaml").write_text(SPEC)
        subprocess.run([t.airtight, "compile", "--at", AT, "isolation.yaml", "-o", "out"], cwd=folder, check=True,
                       stdout=subprocess.DEVNULL)
        text = pathlib.Path(folder, "out/networkpolicy/app.yaml").read_text()
        t.check("R11 opens 6443 of the API server", "10.10.0.1/32" in text and "6443" in text, text)
        run = subprocess.run([t.airtight, "explain", "--at", AT, "--spec", "isolation.yaml", "out", "--from", "web", "--to",
                              "10.43.0.1:443"], cwd=folder, capture_output=True, text=True)
        t.check("R11 explain says that 443 becomes 6443", run.returncode == 0 and "443 becomes 6443" in run.stdout
                and "NetworkPolicy app/airtight-web" in run.stdout, run.stdout + run.stderr)
        broken = text.replace("port: 6443", "port: 443")
        pathlib.Path(folder, "out/networkpolicy/app.yaml").write_text(broken)
        run = subprocess.run([t.airtight, "verify", "--at", AT, "--spec", "isolation.yaml", "--format", "json", "out"], cwd=folder,
                             capture_output=True, text=True)
        report = json.loads(run.stdout)
        t.check("R11 only 443 is incomplete", run.returncode == 1 and
                any(f["property"] == "complete" and "api-server" in f["message"] for f in findings(report)), run.stdout)


def r13(t):
    """Namespace and pod selector as two peers instead of one."""
    spec = SPEC.replace("  db: {labels", "  gate: {namespace: ops, labels: {app: gate}, serves: {http: 9018/tcp}}\n  db: {labels") \
               .replace("  - {from: web, to: db.sql", "  - {from: web, to: gate.http, why: calls}\n  - {from: web, to: db.sql")
    with tempfile.TemporaryDirectory() as folder:
        pathlib.Path(folder, "isolation.yaml").write_text(spec)
        subprocess.run([t.airtight, "compile", "--at", AT, "isolation.yaml", "-o", "out"], cwd=folder, check=True,
                       stdout=subprocess.DEVNULL)
        path = pathlib.Path(folder, "out/networkpolicy/app.yaml")
        text = path.read_text()
        one_peer = "kubernetes.io/metadata.name: ops\n          podSelector:"
        t.check("R13 one peer with both selectors", one_peer in text, text)
        path.write_text(text.replace(one_peer, "kubernetes.io/metadata.name: ops\n        - podSelector:"))
        other = WEB.split("---")[1].replace("name: db, namespace: app", "name: other, namespace: ops").replace("db", "other")
        pathlib.Path(folder, "other.yaml").write_text(other)
        run = subprocess.run([t.airtight, "verify", "--at", AT, "--spec", "isolation.yaml", "--format", "json", "out", "other.yaml"],
                             cwd=folder, capture_output=True, text=True)
        excess = [f for f in findings(json.loads(run.stdout)) if f["property"] == "exact"]
        t.check("R13 excess", run.returncode == 1 and bool(excess), run.stdout)


def r35(t):
    """Services whose endpoints are outside."""
    slices = {"EndpointSlice": """
apiVersion: discovery.k8s.io/v1
kind: EndpointSlice
metadata: {name: ext-1, namespace: app, labels: {kubernetes.io/service-name: ext}}
addressType: IPv4
ports: [{port: 443, protocol: TCP}]
endpoints:
- addresses: [203.0.113.9]
""", "Endpoints": """
apiVersion: v1
kind: Endpoints
metadata: {name: ext, namespace: app}
subsets:
- addresses: [{ip: 203.0.113.9}]
  ports: [{port: 443, protocol: TCP}]
"""}
    service = """
apiVersion: v1
kind: Service
metadata: {name: ext, namespace: app}
spec: {ports: [{port: 443}]}
"""
    allow = egress("[{to: [{ipBlock: {cidr: 10.43.0.0/16}}]}]")
    for kind, text in slices.items():
        code, report, raw = t.verify({"base.yaml": BASE + "---" + allow, "ext.yaml": service + "---" + text})
        t.check(f"R35 {kind} violated", code == 1 and report.get("verdict") == "violated", raw)
        found = [f for f in findings(report) if f["destination"] == "203.0.113.9"]
        t.check(f"R35 {kind} because of the slice's line", any(b.get("file") == "ext.yaml" and b.get("line", 0) > 6
                                                              for f in found for b in f["because"]), raw)
        code, report, raw = t.verify({"base.yaml": BASE, "ext.yaml": service + "---" + text})
        t.check(f"R35 {kind} a finding without the rule", code == 1 and report.get("verdict") == "proven" and
                has(report, destination="203.0.113.9"), raw)


def r37(t):
    """Addresses that a Service claims."""
    service = """
apiVersion: v1
kind: Service
metadata: {{name: grab, namespace: app}}
spec:
  selector: {{app: web}}
  ports: [{{port: 8000}}]
  externalIPs: [{address}]
"""
    code, report, raw = t.verify({"base.yaml": BASE, "svc.yaml": service.format(address="10.20.0.10")})
    t.check("R37 inside: a finding", code == 1 and report.get("verdict") == "proven" and has(report, destination="10.20.0.10"), raw)
    code, report, raw = t.verify({"base.yaml": BASE, "svc.yaml": service.format(address="203.0.113.9")})
    t.check("R37 outside: violated", code == 1 and report.get("verdict") == "violated", raw)


def r39(t):
    """The API server as a relay."""
    hook = """
apiVersion: admissionregistration.k8s.io/v1
kind: ValidatingWebhookConfiguration
metadata: {name: vendor}
webhooks:
- name: hook.vendor.example
  clientConfig: {url: "https://hook.vendor.example/v"}
"""
    code, report, raw = t.verify({"base.yaml": BASE, "hook.yaml": hook})
    t.check("R39 relays hold the API server", any("API server" in relay["path"] for relay in report.get("relays", [])), raw)


def r41(t):
    """A Cilium policy that only denies switches on default deny."""
    policy = """
apiVersion: cilium.io/v2
kind: CiliumClusterwideNetworkPolicy
metadata: {{name: no-kubelet}}
spec:
  endpointSelector: {{}}
  {extra}
  egressDeny: [{{toPorts: [{{ports: [{{port: "10255", protocol: TCP}}]}}]}}]
"""
    code, report, raw = t.verify({"web.yaml": WEB, "c.yaml": policy.format(extra="description: deny one port")}, "--spec", "isolation.yaml")
    cluster = layer(report, "cluster")
    t.check("R41 complete is violated", any(f["property"] == "complete" for f in cluster["findings"]), raw)
    code, report, raw = t.verify({"web.yaml": WEB, "c.yaml": policy.format(extra="enableDefaultDeny: {egress: false}")}, "--spec",
                                 "isolation.yaml")
    cluster = layer(report, "cluster")
    t.check("R41 not with enableDefaultDeny false", not any(f["property"] == "complete" for f in cluster["findings"]), raw)
    t.check("R41 and it does not seal", cluster["verdict"] == "violated", raw)


def nothing(t):
    """What is never proven."""
    with tempfile.TemporaryDirectory() as folder:
        run = subprocess.run([t.airtight, "verify", "--format", "json", folder], capture_output=True, text=True)
        t.check("empty folder is inconclusive", run.returncode == 3 and json.loads(run.stdout)["verdict"] == "inconclusive",
                run.stdout + run.stderr)
    code, report, raw = t.verify({"p.yaml": DENY})
    t.check("policies without a workload are inconclusive", code == 3, raw)
    code, report, raw = t.verify({"p.yaml": BASE + "---\napiVersion: kubevirt.io/v1\nkind: VirtualMachine\nmetadata: {name: vm, namespace: app}\n"})
    t.check("a kind that is not understood is inconclusive", code == 3 and report.get("verdict") == "inconclusive", raw)
    code, report, raw = t.verify({"p.yaml": BASE + "---\nkind: ["})
    t.check("unparsable is exit 2", code == 2 and '"file": "p.yaml"' in raw, raw)


def differences(t):
    """What a policy opens is a way out gained although no pod is there yet."""
    with tempfile.TemporaryDirectory() as folder:
        sides = {"old": DENY, "in": DENY + "---" + egress("[{to: [{ipBlock: {cidr: 10.0.0.0/8}}]}]"),
                 "out": DENY + "---" + egress("[{to: [{ipBlock: {cidr: 203.0.113.0/24}}]}]")}
        for name, text in sides.items():
            pathlib.Path(folder, name).mkdir()
            pathlib.Path(folder, name, "p.yaml").write_text(text)
        for new, code, heading in (("old", 0, "0 ways out gained, 0 connections gained"), ("in", 0, "0 ways out gained, 1 connection gained"),
                                   ("out", 1, "1 way out gained, 0 connections gained")):
            run = subprocess.run([t.airtight, "diff", "old", new], cwd=folder, capture_output=True, text=True)
            t.check(f"diff of policies alone, {new}", run.returncode == code and run.stdout.startswith(heading), run.stdout + run.stderr)


def main():
    t = Run(os.path.abspath(sys.argv[1]))
    for scenario in (r03, r05, r09, r11, r13, r35, r37, r39, r41, nothing, differences):
        scenario(t)
    print(f"{t.passed} passed, {t.failed} failed")
    return 1 if t.failed else 0


if __name__ == "__main__":
    sys.exit(main())
