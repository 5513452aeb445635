#!/usr/bin/python3
"""Independent reference for the directory's signed documents: network file, relay descriptor, consensus.
docs/protocol/60-directory.md, sections 1 to 6.
As a program: document.py --check tests/vectors/document.txt, or --make to print that file."""

import hashlib
import json
import re
import struct
import sys
import zlib

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

import derive
import vectorfile

LABEL = {1: "relay", 2: "consensus", 3: "batch", 4: "descriptor", 5: "claim"}
RELAY, CONSENSUS, BATCH, DESCRIPTOR, CLAIM = LABEL
RELAY_RAW_MAX, CONSENSUS_RAW_MAX = 32 << 10, 6 << 20
INT_MAX = 2**63 - 1

# name: default, least, most
PARAMS = {
    "tick_ms": (10, 5, 50),
    "slot_period_ms": (20, 10, 100),
    "listen_period_ms": (40, 20, 200),
    "epoch_s": (3600, 30, 86400),
    "margin_min_us": (1000, 100, 100000),
    "margin_max_us": (15000, 100, 100000),
    "margin_unknown_us": (5000, 100, 100000),
    "batch_s": (300, 2, 3600),
    "batch_valid": (6, 2, 100),
    "link_floor": (1, 1, 64),
    "fanout": (64, 3, 64),
    "floor_circuits": (32, 0, 4096),
    "slots_max": (2, 1, 4),
    "distinct_subnets": (1, 0, 1),
    "private_addresses": (0, 0, 1),
    "claim_work_bits": (18, 0, 40),
    "name_grace_s": (2592000, 60, 31536000),
    "nearness": (4, 0, 8),
    "nearness_guard": (0, 0, 8),
    "consensus_valid": (3, 2, 24),
}
LAYERS = ["guard", "middle", "end", "exit"]


class Malformed(Exception):
    pass


class Auth(Exception):
    pass


def need(condition):
    if not condition:
        raise Malformed()


# ---- signing ----


def blake(data):
    return hashlib.blake2b(data, digest_size=32).digest()


def public(seed):
    return Ed25519PrivateKey.from_private_bytes(seed).public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)


def message(kind, raw):
    return b"sipmix " + LABEL[kind].encode() + b" v1" + blake(raw)


def sign(kind, raw, seed):
    return Ed25519PrivateKey.from_private_bytes(seed).sign(message(kind, raw))


def verify(kind, raw, sig, key):
    try:
        Ed25519PublicKey.from_public_bytes(key).verify(sig, message(kind, raw))
    except InvalidSignature:
        raise Auth()


def verify_network(keys, kind, raw, sigs):
    """keys: the authorities', sorted; sigs: (signer, signature), ascending."""
    if len(sigs) <= len(keys) // 2 or [s for s, _ in sigs] != sorted({s for s, _ in sigs}):
        raise Auth()
    for signer, sig in sigs:
        if signer >= len(keys):
            raise Auth()
        verify(kind, raw, sig, keys[signer])


def network_id(keys):
    return derive.derive(32, "network", b"".join(sorted(keys)))


# ---- envelope ----


def envelope(kind, raw, sigs, pack=0):
    out = b"SMXD" + bytes([1, kind, pack, len(sigs)])
    for signer, sig in sigs:
        out += bytes([signer]) + sig
    return out + struct.pack(">I", len(raw)) + (zlib.compress(raw, 9) if pack else raw)


def open_envelope(kind, data, raw_max):
    need(len(data) >= 12 and data[:4] == b"SMXD" and data[4] == 1 and data[5] == kind)
    pack, count = data[6], data[7]
    need(pack <= 1 and 1 <= count <= 16)
    at, sigs = 8, []
    for _ in range(count):
        need(len(data) >= at + 65)
        sigs.append((data[at], data[at + 1 : at + 65]))
        at += 65
    need(all(a[0] < b[0] for a, b in zip(sigs, sigs[1:])))
    need(len(data) >= at + 4)
    (raw_len,) = struct.unpack(">I", data[at : at + 4])
    body = data[at + 4 :]
    need(0 < raw_len <= raw_max)
    if pack == 0:
        need(len(body) == raw_len)
        return body, sigs
    unpacker = zlib.decompressobj()
    try:
        raw = unpacker.decompress(body, raw_len + 1)
    except zlib.error:
        raise Malformed()
    need(len(raw) == raw_len and unpacker.eof and not unpacker.unused_data)
    return raw, sigs


