/* proto/doc/tree.h - a Merkle tree over sorted leaves, and proofs for one leaf or two neighbours.
 * Shape and separation of leaves and nodes as RFC 6962, section 2.1, with BLAKE2b-256; only for batch and
 * answer. Source: docs/protocol/60-directory.md, section 8.
 *
 * A tree of n leaves is built in levels: pairs join, an odd last one moves up as it is.  That gives RFC
 * 6962's shape, and node i of level k stands over the leaves i * 2^k and on. A proof walks from the root,
 * left before right: the hash of each node over none of the proved leaves is written down, nodes over some of
 * them are descended. */
#ifndef SMX_DOC_TREE_H
#define SMX_DOC_TREE_H

#include "proto/base/bytes.h"
#include "proto/doc/batch.h"

struct smx_tree {
    uint8_t *level[SMX_BATCH_DEPTH + 1]; /* ours; SMX_DOC_HASH bytes a node, leaves at level 0 */
    size_t leaves;
};

void smx_tree_leaf(uint8_t hash[SMX_DOC_HASH], const uint8_t leaf[SMX_BATCH_LEAF]);

/* Room for the hashes of 0..SMX_BATCH_LEAVES leaves; the caller fills level 0 (smx_tree_leaf), then closes.
 */
enum smx_err smx_tree_new(struct smx_tree *t, size_t leaves) SMX_MUST_CHECK;
void smx_tree_close(struct smx_tree *t);
void smx_tree_free(struct smx_tree *t);
void smx_tree_root(const struct smx_tree *t, uint8_t root[SMX_DOC_HASH]);
/* The proof for leaves first..last (last is first or first + 1): at most 2 * SMX_BATCH_DEPTH hashes. */
void smx_tree_prove(const struct smx_tree *t, size_t first, size_t last, struct smx_wr *w);
/* The root that a proof leads to; leaf holds the hashes of first..last.  Reads exactly the proof; too short
 * sets r->bad.  0 < leaves <= SMX_BATCH_LEAVES, last < leaves. */
void smx_tree_fold(uint8_t root[SMX_DOC_HASH], size_t leaves, size_t first, size_t last,
                   const uint8_t leaf[][SMX_DOC_HASH], struct smx_rd *r);

#endif
