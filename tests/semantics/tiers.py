"""Admin and Baseline tiers: AdminNetworkPolicy, BaselineAdminNetworkPolicy (v1alpha1) and ClusterNetworkPolicy (v1alpha2)."""
from .case import OPEN, Case
from .surroundings import pod_with
from .words import DB, SPEC, WEB, deny, documents, egress, ingress

WORLD = '[{networks: [0.0.0.0/0, "::/0"]}]'
PRIVATE = '[{networks: [10.0.0.0/8, 172.16.0.0/12, 192.168.0.0/16, "fd80::/9"]}]'
HELD_IN = ingress("[]")  # ingress is held, so that a case is about egress alone
ALLOW_ALL = documents(HELD_IN, egress("[{}]"))
ICMP = "nothing but TCP, UDP and SCTP leaves a pod"


def rule(action, to=WORLD, name=None, **fields):
    more = "".join(f", {key}: {value}" for key, value in fields.items())
    return f"{{name: {name or action.lower()}, action: {action}, to: {to}{more}}}"


def admin(*rules, name="guard", priority=10, subject="{namespaces: {}}"):
    lines = "".join(f"\n  - {one}" for one in rules)
    return (f"apiVersion: policy.networking.k8s.io/v1alpha1\nkind: AdminNetworkPolicy\nmetadata: {{name: {name}}}\n"
            f"spec:\n  priority: {priority}\n  subject: {subject}\n  egress:{lines}\n")


def baseline(*rules):
    return admin(*rules, name="default").replace("kind: Admin", "kind: BaselineAdmin").replace("  priority: 10\n", "")


def cluster(*rules, name="guard", priority=10, tier="Admin", subject="{namespaces: {}}"):
    text = admin(*rules, name=name, priority=priority, subject=subject)
    text = text.replace("v1alpha1\nkind: AdminNetworkPolicy", "v1alpha2\nkind: ClusterNetworkPolicy")
    return text.replace("spec:\n", f"spec:\n  tier: {tier}\n")


def held(name, *texts, **more):
    return Case(name, {"web.yaml": documents(WEB, DB), "p.yaml": documents(*texts)}, **{"verdict": "proven", **more})


def opened(name, *texts, **more):
    return Case(name, {"web.yaml": documents(WEB, DB), "p.yaml": documents(*texts)},
                **{"code": 1, "verdict": "violated", **more})


def unclear(name, *texts):
    """Anything but proven."""
    return opened(name, *texts, code=OPEN, verdict=("violated", "inconclusive"))


def absent(name, *texts):
    """Refused, so it is as if it were not there: what it denied is open, and a finding says why."""
    return opened(name, ALLOW_ALL, *texts, finds=({"rule_id": "AT-V201"}, {"property": "sealed"}))


