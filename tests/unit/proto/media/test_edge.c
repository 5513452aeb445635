/* tests/unit/proto/media/test_edge.c - a phone with its clock, its packet length and its moods; and our
 * slots. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "proto/media/edge.h"
#include "proto/media/g711.h"

#include <string.h>

/* A phone whose samples count upwards, so that each shows where it belongs. */
struct fixture {
    struct smx_rng rng;
    struct smx_edge edge;
    smx_time now;
    uint16_t seq;
    uint32_t timestamp, ssrc, sample;
    uint8_t type;
};

static int setup(void **state)
{
    static struct fixture f;
    static const uint8_t seed[SMX_RNG_SEED] = {3};

    memset(&f, 0, sizeof f);
    smx_rng_init(&f.rng, seed);
    f.now = SMX_SECOND(5);
    f.ssrc = 0x1234;
    f.seq = 65530;
    f.timestamp = 0xffffff00;
    smx_edge_init(&f.edge, f.now, SMX_FRAME_PCMU, &f.rng);
    *state = &f;
    return 0;
}

/* Codes 1..200 in turn: never silence. */
static uint8_t code_of(uint32_t sample)
{
    return (uint8_t)(1 + sample % 200);
}

/* The phone's next packet of ms milliseconds; sent says whether it arrives. */
static void packet(struct fixture *f, unsigned ms, bool sent)
{
    uint8_t payload[SMX_EDGE_PAYLOAD], wire[SMX_RTP_MAX];
    struct smx_rtp rtp = {false, f->type, f->seq++, f->timestamp, f->ssrc, payload, ms * 8};

    for (size_t i = 0; i < rtp.payload_len; i++)
        payload[i] = code_of(f->sample++);
    f->timestamp += (uint32_t)rtp.payload_len;
    if (sent)
        assert_int_equal(smx_edge_receive(&f->edge, f->now, wire, smx_rtp_encode(wire, &rtp)), SMX_OK);
}

/* The number of the frame's first sample modulo 200 (always the same in one run), or -1 for an empty slot, or
 * -2 for silence; the rest must follow it. */
static int take(struct fixture *f)
{
    struct smx_frame frame;
    int first;

    if (!smx_edge_take(&f->edge, f->now, &frame))
        return -1;
    assert_int_equal(frame.codec, SMX_FRAME_PCMU);
    first = frame.payload[0];
    if (first == SMX_PCMU_SILENCE) {
        for (size_t i = 0; i < sizeof frame.payload; i++)
            assert_int_equal(frame.payload[i], SMX_PCMU_SILENCE);
        return -2;
    }
    for (size_t i = 0; i < sizeof frame.payload; i++)
        assert_int_equal(frame.payload[i], code_of((uint32_t)(first - 1) + (uint32_t)i));
    return first - 1;
}

static void any_packet_length_becomes_frames_of_20_ms(void **state)
{
    static const unsigned lengths[] = {10, 20, 30, 40, 60, 120};
    struct fixture *f;

    for (size_t l = 0; l < sizeof lengths / sizeof lengths[0]; l++) {
        unsigned next_packet = 0;
        uint32_t expected = 0;
        int empty = 0;

        setup(state);
        f = *state;
        for (unsigned ms = 0; ms < 2400; ms += 10, f->now += SMX_MS(10)) {
            if (ms == next_packet) {
                packet(f, lengths[l], true);
                next_packet += lengths[l];
            }
            if (ms % 20 == 0 && ms > 0) {
                int got = take(f);

                if (got == -1) {
                    empty++;
                    continue;
                }
                assert_int_equal(got, expected % 200);
                expected += SMX_FRAME_PAYLOAD;
            }
        }
        assert_true(empty <= 1); /* until the buffer is as deep as such packets need */
    }
}

/* As after a re-INVITE, or with a phone that packs what it has. */
static void packets_may_change_their_length_in_mid_stream(void **state)
{
    static const unsigned lengths[] = {20, 30, 10, 60, 40, 20};
    struct fixture *f = *state;
    unsigned next_packet = 0;
    uint32_t expected = 0;
    int empty = 0;

    for (unsigned ms = 0; ms < 6000; ms += 10, f->now += SMX_MS(10)) {
        int got;

        if (ms == next_packet) {
            packet(f, lengths[ms / 1000], true);
            next_packet += lengths[ms / 1000];
        }
        if (ms % 20 != 0 || ms == 0)
            continue;
        got = take(f);
        if (got == -1) {
            empty++;
            continue;
        }
        while ((uint32_t)got !=
               expected % 200) { /* surplus of a longer packet's buffer, given up in whole frames */
            expected += SMX_FRAME_PAYLOAD;
            assert_true(expected < 8 * 6000);
        }
        expected += SMX_FRAME_PAYLOAD;
    }
    assert_true(empty <= 4); /* the buffer has to grow for the longer ones */
    assert_true(expected >=
                8 * (6000 - 60 - 40 - 80)); /* no more than what is buffered at the end is not heard */
}

