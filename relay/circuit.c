#include "relay/core.h"

#include "proto/base/bytes.h"
#include "proto/base/fetch.h"

#include <assert.h>
#include <sodium.h>
#include <stddef.h>
#include <string.h>

/* ---- the table ---- */

static void drop_note(struct smx_relay *r, struct circuit *c, size_t i);

static uint32_t refs_of(uint32_t at, int dir)
{
    return at * 2 + (uint32_t)dir;
}

struct departure *smx_relay_departure(struct smx_relay *r, uint32_t ref)
{
    struct circuit *c = &r->circuit[ref / 2];

    return ref % 2 == BWD ? &c->bwd : &c->fwd;
}

uint32_t smx_relay_circuit_add(struct smx_relay *r)
{
    uint32_t at = r->circuit_free;
    struct circuit *c;
    uint16_t generation;

    if (at == NONE && r->circuit_fresh == r->config.circuits_max)
        return NONE;
    if (at == NONE)
        at = r->circuit_fresh++;
    else
        r->circuit_free = r->circuit[at].bwd.next;
    c = &r->circuit[at];
    generation = c->generation;
    memset(c, 0, sizeof *c);
    c->used = true;
    c->generation = (uint16_t)(generation + 1);
    c->fwd.link = c->bwd.link = c->peer = c->stream = c->twin = c->created = c->ask = NONE;
    c->fade = c->end = SMX_NEVER;
    c->listen_tokens = LISTEN_BURST;
    r->circuit_used++;
    return at;
}

void smx_relay_circuit_free(struct smx_relay *r, uint32_t at)
{
    struct circuit *c = &r->circuit[at];

    smx_relay_depart_drop(r, at, FWD);
    smx_relay_depart_drop(r, at, BWD);
    if (c->orphan)
        smx_relay_adopt(r, at);
    smx_keymap_drop(&r->created, at);
    smx_keymap_drop(&r->cookies, at);
    smx_keymap_drop(&r->waiting, at);
    smx_keymap_drop(&r->listeners, at);
    smx_relay_service_free(r, &c->stream);
    smx_shelf_give(&r->cells, &c->created);
    smx_shelf_give(&r->cells, &c->ask);
    while (c->note_count > 0)
        drop_note(r, c, 0);
    smx_hop_layers_fini(&c->layers);
    c->used = false;
    c->bwd.next = r->circuit_free;
    r->circuit_free = at;
    r->circuit_used--;
}

/* ids are table places mixed with a number drawn for the link: a neighbour can't read our size or order from
 * them. */
enum { ID_GENERATION = 256 };

uint32_t smx_relay_id_make(const struct smx_relay *r, uint32_t link, uint32_t at, int dir)
{
    uint32_t generation = r->circuit[at].generation % ID_GENERATION;
    uint32_t id = ((refs_of(at, dir) * ID_GENERATION + generation) ^ r->neighbour[link].secret);

    return id; /* circuits_max leaves the top bit to the secret, which sets it: never 0 */
}

/* What refs_of said; of any id, so the place may be none of ours. */
static uint32_t ref_of_id(const struct smx_relay *r, uint32_t link, uint32_t id)
{
    return (id ^ r->neighbour[link].secret) / ID_GENERATION;
}

uint32_t smx_relay_id_find(const struct smx_relay *r, uint32_t link, uint32_t id, int *dir)
{
    uint32_t ref = ref_of_id(r, link, id), at = ref / 2;
    const struct circuit *c;

    if (at >= r->config.circuits_max)
        return NONE;
    c = &r->circuit[at];
    *dir = (int)(ref % 2);
    if (!c->used ||
        (*dir == FWD ? c->in_id != id || c->bwd.link != link : c->down_in_id != id || c->fwd.link != link))
        return NONE;
    return at;
}

/* What a cell in this direction needs: forward it is deciphered on arrival, backward enciphered when it
 * leaves. */
static void fetch(const struct circuit *c, const void *layer, size_t size)
{
    smx_fetch(c, offsetof(struct circuit, layers));
    smx_fetch(layer, size);
}

