"""Where the nodes of a test network stand: loopback addresses, network namespaces on a bridge, or a file's places.

Each network has an address range of its own, drawn from the path of its folder, so that several run side by side.
"""

import hashlib
import ipaddress
import json
import os
import subprocess
from typing import NamedTuple


class PlaceError(Exception):
    """A place that can't be had; the text is one line for a person."""


class Place(NamedTuple):
    ip: str            # of the node's links and of the directory's HTTP
    sip_ip: str        # where a client's phone finds it
    sip_port: int
    netns: str | None  # None: the namespace of whoever starts it

    def enter(self):
        """The command prefix that runs a program there."""
        return ("ip", "netns", "exec", self.netns) if self.netns else ()

    def host(self):
        return f"[{self.ip}]" if ":" in self.ip else self.ip


def _mark(folder):
    return hashlib.sha256(os.path.realpath(folder).encode()).digest()


def _run(*command):
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)
    if done.returncode:
        raise PlaceError(f"{' '.join(command)}: {done.stdout.strip()}")


class Loopback:
    """127.A.B.C for each node: directory x.1, relays (x+1).N, clients (x+2).N, phones (x+3).N."""

    def __init__(self, folder):
        a, b = _mark(folder)[:2]
        self._base = int(ipaddress.ip_address(f"127.{16 + a % 224}.{b & 0xF0}.0"))
        self.network, self.interface = str(ipaddress.ip_network((self._base, 20))), "lo"

    def _at(self, row, n):
        return str(ipaddress.ip_address(self._base + row * 256 + n))

    def place(self, kind, n):
        ip = self._at({"directory": 0, "relay": 1, "client": 2}[kind], n)
        return Place(ip, ip, 5060, None)

    def phone_ip(self, n):
        return self._at(3, n)

    def clear(self):
        pass


class Namespaces:
    """A network namespace for each node, all on one bridge.  Needs root.  A client's phone belongs into its namespace,
    where the client listens on 127.0.0.1."""

    def __init__(self, folder):
        if os.geteuid() != 0:
            raise PlaceError("NETNS=1 needs root")
        a, b = _mark(folder)[:2]
        self._stem, self._net = f"smx{a:02x}{b:02x}", f"10.{a}"
        self.network, self.interface = f"{self._net}.0.0/16", self._stem
        self._names = []
        self.clear()  # of what a killed predecessor left
        _run("ip", "link", "add", self.interface, "type", "bridge")
        _run("ip", "link", "set", self.interface, "up")

    def place(self, kind, n):
        ip, end = f"{self._net}.{'dir rel cli'.split().index(kind[:3])}.{n}", f"{self._stem}-{kind[0]}{n}"
        _run("ip", "netns", "add", end)
        for command in (f"link add {end} type veth peer name net0 netns {end}", f"link set {end} master {self.interface} up",
                        f"-n {end} addr add {ip}/16 dev net0", f"-n {end} link set net0 up", f"-n {end} link set lo up"):
            _run("ip", *command.split())
        return Place(ip, "127.0.0.1", 5060, end)

    def clear(self):
        """Removes every namespace and the bridge; a namespace takes its veth pair along."""
        listed = subprocess.run(["ip", "netns", "list"], stdout=subprocess.PIPE, text=True, check=False).stdout
        for line in listed.splitlines():
            name = line.split()[0]
            if name.startswith(self._stem + "-"):
                subprocess.run(["ip", "netns", "delete", name], check=False)
        if os.path.exists(f"/sys/class/net/{self.interface}"):
            subprocess.run(["ip", "link", "delete", self.interface], check=False)


class Listed:
    """The places of a JSON file: {"relay1": {"address": "192.0.2.1", "netns": "left"}, ...}; the namespaces exist."""

    def __init__(self, path):
        self._path = path
        try:
            with open(path, encoding="utf-8") as f:
                self._places = json.load(f)
        except (OSError, ValueError) as e:
            raise PlaceError(f"{path}: {e}") from e
        if not isinstance(self._places, dict):
            raise PlaceError(f"{path}: not an object of places by node name")
        self.network = self.interface = None

    def place(self, kind, n):
        name = f"{kind}{n}"
        said = self._places.get(name)
        if not isinstance(said, dict) or set(said) - {"address", "netns"} or not isinstance(said.get("netns") or "", str):
            raise PlaceError(f'{self._path}: {name}: expected {{"address": IP, "netns": NAME or absent}}')
        try:
            address = ipaddress.ip_address(said.get("address"))
        except ValueError as e:
            raise PlaceError(f"{self._path}: {name}: address: {e}") from e
        netns = said.get("netns") or None
        if netns and not os.path.exists(f"/run/netns/{netns}"):
            raise PlaceError(f"{self._path}: {name}: there is no namespace {netns}")
        if address.is_loopback and address.version == 4:
            return Place(str(address), str(address), 5060, netns)
        return Place(str(address), "127.0.0.1", 5060 + 10 * n, netns)  # several clients may share a namespace

    def clear(self):
        pass
