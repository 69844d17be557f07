"""Rulesets for verify_lab.py, made at random from a seed: nftables tables with chains that lead into each other, and filter tables of
iptables.
"""
import ipaddress
import random

import kernel_rulesets


class RandomRuleset:
    """Chains that jump into each other, over a few ranges that cut one another."""

    def __init__(self, seed):
        self.random = random.Random(seed)
        self.v4 = [self.range_of(4) for _ in range(4)]
        self.v6 = [self.range_of(6) for _ in range(3)]
        self.ports = [self.port_range() for _ in range(4)]

    def range_of(self, version):
        base, bits = (("10.0.0.0", 32), ("2001:db8::", 128))[version == 6]
        size = self.random.choice((0, 1, 2, 4, 7, 8, 16, 22))
        address = (int(ipaddress.ip_address(base)) + (self.random.getrandbits(24))) >> size << size
        whole = {4: ipaddress.IPv4Address, 6: ipaddress.IPv6Address}[version]
        if self.random.random() < 0.3:
            return f"{whole(address)}-{whole(address + self.random.randint(1, 5000))}"
        return f"{whole(address)}/{bits - size}" if size else f"{whole(address)}"

    def port_range(self):
        first = self.random.choice((1, 22, 53, 80, 443, 1024, 8000, 65535))
        return f"{first}-{min(65535, first + self.random.randint(1, 200))}" if first < 65535 and self.random.random() < 0.5 else f"{first}"

    def some(self, values):
        """One range, a set of several, or not these."""
        chosen = self.random.sample(values, self.random.choice((1, 1, 2, 3)))
        text = chosen[0] if len(chosen) == 1 else "{ " + ", ".join(dict.fromkeys(chosen)) + " }"
        return "!= " + text if self.random.random() < 0.2 else text

    def match(self, families, senders):
        parts = []
        version = self.random.choice(families)
        family, addresses = ("ip", self.v4) if version == 4 else ("ip6", self.v6)
        if self.random.random() < 0.75:
            parts.append(f"{family} daddr {self.some(addresses)}")
        if senders and self.random.random() < 0.2:
            parts.append(f"{family} saddr {self.some(addresses)}")
        protocol = self.random.choice(("tcp", "udp", "tcp", "th", "l4proto", "none"))
        if protocol == "th":
            parts.append(f"meta l4proto {{ tcp, udp }} th dport {self.some(self.ports)}")
        elif protocol == "l4proto":
            parts.append(f"meta l4proto {self.random.choice(('tcp', 'udp', '!= tcp'))}")
        elif protocol != "none":
            parts.append(f"{protocol} dport {self.some(self.ports)}")
        if self.random.random() < 0.1:
            parts.append(f"ct state {self.random.choice(('new', 'established,related', 'invalid', 'new,established'))}")
        return " ".join(parts)

    def rules(self, jumps, families, senders):
        verdicts = ["accept", "accept", "drop", "return", "counter"] + [f"{how} {to}" for to in jumps for how in ("jump", "goto")]
        lines = []
        for _ in range(self.random.randint(2, 5)):
            if self.random.random() < 0.15:
                keys = self.random.sample(("22", "53", "80-90", "443", "1024-2000"), 3)
                lines.append(f"tcp dport vmap {{ {', '.join(f'{key} : {self.random.choice(verdicts[:4])}' for key in keys)} }}")
            else:
                lines.append(f"{self.match(families, senders)} {self.random.choice(verdicts)}".strip())
        return lines

    def table(self, name, family):
        families = {"inet": (4, 6), "ip": (4,), "ip6": (6,)}[family]
        lines = [f"table {family} {name} {{"]
        for chain, jumps in (("c", ()), ("b", ("c",)), ("a", ("b", "c"))):
            lines += [f"chain {chain} {{", *self.rules(jumps, families, False), "}"]
        for hook in ("forward", "output"):
            lines += [f"chain {hook} {{", f"type filter hook {hook} priority {self.random.randint(-9, 9)}; policy {self.random.choice(('accept', 'drop'))};"]
            lines += [*self.rules(("a", "b"), families, hook == "forward"), "}"]
        return "\n".join(lines + ["}"])

    def nft(self):
        tables = [self.table("t", self.random.choice(("inet", "inet", "ip", "ip6")))]
        if self.random.random() < 0.4:
            tables.append(self.table("u", "inet"))
        return "\n".join(tables) + "\n"

    def iptables(self):
        """IPv4 rules in the order user chains, FORWARD, OUTPUT; the first line has the policies."""
        lines = [f"ACCEPT {self.random.choice(('ACCEPT', 'DROP'))} {self.random.choice(('ACCEPT', 'DROP'))}"]
        for chain, jumps in (("FORWARD", ("a", "b")), ("OUTPUT", ("a", "b")), ("a", ("b",)), ("b", ())):
            verdicts = ["-j ACCEPT", "-j ACCEPT", "-j DROP", "-j RETURN"] + [f"-{how} {to}" for to in jumps for how in "jg"]
            for _ in range(self.random.randint(2, 5)):
                parts = [f"-A {chain}"]
                no = "! " if self.random.random() < 0.2 else ""
                destination = self.random.choice(self.v4)
                if "-" in destination:
                    parts.append(f"-m iprange {no}--dst-range {destination}")
                elif self.random.random() < 0.8:
                    parts.append(f"{no}-d {destination}")
                if self.random.random() < 0.6:
                    protocol = self.random.choice(("tcp", "udp"))
                    ports = [p.replace("-", ":") for p in dict.fromkeys(self.random.sample(self.ports, self.random.choice((1, 2))))]
                    no = "! " if self.random.random() < 0.2 else ""
                    parts.append(f"-p {protocol} -m multiport {no}--dports {','.join(ports)}")
                lines.append(" ".join(parts + [self.random.choice(verdicts)]))
        return "\n".join(lines)


def at_random(count):
    return [kernel_rulesets.nft(f"random {seed}", RandomRuleset(seed).nft()) for seed in range(count)] + [
        kernel_rulesets.iptables(f"random iptables {seed}", RandomRuleset(1000 + seed).iptables()) for seed in range(max(1, count // 3))
    ]
