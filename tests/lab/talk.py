#!/usr/bin/env python3
"""Peers of the lab that use sockets as any program does: an echo server, and clients that say whether the echo came.

  talk.py serve READY SECONDS PROTOCOL:PORT@ADDRESS...   echoes; makes the file READY once it listens
  talk.py ask PROTOCOL ADDRESS PORT [--from ADDRESS] [--size OCTETS] [--wait SECONDS] [--count N] [--device NAME]
  talk.py hold ADDRESS PORT READY GO [--from ADDRESS]    connects, waits for the file GO, then writes and reads once

`ask` and `hold` end with 0 if the whole echo came, with 1 if not. `--count` sends datagrams without waiting for answers.
"""
import argparse
import os
import selectors
import socket
import sys
import time

TYPES = {"tcp": socket.SOCK_STREAM, "udp": socket.SOCK_DGRAM}


def family_of(address):
    return socket.AF_INET6 if ":" in address else socket.AF_INET


def touch(path):
    with open(path, "w", encoding="ascii"):
        pass


def serve(args):
    selector = selectors.DefaultSelector()
    for spec in args.listen:
        protocol, rest = spec.split(":", 1)
        port, address = rest.split("@", 1)
        listener = socket.socket(family_of(address), TYPES[protocol])
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((address, int(port)))
        if protocol == "tcp":
            listener.listen(64)
        selector.register(listener, selectors.EVENT_READ, protocol)
    touch(args.ready)
    end = time.monotonic() + float(args.seconds)
    while time.monotonic() < end:
        for key, _ in selector.select(0.5):
            try:
                if key.data == "tcp":
                    selector.register(key.fileobj.accept()[0], selectors.EVENT_READ, "stream")
                elif key.data == "udp":
                    data, peer = key.fileobj.recvfrom(65535)
                    key.fileobj.sendto(data, peer)
                else:
                    data = key.fileobj.recv(65536)
                    if not data:
                        raise ConnectionError
                    key.fileobj.sendall(data)
            except OSError:
                if key.data == "stream":
                    selector.unregister(key.fileobj)
                    key.fileobj.close()


def client(args, protocol):
    peer = socket.socket(family_of(args.address), TYPES[protocol])
    peer.settimeout(args.wait)
    if args.device:
        peer.setsockopt(socket.SOL_SOCKET, socket.SO_BINDTODEVICE, args.device.encode())
    if args.source:
        peer.bind((args.source, 0))
    return peer


def echoed(peer, size):
    data = bytes(i & 255 for i in range(size))
    peer.sendall(data)
    got = b""
    while len(got) < size:
        part = peer.recv(65535)
        if not part:
            return False
        got += part
    return got == data


def ask(args):
    peer = client(args, args.protocol)
    try:
        peer.connect((args.address, args.port))
        if args.count:
            for _ in range(args.count):
                peer.send(b"x" * args.size)
            return 0
        return 0 if echoed(peer, args.size) else 1
    except OSError as error:
        # What a filter drops in the output hook is EPERM to the sender; it was sent all the same.
        if args.count and isinstance(error, PermissionError):
            for _ in range(args.count - 1):
                try:
                    peer.send(b"x" * args.size)
                except PermissionError:
                    pass
            return 0
        return 1


def hold(args):
    args.device = None
    peer = client(args, "tcp")
    try:
        peer.connect((args.address, args.port))
        if not echoed(peer, 10):
            return 1
        touch(args.ready)
        end = time.monotonic() + 30
        while not os.path.exists(args.go) and time.monotonic() < end:
            time.sleep(0.02)
        return 0 if echoed(peer, 10) else 1
    except OSError:
        return 1


def main():
    parser = argparse.ArgumentParser()
    commands = parser.add_subparsers(required=True)
    server = commands.add_parser("serve")
    server.add_argument("ready")
    server.add_argument("seconds")
    server.add_argument("listen", nargs="+")
    server.set_defaults(run=serve)
    asking = commands.add_parser("ask")
    asking.add_argument("protocol", choices=sorted(TYPES))
    asking.add_argument("address")
    asking.add_argument("port", type=int)
    asking.add_argument("--count", type=int, default=0)
    asking.add_argument("--device")
    asking.add_argument("--size", type=int, default=10)
    asking.set_defaults(run=ask)
    holding = commands.add_parser("hold")
    holding.add_argument("address")
    holding.add_argument("port", type=int)
    holding.add_argument("ready")
    holding.add_argument("go")
    holding.set_defaults(run=hold)
    for command in (asking, holding):
        command.add_argument("--from", dest="source")
        command.add_argument("--wait", type=float, default=float(os.environ.get("LAB_WAIT", "4")))
    args = parser.parse_args()
    return args.run(args) or 0


if __name__ == "__main__":
    sys.exit(main())
