/* tests/unit/proto/circuit/fake.h - a guard and up to three relays behind it, made from hop.h, on a wire
 * without delay. One step is one tick of the client link, 20 ms: the origin's timers, its cell, the relays'
 * answer, their cell.  Time is virtual and the seed fixed. */
#ifndef SMX_TEST_CIRCUIT_FAKE_H
#define SMX_TEST_CIRCUIT_FAKE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "proto/base/bytes.h"
#include "proto/circuit/origin.h"

enum { FAKE_STEP_MS = 20, FAKE_BACK_ID = 77, FAKE_FORWARD_ID = 0x80001234, FAKE_NOTES = 8, FAKE_TICK = 1000 };
#define FAKE_WAIT SMX_SECOND(2) /* mean, before each EXTEND */

struct fake_note { /* a message of a hop that waits to go back */
    size_t hop;
    uint8_t type, len;
    uint8_t content[SMX_HOP_CONTENT];
};

struct fake {
    struct smx_rng rng;
    struct smx_origin o;
    smx_time now;
    uint64_t tick;
    uint32_t ticks, phase; /* turns are the ticks with this remainder */
    /* the relays */
    struct smx_x25519 onion[SMX_ORIGIN_HOPS];
    struct smx_hop_target target[SMX_ORIGIN_HOPS];
    struct smx_hop_layers layers[SMX_ORIGIN_HOPS];
    uint64_t d[SMX_ORIGIN_HOPS], c[SMX_ORIGIN_HOPS];
    size_t hops; /* that have answered */
    uint8_t msg1[SMX_ORIGIN_HOPS][SMX_HOP_MSG1], msg2[SMX_ORIGIN_HOPS][SMX_HOP_MSG2];
    struct smx_timetable up, down;
    struct smx_created created;
    struct fake_note note[FAKE_NOTES];
    size_t notes;
    /* what goes wrong */
    size_t lose_forward, lose_backward; /* so many cells from now on */
    bool lose_answers;                  /* only those: CREATED, and messages other than NOP */
    bool silent;                        /* relays answer nothing */
    bool refuses;                       /* relays refuse everything */
    const uint8_t *peer;                /* the last hop is joined: it passes these 216 bytes back */
    bool noisy;                         /* backward cells are noise */
    /* what the origin said in the last step */
    uint8_t cell[SMX_CELL_SIZE]; /* as sent, if there was a turn */
    bool turned;
    bool heard_own;   /* a hop found it its own */
    size_t heard_hop; /* at which it ended */
    struct smx_hop_msg heard;
    uint8_t heard_body[SMX_CELL_BODY];
    uint64_t heard_count; /* the guard's */
    struct smx_origin_send send;
    /* and since the start */
    size_t steps, creates, extends, requests, shorts;
    uint8_t bits; /* of work that CREATE and EXTEND must show */
    smx_time last_request;
    /* what came out of the origin, NOPs left out */
    size_t events[SMX_ORIGIN_DIED + 1];
    struct smx_origin_rx last;
    uint8_t last_content[SMX_HOP_CONTENT], last_peer[SMX_CELL_BODY];
    size_t nops;
    uint8_t back[SMX_CELL_SIZE]; /* the last backward cell, as the origin got it */
};

static inline void fake_event(struct fake *f, const struct smx_origin_rx *rx)
{
    if (rx->event == SMX_ORIGIN_NOTHING)
        return;
    if (rx->event == SMX_ORIGIN_MESSAGE && rx->msg.type == SMX_HOP_NOP) {
        f->nops++;
        return;
    }
    f->events[rx->event]++;
    f->last = *rx;
    if (rx->msg.content)
        memcpy(f->last_content, rx->msg.content, rx->msg.len);
    if (rx->peer)
        memcpy(f->last_peer, rx->peer, SMX_CELL_BODY);
    f->last.msg.content = f->last_content;
    f->last.peer = f->last_peer;
}

static inline void fake_note(struct fake *f, size_t hop, uint8_t type, const void *content, size_t len)
{
    struct fake_note *n = &f->note[f->notes++];

    assert_true(f->notes <= FAKE_NOTES);
    *n = (struct fake_note){.hop = hop, .type = type, .len = (uint8_t)len};
    if (len > 0)
        memcpy(n->content, content, len);
}

