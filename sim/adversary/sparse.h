/* sim/adversary/sparse.h - few circuits: what is left to hide in at an honest middle between a corrupt guard
 * and a corrupt end, and how many circuits a relay needs (the network parameter floor_circuits).
 *
 * Views of circuits on both sides of a middle are matched by what cells don't hide: the period (a slot's, or
 * a listening or errand circuit's) and the tick class, as a middle sends a cell on in the first tick after it
 * has surely come.  What is left is the anonymity set, looked for in two directions: onward    a user's
 * circuit at the guard: which of the views at ends is it?  All that fit, idle clients' too back      a
 * circuit at an end that carries a call: whose is it?  Idle clients (relay/idle.c) make no calls, and guards
 * know them by their addresses, so only users' circuits fit An isolating attacker starves a relay (nobody but
 * the target is left, and idle clients come) or fills it with clients of his own, which he knows (and idle
 * clients go).
 *
 * Real cores; when circuits were built is left aside here (sim/adversary/build.h). */
#ifndef SMX_SIM_ADVERSARY_SPARSE_H
#define SMX_SIM_ADVERSARY_SPARSE_H

#include "sim/adversary/attack.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { SMX_SPARSE_VIEWS = 512 };

struct smx_sparse_config {
    uint64_t seed;
    size_t users;  /* honest */
    size_t others; /* clients of the attacker */
    uint32_t floor_circuits;
    unsigned settle_s;
};

struct smx_sparse_view { /* one circuit of a user, at its middle */
    bool slot;
    size_t circuits;     /* through that middle, all */
    size_t onward, back; /* candidates, the true one among them */
    bool fits;           /* the true one is */
};

struct smx_sparse_tally {
    bool ready;
    size_t views;
    struct smx_sparse_view view[SMX_SPARSE_VIEWS];
    double circuits; /* of a middle, mean */
    double idle;     /* clients of relays, all */
};

void smx_sparse_run(struct smx_sparse_tally *t, const struct smx_sparse_config *config);

/* Bits that hide a slot, or a listening or errand circuit, at a middle with so many circuits of ordinary
 * clients (two slots, one identity), by period and class alone; and the number of circuits that it takes. */
double smx_sparse_bits(double circuits, bool slot);
double smx_sparse_floor(double bits, bool slot);

extern const struct smx_attack smx_attack_sparse;

#endif
