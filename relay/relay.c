#include "relay/core.h"

#include "proto/base/bytes.h"

#include <assert.h>
#include <sodium.h>
#include <stdlib.h>
#include <string.h>

/* ---- life ---- */

static enum smx_err make_tables(struct smx_relay *r)
{
    uint32_t circuits = r->config.circuits_max;

    r->neighbour = calloc(r->links, sizeof *r->neighbour);
    r->drifts = calloc(r->links, sizeof *r->drifts);
    r->circuit = calloc(circuits, sizeof *r->circuit);
    r->command_max = r->links * 4 + COMMANDS_PER_LINK * 4;
    r->command = calloc(r->command_max, sizeof *r->command);
    r->secrets = sodium_malloc(sizeof *r->secrets);
    if (!r->neighbour || !r->drifts || !r->circuit || !r->command || !r->secrets)
        return SMX_E_MEMORY;
    r->circuit_free = NONE;
    if (smx_shelf_new(&r->bodies, 2 * RING * circuits, SMX_CELL_BODY) != SMX_OK ||
        smx_shelf_new(&r->cells, 2 * circuits, SMX_CELL_SIZE) != SMX_OK ||
        smx_shelf_new(&r->notes, NOTES * circuits, sizeof(struct note)) != SMX_OK)
        return SMX_E_MEMORY;
    r->command_free = NONE;
    if (smx_keymap_new(&r->created, circuits, &r->rng) != SMX_OK ||
        smx_keymap_new(&r->cookies, circuits, &r->rng) != SMX_OK ||
        smx_keymap_new(&r->waiting, circuits, &r->rng) != SMX_OK ||
        smx_keymap_new(&r->listeners, circuits, &r->rng) != SMX_OK ||
        smx_seen_new(&r->paid, circuits, &r->rng) != SMX_OK)
        return SMX_E_MEMORY;
    if (smx_relay_sources_new(r) != SMX_OK || smx_relay_loose_new(r) != SMX_OK)
        return SMX_E_MEMORY;
    return smx_relay_service_new(r);
}

enum smx_err smx_relay_new(struct smx_relay **relay, const struct smx_relay_config *config,
                           const uint8_t seed[SMX_RNG_SEED])
{
    struct smx_relay *r = calloc(1, sizeof *r);
    struct smx_endpoint_config ep = {.local = config->link,
                                     .relay_links_max = config->relay_links_max,
                                     .client_links_max = config->client_links_max,
                                     .accept_clients = true};
    enum smx_err err;

    assert(config->circuits_max > 0 && config->circuits_max <= SMX_RELAY_CIRCUITS);
    *relay = NULL;
    if (!r)
        return SMX_E_MEMORY;
    r->config = *config;
    sodium_memzero(&r->config.link, sizeof r->config.link);
    ep.clock = &r->clock;
    if (r->config.source_links_max == 0)
        r->config.source_links_max = SMX_RELAY_SOURCE_LINKS;
    r->links = config->relay_links_max + config->client_links_max;
    r->floor.stop = SMX_NEVER;
    r->demand.rate = CREATES_PER_S;
    r->place = r->orphan_oldest = r->orphan_newest = NONE;
    smx_rng_init(&r->rng, seed);
    smx_rng_bytes(&r->rng, r->filler_key, sizeof r->filler_key);
    err = make_tables(r);
    if (err == SMX_OK)
        err = smx_endpoint_new(&r->ep, &ep, &r->rng);
    sodium_memzero(&ep, sizeof ep);
    if (err != SMX_OK) {
        smx_relay_free(r);
        return err;
    }
    *relay = r;
    return SMX_OK;
}

