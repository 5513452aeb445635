#include "keys/keyfile.h"

#include "proto/base/bytes.h"
#include "proto/crypto/derive.h"
#include "proto/host/file.h"

#include <errno.h>
#include <sodium.h>
#include <string.h>
#include <sys/stat.h>

/* docs/protocol/80-keyfile.md, section 1:
 *   0 magic[16] | 16 version u8 | 17 kind u8 | 18 sealed u8 | 19 zero u8
 *  20 passes u32 | 24 memory_kib u32 | 28 salt[16] | 44 nonce[24]      all zero when not sealed
 *  68 secrets: seed[32], link_secret[32] (relay only); sealed: enciphered, then tag[16]
 *   . checksum[16] of all before */
enum {
    MAGIC = 16,
    VERSION = 1,
    HEADER = MAGIC + 4 + 4 + 4 + 16 + 24,
    SECRET = 32,
    TAG = crypto_aead_xchacha20poly1305_ietf_ABYTES,
    CHECKSUM = 16
};

_Static_assert(HEADER == 68, "the offsets above");
_Static_assert(HEADER + 2 * SECRET + TAG + CHECKSUM <= SMX_KEYFILE_MAX, "the longest file");
_Static_assert(sizeof(((struct smx_key_seal *)0)->salt) == crypto_pwhash_SALTBYTES, "Argon2id");
_Static_assert(sizeof(((struct smx_key_seal *)0)->nonce) == crypto_aead_xchacha20poly1305_ietf_NPUBBYTES,
               "XChaCha20");

static const uint8_t magic[MAGIC] = "sipmix key file\n"; /* no NUL */

static size_t secrets_len(enum smx_key_kind kind)
{
    return kind == SMX_KEY_RELAY ? 2 * SECRET : SECRET;
}

static size_t file_len(enum smx_key_kind kind, bool sealed)
{
    return HEADER + secrets_len(kind) + (sealed ? TAG : 0) + CHECKSUM;
}

static void checksum(uint8_t out[CHECKSUM], const uint8_t *bytes, size_t len)
{
    smx_derive(out, CHECKSUM, "key file checksum", bytes, len);
}

/* The key that seals, in 32 bytes. */
static bool stretch(uint8_t out[32], const char *passphrase, const struct smx_key_cost *cost,
                    const uint8_t *salt)
{
    return crypto_pwhash(out, 32, passphrase, strlen(passphrase), salt, cost->passes,
                         (size_t)cost->memory_kib * 1024, crypto_pwhash_ALG_ARGON2ID13) == 0;
}

void smx_key_seal_init(struct smx_key_seal *seal, const char *passphrase, struct smx_rng *rng)
{
    seal->passphrase = passphrase;
    seal->cost = (struct smx_key_cost){SMX_KEY_PASSES, SMX_KEY_MEMORY_KIB};
    smx_rng_bytes(rng, seal->salt, sizeof seal->salt);
    smx_rng_bytes(rng, seal->nonce, sizeof seal->nonce);
}

enum smx_key_err smx_keyfile_encode(const struct smx_key *key, const struct smx_key_seal *seal,
                                    uint8_t out[SMX_KEYFILE_MAX], size_t *len)
{
    size_t secrets = secrets_len(key->kind);
    struct smx_wr w = {out, file_len(key->kind, seal)};
    enum smx_key_err err = SMX_KEY_OK;
    struct {
        uint8_t plain[2 * SECRET], key[32];
    } s;

    *len = w.left;
    smx_wr_bytes(&w, magic, MAGIC);
    smx_wr_u8(&w, VERSION);
    smx_wr_u8(&w, (uint8_t)key->kind);
    smx_wr_u8(&w, seal ? 1 : 0);
    smx_wr_u8(&w, 0);
    memcpy(s.plain, key->identity_secret, SECRET); /* the seed stands first */
    memcpy(s.plain + SECRET, key->link.secret, SECRET);
    if (!seal) {
        smx_wr_zeros(&w, HEADER - MAGIC - 4);
        smx_wr_bytes(&w, s.plain, secrets);
    } else {
        uint8_t box[2 * SECRET + TAG];

        smx_wr_u32(&w, seal->cost.passes);
        smx_wr_u32(&w, seal->cost.memory_kib);
        smx_wr_bytes(&w, seal->salt, sizeof seal->salt);
        smx_wr_bytes(&w, seal->nonce, sizeof seal->nonce);
        if (!stretch(s.key, seal->passphrase, &seal->cost, seal->salt)) {
            err = SMX_KEY_E_MEMORY;
            goto out;
        }
        crypto_aead_xchacha20poly1305_ietf_encrypt(box, NULL, s.plain, secrets, out, HEADER, NULL,
                                                   seal->nonce, s.key);
        smx_wr_bytes(&w, box, secrets + TAG);
    }
    checksum(w.at, out, *len - CHECKSUM);
    w.at += CHECKSUM;
    w.left -= CHECKSUM;
    smx_wr_done(&w);
out:
    sodium_memzero(&s, sizeof s);
    return err;
}

