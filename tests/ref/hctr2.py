#!/usr/bin/python3
"""Independent reference for POLYVAL and HCTR2-AES-256: docs/protocol/05-crypto.md, sections 6 and 7.
As a program: hctr2.py --check tests/vectors/hctr2.txt, and the same with tests/vectors/polyval.txt

    ciphertext = hctr2.encipher(key, tweak, plaintext)
    plaintext = hctr2.decipher(key, tweak, ciphertext)
"""

from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

import vectorfile

P = 1 << 128 | 1 << 127 | 1 << 126 | 1 << 121 | 1  # bit i is the coefficient of x^i


def multiply(a, b):
    """a b modulo P, bit by bit."""
    out = 0
    while b:
        if b & 1:
            out ^= a
        a <<= 1
        if a >> 128:
            a ^= P
        b >>= 1
    return out


def power(a, n):
    out = 1
    while n:
        if n & 1:
            out = multiply(out, a)
        a = multiply(a, a)
        n >>= 1
    return out


X_128_INVERSE = power(2, (1 << 128) - 1 - 128)  # x^-128, as x^(2^128 - 1) = 1


def polyval(h, data):
    """Whole blocks only."""
    assert len(h) == 16 and len(data) % 16 == 0
    factor = multiply(int.from_bytes(h, "little"), X_128_INVERSE)
    out = 0
    for i in range(0, len(data), 16):
        out = multiply(out ^ int.from_bytes(data[i : i + 16], "little"), factor)
    return out.to_bytes(16, "little")


def block(n):
    return n.to_bytes(16, "little")


def xor(a, b):
    return bytes(x ^ y for x, y in zip(a, b))


def pad(data):
    return data + bytes(-len(data) % 16)


class Hctr2:
    """Keeps the intermediate values of its last run, by their names in the paper, in self.seen."""

    def __init__(self, key):
        assert len(key) == 32
        self._aes = Cipher(algorithms.AES(key), modes.ECB())
        self.hbar, self.l = self._e(block(0)), self._e(block(1))
        self.seen = {}

    def _e(self, data):
        return self._aes.encryptor().update(data)

    def _d(self, data):
        return self._aes.decryptor().update(data)

    def _hash(self, tweak, rest):
        bits = len(tweak) * 8
        if len(rest) % 16 == 0:
            return polyval(self.hbar, block(2 * bits + 2) + pad(tweak) + rest)
        return polyval(self.hbar, block(2 * bits + 3) + pad(tweak) + pad(rest + b"\1"))

    def _xctr(self, s, length):
        blocks = b"".join(xor(s, block(i + 1)) for i in range((length + 15) // 16))
        return self._e(blocks)[:length]

    def _run(self, tweak, data, invert):
        assert len(data) >= 16
        m, n = data[:16], data[16:]
        mm = xor(m, self._hash(tweak, n))
        uu = self._d(mm) if invert else self._e(mm)
        s = xor(xor(mm, uu), self.l)
        v = xor(n, self._xctr(s, len(n)))
        u = xor(uu, self._hash(tweak, v))
        self.seen = {"hbar": self.hbar, "l": self.l, "mm": mm, "uu": uu, "s": s}
        return u + v

    def encipher(self, tweak, plaintext):
        return self._run(tweak, plaintext, False)

    def decipher(self, tweak, ciphertext):
        return self._run(tweak, ciphertext, True)


def encipher(key, tweak, plaintext):
    return Hctr2(key).encipher(tweak, plaintext)


def decipher(key, tweak, ciphertext):
    return Hctr2(key).decipher(tweak, ciphertext)


def check(rec):
    if "h" in rec:
        assert polyval(rec.bytes("h"), rec.bytes("data")) == rec.bytes("hash")
        return
    cipher, tweak = Hctr2(rec.bytes("key")), rec.bytes("tweak")
    assert cipher.encipher(tweak, rec.bytes("plain")) == rec.bytes("cipher")
    for name in ("hbar", "l", "mm", "uu", "s"):
        if name in rec:
            assert cipher.seen[name] == rec.bytes(name), name
    assert cipher.decipher(tweak, rec.bytes("cipher")) == rec.bytes("plain")


if __name__ == "__main__":
    vectorfile.check_main(check, "tests/vectors/hctr2.txt")
