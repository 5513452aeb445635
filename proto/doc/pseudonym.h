/* proto/doc/pseudonym.h - pseudonyms: names, their descriptors and claims, and how a client uploads these.
 * Source: docs/protocol/60-directory.md, section 7.  Binary and small, since they travel in cells.
 *
 * descriptor   0 version 1 | 1 key[32] | 33 seq u64 | 41 valid_from u32 | 45 expires u32
 *                | 49 days u8 (1..2) | 50 intros u8 (1..2) | days * { day u32, X25519 key[32] }
 *                | intros * relay id[32] | signature[64]                            183 to 251 bytes
 * claim        0 version 1 | 1 operation | 2 name_len u8 | name | key[32] | seq u64
 *                | transfer only: new_key[32] | signature by key[64] | transfer only: by new_key[64]
 * upload       0 tag (1 claim, 2 descriptor) | 1 work u64 | claim or descriptor
 * consent      0 version 1 | 1 seq u64 | 9 new_key[32] | 41 signature by new_key[64]: his part of a transfer,
 *                as 168 letters of base32 that people can pass on
 *
 * Times are seconds since 1970 (until 2106); a day is time / 86400.  Signed as in signed.h, raw being
 * network id | all bytes before the (first) signature.  Integers in network order.
 * Pure; no allocation. */
#ifndef SMX_DOC_PSEUDONYM_H
#define SMX_DOC_PSEUDONYM_H

#include "proto/base/time.h"
#include "proto/doc/signed.h"

enum {
    SMX_NAME_MIN = 3,
    SMX_NAME_MAX = 32, /* letters */
    SMX_INDEX = 32,    /* bytes: where a name or key stands in a batch */
    SMX_DESC_DAYS = 2,
    SMX_DESC_INTROS = 2,
    SMX_DESC_MIN = 1 + 32 + 8 + 4 + 4 + 1 + 1 + 36 + 32 + 64,                                   /* 183 */
    SMX_DESC_MAX = 1 + 32 + 8 + 4 + 4 + 1 + 1 + SMX_DESC_DAYS * 36 + SMX_DESC_INTROS * 32 + 64, /* 251 */
    SMX_DESC_LIFE_S = 3 * 86400,                                      /* expires - valid_from at most */
    SMX_CLAIM_MAX = 1 + 1 + 1 + SMX_NAME_MAX + 32 + 8 + 32 + 64 + 64, /* 235 */
    SMX_UPLOAD_HEAD = 1 + 8,                                          /* tag and work */
    SMX_UPLOAD_MAX = SMX_UPLOAD_HEAD + SMX_DESC_MAX,                  /* 260 */
    SMX_WORK_MAX = 40,                                                /* bits that are ever asked for */
    SMX_CONSENT = 1 + 8 + 32 + 64,                                    /* 105 */
    SMX_CONSENT_TEXT = SMX_CONSENT / 5 * 8 + 1,                       /* with the final NUL */
};

/* ---- names ---- */

/* Lower-cases in and checks it: 3..32 of a-z 0-9 . _ -.  SMX_E_MALFORMED; name is then untouched. */
enum smx_err smx_name_parse(char name[SMX_NAME_MAX + 1], const char *in, size_t len) SMX_MUST_CHECK;
/* Where to look in a batch: smx_derive(32, "index", "name:" | name) or (32, "index", "key:" | key).
 * The key of sip:KEY@domain is read by smx_base32_decode: 52 letters, so never a name. */
void smx_index_name(uint8_t index[SMX_INDEX], const char *name);
void smx_index_key(uint8_t index[SMX_INDEX], const uint8_t key[SMX_DOC_KEY]);

/* ---- descriptor ---- */

struct smx_day_key {
    uint32_t day;
    uint8_t key[SMX_DOC_KEY];
};

struct smx_descriptor {
    uint8_t key[SMX_DOC_KEY];
    uint64_t seq; /* grows with each descriptor of this key */
    uint32_t valid_from, expires;
    struct smx_day_key day[SMX_DESC_DAYS]; /* ascending days */
    uint8_t day_count;                     /* 1..2 */
    uint8_t intro_count;                   /* 1..2 */
    uint8_t intro[SMX_DESC_INTROS][SMX_DOC_KEY];
};

/* Writes and signs; returns the length.  secret must be that of d->key. */
size_t smx_descriptor_encode(uint8_t out[SMX_DESC_MAX], const struct smx_descriptor *d,
                             const uint8_t network[SMX_DOC_HASH], const uint8_t secret[SMX_DOC_SECRET]);
/* Layout and signature.  SMX_E_MALFORMED, SMX_E_AUTH; *d is then untouched. */
enum smx_err smx_descriptor_decode(struct smx_descriptor *d, const uint8_t network[SMX_DOC_HASH],
                                   const uint8_t *in, size_t len) SMX_MUST_CHECK;
/* SMX_E_LATE: expired;  SMX_E_STATE: valid_from lies more than a day ahead. */
enum smx_err smx_descriptor_check(const struct smx_descriptor *d, struct smx_wall now) SMX_MUST_CHECK;
/* The key to use at this time: that of the day, else NULL. */
const uint8_t *smx_descriptor_day_key(const struct smx_descriptor *d, struct smx_wall now);

/* ---- claim ---- */

