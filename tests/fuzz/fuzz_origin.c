/* The origin of a circuit, driven by the input: each step is an opcode and its arguments.  The path's relays
 * are the target's own, so that cells can be genuine: messages of any content from any hop, altered, repeated
 * or noise; CREATED and EXTENDED right or wrong; requests, truncations, time.  What must hold is at the end
 * of each step. */
#include "proto/base/bytes.h"
#include "proto/circuit/origin.h"

#include <stdlib.h>
#include <string.h>

enum { BACK_ID = 7, FORWARD_ID = 9, STEPS_MAX = 400 };

struct world {
    struct smx_rng rng;
    struct smx_origin o;
    smx_time now;
    uint64_t tick;
    struct smx_x25519 onion;
    struct smx_hop_target target;
    struct smx_hop_layers layers[SMX_ORIGIN_HOPS];
    uint8_t msg2[SMX_HOP_MSG2]; /* answer to the handshake under way */
    uint64_t c[SMX_ORIGIN_HOPS];
    struct smx_timetable down;
    size_t hops;
    uint8_t last[SMX_CELL_SIZE]; /* backward cell */
};

static void must(bool holds)
{
    if (!holds)
        abort();
}

static void check(const struct smx_origin *o, const struct smx_origin_rx *rx)
{
    must(o->hop_count <= o->path_count && o->path_count <= SMX_ORIGIN_HOPS);
    must(o->state != SMX_ORIGIN_OPEN || (o->hop_count == o->path_count && o->hop_count >= o->own_count));
    must(o->state != SMX_ORIGIN_DEAD || (!o->request.active && smx_origin_deadline(o) == SMX_NEVER));
    must(o->state != SMX_ORIGIN_EXTENDING || (o->request.active && o->request.type == SMX_HOP_EXTEND));
    must(!o->request.active || o->request.hop < o->hop_count);
    must((rx->event == SMX_ORIGIN_DIED) <= (o->state == SMX_ORIGIN_DEAD));
    must((rx->event == SMX_ORIGIN_OPENED) <= (o->state == SMX_ORIGIN_OPEN));
    must((rx->event == SMX_ORIGIN_PEER) == (rx->peer != NULL));
    must(rx->event != SMX_ORIGIN_MESSAGE || rx->hop < o->hop_count);
    must(rx->msg.len <= SMX_HOP_CONTENT && (rx->msg.len == 0 || rx->msg.content));
}

/* The relay that is being asked answers: its layers, and message 2 of the handshake. */
static bool shake(struct world *w, const uint8_t msg1[SMX_HOP_MSG1])
{
    size_t at = w->o.hop_count;

    smx_hop_layers_fini(&w->layers[at]);
    if (smx_hop_answer(&w->layers[at], w->msg2, msg1, w->target.id, &w->onion, w->target.tag, w->o.period,
                       &w->rng) != SMX_OK)
        return false;
    w->hops = at + 1;
    return true;
}

static void created(struct world *w, uint8_t flaw, struct smx_origin_rx *rx)
{
    struct smx_created c = {.back_id = BACK_ID, .forward_id = FORWARD_ID};

    if (w->o.state != SMX_ORIGIN_CREATING || !shake(w, w->o.create.msg1))
        return;
    w->down =
        (struct smx_timetable){.tick0 = w->tick, .number0 = smx_count_draw(&w->rng), .period = w->o.ticks};
    c.first_tick = (uint32_t)w->down.tick0;
    c.first_number = w->down.number0;
    memcpy(c.msg2, w->msg2, sizeof c.msg2);
    if (flaw < SMX_HOP_MSG2)
        c.msg2[flaw] ^= 1;
    smx_origin_created(&w->o, w->now, w->tick, &c, rx);
    must((w->o.hop_count == 1) == (flaw >= SMX_HOP_MSG2));
}

/* A backward cell in which hop `from` says something. */
static void say(struct world *w, size_t from, uint8_t type, const uint8_t *content, size_t len,
                struct smx_origin_rx *rx)
{
    uint64_t at[SMX_ORIGIN_HOPS];
    uint8_t cell[SMX_CELL_SIZE];

    if (w->o.hop_count == 0 || from >= w->hops)
        return;
    smx_hop_msg_encode(cell + SMX_CELL_HEAD, type, content, len);
    at[0] = smx_timetable_number(&w->down, w->tick);
    for (size_t i = 1; i <= from; i++)
        at[i] = at[i - 1] - w->c[i];
    for (size_t i = from + 1; i-- > 0;)
        smx_hop_encipher(&w->layers[i], SMX_BACKWARD, at[i], cell + SMX_CELL_HEAD);
    smx_cell_head_write(cell, (struct smx_cell_head){.circuit = BACK_ID, .seq = (uint32_t)at[0]});
    memcpy(w->last, cell, sizeof cell);
    smx_origin_cell(&w->o, w->now, w->tick, cell, rx);
}

