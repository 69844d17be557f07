"""Random isolation specs, valid by the language's own rules; a seed gives the same spec anywhere."""

import ipaddress

PORTS = ["8080/tcp", "9090/tcp", "443/tcp", "7000-7005/tcp", "5353/udp", "514/udp", "3868/sctp", "2905-2906/sctp"]
ROLES = ["llm", "connector", "registry", "log", "metrics", "ntp", "proxy", "storage", "other"]
CATALOGUES = [
    "xpander-cloud",
    "hosted-llm",
    "cloud-metadata",
    "doh",
    "telemetry",
    "public-registries",
    "saas",
    "tunnels",
]
RANGES = {  # name: one range a family
    "pods": ("10.42.0.0/16", "fd00:42::/56"),
    "services": ("10.43.0.0/16", "fd00:43::/112"),
    "nodes": ("10.10.0.0/24", "fd00:10::/64"),
}


class Spec:
    """`document` is the spec as YAML holds it; `families` are 4, 6 or both."""

    def __init__(self, rng):
        self.rng = rng
        self.families = rng.choice([[4], [6], [4, 6], [4, 6], [4, 6]])
        self.document = {
            "apiVersion": "airtight.dev/v1",
            "kind": "IsolationSpec",
            "metadata": {"name": "random", "owner": "tests"},
            "defaults": {"namespace": "agents"},
            "boundary": self.boundary(),
            "workloads": self.workloads(),
            "endpoints": self.endpoints(),
        }
        self.document["flows"] = self.flows()
        exceptions = self.exceptions()
        if exceptions:
            self.document["exceptions"] = exceptions
        self.document["dns"] = self.dns()
        self.document["targets"] = ["networkpolicy", "nftables", "rpz", "bind"]

    def maybe(self, chance):
        return self.rng.random() < chance

    def both(self, v4, v6):
        return [text for family, text in ((4, v4), (6, v6)) if family in self.families]

    def some(self, items, low, high):
        return self.rng.sample(items, self.rng.randint(low, min(high, len(items))))

    def boundary(self):
        cluster = {"version": "1.29"}
        for name, (v4, v6) in RANGES.items():
            cluster[name] = self.both(v4, v6)
        cluster["dns"] = {
            "namespace": "kube-system",
            "labels": {"k8s-app": "kube-dns"},
            "service": self.both("10.43.0.10", "fd00:43::a"),
        }
        if 4 in self.families and self.maybe(0.2):
            cluster["dns"]["nodeLocal"] = ["169.254.20.10"]
        if self.maybe(0.7):
            cluster["apiServer"] = self.both("10.10.0.1:6443", "[fd00:10::1]:6443")
        cluster["uplinks"] = self.some(["eth0", "eth1"], 1, 2)
        if self.maybe(0.3):
            cluster["l2"] = self.some(["vlan", "lldp"], 1, 2)
        if self.maybe(0.3):
            cluster["dhcp"] = ["v4", "v6"] if len(self.families) == 2 else [f"v{self.families[0]}"]
        if self.maybe(0.3):
            cluster["tunnels"] = ["vxlan:8472"]
        boundary = {"mode": "airgapped", "cluster": cluster}
        if self.maybe(0.4):
            boundary["internal"] = [{"cidr": c, "why": "branch"} for c in self.both("10.31.0.0/16", "fd00:31::/64")]
        if self.maybe(0.2):
            groups = self.both("224.0.0.18", "ff02::12")
            boundary["multicast"] = [{"group": g, "protocol": "vrrp", "why": "routers"} for g in groups]
        boundary["deny"] = self.some(CATALOGUES, 0, 5)
        return boundary

    def workloads(self):
        namespaces = ["agents", *self.some(["tools", "data"], 0, 2)]
        workloads, whole = {}, set()
        for number in range(self.rng.randint(1, 6)):
            workload = {"namespace": self.rng.choice(namespaces), "labels": {"app": f"w{number}"}}
            if self.maybe(0.2):
                workload["labels"]["tier"] = self.rng.choice(["front", "back"])
            if self.maybe(0.06) and workload["namespace"] not in whole:
                whole.add(workload["namespace"])
                workload["labels"] = {}
            ports = self.some(PORTS, 0, 3)
            if ports:
                workload["serves"] = {f"p{i}": port for i, port in enumerate(ports)}
            if self.maybe(0.15):
                workload["host"] = True
            elif self.maybe(0.3):
                workload["dns"] = "none"
            workloads[f"w{number}"] = workload
        return workloads

    def endpoints(self):
        endpoints = {
            "resolvers": {
                "role": "dns",
                "addresses": self.both("10.20.0.53", "fd00:20::53"),
                "ports": ["53/udp", "53/tcp"],
            }
        }
        for number in range(self.rng.randint(0, 4)):
            v4, v6 = f"10.20.{number + 1}.10", f"fd00:20:{number + 1}::10"
            if self.maybe(0.3):
                v4, v6 = (
                    f"10.20.{number + 1}.16/{self.rng.randint(28, 31)}",
                    f"fd00:20:{number + 1}::/{self.rng.randint(112, 126)}",
                )
            addresses = self.both(v4, v6)
            if self.maybe(0.2):
                addresses = addresses[:1]
            endpoint = {"role": self.rng.choice(ROLES), "addresses": addresses, "ports": self.some(PORTS, 1, 3)}
            if self.maybe(0.5):
                endpoint["names"] = [f"e{number}.corp.example"]
            endpoints[f"e{number}"] = endpoint
        if self.maybe(0.5):
            endpoints["desktops"] = {
                "role": "client",
                "addresses": self.both("10.30.0.0/16", "fd00:30::/64"),
                "why": "browsers",
            }
        return endpoints

    def flows(self):
        workloads, endpoints = self.document["workloads"], self.document["endpoints"]
        served = [f"{name}.{port}" for name, w in workloads.items() for port in w.get("serves", {})]
        systems = [name for name in endpoints if name not in ("resolvers", "desktops")]
        sources = [*workloads, "nodes"]
        kinds = [(sources, served), (sources, served), (sources, systems), (sources, systems)]
        if "desktops" in endpoints:
            kinds.append((["desktops"], served))
        if "apiServer" in self.document["boundary"]["cluster"]:
            kinds += [(list(workloads), ["api-server"]), (["api-server"], served)]
        flows = [{"from": "cluster-dns", "to": "resolvers", "why": "inside zones"}]
        seen = {("cluster-dns", "resolvers")}
        for _ in range(self.rng.randint(1, 9)):
            origins, targets = self.rng.choice(kinds)
            if not targets:
                continue
            pair = self.rng.choice(origins), self.rng.choice(targets)
            if pair in seen or pair[0] == pair[1].split(".")[0] and workloads.get(pair[0], {}).get("host"):
                continue
            seen.add(pair)
            flow = {"from": pair[0], "to": pair[1], "why": "tests"}
            if pair[1] in systems and self.maybe(0.3):
                flow["ports"] = self.some(endpoints[pair[1]]["ports"], 1, 1)
            flows.append(flow)
        if self.maybe(0.3):
            flows.append({"from": "nodes", "to": "resolvers", "why": "the nodes' own names"})
        return flows

    def exceptions(self):
        found = []
        for to in self.both(self.rng.choice(["203.0.113.7/32", "203.0.113.16/28"]), "2001:db8:1::/64"):
            if self.maybe(0.2):
                found.append(
                    {
                        "from": self.rng.choice([*self.document["workloads"], "nodes"]),
                        "to": to,
                        "ports": self.some(PORTS, 1, 2),
                        "ticket": "SEC-1",
                        "approvedBy": "ciso",
                        "expires": "2027-06-30",
                    }
                )
        return found

    def dns(self):
        zones = [{"name": "corp.example", "forward": ["resolvers"]}]
        if self.maybe(0.4):
            zones.append({"name": "lab.internal", "forward": ["resolvers"]})
        if self.maybe(0.3) and 4 in self.families:
            zones.append({"name": "20.10.in-addr.arpa", "forward": ["resolvers"]})
        dns = {"mode": "allowlist", "zones": zones}
        if self.maybe(0.4):
            dns["deny"] = ["secret.corp.example"]
        return dns


