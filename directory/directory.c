#include "directory/directory.h"
#include "directory/names.h"
#include "directory/nearness.h"
#include "directory/rates.h"
#include "directory/relays.h"
#include "directory/work.h"
#include "proto/base/bytes.h"

#include <assert.h>
#include <sodium.h>
#include <stdlib.h>
#include <string.h>

struct smx_directory {
    struct smx_directory_config config; /* secret: ours, sodium_malloc */
    uint8_t *secret;
    struct smx_store *store;
    struct smx_names names;
    struct smx_dir_relays relays;

    struct smx_consensus current; /* the last one, maybe empty */
    uint8_t *consensus;           /* its envelope, or NULL */
    size_t consensus_len;
    bool changed; /* relays differ from current */
    struct smx_wall changed_at;

    uint64_t batch_number; /* of the last one ever made */
    uint8_t work;          /* that it asks for */
    struct smx_wall batch_time;
    uint8_t *batch; /* the file, or NULL */
    size_t batch_len;

    struct smx_directory_counters counters;
};

static enum smx_err store_blob(struct smx_directory *d, enum smx_store_blob which, const uint8_t *at,
                               size_t len)
{
    enum smx_err err = d->store->begin(d->store);

    if (err != SMX_OK)
        return err;
    err = d->store->blob_put(d->store, which, at, len);
    if (err == SMX_OK)
        return d->store->commit(d->store);
    d->store->undo(d->store);
    return err;
}

/* ---- taking up what the store holds ---- */

struct take_up {
    struct smx_directory *d;
    struct smx_wall now;
};

static enum smx_err take_up_relay(void *arg, const struct smx_store_relay *row)
{
    struct take_up *t = arg;
    struct smx_dir_relay relay = {.layer = row->layer, .seen = row->seen};
    enum smx_err err;

    if (!smx_dir_relay_is_listed(&relay, &t->d->config.params, t->now))
        return SMX_OK; /* the store remembers its layer */
    if (row->layer > SMX_LAYER_EXIT || smx_relaydesc_decode(&relay.desc, row->at, row->len) != SMX_OK)
        return SMX_E_MALFORMED;
    err = smx_dir_relays_put(&t->d->relays, &relay);
    return err == SMX_E_FULL ? SMX_OK : err; /* the configuration allows fewer than before */
}

static enum smx_err take_up_network(struct smx_directory *d)
{
    uint8_t *id;
    size_t len;
    enum smx_err err = d->store->blob_get(d->store, SMX_STORE_NETWORK, &id, &len);

    if (err == SMX_E_ABSENT)
        return store_blob(d, SMX_STORE_NETWORK, d->config.network.id, SMX_DOC_HASH);
    if (err != SMX_OK)
        return err;
    if (len != SMX_DOC_HASH || memcmp(id, d->config.network.id, len) != 0)
        err = SMX_E_REFUSED;
    free(id);
    return err;
}

static enum smx_err take_up_documents(struct smx_directory *d)
{
    uint8_t *bytes;
    size_t len;
    enum smx_err err = d->store->blob_get(d->store, SMX_STORE_CONSENSUS, &d->consensus, &d->consensus_len);

    if (err == SMX_OK)
        err = smx_consensus_open(&d->current, &d->config.network, d->consensus, d->consensus_len);
    if (err != SMX_OK && err != SMX_E_ABSENT)
        return err == SMX_E_AUTH ? SMX_E_MALFORMED : err;
    err = d->store->blob_get(d->store, SMX_STORE_BATCH, &bytes, &len);
    if (err == SMX_OK) {
        struct smx_rd r = {bytes, len, false};

        d->batch_number = smx_rd_u64(&r);
        d->work = smx_rd_u8(&r);
        err = smx_rd_done(&r) ? SMX_OK : SMX_E_MALFORMED;
        free(bytes);
    }
    return err == SMX_E_ABSENT ? SMX_OK : err;
}

enum smx_err smx_directory_new(struct smx_directory **out, const struct smx_directory_config *config,
                               struct smx_store *store, struct smx_wall now)
{
    struct smx_directory *d = calloc(1, sizeof *d);
    struct take_up t = {d, now};
    enum smx_err err = SMX_E_MEMORY;

