/* Scenarios as text: units, keys, faults, what is refused and how it is said; cities. */
#include "sim/scenario.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <stdio.h>
#include <string.h>

#include "sim/city.h"
#include "sim/units.h"

static void times_shares_and_rates_are_read_exactly(void **state)
{
    static const struct {
        const char *text;
        smx_time time;
    } times[] = {{"20 ms", SMX_MS(20)},        {"1.5s", SMX_MS(1500)},     {"0.001 us", 1},
                 {"2 h", SMX_SECOND(7200)},    {"3 min", SMX_SECOND(180)}, {"0", 0},
                 {"30 d", SMX_SECOND(2592000)}};
    const char *at;
    smx_time t;
    uint32_t share;
    uint64_t rate;

    (void)state;
    for (size_t i = 0; i < sizeof times / sizeof times[0]; i++) {
        at = times[i].text;
        assert_true(smx_units_time(&at, &t));
        assert_int_equal(t, times[i].time);
        assert_int_equal(*at, 0);
    }
    at = "1.5 % and more";
    assert_true(smx_units_share(&at, &share));
    assert_int_equal(share, 15000);
    assert_string_equal(at, "and more");
    at = "0.015";
    assert_true(smx_units_share(&at, &share));
    assert_int_equal(share, 15000);
    at = "2.5 Mbit/s";
    assert_true(smx_units_rate(&at, &rate));
    assert_int_equal(rate, 2500000);
}

static void what_is_no_value_is_not_read_and_moves_nothing(void **state)
{
    static const char *const times[] = {
        "", "20", "ms", "20 mins", "0.5 ns", "-1 s", "99999999999999999999 s", "999999999999 d"};
    static const char *const shares[] = {"", "%", "101 %", "1.1", "0.0000001", "one"};

    (void)state;
    for (size_t i = 0; i < sizeof times / sizeof times[0]; i++) {
        const char *at = times[i];
        smx_time t = 7;

        assert_false(smx_units_time(&at, &t));
        assert_int_equal(t, 7);
        assert_ptr_equal(at, times[i]);
    }
    for (size_t i = 0; i < sizeof shares / sizeof shares[0]; i++) {
        const char *at = shares[i];
        uint32_t share = 7;

        assert_false(smx_units_share(&at, &share));
        assert_int_equal(share, 7);
    }
}

static void every_key_takes_its_preset_and_writes_it_back(void **state)
{
    struct smx_scenario s;
    char value[SMX_SCENARIO_ABOUT], why[SMX_SCENARIO_WHY], allowed[SMX_SCENARIO_WHY];

    (void)state;
    smx_scenario_preset(&s);
    assert_int_equal(smx_scenario_check(&s, why), SMX_OK);
    for (size_t i = 0; i < smx_scenario_key_count; i++) {
        const struct smx_scenario_key *key = &smx_scenario_keys[i];
        struct smx_scenario before = s;

        smx_scenario_allowed(key, allowed);
        assert_true(strlen(allowed) > 0 && strlen(key->what) > 0);
        if (strcmp(key->name, "fault") == 0)
            continue;
        smx_scenario_value(&s, key, value);
        assert_int_equal(smx_scenario_set(&s, key->name, value, why), SMX_OK);
        assert_memory_equal(&s, &before, sizeof s);
        if (strcmp(key->name, "about") == 0 || strcmp(key->name, "attacks") == 0)
            continue;
        assert_int_equal(smx_scenario_set(&s, key->name, "no such value", why), SMX_E_MALFORMED);
        assert_memory_equal(&s, &before, sizeof s);
        assert_non_null(strstr(why, key->name));
    }
}

static void a_text_sets_what_it_says_and_leaves_the_rest(void **state)
{
    struct smx_scenario s;
    char why[SMX_SCENARIO_WHY] = "";
    static const char text[] =
        "# a comment\n\nabout = Two towns.\n relays=12\r\nclients = 40\n"
        "net.loss = 1 %\nparam.epoch_s = 120\nparam.batch_s = 10\ntimetables = adaptive\n"
        "cover = no\nattacks = passive tagging\nattacks = voice\n"
        "fault = crash relay 3 at 20 s for 10 s\nfault = loss 5 % at 1 min";

    (void)state;
    assert_int_equal(smx_scenario_read(&s, text, why), SMX_OK);
    assert_string_equal(s.about, "Two towns.");
    assert_int_equal(s.relays, 12);
    assert_int_equal(s.net.loss, 10000);
    assert_int_equal(s.params.epoch_s, 120);
    assert_int_equal(s.timetables, SMX_TIMETABLES_ADAPTIVE);
    assert_false(s.cover);
    assert_int_equal(s.attacks, 3);
    assert_string_equal(s.attack[2], "voice");
    assert_int_equal(s.faults, 2);
    assert_int_equal(s.fault[0].relay, 3);
    assert_int_equal(s.fault[0].lasts, SMX_SECOND(10));
    assert_int_equal(s.fault[1].share, 50000);
    assert_int_equal(s.fault[1].lasts, 0);
    assert_int_equal(s.duration, SMX_SECOND(60)); /* the preset */
    assert_int_equal(smx_scenario_check(&s, why), SMX_OK);
}

