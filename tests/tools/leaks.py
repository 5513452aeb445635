"""Looks for what must not be there: names, addresses and identifiers, as they are and in disguise.

A short needle turns up in long ciphertext by chance (four bytes once in 4 GB).  So a find counts only when it is
there more often than chance explains: the expected number is known, and the odds against must be a million to one.
"""

import base64
import ipaddress
import math
import re
import struct
from typing import NamedTuple

ODDS = 1e-6


class Find(NamedTuple):
    what: str  # the needle's name
    form: str
    count: int


class _Form(NamedTuple):
    name: str
    data: bytes
    folded: bool  # upper and lower case alike


def _base64(value):
    """The characters that are the same whatever stands before and after, for the three ways to align."""
    for shift, skip in ((0, 0), (1, 2), (2, 3)):
        yield base64.b64encode(bytes(shift) + value)[skip : (shift + len(value)) * 8 // 6]


def text_forms(text):
    value = text.encode()
    yield _Form("text", value, True)
    yield _Form("hex", value.hex().encode(), True)
    yield _Form("percent", b"".join(b"%%%02x" % b for b in value), True)
    yield _Form("utf-16", text.encode("utf-16-le"), True)
    for data in _base64(value):
        yield _Form("base64", data, False)


def number_forms(value):
    """A 32-bit number, such as an SSRC."""
    raw = struct.pack("!I", value)
    yield _Form("binary", raw, False)
    yield _Form("binary, reversed", raw[::-1], False)
    yield _Form("hex", raw.hex().encode(), True)
    yield _Form("decimal", b"%d" % value, False)


def address_forms(ip):
    address = ipaddress.ip_address(ip)
    yield from text_forms(str(address))
    if address.version == 4:
        yield from number_forms(int(address))
        yield _Form("dashes", str(address).replace(".", "-").encode(), False)
    else:
        yield _Form("binary", address.packed, False)
        yield _Form("exploded", address.exploded.encode(), True)


def forms(value):
    if isinstance(value, int):
        return list(number_forms(value))
    try:
        return list(address_forms(value))
    except ValueError:
        return list(text_forms(value))


def _threshold(form, positions):
    """How often the form must be found in this many random bytes to be more than chance."""
    chance = math.prod((2 if form.folded and bytes([b]).isalpha() else 1) / 256 for b in form.data)
    expected = positions * chance
    need, tail, term = 0, 1.0, math.exp(-expected)
    while tail > ODDS and need < 1000:
        tail -= term
        need += 1
        term *= expected / need
    return max(need, 1)


def search(needles, data):
    """needles: {name: text, IP address or number}.  Returns the Finds in data."""
    folded = data.lower()
    found = []
    for what, value in needles.items():
        for form in forms(value):
            needle = form.data.lower() if form.folded else form.data
            count = (folded if form.folded else data).count(needle)
            if count and count >= _threshold(form, len(data)):
                found.append(Find(what, form.name, count))
    return found


def wire(datagrams):
    """All payloads as one string of bytes: datagrams apart, the segments of a TCP connection joined."""
    flows, rest = {}, []
    for d in datagrams:
        if d.proto == 6:
            flows.setdefault(d[2:6], []).append(d.payload)
        else:
            rest.append(d.payload)
    return b"\r\n\0\0".join(rest + [b"".join(segments) for segments in flows.values()])


HEADERS = {"call-id": r"^(?:call-id|i)\s*:\s*(\S+)", "tag": r"^(?:from|f)\s*:.*?;tag=([^;\s]+)",
           "branch": r"^(?:via|v)\s*:.*?;branch=z9hG4bK([^;\s]+)", "user agent": r"^(?:user-agent|server)\s*:\s*(.+?)\s*$",
           "contact": r"^(?:contact|m)\s*:\s*<?sips?:([^@>;\s]+)@", "display name": r'^(?:from|f)\s*:\s*"([^"]+)"',
           "instance": r"\+sip\.instance=\"<urn:uuid:([^>\"]+)",
           "session": r"^o=\S+ (\d{5,})", "tool": r"^a=tool:(.+?)\s*$", "cname": r"^a=ssrc:\d+ cname:(\S+)"}
LEAST = 5  # shorter words are no identifiers


def kinds(finds):
    """What sorts of things were found: "SSRC of a 2" is an SSRC."""
    return sorted({find.what.split(" of ")[0] for find in finds})


def of_phone(owner, sent):
    """What a phone gives away: needles out of the datagrams that it sent, SIP, RTP and RTCP alike."""
    needles = {}

    def add(kind, value):
        if value not in needles.values() and (isinstance(value, int) or len(value) >= LEAST):
            needles[f"{kind} of {owner} {len(needles) + 1}"] = value

    for d in sent:
        head = d.payload[:12]
        if d.size > 12 and head[0] >> 6 == 2:  # RTP or RTCP: never the first letter of a SIP message
            if 192 <= head[1] <= 223:
                add("SSRC", struct.unpack_from("!I", head, 4)[0])
                for cname in re.findall(rb"\x01.(sips?:[\x21-\x7e]+@[\x21-\x7e]+)", d.payload, re.S):
                    add("cname", cname.decode())
            else:
                add("SSRC", struct.unpack_from("!I", head, 8)[0])
            continue
        text = d.payload.decode("utf-8", "replace")
        if "SIP/2.0" not in text:
            continue
        for kind, pattern in HEADERS.items():
            for value in re.findall(pattern, text, re.M | re.I):
                add(kind, value)
        for value in re.findall(r"^a=ssrc:(\d+)", text, re.M):
            add("SSRC", int(value) & 0xFFFFFFFF)
    return needles
