"""The generated resolver as Python sees it: one name, one address at a time. Whom it asks, and what comes back."""

import ipaddress
import re

from dns_mutations import MUTATIONS, prefix_of  # noqa: F401

REFUSE, PASS = "refused", "passed"


class PolicyZone:
    """Names as RFC 4592 finds them; addresses by the longest prefix."""

    def __init__(self, text):
        self.names, self.addresses = {}, {}
        for match in re.finditer(r"(?m)^(\S+) CNAME (\S+)", text):
            owner, target = match[1].lower(), match[2]
            action = REFUSE if target in (".", "*.", "rpz-drop.") else PASS if target == "rpz-passthru." else target
            if owner.endswith(".rpz-ip"):
                self.addresses[prefix_of(owner[: -len(".rpz-ip")])] = action
            else:
                self.names[owner] = action
        self.nodes = {""} | {ancestor for name in self.names for ancestor in ancestors(name)}
        self.lengths = sorted({(n.version, n.prefixlen) for n in self.addresses}, reverse=True)

    def of_name(self, name):
        if name in self.nodes:
            return self.names.get(name)
        encloser = next(a for a in [*ancestors(name), ""] if a in self.nodes)
        return self.names.get(f"*.{encloser}" if encloser else "*")

    def of_address(self, address):
        for version, length in self.lengths:
            if version == address.version:
                action = self.addresses.get(
                    ipaddress.ip_network((int(address), length) if version == 4 else (address, length), strict=False)
                )
                if action:
                    return action
        return None


def ancestors(name):
    """The name itself, then what is above it, the root left out."""
    labels = name.split(".") if name else []
    return [".".join(labels[i:]) for i in range(len(labels))]


class Resolver:
    def __init__(self, texts):
        conf = next(text for text in texts if "response-policy" in text or "options {" in text)
        conf = re.sub(r"(?m)#.*$|//.*$", "", conf)
        zones = {}
        for text in texts:
            origin = re.search(r"(?m)^\$ORIGIN (\S+)", text)
            if origin:
                zones[origin[1].rstrip(".")] = text
        options = re.search(r"(?ms)^options \{(.*?)^\};", conf)[1]
        top = re.search(r"\n    forwarders \{([^}]*)\}", "\n" + options)
        self.forwarders = addresses(top[1]) if top else []
        self.early = "qname-wait-recurse no" in options
        self.bogus = {
            ipaddress.ip_network(m[1]): m[2] == "yes" for m in re.finditer(r"(?m)^server (\S+) \{ bogus (yes|no)", conf)
        }
        self.forward, self.primary = {}, {}
        for match in re.finditer(r'(?ms)^zone "([^"]+)" \{(.*?)^\};', conf):
            name, body = match[1].rstrip("."), match[2]
            inner = re.search(r"forwarders \{([^}]*)\}", body)
            if "type forward" in body:
                self.forward[name] = addresses(inner[1]) if inner else []
            elif "type primary" in body:
                self.primary[name] = zones.get(name, "")
        # A policy zone that is used and not configured makes the server refuse the whole file: here it holds nothing.
        uses = re.findall(r'zone "(airtight-\w+)" policy (\w+)', options)
        self.policies = [(PolicyZone(zones.get(name, "")), how) for name, how in uses]
        self.root = "" in self.primary
        text = self.primary.get("", "")
        self.delegations = {
            m[1].rstrip(".").lower(): m[2].rstrip(".") for m in re.finditer(r"(?m)^(\S+) NS (\S+)", text) if m[1] != "@"
        }
        self.glue = {m[1].rstrip("."): m[2] for m in re.finditer(r"(?m)^(\S+) (?:A|AAAA) (\S+)", text)}
        self.data = {m[1].rstrip(".") for m in re.finditer(r"(?m)^(\S+) (?:A|AAAA|TXT|CNAME) ", text)}

    def may_ask(self, address):
        fitting = [n for n in self.bogus if n.version == address.version and address in n]
        return not fitting or not self.bogus[max(fitting, key=lambda n: n.prefixlen)]

    def policy(self, name):
        """(action, whether it comes before anything is asked)."""
        early = self.early
        for zone, how in self.policies:
            early = early and not zone.addresses
            action = zone.of_name(name)
            if action and how != "disabled":
                return (PASS if how == "passthru" else action), early
        return None, early

    def upstream(self, name):
        """Addresses that are asked, or None where the server itself has the answer."""
        forwarded = next((a for a in [*ancestors(name), ""] if a in self.forward), None)
        delegated = next((a for a in ancestors(name) if a in self.delegations), None)
        if forwarded is not None:
            asked = self.forward[forwarded]
        elif self.root and not delegated:
            return None
        elif self.forwarders:
            asked = self.forwarders
        elif self.root:
            server = self.delegations[delegated]
            asked = [ipaddress.ip_address(self.glue[server])] if server in self.glue else []
            # A name server inside a forwarded zone is looked up there; whatever address comes back is asked.
            if server not in self.glue and any(a in self.forward for a in ancestors(server)):
                asked = [ipaddress.ip_address("198.41.0.4")]
        else:
            asked = [ipaddress.ip_address("198.41.0.4"), ipaddress.ip_address("2001:503:ba3e::2:30")]
        return [address for address in asked if self.may_ask(address)]

    def name(self, name):
        """(who is asked, what comes back): the same pair means that nobody can tell the difference."""
        action, early = self.policy(name)
        upstream = self.upstream(name)
        asked = frozenset() if action == REFUSE and early else frozenset(upstream or [])
        if action == REFUSE:
            return asked, "nothing"
        answered = bool(upstream) if upstream is not None else name in self.data
        return asked, ("unfiltered answer" if action == PASS else "answer") if answered else "nothing"

    def address_policy(self):
        return [(how, zone.addresses) for zone, how in self.policies if zone.addresses]

    def address(self, address):
        for zone, how in self.policies:
            action = zone.of_address(address)
            if action and how != "disabled":
                return PASS if how == "passthru" else action
        return PASS


