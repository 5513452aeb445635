#include "tests/support/networks.h"

#include "client/core.h"

#include <stdio.h>

struct smx_sim_network *network_without_clients(uint64_t seed)
{
    struct smx_sim_network_config config = smx_sim_network_preset(seed);

    return smx_sim_network_new(&config);
}

static void explain_client(const struct smx_sim_network *n, size_t i)
{
    const struct smx_client *c = n->user[i].client;

    printf("# client %zu: %s\n", i, smx_client_problem_text(c->problem));
#define X(name, text)                                                                                        \
    if (c->count.name)                                                                                       \
        printf("#   %s %llu\n", #name, (unsigned long long)c->count.name);
    SMX_CLIENT_COUNTERS(X)
#undef X
    for (size_t k = 0; k < c->circuit_count; k++)
        printf("#   circuit %zu: state %d, %zu hops\n", k, c->circuit[k].origin.state,
               c->circuit[k].origin.hop_count);
    for (size_t k = 0; k < c->slots; k++)
        printf("#   meeting %zu: state %d, cookie %d\n", k, c->meeting[k].state, c->meeting[k].cookie_ready);
    printf("#   name %d, published day %u, listening %d, upload %d\n", c->identity[0].name[0].state,
           c->identity[0].published_day, c->identity[0].listening, c->identity[0].upload[0].state);
}

void explain(const struct smx_sim_network *n)
{
    for (size_t i = 0; i < n->clients; i++)
        explain_client(n, i);
    for (size_t i = 0; i < n->relays; i++) {
        const struct smx_relay_counters *count;
        const struct smx_consensus *v;
        size_t place;

        if (!n->relay[i].core || !(v = smx_relay_current(n->relay[i].core)))
            continue;
        count = smx_relay_counters(n->relay[i].core);
        place = smx_consensus_find(v, n->relay[i].id);
        printf("# relay %zu: layer %d, %zu circuits\n", i,
               place == SMX_RELAY_NONE ? -1 : (int)v->relay[place].layer,
               smx_relay_circuits(n->relay[i].core));
#define X(name, text)                                                                                        \
    if (count->name)                                                                                         \
        printf("#   %s %llu\n", #name, (unsigned long long)count->name);
        SMX_RELAY_COUNTERS(X)
#undef X
    }
}

bool run_to_ready(struct smx_sim_network *n, unsigned ms)
{
    if (smx_sim_run_to_ready(n, ms))
        return true;
    explain(n);
    return false;
}

const char *const position_name[POSITIONS] = {"caller's guard", "caller's middle", "caller's end",
                                              "callee's end",   "callee's middle", "callee's guard"};

struct meeting *open_meeting(const struct smx_sim_user *u)
{
    for (size_t i = 0; i < u->client->slots; i++)
        if (u->client->meeting[i].state == MEETING_OPEN)
            return &u->client->meeting[i];
    return NULL;
}

size_t relay_at(const struct smx_sim_network *n, const struct smx_sim_user *caller,
                const struct smx_sim_user *callee, enum position p)
{
    static const uint8_t hop[POSITIONS] = {0, 1, END, END, 1, 0};
    const struct smx_sim_user *u = p <= CALLER_END ? caller : callee;
    const struct meeting *m = open_meeting(u);

    return m ? smx_sim_relay_number(n, u->client->circuit[m->slot].origin.path[hop[p]].id) : n->relays;
}
