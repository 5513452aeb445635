/* tests/unit/proto/media/test_rtp.c - packets, reports and the laws of G.711 against tests/vectors/rtp.txt.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "proto/media/g711.h"
#include "proto/media/rtp.h"
#include "tests/support/vectors.h"

#include <stdlib.h>
#include <string.h>

static void check_packet(struct smx_vec *v)
{
    size_t len, payload_len, again_len;
    const uint8_t *wire = smx_vec_bytes(v, "wire", &len);
    struct smx_rtp rtp = {.seq = 77};
    uint8_t out[SMX_RTP_MAX];

    if (!smx_vec_is(v, "result", "ok")) {
        assert_int_equal(smx_rtp_decode(&rtp, wire, len), SMX_E_MALFORMED);
        assert_int_equal(rtp.seq, 77);
        return;
    }
    assert_int_equal(smx_rtp_decode(&rtp, wire, len), SMX_OK);
    assert_int_equal(rtp.marker, smx_vec_int(v, "marker"));
    assert_int_equal(rtp.payload_type, smx_vec_int(v, "type"));
    assert_int_equal(rtp.seq, smx_vec_int(v, "seq"));
    assert_int_equal(rtp.timestamp, smx_vec_int(v, "timestamp"));
    assert_int_equal(rtp.ssrc, smx_vec_int(v, "ssrc"));
    assert_memory_equal(rtp.payload, smx_vec_bytes(v, "payload", &payload_len), rtp.payload_len);
    assert_int_equal(rtp.payload_len, payload_len);
    if (smx_vec_has(v, "again"))
        wire = smx_vec_bytes(v, "again", &again_len);
    else
        again_len = len;
    assert_int_equal(smx_rtp_encode(out, &rtp), again_len);
    assert_memory_equal(out, wire, again_len);
}

static void check_report(struct smx_vec *v)
{
    struct smx_rtcp_report r = {
        .ssrc = (uint32_t)smx_vec_int(v, "ssrc"),
        .since_start = smx_vec_int(v, "since_ns"),
        .timestamp = (uint32_t)smx_vec_int(v, "timestamp"),
        .packets = (uint32_t)smx_vec_int(v, "packets"),
        .payload_bytes = (uint32_t)smx_vec_int(v, "payload_bytes"),
        .heard = smx_vec_has(v, "heard_ssrc"),
    };
    uint8_t out[SMX_RTCP_REPORT];
    const uint8_t *wire;
    size_t len;

    memcpy(r.cname, smx_vec_fixed(v, "cname", sizeof r.cname), sizeof r.cname);
    if (r.heard) {
        r.heard_ssrc = (uint32_t)smx_vec_int(v, "heard_ssrc");
        r.fraction_lost = (uint8_t)smx_vec_int(v, "fraction_lost");
        r.lost = (int32_t)strtol(smx_vec_text(v, "lost"), NULL, 10);
        r.highest_seq = (uint32_t)smx_vec_int(v, "highest_seq");
        r.jitter = (uint32_t)smx_vec_int(v, "jitter");
    }
    wire = smx_vec_bytes(v, "wire", &len);
    assert_int_equal(smx_rtcp_encode(out, &r), len);
    assert_memory_equal(out, wire, len);
}

static int16_t sample_at(const uint8_t *in, size_t i)
{
    return (int16_t)(in[2 * i] << 8 | in[2 * i + 1]);
}

static void check_law(struct smx_vec *v)
{
    bool pcmu = smx_vec_is(v, "law", "pcmu");
    const uint8_t *values = smx_vec_fixed(v, "values", 512);

    for (unsigned code = 0; code < 256; code++)
        assert_int_equal(pcmu ? smx_pcmu_decode((uint8_t)code) : smx_pcma_decode((uint8_t)code),
                         sample_at(values, code));
}

static void check_codes(struct smx_vec *v)
{
    bool pcmu = smx_vec_is(v, "code", "pcmu");
    size_t count;
    const uint8_t *codes = smx_vec_bytes(v, "codes", &count);
    const uint8_t *samples = smx_vec_fixed(v, "samples", 2 * count);

    for (size_t i = 0; i < count; i++)
        assert_int_equal(
            pcmu ? smx_pcmu_encode(sample_at(samples, i)) : smx_pcma_encode(sample_at(samples, i)), codes[i]);
}

static void every_vector_holds(void **state)
{
    struct smx_vec v;

    (void)state;
    smx_vec_open(&v, "tests/vectors/rtp.txt");
    while (smx_vec_next(&v)) {
        if (smx_vec_has(&v, "law"))
            check_law(&v);
        else if (smx_vec_has(&v, "codes"))
            check_codes(&v);
        else if (smx_vec_has(&v, "cname"))
            check_report(&v);
        else
            check_packet(&v);
    }
}

static void every_code_survives_a_round_trip(void **state)
{
    (void)state;
    for (unsigned code = 0; code < 256; code++) {
        if (code != 0x7f) /* the negative zero of the mu-law */
            assert_int_equal(smx_pcmu_encode(smx_pcmu_decode((uint8_t)code)), code);
        assert_int_equal(smx_pcma_encode(smx_pcma_decode((uint8_t)code)), code);
    }
    assert_int_equal(smx_pcmu_decode(SMX_PCMU_SILENCE), 0);
    assert_int_equal(smx_pcma_decode(SMX_PCMA_SILENCE), 8);
}

static void every_cut_and_flipped_bit_is_read_safely(void **state)
{
    static const uint8_t wire[] = {0xb1, 0x80, 0,    1,    0, 0, 0, 2, 0, 0, 0,    3,    0x11, 0x11,
                                   0x11, 0x11, 0xbe, 0xde, 0, 1, 0, 0, 0, 0, 0xaa, 0xbb, 0,    2};
    struct smx_rtp rtp;

    (void)state;
    for (size_t len = 0; len <= sizeof wire; len++)
        for (size_t bit = 0; bit < len * 8; bit++) {
            uint8_t *exact = malloc(len);

            assert_non_null(exact);
            memcpy(exact, wire, len);
            exact[bit / 8] ^= (uint8_t)(1U << bit % 8);
            if (smx_rtp_decode(&rtp, exact, len) == SMX_OK)
                assert_true(rtp.payload >= exact && rtp.payload + rtp.payload_len <= exact + len);
            free(exact);
        }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_vector_holds),
        cmocka_unit_test(every_code_survives_a_round_trip),
        cmocka_unit_test(every_cut_and_flipped_bit_is_read_safely),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
