#include "proto/doc/batch_body.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

enum { VERSION = 1, NAME_SIZE = SMX_INDEX + SMX_DOC_KEY, DESC_KEY_AT = 1 };

static const uint8_t magic[4] = {'S', 'M', 'X', 'B'};

/* ---- parts shared with answers ---- */

void smx_batch_header_write(struct smx_wr *w, const struct smx_batch_header *h)
{
    smx_wr_u64(w, h->number);
    smx_wr_u32(w, (uint32_t)h->time.s);
    smx_wr_u32(w, h->leaves);
    smx_wr_u8(w, h->work);
    smx_wr_bytes(w, h->root, SMX_DOC_HASH);
}

enum smx_err smx_batch_header_read(struct smx_rd *r, struct smx_batch_header *h)
{
    struct smx_batch_header got;

    got.number = smx_rd_u64(r);
    got.time.s = smx_rd_u32(r);
    got.leaves = smx_rd_u32(r);
    got.work = smx_rd_u8(r);
    smx_rd_bytes(r, got.root, SMX_DOC_HASH);
    if (r->bad || got.leaves > SMX_BATCH_LEAVES || got.work > SMX_WORK_MAX)
        return SMX_E_MALFORMED;
    *h = got;
    return SMX_OK;
}

void smx_batch_signed(uint8_t out[SMX_BATCH_SIGNED], const uint8_t network[SMX_DOC_HASH],
                      const struct smx_batch_header *h)
{
    struct smx_wr w = {out, SMX_BATCH_SIGNED};

    smx_wr_bytes(&w, network, SMX_DOC_HASH);
    smx_batch_header_write(&w, h);
    smx_wr_done(&w);
}

void smx_batch_write_head(struct smx_wr *w, const struct smx_batch_header *h, const struct smx_doc_sig *sig,
                          size_t sig_count)
{
    smx_batch_header_write(w, h);
    smx_wr_u8(w, (uint8_t)sig_count);
    for (size_t i = 0; i < sig_count; i++) {
        smx_wr_u8(w, sig[i].signer);
        smx_wr_bytes(w, sig[i].sig, SMX_DOC_SIG);
    }
}

enum smx_err smx_batch_read_head(struct smx_rd *r, struct smx_batch_header *h, struct smx_doc_sig *sig,
                                 size_t *sig_count, const struct smx_network *n)
{
    uint8_t raw[SMX_BATCH_SIGNED];

    if (smx_batch_header_read(r, h) != SMX_OK)
        return SMX_E_MALFORMED;
    *sig_count = smx_rd_u8(r);
    if (r->bad || *sig_count > SMX_DOC_SIGNERS)
        return SMX_E_MALFORMED;
    for (size_t i = 0; i < *sig_count; i++) {
        sig[i].signer = smx_rd_u8(r);
        smx_rd_bytes(r, sig[i].sig, SMX_DOC_SIG);
    }
    if (r->bad)
        return SMX_E_MALFORMED;
    smx_batch_signed(raw, n->id, h);
    return smx_network_verify(n, sig, *sig_count, SMX_DOC_BATCH, raw, sizeof raw);
}

void smx_batch_leaf_bytes(uint8_t leaf[SMX_BATCH_LEAF], const uint8_t *index, const uint8_t *key,
                          const uint8_t *desc, size_t desc_len)
{
    memcpy(leaf, index, SMX_INDEX);
    memcpy(leaf + SMX_INDEX, key, SMX_DOC_KEY);
    if (desc)
        smx_doc_hash(leaf + SMX_INDEX + SMX_DOC_KEY, desc, desc_len);
    else
        memset(leaf + SMX_INDEX + SMX_DOC_KEY, 0, SMX_DOC_HASH);
}

/* ---- building ---- */

struct smx_batch *smx_batch_new(const uint8_t network[SMX_DOC_HASH])
{
    struct smx_batch *b = calloc(1, sizeof *b);

    if (b)
        memcpy(b->network, network, sizeof b->network);
    return b;
}

void smx_batch_free(struct smx_batch *b)
{
    if (!b)
        return;
    smx_tree_free(&b->tree);
    free(b->leaf);
    free(b->desc);
    free(b->name);
    free(b);
}

