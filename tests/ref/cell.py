#!/usr/bin/python3
"""Independent reference for the cell, the unwrapping of its number, and the window of numbers that have come:
docs/protocol/20-cell.md, section 1, and 30-circuit.md, section 2.
As a program: cell.py --check tests/vectors/cell.txt, or --make to print that file."""

import struct
import sys

import vectorfile

BODY, SIZE, SKEW, WINDOW, COUNT_MIN = 216, 224, 64, 64, 2**32


def encode(circuit, seq, body):
    assert len(body) == BODY
    return struct.pack(">II", circuit, seq) + body


def decode(wire):
    assert len(wire) == SIZE
    return (*struct.unpack_from(">II", wire), wire[8:])


def unwrap(seq, expected):
    """The number near expected whose low half is seq; 0 when there is none."""
    for number in range(expected - SKEW, expected + SKEW + 1):
        if number % 2**32 == seq:
            return number
    return 0


class Counts:
    """Each number is accepted once, within 64 of the newest."""

    def __init__(self, before):
        self.last, self.seen = before, set()
        self.first = before + 1

    def accept(self, count):
        if count < self.first or count <= self.last - WINDOW or count in self.seen:
            return False
        self.seen.add(count)
        self.last = max(self.last, count)
        return True


def u64s(data):
    return list(struct.unpack(f">{len(data) // 8}Q", data))


def check(rec):
    if "wire" in rec:
        want = rec.int("circuit"), rec.int("seq"), rec.bytes("body")
        assert encode(*want) == rec.bytes("wire") and decode(rec.bytes("wire")) == want
    elif "expected" in rec:
        assert unwrap(rec.int("seq"), rec.int("expected")) == rec.int("count")
    else:
        counts = Counts(rec.int("before"))
        assert [counts.accept(n) for n in u64s(rec.bytes("offered"))] == [b == 1 for b in rec.bytes("accepted")]


def padded(value):
    """Bytes with their zeros at the end as 00*N."""
    if not isinstance(value, bytes) or len(value) - len(value.rstrip(b"\0")) < 8 or not any(value):
        return value
    head = value.rstrip(b"\0")
    words = [head[i : i + 32].hex() for i in range(0, len(head), 32)]
    return "\n    ".join(words) + f" 00*{len(value) - len(head)}"


def emit(name, **fields):
    print(vectorfile.write_record(name, {key: padded(value) for key, value in fields.items()}), end="")


def make():
    print("# tests/vectors/cell.txt - docs/protocol/20-cell.md, section 1, and 30-circuit.md, section 2.  Made and checked by")
    print("# tests/ref/cell.py, which shares no code with the C.  Cells; numbers unwrapped (0: none is near enough); windows:")
    print("# 64-bit numbers offered, and a byte for each that says whether it is taken.")
    cells = {"filler": (0, 0, bytes(BODY)), "most": (2**32 - 1, 2**32 - 1, b"\xff" * BODY)}
    cells["order"] = (0x01020304, 0x05060708, bytes(range(BODY)))
    for name, (circuit, seq, body) in cells.items():
        emit(name, circuit=circuit, seq=seq, body=body, wire=encode(circuit, seq, body))
    for name, base in (("low", COUNT_MIN), ("edge", 2**40 - 1), ("wrap", 2**40 + 3), ("high", 2**51)):
        for ahead in (0, 1, -1, SKEW, -SKEW, SKEW + 1, -SKEW - 1, 2**31, 2**32 - 1):
            seq = (base + ahead) % 2**32
            emit(f"unwrap-{name}-{ahead}", expected=base, seq=seq, count=unwrap(seq, base))
    first = 2**40 - 2
    series = {
        "order": range(8),
        "twice": (0, 0, 1, 1, 0, 2, 2),
        "before": (-1, 0, -1, -2),
        "before-first": (-1, -64, 5, -1),
        "shuffled": (3, 1, 0, 2, 2, 6, 5, 4, 3, 7),
        "edge": (64, 1, 0, 65, 1, 2, 2),
        "jump-63": (0, 63, 0, 1, 63, 62),
        "jump-64": (0, 64, 0, 1, 63, 64),
        "jump-65": (0, 65, 1, 2, 64),
        "jump-far": (0, 1000, 936, 937, 937, 999, 1000, 1001),
    }
    for name, numbers in series.items():
        counts = Counts(first - 1)
        accepted = bytes(counts.accept(first + n) for n in numbers)
        emit(f"window-{name}", before=first - 1, offered=struct.pack(f">{len(numbers)}Q", *(first + n for n in numbers)),
             accepted=accepted)


if __name__ == "__main__":
    if sys.argv[1:] == ["--make"]:
        make()
    else:
        vectorfile.check_main(check, "tests/vectors/cell.txt")
