"""A real phone without a screen: baresip, which plays a file, records what it hears, and is told what to do.

    phone = Phone(folder, ip, account='"Alice" <sip:alice@sipmix.alt>;regint=60', speech="a.wav")
    phone.start(); phone.dial("sip:bob@sipmix.alt"); phone.wait("CALL_ESTABLISHED"); phone.stop()

Everything it needs and leaves is in `folder`: config, accounts, contacts, log, dump-*.wav.  It is driven through its
ctrl_tcp module: JSON in netstrings, commands one way, answers and call events back.
"""

import glob
import json
import os
import re
import signal
import socket
import subprocess
import threading
import time

from tools.events import Events, PhoneError

CONFIG = """\
sip_listen {ip}:{port}
net_interface {ip}
module_path {modules}
module stdio.so
{codecs}
module srtp.so
module aufile.so
module aubridge.so
module sndfile.so
module_tmp account.so
module_app contact.so
module_app menu.so
module_app ctrl_tcp.so
ctrl_tcp_listen {ip}:{control}
audio_source aufile,{speech}
audio_player aubridge,x
audio_alert aubridge,y
ringback_disabled yes
statmode_default off
snd_path {folder}
rtp_ports {rtp}-{rtp_end}
"""
AT_8_KHZ = "\nausrc_srate 8000\nausrc_channels 1\nauplay_srate 8000\nauplay_channels 1"  # files, whatever the codec has
MODULES = "/usr/lib/baresip/modules"
START_SECONDS = 10


class Phone(Events):
    def __init__(self, folder, ip, account, speech, peers=(), port=5060, control=4444, rtp=20000, codecs=("g711",)):
        """codecs: its modules, in its order of preference."""
        self.folder, self.ip, self.port, self.control = os.path.abspath(folder), ip, port, control
        self.rtp = rtp  # first port of a hundred
        self.log = os.path.join(self.folder, "log")
        os.makedirs(self.folder, exist_ok=True)
        modules = "\n".join(f"module {codec}.so" for codec in codecs) + AT_8_KHZ * ("opus" in codecs)
        for name, text in (
                ("config", CONFIG.format(codecs=modules, ip=ip, port=port, modules=MODULES, control=control,
                                         speech=os.path.abspath(speech), folder=self.folder, rtp=rtp, rtp_end=rtp + 99)),
                ("accounts", account + "\n"),
                ("contacts", "".join(f'"{i}" <{peer}>\n' for i, peer in enumerate(peers)))):
            with open(os.path.join(self.folder, name), "w", encoding="utf-8") as f:
                f.write(text)
        self._peers = len(peers)
        self._child = self._socket = None
        super().__init__()
        self._answers, self._asked = {}, 0

    def start(self, enter=()):
        """`enter` is a command prefix, such as one that enters a network namespace; the control port is reached from
        here all the same only where the namespace is ours."""
        with open(self.log, "ab") as log:  # the stdio module writes messages there; it wants a stdin that stays open
            self._child = subprocess.Popen([*enter, "baresip", "-f", self.folder], stdin=subprocess.PIPE,
                                           stdout=log, stderr=subprocess.STDOUT)
        deadline = time.monotonic() + START_SECONDS
        while True:
            try:
                self._socket = socket.create_connection((self.ip, self.control), 1)
                break
            except OSError as e:
                if self._child.poll() is not None or time.monotonic() > deadline:
                    self.stop()
                    raise PhoneError(f"baresip did not start: see {self.log}") from e
                time.sleep(0.05)
        self._socket.settimeout(None)
        threading.Thread(target=self._listen, args=(self._socket,), daemon=True).start()

    def _listen(self, control):
        held = b""
        while True:
            try:
                got = control.recv(65536)
            except OSError:
                got = b""
            if not got:
                return
            held += got
            while m := re.match(rb"(\d+):", held):
                end = m.end() + int(m.group(1))
                if len(held) <= end:
                    break
                said, held = json.loads(held[m.end() : end]), held[end + 1 :]
                with self._news:
                    if said.get("event"):
                        self._events.append(said)
                    else:
                        self._answers[said.get("token")] = said
                    self._news.notify_all()

    def command(self, name, parameters="", timeout=5):
        """Returns what the phone printed."""
        self._asked += 1
        token = str(self._asked)
        said = json.dumps({"command": name, "params": parameters, "token": token}).encode()
        self._socket.sendall(b"%d:%s," % (len(said), said))
        with self._news:
            if not self._news.wait_for(lambda: token in self._answers, timeout):
                raise PhoneError(f"no answer to {name}")
            answer = self._answers.pop(token)
        if not answer["ok"]:
            raise PhoneError(f"{name}: {answer['data'].strip()}")
        return answer["data"]

    def wait_registered(self, timeout=10):
        """The first REGISTER is often answered before we listen to events, so this looks at the log."""
        deadline = time.monotonic() + timeout
        while not (answers := re.findall(r"^\S+: \{\d+/\w+/v[46]\} (\d{3}) .*$", self._said(), re.M)) or answers[-1] != "200":
            if time.monotonic() > deadline:
                raise PhoneError(f"not registered within {timeout} s, answers: {answers}: see {self.log}")
            time.sleep(0.05)

    def dial(self, address):
        self.command("dial", address)

    def accept(self):
        self.command("accept")

    def hang_up(self):
        self.command("hangup")

    def hang_up_all(self):
        """Ends whatever calls there are, after something went wrong."""
        for _ in range(4):
            self.command("hangup")

    def hold(self):
        self.command("hold")

    def resume(self):
        self.command("resume")

    def wait_held(self, since):
        """Until the far side has offered something new: baresip does not tell what."""
        self.wait("CALL_REMOTE_SDP", since=since)

    wait_resumed = wait_held

    def transfer(self, address):
        """Hands its call on, blindly."""
        self.command("transfer", address)

    def key(self, digit):
        self.command("sndcode", digit)

    def message(self, peer, text):
        """Sends an instant message to one of the peers named at the start."""
        for step in ["contact_next"] * self._peers + ["contact_prev"] * self._peers:  # the list does not wrap
            if f"<{peer}>" in self.command(step):
                self.command("message", text)
                return
        raise PhoneError(f"{peer} is no contact")

    def _said(self):
        with open(self.log, encoding="utf-8", errors="replace", newline="") as f:
            return f.read()

    def messages(self):
        """(from, text) of each instant message received."""
        return re.findall(r'^\r?(sips?:\S+): "(.*)"\r?$', self._said(), re.M)

    def heard(self):
        """The newest recording of what came in, or None."""
        return max(glob.glob(os.path.join(self.folder, "dump-*-dec.wav")), key=os.path.getmtime, default=None)

    def spoken(self):
        """The newest recording of what went out, or None."""
        return max(glob.glob(os.path.join(self.folder, "dump-*-enc.wav")), key=os.path.getmtime, default=None)

    def stop(self):
        """Ends the phone; it says goodbye to its registrar first."""
        if self._socket:
            try:
                self.command("quit", timeout=2)
            except (OSError, PhoneError):
                pass  # it may be gone already
            self._socket.close()
            self._socket = None
        if self._child:
            try:
                self._child.wait(3)
            except subprocess.TimeoutExpired:
                self._child.send_signal(signal.SIGKILL)
                self._child.wait()
            self._child.stdin.close()
            self._child = None
