"""How a call sounds: ITU-T G.107 (E-model) with its default values, for G.711."""

import math

R_BEST = 93.2  # G.107 (06/2015), table 2: all parameters at their defaults
BPL = 25.1     # G.113, appendix I: robustness of G.711 with concealment against random loss


def delay_impairment(ms):
    """Idd, equation 7-27: nothing up to 100 ms of absolute delay Ta."""
    if ms <= 100:
        return 0.0
    x = math.log2(ms / 100)
    return 25 * ((1 + x**6) ** (1 / 6) - 3 * (1 + (x / 3) ** 6) ** (1 / 6) + 2)


def loss_impairment(pct):
    """Ie,eff, equation 7-29, for Ie = 0 and random loss."""
    return 95 * pct / (pct + BPL)


def mos_of(r):
    """Annex B."""
    if r <= 0:
        return 1.0
    if r >= 100:
        return 4.5
    return 1 + 0.035 * r + r * (r - 60) * (100 - r) * 7e-6


def mos(ta_ms, loss_pct=0.0):
    """ta_ms is mouth to ear.  For phone to phone add what phones take themselves: 60 ms."""
    return mos_of(R_BEST - delay_impairment(ta_ms) - loss_impairment(loss_pct))
