/* HTTP in front of the core, and the timer behind it.
 *
 *   GET  /consensus     the signed consensus
 *   GET  /batch         the last batch, whole
 *   POST /descriptor    a relay's descriptor
 *   POST /claims        an end relay's round of uploads
 *
 * What is refused gets a 4xx or 5xx and one line of text; nothing of it is logged, only counted. */
#include "directory/daemon/daemon.h"
#include "proto/host/log.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum {
    CONNS = 256,
    TIMEOUT_S = 20,
    RETRY_S = 1, /* after the store has failed */
    LOOK_S = 10, /* at least so often: the wall clock may be set */
};

#define BINARY "application/octet-stream"

/* A document as it goes out: it stays as long as a slow reader still has it, however many these are. */
struct shared {
    size_t refs, len;
    uint8_t bytes[];
};

struct server {
    struct smx_loop *loop;
    struct smx_directory *directory;
    struct smx_store *store;
    struct smx_http_server *http;
    struct smx_timer *timer;
    struct shared *consensus, *batch; /* NULL: none yet */
    uint64_t consensuses, batches;    /* that these are of, and the log has told of */
    bool clock_behind;                /* the log has told that, too */
};

_Static_assert((size_t)SMX_ROUND_MAX > (size_t)SMX_RELAYDESC_MAX, "the larger body is the limit");

static void answer_text(struct smx_http_reply *reply, int status, const char *text)
{
    char line[256];
    size_t len = strlen(text);

    if (len > sizeof line - 1)
        len = sizeof line - 1;
    memcpy(line, text, len);
    line[len] = '\n';
    smx_http_answer(reply, status, "text/plain", line, len + 1);
}

static void let_go(void *arg)
{
    struct shared *s = arg;

    if (s && --s->refs == 0)
        free(s);
}

/* Replaces *held by a copy; out of memory: the old one stays, and the next call tries again. */
static bool take_up(struct shared **held, struct smx_bytes document)
{
    struct shared *new = document.at ? malloc(sizeof *new + document.len) : NULL;

    if (!new)
        return false;
    *new = (struct shared){.refs = 1, .len = document.len};
    memcpy(new->bytes, document.at, document.len);
    let_go(*held);
    *held = new;
    return true;
}

static void answer_document(struct smx_http_reply *reply, struct shared *document)
{
    if (!document) {
        answer_text(reply, 503, "none yet, try again in a few seconds");
        return;
    }
    document->refs++;
    smx_http_answer_borrowed(reply, 200, BINARY, document->bytes, document->len, let_go, document);
}

static void get_consensus(void *arg, const struct smx_http_request *req, struct smx_http_reply *reply)
{
    const struct server *s = arg;

    (void)req;
    answer_document(reply, s->consensus);
}

static void get_batch(void *arg, const struct smx_http_request *req, struct smx_http_reply *reply)
{
    const struct server *s = arg;

    (void)req;
    answer_document(reply, s->batch);
}

/* Arms the timer for what the core has to do next. */
static void arm(struct server *s)
{
    struct smx_wall now = smx_loop_wall();
    int64_t wait = smx_directory_deadline(s->directory, now).s - now.s;

    if (wait < RETRY_S)
        wait = RETRY_S;
    if (wait > LOOK_S)
        wait = LOOK_S;
    smx_timer_arm(s->timer, smx_loop_now() + SMX_SECOND((uint64_t)wait));
}

static int status_of(enum smx_err err)
{
    switch (err) {
    case SMX_OK:
        return 200;
    case SMX_E_AUTH:
    case SMX_E_REFUSED:
        return 403;
    case SMX_E_LATE:
    case SMX_E_REPLAY:
        return 409;
    case SMX_E_FULL:
    case SMX_E_IO:
    case SMX_E_MEMORY:
        return 503;
    case SMX_E_MALFORMED:
    case SMX_E_STATE:
    case SMX_E_ABSENT:
        return 400;
    }
    return 500;
}

static void tell_fault(struct server *s, enum smx_err err)
{
    if (err == SMX_E_IO)
        smx_log_error("store: %s", s->store->fault(s->store));
    else if (err == SMX_E_MEMORY)
        smx_log_error("out of memory");
}

