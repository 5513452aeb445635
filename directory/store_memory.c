/* Each kind of row is an array sorted by its key, which stands first in the row.  Good for thousands of rows.
 */
#include "directory/store_verbs.h"

#include <stddef.h>
#include <stdlib.h>
#include <string.h>

struct table {
    uint8_t *row;
    size_t size, key_len; /* bytes of a row and of the key at its beginning */
    size_t count, cap;
};

struct blob {
    uint8_t *at;
    size_t len;
};

enum { BLOBS = SMX_STORE_BATCH + 1 };

struct memory {
    struct smx_store store; /* first: a store is a pointer to this */
    struct table names, descs, relays;
    struct blob blob[BLOBS];
};

_Static_assert(offsetof(struct smx_store_name, name) == 0 && offsetof(struct smx_store_desc, key) == 0 &&
                   offsetof(struct smx_store_relay, id) == 0,
               "keys stand first");

static struct memory *of(struct smx_store *s)
{
    return (struct memory *)s;
}

/* The place of key, or where it belongs; *found says which. */
static size_t place_of(const struct table *t, const void *key, bool *found)
{
    size_t low = 0, high = t->count;

    *found = false;
    while (low < high) {
        size_t mid = low + (high - low) / 2;
        int cmp = memcmp(key, t->row + mid * t->size, t->key_len);

        if (cmp == 0) {
            *found = true;
            return mid;
        }
        if (cmp < 0)
            high = mid;
        else
            low = mid + 1;
    }
    return low;
}

static enum smx_err get(const struct table *t, const void *key, void *row)
{
    bool found;
    size_t at = place_of(t, key, &found);

    if (!found)
        return SMX_E_ABSENT;
    memcpy(row, t->row + at * t->size, t->size);
    return SMX_OK;
}

static enum smx_err put(struct table *t, const void *row)
{
    bool found;
    size_t at = place_of(t, row, &found);

    if (!found) {
        if (t->count == t->cap) {
            size_t cap = t->cap ? 2 * t->cap : 64;
            uint8_t *more = realloc(t->row, cap * t->size);

            if (!more)
                return SMX_E_MEMORY;
            t->row = more;
            t->cap = cap;
        }
        memmove(t->row + (at + 1) * t->size, t->row + at * t->size, (t->count - at) * t->size);
        t->count++;
    }
    memcpy(t->row + at * t->size, row, t->size);
    return SMX_OK;
}

/* Keeps the rows that keep() wants. */
static void sift(struct table *t, bool (*keep)(const void *row, const struct smx_wall *time),
                 const struct smx_wall *time)
{
    size_t kept = 0;

    for (size_t i = 0; i < t->count; i++)
        if (keep(t->row + i * t->size, time)) {
            memmove(t->row + kept * t->size, t->row + i * t->size, t->size);
            kept++;
        }
    t->count = kept;
}

/* Changes are made at once. */
static enum smx_err begin(struct smx_store *s)
{
    (void)s;
    return SMX_OK;
}

static enum smx_err commit(struct smx_store *s)
{
    return begin(s);
}

static void undo(struct smx_store *s)
{
    (void)s;
}

/* ---- names ---- */

/* A name with zeros to its end, so that rows compare as bytes. */
static void pad(char key[SMX_NAME_MAX + 1], const char *name)
{
    memset(key, 0, SMX_NAME_MAX + 1);
    memcpy(key, name, strlen(name));
}

static enum smx_err name_get(struct smx_store *s, const char *name, struct smx_store_name *row)
{
    char key[SMX_NAME_MAX + 1];

    pad(key, name);
    return get(&of(s)->names, key, row);
}

static enum smx_err name_put(struct smx_store *s, const struct smx_store_name *row)
{
    struct smx_store_name kept = *row;

    pad(kept.name, row->name);
    return put(&of(s)->names, &kept);
}

static enum smx_err name_each(struct smx_store *s, smx_store_name_fn *fn, void *arg)
{
    const struct table *t = &of(s)->names;
    enum smx_err err = SMX_OK;

    for (size_t i = 0; i < t->count && err == SMX_OK; i++)
        err = fn(arg, (const struct smx_store_name *)(const void *)(t->row + i * t->size));
    return err;
}

static bool name_stays(const void *row, const struct smx_wall *time)
{
    const struct smx_store_name *n = row;

    return n->changed.s >= time[n->held ? 1 : 0].s;
}

static enum smx_err name_purge(struct smx_store *s, struct smx_wall released, struct smx_wall lapsed)
{
    const struct smx_wall time[2] = {released, lapsed};

    sift(&of(s)->names, name_stays, time);
    return SMX_OK;
}

static enum smx_err name_count(struct smx_store *s, size_t *count)
{
    *count = of(s)->names.count;
    return SMX_OK;
}

