#!/usr/bin/python3
"""Independent reference for batches of pseudonyms and the answers drawn from them.
docs/protocol/60-directory.md, section 8.
As a program: batch.py --check tests/vectors/batch.txt, or --make to print that file."""

import struct
import sys

import vectorfile
from document import BATCH, Auth, Malformed, blake, need, network_id, outcome, public, seed, sign, verify_network
from pseudonym import Reader, descriptor, index_key, index_name, read_descriptor

LEAVES = 1 << 22


class Late(Exception):
    pass


class TwoFaced(Exception):
    pass


# ---- the tree, as RFC 6962 defines it: by halves, not by levels ----


def h_leaf(leaf):
    return blake(b"\0" + leaf)


def split(n):
    """The largest power of two below n."""
    return 1 << (n - 1).bit_length() - 1


def root_of(hashes):
    if not hashes:
        return blake(b"")
    if len(hashes) == 1:
        return hashes[0]
    k = split(len(hashes))
    return blake(b"\1" + root_of(hashes[:k]) + root_of(hashes[k:]))


def prove(hashes, first, last, at=0):
    """The proof for leaves first..last, of the subtree that begins at place `at`."""
    if at + len(hashes) <= first or at > last:
        return [root_of(hashes)]
    if len(hashes) == 1:
        return []
    k = split(len(hashes))
    return prove(hashes[:k], first, last, at) + prove(hashes[k:], first, last, at + k)


def fold(count, leaves, proof, at=0):
    """leaves: {place: hash}; proof: a reader.  The root."""
    if not any(at <= p < at + count for p in leaves):
        return proof.take(32)
    if count == 1:
        return leaves[at]
    k = split(count)
    left = fold(k, leaves, proof, at)
    return blake(b"\1" + left + fold(count - k, leaves, proof, at + k))


# ---- batch ----


def leaf_of(index, key, desc):
    return index + key + (blake(desc) if desc else bytes(32))


class Batch:
    def __init__(self, names, descs):
        """names: {index: key}; descs: descriptors."""
        self.names = sorted(names.items())
        self.descs = sorted(descs, key=lambda d: index_key(d[1:33]))
        live = {d[1:33]: d for d in descs}
        leaves = [(i, k, live.get(k)) for i, k in self.names] + [(index_key(d[1:33]), d[1:33], d) for d in self.descs]
        self.leaves = sorted(leaves)
        self.hashes = [h_leaf(leaf_of(*l)) for l in self.leaves]
        self.root = root_of(self.hashes)

    def sign(self, network, number, time, seeds, work=0):
        """seeds: (signer, seed)."""
        header = self.header = struct.pack(">QIIB", number, time, len(self.leaves), work) + self.root
        sigs = [(s, sign(BATCH, network + header, by)) for s, by in seeds]
        self.head = header + bytes([len(sigs)]) + b"".join(bytes([s]) + sig for s, sig in sigs)

    def file(self):
        out = b"SMXB\x01" + self.head + struct.pack(">II", len(self.names), len(self.descs))
        out += b"".join(i + k for i, k in self.names)
        return out + b"".join(struct.pack(">H", len(d)) + d for d in self.descs)

    def answer(self, index):
        places = [p for p, l in enumerate(self.leaves) if l[0] == index]
        if places:
            _, key, desc = self.leaves[places[0]]
            body = struct.pack(">I", places[0]) + key + bytes([len(desc or b"")]) + (desc or b"")
            return b"\1" + self.head + body + b"".join(prove(self.hashes, places[0], places[0]))
        if not self.leaves:
            return b"\2" + self.head + struct.pack(">IB", 0, 0)
        below = sum(l[0] < index for l in self.leaves)
        first, last = max(below - 1, 0), min(below, len(self.leaves) - 1)
        out = struct.pack(">IB", first, last - first + 1) + b"".join(leaf_of(*l) for l in self.leaves[first : last + 1])
        return b"\2" + self.head + out + b"".join(prove(self.hashes, first, last))


def read_header(header):
    number, time, leaves, work = struct.unpack(">QIIB", header[:17])
    need(leaves <= LEAVES and work <= 40)
    return number, time, leaves, work


