/* client/sip/ua.h - the phone side of a client: registrar, back-to-back user agent and media edge.
 * Source: docs/protocol/70-phone.md; RFC 3261, 3264, 3428, 3550, 3581, 6026.
 *
 *      phones                      struct smx_ua                     network side (client core)
 *   SIP UDP, TCP  --- smx_ua_udp, _tcp_* --->  orders  --- smx_ua_next_order --->  meeting, circuits
 *   RTP, RTCP     --- smx_ua_rtp ----------->          <-- smx_ua_call_*, _message_* ---
 *                 <-- smx_ua_next_send ------          <-> smx_ua_media_take, _media_put
 *
 * A pure core: time, bytes and randomness come in, sends and orders are collected inside until the caller
 * drains them.  After every verb that takes "now": drain smx_ua_next_send and smx_ua_next_order until they
 * yield NULL, then arm one timer with smx_ua_deadline.  Verbs may be called while draining orders.
 * Not for several threads at once.  Nothing that a phone sends travels on except what an order holds; nothing
 * that the network side hands in reaches a phone except the texts and frames given here, re-checked. */
#ifndef SMX_SIP_UA_H
#define SMX_SIP_UA_H

#include "client/sip/auth.h"
#include "client/sip/sdp.h"
#include "proto/base/err.h"
#include "proto/base/out.h"
#include "proto/base/rng.h"
#include "proto/base/time.h"
#include "proto/media/dtmf.h"
#include "proto/media/rtp.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct smx_ua;

enum {
    SMX_UA_USER = 64,            /* bytes of a user part with its final NUL: a name (3..32) or a key (52) */
    SMX_UA_DISPLAY = 49,         /* bytes of a display name with its final NUL */
    SMX_UA_TEXT_MAX = 8192,      /* bytes of a MESSAGE's text */
    SMX_UA_IDENTITIES = 16,      /* own addresses at a time */
    SMX_UA_TCP_UNREAD = 20480,   /* bytes: the largest message on a stream; the caller buffers that much */
    SMX_UA_KEPT_MAX = 28 * 1024, /* bytes of smx_ua_keep */
};

/* SRTP towards phones, by TLS and on this host only: never; if the phone has it; or no call without.  But for
 * the first, smx_srtp_library comes before. */
enum smx_ua_srtp { SMX_UA_SRTP_OFF, SMX_UA_SRTP_OFFER, SMX_UA_SRTP_DEMAND };

/* A local pair of UDP ports on media_ip, opened by the caller: rtp even, rtcp the next odd one.  One pair
 * serves one call, so their count bounds the calls. */
struct smx_ua_ports {
    uint16_t rtp, rtcp;
};

struct smx_ua_config {
    const char *domain; /* "sipmix.alt" */
    struct smx_addr udp, tcp,
        tls; /* where phones reach us, as written into Via and Contact; port 0: no such listener */
    uint8_t media_ip[16]; /* as in struct smx_addr */
    const struct smx_ua_ports *ports;
    size_t port_count;   /* pairs, at least 1 */
    size_t bindings_max; /* registered phones; 0 = 8 */
    size_t conns_max;    /* TCP and TLS connections; 0 = 16 */
    /* Passwords of phones (auth.h); none: whoever reaches us is served.  Copied as hashes. */
    const struct smx_auth_account *accounts;
    size_t account_count;
    enum smx_auth_offer offer;
    enum smx_ua_srtp srtp;
    bool opus; /* the profile: Opus before G.711, for phones and calls that have it; else G.711 alone */
    bool display_name;       /* whom a phone calls is told what its From shows as the caller's name */
    size_t transactions_max; /* SIP transactions at a time; 0 = 128 (about 20 KB each while in use) */
};

/* Copies what it needs from config and forks a generator from rng.  NULL: out of memory, or
 * an account that is none. */
struct smx_ua *smx_ua_new(const struct smx_ua_config *config, struct smx_rng *rng);
void smx_ua_free(struct smx_ua *ua);

/* ---- phone side, in ---- */

void smx_ua_udp(struct smx_ua *ua, smx_time now, const struct smx_addr *from, const uint8_t *bytes,
                size_t len);
/* conn is the caller's number, never used again.  A full table closes it by a send of SMX_UA_SEND_CLOSE. */
void smx_ua_tcp_open(struct smx_ua *ua, smx_time now, uint64_t conn, const struct smx_addr *from);
/* The same of a connection over TLS; everything else about it as of TCP, numbers included. */
void smx_ua_tls_open(struct smx_ua *ua, smx_time now, uint64_t conn, const struct smx_addr *from);
/* bytes: all that is unread, earlier leftovers included.  Returns how many are read now. */
size_t smx_ua_tcp_data(struct smx_ua *ua, smx_time now, uint64_t conn, const uint8_t *bytes, size_t len);
/* Gone, other than by our own SMX_UA_SEND_CLOSE. */
void smx_ua_tcp_closed(struct smx_ua *ua, smx_time now, uint64_t conn);
/* A datagram on port pair number pair; is_rtcp tells which port of it. */
void smx_ua_rtp(struct smx_ua *ua, smx_time now, size_t pair, bool is_rtcp, const struct smx_addr *from,
                const uint8_t *bytes, size_t len);
