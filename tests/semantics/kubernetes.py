"""NetworkPolicy and what stands around it: the rows of the Kubernetes section."""
from .case import OPEN, Case
from .words import BASE, DB, SPEC, WEB, deny, deployment, documents, egress, ingress, kind, namespace, policy

LONE = deny().replace("[Ingress, Egress]", "[Ingress]")  # ingress is held, so that a case is about egress alone


def sealed(name, text, **more):
    """Egress of `web` under the given policies."""
    return Case(name, {"base.yaml": documents(WEB, DB, LONE), "p.yaml": text}, **more)


def proven(name, text, **more):
    return sealed(name, text, verdict="proven", **{"code": 0, **more})


def violated(name, text, *finds, **more):
    return sealed(name,
                  text,
                  verdict="violated",
                  code=1,
                  finds=tuple({"property": "sealed", **one} for one in finds or ({}, )),
                  **more)


def refused(name, rules):
    """Alone it leaves the workload open, beside a deny it changes nothing; both ways it is a finding."""
    found = {"rule_id": "AT-V201"}
    alone = sealed(f"{name}, and leaves open",
                   egress(rules),
                   verdict="violated",
                   code=1,
                   finds=(found, {"property": "sealed", "because": "absent"}))
    beside = Case(f"{name}, beside a deny too", {"base.yaml": BASE, "p.yaml": egress(rules)},
                  verdict="proven",
                  code=1,
                  finds=(found, ))
    return [alone, beside]


def reach(name, text, *connections):
    return Case(name, {"p.yaml": text}, command="connections", connections=connections)


TO = "app/web[Deployment] > "
POLICY_TYPES = [
    violated("policyTypes absent, egress [] isolates no egress", policy("podSelector: {}\ningress: []\negress: []"),
             {"because": "absent"}),
    violated("policyTypes absent, no egress isolates no egress", policy("podSelector: {}"), {"because": "absent"}),
    proven("policyTypes absent, an egress rule isolates egress",
           policy("podSelector: {}\negress: [{to: [{ipBlock: {cidr: 10.0.0.0/8}}]}]")),
    Case("policyTypes absent, an egress rule isolates ingress too",
         {"p.yaml": documents(WEB, policy("podSelector: {}\negress: [{to: [{ipBlock: {cidr: 10.0.0.0/8}}]}]"))},
         code=0,
         verdict="proven"),
    Case("isolation is per direction: egress alone", {"p.yaml": documents(WEB, egress("[]"))},
         code=1,
         verdict="violated",
         finds=({"rule_id": "AT-V002", "property": "sealed", "because": "absent"}, ),
         lacks=({"rule_id": "AT-V001"}, )),
    Case("isolation is per direction: ingress alone", {"p.yaml": documents(WEB, ingress("[]"))},
         code=1,
         verdict="violated",
         finds=({"rule_id": "AT-V001", "property": "sealed", "because": "absent"}, ),
         lacks=({"rule_id": "AT-V002"}, )),
    Case("an outside source may not open a connection in",
         {"p.yaml": documents(BASE, ingress("\n- from: [{ipBlock: {cidr: 198.51.100.0/24}}]"))},
         code=1,
         verdict="violated",
         finds=({"rule_id": "AT-V002", "because": "p.yaml:198.51.100.0/24"}, )),
    proven("egress of policyTypes only in a rule that is not named",
           documents(policy("podSelector: {}\npolicyTypes: [Ingress]\negress: [{}]"), egress("[]", name="held"))),
]

