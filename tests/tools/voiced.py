"""Whether somebody speaks in a recording, by its loudness alone."""

import math

from tools import speech

BLOCK = speech.RATE // 10
LOUD = 300          # of 32767, root of the mean square: speech is well above, what is made up for losses and silence below
SHARE = 0.25        # of the time, at least: people pause


def loudness(samples):
    """Of each tenth of a second."""
    blocks = (samples[i : i + BLOCK] for i in range(0, len(samples) - BLOCK + 1, BLOCK))
    return [math.sqrt(sum(s * s for s in block) / BLOCK) for block in blocks]


def tail(path, seconds):
    """Whether there is speech at the end of a recording."""
    if not path:
        return False
    samples, rate = speech.read_wav(path)
    if rate != speech.RATE:
        raise ValueError(f"{path}: not {speech.RATE} Hz")
    found = loudness(samples[-int(seconds * rate) :])
    return bool(found) and sum(level > LOUD for level in found) >= SHARE * len(found)
