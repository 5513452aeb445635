#!/usr/bin/python3
"""Independent reference for timetables and ticks: docs/protocol/30-circuit.md, section 3.
As a program: timetable.py --check tests/vectors/timetable.txt, or --make to print that file."""

import sys

import vectorfile
from cell import emit


def departures(tick0, number0, period):
    """Number and tick of every cell, one after the other: the definition."""
    while True:
        yield number0, tick0
        number0, tick0 = number0 + 1, tick0 + period


def number_at(tick0, number0, period, tick):
    """The last number whose tick has come."""
    return number0 - 1 if tick < tick0 else number0 + (tick - tick0) // period


def unwrap(low, newest):
    """The tick nearest to newest whose low half is low (the earlier of two that are equally near)."""
    at = newest - newest % 2**32 + low
    return min((at - 2**32, at, at + 2**32), key=lambda t: (abs(t - newest), t)) % 2**64


def check(rec):
    if "newest" in rec:
        assert unwrap(rec.int("low"), rec.int("newest")) == rec.int("tick")
        return
    timetable = rec.int("tick0"), rec.int("number0"), rec.int("period")
    number, tick = rec.int("number"), rec.int("tick")
    assert number_at(*timetable, tick) == number
    if tick - rec.int("tick0") < 10000:  # near enough to walk there
        due = False
        for n, t in departures(*timetable):
            if t > tick:
                break
            due = t == tick
        assert due == bool(rec.int("due")) and n - 1 == number
    if rec.int("due"):
        assert rec.int("tick0") + (number - rec.int("number0")) * rec.int("period") == tick


def make():
    print("# tests/vectors/timetable.txt - docs/protocol/30-circuit.md, section 3.  Made and checked by tests/ref/timetable.py,")
    print("# which shares no code with the C.  number: the last one whose tick is not after tick; due: its tick is this one.")
    for period in (1, 2, 4, 16):
        for tick0 in (0, 7, 2**40):
            number0 = 2**32 + 1000 * period
            for after in (-7, -1, 0, 1, 2, 3, 4, 5, 63, 64, 9999, 10**12):
                tick = tick0 + after
                if tick < 0:
                    continue
                due = int(after >= 0 and after % period == 0)
                emit(f"p{period}-t{tick0}-{after}", tick0=tick0, number0=number0, period=period, tick=tick,
                     number=number_at(tick0, number0, period, tick), due=due)
    for newest in (2**32 + 5, 2**40 - 1, 2**40, 3 * 2**32 + 2**31):
        for ahead in (0, 1, -1, 100, -100, 2**31 - 1, -(2**31)):
            low = (newest + ahead) % 2**32
            emit(f"unwrap-{newest:x}-{ahead}", newest=newest, low=low, tick=unwrap(low, newest))
    emit("unwrap-before-the-first", newest=0, low=0, tick=0)
    emit("unwrap-first", newest=0, low=9, tick=9)
    emit("unwrap-nonsense", newest=5, low=2**32 - 1, tick=2**64 - 1)


if __name__ == "__main__":
    if sys.argv[1:] == ["--make"]:
        make()
    else:
        vectorfile.check_main(check, "tests/vectors/timetable.txt")
