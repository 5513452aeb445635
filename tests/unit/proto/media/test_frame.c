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

static void the_vectors_of_opus_hold(void **state)
{
    static const char *const names[] = {"frame0", "frame1", "frame2"};
    struct smx_vec v;
    size_t count = 0;

    (void)state;
    smx_vec_open(&v, "tests/vectors/record.txt");
    while (smx_vec_next(&v)) {
        struct smx_opus_cell f = {.number = 77}, g;
        uint8_t again[SMX_FRAME_CELL + 1];
        const uint8_t *wire, *want;
        size_t len, want_len;

        if (!smx_vec_has(&v, "opus"))
            continue;
        count++;
        wire = smx_vec_bytes(&v, "opus", &len);
        if (!smx_vec_is(&v, "result", "ok")) {
            assert_int_equal(smx_opus_decode(&f, wire, len), SMX_E_MALFORMED);
            assert_int_equal(f.number, 77);
            continue;
        }
        assert_int_equal(smx_opus_decode(&f, wire, len), SMX_OK);
        assert_int_equal(f.number, smx_vec_int(&v, "number"));
        assert_int_equal(f.count, smx_vec_int(&v, "count"));
        for (size_t i = 0; i < f.count; i++) {
            want = smx_vec_bytes(&v, names[i], &want_len);
            assert_int_equal(f.len[i], want_len);
            assert_memory_equal(f.frame[i], want, want_len);
        }
        want = smx_vec_bytes(&v, "piece", &want_len);
        assert_int_equal(f.piece_len, want_len);
        assert_memory_equal(f.piece, want, want_len);
        assert_int_equal(smx_opus_encode(again, &f), len);
        assert_memory_equal(again, wire, len);
        for (size_t cut = 0; cut + f.piece_len < len; cut++)
            assert_int_equal(smx_opus_decode(&g, wire, cut), SMX_E_MALFORMED);
    }
    assert_true(count >= 11);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_vectors_hold),
        cmocka_unit_test(the_vectors_of_opus_hold),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
