/* client/sip/txn.h - SIP transactions: libosip2's four state machines behind our own table.
 * Source: docs/protocol/70-phone.md, section 5; RFC 3261, 17; RFC 6026.
 *
 *   smx_txn_open ----> IST, NIST ---- smx_txn_respond      smx_txn_request ----> ICT, NICT <----
 * smx_txn_response
 *
 * The machines decide when to send; what they send is kept here, as we wrote it.  They are fed skeletons (a
 * method or status class and a transport) and never see a message of a phone, so nothing in one can steer
 * them or their destinations.  Found by a keyed hash of what identifies a transaction; RFC 6026's Accepted
 * state, in which the library's machines are already gone, is ours. */
#ifndef SMX_SIP_TXN_H
#define SMX_SIP_TXN_H

#include "client/sip/parse.h"
#include "proto/base/out.h"
#include "proto/base/time.h"

struct smx_ua;
struct osip;
struct osip_transaction;

/* How a phone is reached: the way its request came.  No address inside a message ever makes a destination. */
struct smx_flow {
    bool tcp;             /* a stream: TCP, or TLS over it */
    bool tls;             /* then tcp too */
    uint64_t conn;        /* of TCP */
    struct smx_addr addr; /* the other side */
};

enum smx_owner_kind { SMX_OWNER_NONE, SMX_OWNER_LEG, SMX_OWNER_MESSAGE };

struct smx_owner {
    enum smx_owner_kind kind;
    uint32_t id; /* of the call or text */
    size_t leg;
};

struct smx_txn {
    uint32_t serial; /* 0: the entry is free */
    bool server, invite;
    bool final;     /* of a client's: a final response has come */
    uint64_t key;   /* hash of what finds it */
    uint64_t check; /* hash of what a response must repeat besides */
    struct smx_flow flow;
    struct smx_owner owner;           /* of a client's */
    struct osip_transaction *machine; /* NULL: gone, and the entry waits for until */
    smx_time until;
    char *echo; /* of a server's: see smx_write_echo */
    size_t echo_len;
    char *last; /* our request, or our last response */
    size_t last_len;
    char *ack; /* of an INVITE client's: the ACK of the final response */
    size_t ack_len;
    uint64_t accepted_tag; /* hash of the To tag of the first 2xx */
};

struct smx_txn_ref {
    size_t slot;
    uint32_t serial;
};

struct smx_txns {
    struct smx_ua *ua;
    struct osip *osip;
    struct smx_txn *txn;
    size_t max, used;
    uint32_t last_serial;
    struct smx_owner *dead; /* owners of clients' that ended without a final response */
    size_t dead_count;
    struct osip_transaction **corpse; /* to be freed once no machine runs */
    size_t corpse_count;
    smx_time now;      /* of the verb that runs */
    smx_time deadline; /* of all; recomputed when stale */
    bool stale;
};

/* SMX_E_MEMORY: nothing is left behind. */
enum smx_err smx_txns_init(struct smx_txns *t, struct smx_ua *ua, size_t max) SMX_MUST_CHECK;
void smx_txns_fini(struct smx_txns *t);
/* At the start of each verb: the time for all that follows. */
void smx_txn_time(struct smx_txns *t, smx_time now);

/* ---- as server ---- */

/* The transaction that a request (or an ACK or CANCEL, by_method INVITE) belongs to, or NULL. */
struct smx_txn *smx_txn_find(struct smx_txns *t, const struct smx_sip *sip, enum smx_method by_method);
/* A new one for a request; copies echo.  NULL: full. */
struct smx_txn *smx_txn_open(struct smx_txns *t, const struct smx_sip *sip, const struct smx_flow *flow,
                             struct smx_span echo);
/* The request came again, or its ACK. */
void smx_txn_again(struct smx_txns *t, struct smx_txn *txn, bool is_ack);
/* Sends our response, whose whole text is bytes (copied). */
void smx_txn_respond(struct smx_txns *t, struct smx_txn *txn, unsigned status, struct smx_span bytes);

/* ---- as client ---- */

struct smx_txn_new {
    enum smx_method method; /* of INVITE, BYE, CANCEL, MESSAGE */
    const char *branch, *call_id;
    uint32_t cseq;
    struct smx_owner owner;
};

/* Sends a request of ours, whose whole text is bytes (copied); len 0: an earlier run has sent it, and only
 * its answers are awaited.  NULL: full. */
struct smx_txn *smx_txn_request(struct smx_txns *t, const struct smx_flow *flow,
                                const struct smx_txn_new *what, struct smx_span bytes);
/* The transaction that a response belongs to, if it comes from where the request went and repeats it well. */
struct smx_txn *smx_txn_find_response(struct smx_txns *t, const struct smx_sip *sip,
                                      const struct smx_flow *flow);
/* Feeds a response; ack is the ACK for a final one to INVITE, else len 0.  True: it is news for the owner. */
bool smx_txn_response(struct smx_txns *t, struct smx_txn *txn, const struct smx_sip *sip,
                      struct smx_span ack);
/* A 2xx to our INVITE with another To tag than the first. */
bool smx_txn_is_second_fork(const struct smx_txns *t, const struct smx_txn *txn, const struct smx_sip *sip);

/* ---- both ---- */

struct smx_txn_ref smx_txn_ref(const struct smx_txns *t, const struct smx_txn *txn);
struct smx_txn *smx_txn_get(struct smx_txns *t, struct smx_txn_ref ref);
/* Ends it at once, without a word to anybody. */
void smx_txn_kill(struct smx_txns *t, struct smx_txn *txn);
/* A connection is gone: what went over it ends, clients' as if unanswered. */
void smx_txn_flow_lost(struct smx_txns *t, uint64_t conn);
void smx_txn_expire(struct smx_txns *t);
/* At the end of each verb: frees what has ended (until then every pointer stays good), and sets deadline. */
void smx_txn_settle(struct smx_txns *t);
/* An owner whose request ended without a final response; false: no more. */
bool smx_txn_next_dead(struct smx_txns *t, struct smx_owner *owner);

#endif