/* The relay of that place answers message 1, once. */
static inline void fake_shake(struct fake *f, size_t i, const uint8_t msg1[SMX_HOP_MSG1])
{
    assert_int_equal(smx_hop_answer(&f->layers[i], f->msg2[i], msg1, f->target[i].id, &f->onion[i],
                                    f->target[i].tag, f->o.period, &f->rng),
                     SMX_OK);
    memcpy(f->msg1[i], msg1, SMX_HOP_MSG1);
    f->hops = i + 1;
}

static inline void fake_created(struct fake *f)
{
    struct smx_origin_rx rx;

    if (f->lose_answers)
        return;
    smx_origin_created(&f->o, f->now, f->tick, &f->created, &rx);
    fake_event(f, &rx);
}

static inline void fake_create(struct fake *f)
{
    struct smx_origin_rx rx;
    struct smx_create create;

    assert_int_equal(smx_create_decode(&create, f->cell), SMX_OK);
    assert_int_equal(create.period, f->o.period);
    assert_memory_equal(create.tag, f->target[0].tag, SMX_KEY_TAG);
    f->creates++;
    f->last_request = f->now;
    if (f->silent)
        return;
    if (f->refuses) {
        smx_origin_refused(&f->o, &(struct smx_refused){.back_id = f->o.back_id, .reason = SMX_REFUSAL_PATH},
                           &rx);
        fake_event(f, &rx);
        return;
    }
    if (smx_hop_work(create.tag, create.msg1, create.work) < f->bits) {
        f->shorts++;
        smx_origin_refused(
            &f->o,
            &(struct smx_refused){.back_id = f->o.back_id, .reason = SMX_REFUSAL_WORK, .bits = f->bits}, &rx);
        fake_event(f, &rx);
        return;
    }
    if (f->hops > 0) {
        assert_memory_equal(create.msg1, f->msg1[0], SMX_HOP_MSG1); /* only ever repeated */
    } else {
        fake_shake(f, 0, create.msg1);
        f->up = (struct smx_timetable){.tick0 = smx_tick_unwrap(create.first_tick, f->tick),
                                       .number0 = create.first_number,
                                       .period = f->ticks};
        f->down = (struct smx_timetable){
            .tick0 = f->tick + f->ticks, .number0 = smx_count_draw(&f->rng), .period = f->ticks};
        f->created = (struct smx_created){.back_id = create.back_id,
                                          .forward_id = FAKE_FORWARD_ID,
                                          .first_tick = (uint32_t)f->down.tick0,
                                          .first_number = f->down.number0};
        memcpy(f->created.msg2, f->msg2[0], SMX_HOP_MSG2);
    }
    fake_created(f);
}

static inline void fake_extend(struct fake *f, size_t hop)
{
    uint8_t content[8 + SMX_HOP_MSG2];
    struct smx_wr w = {content, sizeof content};
    struct smx_extend e;

    assert_int_equal(smx_extend_decode(&e, f->heard.content, f->heard.len), SMX_OK);
    f->extends++;
    if (smx_hop_work(e.tag, e.msg1, e.work) < f->bits) {
        f->shorts++;
        fake_note(f, hop, SMX_HOP_REFUSED, (uint8_t[]){SMX_HOP_EXTEND, SMX_REFUSAL_WORK, f->bits}, 3);
        return;
    }
    if (hop + 1 == f->hops) {
        assert_memory_equal(e.relay, f->target[hop + 1].id, SMX_RELAY_ID);
        fake_shake(f, hop + 1, e.msg1);
        f->d[hop + 1] = e.d;
        f->c[hop + 1] = smx_count_draw(&f->rng);
    } else {
        assert_memory_equal(e.msg1, f->msg1[hop + 1], SMX_HOP_MSG1); /* only ever repeated */
    }
    smx_wr_u64(&w, f->c[hop + 1]);
    smx_wr_bytes(&w, f->msg2[hop + 1], SMX_HOP_MSG2);
    fake_note(f, hop, SMX_HOP_EXTENDED, content, sizeof content);
}

