#!/usr/bin/python3
"""Independent reference for whole circuits: built hop by hop, cells both ways, two of them joined.
docs/protocol/20-cell.md and 30-circuit.md, sections 1, 2, 4 and 5.
As a program: onion.py --check tests/vectors/onion.txt, or --make to print that file.

The records are one story, and each step of it is checked against what came before:
  circuit = a  hop = N        the handshake of a's hop N (1 = guard) with all that goes over the links for it
  circuit = a  way = forward  a cell of a's owner to hop N, as it leaves each place
  circuit = a  way = backward a cell of hop N to the owner, likewise
  joined                      both at the last hop, which is one relay: a cell of one owner to the other
"""

import sys

import command
import hop
import noise
import vectorfile
from cell import BODY, emit

MASK = 2**64 - 1


class Hop:
    """One hop, with the keys that both of its sides hold.  d and c: see 30-circuit.md, section 2."""

    def __init__(self, forward, backward, d, c):
        self.forward, self.backward, self.d, self.c = forward, backward, d, c


class Circuit:
    def __init__(self):
        self.hops = []

    def forward_numbers(self, number):
        """At each hop, given the guard's."""
        out = [number]
        for h in self.hops[1:]:
            out.append((out[-1] + h.d) & MASK)
        return out

    def backward_numbers(self, number):
        out = [number]
        for h in self.hops[1:]:
            out.append((out[-1] - h.c) & MASK)
        return out

    def wrap(self, body, number, target):
        """The body as it leaves the owner, then as each hop down to the target sees it after its own layer."""
        numbers, out = self.forward_numbers(number), [body]
        for h, n in reversed(list(zip(self.hops, numbers))[:target]):
            body = hop.encipher(h.forward, hop.FORWARD, n, body)
            out.append(body)
        return numbers[:target], out[::-1]

    def unwrap(self, body, number, source):
        """The body as it reaches the owner, then as each hop gets it to add its own layer; the last, `source`, has
        it bare."""
        numbers, out = self.backward_numbers(number), [body]
        for h, n in reversed(list(zip(self.hops, numbers))[:source]):
            body = hop.encipher(h.backward, hop.BACKWARD, n, body)
            out.append(body)
        return numbers[:source], out[::-1]

    def peel(self, body, number, target):
        """What the hops (forward), one after the other, make of it: the other way of computing wrap."""
        for h, n in zip(self.hops[:target], self.forward_numbers(number)):
            body = hop.decipher(h.forward, hop.FORWARD, n, body)
        return body

    def read(self, body, number, source):
        """What the owner makes of a backward cell."""
        for h, n in zip(self.hops[:source], self.backward_numbers(number)):
            body = hop.decipher(h.backward, hop.BACKWARD, n, body)
        return body


circuits = {}


# ---- checking ----


def bodies(rec, stem, count):
    return [rec.bytes(f"{stem}{i}") for i in range(count)]


def numbers(rec, stem, count):
    return [rec.int(f"{stem}{i}") for i in range(count)]


def check_hop(rec):
    circuit = circuits.setdefault(rec.text("circuit"), Circuit())
    place = rec.int("hop")
    assert len(circuit.hops) == place - 1
    tag = hop.key_tag(noise.public(rec.bytes("onion_secret")))
    got = hop.shake(rec.bytes("relay"), rec.bytes("onion_secret"), rec.int("period"), rec.bytes("e1"), rec.bytes("e2"))
    assert got == tuple(rec.bytes(name) for name in ("msg1", "msg2", "hash", "forward", "backward"))
    d, c = (rec.int("d"), rec.int("c")) if place > 1 else (0, 0)
    create = command.decode("create", rec.bytes("create"))
    assert create["suite"] == 1 and create["tag"] == tag and create["period"] == rec.int("period")
    assert create["msg1"] == rec.bytes("msg1")
    created = command.decode("created", rec.bytes("created"))
    assert created["back_id"] == create["back_id"] and created["msg2"] == rec.bytes("msg2")
    if place > 1:
        extend = rec.bytes("extend")
        assert hop.read_extend(extend) == {
            "suite": 1, "relay": rec.bytes("relay"), "tag": tag, "period": rec.int("period"), "d": d, "work": 0,
            "msg1": rec.bytes("msg1"),
        }
        ns, out = circuit.wrap(hop.message(hop.TYPE["extend"], extend), rec.int("extend_number"), place - 1)
        assert out[0] == rec.bytes("extend_wire")
        assert circuit.peel(out[0], ns[0], place - 1) == hop.message(hop.TYPE["extend"], extend)
        extended = d_bytes(c) + rec.bytes("msg2")
        assert extended == rec.bytes("extended")
        ns, out = circuit.unwrap(hop.message(hop.TYPE["extended"], extended), rec.int("extended_number"), place - 1)
        assert out[0] == rec.bytes("extended_wire")
        assert circuit.read(out[0], ns[0], place - 1) == hop.message(hop.TYPE["extended"], extended)
        # the constants: what the extender says to the next relay, and what that says back, are its own counts moved
        first = circuit.forward_numbers(rec.int("first_forward"))[-1]
        assert create["first_number"] == (first + d) & MASK
        first = circuit.backward_numbers(rec.int("first_backward"))[-1]
        assert created["first_number"] == (first - c) & MASK
    else:
        assert create["first_number"] == rec.int("first_forward")
        assert created["first_number"] == rec.int("first_backward")
    circuit.hops.append(Hop(rec.bytes("forward"), rec.bytes("backward"), d, c))


