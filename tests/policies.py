#!/usr/bin/env python3
"""Every spec under policies/ compiles alone: policies.py AIRTIGHT [OUTPUT]

With OUTPUT, what each compiles to is left in OUTPUT/NAME for other checks.

For each file: exit 0 and no diagnostic at all, --check clean, a second compile identical to the byte, the schema of
`airtight schema` accepts it, every NetworkPolicy is well formed (default deny in each namespace, no empty peer, no
0.0.0.0/0), and it stands in policies/README.md. For the xpander specs also what is publicly known of the platform.
Prints "ok NAME" or "FAIL NAME WHY"; exit 1 if a check failed, 77 without python3-yaml.
"""
import ipaddress
import json
import os
import shutil
import subprocess
import sys
import tempfile

try:
    import yaml
except ImportError:
    print("SKIPPED: the Python module yaml is not installed")
    sys.exit(77)

DAY = "2026-11-25"
CATALOGUES = {"xpander-cloud", "hosted-llm", "cloud-metadata", "doh", "telemetry", "public-registries", "saas", "tunnels"}
# Ports that the vendor documents, by the pods' label.
XPANDER = {"xpander-agent-controller": 9016, "xpander-ai-gateway": 9018, "xpander-mcp": 8081, "xpander-redis": 6379,
           "xpander-postgres": 5432}
NEWER = {"xpander-mongodb": 27017}
RUNTIMES = {"vllm": 8000, "ollama": 11434, "nim": 8000}
INSIDE = {"gitlab": {443, 22}, "jira": {443}, "salesforce": {443}, "mattermost": {443}, "registry": {443, 5000},
          "loki": {3100}, "elasticsearch": {9200}, "splunk": {8088}, "prometheus-central": {9090}}
BEDROCK = "bedrock-runtime.eu-central-1.amazonaws.com"

failures = 0


def check(name, wrong):
    global failures
    if wrong:
        failures += 1
        print("FAIL", name, "; ".join(map(str, wrong[:5])))
    else:
        print("ok", name)


def run(*command):
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, timeout=120, check=False)
    return done.returncode, done.stdout, done.stderr


def tree(directory):
    found = {}
    for folder, _, files in os.walk(directory):
        for name in files:
            path = os.path.join(folder, name)
            with open(path, "rb") as file:
                found[os.path.relpath(path, directory)] = file.read()
    return found


def network_policies(output):
    folder = os.path.join(output, "networkpolicy")
    for name in sorted(os.listdir(folder)):
        with open(os.path.join(folder, name), encoding="utf-8") as file:
            for document in yaml.safe_load_all(file):
                yield name, document


def wrong_policies(output, namespaces):
    wrong, denied, seen = [], set(), set()
    for file, policy in network_policies(output):
        where = f"{file}: {policy['metadata']['name']}"
        if (policy["apiVersion"], policy["kind"]) != ("networking.k8s.io/v1", "NetworkPolicy"):
            wrong.append(f"{where}: is a {policy['kind']}")
        key = policy["metadata"]["namespace"], policy["metadata"]["name"]
        if key in seen:
            wrong.append(f"{where}: twice")
        seen.add(key)
        if key[0] + ".yaml" != file:
            wrong.append(f"{where}: namespace {key[0]}")
        spec = policy["spec"]
        if spec["podSelector"] == {} and sorted(spec["policyTypes"]) == ["Egress", "Ingress"] and len(spec) == 2:
            denied.add(key[0])
        for direction, side in (("ingress", "from"), ("egress", "to")):
            for rule in spec.get(direction, []):
                if not rule.get(side) or not rule.get("ports"):
                    wrong.append(f"{where}: {direction} without {side} or ports")
                for peer in rule.get(side) or []:
                    if not peer or ("ipBlock" in peer and not ipaddress.ip_network(peer["ipBlock"]["cidr"]).is_private):
                        wrong.append(f"{where}: {direction} peer {peer}")
    wrong += [f"{name} has no default deny" for name in namespaces - denied]
    return wrong


def ports_of(output, label):
    """TCP ports on which others may open connections to pods with this label."""
    return {port["port"] for _, policy in network_policies(output)
            if policy["spec"]["podSelector"].get("matchLabels", {}).get("app.kubernetes.io/name") == label
            for rule in policy["spec"].get("ingress", []) for port in rule["ports"] if port["protocol"] == "TCP"}


def egress_of(output, label):
    return [rule for _, policy in network_policies(output)
            if policy["spec"]["podSelector"].get("matchLabels", {}).get("app.kubernetes.io/name") == label
            for rule in policy["spec"].get("egress", [])]


def numbers(ports):
    return {int(port.split("/")[0]) for port in ports if port != "icmp"}


