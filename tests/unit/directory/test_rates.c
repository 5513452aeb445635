#include "directory/rates.h"
#include "tests/unit/proto/doc/fixture.h"

enum { ROOM = 32 };

/* guard 0, middles 1 and 2, ends 3 and 4, exit 5; ids are their places. */
struct fixture {
    struct smx_consensus c;
    struct smx_relaydesc desc[6];
    const struct smx_relaydesc *at[6];
};

static int setup(void **state)
{
    static const uint8_t layer[6] = {SMX_LAYER_GUARD, SMX_LAYER_MIDDLE, SMX_LAYER_MIDDLE,
                                     SMX_LAYER_END,   SMX_LAYER_END,    SMX_LAYER_EXIT};
    struct fixture *f = calloc(1, sizeof *f);

    smx_params_preset(&f->c.params);
    f->c.relay = calloc(6, sizeof *f->c.relay);
    f->c.link = calloc(ROOM, sizeof *f->c.link);
    f->c.relay_count = 6;
    for (uint8_t i = 0; i < 6; i++) {
        f->c.relay[i].id[0] = f->desc[i].id[0] = i;
        f->c.relay[i].layer = layer[i];
        f->at[i] = &f->desc[i];
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

static void report(struct fixture *f, uint8_t by, uint8_t about, uint32_t circuits)
{
    struct smx_relaydesc *d = &f->desc[by];

    d->report[d->report_count].id[0] = about;
    d->report[d->report_count++].circuits = circuits;
}

static uint32_t rate(struct fixture *f, size_t a, size_t b)
{
    assert_int_equal(smx_rates_fill(&f->c, ROOM, f->at), SMX_OK);
    return smx_consensus_link_rate(&f->c, a, b);
}

static void without_reports_every_link_has_the_floor(void **state)
{
    struct fixture *f = *state;

    assert_int_equal(rate(f, 0, 1), 1);
    assert_int_equal(rate(f, 3, 4), 1);
    assert_int_equal(f->c.link_count, 0);
}

static void a_link_gets_its_circuits_plus_half_in_whole_datagrams(void **state)
{
    /* 12 circuits fill a datagram per tick */
    static const uint32_t c[][2] = {
        {8, 1}, {9, 2}, {16, 2}, {17, 3}, {80, 10}, {81, 11}, {10000000, SMX_LINK_RATE_MAX}};

    for (size_t i = 0; i < sizeof c / sizeof c[0]; i++) {
        struct fixture *f = *state;

        f->desc[1].report_count = f->desc[3].report_count = 0;
        report(f, 1, 3, c[i][0]);
        report(f, 3, 1, c[i][0]);
        assert_int_equal(rate(f, 1, 3), c[i][1]);
        assert_int_equal(rate(f, 1, 4), 1);
    }
}

static void the_smaller_report_counts(void **state)
{
    struct fixture *f = *state;

    report(f, 0, 1, 1000000);
    assert_int_equal(rate(f, 0, 1), 1);
    report(f, 1, 0, 80);
    assert_int_equal(rate(f, 0, 1), 10);
}

static void end_links_follow_the_number_of_all_circuits_and_never_joins(void **state)
{
    struct fixture *f = *state;

    report(f, 3, 4, 1000);
    report(f, 4, 3, 1000);
    assert_int_equal(rate(f, 3, 4), 1);
    report(f, 0, 1, 80);
    report(f, 1, 0, 80);
    report(f, 0, 2, 80);
    report(f, 2, 0, 80);
    assert_int_equal(rate(f, 3, 4), 10); /* 160 * 1.5 / 12 / 2 ends */
    assert_int_equal(rate(f, 3, 5), 10);
    assert_int_equal(rate(f, 4, 5), 10);
    assert_int_equal(rate(f, 3, 1), 1);
}

static void reports_about_strangers_and_oneself_count_nothing(void **state)
{
    struct fixture *f = *state;

    report(f, 0, 77, 500);
    report(f, 0, 0, 500);
    report(f, 0, 3, 500); /* not adjacent */
    report(f, 3, 0, 500);
    assert_int_equal(rate(f, 0, 1), 1);
    assert_int_equal(f->c.link_count, 0);
}

static void links_are_in_order_and_stop_where_there_is_no_room(void **state)
{
    struct fixture *f = *state;

    for (uint8_t m = 1; m <= 2; m++) {
        report(f, 0, m, 800);
        report(f, m, 0, 800);
    }
    assert_int_equal(smx_rates_fill(&f->c, ROOM, f->at), SMX_OK);
    assert_int_equal(f->c.link_count, 5); /* 0-1, 0-2, 3-4, 3-5, 4-5 */
    for (size_t i = 1; i < 5; i++)
        assert_true(f->c.link[i - 1].a < f->c.link[i].a ||
                    (f->c.link[i - 1].a == f->c.link[i].a && f->c.link[i - 1].b < f->c.link[i].b));
    assert_int_equal(smx_rates_fill(&f->c, 3, f->at), SMX_OK);
    assert_int_equal(f->c.link_count, 3);
}

#define T(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(without_reports_every_link_has_the_floor),
        T(a_link_gets_its_circuits_plus_half_in_whole_datagrams),
        T(the_smaller_report_counts),
        T(end_links_follow_the_number_of_all_circuits_and_never_joins),
        T(reports_about_strangers_and_oneself_count_nothing),
        T(links_are_in_order_and_stop_where_there_is_no_room),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
