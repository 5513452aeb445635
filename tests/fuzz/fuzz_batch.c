/* Batches and answers.  The first byte chooses between a batch and an answer; the 49 bytes of header that
 * follow get a good signature, so that the rest is looked at (the root in them is the input's own: the corpus
 * has right ones).  What is accepted must come out of our own encoder byte by byte, and prove what is not in
 * it. */
#include "proto/doc/batch.h"

#include <sodium.h>
#include <stdlib.h>
#include <string.h>

enum { ROOM = 8192, HEAD = SMX_BATCH_HEADER + 1 + 1 + SMX_DOC_SIG };

static void must(bool holds)
{
    if (!holds)
        abort();
}

/* header | one signature */
static void write_head(uint8_t out[HEAD], const uint8_t header[SMX_BATCH_HEADER], const struct smx_network *n,
                       const uint8_t *secret)
{
    uint8_t raw[SMX_DOC_HASH + SMX_BATCH_HEADER];

    memcpy(raw, n->id, SMX_DOC_HASH);
    memcpy(raw + SMX_DOC_HASH, header, SMX_BATCH_HEADER);
    memcpy(out, header, SMX_BATCH_HEADER);
    out[SMX_BATCH_HEADER] = 1;
    out[SMX_BATCH_HEADER + 1] = 0;
    smx_doc_sign(out + SMX_BATCH_HEADER + 2, SMX_DOC_BATCH, raw, sizeof raw, secret);
}

static void batch(const uint8_t *in, size_t len, const struct smx_network *n)
{
    static const uint8_t index[2][SMX_INDEX] = {{0}, {0x80}};
    struct smx_params p;
    struct smx_answer a;
    struct smx_batch *b;
    uint8_t out[SMX_ANSWER_MAX], *file;
    size_t out_len;

    if (smx_batch_decode(&b, n, in, len) != SMX_OK)
        return;
    smx_params_preset(&p);
    must(smx_batch_encode(b, &file, &out_len) == SMX_OK && out_len == len && memcmp(file, in, len) == 0);
    free(file);
    for (size_t i = 0; i < 2; i++) {
        out_len = smx_batch_answer(b, index[i], out);
        must(smx_answer_verify(&a, n, &p, index[i], smx_batch_head(b), smx_batch_head(b)->time, out,
                               out_len) == SMX_OK);
        must(!a.present);
    }
    smx_batch_free(b);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    static const uint8_t seed[crypto_sign_SEEDBYTES] = {9}, index[SMX_INDEX] = {0x80};
    struct smx_network n = {.authority_count = 1};
    uint8_t secret[SMX_DOC_SECRET], in[5 + HEAD + ROOM] = "SMXB\1";
    struct smx_params p;
    struct smx_answer a;
    size_t rest;

    if (len < 1 + SMX_BATCH_HEADER || len > ROOM)
        return 0;
    crypto_sign_seed_keypair(n.authority[0].key, secret, seed);
    smx_network_seal(&n);
    rest = len - 1 - SMX_BATCH_HEADER;
    write_head(in + 5, data + 1, &n, secret);
    memcpy(in + 5 + HEAD, data + 1 + SMX_BATCH_HEADER, rest);
    if (data[0] & 1) {
        batch(in, 5 + HEAD + rest, &n);
        return 0;
    }
    in[4] = data[0] >> 1; /* the kind of answer */
    smx_params_preset(&p);
    if (smx_answer_verify(&a, &n, &p, index, NULL, (struct smx_wall){1}, in + 4, 1 + HEAD + rest) == SMX_OK)
        must(a.header.leaves > 0 || !a.present);
    return 0;
}
