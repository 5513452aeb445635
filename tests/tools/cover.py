"""Whether an observer of all links sees a call: datagrams per second and sizes of every link, idle and in a call."""

from collections import Counter, defaultdict
from typing import NamedTuple

TOLERANCE = 0.01  # a busy machine may miss a tick now and then; a call without cover adds half of a rate or more


class Link(NamedTuple):
    per_s: float
    sizes: dict  # bytes of payload: datagrams


def links(datagrams, begin, end):
    """Each direction of each link, by the captured datagrams with begin <= time < end (ns)."""
    seen = defaultdict(Counter)
    for d in datagrams:
        if d.proto == 17 and begin <= d.time < end:
            seen[d.src, d.sport, d.dst, d.dport][d.size] += 1
    seconds = (end - begin) / 1e9
    return {f"{src}:{sport} > {dst}:{dport}": Link(sum(sizes.values()) / seconds, dict(sizes))
            for (src, sport, dst, dport), sizes in seen.items()}


def differences(idle, busy):
    """What tells one from the other, a line each; an empty list means: nothing."""
    told = []
    for name in sorted(set(idle) | set(busy)):
        a, b = idle.get(name), busy.get(name)
        if a is None or b is None:
            told.append(f"{name}: only {'idle' if a else 'in the call'}")
        elif set(a.sizes) != set(b.sizes):
            told.append(f"{name}: sizes {sorted(a.sizes)} idle, {sorted(b.sizes)} in the call")
        elif abs(a.per_s - b.per_s) > TOLERANCE * a.per_s:
            told.append(f"{name}: {a.per_s:.2f}/s idle, {b.per_s:.2f}/s in the call")
    return told


def total_per_s(seen):
    return round(sum(link.per_s for link in seen.values()), 1)
