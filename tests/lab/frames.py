#!/usr/bin/env python3
"""Raw Ethernet frames of the lab, through AF_PACKET, and a watcher that says which of them came.

  frames.py watch INTERFACE READY LOG SECONDS    writes one line a frame that carries a lab marker: MARKER OCTETS TYPE
                                                 (TYPE is what stands behind the MAC addresses, in hex)
  frames.py send INTERFACE FRAME...              sends frames; prints how many the kernel took

A FRAME is key=value pairs joined by commas:
  name=N        marker, in the payload (required)
  to=A          IPv4 or IPv6 destination; makes IP and UDP        from=A   source (default: a documentation address)
  type=HEX      EtherType (default: what `to` says)               tag=HEX,... use tags=8100.1+88a8.2 for 802.1Q tags
  mac=M         destination MAC (default ff:ff:ff:ff:ff:ff)       mark=N   SO_MARK
  sport= dport= UDP ports (default 40000, 9)                      ttl=N    hop limit (default 64)
  size=N        octets of UDP payload (default: the marker)       df=0|1   default 1
  option=lsrr|ssrr|alert, hop=A (its one hop)                     header=routing|hop|fragment|dst (IPv6)
  icmp=T.C      ICMP or ICMPv6 in place of UDP                    proto=N  another protocol, payload is the marker
  bypass=1      PACKET_QDISC_BYPASS                               claim=HEX  the protocol told to the kernel
  count=N       so many times
"""
import argparse
import ipaddress
import re
import socket
import struct
import sys
import time

SOL_PACKET = 263
PACKET_QDISC_BYPASS = 20
PACKET_OUTGOING = 4
PACKET_AUXDATA = 8
ETH_P_ALL = 3
MARKER = b"airtight-lab:"


