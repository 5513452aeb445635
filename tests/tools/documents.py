"""Reads what a directory publishes (docs/protocol/60-directory.md), without checking signatures: the daemons do that."""

import json
import struct
import zlib


def open_envelope(data):
    """The JSON document in an envelope (section 3)."""
    magic, version, _, pack, count = struct.unpack_from("!4sBBBB", data)
    if magic != b"SMXD" or version != 1:
        raise ValueError("not an envelope")
    body = data[8 + 65 * count + 4 :]
    return json.loads(zlib.decompress(body) if pack == 1 else body)


def held_consensus(state):
    """The consensus that a daemon keeps in its state folder, or None while it has none."""
    try:
        with open(f"{state}/consensus", "rb") as f:
            return open_envelope(f.read())
    except (OSError, ValueError, struct.error, zlib.error):
        return None  # it is not there yet