static void what_is_wrong_is_said_with_its_line_and_what_is_allowed(void **state)
{
    static const struct {
        const char *text, *says;
    } bad[] = {
        {"relays = 9\nrelys = 3", "line 2: there is no key \"relys\"; is it relays?"},
        {"param.epok_s = 3", "is it param.epoch_s?"},
        {"relays = many", "a number from 3 to 1000"},
        {"relays = 2", "a number from 3 to 1000"},
        {"cover = perhaps", "yes or no"},
        {"timetables = none", "one of: fixed off adaptive"},
        {"duration = 20", "as 20 ms"},
        {"just a word", "line 1: expected KEY = VALUE"},
        {"param.tick_ms = 1000", "from 5 to 50"},
        {"fault = burn relay 3 at 1 s", "no fault is called \"burn\"; there are crash"},
        {"fault = crash relay 3", "at TIME"},
        {"fault = crash relay 3 at 1 s at 2 s", "once each"},
        {"fault = outage relay 3 at 1 s", "of no relay"},
        {"fault = drop relay 3 at 1 s", "needs a share"},
        {"fault = slow relay 3 at 1 s", "by TIME"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        struct smx_scenario s;
        char why[SMX_SCENARIO_WHY] = "";

        assert_int_equal(smx_scenario_read(&s, bad[i].text, why), SMX_E_MALFORMED);
        if (!strstr(why, bad[i].says))
            print_message("\"%s\" is not in \"%s\"\n", bad[i].says, why);
        assert_non_null(strstr(why, bad[i].says));
    }
}

static void keys_that_do_not_fit_each_other_are_refused(void **state)
{
    static const char *const bad[] = {"clients = 8\ncalls.concurrent = 5",
                                      "clients = 6\ncalls.contacts = 6",
                                      "slots = 3",
                                      "relays = 9\nfault = crash relay 9 at 1 s",
                                      "param.private_addresses = 0",
                                      "param.slot_period_ms = 30",
                                      "relays = 9\nclients = 40"};
    char why[SMX_SCENARIO_WHY];

    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        struct smx_scenario s;

        assert_int_equal(smx_scenario_read(&s, bad[i], why), SMX_OK);
        assert_int_equal(smx_scenario_check(&s, why), SMX_E_MALFORMED);
    }
}

static void a_fault_reads_back_as_it_was_written(void **state)
{
    static const char *const text[] = {"crash relay busy at 30 s for 40 s",
                                       "partition 30 % at 1 min",
                                       "overload 20 % relay any by 50 ms at 0 ns for 5 s",
                                       "slow relay 4 by 3 ms at 1500 ms",
                                       "outage at 10 s for 1 min",
                                       "tag 0.5 % relay 2 at 0 ns"};

    (void)state;
    for (size_t i = 0; i < sizeof text / sizeof text[0]; i++) {
        struct smx_fault f;
        char why[SMX_SCENARIO_WHY], out[SMX_SCENARIO_WHY];

        assert_int_equal(smx_fault_read(&f, text[i], why), SMX_OK);
        smx_fault_write(&f, out);
        assert_string_equal(out, text[i]);
    }
}

static size_t city(const char *name)
{
    size_t i = 0;

    while (strcmp(smx_cities[i].name, name) != 0)
        i++;
    return i;
}

static void cities_are_as_far_apart_as_on_a_globe(void **state)
{
    static const struct {
        const char *a, *b;
        unsigned km; /* great circles, as atlases give them */
    } known[] = {{"London", "New York", 5570},
                 {"Sydney", "Sao Paulo", 13370},
                 {"Tokyo", "San Francisco", 8270},
                 {"Paris", "London", 344}};

    (void)state;
    for (size_t i = 0; i < sizeof known / sizeof known[0]; i++) {
        size_t a = city(known[i].a), b = city(known[i].b);

        assert_in_range((unsigned)smx_city_km(a, b), known[i].km * 99 / 100, known[i].km * 101 / 100);
        assert_int_equal(smx_city_delay(a, b, 1500000), smx_city_delay(b, a, 1500000));
    }
    assert_int_equal(smx_city_delay(3, 3, 1500000), 0);
    /* the header's example: a round trip of 84 ms */
    assert_in_range(2 * smx_city_delay(city("London"), city("New York"), 1500000), SMX_MS(83), SMX_MS(84));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(times_shares_and_rates_are_read_exactly),
        cmocka_unit_test(what_is_no_value_is_not_read_and_moves_nothing),
        cmocka_unit_test(every_key_takes_its_preset_and_writes_it_back),
        cmocka_unit_test(a_text_sets_what_it_says_and_leaves_the_rest),
        cmocka_unit_test(what_is_wrong_is_said_with_its_line_and_what_is_allowed),
        cmocka_unit_test(keys_that_do_not_fit_each_other_are_refused),
        cmocka_unit_test(a_fault_reads_back_as_it_was_written),
        cmocka_unit_test(cities_are_as_far_apart_as_on_a_globe),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
