"""A whole network on one machine: directory, relays, clients, each a real daemon with its own configuration file.

    with Testnet("build/testnet", relays=9, clients=2) as net:
        net.start()
        net.wait_ready()
        net.description   what testnet.json holds

Everything is in the folder: NAME.conf, NAME.log and the state of each node.  Leaving the block ends every daemon;
a daemon also ends by itself when its parent dies (PR_SET_PDEATHSIG), however that happens.
"""

import contextlib
import fcntl
import json
import os
import shutil
import signal
import subprocess
import time

from tools import documents, places

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
READY_SECONDS = 60
STOP_SECONDS = 10
LINK_SECONDS = 3  # in which relays that know each other shake hands
SETTLED_SECONDS = 18  # until their links have the 1000 datagrams by which they know their own jitter
HTTP_PORT, LINK_PORT, UPLINK_PORT, WEB_PORT, SIP_PORT = 8080, 7000, 7000, 8088, 5060
DOMAIN = "sipmix.alt"

DIRECTORY = """\
state = {state}
[directory]
listen = {host}:{http}
early = yes
[network]
{parameters}
"""
RELAY = """\
network = {network}
state = {state}
[relay]
listen = {host}:{link}
"""
CLIENT = """\
network = {network}
state = {state}
[client]
uplink = {host}:{uplink}
[sip]
udp = {sip}
tcp = {sip}
rtp_first = {rtp}
{more}[web]
listen = {web}
"""
PARAMETERS = {"epoch_s": 300, "batch_s": 10, "distinct_subnets": 0, "private_addresses": 1, "claim_work_bits": 0,
              "floor_circuits": 0}
QUICK = {"epoch_s": 120, "batch_s": 2}  # parameters for tests that want a network soon
COVER_OFF = "[test]\ncover = no\n"
LAYERS = ("guard", "middle", "end")


class TestnetError(Exception):
    """The network could not be had; the text is for a person."""


class Node:
    """One daemon: its place, its files, its process."""

    def __init__(self, net, kind, n):
        self.kind, self.number, self.name = kind, n, f"{kind}{n}"
        self.place = net.places.place(kind, n)
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

    def kill(self):
        """kill -9: the others hear no goodbye."""
        self.process.kill()
        self.process.wait()
        self.process = None

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


