#include "sim/adversary/eye.h"

#include "relay/core.h"

#include <stdlib.h>
#include <string.h>

enum { US = 1000, FIND_MS = 1000, LEAP_MS = 1000 };
_Static_assert(RING == 4, "as in struct smx_eye_view");

void smx_eye_open(struct smx_eye *e, struct smx_sim *sim, uint32_t node)
{
    memset(e, 0, sizeof *e);
    e->sim = sim;
    e->node = node;
    e->opened = smx_sim_now(sim);
}

void smx_eye_close(struct smx_eye *e)
{
    for (size_t i = 0; i < SMX_EYE_CIRCUITS; i++)
        free(e->view[i].cell);
    memset(e, 0, sizeof *e);
}

/* ---- which circuits ---- */

static const struct circuit *circuit_of(const struct smx_eye *e, const struct smx_eye_view *v)
{
    const struct smx_relay *r = smx_sim_network(e->sim)->relay[v->relay].core;
    const struct circuit *c = r ? &r->circuit[v->circuit] : NULL;

    return c && c->used && c->generation == v->generation && c->bwd.link != NONE ? c : NULL;
}

static bool is_known(const struct smx_eye *e, uint32_t relay, uint32_t circuit, uint16_t generation)
{
    for (size_t i = 0; i < SMX_EYE_CIRCUITS; i++)
        if (e->view[i].used && e->view[i].relay == relay && e->view[i].circuit == circuit &&
            e->view[i].generation == generation)
            return true;
    return false;
}

static void add_view(struct smx_eye *e, uint32_t relay, uint32_t circuit, uint16_t generation)
{
    for (size_t i = 0; i < SMX_EYE_CIRCUITS; i++) {
        struct smx_eye_view *v = &e->view[i];

        if (v->used && circuit_of(e, v))
            continue;
        v->relay = relay;
        v->circuit = circuit;
        v->generation = generation;
        v->used = true;
        v->first = 0;
        memcpy(v->known, smx_sim_network(e->sim)->relay[relay].core->circuit[circuit].bwd.number,
               sizeof v->known);
        return;
    }
}

static void find_at(struct smx_eye *e, uint32_t relay, const struct smx_relay *r)
{
    const struct smx_addr *addr = smx_world_addr(smx_sim_network(e->sim)->world, e->node);

    for (uint32_t l = 0; l < r->links; l++) {
        const struct neighbour *n = &r->neighbour[l];

        if (!n->used || n->kind != SMX_LINK_CLIENT || !smx_addr_equal(smx_link_addr(r->ep, l), addr))
            continue;
        for (uint32_t k = 0; k < r->period[SMX_PERIOD_SLOT]; k++)
            for (uint32_t ref = n->slot[k]; ref != NONE; ref = r->circuit[ref / 2].bwd.next)
                if (!is_known(e, relay, ref / 2, r->circuit[ref / 2].generation))
                    add_view(e, relay, ref / 2, r->circuit[ref / 2].generation);
    }
}

/* ---- what comes ---- */

static void write_down(struct smx_eye *e, struct smx_eye_view *v, uint64_t count, smx_time now)
{
    int64_t turn = SMX_MS(20), late;

    if (v->first == 0) {
        v->first = count;
        v->first_at = now;
    }
    late = (int64_t)(now - v->first_at) - (int64_t)(count - v->first) * turn;
    if (late > (int64_t)SMX_MS(LEAP_MS) || late < -(int64_t)SMX_MS(LEAP_MS)) { /* other counts from here on */
        v->first = count;
        v->first_at = now;
        late = 0;
    }
    if (v->count == v->room) {
        v->room = v->room ? 2 * v->room : 256;
        v->cell = realloc(v->cell, v->room * sizeof *v->cell);
        if (!v->cell)
            abort();
    }
    v->cell[v->count++] =
        (struct smx_eye_cell){.us = (uint32_t)((now - e->opened) / US), .delay_us = (int32_t)(late / US)};
}

void smx_eye_look(struct smx_eye *e)
{
    const struct smx_sim_network *n = smx_sim_network(e->sim);
    smx_time now = smx_sim_now(e->sim);

    if (e->found == 0 || now >= e->found + SMX_MS(FIND_MS)) {
        e->found = now;
        for (uint32_t i = 0; i < n->relays; i++)
            if (n->relay[i].core && smx_sim_layer(e->sim, i) == SMX_LAYER_GUARD)
                find_at(e, i, n->relay[i].core);
    }
    for (size_t i = 0; i < SMX_EYE_CIRCUITS; i++) {
        struct smx_eye_view *v = &e->view[i];
        const struct circuit *c = v->used ? circuit_of(e, v) : NULL;

        for (size_t k = 0; c && k < RING; k++)
            if (c->bwd.number[k] != v->known[k]) {
                v->known[k] = c->bwd.number[k];
                write_down(e, v, c->bwd.number[k], now);
            }
    }
}

/* ---- as series ---- */

static bool bin_of(const struct smx_eye *e, const struct smx_eye_cell *c, smx_time from, unsigned bin_ms,
                   size_t bins, size_t *bin)
{
    smx_time at = e->opened + (smx_time)c->us * US;

    *bin = at < from ? bins : (size_t)((at - from) / SMX_MS(bin_ms));
    return *bin < bins;
}

void smx_eye_delays(const struct smx_eye *e, size_t view, smx_time from, unsigned bin_ms, float *x,
                    size_t bins)
{
    const struct smx_eye_view *v = &e->view[view];
    uint16_t *seen = calloc(bins + 1, sizeof *seen);
    size_t bin;
    float last = 0;

    if (!seen)
        abort();
    memset(x, 0, bins * sizeof *x);
    for (size_t i = 0; i < v->count; i++)
        if (bin_of(e, &v->cell[i], from, bin_ms, bins, &bin)) {
            x[bin] += (float)v->cell[i].delay_us / US;
            seen[bin]++;
        }
    for (size_t i = 0; i < bins; i++)
        last = x[i] = seen[i] ? x[i] / (float)seen[i] : last;
    free(seen);
}

void smx_eye_rate(const struct smx_eye *e, size_t view, smx_time from, unsigned bin_ms, float *x, size_t bins)
{
    const struct smx_eye_view *v = &e->view[view];
    size_t bin;

    memset(x, 0, bins * sizeof *x);
    for (size_t i = 0; i < v->count; i++)
        if (bin_of(e, &v->cell[i], from, bin_ms, bins, &bin))
            x[bin]++;
}
