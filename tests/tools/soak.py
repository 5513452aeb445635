"""What every soak script needs: its options from the environment, its place, and its part of build/soak/report.json.

From the environment: SOAK_SEED (of the script's own choices: whom to kill; the daemons draw for themselves), SOAK_SHORT=1
(a first look that everything runs: one try of each thing, minutes become seconds), RELAYS (12; half of a network's relays
of a layer are then still there when both sides have lost one).
"""

import json
import os
import random
import shutil
import signal
import sys
import time

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))


class Report:
    """Written anew with each figure, so that a script that is stopped leaves what it has."""

    def __init__(self, name):
        build = os.path.join(ROOT, os.environ.get("BUILD") or "build")
        self.folder, self._path = os.path.join(build, "soak", name), os.path.join(build, "soak", f"{name}.json")
        self.short = os.environ.get("SOAK_SHORT") == "1"
        self.seed = int(os.environ.get("SOAK_SEED") or time.time_ns() % 1_000_000_000)
        self.relays = int(os.environ.get("RELAYS") or 12)
        self.rng = random.Random(self.seed)
        self._begin = time.time()
        self._held = {"script": name, "seed": self.seed, "short": self.short, "relays": self.relays, "began": round(self._begin)}
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, lambda *_: sys.exit(130))  # through all blocks, so that nothing is left behind
        shutil.rmtree(self.folder, ignore_errors=True)
        os.makedirs(self.folder)

    def __setitem__(self, key, value):
        self._held[key] = value
        self._held["seconds"] = round(time.time() - self._begin)
        with open(self._path + ".new", "w", encoding="utf-8") as f:
            json.dump(self._held, f, indent=1)
            f.write("\n")
        os.rename(self._path + ".new", self._path)

    def __getitem__(self, key):
        return self._held[key]
