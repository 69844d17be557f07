#!/usr/bin/env python3
"""Checks of the data under rules/: check_rules.py [--self-test] RULES_DIR

Prints one line a failure and then, for each check, how many things it looked at. Exit 0 when nothing failed, 1 when
something did, 2 for bad usage. --self-test also breaks copies of the data in memory, one way at a time, and demands
that each is refused with its own message. Needs python3-yaml and python3-jsonschema, no network and no clock.
"""
import datetime
import functools
import ipaddress
import json
import os
import re
import sys

import jsonschema
import yaml

CATALOGUES = ["cloud-metadata", "doh", "hosted-llm", "public-registries", "saas", "telemetry", "tunnels",
              "xpander-cloud"]
REGISTRIES = ["iana-ipv4-special-purpose", "iana-ipv6-special-purpose"]
SCHEMAS = ["catalogue.schema.json", "registry.schema.json"]
KINDS = ("suffix", "exact", "address", "pattern")

# No source may have been read later than this; raised by hand when data is added, so that no clock decides a test.
LAST_DATE = "2026-12-31"

# Which special-purpose ranges an address entry may lie in, by catalogue. What is not here is refused everywhere.
MAY_OVERLAP = {
    "cloud-metadata": ["169.254.0.0/16", "100.64.0.0/10", "192.0.0.0/24", "fc00::/7", "fe80::/10"],
}
# Refused everywhere and in neither registry.
NEVER = {"224.0.0.0/4": "Multicast", "ff00::/8": "Multicast", "fec0::/10": "Site-Local (deprecated)",
         "::/96": "IPv4-compatible (deprecated)"}
# Unique-local ranges that sites number themselves with: a metadata address there would refuse their specs.
SITES_USE = {"fd00:42::/32": "Scaleway's IPv6 metadata lies there",
             "fd00:100::/32": "lists put Alibaba's IPv6 metadata there"}
GLOBAL_UNICAST6 = ipaddress.ip_network("2000::/3")  # RFC 4291; all that IANA allocates from

# Shared zones: denying one whole would deny half of the internet, so its hosts are named one by one.
TOO_WIDE = """akamaiedge.net amazonaws.com amazonaws.com.cn api.aws aliyuncs.com azure.com azureedge.net azurefd.net
    azurewebsites.net blob.core.windows.net cloudfront.net cloudflare.com cloudflare.net cloudapp.azure.com
    core.windows.net fastly.net google.com googleapis.com googleusercontent.com gstatic.com microsoft.com on.aws
    oraclecloud.com r2.cloudflarestorage.com s3.amazonaws.com vpce.amazonaws.com windows.net""".split()
PUBLIC_SUFFIXES = """ac.cn ac.jp ac.uk ad.jp co.jp co.kr co.nz co.uk com.au com.br com.cn com.hk com.sg com.tr com.tw
    edu.au edu.cn eu.org go.jp gov.au gov.cn gov.ru gov.uk gr.jp in-addr.arpa ip6.arpa ne.jp net.au net.cn or.jp
    org.au org.cn org.uk""".split()
ONE_LABEL_SUFFIXES = []  # none so far: a single label is a whole top-level domain
ONE_LABEL_EXACT = ["metadata"]


class TextLoader(yaml.SafeLoader):
    """Reads every scalar as text, as the project's own reader does, and refuses duplicate keys."""

    def construct_mapping(self, node, deep=False):
        keys = [key.value for key, _ in node.value]
        for key in keys:
            if keys.count(key) > 1:
                raise yaml.YAMLError("key '%s' is written twice (line %d)" % (key, node.start_mark.line + 1))
        return super().construct_mapping(node, deep)


TextLoader.yaml_implicit_resolvers = {}


@functools.lru_cache(maxsize=None)
def load(text):
    """The self-test breaks one file a time: the others need not be read anew."""
    return yaml.load(text, Loader=TextLoader)


@functools.lru_cache(maxsize=None)
def schema_errors(schema, text):
    errors = jsonschema.Draft202012Validator(json.loads(schema)).iter_errors(load(text))
    return sorted(errors, key=lambda error: list(map(str, error.path)))


