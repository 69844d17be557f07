"""nftables files of our own shape as Python reads them: rules are walked for one packet at a time, first match wins."""

import fnmatch
import ipaddress
import re

FRAME_BITS = 800
WIDTHS = {
    "nfproto": 8,
    "saddr": 128,
    "daddr": 128,
    "l4proto": 8,
    "sport": 16,
    "dport": 16,
    "icmp type": 8,
    "icmp code": 8,
    "hoplimit": 8,
    "state": 3,
    "lsrr": 1,
    "ssrr": 1,
    "rt": 1,
    "local": 1,
    "mark": 32,
    "length": 16,
}
PROTOCOLS = {"icmp": 1, "tcp": 6, "udp": 17, "icmpv6": 58, "sctp": 132}
WORDS = {**PROTOCOLS, "ipv4": 4, "ipv6": 6, "invalid": 0, "new": 1, "established": 2, "related": 3, "untracked": 4}
ICMP_TYPES = {"redirect": 5, "router-advertisement": 9}
ICMPV6_TYPES = {
    "mld-listener-query": 130,
    "mld-listener-report": 131,
    "mld-listener-done": 132,
    "nd-router-solicit": 133,
    "nd-router-advert": 134,
    "nd-neighbor-solicit": 135,
    "nd-neighbor-advert": 136,
    "nd-redirect": 137,
    "mld2-listener-report": 143,
}
FIELDS = {  # words: (field, fields that they imply)
    ("meta", "nfproto"): ("nfproto", {}),
    ("meta", "l4proto"): ("l4proto", {}),
    ("meta", "mark"): ("mark", {}),
    ("meta", "length"): ("length", {}),
    ("ip", "saddr"): ("saddr", {"nfproto": 4}),
    ("ip", "daddr"): ("daddr", {"nfproto": 4}),
    ("ip6", "saddr"): ("saddr", {"nfproto": 6}),
    ("ip6", "daddr"): ("daddr", {"nfproto": 6}),
    ("ip6", "hoplimit"): ("hoplimit", {"nfproto": 6}),
    ("ct", "state"): ("state", {}),
    ("icmp", "type"): ("icmp type", {"nfproto": 4, "l4proto": 1}),
    ("icmpv6", "type"): ("icmp type", {"nfproto": 6, "l4proto": 58}),
    ("icmpv6", "code"): ("icmp code", {"nfproto": 6, "l4proto": 58}),
    **{(p, f"{s}port"): (f"{s}port", {"l4proto": PROTOCOLS[p]}) for p in ("tcp", "udp", "sctp") for s in "sd"},
}
PATHS = {  # the hooks that a packet of the IP stack meets
    "input": ("prerouting", "input"),
    "forward": ("prerouting", "forward", "postrouting"),
    "output": ("output", "postrouting"),
}
TOKEN = re.compile(r'"[^"]*"|@ll,\d+,\d+|[{}]|[^\s{}]+')


def value(text, field=""):
    """(first, last) of a literal."""
    text = text.strip().rstrip(",")
    names = {**ICMP_TYPES, **ICMPV6_TYPES} if field == "icmp type" else WORDS
    if text in names:
        return names[text], names[text]
    if re.fullmatch(r"0x[0-9a-f]+|\d+", text):
        return int(text, 0), int(text, 0)
    if "/" in text or re.search(r"\d\.\d|:", text) and "-" not in text:
        network = ipaddress.ip_network(text)
        return int(network.network_address), int(network.broadcast_address)
    first, last = text.split("-")
    return value(first)[0], value(last)[1]


class Test:
    def __init__(self, field, ranges, negated=False, mask=None, pattern=None):
        self.field, self.ranges, self.negated, self.mask, self.pattern = field, ranges, negated, mask, pattern

    def holds(self, packet):
        if self.pattern is not None:
            return fnmatch.fnmatchcase(packet["iifname"], self.pattern)
        number = packet.get(self.field, 0) if isinstance(self.field, str) else bits(packet["frame"], *self.field)
        if self.mask is not None:
            number &= self.mask
        return any(low <= number <= high for low, high in self.ranges) != self.negated

    def edges(self, rng):
        if self.pattern is not None:
            return [self.pattern.replace("*", "7"), "eth0"]
        if self.field == "nfproto":
            return [4, 6]
        width = WIDTHS[self.field] if isinstance(self.field, str) else self.field[1]
        chosen = self.ranges if len(self.ranges) <= 5 else rng.sample(self.ranges, 5)
        near = {n for low, high in chosen for n in (low - 1, low, high, high + 1)}
        return sorted(n for n in near if 0 <= n < 1 << width) or [0]

    def satisfy(self, packet, rng):
        fitting = [n for n in self.edges(rng) if self.holds(changed(packet, self, n))]
        return changed(packet, self, rng.choice(fitting)) if fitting else packet


def bits(frame, offset, length):
    return frame >> (FRAME_BITS - offset - length) & ((1 << length) - 1)


