#!/usr/bin/python3
"""Independent reference for links: docs/protocol/10-link.md.
As a program: link.py --check tests/vectors/link.txt, or link.py --make, which prints that file's records."""

import struct
import sys

from cryptography.hazmat.primitives.ciphers.aead import ChaCha20Poly1305

import derive
import mask
import noise
import vectorfile
import work

INIT, RESPONSE, COOKIE = 1, 2, 3
PROLOGUE = b"sipmix link v1\1"


def size(cells):
    return 12 + 224 * cells + 16


def mac1_key(public):
    return derive.derive(32, "link mac1", public)


def cookie_key(public):
    return derive.derive(32, "link cookie", public)


def mac2_key(cookie):
    return derive.derive(32, "link mac2", cookie)


# ---- XChaCha20-Poly1305 (draft-irtf-cfrg-xchacha), as the cryptography package has none ----


def hchacha20(key, nonce16):
    def rotate(v, n):
        return (v << n | v >> (32 - n)) & 0xFFFFFFFF

    x = list(struct.unpack("<4I", b"expand 32-byte k") + struct.unpack("<8I", key) + struct.unpack("<4I", nonce16))

    def quarter(a, b, c, d):
        x[a] = (x[a] + x[b]) & 0xFFFFFFFF
        x[d] = rotate(x[d] ^ x[a], 16)
        x[c] = (x[c] + x[d]) & 0xFFFFFFFF
        x[b] = rotate(x[b] ^ x[c], 12)
        x[a] = (x[a] + x[b]) & 0xFFFFFFFF
        x[d] = rotate(x[d] ^ x[a], 8)
        x[c] = (x[c] + x[d]) & 0xFFFFFFFF
        x[b] = rotate(x[b] ^ x[c], 7)

    for _ in range(10):
        for i in range(4):
            quarter(i, 4 + i, 8 + i, 12 + i)
        for i in range(4):
            quarter(i, 4 + (i + 1) % 4, 8 + (i + 2) % 4, 12 + (i + 3) % 4)
    return struct.pack("<8I", *(x[0:4] + x[12:16]))


def xseal(key, nonce24, ad, plaintext):
    return ChaCha20Poly1305(hchacha20(key, nonce24[:16])).encrypt(bytes(4) + nonce24[16:], plaintext, ad)


# ---- datagrams, unmasked ----


def head(kind, cells):
    return struct.pack(">IBBB5x", 0, kind, cells, 1)


def hello1(wall, boot, kind, cells):
    return struct.pack(">QQBB6x", wall & (1 << 64) - 1, boot, kind, cells)


def hello2(boot, cells):
    return struct.pack(">QB7x", boot, cells)


def macs(body, receiver_public, cookie, random16):
    """The datagram from all that stands before mac2."""
    mac1 = derive.mac16(mac1_key(receiver_public), body)
    mac2 = derive.mac16(mac2_key(cookie), body + mac1) if cookie else random16
    return body + mac2 + mac1


def init(cells, sender, msg1, nonce, padding, receiver_public, cookie, random16):
    body = head(INIT, cells) + struct.pack(">I", sender) + msg1 + struct.pack(">Q", nonce) + padding
    return macs(body, receiver_public, cookie, random16)


def response(cells, sender, receiver, msg2, padding, receiver_public, random16):
    body = head(RESPONSE, cells) + struct.pack(">II", sender, receiver) + msg2 + padding
    return macs(body, receiver_public, None, random16)


def init_work(cookie, msg1, nonce):
    return work.bits("link work", cookie, msg1[:32], nonce)


def cookie_reply(cells, receiver, nonce, cookie, bits, init_mac1, sender_public, padding):
    box = xseal(cookie_key(sender_public), nonce, init_mac1, cookie + bytes([bits]))
    return head(COOKIE, cells) + struct.pack(">I", receiver) + nonce + box + padding


def transport(key, index, counter, cells):
    header = struct.pack(">IQ", index, counter)
    return header + noise.seal(key, counter, header, cells)


