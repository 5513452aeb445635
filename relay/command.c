#include "relay/core.h"

#include "proto/base/bytes.h"

#include <sodium.h>
#include <string.h>

/* ---- the queue of a link ---- */

void smx_relay_send_command(struct smx_relay *r, uint32_t link, uint64_t from,
                            const uint8_t cell[SMX_CELL_SIZE])
{
    struct neighbour *n = &r->neighbour[link];
    uint32_t at = r->command_free;
    struct command *c;

    if ((at == NONE && r->command_fresh == r->command_max) || n->command_count == COMMANDS_PER_LINK) {
        r->count.commands_dropped++; /* whoever waits for it asks again */
        return;
    }
    if (at == NONE)
        at = r->command_fresh++; /* memory that nobody has touched yet */
    else
        r->command_free = r->command[at].next;
    c = &r->command[at];
    c->next = NONE;
    c->from = from;
    memcpy(c->cell, cell, SMX_CELL_SIZE);
    if (n->command_count++ == 0)
        n->commands = at;
    else
        r->command[n->commands_last].next = at;
    n->commands_last = at;
}

bool smx_relay_next_command(struct smx_relay *r, uint32_t link, uint64_t tick, uint8_t cell[SMX_CELL_SIZE])
{
    struct neighbour *n = &r->neighbour[link];
    uint32_t before = NONE;

    for (uint32_t at = n->command_count ? n->commands : NONE; at != NONE;
         before = at, at = r->command[at].next) {
        struct command *c = &r->command[at];

        if (c->from > tick)
            continue;
        memcpy(cell, c->cell, SMX_CELL_SIZE);
        if (before == NONE)
            n->commands = c->next;
        else
            r->command[before].next = c->next;
        if (n->commands_last == at)
            n->commands_last = before;
        n->command_count--;
        c->next = r->command_free;
        r->command_free = at;
        return true;
    }
    return false;
}

void smx_relay_drop_commands(struct smx_relay *r, uint32_t link)
{
    uint8_t cell[SMX_CELL_SIZE];

    while (smx_relay_next_command(r, link, UINT64_MAX, cell))
        ;
}

static enum smx_layer layer_of(const struct smx_relay *r, uint32_t place)
{
    return (enum smx_layer)r->consensus.relay[place].layer;
}

bool smx_relay_is_end_link(const struct smx_relay *r, uint32_t link)
{
    const struct neighbour *n = link == NONE ? NULL : &r->neighbour[link];

    return n && n->kind == SMX_LINK_RELAY && n->place != NONE && layer_of(r, n->place) >= SMX_LAYER_END &&
           r->place != NONE && layer_of(r, r->place) >= SMX_LAYER_END;
}

/* ---- CREATE ---- */

/* Who may make a circuit here: clients at guards, guards at middles, middles and ends at ends. */
static bool may_create(const struct smx_relay *r, const struct neighbour *n)
{
    enum smx_layer mine;

    if (r->place == NONE)
        return false;
    mine = layer_of(r, r->place);
    if (n->kind == SMX_LINK_CLIENT)
        return mine == SMX_LAYER_GUARD;
    if (n->place == NONE)
        return false;
    return mine == SMX_LAYER_MIDDLE ? layer_of(r, n->place) == SMX_LAYER_GUARD
                                    : mine >= SMX_LAYER_END && (layer_of(r, n->place) == SMX_LAYER_MIDDLE ||
                                                                layer_of(r, n->place) == SMX_LAYER_END);
}

/* The mix tick class in which the creator wants the backward cells, else the next one with room.  A client
 * has arranged his circuits to fill his link: elsewhere one would stand in the way of another. */
