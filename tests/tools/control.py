"""The control: the same two phones call each other directly, and the search finds who they are."""

import os
import time

from tools import baresip, capture, leaks, measure, talk


def plain_call(folder, ips, seconds):
    """A call and a message each way without sipmix, between phones at two addresses.  Returns figures and finds."""
    os.makedirs(folder, exist_ok=True)
    people = talk.ALICE, talk.RABBIT
    said, phones = [], []
    for person, ip, other_ip, other in zip(people, ips, ips[::-1], people[::-1]):
        said.append(person.speech_file(folder, seconds + 20))
        phones.append(person.phone(folder, ip, ip, said[-1], ";regint=0;answermode=manual",
                                   [f"sip:{other.name}@{other_ip}"]))
    a, b = phones
    tape = capture.Capture(f"{folder}/control.pcap", [f"{ip}/32" for ip in ips]) if capture.allowed() else None
    delivered = established = False
    try:
        a.start()
        b.start()
        a.dial(f"sip:{people[1].name}@{ips[1]}")
        b.wait("CALL_INCOMING")
        b.accept()
        a.wait("CALL_ESTABLISHED")
        established = True
        time.sleep(seconds)
        a.hang_up()
        b.wait("CALL_CLOSED")
        a.message(f"sip:{people[1].name}@{ips[1]}", "Are you there?")
        b.message(f"sip:{people[0].name}@{ips[0]}", "I am late.")
        deadline = time.monotonic() + 5
        while not (delivered := bool(a.messages() and b.messages())) and time.monotonic() < deadline:
            time.sleep(0.05)
    except baresip.PhoneError as e:
        print(f"# control call: {e}", flush=True)
    finally:
        for phone in phones:
            phone.stop()
        got = tape.stop() if tape else []
    needles = {}
    for person, phone in zip(people, phones):
        needles |= talk.identity(person, phone) | leaks.of_phone(person.letter, measure.sent_by(phone, got))
    finds = leaks.search(needles, leaks.wire(got)) if got else []
    return {"established": established, "setup_ms": measure.setup_ms(got, a),
            "a_to_b": measure.direction(got, a, b, said[0]), "b_to_a": measure.direction(got, b, a, said[1]),
            "message": {"delivered": delivered, "ms": measure.message_ms(got, a, b)},
            "leaks": len({f.what for f in finds}) if got else None, "leak_kinds": leaks.kinds(finds)}
