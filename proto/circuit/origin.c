#include "proto/circuit/origin.h"

#include "proto/base/bytes.h"
#include "proto/crypto/work.h"

#include <assert.h>
#include <sodium.h>
#include <string.h>

/* Timers, all in o->next:
 *   CREATING    started by _open, repeated by each sending of CREATE, stopped by CREATED or REFUSED
 *   WAITING     started when a hop stands and another is wanted; its end starts the EXTEND
 *   a request   started by _request, _extend or the end of WAITING, repeated by each sending, stopped by the
 * answer
 * and o->probe_at: started by _doubt.
 *
 * That cells come says nothing of the way forward.  When what was asked by other means is not answered, the
 * end is asked for something that any end answers: to keep a cookie that nobody will ever name. */

enum { WORKS = 8 }; /* times that one hop may ask for more work */

static bool under_way(const struct smx_origin *o)
{
    return o->state == SMX_ORIGIN_CREATING || o->request.active;
}

void smx_origin_init(struct smx_origin *o, uint8_t period, uint32_t ticks, struct smx_rng *rng)
{
    *o = (struct smx_origin){.state = SMX_ORIGIN_IDLE,
                             .rng = rng,
                             .period = period,
                             .ticks = ticks,
                             .next = SMX_NEVER,
                             .probe_at = SMX_NEVER};
}

void smx_origin_fini(struct smx_origin *o)
{
    for (size_t i = 0; i < SMX_ORIGIN_HOPS; i++)
        smx_hop_layers_fini(&o->hop[i].layers);
    smx_noise_fini(&o->handshake);
    sodium_memzero(o, sizeof *o);
    o->next = SMX_NEVER;
}

enum smx_err smx_origin_open(struct smx_origin *o, smx_time now, uint64_t tick, uint32_t phase,
                             const struct smx_hop_target path[], size_t count, uint32_t back_id,
                             uint8_t back_class, smx_time wait_mean)
{
    struct smx_create *c = &o->create;
    enum smx_err err;

    assert(count >= 1 && count < SMX_ORIGIN_HOPS && back_id != 0 && phase < o->ticks);
    if (o->state != SMX_ORIGIN_IDLE)
        return SMX_E_STATE;
    memcpy(o->path, path, count * sizeof path[0]);
    o->own_count = o->path_count = count;
    o->back_id = back_id;
    o->wait_mean = wait_mean;
    while (tick % o->ticks != phase)
        tick++;
    o->send = (struct smx_timetable){.tick0 = tick, .number0 = smx_count_draw(o->rng), .period = o->ticks};
    *c = (struct smx_create){.suite = SMX_SUITE_1,
                             .period = o->period,
                             .back_class = back_class,
                             .back_id = back_id,
                             .first_tick = (uint32_t)tick,
                             .first_number = o->send.number0,
                             .replaces = o->create.replaces};
    memcpy(c->tag, path[0].tag, SMX_KEY_TAG);
    err = smx_hop_start(&o->handshake, c->msg1, &path[0], o->period, o->rng);
    if (err != SMX_OK) {
        o->state = SMX_ORIGIN_DEAD;
        return err;
    }
    o->state = SMX_ORIGIN_CREATING;
    o->tries = o->asked = 0;
    o->bits = 0;
    o->next = now;
    return SMX_OK;
}

/* ---- sending ---- */

bool smx_origin_needs_turn(const struct smx_origin *o, smx_time now)
{
    return under_way(o) && o->tries < SMX_ORIGIN_TRIES && now >= o->next;
}

/* Layers from hop `from` down to the guard, each with that hop's own count for this cell. */
static void wrap(struct smx_origin *o, size_t from, uint64_t count, uint8_t body[SMX_CELL_BODY])
{
    uint64_t at[SMX_ORIGIN_HOPS] = {count};

    for (size_t i = 1; i <= from; i++)
        at[i] = at[i - 1] + o->hop[i].d;
    for (size_t i = from + 1; i-- > 0;)
        smx_hop_encipher(&o->hop[i].layers, SMX_FORWARD, at[i], body);
}

