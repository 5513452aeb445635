/* directory/store.h - what a directory must not forget: names, pseudonym descriptors, relays, its last
 * documents. One interface, with stores in memory (tests, the simulator) and in SQLite; one test suite runs
 * on both.
 *
 * A store knows no rules; names.c and directory.c do.  Changes stand between begin and commit.  When commit
 * has returned SMX_OK they outlive the process, and in SQLite a loss of power too; when it has not, none of
 * them was made, or (in memory) some were, which nobody was told of.  Reading needs no transaction.
 *
 * Every function: SMX_OK, or SMX_E_IO (the database failed; see fault), SMX_E_MEMORY. */
#ifndef SMX_DIRECTORY_STORE_H
#define SMX_DIRECTORY_STORE_H

#include "proto/base/time.h"
#include "proto/doc/consensus.h"
#include "proto/doc/pseudonym.h"

struct smx_store_name {
    char name[SMX_NAME_MAX + 1];
    uint8_t key[SMX_DOC_KEY];   /* the holder, or the last one */
    uint64_t seq;               /* of the last claim that was accepted */
    struct smx_wall changed;    /* when that was */
    bool held;                  /* false: released */
    uint8_t hash[SMX_DOC_HASH]; /* of that claim, to know it when it comes again */
};

struct smx_store_desc {
    uint8_t key[SMX_DOC_KEY];
    uint64_t seq;
    struct smx_wall expires;
    uint16_t len;
    uint8_t bytes[SMX_DESC_MAX]; /* as uploaded */
};

struct smx_store_relay {
    uint8_t id[SMX_DOC_KEY];
    uint8_t layer;        /* enum smx_layer, for good */
    struct smx_wall seen; /* when its last descriptor came */
    const uint8_t *at;    /* that descriptor's envelope; borrowed */
    size_t len;           /* bytes */
};

enum smx_store_blob {
    SMX_STORE_NETWORK,   /* network id: a store serves one network */
    SMX_STORE_CONSENSUS, /* envelope of the last one */
    SMX_STORE_BATCH,     /* last batch: number u64, work u8 */
};

/* Called for each row, in ascending order of keys; borrowed rows.  Anything but SMX_OK ends it and is
 * returned. */
typedef enum smx_err smx_store_name_fn(void *arg, const struct smx_store_name *row);
typedef enum smx_err smx_store_desc_fn(void *arg, const struct smx_store_desc *row);
typedef enum smx_err smx_store_relay_fn(void *arg, const struct smx_store_relay *row);

struct smx_store {
    enum smx_err (*begin)(struct smx_store *s);
    enum smx_err (*commit)(struct smx_store *s); /* or undoes all since begin */
    void (*undo)(struct smx_store *s);

    /* get: SMX_E_ABSENT when there is none.  put: new or instead of the old one.  drop: fine when absent.
     * No put or drop from inside an each. */
    enum smx_err (*name_get)(struct smx_store *s, const char *name, struct smx_store_name *row);
    enum smx_err (*name_put)(struct smx_store *s, const struct smx_store_name *row);
    enum smx_err (*name_each)(struct smx_store *s, smx_store_name_fn *fn, void *arg);
    /* Drops those released before one time or claimed last before another. */
    enum smx_err (*name_purge)(struct smx_store *s, struct smx_wall released, struct smx_wall lapsed);
    enum smx_err (*name_count)(struct smx_store *s, size_t *count);

    enum smx_err (*desc_get)(struct smx_store *s, const uint8_t key[SMX_DOC_KEY], struct smx_store_desc *row);
    enum smx_err (*desc_put)(struct smx_store *s, const struct smx_store_desc *row);
    enum smx_err (*desc_each)(struct smx_store *s, smx_store_desc_fn *fn, void *arg);
    enum smx_err (*desc_purge)(struct smx_store *s, struct smx_wall now); /* drops the expired */
    enum smx_err (*desc_count)(struct smx_store *s, size_t *count);

    enum smx_err (*relay_put)(struct smx_store *s, const struct smx_store_relay *row);
    /* The layer that a relay was given once.  SMX_E_ABSENT. */
    enum smx_err (*relay_layer)(struct smx_store *s, const uint8_t id[SMX_DOC_KEY], uint8_t *layer);
    enum smx_err (*relay_each)(struct smx_store *s, smx_store_relay_fn *fn, void *arg);

    /* *at: malloc'ed, the caller's. */
    enum smx_err (*blob_get)(struct smx_store *s, enum smx_store_blob which, uint8_t **at, size_t *len);
    enum smx_err (*blob_put)(struct smx_store *s, enum smx_store_blob which, const uint8_t *at, size_t len);

    const char *(*fault)(struct smx_store *s); /* text of the last SMX_E_IO, for the operator */
    void (*free)(struct smx_store *s);
};

/* NULL: no memory. */
struct smx_store *smx_store_memory(void);
/* Opens or makes the database file.  read_only: it must be there, and puts fail; good beside a running
 * daemon. SMX_E_IO, SMX_E_MEMORY; SMX_E_STATE: made by another version.  *why: constant text; *s is then
 * NULL. */
enum smx_err smx_store_sqlite(struct smx_store **s, const char *path, bool read_only,
                              const char **why) SMX_MUST_CHECK;

#endif