static void a_steady_stream_is_neither_cut_nor_stretched(void **state)
{
    struct fixture *f = *state;
    uint32_t expected = 0;

    for (int i = 0; i < 5000; i++, f->now += SMX_MS(20)) {
        smx_time slot = f->now;

        f->now += SMX_US(smx_rng_below(&f->rng, 4000)); /* jitter of 4 ms, before the slot's 10 */
        packet(f, 20, true);
        f->now = slot + SMX_MS(10);
        assert_int_equal(take(f), expected % 200);
        expected += SMX_FRAME_PAYLOAD;
        f->now = slot;
    }
}

/* Runs a phone whose clock is off by ppm against our slots; returns frames lost, and slots left empty in
 * *empty. */
static int run_with_skew(struct fixture *f, int ppm, unsigned seconds, int *empty)
{
    smx_time period = (smx_time)((int64_t)SMX_MS(20) - (int64_t)20 * ppm), next = f->now + SMX_MS(3), end;
    int lost = 0;
    uint32_t expected = 0;
    bool started = false;

    *empty = 0;
    end = f->now + SMX_SECOND(seconds);
    for (smx_time slot = f->now + SMX_MS(20); slot < end; slot += SMX_MS(20)) {
        int got;

        for (; next <= slot; next += period) {
            f->now = next;
            packet(f, 20, true);
        }
        f->now = slot;
        got = take(f);
        if (got == -1) {
            *empty += started;
            continue;
        }
        started = true;
        while ((uint32_t)got != expected % 200 && lost < 1000) {
            expected += SMX_FRAME_PAYLOAD;
            lost++;
        }
        expected += SMX_FRAME_PAYLOAD;
    }
    return lost;
}

static void a_fast_phone_loses_a_frame_now_and_then_and_gains_no_delay(void **state)
{
    struct fixture *f = *state;
    int empty, lost = run_with_skew(f, 200, 1000, &empty);

    assert_true(lost >= 8 && lost <= 11); /* 1000 s * 200 ppm = 10 frames */
    assert_int_equal(empty, 0);
    assert_true(f->edge.count <= 2);
}

static void a_slow_phone_leaves_a_slot_empty_now_and_then(void **state)
{
    struct fixture *f = *state;
    int empty, lost = run_with_skew(f, -200, 1000, &empty);

    assert_int_equal(lost, 0);
    assert_true(empty >= 8 && empty <= 12);
}

static void one_late_packet_costs_its_slot_and_no_delay(void **state)
{
    struct fixture *f = *state;
    size_t before;

    for (int i = 0; i < 10; i++, f->now += SMX_MS(20)) {
        packet(f, 20, true);
        f->now += SMX_MS(10);
        take(f);
        f->now -= SMX_MS(10);
    }
    before = f->edge.count;
    f->now += SMX_MS(10);
    assert_int_equal(take(f), -1); /* its packet is late */
    packet(f, 20, true);
    f->now += SMX_MS(10);
    packet(f, 20, true);
    f->now += SMX_MS(10);
    assert_int_equal(take(f), 11 * SMX_FRAME_PAYLOAD % 200); /* number 10 was dropped */
    assert_int_equal(f->edge.count, before);
}

static void a_stall_of_the_phone_adds_one_frame_of_delay_at_most(void **state)
{
    struct fixture *f = *state;

    for (int i = 0; i < 10; i++, f->now += SMX_MS(20)) {
        packet(f, 20, true);
        f->now += SMX_MS(10);
        take(f);
        f->now -= SMX_MS(10);
    }
    f->now += SMX_MS(10);
    for (int i = 0; i < 4; i++, f->now += SMX_MS(20))
        assert_int_equal(take(f), i < SMX_EDGE_HOLES ? -1 : -2);
    f->now -= SMX_MS(1);
    for (int i = 0; i < 5; i++)
        packet(f, 20, true); /* all at once, just before the slot */
    f->now += SMX_MS(1);
    assert_true(take(f) >= 0);
    assert_int_equal(f->edge.count, 1);
}

