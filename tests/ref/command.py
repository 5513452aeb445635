#!/usr/bin/python3
"""Independent reference for the commands of circuit 0: docs/protocol/20-cell.md, section 2.
As a program: command.py --check tests/vectors/command.txt, or --make to print that file."""

import hashlib
import struct
import sys

import vectorfile
from cell import emit

SIZE, COUNT_MIN, SUITE_1, LISTEN = 224, 2**32, 1, 1
TYPE = {"filler": 0, "create": 1, "created": 2, "refused": 3, "release": 4, "introduce": 5, "introduced": 6, "stream": 8}
# of each: the form, and its fields in order
LAYOUT = {
    "filler": (">", ()),
    "create": (">B8sBBIIQIQ48s",
               ("suite", "tag", "period", "back_class", "back_id", "first_tick", "first_number", "replaces", "work", "msg1")),
    "created": (">IIIQ48s", ("back_id", "forward_id", "first_tick", "first_number", "msg2")),
    "refused": (">IBB", ("back_id", "reason", "bits")),
    "release": (">I", ("id",)),
    "introduce": (">QB192s", ("handle", "part", "bytes")),
    "introduced": (">Q", ("handle",)),
}
BYTES = ("tag", "msg1", "msg2", "bytes", "segment")


class Malformed(Exception):
    pass


def need(condition):
    if not condition:
        raise Malformed()


def encode(kind, fields):
    if kind == "stream":
        content = bytes([len(fields["segment"])]) + fields["segment"]
    else:
        form, names = LAYOUT[kind]
        content = struct.pack(form, *(fields[name] for name in names))
    wire = bytes(8) + bytes([TYPE[kind]]) + content
    assert len(wire) <= SIZE
    return wire.ljust(SIZE, b"\0")


def decode(kind, wire):
    """The fields by name."""
    assert len(wire) == SIZE and wire[8] == TYPE[kind]
    if kind == "stream":
        length, rest = wire[9], wire[10:]
        need(length <= len(rest) and not any(rest[length:]))
        return {"segment": rest[:length]}
    form, names = LAYOUT[kind]
    f = dict(zip(names, struct.unpack_from(form, wire, 9)))
    padding = wire[9 + struct.calcsize(form) :]
    need(kind == "filler" or not any(padding) or f.get("suite", SUITE_1) != SUITE_1)
    need(f.get("period", 0) <= LISTEN and f.get("part", 0) <= 1)
    need(f.get("first_number", COUNT_MIN) >= COUNT_MIN)
    need(all(f.get(name, 1) != 0 for name in ("back_id", "forward_id", "id")))
    return f


def fields_of(rec, kind):
    names = ("segment",) if kind == "stream" else LAYOUT[kind][1]
    return {name: rec.bytes(name) if name in BYTES else rec.int(name) for name in names}


def check(rec):
    kind, wire = rec.text("command"), rec.bytes("wire")
    if rec.text("result") != "ok":
        try:
            decode(kind, wire)
        except Malformed:
            return
        raise AssertionError("not refused")
    want = fields_of(rec, kind)
    assert decode(kind, wire) == want
    if kind != "filler" and want.get("suite", SUITE_1) == SUITE_1:
        assert encode(kind, want) == wire


# ---- making ----


def some(text, length):
    return hashlib.shake_256(text.encode()).digest(length)


SAMPLE = {
    "filler": {},
    "create": {"suite": 1, "tag": some("tag", 8), "period": 0, "back_class": 1, "back_id": 0x80000101,
               "first_tick": 0xFFFFFFFE, "first_number": 0x0000A1B2C3D4E5F6, "replaces": 0, "work": 0, "msg1": some("msg1", 48)},
    "created": {"back_id": 0x80000101, "forward_id": 0x90ABCDEF, "first_tick": 0x00010203,
                "first_number": 0x00010000000000FF, "msg2": some("msg2", 48)},
    "refused": {"back_id": 0x80000101, "reason": 2, "bits": 0},
    "release": {"id": 0x90ABCDEF},
    "introduce": {"handle": 0x0123456789ABCDEF, "part": 0, "bytes": some("part 0", 192)},
    "introduced": {"handle": 0x0123456789ABCDEF},
    "stream": {"segment": bytes.fromhex("02000000000500034c4d4e")},
}


def good(name, kind, **changed):
    fields = dict(SAMPLE[kind], **changed)
    emit(name, command=kind, **fields, wire=encode(kind, fields), result="ok")


