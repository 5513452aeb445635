/* relay/clock.h - whose ticks a relay keeps to.  Source: docs/protocol/10-link.md, section 9.  Pure.
 *
 * Its own clock is no better than another's, and some neighbours may lie.  So it keeps to the median of each
 * adjacent layer, and to the mean of these medians.  By layers, because one median over all would let a layer
 * with many links among themselves (end relays) forget the smaller ones, and the network fall apart into
 * layers with paces of their own.  Each median counts for 2 ms at most, so that a layer that lies can't
 * outweigh another.  Whoever wants to move a relay's ticks needs half of its neighbours in a layer. */
#ifndef SMX_RELAY_CLOCK_H
#define SMX_RELAY_CLOCK_H

#include <stddef.h>
#include <stdint.h>

struct smx_drift { /* of one neighbour: smx_link_drift */
    uint8_t layer;
    int64_t ns;
};

/* How far the own clock is ahead of them all, within +- 2 ms; 0 when there is nobody.  Orders the array. */
int64_t smx_relay_clock_ahead(struct smx_drift *drift, size_t count);

#endif
