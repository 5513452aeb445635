#include "proto/crypto/aes.h"

#include <assert.h>
#include <openssl/evp.h>
#include <sodium.h>
#include <string.h>

#ifdef __x86_64__
#include <immintrin.h>
#endif

/* ---- the processor's instructions ---- */

#ifdef __x86_64__

#define NATIVE __attribute__((target("aes,sse4.1")))

enum {
    ROUNDS = SMX_AES_ROUND_KEYS - 1,
    AT_ONCE = 8
}; /* blocks under way: an AES round takes a few cycles,
      and another block's may begin meanwhile */

NATIVE static __m128i load(const uint8_t *at)
{
    return _mm_loadu_si128((const __m128i *)at);
}

NATIVE static void store(uint8_t *at, __m128i x)
{
    _mm_storeu_si128((__m128i *)at, x);
}

/* Words w0, w0+w1, w0+w1+w2, w0+w1+w2+w3 of the round key two before, each plus t. */
NATIVE static __m128i next_key(__m128i before, __m128i t)
{
    before = _mm_xor_si128(before, _mm_slli_si128(before, 4));
    before = _mm_xor_si128(before, _mm_slli_si128(before, 8));
    return _mm_xor_si128(before, t);
}

/* FIPS 197, section 5.2: of the even round keys the word taken in is rotated, substituted and gets a round
 * constant; of the odd ones it is substituted only.  The constant of _mm_aeskeygenassist_si128 must be one.
 */
#define EVEN(i, rcon)                                                                                        \
    k[i] = next_key(k[(i)-2], _mm_shuffle_epi32(_mm_aeskeygenassist_si128(k[(i)-1], rcon), 0xff))
#define ODD(i) k[i] = next_key(k[(i)-2], _mm_shuffle_epi32(_mm_aeskeygenassist_si128(k[(i)-1], 0), 0xaa))

NATIVE static void expand(struct smx_aes *aes, const uint8_t key[SMX_KEY])
{
    __m128i k[SMX_AES_ROUND_KEYS];

    k[0] = load(key);
    k[1] = load(key + SMX_AES_BLOCK);
    EVEN(2, 0x01);
    ODD(3);
    EVEN(4, 0x02);
    ODD(5);
    EVEN(6, 0x04);
    ODD(7);
    EVEN(8, 0x08);
    ODD(9);
    EVEN(10, 0x10);
    ODD(11);
    EVEN(12, 0x20);
    ODD(13);
    EVEN(14, 0x40);
    for (size_t i = 0; i < SMX_AES_ROUND_KEYS; i++)
        store(aes->u.round_key[i], k[i]);
    sodium_memzero(k, sizeof k);
}

/* count is a constant wherever this is called: all blocks stay in registers. */
NATIVE __attribute__((always_inline)) static inline void encrypt_run(const struct smx_aes *aes,
                                                                     uint8_t *blocks, size_t count)
{
    __m128i x[AT_ONCE], k = load(aes->u.round_key[0]);

#pragma GCC unroll 8
    for (size_t i = 0; i < count; i++)
        x[i] = _mm_xor_si128(load(blocks + i * SMX_AES_BLOCK), k);
#pragma GCC unroll 1
    for (size_t round = 1; round < ROUNDS; round++) {
        k = load(aes->u.round_key[round]);
#pragma GCC unroll 8
        for (size_t i = 0; i < count; i++)
            x[i] = _mm_aesenc_si128(x[i], k);
    }
    k = load(aes->u.round_key[ROUNDS]);
#pragma GCC unroll 8
    for (size_t i = 0; i < count; i++)
        store(blocks + i * SMX_AES_BLOCK, _mm_aesenclast_si128(x[i], k));
}

/* A cell's counter blocks are 13. */
NATIVE static void encrypt_native(const struct smx_aes *aes, uint8_t *blocks, size_t count)
{
    for (; count >= AT_ONCE; count -= AT_ONCE, blocks += AT_ONCE * SMX_AES_BLOCK)
        encrypt_run(aes, blocks, AT_ONCE);
    if (count >= 4) {
        encrypt_run(aes, blocks, 4);
        blocks += (size_t)4 * SMX_AES_BLOCK;
        count -= 4;
    }
    for (; count > 0; count--, blocks += SMX_AES_BLOCK)
        encrypt_run(aes, blocks, 1);
}

