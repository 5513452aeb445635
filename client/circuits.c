/* client/circuits.c - the fixed set of circuits.
 *
 *   (open_at) --> built by proto/circuit/origin --> open: slot: cookie, listening: LISTEN, errand: its stream
 *       ^                        |                        |  ^
 *       +----- random wait ------+--------- died ---------+  +-- renewed: `young` is built, stands, takes
 * over
 *
 * Renewal: client/renew.c.  Timers: open_at.  A circuit without an origin that lives still has its turns, as
 * filler. */
#include "client/core.h"

#include <sodium.h>
#include <stdlib.h>
#include <string.h>

enum {
    START_MS = 1000,         /* links of relays that start together with us come up first */
    START_MEAN_MS = 300,     /* until the first build, and before each EXTEND of it */
    FIRST_MEAN_MS = 3000,    /* until the next try, while a circuit has not stood yet */
    FIRST_TRIES = 20,        /* of these in an epoch */
    EXTEND_MEAN_MS = 1000,   /* before each EXTEND, when it is rebuilt */
    REBUILD_MEAN_MS = 20000, /* after a death */
    REBUILDS = 3,            /* an epoch, with renewals that failed */
    SILENT_MAX = 50, /* datagrams of the guard in a row without a cell of a circuit: he has ended it */
};

struct circuit *smx_circuit_of(const struct smx_client *c, enum circuit_role role, size_t of)
{
    if (role == CIRCUIT_SLOT)
        return &c->circuit[of];
    return &c->circuit[c->slots + 2 * of + (role == CIRCUIT_ERRAND)];
}

size_t smx_circuit_identity(const struct smx_client *c, const struct circuit *k)
{
    return k->role == CIRCUIT_SLOT ? k->of / c->slots_each : k->of;
}

bool smx_circuit_is_open(const struct circuit *k)
{
    return k->origin.state == SMX_ORIGIN_OPEN;
}

const uint8_t *smx_circuit_end(const struct circuit *k)
{
    return k->origin.path[END].id;
}

/* ---- life ---- */

enum smx_err smx_circuits_new(struct smx_client *c)
{
    size_t count = c->slots + 2 * c->identity_count;

    c->circuit = calloc(count, sizeof *c->circuit);
    if (!c->circuit)
        return SMX_E_MEMORY;
    c->circuit_count = count;
    for (size_t i = 0; i < count; i++) {
        struct circuit *k = &c->circuit[i];
        size_t n = i < c->slots ? 0 : i - c->slots;
        uint8_t period = i < c->slots ? SMX_PERIOD_SLOT : SMX_PERIOD_LISTEN;

        k->role = i < c->slots ? CIRCUIT_SLOT : n % 2 == 0 ? CIRCUIT_LISTEN : CIRCUIT_ERRAND;
        k->of = (uint8_t)(i < c->slots ? i : n / 2);
        k->phase = k->role == CIRCUIT_ERRAND; /* an identity's two circuits share a cell by turns */
        k->open_at = k->renew_at = SMX_NEVER;
        smx_origin_init(&k->origin, period, i < c->slots ? 1 : 2, &c->rng);
        if (k->role != CIRCUIT_SLOT && !(k->channel = smx_channel_new()))
            return SMX_E_MEMORY;
    }
    return SMX_OK;
}

void smx_circuits_free(struct smx_client *c)
{
    for (size_t i = 0; i < c->circuit_count; i++) {
        struct circuit *k = &c->circuit[i];

        smx_young_drop(k);
        smx_origin_fini(&k->origin);
        smx_channel_free(k->channel);
    }
    if (c->circuit)
        sodium_memzero(c->circuit, c->circuit_count * sizeof *c->circuit);
    free(c->circuit);
}

void smx_circuit_clear(struct smx_client *c, struct smx_origin *o)
{
    uint8_t period = o->period;
    uint32_t ticks = o->ticks;

    smx_origin_fini(o);
    smx_origin_init(o, period, ticks, &c->rng);
}

