/* One file, in WAL mode with synchronous = FULL: each commit is on the disk before it returns.  NORMAL would
 * stand a kill but not a loss of power, after which a name that its owner was told of could be claimed by
 * another.  The cost is one sync per round of up to 256 uploads; the directory has time for that.
 *
 * seq is a 64-bit number without sign, kept as SQLite's signed one with the same bits, and never compared
 * there. */
#include "directory/store_verbs.h"

#include <sqlite3.h>
#include <stdlib.h>
#include <string.h>

enum { SCHEMA = 1, BUSY_MS = 5000 };

static const char schema[] =
    "CREATE TABLE names(name TEXT PRIMARY KEY, key BLOB NOT NULL, seq INTEGER NOT NULL, changed INTEGER NOT "
    "NULL,"
    " held INTEGER NOT NULL, hash BLOB NOT NULL) WITHOUT ROWID;"
    "CREATE TABLE descs(key BLOB PRIMARY KEY, seq INTEGER NOT NULL, expires INTEGER NOT NULL, bytes BLOB NOT "
    "NULL)"
    " WITHOUT ROWID;"
    "CREATE INDEX descs_expires ON descs(expires);"
    "CREATE TABLE relays(id BLOB PRIMARY KEY, layer INTEGER NOT NULL, seen INTEGER NOT NULL,"
    " envelope BLOB NOT NULL) WITHOUT ROWID;"
    "CREATE TABLE blobs(which INTEGER PRIMARY KEY, bytes BLOB NOT NULL);"
    "PRAGMA user_version = 1;";

enum statement {
    BEGIN,
    COMMIT,
    ROLLBACK,
    NAME_GET,
    NAME_PUT,
    NAME_EACH,
    NAME_PURGE,
    NAME_COUNT,
    DESC_GET,
    DESC_PUT,
    DESC_EACH,
    DESC_PURGE,
    DESC_COUNT,
    RELAY_PUT,
    RELAY_LAYER,
    RELAY_EACH,
    BLOB_GET,
    BLOB_PUT,
    STATEMENTS
};

static const char *const sql[STATEMENTS] = {
    [BEGIN] = "BEGIN IMMEDIATE",
    [COMMIT] = "COMMIT",
    [ROLLBACK] = "ROLLBACK",
    [NAME_GET] = "SELECT name, key, seq, changed, held, hash FROM names WHERE name = ?",
    [NAME_PUT] = "INSERT OR REPLACE INTO names(name, key, seq, changed, held, hash) VALUES(?, ?, ?, ?, ?, ?)",
    [NAME_EACH] = "SELECT name, key, seq, changed, held, hash FROM names ORDER BY name",
    [NAME_PURGE] = "DELETE FROM names WHERE changed < CASE held WHEN 0 THEN ? ELSE ? END",
    [NAME_COUNT] = "SELECT count(*) FROM names",
    [DESC_GET] = "SELECT key, seq, expires, bytes FROM descs WHERE key = ?",
    [DESC_PUT] = "INSERT OR REPLACE INTO descs(key, seq, expires, bytes) VALUES(?, ?, ?, ?)",
    [DESC_EACH] = "SELECT key, seq, expires, bytes FROM descs ORDER BY key",
    [DESC_PURGE] = "DELETE FROM descs WHERE expires <= ?",
    [DESC_COUNT] = "SELECT count(*) FROM descs",
    [RELAY_PUT] = "INSERT OR REPLACE INTO relays(id, layer, seen, envelope) VALUES(?, ?, ?, ?)",
    [RELAY_LAYER] = "SELECT layer FROM relays WHERE id = ?",
    [RELAY_EACH] = "SELECT id, layer, seen, envelope FROM relays ORDER BY id",
    [BLOB_GET] = "SELECT bytes FROM blobs WHERE which = ?",
    [BLOB_PUT] = "INSERT OR REPLACE INTO blobs(which, bytes) VALUES(?, ?)",
};

struct sqlite {
    struct smx_store store; /* first: a store is a pointer to this */
    sqlite3 *db;
    sqlite3_stmt *stmt[STATEMENTS];
};

static struct sqlite *of(struct smx_store *s)
{
    return (struct sqlite *)s;
}

/* Runs a statement that yields no rows, and makes it ready again. */
static enum smx_err finish(sqlite3_stmt *stmt)
{
    int rc = sqlite3_step(stmt);

    sqlite3_reset(stmt);
    sqlite3_clear_bindings(stmt);
    if (rc == SQLITE_NOMEM)
        return SMX_E_MEMORY;
    return rc == SQLITE_DONE ? SMX_OK : SMX_E_IO;
}

