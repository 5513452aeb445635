/* POLYVAL works in GF(2^128) modulo P = x^128 + x^127 + x^126 + x^121 + 1, with dot(a, b) = a b x^-128.
 * A product of two elements has four words z0..z3, low first.  Adding multiples of P that cancel z0, then z1,
 * and dropping these two zero words is the multiplication by x^-128 (Montgomery's reduction).  As
 * P = x^121 (x^7 + x^6 + x^5 + 1) + 1, the multiple z0 P adds z0 shifted by 121, 126, 127 and 128 bits.
 * Sums of products are reduced once: the powers of h let up to eight blocks share a reduction. */
#include "proto/crypto/polyval.h"

#include <endian.h>
#include <string.h>

#ifdef __x86_64__
#include <immintrin.h>
#endif

static uint64_t load64(const uint8_t *p)
{
    uint64_t v;

    memcpy(&v, p, sizeof v);
    return le64toh(v);
}

static void store64(uint8_t *p, uint64_t v)
{
    v = htole64(v);
    memcpy(p, &v, sizeof v);
}

/* The low 64 bits of the carry-less product.  Each factor is taken apart into four with one bit in four, so
 * that no carry of their integer product (at most 16 ones per place) reaches the next bit that counts. */
static uint64_t mul_low(uint64_t a, uint64_t b)
{
    const uint64_t m0 = 0x1111111111111111, m1 = m0 << 1, m2 = m0 << 2, m3 = m0 << 3;
    uint64_t a0 = a & m0, a1 = a & m1, a2 = a & m2, a3 = a & m3;
    uint64_t b0 = b & m0, b1 = b & m1, b2 = b & m2, b3 = b & m3;

    return ((a0 * b0 ^ a1 * b3 ^ a2 * b2 ^ a3 * b1) & m0) | ((a0 * b1 ^ a1 * b0 ^ a2 * b3 ^ a3 * b2) & m1) |
           ((a0 * b2 ^ a1 * b1 ^ a2 * b0 ^ a3 * b3) & m2) | ((a0 * b3 ^ a1 * b2 ^ a2 * b1 ^ a3 * b0) & m3);
}

static uint64_t reverse64(uint64_t v)
{
    v = (v & 0x5555555555555555) << 1 | (v >> 1 & 0x5555555555555555);
    v = (v & 0x3333333333333333) << 2 | (v >> 2 & 0x3333333333333333);
    v = (v & 0x0f0f0f0f0f0f0f0f) << 4 | (v >> 4 & 0x0f0f0f0f0f0f0f0f);
    return __builtin_bswap64(v);
}

/* The high half of a product is the low half of the reversed factors' product, reversed, one bit on. */
static uint64_t mul_high(uint64_t a_reversed, uint64_t b_reversed)
{
    return reverse64(mul_low(a_reversed, b_reversed)) >> 1;
}

/* dot(a, b), portable.  Karatsuba's three products instead of four. */
static struct smx_polyval_element dot(struct smx_polyval_element a, struct smx_polyval_element b)
{
    uint64_t ar0 = reverse64(a.w[0]), ar1 = reverse64(a.w[1]);
    uint64_t br0 = reverse64(b.w[0]), br1 = reverse64(b.w[1]);
    uint64_t low = mul_low(a.w[0], b.w[0]), low_high = mul_high(ar0, br0);
    uint64_t high = mul_low(a.w[1], b.w[1]), high_high = mul_high(ar1, br1);
    uint64_t mid = mul_low(a.w[0] ^ a.w[1], b.w[0] ^ b.w[1]) ^ low ^ high;
    uint64_t mid_high = mul_high(ar0 ^ ar1, br0 ^ br1) ^ low_high ^ high_high;
    uint64_t z0 = low, z1 = low_high ^ mid, z2 = high ^ mid_high, z3 = high_high;

    z1 ^= z0 << 57 ^ z0 << 62 ^ z0 << 63;
    z2 ^= z0 ^ z0 >> 1 ^ z0 >> 2 ^ z0 >> 7;
    z2 ^= z1 << 57 ^ z1 << 62 ^ z1 << 63;
    z3 ^= z1 ^ z1 >> 1 ^ z1 >> 2 ^ z1 >> 7;
    return (struct smx_polyval_element){{z2, z3}};
}

