#!/usr/bin/python3
"""Captures the datagrams from and to some networks, without tcpdump (which fails in user namespaces).

    with Capture("x.pcap", ["127.16.3.0/24"]) as c: ...
    c.dropped   packets that the kernel had no room for: a figure taken from a capture with drops is worthless

A process of its own takes whole blocks of packets out of a ring that it shares with the kernel (packet(7),
TPACKET_V3), ten times a second at most: 10,000 packets/s cost a few per cent of a core, so what is measured is
not disturbed.  The filter runs in the kernel.  It drops the sending side's copy, which loopback shows as well.
"""

import argparse
import ctypes
import ipaddress
import json
import mmap
import os
import select
import signal
import socket
import struct
import subprocess
import sys
import time

if __name__ == "__main__":
    sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
from tools import pcap  # noqa: E402

# linux/if_packet.h, linux/filter.h, asm-generic/socket.h
SOL_PACKET, PACKET_ADD_MEMBERSHIP, PACKET_RX_RING, PACKET_STATISTICS, PACKET_VERSION = 263, 1, 5, 6, 10
PACKET_MR_PROMISC, TPACKET_V3, SO_ATTACH_FILTER = 1, 2, 26
ETH_P_ALL = 3
BLOCK, BLOCKS, FRAME = 1 << 20, 64, 1 << 11
BLOCK_MS = 100  # a block that is not full is handed over after this time
OUTGOING = 4  # PACKET_OUTGOING


def program(networks, snaplen):
    """The classic BPF program: IPv4, UDP or TCP, not outgoing, from or to one of the networks."""
    loads, jump = {"ldh": 0x28, "ldb": 0x30, "ld": 0x20}, 0x15
    steps = [("ldb", 0xFFFFF004), ("drop-if", OUTGOING), ("ldh", 12), ("drop-unless", 0x0800), ("ldb", 23),
             ("keep-going", pcap.UDP, pcap.TCP)]
    for network in networks:
        net = ipaddress.ip_network(network)
        for at in (26, 30):
            steps += [("ld", at), ("and", int(net.netmask)), ("keep-if", int(net.network_address))]
    code, size = [], 1 + len(steps) + 3  # "keep-going" is two instructions; drop and keep stand at the end
    drop, keep = size - 2, size - 1
    for op, *arg in steps:
        here = len(code) + 1  # jumps count from the next instruction
        if op in loads:
            code.append((loads[op], 0, 0, arg[0]))
        elif op == "and":
            code.append((0x54, 0, 0, arg[0]))
        elif op == "drop-if":
            code.append((jump, drop - here, 0, arg[0]))
        elif op == "drop-unless":
            code.append((jump, 0, drop - here, arg[0]))
        elif op == "keep-if":
            code.append((jump, keep - here, 0, arg[0]))
        else:  # either of two protocols goes on
            code += [(jump, 1, 0, arg[0]), (jump, 0, drop - here - 1, arg[1])]
    code += [(0x06, 0, 0, 0), (0x06, 0, 0, 0), (0x06, 0, 0, snaplen)]
    assert len(code) == size and keep < 256
    return b"".join(struct.pack("=HBBI", *c) for c in code)


def open_ring(interface, networks, snaplen):
    s = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, 0)  # protocol 0: nothing arrives before the filter stands
    code = program(networks, snaplen)
    kept = ctypes.create_string_buffer(code)
    s.setsockopt(socket.SOL_SOCKET, SO_ATTACH_FILTER, struct.pack("HL", len(code) // 8, ctypes.addressof(kept)))
    s.setsockopt(SOL_PACKET, PACKET_VERSION, TPACKET_V3)
    s.setsockopt(SOL_PACKET, PACKET_RX_RING,
                 struct.pack("=7I", BLOCK, BLOCKS, FRAME, BLOCK // FRAME * BLOCKS, BLOCK_MS, 0, 0))
    ring = mmap.mmap(s.fileno(), BLOCK * BLOCKS)
    s.bind((interface, ETH_P_ALL))
    s.setsockopt(SOL_PACKET, PACKET_ADD_MEMBERSHIP,
                 struct.pack("=iHH8s", socket.if_nametoindex(interface), PACKET_MR_PROMISC, 0, b""))
    return s, ring


def take_block(ring, at, out):
    """Writes the packets of the block at `at`; returns how many."""
    count, first = struct.unpack_from("=II", ring, at + 12)  # after version, private offset, status
    packet, rows = at + first, []
    for _ in range(count):
        step, sec, nsec, kept, length = struct.unpack_from("=IIIII", ring, packet)
        mac, = struct.unpack_from("=H", ring, packet + 24)
        rows += [pcap.RECORD.pack(sec, nsec, kept, length), ring[packet + mac : packet + mac + kept]]
        packet += step
    out.write(b"".join(rows))
    return count


def capture(path, interface, networks, snaplen):
    """Runs until SIGTERM or SIGINT, then prints what was taken as JSON."""
    stopping = []
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stopping.append(1))
    s, ring = open_ring(interface, networks, snaplen)
    poll = select.poll()
    poll.register(s, select.POLLIN)
    taken, block, last = 0, 0, None
    with open(path, "wb", buffering=0) as out:
        out.write(pcap.FILE_HEADER)
        print("ready", flush=True)
        while last is None or time.monotonic() < last:
            if stopping and last is None:
                last = time.monotonic() + 3 * BLOCK_MS / 1000  # time for the kernel to hand over what it holds
            at = block * BLOCK
            if struct.unpack_from("=I", ring, at + 8)[0] & 1:  # TP_STATUS_USER: the block is ours
                taken += take_block(ring, at, out)
                struct.pack_into("=I", ring, at + 8, 0)
                block = (block + 1) % BLOCKS
            else:
                poll.poll(BLOCK_MS)
    _, dropped, _ = struct.unpack("=3I", s.getsockopt(SOL_PACKET, PACKET_STATISTICS, 12))
    print(json.dumps({"taken": taken, "dropped": dropped}), flush=True)


def allowed():
    """Whether this process may capture in its network namespace."""
    try:
        socket.socket(socket.AF_PACKET, socket.SOCK_RAW, 0).close()
        return True
    except PermissionError:
        return False


class Capture:
    """A capture in a child process.  `enter` is a command prefix, such as one that enters a network namespace."""

    def __init__(self, path, networks, interface="lo", snaplen=65535, enter=()):
        self.path, self.taken, self.dropped = str(path), 0, 0
        self._child = subprocess.Popen(
            [*enter, sys.executable, os.path.abspath(__file__), self.path, interface, str(snaplen), *networks],
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        if self._child.stdout.readline() != "ready\n":
            raise OSError(f"no capture on {interface}: {self._child.communicate()[1].strip()[-200:]}")

    def stop(self):
        """Ends the capture and returns its datagrams."""
        if self._child:
            self._child.terminate()
            said = json.loads(self._child.communicate(timeout=30)[0])
            self.taken, self.dropped, self._child = said["taken"], said["dropped"], None
        return pcap.read(self.path)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        if self._child:
            self._child.terminate()
            self._child.communicate(timeout=30)
            self._child = None


if __name__ == "__main__":
    options = argparse.ArgumentParser(description="Captures until it is interrupted.")
    options.add_argument("path")
    options.add_argument("interface")
    options.add_argument("snaplen", type=int)
    options.add_argument("network", nargs="+")
    given = options.parse_args()
    capture(given.path, given.interface, given.network, given.snaplen)
