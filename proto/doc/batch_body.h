/* proto/doc/batch_body.h - the inside of struct smx_batch, shared by batch.c and answer.c only. */
#ifndef SMX_DOC_BATCH_BODY_H
#define SMX_DOC_BATCH_BODY_H

#include "proto/doc/tree.h"

#define SMX_BATCH_NO_DESC UINT32_MAX

struct smx_batch_name {
    uint8_t index[SMX_INDEX], key[SMX_DOC_KEY];
};

struct smx_batch_desc {
    uint8_t index[SMX_INDEX];
    uint16_t len;
    uint8_t bytes[SMX_DESC_MAX];
};

struct smx_batch_leaf {
    const uint8_t *index, *key; /* into name and desc */
    uint32_t desc;              /* place in desc, or SMX_BATCH_NO_DESC */
};

struct smx_batch {
    uint8_t network[SMX_DOC_HASH];
    struct smx_batch_header header;
    struct smx_doc_sig sig[SMX_DOC_SIGNERS];
    size_t sig_count;
    struct smx_batch_name *name; /* sorted by index once closed, as are desc and leaf */
    size_t name_count, name_cap;
    struct smx_batch_desc *desc;
    size_t desc_count, desc_cap;
    struct smx_batch_leaf *leaf;
    size_t leaf_count;
    struct smx_tree tree;
};

/* What a batch's signatures are made over: network id | header. */
enum { SMX_BATCH_SIGNED = SMX_DOC_HASH + SMX_BATCH_HEADER };
void smx_batch_signed(uint8_t out[SMX_BATCH_SIGNED], const uint8_t network[SMX_DOC_HASH],
                      const struct smx_batch_header *h);
void smx_batch_write_head(struct smx_wr *w, const struct smx_batch_header *h, const struct smx_doc_sig *sig,
                          size_t sig_count);
/* Header and signatures, verified.  SMX_E_MALFORMED, SMX_E_AUTH. */
enum smx_err smx_batch_read_head(struct smx_rd *r, struct smx_batch_header *h, struct smx_doc_sig *sig,
                                 size_t *sig_count, const struct smx_network *n) SMX_MUST_CHECK;
/* The 96 bytes of a leaf; desc NULL: none live. */
void smx_batch_leaf_bytes(uint8_t leaf[SMX_BATCH_LEAF], const uint8_t *index, const uint8_t *key,
                          const uint8_t *desc, size_t desc_len);

#endif
