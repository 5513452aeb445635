/* proto/crypto/keypair.h - an X25519 key pair (RFC 7748).
 * The struct is the caller's, who wipes it: sodium_memzero(&pair, sizeof pair).  Pure; no allocation. */
#ifndef SMX_CRYPTO_KEYPAIR_H
#define SMX_CRYPTO_KEYPAIR_H

#include "proto/base/rng.h"

#include <stdint.h>

enum { SMX_X25519 = 32 }; /* bytes of either key */

struct smx_x25519 {
    uint8_t secret[SMX_X25519]; /* as drawn; clamped whenever it is used */
    uint8_t public[SMX_X25519];
};

void smx_x25519_make(struct smx_x25519 *pair, struct smx_rng *rng);
void smx_x25519_from_secret(struct smx_x25519 *pair, const uint8_t secret[SMX_X25519]);

#endif