def bad(name, kind, why, wire=None, **changed):
    if wire is None:
        wire = encode(kind, dict(SAMPLE[kind], **changed))
    emit(name, command=kind, wire=wire, result="malformed", why=why)


def dirty(kind, at=-1):
    wire = bytearray(encode(kind, SAMPLE[kind]))
    wire[at] ^= 1
    return bytes(wire)


def end_of(kind):
    """Of the content: the first byte of padding."""
    return 9 + struct.calcsize(LAYOUT[kind][0])


def make():
    print("# tests/vectors/command.txt - docs/protocol/20-cell.md, section 2.  Made and checked by tests/ref/command.py, which")
    print("# shares no code with the C.  wire: the whole cell.")
    for kind in SAMPLE:
        good(kind, kind)
    good("create-listen", "create", period=1, back_class=3)
    good("create-replaces", "create", replaces=0x90ABCDEF)
    good("create-work", "create", work=0xA1B2C3D4E5F60718)
    good("refused-work", "refused", reason=5, bits=13)
    good("create-least", "create", tag=bytes(8), back_class=0, back_id=1, first_tick=0, first_number=COUNT_MIN, msg1=bytes(48))
    good("create-most", "create", tag=b"\xff" * 8, period=1, back_class=255, back_id=2**32 - 1, first_tick=2**32 - 1,
         first_number=2**64 - 1, replaces=2**32 - 1, work=2**64 - 1, msg1=b"\xff" * 48)
    emit("filler-dirty", command="filler", wire=dirty("filler"), result="ok", why="nobody looks at filler")
    fields = dict(SAMPLE["create"], suite=2)
    wire = encode("create", fields)[: end_of("create")] + some("more of msg1", SIZE - end_of("create"))
    emit("create-suite-2", command="create", **fields, wire=wire, result="ok")
    good("created-least", "created", back_id=1, forward_id=1, first_tick=0, first_number=COUNT_MIN, msg2=bytes(48))
    good("created-most", "created", back_id=2**32 - 1, forward_id=2**32 - 1, first_tick=2**32 - 1, first_number=2**64 - 1,
         msg2=b"\xff" * 48)
    for reason in (0, 1, 3, 4, 255):
        good(f"refused-{reason}", "refused", reason=reason)
    good("release-least", "release", id=1)
    good("introduce-1", "introduce", part=1, bytes=some("part 1", 96) + bytes(96))
    good("introduce-zero", "introduce", handle=0, bytes=bytes(192))
    good("stream-empty", "stream", segment=b"")
    good("stream-longest", "stream", segment=some("segment", 214))
    bad("create-period", "create", "no such period", period=2)
    bad("create-period-255", "create", "no such period", period=255)
    bad("create-back-id", "create", "circuit 0 is the link", back_id=0)
    bad("create-number", "create", "numbers begin at 2^32", first_number=COUNT_MIN - 1)
    bad("create-number-0", "create", "numbers begin at 2^32", first_number=0)
    bad("create-suite-2-back-id", "create", "circuit 0 is the link, in any suite", suite=2, back_id=0)
    bad("created-back-id", "created", "circuit 0 is the link", back_id=0)
    bad("created-forward-id", "created", "circuit 0 is the link", forward_id=0)
    bad("created-number", "created", "numbers begin at 2^32", first_number=COUNT_MIN - 1)
    bad("refused-back-id", "refused", "circuit 0 is the link", back_id=0)
    bad("release-id", "release", "circuit 0 is the link", id=0)
    bad("introduce-part", "introduce", "there are two parts", part=2)
    bad("introduce-part-255", "introduce", "there are two parts", part=255)
    for kind in ("create", "created", "refused", "release", "introduce", "introduced"):
        bad(f"{kind}-dirty", kind, "the last byte of padding is not zero", dirty(kind))
        bad(f"{kind}-dirty-first", kind, "the first byte of padding is not zero", dirty(kind, end_of(kind)))
    bad("stream-dirty", "stream", "padding is not zero", dirty("stream"))
    bad("stream-dirty-first", "stream", "padding is not zero", dirty("stream", 10 + len(SAMPLE["stream"]["segment"])))
    wire = encode("stream", {"segment": bytes(214)})
    bad("stream-too-long", "stream", "longer than the cell", wire[:9] + bytes([215]) + wire[10:])
    bad("stream-255", "stream", "longer than the cell", wire[:9] + bytes([255]) + wire[10:])


if __name__ == "__main__":
    if sys.argv[1:] == ["--make"]:
        make()
    else:
        vectorfile.check_main(check, "tests/vectors/command.txt")
