#!/usr/bin/python3
"""Independent reference for the introduction of two clients and their cells: docs/protocol/45-meeting.md,
sections 1 to 4.  As a program: meet.py --check tests/vectors/meet.txt"""

import struct

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

import hctr2
import noise
import vectorfile


class Refused(Exception):
    """malformed or auth, as its text says."""


def prologue(pseudonym, introduction, day_key):
    return b"sipmix meet v1" + b"\1" + pseudonym + introduction + day_key


def payload(rendezvous, cookie, seed, noise_static, before):
    """seed: of the caller's Ed25519 key, or None."""
    if seed is None:
        return b"\1\0" + rendezvous + cookie + bytes(32 + 64 + 14)
    key = Ed25519PrivateKey.from_private_bytes(seed)
    public = key.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)
    sig = key.sign(b"sipmix caller v1" + noise_static + before)
    return b"\1\1" + rendezvous + cookie + public + sig + bytes(14)


def read_payload(plain, noise_static, before):
    """rendezvous, cookie, caller's key or None."""
    version, flags, rendezvous, cookie, caller, sig, rest = struct.unpack(">BB32s16s32s64s14s", plain)
    if version != 1 or flags > 1 or any(rest):
        raise Refused("malformed")
    if not flags:
        if any(caller + sig):
            raise Refused("malformed")
        return rendezvous, cookie, None
    try:
        Ed25519PublicKey.from_public_bytes(caller).verify(sig, b"sipmix caller v1" + noise_static + before)
    except (InvalidSignature, ValueError) as e:
        raise Refused("auth") from e
    return rendezvous, cookie, caller


def cell_plain(counter, kind, content):
    return (bytes(16) + struct.pack(">QBB", counter, kind, len(content)) + content).ljust(216, b"\0")


def tweak(direction):
    return bytes(15) + bytes([direction])


def read_cell(plain):
    """counter, type, content."""
    if any(plain[:16]):
        raise Refused("auth")
    counter, kind, length = struct.unpack_from(">QBB", plain, 16)
    if counter == 0 or length > 190 or any(plain[26 + length :]):
        raise Refused("malformed")
    return counter, kind, plain[26 : 26 + length]


def check_meeting(rec):
    day = rec.bytes("day_secret")
    before = prologue(rec.bytes("pseudonym"), rec.bytes("introduction"), noise.public(day))
    assert before == rec.bytes("prologue")
    b = noise.Handshake("IK", False, before, day)
    if rec.text("result") != "ok":
        try:
            plain = b.read(rec.bytes("msg1"))
            read_payload(plain, b.rs, before)
        except noise.NoiseError:
            assert rec.text("result") == "auth"
        except Refused as e:
            assert rec.text("result") == str(e)
        else:
            raise AssertionError("not refused")
        return
    a = noise.Handshake("IK", True, before, rec.bytes("static"), noise.public(day))
    seed = rec.bytes("seed") if "seed" in rec else None
    plain = payload(rec.bytes("rendezvous"), rec.bytes("cookie"), seed, noise.public(rec.bytes("static")), before)
    assert plain == rec.bytes("payload")
    assert a.write(plain, rec.bytes("ephemeral1")) == rec.bytes("msg1") and len(rec.bytes("msg1")) == 256
    got = read_payload(b.read(rec.bytes("msg1")), b.rs, before)
    assert got == (rec.bytes("rendezvous"), rec.bytes("cookie"), rec.bytes("caller") if seed else None)
    assert b.write(bytes(16), rec.bytes("ephemeral2")) == rec.bytes("msg2") and len(rec.bytes("msg2")) == 64
    assert a.read(rec.bytes("msg2")) == bytes(16)
    assert a.split() == b.split() == (rec.bytes("to_callee"), rec.bytes("to_caller"))


def check_cell(rec):
    key, direction = rec.bytes("key"), rec.int("direction")
    plain = hctr2.decipher(key, tweak(direction), rec.bytes("cell"))
    if rec.text("result") != "ok":
        try:
            read_cell(plain)
        except Refused as e:
            assert rec.text("result") == str(e)
            return
        raise AssertionError("not refused")
    want = rec.int("counter"), rec.int("type"), rec.bytes("content")
    assert plain == cell_plain(*want) == rec.bytes("plain")
    assert read_cell(plain) == want
    assert hctr2.encipher(key, tweak(direction), plain) == rec.bytes("cell")


def check(rec):
    if "cell" in rec:
        check_cell(rec)
    else:
        check_meeting(rec)


if __name__ == "__main__":
    vectorfile.check_main(check, "tests/vectors/meet.txt")