NULLS = [
    violated("policyTypes empty is as absent", policy("podSelector: {}\npolicyTypes: []\ningress: []"),
             {"because": "absent"}),
    violated("policyTypes null is as absent", policy("podSelector: {}\npolicyTypes: null\ningress: []"),
             {"because": "absent"}),
    violated("policyTypes null, egress null isolates no egress",
             policy("podSelector: {}\npolicyTypes: null\negress: null"), {"because": "absent"}),
    violated("to null is everything", egress("\n  - {to: null, ports: [{port: 53}]}"), {"port": 53}),
    violated("ports null is every port", egress("\n  - {to: [{ipBlock: {cidr: 203.0.113.7/32}}], ports: null}"),
             {"extent": "any port of tcp, udp and sctp"}),
    violated("except null takes nothing out", egress("\n  - {to: [{ipBlock: {cidr: 203.0.113.0/24, except: null}}]}"),
             {"destination": "203.0.113.0"}),
    violated("port null is every port of its protocol",
             egress("\n  - {to: [{ipBlock: {cidr: 203.0.113.0/24}}], ports: [{protocol: UDP, port: null}]}"),
             {"protocol": "udp", "port": 1}),
    proven("namespaceSelector null beside podSelector is the own namespace",
           egress("[{to: [{namespaceSelector: null, podSelector: {}}]}]")),
    *refused("a peer of nulls is an empty peer", "[{to: [{podSelector: null}]}]"),
    *refused("a port of digits in quotes is no name", '[{to: [{ipBlock: {cidr: 10.0.0.0/8}}], ports: [{port: "80"}]}]'),
    sealed("a NetworkPolicy without a spec is never counted as a deny",
           policy("{}").replace("spec:\n  {}\n", ""),
           code=OPEN,
           verdict=("violated", "inconclusive")),
    sealed("a policy whose spec is null", policy("null"), code=OPEN, verdict=("violated", "inconclusive")),
    sealed("a policy whose selector is null selects all or is refused",
           policy("podSelector: null\npolicyTypes: [Egress]"),
           code=(0, 1)),
]
EVERYTHING = [
    violated("to absent is everything, port 53", egress("\n  - ports: [{port: 53, protocol: UDP}]"),
             {"protocol": "udp", "port": 53, "because": "p.yaml:- ports"}),
    violated("to empty is everything", egress("\n  - {to: [], ports: [{port: 53}]}"),
             {"protocol": "tcp", "port": 53, "because": "p.yaml:to: []"}),
    violated(
        "ports empty is every port", egress("\n  - {to: [{ipBlock: {cidr: 203.0.113.7/32}}], ports: []}"),
        {"destination": "203.0.113.7", "extent": "any port of tcp, udp and sctp", "because": "p.yaml:203.0.113.7"}),
    violated("an empty rule is everything", egress("\n  - {}"), {"because": "p.yaml:- {}"}),
    proven("no rule is nothing", egress("[]")),
    proven("egress absent with the type named is nothing", policy("podSelector: {}\npolicyTypes: [Egress]")),
    *refused("an empty peer is refused", "[{to: [{}]}]"),
    reach(
        "ports empty toward pods is all ports of three protocols",
        documents(WEB, DB, deny(), egress("[{to: [{podSelector: {matchLabels: {app: db}}}], ports: []}]"),
                  ingress("[{}]")), *(TO + f"app/db[Deployment] {p} 1-65535" for p in ("tcp", "udp", "sctp")),
        *(f"{f} > app/{w}[Deployment] {p} 1-65535" for f in ("v4", "v6") for w in ("web", "db")
          for p in ("tcp", "udp", "sctp"))),
]


def pods(name, peer, *destinations):
    """Who is reached from app/web on 80/tcp by one rule with these peers; everybody takes connections from pods only."""
    base = documents(deployment("web"), deployment("db"), deployment("api", "ops"),
                     deployment("log", "ops", "{app: log, tier: x}"), namespace("app"), namespace("ops", "{team: red}"),
                     deny(), deny("ops"), ingress("[{from: [{namespaceSelector: {}}]}]"),
                     ingress("[{from: [{namespaceSelector: {}}]}]", ns="ops"),
                     egress(f"[{{to: {peer}, ports: [{{port: 80}}]}}]", "{matchLabels: {app: web}}"))
    return Case(name, {"p.yaml": base},
                command="connections",
                connections=tuple(f"{TO}{one}[Deployment] tcp 80" for one in destinations))


