#!/usr/bin/python3
"""Independent reference for one hop of a circuit: its handshake, its layers and the messages in its cells.
docs/protocol/30-circuit.md, sections 1, 2 and 4.
As a program: hop.py --check tests/vectors/hop.txt, or --make to print that file."""

import hashlib
import struct
import sys

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

import hctr2
import noise
import vectorfile
from cell import BODY, emit

CONTENT, SUITE_1, LISTEN_PERIOD = 198, 1, 1
FORWARD, BACKWARD = 0, 1
NAMES = ("nop", "extend", "extended", "refused", "cookie", "cookie-ok", "join", "joined", "met", "leave", "left",
         "listen", "listening", "stream")
TYPE = {name: number for number, name in enumerate(NAMES)}
EXTEND = ">B32s8sBQQ48s"
EXTEND_FIELDS = ("suite", "relay", "tag", "period", "d", "work", "msg1")


class Malformed(Exception):
    """Not a message, or not one for this hop."""


# ---- messages ----


def message(kind, content=b""):
    assert len(content) <= CONTENT
    return (bytes(16) + bytes([kind, len(content)]) + content).ljust(BODY, b"\0")


def read_message(body):
    """type, content"""
    assert len(body) == BODY
    kind, length, rest = body[16], body[17], body[18:]
    if any(body[:16]) or length > len(rest) or any(rest[length:]):
        raise Malformed()
    return kind, rest[:length]


def extend(**fields):
    return struct.pack(EXTEND, *(fields[name] for name in EXTEND_FIELDS))


def read_extend(content):
    if len(content) != struct.calcsize(EXTEND):
        raise Malformed()
    fields = dict(zip(EXTEND_FIELDS, struct.unpack(EXTEND, content)))
    if fields["period"] > LISTEN_PERIOD:
        raise Malformed()
    return fields


def listen_text(relay, handshake_hash):
    """What the holder of a pseudonym signs."""
    return b"sipmix listen v1" + relay + handshake_hash


# ---- handshake and layers ----


def prologue(relay, tag, period):
    return b"sipmix hop v1" + bytes([SUITE_1]) + relay + tag + bytes([period])


def key_tag(onion_public):
    return hashlib.blake2b(onion_public, digest_size=32).digest()[:8]


def shake(relay, onion_secret, period, e1, e2):
    """Message 1, message 2, hash, key forward, key backward; e1 and e2 are the ephemeral secrets."""
    public = noise.public(onion_secret)
    before = prologue(relay, key_tag(public), period)
    a = noise.Handshake("NK", True, before, remote_static=public)
    b = noise.Handshake("NK", False, before, static=onion_secret)
    msg1 = a.write(b"", e1)
    assert b.read(msg1) == b""
    msg2 = b.write(b"", e2)
    assert a.read(msg2) == b"" and a.h == b.h and a.split() == b.split()
    return (msg1, msg2, a.h, *a.split())


def tweak(direction, count):
    return bytes([direction]) + bytes(7) + count.to_bytes(8, "big")


def encipher(key, direction, count, body):
    return hctr2.encipher(key, tweak(direction, count), body)


def decipher(key, direction, count, body):
    return hctr2.decipher(key, tweak(direction, count), body)


# ---- checking ----


def refused(error, function, *arguments):
    try:
        function(*arguments)
    except error:
        return
    raise AssertionError("not refused")


def check_message(rec):
    if rec.text("result") != "ok":
        return refused(Malformed, read_message, rec.bytes("body"))
    want = rec.int("type"), rec.bytes("content")
    assert read_message(rec.bytes("body")) == want and message(*want) == rec.bytes("body")


def check_extend(rec):
    if rec.text("result") != "ok":
        return refused(Malformed, read_extend, rec.bytes("extend"))
    want = {name: rec.int(name) if name in ("suite", "period", "d", "work") else rec.bytes(name) for name in EXTEND_FIELDS}
    assert read_extend(rec.bytes("extend")) == want and extend(**want) == rec.bytes("extend")


def check_listen(rec):
    assert listen_text(rec.bytes("relay"), rec.bytes("hash")) == rec.bytes("text")
    key = Ed25519PublicKey.from_public_bytes(rec.bytes("key"))
    if rec.text("result") == "ok":
        key.verify(rec.bytes("signature"), rec.bytes("text"))
    else:
        refused(InvalidSignature, key.verify, rec.bytes("signature"), rec.bytes("text"))


