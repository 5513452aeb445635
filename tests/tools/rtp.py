"""RTP as two phones see it: which frame arrived, when, how evenly (RFC 3550), and what was lost."""

import struct
from typing import NamedTuple

CLOCK = 8000  # G.711


class Packet(NamedTuple):
    time: int  # ns
    kind: int  # payload type
    marker: bool
    seq: int
    stamp: int
    ssrc: int
    body: bytes


def parse(time, data):
    """The RTP packet in a datagram's payload, or None: wrong version, an RTCP type (RFC 5761, section 4), too short."""
    if len(data) < 13 or data[0] >> 6 != 2 or 192 <= data[1] <= 223:
        return None
    start = 12 + 4 * (data[0] & 15)
    if data[0] & 16:
        if len(data) < start + 4:
            return None
        start += 4 + 4 * struct.unpack_from("!H", data, start + 2)[0]
    end = len(data) - (data[-1] if data[0] & 32 else 0)
    if start >= end:
        return None
    seq, stamp, ssrc = struct.unpack_from("!HII", data, 2)
    return Packet(time, data[1] & 127, bool(data[1] & 128), seq, stamp, ssrc, data[start:end])


def stream(datagrams, to=None, by=None):
    """The G.711 packets among datagrams to one port ("IP:PORT"), or from one."""
    found = []
    for d in datagrams:
        if d.proto == 17 and (to is None or d.target() == to) and (by is None or d.source() == by):
            p = parse(d.time, d.payload)
            if p and p.kind in (0, 8):
                found.append(p)
    return found


def percentile(values, p):
    """The value below which p per cent lie (nearest rank); None of nothing."""
    ranked = sorted(values)
    return ranked[max(0, -(-len(ranked) * p // 100) - 1)] if ranked else None


def jitter_ms(packets):
    """Mean over the stream of the interarrival jitter estimate of RFC 3550, section 6.4.1."""
    estimate, total, before = 0.0, 0.0, None
    for p in packets:
        transit = p.time / 1e9 - p.stamp / CLOCK
        if before is not None:
            move = abs(transit - before)
            if move > 60:  # the 32-bit timestamp went round
                move = abs(move - (1 << 32) / CLOCK)
            estimate += (move - estimate) / 16
            total += estimate
        before = transit
    return total / (len(packets) - 1) * 1000 if len(packets) > 1 else None


class Journey(NamedTuple):
    delays_ms: list
    sent: int  # frames between the first and the last that arrived
    lost: int
    twice: int
    excused: int  # of the lost

    def loss_pct(self):
        return 100 * self.lost / self.sent if self.sent else None

    def own_loss_pct(self):
        """Without those that are excused."""
        return 100 * (self.lost - self.excused) / self.sent if self.sent else None


def mark(packet):
    """What a frame is known by: its second half.  The beginning of one that follows a loss is blended with what filled that."""
    return packet.body[len(packet.body) // 2 :]


def match(sent, received, excuses=lambda time: False):
    """Finds each sent frame among the received ones by its bytes, which no two frames share.  What was sent before
    the first or after the last frame that arrived is not judged: there the pipe was not there yet, or no more.  A frame
    that left at a time that `excuses` says yes to, and is lost, counts as such, and as excused."""
    first = {}
    twice = 0
    for p in received:
        if mark(p) in first:
            twice += 1
        else:
            first[mark(p)] = p.time
    hits = [i for i, p in enumerate(sent) if mark(p) in first]
    if not hits:
        return Journey([], 0, 0, twice, 0)
    window = sent[hits[0] : hits[-1] + 1]
    delays = [(first[mark(p)] - p.time) / 1e6 for p in window if mark(p) in first]
    lost = [p for p in window if mark(p) not in first]
    return Journey(delays, len(window), len(lost), twice, sum(excuses(p.time) for p in lost))
