/* client/meeting.c - a slot on its way into a pipe and back.
 *
 *   out  IDLE -> LOOKUP --answer--> INTRODUCE --MET--> OPEN
 *   in   IDLE -> EXTEND --OPENED--> JOIN --JOINED--> PROVE --first cell--> OPEN
 *                (no EXTEND when the slot already ends at the rendezvous)
 *   both OPEN -> CLOSING --all said--> LEAVING --LEFT--> IDLE
 *
 * An idle slot asks for a cookie at its end; with that it is free.  Whatever fails after the slot was joined
 * or extended leaves first.
 * An OPEN one that is needed outlives its slot's circuit: client/move.c.
 * Timers: deadline (of every state but IDLE and OPEN), hold (LOOKUP: ask again; OPEN: nothing more to say;
 * CLOSING: not before; IDLE: the next cookie), heard (OPEN: the peer's last cell). */
#include "client/core.h"

#include <sodium.h>
#include <string.h>

enum {
    LOOKUP_MS = 10000,
    LOOKUP_TRIES = 3,
    LOOKUP_PATIENCE_MS = 3000,
    LOOKUP_AGAIN_MS = 1000, /* after an answer that is of no use */
    INTRODUCE_MS = 10000,
    INTRODUCE_TRIES = 3,
    INTRODUCE_PATIENCE_MS = 3000,
    JOIN_MS = 8000,
    PROVE_MS = 2000,
    CLOSING_MS = 5000, /* the last words are said again some four times, else the peer waits for us */
    LINGER_MS = 300,   /* for the last acknowledgement */
    LEAVING_MS = 6000,
    COOKIE_AGAIN_MS = 1000,
    SILENCE_MS = 19000, /* over within 20 s, whatever else takes time */
    IDLE_PIPE_MS = 70000,
};

/* ---- back to idle ---- */

void smx_meeting_idle(struct smx_client *c, struct meeting *m, bool cookie_good)
{
    struct smx_client_target none = {.user = ""};

    smx_move_end(c, c->now, m);
    smx_errand_forget(c, ASKER_MEETING, smx_meeting_number(c, m));
    smx_meet_fini(&m->meet);
    smx_pipe_end(m);
    sodium_memzero(&m->keys, sizeof m->keys);
    m->state = MEETING_IDLE;
    m->cookie_ready = m->cookie_ready && cookie_good;
    m->target = none;
    m->key_known = m->out = m->greeted = m->stranger = m->resumes = false;
    m->deadline = SMX_NEVER;
    m->hold = 0;
}

/* What a phone waits for on this slot will not come. */
static void report(struct smx_client *c, smx_time now, struct meeting *m, unsigned code)
{
    smx_client_call_lost(c, now, m, code);
    smx_messages_lost(c, now, m, code);
}

void smx_meeting_leave(struct smx_client *c, smx_time now, struct meeting *m)
{
    if (!smx_circuit_is_open(smx_meeting_circuit(c, m))) { /* nobody is there who could be told */
        smx_meeting_idle(c, m, false);
        return;
    }
    if (m->state != MEETING_LEAVING)
        m->deadline = now + SMX_MS(LEAVING_MS);
    m->state = MEETING_LEAVING;
    (void)!smx_origin_request(&smx_meeting_circuit(c, m)->origin, now, END, SMX_HOP_LEAVE, NULL,
                              0); /* refused while another is under way: asked again each tick */
}

static void fail(struct smx_client *c, smx_time now, struct meeting *m, unsigned code)
{
    enum meeting_state state = m->state;

    if (state < MEETING_OPEN)
        c->count.meetings_failed++;
    report(c, now, m, code);
    if (state == MEETING_LOOKUP || state == MEETING_INTRODUCE)
        smx_meeting_idle(c, m, state == MEETING_LOOKUP); /* the cookie of an introduction is given away */
    else
        smx_meeting_leave(c, now, m);
}

/* Is there anything for which a pipe should live on when its slot's circuit does not?  One that closes while
 * it moves may have its last words yet to say. */
static bool is_needed(const struct smx_client *c, const struct meeting *m)
{
    if (m->state == MEETING_CLOSING)
        return m->move.state == MOVE_JOIN;
    return m->state == MEETING_OPEN && (smx_meeting_has_call(m) || smx_messages_wait(c, m));
}