/* Room for one more of count entries; doubles. */
static enum smx_err grow(void **list, size_t *cap, size_t count, size_t size)
{
    size_t wanted = *cap ? 2 * *cap : 64;
    void *more;

    if (count >= SMX_BATCH_LEAVES)
        return SMX_E_FULL;
    if (count < *cap)
        return SMX_OK;
    more = realloc(*list, wanted * size);
    if (!more)
        return SMX_E_MEMORY;
    *list = more;
    *cap = wanted;
    return SMX_OK;
}

static struct smx_batch_name *new_name(struct smx_batch *b, enum smx_err *err)
{
    void *list = b->name;

    *err = grow(&list, &b->name_cap, b->name_count, sizeof *b->name);
    b->name = list;
    return *err == SMX_OK ? &b->name[b->name_count++] : NULL;
}

static struct smx_batch_desc *new_desc(struct smx_batch *b, enum smx_err *err)
{
    void *list = b->desc;

    *err = grow(&list, &b->desc_cap, b->desc_count, sizeof *b->desc);
    b->desc = list;
    return *err == SMX_OK ? &b->desc[b->desc_count++] : NULL;
}

enum smx_err smx_batch_add_name(struct smx_batch *b, const char *name, const uint8_t key[SMX_DOC_KEY])
{
    enum smx_err err;
    struct smx_batch_name *n = new_name(b, &err);

    assert(!b->leaf);
    if (n) {
        smx_index_name(n->index, name);
        memcpy(n->key, key, SMX_DOC_KEY);
    }
    return err;
}

/* Puts in a descriptor of any content; its key says where it belongs. */
static enum smx_err add_desc(struct smx_batch *b, const uint8_t *desc, size_t len)
{
    enum smx_err err;
    struct smx_batch_desc *d = new_desc(b, &err);

    if (d) {
        d->len = (uint16_t)len;
        memcpy(d->bytes, desc, len);
        smx_index_key(d->index, desc + DESC_KEY_AT);
    }
    return err;
}

enum smx_err smx_batch_add_descriptor(struct smx_batch *b, const uint8_t *desc, size_t len)
{
    assert(!b->leaf && len >= SMX_DESC_MIN && len <= SMX_DESC_MAX);
    return add_desc(b, desc, len);
}

/* Names and descriptors both begin with their index. */
static int by_index(const void *a, const void *b)
{
    return memcmp(a, b, SMX_INDEX);
}

static uint32_t find_desc(const struct smx_batch *b, const uint8_t key[SMX_DOC_KEY])
{
    uint8_t index[SMX_INDEX];
    const struct smx_batch_desc *found;

    if (!b->desc)
        return SMX_BATCH_NO_DESC;
    smx_index_key(index, key);
    found = bsearch(index, b->desc, b->desc_count, sizeof *b->desc, by_index);
    return found ? (uint32_t)(found - b->desc) : SMX_BATCH_NO_DESC;
}

static void hash_leaf(const struct smx_batch *b, const struct smx_batch_leaf *leaf,
                      uint8_t hash[SMX_DOC_HASH])
{
    const struct smx_batch_desc *desc = leaf->desc == SMX_BATCH_NO_DESC ? NULL : &b->desc[leaf->desc];
    uint8_t bytes[SMX_BATCH_LEAF];

    smx_batch_leaf_bytes(bytes, leaf->index, leaf->key, desc ? desc->bytes : NULL, desc ? desc->len : 0);
    smx_tree_leaf(hash, bytes);
}

/* Merges the sorted names and descriptors into leaves, and builds the tree over them. */
static enum smx_err build(struct smx_batch *b)
{
    size_t count = b->name_count + b->desc_count, n = 0, d = 0;

