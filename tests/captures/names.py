"""Messages in which names stand: DNS, TLS and DTLS hellos, HTTP, SOCKS."""
import struct

from .packets import pack

A, NS, CNAME, PTR, TXT, AAAA, OPT, HTTPS = 1, 2, 5, 12, 16, 28, 41, 65


def labels(name):
    return b"".join(bytes([len(label)]) + label.encode() for label in name.split(".") if label) + b"\0"


def record(owner, kind, data, ttl=60):
    """`owner` a name, or bytes as they stand on the wire."""
    owner = owner if isinstance(owner, bytes) else labels(owner)
    return owner + struct.pack(">HHIH", kind, 1, ttl, len(data)) + data


def address(owner, *addresses):
    return [record(owner, AAAA if ":" in one else A, pack(one)) for one in addresses]


def alias(owner, target):
    return record(owner, CNAME, labels(target))


def edns(options=b""):
    return b"\0" + struct.pack(">HHIH", OPT, 1232, 0, len(options)) + options


def query(name, kind=A, ident=0x1234, additional=(), flags=0x0100):
    name = name if isinstance(name, bytes) else labels(name)
    return struct.pack(">HHHHHH", ident, flags, 1, 0, 0, len(additional)) + name + struct.pack(">HH", kind, 1) + b"".join(additional)


def answer(name, records=(), kind=A, ident=0x1234, rcode=0, authority=(), additional=()):
    name = name if isinstance(name, bytes) else labels(name)
    head = struct.pack(">HHHHHH", ident, 0x8180 | rcode, 1, len(records), len(authority), len(additional))
    return head + name + struct.pack(">HH", kind, 1) + b"".join(records) + b"".join(authority) + b"".join(additional)


def over_tcp(*messages):
    return b"".join(struct.pack(">H", len(message)) + message for message in messages)


def extension(kind, data):
    return struct.pack(">HH", kind, len(data)) + data


def hello(name=None, alpn=(), ech=False, padding=0, more=b""):
    """The ClientHello message, without records."""
    extensions = b""
    if name is not None:
        host = name.encode()
        extensions += extension(0, struct.pack(">HBH", len(host) + 3, 0, len(host)) + host)
    extensions += extension(43, b"\x02\x03\x04") + extension(10, b"\x00\x02\x00\x1d") + extension(13, b"\x00\x02\x04\x03")
    extensions += extension(51, struct.pack(">HHH", 36, 0x1d, 32) + bytes(range(32)))
    if alpn:
        listed = b"".join(bytes([len(one)]) + one.encode() for one in alpn)
        extensions += extension(16, struct.pack(">H", len(listed)) + listed)
    if ech:
        extensions += extension(0xfe0d, b"\0\0\x01\0\x01\x07" + struct.pack(">H", 32) + b"\x11" * 32 + struct.pack(">H", 64) + b"\x22" * 64)
    if padding:
        extensions += extension(21, b"\0" * padding)
    extensions += more
    body = b"\x03\x03" + bytes(range(32)) + b"\0" + b"\x00\x02\x13\x01" + b"\x01\x00" + struct.pack(">H", len(extensions)) + extensions
    return b"\x01" + struct.pack(">I", len(body))[1:] + body


def records(message, size=16384, version=0x0301):
    """Handshake records of at most `size` bytes each."""
    return b"".join(struct.pack(">BHH", 22, version, len(message[at:at + size])) + message[at:at + size]
                    for at in range(0, len(message), size))


def tls(name=None, **more):
    return records(hello(name, **more))


def dtls(name):
    body = hello(name)[4:]
    body = b"\xfe\xfd" + body[2:34] + body[34:35] + b"\0" + body[35:]  # version, random, session id, cookie, the rest
    message = b"\x01" + struct.pack(">I", len(body))[1:] + b"\0\0" + b"\0\0\0" + struct.pack(">I", len(body))[1:] + body
    return struct.pack(">BHHIHH", 22, 0xfeff, 0, 0, 0, len(message)) + message


def http(line, host=None, more=""):
    return (line + "\r\n" + (f"Host: {host}\r\n" if host is not None else "") + more + "\r\n").encode()


def http2(authority):
    """Prior knowledge: preface, SETTINGS, one HEADERS frame (GET http / with the authority as a literal without indexing)."""
    block = b"\x82\x86\x84\x01" + bytes([len(authority)]) + authority.encode()
    return b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + b"\0\0\0\x04\0\0\0\0\0" + struct.pack(">I", len(block))[1:] + b"\x01\x05\0\0\0\x01" + block


def socks4a(name, port=443):
    return b"\x04\x01" + struct.pack(">H", port) + b"\0\0\0\x01" + b"user\0" + name.encode() + b"\0"


def socks5(name, port=443):
    """Greeting and request; `name` may be a literal address."""
    try:
        where = pack(name)
        where = (b"\x01" if len(where) == 4 else b"\x04") + where
    except ValueError:
        where = b"\x03" + bytes([len(name)]) + name.encode()
    return [b"\x05\x01\x00", b"\x05\x01\x00" + where + struct.pack(">H", port)]
