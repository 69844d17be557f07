#!/usr/bin/env python3
"""The inside resolver of the DNS lab, and the lab's client.

  dns_recorder.py serve LOG DEVICE ADDRESS...   answers on port 53 (UDP and TCP) of every ADDRESS, for every name
  dns_recorder.py ask SERVER                    reads questions from standard input, prints one line an answer

serve writes to LOG, one line each: "ready"; "question NAME TYPE PROTOCOL" (name in lower case); "packet TEXT" for every
frame on DEVICE whose destination is none of the ADDRESSes. It stands where a default route leads, so a packet to any
other address is one that should not have been sent. Neighbour discovery and router solicitation are left out.

ask reads "NAME TYPE [tcp] [do] [noedns] [nord] [case] [from=ADDRESS]" and prints the same words, then
" -> RCODE answers=N addresses=A,B,..." with every address of A and AAAA records in any section, and of hints where
"hints" is among the words; or " -> TIMEOUT".
"""
import ipaddress
import random
import socket
import struct
import sys
import threading

TYPES = {"A": 1, "NS": 2, "CNAME": 5, "SOA": 6, "NULL": 10, "PTR": 12, "MX": 15, "TXT": 16, "AAAA": 28, "SRV": 33,
         "DNAME": 39, "DS": 43, "RRSIG": 46, "DNSKEY": 48, "SVCB": 64, "HTTPS": 65, "ANY": 255, "TYPE65534": 65534}
TYPE_NAMES = {number: name for name, number in TYPES.items()}
RCODES = {0: "NOERROR", 2: "SERVFAIL", 3: "NXDOMAIN", 5: "REFUSED"}


def encode_name(name):
    wire = b""
    for label in name.rstrip(".").split("."):
        if label:
            wire += bytes([len(label)]) + label.encode()
    return wire + b"\0"


def decode_name(message, at):
    labels, after, jumps = [], None, 0
    while message[at]:
        if message[at] >= 0xC0:
            jumps += 1
            if jumps > 64:
                raise ValueError("a name that points at itself")
            after = after or at + 2
            at = struct.unpack("!H", message[at:at + 2])[0] & 0x3FFF
            continue
        labels.append(message[at + 1:at + 1 + message[at]].decode("latin-1"))
        at += 1 + message[at]
    return ".".join(labels), after or at + 1


def record(name, kind, data):
    return encode_name(name) + struct.pack("!HHIH", TYPES[kind], 1, 60, len(data)) + data


def address(name, text):
    ip = ipaddress.ip_address(text)
    return record(name, "A" if ip.version == 4 else "AAAA", ip.packed)


def alias(name, target):
    return record(name, "CNAME", encode_name(target))


def text(name, value):
    return record(name, "TXT", bytes([len(value)]) + value.encode())


def soa(zone):
    return record(zone, "SOA", encode_name("ns." + zone) + encode_name("h." + zone) +
                  struct.pack("!5I", 1, 60, 60, 60, 5))


# What the resolver says about the names of the lab: for each, records by the type that was asked for.
ADDRESSES = {
    "a.corp.example": ["10.20.0.10", "fd00:20::10"],
    "vllm.corp.example": ["10.20.0.10", "fd00:20::10"],
    "secret.corp.example": ["10.20.0.10"],
    "below.secret.corp.example": ["10.20.0.10"],
    "deep.down.corp.example": ["10.20.0.10"],
    "beside.down.corp.example": ["10.20.0.10"],
    "out.corp.example": ["203.0.113.50", "2001:db8::50"],
    "signed.corp.example": ["203.0.113.50", "2001:db8::50"],
    "xpander.corp.example": ["15.197.85.80"],
    "xpander2.corp.example": ["166.117.85.46"],
    "mixed.corp.example": ["10.20.0.10", "203.0.113.50", "fd00:20::10", "2001:db8::50"],
    "mapped.corp.example": ["::ffff:203.0.113.50"],
    "mappedxpander.corp.example": ["::ffff:15.197.85.80"],
    "nat64.corp.example": ["64:ff9b::cb00:7132"],
    "metadata.corp.example": ["169.254.169.254", "fd00:ec2::254"],
    "excepted.corp.example": ["203.0.113.7"],
    "beside.corp.example": ["203.0.113.8"],
}
ALIASES = {
    "inner.corp.example": ("a.corp.example", ["10.20.0.10", "fd00:20::10"]),
    "bare.corp.example": ("b.evil.example", []),
    "chain.corp.example": ("b.evil.example", ["203.0.113.50", "2001:db8::50"]),
    "lure.corp.example": ("b.evil.example", ["10.20.0.10", "fd00:20::10"]),
    "tosecret.corp.example": ("secret.corp.example", ["10.20.0.10"]),
    "toout.corp.example": ("out.corp.example", ["203.0.113.50", "2001:db8::50"]),
}