/* The part of a file before its secrets. */
struct header {
    enum smx_key_kind kind;
    bool sealed;
    struct smx_key_cost cost;
    uint8_t salt[16], nonce[24];
};

/* Tells a person what is wrong with the file, so from the beginning on; all but the secrets is checked. */
static enum smx_key_err read_header(struct header *h, const uint8_t *in, size_t in_len)
{
    struct smx_rd r = {in, in_len, false};
    uint8_t version, kind, sealed, sum[CHECKSUM];

    if (memcmp(in, magic, in_len < MAGIC ? in_len : MAGIC) != 0)
        return SMX_KEY_E_FOREIGN;
    smx_rd_view(&r, MAGIC);
    version = smx_rd_u8(&r);
    if (!r.bad && version != VERSION)
        return SMX_KEY_E_VERSION;
    kind = smx_rd_u8(&r);
    sealed = smx_rd_u8(&r);
    if (r.bad)
        return SMX_KEY_E_TRUNCATED;
    if (kind < SMX_KEY_RELAY || kind > SMX_KEY_PSEUDONYM || sealed > 1)
        return SMX_KEY_E_DAMAGED;
    h->kind = kind;
    h->sealed = sealed;
    if (in_len < file_len(h->kind, h->sealed))
        return SMX_KEY_E_TRUNCATED;
    if (in_len > file_len(h->kind, h->sealed))
        return SMX_KEY_E_DAMAGED;
    checksum(sum, in, in_len - CHECKSUM);
    if (memcmp(sum, in + in_len - CHECKSUM, CHECKSUM) != 0)
        return SMX_KEY_E_DAMAGED;
    smx_rd_zeros(&r, 1);
    if (!h->sealed) {
        smx_rd_zeros(&r, HEADER - MAGIC - 4);
        return r.bad ? SMX_KEY_E_DAMAGED : SMX_KEY_OK;
    }
    h->cost.passes = smx_rd_u32(&r);
    h->cost.memory_kib = smx_rd_u32(&r);
    smx_rd_bytes(&r, h->salt, sizeof h->salt);
    smx_rd_bytes(&r, h->nonce, sizeof h->nonce);
    /* a file from elsewhere must not make us take all memory or all day */
    if (r.bad || h->cost.passes < 1 || h->cost.passes > SMX_KEY_PASSES_MAX ||
        h->cost.memory_kib < SMX_KEY_MEMORY_KIB_MIN || h->cost.memory_kib > SMX_KEY_MEMORY_KIB_MAX)
        return SMX_KEY_E_DAMAGED;
    return SMX_KEY_OK;
}

enum smx_key_err smx_keyfile_peek(const uint8_t *in, size_t in_len, enum smx_key_kind *kind, bool *sealed)
{
    struct header h;
    enum smx_key_err err = read_header(&h, in, in_len);

    if (err == SMX_KEY_OK) {
        *kind = h.kind;
        *sealed = h.sealed;
    }
    return err;
}

