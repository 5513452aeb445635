#!/usr/bin/python3
"""Independent reference for key files and backups: docs/protocol/80-keyfile.md.
As a program: keyfile.py --check tests/vectors/keyfile.txt

Argon2id (RFC 9106) and HChaCha20 (draft-irtf-cfrg-xchacha) are written out here, for small costs only."""

import base64
import hashlib
import re
import struct

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey
from cryptography.hazmat.primitives.ciphers.aead import ChaCha20Poly1305
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

import vectorfile

MAGIC = b"sipmix key file\n"
HEADER = 68
KINDS = {"relay": 1, "authority": 2, "pseudonym": 3}
PASSES_MAX, MEMORY_MIN, MEMORY_MAX = 16, 8, 2 * 1024 * 1024


class Refused(Exception):
    """foreign, version, truncated, damaged, sealed or passphrase, as its text says."""


# Argon2id, one lane ---------------------------------------------------------------------------------------------

M64 = (1 << 64) - 1


def blake_long(data, size):
    """RFC 9106, section 3.3."""
    data = struct.pack("<I", size) + data
    if size <= 64:
        return hashlib.blake2b(data, digest_size=size).digest()
    v = hashlib.blake2b(data).digest()
    out = v[:32]
    while size - len(out) > 64:
        v = hashlib.blake2b(v).digest()
        out += v[:32]
    return out + hashlib.blake2b(v, digest_size=size - len(out)).digest()


def mix(v, a, b, c, d):
    """GB of section 3.6."""

    def add(x, y):
        return (x + y + 2 * (x & 0xFFFFFFFF) * (y & 0xFFFFFFFF)) & M64

    def turn(x, n):
        return (x >> n | x << (64 - n)) & M64

    for first, second in ((32, 24), (16, 63)):
        v[a] = add(v[a], v[b])
        v[d] = turn(v[d] ^ v[a], first)
        v[c] = add(v[c], v[d])
        v[b] = turn(v[b] ^ v[c], second)


def permute(words, at):
    v = [words[i] for i in at]
    for a, b, c, d in ((0, 4, 8, 12), (1, 5, 9, 13), (2, 6, 10, 14), (3, 7, 11, 15)):
        mix(v, a, b, c, d)
    for a, b, c, d in ((0, 5, 10, 15), (1, 6, 11, 12), (2, 7, 8, 13), (3, 4, 9, 14)):
        mix(v, a, b, c, d)
    for i, word in zip(at, v):
        words[i] = word


def compress(x, y):
    """G of section 3.5; a block is 128 words."""
    r = [a ^ b for a, b in zip(x, y)]
    z = list(r)
    for row in range(8):
        permute(z, [16 * row + i for i in range(16)])
    for col in range(8):
        permute(z, [16 * row + 2 * col + i for row in range(8) for i in (0, 1)])
    return [a ^ b for a, b in zip(r, z)]


def argon2id(password, salt, passes, memory_kib, size):
    """RFC 9106, section 3.2, with one lane, no secret and no associated data."""

    def sized(data):
        return struct.pack("<I", len(data)) + data

    h0 = hashlib.blake2b(
        struct.pack("<6I", 1, size, memory_kib, passes, 0x13, 2) + sized(password) + sized(salt) + sized(b"") * 2
    ).digest()
    quarter = memory_kib // 4
    columns = 4 * quarter
    blocks = [list(struct.unpack("<128Q", blake_long(h0 + struct.pack("<II", i, 0), 1024))) for i in range(2)]
    blocks += [None] * (columns - 2)
    zero = [0] * 128
    for t in range(passes):
        for s in range(4):
            addresses = []
            for i in range(quarter):
                j = s * quarter + i
                by_counter = t == 0 and s < 2
                if by_counter and i % 128 == 0:
                    given = [t, 0, s, columns, passes, 2, i // 128 + 1] + [0] * 121
                    addresses = compress(zero, compress(zero, given))
                if t == 0 and j < 2:
                    continue
                j1 = (addresses[i % 128] if by_counter else blocks[j - 1][0]) & 0xFFFFFFFF
                area = (s * quarter if t == 0 else columns - quarter) + i - 1
                z = area - 1 - (area * (j1 * j1 >> 32) >> 32)
                start = 0 if t == 0 else (s + 1) * quarter
                new = compress(blocks[j - 1], blocks[(start + z) % columns])
                blocks[j] = new if t == 0 else [a ^ b for a, b in zip(new, blocks[j])]
    return blake_long(struct.pack("<128Q", *blocks[-1]), size)


# XChaCha20-Poly1305 -----------------------------------------------------------------------------------------------


def hchacha20(key, nonce):
    state = list(struct.unpack("<4I", b"expand 32-byte k") + struct.unpack("<8I", key) + struct.unpack("<4I", nonce))

    def quarter(a, b, c, d):
        for x, y, z, n in ((a, b, d, 16), (c, d, b, 12), (a, b, d, 8), (c, d, b, 7)):
            state[x] = (state[x] + state[y]) & 0xFFFFFFFF
            state[z] ^= state[x]
            state[z] = (state[z] << n | state[z] >> (32 - n)) & 0xFFFFFFFF

    for _ in range(10):
        for i in range(4):
            quarter(i, 4 + i, 8 + i, 12 + i)
        for i in range(4):
            quarter(i, 4 + (i + 1) % 4, 8 + (i + 2) % 4, 12 + (i + 3) % 4)
    return struct.pack("<8I", *state[:4], *state[12:])


def box(key, nonce):
    return ChaCha20Poly1305(hchacha20(key, nonce[:16])), bytes(4) + nonce[16:]


# The file -----------------------------------------------------------------------------------------------------------


def derive(size, label, data):
    tag = b"sipmix " + label + b" v1"
    return hashlib.blake2b(bytes([len(tag)]) + tag + data, digest_size=size).digest()


def raw(private):
    return private.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)