def check_time(header, now, seen):
    """seen: the newest header seen, or nothing; intervals are of 300 s."""
    number, time, _, _ = read_header(header)
    seen_number, seen_time, _, _ = read_header(seen) if seen else (0, 0, 0, 0)
    if seen and number == seen_number and header != seen:
        raise TwoFaced()
    if now - time > 1800 or time > now + 60:
        raise Late()
    if number < seen_number and not seen_time - 600 <= time <= seen_time:
        raise Late()


def read_head(keys, r):
    header = r.take(49)
    number, time, leaves, _ = read_header(header)
    count = r.int(1)
    need(count <= 16)
    sigs = [(r.int(1), r.take(64)) for _ in range(count)]
    verify_network(keys, BATCH, network_id(keys) + header, sigs)
    return number, time, leaves, header


def read_batch(keys, data):
    r = Reader(data)
    need(r.take(4) == b"SMXB" and r.int(1) == 1)
    number, time, leaves, header = read_head(keys, r)
    name_count, desc_count = r.int(4), r.int(4)
    need(name_count + desc_count == leaves)
    names = [(r.take(32), r.take(32)) for _ in range(name_count)]
    descs = []
    for _ in range(desc_count):
        length = r.int(2)
        need(183 <= length <= 251)
        descs.append(r.take(length))
    r.done()
    indices = [i for i, _ in names], [index_key(d[1:33]) for d in descs]
    need(all(a < b for some in indices for a, b in zip(some, some[1:])))
    need(len(set(indices[0] + indices[1])) == leaves)
    batch = Batch(dict(names), descs)
    if batch.root != header[17:]:
        raise Auth()
    batch.work = header[16]
    return batch, number, time


def read_answer(keys, index, data, now, seen):
    """(present, key, descriptor or None, work)"""
    r = Reader(data)
    kind = r.int(1)
    need(kind in (1, 2))
    _, _, leaves, header = read_head(keys, r)
    place, key, desc = r.int(4), None, None
    if kind == 1:
        key = r.take(32)
        desc = r.take(r.int(1)) or None
        need(place < leaves)
        known = {place: h_leaf(leaf_of(index, key, desc))}
    else:
        beside = r.int(1)
        need(beside <= 2 and (beside == 0) == (leaves == 0))
        around = [r.take(96) for _ in range(beside)]
        known = {place + n: h_leaf(l) for n, l in enumerate(around)}
        if beside == 0:
            need(place == 0)
        elif beside == 2:
            if not around[0][:32] < index < around[1][:32]:
                raise Auth()
        elif not (place == 0 and index < around[0][:32] or place == leaves - 1 and index > around[0][:32]):
            raise Auth()
        need(beside == 0 or place + beside - 1 < leaves)
    found = fold(leaves, known, r) if leaves else blake(b"")
    r.done()
    if found != header[17:]:
        raise Auth()
    if desc and read_descriptor(network_id(keys), desc)[0] != key:
        raise Auth()
    check_time(header, now, seen)
    return kind == 1, key, desc, header[16]


def read_bare_head(keys, data, now, seen):
    """The work."""
    r = Reader(data)
    _, _, _, header = read_head(keys, r)
    r.done()
    check_time(header, now, seen)
    return header[16]


# ---- vectors ----


def result_of(call):
    try:
        return outcome(call)
    except Late:
        return "late"
    except TwoFaced:
        return "two-faced"


def keys_of(rec):
    keys = rec.bytes("keys")
    return sorted(keys[i : i + 32] for i in range(0, len(keys), 32))


def check(rec):
    keys, kind = keys_of(rec), rec.text("kind")
    if kind == "batch":
        result = outcome(lambda: read_batch(keys, rec.bytes("file")))
        if result == "ok":
            batch, number, time = read_batch(keys, rec.bytes("file"))
            assert (number, time, batch.work) == (rec.int("number"), rec.int("time"), rec.int("work"))
            assert batch.root == rec.bytes("root")
            assert b"".join(batch.hashes[:3]) == rec.bytes("hashes")
    elif kind == "head":
        call = lambda: read_bare_head(keys, rec.bytes("wire"), rec.int("now"), rec.bytes("seen"))
        result = result_of(call)
        assert result != "ok" or call() == rec.int("work")
    else:
        assert kind == "answer"
        call = lambda: read_answer(keys, rec.bytes("index"), rec.bytes("wire"), rec.int("now"), rec.bytes("seen"))
        result = result_of(call)
        if result == "ok":
            present, key, desc, work = call()
            assert work == rec.int("work")
            assert present == (rec.text("found") != "absent")
            assert (desc is not None) == (rec.text("found") == "live")
            assert not present or key == rec.bytes("key")
    assert result == rec.text("result"), result