static void steady_lateness_makes_the_delay_grow_instead(void **state)
{
    struct fixture *f = *state;
    smx_time begin = f->now;
    unsigned arrived = 0;
    int empty = 0, lost = 0;
    uint32_t expected = 0;

    for (unsigned slot = 0; slot < 500; slot++) {
        smx_time slot_at = begin + SMX_MS(10) + SMX_MS(20) * slot;
        int got;

        /* each second packet comes 15 ms late, which is 5 ms behind the slot of the others */
        for (;; arrived++) {
            f->now = begin + SMX_MS(20) * arrived + (arrived % 2 ? SMX_MS(15) : 0);
            if (f->now > slot_at)
                break;
            packet(f, 20, true);
        }
        f->now = slot_at;
        got = take(f);
        if (got == -1) {
            empty++;
            continue;
        }
        for (; (uint32_t)got != expected % 200; lost++)
            expected += SMX_FRAME_PAYLOAD;
        expected += SMX_FRAME_PAYLOAD;
    }
    assert_true(lost <= 1);
    assert_true(empty <= 2);
}

static void lost_packets_leave_silence_of_their_length(void **state)
{
    struct fixture *f = *state;

    packet(f, 20, true);
    packet(f, 20, false);
    packet(f, 20, false);
    packet(f, 20, true);
    f->now += SMX_MS(10);
    assert_int_equal(take(f), 0);
    assert_int_equal(take(f), -2);
    assert_int_equal(take(f), -2);
    assert_int_equal(take(f), 3 * SMX_FRAME_PAYLOAD % 200);
}

static void a_pause_of_the_phone_is_not_filled_up_behind(void **state)
{
    struct fixture *f = *state;

    packet(f, 20, true);
    f->now += SMX_MS(10);
    assert_int_equal(take(f), 0);
    for (int i = 0; i < 50; i++, f->now += SMX_MS(20))
        assert_int_equal(take(f), i < SMX_EDGE_HOLES ? -1 : -2); /* silence, after what may be a hole */
    f->timestamp += 8000;
    f->sample = 0;
    packet(f, 20, true);
    f->now += SMX_MS(10);
    assert_int_equal(take(f), 0);
    assert_int_equal(f->edge.count, 0);
}

static void doubles_and_stragglers_are_dropped(void **state)
{
    struct fixture *f = *state;
    struct fixture old;

    packet(f, 20, true);
    old = *f;
    packet(f, 20, true);
    old.edge = f->edge;
    packet(&old, 20, true); /* the second once more */
    assert_int_equal(old.edge.count, 2);
}

static void a_new_ssrc_and_a_jump_in_sequence_are_new_starts(void **state)
{
    struct fixture *f = *state;

    packet(f, 10, true); /* half a frame that stays behind */
    f->ssrc = 99;
    f->seq = 7;
    f->timestamp = 5;
    f->sample = 0;
    packet(f, 20, true);
    f->seq = 30000;
    f->timestamp = 77777;
    f->sample = 0;
    packet(f, 20, true);
    f->now += SMX_MS(10);
    assert_int_equal(take(f), 0);
    assert_int_equal(take(f), 0);
    assert_int_equal(take(f), -1);
}

static void the_other_law_is_translated(void **state)
{
    struct fixture *f = *state;
    struct smx_frame frame;

    f->type = SMX_FRAME_PCMA;
    packet(f, 20, true);
    f->now += SMX_MS(10);
    assert_true(smx_edge_take(&f->edge, f->now, &frame));
    for (size_t i = 0; i < sizeof frame.payload; i++)
        assert_int_equal(frame.payload[i], smx_pcmu_encode(smx_pcma_decode(code_of((uint32_t)i))));
}

static void what_is_no_g711_is_refused(void **state)
{
    struct fixture *f = *state;
    uint8_t wire[SMX_RTP_MAX], payload[SMX_EDGE_PAYLOAD + 1] = {0};
    struct smx_rtp rtp = {.payload = payload, .payload_len = 160};

    rtp.payload_type = 96;
    assert_int_equal(smx_edge_receive(&f->edge, f->now, wire, smx_rtp_encode(wire, &rtp)), SMX_E_MALFORMED);
    rtp.payload_type = 0;
    rtp.payload_len = 0;
    assert_int_equal(smx_edge_receive(&f->edge, f->now, wire, smx_rtp_encode(wire, &rtp)), SMX_E_MALFORMED);
    rtp.payload_len = sizeof payload;
    assert_int_equal(smx_edge_receive(&f->edge, f->now, wire, smx_rtp_encode(wire, &rtp)), SMX_E_MALFORMED);
    assert_false(f->edge.heard);
}

