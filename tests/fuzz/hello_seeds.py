#!/usr/bin/env python3
"""Writes seeds for the fuzzers of TLS and QUIC: hello_seeds.py TLS_DIR QUIC_DIR. The hellos are what OpenSSL sends; nothing goes out."""
import pathlib
import ssl
import struct
import sys


def hello(name, protocols):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.set_alpn_protocols(protocols)
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    client = context.wrap_bio(incoming, outgoing, server_hostname=name)
    try:
        client.do_handshake()
    except ssl.SSLWantReadError:
        pass
    return outgoing.read()


def dtls(message):
    """The hello as DTLS 1.2 has it: other versions, a cookie, another header."""
    body = message[4:]
    session = 35 + body[34]
    body = b"\xfe\xfd" + body[2:session] + b"\x00" + body[session:]
    length = struct.pack(">I", len(body))[1:]
    message = b"\x01" + length + b"\x00\x00" + b"\x00\x00\x00" + length + body
    return b"\x16\xfe\xfd" + bytes(8) + struct.pack(">H", len(message)) + message


def crypto(message, offset, size):
    part = message[offset:offset + size]
    return b"\x06" + struct.pack(">HH", 0x4000 | offset, 0x4000 | len(part)) + part


def pieces(*parts):
    return b"".join(struct.pack(">H", len(part)) + part for part in parts)


def main():
    tls_dir, quic_dir = map(pathlib.Path, sys.argv[1:3])
    stream = hello("mail.example.com", ["h2", "dot"])
    message = stream[5:]
    (tls_dir / "stream").write_bytes(stream)
    (tls_dir / "message").write_bytes(message + b"\x00\x10\x07\x00\xff\x01\x02\x30")
    (tls_dir / "records").write_bytes(b"".join(b"\x16\x03\x01\x00\x01" + bytes([byte]) for byte in message))
    (tls_dir / "dtls").write_bytes(dtls(message))
    (tls_dir / "sslv2").write_bytes(bytes.fromhex("801c010301000300000010") + b"\x00\x00\x2f" + bytes(16))
    for mode in (0, 1):  # versions 1 and 2
        (quic_dir / f"whole{mode}").write_bytes(bytes([mode]) + pieces(crypto(message, 0, 4096)))
        (quic_dir / f"parts{mode}").write_bytes(bytes([mode]) + pieces(
            crypto(message, 200, 4096), b"\x01\x00\x02\x05\x00\x01\x00\x00\x00" + crypto(message, 0, 90),
            crypto(message, 80, 130) + b"\x1c\x0a\x00\x01x"))
    value = b"--" + b"g.example"
    chlo = b"CHLO\x02\x00\x00\x00PAD\x00" + struct.pack("<I", 2) + b"SNI\x00" + struct.pack("<I", len(value)) + value
    (quic_dir / "q050").write_bytes(b"\x02" + pieces(b"\x08\x00" + bytes([len(chlo)]) + chlo))
    (quic_dir / "headers").write_bytes(b"\x03" + pieces(
        bytes.fromhex("0d112233445566778851303433") + bytes(13) + chlo, bytes.fromhex("800000000000000000000001"),
        bytes.fromhex("f000000001000100aabb"), bytes.fromhex("d00000000100000211aa") * 3,
        bytes.fromhex("c000000001088394c8f03e5157080000449e") + bytes(1182)))


main()
