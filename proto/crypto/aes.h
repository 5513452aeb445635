/* proto/crypto/aes.h - AES-256 on single blocks, for proto/crypto/wideblock.
 * Source: FIPS 197; docs/protocol/05-crypto.md, section 7.
 * Two paths give the same result: the processor's AES instructions (x86-64 with AES-NI), which need the 15
 * round keys and nothing else, and libcrypto for any CPU; arm64 takes the latter.  A libcrypto context takes
 * a kilobyte of heap and some 35 ns a call: a relay has three for each circuit.
 * Pure; reentrant, except that one struct of the libcrypto path serves one thread at a time.  Neither path's
 * time depends on data. */
#ifndef SMX_CRYPTO_AES_H
#define SMX_CRYPTO_AES_H

#include "proto/base/err.h"
#include "proto/crypto/derive.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { SMX_AES_BLOCK = 16, SMX_AES_ROUND_KEYS = 15 };

struct evp_cipher_ctx_st; /* libcrypto's EVP_CIPHER_CTX */

struct smx_aes {
    bool native;
    union {
        uint8_t round_key[SMX_AES_ROUND_KEYS][SMX_AES_BLOCK]; /* native */
        struct {
            struct evp_cipher_ctx_st *encrypt, *decrypt; /* decrypt: NULL without the inverse */
        } evp;
    } u;
};

/* inverse: smx_aes_decrypt will be called, too.  SMX_E_MEMORY: *aes is then as after smx_aes_fini. */
enum smx_err smx_aes_init(struct smx_aes *aes, const uint8_t key[SMX_KEY], bool inverse) SMX_MUST_CHECK;
/* The same, forced to libcrypto: for tests and measurements. */
enum smx_err smx_aes_init_portable(struct smx_aes *aes, const uint8_t key[SMX_KEY],
                                   bool inverse) SMX_MUST_CHECK;
/* Frees and wipes; fine on a struct of zeros, and twice. */
void smx_aes_fini(struct smx_aes *aes);

/* count blocks in place, each by itself. */
void smx_aes_encrypt(const struct smx_aes *aes, uint8_t *blocks, size_t count);
/* One block in place. */
void smx_aes_decrypt(const struct smx_aes *aes, uint8_t block[SMX_AES_BLOCK]);

#endif
