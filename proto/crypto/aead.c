#include "proto/crypto/aead.h"

#include <sodium.h>

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
