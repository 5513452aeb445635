#include "sim/swarm_parts.h"

#include "sim/view_client.h"

#include <string.h>

enum {
    TAG_EVERY_MS = 10,
    REORDER_BY_MS = 20,
    REPLAY_AFTER_MS = 1500,
    REPLAY_WITHIN_MS = 3000,
    LOST_IN_A_RUN = 10
};

static uint32_t nodes_of(const struct swarm *s)
{
    return (uint32_t)(s->n->relays + s->n->clients);
}

static const struct smx_swarm_fault *plan_of(const struct happening *h)
{
    return &h->swarm->plan->fault[h->at];
}

/* The common path, with all that lasts. */
static void set_path(struct swarm *s)
{
    struct smx_net_path *path = &smx_world_net(s->n->world)->common;

    *path = s->path;
    for (size_t i = 0; i < s->plan->fault_count; i++) {
        const struct smx_swarm_fault *f = &s->plan->fault[i];

        if (!s->fault[i].lasts)
            continue;
        if (f->kind == SMX_SWARM_LOSS && f->b % 2 == 0 && path->loss < f->amount)
            path->loss = f->amount;
        if (f->kind == SMX_SWARM_LOSS && f->b % 2 == 1) {
            path->burst_loss = f->amount;
            path->burst_run = LOST_IN_A_RUN;
        }
        if (f->kind == SMX_SWARM_JITTER && path->jitter < SMX_US(f->amount))
            path->jitter = SMX_US(f->amount);
        if (f->kind == SMX_SWARM_NOISE) {
            path->duplicate = path->corrupt = path->reorder = f->amount;
            path->reorder_by = SMX_MS(REORDER_BY_MS);
        }
    }
}

static void set_cut(struct swarm *s, uint32_t from, uint32_t to, bool cut)
{
    struct smx_net_path *path;

    if (!cut) {
        smx_net_heal(smx_world_net(s->n->world), from, to);
        return;
    }
    path = smx_net_path(smx_world_net(s->n->world), from, to);
    if (path)
        path->cut = true;
}

/* All has ended when the safety phase has. */
static uint32_t until_of(const struct smx_swarm_plan *p, const struct smx_swarm_fault *f)
{
    return f->from_ms + f->for_ms < p->safety_ms ? f->from_ms + f->for_ms : p->safety_ms;
}

static void cut(struct happening *h, bool on)
{
    const struct smx_swarm_fault *f = plan_of(h);
    uint32_t a = f->a % (uint32_t)h->swarm->n->relays, b = f->b % nodes_of(h->swarm);

    set_cut(h->swarm, b, a, on);
    if (f->amount == 1)
        set_cut(h->swarm, a, b, on);
}

/* False: it is dead already. */
static bool crash(struct happening *h, uint32_t relay)
{
    if (relay >= h->swarm->n->relays || !h->swarm->n->relay[relay].core)
        return false;
    h->who = relay;
    smx_sim_relay_kill(h->swarm->n, relay);
    return true;
}

/* What the network has put there for it; NULL: it is dead. */
static void *core_of(const struct swarm *s, uint32_t node)
{
    if (node >= s->n->relays)
        return s->n->user[node - s->n->relays].client;
    return s->n->relay[node].core ? &s->n->relay[node] : NULL;
}

static void stall(struct happening *h, bool on)
{
    struct swarm *s = h->swarm;
    const struct smx_swarm_fault *f = plan_of(h);
    smx_time until = smx_world_now(s->n->world) + SMX_MS(until_of(s->plan, f) - f->from_ms);

    if (f->b % 2 == 0)
        smx_world_set_core(s->n->world, h->who, on ? NULL : core_of(s, h->who));
    else if (on)
        smx_world_pause(s->n->world, h->who, until);
    smx_check_links_excuse(s->links, h->who);
}

static void tag_again(void *arg)
{
    struct happening *h = arg;
    const struct smx_swarm_fault *f = plan_of(h);
    struct smx_relay *r = h->swarm->n->relay[f->a % h->swarm->n->relays].core;

    if (!h->lasts)
        return;
    if (r)
        smx_swarm_tag(r, &h->swarm->rng, f->amount, f->kind == SMX_SWARM_SWALLOW);
    smx_world_at(h->swarm->n->world, smx_world_now(h->swarm->n->world) + SMX_MS(TAG_EVERY_MS), tag_again, h);
}

static uint32_t guard_of(const struct swarm *s, uint32_t client)
{
    const uint8_t *id = smx_view_client_guard(s->n->user[client].client);

    return id ? (uint32_t)smx_sim_relay_number(s->n, id) : UINT32_MAX;
}

/* False: it can't be now, or is over with that. */
static bool begins(struct happening *h)
{
    const struct smx_swarm_fault *f = plan_of(h);
    struct swarm *s = h->swarm;
    uint32_t client = f->a % (uint32_t)s->n->clients;

    switch (f->kind) {
    case SMX_SWARM_LOSS:
    case SMX_SWARM_NOISE:
    case SMX_SWARM_JITTER:
    case SMX_SWARM_REPLAY:
    case SMX_SWARM_HOLD:
        return true;
    case SMX_SWARM_CUT:
        cut(h, true);
        return true;
    case SMX_SWARM_CRASH:
        return crash(h, f->a % (uint32_t)s->n->relays);
    case SMX_SWARM_GUARD:
        return crash(h, guard_of(s, client));
    case SMX_SWARM_STALL:
        h->who = f->a % nodes_of(s);
        stall(h, true);
        return true;
    case SMX_SWARM_CLOCK:
        smx_world_set_rate(s->n->world, f->a % nodes_of(s), ((int32_t)f->amount - 100) * 1000);
        return false;
    case SMX_SWARM_MOVE:
        smx_swarm_address(s, client);
        return false;
    case SMX_SWARM_RESTART:
        smx_sim_client_restart(s->n, client);
        return false;
    case SMX_SWARM_DIRECTORY:
        s->n->directory_down = true;
        return true;
    case SMX_SWARM_TAG:
    case SMX_SWARM_SWALLOW:
        h->lasts = true;
        tag_again(h);
        return true;
    case SMX_SWARM_KINDS:
        break;
    }
    return false;
}

