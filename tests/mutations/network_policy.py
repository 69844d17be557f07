"""NetworkPolicies as Python sees them: one mutation at a time, and a slow, obvious reading of what they allow."""

import functools
import ipaddress
import itertools

import yaml

LABEL = "kubernetes.io/metadata.name"
DIRECTIONS = [("Ingress", "ingress", "from"), ("Egress", "egress", "to")]


# --- mutations: each changes `documents` in one place and says what it did, or returns None


def rules(documents):
    """(policy, "ingress" or "egress", "from" or "to", index) of every rule."""
    for policy in documents:
        for _, direction, side in DIRECTIONS:
            for index in range(len(policy["spec"].get(direction, []))):
                yield policy, direction, side, index


def peers(documents, wanted=()):
    """(list, index) of every peer that has all the wanted keys."""
    for policy, direction, side, index in rules(documents):
        listed = policy["spec"][direction][index].get(side, [])
        for place, peer in enumerate(listed):
            if all(key in peer for key in wanted):
                yield listed, place


def ports(documents):
    for policy, direction, _, index in rules(documents):
        yield from policy["spec"][direction][index].get("ports", [])


def selectors(documents):
    for policy in documents:
        yield policy["spec"]["podSelector"]
    for listed, place in peers(documents):
        yield from (listed[place][key] for key in ("podSelector", "namespaceSelector") if key in listed[place])


def pick(rng, found):
    found = list(found)
    return rng.choice(found) if found else None


def widen_prefix(rng, documents):
    place = pick(rng, peers(documents, ["ipBlock"]))
    if not place:
        return None
    block = place[0][place[1]]["ipBlock"]
    network = ipaddress.ip_network(block["cidr"])
    block["cidr"] = str(network.supernet(new_prefix=max(0, network.prefixlen - rng.randint(1, 8))))
    return f"{network} becomes {block['cidr']}"


def remove_policy_type(rng, documents):
    policy = rng.choice(documents)
    kind = rng.choice(policy["spec"]["policyTypes"])
    policy["spec"]["policyTypes"].remove(kind)
    return f"{policy['metadata']['name']} without {kind}"


def drop_family(rng, documents):
    version = rng.choice([4, 6])
    gone = 0
    for policy, direction, side, index in list(rules(documents)):
        rule = policy["spec"][direction][index]
        if side in rule:
            kept = [
                p
                for p in rule[side]
                if "ipBlock" not in p or ipaddress.ip_network(p["ipBlock"]["cidr"]).version != version
            ]
            gone += len(rule[side]) - len(kept)
            rule[side] = kept
    return f"all {gone} blocks of IPv{version} gone, lists left empty where nothing else stood" if gone else None


def remove_rule(rng, documents):
    place = pick(rng, rules(documents))
    if not place:
        return None
    policy, direction, _, index = place
    del policy["spec"][direction][index]
    return f"{policy['metadata']['name']} without {direction} rule {index}"


def remove_policy(rng, documents):
    gone = documents.pop(rng.randrange(len(documents)))
    return f"{gone['metadata']['name']} gone"


def widen_port(rng, documents):
    port = pick(rng, ports(documents))
    if not port:
        return None
    port["endPort"] = min(65535, port.get("endPort", port["port"]) + rng.choice([1, 2, 100, 65535]))
    return f"endPort {port['endPort']}"


def remove_ports(rng, documents):
    place = pick(rng, (p for p in rules(documents) if p[0]["spec"][p[1]][p[3]].get("ports")))
    if not place:
        return None
    policy, direction, _, index = place
    del policy["spec"][direction][index]["ports"]
    return f"{policy['metadata']['name']}, {direction} rule {index} without ports"


def remove_port_number(rng, documents):
    port = pick(rng, ports(documents))
    if not port:
        return None
    port.pop("endPort", None)
    return f"{port['protocol']} without its port {port.pop('port')}"


def change_label(rng, documents):
    selector = pick(rng, (s for s in selectors(documents) if s.get("matchLabels")))
    if not selector:
        return None
    key = rng.choice(sorted(selector["matchLabels"]))
    old, new = selector["matchLabels"][key], rng.choice(["other", "w0", "w1", "agents", "tools"])
    selector["matchLabels"][key] = new
    return f"{key}: {old} becomes {new}" if old != new else None


