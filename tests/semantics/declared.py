"""What a spec declares, held against artifacts: exceptions, layers that targets name, who is judged."""
from .case import Case
from .dns import compiled
from .words import SPEC, deployment, egress

EXCEPTED = SPEC.replace(
    "targets: [networkpolicy]", """exceptions:
  - {from: web, to: 203.0.113.7/32, ports: [443/tcp], ticket: SEC-12, approvedBy: ciso, expires: 2027-06-30}
targets: [networkpolicy, nftables]""")
POLICY, NFT, EGRESS = "networkpolicy/app.yaml", "nftables/airtight.nft", "nftables/airtight-egress.nft"


def case(name, spec, *changes, date="2026-11-25", paths=("networkpolicy", ), more=None, **wanted):
    """The compiled files with each (file, old, new) changed, against the policy.json that was compiled with them."""

    def files(airtight):
        texts = dict(compiled(airtight, spec)) | (more or {})
        for path, old, new in changes:
            assert old in texts[path], f"{path} lacks {old!r}"
            texts[path] = texts[path].replace(old, new)
        return texts

    return Case(f"spec: {name}", files, ("--policy", "policy.json", "--at", date), paths=paths, **wanted)


ALL = ("networkpolicy", "nftables")
EXCEPTIONS = [
    case("what compile writes is proven",
         EXCEPTED,
         paths=ALL,
         code=0,
         verdict="proven",
         layers={"kubernetes": "proven", "firewall": "proven"}),
    case("an exception is printed", EXCEPTED, text=("SEC-12", "203.0.113.7/32", "2027-06-30"), code=0,
         verdict="proven"),
    case("an exception holds to the end of its last day",
         EXCEPTED,
         date="2027-06-30",
         paths=ALL,
         code=0,
         verdict="proven"),
    case("a rule that still lets an expired exception out is not sealed",
         EXCEPTED,
         date="2027-07-01",
         code=1,
         verdict="violated",
         layers={"kubernetes": "violated"},
         finds=({"destination": "203.0.113.7"}, )),
    case("an expired exception in the firewall",
         EXCEPTED,
         date="2027-07-01",
         paths=("nftables", ),
         code=1,
         verdict="violated",
         finds=({"layer": "firewall", "destination": "203.0.113.7"}, )),
    case("an exception is for its source",
         EXCEPTED,
         more={
             "networkpolicy/more.yaml": egress("[{to: [{ipBlock: {cidr: 203.0.113.7/32}}], ports: [{port: 443}]}]",
                                               "{matchLabels: {app: db}}")
         },
         code=1,
         verdict="violated",
         finds=({"property": "sealed", "destination": "203.0.113.7"}, )),
    case("an exception is for its ports",
         EXCEPTED,
         more={
             "networkpolicy/more.yaml": egress("[{to: [{ipBlock: {cidr: 203.0.113.7/32}}], ports: [{port: 80}]}]",
                                               "{matchLabels: {app: web}}")
         },
         code=1,
         verdict="violated",
         finds=({"destination": "203.0.113.7", "protocol": "tcp", "port": 80}, )),
    case("an exception is for its address",
         EXCEPTED,
         more={
             "networkpolicy/more.yaml": egress("[{to: [{ipBlock: {cidr: 203.0.113.6/31}}], ports: [{port: 443}]}]",
                                               "{matchLabels: {app: web}}")
         },
         code=1,
         verdict="violated",
         finds=({"destination": "203.0.113.6"}, )),
]
JUDGED = [
    case("a layer that targets name and the input lacks is an assumption", EXCEPTED, assumes=("layer firewall", )),
    case("a pod of other labels is judged too",
         EXCEPTED,
         more={"networkpolicy/more.yaml": egress("[{}]", "{matchLabels: {app: nobody}}")},
         code=1,
         verdict="violated",
         finds=({"property": "sealed", "workload": "app=nobody"}, )),
    case("a removed policy is open",
         EXCEPTED, (POLICY, "  policyTypes:\n    - Ingress\n    - Egress\n", "  policyTypes:\n    - Ingress\n"),
         code=1,
         verdict="violated"),
    case("a flow that lost its rule is incomplete",
         EXCEPTED, (POLICY, "10.20.0.10/32", "10.20.0.11/32"),
         code=1,
         finds=({"property": "complete", "destination": "10.20.0.10"}, )),
    case("a rule beyond the flows is excess, and no way out",
         EXCEPTED,
         more={
             "networkpolicy/more.yaml": egress("[{to: [{ipBlock: {cidr: 10.43.0.0/16}}], ports: [{port: 80}]}]",
                                               "{matchLabels: {app: db}}")
         },
         code=1,
         verdict="proven",
         finds=({"property": "exact"}, )),
    case("both halves of a flow are wanted",
         EXCEPTED, (POLICY, "port: 5432", "port: 5433"),
         code=1,
         finds=({"property": "complete", "port": 5432}, )),
    case("a deployment of the input that the spec does not know is judged",
         EXCEPTED,
         more={"networkpolicy/more.yaml": deployment("other", "app")},
         code=0,
         verdict="proven"),
    case("a namespace that nobody declared is judged",
         EXCEPTED,
         more={"networkpolicy/more.yaml": deployment("other", "ops")},
         code=1,
         verdict="violated",
         finds=({"workload": "ops/other", "property": "sealed"}, )),
]
CASES = [*EXCEPTIONS, *JUDGED]
