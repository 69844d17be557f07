"""Cilium's and Calico's own policies."""
from .case import OPEN, Case
from .surroundings import pod_with
from .words import DB, SPEC, WEB, deny, documents, egress, ingress, kind

HELD_IN = ingress("[]")
ALLOW_ALL = documents(HELD_IN, egress("[{}]"))
BOTH_WORLDS = '[0.0.0.0/0, "::/0"]'
OPEN_OR_UNCLEAR = ("violated", "inconclusive")


def cilium(body, name="guard", wide=True, selector="endpointSelector: {}"):
    what = "CiliumClusterwideNetworkPolicy" if wide else "CiliumNetworkPolicy"
    lines = "".join(f"\n  {line}" for line in [selector, *body.strip("\n").split("\n")])
    return kind(f"cilium.io/v2 {what}", name, f"spec:{lines}", None if wide else "app")


def held(name, *texts, **more):
    return Case(name, {"web.yaml": documents(WEB, DB), "p.yaml": documents(*texts)}, **{"verdict": "proven", **more})


def opened(name, *texts, **more):
    return Case(name, {"web.yaml": documents(WEB, DB), "p.yaml": documents(*texts)},
                **{"code": 1, "verdict": "violated", **more})


def unclear(name, *texts, **more):
    """Anything but proven."""
    return Case(name, {"web.yaml": documents(WEB, DB), "p.yaml": documents(*texts)},
                **{"code": OPEN, "verdict": OPEN_OR_UNCLEAR, **more})


