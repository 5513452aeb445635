#include "proto/host/http.h"

#include "proto/host/loop_base.h"

#include <event2/buffer.h>
#include <event2/http.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct smx_http_fetch {
    struct evhttp_connection *evcon;
    struct event
        *end; /* the time is over, or the answer is there: evhttp's own callback is no place to free in */
    size_t answer_max;
    int status;
    struct evbuffer *answer;
    smx_http_done_fn *done;
    void *arg;
};

/* evhttp's callback; req is NULL after a failure. */
static void on_answer(struct evhttp_request *req, void *arg)
{
    struct smx_http_fetch *f = arg;
    struct evbuffer *in = req ? evhttp_request_get_input_buffer(req) : NULL;

    if (in && evbuffer_get_length(in) <= f->answer_max && evbuffer_add_buffer(f->answer, in) == 0)
        f->status = evhttp_request_get_response_code(req);
    event_active(f->end, EV_TIMEOUT, 0);
}

static void on_end(evutil_socket_t fd, short what, void *arg)
{
    struct smx_http_fetch *f = arg;
    size_t len = evbuffer_get_length(f->answer);
    const uint8_t *bytes = evbuffer_pullup(f->answer, -1);

    (void)fd;
    (void)what;
    if (len && !bytes) {
        f->status = 0;
        len = 0;
    }
    f->done(f->arg, f->status, bytes ? bytes : (const uint8_t *)"", len);
    smx_http_cancel(f);
}

static bool start(struct smx_http_fetch *f, const struct smx_http_ask *ask, const char *host)
{
    struct evhttp_request *req = evhttp_request_new(on_answer, f);
    struct evkeyvalq *headers;

    if (!req)
        return false;
    headers = evhttp_request_get_output_headers(req);
    if (evhttp_add_header(headers, "Host", host) != 0 ||
        evhttp_add_header(headers, "Connection", "close") != 0 ||
        (ask->type && (evhttp_add_header(headers, "Content-Type", ask->type) != 0 ||
                       evbuffer_add(evhttp_request_get_output_buffer(req), ask->body, ask->body_len) != 0))) {
        evhttp_request_free(req);
        return false;
    }
    /* owns req from here on, and frees it when it fails */
    return evhttp_make_request(f->evcon, req, ask->type ? EVHTTP_REQ_POST : EVHTTP_REQ_GET, ask->path) == 0;
}

struct smx_http_fetch *smx_http_fetch(struct smx_loop *loop, const struct smx_http_ask *ask,
                                      smx_http_done_fn *done, void *arg)
{
    struct smx_http_fetch *f = calloc(1, sizeof *f);
    struct timeval limit = {.tv_sec = ask->timeout_ms / 1000,
                            .tv_usec = (suseconds_t)(ask->timeout_ms % 1000) * 1000};
    char host[SMX_ADDR_TEXT], ip[SMX_ADDR_TEXT];
    size_t bracket;

    if (!f)
        return NULL;
    *f = (struct smx_http_fetch){.answer_max = ask->answer_max, .done = done, .arg = arg};
    smx_addr_format(&ask->to, host);
    bracket = *host == '[';
    /* for evhttp alone and without brackets */
    snprintf(ip, sizeof ip, "%.*s", (int)strcspn(host + bracket, bracket ? "]" : ":"), host + bracket);
    f->answer = evbuffer_new();
    f->end = evtimer_new(loop->base, on_end, f);
    f->evcon = evhttp_connection_base_new(loop->base, NULL, ip, ask->to.port);
    if (!f->answer || !f->end || !f->evcon)
        goto fail;
    evhttp_connection_set_max_headers_size(f->evcon, SMX_HTTP_HEADER_MAX);
    evhttp_connection_set_max_body_size(f->evcon, (ev_ssize_t)ask->answer_max);
    evhttp_connection_set_timeout_tv(f->evcon, &limit);
    if (event_add(f->end, &limit) != 0)
        goto fail;
    if (!start(f, ask, host))
        event_active(f->end, EV_TIMEOUT, 0); /* reported like every failure */
    return f;
fail:
    smx_http_cancel(f);
    return NULL;
}

void smx_http_cancel(struct smx_http_fetch *fetch)
{
    if (!fetch)
        return;
    if (fetch->evcon)
        evhttp_connection_free(fetch->evcon);
    if (fetch->end)
        event_free(fetch->end);
    if (fetch->answer)
        evbuffer_free(fetch->answer);
    free(fetch);
}