def secrets_len(kind):
    return 64 if kind == KINDS["relay"] else 32


def encode(kind, secrets, seal=None):
    """seal: passphrase, passes, memory, salt, nonce.  Returns the file and the key that sealed it."""
    head = MAGIC + bytes([1, kind, 1 if seal else 0, 0])
    if not seal:
        body, key = head + bytes(HEADER - len(head)) + secrets, None
    else:
        passphrase, passes, memory, salt, nonce = seal
        head += struct.pack(">II", passes, memory) + salt + nonce
        key = argon2id(passphrase, salt, passes, memory, 32)
        aead, iv = box(key, nonce)
        body = head + aead.encrypt(iv, secrets, head)
    return body + derive(16, b"key file checksum", body), key


def decode(file, passphrase=None):
    """kind, secrets."""
    if file[:16] != MAGIC[: len(file)]:
        raise Refused("foreign")
    if len(file) > 16 and file[16] != 1:
        raise Refused("version")
    if len(file) < 19:
        raise Refused("truncated")
    kind, sealed = file[17], file[18]
    if kind not in KINDS.values() or sealed > 1:
        raise Refused("damaged")
    whole = HEADER + secrets_len(kind) + 16 * sealed + 16
    if len(file) < whole:
        raise Refused("truncated")
    if len(file) > whole or derive(16, b"key file checksum", file[:-16]) != file[-16:] or file[19]:
        raise Refused("damaged")
    passes, memory = struct.unpack(">II", file[20:28])
    if not sealed:
        if any(file[20:HEADER]):
            raise Refused("damaged")
        return kind, file[HEADER:-16]
    if not 1 <= passes <= PASSES_MAX or not MEMORY_MIN <= memory <= MEMORY_MAX:
        raise Refused("damaged")
    if passphrase is None:
        raise Refused("sealed")
    aead, iv = box(argon2id(passphrase, file[28:44], passes, memory, 32), file[44:68])
    try:
        return kind, aead.decrypt(iv, file[HEADER:-16], file[:HEADER])
    except InvalidTag as e:
        raise Refused("passphrase") from e


def fingerprint(public):
    text = base64.b32encode(derive(20, b"key fingerprint", public)).decode().lower()
    return " ".join(text[i : i + 4] for i in range(0, 32, 4))


# The backup ---------------------------------------------------------------------------------------------------------

BEGIN, END = b"-----BEGIN SIPMIX KEY BACKUP-----", b"-----END SIPMIX KEY BACKUP-----"


def backup(file):
    text = base64.b64encode(file)
    lines = [text[i : i + 64] for i in range(0, len(text), 64)]
    return b"\n".join([BEGIN, *lines, END, b""])


def restore(text):
    at = text.find(BEGIN)
    if at < 0:
        raise Refused("foreign")
    rest = text[at + len(BEGIN) :]
    at = rest.find(END)
    if at < 0:
        raise Refused("truncated")
    digits = re.sub(rb"[ \t\r\n]", b"", rest[:at])
    try:
        file = base64.b64decode(digits, validate=True)
    except ValueError as e:
        raise Refused("damaged") from e
    if base64.b64encode(file) != digits or len(file) > 256:
        raise Refused("damaged")
    return file


def refused(call, *args):
    try:
        call(*args)
    except Refused as e:
        return str(e)
    return "ok"


def check(rec):
    if "text" in rec:
        assert refused(restore, rec.bytes("text")) == rec.text("result")
        if rec.text("result") == "ok":
            assert restore(rec.bytes("text")) == rec.bytes("file")
            if "written" in rec:
                assert backup(rec.bytes("file")) == rec.bytes("text")
        return
    passphrase = rec.bytes("passphrase") if "passphrase" in rec else None
    file = rec.bytes("file")
    assert refused(decode, file, passphrase) == rec.text("result")
    if rec.text("result") != "ok":
        return
    kind = KINDS[rec.text("kind")]
    seed, link = rec.bytes("seed"), rec.bytes("link_secret") if "link_secret" in rec else b""
    public = raw(Ed25519PrivateKey.from_private_bytes(seed))
    assert decode(file, passphrase) == (kind, seed + link)
    assert public == rec.bytes("identity") and fingerprint(public) == rec.text("fingerprint")
    if link:
        assert raw(X25519PrivateKey.from_private_bytes(link)) == rec.bytes("link_public")
    seal = None
    if "passes" in rec:
        seal = (passphrase, rec.int("passes"), rec.int("memory_kib"), rec.bytes("salt"), rec.bytes("nonce"))
    assert encode(kind, seed + link, seal)[0] == file
    if seal:
        assert encode(kind, seed + link, seal)[1] == rec.bytes("key")


if __name__ == "__main__":
    vectorfile.check_main(check, "tests/vectors/keyfile.txt")
