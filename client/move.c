/* client/move.c - a pipe moves to another slot, because its own half has died, or its slot is to be renewed.
 *
 *   NONE --dead, or due--> WANTED --a slot is free--> EXTEND --OPENED--> JOIN --JOINED--> NONE, on that slot
 *                             ^                          |                 |
 *                             +------ refused, or no answer in time -------+
 *
 * The other slot is lengthened to the same rendezvous and takes the place of the old one there, by the cookie
 * that the peer has placed for that (REJOIN): the peer does nothing.  Only when that relay does not answer,
 * the caller's next try goes to the callee's second meeting (SECOND).  From JOIN on each cell goes out on
 * both slots, so that none is missed. Source: docs/protocol/45-meeting.md, section 7.
 *
 * Own half: 25 cells in a row that neither a hop nor the peer has made.  Since the peer's dead half looks the
 * same when its relays go on with filler, the own last hop is asked something first; while it answers, that
 * half lives. Timers: move.deadline; back.gate_next. */
#include "client/core.h"

#include "proto/base/bytes.h"

#include <sodium.h>
#include <string.h>

enum {
    PROBE_NOISE = 8, /* cells of noise until the own last hop is asked */
    EXTEND_MS =
        600, /* until a relay that does not answer counts as dead; one known to be dead refuses at once */
    JOIN_MS = 7000, /* it is repeated for as long: without an answer nobody knows whether it was heard */
    AGAIN_MS = 500, /* between tries */
    DUE_AGAIN_MS = 10000, /* when nothing is dead */
    LET_GO_MS = 6000,     /* the slot is another meeting's first */
    GATE_AGAIN_MS = 1000,
};

static struct smx_origin *origin_of(struct smx_client *c, size_t slot)
{
    return &c->circuit[slot].origin;
}

struct meeting *smx_move_pipe_on(struct smx_client *c, size_t slot)
{
    for (size_t i = 0; i < c->slots; i++) {
        struct meeting *m = &c->meeting[i];

        if (m->move.state >= MOVE_EXTEND && m->move.slot == slot)
            return m;
    }
    return smx_meeting_on(c, slot);
}

/* The callee's second meeting is a way out for his caller, unless nothing is wrong. */
static bool has_second(const struct meeting *m)
{
    return m->out && m->move.why > MOVE_DUE && m->back.second_known;
}

void smx_move_begin(struct smx_client *c, smx_time now, struct meeting *m, enum move_why why)
{
    if (m->move.state == MOVE_NONE || (m->move.state == MOVE_WANTED && why > m->move.why))
        m->move = (struct move){.state = MOVE_WANTED, .deadline = now};
    if (why > m->move.why)
        m->move.why = why;
    c->changes |= SMX_CLIENT_STATUS;
}

void smx_move_noise(struct smx_client *c, smx_time now, struct meeting *m)
{
    struct smx_origin *o = origin_of(c, m->slot);

    m->noise++;
    if (m->state != MEETING_OPEN || (m->move.state != MOVE_NONE && m->move.why > MOVE_DUE))
        return;
    if (m->noise == PROBE_NOISE && m->back.gate_number > 0) /* asked for what it has: any answer will do */
        (void)!smx_origin_request(o, now, m->hop, SMX_HOP_COOKIE, m->back.gate, sizeof m->back.gate);
    if (m->noise >= SMX_ORIGIN_NOISE)
        smx_move_begin(c, now, m, MOVE_DEAD);
}

/* ---- there ---- */

/* The slot that was lent is given back, unless it is asked to go elsewhere at once. */
static void give_back(struct smx_client *c, smx_time now, const struct meeting *m, bool elsewhere)
{
    struct meeting *host = smx_meeting_on(c, m->move.slot);
    struct smx_origin *o = origin_of(c, m->move.slot);
    bool waits =
        m->move.state == MOVE_EXTEND && o->hop_count <= END + 1; /* where it did, as far as we know */
    bool unanswered = waits && smx_origin_is_asking(o);

    if (m->move.state < MOVE_EXTEND || host->state != MEETING_LENT)
        return;
    host->state = MEETING_IDLE;
    host->cookie_ready = host->cookie_ready && waits;
    smx_origin_set_joined(o, false);
    if (waits)
        smx_origin_truncate(o, END + 1);
    if (waits && (!unanswered || elsewhere)) /* another EXTEND takes the place of one that nobody answered */
        return;
    host->cookie_ready = false;
    smx_meeting_leave(c, now, host);
}

