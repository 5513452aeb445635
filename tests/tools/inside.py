"""Whether a phone is hidden from everybody on the way of its calls and at its end: each relay writes down the cells inside before
and after its layer, and what crosses the clients' access links and comes to the other phone is known from a capture.

    with Watch(net) as watch:                      # relays have views="gated"
        ...                                        # phones talk
    why = watch.traces(got, side, other_side, 9)   # of the first one's phone: "" if there are none, though it said 9 things
"""

import contextlib
import os
from typing import NamedTuple

from tools import leaks, views
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
    def __init__(self, net):
        self.net, self.steps = net, []

    def __enter__(self):
        for node in self.net.kind("relay"):
            with contextlib.suppress(FileNotFoundError):
                os.truncate(self.net.path(f"{node.name}.view"), 0)
        self._tail, self._viewing = views.Tail(self.net), self.net.viewing()
        self._viewing.__enter__()
        return self

    def __exit__(self, *_):
        self._viewing.__exit__(None, None, None)
        self.steps = self._tail.read()

    def traces(self, got, side, other, least):
        """`got`: of the access links.  `least`: things that are looked for, and were found in what the phone itself sent."""
        needles, address = side.needles(), side.client["address"]
        known = {*other.needles().values(), address, address.removeprefix("sip:").split("@")[0]}  # the other phone may see it
        hidden = {what: value for what, value in needles.items() if value not in known}
        relays, wire = sorted({step.relay for step in self.steps}), [d for d in got if LINK_PORT in (d.sport, d.dport)]
        seen = [("the wire", needles, leaks.wire(wire)), ("the other phone", hidden, leaks.wire(other.came)),
                *((relay, needles, views.bodies(s for s in self.steps if s.relay == relay)) for relay in relays)]
        found = sorted({f"{find.what} as {find.form} at {where}" for where, sought, data in seen for find in leaks.search(sought, data)})
        control = len(leaks.search(needles, leaks.wire(side.sent)))
        if found:
            return ", ".join(found)
        if control < least or len(relays) < LEAST_RELAYS or not wire:
            return f"too little was seen: {control} things that the phone said, {relays}, {len(wire)} datagrams"
        return ""
