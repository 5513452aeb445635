#!/usr/bin/python3
"""Independent reference for the messages between a client and the relay at the end of a circuit.
docs/protocol/30-circuit.md, section 6.
As a program: service.py --check tests/vectors/service.txt, or --make to print that file."""

import struct
import sys

import vectorfile

LENGTHS = {  # of the content: from, to (None: no bound)
    1: (32, 32),                              # LOOKUP: index
    2: (0, None),                             # ANSWER
    3: (32 + 32 + 256, 32 + 32 + 256),        # INTRODUCE: relay, pseudonym, message 1
    4: (1, 1),                                # INTRODUCE_ACK: status
    5: (1, None),                             # UPLOAD
    6: (1, None),                             # UPLOAD_ACK: result, maybe a head
    7: (8, 8),                                # CONSENSUS_GET: valid_after
    8: (0, None),                             # CONSENSUS
    9: (256, 256),                            # INTRODUCED: message 1
}
NAMES = ["lookup", "answer", "introduce", "introduce-ack", "upload", "upload-ack", "consensus-get", "consensus", "introduced"]


def message(kind, request, content):
    return struct.pack(">BH", kind, request) + content


def read_message(data):
    """(type, request, content), or None."""
    if len(data) < 3:
        return None
    kind, request = struct.unpack(">BH", data[:3])
    least, most = LENGTHS.get(kind, (1, 0))
    length = len(data) - 3
    if length < least or most is not None and length > most:
        return None
    return kind, request, data[3:]


def check(rec):
    got = read_message(rec.bytes("wire"))
    assert (got is not None) == (rec.text("result") == "ok")
    if got:
        assert got == (rec.int("type"), rec.int("request"), rec.bytes("content"))
        assert message(*got) == rec.bytes("wire")


def put(name, data, why=None):
    got = read_message(data)
    extra = {"why": why} if why else dict(zip(("type", "request", "content"), got))
    if extra.get("content") == b"":
        extra["content"] = '""'
    print(vectorfile.write_record(name, {"wire": data or '""', "result": "ok" if got else "malformed", **extra}), end="")


def make():
    for kind, name in enumerate(NAMES, 1):
        least, most = LENGTHS[kind]
        put(name, message(kind, 0x0100 + kind, bytes([0xA0 + kind]) * (least if most else least + 40)))
        if least > 0:
            put(name + "-short", message(kind, 1, bytes(least - 1)), "content too short")
        else:
            put(name + "-empty", message(kind, 0xFFFF, b""))
        if most:
            put(name + "-long", message(kind, 1, bytes(most + 1)), "content too long")
    put("upload-ack-bare", message(6, 0, b"\0"))
    put("introduced-unasked", message(9, 0, bytes(256)))
    put("nothing", b"", "not even a head")
    put("half-a-head", b"\x04\x00", "not even a head")
    put("type-0", message(0, 1, bytes(32)), "unknown type")
    put("type-10", message(10, 1, bytes(32)), "unknown type")
    put("type-255", message(255, 1, bytes(8)), "unknown type")


if __name__ == "__main__":
    if sys.argv[1:] == ["--make"]:
        print("# tests/vectors/service.txt - docs/protocol/30-circuit.md, section 6.  Made and checked by tests/ref/service.py,")
        print("# which shares no code with the C.")
        make()
    else:
        vectorfile.check_main(check, "tests/vectors/service.txt")
