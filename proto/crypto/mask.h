/* proto/crypto/mask.h - hides a datagram's header, as QUIC does (RFC 9001, 5.4.4, ChaCha20).
 * Source: docs/protocol/05-crypto.md, section 5.
 * The keystream comes from a sample of the ciphertext, under a key that everybody has who knows the
 * receiver's public key: it hides structure from those who don't, and no anonymity rests on it. Pure;
 * reentrant; no allocation. */
#ifndef SMX_CRYPTO_MASK_H
#define SMX_CRYPTO_MASK_H

#include "proto/crypto/derive.h"

enum { SMX_MASK_HEADER = 12, SMX_MASK_SAMPLE = 16 }; /* bytes */

/* The mask key of all datagrams that go to the owner of this static X25519 public key; derive it once. */
void smx_mask_key(uint8_t mask_key[SMX_KEY], const uint8_t receiver_public[32]);

/* Masks or unmasks the header in place.  sample is the datagram's last 16 bytes, which must not overlap the
 * header: whoever calls has checked that the datagram has 28 bytes at least. */
void smx_mask_xor(const uint8_t mask_key[SMX_KEY], const uint8_t sample[SMX_MASK_SAMPLE],
                  uint8_t header[SMX_MASK_HEADER]);

#endif