    if (count > SMX_BATCH_LEAVES)
        return SMX_E_FULL;
    b->leaf = calloc(count + 1, sizeof *b->leaf); /* + 1: never of size 0 */
    if (!b->leaf || smx_tree_new(&b->tree, count) != SMX_OK)
        return SMX_E_MEMORY;
    for (; b->leaf_count < count; b->leaf_count++) {
        const struct smx_batch_name *name = n < b->name_count ? &b->name[n] : NULL;
        const struct smx_batch_desc *desc = d < b->desc_count ? &b->desc[d] : NULL;
        struct smx_batch_leaf *leaf = &b->leaf[b->leaf_count];

        if (name && (!desc || memcmp(name->index, desc->index, SMX_INDEX) < 0)) {
            *leaf = (struct smx_batch_leaf){name->index, name->key, find_desc(b, name->key)};
            n++;
        } else {
            assert(desc);
            *leaf = (struct smx_batch_leaf){desc->index, desc->bytes + DESC_KEY_AT, (uint32_t)d};
            d++;
        }
        if (b->leaf_count > 0 && memcmp(leaf[-1].index, leaf->index, SMX_INDEX) >= 0)
            return SMX_E_MALFORMED;
        hash_leaf(b, leaf, b->tree.level[0] + b->leaf_count * SMX_DOC_HASH);
    }
    smx_tree_close(&b->tree);
    return SMX_OK;
}

enum smx_err smx_batch_close(struct smx_batch *b, uint64_t number, struct smx_wall time, uint8_t work)
{
    enum smx_err err;

    assert(!b->leaf && time.s >= 0 && time.s <= UINT32_MAX && work <= SMX_WORK_MAX);
    if (b->name_count)
        qsort(b->name, b->name_count, sizeof *b->name, by_index);
    if (b->desc_count)
        qsort(b->desc, b->desc_count, sizeof *b->desc, by_index);
    err = build(b);
    b->header = (struct smx_batch_header){
        .number = number, .time = time, .leaves = (uint32_t)b->leaf_count, .work = work};
    if (err == SMX_OK)
        smx_tree_root(&b->tree, b->header.root);
    return err;
}

void smx_batch_sign(const struct smx_batch *b, uint8_t sig[SMX_DOC_SIG], const uint8_t secret[SMX_DOC_SECRET])
{
    uint8_t raw[SMX_BATCH_SIGNED];

    smx_batch_signed(raw, b->network, &b->header);
    smx_doc_sign(sig, SMX_DOC_BATCH, raw, sizeof raw, secret);
}

enum smx_err smx_batch_add_signature(struct smx_batch *b, const struct smx_doc_sig *sig)
{
    if (b->sig_count == SMX_DOC_SIGNERS)
        return SMX_E_FULL;
    if (b->sig_count > 0 && b->sig[b->sig_count - 1].signer >= sig->signer)
        return SMX_E_STATE;
    b->sig[b->sig_count++] = *sig;
    return SMX_OK;
}

/* ---- the whole file ---- */

enum smx_err smx_batch_encode(const struct smx_batch *b, uint8_t **out, size_t *out_len)
{
    size_t len = sizeof magic + 1 + SMX_BATCH_HEADER + 1 + b->sig_count * (1 + SMX_DOC_SIG) + 4 + 4 +
                 b->name_count * NAME_SIZE;
    struct smx_wr w;

    for (size_t i = 0; i < b->desc_count; i++)
        len += 2 + b->desc[i].len;
    *out = malloc(len);
    if (!*out)
        return SMX_E_MEMORY;
    *out_len = len;
    w = (struct smx_wr){*out, len};
    smx_wr_bytes(&w, magic, sizeof magic);
    smx_wr_u8(&w, VERSION);
    smx_batch_write_head(&w, &b->header, b->sig, b->sig_count);
    smx_wr_u32(&w, (uint32_t)b->name_count);
    smx_wr_u32(&w, (uint32_t)b->desc_count);
    for (size_t i = 0; i < b->name_count; i++) {
        smx_wr_bytes(&w, b->name[i].index, SMX_INDEX);
        smx_wr_bytes(&w, b->name[i].key, SMX_DOC_KEY);
    }
    for (size_t i = 0; i < b->desc_count; i++) {
        smx_wr_u16(&w, b->desc[i].len);
        smx_wr_bytes(&w, b->desc[i].bytes, b->desc[i].len);
    }
    smx_wr_done(&w);
    return SMX_OK;
}

