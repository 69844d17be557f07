"""Policy zones and resolvers: the compiled files of a small spec, each broken in one way."""
import functools
import pathlib
import subprocess
import tempfile

from .case import AT, OPEN, Case
from .firewall import SEALED
from .words import BASE, SPEC

UNCLEAR = ("violated", "inconclusive")
DNS_SPEC = SPEC.replace(
    "endpoints:\n", """endpoints:
  resolvers: {role: dns, addresses: [10.20.0.53], ports: [53/udp, 53/tcp], names: [ns.corp.example]}
""").replace(
        "targets: [networkpolicy]", """dns:
  mode: allowlist
  zones: [{name: corp.example, forward: [resolvers]}]
  deny: [bad.corp.example]
targets: [rpz, bind]""")
KEPT = ("policy.json", "airtight.nft", "airtight-egress.nft")
CONF, ROOT, NAMES, ANSWERS = "bind/named.conf", "rpz/sealed-root.zone", "rpz/names-bind.zone", "rpz/answers-bind.zone"


@functools.lru_cache(None)
def compiled(airtight, spec=DNS_SPEC):
    """What `compile` writes, scripts and manifest apart."""
    with tempfile.TemporaryDirectory() as folder:
        pathlib.Path(folder, "isolation.yaml").write_text(spec)
        subprocess.run([airtight, "compile", "--at", AT, "isolation.yaml", "-o", "out"],
                       cwd=folder,
                       check=True,
                       capture_output=True)
        out = pathlib.Path(folder, "out")
        return {
            str(path.relative_to(out)): path.read_text()
            for path in sorted(out.rglob("*"))
            if path.is_file() and path.name in KEPT or path.suffix in (".conf", ".zone", ".yaml")
        }


def broken(*changes, without=(), more=None):
    """Each change is (file, old, new): old must be there."""

    def files(airtight):
        texts = dict(compiled(airtight)) | {"isolation.yaml": DNS_SPEC} | (more or {})
        for name, old, new in changes:
            assert old in texts[name], f"{name} lacks {old!r}"
            texts[name] = texts[name].replace(old, new)
        return {name: text for name, text in texts.items() if name not in without}

    return files


def case(name, files, spec=True, **more):
    paths = more.pop("paths", ("bind", "rpz"))
    return Case(f"dns: {name}",
                files, ("--spec", "isolation.yaml") if spec else ("--inside", "10.0.0.0/8"),
                paths=paths,
                **more)


def opened(name, *changes, **more):
    return case(name, broken(*changes), **{"code": OPEN, "verdict": UNCLEAR, **more})


NOT_BOGUS = (CONF, "server 0.0.0.0/0 { bogus yes; };", "")
NOT_BOGUS_6 = (CONF, "server ::/0 { bogus yes; };", "")
ROOT_ZONE = (CONF, 'zone "." {\n    type primary;\n    file "../rpz/sealed-root.zone";\n    check-integrity no;\n};',
             "")
HINTS = (*ROOT_ZONE[:2], 'zone "." {\n    type hint;\n    file "/usr/share/dns/root.hints";\n};')

