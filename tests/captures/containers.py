"""Files: every form that is read, damage that must show, and what is no capture at all."""
import dataclasses
import gzip
import json
import re
import shutil
import struct
import subprocess

from . import files
from .case import ANY, CLEAN, CODES, INCONCLUSIVE, VIOLATED, Find
from .files import COOKED1, Packet, block, enhanced, interface, option, pcap, pcapng, section, statistics
from .packets import ether, tcp
from .world import NOW, OUT, POD, VLLM

CLEAN_PACKETS = [Packet(ether(tcp(POD, VLLM, 8000, sport=41000 + n)), NOW + n * 1000) for n in range(5)]
LEAK = Packet(ether(tcp(POD, OUT, 443)), NOW + 10_000)
LEAKING = [*CLEAN_PACKETS, LEAK]
ESCAPE = (Find("AT-A001", OUT, 443),)


def zstd(data):
    """None if the machine has no zstd program."""
    return subprocess.run(["zstd", "-q", "-c"], input=data, stdout=subprocess.PIPE, check=True).stdout if shutil.which("zstd") else None


@dataclasses.dataclass
class Files:
    """A run over files that the case writes itself."""
    name: str
    files: dict  # name: bytes, a str to write as text, or a function of the folder that makes it
    verdict: object = None  # None: no report is made
    finds: tuple = ()
    maybe: tuple = ()
    code: int = None  # where there is no verdict
    error: tuple = ()  # fragments of standard error
    paths: tuple = None  # on the command line; None: all files
    stdin: bytes = None
    arguments: tuple = ()
    policy: object = "base"  # or a function of the text of policy.json
    problem: object = None  # (kind, path) that the report of the file must have
    digests: int = 0  # different ones that standard error must show
    also: object = None

    def problems(self, code, report, error):
        wrong = [f"standard error lacks “{text}”: {error.strip()[:400]}" for text in self.error if text not in error]
        shown = set(re.findall("sha256:[0-9a-f]{64}", error))
        wrong += [] if len(shown) >= self.digests else [f"{len(shown)} digests in place of {self.digests}: {error.strip()[:400]}"]
        if self.verdict is None:
            wrong += [] if code == self.code else [f"exit code {code} in place of {self.code}"]
            return wrong + ([] if report is None else ["a report was made"])
        if report is None:
            return wrong + [f"no report, exit code {code}: {error.strip()[:400]}"]
        verdicts = (self.verdict,) if isinstance(self.verdict, str) else self.verdict
        if report["verdict"] not in verdicts or code != CODES[report["verdict"]]:
            wrong.append(f"verdict {report['verdict']}, exit code {code} in place of {' or '.join(verdicts)}")
        left = list(report["findings"])
        for find in self.finds:
            found = next((one for one in left if find.matches(one)), None)
            wrong += [f"lacks {find!r}"] if found is None else left.remove(found) or []
        if self.maybe is not ANY:
            wrong += [f"should not have {one['rule_id']} {one['destination']}" for one in left if not any(f.matches(one) for f in self.maybe)]
        if self.problem:
            kinds = {one["kind"] for file in report["files"] for one in file["problems"]}
            wrong += [] if self.problem in kinds else [f"no problem “{self.problem}” among {sorted(kinds)}"]
        return wrong + (self.also(report) or [] if self.also else [])


def packets(count):
    return lambda report: [] if report["packets"] == count else [f"{report['packets']} packets in place of {count}"]


def nanoseconds(report):
    found = report["findings"][0]["first_seen"]
    return [] if found == "2026-11-20T12:00:00.01Z" else [found]


def modified(data):
    """The "modified" pcap of some old kernels: another magic number, 24 bytes a packet header."""
    out = struct.pack("<I", 0xa1b2cd34) + pcap([])[4:]
    for one in data:
        seconds, rest = divmod(one.time, 1_000_000)
        out += struct.pack("<IIII", seconds, rest, len(one.data), one.original) + struct.pack("<IHBB", 2, 0x0800, 4, 0) + one.data
    return out


def edited(text):
    policy = json.loads(text)
    policy["name"] = "another"
    return json.dumps(policy)


def other_format(text):
    policy = json.loads(text)
    policy["format"] = 99
    return json.dumps(policy)


NG = pcapng(LEAKING)
HEAD = section() + interface()
SIMPLE = block(3, struct.pack("<I", len(LEAK.data)) + LEAK.data)
OBSOLETE = block(2, struct.pack("<HHIIII", 0, 0xffff, LEAK.time >> 32, LEAK.time & 0xffffffff, len(LEAK.data), len(LEAK.data)) + LEAK.data)
UNKNOWN = block(0x0bad, b"nobody knows this block") + block(0x80000001, b"local use of somebody")
RESOLUTION = block(4, struct.pack("<HH", 1, 9) + b"\x0a\x14\0\x0avllm\0" + b"\0" * 3 + b"\0\0\0\0")
SECRETS = block(10, struct.pack("<II", 0x544c534b, 8) + b"secrets\n")
COMMENT = option(1, "a leak, says somebody".encode())
TWO = pcapng(CLEAN_PACKETS) + section(">") + interface(order=">") + enhanced(LEAK, ">")
LONG_SECTION = section() + interface() + b"".join(map(enhanced, LEAKING))