static void drop_both(struct smx_client *c, struct circuit *k, smx_time now)
{
    if (k->role == CIRCUIT_SLOT)
        smx_meeting_lost(c, now, k->of);
    else if (k->role == CIRCUIT_LISTEN)
        c->identity[k->of].listening = false;
    smx_circuit_clear(c, &k->origin);
    k->silent = 0;
    c->changes |= SMX_CLIENT_STATUS;
}

void smx_circuits_reset(struct smx_client *c, smx_time now, bool urgent)
{
    for (size_t i = 0; i < c->circuit_count; i++) {
        struct circuit *k = &c->circuit[i];

        smx_young_drop(k);
        drop_both(c, k, now);
        if (urgent)
            k->open_at = now;
        else if (k->stood) /* it was the network, and we are not the only ones who come back */
            k->open_at = now + smx_rng_exp(&c->rng, SMX_MS(FIRST_MEAN_MS));
        else
            k->open_at = now + SMX_MS(START_MS) + smx_rng_exp(&c->rng, SMX_MS(START_MEAN_MS));
        k->urgent = urgent;
        k->stood = false;
        k->rebuilds = 0;
    }
}

void smx_circuit_begin_channel(struct smx_client *c, struct circuit *k, smx_time now)
{
    smx_channel_begin(k->channel, c->q * k->origin.ticks, now);
}

void smx_circuit_drop(struct smx_client *c, struct circuit *k, smx_time now)
{
    bool renewing = smx_circuit_is_renewing(k);

    c->count.circuits_died++;
    if (!renewing)
        smx_young_drop(k);
    drop_both(c, k, now);
    if (renewing) {
        smx_young_promote(c, k);
        if (smx_circuit_is_open(k)) /* it asks for LISTEN already */
            smx_circuit_begin_channel(c, k, now);
        return;
    }
    k->open_at = SMX_NEVER; /* enough for this epoch; what is drawn in the next may do better */
    if (k->rebuilds++ < (k->stood ? REBUILDS : FIRST_TRIES))
        k->open_at = now + smx_rng_exp(&c->rng, SMX_MS(k->stood ? REBUILD_MEAN_MS : FIRST_MEAN_MS));
}

/* An id for backward cells that no circuit of ours has. */
static uint32_t draw_id(struct smx_client *c)
{
    uint32_t id;
    bool taken;

    do {
        id = smx_rng_u32(&c->rng);
        taken = id == 0;
        for (size_t i = 0; i < c->circuit_count; i++)
            taken = taken || c->circuit[i].origin.back_id == id ||
                    (c->circuit[i].young && c->circuit[i].young->origin.back_id == id);
    } while (taken);
    return id;
}

enum smx_err smx_circuit_build(struct smx_client *c, struct circuit *k, struct smx_origin *o, smx_time now,
                               smx_time wait_mean)
{
    struct smx_hop_target path[END + 1];

    if (!smx_paths_draw(c, k, path))
        return SMX_E_ABSENT;
    o->create.replaces = k->place;
    return smx_origin_open(o, now, smx_client_next_tick(c), k->phase, path, END + 1, draw_id(c),
                           (uint8_t)k->phase, wait_mean);
}

static void open_circuit(struct smx_client *c, struct circuit *k, smx_time now)
{
    enum smx_err err = smx_circuit_build(c, k, &k->origin, now,
                                         k->urgent  ? 0
                                         : k->stood ? SMX_MS(EXTEND_MEAN_MS)
                                                    : SMX_MS(START_MEAN_MS));

    k->open_at = SMX_NEVER;
    k->urgent = false;
    if (err == SMX_E_ABSENT) {
        smx_client_set_problem(c, SMX_CLIENT_NO_PATH);
        k->open_at = now + smx_rng_exp(&c->rng, SMX_MS(FIRST_MEAN_MS));
    } else if (err != SMX_OK) {
        smx_circuit_drop(c, k, now);
    }
}

/* ---- events ---- */

