/* client/sip/parse.h - one SIP message as the rest of this folder sees it.
 * Source: docs/protocol/70-phone.md, section 2; RFC 3261, 7, 8.1.1, 20 and 25.
 *
 * Behind the gate, libosip2 parses the start line and the five headers that every message has, and URIs;
 * bodies and all other headers never reach it.  What it accepts too kindly is checked here.  Only parse.c and
 * wishes.c use its parser.
 */
#ifndef SMX_SIP_PARSE_H
#define SMX_SIP_PARSE_H

#include "client/sip/gate.h"

struct osip_message;

enum smx_method {
    SMX_M_INVITE,
    SMX_M_ACK,
    SMX_M_BYE,
    SMX_M_CANCEL,
    SMX_M_OPTIONS,
    SMX_M_REGISTER,
    SMX_M_MESSAGE,
    SMX_M_REFER,
    SMX_M_PUBLISH,
    SMX_M_SUBSCRIBE,
    SMX_M_UPDATE,
    SMX_M_INFO,
    SMX_M_PRACK,
    SMX_M_NOTIFY,
    SMX_M_OTHER,
};

enum smx_scheme { SMX_SCHEME_SIP, SMX_SCHEME_SIPS, SMX_SCHEME_TEL, SMX_SCHEME_URN, SMX_SCHEME_OTHER };

enum smx_scheme smx_sip_scheme(const char *scheme);

struct smx_uri {
    enum smx_scheme scheme;
    const char *user; /* percent-decoded, or NULL; for tel and urn all that follows the scheme */
    const char *host; /* or NULL */
};

enum { SMX_SIP_CONTACTS = 8, SMX_SIP_URI = 256, SMX_SIP_VIAS = 16 };

struct smx_contact {
    struct smx_span head, tail; /* as it came; between them stood an expires parameter, if any */
    struct smx_span uri;        /* without brackets: a checked sip or sips URI, or "*" */
    bool has_expires;
    uint32_t expires; /* seconds */
};

struct smx_sip {
    struct osip_message *osip; /* owns what the char pointers below point to */
    struct smx_gate gate;      /* owns what the spans point to, except the body */
    bool is_request;
    enum smx_method method; /* of a response: the CSeq's */
    unsigned status;        /* 100..699, of responses */
    struct smx_uri uri;     /* of requests */
    struct smx_uri from_uri, to_uri;
    const char *from_tag; /* never empty */
    const char *to_tag;   /* or NULL */
    const char *branch;   /* of the first Via; "" if it has none, as before RFC 3261 */
    struct smx_span call_id;
    uint32_t cseq;
    struct smx_contact contact[SMX_SIP_CONTACTS];
    size_t contact_count;
    struct smx_span body; /* in the input */
    size_t total;         /* bytes of the input that this message takes; 0 when nobody can tell */
};

/* Once before the first parse, in every process; again does no harm.  Silences the library's trace. */
void smx_sip_library(void);

/* Scans and parses one message.  A datagram ends with its last byte (bytes behind Content-Length are
 * ignored); on a stream the head says how long the body is.  On SMX_OK the caller ends with smx_sip_fini;
 * else there is nothing to end. SMX_E_STATE: on a stream, more bytes are wanted.  SMX_E_FULL: on a stream,
 * the body is too long. SMX_E_MALFORMED: refused. */
enum smx_err smx_sip_parse(struct smx_sip *sip, const uint8_t *in, size_t in_len, bool stream) SMX_MUST_CHECK;
void smx_sip_fini(struct smx_sip *sip);
/* The URI in a From or To value (out of its brackets, without header parameters), len 0 when it is not a
 * plain sip or sips URI that may be written back. */
struct smx_span smx_sip_address(struct smx_span value);
/* Whom a REFER names (RFC 3515, 2.1), and the dialog that he shall take over, as its far end has it. */
struct smx_refer {
    char user[SMX_SIP_URI], host[SMX_SIP_URI]; /* what uri points to */
    struct smx_uri uri;
    bool replaces; /* RFC 3891 */
    char call_id[256], to_tag[128], from_tag[128];
};
/* False: there is not exactly one such header, or it is no call that it asks for. */
bool smx_sip_refer(const struct smx_sip *sip, struct smx_refer *refer);

/* One Via of a message, from the first on; false: there is no such. */
struct smx_via {
    const char *host, *branch; /* never NULL */
    uint32_t port;             /* 0: none stood there */
};
bool smx_sip_via(const struct smx_sip *sip, size_t at, struct smx_via *via);

/* What RFC 3323 and 3325 ask for, and we don't do anyway. */
enum smx_privacy {
    SMX_PRIVACY_NONE,
    SMX_PRIVACY_UNNAMED, /* who calls */
    SMX_PRIVACY_UNKNOWN, /* something else, which is critical */
};
enum smx_privacy smx_sip_privacy(const struct smx_sip *sip);
/* Max-Forwards stood there, and is used up. */
bool smx_sip_is_spent(const struct smx_sip *sip);

/* Is this option tag in a header of such tags (Require, Supported)? */
bool smx_sip_has_option(const struct smx_sip *sip, enum smx_header header, const char *tag);
/* The tags that the message requires and we don't know, with commas; len 0: none. */
struct smx_span smx_sip_foreign_options(const struct smx_sip *sip, struct smx_text *out);
/* Of a message that was refused with a total (SMX_E_FULL, SMX_E_MALFORMED): is it a request whose sender can
 * be answered from its head alone? */
bool smx_sip_can_answer(const struct smx_sip *sip);

#endif
