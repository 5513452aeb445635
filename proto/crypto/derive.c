#include "proto/crypto/derive.h"

#include <assert.h>
#include <sodium.h>
#include <string.h>

void smx_derive(uint8_t *out, size_t out_len, const char *label, const void *data, size_t data_len)
{
    static const char before[] = "sipmix ", after[] = " v1";
    size_t label_len = strlen(label);
    uint8_t len = (uint8_t)(sizeof before - 1 + label_len + sizeof after - 1);
    crypto_generichash_blake2b_state st;

    assert(out_len >= SMX_DERIVE_MIN && out_len <= SMX_DERIVE_MAX && label_len <= SMX_DERIVE_LABEL);
    crypto_generichash_blake2b_init(&st, NULL, 0, out_len);
    crypto_generichash_blake2b_update(&st, &len, 1);
    crypto_generichash_blake2b_update(&st, (const uint8_t *)before, sizeof before - 1);
    crypto_generichash_blake2b_update(&st, (const uint8_t *)label, label_len);
    crypto_generichash_blake2b_update(&st, (const uint8_t *)after, sizeof after - 1);
    crypto_generichash_blake2b_update(&st, data, data_len);
    crypto_generichash_blake2b_final(&st, out, out_len);
    sodium_memzero(&st, sizeof st);
}

void smx_mac16(uint8_t mac[SMX_MAC16], const uint8_t key[SMX_KEY], const void *data, size_t data_len)
{
    crypto_generichash_blake2b(mac, SMX_MAC16, data, data_len, key, SMX_KEY);
}