enum smx_key_err smx_keyfile_decode(struct smx_key **key, const uint8_t *in, size_t in_len,
                                    const char *passphrase)
{
    struct header h;
    enum smx_key_err err = read_header(&h, in, in_len);
    struct {
        uint8_t plain[2 * SECRET], key[32];
    } s;
    struct smx_key *got;

    if (err != SMX_KEY_OK)
        return err;
    if (h.sealed && !passphrase)
        return SMX_KEY_E_SEALED;
    sodium_memzero(&s, sizeof s);
    if (!h.sealed) {
        memcpy(s.plain, in + HEADER, secrets_len(h.kind));
    } else if (!stretch(s.key, passphrase, &h.cost, h.salt)) {
        err = SMX_KEY_E_MEMORY;
        goto out;
    } else if (crypto_aead_xchacha20poly1305_ietf_decrypt(s.plain, NULL, NULL, in + HEADER,
                                                          secrets_len(h.kind) + TAG, in, HEADER, h.nonce,
                                                          s.key) != 0) {
        err = SMX_KEY_E_PASSPHRASE;
        goto out;
    }
    got = smx_key_from_secrets(h.kind, s.plain, s.plain + SECRET);
    if (got)
        *key = got;
    else
        err = SMX_KEY_E_MEMORY;
out:
    sodium_memzero(&s, sizeof s);
    return err;
}

/* --- Files --- */

enum smx_key_err smx_keyfile_read(const char *path, uint8_t out[SMX_KEYFILE_MAX], size_t *len)
{
    struct stat st;

    if (stat(path, &st) == 0 && S_ISREG(st.st_mode) && (st.st_mode & 077))
        return SMX_KEY_E_OPEN;
    switch (smx_file_read(path, out, SMX_KEYFILE_MAX, len)) {
    case SMX_OK:
    case SMX_E_FULL: /* its beginning says whether it is foreign or damaged */
        return SMX_KEY_OK;
    case SMX_E_ABSENT:
        return SMX_KEY_E_ABSENT;
    default:
        return SMX_KEY_E_IO;
    }
}

enum smx_key_err smx_key_load(struct smx_key **key, const char *path, enum smx_key_kind kind,
                              const char *passphrase)
{
    uint8_t bytes[SMX_KEYFILE_MAX];
    enum smx_key_kind found = SMX_KEY_ANY;
    enum smx_key_err err;
    bool sealed;
    size_t len;

    err = smx_keyfile_read(path, bytes, &len);
    if (err == SMX_KEY_OK)
        err = smx_keyfile_peek(bytes, len, &found, &sealed);
    if (err == SMX_KEY_OK && kind != SMX_KEY_ANY && kind != found)
        err = SMX_KEY_E_KIND;
    if (err == SMX_KEY_OK)
        err = smx_keyfile_decode(key, bytes, len, passphrase);
    sodium_memzero(bytes, sizeof bytes);
    return err;
}

static enum smx_key_err from_file_err(enum smx_err err)
{
    switch (err) {
    case SMX_OK:
        return SMX_KEY_OK;
    case SMX_E_REFUSED:
        return SMX_KEY_E_EXISTS;
    case SMX_E_STATE:
        return SMX_KEY_E_BUSY;
    default:
        return SMX_KEY_E_IO;
    }
}

enum smx_key_err smx_key_save(const struct smx_key *key, const char *path, const char *passphrase,
                              bool replace, struct smx_rng *rng)
{
    uint8_t bytes[SMX_KEYFILE_MAX];
    struct smx_key_seal seal;
    enum smx_key_err err;
    size_t len;

    if (passphrase)
        smx_key_seal_init(&seal, passphrase, rng);
    err = smx_keyfile_encode(key, passphrase ? &seal : NULL, bytes, &len);
    if (err == SMX_KEY_OK)
        err = from_file_err(smx_file_write(path, bytes, len, replace));
    sodium_memzero(bytes, sizeof bytes);
    return err;
}

enum smx_key_err smx_key_load_or_make(struct smx_key **key, const char *path, enum smx_key_kind kind,
                                      const char *passphrase, struct smx_rng *rng, bool *made)
{
    enum smx_key_err err = smx_key_load(key, path, kind, passphrase);
    struct smx_key *fresh;

    *made = false;
    if (err != SMX_KEY_E_ABSENT)
        return err;
    fresh = smx_key_new(kind, rng);
    if (!fresh)
        return SMX_KEY_E_MEMORY;
    err = smx_key_save(fresh, path, passphrase, false, rng);
    if (err != SMX_KEY_OK) {
        smx_key_free(fresh);
        return err;
    }
    *key = fresh;
    *made = true;
    return SMX_KEY_OK;
}
