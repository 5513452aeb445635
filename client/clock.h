/* client/clock.h - a client's ticks keep to its guard's.  Source: docs/protocol/10-link.md, section 9.
 *
 * The guard fits this client's cells to timetables of its own, so it is the guard's pace that counts, right
 * or wrong; the clock follows it within its bounds (proto/link/clock.h).  A new guard, or the old one after a
 * restart, is met anew: what lay between the two clocks then is what stays.  Pure. */
#ifndef SMX_CLIENT_CLOCK_H
#define SMX_CLIENT_CLOCK_H

#include "proto/link/link.h"

/* Steers the clock when that is due; link is the one to the guard, or SMX_LINK_NONE.  True when it was at the
 * bound of its rate. */
bool smx_client_clock_follow(struct smx_clock *clock, const struct smx_endpoint *ep, uint32_t link,
                             smx_time now);

#endif
