/* relay/idle.c - the floor: idle clients of the relay's own, while it has few circuits.
 *
 * One that watches a relay's neighbours, or is one, guesses the better the fewer circuits there are.  So a
 * relay that has fewer than the network's floor adds clients of its own, each with a throw-away key, an
 * ordinary client link to a guard and the circuits of an idle client, never a call:
 *
 *   at a middle    guard - itself - end          at an end    guard - middle - itself
 *   at a guard     another guard - middle - end: a link to itself would show to nobody; guards help each
 *                  other, and get the clients of middles and ends
 *
 *            few circuits                     all of a client's stand
 *   nothing ------------> a client more ------------------------------> look again ... -> enough
 *                                             for half an epoch and longer more than enough -> one client
 * less
 *
 * Timers: floor.look (exponential, a twelfth of an epoch), floor.stop (started by the first look that finds
 * too many, half an epoch and a random time long, stopped by one that doesn't); in each client: circuits to
 * open, to renew, and a link down for too long.  What is counted as a circuit here changes with no call:
 * pieces that ends make for one another are left out. */
#include "relay/core.h"

#include <sodium.h>
#include <stdlib.h>
#include <string.h>

enum {
    HOPS = 3,
    LOOKS = 12,               /* in an epoch */
    MEASURE_MS = 1000,        /* a circuit shares its place with the one before until about then */
    RESERVE = 2,              /* clients' worth of circuits above the floor before one is stopped */
    OPEN_MEAN_MS = 300,       /* before the first CREATE and each EXTEND, */
    REBUILD_MEAN_MS = 20000,  /* after a death: as clients do */
    BUILD_MS = 30000,         /* a client whose circuits stand no sooner holds up no other */
    LINK_PATIENCE_MS = 60000, /* a client whose guard is silent for so long is given up */
};

static struct idle *idle_at(struct smx_relay *r, size_t i)
{
    return r->floor.idle[i];
}

/* ---- paths ---- */

static const struct smx_relay_info *info_of(const struct smx_relay *r, uint32_t place)
{
    return &r->consensus.relay[place];
}

static bool too_near(const struct smx_relay *r, uint32_t a, uint32_t b)
{
    const struct smx_addr *x = &info_of(r, a)->addr[0], *y = &info_of(r, b)->addr[0];

    if (!r->consensus.params.distinct_subnets || smx_addr_is_v4(x) != smx_addr_is_v4(y))
        return false;
    return smx_addr_is_v4(x) ? memcmp(x->ip + 12, y->ip + 12, 2) == 0 : memcmp(x->ip, y->ip, 4) == 0;
}

static bool may_follow(const struct smx_relay *r, uint32_t a, uint32_t b)
{
    return a == NONE || b == NONE || (smx_consensus_link_rate(&r->consensus, a, b) > 0 && !too_near(r, a, b));
}

/* A running relay of this layer between these two (NONE: any) but ourselves, by weight; NONE: there is none.
 */
static uint32_t pick(struct smx_relay *r, enum smx_layer layer, uint32_t before, uint32_t after)
{
    uint64_t sum = 0;
    uint32_t found = NONE;

    for (uint32_t i = 0; i < r->consensus.relay_count; i++) {
        const struct smx_relay_info *info = info_of(r, i);

        if (info->layer != layer || !(info->flags & SMX_RELAY_RUNNING) || info->weight == 0 ||
            i == r->place || !may_follow(r, before, i) || !may_follow(r, i, after))
            continue;
        sum += info->weight;
        if (smx_rng_u64(&r->rng) % sum < info->weight)
            found = i;
    }
    return found;
}

static struct smx_hop_target target_of(const struct smx_relay *r, uint32_t place)
{
    const struct smx_relay_info *info = info_of(r, place);
    const struct smx_onion_key *onion = smx_relay_onion(info, r->consensus.epoch);
    struct smx_hop_target t;

