"""QUIC Initial packets as a client protects them: RFC 9001 §5.2 and §5.4 for version 1, RFC 9369 for version 2."""
import hashlib
import hmac
import struct

V1, V2 = 1, 0x6b3343cf
SALT = {V1: bytes.fromhex("38762cf7f55934b34d179ae6a4c80cadccbb7f0a"), V2: bytes.fromhex("0dede3def700a6db819381be6e269dcbf9bd2ed9")}
PREFIX = {V1: b"quic ", V2: b"quicv2 "}
INITIAL = {V1: 0, V2: 1}  # packet type bits of a long header
CONNECTION = bytes.fromhex("8394c8f03e515708")


def expand(secret, label, length):
    label = b"tls13 " + label
    info = struct.pack(">HB", length, len(label)) + label + b"\0"
    return hmac.new(secret, info + b"\x01", hashlib.sha256).digest()[:length]  # one block is enough for 32 bytes


def keys(version, connection, label=b"client in"):
    initial = hmac.new(SALT[version], connection, hashlib.sha256).digest()
    secret = expand(initial, label, 32)
    return [expand(secret, PREFIX[version] + name, length) for name, length in ((b"key", 16), (b"iv", 12), (b"hp", 16))]


def number(value):
    """A variable-length integer."""
    for size, mark in ((1, 0), (2, 1), (4, 2), (8, 3)):
        if value < 1 << (8 * size - 2):
            return (value | mark << (8 * size - 2)).to_bytes(size, "big")
    raise ValueError(value)


def crypto(offset, data):
    return b"\x06" + number(offset) + number(len(data)) + data


def initial(frames, packet=0, version=V1, connection=CONNECTION, size=1200, label=b"client in", token=b""):
    """A datagram of `size` bytes with one protected Initial packet."""
    from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM
    key, iv, hp = keys(version, connection, label)
    head = bytes([0xc3 | INITIAL[version] << 4]) + struct.pack(">I", version) + bytes([len(connection)]) + connection + b"\0"
    head += number(len(token)) + token
    space = size - len(head) - 2 - 4 - 16  # length, packet number, tag
    plain = frames + b"\0" * max(0, space - len(frames))
    length = (4 + len(plain) + 16) | 1 << 14
    head += struct.pack(">H", length)
    at = len(head)
    head += struct.pack(">I", packet)
    nonce = bytes(a ^ b for a, b in zip(iv, packet.to_bytes(12, "big")))
    sealed = AESGCM(key).encrypt(nonce, plain, head)
    encryptor = Cipher(algorithms.AES(hp), modes.ECB()).encryptor()
    mask = encryptor.update(sealed[:16])
    hidden = bytes([head[0] ^ (mask[0] & 0x0f)]) + head[1:at] + bytes(a ^ b for a, b in zip(head[at:], mask[1:5]))
    return hidden + sealed


def of_hello(message, pieces=1, order=None, **more):
    """Datagrams with the hello cut into `pieces`, sent in `order`; each is numbered as sent."""
    size = -(-len(message) // pieces)
    parts = [crypto(at, message[at:at + size]) for at in range(0, len(message), size)]
    order = order or range(len(parts))
    return [initial(parts[index], packet=place, **more) for place, index in enumerate(order)]


def retry(version=V1, connection=CONNECTION):
    """Its integrity tag is zero: nobody on the path has to check it."""
    kind = 3 if version == V1 else 0
    return bytes([0xc0 | kind << 4]) + struct.pack(">I", version) + b"\0" + b"\x08" + b"newconid" + b"token" + b"\0" * 16


def version_negotiation(connection=CONNECTION):
    return b"\xc0" + b"\0\0\0\0" + b"\0" + bytes([len(connection)]) + connection + struct.pack(">II", V1, V2)