    assert(config->uploads_busy > 0);
    *out = NULL;
    if (!d)
        return err;
    d->config = *config;
    d->store = store;
    d->secret = sodium_malloc(SMX_DOC_SECRET);
    if (!d->secret)
        goto fail;
    memcpy(d->secret, config->secret, SMX_DOC_SECRET);
    d->config.secret = d->secret;
    smx_network_seal(&d->config.network);
    err = smx_dir_relays_new(&d->relays, config->relays_max);
    if (err == SMX_OK)
        err = take_up_network(d);
    if (err == SMX_OK)
        err = take_up_documents(d);
    if (err == SMX_OK)
        err = store->relay_each(store, take_up_relay, &t);
    if (err == SMX_OK)
        err = smx_names_init(&d->names, store, d->config.network.id, &config->params, config->names_max,
                             config->descs_max);
    if (err != SMX_OK)
        goto fail;
    d->work = smx_work_next((uint8_t)config->params.claim_work_bits, d->work, config->uploads_busy,
                            config->uploads_busy); /* as kept, but within the parameters */
    d->names.work = d->work;
    d->counters.relays = d->relays.count;
    *out = d;
    return SMX_OK;
fail:
    smx_directory_free(d);
    return err;
}

void smx_directory_free(struct smx_directory *d)
{
    if (!d)
        return;
    smx_consensus_free(&d->current);
    smx_dir_relays_free(&d->relays);
    free(d->consensus);
    free(d->batch);
    sodium_free(d->secret); /* wipes */
    free(d);
}

/* ---- relays ---- */

/* Whether the consensus in force would lead clients astray about this relay: it doesn't have it, or has
 * another place or key.  The next epoch's onion key can wait for the next consensus. */
static bool is_news(const struct smx_directory *d, const struct smx_relaydesc *desc)
{
    size_t at = smx_consensus_find(&d->current, desc->id);
    const struct smx_relay_info *had = at == SMX_RELAY_NONE ? NULL : &d->current.relay[at];

    if (!had || !(had->flags & SMX_RELAY_RUNNING) || had->addr_count != desc->addr_count ||
        memcmp(had->link_key, desc->link_key, sizeof had->link_key) != 0)
        return true;
    for (size_t i = 0; i < desc->addr_count; i++)
        if (!smx_addr_equal(&had->addr[i], &desc->addr[i]))
            return true;
    for (size_t i = 0; i < desc->onion_count; i++) {
        const struct smx_onion_key *key = smx_relay_onion(had, desc->onion[i].epoch);

        if (desc->onion[i].epoch == d->current.epoch &&
            (!key || memcmp(key->key, desc->onion[i].key, sizeof key->key) != 0))
            return true;
    }
    return false;
}

/* The layer it has, or had once, or gets now. */
static enum smx_err find_layer(struct smx_directory *d, const struct smx_relaydesc *desc, uint8_t *layer)
{
    const struct smx_dir_relay *known = smx_dir_relays_find(&d->relays, desc->id);
    enum smx_err err;

    if (known) {
        *layer = known->layer;
        return SMX_OK;
    }
    err = d->store->relay_layer(d->store, desc->id, layer);
    if (err == SMX_OK && (*layer == SMX_LAYER_EXIT) == (desc->role == SMX_ROLE_EXIT))
        return SMX_OK;
    if (err != SMX_OK && err != SMX_E_ABSENT)
        return err;
    *layer = (uint8_t)smx_dir_relays_layer(&d->relays, &d->config.params, desc->role);
    return SMX_OK;
}

static enum smx_err keep_relay(struct smx_directory *d, struct smx_wall now, struct smx_dir_relay *relay,
                               const uint8_t *in, size_t len)
{
    struct smx_store_relay row = {.seen = now, .at = in, .len = len};
    enum smx_err err = find_layer(d, &relay->desc, &relay->layer);

    if (err == SMX_OK)
        err = d->store->begin(d->store);
    if (err != SMX_OK)
        return err;
    memcpy(row.id, relay->desc.id, sizeof row.id);
    row.layer = relay->layer;
    err = d->store->relay_put(d->store, &row);
    if (err == SMX_OK)
        err = d->store->commit(d->store);
    else
        d->store->undo(d->store);
    return err == SMX_OK ? smx_dir_relays_put(&d->relays, relay) : err;
}