    if (!onion)
        onion = &info->onion[info->onion_count - 1];
    memcpy(t.id, info->id, sizeof t.id);
    memcpy(t.onion, onion->key, sizeof t.onion);
    memcpy(t.tag, onion->tag, sizeof t.tag);
    return t;
}

static enum smx_layer own_layer(const struct smx_relay *r)
{
    return r->place == NONE ? SMX_LAYER_EXIT : (enum smx_layer)info_of(r, r->place)->layer;
}

/* A path that begins at this guard, or, NONE, anywhere, and has ourselves in our own place. */
static bool draw_path(struct smx_relay *r, uint32_t guard, uint32_t path[HOPS])
{
    enum smx_layer own = own_layer(r);

    if (own == SMX_LAYER_EXIT)
        return false;
    path[2] = own == SMX_LAYER_END ? r->place : NONE;
    path[1] = own == SMX_LAYER_MIDDLE ? r->place : pick(r, SMX_LAYER_MIDDLE, guard, path[2]);
    path[0] = guard != NONE || path[1] == NONE ? guard : pick(r, SMX_LAYER_GUARD, NONE, path[1]);
    if (own != SMX_LAYER_END && path[1] != NONE)
        path[2] = pick(r, SMX_LAYER_END, path[1], NONE);
    return path[0] != NONE && path[1] != NONE && path[2] != NONE && !too_near(r, path[0], path[2]);
}

static uint32_t guard_place(const struct smx_relay *r, const struct idle *c)
{
    size_t place = smx_consensus_find(&r->consensus, c->guard);

    return place == SMX_RELAY_NONE || r->consensus.relay[place].layer != SMX_LAYER_GUARD ? NONE
                                                                                         : (uint32_t)place;
}

/* ---- a client's circuits ---- */

static void clear(struct smx_relay *r, struct idle_circuit *k)
{
    uint8_t period = k->origin.period;
    uint32_t ticks = k->origin.ticks;

    if (k->origin.forward_id != 0)
        k->place = k->origin.forward_id;
    smx_origin_fini(&k->origin);
    smx_origin_init(&k->origin, period, ticks, &r->rng);
    k->newest = 0;
}

/* In the next epoch, whenever. */
static smx_time draw_renewal(struct smx_relay *r, smx_time now)
{
    uint64_t epoch = r->consensus.params.epoch_s;

    return now + SMX_SECOND(epoch - (uint64_t)r->wall.s % epoch) + smx_rng_u64(&r->rng) % SMX_SECOND(epoch);
}

static void open_circuit(struct smx_relay *r, struct idle *c, struct idle_circuit *k, uint64_t tick,
                         smx_time now)
{
    struct smx_hop_target target[HOPS];
    uint32_t path[HOPS], phase = (uint32_t)(k - c->circuit == (ptrdiff_t)c->slots + 1);

    k->open_at = now + smx_rng_exp(&r->rng, SMX_MS(REBUILD_MEAN_MS));
    clear(r, k);
    if (!draw_path(r, guard_place(r, c), path))
        return;
    for (size_t i = 0; i < HOPS; i++)
        target[i] = target_of(r, path[i]);
    k->origin.create.replaces = k->place;
    if (smx_origin_open(&k->origin, now, tick, phase, target, HOPS, 1 + smx_rng_below(&r->rng, UINT32_MAX),
                        (uint8_t)phase, SMX_MS(OPEN_MEAN_MS)) != SMX_OK)
        return;
    k->open_at = SMX_NEVER;
    k->renew_at = draw_renewal(r, now);
}

/* The last hop has a word in every period: what is missing was lost on the way. */
static void measure_losses(struct smx_relay *r, struct idle_circuit *k, smx_time now)
{
    uint64_t newest = k->origin.counts.last;

    if (now < k->measure_from)
        return;
    if (k->newest != 0 && newest > k->newest) {
        r->count.idle_cells += newest - k->newest;
        r->count.idle_cells_lost += newest - k->newest - 1;
    }
    if (newest > k->newest)
        k->newest = newest;
}

