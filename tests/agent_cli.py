#!/usr/bin/env python3
"""The command lines of the node agent: agent_cli.py AUDITOR. Prints "ok NAME", "FAIL NAME WHY" or "SKIPPED NAME WHY"; exit 1 on a failure.

Help, refusals and their exit codes, key files, and what a person without the right is told. What the agent does is agent_lab.py's business.
A command that should have been refused and was not would capture and send, so all of them run in a network namespace without an interface.
"""
import base64
import ctypes
import json
import os
import pathlib
import re
import stat
import subprocess
import sys
import tempfile

ROOT = pathlib.Path(__file__).resolve().parent.parent
COMMANDS = ("run", "report", "verify", "keygen", "enrol", "probe", "doctor")
NOBODY = 65534
CLONE_NEWNET, CLONE_NEWUSER = 0x40000000, 0x10000000
FAILED = []


def leave_the_network():
    """This process and all that it starts are alone from here on; whether that could be done."""
    unshare = ctypes.CDLL(None, use_errno=True).unshare
    return unshare(CLONE_NEWNET) == 0 or unshare(CLONE_NEWUSER | CLONE_NEWNET) == 0


def check(name, holds, why=""):
    print(f"ok {name}" if holds else f"FAIL {name} {' '.join(why.split())[:600]}")
    if not holds:
        FAILED.append(name)
    return holds


def run(*command, **more):
    """Exit code, standard output, standard error."""
    try:
        done = subprocess.run([str(word) for word in command], stdin=subprocess.DEVNULL, capture_output=True, timeout=30, text=True, errors="replace", check=False, **more)
    except subprocess.TimeoutExpired:
        return "no end within 30 s", "", ""
    return done.returncode, done.stdout, done.stderr


def refused(name, ran, code, *words):
    """That exit code, nothing on standard output, and an error that holds the words."""
    codes = code if isinstance(code, tuple) else (code,)
    said = ran[2].lower()
    missing = [word for word in words if word.lower() not in said]
    check(name, ran[0] in codes and ran[1] == "" and "error" in said and not missing,
          f"exit code {ran[0]} for {codes}, without {missing}: {ran[1][:200]!r} {ran[2][:400]!r}")


def usage(auditor):
    top = run(auditor, "--help")
    check("--help names the commands", top[0] == 0 and all(re.search(rf"^ +{name} ", top[1], re.MULTILINE) for name in COMMANDS), top[1])
    misspelt = run(auditor, "rnu")
    check("a misspelt command is answered with the commands", misspelt[0] == 2 and all(name in misspelt[2] for name in COMMANDS), misspelt[2])
    flags = {"run": "--policy --state --node --uplink --pod-side --pods --interval --duration --config --key --canary-interval --pod-namespace --listen "
                    "--user --real-probes",
             "report": "--policy --evidence --inventory --trust --from --to --as-logged --format --output|-o",
             "verify": "--trust --anchor",
             "keygen": "--node --state --key --first --epoch --epochs --trust", "enrol": "--trust-key --keys --inventory --policy --into",
             "probe": "--policy --real --format --resolver", "doctor": "--policy"}
    for name in COMMANDS:
        ran = run(auditor, name, "--help")
        missing = [flag for flag in flags[name].split() if not re.search(rf"(^|[ ,])({flag})\b", ran[1], re.MULTILINE)]
        check(f"{name} --help", ran[0] == 0 and ran[2] == "" and "Options:" in ran[1] and not missing, f"exit code {ran[0]}, without {missing}")
        refused(f"{name} with an unknown flag", run(auditor, name, "--nonsense"), 2)
    for shell in ("bash", "zsh", "fish"):
        ran = run(auditor, "completion", shell)
        check(f"completion {shell} knows the commands", ran[0] == 0 and all(name in ran[1] for name in COMMANDS), ran[1][:200])
    ran = run(auditor, "schema", "report")
    check("schema report", ran[0] == 0 and "verdict" in json.loads(ran[1] or "{}").get("properties", {}), str(ran)[:300])


