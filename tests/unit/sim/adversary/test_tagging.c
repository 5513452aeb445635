/* A guard marks cells, a rendezvous behind an honest middle looks for the mark; and what is sent twice. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <sodium.h>
#include <string.h>

#include "proto/base/rng.h"
#include "sim/adversary/tagging.h"

enum { TRIALS = 4, SEEN = 10 /* a hole, a twin or a question makes so much */ };

static struct smx_tagging_tally t;

static void no_mark_passes_an_honest_relay_and_nothing_counts_twice(void **state)
{
    struct smx_tagging_config config = {.seed = 5, .trials = TRIALS};

    (void)state;
    smx_tagging_run(&t, &config);
    assert_true(t.ready);
    for (int deed = 0; deed < SMX_DEEDS; deed++) {
        assert_true(t.deeds[deed] >= TRIALS / 2 * 7);
        assert_true(t.lost[deed][1] >=
                    t.lost[deed][0] + TRIALS / 2 * 7); /* they were done: the callee hears it */
        for (size_t i = 0; i < TRIALS; i++)
            assert_true(t.seen[deed][i] < SEEN);
    }
    assert_true(t.cells_again >= TRIALS / 2 * 7);
    assert_int_equal(t.cells_taken, 0);
    assert_true(t.datagrams_again > 60);
    assert_int_equal(t.datagrams_taken, 0);
    /* The limit: who makes noise for longer makes the caller ask his rendezvous something. */
    assert_int_equal(t.asked[1], TRIALS / 2);
    assert_int_equal(t.asked[0], 0);
}

static void without_cover_a_missing_cell_shows_behind_an_honest_relay(void **state)
{
    struct smx_tagging_config config = {.seed = 5, .trials = 2, .cover_off = true};

    (void)state;
    smx_tagging_run(&t, &config);
    assert_true(t.ready);
    assert_true(t.seen[SMX_DEED_DROP][1] >= SEEN && t.seen[SMX_DEED_DROP][0] < SEEN);
    assert_true(t.seen[SMX_DEED_DELAY][1] >= SEEN && t.seen[SMX_DEED_DELAY][0] < SEEN);
}

static void under_a_stream_cipher_a_mark_stays_and_under_the_wide_block_it_does_not(void **state)
{
    uint8_t seed[SMX_RNG_SEED] = "layers";
    struct smx_rng rng;

    (void)state;
    smx_rng_init(&rng, seed);
    assert_int_equal(smx_tagging_layers(false, 50, &rng), 50);
    assert_int_equal(smx_tagging_layers(true, 50, &rng), 0);
    smx_rng_fini(&rng);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(no_mark_passes_an_honest_relay_and_nothing_counts_twice),
        cmocka_unit_test(without_cover_a_missing_cell_shows_behind_an_honest_relay),
        cmocka_unit_test(under_a_stream_cipher_a_mark_stays_and_under_the_wide_block_it_does_not),
    };

    if (sodium_init() < 0)
        return 1;
    return cmocka_run_group_tests_name("sim/adversary/tagging", tests, NULL, NULL);
}
