#include "sim/adversary/mouth.h"

#include <stdlib.h>
#include <string.h>

struct mouth {
    struct smx_mouths *all;
    size_t client;
    const struct smx_sim_follower *before; /* as it was */
    struct smx_sim_follower follower;      /* as it is */
    size_t asked;                          /* bins that were */
    bool says;
    uint8_t *said;
};

struct smx_mouths {
    struct smx_sim *sim;
    smx_time opened;
    size_t bins, clients;
    smx_mouth_says says;
    void *arg;
    struct mouth *mouth;
};

static void *must(void *p)
{
    if (!p)
        abort();
    return p;
}

static unsigned incoming(void *arg, struct smx_sim_user *u, const struct smx_sim_call *c)
{
    struct mouth *m = arg;

    return m->before && m->before->incoming ? m->before->incoming(m->before->arg, u, c) : 0;
}

static void call(void *arg, struct smx_sim_user *u, const struct smx_sim_call *c)
{
    struct mouth *m = arg;

    if (m->before && m->before->call)
        m->before->call(m->before->arg, u, c);
}

static void put(void *arg, struct smx_sim_user *u, const struct smx_sim_call *c,
                const struct smx_frame *frame)
{
    struct mouth *m = arg;

    if (m->before && m->before->put)
        m->before->put(m->before->arg, u, c, frame);
}

/* Whoever speaks into it is asked in any case: his clock runs on. */
static bool take(void *arg, struct smx_sim_user *u, const struct smx_sim_call *c, struct smx_frame *frame)
{
    struct mouth *m = arg;
    size_t bin = (size_t)((smx_sim_now(m->all->sim) - m->all->opened) / SMX_MS(SMX_MOUTH_MS));
    bool have = true;

    if (m->before && m->before->take)
        have = m->before->take(m->before->arg, u, c, frame);
    if (m->all->says && bin < m->all->bins) {
        for (; m->asked <= bin; m->asked++)
            m->says = m->all->says(m->all->arg, m->client, m->asked);
        if (m->says && !have) { /* it says more than was given to it: a frame of its own, without meaning */
            frame->codec = SMX_FRAME_PCMU;
            memset(frame->payload, 0xff, sizeof frame->payload);
        }
        have = m->says;
    }
    if (have && bin < m->all->bins)
        m->said[bin] = 1;
    return have;
}

struct smx_mouths *smx_mouths_open(struct smx_sim *sim, smx_mouth_says says, void *arg)
{
    struct smx_sim_network *n = smx_sim_network(sim);
    struct smx_mouths *all = must(calloc(1, sizeof *all));

    all->sim = sim;
    all->opened = smx_sim_now(sim);
    all->bins = (size_t)((smx_sim_ends(sim) - all->opened) / SMX_MS(SMX_MOUTH_MS));
    all->clients = n->clients;
    all->says = says;
    all->arg = arg;
    all->mouth = must(calloc(n->clients + 1, sizeof *all->mouth));
    for (size_t i = 0; i < n->clients; i++) {
        struct mouth *m = &all->mouth[i];

        m->all = all;
        m->client = i;
        m->said = must(calloc(all->bins + 1, 1));
        m->before = n->user[i].follower;
        m->follower = (struct smx_sim_follower){m, incoming, call, take, put};
        n->user[i].follower = &m->follower;
    }
    return all;
}

void smx_mouths_close(struct smx_mouths *all)
{
    struct smx_sim_network *n = smx_sim_network(all->sim);

    for (size_t i = 0; i < all->clients; i++)
        n->user[i].follower = all->mouth[i].before;
}

void smx_mouths_free(struct smx_mouths *all)
{
    for (size_t i = 0; i < all->clients; i++)
        free(all->mouth[i].said);
    free(all->mouth);
    free(all);
}

size_t smx_mouth_bins(const struct smx_mouths *all)
{
    return all->bins;
}

const uint8_t *smx_mouth(const struct smx_mouths *all, size_t client)
{
    return all->mouth[client].said;
}
