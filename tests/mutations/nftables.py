"""What changed between two versions of the nftables files: packets near every edge are walked through both."""

import difflib
import ipaddress
import itertools
import random
import zlib

from nftables_mutations import MUTATIONS  # noqa: F401
from nftables_ruleset import FRAME_BITS, PATHS, PROTOCOLS, Ruleset, bits, changed, put

ROUTED = ("rt", "lsrr", "ssrr")  # an IPv6 routing header, IPv4 source routes: another address is where the packet goes


def rules_of(ruleset, family):
    """Everything that can differ between two rules, in order."""
    return [
        (table, name, text, str([test.ranges for test in tests]))
        for (table, name), chain in sorted(ruleset.chains.items())
        if table[0] == family
        for text, tests, _ in chain
    ]


def packets(old, new, family, rng):
    """Near every edge of every rule, many for rules that differ; the rest comes from another rule or by chance."""
    rules = {}
    for ruleset in (old, new):
        for (table, _), chain in sorted(ruleset.chains.items()):
            rules.update(
                {(text, str([t.ranges for t in tests])): tests for text, tests, _ in chain if table[0] == family}
            )
    listings = [rules_of(ruleset, family) for ruleset in (old, new)]
    changed_rules = set()
    for what, a, b, c, d in difflib.SequenceMatcher(None, *listings, autojunk=False).get_opcodes():
        if what != "equal":
            changed_rules |= {key[2:] for key in listings[0][a:b] + listings[1][c:d]}
    pools = {}
    for tests in rules.values():
        for test in tests:
            pools.setdefault("iifname" if test.pattern is not None else test.field, []).extend(test.edges(rng))

    def drawn():
        if family == "netdev":
            frame = put(
                rng.getrandbits(FRAME_BITS), 96, 16, rng.choice([0x0800, 0x0800, 0x86DD, 0x86DD, 0x8100, 0x0806])
            )
            frame = put(frame, 112, 8, 0x45) if bits(frame, 96, 16) == 0x0800 else frame
            frame = put(put(frame, 160, 8, 6), 144, 16, 40) if bits(frame, 96, 16) == 0x86DD else frame
            return {"frame": frame, "mark": 0, "length": 100}
        packet = {name: rng.choice(pool) for name, pool in pools.items()}
        packet.update(nfproto=rng.choice([4, 6]), lsrr=0, ssrr=0, rt=0, local=0, state=rng.choice([1, 2]), hoplimit=64)
        packet.setdefault("iifname", "eth0")
        fitting = [
            n for n in pools.get("saddr", []) + pools.get("daddr", []) if (n >= 1 << 32) == (packet["nfproto"] == 6)
        ]
        packet["saddr"], packet["daddr"] = (rng.choice(fitting or [1]) for _ in range(2))
        return packet

    everything = list(rules.values())
    for key, tests in sorted(rules.items(), key=lambda item: item[0]):
        for round in range(60 if key in changed_rules else 3):
            packet = drawn()
            for test in (rng.choice(everything) if round % 3 else []):
                packet = test.satisfy(packet, rng)
            for test in tests:
                packet = test.satisfy(packet, rng)
            yield packet
            for test in tests if round < 6 else []:
                edges = test.edges(rng)
                for number in edges if len(edges) < 5 else rng.sample(edges, 4):
                    yield changed(packet, test, number)
    for _ in range(300):
        yield drawn()


def address(number, version):
    return ipaddress.IPv4Address(number & 0xFFFFFFFF) if version == 4 else ipaddress.IPv6Address(number)


def ip_of_frame(packet):
    """The IP packet inside an untagged or once tagged frame, with the fields of an inet one; None if there is none."""
    frame = packet["frame"]
    shift = 32 if bits(frame, 96, 16) == 0x8100 else 0
    kind = bits(frame, 96 + shift, 16)
    if kind == 0x0800:
        first, plain = 272 + shift, bits(frame, 112 + shift, 8) == 0x45
        version, src, dst, proto = 4, (208 + shift, 32), (240 + shift, 32), (184 + shift, 8)
    elif kind == 0x86DD:
        first, plain = 432 + shift, bits(frame, 160 + shift, 8) in PROTOCOLS.values()
        version, src, dst, proto = 6, (176 + shift, 128), (304 + shift, 128), (160 + shift, 8)
    else:
        return None
    return {
        "nfproto": version,
        "saddr": bits(frame, *src),
        "daddr": bits(frame, *dst),
        "l4proto": bits(frame, *proto),
        "sport": bits(frame, first, 16),
        "dport": bits(frame, first + 16, 16),
        "rt": int(not plain),
        "state": 1,
    }


