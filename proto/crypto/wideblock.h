/* proto/crypto/wideblock.h - the onion layer's cipher: HCTR2 with AES-256.
 * Source: Crowley, Huckleberry, Biggers, "Length-preserving encryption with HCTR2" (2021);
 * docs/protocol/05-crypto.md, section 7.
 * A tweakable pseudorandom permutation of the whole buffer: no byte more than the plaintext, and whoever
 * alters a single bit turns all of it into noise.  One key per hop and direction. Two libcrypto calls and no
 * allocation per cell; reentrant except that one wideblock serves one thread at a time.  Time depends on the
 * length alone. */
#ifndef SMX_CRYPTO_WIDEBLOCK_H
#define SMX_CRYPTO_WIDEBLOCK_H

#include "proto/base/err.h"
#include "proto/crypto/derive.h"
#include "proto/crypto/polyval.h"

#include <stddef.h>
#include <stdint.h>

enum { SMX_WIDEBLOCK_TWEAK = 16, SMX_WIDEBLOCK_MIN = 16, SMX_WIDEBLOCK_MAX = 512 }; /* bytes */
enum { SMX_WIDEBLOCK_TWEAK_MAX = 48 };

/* An AES context takes about 900 bytes of heap.  Enciphering needs one, deciphering one more. */
enum smx_wideblock_use { SMX_WIDEBLOCK_ENCIPHER, SMX_WIDEBLOCK_BOTH };

struct evp_cipher_ctx_st; /* libcrypto's EVP_CIPHER_CTX */

struct smx_wideblock {
    struct evp_cipher_ctx_st *encrypt; /* AES-256 under the key */
    struct evp_cipher_ctx_st *decrypt; /* its inverse; NULL with SMX_WIDEBLOCK_ENCIPHER */
    struct smx_polyval_key hash;       /* h = AES(0) */
    uint8_t l[SMX_POLYVAL_BLOCK];      /* AES(1) */
};

/* SMX_E_MEMORY: *wb is then as after smx_wideblock_fini. */
enum smx_err smx_wideblock_init(struct smx_wideblock *wb, const uint8_t key[SMX_KEY],
                                enum smx_wideblock_use use) SMX_MUST_CHECK;
/* Frees and wipes; fine on a struct of zeros, and twice. */
void smx_wideblock_fini(struct smx_wideblock *wb);

/* Enciphers or deciphers the len bytes at buf in place; len is 16 to 512.  Deciphering needs
 * SMX_WIDEBLOCK_BOTH. */
void smx_wideblock_encipher(const struct smx_wideblock *wb, const uint8_t tweak[SMX_WIDEBLOCK_TWEAK],
                            uint8_t *buf, size_t len);
void smx_wideblock_decipher(const struct smx_wideblock *wb, const uint8_t tweak[SMX_WIDEBLOCK_TWEAK],
                            uint8_t *buf, size_t len);
/* The same with a tweak of 0 to SMX_WIDEBLOCK_TWEAK_MAX bytes, as the published vectors have them. */
void smx_wideblock_encipher_tweak(const struct smx_wideblock *wb, const uint8_t *tweak, size_t tweak_len,
                                  uint8_t *buf, size_t len);
void smx_wideblock_decipher_tweak(const struct smx_wideblock *wb, const uint8_t *tweak, size_t tweak_len,
                                  uint8_t *buf, size_t len);

#endif
