#!/usr/bin/python3
"""A phone that says numbers: as much SIP as a call needs, and every 20 ms a frame that no other frame equals.

    phone = Phone("build/x/phone1", "127.0.0.1", 5070, "127.0.0.1:5060", "sip:alice@sipmix.alt")
    phone.start(); phone.dial("sip:bob@sipmix.alt"); phone.wait("CALL_ESTABLISHED"); phone.stop()
    phone.sent()    [(time in ns, number)] of its frames
    phone.came()    the same of the other phone's, as they came to its socket (the kernel's time stamps)

It is told and tells the same as tools/baresip.py, and whatever request comes inside a call but its end is an event too
(REQUEST).  It runs in a process of its own, so that what the test does meanwhile does not make it late.
"""

import hashlib
import json
import os
import re
import select
import socket
import struct
import subprocess
import sys
import threading
import time

if __name__ == "__main__":
    sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
from tools.events import Events, PhoneError  # noqa: E402

MAGIC, FRAME_NS, SAMPLES = b"smx#", 20_000_000, 160
RECORD = struct.Struct("=BQI")  # kind, time, number
SENT, CAME, LATE = 0, 1, 2      # LATE: a frame of ours that left more than half a period after its time
REGISTER_SECONDS, T1, T2, GIVE_UP = 30, 0.5, 4.0, 32.0
SO_TIMESTAMPNS = 35  # asm-generic/socket.h


def frame(who, number):
    """All that it says stands at its end: the beginning may be blended with what filled a loss before it."""
    said = MAGIC + who + struct.pack("!I", number)
    return ((hashlib.sha256(said).digest() * 5)[:SAMPLES - len(said)] + said)