@functools.lru_cache(maxsize=None)
def outside_subset(text):
    return [(number, line) for number, line in enumerate(text.split("\n")[:-1], 1)
            if not any(pattern.fullmatch(line) for pattern in LINES)]


class Report:
    def __init__(self):
        self.passed, self.failures = {}, []

    def expect(self, check, condition, message):
        self.passed.setdefault(check, [0, 0])[0 if condition else 1] += 1
        if not condition:
            self.failures.append("%s: %s" % (check, message))
        return condition


SCALAR = r'(?:[A-Za-z0-9][A-Za-z0-9 ./-]*|"[^"\\]*")'
BLOCK_SCALAR = r'(?:[A-Za-z0-9][A-Za-z0-9 ,./-]*|"[^"\\]*")'
FLOW = r"\{%s: %s(?:, %s: %s)*\}" % ("[a-z_0-9-]+", SCALAR, "[a-z_0-9-]+", SCALAR)
LINES = [re.compile(p) for p in (r"#.*", r"  #.*", r"[a-z]+: %s" % BLOCK_SCALAR, r"sources:", r"entries:",
                                 r"  [a-z0-9-]+: %s" % FLOW, r"  - %s" % FLOW)]


def check_subset(report, name, text):
    """One flow map an entry line, plain or double-quoted scalars: no anchor, tag, escape, tab or second document."""
    for number, line in outside_subset(text):
        report.expect("subset", False, "%s:%d: not in the YAML subset: %s" % (name, number, line[:80]))
    report.expect("subset", True, "")
    report.expect("subset", text.endswith("\n"), "%s: no newline at the end" % name)


def check_dates(report, name, data):
    for key, source in data["sources"].items():
        report.expect("dates", is_date(source["read"]) and source["read"] <= LAST_DATE,
                      "%s: source %s was read on %s, after %s or no date" % (name, key, source["read"], LAST_DATE))
    used = set()
    for entry in data["entries"]:
        what = value_of(entry)
        source = data["sources"].get(entry["source"])
        if not report.expect("sources", source is not None,
                             "%s: %s names the source '%s', which is not declared" % (name, what, entry["source"])):
            continue
        used.add(entry["source"])
        report.expect("dates", is_date(entry["date"]) and entry["date"] <= source["read"],
                      "%s: %s is dated %s, after its source was read (%s) or no date"
                      % (name, what, entry["date"], source["read"]))
    for key in sorted(set(data["sources"]) - used):
        report.expect("sources", False, "%s: source %s is declared and not used" % (name, key))


def is_date(text):
    try:
        return datetime.date.fromisoformat(text).isoformat() == text
    except ValueError:
        return False


def value_of(entry):
    return next((entry[kind] for kind in KINDS if kind in entry), "?")


def network(text):
    """The prefix if the text is its canonical form (RFC 5952, no host bits), else None."""
    try:
        net = ipaddress.ip_network(text)
    except ValueError:
        return None
    return net if str(net) == text else None


def overlaps(a, b):
    return a.version == b.version and a.overlaps(b)


def special_ranges(registries):
    """Prefix, its text and what it is, of every range that no catalogue may enter unless MAY_OVERLAP says so."""
    ranges = [(row["address"], "%s, %s" % (row["name"], row["rfc"])) for data in registries for row in data["entries"]]
    ranges += sorted(NEVER.items())
    return [(network(text), text, what) for text, what in ranges if network(text) is not None]


