/* keys/keyfile.h - long-term keys and the files they live in.  Source: docs/protocol/80-keyfile.md.
 * A key lives in locked memory that is wiped when freed (libsodium's sodium_malloc).  A file is 0600, written
 * whole or not at all, and sealed by a passphrase (Argon2id, XChaCha20-Poly1305) if the user wants it. */
#ifndef SMX_KEYS_KEYFILE_H
#define SMX_KEYS_KEYFILE_H

#include "proto/base/err.h"
#include "proto/base/rng.h"
#include "proto/crypto/keypair.h"

#include <stdbool.h>

enum smx_key_kind {
    SMX_KEY_ANY = 0,       /* for loading only */
    SMX_KEY_RELAY = 1,     /* identity and link static */
    SMX_KEY_AUTHORITY = 2, /* identity that signs the consensus */
    SMX_KEY_PSEUDONYM = 3, /* identity of a user: only ever signs */
};

struct smx_key {
    enum smx_key_kind kind;
    uint8_t identity_public[32]; /* Ed25519 */
    uint8_t identity_secret[64]; /* in libsodium's form: seed, then public key */
    struct smx_x25519 link;      /* relay only, else zeros */
};

/* Causes that a person can act on. */
enum smx_key_err {
    SMX_KEY_OK = 0,
    SMX_KEY_E_ABSENT,     /* no such file */
    SMX_KEY_E_FOREIGN,    /* not a sipmix key file */
    SMX_KEY_E_VERSION,    /* of a version we don't know */
    SMX_KEY_E_TRUNCATED,  /* its end is missing */
    SMX_KEY_E_DAMAGED,    /* its checksum is wrong */
    SMX_KEY_E_KIND,       /* a key of another kind */
    SMX_KEY_E_SEALED,     /* needs a passphrase, none given */
    SMX_KEY_E_PASSPHRASE, /* wrong passphrase */
    SMX_KEY_E_OPEN,       /* file mode lets group or others in */
    SMX_KEY_E_EXISTS,     /* there is a file already */
    SMX_KEY_E_BUSY,       /* another process is writing it */
    SMX_KEY_E_MEMORY,
    SMX_KEY_E_IO, /* errno says why */
};

/* One line for the operator, without the file's name; never NULL. */
const char *smx_key_err_text(enum smx_key_err err);
/* "relay", "authority", "pseudonym". */
const char *smx_key_kind_word(enum smx_key_kind kind);
/* SMX_KEY_ANY for another word. */
enum smx_key_kind smx_key_kind_parse(const char *word);

/* A new key.  NULL: out of memory. */
struct smx_key *smx_key_new(enum smx_key_kind kind, struct smx_rng *rng);
/* The key with these secrets: an Ed25519 seed and, for a relay, an X25519 secret (else not looked at). */
struct smx_key *smx_key_from_secrets(enum smx_key_kind kind, const uint8_t seed[32],
                                     const uint8_t link_secret[32]);
void smx_key_free(struct smx_key *key); /* wipes; NULL is fine */

/* 160 bits of a hash of the identity, as eight groups of four base32 characters: to compare by eye or ear.
 */
enum { SMX_KEY_FINGERPRINT = 8 * 5 };
void smx_key_fingerprint(const struct smx_key *key, char text[SMX_KEY_FINGERPRINT]);

/* Cost of a passphrase guess. */
struct smx_key_cost {
    uint32_t passes;     /* Argon2id's t, 1..SMX_KEY_PASSES_MAX */
    uint32_t memory_kib; /* Argon2id's m, SMX_KEY_MEMORY_KIB_MIN..SMX_KEY_MEMORY_KIB_MAX */
};
enum { SMX_KEY_PASSES_MAX = 16, SMX_KEY_MEMORY_KIB_MIN = 8, SMX_KEY_MEMORY_KIB_MAX = 2 * 1024 * 1024 };
/* 3 passes over 256 MiB, libsodium's "moderate": about a second. */
enum { SMX_KEY_PASSES = 3, SMX_KEY_MEMORY_KIB = 256 * 1024 };

/* What seals a file, besides the key itself. */
struct smx_key_seal {
    const char *passphrase;
    struct smx_key_cost cost;
    uint8_t salt[16], nonce[24]; /* fresh for each writing */
};
/* Draws salt and nonce, and takes the usual cost. */
void smx_key_seal_init(struct smx_key_seal *seal, const char *passphrase, struct smx_rng *rng);

enum { SMX_KEYFILE_MAX = 256 }; /* bytes; no key file is longer */

/* The file's bytes; seal NULL: not sealed.  SMX_KEY_E_MEMORY is the only error. */
enum smx_key_err smx_keyfile_encode(const struct smx_key *key, const struct smx_key_seal *seal,
                                    uint8_t out[SMX_KEYFILE_MAX], size_t *len) SMX_MUST_CHECK;
/* The key in the in_len bytes at in.  A passphrase for a file that is not sealed is not looked at. */
enum smx_key_err smx_keyfile_decode(struct smx_key **key, const uint8_t *in, size_t in_len,
                                    const char *passphrase) SMX_MUST_CHECK;
/* Whether the bytes are a whole key file, its kind, and whether it is sealed; needs no passphrase. */
enum smx_key_err smx_keyfile_peek(const uint8_t *in, size_t in_len, enum smx_key_kind *kind,
                                  bool *sealed) SMX_MUST_CHECK;

/* From and to a file.  kind SMX_KEY_ANY takes every kind. */
enum smx_key_err smx_keyfile_read(const char *path, uint8_t out[SMX_KEYFILE_MAX], size_t *len) SMX_MUST_CHECK;
enum smx_key_err smx_key_load(struct smx_key **key, const char *path, enum smx_key_kind kind,
                              const char *passphrase) SMX_MUST_CHECK;
enum smx_key_err smx_key_save(const struct smx_key *key, const char *path, const char *passphrase,
                              bool replace, struct smx_rng *rng) SMX_MUST_CHECK;
/* For a daemon's start: the key at path, or a new one, saved there first.  *made says which. */
enum smx_key_err smx_key_load_or_make(struct smx_key **key, const char *path, enum smx_key_kind kind,
                                      const char *passphrase, struct smx_rng *rng, bool *made) SMX_MUST_CHECK;

#endif