PEERS = [
    pods("podSelector {} is the own namespace", "[{podSelector: {}}]", "app/db"),
    pods("namespaceSelector {} is every pod", "[{namespaceSelector: {}}]", "app/db", "ops/api", "ops/log"),
    proven("namespaceSelector {} is never an address", egress("[{to: [{namespaceSelector: {}}]}]")),
    proven("podSelector {} is never an address", egress("[{to: [{podSelector: {}}]}]")),
    pods("both in one peer are AND",
         "[{namespaceSelector: {matchLabels: {team: red}}, podSelector: {matchLabels: {app: api}}}]", "ops/api"),
    pods("two peers are OR",
         "[{namespaceSelector: {matchLabels: {team: red}}}, {podSelector: {matchLabels: {app: api}}}]", "ops/api",
         "ops/log"),
    pods("two peers are OR: the own namespace",
         "[{namespaceSelector: {matchLabels: {team: blue}}}, {podSelector: {matchLabels: {app: db}}}]", "app/db"),
    pods("NotIn matches an absent key",
         "[{namespaceSelector: {}, podSelector: {matchExpressions: [{key: tier, operator: NotIn, values: [x]}]}}]",
         "app/db", "ops/api"),
    pods("DoesNotExist matches an absent key",
         "[{namespaceSelector: {matchExpressions: [{key: team, operator: DoesNotExist}]}}]", "app/db"),
    pods("Exists wants the key", "[{namespaceSelector: {matchExpressions: [{key: team, operator: Exists}]}}]",
         "ops/api", "ops/log"),
    pods(
        "a NotIn of several values is one conjunction",
        "[{namespaceSelector: {}, podSelector: {matchExpressions: [{key: app, operator: NotIn, values: [db, api]}]}}]",
        "ops/log"),
    pods("In of several values is a disjunction",
         "[{namespaceSelector: {}, podSelector: {matchExpressions: [{key: app, operator: In, values: [db, api]}]}}]",
         "app/db", "ops/api"),
    pods("the namespace's name is a label", "[{namespaceSelector: {matchLabels: {kubernetes.io/metadata.name: ops}}}]",
         "ops/api", "ops/log"),
    Case("the namespace's name is a label without the object", {
        "p.yaml": documents(
            deployment("web"), deployment("api", "ops"), deny(), ingress("[{from: [{namespaceSelector: {}}]}]",
                                                                         ns="ops"), egress("[]", ns="ops"),
            egress(
                "[{to: [{namespaceSelector: {matchLabels: {kubernetes.io/metadata.name: ops}}}], ports: [{port: 80}]}]")
        )
    },
         command="connections",
         connections=(TO + "ops/api[Deployment] tcp 80", )),
    Case("other labels of a namespace that is not in the input are unknown", {
        "p.yaml": documents(deployment("web"), deployment("api", "ops"), deny(),
                            ingress("[{from: [{namespaceSelector: {}}]}]", ns="ops"), egress("[]", ns="ops"),
                            egress("[{to: [{namespaceSelector: {matchLabels: {team: red}}}], ports: [{port: 80}]}]"))
    },
         command="connections",
         connections=(TO + "ops/api[Deployment] tcp 80", )),
    *refused("an operator that does not exist is refused",
             "[{to: [{podSelector: {matchExpressions: [{key: a, operator: Like, values: [x]}]}}]}]"),
    *refused("In without values is refused", "[{to: [{podSelector: {matchExpressions: [{key: a, operator: In}]}}]}]"),
    *refused("a block beside a selector is refused", "[{to: [{ipBlock: {cidr: 10.0.0.0/8}, podSelector: {}}]}]"),
]


def ports(name, declared, rule, *lines):
    """What of db is reached from web by `rule`'s ports; `declared`: ports of db's container."""
    text = documents(
        WEB, deployment("db", ports=declared), deny(),
        egress(f"[{{to: [{{podSelector: {{matchLabels: {{app: db}}}}}}], ports: {rule}}}]",
               "{matchLabels: {app: web}}"), ingress("[{from: [{podSelector: {}}]}]"))
    return Case(name, {"p.yaml": text},
                command="connections",
                connections=tuple(f"{TO}app/db[Deployment] {one}" for one in lines))


