/* client/sip/sdp.h - what we read of a phone's session description, and the one that we write.
 * Source: docs/protocol/70-phone.md, section 4; RFC 8866, 3264, 3551.
 *
 * The reader is tolerant of order and of what it does not know; of all lines it keeps the media lines, the
 * direction and the address.  Media is not sent to that address (section 6 of the page), only to the port.
 * The writer knows one session, G.711, keys as events, 20 ms, our own address; in the Opus profile one with
 * Opus before it, and that alone once it is what is spoken. */
#ifndef SMX_SIP_SDP_H
#define SMX_SIP_SDP_H

#include "client/sip/text.h"
#include "proto/base/err.h"
#include "proto/base/out.h"
#include "proto/media/srtp.h"

enum {
    SMX_SDP_MAX = 8192,    /* bytes */
    SMX_SDP_MEDIA = 8,     /* media lines */
    SMX_SDP_OPUS = 96,     /* payload type of Opus, in our offers */
    SMX_SDP_EVENT = 101,   /* payload type of events, in our offers */
    SMX_SDP_EVENT_48 = 102 /* the same of those that go with Opus */
};

/* As seen by whoever writes it; as in a record (proto/e2e/record.h): bit 0 does not receive, bit 1 does not
 * send.
 */
enum smx_direction { SMX_SENDRECV, SMX_SENDONLY, SMX_RECVONLY, SMX_INACTIVE };

/* One a=crypto line (RFC 4568), in a table by suite. */
struct smx_sdp_crypto {
    bool named;
    uint32_t tag;
    uint8_t key[SMX_SRTP_KEY]; /* with its salt; zeros behind */
};

struct smx_sdp {
    struct {
        char kind[16], proto[32], format[16]; /* kept to be refused by name */
    } media[SMX_SDP_MEDIA];
    size_t media_count;
    size_t audio;  /* the media line that we take */
    uint16_t port; /* its port, never 0 */
    bool has_ip;   /* its address; only ever compared with where packets come from */
    uint8_t ip[16];
    bool pcmu, pcma;
    uint8_t opus;     /* payload type of opus/48000/2 (RFC 7587), 96..127; 0: none */
    bool opus_first;  /* it stands before G.711 */
    uint8_t event;    /* payload type of telephone-event at 8000/s (RFC 4733), 96..127; 0: none */
    uint8_t event_48; /* the same at 48000/s */
    bool savp;        /* RTP/SAVP: then there is a key; RTP/AVP may name some too */
    struct smx_sdp_crypto crypto[SMX_SRTP_SUITES];
    bool rtcp_mux; /* RFC 5761 */
    enum smx_direction direction;
};

/* SMX_E_MALFORMED: no session description.  SMX_E_REFUSED: no audio stream of G.711 or Opus in it, over plain
 * RTP or over SRTP with a key that we could use. */
enum smx_err smx_sdp_read(struct smx_sdp *sdp, struct smx_span text) SMX_MUST_CHECK;

/* What our sessions name. */
enum smx_sdp_codecs { SMX_SDP_G711, SMX_SDP_OPUS_ALONE, SMX_SDP_OPUS_G711 };

struct smx_sdp_own {
    uint64_t session; /* 18 digits, drawn per leg */
    uint32_t version;
    uint8_t ip[16]; /* as in struct smx_addr */
    uint16_t port;
    bool savp, rtcp_mux;
    enum smx_sdp_codecs codecs;
    uint8_t opus; /* payload type; 0 while nothing names it */
    struct smx_sdp_crypto crypto[SMX_SRTP_SUITES];
    enum smx_direction direction;
};

/* An offer when to is NULL, else the answer to that one: its media lines in its order, all but one refused.
 * There must be a codec that both name. */
void smx_sdp_write(struct smx_text *out, const struct smx_sdp_own *own, const struct smx_sdp *to);
/* Does it name one of these? */
bool smx_sdp_has(const struct smx_sdp *sdp, enum smx_sdp_codecs codecs);
/* What the answer to an offer of this direction says. */
enum smx_direction smx_sdp_mirror(enum smx_direction offered);
/* Only what both allow. */
enum smx_direction smx_sdp_both(enum smx_direction a, enum smx_direction b);
bool smx_sdp_sends(enum smx_direction d);
bool smx_sdp_receives(enum smx_direction d);

#endif
