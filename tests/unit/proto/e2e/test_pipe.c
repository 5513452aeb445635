#include "proto/e2e/pipe.h"

#include "tests/support/vectors.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

struct fixture {
    struct smx_pipe a, b;
    struct smx_pipe_msg m;
    uint8_t cell[SMX_PIPE_CELL];
};

static int setup(void **state)
{
    static struct fixture f;
    struct smx_meet_keys keys = {.side = SMX_MEET_CALLER, .to_callee = {1}, .to_caller = {2}};

    smx_pipe_init(&f.a, &keys);
    keys.side = SMX_MEET_CALLEE;
    smx_pipe_init(&f.b, &keys);
    *state = &f;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *f = *state;

    smx_pipe_fini(&f->a);
    smx_pipe_fini(&f->b);
    return 0;
}

static void cells_pass_both_ways(void **state)
{
    struct fixture *f = *state;

    smx_pipe_seal(&f->a, f->cell, SMX_PIPE_STREAM, "there", 5);
    assert_int_equal(smx_pipe_open(&f->b, f->cell, &f->m), SMX_OK);
    assert_int_equal(f->m.type, SMX_PIPE_STREAM);
    assert_int_equal(f->m.len, 5);
    assert_memory_equal(f->m.content, "there", 5);
    smx_pipe_seal(&f->b, f->cell, SMX_PIPE_IDLE, NULL, 0);
    assert_int_equal(smx_pipe_open(&f->a, f->cell, &f->m), SMX_OK);
    assert_int_equal(f->m.type, SMX_PIPE_IDLE);
}

static void equal_contents_make_unequal_cells(void **state)
{
    struct fixture *f = *state;
    uint8_t first[SMX_PIPE_CELL];

    smx_pipe_seal(&f->a, first, SMX_PIPE_IDLE, NULL, 0);
    smx_pipe_seal(&f->a, f->cell, SMX_PIPE_IDLE, NULL, 0);
    assert_memory_not_equal(first, f->cell, sizeof first);
}

static void a_cell_sent_back_is_not_the_peers(void **state)
{
    struct fixture *f = *state;

    smx_pipe_seal(&f->a, f->cell, SMX_PIPE_IDLE, NULL, 0);
    assert_int_equal(smx_pipe_open(&f->a, f->cell, &f->m), SMX_E_AUTH);
}

static void a_repeated_cell_is_refused_and_an_overtaken_one_is_not(void **state)
{
    struct fixture *f = *state;
    uint8_t cells[SMX_PIPE_WINDOW + 2][SMX_PIPE_CELL], copy[SMX_PIPE_CELL];
    size_t last = SMX_PIPE_WINDOW + 1;

    for (size_t i = 0; i <= last; i++)
        smx_pipe_seal(&f->a, cells[i], SMX_PIPE_IDLE, NULL, 0);
    memcpy(copy, cells[last], sizeof copy);
    assert_int_equal(smx_pipe_open(&f->b, cells[last], &f->m), SMX_OK);
    assert_int_equal(smx_pipe_open(&f->b, copy, &f->m), SMX_E_REPLAY);
    memcpy(copy, cells[2], sizeof copy);
    assert_int_equal(smx_pipe_open(&f->b, cells[2], &f->m), SMX_OK);
    assert_int_equal(smx_pipe_open(&f->b, copy, &f->m), SMX_E_REPLAY);
    assert_int_equal(smx_pipe_open(&f->b, cells[1], &f->m), SMX_E_REPLAY); /* too old to tell */
}

static void every_altered_bit_makes_noise(void **state)
{
    struct fixture *f = *state;
    uint8_t cell[SMX_PIPE_CELL];

    smx_pipe_seal(&f->a, f->cell, SMX_PIPE_STREAM, "x", 1);
    for (size_t bit = 0; bit < SMX_PIPE_CELL * 8; bit++) {
        memcpy(cell, f->cell, sizeof cell);
        cell[bit / 8] ^= (uint8_t)(1 << bit % 8);
        assert_int_equal(smx_pipe_open(&f->b, cell, &f->m), SMX_E_AUTH);
    }
    assert_int_equal(smx_pipe_open(&f->b, f->cell, &f->m), SMX_OK);
}

/* A session of which both directions have this key: either side reads what a vector says. */
static void session_of(struct smx_pipe *s, const uint8_t *key, enum smx_meet_side side)
{
    struct smx_meet_keys keys = {.side = side};

    memcpy(keys.to_callee, key, SMX_KEY);
    memcpy(keys.to_caller, key, SMX_KEY);
    smx_pipe_init(s, &keys);
}

static void the_vectors_hold(void **state)
{
    struct smx_vec v;
    size_t count = 0;

    (void)state;
    smx_vec_open(&v, "tests/vectors/meet.txt");
    while (smx_vec_next(&v)) {
        enum smx_meet_side sender;
        struct smx_pipe from, to;
        struct smx_pipe_msg m;
        uint8_t cell[SMX_PIPE_CELL];
        const uint8_t *content;
        size_t len;

        if (!smx_vec_has(&v, "cell"))
            continue; /* test_meet.c */
        count++;
        sender = (enum smx_meet_side)smx_vec_int(&v, "direction");
        session_of(&from, smx_vec_fixed(&v, "key", SMX_KEY), sender);
        session_of(&to, smx_vec_fixed(&v, "key", SMX_KEY), sender ? SMX_MEET_CALLER : SMX_MEET_CALLEE);
        memcpy(cell, smx_vec_fixed(&v, "cell", sizeof cell), sizeof cell);
        if (smx_vec_is(&v, "result", "ok")) {
            content = smx_vec_bytes(&v, "content", &len);
            assert_int_equal(smx_pipe_open(&to, cell, &m), SMX_OK);
            assert_int_equal(m.type, smx_vec_int(&v, "type"));
            assert_int_equal(m.len, len);
            assert_memory_equal(m.content, content, len);
            assert_memory_equal(cell, smx_vec_fixed(&v, "plain", sizeof cell), sizeof cell);
            from.sent = smx_vec_int(&v, "counter") - 1;
            smx_pipe_seal(&from, cell, (enum smx_pipe_type)m.type, content, len);
            assert_memory_equal(cell, smx_vec_fixed(&v, "cell", sizeof cell), sizeof cell);
        } else {
            assert_int_equal(smx_pipe_open(&to, cell, &m),
                             smx_vec_is(&v, "result", "auth") ? SMX_E_AUTH : SMX_E_MALFORMED);
        }
        smx_pipe_fini(&from);
        smx_pipe_fini(&to);
    }
    assert_true(count >= 12);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(cells_pass_both_ways, setup, teardown),
        cmocka_unit_test_setup_teardown(equal_contents_make_unequal_cells, setup, teardown),
        cmocka_unit_test_setup_teardown(a_cell_sent_back_is_not_the_peers, setup, teardown),
        cmocka_unit_test_setup_teardown(a_repeated_cell_is_refused_and_an_overtaken_one_is_not, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(every_altered_bit_makes_noise, setup, teardown),
        cmocka_unit_test(the_vectors_hold),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