void smx_relay_free(struct smx_relay *r)
{
    if (!r)
        return;
    for (uint32_t i = 0; r->circuit && i < r->circuit_fresh; i++)
        smx_hop_layers_fini(&r->circuit[i].layers);
    smx_relay_idle_free(r);
    smx_endpoint_free(r->ep);
    smx_consensus_free(&r->consensus);
    smx_batch_free(r->batch);
    smx_keymap_free(&r->created);
    smx_keymap_free(&r->cookies);
    smx_keymap_free(&r->waiting);
    smx_keymap_free(&r->listeners);
    smx_keymap_free(&r->sources);
    smx_seen_free(&r->paid);
    free(r->source);
    for (size_t i = 0; i < 2; i++)
        free(r->document[i].bytes);
    free(r->neighbour);
    free(r->drifts);
    free(r->circuit);
    smx_shelf_free(&r->bodies);
    smx_shelf_free(&r->cells);
    smx_shelf_free(&r->notes);
    smx_shelf_free(&r->buffers);
    free(r->loose);
    free(r->command);
    free(r->served);
    sodium_free(r->secrets);
    smx_rng_fini(&r->rng);
    sodium_memzero(r->filler_key, sizeof r->filler_key);
    free(r);
}

/* ---- datagrams in ---- */

void smx_relay_receive(struct smx_relay *r, smx_time at, struct smx_wall wall, const struct smx_addr *from,
                       uint8_t *bytes, size_t len, struct smx_out *out)
{
    struct smx_link_rx rx;

    r->wall = wall;
    if (!r->ticking)
        return; /* before the first consensus nobody is known */
    if (smx_relay_idle_receive(r, at, wall, from, bytes, len, out))
        return;
    smx_endpoint_receive(r->ep, at, wall, from, bytes, len, out, &rx);
    if (rx.what == SMX_LINK_RX_NONE)
        return;
    if (rx.what == SMX_LINK_RX_UP && !smx_relay_link_up(r, &rx))
        return;
    for (size_t i = 0; i < rx.cell_count; i++) { /* they are of as many circuits, and each is far away */
        uint32_t id = smx_cell_head_read(rx.cells + i * SMX_CELL_SIZE).circuit;

        if (id != 0)
            smx_relay_id_fetch(r, rx.link, id);
    }
    for (size_t i = 0; i < rx.cell_count; i++) {
        uint8_t *cell = rx.cells + i * SMX_CELL_SIZE;

        if (smx_cell_head_read(cell).circuit == 0)
            smx_relay_command(r, at, rx.link, cell);
        else
            smx_relay_cell(r, at, rx.link, rx.tick, cell);
    }
}

/* ---- the tick: datagrams out ---- */

static bool has_command(const struct smx_relay *r, uint32_t link, uint64_t tick)
{
    const struct neighbour *n = &r->neighbour[link];

    for (uint32_t at = n->command_count ? n->commands : NONE; at != NONE; at = r->command[at].next)
        if (r->command[at].from <= tick)
            return true;
    return false;
}

static uint32_t depart_list(struct smx_relay *r, uint32_t head, uint64_t tick, smx_time now, uint32_t skip,
                            struct smx_quantum *q)
{
    uint32_t real = 0;

    for (uint32_t ref = head; ref != NONE; ref = smx_relay_departure(r, ref)->next) {
        uint32_t next = smx_relay_departure(r, ref)->next;
        uint8_t *cell;

        if (next != NONE)
            smx_relay_depart_fetch(r, next);
        if (!smx_relay_is_due(r, ref, tick))
            continue; /* its first cell is yet to come, or it is the turn of another */
        if (skip > 0) {
            skip--;
            continue;
        }
        cell = smx_quantum_add(q);
        if (!cell)
            break; /* never: all have room */
        if (smx_relay_depart(r, ref, tick, now, cell))
            real++;
        else
            smx_quantum_undo(q); /* cover is off */
    }
    return real;
}

static uint32_t commands_out(struct smx_relay *r, uint32_t link, uint64_t tick, smx_time now,
                             struct smx_quantum *q)
{
    struct neighbour *n = &r->neighbour[link];
    uint8_t cell[SMX_CELL_SIZE], seg[SMX_COMMAND_SEGMENT];
    uint32_t real = 0;
    size_t len;

