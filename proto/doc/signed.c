#include "proto/doc/signed.h"
#include "proto/base/bytes.h"

#include <assert.h>
#include <sodium.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

enum {
    VERSION = 1,
    PACK_PLAIN = 0,
    PACK_ZLIB = 1,
    HEAD = 4 + 1 + 1 + 1 + 1, /* magic, version, kind, pack, count */
    LABEL_MAX = 32,
    /* zlib cannot pack better than 1032 to 1: a header that promises more is lying. */
    PACK_BEST = 1032,
};

static const uint8_t magic[4] = {'S', 'M', 'X', 'D'};

static const char *label(enum smx_doc_kind kind)
{
    switch (kind) {
    case SMX_DOC_RELAY:
        return "sipmix relay v1";
    case SMX_DOC_CONSENSUS:
        return "sipmix consensus v1";
    case SMX_DOC_BATCH:
        return "sipmix batch v1";
    case SMX_DOC_DESCRIPTOR:
        return "sipmix descriptor v1";
    case SMX_DOC_CLAIM:
        return "sipmix claim v1";
    }
    return "";
}

void smx_doc_hash(uint8_t hash[SMX_DOC_HASH], const uint8_t *raw, size_t len)
{
    crypto_generichash(hash, SMX_DOC_HASH, raw, len, NULL, 0);
}

/* What is signed; returns its length. */
static size_t message(uint8_t out[LABEL_MAX + SMX_DOC_HASH], enum smx_doc_kind kind, const uint8_t *raw,
                      size_t len)
{
    size_t label_len = strlen(label(kind));

    assert(label_len > 0 && label_len <= LABEL_MAX);
    memcpy(out, label(kind), label_len);
    smx_doc_hash(out + label_len, raw, len);
    return label_len + SMX_DOC_HASH;
}

void smx_doc_sign(uint8_t sig[SMX_DOC_SIG], enum smx_doc_kind kind, const uint8_t *raw, size_t len,
                  const uint8_t secret[SMX_DOC_SECRET])
{
    uint8_t m[LABEL_MAX + SMX_DOC_HASH];
    size_t m_len = message(m, kind, raw, len);

    crypto_sign_detached(sig, NULL, m, m_len, secret);
}

enum smx_err smx_doc_verify(const uint8_t sig[SMX_DOC_SIG], enum smx_doc_kind kind, const uint8_t *raw,
                            size_t len, const uint8_t key[SMX_DOC_KEY])
{
    uint8_t m[LABEL_MAX + SMX_DOC_HASH];
    size_t m_len = message(m, kind, raw, len);

    return crypto_sign_verify_detached(sig, m, m_len, key) == 0 ? SMX_OK : SMX_E_AUTH;
}

/* Allocates raw and unpacks all of r into it. */
static enum smx_err unpack(struct smx_signed *doc, uint8_t pack, struct smx_rd *r)
{
    uLongf got = doc->raw_len;

    if (pack == PACK_ZLIB ? doc->raw_len / PACK_BEST > r->left : doc->raw_len != r->left)
        return SMX_E_MALFORMED;
    doc->raw = malloc(doc->raw_len);
    if (!doc->raw)
        return SMX_E_MEMORY;
    if (pack == PACK_ZLIB) {
        uLong used = r->left;

        if (uncompress2(doc->raw, &got, r->at, &used) != Z_OK || got != doc->raw_len || used != r->left)
            return SMX_E_MALFORMED;
        return SMX_OK;
    }
    smx_rd_bytes(r, doc->raw, doc->raw_len);
    return SMX_OK;
}

enum smx_err smx_signed_decode(struct smx_signed *doc, enum smx_doc_kind kind, size_t raw_max,
                               const uint8_t *in, size_t len)
{
    struct smx_rd r = {in, len, false};
    struct smx_signed got = {.raw = NULL};
    uint8_t head[sizeof magic], pack;
    enum smx_err err;

    *doc = got;
    smx_rd_bytes(&r, head, sizeof head);
    if (memcmp(head, magic, sizeof magic) != 0 || smx_rd_u8(&r) != VERSION || smx_rd_u8(&r) != kind)
        return SMX_E_MALFORMED;
    pack = smx_rd_u8(&r);
    got.sig_count = smx_rd_u8(&r);
    if (r.bad || pack > PACK_ZLIB || got.sig_count == 0 || got.sig_count > SMX_DOC_SIGNERS)
        return SMX_E_MALFORMED;
    for (size_t i = 0; i < got.sig_count; i++) {
        got.sig[i].signer = smx_rd_u8(&r);
        smx_rd_bytes(&r, got.sig[i].sig, SMX_DOC_SIG);
        if (i > 0 && got.sig[i].signer <= got.sig[i - 1].signer)
            return SMX_E_MALFORMED;
    }
    got.raw_len = smx_rd_u32(&r);
    if (r.bad || got.raw_len == 0 || got.raw_len > raw_max)
        return SMX_E_MALFORMED;
    err = unpack(&got, pack, &r);
    if (err != SMX_OK) {
        free(got.raw);
        return err;
    }
    *doc = got;
    return SMX_OK;
}

void smx_signed_free(struct smx_signed *doc)
{
    free(doc->raw);
    *doc = (struct smx_signed){.raw = NULL};
}

enum smx_err smx_signed_encode(uint8_t **out, size_t *out_len, enum smx_doc_kind kind, bool pack,
                               const uint8_t *raw, size_t raw_len, const struct smx_doc_sig *sig,
                               size_t sig_count)
{
    size_t head_len = HEAD + sig_count * (1 + SMX_DOC_SIG) + 4;
    uLongf body_len = pack ? compressBound(raw_len) : raw_len;
    uint8_t *got;
    struct smx_wr w;

    assert(raw_len > 0 && raw_len <= SMX_DOC_RAW_MAX && sig_count > 0 && sig_count <= SMX_DOC_SIGNERS);
    if (body_len < raw_len) /* room to fall back to plain */
        body_len = raw_len;
    got = malloc(head_len + body_len);
    if (!got)
        return SMX_E_MEMORY;
    if (!pack || compress2(got + head_len, &body_len, raw, raw_len, Z_BEST_COMPRESSION) != Z_OK ||
        body_len >= raw_len) {
        pack = false;
        body_len = raw_len;
        memcpy(got + head_len, raw, raw_len);
    }
    w = (struct smx_wr){got, head_len};
    smx_wr_bytes(&w, magic, sizeof magic);
    smx_wr_u8(&w, VERSION);
    smx_wr_u8(&w, (uint8_t)kind);
    smx_wr_u8(&w, pack ? PACK_ZLIB : PACK_PLAIN);
    smx_wr_u8(&w, (uint8_t)sig_count);
    for (size_t i = 0; i < sig_count; i++) {
        assert(i == 0 || sig[i].signer > sig[i - 1].signer);
        smx_wr_u8(&w, sig[i].signer);
        smx_wr_bytes(&w, sig[i].sig, SMX_DOC_SIG);
    }
    smx_wr_u32(&w, (uint32_t)raw_len);
    smx_wr_done(&w);
    *out = got;
    *out_len = head_len + body_len;
    return SMX_OK;
}
