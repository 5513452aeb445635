#!/usr/bin/python3
"""How punctual the machine itself is: on each CPU a process that only wants to wake up every 10 ms, beside what is measured.

    with Witness() as w: ...
    w.late_ms      {"p50", "p99", "max"}: how late they woke
    w.stalls       [(begin, end)] in ns since 1970: when one slept on for STALL_MS or more
    w.is_good()    false: the machine had too much else to do for a figure about time to mean anything
"""

import json
import os
import signal
import subprocess
import sys
import time

PERIOD = 0.01
LATE_MS_MAX = 3.0  # at p99; 0.3 on an idle machine
STALL_MS = 3.0
FLIGHT_NS = 200_000_000  # what was sent so long before a stall may have been under way in it
STALLS_MAX = 100_000


def watch(cpu):
    """Until SIGTERM; then prints all delays in ms, and the stalls."""
    os.sched_setaffinity(0, [cpu])
    stopping, late, stalls = [], [], []
    signal.signal(signal.SIGTERM, lambda *_: stopping.append(1))
    due = time.monotonic()
    while not stopping:
        due += PERIOD
        time.sleep(max(0.0, due - time.monotonic()))
        late.append(round((time.monotonic() - due) * 1000, 3))
        if late[-1] >= STALL_MS and len(stalls) < STALLS_MAX:
            now = time.time_ns()
            stalls.append((now - int(late[-1] * 1e6), now))
        due = max(due, time.monotonic() - PERIOD)  # what was missed is not made up for
    print(json.dumps({"late": late, "stalls": stalls}))


class Witness:
    def __init__(self):
        self.late_ms, self.stalls = None, []
        self._children = []

    def __enter__(self):
        self._children = [subprocess.Popen([sys.executable, os.path.abspath(__file__), str(cpu)], stdout=subprocess.PIPE, text=True)
                          for cpu in sorted(os.sched_getaffinity(0))]
        return self

    def stop(self):
        for child in self._children:
            child.terminate()
        said = [json.loads(text) for text in (child.communicate(timeout=30)[0] for child in self._children) if text]
        late = sorted(ms for one in said for ms in one["late"])
        if late:
            self.late_ms = {"p50": late[len(late) // 2], "p99": late[len(late) * 99 // 100], "max": late[-1]}
        self.stalls += sorted(tuple(stall) for one in said for stall in one["stalls"])
        self._children = []

    def __exit__(self, *_):
        self.stop()

    def is_good(self):
        return self.late_ms is not None and self.late_ms["p99"] <= LATE_MS_MAX

    def text(self):
        return f"this machine woke a sleeper {self.late_ms['p99']:.1f} ms late at p99, {self.late_ms['max']:.1f} ms at worst"


def stalled(sent_at, stalls):
    """Whether a frame that left a phone then may be lost because the machine stood still."""
    return any(begin < sent_at + FLIGHT_NS and sent_at < end for begin, end in stalls)


def longest_ms(stalls, begin, end):
    """Of the stalls in that time; 0 if there was none."""
    return max(((until - since) / 1e6 for since, until in stalls if since < end and until > begin), default=0.0)


if __name__ == "__main__":
    watch(int(sys.argv[1]))
