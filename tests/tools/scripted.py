"""SIPp beside SIPp through a network of real daemons, with the cases of tests/tools/matrix.py.  SIPp can neither be told what to
do next nor hear anything, so each call is a script, both ends have sockets of ours for audio, and SIPp's own logs say
when what came."""

import datetime
import os
import re
import socket
import struct
import subprocess
import threading
import time

from tools import capture, inside, matrix, steady

PORT, MEDIA = 5070, 22044
DIGITS = {"5": 5, "#": 11}
QUIET_SECONDS, HOLD_SECONDS, FLOW_SECONDS = 0.3, 0.7, 0.8  # the scripts' pauses are longer
SCRIPT_SECONDS = 40
SDP = "v=0\no=- 1 %d IN IP4 [local_ip]\ns=-\nc=IN IP4 [local_ip]\nt=0 0\nm=audio " + str(MEDIA) + " RTP/AVP 0 101\n" \
      "a=rtpmap:101 telephone-event/8000\na=%s\n"
VIA = "Via: SIP/2.0/[transport] [local_ip]:[local_port];branch=[branch]\n"
CONTACT = "Contact: <sip:phone@[local_ip]:[local_port];transport=[transport]>\n"


# ---- scripts ----


def scenario(path, steps):
    with open(path, "w", encoding="utf-8") as f:
        f.write('<?xml version="1.0" encoding="UTF-8" ?>\n<scenario name="x">\n' + "".join(steps) + "</scenario>\n")
    return path


def send(text, again=True):
    options = ' retrans="500"' if again else ""
    return f"<send{options}><![CDATA[\n\n{text}\n]]></send>\n"


def wait(what, inside="", optional=False):
    kind = "response" if what.isdigit() else "request"
    options = ' optional="true"' if optional else ""
    return f'<recv {kind}="{what}" rrs="true"{options}>{inside}</recv>\n'


def pause(ms):
    return f'<pause milliseconds="{ms}"/>\n'


def body(kind, text):
    return f"Content-Type: {kind}\nContent-Length: [len]\n\n{text}" if kind else "Content-Length: 0\n\n"


class End:
    """One side of a dialog: its requests and answers.  The called side takes both names out of the INVITE ($1, $2)."""

    def __init__(self, own, other, calls):
        self.own, self.other, self.calls, self.cseq, self.version = own, other, calls, 0, 0
        self.inside = not calls

    def request(self, method, kind="", text=""):
        if method not in ("ACK", "CANCEL"):
            self.cseq += 1
        uri = "[next_url]" if self.inside else self.other
        names = (f"From: <{self.own}>;tag=caller\nTo: <{self.other}>{'[peer_tag_param]' if self.inside else ''}\n" if self.calls
                 else "From: [$2];tag=callee\nTo: [$1]\n")
        return send(f"{method} {uri} SIP/2.0\n{VIA}{names}Call-ID: [call_id]\nCSeq: {self.cseq} {method}\n{CONTACT}"
                    f"Max-Forwards: 70\n{body(kind, text)}", method != "ACK")

    def sdp(self, direction):
        self.version += 1
        return "application/sdp", SDP % (self.version, direction)

    def invite(self, direction, rings=False):
        asked = self.request("INVITE", *self.sdp(direction)) + wait("100", optional=True) + (wait("180") if rings else "") + wait("200")
        self.inside = True
        return asked + self.request("ACK")

    def ask(self, method, kind="", text=""):
        return self.request(method, kind, text) + wait("200")

    def answer(self, status=200, kind="", text="", tag=""):
        return send(f"SIP/2.0 {status} Fine\n[last_Via:]\n[last_From:]\n[last_To:]{tag}\n[last_Call-ID:]\n[last_CSeq:]\n{CONTACT}"
                    f"{body(kind, text)}", False)

    def reinvited(self, direction):
        return wait("INVITE") + self.answer(200, *self.sdp(direction)) + wait("ACK")

    def picks_up(self):
        names = ('<action><ereg regexp="&lt;.*" search_in="hdr" header="From:" assign_to="1"/>'
                 '<ereg regexp="&lt;[^>]*>" search_in="hdr" header="To:" assign_to="2"/></action>')
        return (wait("INVITE", names) + self.answer(180, tag=";tag=callee") + pause(300)
                + self.answer(200, *self.sdp("sendrecv"), tag=";tag=callee") + wait("ACK"))

    def holds(self):
        return self.invite("inactive") + pause(1300) + self.invite("sendrecv") + pause(1400)

    def is_held(self):
        return self.reinvited("inactive") + self.reinvited("sendrecv")

    def key(self, digit):
        return self.ask("INFO", "application/dtmf-relay", f"Signal={digit}\nDuration=160\n")

    def is_hung_up(self):
        return wait("BYE") + self.answer()


def call_scripts(a, b, whole):
    """The caller's and the callee's steps; the callee ends it.  `whole`: with holds and keys of both."""
    caller, callee = End(a, b, True), End(b, a, False)
    first = [caller.invite("sendrecv", rings=True), pause(1800)]
    second = [callee.picks_up()]
    if whole:
        first += [caller.holds(), caller.is_held(), pause(1000), caller.key(matrix.KEYS[0])]
        second += [callee.is_held(), pause(1500), callee.holds(), pause(1500), callee.key(matrix.KEYS[1]), pause(1000)]
    else:
        second += [pause(2000)]
    return first + [caller.is_hung_up()], second + [callee.ask("BYE")]