static void event(struct smx_relay *r, const struct idle *c, struct idle_circuit *k, smx_time now,
                  const struct smx_origin_rx *rx)
{
    switch (rx->event) {
    case SMX_ORIGIN_MESSAGE:
        if (rx->hop == HOPS - 1)
            measure_losses(r, k, now);
        return;
    case SMX_ORIGIN_OPENED:
        k->measure_from = now + SMX_MS(MEASURE_MS);
        k->cookie_wanted = k - c->circuit < (ptrdiff_t)c->slots;
        return;
    case SMX_ORIGIN_ANSWERED: /* there and back */
        if (k->origin.tries == 1) {
            r->count.idle_loops++;
            r->count.idle_loops_us += (now - k->asked) / 1000;
        }
        return;
    case SMX_ORIGIN_DIED:
        r->count.idle_circuits_died++;
        clear(r, k);
        k->open_at = now + smx_rng_exp(&r->rng, SMX_MS(REBUILD_MEAN_MS));
        return;
    case SMX_ORIGIN_NOTHING:
    case SMX_ORIGIN_PEER:
    case SMX_ORIGIN_FAILED:
        return;
    }
}

static struct idle_circuit *find(struct idle *c, uint32_t back_id)
{
    for (size_t i = 0; back_id != 0 && i < c->count; i++)
        if (c->circuit[i].origin.back_id == back_id)
            return &c->circuit[i];
    return NULL;
}

static void take_cell(struct smx_relay *r, struct idle *c, smx_time now, uint64_t tick,
                      uint8_t cell[SMX_CELL_SIZE])
{
    uint32_t id = smx_cell_head_read(cell).circuit;
    struct idle_circuit *k = find(c, id);
    struct smx_created created;
    struct smx_refused refused;
    struct smx_origin_rx rx = {.event = SMX_ORIGIN_NOTHING};

    if (k) {
        smx_origin_cell(&k->origin, now, tick, cell, &rx);
    } else if (id != 0) {
        return;
    } else if (smx_command_type(cell) == SMX_CMD_CREATED && smx_created_decode(&created, cell) == SMX_OK &&
               (k = find(c, created.back_id))) {
        smx_origin_created(&k->origin, now, smx_link_last_tick(c->ep, c->link), &created, &rx);
    } else if (smx_command_type(cell) == SMX_CMD_REFUSED && smx_refused_decode(&refused, cell) == SMX_OK &&
               (k = find(c, refused.back_id))) {
        smx_origin_refused(&k->origin, &refused, &rx);
    }
    if (k)
        event(r, c, k, now, &rx);
}

/* ---- a client ---- */

static void stop(struct smx_relay *r, size_t i)
{
    struct idle *c = idle_at(r, i);

    for (size_t k = 0; k < c->count; k++)
        smx_origin_fini(&c->circuit[k].origin);
    smx_endpoint_free(c->ep);
    free(c);
    r->floor.idle[i] = r->floor.idle[--r->floor.count];
    r->floor.cells[i] = r->floor.cells[r->floor.count];
    r->count.idle_stopped++;
}

