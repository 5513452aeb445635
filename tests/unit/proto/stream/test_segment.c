#include "proto/stream/segment.h"

#include "tests/support/vectors.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

static void check_good(struct smx_vec *v, const uint8_t *wire, size_t len)
{
    struct smx_segment seg;
    uint8_t again[512];
    size_t part, size;

    assert_int_equal(smx_segment_decode(&seg, wire, len), SMX_OK);
    assert_int_equal(seg.has_ack, smx_vec_has(v, "next"));
    assert_int_equal(seg.has_data, smx_vec_has(v, "offset"));
    if (seg.has_ack) {
        const uint8_t *ranges = smx_vec_bytes(v, "ranges", &part);

        assert_int_equal(seg.next, smx_vec_int(v, "next"));
        assert_int_equal(seg.window, smx_vec_int(v, "window"));
        assert_int_equal(seg.range_count * 4, part);
        for (size_t i = 0; i < seg.range_count; i++) {
            assert_int_equal(seg.range[i].start, ranges[4 * i] << 8 | ranges[4 * i + 1]);
            assert_int_equal(seg.range[i].len, ranges[4 * i + 2] << 8 | ranges[4 * i + 3]);
        }
    }
    if (seg.has_data) {
        const uint8_t *data = smx_vec_bytes(v, "data", &part);

        assert_int_equal(seg.offset, smx_vec_int(v, "offset"));
        assert_int_equal(seg.data_len, part);
        assert_memory_equal(seg.data, data, part);
    }
    size = smx_segment_encode(again, sizeof again, &seg);
    assert_true(size <= len);
    assert_memory_equal(again, wire, size);
    for (size_t cut = 0; cut < size; cut++)
        assert_int_equal(smx_segment_decode(&seg, wire, cut), SMX_E_MALFORMED);
    memcpy(again, wire, len);
    again[len] = 1;
    assert_int_equal(smx_segment_decode(&seg, again, len + 1), SMX_E_MALFORMED);
}

static void the_vectors_hold(void **state)
{
    struct smx_vec v;
    size_t count = 0;

    (void)state;
    smx_vec_open(&v, "tests/vectors/stream.txt");
    for (; smx_vec_next(&v); count++) {
        struct smx_segment seg, before;
        size_t len;
        const uint8_t *wire = smx_vec_bytes(&v, "wire", &len);

        if (smx_vec_is(&v, "result", "ok")) {
            check_good(&v, wire, len);
            continue;
        }
        memset(&seg, 0x5a, sizeof seg);
        before = seg;
        assert_int_equal(smx_segment_decode(&seg, wire, len), SMX_E_MALFORMED);
        assert_memory_equal(&seg, &before, sizeof seg);
    }
    assert_true(count > 20);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_vectors_hold),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
