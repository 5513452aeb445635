"""What tells one client from another to somebody who watches its access link: datagrams in each 20 ms, their sizes, with
whom, and handshakes, which he can tell because he has the consensus."""

import math
import os
import sys
from collections import Counter
from typing import NamedTuple

sys.path.insert(0, os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "ref"))
import link  # noqa: E402

PERIOD_NS = 20_000_000
RATE_TOLERANCE = 0.01    # of datagrams, a busy machine misses some
UNEVEN_TOLERANCE = 0.05  # of periods: what comes late falls into the next


class Look(NamedTuple):
    per_s: tuple       # datagrams: up, down
    sizes: tuple       # bytes, sorted: up, down
    uneven: tuple      # share of periods with none, two or more: up, down
    peers: int         # that anything went to
    handshakes: tuple  # (ms since the beginning, peer) of each one that the client began

    def figures(self):
        return {"per_s": self.per_s, "sizes": self.sizes, "uneven": self.uneven, "peers": self.peers,
                "handshakes_ms": [ms for ms, _ in self.handshakes]}


class Keys:
    """The relays' link keys, from a consensus."""

    def __init__(self, relays):
        self._masks = {address: link.mask.mask_key(bytes.fromhex(r["link_key"])) for r in relays for address in r["addr"]}

    def is_handshake(self, datagram):
        """Whether a client's datagram to a relay begins a link."""
        key = self._masks.get(datagram.target())
        if key is None or datagram.size < 28:
            return False
        try:
            return link.handshake_parse(link.mask.mask(key, datagram.payload))[0] == link.INIT
        except ValueError:
            return False


def _uneven(times, begin, end):
    """Share of the periods, laid where most datagrams are in their middle, that hold not exactly one."""
    turns = [2 * math.pi * (t % PERIOD_NS) / PERIOD_NS for t in times]
    phase = math.atan2(sum(map(math.sin, turns)), sum(map(math.cos, turns))) / (2 * math.pi) * PERIOD_NS
    count = Counter(round((t - begin - phase) / PERIOD_NS) for t in times)
    first, last = 1, int((end - begin) / PERIOD_NS) - 1  # the ends may be cut
    return round(sum(count[i] != 1 for i in range(first, last)) / max(1, last - first), 4)


def look(datagrams, client, port, keys, begin, end):
    """Of the datagrams between a client's address and port and others, with begin <= time < end (ns)."""
    mine = [d for d in datagrams if d.proto == 17 and begin <= d.time < end]
    up = [d for d in mine if (d.src, d.sport) == (client, port)]
    down = [d for d in mine if (d.dst, d.dport) == (client, port)]
    seconds = (end - begin) / 1e9
    return Look(tuple(round(len(way) / seconds, 2) for way in (up, down)), tuple(sorted({d.size for d in way}) for way in (up, down)),
                tuple(_uneven([d.time - begin for d in way], 0, end - begin) for way in (up, down)), len({d.target() for d in up}),
                tuple((round((d.time - begin) / 1e6, 1), d.target()) for d in up if keys.is_handshake(d)))


def differences(one, other):
    """What tells one link from another, a line each; an empty list means: nothing."""
    told = []
    for i, way in enumerate(("up", "down")):
        if one.sizes[i] != other.sizes[i]:
            told.append(f"{way}: sizes {one.sizes[i]}, {other.sizes[i]}")
        if abs(one.per_s[i] - other.per_s[i]) > RATE_TOLERANCE * 50:
            told.append(f"{way}: {one.per_s[i]}/s, {other.per_s[i]}/s")
        if abs(one.uneven[i] - other.uneven[i]) > UNEVEN_TOLERANCE:
            told.append(f"{way}: uneven {one.uneven[i]}, {other.uneven[i]}")
    if one.peers != other.peers:
        told.append(f"peers: {one.peers}, {other.peers}")
    if len(one.handshakes) != len(other.handshakes):
        told.append(f"handshakes: {len(one.handshakes)}, {len(other.handshakes)}")
    return told


def guard(datagrams, client, port, begin, end):
    """The address that most of a client's datagrams went to, or None."""
    to = Counter(d.dst for d in datagrams if d.proto == 17 and (d.src, d.sport) == (client, port) and begin <= d.time < end)
    return to.most_common(1)[0][0] if to else None
