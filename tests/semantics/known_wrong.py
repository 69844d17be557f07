"""Cases in which the product answers otherwise than it should, each with the reason; empty when all is well."""

WIDER = "inconclusive, where the wider reading is to be judged: it is violated"
ORDER = "inconclusive, where the worst order is to be judged: it is violated"

KNOWN_WRONG = {
    # Proven, and should not be.
    # An assumption that is missing or says too much.
    # Too strict, or not found.
    "an unknown field of a deny: judged as absent": WIDER,
    "an unknown field of an allow: judged without it": WIDER,
    "a misspelt peer list opens everything": WIDER,
    "equal priority is judged in the worst order": ORDER,
    "equal priority, the other order of files": ORDER,
    "equal priority with Pass": ORDER,
    "equal priority of ClusterNetworkPolicies": ORDER,
}