NO_DEFAULT = "enableDefaultDeny: {ingress: false, egress: false}"
CILIUM = [
    held("Cilium: a deny beats a NetworkPolicy's allow", ALLOW_ALL,
         cilium(f"{NO_DEFAULT}\negressDeny: [{{toCIDR: {BOTH_WORLDS}}}]")),
    held("Cilium: a deny beats a Cilium allow", HELD_IN, cilium(f"egress: [{{toCIDR: {BOTH_WORLDS}}}]", "a"),
         cilium(f"{NO_DEFAULT}\negressDeny: [{{toCIDR: {BOTH_WORLDS}}}]")),
    held("Cilium: a deny beats an allow of the same object", HELD_IN,
         cilium("egress: [{toEntities: [all]}]\negressDeny: [{toEntities: [world]}]")),
    held("Cilium: a namespaced deny beats a clusterwide allow", HELD_IN, cilium("egress: [{toEntities: [world]}]", "a"),
         cilium("egressDeny: [{toEntities: [world]}]", "b", wide=False)),
    held("Cilium: a deny alone switches on default deny", HELD_IN,
         cilium('egressDeny: [{toPorts: [{ports: [{port: "10255", protocol: TCP}]}]}]')),
    opened("Cilium: without enableDefaultDeny a deny of one port is all",
           HELD_IN,
           cilium(f'{NO_DEFAULT}\negressDeny: [{{toPorts: [{{ports: [{{port: "10255", protocol: TCP}}]}}]}}]'),
           finds=({"property": "sealed", "because": "absent"}, )),
    opened("Cilium: isolation is per direction",
           cilium("egressDeny: [{toEntities: [world]}]"),
           finds=({"rule_id": "AT-V002"}, )),
    opened("Cilium: an allow of the world",
           HELD_IN,
           cilium("egress: [{toEntities: [world]}]"),
           finds=({"property": "sealed", "because": "p.yaml:toEntities"}, )),
    opened("Cilium: an allow of all", HELD_IN, cilium("egress: [{toEntities: [all]}]")),
    held("Cilium: an allow of the cluster is no way out that is known",
         HELD_IN,
         cilium("egress: [{toEntities: [cluster]}]"),
         verdict=("proven", "inconclusive")),
    Case("Cilium: an allow of the cluster, nodes declared",
         {"isolation.yaml": SPEC, "p.yaml": documents(WEB, DB, HELD_IN, cilium("egress: [{toEntities: [cluster]}]"))},
         ("--spec", "isolation.yaml"),
         verdict="proven",
         lacks=({"layer": "cluster", "rule_id": "AT-V001"}, )),
    held("Cilium: CIDR rules inside", HELD_IN, cilium("egress: [{toCIDR: [10.0.0.0/8]}]")),
    opened("Cilium: CIDR rules outside",
           HELD_IN,
           cilium("egress: [{toCIDR: [10.0.0.0/8, 203.0.113.0/24]}]"),
           finds=({"destination": "203.0.113.0"}, )),
    opened("Cilium: CIDR sets with an exception",
           HELD_IN,
           cilium("egress: [{toCIDRSet: [{cidr: 203.0.113.0/24, except: [203.0.113.0/25]}]}]"),
           finds=({"destination": "203.0.113.128"}, )),
    opened("Cilium: IPv4 world alone",
           ALLOW_ALL,
           cilium(f"{NO_DEFAULT}\negressDeny: [{{toEntities: [world-ipv4]}}]"),
           finds=({"layer": "cluster", "dst_in": "::/0"}, )),
    opened(
        "Cilium: a deny of TCP alone",
        ALLOW_ALL,
        cilium(
            f'{NO_DEFAULT}\negressDeny: [{{toEntities: [world], toPorts: [{{ports: [{{port: "0", protocol: TCP}}]}}]}}]'
        ),
        finds=({"protocol": "udp"}, )),
    Case("Cilium: CIDR means outside the cluster, never pods", {
        "isolation.yaml": SPEC, "p.yaml": documents(
            WEB, DB,
            cilium(
                'egress: [{toCIDR: [10.42.0.0/16, "fd00:42::/56"], toPorts: [{ports: [{port: "5432", protocol: TCP}]}]}, {toCIDR: [10.20.0.10/32], toPorts: [{ports: [{port: "8000", protocol: TCP}]}]}]',
                selector="endpointSelector: {matchLabels: {app: web}}"))
    }, ("--spec", "isolation.yaml"),
         code=1,
         finds=({"property": "complete", "destination": "app/db[Deployment]"}, ),
         lacks=({"property": "complete", "destination": "10.20.0.10"}, )),
    Case("Cilium: a CIDR deny does not reach pods", {
        "isolation.yaml": SPEC, "p.yaml": documents(
            WEB, DB, deny(),
            egress(
                "[{to: [{podSelector: {matchLabels: {app: db}}}], ports: [{port: 5432}]}, {to: [{ipBlock: {cidr: 10.20.0.10/32}}], ports: [{port: 8000}]}]",
                "{matchLabels: {app: web}}"),
            ingress("[{from: [{podSelector: {matchLabels: {app: web}}}], ports: [{port: 5432}]}]",
                    "{matchLabels: {app: db}}"),
            cilium(f'{NO_DEFAULT}\negressDeny: [{{toCIDR: [10.42.0.0/16, "fd00:42::/56"]}}]'))
    }, ("--spec", "isolation.yaml"),
         lacks=({"property": "complete"}, )),
    Case("Cilium: the world holds inside endpoints that are out of the cluster", {
        "isolation.yaml": SPEC, "p.yaml": documents(
            WEB, DB, deny(),
            egress(
                "[{to: [{podSelector: {matchLabels: {app: db}}}], ports: [{port: 5432}]}, {to: [{ipBlock: {cidr: 10.20.0.10/32}}], ports: [{port: 8000}]}]",
                "{matchLabels: {app: web}}"),
            ingress("[{from: [{podSelector: {matchLabels: {app: web}}}], ports: [{port: 5432}]}]",
                    "{matchLabels: {app: db}}"), cilium(f"{NO_DEFAULT}\negressDeny: [{{toEntities: [world]}}]"))
    }, ("--spec", "isolation.yaml"),
         code=1,
         finds=({"property": "complete", "destination": "10.20.0.10"}, )),
    unclear("Cilium: enforcement mode never enforces nothing", ALLOW_ALL, cilium("egressDeny: [{toEntities: [world]}]"),
            kind("v1 ConfigMap", "cilium-config", "data: {enable-policy: never}", "kube-system")),
    unclear("Cilium: enforcement mode never, NetworkPolicies alone", deny(),
            kind("v1 ConfigMap", "cilium-config", "data: {enable-policy: never}", "kube-system")),
    unclear("Cilium: names are any address", HELD_IN, cilium("egress: [{toFQDNs: [{matchName: api.vendor.example}]}]")),
    unclear("Cilium: a field that is not known, in a deny", ALLOW_ALL,
            cilium(f"{NO_DEFAULT}\negressDeny: [{{toEntities: [world], toPlanets: [mars]}}]")),
    unclear("Cilium: an entity that is not known, in an allow", HELD_IN, cilium("egress: [{toEntities: [mars]}]")),
    held("Cilium: a namespaced policy holds its namespace",
         cilium("ingress: []\ningressDeny: [{fromEntities: [all]}]\negressDeny: [{toEntities: [all]}]", wide=False)),
    opened("Cilium: a selector leaves the other pods",
           ALLOW_ALL,
           cilium("egressDeny: [{toEntities: [world]}]", selector="endpointSelector: {matchLabels: {app: db}}"),
           finds=({"workload": "app/web", "property": "sealed"}, )),
    opened("Cilium: a node policy holds no pod",
           ALLOW_ALL,
           cilium("egressDeny: [{toEntities: [world]}]", selector="nodeSelector: {}"),
           finds=({"property": "sealed"}, )),
    opened("Cilium: ingress from the world",
           egress("[]"),
           cilium("ingress: [{fromEntities: [world]}]"),
           finds=({"rule_id": "AT-V002"}, )),
    unclear("Cilium: no selector is no policy", ALLOW_ALL,
            cilium("egressDeny: [{toEntities: [world]}]", selector="description: none")),
    held("Cilium: an allow toward nobody allows nothing",
         HELD_IN,
         cilium("egress: [{toEndpoints: []}]"),
         verdict=("proven", "inconclusive")),
    opened("Cilium: an allow of ports without a peer",
           HELD_IN,
           cilium('egress: [{toPorts: [{ports: [{port: "443", protocol: TCP}]}]}]'),
           finds=({"protocol": "tcp", "port": 443}, )),
    held("Cilium: an allow of endpoints is no way out", HELD_IN, cilium("egress: [{toEndpoints: [{}]}]")),
    opened(
        "Cilium: an allow of world is no less for its L7 rules",
        HELD_IN,
        cilium(
            'egress: [{toEntities: [world], toPorts: [{ports: [{port: "80", protocol: TCP}], rules: {http: [{method: GET}]}}]}]'
        ),
        code=OPEN,
        verdict=OPEN_OR_UNCLEAR),
    unclear(
        "Cilium: a deny of L7 rules denies less", ALLOW_ALL,
        cilium(
            f'{NO_DEFAULT}\negressDeny: [{{toEntities: [world], toPorts: [{{ports: [{{port: "80", protocol: TCP}}]}}]}}]'
        )),
    unclear(
        "Cilium: a deny with exceptions", ALLOW_ALL,
        cilium(
            f'{NO_DEFAULT}\negressDeny: [{{toCIDRSet: [{{cidr: 0.0.0.0/0, except: [203.0.113.0/24]}}, {{cidr: "::/0"}}]}}]'
        )),
    held(
        "Cilium: specs is a list of spec", ALLOW_ALL,
        cilium("egressDeny: [{toEntities: [world]}]").replace("spec:\n  endpointSelector: {}\n  egressDeny",
                                                              "specs:\n- endpointSelector: {}\n  egressDeny")),
]