/* Bound values are borrowed until the statement is reset, which is before each function here returns.  A bind
 * that fails leaves NULL, which the tables refuse. */
static void bind_blob(sqlite3_stmt *stmt, int at, const void *bytes, size_t len)
{
    (void)sqlite3_bind_blob64(stmt, at, bytes, len, SQLITE_STATIC);
}

static void bind_int(sqlite3_stmt *stmt, int at, int64_t value)
{
    (void)sqlite3_bind_int64(stmt, at, value);
}

/* A column of exactly len bytes. */
static bool read_blob(sqlite3_stmt *stmt, int column, void *out, size_t len)
{
    if ((size_t)sqlite3_column_bytes(stmt, column) != len)
        return false;
    if (len > 0)
        memcpy(out, sqlite3_column_blob(stmt, column), len);
    return true;
}

static enum smx_err begin(struct smx_store *s)
{
    return finish(of(s)->stmt[BEGIN]);
}

static void undo(struct smx_store *s)
{
    if (!sqlite3_get_autocommit(of(s)->db)) /* some errors have rolled back already */
        (void)!finish(of(s)->stmt[ROLLBACK]);
}

static enum smx_err commit(struct smx_store *s)
{
    enum smx_err err = finish(of(s)->stmt[COMMIT]);

    if (err != SMX_OK)
        undo(s);
    return err;
}

/* Fills row, the caller's, from the columns; false: they make no sense. */
typedef bool read_fn(sqlite3_stmt *stmt, void *row);

static enum smx_err get(sqlite3_stmt *stmt, read_fn *read, void *row)
{
    int rc = sqlite3_step(stmt);
    bool whole = rc == SQLITE_ROW && read(stmt, row);

    sqlite3_reset(stmt);
    sqlite3_clear_bindings(stmt);
    if (rc == SQLITE_DONE)
        return SMX_E_ABSENT;
    return whole ? SMX_OK : SMX_E_IO;
}

/* Who is shown the rows of one kind. */
struct visitor {
    void *arg;
    smx_store_name_fn *name;
    smx_store_desc_fn *desc;
    smx_store_relay_fn *relay;
};

static enum smx_err each(sqlite3_stmt *stmt,
                         enum smx_err (*visit)(sqlite3_stmt *stmt, const struct visitor *v),
                         const struct visitor *v)
{
    enum smx_err err = SMX_OK;
    int rc = SQLITE_ROW;

    while (err == SMX_OK && (rc = sqlite3_step(stmt)) == SQLITE_ROW)
        err = visit(stmt, v);
    sqlite3_reset(stmt);
    return err == SMX_OK && rc != SQLITE_DONE ? SMX_E_IO : err;
}

static enum smx_err count(sqlite3_stmt *stmt, size_t *n)
{
    int rc = sqlite3_step(stmt);

    *n = rc == SQLITE_ROW ? (size_t)sqlite3_column_int64(stmt, 0) : 0;
    sqlite3_reset(stmt);
    return rc == SQLITE_ROW ? SMX_OK : SMX_E_IO;
}

/* ---- names ---- */

static bool read_name(sqlite3_stmt *stmt, void *out)
{
    struct smx_store_name *row = out;
    const char *name = (const char *)sqlite3_column_text(stmt, 0);

    *row = (struct smx_store_name){.seq = (uint64_t)sqlite3_column_int64(stmt, 2),
                                   .changed = {sqlite3_column_int64(stmt, 3)},
                                   .held = sqlite3_column_int(stmt, 4) != 0};
    if (!name || strlen(name) > SMX_NAME_MAX)
        return false;
    memcpy(row->name, name, strlen(name));
    return read_blob(stmt, 1, row->key, sizeof row->key) && read_blob(stmt, 5, row->hash, sizeof row->hash);
}

static enum smx_err name_get(struct smx_store *s, const char *name, struct smx_store_name *row)
{
    sqlite3_stmt *stmt = of(s)->stmt[NAME_GET];

    (void)sqlite3_bind_text(stmt, 1, name, -1, SQLITE_STATIC);
    return get(stmt, read_name, row);
}

static enum smx_err name_put(struct smx_store *s, const struct smx_store_name *row)
{
    sqlite3_stmt *stmt = of(s)->stmt[NAME_PUT];

    (void)sqlite3_bind_text(stmt, 1, row->name, -1, SQLITE_STATIC);
    bind_blob(stmt, 2, row->key, sizeof row->key);
    bind_int(stmt, 3, (int64_t)row->seq);
    bind_int(stmt, 4, row->changed.s);
    bind_int(stmt, 5, row->held);
    bind_blob(stmt, 6, row->hash, sizeof row->hash);
    return finish(stmt);
}

