/* tests/unit/proto/doc/fixture.h - keys and small documents for the tests of proto/doc and directory.
 * Key n is the Ed25519 key of the seed of 32 bytes n, as in the vectors. */
#ifndef SMX_TESTS_DOC_FIXTURE_H
#define SMX_TESTS_DOC_FIXTURE_H

#include "proto/doc/consensus.h"
#include "proto/doc/network.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include <sodium.h>

struct fix_key {
    uint8_t id[SMX_DOC_KEY];
    uint8_t secret[SMX_DOC_SECRET];
};

static inline struct fix_key fix_key(unsigned n)
{
    uint8_t seed[crypto_sign_SEEDBYTES];
    struct fix_key k;

    memset(seed, 0, sizeof seed);
    for (size_t i = 0; i < sizeof seed; i++)
        seed[i] = (uint8_t)(n >> (i == 1 ? 8 : 0)); /* above 255: the second byte differs */
    assert_true(sodium_init() >= 0);
    crypto_sign_seed_keypair(k.id, k.secret, seed);
    return k;
}

/* A network of the authorities with keys 1..count. */
static inline struct smx_network fix_network(size_t count)
{
    struct smx_network n = {.domain = "sipmix.alt", .authority_count = count};

    for (size_t i = 0; i < count; i++) {
        struct fix_key k = fix_key((unsigned)i + 1);

        memcpy(n.authority[i].key, k.id, sizeof k.id);
        strcpy(n.authority[i].name, "one");
        assert_int_equal(smx_addr_parse(&n.authority[i].http, "127.0.0.1:80"), SMX_OK);
    }
    smx_network_seal(&n);
    return n;
}

/* The key of signer number signer in a network made by fix_network. */
static inline struct fix_key fix_signer(const struct smx_network *n, size_t signer)
{
    for (unsigned i = 1; i <= n->authority_count; i++) {
        struct fix_key k = fix_key(i);

        if (memcmp(k.id, n->authority[signer].key, sizeof k.id) == 0)
            return k;
    }
    fail();
    return fix_key(0);
}

/* Runs check on every truncation of good, on one byte more, and on each flipped bit; all in memory of exactly
 * the length, so that ASan sees a read past the end. */
static inline void fix_spoil(const uint8_t *good, size_t len,
                             void (*check)(void *arg, const uint8_t *in, size_t in_len), void *arg)
{
    for (size_t cut = 0; cut <= len + 1; cut++) {
        uint8_t *in = malloc(cut ? cut : 1);

        if (cut == len) {
            free(in);
            continue;
        }
        memset(in, 0, cut ? cut : 1);
        memcpy(in, good, cut < len ? cut : len);
        check(arg, in, cut);
        free(in);
    }
    for (size_t bit = 0; bit < 8 * len; bit++) {
        uint8_t *in = malloc(len);

        memcpy(in, good, len);
        in[bit / 8] ^= (uint8_t)(1 << bit % 8);
        check(arg, in, len);
        free(in);
    }
}

#endif
