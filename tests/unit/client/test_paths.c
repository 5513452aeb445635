/* Who a circuit goes through: guards and middles that persist, circuits that share no relay. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <sodium.h>
#include <stdlib.h>
#include <string.h>

#include "client/core.h"

enum { EACH = 6, RELAYS = 3 * EACH, DAY_S = 86400 };

static const struct smx_wall start = {1790000000};

/* A client that has nothing but a consensus: relay i is of layer i % 3, in a /16 of its own, and its identity
 * begins with i. */
static struct smx_client *client_of(size_t identities, uint8_t slots, uint64_t seed)
{
    struct smx_client *c = calloc(1, sizeof *c);
    uint8_t bytes[SMX_RNG_SEED] = {0};

    assert_non_null(c);
    memcpy(bytes, &seed, sizeof seed);
    smx_rng_init(&c->rng, bytes);
    c->has_v4 = true;
    c->slots_each = slots;
    c->slots = (uint8_t)(slots * identities);
    c->identity_count = identities;
    c->identity = calloc(identities, sizeof *c->identity);
    c->consensus.relay = calloc(RELAYS, sizeof *c->consensus.relay);
    assert_non_null(c->identity);
    assert_non_null(c->consensus.relay);
    smx_params_preset(&c->consensus.params);
    c->consensus.epoch = 7;
    c->consensus.relay_count = RELAYS;
    for (size_t i = 0; i < RELAYS; i++) {
        struct smx_relay_info *r = &c->consensus.relay[i];

        r->id[0] = (uint8_t)i;
        r->layer = (uint8_t)(i % 3);
        r->flags = SMX_RELAY_RUNNING;
        r->weight = 1000;
        r->addr_count = r->onion_count = 1;
        r->addr[0] =
            (struct smx_addr){.ip = {[10] = 0xff, [11] = 0xff, [12] = 100, [13] = (uint8_t)i}, .port = 1};
        r->onion[0].epoch = 7;
    }
    assert_int_equal(smx_circuits_new(c), SMX_OK);
    return c;
}

static struct smx_client *client_new(uint8_t slots, uint64_t seed)
{
    return client_of(1, slots, seed);
}

static void client_free(struct smx_client *c)
{
    smx_circuits_free(c);
    smx_consensus_free(&c->consensus);
    free(c->identity);
    free(c);
}

/* As if it were built over this path. */
static void stands(struct smx_origin *o, const struct smx_hop_target path[END + 1])
{
    o->state = SMX_ORIGIN_OPEN;
    memcpy(o->path, path, (END + 1) * sizeof path[0]);
}

static bool same(const struct smx_hop_target *a, const struct smx_hop_target *b)
{
    return memcmp(a->id, b->id, SMX_RELAY_ID) == 0;
}

static void guards_persist_while_the_consensus_has_them(void **state)
{
    struct smx_client *c = client_new(2, 1);
    uint8_t first[2][SMX_DOC_KEY];

    (void)state;
    assert_true(smx_paths_update(c, start));
    assert_int_equal(c->paths.guard_count, GUARDS);
    memcpy(first, c->paths.guard, sizeof first);
    assert_memory_not_equal(first[0], first[1], SMX_DOC_KEY);
    for (unsigned day = 0; day < 400; day++) { /* whatever runs, and whatever else there is */
        for (size_t i = 0; i < RELAYS; i++)
            c->consensus.relay[i].flags = smx_rng_below(&c->rng, 2) ? SMX_RELAY_RUNNING : 0;
        (void)smx_paths_update(c, (struct smx_wall){start.s + (int64_t)day * DAY_S});
        assert_memory_equal(c->paths.guard, first, sizeof first);
    }
    for (size_t i = 0; i < RELAYS; i++)
        c->consensus.relay[i].flags = SMX_RELAY_RUNNING;
    c->consensus.relay[first[0][0]].layer = SMX_LAYER_MIDDLE; /* it is no guard any more */
    assert_true(smx_paths_update(c, start));
    assert_int_equal(c->paths.guard_count, GUARDS);
    assert_memory_equal(c->paths.guard[0], first[1], SMX_DOC_KEY); /* the second one comes first */
    assert_memory_not_equal(c->paths.guard[1], first[0], SMX_DOC_KEY);
    client_free(c);
}