enum smx_claim_op {
    SMX_CLAIM_CLAIM = 1,    /* mine from now on, if nobody's */
    SMX_CLAIM_RENEW = 2,    /* still mine */
    SMX_CLAIM_TRANSFER = 3, /* now new_key's; both sign */
    SMX_CLAIM_RELEASE = 4,  /* nobody's */
};

struct smx_claim {
    enum smx_claim_op op;
    char name[SMX_NAME_MAX + 1]; /* as smx_name_parse leaves it */
    uint8_t key[SMX_DOC_KEY];
    uint64_t seq; /* grows with each claim for this name, whoever makes it: use the time in s */
    uint8_t new_key[SMX_DOC_KEY]; /* transfer only, else zeros */
};

/* Writes and signs; returns the length.  new_sig: transfer only, else NULL: the new holder's signature, of
 * SMX_DOC_SIG bytes, as in his consent. */
size_t smx_claim_encode(uint8_t out[SMX_CLAIM_MAX], const struct smx_claim *c,
                        const uint8_t network[SMX_DOC_HASH], const uint8_t secret[SMX_DOC_SECRET],
                        const uint8_t *new_sig);
/* Layout and signatures.  SMX_E_MALFORMED, SMX_E_AUTH; *c is then untouched. */
enum smx_err smx_claim_decode(struct smx_claim *c, const uint8_t network[SMX_DOC_HASH], const uint8_t *in,
                              size_t len) SMX_MUST_CHECK;

/* ---- consent ---- */

/* Nobody is given a name against his will: who shall have it signs the transfer first.  Good for one holder,
 * one name and one sequence number, so for one transfer. */
struct smx_consent {
    uint64_t seq;             /* of the transfer: the time in s */
    uint8_t key[SMX_DOC_KEY]; /* the new holder's */
    uint8_t sig[SMX_DOC_SIG];
};

/* Signs, with the secret of t->key, that holder may transfer name to it; key and seq are set. */
void smx_consent_sign(struct smx_consent *t, const char *name, const uint8_t holder[SMX_DOC_KEY],
                      const uint8_t network[SMX_DOC_HASH], const uint8_t secret[SMX_DOC_SECRET]);
/* SMX_E_AUTH: for another name, holder or network, or forged. */
enum smx_err smx_consent_verify(const struct smx_consent *t, const char *name,
                                const uint8_t holder[SMX_DOC_KEY],
                                const uint8_t network[SMX_DOC_HASH]) SMX_MUST_CHECK;
void smx_consent_encode(char text[SMX_CONSENT_TEXT], const struct smx_consent *t);
/* SMX_E_MALFORMED; *t is then untouched. */
enum smx_err smx_consent_decode(struct smx_consent *t, const char *text, size_t len) SMX_MUST_CHECK;

/* ---- upload ---- */

enum smx_upload_tag { SMX_UPLOAD_CLAIM = 1, SMX_UPLOAD_DESCRIPTOR = 2 };

struct smx_upload {
    enum smx_upload_tag tag;
    union {
        struct smx_claim claim;
        struct smx_descriptor descriptor;
    };
};

/* One clear result for each upload; the numbers travel. */
enum smx_upload_result {
    SMX_UPLOAD_ACCEPTED = 0,  /* stored for good; in the next batch */
    SMX_UPLOAD_REPEATED = 1,  /* the very same was accepted before: nothing to do */
    SMX_UPLOAD_TAKEN = 2,     /* the name is another key's */
    SMX_UPLOAD_STALE = 3,     /* seq is not above the last one */
    SMX_UPLOAD_UNKNOWN = 4,   /* renew, transfer or release of a name that nobody holds */
    SMX_UPLOAD_MALFORMED = 5, /* not an upload */
    SMX_UPLOAD_FORGED = 6,    /* a signature is wrong */
    SMX_UPLOAD_NO_WORK = 7,   /* too little work */
    SMX_UPLOAD_EXPIRED = 8,   /* the descriptor's time is over, or too far ahead */
    SMX_UPLOAD_FULL = 9,      /* the directory has no room: try in a later round */
};
/* A short constant English text; never NULL. */
const char *smx_upload_result_text(unsigned result);

/* Wraps an encoded claim or descriptor; work is still 0.  Returns the length. */
size_t smx_upload_encode(uint8_t out[SMX_UPLOAD_MAX], enum smx_upload_tag tag, const uint8_t *body,
                         size_t body_len);
/* Tries up to `tries` numbers from the present one on and leaves the last in the upload.
 * True: the upload shows that many bits.  0 bits: true at once. */
bool smx_upload_solve(uint8_t *upload, size_t len, const uint8_t network[SMX_DOC_HASH], unsigned bits,
                      uint64_t tries);
/* Leading zero bits of smx_derive(32, "work", network | upload). */
unsigned smx_upload_work(const uint8_t *upload, size_t len, const uint8_t network[SMX_DOC_HASH]);
/* Work first (the cheapest check), then layout and signatures.
 * SMX_E_MALFORMED, SMX_E_REFUSED (too little work), SMX_E_AUTH; *u is then untouched. */
enum smx_err smx_upload_decode(struct smx_upload *u, const uint8_t network[SMX_DOC_HASH], unsigned bits,
                               const uint8_t *in, size_t len) SMX_MUST_CHECK;

#endif