def answer(name, kind, signed):
    """Records for the answer section; None where the name does not exist."""
    if name in ADDRESSES:
        found = [address(name, a) for a in ADDRESSES[name]]
        wanted = [r for r, a in zip(found, ADDRESSES[name])
                  if kind in ("ANY", "A" if ":" not in a else "AAAA")]
        if signed and wanted and name.startswith("signed."):
            data = struct.pack("!HBBIIIH", TYPES[kind], 13, 3, 60, 2000000000, 1700000000, 1)
            wanted.append(record(name, "RRSIG", data + encode_name("corp.example") + bytes(64)))
        if name == "a.corp.example":
            if kind in ("TXT", "ANY"):
                wanted.append(text(name, "inside"))
            if kind == "MX":
                wanted.append(record(name, "MX", b"\0\1" + encode_name("a.corp.example")))
            if kind == "SRV":
                wanted.append(record(name, "SRV", b"\0\1\0\1\0\1" + encode_name("a.corp.example")))
        if name == "vllm.corp.example" and kind == "HTTPS":  # priority 1, target ".", ipv4hint 203.0.113.50
            wanted.append(record(name, "HTTPS", b"\0\1\0\0\4\0\4" + bytes([203, 0, 113, 50])))
        return wanted
    if name in ALIASES:
        target, addresses = ALIASES[name]
        return [alias(name, target)] + [address(target, a) for a in addresses
                                        if kind in ("ANY", "A" if ":" not in a else "AAAA")]
    if name.endswith(".tree.corp.example"):
        target = name[:-len("tree.corp.example")] + "evil.example"
        return [record("tree.corp.example", "DNAME", encode_name("evil.example")), alias(name, target),
                address(target, "203.0.113.50")]
    if name == "big.corp.example":
        return [text(name, f"{i:250}") for i in range(20)]
    if name == "10.0.20.10.in-addr.arpa":
        return [record(name, "PTR", encode_name("a.corp.example"))]
    if name == "corp.example":
        return [soa(name)] if kind == "SOA" else []
    if name.endswith(".corp.example") or name.endswith(".20.10.in-addr.arpa"):
        return None
    # Outside names exist here, so that one that gets through shows.
    return [address(name, "203.0.113.66")] if kind in ("A", "ANY") else [text(name, "outside")]


class Log:
    def __init__(self, path):
        self.file = open(path, "a", buffering=1)
        self.lock = threading.Lock()

    def write(self, line):
        with self.lock:
            self.file.write(line + "\n")


def reply_to(message, protocol, log):
    ident, flags, _, _, _, extra = struct.unpack("!6H", message[:12])
    name, at = decode_name(message, 12)
    number, = struct.unpack("!H", message[at:at + 2])
    kind = TYPE_NAMES.get(number, str(number))
    log.write(f"question {name.lower() or '.'} {kind} {protocol}")
    edns_flags = message[at + 11:at + 13] if extra else b""  # the only record behind the question
    signed = len(edns_flags) == 2 and bool(edns_flags[0] & 0x80)
    records = answer(name.lower(), kind, signed)
    head = 0x8580 | (flags & 0x0100)
    body = message[12:at + 4]
    if records is None:
        zone = "corp.example" if name.lower().endswith("corp.example") else "20.10.in-addr.arpa"
        return struct.pack("!6H", ident, head | 3, 1, 0, 1, 0) + body + soa(zone)
    full = struct.pack("!6H", ident, head, 1, len(records), 0, 0) + body + b"".join(records)
    if protocol == "udp" and len(full) > 1200:
        return struct.pack("!6H", ident, head | 0x0200, 1, 0, 0, 0) + body
    return full


def read_exactly(stream, count):
    data = b""
    while len(data) < count:
        more = stream.recv(count - len(data))
        if not more:
            return None
        data += more
    return data


def serve_udp(where, log):
    family = socket.AF_INET6 if ":" in where else socket.AF_INET
    with socket.socket(family, socket.SOCK_DGRAM) as server:
        server.bind((where, 53))
        while True:
            message, peer = server.recvfrom(65535)
            try:
                server.sendto(reply_to(message, "udp", log), peer)
            except (IndexError, struct.error, ValueError) as error:
                log.write(f"packet malformed question from {peer[0]}: {error}")


def serve_stream(stream, log):
    with stream:
        stream.settimeout(10)
        try:
            while (length := read_exactly(stream, 2)) is not None:
                message = read_exactly(stream, struct.unpack("!H", length)[0])
                if message is None:
                    return
                response = reply_to(message, "tcp", log)
                stream.sendall(struct.pack("!H", len(response)) + response)
        except (OSError, IndexError, struct.error, ValueError):
            return


