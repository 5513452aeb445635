"""A long call, watched: which way it takes from second to second, and what is lost when that changes, and otherwise."""

import time

from tools import frames, witness

SAMPLE_SECONDS, VIEW_SECONDS = 1.0, 0.2
MARGIN_NS = 1_000_000_000  # around a change of the way that was seen between two samples
LOST_PCT, LOST_PER_CHANGE_MS = 0.1, 200


def samples(where, guards, seconds, more=None):
    """[(time in ns, way)] of the call; `more` is asked each second whether to go on."""
    found, end = [], time.monotonic() + seconds
    due = time.monotonic()
    while time.monotonic() < end and (more is None or more()):
        at = time.time_ns()
        found.append((at, where.route(guards, VIEW_SECONDS)))
        due = max(due + SAMPLE_SECONDS, time.monotonic())
        time.sleep(max(0.0, min(due, end) - time.monotonic()))
    return found


def way(sent, came, changes, begin, end, stalls=()):
    """One direction: frames, those lost outside of changes (and of a witness's stalls), and what each change cost."""
    all_gone = frames.lost(sent, came, begin, end)
    gone = [t for t in all_gone if not witness.stalled(t, stalls)]
    per_change, outside = frames.by_change(gone, changes, MARGIN_NS)
    count = sum(begin <= t < end for t, _ in sent)
    return {"frames": count, "lost": len(all_gone), "lost_in_stalls": len(all_gone) - len(gone), "lost_outside": outside, "lost_outside_pct": round(100 * outside / max(1, count), 4),
            "lost_per_change_ms": [20 * n for n in per_change], "longest_gap_ms": frames.longest_gap_ms(came, begin, end)}


def judge(results, what, ways):
    for name, w in ways.items():
        few = w["lost_outside_pct"] < LOST_PCT or w["lost_outside"] <= 1  # of a short call, one is more than that
        results.claim(f"{what}, {name}: less than {LOST_PCT} % of the frames are lost while the way stays the same",
                      w["frames"] > 0 and few, f"{w['lost_outside']} of {w['frames']}")
        worst = max(w["lost_per_change_ms"], default=0)
        results.claim(f"{what}, {name}: no change of the way costs more than {LOST_PER_CHANGE_MS} ms", worst <= LOST_PER_CHANGE_MS,
                      f"worst {worst} ms, {len(w['lost_per_change_ms'])} changes, longest gap {w['longest_gap_ms']} ms")
