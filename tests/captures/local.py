"""What may leave a node because of its whole shape, near misses of it, and routers and servers that a pod plays."""
import struct

from .case import ANY, CLEAN, VIOLATED, Case, Find
from .files import ETHERNET
from .packets import ether, icmp, icmp6, ip4, other, pack, udp
from .world import NODE, NODE6, OUT, POD, POD2

LINK = "fe80::a:a:2aff:fe00:4d"
LINK_OPTION = b"\x01\x01\x02\0\x0a\x2a\0\x4d"
ALERT = b"\0\0\x05\x02\0\0\x01\0"  # a hop-by-hop header: router alert, PadN
ALERT4 = b"\x94\x04\0\0"
POD_SIDE = {"interfaces": (("veth1", ETHERNET),), "arguments": ("--pod-side", "veth1")}


def solicitation(ttl=255, options=LINK_OPTION, target="fe80::1", destination="ff02::1:ff00:1"):
    return icmp6(LINK, destination, b"\x87\0\0\0\0\0\0\0" + pack(target) + options, ttl)


def advertisement(source="fe80::1", lifetime=1800, options=b"", ttl=255):
    head = b"\x86\0\0\0" + struct.pack(">BBHII", 64, 0, lifetime, 0, 0)
    prefix = struct.pack(">BBBBIII", 3, 4, 64, 0xc0, 86400, 14400, 0) + pack("2001:db8:1::")
    return icmp6(source, "ff02::1", head + prefix + options, ttl)


def redirect(target, destination):
    return icmp6("fe80::1", POD_LINK, b"\x89\0\0\0\0\0\0\0" + pack(target) + pack(destination), 255)


POD_LINK = "fe80::2"


def report(alert=ALERT, ttl=1):
    record = b"\x04\0\0\0" + pack("ff02::1:ff00:4d")
    return icmp6(LINK, "ff02::16", b"\x8f\0\0\0\0\0\0\x01" + record, ttl, alert)


def bootp(operation, kind, cookie=b"\x63\x82\x53\x63", options=b""):
    body = struct.pack(">BBBBIHH", operation, 1, 6, 0, 0x3903f326, 0, 0) + b"\0" * 16 + bytes.fromhex("02000a2a004d") + b"\0" * 10 + b"\0" * 192
    body += cookie + b"\x35\x01" + bytes([kind]) + options + b"\xff"
    return body + b"\0" * max(0, 300 - len(body))


def discover(**more):
    return udp("0.0.0.0", "255.255.255.255", 67, bootp(1, 1, **more), sport=68)


def offer(options):
    return udp(POD, "255.255.255.255", 68, bootp(2, 2, options=b"\x36\x04" + pack(POD) + options), sport=67)


def dhcp6(kind, options=b""):
    client = b"\0\x01\0\x0a\0\x03\0\x01\x02\0\x0a\x2a\0\x4d"
    return bytes([kind]) + b"\x01\x02\x03" + client + options


SOLICIT6 = udp(LINK, "ff02::1:2", 547, dhcp6(1), sport=546)
REPLY6 = udp("fe80::1", "fe80::2", 546, dhcp6(7, b"\0\x02\0\x0a\0\x03\0\x01\x02\0\x0a\x2a\0\x01"), sport=547)
VRRP = b"\x21\x07\x64\x01\0\x01\xb9\x52" + pack("10.10.0.100") + b"\0" * 8


def escape(dst, port=None):
    return (Find("AT-A001", dst, port),)


