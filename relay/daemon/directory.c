/* The relay and its directory: four jobs, each with a time, a request under way or none, and its own
 * back-off.
 *
 *   CONSENSUS   at start, then POLL times an epoch until the next one is there
 *   DESCRIPTOR  when the epoch (so the onion keys) is new to us, and twice an epoch
 *   ROUND       end relays: what clients sent up, once a batch interval, whether there is anything or not
 *   BATCH       end relays: once a batch interval
 *
 * Nothing is ever fetched or sent because somebody asked: an authority sees relays and clocks. */
#include "relay/daemon/daemon.h"

#include "proto/base/version.h"
#include "proto/doc/round.h"
#include "proto/host/http.h"
#include "proto/host/log.h"

#include <sodium.h>
#include <stdlib.h>
#include <string.h>

enum job { CONSENSUS, DESCRIPTOR, ROUND, BATCH, JOBS };
enum { FIRST_WAIT_MS = 2000, LAST_WAIT_MS = 60000, TIMEOUT_MS = 20000, POLLS = 60 };
enum { ANSWER_SHOWN = 160 }; /* letters of a directory's answer in our log */

struct request {
    struct directory_job *all;
    enum job job;
    smx_time next;
    unsigned failures;
    struct smx_http_fetch *fetch;
};

struct directory_job {
    struct relay_daemon *d;
    struct smx_timer *timer;
    struct request request[JOBS];
    size_t authority; /* asked at present */
    uint64_t descriptor_epoch;
    uint32_t handles[SMX_ROUND_COUNT]; /* of the round under way */
    size_t handle_count;
    bool has_batch;
    struct smx_batch_header batch; /* the newest taken */
};

static const struct smx_params *params_of(struct relay_daemon *d)
{
    const struct smx_consensus *c = smx_relay_current(d->relay);

    return c ? &c->params : NULL;
}

static void arm(struct directory_job *j)
{
    smx_time next = SMX_NEVER;

    for (size_t i = 0; i < JOBS; i++)
        if (!j->request[i].fetch)
            next = smx_time_min(next, j->request[i].next);
    smx_timer_arm(j->timer, next);
}

/* Next time after a success: in `interval` from now, give or take a tenth. */
static void again_in(struct request *r, smx_time interval)
{
    r->failures = 0;
    r->next = smx_loop_now() + interval - interval / 10 + smx_rng_u64(&r->all->d->rng) % (interval / 5 + 1);
}

static void back_off(struct request *r)
{
    smx_time wait = SMX_MS(FIRST_WAIT_MS);

    for (unsigned i = 0; i < r->failures && wait < SMX_MS(LAST_WAIT_MS); i++)
        wait *= 2;
    if (wait > SMX_MS(LAST_WAIT_MS))
        wait = SMX_MS(LAST_WAIT_MS);
    r->failures++;
    r->all->authority = (r->all->authority + 1) % r->all->d->network.authority_count;
    r->next = smx_loop_now() + wait / 2 + smx_rng_u64(&r->all->d->rng) % wait;
}

/* Says why a request failed.  A directory answers refusals by a line of text, which is shown as far as it is
 * plain: whoever stands between could write anything. */
static void failed(const struct request *r, const char *what, int status, const uint8_t *body, size_t len)
{
    char text[ANSWER_SHOWN + 1];
    size_t n = 0;

    if (status == 0) {
        smx_log_warn("directory: no answer for %s (try %u): is it running, and its address right?", what,
                     r->failures + 1);
        return;
    }
    while (n < len && n < ANSWER_SHOWN && body[n] >= ' ' && body[n] <= '~') {
        text[n] = (char)body[n];
        n++;
    }
    text[n] = 0;
    smx_log_warn("directory: answered %d for %s%s%s", status, what, n ? ": " : "", text);
}

/* Nothing there yet: the network is still being born, and will be asked again. */
static bool is_none_yet(int status)
{
    return status == 404 || status == 503;
}

