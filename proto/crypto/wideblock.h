/* proto/crypto/wideblock.h - the onion layer's cipher: HCTR2 with AES-256.
 * Source: Crowley, Huckleberry, Biggers, "Length-preserving encryption with HCTR2" (2021);
 * docs/protocol/05-crypto.md, section 7.
 * A tweakable pseudorandom permutation of the whole buffer: no byte more than the plaintext, and whoever
 * alters a single bit turns all of it into noise.  One key per hop and direction.  The AES is Nettle's.
 * Pure; reentrant; no allocation.  Where the CPU has instructions for AES, time depends on the length alone,
 * but for making a key ready, which looks its bytes up in tables of 256 and 1,024 bytes. */
#ifndef SMX_CRYPTO_WIDEBLOCK_H
#define SMX_CRYPTO_WIDEBLOCK_H

#include "proto/crypto/derive.h"
#include "proto/crypto/polyval.h"

#include <nettle/aes.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { SMX_WIDEBLOCK_TWEAK = 16, SMX_WIDEBLOCK_MIN = 16, SMX_WIDEBLOCK_MAX = 512 }; /* bytes */
enum { SMX_WIDEBLOCK_TWEAK_MAX = 48 };

/* What enciphering needs, and what deciphering needs besides.  The caller wipes either: sodium_memzero. */
struct smx_wideblock {
    struct aes256_ctx aes;
    struct smx_polyval_key hash;  /* h = AES(0) */
    uint8_t l[SMX_POLYVAL_BLOCK]; /* AES(1) */
};
struct smx_wideblock_both {
    struct smx_wideblock forth;
    struct aes256_ctx inverse; /* of forth.aes */
};
void smx_wideblock_init(struct smx_wideblock *wb, const uint8_t key[SMX_KEY]);
void smx_wideblock_both_init(struct smx_wideblock_both *wb, const uint8_t key[SMX_KEY]);
/* Has this CPU the instructions that Nettle uses?  Without them its AES is one by tables. */
bool smx_wideblock_is_steady(void);

/* Enciphers or deciphers the len bytes at buf in place; len is 16 to 512. */
void smx_wideblock_encipher(const struct smx_wideblock *wb, const uint8_t tweak[SMX_WIDEBLOCK_TWEAK],
                            uint8_t *buf, size_t len);
void smx_wideblock_decipher(const struct smx_wideblock_both *wb, const uint8_t tweak[SMX_WIDEBLOCK_TWEAK],
                            uint8_t *buf, size_t len);
/* The same with a tweak of 0 to SMX_WIDEBLOCK_TWEAK_MAX bytes, as the published vectors have them. */
void smx_wideblock_encipher_tweak(const struct smx_wideblock *wb, const uint8_t *tweak, size_t tweak_len,
                                  uint8_t *buf, size_t len);
void smx_wideblock_decipher_tweak(const struct smx_wideblock_both *wb, const uint8_t *tweak, size_t tweak_len,
                                  uint8_t *buf, size_t len);

#endif
