#!/usr/bin/env python3
"""verify, keygen and enrol: evidence_cli.py AUDITOR. Prints "ok NAME" or "FAIL NAME WHY"; exit 1 on a failure.

A log is made here byte by byte from FORMAT.md, with openssl alone for keys and signatures: what verify says of it, and of every file of it
once it was changed, does not depend on the program's own writer. Then its keys and notes are checked by openssl.
"""
import base64
import ctypes
import hashlib
import json
import os
import pathlib
import re
import shutil
import stat
import struct
import subprocess
import sys
import tempfile

ROOT = pathlib.Path(__file__).resolve().parent.parent
FAILED = []
# The heads of an Ed25519 key in DER (RFC 8410): private, public.
PRIVATE = bytes.fromhex("302e020100300506032b657004220420")
PUBLIC = bytes.fromhex("302a300506032b6570032100")
POLICY = "sha256:" + hashlib.sha256(b"policy").hexdigest()


def check(name, holds, why=""):
    print(f"ok {name}" if holds else f"FAIL {name} {why}")
    if not holds:
        FAILED.append(name)


def run(*command, **more):
    ran = subprocess.run([str(part) for part in command], capture_output=True, timeout=60, **more)
    return ran.returncode, ran.stdout.decode(), ran.stderr.decode()


def says(name, ran, code, out=None, error=None):
    """Exit code, and the whole of what was printed where given; a pattern matches from start to end."""
    fits = ran[0] == code and all(wanted is None or re.fullmatch(wanted, text, re.DOTALL) for wanted, text in ((out, ran[1]), (error, ran[2])))
    check(name, fits, f"exit code {ran[0]} for {code}; {ran[1][:1500]!r} {ran[2][:500]!r}")


def mode(path):
    return stat.S_IMODE(path.stat().st_mode)


def openssl(*arguments, stdin=b""):
    return subprocess.run(["openssl", *arguments], input=stdin, capture_output=True, check=True).stdout


class Key:
    """A private key of RFC 8032 from its 32 bytes."""

    def __init__(self, seed, folder):
        self.file = folder / f"{seed.hex()[:8]}.der"
        self.file.write_bytes(PRIVATE + seed)
        self.public = openssl("pkey", "-inform", "DER", "-in", str(self.file), "-pubout", "-outform", "DER")[-32:]

    def note(self, name, text):
        message = self.file.with_suffix(".text")
        message.write_bytes(text.encode())
        signature = openssl("pkeyutl", "-sign", "-rawin", "-keyform", "DER", "-inkey", str(self.file), "-in", str(message))
        return f"{text}\n— {name} {base64.b64encode(key_id(name, self.public) + signature).decode()}\n"


def sha(*parts):
    return hashlib.sha256(b"".join(parts)).digest()


def b64(data):
    return base64.b64encode(data).decode()


def key_id(name, public):
    return sha(name.encode(), b"\n\x01", public)[:4]


def tree(leaves):
    """RFC 9162 §2.1.1."""
    if len(leaves) == 1:
        return leaves[0]
    half = 1
    while 2 * half < len(leaves):
        half *= 2
    return sha(b"\x01", tree(leaves[:half]), tree(leaves[half:]))


def hkdf(seed, info):
    """RFC 5869 with SHA-256, no salt, 32 bytes."""
    import hmac
    prk = hmac.new(bytes(32), seed, hashlib.sha256).digest()
    return hmac.new(prk, info.encode() + b"\x01", hashlib.sha256).digest()