def put(frame, offset, length, number):
    shift = FRAME_BITS - offset - length
    return frame & ~(((1 << length) - 1) << shift) | number << shift


def changed(packet, test, number):
    if test.pattern is not None:
        return {**packet, "iifname": number}
    if isinstance(test.field, str):
        return {**packet, test.field: number}
    return {**packet, "frame": put(packet["frame"], *test.field, number)}


class Ruleset:
    """Files loaded one after the other: `chains` by table, `hooks` by (hook, device)."""

    def __init__(self, texts):
        self.sets, self.chains, self.hooks, self.policies = {}, {}, {}, {}
        for text in texts:
            self.load(text)

    def load(self, text):
        table = chain = current = None
        for line in text.split("\n"):
            line = line.split("  # ")[0] if not line.startswith(" " * 6) else line.split("#")[0]
            words = line.split()
            if not words or words[0].startswith("#"):
                continue
            if words[0] == "table" and words[-1] == "{":
                table = (words[1], words[2])
            elif line.startswith("  set "):
                current = self.sets.setdefault((table, words[1]), [])
            elif line.startswith("  chain "):
                chain = self.chains.setdefault((table, words[1]), [])
                name = words[1]
            elif line == "  }":
                chain = current = None
            elif chain is not None and words[0] == "type":
                device = re.search(r'device "([^"]+)"', line)
                hook = (words[3], device[1] if device else "")
                self.hooks.setdefault(hook, []).append((table, name))
                self.policies[table, name] = "drop" if "policy drop" in line else "accept"
            elif chain is not None:
                chain.append(self.rule(table, line.strip()))
            elif current is not None and line.startswith(" " * 6):
                current += [value(item) for item in re.split(r"[,\s]+", line.strip()) if item]

    def rule(self, table, text):
        tokens = TOKEN.findall(text)
        tests, verdict, at = [], None, 0
        while at < len(tokens):
            word = tokens[at]
            pair = tuple(tokens[at : at + 2])
            if word in ("accept", "drop", "return"):
                verdict, at = (word,), at + 1
            elif word in ("goto", "jump"):
                verdict, at = pair, at + 2
            elif word == "counter":
                at += 3 if tokens[at + 1 : at + 2] == ["name"] else 1
            elif pair == ("log", "prefix"):
                at += 3
            elif word == "comment":
                at += 2
            elif pair == ("limit", "rate"):
                at += 6 if "burst" in tokens[at : at + 5] else 3
            elif word == "iifname":
                tests.append(Test("iifname", [], pattern=tokens[at + 1].strip('"')))
                at += 2
            elif pair == ("ip", "option"):
                tests += [Test("nfproto", [(4, 4)]), Test(tokens[at + 2], [(1, 1)])]
                at += 4
            elif pair == ("exthdr", "rt"):
                tests += [Test("nfproto", [(6, 6)]), Test("rt", [(1, 1)])]
                at += 3
            elif pair == ("fib", "daddr"):
                tests.append(Test("local", [(1, 1)]))
                at += 4
            else:
                at = self.match(table, tokens, at, tests)
        return text, tests, verdict

    def match(self, table, tokens, at, tests):
        if tokens[at].startswith("@ll,"):
            _, offset, length = tokens[at].split(",")
            field, implied, at = (int(offset), int(length)), {}, at + 1
        else:
            field, implied = FIELDS[tuple(tokens[at : at + 2])]
            at += 2
        tests += [Test(name, [(number, number)]) for name, number in implied.items()]
        mask, negated = None, False
        if tokens[at] == "&":
            mask, at = int(tokens[at + 1], 0), at + 2
        if tokens[at] == "!=":
            negated, at = True, at + 1
        if tokens[at] == ">":
            ranges, at = [(int(tokens[at + 1]) + 1, 65535)], at + 2
        elif tokens[at] == "{":
            end = tokens.index("}", at)
            ranges, at = [value(item, field) for item in tokens[at + 1 : end]], end + 1
        elif tokens[at].startswith("@"):
            ranges, at = self.sets[table, tokens[at][1:]], at + 1
        else:
            ranges, at = [value(item, field) for item in tokens[at].split(",")], at + 1
        tests.append(Test(field, ranges, negated, mask))
        return at

    def walk(self, table, name, packet):
        """accept or drop, or None at the end of the chain or where it returns."""
        for _, tests, verdict in self.chains[table, name]:
            if verdict and all(test.holds(packet) for test in tests):
                if verdict[0] == "return":
                    return None
                if verdict[0] not in ("goto", "jump"):
                    return verdict[0]
                there = self.walk(table, verdict[1], packet)
                if there or verdict[0] == "goto":
                    return there
        return None

    def passes(self, path, packet):
        chains = [chain for hook in PATHS.get(path[0], path[:1]) for chain in self.hooks.get((hook, path[1]), [])]
        return all((self.walk(*chain, packet) or self.policies[chain]) == "accept" for chain in chains)