BOTH = [
    held("an Admin deny stands above a NetworkPolicy's allow, v1alpha1",
         ALLOW_ALL,
         admin(rule("Deny")),
         lacks=({"layer": "cluster", "rule_id": "AT-V001"}, )),
    held("an Admin deny stands above a NetworkPolicy's allow, v1alpha2",
         ALLOW_ALL,
         cluster(rule("Deny")),
         lacks=({"layer": "cluster", "rule_id": "AT-V001"}, )),
    opened("an Admin allow opens what a NetworkPolicy denies, v1alpha1",
           deny(),
           admin(rule("Allow")),
           finds=({"property": "sealed", "because": "p.yaml:action: Allow"}, )),
    opened("an Admin accept opens what a NetworkPolicy denies, v1alpha2",
           deny(),
           cluster(rule("Accept")),
           finds=({"property": "sealed", "because": "p.yaml:action: Accept"}, ))
]
ORDER = [
    opened("Pass leaves the tier: a later deny of it never comes", ALLOW_ALL,
           admin(rule("Pass"), name="first", priority=1), admin(rule("Deny"), priority=2)),
    held("Pass leaves the tier: the NetworkPolicy decides", deny(), admin(rule("Pass"), name="first", priority=1),
         admin(rule("Allow"), priority=2)),
    opened("Pass in one object: the rest of the tier is skipped, v1alpha2", ALLOW_ALL,
           cluster(rule("Pass"), rule("Deny"))),
    opened("the lower number wins: allow", ALLOW_ALL, admin(rule("Deny"), priority=5),
           admin(rule("Allow"), name="first", priority=4)),
    held("the lower number wins: deny", deny(), admin(rule("Deny"), name="first", priority=4),
         admin(rule("Allow"), name="later", priority=5)),
    opened("the lower number wins, not the place in the file", ALLOW_ALL, admin(rule("Deny"),
                                                                                name="later",
                                                                                priority=100),
           admin(rule("Allow"), name="a", priority=9)),
    opened("equal priority is judged in the worst order",
           deny(),
           admin(rule("Deny"), name="a"),
           admin(rule("Allow"), name="b"),
           finds=({"property": "sealed"}, )),
    opened("equal priority, the other order of files",
           deny(),
           admin(rule("Allow"), name="b"),
           admin(rule("Deny"), name="a"),
           finds=({"rule_id": "AT-V206"}, )),
    opened("equal priority with Pass", ALLOW_ALL, admin(rule("Pass"), name="a"), admin(rule("Deny"), name="b")),
    opened("equal priority of ClusterNetworkPolicies", deny(), cluster(rule("Deny"), name="a"),
           cluster(rule("Accept"), name="b")),
    held("equal priority with one action is no matter",
         ALLOW_ALL,
         admin(rule("Deny"), name="a"),
         admin(rule("Deny"), name="b"),
         lacks=({"rule_id": "AT-V206"}, )),
    held("equal priority of other subjects is no matter",
         deny(),
         admin(rule("Deny"), name="a"),
         admin(rule("Allow"), name="b", subject="{namespaces: {matchLabels: {kubernetes.io/metadata.name: other}}}"),
         lacks=({"rule_id": "AT-V206"}, )),
    held("rules of one object apply in order: deny first", deny(), admin(rule("Deny"), rule("Allow"))),
    opened("rules of one object apply in order: allow first", deny(), admin(rule("Allow"), rule("Deny"))),
    held("Pass for the inside, deny for the rest",
         ALLOW_ALL,
         admin(rule("Pass", PRIVATE), rule("Deny")),
         lacks=({"layer": "cluster", "rule_id": "AT-V001"}, )),
]
BASELINE = [
    opened("a Baseline deny never reaches a pod that a NetworkPolicy selects", ALLOW_ALL, baseline(rule("Deny"))),
    held("a Baseline deny holds a pod that no NetworkPolicy selects", HELD_IN, baseline(rule("Deny"))),
    held("Baseline of v1alpha2 holds a pod that no NetworkPolicy selects", HELD_IN,
         cluster(rule("Deny"), tier="Baseline")),
    opened("Baseline of v1alpha2 never reaches a selected pod", ALLOW_ALL, cluster(rule("Deny"), tier="Baseline")),
    held("Pass, no NetworkPolicy, Baseline deny", HELD_IN, admin(rule("Pass")), baseline(rule("Deny"))),
    opened("no tier and no policy is allow",
           HELD_IN,
           admin(rule("Deny", '[{networks: [203.0.113.0/24]}]')),
           finds=({"property": "sealed"}, )),
    absent("a Baseline object has no Pass", baseline(rule("Pass")),
           baseline(rule("Pass")).replace("name: default", "name: other")),
    absent("a Baseline object has one name",
           baseline(rule("Deny")).replace("name: default", "name: other")),
]
SETS = [
    Case("networks match pods", {
        "p.yaml": documents(WEB, DB.replace("kind: Deployment", "kind: Deployment"), deny(),
                            egress("[{to: [{podSelector: {}}], ports: [{port: 5432}]}]"),
                            ingress("[{from: [{podSelector: {}}]}]"),
                            admin(rule("Deny", "[{networks: [10.42.0.0/16, 'fd00:42::/56']}]"))), "isolation.yaml": SPEC
    }, ("--spec", "isolation.yaml"),
         code=1,
         finds=({"property": "complete", "destination": "app/db[Deployment]"}, )),
    Case("networks match pods, unless in-cluster peers pass first", {
        "p.yaml": documents(
            WEB, DB, deny(),
            egress(
                "[{to: [{podSelector: {matchLabels: {app: db}}}], ports: [{port: 5432}]}, {to: [{ipBlock: {cidr: 10.20.0.10/32}}], ports: [{port: 8000}]}]",
                "{matchLabels: {app: web}}"),
            ingress("[{from: [{podSelector: {matchLabels: {app: web}}}], ports: [{port: 5432}]}]",
                    "{matchLabels: {app: db}}"),
            admin(rule("Pass", "[{namespaces: {}}]"), rule("Deny", "[{networks: [10.42.0.0/16, 'fd00:42::/56']}]"))),
        "isolation.yaml": SPEC
    }, ("--spec", "isolation.yaml"),
         lacks=({"property": "complete"}, )),
    opened("a deny of one protocol leaves the others, v1alpha1",
           ALLOW_ALL,
           admin(rule("Deny", ports="[{portRange: {protocol: TCP, start: 1, end: 65535}}]")),
           finds=({"property": "sealed", "extent": "udp"}, )),
    opened("a deny of one port leaves the others",
           ALLOW_ALL,
           admin(rule("Deny", ports="[{portNumber: {protocol: TCP, port: 443}}]")),
           finds=({"property": "sealed"}, )),
    held("absent protocols mean all", ALLOW_ALL, admin(rule("Deny")), lacks=({"layer": None, "property": "sealed"}, )),
    opened("a deny of IPv4 alone",
           ALLOW_ALL,
           admin(rule("Deny", "[{networks: [0.0.0.0/0]}]")),
           finds=({"layer": "cluster", "dst_in": "::/0"}, )),
    opened("a namespaces peer is never an address", ALLOW_ALL, admin(rule("Deny", "[{namespaces: {}}]"))),
    opened("a named port beside networks: the deny is not counted",
           ALLOW_ALL,
           admin(rule("Deny", ports="[{namedPort: http}]")),
           code=OPEN,
           verdict=("violated", "inconclusive")),
    opened("a subject of labels leaves the other pods",
           ALLOW_ALL,
           admin(rule("Deny"), subject="{pods: {namespaceSelector: {}, podSelector: {matchLabels: {app: db}}}}"),
           finds=({"workload": "app/web", "property": "sealed"}, )),
    opened("an ingress that nobody denies is open from outside",
           egress("[]"),
           admin(rule("Deny")),
           finds=({"rule_id": "AT-V002"}, )),
    Case("hostNetwork pods are no subject", {"p.yaml": documents(pod_with("hostNetwork: true"), admin(rule("Deny")))},
         code=OPEN,
         finds=({"rule_id": "AT-V101", "workload": "app/x"}, )),
]
REFUSED = [
    absent("a subject with both fields is refused, v1alpha1",
           admin(rule("Deny"), subject="{namespaces: {}, pods: {namespaceSelector: {}, podSelector: {}}}")),
    absent("a subject with both fields is refused, v1alpha2",
           cluster(rule("Deny"), subject="{namespaces: {}, pods: {namespaceSelector: {}, podSelector: {}}}")),
    unclear("a deny toward nobody denies nothing", ALLOW_ALL, admin(rule("Deny", "[]"))),
    unclear("a deny without peers denies nothing", ALLOW_ALL, admin("{name: deny, action: Deny}")),
    unclear("a subject that is empty", ALLOW_ALL, admin(rule("Deny"), subject="{}")),
    unclear("an action in lower case", ALLOW_ALL, admin(rule("deny"))),
    unclear("a priority that is negative", ALLOW_ALL, admin(rule("Deny"), priority=-1)),
    unclear("a version that does not exist", ALLOW_ALL,
            admin(rule("Deny")).replace("v1alpha1", "v1alpha9")),
    unclear("a tier that does not exist", ALLOW_ALL, cluster(rule("Deny"), tier="Planet")),
    absent("26 rules are refused, v1alpha2", cluster(*(rule("Deny", name=f"r{n}") for n in range(26)))),
    held("25 rules are taken, v1alpha2", ALLOW_ALL, cluster(*(rule("Deny", name=f"r{n}") for n in range(25)))),
    absent("26 peers are refused, v1alpha2",
           cluster(rule("Deny", "[" + ", ".join(['{networks: [0.0.0.0/0, "::/0"]}'] * 26) + "]"))),
    absent(
        "26 blocks are refused, v1alpha2",
        cluster(
            rule("Deny", "[{networks: [0.0.0.0/0, '::/0', " + ", ".join(f"10.{n}.0.0/16" for n in range(24)) + "]}]"))),
    held(
        "25 blocks are taken, v1alpha2", ALLOW_ALL,
        cluster(
            rule("Deny", "[{networks: [0.0.0.0/0, '::/0', " + ", ".join(f"10.{n}.0.0/16" for n in range(23)) + "]}]"))),
    held("100 rules are taken, v1alpha1", ALLOW_ALL, admin(*(rule("Deny", name=f"r{n}") for n in range(100)))),
    absent("101 rules are refused, v1alpha1", admin(*(rule("Deny", name=f"r{n}") for n in range(101)))),
    absent("v1alpha1 knows no Accept", admin(rule("Accept"), rule("Deny"))),
    absent("v1alpha2 knows no Allow", cluster(rule("Allow"), rule("Deny"))),
    absent("domainNames are for Accept only",
           cluster(rule("Deny", "[{domainNames: [api.vendor.example]}]"), rule("Deny"))),
    absent("a peer with two kinds is refused", cluster(rule("Deny",
                                                            '[{networks: [0.0.0.0/0, "::/0"], namespaces: {}}]'))),
    absent("a priority beyond the limit is refused", cluster(rule("Deny"), priority=5000)),
    Case("domainNames that are accepted lead out", {
        "web.yaml": WEB, "p.yaml": documents(deny(), cluster(rule("Accept", "[{domainNames: [api.vendor.example]}]")))
    },
         code=OPEN,
         verdict=("violated", "inconclusive")),
    Case("an unknown field of an Admin deny fails closed",
         {"web.yaml": WEB, "p.yaml": documents(ALLOW_ALL, admin(rule("Deny", prots="[]")))},
         code=1,
         verdict=("violated", "inconclusive"),
         finds=({"rule_id": "AT-V202"}, )),
    Case("an unknown peer of an Admin deny is credited nothing",
         {"web.yaml": WEB, "p.yaml": documents(ALLOW_ALL, admin(rule("Deny", "[{planets: {}}]")))},
         code=OPEN,
         verdict=("violated", "inconclusive")),
    Case("an unknown peer of an Admin allow takes everything",
         {"web.yaml": WEB, "p.yaml": documents(deny(), admin(rule("Allow", "[{planets: {}}]")))},
         code=OPEN),
    opened("peers by node labels may be any address",
           deny(),
           admin(rule("Allow", "[{nodes: {}}]")),
           code=OPEN,
           verdict=("violated", "inconclusive")),
]
CASES = [*BOTH, *ORDER, *BASELINE, *SETS, *REFUSED]
