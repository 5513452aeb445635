#!/usr/bin/python3
"""Independent reference for pseudonyms: names, indices, descriptors, claims, uploads, rounds.
docs/protocol/60-directory.md, sections 7 and 9.
As a program: pseudonym.py --check tests/vectors/pseudonym.txt, or --make to print that file."""

import base64
import re
import struct
import sys

import derive
import vectorfile
from document import CLAIM, DESCRIPTOR, Auth, Malformed, need, outcome, public, seed, sign, verify

LIFE_S = 3 * 86400
CLAIM_OP, RENEW_OP, TRANSFER_OP, RELEASE_OP = 1, 2, 3, 4
UPLOAD_MAX = 260


class TooLittleWork(Exception):
    pass


class Reader:
    def __init__(self, data):
        self.data, self.at = data, 0

    def take(self, length):
        need(self.at + length <= len(self.data))
        self.at += length
        return self.data[self.at - length : self.at]

    def int(self, length):
        return int.from_bytes(self.take(length), "big")

    def done(self):
        need(self.at == len(self.data))


def name_of(text):
    """Lower-case, or Malformed."""
    need(3 <= len(text) <= 32 and re.fullmatch(rb"[A-Za-z0-9._-]+", text))
    return text.lower()


def index_name(name):
    return derive.derive(32, "index", b"name:" + name)


def index_key(key):
    return derive.derive(32, "index", b"key:" + key)


def descriptor(network, by, seq, valid_from, expires, days, intros):
    body = b"\x01" + public(by) + struct.pack(">QIIBB", seq, valid_from, expires, len(days), len(intros))
    for day, key in days:
        body += struct.pack(">I", day) + key
    body += b"".join(intros)
    return body + sign(DESCRIPTOR, network + body, by)


def read_descriptor(network, data):
    r = Reader(data)
    need(r.int(1) == 1)
    key, seq, valid_from, expires = r.take(32), r.int(8), r.int(4), r.int(4)
    day_count, intro_count = r.int(1), r.int(1)
    need(1 <= day_count <= 2 and 1 <= intro_count <= 2)
    days = [(r.int(4), r.take(32)) for _ in range(day_count)]
    intros = [r.take(32) for _ in range(intro_count)]
    body, sig = data[: r.at], r.take(64)
    r.done()
    need(valid_from < expires <= valid_from + LIFE_S)
    need(all(a[0] < b[0] for a, b in zip(days, days[1:])) and len(set(intros)) == len(intros))
    verify(DESCRIPTOR, network + body, sig, key)
    return key, seq, valid_from, expires, days, intros


def claim(network, by, op, name, seq, new=None):
    body = bytes([1, op, len(name)]) + name + public(by) + struct.pack(">Q", seq)
    if new:
        body += public(new)
    out = body + sign(CLAIM, network + body, by)
    return out + sign(CLAIM, network + body, new) if new else out


def read_claim(network, data):
    r = Reader(data)
    need(r.int(1) == 1)
    op, name_len = r.int(1), r.int(1)
    name, key, seq = r.take(name_len), r.take(32), r.int(8)
    need(1 <= op <= 4 and name_of(name) == name)
    new = r.take(32) if op == TRANSFER_OP else None
    body, sig = data[: r.at], r.take(64)
    new_sig = r.take(64) if new else None
    r.done()
    verify(CLAIM, network + body, sig, key)
    if new:
        verify(CLAIM, network + body, new_sig, new)
    return op, name, key, seq, new


def consent(network, holder, name, seq, new):
    """holder: his public key; new: the seed of who shall have the name."""
    body = bytes([1, TRANSFER_OP, len(name)]) + name + holder + struct.pack(">Q", seq) + public(new)
    out = b"\x01" + struct.pack(">Q", seq) + public(new) + sign(CLAIM, network + body, new)
    return base64.b32encode(out).lower()


def read_consent(network, holder, name, text):
    need(len(text) == 168 and re.fullmatch(rb"[A-Za-z2-7]*", text))
    data = base64.b32decode(text.upper())
    need(data[0] == 1)
    seq, new, sig = data[1:9], data[9:41], data[41:]
    verify(CLAIM, network + bytes([1, TRANSFER_OP, len(name)]) + name + holder + seq + new, sig, new)
    return int.from_bytes(seq, "big"), new


def work(network, upload):
    value = int.from_bytes(derive.derive(32, "work", network + upload), "big")
    return 256 - value.bit_length()