def drop_label(rng, documents):
    selector = pick(rng, (s for s in selectors(documents) if s.get("matchLabels")))
    if not selector:
        return None
    key = rng.choice(sorted(selector["matchLabels"]))
    return f"{key}: {selector['matchLabels'].pop(key)} gone"


def empty_peers(rng, documents):
    place = pick(rng, (p for p in rules(documents) if p[0]["spec"][p[1]][p[3]].get(p[2])))
    if not place:
        return None
    policy, direction, side, index = place
    policy["spec"][direction][index][side] = []
    return f"{policy['metadata']['name']}, {direction} rule {index} with an empty {side}"


def remove_pod_selector(rng, documents):
    place = pick(rng, peers(documents, ["podSelector", "namespaceSelector"]))
    if not place:
        return None
    del place[0][place[1]]["podSelector"]
    return f"a peer is all of {place[0][place[1]]}"


def remove_namespace_selector(rng, documents):
    place = pick(rng, peers(documents, ["podSelector", "namespaceSelector"]))
    if not place:
        return None
    del place[0][place[1]]["namespaceSelector"]
    return f"a peer is {place[0][place[1]]} of the policy's own namespace"


def split_peer(rng, documents):
    place = pick(rng, peers(documents, ["podSelector", "namespaceSelector"]))
    if not place:
        return None
    listed, index = place
    peer = listed.pop(index)
    listed += [{key: value} for key, value in peer.items()]
    return f"{peer} becomes two peers"


def allow_everything(rng, documents):
    policy = rng.choice(documents)
    direction = rng.choice(["ingress", "egress"])
    policy["spec"].setdefault(direction, []).append({})
    return f"{policy['metadata']['name']}: {direction}: [{{}}]"


def change_namespace(rng, documents):
    policy = rng.choice(documents)
    old = policy["metadata"]["namespace"]
    policy["metadata"]["namespace"] = rng.choice([n for n in ("agents", "tools", "data", "elsewhere") if n != old])
    return f"{policy['metadata']['name']} moves from {old} to {policy['metadata']['namespace']}"


def change_protocol(rng, documents):
    port = pick(rng, ports(documents))
    if not port:
        return None
    old = port["protocol"]
    port["protocol"] = rng.choice([p for p in ("TCP", "UDP", "SCTP") if p != old])
    return f"port {port.get('port')}: {old} becomes {port['protocol']}"


def add_outside_block(rng, documents):
    place = pick(rng, peers(documents))
    if not place:
        return None
    block = rng.choice(["203.0.113.9/32", "2001:db8:9::/48", "0.0.0.0/1", "::/0"])
    place[0].append({"ipBlock": {"cidr": block}})
    return f"a peer more: {block}"


def swap_directions(rng, documents):
    policy = pick(rng, (p for p in documents if ("ingress" in p["spec"]) != ("egress" in p["spec"])))
    if not policy:
        return None
    spec = policy["spec"]
    old, new = ("ingress", "egress") if "ingress" in spec else ("egress", "ingress")
    sides = {"ingress": "from", "egress": "to"}
    spec[new] = [
        {sides[new] if key == sides[old] else key: value for key, value in rule.items()} for rule in spec.pop(old)
    ]
    return f"{policy['metadata']['name']}: the {old} rules stand under {new}"


def mutation(change):
    """On text: None if it does not apply."""

    def on_text(rng, text, _truth):
        documents = list(yaml.load_all(text, Loader=yaml.CSafeLoader))
        said = change(rng, documents)
        return (
            (yaml.dump_all(documents, Dumper=yaml.CSafeDumper, sort_keys=False, explicit_start=True), said)
            if said
            else None
        )

    return on_text


MUTATIONS = {
    change.__name__.replace("_", " "): mutation(change)
    for change in (
        widen_prefix,
        remove_policy_type,
        drop_family,
        remove_rule,
        remove_policy,
        widen_port,
        remove_ports,
        remove_port_number,
        change_label,
        drop_label,
        empty_peers,
        remove_pod_selector,
        remove_namespace_selector,
        split_peer,
        allow_everything,
        change_namespace,
        change_protocol,
        add_outside_block,
        swap_directions,
    )
}


# --- the oracle: one packet at a time, as the API documents say