static bool choose_class(const struct smx_relay *r, uint32_t link, const struct smx_create *c,
                         uint32_t *class)
{
    const struct neighbour *n = &r->neighbour[link];
    uint32_t period = r->period[c->period];
    uint32_t wanted = n->phase + c->back_class * r->period[SMX_PERIOD_SLOT];

    if (n->kind == SMX_LINK_CLIENT) {
        *class = wanted % period;
        return smx_relay_has_room(r, link, c->period, *class);
    }
    for (uint32_t i = 0; i < period; i++) {
        *class = (c->back_class + i) % period;
        if (smx_relay_has_room(r, link, c->period, *class))
            return true;
    }
    return false;
}

/* The circuit whose place the new one is to share; NONE: it needs one of its own. */
static uint32_t replaced(const struct smx_relay *r, uint32_t link, const struct smx_create *in)
{
    int dir;
    uint32_t at = in->replaces != 0 && r->neighbour[link].kind == SMX_LINK_CLIENT
                      ? smx_relay_id_find(r, link, in->replaces, &dir)
                      : NONE;

    return at != NONE && dir == FWD && r->circuit[at].period == in->period ? at : NONE;
}

/* A client whose CREATED was lost for good can't name the circuit that has its place.  A new circuit gets the
 * place of one that is silent; forward, that one goes on as filler for its time. */
static bool take_place(struct smx_relay *r, smx_time at, uint32_t link, uint8_t period, uint32_t class)
{
    struct neighbour *n = &r->neighbour[link];
    uint32_t oldest = NONE;

    if (r->config.cover_off) /* then silence says nothing */
        return false;
    if (n->kind != SMX_LINK_CLIENT || (n->replaced > 0 && at < n->replaced + SMX_MS(REPLACE_MS)))
        return false;
    for (uint32_t i = 0; i < r->circuit_fresh; i++) {
        const struct circuit *c = &r->circuit[i];
        uint32_t common = r->period[c->period < period ? c->period : period];

        if (c->used && c->bwd.link == link && at > c->heard + SMX_MS(LEFT_MS) &&
            c->bwd.tt.tick0 % common == class % common &&
            (oldest == NONE || c->heard < r->circuit[oldest].heard))
            oldest = i;
    }
    if (oldest == NONE)
        return false;
    n->replaced = at;
    smx_relay_depart_drop(r, oldest, BWD);
    return true;
}

static const struct smx_x25519 *find_onion(const struct smx_relay *r, const uint8_t tag[SMX_KEY_TAG])
{
    for (size_t i = 0; i < SMX_RELAY_ONION_KEYS; i++)
        if (r->onion[i].used && memcmp(r->onion[i].tag, tag, SMX_KEY_TAG) == 0)
            return &r->secrets->onion[i];
    return NULL;
}

static void refuse(struct smx_relay *r, smx_time at, uint32_t link, uint32_t back_id, enum smx_refusal reason)
{
    uint8_t cell[SMX_CELL_SIZE];

    r->count.creates_refused++;
    smx_refused_encode(cell, &(struct smx_refused){.back_id = back_id,
                                                   .reason = (uint8_t)reason,
                                                   .bits = reason == SMX_REFUSAL_WORK
                                                               ? (uint8_t)smx_demand_bits(&r->demand, at)
                                                               : 0});
    smx_relay_send_command(r, link, r->next, cell);
}

/* Does it show the work that is asked for, if any?  What was done counts once, also after its circuit. */
static bool is_paid(struct smx_relay *r, smx_time at, const struct smx_create *in)
{
    bool asked = smx_demand_bits(&r->demand, at) > 0;

    if (!smx_demand_meets(&r->demand, at, asked ? smx_hop_work(in->tag, in->msg1, in->work) : 0)) {
        r->count.creates_short++;
        return false;
    }
    if (!asked)
        return true;
    if (!smx_seen_add(&r->paid, at, in->msg1))
        return false;
    r->count.creates_paid++;
    return true;
}