def checksum(data):
    if len(data) % 2:
        data += b"\0"
    total = sum(struct.unpack("!%dH" % (len(data) // 2), data))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF


def transport(frame, source, destination):
    payload = frame["payload"]
    pseudo = source.packed + destination.packed
    if "proto" in frame:
        return int(frame["proto"]), payload
    if "icmp" in frame:
        kind, code = (int(part) for part in frame["icmp"].split("."))
        body = struct.pack("!BBHI", kind, code, 0, 0) + (b"\0" * 16 if destination.version == 6 else b"") + payload
        if destination.version == 4:
            return 1, body[:2] + struct.pack("!H", checksum(body)) + body[4:]
        value = checksum(pseudo + struct.pack("!II", len(body), 58) + body)
        return 58, body[:2] + struct.pack("!H", value) + body[4:]
    length = 8 + len(payload)
    udp = struct.pack("!HHHH", int(frame.get("sport", 40000)), int(frame.get("dport", 9)), length, 0) + payload
    value = checksum(pseudo + struct.pack("!IHBB", length, 0, 0, 17) + udp) or 0xFFFF
    return 17, udp[:6] + struct.pack("!H", value) + udp[8:]


def ipv4(frame, source, destination):
    number, body = transport(frame, source, destination)
    hops = ipaddress.ip_address(frame.get("hop", "203.0.113.200")).packed
    options = {
        "": b"",
        "lsrr": bytes([131, 7, 4]) + hops + b"\0",
        "ssrr": bytes([137, 7, 4]) + hops + b"\0",
        "alert": bytes([148, 4, 0, 0]),
    }[frame.get("option", "")]
    header = struct.pack("!BBHHHBBH", 0x45 + len(options) // 4, 0, 20 + len(options) + len(body), 1,
                         0x4000 if frame.get("df", "1") == "1" else 0, int(frame.get("ttl", 64)), number, 0)
    header += source.packed + destination.packed + options
    return header[:10] + struct.pack("!H", checksum(header)) + header[12:] + body


def ipv6(frame, source, destination):
    number, body = transport(frame, source, destination)
    kind = frame.get("header", "")
    if kind == "routing":  # type 4 with one segment left
        body = bytes([number, 2, 4, 1, 0, 0, 0, 0]) + ipaddress.ip_address("2001:db8::200").packed + body
        number = 43
    elif kind == "hop":  # router alert, padded to eight octets
        body = bytes([number, 0, 5, 2, 0, 0, 1, 0]) + body
        number = 0
    elif kind == "dst":
        body = bytes([number, 0, 1, 4, 0, 0, 0, 0]) + body
        number = 60
    elif kind == "fragment":  # a lone fragment, offset 0
        body = bytes([number, 0, 0, 0]) + struct.pack("!I", 7) + body
        number = 44
    return struct.pack("!IHBB", 6 << 28, len(body), number, int(frame.get("ttl", 64))) + source.packed + destination.packed + body


def build(text, source_mac):
    frame = dict(part.split("=", 1) for part in text.split(","))
    frame["payload"] = MARKER + frame["name"].encode() + b";"
    if "size" in frame:
        frame["payload"] = frame["payload"].ljust(int(frame["size"]), b".")
    if "to" in frame:
        destination = ipaddress.ip_address(frame["to"])
        v4 = destination.version == 4
        source = ipaddress.ip_address(frame.get("from", "10.10.0.2" if v4 else "fd00:10::2"))
        body = ipv4(frame, source, destination) if v4 else ipv6(frame, source, destination)
        kind = 0x0800 if v4 else 0x86DD
    else:
        body = frame["payload"].ljust(46, b".")
        kind = 0x88B5
    kind = int(frame.get("type", "%x" % kind), 16)
    head = bytes.fromhex(frame.get("mac", "ff:ff:ff:ff:ff:ff").replace(":", "")) + source_mac
    for tag in frame["tags"].split("+") if "tags" in frame else ():
        protocol, vlan = tag.split(".")
        head += struct.pack("!HH", int(protocol, 16), int(vlan))
    return frame, head + struct.pack("!H", kind) + body


def send(args):
    taken = 0
    for text in args.frame:
        probe = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, 0)
        probe.bind((args.interface, 0))
        frame, octets = build(text, probe.getsockname()[4])
        probe.close()
        claim = int(frame.get("claim", "3"), 16)
        sender = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, 0)
        if "mark" in frame:
            sender.setsockopt(socket.SOL_SOCKET, socket.SO_MARK, int(frame["mark"], 0))
        if frame.get("bypass") == "1":
            sender.setsockopt(SOL_PACKET, PACKET_QDISC_BYPASS, 1)
        for _ in range(int(frame.get("count", "1"))):
            try:
                sender.sendto(octets, (args.interface, claim))
                taken += 1
            except OSError:
                pass  # ENOBUFS: the egress hook dropped it
        sender.close()
    print(taken)
    return 0


def watch(args):
    sniffer = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(ETH_P_ALL))
    sniffer.setsockopt(SOL_PACKET, PACKET_AUXDATA, 1)
    sniffer.bind((args.interface, ETH_P_ALL))
    sniffer.settimeout(0.5)
    with open(args.log, "a", encoding="ascii") as log:
        with open(args.ready, "w", encoding="ascii"):
            pass
        end = time.monotonic() + float(args.seconds)
        while time.monotonic() < end:
            try:
                octets, extra, _, address = sniffer.recvmsg(65535, 256)
            except TimeoutError:
                continue
            if address[2] == PACKET_OUTGOING:
                continue
            kind = octets[12:14].hex()
            for level, name, data in extra:  # the kernel takes an 802.1Q tag off and tells it here
                if level == SOL_PACKET and name == PACKET_AUXDATA and struct.unpack("I", data[:4])[0] & 0x10:
                    kind = "8100"
            found = re.search(MARKER + rb"([^;]*);", octets)
            if found:
                log.write("%s %d %s\n" % (found.group(1).decode("ascii", "replace"), len(octets), kind))
            elif args.all:
                log.write("- %d %s\n" % (len(octets), kind))
            log.flush()
    return 0


def main():
    parser = argparse.ArgumentParser()
    commands = parser.add_subparsers(required=True)
    sender = commands.add_parser("send")
    sender.add_argument("interface")
    sender.add_argument("frame", nargs="+")
    sender.set_defaults(run=send)
    watcher = commands.add_parser("watch")
    watcher.add_argument("--all", action="store_true", help="frames without a marker too, as '-'")
    watcher.add_argument("interface")
    watcher.add_argument("ready")
    watcher.add_argument("log")
    watcher.add_argument("seconds")
    watcher.set_defaults(run=watch)
    args = parser.parse_args()
    return args.run(args)


if __name__ == "__main__":
    sys.exit(main())
