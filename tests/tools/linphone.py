"""A real phone without a screen: linphone, which plays a file, records what it hears, and is told what to do.

    phone = Phone(folder, ip, "sip:alice@sipmix.alt", "sip:127.0.0.1:5061;transport=tls", speech="a.wav", srtp=True)
    phone.start(); phone.dial("sip:bob@sipmix.alt"); phone.wait("CALL_ESTABLISHED"); phone.stop()

Everything it needs and leaves is in `folder`: its configuration, log, heard.wav, and `said`, what it printed.  It is told
and tells the same as tests/tools/baresip.py; the lines that it prints for people are read as events.
"""

import os
import re
import signal
import subprocess
import threading
import time

from tools.events import Events, PhoneError

# A port of 0 is a transport that it has not; 127.0.0.1 as source of a connection is the kernel's choice.
CONFIG = """\
[sip]
sip_port={udp}
sip_tcp_port={tcp}
sip_tls_port={tls}
bind_address={ip}
guess_hostname=0
contact={identity}
use_ipv6=0
media_encryption={encryption}
media_encryption_mandatory={mandatory}
verify_server_certs={verify}
verify_server_cn={verify}
root_ca={trusted}
default_proxy=0
use_info=0
use_rfc2833=1
[rtp]
audio_rtp_port={rtp}-{rtp_end}
bind_address={ip}
[sound]
echocancellation=0
[net]
firewall_policy=0
[proxy_0]
reg_identity={identity}
reg_proxy=<{proxy}>
reg_route=<{proxy};lr>
reg_expires=60
reg_sendregister=1
publish=0
"""
PASSWORD = """\
[auth_info_0]
username={user}
passwd={password}
realm=sipmix.alt
domain=sipmix.alt
"""
SAID = (  # what it prints, and the event that it is
    (r"Receiving new incoming call from (.*), assigned id \d+", "CALL_INCOMING"),
    (r"Call \d+ to (.*) ringing", "CALL_RINGING"),
    (r"Media streams established with (.*) for call \d+", "CALL_ESTABLISHED"),  # at first, and whenever a hold ends
    (r"Call \d+ with (.*) is now paused", "CALL_HELD"),
    (r"Call \d+ has been paused by (.*)\.", "CALL_HELD_BY_FAR"),
    (r"Call \d+ with .* ended \((.*)\)", "CALL_CLOSED"),
    (r"Call \d+ with (.*) error\.", "CALL_CLOSED"),
    (r"Receiving tone (.) from", "CALL_DTMF_START"),
)
DEADLINE_SECONDS = 10


class Phone(Events):
    """It listens by the transport of the proxy's address and no other.  `trusted`: a PEM file by which the server's
    certificate is checked; without it any is taken.  `account`: (user, password), if it is asked for."""

    def __init__(self, folder, ip, identity, proxy, speech, srtp=False, trusted="", account=None, port=5060,
                 rtp=20000):
        self.folder, self.ip, self.port, self.rtp = os.path.abspath(folder), ip, port, rtp  # rtp: first of a hundred ports
        self.control = None
        self.log, self._said, self._heard = (os.path.join(self.folder, name) for name in ("log", "said", "heard.wav"))
        self._speech, self._identity = os.path.abspath(speech), identity
        ports = {"udp": 0, "tcp": 0, "tls": 0, re.search(r"transport=(\w+)", proxy).group(1): port}
        os.makedirs(os.path.join(self.folder, ".local", "share", "linphone"), exist_ok=True)  # it makes its database only there
        with open(os.path.join(self.folder, "config"), "w", encoding="utf-8") as f:
            f.write(CONFIG.format(ip=ip, identity=identity, proxy=proxy, rtp=rtp, rtp_end=rtp + 99, **ports,
                                  encryption="srtp" if srtp else "none", mandatory=int(srtp), verify=int(bool(trusted)),
                                  trusted=trusted))
            f.write(PASSWORD.format(user=account[0], password=account[1]) if account else "")
        self._child = None
        super().__init__()
        self._texts = []

    def start(self, enter=()):
        self._child = subprocess.Popen(
            [*enter, "linphonec", "-c", os.path.join(self.folder, "config"), "-d", "5", "-l", self.log],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, encoding="utf-8", errors="replace",
            env={**os.environ, "HOME": self.folder, "LC_ALL": "C.UTF-8",
                 "MS_AUDIO_PRIO": "NORMAL", "MS_TICKER_SCHEDPRIO": "NORMAL"})  # not ahead of whatever else runs here
        threading.Thread(target=self._listen, args=(self._child.stdout,), daemon=True).start()
        for line in ("soundcard use files", f"play {self._speech}", f"record {self._heard}"):
            self.command(line)

    def _listen(self, out):
        with open(self._said, "a", encoding="utf-8") as kept:
            for line in out:
                kept.write(line)
                kept.flush()
                self._read(line.strip())

    def _read(self, line):
        text = re.search(r"Message received from (\S+): (.*)", line)
        found = [{"type": kind, "param": m.group(1)} for pattern, kind in SAID if (m := re.search(pattern, line))]
        with self._news:
            self._events += found
            self._texts += [text.groups()] if text else []
            self._news.notify_all()

    def command(self, line):
        try:
            self._child.stdin.write(line + "\n")
            self._child.stdin.flush()
        except (OSError, AttributeError) as e:
            raise PhoneError(f"linphone has ended: see {self._said}") from e

    def wait_registered(self, timeout=DEADLINE_SECONDS):
        """It says nothing of that unless it is asked, so this looks at the log."""
        deadline = time.monotonic() + timeout
        while not self._logged("to [LinphoneRegistrationOk]"):
            if self._child.poll() is not None or time.monotonic() > deadline:
                raise PhoneError(f"not registered within {timeout} s: see {self.log}")
            time.sleep(0.05)

    def _logged(self, text):
        try:
            with open(self.log, encoding="utf-8", errors="replace") as f:
                return text in f.read()
        except FileNotFoundError:
            return False

    def dial(self, address):
        self.command(f"call {address}")

    def accept(self):
        self.command("answer")

    def hang_up(self):
        self.command("terminate")

    def hang_up_all(self):
        """Ends whatever calls there are, after something went wrong."""
        self.command("terminate all")

    def hold(self):
        at = self.mark()
        self.command("pause")
        self.wait("CALL_HELD", since=at)

    def resume(self):
        at = self.mark()
        self.command("resume")
        self.wait("CALL_ESTABLISHED", since=at)

    def wait_held(self, since):
        """Until the far side's hold is known here."""
        self.wait("CALL_HELD_BY_FAR", since=since)

    def wait_resumed(self, since):
        self.wait("CALL_ESTABLISHED", since=since)

    def key(self, digit):
        self.command(digit)

    def message(self, peer, text):
        self.command(f"chat {peer} {text}")

    def messages(self):
        """(from, text) of each instant message received."""
        with self._news:
            return list(self._texts)

    def heard(self):
        """What came in while streams ran, or None."""
        return self._heard if os.path.exists(self._heard) else None

    def stop(self):
        """Ends the phone; it says goodbye to its registrar first."""
        if not self._child:
            return
        try:
            self.command("quit")
        except PhoneError:
            pass  # it may be gone already
        try:
            self._child.wait(5)
        except subprocess.TimeoutExpired:
            self._child.send_signal(signal.SIGKILL)
            self._child.wait()
        self._child.stdin.close()
        self._child = None