void smx_relay_id_fetch(const struct smx_relay *r, uint32_t link, uint32_t id)
{
    uint32_t ref = ref_of_id(r, link, id), at = ref / 2;
    const struct circuit *c;

    if (at >= r->config.circuits_max)
        return;
    c = &r->circuit[at];
    fetch(c, &c->layers.open, ref % 2 == FWD ? sizeof c->layers.open : 0);
}

void smx_relay_depart_fetch(const struct smx_relay *r, uint32_t ref)
{
    const struct circuit *c = &r->circuit[ref / 2];

    fetch(c, &c->layers.seal, ref % 2 == BWD ? sizeof c->layers.seal : 0);
}

/* ---- timetables ---- */

smx_time smx_relay_tick_time(const struct smx_relay *r, uint64_t tick)
{
    return r->base + tick * r->tick;
}

uint64_t smx_relay_tick_after(const struct smx_relay *r, smx_time at)
{
    return at <= r->base ? 0 : (at - r->base + r->tick - 1) / r->tick;
}

/* On client links a tick is as long as a slot period. */
uint64_t smx_relay_link_tick(const struct smx_relay *r, uint32_t link, uint64_t mix)
{
    const struct neighbour *n = &r->neighbour[link];

    return n->kind == SMX_LINK_RELAY ? mix : (mix - n->phase) / r->period[SMX_PERIOD_SLOT];
}

uint32_t smx_relay_link_period(const struct smx_relay *r, uint32_t link, uint8_t period)
{
    return r->neighbour[link].kind == SMX_LINK_RELAY ? r->period[period]
                                                     : r->period[period] / r->period[SMX_PERIOD_SLOT];
}

smx_time smx_relay_arrival(const struct smx_relay *r, uint32_t link, uint64_t t)
{
    return smx_link_expected(r->ep, link, t) + smx_link_margin(r->ep, link);
}

uint64_t smx_relay_count_after(const struct smx_relay *r, const struct departure *d, smx_time at)
{
    uint64_t tick = smx_relay_tick_after(r, at);
    uint64_t number = smx_timetable_number(&d->tt, tick);

    if (tick < d->tt.tick0)
        return d->tt.number0;
    return smx_timetable_tick(&d->tt, number) < tick ? number + 1 : number;
}

static uint32_t *list_of(struct smx_relay *r, const struct departure *d, uint8_t period)
{
    struct neighbour *n = &r->neighbour[d->link];
    uint32_t class = (uint32_t)(d->tt.tick0 % r->period[period]);

    return period == SMX_PERIOD_SLOT ? &n->slot[class] : &n->listen[class];
}

static uint16_t *count_of(struct smx_relay *r, const struct departure *d, uint8_t period)
{
    struct neighbour *n = &r->neighbour[d->link];
    uint32_t class = (uint32_t)(d->tt.tick0 % r->period[period]);

    return period == SMX_PERIOD_SLOT ? &n->slot_count[class] : &n->listen_count[class];
}

void smx_relay_depart_add(struct smx_relay *r, uint32_t at, int dir)
{
    uint32_t ref = refs_of(at, dir);
    struct departure *d = smx_relay_departure(r, ref);
    uint8_t period = r->circuit[at].period;
    uint32_t *head = list_of(r, d, period);
    struct neighbour *n = &r->neighbour[d->link];
    uint32_t load = 0;

    d->prev = NONE;
    d->next = *head;
    if (*head != NONE)
        smx_relay_departure(r, *head)->prev = ref;
    *head = ref;
    if (dir == FWD || r->circuit[at].twin == NONE) /* two in one place count as one */
        (*count_of(r, d, period))++;
    for (uint32_t i = 0; i < r->period[SMX_PERIOD_LISTEN]; i++)
        load += n->listen_count[i] + 2U * (i < r->period[SMX_PERIOD_SLOT] ? n->slot_count[i] : 0U);
    if ((load + 1) / 2 > n->load_max)
        n->load_max = (load + 1) / 2;
}

