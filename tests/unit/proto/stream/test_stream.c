#include "proto/stream/stream.h"

#include "proto/base/rng.h"

#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

/* Two streams, a cell each way per period, and a road between them that loses, doubles and delays cells. */
enum { ROOM = 198, ROAD = 64, BIG = 70000 };

struct cell {
    smx_time at;
    uint8_t bytes[256];
    size_t len;
};

struct side {
    struct smx_stream s;
    uint8_t *tx, *rx;
    struct cell road[ROAD]; /* on their way to the other side */
    size_t segments, bytes;
};

struct fixture {
    struct side a, b;
    struct smx_rng rng;
    smx_time now, period, delay;
    uint32_t loss, twice, late; /* per thousand */
    size_t room;
    bool lends;
    size_t lent; /* times */
};

static void side_init(struct side *side, size_t tx_cap, size_t rx_cap, smx_time period)
{
    struct smx_stream_config config = {.tx_cap = tx_cap, .rx_cap = rx_cap, .period = period};

    side->tx = config.tx = malloc(tx_cap);
    side->rx = config.rx = malloc(rx_cap);
    smx_stream_init(&side->s, &config, 0);
}

static int setup(void **state)
{
    static const uint8_t seed[SMX_RNG_SEED] = {7};
    struct fixture *f = calloc(1, sizeof *f);

    smx_rng_init(&f->rng, seed);
    f->period = SMX_MS(20);
    f->delay = SMX_MS(70);
    f->room = ROOM;
    side_init(&f->a, 4096, 4096, f->period);
    side_init(&f->b, 4096, 4096, f->period);
    *state = f;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *f = *state;

    free(f->a.tx);
    free(f->a.rx);
    free(f->b.tx);
    free(f->b.rx);
    free(f);
    return 0;
}

static void resize(struct fixture *f, size_t cap)
{
    struct side *side[] = {&f->a, &f->b};

    for (size_t i = 0; i < 2; i++) {
        free(side[i]->tx);
        free(side[i]->rx);
        side_init(side[i], cap, cap, f->period);
    }
}

static bool draw(struct fixture *f, uint32_t per_thousand)
{
    return smx_rng_below(&f->rng, 1000) < per_thousand;
}

static void on_road(struct fixture *f, struct side *from, const uint8_t *bytes, size_t len, smx_time delay)
{
    for (size_t i = 0; i < ROAD; i++) {
        if (from->road[i].at)
            continue;
        from->road[i].at = f->now + delay;
        from->road[i].len = len;
        memcpy(from->road[i].bytes, bytes, len);
        return;
    }
    fail_msg("the road is full");
}

static void send_cell(struct fixture *f, struct side *from)
{
    uint8_t bytes[256];
    size_t len = smx_stream_segment(&from->s, f->now, bytes, f->room);

    assert_true(len <= f->room);
    if (len == 0)
        return;
    from->segments++;
    from->bytes += len;
    if (draw(f, f->loss))
        return;
    on_road(f, from, bytes, len, draw(f, f->late) ? f->delay + 3 * f->period : f->delay);
    if (draw(f, f->twice))
        on_road(f, from, bytes, len, f->delay + f->period);
}

static void deliver(struct fixture *f, struct side *from, struct side *to)
{
    for (size_t i = 0; i < ROAD; i++) {
        struct cell *c = &from->road[i];

        if (c->at == 0 || c->at > f->now)
            continue;
        c->at = 0;
        assert_int_equal(smx_stream_receive(&to->s, f->now, c->bytes, c->len), SMX_OK);
    }
}

/* Spoils the buffers that are not needed, and takes them away: nothing may miss them while it sends a cell.
 */
static void take_back(struct side *side)
{
    if (smx_stream_is_clear(&side->s)) {
        memset(side->tx, 0xee, side->s.config.tx_cap);
        smx_stream_lend_tx(&side->s, NULL);
    }
    if (smx_stream_held(&side->s) == 0) {
        memset(side->rx, 0xee, side->s.config.rx_cap);
        smx_stream_lend_rx(&side->s, NULL);
    }
}

static size_t lend(struct side *side)
{
    size_t lent = 0;

    if (!side->s.config.tx) {
        smx_stream_lend_tx(&side->s, side->tx);
        lent++;
    }
    if (!side->s.config.rx) {
        smx_stream_lend_rx(&side->s, side->rx);
        lent++;
    }
    return lent;
}

static void step(struct fixture *f)
{
    f->now += f->period;
    deliver(f, &f->a, &f->b);
    deliver(f, &f->b, &f->a);
    for (size_t i = 0; f->lends && i < 2; i++)
        take_back(i ? &f->b : &f->a);
    send_cell(f, &f->a);
    send_cell(f, &f->b);
    for (size_t i = 0; f->lends && i < 2; i++)
        f->lent += lend(i ? &f->b : &f->a);
}