static void middles_persist_for_their_time(void **state)
{
    struct smx_client *c = client_new(2, 2);
    struct middle before[MIDDLES];
    unsigned changes = 0;

    (void)state;
    assert_true(smx_paths_update(c, start));
    assert_int_equal(c->identity[0].middle_count, MIDDLES);
    for (unsigned hour = 1; hour < 24 * 60; hour++) {
        struct smx_wall wall = {start.s + (int64_t)hour * 3600};

        memcpy(before, c->identity[0].middle, sizeof before);
        assert_true(smx_paths_update(c, wall));
        assert_int_equal(c->identity[0].middle_count, MIDDLES);
        for (size_t i = 0; i < MIDDLES; i++) {
            bool kept = false;

            for (size_t k = 0; k < MIDDLES; k++)
                kept = kept || memcmp(&before[i], &c->identity[0].middle[k], sizeof before[i]) == 0;
            assert_true(kept == (before[i].until > (uint64_t)wall.s));
            changes += !kept;
            assert_in_range(c->identity[0].middle[i].until, (uint64_t)wall.s, (uint64_t)wall.s + 12 * DAY_S);
        }
    }
    assert_in_range(changes, 20, 60); /* 60 days, 4 places, 6.5 days each in the mean: 37 */
    client_free(c);
}

static void slots_share_no_middle_and_no_end(void **state)
{
    struct smx_client *c = client_new(2, 3);
    struct young young = {.linger = 0};
    struct smx_hop_target path[4][END + 1];

    (void)state;
    assert_true(smx_paths_update(c, start));
    for (unsigned i = 0; i < 300; i++) {
        struct circuit *a = &c->circuit[0], *b = &c->circuit[1];

        assert_true(smx_paths_draw(c, a, path[0]));
        stands(&a->origin, path[0]);
        assert_true(smx_paths_draw(c, b, path[1]));
        stands(&b->origin, path[1]);
        assert_true(smx_paths_draw(c, a, path[2])); /* its renewal, beside both */
        a->young = &young;
        stands(&young.origin, path[2]);
        assert_true(smx_paths_draw(c, b, path[3])); /* and the other's, before it is done */
        for (size_t hop = 1; hop <= END; hop++) {
            assert_false(same(&path[0][hop], &path[1][hop]));
            assert_false(same(&path[2][hop], &path[1][hop]));
            assert_false(same(&path[3][hop], &path[0][hop]));
            assert_false(same(&path[3][hop], &path[2][hop]));
        }
        for (size_t k = 0; k < 4; k++)
            assert_memory_equal(path[k][0].id, c->paths.guard[0], SMX_RELAY_ID);
        a->origin.state = b->origin.state = SMX_ORIGIN_IDLE;
        a->young = NULL;
    }
    client_free(c);
}

static void middles_are_from_the_set(void **state)
{
    struct smx_client *c = client_new(2, 4);
    unsigned used[RELAYS] = {0}, middles = 0;

    (void)state;
    assert_true(smx_paths_update(c, start));
    for (unsigned i = 0; i < 400; i++) {
        struct smx_hop_target path[END + 1];
        bool known = false;

        assert_true(smx_paths_draw(c, &c->circuit[0], path));
        for (size_t k = 0; k < MIDDLES; k++)
            known = known || memcmp(c->identity[0].middle[k].id, path[1].id, SMX_RELAY_ID) == 0;
        assert_true(known);
        used[path[1].id[0]]++;
    }
    for (size_t i = 0; i < RELAYS; i++)
        middles += used[i] > 40;
    assert_int_equal(middles, MIDDLES);
    client_free(c);
}

/* Four of six each: had they to be the same, or others, it would show. */
static void each_identity_draws_middles_of_its_own(void **state)
{
    enum { TIMES = 300 };
    unsigned shared = 0;

    (void)state;
    for (uint64_t seed = 0; seed < TIMES; seed++) {
        struct smx_client *c = client_of(2, 2, seed);
        struct smx_hop_target path[END + 1];

        assert_true(smx_paths_update(c, start));
        for (size_t i = 0; i < c->circuit_count; i++) {
            bool own = false;

            assert_true(smx_paths_draw(c, &c->circuit[i], path));
            for (size_t k = 0; k < MIDDLES; k++)
                own = own || memcmp(c->identity[i < 4 ? i / 2 : (i - 4) / 2].middle[k].id, path[1].id,
                                    SMX_RELAY_ID) == 0;
            assert_true(own);
        }
        for (size_t i = 0; i < MIDDLES; i++)
            for (size_t k = 0; k < MIDDLES; k++)
                shared += memcmp(c->identity[0].middle[i].id, c->identity[1].middle[k].id, SMX_DOC_KEY) == 0;
        client_free(c);
    }
    assert_in_range(shared, TIMES * 5 / 2, TIMES * 17 / 6); /* 16 / 6 each in the mean */
}

