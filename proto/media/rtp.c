/* proto/media/rtp.c - see rtp.h. */
#include "proto/media/rtp.h"

#include "proto/base/bytes.h"

enum {
    VERSION = 2,
    RTCP_FIRST = 72, /* payload types 72..76 are RTCP's 200..204 with the marker bit (RFC 5761, 4) */
    RTCP_LAST = 76,
    PT_SR = 200,
    PT_SDES = 202,
    SDES_CNAME = 1,
};

enum smx_err smx_rtp_decode(struct smx_rtp *rtp, const uint8_t *in, size_t in_len)
{
    struct smx_rd r = {in, in_len, false};
    struct smx_rtp got;
    uint8_t first = smx_rd_u8(&r), second = smx_rd_u8(&r);
    size_t padding = 0;

    got.marker = second >> 7;
    got.payload_type = second & 0x7f;
    got.seq = smx_rd_u16(&r);
    got.timestamp = smx_rd_u32(&r);
    got.ssrc = smx_rd_u32(&r);
    (void)smx_rd_view(&r, (size_t)4 * (first & 0x0fU)); /* CSRCs */
    if (first & 0x10U) {                                /* extension: profile u16, length u16 in words */
        (void)smx_rd_u16(&r);
        (void)smx_rd_view(&r, (size_t)4 * smx_rd_u16(&r));
    }
    if (first & 0x20U) { /* the last byte counts the padding, itself included */
        padding = !r.bad && r.left > 0 ? r.at[r.left - 1] : 0;
        if (padding == 0 || padding > r.left)
            return SMX_E_MALFORMED;
    }
    if (r.bad || first >> 6 != VERSION || in_len > SMX_RTP_MAX)
        return SMX_E_MALFORMED;
    if (got.payload_type >= RTCP_FIRST && got.payload_type <= RTCP_LAST)
        return SMX_E_MALFORMED;
    got.payload = r.at;
    got.payload_len = r.left - padding;
    *rtp = got;
    return SMX_OK;
}

size_t smx_rtp_encode(uint8_t *out, const struct smx_rtp *rtp)
{
    size_t len = SMX_RTP_HEADER + rtp->payload_len;
    struct smx_wr w = {out, len};

    smx_wr_u8(&w, VERSION << 6);
    smx_wr_u8(&w, (uint8_t)((rtp->marker ? 0x80U : 0U) | rtp->payload_type));
    smx_wr_u16(&w, rtp->seq);
    smx_wr_u32(&w, rtp->timestamp);
    smx_wr_u32(&w, rtp->ssrc);
    smx_wr_bytes(&w, rtp->payload, rtp->payload_len);
    smx_wr_done(&w);
    return len;
}

size_t smx_rtcp_encode(uint8_t out[SMX_RTCP_REPORT], const struct smx_rtcp_report *report)
{
    size_t sr = 28 + (report->heard ? 24 : 0), sdes = 4 + 4 + 2 + SMX_RTCP_CNAME + 2;
    struct smx_wr w = {out, sr + sdes};

    _Static_assert(28 + 24 + 4 + 4 + 2 + SMX_RTCP_CNAME + 2 == SMX_RTCP_REPORT, "the longest report");
    _Static_assert((2 + SMX_RTCP_CNAME + 2) % 4 == 0, "an SDES chunk ends on a word, after a null item");
    smx_wr_u8(&w, (uint8_t)(VERSION << 6 | (report->heard ? 1 : 0)));
    smx_wr_u8(&w, PT_SR);
    smx_wr_u16(&w, (uint16_t)(sr / 4 - 1));
    smx_wr_u32(&w, report->ssrc);
    smx_wr_u32(&w, (uint32_t)(report->since_start / SMX_SECOND(1)));
    smx_wr_u32(&w, (uint32_t)((report->since_start % SMX_SECOND(1) << 32) / SMX_SECOND(1)));
    smx_wr_u32(&w, report->timestamp);
    smx_wr_u32(&w, report->packets);
    smx_wr_u32(&w, report->payload_bytes);
    if (report->heard) {
        smx_wr_u32(&w, report->heard_ssrc);
        smx_wr_u32(&w, (uint32_t)report->fraction_lost << 24 | ((uint32_t)report->lost & 0xffffffU));
        smx_wr_u32(&w, report->highest_seq);
        smx_wr_u32(&w, report->jitter);
        smx_wr_zeros(&w, 8); /* LSR, DLSR: we read no SR, so nobody measures his round trip by us */
    }
    smx_wr_u8(&w, VERSION << 6 | 1);
    smx_wr_u8(&w, PT_SDES);
    smx_wr_u16(&w, (uint16_t)(sdes / 4 - 1));
    smx_wr_u32(&w, report->ssrc);
    smx_wr_u8(&w, SDES_CNAME);
    smx_wr_u8(&w, SMX_RTCP_CNAME);
    smx_wr_bytes(&w, report->cname, SMX_RTCP_CNAME);
    smx_wr_zeros(&w, 2);
    smx_wr_done(&w);
    return sr + sdes;
}