RESOLVER = [
    case("the compiled files are proven", broken(), code=0, verdict="proven", layers={"dns": "proven"}),
    case("address hints of HTTPS and SVCB are an assumption", broken(), assumes=("HTTPS or SVCB", )),
    case("zones alone are inconclusive",
         broken(),
         paths=("rpz", ),
         code=3,
         verdict="inconclusive",
         layers={"dns": "inconclusive"}),
    case("a configuration without its zones is inconclusive", broken(), paths=("bind", ), code=OPEN, verdict=UNCLEAR),
    case("a configuration without its sealed root", broken(without=(ROOT, )), code=OPEN, verdict=UNCLEAR),
    case("a configuration without its answers zone", broken(without=(ANSWERS, )), code=OPEN, verdict=UNCLEAR),
    opened("no root zone and no bogus servers: the built-in hints",
           ROOT_ZONE,
           NOT_BOGUS,
           NOT_BOGUS_6,
           code=1,
           verdict="violated",
           finds=({"rule_id": "AT-V401"}, )),
    opened("root hints instead of a sealed root",
           HINTS,
           NOT_BOGUS,
           NOT_BOGUS_6,
           code=1,
           verdict="violated",
           finds=({"rule_id": "AT-V401"}, )),
    opened("a global forwarder outside", (CONF, "options {", "options {\n    forwarders { 203.0.113.53; };"),
           ROOT_ZONE,
           NOT_BOGUS,
           NOT_BOGUS_6,
           code=1,
           verdict="violated",
           finds=({"rule_id": "AT-V401"}, )),
    opened("a global forwarder inside that is nobody's",
           (CONF, "options {", "options {\n    forwarders { 10.20.0.53; };"), ROOT_ZONE, NOT_BOGUS, NOT_BOGUS_6),
    opened("an inside zone that is forwarded outside", (CONF, "        10.20.0.53;", "        203.0.113.53;"),
           NOT_BOGUS,
           code=1,
           verdict="violated",
           finds=({"rule_id": "AT-V401"}, )),
    opened("an outside zone that is forwarded", (
        CONF, 'zone "corp.example" {',
        'zone "evil.example" {\n    type forward;\n    forward only;\n    forwarders { 203.0.113.53; };\n};\nzone "corp.example" {'
    ),
           NOT_BOGUS, (ROOT, "corp.example. NS", "evil.example. NS ns.airtight.invalid.\ncorp.example. NS"),
           finds=({"layer": "dns"}, )),
    opened("a file that is included and not in the input",
           (CONF, "controls { };", 'controls { };\ninclude "/etc/bind/more.conf";')),
    opened("an option that is not known", (CONF, "options {", "options {\n    planet mars;")),
    opened("the answers zone is not used", (CONF, '        zone "airtight-answers" policy given log yes;\n', ""),
           finds=({"layer": "dns"}, )),
    opened("the answers zone is disabled",
           (CONF, 'zone "airtight-answers" policy given', 'zone "airtight-answers" policy disabled'),
           finds=({"layer": "dns"}, )),
    opened("the answers zone lets everything pass",
           (CONF, 'zone "airtight-answers" policy given', 'zone "airtight-answers" policy passthru'),
           finds=({"layer": "dns"}, )),
    opened("signed answers are not rewritten", (CONF, "break-dnssec yes", "break-dnssec no"),
           finds=({"layer": "dns"}, )),
    opened("names that pass come first and switch the answers zone off", (CONF, "names-bind.zone", "names.zone"),
           finds=({"layer": "dns"}, )),
    opened("an IPv4 half of the answers zone is missing", (ANSWERS, "\n1.0.0.0.128.rpz-ip CNAME .", "\n; gone"),
           finds=({"rule_id": "AT-V402"}, )),
    opened("an IPv6 half of the answers zone is missing", (ANSWERS, "\n2.zz.8000.rpz-ip CNAME .", "\n; gone"),
           finds=({"rule_id": "AT-V402"}, )),
    opened("a wildcard does not match the name above it", (NAMES, "\nbad.corp.example CNAME .", "\n; gone"),
           code=OPEN,
           finds=({"rule_id": "AT-V403"}, )),
    opened("the name above a wildcard does not match what is below",
           (NAMES, "\n*.bad.corp.example CNAME .", "\n; gone"),
           code=OPEN,
           finds=({"rule_id": "AT-V403"}, )),
    case("a sealed root holds without the root wildcard", broken((NAMES, "\n* CNAME .", "\n; gone")), verdict="proven"),
    case("a sealed root without a delegation breaks the inside zone",
         broken((ROOT, "corp.example. NS ns.airtight.invalid.", "")),
         code=OPEN),
    case("validation under a sealed root breaks inside answers",
         broken((CONF, "dnssec-validation no;", "dnssec-validation auto;")),
         code=OPEN),
    case("a duplicate trigger in another case",
         broken((NAMES, "\nbad.corp.example CNAME .", "\nbad.corp.example CNAME .\nBAD.corp.example CNAME .")),
         code=OPEN),
    case("a zone file that cannot be read has its place",
         broken((NAMES, "\n* CNAME .", "\n* CNAME")),
         code=OPEN,
         text=("names-bind.zone", )),
    case("a configuration that ends in the middle",
         broken((CONF, "dnssec-validation no;", "dnssec-validation no")),
         code=OPEN,
         text=("named.conf", )),
    case("a violated dns layer is the verdict whatever the others say",
         broken(HINTS, NOT_BOGUS, NOT_BOGUS_6, more={"b.yaml": BASE, "r.nft": SEALED}),
         spec=False,
         paths=("bind", "rpz", "b.yaml", "r.nft"),
         code=1,
         verdict="violated",
         layers={"dns": "violated", "firewall": "proven"}),
    case("an inconclusive dns layer is listed beside a sealed firewall",
         broken(more={"b.yaml": BASE, "r.nft": SEALED}),
         spec=False,
         paths=("rpz", "b.yaml", "r.nft"),
         verdict="proven",
         layers={"dns": "inconclusive", "firewall": "proven"}),
]
CASES = RESOLVER
