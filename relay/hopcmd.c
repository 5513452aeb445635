#include "relay/core.h"

#include "proto/base/bytes.h"

#include <sodium.h>
#include <string.h>

/* What the owner of a circuit tells its last hop, one cell each.  He repeats until he is answered: all of it
 * is idempotent. */

static void refuse(struct smx_relay *r, struct circuit *c, uint8_t request, enum smx_refusal reason)
{
    smx_relay_note(r, c, SMX_HOP_REFUSED, (uint8_t[]){request, (uint8_t)reason}, 2, 1);
}

static enum smx_layer own_layer(const struct smx_relay *r)
{
    return r->place == NONE ? SMX_LAYER_EXIT : (enum smx_layer)r->consensus.relay[r->place].layer;
}

/* ---- EXTEND ---- */

void smx_relay_extend_refused(struct smx_relay *r, uint32_t at, uint8_t reason, uint8_t bits)
{
    struct circuit *c = &r->circuit[at];
    uint8_t cookie[SMX_KEYMAP_KEY];
    uint32_t joiner;

    smx_relay_depart_drop(r, at, FWD);
    c->down = DOWN_NONE;
    smx_shelf_give(&r->cells, &c->ask);
    sodium_memzero(c->extend_key, sizeof c->extend_key);
    r->count.extends_refused++;
    if (reason == SMX_REFUSAL_WORK)
        smx_relay_note(r, c, SMX_HOP_REFUSED, (uint8_t[]){SMX_HOP_EXTEND, reason, bits}, 3, 1);
    else
        refuse(r, c, SMX_HOP_EXTEND, (enum smx_refusal)reason);
    if (smx_keymap_key(&r->cookies, at, cookie) &&
        (joiner = smx_keymap_find(&r->waiting, cookie, sizeof cookie)) != NONE && joiner != at)
        smx_relay_join(r, joiner, at); /* it had to wait for this */
}

/* The link to the relay that comes next, if it may: guard to middle to end, end to end or exit. */
static uint32_t next_link(const struct smx_relay *r, const uint8_t id[SMX_RELAY_ID])
{
    size_t place = smx_consensus_find(&r->consensus, id);
    enum smx_layer next;

    if (r->place == NONE || place == SMX_RELAY_NONE || place == r->place)
        return NONE;
    next = (enum smx_layer)r->consensus.relay[place].layer;
    if (own_layer(r) == SMX_LAYER_END ? next < SMX_LAYER_END : (int)next != (int)own_layer(r) + 1)
        return NONE;
    for (uint32_t i = 0; i < r->links; i++)
        if (r->neighbour[i].up && r->neighbour[i].place == place)
            return i;
    return NONE;
}

/* The tick class of the next relay's clock whose cells come just in time for our departure backwards. */
static uint8_t wanted_class(const struct smx_relay *r, const struct circuit *c, uint32_t link)
{
    uint64_t t = smx_link_last_tick(r->ep, link);
    uint64_t depart =
        smx_timetable_tick(&c->bwd.tt, smx_relay_count_after(r, &c->bwd, smx_relay_arrival(r, link, t)));
    smx_time spare = smx_relay_tick_time(r, depart) - smx_relay_arrival(r, link, t);

    return (uint8_t)((t + spare / r->tick) % r->period[c->period]);
}

/* A relay that died a moment ago would leave its CREATE unanswered for a second and more. */
static bool is_silent(const struct smx_relay *r, uint32_t link, smx_time now)
{
    return !r->config.cover_off && now > smx_link_heard(r->ep, link) + SILENT_TICKS * r->tick;
}

static enum smx_refusal try_extend(struct smx_relay *r, smx_time now, uint32_t at, const struct smx_extend *e)
{
    struct circuit *c = &r->circuit[at];
    uint32_t period = r->period[c->period];
    uint32_t link = next_link(r, e->relay);
    uint32_t up = c->bwd.link;
    uint64_t number, tick;
    struct smx_create create = {.suite = e->suite, .period = e->period};

