#include "proto/base/bytes.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>
#include <cmocka.h>

static void what_the_writer_writes_the_reader_reads(void **state)
{
    uint8_t buf[1 + 2 + 4 + 8 + 3 + 2 + 4], three[3];
    struct smx_wr w = {buf, sizeof buf};
    struct smx_rd r = {buf, sizeof buf, false};

    (void)state;
    smx_wr_u8(&w, 0xab);
    smx_wr_u16(&w, 0x0102);
    smx_wr_u32(&w, 0x03040506);
    smx_wr_u64(&w, UINT64_C(0x0708090a0b0c0d0e));
    smx_wr_bytes(&w, "xyz", 3);
    smx_wr_zeros(&w, 2);
    smx_wr_pad(&w);
    smx_wr_done(&w);
    assert_memory_equal(buf, "\xab\1\2\3\4\5\6\7\x8\x9\xa\xb\xc\xd\xexyz\0\0\0\0\0\0", sizeof buf);

    assert_int_equal(smx_rd_u8(&r), 0xab);
    assert_int_equal(smx_rd_u16(&r), 0x0102);
    assert_int_equal(smx_rd_u32(&r), 0x03040506);
    assert_true(smx_rd_u64(&r) == UINT64_C(0x0708090a0b0c0d0e));
    smx_rd_bytes(&r, three, 3);
    assert_memory_equal(three, "xyz", 3);
    assert_false(smx_rd_done(&r));
    smx_rd_zeros(&r, 6);
    assert_true(smx_rd_done(&r));
}

static void a_short_read_yields_zeros_and_stays_bad(void **state)
{
    const uint8_t buf[3] = {1, 2, 3};
    uint8_t out[4] = {9, 9, 9, 9};
    struct smx_rd r = {buf, sizeof buf, false};

    (void)state;
    assert_int_equal(smx_rd_u32(&r), 0);
    assert_true(r.bad);
    assert_int_equal(smx_rd_u8(&r), 0); /* although three bytes are left */
    smx_rd_bytes(&r, out, 1);
    assert_int_equal(out[0], 0);
    assert_null(smx_rd_view(&r, 1));
    assert_false(smx_rd_done(&r));
}

static void a_view_points_into_the_input_and_a_huge_one_is_refused(void **state)
{
    const uint8_t buf[3] = {1, 2, 3};
    struct smx_rd r = {buf, sizeof buf, false};

    (void)state;
    assert_ptr_equal(smx_rd_view(&r, 2), buf);
    assert_ptr_equal(smx_rd_view(&r, 1), buf + 2);
    assert_true(smx_rd_done(&r));
    assert_null(smx_rd_view(&r, SIZE_MAX));
    assert_true(r.bad);
}

static void zeros_that_are_not_zero_are_bad(void **state)
{
    for (size_t i = 0; i < 4; i++) {
        uint8_t buf[4] = {0};
        struct smx_rd r = {buf, sizeof buf, false};

        buf[i] = 1;
        smx_rd_zeros(&r, sizeof buf);
        assert_true(r.bad);
    }
    (void)state;
}

static void nothing_can_be_read_from_and_written_to_nowhere(void **state)
{
    struct smx_rd r = {NULL, 0, false};
    struct smx_wr w = {NULL, 0};

    (void)state;
    smx_rd_bytes(&r, NULL, 0);
    smx_rd_zeros(&r, 0);
    assert_true(smx_rd_done(&r));
    smx_wr_bytes(&w, NULL, 0);
    smx_wr_pad(&w);
    smx_wr_done(&w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_the_writer_writes_the_reader_reads),
        cmocka_unit_test(a_short_read_yields_zeros_and_stays_bad),
        cmocka_unit_test(a_view_points_into_the_input_and_a_huge_one_is_refused),
        cmocka_unit_test(zeros_that_are_not_zero_are_bad),
        cmocka_unit_test(nothing_can_be_read_from_and_written_to_nowhere),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
