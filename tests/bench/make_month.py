#!/usr/bin/env python3
"""Writes the evidence log of a quiet node for some days: make_month.py FOLDER POLICY_DIGEST [DAYS]

By auditor/evidence/FORMAT.md alone, without a line of the program: an epoch an hour, a heartbeat every ten seconds, a round of canaries a
minute. What `verify` and `report` take for it is a measure of them, and a second reading of that document. Needs python3-cryptography.
"""
import base64
import hashlib
import json
import pathlib
import struct
import sys
import time

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

FIRST = 1790812800  # 2026-10-01T00:00:00Z
HOUR = 3600
CANARIES = [[kind, interface, "ipv4", "ipv6"] for kind, interface in (("sensor", "eth0"), ("raw", "eth0"), ("raw-bypass", "eth0"), ("stack", ""), ("pod", ""))]
FATES = [["seen", "", ""], ["blocked", "egress", ""], ["blocked", "output", ""], ["blocked", "forward", ""]]
OUTCOMES = [0, 0, 1, 1, 1, 1, 2, 2, 3, 3]


def sha(octets):
    return hashlib.sha256(octets).digest()


def canonical(value):
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()


def digest(octets):
    return "sha256:" + sha(octets).hex()


def moment(second, nanoseconds=0):
    fraction = f".{nanoseconds:09d}".rstrip("0") if nanoseconds else ""
    return time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(second)) + fraction + "Z"