static void failed(struct smx_client *c, smx_time now, struct meeting *m)
{
    bool second = has_second(m) && !m->move.second;

    give_back(c, now, m, second);
    m->move.state = MOVE_WANTED;
    m->move.failed = true;
    m->move.second = second;
    m->move.deadline = second ? now : now + SMX_MS(m->move.why > MOVE_DUE ? AGAIN_MS : DUE_AGAIN_MS);
}

/* Not one that may have died with the other: while it is asked to join nobody would find out. */
static bool is_host(const struct smx_client *c, const struct meeting *m, bool urgent)
{
    const struct circuit *k = &c->circuit[m->slot];

    return m->state == MEETING_IDLE && smx_circuit_is_open(k) && !smx_origin_is_asking(&k->origin) &&
           k->origin.noise < PROBE_NOISE && (urgent || !k->due);
}

static struct meeting *idle_without_circuit(struct smx_client *c, const struct meeting *m)
{
    for (size_t i = 0; i < c->slots_each; i++) {
        struct meeting *idle = &smx_meetings_of(c, m->identity)[i];

        if (idle->state == MEETING_IDLE && !smx_circuit_is_open(&c->circuit[idle->slot]))
            return idle;
    }
    return NULL;
}

static void exchange_slots(struct meeting *m, struct meeting *idle)
{
    uint8_t slot = idle->slot;

    idle->slot = m->slot;
    idle->cookie_ready = false;
    m->slot = slot;
}

/* One is afloat on a slot that stands again, or on one that stands but for the relay that it was lengthened
 * to, and the idle one's circuit is gone: they change places. */
static void change_places(struct smx_client *c, struct meeting *m)
{
    struct smx_origin *o = origin_of(c, m->slot);
    bool lengthened = o->hop_count > END + 1;
    struct meeting *idle = idle_without_circuit(c, m);

    if (!idle || !smx_circuit_is_open(&c->circuit[m->slot]) || (o->joined && !lengthened))
        return;
    if (lengthened) /* another EXTEND takes the place of this one */
        smx_origin_truncate(o, END + 1);
    exchange_slots(m, idle);
}

void smx_move_let_go(struct smx_client *c, smx_time now, struct meeting *m)
{
    struct circuit *own = &c->circuit[m->slot];
    struct meeting *idle = idle_without_circuit(c, m);

    if (!idle || m->state != MEETING_OPEN || m->move.state > MOVE_WANTED || !smx_circuit_is_open(own))
        return;
    exchange_slots(m, idle);
    m->noise = 0;
    m->move = (struct move){
        .state = MOVE_WANTED, .why = MOVE_CUT_OFF, .failed = true, .deadline = now + SMX_MS(LET_GO_MS)};
    smx_origin_truncate(&own->origin, END + 1); /* what lies beyond may have died */
    smx_meeting_leave(c, now, idle);
}

/* A slot for the move, best one that ends at the relay; a pipe that only waits, or rings for nobody, makes
 * room. */
static struct meeting *find_host(struct smx_client *c, smx_time now, struct meeting *m, const uint8_t *relay)
{
    struct meeting *host = NULL;
    bool urgent = m->move.why > MOVE_DUE;

    if (urgent)
        change_places(c, m);
    for (size_t i = 0; i < c->slots_each; i++) {
        struct meeting *h = &smx_meetings_of(c, m->identity)[i];

        if (is_host(c, h, urgent) &&
            (!host || memcmp(smx_circuit_end(&c->circuit[h->slot]), relay, SMX_RELAY_ID) == 0))
            host = h;
        if (urgent && h != m && h->state == MEETING_OPEN && !smx_meeting_has_call(h))
            smx_meeting_close(c, now, h);
    }
    return host;
}

