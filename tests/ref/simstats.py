#!/usr/bin/python3
"""Independent reference for the simulator's statistics (sim/stats.h, sim/scores.h): by their definitions, sums with 40
digits, over all orders or pairs where they are few.  Slow, and shares no code with the C.
As a program: simstats.py --check tests/vectors/simstats.txt, or --make to print that file."""

import decimal
import itertools
import math
import random
import statistics
import sys
from decimal import Decimal
from fractions import Fraction

import vectorfile
from cell import emit

# R. Newcombe, Statistics in Medicine 17 (1998), table I: Wilson's and the exact interval, at 95 %; the last from
# R's binom.test, whose manual has Mendel's 682 of 925 against 3/4 (p = 0.3825)
NEWCOMBE = {(81, 263): ((0.2553, 0.3662), (0.2527, 0.3676)), (15, 148): ((0.0624, 0.1605), (0.0578, 0.1617)),
            (0, 20): ((0.0000, 0.1611), (0.0000, 0.1684)), (1, 29): ((0.0061, 0.1718), (0.0009, 0.1776)),
            (682, 925): (None, (0.7077, 0.7654))}

decimal.getcontext().prec = 40


def z_of(level):
    return statistics.NormalDist().inv_cdf((1 + level) / 2)


def all_of(n, p):
    """P(X = 0), ..., each from the one before."""
    if p in (0, 1):
        return [Decimal(int(i == n * p)) for i in range(n + 1)]
    every, odds = [(1 - p) ** n], p / (1 - p)
    for i in range(n):
        every.append(every[-1] * odds * (n - i) / (i + 1))
    return every


def more(k, n, p):
    return sum(all_of(n, p)[k:])


def below(k, n, p):
    return sum(all_of(n, p)[: k + 1])


def bisect(f, steps=45):
    """Where f, which is false and then true on 0..1, becomes true."""
    low, high = Decimal(0), Decimal(1)
    for _ in range(steps):
        middle = (low + high) / 2
        low, high = (low, middle) if f(middle) else (middle, high)
    return float(low)


def exact_interval(k, n, level):
    tail = (1 - Decimal(level)) / 2
    return (0.0 if k == 0 else bisect(lambda p: more(k, n, p) >= tail),
            1.0 if k == n else bisect(lambda p: below(k, n, p) <= tail))


def wilson(k, n, level):
    """The shares p whose distance to k/n is within z of p's own deviations: the roots of a square."""
    z2, share = z_of(level) ** 2, k / n
    a, b, c = 1 + z2 / n, -(2 * share + z2 / n), share**2
    root = math.sqrt(max(b * b - 4 * a * c, 0))
    return (0.0 if k == 0 else (-b - root) / (2 * a)), (1.0 if k == n else (-b + root) / (2 * a))


def share_figures(k, n, level, chance):
    every, tail = all_of(n, Decimal(chance)), (1 - Decimal(level)) / 2
    low = max(i for i in range(n + 1) if sum(every[:i]) <= tail)
    high = min(i for i in range(n + 1) if sum(every[i + 1 :]) <= tail)
    (wl, wh), (cl, ch) = wilson(k, n, level), exact_interval(k, n, level)
    return {"wilson_low": wl, "wilson_high": wh, "exact_low": cl, "exact_high": ch,
            "more": float(sum(every[k:])), "both": float(sum(p for p in every if p <= every[k] + every[k] / 10**20)),
            "range_low": low, "range_high": high}


def distance(a, b):
    """The greatest of the two distributions, times both lengths."""
    return max(abs(sum(x <= v for x in a) * len(b) - sum(x <= v for x in b) * len(a)) for v in set(a + b))


def ks_figures(a, b):
    """p over all ways to deal the values out."""
    everything, d, as_far, ways = a + b, distance(a, b), 0, 0
    for picked in itertools.combinations(range(len(everything)), len(a)):
        left = [everything[i] for i in picked]
        right = [everything[i] for i in range(len(everything)) if i not in picked]
        as_far += distance(left, right) >= d
        ways += 1
    return {"d": d / len(a) / len(b), "p": as_far / ways}


