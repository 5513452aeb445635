#!/usr/bin/python3
"""Independent reference for Noise_IK and Noise_NK, 25519_ChaChaPoly_BLAKE2b, and the transport AEAD:
docs/protocol/05-crypto.md, sections 3 and 4.  As a program: noise.py --check tests/vectors/noise.txt

    a = noise.Handshake("IK", True, prologue, static=secret, remote_static=public)
    message = a.write(payload, ephemeral=secret)
    payload = a.read(message)
    to_responder, to_initiator = a.split()
"""

import hashlib
import hmac as stdlib_hmac

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.ciphers.aead import ChaCha20Poly1305
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

import vectorfile

PATTERNS = {"IK": (("e", "es", "s", "ss"), ("e", "ee", "se")), "NK": (("e", "es"), ("e", "ee"))}


class NoiseError(Exception):
    """A message that is not genuine, or a key that must be refused."""


def public(secret):
    return X25519PrivateKey.from_private_bytes(secret).public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)


def dh(secret, remote_public):
    try:
        return X25519PrivateKey.from_private_bytes(secret).exchange(X25519PublicKey.from_public_bytes(remote_public))
    except ValueError as e:  # the shared secret is zero
        raise NoiseError("key of low order") from e


def blake2b(data):
    return hashlib.blake2b(data).digest()


def hkdf(chaining_key, ikm):
    def mac(key, data):
        return stdlib_hmac.new(key, data, hashlib.blake2b).digest()

    temp = mac(chaining_key, ikm)
    one = mac(temp, b"\1")
    return one, mac(temp, one + b"\2")


def nonce(counter):
    return bytes(4) + counter.to_bytes(8, "little")


def seal(key, counter, ad, plaintext):
    return ChaCha20Poly1305(key).encrypt(nonce(counter), plaintext, ad)


def open_(key, counter, ad, ciphertext):
    try:
        return ChaCha20Poly1305(key).decrypt(nonce(counter), ciphertext, ad)
    except (InvalidTag, ValueError) as e:
        raise NoiseError("tag") from e


class Handshake:
    def __init__(self, pattern, initiator, prologue, static=None, remote_static=None):
        self.pattern, self.initiator = PATTERNS[pattern], initiator
        self.s, self.rs, self.e, self.re = static, remote_static, None, None
        name = f"Noise_{pattern}_25519_ChaChaPoly_BLAKE2b".encode()
        self.h = self.ck = name.ljust(64, b"\0")
        self.k, self.n, self.done = None, 0, 0
        self._mix_hash(prologue)
        self._mix_hash(remote_static if initiator else public(static))

    def _mix_hash(self, data):
        self.h = blake2b(self.h + data)

    def _mix_key(self, ikm):
        self.ck, temp = hkdf(self.ck, ikm)
        self.k, self.n = temp[:32], 0

    def _dh(self, token):
        mine = token[0] if self.initiator else token[1]
        theirs = token[1] if self.initiator else token[0]
        self._mix_key(dh(self.e if mine == "e" else self.s, self.re if theirs == "e" else self.rs))

    def _encrypt(self, plaintext):
        out = seal(self.k, self.n, self.h, plaintext)
        self.n += 1
        self._mix_hash(out)
        return out

    def _decrypt(self, ciphertext):
        out = open_(self.k, self.n, self.h, ciphertext)
        self.n += 1
        self._mix_hash(ciphertext)
        return out

    def write(self, payload, ephemeral):
        assert self.initiator == (self.done == 0)
        out = b""
        for token in self.pattern[self.done]:
            if token == "e":
                self.e = ephemeral
                self._mix_hash(public(self.e))
                out += public(self.e)
            elif token == "s":
                out += self._encrypt(public(self.s))
            else:
                self._dh(token)
        self.done += 1
        return out + self._encrypt(payload)

    def read(self, message):
        """The payload; NoiseError when the message is refused: the state must then be thrown away."""
        assert self.initiator != (self.done == 0)
        for token in self.pattern[self.done]:
            if token == "e":
                self.re, message = message[:32], message[32:]
                if len(self.re) < 32:
                    raise NoiseError("short")
                self._mix_hash(self.re)
            elif token == "s":
                self.rs, message = self._decrypt(message[:48]), message[48:]
            else:
                self._dh(token)
        self.done += 1
        return self._decrypt(message)

    def split(self):
        """The keys initiator to responder, and back."""
        assert self.done == 2
        one, two = hkdf(self.ck, b"")
        return one[:32], two[:32]


def pair(rec):
    """Both sides of a record's handshake."""
    static = rec.bytes("init_static") if "init_static" in rec else None
    resp = rec.bytes("resp_static")
    remote = rec.bytes("init_remote_static") if "init_remote_static" in rec else public(resp)
    return (
        Handshake(rec.text("pattern"), True, rec.bytes("prologue"), static, remote),
        Handshake(rec.text("pattern"), False, rec.bytes("prologue"), resp),
    )


def check_handshake(rec):
    a, b = pair(rec)
    if "init_remote_static" in rec:
        assert rec.bytes("init_remote_static") == public(rec.bytes("resp_static"))
    one = a.write(rec.bytes("payload1"), rec.bytes("init_ephemeral"))
    assert one == rec.bytes("message1")
    assert b.read(one) == rec.bytes("payload1")
    if "init_static" in rec:
        assert b.rs == public(rec.bytes("init_static"))
    two = b.write(rec.bytes("payload2"), rec.bytes("resp_ephemeral"))
    assert two == rec.bytes("message2")
    assert a.read(two) == rec.bytes("payload2")
    assert a.h == b.h and a.split() == b.split()
    if "hash" in rec:
        assert a.h == rec.bytes("hash")
    if "to_responder" in rec:
        assert a.split() == (rec.bytes("to_responder"), rec.bytes("to_initiator"))
    i = 3  # transport messages, first from the initiator, then by turns, each side with its own counter
    while f"message{i}" in rec:
        key, counter = a.split()[(i - 3) % 2], (i - 3) // 2
        assert seal(key, counter, b"", rec.bytes(f"payload{i}")) == rec.bytes(f"message{i}")
        i += 1


def check_refusal(rec):
    """One of the messages is bad; the side that reads it refuses."""
    a, b = pair(rec)
    try:
        if "message1" in rec:
            b.read(rec.bytes("message1"))
        else:
            a.write(b"", rec.bytes("init_ephemeral"))
            a.read(rec.bytes("message2"))
    except NoiseError:
        return
    raise AssertionError("not refused")


def check_aead(rec):
    args = rec.bytes("key"), rec.int("counter"), rec.bytes("ad")
    if rec.text("result") == "ok":
        assert seal(*args, rec.bytes("plain")) == rec.bytes("sealed")
        assert open_(*args, rec.bytes("sealed")) == rec.bytes("plain")
        return
    try:
        open_(*args, rec.bytes("sealed"))
    except NoiseError:
        return
    raise AssertionError("not refused")


def check(rec):
    if "sealed" in rec:
        check_aead(rec)
    elif rec.text("result") == "ok":
        check_handshake(rec)
    else:
        check_refusal(rec)


if __name__ == "__main__":
    vectorfile.check_main(check, "tests/vectors/noise.txt")