static void ask_to_join(struct smx_client *c, smx_time now, struct meeting *m)
{
    uint8_t content[SMX_COOKIE + SMX_MEET_2];

    memcpy(content, m->move.second ? m->back.second : m->back.rejoin, SMX_COOKIE);
    memcpy(content + SMX_COOKIE, m->move.like_msg2, SMX_MEET_2);
    if (smx_origin_request(origin_of(c, m->move.slot), now, m->move.hop, SMX_HOP_JOIN, content,
                           sizeof content) != SMX_OK)
        failed(c, now, m);
}

static void join(struct smx_client *c, smx_time now, struct meeting *m, uint8_t hop)
{
    struct smx_x25519 key; /* the relay can't tell this JOIN from a first one */

    smx_x25519_make(&key, &c->rng);
    memcpy(m->move.like_msg2, key.public, sizeof key.public);
    smx_rng_bytes(&c->rng, m->move.like_msg2 + sizeof key.public, SMX_MEET_2 - sizeof key.public);
    sodium_memzero(&key, sizeof key);
    m->move.hop = hop;
    m->move.state = MOVE_JOIN;
    m->move.deadline = now + SMX_MS(JOIN_MS);
    smx_origin_set_joined(origin_of(c, m->move.slot),
                          true); /* what comes here is the peer's as soon as he is there */
    ask_to_join(c, now, m);
}

static void seek(struct smx_client *c, smx_time now, struct meeting *m)
{
    const uint8_t *relay = m->move.second ? m->back.second_end : m->rendezvous;
    struct smx_hop_target target;
    struct meeting *host;

    if (!m->move.second && m->back.rejoin_number == 0) {
        m->move.second = has_second(m);
        return; /* the peer has not told us yet, or not again */
    }
    host = find_host(c, now, m, relay);
    if (!host || !smx_paths_target(c, relay, &target))
        return;
    host->state = MEETING_LENT;
    m->move.slot = host->slot;
    m->move.state = MOVE_EXTEND;
    m->move.deadline = now + SMX_MS(EXTEND_MS);
    if (memcmp(smx_circuit_end(&c->circuit[host->slot]), relay, SMX_RELAY_ID) == 0)
        join(c, now, m, END);
    else if (smx_origin_extend(origin_of(c, host->slot), now, &target) != SMX_OK)
        failed(c, now, m);
}

void smx_move_end(struct smx_client *c, smx_time now, struct meeting *m)
{
    give_back(c, now, m, false);
    m->move.state = MOVE_NONE;
}

/* ---- events of the slot that is lent ---- */

void smx_move_opened(struct smx_client *c, smx_time now, size_t slot)
{
    struct meeting *m = smx_move_pipe_on(c, slot);

    if (m->move.state != MOVE_EXTEND)
        return;
    smx_meeting_on(c, slot)->cookie_ready = false; /* its end has forgotten it */
    join(c, now, m, END + 1);
}

void smx_move_failed(struct smx_client *c, smx_time now, size_t slot, bool answered)
{
    struct meeting *m = smx_move_pipe_on(c, slot);

    if (m->move.state == MOVE_JOIN && !answered)
        ask_to_join(c, now, m);
    else if (m->move.state >= MOVE_EXTEND)
        failed(c, now, m);
}

void smx_move_lost(struct smx_client *c, smx_time now, size_t slot)
{
    struct meeting *m = smx_move_pipe_on(c, slot);

    smx_meeting_on(c, slot)->state = MEETING_IDLE;
    if (m->move.state >= MOVE_EXTEND) {
        m->move.state = MOVE_WANTED;
        m->move.deadline = now;
    }
}

/* The two slots change meetings: the pipe is there, and what it left is idle soon, or found dead. */
static void arrive(struct smx_client *c, smx_time now, struct meeting *m)
{
    struct meeting *host = smx_meeting_on(c, m->move.slot);
    struct circuit *old = &c->circuit[m->slot];

    exchange_slots(m, host);
    m->hop = m->move.hop;
    m->noise = 0;
    m->move = (struct move){.state = MOVE_NONE};
    host->state = MEETING_IDLE;
    host->hold = now;
    smx_origin_set_joined(&old->origin, false);
    c->count.moves++;
    if (smx_circuit_is_open(old))
        smx_meeting_leave(c, now, host);
}

