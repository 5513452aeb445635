/* tests/support/networks.h - what tests add to sim/network.h: a plain network, and words for who reads a
 * failed test. */
#ifndef SMX_TEST_NETWORKS_H
#define SMX_TEST_NETWORKS_H

#include "sim/network.h"

/* The preset one. */
struct smx_sim_network *network_without_clients(uint64_t seed);
/* smx_sim_run_to_ready; false, and it explains: they are not ready even then. */
bool run_to_ready(struct smx_sim_network *n, unsigned ms);
/* What the cores counted. */
void explain(const struct smx_sim_network *n);

/* ---- the way of a call ---- */

enum position { CALLER_GUARD, CALLER_MIDDLE, CALLER_END, CALLEE_END, CALLEE_MIDDLE, CALLEE_GUARD, POSITIONS };
extern const char *const position_name[POSITIONS];
/* The user's first pipe that stands; NULL: there is none. */
struct meeting *open_meeting(const struct smx_sim_user *u);
/* The relay there, of the slots that carry the call now; n->relays: the call is over. */
size_t relay_at(const struct smx_sim_network *n, const struct smx_sim_user *caller,
                const struct smx_sim_user *callee, enum position p);

#endif