def rekey(step, sender, receiver, message):
    indexes = struct.pack(">I", sender) if step == 1 else struct.pack(">II", sender, receiver)
    return (bytes(8) + bytes([7, step]) + indexes + message).ljust(224, b"\0")


def handshake_parse(datagram):
    """Type, cells, indexes and message of an unmasked handshake; ValueError when it must be dropped."""
    if len(datagram) < 12:
        raise ValueError("short")
    index, kind, cells, suite = struct.unpack(">IBBB", datagram[:7])
    if index or suite != 1 or any(datagram[7:12]) or kind not in (INIT, RESPONSE, COOKIE):
        raise ValueError("header")
    if not 1 <= cells <= 6 or len(datagram) != size(cells):
        raise ValueError("length")
    body = datagram[12:]
    if kind == INIT:
        return kind, cells, struct.unpack(">I", body[:4]), body[4:124]
    if kind == RESPONSE:
        return kind, cells, struct.unpack(">II", body[:8]), body[8:72]
    return kind, cells, struct.unpack(">I", body[:4]), body[4:61]


# ---- checking ----


def pair(rec):
    a = noise.Handshake("IK", True, PROLOGUE, rec.bytes("init_static"), noise.public(rec.bytes("resp_static")))
    b = noise.Handshake("IK", False, PROLOGUE, rec.bytes("resp_static"))
    return a, b


def masked(public, plain):
    return mask.mask(mask.mask_key(public), plain)


def check_handshake(rec):
    """One whole handshake: payloads, messages, both datagrams, the keys."""
    a, b = pair(rec)
    cells, cookie = rec.int("cells"), rec.bytes("cookie")
    assert rec.bytes("init_payload") == hello1(rec.int("wall"), rec.int("init_boot"), rec.int("kind"), cells)
    msg1 = a.write(rec.bytes("init_payload"), rec.bytes("init_ephemeral"))
    assert msg1 == rec.bytes("msg1") and b.read(msg1) == rec.bytes("init_payload")
    public = noise.public(rec.bytes("resp_static"))
    assert rec.bytes("resp_mac1_key") == mac1_key(public)
    if cookie:
        assert rec.bytes("mac2_key") == mac2_key(cookie)
    plain = init(cells, rec.int("init_index"), msg1, rec.int("work"), rec.bytes("init_padding"), public, cookie,
                 rec.bytes("init_mac2"))
    assert plain == rec.bytes("init_plain") and len(plain) == size(cells)
    if cookie:
        assert plain[-32:-16] == rec.bytes("init_mac2")
        assert init_work(cookie, msg1, rec.int("work")) == rec.int("work_bits")
    assert masked(public, plain) == rec.bytes("init_wire")
    assert handshake_parse(plain) == (INIT, cells, (rec.int("init_index"),), msg1)

    assert rec.bytes("resp_payload") == hello2(rec.int("resp_boot"), cells)
    msg2 = b.write(rec.bytes("resp_payload"), rec.bytes("resp_ephemeral"))
    assert msg2 == rec.bytes("msg2") and a.read(msg2) == rec.bytes("resp_payload")
    public = noise.public(rec.bytes("init_static"))
    indexes = rec.int("resp_index"), rec.int("init_index")
    plain = response(cells, *indexes, msg2, rec.bytes("resp_padding"), public, rec.bytes("resp_mac2"))
    assert plain == rec.bytes("resp_plain") and masked(public, plain) == rec.bytes("resp_wire")
    assert handshake_parse(plain) == (RESPONSE, cells, indexes, msg2)
    assert a.split() == b.split() == (rec.bytes("to_responder"), rec.bytes("to_initiator"))