def d_bytes(value):
    return value.to_bytes(8, "big")


def check_cell(rec):
    circuit, place = circuits[rec.text("circuit")], rec.int("hop")
    body = rec.bytes("plain")
    if rec.text("way") == "forward":
        ns, out = circuit.wrap(body, rec.int("number0"), place)
        assert circuit.peel(out[0], ns[0], place) == body
    else:
        ns, out = circuit.unwrap(body, rec.int("number0"), place)
        assert circuit.read(out[0], ns[0], place) == body
    assert out[-1] == body
    assert ns == numbers(rec, "number", place) and out[:-1] == bodies(rec, "body", place)


def check_joined(rec):
    one, two = circuits[rec.text("from")], circuits[rec.text("to")]
    body = rec.bytes("peer")
    ns, out = one.wrap(body, rec.int("up0"), len(one.hops))
    assert ns == numbers(rec, "up", len(one.hops)) and out[:-1] == bodies(rec, "up_body", len(one.hops))
    own = (ns[-1] + rec.int("constant")) & MASK
    assert two.backward_numbers(rec.int("down0"))[-1] == own
    ns, out = two.unwrap(body, rec.int("down0"), len(two.hops))
    assert ns == numbers(rec, "down", len(two.hops)) and out[:-1] == bodies(rec, "down_body", len(two.hops))
    assert two.read(out[0], ns[0], len(two.hops)) == body


def check(rec):
    if "peer" in rec:
        check_joined(rec)
    elif "way" in rec:
        check_cell(rec)
    else:
        check_hop(rec)


# ---- making ----

some = hop.some
first_of = {}  # first numbers at each circuit's guard, forward and backward


def draw(text):
    """A number as a relay or owner would draw it."""
    return 2**32 + int.from_bytes(some(text, 6), "big")


def make_hop(name, place, relay, period):
    """relay: a name from which its keys come."""
    circuit = circuits.setdefault(name, Circuit())
    text = f"{name}{place}"
    identity, secret, e1, e2 = some(relay + " id"), some(relay + " onion"), some(text + " e1"), some(text + " e2")
    msg1, msg2, h, forward, backward = hop.shake(identity, secret, period, e1, e2)
    tag = hop.key_tag(noise.public(secret))
    d, c = draw(text + " d"), 0
    fields = {"circuit": name, "hop": place, "relay": identity, "onion_secret": secret, "period": period, "e1": e1, "e2": e2}
    fields |= {"msg1": msg1, "msg2": msg2, "hash": h, "forward": forward, "backward": backward}
    more = {}
    if place == 1:
        first_forward, first_backward = draw(text + " forward"), draw(text + " backward")
        create_number, created_number = first_forward, first_backward
    else:
        first_forward, first_backward = first_of[name][0] + 40 * place, first_of[name][1] + 41 * place
        create_number = (circuit.forward_numbers(first_forward)[-1] + d) & MASK
        created_number = draw(text + " backward")
        c = (circuit.backward_numbers(first_backward)[-1] - created_number) & MASK
        extend = hop.extend(suite=1, relay=identity, tag=tag, period=period, d=d, work=0, msg1=msg1)
        number = first_forward - 2
        ns, out = circuit.wrap(hop.message(hop.TYPE["extend"], extend), number, place - 1)
        more = {"d": d, "c": c, "extend": extend, "extend_number": number, "extend_wire": out[0]}
        extended = d_bytes(c) + msg2
        number = first_backward + 3
        ns, out = circuit.unwrap(hop.message(hop.TYPE["extended"], extended), number, place - 1)
        more |= {"extended": extended, "extended_number": number, "extended_wire": out[0]}
    back_id = int.from_bytes(some(text + " back", 4), "big") | 2**31
    create = command.encode("create", {
        "suite": 1, "tag": tag, "period": period, "back_class": place % 2, "back_id": back_id,
        "first_tick": 1000 * place, "first_number": create_number, "replaces": 0, "work": 0, "msg1": msg1})
    created = command.encode("created", {
        "back_id": back_id, "forward_id": int.from_bytes(some(text + " forward id", 4), "big") | 2**31,
        "first_tick": 2000 * place, "first_number": created_number, "msg2": msg2})
    emit(f"{name}-hop-{place}", **fields, first_forward=first_forward, first_backward=first_backward,
         create=create, created=created, **more)
    if place == 1:
        first_of[name] = first_forward, first_backward
    circuit.hops.append(Hop(forward, backward, d if place > 1 else 0, c))


