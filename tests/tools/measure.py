"""What a capture says about a call between two phones: delay, jitter, loss, sound, set-up time, messages.

RTP of a phone is known by its own range of ports: on loopback the kernel chooses 127.0.0.1 as the source of what a
phone sends from an unbound socket, and answers go there.
"""

import re

from tools import emodel, rtp, speech, witness

FRAME = 160    # samples of 20 ms
SETTLE_NS = 500_000_000
PHONE_MS = 60  # what phones add to the delay from socket to socket: framing and their jitter buffers


def _is_rtp_port(phone, port):
    return phone.rtp <= port < phone.rtp + 100


def sent_by(phone, datagrams):
    """All that a phone sent: SIP, RTP and RTCP."""
    return [d for d in datagrams if (d.src == phone.ip and d.sport != phone.control)
            or (d.proto == 17 and _is_rtp_port(phone, d.sport))]


def received_by(phone, datagrams):
    """All that came to a phone."""
    return [d for d in datagrams if (d.dst == phone.ip and d.dport != phone.control)
            or (d.proto == 17 and _is_rtp_port(phone, d.dport))]


def direction(datagrams, speaker, listener, speech_file, stalls=None):
    """One way of the call, phone socket to phone socket, as report.json has it; and, with a witness's stalls, what was lost
    outside of them and after the first half second: there a client leaves out what the phone sent in a bunch, which
    would make the whole call later."""
    sent = rtp.stream(d for d in sent_by(speaker, datagrams) if _is_rtp_port(speaker, d.sport))
    got = rtp.stream(d for d in received_by(listener, datagrams) if _is_rtp_port(listener, d.dport))
    settled = sent[0].time + SETTLE_NS if sent else 0
    journey = rtp.match(sent, got, lambda time: time < settled or witness.stalled(time, stalls or ()))
    delays = {f"p{p}": _rounded(rtp.percentile(journey.delays_ms, p), 2) for p in (50, 95, 99)}
    loss = journey.loss_pct()
    own = {} if stalls is None else {"own_loss_pct": _rounded(journey.own_loss_pct(), 3)}
    return {"one_way_ms": delays, "jitter_ms": _rounded(rtp.jitter_ms(got), 2), "loss_pct": _rounded(loss, 3), **own,
            "mos": None if loss is None else round(emodel.mos(delays["p50"] + PHONE_MS, loss), 2),
            "audio_match": sound(speech_file, listener)}


def nothing(audio_match):
    """The same where nothing was captured: only the sound can be told."""
    return {"one_way_ms": {"p50": None, "p95": None, "p99": None}, "jitter_ms": None, "loss_pct": None, "mos": None,
            "audio_match": audio_match}


def sound(speech_file, listener):
    """How alike the spoken file and the listener's newest recording are, or None without one."""
    heard = listener.heard()
    return _rounded(speech.audio_match(speech_file, heard), 4) if heard else None


def frames_heard(speaker, listener):
    """The part of the frames of the speaker's newest recording of himself that the listener's newest one has, bit for
    bit, wherever: what else the listener heard, before or after, does not matter."""
    spoken, heard = (b"".join(speech.mu_law(x) for x in speech.read_wav(path)[0]) for path in (speaker.spoken(), listener.heard()))
    frames = range(0, len(spoken) - FRAME + 1, FRAME)
    return sum(spoken[i:i + FRAME] in heard for i in frames) / max(1, len(frames))


def _rounded(value, digits):
    return None if value is None else round(value, digits)


def sip(datagrams, pattern, source=None, target=None):
    """The first SIP message from or to an address whose first line matches: (time in ns, text), or None."""
    for d in datagrams:
        if (source is None or d.src == source) and (target is None or d.dst == target) and d.size > 20:
            text = d.payload.decode("utf-8", "replace")
            if re.match(pattern, text) and "SIP/2.0" in text[: text.find("\n")]:
                return d.time, text
    return None


def setup_ms(datagrams, caller):
    """From the INVITE that the caller's phone sent to the ringing that it heard of."""
    asked = sip(datagrams, "INVITE ", source=caller.ip)
    rang = sip([d for d in datagrams if asked and d.time > asked[0]], "SIP/2.0 180", target=caller.ip)
    return round((rang[0] - asked[0]) / 1e6, 1) if rang else None


def message_ms(datagrams, sender, receiver):
    """From the MESSAGE that one phone sent to the one that reached the other."""
    asked = sip(datagrams, "MESSAGE ", source=sender.ip)
    came = sip(datagrams, "MESSAGE ", target=receiver.ip)
    return round((came[0] - asked[0]) / 1e6, 1) if asked and came else None
