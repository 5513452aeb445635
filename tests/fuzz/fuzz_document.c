/* Network file, relay descriptor and consensus.  The first byte chooses: 0 a network file, 1 and 2 an
 * envelope as it is, 3 and 4 the JSON of a relay descriptor or consensus, which is then signed well: noise
 * would only ever meet the signature.  What is accepted must come out of our own encoder and back in again,
 * the same. */
#include "proto/doc/consensus.h"

#include <sodium.h>
#include <stdlib.h>
#include <string.h>

static void must(bool holds)
{
    if (!holds)
        abort();
}

static void network_file(const uint8_t *data, size_t len)
{
    struct smx_network n;
    char *text, *again;

    if (smx_network_decode(&n, data, len, NULL) != SMX_OK)
        return;
    must(smx_network_encode(&n, &text) == SMX_OK);
    must(smx_network_decode(&n, (const uint8_t *)text, strlen(text), NULL) == SMX_OK);
    must(smx_network_encode(&n, &again) == SMX_OK && strcmp(text, again) == 0);
    free(text);
    free(again);
}

static void relay(const uint8_t *data, size_t len, const uint8_t secret[SMX_DOC_SECRET])
{
    static struct smx_relaydesc d;
    uint8_t *out, *again;
    size_t out_len, again_len;

    if (smx_relaydesc_decode(&d, data, len) != SMX_OK || memcmp(d.id, secret + 32, sizeof d.id) != 0)
        return; /* or a genuine one of the corpus, whose secret is not ours */
    must(smx_relaydesc_encode(&out, &out_len, &d, secret) == SMX_OK);
    must(smx_relaydesc_decode(&d, out, out_len) == SMX_OK);
    must(smx_relaydesc_encode(&again, &again_len, &d, secret) == SMX_OK);
    must(again_len == out_len && memcmp(out, again, out_len) == 0);
    free(out);
    free(again);
}

static void consensus(const uint8_t *data, size_t len, const struct smx_network *n)
{
    struct smx_consensus c;
    uint8_t *raw;
    size_t raw_len;

    if (smx_consensus_open(&c, n, data, len) != SMX_OK) {
        must(!c.relay && !c.link);
        return;
    }
    for (size_t i = 0; i < c.relay_count; i++) {
        must(smx_consensus_find(&c, c.relay[i].id) == i);
        must(smx_consensus_link_rate(&c, 0, i) == smx_consensus_link_rate(&c, i, 0));
    }
    must(smx_consensus_encode(&c, &raw, &raw_len) == SMX_OK);
    free(raw);
    smx_consensus_free(&c);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    static const uint8_t seed[crypto_sign_SEEDBYTES] = {9};
    struct smx_network n = {.authority_count = 1};
    struct smx_doc_sig sig = {.signer = 0};
    uint8_t secret[SMX_DOC_SECRET], *envelope = NULL;
    enum smx_doc_kind kind;
    size_t envelope_len;

    if (len < 2 || len > 16384)
        return 0;
    crypto_sign_seed_keypair(n.authority[0].key, secret, seed);
    smx_network_seal(&n);
    if (data[0] == 0) {
        network_file(data + 1, len - 1);
        return 0;
    }
    kind = data[0] & 1 ? SMX_DOC_RELAY : SMX_DOC_CONSENSUS;
    if (data[0] > 2) {
        smx_doc_sign(sig.sig, kind, data + 1, len - 1, secret);
        must(smx_signed_encode(&envelope, &envelope_len, kind, data[0] & 8, data + 1, len - 1, &sig, 1) ==
             SMX_OK);
    }
    if (kind == SMX_DOC_RELAY)
        relay(envelope ? envelope : data + 1, envelope ? envelope_len : len - 1, secret);
    else
        consensus(envelope ? envelope : data + 1, envelope ? envelope_len : len - 1, &n);
    free(envelope);
    return 0;
}