static void update_portable(const struct smx_polyval_key *key, struct smx_polyval_element *sum,
                            const uint8_t *blocks, size_t block_count)
{
    for (; block_count > 0; block_count--, blocks += SMX_POLYVAL_BLOCK) {
        sum->w[0] ^= load64(blocks);
        sum->w[1] ^= load64(blocks + 8);
        *sum = dot(*sum, key->power[0]);
    }
}

#ifdef __x86_64__
/* z1:z0 and z3:z2 in low and high; mid stands 64 bits up. */
__attribute__((target("pclmul"))) static __m128i reduce(__m128i low, __m128i mid, __m128i high)
{
    const __m128i p = _mm_set_epi64x(0, (long long)0xc200000000000000); /* x^57 + x^62 + x^63 */

    low = _mm_xor_si128(low, _mm_slli_si128(mid, 8));
    high = _mm_xor_si128(high, _mm_srli_si128(mid, 8));
    /* swapping the words and adding the product cancels z0; again, z1 */
    low = _mm_xor_si128(_mm_shuffle_epi32(low, 0x4e), _mm_clmulepi64_si128(low, p, 0x00));
    low = _mm_xor_si128(_mm_shuffle_epi32(low, 0x4e), _mm_clmulepi64_si128(low, p, 0x00));
    return _mm_xor_si128(high, low);
}

__attribute__((target("pclmul"))) static void update_clmul(const struct smx_polyval_key *key,
                                                           struct smx_polyval_element *sum,
                                                           const uint8_t *blocks, size_t block_count)
{
    __m128i acc = _mm_loadu_si128((const __m128i *)sum->w);

    while (block_count > 0) {
        size_t run = block_count < SMX_POLYVAL_POWERS ? block_count : SMX_POLYVAL_POWERS;
        __m128i low = _mm_setzero_si128(), mid = low, high = low;

        for (size_t i = run; i-- > 0; blocks += SMX_POLYVAL_BLOCK) {
            __m128i h = _mm_loadu_si128((const __m128i *)key->power[i].w);
            __m128i x = _mm_xor_si128(acc, _mm_loadu_si128((const __m128i *)blocks));

            acc = _mm_setzero_si128(); /* goes into the run's first block only */
            low = _mm_xor_si128(low, _mm_clmulepi64_si128(x, h, 0x00));
            high = _mm_xor_si128(high, _mm_clmulepi64_si128(x, h, 0x11));
            mid = _mm_xor_si128(mid, _mm_clmulepi64_si128(x, h, 0x01));
            mid = _mm_xor_si128(mid, _mm_clmulepi64_si128(x, h, 0x10));
        }
        acc = reduce(low, mid, high);
        block_count -= run;
    }
    _mm_storeu_si128((__m128i *)sum->w, acc);
}
#endif

void smx_polyval_key_init_portable(struct smx_polyval_key *key, const uint8_t h[SMX_POLYVAL_BLOCK])
{
    key->clmul = false;
    key->power[0] = (struct smx_polyval_element){{load64(h), load64(h + 8)}};
    for (size_t i = 1; i < SMX_POLYVAL_POWERS; i++)
        key->power[i] = dot(key->power[i - 1], key->power[0]);
}

void smx_polyval_key_init(struct smx_polyval_key *key, const uint8_t h[SMX_POLYVAL_BLOCK])
{
    smx_polyval_key_init_portable(key, h);
#ifdef __x86_64__
    key->clmul = __builtin_cpu_supports("pclmul");
#endif
}

void smx_polyval_update(const struct smx_polyval_key *key, struct smx_polyval_element *sum,
                        const uint8_t *blocks, size_t block_count)
{
#ifdef __x86_64__
    if (key->clmul) {
        update_clmul(key, sum, blocks, block_count);
        return;
    }
#endif
    update_portable(key, sum, blocks, block_count);
}

void smx_polyval_bytes(uint8_t out[SMX_POLYVAL_BLOCK], const struct smx_polyval_element *sum)
{
    store64(out, sum->w[0]);
    store64(out + 8, sum->w[1]);
}
