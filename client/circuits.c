/* client/circuits.c - the fixed set of circuits.
 *
 *   (open_at) --> built by proto/circuit/origin --> open: slot: cookie, listening: LISTEN, errand: its stream
 *       ^                        |                        |  ^
 *       +----- random wait ------+--------- died ---------+  +-- renewed: `young` is built, stands, takes
 * over
 *
 * Renewal.  Once an epoch, at a time drawn anew for each epoch and circuit, a new circuit is built beside the
 * old one, which goes on.  The two share the turns, and the place at the guard: nobody on the link sees more
 * or fewer cells.  When the young one stands (a listening one: when it listens) it takes over; the old one
 * falls silent, and fades at the relays.  A listening circuit's old one is still heard for a while, as
 * something may be under way on it.  A slot is renewed only while nothing needs it; if that changes, the
 * young one is given up.
 *
 * Timers: open_at; renew_at; linger.  A circuit without an origin that lives still has its turns, as
 * filler. */
#include "client/core.h"

#include <stdlib.h>
#include <string.h>

enum {
    START_MS = 1000,         /* links of relays that start together with us come up first */
    START_MEAN_MS = 300,     /* until the first build, and before each EXTEND of it */
    FIRST_MEAN_MS = 3000,    /* until the next try, while a circuit has not stood yet */
    FIRST_TRIES = 20,        /* of these in an epoch */
    EXTEND_MEAN_MS = 1000,   /* before each EXTEND, when it is renewed or rebuilt */
    REBUILD_MEAN_MS = 20000, /* after a death, a renewal that failed or could not be */
    REBUILDS = 3,            /* an epoch, both together */
    LATER_SHARE = 30,        /* a renewal is put off by an epoch / this at the most, in the mean */
    LEAST_SHARE = 10,        /* a circuit that first stands in the last epoch / this is not renewed in it */
    LINGER_MS = 4000,        /* a listening circuit that was replaced is still heard: some retransmissions */
    SILENT_MAX = 50, /* datagrams of the guard in a row without a cell of a circuit: he has ended it */
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
        uint8_t period = i < c->slots ? SMX_PERIOD_SLOT : SMX_PERIOD_LISTEN;

        k->role = i < c->slots ? CIRCUIT_SLOT : n % 2 == 0 ? CIRCUIT_LISTEN : CIRCUIT_ERRAND;
        k->of = (uint8_t)(i < c->slots ? i : n / 2);
        k->phase = k->role == CIRCUIT_ERRAND; /* an identity's two circuits share a cell by turns */
        k->open_at = k->renew_at = SMX_NEVER;
        smx_origin_init(&k->origin, period, i < c->slots ? 1 : 2, &c->rng);
        smx_origin_init(&k->young, period, i < c->slots ? 1 : 2, &c->rng);
        if (k->role == CIRCUIT_SLOT)
            continue;
        k->rx_cap = k->role == CIRCUIT_ERRAND ? STREAM_ERRAND : STREAM_SMALL;
        k->tx = malloc(STREAM_SMALL);
        k->rx = malloc(k->rx_cap);
        if (!k->tx || !k->rx)
            return SMX_E_MEMORY;
        if (k->role == CIRCUIT_ERRAND)
            continue;
        k->old_tx = malloc(STREAM_SMALL);
        k->old_rx = malloc(k->rx_cap);
        if (!k->old_tx || !k->old_rx)
            return SMX_E_MEMORY;
    }
    return SMX_OK;
}

void smx_circuits_free(struct smx_client *c)
{
    for (size_t i = 0; i < c->circuit_count; i++) {
        struct circuit *k = &c->circuit[i];

        smx_origin_fini(&k->origin);
        smx_origin_fini(&k->young);
        free(k->tx);
        free(k->rx);
        free(k->old_tx);
        free(k->old_rx);
    }
}

/* Back to the state before it was opened. */
static void clear(struct smx_client *c, struct smx_origin *o)
{
    uint8_t period = o->period;
    uint32_t ticks = o->ticks;

    smx_origin_fini(o);
    smx_origin_init(o, period, ticks, &c->rng);
}

/* Is a new circuit being built beside the old one? */
static bool is_renewing(const struct circuit *k)
{
    return k->young.state != SMX_ORIGIN_IDLE && k->linger == 0;
}