/* Out of its list. */
static void leave_list(struct smx_relay *r, uint32_t at, int dir)
{
    struct circuit *c = &r->circuit[at];
    struct departure *d = smx_relay_departure(r, refs_of(at, dir));
    uint8_t period = c->period;

    if (d->prev != NONE)
        smx_relay_departure(r, d->prev)->next = d->next;
    else
        *list_of(r, d, period) = d->next;
    if (d->next != NONE)
        smx_relay_departure(r, d->next)->prev = d->prev;
    if (dir == FWD || c->twin == NONE) {
        (*count_of(r, d, period))--;
    } else { /* the other has the place for itself */
        r->circuit[c->twin].twin = NONE;
        c->twin = NONE;
    }
}

void smx_relay_depart_drop(struct smx_relay *r, uint32_t at, int dir)
{
    struct departure *d = smx_relay_departure(r, refs_of(at, dir));

    if (d->link != NONE)
        leave_list(r, at, dir);
    d->link = NONE;
    smx_relay_depart_empty(r, d); /* after it was dropped, too: what still comes is kept in vain */
}

void smx_relay_depart_move(struct smx_relay *r, uint32_t at, int dir, uint64_t tick0)
{
    leave_list(r, at, dir);
    smx_relay_departure(r, refs_of(at, dir))->tt.tick0 = tick0;
    smx_relay_depart_add(r, at, dir);
}

/* Two circuits in one place: of each two turns either has one, in an order that is as good as random. If it
 * had a rule, what is said again at regular or doubling times could fall into the other's turns for ever. */
static bool has_turn(const struct circuit *c, uint64_t period)
{
    static const uint8_t no_key[crypto_shorthash_KEYBYTES];
    uint64_t pair = period / 2;
    uint8_t hash[crypto_shorthash_BYTES];

    crypto_shorthash(hash, (const uint8_t *)&pair, sizeof pair, no_key);
    return ((hash[0] ^ period) & 1) == c->turn;
}

bool smx_relay_is_due(struct smx_relay *r, uint32_t ref, uint64_t tick)
{
    const struct departure *d = smx_relay_departure(r, ref);
    const struct circuit *c = &r->circuit[ref / 2];

    return smx_timetable_is_due(&d->tt, tick) &&
           (ref % 2 == FWD || c->twin == NONE || has_turn(c, tick / d->tt.period));
}

/* One place in each longer period is kept free on relay links, for link commands. */
uint32_t smx_relay_capacity(const struct smx_relay *r, uint32_t link, uint32_t class)
{
    const struct neighbour *n = &r->neighbour[link];

    if (n->kind == SMX_LINK_RELAY)
        return n->rate * n->cells - (class == 0 ? 1 : 0);
    return class % r->period[SMX_PERIOD_SLOT] == n->phase ? n->cells : 0;
}

bool smx_relay_has_room(const struct smx_relay *r, uint32_t link, uint8_t period, uint32_t class)
{
    const struct neighbour *n = &r->neighbour[link];
    uint32_t slot = r->period[SMX_PERIOD_SLOT];

    for (uint32_t k = class; k < r->period[SMX_PERIOD_LISTEN]; k += r->period[period])
        if ((uint32_t)n->slot_count[k % slot] + n->listen_count[k] >= smx_relay_capacity(r, link, k))
            return false;
    return true;
}

/* ---- cells ---- */

uint8_t *smx_relay_depart_body(const struct smx_relay *r, const struct departure *d, size_t i)
{
    return smx_shelf_at(&r->bodies, d->ring[i]);
}

void smx_relay_depart_lose(struct smx_relay *r, struct departure *d, size_t i)
{
    if (d->have >> i & 1)
        smx_shelf_give(&r->bodies, &d->ring[i]);
    d->have &= (uint8_t) ~(1U << i);
}

void smx_relay_depart_empty(struct smx_relay *r, struct departure *d)
{
    for (size_t i = 0; i < RING; i++)
        smx_relay_depart_lose(r, d, i);
}

void smx_relay_depart_keep(struct smx_relay *r, struct departure *d, size_t i, uint64_t number,
                           const uint8_t body[SMX_CELL_BODY])
{
    if (!(d->have >> i & 1)) /* there is a place for each of each departure */
        d->ring[i] = smx_shelf_take(&r->bodies);
    d->have |= (uint8_t)(1U << i);
    d->number[i] = number;
    memcpy(smx_relay_depart_body(r, d, i), body, SMX_CELL_BODY);
}