def check_registry(report, name, data, text):
    report.expect("registry", data["registry"] == name[:-len(".yaml")],
                  "%s: holds registry %s" % (name, data["registry"]))
    stated = re.search(r"^# rows: ([0-9]+)$", text, re.MULTILINE)
    if report.expect("registry", stated, "%s: does not state its number of rows" % name):
        report.expect("registry", int(stated[1]) == len(data["entries"]),
                      "%s: states %s rows and holds %d" % (name, stated[1], len(data["entries"])))
    report.expect("registry", data["updated"] <= min(s["read"] for s in data["sources"].values()),
                  "%s: updated after it was read" % name)
    version, seen = (4 if "ipv4" in name else 6), set()
    for row in data["entries"]:
        net = network(row["address"])
        if not report.expect("canonical", net is not None, "%s: %s is not a canonical prefix" % (name, row["address"])):
            continue
        report.expect("registry", net.version == version, "%s: %s is of the other family" % (name, net))
        report.expect("unique", net not in seen, "%s: %s is there twice" % (name, net))
        seen.add(net)
        flags = [row[k] for k in ("source_ok", "destination_ok", "forwardable", "global", "reserved")]
        report.expect("registry", ("terminated" in row) == (flags == ["null"] * 5),
                      "%s: %s: a terminated row, and no other, has no flags" % (name, net))
        # RFC 6890 section 2.2.1: where Destination is false, Forwardable and Global are false too.
        report.expect("registry", flags[1] != "false" or (flags[2], flags[3]) == ("false", "false"),
                      "%s: %s: forwardable or global without being a destination (RFC 6890)" % (name, net))


def check_address(report, name, catalogue, text, special):
    net = network(text)
    if not report.expect("canonical", net is not None, "%s: %s is not a canonical prefix" % (name, text)):
        return None
    allowed = [ipaddress.ip_network(a) for a in MAY_OVERLAP.get(catalogue, [])]
    granted = any(net.version == a.version and net.subnet_of(a) for a in allowed)
    for other, written, what in special:
        # A granted range covers the rows that are the range itself or that hold it or lie in it.
        excused = granted and any(overlaps(other, a) and overlaps(net, a) for a in allowed)
        report.expect("special-purpose", excused or not overlaps(net, other),
                      "%s: %s overlaps %s (%s), which %s may not" % (name, net, written, what, catalogue))
    report.expect("special-purpose", net.version == 4 or granted or net.subnet_of(GLOBAL_UNICAST6),
                  "%s: %s is outside global unicast 2000::/3" % (name, net))
    report.expect("special-purpose", not granted or net.num_addresses == 1,
                  "%s: %s in a special-purpose range must be one address" % (name, net))
    for written, why in SITES_USE.items():
        report.expect("special-purpose", not overlaps(net, ipaddress.ip_network(written)),
                      "%s: %s overlaps %s, which sites number themselves with (%s)" % (name, net, written, why))
    return net


def check_name(report, name, kind, text):
    labels = text.split(".")
    one = ONE_LABEL_SUFFIXES if kind == "suffix" else ONE_LABEL_EXACT
    report.expect("names", len(labels) > 1 or text in one, "%s: %s %s has one label" % (name, kind, text))
    report.expect("names", not all(c in "0123456789." for c in text), "%s: %s %s is an address" % (name, kind, text))
    if kind == "suffix":
        report.expect("names", text not in PUBLIC_SUFFIXES, "%s: suffix %s is a public suffix" % (name, text))
        report.expect("names", text not in TOO_WIDE, "%s: suffix %s is a shared zone, too wide to deny" % (name, text))


def check_pattern(report, name, text):
    """Anchored at both ends, in the part of ECMAScript that every engine reads alike and none can be hung with."""
    report.expect("patterns", text.startswith("^") and text.endswith("$"), "%s: %s is not anchored" % (name, text))
    report.expect("patterns", "\\" not in text and "(?" not in text,
                  "%s: %s uses an escape or an extension: write [.] and [0-9]" % (name, text))
    report.expect("patterns", not re.search(r"[*+}]\)[*+{]|\.[*+]", text.replace("[.]", "")),
                  "%s: %s nests repetitions or takes any character" % (name, text))
    depth, escapes = 0, False
    for c in re.sub(r"\[[^\]]*\]", "_", text):
        depth += {"(": 1, ")": -1}.get(c, 0)
        escapes = escapes or (c == "|" and depth == 0)
    report.expect("patterns", not escapes, "%s: %s: an alternative outside brackets escapes the anchors" % (name, text))
    try:
        compiled = re.compile(text)
    except re.error as error:
        report.expect("patterns", False, "%s: %s does not compile: %s" % (name, text, error))
        return
    for other in ("", "a", "example.org", "a.b.example.org", "cluster.local", "svc.cluster.local"):
        report.expect("patterns", not compiled.search(other), "%s: %s matches '%s'" % (name, text, other))