/* The join is undone: the slot stands alone again. */
static void left(struct smx_client *c, smx_time now, struct meeting *m)
{
    smx_origin_truncate(&smx_meeting_circuit(c, m)->origin, END + 1);
    if (is_needed(c, m)) { /* the peer says so when he leaves: a relay has died */
        smx_move_begin(c, now, m, MOVE_CUT_OFF);
        return;
    }
    report(c, now, m, 480);
    smx_meeting_idle(c, m, false);
}

void smx_meeting_lost(struct smx_client *c, smx_time now, size_t slot)
{
    struct meeting *m = smx_meeting_on(c, slot);

    if (m->state == MEETING_LENT)
        smx_move_lost(c, now, slot);
    if (is_needed(c, m)) {
        smx_move_begin(c, now, m, MOVE_CUT_OFF);
        return;
    }
    if (m->state != MEETING_IDLE)
        report(c, now, m, 480);
    smx_meeting_idle(c, m, false);
}

bool smx_meeting_may_renew(const struct smx_client *c, size_t slot)
{
    for (size_t i = 0; i < c->slots; i++)
        if (c->meeting[i].slot == slot)
            return c->meeting[i].state == MEETING_IDLE && !c->pending[c->meeting[i].identity].used;
    return false;
}

void smx_meeting_renewed(struct smx_client *c, smx_time now, size_t slot)
{
    struct meeting *m = smx_meeting_on(c, slot);

    m->cookie_ready = false; /* it waits at another end from now on */
    m->hold = now;
}

void smx_meeting_close(struct smx_client *c, smx_time now, struct meeting *m)
{
    switch (m->state) {
    case MEETING_LOOKUP:
    case MEETING_INTRODUCE:
        smx_meeting_idle(c, m, m->state == MEETING_LOOKUP);
        return;
    case MEETING_PROVE:
    case MEETING_OPEN:
        m->state = MEETING_CLOSING;
        m->deadline = now + SMX_MS(CLOSING_MS);
        m->hold = now + SMX_MS(LINGER_MS);
        return;
    case MEETING_EXTEND:
    case MEETING_JOIN:
        smx_meeting_leave(c, now, m);
        return;
    case MEETING_IDLE:
    case MEETING_LENT:
    case MEETING_CLOSING:
    case MEETING_LEAVING:
        return;
    }
}

/* ---- out ---- */

static bool index_of(const struct smx_client_target *t, uint8_t index[SMX_INDEX], uint8_t key[SMX_DOC_KEY])
{
    char name[SMX_NAME_MAX + 1];

    if (t->is_key) {
        if (smx_base32_decode(key, SMX_DOC_KEY, t->user, strlen(t->user)) != SMX_OK)
            return false;
        smx_index_key(index, key);
        return true;
    }
    if (smx_name_parse(name, t->user, strlen(t->user)) != SMX_OK)
        return false;
    smx_index_name(index, name);
    return true;
}

static void look_up(struct smx_client *c, smx_time now, struct meeting *m)
{
    uint8_t index[SMX_INDEX], key[SMX_DOC_KEY];

    if (!index_of(&m->target, index, key)) {
        fail(c, now, m, 404); /* nobody can have such a name */
        return;
    }
    m->hold = SMX_NEVER;
    c->count.lookups++;
    if (smx_errand_ask(c, now, m->identity, SMX_SERVICE_LOOKUP, index, sizeof index, ASKER_MEETING,
                       smx_meeting_number(c, m), LOOKUP_TRIES, SMX_MS(LOOKUP_PATIENCE_MS)) != SMX_OK)
        m->hold = now + SMX_MS(LOOKUP_AGAIN_MS);
}

void smx_meeting_begin(struct smx_client *c, smx_time now, struct meeting *m,
                       const struct smx_client_target *target)
{
    m->state = MEETING_LOOKUP;
    m->out = true;
    m->target = *target;
    m->deadline = now + SMX_MS(LOOKUP_MS);
    look_up(c, now, m);
}

