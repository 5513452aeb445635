#include "proto/doc/tree.h"

#include <assert.h>
#include <sodium.h>
#include <stdlib.h>
#include <string.h>

/* Nodes of a level. */
static size_t width(size_t leaves, unsigned level)
{
    return (leaves + ((size_t)1 << level) - 1) >> level;
}

/* The level of the root. */
static unsigned depth(size_t leaves)
{
    unsigned level = 0;

    while (width(leaves, level) > 1)
        level++;
    return level;
}

static void hash_tagged(uint8_t hash[SMX_DOC_HASH], uint8_t tag, const uint8_t *a, size_t a_len,
                        const uint8_t *b, size_t b_len)
{
    crypto_generichash_state state;

    crypto_generichash_init(&state, NULL, 0, SMX_DOC_HASH);
    crypto_generichash_update(&state, &tag, 1);
    crypto_generichash_update(&state, a, a_len);
    crypto_generichash_update(&state, b, b_len);
    crypto_generichash_final(&state, hash, SMX_DOC_HASH);
}

void smx_tree_leaf(uint8_t hash[SMX_DOC_HASH], const uint8_t leaf[SMX_BATCH_LEAF])
{
    hash_tagged(hash, 0, leaf, SMX_BATCH_LEAF, leaf, 0);
}

static void join(uint8_t hash[SMX_DOC_HASH], const uint8_t left[SMX_DOC_HASH],
                 const uint8_t right[SMX_DOC_HASH])
{
    hash_tagged(hash, 1, left, SMX_DOC_HASH, right, SMX_DOC_HASH);
}

static uint8_t *node(const struct smx_tree *t, unsigned level, size_t i)
{
    return t->level[level] + i * SMX_DOC_HASH;
}

enum smx_err smx_tree_new(struct smx_tree *t, size_t leaves)
{
    assert(leaves <= SMX_BATCH_LEAVES);
    *t = (struct smx_tree){.leaves = leaves};
    for (unsigned level = 0; leaves > 0 && level <= depth(leaves); level++) {
        t->level[level] = malloc(width(leaves, level) * SMX_DOC_HASH);
        if (!t->level[level]) {
            smx_tree_free(t);
            return SMX_E_MEMORY;
        }
    }
    return SMX_OK;
}

void smx_tree_free(struct smx_tree *t)
{
    for (unsigned level = 0; level <= SMX_BATCH_DEPTH; level++)
        free(t->level[level]);
    *t = (struct smx_tree){.leaves = 0};
}

void smx_tree_close(struct smx_tree *t)
{
    for (unsigned level = 1; t->leaves > 0 && level <= depth(t->leaves); level++) {
        size_t below = width(t->leaves, level - 1);

        for (size_t i = 0; i < width(t->leaves, level); i++)
            if (2 * i + 1 < below)
                join(node(t, level, i), node(t, level - 1, 2 * i), node(t, level - 1, 2 * i + 1));
            else
                memcpy(node(t, level, i), node(t, level - 1, 2 * i), SMX_DOC_HASH);
    }
}

void smx_tree_root(const struct smx_tree *t, uint8_t root[SMX_DOC_HASH])
{
    if (t->leaves == 0)
        smx_doc_hash(root, NULL, 0);
    else
        memcpy(root, node(t, depth(t->leaves), 0), SMX_DOC_HASH);
}

/* Whether node i of a level stands over none of first..last. */
static bool is_outside(unsigned level, size_t i, size_t first, size_t last)
{
    return ((i + 1) << level) <= first || (i << level) > last;
}

static void prove(const struct smx_tree *t, unsigned level, size_t i, size_t first, size_t last,
                  struct smx_wr *w)
{
    if (is_outside(level, i, first, last)) {
        smx_wr_bytes(w, node(t, level, i), SMX_DOC_HASH);
        return;
    }
    if (level == 0)
        return;
    prove(t, level - 1, 2 * i, first, last, w);
    if (2 * i + 1 < width(t->leaves, level - 1))
        prove(t, level - 1, 2 * i + 1, first, last, w);
}

void smx_tree_prove(const struct smx_tree *t, size_t first, size_t last, struct smx_wr *w)
{
    assert(first <= last && last < t->leaves);
    prove(t, depth(t->leaves), 0, first, last, w);
}

struct fold {
    size_t leaves, first, last;
    const uint8_t (*leaf)[SMX_DOC_HASH];
    struct smx_rd *r;
};

static void fold(const struct fold *f, unsigned level, size_t i, uint8_t hash[SMX_DOC_HASH])
{
    uint8_t left[SMX_DOC_HASH], right[SMX_DOC_HASH];

    if (is_outside(level, i, f->first, f->last)) {
        smx_rd_bytes(f->r, hash, SMX_DOC_HASH);
        return;
    }
    if (level == 0) {
        memcpy(hash, f->leaf[i - f->first], SMX_DOC_HASH);
        return;
    }
    fold(f, level - 1, 2 * i, left);
    if (2 * i + 1 >= width(f->leaves, level - 1)) {
        memcpy(hash, left, SMX_DOC_HASH);
        return;
    }
    fold(f, level - 1, 2 * i + 1, right);
    join(hash, left, right);
}

void smx_tree_fold(uint8_t root[SMX_DOC_HASH], size_t leaves, size_t first, size_t last,
                   const uint8_t leaf[][SMX_DOC_HASH], struct smx_rd *r)
{
    struct fold f = {leaves, first, last, leaf, r};

    assert(leaves <= SMX_BATCH_LEAVES && first <= last && last < leaves);
    fold(&f, depth(leaves), 0, root);
}