class Log:
    """Two epochs of an hour; `count` records in the first, closed. The seed of the node is 32 bytes 0x01."""

    def __init__(self, folder, scratch, trust_name, trust, count=300):
        seed, self.keys = bytes([1]) * 32, []
        for _ in range(2):
            self.keys.append(Key(hkdf(seed, "airtight-evidence/1 epoch key"), scratch))
            seed = hkdf(seed, "airtight-evidence/1 epoch seed")
        root = tree([sha(b"\x00", key.public) for key in self.keys])
        self.origin = f"airtight.dev/log/n1/{root.hex()[:16]}"
        plan = "node n1\nfirst 2026-01-01T00:00:00Z\nlength 3600\nepochs 2\n"
        self.folder = folder
        self.put("keys", f"airtight-epoch-keys/1 ed25519\n{plan}\n" + "".join(b64(key.public) + "\n" for key in self.keys))
        self.put("enrolment/000", trust.note(trust_name, f"airtight-enrolment/1 ed25519\n{plan}keys {b64(root)}\ninventory {POLICY}\npolicy {POLICY}\nsigned 2025-12-31T23:00:00Z\n"))
        records = []
        for index in range(count):
            at = f"2026-01-01T00:{index // 60:02}:{index % 60:02}Z"
            data, kind = {"boot_id": "b1", "counters": {"eth0.seen": index}, "from": at, "lag": 0, "policy_digest": POLICY}, "heartbeat"
            if index == count - 1:
                data, kind = {"uplinks_down": False, "why": "signal"}, "stop"
            records.append(json.dumps({"boottime": str(index + 1), "data": data, "seq": index, "time": at, "type": kind}, sort_keys=True, separators=(",", ":")).encode())
        leaves = [sha(b"\x00", record) for record in records]
        for index in range(0, count, 256):
            part = slice(index, index + 256)
            width = len(leaves[part])
            suffix = f"{index // 256:03}" + ("" if width == 256 else f".p/{width}")
            self.put(f"tile/entries/{suffix}", b"".join(struct.pack(">H", len(record)) + record for record in records[part]))
            self.put(f"tile/0/{suffix}", b"".join(leaves[part]))
        if count >= 256:
            self.put("tile/1/000.p/1", tree(leaves[:256]))
        if count % 256:
            # The tail holds the bundle that grows, beside its bundle at the checkpoint.
            last = count - count % 256
            self.put(f"tail/{count // 256}", b"".join(struct.pack(">H", len(record)) + leaf[:4] + record for record, leaf in zip(records[last:], leaves[last:])))
        counters = json.dumps({"eth0.seen": count - 2}, separators=(",", ":")).encode()
        head = [self.origin, count, b64(tree(leaves)), "format airtight-evidence/1 sha256 ed25519", "node n1", "boot b1", "epoch 0", "seal 0", f"time {at}", "kept 0",
                f"policy {POLICY}", f"counters sha256:{hashlib.sha256(counters).hexdigest()}", f"canaries sha256:{hashlib.sha256(b'[]').hexdigest()}", "previous none"]
        note = self.keys[0].note(self.origin, "".join(f"{line}\n" for line in head))
        self.put("checkpoint", note)
        self.put("seal/000", note)

    def put(self, name, content):
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content if isinstance(content, bytes) else content.encode())


def no_socket():
    """Before exec: whoever asks for a socket afterwards is killed (seccomp, x86-64 and arm64)."""
    number, arch = {"x86_64": (41, 0xC000003E), "aarch64": (198, 0xC00000B7)}[os.uname().machine]
    code = [(0x20, 0, 0, 4), (0x15, 0, 3, arch), (0x20, 0, 0, 0), (0x15, 0, 1, number), (0x06, 0, 0, 0x80000000), (0x06, 0, 0, 0x7FFF0000)]
    program = ctypes.create_string_buffer(b"".join(struct.pack("<HBBI", *line) for line in code))
    header = ctypes.create_string_buffer(struct.pack("@HxxxxxxP", len(code), ctypes.addressof(program)))
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.prctl(38, 1, 0, 0, 0) or libc.prctl(22, 2, ctypes.byref(header), 0, 0):
        raise OSError(ctypes.get_errno(), "seccomp")


