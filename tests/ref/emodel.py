#!/usr/bin/python3
"""Vectors of the E-model from tests/tools/emodel.py, by which tests judge calls of real phones: the simulator's
(sim/quality.h) must give the same.
As a program: emodel.py --check tests/vectors/emodel.txt, or --make to print that file."""

import os
import sys

import vectorfile
from cell import emit

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "tools"))
import emodel

PUBLISHED = {150: (0.16, 4.41), 200: (3.04, 4.34), 250: (8.92, 4.18), 300: (14.76, 3.96), 400: (24.07, 3.56)}


def figures(ms, loss, burst):
    """emodel.py knows losses at random; longer bursts are equation 7-29 of G.107 as it stands there."""
    idd = emodel.delay_impairment(ms)
    ieeff = 95 * loss / (loss / burst + emodel.BPL)
    if burst == 1:
        assert ieeff == emodel.loss_impairment(loss)
    r = emodel.R_BEST - idd - ieeff
    mos = max(1.0, emodel.mos_of(r))
    if burst == 1:
        assert mos == max(1.0, emodel.mos(ms, loss))
    return {"idd": idd, "ieeff": ieeff, "r": r, "mos": mos}


def check(rec):
    for name, value in figures(*(float(rec.text(k)) for k in ("ms", "loss", "burst"))).items():
        assert abs(float(rec.text(name)) - value) < 1e-9, name


def make():
    print("# tests/vectors/emodel.txt - ITU-T G.107 with its defaults, G.711.  Made and checked by tests/ref/emodel.py.")
    for ms in (0, 50, 100, 100.5, 120, 150, 180, 200, 250, 300, 400, 600, 1500):
        for loss in (0, 0.1, 1, 3, 20, 100):
            for burst in (1, 2.5):
                emit(f"d{ms}-l{loss}-b{burst}", ms=ms, loss=loss, burst=burst,
                     **{k: repr(v) for k, v in figures(ms, loss, burst).items()})


if __name__ == "__main__":
    for ms, (idd, mos) in PUBLISHED.items():
        assert round(emodel.delay_impairment(ms), 2) == idd and round(emodel.mos(ms), 2) == mos, ms
    if sys.argv[1:] == ["--make"]:
        make()
    else:
        vectorfile.check_main(check, "tests/vectors/emodel.txt")