/* Message number n: its length and bytes follow from n. */
static size_t make(uint8_t *msg, uint32_t n, size_t max)
{
    size_t len = 1 + (n * 2654435761u >> 8) % max;

    for (size_t i = 0; i < len; i++)
        msg[i] = (uint8_t)(n + i * 7);
    return len;
}

/* Sends count messages each way; both sides check each.  Returns the time it took. */
static smx_time exchange(struct fixture *f, uint32_t count, size_t max)
{
    uint8_t *msg = malloc(max);
    uint32_t sent[2] = {0}, got[2] = {0};
    struct side *side[2] = {&f->a, &f->b};
    smx_time start = f->now;

    while (got[0] < count || got[1] < count) {
        for (size_t i = 0; i < 2; i++) {
            const uint8_t *in;
            size_t len;

            while (sent[i] < count) {
                len = make(msg, sent[i], max);
                if (smx_stream_send(&side[i]->s, msg, len) != SMX_OK)
                    break;
                sent[i]++;
            }
            while (smx_stream_message(&side[i]->s, &in, &len)) {
                assert_int_equal(len, make(msg, got[i], max));
                assert_memory_equal(in, msg, len);
                got[i]++;
            }
        }
        step(f);
        assert_true(f->now < start + SMX_SECOND(3600));
    }
    free(msg);
    return f->now - start;
}

static void messages_arrive_whole_and_in_order(void **state)
{
    exchange(*state, 200, 1000);
}

static void loss_reordering_and_doubles_change_nothing(void **state)
{
    struct fixture *f = *state;

    f->loss = 200;
    f->twice = 100;
    f->late = 100;
    exchange(f, 200, 1000);
}

static void a_road_that_loses_every_second_cell_still_works(void **state)
{
    struct fixture *f = *state;

    f->loss = 500;
    exchange(f, 50, 1000);
}

static void rooms_of_28_bytes_are_enough(void **state)
{
    struct fixture *f = *state;

    f->room = SMX_STREAM_ROOM_MIN;
    f->loss = 100;
    exchange(f, 50, 300);
}

static void the_largest_message_passes(void **state)
{
    struct fixture *f = *state;
    static uint8_t msg[SMX_STREAM_MESSAGE_MAX];
    const uint8_t *in;
    size_t len;

    resize(f, BIG);
    for (size_t i = 0; i < sizeof msg; i++)
        msg[i] = (uint8_t)(i * 31 >> 3);
    f->loss = 20;
    assert_int_equal(smx_stream_send(&f->a.s, msg, sizeof msg), SMX_OK);
    while (!smx_stream_message(&f->b.s, &in, &len))
        step(f);
    assert_int_equal(len, sizeof msg);
    assert_memory_equal(in, msg, len);
}

static void a_message_longer_than_the_buffer_goes_in_parts(void **state)
{
    struct fixture *f = *state;
    static uint8_t msg[50000];
    const uint8_t *in;
    size_t len, done = 0;

    free(f->b.tx);
    free(f->b.rx);
    side_init(&f->b, 4096, BIG, f->period);
    for (size_t i = 0; i < sizeof msg; i++)
        msg[i] = (uint8_t)(i * 13 >> 2);
    assert_int_equal(smx_stream_begin(&f->a.s, sizeof msg), SMX_OK);
    assert_int_equal(smx_stream_send(&f->a.s, "x", 1), SMX_E_FULL);
    while (!smx_stream_message(&f->b.s, &in, &len)) {
        done += smx_stream_append(&f->a.s, msg + done, smx_stream_lacks(&f->a.s));
        step(f);
    }
    assert_int_equal(smx_stream_lacks(&f->a.s), 0);
    assert_int_equal(len, sizeof msg);
    assert_memory_equal(in, msg, len);
}

static void without_loss_only_cells_that_would_be_empty_carry_copies(void **state)
{
    struct fixture *f = *state;
    uint8_t msg[1000] = {1};
    size_t segments;

    for (int i = 0; i < 4; i++)
        assert_int_equal(smx_stream_send(&f->a.s, msg, sizeof msg), SMX_OK);
    while (f->a.s.tx_next != f->a.s.tx_acked + f->a.s.tx_len)
        step(f);
    segments = f->a.segments; /* 192 bytes of data fit in one; the first window ends within one */
    assert_true(segments <= 22 + 10);
    for (int i = 0; i < 200; i++)
        step(f);
    assert_true(f->a.segments <= segments + 2 * 10);
    assert_true(f->b.segments <= 22);
    assert_true(smx_stream_is_clear(&f->a.s));
}

