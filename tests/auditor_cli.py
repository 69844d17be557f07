#!/usr/bin/env python3
"""The command line of the auditor: auditor_cli.py AUDITOR. Prints "ok NAME" or "FAIL NAME WHY"; exit 1 on a failure.

Help, exit codes, messages, a policy that was edited, a terminal, a full disk. What replay says of packets is replay.py's business.
"""
import json
import os
import pathlib
import pty
import re
import subprocess
import sys
import tempfile

ROOT = pathlib.Path(__file__).resolve().parent.parent
SAMPLE = ROOT / "packaging/sample.pcapng"
FAILED = []


def check(name, holds, why=""):
    print(f"ok {name}" if holds else f"FAIL {name} {why}")
    if not holds:
        FAILED.append(name)


def run(*command, stdin=b"", **more):
    ran = subprocess.run(command, input=stdin, capture_output=True, timeout=60, **more)
    return ran.returncode, ran.stdout.decode(), ran.stderr.decode()


def says(name, ran, code, out=None, error=None):
    """Exit code, and the whole of what was printed where given; a pattern matches from start to end."""
    fits = ran[0] == code and all(wanted is None or re.fullmatch(wanted, text, re.DOTALL) for wanted, text in ((out, ran[1]), (error, ran[2])))
    check(name, fits, f"exit code {ran[0]} for {code}; {ran[1][:300]!r} {ran[2][:500]!r}")


def on_terminal(command):
    """What a person at a terminal sees: standard output and error together."""
    main, side = pty.openpty()
    process = subprocess.Popen(command, stdout=side, stderr=side, env={**os.environ, "TERM": "xterm", "NO_COLOR": ""})
    os.close(side)
    seen = b""
    while True:
        try:
            part = os.read(main, 65536)
        except OSError:
            break
        if not part:
            break
        seen += part
    os.close(main)
    process.wait()
    return seen.decode()


def policies(auditor, folder):
    subprocess.run([auditor.with_name("airtight"), "compile", ROOT / "policies/xpander-airgapped.yaml", "--at", "2026-11-25", "-o", folder / "out"], check=True,
                   stdout=subprocess.DEVNULL)
    return folder / "out/policy.json"


def usage(auditor):
    says("no arguments", run(auditor), 2, "", r"airtight-auditor watches packets.*")
    says("--help", run(auditor, "--help"), 0, r"airtight-auditor watches packets.*For the assessor:.*Exit codes: 0 done.*", "")
    for command in (["replay"], ["policy"], ["policy", "show"], ["schema"], ["completion"]):
        says(f"{' '.join(command)} --help", run(auditor, *command, "--help"), 0, r".*Options:.*", "")
    says("--version", run(auditor, "--version"), 0, r"airtight-auditor \d+\.\d+\.\d+.*", "")
    says("misspelt command", run(auditor, "repaly"), 2, "",
         r"airtight-auditor: error: 'repaly' is no command\n  help: commands are run, report, verify, keygen, enrol, replay, probe, doctor, policy, schema, completion\n")
    says("replay without a policy", run(auditor, "replay", SAMPLE), 2, "",
         r"airtight-auditor: error: --policy is required\n  help: airtight-auditor(?: replay)? --help shows what it takes\n")
    says("replay without a file", run(auditor, "replay", "--policy", "p.json"), 2, "", r"airtight-auditor: error: .*FILE.*\n  help: .*\n")
    says("no threads", run(auditor, "replay", "--policy", "p", "--threads", "0", "f"), 2, "", r"airtight-auditor: error: --threads: .*\n  help: .*\n")
    says("a rule", run(auditor, "--explain", "at-a001"), 0, r"AT-A001: packet that left to the outside\n\nClass escape; violated at an uplink, .*", "")
    says("no rule", run(auditor, "--explain", "AT-A999"), 2, "", r"airtight-auditor: error: 'AT-A999' is no rule\n  help: .*\n")
    for rule in re.findall(r"AT-A\d+", (ROOT / "auditor/classify/rule_table.cpp").read_text()):
        ran = run(auditor, "--explain", rule)
        if ran[0] != 0 or len(ran[1].split("\n\n")) < 4:
            check(f"--explain {rule}", False, f"{ran}")
    for name in ("replay", "policy"):
        ran = run(auditor, "schema", name)
        check(f"schema {name}", ran[0] == 0 and json.loads(ran[1])["$schema"], str(ran)[:200])
    for shell in ("bash", "zsh", "fish"):
        ran = run(auditor, "completion", shell)
        check(f"completion {shell}", ran[0] == 0 and "airtight-auditor" in ran[1] and "write-findings" in ran[1], str(ran)[:200])
    syntax = run("bash", "-n", stdin=run(auditor, "completion", "bash")[1].encode())
    check("completion bash parses", syntax[0] == 0, str(syntax))


