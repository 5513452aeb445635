#include "sim/result.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "proto/base/rng.h"

static void fill(struct smx_result *r, uint64_t seed)
{
    uint8_t bytes[SMX_RNG_SEED] = {(uint8_t)seed};
    struct smx_attack_result *a;
    struct smx_rng rng;

    smx_rng_init(&rng, bytes);
    smx_result_seed(r, seed);
    r->virtual_ns = SMX_SECOND(60);
    r->clients = 200;
    r->tally[SMX_T_CALLS_PLACED] = 10 + seed;
    for (int i = 0; i < 1000; i++)
        smx_spread_add(&r->measure[SMX_M_LATENCY], 100000 + smx_rng_exp(&rng, 20000));
    smx_result_traffic(r, SMX_ROLE_CLIENT, SMX_SECOND(60), 3000 * 700, 3000, 3000 * 700, 3000);
    smx_figures_add(&r->figures, "zulu", 0.1 * (double)seed, "s", "a figure");
    smx_figures_add(&r->figures, "alpha", 1.0 / 3, "", "another: \"quoted\" \xe2\x89\xa4");
    a = smx_result_attack(r, "passive/rates", "on");
    strcpy(a->says, "the called one is found among all");
    for (int i = 0; i < 100; i++)
        smx_attack_trial(a, smx_rng_below(&rng, 100) == 0, 1.0 / (99 + (double)seed));
    for (int i = 0; i < 9000; i++)
        smx_scores_add(i % 100 == 0 ? &a->scores_true : &a->scores_false,
                       (double)smx_rng_u32(&rng) / 4e9 - 0.5);
    smx_attack_set(a, (double[]){1, 1, 1, 1}, 4);
    smx_result_attack(r, "passive/rates", "off")->is_control = true;
}

static struct smx_result *run(uint64_t seed)
{
    struct smx_result *r = smx_result_new("smoke", "relays = 9\n", "0.1.0");

    fill(r, seed);
    return r;
}

static char *text_of(struct smx_result *r)
{
    json_t *json = smx_result_to_json(r);
    char *text = smx_json_pretty(json);

    assert_non_null(text);
    json_decref(json);
    return text;
}

/* As from a process of its own. */
static struct smx_result *through_json(struct smx_result *r)
{
    char *text = text_of(r);
    json_t *json = json_loads(text, 0, NULL);
    struct smx_result *again;

    assert_non_null(json);
    assert_int_equal(smx_result_from_json(&again, json), SMX_OK);
    json_decref(json);
    free(text);
    smx_result_free(r);
    return again;
}

static void what_is_read_back_gives_the_same_bytes(void **state)
{
    struct smx_result *r = run(1);
    char *before = text_of(r), *after;

    (void)state;
    r = through_json(r);
    after = text_of(r);
    assert_string_equal(before, after);
    free(before);
    free(after);
    smx_result_free(r);
}

static void pooling_over_processes_or_in_one_gives_the_same_bytes(void **state)
{
    struct smx_result *near = run(1), *far = through_json(run(1));
    char *one, *two;

    (void)state;
    for (uint64_t seed = 2; seed <= 4; seed++) {
        struct smx_result *direct = run(seed), *sent = through_json(run(seed));

        assert_int_equal(smx_result_merge(near, direct), SMX_OK);
        assert_int_equal(smx_result_merge(far, sent), SMX_OK);
        smx_result_free(direct);
        smx_result_free(sent);
    }
    one = text_of(near);
    two = text_of(far);
    assert_string_equal(one, two);
    assert_int_equal(near->seeds, 4);
    assert_int_equal(near->seed[2], 3);
    assert_int_equal(near->tally[SMX_T_CALLS_PLACED], 50);
    assert_int_equal(near->measure[SMX_M_LATENCY].count, 4000);
    assert_int_equal(near->attack[0].trials, 400);
    assert_int_equal(near->attack[0].scores_false.count, 4 * 8910);
    assert_int_equal(near->clients, 200);
    free(one);
    free(two);
    smx_result_free(near);
    smx_result_free(far);
}

