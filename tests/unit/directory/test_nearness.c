#include "directory/nearness.h"
#include "tests/support/vectors.h"
#include "tests/unit/proto/doc/fixture.h"

enum { PER_LAYER = 5, RELAYS = 3 * PER_LAYER + 1, EXIT = RELAYS - 1 };

/* Relays 0 to 14 are guards, middles and ends, five each; 15 is an exit.  Relay i stands at[i] ms (one way)
 * up a line. */
struct fixture {
    struct smx_consensus c;
    struct smx_relaydesc desc[RELAYS];
    const struct smx_relaydesc *list[RELAYS];
    unsigned at[RELAYS];
};

static int setup(void **state)
{
    struct fixture *f = calloc(1, sizeof *f);

    smx_params_preset(&f->c.params);
    f->c.relay = calloc(RELAYS, sizeof *f->c.relay);
    f->c.relay_count = RELAYS;
    for (size_t i = 0; i < RELAYS; i++) {
        f->c.relay[i].id[0] = f->desc[i].id[0] = (uint8_t)i;
        f->c.relay[i].layer = i == EXIT ? SMX_LAYER_EXIT : (uint8_t)(i / PER_LAYER);
        f->c.relay[i].flags = SMX_RELAY_RUNNING;
        f->at[i] = i % PER_LAYER == PER_LAYER - 1 ? 100 : 5; /* the last of each layer is far away */
        f->list[i] = &f->desc[i];
    }
    smx_consensus_count_layers(&f->c);
    *state = f;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *f = *state;

    smx_consensus_free(&f->c);
    free(f);
    return 0;
}

/* Everybody measures, and says the truth. */
static void measure(struct fixture *f)
{
    for (size_t i = 0; i < RELAYS; i++) {
        struct smx_relaydesc *d = &f->desc[i];

        d->report_count = 0;
        for (size_t j = 0; j < RELAYS; j++) {
            if (smx_consensus_link_rate(&f->c, i, j) == 0)
                continue;
            d->report[d->report_count].id[0] = (uint8_t)j;
            d->report[d->report_count++].rtt_ms =
                (uint16_t)(1 + 2 * (f->at[i] > f->at[j] ? f->at[i] - f->at[j] : f->at[j] - f->at[i]));
        }
    }
}

static void say(struct fixture *f, size_t by, size_t about, uint16_t rtt)
{
    struct smx_relaydesc *d = &f->desc[by];

    for (size_t i = 0; i < d->report_count; i++)
        if (d->report[i].id[0] == about)
            d->report[i].rtt_ms = rtt;
}

static uint32_t weight(struct fixture *f, size_t at)
{
    assert_int_equal(smx_nearness_fill(&f->c, f->list), SMX_OK);
    return f->c.relay[at].weight;
}

static uint32_t middle(struct fixture *f, size_t i)
{
    return weight(f, PER_LAYER + i);
}

static void weights_match_their_vectors(void **state)
{
    struct smx_vec v;
    size_t count = 0;

    (void)state;
    smx_vec_open(&v, "tests/vectors/nearness.txt");
    for (; smx_vec_next(&v); count++) {
        size_t len;
        const uint8_t *bytes = smx_vec_bytes(&v, "far", &len), *wanted = smx_vec_fixed(&v, "weight", len);
        uint32_t far[64], got[64];

        assert_true(len / 2 <= 64);
        for (size_t i = 0; i < len / 2; i++)
            far[i] = (uint32_t)bytes[2 * i] << 8 | bytes[2 * i + 1];
        assert_int_equal(smx_nearness_weights(got, far, len / 2, (uint32_t)smx_vec_int(&v, "strength")),
                         SMX_OK);
        for (size_t i = 0; i < len / 2; i++)
            assert_int_equal(got[i], (uint32_t)wanted[2 * i] << 8 | wanted[2 * i + 1]);
    }
    assert_true(count >= 40);
}

static void a_network_that_has_measured_nothing_yet_weighs_all_the_same(void **state)
{
    for (size_t i = 0; i < RELAYS; i++)
        assert_int_equal(weight(*state, i), SMX_WEIGHT);
}

static void middles_and_ends_far_from_the_others_are_hardly_drawn(void **state)
{
    struct fixture *f = *state;

    measure(f);
    for (size_t i = 0; i < PER_LAYER - 1; i++) {
        assert_in_range(middle(f, i), 1200, 1300);
        assert_in_range(weight(f, 2 * PER_LAYER + i), 1200, 1300);
    }
    assert_in_range(middle(f, PER_LAYER - 1), 1, 2);
    assert_in_range(weight(f, 3 * PER_LAYER - 1), 1, 2);
}

