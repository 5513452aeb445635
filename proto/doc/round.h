/* proto/doc/round.h - a round of uploads: what an end relay POSTs to /claims at a batch's fixed time, and the
 * directory's reply.  Source: docs/protocol/60-directory.md, section 9.
 *
 * round    0 "SMXR" | 4 version 1 | 5 count u16 | 7 count * { len u16, upload }
 * reply    0 "SMXV" | 4 version 1 | 5 count u16 | 7 count * result u8 (enum smx_upload_result), in order
 *
 * Pure; no allocation; views borrow. */
#ifndef SMX_DOC_ROUND_H
#define SMX_DOC_ROUND_H

#include "proto/base/bytes.h"
#include "proto/doc/pseudonym.h"

enum {
    SMX_ROUND_COUNT = 256,                                                   /* uploads at most */
    SMX_ROUND_HEAD = 4 + 1 + 2,                                              /* bytes */
    SMX_ROUND_MAX = SMX_ROUND_HEAD + SMX_ROUND_COUNT * (2 + SMX_UPLOAD_MAX), /* bytes */
    SMX_ROUND_REPLY_MAX = SMX_ROUND_HEAD + SMX_ROUND_COUNT,                  /* bytes */
};

struct smx_round_item {
    const uint8_t *at; /* borrowed */
    uint16_t len;      /* 1..SMX_UPLOAD_MAX */
};

/* Returns the length. */
size_t smx_round_encode(uint8_t out[SMX_ROUND_MAX], const struct smx_round_item *item, size_t count);
/* SMX_E_MALFORMED; *count is then 0. */
enum smx_err smx_round_decode(struct smx_round_item item[SMX_ROUND_COUNT], size_t *count, const uint8_t *in,
                              size_t len) SMX_MUST_CHECK;
size_t smx_round_reply_encode(uint8_t out[SMX_ROUND_REPLY_MAX], const uint8_t *result, size_t count);
/* A reply to a round of exactly count uploads.  SMX_E_MALFORMED. */
enum smx_err smx_round_reply_decode(uint8_t result[SMX_ROUND_COUNT], size_t count, const uint8_t *in,
                                    size_t len) SMX_MUST_CHECK;

#endif
