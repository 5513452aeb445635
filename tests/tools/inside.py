"""Whether a phone is hidden from everybody on the way of its calls and at its end: what clients send and get is taken from the wire,
each relay writes down the cells inside before and after its layer, and what comes to the other phone is known from a capture.

    with Watch(net, path) as watch:           # relays have views="gated"
        ...                                   # phones talk
    why = watch.traces(side, other_side, 9)   # of the first one's phone: "" if there are none, though it said 9 things
"""

import contextlib
import os
from typing import NamedTuple

from tools import capture, leaks, views
from tools.testnet import LINK_PORT

LEAST_RELAYS = 3  # that must have seen cells


class Side(NamedTuple):
    letter: str
    ip: str       # the phone's
    client: dict  # as the network describes it
    sent: list    # datagrams of the phone: SIP, RTP and RTCP
    came: list    # to it

    def needles(self):
        return {**leaks.of_phone(self.letter, self.sent), f"address of {self.letter}": self.ip}


class Watch:
    def __init__(self, net, path):
        self.net, self.path, self.wire, self.steps = net, path, [], []

    def __enter__(self):
        for node in self.net.kind("relay"):
            with contextlib.suppress(FileNotFoundError):
                os.truncate(self.net.path(f"{node.name}.view"), 0)
        self._tail, self._held = views.Tail(self.net), contextlib.ExitStack()
        self._tape = self._held.enter_context(capture.Capture(
            self.path, [f"{client['uplink_ip']}/32" for client in self.net.description["clients"]], self.net.places.interface))
        self._held.enter_context(self.net.viewing())
        return self

    def __exit__(self, *_):
        self.wire = [d for d in self._tape.stop() if LINK_PORT in (d.sport, d.dport)]  # phones may use the same addresses
        self._held.close()
        self.steps = self._tail.read()
        os.remove(self.path)

    def traces(self, side, other, least):
        """`least`: things that are looked for, and were found in what the phone itself sent."""
        needles, address = side.needles(), side.client["address"]
        known = {*other.needles().values(), address, address.removeprefix("sip:").split("@")[0]}  # the other phone may see it
        hidden = {what: value for what, value in needles.items() if value not in known}
        relays = sorted({step.relay for step in self.steps})
        seen = [("the wire", needles, leaks.wire(self.wire)), ("the other phone", hidden, leaks.wire(other.came)),
                *((relay, needles, views.bodies(s for s in self.steps if s.relay == relay)) for relay in relays)]
        found = sorted({f"{find.what} as {find.form} at {where}" for where, sought, data in seen for find in leaks.search(sought, data)})
        control = len(leaks.search(needles, leaks.wire(side.sent)))
        if found:
            return ", ".join(found)
        if control < least or len(relays) < LEAST_RELAYS or not self.wire:
            return f"too little was seen: {control} things that the phone said, {relays}, {len(self.wire)} datagrams"
        return ""