def agent(auditor, policy, folder):
    """What `run` refuses before it opens anything."""
    base = [auditor, "run", "--policy", policy, "--state", folder / "state", "--uplink", "nosuch0", "--duration", "1", "--listen", "none"]

    def without(flag):
        at = base.index(flag)
        return base[:at] + base[at + 2:]

    refused("run without a policy", run(*without("--policy")), 2, "--policy")
    refused("run without a state directory", run(*without("--state")), 2, "--state")
    for flag, value in (("--interval", "0"), ("--interval", "x"), ("--interval", "-1"), ("--duration", "-1"), ("--duration", "1h"), ("--canary-interval", "0"),
                        ("--listen", "nowhere"), ("--listen", "127.0.0.1:70000"), ("--uplink", ""), ("--user", "")):
        refused(f"run {flag} {value!r}", run(*(without(flag) if flag in base else base), flag, value), 2)
    refused("run with a user that is none", run(*base, "--user", "no-such-user"), (2, 4), "no-such-user")
    refused("run with a policy that is not there", run(*without("--policy"), "--policy", folder / "none.json"), 4, "none.json")
    edited = folder / "edited.json"
    edited.write_text(policy.read_text().replace("10.30.0.0/16", "10.0.0.0/8"))
    refused("run with an edited policy", run(*without("--policy"), "--policy", edited), 2, json.loads(policy.read_text())["digest"])
    (folder / "file").write_text("")
    for name, state in (("is a file", folder / "file"), ("is below a file", folder / "file/state"), ("cannot be made", pathlib.Path("/proc/airtight-state"))):
        refused(f"run with a state directory that {name}", run(*without("--state"), "--state", state), 4, state.name)
    check("a refused run leaves no state", not (folder / "state").exists() or not list((folder / "state").glob("tail/*")), str(list(folder.iterdir())))

    config = folder / "config.json"
    bare = [auditor, "run", "--config", config]
    refused("run with a configuration that is not there", run(auditor, "run", "--config", folder / "no.json"), 4, "no.json")
    for name, text, words in (("is no JSON", '{\n  "interval": 1,\n  "duration": 1,,\n}\n', ("config.json", "3")),
                              ("is cut off", '{\n  "interval": 1,\n', ("config.json",)),
                              ("is a list", "[]", ("config.json",)), ("is empty", "", ("config.json",)),
                              ("has an unknown member", '{"policy": "p", "intervall": 1}', ("config.json", "intervall")),
                              ("has a text for a number", '{"policy": "p", "interval": "one"}', ("config.json", "interval")),
                              ("has an interval of 0", '{"policy": "p", "interval": 0}', ("interval",)),
                              ("has a member twice", '{"interval": 1, "interval": 2}', ("config.json", "interval"))):
        config.write_text(text)
        refused(f"run with a configuration that {name}", run(*bare), 2, *words)


def without_right(auditor, policy, folder):
    """Neither root nor a capability: what a person sees who just tries it."""
    folder.chmod(0o755)
    home = folder / "nobody"
    home.mkdir()
    home.chmod(0o777)
    drop = {}
    if os.geteuid() == 0:
        drop = {"user": NOBODY, "group": NOBODY, "extra_groups": []}
        if run("/bin/cat", policy, **drop)[0] != 0 or run(auditor, "--version", **drop)[0] != 0:
            print("SKIPPED run without a capability: another user cannot read this tree")
            return
    ran = run(auditor, "run", "--policy", policy, "--state", home / "state", "--uplink", "lo", "--duration", "1", "--listen", "none", **drop)
    refused("run without a capability", ran, 4, "cap_net")
    check("and it says what to do", "help:" in ran[2] and re.search(r"root|setcap|systemd|capabilit", ran[2].split("help:")[-1]), ran[2])
    ran = run(auditor, "doctor", "--policy", policy, **drop)
    check("doctor without a capability", ran[0] in (3, 4) and re.search(r"cap_net|capabilit", (ran[1] + ran[2]).lower()), str(ran)[:400])
    ran = run(auditor, "probe", "--policy", policy, "--resolver", "127.0.0.1", **drop)
    check("probe without a capability sends nothing and is no success", ran[0] in (3, 4), str(ran)[:400])