enum smx_err smx_directory_relay(struct smx_directory *d, struct smx_wall now, const uint8_t *in, size_t len,
                                 const char **why)
{
    struct smx_dir_relay relay = {.seen = now};
    enum smx_err err = smx_relaydesc_decode(&relay.desc, in, len);

    *why = err == SMX_E_AUTH ? "the signature is wrong" : "not a relay descriptor";
    if (err == SMX_OK)
        err = smx_dir_relays_judge(&d->relays, &relay.desc, &d->config.network, &d->config.params, now, why);
    if (err == SMX_OK) {
        *why = "the directory's store has failed";
        err = keep_relay(d, now, &relay, in, len);
    }
    if (err != SMX_OK) {
        d->counters.descriptors_refused++;
        return err;
    }
    *why = NULL;
    d->counters.descriptors++;
    d->counters.relays = d->relays.count;
    if (!d->changed && is_news(d, &relay.desc)) {
        d->changed = true;
        d->changed_at = now;
    }
    return SMX_OK;
}

/* ---- uploads ---- */

/* All in one transaction, which begins with the first upload that is worth one. */
static enum smx_err take_round(struct smx_directory *d, struct smx_wall now,
                               const struct smx_round_item *item, size_t count, uint8_t *result,
                               size_t *accepted)
{
    enum smx_err err = SMX_OK;
    bool begun = false;

    for (size_t i = 0; i < count && err == SMX_OK; i++) {
        struct smx_upload upload;
        enum smx_upload_result got = smx_names_look(&d->names, item[i].at, item[i].len, &upload);

        if (got == SMX_UPLOAD_ACCEPTED && !begun) {
            err = d->store->begin(d->store);
            if (err != SMX_OK)
                return err;
            begun = true;
        }
        if (got == SMX_UPLOAD_ACCEPTED)
            err = smx_names_take(&d->names, now, &upload, item[i].at, item[i].len, &got);
        result[i] = (uint8_t)got;
        *accepted += got == SMX_UPLOAD_ACCEPTED;
    }
    if (err == SMX_OK && begun)
        return d->store->commit(d->store);
    if (begun)
        d->store->undo(d->store);
    return err;
}

enum smx_err smx_directory_round(struct smx_directory *d, struct smx_wall now, const uint8_t *in, size_t len,
                                 uint8_t reply[SMX_ROUND_REPLY_MAX], size_t *reply_len)
{
    struct smx_round_item item[SMX_ROUND_COUNT];
    uint8_t result[SMX_ROUND_COUNT];
    size_t count, accepted = 0;
    enum smx_err err = smx_round_decode(item, &count, in, len);

    if (err != SMX_OK) {
        d->counters.rounds_refused++;
        return err;
    }
    err = take_round(d, now, item, count, result, &accepted);
    if (err != SMX_OK) {
        /* The counts ran ahead of what is stored.  If the store can't even count, they stay too high, which
         * only makes it full earlier. */
        (void)!smx_names_recount(&d->names);
        return err;
    }
    d->counters.uploads += accepted;
    d->counters.uploads_refused += count - accepted;
    *reply_len = smx_round_reply_encode(reply, result, count);
    return SMX_OK;
}

/* ---- consensus ---- */

static void fill_relay(const struct smx_directory *d, struct smx_relay_info *info,
                       const struct smx_dir_relay *r, struct smx_wall now, uint64_t epoch)
{
    memcpy(info->id, r->desc.id, sizeof info->id);
    memcpy(info->link_key, r->desc.link_key, sizeof info->link_key);
    memcpy(info->onion, r->desc.onion, sizeof info->onion);
    memcpy(info->addr, r->desc.addr, sizeof info->addr);
    info->onion_count = (uint8_t)r->desc.onion_count;
    info->addr_count = (uint8_t)r->desc.addr_count;
    info->layer = r->layer;
    if (smx_dir_relay_is_fresh(r, &d->config.params, now) && smx_relay_onion(info, epoch))
        info->flags = SMX_RELAY_RUNNING;
}