/* The phone's next packet of comfort noise, for ms of silence. */
static void noise(struct fixture *f, unsigned ms)
{
    uint8_t payload[1] = {60}, wire[SMX_RTP_MAX];
    struct smx_rtp rtp = {false, 13, f->seq++, f->timestamp, f->ssrc, payload, sizeof payload};

    f->timestamp += ms * 8;
    assert_int_equal(smx_edge_receive(&f->edge, f->now, wire, smx_rtp_encode(wire, &rtp)), SMX_OK);
}

static void a_phone_that_sends_noise_for_silence_is_neither_lost_nor_late(void **state)
{
    struct fixture *f = *state;
    uint8_t out[SMX_RTCP_REPORT];

    for (int spurt = 0; spurt < 20; spurt++) {
        for (int i = 0; i < 30; i++, f->now += SMX_MS(20)) {
            packet(f, 20, true);
            if (i > 0)
                assert_true(take(f) >= 0);
        }
        for (int i = 0; i < 20; i++) { /* two seconds of silence, noise each 100 ms */
            noise(f, 100);
            for (int slot = 0; slot < 5; slot++, f->now += SMX_MS(20)) {
                int got = take(f);

                if (i > 0)
                    assert_int_equal(got, -2);
            }
        }
    }
    (void)smx_edge_report(&f->edge, f->now, &f->rng, out);
    assert_int_equal(out[35], 0); /* nothing is missing */
}

static void a_phone_that_begins_with_noise_is_there(void **state)
{
    struct fixture *f = *state;

    assert_int_equal(take(f), -1);
    noise(f, 20);
    for (int slot = 0; slot < 10; slot++, f->now += SMX_MS(20))
        assert_int_equal(take(f), slot < SMX_EDGE_HOLES ? -1 : -2);
    f->timestamp += 160 * 9;
    packet(f, 20, true);
    f->now += SMX_MS(10);
    assert_int_equal(take(f), 0);
}

/* Joins in the middle of a stream, as after a hold or a lost beginning, whatever its numbers are. */
static void a_late_phone_is_heard_from_its_first_packet_on(void **state)
{
    struct fixture *f = *state;

    for (int slot = 0; slot < 100; slot++, f->now += SMX_MS(20))
        assert_int_equal(take(f), -1);
    f->seq = 4711;
    f->timestamp = 0x12345678;
    for (int i = 0; i < 50; i++, f->now += SMX_MS(20)) {
        packet(f, 20, true);
        if (i > 0)
            assert_int_equal(take(f), (i - 1) * 160 % 200);
    }
}

static void a_burst_overflows_without_harm_and_drains(void **state)
{
    struct fixture *f = *state;

    for (int i = 0; i < 40; i++)
        packet(f, 20, true);
    assert_int_equal(f->edge.count, SMX_EDGE_FRAMES);
    for (int i = 0; i < 12; i++, f->now += SMX_MS(20)) {
        packet(f, 20, true);
        f->now += SMX_MS(10);
        assert_true(take(f) >= 0);
        f->now -= SMX_MS(10);
    }
    assert_true(f->edge.count <= 1); /* the surplus is gone soon */
}

/* ---- towards the phone ---- */