static void ends(struct happening *h)
{
    struct swarm *s = h->swarm;

    switch (plan_of(h)->kind) {
    case SMX_SWARM_CUT:
        cut(h, false);
        break;
    case SMX_SWARM_CRASH:
    case SMX_SWARM_GUARD:
        smx_sim_relay_revive(s->n, h->who);
        break;
    case SMX_SWARM_STALL:
        stall(h, false);
        break;
    case SMX_SWARM_DIRECTORY:
        s->n->directory_down = false;
        break;
    case SMX_SWARM_LOSS:
    case SMX_SWARM_NOISE:
    case SMX_SWARM_JITTER:
    case SMX_SWARM_CLOCK:
    case SMX_SWARM_MOVE:
    case SMX_SWARM_RESTART:
    case SMX_SWARM_REPLAY:
    case SMX_SWARM_HOLD:
    case SMX_SWARM_TAG:
    case SMX_SWARM_SWALLOW:
    case SMX_SWARM_KINDS:
        break;
    }
}

static void begin(void *arg)
{
    struct happening *h = arg;

    h->lasts = begins(h);
    smx_swarm_tell(h->swarm, "%s begins, of node or client %u", smx_swarm_fault_name[plan_of(h)->kind],
                   h->lasts ? h->who : plan_of(h)->a);
    set_path(h->swarm);
}

static void end(void *arg)
{
    struct happening *h = arg;

    if (!h->lasts)
        return;
    h->lasts = false;
    ends(h);
    smx_swarm_tell(h->swarm, "%s ends", smx_swarm_fault_name[plan_of(h)->kind]);
    set_path(h->swarm);
}

void smx_swarm_faults_plan(struct swarm *s)
{
    smx_time now = smx_world_now(s->n->world);

    for (size_t i = 0; i < s->plan->fault_count; i++) {
        const struct smx_swarm_fault *f = &s->plan->fault[i];
        uint32_t until = until_of(s->plan, f);

        s->fault[i] = (struct happening){.swarm = s, .at = i};
        if (f->off || f->from_ms >= s->plan->safety_ms)
            continue;
        smx_world_at(s->n->world, now + SMX_MS(f->from_ms), begin, &s->fault[i]);
        if (!f->lasts)
            smx_world_at(s->n->world, now + SMX_MS(until), end, &s->fault[i]);
    }
}

/* ---- somebody on the way ---- */

/* It comes after the true one: one that overtakes it would be accepted, and count as the path's delay. */
static void replay(struct swarm *s, smx_time now, uint32_t one_in)
{
    struct record *r = &s->record[smx_rng_below(&s->rng, RECORDED)];
    smx_time at = now + smx_rng_u64(&s->rng) % SMX_MS(REPLAY_WITHIN_MS);
    smx_time soonest = r->at + SMX_MS(REPLAY_AFTER_MS);
    uint8_t bytes[RECORD_MAX];

    if (smx_rng_below(&s->rng, one_in) > 0 || r->len == 0)
        return;
    memcpy(bytes, r->bytes, r->len);
    if (smx_rng_below(&s->rng, 3) == 0)
        bytes[smx_rng_below(&s->rng, (uint32_t)r->len)] ^= (uint8_t)(1U << smx_rng_below(&s->rng, 8));
    smx_world_inject(s->n->world, at > soonest ? at : soonest, r->from,
                     smx_rng_below(&s->rng, 8) == 0 ? smx_rng_below(&s->rng, nodes_of(s)) : r->to, bytes,
                     r->len);
}

static void record(struct swarm *s, smx_time now, uint32_t from, uint32_t to, const uint8_t *bytes,
                   size_t len)
{
    struct record *r = &s->record[s->recorded++ % RECORDED];

    r->at = now;
    r->from = from;
    r->to = to;
    r->len = len < RECORD_MAX ? len : RECORD_MAX;
    memcpy(r->bytes, bytes, r->len);
}

void smx_swarm_on_the_way(struct swarm *s, smx_time now, uint32_t from, uint32_t to, const uint8_t *bytes,
                          size_t len, smx_time *delay)
{
    for (size_t i = 0; i < s->plan->fault_count; i++) {
        const struct smx_swarm_fault *f = &s->plan->fault[i];

        if (!s->fault[i].lasts)
            continue;
        if (f->kind == SMX_SWARM_REPLAY) {
            if (smx_rng_below(&s->rng, 16) == 0)
                record(s, now, from, to, bytes, len);
            replay(s, now, f->amount);
        }
        if (f->kind == SMX_SWARM_HOLD && from == f->a % nodes_of(s))
            *delay += smx_rng_below(&s->rng, f->amount) * SMX_US(1);
    }
}