/* FIPS 197, section 5.3.5: the round keys backwards, those between the first and the last through
 * InvMixColumns: cheaper than to keep them. */
NATIVE static void decrypt_native(const struct smx_aes *aes, uint8_t block[SMX_AES_BLOCK])
{
    __m128i x = _mm_xor_si128(load(block), load(aes->u.round_key[ROUNDS]));

    for (size_t round = ROUNDS - 1; round > 0; round--)
        x = _mm_aesdec_si128(x, _mm_aesimc_si128(load(aes->u.round_key[round])));
    store(block, _mm_aesdeclast_si128(x, load(aes->u.round_key[0])));
}

static bool has_native(void)
{
    return __builtin_cpu_supports("aes") && __builtin_cpu_supports("sse4.1");
}

#else

static bool has_native(void)
{
    return false;
}

static void expand(struct smx_aes *aes, const uint8_t key[SMX_KEY])
{
    (void)aes, (void)key;
}

static void encrypt_native(const struct smx_aes *aes, uint8_t *blocks, size_t count)
{
    (void)aes, (void)blocks, (void)count;
}

static void decrypt_native(const struct smx_aes *aes, uint8_t block[SMX_AES_BLOCK])
{
    (void)aes, (void)block;
}

#endif

/* ---- libcrypto ---- */

static EVP_CIPHER_CTX *context(const uint8_t key[SMX_KEY], int encrypt)
{
    EVP_CIPHER_CTX *ctx = EVP_CIPHER_CTX_new();

    if (!ctx)
        return NULL;
    if (EVP_CipherInit_ex(ctx, EVP_aes_256_ecb(), NULL, key, NULL, encrypt) != 1 ||
        EVP_CIPHER_CTX_set_padding(ctx, 0) != 1) {
        EVP_CIPHER_CTX_free(ctx);
        return NULL;
    }
    return ctx;
}

static void update(EVP_CIPHER_CTX *ctx, uint8_t *blocks, size_t count)
{
    int len = (int)(count * SMX_AES_BLOCK), out_len;
    int ok = EVP_CipherUpdate(ctx, blocks, &out_len, blocks, len);

    assert(ok == 1 && out_len == len); /* nothing in it can fail: no padding, no allocation */
    (void)ok;
}

/* ---- either ---- */

enum smx_err smx_aes_init_portable(struct smx_aes *aes, const uint8_t key[SMX_KEY], bool inverse)
{
    memset(aes, 0, sizeof *aes);
    aes->u.evp.encrypt = context(key, 1);
    if (inverse)
        aes->u.evp.decrypt = context(key, 0);
    if (aes->u.evp.encrypt && (!inverse || aes->u.evp.decrypt))
        return SMX_OK;
    smx_aes_fini(aes);
    return SMX_E_MEMORY;
}

enum smx_err smx_aes_init(struct smx_aes *aes, const uint8_t key[SMX_KEY], bool inverse)
{
    if (!has_native())
        return smx_aes_init_portable(aes, key, inverse);
    memset(aes, 0, sizeof *aes);
    aes->native = true;
    expand(aes, key);
    return SMX_OK;
}

void smx_aes_fini(struct smx_aes *aes)
{
    if (!aes->native) {
        EVP_CIPHER_CTX_free(aes->u.evp.encrypt); /* wipes its key schedule */
        EVP_CIPHER_CTX_free(aes->u.evp.decrypt);
    }
    sodium_memzero(aes, sizeof *aes);
}

void smx_aes_encrypt(const struct smx_aes *aes, uint8_t *blocks, size_t count)
{
    if (aes->native)
        encrypt_native(aes, blocks, count);
    else
        update(aes->u.evp.encrypt, blocks, count);
}

void smx_aes_decrypt(const struct smx_aes *aes, uint8_t block[SMX_AES_BLOCK])
{
    assert(aes->native || aes->u.evp.decrypt); /* made with its inverse */
    if (aes->native)
        decrypt_native(aes, block);
    else
        update(aes->u.evp.decrypt, block, 1);
}
