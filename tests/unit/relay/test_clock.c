/* Whose pace a relay keeps to; and what becomes of a network whose relays all do so.
 *
 * The network here is bare: crystals that are wrong by up to 100 ppm, clocks (proto/link/clock.h), and what
 * each neighbour's datagrams would tell of the other's, 3 s old and with some noise. */
#include "proto/base/rng.h"
#include "proto/link/clock.h"
#include "relay/clock.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

enum { MOST = 80, OLD = 3, NOISE_NS = 50000, FORGET_S = 512 /* as proto/link/phase.c */ };

struct node {
    uint8_t layer;
    int64_t ppb; /* of its crystal */
    bool lies;
    struct smx_clock clock;
    int64_t past[OLD + 1]; /* readings less true time: now, a second ago, ... */
};

struct net {
    struct smx_rng rng;
    size_t count;
    struct node node[MOST];
    bool link[MOST][MOST];
    int64_t seen[MOST][MOST], drift[MOST][MOST];
    int64_t seconds;
    int64_t apart; /* largest drift of an honest link since the last look */
};

static smx_time local(const struct net *n, size_t i)
{
    return SMX_SECOND(1000) + (smx_time)(n->seconds * (1000000000 + n->node[i].ppb));
}

static int64_t error_of(const struct net *n, size_t i)
{
    return (int64_t)(smx_clock_read(&n->node[i].clock, local(n, i)) - SMX_SECOND(1000)) -
           n->seconds * 1000000000;
}

static bool adjacent(const struct node *a, const struct node *b)
{
    return abs(a->layer - b->layer) == 1 || (a->layer == 2 && b->layer == 2);
}

/* So many relays a layer; a link between two that may have one stands with a chance of share / 256. */
static void start(struct net *n, uint8_t seed, const size_t layer[3], unsigned share)
{
    uint8_t bytes[SMX_RNG_SEED] = {seed};

    memset(n, 0, sizeof *n);
    smx_rng_init(&n->rng, bytes);
    for (uint8_t l = 0; l < 3; l++)
        for (size_t i = 0; i < layer[l]; i++) {
            struct node *k = &n->node[n->count++];

            k->layer = l;
            k->ppb = (int64_t)smx_rng_below(&n->rng, 200001) - 100000;
            smx_clock_init(&k->clock, SMX_SECOND(1000));
        }
    for (size_t i = 0; i < n->count; i++)
        for (size_t j = 0; j < i; j++)
            if (adjacent(&n->node[i], &n->node[j]) && smx_rng_below(&n->rng, 256) < share)
                n->link[i][j] = n->link[j][i] = true;
}

static void measure(struct net *n, size_t i, size_t j)
{
    int64_t seen = n->node[i].past[OLD] - n->node[j].past[OLD] + smx_rng_below(&n->rng, NOISE_NS);

    if (n->seconds > OLD + 1)
        n->drift[i][j] += seen - n->seen[i][j] - n->drift[i][j] / FORGET_S;
    n->seen[i][j] = seen;
}

static void steer(struct net *n, size_t i)
{
    struct smx_drift drift[MOST];
    size_t count = 0;

    for (size_t j = 0; j < n->count; j++) {
        if (!n->link[i][j])
            continue;
        measure(n, i, j);
        drift[count].layer = n->node[j].layer;
        drift[count++].ns = n->node[j].lies ? n->seconds * 400000 : n->drift[i][j];
    }
    smx_clock_steer(&n->node[i].clock, local(n, i), smx_relay_clock_ahead(drift, count));
}

/* n->apart: the most that two honest neighbours' clocks moved against each other in this time. */
static void run(struct net *n, int64_t seconds)
{
    static int64_t before[MOST];

    n->apart = 0;
    for (size_t i = 0; i < n->count; i++)
        before[i] = error_of(n, i);
    for (int64_t end = n->seconds + seconds; n->seconds < end;) {
        n->seconds++;
        for (size_t i = 0; i < n->count; i++) {
            struct node *k = &n->node[i];

            memmove(k->past + 1, k->past, sizeof k->past - sizeof k->past[0]);
            k->past[0] = error_of(n, i);
        }
        for (size_t i = 0; i < n->count; i++)
            steer(n, i);
        for (size_t i = 0; i < n->count; i++)
            for (size_t j = 0; j < i; j++) {
                int64_t apart = llabs(n->node[i].past[0] - before[i] - n->node[j].past[0] + before[j]);

                if (n->link[i][j] && !n->node[i].lies && !n->node[j].lies && apart > n->apart)
                    n->apart = apart;
            }
    }
}

/* ---- whose ---- */