static void introduce(struct smx_client *c, smx_time now, struct meeting *m, const struct smx_descriptor *d,
                      const uint8_t *day_key)
{
    const struct circuit *k = smx_meeting_circuit(c, m);
    struct smx_meet_callee callee;
    struct smx_meet_place place;
    uint8_t content[SMX_DOC_KEY + SMX_DOC_KEY + SMX_MEET_1];

    memcpy(callee.pseudonym, d->key, sizeof callee.pseudonym);
    memcpy(callee.introduction, d->intro[0], sizeof callee.introduction);
    memcpy(callee.day_key, day_key, sizeof callee.day_key);
    memcpy(place.rendezvous, smx_circuit_end(k), sizeof place.rendezvous);
    memcpy(place.cookie, m->cookie, sizeof place.cookie);
    memcpy(content, callee.introduction, SMX_DOC_KEY);
    memcpy(content + SMX_DOC_KEY, callee.pseudonym, SMX_DOC_KEY);
    if (smx_meet_call(&m->meet, &c->rng, &callee, &place,
                      m->target.unnamed ? NULL : c->identity[m->identity].own.secret,
                      content + (size_t)2 * SMX_DOC_KEY) != SMX_OK ||
        smx_errand_ask(c, now, m->identity, SMX_SERVICE_INTRODUCE, content, sizeof content, ASKER_MEETING,
                       smx_meeting_number(c, m), INTRODUCE_TRIES, SMX_MS(INTRODUCE_PATIENCE_MS)) != SMX_OK) {
        fail(c, now, m, 480);
        return;
    }
    memcpy(m->key, d->key, sizeof m->key);
    m->key_known = true;
    m->state = MEETING_INTRODUCE;
    m->deadline = now + SMX_MS(INTRODUCE_MS);
}

void smx_meeting_answer(struct smx_client *c, smx_time now, size_t number, const uint8_t *answer, size_t len)
{
    struct meeting *m = &c->meeting[number];
    const struct contact *known = smx_contact_by_user(c, m->identity, m->target.user);
    uint8_t index[SMX_INDEX], key[SMX_DOC_KEY];
    struct smx_answer a;
    const uint8_t *day_key;

    if (m->state != MEETING_LOOKUP || !index_of(&m->target, index, key))
        return;
    if (!smx_lookup_answer(c, m->identity, index, m->target.is_key ? key : NULL, answer, len, &a)) {
        m->hold = now + SMX_MS(LOOKUP_AGAIN_MS);
        return;
    }
    if (!a.present) {
        fail(c, now, m, 404);
    } else if (known && memcmp(known->key, a.key, SMX_DOC_KEY) != 0) {
        c->count.contact_key_changed++;
        smx_client_warn(c, SMX_CLIENT_CONTACT_KEY);
        fail(c, now, m, 480);
    } else if (!a.live || !(day_key = smx_descriptor_day_key(&a.descriptor, c->wall))) {
        fail(c, now, m, 480);
    } else {
        introduce(c, now, m, &a.descriptor, day_key);
    }
}

void smx_meeting_unanswered(struct smx_client *c, smx_time now, size_t number)
{
    struct meeting *m = &c->meeting[number];

    if (m->state == MEETING_LOOKUP || m->state == MEETING_INTRODUCE)
        fail(c, now, m, 480);
}

static void met(struct smx_client *c, smx_time now, struct meeting *m, const struct smx_hop_msg *msg)
{
    if (m->state == MEETING_IDLE) { /* an introduction that we had given up has come to something */
        m->cookie_ready = false;
        smx_meeting_leave(c, now, m);
        return;
    }
    if (m->state != MEETING_INTRODUCE || msg->len != SMX_COOKIE + SMX_MEET_2 ||
        sodium_memcmp(msg->content, m->cookie, SMX_COOKIE) != 0)
        return; /* a copy */
    m->cookie_ready = false;
    if (smx_meet_finish(&m->meet, msg->content + SMX_COOKIE, &m->keys) != SMX_OK) {
        fail(c, now, m, 480); /* somebody at the relay knew the cookie, but is not the callee */
        smx_meeting_leave(c, now, m);
        return;
    }
    smx_errand_forget(c, ASKER_MEETING, smx_meeting_number(c, m));
    if (smx_pipe_begin(c, now, m) != SMX_OK) {
        fail(c, now, m, 480);
        smx_meeting_leave(c, now, m);
        return;
    }
    smx_contact_add(c, m->identity, m->target.user, m->key);
    memcpy(m->rendezvous, smx_circuit_end(smx_meeting_circuit(c, m)), sizeof m->rendezvous);
    m->hop = END;
    m->state = MEETING_OPEN;
    m->hold = now + SMX_MS(IDLE_PIPE_MS);
    c->count.meetings++;
    smx_client_call_open(c, now, m);
    smx_messages_flush(c, now, m);
}