def reports(auditor, policy, folder):
    base = [auditor, "report", "--policy", policy, "--evidence", folder / "log"]
    run(auditor, "keygen", "--node", "n1", "--state", folder / "log")  # a log without a record
    (folder / "empty").mkdir()
    inventory, trust = folder / "good-inventory", folder / "root.pub"
    inventory.write_text('[{"node":"n1","joined":"2026-11-01T00:00:00Z","left":null,"uplinks":["eth0"]}]')
    period = ["--from", "2026-11-02T00:00:00Z", "--to", "2026-11-03T00:00:00Z"]
    run(auditor, "keygen", "--trust", "root.example/r", "-o", folder / "root")
    refused("report without a policy", run(auditor, "report", "--evidence", folder / "log", "--as-logged"), 2, "--policy")
    refused("report without evidence", run(auditor, "report", "--policy", policy, "--as-logged"), 2, "--evidence")
    refused("report in an unknown format", run(*base, "--as-logged", "--format", "xml"), 2, "--format")
    refused("report as logged and by inventory", run(*base, "--as-logged", "--inventory", inventory), 2, "--as-logged")
    full = ["--inventory", inventory, "--trust", trust]
    for name, day in (("text", "yesterday"), ("a day that is none", "2026-02-30T00:00:00Z")):
        refused(f"report from {name}", run(*base, *full, "--from", day, *period[2:]), 2, "--from")
    refused("report of a period that ends before it begins", run(*base, *full, "--from", period[3], "--to", period[1]), 2)
    ran = run(*base, "--format", "json")
    result = json.loads(ran[1] or "{}")
    said = " ".join(result.get("reasons", [])).lower()
    check("report with neither inventory nor trust",
          ran[0] == 3 and result.get("verdict") == "inconclusive" and "inventory" in said and "trust" in said, str(ran)[:400])
    for name, text in (("is no JSON", "{"), ("is empty", "[]"), ("has an unknown member", inventory.read_text().replace('"left"', '"gone"')),
                       ("has a time that is none", inventory.read_text().replace("2026-11-01T00", "2026-11-01T25"))):
        (folder / "inventory").write_text(text)
        refused(f"report with an inventory that {name}", run(*base, "--inventory", folder / "inventory", "--trust", trust, *period), 2, "inventory")
    (folder / "text").write_text("no key\n")
    refused("report with a trust root that is no key", run(*base, "--inventory", inventory, "--trust", folder / "text", *period), 2, "text")
    refused("report with a trust root that is not there", run(*base, "--inventory", inventory, "--trust", folder / "nokey", *period), 4, "nokey")
    ran = run(*base, *full, *period, "--format", "json")
    check("report of a log without a record", ran[0] == 3 and '"inconclusive"' in ran[1], str(ran)[:300])
    refused("report of an empty folder", run(auditor, "report", "--policy", policy, "--evidence", folder / "empty", "--as-logged"), 2, "empty")
    ran = run(*base, "--as-logged")
    first = ran[1].partition("\n")[0].lower()
    check("report as logged of nothing says so in its first line", ran[0] == 3 and "inconclusive" in first and "as logged" in first, str(ran)[:300])
    refused("verify without a folder", run(auditor, "verify"), 2)
    ran = run(auditor, "verify", folder / "none")
    check("verify of a folder that is not there", ran[0] in (1, 2, 4) and "none" in ran[2] + ran[1], str(ran)[:300])


def mode(path):
    return stat.S_IMODE(path.stat().st_mode)