static int64_t ahead(size_t count, const struct smx_drift *drift)
{
    struct smx_drift copy[16];

    memcpy(copy, drift, count * sizeof *drift);
    return smx_relay_clock_ahead(copy, count);
}
#define AHEAD(...)                                                                                           \
    ahead(sizeof((struct smx_drift[]){__VA_ARGS__}) / sizeof(struct smx_drift),                              \
          (struct smx_drift[]){__VA_ARGS__})

static void without_neighbours_nothing_is_wrong(void **state)
{
    (void)state;
    assert_int_equal(smx_relay_clock_ahead(NULL, 0), 0);
}

static void less_than_half_of_a_layer_moves_nobody(void **state)
{
    (void)state;
    assert_int_equal(AHEAD({1, 10}, {1, -20}, {1, 5}, {1, INT64_MAX}, {1, INT64_MAX}), 10);
    assert_int_equal(AHEAD({1, INT64_MIN}, {1, 7}, {1, 9}), 7);
    assert_int_equal(AHEAD({1, INT64_MIN}, {1, 7}, {1, 9}, {1, INT64_MAX}), 8);
    assert_int_equal(AHEAD({1, 700}, {1, 900}, {1, 1}), 700); /* control: two of three do */
}

static void a_whole_layer_that_lies_weighs_two_milliseconds(void **state)
{
    (void)state;
    assert_int_equal(AHEAD({1, INT64_MAX}, {1, INT64_MAX}, {2, -2000000}, {2, -2000000}), 0);
    assert_int_equal(AHEAD({1, INT64_MIN}, {1, INT64_MAX}), 0);
    assert_int_equal(AHEAD({0, INT64_MIN}), -2000000);
}

static void a_small_layer_weighs_as_much_as_a_large_one(void **state)
{
    (void)state;
    assert_int_equal(AHEAD({2, 100}, {2, 100}, {1, 0}, {2, 100}, {2, 100}, {2, 100}), 50);
}

/* ---- a network ---- */

static void a_network_of_wrong_crystals_keeps_one_pace(void **state)
{
    static const size_t shapes[][3] = {{3, 3, 3},  {10, 10, 10}, {30, 6, 6},
                                       {5, 5, 40}, {1, 1, 1},    {6, 30, 6}};
    static struct net n;

    (void)state;
    for (size_t i = 0; i < sizeof shapes / sizeof shapes[0]; i++)
        for (unsigned share = 256; share >= 192; share -= 64) {
            if (share < 256 && shapes[i][0] == 1)
                continue;
            start(&n, (uint8_t)(16 * i + share / 32), shapes[i], share);
            run(&n, 300); /* they meet, and learn how wrong they are */
            assert_in_range(n.apart, 1, 2500000);
            run(&n, 1200);
            assert_in_range(n.apart, 1, 800000);
        }
}

static void left_alone_the_same_crystals_part(void **state)
{
    static struct net n;
    int64_t least = INT64_MAX, most = INT64_MIN;

    (void)state;
    start(&n, 24, (const size_t[3]){10, 10, 10}, 0); /* control: nobody hears anybody */
    run(&n, 300);
    for (size_t i = 0; i < n.count; i++) {
        least = error_of(&n, i) < least ? error_of(&n, i) : least;
        most = error_of(&n, i) > most ? error_of(&n, i) : most;
    }
    assert_true(most - least > 30000000); /* ns */
}

static void with_liars(struct net *n, size_t in_three)
{
    start(n, 77, (const size_t[3]){9, 9, 9}, 256);
    for (size_t i = 0; i < n->count; i++)
        n->node[i].lies = i % 3 < in_three;
    run(n, 900);
}

static void a_third_of_all_relays_can_not_lead_the_others_astray(void **state)
{
    static struct net n;

    (void)state;
    with_liars(&n, 1);
    assert_in_range(n.apart, 1, 2500000);
    for (size_t i = 0; i < n.count; i++)
        if (!n.node[i].lies)
            assert_true(labs((long)n.node[i].clock.ppb + (long)n.node[i].ppb) < 120000);
    with_liars(&n, 2); /* control: two thirds can */
    for (size_t i = 0; i < n.count; i++)
        if (!n.node[i].lies)
            assert_int_equal(n.node[i].clock.ppb, -SMX_CLOCK_PPB_MAX);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(without_neighbours_nothing_is_wrong),
        cmocka_unit_test(less_than_half_of_a_layer_moves_nobody),
        cmocka_unit_test(a_whole_layer_that_lies_weighs_two_milliseconds),
        cmocka_unit_test(a_small_layer_weighs_as_much_as_a_large_one),
        cmocka_unit_test(a_network_of_wrong_crystals_keeps_one_pace),
        cmocka_unit_test(left_alone_the_same_crystals_part),
        cmocka_unit_test(a_third_of_all_relays_can_not_lead_the_others_astray),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