PORTS = [
    ports("protocol defaults to TCP", "", "[{port: 53}]", "tcp 53"),
    ports("a protocol without a port is all its ports", "", "[{protocol: UDP}]", "udp 1-65535"),
    ports("an empty port entry is all of TCP", "", "[{}]", "tcp 1-65535"),
    ports("endPort", "", "[{port: 8000, endPort: 8010, protocol: SCTP}]", "sctp 8000-8010"),
    ports("a named port resolves at the destination", "{name: sql, containerPort: 5432}", "[{port: sql}]", "tcp 5432"),
    ports("a named port resolves by protocol", "{name: dns, containerPort: 53, protocol: UDP}", "[{port: dns}]"),
    ports("a named port of two protocols",
          "{name: dns, containerPort: 53, protocol: UDP}, {name: dns, containerPort: 5353}",
          "[{port: dns}, {port: dns, protocol: UDP}]", "tcp 5353", "udp 53"),
    Case("a named port differs from pod to pod", {
        "p.yaml": documents(WEB, deployment("a", ports="{name: http, containerPort: 8001}"),
                            deployment("b", ports="{name: http, containerPort: 8002}"), deny(),
                            ingress("[{from: [{podSelector: {}}]}]"),
                            egress("[{to: [{podSelector: {}}], ports: [{port: http}]}]", "{matchLabels: {app: web}}"))
    },
         command="connections",
         connections=(TO + "app/a[Deployment] tcp 8001", TO + "app/b[Deployment] tcp 8002")),
    proven("a named port means nothing toward an address",
           egress("[{to: [{ipBlock: {cidr: 203.0.113.0/24}}], ports: [{port: http}]}]")),
    violated("a named port and a number toward an address",
             egress("\n  - {to: [{ipBlock: {cidr: 203.0.113.0/24}}], ports: [{port: http}, {port: 443}]}"),
             {"destination": "203.0.113.0", "protocol": "tcp", "port": 443}),
    violated(
        "the counterexample is the smallest of its set",
        egress(
            "\n  - {to: [{ipBlock: {cidr: 203.0.113.0/24, except: [203.0.113.0/25]}}], ports: [{port: 90, endPort: 99}, {port: 80}]}"
        ), {"destination": "203.0.113.128", "protocol": "tcp", "port": 80, "workload": "app/web[Deployment]"}),
    *refused("endPort below port is refused",
             "[{to: [{ipBlock: {cidr: 10.0.0.0/8}}], ports: [{port: 90, endPort: 80}]}]"),
    *refused("endPort with a named port is refused",
             "[{to: [{ipBlock: {cidr: 10.0.0.0/8}}], ports: [{port: http, endPort: 80}]}]"),
    *refused("endPort without a port is refused", "[{to: [{ipBlock: {cidr: 10.0.0.0/8}}], ports: [{endPort: 80}]}]"),
    *refused("port 0 is refused", "[{to: [{ipBlock: {cidr: 10.0.0.0/8}}], ports: [{port: 0}]}]"),
    *refused("port 65536 is refused", "[{to: [{ipBlock: {cidr: 10.0.0.0/8}}], ports: [{port: 65536}]}]"),
    *refused("protocol ICMP is refused", "[{to: [{ipBlock: {cidr: 10.0.0.0/8}}], ports: [{protocol: ICMP}]}]"),
    ports("1 to 65535 is every port", "", "[{port: 1, endPort: 65535}]", "tcp 1-65535"),
    Case("1 to 65535 equals a rule without ports in exact", {
        "isolation.yaml": SPEC.replace("serves: {sql: 5432/tcp}", "serves: {sql: 1-65535/tcp}"), "p.yaml": documents(
            WEB, DB, deny(),
            egress(
                "[{to: [{podSelector: {matchLabels: {app: db}}}], ports: [{protocol: TCP}]},"
                "{to: [{ipBlock: {cidr: 10.20.0.10/32}}], ports: [{port: 8000}]}]", "{matchLabels: {app: web}}"),
            ingress("[{from: [{podSelector: {matchLabels: {app: web}}}], ports: [{protocol: TCP}]}]",
                    "{matchLabels: {app: db}}"))
    }, ("--spec", "isolation.yaml"),
         verdict="proven",
         code=0,
         lacks=({"property": "exact"}, {"property": "complete"})),
]

