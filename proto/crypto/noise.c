/* The handshake state machine of the Noise specification, for the two patterns in noise.h.  Functions carry
 * the specification's names, in its order: sections 4.3 (HKDF), 5.1-5.3 (objects) and 7.5 (patterns). In both
 * patterns a key is mixed in before anything is encrypted, so the empty CipherState never occurs. */
#include "proto/crypto/noise.h"

#include <assert.h>
#include <sodium.h>
#include <string.h>

enum { HASH_BLOCK = 128 }; /* BLAKE2b's block, for HMAC */
enum { MESSAGES = 2, SPLIT = 3 };

enum token { END, E, S, EE, ES, SE, SS };

static const struct {
    const char *name;
    uint8_t message[MESSAGES][5]; /* tokens */
} patterns[] = {
    [SMX_NOISE_IK] = {"Noise_IK_25519_ChaChaPoly_BLAKE2b", {{E, ES, S, SS, END}, {E, EE, SE, END}}},
    [SMX_NOISE_NK] = {"Noise_NK_25519_ChaChaPoly_BLAKE2b", {{E, ES, END}, {E, EE, END}}},
};

static const uint8_t overhead[][MESSAGES] = {
    [SMX_NOISE_IK] = {SMX_NOISE_IK_1, SMX_NOISE_IK_2},
    [SMX_NOISE_NK] = {SMX_NOISE_NK_1, SMX_NOISE_NK_2},
};

/* HMAC (RFC 2104) with BLAKE2b-512 over a then b; key is a whole hash. */
static void hmac(uint8_t out[SMX_NOISE_HASH], const uint8_t key[SMX_NOISE_HASH], const uint8_t *a,
                 size_t a_len, const uint8_t *b, size_t b_len)
{
    struct {
        crypto_generichash_blake2b_state st;
        uint8_t pad[HASH_BLOCK];
        uint8_t inner[SMX_NOISE_HASH];
    } s;

    memset(s.pad, 0x36, HASH_BLOCK);
    for (size_t i = 0; i < SMX_NOISE_HASH; i++)
        s.pad[i] ^= key[i];
    crypto_generichash_blake2b_init(&s.st, NULL, 0, SMX_NOISE_HASH);
    crypto_generichash_blake2b_update(&s.st, s.pad, HASH_BLOCK);
    crypto_generichash_blake2b_update(&s.st, a, a_len);
    crypto_generichash_blake2b_update(&s.st, b, b_len);
    crypto_generichash_blake2b_final(&s.st, s.inner, SMX_NOISE_HASH);

    for (size_t i = 0; i < HASH_BLOCK; i++)
        s.pad[i] ^= 0x36 ^ 0x5c;
    crypto_generichash_blake2b_init(&s.st, NULL, 0, SMX_NOISE_HASH);
    crypto_generichash_blake2b_update(&s.st, s.pad, HASH_BLOCK);
    crypto_generichash_blake2b_update(&s.st, s.inner, SMX_NOISE_HASH);
    crypto_generichash_blake2b_final(&s.st, out, SMX_NOISE_HASH);
    sodium_memzero(&s, sizeof s);
}

/* HKDF with two outputs; out1 may be chaining_key. */
static void hkdf(uint8_t out1[SMX_NOISE_HASH], uint8_t out2[SMX_NOISE_HASH],
                 const uint8_t chaining_key[SMX_NOISE_HASH], const uint8_t *ikm, size_t ikm_len)
{
    static const uint8_t one = 1, two = 2;
    uint8_t temp_key[SMX_NOISE_HASH];

    hmac(temp_key, chaining_key, ikm, ikm_len, NULL, 0);
    hmac(out1, temp_key, &one, 1, NULL, 0);
    hmac(out2, temp_key, out1, SMX_NOISE_HASH, &two, 1);
    sodium_memzero(temp_key, sizeof temp_key);
}

static void mix_key(struct smx_noise *ns, const uint8_t *ikm, size_t ikm_len)
{
    uint8_t temp_k[SMX_NOISE_HASH];

    hkdf(ns->ck, temp_k, ns->ck, ikm, ikm_len);
    memcpy(ns->k, temp_k, SMX_KEY); /* truncated, as HASHLEN is 64 */
    ns->n = 0;
    sodium_memzero(temp_k, sizeof temp_k);
}