static void encode_extend(struct smx_origin *o)
{
    uint8_t content[SMX_EXTEND_SIZE];

    smx_extend_encode(content, &o->extend);
    memcpy(o->request.content, content, sizeof content);
}

/* A piece of the work that was asked for; when it is done, what was refused is sent again. */
static void work(struct smx_origin *o, smx_time now)
{
    bool first = o->state == SMX_ORIGIN_CREATING;
    const uint8_t *tag = first ? o->create.tag : o->extend.tag;
    const uint8_t *msg1 = first ? o->create.msg1 : o->extend.msg1;

    if (!smx_hop_work_search(tag, msg1, o->bits, first ? &o->create.work : &o->extend.work))
        return;
    o->works = false;
    if (!first)
        encode_extend(o);
    o->tries = 0;
    o->next = now;
}

void smx_origin_turn(struct smx_origin *o, smx_time now, uint64_t tick, const struct smx_origin_send *send,
                     uint8_t cell[SMX_CELL_SIZE])
{
    bool own;
    uint8_t *body = cell + SMX_CELL_HEAD;
    uint64_t count;

    if (o->works)
        work(o, now);
    own = smx_origin_needs_turn(o, now);
    if (own) {
        o->tries++;
        o->next = now + SMX_MS(SMX_ORIGIN_RETRY_MS);
    }
    if (own && o->state == SMX_ORIGIN_CREATING) {
        smx_create_encode(cell, &o->create);
        return;
    }
    if (o->hop_count == 0 || o->state == SMX_ORIGIN_DEAD) {
        smx_filler_encode(cell);
        return;
    }
    count = smx_timetable_number(&o->send, tick);
    smx_cell_head_write(cell, (struct smx_cell_head){.circuit = o->forward_id, .seq = (uint32_t)count});
    if (own) {
        smx_hop_msg_encode(body, o->request.type, o->request.content, o->request.len);
        wrap(o, o->request.hop, count, body);
    } else if (o->state == SMX_ORIGIN_OPEN && send->content) {
        smx_hop_msg_encode(body, send->type, send->content, send->content_len);
        wrap(o, send->hop, count, body);
    } else if (o->joined && send->peer) {
        memcpy(body, send->peer, SMX_CELL_BODY);
        wrap(o, o->hop_count - 1, count, body);
    } else {
        smx_rng_bytes(o->rng, body, SMX_CELL_BODY); /* what layers over random bytes would be, too */
    }
}

/* ---- requests ---- */

static void start_request(struct smx_origin *o, smx_time now, uint8_t hop, uint8_t type, const void *content,
                          size_t len)
{
    assert(len <= SMX_HOP_CONTENT);
    o->request.active = true;
    o->request.probe = false;
    o->request.hop = hop;
    o->request.type = type;
    o->request.len = (uint8_t)len;
    if (len > 0)
        memcpy(o->request.content, content, len);
    o->tries = 0;
    o->next = now;
}

static void stop_request(struct smx_origin *o)
{
    o->request.active = false;
    o->works = false;
    o->next = SMX_NEVER;
}

static enum smx_err start_extend(struct smx_origin *o, smx_time now)
{
    const struct smx_hop_target *to = &o->path[o->hop_count];
    struct smx_extend *e = &o->extend;
    uint8_t content[SMX_EXTEND_SIZE];
    enum smx_err err;

    *e = (struct smx_extend){.suite = SMX_SUITE_1, .period = o->period, .d = smx_count_draw(o->rng)};
    memcpy(e->relay, to->id, SMX_RELAY_ID);
    memcpy(e->tag, to->tag, SMX_KEY_TAG);
    err = smx_hop_start(&o->handshake, e->msg1, to, o->period, o->rng);
    if (err != SMX_OK)
        return err;
    o->bits = 0;
    o->asked = 0;
    smx_extend_encode(content, e);
    start_request(o, now, (uint8_t)(o->hop_count - 1), SMX_HOP_EXTEND, content, sizeof content);
    o->state = SMX_ORIGIN_EXTENDING;
    return SMX_OK;
}