static void opened(struct smx_client *c, struct circuit *k, smx_time now)
{
    c->count.circuits_opened++;
    c->changes |= SMX_CLIENT_STATUS;
    if (!k->stood)
        smx_circuit_draw_renewal(c, k, now);
    k->stood = true;
    if (k->role == CIRCUIT_SLOT)
        return; /* the slot places its cookie when it next looks */
    smx_circuit_begin_channel(c, k, now);
    if (k->role == CIRCUIT_LISTEN)
        smx_identity_listen(c, k->of, &k->origin, now);
    else
        smx_errand_opened(c, k->of);
}

void smx_circuit_segment(struct smx_client *c, struct circuit *k, struct channel *channel, smx_time now,
                         const struct smx_hop_msg *m)
{
    struct smx_service_msg said;
    const uint8_t *msg;
    size_t len;

    if (!channel || smx_channel_receive(channel, now, m->content, m->len) != SMX_OK)
        return;
    while (smx_channel_message(channel, &msg, &len)) {
        if (k->role == CIRCUIT_ERRAND)
            smx_errand_message(c, now, k->of, msg, len);
        else if (smx_service_decode(&said, msg, len) == SMX_OK && said.type == SMX_SERVICE_INTRODUCED)
            smx_screen_introduced(c, now, k->of, said.content, said.len);
    }
}

static void peer_cell(struct smx_client *c, const struct circuit *k, smx_time now, uint64_t peer_tick,
                      uint8_t cell[SMX_PIPE_CELL])
{
    struct meeting *m = smx_move_pipe_on(c, k->of);

    if (m)
        smx_pipe_cell(c, now, m, k->of, peer_tick, cell);
}

static void event(struct smx_client *c, struct circuit *k, smx_time now, uint64_t peer_tick,
                  const struct smx_origin_rx *rx, uint8_t *cell)
{
    bool slot = k->role == CIRCUIT_SLOT;

    switch (rx->event) {
    case SMX_ORIGIN_NOTHING:
        return;
    case SMX_ORIGIN_MESSAGE:
        if (rx->msg.type == SMX_HOP_STREAM && rx->hop == END)
            smx_circuit_segment(c, k, k->channel, now, &rx->msg);
        else if (slot)
            smx_meeting_message(c, now, k->of, rx);
        return;
    case SMX_ORIGIN_PEER:
        if (slot)
            peer_cell(c, k, now, peer_tick, cell + SMX_CELL_HEAD);
        return;
    case SMX_ORIGIN_OPENED:
        if (slot && k->origin.hop_count > END + 1)
            smx_meeting_opened(c, now, k->of);
        else
            opened(c, k, now);
        return;
    case SMX_ORIGIN_ANSWERED:
        if (slot)
            smx_meeting_answered(c, now, k->of, rx);
        else if (rx->request == SMX_HOP_LISTEN)
            smx_identity_listening(c, k->of, now);
        return;
    case SMX_ORIGIN_FAILED:
        if (slot)
            smx_meeting_failed(c, now, k->of, rx->request, rx->msg.type == SMX_HOP_REFUSED);
        else
            smx_circuit_drop(c, k, now); /* it can't listen here */
        return;
    case SMX_ORIGIN_DIED:
        smx_circuit_drop(c, k, now);
        return;
    }
}

/* Of the origin o of k, whichever that is. */
static void event_of(struct smx_client *c, struct circuit *k, const struct smx_origin *o, smx_time now,
                     uint64_t peer_tick, const struct smx_origin_rx *rx, uint8_t *cell)
{
    if (o == &k->origin)
        event(c, k, now, peer_tick, rx, cell);
    else
        smx_young_event(c, k, now, rx);
}

/* Whose cells have this id?  *k: the circuit that it belongs to. */
static struct smx_origin *find(struct smx_client *c, uint32_t back_id, struct circuit **k)
{
    for (size_t i = 0; back_id != 0 && i < c->circuit_count; i++) {
        *k = &c->circuit[i];
        if ((*k)->origin.back_id == back_id)
            return &(*k)->origin;
        if ((*k)->young && (*k)->young->origin.back_id == back_id)
            return &(*k)->young->origin;
    }
    return NULL;
}

