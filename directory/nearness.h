/* directory/nearness.h - how often relays are drawn: middles and ends the more, the nearer they stand to the
 * others, so that paths are short.  It never depends on where a client is.
 * Source: docs/protocol/60-directory.md, section 6; docs/threat-model.md says what a liar gains.  Pure. */
#ifndef SMX_DIRECTORY_NEARNESS_H
#define SMX_DIRECTORY_NEARNESS_H

#include "proto/doc/consensus.h"

enum {
    SMX_WEIGHT = 1000,    /* of an ordinary relay, and the mean of each layer */
    SMX_WEIGHT_TIMES = 2, /* no relay weighs more than so many times that */
    SMX_NEARNESS_HOP =
        20, /* ms, there and back, that a hop costs beside its way: waiting for ticks, margins */
    SMX_NEARNESS_FAR = 1000 /* ms: a round trip that is longer, or that a neighbour doesn't have, counts so */
};

/* Sets the weight of each relay of c from the round trips that its neighbours report; desc[i] is the
 * descriptor of relay i; layers have been counted.  SMX_E_MEMORY. */
enum smx_err smx_nearness_fill(struct smx_consensus *c,
                               const struct smx_relaydesc *const *desc) SMX_MUST_CHECK;

/* The weights of one layer's relays: far[i] is how far relay i is from the others, ms, 1 to SMX_NEARNESS_FAR;
 * 0: not known.  SMX_E_MEMORY. */
enum smx_err smx_nearness_weights(uint32_t *weight, const uint32_t *far, size_t count,
                                  uint32_t strength) SMX_MUST_CHECK;

#endif
