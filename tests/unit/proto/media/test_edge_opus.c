/* tests/unit/proto/media/test_edge_opus.c - a phone that speaks Opus: packets pass as they are, and nothing
 * of its numbers and timing. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "proto/media/edge.h"

#include <string.h>

enum { TYPE = 111, LEN = 60, HYBRID_20_MS = 13 << 3 };

struct fixture {
    struct smx_rng rng;
    struct smx_edge edge;
    smx_time now;
    uint16_t seq;
    uint32_t timestamp, ssrc;
    uint8_t type, next; /* next: the second byte of the next packet, so that each is known */
};

static int setup(void **state)
{
    static struct fixture f;
    static const uint8_t seed[SMX_RNG_SEED] = {4};

    memset(&f, 0, sizeof f);
    smx_rng_init(&f.rng, seed);
    f.now = SMX_SECOND(5);
    f.seq = 65530;
    f.timestamp = 0xffffff00;
    f.type = TYPE;
    smx_edge_init(&f.edge, f.now, SMX_FRAME_PCMU, &f.rng);
    smx_edge_opus(&f.edge, TYPE, 96);
    *state = &f;
    return 0;
}

static enum smx_err put_in(struct fixture *f, const uint8_t *payload, size_t len)
{
    uint8_t wire[SMX_RTP_MAX];
    struct smx_rtp rtp = {false, f->type, f->seq++, f->timestamp, f->ssrc, payload, len};

    f->timestamp += 960;
    return smx_edge_receive(&f->edge, f->now, wire, smx_rtp_encode(wire, &rtp));
}

/* The phone's next packet; sent says whether it arrives. */
static void packet(struct fixture *f, bool sent)
{
    uint8_t payload[LEN] = {HYBRID_20_MS, f->next++};

    if (sent)
        assert_int_equal(put_in(f, payload, sizeof payload), SMX_OK);
    else {
        f->seq++;
        f->timestamp += 960;
    }
}

/* Which packet the slot has, -1 for none, -2 for silence. */
static int take(struct fixture *f)
{
    struct smx_frame frame;

    if (!smx_edge_take(&f->edge, f->now, &frame))
        return -1;
    assert_int_equal(frame.codec, SMX_FRAME_OPUS);
    if (frame.len == 3 && memcmp(frame.payload, "\xf8\xff\xfe", 3) == 0)
        return -2;
    assert_int_equal(frame.len, LEN);
    assert_int_equal(frame.payload[0], HYBRID_20_MS);
    return frame.payload[1];
}

static void each_packet_is_the_frame_of_a_slot(void **state)
{
    struct fixture *f = *state;

    for (int i = 0; i < 500; i++, f->now += SMX_MS(20)) {
        f->type = i % 2 ? TYPE : 96; /* by its own number, or by ours */
        packet(f, true);
        if (i > 0)
            assert_int_equal(take(f), (i - 1) % 256);
    }
}

static void lost_packets_leave_their_slots_empty_and_a_jump_is_a_new_start(void **state)
{
    struct fixture *f = *state;

    packet(f, true);
    packet(f, false);
    packet(f, false);
    packet(f, true);
    f->ssrc = 5;
    f->seq = 100;
    f->timestamp = 7;
    packet(f, true);
    f->seq = 30000;
    packet(f, true);
    f->now += SMX_MS(10);
    assert_int_equal(take(f), 0);
    assert_int_equal(take(f), -1);
    assert_int_equal(take(f), -1);
    assert_int_equal(take(f), 3);
    assert_int_equal(take(f), 4);
    assert_int_equal(take(f), 5);
}

static void a_phone_that_falls_silent_is_heard_as_silence(void **state)
{
    struct fixture *f = *state;

    packet(f, true);
    f->now += SMX_MS(10);
    assert_int_equal(take(f), 0);
    for (int i = 0; i < 20; i++, f->now += SMX_MS(20))
        assert_int_equal(take(f), i < SMX_EDGE_HOLES ? -1 : -2);
    packet(f, true);
    f->now += SMX_MS(10);
    assert_int_equal(take(f), 1);
}

