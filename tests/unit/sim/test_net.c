#include "sim/net.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

enum { MANY = 20000 };

struct tally {
    unsigned none, one, two, corrupt, overtaken;
    smx_time least, most;
};

static void start(struct smx_net *net, struct smx_rng *rng, const struct smx_net_path *path)
{
    static const uint8_t seed[SMX_RNG_SEED] = {6};

    smx_rng_init(rng, seed);
    smx_net_init(net, path);
}

static struct tally many(const struct smx_net_path *path)
{
    struct tally t = {.least = SMX_NEVER};
    struct smx_net net;
    struct smx_rng rng;
    smx_time newest = 0;

    start(&net, &rng, path);
    for (int i = 0; i < MANY; i++) {
        smx_time now = SMX_MS(10) * (smx_time)i;
        struct smx_net_fate fate[SMX_NET_FATES];
        size_t count = smx_net_send(&net, &rng, now, 1, 2, 100, fate);

        t.none += count == 0;
        t.one += count == 1;
        t.two += count == 2;
        for (size_t c = 0; c < count; c++) {
            smx_time took = fate[c].at - now;

            t.corrupt += fate[c].corrupt;
            t.least = smx_time_min(t.least, took);
            if (took > t.most)
                t.most = took;
            t.overtaken += fate[c].at < newest;
            if (fate[c].at > newest)
                newest = fate[c].at;
        }
    }
    smx_net_fini(&net);
    return t;
}

static void a_plain_path_takes_its_latency_and_no_more(void **state)
{
    struct tally t = many(&(struct smx_net_path){.latency = SMX_MS(20)});

    (void)state;
    assert_int_equal(t.one, MANY);
    assert_int_equal(t.least, SMX_MS(20));
    assert_int_equal(t.most, SMX_MS(20));
}

static void shares_come_out_as_asked(void **state)
{
    struct tally t = many(&(struct smx_net_path){.loss = 100000, .duplicate = 50000, .corrupt = 20000});

    (void)state;
    assert_in_range(t.none, MANY / 10 - 200, MANY / 10 + 200);
    assert_in_range(t.two, MANY * 9 / 10 / 20 - 120, MANY * 9 / 10 / 20 + 120);
    assert_in_range(t.corrupt, 280, 480);
}

static void jitter_delays_but_does_not_reorder(void **state)
{
    struct tally t = many(&(struct smx_net_path){.latency = SMX_MS(5), .jitter = SMX_MS(8)});

    (void)state;
    assert_true(t.least < SMX_MS(6) && t.most > SMX_MS(40));
    assert_int_equal(t.overtaken, 0);
}

static void reordering_is_asked_for(void **state)
{
    struct tally t = many(&(struct smx_net_path){.reorder = 100000, .reorder_by = SMX_MS(40)});

    (void)state;
    assert_in_range(t.overtaken, MANY / 10,
                    MANY / 5); /* one late datagram is overtaken by two, in the mean */
}

static void a_pair_has_its_own_path_until_it_heals(void **state)
{
    struct smx_net_fate fate[SMX_NET_FATES];
    struct smx_net net;
    struct smx_rng rng;

    (void)state;
    start(&net, &rng, &(struct smx_net_path){.latency = 7});
    for (uint32_t i = 0; i < 1000; i++) /* many pairs: the table grows */
        smx_net_path(&net, i, i + 1)->latency = 100 + i;
    for (uint32_t i = 0; i < 1000; i++) {
        assert_int_equal(smx_net_send(&net, &rng, 0, i, i + 1, 100, fate), 1);
        assert_int_equal(fate[0].at, 100 + i);
        assert_int_equal(smx_net_send(&net, &rng, 0, i + 1, i, 100, fate), 1);
        assert_int_equal(fate[0].at, 7);
    }
    smx_net_path(&net, 5, 6)->cut = true;
    assert_int_equal(smx_net_send(&net, &rng, 0, 5, 6, 100, fate), 0);
    smx_net_heal(&net, 5, 6);
    assert_int_equal(smx_net_send(&net, &rng, 1000, 5, 6, 100, fate), 1);
    assert_int_equal(fate[0].at, 1007);
    smx_net_fini(&net);
}