def serve_tcp(where, log):
    family = socket.AF_INET6 if ":" in where else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as server:
        server.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        server.bind((where, 53))
        server.listen(16)
        while True:
            stream, _ = server.accept()
            threading.Thread(target=serve_stream, args=(stream, log), daemon=True).start()


def strange(frame, ours):
    """One word on what a frame toward us is, or None where it is expected."""
    kind, = struct.unpack("!H", frame[12:14])
    if kind == 0x0806:
        target = str(ipaddress.ip_address(frame[38:42]))
        return None if target in ours else f"arp for {target}"
    if kind == 0x0800:
        target = str(ipaddress.ip_address(frame[30:34]))
        return None if target in ours else f"ipv4 protocol {frame[23]} to {target}"
    if kind == 0x86DD:
        following, target = frame[20], ipaddress.ip_address(frame[38:54])
        if following == 0 and target.is_multicast:  # hop-by-hop options: multicast listener reports
            following = frame[54]
        if following == 58 and (target.is_multicast or target.is_link_local):
            return None
        if following == 58 and str(target) in ours:
            return None
        return None if str(target) in ours else f"ipv6 protocol {following} to {target}"
    return f"ethertype {kind:#06x}"


def watch(device, ours, log):
    with socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(0x0003)) as tap:
        tap.bind((device, 0))
        log.write("watching")
        while True:
            frame, where = tap.recvfrom(65535)
            if where[2] == socket.PACKET_OUTGOING or len(frame) < 54 - 12:
                continue
            try:
                word = strange(frame, ours)
            except (IndexError, ValueError, struct.error):
                word = "cut frame"
            if word is not None:
                log.write(f"packet {word}")


def serve(path, device, addresses):
    log = Log(path)
    for where in addresses:
        for target in (serve_udp, serve_tcp):
            threading.Thread(target=target, args=(where, log), daemon=True).start()
    threading.Thread(target=watch, args=(device, {str(ipaddress.ip_address(a)) for a in addresses}, log),
                     daemon=True).start()
    threading.Event().wait(600)


def addresses_in(message, hints):
    count = struct.unpack("!6H", message[:12])
    _, at = decode_name(message, 12)
    at += 4
    found = []
    for _ in range(count[3] + count[4] + count[5]):
        _, at = decode_name(message, at)
        kind, _, _, length = struct.unpack("!HHIH", message[at:at + 10])
        data = message[at + 10:at + 10 + length]
        at += 10 + length
        if kind in (TYPES["A"], TYPES["AAAA"]):
            found.append(str(ipaddress.ip_address(data)))
        elif hints and kind == TYPES["HTTPS"]:
            found.append("hint")
    return found


def ask_one(server, words):
    name, kind, options = words[0], words[1], words[2:]
    if "case" in options:
        chosen = random.Random(name)
        name = "".join(c.upper() if chosen.random() < 0.5 else c for c in name)
    ident = random.randrange(65536)
    extra = 0 if "noedns" in options else 1
    message = struct.pack("!6H", ident, 0 if "nord" in options else 0x0100, 1, 0, 0, extra)
    message += encode_name(name) + struct.pack("!HH", TYPES[kind], 1)
    if extra:
        message += b"\0" + struct.pack("!HHIH", 41, 1232, 0x8000 if "do" in options else 0, 0)
    family = socket.AF_INET6 if ":" in server else socket.AF_INET
    source = [o[5:] for o in options if o.startswith("from=")]
    tcp = "tcp" in options
    with socket.socket(family, socket.SOCK_STREAM if tcp else socket.SOCK_DGRAM) as client:
        client.settimeout(4)
        if source:
            client.bind((source[0], 0))
        client.connect((server, 53))
        if tcp:
            client.sendall(struct.pack("!H", len(message)) + message)
            reply = read_exactly(client, struct.unpack("!H", read_exactly(client, 2))[0])
        else:
            client.send(message)
            reply = client.recv(65535)
    got, flags, _, answers, _, _ = struct.unpack("!6H", reply[:12])
    if got != ident:
        return "WRONG-ID"
    if flags & 0x0200 and not tcp:
        return ask_one(server, words + ["tcp"])
    found = ",".join(sorted(addresses_in(reply, "hints" in options)))
    return f"{RCODES.get(flags & 15, str(flags & 15))} answers={answers} addresses={found}"


def ask(server):
    for line in sys.stdin:
        words = line.split()
        if not words:
            continue
        try:
            result = ask_one(server, words)
        except (OSError, TypeError):
            result = "TIMEOUT"
        print(" ".join(words), "->", result)


if __name__ == "__main__":
    if len(sys.argv) >= 5 and sys.argv[1] == "serve":
        serve(sys.argv[2], sys.argv[3], sys.argv[4:])
    elif len(sys.argv) == 3 and sys.argv[1] == "ask":
        ask(sys.argv[2])
    else:
        sys.exit(__doc__)
