#!/usr/bin/python3
"""Independent reference for labelled derivation, the 16-byte MAC and X25519 keys: docs/protocol/05-crypto.md,
sections 1 and 2.  As a program: derive.py --check tests/vectors/derive.txt"""

import hashlib

from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

import vectorfile


def derive(out_len, label, data):
    assert 16 <= out_len <= 64
    full = b"sipmix " + label.encode("ascii") + b" v1"
    return hashlib.blake2b(bytes([len(full)]) + full + data, digest_size=out_len).digest()


def mac16(key, data):
    assert len(key) == 32
    return hashlib.blake2b(data, digest_size=16, key=key).digest()


def x25519_public(secret):
    key = X25519PrivateKey.from_private_bytes(secret)
    return key.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)


def check(rec):
    if "label" in rec:
        out = rec.bytes("out")
        assert derive(len(out), rec.text("label"), rec.bytes("data")) == out
    elif "mac" in rec:
        assert mac16(rec.bytes("key"), rec.bytes("data")) == rec.bytes("mac")
    else:
        assert x25519_public(rec.bytes("secret")) == rec.bytes("public")


if __name__ == "__main__":
    vectorfile.check_main(check, "tests/vectors/derive.txt")
