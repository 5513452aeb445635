/* sim/adversary/build.h - guard and end of one circuit are corrupt, the middle is honest: do they know each
 * other's view of it by when it was built?
 *
 * A circuit reaches its end a random time after the guard was asked to lengthen it (client/circuits.c waits
 * before each EXTEND, a second in the mean when it renews).  Circuits are renewed once an epoch, so through
 * one middle few are built within such a time, and the end takes the guard's latest as the one.  That is a
 * means to tie views together that needs no cells (SMX_MEANS_BUILD, sim/adversary/corrupt.h).
 *
 * The guard sees more: when the new circuit stands, its owner leaves the old one at once, so the old one
 * falls silent there a way back after the new one has come to its end.
 *
 * Once with real cores, once as a model of times alone, which says what other waits would do if the old
 * circuit went on for as long again. */
#ifndef SMX_SIM_ADVERSARY_BUILD_H
#define SMX_SIM_ADVERSARY_BUILD_H

#include "proto/base/rng.h"
#include "proto/base/time.h"
#include "sim/adversary/attack.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { SMX_BUILD_TRIALS = 4096 };

struct smx_build_one {
    size_t stand;  /* circuits of guards through the middle: who it could have been, without times */
    double weight; /* that the times give the true one, of 1 */
    double bits;   /* entropy of what they leave */
    bool right;    /* the likeliest one by its wait is the true one; */
    bool taken;    /* by when the old circuit fell silent (real cores only); */
    bool both;     /* by both */
};

struct smx_build_tally {
    bool ready;
    size_t trials; /* circuits that came to their end */
    struct smx_build_one one[SMX_BUILD_TRIALS];
    double rate; /* circuits built through a middle, a second */
};

/* Real cores: nine relays, so many clients, all guards and ends corrupt. */
struct smx_build_config {
    uint64_t seed;
    size_t clients;
    uint32_t epoch_s;
    unsigned seconds; /* that are watched */
};
void smx_build_run(struct smx_build_tally *t, const struct smx_build_config *config);

/* Times alone: so many circuits through one middle, each renewed once an epoch, with a wait of this mean. */
struct smx_build_model {
    size_t circuits;
    uint32_t epoch_s;
    double wait_s;
    size_t trials;
};
void smx_build_imagine(struct smx_build_tally *t, const struct smx_build_model *model, struct smx_rng *rng);

extern const struct smx_attack smx_attack_build;

#endif
