#include "proto/crypto/keypair.h"

#include <sodium.h>
#include <string.h>

void smx_x25519_from_secret(struct smx_x25519 *pair, const uint8_t secret[SMX_X25519])
{
    memmove(pair->secret, secret, SMX_X25519);
    crypto_scalarmult_curve25519_base(pair->public, pair->secret);
}

void smx_x25519_make(struct smx_x25519 *pair, struct smx_rng *rng)
{
    smx_rng_bytes(rng, pair->secret, SMX_X25519);
    crypto_scalarmult_curve25519_base(pair->public, pair->secret);
}