static enum smx_err visit_name(sqlite3_stmt *stmt, const struct visitor *v)
{
    struct smx_store_name row;

    return read_name(stmt, &row) ? v->name(v->arg, &row) : SMX_E_IO;
}

static enum smx_err name_each(struct smx_store *s, smx_store_name_fn *fn, void *arg)
{
    return each(of(s)->stmt[NAME_EACH], visit_name, &(struct visitor){.arg = arg, .name = fn});
}

static enum smx_err name_purge(struct smx_store *s, struct smx_wall released, struct smx_wall lapsed)
{
    bind_int(of(s)->stmt[NAME_PURGE], 1, released.s);
    bind_int(of(s)->stmt[NAME_PURGE], 2, lapsed.s);
    return finish(of(s)->stmt[NAME_PURGE]);
}

static enum smx_err name_count(struct smx_store *s, size_t *n)
{
    return count(of(s)->stmt[NAME_COUNT], n);
}

/* ---- descriptors ---- */

static bool read_desc(sqlite3_stmt *stmt, void *out)
{
    struct smx_store_desc *row = out;
    int len = sqlite3_column_bytes(stmt, 3);

    *row = (struct smx_store_desc){.seq = (uint64_t)sqlite3_column_int64(stmt, 1),
                                   .expires = {sqlite3_column_int64(stmt, 2)},
                                   .len = (uint16_t)len};
    return len <= SMX_DESC_MAX && read_blob(stmt, 0, row->key, sizeof row->key) &&
           read_blob(stmt, 3, row->bytes, (size_t)len);
}

static enum smx_err desc_get(struct smx_store *s, const uint8_t key[SMX_DOC_KEY], struct smx_store_desc *row)
{
    bind_blob(of(s)->stmt[DESC_GET], 1, key, SMX_DOC_KEY);
    return get(of(s)->stmt[DESC_GET], read_desc, row);
}

static enum smx_err desc_put(struct smx_store *s, const struct smx_store_desc *row)
{
    sqlite3_stmt *stmt = of(s)->stmt[DESC_PUT];

    bind_blob(stmt, 1, row->key, sizeof row->key);
    bind_int(stmt, 2, (int64_t)row->seq);
    bind_int(stmt, 3, row->expires.s);
    bind_blob(stmt, 4, row->bytes, row->len);
    return finish(stmt);
}

static enum smx_err visit_desc(sqlite3_stmt *stmt, const struct visitor *v)
{
    struct smx_store_desc row;

    return read_desc(stmt, &row) ? v->desc(v->arg, &row) : SMX_E_IO;
}

static enum smx_err desc_each(struct smx_store *s, smx_store_desc_fn *fn, void *arg)
{
    return each(of(s)->stmt[DESC_EACH], visit_desc, &(struct visitor){.arg = arg, .desc = fn});
}

static enum smx_err desc_purge(struct smx_store *s, struct smx_wall now)
{
    bind_int(of(s)->stmt[DESC_PURGE], 1, now.s);
    return finish(of(s)->stmt[DESC_PURGE]);
}

static enum smx_err desc_count(struct smx_store *s, size_t *n)
{
    return count(of(s)->stmt[DESC_COUNT], n);
}

/* ---- relays and blobs ---- */

static enum smx_err relay_put(struct smx_store *s, const struct smx_store_relay *row)
{
    sqlite3_stmt *stmt = of(s)->stmt[RELAY_PUT];

    bind_blob(stmt, 1, row->id, sizeof row->id);
    bind_int(stmt, 2, row->layer);
    bind_int(stmt, 3, row->seen.s);
    bind_blob(stmt, 4, row->at, row->len);
    return finish(stmt);
}

static bool read_layer(sqlite3_stmt *stmt, void *layer)
{
    *(uint8_t *)layer = (uint8_t)sqlite3_column_int(stmt, 0);
    return true;
}

static enum smx_err relay_layer(struct smx_store *s, const uint8_t id[SMX_DOC_KEY], uint8_t *layer)
{
    bind_blob(of(s)->stmt[RELAY_LAYER], 1, id, SMX_DOC_KEY);
    return get(of(s)->stmt[RELAY_LAYER], read_layer, layer);
}

static enum smx_err visit_relay(sqlite3_stmt *stmt, const struct visitor *v)
{
    struct smx_store_relay row = {.layer = (uint8_t)sqlite3_column_int(stmt, 1),
                                  .seen = {sqlite3_column_int64(stmt, 2)},
                                  .at = sqlite3_column_blob(stmt, 3),
                                  .len = (size_t)sqlite3_column_bytes(stmt, 3)};