void smx_relay_put(struct smx_relay *r, struct departure *d, uint64_t number,
                   const uint8_t body[SMX_CELL_BODY])
{
    size_t i = number % RING;
    uint64_t tick;

    if (r->loose) {
        smx_relay_loose_put(r, d, number, body);
        return;
    }
    if (number < d->tt.number0)
        return; /* sent before this direction began */
    tick = smx_timetable_tick(&d->tt, number);
    if (tick < r->next) {
        r->count.cells_late++;
        return;
    }
    if (tick >= r->next + (uint64_t)RING * d->tt.period) {
        r->count.cells_early++;
        return;
    }
    if ((d->have >> i & 1) && d->number[i] == number) {
        r->count.cells_repeated++;
        return;
    }
    smx_relay_depart_keep(r, d, i, number, body);
}

static bool take(struct smx_relay *r, struct departure *d, uint64_t number, uint8_t body[SMX_CELL_BODY])
{
    size_t i = number % RING;

    if (!(d->have >> i & 1) || d->number[i] != number)
        return false;
    memcpy(body, smx_relay_depart_body(r, d, i), SMX_CELL_BODY);
    smx_relay_depart_lose(r, d, i);
    return true;
}

struct note *smx_relay_note_at(const struct smx_relay *r, const struct circuit *c, size_t i)
{
    return smx_shelf_at(&r->notes, c->note[i]);
}

static void drop_note(struct smx_relay *r, struct circuit *c, size_t i)
{
    smx_shelf_give(&r->notes, &c->note[i]);
    c->note_count--;
    memmove(&c->note[i], &c->note[i + 1], (c->note_count - i) * sizeof c->note[0]);
}

void smx_relay_note(struct smx_relay *r, struct circuit *c, uint8_t type, const void *content, size_t len,
                    uint8_t copies)
{
    struct note *n;

    assert(len <= SMX_HOP_CONTENT);
    if (c->note_count == NOTES) { /* its owner asks more than once a cell: the oldest makes room, he repeats
                                     what he needs */
        r->count.notes_dropped++;
        drop_note(r, c, 0);
    }
    c->note[c->note_count] = smx_shelf_take(&r->notes);
    n = smx_relay_note_at(r, c, c->note_count++);
    *n = (struct note){.type = type, .len = (uint8_t)len, .copies = copies, .from = 0};
    if (len > 0)
        memcpy(n->content, content, len);
}

void smx_relay_unnote(struct smx_relay *r, struct circuit *c, uint8_t type)
{
    for (size_t i = c->note_count; i-- > 0;)
        if (smx_relay_note_at(r, c, i)->type == type)
            drop_note(r, c, i);
}

static bool take_note(struct smx_relay *r, struct circuit *c, uint64_t number, uint8_t body[SMX_CELL_BODY])
{
    for (uint8_t i = 0; i < c->note_count; i++) {
        struct note *n = smx_relay_note_at(r, c, i);

        if (n->from > number)
            continue;
        smx_hop_msg_encode(body, n->type, n->content, n->len);
        if (--n->copies > 0)
            n->from = number + COPY_GAP;
        else
            drop_note(r, c, i);
        return true;
    }
    return false;
}

/* What stands where a cell is missing.  It depends on nothing but place and count, so that a missing cell
 * changes no other. */
static void fill(const struct smx_relay *r, uint32_t id, uint64_t count, uint8_t body[SMX_CELL_BODY])
{
    uint8_t nonce[crypto_stream_chacha20_ietf_NONCEBYTES];
    struct smx_wr w = {nonce, sizeof nonce};

    smx_wr_u32(&w, id);
    smx_wr_u64(&w, count);
    smx_wr_done(&w);
    crypto_stream_chacha20_ietf(body, SMX_CELL_BODY, nonce, r->filler_key);
}

/* Backwards there is always a cell of this hop: its own words first, then what passes, then its stream, then
 * filler. */