/* ---- in ---- */

static void join(struct smx_client *c, smx_time now, struct meeting *m, uint8_t hop)
{
    uint8_t content[SMX_COOKIE + SMX_MEET_2];

    memcpy(content, m->offer.place.cookie, SMX_COOKIE);
    memcpy(content + SMX_COOKIE, m->msg2, SMX_MEET_2);
    memcpy(m->rendezvous, m->offer.place.rendezvous, sizeof m->rendezvous);
    m->hop = hop;
    m->state = MEETING_JOIN;
    if (smx_origin_request(&smx_meeting_circuit(c, m)->origin, now, hop, SMX_HOP_JOIN, content,
                           sizeof content) != SMX_OK)
        fail(c, now, m, 480);
}

void smx_meeting_accept(struct smx_client *c, smx_time now, struct meeting *m, struct smx_meet *meet,
                        const struct smx_meet_offer *offer)
{
    struct smx_hop_target rendezvous;

    m->offer = *offer;
    m->key_known = offer->named;
    memcpy(m->key, offer->caller, sizeof m->key);
    m->deadline = now + SMX_MS(JOIN_MS);
    c->count.introductions++;
    if (!smx_paths_target(c, offer->place.rendezvous, &rendezvous) ||
        smx_meet_answer(meet, &c->rng, m->msg2, &m->keys) != SMX_OK) {
        smx_meeting_idle(c, m, true);
    } else if (memcmp(smx_circuit_end(smx_meeting_circuit(c, m)), rendezvous.id, SMX_RELAY_ID) == 0) {
        m->cookie_ready = false; /* the end forgets it with JOIN */
        join(c, now, m, END);
    } else {
        m->cookie_ready = false; /* or with the next relay's answer to EXTEND */
        m->state = MEETING_EXTEND;
        if (smx_origin_extend(&smx_meeting_circuit(c, m)->origin, now, &rendezvous) != SMX_OK)
            fail(c, now, m, 480);
    }
}

static void joined(struct smx_client *c, smx_time now, struct meeting *m)
{
    if (smx_pipe_begin(c, now, m) != SMX_OK) {
        fail(c, now, m, 480);
        return;
    }
    m->state = MEETING_PROVE;
    m->deadline = now + SMX_MS(PROVE_MS);
    m->hold = now + SMX_MS(IDLE_PIPE_MS);
}

/* ---- events of the circuit ---- */

void smx_meeting_opened(struct smx_client *c, smx_time now, size_t slot)
{
    struct meeting *m = smx_meeting_on(c, slot);

    if (m->state == MEETING_LENT)
        smx_move_opened(c, now, slot);
    else if (m->state == MEETING_EXTEND)
        join(c, now, m, END + 1);
}

void smx_meeting_answered(struct smx_client *c, smx_time now, size_t slot, const struct smx_origin_rx *rx)
{
    struct meeting *m = smx_meeting_on(c, slot);

    m->noise = 0;
    if (m->state == MEETING_LENT && rx->request == SMX_HOP_JOIN) {
        smx_move_joined(c, now, smx_move_pipe_on(c, slot));
    } else if (rx->request == SMX_HOP_COOKIE && m->state == MEETING_OPEN) {
        if (rx->msg.len == SMX_COOKIE && sodium_memcmp(rx->msg.content, m->back.gate, SMX_COOKIE) == 0)
            smx_move_gate_placed(c, now, m);
    } else if (rx->request == SMX_HOP_COOKIE) {
        m->cookie_ready = m->state == MEETING_IDLE && rx->msg.len == SMX_COOKIE &&
                          sodium_memcmp(rx->msg.content, m->cookie, SMX_COOKIE) == 0;
        c->changes |= SMX_CLIENT_STATUS;
    } else if (rx->request == SMX_HOP_JOIN && m->state == MEETING_JOIN) {
        joined(c, now, m);
    } else if (rx->request == SMX_HOP_LEAVE && m->state == MEETING_LEAVING) {
        left(c, now, m);
    }
}

