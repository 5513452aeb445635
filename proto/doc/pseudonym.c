#include "proto/doc/pseudonym.h"
#include "proto/base/base32.h"
#include "proto/base/bytes.h"
#include "proto/crypto/derive.h"

#include <assert.h>
#include <string.h>

enum { VERSION = 1, FUTURE_S = 86400 };

static const char name_letters[] = "abcdefghijklmnopqrstuvwxyz0123456789._-";
static const char capitals[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"; /* each where its small letter stands above */

/* network | bytes: what signatures and work are made over. */
struct signed_bytes {
    uint8_t raw[SMX_DOC_HASH + SMX_UPLOAD_MAX];
    size_t len;
};
_Static_assert(SMX_CLAIM_MAX <= SMX_UPLOAD_MAX && SMX_DESC_MAX <= SMX_UPLOAD_MAX, "all of them fit");

static struct signed_bytes with_network(const uint8_t network[SMX_DOC_HASH], const uint8_t *in, size_t len)
{
    struct signed_bytes s = {.len = SMX_DOC_HASH + len};

    assert(len <= SMX_UPLOAD_MAX);
    memcpy(s.raw, network, SMX_DOC_HASH);
    memcpy(s.raw + SMX_DOC_HASH, in, len);
    return s;
}

/* ---- names ---- */

enum smx_err smx_name_parse(char name[SMX_NAME_MAX + 1], const char *in, size_t len)
{
    char got[SMX_NAME_MAX + 1] = "";

    if (len < SMX_NAME_MIN || len > SMX_NAME_MAX)
        return SMX_E_MALFORMED;
    for (size_t i = 0; i < len; i++) {
        const char *capital = strchr(capitals, in[i]);

        got[i] = in[i];
        if (in[i] && capital)
            got[i] = name_letters[capital - capitals];
        if (got[i] == 0 || !strchr(name_letters, got[i]))
            return SMX_E_MALFORMED;
    }
    memcpy(name, got, sizeof got);
    return SMX_OK;
}

void smx_index_name(uint8_t index[SMX_INDEX], const char *name)
{
    uint8_t data[5 + SMX_NAME_MAX] = "name:";
    size_t len = strlen(name);

    assert(len <= SMX_NAME_MAX);
    memcpy(data + 5, name, len);
    smx_derive(index, SMX_INDEX, "index", data, 5 + len);
}

void smx_index_key(uint8_t index[SMX_INDEX], const uint8_t key[SMX_DOC_KEY])
{
    uint8_t data[4 + SMX_DOC_KEY] = "key:";

    memcpy(data + 4, key, SMX_DOC_KEY);
    smx_derive(index, SMX_INDEX, "index", data, sizeof data);
}

/* ---- descriptor ---- */

size_t smx_descriptor_encode(uint8_t out[SMX_DESC_MAX], const struct smx_descriptor *d,
                             const uint8_t network[SMX_DOC_HASH], const uint8_t secret[SMX_DOC_SECRET])
{
    struct smx_wr w = {out, SMX_DESC_MAX};
    struct signed_bytes s;
    size_t len;

    assert(d->day_count >= 1 && d->day_count <= SMX_DESC_DAYS);
    assert(d->intro_count >= 1 && d->intro_count <= SMX_DESC_INTROS);
    smx_wr_u8(&w, VERSION);
    smx_wr_bytes(&w, d->key, SMX_DOC_KEY);
    smx_wr_u64(&w, d->seq);
    smx_wr_u32(&w, d->valid_from);
    smx_wr_u32(&w, d->expires);
    smx_wr_u8(&w, d->day_count);
    smx_wr_u8(&w, d->intro_count);
    for (size_t i = 0; i < d->day_count; i++) {
        smx_wr_u32(&w, d->day[i].day);
        smx_wr_bytes(&w, d->day[i].key, SMX_DOC_KEY);
    }
    for (size_t i = 0; i < d->intro_count; i++)
        smx_wr_bytes(&w, d->intro[i], SMX_DOC_KEY);
    len = SMX_DESC_MAX - w.left;
    s = with_network(network, out, len);
    smx_doc_sign(out + len, SMX_DOC_DESCRIPTOR, s.raw, s.len, secret);
    return len + SMX_DOC_SIG;
}

static bool is_descriptor_sound(const struct smx_descriptor *d)
{
    if (d->expires <= d->valid_from || d->expires - d->valid_from > SMX_DESC_LIFE_S)
        return false;
    if (d->day_count == 2 && d->day[1].day <= d->day[0].day)
        return false;
    return d->intro_count < 2 || memcmp(d->intro[0], d->intro[1], SMX_DOC_KEY) != 0;
}

enum smx_err smx_descriptor_decode(struct smx_descriptor *d, const uint8_t network[SMX_DOC_HASH],
                                   const uint8_t *in, size_t len)
{
    struct smx_rd r = {in, len, false};
    struct smx_descriptor got = {.seq = 0};
    uint8_t sig[SMX_DOC_SIG];
    struct signed_bytes s;

    if (smx_rd_u8(&r) != VERSION)
        return SMX_E_MALFORMED;
    smx_rd_bytes(&r, got.key, SMX_DOC_KEY);
    got.seq = smx_rd_u64(&r);
    got.valid_from = smx_rd_u32(&r);
    got.expires = smx_rd_u32(&r);
    got.day_count = smx_rd_u8(&r);
    got.intro_count = smx_rd_u8(&r);
    if (got.day_count < 1 || got.day_count > SMX_DESC_DAYS || got.intro_count < 1 ||
        got.intro_count > SMX_DESC_INTROS)
        return SMX_E_MALFORMED;
    for (size_t i = 0; i < got.day_count; i++) {
        got.day[i].day = smx_rd_u32(&r);
        smx_rd_bytes(&r, got.day[i].key, SMX_DOC_KEY);
    }
    for (size_t i = 0; i < got.intro_count; i++)
        smx_rd_bytes(&r, got.intro[i], SMX_DOC_KEY);
    smx_rd_bytes(&r, sig, sizeof sig);
    if (!smx_rd_done(&r) || !is_descriptor_sound(&got))
        return SMX_E_MALFORMED;
    s = with_network(network, in, len - SMX_DOC_SIG);
    if (smx_doc_verify(sig, SMX_DOC_DESCRIPTOR, s.raw, s.len, got.key) != SMX_OK)
        return SMX_E_AUTH;
    *d = got;
    return SMX_OK;
}

enum smx_err smx_descriptor_check(const struct smx_descriptor *d, struct smx_wall now)
{
    if (now.s >= (int64_t)d->expires)
        return SMX_E_LATE;
    return now.s + FUTURE_S < (int64_t)d->valid_from ? SMX_E_STATE : SMX_OK;
}

const uint8_t *smx_descriptor_day_key(const struct smx_descriptor *d, struct smx_wall now)
{
    for (size_t i = 0; i < d->day_count; i++)
        if ((int64_t)d->day[i].day == now.s / 86400)
            return d->day[i].key;
    return NULL;
}

/* ---- claim ---- */

/* A claim without its signatures; returns the length. */
static size_t write_claim(uint8_t out[SMX_CLAIM_MAX], const struct smx_claim *c)
{
    struct smx_wr w = {out, SMX_CLAIM_MAX};
    size_t name_len = strlen(c->name);

    assert(name_len >= SMX_NAME_MIN && name_len <= SMX_NAME_MAX);
    smx_wr_u8(&w, VERSION);
    smx_wr_u8(&w, (uint8_t)c->op);
    smx_wr_u8(&w, (uint8_t)name_len);
    smx_wr_bytes(&w, c->name, name_len);
    smx_wr_bytes(&w, c->key, SMX_DOC_KEY);
    smx_wr_u64(&w, c->seq);
    if (c->op == SMX_CLAIM_TRANSFER)
        smx_wr_bytes(&w, c->new_key, SMX_DOC_KEY);
    return SMX_CLAIM_MAX - w.left;
}

size_t smx_claim_encode(uint8_t out[SMX_CLAIM_MAX], const struct smx_claim *c,
                        const uint8_t network[SMX_DOC_HASH], const uint8_t secret[SMX_DOC_SECRET],
                        const uint8_t *new_sig)
{
    size_t len = write_claim(out, c);
    struct signed_bytes s = with_network(network, out, len);

    assert((c->op == SMX_CLAIM_TRANSFER) == (new_sig != NULL));
    smx_doc_sign(out + len, SMX_DOC_CLAIM, s.raw, s.len, secret);
    len += SMX_DOC_SIG;
    if (new_sig) {
        memcpy(out + len, new_sig, SMX_DOC_SIG);
        len += SMX_DOC_SIG;
    }
    return len;
}

enum smx_err smx_claim_decode(struct smx_claim *c, const uint8_t network[SMX_DOC_HASH], const uint8_t *in,
                              size_t len)
{
    struct smx_rd r = {in, len, false};
    struct smx_claim got = {.seq = 0};
    uint8_t sig[SMX_DOC_SIG], new_sig[SMX_DOC_SIG], op, name_len;
    const uint8_t *name;
    struct signed_bytes s;
    size_t body_len;

    if (smx_rd_u8(&r) != VERSION)
        return SMX_E_MALFORMED;
    op = smx_rd_u8(&r);
    name_len = smx_rd_u8(&r);
    name = smx_rd_view(&r, name_len);
    smx_rd_bytes(&r, got.key, SMX_DOC_KEY);
    got.seq = smx_rd_u64(&r);
    if (r.bad || op < SMX_CLAIM_CLAIM || op > SMX_CLAIM_RELEASE)
        return SMX_E_MALFORMED;
    /* One name, one spelling: capitals would make two claims of one. */
    if (smx_name_parse(got.name, (const char *)name, name_len) != SMX_OK ||
        memcmp(got.name, name, name_len) != 0)
        return SMX_E_MALFORMED;
    got.op = (enum smx_claim_op)op;
    if (got.op == SMX_CLAIM_TRANSFER)
        smx_rd_bytes(&r, got.new_key, SMX_DOC_KEY);
    body_len = len - r.left;
    smx_rd_bytes(&r, sig, sizeof sig);
    if (got.op == SMX_CLAIM_TRANSFER)
        smx_rd_bytes(&r, new_sig, sizeof new_sig);
    if (!smx_rd_done(&r))
        return SMX_E_MALFORMED;
    s = with_network(network, in, body_len);
    if (smx_doc_verify(sig, SMX_DOC_CLAIM, s.raw, s.len, got.key) != SMX_OK)
        return SMX_E_AUTH;
    if (got.op == SMX_CLAIM_TRANSFER &&
        smx_doc_verify(new_sig, SMX_DOC_CLAIM, s.raw, s.len, got.new_key) != SMX_OK)
        return SMX_E_AUTH;
    *c = got;
    return SMX_OK;
}

/* ---- consent ---- */

/* The transfer that a consent is for, as both sign it. */
static struct signed_bytes transfer_of(const struct smx_consent *t, const char *name,
                                       const uint8_t holder[SMX_DOC_KEY], const uint8_t network[SMX_DOC_HASH])
{
    struct smx_claim c = {.op = SMX_CLAIM_TRANSFER, .seq = t->seq};
    uint8_t bytes[SMX_CLAIM_MAX];

    memcpy(c.name, name, strlen(name));
    memcpy(c.key, holder, SMX_DOC_KEY);
    memcpy(c.new_key, t->key, SMX_DOC_KEY);
    return with_network(network, bytes, write_claim(bytes, &c));
}

void smx_consent_sign(struct smx_consent *t, const char *name, const uint8_t holder[SMX_DOC_KEY],
                      const uint8_t network[SMX_DOC_HASH], const uint8_t secret[SMX_DOC_SECRET])
{
    struct signed_bytes s = transfer_of(t, name, holder, network);

    smx_doc_sign(t->sig, SMX_DOC_CLAIM, s.raw, s.len, secret);
}

enum smx_err smx_consent_verify(const struct smx_consent *t, const char *name,
                                const uint8_t holder[SMX_DOC_KEY], const uint8_t network[SMX_DOC_HASH])
{
    struct signed_bytes s = transfer_of(t, name, holder, network);

    return smx_doc_verify(t->sig, SMX_DOC_CLAIM, s.raw, s.len, t->key);
}

void smx_consent_encode(char text[SMX_CONSENT_TEXT], const struct smx_consent *t)
{
    uint8_t bytes[SMX_CONSENT];
    struct smx_wr w = {bytes, sizeof bytes};

    smx_wr_u8(&w, VERSION);
    smx_wr_u64(&w, t->seq);
    smx_wr_bytes(&w, t->key, SMX_DOC_KEY);
    smx_wr_bytes(&w, t->sig, SMX_DOC_SIG);
    smx_wr_done(&w);
    smx_base32_encode(text, bytes, sizeof bytes);
}

enum smx_err smx_consent_decode(struct smx_consent *t, const char *text, size_t len)
{
    uint8_t bytes[SMX_CONSENT];
    struct smx_rd r = {bytes, sizeof bytes, false};

    if (smx_base32_decode(bytes, sizeof bytes, text, len) != SMX_OK || smx_rd_u8(&r) != VERSION)
        return SMX_E_MALFORMED;
    t->seq = smx_rd_u64(&r);
    smx_rd_bytes(&r, t->key, SMX_DOC_KEY);
    smx_rd_bytes(&r, t->sig, SMX_DOC_SIG);
    return SMX_OK;
}

/* ---- upload ---- */

const char *smx_upload_result_text(unsigned result)
{
    static const char *const text[] = {
        [SMX_UPLOAD_ACCEPTED] = "accepted",
        [SMX_UPLOAD_REPEATED] = "was accepted before",
        [SMX_UPLOAD_TAKEN] = "the name belongs to another key",
        [SMX_UPLOAD_STALE] = "older than what is known",
        [SMX_UPLOAD_UNKNOWN] = "nobody holds that name",
        [SMX_UPLOAD_MALFORMED] = "malformed",
        [SMX_UPLOAD_FORGED] = "a signature is wrong",
        [SMX_UPLOAD_NO_WORK] = "too little proof of work",
        [SMX_UPLOAD_EXPIRED] = "its time is over or not yet come",
        [SMX_UPLOAD_FULL] = "no room now, try later",
    };

    return result < sizeof text / sizeof text[0] ? text[result] : "unknown result";
}

size_t smx_upload_encode(uint8_t out[SMX_UPLOAD_MAX], enum smx_upload_tag tag, const uint8_t *body,
                         size_t body_len)
{
    struct smx_wr w = {out, SMX_UPLOAD_MAX};

    smx_wr_u8(&w, (uint8_t)tag);
    smx_wr_u64(&w, 0);
    smx_wr_bytes(&w, body, body_len);
    return SMX_UPLOAD_MAX - w.left;
}

static unsigned zero_bits(const struct signed_bytes *s)
{
    uint8_t hash[SMX_DOC_HASH];
    unsigned bits = 0;

    smx_derive(hash, sizeof hash, "work", s->raw, s->len);
    while (bits < 8 * sizeof hash && !(hash[bits / 8] & 0x80 >> bits % 8))
        bits++;
    return bits;
}

unsigned smx_upload_work(const uint8_t *upload, size_t len, const uint8_t network[SMX_DOC_HASH])
{
    struct signed_bytes s = with_network(network, upload, len);

    return zero_bits(&s);
}

bool smx_upload_solve(uint8_t *upload, size_t len, const uint8_t network[SMX_DOC_HASH], unsigned bits,
                      uint64_t tries)
{
    struct signed_bytes s = with_network(network, upload, len);
    struct smx_rd r = {upload + 1, 8, false};
    uint64_t work = smx_rd_u64(&r);
    bool found = false;

    assert(len > SMX_UPLOAD_HEAD);
    for (uint64_t i = 0; i < tries && !found; i++) {
        struct smx_wr w = {s.raw + SMX_DOC_HASH + 1, 8};

        smx_wr_u64(&w, work + i);
        found = zero_bits(&s) >= bits;
    }
    memcpy(upload + 1, s.raw + SMX_DOC_HASH + 1, 8);
    return found;
}

enum smx_err smx_upload_decode(struct smx_upload *u, const uint8_t network[SMX_DOC_HASH], unsigned bits,
                               const uint8_t *in, size_t len)
{
    struct smx_upload got;
    enum smx_err err;

    if (len <= SMX_UPLOAD_HEAD || len > SMX_UPLOAD_MAX)
        return SMX_E_MALFORMED;
    if (in[0] != SMX_UPLOAD_CLAIM && in[0] != SMX_UPLOAD_DESCRIPTOR)
        return SMX_E_MALFORMED;
    if (smx_upload_work(in, len, network) < bits)
        return SMX_E_REFUSED;
    got.tag = (enum smx_upload_tag)in[0];
    if (got.tag == SMX_UPLOAD_CLAIM)
        err = smx_claim_decode(&got.claim, network, in + SMX_UPLOAD_HEAD, len - SMX_UPLOAD_HEAD);
    else
        err = smx_descriptor_decode(&got.descriptor, network, in + SMX_UPLOAD_HEAD, len - SMX_UPLOAD_HEAD);
    if (err == SMX_OK)
        *u = got;
    return err;
}
