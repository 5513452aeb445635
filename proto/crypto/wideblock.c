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
#include <stddef.h>
#include <string.h>

enum { BLOCK = SMX_POLYVAL_BLOCK };

static size_t blocks_of(size_t len)
{
    return (len + BLOCK - 1) / BLOCK;
}

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

/* A word at a time: a byte at a time costs as much as the AES. */
static void xor_bytes(uint8_t *out, const uint8_t *in, size_t len)
{
    uint64_t a, b;

    for (; len >= sizeof a; len -= sizeof a, out += sizeof a, in += sizeof a) {
        memcpy(&a, out, sizeof a);
        memcpy(&b, in, sizeof b);
        a ^= b;
        memcpy(out, &a, sizeof a);
    }
    for (size_t i = 0; i < len; i++)
        out[i] ^= in[i];
}

/* The hash of the tweak, to be continued with the rest: its first block is the tweak's length in bits,
 * doubled, plus 2, or plus 3 when the rest is not whole blocks. */
static void hash_tweak(const struct smx_wideblock *wb, struct smx_polyval_element *sum, const uint8_t *tweak,
                       size_t tweak_len, size_t rest_len)
{
    uint8_t block[BLOCK + SMX_WIDEBLOCK_TWEAK_MAX] = {0};
    size_t first = tweak_len * 8 * 2 + (rest_len % BLOCK == 0 ? 2 : 3);

    assert(tweak_len <= SMX_WIDEBLOCK_TWEAK_MAX);
    block[0] = (uint8_t)first;
    block[1] = (uint8_t)(first >> 8);
    if (tweak_len > 0)
        memcpy(block + BLOCK, tweak, tweak_len);
    *sum = (struct smx_polyval_element){{0, 0}};
    smx_polyval_update(&wb->hash, sum, block, 1 + blocks_of(tweak_len));
}

/* Adds H(tweak, rest) to block; rest has room for whole blocks and gets its padding here. */
static void add_hash(const struct smx_wideblock *wb, uint8_t block[BLOCK], struct smx_polyval_element sum,
                     uint8_t *rest, size_t rest_len)
{
    uint8_t h[BLOCK];

    if (rest_len % BLOCK != 0) {
        memset(rest + rest_len, 0, BLOCK - rest_len % BLOCK);
        rest[rest_len] = 1;
    }
    smx_polyval_update(&wb->hash, &sum, rest, blocks_of(rest_len));
    smx_polyval_bytes(h, &sum);
    xor_bytes(block, h, BLOCK);
    sodium_memzero(h, sizeof h);
}

/* middle is AES, or its inverse. */
static void run(const struct smx_wideblock *wb, EVP_CIPHER_CTX *middle, const uint8_t *tweak,
                size_t tweak_len, uint8_t *buf, size_t len)
{
    size_t rest_len = len - BLOCK, padded_len = blocks_of(rest_len) * BLOCK;
    struct {
        struct smx_polyval_element tweak;
        uint8_t m[BLOCK], u[BLOCK];
        uint8_t rest[SMX_WIDEBLOCK_MAX]; /* N padded, the counter blocks, XCTR's key stream, V padded */
    } s;

    assert(len >= SMX_WIDEBLOCK_MIN && len <= SMX_WIDEBLOCK_MAX);
    memcpy(s.m, buf, BLOCK);
    memcpy(s.rest, buf + BLOCK, rest_len);
    hash_tweak(wb, &s.tweak, tweak, tweak_len, rest_len);
    add_hash(wb, s.m, s.tweak, s.rest, rest_len); /* MM */
    aes(middle, s.u, s.m, BLOCK);                 /* UU */

    xor_bytes(s.m, s.u, BLOCK);
    xor_bytes(s.m, wb->l, BLOCK); /* S */
    for (size_t at = 0; at < padded_len; at += BLOCK) {
        memcpy(s.rest + at, s.m, BLOCK);
        s.rest[at] ^= (uint8_t)(at / BLOCK + 1); /* 31 at most */
    }
    if (rest_len > 0)
        aes(wb->encrypt, s.rest, s.rest, padded_len);
    xor_bytes(s.rest, buf + BLOCK, rest_len);

    add_hash(wb, s.u, s.tweak, s.rest, rest_len); /* U */
    memcpy(buf, s.u, BLOCK);
    memcpy(buf + BLOCK, s.rest, rest_len);
    sodium_memzero(&s, offsetof(__typeof__(s), rest) + padded_len);
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