static enum smx_refusal try_create(struct smx_relay *r, smx_time at, uint32_t link,
                                   const struct smx_create *in)
{
    struct neighbour *n = &r->neighbour[link];
    const struct smx_x25519 *onion = find_onion(r, in->tag);
    uint32_t period = r->period[in->period], class = 0, circuit, old = replaced(r, link, in);
    struct smx_created answer = {.back_id = in->back_id};
    struct circuit *c;

    if (!may_create(r, n))
        return SMX_REFUSAL_PATH;
    if (in->suite != SMX_SUITE_1 || !onion)
        return SMX_REFUSAL_SUITE;
    if (!smx_relay_may_create_more(r, link, at))
        return SMX_REFUSAL_ROOM;
    if (!is_paid(r, at, in))
        return SMX_REFUSAL_WORK;
    if (old != NONE)
        class = (uint32_t)(r->circuit[old].bwd.tt.tick0 % period);
    else if (!choose_class(r, link, in, &class) &&
             !(take_place(r, at, link, in->period, class) && choose_class(r, link, in, &class)))
        return SMX_REFUSAL_ROOM;
    circuit = smx_relay_circuit_add(r);
    if (circuit == NONE)
        return SMX_REFUSAL_ROOM;
    c = &r->circuit[circuit];
    if (smx_hop_answer(&c->layers, answer.msg2, in->msg1, r->config.id, onion, in->tag, in->period,
                       &r->rng) != SMX_OK) {
        smx_relay_circuit_free(r, circuit);
        return SMX_REFUSAL_SUITE;
    }
    c->period = in->period;
    c->heard = at;
    c->end = smx_relay_end_of_life(r, at);
    c->in_id = smx_relay_id_make(r, link, circuit, FWD);
    c->up_in =
        (struct smx_timetable){.tick0 = smx_tick_unwrap(in->first_tick, smx_link_last_tick(r->ep, link)),
                               .number0 = in->first_number,
                               .period = smx_relay_link_period(r, link, in->period)};
    smx_counts_init(&c->up_counts, in->first_number - 1);
    c->bwd.link = link;
    c->bwd.id = in->back_id;
    c->bwd.tt =
        (struct smx_timetable){.tick0 = r->next + 1, .number0 = smx_count_draw(&r->rng), .period = period};
    while (c->bwd.tt.tick0 % period != class)
        c->bwd.tt.tick0++;
    if (old != NONE)
        smx_relay_share(r, circuit, old);
    smx_relay_depart_add(r, circuit, BWD);
    smx_keymap_put(&r->created, circuit, in->msg1, SMX_X25519);
    answer.forward_id = c->in_id;
    answer.first_tick = (uint32_t)smx_relay_link_tick(r, link, c->bwd.tt.tick0);
    answer.first_number = c->bwd.tt.number0;
    c->created = smx_shelf_take(&r->cells);
    smx_created_encode(smx_shelf_at(&r->cells, c->created), &answer);
    smx_relay_send_command(r, link, r->next, smx_shelf_at(&r->cells, c->created));
    r->count.creates++;
    return SMX_REFUSAL_NONE;
}

static void create(struct smx_relay *r, smx_time at, uint32_t link, const struct smx_create *in)
{
    uint32_t known = smx_keymap_find(&r->created, in->msg1, SMX_X25519);
    enum smx_refusal reason;
    struct circuit *c;

    if (known != NONE) {
        r->count.creates_repeated++;
        c = &r->circuit[known];
        if (c->created == NONE)
            return;    /* an old copy: it has begun */
        c->missed = 0; /* its owner has not heard of it yet */
        if (c->bwd.link == link)
            smx_relay_send_command(r, link, r->next, smx_shelf_at(&r->cells, c->created));
        return;
    }
    reason = try_create(r, at, link, in);
    if (reason != SMX_REFUSAL_NONE)
        refuse(r, at, link, in->back_id, reason);
}

/* ---- CREATED and REFUSED, to a CREATE of ours for an EXTEND ---- */

