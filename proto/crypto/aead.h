/* proto/crypto/aead.h - ChaCha20-Poly1305 (RFC 8439) with Noise's nonce: 4 zero bytes, then the counter as
 * 64 bits, low byte first (Noise specification, section 12.3).
 * Source: docs/protocol/05-crypto.md, section 3.  A (key, counter) pair must never seal twice.
 * Pure; reentrant; no allocation.  out may be in itself; otherwise they must not overlap. */
#ifndef SMX_CRYPTO_AEAD_H
#define SMX_CRYPTO_AEAD_H

#include "proto/base/err.h"
#include "proto/crypto/derive.h"

#include <stddef.h>
#include <stdint.h>

enum { SMX_AEAD_TAG = 16 }; /* bytes, behind the ciphertext */

/* Writes in_len + SMX_AEAD_TAG bytes to out.  ad (associated data) is authenticated, not sent; may be NULL
 * when ad_len is 0. */
void smx_aead_seal(const uint8_t key[SMX_KEY], uint64_t counter, const void *ad, size_t ad_len,
                   const void *in, size_t in_len, uint8_t *out);

/* Writes in_len - SMX_AEAD_TAG bytes to out.
 * SMX_E_MALFORMED: shorter than a tag; SMX_E_AUTH: not sealed so.  No plaintext is let out then: out is
 * untouched or zeros. */
enum smx_err smx_aead_open(const uint8_t key[SMX_KEY], uint64_t counter, const void *ad, size_t ad_len,
                           const uint8_t *in, size_t in_len, uint8_t *out) SMX_MUST_CHECK;

/* The same, bytes and errors alike, for who seals or opens all the time: a third faster for a datagram, as
 * libcrypto's is.  It holds the key used last until _free, which wipes it.  For one thread at a time. */
struct smx_aead;

struct smx_aead *smx_aead_new(void); /* NULL: out of memory */
void smx_aead_free(struct smx_aead *a);
void smx_aead_seal_with(struct smx_aead *a, const uint8_t key[SMX_KEY], uint64_t counter, const void *ad,
                        size_t ad_len, const void *in, size_t in_len, uint8_t *out);
enum smx_err smx_aead_open_with(struct smx_aead *a, const uint8_t key[SMX_KEY], uint64_t counter,
                                const void *ad, size_t ad_len, const uint8_t *in, size_t in_len,
                                uint8_t *out) SMX_MUST_CHECK;

#endif