DAY = 1790000000 // 86400
NOW = DAY * 86400 + 3600


def emit(record, **fields):
    print(vectorfile.write_record(record, fields), end="")


def make():
    seeds = {public(seed(n)): seed(n) for n in (1, 2, 3)}
    keys = sorted(seeds)
    net = network_id(keys)
    two = [(s, seeds[keys[s]]) for s in (0, 2)]
    one_key = [public(seed(1))]
    ring = b"".join(keys)

    def desc(n, network=net):
        return descriptor(network, seed(n), 7, DAY * 86400, (DAY + 1) * 86400, [(DAY, bytes([n]) * 32)], [b"\x0c" * 32])

    def batch(name_count, desc_count):
        """Names n0, n1, ... of keys 50 and on; the first desc_count keys are live."""
        names = {index_name(b"name-%d" % n): public(seed(50 + n)) for n in range(name_count)}
        b = Batch(names, [desc(50 + n) for n in range(desc_count)])
        b.sign(net, 9, NOW, two, 18)
        return b

    def put_file(name, data, why=None, ring=ring):
        rec_keys = sorted(ring[i : i + 32] for i in range(0, len(ring), 32))
        result = outcome(lambda: read_batch(rec_keys, data))
        extra = {"why": why}
        if result == "ok":
            b = read_batch(rec_keys, data)[0]
            extra = {"number": 9, "time": NOW, "work": b.work, "root": b.root, "hashes": b"".join(b.hashes[:3]) or '""'}
        emit("batch-" + name, kind="batch", keys=ring, file=data, result=result, **extra)

    for names, descs in [(0, 0), (1, 0), (0, 1), (1, 1), (3, 2), (4, 7)]:
        put_file(f"{names}-{descs}", batch(names, descs).file())
    b = batch(2, 1)
    good = b.file()
    names_at = 5 + 49 + 1 + 2 * 65 + 8
    put_file("magic", b"SMXC" + good[4:], "magic")
    put_file("version", good[:4] + b"\x02" + good[5:], "version")
    put_file("minority", b"SMXB\x01" + b.head[:49] + b"\x01" + b.head[50:115] + good[5 + len(b.head):], "one of three")
    put_file("unsigned", b"SMXB\x01" + b.head[:49] + b"\x00" + good[5 + len(b.head):], "no signature")
    put_file("same-signer", b"SMXB\x01" + b.head[:115] + b.head[50:115] + good[5 + len(b.head):], "a signature counts once")
    put_file("other-network", good, "of another network", ring=b"".join(one_key))
    put_file("count", good[:names_at - 8] + struct.pack(">II", 1, 1) + good[names_at:], "counts that the header does not have")
    put_file("order", good[:names_at] + good[names_at + 64 : names_at + 128] + good[names_at : names_at + 64] + good[names_at + 128 :], "names ascend")
    put_file("key", good[:names_at + 32] + bytes([good[names_at + 32] ^ 1]) + good[names_at + 33 :], "another key for a name")
    put_file("short", good[:-1], "a byte too few")
    put_file("long", good + b"\0", "a byte too many")
    put_file("desc-len", good[:names_at + 128] + b"\x00\x10" + good[names_at + 130 :], "no descriptor is that short")

    def put(name, index, data, why=None, now=NOW, seen=b""):
        call = lambda: read_answer(keys, index, data, now, seen)
        result = result_of(call)
        extra = {"why": why} if why else {}
        if result == "ok":
            present, key, d, extra["work"] = call()
            extra["found"] = "absent" if not present else "live" if d else "present"
            if present:
                extra["key"] = key
        emit("answer-" + name, kind="answer", keys=ring, index=index, now=now, seen=seen or '""', wire=data, result=result, **extra)

    for names, descs in [(1, 0), (0, 1), (3, 2), (5, 6), (8, 8)]:
        b = batch(names, descs)
        for p in sorted({0, len(b.leaves) // 2, len(b.leaves) - 1}):
            put(f"{names}-{descs}-place-{p}", b.leaves[p][0], b.answer(b.leaves[p][0]))
    for names, descs in [(0, 0), (1, 0), (3, 2), (8, 8)]:
        b = batch(names, descs)
        for n, index in enumerate([bytes(32), b"\x80" + bytes(31), b"\xff" * 32, index_name(b"nobody")]):
            put(f"{names}-{descs}-absent-{n}", index, b.answer(index))

    b = batch(5, 6)
    index, other = b.leaves[4][0], b.leaves[5][0]
    good = b.answer(index)
    at = 1 + len(b.head)
    put("other-index", other, good, "proves another leaf")
    put("place", index, good[:at] + struct.pack(">I", 5) + good[at + 4 :], "another place")
    put("far-place", index, good[:at] + struct.pack(">I", 11) + good[at + 4 :], "no such place")
    put("key", index, good[:at + 4] + bytes(32) + good[at + 36 :], "another key")
    put("proof", index, good[:-1] + bytes([good[-1] ^ 1]), "another proof")
    put("short", index, good[:-32], "a hash too few")
    put("long", index, good + bytes(32), "a hash too many")
    put("kind", index, b"\3" + good[1:], "unknown kind")
    put("old", index, good, "older than six intervals", now=NOW + 1801)
    put("oldest", index, good, now=NOW + 1800)
    put("future", index, good, "a minute is all that clocks may differ", now=NOW - 61)
    def head(number, time, work=18, root=b.root):
        return struct.pack(">QIIB", number, time, len(b.leaves), work) + root

    put("seen-newer", index, good, "a newer batch was seen, more than two intervals later", seen=head(12, NOW + 601))
    put("seen-a-little-newer", index, good, seen=head(11, NOW + 600))
    put("seen-back", index, good, "a higher number at an earlier time", seen=head(10, NOW - 1))
    put("seen-same", index, good, seen=head(9, NOW))
    put("two-roots", index, good, "another root was signed under this number", seen=head(9, NOW, root=bytes(32)))
    put("two-works", index, good, "another work was signed under this number", seen=head(9, NOW, 19))
    put("two-times", index, good, "another time was signed under this number", seen=head(9, NOW - 3600))
    absent = index_name(b"nobody")
    gap = b.answer(absent)
    below = sum(l[0] < absent for l in b.leaves)
    put("hidden", index, gap, "the gap proves another index absent")
    forged = struct.pack(">IB", below, 1) + leaf_of(*b.leaves[below]) + b"".join(prove(b.hashes, below, below))
    put("false-edge", absent, b"\2" + b.head + forged, "one neighbour in the middle of the tree")
    skip = struct.pack(">IB", 3, 2) + leaf_of(*b.leaves[3]) + leaf_of(*b.leaves[5]) + b"".join(prove(b.hashes, 3, 4))
    put("skipped", index, b"\2" + b.head + skip, "neighbours that are none")
    put("denied", index, b"\2" + b.head + struct.pack(">IB", 0, 0), "an empty tree that is not empty")
    liar = Batch({index_name(b"liar"): public(seed(60))}, [desc(60)[:-64] + bytes(64)])
    liar.sign(net, 9, NOW, two)
    put("forged-descriptor", index_name(b"liar"), liar.answer(index_name(b"liar")), "authorities do not vouch for signatures of descriptors")


    def put_head(name, data, why=None, now=NOW, seen=b""):
        call = lambda: read_bare_head(keys, data, now, seen)
        result = result_of(call)
        extra = {"why": why} if why else {"work": call()}
        emit("head-" + name, kind="head", keys=ring, now=now, seen=seen or '""', wire=data, result=result, **extra)

    put_head("good", b.head)
    most = Batch({}, [])
    most.sign(net, 9, NOW, two, 40)
    put_head("most-work", most.head)
    most.sign(net, 9, NOW, two, 41)
    put_head("work", most.head, "nobody asks for that much")
    put_head("short", b.head[:-1], "a byte too few")
    put_head("long", b.head + b"\0", "a byte too many")
    put_head("other-work", b.head[:16] + b"\x13" + b.head[17:], "the work is signed too")
    put_head("old", b.head, "older than six intervals", now=NOW + 1801)
    put_head("two", b.head, "another root was signed under this number", seen=head(9, NOW, root=bytes(32)))


if __name__ == "__main__":
    if sys.argv[1:] == ["--make"]:
        print("# tests/vectors/batch.txt - docs/protocol/60-directory.md, section 8.  Made and checked by tests/ref/batch.py,")
        print("# which shares no code with the C.")
        make()
    else:
        vectorfile.check_main(check, "tests/vectors/batch.txt")