void smx_ua_expire(struct smx_ua *ua, smx_time now);
smx_time smx_ua_deadline(const struct smx_ua *ua);

/* ---- phone side, out ---- */

enum smx_ua_send_kind {
    SMX_UA_SEND_UDP,   /* from the SIP socket, to addr */
    SMX_UA_SEND_TCP,   /* on conn */
    SMX_UA_SEND_CLOSE, /* conn: send what is queued, then close */
    SMX_UA_SEND_RTP,   /* from the rtp port of pair, to addr */
    SMX_UA_SEND_RTCP,  /* from the rtcp port of pair, to addr */
};

struct smx_ua_send {
    enum smx_ua_send_kind kind;
    uint64_t conn;
    size_t pair;
    struct smx_addr to;
    const uint8_t *bytes; /* valid until the next verb that takes "now" */
    size_t len;
};

/* The next thing to send, in order, or NULL.  Valid until the next call. */
const struct smx_ua_send *smx_ua_next_send(struct smx_ua *ua);

/* ---- orders to the network side ---- */

enum smx_ua_target_kind { SMX_UA_NAME, SMX_UA_KEY };

struct smx_ua_target {
    enum smx_ua_target_kind kind;
    char text[SMX_UA_USER]; /* lower case: "bob", or 52 characters of base32 (RFC 4648, no padding) */
};

enum smx_ua_order_kind {
    SMX_UA_CALL_START,     /* the phone calls target as identity, or hands a call on to him; id is the call
                              from now on */
    SMX_UA_CALL_RINGING,   /* an incoming call rings on a phone (once a call) */
    SMX_UA_CALL_ANSWER,    /* a phone took the incoming call: media may flow */
    SMX_UA_CALL_REFUSE,    /* no phone takes it; code is 480, 486 or 603; the call is over */
    SMX_UA_CALL_END,       /* the phone cancelled or hung up, or was lost; the call is over */
    SMX_UA_CALL_DIRECTION, /* the phone holds, or comes back: code is an enum smx_direction, as the phone sees
                              it */
    SMX_UA_CALL_KEY,       /* a key of the phone was released: key */
    SMX_UA_MESSAGE_SEND,   /* text to target as identity; answer it with smx_ua_message_done(id) */
    SMX_UA_MESSAGE_RESULT, /* what became of smx_ua_message_in(id): 200, 480 or 415 in code */
    SMX_UA_CLAIM, /* a phone registered as sip:NAME@domain, new to us: target is the name; already answered */
};

struct smx_ua_order {
    enum smx_ua_order_kind kind;
    uint32_t id; /* of the call or message */
    uint16_t code;
    bool opus; /* CALL_START: the phone would speak Opus, and G.711 as well; CALL_ANSWER: it is Opus */
    struct smx_ua_target target;
    bool unnamed;                 /* CALL_START, MESSAGE_SEND: the phone asks that nobody be told who it is */
    char display[SMX_UA_DISPLAY]; /* CALL_START: what he shall be told that the caller is called; empty:
                                     nothing */
    char identity[SMX_UA_USER];   /* which own address the phone used: of smx_ua_identities, or a name it
                                     claimed */
    struct smx_dtmf_key key;
    const char *text; /* UTF-8, no NUL inside or behind; valid until the next call of smx_ua_next_order */
    size_t text_len;
};

/* The next order, oldest first, or NULL.  Valid until the next call. */
const struct smx_ua_order *smx_ua_next_order(struct smx_ua *ua);

/* ---- network side, in ---- */

/* While not ready (as at start), calls and messages of phones are answered 503. */
void smx_ua_network(struct smx_ua *ua, bool ready);
/* Replaces the own addresses (user parts, lower case): the first is used when a phone names none of them.
 * Claimed names that are confirmed stand here too. */
void smx_ua_identities(struct smx_ua *ua, const char *const *users, size_t count);
/* The name belongs to somebody else: phones registered for it are forgotten and get 403 from now on. */
void smx_ua_claim_refused(struct smx_ua *ua, const char *name);

/* A call to the own address identity, from "sip:USER@domain" or, if he says that he is called NAME, "NAME
 * <sip:USER@domain>": shown as "says: NAME" (anything else is shown as anonymous).  Rings
 * the phones registered for identity, or all if none is.  On SMX_OK *call is its number; then CALL_RINGING,
 * CALL_ANSWER or CALL_REFUSE follow.  SMX_E_ABSENT: no phone is registered.  SMX_E_FULL: no port pair is
 * free. */
enum smx_err smx_ua_call_incoming(struct smx_ua *ua, smx_time now, const char *from, const char *identity,
                                  uint32_t *call) SMX_MUST_CHECK;
/* The same when the caller would speak Opus, and G.711 as well: CALL_ANSWER says which.  Without the profile
 * there is no difference. */
enum smx_err smx_ua_call_incoming_opus(struct smx_ua *ua, smx_time now, const char *from,
                                       const char *identity, uint32_t *call) SMX_MUST_CHECK;