def check_catalogue(report, name, data, special, elsewhere):
    report.expect("files", data["catalogue"] == name[:-len(".yaml")],
                  "%s: holds catalogue %s" % (name, data["catalogue"]))
    names, suffixes, nets = {}, {}, []
    for entry in data["entries"]:
        kind = next(k for k in KINDS if k in entry)
        text = entry[kind]
        group = "name" if kind in ("suffix", "exact") else kind
        key = (group, text.rstrip(".").lower())
        report.expect("unique", key not in names, "%s: %s is there twice" % (name, text))
        names[key] = entry["label"]
        report.expect("unique", elsewhere.setdefault(key, name) == name,
                      "%s: %s is in %s as well" % (name, text, elsewhere[key]))
        if kind == "address":
            net = check_address(report, name, data["catalogue"], text, special)
            if net is not None:
                nets.append((net, entry["label"]))
        elif kind == "pattern":
            check_pattern(report, name, text)
        else:
            check_name(report, name, kind, text)
            if kind == "suffix":
                suffixes[text] = entry["label"]
    for (group, text), label in names.items():
        if group != "name":
            continue
        labels = text.split(".")
        for i in range(1, len(labels)):
            above = ".".join(labels[i:])
            if above in suffixes:
                report.expect("functions", suffixes[above] != label,
                              "%s: %s says no more than the suffix %s above it" % (name, text, above))
    for net, label in nets:
        for other, other_label in nets:
            if net is not other and net.version == other.version and net != other and net.subnet_of(other):
                report.expect("functions", label != other_label,
                              "%s: %s says no more than %s, which holds it" % (name, net, other))


def check(files):
    """files: name -> text of everything in the directory. Returns the report and the counts of entries."""
    report, counts = Report(), {}
    expected = sorted([n + ".yaml" for n in CATALOGUES + REGISTRIES])
    present = sorted(n for n in files if n.endswith((".yaml", ".yml")))
    for name in expected:
        report.expect("files", name in present, "%s is missing" % name)
    for name in present:
        report.expect("files", name in expected, "%s is not one of the eight catalogues and two registries" % name)
    for name in SCHEMAS + ["README.md"]:
        report.expect("files", name in files, "%s is missing" % name)
    if any(name not in files for name in SCHEMAS):
        return report, counts

    for schema in SCHEMAS:
        jsonschema.Draft202012Validator.check_schema(json.loads(files[schema]))
    parsed = {}
    for name in present:
        check_subset(report, name, files[name])
        try:
            data = load(files[name])
        except yaml.YAMLError as error:
            report.expect("parse", False, "%s: %s" % (name, " ".join(str(error).split())))
            continue
        report.expect("parse", True, "")
        schema = "registry.schema.json" if name.startswith("iana-") else "catalogue.schema.json"
        errors = schema_errors(files[schema], files[name])
        for error in errors:
            report.expect("schema", False, "%s: %s: %s" % (name, "/".join(map(str, error.path)), error.message[:200]))
        if not errors:
            report.expect("schema", True, "")
            parsed[name] = data

    registries = [parsed[n + ".yaml"] for n in REGISTRIES if n + ".yaml" in parsed]
    for name, data in sorted(parsed.items()):
        check_dates(report, name, data)
        if name.startswith("iana-"):
            check_registry(report, name, data, files[name])
    special, elsewhere = special_ranges(registries), {}
    for name, data in sorted(parsed.items()):
        if not name.startswith("iana-"):
            check_catalogue(report, name, data, special, elsewhere)
        kinds = [next(k for k in KINDS if k in e) for e in data["entries"]]
        counts[name] = {k: kinds.count(k) for k in KINDS if k in kinds}
    return report, counts


def replaced(name, old, new):
    def change(files):
        assert old in files[name], "self-test: %s holds no %r" % (name, old)
        files[name] = files[name].replace(old, new, 1)
    return change


