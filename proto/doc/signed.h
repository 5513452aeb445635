/* proto/doc/signed.h - the envelope of signed documents: raw bytes with detached signatures.
 * Source: docs/protocol/60-directory.md, section 3.
 *
 *   0 magic "SMXD" | 4 version 1 | 5 kind | 6 pack | 7 count | 8 count * { signer u8, signature[64] }
 *     | raw_len u32 | the raw bytes (pack 0), or a zlib stream of them (pack 1), to the end
 *
 * A signature is Ed25519 over label(kind) | BLAKE2b-256(raw).  signer is the place of the signing authority
 * in the network file's keys sorted by bytes (relay descriptors: 0), strictly ascending: no signature counts
 * twice. Integers in network order.  Pure but for malloc. */
#ifndef SMX_DOC_SIGNED_H
#define SMX_DOC_SIGNED_H

#include "proto/base/err.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    SMX_DOC_HASH = 32,         /* BLAKE2b-256 */
    SMX_DOC_SIG = 64,          /* Ed25519 */
    SMX_DOC_KEY = 32,          /* an Ed25519 or X25519 public key */
    SMX_DOC_SECRET = 64,       /* an Ed25519 secret key as libsodium has it: seed, public key */
    SMX_DOC_SIGNERS = 16,      /* authorities of a network at most */
    SMX_DOC_RAW_MAX = 8 << 20, /* bytes of any raw document; a kind may have less */
};

/* The first two come in this envelope.  The others are small binary formats that only share the rule of
 * signing; their raw bytes begin with the network id (pseudonym.h, batch.h). */
enum smx_doc_kind {
    SMX_DOC_RELAY = 1,
    SMX_DOC_CONSENSUS = 2,
    SMX_DOC_BATCH = 3,
    SMX_DOC_DESCRIPTOR = 4,
    SMX_DOC_CLAIM = 5,
};

struct smx_doc_sig {
    uint8_t signer;
    uint8_t sig[SMX_DOC_SIG];
};

struct smx_signed {
    uint8_t *raw; /* ours: freed by smx_signed_free */
    size_t raw_len;
    struct smx_doc_sig sig[SMX_DOC_SIGNERS];
    size_t sig_count;
};

/* BLAKE2b-256 of raw. */
void smx_doc_hash(uint8_t hash[SMX_DOC_HASH], const uint8_t *raw, size_t len);
void smx_doc_sign(uint8_t sig[SMX_DOC_SIG], enum smx_doc_kind kind, const uint8_t *raw, size_t len,
                  const uint8_t secret[SMX_DOC_SECRET]);
/* SMX_E_AUTH: not a signature of key over this kind and these bytes. */
enum smx_err smx_doc_verify(const uint8_t sig[SMX_DOC_SIG], enum smx_doc_kind kind, const uint8_t *raw,
                            size_t len, const uint8_t key[SMX_DOC_KEY]) SMX_MUST_CHECK;

/* Open an envelope of this kind whose raw bytes are raw_max at most.  Nothing is verified yet.
 * SMX_E_MALFORMED, SMX_E_MEMORY; *doc then holds nothing. */
enum smx_err smx_signed_decode(struct smx_signed *doc, enum smx_doc_kind kind, size_t raw_max,
                               const uint8_t *in, size_t len) SMX_MUST_CHECK;
void smx_signed_free(struct smx_signed *doc);
/* *out (malloc, the caller's) gets the envelope; packed when pack is true and that makes it smaller.
 * Signatures must be in ascending order of signer. */
enum smx_err smx_signed_encode(uint8_t **out, size_t *out_len, enum smx_doc_kind kind, bool pack,
                               const uint8_t *raw, size_t raw_len, const struct smx_doc_sig *sig,
                               size_t sig_count) SMX_MUST_CHECK;

#endif
