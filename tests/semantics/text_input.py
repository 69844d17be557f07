"""What comes in: forms of files, damaged text, hostile text, bad usage, output formats, exit codes."""
import dataclasses
import gzip
import json
import xml.etree.ElementTree

from .case import OPEN, Case, invoke
from .firewall import SEALED
from .words import BASE, DB, SPEC, WEB, deny, deployment, documents, egress, ingress

OUT = egress("\n  - to: [{ipBlock: {cidr: 203.0.113.0/24}}]", name="out")
WAY = {"property": "sealed", "destination": "203.0.113.0"}


def as_json(name, labels, ns="app"):
    return {
        "apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": name, "namespace": ns},
        "spec": {"template": {"metadata": {"labels": labels}, "spec": {"containers": [{"name": "c", "image": "i"}]}}}
    }


def policy_json(name, spec, kind=True):
    return ({"apiVersion": "networking.k8s.io/v1", "kind": "NetworkPolicy"}
            if kind else {}) | {"metadata": {"name": name, "namespace": "app"}, "spec": spec}


DENY_JSON = policy_json("deny-all", {"podSelector": {}, "policyTypes": ["Ingress", "Egress"]})
OUT_JSON = policy_json(
    "out",
    {"podSelector": {}, "policyTypes": ["Egress"], "egress": [{"to": [{"ipBlock": {"cidr": "203.0.113.0/24"}}]}]})
LIST = json.dumps({"apiVersion": "v1", "kind": "List", "items": [as_json("web", {"app": "web"}), DENY_JSON, OUT_JSON]},
                  indent=1)
TYPED = json.dumps(
    {
        "apiVersion": "networking.k8s.io/v1", "kind": "NetworkPolicyList",
        "items": [policy_json("deny-all", DENY_JSON["spec"], False),
                  policy_json("out", OUT_JSON["spec"], False)]
    },
    indent=1)
HELM = "".join(f"---\n# Source: chart/templates/{n}.yaml\n{one.strip()}\n" for n, one in enumerate((WEB, deny(), OUT)))
YAML_LIST = "apiVersion: v1\nkind: List\nitems:\n" + "".join("- " + one.strip("\n").replace("\n", "\n  ") + "\n"
                                                             for one in (WEB, deny(), OUT))


def form(name, files, **more):
    return Case(f"input: {name}", files, **{"code": 1, "verdict": "violated", "finds": (WAY, ), **more})


FORMS = [
    form("several documents", {"p.yaml": documents(BASE, OUT)}, finds=({**WAY, "because": "p.yaml:203.0.113.0"}, )),
    form("a List in YAML", {"p.yaml": YAML_LIST}, finds=({**WAY, "because": "p.yaml:203.0.113.0"}, )),
    form("a List in JSON", {"p.json": LIST}, finds=({**WAY, "object": "NetworkPolicy app/out, egress rule 1"}, )),
    form("JSON in one line", {"p.json": json.dumps(json.loads(LIST))}),
    form("a typed list whose items have no kind", {"p.json": TYPED, "w.yaml": WEB},
         finds=({**WAY, "object": "NetworkPolicy app/out, egress rule 1"}, )),
    form("JSON objects one after the other",
         {"p.json": "\n".join(json.dumps(one) for one in (as_json("web", {"app": "web"}), DENY_JSON, OUT_JSON))}),
    form("helm's source comments", {"p.yaml": HELM}, finds=({**WAY, "because": "p.yaml:203.0.113.0"}, )),
    form("empty documents between", {"p.yaml": "---\n---\n# nothing\n---\n" + documents(BASE, OUT) + "---\n---\n"}),
    form("lines of other systems", {"p.yaml": documents(BASE, OUT).replace("\n", "\r\n")}),
    form("a byte-order mark", {"p.yaml": "\ufeff" + documents(BASE, OUT)}),
    form("a name that says nothing", {"notes.txt": documents(BASE, OUT)}),
    form("gzip'd", {"p.yaml.gz": gzip.compress(documents(BASE, OUT).encode())}),
    form("gzip'd twice over the wire: two members",
         {"p.yaml.gz": gzip.compress(BASE.encode()) + gzip.compress(("---\n" + OUT).encode())}),
    form("standard input", {}, paths=("-", ), stdin=documents(BASE, OUT)),
    form("gzip'd standard input", {}, paths=("-", ), stdin=gzip.compress(documents(BASE, OUT).encode())),
    form("standard input beside a file", {"b.yaml": BASE}, paths=("b.yaml", "-"), stdin=OUT),
    form("a folder with all below", {"a/b/base.yaml": BASE, "a/b/c/d/out.yml": OUT},
         paths=("a", ),
         finds=({**WAY, "because": "a/b/c/d/out.yml:203.0.113.0"}, )),
    form("other files of a folder are left alone", {
        "a/base.yaml": BASE, "a/out.yaml": OUT, "a/README.md": "# words\n\n- [x](y): z\n",
        "a/run.sh": "#!/bin/sh\nexit 0\n"
    },
         paths=("a", )),
    form("YAML anchors and aliases",
         {"p.yaml": documents(BASE, OUT.replace("{cidr: 203.0.113.0/24}", "&b {cidr: 203.0.113.0/24}"))}),
    form("a merge key", {
        "p.yaml": documents(
            BASE,
            "x-base: &e {podSelector: {}, policyTypes: [Egress]}\napiVersion: networking.k8s.io/v1\nkind: NetworkPolicy\nmetadata: {name: m, namespace: app}\n"
            "spec:\n  <<: *e\n  egress: [{to: [{ipBlock: {cidr: 203.0.113.0/24}}]}]")
    },
         code=OPEN,
         verdict=None,
         finds=()),
]