bool smx_origin_is_asking(const struct smx_origin *o)
{
    return o->request.active && !o->request.probe;
}

enum smx_err smx_origin_request(struct smx_origin *o, smx_time now, uint8_t hop, uint8_t type,
                                const void *content, size_t len)
{
    if (o->state != SMX_ORIGIN_OPEN || smx_origin_is_asking(o) || hop >= o->hop_count)
        return SMX_E_STATE;
    start_request(o, now, hop, type, content, len);
    return SMX_OK;
}

enum smx_err smx_origin_extend(struct smx_origin *o, smx_time now, const struct smx_hop_target *target)
{
    enum smx_err err;

    if (o->state != SMX_ORIGIN_OPEN || smx_origin_is_asking(o) || o->hop_count == SMX_ORIGIN_HOPS)
        return SMX_E_STATE;
    o->path[o->hop_count] = *target;
    err = start_extend(o, now);
    if (err == SMX_OK)
        o->path_count = o->hop_count + 1;
    return err;
}

void smx_origin_truncate(struct smx_origin *o, size_t count)
{
    assert(count >= o->own_count);
    while (o->hop_count > count)
        smx_hop_layers_fini(&o->hop[--o->hop_count].layers);
    if (o->hop_count >= o->own_count) { /* else it is still being built, and there is nothing to give up */
        o->path_count = o->hop_count;
        if (o->state == SMX_ORIGIN_EXTENDING)
            o->state = SMX_ORIGIN_OPEN;
        if (o->request.active && (o->request.hop >= count || o->request.type == SMX_HOP_EXTEND))
            stop_request(o);
    }
    o->joined = false;
    o->nearer = 0;
    o->noise = 0;
}

void smx_origin_set_joined(struct smx_origin *o, bool joined)
{
    o->joined = joined;
    o->noise = 0;
}

/* ---- probes ---- */

static bool may_probe(const struct smx_origin *o)
{
    return o->state == SMX_ORIGIN_OPEN && !o->request.active && !o->joined && o->hop_count == o->own_count;
}

static void probe(struct smx_origin *o, smx_time now)
{
    uint8_t cookie[SMX_COOKIE];

    smx_rng_bytes(o->rng, cookie, sizeof cookie);
    start_request(o, now, (uint8_t)(o->own_count - 1), SMX_HOP_COOKIE, cookie, sizeof cookie);
    o->request.probe = true;
    o->probe_at = SMX_NEVER;
}

void smx_origin_doubt(struct smx_origin *o, smx_time now)
{
    o->probe_at = now;
}

/* ---- what the building comes to ---- */

static void die(struct smx_origin *o, struct smx_origin_rx *rx)
{
    stop_request(o);
    o->state = SMX_ORIGIN_DEAD;
    o->joined = false;
    rx->event = SMX_ORIGIN_DIED;
}

/* The request has come to nothing: that ends a circuit under construction, and leaves one that stood as it
 * was; a probe is there to end it. */
static void fail_request(struct smx_origin *o, struct smx_origin_rx *rx)
{
    rx->request = o->request.type;
    rx->hop = o->request.hop;
    if (o->hop_count < o->own_count || o->request.probe) {
        die(o, rx);
        return;
    }
    stop_request(o);
    if (o->state == SMX_ORIGIN_EXTENDING)
        o->path_count = o->hop_count;
    o->state = SMX_ORIGIN_OPEN;
    rx->event = SMX_ORIGIN_FAILED;
}

static void hop_stands(struct smx_origin *o, smx_time now, struct smx_origin_rx *rx)
{
    o->hop_count++;
    if (o->hop_count < o->path_count) {
        o->state = SMX_ORIGIN_WAITING;
        o->next = now + smx_rng_exp(o->rng, o->wait_mean);
        return;
    }
    o->state = SMX_ORIGIN_OPEN;
    o->next = SMX_NEVER;
    rx->hop = (uint8_t)(o->hop_count - 1);
    rx->event = SMX_ORIGIN_OPENED;
}

