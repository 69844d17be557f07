#!/usr/bin/env python3
"""Prints an isolation spec with PREFIXES inside prefixes, half of each family, over 200 workloads: generate_spec.py PREFIXES [refused]

Each workload has a flow to one endpoint, and the endpoints share the prefixes. The IPv4 ones (/25 to /32) lie in 10.128.0.0/9, the IPv6 ones (/48 to
/64) in fd20::/16, never side by side, so that nothing collapses. Always the same for the same PREFIXES. With `refused` one field is
unknown, so that the program reads everything and stops before it resolves or emits.
"""
import ipaddress
import random
import sys

WORKLOADS = 200


def prefixes(count):
    draw = random.Random(count)
    half = count // 2
    v4 = [(10 << 24) + (1 << 23) + slot * 128 for slot in draw.sample(range(1 << 16), half)]
    v6 = [(0xFD20 << 112) + (slot << 81) for slot in draw.sample(range(1 << 31), count - half)]
    yield from (f"{ipaddress.ip_address(first)}/{draw.randint(26, 32)}" for first in v4)
    yield from (f'"{ipaddress.ip_address(first)}/{draw.randint(48, 64)}"' for first in v6)


def main():
    count = int(sys.argv[1])
    every = list(prefixes(count))
    lines = ["apiVersion: airtight.dev/v1", "kind: IsolationSpec", "metadata: {name: bench, owner: tests}", "defaults: {namespace: bench}",
             "boundary:", "  mode: airgapped", "  cluster:", "    pods: [10.42.0.0/16]", "    services: [10.43.0.0/16]",
             "    nodes: [10.10.0.0/24]", "    dns: {namespace: kube-system, labels: {k8s-app: kube-dns}, service: 10.43.0.10}",
             "    uplinks: [eth0]", "  deny: [xpander-cloud, hosted-llm, cloud-metadata, doh]", "workloads:"]
    lines += [f"  w{i}: {{labels: {{app: w{i}}}, serves: {{http: 8080/tcp}}}}" for i in range(WORKLOADS)]
    lines += ["endpoints:", "  resolvers: {role: dns, addresses: [10.20.0.53], ports: [53/udp, 53/tcp]}"]
    for i in range(WORKLOADS):
        lines.append(f"  e{i}:\n    role: connector\n    ports: [443/tcp]\n    addresses:")
        lines += [f"      - {prefix}" for prefix in every[i::WORKLOADS]]
    lines.append("flows:")
    lines += [f"  - {{from: w{i}, to: e{i}, why: data {i}}}" for i in range(WORKLOADS)]
    lines += ["  - {from: cluster-dns, to: resolvers, why: inside zones are forwarded}",
              "dns: {mode: allowlist, zones: [{name: corp.example, forward: [resolvers]}]}",
              "targets: [networkpolicy, nftables, rpz, bind]"]
    if sys.argv[2:] == ["refused"]:
        lines.append("unknown: field")
    print("\n".join(lines))


if __name__ == "__main__":
    main()
