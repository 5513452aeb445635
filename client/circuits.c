/* client/circuits.c - the fixed set of circuits.
 *
 *   (open_at) --> built by proto/circuit/origin --> open: slot: cookie, listening: LISTEN, errand: its stream
 *       ^                        |                        |
 *       +----- random wait ------+--------- died ---------+
 *
 * Timers: open_at, one a circuit.  A circuit without one still has its turns, as filler. */
#include "client/core.h"

#include <stdlib.h>
#include <string.h>

enum {
    START_MS = 1000,         /* links of relays that start together with us come up first */
    START_MEAN_MS = 300,     /* until the first build, and before each EXTEND */
    FIRST_MEAN_MS = 3000,    /* until the next try, while a circuit has not stood yet */
    FIRST_TRIES = 20,        /* of these in an epoch */
    REBUILD_MEAN_MS = 20000, /* after a death */
    REBUILDS = 3,            /* an epoch */
};

struct circuit *smx_circuit_of(struct smx_client *c, enum circuit_role role, size_t of)
{
    if (role == CIRCUIT_SLOT)
        return &c->circuit[of];
    return &c->circuit[c->slots + 2 * of + (role == CIRCUIT_ERRAND)];
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
    c->circuit_count = c->slots + 2 * c->identity_count;
    for (size_t i = 0; i < c->circuit_count; i++) {
        struct circuit *k = &c->circuit[i];
        size_t n = i < c->slots ? 0 : i - c->slots;

        k->role = i < c->slots ? CIRCUIT_SLOT : n % 2 == 0 ? CIRCUIT_LISTEN : CIRCUIT_ERRAND;
        k->of = (uint8_t)(i < c->slots ? i : n / 2);
        k->phase = k->role == CIRCUIT_ERRAND; /* an identity's two circuits share a cell by turns */
        k->open_at = SMX_NEVER;
        smx_origin_init(&k->origin, k->role == CIRCUIT_SLOT ? SMX_PERIOD_SLOT : SMX_PERIOD_LISTEN,
                        k->role == CIRCUIT_SLOT ? 1 : 2, &c->rng);
        if (k->role == CIRCUIT_SLOT)
            continue;
        k->rx_cap = k->role == CIRCUIT_ERRAND ? STREAM_ERRAND : STREAM_SMALL;
        k->tx = malloc(STREAM_SMALL);
        k->rx = malloc(k->rx_cap);
        if (!k->tx || !k->rx)
            return SMX_E_MEMORY;
    }
    return SMX_OK;
}

void smx_circuits_free(struct smx_client *c)
{
    for (size_t i = 0; i < c->circuit_count; i++) {
        smx_origin_fini(&c->circuit[i].origin);
        free(c->circuit[i].tx);
        free(c->circuit[i].rx);
    }
}

/* Back to the state before it was opened. */
static void clear(struct smx_client *c, struct circuit *k)
{
    uint8_t period = k->origin.period;
    uint32_t ticks = k->origin.ticks;

    smx_origin_fini(&k->origin);
    smx_origin_init(&k->origin, period, ticks, &c->rng);
    if (k->role == CIRCUIT_LISTEN)
        c->identity[k->of].listening = false;
}

void smx_circuits_reset(struct smx_client *c, smx_time now)
{
    for (size_t i = 0; i < c->circuit_count; i++) {
        struct circuit *k = &c->circuit[i];

        if (k->role == CIRCUIT_SLOT)
            smx_meeting_lost(c, now, k->of);
        clear(c, k);
        k->stood = false;
        k->rebuilds = 0;
        k->open_at = now + SMX_MS(START_MS) + smx_rng_exp(&c->rng, SMX_MS(START_MEAN_MS));
    }
    c->changes |= SMX_CLIENT_STATUS;
}

void smx_circuit_drop(struct smx_client *c, struct circuit *k, smx_time now)
{
    uint64_t epoch = (uint64_t)c->wall.s / c->consensus.params.epoch_s;

    c->count.circuits_died++;
    c->changes |= SMX_CLIENT_STATUS;
    if (k->role == CIRCUIT_SLOT)
        smx_meeting_lost(c, now, k->of);
    clear(c, k);
    if (k->rebuild_epoch != epoch)
        k->rebuilds = 0;
    k->rebuild_epoch = epoch;
    if (k->rebuilds++ < (k->stood ? REBUILDS : FIRST_TRIES))
        k->open_at = now + smx_rng_exp(&c->rng, SMX_MS(k->stood ? REBUILD_MEAN_MS : FIRST_MEAN_MS));
    else /* enough for this epoch; what comes in the next may do better */
        k->open_at =
            now + SMX_SECOND(c->consensus.params.epoch_s) + smx_rng_exp(&c->rng, SMX_MS(REBUILD_MEAN_MS));
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
            taken = taken || c->circuit[i].origin.back_id == id;
    } while (taken);
    return id;
}