void smx_move_joined(struct smx_client *c, smx_time now, struct meeting *m)
{
    bool second = m->move.second;
    uint16_t used = m->back.rejoin_number;

    if (m->move.state != MOVE_JOIN)
        return;
    if (second)
        memcpy(m->rendezvous, m->back.second_end, sizeof m->rendezvous);
    arrive(c, now, m);
    if (second) { /* what was placed at the old rendezvous died with it */
        m->back.second_known = m->back.gate_ready = false;
        m->back.gate_next = now;
        m->back.rejoin_number = 0;
        return;
    }
    m->back.rejoin_number = 0;
    smx_pipe_say(c, now, m, &(struct smx_record){.type = SMX_RECORD_MOVED, .id = used});
}

/* The peer has come by our own gate, to a circuit of ours that was cut off. */
static void met_at_gate(struct smx_client *c, smx_time now, struct meeting *m, size_t slot)
{
    if (m->slot == slot) {
        give_back(c, now, m, false);
        m->move = (struct move){.state = MOVE_NONE};
        smx_origin_set_joined(origin_of(c, slot), true);
    }
    m->back.gate_ready = false;
    m->back.gate_next = now;
}

/* The caller has come to our second meeting. */
static void met_at_second(struct smx_client *c, smx_time now, struct meeting *m, size_t slot)
{
    if (m->move.state >= MOVE_EXTEND && m->move.slot != slot)
        give_back(c, now, m, false);
    smx_origin_truncate(origin_of(c, slot), END + 1); /* our own try there, if any, is over */
    m->move = (struct move){.state = MOVE_JOIN, .why = MOVE_DEAD, .slot = (uint8_t)slot, .hop = END};
    memcpy(m->rendezvous, smx_circuit_end(&c->circuit[slot]), sizeof m->rendezvous);
    smx_origin_set_joined(origin_of(c, slot), true);
    arrive(c, now, m);
    sodium_memzero(m->back.told, sizeof m->back.told);
    m->back.gate_ready = false;
    m->back.gate_next = now;
    m->back.rejoin_number = m->back.told_number = 0;
}

bool smx_move_met(struct smx_client *c, smx_time now, size_t slot, const struct smx_hop_msg *msg)
{
    const struct meeting *host = smx_meeting_on(c, slot);

    if (msg->len != SMX_COOKIE + SMX_MEET_2)
        return false;
    for (size_t i = 0; i < c->slots_each; i++) {
        struct meeting *m = &smx_meetings_of(c, host->identity)[i];
        const struct way_back *b = &m->back;

        if (m->state != MEETING_OPEN)
            continue;
        if (b->gate_ready && sodium_memcmp(b->gate, msg->content, SMX_COOKIE) == 0) {
            met_at_gate(c, now, m, slot);
            return true;
        }
        if (m != host && host->state <= MEETING_LENT && !m->out && b->told_number > 0 &&
            sodium_memcmp(b->told, msg->content, SMX_COOKIE) == 0) {
            met_at_second(c, now, m, slot);
            return true;
        }
    }
    return false;
}

/* ---- the ways back: what each side places for the other, and tells him ---- */

void smx_move_gate_placed(struct smx_client *c, smx_time now, struct meeting *m)
{
    struct way_back *b = &m->back;

    if (b->gate_ready)
        return; /* it was a probe */
    b->gate_ready = true;
    smx_pipe_say(c, now, m,
                 &(struct smx_record){.type = SMX_RECORD_REJOIN, .id = b->gate_number, .cookie = b->gate});
}

/* At once, so before anybody talks: then it would cost a frame each way.  Only an INVITE goes first.  In
 * every pipe, whatever it is for and whether or not anything rings: the peer sees when we have done it. */
