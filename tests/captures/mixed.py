"""Flows that have nothing to do with one another, for what must hold of any order of them and of the file of offending packets."""
import random

from . import names
from .files import Packet
from .packets import connection, ether, icmp, tcp, udp
from .world import COREDNS, GATEWAY, INSIDE_NAME, NOW, OUT, OUT2, OUT6, OUTSIDE_NAME, POD, POD2, POD6, POD_EXCEPTION, RESOLVER, SERVER, VLLM


BINARY = b"\0\x01\x02\xff" * 8  # begins no protocol that holds names


def over_tcp(destination, port, sport, *segments, source=POD):
    return [ether(one) for one in connection(source, destination, port, segments, sport=sport)]


def asked(name, sport, *records, **more):
    return [ether(udp(COREDNS, RESOLVER, 53, names.query(name), sport=sport)),
            ether(udp(RESOLVER, COREDNS, sport, names.answer(name, records, **more), sport=53))]


# (the packets of one flow, the rule that each of them must be found by; None: by none)
FLOWS = [
    (over_tcp(VLLM, 8000, 20001, BINARY), None),
    (over_tcp(POD2, 1234, 20002, BINARY, BINARY), None),
    ([ether(tcp(POD, OUT, 443, sport=20003)), ether(tcp(POD, OUT, 443, b"x", "PA", sport=20003))], "AT-A001"),
    ([ether(udp(POD6, OUT6, 9999, sport=20004))], "AT-A001"),
    ([ether(icmp(POD, OUT2))], "AT-A001"),
    ([ether(tcp(POD, SERVER, 5432, sport=20005))], "AT-A012"),
    ([ether(tcp(POD, POD_EXCEPTION, 443, sport=20006))], "AT-A006"),
    ([ether(tcp(OUT2, POD, 8080, sport=20007))], "AT-A013"),
    (asked(INSIDE_NAME, 20008, *names.address(INSIDE_NAME, "10.20.0.40")), None),
    (asked(OUTSIDE_NAME, 20009, rcode=3)[:1], "AT-A021"),
    ([ether(b"x" * 50, 0x88b5)], "AT-A010"),
    (over_tcp(GATEWAY, 443, 20010, names.tls(INSIDE_NAME)), None),
]
# The name is found when the last segment of three has come, so which packets of the connection are offending is not said.
SPLIT = names.tls(OUTSIDE_NAME)
UNSAID = over_tcp(GATEWAY, 443, 20011, SPLIT[:50], SPLIT[50:90], SPLIT[90:])


def shuffled(seed):
    """All flows as one capture: the order within each stays, how they interleave depends on the seed."""
    chance = random.Random(seed)
    flows = [list(packets) for packets, _ in FLOWS] + [list(UNSAID)]
    turns = [index for index, flow in enumerate(flows) for _ in flow]
    chance.shuffle(turns)
    return [Packet(flows[index].pop(0), NOW + place * 1000) for place, index in enumerate(turns)]


def in_order():
    data = [one for packets, _ in FLOWS for one in packets] + UNSAID
    return [Packet(one, NOW + place * 1000) for place, one in enumerate(data)]