def register_script(own):
    return [send(f"REGISTER sip:sipmix.alt SIP/2.0\n{VIA}From: <{own}>;tag=r\nTo: <{own}>\nCall-ID: [call_id]\nCSeq: 1 REGISTER\n"
                 f"{CONTACT}Max-Forwards: 70\nExpires: 60\nContent-Length: 0\n\n"), wait("200"), pause(SCRIPT_SECONDS * 1000)]


# ---- audio ----


class Line:
    """Says frames that no other equals to where its phone's log says, once it does, and keeps what comes."""

    def __init__(self, ip, log):
        self._log, self._who, self._ssrc, self._until = log, os.urandom(4), os.urandom(4), threading.Event()
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.bind((ip, MEDIA))
        self._socket.setblocking(False)
        self.came, self.keys = [], []  # (time in s, whether it is a fresh frame of the far side), digits
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def _run(self):
        to, number, seen, next_look = None, 0, set(), 0
        while not self._until.wait(0.02):
            if time.time() >= next_look:
                to, next_look = self._partner(), time.time() + 0.2
            if to:
                number += 1
                self._socket.sendto(struct.pack("!BBHI4s", 128, 0, number & 0xFFFF, number * 160, self._ssrc) + steady.frame(self._who, number), to)
            self._take(seen)

    def _partner(self):
        found = re.findall(r"c=IN IP4 (\S+).*?m=audio (\d+)", "".join(m.text for m in read_log(self._log) if not m.sent), re.S)
        return (found[-1][0], int(found[-1][1])) if found else None

    def _take(self, seen):
        while True:
            try:
                packet = self._socket.recv(2000)
            except BlockingIOError:
                return
            if len(packet) == 16 and packet[1] & 0x7F == 101:
                self.keys += [packet[12]] if packet[13] & 0x80 else []
            elif len(packet) > 12 and packet[1] & 0x7F == 0:
                frame = steady.number_of(packet[12:], self._who)
                self.came.append((time.time(), frame is not None and frame not in seen))
                seen.add(frame)

    def fresh(self, begin, end):
        return sum(is_fresh for at, is_fresh in self.came if begin <= at < end)

    def packets(self, begin, end):
        return sum(begin <= at < end for at, _ in self.came)

    def close(self):
        self._until.set()
        self._thread.join()
        self._socket.close()


# ---- what came of it ----


class Logged:
    def __init__(self, when, sent, text):
        self.when, self.sent, self.text = when, sent, text


def read_log(path):
    """Messages in the order of SIPp's log."""
    try:
        with open(path, encoding="utf-8", errors="replace") as f:
            parts = re.split(r"^-{20,} (\S+ \S+)\n", f.read(), flags=re.M)
    except FileNotFoundError:
        return []
    zone = datetime.datetime.now().astimezone().tzinfo
    return [Logged(datetime.datetime.fromisoformat(at).replace(tzinfo=zone).timestamp(), " sent " in text[:40], text.partition("\n\n")[2])
            for at, text in zip(parts[1::2], parts[2::2])]


class Pair:
    def __init__(self, net, transport, folder):
        self.transport, self.folder = transport, folder
        self.clients, self.ips = net.description["clients"][:2], [net.places.phone_ip(n) for n in (1, 2)]
        self.addresses = [client["address"] for client in self.clients]

    def sipp(self, who, name, *arguments):
        path = os.path.join(self.folder, name)
        return subprocess.Popen(
            ["sipp", self.clients[who]["sip_udp"], "-i", self.ips[who], "-p", str(PORT), "-t", "u1" if self.transport == "udp" else "t1", "-m", "1",
             "-nostdin", "-trace_msg", "-message_file", f"{path}.msg", "-trace_err", "-error_file", f"{path}.err",
             "-timeout", str(SCRIPT_SECONDS), *arguments],
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, cwd=self.folder)

    def play(self, name, caller, first, second, lines=False):
        """The caller's exit status (None: it did not end), both logs, and both lines if there are to be any."""
        names = [f"{name}-caller", f"{name}-callee"]
        first, second, register = (scenario(os.path.join(self.folder, f"{n}.xml"), steps) for n, steps in (
            (names[0], first), (names[1], second), (f"{name}-register", register_script(self.addresses[1 - caller]))))
        logs = [os.path.join(self.folder, f"{n}.msg") for n in names]
        whose = (caller, 1 - caller)
        heard = [Line(self.ips[who], log) for who, log in zip(whose, logs)] if lines else []
        phones = [self.sipp(1 - caller, names[1], "-sf", register, "-oocsf", second)]
        try:
            time.sleep(1)
            phones.append(self.sipp(caller, names[0], "-sf", first))
            status = phones[1].wait(SCRIPT_SECONDS + 5)
            time.sleep(0.5)
        except subprocess.TimeoutExpired:
            status = None
        finally:
            for phone in phones:
                phone.kill()
                phone.wait()
            for line in heard:
                line.close()
        return status, [read_log(log) for log in logs], heard

    def forget(self):
        """The callee's registration by UDP outlives it."""
        for client, ip, address in zip(self.clients, self.ips, self.addresses):
            with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
                s.bind((ip, PORT))
                host, port = client["sip_udp"].split(":")
                s.sendto((f"REGISTER sip:sipmix.alt SIP/2.0\r\nVia: SIP/2.0/UDP {ip}:{PORT};branch=z9hG4bKgone\r\nFrom: <{address}>;tag=g\r\n"
                          f"To: <{address}>\r\nCall-ID: gone\r\nCSeq: 1 REGISTER\r\nContact: *\r\nExpires: 0\r\nMax-Forwards: 70\r\n"
                          "Content-Length: 0\r\n\r\n").encode(), (host, int(port)))
                time.sleep(0.2)


