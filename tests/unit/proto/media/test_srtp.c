#include "proto/media/srtp.h"

#include "proto/media/rtp.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

enum { PAYLOAD = 160, PLAIN = SMX_RTP_HEADER + PAYLOAD };

struct packet {
    _Alignas(4) uint8_t at[PLAIN + SMX_SRTP_SPARE];
    size_t len;
};

static const uint8_t key[SMX_SRTP_KEY] = {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17};

static int setup(void **state)
{
    (void)state;
    return smx_srtp_library() ? 0 : -1;
}

static void make(struct packet *p, uint32_t ssrc, uint16_t seq)
{
    uint8_t payload[PAYLOAD];
    struct smx_rtp rtp = {false, 0, seq, (uint32_t)seq * PAYLOAD, ssrc, payload, sizeof payload};

    memset(payload, (uint8_t)seq, sizeof payload);
    p->len = smx_rtp_encode(p->at, &rtp);
}

static void expect_plain(const struct packet *p, uint32_t ssrc, uint16_t seq)
{
    struct packet want;

    make(&want, ssrc, seq);
    assert_int_equal(p->len, want.len);
    assert_memory_equal(p->at, want.at, want.len);
}

/* Through both; false: refused. */
static bool pass(struct smx_srtp *out, struct smx_srtp *in, uint32_t ssrc, uint16_t seq)
{
    struct packet p;

    make(&p, ssrc, seq);
    assert_true(smx_srtp_protect(out, false, p.at, &p.len));
    if (!smx_srtp_unprotect(in, false, p.at, &p.len))
        return false;
    expect_plain(&p, ssrc, seq);
    return true;
}

static void every_suite_carries_a_packet_and_hides_it(void **state)
{
    static const size_t added[SMX_SRTP_SUITES] = {16, 16, 10, 4};

    (void)state;
    for (enum smx_srtp_suite suite = 0; suite < SMX_SRTP_SUITES; suite++) {
        struct smx_srtp *out = smx_srtp_sender(suite, key, 77), *in = smx_srtp_receiver(suite, key);
        struct packet p, plain;

        assert_non_null(out);
        assert_non_null(in);
        make(&plain, 77, 1);
        p = plain;
        assert_true(smx_srtp_protect(out, false, p.at, &p.len));
        assert_int_equal(p.len, PLAIN + added[suite]);
        assert_memory_not_equal(p.at + SMX_RTP_HEADER, plain.at + SMX_RTP_HEADER, 16);
        assert_true(smx_srtp_unprotect(in, false, p.at, &p.len));
        expect_plain(&p, 77, 1);
        smx_srtp_free(out);
        smx_srtp_free(in);
    }
}

static void a_flipped_bit_a_repetition_and_a_short_packet_are_refused(void **state)
{
    (void)state;
    for (enum smx_srtp_suite suite = 0; suite < SMX_SRTP_SUITES; suite++) {
        struct smx_srtp *out = smx_srtp_sender(suite, key, 77), *in = smx_srtp_receiver(suite, key);
        struct packet good, p;

        make(&good, 77, 1);
        assert_true(smx_srtp_protect(out, false, good.at, &good.len));
        for (size_t bit = 0; bit < 8 * good.len; bit += 41) {
            p = good;
            p.at[bit / 8] ^= (uint8_t)(1U << bit % 8);
            assert_false(smx_srtp_unprotect(in, false, p.at, &p.len));
        }
        for (size_t len = 0; len < good.len; len += 7) {
            p = good;
            p.len = len;
            assert_false(smx_srtp_unprotect(in, false, p.at, &p.len));
        }
        smx_srtp_free(in);
        in = smx_srtp_receiver(suite, key);
        p = good;
        assert_true(smx_srtp_unprotect(in, false, p.at, &p.len));
        p = good;
        assert_false(smx_srtp_unprotect(in, false, p.at, &p.len));
        smx_srtp_free(out);
        smx_srtp_free(in);
    }
}

static void another_key_opens_nothing(void **state)
{
    uint8_t other[SMX_SRTP_KEY] = {9};

    (void)state;
    for (enum smx_srtp_suite suite = 0; suite < SMX_SRTP_SUITES; suite++) {
        struct smx_srtp *out = smx_srtp_sender(suite, key, 77), *in = smx_srtp_receiver(suite, other);

        assert_false(pass(out, in, 77, 1));
        smx_srtp_free(out);
        smx_srtp_free(in);
    }
}

