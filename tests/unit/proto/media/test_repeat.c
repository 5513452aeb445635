/* tests/unit/proto/media/test_repeat.c - frames of Opus from one client to the other, and what is lost. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "proto/base/rng.h"
#include "proto/media/repeat.h"

#include <string.h>

enum { FIRST = 1000 }; /* tick in which the first cell comes */

struct fixture {
    struct smx_rng rng;
    struct smx_repeat out;
    struct smx_playout in;
    uint16_t number;
    uint64_t next; /* tick to be played */
};

static int setup(void **state)
{
    static struct fixture f;
    static const uint8_t seed[SMX_RNG_SEED] = {5};

    memset(&f, 0, sizeof f);
    smx_rng_init(&f.rng, seed);
    smx_playout_begin(&f.in);
    f.number = 65500; /* wraps soon */
    f.next = FIRST;
    *state = &f;
    return 0;
}

/* Frame n: its number in four of its bytes. */
static struct smx_frame frame_of(uint32_t n, size_t len)
{
    struct smx_frame frame = {.codec = SMX_FRAME_OPUS, .len = (uint8_t)len};

    memset(frame.payload, (int)(n & 0xff), sizeof frame.payload);
    memcpy(frame.payload, &n, len < sizeof n ? len : sizeof n);
    return frame;
}

/* Slot n at the sender, its cell in this tick at the receiver, unless it is lost. */
static void send(struct fixture *f, const struct smx_frame *frame, uint64_t tick, size_t piece_len, bool lost)
{
    static const uint8_t piece[SMX_FRAME_PIECE] = {2};
    uint8_t wire[SMX_FRAME_CELL];
    struct smx_opus_cell cell;
    size_t len;

    f->number++;
    smx_repeat_push(&f->out, frame);
    len = smx_repeat_encode(&f->out, f->number, piece, piece_len, wire);
    assert_true(len <= SMX_FRAME_CELL);
    if (lost)
        return;
    assert_int_equal(smx_opus_decode(&cell, wire, len), SMX_OK);
    assert_int_equal(cell.piece_len, piece_len);
    smx_playout_came(&f->in, tick);
    smx_playout_opus(&f->in, tick, f->next, &cell);
}

/* The number of the frame that is played next, or -1. */
static int64_t play(struct fixture *f)
{
    struct smx_frame got;
    uint16_t number;
    uint32_t n;
    bool came;

    if (!smx_playout_take(&f->in, f->next++, &got, &number, &came))
        return -1;
    assert_int_equal(got.codec, SMX_FRAME_OPUS);
    memcpy(&n, got.payload, sizeof n);
    return n;
}

/* Frames missing in a million of those that were sent, at one cell in ten lost. */
static unsigned missing(struct fixture *f, size_t frame_len, unsigned wait)
{
    enum { FRAMES = 200000 };
    unsigned lost = 0;

    for (uint32_t n = 0; n < FRAMES; n++) {
        struct smx_frame frame = frame_of(n, frame_len);

        /* a piece goes along now and then; the first cell comes, so that the wait is known */
        send(f, &frame, FIRST + n, smx_rng_below(&f->rng, 5) ? 0 : SMX_FRAME_PIECE,
             n > 0 && smx_rng_below(&f->rng, 10) == 0);
        assert_int_equal(f->in.wait, wait);
        if (n >= f->in.wait) {
            int64_t got = play(f);

            assert_true(got == -1 || got == (int64_t)(n - f->in.wait)); /* in its place, or not at all */
            lost += got == -1;
        }
    }
    return (unsigned)((uint64_t)lost * 1000000 / FRAMES);
}

static void at_24_kbit_and_a_tenth_lost_one_frame_in_a_hundred_is_missing(void **state)
{
    unsigned ppm = missing(*state, 24000 / 8 / 50, 1);

    assert_true(ppm <= 12000);                /* what is promised */
    assert_true(ppm >= 9000 && ppm <= 11000); /* and what is to be expected: a tenth of a tenth */
}

static void at_16_kbit_and_a_tenth_lost_one_in_a_thousand_is_missing(void **state)
{
    unsigned ppm = missing(*state, 16000 / 8 / 50, 2);

    assert_true(ppm <= 2000);
    assert_true(ppm >= 700 && ppm <= 1300);
}

static void beyond_31_kbit_nothing_is_repeated_and_nothing_waits(void **state)
{
    unsigned ppm = missing(*state, 40000 / 8 / 50, 0);

    assert_true(ppm >= 95000 && ppm <= 105000);
}

static void each_size_that_is_allowed_has_room_beside_a_piece(void **state)
{
    for (size_t len = 1; len <= SMX_OPUS_MAX; len++) {
        struct fixture *f;

        setup(state);
        f = *state;
        for (uint32_t n = 0; n < 4; n++) {
            struct smx_frame frame = frame_of(n, len);

            send(f, &frame, FIRST + n, SMX_FRAME_PIECE, false);
        }
        assert_int_equal(f->in.wait, len <= 52 ? 2 : len <= 78 ? 1 : 0);
    }
}