CASES = [
    # --- forms
    *(Files(f"pcap, {words}", {"a.pcap": pcap(LEAKING, order=order, nano=nano)}, VIOLATED, ESCAPE, also=nanoseconds) for words, order, nano in (
        ("little-endian", "<", False), ("big-endian", ">", False), ("nanoseconds", "<", True), ("big-endian, nanoseconds", ">", True))),
    Files("pcap, modified", {"a.pcap": modified(LEAKING)}, VIOLATED, ESCAPE, also=packets(6)),
    Files("pcapng", {"a.pcapng": NG}, VIOLATED, ESCAPE, also=nanoseconds),
    Files("pcapng, big-endian", {"a.pcapng": pcapng(LEAKING, order=">")}, VIOLATED, ESCAPE, also=nanoseconds),
    Files("pcapng, two sections of both byte orders", {"a.pcapng": TWO}, VIOLATED, ESCAPE, also=packets(6)),
    Files("pcapng, unknown blocks, name resolution, secrets", {"a.pcapng": HEAD + UNKNOWN + RESOLUTION + SECRETS + enhanced(LEAK) + UNKNOWN}, VIOLATED, ESCAPE,
          also=packets(1)),
    Files("pcapng, unknown blocks and nothing else", {"a.pcapng": HEAD + UNKNOWN + b"".join(map(enhanced, CLEAN_PACKETS))}, CLEAN, also=packets(5)),
    Files("pcapng, comments", {"a.pcapng": HEAD + enhanced(LEAK, options=COMMENT)}, VIOLATED, ESCAPE),
    Files("pcapng, simple packet block", {"a.pcapng": HEAD + SIMPLE}, VIOLATED, (Find("AT-A001", OUT, 443, first_seen=None),)),
    Files("pcapng, obsolete packet block", {"a.pcapng": HEAD + OBSOLETE}, VIOLATED, ESCAPE),
    Files("pcapng, nanosecond time stamps", {"a.pcapng": section() + interface(options=option(9, b"\x09")) + enhanced(
          dataclasses.replace(LEAK, time=LEAK.time * 1000))}, VIOLATED, ESCAPE, also=nanoseconds),
    Files("pcapng, time stamps by powers of two and an offset", {"a.pcapng": section() + interface(options=option(9, b"\x8a") + option(14, struct.pack("<q", NOW // 10**6))) +
          enhanced(dataclasses.replace(LEAK, time=512))}, VIOLATED, (Find("AT-A001", OUT, 443, first_seen="2026-11-20T12:00:00.5Z"),)),
    Files("pcapng, interfaces of two link types", {"a.pcapng": section() + interface() + interface(link=COOKED1) + enhanced(LEAK)}, VIOLATED, ESCAPE),
    Files("gzip", {"a.pcap.gz": gzip.compress(pcap(LEAKING), mtime=0)}, VIOLATED, ESCAPE),
    Files("gzip of pcapng, two members", {"a.gz": gzip.compress(NG[:200], mtime=0) + gzip.compress(NG[200:], mtime=0)}, VIOLATED, ESCAPE, also=packets(6)),
    Files("zstd", {"a.pcap.zst": lambda: zstd(pcap(LEAKING))}, VIOLATED, ESCAPE),
    Files("standard input", {}, VIOLATED, ESCAPE, paths=("-",), stdin=pcap(LEAKING)),
    Files("standard input, gzip of pcapng", {}, VIOLATED, ESCAPE, paths=("-",), stdin=gzip.compress(NG, mtime=0)),
    Files("empty capture", {"a.pcap": pcap([])}, (CLEAN, INCONCLUSIVE)),  # it holds nothing bad; whether that is clean is open
    Files("empty capture of pcapng", {"a.pcapng": HEAD}, (CLEAN, INCONCLUSIVE)),
    Files("rotated files, given backwards", {"b.pcap": pcap([LEAK]), "a.pcap": pcap(CLEAN_PACKETS)}, VIOLATED, ESCAPE, paths=("b.pcap", "a.pcap"),
          also=packets(6)),
    Files("a clean file and one that leaks", {"a.pcap": pcap(CLEAN_PACKETS), "b.pcapng": NG}, VIOLATED, ESCAPE, also=packets(11)),
    Files("a reply in another file", {"a.pcap": pcap([Packet(ether(tcp(OUT, POD, 8080, sport=5555)), NOW)]),
          "b.pcap": pcap([Packet(ether(tcp(POD, OUT, 5555, flags="A", sport=8080)), NOW + 5)])}, VIOLATED, (Find("AT-A002", OUT, ANY),),
          maybe=(Find("AT-A013", POD, 8080),)),

    # --- damage
    Files("cut at the last byte", {"a.pcap": pcap(CLEAN_PACKETS)[:-1]}, INCONCLUSIVE, problem="cut short"),
    Files("cut within a packet header", {"a.pcap": pcap(CLEAN_PACKETS) + b"\0" * 7}, INCONCLUSIVE, problem="cut short"),
    Files("pcapng cut at the last byte", {"a.pcapng": pcapng(CLEAN_PACKETS)[:-1]}, INCONCLUSIVE, problem="cut short"),
    Files("pcapng cut within a block header", {"a.pcapng": pcapng(CLEAN_PACKETS) + b"\x06\0\0"}, INCONCLUSIVE, problem="cut short"),
    Files("a leak before the damage", {"a.pcap": pcap([LEAK, *CLEAN_PACKETS])[:-1]}, VIOLATED, ESCAPE, problem="cut short"),
    Files("gzip cut short", {"a.gz": gzip.compress(pcap(CLEAN_PACKETS), mtime=0)[:-6]}, INCONCLUSIVE, problem="compression"),
    Files("gzip with a wrong checksum", {"a.gz": gzip.compress(pcap(CLEAN_PACKETS), mtime=0)[:-8] + b"\0" * 8}, INCONCLUSIVE, problem="compression"),
    Files("packet longer than any", {"a.pcap": pcap(CLEAN_PACKETS) + struct.pack("<IIII", 1, 0, 0x7fffffff, 0x7fffffff) + b"x" * 100}, INCONCLUSIVE, maybe=ANY),
    Files("pcapng, lengths of a block that differ", {"a.pcapng": pcapng(CLEAN_PACKETS)[:-4] + struct.pack("<I", 4711)}, INCONCLUSIVE, problem="damaged"),
    Files("pcapng, a block of length 13", {"a.pcapng": pcapng(CLEAN_PACKETS) + struct.pack("<II", 6, 13) + b"\0" * 5}, INCONCLUSIVE, problem="damaged"),
    Files("pcapng, a block of length 0", {"a.pcapng": pcapng(CLEAN_PACKETS) + struct.pack("<III", 6, 0, 0) + enhanced(LEAK)}, INCONCLUSIVE, maybe=ANY,
          problem="damaged"),
    Files("pcapng, a packet of an interface that is not there", {"a.pcapng": HEAD + enhanced(dataclasses.replace(LEAK, interface=7))},
          (INCONCLUSIVE, VIOLATED), maybe=ANY),
    Files("pcapng, a section of version 9", {"a.pcapng": pcapng(CLEAN_PACKETS) + block(0x0a0d0d0a, struct.pack("<IHHq", 0x1a2b3c4d, 9, 0, -1))},
          INCONCLUSIVE, problem="lost section"),
    Files("pcapng, drops in the statistics", {"a.pcapng": pcapng(CLEAN_PACKETS) + statistics(0, 5, 3)}, INCONCLUSIVE, problem="dropped"),
    Files("pcapng, no drops in the statistics", {"a.pcapng": pcapng(CLEAN_PACKETS) + statistics(0, 5, 0)}, CLEAN),
    Files("drops and a leak", {"a.pcapng": NG + statistics(0, 6, 3)}, VIOLATED, ESCAPE, problem="dropped"),

    # --- no capture
    Files("empty file", {"a.pcap": b""}, code=2, error=("a.pcap", "empty")),
    Files("text", {"a.pcap": b"hello, this is no capture\n" * 10}, code=2, error=("a.pcap",)),
    Files("an ELF program", {"a.pcap": b"\x7fELF\x02\x01\x01" + b"\0" * 200}, code=2, error=("a.pcap", "ELF")),
    Files("snoop", {"a.snoop": b"snoop\0\0\0\0\0\0\x02\0\0\0\x04" + b"\0" * 64}, code=2, error=("a.snoop", "snoop")),
    Files("gzip of text", {"a.gz": gzip.compress(b"no capture at all, only text\n", mtime=0)}, code=2, error=("a.gz",)),
    Files("no capture among captures", {"a.pcap": pcap(CLEAN_PACKETS), "b.txt": b"text, not packets\n" * 4}, code=2, error=("b.txt",)),
    Files("half a file header", {"a.pcap": pcap([])[:20]}, INCONCLUSIVE, problem="cut short"),  # it was a capture as far as it goes
    Files("standard input that is empty", {}, code=2, paths=("-",), stdin=b""),
    Files("missing file", {}, code=4, paths=("nowhere.pcap",), error=("nowhere.pcap",)),
    Files("a directory", {}, code=4, paths=(".",)),
    Files("no file named", {}, code=2, paths=()),

    # --- no policy
    Files("an edited policy", {"a.pcap": pcap(CLEAN_PACKETS)}, code=2, policy=edited, digests=2),
    Files("a policy of another format", {"a.pcap": pcap(CLEAN_PACKETS)}, code=2, policy=other_format, error=("99",)),
    Files("a policy that is no JSON", {"a.pcap": pcap(CLEAN_PACKETS)}, code=2, policy=lambda text: text[:-20]),
    Files("an empty policy", {"a.pcap": pcap(CLEAN_PACKETS)}, code=2, policy=lambda text: ""),
    Files("an unknown option", {"a.pcap": pcap(CLEAN_PACKETS)}, code=2, arguments=("--no-such-option",)),
]
for one in CASES:
    one.name = f"file {one.name}"
