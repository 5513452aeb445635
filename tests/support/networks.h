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

#endif