BLOCKS = [
    proven("except takes out",
           egress("[{to: [{ipBlock: {cidr: 192.0.2.0/24, except: [192.0.2.0/25, 192.0.2.128/25]}}]}]")),
    violated(
        "except is not a deny: another policy allows",
        documents(egress("[{to: [{ipBlock: {cidr: 192.0.2.0/24, except: [192.0.2.0/25, 192.0.2.128/25]}}]}]"),
                  egress("\n  - to: [{ipBlock: {cidr: 192.0.2.9/32}}]", name="other")),
        {"destination": "192.0.2.9", "because": "p.yaml:192.0.2.9/32"}),
    violated(
        "except is not a deny: another rule allows",
        egress(
            "\n  - to: [{ipBlock: {cidr: 192.0.2.0/24, except: [192.0.2.0/25, 192.0.2.128/25]}}]\n  - to: [{ipBlock: {cidr: 192.0.2.9/32}}]"
        ), {"destination": "192.0.2.9", "because": "p.yaml:192.0.2.9/32"}),
    *refused("except outside cidr is refused", "[{to: [{ipBlock: {cidr: 10.0.0.0/8, except: [192.168.0.0/16]}}]}]"),
    *refused("except of the other family is refused", "[{to: [{ipBlock: {cidr: 10.0.0.0/8, except: ['fd00::/16']}}]}]"),
    *refused("except as wide as cidr is refused", "[{to: [{ipBlock: {cidr: 10.0.0.0/8, except: [10.0.0.0/8]}}]}]"),
    *refused("an address without a length is refused", "[{to: [{ipBlock: {cidr: 10.0.0.1}}]}]"),
    *refused("a block of no family is refused", "[{to: [{ipBlock: {cidr: 10.0.0.0/33}}]}]"),
    Case("0.0.0.0/0 does not cover ::/0",
         {"p.yaml": documents(WEB, deny(), egress("[{to: [{ipBlock: {cidr: 0.0.0.0/0}}]}]"))},
         ("--inside", "0.0.0.0/0"),
         verdict="proven",
         lacks=({"property": "sealed"}, )),
    Case("everything is both families", {"p.yaml": documents(WEB, deny(), egress("[{}]"))}, ("--inside", "0.0.0.0/0"),
         code=1,
         verdict="violated",
         finds=({"dst_in": "::/0", "property": "sealed"}, )),
    Case("everything is both families, the other way", {"p.yaml": documents(WEB, deny(), egress("[{}]"))},
         ("--inside", "::/0"),
         code=1,
         verdict="violated",
         finds=({"dst_in": "0.0.0.0/0", "property": "sealed"}, )),
    *(violated(f"{what} carries public IPv4", egress(f"\n  - to: [{{ipBlock: {{cidr: '{cidr}'}}}}]"), {"dst_in": cidr})
      for what, cidr in (("NAT64", "64:ff9b::/96"), ("6to4", "2002::/16"), ("Teredo", "2001::/32"),
                         ("6to4 of one public address", "2002:cb00:7109::/48"),
                         ("NAT64 of one", "64:ff9b::cb00:7109/128"))),
    sealed("an IPv4-mapped block is never inside",
           egress("\n  - to: [{ipBlock: {cidr: '::ffff:0:0/96'}}]"),
           code=OPEN,
           verdict=("violated", "inconclusive")),
    *(violated(f"{address} is a cloud's own service",
               egress(f"\n  - to: [{{ipBlock: {{cidr: '{address}/{128 if ':' in address else 32}'}}}}]"),
               {"destination": address, "because": f"p.yaml:{address}"})
      for address in ("fd00:ec2::253", "fd00:ec2::254", "169.254.169.253", "169.254.169.254", "169.254.169.123",
                      "168.63.129.16", "100.100.100.200", "192.0.0.192")),
    violated("a private block with a cloud's address in it", egress("\n  - to: [{ipBlock: {cidr: 'fd00::/8'}}]"),
             {"dst_in": "fd00::/8"}),
    Case("a block that reaches pods is no excess beside selectors, and is named", {
        "isolation.yaml": SPEC, "p.yaml": documents(
            WEB, DB, deny(),
            egress(
                "[{to: [{ipBlock: {cidr: 10.42.0.0/16}}], ports: [{port: 5432}]},"
                "{to: [{ipBlock: {cidr: 10.20.0.10/32}}], ports: [{port: 8000}]}]", "{matchLabels: {app: web}}"),
            ingress("[{from: [{podSelector: {matchLabels: {app: web}}}], ports: [{port: 5432}]}]",
                    "{matchLabels: {app: db}}"))
    }, ("--spec", "isolation.yaml"),
         code=1,
         layers={"kubernetes": "proven"},
         finds=({"rule_id": "AT-V007", "property": "complete"}, )),
]

