#include "proto/media/frame.h"

#include "tests/support/vectors.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

static void the_vectors_hold(void **state)
{
    struct smx_vec v;
    size_t count = 0;

    (void)state;
    smx_vec_open(&v, "tests/vectors/record.txt");
    while (smx_vec_next(&v)) {
        struct smx_frame_cell f;
        uint8_t again[SMX_FRAME_CELL];
        const uint8_t *wire, *piece;
        size_t len, piece_len;

        if (!smx_vec_has(&v, "frame"))
            continue; /* tests/unit/proto/e2e/test_record.c */
        count++;
        wire = smx_vec_bytes(&v, "frame", &len);
        if (!smx_vec_is(&v, "result", "ok")) {
            assert_int_equal(smx_frame_decode(&f, wire, len), SMX_E_MALFORMED);
            continue;
        }
        assert_int_equal(smx_frame_decode(&f, wire, len), SMX_OK);
        piece = smx_vec_bytes(&v, "piece", &piece_len);
        assert_int_equal(f.number, smx_vec_int(&v, "number"));
        assert_memory_equal(f.samples, smx_vec_fixed(&v, "samples", SMX_FRAME_PAYLOAD), SMX_FRAME_PAYLOAD);
        assert_int_equal(f.piece_len, piece_len);
        assert_memory_equal(f.piece, piece, piece_len);
        assert_int_equal(smx_frame_encode(again, &f), len);
        assert_memory_equal(again, wire, len);
    }
    assert_true(count >= 5);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_vectors_hold),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