static void packets_count_from_random_numbers_and_hide_holes(void **state)
{
    struct fixture *f = *state;
    struct smx_frame frame = {.codec = SMX_FRAME_PCMU};
    uint8_t out[SMX_EDGE_PACKET];
    struct smx_rtp first, rtp;

    memset(frame.payload, smx_pcmu_encode(8000), sizeof frame.payload);
    assert_int_equal(smx_edge_put(&f->edge, &frame, out), SMX_EDGE_PACKET);
    assert_int_equal(smx_rtp_decode(&first, out, sizeof out), SMX_OK);
    assert_true(first.marker && first.seq < 1 << 15 && first.payload_type == 0);
    assert_memory_equal(first.payload, frame.payload, sizeof frame.payload);
    for (unsigned i = 1; i < 10; i++) {
        static const int loudest[] = {0, 8000, 4800, 1600, 0, 0, 0, 0, 0, 0};

        (void)smx_edge_put(&f->edge, NULL, out);
        assert_int_equal(smx_rtp_decode(&rtp, out, sizeof out), SMX_OK);
        assert_false(rtp.marker);
        assert_int_equal(rtp.ssrc, first.ssrc);
        assert_int_equal(rtp.seq, first.seq + i);
        assert_int_equal(rtp.timestamp, first.timestamp + i * SMX_FRAME_PAYLOAD);
        assert_true(smx_pcmu_decode(rtp.payload[0]) <= loudest[i] + 200 &&
                    smx_pcmu_decode(rtp.payload[0]) >= loudest[i] - 400);
    }
    smx_edge_skip(&f->edge);
    (void)smx_edge_put(&f->edge, &frame, out);
    assert_int_equal(smx_rtp_decode(&rtp, out, sizeof out), SMX_OK);
    assert_int_equal(rtp.seq, first.seq + 10);
    assert_int_equal(rtp.timestamp, first.timestamp + 11 * SMX_FRAME_PAYLOAD);
}

static void every_code_passes_as_it_is_when_nothing_is_missing(void **state)
{
    struct fixture *f = *state;
    uint8_t out[SMX_EDGE_PACKET];

    for (unsigned law = 0; law < 2; law++) {
        struct smx_frame frame = {.codec = law ? SMX_FRAME_PCMA : SMX_FRAME_PCMU};

        smx_edge_codec(&f->edge, frame.codec);
        for (unsigned half = 0; half < 2; half++) {
            for (unsigned i = 0; i < sizeof frame.payload; i++)
                frame.payload[i] = (uint8_t)(half * 96 + i); /* both zeros of the mu-law among them */
            (void)smx_edge_put(&f->edge, &frame, out);
            assert_memory_equal(out + SMX_RTP_HEADER, frame.payload, sizeof frame.payload);
        }
    }
}

static void after_a_hole_the_beginning_is_blended_and_the_rest_passes(void **state)
{
    struct fixture *f = *state;
    struct smx_frame frame = {.codec = SMX_FRAME_PCMU};
    uint8_t out[SMX_EDGE_PACKET];

    for (unsigned i = 0; i < sizeof frame.payload; i++)
        frame.payload[i] = smx_pcmu_encode((int16_t)(i % 50 < 25 ? 9000 : -9000));
    for (unsigned k = 0; k < 5; k++)
        (void)smx_edge_put(&f->edge, &frame, out);
    (void)smx_edge_put(&f->edge, NULL, out);
    (void)smx_edge_put(&f->edge, &frame, out);
    assert_memory_not_equal(out + SMX_RTP_HEADER, frame.payload, 8);
    assert_memory_equal(out + SMX_RTP_HEADER + 40, frame.payload + 40, sizeof frame.payload - 40);
    (void)smx_edge_put(&f->edge, &frame, out);
    assert_memory_equal(out + SMX_RTP_HEADER, frame.payload, sizeof frame.payload);
}

static void a_phone_of_the_other_law_gets_it(void **state)
{
    struct fixture *f = *state;
    struct smx_frame frame = {.codec = SMX_FRAME_PCMA};
    uint8_t out[SMX_EDGE_PACKET];

    smx_edge_codec(&f->edge, SMX_FRAME_PCMA);
    memset(frame.payload, SMX_PCMA_SILENCE, sizeof frame.payload);
    (void)smx_edge_put(&f->edge, &frame, out);
    assert_int_equal(out[1], 0x80 | SMX_FRAME_PCMA);
    assert_int_equal(smx_pcma_decode(out[SMX_RTP_HEADER]), 8);
}

static void two_legs_share_no_number(void **state)
{
    struct fixture *f = *state;
    struct smx_edge other;

    smx_edge_init(&other, f->now, SMX_FRAME_PCMU, &f->rng);
    assert_true(other.ssrc != f->edge.ssrc && other.timestamp != f->edge.timestamp);
    assert_memory_not_equal(other.cname, f->edge.cname, sizeof other.cname);
}