def check_rekey(rec):
    a, b = pair(rec)
    msg1 = a.write(rec.bytes("init_payload"), rec.bytes("init_ephemeral"))
    assert b.read(msg1) == rec.bytes("init_payload")
    assert rekey(1, rec.int("init_index"), 0, msg1) == rec.bytes("cell1")
    msg2 = b.write(rec.bytes("resp_payload"), rec.bytes("resp_ephemeral"))
    assert rekey(2, rec.int("resp_index"), rec.int("init_index"), msg2) == rec.bytes("cell2")


def check_cookie(rec):
    public = noise.public(rec.bytes("resp_static"))
    assert rec.bytes("cookie_key") == cookie_key(public)
    plain = cookie_reply(rec.int("cells"), rec.int("init_index"), rec.bytes("nonce"), rec.bytes("cookie"),
                         rec.int("bits"), rec.bytes("init_mac1"), public, rec.bytes("padding"))
    assert plain == rec.bytes("plain") and masked(public, plain) == rec.bytes("wire")  # masked under the sender's key


def check_transport(rec):
    plain = transport(rec.bytes("key"), rec.int("index"), rec.int("tick") << 8 | rec.int("k"), rec.bytes("cells"))
    assert plain == rec.bytes("plain")
    assert masked(rec.bytes("receiver"), plain) == rec.bytes("wire")


def check_refusal(rec):
    try:
        handshake_parse(rec.bytes("plain"))
    except ValueError:
        return
    raise AssertionError("not refused")


def check(rec):
    {"handshake": check_handshake, "rekey": check_rekey, "cookie": check_cookie, "transport": check_transport,
     "refuse": check_refusal}[rec.name.split("-")[0]](rec)


# ---- making ----


def show(name, **fields):
    print(f"[{name}]")
    for key, value in fields.items():
        if isinstance(value, bytes):
            words, rest = [], value
            while rest:  # lines of 32 bytes; runs of one byte are written short
                run = len(rest) - len(rest.lstrip(rest[:1]))
                if run > 8:
                    words.append(f"{rest[0]:02x}*{run}")
                else:
                    run = next((i for i in range(1, min(32, len(rest))) if len(set(rest[i : i + 9])) == 1), min(32, len(rest)))
                    words.append(rest[:run].hex())
                rest = rest[run:]
            value = ("\n" + " " * 8).join(words)
        print(f"    {key} = {value}".rstrip())


def make_handshake(name, cells, kind, seed, cookie):
    def pick(what, n):
        return derive.derive(64, "test " + what, bytes([seed]))[:n]

    def number(what, n):
        return int.from_bytes(pick(what, n), "big")

    f = dict(init_static=pick("is", 32), resp_static=pick("rs", 32), init_ephemeral=pick("ie", 32),
             resp_ephemeral=pick("re", 32), cells=cells, kind=kind, wall=1800000000 + seed,
             init_boot=number("ib", 8), resp_boot=number("rb", 8), init_index=number("ii", 4), resp_index=number("ri", 4),
             cookie=cookie, mac2_key=mac2_key(cookie) if cookie else b"")
    a = noise.Handshake("IK", True, PROLOGUE, f["init_static"], noise.public(f["resp_static"]))
    b = noise.Handshake("IK", False, PROLOGUE, f["resp_static"])
    f["init_payload"] = hello1(f["wall"], f["init_boot"], kind, cells)
    f["msg1"] = a.write(f["init_payload"], f["init_ephemeral"])
    b.read(f["msg1"])
    f["work"] = work.search("link work", cookie, f["msg1"][:32], 12, number("w", 8)) if cookie else number("w", 8)
    f["work_bits"] = init_work(cookie, f["msg1"], f["work"]) if cookie else 0
    f["init_padding"] = b"\x11" * (size(cells) - 12 - 4 - 120 - 8 - 32)
    to = noise.public(f["resp_static"])
    f["resp_mac1_key"] = mac1_key(to)
    f["init_plain"] = init(cells, f["init_index"], f["msg1"], f["work"], f["init_padding"], to, cookie, b"\x22" * 16)
    f["init_mac2"] = f["init_plain"][-32:-16]
    f["init_wire"] = masked(to, f["init_plain"])
    f["resp_payload"] = hello2(f["resp_boot"], cells)
    f["msg2"] = b.write(f["resp_payload"], f["resp_ephemeral"])
    a.read(f["msg2"])
    f["resp_padding"] = b"\x33" * (size(cells) - 12 - 8 - 64 - 32)
    f["resp_mac2"] = b"\x44" * 16
    to = noise.public(f["init_static"])
    f["resp_plain"] = response(cells, f["resp_index"], f["init_index"], f["msg2"], f["resp_padding"], to, f["resp_mac2"])
    f["resp_wire"] = masked(to, f["resp_plain"])
    f["to_responder"], f["to_initiator"] = a.split()
    show(name, **f)
    return f