    if (link == NONE || is_silent(r, link, now))
        return SMX_REFUSAL_PATH;
    if (e->period != c->period)
        return SMX_REFUSAL_SUITE;
    /* The first cell to go on: far enough ahead for CREATE to be there first. */
    number = smx_timetable_number(&c->up_in, smx_link_last_tick(r->ep, up)) + 2;
    tick = smx_relay_tick_after(r, smx_relay_arrival(r, up, smx_timetable_tick(&c->up_in, number)));
    if (tick <= r->next)
        tick = r->next + 1;
    for (uint32_t i = 0; i <= period; i++, tick++) {
        if (i == period)
            return SMX_REFUSAL_ROOM;
        if (smx_relay_has_room(r, link, c->period, (uint32_t)(tick % period)))
            break;
    }
    c->fwd.link = link;
    c->fwd.tt = (struct smx_timetable){.tick0 = tick, .number0 = number, .period = period};
    c->fwd.d = e->d;
    c->fwd.id = 0; /* not known yet */
    smx_relay_depart_empty(r, &c->fwd);
    c->generation++; /* so that a late answer to an older EXTEND names nothing */
    c->down_in_id = smx_relay_id_make(r, link, at, BWD);
    memcpy(create.tag, e->tag, sizeof create.tag);
    create.back_class = wanted_class(r, c, link);
    create.back_id = c->down_in_id;
    create.first_tick = (uint32_t)tick;
    create.first_number = number + e->d;
    create.work = e->work;
    memcpy(create.msg1, e->msg1, sizeof create.msg1);
    if (c->ask == NONE)
        c->ask = smx_shelf_take(&r->cells);
    smx_create_encode(smx_shelf_at(&r->cells, c->ask), &create);
    c->ask_tries = 1;
    c->ask_next = now + SMX_MS(RETRY_MS);
    c->down = DOWN_ASKED;
    memcpy(c->extend_key, e->msg1, sizeof c->extend_key);
    smx_relay_unnote(r, c, SMX_HOP_LEFT);
    smx_relay_depart_add(r, at, FWD);
    smx_relay_send_command(r, link, r->next, smx_shelf_at(&r->cells, c->ask));
    return SMX_REFUSAL_NONE;
}

/* Its owner wants to go elsewhere: what was asked for, or stands beyond this end, goes. */
static bool make_way(struct smx_relay *r, uint32_t at)
{
    struct circuit *c = &r->circuit[at];

    if (c->down == DOWN_ASKED) {
        smx_relay_depart_drop(r, at, FWD);
        c->down = DOWN_NONE;
    } else if (c->down == DOWN_LINK && smx_relay_is_end_link(r, c->fwd.link)) {
        smx_relay_part(r, at);
        smx_relay_unnote(r, c, SMX_HOP_LEFT);
    }
    return c->down == DOWN_NONE;
}

static void extend(struct smx_relay *r, smx_time now, uint32_t at, const struct smx_hop_msg *m)
{
    struct circuit *c = &r->circuit[at];
    struct smx_extend e;
    enum smx_refusal reason;

    if (smx_extend_decode(&e, m->content, m->len) != SMX_OK) {
        r->count.commands_malformed++;
        return;
    }
    if ((c->down == DOWN_ASKED || c->down == DOWN_LINK) &&
        memcmp(e.msg1, c->extend_key, sizeof c->extend_key) == 0) {
        if (c->down == DOWN_LINK)
            smx_relay_note(r, c, SMX_HOP_EXTENDED, c->extended, sizeof c->extended, ANSWERS);
        return;
    }
    if (!make_way(r, at))
        return;
    smx_keymap_drop(&r->waiting, at); /* a JOIN that waits is not wanted any more */
    c->join_until = 0;
    reason = try_extend(r, now, at, &e);
    if (reason != SMX_REFUSAL_NONE) {
        r->count.extends_refused++;
        refuse(r, c, SMX_HOP_EXTEND, reason);
    }
}

/* ---- COOKIE, JOIN, LEAVE ---- */

/* The owner's partner makes room for another circuit of the same client, which then is what the partner was:
 * it has the cookie that he had placed, if any.  For the owner nothing happens. */
static void replace_partner(struct smx_relay *r, uint32_t joiner, uint32_t owner)
{
    uint32_t partner = r->circuit[owner].peer;
    uint8_t placed[SMX_KEYMAP_KEY];
    bool had = smx_keymap_key(&r->cookies, partner, placed);

    smx_keymap_drop(&r->cookies, partner);
    smx_relay_let_go(r, partner);
    if (had)
        smx_keymap_put(&r->cookies, joiner, placed, sizeof placed);
    r->count.joins_replaced++;
}