static void a_report_is_hidden_and_proven_too(void **state)
{
    struct smx_rtcp_report report = {.ssrc = 77, .since_start = SMX_SECOND(5)};

    (void)state;
    for (enum smx_srtp_suite suite = 0; suite < SMX_SRTP_SUITES; suite++) {
        struct smx_srtp *out = smx_srtp_sender(suite, key, 77), *in = smx_srtp_receiver(suite, key);
        struct packet p, plain;

        plain.len = smx_rtcp_encode(plain.at, &report);
        p = plain;
        assert_true(smx_srtp_protect(out, true, p.at, &p.len));
        assert_true(p.len >= plain.len + 4 + 10);
        assert_memory_not_equal(p.at + 8, plain.at + 8, 16);
        assert_true(smx_srtp_unprotect(in, true, p.at, &p.len));
        assert_int_equal(p.len, plain.len);
        assert_memory_equal(p.at, plain.at, plain.len);
        p = plain;
        assert_false(smx_srtp_unprotect(in, true, p.at, &p.len)); /* in the clear it says nothing */
        smx_srtp_free(out);
        smx_srtp_free(in);
    }
}

static void a_stream_goes_on_when_its_numbers_wrap(void **state)
{
    struct smx_srtp *out = smx_srtp_sender(SMX_SRTP_GCM_128, key, 77),
                    *in = smx_srtp_receiver(SMX_SRTP_GCM_128, key);

    (void)state;
    for (uint32_t i = 0x7000; i < 0x7000 + 0x20000; i += 100) /* losses do not matter */
        assert_true(pass(out, in, 77, (uint16_t)i));
    smx_srtp_free(out);
    smx_srtp_free(in);
}

static void a_phone_may_change_its_ssrc(void **state)
{
    struct smx_srtp *in = smx_srtp_receiver(SMX_SRTP_CM_80, key);

    (void)state;
    for (uint32_t ssrc = 1; ssrc < 40; ssrc++) { /* more often than is remembered */
        struct smx_srtp *out = smx_srtp_sender(SMX_SRTP_CM_80, key, ssrc);

        for (uint16_t seq = 1; seq < 4; seq++)
            assert_true(pass(out, in, ssrc, seq));
        smx_srtp_free(out);
    }
    smx_srtp_free(in);
}

static void a_phone_that_begins_anew_under_its_key_is_heard_again(void **state)
{
    struct smx_srtp *out = smx_srtp_sender(SMX_SRTP_CM_80, key, 77),
                    *in = smx_srtp_receiver(SMX_SRTP_CM_80, key);
    unsigned refused = 0;

    (void)state;
    for (uint16_t seq = 1000; seq < 1200; seq++)
        assert_true(pass(out, in, 77, seq));
    smx_srtp_free(out);
    out = smx_srtp_sender(SMX_SRTP_CM_80, key, 77);
    for (uint16_t seq = 1; seq < 200; seq++)
        refused += !pass(out, in, 77, seq);
    assert_int_equal(refused, SMX_SRTP_DEAF);
    smx_srtp_free(out);
    smx_srtp_free(in);
}

static void who_injects_beside_a_phone_changes_nothing(void **state)
{
    struct smx_srtp *out = smx_srtp_sender(SMX_SRTP_CM_80, key, 77),
                    *in = smx_srtp_receiver(SMX_SRTP_CM_80, key);
    struct packet recorded, p;

    (void)state;
    make(&recorded, 77, 1);
    assert_true(smx_srtp_protect(out, false, recorded.at, &recorded.len));
    p = recorded;
    assert_true(smx_srtp_unprotect(in, false, p.at, &p.len));
    for (uint16_t seq = 200; seq < 300; seq++) {
        for (int i = 0; i < SMX_SRTP_DEAF - 1; i++) {
            p = recorded;
            assert_false(smx_srtp_unprotect(in, false, p.at, &p.len));
        }
        assert_true(pass(out, in, 77, seq));
    }
    smx_srtp_free(out);
    smx_srtp_free(in);
}

static void a_number_is_sent_once(void **state)
{
    struct smx_srtp *out = smx_srtp_sender(SMX_SRTP_GCM_256, key, 77);
    struct packet p;

    (void)state;
    make(&p, 77, 5);
    assert_true(smx_srtp_protect(out, false, p.at, &p.len));
    make(&p, 77, 5);
    assert_false(smx_srtp_protect(out, false, p.at, &p.len));
    assert_int_equal(p.len, 0);
    smx_srtp_free(out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_suite_carries_a_packet_and_hides_it),
        cmocka_unit_test(a_flipped_bit_a_repetition_and_a_short_packet_are_refused),
        cmocka_unit_test(another_key_opens_nothing),
        cmocka_unit_test(a_report_is_hidden_and_proven_too),
        cmocka_unit_test(a_stream_goes_on_when_its_numbers_wrap),
        cmocka_unit_test(a_phone_may_change_its_ssrc),
        cmocka_unit_test(a_phone_that_begins_anew_under_its_key_is_heard_again),
        cmocka_unit_test(who_injects_beside_a_phone_changes_nothing),
        cmocka_unit_test(a_number_is_sent_once),
    };

    return cmocka_run_group_tests(tests, setup, NULL);
}