def keygen(auditor, folder):
    root = folder / "root"
    says("keygen --trust", run(auditor, "keygen", "--trust", "example.org/trust", "-o", root), 0, r"trust root example.org/trust\n.*next: airtight-auditor enrol .*", "")
    check("the trust root's modes", (mode(root), mode(folder / "root.pub")) == (0o600, 0o644), f"{mode(root):o}")
    check("the private key's form", re.fullmatch(r"PRIVATE\+KEY\+example\.org/trust\+[0-9a-f]{8}\+[A-Za-z0-9+/=]+\n", root.read_text()))
    check("the public key's form", re.fullmatch(r"example\.org/trust\+[0-9a-f]{8}\+[A-Za-z0-9+/=]+\n", (folder / "root.pub").read_text()))
    before = root.read_bytes()
    says("keygen --trust twice", run(auditor, "keygen", "--trust", "example.org/trust", "-o", root), 2, "", r"airtight-auditor: error: .*root exists already\n.*")
    check("the trust root is as it was", root.read_bytes() == before)
    (folder / "half.pub").touch()
    says("keygen --trust over a public key", run(auditor, "keygen", "--trust", "t", "-o", folder / "half"), 2, "", r".*half\.pub exists already\n.*")
    check("no private key beside a foreign public one", not (folder / "half").exists())
    says("a name that is none", run(auditor, "keygen", "--trust", "a b", "-o", folder / "x"), 2, "", r".*'a b' is no name of a key\n.*")

    node = folder / "n1"
    says("keygen --node", run(auditor, "keygen", "--node", "n1", "--state", node, "--first", "2026-01-01T00:00:00Z", "--epoch", 60, "--epochs", 3), 0,
         r"keys of n1: 3 epochs of 60 seconds, 2026-01-01T00:00:00Z to 2026-01-01T00:03:00Z\n  log     \S+ \(airtight\.dev/log/n1/[0-9a-f]{16}\)\n  secret  .*n1\.key\n.*", "")
    check("the key state's mode", mode(folder / "n1.key") == 0o600, f"{mode(folder / 'n1.key'):o}")
    check("the keys' file", re.fullmatch(r"airtight-epoch-keys/1 ed25519\nnode n1\nfirst 2026-01-01T00:00:00Z\nlength 60\nepochs 3\n\n(?:\S{44}\n){3}", (node / "keys").read_text()))
    check("nothing else in the log", sorted(os.listdir(node)) == ["keys"], os.listdir(node))
    keys, state = (node / "keys").read_bytes(), (folder / "n1.key").read_bytes()
    says("keygen --node twice", run(auditor, "keygen", "--node", "n1", "--state", node), 2, "", r".*n1/keys exists already\n.*")
    says("keygen over another's key state", run(auditor, "keygen", "--node", "n1", "--state", folder / "new", "--key", folder / "n1.key"), 2, "", r".*n1\.key exists already\n.*")
    check("keys and state are as they were", (node / "keys").read_bytes() == keys and (folder / "n1.key").read_bytes() == state and not (folder / "new").exists())
    says("a secret inside the log", run(auditor, "keygen", "--node", "n1", "--state", folder / "new", "--key", folder / "new/key"), 2, "", r".*new/key lies in the log\n.*")
    says("a node's name that is none", run(auditor, "keygen", "--node", "a/b", "--state", folder / "new"), 2, "", r".*'a/b' is no node's name\n.*")
    says("a first time that is none", run(auditor, "keygen", "--node", "n", "--state", folder / "new", "--first", "today"), 2, "", r".*'today' is no time in whole seconds of UTC\n.*")
    says("no epochs", run(auditor, "keygen", "--node", "n", "--state", folder / "new", "--epochs", 0), 2, "", r".*0 epochs of 3,600 seconds .* cannot be\n.*")
    says("keygen of nothing", run(auditor, "keygen"), 2, "", r".*keygen makes node keys .* or a trust root .*\n")
    says("keygen of both", run(auditor, "keygen", "--node", "n", "--trust", "t"), 2, "", r".*keygen makes node keys .* or a trust root .*\n")
    says("no place for a log", run(auditor, "keygen", "--node", "n", "--state", folder / "a/b/c"), 4, "", r".*a/b/c cannot be made: No such file or directory\n")


def compiled(auditor, folder):
    for name, day in (("one", "2026-11-25"), ("two", "2026-11-26")):
        subprocess.run([auditor.with_name("airtight"), "compile", ROOT / "policies/xpander-airgapped.yaml", "--at", day, "-o", folder / name], check=True, stdout=subprocess.DEVNULL)
    two = json.loads((folder / "two/policy.json").read_text())
    return folder / "one/policy.json", folder / "two/policy.json", two["digest"]


