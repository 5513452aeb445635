/* proto/doc/batch.h - batches: all live pseudonyms at one time, signed as the root of a Merkle tree, and the
 * answers that prove what is in a batch and what is not.  Source: docs/protocol/60-directory.md, section 8.
 *
 * leaf     index[32] | key[32] | BLAKE2b-256(descriptor)[32]     sorted by index; a hash of zeros: none live
 *          A name has a leaf while somebody holds it, a key while its descriptor is live.
 * tree     RFC 6962's shape: H(leaf) = BLAKE2b-256(00 | leaf), H(node) = BLAKE2b-256(01 | left | right)
 * header   0 number u64 | 8 time u32 | 12 leaves u32 | 16 work u8 | 17 root[32]                 49 bytes
 *          signed as in signed.h, raw being network id | header; in the file: signer u8, signature[64]
 * batch    "SMXB" | version 1 | header | count u8, signatures | names u32 | descs u32
 *            | names * { index[32], key[32] }, ascending indices
 *            | descs * { len u16, descriptor }, ascending indices of their keys
 * head     header | count u8, signatures: what tells a client how much work uploads need
 * answer   0 kind | 1 head | body | proof: hashes[32], to the end
 *   kind 1 present: place u32 | key[32] | desc_len u8 | descriptor (0: none live)
 *   kind 2 absent:  place u32 | beside u8 | beside * leaf[96]     beside: 0 empty tree, 1 edge, 2 neighbours
 *          leaves stand at place and place + 1, the index between them
 *
 * The proof holds, depth first and left before right, the hash of each largest subtree without a given leaf.
 */
#ifndef SMX_DOC_BATCH_H
#define SMX_DOC_BATCH_H

#include "proto/base/bytes.h"
#include "proto/doc/network.h"
#include "proto/doc/params.h"
#include "proto/doc/pseudonym.h"

enum {
    SMX_BATCH_HEADER = 8 + 4 + 4 + 1 + 32,                                           /* 49 bytes */
    SMX_BATCH_HEAD_MAX = SMX_BATCH_HEADER + 1 + SMX_DOC_SIGNERS * (1 + SMX_DOC_SIG), /* bytes */
    SMX_BATCH_LEAF = 32 + 32 + 32,                                                   /* 96 bytes */
    SMX_BATCH_DEPTH = 22,
    SMX_BATCH_LEAVES = 1 << SMX_BATCH_DEPTH, /* at most */
    SMX_BATCH_MAX = 256 << 20,               /* bytes of a whole batch */
    SMX_BATCH_SKEW_S = 60,                   /* a reader's clock may be slow by this much */
    SMX_BATCH_BACK = 2, /* intervals: another end relay may fetch that much later than one asked before */
    SMX_ANSWER_MAX = 1 + SMX_BATCH_HEAD_MAX + 4 + 1 + 32 + SMX_DESC_MAX +
                     2 * SMX_BATCH_DEPTH * 32, /* bytes; about 650 with one authority and 1000 leaves */
};

struct smx_batch_header {
    uint64_t number; /* one more than the batch before */
    struct smx_wall time;
    uint32_t leaves;
    uint8_t work; /* bits that uploads must show from now on, at most SMX_WORK_MAX */
    uint8_t root[SMX_DOC_HASH];
};

/* The header alone, as clients keep the newest one.  Reading: SMX_E_MALFORMED. */
void smx_batch_header_write(struct smx_wr *w, const struct smx_batch_header *h);
enum smx_err smx_batch_header_read(struct smx_rd *r, struct smx_batch_header *h) SMX_MUST_CHECK;

struct smx_batch; /* what a directory builds and an end relay holds */

/* ---- directory: build and sign ---- */

struct smx_batch *smx_batch_new(const uint8_t network[SMX_DOC_HASH]); /* NULL: no memory */
void smx_batch_free(struct smx_batch *b);                             /* NULL is fine */
/* In any order, each name and key once.  SMX_E_FULL, SMX_E_MEMORY. */
enum smx_err smx_batch_add_name(struct smx_batch *b, const char *name,
                                const uint8_t key[SMX_DOC_KEY]) SMX_MUST_CHECK;
