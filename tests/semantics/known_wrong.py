"""Cases in which the product answers otherwise than it should, each with the reason; empty when all is well."""

INGRESS = "proven although an outside source may open a connection in, which both layers say: together looks at egress only"
GIVEN = "proven although the controller gives its pods this label: only those of a Job are known"
REFUSED = "proven by a file that nft refuses to load"
NEVER = "proven although cilium-config says that nothing is enforced, or not by policies"
WIDER = "inconclusive, where the wider reading is to be judged: it is violated"
ORDER = "inconclusive, where the worst order is to be judged: it is violated"
LISTING = "violated: the chain without a device of a listing is judged as if it let everything out, where raw senders are an assumption"
BOUND = "proven without the assumption that every interface that matches was bound"

KNOWN_WRONG = {
    # Proven, and should not be.
    "an ingress that nobody denies is open from outside": INGRESS,
    "Cilium: isolation is per direction": INGRESS,
    "Cilium: ingress from the world": INGRESS,
    "Cilium: enforcement mode never enforces nothing": NEVER,
    "Cilium: enforcement mode never, NetworkPolicies alone": NEVER,
    "nft: the spec says eBPF: the netfilter of pods is not credited": "proven for pods although no tc filter is in the input",
    "nft: a set of intervals without the flag: nft refuses the file": REFUSED,
    "nft: a set of intervals that overlap: nft refuses the file": REFUSED,
    "nft: a set that is not there: nft refuses the file": REFUSED,
    "a label that the controller gives: statefulset.kubernetes.io/pod-name": GIVEN,
    "a label that the controller gives: apps.kubernetes.io/pod-index": GIVEN,
    "a label that the controller gives: pod-template-hash of a Deployment, by its existence": GIVEN,
    "a label that the controller gives: controller-revision-hash of a DaemonSet, by its existence": GIVEN,
    "a label that the controller gives: controller-revision-hash of a StatefulSet, by its existence": GIVEN,
    "a label that the controller gives: controller-uid of a Job, by its existence": GIVEN,
    "iptables: a dump that warns of the other backend": "proven although the dump itself says that the other backend has tables too",
    # An assumption that is missing or says too much.
    "nft: an egress chain is credited if every interface was bound": BOUND,
    "nft: an egress chain of the uplink is credited if every interface was bound": BOUND,
    "nft: a check at -150 rests on nobody's translation behind it":
    "proven without the assumption that no table (kube-proxy's for one) translates at -100",
    "an empty namespace without a policy is an assumption by name": "the assumption about other namespaces leaves out one that is in the input and that nothing isolates",
    "a Cilium deny of both directions closes the additive hole": "listed although a Cilium deny stands above NetworkPolicies",
    # Too strict, or not found.
    "nft: a live listing credits no egress chain": LISTING,
    "nft: a live listing, and a hostNetwork pod that keeps raw sockets": LISTING,
    "nft: a live listing with a foreign accept that comes first": LISTING,
    "an unknown field of a deny: judged as absent": WIDER,
    "an unknown field of an allow: judged without it": WIDER,
    "a misspelt peer list opens everything": WIDER,
    "equal priority is judged in the worst order": ORDER,
    "equal priority, the other order of files": ORDER,
    "equal priority with Pass": ORDER,
    "equal priority of ClusterNetworkPolicies": ORDER,
    "usage: a namespace that cannot be": "taken, and nothing says that no namespace can have this name",
}
