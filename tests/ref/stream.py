#!/usr/bin/python3
"""Independent reference for the segments of the signalling stream: docs/protocol/40-stream.md, section 2.
As a program: stream.py --check tests/vectors/stream.txt"""

import struct

import vectorfile


class Malformed(Exception):
    """Not a segment."""


def decode(wire):
    """A dict with next, window, ranges (of an acknowledgement) and offset, data."""
    seg, at = {}, 1

    def take(form):
        nonlocal at
        if at + struct.calcsize(form) > len(wire):
            raise Malformed("short")
        got = struct.unpack_from(form, wire, at)
        at += struct.calcsize(form)
        return got

    if not wire or wire[0] & 0xF0 or not wire[0] & 3:
        raise Malformed("flags")
    count = wire[0] >> 2
    if count and not wire[0] & 1:
        raise Malformed("ranges without an acknowledgement")
    if wire[0] & 1:
        seg["next"], seg["window"] = take(">IH")
        seg["ranges"] = [take(">HH") for _ in range(count)]
        if any(length == 0 for _, length in seg["ranges"]):
            raise Malformed("empty range")
    if wire[0] & 2:
        seg["offset"], length = take(">IB")
        (seg["data"],) = take(f">{length}s")
    if any(wire[at:]):
        raise Malformed("padding")
    return seg


def encode(seg):
    ranges = seg.get("ranges", [])
    out = bytes([("next" in seg) | ("offset" in seg) << 1 | len(ranges) << 2])
    if "next" in seg:
        out += struct.pack(">IH", seg["next"], seg["window"])
        out += b"".join(struct.pack(">HH", *r) for r in ranges)
    if "offset" in seg:
        out += struct.pack(">IB", seg["offset"], len(seg["data"])) + seg["data"]
    return out


def check(rec):
    wire = rec.bytes("wire")
    if rec.text("result") != "ok":
        try:
            decode(wire)
        except Malformed:
            return
        raise AssertionError("not refused")
    want = {}
    if "next" in rec:
        want = {"next": rec.int("next"), "window": rec.int("window")}
        flat = [int.from_bytes(rec.bytes("ranges")[i : i + 2], "big") for i in range(0, len(rec.bytes("ranges")), 2)]
        want["ranges"] = list(zip(flat[::2], flat[1::2]))
    if "offset" in rec:
        want |= {"offset": rec.int("offset"), "data": rec.bytes("data")}
    assert decode(wire) == want
    assert encode(want) == wire[: len(encode(want))]  # what follows is padding


if __name__ == "__main__":
    vectorfile.check_main(check, "tests/vectors/stream.txt")