void smx_origin_created(struct smx_origin *o, smx_time now, uint64_t newest_peer_tick,
                        const struct smx_created *c, struct smx_origin_rx *rx)
{
    *rx = (struct smx_origin_rx){.event = SMX_ORIGIN_NOTHING};
    if (o->state != SMX_ORIGIN_CREATING || c->back_id != o->back_id)
        return; /* an answer given twice */
    if (smx_hop_finish(&o->hop[0].layers, &o->handshake, c->msg2) != SMX_OK)
        return; /* the true one may still come */
    o->forward_id = c->forward_id;
    o->recv = (struct smx_timetable){.tick0 = smx_tick_unwrap(c->first_tick, newest_peer_tick),
                                     .number0 = c->first_number,
                                     .period = o->ticks};
    smx_counts_init(&o->counts, c->first_number - 1);
    hop_stands(o, now, rx);
}

/* What is under way was refused for want of work: more than was shown, and not too often?  Then it is done.
 */
static bool works_for(struct smx_origin *o, unsigned bits)
{
    if (bits > SMX_WORK_BITS_MAX)
        bits = SMX_WORK_BITS_MAX;
    if (o->works || bits <= o->bits)
        return true; /* a word about one that was sent before */
    if (o->asked == WORKS)
        return false;
    o->asked++;
    o->bits = bits;
    o->works = true;
    o->next = SMX_NEVER;
    return true;
}

void smx_origin_refused(struct smx_origin *o, const struct smx_refused *r, struct smx_origin_rx *rx)
{
    *rx = (struct smx_origin_rx){.event = SMX_ORIGIN_NOTHING};
    if (o->state != SMX_ORIGIN_CREATING || r->back_id != o->back_id ||
        (r->reason == SMX_REFUSAL_WORK && works_for(o, r->bits)))
        return;
    die(o, rx);
}

void smx_origin_expire(struct smx_origin *o, smx_time now, struct smx_origin_rx *rx)
{
    *rx = (struct smx_origin_rx){.event = SMX_ORIGIN_NOTHING};
    if (now >= o->probe_at && may_probe(o))
        probe(o, now);
    if (now < o->next)
        return;
    if (o->state == SMX_ORIGIN_WAITING) {
        if (start_extend(o, now) != SMX_OK)
            die(o, rx);
    } else if (under_way(o) && o->tries >= SMX_ORIGIN_TRIES) {
        if (o->request.active)
            fail_request(o, rx);
        else
            die(o, rx);
    }
}

smx_time smx_origin_deadline(const struct smx_origin *o)
{
    if (may_probe(o))
        return o->probe_at;
    /* A request that may still be sent waits for a turn, not for the clock. */
    return under_way(o) && o->tries < SMX_ORIGIN_TRIES ? SMX_NEVER : o->next;
}

/* ---- receiving ---- */

static void extended(struct smx_origin *o, smx_time now, struct smx_origin_rx *rx)
{
    struct smx_rd r = {rx->msg.content, rx->msg.len, false};
    uint64_t c = smx_rd_u64(&r);
    const uint8_t *msg2 = smx_rd_view(&r, SMX_HOP_MSG2);
    struct smx_origin_hop *hop = &o->hop[o->hop_count];

    rx->event = SMX_ORIGIN_NOTHING;
    if (!smx_rd_done(&r) || smx_hop_finish(&hop->layers, &o->handshake, msg2) != SMX_OK)
        return; /* an answer to an older EXTEND, perhaps; the true one may still come */
    stop_request(o);
    hop->d = o->extend.d;
    hop->c = c;
    o->nearer = 0;
    hop_stands(o, now, rx);
}

/* Is it what the request asked for?  An answer's type is its request's plus one; COOKIE_OK and JOINED repeat
 * the cookie, so that they are not taken for answers to a later request. */