network_of = functools.lru_cache(None)(ipaddress.ip_network)


def matches(selector, labels):
    return all(labels.get(key) == value for key, value in selector.get("matchLabels", {}).items())


def peer_matches(peer, own_namespace, other):
    """`other` is (namespace, labels) of a pod, or an address."""
    if "ipBlock" in peer:
        return not isinstance(other, tuple) and other in network_of(peer["ipBlock"]["cidr"])
    if not isinstance(other, tuple):
        return False
    namespace, labels = other
    if "namespaceSelector" in peer:
        return matches(peer["namespaceSelector"], {LABEL: namespace}) and matches(
            peer.get("podSelector", {}), dict(labels)
        )
    return namespace == own_namespace and matches(peer["podSelector"], dict(labels))


def port_matches(entry, protocol, number):
    if entry.get("protocol", "TCP") != protocol:
        return False
    return "port" not in entry or entry["port"] <= number <= entry.get("endPort", entry["port"])


def granted(policies, pod, kind, direction, side, other):
    """The `ports` of every rule that lets `other` and the pod talk; None where no policy isolates the pod here."""
    namespace, labels = pod
    found = None
    for policy in policies:
        if policy["metadata"]["namespace"] != namespace or not matches(policy["spec"]["podSelector"], dict(labels)):
            continue
        if kind not in policy["spec"].get("policyTypes", []):
            continue
        found = found or []
        for rule in policy["spec"].get(direction) or []:
            if not rule.get(side) or any(peer_matches(peer, namespace, other) for peer in rule[side]):
                found.append(rule.get("ports") or [])
    return found


def allows(grants, protocol, number):
    if grants is None:
        return True
    return any(not entries or any(port_matches(entry, protocol, number) for entry in entries) for entries in grants)


def universe(worlds, namespaces):
    """Pods, addresses and port numbers at which any rule of the two worlds could decide otherwise."""
    labels, addresses, numbers = {()}, set(), {1, 65535}
    for documents in worlds:
        for selector in selectors(documents):
            labels.add(tuple(sorted(selector.get("matchLabels", {}).items())))
        for listed, place in peers(documents, ["ipBlock"]):
            network = ipaddress.ip_network(listed[place]["ipBlock"]["cidr"])
            top, kind = 2**network.max_prefixlen - 1, type(network.network_address)
            first, last = int(network.network_address), int(network.broadcast_address)
            addresses |= {kind(min(max(n, 0), top)) for n in (first - 1, first, last, last + 1)}
        for port in ports(documents):
            if "port" in port:
                edges = (
                    port["port"] - 1,
                    port["port"],
                    port.get("endPort", port["port"]),
                    port.get("endPort", port["port"]) + 1,
                )
                numbers |= {min(max(n, 1), 65535) for n in edges}
    addresses |= {
        ipaddress.ip_address(text) for text in ("192.0.2.1", "198.51.100.1", "203.0.113.1", "2001:db8::1", "fe80::1")
    }
    label_sets = {l for l in labels if not any(key == LABEL for key, _ in l)} | {(("app", "nobody"),)}
    pods = [(namespace, l) for namespace in [*namespaces, "kube-system", "elsewhere"] for l in sorted(label_sets)]
    return pods, sorted(addresses, key=lambda a: (a.version, a)), sorted(numbers)


def difference(before, after, truth):
    """One packet that the two decide otherwise, in words, or None. `before` and `after` are lists of texts."""
    worlds = [
        [d for text in texts for d in yaml.load_all(text, Loader=yaml.CSafeLoader) if d] for texts in (before, after)
    ]
    pods, addresses, numbers = universe(worlds, truth.namespaces)
    for pod, (kind, direction, side), other in itertools.product(pods, DIRECTIONS, [*pods, *addresses]):
        old, new = (granted(world, pod, kind, direction, side, other) for world in worlds)
        if old == new:
            continue
        for protocol, number in itertools.product(("TCP", "UDP", "SCTP"), numbers):
            if allows(old, protocol, number) != allows(new, protocol, number):
                verb = "denies" if allows(old, protocol, number) else "allows"
                return {
                    "reason": None if worlds[1] else "layer absent",
                    "text": f"now {verb} {kind} of {pod}, other end {other}, {protocol} {number}",
                }
    return None
