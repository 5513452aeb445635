#include "proto/crypto/aead.h"

#include <assert.h>
#include <openssl/evp.h>
#include <sodium.h>
#include <string.h>

_Static_assert(SMX_AEAD_TAG == crypto_aead_chacha20poly1305_ietf_ABYTES, "tag");

static void make_nonce(uint8_t nonce[12], uint64_t counter)
{
    for (size_t i = 0; i < 12; i++)
        nonce[i] = i < 4 ? 0 : (uint8_t)(counter >> (8 * (i - 4)));
}

void smx_aead_seal(const uint8_t key[SMX_KEY], uint64_t counter, const void *ad, size_t ad_len,
                   const void *in, size_t in_len, uint8_t *out)
{
    uint8_t nonce[crypto_aead_chacha20poly1305_ietf_NPUBBYTES];

    make_nonce(nonce, counter);
    crypto_aead_chacha20poly1305_ietf_encrypt(out, NULL, in, in_len, ad, ad_len, NULL, nonce, key);
}

enum smx_err smx_aead_open(const uint8_t key[SMX_KEY], uint64_t counter, const void *ad, size_t ad_len,
                           const uint8_t *in, size_t in_len, uint8_t *out)
{
    uint8_t nonce[crypto_aead_chacha20poly1305_ietf_NPUBBYTES];

    if (in_len < SMX_AEAD_TAG)
        return SMX_E_MALFORMED;
    make_nonce(nonce, counter);
    if (crypto_aead_chacha20poly1305_ietf_decrypt(out, NULL, NULL, in, in_len, ad, ad_len, nonce, key) != 0)
        return SMX_E_AUTH;
    return SMX_OK;
}

/* ---- with a context that is kept ---- */

struct smx_aead *smx_aead_new(void)
{
    EVP_CIPHER_CTX *ctx = EVP_CIPHER_CTX_new();

    if (ctx && EVP_CipherInit_ex(ctx, EVP_chacha20_poly1305(), NULL, NULL, NULL, 1) == 1)
        return (struct smx_aead *)ctx;
    EVP_CIPHER_CTX_free(ctx);
    return NULL;
}

void smx_aead_free(struct smx_aead *a)
{
    EVP_CIPHER_CTX_free((EVP_CIPHER_CTX *)a); /* wipes it, and takes NULL */
}

/* All but the tag; nothing in it can fail: key, nonce and lengths are right, and it allocates nothing. */
static void crypt_with(EVP_CIPHER_CTX *ctx, int encrypt, const uint8_t key[SMX_KEY], uint64_t counter,
                       const void *ad, size_t ad_len, const void *in, size_t in_len, uint8_t *out)
{
    uint8_t nonce[crypto_aead_chacha20poly1305_ietf_NPUBBYTES];
    int len, ok;

    make_nonce(nonce, counter);
    ok = EVP_CipherInit_ex(ctx, NULL, NULL, key, nonce, encrypt);
    if (ad_len > 0)
        ok &= EVP_CipherUpdate(ctx, NULL, &len, ad, (int)ad_len);
    if (in_len > 0)
        ok &= EVP_CipherUpdate(ctx, out, &len, in, (int)in_len);
    assert(ok == 1);
    (void)ok;
}

void smx_aead_seal_with(struct smx_aead *a, const uint8_t key[SMX_KEY], uint64_t counter, const void *ad,
                        size_t ad_len, const void *in, size_t in_len, uint8_t *out)
{
    EVP_CIPHER_CTX *ctx = (EVP_CIPHER_CTX *)a;
    int len, ok;

    crypt_with(ctx, 1, key, counter, ad, ad_len, in, in_len, out);
    ok = EVP_CipherFinal_ex(ctx, out + in_len, &len);
    ok &= EVP_CIPHER_CTX_ctrl(ctx, EVP_CTRL_AEAD_GET_TAG, SMX_AEAD_TAG, out + in_len);
    assert(ok == 1);
    (void)ok;
}

enum smx_err smx_aead_open_with(struct smx_aead *a, const uint8_t key[SMX_KEY], uint64_t counter,
                                const void *ad, size_t ad_len, const uint8_t *in, size_t in_len, uint8_t *out)
{
    EVP_CIPHER_CTX *ctx = (EVP_CIPHER_CTX *)a;
    uint8_t tag[SMX_AEAD_TAG];
    int len;

    if (in_len < SMX_AEAD_TAG)
        return SMX_E_MALFORMED;
    in_len -= SMX_AEAD_TAG;
    memcpy(tag, in + in_len, sizeof tag);
    crypt_with(ctx, 0, key, counter, ad, ad_len, in, in_len, out);
    if (EVP_CIPHER_CTX_ctrl(ctx, EVP_CTRL_AEAD_SET_TAG, SMX_AEAD_TAG, tag) == 1 &&
        EVP_CipherFinal_ex(ctx, tag, &len) == 1)
        return SMX_OK;
    sodium_memzero(out, in_len); /* it was deciphered before it was checked */
    return SMX_E_AUTH;
}