static void runs_of_losses_have_the_share_and_the_length_that_was_asked_for(void **state)
{
    const struct smx_net_path path = {.burst_loss = 50000, .burst_run = 8};
    struct smx_net net;
    struct smx_rng rng;
    unsigned lost = 0, runs = 0;
    bool before = false;

    (void)state;
    start(&net, &rng, &path);
    for (unsigned i = 0; i < 10 * MANY; i++) {
        struct smx_net_fate fate[SMX_NET_FATES];
        bool is_lost = smx_net_send(&net, &rng, SMX_MS(20) * i, 1, 2, 100, fate) == 0;

        lost += is_lost;
        runs += is_lost && !before;
        before = is_lost;
    }
    assert_in_range(lost, 10 * MANY * 4 / 100, 10 * MANY * 6 / 100);
    assert_in_range(10 * lost / runs, 70, 90);
    smx_net_fini(&net);
}

static void a_burst_of_delay_begins_high_drains_and_keeps_the_order(void **state)
{
    const struct smx_net_path path = {.latency = SMX_MS(10),
                                      .burst_every = SMX_SECOND(1),
                                      .burst_length = SMX_MS(500),
                                      .burst_height = SMX_MS(30)};
    struct tally t = many(&path);

    (void)state;
    assert_int_equal(t.least, SMX_MS(10));
    assert_true(t.most > SMX_MS(36) && t.most <= SMX_MS(40));
    assert_int_equal(t.overtaken, 0);
}

static void a_line_takes_its_time_and_loses_what_would_wait_too_long(void **state)
{
    struct smx_net net;
    struct smx_rng rng;
    struct smx_net_fate fate[SMX_NET_FATES];
    unsigned came = 0;

    (void)state;
    start(&net, &rng, &(struct smx_net_path){.latency = SMX_MS(5)});
    assert_true(smx_net_lines(&net, 3, SMX_MS(100)));
    net.line[1].up = 800000; /* 100 bytes a ms */
    net.line[2].down = 400000;
    assert_int_equal(smx_net_send(&net, &rng, 0, 1, 2, 1000, fate), 1);
    assert_int_equal(fate[0].at, SMX_MS(10 + 5 + 20));
    assert_int_equal(smx_net_send(&net, &rng, 0, 2, 1, 1000, fate), 1); /* the other way there is no limit */
    assert_int_equal(fate[0].at, SMX_MS(5));
    for (unsigned i = 0; i < 100; i++)
        came += smx_net_send(&net, &rng, 0, 1, 3, 1000, fate) > 0;
    assert_int_equal(came, 10); /* up to 100 ms of waiting, the first one among them */
    smx_net_fini(&net);
}

static void write_path(void *arg, uint32_t from, uint32_t to, struct smx_net_path *path)
{
    ++*(unsigned *)arg;
    *path = (struct smx_net_path){.latency = 1000 * from + to};
}

static void a_model_says_once_what_a_pair_is_like(void **state)
{
    struct smx_net net;
    struct smx_rng rng;
    struct smx_net_fate fate[SMX_NET_FATES];
    unsigned asked = 0;

    (void)state;
    start(&net, &rng, &(struct smx_net_path){.cut = true});
    smx_net_set_model(&net, write_path, &asked);
    for (unsigned i = 0; i < 3; i++) {
        assert_int_equal(smx_net_send(&net, &rng, 0, 7, 9, 100, fate), 1);
        assert_int_equal(fate[0].at, 7009);
    }
    assert_int_equal(asked, 1);
    smx_net_fini(&net);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_plain_path_takes_its_latency_and_no_more),
        cmocka_unit_test(shares_come_out_as_asked),
        cmocka_unit_test(jitter_delays_but_does_not_reorder),
        cmocka_unit_test(reordering_is_asked_for),
        cmocka_unit_test(a_pair_has_its_own_path_until_it_heals),
        cmocka_unit_test(runs_of_losses_have_the_share_and_the_length_that_was_asked_for),
        cmocka_unit_test(a_burst_of_delay_begins_high_drains_and_keeps_the_order),
        cmocka_unit_test(a_line_takes_its_time_and_loses_what_would_wait_too_long),
        cmocka_unit_test(a_model_says_once_what_a_pair_is_like),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