OBJECTS = [
    Case("an unknown field of a deny: judged as absent",
         {"p.yaml": documents(WEB, policy("podSelector: {}\npolicyTypes: [Ingress, Egress]\npolicyTipes: []"))},
         code=1,
         verdict="violated",
         finds=({"rule_id": "AT-V202", "because": "p.yaml:policyTipes"}, )),
    Case("an unknown field of an allow: judged without it",
         {"p.yaml": documents(BASE, egress("\n  - {to: [{ipBlock: {cidr: 203.0.113.0/24}}], prots: [{port: 80}]}"))},
         code=1,
         verdict="violated",
         finds=({"rule_id": "AT-V202",
                 "because": "p.yaml:prots"}, {"destination": "203.0.113.0",
                                              "extent": "any port of tcp, udp and sctp"})),
    Case("a misspelt peer list opens everything",
         {"p.yaml": documents(BASE, egress("\n  - {too: [{ipBlock: {cidr: 10.0.0.0/8}}]}"))},
         code=1,
         verdict="violated",
         finds=({"rule_id": "AT-V202", "because": "p.yaml:too"}, {"property": "sealed", "because": "p.yaml:too"})),
    Case("a misspelt egress leaves a deny",
         {"p.yaml": documents(BASE, policy("podSelector: {}\npolicyTypes: [Egress]\negres: [{}]"))},
         code=1,
         verdict="proven",
         finds=({"rule_id": "AT-V202"}, )),
    Case("of two of one name the last counts: open",
         {"a.yaml": documents(BASE, egress("[]", name="same")), "b.yaml": egress("\n  - {}", name="same")},
         code=1,
         verdict="violated",
         finds=({"rule_id": "AT-V203"}, {"property": "sealed", "because": "b.yaml:- {}"})),
    Case("of two of one name the last counts: closed",
         {"a.yaml": documents(BASE, egress("\n  - {}", name="same")), "b.yaml": egress("[]", name="same")},
         code=1,
         verdict="proven",
         finds=({"rule_id": "AT-V203"}, )),
    Case("the same object twice is no union", {
        "p.yaml": documents(BASE, egress("[{to: [{podSelector: {}}], ports: [{port: 1}]}]", name="same"),
                            egress("[{to: [{podSelector: {}}], ports: [{port: 2}]}]", name="same"),
                            ingress("[{from: [{podSelector: {}}]}]"))
    },
         command="connections",
         connections=("app/web[Deployment] > app/db[Deployment] tcp 2",
                      "app/db[Deployment] > app/web[Deployment] tcp 2")),
    Case("one name of two kinds or namespaces is no double", {
        "p.yaml": documents(BASE, deny("ops"),
                            kind("v1 Service", "deny-all", "spec: {selector: {app: web}, ports: [{port: 80}]}"))
    },
         lacks=({"rule_id": "AT-V203"}, ),
         code=0),
    Case("no namespace is default, and noted", {"p.yaml": BASE.replace(", namespace: app", "")},
         verdict="proven",
         assumes=("NetworkPolicy default/deny-all has no namespace: default is taken", )),
    Case("no namespace goes where --namespace says",
         {"p.yaml": documents(WEB, DB,
                              deny().replace(", namespace: app", ""))}, ("--namespace", "app"),
         code=0,
         verdict="proven",
         assumes_not=("default is taken", )),
    Case("no namespace without --namespace leaves app open",
         {"p.yaml": documents(WEB,
                              deny().replace(", namespace: app", ""))},
         code=1,
         verdict="violated",
         assumes=("default is taken", ),
         finds=({"property": "sealed", "workload": "app/web"}, )),
    Case("a policy of another namespace selects nobody here", {"p.yaml": documents(WEB, deny("ops"))},
         code=1,
         verdict="violated",
         finds=({"property": "sealed", "because": "absent", "workload": "app/web"}, )),
    Case(
        "a deny for one label leaves the others open",
        {"p.yaml": documents(WEB, DB, policy("podSelector: {matchLabels: {app: db}}\npolicyTypes: [Ingress, Egress]"))},
        code=1,
        verdict="violated",
        finds=({"workload": "app/web", "rule_id": "AT-V001"}, ),
        lacks=({"workload": "app/db", "rule_id": "AT-V001"}, )),
    Case("every-pod: a label class that no workload has",
         {"p.yaml": documents(BASE, egress("\n  - {}", "{matchLabels: {app: nobody}}"))}, ("--every-pod", ),
         code=1,
         verdict="violated",
         finds=({"property": "sealed", "workload": "app=nobody", "because": "p.yaml:- {}"}, )),
    Case("without every-pod it is an assumption",
         {"p.yaml": documents(BASE, egress("\n  - {}", "{matchLabels: {app: nobody}}"))},
         verdict="proven",
         assumes=("no pod runs but those of the input", )),
    Case("every-pod: a namespace without a default deny",
         {"p.yaml": documents(WEB, policy("podSelector: {matchLabels: {app: web}}\npolicyTypes: [Ingress, Egress]"))},
         ("--every-pod", ),
         code=1,
         verdict="violated",
         finds=({"property": "sealed", "because": "absent"}, )),
    Case("policies and no workload: inconclusive", {"p.yaml": deny()}, code=3, verdict="inconclusive"),
    Case("policies, no workload, every pod: judged", {"p.yaml": deny()}, ("--every-pod", ), code=0, verdict="proven"),
    Case("with a spec: policies alone are judged", {"isolation.yaml": SPEC, "p.yaml": deny()},
         ("--spec", "isolation.yaml"),
         code=1,
         layers={"kubernetes": "proven"},
         finds=({"property": "complete"}, )),
    *(Case(f"a pod template of kind {what} is judged", {"p.yaml": documents(WEB, body)},
           code=1,
           verdict="violated",
           finds=({"property": "sealed", "workload": f"app/x[{what.split()[-1]}]"}, )) for what, body in
      (("Job",
        kind("batch/v1 Job", "x",
             "spec: {template: {metadata: {labels: {a: b}}, spec: {containers: [{name: c, image: i}]}}}")),
       ("CronJob",
        kind(
            "batch/v1 CronJob", "x",
            "spec: {schedule: '* * * * *', jobTemplate: {spec: {template: {metadata: {labels: {a: b}}, spec: {containers: [{name: c, image: i}]}}}}}"
        )), ("StatefulSet",
             kind("apps/v1 StatefulSet", "x",
                  "spec: {template: {metadata: {labels: {a: b}}, spec: {containers: [{name: c, image: i}]}}}")),
       ("DaemonSet",
        kind("apps/v1 DaemonSet", "x",
             "spec: {template: {metadata: {labels: {a: b}}, spec: {containers: [{name: c, image: i}]}}}")),
       ("ReplicaSet",
        kind("apps/v1 ReplicaSet", "x",
             "spec: {template: {metadata: {labels: {a: b}}, spec: {containers: [{name: c, image: i}]}}}")),
       ("Pod", kind("v1 Pod", "x", "spec: {containers: [{name: c, image: i}]}")),
       ("Custom",
        kind("example.com/v1 Custom", "x",
             "spec: {template: {metadata: {labels: {a: b}}, spec: {containers: [{name: c, image: i}]}}}")))),
]