def make():
    print("# tests/vectors/link.txt - docs/protocol/10-link.md.  Made and checked by tests/ref/link.py, which shares no code"
          "\n# with the C.  plain: before masking; an empty cookie: mac2 is random.")
    make_handshake("handshake-client", 3, 0, 1, b"")
    small = make_handshake("handshake-smallest", 1, 0, 2, b"")
    make_handshake("handshake-relay-cookie", 6, 1, 3, bytes(range(16)))
    f = {k: small[k] for k in ("init_static", "resp_static", "init_ephemeral", "resp_ephemeral", "init_payload",
                               "resp_payload", "init_index", "resp_index")}
    show("rekey-both", **f, cell1=rekey(1, f["init_index"], 0, small["msg1"]),
         cell2=rekey(2, f["resp_index"], f["init_index"], small["msg2"]))
    public = noise.public(small["resp_static"])
    c = dict(resp_static=small["resp_static"], cells=1, init_index=small["init_index"], nonce=bytes(range(100, 124)),
             cookie=bytes(range(16)), bits=13, init_mac1=small["init_plain"][-16:],
             padding=b"\x55" * (size(1) - 12 - 4 - 24 - 33))
    c["cookie_key"] = cookie_key(public)
    c["plain"] = cookie_reply(1, c["init_index"], c["nonce"], c["cookie"], c["bits"], c["init_mac1"], public, c["padding"])
    show("cookie-1", **c, wire=masked(public, c["plain"]))
    for name, count, index, tick, k in (("client", 1, 1, 0, 0), ("client-3", 3, 0xFFFFFFFF, 123456789, 0),
                                        ("relay", 6, 0x01020304, (1 << 56) - 1, 255)):
        t = dict(key=bytes(range(32)), receiver=public, index=index, tick=tick, k=k, cells=b"\x99" * (224 * count))
        plain = transport(t["key"], index, tick << 8 | k, t["cells"])
        show("transport-" + name, **t, plain=plain, wire=masked(public, plain))
    good = bytearray(small["init_plain"])
    for name, at, value, why in (("type-0", 4, 0, "no such type"), ("type-4", 4, 4, "no such type"),
                                 ("cells-0", 5, 0, "a link has a cell at least"), ("cells-7", 5, 7, "six at most"),
                                 ("cells-2", 5, 2, "not as long as it says"), ("suite-0", 6, 0, "no such suite"),
                                 ("suite-2", 6, 2, "no such suite yet"), ("zero-first", 7, 1, "must be zero"),
                                 ("zero-last", 11, 0x80, "must be zero"), ("index", 3, 1, "not a handshake")):
        bad = bytearray(good)
        bad[at] = value
        show("refuse-" + name, plain=bytes(bad), result="malformed", why=why)
    show("refuse-short", plain=bytes(good[:-1]), result="malformed", why="a byte too few")
    show("refuse-long", plain=bytes(good) + b"\0", result="malformed", why="a byte too many")
    show("refuse-empty", plain=b"", result="malformed", why="nothing")


if __name__ == "__main__":
    if sys.argv[1:] == ["--make"]:
        make()
    else:
        vectorfile.check_main(check, "tests/vectors/link.txt")
