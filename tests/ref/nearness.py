#!/usr/bin/python3
"""Independent reference for the weights of relays: docs/protocol/60-directory.md, section 6.
As a program: nearness.py --check tests/vectors/nearness.txt, or --make to print that file."""

import random
import statistics
import struct
import sys

import vectorfile
from cell import emit

HOP, TIMES, ONE, MEAN = 20, 2, 1 << 40, 1000


def cut(raw):
    """raw, with as few of the heaviest as can be cut to one value, so that none is above TIMES the mean."""
    for k in range(len(raw)):
        heavy = sorted(raw, reverse=True)[:k]
        rest = sum(raw) - sum(heavy)
        most = TIMES * rest // (len(raw) - TIMES * k)
        if all(w <= most for w in sorted(raw, reverse=True)[k:]):
            return [min(w, most) for w in raw]
    raise AssertionError("can't be")


def weights(far, strength):
    known = sorted(f for f in far if f)
    if not known:
        return [MEAN] * len(far)
    raw = []
    for f in far:
        w = ONE
        for _ in range(strength):
            w = w * (HOP + known[0]) // (HOP + (f or statistics.median_high(known)))
        raw.append(max(w, 1))
    raw = cut(raw)
    mean = sum(raw) // len(raw)
    return [max((w * MEAN + mean // 2) // mean, 1) for w in raw]


def check(rec):
    far = struct.unpack(f">{len(rec.bytes('far')) // 2}H", rec.bytes("far"))
    got = weights(far, rec.int("strength"))
    assert struct.pack(f">{len(got)}H", *got) == rec.bytes("weight"), got
    assert all(1 <= w <= TIMES * MEAN + 1 for w in got)


def make():
    print("# tests/vectors/nearness.txt - docs/protocol/60-directory.md, section 6.  Made and checked by tests/ref/nearness.py,")
    print("# which shares no code with the C.  far: of each relay of a layer, ms, 2 bytes each; weight: 2 bytes each.")
    rng = random.Random(60)
    layers = {"one": [7], "unknown": [0, 0, 0], "two": [10, 200], "three": [10, 10, 1000], "equal": [30] * 5,
              "one-near": [1] + [1000] * 12, "half-near": [20] * 6 + [220] * 6, "some-unknown": [12, 0, 30, 0, 200],
              "world": [18, 22, 25, 31, 40, 77, 80, 90, 140, 160, 175, 210, 290],
              "many": [rng.randint(1, 1000) for _ in range(64)]}
    for name, far in layers.items():
        for strength in (0, 1, 4, 8):
            emit(f"{name}-{strength}", strength=strength, far=struct.pack(f">{len(far)}H", *far),
                 weight=struct.pack(f">{len(far)}H", *weights(far, strength)))


if __name__ == "__main__":
    if sys.argv[1:] == ["--make"]:
        make()
    else:
        vectorfile.check_main(check, "tests/vectors/nearness.txt")