static void place_gate(struct smx_client *c, smx_time now, struct meeting *m)
{
    struct smx_origin *o = origin_of(c, m->slot);

    if (m->back.gate_ready || now < m->back.gate_next || !o->joined || o->request.active ||
        (m->out && smx_stream_wants(&m->stream, now) > 0))
        return;
    m->back.gate_number++;
    m->back.gate_next = now + SMX_MS(GATE_AGAIN_MS);
    smx_rng_bytes(&c->rng, m->back.gate, sizeof m->back.gate);
    (void)!smx_origin_request(o, now, m->hop, SMX_HOP_COOKIE, m->back.gate, sizeof m->back.gate);
}

/* Where to go on when the rendezvous has died: so a slot that waits elsewhere. */
static const struct meeting *stand_by(struct smx_client *c, const struct meeting *m)
{
    for (size_t i = 0; i < c->slots_each; i++) {
        const struct meeting *other = &smx_meetings_of(c, m->identity)[i];

        if (smx_meeting_is_free(c, other) &&
            memcmp(smx_circuit_end(smx_meeting_circuit(c, other)), m->rendezvous, SMX_RELAY_ID) != 0)
            return other;
    }
    return NULL;
}

/* The callee's other slot.  Only to whom he talks: who is in a call with somebody else has none to tell. */
static void tell_second(struct smx_client *c, smx_time now, struct meeting *m)
{
    const struct meeting *other = m->out ? NULL : stand_by(c, m);
    struct way_back *b = &m->back;

    if (!other || sodium_memcmp(other->cookie, b->told, SMX_COOKIE) == 0)
        return;
    memcpy(b->told, other->cookie, SMX_COOKIE);
    b->told_number++;
    smx_pipe_say(c, now, m,
                 &(struct smx_record){.type = SMX_RECORD_SECOND,
                                      .id = b->told_number,
                                      .relay = smx_circuit_end(smx_meeting_circuit(c, other)),
                                      .cookie = b->told});
}

void smx_move_record(struct smx_client *c, smx_time now, struct meeting *m, const struct smx_record *r)
{
    struct way_back *b = &m->back;

    (void)c;
    if (r->type == SMX_RECORD_REJOIN && r->id != 0) {
        b->rejoin_number = r->id;
        memcpy(b->rejoin, r->cookie, SMX_COOKIE);
    } else if (r->type == SMX_RECORD_MOVED && r->id == b->gate_number) {
        b->gate_ready = false;
        b->gate_next = now;
    } else if (r->type == SMX_RECORD_SECOND && m->out) {
        b->second_known = true;
        memcpy(b->second_end, r->relay, SMX_RELAY_ID);
        memcpy(b->second, r->cookie, SMX_COOKIE);
    }
}

/* ---- time ---- */

/* An idle slot that ends at the rendezvous serves better than one that had to be lengthened: one relay less,
 * and a stand-by that does not die with it. */
static bool could_be_shorter(const struct smx_client *c, const struct meeting *m)
{
    for (size_t i = 0; m->hop > END && i < c->slots_each; i++) {
        const struct meeting *h = &smx_meetings_of(c, m->identity)[i];

        if (is_host(c, h, false) &&
            memcmp(smx_circuit_end(&c->circuit[h->slot]), m->rendezvous, SMX_RELAY_ID) == 0)
            return true;
    }
    return false;
}

static void expire(struct smx_client *c, smx_time now, struct meeting *m)
{
    if (m->state == MEETING_CLOSING && m->move.state == MOVE_JOIN)
        return; /* the last words may have to go that way */
    if (m->state != MEETING_OPEN) {
        smx_move_end(c, now, m);
        return;
    }
    place_gate(c, now, m);
    if (m->call.state == CALL_TALKING) {
        tell_second(c, now, m);
        if (m->move.state == MOVE_NONE &&
            (smx_circuit_is_due(c, smx_meeting_circuit(c, m)) || could_be_shorter(c, m)))
            smx_move_begin(c, now, m, MOVE_DUE);
    }
    if (m->move.state != MOVE_NONE && now >= m->move.deadline) {
        if (m->move.state == MOVE_WANTED)
            seek(c, now, m);
        else
            failed(c, now, m);
    }
}

void smx_moves_expire(struct smx_client *c, smx_time now)
{
    for (size_t i = 0; i < c->slots; i++)
        expire(c, now, &c->meeting[i]);
}