static void runs_of_different_scenarios_are_not_pooled(void **state)
{
    struct smx_result *r = run(1), *name = smx_result_new("other", "relays = 9\n", "0.1.0");
    struct smx_result *text = smx_result_new("smoke", "relays = 10\n", "0.1.0");
    struct smx_result *version = smx_result_new("smoke", "relays = 9\n", "0.1.1");

    (void)state;
    assert_int_equal(smx_result_merge(r, name), SMX_E_STATE);
    assert_int_equal(smx_result_merge(r, text), SMX_E_STATE);
    assert_int_equal(smx_result_merge(r, version), SMX_E_STATE);
    assert_int_equal(r->seeds, 1);
    smx_result_free(r);
    smx_result_free(name);
    smx_result_free(text);
    smx_result_free(version);
}

static void a_node_pays_for_the_heads_of_its_datagrams(void **state)
{
    struct smx_result *r = run(1);

    (void)state;
    assert_int_equal(r->traffic[SMX_ROLE_CLIENT].bytes_out, 3000 * 728);
    assert_int_equal(r->traffic[SMX_ROLE_CLIENT].out.least, 3000 * 728 * 8 / 60);
    smx_result_free(r);
}

static void figures_keep_their_order_and_range(void **state)
{
    struct smx_figures f = {0};
    const struct smx_figure *b;

    (void)state;
    smx_figures_add(&f, "b", 3, "ms", "");
    smx_figures_add(&f, "a", 1, "ms", "");
    smx_figures_add(&f, "b", 1, "ms", "");
    smx_figures_add(&f, "b", 2, "ms", "");
    assert_string_equal(f.list[0].name, "a");
    b = smx_figures_find(&f, "b");
    assert_true(b->sum == 6 && b->count == 3 && b->least == 1 && b->most == 3);
    assert_null(smx_figures_find(&f, "c"));
    free(f.list);
}

/* Each member of the JSON (what is derived aside) taken away or given another type is refused. */
static void what_is_not_a_result_is_refused(void **state)
{
    struct smx_result *r = run(1), *got;
    json_t *json = smx_result_to_json(r);
    const char *name;
    json_t *value;
    unsigned tried = 0;

    (void)state;
    json_object_foreach(json, name, value)
    {
        json_t *without = json_deep_copy(json), *other = json_deep_copy(json);

        json_object_del(without, name);
        json_object_set_new(other, name, json_true());
        assert_int_equal(smx_result_from_json(&got, other), SMX_E_MALFORMED);
        assert_null(got);
        assert_int_equal(smx_result_from_json(&got, without), SMX_E_MALFORMED);
        json_decref(without);
        json_decref(other);
        tried++;
    }
    assert_true(tried >= 14);
    value = json_object_get(json_array_get(json_object_get(json, "attacks"), 0), "scores_true");
    json_array_append_new(json_object_get(value, "list"), json_real(1));
    assert_int_equal(smx_result_from_json(&got, json), SMX_E_MALFORMED);
    json_decref(json);
    smx_result_free(r);
}

static void numbers_have_as_few_digits_as_read_back_the_same(void **state)
{
    json_t *json = json_pack("{s:f, s:f, s:I, s:[f,n], s:[{}]}", "b", 0.1, "a", 1.0 / 3, "c",
                             (json_int_t)INT64_MAX, "d", 1e-300, "e");
    char *text = smx_json_pretty(json);

    (void)state;
    assert_string_equal(text, "{\n  \"a\": 0.3333333333333333,\n  \"b\": 0.1,\n"
                              "  \"c\": 9223372036854775807,\n  \"d\": [1e-300, null],\n"
                              "  \"e\": [\n    {}\n  ]\n}\n");
    free(text);
    json_decref(json);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_read_back_gives_the_same_bytes),
        cmocka_unit_test(pooling_over_processes_or_in_one_gives_the_same_bytes),
        cmocka_unit_test(runs_of_different_scenarios_are_not_pooled),
        cmocka_unit_test(a_node_pays_for_the_heads_of_its_datagrams),
        cmocka_unit_test(figures_keep_their_order_and_range),
        cmocka_unit_test(what_is_not_a_result_is_refused),
        cmocka_unit_test(numbers_have_as_few_digits_as_read_back_the_same),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