def number_of(body, own):
    """The number in a frame of somebody else, or None: what conceals a loss is not one."""
    magic, who, number = body[-12:-8], body[-8:-4], body[-4:]
    if len(body) != SAMPLES or magic != MAGIC or who == own:
        return None
    number, = struct.unpack("!I", number)
    return number if frame(who, number)[SAMPLES // 2:] == body[SAMPLES // 2:] else None


# ---- the phone's own process ----


class Message:
    def __init__(self, text):
        head, _, self.body = text.partition("\r\n\r\n")
        first, *lines = head.split("\r\n")
        self.first = first.split(" ", 2)
        self.headers = [(name.strip().lower(), value.strip()) for name, _, value in (line.partition(":") for line in lines)]

    def get(self, name):
        return next((value for key, value in self.headers if key == name), "")

    def is_response(self):
        return self.first[0] == "SIP/2.0"

    def key(self):
        return self.get("call-id"), self.get("cseq")


def token():
    return os.urandom(8).hex()


def address_in(header):
    return re.search(r"<([^>]*)>", header).group(1) if "<" in header else header.split(";")[0]


class Machine:
    """One call at a time."""

    def __init__(self, folder, ip, port, proxy, address):
        self.ip, self.port, self.address, self.who = ip, port, address, os.urandom(4)
        host, _, proxy_port = proxy.rpartition(":")
        self.proxy = (host, int(proxy_port))
        self.sip = self._socket(port)
        self.rtp, self.rtcp = self._socket(port + 1000), self._socket(port + 1001)
        self.rtp.setsockopt(socket.SOL_SOCKET, SO_TIMESTAMPNS, 1)
        self.records = open(os.path.join(folder, "frames"), "ab", buffering=0)
        self.call = None        # id, local, remote (tagged addresses), target, cseq, state
        self.media = None       # where our frames go
        self.next_number = int.from_bytes(os.urandom(4), "big") >> 1  # no two phones say the same, nor one after a restart
        self.seq, self.stamp, self.ssrc = 0, 0, b""
        self.repeats = {}       # what is sent again until it is answered: key -> [text, next time, pause, end]
        self.register_at, self.register_id, self.register_seq = 0.0, token(), 0
        self.is_registered = False

    def _socket(self, port):
        s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        s.bind((self.ip, port))
        s.setblocking(False)
        return s

    def tell(self, kind, param=""):
        print(json.dumps({"type": kind, "param": param, "time": time.time_ns()}), flush=True)

    # -- sending --

    def send(self, text):
        self.sip.sendto(text.encode(), self.proxy)

    def until_answered(self, key, text):
        now = time.monotonic()
        self.repeats[key] = [text, now + T1, T1, now + GIVE_UP]
        self.send(text)

    def request(self, method, uri, caller, callee, call_id, cseq, body="", branch=None):
        lines = [f"{method} {uri} SIP/2.0", f"Via: SIP/2.0/UDP {self.ip}:{self.port};branch={branch or 'z9hG4bK' + token()}",
                 "Max-Forwards: 70", f"From: {caller}", f"To: {callee}", f"Call-ID: {call_id}", f"CSeq: {cseq} {method}",
                 f"Contact: <sip:steady@{self.ip}:{self.port}>"]
        if method == "REGISTER":
            lines.append("Expires: 300")
        return self._whole(lines, body)

    def answer(self, asked, status, reason, body="", tag=""):
        lines = [f"SIP/2.0 {status} {reason}", *(f"Via: {v}" for k, v in asked.headers if k == "via"),
                 f"From: {asked.get('from')}", f"To: {asked.get('to')}" + (f";tag={tag}" if tag and "tag=" not in asked.get("to") else ""),
                 f"Call-ID: {asked.get('call-id')}", f"CSeq: {asked.get('cseq')}", f"Contact: <sip:steady@{self.ip}:{self.port}>"]
        text = self._whole(lines, body)
        self.send(text)
        return text

    def _whole(self, lines, body):
        if body:
            lines.append("Content-Type: application/sdp")
        return "\r\n".join([*lines, f"Content-Length: {len(body)}", "", body])

    def session(self):
        return (f"v=0\r\no=- 1 1 IN IP4 {self.ip}\r\ns=-\r\nc=IN IP4 {self.ip}\r\nt=0 0\r\n"
                f"m=audio {self.port + 1000} RTP/AVP 0\r\na=rtpmap:0 PCMU/8000\r\na=ptime:20\r\n")

    # -- what we are told --

    def command(self, words):
        if words[0] == "dial":
            self.call = {"id": token(), "local": f"<{self.address}>;tag={token()}", "remote": f"<{words[1]}>", "target": words[1],
                         "cseq": 1, "state": "dialling"}
            text = self.request("INVITE", words[1], self.call["local"], self.call["remote"], self.call["id"], 1, self.session())
            self.call["invite"] = text
            self.until_answered((self.call["id"], "1 INVITE"), text)
        elif words[0] == "accept" and self.call and self.call["state"] == "incoming":
            self.start_media(self.call["asked"].body)
            self.call["state"] = "answered"
            text = self.answer(self.call["asked"], 200, "OK", self.session(), self.call["tag"])
            self.until_answered((self.call["id"], "ack"), text)
        elif words[0] == "hangup" and self.call:
            self.hang_up()

    def hang_up(self):
        call = self.call
        if call["state"] == "incoming":
            self.answer(call["asked"], 486, "Busy Here", tag=call["tag"])
        elif call["state"] == "dialling":
            invite = Message(call["invite"])
            branch = re.search(r"branch=([^;]+)", invite.get("via")).group(1)
            self.until_answered((call["id"], "1 CANCEL"), self.request("CANCEL", call["target"], call["local"], call["remote"],
                                                                        call["id"], 1, branch=branch))
            return  # the 487 ends it
        else:
            call["cseq"] += 1
            self.until_answered((call["id"], f"{call['cseq']} BYE"),
                                self.request("BYE", call["target"], call["local"], call["remote"], call["id"], call["cseq"]))
        self.end("hung up")

    def end(self, why):
        self.call = self.media = None
        self.tell("CALL_CLOSED", why)

    # -- what comes --

    def heard(self, text):
        m = Message(text)
        if len(m.first) < 3:
            return
        if m.is_response():
            self.responded(m, int(m.first[1]))
        else:
            self.requested(m, m.first[0])

    def responded(self, m, status):
        number, _, method = m.get("cseq").partition(" ")
        self.repeats.pop(m.key(), None)
        if method == "REGISTER":
            if status == 200 and not self.is_registered:
                self.is_registered = True
                self.tell("REGISTERED")
            return
        if method == "BYE":
            self.tell("ANSWERED", m.first[1])
        if method != "INVITE":
            return
        ours = self.call and self.call["id"] == m.get("call-id")
        if status >= 200:
            self.acknowledge(m, status)
        if not ours or self.call["state"] != "dialling":
            return
        if status == 180:
            self.tell("CALL_RINGING")
        elif 200 <= status < 300:
            self.call |= {"state": "up", "remote": m.get("to"), "target": address_in(m.get("contact"))}
            self.start_media(m.body)
            self.tell("CALL_ESTABLISHED")
        elif status >= 300:
            self.end(" ".join(m.first[1:]))

    def acknowledge(self, m, status):
        number = m.get("cseq").split()[0]
        target = address_in(m.get("contact")) if status < 300 else self.call["target"] if self.call else self.address
        branch = None if status < 300 else re.search(r"branch=([^;]+)", m.get("via")).group(1)
        self.send(self.request("ACK", target, m.get("from"), m.get("to"), m.get("call-id"), number, branch=branch))

    def requested(self, m, method):
        call = self.call if self.call and self.call["id"] == m.get("call-id") else None
        if method == "INVITE" and not self.call:
            self.call = {"id": m.get("call-id"), "asked": m, "tag": token(), "cseq": 1, "state": "incoming",
                         "remote": m.get("from"), "target": address_in(m.get("contact"))}
            self.call["local"] = f"{m.get('to')};tag={self.call['tag']}"
            self.answer(m, 180, "Ringing", tag=self.call["tag"])
            self.tell("CALL_INCOMING", address_in(m.get("from")))
        elif method == "INVITE" and call and call["state"] == "incoming":
            self.answer(m, 180, "Ringing", tag=call["tag"])  # asked again
        elif method == "INVITE" and call and "tag=" not in m.get("to"):
            pass  # asked again; the answer is repeated anyway
        elif method == "INVITE" and not call:
            self.answer(m, 486, "Busy Here", tag=token())
        elif method == "ACK":
            if call and self.repeats.pop((call["id"], "ack"), None):
                call["state"] = "up"
                self.tell("CALL_ESTABLISHED")
        elif method == "BYE":
            self.answer(m, 200 if call else 481, "OK" if call else "No Call")
            if call:
                self.repeats.pop((call["id"], "ack"), None)
                self.end("BYE")
        elif method == "CANCEL":
            self.answer(m, 200 if call else 481, "OK" if call else "No Call")
            if call and call["state"] == "incoming":
                self.answer(call["asked"], 487, "Request Terminated", tag=call["tag"])
                self.end("cancelled")
        else:
            self.tell("REQUEST", method)
            self.answer(m, 200 if method == "OPTIONS" else 488 if method == "INVITE" else 405, "As It Is")

    # -- audio --

    def start_media(self, sdp):
        ip, port = re.search(r"^c=IN IP4 (\S+)", sdp, re.M), re.search(r"^m=audio (\d+)", sdp, re.M)
        self.media = (ip.group(1), int(port.group(1)))
        self.due = time.monotonic_ns()
        self.seq, self.stamp, self.ssrc = 1000, 0, os.urandom(4)

    def speak(self):
        """All frames that are due, each in its turn."""
        while self.media and (now := time.monotonic_ns()) >= self.due:
            packet = struct.pack("!BBHI4s", 0x80, 0x80 if self.seq == 1000 else 0, self.seq & 0xFFFF, self.stamp & 0xFFFFFFFF, self.ssrc)
            try:
                self.rtp.sendto(packet + frame(self.who, self.next_number), self.media)
            except OSError:
                pass  # nobody listens there any more: the call will end
            self.records.write(RECORD.pack(SENT, time.time_ns(), self.next_number))
            if now - self.due > FRAME_NS // 2:
                self.records.write(RECORD.pack(LATE, time.time_ns(), self.next_number))
            self.next_number, self.seq, self.stamp, self.due = self.next_number + 1, self.seq + 1, self.stamp + SAMPLES, self.due + FRAME_NS

    def listen(self):
        while True:
            try:
                data, ancillary, _, _ = self.rtp.recvmsg(2048, 64)
            except OSError:
                return  # no more, or an echo of our own that found nobody
            at = time.time_ns()
            for level, kind, value in ancillary:
                if (level, kind) == (socket.SOL_SOCKET, SO_TIMESTAMPNS):
                    seconds, nanoseconds = struct.unpack("=qq", value)
                    at = seconds * 1_000_000_000 + nanoseconds
            number = number_of(data[12:], self.who)
            if number is not None:
                self.records.write(RECORD.pack(CAME, at, number))

    # -- time --

    def expire(self, now):
        if now >= self.register_at:
            self.register_at, self.register_seq = now + (REGISTER_SECONDS if self.is_registered else 2), self.register_seq + 1
            domain = self.address.partition("@")[2]
            self.send(self.request("REGISTER", f"sip:{domain}", f"<{self.address}>;tag={self.register_id[:8]}", f"<{self.address}>",
                                   self.register_id, self.register_seq))
        for key, held in list(self.repeats.items()):
            text, at, pause, end = held
            if now >= end:
                del self.repeats[key]
                if self.call and key[0] == self.call["id"]:
                    self.end("no answer")
            elif now >= at:
                self.send(text)
                held[1:3] = now + min(pause * 2, T2), min(pause * 2, T2)

    def run(self):
        poll, commands = select.poll(), b""
        for fd in (0, self.sip, self.rtp, self.rtcp):
            poll.register(fd, select.POLLIN)
        while True:
            wait = [self.register_at, *(held[1] for held in self.repeats.values())]
            if self.media:
                wait.append(self.due / 1e9)
            ready = {fd for fd, _ in poll.poll(max(0.0, (min(wait) - time.monotonic()) * 1000))}
            self.speak()
            self.listen()
            if 0 in ready:
                got = os.read(0, 4096)
                *lines, commands = (commands + got).split(b"\n")
                for line in lines:
                    self.command(line.decode().split())
                if not got:
                    if self.call:
                        self.hang_up()
                    return
            if self.sip.fileno() in ready:
                try:
                    self.heard(self.sip.recv(65535).decode("utf-8", "replace"))
                except OSError:
                    pass  # the client is gone
            if self.rtcp.fileno() in ready:
                try:
                    self.rtcp.recv(2048)
                except OSError:
                    pass
            self.expire(time.monotonic())


# ---- the test's side ----


class Phone(Events):
    def __init__(self, folder, ip, port, proxy, address):
        self.folder, self.ip, self.address = os.path.abspath(folder), ip, address
        self.log = os.path.join(self.folder, "log")
        self._where = [self.folder, ip, str(port), proxy, address]
        os.makedirs(self.folder, exist_ok=True)
        super().__init__()
        self._child = None

    def start(self, enter=()):
        """`enter` is a command prefix, such as one that enters a network namespace."""
        with open(self.log, "ab") as log:
            self._child = subprocess.Popen([*enter, sys.executable, os.path.abspath(__file__), *self._where], stdin=subprocess.PIPE,
                                           stdout=subprocess.PIPE, stderr=log, text=True, bufsize=1)
        threading.Thread(target=self._listen, args=(self._child.stdout,), daemon=True).start()

    def _listen(self, said):
        for line in said:
            with self._news:
                self._events.append(json.loads(line))
                self._news.notify_all()

    def _tell(self, text):
        try:
            self._child.stdin.write(text + "\n")
        except OSError as e:
            raise PhoneError(f"the phone has ended: see {self.log}") from e

    def wait_registered(self, timeout=10):
        self.wait("REGISTERED", timeout=timeout)

    def dial(self, address):
        self._tell(f"dial {address}")

    def accept(self):
        self._tell("accept")

    def hang_up(self):
        self._tell("hangup")

    def _frames(self, kind):
        with open(os.path.join(self.folder, "frames"), "rb") as f:
            data = f.read()
        data = data[: len(data) // RECORD.size * RECORD.size]
        return [(at, number) for what, at, number in RECORD.iter_unpack(data) if what == kind]

    def sent(self):
        return self._frames(SENT)

    def came(self):
        return self._frames(CAME)

    def late(self):
        """Its own frames that left late, which is this machine's fault, not the network's."""
        return self._frames(LATE)

    def stop(self):
        if self._child:
            self._child.stdin.close()
            try:
                self._child.wait(3)
            except subprocess.TimeoutExpired:
                self._child.kill()
                self._child.wait()
            self._child = None


if __name__ == "__main__":
    try:
        os.setpriority(os.PRIO_PROCESS, 0, -10)  # as the daemons do, where it is allowed
    except PermissionError:
        pass
    Machine(sys.argv[1], sys.argv[2], int(sys.argv[3]), *sys.argv[4:6]).run()