def damaged(name, files, *words, code=(2, 3), **more):
    return Case(f"input: {name}", files, code=code, text=words, **more)


BOMB = "a: &a [x, x, x, x, x, x, x, x, x, x]\n" + "".join(f"{b}: &{b} [{', '.join(['*' + a] * 10)}]\n"
                                                          for a, b in zip("abcdefghi", "bcdefghij"))
DAMAGED = [
    damaged("no file", {}, paths=("nowhere.yaml", ), code=(2, 4)),
    damaged("an empty file", {"p.yaml": ""}),
    damaged("white space", {"p.yaml": " \n\n  \n"}),
    damaged("comments", {"p.yaml": "# nothing\n"}),
    damaged("a folder without files", {"a/": ""}, paths=("a", ), code=3),
    damaged("a folder of things that are none of these", {"a/README.md": "# words\n"}, paths=("a", ), code=3),
    damaged("binary", {"p.yaml": bytes(range(256)) * 8}),
    damaged("an ELF header", {"p.yaml": b"\x7fELF\x02\x01\x01" + b"\0" * 200}),
    damaged("UTF-16", {"p.yaml": BASE.encode("utf-16")}),
    damaged("UTF-16 without a mark", {"p.yaml": BASE.encode("utf-16-le")}),
    damaged("not UTF-8", {"p.yaml": BASE.encode().replace(b"web", b"w\xe9b")}),
    damaged("a NUL in a name", {"p.yaml": BASE.encode().replace(b"deny-all", b"deny\0all")}),
    damaged("a NUL behind everything", {"p.yaml": BASE.encode() + b"\0" + OUT.encode()}),
    damaged("a cut gzip", {"p.yaml.gz": gzip.compress(BASE.encode())[:-9]}),
    damaged("a gzip with a wrong sum", {"p.yaml.gz": gzip.compress(BASE.encode())[:-8] + b"\0" * 8}),
    damaged("a mapping that is not closed has its place", {"p.yaml": documents(BASE) + "---\nkind: {a: [1, 2\n"},
            "p.yaml",
            code=2),
    damaged("one broken file beside a good one", {"b.yaml": BASE, "p.yaml": "kind: [\n"}, "p.yaml", code=2),
    damaged("JSON that stops", {"p.json": LIST[:len(LIST) // 2]}, "p.json", code=2),
    damaged("JSON with something behind it", {"p.json": LIST + "}"}, "p.json", code=2),
    damaged("a key given twice", {
        "p.yaml": documents(
            WEB,
            deny().replace("  podSelector: {}", "  podSelector: {}\n  podSelector: {matchLabels: {app: nobody}}"))
    },
            code=OPEN),
    damaged("a key given twice in JSON", {
        "w.yaml": WEB, "p.json": json.dumps(DENY_JSON)[:-1] + ', "spec": {"podSelector": {"matchLabels": {"a": "b"}}}}'
    },
            code=OPEN),
    damaged("policyTypes that is no list", {"p.yaml": documents(WEB,
                                                                deny().replace("[Ingress, Egress]", "Egress"))},
            code=OPEN),
    damaged("a policy type in lower case",
            {"p.yaml": documents(WEB,
                                 deny().replace("[Ingress, Egress]", "[ingress, egress]"))},
            code=1),
    damaged("a kind in lower case",
            {"p.yaml": documents(WEB,
                                 deny().replace("kind: NetworkPolicy", "kind: networkpolicy"))},
            code=OPEN),
    damaged("a policy of a group that is no more",
            {"p.yaml": documents(WEB,
                                 deny().replace("networking.k8s.io/v1", "extensions/v1beta1"))},
            code=OPEN),
    damaged("a label that YAML reads as true", {"p.yaml": documents(deployment("web", labels="{app: yes}"), deny())},
            code=OPEN),
    damaged("a tab for indentation", {"p.yaml": documents(BASE) + "---\nkind: x\n\tb: c\n"}, code=2),
    damaged("a template that was not rendered",
            {"p.yaml": documents(WEB,
                                 deny().replace("deny-all", "{{ .Release.Name }}"))},
            code=OPEN),
    damaged("a scalar of a megabyte", {
        "p.yaml": documents(
            BASE, "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: m, namespace: app}\ndata: {a: '" +
            "x" * 1_000_000 + "'}")
    },
            code=(0, 2, 3)),
    damaged("a billion laughs", {"p.yaml": BOMB}),
    damaged("a billion laughs in a policy", {
        "p.yaml": documents(BASE) + "---\n" + BOMB +
        "apiVersion: networking.k8s.io/v1\nkind: NetworkPolicy\nmetadata: {name: m, namespace: app}\nspec: {podSelector: {}, egress: *j}\n"
    },
            code=OPEN),
    damaged("deep nesting", {"p.yaml": "[" * 20_000}),
    damaged("deep nesting in JSON", {"p.json": '{"a":' * 20_000}),
    damaged("deep nesting by indentation", {"p.yaml": "".join(" " * n + "a:\n" for n in range(2_000))}),
    damaged("an alias of itself", {"p.yaml": "a: &a [*a]\n"}),
]

FILES = [
    Case("input: one path twice is read once", {"p.yaml": BASE},
         paths=("p.yaml", "p.yaml"),
         code=0,
         verdict="proven",
         lacks=({"rule_id": "AT-V203"}, )),
    Case("input: one path twice by other words", {"a/p.yaml": BASE},
         paths=("a/p.yaml", "./a/../a/p.yaml", "a"),
         code=0,
         verdict="proven",
         lacks=({"rule_id": "AT-V203"}, )),
    Case("input: one file of two names is two", {"a.yaml": BASE, "b.yaml": BASE},
         code=1,
         finds=({"rule_id": "AT-V203"}, )),
]
USAGE = [
    Case(f"usage: {name}", {"isolation.yaml": SPEC, "p.yaml": BASE},
         arguments,
         paths=paths,
         code=(2, 4) if "nowhere.yaml" in arguments else 2,
         json=False,
         text=words)
    for name, arguments, paths, words in (("--inside beside --spec", ("--spec", "isolation.yaml", "--inside",
                                                                      "10.0.0.0/8"), ("p.yaml", ),
                                           ("--inside", )), ("no path", (), (), ()),
                                          ("an option that does not exist", ("--planet", "mars"), ("p.yaml", ),
                                           ()), ("a format that does not exist", ("--format", "xml"), ("p.yaml", ), ()),
                                          ("a prefix that is none", ("--inside", "10.0.0.0/33"), ("p.yaml", ),
                                           ("10.0.0.0/33", )), ("a prefix with bits behind its length", ("--inside",
                                                                                                         "10.0.0.1/8"),
                                                                ("p.yaml", ), ("10.0.0.1/8", )),
                                          ("a date that is none", ("--spec", "isolation.yaml", "--at", "2026-13-01"),
                                           ("p.yaml", ), ()), ("a spec that is not there", ("--spec", "nowhere.yaml"),
                                                               ("p.yaml", ), ("nowhere.yaml", )),
                                          ("a spec that is a manifest", ("--spec", "p.yaml"), ("p.yaml", ),
                                           ("p.yaml", )), ("a policy that is a manifest", ("--policy", "p.yaml"),
                                                           ("p.yaml", ), ("p.yaml", )),
                                          ("both a spec and a policy", ("--spec", "isolation.yaml", "--policy",
                                                                        "p.yaml"), ("p.yaml", ),
                                           ()), ("a namespace that cannot be", ("--namespace", "App_1"), ("p.yaml", ),
                                                 ("App_1", )),
                                          )
]


def sarif(code, out, err):
    try:
        log = json.loads(out)
        run, = log["runs"]
        rules = {rule["id"] for rule in run["tool"]["driver"]["rules"]}
        wrong = [] if log["version"] == "2.1.0" else ["not SARIF 2.1.0"]
        wrong += [f"rule {one['ruleId']} is not described" for one in run["results"] if one["ruleId"] not in rules]
        wrong += [
            f"no place: {one['message']['text']}" for one in run["results"]
            if not one["locations"][0]["physicalLocation"]["artifactLocation"]["uri"]
        ]
        return wrong or ([] if run["results"] else ["no result"])
    except (ValueError, KeyError, IndexError) as error:
        return [f"no SARIF: {error!r}"]


def junit(code, out, err):
    try:
        root = xml.etree.ElementTree.fromstring(out)
        return [] if root.iter("testcase") and any(True for _ in root.iter("failure")) else ["no failure"]
    except xml.etree.ElementTree.ParseError as error:
        return [f"no XML: {error}"]


def no_colour(code, out, err):
    return ["colour where there is no terminal"] if "\x1b[" in out + err else []


NASTY = documents(BASE, OUT.replace("name: out", 'name: "out<&>\\"\'"'))
OUTPUT = [
    Case("output: SARIF is well-formed", {"p.yaml": documents(BASE, OUT)}, ("--format", "sarif"),
         json=False,
         code=1,
         also=sarif),
    Case("output: SARIF of what has no place", {"p.yaml": WEB}, ("--format", "sarif"), json=False, code=1, also=sarif),
    Case("output: JUnit is well-formed", {"p.yaml": documents(BASE, OUT)}, ("--format", "junit"),
         json=False,
         code=1,
         also=junit),
    Case("output: JUnit of a name with signs", {"p.yaml": NASTY}, ("--format", "junit"),
         json=False,
         code=OPEN,
         also=lambda c, o, e: junit(c, o, e) if c == 1 and "failure" in o else []),
    Case("output: text is plain off a terminal", {"p.yaml": documents(BASE, OUT)},
         json=False,
         code=1,
         text=("violated", "203.0.113.0", "p.yaml"),
         also=no_colour),
    Case("output: text says inconclusive", {"p.yaml": deny()}, json=False, code=3, text=("inconclusive", )),
]

EXPLAIN = [
    Case(f"explain: {name}", {
        "p.yaml": documents(
            WEB, DB, deny(), OUT,
            egress("[{to: [{podSelector: {matchLabels: {app: db}}}], ports: [{port: 5432}]}]",
                   "{matchLabels: {app: web}}"),
            ingress("[{from: [{podSelector: {matchLabels: {app: web}}}], ports: [{port: 5432}]}]",
                    "{matchLabels: {app: db}}")), "r.nft": SEALED
    }, ("--from", source, "--to", to),
         command="explain",
         json=False,
         text=words,
         code=(0, 1, 3))
    for name, source, to, words in (("an allowed connection names its rule", "app/web", "app/db:5432",
                                     ("rules", "p.yaml")),
                                    ("a denied connection names what isolates", "app/web", "app/db:80", ("deny-all", )),
                                    ("an outside address names the rule that lets it out", "app/web", "203.0.113.9:443",
                                     ("NetworkPolicy app/out", "p.yaml")),
                                    ("an outside address in IPv6", "app/web", "[2001:db8::1]:443/udp", ("deny-all", )),
                                    )
] + [
    Case(f"explain: {name}", {"p.yaml": BASE}, ("--from", source, "--to", to), command="explain", json=False, code=2)
    for name, source, to in (("a workload that does not exist", "app/nobody", "app/db:80"),
                             ("a port that is none", "app/web", "app/db:70000"),
                             ("a protocol that is none", "app/web", "app/db:80/foo"))
]

BLOCK = "[{to: [{ipBlock: {cidr: %s}}], ports: [{port: 443}]}]"


def differs(name, old, new, code, *words, not_words=()):
    return Case(f"diff: {name}", {"old/p.yaml": documents(BASE, old), "new/p.yaml": documents(BASE, new)},
                command="diff",
                paths=("old", "new"),
                json=False,
                code=code,
                text=words,
                text_not=not_words)


DIFF = [
    differs("a way out gained", egress("[]"), egress(BLOCK % "203.0.113.0/24"), 1, "203.0.113.0"),
    differs("a way out lost", egress(BLOCK % "203.0.113.0/24"), egress("[]"), 0, "203.0.113.0"),
    differs("an inside connection gained", egress("[]"), egress(BLOCK % "10.1.0.0/16"), 0, "10.1.0.0"),
    differs("by meaning, not by text",
            egress("[{to: [{ipBlock: {cidr: 10.0.0.0/9}}, {ipBlock: {cidr: 10.128.0.0/9}}]}]"),
            egress("[{to: [{ipBlock: {cidr: 10.0.0.0/8}}]}]", name="other"),
            0,
            not_words=("10.128", )),
    differs("a way out that is wider", egress(BLOCK % "203.0.113.0/25"), egress(BLOCK % "203.0.113.0/24"), 1,
            "203.0.113.128"),
    differs("a way out that takes a port more",
            egress("[{to: [{ipBlock: {cidr: 203.0.113.0/24}}], ports: [{port: 443}]}]"),
            egress("[{to: [{ipBlock: {cidr: 203.0.113.0/24}}], ports: [{port: 443}, {port: 80}]}]"), 1, "80"),
    Case("diff: the deny is removed", {"old/p.yaml": BASE, "new/p.yaml": documents(WEB, DB)},
         command="diff",
         paths=("old", "new"),
         json=False,
         code=1),
    Case("diff: what is not understood", {
        "old/p.yaml": BASE, "new/p.yaml": documents(
            BASE, "apiVersion: kubevirt.io/v1\nkind: VirtualMachine\nmetadata: {name: vm, namespace: app}")
    },
         command="diff",
         paths=("old", "new"),
         json=False,
         code=OPEN),
    Case("diff: a firewall that is opened", {
        "old/p.yaml": BASE, "old/r.nft": SEALED, "new/p.yaml": BASE, "new/r.nft": SEALED.replace(
            "policy drop", "policy accept")
    },
         command="diff",
         paths=("old", "new"),
         json=False,
         code=1),
    Case("diff: a hostNetwork pod is gained",
         {"old/p.yaml": BASE, "new/p.yaml": documents(BASE, deployment("x", pod="hostNetwork: true"))},
         command="diff",
         paths=("old", "new"),
         json=False,
         code=OPEN),
]


@dataclasses.dataclass
class Cuts(Case):
    """The file is cut at every byte. Proven is right only where what is missing is nothing, `whole` says from where on."""
    whole: tuple = ()

    def answer(self, airtight):
        (name, text), = self.files.items()
        wrong = []
        for cut in range(len(text)):
            code, out, _ = invoke(airtight, Case("cut", {name: text[:cut]}, self.arguments))
            if code not in (0, 1, 2, 3):
                wrong.append(f"cut at {cut}: exit {code}")
            elif '"verdict":"proven"' in out.replace(" ", "") and cut not in self.whole:
                wrong.append(f"cut at {cut}: proven, after {text[max(0, cut - 20):cut]!r}")
        return wrong, "\n".join(wrong)


CUT = """apiVersion: apps/v1
kind: Deployment
metadata:
  name: web
  namespace: app
spec:
  template:
    metadata:
      labels:
        app: web
    spec:
      containers:
      - name: web
        image: registry.corp.example/web
---
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata:
  name: deny-all
  namespace: app
spec:
  podSelector: {}
  policyTypes:
  - Ingress
  - Egress
"""
CUT_JSON = json.dumps({"apiVersion": "v1", "kind": "List", "items": [DENY_JSON, as_json("web", {"app": "web"})]})
RULES = """table inet t {
 chain o {
  type filter hook output priority 0; policy drop;
  ip daddr 10.0.0.0/8 accept
 }
 chain f {
  type filter hook forward priority 0; policy drop;
 }
}
"""
CUTS = [
    Cuts("input: a manifest cut at every byte", {"p.yaml": CUT}, whole=(len(CUT) - 1, )),
    Cuts("input: a JSON list cut at every byte", {"p.json": CUT_JSON}),
    Cuts("input: a ruleset cut at every byte", {"r.nft": RULES}, whole=(len(RULES) - 1, )),
]
CASES = [*FORMS, *DAMAGED, *FILES, *USAGE, *OUTPUT, *EXPLAIN, *DIFF, *CUTS]