def index_path(index):
    digits = str(index)
    digits = digits.zfill((len(digits) + 2) // 3 * 3)
    parts = [digits[i:i + 3] for i in range(0, len(digits), 3)]
    return "/".join(["x" + part for part in parts[:-1]] + parts[-1:])


def root_of(edge):
    """RFC 9162 §2.1.1 from the perfect subtrees of a tree, the largest first."""
    found = edge[-1]
    for left in reversed(edge[:-1]):
        found = sha(b"\1" + left + found)
    return found


class Log:
    def __init__(self, folder, node, epochs):
        self.folder, self.node, self.epochs = folder, node, epochs
        self.secrets = [Ed25519PrivateKey.from_private_bytes(sha(b"bench" + struct.pack("!I", i))) for i in range(epochs)]
        self.public = [key.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw) for key in self.secrets]
        tree = Tree()
        for key in self.public:
            tree.add(sha(b"\0" + key))
        self.origin = f"airtight.dev/log/{node}/{tree.root().hex()[:16]}"
        text = f"airtight-epoch-keys/1 ed25519\nnode {node}\nfirst {moment(FIRST)}\nlength {HOUR}\nepochs {epochs}\n\n"
        self.write("keys", (text + "".join(base64.b64encode(key).decode() + "\n" for key in self.public)).encode())
        self.tree, self.bundle, self.leaves, self.levels = Tree(), [], [], []
        self.counters, self.rounds = {}, []
        self.boot, self.policy = "none", digest(b"")
        self.seal, self.previous = 0, "none"
        self.size = 0

    def write(self, path, octets):
        target = self.folder / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(octets)

    def append(self, second, kind, data):
        record = canonical({"boottime": str(second - FIRST + 100), "data": data, "seq": self.size, "time": moment(second), "type": kind})
        leaf = sha(b"\0" + record)
        self.size += 1
        self.tree.add(leaf)
        self.bundle.append(struct.pack("!H", len(record)) + record)
        self.hash(0, leaf)
        if len(self.bundle) == 256:
            self.write("tile/entries/" + index_path(self.size // 256 - 1), b"".join(self.bundle))
            self.bundle = []

    def hash(self, level, value):
        """Adds a hash to the tile of its level that grows; a full tile's root goes one level up."""
        if level == len(self.levels):
            self.levels.append([])
        tile = self.levels[level]
        tile.append(value)
        if len(tile) % 256 == 0:
            full = tile[-256:]
            self.write(f"tile/{level}/{index_path(len(tile) // 256 - 1)}", b"".join(full))
            tree = Tree()
            for leaf in full:
                tree.add(leaf)
            self.hash(level + 1, tree.root())

    def checkpoint(self, second, epoch):
        lines = [self.origin, str(self.size), base64.b64encode(self.tree.root()).decode(), "format airtight-evidence/1 sha256 ed25519", f"node {self.node}",
                 f"boot {self.boot}", f"epoch {epoch}", f"seal {self.seal}", f"time {moment(second)}", "kept 0", f"policy {self.policy}",
                 f"counters {digest(canonical(self.counters))}", f"canaries {digest(canonical(self.rounds))}", f"previous {self.previous}"]
        text = "".join(line + "\n" for line in lines)
        key = sha(self.origin.encode() + b"\n\1" + self.public[epoch])[:4]
        signature = base64.b64encode(key + self.secrets[epoch].sign(text.encode())).decode()
        return f"{text}\n— {self.origin} {signature}\n".encode()

    def close_segment(self, second, epoch):
        note = self.checkpoint(second, epoch)
        self.write("seal/" + index_path(self.seal), note)
        self.write("checkpoint", note)
        closed = {"checkpoint": digest(note), "epoch": epoch, "seal": self.seal, "size": self.size}
        self.previous = base64.b64encode(sha(note)).decode()
        self.seal += 1
        self.counters, self.rounds = {}, []
        return closed

    def close(self):
        """The partial tiles and the tail of the end."""
        for level, tile in enumerate(self.levels):
            width = len(tile) % 256
            if width:
                self.write(f"tile/{level}/{index_path(len(tile) // 256)}.p/{width}", b"".join(tile[-width:]))
        if self.bundle:
            self.write(f"tile/entries/{index_path(self.size // 256)}.p/{len(self.bundle)}", b"".join(self.bundle))
            first = self.size // 256
            tail = b"".join(entry[:2] + sha(b"\0" + entry[2:])[:4] + entry[2:] for entry in self.bundle)
            self.write(f"tail/{first}", tail)


class Tree:
    """The roots of the perfect subtrees, the largest first, with their sizes."""

    def __init__(self):
        self.edge = []

    def add(self, leaf):
        size = 1
        while self.edge and self.edge[-1][0] == size:
            leaf = sha(b"\1" + self.edge.pop()[1] + leaf)
            size *= 2
        self.edge.append((size, leaf))

    def root(self):
        return root_of([value for _, value in self.edge]) if self.edge else sha(b"")


def main():
    folder, policy = pathlib.Path(sys.argv[1]), sys.argv[2]
    days = int(sys.argv[3]) if len(sys.argv) > 3 else 30
    epochs = days * 24
    log = Log(folder, "n1", epochs)
    rules = digest(b"rules")
    log.append(FIRST, "start", {"agent": "bench", "boot_id": "b1", "canary_interval": 60, "enforcement_digest": rules, "interval": 10, "kernel": "6.1.0",
                                "interfaces": [{"name": "eth0", "role": "uplink", "up": True, "why": "named"}], "node": "n1", "policy_digest": policy, "uplinks_down": False})
    log.boot, log.policy = "b1", policy
    log.append(FIRST, "enforcement", {"digest": rules, "outcome": "sealed"})
    seen = 1000
    for second in range(FIRST + 1, FIRST + days * 86400):
        at = second - FIRST
        if at % 60 == 1:
            name, seed = f"r{at}", sha(struct.pack("!I", at))
            log.append(second, "canary-intent", {"canaries": CANARIES, "commitment": digest(seed), "round": name})
            log.rounds.append(name)
            log.append(second, "canary-fate", {"fates": FATES, "good": True, "outcomes": OUTCOMES, "round": name, "seed": seed.hex()})
            seen += 2
        if at % 10 == 5:
            seen += 7
            counters = {"eth0.seen": seen, "eth0.sent": seen}
            log.append(second, "heartbeat", {"classes": {"link-local": [seen, 60 * seen]}, "counters": counters, "from": moment(second - 10 if at > 10 else FIRST + 1), "lag": 0,
                                             "uplinks": [["eth0", seen, seen, seen, 0, True]]})
            log.counters.update(counters)
        if at % HOUR == HOUR - 1 and at + 1 < days * 86400:
            closed = log.close_segment(second, at // HOUR)
            log.append(second + 1, "segment", closed)
    log.append(FIRST + days * 86400 - 1, "stop", {"uplinks_down": False, "why": "signal"})
    log.close_segment(FIRST + days * 86400 - 1, epochs - 1)
    log.close()
    print(log.size)


if __name__ == "__main__":
    main()
