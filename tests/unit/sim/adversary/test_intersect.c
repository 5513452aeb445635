/* Who is on line when something happens: found among users who come and go, never among those who stay. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <math.h>
#include <sodium.h>
#include <stdlib.h>
#include <string.h>

#include "sim/adversary/intersect.h"
#include "sim/result.h"

enum { TARGETS = 40 };

static const struct smx_intersect_config stay = {.users = 64,
                                                 .always = 1,
                                                 .target_stays = true,
                                                 .online_h = 3,
                                                 .offline_h = 6,
                                                 .poll_h = 1,
                                                 .calls_day = 2,
                                                 .others_day = 4,
                                                 .attach_s = 5,
                                                 .days = 30};

struct sum {
    unsigned found;
    double rounds, left; /* means */
    double most;
};

static struct sum ask(enum smx_intersect_question question, const struct smx_intersect_config *config)
{
    uint8_t seed[SMX_RNG_SEED] = "intersect";
    struct smx_rng rng;
    struct sum sum = {0};

    seed[20] = (uint8_t)question;
    smx_rng_init(&rng, seed);
    for (unsigned i = 0; i < TARGETS; i++) {
        struct smx_intersect_answer a;

        smx_intersect_run(&a, question, config, &rng);
        sum.found += a.found;
        sum.rounds += (double)a.rounds / TARGETS;
        sum.left += (double)a.left / TARGETS;
        sum.most = fmax(sum.most, a.rounds);
    }
    smx_rng_fini(&rng);
    return sum;
}

static void who_stays_among_those_who_stay_is_not_found(void **state)
{
    (void)state;
    for (int q = 0; q < SMX_INTERSECT_QUESTIONS; q++) {
        struct sum s = ask((enum smx_intersect_question)q, &stay);

        assert_int_equal(s.found, 0);
        assert_int_equal(lround(s.left * 1000), 64000);
    }
}

static void who_comes_and_goes_is_found_within_days(void **state)
{
    struct smx_intersect_config churn = stay;
    struct sum s;

    (void)state;
    churn.always = 0;
    churn.target_stays = false;
    s = ask(SMX_ASK_PARTNER, &churn); /* a third is on line: log 64 / log 3 = 3.8 rounds at the least */
    assert_int_equal(s.found, TARGETS);
    assert_true(s.rounds > 3.8 && s.rounds < 12);
    s = ask(SMX_ASK_HOLDER, &churn);
    assert_int_equal(s.found, TARGETS);
    s = ask(SMX_ASK_ATTACHING, &churn); /* within 20 s hardly anybody else comes */
    assert_int_equal(s.found, TARGETS);
    assert_true(s.rounds < 1.5);
    s = ask(SMX_ASK_CONTACT, &churn);
    assert_true(s.found > TARGETS / 2);
}

static void among_those_who_go_the_ones_who_stay_hide_one_another(void **state)
{
    struct smx_intersect_config mixed = stay;
    struct sum s;

    (void)state;
    mixed.always = 0.25;
    s = ask(SMX_ASK_PARTNER, &mixed);
    assert_int_equal(s.found, 0);
    assert_true(s.left >= 16 && s.left < 17);
    mixed.always = 0; /* he is the only one */
    s = ask(SMX_ASK_PARTNER, &mixed);
    assert_true(s.found > TARGETS * 9 / 10);
}

static void the_same_seed_gives_the_same_answer(void **state)
{
    struct smx_intersect_config churn = stay;
    struct sum a, b;

    (void)state;
    churn.always = 0.5;
    churn.target_stays = false;
    a = ask(SMX_ASK_CONTACT, &churn);
    b = ask(SMX_ASK_CONTACT, &churn);
    assert_memory_equal(&a, &b, sizeof a);
}

static void the_attack_is_at_chance_unless_users_go(void **state)
{
    (void)state;
    for (const char *const *arm = smx_attack_intersect.arms; *arm; arm++) {
        struct smx_attack_result r;
        double chance, share;

        memset(&r, 0, sizeof r);
        smx_attack_intersect.alone(NULL, 7, *arm, &r);
        chance = smx_attack_chance(&r);
        share = (double)r.successes / (double)r.trials;
        assert_true(r.trials > 0);
        if (r.is_control)
            assert_true(share > 0.9);
        else if (strcmp(*arm, SMX_ARM_ON) == 0)
            assert_true(fabs(share - chance) < 4 * sqrt(chance / (double)r.trials));
        smx_attack_result_fini(&r);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(who_stays_among_those_who_stay_is_not_found),
        cmocka_unit_test(who_comes_and_goes_is_found_within_days),
        cmocka_unit_test(among_those_who_go_the_ones_who_stay_hide_one_another),
        cmocka_unit_test(the_same_seed_gives_the_same_answer),
        cmocka_unit_test(the_attack_is_at_chance_unless_users_go),
    };

    if (sodium_init() < 0)
        return 1;
    return cmocka_run_group_tests_name("sim/adversary/intersect", tests, NULL, NULL);
}