static bool ask(struct request *r, const char *path, const void *body, size_t len, size_t answer_max,
                smx_http_done_fn *done)
{
    struct relay_daemon *d = r->all->d;
    struct smx_http_ask ask = {.to = d->network.authority[r->all->authority].http,
                               .path = path,
                               .type = body ? "application/octet-stream" : NULL,
                               .body = body,
                               .body_len = len,
                               .answer_max = answer_max,
                               .timeout_ms = TIMEOUT_MS};

    r->fetch = smx_http_fetch(d->loop, &ask, done, r);
    if (!r->fetch)
        back_off(r);
    return r->fetch != NULL;
}

/* ---- consensus ---- */

static enum smx_err take_consensus(struct relay_daemon *d, const uint8_t *body, size_t len, bool *is_new)
{
    const struct smx_consensus *held = smx_relay_current(d->relay);
    struct smx_consensus c;
    uint8_t *copy;
    enum smx_err err = smx_consensus_open(&c, &d->network, body, len);

    *is_new = false;
    if (err != SMX_OK)
        return err;
    err = smx_consensus_check(&c, held, smx_loop_wall());
    *is_new = err == SMX_OK && (!held || memcmp(held->hash, c.hash, sizeof c.hash) != 0);
    if (!*is_new) {
        smx_consensus_free(&c);
        return err;
    }
    copy = malloc(len);
    if (!copy) {
        smx_consensus_free(&c);
        return SMX_E_MEMORY;
    }
    memcpy(copy, body, len);
    err = smx_relay_consensus(d->relay, smx_loop_now(), &c, copy, len);
    relay_arm(d);
    return err;
}

static void told(enum smx_err err)
{
    switch (err) {
    case SMX_E_LATE:
        smx_log_warn("directory: its consensus has expired, or this machine's clock is fast");
        break;
    case SMX_E_STATE:
        smx_log_warn("directory: its consensus is not valid yet: is this machine's clock slow?");
        break;
    case SMX_E_AUTH:
        smx_log_warn(
            "directory: refused a consensus without enough signatures of this network's authorities");
        break;
    case SMX_E_REPLAY:
        smx_log_warn("directory: refused a consensus older than the one held");
        break;
    case SMX_E_REFUSED:
        smx_log_warn("directory: it has signed two different consensuses for one time");
        break;
    default:
        smx_log_warn("directory: refused a consensus: %s", smx_err_text(err));
    }
}

static void on_consensus(void *arg, int status, const uint8_t *body, size_t len)
{
    struct request *r = arg;
    struct directory_job *j = r->all;
    bool is_new;
    enum smx_err err;

    r->fetch = NULL;
    if (status != 200) {
        if (!is_none_yet(status))
            failed(r, "the consensus", status, body, len);
        else if (j->request[DESCRIPTOR].next == SMX_NEVER) /* maybe it waits for relays */
            j->request[DESCRIPTOR].next = smx_loop_now() + SMX_MS(FIRST_WAIT_MS);
        back_off(r);
        arm(j);
        return;
    }
    err = take_consensus(j->d, body, len, &is_new);
    if (is_new) {
        smx_keep(j->d->keep, KEPT_CONSENSUS, body, len);
        smx_log_info("consensus of %zu relays%s", smx_relay_current(j->d->relay)->relay_count,
                     err == SMX_E_ABSENT ? "; this relay is not in it yet" : "");
    }
    if (err != SMX_OK && err != SMX_E_ABSENT) {
        told(err);
        back_off(r);
    } else if (err == SMX_E_ABSENT) {
        again_in(r, SMX_MS(FIRST_WAIT_MS));
    } else {
        again_in(r, SMX_SECOND(params_of(j->d)->epoch_s) / POLLS);
    }
    if (is_new && j->request[DESCRIPTOR].next > smx_loop_now() + SMX_MS(FIRST_WAIT_MS) &&
        smx_relay_current(j->d->relay)->epoch + 1 != j->descriptor_epoch)
        j->request[DESCRIPTOR].next = smx_loop_now();
    for (size_t i = ROUND; is_new && smx_relay_is_end(j->d->relay) && i <= BATCH; i++)
        if (j->request[i].next == SMX_NEVER)
            j->request[i].next = smx_loop_now();
    arm(j);
}

/* ---- descriptor ---- */