/* The unsigned consensus; *c is ours to free, whatever comes. */
static enum smx_err draft(const struct smx_directory *d, struct smx_wall now, struct smx_wall valid_after,
                          struct smx_consensus *c)
{
    const struct smx_params *p = &d->config.params;
    size_t count = d->relays.count, pairs = count * count / 2;
    size_t room = pairs < SMX_CONSENSUS_LINKS ? pairs : SMX_CONSENSUS_LINKS;
    const struct smx_relaydesc **desc = calloc(count + 1, sizeof(void *)); /* + 1: never of size 0 */
    enum smx_err err = SMX_E_MEMORY;

    c->epoch = (uint64_t)valid_after.s / p->epoch_s;
    c->valid_after = valid_after;
    c->fresh_until.s = (int64_t)(c->epoch + 1) * p->epoch_s;
    c->valid_until.s = (int64_t)(c->epoch + p->consensus_valid) * p->epoch_s;
    c->params = *p;
    memcpy(c->network, d->config.network.id, sizeof c->network);
    memcpy(c->previous, d->current.hash, sizeof c->previous);
    c->relay = calloc(count + 1, sizeof *c->relay);
    c->link = calloc(room + 1, sizeof *c->link);
    if (desc && c->relay && c->link) {
        for (size_t i = 0; i < count; i++) {
            desc[i] = &d->relays.at[i]->desc;
            fill_relay(d, &c->relay[i], d->relays.at[i], now, c->epoch);
        }
        c->relay_count = count;
        smx_consensus_count_layers(c);
        err = smx_rates_fill(c, room, desc);
        if (err == SMX_OK)
            err = smx_nearness_fill(c, desc);
    }
    free(desc);
    return err;
}

static enum smx_err make_consensus(struct smx_directory *d, struct smx_wall now, struct smx_wall valid_after)
{
    struct smx_consensus c = {.relay = NULL};
    struct smx_doc_sig sig = {.signer = 0};
    uint8_t *raw = NULL, *envelope = NULL;
    size_t raw_len, len;
    enum smx_err err;

    smx_dir_relays_purge(&d->relays, &d->config.params, now);
    err = draft(d, now, valid_after, &c);
    if (err == SMX_OK)
        err = smx_consensus_encode(&c, &raw, &raw_len);
    if (err == SMX_OK) {
        smx_doc_sign(sig.sig, SMX_DOC_CONSENSUS, raw, raw_len, d->secret);
        err = smx_signed_encode(&envelope, &len, SMX_DOC_CONSENSUS, true, raw, raw_len, &sig, 1);
    }
    /* Stored before anybody sees it: after a restart there must not be another one of the same time. */
    if (err == SMX_OK)
        err = store_blob(d, SMX_STORE_CONSENSUS, envelope, len);
    free(raw);
    if (err != SMX_OK) {
        free(envelope);
        smx_consensus_free(&c);
        return err;
    }
    smx_consensus_free(&d->current);
    free(d->consensus);
    d->current = c;
    d->consensus = envelope;
    d->consensus_len = len;
    d->changed = false;
    d->counters.consensuses++;
    d->counters.relays = d->relays.count;
    return SMX_OK;
}

/* When the next consensus is due: the start of the next epoch, or earlier. */
static int64_t consensus_due(const struct smx_directory *d, struct smx_wall now)
{
    int64_t due = d->consensus ? (int64_t)(d->current.epoch + 1) * d->config.params.epoch_s : now.s;
    int64_t early = d->changed_at.s + SMX_DIRECTORY_EARLY_S;

    if (!d->config.early || !d->changed || !d->consensus)
        return due;
    if (early <= d->current.valid_after.s) /* no two of one second */
        early = d->current.valid_after.s + 1;
    return early < due ? early : due;
}

static enum smx_err expire_consensus(struct smx_directory *d, struct smx_wall now)
{
    struct smx_wall start = {now.s / d->config.params.epoch_s * d->config.params.epoch_s};

