#include "proto/doc/batch_body.h"

#include <assert.h>
#include <string.h>

enum { PRESENT = 1, ABSENT = 2 };

/* ---- end relay ---- */

/* The place of the first leaf that is not below index. */
static size_t lower_bound(const struct smx_batch *b, const uint8_t index[SMX_INDEX])
{
    size_t low = 0, high = b->leaf_count;

    while (low < high) {
        size_t mid = low + (high - low) / 2;

        if (memcmp(b->leaf[mid].index, index, SMX_INDEX) < 0)
            low = mid + 1;
        else
            high = mid;
    }
    return low;
}

static const struct smx_batch_desc *leaf_desc(const struct smx_batch *b, const struct smx_batch_leaf *leaf)
{
    return leaf->desc == SMX_BATCH_NO_DESC ? NULL : &b->desc[leaf->desc];
}

static void write_present(const struct smx_batch *b, size_t place, struct smx_wr *w)
{
    const struct smx_batch_leaf *leaf = &b->leaf[place];
    const struct smx_batch_desc *desc = leaf_desc(b, leaf);

    smx_wr_u32(w, (uint32_t)place);
    smx_wr_bytes(w, leaf->key, SMX_DOC_KEY);
    smx_wr_u8(w, desc ? (uint8_t)desc->len : 0);
    if (desc)
        smx_wr_bytes(w, desc->bytes, desc->len);
    smx_tree_prove(&b->tree, place, place, w);
}

/* next: the place of the first leaf above the index, maybe past the end. */
static void write_absent(const struct smx_batch *b, size_t next, struct smx_wr *w)
{
    size_t first = next > 0 ? next - 1 : 0, last = next < b->leaf_count ? next : b->leaf_count - 1;

    if (b->leaf_count == 0) {
        smx_wr_u32(w, 0);
        smx_wr_u8(w, 0);
        return;
    }
    smx_wr_u32(w, (uint32_t)first);
    smx_wr_u8(w, (uint8_t)(last - first + 1));
    for (size_t i = first; i <= last; i++) {
        const struct smx_batch_desc *desc = leaf_desc(b, &b->leaf[i]);
        uint8_t leaf[SMX_BATCH_LEAF];

        smx_batch_leaf_bytes(leaf, b->leaf[i].index, b->leaf[i].key, desc ? desc->bytes : NULL,
                             desc ? desc->len : 0);
        smx_wr_bytes(w, leaf, sizeof leaf);
    }
    smx_tree_prove(&b->tree, first, last, w);
}

size_t smx_batch_answer(const struct smx_batch *b, const uint8_t index[SMX_INDEX],
                        uint8_t out[SMX_ANSWER_MAX])
{
    struct smx_wr w = {out, SMX_ANSWER_MAX};
    size_t place = lower_bound(b, index);
    bool present = place < b->leaf_count && memcmp(b->leaf[place].index, index, SMX_INDEX) == 0;

    assert(b->leaf);
    smx_wr_u8(&w, present ? PRESENT : ABSENT);
    smx_batch_write_head(&w, &b->header, b->sig, b->sig_count);
    if (present)
        write_present(b, place, &w);
    else
        write_absent(b, place, &w);
    return SMX_ANSWER_MAX - w.left;
}

size_t smx_batch_write(const struct smx_batch *b, uint8_t out[SMX_BATCH_HEAD_MAX])
{
    struct smx_wr w = {out, SMX_BATCH_HEAD_MAX};

    smx_batch_write_head(&w, &b->header, b->sig, b->sig_count);
    return SMX_BATCH_HEAD_MAX - w.left;
}

/* ---- client ---- */

/* Reads the proof and compares what it leads to with the signed root. */
static enum smx_err read_proof(struct smx_rd *r, const struct smx_batch_header *h, size_t first, size_t last,
                               const uint8_t leaf[][SMX_BATCH_LEAF])
{
    uint8_t hash[2][SMX_DOC_HASH], root[SMX_DOC_HASH];

    if (last >= h->leaves)
        return SMX_E_MALFORMED;
    for (size_t i = 0; i <= last - first; i++)
        smx_tree_leaf(hash[i], leaf[i]);
    smx_tree_fold(root, h->leaves, first, last, (const uint8_t(*)[SMX_DOC_HASH])hash, r);
    if (!smx_rd_done(r))
        return SMX_E_MALFORMED;
    return memcmp(root, h->root, sizeof root) == 0 ? SMX_OK : SMX_E_AUTH;
}

