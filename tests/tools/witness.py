#!/usr/bin/python3
"""How punctual the machine itself is: a process that only wants to wake up every 10 ms, beside what is measured.

    with Witness() as w: ...
    w.late_ms      {"p50", "p99", "max"}: how late it woke
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


def watch():
    """Until SIGTERM; then prints the percentiles."""
    stopping, late = [], []
    signal.signal(signal.SIGTERM, lambda *_: stopping.append(1))
    due = time.monotonic()
    while not stopping:
        due += PERIOD
        time.sleep(max(0.0, due - time.monotonic()))
        late.append((time.monotonic() - due) * 1000)
        due = max(due, time.monotonic() - PERIOD)  # what was missed is not made up for
    late.sort()
    print(json.dumps({"p50": late[len(late) // 2], "p99": late[len(late) * 99 // 100], "max": late[-1]}))


class Witness:
    def __init__(self):
        self.late_ms = None
        self._child = None

    def __enter__(self):
        self._child = subprocess.Popen([sys.executable, os.path.abspath(__file__)], stdout=subprocess.PIPE, text=True)
        return self

    def stop(self):
        if self._child:
            self._child.terminate()
            said = self._child.communicate(timeout=30)[0]
            self.late_ms, self._child = json.loads(said) if said else None, None

    def __exit__(self, *_):
        self.stop()

    def is_good(self):
        return self.late_ms is not None and self.late_ms["p99"] <= LATE_MS_MAX

    def text(self):
        return f"this machine woke a sleeper {self.late_ms['p99']:.1f} ms late at p99, {self.late_ms['max']:.1f} ms at worst"


if __name__ == "__main__":
    watch()