static void on_descriptor(void *arg, int status, const uint8_t *body, size_t len)
{
    struct request *r = arg;
    const struct smx_params *p = params_of(r->all->d);

    r->fetch = NULL;
    if (status == 200) {
        again_in(r, SMX_SECOND(p ? p->epoch_s : 60) / 2);
    } else {
        failed(r, "our descriptor", status, body, len);
        back_off(r);
    }
    arm(r->all);
}

static void keep_onion(struct relay_daemon *d)
{
    uint8_t bytes[SMX_RELAY_ONION_STATE];

    smx_keep(d->keep, KEPT_ONION, bytes, smx_relay_onion_save(d->relay, bytes));
    sodium_memzero(bytes, sizeof bytes);
}

static void send_descriptor(struct request *r)
{
    struct relay_daemon *d = r->all->d;
    const struct smx_params *p = params_of(d);
    struct smx_relaydesc desc = {.role = SMX_ROLE_RELAY, .published = smx_loop_wall(), .onion_count = 2};
    struct smx_params preset;
    const struct smx_config_addrs *addrs =
        d->config.advertise.count ? &d->config.advertise : &d->config.listen;
    uint64_t epoch;
    uint8_t *envelope;
    size_t len;

    if (!p) {
        smx_params_preset(&preset);
        p = &preset;
    }
    epoch = (uint64_t)desc.published.s / p->epoch_s;
    memcpy(desc.network, d->network.id, sizeof desc.network);
    memcpy(desc.id, d->key->identity_public, sizeof desc.id);
    memcpy(desc.link_key, d->key->link.public, sizeof desc.link_key);
    for (size_t i = 0; i < 2; i++) {
        desc.onion[i].epoch = epoch + i;
        if (smx_relay_onion_key(d->relay, epoch + i, desc.onion[i].key) != SMX_OK) {
            smx_log_warn("this machine's clock was set back: no onion keys for the past");
            back_off(r);
            return;
        }
    }
    for (size_t i = 0; i < addrs->count; i++)
        desc.addr[desc.addr_count++] = addrs->at[i];
    strncpy(desc.software, SMX_VERSION, sizeof desc.software - 1);
    desc.report_count = smx_relay_link_reports(d->relay, desc.report, SMX_RELAYDESC_REPORTS);
    if (smx_relaydesc_encode(&envelope, &len, &desc, d->key->identity_secret) != SMX_OK) {
        back_off(r);
        return;
    }
    if (r->all->descriptor_epoch != epoch + 1)
        keep_onion(d);
    r->all->descriptor_epoch = epoch + 1;
    (void)ask(r, "/descriptor", envelope, len, 4096, on_descriptor);
    free(envelope);
}

/* ---- rounds and batches ---- */

static smx_time batch_interval(struct relay_daemon *d)
{
    return SMX_SECOND(params_of(d)->batch_s);
}

static void on_round(void *arg, int status, const uint8_t *body, size_t len)
{
    struct request *r = arg;
    struct directory_job *j = r->all;
    uint8_t result[SMX_ROUND_COUNT];

    r->fetch = NULL;
    if (status == 200 && smx_round_reply_decode(result, j->handle_count, body, len) == SMX_OK) {
        for (size_t i = 0; i < j->handle_count; i++)
            smx_relay_upload_result(j->d->relay, j->handles[i], result[i]);
        again_in(r, batch_interval(j->d));
    } else {
        failed(r, "a round of uploads", status, body, len);
        back_off(r);
    }
    arm(j);
}

static void send_round(struct request *r)
{
    struct directory_job *j = r->all;
    struct smx_relay_upload *uploads = calloc(SMX_ROUND_COUNT, sizeof *uploads);
    struct smx_round_item item[SMX_ROUND_COUNT];
    uint8_t *round = malloc(SMX_ROUND_MAX);

    if (!uploads || !round) {
        back_off(r);
    } else {
        j->handle_count = smx_relay_uploads(j->d->relay, uploads, SMX_ROUND_COUNT);
        for (size_t i = 0; i < j->handle_count; i++) {
            j->handles[i] = uploads[i].handle;
            item[i] = (struct smx_round_item){.at = uploads[i].bytes, .len = (uint16_t)uploads[i].len};
        }
        (void)ask(r, "/claims", round, smx_round_encode(round, item, j->handle_count), SMX_ROUND_REPLY_MAX,
                  on_round);
    }
    free(uploads);
    free(round);
}

