/* sim/adversary/discover.h - finding somebody's middle and guard by breaking calls with him.
 *
 * The adversary calls a user again and again over a rendezvous of his own, and owns a share of all relays
 * besides.  When he makes noise of a call, the user's circuit dies and is built anew, over another middle of
 * the user's set and another end; sooner or later relays of his stand in it.  How soon is bounded by how
 * often circuits are rebuilt (three times an epoch, client/circuits.c) and by the set of middles that
 * persists.
 *
 * Paths are drawn by real client cores (sim/adversary/choice.h); the rest is a model of times: pure, no
 * packets. */
#ifndef SMX_SIM_ADVERSARY_DISCOVER_H
#define SMX_SIM_ADVERSARY_DISCOVER_H

#include "proto/base/rng.h"
#include "sim/adversary/attack.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum smx_discover_what {
    SMX_DISCOVER_MIDDLE, /* a corrupt end stood in the circuit: it knows the middle */
    SMX_DISCOVER_CHAIN,  /* corrupt middle and end: they know the guard by the cells alone */
    SMX_DISCOVER_GUARD,  /* a corrupt middle: it knows the guard, and that the circuit is this user's by a
                            question that noise brings to the rendezvous (SMX_MEANS_MUTE) */
    SMX_DISCOVERIES
};

struct smx_discover_config {
    size_t each;   /* relays of a layer */
    double share;  /* of each layer's weight that is corrupt, about */
    size_t users;  /* attacked, each by himself */
    unsigned days; /* then he gives up */
    uint32_t epoch_s;
    bool breaks;    /* false: he calls once an epoch, breaks nothing, and waits for renewals */
    bool unbounded; /* control: what dies is always rebuilt */
};

enum { SMX_DISCOVER_USERS = 1024 };

struct smx_discover_one { /* until found: hours, and calls broken; the last of them found it */
    double hours;
    unsigned broken;
};

struct smx_discover_tally {
    size_t users, guards;          /* guards: users whose guard is corrupt, and so found at once */
    size_t found[SMX_DISCOVERIES]; /* in time */
    struct smx_discover_one one[SMX_DISCOVERIES][SMX_DISCOVER_USERS]; /* of those found, by hours */
};

void smx_discover_count(struct smx_discover_tally *t, const struct smx_discover_config *config,
                        struct smx_rng *rng);

extern const struct smx_attack smx_attack_discover;

#endif
