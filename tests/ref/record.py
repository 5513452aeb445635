#!/usr/bin/python3
"""Independent reference for call-event records and frames: docs/protocol/45-meeting.md, sections 5 and 6.
As a program: record.py --check tests/vectors/record.txt"""

import struct
import unicodedata

import vectorfile

FORMS = {1: ">B", 2: ">HB", 3: ">H", 4: ">HB", 5: ">HH", 6: ">H", 7: ">H", 9: ">HH", 10: ">H16s", 11: ">H", 12: ">H32s16s", 13: ">HB", 14: ">HBB", 15: ">H48s", 16: ">H"}
MESSAGE = 8
FRAME_SAMPLES, FRAME_PIECE = 160, 28
OPUS_COPIES, OPUS_MAX = 3, 158


HIDDEN = [(0, 0x1F), (0x7F, 0x9F), (0xAD, 0xAD), (0x61C, 0x61C), (0x200B, 0x200F), (0x2028, 0x202E), (0x2060, 0x206F), (0xFEFF, 0xFEFF),
          (0xFFF9, 0xFFFB), (0xE0000, 0xE007F)]


class Refused(Exception):
    """malformed or unknown, as its text says."""


def text_is_valid(text):
    try:
        letters = text.decode("utf-8")
    except UnicodeDecodeError:
        return False
    return 0 < len(text) <= 8192 and not any(unicodedata.category(c) == "Cc" and c not in "\t\r\n" for c in letters)


def name_is_valid(field):
    name = field.rstrip(b"\0")
    try:
        letters = name.decode("utf-8")
    except UnicodeDecodeError:
        return False
    return letters == letters.strip(" ") and not any(low <= ord(c) <= high for c in letters for low, high in HIDDEN)


def decode(wire):
    """type, then the fields in order."""
    if not wire:
        raise Refused("malformed")
    kind, rest = wire[0], wire[1:]
    if kind == MESSAGE:
        if len(rest) < 2 or not text_is_valid(rest[2:]):
            raise Refused("malformed")
        return kind, int.from_bytes(rest[:2], "big"), rest[2:]
    if kind not in FORMS:
        raise Refused("unknown")
    if len(rest) != struct.calcsize(FORMS[kind]):
        raise Refused("malformed")
    fields = struct.unpack(FORMS[kind], rest)
    allowed = {1: [1], 2: [1, 2, 3, 4, 5, 6, 7], 4: [1, 2, 4], 5: [480, 486, 488, 603], 9: [200, 413, 415, 480], 13: [0, 1, 2, 3]}
    if kind in allowed and fields[-1] not in allowed[kind]:
        raise Refused("malformed")
    if kind == 14 and not (fields[1] <= 15 and 2 <= fields[2] <= 250):
        raise Refused("malformed")
    if kind == 15:
        if not name_is_valid(fields[1]):
            raise Refused("malformed")
        return kind, fields[0], fields[1].rstrip(b"\0")
    return (kind, *fields)


def encode(kind, *fields):
    if kind == MESSAGE:
        return bytes([kind]) + fields[0].to_bytes(2, "big") + fields[1]
    return bytes([kind]) + struct.pack(FORMS[kind], *fields)


def read_frame(wire):
    if not 2 + FRAME_SAMPLES <= len(wire) <= 2 + FRAME_SAMPLES + FRAME_PIECE:
        raise Refused("malformed")
    return int.from_bytes(wire[:2], "big"), wire[2 : 2 + FRAME_SAMPLES], wire[2 + FRAME_SAMPLES :]


def read_opus(wire):
    """number, frames with the newest first, piece."""
    if len(wire) < 3 or not 1 <= wire[2] <= OPUS_COPIES or len(wire) < 3 + wire[2]:
        raise Refused("malformed")
    sizes, rest, frames = wire[3 : 3 + wire[2]], wire[3 + wire[2] :], []
    for size in sizes:
        if size > min(OPUS_MAX, len(rest)):
            raise Refused("malformed")
        frames.append(rest[:size])
        rest = rest[size:]
    if len(rest) > FRAME_PIECE:
        raise Refused("malformed")
    return int.from_bytes(wire[:2], "big"), frames, rest


def write_opus(number, frames, piece):
    return number.to_bytes(2, "big") + bytes([len(frames), *map(len, frames)]) + b"".join(frames) + piece


def frames_of(rec):
    return [rec.bytes(f"frame{i}") for i in range(rec.int("count"))]


def wanted(rec):
    kind = rec.int("type")
    names = {1: ["version"], 2: ["id", "codecs"], 4: ["id", "codecs"], 5: ["id", "code"], 9: ["id", "code"], 13: ["id", "direction"], 14: ["id", "event", "slots"]}
    strings = {MESSAGE: ["text"], 10: ["cookie"], 12: ["relay", "cookie"], 15: ["text"]}
    fields = [rec.int(name) for name in names.get(kind, ["id"])]
    return (kind, *fields, *(rec.bytes(name) for name in strings.get(kind, [])))


def check(rec):
    read, field = next((r, f) for r, f in ((read_frame, "frame"), (read_opus, "opus"), (decode, "wire")) if f in rec)
    wire = rec.bytes(field)
    if rec.text("result") != "ok":
        try:
            read(wire)
        except Refused as e:
            assert rec.text("result") == str(e)
            return
        raise AssertionError("not refused")
    if "opus" in rec:
        assert read_opus(wire) == (rec.int("number"), frames_of(rec), rec.bytes("piece"))
        assert wire == write_opus(rec.int("number"), frames_of(rec), rec.bytes("piece"))
    elif "frame" in rec:
        assert read_frame(wire) == (rec.int("number"), rec.bytes("samples"), rec.bytes("piece"))
        assert wire == rec.int("number").to_bytes(2, "big") + rec.bytes("samples") + rec.bytes("piece")
    else:
        assert decode(wire) == wanted(rec)
        assert encode(*wanted(rec)) == wire


if __name__ == "__main__":
    vectorfile.check_main(check, "tests/vectors/record.txt")