# ---- JSON ----


def _no_doubles(pairs):
    need(len({k for k, _ in pairs}) == len(pairs))
    return dict(pairs)


def load(kind, raw):
    try:
        doc = json.loads(raw.decode("utf-8"), object_pairs_hook=_no_doubles)
    except (ValueError, RecursionError):
        raise Malformed()
    need(isinstance(doc, dict) and doc.get("sipmix") == kind and integer(doc.get("version"), 1, 1))
    return doc


def dump(doc):
    return json.dumps(doc, separators=(",", ":")).encode()


def integer(value, least, most):
    return type(value) is int and least <= value <= most


def hexed(value, length):
    need(isinstance(value, str) and re.fullmatch(r"[0-9a-f]{%d}" % (2 * length), value))
    return bytes.fromhex(value)


def text(value, cap):
    need(isinstance(value, str) and 1 <= len(value) < cap and all(" " <= c <= "~" for c in value))
    return value


def listed(value, least, most):
    need(isinstance(value, list) and least <= len(value) <= most)
    return value


def address(value):
    import ipaddress

    m = re.fullmatch(r"(\[([0-9a-f:.]+)\]|([0-9.]+)):([0-9]{1,6})", text(value, 56))
    need(m and 1 <= int(m.group(4)) <= 65535)
    try:
        return ipaddress.ip_address(m.group(2) or m.group(3)), int(m.group(4))
    except ValueError:
        raise Malformed()


def addresses(value):
    got = [address(a) for a in listed(value, 1, 2)]
    need(len(set(got)) == len(got))
    return got


def onions(value):
    got = []
    for o in listed(value, 1, 3):
        need(isinstance(o, dict) and integer(o.get("epoch"), 0, INT_MAX))
        key = hexed(o.get("key"), 32)
        got.append((blake(key)[:8], key, o["epoch"]))
    need(all(a[2] < b[2] for a, b in zip(got, got[1:])))
    return got


def plain(value, cap):
    need(re.fullmatch(r"[a-z0-9._-]+", text(value, cap)))


# ---- the documents ----


def read_network(raw):
    """The sorted authority keys."""
    need(len(raw) <= 64 << 10)
    doc = load("network", raw)
    ident = hexed(doc.get("id"), 32)
    plain(doc.get("domain"), 64)
    keys = []
    for a in listed(doc.get("authorities"), 1, 16):
        need(isinstance(a, dict))
        plain(a.get("name"), 32)
        keys.append(hexed(a.get("key"), 32))
        address(a.get("http"))
    for r in listed(doc.get("relays"), 0, 32):
        need(isinstance(r, dict))
        hexed(r.get("id"), 32)
        hexed(r.get("link_key"), 32)
        addresses(r.get("addr"))
    need(len(set(keys)) == len(keys) and network_id(keys) == ident)
    return sorted(keys)


def read_relay(data):
    raw, sigs = open_envelope(RELAY, data, RELAY_RAW_MAX)
    doc = load("relay", raw)
    need(len(sigs) == 1 and sigs[0][0] == 0)
    hexed(doc.get("network"), 32)
    ident = hexed(doc.get("id"), 32)
    hexed(doc.get("link_key"), 32)
    onions(doc.get("onion"))
    addresses(doc.get("addr"))
    need(doc.get("role") in ("relay", "exit"))
    text(doc.get("software"), 32)
    need(integer(doc.get("published"), 0, INT_MAX) and integer(doc.get("rate"), 0, 2**32 - 1))
    for pair in listed(doc.get("links"), 0, 256):
        listed(pair, 2, 2)
        hexed(pair[0], 32)
        need(integer(pair[1], 0, 2**32 - 1))
    if "rtt" in doc:
        got = listed(doc["rtt"], len(doc["links"]), len(doc["links"]))
        need(all(integer(ms, 0, 2**16 - 1) for ms in got))
    verify(RELAY, raw, sigs[0][1], ident)
    return doc