static void post_descriptor(void *arg, const struct smx_http_request *req, struct smx_http_reply *reply)
{
    struct server *s = arg;
    const char *why = NULL;
    size_t len;
    const uint8_t *body = smx_http_body(req, &len);
    enum smx_err err = smx_directory_relay(s->directory, smx_loop_wall(), body, len, &why);

    tell_fault(s, err);
    answer_text(reply, status_of(err), why ? why : "accepted");
    arm(s);
}

static void post_claims(void *arg, const struct smx_http_request *req, struct smx_http_reply *reply)
{
    struct server *s = arg;
    uint8_t out[SMX_ROUND_REPLY_MAX];
    size_t len, out_len;
    const uint8_t *body = smx_http_body(req, &len);
    enum smx_err err = smx_directory_round(s->directory, smx_loop_wall(), body, len, out, &out_len);

    tell_fault(s, err);
    if (err == SMX_OK)
        smx_http_answer(reply, 200, BINARY, out, out_len);
    else
        answer_text(reply, status_of(err),
                    err == SMX_E_MALFORMED
                        ? "not a round of uploads"
                        : "the directory's store has failed; nothing of this round counts");
}

static const struct smx_http_route routes[] = {
    {SMX_HTTP_GET, "/consensus", get_consensus},
    {SMX_HTTP_GET, "/batch", get_batch},
    {SMX_HTTP_POST, "/descriptor", post_descriptor},
    {SMX_HTTP_POST, "/claims", post_claims},
};

static void look_at_clock(struct server *s)
{
    int64_t behind = smx_directory_newest(s->directory).s - smx_loop_wall().s;

    if (behind > 0 && !s->clock_behind)
        smx_log_warn("the clock is %lld s behind our last document: nothing new until it has caught up",
                     (long long)behind);
    s->clock_behind = behind > 0;
}

static void on_timer(void *arg, smx_time now)
{
    struct server *s = arg;
    const struct smx_directory_counters *counters = smx_directory_counters(s->directory);

    (void)now;
    look_at_clock(s);
    tell_fault(s, smx_directory_expire(s->directory, smx_loop_wall()));
    if (counters->batches != s->batches && take_up(&s->batch, smx_directory_batch(s->directory)))
        s->batches = counters->batches;
    if ((counters->consensuses != s->consensuses || !s->consensus) &&
        take_up(&s->consensus, smx_directory_consensus(s->directory)) &&
        counters->consensuses != s->consensuses) {
        s->consensuses = counters->consensuses;
        smx_log_info(
            "new consensus: %llu relays known, %llu claims and descriptors accepted so far, %llu refused",
            (unsigned long long)counters->relays, (unsigned long long)counters->uploads,
            (unsigned long long)counters->uploads_refused);
    }
    arm(s);
}

struct server *serve_start(struct smx_loop *loop, struct smx_directory *directory, struct smx_store *store,
                           const struct smx_addr *listen)
{
    static const struct smx_http_limits limits = {
        .conns_max = CONNS, .body_max = SMX_ROUND_MAX, .timeout_s = TIMEOUT_S};
    struct server *s = calloc(1, sizeof *s);
    char text[SMX_ADDR_TEXT];

    if (!s) {
        smx_log_error("out of memory");
        return NULL;
    }
    *s = (struct server){.loop = loop, .directory = directory, .store = store};
    s->timer = smx_timer_new(loop, on_timer, s);
    if (!s->timer || smx_http_listen(&s->http, loop, listen, &limits, routes,
                                     sizeof routes / sizeof routes[0], s) != SMX_OK) {
        smx_addr_format(listen, text);
        smx_log_error("listen on TCP %s: %s", text, strerror(errno));
        serve_stop(s);
        return NULL;
    }
    on_timer(s, smx_loop_now()); /* so that there is something to serve from the first request on */
    return s;
}

void serve_stop(struct server *s)
{
    if (!s)
        return;
    smx_http_server_free(s->http); /* gives back what is under way */
    let_go(s->consensus);
    let_go(s->batch);
    smx_timer_free(s->timer);
    free(s);
}
