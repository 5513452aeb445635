"""Which phones can do what with each other, through a network of real daemons: one combination of two phones, a transport and
SRTP or not at a time, each with phones that are registered anew.

    rows = run(net, combination, folder)      what `make matrix` tells, one row for each case
"""

import itertools
import os
import time

from tools import baresip, capture, inside, linphone, measure, rtp, talk, voiced
from tools.baresip import PhoneError

CASES = ("a calls", "a holds", "a resumes", "b holds", "b resumes", "key of a", "key of b", "b hangs up",
         "b calls", "a hangs up", "text of a", "text of b", "trace of a", "trace of b")
TRACES = CASES[-2:]
TEXTS = "Gr\u00fc\u00dfe \u2014 are you there?", "\u041d\u0435\u0442, I am late"
KEYS = "5", "#"
TALK_SECONDS, HOLD_SECONDS = 1.5, 0.8
QUIET_SECONDS, FLOW_SECONDS = 0.3, 0.3   # after which a hold or its end holds at every hop
FLOW_SHARE = 0.4                         # of the 50 packets a second that have to come: phones and machines stumble
SIP_PORTS = 5060, 5061
THINGS, THINGS_IN_RTP = 9, 2             # that a phone lets be seen of itself; behind TLS
PLAIN, PROVED = 160, 164                 # bytes behind an RTP header: 20 ms of G.711, and at least 4 that prove them
PHONES = ("baresip", "baresip"), ("linphone", "linphone"), ("baresip", "linphone")


def combinations():
    """All that phones can be told to do; SIPp's are tests/tools/scripted.py's."""
    return [(a, b, transport, srtp) for (a, b), transport, srtp in itertools.product(PHONES, ("udp", "tcp", "tls"), (False, True))]


def name(a, b, transport, srtp):
    return f"{a}-{b}-{transport}" + ("-srtp" if srtp else "")


def row(combination, case, why):
    a, b, transport, srtp = combination
    return {"a": a, "b": b, "transport": transport, "srtp": srtp, "case": case, "passed": not why, "why": why}


def seat(kind, person, folder, net, number, transport, srtp):
    client = net.description["clients"][number - 1]
    address, ip = client["address"], net.places.phone_ip(number)
    proxy = f"sip:{client['sip_udp'].split(':')[0]}:{5061 if transport == 'tls' else 5060};transport={transport}"
    said, folder = person.speech_file(folder, 60), os.path.join(folder, person.letter)
    if kind == "linphone":
        trusted = os.path.join(net.folder, client["name"], "tls.crt") if transport == "tls" else ""
        return linphone.Phone(folder, ip, address, proxy, said, srtp, trusted, rtp=person.rtp)
    account = f'<{address}>;regint=60;answermode=manual;outbound="{proxy}"' + (";mediaenc=srtp-mand" if srtp else "")
    return baresip.Phone(folder, ip, account, said, [c["address"] for c in net.description["clients"]], rtp=person.rtp)