def make_cell(label, name, way, place, body, number):
    circuit = circuits[name]
    if way == "forward":
        ns, out = circuit.wrap(body, number, place)
    else:
        ns, out = circuit.unwrap(body, number, place)
    fields = {f"number{i}": n for i, n in enumerate(ns)} | {f"body{i}": b for i, b in enumerate(out[:-1])}
    emit(label, circuit=name, way=way, hop=place, plain=body, **fields)


def make_joined(label, one, two, body, number, constant):
    ns, out = circuits[one].wrap(body, number, len(circuits[one].hops))
    fields = {f"up{i}": n for i, n in enumerate(ns)} | {f"up_body{i}": b for i, b in enumerate(out[:-1])}
    own = (ns[-1] + constant) & MASK
    first = (own + sum(h.c for h in circuits[two].hops)) & MASK
    ns, out = circuits[two].unwrap(body, first, len(circuits[two].hops))
    assert ns[-1] == own
    fields |= {f"down{i}": n for i, n in enumerate(ns)}
    fields |= {f"down_body{i}": b for i, b in enumerate(out[:-1])}
    emit(label, **{"from": one, "to": two}, peer=body, constant=constant, **fields)


def make():
    print("# tests/vectors/onion.txt - docs/protocol/20-cell.md and 30-circuit.md.  Made and checked by tests/ref/onion.py, which")
    print("# shares no code with the C.  One story: circuit a of three hops; circuit b of three and a fourth, which is a's third;")
    print("# both joined there.  d, c, constant: modulo 2^64.  extend_wire, extended_wire: the body between owner and guard.")
    print("# forward: body0 leaves the owner, body1 the guard, ...; backward: body0 reaches the owner, body1 left hop 2, ...")
    for name, relays in (("a", ("guard 1", "middle 1", "end 1")), ("b", ("guard 2", "middle 2", "end 2", "end 1"))):
        for place, relay in enumerate(relays, 1):
            make_hop(name, place, relay, 0)
    nop, cookie = hop.message(0), hop.message(hop.TYPE["cookie"], some("cookie", 16))
    join = hop.message(hop.TYPE["join"], some("cookie", 16) + some("meeting", 64))
    for name in ("a", "b"):
        for place in range(1, len(circuits[name].hops) + 1):
            number = first_of[name][0] + 500 + place
            make_cell(f"{name}-forward-{place}", name, "forward", place, cookie if name == "a" else join, number)
            make_cell(f"{name}-backward-{place}", name, "backward", place, nop, first_of[name][1] + 700 + place)
    wrap_number = (first_of["a"][0] | 0xFFFFFFFF) + 1  # the low half is 0 at the guard
    make_cell("a-forward-low-half-0", "a", "forward", 3, hop.message(13, bytes(range(198))), wrap_number)
    there, back = (draw("constant ab"), (-draw("constant ba")) & MASK)
    for i in range(2):
        make_joined(f"joined-a-to-b-{i}", "a", "b", some(f"peer ab {i}", BODY), first_of["a"][0] + 900 + i, there)
        make_joined(f"joined-b-to-a-{i}", "b", "a", some(f"peer ba {i}", BODY), first_of["b"][0] + 950 + i, back)


if __name__ == "__main__":
    if sys.argv[1:] == ["--make"]:
        make()
    else:
        vectorfile.check_main(check, "tests/vectors/onion.txt")