def reinvites(log):
    """When the phone was asked for another session, in this order: hold, its end."""
    return [m.when for m in log if not m.sent and m.text.startswith("INVITE ") and re.search(r"^To: .*tag=", m.text, re.M)]


def has(log, sent, start):
    return any(m.sent == sent and m.text.startswith(start) for m in log)


def flow(lines, begin):
    least = matrix.FLOW_SHARE * 50 * FLOW_SECONDS
    came = [line.fresh(begin, begin + FLOW_SECONDS) for line in lines]
    return "" if min(came) >= least else f"fresh frames at a, at b: {came[0]} {came[1]}, not {least:.0f}"


def answered(log):
    return next((m.when for m in log if m.sent and m.text.startswith("ACK ")), None)


def judge_call(log, lines):
    when = answered(log)
    return "it was not answered" if when is None else flow(lines, when + 0.5)


def judge_hold(holder, log, lines):
    """Of the hold and of its end, by the log of the other phone."""
    asked = reinvites(log)[:2]
    if len(asked) < 2:
        return [f"the other phone was asked for {len(asked)} other sessions, not 2"] * 2
    packets = lines[holder].packets(asked[0] + QUIET_SECONDS, asked[0] + QUIET_SECONDS + HOLD_SECONDS)
    return [f"{packets} packets came to the phone that holds" if packets else "", flow(lines, asked[1] + QUIET_SECONDS)]


def judge_key(digit, line):
    return "" if set(line.keys) == {DIGITS[digit]} else f"events heard: {line.keys}"


def judge_end(status, log):
    return "" if status == 0 and has(log, False, "BYE ") else f"the caller's script ended with {status}"


def act(pair):
    """What came of everything but the traces, by case."""
    why = {}
    a, b = pair.addresses
    status, (log_a, log_b), lines = pair.play("ab", 0, *call_scripts(a, b, True), lines=True)
    why["a calls"] = judge_call(log_a, lines)
    why["a holds"], why["a resumes"] = judge_hold(0, log_b, lines)
    why["b holds"], why["b resumes"] = judge_hold(1, log_a, lines)
    why["key of a"], why["key of b"] = judge_key(matrix.KEYS[0], lines[1]), judge_key(matrix.KEYS[1], lines[0])
    why["b hangs up"] = judge_end(status, log_a)
    status, (log_b, log_a), lines = pair.play("ba", 1, *call_scripts(b, a, False), lines=True)
    why["b calls"] = judge_call(log_b, lines)
    why["a hangs up"] = judge_end(status, log_b)
    for sender, text in enumerate(matrix.TEXTS):
        own, other = pair.addresses[sender], pair.addresses[1 - sender]
        status, (_, log), _ = pair.play(f"text-{'ab'[sender]}", sender, [End(own, other, True).ask("MESSAGE", "text/plain;charset=UTF-8", text)],
                                        [wait("MESSAGE"), End(other, own, False).answer(tag=";tag=callee")])
        came = [m.text.partition("\n\n")[2].strip() for m in log if not m.sent and m.text.startswith("MESSAGE ")]
        why[f"text of {'ab'[sender]}"] = "" if status == 0 and came == [text] else f"{came} came, the sender's script ended with {status}"
    if pair.transport == "udp":
        pair.forget()
    return why


def run(net, transport, folder):
    """Rows as those of matrix.run()."""
    os.makedirs(folder, exist_ok=True)
    pair = Pair(net, transport, folder)
    path = os.path.join(folder, "tape.pcap")
    with capture.Capture(path, [f"{ip}/32" for ip in pair.ips] + net.uplink_networks()) as tape, inside.Watch(net) as watch:
        why = act(pair)
        got = tape.stop()
    a, b = (inside.Side(letter, ip, client, [d for d in got if d.src == ip], [d for d in got if d.dst == ip])
            for letter, ip, client in zip("ab", pair.ips, pair.clients))
    why |= dict(zip(matrix.TRACES, (watch.traces(got, a, b, matrix.THINGS), watch.traces(got, b, a, matrix.THINGS))))
    return [matrix.row(("sipp", "sipp", transport, False), case, why[case]) for case in matrix.CASES]