static inline void fake_message(struct fake *f, size_t hop)
{
    const struct smx_hop_msg *m = &f->heard;

    if (m->type == SMX_HOP_NOP || m->type == SMX_HOP_STREAM)
        return;
    f->requests++;
    f->last_request = f->now;
    if (f->silent)
        return;
    if (f->refuses) {
        fake_note(f, hop, SMX_HOP_REFUSED, (uint8_t[]){m->type, SMX_REFUSAL_PATH}, 2);
        return;
    }
    switch ((enum smx_hop_type)m->type) {
    case SMX_HOP_EXTEND:
        fake_extend(f, hop);
        return;
    case SMX_HOP_COOKIE:
    case SMX_HOP_JOIN:
        fake_note(f, hop, (uint8_t)(m->type + 1), m->content, SMX_COOKIE);
        return;
    case SMX_HOP_LEAVE:
        while (f->hops > hop + 1)
            smx_hop_layers_fini(&f->layers[--f->hops]);
        f->peer = NULL;
        f->noisy = false;
        /* fall through */
    case SMX_HOP_LISTEN:
        fake_note(f, hop, (uint8_t)(m->type + 1), NULL, 0);
        return;
    default:
        fail_msg("hop message %d", m->type);
    }
}

static inline void fake_forward(struct fake *f)
{
    struct smx_cell_head head = smx_cell_head_read(f->cell);
    uint8_t *body = f->heard_body;
    uint64_t count;

    f->heard_own = false;
    if (head.circuit == 0) {
        if (smx_command_type(f->cell) == SMX_CMD_CREATE)
            fake_create(f);
        else
            assert_int_equal(smx_command_type(f->cell), SMX_CMD_FILLER);
        return;
    }
    assert_int_equal(head.circuit, FAKE_FORWARD_ID);
    count = smx_timetable_number(&f->up, f->tick);
    assert_true(smx_cell_unwrap(head.seq, count) == count); /* the timetable is kept */
    f->heard_count = count;
    memcpy(body, f->cell + SMX_CELL_HEAD, SMX_CELL_BODY);
    for (size_t i = 0; i < f->hops; i++) {
        if (i > 0)
            count += f->d[i];
        smx_hop_decipher(&f->layers[i], SMX_FORWARD, count, body);
        if (!smx_hop_is_own(body))
            continue;
        f->heard_own = true;
        f->heard_hop = i;
        assert_int_equal(smx_hop_msg_decode(&f->heard, body), SMX_OK);
        fake_message(f, i);
        return;
    }
}

/* body as hop `from` makes it, in the cell that the guard sends with this count of its own. */
static inline void fake_wrap(struct fake *f, size_t from, uint64_t count, uint8_t cell[SMX_CELL_SIZE])
{
    uint64_t at[SMX_ORIGIN_HOPS] = {count};

    for (size_t i = 1; i <= from; i++)
        at[i] = at[i - 1] - f->c[i];
    for (size_t i = from + 1; i-- > 0;)
        smx_hop_encipher(&f->layers[i], SMX_BACKWARD, at[i], cell + SMX_CELL_HEAD);
    smx_cell_head_write(cell, (struct smx_cell_head){.circuit = FAKE_BACK_ID, .seq = (uint32_t)count});
}

/* Hands a backward cell to the origin, which spoils the copy. */
static inline enum smx_origin_event fake_deliver(struct fake *f, const uint8_t cell[SMX_CELL_SIZE])
{
    uint8_t copy[SMX_CELL_SIZE];
    struct smx_origin_rx rx;

    memcpy(copy, cell, sizeof copy);
    smx_origin_cell(&f->o, f->now, f->tick, copy, &rx);
    fake_event(f, &rx);
    return rx.event;
}

static inline void fake_backward(struct fake *f)
{
    uint64_t count = smx_timetable_number(&f->down, f->tick);
    uint8_t *body = f->back + SMX_CELL_HEAD;
    bool is_answer = f->notes > 0;

    if (!smx_timetable_is_due(&f->down, f->tick))
        return;
    if (is_answer) {
        struct fake_note n = f->note[0];

        memmove(&f->note[0], &f->note[1], --f->notes * sizeof f->note[0]);
        smx_hop_msg_encode(body, n.type, n.content, n.len);
        fake_wrap(f, n.hop, count, f->back);
    } else if (f->peer || f->noisy) {
        if (f->noisy)
            smx_rng_bytes(&f->rng, body, SMX_CELL_BODY);
        else
            memcpy(body, f->peer, SMX_CELL_BODY);
        fake_wrap(f, f->hops - 1, count, f->back);
    } else {
        smx_hop_msg_encode(body, SMX_HOP_NOP, NULL, 0);
        fake_wrap(f, f->hops - 1, count, f->back);
    }
    if (f->lose_backward > 0)
        f->lose_backward--;
    else if (!(is_answer && f->lose_answers))
        (void)fake_deliver(f, f->back);
}