static void errands_end_elsewhere_each_time_and_never_where_we_listen(void **state)
{
    struct smx_client *c = client_new(2, 5);
    struct circuit *listen = smx_circuit_of(c, CIRCUIT_LISTEN, 0),
                   *errand = smx_circuit_of(c, CIRCUIT_ERRAND, 0);
    struct smx_hop_target path[END + 1];

    (void)state;
    assert_true(smx_paths_update(c, start));
    assert_true(smx_paths_draw(c, listen, path));
    assert_memory_equal(c->identity[0].intro, path[END].id, SMX_RELAY_ID);
    stands(&listen->origin, path);
    assert_true(smx_paths_draw(c, errand, path));
    for (unsigned i = 0; i < 300; i++) {
        stands(&errand->origin, path);
        assert_true(smx_paths_draw(c, errand, path));
        assert_false(same(&path[END], &errand->origin.path[END]));
        assert_memory_not_equal(path[END].id, c->identity[0].intro, SMX_RELAY_ID);
    }
    for (size_t i = 0; i < RELAYS; i++) /* where there are but two ends, there is no choice */
        if (c->consensus.relay[i].layer == SMX_LAYER_END &&
            memcmp(c->consensus.relay[i].id, path[END].id, 32) != 0 &&
            memcmp(c->consensus.relay[i].id, c->identity[0].intro, 32) != 0)
            c->consensus.relay[i].flags = 0;
    stands(&errand->origin, path);
    assert_true(smx_paths_draw(c, errand, path));
    assert_true(same(&path[END], &errand->origin.path[END]));
    client_free(c);
}

static void the_introduction_relay_stays_while_it_runs(void **state)
{
    struct smx_client *c = client_new(2, 6);
    struct circuit *listen = smx_circuit_of(c, CIRCUIT_LISTEN, 0);
    struct smx_hop_target first[END + 1], path[END + 1];

    (void)state;
    assert_true(smx_paths_update(c, start));
    assert_true(smx_paths_draw(c, listen, first));
    for (unsigned i = 0; i < 100; i++) {
        stands(&listen->origin, path);
        assert_true(smx_paths_draw(c, listen, path));
        assert_true(same(&path[END], &first[END]));
    }
    c->consensus.relay[first[END].id[0]].flags = 0;
    assert_true(smx_paths_draw(c, listen, path));
    assert_false(same(&path[END], &first[END]));
    assert_memory_equal(c->identity[0].intro, path[END].id, SMX_RELAY_ID);
    client_free(c);
}

static void no_two_relays_of_a_path_are_neighbours(void **state)
{
    struct smx_client *c = client_new(1, 7);
    struct smx_hop_target path[END + 1];

    (void)state;
    c->consensus.params.distinct_subnets = 1;
    for (size_t i = 0; i < RELAYS; i++) /* three /16, with two relays of each layer */
        c->consensus.relay[i].addr[0].ip[13] = (uint8_t)(i % 9 / 3);
    assert_true(smx_paths_update(c, start));
    for (unsigned i = 0; i < 300; i++) {
        uint8_t net[END + 1];

        if (!smx_paths_draw(c, &c->circuit[0], path))
            continue; /* the middles drawn may all be the guard's neighbours */
        for (size_t hop = 0; hop <= END; hop++)
            net[hop] = c->consensus.relay[path[hop].id[0]].addr[0].ip[13];
        assert_true(net[0] != net[1] && net[1] != net[2] && net[0] != net[2]);
    }
    client_free(c);
}

static void a_relay_that_does_not_run_is_not_taken(void **state)
{
    struct smx_client *c = client_new(2, 8);
    struct smx_hop_target path[END + 1];
    size_t off;

    (void)state;
    assert_true(smx_paths_update(c, start));
    off = c->identity[0].middle[0].id[0];
    c->consensus.relay[off].flags = 0;
    for (unsigned i = 0; i < 100; i++) {
        assert_true(smx_paths_draw(c, &c->circuit[0], path));
        assert_int_not_equal(path[1].id[0], off);
    }
    for (size_t k = 0; k < MIDDLES; k++)
        c->consensus.relay[c->identity[0].middle[k].id[0]].flags = 0;
    assert_false(smx_paths_draw(c, &c->circuit[0], path)); /* middles only from the set */
    client_free(c);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(guards_persist_while_the_consensus_has_them),
        cmocka_unit_test(middles_persist_for_their_time),
        cmocka_unit_test(slots_share_no_middle_and_no_end),
        cmocka_unit_test(middles_are_from_the_set),
        cmocka_unit_test(each_identity_draws_middles_of_its_own),
        cmocka_unit_test(errands_end_elsewhere_each_time_and_never_where_we_listen),
        cmocka_unit_test(the_introduction_relay_stays_while_it_runs),
        cmocka_unit_test(no_two_relays_of_a_path_are_neighbours),
        cmocka_unit_test(a_relay_that_does_not_run_is_not_taken),
    };

    if (sodium_init() < 0)
        return 1;
    return cmocka_run_group_tests(tests, NULL, NULL);
}
