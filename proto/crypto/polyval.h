/* proto/crypto/polyval.h - POLYVAL, the universal hash of RFC 8452, section 3.
 * Source: docs/protocol/05-crypto.md, section 6.
 * Two paths give the same result: carry-less multiplication (PCLMULQDQ), and integer multiplication without
 * tables or branches on data, for any CPU; arm64 takes the latter.  The key remembers which, so no global
 * state is needed.  Pure; reentrant; no allocation.  Nothing here depends on secrets in time. */
#ifndef SMX_CRYPTO_POLYVAL_H
#define SMX_CRYPTO_POLYVAL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { SMX_POLYVAL_BLOCK = 16 }; /* bytes */
enum { SMX_POLYVAL_POWERS = 8 }; /* blocks that are multiplied at once before one reduction */

/* An element of the field as two words, low first. */
struct smx_polyval_element {
    uint64_t w[2];
};

struct smx_polyval_key {
    struct smx_polyval_element power[SMX_POLYVAL_POWERS]; /* h, h^2, ...; secret */
    bool clmul;
};

/* The caller wipes the key: sodium_memzero(&key, sizeof key). */
void smx_polyval_key_init(struct smx_polyval_key *key, const uint8_t h[SMX_POLYVAL_BLOCK]);
/* The same, forced to the portable path: for tests and measurements. */
void smx_polyval_key_init_portable(struct smx_polyval_key *key, const uint8_t h[SMX_POLYVAL_BLOCK]);

/* Hashes block_count whole blocks into *sum, which is all zeros at first and POLYVAL(h, blocks so far) then.
 */
void smx_polyval_update(const struct smx_polyval_key *key, struct smx_polyval_element *sum,
                        const uint8_t *blocks, size_t block_count);
void smx_polyval_bytes(uint8_t out[SMX_POLYVAL_BLOCK], const struct smx_polyval_element *sum);

#endif
