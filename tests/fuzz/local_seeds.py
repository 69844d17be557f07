#!/usr/bin/env python3
"""Writes seeds for the fuzz target local_protocols into DIRECTORY: one good frame of each kind.

Two bytes that choose link and cut stand before it."""
import ipaddress
import struct
import sys
from pathlib import Path

MACS = bytes.fromhex("333300000001020000000001")


def packed(address):
    return ipaddress.ip_address(address).packed


def ipv6(source, destination, next_header, hop_limit, payload):
    header = struct.pack("!IHBB", 6 << 28, len(payload), next_header, hop_limit)
    return MACS + b"\x86\xdd" + header + packed(source) + packed(destination) + payload


def ipv4(source, destination, protocol, ttl, payload, options=b""):
    words = 5 + len(options) // 4
    header = struct.pack("!BBHIBBH", 0x40 | words, 0, 4 * words + len(payload), 0, ttl, protocol, 0)
    return MACS + b"\x08\x00" + header + packed(source) + packed(destination) + options + payload


def udp(source, destination, payload):
    return struct.pack("!HHHH", source, destination, 8 + len(payload), 0) + payload


def dhcp(operation, options):
    fixed = bytes([operation, 1, 6, 0]) + bytes(24) + bytes.fromhex("020000000001") + bytes(10 + 64 + 128)
    return fixed + bytes.fromhex("63825363" + options)


def message(text, *rest):
    return bytes.fromhex(text) + b"".join(rest)


target = packed("fd00::10:ab01")
group = packed("ff02::fb")
alert = message("3a00050200000100")
resolvers = packed("2001:db8::53") + packed("2001:db8::54")
reply = message("0712345600170020", resolvers)
advertisement = message("8600000040000708 0000000000000000 030440c0 00278d0000093a8000000000", packed("2001:db8:1::"),
                        message("1801000000000708 19050000000004b0"), resolvers)
OFFER = "350102 340103 03040a000001 06080a000035cb007135 7905000a000009 2108c63364010a000009 ff"
frames = {
    "arp": MACS + message("08060001080006040001 020000000001 0a0a0001 000000000000 0a0a0002", bytes(18)),
    "rs": ipv6("fe80::1", "ff02::2", 58, 255, message("8500000000000000 0101020000000001")),
    "ra": ipv6("fe80::1", "ff02::1", 58, 255, advertisement),
    "ns": ipv6("fe80::1", "ff02::1:ff10:ab01", 58, 255, message("8700000000000000", target, message("0101020000000001"))),
    "na": ipv6("fe80::1", "ff02::1", 58, 255, message("8800000060000000", target, message("0201020000000001"))),
    "redirect6": ipv6("fe80::1", "2001:db8::5", 58, 255, message("8900000000000000", packed("fe80::bad"), packed("2001:db8::99"))),
    "redirect4": ipv4("10.0.0.1", "10.0.0.5", 1, 64, message("050100000a00000b", bytes(28))),
    "mld2": ipv6("fe80::1", "ff02::16", 0, 1, alert + message("8f00000000000001 04000000", group)),
    "mld1": ipv6("fe80::1", "ff02::fb", 0, 1, alert + message("8300000000000000", group)),
    "igmp3": ipv4("10.0.0.5", "224.0.0.22", 2, 1, message("2200000000000001 04000001 e00000fb 0a000001"), message("94040000")),
    "igmp2": ipv4("10.0.0.5", "224.0.0.251", 2, 1, message("16000000e00000fb"), message("94040000")),
    "discover": ipv4("0.0.0.0", "255.255.255.255", 17, 64, udp(68, 67, dhcp(1, "350101 3702 0306 ff"))),
    "offer": ipv4("10.0.0.1", "255.255.255.255", 17, 64, udp(67, 68, dhcp(2, OFFER))),
    "solicit": ipv6("fe80::1", "ff02::1:2", 17, 1, udp(546, 547, message("01123456 0006 0002 0017"))),
    "reply": ipv6("fe80::2", "fe80::1", 17, 64, udp(547, 546, reply)),
    "relay": ipv6("fe80::2", "fe80::1", 17, 64, udp(547, 547, message("0d00", bytes(32), struct.pack("!HH", 9, len(reply)), reply))),
}
directory = Path(sys.argv[1])
directory.mkdir(parents=True, exist_ok=True)
for name, frame in frames.items():
    (directory / f"local-{name}").write_bytes(b"\0\0" + frame)