class Run:
    """Of one combination.  What a case says is "" when it is fine, else why it is not."""

    def __init__(self, net, combination, folder):
        self.net, self.srtp, self.why, self.quiet, self.flowing = net, combination[3], {}, {}, {}
        self.addresses = [c["address"] for c in net.description["clients"][:2]]
        self.phones = [seat(kind, person, folder, net, n, *combination[2:])
                       for n, (kind, person) in enumerate(zip(combination, (talk.ALICE, talk.RABBIT)), 1)]
        self.tape = os.path.join(folder, "tape.pcap")
        self.heard = []

    # ---- what happens ----

    def steps(self, *steps):
        """One after the other; when one fails, those behind it can't be told."""
        failed = None
        for case, step in steps:
            try:
                self.why[case] = f"after: {failed}" if failed else step() or ""
            except PhoneError as e:
                self.why[case] = str(e)
            failed = failed or (case if self.why[case] else None)
        if failed:
            for phone in self.phones:
                phone.hang_up_all()
            time.sleep(3)

    def call(self, caller):
        a, b = self.phones[caller], self.phones[1 - caller]
        self.marks = [phone.mark() for phone in self.phones]
        a.dial(self.addresses[1 - caller])
        b.wait("CALL_INCOMING", since=self.marks[1 - caller], timeout=15)
        a.wait("CALL_RINGING", since=self.marks[caller], timeout=15)
        b.accept()
        for phone, mark in zip(self.phones, self.marks):
            phone.wait("CALL_ESTABLISHED", since=mark)
        self.flow(f"{'ab'[caller]} calls", TALK_SECONDS)

    def flow(self, case, seconds):
        time.sleep(FLOW_SECONDS)
        begin = time.time_ns()
        time.sleep(seconds)
        self.flowing[case] = begin, time.time_ns()

    def hold(self, holder):
        other = self.phones[1 - holder]
        mark = other.mark()
        self.phones[holder].hold()
        other.wait_held(mark)
        time.sleep(QUIET_SECONDS)
        begin = time.time_ns()
        time.sleep(HOLD_SECONDS)
        self.quiet[f"{'ab'[holder]} holds"] = holder, begin, time.time_ns()

    def resume(self, holder):
        other = self.phones[1 - holder]
        mark = other.mark()
        self.phones[holder].resume()
        other.wait_resumed(mark)
        self.flow(f"{'ab'[holder]} resumes", HOLD_SECONDS)

    def key(self, sender):
        other = self.phones[1 - sender]
        mark = other.mark()
        self.phones[sender].key(KEYS[sender])
        came = other.wait("CALL_DTMF_START", since=mark)["param"]
        return "" if came == KEYS[sender] else f"{KEYS[sender]} came as {came}"

    def hang_up(self, who):
        time.sleep(TALK_SECONDS)  # which is what recordings are judged by
        self.phones[who].hang_up()
        for phone, mark in zip(self.phones, self.marks):
            phone.wait("CALL_CLOSED", since=mark)
        time.sleep(0.3)
        self.heard.append([voiced.tail(phone.heard(), TALK_SECONDS) for phone in self.phones])

    def text(self, sender):
        other, text = self.phones[1 - sender], TEXTS[sender]
        before = len(other.messages())
        self.phones[sender].message(self.addresses[1 - sender], text)
        deadline = time.monotonic() + 10
        while len(other.messages()) == before:
            if time.monotonic() > deadline:
                return "nothing came"
            time.sleep(0.05)
        came = [got for _, got in other.messages()[before:]]
        return "" if came == [text] else f"{came} came"

    def play(self):
        for phone in self.phones:
            phone.start()
        for phone in self.phones:
            phone.wait_registered()
        self.steps(("a calls", lambda: self.call(0)),
                   ("a holds", lambda: self.hold(0)), ("a resumes", lambda: self.resume(0)),
                   ("b holds", lambda: self.hold(1)), ("b resumes", lambda: self.resume(1)),
                   ("key of a", lambda: self.key(0)), ("key of b", lambda: self.key(1)),
                   ("b hangs up", lambda: self.hang_up(1)))
        self.steps(("b calls", lambda: self.call(1)), ("a hangs up", lambda: self.hang_up(0)))
        for sender in (0, 1):
            self.steps((f"text of {'ab'[sender]}", lambda s=sender: self.text(s)))

    # ---- what the packets say ----

    def packets(self, got, begin, end):
        """Audio to a, from a, to b, from b."""
        then = [d for d in got if begin <= d.time < end and d.proto == 17]
        return [rtp.stream(side(phone, then)) for phone in self.phones for side in (measure.received_by, measure.sent_by)]

    def judge(self, got):
        for case, (begin, end) in self.flowing.items():
            ways = self.packets(got, begin, end)
            least = FLOW_SHARE * 50 * (end - begin) / 1e9
            if min(map(len, ways)) < least:
                self.blame(case, f"packets to a, from a, to b, from b: {' '.join(str(len(w)) for w in ways)}, not {least:.0f}")
            sizes = sorted({len(p.body) for way in ways for p in way})
            if sizes and (min(sizes) < PROVED if self.srtp else any(size % PLAIN for size in sizes)):
                self.blame(case, f"not {'SRTP' if self.srtp else 'plain'}: bodies of {sizes} bytes")
        for case, (holder, begin, end) in self.quiet.items():
            to_holder = self.packets(got, begin, end)[2 * holder]
            if to_holder:
                self.blame(case, f"{len(to_holder)} packets came to the phone that holds")
        for case, heard in zip(("b resumes", "b calls"), self.heard):
            if not all(heard):
                self.blame(case, f"the other's voice is heard by {'neither' if not any(heard) else 'b only' if heard[1] else 'a only'}")

    def sides(self, got):
        """Over TCP the kernel may choose another address for a phone."""
        found = []
        for letter, phone, client in zip("ab", self.phones, self.net.description["clients"]):
            ip = client["sip_udp"].split(":")[0]
            sent = [d for d in got if d.proto == 6 and d.dst == ip and d.dport in SIP_PORTS]
            came = [d for d in got if d.proto == 6 and d.src == ip and d.sport in SIP_PORTS]
            found.append(inside.Side(letter, phone.ip, client, measure.sent_by(phone, got) + sent, measure.received_by(phone, got) + came))
        return found

    def blame(self, case, why):
        if not self.why.get(case):
            self.why[case] = why


def run(net, combination, folder):
    """`net` is ready, its relays have views="gated", and its clients are reached by TLS at port 5061 too.  Needs the right to capture."""
    os.makedirs(folder, exist_ok=True)
    it = Run(net, combination, folder)
    tape = capture.Capture(it.tape, [f"{phone.ip}/32" for phone in it.phones] + net.sip_networks() + net.uplink_networks())
    failure = "it was not tried"
    with inside.Watch(net) as watch:
        try:
            it.play()
        except PhoneError as e:
            failure = str(e)
        finally:
            for phone in it.phones:
                phone.stop()
            got = tape.stop()
    it.judge(got)
    a, b = it.sides(got)
    least = THINGS_IN_RTP if combination[2] == "tls" else THINGS
    it.why |= dict(zip(TRACES, (watch.traces(got, a, b, least), watch.traces(got, b, a, least))))
    os.remove(it.tape)
    return [row(combination, case, it.why.get(case, failure)) for case in CASES]
