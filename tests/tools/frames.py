"""Frames of a call, one way: [(time in ns, number)] as they left one phone and as they came to the other."""

from tools import rtp

PERIOD_NS = 20_000_000


def captured(sent, received):
    """Both lists for phones that say no numbers: a frame is known by its bytes, its number is its turn."""
    turns, leaving = {}, []
    for packet in rtp.stream(sent):
        if rtp.mark(packet) not in turns:
            turns[rtp.mark(packet)] = len(turns)
            leaving.append((packet.time, turns[rtp.mark(packet)]))
    return leaving, [(p.time, turns[rtp.mark(p)]) for p in rtp.stream(received) if rtp.mark(p) in turns]


def fresh(came):
    """The times of frames that came for the first time."""
    seen, times = set(), []
    for at, number in sorted(came):
        if number not in seen:
            seen.add(number)
            times.append(at)
    return times


def longest_gap_ms(came, begin, end):
    """The longest time without a fresh frame that ended after `begin`, up to `end` if none came any more.  What was missing
    for more than a second before is not counted from its beginning."""
    times = [t for t in fresh(came) if t < end]
    before = [t for t in times if begin - 1_000_000_000 <= t < begin][-1:] or [begin]
    times = before + [t for t in times if t >= begin] + [end]
    return round(max(b - a for a, b in zip(times, times[1:])) / 1e6, 1)


def flows(came, begin, end):
    """Whether most of the frames of that time have come."""
    return sum(begin <= t < end for t in fresh(came)) > 0.8 * (end - begin) / PERIOD_NS


def lost(sent, came, begin, end):
    """When those frames left that never came."""
    there = {number for _, number in came}
    return [t for t, number in sent if begin <= t < end and number not in there]


def by_change(losses, changes, margin_ns):
    """Losses by the change of the path, given as (begin, end), that they are nearest to, and how many were farther from all
    of them than the margin."""
    counts, outside = [0] * len(changes), 0
    for t in losses:
        far, nearest = min(((max(begin - t, t - end, 0), i) for i, (begin, end) in enumerate(changes)), default=(margin_ns + 1, 0))
        if far <= margin_ns:
            counts[nearest] += 1
        else:
            outside += 1
    return counts, outside


def changes(samples):
    """When the path changed, as (last seen as it was, first seen otherwise), from [(time, path)]."""
    known = [(t, path) for t, path in samples if path]
    return [(a, b) for (a, old), (b, new) in zip(known, known[1:]) if old != new]
