#include "sim/adversary/inside.h"

#include "relay/core.h"

#include <string.h>

static struct smx_relay *core_of(const struct smx_sim_network *n, size_t relay)
{
    return n->relay[relay].core;
}

/* The circuit, if it is still the same. */
static struct circuit *find(const struct smx_sim_network *n, const struct smx_inside_circuit *c)
{
    struct smx_relay *r = core_of(n, c->relay);
    struct circuit *k = r ? &r->circuit[c->at] : NULL;

    return k && k->used && k->generation == c->generation ? k : NULL;
}

static uint32_t node_at(const struct smx_sim_network *n, const struct smx_addr *addr)
{
    for (size_t i = 0; addr && i < n->clients; i++)
        if (n->user[i].node != SMX_SIM_NODE_NONE &&
            smx_addr_equal(smx_world_addr(n->world, n->user[i].node), addr))
            return n->user[i].node;
    return SMX_INSIDE_NOBODY;
}

static uint32_t node_of(const struct smx_sim_network *n, const struct smx_relay *r, uint32_t link)
{
    const struct neighbour *b;
    size_t number;

    if (link == NONE)
        return SMX_INSIDE_NOBODY;
    b = &r->neighbour[link];
    if (b->kind == SMX_LINK_CLIENT)
        return node_at(n, smx_link_addr(r->ep, link));
    if (b->place == NONE)
        return SMX_INSIDE_NOBODY;
    number = smx_sim_relay_number(n, r->consensus.relay[b->place].id);
    return number < n->relays ? (uint32_t)number : SMX_INSIDE_NOBODY;
}

static struct smx_inside_circuit describe(const struct smx_sim_network *n, size_t relay, uint32_t at)
{
    const struct smx_relay *r = core_of(n, relay);
    const struct circuit *k = &r->circuit[at];
    uint32_t classes = r->period[k->period];

    return (struct smx_inside_circuit){.relay = relay,
                                       .at = at,
                                       .generation = k->generation,
                                       .period = k->period,
                                       .between =
                                           k->bwd.link != NONE && smx_relay_is_end_link(r, k->bwd.link),
                                       .from = node_of(n, r, k->bwd.link),
                                       .to = node_of(n, r, k->fwd.link),
                                       .joined = k->down == DOWN_PEER,
                                       .classes = classes,
                                       .in_class = (uint32_t)(k->up_in.tick0 % classes),
                                       .out_class = (uint32_t)(k->fwd.tt.tick0 % classes)};
}

size_t smx_inside_list(const struct smx_sim_network *n, size_t relay, struct smx_inside_circuit *list,
                       size_t max)
{
    const struct smx_relay *r = core_of(n, relay);
    size_t count = 0;

    for (uint32_t at = 0; r && at < r->config.circuits_max && count < max; at++)
        if (r->circuit[at].used)
            list[count++] = describe(n, relay, at);
    return count;
}

bool smx_inside_peer(const struct smx_sim_network *n, const struct smx_inside_circuit *c,
                     struct smx_inside_circuit *peer)
{
    const struct circuit *k = find(n, c);

    if (!k || k->down != DOWN_PEER)
        return false;
    *peer = describe(n, c->relay, k->peer);
    return true;
}

bool smx_inside_twin(const struct smx_sim_network *n, const struct smx_inside_circuit *c,
                     struct smx_inside_circuit *twin)
{
    const struct circuit *k = find(n, c);

    if (!k || k->twin == NONE)
        return false;
    *twin = describe(n, c->relay, k->twin);
    return true;
}

smx_time smx_inside_heard(const struct smx_sim_network *n, const struct smx_inside_circuit *c)
{
    const struct circuit *k = find(n, c);

    return k ? k->heard : 0;
}

bool smx_inside_next(const struct smx_sim_network *n, const struct smx_inside_circuit *c,
                     struct smx_inside_circuit *next)
{
    const struct circuit *k = find(n, c);
    const struct smx_relay *other;
    uint32_t to;

    if (!k || k->fwd.link == NONE || k->fwd.id == 0)
        return false;
    to = node_of(n, core_of(n, c->relay), k->fwd.link);
    if (to >= n->relays || !(other = core_of(n, to)))
        return false;
    for (uint32_t link = 0; link < other->links; link++) {
        uint32_t at;
        int dir;

        if (!other->neighbour[link].used || node_of(n, other, link) != c->relay)
            continue;
        at = smx_relay_id_find(other, link, k->fwd.id, &dir);
        if (at == NONE || dir != FWD)
            continue;
        *next = describe(n, to, at);
        return true;
    }
    return false;
}

size_t smx_inside_call(const struct smx_sim_network *n, size_t client,
                       struct smx_inside_circuit path[SMX_INSIDE_PATH])
{
    for (size_t relay = 0; relay < n->relays; relay++) {
        struct smx_relay *r = core_of(n, relay);

        for (uint32_t at = 0; r && at < r->config.circuits_max; at++) {
            size_t count = 1;

            if (!r->circuit[at].used || r->circuit[at].orphan)
                continue;
            path[0] = describe(n, relay, at);
            if (path[0].from != n->user[client].node)
                continue;
            while (count < SMX_INSIDE_PATH && smx_inside_next(n, &path[count - 1], &path[count]))
                count++;
            if (path[count - 1].joined)
                return count;
        }
    }
    return 0;
}