def policy_files(auditor, policy, folder):
    text = policy.read_text()
    digest = json.loads(text)["digest"]
    ran = run(auditor, "policy", "show", policy)
    check("policy show", ran[0] == 0 and digest in ran[1] and "10.42.0.0/16" in ran[1], str(ran)[:300])
    says("policy show of standard input", run(auditor, "policy", "show", "-", stdin=text.encode()), 0, re.escape(ran[1]), "")
    edited = folder / "edited.json"
    edited.write_text(text.replace("10.30.0.0/16", "10.0.0.0/8"))
    for command in (["policy", "show", edited], ["replay", "--policy", edited, SAMPLE]):
        ran = run(auditor, *command)
        digests = set(re.findall(r"sha256:[0-9a-f]{64}", ran[2]))
        check(f"{command[0]} with an edited policy", ran[0] == 2 and ran[1] == "" and digest in digests and len(digests) == 2, str(ran)[:400])
    later = folder / "later.json"
    later.write_text(re.sub(r'"format": *1\b', '"format":2', text))
    says("policy of another format", run(auditor, "policy", "show", later), 2, "", r".*AT-.*format.*")
    for name, content in (("empty", ""), ("text", "hello\n"), ("a list", "[]")):
        (folder / "odd.json").write_text(content)
        says(f"policy that is {name}", run(auditor, "policy", "show", folder / "odd.json"), 2, "", r".*error.*")
    says("policy that is not there", run(auditor, "replay", "--policy", folder / "none.json", SAMPLE), 4, "", r"airtight-auditor: error: .*none\.json cannot be read: No such file or directory\n")
    says("policy that is a folder", run(auditor, "replay", "--policy", folder, SAMPLE), 4, "", r"airtight-auditor: error: .* cannot be read: Is a directory\n")


def clashes(auditor, policy, folder):
    """Evidence and policy are never replaced, under whatever name, and no capture counts twice."""
    capture, own = folder / "own.pcapng", folder / "own.json"
    capture.write_bytes(SAMPLE.read_bytes())
    own.write_bytes(policy.read_bytes())
    for name in ("hard.pcapng", "soft.pcapng"):
        getattr(folder / name, "hardlink_to" if name.startswith("hard") else "symlink_to")(capture)
    replay = [auditor, "replay", "--policy", own]
    way_out = r"\n  help: nothing was read or written; name another file for the findings\n"
    for target in ("own.pcapng", "hard.pcapng", "soft.pcapng", "./own.pcapng"):
        says(f"findings onto the capture, as {target}", run(*replay, "--write-findings", target, capture, cwd=folder), 2, "",
             rf"airtight-auditor: error: --write-findings {re.escape(target)} would replace the capture .*own\.pcapng, which is the evidence" + way_out)
    with open(capture, "rb") as given:
        ran = subprocess.run([*replay, "--write-findings", capture, "-"], stdin=given, capture_output=True, timeout=60)
        check("findings onto the capture that is standard input", ran.returncode == 2 and b"would replace the capture standard input" in ran.stderr, str(ran))
    says("findings onto the policy", run(*replay, "--write-findings", own, capture), 2, "",
         r"airtight-auditor: error: --write-findings .*own\.json would replace the policy .*own\.json" + way_out)
    twice = r"airtight-auditor: error: .* is given twice(?:: it is the same file as .*own\.pcapng)?\n  help: its packets would count twice: name each capture once\n"
    for other in ("own.pcapng", "hard.pcapng", "soft.pcapng"):
        says(f"a capture twice, as {other}", run(*replay, capture, folder / other), 2, "", twice)
    says("policy and capture from standard input", run(auditor, "replay", "--policy", "-", "-", stdin=policy.read_bytes()), 2, "",
         r"airtight-auditor: error: standard input is given twice: as the policy and as a capture\n  help: give one of them by its path\n")
    check("capture and policy are as they were", capture.read_bytes() == SAMPLE.read_bytes() and own.read_bytes() == policy.read_bytes())
    says("findings to a folder", run(*replay, "--write-findings", folder, capture), 4, "", r"airtight-auditor: error: .*Is a directory\n")
    says("findings beside the capture", run(*replay, "--write-findings", folder / "found.pcapng", capture), 1, r"violated: .*", "")
    check("findings were written", (folder / "found.pcapng").read_bytes()[:4] == b"\n\r\r\n")