def auc_figures(hit, miss, level):
    """DeLong's interval from the placements; chance from all pairs' ranks."""
    won = lambda t, f: Fraction(1 if t > f else 0) + (Fraction(1, 2) if t == f else 0)
    of_true = [sum(won(t, f) for f in miss) / len(miss) for t in hit]
    of_false = [sum(won(t, f) for t in hit) / len(hit) for f in miss]
    auc = sum(of_true) / len(hit)
    half = z_of(level) * math.sqrt(statistics.variance(of_true) / len(hit) + statistics.variance(of_false) / len(miss))
    n, m, ties = len(hit), len(miss), 0
    for v in set(hit + miss):
        t = (hit + miss).count(v)
        ties += t**3 - t
    spread = z_of(level) * math.sqrt((n + m + 1 - Fraction(ties, (n + m) * (n + m - 1))) / (12 * n * m))
    return {"auc": float(auc), "low": max(0.0, float(auc) - half), "high": min(1.0, float(auc) + half),
            "chance_low": max(0.0, 0.5 - spread), "chance_high": min(1.0, 0.5 + spread)}


def numbers(rec, name):
    return [float(w) for w in rec.text(name).split()]


def figures(rec):
    if "k" in rec:
        return share_figures(rec.int("k"), rec.int("n"), float(rec.text("level")), float(rec.text("chance")))
    if "level" in rec:
        return auc_figures(numbers(rec, "a"), numbers(rec, "b"), float(rec.text("level")))
    return ks_figures(numbers(rec, "a"), numbers(rec, "b"))


def check(rec):
    for name, value in figures(rec).items():
        assert abs(float(rec.text(name)) - value) < 1e-9, name


def words(values):
    return " ".join(f"{v:g}" for v in values)


def shown(result):
    return {k: repr(v) for k, v in result.items()}


def make():
    print("# tests/vectors/simstats.txt - shares, two samples, ROC.  Made and checked by tests/ref/simstats.py, which shares no")
    print("# code with the C.  share: k of n against chance; ks: exact p of two samples; auc: a scores of true pairs, b of false.")
    for k, n, chance in ((81, 263, 0.3), (15, 148, 0.01), (0, 20, 0.05), (1, 29, 0.5), (138, 185, 0.75), (20, 20, 0.9),
                         (3, 400, 0.01), (1, 1, 0.25), (5, 10, 0.5)):
        for level in (0.95, 0.999):
            emit(f"share-{k}-{n}-{level}", k=k, n=n, level=level, chance=chance,
                 **shown(share_figures(k, n, level, chance)))
    rng = random.Random(4)
    for i, (n, m, places, shift) in enumerate(((3, 3, 100, 0), (5, 7, 100, 30), (6, 6, 4, 1), (7, 7, 1000, 400), (2, 9, 3, 0))):
        a = [rng.randrange(places) for _ in range(n)]
        b = [rng.randrange(places) + shift for _ in range(m)]
        emit(f"ks-{i}", a=words(a), b=words(b), **shown(ks_figures(a, b)))
    for i, (n, m, digits, shift) in enumerate(((10, 40, 3, 0), (12, 60, 1, 1.0), (5, 5, 3, -1), (30, 90, 2, 0.3))):
        a = [round(rng.gauss(shift, 1), digits) + 0.0 for _ in range(n)]
        b = [round(rng.gauss(0, 1), digits) + 0.0 for _ in range(m)]
        for level in (0.95, 0.999):
            emit(f"auc-{i}-{level}", a=words(a), b=words(b), level=level, **shown(auc_figures(a, b, level)))


if __name__ == "__main__":
    for (k, n), (published, exact) in NEWCOMBE.items():
        assert published is None or tuple(round(x, 4) for x in wilson(k, n, 0.95)) == published, (k, n)
        assert tuple(round(x, 4) for x in exact_interval(k, n, 0.95)) == exact, (k, n)
    assert round(share_figures(682, 925, 0.95, 0.75)["both"], 4) == 0.3825
    if sys.argv[1:] == ["--make"]:
        make()
    else:
        vectorfile.check_main(check, "tests/vectors/simstats.txt")