/* desc: len bytes as smx_descriptor_encode made them (copied, not verified). */
enum smx_err smx_batch_add_descriptor(struct smx_batch *b, const uint8_t *desc, size_t len) SMX_MUST_CHECK;
/* Sorts, builds the tree, sets the header.  Nothing can be added afterwards.
 * SMX_E_MALFORMED: a name or key twice;  SMX_E_MEMORY. */
enum smx_err smx_batch_close(struct smx_batch *b, uint64_t number, struct smx_wall time,
                             uint8_t work) SMX_MUST_CHECK;
/* One authority's signature over the closed batch; then put in, ascending by signer. */
void smx_batch_sign(const struct smx_batch *b, uint8_t sig[SMX_DOC_SIG],
                    const uint8_t secret[SMX_DOC_SECRET]);
enum smx_err smx_batch_add_signature(struct smx_batch *b, const struct smx_doc_sig *sig) SMX_MUST_CHECK;
/* The whole file (malloc, the caller's). */
enum smx_err smx_batch_encode(const struct smx_batch *b, uint8_t **out, size_t *out_len) SMX_MUST_CHECK;

/* ---- end relay: load and answer ---- */

/* Parses, builds the tree, compares the root, verifies the signatures (the root vouches for descriptors,
 * whose own signatures are the asker's to check).  SMX_E_MALFORMED, SMX_E_AUTH, SMX_E_MEMORY; *b is then
 * NULL. */
enum smx_err smx_batch_decode(struct smx_batch **b, const struct smx_network *n, const uint8_t *in,
                              size_t len) SMX_MUST_CHECK;
const struct smx_batch_header *smx_batch_head(const struct smx_batch *b);
/* seen: the newest header ever seen, or NULL.  SMX_E_REFUSED: two batches were signed under one number;
 * SMX_E_LATE: older than params' batch_valid intervals;  SMX_E_STATE: from the future;  SMX_E_REPLAY: a lower
 * number than the one seen, and not only a little older. */
enum smx_err smx_batch_check(const struct smx_batch_header *h, const struct smx_params *p,
                             const struct smx_batch_header *seen, struct smx_wall now) SMX_MUST_CHECK;
/* The answer for index, present or absent; returns its length. */
size_t smx_batch_answer(const struct smx_batch *b, const uint8_t index[SMX_INDEX],
                        uint8_t out[SMX_ANSWER_MAX]);
/* The head alone, for who has to know the work; returns its length. */
size_t smx_batch_write(const struct smx_batch *b, uint8_t out[SMX_BATCH_HEAD_MAX]);

/* ---- client: verify ---- */

struct smx_answer {
    struct smx_batch_header header;   /* remember it: the next `seen` */
    bool present;                     /* false: the signed batch proves that there is no such name or key */
    bool live;                        /* a descriptor is there, verified and in its time */
    uint8_t key[SMX_DOC_KEY];         /* present only */
    struct smx_descriptor descriptor; /* live only */
};

/* SMX_E_MALFORMED; SMX_E_AUTH: a signature or proof is wrong; SMX_E_LATE, SMX_E_STATE, SMX_E_REPLAY,
 * SMX_E_REFUSED as smx_batch_check.  *a is then untouched. */
enum smx_err smx_answer_verify(struct smx_answer *a, const struct smx_network *n, const struct smx_params *p,
                               const uint8_t index[SMX_INDEX], const struct smx_batch_header *seen,
                               struct smx_wall now, const uint8_t *in, size_t len) SMX_MUST_CHECK;
/* The same for a head alone. */
enum smx_err smx_batch_verify(struct smx_batch_header *h, const struct smx_network *n,
                              const struct smx_params *p, const struct smx_batch_header *seen,
                              struct smx_wall now, const uint8_t *in, size_t len) SMX_MUST_CHECK;

#endif