def appended(name, *entries):
    def change(files):
        for entry in entries:
            files[name] += "  - {%s, label: \"Self test\", source: general-knowledge, date: 2026-11-25}\n" % entry
    return change


def removed(name):
    return lambda files: files.pop(name)


def line_dropped(name, part):
    def change(files):
        lines = files[name].split("\n")
        index = next(i for i, line in enumerate(lines) if part in line)
        del lines[index]
        files[name] = "\n".join(lines)
    return change


DOH, META, XP, V4, V6 = ("doh.yaml", "cloud-metadata.yaml", "xpander-cloud.yaml", "iana-ipv4-special-purpose.yaml",
                         "iana-ipv6-special-purpose.yaml")
META_ENTRY = 'address: "%s", label: "Self test", source: vendor-quotes, date: 2026-11-25'


def meta(prefix):
    return lambda files: files.__setitem__(META, files[META] + "  - {%s}\n" % (META_ENTRY % prefix))


BREAKS = [
    ("a key written twice", replaced(XP, "title: xpander.ai Cloud\n", "title: xpander.ai Cloud\ntitle: Again\n"),
     "parse: xpander-cloud.yaml: key 'title' is written twice"),
    ("an entry key written twice", appended(DOH, "exact: a.example.net, exact: b.example.net"),
     "key 'exact' is written twice"),
    ("an anchor", replaced(XP, "title: xpander.ai", "title: &a xpander.ai"),
     "subset: xpander-cloud.yaml:3: not in the YAML subset"),
    ("a tag", replaced(XP, "title: xpander.ai", "title: !!str xpander.ai"),
     "subset: xpander-cloud.yaml:3: not in the YAML subset"),
    ("a single-quoted scalar", appended(DOH, "exact: 'a.example.net'"), "subset: doh.yaml"),
    ("a second document", lambda files: files.__setitem__(XP, files[XP] + "---\n"), "subset: xpander-cloud.yaml"),
    ("an unknown key", appended(DOH, "exact: a.example.net, severity: high"), "schema: doh.yaml"),
    ("two kinds in one entry", appended(DOH, "exact: a.example.net, suffix: b.example.net"), "schema: doh.yaml"),
    ("no date",
     replaced(XP,
              'label: "xpander.ai", source: xpander-docs, date: 2026-11-25',
              'label: "xpander.ai", source: xpander-docs'),
     "'date' is a required property"),
    ("no source", replaced(XP, 'label: "xpander.ai", source: xpander-docs,', 'label: "xpander.ai",'),
     "'source' is a required property"),
    ("a source that is not declared",
     replaced(XP, 'label: "xpander.ai", source: xpander-docs', 'label: "xpander.ai", source: hearsay'),
     "sources: xpander-cloud.yaml: xpander.ai names the source 'hearsay', which is not declared"),
    ("a source that nobody uses", replaced(XP, "sources:\n", 'sources:\n  idle: {what: "Nothing", read: 2026-11-25}\n'),
     "sources: xpander-cloud.yaml: source idle is declared and not used"),
    ("an entry younger than its source",
     replaced(XP,
              'label: "xpander.ai", source: xpander-docs, date: 2026-11-25',
              'label: "xpander.ai", source: xpander-docs, date: 2026-11-26'),
     "dates: xpander-cloud.yaml: xpander.ai is dated 2026-11-26"),
    ("a day that does not exist",
     replaced(XP,
              'label: "xpander.ai", source: xpander-docs, date: 2026-11-25',
              'label: "xpander.ai", source: xpander-docs, date: 2026-02-30'),
     "dates: xpander-cloud.yaml: xpander.ai is dated 2026-02-30"),
    ("a source read in the future", replaced(XP, "read: 2026-11-25", "read: 2027-01-01"),
     "dates: xpander-cloud.yaml: source xpander-docs was read on 2027-01-01"),
    ("host bits", appended(DOH, "address: 8.8.8.8/24"), "canonical: doh.yaml: 8.8.8.8/24 is not a canonical prefix"),
    ("IPv6 not in its short form", appended(DOH, 'address: "2620:fe:0::1234/128"'),
     "canonical: doh.yaml: 2620:fe:0::1234/128"),
    ("an address without length", appended(DOH, "address: 8.8.8.9"), "schema: doh.yaml"),
    ("private IPv4", appended(XP, "address: 10.1.2.3/32"),
     "special-purpose: xpander-cloud.yaml: 10.1.2.3/32 overlaps 10.0.0.0/8"),
    ("private IPv4 among metadata", meta("192.168.0.1/32"), "192.168.0.1/32 overlaps 192.168.0.0/16"),
    ("documentation", appended(DOH, "address: 192.0.2.53/32"), "192.0.2.53/32 overlaps 192.0.2.0/24"),
    ("documentation IPv6", meta("3fff::1/128"), "3fff::1/128 overlaps 3fff::/20"),
    ("benchmarking", appended(DOH, "address: 198.18.0.1/32"), "198.18.0.1/32 overlaps 198.18.0.0/15"),
    ("loopback", meta("127.0.0.53/32"), "127.0.0.53/32 overlaps 127.0.0.0/8"),
    ("multicast", appended(DOH, "address: 224.0.0.251/32"), "224.0.0.251/32 overlaps 224.0.0.0/4 (Multicast)"),
    ("multicast IPv6", appended(DOH, 'address: "ff02::fb/128"'), "ff02::fb/128 overlaps ff00::/8 (Multicast)"),
    ("link-local outside of metadata", appended(DOH, "address: 169.254.20.10/32"),
     "169.254.20.10/32 overlaps 169.254.0.0/16"),
    ("unique-local outside of metadata", appended(DOH, 'address: "fd12::53/128"'), "fd12::53/128 overlaps fc00::/7"),
    ("shared space outside of metadata", appended(XP, "address: 100.64.0.1/32"),
     "100.64.0.1/32 overlaps 100.64.0.0/10"),
    ("a translation prefix", appended(DOH, 'address: "64:ff9b::808:808/128"'),
     "64:ff9b::808:808/128 overlaps 64:ff9b::/96"),
    ("everything", appended(DOH, "address: 0.0.0.0/0"), "0.0.0.0/0 overlaps 10.0.0.0/8"),
    ("a wide range among metadata", meta("fd00:ec3::/64"),
     "fd00:ec3::/64 in a special-purpose range must be one address"),
    ("a metadata address in a range that sites use", meta("fd00:42::42/128"),
     "fd00:42::42/128 overlaps fd00:42::/32, which sites number themselves with"),
    ("IPv6 that nobody has", appended(DOH, 'address: "4000::1/128"'), "4000::1/128 is outside global unicast 2000::/3"),
    ("a name twice", appended(XP, "exact: api.xpander.ai"),
     "unique: xpander-cloud.yaml: api.xpander.ai is there twice"),
    ("a name as suffix and exact", appended(XP, "exact: xpander.ai"),
     "unique: xpander-cloud.yaml: xpander.ai is there twice"),
    ("an address twice", appended(DOH, "address: 8.8.8.8/32"), "unique: doh.yaml: 8.8.8.8/32 is there twice"),
    ("a name in two catalogues", appended(DOH, "suffix: xpander.ai"),
     "unique: xpander-cloud.yaml: xpander.ai is in doh.yaml as well"),
    ("upper case", appended(DOH, "exact: DNS.example.net"), "schema: doh.yaml"),
    ("a final dot", appended(DOH, "exact: dns.example.net."), "schema: doh.yaml"),
    ("a top-level domain", appended(DOH, "suffix: com"), "names: doh.yaml: suffix com has one label"),
    ("a public suffix", appended(DOH, "suffix: co.uk"), "names: doh.yaml: suffix co.uk is a public suffix"),
    ("a shared zone", appended(XP, "suffix: amazonaws.com"),
     "names: xpander-cloud.yaml: suffix amazonaws.com is a shared zone"),
    ("an exact name that says nothing new", replaced(XP, 'label: "xpander public API"', 'label: "xpander.ai"'),
     "functions: xpander-cloud.yaml: api.xpander.ai says no more than the suffix xpander.ai above it"),
    ("an address that says nothing new",
     replaced(DOH, '"2620:fe::fe/128", label: "Quad9"', '"2620:fe::fe/128", label: "Quad9 range"'),
     "functions: doh.yaml: 2620:fe::fe/128 says no more than 2620:fe::/48"),
    ("a pattern without anchor", appended(DOH, 'pattern: "^dns[.]example"'), "schema: doh.yaml"),
    ("a pattern that does not compile", appended(DOH, 'pattern: "^dns([.]example$"'), "does not compile"),
    ("an alternative outside brackets", appended(DOH, 'pattern: "^dns|doh[.]net$"'),
     "an alternative outside brackets escapes the anchors"),
    ("a pattern for everything", appended(DOH, 'pattern: "^[a-z0-9.-]+$"'), "matches 'example.org'"),
    ("nested repetition", appended(DOH, 'pattern: "^([a-z]+)+[.]zz$"'), "nests repetitions"),
    ("a lost row", line_dropped(V4, "198.18.0.0/15"),
     "registry: iana-ipv4-special-purpose.yaml: states 26 rows and holds 25"),
    ("a row twice",
     lambda files: files.__setitem__(V6, files[V6] + next(l for l in files[V6].split("\n") if "2002::/16" in l) + "\n"),
     "unique: iana-ipv6-special-purpose.yaml: 2002::/16 is there twice"),
    ("flags on a terminated row",
     replaced(V4, "terminated: 2015-03, source_ok: null", "terminated: 2015-03, source_ok: true"),
     "192.88.99.0/24: a terminated row, and no other, has no flags"),
    ("a global range that is no destination",
     replaced(V6,
              "destination_ok: false, forwardable: false, global: false",
              "destination_ok: false, forwardable: false, global: true"),
     "forwardable or global without being a destination"),
    ("a catalogue is missing", removed("saas.yaml"), "files: saas.yaml is missing"),
    ("a ninth catalogue", lambda files: files.__setitem__("extra.yaml", files[DOH]),
     "files: extra.yaml is not one of the eight catalogues"),
    ("a registry is missing", removed(V6), "files: iana-ipv6-special-purpose.yaml is missing"),
    ("a catalogue under another's name", lambda files: files.__setitem__("saas.yaml", files[DOH]),
     "files: saas.yaml: holds catalogue doh"),
]