void smx_relay_join(struct smx_relay *r, uint32_t joiner, uint32_t owner)
{
    struct circuit *j = &r->circuit[joiner], *o = &r->circuit[owner];
    uint64_t j_next = smx_timetable_number(&j->up_in, smx_link_last_tick(r->ep, j->bwd.link)) + 1;
    uint64_t o_next = smx_timetable_number(&o->up_in, smx_link_last_tick(r->ep, o->bwd.link)) + 1;
    bool replaces = o->down == DOWN_PEER;

    smx_keymap_drop(&r->cookies, owner);
    smx_keymap_drop(&r->waiting, joiner);
    smx_keymap_drop(&r->cookies, joiner);
    if (replaces)
        replace_partner(r, joiner, owner);
    /* Both timetables stand; each direction has its constant, by which arrivals fit the other's departures.
     */
    j->peer_c = smx_relay_count_after(
                    r, &o->bwd, smx_relay_arrival(r, j->bwd.link, smx_timetable_tick(&j->up_in, j_next))) -
                j_next;
    o->peer_c = smx_relay_count_after(
                    r, &j->bwd, smx_relay_arrival(r, o->bwd.link, smx_timetable_tick(&o->up_in, o_next))) -
                o_next;
    j->peer = owner;
    o->peer = joiner;
    j->down = o->down = DOWN_PEER;
    smx_relay_unnote(r, j, SMX_HOP_LEFT);
    smx_relay_unnote(r, o, SMX_HOP_LEFT);
    j->join_until = 0;
    smx_relay_note(r, j, SMX_HOP_JOINED, j->join, SMX_COOKIE, 1);
    if (!replaces)
        smx_relay_note(r, o, SMX_HOP_MET, j->join, sizeof j->join, COPIES);
    r->count.joins++;
}

/* A cookie says where to join: at a slot that stands alone here or, while it is joined, in place of its
 * partner, whose half may die. */
static void cookie(struct smx_relay *r, uint32_t at, const struct smx_hop_msg *m)
{
    struct circuit *c = &r->circuit[at];
    bool waits = c->down == DOWN_NONE || c->down == DOWN_PEER;
    uint32_t joiner, other;

    if (m->len != SMX_COOKIE) {
        r->count.commands_malformed++;
        return;
    }
    if (own_layer(r) != SMX_LAYER_END) {
        refuse(r, c, SMX_HOP_COOKIE, SMX_REFUSAL_PATH);
        return;
    }
    if (waits) {
        other = smx_keymap_find(&r->cookies, m->content, SMX_COOKIE);
        if (other != NONE && other != at) {
            refuse(r, c, SMX_HOP_COOKIE, SMX_REFUSAL_ROOM);
            return;
        }
        smx_keymap_put(&r->cookies, at, m->content, SMX_COOKIE);
    }
    smx_relay_note(r, c, SMX_HOP_COOKIE_OK, m->content, SMX_COOKIE, 1);
    joiner = smx_keymap_find(&r->waiting, m->content, SMX_COOKIE);
    if (joiner != NONE && joiner != at && waits)
        smx_relay_join(r, joiner, at);
}

/* While it is being lengthened it can't; should that fail, the JOIN that waits comes through. */
static bool can_be_joined(const struct smx_relay *r, uint32_t owner, const struct circuit *by)
{
    const struct circuit *o = &r->circuit[owner];

    return o->period == by->period && (o->down == DOWN_NONE || o->down == DOWN_PEER);
}

