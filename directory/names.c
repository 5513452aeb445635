#include "directory/names.h"

#include <string.h>

enum smx_err smx_names_recount(struct smx_names *n)
{
    enum smx_err err = n->store->name_count(n->store, &n->name_count);

    return err == SMX_OK ? n->store->desc_count(n->store, &n->desc_count) : err;
}

enum smx_err smx_names_init(struct smx_names *n, struct smx_store *store, const uint8_t network[SMX_DOC_HASH],
                            const struct smx_params *p, size_t names_max, size_t descs_max)
{
    *n = (struct smx_names){.store = store,
                            .grace_s = p->name_grace_s,
                            .work = (uint8_t)p->claim_work_bits,
                            .names_max = names_max,
                            .descs_max = descs_max};
    memcpy(n->network, network, sizeof n->network);
    return smx_names_recount(n);
}

/* Whether somebody holds the name now. */
static bool is_held(const struct smx_names *n, const struct smx_store_name *row, struct smx_wall now)
{
    return row->held && now.s < row->changed.s + n->grace_s;
}

/* Whether the name's last sequence number still counts. */
static bool is_remembered(const struct smx_names *n, const struct smx_store_name *row, struct smx_wall now)
{
    return now.s < row->changed.s + (row->held ? 2 : 1) * (int64_t)n->grace_s;
}

/* What comes of a claim, given the name's row (NULL: none that counts); new_row is what to store if accepted.
 */
static enum smx_upload_result judge(const struct smx_names *n, const struct smx_store_name *row,
                                    const struct smx_claim *c, const uint8_t hash[SMX_DOC_HASH],
                                    struct smx_wall now, struct smx_store_name *new_row)
{
    bool held = row && is_held(n, row, now);

    if (row && memcmp(row->hash, hash, SMX_DOC_HASH) == 0 && (held || c->op == SMX_CLAIM_RELEASE))
        return SMX_UPLOAD_REPEATED;
    if (held && memcmp(row->key, c->key, SMX_DOC_KEY) != 0)
        return SMX_UPLOAD_TAKEN;
    if (!held && c->op != SMX_CLAIM_CLAIM)
        return SMX_UPLOAD_UNKNOWN;
    if (row && c->seq <= row->seq)
        return SMX_UPLOAD_STALE;
    *new_row = (struct smx_store_name){.seq = c->seq, .changed = now, .held = c->op != SMX_CLAIM_RELEASE};
    memcpy(new_row->name, c->name, sizeof new_row->name);
    memcpy(new_row->key, c->op == SMX_CLAIM_TRANSFER ? c->new_key : c->key, SMX_DOC_KEY);
    memcpy(new_row->hash, hash, SMX_DOC_HASH);
    return SMX_UPLOAD_ACCEPTED;
}

/* The hash of an upload's body: its work is not part of what it says. */
static void body_hash(uint8_t hash[SMX_DOC_HASH], const uint8_t *in, size_t len)
{
    smx_doc_hash(hash, in + SMX_UPLOAD_HEAD, len - SMX_UPLOAD_HEAD);
}

static enum smx_err take_claim(struct smx_names *n, struct smx_wall now, const struct smx_claim *c,
                               const uint8_t *in, size_t len, enum smx_upload_result *result)
{
    struct smx_store_name row, new_row;
    uint8_t hash[SMX_DOC_HASH];
    enum smx_err err = n->store->name_get(n->store, c->name, &row);
    bool is_new = err == SMX_E_ABSENT;

    if (err != SMX_OK && !is_new)
        return err;
    body_hash(hash, in, len);
    *result = judge(n, is_new || !is_remembered(n, &row, now) ? NULL : &row, c, hash, now, &new_row);
    if (*result != SMX_UPLOAD_ACCEPTED)
        return SMX_OK;
    if (is_new && n->name_count >= n->names_max) {
        *result = SMX_UPLOAD_FULL;
        return SMX_OK;
    }
    err = n->store->name_put(n->store, &new_row);
    if (err == SMX_OK && is_new)
        n->name_count++;
    return err;
}