def enrol(auditor, folder):
    one, two, _ = compiled(auditor, folder)
    digest = json.loads(one.read_text())["digest"]
    inventory, node, root = folder / "inventory.json", folder / "n1", folder / "root"
    inventory.write_text('[{"uplinks":["eth0"], "node":"n1","joined":"2026-01-01T00:00:00Z","left":null}]\n')
    canonical = '[{"joined":"2026-01-01T00:00:00Z","left":null,"node":"n1","uplinks":["eth0"]}]'
    inventory_digest = "sha256:" + hashlib.sha256(canonical.encode()).hexdigest()
    base = [auditor, "enrol", "--trust-key", root, "--inventory", inventory, "--policy", one]
    says("enrol without a place", run(*base, "--keys", node / "keys"), 2, "", r".*enrol needs -o NOTE or --into DIR\n")
    says("enrol without keys", run(*base, "-o", folder / "note"), 2, "", r".*enrol needs --keys FILE or --into DIR\n")
    says("enrol with the public key", run(auditor, "enrol", "--trust-key", folder / "root.pub", "--inventory", inventory, "--policy", one, "--into", node), 2, "",
         r".*root\.pub is no private key of a trust root\n  help: it is the public one; .*")
    says("enrol what is no list of keys", run(*base, "--keys", inventory, "-o", folder / "note"), 2, "", r".*inventory\.json is no list of epoch keys: line 1: .*")
    says("enrol with what is no policy", run(auditor, "enrol", "--trust-key", root, "--inventory", inventory, "--policy", inventory, "--into", node), 2, "", r".*error\[.*")
    says("enrol with what is no inventory", run(auditor, "enrol", "--trust-key", root, "--inventory", one, "--policy", one, "--into", node), 2, "", r".*policy\.json is no inventory: .*")
    (folder / "others.json").write_text('[{"node":"n2","joined":"2026-01-01T00:00:00Z","left":null,"uplinks":["eth0"]}]')
    says("enrol a node that the inventory has not", run(auditor, "enrol", "--trust-key", root, "--inventory", folder / "others.json", "--policy", one, "--into", node), 2, "",
         r".*node 'n1' of .*keys is not in .*others\.json\n")
    check("nothing was signed so far", sorted(os.listdir(node)) == ["keys"] and not (folder / "note").exists(), os.listdir(node))

    says("verify --trust before enrolment", run(auditor, "verify", node, "--trust", folder / "root.pub"), 1,
         r"not enrolled: 1 of 1 log\n.*not enrolled: keys: the trust root example\.org/trust enrolled no such keys\n.*", "")
    says("enrol", run(*base, "--into", node, "-o", folder / "note"), 0,
         rf"signed by example\.org/trust at \S+Z:\n  node       n1\n  keys       airtight\.dev/log/n1/[0-9a-f]{{16}}, 3 epochs, .*\n  inventory  {inventory_digest} \(1 row\)\n"
         rf"  policy     {digest} \(\S+\)\n  written to \S+/note\n  written to \S+/n1/enrolment/000\n", r"airtight-auditor: note: the keys count from 2026-01-01T00:00:00Z; .*")
    check("both are one note", (folder / "note").read_bytes() == (node / "enrolment/000").read_bytes())
    text = (folder / "note").read_text()
    check("the note names inventory and policy", f"\ninventory {inventory_digest}\npolicy {digest}\nsigned " in text, text)
    says("enrol over a note", run(*base, "--keys", node / "keys", "-o", folder / "note"), 2, "", r".*note exists already\n.*")
    says("enrol a second policy", run(*base, "--policy", two, "--policy", two, "--into", node), 0, r".*(?:  policy     sha256:\S+ \(\S+\)\n){1,2}  written to \S+/n1/enrolment/001\n")
    check("no half file is left", sorted(os.listdir(node)) == ["enrolment", "keys"] and sorted(os.listdir(node / "enrolment")) == ["000", "001"], os.listdir(node))
    says("verify --trust of an empty log", run(auditor, "verify", node, "--trust", folder / "root.pub"), 0,
         r"whole: 1 log\n\n\S+n1: whole\n  node        n1\n.*  enrolled    yes, by example\.org/trust, 2 enrolments, signed .*  records     0 sealed, 0 after the last seal\n.*What no verifier can find:\n.*", "")
    says("verify an empty log by its own word", run(auditor, "verify", node), 0, r"whole: 1 log, by its own keys: without --trust .*", "")
    other = folder / "other"
    run(auditor, "keygen", "--node", "n1", "--state", other)
    says("enrol into another's log", run(*base, "--keys", node / "keys", "--into", other), 2, "", r".*other is a log of other keys than .*")
    shutil.copytree(node / "enrolment", other / "enrolment")
    says("another's enrolment", run(auditor, "verify", other, "--trust", folder / "root.pub"), 1, r"not enrolled: 1 of 1 log\n.*not enrolled: enrolment/000: it names other keys than the log has\n.*", "")
    os.chmod(root, 0o644)
    says("a trust root that others may read", run(*base, "--keys", node / "keys", "-o", folder / "note2"), 0, None, r"airtight-auditor: note: others may read .*root; chmod 600 it\n.*")

    # As EVIDENCE.md has it: openssl with the text, the key and the signature of a note.
    body, signature = text.rsplit("\n\n— example.org/trust ", 1)
    public = base64.b64decode((folder / "root.pub").read_text().strip().split("+", 2)[2])[1:]
    (folder / "text").write_text(body + "\n")
    (folder / "sig").write_bytes(base64.b64decode(signature)[4:])
    (folder / "pub.pem").write_bytes(openssl("pkey", "-pubin", "-inform", "DER", stdin=PUBLIC + public))
    command = ["openssl", "pkeyutl", "-verify", "-rawin", "-pubin", "-inkey", folder / "pub.pem", "-sigfile", folder / "sig", "-in"]
    says("openssl verifies the enrolment", run(*command, folder / "text"), 0, r"Signature Verified Successfully\n")
    (folder / "text").write_text(body.replace("node n1", "node n2") + "\n")
    says("openssl refuses another text", run(*command, folder / "text"), 1)