static void join(struct smx_relay *r, smx_time now, uint32_t at, const struct smx_hop_msg *m)
{
    struct circuit *c = &r->circuit[at];
    uint32_t owner, waiting;

    if (m->len != sizeof c->join) {
        r->count.commands_malformed++;
        return;
    }
    if (c->down == DOWN_PEER) {
        if (memcmp(c->join, m->content, SMX_COOKIE) == 0)
            smx_relay_note(r, c, SMX_HOP_JOINED, c->join, SMX_COOKIE, 1);
        return;
    }
    if (c->down != DOWN_NONE || (c->join_until > 0 && memcmp(c->join, m->content, SMX_COOKIE) == 0))
        return;
    smx_keymap_drop(&r->waiting, at); /* another cookie: its owner waits for the old one no more */
    c->join_until = 0;
    memcpy(c->join, m->content, sizeof c->join);
    owner = smx_keymap_find(&r->cookies, m->content, SMX_COOKIE);
    waiting = smx_keymap_find(&r->waiting, m->content, SMX_COOKIE);
    if (owner != NONE && r->circuit[owner].down == DOWN_NONE &&
        is_silent(r, r->circuit[owner].bwd.link, now)) { /* MET would reach nobody */
        refuse(r, c, SMX_HOP_JOIN, SMX_REFUSAL_ABSENT);
    } else if (owner != NONE && owner != at && can_be_joined(r, owner, c)) {
        smx_relay_join(r, at, owner);
    } else if (waiting == NONE) {
        smx_keymap_put(&r->waiting, at, m->content, SMX_COOKIE);
        c->join_until = now + SMX_MS(JOIN_WAIT_MS);
    }
}

static void leave(struct smx_relay *r, uint32_t at)
{
    struct circuit *c = &r->circuit[at];

    if (c->down == DOWN_NONE) {
        smx_relay_note(r, c, SMX_HOP_LEFT, NULL, 0, 1);
        return;
    }
    if (c->down == DOWN_PEER) /* nobody shall come back to who has left */
        smx_keymap_drop(&r->cookies, at);
    smx_relay_part(r, at);
}

/* ---- LISTEN ---- */

static void listen(struct smx_relay *r, uint32_t at, const struct smx_hop_msg *m)
{
    static const char label[] = "sipmix listen v1";
    struct circuit *c = &r->circuit[at];
    uint8_t text[sizeof label - 1 + SMX_RELAY_ID + SMX_HOP_HASH];
    struct smx_wr w = {text, sizeof text};
    uint32_t other;

    if (m->len != crypto_sign_PUBLICKEYBYTES + crypto_sign_BYTES) {
        r->count.commands_malformed++;
        return;
    }
    smx_wr_bytes(&w, label, sizeof label - 1);
    smx_wr_bytes(&w, r->config.id, SMX_RELAY_ID);
    smx_wr_bytes(&w, c->layers.hash, SMX_HOP_HASH);
    smx_wr_done(&w);
    if (own_layer(r) != SMX_LAYER_END || c->down != DOWN_NONE ||
        crypto_sign_verify_detached(m->content + crypto_sign_PUBLICKEYBYTES, text, sizeof text, m->content) !=
            0) {
        refuse(r, c, SMX_HOP_LISTEN, SMX_REFUSAL_PATH);
        return;
    }
    other = smx_keymap_find(&r->listeners, m->content, crypto_sign_PUBLICKEYBYTES);
    if (other != NONE)
        smx_keymap_drop(&r->listeners, other); /* the newest circuit of a pseudonym is the one */
    smx_keymap_put(&r->listeners, at, m->content, crypto_sign_PUBLICKEYBYTES);
    smx_relay_note(r, c, SMX_HOP_LISTENING, NULL, 0, ANSWERS);
}

/* ---- dispatch ---- */

void smx_relay_hop_message(struct smx_relay *r, smx_time at, uint32_t circuit,
                           const uint8_t body[SMX_CELL_BODY])
{
    struct smx_hop_msg m;

    if (smx_hop_msg_decode(&m, body) != SMX_OK) {
        r->count.commands_malformed++;
        return;
    }
    switch (m.type) {
    case SMX_HOP_EXTEND:
        extend(r, at, circuit, &m);
        break;
    case SMX_HOP_COOKIE:
        cookie(r, circuit, &m);
        break;
    case SMX_HOP_JOIN:
        join(r, at, circuit, &m);
        break;
    case SMX_HOP_LEAVE:
        leave(r, circuit);
        break;
    case SMX_HOP_LISTEN:
        listen(r, circuit, &m);
        break;
    case SMX_HOP_STREAM:
        smx_relay_service_segment(r, at, circuit, m.content, m.len);
        break;
    case SMX_HOP_NOP:
        break;
    default:
        r->count.commands_malformed++;
    }
}