def check_handshake(rec):
    public = noise.public(rec.bytes("onion_secret"))
    assert public == rec.bytes("onion") and key_tag(public) == rec.bytes("tag")
    before = prologue(rec.bytes("relay"), rec.bytes("tag"), rec.int("period"))
    assert before == rec.bytes("prologue")
    if rec.text("result") == "ok":
        got = shake(rec.bytes("relay"), rec.bytes("onion_secret"), rec.int("period"), rec.bytes("e1"), rec.bytes("e2"))
        assert got == tuple(rec.bytes(name) for name in ("msg1", "msg2", "hash", "forward", "backward"))
        return None
    if "msg2" in rec:
        a = noise.Handshake("NK", True, before, remote_static=public)
        a.write(b"", rec.bytes("e1"))
        return refused(noise.NoiseError, a.read, rec.bytes("msg2"))
    b = noise.Handshake("NK", False, before, static=rec.bytes("onion_secret"))
    return refused(noise.NoiseError, b.read, rec.bytes("msg1"))


def check_layer(rec):
    key, direction, count = rec.bytes("key"), rec.int("direction"), rec.int("number")
    assert tweak(direction, count) == rec.bytes("tweak")
    assert encipher(key, direction, count, rec.bytes("plain")) == rec.bytes("cipher")
    assert decipher(key, direction, count, rec.bytes("cipher")) == rec.bytes("plain")


def check(rec):
    if "body" in rec:
        check_message(rec)
    elif "extend" in rec:
        check_extend(rec)
    elif "text" in rec:
        check_listen(rec)
    elif "prologue" in rec:
        check_handshake(rec)
    else:
        check_layer(rec)


# ---- making ----


def some(text, length=32):
    return hashlib.shake_256(text.encode()).digest(length)


def flip(data, at):
    return data[:at] + bytes([data[at] ^ 1]) + data[at + 1 :]


def put(name, kind, content, **more):
    emit(name, type=kind, content=content, body=message(kind, content), result="ok", **more)


def make_messages():
    cookie, msg2 = some("cookie", 16), some("meeting", 64)
    put("nop", TYPE["nop"], b"")
    content = extend(suite=1, relay=some("relay"), tag=some("tag", 8), period=0, d=0x0000123456789ABC, work=7, msg1=some("msg1", 48))
    put("extend", TYPE["extend"], content)
    put("extended", TYPE["extended"], (2**64 - 12345).to_bytes(8, "big") + some("msg2", 48))
    put("refused-work", TYPE["refused"], bytes([TYPE["extend"], 5, 13]))
    for request in ("extend", "cookie", "join", "listen"):
        put(f"refused-{request}", TYPE["refused"], bytes([TYPE[request], 4 if request == "join" else 3]))
    put("cookie", TYPE["cookie"], cookie)
    put("cookie-ok", TYPE["cookie-ok"], cookie)
    put("join", TYPE["join"], cookie + msg2)
    put("joined", TYPE["joined"], cookie)
    put("met", TYPE["met"], cookie + msg2)
    put("leave", TYPE["leave"], b"")
    put("left", TYPE["left"], b"")
    put("listen", TYPE["listen"], some("pseudonym") + some("signature", 64))
    put("listening", TYPE["listening"], b"")
    put("stream", TYPE["stream"], bytes.fromhex("02000000000500034c4d4e"))
    put("stream-longest", TYPE["stream"], some("segment", CONTENT))
    put("type-255", 255, b"\0", why="a type of a later version: whole, but not understood")

    def bad(name, why, body):
        emit(name, body=body, result="malformed", why=why)

    body = message(TYPE["cookie"], cookie)
    for at in (0, 7, 15):
        bad(f"front-{at}", "not this hop's", flip(body, at))
    bad("noise", "not this hop's", some("noise", BODY))
    bad("dirty-first", "padding is not zero", flip(body, 18 + 16))
    bad("dirty-last", "padding is not zero", flip(body, BODY - 1))
    bad("too-long", "longer than the body", message(13, bytes(198))[:17] + bytes([199]) + bytes(198))
    bad("255", "longer than the body", message(13, bytes(198))[:17] + bytes([255]) + bytes(198))


