"""The people of the demo and the tests, and what each of them says."""

import os

from tools import baresip, speech


class Person:
    def __init__(self, letter, name, display, voice, text, rtp):
        self.letter, self.name, self.display, self.voice, self.text, self.rtp = letter, name, display, voice, text, rtp

    def speech_file(self, folder, seconds):
        path = os.path.join(folder, f"{self.letter}.wav")
        speech.make(path, self.text, self.voice, seconds, self.letter)
        return path

    def phone(self, folder, ip, domain, speech_file, parameters="", peers=(), name=None):
        """A phone of this person's: its account is NAME@domain, with account parameters as baresip reads them."""
        account = f'"{self.display}" <sip:{name or self.name}@{domain}>{parameters}'
        return baresip.Phone(os.path.join(folder, f"phone-{self.letter}"), ip, account, speech_file, peers, rtp=self.rtp)


ALICE = Person("a", "alice", "Alice Liddell", "en-gb+f3", """Hello, this is Alice. Nobody on the way knows that it is
    me, nor whom I am talking to. Every relay sees one cell every twenty milliseconds, whether we talk or not.""", 20000)
RABBIT = Person("b", "white.rabbit", "The White Rabbit", "en-us+m3", """Good afternoon, Alice. I am late, I am late,
    but not by more than a tenth of a second. Six relays stand between us, and each knows only its two neighbours.""",
                20200)
HATTER = Person("c", "mad.hatter", "The Mad Hatter", "en-us+m5", """Why is a raven like a writing desk? There is no
    room, no room at all!""", 20400)


def identity(person, phone):
    """What else must not be seen: names and addresses that no header needs to tell."""
    who = person.letter
    return {f"name of {who}": person.name, f"name of {who}, displayed": person.display, f"address of {who}": phone.ip}


def phones_at(net, folder, seconds, parameters=";answermode=manual"):
    """A phone for each person at a client of a test network that is ready, while there are clients, with `seconds` of
    speech; all know all addresses.  Returns [(person, phone, speech file, client's description)]."""
    clients = net.description["clients"]
    peers = [address for client in clients for address in (client["address"], client["key_address"])]
    seated = []
    for n, (person, client) in enumerate(zip((ALICE, RABBIT, HATTER), clients), 1):
        speech_file = person.speech_file(folder, seconds)
        phone = person.phone(folder, net.places.phone_ip(n), net.description["domain"], speech_file,
                             f';outbound="sip:{client["sip_udp"]}";regint=60{parameters}', peers,
                             client["address"].removeprefix("sip:").split("@")[0])
        seated.append((person, phone, speech_file, client))
    return seated