static enum smx_err take_descriptor(struct smx_names *n, struct smx_wall now, const struct smx_descriptor *d,
                                    const uint8_t *in, size_t len, enum smx_upload_result *result)
{
    struct smx_store_desc row, new_row = {.seq = d->seq, .expires = {d->expires}};
    enum smx_err err;
    bool is_new;

    *result = SMX_UPLOAD_EXPIRED;
    if (smx_descriptor_check(d, now) != SMX_OK)
        return SMX_OK;
    memcpy(new_row.key, d->key, sizeof new_row.key);
    new_row.len = (uint16_t)(len - SMX_UPLOAD_HEAD);
    memcpy(new_row.bytes, in + SMX_UPLOAD_HEAD, new_row.len);
    err = n->store->desc_get(n->store, d->key, &row);
    is_new = err == SMX_E_ABSENT;
    if (err != SMX_OK && !is_new)
        return err;
    if (!is_new && row.len == new_row.len && memcmp(row.bytes, new_row.bytes, row.len) == 0)
        *result = SMX_UPLOAD_REPEATED;
    else if (!is_new && d->seq <= row.seq)
        *result = SMX_UPLOAD_STALE;
    else if (is_new && n->desc_count >= n->descs_max)
        *result = SMX_UPLOAD_FULL;
    else
        *result = SMX_UPLOAD_ACCEPTED;
    if (*result != SMX_UPLOAD_ACCEPTED)
        return SMX_OK;
    err = n->store->desc_put(n->store, &new_row);
    if (err == SMX_OK && is_new)
        n->desc_count++;
    return err;
}

enum smx_upload_result smx_names_look(struct smx_names *n, const uint8_t *in, size_t len,
                                      struct smx_upload *upload)
{
    switch (smx_upload_decode(upload, n->network, n->work, in, len)) {
    case SMX_OK:
        n->load++;
        return SMX_UPLOAD_ACCEPTED;
    case SMX_E_AUTH:
        n->load++;
        return SMX_UPLOAD_FORGED;
    case SMX_E_REFUSED:
        return SMX_UPLOAD_NO_WORK;
    default:
        return SMX_UPLOAD_MALFORMED;
    }
}

enum smx_err smx_names_take(struct smx_names *n, struct smx_wall now, const struct smx_upload *upload,
                            const uint8_t *in, size_t len, enum smx_upload_result *result)
{
    if (upload->tag == SMX_UPLOAD_CLAIM)
        return take_claim(n, now, &upload->claim, in, len, result);
    return take_descriptor(n, now, &upload->descriptor, in, len, result);
}

enum smx_err smx_names_purge(struct smx_names *n, struct smx_wall now)
{
    const struct smx_wall released = {now.s - n->grace_s + 1}, lapsed = {now.s - 2 * (int64_t)n->grace_s + 1};
    enum smx_err err = n->store->name_purge(n->store, released, lapsed);

    if (err == SMX_OK)
        err = n->store->desc_purge(n->store, now);
    return err == SMX_OK ? smx_names_recount(n) : err;
}

struct collect {
    const struct smx_names *names;
    struct smx_wall now;
    struct smx_batch *batch;
};

static enum smx_err collect_name(void *arg, const struct smx_store_name *row)
{
    const struct collect *c = arg;

    return is_held(c->names, row, c->now) ? smx_batch_add_name(c->batch, row->name, row->key) : SMX_OK;
}

static enum smx_err collect_desc(void *arg, const struct smx_store_desc *row)
{
    const struct collect *c = arg;

    return row->expires.s > c->now.s ? smx_batch_add_descriptor(c->batch, row->bytes, row->len) : SMX_OK;
}

enum smx_err smx_names_collect(struct smx_names *n, struct smx_wall now, struct smx_batch *b)
{
    struct collect c = {n, now, b};
    enum smx_err err = n->store->name_each(n->store, collect_name, &c);

    return err == SMX_OK ? n->store->desc_each(n->store, collect_desc, &c) : err;
}