static void mix_hash(struct smx_noise *ns, const void *data, size_t len)
{
    crypto_generichash_blake2b_state st;

    crypto_generichash_blake2b_init(&st, NULL, 0, SMX_NOISE_HASH);
    crypto_generichash_blake2b_update(&st, ns->h, SMX_NOISE_HASH);
    crypto_generichash_blake2b_update(&st, data, len);
    crypto_generichash_blake2b_final(&st, ns->h, SMX_NOISE_HASH);
}

static void encrypt_and_hash(struct smx_noise *ns, const void *plaintext, size_t len, uint8_t *out)
{
    smx_aead_seal(ns->k, ns->n++, ns->h, SMX_NOISE_HASH, plaintext, len, out);
    mix_hash(ns, out, len + SMX_AEAD_TAG);
}

static enum smx_err decrypt_and_hash(struct smx_noise *ns, const uint8_t *in, size_t in_len,
                                     uint8_t *plaintext)
{
    enum smx_err err = smx_aead_open(ns->k, ns->n, ns->h, SMX_NOISE_HASH, in, in_len, plaintext);

    if (err != SMX_OK)
        return err;
    ns->n++;
    mix_hash(ns, in, in_len);
    return SMX_OK;
}

/* MixKey(DH(pair, public)). */
static enum smx_err mix_dh(struct smx_noise *ns, const struct smx_x25519 *pair,
                           const uint8_t public[SMX_X25519])
{
    uint8_t shared[SMX_X25519];
    /* libsodium refuses keys of low order, whose shared secret is zero whatever our secret is; so the verdict
     * tells nothing about ours */
    enum smx_err err = crypto_scalarmult_curve25519(shared, pair->secret, public) == 0 ? SMX_OK : SMX_E_AUTH;

    if (err == SMX_OK)
        mix_key(ns, shared, sizeof shared);
    sodium_memzero(shared, sizeof shared);
    return err;
}

/* A token that is a DH: its first letter is the initiator's key, its second the responder's. */
static enum smx_err dh_token(struct smx_noise *ns, enum token token)
{
    switch (token) {
    case EE: /* ee */
        return mix_dh(ns, &ns->e, ns->re);
    case ES: /* es */
        return ns->initiator ? mix_dh(ns, &ns->e, ns->rs) : mix_dh(ns, &ns->s, ns->re);
    case SE: /* se */
        return ns->initiator ? mix_dh(ns, &ns->s, ns->re) : mix_dh(ns, &ns->e, ns->rs);
    case SS: /* ss */
        return mix_dh(ns, &ns->s, ns->rs);
    case END:
    case E:
    case S:
        break;
    }
    assert(!"a DH token");
    return SMX_E_STATE;
}

void smx_noise_init(struct smx_noise *ns, enum smx_noise_pattern pattern, bool initiator,
                    const void *prologue, size_t prologue_len, const struct smx_x25519 *local,
                    const uint8_t *remote_static)
{
    const char *name = patterns[pattern].name;

    assert((local != NULL) == (pattern == SMX_NOISE_IK || !initiator));
    assert((remote_static != NULL) == initiator);
    memset(ns, 0, sizeof *ns);
    ns->pattern = pattern;
    ns->initiator = initiator;
    if (local)
        ns->s = *local;
    if (remote_static) {
        memcpy(ns->rs, remote_static, SMX_X25519);
        ns->rs_known = true;
    }
    memcpy(ns->h, name, strlen(name)); /* not longer than HASHLEN, so padded with zeros, not hashed */
    memcpy(ns->ck, ns->h, SMX_NOISE_HASH);
    mix_hash(ns, prologue, prologue_len);
    mix_hash(ns, initiator ? ns->rs : ns->s.public, SMX_X25519); /* <- s */
}

void smx_noise_fini(struct smx_noise *ns)
{
    sodium_memzero(ns, sizeof *ns);
}

size_t smx_noise_overhead(const struct smx_noise *ns)
{
    return ns->message < MESSAGES ? overhead[ns->pattern][ns->message] : 0;
}

/* The initiator writes the first message and reads the second. */
static bool is_writer(const struct smx_noise *ns)
{
    return ns->initiator == (ns->message == 0);
}

