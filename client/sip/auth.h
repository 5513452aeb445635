/* client/sip/auth.h - digest authentication of phones: challenges, answers, and who guesses.
 * Sources: RFC 7616 (digest), RFC 8760 (SHA-256 and MD5 in SIP), RFC 3261, 22; docs/protocol/70-phone.md,
 * section 12.
 *
 *   nonce, in hex:   0 time of issue u64 (ns) | 8 drawn[8] | 16 MAC[16] of these, the algorithm and the
 * source
 *
 * A challenge costs no memory: the nonce proves itself, and only to the address and algorithm that it was
 * made for.  It is good for SMX_AUTH_NONCE; what is remembered of it, from its first good use on, is which
 * counts have been used.  Passwords are not kept, only the hashes that digests are made of.  A user that is
 * not known takes the same work as one that is, and gets the same answer.  Pure; no allocation after
 * smx_auth_init. */
#ifndef SMX_SIP_AUTH_H
#define SMX_SIP_AUTH_H

#include "client/sip/text.h"
#include "proto/base/out.h"
#include "proto/base/rng.h"
#include "proto/base/time.h"

#define SMX_AUTH_NONCE  SMX_SECOND(300)
#define SMX_AUTH_FORGET SMX_SECOND(600) /* a source without a wrong answer for so long is as good as new */

enum {
    SMX_AUTH_ACCOUNTS = 16,
    SMX_AUTH_USER = 64,      /* bytes with the final NUL */
    SMX_AUTH_PASSWORD = 128, /* the same */
    SMX_AUTH_NONCES = 256,   /* in use at a time */
    SMX_AUTH_WINDOW = 64,    /* counts of one nonce that may come out of order */
    SMX_AUTH_SOURCES = 64,   /* that have guessed wrong lately */
    SMX_AUTH_FREE = 5,       /* wrong answers of a source in a row before it has to wait */
    SMX_AUTH_WAIT_MAX = 300, /* seconds; 1 at first, twice as long with each further one */
};

struct smx_auth_account {
    const char *user, *password;
};

/* What is offered, in this order. */
enum smx_auth_offer { SMX_AUTH_BOTH, SMX_AUTH_SHA256, SMX_AUTH_MD5 };

enum smx_auth_algorithm { SMX_AUTH_ALG_SHA256, SMX_AUTH_ALG_MD5, SMX_AUTH_ALGS };

enum { SMX_AUTH_HEX = 64 + 1, SMX_AUTH_MAC = 16 };

struct smx_auth {
    size_t count; /* accounts; 0: nobody is asked */
    enum smx_auth_offer offer;
    char realm[64];
    struct {
        uint8_t user[16];                         /* keyed hash of the name */
        char secret[SMX_AUTH_ALGS][SMX_AUTH_HEX]; /* H(user:realm:password) */
    } account[SMX_AUTH_ACCOUNTS + 1];             /* the last is nobody's */
    uint8_t key[32];
    struct {
        uint8_t mac[SMX_AUTH_MAC];
        smx_time issued; /* 0: free */
        uint32_t highest;
        uint64_t window; /* bit n: highest - n has been used */
    } used[SMX_AUTH_NONCES];
    smx_time floor; /* nonces issued by then are stale, whatever they say */
    struct {
        uint8_t ip[16]; /* of IPv6 the first half */
        unsigned wrong;
        smx_time until, forget; /* forget 0: free */
    } source[SMX_AUTH_SOURCES];
};

enum smx_auth_verdict {
    SMX_AUTH_GOOD,
    SMX_AUTH_ASK,   /* no answer of ours to a challenge in it: send one */
    SMX_AUTH_STALE, /* the right answer to a challenge of yesterday, or for the second time */
    SMX_AUTH_WRONG, /* send one, as if none had been answered */
    SMX_AUTH_WAIT,  /* this source has guessed too often */
};

/* One request, as far as it matters. */
struct smx_auth_ask {
    const char *method;
    struct smx_span uri; /* the Request-URI as it stands */
    const struct smx_addr *from;
    uint8_t way; /* of transport: nonces do not cross */
};

/* Hashes the accounts (at most SMX_AUTH_ACCOUNTS).  False: a name, password or realm that is empty or too
 * long, or too many. */
bool smx_auth_init(struct smx_auth *a, struct smx_rng *rng, const char *realm,
                   const struct smx_auth_account *accounts, size_t count, enum smx_auth_offer offer);
/* credentials: the values of all Authorization headers. */
enum smx_auth_verdict smx_auth_check(struct smx_auth *a, smx_time now, const struct smx_auth_ask *ask,
                                     const struct smx_span *credentials, size_t count);
/* Whether the source has to wait. */
bool smx_auth_waits(const struct smx_auth *a, smx_time now, const struct smx_addr *from);
/* "WWW-Authenticate: ..." lines with their ends. */
void smx_auth_challenge(const struct smx_auth *a, smx_time now, struct smx_rng *rng,
                        const struct smx_auth_ask *ask, bool stale, struct smx_text *out);

#endif
