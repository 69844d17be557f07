#!/usr/bin/env python3
"""Writes seeds for fuzz_packet: packet_seeds.py DIR. Link type, how much was cut, then a frame, for each way in."""
import pathlib
import struct
import sys


def ip4(protocol, payload, fragment=0, options=b""):
    size = 20 + len(options)
    return struct.pack(">BBHHHBBH", 0x40 | size // 4, 0, size + len(payload), 7, fragment, 64, protocol, 0) \
        + bytes([10, 42, 0, 9, 203, 0, 113, 7]) + options + payload


def ip6(following, payload):
    address = bytes.fromhex("20010000000000000000000000000007")
    return struct.pack(">IHBB", 0x60000000, len(payload), following, 64) + address + address + payload


def udp(port, payload, source=40000):
    return struct.pack(">HHHH", source, port, 8 + len(payload), 0) + payload


def eth(kind, payload):
    return bytes.fromhex("02000000000b02000000000a") + struct.pack(">H", kind) + payload


def seeds():
    x = bytes.fromhex
    tcp = x("040101bb01020304000000005018ffff00000000") + b"data"
    v4, v6 = ip4(6, tcp), ip6(17, udp(53, b"dns"))
    frame = eth(0x0800, v4)
    for link, start in ((0, x("02000000")), (0, x("0000001e")), (9, x("ff030021")), (50, x("0f000800")), (101, b""),
                        (108, x("00000002")), (107, x("184103cc")), (113, x("00040001000602000000000a00000800")),
                        (228, b""), (276, x("0064000000000003000104060200000000000000") + x("0800")),
                        (239, x("0200000108000100080003003000 0900"))):
        yield link, start + v4
    yield 192, x("00000800 01000000") + frame
    yield 51, x("1100000100300021") + v4
    for kind, start in ((0x8100, x("00640800")), (0x88a8, x("000181000002 0800")), (0x8847, x("00011140")),
                        (0x8864, x("11000001 0030 0021")), (0x0034, x("aaaa030000000800"))):
        yield 1, eth(kind, start + v4)
    yield 1, eth(0x8847, x("0001114000000000") + frame)
    yield 1, eth(0x88e7, x("00012345") + frame)
    yield 1, eth(0x0806, bytes(28))
    options = (x("830b04c6336401c633640200"), x("94040000"), x("8907080102030400"))
    for option in options:
        yield 101, ip4(6, tcp, options=option)
    yield 101, ip4(17, udp(4789, x("0800000000000100") + frame), fragment=0x2000)
    yield 101, ip4(17, b"datadata", fragment=0x2001)
    for following, header in ((0, "0600050200000100"), (0, "0600c20400010000"), (60, "0600010400000000"),
                              (44, "0600000100000007"), (44, "3c00000900000007"), (51, "0601000000000001 00000001"),
                              (43, "06020001 00000000" + "11" * 16), (43, "06020401 00000000" + "22" * 16),
                              (43, "06020302f8700000 0a000000000000000b00000000000000")):
        yield 101, ip6(following, x(header) + tcp)
    for protocol, payload in ((4, v4), (41, v6), (47, x("00000800") + v4),
                              (47, x("b00086dd000000000000000100000002") + v6),
                              (47, x("400008000000000008000404c633640100000000") + v4), (47, x("00006558") + frame),
                              (47, x("100088be000000011000000100000000") + frame),
                              (47, x("100022eb00000001200000010000000000000000") + frame), (47, x("0000883e") + v4),
                              (47, x("3001880b002f000100000007ff030021") + v4), (97, x("3000") + frame),
                              (137, x("00011140") + v4), (50, bytes(range(40))), (115, bytes(8)), (132, tcp), (33, tcp),
                              (1, x("0301000000000000") + v4), (2, bytes(8))):
        yield 101, ip4(protocol, payload)
    for port, payload in ((4789, x("0800000000000100") + frame), (4790, x("0c00000100000100") + v4),
                          (6081, x("020065580000010001020001 00000000") + frame), (2152, x("30ff002c00000001") + v4),
                          (2152, x("34ff003b00000001000000850110 0000") + v6), (3544, v6),
                          (3544, x("0000fbfe3f8e9bf8") + v6),
                          (3544, x("00010102610102000000000000000100") + v6), (4500, bytes(range(40))),
                          (1701, x("000200010001ff030021") + v4), (6635, x("00011140") + v4),
                          (4754, x("00000800") + v4),
                          (1194, b"x"), (53, x("01000000") + bytes(144)), (51820, x("04000000") + bytes(28)),
                          (443, x("38010203040506070800") + bytes(4))):
        yield 1, eth(0x0800, ip4(17, udp(port, payload)))


for number, (link_type, packet) in enumerate(seeds()):
    for cut in (0, 40):
        pathlib.Path(sys.argv[1], f"packet-{number}-{cut}").write_bytes(
            struct.pack(">HB", link_type, cut) + packet[:len(packet) - cut])