static enum smx_err write_tokens(struct smx_noise *ns, const uint8_t secret[SMX_X25519], const void *payload,
                                 size_t payload_len, uint8_t *out)
{
    for (const uint8_t *t = patterns[ns->pattern].message[ns->message]; *t != END; t++) {
        enum smx_err err;

        switch ((enum token) * t) {
        case E: /* e */
            smx_x25519_from_secret(&ns->e, secret);
            memcpy(out, ns->e.public, SMX_X25519);
            mix_hash(ns, out, SMX_X25519);
            out += SMX_X25519;
            break;
        case S: /* s */
            encrypt_and_hash(ns, ns->s.public, SMX_X25519, out);
            out += SMX_X25519 + SMX_AEAD_TAG;
            break;
        default:
            if ((err = dh_token(ns, *t)) != SMX_OK)
                return err;
        }
    }
    encrypt_and_hash(ns, payload, payload_len, out);
    return SMX_OK;
}

static enum smx_err read_tokens(struct smx_noise *ns, const uint8_t *in, size_t in_len, uint8_t *payload)
{
    const uint8_t *end = in + in_len; /* smx_noise_read has seen that the fields fit */

    for (const uint8_t *t = patterns[ns->pattern].message[ns->message]; *t != END; t++) {
        enum smx_err err = SMX_OK;

        switch ((enum token) * t) {
        case E: /* e */
            memcpy(ns->re, in, SMX_X25519);
            mix_hash(ns, in, SMX_X25519);
            in += SMX_X25519;
            break;
        case S: /* s */
            err = decrypt_and_hash(ns, in, SMX_X25519 + SMX_AEAD_TAG, ns->rs);
            ns->rs_known = true;
            in += SMX_X25519 + SMX_AEAD_TAG;
            break;
        default:
            err = dh_token(ns, *t);
        }
        if (err != SMX_OK)
            return err;
    }
    return decrypt_and_hash(ns, in, (size_t)(end - in), payload);
}

enum smx_err smx_noise_write_with_ephemeral(struct smx_noise *ns, const uint8_t secret[SMX_X25519],
                                            const void *payload, size_t payload_len, uint8_t *out)
{
    struct smx_noise next = *ns;
    enum smx_err err;

    if (ns->message >= MESSAGES || !is_writer(ns))
        err = SMX_E_STATE;
    else
        err = write_tokens(&next, secret, payload, payload_len, out);
    if (err == SMX_OK) {
        next.message++;
        *ns = next;
    }
    sodium_memzero(&next, sizeof next);
    return err;
}

enum smx_err smx_noise_write(struct smx_noise *ns, struct smx_rng *rng, const void *payload,
                             size_t payload_len, uint8_t *out)
{
    uint8_t secret[SMX_X25519];
    enum smx_err err;

    smx_rng_bytes(rng, secret, sizeof secret);
    err = smx_noise_write_with_ephemeral(ns, secret, payload, payload_len, out);
    sodium_memzero(secret, sizeof secret);
    return err;
}

enum smx_err smx_noise_read(struct smx_noise *ns, const uint8_t *in, size_t in_len, uint8_t *payload)
{
    struct smx_noise next = *ns; /* committed only when the whole message proves genuine */
    enum smx_err err;

    if (ns->message >= MESSAGES || is_writer(ns))
        err = SMX_E_STATE;
    else if (in_len < smx_noise_overhead(ns))
        err = SMX_E_MALFORMED;
    else
        err = read_tokens(&next, in, in_len, payload);
    if (err == SMX_OK) {
        next.message++;
        *ns = next;
    }
    sodium_memzero(&next, sizeof next);
    return err;
}

const uint8_t *smx_noise_remote_static(const struct smx_noise *ns)
{
    return ns->rs_known ? ns->rs : NULL;
}

enum smx_err smx_noise_split(struct smx_noise *ns, uint8_t to_responder[SMX_KEY],
                             uint8_t to_initiator[SMX_KEY])
{
    struct {
        uint8_t k1[SMX_NOISE_HASH], k2[SMX_NOISE_HASH];
    } s;

    if (ns->message != MESSAGES)
        return SMX_E_STATE;
    hkdf(s.k1, s.k2, ns->ck, NULL, 0);
    memcpy(to_responder, s.k1, SMX_KEY);
    memcpy(to_initiator, s.k2, SMX_KEY);
    ns->message = SPLIT;
    sodium_memzero(&s, sizeof s);
    sodium_memzero(ns->ck, sizeof ns->ck);
    sodium_memzero(ns->k, sizeof ns->k);
    sodium_memzero(&ns->s, sizeof ns->s);
    sodium_memzero(&ns->e, sizeof ns->e);
    return SMX_OK;
}

const uint8_t *smx_noise_hash(const struct smx_noise *ns)
{
    return ns->h;
}
