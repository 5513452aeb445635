#include "proto/crypto/mask.h"

#include <sodium.h>

void smx_mask_key(uint8_t mask_key[SMX_KEY], const uint8_t receiver_public[32])
{
    smx_derive(mask_key, SMX_KEY, "header mask", receiver_public, 32);
}

void smx_mask_xor(const uint8_t mask_key[SMX_KEY], const uint8_t sample[SMX_MASK_SAMPLE],
                  uint8_t header[SMX_MASK_HEADER])
{
    uint32_t counter = (uint32_t)sample[0] | (uint32_t)sample[1] << 8 | (uint32_t)sample[2] << 16 |
                       (uint32_t)sample[3] << 24;

    crypto_stream_chacha20_ietf_xor_ic(header, header, SMX_MASK_HEADER, sample + 4, counter, mask_key);
}
