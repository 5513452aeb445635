#!/usr/bin/python3
"""Proof of work, docs/protocol/05-crypto.md, section 8.  As a program: work.py --check tests/vectors/work.txt"""

import struct
import sys

import derive
import vectorfile


def bits(label, purpose, key, nonce):
    """Leading zero bits that this nonce shows."""
    digest = derive.derive(32, label, purpose + key + struct.pack(">Q", nonce))
    return 256 - int.from_bytes(digest, "big").bit_length()


def search(label, purpose, key, wanted, nonce):
    while bits(label, purpose, key, nonce) < wanted:
        nonce += 1
    return nonce


def check(rec):
    args = rec.text("label"), rec.bytes("purpose"), rec.bytes("key")
    assert bits(*args, rec.int("nonce")) == rec.int("bits")
    assert search(*args, rec.int("bits"), rec.int("from")) == rec.int("nonce")


def make():
    print("# tests/vectors/work.txt - docs/protocol/05-crypto.md, section 8.  Made and checked by tests/ref/work.py, which"
          "\n# shares no code with the C.  nonce: the first from `from` on that shows so many bits.")
    for name, label, purpose, wanted, start in (("link", "link work", bytes(range(16)), 12, 0),
                                                ("circuit", "circuit work", bytes(range(8)), 9, 1 << 63),
                                                ("longest", "x", bytes(range(32)), 10, 1000)):
        key = derive.derive(32, "test work", name.encode())
        nonce = search(label, purpose, key, wanted, start)
        print(f"[{name}]\n    label = {label}\n    purpose = {purpose.hex()}\n    key = {key.hex()}\n    from = {start}"
              f"\n    nonce = {nonce}\n    bits = {bits(label, purpose, key, nonce)}")


if __name__ == "__main__":
    if sys.argv[1:] == ["--make"]:
        make()
    else:
        vectorfile.check_main(check, "tests/vectors/work.txt")