def keys(auditor, policy, folder):
    refused("keygen without anything", run(auditor, "keygen"), 2)
    state, trust = folder / "node", folder / "trust"
    node = [auditor, "keygen", "--node", "n1", "--state", state, "--first", "2026-01-01T00:00:00Z", "--epoch", "3600", "--epochs", "3"]
    ran = run(*node)
    text = (state / "keys").read_text() if (state / "keys").exists() else ""
    lines = text.splitlines()
    check("keygen makes the keys of a node", ran[0] == 0 and lines[:6] == ["airtight-epoch-keys/1 ed25519", "node n1", "first 2026-01-01T00:00:00Z", "length 3600", "epochs 3", ""]
          and len(lines) == 9 and all(len(base64.b64decode(line)) == 32 for line in lines[6:]), f"{ran} {lines}")
    secret = folder / "node.key"
    public_files = [path for path in state.rglob("*") if path.is_file()]
    check("the key state lies beside the log, for its owner alone",
          secret.is_file() and mode(secret) == 0o600 and not any("seed" in path.read_text(errors="replace") for path in public_files), str(list(folder.glob("node*"))))
    before = secret.read_bytes() if secret.is_file() else b""
    ran = run(*node)
    check("keygen never replaces keys", ran[0] in (2, 4) and "error" in ran[2] and secret.read_bytes() == before and (state / "keys").read_text() == text, str(ran))
    for flag, value in (("--epoch", "0"), ("--epochs", "0"), ("--epochs", "-1"), ("--first", "tomorrow"), ("--node", "")):
        words = [auditor, "keygen", "--node", "n1", "--state", folder / "bad"]
        if flag == "--node":
            words[3] = value
        else:
            words += [flag, value]
        refused(f"keygen {flag} {value!r}", run(*words), 2)
    check("a refused keygen leaves nothing", not (folder / "bad").exists() and not (folder / "bad.key").exists())
    ran = run(auditor, "keygen", "--trust", "root.example/ours", "-o", trust)
    public = pathlib.Path(f"{trust}.pub")
    check("keygen makes a trust root", ran[0] == 0 and trust.is_file() and mode(trust) == 0o600
          and re.fullmatch(r"root\.example/ours\+[0-9a-f]{8}\+[A-Za-z0-9+/]+=*\n?", public.read_text()), str(ran))
    before = trust.read_bytes()
    ran = run(auditor, "keygen", "--trust", "root.example/ours", "-o", trust)
    check("keygen never replaces a trust root", ran[0] in (2, 4) and trust.read_bytes() == before, str(ran))
    refused("keygen of a node and of a trust root at once",
            run(auditor, "keygen", "--trust", "x.example/r", "-o", folder / "x", "--node", "n1", "--state", folder / "y"), 2)

    inventory = folder / "inventory"
    inventory.write_text('[{"node":"n1","joined":"2026-01-01T00:00:00Z","left":null,"uplinks":["eth0"]}]')
    enrol = [auditor, "enrol", "--trust-key", trust, "--keys", state / "keys", "--inventory", inventory, "--policy", policy]
    ran = run(*enrol, "-o", folder / "note")
    note = (folder / "note").read_text() if (folder / "note").exists() else ""
    check("enrol signs a note", ran[0] == 0 and note.startswith("airtight-enrolment/1 ed25519\nnode n1\n")
          and f"\npolicy {json.loads(policy.read_text())['digest']}\n" in note
          and re.search(r"\n\n— root\.example/ours [A-Za-z0-9+/=]+\n$", note), f"{ran} {note}")
    ran = run(*enrol, "--into", state)
    check("enrol puts it into the log", ran[0] == 0 and len(list((state / "enrolment").iterdir())) == 1, str(ran))
    for flag in ("--trust-key", "--keys", "--inventory", "--policy"):
        at = enrol.index(flag)
        refused(f"enrol without {flag}", run(*enrol[:at], *enrol[at + 2:], "-o", folder / "no"), 2, flag)

    def instead(flag, path):
        at = enrol.index(flag)
        return run(*enrol[:at + 1], path, *enrol[at + 2:], "-o", folder / "no")

    refused("enrol with the public half", instead("--trust-key", public), 2, "trust.pub")
    refused("enrol with a trust key that is not there", instead("--trust-key", folder / "nokey"), 4, "nokey")
    refused("enrol of keys that are none", instead("--keys", inventory), 2, "inventory")
    refused("enrol with an inventory that is none", instead("--inventory", policy), 2)
    other = folder / "other"
    other.write_text(inventory.read_text().replace('"n1"', '"n2"'))
    refused("enrol of a node that the inventory does not name", instead("--inventory", other), 2, "n1")
    check("a refused enrol writes nothing", not (folder / "no").exists())


def probes(auditor, policy):
    refused("probe without a policy", run(auditor, "probe"), 2, "--policy")
    refused("probe in an unknown format", run(auditor, "probe", "--policy", policy, "--format", "xml"), 2, "--format")
    refused("probe of a resolver that is no address", run(auditor, "probe", "--policy", policy, "--resolver", "dns.corp.example"), 2, "--resolver")
    refused("doctor with a policy that is not there", run(auditor, "doctor", "--policy", "none.json"), 4, "none.json")


def main():
    auditor = pathlib.Path(sys.argv[1]).resolve()
    if not leave_the_network():
        print("SKIPPED: this machine gives no network namespace of one's own, and a command might send")
        return 77
    with tempfile.TemporaryDirectory() as top:
        folder = pathlib.Path(top)
        subprocess.run([auditor.with_name("airtight"), "compile", ROOT / "policies/xpander-airgapped.yaml", "--at", "2026-11-25", "-o", folder / "out"],
                       check=True, stdout=subprocess.DEVNULL)
        policy = folder / "out/policy.json"
        usage(auditor)
        agent(auditor, policy, folder)
        reports(auditor, policy, folder)
        (folder / "keys").mkdir()
        keys(auditor, policy, folder / "keys")
        probes(auditor, policy)
        without_right(auditor, policy, folder)
    print(f"{len(FAILED)} failed")
    return 1 if FAILED else 0


if __name__ == "__main__":
    sys.exit(main())