static void start(struct smx_relay *r, smx_time now)
{
    struct smx_endpoint_config config = {.client_links_max = 1, .timing = r->timing, .clock = &r->clock};
    const struct smx_addr *addr = NULL;
    uint32_t path[HOPS];
    struct idle *c = NULL;
    enum smx_err err;

    if (draw_path(r, NONE, path))
        addr = smx_relay_reach(r, info_of(r, path[0]));
    if (addr)
        c = calloc(1, sizeof *c);
    if (!c)
        return;
    smx_x25519_make(&config.local, &r->rng);
    err = smx_endpoint_new(&c->ep, &config, &r->rng);
    sodium_memzero(&config, sizeof config);
    c->slots = r->consensus.params.slots_max;
    c->count = c->slots + 2;
    if (err == SMX_OK)
        err = smx_endpoint_connect(c->ep, now, addr, info_of(r, path[0])->link_key, SMX_LINK_CLIENT,
                                   (uint8_t)(c->slots + 1), &c->link);
    if (err != SMX_OK) {
        smx_endpoint_free(c->ep);
        free(c);
        return;
    }
    memcpy(c->guard, info_of(r, path[0])->id, sizeof c->guard);
    c->phase = (uint8_t)smx_rng_below(&r->rng, r->period[SMX_PERIOD_SLOT]);
    c->since = c->down_since = now;
    for (size_t i = 0; i < c->count; i++) {
        bool slot = i < c->slots;

        smx_origin_init(&c->circuit[i].origin, slot ? SMX_PERIOD_SLOT : SMX_PERIOD_LISTEN, slot ? 1 : 2,
                        &r->rng);
    }
    r->floor.cells[r->floor.count] = (uint8_t)(c->slots + 1);
    r->floor.idle[r->floor.count++] = c;
    r->count.idle_started++;
}

static void link_up(struct smx_relay *r, struct idle *c, smx_time now, bool resumed)
{
    c->up = true;
    if (resumed)
        return;
    for (size_t i = 0; i < c->count; i++) { /* none of them is known there */
        struct idle_circuit *k = &c->circuit[i];

        clear(r, k);
        k->place = 0;
        k->open_at = now + smx_rng_exp(&r->rng, SMX_MS(OPEN_MEAN_MS));
    }
}

/* The slots' cells, and one of the listening and the errand circuit by turns; a link command takes the place
 * of that one. */
static void turn(struct smx_relay *r, struct idle *c, uint64_t tick, smx_time now, struct smx_out *out)
{
    uint8_t *cells = smx_link_begin(c->ep, c->link, out);
    struct smx_quantum q;

    if (!cells)
        return;
    smx_quantum_open(&q, &cells, 1, c->slots + 1, &r->rng);
    for (size_t i = 0; i <= c->slots; i++) {
        struct idle_circuit *k = &c->circuit[i < c->slots ? i : c->slots + tick % 2];
        uint8_t *cell = smx_quantum_add(&q);

        if (i == c->slots && smx_link_command(c->ep, c->link, now, cell))
            continue;
        if (k->cookie_wanted) {
            uint8_t cookie[SMX_COOKIE];

            k->cookie_wanted = false;
            k->asked = now;
            smx_rng_bytes(&r->rng, cookie, sizeof cookie);
            (void)!smx_origin_request(&k->origin, now, HOPS - 1, SMX_HOP_COOKIE, cookie, sizeof cookie);
        }
        smx_origin_turn(&k->origin, now, tick, &(struct smx_origin_send){.peer = NULL}, cell);
    }
    smx_quantum_close(&q);
    smx_link_seal(c->ep, c->link, cells, tick, 0);
}

static void client_tick(struct smx_relay *r, struct idle *c, uint64_t mix, smx_time now, struct smx_wall wall,
                        struct smx_out *out)
{
    uint64_t tick = (mix - c->phase) / r->period[SMX_PERIOD_SLOT];
    struct smx_origin_rx rx;
    uint32_t link;

    smx_endpoint_expire(c->ep, now, wall, out);
    while (smx_endpoint_next_down(c->ep, &link)) {
        c->up = false;
        c->down_since = now;
    }
    if (mix < c->phase || (mix - c->phase) % r->period[SMX_PERIOD_SLOT] != 0)
        return;
    for (size_t i = 0; i < c->count; i++) {
        struct idle_circuit *k = &c->circuit[i];

        do {
            smx_origin_expire(&k->origin, now, &rx);
            event(r, c, k, now, &rx);
        } while (rx.event != SMX_ORIGIN_NOTHING);
        if (c->up && (now >= k->open_at || (k->origin.state == SMX_ORIGIN_OPEN && now >= k->renew_at)))
            open_circuit(r, c, k, tick, now);
    }
    turn(r, c, tick, now, out);
}

