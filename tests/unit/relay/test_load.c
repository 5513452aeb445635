/* Relay cores in virtual time when many want something: work for circuits, and what one circuit may hold. */
#include "relay/core.h"
#include "tests/unit/relay/world.h"

enum { HASHES_PER_S = 1 << 20 };

/* For so long others make circuits everywhere, with all the work that so many hashes a second can do.  In
 * each step of the way, `each` may look at or change things. */
static void crowd_for(struct world *w, unsigned ms, void (*each)(struct world *w))
{
    for (unsigned at = 0; at < ms; at += 100) {
        for (size_t i = 0; i < RELAYS; i++) {
            struct smx_relay *r = w->relay[i];
            unsigned bits = smx_demand_bits(&r->demand, w->now);

            for (unsigned k = 0; k < (bits == 0 ? 300U : (unsigned)(HASHES_PER_S / 10) >> bits); k++)
                (void)smx_demand_meets(&r->demand, w->now, bits);
        }
        if (each)
            each(w);
        run_for(w, 100);
    }
}

static struct world *crowded(uint64_t seed)
{
    struct world *w = world_new(seed, false);

    run_for(w, 1500);
    crowd_for(w, 5000, NULL);
    for (size_t i = 0; i < RELAYS; i++)
        assert_in_range(smx_demand_bits(&w->relay[i]->demand, w->now), 10, 14);
    return w;
}

static void who_works_has_his_circuits_within_seconds(void **state)
{
    struct world *w = crowded(41);
    uint64_t paid = 0, short_of = 0;

    (void)state;
    for (size_t k = 0; k < CIRCUITS; k++)
        build(w, 0, k, k % 3, k % 3);
    crowd_for(w, 8000, NULL);
    for (size_t k = 0; k < CIRCUITS; k++)
        assert_true(w->owner[0].circuit[k].opened);
    for (size_t i = 0; i < RELAYS; i++) {
        paid += smx_relay_counters(w->relay[i])->creates_paid;
        short_of += smx_relay_counters(w->relay[i])->creates_short;
    }
    assert_int_equal(paid, CIRCUITS * 3); /* each hop of each */
    assert_true(short_of >= paid);        /* each was asked for it first */
    world_free(w);
}

static void forget_to_work(struct world *w)
{
    for (size_t k = 0; k < CIRCUITS; k++)
        w->owner[0].circuit[k].origin.works = false;
}

static void who_does_not_work_has_none(void **state)
{
    struct world *w = crowded(41);

    (void)state;
    for (size_t k = 0; k < CIRCUITS; k++)
        build(w, 0, k, k % 3, k % 3);
    for (int i = 0; i < 400; i++) {
        forget_to_work(w); /* never gets to it */
        if (i % 5 == 0)
            crowd_for(w, 100, NULL);
        run_for(w, 1);
    }
    for (size_t k = 0; k < CIRCUITS; k++)
        assert_false(w->owner[0].circuit[k].opened);
    world_free(w);
}

static void without_a_crowd_nobody_is_asked(void **state)
{
    struct world *w = world_new(42, false);

    (void)state;
    run_for(w, 1500);
    for (size_t k = 0; k < CIRCUITS; k++)
        build(w, 0, k, k % 3, k % 3);
    run_for(w, 3000);
    for (size_t k = 0; k < CIRCUITS; k++)
        assert_true(w->owner[0].circuit[k].opened);
    for (size_t i = 0; i < RELAYS; i++)
        assert_int_equal(smx_relay_counters(w->relay[i])->creates_short, 0);
    world_free(w);
}

/* ---- what one circuit may hold ---- */

static struct world *with_a_circuit(uint64_t seed)
{
    struct world *w = world_new(seed, false);

    run_for(w, 1500);
    build(w, 0, 0, 0, 0);
    run_for(w, 3000);
    assert_true(w->owner[0].circuit[0].opened);
    return w;
}

static uint32_t only_circuit(const struct smx_relay *r)
{
    for (uint32_t at = 0; at < 64; at++)
        if (r->circuit[at].used)
            return at;
    fail();
    return NONE;
}

static void a_circuit_waits_with_one_join(void **state)
{
    struct world *w = with_a_circuit(43);
    struct owner_circuit *c = &w->owner[0].circuit[0];
    struct smx_relay *end = w->relay[w->end[0]];
    uint8_t join[2][SMX_COOKIE + SMX_MEET_MSG2] = {"the first one...", "and another one."};

    (void)state;
    for (int i = 0; i < 2; i++) {
        assert_int_equal(smx_origin_request(&c->origin, w->now, 2, SMX_HOP_JOIN, join[i], sizeof join[i]),
                         SMX_OK);
        run_for(w, 200);
        assert_int_equal(smx_keymap_find(&end->waiting, join[i], SMX_COOKIE), only_circuit(end));
        c->origin.request.active = false; /* its owner thinks of something else */
    }
    assert_int_equal(smx_keymap_find(&end->waiting, join[0], SMX_COOKIE), NONE);
    world_free(w);
}

static void answers_that_wait_are_few_and_the_oldest_goes(void **state)
{
    struct world *w = with_a_circuit(44);
    struct smx_relay *end = w->relay[w->end[0]];
    struct circuit *c = &end->circuit[only_circuit(end)];

    (void)state;
    for (unsigned i = 0; i < NOTES + 3; i++)
        smx_relay_note(end, c, SMX_HOP_COOKIE_OK, (uint8_t[]){(uint8_t)i}, 1, 1);
    assert_int_equal(c->note_count, NOTES);
    assert_int_equal(smx_relay_note_at(end, c, 0)->content[0], 3);
    assert_int_equal(smx_relay_counters(end)->notes_dropped, 3);
    world_free(w);
}

static void a_stream_that_finds_no_room_is_refused_and_harms_nobody(void **state)
{
    struct world *w = with_a_circuit(45);
    struct owner_circuit *c = &w->owner[0].circuit[0];
    struct smx_relay *end = w->relay[w->end[0]];
    uint32_t free = end->served_free, max = end->served_max;

    (void)state;
    end->served_free = NONE; /* all are taken */
    end->served_max = end->served_fresh;
    c->streams = true;
    smx_stream_init(
        &c->stream,
        &(struct smx_stream_config){
            .tx = c->tx, .rx = c->rx, .tx_cap = sizeof c->tx, .rx_cap = sizeof c->rx, .period = SMX_MS(20)},
        w->now);
    assert_int_equal(smx_stream_send(&c->stream, (const uint8_t *)"\1\0\1", 3), SMX_OK);
    run_for(w, 500);
    assert_true(smx_relay_counters(end)->streams_refused > 0);
    assert_int_equal(smx_relay_counters(end)->commands_malformed, 0);
    assert_false(c->died);
    end->served_free = free;
    end->served_max = max;
    run_for(w, 2000);
    assert_int_equal(smx_relay_counters(end)->commands_malformed, 1); /* it came, and was no good question */
    world_free(w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(who_works_has_his_circuits_within_seconds),
        cmocka_unit_test(who_does_not_work_has_none),
        cmocka_unit_test(without_a_crowd_nobody_is_asked),
        cmocka_unit_test(a_circuit_waits_with_one_join),
        cmocka_unit_test(answers_that_wait_are_few_and_the_oldest_goes),
        cmocka_unit_test(a_stream_that_finds_no_room_is_refused_and_harms_nobody),
    };

    if (sodium_init() < 0)
        return 1;
    return cmocka_run_group_tests(tests, NULL, NULL);
}