def template(api, labels="{a: b}"):
    return kind(
        f"{api}", "x",
        f"spec: {{template: {{metadata: {{labels: {labels}}}, spec: {{containers: [{{name: c, image: i}}]}}}}}}")


# Labels that a controller gives to its pods, whatever the template says: a policy may select by them.
GIVEN = [
    Case(f"a label that the controller gives: {key}",
         {"p.yaml": documents(WEB, deny(), template(api), egress("\n  - {}", f"{{matchLabels: {{{key}: {value}}}}}"))},
         code=OPEN,
         verdict=("violated", "inconclusive"))
    for api, key, value in (("batch/v1 Job", "job-name", "x"), ("batch/v1 Job", "batch.kubernetes.io/job-name", "x"),
                            ("apps/v1 StatefulSet", "statefulset.kubernetes.io/pod-name", "x-0"),
                            ("apps/v1 StatefulSet", "apps.kubernetes.io/pod-index", "'0'"))
] + [
    Case(f"a label that the controller gives: {key} of a {api.split()[1]}, by its existence", {
        "p.yaml": documents(WEB, deny(), template(api),
                            egress("\n  - {}", f"{{matchExpressions: [{{key: {key}, operator: Exists}}]}}"))
    },
         code=OPEN,
         verdict=("violated", "inconclusive"))
    for api, key in (("apps/v1 Deployment", "pod-template-hash"), ("apps/v1 DaemonSet", "controller-revision-hash"),
                     ("batch/v1 Job", "controller-uid"), ("apps/v1 StatefulSet", "controller-revision-hash"))
]
FOREIGN = [
    Case(f"{api} is named, not passed over", {"base.yaml": BASE, "p.yaml": kind(api, "x", body, ns)},
         code=OPEN,
         text=(api.split()[1], ))
    for api, body, ns in (
        ("crd.antrea.io/v1beta1 ClusterNetworkPolicy", "spec: {priority: 1, egress: [{action: Allow}]}", None),
        ("crd.antrea.io/v1beta1 NetworkPolicy", "spec: {priority: 1, egress: [{action: Allow}]}", "app"),
        ("cilium.io/v2 CiliumLocalRedirectPolicy", "spec: {redirectFrontend: {addressMatcher: {ip: 10.0.0.1}}}", "app"),
        ("cilium.io/v2 CiliumEgressGatewayPolicy", "spec: {destinationCIDRs: [0.0.0.0/0]}", None),
        ("networking.istio.io/v1 Gateway", "spec: {servers: [{hosts: ['*']}]}", "app"),
        ("gateway.networking.k8s.io/v1 HTTPRoute", "spec: {rules: [{backendRefs: [{name: web, port: 80}]}]}", "app"))
] + [
    Case("a Knative Service has pods", {
        "base.yaml": documents(WEB, policy("podSelector: {matchLabels: {app: web}}\npolicyTypes: [Ingress, Egress]")),
        "p.yaml": template("serving.knative.dev/v1 Service")
    },
         code=OPEN,
         verdict=("violated", "inconclusive")),
    Case("a Deployment of an old group has pods", {
        "base.yaml": documents(WEB, policy("podSelector: {matchLabels: {app: web}}\npolicyTypes: [Ingress, Egress]")),
        "p.yaml": template("extensions/v1beta1 Deployment")
    },
         code=OPEN,
         verdict=("violated", "inconclusive")),
]
CASES = [*NULLS, *GIVEN, *FOREIGN, *POLICY_TYPES, *EVERYTHING, *PEERS, *PORTS, *BLOCKS, *OBJECTS]