def xpander(name, spec, output, known):
    wrong = [f"{label} is open on {sorted(ports_of(output, label))}" for label, port in known.items()
             if ports_of(output, label) != {port}]
    check(f"{name}: components are open on their documented ports only", wrong)
    check(f"{name}: the code runner has no egress at all", egress_of(output, "xpander-code-runner"))
    check(f"{name}: every catalogue is denied", sorted(CATALOGUES - set(spec["boundary"]["deny"])))
    check(f"{name}: the workers reach no address block but the resolver's",
          [rule for rule in egress_of(output, "xpander-agent-worker") if any("ipBlock" in peer for peer in rule["to"])
           and {port["port"] for port in rule["ports"]} != {53}])
    with open(os.path.join(output, "nftables", "airtight.nft"), encoding="utf-8") as file:
        firewall = file.read()
    check(f"{name}: the firewall names xpander Cloud's addresses",
          [address for address in ("15.197.85.80", "166.117.85.46") if address not in firewall])
    with open(os.path.join(output, "rpz", "names.zone"), encoding="utf-8") as file:
        zone = file.read()
    check(f"{name}: the zone names the vendor's control plane, PrivateLink included, and hosted models",
          [host for host in ("xpander.ai", "deployment-manager-privatelink.xpander.ai", "openai.com", "anthropic.com")
           if not any(line.split()[:1] in ([host], ["*." + host]) or
                      (line and host.endswith("." + line.split()[0].removeprefix("*.")))
                      for line in zone.splitlines())])


def airgapped(name, spec, output):
    xpander(name, spec, output, {**XPANDER, **NEWER})
    endpoints = spec["endpoints"]
    check(f"{name}: local model runtimes stand on their usual ports",
          [runtime for runtime, port in RUNTIMES.items() if numbers(endpoints[runtime]["ports"]) != {port}])
    check(f"{name}: inside systems stand on their usual ports",
          [system for system, ports in INSIDE.items() if numbers(endpoints[system]["ports"]) != ports])
    check(f"{name}: time and names", [which for which, ports in (("time", {123}), ("resolvers", {53}))
                                      if numbers(endpoints[which]["ports"]) != ports])
    check(f"{name}: no PrivateLink name", [host for endpoint in endpoints.values()
                                           for host in endpoint.get("names", []) if host.endswith("amazonaws.com")])
    check(f"{name}: the mode", [] if spec["boundary"]["mode"] == "airgapped" else [spec["boundary"]["mode"]])


def private_vpc(name, spec, output):
    xpander(name, spec, output, XPANDER)
    check(f"{name}: the mode", [] if spec["boundary"]["mode"] == "private-vpc" else [spec["boundary"]["mode"]])
    check(f"{name}: Bedrock answers under its real name", [] if BEDROCK in spec["endpoints"]["bedrock-runtime"]["names"] else ["no"])
    with open(os.path.join(output, "policy.json"), encoding="utf-8") as file:
        check(f"{name}: policy.json has the mode", [] if '"private-vpc"' in json.dumps(json.load(file)) else ["no"])
    with open(os.path.join(output, "bind", "named.conf"), encoding="utf-8") as file:
        configuration = file.read()
    check(f"{name}: the resolver asks for the endpoints' names and for no AWS zone above them",
          [zone for zone in ("amazonaws.com", "eu-central-1.amazonaws.com") if f'zone "{zone}"' in configuration]
          + ([] if f'zone "{BEDROCK}"' in configuration else [BEDROCK]))


def main():
    if len(sys.argv) not in (2, 3):
        print(__doc__)
        return 2
    airtight = os.path.abspath(sys.argv[1])
    policies = os.path.abspath(os.path.join(os.path.dirname(__file__), "..", "policies"))
    keep = os.path.abspath(sys.argv[2]) if len(sys.argv) == 3 else None
    with open(os.path.join(policies, "README.md"), encoding="utf-8") as file:
        readme = file.read()
    names = sorted(name for name in os.listdir(policies) if name.endswith(".yaml"))
    check("the four specs are there", [name for name in ("dual-stack.yaml", "minimal.yaml", "xpander-airgapped.yaml",
                                                         "xpander-private-vpc.yaml") if name not in names])
    schema = json.loads(run(airtight, "schema")[1])
    try:
        import jsonschema
    except ImportError:
        jsonschema = None
        print("SKIPPED the schema of the language: the Python module jsonschema is not installed")
    for name in names:
        path = os.path.join(policies, name)
        check(f"{name}: listed in README.md", [] if f"`{name}`" in readme else ["no"])
        with open(path, encoding="utf-8") as file:
            spec = yaml.safe_load(file)
        if jsonschema:
            check(f"{name}: the schema accepts it",
                  [error.message for error in jsonschema.Draft202012Validator(schema).iter_errors(spec)])
        with tempfile.TemporaryDirectory() as work:
            output = os.path.join(work, "out")
            status, _, errors = run(airtight, "compile", path, "-o", output, "--at", DAY)
            check(f"{name}: compiles without a diagnostic", [errors.strip() or status] if status or errors.strip() else [])
            if status:
                continue
            first = tree(output)
            status, out, errors = run(airtight, "compile", path, "-o", output, "--at", DAY, "--check")
            check(f"{name}: --check is clean", [out + errors] if status else [])
            run(airtight, "compile", path, "-o", output, "--at", DAY)
            check(f"{name}: a second compile is identical", [] if tree(output) == first else ["it is not"])
            if keep:
                kept = os.path.join(keep, name.removesuffix(".yaml"))
                shutil.rmtree(kept, ignore_errors=True)
                shutil.copytree(output, kept)
            namespaces = {w.get("namespace", spec.get("defaults", {}).get("namespace")) for w in spec["workloads"].values()}
            check(f"{name}: its NetworkPolicies are well formed", wrong_policies(output, namespaces))
            if name == "xpander-airgapped.yaml":
                airgapped(name, spec, output)
            elif name == "xpander-private-vpc.yaml":
                private_vpc(name, spec, output)
    print(f"{failures} failed")
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
