/* tests/unit/proto/media/test_dtmf.c - keys as RTP events, read and played. */
#include "proto/media/dtmf.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

static enum smx_err packet(struct smx_dtmf_in *in, smx_time now, uint32_t timestamp, uint8_t event, bool end,
                           uint16_t duration, struct smx_dtmf_key *key)
{
    uint8_t payload[4] = {event, end ? 0x8a : 0x0a, (uint8_t)(duration >> 8), (uint8_t)duration};
    struct smx_rtp rtp = {.timestamp = timestamp, .payload = payload, .payload_len = sizeof payload};

    return smx_dtmf_receive(in, now, &rtp, key);
}

static void a_key_is_told_once_when_it_is_released(void **state)
{
    struct smx_dtmf_in in = {.known = false};
    struct smx_dtmf_key key = {0, 0};

    (void)state;
    for (uint16_t i = 1; i <= 8; i++)
        assert_int_equal(packet(&in, SMX_MS(20) * i, 1000, 5, false, (uint16_t)(160 * i), &key),
                         SMX_E_ABSENT);
    assert_int_equal(packet(&in, SMX_MS(180), 1000, 5, true, 1300, &key), SMX_OK);
    assert_int_equal(key.event, 5);
    assert_int_equal(key.slots, 9); /* 162.5 ms, rounded up */
    assert_int_equal(packet(&in, SMX_MS(180), 1000, 5, true, 1300, &key), SMX_E_ABSENT);
    assert_int_equal(packet(&in, SMX_MS(180), 1000, 5, true, 1300, &key), SMX_E_ABSENT);
    assert_false(smx_dtmf_is_released(&in, SMX_SECOND(1), &key));
    assert_int_equal(packet(&in, SMX_MS(300), 3000, 5, true, 400, &key), SMX_OK); /* the same key again */
    assert_int_equal(key.slots, 3);
    assert_int_equal(packet(&in, SMX_MS(310), 1000, 5, true, 1300, &key), SMX_E_ABSENT); /* from before */
}

static void a_key_whose_end_is_lost_is_released_by_time_or_by_the_next(void **state)
{
    struct smx_dtmf_in in = {.known = false};
    struct smx_dtmf_key key = {0, 0};

    (void)state;
    assert_int_equal(packet(&in, SMX_MS(20), 1000, 1, false, 480, &key), SMX_E_ABSENT);
    assert_false(smx_dtmf_is_released(&in, SMX_MS(119), &key));
    assert_true(smx_dtmf_is_released(&in, SMX_MS(120), &key));
    assert_int_equal(key.event, 1);
    assert_int_equal(key.slots, 3);
    assert_int_equal(packet(&in, SMX_MS(200), 2000, 2, false, 160, &key), SMX_E_ABSENT);
    assert_int_equal(packet(&in, SMX_MS(240), 4000, 3, false, 160, &key), SMX_OK);
    assert_int_equal(key.event, 2);
    assert_int_equal(packet(&in, SMX_MS(260), 4000, 3, true, 320, &key), SMX_OK);
    assert_int_equal(key.event, 3);
}

static void what_is_no_key_is_refused(void **state)
{
    struct smx_dtmf_in in = {.known = false};
    struct smx_dtmf_key key;
    uint8_t payload[5] = {1, 10, 0, 160, 0};
    struct smx_rtp rtp = {.payload = payload};

    (void)state;
    for (rtp.payload_len = 0; rtp.payload_len <= sizeof payload; rtp.payload_len++)
        if (rtp.payload_len != SMX_DTMF_PAYLOAD)
            assert_int_equal(smx_dtmf_receive(&in, 0, &rtp, &key), SMX_E_MALFORMED);
    assert_int_equal(packet(&in, 0, 1, 16, true, 160, &key), SMX_E_MALFORMED); /* flash hook */
    assert_false(in.known);
    assert_int_equal(smx_dtmf_slots(0), SMX_DTMF_SLOTS_MIN);
    assert_int_equal(smx_dtmf_slots(UINT32_MAX), SMX_DTMF_SLOTS_MAX);
}

static void a_key_is_played_a_packet_a_slot_and_its_end_three_times(void **state)
{
    struct smx_dtmf_out out = {.count = 0};
    uint8_t payload[SMX_DTMF_PAYLOAD];
    unsigned age = 99;

    (void)state;
    smx_dtmf_push(&out, (struct smx_dtmf_key){11, 4});
    smx_dtmf_push(&out, (struct smx_dtmf_key){0, 2});
    for (unsigned slot = 0; slot < 6; slot++) {
        assert_true(smx_dtmf_next(&out, payload, &age));
        assert_int_equal(age, slot);
        assert_int_equal(payload[0], 11);
        assert_int_equal(payload[1], slot < 3 ? 10 : 0x80 | 10);
        assert_int_equal(payload[2] << 8 | payload[3], slot < 3 ? 160 * (slot + 1) : 640);
    }
    for (unsigned slot = 0; slot < SMX_DTMF_PAUSE; slot++)
        assert_false(smx_dtmf_next(&out, payload, &age));
    assert_true(smx_dtmf_next(&out, payload, &age));
    assert_int_equal(payload[0], 0);
    assert_int_equal(age, 0);
    for (unsigned slot = 1; slot < 2 + SMX_DTMF_ENDS - 1; slot++)
        assert_true(smx_dtmf_next(&out, payload, &age));
    for (unsigned slot = 0; slot < 20; slot++)
        assert_false(smx_dtmf_next(&out, payload, &age));
    for (unsigned i = 0; i < 2 * SMX_DTMF_QUEUE; i++)
        smx_dtmf_push(&out, (struct smx_dtmf_key){1, 2});
    assert_int_equal(out.count, SMX_DTMF_QUEUE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_key_is_told_once_when_it_is_released),
        cmocka_unit_test(a_key_whose_end_is_lost_is_released_by_time_or_by_the_next),
        cmocka_unit_test(what_is_no_key_is_refused),
        cmocka_unit_test(a_key_is_played_a_packet_a_slot_and_its_end_three_times),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
