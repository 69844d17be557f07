"""The cluster that the cases share: its specs, addresses and the time at which packets were seen."""
import datetime

AT = "2026-11-01"  # the day on which the specs are compiled
BASE = """
apiVersion: airtight.dev/v1
kind: IsolationSpec
metadata: {name: base, owner: tests}
defaults: {namespace: app}
boundary:
  mode: airgapped
  cluster:
    pods: [10.42.0.0/16, "fd00:42::/56"]
    services: [10.43.0.0/16]
    nodes: [10.10.0.0/24, "fd00:10::/64"]
    domain: cluster.local
    dns: {namespace: kube-system, labels: {k8s-app: kube-dns}, service: 10.43.0.10}
    uplinks: [eth0]
    apiServer: ["10.10.0.1:6443"]
    tunnels: ["vxlan:8472", "wireguard:51820"]
    dhcp: [v4]
    l2: []
  internal:
    - {cidr: 10.20.0.0/24, why: servers}
    - {cidr: "fd00:20::/64", why: servers}
    - {cidr: 10.30.0.0/16, why: office}
  multicast: [{group: 224.0.0.18, protocol: vrrp, why: the nodes share an address}]
  deny: [xpander-cloud, hosted-llm, cloud-metadata, doh]
workloads:
  web: {labels: {app: web}, serves: {http: 8080/tcp}}
endpoints:
  vllm: {role: llm, addresses: [10.20.0.10, "fd00:20::10"], ports: [8000/tcp], names: [vllm.corp.example]}
  resolvers: {role: dns, addresses: [10.20.0.53], ports: [53/udp, 53/tcp]}
  gateway: {role: proxy, addresses: [10.20.0.40], ports: [80/tcp, 443/tcp, 443/udp, 1080/tcp, 3128/tcp]}
  desktops: {role: client, addresses: [10.30.0.0/16], why: people's browsers}
flows:
  - {from: web, to: vllm, why: local inference}
  - {from: web, to: gateway, why: the proxy of the site}
  - {from: desktops, to: web.http, why: the web interface}
  - {from: cluster-dns, to: resolvers, why: inside zones are forwarded}
exceptions:
  - {from: web, to: 203.0.113.7/32, ports: [443/tcp], ticket: SEC-12, approvedBy: ciso, expires: 2026-12-31}
  - {from: nodes, to: 203.0.113.8/32, ports: [123/udp], ticket: SEC-13, approvedBy: ciso, expires: 2026-12-31}
dns:
  mode: allowlist
  zones: [{name: corp.example, forward: [resolvers]}]
targets: [networkpolicy]
"""
SPECS = {
    "base": BASE,
    # Tags, LLDP and DHCPv6 are declared too.
    "l2": BASE.replace("l2: []", "l2: [vlan, qinq, lldp]").replace("dhcp: [v4]", "dhcp: [v4, v6]"),
    "no-dhcp": BASE.replace("    dhcp: [v4]\n", ""),
    "no-vrrp": BASE.replace("  multicast: [{group: 224.0.0.18, protocol: vrrp, why: the nodes share an address}]\n", ""),
}

POD, POD2, COREDNS = "10.42.0.77", "10.42.1.8", "10.42.0.3"
NODE, NODE2 = "10.10.0.5", "10.10.0.6"
VLLM, RESOLVER, GATEWAY = "10.20.0.10", "10.20.0.53", "10.20.0.40"
SERVER, OFFICE = "10.20.0.99", "10.30.0.5"  # inside, and no endpoint with ports
OUT, OUT2 = "203.0.113.10", "198.51.100.9"
POD_EXCEPTION, NODE_EXCEPTION = "203.0.113.7", "203.0.113.8"
POD6, POD62, NODE6, NODE62 = "fd00:42::77", "fd00:42::108", "fd00:10::5", "fd00:10::6"
VLLM6, SERVER6, OUT6 = "fd00:20::10", "fd00:20::99", "2001:db8::10"

OUTSIDE_NAME, INSIDE_NAME = "www.example.org", "wiki.corp.example"


def moment(*when):
    return int(datetime.datetime(*when, tzinfo=datetime.timezone.utc).timestamp()) * 1_000_000


NOW = moment(2026, 11, 20, 12)           # microseconds; exceptions are in force
LAST = moment(2026, 12, 31, 23, 59, 59)  # the last second of theirs
LATER = moment(2027, 1, 1)               # they have expired
