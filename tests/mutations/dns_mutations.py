"""One change in a named.conf, a response policy zone or the sealed root."""

import ipaddress
import re

OUTSIDE = ["203.0.113.53", "8.8.8.8", "2001:db8::53"]


def triggers(lines):
    return [index for index, line in enumerate(lines) if re.match(r"\S+ CNAME ", line)]


def draw_trigger(rng, lines, pattern=""):
    found = [index for index in triggers(lines) if re.search(pattern, lines[index])]
    if not found:
        return None
    # Catalogues are thousands of lines that a wildcard or a wider prefix covers: mostly something else.
    rare = [
        i
        for i in found
        if lines[i].startswith(("_inside", "*", "secret", "*.secret")) or lines[i].endswith("rpz-ip CNAME .")
    ]
    return rng.choice(rare if rare and rng.random() < 0.6 else found)


def remove_trigger(rng, lines):
    index = draw_trigger(rng, lines)
    return index and f"without {lines.pop(index)}"


def pass_trigger(rng, lines):
    index = draw_trigger(rng, lines, r" CNAME \.")
    if not index:
        return None
    lines[index] = lines[index].replace(" CNAME .", " CNAME rpz-passthru.")
    return lines[index]


def drop_wildcard(_rng, lines):
    if "* CNAME ." not in lines:
        return None
    lines.remove("* CNAME .")
    return "without * CNAME ."


def add_pass(rng, lines):
    if "* CNAME ." not in lines:
        return None
    lines.append(
        rng.choice(
            [
                "evil.example CNAME rpz-passthru.",
                "*.evil.example CNAME rpz-passthru.",
                "evil.corp.example CNAME rpz-passthru.",
                "_inside.evil.example CNAME .",
            ]
        )
    )
    return f"and {lines[-1]}"


def change_prefix(rng, lines):
    """An address trigger one bit shorter or longer, host bits cleared."""
    index = draw_trigger(rng, lines, r"^\d+\.\S+\.rpz-ip CNAME")
    if not index:
        return None
    owner = lines[index].split(".rpz-ip")[0]
    network = prefix_of(owner)
    length = network.prefixlen + rng.choice([-2, -1, 1, 2])
    if not 1 <= length <= network.max_prefixlen:
        return None
    changed = (
        ipaddress.ip_network((int(network.network_address), length), strict=False)
        if length > network.prefixlen
        else network.supernet(new_prefix=length)
    )
    if network.version == 6 and changed.version == 4:
        return None
    lines[index] = lines[index].replace(owner, owner_of(changed), 1)
    return f"{network} becomes {changed}"


def prefix_of(owner):
    """A network of an owner without .rpz-ip (draft-vixie-dnsop-dns-rpz §4.3)."""
    length, *parts = owner.split(".")
    groups = parts[::-1]
    if "zz" in groups:
        gap = groups.index("zz")
        return ipaddress.ip_network(f"{':'.join(groups[:gap])}::{':'.join(groups[gap + 1 :])}/{length}")
    if len(groups) == 8:
        return ipaddress.ip_network(f"{':'.join(groups)}/{length}")
    return ipaddress.ip_network(f"{'.'.join(reversed(parts))}/{length}")


def owner_of(network):
    if network.version == 4:
        return f"{network.prefixlen}.{'.'.join(reversed(str(network.network_address).split('.')))}"
    groups = str(network.network_address).replace("::", ":zz:").strip(":").split(":")
    return f"{network.prefixlen}.{'.'.join(reversed(groups))}"


def zone_blocks(lines):
    """(name, first, last) of every zone statement of a named.conf."""
    opening = None
    for index, line in enumerate(lines):
        match = re.match(r'zone "([^"]+)" {$', line)
        if match:
            opening = match[1], index
        elif line == "};" and opening:
            yield (*opening, index)
            opening = None


def pick(rng, found):
    found = list(found)
    return rng.choice(found) if found else None


def policy_uses(lines):
    return [index for index, line in enumerate(lines) if re.match(r'        zone "airtight-\w+" policy', line)]


def remove_policy_use(rng, lines):
    index = pick(rng, policy_uses(lines))
    return index and f"response-policy without {lines.pop(index).strip()}"


def disable_policy_use(rng, lines):
    index = pick(rng, policy_uses(lines))
    if not index:
        return None
    lines[index] = lines[index].replace("policy given", f"policy {rng.choice(['disabled', 'passthru'])}")
    return lines[index].strip()