void smx_inside_cover_off(struct smx_sim_network *n)
{
    for (size_t i = 0; i < n->relays; i++)
        if (core_of(n, i))
            core_of(n, i)->config.cover_off = true;
}

/* ---- before a relay's tick ---- */

enum { PHONES_MS = 5, EACH = 3 /* turns for one deed */ };

void smx_inside_run_for(struct smx_sim_network *n, unsigned ms, const struct smx_inside_hook *hook,
                        size_t hooks)
{
    smx_time end = smx_world_now(n->world) + SMX_MS(ms), phones = smx_world_now(n->world);

    while (smx_world_now(n->world) < end) {
        smx_time next = smx_time_min(end, phones + SMX_MS(PHONES_MS));

        for (size_t i = 0; i < hooks; i++)
            next = smx_time_min(next, smx_relay_deadline(core_of(n, hook[i].relay)));
        smx_world_run(n->world, next > smx_world_now(n->world) ? next - 1 : next);
        for (size_t i = 0; i < hooks; i++)
            if (smx_relay_deadline(core_of(n, hook[i].relay)) == next)
                hook[i].before(hook[i].arg);
        smx_world_run(n->world, next);
        for (size_t i = 0; i < hooks; i++)
            if (hook[i].after)
                hook[i].after(hook[i].arg);
        if (next < phones + SMX_MS(PHONES_MS))
            continue;
        phones = next;
        for (size_t i = 0; i < n->clients; i++)
            if (n->user[i].client)
                smx_sim_user_acts(&n->user[i]);
    }
}

static uint32_t ref_of(const struct smx_inside_circuit *c, bool backward)
{
    return c->at * 2 + (backward ? BWD : FWD);
}

static void strike(struct smx_meddler *m, struct smx_relay *r, struct departure *d, uint64_t number)
{
    size_t i = number % RING;

    m->done++;
    switch (m->deed) {
    case SMX_DEED_DROP:
        smx_relay_depart_lose(r, d, i);
        return;
    case SMX_DEED_ALTER:
        if (d->have >> i & 1)
            smx_relay_depart_body(r, d, i)[number % SMX_CELL_BODY] ^= 1;
        return;
    case SMX_DEED_REPEAT:
    case SMX_DEED_DELAY:
    case SMX_DEED_REPLAY:
        if (m->has)
            smx_relay_depart_keep(r, d, i, number, m->last);
        else
            smx_relay_depart_lose(r, d, i);
        m->shifted = m->deed != SMX_DEED_REPEAT;
        d->d -= m->shifted;
        return;
    case SMX_DEEDS:
        return;
    }
}

void smx_meddler_before(void *arg)
{
    struct smx_meddler *m = arg;
    struct smx_relay *r = core_of(m->n, m->circuit.relay);
    struct circuit *c = find(m->n, &m->circuit);
    uint8_t body[SMX_CELL_BODY] = {0};
    struct departure *d;
    uint64_t number;
    size_t i;
    bool here, strikes;

    if (!c || !smx_relay_is_due(r, ref_of(&m->circuit, m->backward), r->next))
        return;
    d = m->backward ? &c->bwd : &c->fwd;
    number = smx_timetable_number(&d->tt, r->next);
    i = number % RING;
    here = (d->have >> i & 1) && d->number[i] == number;
    if (d->have >> i & 1)
        memcpy(body, smx_relay_depart_body(r, d, i), sizeof body);
    m->turns++;
    strikes = m->every || m->turns % EACH == 0;
    if (m->on && m->deed == SMX_DEED_DELAY && m->turns % EACH == EACH - 1)
        smx_relay_depart_lose(r, d, i); /* it goes in the next turn */
    if (m->on && strikes)
        strike(m, r, d, number);
    m->has = here;
    memcpy(m->last, body, sizeof body);
}

void smx_meddler_after(void *arg)
{
    struct smx_meddler *m = arg;
    struct circuit *c = find(m->n, &m->circuit);

    if (m->shifted && c)
        (m->backward ? &c->bwd : &c->fwd)->d++;
    m->shifted = false;
}

static bool is_asked(const struct smx_relay *r, const struct circuit *c)
{
    bool asked = false;

    for (uint8_t i = 0; i < c->note_count; i++)
        asked = asked || smx_relay_note_at(r, c, i)->type == SMX_HOP_COOKIE_OK;
    return asked;
}

bool smx_inside_look(const struct smx_sim_network *n, const struct smx_inside_circuit *c,
                     struct smx_inside_turn *turn)
{
    struct smx_relay *r = core_of(n, c->relay);
    const struct circuit *k = find(n, c);
    const struct departure *d;
    uint64_t number;
    size_t i;

    memset(turn, 0, sizeof *turn);
    if (!k || k->down != DOWN_PEER)
        return false;
    turn->asked = is_asked(r, k) || is_asked(r, &r->circuit[k->peer]);
    d = &r->circuit[k->peer].bwd;
    turn->due = smx_relay_is_due(r, k->peer * 2 + BWD, r->next);
    if (!turn->due)
        return true;
    number = smx_timetable_number(&d->tt, r->next);
    i = number % RING;
    turn->here = (d->have >> i & 1) && d->number[i] == number;
    if (turn->here)
        memcpy(turn->body, smx_relay_depart_body(r, d, i), sizeof turn->body);
    return true;
}