static void created(struct smx_relay *r, uint32_t link, const struct smx_created *in)
{
    int dir;
    uint32_t at = smx_relay_id_find(r, link, in->back_id, &dir);
    struct circuit *c;
    struct smx_wr w;

    if (at == NONE || dir != BWD || r->circuit[at].down != DOWN_ASKED)
        return;
    c = &r->circuit[at];
    c->down = DOWN_LINK;
    smx_shelf_give(&r->cells, &c->ask);
    c->fwd.id = in->forward_id;
    smx_keymap_drop(&r->cookies, at); /* whoever has lengthened a circuit no longer waits at its end */
    c->down_in =
        (struct smx_timetable){.tick0 = smx_tick_unwrap(in->first_tick, smx_link_last_tick(r->ep, link)),
                               .number0 = in->first_number,
                               .period = smx_relay_link_period(r, link, c->period)};
    /* the timetable upstream stands; what arrives is fitted to it */
    c->down_c =
        smx_relay_count_after(r, &c->bwd, smx_relay_arrival(r, link, c->down_in.tick0)) - in->first_number;
    w = (struct smx_wr){c->extended, sizeof c->extended};
    smx_wr_u64(&w, c->down_c);
    smx_wr_bytes(&w, in->msg2, sizeof in->msg2);
    smx_wr_done(&w);
    smx_relay_note(r, c, SMX_HOP_EXTENDED, c->extended, sizeof c->extended, ANSWERS);
}

static void refused(struct smx_relay *r, uint32_t link, const struct smx_refused *in)
{
    int dir;
    uint32_t at = smx_relay_id_find(r, link, in->back_id, &dir);

    if (at != NONE && dir == BWD && r->circuit[at].down == DOWN_ASKED)
        smx_relay_extend_refused(r, at, in->reason, in->bits);
}

/* ---- RELEASE ---- */

static void release(struct smx_relay *r, uint32_t link, uint32_t id)
{
    uint8_t cell[SMX_CELL_SIZE];

    smx_release_encode(cell, &(struct smx_release){.id = id});
    for (uint64_t i = 0; i < COPIES; i++) /* a lost one would leave the piece to fade */
        smx_relay_send_command(r, link, r->next + i * COPY_GAP * r->period[SMX_PERIOD_SLOT], cell);
}

/* The circuit whose owner's end this is stands alone again, and he is told: once if he asked, for he repeats.
 */
static void detach(struct smx_relay *r, uint32_t at, uint8_t copies)
{
    struct circuit *c = &r->circuit[at];

    smx_relay_depart_drop(r, at, FWD);
    c->down = DOWN_NONE;
    c->peer = NONE;
    sodium_memzero(c->extend_key, sizeof c->extend_key);
    sodium_memzero(c->join, sizeof c->join);
    smx_relay_depart_empty(r, &c->bwd);
    smx_relay_note(r, c, SMX_HOP_LEFT, NULL, 0, copies);
}

void smx_relay_detach(struct smx_relay *r, uint32_t at)
{
    detach(r, at, COPIES);
}

void smx_relay_circuit_end(struct smx_relay *r, uint32_t at)
{
    if (r->circuit[at].down == DOWN_PEER)
        detach(r, r->circuit[at].peer, COPIES);
    smx_relay_circuit_free(r, at);
}

void smx_relay_let_go(struct smx_relay *r, uint32_t at)
{
    const struct departure *up = &r->circuit[at].bwd;

    if (smx_relay_is_end_link(r, up->link)) { /* it goes on at its owner's end, which lengthened it */
        release(r, up->link, up->id);
        smx_relay_circuit_free(r, at);
    } else {
        detach(r, at, COPIES);
    }
}

void smx_relay_part(struct smx_relay *r, uint32_t at)
{
    struct circuit *c = &r->circuit[at];

    if (c->down == DOWN_PEER) {
        smx_relay_let_go(r, c->peer);
    } else if (c->down == DOWN_LINK && smx_relay_is_end_link(r, c->fwd.link)) {
        release(r, c->fwd.link, c->fwd.id);
    } else if (c->down != DOWN_NONE) {
        return; /* a middle's or guard's circuit has nothing to leave */
    }
    detach(r, at, 1);
}