def self_test(files):
    """Every break must be refused with its message; returns the failures."""
    failures = []
    for title, change, message in BREAKS:
        copy = dict(files)
        change(copy)
        report, _ = check(copy)
        if not any(message in failure for failure in report.failures):
            failures.append("self-test: %s was not refused with '%s' but with %s"
                            % (title, message, report.failures[:3] or "nothing"))
    return failures


def main(arguments):
    wants_self_test = "--self-test" in arguments
    directories = [a for a in arguments if a != "--self-test"]
    if len(directories) != 1 or not os.path.isdir(directories[0]):
        print("usage: check_rules.py [--self-test] RULES_DIR", file=sys.stderr)
        return 2
    files = {}
    for name in sorted(os.listdir(directories[0])):
        path = os.path.join(directories[0], name)
        if os.path.isfile(path):
            with open(path, encoding="utf-8", newline="") as handle:
                files[name] = handle.read()
    report, counts = check(files)
    failures = list(report.failures)
    for failure in failures:
        print(failure)
    for name, kinds in sorted(counts.items()):
        kinds_text = ", ".join("%d %s" % (n, k) for k, n in kinds.items())
        print("%s: %d entries (%s)" % (name, sum(kinds.values()), kinds_text))
    for title, (passed, failed) in sorted(report.passed.items()):
        print("%s: %d passed, %d failed" % (title, passed, failed))
    if wants_self_test:
        broken = self_test(files) if not failures else ["self-test: not run, the data itself fails"]
        for failure in broken:
            print(failure)
        print("self-test: %d passed, %d failed" % (len(BREAKS) - min(len(broken), len(BREAKS)), len(broken)))
        failures += broken
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