    return read_blob(stmt, 0, row.id, sizeof row.id) && row.at ? v->relay(v->arg, &row) : SMX_E_IO;
}

static enum smx_err relay_each(struct smx_store *s, smx_store_relay_fn *fn, void *arg)
{
    return each(of(s)->stmt[RELAY_EACH], visit_relay, &(struct visitor){.arg = arg, .relay = fn});
}

struct bytes {
    uint8_t *at;
    size_t len;
};

static bool read_bytes(sqlite3_stmt *stmt, void *out)
{
    struct bytes *b = out;

    b->len = (size_t)sqlite3_column_bytes(stmt, 0);
    b->at = malloc(b->len + 1);
    return b->at && read_blob(stmt, 0, b->at, b->len);
}

static enum smx_err blob_get(struct smx_store *s, enum smx_store_blob which, uint8_t **at, size_t *len)
{
    struct bytes b = {.at = NULL};
    enum smx_err err;

    bind_int(of(s)->stmt[BLOB_GET], 1, which);
    err = get(of(s)->stmt[BLOB_GET], read_bytes, &b);
    if (err == SMX_OK) {
        *at = b.at;
        *len = b.len;
    } else {
        free(b.at);
    }
    return err;
}

static enum smx_err blob_put(struct smx_store *s, enum smx_store_blob which, const uint8_t *at, size_t len)
{
    bind_int(of(s)->stmt[BLOB_PUT], 1, which);
    bind_blob(of(s)->stmt[BLOB_PUT], 2, at, len);
    return finish(of(s)->stmt[BLOB_PUT]);
}

/* ---- opening ---- */

static const char *fault(struct smx_store *s)
{
    return sqlite3_errmsg(of(s)->db);
}

static void free_store(struct smx_store *s)
{
    struct sqlite *q = of(s);

    for (size_t i = 0; i < STATEMENTS; i++)
        (void)sqlite3_finalize(q->stmt[i]);
    (void)sqlite3_close(q->db);
    free(q);
}

static int read_version(sqlite3 *db, int *version)
{
    sqlite3_stmt *stmt;
    int rc = sqlite3_prepare_v2(db, "PRAGMA user_version", -1, &stmt, NULL);

    if (rc == SQLITE_OK && (rc = sqlite3_step(stmt)) == SQLITE_ROW) {
        *version = sqlite3_column_int(stmt, 0);
        rc = SQLITE_OK;
    }
    (void)sqlite3_finalize(stmt);
    return rc;
}

/* Settings and tables, those two in one transaction, so that a kill leaves an empty file or a whole one. */
static int prepare(struct sqlite *q, bool read_only, int *version)
{
    int rc = sqlite3_busy_timeout(q->db, BUSY_MS);

    if (rc == SQLITE_OK && !read_only)
        rc = sqlite3_exec(q->db, "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL", NULL, NULL, NULL);
    if (rc == SQLITE_OK)
        rc = read_version(q->db, version);
    if (rc == SQLITE_OK && *version == 0 && !read_only) {
        rc = sqlite3_exec(q->db, "BEGIN EXCLUSIVE", NULL, NULL, NULL);
        if (rc == SQLITE_OK)
            rc = sqlite3_exec(q->db, schema, NULL, NULL, NULL);
        if (rc == SQLITE_OK)
            rc = sqlite3_exec(q->db, "COMMIT", NULL, NULL, NULL);
        *version = SCHEMA;
    }
    if (*version != SCHEMA)
        return rc;
    for (size_t i = 0; rc == SQLITE_OK && i < STATEMENTS; i++)
        rc = sqlite3_prepare_v3(q->db, sql[i], -1, SQLITE_PREPARE_PERSISTENT, &q->stmt[i], NULL);
    return rc;
}

enum smx_err smx_store_sqlite(struct smx_store **s, const char *path, bool read_only, const char **why)
{
    static const struct smx_store verbs = SMX_STORE_VERBS;
    int flags = read_only ? SQLITE_OPEN_READONLY : SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE, rc,
        version = 0;
    struct sqlite *q = calloc(1, sizeof *q);

    *s = NULL;
    *why = "out of memory";
    if (!q)
        return SMX_E_MEMORY;
    q->store = verbs;
    rc = sqlite3_open_v2(path, &q->db, flags, NULL);
    if (rc == SQLITE_OK)
        rc = prepare(q, read_only, &version);
    if (rc == SQLITE_OK && version == SCHEMA) {
        *s = &q->store;
        return SMX_OK;
    }
    *why = rc == SQLITE_OK ? "made by another version of sipmix" : sqlite3_errstr(rc);
    free_store(&q->store);
    return rc == SQLITE_OK ? SMX_E_STATE : SMX_E_IO;
}