class Testnet:
    """Options that only tests use: `names` of the clients instead of random ones, `parameters` of the network,
    `cover`=False for the control of the cover test, `views` for relays that write down what they see (with "gated"
    only while the block `with net.viewing()` runs), `roaming`=True for clients that send from whatever address they have,
    `wrap`={"relay3": command prefix}, `settle`=SETTLED_SECONDS for circuits that are timed by the jitter of their links
    instead of a guess, `sip`=more lines for the section [sip] of clients, where {host} is where phones find them, `sip_of`
    the same for some of them, by number from 1."""

    def __init__(self, folder, relays=9, clients=2, netns=False, place=None, build=None, names=(),
                 parameters=None, cover=True, views=False, wrap=None,
                 settle=LINK_SECONDS, roaming=False, sip=(), sip_of=None):
        self.folder, self.cover, self.views, self.wrap = os.path.abspath(folder), cover, views, wrap or {}
        self.roaming, self.sip, self.sip_of = roaming, sip, sip_of or {}
        self.names, self.settle = dict(enumerate(names, 1)), settle
        self.build = os.path.join(ROOT, build or os.environ.get("BUILD") or "build")
        self.counts = {"directory": 1, "relay": relays, "client": clients}
        self.parameters = {**PARAMETERS, **(parameters or {})}
        self._placing = (netns, place)
        self.places = self._lock = self.description = None
        self.nodes, self.complaints = [], []

    def path(self, name):
        return os.path.join(self.folder, name)

    def sip_networks(self):
        """Where phones find the clients, for a capture of the phones' side only."""
        return [f"{node.place.sip_ip}/32" for node in self.kind("client")]

    def uplink_networks(self):
        """Where clients send to relays from, for a capture of their access links."""
        return [f"{node.place.ip}/32" for node in self.kind("client")]

    def kind(self, kind):
        return [node for node in self.nodes if node.kind == kind]

    def node(self, name):
        return next(node for node in self.nodes if node.name == name)

    def program(self, kind):
        return os.path.join(self.build, "view" if kind == "relay" and self.views else "", f"sipmix-{kind}")

    # ---- start ----

    def start(self):
        """Sets the places up and starts every daemon; wait_ready() tells when they have found each other."""
        self.start_relays()
        self.start_clients()

    def start_relays(self):
        self._take_folder()
        for kind in self.counts:
            if self.counts[kind] and not os.access(self.program(kind), os.X_OK):
                raise TestnetError(f"{self.program(kind)} is not there: run make")
        netns, place = self._placing
        try:
            self.places = (places.Namespaces(self.folder) if netns else places.Listed(place) if place
                           else places.Loopback(self.folder))
            self.nodes = [Node(self, kind, n) for kind, count in self.counts.items() for n in range(1, count + 1)]
        except places.PlaceError as e:
            raise TestnetError(str(e)) from e
        for node in self.nodes:
            self._configure(node)
        self._write_network_file()
        for node in self.kind("directory") + self.kind("relay"):
            self._start(node)
        self._wait(self._relays_listed, "the relays to be listed")
        if self.kind("client"):
            time.sleep(self.settle)  # else their first circuits meet links that are not there yet, and they try later
        self._write_network_file()  # with relays in it, which a new client asks first

    def start_clients(self):
        for node in self.kind("client"):
            self._start(node)

    def _take_folder(self):
        os.makedirs(self.folder, exist_ok=True)
        lock = open(self.path("lock"), "w", encoding="utf-8")
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as e:
            lock.close()
            raise TestnetError(f"{self.folder}: a test network runs there already") from e
        self._lock = lock
        for name in os.listdir(self.folder):
            path = self.path(name)
            if os.path.isdir(path):
                shutil.rmtree(path)
            elif name != "lock":
                os.remove(path)

    def _configure(self, node):
        place, network = node.place, self.path("network.json")
        if node.kind == "directory":
            text = DIRECTORY.format(state=node.state, host=place.host(), http=HTTP_PORT, parameters="\n".join(
                f"{key} = {value}" for key, value in self.parameters.items()))
        elif node.kind == "relay":
            text = RELAY.format(network=network, state=node.state, host=place.host(), link=LINK_PORT)
        else:
            text = CLIENT.format(network=network, state=node.state, uplink=UPLINK_PORT,
                                 host="0.0.0.0" if self.roaming else place.host(),
                                 sip=f"{place.sip_ip}:{place.sip_port}", rtp=16384 + 100 * node.number, web=self._web(place),
                                 more="".join(line.format(host=place.sip_ip) + "\n" for line in (*self.sip, *self.sip_of.get(node.number, ()))))
            if node.number in self.names:
                text += f"[identity]\nname = {self.names[node.number]}\n"
        node.configure(text + ("" if self.cover or node.kind == "directory" else COVER_OFF))

    @staticmethod
    def _web(place):
        return f"{place.sip_ip}:{WEB_PORT + place.sip_port - SIP_PORT}"  # several clients may share an address

    @staticmethod
    def _token(node):
        with open(os.path.join(node.state, "web.token"), encoding="utf-8") as f:
            return f.read().strip()

    def _write_network_file(self):
        done = subprocess.run([self.program("directory"), "network", "--config", self.node("directory1").config,
                               "--out", self.path("network.json")],
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)
        if done.returncode:
            raise TestnetError(f"no network file: {done.stdout.strip()}")

    def _start(self, node):
        environment = {}
        if self.views and node.kind == "relay":
            environment["SIPMIX_TEST_VIEW"] = self.path(f"{node.name}.view")
            if self.views == "gated":
                environment["SIPMIX_TEST_VIEW_WHILE"] = self.path("viewing")
        node.start(self.program(node.kind), self.wrap.get(node.name, ()), environment)

    @contextlib.contextmanager
    def viewing(self):
        """Relays with gated views write down what they see."""
        with open(self.path("viewing"), "wb"):
            pass
        try:
            yield
        finally:
            os.unlink(self.path("viewing"))

    def ended(self):
        """The daemons that were started, were not killed by us, and run no more."""
        return [node for node in self.nodes if node.process and node.process.poll() is not None]

    def restart(self, node, wrapper=()):
        """Ends a daemon and starts it again, with a command prefix perhaps."""
        node.terminate()
        node.wait(time.monotonic() + STOP_SECONDS)
        self.wrap[node.name] = wrapper
        self._start(node)

    def revive(self, node):
        """Starts a daemon that was ended, without what it said of itself before."""
        with contextlib.suppress(FileNotFoundError):
            os.remove(os.path.join(node.state, "status.json"))
        self._start(node)

    def renew(self, node):
        """Gives a daemon a new life: new keys, for a client another name unless it is configured, another guard perhaps."""
        node.terminate()
        node.wait(time.monotonic() + STOP_SECONDS)
        shutil.rmtree(node.state)
        os.makedirs(node.state, mode=0o700)
        self._start(node)

    def is_whole(self):
        """Whether every relay is listed by all, and every client has all its circuits."""
        said = [self.status(node) for node in self.kind("client")]
        return self._relays_listed() and all(s and s["ready"] and s["circuits"] == s["circuits_wanted"] for s in said)

    def wait_whole(self, seconds):
        self._wait(self.is_whole, "the network to be whole", seconds)

    def layer(self, layer):
        """The relays of a layer."""
        links = {r["addr"][0] for r in self._running(self.node("relay1")) if r["layer"] == layer}
        return [node for node in self.kind("relay") if f"{node.place.host()}:{LINK_PORT}" in links]

    def _wait(self, condition, what, seconds=READY_SECONDS):
        deadline = time.monotonic() + seconds
        while not condition():
            for node in self.ended():
                raise TestnetError(f"{node.name} has ended: {node.last_words()}")
            if time.monotonic() > deadline:
                raise TestnetError(f"waited {seconds} s for {what}: see {self.folder}/*.log")
            time.sleep(0.1)

    def _relays_listed(self):
        """Every relay holds a consensus in which all of them are running."""
        return all(len(self._running(node)) == self.counts["relay"] for node in self.kind("relay"))

    def _running(self, node):
        document = documents.held_consensus(node.state)
        return [r for r in document["relays"] if "running" in r["flags"]] if document else []

    # ---- ready ----

    def wait_ready(self, seconds=READY_SECONDS):
        """Until every client can call every other; then writes testnet.json."""
        self._wait(lambda: all((self.status(node) or {}).get("ready") for node in self.kind("client")),
                   "every client to be ready", seconds)
        self.description = self._describe()
        with open(self.path("testnet.json.new"), "w", encoding="utf-8") as f:
            json.dump(self.description, f, indent=1)
            f.write("\n")
        os.rename(self.path("testnet.json.new"), self.path("testnet.json"))

    def status(self, node):
        """What a client says of itself, or None while it says nothing."""
        try:
            with open(os.path.join(node.state, "status.json"), encoding="utf-8") as f:
                return json.load(f)
        except (OSError, ValueError):
            return None

    def _describe(self):
        listed = {r["addr"][0]: r for r in self._running(self.node("relay1"))}
        described = {"domain": DOMAIN, "network_file": self.path("network.json"), "directories": [], "relays": [],
                     "clients": []}
        for node in self.nodes:
            place, common = node.place, node.common()
            if node.kind == "directory":
                described["directories"].append({"name": node.name, "http": f"{place.host()}:{HTTP_PORT}", **common})
            elif node.kind == "relay":
                link = f"{place.host()}:{LINK_PORT}"
                described["relays"].append({"name": node.name, "link": link, "layer": listed[link]["layer"],
                                            "flags": listed[link]["flags"], **common})
            else:
                status, sip = self.status(node), f"{place.sip_ip}:{place.sip_port}"
                described["clients"].append(
                    {"name": node.name, "sip_udp": sip, "sip_tcp": sip, "address": status["address"],
                     "key_address": status["key_address"], "web": f"http://{self._web(place)}/", "token": self._token(node), "uplink_ip": place.ip, **common})
        return {**described, "ready": True}

    # ---- end ----

    def stop(self):
        """Ends every daemon and removes namespaces.  `complaints` then has a line for each that didn't end well."""
        for kind in ("client", "relay", "directory"):
            for node in self.kind(kind):
                node.terminate()
            deadline = time.monotonic() + STOP_SECONDS
            for node in self.kind(kind):
                status = node.wait(deadline)
                if status:
                    self.complaints.append(f"{node.name} ended with status {status}: {node.last_words()}")
        if self.places:
            self.places.clear()
        if self._lock:
            self._lock.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.stop()
        for complaint in self.complaints:
            print(f"# {complaint}", flush=True)