static void only_what_lasts_20_ms_and_fits_a_cell_is_carried(void **state)
{
    static const struct {
        uint8_t toc, second;
        size_t len;
        bool carried;
    } cases[] = {
        {1 << 3, 1, 40, true},            /* SILK, 20 ms */
        {0 << 3, 1, 40, false},           /* 10 ms */
        {0 << 3 | 1, 1, 40, true},        /* two of them */
        {3 << 3, 1, 40, false},           /* 60 ms */
        {12 << 3, 1, 40, false},          /* hybrid, 10 ms */
        {15 << 3 | 4, 1, 40, true},       /* 20 ms, stereo */
        {31 << 3, 1, 40, true},           /* CELT, 20 ms */
        {28 << 3 | 3, 8, 40, true},       /* eight of 2.5 ms */
        {31 << 3 | 3, 0x41, 40, true},    /* one, padded */
        {31 << 3 | 3, 2, 40, false},      /* 40 ms */
        {31 << 3 | 3, 0, 1, false},       /* cut */
        {31 << 3, 1, SMX_OPUS_MAX, true}, /* bounds */
        {31 << 3, 1, SMX_OPUS_MAX + 1, false},
        {31 << 3, 1, 1, true},
    };

    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        uint8_t payload[SMX_OPUS_MAX + 1] = {cases[i].toc, cases[i].second};
        struct smx_frame frame;
        struct fixture *f;
        bool there;

        setup(state);
        f = *state;
        assert_int_equal(put_in(f, payload, cases[i].len), SMX_OK); /* a sign of life in any case */
        f->now += SMX_MS(10);
        there = smx_edge_take(&f->edge, f->now, &frame);
        if (there != cases[i].carried || (there && frame.len != cases[i].len))
            fail_msg("case %zu", i);
    }
}

static void other_types_are_refused(void **state)
{
    struct fixture *f = *state;
    uint8_t payload[LEN] = {HYBRID_20_MS};
    static const uint8_t types[] = {0, 8, 13, 97};

    for (size_t i = 0; i < sizeof types; i++) {
        f->type = types[i];
        assert_int_equal(put_in(f, payload, sizeof payload), SMX_E_MALFORMED);
    }
    f->type = TYPE;
    assert_int_equal(put_in(f, payload, 0), SMX_E_MALFORMED);
    assert_false(f->edge.heard);
}

static void packets_to_the_phone_have_our_numbers_and_leave_out_what_is_missing(void **state)
{
    struct fixture *f = *state;
    struct smx_frame frame = {.codec = SMX_FRAME_OPUS, .payload = {HYBRID_20_MS, 7, 8}, .len = LEN};
    uint8_t out[SMX_EDGE_PACKET];
    struct smx_rtp first, rtp;
    size_t len;

    len = smx_edge_put(&f->edge, NULL, out); /* before the far side is heard: silence */
    assert_int_equal(smx_rtp_decode(&first, out, len), SMX_OK);
    assert_true(first.marker && first.payload_type == TYPE && first.payload_len == 3);
    for (unsigned i = 1; i < 12; i++) {
        bool there = i == 1 || i == 11;

        len = smx_edge_put(&f->edge, there ? &frame : NULL, out);
        if (i >= 2 && i < 2 + SMX_EDGE_HOLES) {
            assert_int_equal(len, 0);
            continue;
        }
        assert_int_equal(smx_rtp_decode(&rtp, out, len), SMX_OK);
        assert_false(rtp.marker);
        assert_int_equal(rtp.seq, first.seq + i); /* so the phone knows what it misses */
        assert_int_equal(rtp.timestamp, first.timestamp + i * 960);
        assert_int_equal(rtp.payload_len, there ? LEN : 3);
        if (there)
            assert_memory_equal(rtp.payload, frame.payload, LEN);
    }
    smx_edge_skip(&f->edge);
    len = smx_edge_event(&f->edge, 101, 2, (const uint8_t[4]){1, 10, 0, 160}, out);
    assert_int_equal(smx_rtp_decode(&rtp, out, len), SMX_OK);
    assert_int_equal(rtp.timestamp, first.timestamp + (13 - 2) * 960);
}

static void a_report_counts_in_units_of_opus(void **state)
{
    struct fixture *f = *state;
    uint8_t out[SMX_RTCP_REPORT];

    for (int i = 0; i < 100; i++, f->now += SMX_MS(20))
        packet(f, i % 4 != 1);
    assert_int_equal(smx_edge_report(&f->edge, f->now, &f->rng, out), SMX_RTCP_REPORT);
    assert_int_equal(out[32], 64);              /* fraction lost, in 256ths */
    assert_int_equal(f->edge.jitter16 >> 4, 0); /* a steady phone */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(each_packet_is_the_frame_of_a_slot, setup),
        cmocka_unit_test_setup(lost_packets_leave_their_slots_empty_and_a_jump_is_a_new_start, setup),
        cmocka_unit_test_setup(a_phone_that_falls_silent_is_heard_as_silence, setup),
        cmocka_unit_test_setup(only_what_lasts_20_ms_and_fits_a_cell_is_carried, setup),
        cmocka_unit_test_setup(other_types_are_refused, setup),
        cmocka_unit_test_setup(packets_to_the_phone_have_our_numbers_and_leave_out_what_is_missing, setup),
        cmocka_unit_test_setup(a_report_counts_in_units_of_opus, setup),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
