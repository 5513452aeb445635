#include "proto/crypto/mask.h"

#include "tests/support/vectors.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

static void masks_match_their_vectors(void **state)
{
    struct smx_vec v;
    size_t count = 0;

    (void)state;
    smx_vec_open(&v, "tests/vectors/mask.txt");
    for (; smx_vec_next(&v); count++) {
        uint8_t header[SMX_MASK_HEADER] = {0}, mask_key[SMX_KEY];
        const uint8_t *key = smx_vec_fixed(&v, "key", SMX_KEY);
        const uint8_t *sample = smx_vec_fixed(&v, "sample", SMX_MASK_SAMPLE);
        const uint8_t *stream;
        size_t stream_len;

        stream = smx_vec_bytes(&v, "stream", &stream_len); /* RFC 9001 shows 5 bytes of it only */
        smx_mask_xor(key, sample, header);
        assert_memory_equal(header, stream, stream_len);
        if (!smx_vec_has(&v, "public"))
            continue;
        smx_mask_key(mask_key, smx_vec_fixed(&v, "public", 32));
        assert_memory_equal(mask_key, key, SMX_KEY);
        memcpy(header, smx_vec_fixed(&v, "header", sizeof header), sizeof header);
        smx_mask_xor(key, sample, header);
        assert_memory_equal(header, smx_vec_fixed(&v, "masked", sizeof header), sizeof header);
    }
    assert_true(count >= 4);
}

static void masking_twice_gives_the_header_back(void **state)
{
    static const uint8_t key[SMX_KEY] = {1}, sample[SMX_MASK_SAMPLE] = {2}, zeros[SMX_MASK_HEADER];
    uint8_t header[SMX_MASK_HEADER] = {0};

    (void)state;
    smx_mask_xor(key, sample, header);
    assert_memory_not_equal(header, zeros, sizeof header);
    smx_mask_xor(key, sample, header);
    assert_memory_equal(header, zeros, sizeof header);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(masks_match_their_vectors),
        cmocka_unit_test(masking_twice_gives_the_header_back),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
