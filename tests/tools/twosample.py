"""Whether two lots of figures come from the same source: a permutation test, exact up to its own number of shuffles."""

import bisect

SHUFFLES = 4999
LEVEL = 0.01  # below, they are told apart with 99 % certainty


def distance(one, other):
    """Kolmogorov and Smirnov's: the largest difference of the two shares that lie at or below some value."""
    one, other = sorted(one), sorted(other)
    return max(abs(bisect.bisect_right(one, v) / len(one) - bisect.bisect_right(other, v) / len(other)) for v in one + other)


def chance(one, other, rng):
    """The share of random divisions of all figures into two such lots that are at least as far apart."""
    seen, together = distance(one, other), [*one, *other]
    as_far = 0
    for _ in range(SHUFFLES):
        rng.shuffle(together)
        as_far += distance(together[: len(one)], together[len(one) :]) >= seen - 1e-12
    return round((as_far + 1) / (SHUFFLES + 1), 4)
