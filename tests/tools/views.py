"""What relays saw inside their cells (tests/privacy/view.c), and each cell's way through them.

A cell's body is changed by every relay on its way, and what leaves one is what comes to the next: so the ways are
found by equal bytes, and the number of relays of a call is counted, not assumed.
"""

import struct
from collections import Counter
from typing import NamedTuple

BODY = 216
RECORD = struct.Struct(f"=QB7x{BODY}s{BODY}s")
FORWARD, BACKWARD = 0, 1


class Step(NamedTuple):
    relay: str
    time: int  # ns: forward when the cell came, backward when it left
    direction: int
    before: bytes
    after: bytes


def read(relay, path):
    """A relay's records; none if no circuit came to it.  One cut off by the relay's end is left out."""
    try:
        with open(path, "rb") as f:
            data = f.read()
    except FileNotFoundError:
        return []
    data = data[: len(data) // RECORD.size * RECORD.size]
    return [Step(relay, *fields) for fields in RECORD.iter_unpack(data)]


class Tail:
    """What the relays of a network have written down since the last look."""

    def __init__(self, net):
        self._places = {node.name: [net.path(f"{node.name}.view"), 0] for node in net.kind("relay")}

    def read(self):
        steps = []
        for relay, place in self._places.items():
            path, at = place
            try:
                with open(path, "rb") as f:
                    f.seek(at)
                    data = f.read()
            except FileNotFoundError:
                continue  # no circuit came to it yet
            data = data[: len(data) // RECORD.size * RECORD.size]
            place[1] = at + len(data)
            steps += [Step(relay, *fields) for fields in RECORD.iter_unpack(data)]
        return steps


def ways(steps, begin=0, end=1 << 63):
    """The way of each cell that began with begin <= time < end, as a list of Steps: forward through the relays of one
    side, then, if circuits are joined, backward through those of the other."""
    following = {step.before: step for step in steps}
    arrived = {step.after for step in steps}
    found = []
    for step in steps:
        if step.direction == FORWARD and begin <= step.time < end and step.before not in arrived:
            way = [step]
            while (step := following.get(step.after)) is not None:
                way.append(step)
            found.append(way)
    return found


def crossing(found, guards=None):
    """The commonest sequence of relays among ways that lead from one client to the other, beginning with one of the
    guards if they are named, and all ways along it; (), [] without any."""
    joined = [way for way in found if way[-1].direction == BACKWARD and (not guards or way[0].relay in guards)]
    sequences = Counter(tuple(step.relay for step in way) for way in joined)
    if not sequences:
        return (), []
    sequence = sequences.most_common(1)[0][0]
    return sequence, [way for way in joined if tuple(step.relay for step in way) == sequence]


def route(steps, first, last, begin=0, end=1 << 63):
    """The relays that most cells crossed on their way from one client, whose guard is `first`, to another, whose guard is
    `last`, each once; () without any."""
    found = [way for way in ways(steps, begin, end) if way[-1].relay == last]
    relays = crossing(found, {first})[0]
    return tuple(relay for i, relay in enumerate(relays) if i == 0 or relay != relays[i - 1])


def bodies(steps):
    """Everything in the records, for a search."""
    return b"\0\0\0\0".join(part for step in steps for part in (step.before, step.after))
