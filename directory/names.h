/* directory/names.h - the rules of pseudonyms: who holds which name, which descriptor of a key is the last.
 * Source: docs/protocol/60-directory.md, section 7.  Pure; all that lasts is in the store.
 *
 *     nobody's --claim--> held --claim, renew, transfer--> held --release, or grace over--> remembered -->
 * nobody's
 *
 * A name is remembered for one grace after it was let go, so that claims made before then can't be played
 * back. */
#ifndef SMX_DIRECTORY_NAMES_H
#define SMX_DIRECTORY_NAMES_H

#include "directory/store.h"
#include "proto/doc/batch.h"

struct smx_names {
    struct smx_store *store; /* borrowed */
    uint8_t network[SMX_DOC_HASH];
    uint32_t grace_s;
    uint8_t work; /* bits that uploads must show now; the caller sets it */
    size_t names_max, descs_max;
    size_t name_count, desc_count; /* rows in the store */
    size_t load;                   /* uploads that cost us a look at their signatures; the caller resets it */
};

/* Counts what the store holds.  SMX_E_IO, SMX_E_MEMORY. */
enum smx_err smx_names_init(struct smx_names *n, struct smx_store *store, const uint8_t network[SMX_DOC_HASH],
                            const struct smx_params *p, size_t names_max, size_t descs_max) SMX_MUST_CHECK;
/* Counts again, after the store has undone something. */
enum smx_err smx_names_recount(struct smx_names *n) SMX_MUST_CHECK;

/* Looks at an upload: work first, then layout, then signatures.  SMX_UPLOAD_ACCEPTED: it is one, and only the
 * store can tell more; anything else is its result, and the store need not know. */
enum smx_upload_result smx_names_look(struct smx_names *n, const uint8_t *in, size_t len,
                                      struct smx_upload *upload);
/* Takes what smx_names_look let pass, inside a transaction of the caller; *result says what came of it.  It
 * is only true once the caller has committed.  SMX_E_IO, SMX_E_MEMORY: the store failed; then undo. */
enum smx_err smx_names_take(struct smx_names *n, struct smx_wall now, const struct smx_upload *upload,
                            const uint8_t *in, size_t len, enum smx_upload_result *result) SMX_MUST_CHECK;
/* Forgets expired descriptors and names that are nobody's (a transaction of the caller). */
enum smx_err smx_names_purge(struct smx_names *n, struct smx_wall now) SMX_MUST_CHECK;
/* Puts every held name and live descriptor into b. */
enum smx_err smx_names_collect(struct smx_names *n, struct smx_wall now, struct smx_batch *b) SMX_MUST_CHECK;

#endif