def calico(name, body, wide=True, order=None, tier=None, api="projectcalico.org/v3"):
    lines = "".join(f"\n  {line}" for line in body.strip("\n").split("\n"))
    head = "".join(f"\n  {key}: {value}" for key, value in (("order", order), ("tier", tier)) if value is not None)
    return kind(f"{api} {'GlobalNetworkPolicy' if wide else 'NetworkPolicy'}", name, f"spec:{head}{lines}",
                None if wide else "app")


def tier(name, order, extra=""):
    return kind("projectcalico.org/v3 Tier", name, f"spec: {{order: {order}{extra}}}", None)


def acts(*actions, selector="selector: all()"):
    """A policy of egress rules toward everything."""
    return f"{selector}\ntypes: [Egress]\negress:" + "".join(f"\n- {{action: {one}}}" for one in actions)


NETS = 'destination: {nets: [0.0.0.0/0, "::/0"]}'
IN_HELD = "selector: all()\ntypes: [Ingress]\ningress: [{action: Deny}]"
CALICO = [
    held("Calico: a deny before the NetworkPolicies", ALLOW_ALL, calico("guard", acts("Deny"), order=1)),
    opened("Calico: an allow before the NetworkPolicies opens what they deny",
           deny(),
           calico("guard", acts("Allow"), order=1),
           finds=({"property": "sealed", "because": "p.yaml:action: Allow"}, )),
    held("Calico: the lower order first: deny", HELD_IN, calico("guard", acts("Deny"), order=1),
         calico("open", acts("Allow"), order=2)),
    opened("Calico: the lower order first: allow", HELD_IN, calico("guard", acts("Deny"), order=2),
           calico("open", acts("Allow"), order=1)),
    held("Calico: no order is last: the allow", HELD_IN, calico("open", acts("Allow")),
         calico("guard", acts("Deny"), order=5000)),
    opened("Calico: no order is last: the deny", HELD_IN, calico("guard", acts("Deny")),
           calico("open", acts("Allow"), order=5000)),
    opened("Calico: a NetworkPolicy takes no action, so an allow behind it still opens", deny(),
           calico("open", acts("Allow"))),
    opened("Calico: no order is behind the NetworkPolicies' allow", ALLOW_ALL, calico("guard", acts("Deny"))),
    held("Calico: Log is not terminal", HELD_IN, calico("guard", acts("Log", "Deny"), order=1),
         calico("open", acts("Allow"), order=2)),
    opened("Calico: Log is not terminal before an allow", HELD_IN, calico("open", acts("Log", "Allow", "Deny"),
                                                                          order=1)),
    held("Calico: the first rule of a policy wins", HELD_IN, calico("guard", acts("Deny", "Allow"), order=1)),
    held(
        "Calico: a policy that matched nothing drops at the end of its tier", HELD_IN,
        calico("guard",
               "selector: all()\ntypes: [Egress]\negress: [{action: Allow, destination: {nets: [10.0.0.0/8]}}]",
               order=1)),
    held(
        "Calico: a tier that applied and took no action drops", HELD_IN, tier("security", 1),
        calico("security.guard",
               acts("Allow").replace("{action: Allow}", "{action: Allow, destination: {nets: [10.0.0.0/8]}}"),
               tier="security",
               order=1), calico("open", acts("Allow"), order=1)),
    opened(
        "Calico: its defaultAction Pass goes on", HELD_IN, tier("security", 1, ", defaultAction: Pass"),
        calico("security.guard",
               acts("Allow").replace("{action: Allow}", "{action: Allow, destination: {nets: [10.0.0.0/8]}}"),
               tier="security",
               order=1), calico("open", acts("Allow"), order=1)),
    opened("Calico: a tier that does not apply is passed", HELD_IN, tier("security", 1),
           calico("security.guard", acts("Deny", selector="selector: app == 'nobody'"), tier="security", order=1),
           calico("open", acts("Allow"), order=1)),
    opened("Calico: Pass leaves the tier", HELD_IN, tier("security", 1),
           calico("security.guard", acts("Pass", "Deny"), tier="security", order=1),
           calico("open", acts("Allow"), order=1)),
    held("Calico: Pass, and the NetworkPolicy denies", deny(), tier("security", 1),
         calico("security.guard", acts("Pass"), tier="security", order=1)),
    held("Calico: tiers in order: deny first", ALLOW_ALL, tier("late", 9), tier("security", 1),
         calico("late.open", acts("Allow"), tier="late", order=1),
         calico("security.guard", acts("Deny"), tier="security", order=99)),
    opened("Calico: tiers in order: allow first", HELD_IN, tier("late", 9), tier("security", 1),
           calico("late.guard", acts("Deny"), tier="late", order=1),
           calico("security.open", acts("Allow"), tier="security", order=99)),
    opened("Calico: ingress rules alone isolate no egress",
           HELD_IN,
           calico("guard", "selector: all()\ningress: [{action: Deny}]", order=1),
           finds=({"rule_id": "AT-V001"}, )),
    held("Calico: a policy without types and with egress rules isolates egress", HELD_IN,
         calico("guard", "selector: all()\negress: [{action: Deny}]", order=1)),
    opened("Calico: a deny of one protocol leaves the others",
           ALLOW_ALL,
           calico("guard",
                  "selector: all()\ntypes: [Egress]\negress: [{action: Deny, protocol: TCP}, {action: Allow}]",
                  order=1),
           finds=({"protocol": "udp"}, )),
    opened(
        "Calico: a deny of IPv4 nets leaves IPv6",
        ALLOW_ALL,
        calico(
            "guard",
            "selector: all()\ntypes: [Egress]\negress: [{action: Deny, destination: {nets: [0.0.0.0/0]}}, {action: Allow}]",
            order=1),
        finds=({"layer": "cluster", "dst_in": "::/0"}, )),
    opened(
        "Calico: notNets of a deny is what it spares",
        HELD_IN,
        calico(
            "guard",
            "selector: all()\ntypes: [Egress]\negress: [{action: Deny, destination: {notNets: [203.0.113.0/24]}}, {action: Allow}]",
            order=1),
        finds=({"destination": "203.0.113.0"}, )),
    held(
        "Calico: an allow of a network set inside", HELD_IN,
        kind("projectcalico.org/v3 GlobalNetworkSet", "inner", "spec: {nets: [10.0.0.0/8]}",
             None).replace("name: inner", "name: inner, labels: {set: inner}"),
        calico(
            "guard",
            "selector: all()\ntypes: [Egress]\negress: [{action: Allow, destination: {selector: \"set == 'inner'\"}}]",
            order=1)),
    opened(
        "Calico: an allow of a network set outside",
        HELD_IN,
        kind("projectcalico.org/v3 GlobalNetworkSet", "outer", "spec: {nets: [203.0.113.0/24]}",
             None).replace("name: outer", "name: outer, labels: {set: outer}"),
        calico(
            "guard",
            "selector: all()\ntypes: [Egress]\negress: [{action: Allow, destination: {selector: \"set == 'outer'\"}}]",
            order=1),
        finds=({"destination": "203.0.113.0"}, )),
    held("Calico: the stored group is read too", ALLOW_ALL,
         calico("guard", acts("Deny"), order=1, api="crd.projectcalico.org/v1")),
    held("Calico: a stored name has the tier in front", ALLOW_ALL,
         calico("default.guard", acts("Deny"), order=1, tier="default", api="crd.projectcalico.org/v1")),
    unclear("Calico: a tier that is not in the input", ALLOW_ALL,
            calico("unknown.guard", acts("Deny"), tier="unknown", order=1)),
    unclear("Calico: an action that does not exist", ALLOW_ALL, calico("guard", acts("Drop"), order=1)),
    unclear("Calico: a selector that cannot be read", ALLOW_ALL,
            calico("guard", acts("Deny", selector="selector: app === 'x'"), order=1)),
    unclear(
        "Calico: domains are any address", deny(),
        calico(
            "guard",
            "selector: all()\ntypes: [Egress]\negress: [{action: Allow, destination: {domains: [api.vendor.example]}}]",
            order=1)),
    opened("Calico: a staged policy enforces nothing",
           ALLOW_ALL,
           calico("guard", acts("Deny"), order=1).replace("kind: Global", "kind: StagedGlobal"),
           code=OPEN,
           verdict=OPEN_OR_UNCLEAR),
    Case("Calico: without a host endpoint, hostNetwork pods are untouched", {
        "p.yaml": documents(pod_with("hostNetwork: true"), calico("guard", acts("Deny"), order=1),
                            calico("in", IN_HELD, order=2))
    },
         code=OPEN,
         finds=({"rule_id": "AT-V101", "workload": "app/x"}, )),
    *(opened(f"Calico: an allow {what} is an allow of everything", deny(),
             calico("open", f"selector: all()\ntypes: [Egress]\negress: [{{action: Allow{field}}}]", order=1))
      for what, field in (("without a destination", ""), ("to an empty destination", ", destination: {}"),
                          ("to empty nets", ", destination: {nets: []}"),
                          ("to an empty selector", ", destination: {selector: ''}"))),
    unclear(
        "Calico: an allow of what is not inside", deny(),
        calico("open",
               "selector: all()\ntypes: [Egress]\negress: [{action: Allow, destination: {notNets: [10.0.0.0/8]}}]",
               order=1)),
    unclear("Calico: an action in lower case", ALLOW_ALL, calico("guard", acts("deny"), order=1)),
    held("Calico: a policy without a selector is for all", ALLOW_ALL, calico("guard", acts("Deny",
                                                                                           selector="order: 1"))),
    *(unclear(f"Calico: {what} is about host endpoints, not pods", ALLOW_ALL,
              calico("guard", f"{field}: true\napplyOnForward: true\n" + acts("Deny"), order=1))
      for what, field in (("doNotTrack", "doNotTrack"), ("preDNAT", "preDNAT"))),
    opened("Calico: a namespace selector leaves other namespaces",
           ALLOW_ALL,
           calico("guard", "namespaceSelector: kubernetes.io/metadata.name == 'ops'\n" + acts("Deny"), order=1),
           finds=({"property": "sealed"}, )),
    opened("Calico: a namespaced policy leaves other namespaces",
           calico("guard", acts("Deny"), wide=False, order=1),
           egress("[{}]", ns="ops"),
           DB.replace("namespace: app", "namespace: ops").replace("name: db", "name: far"),
           finds=({"workload": "ops/far", "property": "sealed"}, )),
    opened(
        "Calico: source ports of a deny are what it spares", ALLOW_ALL,
        calico(
            "guard",
            "selector: all()\ntypes: [Egress]\negress: [{action: Deny, protocol: TCP, source: {ports: [1]}}, {action: Allow}]",
            order=1)),
    opened("Calico: NotIn of labels: has and not",
           HELD_IN,
           calico("guard", acts("Deny", selector="selector: has(app) && app not in {'web'}"), order=1),
           finds=({"workload": "app/web", "property": "sealed"}, )),
]
CASES = [*CILIUM, *CALICO]