static void a_lost_tail_is_mended_by_its_copy(void **state)
{
    struct fixture *f = *state;
    const uint8_t *in;
    smx_time start = f->now;
    size_t len;

    assert_int_equal(smx_stream_send(&f->a.s, "ring", 4), SMX_OK);
    f->loss = 1000;
    step(f);
    f->loss = 0;
    while (!smx_stream_message(&f->b.s, &in, &len))
        step(f);
    assert_true(f->now - start <= f->delay + 4 * f->period + SMX_MS(10));
}

static void a_single_loss_costs_little_more_than_a_way_there_and_back(void **state)
{
    struct fixture *f = *state;
    uint8_t msg[3000] = {1};
    const uint8_t *in;
    size_t len;
    smx_time clean, start;

    exchange(f, 20, 500); /* the round trip is known */
    start = f->now;
    assert_int_equal(smx_stream_send(&f->a.s, msg, sizeof msg), SMX_OK);
    while (!smx_stream_message(&f->b.s, &in, &len))
        step(f);
    clean = f->now - start;
    for (int i = 0; i < 50; i++)
        step(f);
    start = f->now;
    assert_int_equal(smx_stream_send(&f->a.s, msg, sizeof msg), SMX_OK);
    step(f);
    f->loss = 1000;
    step(f);
    f->loss = 0;
    while (!smx_stream_message(&f->b.s, &in, &len))
        step(f);
    assert_true(f->now - start <= clean + 2 * f->delay + 8 * f->period);
}

static void a_reader_that_waits_stops_the_sender_and_then_frees_it(void **state)
{
    struct fixture *f = *state;
    uint8_t msg[1000] = {1};
    const uint8_t *in;
    size_t len, sent = 0, got = 0;

    for (int i = 0; i < 1000; i++) {
        while (smx_stream_send(&f->a.s, msg, sizeof msg) == SMX_OK)
            sent++;
        step(f);
    }
    assert_int_equal(sent, 8); /* four in each buffer */
    f->loss = 900;             /* the telling of the window is lost as well */
    for (int i = 0; i < 5; i++) {
        while (smx_stream_message(&f->b.s, &in, &len))
            got++;
        step(f);
    }
    f->loss = 0;
    for (int i = 0; i < 1000; i++) {
        while (smx_stream_message(&f->b.s, &in, &len))
            got++;
        step(f);
    }
    assert_int_equal(got, sent);
    assert_true(smx_stream_is_clear(&f->a.s));
}

static void an_idle_stream_says_nothing(void **state)
{
    struct fixture *f = *state;

    exchange(f, 5, 100);
    for (int i = 0; i < 100; i++)
        step(f);
    f->a.segments = f->b.segments = 0;
    for (int i = 0; i < 1000; i++)
        step(f);
    assert_int_equal(f->a.segments + f->b.segments, 0);
}

static void offsets_wrap(void **state)
{
    struct fixture *f = *state;
    struct side *side[] = {&f->a, &f->b};

    for (size_t i = 0; i < 2; i++) { /* as after 4 GiB less 5000 bytes */
        struct smx_stream *s = &side[i]->s;
        uint32_t at = (uint32_t)-5000;

        s->tx_acked = s->tx_next = s->rx_base = s->rx_next = at;
        s->tx_limit += at;
        s->rx_told += at;
    }
    f->loss = 100;
    exchange(f, 100, 500);
}

static void small_rooms_pass_a_lost_large_segment_by(void **state)
{
    struct fixture *f = *state;
    uint8_t msg[180] = {1};
    const uint8_t *in;
    size_t len, got = 0;

    assert_int_equal(smx_stream_send(&f->a.s, msg, sizeof msg), SMX_OK);
    f->loss = 1000;
    step(f);
    f->loss = 0;
    f->room = SMX_STREAM_ROOM_MIN;
    for (int i = 0; i < 500; i++) {
        f->room = i % 5 == 0 && smx_stream_wants(&f->a.s, f->now) > SMX_STREAM_ROOM_MIN ? ROOM
                                                                                        : SMX_STREAM_ROOM_MIN;
        step(f);
        while (smx_stream_message(&f->b.s, &in, &len))
            got++;
    }
    assert_int_equal(got, 1);
    assert_true(smx_stream_is_clear(&f->a.s));
}

static void buffers_are_needed_only_while_something_lies_in_them(void **state)
{
    struct fixture *f = *state;

    f->lends = true;
    f->loss = 100;
    f->late = 100;
    exchange(f, 40, 1000);
    for (size_t i = 0; i < 500; i++)
        step(f);
    assert_true(f->lent >= 4 * 400); /* at the end all four, each time */
    exchange(f, 1, 10);
}