def upload(tag, body, nonce=0):
    return bytes([tag]) + struct.pack(">Q", nonce) + body


def solve(network, tag, body, bits):
    nonce = 0
    while work(network, upload(tag, body, nonce)) < bits:
        nonce += 1
    return upload(tag, body, nonce)


def read_upload(network, bits, data):
    need(9 < len(data) <= UPLOAD_MAX and data[0] in (1, 2))
    if work(network, data) < bits:
        raise TooLittleWork()
    return (read_claim if data[0] == 1 else read_descriptor)(network, data[9:])


def round_of(uploads):
    out = b"SMXR\x01" + struct.pack(">H", len(uploads))
    return out + b"".join(struct.pack(">H", len(u)) + u for u in uploads)


def read_round(data):
    r = Reader(data)
    need(r.take(4) == b"SMXR" and r.int(1) == 1)
    count, got = r.int(2), []
    need(count <= 256)
    for _ in range(count):
        got.append(r.take(r.int(2)))
        need(1 <= len(got[-1]) <= UPLOAD_MAX)
    r.done()
    return got


# ---- vectors ----


def result_of(call):
    try:
        return outcome(call)
    except TooLittleWork:
        return "refused"


def check(rec):
    kind = rec.text("kind")
    result = "ok"
    if kind == "name":
        result = outcome(lambda: name_of(rec.bytes("text")))
        if result == "ok":
            assert name_of(rec.bytes("text")) == rec.bytes("name")
            assert index_name(rec.bytes("name")) == rec.bytes("index")
    elif kind == "key":
        assert index_key(rec.bytes("key")) == rec.bytes("index")
    elif kind == "descriptor":
        network, data = rec.bytes("network"), rec.bytes("wire")
        result = outcome(lambda: read_descriptor(network, data))
        if result == "ok":
            key, seq, valid_from, expires, days, intros = read_descriptor(network, data)
            assert (key, seq, valid_from) == (rec.bytes("key"), rec.int("seq"), rec.int("from"))
            assert (expires, len(days), len(intros)) == (rec.int("expires"), rec.int("days"), rec.int("intros"))
            assert descriptor(network, rec.bytes("seed"), seq, valid_from, expires, days, intros) == data
    elif kind == "claim":
        network, data = rec.bytes("network"), rec.bytes("wire")
        result = outcome(lambda: read_claim(network, data))
        if result == "ok":
            op, name, key, seq, _ = read_claim(network, data)
            assert (op, name, key, seq) == (rec.int("op"), rec.bytes("name"), rec.bytes("key"), rec.int("seq"))
            new = rec.bytes("new_seed") if "new_seed" in rec else None
            assert claim(network, rec.bytes("seed"), op, name, seq, new) == data
    elif kind == "consent":
        arguments = rec.bytes("network"), rec.bytes("holder"), rec.bytes("name"), rec.bytes("text")
        result = outcome(lambda: read_consent(*arguments))
        if result == "ok":
            assert read_consent(*arguments) == (rec.int("seq"), public(rec.bytes("seed")))
            assert consent(*arguments[:3], rec.int("seq"), rec.bytes("seed")) == rec.bytes("text")
    elif kind == "upload":
        network, data = rec.bytes("network"), rec.bytes("wire")
        assert work(network, data) == rec.int("work")
        result = result_of(lambda: read_upload(network, rec.int("bits"), data))
    else:
        assert kind == "round"
        result = outcome(lambda: read_round(rec.bytes("wire")))
        if result == "ok":
            assert len(read_round(rec.bytes("wire"))) == rec.int("count")
            assert round_of(read_round(rec.bytes("wire"))) == rec.bytes("wire")
    assert result == rec.text("result"), result


NETWORK = bytes(range(32))
DAY = 1790000000 // 86400
FROM = DAY * 86400


def emit(record, **fields):
    print(vectorfile.write_record(record, fields), end="")


def make_names():
    for n, text in enumerate([b"bob", b"Alice.B-1_x", b"anon-abcdefgh", b"a" * 32, b"..."]):
        name = name_of(text)
        emit(f"name-{n}", kind="name", text='"' + text.decode() + '"', name='"' + name.decode() + '"',
             index=index_name(name), result="ok")
    bad = [(b"ab", "short"), (b"a" * 33, "long"), (b"bob!", "letter"), (b"b\xc3\xb6b", "only ASCII"), (b"bo\0b", "NUL"),
           (b"bob@x", "no @"), (b"b ob", "blank")]
    for n, (text, why) in enumerate(bad):
        emit(f"name-bad-{n}", kind="name", text=text, result="malformed", why=why)
    emit("key-1", kind="key", key=public(seed(5)), index=index_key(public(seed(5))), result="ok")