static void guards_and_exits_all_weigh_the_same(void **state)
{
    struct fixture *f = *state;

    measure(f);
    for (size_t i = 0; i < PER_LAYER; i++)
        assert_int_equal(weight(f, i), SMX_WEIGHT);
    assert_int_equal(weight(f, EXIT), SMX_WEIGHT);
    f->c.params.nearness_guard = 4; /* unless the network wants them nearer */
    assert_in_range(weight(f, PER_LAYER - 1), 1, 2);
    assert_int_equal(weight(f, EXIT), SMX_WEIGHT);
}

static void a_strength_of_0_turns_it_off(void **state)
{
    struct fixture *f = *state;

    measure(f);
    f->c.params.nearness = 0;
    for (size_t i = 0; i < RELAYS; i++)
        assert_int_equal(weight(f, i), SMX_WEIGHT);
}

static void what_a_relay_says_of_itself_changes_nothing(void **state)
{
    struct fixture *f = *state;
    size_t liar = 2 * PER_LAYER - 1;
    uint32_t honest;

    measure(f);
    honest = weight(f, liar);
    for (size_t i = 0; i < RELAYS; i++)
        say(f, liar, i, 1);
    assert_int_equal(weight(f, liar), honest);
}

static void a_liar_in_each_layer_makes_nobody_near_or_far(void **state)
{
    struct fixture *f = *state;
    size_t far_one = 2 * PER_LAYER - 1, near_one = PER_LAYER;

    measure(f);
    say(f, 0, far_one, 1); /* a guard and an end; one of each is near it in truth */
    say(f, 2 * PER_LAYER, far_one, 1);
    say(f, 0, near_one, UINT16_MAX);
    say(f, 2 * PER_LAYER, near_one, UINT16_MAX);
    assert_in_range(weight(f, far_one), 1, 2);
    assert_in_range(weight(f, near_one), 1200, 1300);
}

static void whoever_keeps_away_from_far_neighbours_counts_as_far_from_them(void **state)
{
    struct fixture *f = *state;
    size_t sly = 2 * PER_LAYER - 1;

    measure(f);
    for (size_t i = 0; i < PER_LAYER - 1; i++) { /* only those at 100 ms have a link with it */
        say(f, i, sly, 0);
        say(f, 2 * PER_LAYER + i, sly, 0);
    }
    assert_in_range(weight(f, sly), 1, 2);
}

static void older_software_exits_and_strangers_have_no_say(void **state)
{
    struct fixture *f = *state;
    size_t end = 3 * PER_LAYER - 1;
    uint32_t before;

    measure(f);
    before = weight(f, end);
    say(f, EXIT, end, 1);
    f->desc[0].report[f->desc[0].report_count].id[0] = (uint8_t)end; /* a guard has no link with an end */
    f->desc[0].report[f->desc[0].report_count++].rtt_ms = 1;
    f->desc[PER_LAYER].report_count = 0; /* measures nothing */
    assert_int_equal(weight(f, end), before);
    f->c.relay[end].flags = 0;
    assert_int_equal(weight(f, end), SMX_WEIGHT); /* it is not drawn */
}

static void no_relay_weighs_more_than_twice_the_mean(void **state)
{
    uint32_t far[13] = {1}, got[13];

    (void)state;
    for (size_t i = 1; i < 13; i++)
        far[i] = (uint32_t)(100 * i % 999 + 1);
    for (uint32_t strength = 0; strength <= 8; strength++) {
        uint64_t sum = 0;

        assert_int_equal(smx_nearness_weights(got, far, 13, strength), SMX_OK);
        for (size_t i = 0; i < 13; i++)
            sum += got[i];
        for (size_t i = 0; i < 13; i++)
            assert_true(got[i] * 13 <= SMX_WEIGHT_TIMES * sum + 13 * SMX_WEIGHT_TIMES);
        assert_in_range(sum / 13, SMX_WEIGHT - 1, SMX_WEIGHT + 1);
    }
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        T(weights_match_their_vectors),
        T(a_network_that_has_measured_nothing_yet_weighs_all_the_same),
        T(middles_and_ends_far_from_the_others_are_hardly_drawn),
        T(guards_and_exits_all_weigh_the_same),
        T(a_strength_of_0_turns_it_off),
        T(what_a_relay_says_of_itself_changes_nothing),
        T(a_liar_in_each_layer_makes_nobody_near_or_far),
        T(whoever_keeps_away_from_far_neighbours_counts_as_far_from_them),
        T(older_software_exits_and_strangers_have_no_say),
        T(no_relay_weighs_more_than_twice_the_mean),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
