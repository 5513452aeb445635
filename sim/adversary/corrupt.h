/* sim/adversary/corrupt.h - a share of all relays belongs to one adversary: which calls fall to him?
 *
 * A call from A to B touches ten places: guard, middle and end of both slots, and middle and end of A's
 * errand circuit and of B's listening circuit.  It falls when A's guard and B's guard, who know the
 * addresses, are both corrupt and what they see can be tied together, piece by piece, by the means below.
 * Which sets of places are enough comes out of a search over these ties.  How often real clients choose such
 * a set is counted over their path choices (sim/adversary/choice.h), and compared with the bound for places
 * chosen independently, by weight.
 *
 * Pure; no packets.  The ties that need proof from real cores have it in sim/adversary/build.h (BUILD) and
 * tests/unit/sim/adversary/test_mute.c (MUTE). */
#ifndef SMX_SIM_ADVERSARY_CORRUPT_H
#define SMX_SIM_ADVERSARY_CORRUPT_H

#include "proto/base/rng.h"
#include "sim/adversary/attack.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* ---- sets ---- */

enum smx_corrupt_place {
    SMX_PLACE_GUARD_A,
    SMX_PLACE_MIDDLE_A,
    SMX_PLACE_END_A, /* the rendezvous */
    SMX_PLACE_END_B,
    SMX_PLACE_MIDDLE_B,
    SMX_PLACE_GUARD_B,
    SMX_PLACE_ERRAND_MIDDLE, /* of A */
    SMX_PLACE_ERRAND_END,
    SMX_PLACE_LISTEN_MIDDLE, /* of B */
    SMX_PLACE_LISTEN_END,    /* the introduction relay */
    SMX_PLACES
};

/* By what two corrupt relays tie what they see together. */
enum smx_corrupt_means {
    SMX_MEANS_CELLS = 1, /* neighbours on a circuit: its number on their link.  Always there */
    SMX_MEANS_BUILD = 2, /* one honest relay between: the circuit was built through it seconds apart */
    SMX_MEANS_TIMES = 4, /* introduction and join of one call come at one time */
    SMX_MEANS_MUTE = 8,  /* cells made noise at one relay bring a question, or a new circuit, that the other
                            sees; costs half a second of speech at the most */
    SMX_MEANS_END = 16,  /* a direction is muted until the call ends, and the other sees its pieces freed */
};
enum { SMX_MEANS_LEVELS = 5 }; /* CELLS; CELLS and BUILD; and so on to all */

/* places: bit i is enum smx_corrupt_place i. */
bool smx_corrupt_suffices(unsigned places, unsigned means);
/* Sets that are enough while no part of them is; by number of places, then value.  Returns how many. */
enum { SMX_CORRUPT_SETS = 64 };
size_t smx_corrupt_minimal(unsigned means, unsigned set[SMX_CORRUPT_SETS]);
/* Probability that a sufficient set is corrupt when each place is so by itself, with its layer's share. */
double smx_corrupt_bound(unsigned means, const double share[3]);

/* ---- how many calls fall ---- */

struct smx_corrupt_config {
    size_t each;          /* relays of a layer */
    double share;         /* of each layer's weight that is corrupt, about */
    size_t pairs;         /* of users who call each other */
    unsigned days, calls; /* calls of a pair in a day */
    uint32_t epoch_s;
    bool forget; /* control: guards and middles are drawn anew for each call */
};

enum { SMX_CORRUPT_DAYS = 64 };

struct smx_corrupt_tally {
    double got[3]; /* share of each layer's weight, as reached */
    size_t pairs, calls;
    size_t fell[SMX_MEANS_LEVELS];                      /* calls */
    size_t exposed[SMX_MEANS_LEVELS][SMX_CORRUPT_DAYS]; /* pairs of which a call has fallen by this day */
};

void smx_corrupt_count(struct smx_corrupt_tally *t, const struct smx_corrupt_config *config,
                       struct smx_rng *rng);

extern const struct smx_attack smx_attack_corrupt;

#endif