static void a_message_that_cannot_fit_breaks_the_stream(void **state)
{
    struct fixture *f = *state;
    static uint8_t msg[5000];
    const uint8_t *in;
    size_t len;

    free(f->a.tx);
    free(f->a.rx);
    side_init(&f->a, BIG, BIG, f->period);
    assert_int_equal(smx_stream_send(&f->a.s, msg, sizeof msg), SMX_OK);
    f->now += f->period;
    send_cell(f, &f->a);
    f->now += f->delay;
    deliver(f, &f->a, &f->b);
    assert_false(smx_stream_message(&f->b.s, &in, &len));
    assert_true(smx_stream_is_broken(&f->b.s));
    assert_int_equal(smx_stream_receive(&f->b.s, f->now, (const uint8_t *)"\2\0\0\0\0\0", 6), SMX_E_STATE);
}

static void refuses(struct smx_stream *s, const uint8_t *seg, size_t len)
{
    struct smx_stream before = *s;

    assert_int_equal(smx_stream_receive(s, SMX_SECOND(1), seg, len), SMX_E_MALFORMED);
    assert_memory_equal(s, &before, sizeof before);
}

static void a_malformed_segment_changes_nothing(void **state)
{
    struct fixture *f = *state;
    struct smx_stream *s = &f->a.s;
    uint8_t room[ROOM];
    /* acknowledges all up to 2, and 4..7 beyond; brings the byte at 3 */
    static const uint8_t good[] = {7, 0, 0, 0, 2, 0, 128, 0, 2, 0, 4, 0, 0, 0, 3, 1, 'x', 0, 0};
    uint8_t seg[sizeof good];

    assert_int_equal(smx_stream_send(s, "12345678", 8), SMX_OK);
    assert_int_equal(smx_stream_segment(s, 1, room, sizeof room), 1 + 5 + 10);
    for (size_t len = 0; len < 17; len++)
        refuses(s, good, len);
    for (unsigned flags = 0; flags < 256;
         flags++) { /* what a flag promises must be there, and nothing else */
        memcpy(seg, good, sizeof seg);
        seg[0] = (uint8_t)flags;
        if ((flags & 0xf0) || !(flags & 3) || (!(flags & 1) && flags & 12))
            refuses(s, seg, sizeof seg);
    }
    memcpy(seg, good, sizeof seg);
    seg[sizeof seg - 1] = 1; /* padding */
    refuses(s, seg, sizeof seg);
    memcpy(seg, good, sizeof seg);
    seg[4] = 11; /* more than was sent */
    refuses(s, seg, sizeof seg);
    memcpy(seg, good, sizeof seg);
    seg[10] = 7; /* a range beyond what was sent */
    refuses(s, seg, sizeof seg);
    memcpy(seg, good, sizeof seg);
    seg[10] = 0; /* an empty range */
    refuses(s, seg, sizeof seg);
    assert_int_equal(smx_stream_receive(s, SMX_SECOND(1), good, sizeof good), SMX_OK);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(messages_arrive_whole_and_in_order, setup, teardown),
        cmocka_unit_test_setup_teardown(loss_reordering_and_doubles_change_nothing, setup, teardown),
        cmocka_unit_test_setup_teardown(a_road_that_loses_every_second_cell_still_works, setup, teardown),
        cmocka_unit_test_setup_teardown(rooms_of_28_bytes_are_enough, setup, teardown),
        cmocka_unit_test_setup_teardown(the_largest_message_passes, setup, teardown),
        cmocka_unit_test_setup_teardown(a_message_longer_than_the_buffer_goes_in_parts, setup, teardown),
        cmocka_unit_test_setup_teardown(without_loss_only_cells_that_would_be_empty_carry_copies, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(a_lost_tail_is_mended_by_its_copy, setup, teardown),
        cmocka_unit_test_setup_teardown(a_single_loss_costs_little_more_than_a_way_there_and_back, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(a_reader_that_waits_stops_the_sender_and_then_frees_it, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(an_idle_stream_says_nothing, setup, teardown),
        cmocka_unit_test_setup_teardown(offsets_wrap, setup, teardown),
        cmocka_unit_test_setup_teardown(small_rooms_pass_a_lost_large_segment_by, setup, teardown),
        cmocka_unit_test_setup_teardown(buffers_are_needed_only_while_something_lies_in_them, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(a_message_that_cannot_fit_breaks_the_stream, setup, teardown),
        cmocka_unit_test_setup_teardown(a_malformed_segment_changes_nothing, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