/* ---- the floor ---- */

/* Circuits that clients have here, alive. */
static uint32_t live(const struct smx_relay *r)
{
    uint32_t count = 0;

    for (uint32_t i = 0; i < r->circuit_fresh; i++) {
        const struct circuit *c = &r->circuit[i];

        count += c->used && !c->orphan && c->bwd.link != NONE && !smx_relay_is_end_link(r, c->bwd.link);
    }
    return count;
}

static bool is_building(const struct idle *c, smx_time now)
{
    bool all = true;

    for (size_t i = 0; i < c->count; i++)
        all = all && c->circuit[i].origin.state == SMX_ORIGIN_OPEN;
    return !all && now < c->since + SMX_MS(BUILD_MS);
}

static void look(struct smx_relay *r, smx_time now)
{
    struct floor *f = &r->floor;
    const struct smx_params *p = &r->consensus.params;
    uint32_t each = p->slots_max + 2, wanted = r->place == NONE ? 0 : p->floor_circuits;
    uint32_t most = (wanted + each - 1) / each, count = live(r);
    smx_time half = SMX_SECOND(p->epoch_s) / 2;
    bool too_many = f->count > 0 && (wanted == 0 || count >= wanted + RESERVE * each);

    f->look = now + smx_rng_exp(&r->rng, SMX_SECOND(p->epoch_s) / LOOKS);
    if (!too_many) {
        f->stop = SMX_NEVER;
    } else if (f->stop == SMX_NEVER) {
        f->stop = now + half + smx_rng_exp(&r->rng, half);
    } else if (now >= f->stop) {
        stop(r, smx_rng_below(&r->rng, (uint32_t)f->count));
        f->stop = SMX_NEVER;
    }
    for (size_t i = 0; i < f->count; i++)
        if (is_building(idle_at(r, i), now))
            return; /* what it adds is yet to be seen */
    if (count < wanted && f->count < most && f->count < IDLES)
        start(r, now);
}

bool smx_relay_idle_receive(struct smx_relay *r, smx_time at, struct smx_wall wall,
                            const struct smx_addr *from, uint8_t *bytes, size_t len, struct smx_out *out)
{
    for (size_t i = 0; i < r->floor.count; i++) {
        struct smx_link_rx rx;
        struct idle *c;

        if (len != SMX_LINK_DATAGRAM(r->floor.cells[i]))
            continue; /* most are of relays */
        c = idle_at(r, i);
        if (!smx_addr_equal(from, smx_link_addr(c->ep, c->link)))
            continue;
        smx_endpoint_receive(c->ep, at, wall, from, bytes, len, out, &rx);
        if (rx.foreign)
            continue; /* of the next one, or of none */
        if (rx.what == SMX_LINK_RX_UP)
            link_up(r, c, at, rx.resumed);
        for (size_t k = 0; rx.what != SMX_LINK_RX_NONE && k < rx.cell_count; k++)
            take_cell(r, c, at, rx.tick, rx.cells + k * SMX_CELL_SIZE);
        return true;
    }
    return false;
}

void smx_relay_idle_tick(struct smx_relay *r, uint64_t mix, smx_time now, struct smx_wall wall,
                         struct smx_out *out)
{
    if (r->config.cover_off)
        return;
    for (size_t i = r->floor.count; i-- > 0;) {
        struct idle *c = idle_at(r, i);

        if (guard_place(r, c) == NONE || c->slots != r->consensus.params.slots_max ||
            (!c->up && now >= c->down_since + SMX_MS(LINK_PATIENCE_MS))) {
            stop(r, i);
            continue;
        }
        client_tick(r, c, mix, now, wall, out);
    }
    if (now >= r->floor.look)
        look(r, now);
}

void smx_relay_idle_free(struct smx_relay *r)
{
    while (r->floor.count > 0)
        stop(r, r->floor.count - 1);
}
