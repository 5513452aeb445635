/* sim/shrink.h - a failing plan made smaller: fewer faults, calls, clients and relays, a shorter time, as
 * long as it still fails.  Greedy, each part once, after Zeller and Hildebrandt, "Simplifying and isolating
 * failure-inducing input" (2002).  Pure: the caller runs plans (each in a process of its own, as a core may
 * break an assertion).
 *
 * A smaller plan counts only if the same checker complains first; else one failure would turn into
 * another. */
#ifndef SMX_SIM_SHRINK_H
#define SMX_SIM_SHRINK_H

#include "sim/swarm.h"

/* Runs a plan; the name of the checker that complained first, or NULL: it holds. */
typedef const char *(*smx_shrink_run)(void *arg, const struct smx_swarm_plan *plan);

/* *plan fails, by this checker.  It is as small as at most `tries` runs can make it afterwards; returns how
 * many were made. */
unsigned smx_shrink(struct smx_swarm_plan *plan, const char *by, unsigned tries, smx_shrink_run run,
                    void *arg);

/* What `sipmix-sim swarm` needs to be told, beside the seed, to run this plan again: "" when it is the seed's
 * own, else " --relays 6 --faults 0,3 ...". */
void smx_swarm_flags(const struct smx_swarm_plan *plan, char text[SMX_SWARM_TEXT]);
/* One of these flags, without the dashes, and its value.  False: there is no such flag, or value. */
bool smx_swarm_flag(struct smx_swarm_plan *plan, const char *name, const char *value);

#endif
