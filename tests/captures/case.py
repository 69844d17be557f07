"""One case: packets or files, and what the right answer says. Cases are data; `problems` says how an answer differs."""
import dataclasses

from .files import ETHERNET, Packet, pcap, pcapng
from .world import NOW

CLEAN, VIOLATED, INCONCLUSIVE = "clean", "violated", "inconclusive"
CODES = {CLEAN: 0, VIOLATED: 1, INCONCLUSIVE: 3}
ANY = object()  # the papers leave it open

# Class of what each rule finds; ANY where a packet may have one already, or where the papers leave it open.
CLASS_OF = {
    "AT-A001": "escape", "AT-A002": "escape", "AT-A003": "escape", "AT-A004": "escape", "AT-A005": "escape", "AT-A006": "excepted",
    "AT-A007": "excepted", "AT-A008": "unresolved", "AT-A010": "non-ip", "AT-A011": "non-ip", "AT-A012": "inside-undeclared",
    "AT-A013": "outside-inbound", "AT-A014": ANY, "AT-A015": ANY, "AT-A020": "outside-name", "AT-A021": "outside-name",
    "AT-A022": "outside-name", "AT-A023": "outside-name", "AT-A024": "outside-name-in-tls", "AT-A025": "outside-name-in-tls",
    "AT-A026": ANY, "AT-A027": ANY, "AT-A028": "encrypted-dns", "AT-A030": "tunnel", "AT-A031": "tunnel", "AT-A032": ANY,
    "AT-A040": "rogue-server", "AT-A041": "rogue-server", "AT-A050": "undecodable", "AT-A051": "undecodable", "AT-A052": "undecodable",
    "AT-A053": ANY, "AT-A054": ANY, "AT-A055": ANY, "AT-A056": ANY, "AT-A057": ANY,
}


class Find:
    """One expected finding. `rule` may be several of which one; `dst`, `port` and `name` are None where there is none; `more` are
    other fields of the JSON, `catalogue` a fragment of it."""

    def __init__(self, rule, dst=None, port=None, name=None, **more):
        self.rules = (rule,) if isinstance(rule, str) else rule
        self.dst, self.port, self.name, self.more = dst, port, name, more

    def __repr__(self):
        shown = [f"{key}={'any' if value is ANY else value}" for key, value in
                 (("dst", self.dst), ("port", self.port), ("name", self.name), *self.more.items())]
        return f"{'|'.join(self.rules)}({', '.join(shown)})"

    def matches(self, found):
        if found["rule_id"] not in self.rules:
            return False
        wanted = {"class": CLASS_OF[found["rule_id"]], "destination": self.dst, "port": self.port, **self.more}
        return same_name(self.name, found["name"]) and all(same(key, value, found.get(key)) for key, value in wanted.items())


def same_name(wanted, found):
    if wanted is ANY or found is None or wanted is None:
        return wanted is ANY or wanted is found
    plain = found.lower().rstrip(".")
    return plain == wanted or plain.startswith(wanted + ":") or plain == f"[{wanted}]" or plain.startswith(f"[{wanted}]:")


def same(key, wanted, found):
    if wanted is ANY:
        return True
    if isinstance(wanted, tuple):
        return found in wanted
    if key == "catalogue" and wanted is not None:
        return wanted in (found or "")
    return wanted == found


@dataclasses.dataclass
class Case:
    name: str
    packets: object = ()  # bytes or Packet each, or a function that gives them
    verdict: object = CLEAN  # or several of which one, where the papers leave it open
    finds: tuple = ()
    maybe: tuple = ()  # findings that may be there too, where the papers leave it open; ANY: whatever there is
    interfaces: tuple = (("", ETHERNET),)  # (name, link type); with names the file is pcapng
    arguments: tuple = ()
    policy: str = "base"
    start: int = NOW
    also: object = None  # a function of the JSON that gives what else is wrong
    needs: str = ""  # a Python module without which the case is skipped

    def frames(self):
        out, time = [], self.start
        for one in self.packets() if callable(self.packets) else self.packets:
            one = one if isinstance(one, Packet) else Packet(one)
            time = one.time if one.time is not None else time
            out.append(dataclasses.replace(one, time=time))
            time += 1000
        return out

    @property
    def plain(self):
        """pcap can hold it: one nameless interface, no directions."""
        return self.interfaces[0][0] == "" and len(self.interfaces) == 1 and not any(one.direction for one in self.frames())

    def file(self):
        return pcap(self.frames(), self.interfaces[0][1]) if self.plain else pcapng(self.frames(), self.interfaces)

    def converted(self):
        """The same in the other form; None if it has none."""
        return pcapng(self.frames(), self.interfaces) if self.plain else None

    def halves(self):
        frames = self.frames()
        middle = len(frames) // 2
        if len(frames) < 2:
            return None
        parts = (frames[:middle], frames[middle:])
        if self.plain:
            return [pcap(part, self.interfaces[0][1]) for part in parts]
        return [pcapng(part, self.interfaces) for part in parts]

    def problems(self, code, report):
        wrong = []
        verdicts = (self.verdict,) if isinstance(self.verdict, str) else self.verdict
        if report["verdict"] not in verdicts:
            wrong.append(f"verdict {report['verdict']} in place of {' or '.join(verdicts)}")
        expected = CODES[report["verdict"]]
        if "--strict" in self.arguments and expected == 0 and report["findings"]:
            expected = 1
        if code != expected:
            wrong.append(f"exit code {code} with verdict {report['verdict']}")
        left = list(report["findings"])
        for find in self.finds:
            found = next((one for one in left if find.matches(one)), None)
            if found is None:
                wrong.append(f"lacks {find!r}")
            else:
                left.remove(found)
        if self.maybe is not ANY:
            wrong += [f"should not have {shown(one)}" for one in left if not any(find.matches(one) for find in self.maybe)]
        return wrong + (self.also(report) or [] if self.also else [])


def shown(found):
    return (f"{found['rule_id']} {found['class']} {found['source']}>{found['destination']} {found['protocol']} {found['port']} "
            f"{found['name']} ({found['detail']})")
