/* tests/unit/sim/network.h - for unit tests: the network of sim/network.h with two clients, alice
 * and bob. */
#ifndef SMX_TEST_SIM_NETWORK_H
#define SMX_TEST_SIM_NETWORK_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <sodium.h>
#include <stdlib.h>
#include <string.h>

#include "client/core.h"
#include "sim/world.h"
#include "tests/support/networks.h"

enum { RELAYS = 9, CLIENTS = 2, EPOCH_S = 60, BATCH_S = 5 }; /* of smx_sim_network_preset */

static inline struct smx_sim_network *network_new(uint64_t seed)
{
    struct smx_sim_network *n = network_without_clients(seed);

    smx_sim_client_make(n, 0, 1, "alice", 2);
    smx_sim_client_make(n, 1, 2, "bob", 2);
    for (size_t i = 0; i < CLIENTS; i++)
        smx_sim_client_start(n, i);
    return n;
}

static inline void run_until_ready(struct smx_sim_network *n, unsigned ms)
{
    assert_true(run_to_ready(n, ms));
}

static inline struct smx_sim_network *ready_network(uint64_t seed)
{
    struct smx_sim_network *n = network_new(seed);

    run_until_ready(n, 60000);
    return n;
}

/* A call, and what became of it after so long. */
static inline struct smx_sim_call *call_for(struct smx_sim_network *n, size_t from, const char *to,
                                            unsigned ms)
{
    size_t at = n->user[from].call_count;

    (void)smx_sim_call_place(&n->user[from], smx_sim_target_name(to));
    smx_sim_run_for(n, ms);
    return &n->user[from].call[at];
}

/* Nothing passes between a client and anybody else. */
static inline void cut_client(struct smx_sim_network *n, const struct smx_sim_user *u, bool cut)
{
    for (uint32_t i = 0; i < RELAYS; i++) {
        smx_net_path(smx_world_net(n->world), i, u->node)->cut = cut;
        smx_net_path(smx_world_net(n->world), u->node, i)->cut = cut;
    }
}

#endif