static void extended(struct world *w, uint8_t flaw, struct smx_origin_rx *rx)
{
    uint8_t content[8 + SMX_HOP_MSG2];
    struct smx_wr wr = {content, sizeof content};
    struct smx_extend e;

    if (w->o.state != SMX_ORIGIN_EXTENDING || w->hops < w->o.hop_count ||
        smx_extend_decode(&e, w->o.request.content, w->o.request.len) != SMX_OK || !shake(w, e.msg1))
        return;
    w->c[w->hops - 1] = smx_rng_u64(&w->rng);
    smx_wr_u64(&wr, w->c[w->hops - 1]);
    smx_wr_bytes(&wr, w->msg2, SMX_HOP_MSG2);
    if (flaw < SMX_HOP_MSG2)
        content[8 + flaw] ^= 1;
    say(w, w->hops - 2, SMX_HOP_EXTENDED, content, sizeof content, rx);
}

static void step(struct world *w, struct smx_rd *in, struct smx_origin_rx *rx)
{
    uint8_t op = smx_rd_u8(in), a = smx_rd_u8(in), cell[SMX_CELL_SIZE], content[SMX_HOP_CONTENT] = {0};
    struct smx_origin_send send = {.content = a & 1 ? content : NULL,
                                   .content_len = a % SMX_HOP_CONTENT,
                                   .peer = a & 2 ? w->last : NULL,
                                   .type = a};
    struct smx_hop_target path[3] = {w->target, w->target, w->target};
    const uint8_t *view = smx_rd_view(in, op / 16);
    enum smx_err err = SMX_OK;

    if (view && op >= 16)
        memcpy(content, view, op / 16);
    switch (op % 16) {
    case 0:
        err =
            smx_origin_open(&w->o, w->now, w->tick, a % w->o.ticks, path, 1U + a % 3, BACK_ID, 0, SMX_MS(a));
        break;
    case 1:
        created(w, a, rx);
        break;
    case 2:
        extended(w, a, rx);
        break;
    case 3: /* a message of some hop */
        say(w, a % SMX_ORIGIN_HOPS, a / 8 % 16, content, op / 16, rx);
        break;
    case 4: /* any answer from where it is asked for */
        say(w, w->o.request.hop, (uint8_t)(w->o.request.type + 1), a & 1 ? w->o.request.content : content,
            a % 32, rx);
        break;
    case 5: /* the last cell again, or altered, or with another number */
        memcpy(cell, w->last, sizeof cell);
        cell[a % SMX_CELL_SIZE] ^= op / 16;
        smx_origin_cell(&w->o, w->now, w->tick, cell, rx);
        break;
    case 6: /* noise */
        smx_rng_bytes(&w->rng, cell, sizeof cell);
        smx_cell_head_write(
            cell,
            (struct smx_cell_head){
                BACK_ID, w->o.hop_count > 0 ? (uint32_t)smx_timetable_number(&w->down, w->tick) + a % 4 : 0});
        smx_origin_cell(&w->o, w->now, w->tick, cell, rx);
        break;
    case 7:
        err = smx_origin_request(
            &w->o, w->now, a % SMX_ORIGIN_HOPS,
            (uint8_t[]){SMX_HOP_COOKIE, SMX_HOP_JOIN, SMX_HOP_LEAVE, SMX_HOP_LISTEN}[a / 4 % 4], content,
            sizeof content);
        break;
    case 8:
        err = smx_origin_extend(&w->o, w->now, &w->target);
        break;
    case 9:
        smx_origin_truncate(&w->o, w->o.own_count + a % 2);
        break;
    case 10:
        smx_origin_set_joined(&w->o, a & 1);
        break;
    case 11:
        smx_origin_refused(&w->o, &(struct smx_refused){.back_id = w->o.back_id, .reason = a, .bits = a % 16},
                           rx);
        break;
    case 12:
        say(w, w->o.request.hop, SMX_HOP_REFUSED, (uint8_t[]){w->o.request.type, a, 9},
            a == SMX_REFUSAL_WORK ? 3 : 2, rx);
        break;
    case 13: /* the relays beyond some hop are gone */
        if (w->hops > 1U + a % SMX_ORIGIN_HOPS)
            w->hops = 1U + a % SMX_ORIGIN_HOPS;
        break;
    case 14:
        w->now += SMX_MS(a);
        w->tick += a / 20;
        break;
    default:
        smx_origin_expire(&w->o, w->now, rx);
        check(&w->o, rx);
        if (w->tick % w->o.ticks == 0)
            smx_origin_turn(&w->o, w->now, w->tick, &send, cell);
        w->tick++;
        w->now += SMX_MS(20);
    }
    must(err == SMX_OK || err == SMX_E_STATE);
    check(&w->o, rx);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    static const uint8_t seed[SMX_RNG_SEED];
    struct smx_rd in = {data, len, false};
    struct world w = {.now = SMX_SECOND(1), .tick = 1000};
    uint32_t ticks = 1U + smx_rd_u8(&in) % 2;

    smx_rng_init(&w.rng, seed);
    smx_x25519_make(&w.onion, &w.rng);
    memcpy(w.target.onion, w.onion.public, sizeof w.target.onion);
    smx_origin_init(&w.o, (uint8_t)(ticks - 1), ticks, &w.rng);
    for (size_t i = 0; i < STEPS_MAX && in.left > 0; i++) {
        struct smx_origin_rx rx = {.event = SMX_ORIGIN_NOTHING};

        step(&w, &in, &rx);
    }
    smx_origin_fini(&w.o);
    for (size_t i = 0; i < SMX_ORIGIN_HOPS; i++)
        smx_hop_layers_fini(&w.layers[i]);
    return 0;
}
