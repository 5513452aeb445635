#!/usr/bin/python3
"""Independent reference for the header mask: docs/protocol/05-crypto.md, section 5.
As a program: mask.py --check tests/vectors/mask.txt"""

from cryptography.hazmat.primitives.ciphers import Cipher, algorithms

import derive
import vectorfile

HEADER = 12


def mask_key(receiver_public):
    return derive.derive(32, "header mask", receiver_public)


def keystream(key, sample, length):
    # cryptography's nonce is the block counter (32 bits, low byte first) and RFC 8439's nonce: the sample as it is
    return Cipher(algorithms.ChaCha20(key, sample), mode=None).encryptor().update(bytes(length))


def mask(key, datagram):
    """Masks or unmasks the header of a whole datagram."""
    assert len(datagram) >= HEADER + 16
    stream = keystream(key, datagram[-16:], HEADER)
    return bytes(a ^ b for a, b in zip(datagram, stream)) + datagram[HEADER:]


def check(rec):
    key = rec.bytes("key")
    if "public" in rec:
        assert mask_key(rec.bytes("public")) == key
    stream = rec.bytes("stream")
    assert keystream(key, rec.bytes("sample"), len(stream)) == stream
    if "header" in rec:
        masked = bytes(a ^ b for a, b in zip(rec.bytes("header"), stream))
        assert masked == rec.bytes("masked")
        body = bytes(100) + rec.bytes("sample")
        assert mask(key, masked + body) == rec.bytes("header") + body


if __name__ == "__main__":
    vectorfile.check_main(check, "tests/vectors/mask.txt")