static enum smx_err read_present(struct smx_answer *a, struct smx_rd *r, const uint8_t network[SMX_DOC_HASH],
                                 const uint8_t index[SMX_INDEX], struct smx_wall now)
{
    uint32_t place = smx_rd_u32(r);
    uint8_t leaf[1][SMX_BATCH_LEAF], desc_len;
    const uint8_t *desc;
    enum smx_err err;

    smx_rd_bytes(r, a->key, SMX_DOC_KEY);
    desc_len = smx_rd_u8(r);
    desc = smx_rd_view(r, desc_len);
    if (r->bad)
        return SMX_E_MALFORMED;
    smx_batch_leaf_bytes(leaf[0], index, a->key, desc_len ? desc : NULL, desc_len);
    err = read_proof(r, &a->header, place, place, (const uint8_t(*)[SMX_BATCH_LEAF])leaf);
    if (err != SMX_OK)
        return err;
    a->present = true;
    if (desc_len == 0)
        return SMX_OK;
    err = smx_descriptor_decode(&a->descriptor, network, desc, desc_len);
    if (err == SMX_OK && memcmp(a->descriptor.key, a->key, SMX_DOC_KEY) != 0)
        err = SMX_E_AUTH;
    a->live = err == SMX_OK && smx_descriptor_check(&a->descriptor, now) == SMX_OK;
    return err;
}

static enum smx_err read_absent(const struct smx_answer *a, struct smx_rd *r, const uint8_t index[SMX_INDEX])
{
    uint32_t place = smx_rd_u32(r);
    uint8_t beside = smx_rd_u8(r), leaf[2][SMX_BATCH_LEAF], empty[SMX_DOC_HASH];
    bool around;

    if (r->bad || beside > 2 || (beside == 0) != (a->header.leaves == 0))
        return SMX_E_MALFORMED;
    if (beside == 0) {
        smx_doc_hash(empty, NULL, 0);
        if (place != 0 || !smx_rd_done(r))
            return SMX_E_MALFORMED;
        return memcmp(empty, a->header.root, sizeof empty) == 0 ? SMX_OK : SMX_E_AUTH;
    }
    for (size_t i = 0; i < beside; i++)
        smx_rd_bytes(r, leaf[i], SMX_BATCH_LEAF);
    if (r->bad || place > SMX_BATCH_LEAVES)
        return SMX_E_MALFORMED;
    if (beside == 2)
        around = memcmp(leaf[0], index, SMX_INDEX) < 0 && memcmp(index, leaf[1], SMX_INDEX) < 0;
    else
        around = (place == 0 && memcmp(index, leaf[0], SMX_INDEX) < 0) ||
                 (place == a->header.leaves - 1 && memcmp(leaf[0], index, SMX_INDEX) < 0);
    if (!around)
        return SMX_E_AUTH; /* proves something, but not this */
    return read_proof(r, &a->header, place, place + beside - 1u, (const uint8_t(*)[SMX_BATCH_LEAF])leaf);
}

enum smx_err smx_answer_verify(struct smx_answer *a, const struct smx_network *n, const struct smx_params *p,
                               const uint8_t index[SMX_INDEX], const struct smx_batch_header *seen,
                               struct smx_wall now, const uint8_t *in, size_t len)
{
    struct smx_rd r = {in, len, false};
    struct smx_answer got = {.present = false};
    struct smx_doc_sig sig[SMX_DOC_SIGNERS];
    size_t sig_count;
    uint8_t kind = smx_rd_u8(&r);
    enum smx_err err;

    if (r.bad || (kind != PRESENT && kind != ABSENT))
        return SMX_E_MALFORMED;
    err = smx_batch_read_head(&r, &got.header, sig, &sig_count, n);
    if (err != SMX_OK)
        return err;
    if (kind == PRESENT)
        err = read_present(&got, &r, n->id, index, now);
    else
        err = read_absent(&got, &r, index);
    if (err == SMX_OK)
        err = smx_batch_check(&got.header, p, seen, now);
    if (err == SMX_OK)
        *a = got;
    return err;
}

enum smx_err smx_batch_verify(struct smx_batch_header *h, const struct smx_network *n,
                              const struct smx_params *p, const struct smx_batch_header *seen,
                              struct smx_wall now, const uint8_t *in, size_t len)
{
    struct smx_rd r = {in, len, false};
    struct smx_doc_sig sig[SMX_DOC_SIGNERS];
    struct smx_batch_header got;
    size_t sig_count;
    enum smx_err err = smx_batch_read_head(&r, &got, sig, &sig_count, n);

    if (err == SMX_OK && !smx_rd_done(&r))
        err = SMX_E_MALFORMED;
    if (err == SMX_OK)
        err = smx_batch_check(&got, p, seen, now);
    if (err == SMX_OK)
        *h = got;
    return err;
}