def replays(auditor, policy, folder):
    replay = [auditor, "replay", "--policy", policy]
    says("violated", run(*replay, SAMPLE), 1, r"violated: 1 packet left to 1 outside destination\n.*", "")
    says("standard input", run(*replay, "-", stdin=SAMPLE.read_bytes()), 1, r"violated: .*", "")
    says("no file", run(*replay, folder / "none.pcap"), 4, "", r"airtight-auditor: error: .*none\.pcap.*No such file or directory\n")
    says("a folder", run(*replay, folder), 4, "", r"airtight-auditor: error: .*Is a directory\n")
    (folder / "text.pcap").write_text("hello, this is text\n")
    (folder / "empty.pcap").write_text("")
    says("no captures", run(*replay, folder / "text.pcap", folder / "empty.pcap"), 2, "",
         r"airtight-auditor: error: .*text\.pcap is no capture that can be read: .*\nairtight-auditor: error: .*empty\.pcap is no capture that can be read: .*\n")
    with open("/dev/full", "wb") as full:
        ran = subprocess.run([*replay, SAMPLE], stdout=full, stderr=subprocess.PIPE, timeout=60)
        check("standard output is full", ran.returncode == 4 and b"standard output cannot be written: No space left on device" in ran.stderr, str(ran))
    says("findings to a full disk", run(*replay, "--write-findings", "/dev/full", SAMPLE), 4, "", r"airtight-auditor: error: .*/dev/full.*\n")
    clashes(auditor, policy, folder)
    says("a misspelt --pod-side", run(*replay, "--pod-side", "nope", SAMPLE), 1, r"violated: .*",
         r"airtight-auditor: note: --pod-side nope names no interface of these files; they (?:have: \S.*|give none a name)\n")
    seen = on_terminal([*map(str, replay), str(SAMPLE)])
    check("colour on a terminal", "\x1b[" in seen and "violated" in seen, seen[:200])
    ran = run(*replay, SAMPLE)
    check("no colour behind a pipe", "\x1b" not in ran[1] + ran[2], ran[1][:200])
    big = folder / "big.pcap"
    record = bytes.fromhex("00000000000000003c0000003c000000") + bytes.fromhex("0242ac1100020242ac1100010800450000280001000040060000") + bytes([10, 42, 1, 17, 10, 42, 1, 9]) + \
        bytes.fromhex("a028233a00000001000000015010ffff00000000") + bytes(6)
    header = bytes.fromhex("d4c3b2a1" "0200" "0400" "00000000" "00000000" "00000400" "01000000")
    big.write_bytes(header + record * 3_000_000)
    seen = on_terminal([*map(str, replay), str(big)])
    check("progress on a terminal", re.search(r"\d+\.\d M packets, \d+\.\d\d M/s, \d+ %, \d+ s left", seen) and "\x1b[K" in seen, seen[:300])
    big.unlink()


def main():
    auditor = pathlib.Path(sys.argv[1]).resolve()
    with tempfile.TemporaryDirectory() as top:
        folder = pathlib.Path(top)
        policy = policies(auditor, folder)
        usage(auditor)
        policy_files(auditor, policy, folder)
        replays(auditor, policy, folder)
    print(f"{len(FAILED)} failed")
    return 1 if FAILED else 0


if __name__ == "__main__":
    sys.exit(main())