def make_descriptors():
    days = [(DAY, b"\x0a" * 32), (DAY + 1, b"\x0b" * 32)]
    intros = [b"\x0c" * 32, b"\x0d" * 32]

    def put(name, data=None, why=None, seq=7, valid_from=FROM, expires=FROM + 86400, d=days[:1], i=intros[:1]):
        data = data or descriptor(NETWORK, seed(5), seq, valid_from, expires, d, i)
        result = outcome(lambda: read_descriptor(NETWORK, data))
        extra = {"why": why}
        if result == "ok":
            extra = {"seed": seed(5), "key": public(seed(5)), "seq": seq, "from": valid_from, "expires": expires,
                     "days": len(d), "intros": len(i)}
        emit("descriptor-" + name, kind="descriptor", network=NETWORK, wire=data, result=result, **extra)

    good = descriptor(NETWORK, seed(5), 7, FROM, FROM + 86400, days[:1], intros[:1])
    put("least")
    put("most", seq=2**64 - 1, expires=FROM + LIFE_S, d=days, i=intros)
    put("2106", valid_from=2**32 - 2, expires=2**32 - 1)
    put("version", b"\x02" + good[1:], "version")
    put("no-days", d=[], why="a day key is needed")
    put("three-days", d=days + [(DAY + 2, b"\x0e" * 32)], why="two at most")
    put("no-intros", i=[], why="an introduction relay is needed")
    put("three-intros", i=intros + [b"\x0e" * 32], why="two at most")
    put("same-day", d=[days[0], days[0]], why="days ascend")
    put("days-back", d=days[::-1], why="days ascend")
    put("same-intro", i=[intros[0]] * 2, why="the same relay twice")
    put("backwards", expires=FROM, why="no time at all")
    put("long-life", expires=FROM + LIFE_S + 1, why="three days at most")
    put("short", good[:-1], "a byte too few")
    put("long", good + b"\0", "a byte too many")
    put("empty", b"\x01", "only a version")
    put("forged", good[:-64] + sign(DESCRIPTOR, NETWORK + good[:-64], seed(6)), "signed by another key")
    put("other-network", descriptor(bytes(32), seed(5), 7, FROM, FROM + 86400, days[:1], intros[:1]), "signed for another network")
    put("as-claim", good[:-64] + sign(CLAIM, NETWORK + good[:-64], seed(5)), "signed as a claim")


def make_claims():
    def put(name, data, why=None, new=None):
        result = outcome(lambda: read_claim(NETWORK, data))
        extra = {"why": why}
        if result == "ok":
            op, who, key, seq, _ = read_claim(NETWORK, data)
            extra = {"seed": seed(5), "op": op, "name": '"' + who.decode() + '"', "key": key, "seq": seq}
            if new:
                extra["new_seed"] = new
        emit("claim-" + name, kind="claim", network=NETWORK, wire=data, result=result, **extra)

    good = claim(NETWORK, seed(5), CLAIM_OP, b"bob", 1)
    moved = claim(NETWORK, seed(5), TRANSFER_OP, b"bob", 3, seed(6))
    put("claim", good)
    put("renew", claim(NETWORK, seed(5), RENEW_OP, b"anon-abcdefgh", 2**64 - 1))
    put("transfer", moved, new=seed(6))
    put("release", claim(NETWORK, seed(5), RELEASE_OP, b"a" * 32, 0))
    put("version", b"\x02" + good[1:], "version")
    put("op-0", claim(NETWORK, seed(5), 0, b"bob", 1), "unknown operation")
    put("op-5", claim(NETWORK, seed(5), 5, b"bob", 1), "unknown operation")
    put("capitals", claim(NETWORK, seed(5), CLAIM_OP, b"Bob", 1), "lower-case on the wire")
    put("short-name", claim(NETWORK, seed(5), CLAIM_OP, b"bo", 1), "three letters at least")
    put("long-name", claim(NETWORK, seed(5), CLAIM_OP, b"a" * 33, 1), "32 letters at most")
    put("name-past-end", good[:2] + b"\xff" + good[3:], "name longer than the claim")
    put("short", good[:-1], "a byte too few")
    put("long", good + b"\0", "a byte too many")
    put("one-signature", moved[:-64], "a transfer has two")
    put("two-signatures", good + good[-64:], "a claim has one")
    put("forged", good[:-64] + sign(CLAIM, NETWORK + good[:-64], seed(6)), "signed by another key")
    put("not-taken", moved[:-64] + moved[-128:-64], "the new key has to sign as well")
    put("other-network", claim(bytes(32), seed(5), CLAIM_OP, b"bob", 1), "signed for another network")


