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
#include <sodium.h>
#include <stddef.h>
#include <string.h>
#ifdef __aarch64__
#include <sys/auxv.h>
#endif

enum { BLOCK = SMX_POLYVAL_BLOCK };

static size_t blocks_of(size_t len)
{
    return (len + BLOCK - 1) / BLOCK;
}

void smx_wideblock_init(struct smx_wideblock *wb, const uint8_t key[SMX_KEY])
{
    struct {
        uint8_t block[2 * BLOCK];
    } s = {{[BLOCK] = 1}}; /* bin(0), bin(1) */

    aes256_set_encrypt_key(&wb->aes, key);
    aes256_encrypt(&wb->aes, sizeof s.block, s.block, s.block);
    smx_polyval_key_init(&wb->hash, s.block);
    memcpy(wb->l, s.block + BLOCK, BLOCK);
    sodium_memzero(&s, sizeof s);
}

void smx_wideblock_both_init(struct smx_wideblock_both *wb, const uint8_t key[SMX_KEY])
{
    smx_wideblock_init(&wb->forth, key);
    aes256_invert_key(&wb->inverse, &wb->forth.aes);
}

bool smx_wideblock_is_steady(void)
{
#if defined __x86_64__
    return __builtin_cpu_supports("aes");
#elif defined __aarch64__
    return getauxval(AT_HWCAP) & HWCAP_AES;
#else
    return false;
#endif
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

typedef void aes256(const struct aes256_ctx *ctx, size_t len, uint8_t *out, const uint8_t *in);

/* middle is AES or its inverse, with ctx. */
static void run(const struct smx_wideblock *wb, aes256 *middle, const struct aes256_ctx *ctx,
                const uint8_t *tweak, size_t tweak_len, uint8_t *buf, size_t len)
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
    middle(ctx, BLOCK, s.u, s.m);                 /* UU */

    xor_bytes(s.m, s.u, BLOCK);
    xor_bytes(s.m, wb->l, BLOCK); /* S */
    for (size_t at = 0; at < padded_len; at += BLOCK) {
        memcpy(s.rest + at, s.m, BLOCK);
        s.rest[at] ^= (uint8_t)(at / BLOCK + 1); /* 31 at most */
    }
    aes256_encrypt(&wb->aes, padded_len, s.rest, s.rest);
    xor_bytes(s.rest, buf + BLOCK, rest_len);

    add_hash(wb, s.u, s.tweak, s.rest, rest_len); /* U */
    memcpy(buf, s.u, BLOCK);
    memcpy(buf + BLOCK, s.rest, rest_len);
    sodium_memzero(&s, offsetof(__typeof__(s), rest) + padded_len);
}

void smx_wideblock_encipher_tweak(const struct smx_wideblock *wb, const uint8_t *tweak, size_t tweak_len,
                                  uint8_t *buf, size_t len)
{
    run(wb, aes256_encrypt, &wb->aes, tweak, tweak_len, buf, len);
}

void smx_wideblock_decipher_tweak(const struct smx_wideblock_both *wb, const uint8_t *tweak, size_t tweak_len,
                                  uint8_t *buf, size_t len)
{
    run(&wb->forth, aes256_decrypt, &wb->inverse, tweak, tweak_len, buf, len);
}

void smx_wideblock_encipher(const struct smx_wideblock *wb, const uint8_t tweak[SMX_WIDEBLOCK_TWEAK],
                            uint8_t *buf, size_t len)
{
    smx_wideblock_encipher_tweak(wb, tweak, SMX_WIDEBLOCK_TWEAK, buf, len);
}

void smx_wideblock_decipher(const struct smx_wideblock_both *wb, const uint8_t tweak[SMX_WIDEBLOCK_TWEAK],
                            uint8_t *buf, size_t len)
{
    smx_wideblock_decipher_tweak(wb, tweak, SMX_WIDEBLOCK_TWEAK, buf, len);
}
