"""Checks tests/vectors/rng.txt: ChaCha20 with fast key erasure, from its description in proto/base/rng.h."""

import vectorfile
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms

KEY, POOL = 32, 1024


class Rng:
    def __init__(self, seed):
        self.key, self.pool = seed, b""

    def bytes(self, count):
        out = b""
        while len(out) < count:
            if not self.pool:
                stream = Cipher(algorithms.ChaCha20(self.key, bytes(16)), mode=None).encryptor().update(bytes(KEY + POOL))
                self.key, self.pool = stream[:KEY], stream[KEY:]
            take = count - len(out)
            out, self.pool = out + self.pool[:take], self.pool[take:]
        return out

    def below(self, n):
        while True:
            v = int.from_bytes(self.bytes(4), "little")
            if v >= 2**32 % n:  # what is left is a whole number of n
                return v % n


def check(rec):
    rng = Rng(rec.bytes("seed"))
    rng.bytes(rec.int("skip"))
    if rec.text("draw") == "below":
        assert [rng.below(rec.int("n")) for _ in range(rec.int("count"))] == list(rec.bytes("out"))
        return
    if rec.text("draw") == "fork":
        rng = Rng(rng.bytes(KEY))
    assert rng.bytes(len(rec.bytes("out"))) == rec.bytes("out")


if __name__ == "__main__":
    vectorfile.check_main(check, "tests/vectors/rng.txt")
