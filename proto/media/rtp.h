/* proto/media/rtp.h - RTP and RTCP packets, as far as a phone needs them, and the audio frame they carry.
 * Sources: RFC 3550, 5.1, 6.4 and 6.5; RFC 3551, table 4; docs/protocol/70-phone.md, sections 6 and 7.
 *
 *   RTP   0 V=2 P X CC | 1 M PT | 2 seq u16 | 4 timestamp u32 | 8 SSRC u32 | 12 CSRCs, extension, payload,
 * padding
 *
 * We read what phones send (extensions, CSRCs and padding are skipped) and write the bare header only.
 * RTCP is written and never read: nothing in a phone's reports may travel on, and nothing here needs them.
 * Pure: no I/O, clock or allocation. */
#ifndef SMX_MEDIA_RTP_H
#define SMX_MEDIA_RTP_H

#include "proto/base/err.h"
#include "proto/base/time.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* 20 ms of audio: the unit of all media between the clients. */
enum {
    SMX_FRAME_PCMU = 0, /* also the static RTP payload type (RFC 3551) */
    SMX_FRAME_PCMA = 8,
    SMX_FRAME_OPUS = 96,     /* the payload type that we offer */
    SMX_FRAME_PAYLOAD = 160, /* bytes = samples at 8000/s */
    SMX_OPUS_MAX = 158,      /* bytes of a frame of Opus */
};

struct smx_frame {
    uint8_t codec; /* SMX_FRAME_PCMU, _PCMA or _OPUS */
    uint8_t payload[SMX_FRAME_PAYLOAD];
    uint8_t len; /* of Opus, 1..SMX_OPUS_MAX bytes; of the others it says nothing */
};

enum {
    SMX_RTP_HEADER = 12,
    SMX_RTP_MAX = 1500,             /* bytes; longer ones are dropped */
    SMX_RTCP_CNAME = 16,            /* characters: 96 random bits in base64 (RFC 7022, 4.2) */
    SMX_RTCP_REPORT = 28 + 24 + 28, /* bytes: SR with sender info, one report block, SDES with one CNAME */
};

struct smx_rtp {
    bool marker;
    uint8_t payload_type; /* 0..127 */
    uint16_t seq;
    uint32_t timestamp;
    uint32_t ssrc;
    const uint8_t *payload; /* a view of the input */
    size_t payload_len;     /* bytes */
};

/* SMX_E_MALFORMED: not RTP version 2, an RTCP packet type (RFC 5761), or lengths that do not add up; *rtp is
 * then untouched. */
enum smx_err smx_rtp_decode(struct smx_rtp *rtp, const uint8_t *in, size_t in_len) SMX_MUST_CHECK;
/* Writes header and payload to out, which has room for SMX_RTP_HEADER + rtp->payload_len; returns that sum.
 */
size_t smx_rtp_encode(uint8_t *out, const struct smx_rtp *rtp);

/* What one report says (RFC 3550, 6.4.1).  Times: since_start is the time since the leg began and stands for
 * the NTP clock, so that no wall clock shows; with no received stream heard, the report block is left out. */
struct smx_rtcp_report {
    uint32_t ssrc; /* ours */
    smx_time since_start;
    uint32_t timestamp;              /* RTP time of the same moment */
    uint32_t packets, payload_bytes; /* sent since the start */
    bool heard;                      /* of the stream that we receive: */
    uint32_t heard_ssrc;
    uint8_t fraction_lost; /* 1/256 since the last report */
    int32_t lost;          /* since the start, 24 bits signed */
    uint32_t highest_seq;  /* extended with the count of wraps */
    uint32_t jitter;       /* timestamp units */
    char cname[SMX_RTCP_CNAME];
};

/* Writes SR, SDES(CNAME) to out; returns the length, at most SMX_RTCP_REPORT. */
size_t smx_rtcp_encode(uint8_t out[SMX_RTCP_REPORT], const struct smx_rtcp_report *report);

#endif