static void drop_young(struct smx_client *c, struct circuit *k)
{
    clear(c, &k->young);
    k->linger = 0;
}

static void drop_both(struct smx_client *c, struct circuit *k, smx_time now)
{
    if (k->role == CIRCUIT_SLOT)
        smx_meeting_lost(c, now, k->of);
    else if (k->role == CIRCUIT_LISTEN)
        c->identity[k->of].listening = false;
    clear(c, &k->origin);
    k->silent = 0;
    c->changes |= SMX_CLIENT_STATUS;
}

void smx_circuits_reset(struct smx_client *c, smx_time now, bool urgent)
{
    for (size_t i = 0; i < c->circuit_count; i++) {
        struct circuit *k = &c->circuit[i];

        drop_young(c, k);
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

static void begin_stream(struct smx_client *c, struct circuit *k, smx_time now)
{
    struct smx_stream_config config = {.tx = k->tx,
                                       .rx = k->rx,
                                       .tx_cap = STREAM_SMALL,
                                       .rx_cap = k->rx_cap,
                                       .period = c->q * k->origin.ticks};

    smx_stream_init(&k->stream, &config, now);
}

/* The young one goes on alone; it may still be under construction. */
static void promote(struct smx_client *c, struct circuit *k)
{
    k->origin = k->young;
    if (k->origin.hop_count > 0)
        k->place = k->origin.forward_id;
    k->silent = 0;
    smx_origin_init(&k->young, k->origin.period, k->origin.ticks, &c->rng); /* what it had has moved */
}

void smx_circuit_drop(struct smx_client *c, struct circuit *k, smx_time now)
{
    bool renewing = is_renewing(k);

    c->count.circuits_died++;
    if (!renewing)
        drop_young(c, k);
    drop_both(c, k, now);
    if (renewing) {
        promote(c, k);
        if (smx_circuit_is_open(k)) /* it asks for LISTEN already */
            begin_stream(c, k, now);
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
            taken = taken || c->circuit[i].origin.back_id == id || c->circuit[i].young.back_id == id;
    } while (taken);
    return id;
}

/* o: the origin of k, or the young one.  SMX_E_ABSENT: there is no path now. */
static enum smx_err build(struct smx_client *c, struct circuit *k, struct smx_origin *o, smx_time now,
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
    enum smx_err err = build(c, k, &k->origin, now,
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

/* ---- renewal ---- */

/* A time in what is left of the epoch. */
static void draw_renewal(struct smx_client *c, struct circuit *k, smx_time now)
{
    uint64_t epoch = c->consensus.params.epoch_s, left = epoch - (uint64_t)c->wall.s % epoch;

    k->renew_at = left < epoch / LEAST_SHARE ? SMX_NEVER : now + smx_rng_u64(&c->rng) % SMX_SECOND(left);
}

/* Often enough for the epoch, when epochs are short. */
static void renew_later(struct smx_client *c, struct circuit *k, smx_time now)
{
    smx_time most = SMX_SECOND(c->consensus.params.epoch_s) / LATER_SHARE;

    k->renew_at = now + smx_rng_exp(&c->rng, smx_time_min(SMX_MS(REBUILD_MEAN_MS), most));
}

static void watch_epoch(struct smx_client *c, struct circuit *k, smx_time now)
{
    uint64_t epoch = (uint64_t)c->wall.s / c->consensus.params.epoch_s;

    if (k->epoch == epoch)
        return;
    k->epoch = epoch;
    k->rebuilds = 0;
    if (k->due) /* from the epoch before: it has little time left */
        renew_later(c, k, now);
    else
        draw_renewal(c, k, now);
}

static void renewal_failed(struct smx_client *c, struct circuit *k, smx_time now)
{
    c->count.renewals_failed++;
    drop_young(c, k);
    k->renew_at = SMX_NEVER;
    if (k->rebuilds++ < REBUILDS)
        renew_later(c, k, now);
}

static bool may_renew(const struct smx_client *c, const struct circuit *k)
{
    return k->role != CIRCUIT_SLOT || smx_meeting_may_renew(c, k->of);
}

/* Its time has come. */
static void renew(struct smx_client *c, struct circuit *k, smx_time now)
{
    if (k->young.state != SMX_ORIGIN_IDLE) { /* the last renewal was drawn late, this one early */
        draw_renewal(c, k, now);
        return;
    }
    k->renew_at = SMX_NEVER;
    if (k->origin.state == SMX_ORIGIN_IDLE) { /* it had died too often */
        if (k->open_at == SMX_NEVER)
            k->open_at = now;
        return;
    }
    if (!smx_circuit_is_open(k))
        return; /* it is new */
    k->due = true;
    if (!may_renew(c, k))
        renew_later(c, k, now); /* not when the slot comes free: that would tell when */
    else if (build(c, k, &k->young, now, SMX_MS(EXTEND_MEAN_MS)) != SMX_OK)
        renewal_failed(c, k, now);
}

void smx_circuit_renew(struct smx_client *c, struct circuit *k, smx_time now)
{
    (void)c;
    k->renew_at = now;
}

bool smx_circuit_is_due(const struct smx_client *c, const struct circuit *k)
{
    return k->due && !may_renew(c, k);
}

/* The old stream keeps its buffers, and the new one gets the other pair. */
static void exchange_streams(struct circuit *k)
{
    uint8_t *tx = k->tx, *rx = k->rx;

    k->old_stream = k->stream;
    k->tx = k->old_tx;
    k->rx = k->old_rx;
    k->old_tx = tx;
    k->old_rx = rx;
}

static void take_over(struct smx_client *c, struct circuit *k, smx_time now)
{
    struct smx_origin old = k->origin;

    c->count.circuits_renewed++;
    c->changes |= SMX_CLIENT_STATUS;
    k->due = false;
    promote(c, k);
    switch (k->role) {
    case CIRCUIT_SLOT:
        smx_meeting_renewed(c, now, k->of);
        break;
    case CIRCUIT_LISTEN:
        exchange_streams(k);
        begin_stream(c, k, now);
        smx_identity_listening(c, k->of, now);
        k->young = old;
        k->linger = now + SMX_MS(LINGER_MS);
        return;
    case CIRCUIT_ERRAND:
        begin_stream(c, k, now);
        smx_errand_opened(c, k->of);
        break;
    }
    smx_origin_fini(&old);
}

static void young_event(struct smx_client *c, struct circuit *k, smx_time now, const struct smx_origin_rx *rx)
{
    switch (rx->event) {
    case SMX_ORIGIN_NOTHING:
    case SMX_ORIGIN_MESSAGE: /* what is said too early is said again */
    case SMX_ORIGIN_PEER:
        return;
    case SMX_ORIGIN_OPENED:
        if (k->role == CIRCUIT_LISTEN)
            smx_identity_listen(c, k->of, &k->young, now);
        else
            take_over(c, k, now);
        return;
    case SMX_ORIGIN_ANSWERED:
        take_over(c, k, now);
        return;
    case SMX_ORIGIN_FAILED:
    case SMX_ORIGIN_DIED:
        renewal_failed(c, k, now);
        return;
    }
}

/* ---- events ---- */

static void opened(struct smx_client *c, struct circuit *k, smx_time now)
{
    c->count.circuits_opened++;
    c->changes |= SMX_CLIENT_STATUS;
    if (!k->stood)
        draw_renewal(c, k, now);
    k->stood = true;
    if (k->role == CIRCUIT_SLOT)
        return; /* the slot places its cookie when it next looks */
    begin_stream(c, k, now);
    if (k->role == CIRCUIT_LISTEN)
        smx_identity_listen(c, k->of, &k->origin, now);
    else
        smx_errand_opened(c, k->of);
}

static void segment(struct smx_client *c, struct circuit *k, struct smx_stream *stream, smx_time now,
                    const struct smx_hop_msg *m)
{
    struct smx_service_msg said;
    const uint8_t *msg;
    size_t len;

    if (k->role == CIRCUIT_SLOT || smx_stream_receive(stream, now, m->content, m->len) != SMX_OK)
        return;
    while (smx_stream_message(stream, &msg, &len)) {
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
            segment(c, k, &k->stream, now, &rx->msg);
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

/* Of the old one of a listening circuit, after its renewal. */
static void old_event(struct smx_client *c, struct circuit *k, smx_time now, const struct smx_origin_rx *rx)
{
    if (rx->event == SMX_ORIGIN_MESSAGE && rx->msg.type == SMX_HOP_STREAM && rx->hop == END)
        segment(c, k, &k->old_stream, now, &rx->msg);
    else if (rx->event == SMX_ORIGIN_DIED)
        drop_young(c, k);
}

/* Of the origin o of k, whichever that is. */
static void event_of(struct smx_client *c, struct circuit *k, const struct smx_origin *o, smx_time now,
                     uint64_t peer_tick, const struct smx_origin_rx *rx, uint8_t *cell)
{
    if (o == &k->origin)
        event(c, k, now, peer_tick, rx, cell);
    else if (k->linger != 0)
        old_event(c, k, now, rx);
    else
        young_event(c, k, now, rx);
}

/* Whose cells have this id?  *k: the circuit that it belongs to. */
static struct smx_origin *find(struct smx_client *c, uint32_t back_id, struct circuit **k)
{
    for (size_t i = 0; back_id != 0 && i < c->circuit_count; i++) {
        *k = &c->circuit[i];
        if ((*k)->origin.back_id == back_id)
            return &(*k)->origin;
        if ((*k)->young.back_id == back_id)
            return &(*k)->young;
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

/* Two circuits that share the turns take them one by one, but what the building needs goes first.  Before it
 * is CREATED a young one could send nothing else. */
static struct smx_origin *whose_turn(struct circuit *k, smx_time now)
{
    if (k->young.state == SMX_ORIGIN_IDLE)
        return &k->origin;
    if (smx_origin_needs_turn(&k->young, now))
        return &k->young;
    if (k->young.hop_count == 0 && !k->young.works) /* work is done in its turns */
        return &k->origin;
    k->young_turn = !k->young_turn;
    return k->young_turn ? &k->young : &k->origin;
}

/* A turn of the young one, or of the old one that lingers. */
static bool other_turn(struct circuit *k, smx_time now, uint64_t tick, uint8_t cell[SMX_CELL_SIZE])
{
    struct smx_origin_send send = {.peer = NULL};
    uint8_t seg[SMX_HOP_CONTENT];
    bool real = smx_origin_needs_turn(&k->young, now);

    if (k->linger != 0 && !real) {
        send.content_len = smx_stream_segment(&k->old_stream, now, seg, sizeof seg);
        send.content = send.content_len > 0 ? seg : NULL;
        send.hop = END;
        send.type = SMX_HOP_STREAM;
        real = send.content != NULL;
    }
    smx_origin_turn(&k->young, now, tick, &send, cell);
    return real;
}

bool smx_circuit_turn(struct smx_client *c, struct circuit *k, smx_time now, uint64_t tick,
                      uint8_t cell[SMX_CELL_SIZE])
{
    struct smx_origin_send send = {.peer = NULL};
    uint8_t body[SMX_PIPE_CELL], seg[SMX_HOP_CONTENT];
    bool own = smx_origin_needs_turn(&k->origin, now), real = own;
    struct meeting *m = k->role == CIRCUIT_SLOT ? smx_move_pipe_on(c, k->of) : NULL;

    if (whose_turn(k, now) != &k->origin)
        return other_turn(k, now, tick, cell);
    if (smx_circuit_is_open(k) && k->role == CIRCUIT_SLOT) {
        if (k->origin.joined && m && m->state >= MEETING_PROVE && m->state <= MEETING_CLOSING) {
            real = smx_pipe_turn(c, now, tick, m, body) || own;
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

static void expire(struct smx_client *c, struct circuit *k, smx_time now)
{
    bool up = c->uplink.up && c->uplink.role == UPLINK_GUARD;
    struct smx_origin_rx rx;

    watch_epoch(c, k, now);
    if (up && now >= k->open_at)
        open_circuit(c, k, now);
    if (is_renewing(k) && !may_renew(c, k)) { /* it is needed as it is */
        drop_young(c, k);
        renew_later(c, k, now);
    }
    if (up && now >= k->renew_at && !c->cover_off) /* without cover a guard could not tell the two from one */
        renew(c, k, now);
    if (k->linger != 0 && now >= k->linger)
        drop_young(c, k);
    do {
        smx_origin_expire(&k->young, now, &rx);
        event_of(c, k, &k->young, now, 0, &rx, NULL);
    } while (rx.event != SMX_ORIGIN_NOTHING);
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