def make_extends():
    fields = {"suite": 1, "relay": some("relay"), "tag": some("tag", 8), "period": 0, "d": 0x0000123456789ABC,
              "work": 0, "msg1": some("msg1", 48)}

    def good(name, **changed):
        f = dict(fields, **changed)
        emit(name, **f, extend=extend(**f), result="ok")

    def bad(name, why, content):
        emit(name, extend=content, result="malformed", why=why)

    good("extend-slot")
    good("extend-listen", period=1)
    good("extend-suite-2", suite=2)
    good("extend-most", suite=255, relay=b"\xff" * 32, tag=b"\xff" * 8, period=1, d=2**64 - 1, work=2**64 - 1, msg1=b"\xff" * 48)
    bad("extend-period", "no such period", extend(**dict(fields, period=2)))
    bad("extend-short", "a byte is missing", extend(**fields)[:-1])
    bad("extend-long", "one byte too many", extend(**fields) + b"\0")
    bad("extend-empty", "nothing", b"")


def make_handshakes():
    for period, name in ((0, "slot"), (1, "listen")):
        relay, secret, e1, e2 = some(name + "relay"), some(name + "onion"), some(name + "e1"), some(name + "e2")
        onion = noise.public(secret)
        base = {"relay": relay, "onion_secret": secret, "onion": onion, "tag": key_tag(onion), "period": period,
                "prologue": prologue(relay, key_tag(onion), period), "e1": e1}
        msg1, msg2, h, forward, backward = shake(relay, secret, period, e1, e2)
        emit(f"handshake-{name}", **base, e2=e2, msg1=msg1, msg2=msg2, hash=h, forward=forward, backward=backward, result="ok")

    def bad(name, why, **changed):
        emit(f"refused-{name}", **base, **changed, result="auth", why=why)

    del base["e1"]
    bad("msg1-altered", "the tag is wrong", msg1=flip(msg1, 47))
    bad("msg1-ephemeral", "the ephemeral key is another", msg1=flip(msg1, 0))
    bad("msg1-low-order", "a key of low order", msg1=bytes(32) + msg1[32:])
    other = noise.Handshake("NK", True, prologue(relay, base["tag"], 0), remote_static=onion)
    bad("msg1-period", "made for a slot", msg1=other.write(b"", e1))
    other = noise.Handshake("NK", True, prologue(some("other"), base["tag"], 1), remote_static=onion)
    bad("msg1-relay", "made for another relay", msg1=other.write(b"", e1))
    other = noise.Handshake("NK", True, prologue(relay, bytes(8), 1), remote_static=onion)
    bad("msg1-tag", "made for another key tag", msg1=other.write(b"", e1))
    base["e1"] = e1
    bad("msg2-altered", "the tag is wrong", msg2=flip(msg2, 32))
    bad("msg2-ephemeral", "the ephemeral key is another", msg2=flip(msg2, 31))
    bad("msg2-low-order", "a key of low order", msg2=bytes(32) + msg2[32:])
    bad("msg2-older", "answers another message 1", msg2=shake(relay, base["onion_secret"], 1, some("older"), e2)[1])
    key = Ed25519PrivateKey.from_private_bytes(some("pseudonym"))
    text = listen_text(relay, h)
    fields = {"relay": relay, "hash": h, "key": key.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)}
    emit("listen-signed", **fields, text=text, signature=key.sign(text), result="ok")
    emit("listen-altered", **fields, text=text, signature=flip(key.sign(text), 40), result="auth", why="altered")
    moved = listen_text(relay, some("hash", 64))
    emit("listen-moved", **dict(fields, hash=some("hash", 64)), text=moved, signature=key.sign(text), result="auth",
         why="signed for another circuit")


def make_layers():
    key, body = some("layer"), message(TYPE["cookie"], some("cookie", 16))
    cases = {"forward": (FORWARD, 2**32), "backward": (BACKWARD, 2**32), "next": (FORWARD, 2**32 + 1),
             "high": (BACKWARD, 2**51 + 77), "most": (FORWARD, 2**64 - 1)}
    for name, (direction, count) in cases.items():
        emit(f"layer-{name}", key=key, direction=direction, number=count, tweak=tweak(direction, count), plain=body,
             cipher=encipher(key, direction, count, body))


def make():
    print("# tests/vectors/hop.txt - docs/protocol/30-circuit.md, sections 1, 2 and 4.  Made and checked by tests/ref/hop.py,")
    print("# which shares no code with the C.  Messages in a body; EXTEND; handshakes (e1, e2: ephemeral secrets); LISTEN;")
    print("# layers (direction 0: forward).")
    make_messages()
    make_extends()
    make_handshakes()
    make_layers()


if __name__ == "__main__":
    if sys.argv[1:] == ["--make"]:
        make()
    else:
        vectorfile.check_main(check, "tests/vectors/hop.txt")