def damages(ran):
    return [(one["kind"], one["where"]) for one in json.loads(ran[1])["logs"][0]["damages"]]


def verify(auditor, folder):
    trust = Key(bytes([2]) * 32, folder)
    name = "example.org/made-by-hand"
    (folder / "hand.pub").write_text(f"{name}+{key_id(name, trust.public).hex()}+{b64(bytes([1]) + trust.public)}\n")
    log = Log(folder / "log", folder, name, trust)
    command = [auditor, "verify", "--trust", folder / "hand.pub"]
    says("a log made by hand", run(*command, log.folder), 0,
         rf"whole: 1 log\n.*origin      {re.escape(log.origin)}\n.*records     300 sealed, 0 after the last seal\n  span        2026-01-01T00:00:00Z to 2026-01-01T00:04:59Z\n"
         r"  seals       1 good, the last over 300 records\n.*", "")
    says("as JSON", run(*command, log.folder, "--format", "json"), 0, None, "")
    read = json.loads(run(*command, log.folder, "--format", "json")[1])
    check("what JSON says", read["verdict"] == "whole" and read["trust"] == name and read["logs"][0]["size"] == 300 and read["logs"][0]["enrolled"] is True
          and read["logs"][0]["seals"][0]["good"] and len(read["cannot_find"]) == 5, read)
    says("without any socket", run(*command, log.folder, preexec_fn=no_socket), 0, r"whole: .*", "")
    says("the socket trap works", run("python3", "-c", "import socket; socket.socket()", preexec_fn=no_socket), -31)

    # Every file with a byte changed, cut, and gone: what verify names.
    wanted = {
        "keys": ({"missing keys", "not enrolled", "unknown key", "forged checkpoint"}, {"missing keys"}),
        "enrolment/000": ({"forged enrolment"}, {"not enrolled"}),
        "checkpoint": ({"malformed checkpoint", "forged checkpoint", "forked checkpoint", "unknown key"}, {"missing checkpoint"}),
        "seal/000": ({"malformed checkpoint", "forged checkpoint", "unknown key"}, {"missing seal", None}),
        "tile/entries/000": ({"edited", "truncated"}, {"missing entries"}),
        "tile/entries/001.p/44": ({"edited", "truncated"}, {"missing entries"}),
        "tile/0/000": ({"altered tile"}, {"missing tile"}),
        "tile/0/001.p/44": ({"altered tile"}, {"missing tile"}),
        "tile/1/000.p/1": ({"altered tile"}, {"missing tile"}),
        "tail/1": ({"torn tail", "edited", "unreadable record"}, {None}),
    }
    files = sorted(str(path.relative_to(log.folder)) for path in log.folder.rglob("*") if path.is_file())
    check("every file is tried", files == sorted(wanted), files)
    for file, (changed, gone) in wanted.items():
        path = log.folder / file
        whole = path.read_bytes()
        for at in (len(whole) // 3, len(whole) // 2, len(whole) - 3):
            path.write_bytes(whole[:at] + bytes([whole[at] ^ 1]) + whole[at + 1:])
            ran = run(*command, log.folder, "--format", "json")
            found = {kind for kind, _ in damages(ran)}
            fits = found & changed or (file.startswith("tail") and not found)
            check(f"{file} with byte {at} changed", ran[0] == (1 if found else 0) and fits, f"{ran[0]} {damages(ran)}")
        path.write_bytes(whole[: len(whole) // 2])
        ran = run(*command, log.folder, "--format", "json")
        found = {kind for kind, _ in damages(ran)}
        check(f"{file} cut", ran[0] == (1 if found else 0) and (found & (changed | {"missing tile"}) or file.startswith("tail")), f"{ran[0]} {damages(ran)}")
        path.unlink()
        ran = run(*command, log.folder, "--format", "json")
        found = {kind for kind, _ in damages(ran)}
        check(f"{file} gone", (found & gone) if found else None in gone, f"{ran[0]} {damages(ran)}")
        path.write_bytes(whole)
    says("put back, it is whole", run(*command, log.folder), 0)

    edited = log.folder / "tile/entries/000"
    whole = edited.read_bytes()
    edited.write_bytes(whole.replace(b'"seq":17,', b'"seq":71,'))
    says("an edit is named with its record", run(*command, log.folder), 1, r"damaged: 1 of 1 log\n.*  edited: tile/entries/000: record 17 is not what was sealed\n.*", "")
    says("beside a whole one", run(*command, folder / "n1", log.folder, "--format", "text"), 1, r"damaged: 2 of 2 logs\n.*", "")
    edited.write_bytes(whole)

    # A copy of the head that left the node bounds what can be cut off.
    (folder / "anchor").write_bytes((log.folder / "checkpoint").read_bytes())
    says("with its anchor", run(*command, log.folder, "--anchor", folder / "anchor"), 0, r"whole: .*")
    short = Log(folder / "short", folder, name, trust, count=200)
    says("cut off, without an anchor", run(*command, short.folder), 0, r"whole: .*")
    says("cut off, against an anchor", run(*command, short.folder, "--anchor", folder / "anchor"), 1, r"damaged: .*  rolled back: anchor 1: it has 300 records, the log 200\n.*")
    (folder / "foreign").write_text((folder / "anchor").read_text().replace("airtight.dev/log/n1/", "airtight.dev/log/n9/"))
    says("an anchor of another node", run(*command, log.folder, "--anchor", folder / "foreign"), 2, "", r".*foreign is a checkpoint of none of these logs' nodes\n.*")
    says("an anchor that is not there", run(*command, log.folder, "--anchor", folder / "nowhere"), 4, "", r".*nowhere cannot be read: No such file or directory\n")

    says("no log", run(*command, folder / "nowhere"), 2, "", r".*nowhere cannot be read: No such file or directory\n")
    (folder / "empty").mkdir(exist_ok=True)
    says("an empty directory", run(*command, folder / "empty"), 2, "", r".*empty is no log: it has neither keys nor records\n.*")
    says("a file for a log", run(*command, folder / "hand.pub"), 2, "", r".*hand\.pub cannot be read: Not a directory\n")
    says("the private key for trust", run(auditor, "verify", log.folder, "--trust", folder / "root"), 2, "", r".*root is no public key of a trust root\n  help: it is a private one; .*")
    says("something else for trust", run(auditor, "verify", log.folder, "--trust", folder / "inventory.json"), 2, "", r".*is no public key of a trust root\n  help: keygen .*")
    says("another trust root", run(auditor, "verify", log.folder, "--trust", folder / "root.pub"), 1, r"damaged: 1 of 1 log\n.*forged enrolment: enrolment/000: .*")
    says("a full disk behind the output", run("sh", "-c", f"'{auditor}' verify '{log.folder}' > /dev/full"), 4, "", r".*standard output cannot be written: .*")


def main():
    auditor = pathlib.Path(sys.argv[1]).resolve()
    with tempfile.TemporaryDirectory() as folder:
        folder = pathlib.Path(folder)
        keygen(auditor, folder)
        enrol(auditor, folder)
        verify(auditor, folder)
    print(f"evidence_cli: {'all good' if not FAILED else f'{len(FAILED)} failed'}")
    return 1 if FAILED else 0


if __name__ == "__main__":
    sys.exit(main())
