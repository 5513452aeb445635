#!/usr/bin/python3
"""Independent reference for RTP packets, RTCP reports and the two laws of G.711: docs/protocol/70-phone.md, sections 6
and 7.  As a program: rtp.py --check tests/vectors/rtp.txt"""

import struct

import vectorfile


class Refused(Exception):
    """malformed"""


def read_rtp(wire):
    """marker, payload type, sequence, timestamp, SSRC, payload (RFC 3550, 5.1 and 5.3.1)."""
    if not 12 <= len(wire) <= 1500 or wire[0] >> 6 != 2 or 72 <= wire[1] & 127 <= 76:
        raise Refused("malformed")
    sequence, timestamp, ssrc = struct.unpack(">HII", wire[2:12])
    begin, end = 12 + 4 * (wire[0] & 15), len(wire)
    if wire[0] & 16:
        if end < begin + 4:
            raise Refused("malformed")
        begin += 4 + 4 * int.from_bytes(wire[begin + 2 : begin + 4], "big")
    if begin > end:
        raise Refused("malformed")
    if wire[0] & 32:
        if begin == end or not 0 < wire[-1] <= end - begin:
            raise Refused("malformed")
        end -= wire[-1]
    return wire[1] >> 7, wire[1] & 127, sequence, timestamp, ssrc, wire[begin:end]


def write_rtp(marker, payload_type, sequence, timestamp, ssrc, payload):
    return struct.pack(">BBHII", 128, marker << 7 | payload_type, sequence, timestamp, ssrc) + payload


def write_rtcp(rec):
    """Sender report, with a report block if a stream was heard, and a CNAME (RFC 3550, 6.4.1 and 6.5)."""
    seconds, ns = divmod(rec.int("since_ns"), 10**9)
    sender = struct.pack(">IIIIII", rec.int("ssrc"), seconds, (ns << 32) // 10**9, rec.int("timestamp"), rec.int("packets"),
                         rec.int("payload_bytes"))
    block = b""
    if "heard_ssrc" in rec:
        lost = int(rec.text("lost"))
        block = struct.pack(">IB3sIIII", rec.int("heard_ssrc"), rec.int("fraction_lost"), lost.to_bytes(3, "big", signed=True),
                            rec.int("highest_seq"), rec.int("jitter"), 0, 0)
    body = sender + block
    chunk = struct.pack(">IBB", rec.int("ssrc"), 1, 16) + rec.bytes("cname") + b"\0\0"
    return (struct.pack(">BBH", 128 | (1 if block else 0), 200, len(body) // 4) + body
            + struct.pack(">BBH", 129, 202, len(chunk) // 4) + chunk)


def pcmu_decode(code):
    """G.711, table 2: the decision is read off its segments, in the 16-bit scale."""
    code ^= 255
    value = (33 + 2 * (code & 15) << (code >> 4 & 7)) - 33
    return -4 * value if code & 128 else 4 * value


def pcma_decode(code):
    """G.711, table 1."""
    code ^= 85
    segment, step = code >> 4 & 7, code & 15
    value = 2 * step + 1 if segment == 0 else (2 * step + 33) << (segment - 1)
    return 8 * value if code & 128 else -8 * value


def pcmu_encode(sample):
    """As ITU-T G.191 has it: 14 bits, one's complement, bias 33."""
    magnitude = min((sample if sample >= 0 else ~sample) >> 2, 8158) + 33
    segment = magnitude.bit_length() - 6
    return ((128 if sample < 0 else 0) | segment << 4 | magnitude >> segment + 1 & 15) ^ 255


def pcma_encode(sample):
    """The same: 12 bits, one's complement."""
    magnitude = (sample if sample >= 0 else ~sample) >> 4
    segment = max(0, magnitude.bit_length() - 4)
    code = magnitude if segment < 2 else segment << 4 | magnitude >> segment - 1 & 15
    return ((128 if sample >= 0 else 0) | code) ^ 85


def check(rec):
    if "law" in rec:
        decode = pcmu_decode if rec.text("law") == "pcmu" else pcma_decode
        values = struct.unpack(">256h", rec.bytes("values"))
        assert values == tuple(map(decode, range(256)))
    elif "codes" in rec:
        encode = pcmu_encode if rec.text("code") == "pcmu" else pcma_encode
        samples = struct.unpack(f">{len(rec.bytes('codes'))}h", rec.bytes("samples"))
        assert bytes(map(encode, samples)) == rec.bytes("codes")
    elif "cname" in rec:
        assert write_rtcp(rec) == rec.bytes("wire")
    elif rec.text("result") == "ok":
        fields = tuple(map(rec.int, ("marker", "type", "seq", "timestamp", "ssrc"))) + (rec.bytes("payload"),)
        assert read_rtp(rec.bytes("wire")) == fields
        assert write_rtp(*fields) == rec.bytes("again" if "again" in rec else "wire")
    else:
        try:
            read_rtp(rec.bytes("wire"))
        except Refused as e:
            assert rec.text("result") == str(e)
            return
        raise AssertionError("not refused")


if __name__ == "__main__":
    vectorfile.check_main(check, "tests/vectors/rtp.txt")