static void reports_tell_losses_and_come_at_random_times(void **state)
{
    struct fixture *f = *state;
    uint8_t out[SMX_RTCP_REPORT];
    size_t len;
    smx_time last = 0;

    assert_true(f->edge.report_at >= f->now + SMX_MS(1250) && f->edge.report_at < f->now + SMX_MS(3750));
    len = smx_edge_report(&f->edge, f->now, &f->rng, out);
    assert_int_equal(len, 28 + 28); /* nothing heard: no block */
    for (int i = 0; i < 100; i++, f->now += SMX_MS(20))
        packet(f, 20, i % 4 != 1); /* one in four is lost */
    len = smx_edge_report(&f->edge, f->now, &f->rng, out);
    assert_int_equal(len, SMX_RTCP_REPORT);
    assert_int_equal(out[32], 64); /* fraction lost, in 256ths */
    assert_int_equal(out[35], 25); /* in all */
    assert_memory_equal(out + SMX_RTCP_REPORT - 18, f->edge.cname, sizeof f->edge.cname);
    for (int i = 0; i < 50; i++) {
        smx_time wait;

        (void)smx_edge_report(&f->edge, f->now, &f->rng, out);
        wait = f->edge.report_at - f->now;
        assert_true(wait >= SMX_MS(2500) && wait < SMX_MS(7500) && wait != last);
        last = wait;
    }
}

static void a_report_speaks_of_the_stream_that_is_heard_now(void **state)
{
    struct fixture *f = *state;
    uint8_t out[SMX_RTCP_REPORT];

    for (int i = 0; i < 50; i++, f->now += SMX_MS(20))
        packet(f, 20, i % 2 == 0); /* half of it is lost */
    f->ssrc = 0xabcdef01;
    f->seq = 100;
    for (int i = 0; i < 50; i++, f->now += SMX_MS(20))
        packet(f, 20, true);
    assert_int_equal(smx_edge_report(&f->edge, f->now, &f->rng, out), SMX_RTCP_REPORT);
    assert_memory_equal(out + 28, "\xab\xcd\xef\x01", 4);
    assert_memory_equal(out + 32, "\0\0\0\0", 4);   /* nothing of this one was lost */
    assert_memory_equal(out + 36, "\0\0\0\x95", 4); /* its highest number is 149 */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(any_packet_length_becomes_frames_of_20_ms, setup),
        cmocka_unit_test_setup(packets_may_change_their_length_in_mid_stream, setup),
        cmocka_unit_test_setup(a_steady_stream_is_neither_cut_nor_stretched, setup),
        cmocka_unit_test_setup(a_fast_phone_loses_a_frame_now_and_then_and_gains_no_delay, setup),
        cmocka_unit_test_setup(a_slow_phone_leaves_a_slot_empty_now_and_then, setup),
        cmocka_unit_test_setup(one_late_packet_costs_its_slot_and_no_delay, setup),
        cmocka_unit_test_setup(a_stall_of_the_phone_adds_one_frame_of_delay_at_most, setup),
        cmocka_unit_test_setup(steady_lateness_makes_the_delay_grow_instead, setup),
        cmocka_unit_test_setup(lost_packets_leave_silence_of_their_length, setup),
        cmocka_unit_test_setup(a_pause_of_the_phone_is_not_filled_up_behind, setup),
        cmocka_unit_test_setup(doubles_and_stragglers_are_dropped, setup),
        cmocka_unit_test_setup(a_new_ssrc_and_a_jump_in_sequence_are_new_starts, setup),
        cmocka_unit_test_setup(the_other_law_is_translated, setup),
        cmocka_unit_test_setup(what_is_no_g711_is_refused, setup),
        cmocka_unit_test_setup(a_phone_that_sends_noise_for_silence_is_neither_lost_nor_late, setup),
        cmocka_unit_test_setup(a_phone_that_begins_with_noise_is_there, setup),
        cmocka_unit_test_setup(a_late_phone_is_heard_from_its_first_packet_on, setup),
        cmocka_unit_test_setup(a_burst_overflows_without_harm_and_drains, setup),
        cmocka_unit_test_setup(packets_count_from_random_numbers_and_hide_holes, setup),
        cmocka_unit_test_setup(every_code_passes_as_it_is_when_nothing_is_missing, setup),
        cmocka_unit_test_setup(after_a_hole_the_beginning_is_blended_and_the_rest_passes, setup),
        cmocka_unit_test_setup(a_phone_of_the_other_law_gets_it, setup),
        cmocka_unit_test_setup(two_legs_share_no_number, setup),
        cmocka_unit_test_setup(a_report_speaks_of_the_stream_that_is_heard_now, setup),
        cmocka_unit_test_setup(reports_tell_losses_and_come_at_random_times, setup),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