/* Names and descriptors, in ascending order: build() refuses another one only across the two lists. */
static enum smx_err read_entries(struct smx_batch *b, struct smx_rd *r, uint32_t names, uint32_t descs)
{
    enum smx_err err;

    for (uint32_t i = 0; i < names; i++) {
        struct smx_batch_name *n = new_name(b, &err);

        if (!n)
            return err;
        smx_rd_bytes(r, n->index, SMX_INDEX);
        smx_rd_bytes(r, n->key, SMX_DOC_KEY);
        if (r->bad || (i > 0 && memcmp(n[-1].index, n->index, SMX_INDEX) >= 0))
            return SMX_E_MALFORMED;
    }
    for (uint32_t i = 0; i < descs; i++) {
        uint16_t len = smx_rd_u16(r);
        const uint8_t *desc = smx_rd_view(r, len);

        if (!desc || len < SMX_DESC_MIN || len > SMX_DESC_MAX)
            return SMX_E_MALFORMED;
        err = add_desc(b, desc, len);
        if (err != SMX_OK)
            return err;
        assert(b->desc);
        if (i > 0 && memcmp(b->desc[i - 1].index, b->desc[i].index, SMX_INDEX) >= 0)
            return SMX_E_MALFORMED;
    }
    return smx_rd_done(r) ? SMX_OK : SMX_E_MALFORMED;
}

static enum smx_err read_batch(struct smx_batch *b, const struct smx_network *n, struct smx_rd *r)
{
    uint8_t head[sizeof magic], root[SMX_DOC_HASH];
    uint32_t names, descs;
    enum smx_err err;

    smx_rd_bytes(r, head, sizeof head);
    if (memcmp(head, magic, sizeof magic) != 0 || smx_rd_u8(r) != VERSION)
        return SMX_E_MALFORMED;
    err = smx_batch_read_head(r, &b->header, b->sig, &b->sig_count, n);
    if (err != SMX_OK)
        return err;
    names = smx_rd_u32(r);
    descs = smx_rd_u32(r);
    if (r->bad || (uint64_t)names + descs != b->header.leaves)
        return SMX_E_MALFORMED;
    err = read_entries(b, r, names, descs);
    if (err == SMX_OK)
        err = build(b);
    if (err != SMX_OK)
        return err;
    smx_tree_root(&b->tree, root);
    return memcmp(root, b->header.root, sizeof root) == 0 ? SMX_OK : SMX_E_AUTH;
}

enum smx_err smx_batch_decode(struct smx_batch **b, const struct smx_network *n, const uint8_t *in,
                              size_t len)
{
    struct smx_rd r = {in, len, false};
    struct smx_batch *got = smx_batch_new(n->id);
    enum smx_err err;

    *b = NULL;
    if (!got)
        return SMX_E_MEMORY;
    err = len > SMX_BATCH_MAX ? SMX_E_MALFORMED : read_batch(got, n, &r);
    if (err != SMX_OK) {
        smx_batch_free(got);
        return err;
    }
    *b = got;
    return SMX_OK;
}

const struct smx_batch_header *smx_batch_head(const struct smx_batch *b)
{
    return &b->header;
}

static bool is_same(const struct smx_batch_header *a, const struct smx_batch_header *b)
{
    return a->time.s == b->time.s && a->leaves == b->leaves && a->work == b->work &&
           memcmp(a->root, b->root, sizeof a->root) == 0;
}

enum smx_err smx_batch_check(const struct smx_batch_header *h, const struct smx_params *p,
                             const struct smx_batch_header *seen, struct smx_wall now)
{
    if (seen && h->number == seen->number && !is_same(h, seen))
        return SMX_E_REFUSED;
    if (now.s - h->time.s > (int64_t)p->batch_valid * p->batch_s)
        return SMX_E_LATE;
    if (h->time.s > now.s + SMX_BATCH_SKEW_S)
        return SMX_E_STATE;
    if (seen && h->number < seen->number &&
        (h->time.s > seen->time.s || h->time.s < seen->time.s - SMX_BATCH_BACK * (int64_t)p->batch_s))
        return SMX_E_REPLAY;
    return SMX_OK;
}
