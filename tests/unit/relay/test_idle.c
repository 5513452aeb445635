/* The floor: a network without clients gets idle ones of its relays' own, as many as it needs. */
#include "tests/unit/relay/world.h"

enum { FLOOR = 8, EPOCH_MS = 60000 };

static void set_floor(struct world *w, uint32_t circuits)
{
    w->view.params.floor_circuits = circuits;
    w->view.params.distinct_subnets = 0; /* they all stand in one */
    for (size_t i = 0; i < RELAYS; i++)
        give_consensus(w, i);
}

static size_t clients(const struct world *w)
{
    size_t n = 0;

    for (size_t i = 0; i < RELAYS; i++)
        n += smx_relay_idle_clients(w->relay[i]);
    return n;
}

static void a_network_without_clients_rises_to_its_floor_and_not_beyond(void **state)
{
    struct world *w = world_new(31, false);
    uint64_t started = 0, measured = 0;

    (void)state;
    set_floor(w, FLOOR);
    run_for(w, 2 * EPOCH_MS);
    for (int epoch = 0; epoch < 3; epoch++) {
        size_t of_layer[3] = {0};

        for (size_t i = 0; i < RELAYS; i++) {
            size_t circuits = smx_relay_circuits(w->relay[i]);

            of_layer[w->view.relay[i].layer] += circuits;
            if (w->view.relay[i].layer != SMX_LAYER_GUARD) /* these depend on what others choose */
                assert_true(circuits >= FLOOR / 2);        /* others' may have left a moment ago */
        }
        for (size_t i = 0; i < 3; i++) /* above it, as each circuit helps three relays, and lasts for a while
                                          when it was renewed */
            assert_in_range(of_layer[i], 3 * FLOOR, 3 * 2 * FLOOR + FLOOR);
        run_for(w, EPOCH_MS);
    }
    for (size_t i = 0; i < RELAYS; i++) {
        const struct smx_relay_counters *n = smx_relay_counters(w->relay[i]);

        started += n->idle_started;
        assert_true(n->idle_cells_lost * 500 <= n->idle_cells); /* nothing is lost, a little late */
        if (n->idle_loops == 0)
            continue;
        measured++;
        assert_in_range(n->idle_loops_us / n->idle_loops, 6 * 3000, 120000);
    }
    assert_true(measured >= 4);
    assert_in_range(started, 6, 14);
    world_free(w);
}

static int lose_some(struct world *w, const struct smx_addr *from, const struct smx_addr *to, uint8_t *bytes,
                     size_t len, smx_time *delay)
{
    (void)from;
    (void)to;
    (void)bytes;
    (void)len;
    (void)delay;
    return smx_rng_below(&w->jitter_rng, 100) > 0;
}

static void they_measure_what_gets_lost(void **state)
{
    struct world *w = world_new(33, false);
    uint64_t cells = 0, lost = 0;

    (void)state;
    set_floor(w, FLOOR);
    w->meddle = lose_some;
    run_for(w, EPOCH_MS);
    for (size_t i = 0; i < RELAYS; i++) {
        cells += smx_relay_counters(w->relay[i])->idle_cells;
        lost += smx_relay_counters(w->relay[i])->idle_cells_lost;
    }
    assert_true(cells > 10000);
    assert_in_range(lost * 1000 / cells, 25, 35); /* one in a hundred on each of three links */
    world_free(w);
}

static void a_relay_above_its_floor_stops_them_one_by_one(void **state)
{
    struct world *w = world_new(32, false);
    size_t before;

    (void)state;
    set_floor(w, FLOOR);
    run_for(w, 2 * EPOCH_MS);
    before = clients(w);
    assert_true(before > 0);
    for (size_t k = 0; k < CIRCUITS; k++)
        build(w, 0, k, k % 3, k % 3);
    run_for(w, 5000);
    for (size_t k = 0; k < CIRCUITS; k++)
        assert_true(w->owner[0].circuit[k].opened); /* they are in nobody's way */
    set_floor(w, 0);
    run_for(w, EPOCH_MS / 2);
    assert_true(clients(w) + 2 >= before); /* not at once */
    for (int i = 0; i < 8 && clients(w) > 0; i++)
        run_for(w, EPOCH_MS);
    assert_int_equal(clients(w), 0);
    run_for(w, EPOCH_MS);
    for (size_t i = 0; i < 3; i++) /* what they left behind has faded */
        assert_true(smx_relay_circuits(w->relay[w->guard[i]]) <= CIRCUITS);
    world_free(w);
}

static void without_a_floor_there_are_none(void **state)
{
    struct world *w = world_new(34, false);

    (void)state;
    run_for(w, EPOCH_MS);
    for (size_t i = 0; i < RELAYS; i++)
        assert_int_equal(smx_relay_counters(w->relay[i])->idle_started, 0);
    world_free(w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_network_without_clients_rises_to_its_floor_and_not_beyond),
        cmocka_unit_test(they_measure_what_gets_lost),
        cmocka_unit_test(without_a_floor_there_are_none),
        cmocka_unit_test(a_relay_above_its_floor_stops_them_one_by_one),
    };

    if (sodium_init() < 0)
        return 1;
    return cmocka_run_group_tests(tests, NULL, NULL);
}
