/* directory/directory.h - a directory authority as a pure core: relays' descriptors and rounds of uploads go
 * in, the signed consensus and the signed batch come out.  Source: docs/protocol/60-directory.md.
 *
 * Timers (wall clock, all in smx_directory_deadline):
 *   epoch    at each multiple of epoch_s: a consensus
 *   early    2 s after the first change of the relays since the last one, if the configuration wants it
 *   batch    at each multiple of batch_s, and at start: a batch
 * A clock that was set back stops both until it has come to where it was: time in documents never runs back.
 *
 * One authority signs alone.  With several, each would come to the same unsigned consensus by votes, and the
 * envelope would hold more signatures; formats and checks are made for that already. */
#ifndef SMX_DIRECTORY_DIRECTORY_H
#define SMX_DIRECTORY_DIRECTORY_H

#include "directory/store.h"
#include "proto/doc/round.h"

struct smx_directory;

struct smx_directory_config {
    struct smx_network network; /* its only authority is this one */
    struct smx_params params;
    const uint8_t *secret; /* SMX_DOC_SECRET bytes; copied into locked memory */
    bool early;            /* a new consensus whenever the relays change */
    size_t relays_max, names_max, descs_max;
    size_t uploads_busy; /* uploads in a batch interval above which they need more work; above 0 */
};

enum {
    SMX_DIRECTORY_EARLY_S = 2,
    SMX_DIRECTORY_CLOCK_S =
        60, /* a relay's clock is off at most: two such still take each other's handshakes */
    SMX_DIRECTORY_LISTED_EPOCHS = 24
};

/* Takes up what the store holds (borrowed; it outlives the directory).
 * SMX_E_REFUSED: the store serves another network; SMX_E_MALFORMED: it holds what it should not;
 * SMX_E_IO, SMX_E_MEMORY. */
enum smx_err smx_directory_new(struct smx_directory **d, const struct smx_directory_config *config,
                               struct smx_store *store, struct smx_wall now) SMX_MUST_CHECK;
void smx_directory_free(struct smx_directory *d); /* NULL is fine; wipes */

/* A relay's descriptor (POST /descriptor).  *why: one line for the relay's operator, constant text.
 * SMX_E_MALFORMED, SMX_E_AUTH, SMX_E_LATE (its clock is off), SMX_E_REPLAY (not newer), SMX_E_REFUSED
 * (against a rule), SMX_E_FULL, SMX_E_IO, SMX_E_MEMORY: nothing has changed. */
enum smx_err smx_directory_relay(struct smx_directory *d, struct smx_wall now, const uint8_t *in, size_t len,
                                 const char **why) SMX_MUST_CHECK;

/* A round of uploads (POST /claims); the reply is written once everything is stored for good.  An upload
 * needs the work that one of the last two batches asks for, whichever is less: its sender may not know the
 * last one. SMX_E_MALFORMED; SMX_E_IO, SMX_E_MEMORY: nothing of the round counts, the relay should try again.
 */
enum smx_err smx_directory_round(struct smx_directory *d, struct smx_wall now, const uint8_t *in, size_t len,
                                 uint8_t reply[SMX_ROUND_REPLY_MAX], size_t *reply_len) SMX_MUST_CHECK;

/* Does what is due.  SMX_E_IO, SMX_E_MEMORY: tried again at the next call; what was published stays. */
enum smx_err smx_directory_expire(struct smx_directory *d, struct smx_wall now) SMX_MUST_CHECK;
struct smx_wall smx_directory_deadline(const struct smx_directory *d, struct smx_wall now);

struct smx_bytes {
    const uint8_t *at; /* borrowed until the next verb; NULL: there is none yet */
    size_t len;
};
struct smx_bytes smx_directory_consensus(const struct smx_directory *d); /* GET /consensus */
struct smx_bytes smx_directory_batch(const struct smx_directory *d);     /* GET /batch */

/* The latest time that a document of ours bears: a clock that stands before it was set back. */
struct smx_wall smx_directory_newest(const struct smx_directory *d);

#define SMX_DIRECTORY_COUNTERS(X)                                                                            \
    X(relays, "relays known")                                                                                \
    X(descriptors, "descriptors of relays accepted")                                                         \
    X(descriptors_refused, "descriptors of relays refused")                                                  \
    X(uploads, "uploads accepted")                                                                           \
    X(uploads_refused, "uploads refused")                                                                    \
    X(rounds_refused, "rounds that break their format")                                                      \
    X(consensuses, "consensuses made")                                                                       \
    X(batches, "batches made")

struct smx_directory_counters {
#define X(name, text) uint64_t name;
    SMX_DIRECTORY_COUNTERS(X)
#undef X
};
const struct smx_directory_counters *smx_directory_counters(const struct smx_directory *d);

#endif