def addresses(text):
    return [ipaddress.ip_address(item.strip()) for item in text.split(";") if item.strip()]


def names_near(old, new, truth):
    """Names at, above and below zones, delegations, inside names and triggers that changed; some of the others."""
    found = {
        "",
        "com",
        "a.example",
        "evil.example",
        "ns.airtight.invalid",
        "evil.corp.example",
        "example",
        "internal",
        "arpa",
        "10.in-addr.arpa",
        "1.0.20.10.in-addr.arpa",
        "9.113.0.203.in-addr.arpa",
        *truth.inside_names,
        *truth.denied_names,
    }
    near = [*found]
    for resolver in (old, new):
        near += [*resolver.forward, *resolver.delegations, *resolver.data]
    triggers = [{item for zone, _ in resolver.policies for item in zone.names.items()} for resolver in (old, new)]
    near += [name for name, _ in triggers[0] ^ triggers[1]] if len(triggers[0] ^ triggers[1]) < 50 else []
    near += [name for name, _ in sorted(triggers[0] | triggers[1])[::20]]
    for name in [name.removeprefix("*").strip(".").removeprefix("_inside.") for name in near]:
        found |= {name, f"x.{name}", f"y.x.{name}", name.partition(".")[2]}
    return sorted({name.strip(".") for name in found if not name.startswith("_")})


def addresses_near(resolvers):
    found = {}
    if resolvers[0].address_policy() == resolvers[1].address_policy():
        return []
    for resolver in resolvers:
        for zone, _ in resolver.policies:
            for network in zone.addresses:
                top, kind = 2**network.max_prefixlen - 1, type(network.network_address)
                for number in (
                    int(network.network_address) - 1,
                    int(network.network_address),
                    int(network.broadcast_address),
                    int(network.broadcast_address) + 1,
                ):
                    if 0 <= number <= top:
                        found[network.version, number] = kind(number)
    # BIND holds IPv4 as ::ffff:0:0/96, so an address of that range is no AAAA of its own there.
    return [a for _, a in sorted(found.items()) if a.version == 4 or a not in ipaddress.ip_network("::ffff:0:0/96")]


def listed(asked):
    return ", ".join(sorted(map(str, asked))) or "nobody"


def difference(before, after, truth):
    old, new = Resolver(before), Resolver(after)
    found = None
    for name in names_near(old, new, truth):
        was, now = old.name(name), new.name(name)
        if was == now:
            continue
        reason = None
        if (
            truth.is_inside_name(name)
            and now[1] == "answer"
            and now[0]
            and all(truth.is_inside(address) for address in now[0])
        ):
            reason = "inside name"
        text = f"{name or 'the root'}: {now[1]} after asking {listed(now[0])}; before {was[1]} after asking {listed(was[0])}"
        if not found or not reason:
            found = {"reason": reason, "text": text}
        if not reason:
            return found
    for address in addresses_near((old, new)):
        was, now = old.address(address), new.address(address)
        if was != now:
            return {"text": f"an answer {address} is {now}, before {was}"}
    return found