def is_declared(path, packet, truth):
    """Whether it is the first packet of a declared flow, as a packet without options leaves."""
    if packet.get("rt") or packet.get("lsrr") or packet.get("ssrr") or packet["state"] != 1:
        return False
    names = {number: name for name, number in PROTOCOLS.items()}
    source, target = (address(packet[side], packet["nfproto"]) for side in ("saddr", "daddr"))

    def among(networks, one):
        return any(one in network for network in networks if network.version == one.version)

    for origin, to, protocol, first, last in truth.flows():
        if names.get(packet["l4proto"]) != protocol or not first <= packet["dport"] <= last:
            continue
        if path == "forward" and (truth.is_host(origin) or origin == "api-server"):
            continue
        if path == "output" and not (truth.is_host(origin) or origin == "api-server"):
            continue
        if among(truth.addresses(to), target) and (path == "egress" or among(truth.addresses(origin), source)):
            return not (path == "output" and packet.get("local"))
    return False


def declared_packets(truth, family):
    """First packets of every declared flow and the replies to them, at the edges of addresses and ports."""
    for origin, to, protocol, first, last in truth.flows():
        for source, target in itertools.product(truth.addresses(origin), truth.addresses(to)):
            if source.version != target.version:
                continue
            for end, port in itertools.product((target.network_address, target.broadcast_address), (first, last)):
                packet = {
                    "nfproto": source.version,
                    "saddr": int(source.network_address),
                    "daddr": int(end),
                    "sport": 40000,
                    "dport": port,
                    "l4proto": PROTOCOLS[protocol],
                    "state": 1,
                    "lsrr": 0,
                    "ssrr": 0,
                    "rt": 0,
                    "local": 0,
                    "hoplimit": 64,
                    "iifname": "eth0",
                }
                if family == "netdev":
                    yield frame_of(packet)
                    continue
                yield packet
                yield {
                    **packet,
                    "state": 2,
                    "saddr": packet["daddr"],
                    "daddr": packet["saddr"],
                    "sport": port,
                    "dport": 40000,
                }


def frame_of(ip):
    v4 = ip["nfproto"] == 4
    fields = [
        (96, 16, 0x0800),
        (112, 8, 0x45),
        (184, 8, ip["l4proto"]),
        (208, 32, ip["saddr"]),
        (240, 32, ip["daddr"]),
        (272, 16, ip["sport"]),
        (288, 16, ip["dport"]),
    ]
    if not v4:
        fields = [
            (96, 16, 0x86DD),
            (112, 4, 6),
            (160, 8, ip["l4proto"]),
            (168, 8, 64),
            (176, 128, ip["saddr"]),
            (304, 128, ip["daddr"]),
            (432, 16, ip["sport"]),
            (448, 16, ip["dport"]),
        ]
    frame = 0
    for field in fields:
        frame = put(frame, *field)
    return {"frame": frame, "mark": 0, "length": 100}


def classify(path, packet, passes, raw_held, passed_plain, truth):
    """Why a packet that is treated otherwise now is no matter of the layer's claims; None if it is."""
    if path == "input":
        return "stays on the node"
    if path == "egress" and not raw_held:
        return "raw senders"
    ip = packet if path != "egress" else ip_of_frame(packet)
    if not passes:
        if not ip or not truth.is_inside(address(ip["daddr"], ip["nfproto"])):
            return "link messages"
        reply = {
            **ip,
            "state": 1,
            "saddr": ip["daddr"],
            "daddr": ip["saddr"],
            "sport": ip.get("dport"),
            "dport": ip.get("sport"),
        }
        if ip["state"] == 2 and is_declared(path, reply, truth):
            return "replies"
        return None if is_declared(path, ip, truth) else "no flow needs it"
    routed = ip and any(ip.get(mark) for mark in ROUTED)
    if routed and passed_plain:
        return "source route"
    if not ip or not truth.is_inside(address(ip["daddr"], ip["nfproto"])):
        return None
    return "source route" if routed else "toward inside"


def shown(packet):
    ip = packet if "frame" not in packet else ip_of_frame(packet)
    if not ip:
        return f"frame of type {bits(packet['frame'], 96, 16):#06x}"
    ends = " to ".join(str(address(ip[side], ip["nfproto"])) for side in ("saddr", "daddr"))
    return ends + ", " + ", ".join(f"{name} {number}" for name, number in ip.items() if name not in ("saddr", "daddr"))


def difference(before, after, truth):
    old, new = Ruleset(before), Ruleset(after)
    rng = random.Random(zlib.crc32("".join(after).encode()))
    egress = sorted({hook for ruleset in (old, new) for hook in ruleset.hooks if hook[0] == "egress"})
    raw_held = any(hook[0] == "egress" for hook in new.hooks)
    found = None
    for family, paths in (("inet", [(name, "") for name in PATHS]), ("netdev", egress)):
        for packet in itertools.chain(declared_packets(truth, family), packets(old, new, family, rng)):
            for path in paths:
                passes = new.passes(path, packet)
                if passes == old.passes(path, packet):
                    continue
                plain = {**packet, **dict.fromkeys(ROUTED, 0)} if family == "inet" else packet
                reason = classify(path[0], packet, passes, raw_held, old.passes(path, plain), truth)
                if not found or not reason:
                    found = {
                        "reason": reason,
                        "text": f"{' '.join(path).strip()} now {'passes' if passes else 'drops'} {shown(packet)}",
                    }
                if not reason:
                    return found
    return found