CASES = [
    # --- NDP and MLD
    Case("neighbour solicitation", [ether(solicitation())]),
    Case("neighbour solicitation, hop limit 254", [ether(solicitation(254))], VIOLATED, escape("ff02::1:ff00:1")),
    Case("neighbour solicitation with a secret behind it", [ether(solicitation(options=LINK_OPTION + b"secret"))], VIOLATED, escape("ff02::1:ff00:1")),
    Case("neighbour solicitation of code 1", [ether(icmp6(LINK, "ff02::1:ff00:1", b"\x87\x01\0\0\0\0\0\0" + pack("fe80::1"), 255))], VIOLATED,
         escape("ff02::1:ff00:1")),
    Case("neighbour solicitation with an option of length 0", [ether(solicitation(options=b"\x01\0\0\0\0\0\0\0"))], VIOLATED,
         escape("ff02::1:ff00:1")),
    Case("neighbour advertisement", [ether(icmp6(LINK, "fe80::1", b"\x88\0\0\0\x60\0\0\0" + pack(LINK) + b"\x02" + LINK_OPTION[1:], 255))]),
    Case("neighbour advertisement to an outside address", [ether(icmp6(NODE6, "2001:db8::1", b"\x88\0\0\0\x60\0\0\0" + pack(NODE6), 64))], VIOLATED,
         escape("2001:db8::1")),
    Case("router solicitation", [ether(icmp6(LINK, "ff02::2", b"\x85\0\0\0\0\0\0\0" + LINK_OPTION, 255))]),
    Case("MLD report", [ether(report())]),
    Case("MLD report without router alert", [ether(report(b""))], VIOLATED, escape("ff02::16")),
    Case("MLD report, hop limit 2", [ether(report(ttl=2))], VIOLATED, escape("ff02::16")),
    # IGMP has a shape of its own, but the policy declares the group for VRRP: the papers leave it open.
    Case("IGMP report for a declared group", [ether(ip4(NODE, "224.0.0.18", 2, b"\x16\0\x09\xed\xe0\0\0\x12", ALERT4, ttl=1))], (CLEAN, VIOLATED),
         maybe=escape("224.0.0.18")),

    # --- DHCP
    Case("DHCP discover, declared", [ether(discover(), destination="ff:ff:ff:ff:ff:ff")]),
    Case("DHCP discover, undeclared", [ether(discover())], VIOLATED, escape("255.255.255.255", 67), policy="no-dhcp"),
    Case("DHCP discover without the magic cookie", [ether(discover(cookie=b"\0\0\0\0"))], VIOLATED, escape("255.255.255.255", 67)),
    Case("DHCP discover from another port", [ether(udp("0.0.0.0", "255.255.255.255", 67, bootp(1, 1), sport=6868))], VIOLATED,
         escape("255.255.255.255", 67)),
    Case("DHCP request to an outside server", [ether(udp(NODE, OUT, 67, bootp(1, 3), sport=68))], VIOLATED, escape(OUT, 67)),
    Case("DHCPv6 solicit, declared", [ether(SOLICIT6)], policy="l2"),
    Case("DHCPv6 solicit, undeclared", [ether(SOLICIT6)], VIOLATED, escape("ff02::1:2", 547)),

    # --- routers and servers that a pod plays: findings, and the verdict stays
    Case("R55 router advertisement from a pod", [ether(advertisement())], CLEAN, (Find("AT-A040", "ff02::1", None, source="fe80::1", role="pod side"),),
         maybe=(Find("AT-A041", "ff02::1", None),), **POD_SIDE),
    Case("router advertisement with an outside resolver", [ether(advertisement(options=struct.pack(">BBHI", 25, 3, 0, 600) + pack("2001:db8::53")))],
         CLEAN, (Find("AT-A041", "ff02::1", None),), maybe=(Find("AT-A040", "ff02::1", None),), **POD_SIDE),
    # At an uplink it may be the real router's: whether it is listed is open.
    Case("router advertisement at an uplink", [ether(advertisement())], CLEAN,
         maybe=(Find("AT-A040", "ff02::1", None), Find("AT-A041", "ff02::1", None))),
    Case("redirect from a pod", [ether(redirect("fe80::1", "2001:db8::10"))], CLEAN, (Find(("AT-A040", "AT-A041"), POD_LINK, None),),
         maybe=(Find("AT-A041", POD_LINK, None),), **POD_SIDE),
    Case("ICMP redirect from a pod", [ether(icmp(POD, POD2, 5, 1, pack(POD) + ip4(POD2, OUT, 17, b"\0" * 8)))], CLEAN,
         (Find(("AT-A040", "AT-A041"), POD2, None),), maybe=(Find("AT-A041", POD2, None),), **POD_SIDE),
    Case("DHCP server in a pod", [ether(offer(b"\x06\x04" + pack("10.20.0.53")))], CLEAN, (Find("AT-A040", "255.255.255.255", ANY),),
         maybe=(Find("AT-A041", "255.255.255.255", ANY),), **POD_SIDE),
    Case("DHCP server in a pod, outside resolver", [ether(offer(b"\x06\x04" + pack("8.8.8.8")))], CLEAN, (Find("AT-A041", "255.255.255.255", ANY),),
         maybe=(Find("AT-A040", "255.255.255.255", ANY),), **POD_SIDE),
    Case("DHCP server in a pod, outside router", [ether(offer(b"\x03\x04" + pack("203.0.113.1")))], CLEAN, (Find("AT-A041", "255.255.255.255", ANY),),
         maybe=(Find("AT-A040", "255.255.255.255", ANY),), **POD_SIDE),
    Case("DHCPv6 server in a pod", [ether(REPLY6)], CLEAN, (Find("AT-A040", "fe80::2", ANY),), maybe=(Find("AT-A041", "fe80::2", ANY),), **POD_SIDE),

    # --- declared multicast
    Case("VRRP of a node, declared", [ether(other(NODE, "224.0.0.18", 112, VRRP, ttl=255))]),
    Case("VRRP of a node, undeclared", [ether(other(NODE, "224.0.0.18", 112, VRRP, ttl=255))], VIOLATED, escape("224.0.0.18"), policy="no-vrrp"),
    Case("VRRP of a pod", [ether(other(POD, "224.0.0.18", 112, VRRP, ttl=255))], VIOLATED, escape("224.0.0.18")),
    Case("OSPF, undeclared", [ether(other(NODE, "224.0.0.5", 89, b"\x02\x01\0\x2c" + b"\0" * 40, ttl=1))], VIOLATED, escape("224.0.0.5")),
    Case("UDP to a group declared for VRRP", [ether(udp(NODE, "224.0.0.18", 112))], VIOLATED, escape("224.0.0.18", 112)),
]