static void on_batch(void *arg, int status, const uint8_t *body, size_t len)
{
    struct request *r = arg;
    struct relay_daemon *d = r->all->d;
    struct smx_batch *batch;
    enum smx_err err;

    r->fetch = NULL;
    if (status != 200) {
        if (!is_none_yet(status))
            failed(r, "the batch", status, body, len);
        back_off(r);
        arm(r->all);
        return;
    }
    err = smx_batch_decode(&batch, &d->network, body, len);
    if (err == SMX_OK) {
        struct directory_job *j = r->all;

        err = smx_batch_check(smx_batch_head(batch), params_of(d), j->has_batch ? &j->batch : NULL,
                              smx_loop_wall());
        if (err == SMX_OK) {
            j->has_batch = true;
            j->batch = *smx_batch_head(batch);
            smx_relay_batch(d->relay, batch);
        } else {
            smx_batch_free(batch);
        }
    }
    if (err == SMX_OK) {
        again_in(r, batch_interval(d));
    } else {
        smx_log_warn("directory: refused a batch: %s",
                     err == SMX_E_REFUSED ? "it has signed two different ones under one number"
                                          : smx_err_text(err));
        back_off(r);
    }
    arm(r->all);
}

/* ---- the jobs ---- */

static void run(void *arg, smx_time now)
{
    struct directory_job *j = arg;

    for (size_t i = 0; i < JOBS; i++) {
        struct request *r = &j->request[i];

        if (r->fetch || now < r->next)
            continue;
        r->next = SMX_NEVER; /* until the answer says when again */
        switch (r->job) {
        case CONSENSUS:
            (void)ask(r, "/consensus", NULL, 0, SMX_CONSENSUS_MAX, on_consensus);
            break;
        case DESCRIPTOR:
            send_descriptor(r);
            break;
        case ROUND:
            send_round(r);
            break;
        case BATCH:
            (void)ask(r, "/batch", NULL, 0, SMX_BATCH_MAX, on_batch);
            break;
        case JOBS:
            break;
        }
    }
    arm(j);
}

/* What can't be used any more is no reason not to start: there is a newer consensus, and there will be newer
 * keys. */
static void load_kept(struct relay_daemon *d)
{
    enum smx_err err;
    size_t len;
    bool is_new;
    uint8_t *bytes = smx_keep_load(&d->state, kept_names[KEPT_ONION], SMX_RELAY_ONION_STATE, &len, &err);

    if (bytes) {
        err = smx_relay_onion_load(d->relay, bytes, len);
        sodium_memzero(bytes, len);
        free(bytes);
    }
    if (err != SMX_OK)
        smx_log_warn("state folder: onion: %s", smx_err_text(err));
    bytes = smx_keep_load(&d->state, kept_names[KEPT_CONSENSUS], SMX_CONSENSUS_MAX, &len, &err);
    if (bytes)
        err = take_consensus(d, bytes, len, &is_new);
    free(bytes);
    if (err != SMX_OK && err != SMX_E_ABSENT)
        smx_log_info("state folder: consensus: %s", smx_err_text(err));
}

struct directory_job *directory_start(struct relay_daemon *d)
{
    struct directory_job *j = calloc(1, sizeof *j);
    smx_time now = smx_loop_now();

    if (!j)
        return NULL;
    j->d = d;
    j->timer = smx_timer_new(d->loop, run, j);
    if (!j->timer) {
        free(j);
        return NULL;
    }
    load_kept(d);
    for (size_t i = 0; i < JOBS; i++)
        j->request[i] = (struct request){.all = j, .job = (enum job)i, .next = SMX_NEVER};
    j->request[CONSENSUS].next = now;
    /* A consensus says how long an epoch is, and so which one our onion keys are for; who has none yet is
     * asked first. */
    if (params_of(d))
        j->request[DESCRIPTOR].next = now + SMX_MS(500);
    arm(j);
    return j;
}

void directory_stop(struct directory_job *j)
{
    if (!j)
        return;
    for (size_t i = 0; i < JOBS; i++)
        if (j->request[i].fetch)
            smx_http_cancel(j->request[i].fetch);
    smx_timer_free(j->timer);
    free(j);
}
