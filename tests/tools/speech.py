"""Speech for phones to play, and how much of it the other side heard.

The noise floor under the speech makes every 20 ms frame unique, in pauses and repetitions too: so a frame can be
found again by its bytes alone, whatever a proxy does with sequence numbers and time stamps.
"""

import array
import functools
import math
import operator
import os
import random
import subprocess
import tempfile
import wave

RATE = 8000
FLOOR = 40        # of 32767: some ten steps of mu-law, 58 dB below full scale
PEAK = 16000
PAUSE = RATE      # samples of silence after each round of the text
LAG_MAX = 3 * RATE  # a proxy's and a phone's buffers, generously


def read_wav(path):
    """The samples of a mono 16-bit file, and its rate."""
    with wave.open(str(path)) as w:
        if w.getnchannels() != 1 or w.getsampwidth() != 2:
            raise ValueError(f"{path}: not mono with 16 bits")
        return array.array("h", w.readframes(w.getnframes())), w.getframerate()


def write_wav(path, samples):
    with wave.open(str(path), "wb") as w:
        w.setnchannels(1)
        w.setsampwidth(2)
        w.setframerate(RATE)
        w.writeframes(samples.tobytes())


@functools.lru_cache(maxsize=None)
def mu_law(sample):
    """G.711, one sample as a byte (its inversion does not matter here)."""
    size = min(abs(sample), 32635) + 132
    exponent = size.bit_length() - 8
    return bytes([(0x80 if sample < 0 else 0) | exponent << 4 | size >> (exponent + 3) & 15])


def resample(samples, rate):
    """To 8 kHz with a windowed sinc that ends below 3.6 kHz; `rate` is above that."""
    step, cutoff, half = rate / RATE, 3600 * 2 / rate, 24
    padded = [0] * half + list(samples) + [0] * half
    kernels = {}
    out = array.array("h")
    for n in range(int(len(samples) / step)):
        at = n * step
        whole, part = int(at), round((at - int(at)) * 64) / 64
        if part not in kernels:
            taps = [(k - half + 1 - part) for k in range(2 * half)]
            kernel = [(cutoff if t == 0 else math.sin(math.pi * cutoff * t) / (math.pi * t))
                      * (0.5 + 0.5 * math.cos(math.pi * t / (half + 1))) for t in taps]
            kernels[part] = [k / sum(kernel) for k in kernel]
        window = padded[whole + 1 : whole + 1 + 2 * half]
        out.append(max(-32768, min(32767, round(sum(map(operator.mul, window, kernels[part]))))))
    return out


def make(path, text, voice, seconds, seed):
    """Writes `text` as spoken by an espeak-ng voice, over and over for `seconds`, over the noise floor."""
    with tempfile.TemporaryDirectory() as folder:
        spoken = os.path.join(folder, "spoken.wav")
        subprocess.run(["espeak-ng", "-v", voice, "-s", "150", "-w", spoken, text], check=True,
                       stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        once = resample(*read_wav(spoken))
    gain = PEAK / max(1, max(map(abs, once)))
    once = [int(s * gain) for s in once] + [0] * PAUSE
    noise = random.Random(seed)
    out = array.array("h")
    length = seconds * RATE
    while len(out) < length:
        draws = noise.randbytes(len(once))
        out.extend(s + d % (2 * FLOOR + 1) - FLOOR for s, d in zip(once, draws))
    write_wav(path, out[:length])


def _ncc(a, b):
    """Normalised cross-correlation of two lists of one length."""
    power = math.sqrt(sum(map(operator.mul, a, a)) * sum(map(operator.mul, b, b)))
    return sum(map(operator.mul, a, b)) / power if power else 0.0


def _fit(sent, heard, begin, length, lag):
    """The correlation when `length` samples of heard, from begin, were sent `lag` samples before; None out of range."""
    if begin - lag < 0 or begin - lag + length > len(sent):
        return None
    return _ncc(sent[begin - lag : begin - lag + length], heard[begin : begin + length])


def correlate(sent, heard):
    """The highest normalised cross-correlation of two recordings over all lags below LAG_MAX, and that lag in samples.
    The lag is looked for with an eighth of the samples and two loud seconds, then with all samples of those around
    the best candidates (a voice is nearly periodic, so there are several); the value is that of all that overlaps."""
    coarse, candidates = 8, 8
    rough = [[sum(x[i : i + coarse]) for i in range(0, len(x) - coarse, coarse)] for x in (sent, heard)]
    span = min(2 * RATE // coarse, len(rough[1]))
    starts = range(0, len(rough[1]) - span + 1, RATE // coarse // 2)
    if not span or not starts:
        return 0.0, 0
    loud = max(starts, key=lambda i: sum(v * v for v in rough[1][i : i + span]))
    shifts = range(-LAG_MAX // coarse, LAG_MAX // coarse + 1)
    ranked = sorted(((fit, s) for s in shifts if (fit := _fit(*rough, loud, span, s)) is not None), reverse=True)
    near = {s * coarse + i for _, s in ranked[:candidates] for i in range(-coarse, coarse + 1)}
    fits = [(fit, lag) for lag in near
            if (fit := _fit(sent, heard, loud * coarse, span * coarse, lag)) is not None]
    if not fits:
        return 0.0, 0
    lag = max(fits)[1]
    a, b = sent[max(0, -lag) :], heard[max(0, lag) :]
    length = min(len(a), len(b))
    return _ncc(a[:length], b[:length]), lag


def pieces(sent, heard, lag):
    """The correlation of both when each second is aligned by itself, from `lag` on.  A buffer on the way that drops or
    inserts a frame shifts all that follows, which nobody hears, but which a single lag would call a failure."""
    coarse, reach = 8, RATE // 2
    rough = [[sum(x[i : i + coarse]) for i in range(0, len(x) - coarse, coarse)] for x in (sent, heard)]
    dots = sent_power = heard_power = 0
    for begin in range(0, len(heard) - RATE + 1, RATE):
        if begin - lag < 0 or begin - lag + RATE > len(sent):
            continue  # recorded before the first or after the last of what was sent
        tries = [(fit, s * coarse) for s in range((lag - reach) // coarse, (lag + reach) // coarse + 1)
                 if (fit := _fit(*rough, begin // coarse, RATE // coarse, s)) is not None]
        near = {lag, *range(max(tries)[1] - coarse, max(tries)[1] + coarse + 1)} if tries else {lag}
        lag = max((fit, s) for s in near if (fit := _fit(sent, heard, begin, RATE, s)) is not None)[1]
        a, b = sent[begin - lag : begin - lag + RATE], heard[begin : begin + RATE]
        dots += sum(map(operator.mul, a, b))
        sent_power += sum(map(operator.mul, a, a))
        heard_power += sum(map(operator.mul, b, b))
    return dots / math.sqrt(sent_power * heard_power) if sent_power and heard_power else 0.0


def audio_match(sent_path, heard_path):
    """How alike two recordings are: 1 for equal, 0 for strangers."""
    (sent, rate), (heard, heard_rate) = read_wav(sent_path), read_wav(heard_path)
    if (rate, heard_rate) != (RATE, RATE):
        raise ValueError("not 8 kHz")
    fit, lag = correlate(sent, heard)
    return max(0.0, fit, pieces(sent, heard, lag))
