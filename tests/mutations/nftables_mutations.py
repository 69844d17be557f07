"""One change in the text of an nftables file of our own shape."""

import ipaddress
import re

RULE_INDENT = re.compile(r"    \S")


def blocks(lines, kind):
    """(name, index of the opening line, index of the closing one) of every chain or set."""
    opening = None
    for index, line in enumerate(lines):
        match = re.match(rf"  {kind} (\S+) {{$", line)
        if match:
            opening = match[1], index
        elif line == "  }" and opening:
            yield (*opening, index)
            opening = None


def rules(lines, pattern=""):
    """(chain, index) of every rule whose text matches."""
    for name, first, last in blocks(lines, "chain"):
        for index in range(first + 1, last):
            if (
                RULE_INDENT.match(lines[index])
                and not re.match(r"    (#|type )", lines[index])
                and re.search(pattern, without_comment(lines[index]))
            ):
                yield name, index


def without_comment(line):
    return line.split(' comment "')[0]


def pick(rng, found):
    found = list(found)
    return rng.choice(found) if found else None


def substitute(rng, lines, found, pattern, new):
    """One line, one place: the match becomes `new`."""
    place = pick(rng, found)
    if not place:
        return None
    index = place[1]
    matches = list(re.finditer(pattern, without_comment(lines[index])))
    if not matches:
        return None
    match = rng.choice(matches)
    old = lines[index]
    text = new(match) if callable(new) else match.expand(new)
    lines[index] = old[: match.start()] + text + old[match.end() :]
    return f"{place[0]}: {without_comment(old).strip()} becomes {without_comment(lines[index]).strip()}"


def remove_line(rng, lines, pattern):
    place = pick(rng, rules(lines, pattern))
    return place and f"{place[0]} without: {without_comment(lines.pop(place[1])).strip()}"


def remove_rule(rng, lines):
    return remove_line(rng, lines, "")


def remove_drop(rng, lines):
    return remove_line(rng, lines, r"goto drop_|\bdrop$")


def remove_outside_first(rng, lines):
    return remove_line(rng, lines, "goto outside")


def remove_accept(rng, lines):
    return remove_line(rng, lines, r"\baccept$|goto pass_")


def elements(lines):
    """(set, index, match) of every element as written."""
    for name, first, last in blocks(lines, "set"):
        for index in range(first + 1, last):
            if lines[index].startswith("      "):
                for match in re.finditer(r"[0-9a-fx:./-]*[0-9a-f][0-9a-fx:./-]*", lines[index].split("#")[0]):
                    yield name, index, match


def widen_element(rng, lines):
    place = pick(rng, elements(lines))
    if not place:
        return None
    name, index, match = place
    bits = rng.randint(1, 8)
    if match[0].startswith("0x"):
        first, _, last = match[0].partition("-")
        digits, mask = len(first) - 2, (1 << bits) - 1
        width = int(last or first, 16) - int(first, 16) + 1
        mask = width * (1 << bits) - 1
        low = int(first, 16) & ~mask if width & (width - 1) == 0 else max(0, int(first, 16) - mask)
        new = f"0x{low:0{digits}x}-0x{int(last or first, 16) | mask if low else mask:0{digits}x}"
    elif "-" in match[0]:
        return None
    else:
        network = ipaddress.ip_network(match[0])
        new = str(network.supernet(new_prefix=max(0, network.prefixlen - bits)))
    lines[index] = lines[index][: match.start()] + new + lines[index][match.end() :]
    return f"{name}: {match[0]} becomes {new}"


def add_element(rng, lines):
    place = pick(rng, elements(lines))
    if not place:
        return None
    name, index, match = place
    if match[0].startswith("0x"):
        new = {8: ["0xcb007109", "0x08080808"], 32: ["0x20010db8000000000000000000000099"]}.get(
            len(match[0].split("-")[0]) - 2
        )
    else:
        new = ["2001:db8::99", "2606:4700::1111"] if ":" in match[0] else ["203.0.113.9", "8.8.8.8"]
    if not new:
        return None
    new = rng.choice(new)
    lines[index] = f"{lines[index][:match.start()]}{new}, {lines[index][match.start():]}"
    return f"{name} has {new} too"


def remove_element(rng, lines):
    place = pick(rng, elements(lines))
    if not place:
        return None
    name, index, match = place
    rest = re.sub(r"^\s*,\s*", " ", lines[index][match.end() :], count=1)
    lines[index] = lines[index][: match.start()] + rest.lstrip()
    return f"{name} without {match[0]}"


def base_chain(lines, pattern):
    return ((name, first + 1) for name, first, _ in blocks(lines, "chain") if re.search(pattern, lines[first + 1]))


def policy_accept(rng, lines):
    return substitute(rng, lines, base_chain(lines, "policy drop"), "policy drop", "policy accept")


def change_hook(rng, lines):
    return substitute(
        rng,
        lines,
        base_chain(lines, r"hook (forward|output|egress)"),
        r"hook \w+",
        lambda m: rng.choice(
            ["hook ingress"] if "egress" in m[0] else ["hook input", "hook postrouting", "hook prerouting"]
        ),
    )


def change_priority(rng, lines):
    return substitute(
        rng, lines, base_chain(lines, "priority"), r"priority \w+", lambda _: f"priority {rng.choice([-50, 10, 300])}"
    )


def change_device(rng, lines):
    return substitute(rng, lines, base_chain(lines, "device"), r'device "\w+"', 'device "dummy7"')