    for (; smx_quantum_room(q) > 0 && smx_relay_next_command(r, link, tick, cell); real++)
        memcpy(smx_quantum_add(q), cell, SMX_CELL_SIZE);
    while (n->stream != NONE && smx_quantum_room(q) > 0 &&
           (len = smx_relay_service_next(r, now, n->stream, seg, sizeof seg)) > 0) {
        smx_command_segment_encode(smx_quantum_add(q), seg, len);
        real++;
    }
    return real;
}

static void link_tick(struct smx_relay *r, uint32_t link, uint64_t tick, smx_time now, struct smx_out *out)
{
    struct neighbour *n = &r->neighbour[link];
    size_t datagrams = out->dgram_count, bytes = out->bytes_len;
    uint8_t *cells[LINK_RATE_MAX], own[SMX_CELL_SIZE];
    uint32_t slot = (uint32_t)(tick % r->period[SMX_PERIOD_SLOT]),
             listen = (uint32_t)(tick % r->period[SMX_PERIOD_LISTEN]);
    uint32_t count, skip = 0, real = 0;
    struct smx_quantum q;
    bool is_full, gives_way, has_own;

    if (n->kind == SMX_LINK_CLIENT && slot != n->phase)
        return;
    for (count = 0; count < n->rate; count++) {
        cells[count] = smx_link_begin(r->ep, link, out);
        if (!cells[count])
            break;
    }
    if (count == 0)
        return;
    smx_quantum_open(&q, cells, count, n->cells, &r->rng);
    is_full = n->slot_count[slot] + n->listen_count[listen] >= q.total;
    /* A full client link still has to say things: a command takes the place of a listening or errand
     * circuit's cell.  On a relay link it waits for the place that is kept free; without timetables none is.
     */
    gives_way = is_full && (n->kind == SMX_LINK_CLIENT || r->loose);
    has_own = (!is_full || gives_way) && smx_link_command(r->ep, link, now, own);
    if (gives_way && (has_own || has_command(r, link, tick)))
        skip = 1;
    if (r->loose) {
        real += smx_relay_loose_depart(r, link, tick, now, skip, &q);
    } else {
        real += depart_list(r, n->slot[slot], tick, now, 0, &q);
        real += depart_list(r, n->listen[listen], tick, now, skip, &q);
    }
    if (has_own && smx_quantum_room(&q) > 0) {
        memcpy(smx_quantum_add(&q), own, SMX_CELL_SIZE);
        real++;
    }
    real += commands_out(r, link, tick, now, &q);
    if (r->config.cover_off && real == 0 && (tick - n->phase) % SMX_RELAY_KEEPALIVE != 0) {
        out->dgram_count = datagrams;
        out->bytes_len = bytes;
        return;
    }
    smx_quantum_close(&q);
    for (uint32_t k = 0; k < count; k++)
        smx_link_seal(r->ep, link, cells[k], smx_relay_link_tick(r, link, tick), k);
}

static void do_tick(struct smx_relay *r, uint64_t tick, smx_time now, struct smx_out *out)
{
    uint32_t share = r->config.circuits_max / SWEEP_TICKS + 1;

    r->next = tick; /* what came for earlier ticks is late from here on */
    for (uint32_t i = 0; i < r->links_met; i++)
        if (r->neighbour[i].up)
            link_tick(r, i, tick, now, out);
    r->next = tick + 1;
    r->count.ticks++;
    for (uint32_t i = 0; i < share; i++, r->sweep = (r->sweep + 1) % r->config.circuits_max)
        if (r->sweep < r->circuit_fresh && r->circuit[r->sweep].used)
            smx_relay_circuit_expire(r, r->sweep, now);
    smx_relay_service_expire(r, now);
}

static bool carries_circuits(const struct neighbour *n)
{
    uint32_t count = 0;

    for (size_t i = 0; i < CLASSES_MAX; i++)
        count += (uint32_t)n->slot_count[i] + n->listen_count[i];
    return count > 0;
}