def swap_policy_uses(_rng, lines):
    uses = policy_uses(lines)
    if len(uses) < 2:
        return None
    lines[uses[0]], lines[uses[1]] = lines[uses[1]], lines[uses[0]]
    return "zones of response-policy swapped"


def add_forwarder(rng, lines):
    if "options {" not in lines:
        return None
    new = f"    forwarders {{ {rng.choice([*OUTSIDE, '10.20.0.53'])}; }};"
    lines.insert(lines.index("options {") + 1, new)
    return new.strip()


def change_forwarder(rng, lines):
    index = pick(rng, (i for i, line in enumerate(lines) if re.match(r"        [0-9a-f.:]+;  # endpoint", line)))
    if not index:
        return None
    lines[index] = f"        {rng.choice(OUTSIDE)};"
    return f"forwarder {lines[index].strip()}"


def remove_zone(rng, lines):
    place = pick(rng, zone_blocks(lines))
    if not place:
        return None
    del lines[place[1] : place[2] + 1]
    return f"without zone {place[0]}"


def root_is_forwarded(rng, lines):
    place = next((b for b in zone_blocks(lines) if b[0] == "."), None)
    if not place:
        return None
    lines[place[1] + 1 : place[2]] = [
        "    type forward;",
        f"    forwarders {{ {rng.choice([*OUTSIDE, '10.20.0.53'])}; }};",
    ]
    return 'zone "." is forwarded'


def root_is_hint(_rng, lines):
    place = next((b for b in zone_blocks(lines) if b[0] == "."), None)
    if not place:
        return None
    lines[place[1] + 1] = "    type hint;"
    return 'zone "." is of type hint'


def replace_line(rng, lines, pattern, new):
    index = pick(rng, (i for i, line in enumerate(lines) if re.search(pattern, line)))
    if index is None:
        return None
    old = lines[index]
    lines[index] = re.sub(pattern, new, old)
    return f"{old.strip()} becomes {lines[index].strip() or 'nothing'}"


def drop_forward_only(rng, lines):
    return replace_line(rng, lines, r"    forward only;", "")


def widen_zone(rng, lines):
    return replace_line(rng, lines, r'^zone "\w+\.(\w[^"]*)" {', r'zone "\1" {')


def wait_recurse(rng, lines):
    return replace_line(rng, lines, "qname-wait-recurse no", "qname-wait-recurse yes")


def keep_dnssec(rng, lines):
    return replace_line(rng, lines, "break-dnssec yes", "break-dnssec no")


def ask_anybody(rng, lines):
    return replace_line(rng, lines, r"^(server \S+/0 { bogus) yes", r"\1 no")


def ask_no_forwarder(rng, lines):
    return replace_line(rng, lines, r"^(server [^/ ]+ { bogus) no", r"\1 yes")


def is_root(lines):
    return "$ORIGIN ." in lines


def delegate_outside(rng, lines):
    if not is_root(lines):
        return None
    lines.append(
        rng.choice(
            [
                "evil.example. NS ns.airtight.invalid.",
                "evil.example. NS ns.evil.example.\nns.evil.example. A 203.0.113.53",
                "com. NS ns.corp.example.",
            ]
        )
    )
    return f"root with {lines[-1]}"


def root_address(rng, lines):
    if not is_root(lines):
        return None
    lines.append(
        rng.choice(
            [
                "evil.example. A 203.0.113.9",
                "ns.airtight.invalid. A 203.0.113.53",
                "ns.airtight.invalid. AAAA 2001:db8::53",
                "evil.example. TXT data",
                "evil.example. CNAME a.corp.example.",
            ]
        )
    )
    return f"root with {lines[-1]}"


def remove_delegation(rng, lines):
    index = pick(rng, (i for i, line in enumerate(lines) if re.search(r"\. NS ns\.airtight", line)))
    return index and f"root without {lines.pop(index)}"


def mutation(change):
    def on_text(rng, text, _truth):
        lines = text.split("\n")
        said = change(rng, lines)
        return ("\n".join(lines), said) if said else None

    return on_text


MUTATIONS = {
    change.__name__.replace("_", " "): mutation(change)
    for change in (
        remove_trigger,
        pass_trigger,
        drop_wildcard,
        add_pass,
        change_prefix,
        remove_policy_use,
        disable_policy_use,
        swap_policy_uses,
        add_forwarder,
        change_forwarder,
        remove_zone,
        root_is_forwarded,
        root_is_hint,
        drop_forward_only,
        widen_zone,
        wait_recurse,
        keep_dnssec,
        ask_anybody,
        ask_no_forwarder,
        delegate_outside,
        root_address,
        remove_delegation,
    )
}