void smx_circuits_command(struct smx_client *c, smx_time now, const uint8_t cell[SMX_CELL_SIZE])
{
    struct smx_created created;
    struct smx_refused refused;
    struct smx_origin_rx rx;
    struct smx_origin *o;
    struct circuit *k;
    uint8_t type = smx_command_type(cell);

    if (type == SMX_CMD_CREATED && smx_created_decode(&created, cell) == SMX_OK &&
        (o = find(c, created.back_id, &k))) {
        smx_origin_created(o, now, smx_link_last_tick(c->ep, c->uplink.link), &created, &rx);
        if (o == &k->origin && o->hop_count > 0)
            k->place = o->forward_id;
        event_of(c, k, o, now, 0, &rx, NULL);
    } else if (type == SMX_CMD_REFUSED && smx_refused_decode(&refused, cell) == SMX_OK &&
               (o = find(c, refused.back_id, &k))) {
        c->count.circuits_refused++;
        smx_origin_refused(o, &refused, &rx);
        event_of(c, k, o, now, 0, &rx, NULL);
    }
}

void smx_circuits_datagram(struct smx_client *c)
{
    for (size_t i = 0; i < c->circuit_count; i++)
        if (c->circuit[i].origin.hop_count > 0)
            c->circuit[i].silent++;
}

void smx_circuits_cell(struct smx_client *c, smx_time now, uint64_t peer_tick, uint8_t cell[SMX_CELL_SIZE])
{
    struct circuit *k;
    struct smx_origin *o = find(c, smx_cell_head_read(cell).circuit, &k);
    struct smx_origin_rx rx;

    if (!o)
        return;
    if (o == &k->origin)
        k->silent = 0;
    smx_origin_cell(o, now, peer_tick, cell, &rx);
    event_of(c, k, o, now, peer_tick, &rx, cell);
}

/* ---- turns and time ---- */

bool smx_circuit_has_turn(const struct circuit *k, uint64_t tick)
{
    return tick % k->origin.ticks == k->phase;
}

bool smx_circuit_turn(struct smx_client *c, struct circuit *k, smx_time now, uint64_t tick,
                      uint8_t cell[SMX_CELL_SIZE])
{
    struct smx_origin_send send = {.peer = NULL};
    uint8_t body[SMX_PIPE_CELL], seg[SMX_HOP_CONTENT];
    bool own = smx_origin_needs_turn(&k->origin, now), real = own;
    struct meeting *m = k->role == CIRCUIT_SLOT ? smx_move_pipe_on(c, k->of) : NULL;

    if (smx_young_whose_turn(k, now) != &k->origin)
        return smx_young_turn(k, now, tick, cell);
    if (smx_circuit_is_open(k) && k->role == CIRCUIT_SLOT) {
        if (k->origin.joined && m && m->state >= MEETING_PROVE && m->state <= MEETING_CLOSING) {
            real = smx_pipe_turn(c, now, tick, m, body) || own;
            send.peer = body;
        }
    } else if (smx_circuit_is_open(k) && !own) {
        send.content_len = smx_stream_segment(&k->channel->stream, now, seg, sizeof seg);
        if (send.content_len > 0) {
            send.content = seg;
            send.hop = END;
            send.type = SMX_HOP_STREAM;
            real = true;
        }
    }
    smx_origin_turn(&k->origin, now, tick, &send, cell);
    return real;
}

static void expire(struct smx_client *c, struct circuit *k, smx_time now)
{
    bool up = c->uplink.up && c->uplink.role == UPLINK_GUARD;
    struct smx_origin_rx rx;

    smx_renewal_watch(c, k, now);
    if (up && now >= k->open_at)
        open_circuit(c, k, now);
    smx_renewal_expire(c, k, now, up);
    if (k->silent >= SILENT_MAX && !c->cover_off)
        smx_circuit_drop(c, k, now);
    do {
        smx_origin_expire(&k->origin, now, &rx);
        event_of(c, k, &k->origin, now, 0, &rx, NULL);
    } while (rx.event != SMX_ORIGIN_NOTHING);
}

void smx_circuits_expire(struct smx_client *c, smx_time now)
{
    for (size_t i = 0; c->has_consensus && i < c->circuit_count; i++)
        expire(c, &c->circuit[i], now);
}