static void links_expire(struct smx_relay *r, smx_time now)
{
    uint32_t link;

    while (smx_endpoint_next_down(r->ep, &link)) {
        r->neighbour[link].up = false;
        r->neighbour[link].down_since = now;
        smx_relay_drop_commands(r, link);
    }
    for (uint32_t i = 0; i < r->links_met; i++) {
        const struct neighbour *n = &r->neighbour[i];

        if (n->used && !n->up && n->kind == SMX_LINK_CLIENT && now > n->down_since + SMX_MS(CLIENT_GONE_MS) &&
            !carries_circuits(n)) /* these fade first */
            smx_relay_link_close(r, i);
    }
}

void smx_relay_expire(struct smx_relay *r, smx_time now, struct smx_wall wall, struct smx_out *out)
{
    uint64_t tick;

    if (!r->ticking)
        return;
    smx_endpoint_expire(r->ep, now, wall, out);
    if (smx_clock_read(&r->clock, now) < smx_relay_tick_time(r, r->next))
        return; /* early wake-ups are legal */
    links_expire(r, now);
    tick = (smx_clock_read(&r->clock, now) - r->base) / r->tick;
    r->count.ticks_skipped += tick - r->next;
    do_tick(r, tick, now, out);
    smx_relay_idle_tick(r, tick, now, wall, out);
    smx_relay_steer(r, now);
}

smx_time smx_relay_deadline(const struct smx_relay *r)
{
    return r->ticking ? smx_clock_when(&r->clock, smx_relay_tick_time(r, r->next))
                      : SMX_NEVER; /* link timers are served by the ticks */
}

/* ---- documents ---- */

static void set_onion(struct smx_relay *r, size_t at, uint64_t epoch)
{
    r->onion[at] = (struct onion){.used = true, .epoch = epoch};
    smx_onion_tag(r->onion[at].tag, r->secrets->onion[at].public);
}

enum smx_err smx_relay_onion_key(struct smx_relay *r, uint64_t epoch, uint8_t key[SMX_DOC_KEY])
{
    size_t at = 0;

    for (size_t i = 0; i < SMX_RELAY_ONION_KEYS; i++) {
        if (r->onion[i].used && r->onion[i].epoch == epoch) {
            memcpy(key, r->secrets->onion[i].public, SMX_DOC_KEY);
            return SMX_OK;
        }
        if (!r->onion[i].used || (r->onion[at].used && r->onion[i].epoch < r->onion[at].epoch))
            at = i;
    }
    if (r->onion[at].used && r->onion[at].epoch > epoch)
        return SMX_E_LATE;
    smx_x25519_make(&r->secrets->onion[at], &r->rng);
    set_onion(r, at, epoch);
    memcpy(key, r->secrets->onion[at].public, SMX_DOC_KEY);
    return SMX_OK;
}

size_t smx_relay_onion_save(const struct smx_relay *r, uint8_t out[SMX_RELAY_ONION_STATE])
{
    struct smx_wr w = {out, SMX_RELAY_ONION_STATE};

    for (size_t i = 0; i < SMX_RELAY_ONION_KEYS; i++)
        if (r->onion[i].used) {
            smx_wr_u64(&w, r->onion[i].epoch);
            smx_wr_bytes(&w, r->secrets->onion[i].secret, SMX_X25519);
        }
    return SMX_RELAY_ONION_STATE - w.left;
}

enum smx_err smx_relay_onion_load(struct smx_relay *r, const uint8_t *in, size_t len)
{
    struct smx_rd rd = {in, len, false};

    if (len > SMX_RELAY_ONION_STATE || len % (8 + SMX_X25519) != 0)
        return SMX_E_MALFORMED;
    for (size_t i = 0; rd.left > 0; i++) {
        uint64_t epoch = smx_rd_u64(&rd);

        smx_x25519_from_secret(&r->secrets->onion[i], smx_rd_view(&rd, SMX_X25519));
        set_onion(r, i, epoch);
    }
    return SMX_OK;
}

