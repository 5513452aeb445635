"""What a daemon holds: memory of its own, files and ports, by what the kernel says; and what a client still has of calls, by its page."""

import json
import os
import re
import statistics
import time
import urllib.request
from typing import NamedTuple

LOOKS, PAUSE_SECONDS = 10, 0.2  # for what is held at rest: connections to the directory come and go


class Held(NamedTuple):
    files: int      # descriptors, sockets among them
    udp: frozenset  # bound addresses, as the kernel writes them


def memory(pid):
    """Bytes that belong to nobody else: heap, stacks, locked memory."""
    with open(f"/proc/{pid}/status", encoding="utf-8") as f:
        return int(re.search(r"^RssAnon:\s+(\d+) kB", f.read(), re.M).group(1)) * 1024


def growth(looks, first, last, window):
    """Bytes a call, out of looks (calls made, bytes): from those in the window that begins at `first` to those at `last`."""
    low, high = (statistics.median(size for n, size in looks if begin <= n < begin + window) for begin in (first, last))
    return round((high - low) / (last - first), 1)


def now(pid):
    files, sockets, udp = os.listdir(f"/proc/{pid}/fd"), set(), set()
    for name in files:
        try:
            sockets |= set(re.findall(r"^socket:\[(\d+)\]", os.readlink(f"/proc/{pid}/fd/{name}")))
        except FileNotFoundError:
            pass  # closed meanwhile
    for table in ("udp", "udp6"):
        with open(f"/proc/{pid}/net/{table}", encoding="utf-8") as f:
            rows = [line.split() for line in f.readlines()[1:]]
        udp |= {row[1] for row in rows if row[9] in sockets}
    return Held(len(files), frozenset(udp))


def at_rest(nodes):
    """By name of the node; when it holds least."""
    held = {node.name: [] for node in nodes}
    for _ in range(LOOKS):
        for node in nodes:
            held[node.name].append(now(node.process.pid))
        time.sleep(PAUSE_SECONDS)
    return {name: min(looks, key=lambda look: look.files) for name, looks in held.items()}


def of_calls(client):
    """`client` as testnet.json describes it.  Dialogs and transactions with phones end half a minute after their call."""
    asked = urllib.request.Request(f"{client['web']}status.json", headers={"Authorization": f"Bearer {client['token']}"})
    with urllib.request.urlopen(asked, timeout=10) as answer:
        said = json.load(answer)
    busy = sum(k["purpose"] == "slot" and k["state"] != "idle" for k in said["circuits"])
    return {"calls": len(said["calls"]), "busy slots": busy, "dialogs": said["sip"]["calls"], "transactions": said["sip"]["transactions"]}


def wait_for_none(clients, kinds, seconds):
    """What is left of these kinds at each client, once there is none or time is up."""
    deadline = time.monotonic() + seconds
    while True:
        found = [{kind: n for kind, n in of_calls(client).items() if kind in kinds and n} for client in clients]
        if not any(found) or time.monotonic() > deadline:
            return found
        time.sleep(1)