def make_consents():
    def put(name, text, why=None, who=b"bob", holder=public(seed(5)), network=NETWORK):
        result = outcome(lambda: read_consent(network, holder, who, text))
        extra = {"why": why} if why else {"seed": seed(6), "seq": read_consent(network, holder, who, text)[0]}
        emit("consent-" + name, kind="consent", network=network, holder=holder, name='"' + who.decode() + '"',
             text='"' + text.decode() + '"', result=result, **extra)

    good = consent(NETWORK, public(seed(5)), b"bob", 1790000000, seed(6))
    put("good", good)
    put("most", consent(NETWORK, public(seed(5)), b"a" * 32, 2**64 - 1, seed(6)), who=b"a" * 32)
    put("short", good[:-1], "a letter too few")
    put("long", good + b"a", "a letter too many")
    put("letter", good[:-1] + b"1", "no letter of base32")
    put("version", b"b" + good[1:], "version")
    put("other-name", good, "for another name", who=b"rob")
    put("other-holder", good, "for another holder", holder=public(seed(7)))
    put("other-network", good, "for another network", network=bytes(32))
    put("forged", good[:-1] + (b"a" if good[-1:] != b"a" else b"b"), "another signature")


def make_uploads():
    body = claim(NETWORK, seed(5), CLAIM_OP, b"bob", 1)
    desc = descriptor(NETWORK, seed(5), 7, FROM, FROM + 86400, [(DAY, b"\x0a" * 32)], [b"\x0c" * 32])

    def put(name, data, bits=0, why=None):
        result = result_of(lambda: read_upload(NETWORK, bits, data))
        extra = {"why": why} if why else {}
        emit("upload-" + name, kind="upload", network=NETWORK, bits=bits, wire=data, work=work(NETWORK, data), result=result, **extra)

    put("claim", upload(1, body))
    put("descriptor", upload(2, desc))
    put("work-8", solve(NETWORK, 1, body, 8), bits=8)
    put("work-12", solve(NETWORK, 2, desc, 12), bits=12)
    idle = solve(NETWORK, 1, body, 8)
    put("little-work", idle, bits=work(NETWORK, idle) + 1, why="too little work")
    put("tag-0", upload(0, body), why="unknown tag")
    put("tag-3", upload(3, body), why="unknown tag")
    put("wrong-tag", upload(2, body), why="a claim, tagged as a descriptor")
    put("bare", upload(1, b""), why="no body")
    put("forged", upload(1, body[:-1] + bytes([body[-1] ^ 1])), why="a wrong signature")


def make_rounds():
    def put(name, data, why=None):
        result = outcome(lambda: read_round(data))
        extra = {"why": why} if why else {"count": len(read_round(data))}
        emit("round-" + name, kind="round", wire=data, result=result, **extra)

    two = round_of([b"\x01" * 10, b"\x02" * 260])
    put("none", round_of([]))
    put("two", two)
    put("magic", b"SMXV" + two[4:], "a reply's magic")
    put("version", two[:4] + b"\x02" + two[5:], "version")
    put("count", two[:5] + b"\x00\x03" + two[7:], "fewer than announced")
    put("many", round_of([b"\x01"] * 257), "256 at most")
    put("empty-item", round_of([b""]), "an empty upload")
    put("long-item", round_of([b"\x01" * 261]), "longer than any upload")
    put("long", two + b"\0", "a byte too many")
    put("short", two[:-1], "a byte too few")


if __name__ == "__main__":
    if sys.argv[1:] == ["--make"]:
        print("# tests/vectors/pseudonym.txt - docs/protocol/60-directory.md, sections 7 and 9.  Made and checked by")
        print("# tests/ref/pseudonym.py, which shares no code with the C.")
        make_names()
        make_descriptors()
        make_claims()
        make_consents()
        make_uploads()
        make_rounds()
    else:
        vectorfile.check_main(check, "tests/vectors/pseudonym.txt")
