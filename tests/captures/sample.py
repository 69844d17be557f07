"""The capture that is shipped with the policies: a quiet minute of the xpander platform on one node, in which one library asks its vendor.

Made anew by `python3 -m captures.sample FILE` in tests/; a test holds the shipped file to it.
"""
import pathlib
import sys

from . import names
from .files import ETHERNET, Packet, pcapng
from .packets import connection, ether, tcp, udp

WORKER, GATEWAY, DNS_POD, NODE, VLLM, RESOLVER, OUTSIDE = "10.42.1.17", "10.42.1.9", "10.42.1.4", "10.10.0.5", "10.20.0.10", "10.20.0.53", "203.0.113.80"
INTERFACES = (("cali7f2a", ETHERNET), ("eth0", ETHERNET))
POD_SIDE, UPLINK = 0, 1
START = 1_795_600_800_000_000  # microseconds since 1970: 2026-11-25T10:00:00Z
LEAK = "openaipublic.blob.core.windows.net"


def packets():
    prompt = names.http("POST /v1/chat/completions HTTP/1.1", "ai-gateway.xpander.svc.cluster.local", "Content-Length: 0\r\n")
    model = names.http("POST /v1/chat/completions HTTP/1.1", "vllm.corp.example:8000", "Content-Length: 0\r\n")
    out = []

    def add(many, interface):
        out.extend((data, interface) for data in many)

    add(map(ether, connection(WORKER, GATEWAY, 9018, [prompt], sport=41000)), POD_SIDE)
    add([ether(udp(DNS_POD, RESOLVER, 53, names.query("vllm.corp.example"), sport=33001)),
         ether(udp(RESOLVER, DNS_POD, 33001, names.answer("vllm.corp.example", names.address("vllm.corp.example", VLLM)), sport=53))], UPLINK)
    add(map(ether, connection(GATEWAY, VLLM, 8000, [model], sport=42000)), UPLINK)
    # A tokenizer looks for its vocabulary: the question is denied, and then it tries an address that it remembers.
    add([ether(udp(DNS_POD, RESOLVER, 53, names.query(LEAK), sport=33002)),
         ether(udp(RESOLVER, DNS_POD, 33002, names.answer(LEAK, rcode=3), sport=53))], UPLINK)
    add([ether(tcp(WORKER, OUTSIDE, 443, sport=41001, seq=7000))], POD_SIDE)
    add([ether(tcp(NODE, OUTSIDE, 443, sport=41001, seq=7000))], UPLINK)  # after the node's address translation
    add(map(ether, connection(GATEWAY, VLLM, 8000, [model], sport=42001)), UPLINK)
    return [Packet(data, START + 50_000 * i, interface) for i, (data, interface) in enumerate(out)]


def capture():
    return pcapng(packets(), INTERFACES)


if __name__ == "__main__":
    pathlib.Path(sys.argv[1]).write_bytes(capture())