static void released(struct smx_relay *r, uint32_t link, const struct smx_release *in)
{
    int dir;
    uint32_t at = smx_relay_id_find(r, link, in->id, &dir);

    if (at == NONE || !smx_relay_is_end_link(r, link))
        return;
    if (dir == BWD) { /* the piece beyond us is gone */
        detach(r, at, COPIES);
        return;
    }
    smx_relay_circuit_end(r, at);
}

/* ---- dispatch ---- */

void smx_relay_command(struct smx_relay *r, smx_time at, uint32_t link, uint8_t cell[SMX_CELL_SIZE])
{
    union {
        struct smx_create create;
        struct smx_created created;
        struct smx_refused refused;
        struct smx_release release;
        struct smx_introduce_part introduce;
        struct smx_introduced introduced;
    } c;
    const uint8_t *seg;
    size_t len;
    bool relay_link, bad = false;

    if (smx_command_type(cell) == SMX_CMD_FILLER)
        return; /* most are, and need nothing to be looked up */
    relay_link = r->neighbour[link].kind == SMX_LINK_RELAY;
    switch (smx_command_type(cell)) {
    case SMX_CMD_CREATE:
        if (!(bad = smx_create_decode(&c.create, cell) != SMX_OK))
            create(r, at, link, &c.create);
        break;
    case SMX_CMD_CREATED:
        if (!(bad = smx_created_decode(&c.created, cell) != SMX_OK))
            created(r, link, &c.created);
        break;
    case SMX_CMD_REFUSED:
        if (!(bad = smx_refused_decode(&c.refused, cell) != SMX_OK))
            refused(r, link, &c.refused);
        break;
    case SMX_CMD_RELEASE:
        if (!(bad = smx_release_decode(&c.release, cell) != SMX_OK))
            released(r, link, &c.release);
        break;
    case SMX_CMD_INTRODUCE:
        if (!(bad = !relay_link || smx_introduce_part_decode(&c.introduce, cell) != SMX_OK))
            smx_relay_introduce_part(r, at, link, &c.introduce);
        break;
    case SMX_CMD_INTRODUCED:
        if (!(bad = !relay_link || smx_introduced_decode(&c.introduced, cell) != SMX_OK))
            smx_relay_introduced(r, link, c.introduced.handle);
        break;
    case SMX_CMD_STREAM:
        if (!(bad = relay_link || smx_command_segment(&seg, &len, cell) != SMX_OK))
            smx_relay_service_link_segment(r, at, link, seg, len);
        break;
    default: /* from a later version */
        bad = true;
    }
    if (bad)
        r->count.commands_malformed++;
}

/* ---- time ---- */

void smx_relay_circuit_expire(struct smx_relay *r, uint32_t at, smx_time now)
{
    struct circuit *c = &r->circuit[at];

    if (c->down == DOWN_ASKED && now >= c->ask_next) {
        if (c->ask_tries == TRIES) {
            smx_relay_extend_refused(r, at, SMX_REFUSAL_PATH, 0);
        } else {
            c->ask_tries++;
            c->ask_next = now + SMX_MS(RETRY_MS);
            smx_relay_send_command(r, c->fwd.link, r->next, smx_shelf_at(&r->cells, c->ask));
        }
    }
    if (c->join_until > 0 && now >= c->join_until) {
        c->join_until = 0;
        smx_keymap_drop(&r->waiting, at);
        r->count.joins_refused++;
        smx_relay_note(r, c, SMX_HOP_REFUSED, (uint8_t[]){SMX_HOP_JOIN, SMX_REFUSAL_ABSENT}, 2, 1);
    }
    /* Nothing from the owner's side: whether he left or a relay died, this piece goes on as if nothing were,
     * for a while. */
    if (now >= c->fade || now >= c->end)
        smx_relay_circuit_end(r, at);
    else if (!r->config.cover_off && !c->orphan && now > c->heard + SMX_MS(UP_SILENT_MS))
        smx_relay_orphan(r, at, now);
}