def read_params(value):
    need(isinstance(value, dict))
    got = {}
    for name, (preset, least, most) in PARAMS.items():
        got[name] = value.get(name, preset)
        need(integer(got[name], least, most))
    need(got["slot_period_ms"] % got["tick_ms"] == 0)
    need(got["listen_period_ms"] == 2 * got["slot_period_ms"])
    need(got["margin_min_us"] <= got["margin_unknown_us"] <= got["margin_max_us"])
    need(got["batch_s"] <= got["epoch_s"])
    return got


def adjacent(a, b):
    return abs(a - b) == 1 or a == b == 2


def read_consensus(keys, data):
    raw, sigs = open_envelope(CONSENSUS, data, CONSENSUS_RAW_MAX)
    verify_network(keys, CONSENSUS, raw, sigs)
    doc = load("consensus", raw)
    ident = hexed(doc.get("network"), 32)
    hexed(doc.get("previous"), 32)
    need(integer(doc.get("epoch"), 0, INT_MAX) and integer(doc.get("valid_after"), 0, INT_MAX))
    need(integer(doc.get("fresh_until"), doc["valid_after"], INT_MAX))
    need(integer(doc.get("valid_until"), doc["fresh_until"], INT_MAX))
    params = read_params(doc.get("params"))
    need(doc["epoch"] == doc["valid_after"] // params["epoch_s"])
    if ident != network_id(keys):
        raise Auth()
    relays = listed(doc.get("relays"), 0, 4096)
    links = listed(doc.get("links"), 0, 262144 if len(relays) > 1 else 0)
    ids, layers = [], []
    for r in relays:
        need(isinstance(r, dict))
        ids.append(hexed(r.get("id"), 32))
        hexed(r.get("link_key"), 32)
        onions(r.get("onion"))
        addresses(r.get("addr"))
        need(r.get("layer") in LAYERS)
        layers.append(LAYERS.index(r["layer"]))
        need(all(isinstance(f, str) for f in listed(r.get("flags"), 0, 32)))
        need(integer(r.get("weight"), 0, 1000000))
    need(all(a < b for a, b in zip(ids, ids[1:])))
    pairs = []
    for l in links:
        a, b, rate = listed(l, 3, 3)
        need(integer(b, 1, len(relays) - 1) and integer(a, 0, b - 1))
        need(integer(rate, params["link_floor"] + 1, 1024) and adjacent(layers[a], layers[b]))
        pairs.append((a, b))
    need(all(a < b for a, b in zip(pairs, pairs[1:])))
    return doc, raw


def is_kept(fanout, size, id_a, id_b):
    """Whether a pair of the middle layer keeps its link when the larger of its layers has size relays."""
    part = int.from_bytes(derive.derive(32, "fanout", min(id_a, id_b) + max(id_a, id_b))[:4], "big")
    return size <= fanout or part * size < fanout << 32


# ---- vectors ----


def outcome(call):
    try:
        call()
    except Malformed:
        return "malformed"
    except Auth:
        return "auth"
    return "ok"


def check(rec):
    kind = rec.text("kind")
    if kind == "network":
        result = outcome(lambda: read_network(rec.bytes("file")))
        if result == "ok":
            assert network_id(read_network(rec.bytes("file"))) == rec.bytes("id")
    elif kind == "relay":
        result = outcome(lambda: read_relay(rec.bytes("envelope")))
        if result == "ok":
            doc = read_relay(rec.bytes("envelope"))
            raw, sigs = open_envelope(RELAY, rec.bytes("envelope"), RELAY_RAW_MAX)
            assert blake(raw) == rec.bytes("hash") and sign(RELAY, raw, rec.bytes("seed")) == sigs[0][1]
            assert message(RELAY, raw) == rec.bytes("message")
            assert onions(doc["onion"])[0][0] == rec.bytes("tag")
    elif kind == "consensus":
        keys = sorted(rec.bytes("keys")[i : i + 32] for i in range(0, len(rec.bytes("keys")), 32))
        result = outcome(lambda: read_consensus(keys, rec.bytes("envelope")))
        if result == "ok":
            assert blake(read_consensus(keys, rec.bytes("envelope"))[1]) == rec.bytes("hash")
    else:
        assert kind == "fanout"
        kept = is_kept(rec.int("fanout"), rec.int("size"), rec.bytes("a"), rec.bytes("b"))
        result = "kept" if kept else "none"
    assert result == rec.text("result"), result


def seed(n):
    return bytes([n]) * 32


def quoted(data):
    """A word of a vector file for printable bytes, else hex."""
    if all(32 <= c < 127 for c in data):
        return '"' + data.decode().replace("\\", "\\\\").replace('"', '\\"') + '"'
    return data.hex()


def emit(record, **fields):
    print(vectorfile.write_record(record, fields), end="")


def changed(doc, path, value):
    """A copy with one member replaced; path like "relays.0.id"; value None removes it."""
    copy = json.loads(json.dumps(doc))
    steps = [int(s) if s.isdigit() else s for s in path.split(".")]
    at = copy
    for s in steps[:-1]:
        at = at[s]
    if value is None:
        del at[steps[-1]]
    else:
        at[steps[-1]] = value
    return copy


def make_networks():
    keys = [public(seed(n)) for n in (1, 2, 3)]
    doc = {"sipmix": "network", "version": 1, "id": network_id(keys).hex(), "domain": "sipmix.alt",
           "authorities": [{"name": f"a{i}", "key": k.hex(), "http": f"127.0.0.{i + 1}:8080"}
                           for i, k in enumerate(sorted(keys))],
           "relays": [{"id": public(seed(9)).hex(), "link_key": "0a" * 32,
                       "addr": ["127.1.0.1:9001", "[fd00::1]:9001"]}]}

    def put(name, d, why=None):
        raw = d if isinstance(d, bytes) else dump(d)
        result = outcome(lambda: read_network(raw))
        extra = {"id": network_id(keys)} if result == "ok" else {"why": why}
        emit("network-" + name, kind="network", file=quoted(raw), result=result, **extra)

    put("three", doc)
    put("unknown-member", dict(doc, later={"x": [1]}))
    unsorted = json.loads(json.dumps(doc))
    unsorted["authorities"].reverse()
    put("any-order", unsorted)
    put("id", dict(doc, id="00" * 32), "id of other keys")
    put("capitals", dict(doc, id=doc["id"].upper()), "hex is lower-case")
    put("version", dict(doc, version=2), "unknown version")
    put("version-text", dict(doc, version="1"), "a number")
    put("kind", dict(doc, sipmix="consensus"), "another document")
    put("none", dict(doc, authorities=[]), "no authority")
    put("not-a-list", dict(doc, relays={}), "wrong type")
    put("domain", dict(doc, domain="Sip mix"), "no domain")
    put("port", changed(doc, "authorities.0.http", "127.0.0.1:0"), "port 0")
    put("host-name", changed(doc, "authorities.0.http", "localhost:80"), "no IP address")
    put("three-addresses", changed(doc, "relays.0.addr", ["1.2.3.4:1", "1.2.3.4:2", "1.2.3.4:3"]), "two at most")
    put("same-address", changed(doc, "relays.0.addr", ["1.2.3.4:1", "1.2.3.4:1"]), "the same twice")
    put("twice", dump(doc)[:-1] + b',"domain":"b"}', "a member twice")
    put("trailing", dump(doc) + b"x", "bytes after the end")
    put("empty", b"{}", "nothing there")


def make_relays():
    doc = {"sipmix": "relay", "version": 1, "network": "aa" * 32, "id": public(seed(9)).hex(), "link_key": "0b" * 32,
           "onion": [{"key": "0c" * 32, "epoch": 7}, {"key": "0d" * 32, "epoch": 8}], "addr": ["192.0.2.9:9001"],
           "role": "relay", "software": "0.1", "published": 1790000000, "rate": 20000, "links": [["0e" * 32, 7], ["0f" * 32, 0]],
           "rtt": [23, 0]}

    def put(name, d, why=None, signer=0, by=seed(9), data=None):
        raw = dump(d)
        data = data or envelope(RELAY, raw, [(signer, sign(RELAY, raw, by))])
        result = outcome(lambda: read_relay(data))
        extra = {"why": why}
        if result == "ok":
            extra = {"seed": seed(9), "hash": blake(raw), "message": message(RELAY, raw), "tag": blake(b"\x0c" * 32)[:8]}
        split = data.find(b'{"')
        shown = data[:split].hex() + " " + quoted(data[split:]) if split > 0 else data.hex()
        emit("relay-" + name, kind="relay", envelope=shown, result=result, **extra)

    raw = dump(doc)
    sig = sign(RELAY, raw, seed(9))
    good = envelope(RELAY, raw, [(0, sig)])
    put("plain", doc)
    put("packed", doc, data=envelope(RELAY, raw, [(0, sig)], pack=1))
    put("older", {k: v for k, v in doc.items() if k != "rtt"})
    put("exit", dict(doc, role="exit", links=[], rtt=[], addr=["[2001:db8::9]:9001", "192.0.2.9:9001"]))
    put("unknown-member", dict(doc, later=1))
    put("forged", doc, "signed by another key", by=seed(8))
    put("wrong-kind", doc, "signed as a consensus", data=envelope(RELAY, raw, [(0, sign(CONSENSUS, raw, seed(9)))]))
    put("signer", doc, "the one signer is 0", signer=1)
    put("two-signatures", doc, "one signature", data=envelope(RELAY, raw, [(0, sig), (1, sig)]))
    put("same-signer", doc, "signers ascend", data=envelope(RELAY, raw, [(0, sig), (0, sig)]))
    put("no-signature", doc, "unsigned", data=envelope(RELAY, raw, []))
    put("magic", doc, "magic", data=b"SMXE" + good[4:])
    put("version", doc, "version", data=good[:4] + b"\x02" + good[5:])
    put("kind", doc, "a consensus' envelope", data=envelope(CONSENSUS, raw, [(0, sig)]))
    put("pack", doc, "unknown packing", data=good[:6] + b"\x02" + good[7:])
    put("long", doc, "a byte too many", data=good + b"}")
    put("short", doc, "a byte too few", data=good[:-1])
    packed = envelope(RELAY, raw, [(0, sig)], pack=1)
    put("packed-long", doc, "a byte after the zlib stream", data=packed + b"\0")
    put("packed-short", doc, "zlib stream without its end", data=packed[:-1])
    put("packed-len", doc, "length is not that of the packed bytes", data=packed[:73] + struct.pack(">I", len(raw) + 1) + packed[77:])
    put("bomb", doc, "more than a descriptor may have",
        data=good[:6] + b"\x01" + good[7:73] + struct.pack(">I", RELAY_RAW_MAX + 1) + zlib.compress(bytes(RELAY_RAW_MAX + 1), 9))
    put("role", dict(doc, role="guard"), "unknown role")
    put("rate", dict(doc, rate=-1), "negative")
    put("rate-real", dict(doc, rate=1.0), "no integer")
    put("onion-order", dict(doc, onion=doc["onion"][::-1]), "epochs ascend")
    put("onion-none", dict(doc, onion=[]), "an onion key is needed")
    put("no-link-key", changed(doc, "link_key", None), "missing member")
    put("link-triple", dict(doc, links=[["0e" * 32, 7, 7]], rtt=[1]), "pairs")
    put("rtt-short", dict(doc, rtt=[23]), "one for each link")
    put("rtt-long", dict(doc, rtt=[23, 0, 7]), "one for each link")
    put("rtt-negative", dict(doc, rtt=[23, -1]), "negative")
    put("rtt-most", dict(doc, rtt=[23, 65536]), "65535 at most")
    put("rtt-none", dict(doc, rtt=None), "no list")
    put("software", dict(doc, software="x" * 32), "31 letters at most")


def make_consensus():
    seeds = {public(seed(n)): seed(n) for n in (1, 2, 3)}
    keys = sorted(seeds)
    ident = network_id(keys)
    ids = sorted(public(seed(n)) for n in range(20, 26))
    layers = ["guard", "middle", "end", "end", "exit", "guard"]
    epoch = 1790000000 // 3600
    doc = {"sipmix": "consensus", "version": 1, "network": ident.hex(), "epoch": epoch, "valid_after": epoch * 3600,
           "fresh_until": (epoch + 1) * 3600, "valid_until": (epoch + 3) * 3600, "previous": "00" * 32,
           "params": {name: v[0] for name, v in PARAMS.items()},
           "relays": [{"id": i.hex(), "link_key": "0b" * 32, "onion": [{"key": "0c" * 32, "epoch": epoch}],
                       "addr": [f"192.0.2.{n}:9001"], "layer": layer, "flags": ["running"], "weight": 1000}
                      for n, (i, layer) in enumerate(zip(ids, layers))],
           "links": [[0, 1, 5], [2, 3, 9]]}

    small = dict(doc, relays=doc["relays"][:2], links=[])

    def put(name, d, why=None, signers=(0, 1), pack=0, data=None, keyring=keys):
        raw = d if isinstance(d, bytes) else dump(d)
        data = data or envelope(CONSENSUS, raw, [(s, sign(CONSENSUS, raw, seeds[keys[s % 3]])) for s in signers], pack)
        result = outcome(lambda: read_consensus(keyring, data))
        extra = {"hash": blake(raw)} if result == "ok" else {"why": why}
        split = data.find(b'{"')
        shown = data[:split].hex() + " " + quoted(data[split:]) if split > 0 else data.hex()
        emit("consensus-" + name, kind="consensus", keys=b"".join(keyring), envelope=shown, result=result, **extra)

    put("six-relays", doc)
    put("packed", doc, signers=(0, 1, 2), pack=1)
    put("small", small)
    put("no-relays", dict(small, relays=[]))
    put("unknown", changed(dict(small, later=[1]), "relays.0.flags", ["running", "shiny"]))
    put("params-missing", dict(small, params={"unknown_one": 12}))
    put("minority", small, "one of three", signers=(2,))
    put("outsider", small, "no such authority", signers=(0, 3))
    raw = dump(small)
    put("same-signature", small, "the signature of signer 0 does not count for 1",
        data=envelope(CONSENSUS, raw, [(0, sign(CONSENSUS, raw, seeds[keys[0]])), (1, sign(CONSENSUS, raw, seeds[keys[0]]))]))
    put("other-network", small, "signed by all of another network", keyring=[public(seed(4))], signers=(0,))
    put("other-id", dict(small, network="11" * 32), "names another network")
    put("not-json", b'{"sipmix":"consensus"', "no JSON")
    put("twice", raw[:-1] + b',"epoch":1}', "a member twice")
    put("epoch", dict(small, epoch=epoch + 1), "not the epoch of valid_after")
    put("times", dict(small, fresh_until=1), "fresh_until before valid_after")
    put("real", dict(small, valid_until=float(doc["valid_until"])), "no integer")
    put("param-range", changed(small, "params.tick_ms", 4), "below the least")
    put("param-type", changed(small, "params.tick_ms", "10"), "no integer")
    put("param-rule", changed(small, "params.listen_period_ms", 60), "twice slot_period_ms")
    put("double-relay", dict(small, relays=[doc["relays"][0]] * 2), "the same relay twice")
    put("unsorted", dict(small, relays=[doc["relays"][1], doc["relays"][0]]), "relays ascend")
    put("layer", changed(small, "relays.0.layer", "front"), "unknown layer")
    put("flag", changed(small, "relays.0.flags", [1]), "no text")
    put("weight", changed(small, "relays.0.weight", 1000001), "too heavy")
    put("no-address", changed(small, "relays.0.addr", []), "an address is needed")
    put("link-floor", dict(small, links=[[0, 1, 1]]), "only rates above the floor are listed")
    put("link-far", dict(doc, links=[[0, 2, 5]]), "guard and end are not adjacent")
    put("link-self", dict(doc, links=[[2, 2, 5]]), "a < b")
    put("link-order", dict(doc, links=[[2, 3, 9], [0, 1, 5]]), "links ascend")
    put("link-range", dict(small, links=[[0, 2, 5]]), "no such place")
    for size in (64, 65, 200, 4096):
        a, b = ids[0], ids[1]
        emit(f"fanout-{size}", kind="fanout", fanout=64, size=size, a=a, b=b,
             result="kept" if is_kept(64, size, a, b) else "none")


if __name__ == "__main__":
    if sys.argv[1:] == ["--make"]:
        print("# tests/vectors/document.txt - docs/protocol/60-directory.md, sections 1 to 6.  Made and checked by")
        print("# tests/ref/document.py, which shares no code with the C.")
        make_networks()
        make_relays()
        make_consensus()
    else:
        vectorfile.check_main(check, "tests/vectors/document.txt")
