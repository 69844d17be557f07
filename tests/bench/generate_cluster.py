#!/usr/bin/env python3
"""Writes a cluster as an API server would list it: generate_cluster.py PODS POLICIES FORMAT DIR

FORMAT: json   a PodList of small pods (about 250 bytes each) and a NetworkPolicyList, as `kubectl get -o json` without status
        full   `kubectl get -o yaml`: the same objects with the fields that a real one has (about 5 kB a pod)
Every namespace has a default deny, so that the answer is "proven" and every rule is looked at.
"""
import json
import os
import sys

PODS, POLICIES, FORMAT, DIRECTORY = int(sys.argv[1]), int(sys.argv[2]), sys.argv[3], sys.argv[4]
NAMESPACES = max(1, POLICIES // 40)


def pod(n):
    ns, app = f"ns{n % NAMESPACES}", f"app{n // NAMESPACES % 37}"
    made = {"apiVersion": "v1", "kind": "Pod",
            "metadata": {"name": f"{app}-{n}", "namespace": ns, "labels": {"app": app, "tier": f"t{n % 3}"}},
            "spec": {"containers": [{"name": "c", "image": "registry.corp.example/app", "ports": [{"containerPort": 8080}]}]}}
    if FORMAT == "full":
        made["metadata"]["annotations"] = {f"example.com/annotation-{i}": "x" * 120 for i in range(8)}
        made["metadata"]["managedFields"] = [{"manager": f"m{i}", "operation": "Update", "apiVersion": "v1", "fieldsType": "FieldsV1",
                                              "fieldsV1": {f"f:field{j}": {"f:sub": {}} for j in range(12)}} for i in range(4)]
        made["spec"]["containers"][0]["env"] = [{"name": f"VARIABLE_{i}", "value": "v" * 30} for i in range(20)]
        made["status"] = {"phase": "Running", "podIPs": [{"ip": f"10.42.{n // 250 % 250}.{n % 250 + 1}"}],
                          "conditions": [{"type": t, "status": "True", "lastTransitionTime": "2026-11-25T00:00:00Z"} for t in ("Ready", "Initialized")]}
    return made


def policy(n):
    ns = f"ns{n % NAMESPACES}"
    made = {"apiVersion": "networking.k8s.io/v1", "kind": "NetworkPolicy", "metadata": {"name": f"p{n}", "namespace": ns}}
    if n < NAMESPACES:
        made["spec"] = {"podSelector": {}, "policyTypes": ["Ingress", "Egress"]}
        return made
    app, other = f"app{n // NAMESPACES % 37}", f"app{(n // NAMESPACES + 1) % 37}"
    made["spec"] = {"podSelector": {"matchLabels": {"app": app}}, "policyTypes": ["Ingress", "Egress"],
                    "ingress": [{"from": [{"podSelector": {"matchLabels": {"app": other}}}], "ports": [{"port": 8080}]}],
                    "egress": [{"to": [{"ipBlock": {"cidr": f"10.{n % 200}.{n // 200 % 200}.0/24", "except": [f"10.{n % 200}.{n // 200 % 200}.128/25"]}}],
                                "ports": [{"port": 443}]},
                               {"to": [{"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": f"ns{(n + 1) % NAMESPACES}"}},
                                        "podSelector": {"matchLabels": {"app": other}}}], "ports": [{"port": 8080}]}]}
    return made


def yaml_text(value, indent=0):
    """Block style as kubectl prints it."""
    pad = "  " * indent
    if isinstance(value, dict):
        for key, item in value.items():
            if isinstance(item, (dict, list)) and item:
                yield f"{pad}{key}:\n"
                yield from yaml_text(item, indent if isinstance(item, list) else indent + 1)
            else:
                yield f"{pad}{key}: {json.dumps(item) if isinstance(item, str) and not item.replace('-', '').isalnum() else item if not isinstance(item, dict) else '{}'}\n"
    else:
        for item in value:
            if not isinstance(item, (dict, list)):
                yield f"{pad}- {item}\n"
                continue
            lines = "".join(yaml_text(item, indent + 1))
            yield pad + "- " + lines[len(pad) + 2:]


def main():
    os.makedirs(DIRECTORY, exist_ok=True)
    for name, make, count in (("pods", pod, PODS), ("policies", policy, POLICIES)):
        if FORMAT == "json":
            with open(f"{DIRECTORY}/{name}.json", "w") as out:
                out.write('{"apiVersion":"v1","kind":"List","items":[')
                for n in range(count):
                    out.write((",\n" if n else "") + json.dumps(make(n), separators=(",", ":")))
                out.write("]}\n")
        else:
            with open(f"{DIRECTORY}/{name}.yaml", "w") as out:
                out.write("apiVersion: v1\nitems:\n")
                for n in range(count):
                    out.write("".join(yaml_text([make(n)])))
                out.write("kind: List\nmetadata:\n  resourceVersion: \"\"\n")


main()
