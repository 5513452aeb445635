/* proto/crypto/derive.h - BLAKE2b (RFC 7693) as the one hash: labelled derivation and a 16-byte MAC.
 * Source: docs/protocol/05-crypto.md, section 2.  Pure; reentrant; no allocation. */
#ifndef SMX_CRYPTO_DERIVE_H
#define SMX_CRYPTO_DERIVE_H

#include <stddef.h>
#include <stdint.h>

enum { SMX_KEY = 32, SMX_MAC16 = 16 };                                     /* bytes */
enum { SMX_DERIVE_MIN = 16, SMX_DERIVE_MAX = 64, SMX_DERIVE_LABEL = 200 }; /* bytes */

/* out = BLAKE2b-out_len( len(L) as one byte || L || data ), where L = "sipmix " label " v1".
 * label is plain ASCII, at most SMX_DERIVE_LABEL bytes; out_len is 16 to 64.  With a secret as data this
 * derives keys, with public data it is a hash; another label or length gives an unrelated result. */
void smx_derive(uint8_t *out, size_t out_len, const char *label, const void *data, size_t data_len);

/* BLAKE2b-128 keyed with a key that serves nothing else (use smx_derive to get one).
 * Compare with sodium_memcmp. */
void smx_mac16(uint8_t mac[SMX_MAC16], const uint8_t key[SMX_KEY], const void *data, size_t data_len);

#endif
