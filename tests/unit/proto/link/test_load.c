/* Limits on public-key work, and the memory of ephemeral keys. */
#include "proto/link/link.h"
#include "proto/link/load.h"
#include "proto/link/seen.h"
#include "proto/link/wire.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>
#include <cmocka.h>

struct fixture {
    struct smx_load l;
    struct smx_rng rng;
    smx_time now;
    struct smx_addr from;
    uint8_t init[SMX_LINK_DATAGRAM(3)];
};

static const uint8_t mac1_key[SMX_KEY] = {4};

static void start(struct fixture *f, uint32_t rate)
{
    static const uint8_t seed[SMX_RNG_SEED] = {8};
    static const uint8_t msg1[SMX_WIRE_MSG1] = {1};

    memset(f, 0, sizeof *f);
    smx_rng_init(&f->rng, seed);
    smx_load_init(&f->l, rate, &f->rng);
    f->now = SMX_SECOND(50);
    assert_int_equal(smx_addr_parse(&f->from, "192.0.2.5:77"), SMX_OK);
    smx_wire_init_write(f->init, 3, 1, msg1, 0, &f->rng);
    smx_wire_macs_write(f->init, sizeof f->init, mac1_key, NULL);
}

static enum smx_load_verdict ask(struct fixture *f)
{
    return smx_load_init_verdict(&f->l, f->now, &f->from, f->init, sizeof f->init, &f->rng);
}

static void get_cookie(struct fixture *f)
{
    uint8_t cookie[SMX_MAC16];

    smx_load_cookie(&f->l, f->now, &f->from, cookie, &f->rng);
    smx_wire_macs_write(f->init, sizeof f->init, mac1_key, cookie);
}

static void so_many_a_second_are_free_and_the_rest_need_a_cookie(void **state)
{
    struct fixture f;
    int free = 0;

    (void)state;
    start(&f, 50);
    for (int i = 0; i < 3000; i++, f.now += SMX_MS(1))
        free += ask(&f) == SMX_LOAD_GO;
    assert_in_range(free, 199, 201); /* a second's worth at once, then 50 in each of three seconds */
}

static void a_cookie_is_good_for_its_address_and_two_to_four_minutes(void **state)
{
    static const struct {
        unsigned after_s;
        enum smx_load_verdict verdict;
    } age[] = {{0, SMX_LOAD_GO}, {119, SMX_LOAD_GO}, {125, SMX_LOAD_GO}, {241, SMX_LOAD_COOKIE}};
    struct fixture f;

    (void)state;
    for (size_t i = 0; i < sizeof age / sizeof *age; i++) {
        start(&f, 1);
        get_cookie(&f);
        for (unsigned s = 0; s < age[i].after_s; s++, f.now += SMX_SECOND(1))
            ask(&f);
        ask(&f); /* the one that is free this second */
        assert_int_equal(ask(&f), age[i].verdict);
        f.from.port++;
        assert_int_equal(ask(&f), SMX_LOAD_COOKIE);
    }
}

static void one_source_can_not_use_up_what_is_there_for_all(void **state)
{
    struct fixture f;
    int work = 0;

    (void)state;
    start(&f, 100);
    for (int i = 0; i < 100; i++)
        assert_int_equal(ask(&f), SMX_LOAD_GO);
    for (int i = 0; i < 100; i++) {
        f.from.port = (uint16_t)(1000 + i); /* another port is no other source */
        get_cookie(&f);
        work += ask(&f) == SMX_LOAD_GO;
    }
    assert_int_equal(work, SMX_LOAD_PER_SOURCE);
    for (uint8_t i = 0; i < 10; i++) { /* others still get in */
        f.from.ip[14] = (uint8_t)(i + 100);
        get_cookie(&f);
        work += ask(&f) == SMX_LOAD_GO;
    }
    assert_int_equal(work, SMX_LOAD_PER_SOURCE + 10);
}

static void even_with_cookies_the_total_is_bounded(void **state)
{
    struct fixture f;
    int work = 0;

    (void)state;
    start(&f, 100);
    for (int i = 0; i < 5000; i++, f.now += SMX_US(200)) {
        f.from.ip[13] = (uint8_t)(i >> 8);
        f.from.ip[14] = (uint8_t)i;
        get_cookie(&f);
        work += ask(&f) == SMX_LOAD_GO;
    }
    assert_in_range(work, 900, 1000); /* one second: twice 100 free, twice 400 proven, less the collisions */
}

