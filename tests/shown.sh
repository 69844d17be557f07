#!/bin/bash
# Prints, as a table for README.md, the counts behind "shown to be right": tests/shown.sh [AIRTIGHT]
#
# Runs the oracle, the mutations, the SMT obligations and other people's cases, each as its own test does. AIRTIGHT_LONG=1 runs the
# long form of each (an hour). AIRTIGHT defaults to build/release/airtight, whose build directory also holds the unit tests.
set -u
root=$(cd "$(dirname "$0")/.." && pwd)
airtight=$(realpath "${1:-$root/build/release/airtight}")
build=$(dirname "$airtight")
row() { printf '| %s | %s |\n' "$1" "$2"; }
last() { tail -n "${1:-1}"; }
echo "$(uname -m), $(nproc) cores, $(date -u +%F), \`tests/shown.sh\`$([ -n "${AIRTIGHT_LONG:-}" ] && echo ' with AIRTIGHT_LONG=1')."
echo
echo "| what | result |"
echo "|---|---|"
oracle() { "$build/tests/verify_$1_tests" "$2" 2>&1 | grep '^compared' | sed 's/^compared: //' | paste -sd'|' | sed 's/|/; /g'; }
row "policies: random clusters and packets, against a slow evaluator that walks the objects as the API documents say" "$(oracle kubernetes "evaluation: *")"
row "firewalls: every packet of a small world through random rulesets, against a walker of single packets" "$(oracle firewall "*oracle*")"
row "random specs compiled, proven, then one artifact changed" "$(python3 "$root/tests/mutations.py" "$airtight" "$root" | grep -E '^mutation score|specs,' | paste -sd'|' | sed 's/|/; /')"
row "the rules as read, given to Z3" "$(python3 "$root/tests/obligations.py" "$airtight" "$root" | last)"
row "cases of netpol-analyzer, the Network Policy API's conformance suite and cyclonus" "$(python3 "$root/tests/netpol_corpus.py" "$airtight" "$root/../shared/corpus/netpol" | last)"
row "captures of every class, tunnel and evasion, judged by replay" "$(python3 "$root/tests/replay.py" "$airtight-auditor" | last)"
row "public captures, beside tshark's opinion" "$(python3 "$root/tests/differential.py" "$build/tests/observe" "$airtight-auditor" "$root/../shared/corpus/captures" | last 2 | sed 's/;.*//' | paste -sd'|' | sed 's/|/; /')"
row "scenarios of field reports" "$(python3 "$root/tests/reports.py" "$airtight" | last)"
row "rows of what targets really mean, each a named case" "$(python3 "$root/tests/semantics.py" "$airtight" | last)"
row "packets through real nftables and iptables at every boundary that a ruleset names" "$(python3 "$root/tests/lab/verify_lab.py" "$airtight" | last)"