class Truth:
    """What the spec declares, worked out without the compiler: for judging what a mutation changed."""

    def __init__(self, document):
        self.document = document
        cluster = self.cluster = document["boundary"]["cluster"]
        networks = []
        for name in RANGES:
            networks += cluster[name]
        networks += cluster["dns"].get("nodeLocal", [])
        networks += [text.rsplit(":", 1)[0].strip("[]") for text in cluster.get("apiServer", [])]
        networks += [entry["cidr"] for entry in document["boundary"].get("internal", [])]
        for endpoint in document["endpoints"].values():
            networks += endpoint["addresses"]
        self.inside = [ipaddress.ip_network(text) for text in [*networks, "127.0.0.0/8", "::1/128"]]
        dns = document["dns"]
        self.denied_names = dns.get("deny", [])
        self.inside_names = [zone["name"] for zone in dns["zones"]] + ["cluster.local"]
        self.inside_names += [name for endpoint in document["endpoints"].values() for name in endpoint.get("names", [])]
        self.namespaces = sorted({"agents", *(w["namespace"] for w in document["workloads"].values())})

    def is_inside(self, address):
        return any(address in network for network in self.inside if network.version == address.version)

    def is_inside_name(self, name):
        def below(tops):
            return any(name == top or name.endswith("." + top) for top in tops)

        if below(self.denied_names):
            return False
        if name.endswith(".in-addr.arpa"):
            labels = name.removesuffix(".in-addr.arpa").split(".")[::-1]
            if len(labels) <= 4 and all(label.isdigit() and int(label) < 256 for label in labels):
                block = ipaddress.ip_network((".".join(labels + ["0"] * (4 - len(labels))), 8 * len(labels)))
                if any(block.subnet_of(network) for network in self.inside if network.version == 4):
                    return True
        return below(self.inside_names)

    def is_host(self, name):
        return name == "nodes" or self.document["workloads"].get(name, {}).get("host", False)

    def addresses(self, name):
        """Networks by which the firewall sees a party."""
        if name in self.document["endpoints"]:
            return [ipaddress.ip_network(text) for text in self.document["endpoints"][name]["addresses"]]
        if name == "api-server":
            return [ipaddress.ip_network(text.rsplit(":", 1)[0].strip("[]")) for text in self.cluster["apiServer"]]
        return [ipaddress.ip_network(text) for text in self.cluster["nodes" if self.is_host(name) else "pods"]]

    def ports(self, flow):
        """(protocol, first, last) of a flow."""
        if "ports" in flow:
            texts = flow["ports"]
        elif "." in flow["to"]:
            name, port = flow["to"].split(".")
            texts = [self.document["workloads"][name]["serves"][port]]
        elif flow["to"] == "api-server":
            texts = [text.rsplit(":", 1)[1] + "/tcp" for text in self.cluster["apiServer"]]
        else:
            texts = self.document["endpoints"][flow["to"]]["ports"]
        for text in texts:
            span, protocol = text.split("/")
            first, _, last = span.partition("-")
            yield protocol, int(first), int(last or first)

    def flows(self):
        """(from, to, protocol, first, last), implied questions to cluster-dns among them."""
        for flow in self.document["flows"]:
            for port in self.ports(flow):
                yield (flow["from"], flow["to"].split(".")[0], *port)
        for name, workload in self.document["workloads"].items():
            if workload.get("dns") != "none":
                yield name, "cluster-dns", "udp", 53, 53
                yield name, "cluster-dns", "tcp", 53, 53
