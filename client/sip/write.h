/* client/sip/write.h - the one writer of SIP messages: fixed order, spelling and spacing, nothing optional.
 * Source: docs/protocol/70-phone.md, section 3; RFC 3261, 7 and 18.2; RFC 3581.
 *
 * Messages are built, never edited.  The only text of a phone that is ever written back is, to that phone,
 * what the protocol demands: Via, From, To, Call-ID, CSeq and Contact of its own request. */
#ifndef SMX_SIP_WRITE_H
#define SMX_SIP_WRITE_H

#include "client/sip/gate.h"
#include "proto/base/out.h"

#define SMX_SIP_MIN_SE "90" /* seconds: the least that RFC 4028 allows */
#define SMX_SIP_ALLOW  "INVITE, ACK, BYE, CANCEL, OPTIONS, MESSAGE, UPDATE, INFO, PRACK, REFER"

/* The phrase that belongs to a status. */
const char *smx_sip_reason(unsigned status);

/* The five headers that each response to this request carries, in order.  The first Via gets received and,
 * where asked for, rport, of where it came from.  tag goes to a To that has none; NULL: it has one, or needs
 * none. */
void smx_write_echo(struct smx_text *out, const struct smx_gate *request, const struct smx_addr *from,
                    const char *tag);

struct smx_response {
    unsigned status;
    struct smx_span echo;        /* of smx_write_echo */
    struct smx_span contact;     /* "<sip:...>" or a list; len 0: none */
    struct smx_span unsupported; /* for 420: the option tags; else len 0 */
    struct smx_span challenge;   /* for 401: whole lines of smx_auth_challenge; else len 0 */
    uint32_t rseq;               /* of a reliable 18x; else 0 */
    bool no_subscription;        /* of a REFER's 202: no NOTIFY will come (RFC 4488) */
    uint32_t expires;            /* of the session, seconds (RFC 4028); 0: none */
    bool we_refresh;             /* ... who refreshes it */
    const char *type;            /* of the body, or NULL */
    struct smx_span body;
};

/* Adds by itself what else the status demands: Allow, Accept, Retry-After. */
void smx_write_response(struct smx_text *out, const struct smx_response *response);

struct smx_request {
    const char *method, *uri;
    bool tcp, tls;               /* as in struct smx_flow */
    const struct smx_addr *self; /* sent-by: our listener of that transport */
    const char *branch;
    struct smx_span from, to; /* header values, tags included */
    const char *call_id;
    uint32_t cseq;
    struct smx_span contact; /* or len 0 */
    struct smx_span rack;    /* of PRACK */
    struct smx_span event;   /* of NOTIFY, */
    struct smx_span state;   /* and its Subscription-State */
    uint32_t expires;        /* of the session, seconds; 0: none */
    uint32_t min_expires;    /* ... 0: the least that is allowed */
    bool we_refresh;         /* ... as agreed before; of a first INVITE false */
    const char *type;        /* of the body, or NULL */
    struct smx_span body;
};

void smx_write_request(struct smx_text *out, const struct smx_request *request);

#endif
