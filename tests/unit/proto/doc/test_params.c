#include "proto/doc/params.h"
#include "tests/unit/proto/doc/fixture.h"

#include <stdio.h>

static void presets_keep_their_own_rules(void **state)
{
    struct smx_params p;
    const char *why = "";

    (void)state;
    smx_params_preset(&p);
    assert_int_equal(smx_params_check(&p, &why), SMX_OK);
    assert_null(why);
    assert_int_equal(p.tick_ms, 10);
    assert_int_equal(p.listen_period_ms, 40);
    assert_int_equal(p.epoch_s, 3600);
}

static void each_range_ends_where_the_table_says(void **state)
{
    (void)state;
    for (size_t i = 0; i < smx_param_count; i++) {
        const struct smx_param_def *def = &smx_param_table[i];
        struct smx_params p;

        smx_params_preset(&p);
        assert_ptr_equal(smx_param_find(def->name), def);
        assert_true(def->min <= def->preset && def->preset <= def->max);
        assert_int_equal(smx_param_get(&p, def), def->preset);
        assert_int_equal(smx_param_set(&p, def, def->max), SMX_OK);
        assert_int_equal(smx_param_get(&p, def), def->max);
        assert_int_equal(smx_param_set(&p, def, (uint64_t)def->max + 1), SMX_E_MALFORMED);
        assert_int_equal(smx_param_get(&p, def), def->max);
        assert_int_equal(smx_param_set(&p, def, def->min), SMX_OK);
        if (def->min > 0)
            assert_int_equal(smx_param_set(&p, def, def->min - 1), SMX_E_MALFORMED);
    }
    assert_null(smx_param_find("tick"));
}

static void rules_between_parameters_are_named_when_broken(void **state)
{
    static const struct {
        const char *name;
        uint32_t value;
    } broken[] = {{"tick_ms", 15}, {"listen_period_ms", 60}, {"margin_min_us", 6000}, {"epoch_s", 200}};

    (void)state;
    for (size_t i = 0; i < sizeof broken / sizeof broken[0]; i++) {
        struct smx_params p;
        const char *why = NULL;

        smx_params_preset(&p);
        assert_int_equal(smx_param_set(&p, smx_param_find(broken[i].name), broken[i].value), SMX_OK);
        assert_int_equal(smx_params_check(&p, &why), SMX_E_MALFORMED);
        assert_non_null(strstr(why, broken[i].name));
    }
}

/* The table in the documentation has a row "| `name` | preset | min | max |" for every parameter. */
static void the_documentation_says_what_the_table_says(void **state)
{
    static char text[256 << 10];
    FILE *f = fopen("docs/protocol/60-directory.md", "r");

    (void)state;
    assert_non_null(f);
    text[fread(text, 1, sizeof text - 1, f)] = 0;
    fclose(f);
    for (size_t i = 0; i < smx_param_count; i++) {
        const struct smx_param_def *def = &smx_param_table[i];
        char row[128];

        snprintf(row, sizeof row, "| `%s` | %u | %u | %u |", def->name, def->preset, def->min, def->max);
        if (!strstr(text, row))
            fail_msg("docs/protocol/60-directory.md has no row: %s", row);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(presets_keep_their_own_rules),
        cmocka_unit_test(each_range_ends_where_the_table_says),
        cmocka_unit_test(rules_between_parameters_are_named_when_broken),
        cmocka_unit_test(the_documentation_says_what_the_table_says),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
