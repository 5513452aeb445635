"""A test network with two clients in a call, and further idle ones, of which it is known through which relays the call goes.

Which relay stands where nobody tells, so the network's relays are of the kind that write down what they see, by turns
(`views="gated"`), and a client's guard is who it sends to.
"""

import os
import time

from tools import access, capture, documents, frames, pcap, rtp, steady, views
from tools.baresip import PhoneError
from tools.testnet import LINK_PORT, UPLINK_PORT, TestnetError

POSITIONS = ("caller's guard", "caller's middle", "caller's end", "callee's end", "callee's middle", "callee's guard")
GUARDS = (0, 5)
VIEW_SECONDS, VIEW_TRIES = 0.4, 5
SEPARATE_TRIES, READY_SECONDS = 12, 90


def ring_and_answer(caller, callee, address, timeout=20):
    """Their marks from before the call."""
    at = caller.mark(), callee.mark()
    caller.dial(address)
    try:
        callee.wait("CALL_INCOMING", timeout=timeout, since=at[1])
    except PhoneError as e:
        heard = ", ".join(f"{event['type']} {event.get('param') or ''}".strip() for event in caller.events(at[0])) or "nothing"
        raise PhoneError(f"{e}; the caller's phone heard {heard}") from e
    caller.wait("CALL_RINGING", timeout=timeout, since=at[0])
    callee.accept()
    caller.wait("CALL_ESTABLISHED", since=at[0])
    callee.wait("CALL_ESTABLISHED", since=at[1])
    return at


class Stage:
    """Of a network that is ready.  Its first client is the caller's, its second the callee's."""

    def __init__(self, net, folder):
        self.net, self.folder, self.tail, self.phones = net, folder, views.Tail(net), {}
        self._tapes = 0
        os.makedirs(folder, exist_ok=True)

    # ---- phones ----

    def address(self, node):
        return self.net.status(node)["address"]

    def seat(self, node):
        """A new phone for a client, under the name that the client has now."""
        if node.name in self.phones:
            self.phones.pop(node.name).stop()
        place = node.place
        ip, port = (place.sip_ip, place.sip_port + 10) if place.netns else (self.net.places.phone_ip(node.number), 5060)
        phone = steady.Phone(os.path.join(self.folder, f"{node.name}-{time.time_ns()}"), ip, port,
                             f"{place.sip_ip}:{place.sip_port}", self.address(node))
        self.phones[node.name] = phone
        phone.start(place.enter())
        phone.wait_registered()
        return phone

    def pair(self):
        """The phones of the call."""
        nodes = self.net.kind("client")[:2]
        for node in nodes:
            if node.name not in self.phones or self.phones[node.name].address != self.address(node):
                self.seat(node)
        return [self.phones[node.name] for node in nodes]

    def call(self):
        """A call from the first client's phone to the second's: phones and their marks."""
        a, b = self.pair()
        return (a, b), ring_and_answer(a, b, b.address)

    def hang_up(self, phones, marks):
        """Whatever has become of the call."""
        for phone, other, mark, other_mark in ((*phones, *marks), (*phones[::-1], *marks[::-1])):
            if not phone.has("CALL_CLOSED", mark):
                phone.hang_up()
                phone.wait("CALL_CLOSED", since=mark)
                try:
                    other.wait("CALL_CLOSED", since=other_mark)
                except PhoneError:
                    pass  # the way to it is dead; it is told itself next

    def stop(self):
        for phone in self.phones.values():
            phone.stop()
        self.phones = {}

    # ---- access links ----

    def tape(self):
        """A capture of all clients' access links."""
        self._tapes += 1
        return capture.Capture(os.path.join(self.folder, f"access{self._tapes % 4}.pcap"),
                               self.net.uplink_networks(), self.net.places.interface)

    def keys(self):
        return access.Keys(documents.held_consensus(self.net.node("relay1").state)["relays"])

    def relay_at(self, ip):
        return next((node.name for node in self.net.kind("relay") if node.place.ip == ip), None)

    def guards(self, tape, seconds=0.5):
        """The relay that each client sends to, by a capture that runs."""
        time.sleep(seconds + 0.2)  # what the kernel has not handed over yet
        now, got = time.time_ns(), pcap.read(tape.path)
        begin = now - int((seconds + 0.2) * 1e9)
        return {node.name: self.relay_at(access.guard(got, node.place.ip, UPLINK_PORT, begin, now)) for node in self.net.kind("client")}

    def look(self, got, node, keys, begin, end):
        links = [d for d in got if LINK_PORT in (d.sport, d.dport)]
        return access.look(links, node.place.ip, UPLINK_PORT, keys, begin, end)

    # ---- the way of the call ----

    def route(self, guards, seconds=VIEW_SECONDS):
        """Relays that the caller's cells cross, guard to guard; () if that can't be seen."""
        first, last = (guards[node.name] for node in self.net.kind("client")[:2])
        with self.net.viewing():
            time.sleep(seconds)
        return views.route(self.tail.read(), first, last)

    def separate(self):
        """Gives the callee's client a new life until its guard is not the caller's: else one relay stands at two places."""
        for _ in range(SEPARATE_TRIES):
            self.net.wait_ready(READY_SECONDS)
            with self.tape() as tape:
                guards = self.guards(tape)
            one, two = self.net.kind("client")[:2]
            if guards[one.name] != guards[two.name]:
                return
            self.net.renew(two)
        raise TestnetError("both clients have drawn the same guard again and again")


def percentiles(values):
    """What a report holds of a list of figures."""
    return {"median": rtp.percentile(values, 50), "worst": max(values, default=None), "all": list(values)}


def gaps(phones, begin, end):
    """The longest time without a fresh frame, each way."""
    a, b = phones
    return {"a_to_b": frames.longest_gap_ms(b.came(), begin, end), "b_to_a": frames.longest_gap_ms(a.came(), begin, end)}


def both_flow(phones, begin, end):
    return all(frames.flows(phone.came(), begin, end) for phone in phones)


def untouched(phones, marks):
    """What happened to the dialogs: an empty list means nothing."""
    return [f"{phone.address}: {e['type']} {e['param']}" for phone, mark in zip(phones, marks)
            for e in phone.events(mark) if e["type"] in ("CALL_CLOSED", "REQUEST")]