    if (now.s < consensus_due(d, now))
        return SMX_OK;
    if (d->consensus && start.s <= d->current.valid_after.s)
        start = now;
    return make_consensus(d, now, start);
}

/* ---- batch ---- */

/* Number and work are stored first: two batches never share a number.  It is the time in seconds or more, so
 * that numbers go on even where a database was lost, and nobody who saw an earlier one is stuck. */
static enum smx_err next_number(struct smx_directory *d, struct smx_wall now)
{
    uint8_t work = smx_work_next((uint8_t)d->config.params.claim_work_bits, d->work, d->names.load,
                                 d->config.uploads_busy);
    uint64_t number = now.s > (int64_t)d->batch_number ? (uint64_t)now.s : d->batch_number + 1;
    uint8_t bytes[8 + 1];
    struct smx_wr w = {bytes, sizeof bytes};
    enum smx_err err = d->store->begin(d->store);

    if (err != SMX_OK)
        return err;
    smx_wr_u64(&w, number);
    smx_wr_u8(&w, work);
    err = smx_names_purge(&d->names, now);
    if (err == SMX_OK)
        err = d->store->blob_put(d->store, SMX_STORE_BATCH, bytes, sizeof bytes);
    if (err == SMX_OK)
        err = d->store->commit(d->store);
    else
        d->store->undo(d->store);
    if (err != SMX_OK)
        return err;
    d->batch_number = number;
    d->names.work = work < d->work ? work : d->work;
    d->names.load = 0;
    d->work = work;
    return SMX_OK;
}

static enum smx_err make_batch(struct smx_directory *d, struct smx_wall now, struct smx_wall time)
{
    struct smx_doc_sig sig = {.signer = 0};
    struct smx_batch *b = smx_batch_new(d->config.network.id);
    uint8_t *file;
    size_t len;
    enum smx_err err = b ? next_number(d, now) : SMX_E_MEMORY;

    if (err == SMX_OK)
        err = smx_names_collect(&d->names, now, b);
    if (err == SMX_OK)
        err = smx_batch_close(b, d->batch_number, time, d->work);
    if (err == SMX_OK) {
        smx_batch_sign(b, sig.sig, d->secret);
        err = smx_batch_add_signature(b, &sig);
    }
    if (err == SMX_OK)
        err = smx_batch_encode(b, &file, &len);
    smx_batch_free(b);
    if (err != SMX_OK)
        return err;
    free(d->batch);
    d->batch = file;
    d->batch_len = len;
    d->batch_time = time;
    d->counters.batches++;
    return SMX_OK;
}

static int64_t batch_due(const struct smx_directory *d, struct smx_wall now)
{
    return d->batch ? d->batch_time.s + d->config.params.batch_s : now.s;
}

static enum smx_err expire_batch(struct smx_directory *d, struct smx_wall now)
{
    struct smx_wall time = {now.s / d->config.params.batch_s * d->config.params.batch_s};

    return now.s < batch_due(d, now) ? SMX_OK : make_batch(d, now, time);
}

/* ---- time ---- */

enum smx_err smx_directory_expire(struct smx_directory *d, struct smx_wall now)
{
    enum smx_err consensus = expire_consensus(d, now), batch = expire_batch(d, now);

    return consensus != SMX_OK ? consensus : batch;
}

struct smx_wall smx_directory_deadline(const struct smx_directory *d, struct smx_wall now)
{
    int64_t consensus = consensus_due(d, now), batch = batch_due(d, now);

    return (struct smx_wall){consensus < batch ? consensus : batch};
}

struct smx_wall smx_directory_newest(const struct smx_directory *d)
{
    return d->current.valid_after.s > d->batch_time.s ? d->current.valid_after : d->batch_time;
}

struct smx_bytes smx_directory_consensus(const struct smx_directory *d)
{
    return (struct smx_bytes){d->consensus, d->consensus_len};
}

struct smx_bytes smx_directory_batch(const struct smx_directory *d)
{
    return (struct smx_bytes){d->batch, d->batch_len};
}

const struct smx_directory_counters *smx_directory_counters(const struct smx_directory *d)
{
    return &d->counters;
}