static inline void fake_step(struct fake *f)
{
    struct smx_origin_rx rx;

    assert_true(f->steps++ < 100000); /* a test that waits in vain has failed */
    do {
        smx_origin_expire(&f->o, f->now, &rx);
        fake_event(f, &rx);
    } while (rx.event != SMX_ORIGIN_NOTHING);
    f->turned = f->tick % f->ticks == f->phase;
    if (f->turned) {
        smx_origin_turn(&f->o, f->now, f->tick, &f->send, f->cell);
        if (f->lose_forward > 0)
            f->lose_forward--;
        else
            fake_forward(f);
    }
    if (f->hops > 0)
        fake_backward(f);
    f->tick++;
    f->now += SMX_MS(FAKE_STEP_MS);
}

static inline void fake_steps(struct fake *f, size_t count)
{
    while (count-- > 0)
        fake_step(f);
}

/* Steps until the event has come once more. */
static inline void fake_until(struct fake *f, enum smx_origin_event event, size_t steps_max)
{
    size_t before = f->events[event];

    while (f->events[event] == before && steps_max-- > 0)
        fake_step(f);
    assert_int_equal(f->events[event], before + 1);
}

static inline void fake_start(struct fake *f, uint8_t period, uint32_t ticks, uint32_t phase,
                              uint8_t seed_byte)
{
    uint8_t seed[SMX_RNG_SEED] = {seed_byte};

    memset(f, 0, sizeof *f);
    smx_rng_init(&f->rng, seed);
    f->now = SMX_SECOND(5);
    f->tick = FAKE_TICK;
    f->ticks = ticks;
    f->phase = phase;
    for (size_t i = 0; i < SMX_ORIGIN_HOPS; i++) {
        smx_x25519_make(&f->onion[i], &f->rng);
        memcpy(f->target[i].onion, f->onion[i].public, sizeof f->target[i].onion);
        smx_rng_bytes(&f->rng, f->target[i].id, sizeof f->target[i].id);
        smx_rng_bytes(&f->rng, f->target[i].tag, sizeof f->target[i].tag);
    }
    smx_origin_init(&f->o, period, ticks, &f->rng);
}

static inline enum smx_err fake_open(struct fake *f)
{
    return smx_origin_open(&f->o, f->now, f->tick, f->phase, f->target, 3, FAKE_BACK_ID, 0, FAKE_WAIT);
}

static inline void fake_stop(struct fake *f)
{
    smx_origin_fini(&f->o);
    for (size_t i = 0; i < SMX_ORIGIN_HOPS; i++)
        smx_hop_layers_fini(&f->layers[i]);
    smx_rng_fini(&f->rng);
}

/* ---- setups ---- */

static inline int fake_setup_idle(void **state)
{
    static struct fake f;

    fake_start(&f, SMX_PERIOD_SLOT, 1, 0, 1);
    *state = &f;
    return 0;
}

static inline int fake_setup_creating(void **state)
{
    struct fake *f;

    fake_setup_idle(state);
    f = *state;
    assert_int_equal(fake_open(f), SMX_OK);
    return 0;
}

/* Three hops stand. */
static inline int fake_setup_open(void **state)
{
    struct fake *f;

    fake_setup_creating(state);
    f = *state;
    fake_until(f, SMX_ORIGIN_OPENED, 5000);
    assert_int_equal(f->o.state, SMX_ORIGIN_OPEN);
    fake_step(f);
    return 0;
}

/* And a fourth beyond them. */
static inline int fake_setup_longer(void **state)
{
    struct fake *f;

    fake_setup_open(state);
    f = *state;
    assert_int_equal(smx_origin_extend(&f->o, f->now, &f->target[3]), SMX_OK);
    fake_until(f, SMX_ORIGIN_OPENED, 50);
    assert_int_equal(f->o.hop_count, 4);
    return 0;
}

static inline int fake_teardown(void **state)
{
    fake_stop(*state);
    return 0;
}

#endif