static void open_circuit(struct smx_client *c, struct circuit *k, smx_time now)
{
    struct smx_hop_target path[END + 1];

    k->open_at = SMX_NEVER;
    if (!smx_paths_draw(c, k, path)) {
        smx_client_set_problem(c, SMX_CLIENT_NO_PATH);
        k->open_at = now + smx_rng_exp(&c->rng, SMX_MS(FIRST_MEAN_MS));
        return;
    }
    if (smx_origin_open(&k->origin, now, smx_client_next_tick(c), k->phase, path, END + 1, draw_id(c),
                        (uint8_t)k->phase, SMX_MS(START_MEAN_MS)) != SMX_OK)
        smx_circuit_drop(c, k, now);
}

/* ---- events ---- */

static void opened(struct smx_client *c, struct circuit *k, smx_time now)
{
    struct smx_stream_config config = {.tx = k->tx,
                                       .rx = k->rx,
                                       .tx_cap = STREAM_SMALL,
                                       .rx_cap = k->rx_cap,
                                       .period = c->q * k->origin.ticks};

    c->count.circuits_opened++;
    c->changes |= SMX_CLIENT_STATUS;
    k->stood = true;
    if (k->role == CIRCUIT_SLOT)
        return; /* the slot places its cookie when it next looks */
    smx_stream_init(&k->stream, &config, now);
    if (k->role == CIRCUIT_LISTEN)
        smx_identity_listen(c, k->of, now);
    else
        smx_errand_opened(c, k->of);
}

static void segment(struct smx_client *c, struct circuit *k, smx_time now, const struct smx_hop_msg *m)
{
    const uint8_t *msg;
    size_t len;

    if (k->role == CIRCUIT_SLOT || smx_stream_receive(&k->stream, now, m->content, m->len) != SMX_OK)
        return;
    while (smx_stream_message(&k->stream, &msg, &len)) {
        if (k->role == CIRCUIT_ERRAND)
            smx_errand_message(c, now, k->of, msg, len);
        else if (len == SMX_SERVICE_HEAD + SMX_MEET_1 && msg[0] == SMX_SERVICE_INTRODUCED)
            smx_meeting_introduced(c, now, k->of, msg + SMX_SERVICE_HEAD, len - SMX_SERVICE_HEAD);
    }
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
            segment(c, k, now, &rx->msg);
        else if (slot)
            smx_meeting_message(c, now, k->of, rx);
        return;
    case SMX_ORIGIN_PEER:
        if (slot)
            smx_pipe_cell(c, now, &c->meeting[k->of], peer_tick, cell + SMX_CELL_HEAD);
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
            smx_meeting_failed(c, now, k->of, rx->request);
        else
            smx_circuit_drop(c, k, now); /* it can't listen here */
        return;
    case SMX_ORIGIN_DIED:
        smx_circuit_drop(c, k, now);
        return;
    }
}

static struct circuit *find(struct smx_client *c, uint32_t back_id)
{
    for (size_t i = 0; back_id != 0 && i < c->circuit_count; i++)
        if (c->circuit[i].origin.back_id == back_id)
            return &c->circuit[i];
    return NULL;
}

void smx_circuits_command(struct smx_client *c, smx_time now, const uint8_t cell[SMX_CELL_SIZE])
{
    struct smx_created created;
    struct smx_refused refused;
    struct smx_origin_rx rx;
    struct circuit *k;
    uint8_t type = smx_command_type(cell);

    if (type == SMX_CMD_CREATED && smx_created_decode(&created, cell) == SMX_OK &&
        (k = find(c, created.back_id))) {
        smx_origin_created(&k->origin, now, smx_link_last_tick(c->ep, c->uplink.link), &created, &rx);
        event(c, k, now, 0, &rx, NULL);
    } else if (type == SMX_CMD_REFUSED && smx_refused_decode(&refused, cell) == SMX_OK &&
               (k = find(c, refused.back_id))) {
        c->count.circuits_refused++;
        smx_origin_refused(&k->origin, &rx);
        event(c, k, now, 0, &rx, NULL);
    }
}

void smx_circuits_cell(struct smx_client *c, smx_time now, uint64_t peer_tick, uint8_t cell[SMX_CELL_SIZE])
{
    struct circuit *k = find(c, smx_cell_head_read(cell).circuit);
    struct smx_origin_rx rx;

    if (!k)
        return;
    smx_origin_cell(&k->origin, now, peer_tick, cell, &rx);
    event(c, k, now, peer_tick, &rx, cell);
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

    if (smx_circuit_is_open(k) && k->role == CIRCUIT_SLOT) {
        if (k->origin.joined) {
            real = smx_pipe_turn(c, now, &c->meeting[k->of], body) || own;
            send.peer = body;
        }
    } else if (smx_circuit_is_open(k) && !own) {
        send.content_len = smx_stream_segment(&k->stream, now, seg, sizeof seg);
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

void smx_circuits_expire(struct smx_client *c, smx_time now)
{
    for (size_t i = 0; i < c->circuit_count; i++) {
        struct circuit *k = &c->circuit[i];
        struct smx_origin_rx rx;

        if (now >= k->open_at && c->uplink.up && c->uplink.role == UPLINK_GUARD)
            open_circuit(c, k, now);
        do {
            smx_origin_expire(&k->origin, now, &rx);
            event(c, k, now, 0, &rx, NULL);
        } while (rx.event != SMX_ORIGIN_NOTHING);
    }
}
