/* Names, descriptors, claims, uploads, rounds and consents.  The first byte chooses.  Descriptors and claims
 * get the key and the signature that they need: noise would only ever meet the signature.  What is accepted
 * must come out of our own encoder byte by byte. */
#include "proto/doc/round.h"

#include <sodium.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

static const uint8_t network[SMX_DOC_HASH] = {1};

static void must(bool holds)
{
    if (!holds)
        abort();
}

static void name(const uint8_t *data, size_t len)
{
    char got[SMX_NAME_MAX + 1];
    uint8_t index[SMX_INDEX];

    if (smx_name_parse(got, (const char *)data, len) != SMX_OK)
        return;
    must(strlen(got) == len);
    smx_index_name(index, got);
}

/* Signs what stands in body (room for a signature behind it) and returns the new length. */
static size_t add_signature(uint8_t *body, size_t len, enum smx_doc_kind kind, const uint8_t *secret)
{
    uint8_t raw[SMX_DOC_HASH + SMX_UPLOAD_MAX];

    memcpy(raw, network, SMX_DOC_HASH);
    memcpy(raw + SMX_DOC_HASH, body, len);
    smx_doc_sign(body + len, kind, raw, SMX_DOC_HASH + len, secret);
    return len + SMX_DOC_SIG;
}

static void descriptor(const uint8_t *data, size_t len, const uint8_t *secret)
{
    uint8_t body[SMX_UPLOAD_MAX] = {0}, out[SMX_DESC_MAX];
    struct smx_descriptor d;

    if (len < 1 + SMX_DOC_KEY || len > sizeof body - SMX_DOC_SIG)
        return;
    memcpy(body, data, len);
    memcpy(body + 1, secret + 32, SMX_DOC_KEY);
    len = add_signature(body, len, SMX_DOC_DESCRIPTOR, secret);
    if (smx_descriptor_decode(&d, network, body, len) != SMX_OK)
        return;
    must(smx_descriptor_encode(out, &d, network, secret) == len && memcmp(out, body, len) == 0);
}

static void claim(const uint8_t *data, size_t len, const uint8_t *secret)
{
    uint8_t body[SMX_UPLOAD_MAX] = {0}, out[SMX_CLAIM_MAX];
    struct smx_claim c;
    bool transfer;
    size_t key_at;

    if (len < 3 || len > sizeof body - 2 * SMX_DOC_SIG)
        return;
    memcpy(body, data, len);
    key_at = 3 + (size_t)body[2];
    if (key_at + SMX_DOC_KEY <= len)
        memcpy(body + key_at, secret + 32, SMX_DOC_KEY);
    transfer = body[1] == SMX_CLAIM_TRANSFER;
    if (transfer && key_at + 72 <= len)
        memcpy(body + key_at + 40, secret + 32, SMX_DOC_KEY);
    len = add_signature(body, len, SMX_DOC_CLAIM, secret);
    if (transfer) {
        memcpy(body + len, body + len - SMX_DOC_SIG, SMX_DOC_SIG);
        len += SMX_DOC_SIG;
    }
    if (smx_claim_decode(&c, network, body, len) != SMX_OK)
        return;
    must(smx_claim_encode(out, &c, network, secret, transfer ? body + len - SMX_DOC_SIG : NULL) == len);
    must(memcmp(out, body, len) == 0);
}

static void consent(const uint8_t *data, size_t len)
{
    struct smx_consent t;
    char text[SMX_CONSENT_TEXT];

    if (smx_consent_decode(&t, (const char *)data, len) != SMX_OK)
        return;
    smx_consent_encode(text, &t);
    must(len == SMX_CONSENT_TEXT - 1 &&
         strncasecmp(text, (const char *)data, len) == 0); /* capitals are fine */
}

static void rounds(const uint8_t *data, size_t len)
{
    static struct smx_round_item item[SMX_ROUND_COUNT];
    static uint8_t out[SMX_ROUND_MAX];
    uint8_t result[SMX_ROUND_COUNT];
    struct smx_upload u;
    size_t count;

    if (smx_round_decode(item, &count, data, len) == SMX_OK) {
        must(smx_round_encode(out, item, count) == len && memcmp(out, data, len) == 0);
        for (size_t i = 0; i < count; i++)
            must(smx_upload_decode(&u, network, 0, item[i].at, item[i].len) != SMX_E_REFUSED);
    }
    if (smx_round_reply_decode(result, 3, data, len) == SMX_OK)
        must(len == SMX_ROUND_HEAD + 3);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    static const uint8_t seed[crypto_sign_SEEDBYTES] = {9};
    uint8_t key[SMX_DOC_KEY], secret[SMX_DOC_SECRET];
    struct smx_upload u;

    if (len < 1)
        return 0;
    crypto_sign_seed_keypair(key, secret, seed);
    switch (data[0]) {
    case 0:
        name(data + 1, len - 1);
        break;
    case 1:
        descriptor(data + 1, len - 1, secret);
        break;
    case 2:
        claim(data + 1, len - 1, secret);
        break;
    case 3:
        must(smx_upload_decode(&u, network, 0, data + 1, len - 1) != SMX_E_REFUSED);
        break;
    case 5:
        consent(data + 1, len - 1);
        break;
    default:
        rounds(data + 1, len - 1);
    }
    return 0;
}
