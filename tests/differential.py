#!/usr/bin/env python3
"""Holds what the auditor sees in public captures against tshark's opinion: differential.py OBSERVE AUDITOR CAPTURES

CAPTURES has truth.tsv (see SOURCES.md there). Each difference stands in EXPLAINED with its reason, and what stands there must differ: none is
unexplained, and no explanation is stale. Then the program itself reads every file: it must end by itself with a verdict or a refusal.
77 without the captures.
"""
import collections
import json
import pathlib
import re
import subprocess
import sys
import tempfile

COLUMNS = ["file", "packets", "read_status", "outer_dst", "dns_query_names", "tls_sni", "quic_sni", "http_hosts", "http_connect", "http2_authority"]
COMPARED = COLUMNS[1:]

SNOOP = "a Solaris snoop file is refused by name"
LINK = "this link type is not decoded: its packets are undecodable, which is said"
ESCAPED = "bytes that are not printable ASCII: \\DDD here, U+FFFD there"

# (file, column): why ours differs.
EXPLAINED = {
    ("PcapPlusPlus/many_interfaces-1.pcapng", "quic_sni"): "Google QUIC: tshark has this name in its own column, gquic_sni",
    ("PcapPlusPlus/solaris.snoop", "packets"): SNOOP,
    ("PcapPlusPlus/solaris.snoop", "read_status"): SNOOP,
    ("PcapPlusPlus/solaris.snoop", "outer_dst"): SNOOP,
    ("nDPI/dns-tunnel-iodine.pcap", "dns_query_names"): ESCAPED,
    ("nDPI/fuzz-2006-06-26-2594.pcap", "outer_dst"): "EtherType IPv4 before a header of version 6: malformed here, tshark follows the version",
    ("nDPI/fuzz-2006-06-26-2594.pcap", "dns_query_names"): ESCAPED + "; broken names are not handed out, tshark prints a stand-in",
    ("nDPI/gquic.pcap", "quic_sni"): "Google QUIC Q050: tshark has this name in gquic_sni or not at all",
    ("tcpdump/LINKTYPE_IPV4_invalid.pcap", "outer_dst"): "an IPv6 header under link type IPV4 is malformed; tshark follows the version",
    ("tcpdump/LINKTYPE_IPV4_invalid.pcap", "dns_query_names"): "an IPv6 header under link type IPV4 is malformed; tshark follows the version",
    ("tcpdump/LINKTYPE_PKTAP.pcap", "outer_dst"): LINK,
    ("tcpdump/LINKTYPE_PKTAP.pcap", "dns_query_names"): LINK,
    ("tcpdump/dsa.pcap", "packets"): "tshark refuses link type 284; the 8 records are read and counted as undecodable",
    ("tcpdump/dsa.pcap", "read_status"): "tshark refuses link type 284; the 8 records are read and counted as undecodable",
    ("tcpdump/ipoib.pcap", "outer_dst"): LINK,
    ("zeek/dns-invalid-names.pcap", "dns_query_names"): "a name whose pointer loops is no name: the question is unread, which is marked",
    ("zeek/pbb-recursive-frames.pcapng", "outer_dst"): "50 tags deep: beyond the cap, which is inconclusive",
    ("zeek/radiotap.pcap", "outer_dst"): LINK,
    ("zeek/radiotap.pcap", "dns_query_names"): LINK,
    ("zeek/Teredo.pcap", "http_hosts"): "HTTP inside Teredo: tshark 4.0 does not look there in this file",
}


def rows(text):
    return [line.split("\t") for line in text.splitlines()]


def members(cell):
    return set(filter(None, cell.split(",")))


def policy(auditor, folder):
    """Any policy will do: what is seen does not depend on it."""
    root = pathlib.Path(__file__).resolve().parent.parent
    subprocess.run([auditor.with_name("airtight"), "compile", root / "policies/minimal.yaml", "--at", "2026-11-25", "-o", folder / "out"],
                   check=True, stdout=subprocess.DEVNULL)
    return folder / "out/policy.json"


def main():
    observe, auditor, captures = pathlib.Path(sys.argv[1]).resolve(), pathlib.Path(sys.argv[2]).resolve(), pathlib.Path(sys.argv[3]).resolve()
    if not (captures / "truth.tsv").exists():
        print("SKIPPED the public captures are not beside this checkout")
        return 77
    head, *body = rows((captures / "truth.tsv").read_text(encoding="utf-8", errors="replace"))
    truth = {row[0]: dict(zip(head, row + [""] * len(head))) for row in body}
    failed = 0
    with tempfile.TemporaryDirectory() as folder:
        judged_by = policy(auditor, pathlib.Path(folder))
        seen = subprocess.run([observe, judged_by, *truth], cwd=captures, check=True, capture_output=True, text=True, errors="replace").stdout
        differs = set()
        for row in rows(seen):
            ours = dict(zip(COLUMNS, row + [""] * len(COLUMNS)))
            theirs = truth[ours["file"]]
            for column in COMPARED:
                exact = column in ("packets", "read_status")
                a, b = (ours[column], theirs[column]) if exact else (members(ours[column]), members(theirs[column]))
                if a == b:
                    continue
                differs.add((ours["file"], column))
                if (ours["file"], column) not in EXPLAINED:
                    failed += 1
                    detail = f"{a} against {b}" if exact else f"only ours {sorted(a - b)[:5]}, only theirs {sorted(b - a)[:5]}"
                    print(f"FAIL {ours['file']} {column}: {detail}")
        for stale in sorted(EXPLAINED.keys() - differs):
            failed += 1
            print(f"FAIL {stale[0]} {stale[1]}: explained, but it does not differ")
        verdicts = collections.Counter()
        for name in truth:
            ran = subprocess.run([auditor, "replay", "--policy", judged_by, "--format", "json", captures / name], capture_output=True, text=True, timeout=60)
            verdicts[ran.returncode] += 1
            wanted = {1: "violated", 3: "inconclusive", 0: "clean"}.get(ran.returncode)
            if ran.returncode == 2 and re.fullmatch(r"airtight-auditor: error: .* is no capture that can be read: .*\n", ran.stderr):
                continue
            if wanted is None or json.loads(ran.stdout)["verdict"] != wanted:
                failed += 1
                print(f"FAIL {name} exit code {ran.returncode}: {ran.stderr[:200]}")
    print(f"{len(truth)} files, {len(truth) * len(COMPARED)} comparisons, {len(differs)} differ and are explained; exit codes {dict(sorted(verdicts.items()))}")
    print(f"{len(truth) - failed if failed < len(truth) else 0} passed, {failed} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