/* The mix clock starts, at a random phase, with the first consensus: it names the tick. */
static void start_clock(struct smx_relay *r, smx_time now)
{
    const struct smx_params *p = &r->consensus.params;

    r->tick = SMX_MS(p->tick_ms);
    r->period[SMX_PERIOD_SLOT] = p->slot_period_ms / p->tick_ms;
    r->period[SMX_PERIOD_LISTEN] = p->listen_period_ms / p->tick_ms;
    assert(r->period[SMX_PERIOD_LISTEN] <= CLASSES_MAX); /* smx_params_check sees to it */
    smx_clock_init(&r->clock, now);
    r->base = now + smx_rng_below(&r->rng, (uint32_t)r->tick);
    r->next = 0;
    r->ticking = true;
}

enum smx_err smx_relay_consensus(struct smx_relay *r, smx_time now, struct smx_consensus *c,
                                 uint8_t *envelope, size_t envelope_len)
{
    struct smx_params *p;
    size_t place;
    enum smx_err err;

    smx_consensus_free(&r->consensus);
    r->consensus = *c;
    memset(c, 0, sizeof *c);
    free(r->document[1].bytes);
    r->document[1] = r->document[0];
    r->document[0] =
        (struct document){.serial = r->document[1].serial + 1, .bytes = envelope, .len = envelope_len};
    place = smx_consensus_find(&r->consensus, r->config.id);
    r->place = place == SMX_RELAY_NONE ? NONE : (uint32_t)place;
    if (!r->ticking)
        start_clock(r, now);
    p = &r->consensus.params;
    r->timing = (struct smx_link_timing){.relay_q = r->tick,
                                         .client_q = r->tick * r->period[SMX_PERIOD_SLOT],
                                         .margin_min = SMX_US(p->margin_min_us),
                                         .margin_max = SMX_US(p->margin_max_us),
                                         .margin_unknown = SMX_US(p->margin_unknown_us)};
    smx_endpoint_set_timing(r->ep, &r->timing);
    err = smx_relay_meet_neighbours(r, now);
    if (err != SMX_OK)
        return err;
    return r->place == NONE ? SMX_E_ABSENT : SMX_OK;
}

const struct smx_consensus *smx_relay_current(const struct smx_relay *r)
{
    return r->ticking ? &r->consensus : NULL;
}

bool smx_relay_is_end(const struct smx_relay *r)
{
    return r->place != NONE && r->consensus.relay[r->place].layer == SMX_LAYER_END;
}

void smx_relay_batch(struct smx_relay *r, struct smx_batch *batch)
{
    smx_batch_free(r->batch);
    r->batch = batch;
}

/* ---- what it did ---- */

const struct smx_relay_counters *smx_relay_counters(const struct smx_relay *r)
{
    return &r->count;
}

const struct smx_link_counters *smx_relay_link_counters(const struct smx_relay *r)
{
    return smx_endpoint_counters(r->ep);
}

size_t smx_relay_circuits(const struct smx_relay *r)
{
    return r->circuit_used;
}

size_t smx_relay_idle_clients(const struct smx_relay *r)
{
    return r->floor.count;
}

/* Rounded up: what is known is never 0. */
static uint16_t rtt_ms(smx_time rtt)
{
    smx_time ms = (rtt + SMX_MS(1) - 1) / SMX_MS(1);

    return ms < UINT16_MAX ? (uint16_t)ms : UINT16_MAX;
}

size_t smx_relay_link_reports(struct smx_relay *r, struct smx_link_report *reports, size_t count)
{
    size_t n = 0;

    for (uint32_t i = 0; i < r->links && n < count; i++) {
        struct neighbour *nb = &r->neighbour[i];

        if (!nb->used || nb->place == NONE)
            continue;
        memcpy(reports[n].id, r->consensus.relay[nb->place].id, SMX_DOC_KEY);
        reports[n].rtt_ms = nb->up ? rtt_ms(smx_link_rtt(r->ep, i)) : 0;
        reports[n++].circuits = nb->load_max;
        nb->load_max = 0;
    }
    return n;
}
