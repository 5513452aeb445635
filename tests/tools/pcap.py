"""Captured packets: the pcap file format (nanoseconds, Ethernet) and the datagrams inside."""

import socket
import struct
from typing import NamedTuple

FILE_HEADER = struct.pack("=IHHiIII", 0xA1B23C4D, 2, 4, 0, 0, 65535, 1)  # nanosecond magic; link type Ethernet
RECORD = struct.Struct("=IIII")  # seconds, nanoseconds, bytes kept, bytes on the wire
UDP, TCP = 17, 6


class Datagram(NamedTuple):
    time: int  # ns
    proto: int
    src: str
    sport: int
    dst: str
    dport: int
    size: int  # bytes of payload on the wire
    payload: bytes  # as much of it as the capture kept

    def source(self):
        return f"{self.src}:{self.sport}"

    def target(self):
        return f"{self.dst}:{self.dport}"


def parse(time, frame):
    """The datagram or TCP segment in an Ethernet frame with IPv4, or None."""
    if len(frame) < 42 or frame[12:14] != b"\x08\x00" or frame[14] >> 4 != 4:
        return None
    ip = 14 + (frame[14] & 15) * 4
    total, = struct.unpack_from("!H", frame, 16)
    proto = frame[23]
    if proto == UDP and len(frame) >= ip + 8:
        start = ip + 8
    elif proto == TCP and len(frame) >= ip + 20:
        start = ip + (frame[ip + 12] >> 4) * 4
    else:
        return None
    sport, dport = struct.unpack_from("!HH", frame, ip)
    size = 14 + total - start
    return Datagram(time, proto, socket.inet_ntoa(frame[26:30]), sport, socket.inet_ntoa(frame[30:34]), dport, size,
                    frame[start : 14 + total])


def frames(path):
    """(time in ns, frame) of each packet.  A record cut off by the end of the file ends the list."""
    with open(path, "rb") as f:
        if f.read(24)[:4] != FILE_HEADER[:4]:
            raise ValueError(f"{path}: not a capture of ours")
        while len(head := f.read(16)) == 16:
            seconds, nanoseconds, kept, _ = RECORD.unpack(head)
            frame = f.read(kept)
            if len(frame) < kept:
                return
            yield seconds * 1_000_000_000 + nanoseconds, frame


def read(path):
    """Every datagram of a capture, in order of time: two processors may have filled the ring by turns."""
    found = [d for d in (parse(t, frame) for t, frame in frames(path)) if d]
    found.sort(key=lambda d: d.time)
    return found