bool smx_ua_has_opus(const struct smx_ua *ua); /* the profile */
/* For calls by SMX_UA_CALL_START.  A number that is not (or no longer) a call's is ignored in all these: the
 * phone may have hung up meanwhile. */
void smx_ua_call_ringing(struct smx_ua *ua, smx_time now, uint32_t call);
void smx_ua_call_answered(struct smx_ua *ua, smx_time now, uint32_t call);
/* In Opus, if the order had it; else as above. */
void smx_ua_call_answered_opus(struct smx_ua *ua, smx_time now, uint32_t call);
/* code: 404, 408, 480, 486, 488, 503 or 603; any other becomes 480.  The call is over. */
void smx_ua_call_failed(struct smx_ua *ua, smx_time now, uint32_t call, unsigned code);
/* The far side cancelled or hung up, in whatever state.  The call is over; no order follows. */
void smx_ua_call_ended(struct smx_ua *ua, smx_time now, uint32_t call);

/* The far side holds, or comes back: far is what it does from now on.  Any answered call's phone is told by a
 * re-INVITE, as soon as it is ready for one. */
void smx_ua_call_direction(struct smx_ua *ua, smx_time now, uint32_t call, enum smx_direction far);

/* A key at the far side: the phone of an answered call hears it as an RTP event, if it knows those. */
void smx_ua_call_key(struct smx_ua *ua, smx_time now, uint32_t call, struct smx_dtmf_key key);

/* A text from "sip:USER@domain" to the own address identity; id is the caller's and returns in
 * MESSAGE_RESULT. What a MESSAGE record may carry (proto/e2e/record.h).  SMX_E_ABSENT: no phone.  SMX_E_FULL:
 * too many under way. SMX_E_MALFORMED: not such a text. */
enum smx_err smx_ua_message_in(struct smx_ua *ua, smx_time now, uint32_t id, const char *from,
                               const char *identity, const char *text, size_t text_len) SMX_MUST_CHECK;
/* Answers MESSAGE_SEND: 200, 202, or a code as in smx_ua_call_failed.  Unanswered, the phone gets 408 after
 * 30 s. */
void smx_ua_message_done(struct smx_ua *ua, smx_time now, uint32_t id, unsigned code);

/* ---- the end ---- */

/* Ends all calls, on both sides; from now on there are no new ones.  What goes out may take some datagrams
 * each way. */
void smx_ua_hang_up(struct smx_ua *ua, smx_time now);
/* Writes what a later run needs to end the phones' calls, should this one end without a word; returns its
 * length, 0 while no phone has a call.  To be looked at after each verb, and kept where only we can read it:
 * it holds the names of dialogs and the phones' Contacts, of nobody else anything. */
size_t smx_ua_keep(struct smx_ua *ua, uint8_t out[SMX_UA_KEPT_MAX]);
/* In that later run, before any other verb but _identities and _network: hangs up.  What can't be done at
 * once (a phone on TCP has to connect first) stands in smx_ua_keep again.  SMX_E_MALFORMED: nothing is done.
 */
enum smx_err smx_ua_resume(struct smx_ua *ua, smx_time now, const uint8_t *in, size_t len) SMX_MUST_CHECK;

/* ---- media: both are to be called exactly once per 20 ms slot, from the answer to the end of the call ----
 */

/* The phone's next 20 ms, always PCMU (what the phone speaks does not show) but for a call in Opus.  False:
 * nothing to send in this slot (phone not heard yet, on hold, or late); the far side conceals it. */
bool smx_ua_media_take(struct smx_ua *ua, uint32_t call, smx_time now, struct smx_frame *frame);
/* The far side's 20 ms, of either law, or of Opus in a call in Opus, or NULL when it is missing: then what
 * was heard last goes on, fading to silence; in Opus the phone misses a packet, and conceals it.  Emits one
 * RTP packet to the phone, unless the phone is on hold. */
void smx_ua_media_put(struct smx_ua *ua, uint32_t call, smx_time now, const struct smx_frame *frame);

/* ---- counters by cause, for the operator: they name no user ---- */

struct smx_ua_stats {
    uint64_t gate_refused;  /* SIP input stopped before the parser */
    uint64_t parse_refused; /* refused by the parser or the checks behind it */
    uint64_t table_full;    /* requests answered 503 because a table was full */
    uint64_t stray;         /* responses and in-dialog requests that fit nothing, or come from elsewhere */
    uint64_t rtp_refused;   /* malformed, from a foreign source, or an unknown payload type */
    uint64_t auth_wrong;    /* wrong passwords or users */
    uint64_t auth_waits;    /* requests of sources that have to wait after such */
    uint64_t sends_dropped; /* found no room in the send queue */
};

struct smx_ua_stats smx_ua_stats(const struct smx_ua *ua);
/* Calls, registered phones and SIP transactions now: for the status page, and to see that nothing leaks. */
struct smx_ua_usage {
    size_t calls, bindings, transactions;
};
struct smx_ua_usage smx_ua_usage(const struct smx_ua *ua);

#endif