static bool is_answer(const struct smx_origin *o, const struct smx_hop_msg *m)
{
    if (m->type != o->request.type + 1)
        return false;
    if (m->type != SMX_HOP_COOKIE_OK && m->type != SMX_HOP_JOINED)
        return true;
    return m->len == SMX_COOKIE && sodium_memcmp(m->content, o->request.content, SMX_COOKIE) == 0;
}

static bool is_work_wanted(const struct smx_origin *o, const struct smx_hop_msg *m)
{
    return o->request.type == SMX_HOP_EXTEND && m->type == SMX_HOP_REFUSED && m->len == 3 &&
           m->content[0] == SMX_HOP_EXTEND && m->content[1] == SMX_REFUSAL_WORK;
}

static void message(struct smx_origin *o, smx_time now, struct smx_origin_rx *rx)
{
    const struct smx_hop_msg *m = &rx->msg;
    bool from_asked = o->request.active && rx->hop == o->request.hop;

    rx->event = SMX_ORIGIN_MESSAGE;
    if (m->type == SMX_HOP_NOP && (size_t)rx->hop + 1 < o->hop_count) {
        if (++o->nearer >= SMX_ORIGIN_NEARER)
            rx->msg.type = SMX_HOP_LEFT;
    } else {
        o->nearer = 0;
    }
    if (m->type == SMX_HOP_LEFT && (size_t)rx->hop + 1 < o->hop_count && (size_t)rx->hop + 1 < o->own_count) {
        die(o, rx); /* the path itself has broken */
    } else if (from_asked && is_work_wanted(o, m)) {
        if (works_for(o, m->content[2]))
            rx->event = SMX_ORIGIN_NOTHING;
        else
            fail_request(o, rx);
    } else if (from_asked && m->type == SMX_HOP_REFUSED && m->len == 2 && m->content[0] == o->request.type) {
        if (o->request.probe)
            stop_request(o); /* that is an answer, too */
        else
            fail_request(o, rx);
    } else if (from_asked && is_answer(o, m)) {
        if (o->request.probe) {
            stop_request(o);
            return;
        }
        rx->request = o->request.type;
        if (m->type == SMX_HOP_EXTENDED) {
            extended(o, now, rx);
        } else {
            stop_request(o);
            rx->event = SMX_ORIGIN_ANSWERED;
        }
    }
}

/* Is what lies beyond the last hop uncertain, because a request that changes it is not answered yet?  Then
 * cells from there may come before the answer, or go on for a while. */
static bool is_in_between(const struct smx_origin *o)
{
    return o->request.active && (o->request.type == SMX_HOP_EXTEND || o->request.type == SMX_HOP_JOIN ||
                                 o->request.type == SMX_HOP_LEAVE);
}

void smx_origin_cell(struct smx_origin *o, smx_time now, uint64_t peer_tick, uint8_t cell[SMX_CELL_SIZE],
                     struct smx_origin_rx *rx)
{
    struct smx_cell_head head = smx_cell_head_read(cell);
    uint8_t *body = cell + SMX_CELL_HEAD;
    uint64_t count;

    *rx = (struct smx_origin_rx){.event = SMX_ORIGIN_NOTHING};
    if (o->hop_count == 0 || o->state == SMX_ORIGIN_DEAD)
        return;
    count = smx_cell_unwrap(head.seq, smx_timetable_number(&o->recv, peer_tick));
    if (count == 0 || !smx_counts_accept(&o->counts, count))
        return;
    for (size_t i = 0; i < o->hop_count; i++) {
        if (i > 0)
            count -= o->hop[i].c;
        smx_hop_decipher(&o->hop[i].layers, SMX_BACKWARD, count, body);
        if (!smx_hop_is_own(body))
            continue;
        o->noise = 0;
        rx->hop = (uint8_t)i;
        if (smx_hop_msg_decode(&rx->msg, body) == SMX_OK)
            message(o, now, rx);
        return;
    }
    o->nearer = 0;
    if (o->joined) {
        rx->event = SMX_ORIGIN_PEER;
        rx->peer = body;
    } else if (!is_in_between(o) && ++o->noise >= SMX_ORIGIN_NOISE) {
        die(o, rx);
    }
}
