#include "keys/keyfile.h"

#include "proto/base/base32.h"
#include "proto/crypto/derive.h"

#include <sodium.h>
#include <string.h>

_Static_assert(sizeof(((struct smx_key *)0)->identity_secret) == crypto_sign_SECRETKEYBYTES, "Ed25519");

static const char *const kind_words[] = {"any", "relay", "authority", "pseudonym"};

const char *smx_key_kind_word(enum smx_key_kind kind)
{
    return kind_words[kind];
}

enum smx_key_kind smx_key_kind_parse(const char *word)
{
    for (enum smx_key_kind k = SMX_KEY_RELAY; k <= SMX_KEY_PSEUDONYM; k++)
        if (strcmp(word, kind_words[k]) == 0)
            return k;
    return SMX_KEY_ANY;
}

const char *smx_key_err_text(enum smx_key_err err)
{
    switch (err) {
    case SMX_KEY_OK:
        return "ok";
    case SMX_KEY_E_ABSENT:
        return "no such file";
    case SMX_KEY_E_FOREIGN:
        return "not a sipmix key file";
    case SMX_KEY_E_VERSION:
        return "unknown version: made by a newer sipmix";
    case SMX_KEY_E_TRUNCATED:
        return "truncated: its end is missing";
    case SMX_KEY_E_DAMAGED:
        return "damaged: its checksum or a field is wrong";
    case SMX_KEY_E_KIND:
        return "a key of another kind";
    case SMX_KEY_E_SEALED:
        return "sealed: it needs its passphrase";
    case SMX_KEY_E_PASSPHRASE:
        return "wrong passphrase";
    case SMX_KEY_E_OPEN:
        return "others may read or write it: chmod 600 it, and think about making a new key";
    case SMX_KEY_E_EXISTS:
        return "exists already";
    case SMX_KEY_E_BUSY:
        return "another process is writing it";
    case SMX_KEY_E_MEMORY:
        return "out of memory";
    case SMX_KEY_E_IO:
        return "system error";
    }
    return "unknown error";
}

struct smx_key *smx_key_from_secrets(enum smx_key_kind kind, const uint8_t seed[32],
                                     const uint8_t link_secret[32])
{
    struct smx_key *key = sodium_init() < 0 ? NULL : sodium_malloc(sizeof *key);

    if (!key)
        return NULL;
    sodium_memzero(key, sizeof *key);
    key->kind = kind;
    crypto_sign_seed_keypair(key->identity_public, key->identity_secret, seed);
    if (kind == SMX_KEY_RELAY)
        smx_x25519_from_secret(&key->link, link_secret);
    return key;
}

struct smx_key *smx_key_new(enum smx_key_kind kind, struct smx_rng *rng)
{
    struct {
        uint8_t seed[32], link[32];
    } s;
    struct smx_key *key;

    smx_rng_bytes(rng, s.seed, sizeof s.seed);
    smx_rng_bytes(rng, s.link, sizeof s.link);
    key = smx_key_from_secrets(kind, s.seed, s.link);
    sodium_memzero(&s, sizeof s);
    return key;
}

void smx_key_free(struct smx_key *key)
{
    sodium_free(key); /* wipes */
}

void smx_key_fingerprint(const struct smx_key *key, char text[SMX_KEY_FINGERPRINT])
{
    uint8_t hash[20];
    char digits[SMX_BASE32_LEN(sizeof hash) + 1];

    smx_derive(hash, sizeof hash, "key fingerprint", key->identity_public, sizeof key->identity_public);
    smx_base32_encode(digits, hash, sizeof hash);
    for (size_t group = 0; group < 8; group++) {
        memcpy(text + 5 * group, digits + 4 * group, 4);
        text[5 * group + 4] = group < 7 ? ' ' : 0;
    }
}