/* ---- descriptors ---- */

static enum smx_err desc_get(struct smx_store *s, const uint8_t key[SMX_DOC_KEY], struct smx_store_desc *row)
{
    return get(&of(s)->descs, key, row);
}

static enum smx_err desc_put(struct smx_store *s, const struct smx_store_desc *row)
{
    return put(&of(s)->descs, row);
}

static enum smx_err desc_each(struct smx_store *s, smx_store_desc_fn *fn, void *arg)
{
    const struct table *t = &of(s)->descs;
    enum smx_err err = SMX_OK;

    for (size_t i = 0; i < t->count && err == SMX_OK; i++)
        err = fn(arg, (const struct smx_store_desc *)(const void *)(t->row + i * t->size));
    return err;
}

static bool desc_stays(const void *row, const struct smx_wall *now)
{
    return ((const struct smx_store_desc *)row)->expires.s > now->s;
}

static enum smx_err desc_purge(struct smx_store *s, struct smx_wall now)
{
    sift(&of(s)->descs, desc_stays, &now);
    return SMX_OK;
}

static enum smx_err desc_count(struct smx_store *s, size_t *count)
{
    *count = of(s)->descs.count;
    return SMX_OK;
}

/* ---- relays and blobs ---- */

/* A row's envelope is ours, however the interface calls it. */
static void free_envelope(const struct smx_store_relay *row)
{
    free((void *)row->at);
}

static enum smx_err relay_put(struct smx_store *s, const struct smx_store_relay *row)
{
    struct smx_store_relay kept = *row, old = {.at = NULL};
    uint8_t *copy = malloc(row->len + 1);
    enum smx_err err;

    if (!copy)
        return SMX_E_MEMORY;
    memcpy(copy, row->at, row->len);
    kept.at = copy;
    (void)!get(&of(s)->relays, row->id, &old); /* absent: nothing to free */
    err = put(&of(s)->relays, &kept);
    free_envelope(err == SMX_OK ? &old : &kept);
    return err;
}

static enum smx_err relay_layer(struct smx_store *s, const uint8_t id[SMX_DOC_KEY], uint8_t *layer)
{
    struct smx_store_relay row;
    enum smx_err err = get(&of(s)->relays, id, &row);

    if (err == SMX_OK)
        *layer = row.layer;
    return err;
}

static enum smx_err relay_each(struct smx_store *s, smx_store_relay_fn *fn, void *arg)
{
    const struct table *t = &of(s)->relays;
    enum smx_err err = SMX_OK;

    for (size_t i = 0; i < t->count && err == SMX_OK; i++)
        err = fn(arg, (const struct smx_store_relay *)(const void *)(t->row + i * t->size));
    return err;
}

static enum smx_err blob_get(struct smx_store *s, enum smx_store_blob which, uint8_t **at, size_t *len)
{
    const struct blob *b = &of(s)->blob[which];

    if (!b->at)
        return SMX_E_ABSENT;
    *at = malloc(b->len + 1);
    if (!*at)
        return SMX_E_MEMORY;
    memcpy(*at, b->at, b->len);
    *len = b->len;
    return SMX_OK;
}

static enum smx_err blob_put(struct smx_store *s, enum smx_store_blob which, const uint8_t *at, size_t len)
{
    struct blob *b = &of(s)->blob[which];
    uint8_t *copy = malloc(len + 1);

    if (!copy)
        return SMX_E_MEMORY;
    memcpy(copy, at, len);
    free(b->at);
    b->at = copy;
    b->len = len;
    return SMX_OK;
}

static const char *fault(struct smx_store *s)
{
    (void)s;
    return "out of memory";
}

static void free_store(struct smx_store *s)
{
    struct memory *m = of(s);

    for (size_t i = 0; i < m->relays.count; i++)
        free_envelope((const struct smx_store_relay *)(const void *)(m->relays.row + i * m->relays.size));
    for (size_t i = 0; i < BLOBS; i++)
        free(m->blob[i].at);
    free(m->names.row);
    free(m->descs.row);
    free(m->relays.row);
    free(m);
}

struct smx_store *smx_store_memory(void)
{
    static const struct smx_store verbs = SMX_STORE_VERBS;
    struct memory *m = calloc(1, sizeof *m);

    if (!m)
        return NULL;
    m->store = verbs;
    m->names = (struct table){.size = sizeof(struct smx_store_name), .key_len = SMX_NAME_MAX + 1};
    m->descs = (struct table){.size = sizeof(struct smx_store_desc), .key_len = SMX_DOC_KEY};
    m->relays = (struct table){.size = sizeof(struct smx_store_relay), .key_len = SMX_DOC_KEY};
    return &m->store;
}