/* So many sources, each sending all that one may, none of them working; one more asks each second, and works.
 * Returns in how many of its 60 seconds it got in. */
static int seconds_in(uint32_t demand_rate, int sources)
{
    struct fixture f;
    int in = 0;

    start(&f, 25); /* 100 with cookies */
    f.l.demand.rate = demand_rate;
    for (int s = 0; s < 60; s++) {
        uint8_t cookie[SMX_MAC16];
        uint64_t nonce = 0;

        for (int k = 0; k < SMX_LOAD_PER_SOURCE; k++)
            for (int i = 0; i < sources; i++, f.now += SMX_SECOND(1) / sources / SMX_LOAD_PER_SOURCE) {
                f.from.ip[13] = (uint8_t)(1 + (i >> 8));
                f.from.ip[14] = (uint8_t)i;
                get_cookie(&f);
                ask(&f);
                if (i != s * 13 % sources || k != 4)
                    continue;
                f.from.ip[13] = 0; /* the honest one */
                smx_load_cookie(&f.l, f.now, &f.from, cookie, &f.rng);
                while (smx_load_work_bits(&f.l, f.now) > 0 &&
                       !smx_wire_work_search(f.init + SMX_LINK_HEAD + 4, cookie,
                                             smx_load_work_bits(&f.l, f.now), &nonce))
                    ;
                smx_wire_init_write(f.init, 3, 1, f.init + SMX_LINK_HEAD + 4, nonce, &f.rng);
                get_cookie(&f);
                in += ask(&f) <= SMX_LOAD_PAID;
            }
    }
    return in;
}

static void work_gets_one_in_where_many_sources_ask_and_without_it_one_would_not(void **state)
{
    (void)state;
    assert_true(seconds_in(100, 500) >= 45);        /* 4000 a second ask; one may share another's allowance */
    assert_true(seconds_in(UINT32_MAX, 500) <= 10); /* the control: nothing is ever demanded */
}

static void an_ephemeral_key_counts_once(void **state)
{
    static const uint8_t seed[SMX_RNG_SEED] = {8};
    struct smx_rng rng;
    struct smx_seen s;
    uint8_t keys[100][32];
    smx_time now = SMX_SECOND(10000);

    (void)state;
    smx_rng_init(&rng, seed);
    assert_int_equal(smx_seen_new(&s, 100, &rng), SMX_OK);
    smx_rng_bytes(&rng, keys, sizeof keys);
    for (int i = 0; i < 100; i++)
        assert_true(smx_seen_add(&s, now, keys[i]));
    for (unsigned wait = 0; wait < 240; wait += 40)
        for (int i = 0; i < 100; i++)
            assert_false(smx_seen_add(&s, now + SMX_SECOND(wait), keys[i]));
    assert_true(smx_seen_add(&s, now + SMX_SECOND(481), keys[5])); /* bounded in time */
    smx_seen_free(&s);
}

static void a_flood_of_keys_pushes_out_only_the_oldest(void **state)
{
    static const uint8_t seed[SMX_RNG_SEED] = {8};
    struct smx_rng rng;
    struct smx_seen s;
    uint8_t key[32], last[64][32];

    (void)state;
    smx_rng_init(&rng, seed);
    assert_int_equal(smx_seen_new(&s, 64, &rng), SMX_OK);
    for (int i = 0; i < 10000; i++) {
        smx_rng_bytes(&rng, key, sizeof key);
        memcpy(last[i % 64], key, sizeof key);
        assert_true(smx_seen_add(&s, SMX_SECOND(1), key));
    }
    for (int i = 0; i < 64; i++)
        assert_false(smx_seen_add(&s, SMX_SECOND(2), last[i]));
    smx_seen_free(&s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(so_many_a_second_are_free_and_the_rest_need_a_cookie),
        cmocka_unit_test(a_cookie_is_good_for_its_address_and_two_to_four_minutes),
        cmocka_unit_test(one_source_can_not_use_up_what_is_there_for_all),
        cmocka_unit_test(even_with_cookies_the_total_is_bounded),
        cmocka_unit_test(work_gets_one_in_where_many_sources_ask_and_without_it_one_would_not),
        cmocka_unit_test(an_ephemeral_key_counts_once),
        cmocka_unit_test(a_flood_of_keys_pushes_out_only_the_oldest),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