static bool depart_backward(struct smx_relay *r, struct circuit *c, uint64_t number, smx_time now,
                            uint8_t body[SMX_CELL_BODY])
{
    bool passing = take(r, &c->bwd, number, body); /* even if a note takes its place */
    bool real = true;
    uint8_t seg[SMX_HOP_CONTENT];
    size_t len;

    if (take_note(r, c, number, body)) {
        /* written */
    } else if (passing) {
        r->count.cells_backward++;
    } else if (c->down == DOWN_LINK) { /* a hole, which looks like any other cell from here on */
        fill(r, c->bwd.id, number, body);
        r->count.cells_filler++;
        return false;
    } else if (c->stream != NONE && (len = smx_relay_service_next(r, now, c->stream, seg, sizeof seg)) > 0) {
        smx_hop_msg_encode(body, SMX_HOP_STREAM, seg, len);
    } else {
        smx_hop_msg_encode(body, SMX_HOP_NOP, NULL, 0);
        real = false;
    }
    smx_hop_encipher(&c->layers, SMX_BACKWARD, number, body);
    return real;
}

bool smx_relay_depart(struct smx_relay *r, uint32_t ref, uint64_t tick, smx_time now,
                      uint8_t cell[SMX_CELL_SIZE])
{
    return smx_relay_depart_as(r, ref, smx_timetable_number(&smx_relay_departure(r, ref)->tt, tick), now,
                               cell);
}

bool smx_relay_depart_as(struct smx_relay *r, uint32_t ref, uint64_t number, smx_time now,
                         uint8_t cell[SMX_CELL_SIZE])
{
    struct circuit *c = &r->circuit[ref / 2];
    struct departure *d = smx_relay_departure(r, ref);
    uint8_t *body = cell + SMX_CELL_HEAD;
    bool real;

    if (d->id == 0) { /* its CREATE is not answered yet */
        smx_filler_encode(cell);
        return !r->config.cover_off;
    }
    smx_cell_head_write(cell, (struct smx_cell_head){.circuit = d->id, .seq = (uint32_t)(number + d->d)});
    if (ref % 2 == BWD) {
        real = depart_backward(r, c, number, now, body);
    } else {
        real = take(r, d, number, body);
        if (!real) {
            fill(r, d->id, number + d->d, body);
            r->count.cells_filler++;
        }
    }
    return real || !r->config.cover_off;
}

static void forward_cell(struct smx_relay *r, smx_time at, uint32_t circuit, uint64_t t, uint32_t seq,
                         uint8_t body[SMX_CELL_BODY])
{
    struct circuit *c = &r->circuit[circuit];
    uint64_t number = smx_cell_unwrap(seq, smx_timetable_number(&c->up_in, t));

    if (number == 0 || !smx_counts_accept(&c->up_counts, number)) {
        r->count.cells_repeated++;
        return;
    }
    smx_relay_heard(r, circuit, at);
    smx_hop_decipher(&c->layers, SMX_FORWARD, number, body);
    r->count.cells_forward++;
    if (smx_hop_is_own(body))
        smx_relay_hop_message(r, at, circuit, body);
    else if (c->down == DOWN_LINK)
        smx_relay_put(r, &c->fwd, number, body);
    else if (c->down == DOWN_PEER)
        smx_relay_put(r, &r->circuit[c->peer].bwd, number + c->peer_c, body);
}

static void backward_cell(struct smx_relay *r, struct circuit *c, uint64_t t, uint32_t seq,
                          const uint8_t body[SMX_CELL_BODY])
{
    uint64_t number = smx_cell_unwrap(seq, smx_timetable_number(&c->down_in, t));

    if (number == 0)
        r->count.cells_stray++;
    else
        smx_relay_put(r, &c->bwd, number + c->down_c, body);
}

void smx_relay_cell(struct smx_relay *r, smx_time at, uint32_t link, uint64_t t, uint8_t cell[SMX_CELL_SIZE])
{
    struct smx_cell_head head = smx_cell_head_read(cell);
    int dir;
    uint32_t circuit = smx_relay_id_find(r, link, head.circuit, &dir);

    if (circuit == NONE)
        r->count.cells_stray++;
    else if (dir == FWD)
        forward_cell(r, at, circuit, t, head.seq, cell + SMX_CELL_HEAD);
    else if (r->circuit[circuit].down == DOWN_LINK)
        backward_cell(r, &r->circuit[circuit], t, head.seq, cell + SMX_CELL_HEAD);
}