void smx_meeting_failed(struct smx_client *c, smx_time now, size_t slot, uint8_t request, bool answered)
{
    struct meeting *m = smx_meeting_on(c, slot);

    if (m->state == MEETING_LENT)
        smx_move_failed(c, now, slot, answered);
    else if (m->state == MEETING_OPEN) /* its gate: tried again */
        m->back.gate_next = now + SMX_MS(COOKIE_AGAIN_MS);
    else if (request == SMX_HOP_LEAVE)
        smx_circuit_drop(c, &c->circuit[slot], now); /* its end does not answer */
    else if (request == SMX_HOP_COOKIE)
        m->hold = now + SMX_MS(COOKIE_AGAIN_MS);
    else if (m->state == MEETING_EXTEND || m->state == MEETING_JOIN)
        fail(c, now, m, 480);
}

void smx_meeting_message(struct smx_client *c, smx_time now, size_t slot, const struct smx_origin_rx *rx)
{
    struct meeting *m = smx_meeting_on(c, slot);
    bool extended = c->circuit[slot].origin.hop_count > END + 1;

    m->noise = 0;
    if (rx->hop != END)
        return;
    if (m->state == MEETING_LENT && rx->msg.type == SMX_HOP_LEFT && extended)
        smx_move_failed(c, now, slot, true);
    else if (rx->msg.type == SMX_HOP_MET && !smx_move_met(c, now, slot, &rx->msg))
        met(c, now, m, &rx->msg);
    else if (rx->msg.type == SMX_HOP_LEFT && (m->state >= MEETING_PROVE || extended))
        left(c, now, m); /* else it is a copy from before */
}

/* ---- time ---- */

static void place_cookie(struct smx_client *c, smx_time now, struct meeting *m)
{
    struct circuit *k = smx_meeting_circuit(c, m);

    if (m->cookie_ready || now < m->hold || !smx_circuit_is_open(k) || smx_origin_is_asking(&k->origin))
        return;
    smx_rng_bytes(&c->rng, m->cookie, sizeof m->cookie);
    if (smx_origin_request(&k->origin, now, END, SMX_HOP_COOKIE, m->cookie, sizeof m->cookie) != SMX_OK)
        m->hold = now + SMX_MS(COOKIE_AGAIN_MS);
}

static void expire(struct smx_client *c, smx_time now, struct meeting *m)
{
    switch (m->state) {
    case MEETING_IDLE:
        place_cookie(c, now, m);
        return;
    case MEETING_LENT: /* move.c */
        return;
    case MEETING_LOOKUP:
        if (now >= m->deadline)
            fail(c, now, m, 480);
        else if (now >= m->hold)
            look_up(c, now, m);
        return;
    case MEETING_INTRODUCE:
    case MEETING_EXTEND:
    case MEETING_JOIN:
    case MEETING_PROVE:
        if (now >= m->deadline)
            fail(c, now, m, 480);
        return;
    case MEETING_OPEN:
        if (now >= m->heard + SMX_MS(SILENCE_MS)) {
            c->count.calls_lost += m->call.state == CALL_TALKING;
            fail(c, now, m, 480);
        } else if (now >= m->hold && smx_meeting_is_only_kept_open(c, m)) {
            smx_meeting_close(c, now, m);
        }
        return;
    case MEETING_CLOSING:
        if (now >= m->deadline || (now >= m->hold && smx_stream_is_clear(&m->stream)))
            smx_meeting_leave(c, now, m);
        return;
    case MEETING_LEAVING:
        if (now >= m->deadline)
            smx_circuit_drop(c, smx_meeting_circuit(c, m), now);
        else if (!smx_meeting_circuit(c, m)->origin.request.active)
            smx_meeting_leave(c, now, m);
        return;
    }
}

void smx_meetings_expire(struct smx_client *c, smx_time now)
{
    for (size_t i = 0; i < c->slots; i++)
        expire(c, now, &c->meeting[i]);
}
