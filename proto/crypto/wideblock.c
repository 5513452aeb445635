/* HCTR2 (section 2 of the paper).  P = M || N, where M is one block and N the rest:
 *
 *     M --(+)--> MM --[ AES ]--> UU --(+)--> U        H hashes the tweak and the rest to one block,
 *          |         \           /     |              S = MM + UU + L keys the counter blocks:
 *        H(T,N)       `--> S <--'    H(T,V)           XCTR block i is AES(S + i), i = 1, 2, ...
 *          |               |           |
 *     N ---'---------(+ XCTR(S))-------'---> V        the cipher text is U || V
 *
 * Deciphering is the same with the AES block inverted.  Both hashes begin with the tweak: that part is done
 * once. */
#include "proto/crypto/wideblock.h"

#include <assert.h>
#include <openssl/evp.h>
#include <sodium.h>
#include <string.h>

enum { BLOCK = SMX_POLYVAL_BLOCK };

/* ECB over whole blocks; in and out may be the same. */
static void aes(EVP_CIPHER_CTX *ctx, uint8_t *out, const uint8_t *in, size_t len)
{
    int out_len;
    int ok = EVP_CipherUpdate(ctx, out, &out_len, in, (int)len);

    assert(ok == 1 && out_len == (int)len); /* nothing in it can fail: no padding, no allocation */
    (void)ok;
}

static EVP_CIPHER_CTX *aes_new(const uint8_t key[SMX_KEY], int encrypt)
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

enum smx_err smx_wideblock_init(struct smx_wideblock *wb, const uint8_t key[SMX_KEY],
                                enum smx_wideblock_use use)
{
    struct {
        uint8_t block[2 * BLOCK];
    } s = {{[BLOCK] = 1}}; /* bin(0), bin(1) */

    memset(wb, 0, sizeof *wb);
    wb->encrypt = aes_new(key, 1);
    if (use == SMX_WIDEBLOCK_BOTH)
        wb->decrypt = aes_new(key, 0);
    if (!wb->encrypt || (use == SMX_WIDEBLOCK_BOTH && !wb->decrypt)) {
        smx_wideblock_fini(wb);
        return SMX_E_MEMORY;
    }
    aes(wb->encrypt, s.block, s.block, sizeof s.block);
    smx_polyval_key_init(&wb->hash, s.block);
    memcpy(wb->l, s.block + BLOCK, BLOCK);
    sodium_memzero(&s, sizeof s);
    return SMX_OK;
}

void smx_wideblock_fini(struct smx_wideblock *wb)
{
    EVP_CIPHER_CTX_free(wb->encrypt); /* wipes its key schedule */
    EVP_CIPHER_CTX_free(wb->decrypt);
    sodium_memzero(wb, sizeof *wb);
}

/* All of data but for its last block when that is not whole, which goes with pad and zeros behind. */
static void hash_padded(const struct smx_wideblock *wb, struct smx_polyval_element *sum, const uint8_t *data,
                        size_t len, uint8_t pad)
{
    size_t whole = len / BLOCK, rest = len % BLOCK;
    uint8_t last[BLOCK] = {0};

    smx_polyval_update(&wb->hash, sum, data, whole);
    if (rest > 0) {
        memcpy(last, data + whole * BLOCK, rest);
        last[rest] = pad;
        smx_polyval_update(&wb->hash, sum, last, 1);
        sodium_memzero(last, sizeof last);
    }
}

/* The hash of the tweak, to be continued with the rest: its first block is the tweak's length in bits,
 * doubled, plus 2, or plus 3 when the rest is not whole blocks. */
static void hash_tweak(const struct smx_wideblock *wb, struct smx_polyval_element *sum, const uint8_t *tweak,
                       size_t tweak_len, size_t rest_len)
{
    uint64_t first = (uint64_t)tweak_len * 8 * 2 + (rest_len % BLOCK == 0 ? 2 : 3);
    uint8_t block[BLOCK] = {0};

    for (size_t i = 0; i < sizeof first; i++)
        block[i] = (uint8_t)(first >> (8 * i));
    *sum = (struct smx_polyval_element){{0, 0}};
    smx_polyval_update(&wb->hash, sum, block, 1);
    hash_padded(wb, sum, tweak, tweak_len, 0);
}

static void xor_hash(const struct smx_wideblock *wb, uint8_t block[BLOCK], struct smx_polyval_element sum,
                     const uint8_t *rest, size_t rest_len)
{
    uint8_t h[BLOCK];

    hash_padded(wb, &sum, rest, rest_len, 1);
    smx_polyval_bytes(h, &sum);
    for (size_t i = 0; i < BLOCK; i++)
        block[i] ^= h[i];
    sodium_memzero(h, sizeof h);
}

/* middle is AES, or its inverse. */
static void run(const struct smx_wideblock *wb, EVP_CIPHER_CTX *middle, const uint8_t *tweak,
                size_t tweak_len, uint8_t *buf, size_t len)
{
    uint8_t *rest = buf + BLOCK;
    size_t rest_len = len - BLOCK;
    struct {
        struct smx_polyval_element tweak;
        uint8_t m[BLOCK], u[BLOCK];
        uint8_t stream[SMX_WIDEBLOCK_MAX]; /* counter blocks, then XCTR's key stream */
    } s;

    assert(len >= SMX_WIDEBLOCK_MIN && len <= SMX_WIDEBLOCK_MAX);
    hash_tweak(wb, &s.tweak, tweak, tweak_len, rest_len);
    memcpy(s.m, buf, BLOCK);
    xor_hash(wb, s.m, s.tweak, rest, rest_len);
    aes(middle, s.u, s.m, BLOCK);

    for (size_t at = 0, i = 1; at < rest_len; at += BLOCK, i++) {
        for (size_t j = 0; j < BLOCK; j++)
            s.stream[at + j] = s.m[j] ^ s.u[j] ^ wb->l[j];
        s.stream[at] ^= (uint8_t)i; /* i is 31 at most */
    }
    if (rest_len > 0)
        aes(wb->encrypt, s.stream, s.stream, (rest_len + BLOCK - 1) / BLOCK * BLOCK);
    for (size_t i = 0; i < rest_len; i++)
        rest[i] ^= s.stream[i];

    xor_hash(wb, s.u, s.tweak, rest, rest_len);
    memcpy(buf, s.u, BLOCK);
    sodium_memzero(&s, sizeof s);
}

void smx_wideblock_encipher_tweak(const struct smx_wideblock *wb, const uint8_t *tweak, size_t tweak_len,
                                  uint8_t *buf, size_t len)
{
    run(wb, wb->encrypt, tweak, tweak_len, buf, len);
}

void smx_wideblock_decipher_tweak(const struct smx_wideblock *wb, const uint8_t *tweak, size_t tweak_len,
                                  uint8_t *buf, size_t len)
{
    assert(wb->decrypt); /* made with SMX_WIDEBLOCK_BOTH */
    run(wb, wb->decrypt, tweak, tweak_len, buf, len);
}

void smx_wideblock_encipher(const struct smx_wideblock *wb, const uint8_t tweak[SMX_WIDEBLOCK_TWEAK],
                            uint8_t *buf, size_t len)
{
    smx_wideblock_encipher_tweak(wb, tweak, SMX_WIDEBLOCK_TWEAK, buf, len);
}

void smx_wideblock_decipher(const struct smx_wideblock *wb, const uint8_t tweak[SMX_WIDEBLOCK_TWEAK],
                            uint8_t *buf, size_t len)
{
    smx_wideblock_decipher_tweak(wb, tweak, SMX_WIDEBLOCK_TWEAK, buf, len);
}
