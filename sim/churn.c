#include "sim/churn.h"

#include <stdlib.h>

enum { GOODBYE_MS = 1000 }; /* between hanging up and going off line */

struct smx_churn {
    const struct smx_scenario *scenario;
    struct smx_sim_network *n;
    struct smx_calls *calls;
    struct smx_agenda *agenda;
    struct smx_rng rng;
    bool *goes;      /* this client comes and goes */
    smx_time *since; /* it is on line; SMX_NEVER: it isn't */
    smx_time begun;
    double online_ns; /* of times that are over */
    uint64_t comings;
};

static smx_time now_of(const struct smx_churn *c)
{
    return smx_world_now(c->n->world);
}

static void later(struct smx_churn *c, smx_time mean, void (*fn)(void *arg, uint64_t number), size_t client)
{
    smx_agenda_at(c->agenda, now_of(c) + 1 + smx_rng_exp(&c->rng, mean), fn, c, client);
}

static void comes(void *arg, uint64_t client);

static void sleeps(void *arg, uint64_t client)
{
    struct smx_churn *c = arg;

    smx_sim_client_sleep(c->n, client);
    c->online_ns += (double)(now_of(c) - c->since[client]);
    c->since[client] = SMX_NEVER;
    c->n->user[client].ready = false;
    later(c, c->scenario->churn.off, comes, client);
}

static void goes(void *arg, uint64_t client)
{
    struct smx_churn *c = arg;

    smx_calls_leave(c->calls, client);
    smx_agenda_at(c->agenda, now_of(c) + SMX_MS(GOODBYE_MS), sleeps, c, client);
}

static void comes(void *arg, uint64_t client)
{
    struct smx_churn *c = arg;

    smx_sim_client_start(c->n, client);
    c->since[client] = now_of(c);
    c->comings++;
    smx_calls_back(c->calls, client);
    later(c, c->scenario->churn.on, goes, client);
}

static void rebinds(void *arg, uint64_t client)
{
    struct smx_churn *c = arg;

    smx_sim_client_move(c->n, client);
    later(c, c->scenario->net.rebind_every, rebinds, client);
}

struct smx_churn *smx_churn_new(const struct smx_scenario *s, struct smx_sim_network *n,
                                struct smx_calls *calls, struct smx_agenda *agenda, struct smx_rng *rng)
{
    struct smx_churn *c = calloc(1, sizeof *c);

    SMX_SIM_MUST(c);
    c->scenario = s;
    c->n = n;
    c->calls = calls;
    c->agenda = agenda;
    smx_rng_fork(&c->rng, rng);
    c->goes = calloc(n->clients, sizeof *c->goes);
    c->since = calloc(n->clients, sizeof *c->since);
    SMX_SIM_MUST(c->goes && c->since);
    for (size_t i = 0; i < n->clients; i++)
        c->goes[i] = smx_rng_below(&c->rng, SMX_MILLION) < s->churn.share;
    return c;
}

void smx_churn_free(struct smx_churn *c)
{
    if (!c)
        return;
    smx_rng_fini(&c->rng);
    free(c->goes);
    free(c->since);
    free(c);
}

void smx_churn_begin(struct smx_churn *c)
{
    double on = (double)c->scenario->churn.on, off = (double)c->scenario->churn.off;

    c->begun = now_of(c);
    for (size_t i = 0; i < c->n->clients; i++) {
        c->since[i] = c->begun;
        if (c->goes[i] && smx_rng_u32(&c->rng) / 4294967296.0 < on / (on + off))
            later(c, c->scenario->churn.on, goes, i);
        else if (c->goes[i])
            goes(c, i);
        if (c->scenario->net.rebind_every > 0)
            later(c, c->scenario->net.rebind_every, rebinds, i);
    }
}

size_t smx_churn_always_on(const struct smx_churn *c)
{
    size_t count = 0;

    for (size_t i = 0; i < c->n->clients; i++)
        count += !c->goes[i];
    return count;
}

void smx_churn_rates(const struct smx_churn *c, struct smx_presence_rates *r)
{
    r->clients = c->n->clients;
    r->time = now_of(c) - c->begun;
    r->comings = c->comings;
    r->online_ns = c->online_ns;
    for (size_t i = 0; i < c->n->clients; i++)
        r->online_ns += c->since[i] == SMX_NEVER ? 0 : (double)(now_of(c) - c->since[i]);
}
