"""A whole network on one machine: directory, relays, clients, each a real daemon with its own configuration file.

    with Testnet("build/testnet", relays=9, clients=2) as net:
        net.start()
        net.wait_ready()
        net.description   what testnet.json holds

Everything is in the folder: NAME.conf, NAME.log and the state of each node.  Leaving the block ends every daemon;
a daemon also ends by itself when its parent dies (PR_SET_PDEATHSIG), however that happens.
"""

import fcntl
import json
import os
import shutil
import signal
import subprocess
import time

from tools import places

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
READY_SECONDS = 60
STOP_SECONDS = 10
HTTP_PORT, LINK_PORT, UPLINK_PORT = 8080, 7000, 7000
DOMAIN = "sipmix.alt"


class TestnetError(Exception):
    """The network could not be had; the text is for a person."""


class Node:
    """One daemon: its place, its files, its process."""

    def __init__(self, net, kind, n):
        self.kind, self.name, self.place = kind, f"{kind}{n}", net.places.place(kind, n)
        self.config, self.log = net.path(f"{self.name}.conf"), net.path(f"{self.name}.log")
        self.state = net.path(self.name)
        self.process = None
        os.makedirs(self.state, mode=0o700)

    def configure(self, text):
        with open(self.config, "w", encoding="utf-8") as f:
            f.write(text)

    def start(self, program, wrapper=(), environment=None):
        """`wrapper` is a command prefix such as valgrind with its options."""
        with open(self.log, "ab") as log:
            self.process = subprocess.Popen(
                ["setpriv", "--pdeathsig", "TERM", "--", *self.place.enter(), *wrapper, program, "--config", self.config],
                stdin=subprocess.DEVNULL, stdout=log, stderr=subprocess.STDOUT, process_group=0,
                env={**os.environ, **(environment or {})})

    def terminate(self):
        if self.process and self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)

    def wait(self, deadline):
        """The exit status, after SIGKILL when the daemon didn't end in time."""
        if not self.process:
            return None
        try:
            self.process.wait(max(0, deadline - time.monotonic()))
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        return self.process.returncode

    def last_words(self):
        with open(self.log, encoding="utf-8", errors="replace") as f:
            return (f.read().strip().splitlines() or ["(nothing)"])[-1]

    def common(self):
        return {"pid": self.process.pid if self.process else None, "log": self.log, "config": self.config,
                "netns": self.place.netns}