static void a_frame_that_gave_way_to_the_stream_comes_with_the_next(void **state)
{
    struct fixture *f = *state;

    for (uint32_t n = 0; n < 20; n++) {
        struct smx_frame frame = frame_of(n, 60);

        send(f, &frame, FIRST + n, 0, n % 5 == 4); /* in place of each fifth a cell all of stream */
        if (n >= 1)
            assert_int_equal(play(f), n - 1);
    }
}

static void a_slot_without_a_frame_stays_empty_and_the_ones_before_are_repeated(void **state)
{
    struct fixture *f = *state;

    for (uint32_t n = 0; n < 10; n++) {
        struct smx_frame frame = frame_of(n, 60);

        send(f, n == 5 ? NULL : &frame, FIRST + n, 0, n == 4); /* 4 is lost, and comes with the empty 5 */
        if (n >= 1)
            assert_int_equal(play(f), n - 1 == 5 ? -1 : (int64_t)n - 1);
    }
    for (int i = 0; i < SMX_OPUS_COPIES; i++) {
        assert_false(smx_repeat_is_empty(&f->out));
        smx_repeat_push(&f->out, NULL);
    }
    assert_true(smx_repeat_is_empty(&f->out));
}

static void nothing_is_heard_twice_when_the_path_becomes_longer_or_the_sender_skips(void **state)
{
    struct fixture *f = *state;
    uint64_t tick = FIRST;
    int64_t last = -1;

    for (uint32_t n = 0; n < 60; n++, tick++) {
        struct smx_frame frame = frame_of(n, 40);

        if (n == 20)
            tick += 1; /* a tick of the sender's was missed */
        if (n == 40)
            tick += 2; /* the pipe has moved to a slower slot */
        send(f, &frame, tick, 0, false);
        while (f->next + f->in.wait <= tick) {
            int64_t got = play(f);

            assert_true(got == -1 || got == last + 1);
            last = got == -1 ? last : got;
        }
    }
    assert_int_equal(last, 57);
}

static void what_comes_too_late_or_far_ahead_is_not_played_out_of_turn(void **state)
{
    struct fixture *f = *state;
    struct smx_frame frame = frame_of(1, 60), other = frame_of(2, 60);

    f->next = FIRST + 5;
    send(f, &frame, FIRST + 4, 0, false);
    assert_int_equal(play(f), -1);
    send(f, &other, FIRST + 100, 0, false);
    for (int i = 0; i < SMX_PLAYOUT; i++)
        assert_int_equal(play(f), -1);
}

static void g711_waits_for_nothing(void **state)
{
    struct fixture *f = *state;
    struct smx_frame frame = {SMX_FRAME_PCMU, {1, 2, 3}, 0}, got;
    uint16_t number;
    bool came;

    smx_playout_came(&f->in, FIRST);
    smx_playout_put(&f->in, FIRST, 77, &frame);
    smx_playout_came(&f->in, FIRST + 1);
    assert_int_equal(f->in.wait, 0);
    assert_false(smx_playout_take(&f->in, FIRST + SMX_PLAYOUT, &got, &number, &came));
    assert_false(came);
    assert_true(smx_playout_take(&f->in, FIRST, &got, &number, &came));
    assert_true(came);
    assert_int_equal(number, 77);
    assert_memory_equal(got.payload, frame.payload, sizeof frame.payload);
    assert_false(smx_playout_take(&f->in, FIRST, &got, &number, &came));
    assert_false(smx_playout_take(&f->in, FIRST + 1, &got, &number, &came)); /* a cell without a frame */
    assert_true(came);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(at_24_kbit_and_a_tenth_lost_one_frame_in_a_hundred_is_missing, setup),
        cmocka_unit_test_setup(at_16_kbit_and_a_tenth_lost_one_in_a_thousand_is_missing, setup),
        cmocka_unit_test_setup(beyond_31_kbit_nothing_is_repeated_and_nothing_waits, setup),
        cmocka_unit_test_setup(each_size_that_is_allowed_has_room_beside_a_piece, setup),
        cmocka_unit_test_setup(a_frame_that_gave_way_to_the_stream_comes_with_the_next, setup),
        cmocka_unit_test_setup(a_slot_without_a_frame_stays_empty_and_the_ones_before_are_repeated, setup),
        cmocka_unit_test_setup(nothing_is_heard_twice_when_the_path_becomes_longer_or_the_sender_skips,
                               setup),
        cmocka_unit_test_setup(what_comes_too_late_or_far_ahead_is_not_played_out_of_turn, setup),
        cmocka_unit_test_setup(g711_waits_for_nothing, setup),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