def swap_rules(rng, lines):
    place = pick(rng, rules(lines))
    if not place or not RULE_INDENT.match(lines[place[1] + 1]) or lines[place[1] + 1].lstrip().startswith("#"):
        return None
    index = place[1]
    lines[index], lines[index + 1] = lines[index + 1], lines[index]
    return f"{place[0]}: rules swapped, now first: {without_comment(lines[index]).strip()}"


def established_first(rng, lines):
    place = pick(rng, rules(lines, "ct state"))
    if not place:
        return None
    rule = lines.pop(place[1])
    first = next(first for name, first, _ in blocks(lines, "chain") if name == place[0])
    lines.insert(first + 2, rule)
    return f"{place[0]}: {without_comment(rule).strip()} stands first"


def drop_family(rng, lines):
    pattern = rng.choice(["nfproto ipv4|@ll,96,16 0x0800", "nfproto ipv6|@ll,96,16 0x86dd"])
    place = pick(rng, rules(lines, pattern))
    if not place:
        return None
    gone = [index for name, index in rules(lines, pattern) if name == place[0]]
    for index in reversed(gone):
        del lines[index]
    return f"{place[0]}: all {len(gone)} rules gone that match {pattern}"


def widen_port(rng, lines):
    return substitute(
        rng,
        lines,
        rules(lines, "dport"),
        r"dport (\d+)(-\d+)?",
        lambda m: rng.choice([f"dport {m[1]}-65535", f"dport 1-{m[1]}", f"dport {int(m[1]) - 1}-{m[1]}"]),
    )


def widen_ports(rng, lines):
    return substitute(
        rng,
        lines,
        rules(lines, "dport"),
        r"(tcp|udp|sctp) dport (\d+(-\d+)?|\{[^}]*\})",
        lambda m: f"meta l4proto {m[1]}",
    )


def change_protocol(rng, lines):
    return substitute(
        rng,
        lines,
        rules(lines, "dport"),
        r"(tcp|udp|sctp) dport",
        lambda m: f"{rng.choice(['tcp', 'udp', 'sctp'])} dport",
    )


def accept_in_drop_chain(rng, lines):
    return substitute(rng, lines, rules(lines, r"^    drop$"), "drop", "accept")


def accept_instead(rng, lines):
    return substitute(rng, lines, rules(lines, "goto (drop_|outside|refused)"), r"goto \S+", "accept")


def drop_instead(rng, lines):
    return substitute(rng, lines, rules(lines, r"accept$|goto pass_"), r"(accept|goto \S+)$", "drop")


def remove_chain(rng, lines):
    place = pick(
        rng, ((name, first, last) for name, first, last in blocks(lines, "chain") if "hook" in lines[first + 1])
    )
    if not place:
        return None
    del lines[place[1] : place[2] + 1]
    return f"base chain {place[0]} gone"


def change_ethertype(rng, lines):
    return substitute(
        rng,
        lines,
        rules(lines, "@ll,96,16 0x"),
        r"(@ll,96,16 )0x\w+",
        lambda m: m[1] + rng.choice(["0x8847", "0x88a8", "0x8864", "0x0800", "0x86dd"]),
    )


def change_offset(rng, lines):
    return substitute(
        rng,
        lines,
        rules(lines, "@ll,(240|304)"),
        r"@ll,(240|304)",
        lambda m: {"240": "@ll,208", "304": "@ll,176"}[m[1]],
    )


def insert_accept(rng, lines):
    place = pick(rng, rules(lines))
    if not place:
        return None
    new = rng.choice(
        ["accept", "accept", "meta l4proto udp accept", "ct state established accept", "udp dport 53 accept", "return"]
    )
    if new != "accept" and "@ll" in lines[place[1]]:
        new = "accept"
    lines.insert(place[1], "    " + new)
    return f"{place[0]}: {new} before {without_comment(lines[place[1] + 1]).strip()}"


MATCH = r"(meta nfproto ipv\d )?(?!ip option)(ip6?|tcp|udp|sctp|icmp|icmpv6|ct|meta) \w+ (!= )?(@[\w-]+|\{[^}]*\}|[\w,-]+) |@ll,\d+,\d+ (& \w+ )?(!= )?(@[\w-]+|\{[^}]*\}|\w+) "


def drop_match(rng, lines):
    return substitute(rng, lines, rules(lines, MATCH), MATCH, "")


def negate(rng, lines):
    return substitute(rng, lines, rules(lines, "!= "), "!= ", "")


def change_set(rng, lines):
    names = [name for name, _, _ in blocks(lines, "set")]

    def other(match):
        family = re.search(r"_v\d$", match[1])
        return "@" + rng.choice([n for n in names if not family or n.endswith(family[0])])

    return substitute(rng, lines, rules(lines, "@[a-z]+_"), r"@([a-z]\w*(-\w+)*_v\d)", other)


def mutation(change):
    def on_text(rng, text, _truth):
        lines = text.split("\n")
        said = change(rng, lines)
        return ("\n".join(lines), said) if said else None

    return on_text


MUTATIONS = {
    change.__name__.replace("_", " "): mutation(change)
    for change in (
        remove_rule,
        remove_drop,
        remove_outside_first,
        remove_accept,
        widen_element,
        add_element,
        remove_element,
        policy_accept,
        change_hook,
        change_priority,
        change_device,
        swap_rules,
        established_first,
        drop_family,
        widen_port,
        widen_ports,
        change_protocol,
        accept_in_drop_chain,
        accept_instead,
        drop_instead,
        remove_chain,
        change_ethertype,
        change_offset,
        insert_accept,
        drop_match,
        negate,
        change_set,
    )
}
