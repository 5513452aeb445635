"""Bytes that no honest peer sends, for each kind of door: links, SIP, RTP, HTTP."""

import random
import socket

INVITE = ("INVITE sip:white.rabbit@sipmix.alt SIP/2.0\r\nVia: SIP/2.0/UDP 127.0.0.1:9;branch=z9hG4bK{n}\r\n"
          "From: <sip:x@sipmix.alt>;tag={n}\r\nTo: <sip:white.rabbit@sipmix.alt>\r\nCall-ID: {n}\r\nCSeq: 1 INVITE\r\n"
          "Contact: <sip:x@127.0.0.1:9>\r\nMax-Forwards: 70\r\nContent-Type: application/sdp\r\n")


def link(noise):
    """Random datagrams, of the sizes that links use and others; handshake types among them."""
    for size in (0, 1, 11, 12, 27, 28, 29, 699, 700, 701, 1371, 1372, 1373, 9000, 65507):
        yield noise.randbytes(size)
    for size in (700, 1372):
        for kind in range(5):
            yield bytes(4) + bytes([kind, size // 224, 1]) + bytes(5) + noise.randbytes(size - 12)


def sip(noise):
    whole = INVITE.format(n="bad0")
    yield noise.randbytes(800)
    yield b"\0" * 1000
    yield b"\r\n" * 500
    yield from (whole[:cut].encode() for cut in range(1, len(whole), 37))
    yield b"INVITE sip:a@b SIP/2.0\r\n\r\n"
    yield b"SIP/2.0 200 OK\r\n\r\n"
    yield b"SIP/7.0 -5 x\r\nVia: x\r\n\r\n"
    # The header whose parameters cost the parser a second (quadratic lists)
    yield (whole + "X: a" + ";p" * 31000 + "\r\nContent-Length: 0\r\n\r\n").encode()[:65000]
    yield (whole.replace("Max-Forwards: 70\r\n", "Contact: " + "," * 30000 + "\r\n") + "\r\n").encode()
    yield ("A: b\r\n" * 9000).encode()
    for length in ("-1", "4294967301", "999999", "x"):
        yield (whole + f"Content-Length: {length}\r\n\r\nv=0\r\n").encode()
    for sdp in ("v=0\r\nm=audio 0 RTP/AVP", "m=" * 2000, "v=0\r\nc=IN IP4 6.6.6.6\r\nm=audio 99999 RTP/AVP 0\r\n",
                "v=0\r\no=- 1 1 IN IP4 x\r\ns=-\r\nc=IN IP4 999.1.1.1\r\nt=0 0\r\nm=audio 9 RTP/AVP " + "0 " * 5000 + "\r\n"):
        yield (INVITE.format(n=f"sdp{len(sdp)}") + f"Content-Length: {len(sdp)}\r\n\r\n{sdp}").encode()
    for name in ("bob%00evil", "bob%0d%0aX: y", "b" * 5000, "\xff\xfe"):
        yield whole.replace("white.rabbit", name).encode("latin-1") + b"Content-Length: 0\r\n\r\n"
    for _ in range(100):
        broken = bytearray(whole.encode() + b"Content-Length: 0\r\n\r\n")
        for _ in range(1 + noise.randrange(8)):
            broken[noise.randrange(len(broken))] = noise.randrange(256)
        yield bytes(broken)


def rtp(noise):
    for size in (0, 1, 11, 12, 13, 172, 1500, 9000):
        yield noise.randbytes(size)
    for first in (0x80, 0xBF, 0x90, 0xA0, 0x00, 0x16, 0x40):
        for second in (0, 8, 101, 200, 201, 203, 255):
            yield bytes([first, second]) + noise.randbytes(170)


def http(noise):
    yield noise.randbytes(2000)
    yield b"GET /" + b"a" * 100000 + b" HTTP/1.1\r\n\r\n"
    yield b"GET / HTTP/1.1\r\n" + b"A: b\r\n" * 20000 + b"\r\n"
    yield b"POST / HTTP/1.1\r\nContent-Length: 99999999999\r\n\r\n" + b"x" * 5000
    yield b"POST / HTTP/1.1\r\nContent-Length: -1\r\n\r\n"
    yield b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\nFFFFFFFFFFFFFFFF\r\nx"
    yield b"BREW /../../etc/passwd HTTP/9.9\r\n\r\n"
    yield b"GET / HTTP/1.1\r\nHost: " + b"x" * 300


def throw_udp(messages, ip, port):
    """Sends each message once; returns how many."""
    count = 0
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
        for message in messages:
            s.sendto(message, (ip, port))
            count += 1
    return count


def throw_tcp(messages, ip, port):
    """Each message over a connection of its own, closed only when all are out; the answers are not read."""
    open_ones = []
    for message in messages:
        s = socket.create_connection((ip, port), 5)
        s.settimeout(2)
        open_ones.append(s)
        try:
            s.sendall(message)
        except OSError:
            pass  # it hung up on us, as it should
    for s in open_ones:
        s.close()
    return len(open_ones)


def noise(seed):
    return random.Random(seed)
