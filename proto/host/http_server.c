#include "proto/host/http.h"

#include "proto/host/loop_base.h"
#include "proto/host/sock.h"

#include <arpa/inet.h>
#include <assert.h>
#include <errno.h>
#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/http.h>
#include <event2/keyvalq_struct.h>
#include <event2/listener.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>
#include <unistd.h>

enum {
    BACKLOG = 1024, /* waiting in the system: who finds no place asks again a second later */
    LIFE = 10,      /* a connection's life, in time-outs: a byte now and then doesn't hold it for ever */
    HOST_MAX = 64
};

struct conn; /* below */

struct smx_http_server {
    struct smx_loop *loop;
    struct evhttp *http;
    struct evconnlistener *listener; /* of http */
    struct smx_http_limits limits;
    const struct smx_http_route *routes;
    size_t route_count;
    void *arg;
    struct conn *conns; /* limits.conns_max of them */
    uint64_t requests;  /* connections and requests so far */
    bool freeing;
};

struct smx_http_request {
    struct evhttp_request *ev;
    const struct smx_http_route *route;
    struct evkeyvalq query;
};

struct smx_http_reply {
    struct evhttp_request *ev;
    bool answered;
};

/* --- Connections ---
 * evhttp 2.1 knows no limit of connections and no end of their life.  It asks us for each one's bufferevent,
 * before it makes the evhttp_connection; that is the argument of the bufferevent's callbacks from then on, so
 * the next event, which runs before any input, finds it there and asks to be told of its end. */

struct conn {
    struct smx_http_server *server; /* NULL: free slot */
    struct bufferevent *bev;        /* held until evhttp's connection is found, then NULL */
    int fd;                         /* known from then on */
    uint64_t last;                  /* number of its last whole request, or of its beginning */
    struct event *life;             /* at once, to find it; then at the end of its time */
};

static void conn_gone(struct conn *c)
{
    struct smx_http_server *s = c->server;

    if (c->bev)
        bufferevent_decref(c->bev);
    event_free(c->life);
    *c = (struct conn){.server = NULL};
    if (!s->freeing)
        evconnlistener_enable(s->listener);
}

static void on_closed(struct evhttp_connection *evcon, void *arg)
{
    (void)evcon;
    conn_gone(arg);
}

static void on_life(evutil_socket_t fd, short what, void *arg)
{
    struct conn *c = arg;
    struct timeval life = {.tv_sec = (time_t)c->server->limits.timeout_s * LIFE};
    void *evcon = NULL;

    (void)fd;
    (void)what;
    if (!c->bev) {
        shutdown(c->fd, SHUT_RDWR); /* evhttp reads an end, and closes */
        return;
    }
    bufferevent_getcb(c->bev, NULL, NULL, NULL, &evcon);
    if (!evcon) { /* it failed before it began */
        conn_gone(c);
        return;
    }
    c->fd = bufferevent_getfd(c->bev);
    bufferevent_decref(c->bev);
    c->bev = NULL;
    event_add(c->life, &life);
    evhttp_connection_set_closecb(evcon, on_closed, c);
}

static struct conn *free_slot(struct smx_http_server *s)
{
    for (size_t i = 0; i < s->limits.conns_max; i++)
        if (!s->conns[i].server)
            return &s->conns[i];
    return NULL;
}

/* Closes the one that has gone longest without a whole request; evhttp reads its end, and lets it go. */
static void make_room(struct smx_http_server *s)
{
    struct conn *oldest = NULL;

    for (size_t i = 0; i < s->limits.conns_max; i++) {
        struct conn *c = &s->conns[i];

        if (c->server && !c->bev && (!oldest || c->last < oldest->last))
            oldest = c;
    }
    if (oldest)
        shutdown(oldest->fd, SHUT_RDWR);
}

static struct bufferevent *new_conn(struct event_base *base, void *arg)
{
    struct smx_http_server *s = arg;
    struct bufferevent *bev = bufferevent_socket_new(base, -1, BEV_OPT_CLOSE_ON_FREE);
    struct conn *c = free_slot(s); /* there is one, or the listener would be off */
    struct event *life = c ? event_new(base, -1, 0, on_life, c) : NULL;

    if (!bev || !life) { /* evhttp then makes one of its own, not counted, or fails too */
        if (bev)
            bufferevent_free(bev);
        if (life)
            event_free(life);
        return NULL;
    }
    bufferevent_incref(bev);
    *c = (struct conn){.server = s, .bev = bev, .life = life, .last = ++s->requests};
    event_active(life, EV_TIMEOUT, 0);
    if (!free_slot(s)) {
        evconnlistener_disable(s->listener); /* until there is one */
        make_room(s);
    }
    return bev;
}

/* --- Requests --- */

/* Host must be localhost or an IP address: only a name can be made to point here by a stranger. */
static bool is_own_host(const char *host)
{
    char text[HOST_MAX];
    uint8_t ip[16];
    size_t len;

    if (!host)
        return false;
    if (*host == '[') {
        len = strcspn(++host, "]");
        if (len >= sizeof text)
            return false;
        memcpy(text, host, len);
        text[len] = 0;
        return inet_pton(AF_INET6, text, ip) == 1;
    }
    len = strcspn(host, ":");
    if (len >= sizeof text)
        return false;
    memcpy(text, host, len);
    text[len] = 0;
    return strcmp(text, "localhost") == 0 || inet_pton(AF_INET, text, ip) == 1;
}

static const struct smx_http_route *find_route(const struct smx_http_server *s, const char *path,
                                               enum smx_http_method method, bool *path_known)
{
    *path_known = false;
    for (size_t i = 0; i < s->route_count; i++) {
        if (strcmp(s->routes[i].path, path) != 0)
            continue;
        *path_known = true;
        if (s->routes[i].method == method)
            return &s->routes[i];
    }
    return NULL;
}

static void answer_text(struct smx_http_reply *reply, int status, const char *text)
{
    smx_http_answer(reply, status, "text/plain", text, strlen(text));
}

static void note_request(struct smx_http_server *s, struct evhttp_request *ev)
{
    int fd = bufferevent_getfd(evhttp_connection_get_bufferevent(evhttp_request_get_connection(ev)));

    for (size_t i = 0; i < s->limits.conns_max; i++)
        if (s->conns[i].server && !s->conns[i].bev && s->conns[i].fd == fd)
            s->conns[i].last = ++s->requests;
}

static void on_request(struct evhttp_request *ev, void *arg)
{
    struct smx_http_server *s = arg;
    const struct evhttp_uri *uri = evhttp_request_get_evhttp_uri(ev);
    const char *path = evhttp_uri_get_path(uri), *query = evhttp_uri_get_query(uri);
    enum smx_http_method method =
        evhttp_request_get_command(ev) == EVHTTP_REQ_POST ? SMX_HTTP_POST : SMX_HTTP_GET;
    struct smx_http_request req = {.ev = ev};
    struct smx_http_reply reply = {.ev = ev};
    const struct smx_http_route *route;
    bool path_known;

    TAILQ_INIT(&req.query);
    note_request(s, ev);
    if (s->limits.own_host_only && !is_own_host(smx_http_header(&req, "Host"))) {
        answer_text(&reply, 403, "This server answers to its IP address and to localhost only.\n");
        return;
    }
    route = find_route(s, path && *path ? path : "/", method, &path_known);
    if (!route) {
        answer_text(&reply, path_known ? 405 : 404, path_known ? "Wrong method.\n" : "Not found.\n");
        return;
    }
    if (query && evhttp_parse_query_str(query, &req.query) != 0) {
        answer_text(&reply, 400, "The query cannot be read.\n");
        return;
    }
    req.route = route;
    route->fn(s->arg, &req, &reply);
    if (!reply.answered)
        answer_text(&reply, 500, "No answer.\n");
    evhttp_clear_headers(&req.query);
}

const uint8_t *smx_http_body(const struct smx_http_request *req, size_t *len)
{
    struct evbuffer *in = evhttp_request_get_input_buffer(req->ev);
    const uint8_t *bytes = evbuffer_pullup(in, -1);

    *len = bytes ? evbuffer_get_length(in) : 0;
    return bytes ? bytes : (const uint8_t *)"";
}

const char *smx_http_path(const struct smx_http_request *req)
{
    return req->route->path;
}

const char *smx_http_header(const struct smx_http_request *req, const char *name)
{
    return evhttp_find_header(evhttp_request_get_input_headers(req->ev), name);
}

const char *smx_http_query(const struct smx_http_request *req, const char *name)
{
    return evhttp_find_header(&req->query, name);
}

struct smx_addr smx_http_from(const struct smx_http_request *req)
{
    struct evhttp_connection *evcon = evhttp_request_get_connection(req->ev);
    union smx_sock sock = {0};
    socklen_t len = sizeof sock;

    getpeername(bufferevent_getfd(evhttp_connection_get_bufferevent(evcon)), &sock.any, &len);
    return smx_sock_to_addr(&sock.any);
}

void smx_http_add_header(struct smx_http_reply *reply, const char *name, const char *value)
{
    evhttp_add_header(evhttp_request_get_output_headers(reply->ev), name, value);
}

/* The header of an answer; returns where its body goes, or NULL: it has none (HEAD). */
static struct evbuffer *begin_answer(struct smx_http_reply *reply, const char *type, size_t len)
{
    char length[24];

    assert(!reply->answered);
    reply->answered = true;
    snprintf(length, sizeof length, "%zu", len);
    smx_http_add_header(reply, "Content-Type", type);
    smx_http_add_header(reply, "Content-Length", length);
    smx_http_add_header(reply, "Cache-Control", "no-store");
    smx_http_add_header(reply, "X-Content-Type-Options", "nosniff");
    smx_http_add_header(reply, "Referrer-Policy", "no-referrer");
    smx_http_add_header(reply, "Content-Security-Policy",
                        "default-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'");
    return evhttp_request_get_command(reply->ev) == EVHTTP_REQ_HEAD
               ? NULL
               : evhttp_request_get_output_buffer(reply->ev);
}

static void end_answer(struct smx_http_reply *reply, int status, bool whole)
{
    if (whole)
        evhttp_send_reply(reply->ev, status, NULL, NULL);
    else
        evhttp_send_error(reply->ev, 503, NULL);
}

void smx_http_answer(struct smx_http_reply *reply, int status, const char *type, const void *body, size_t len)
{
    struct evbuffer *out = begin_answer(reply, type, len);

    end_answer(reply, status, !out || evbuffer_add(out, body, len) == 0);
}

struct loan {
    void (*done)(void *arg);
    void *arg;
};

static void give_back(const void *body, size_t len, void *arg)
{
    struct loan loan = *(struct loan *)arg;

    (void)body;
    (void)len;
    free(arg);
    loan.done(loan.arg);
}

void smx_http_answer_borrowed(struct smx_http_reply *reply, int status, const char *type, const void *body,
                              size_t len, void (*done)(void *arg), void *arg)
{
    struct evbuffer *out = begin_answer(reply, type, len);
    struct loan *loan = out ? malloc(sizeof *loan) : NULL;

    if (loan) {
        *loan = (struct loan){done, arg};
        if (evbuffer_add_reference(out, body, len, give_back, loan) == 0) {
            end_answer(reply, status, true);
            return;
        }
    }
    free(loan);
    done(arg);
    end_answer(reply, status, !out);
}

/* --- Starting --- */

enum smx_err smx_http_listen(struct smx_http_server **out, struct smx_loop *loop, const struct smx_addr *bind,
                             const struct smx_http_limits *limits, const struct smx_http_route *routes,
                             size_t route_count, void *arg)
{
    struct smx_http_server *s = calloc(1, sizeof *s);
    enum smx_err err = SMX_E_MEMORY;
    int fd = -1, saved;

    assert(limits->conns_max > 0 && limits->timeout_s > 0);
    if (!s)
        return err;
    *s = (struct smx_http_server){
        .loop = loop, .limits = *limits, .routes = routes, .route_count = route_count, .arg = arg};
    s->conns = calloc(limits->conns_max, sizeof *s->conns);
    s->http = evhttp_new(loop->base);
    if (!s->conns || !s->http)
        goto fail;
    evhttp_set_allowed_methods(s->http, EVHTTP_REQ_GET | EVHTTP_REQ_HEAD | EVHTTP_REQ_POST);
    evhttp_set_max_headers_size(s->http, SMX_HTTP_HEADER_MAX);
    evhttp_set_max_body_size(s->http, (ev_ssize_t)limits->body_max);
    evhttp_set_timeout(s->http, (int)limits->timeout_s);
    evhttp_set_default_content_type(s->http, NULL);
    evhttp_set_bevcb(s->http, new_conn, s);
    evhttp_set_gencb(s->http, on_request, s);
    fd = smx_sock_bind(SOCK_STREAM, bind);
    if (fd >= 0)
        s->listener = evconnlistener_new(loop->base, NULL, NULL,
                                         LEV_OPT_CLOSE_ON_FREE | LEV_OPT_CLOSE_ON_EXEC, BACKLOG, fd);
    if (!s->listener) {
        err = SMX_E_IO;
        goto fail;
    }
    fd = -1; /* the listener's now */
    if (!evhttp_bind_listener(s->http, s->listener)) {
        evconnlistener_free(s->listener);
        goto fail;
    }
    *out = s;
    return SMX_OK;
fail:
    saved = errno;
    if (fd >= 0)
        close(fd);
    if (s->http)
        evhttp_free(s->http);
    free(s->conns);
    free(s);
    errno = saved;
    return err;
}

void smx_http_server_free(struct smx_http_server *server)
{
    if (!server)
        return;
    server->freeing = true;
    evhttp_free(server->http); /* closes connections and listener */
    for (size_t i = 0; i < server->limits.conns_max; i++)
        if (server->conns[i].server) /* accepted in this very turn */
            conn_gone(&server->conns[i]);
    free(server->conns);
    free(server);
}

struct smx_addr smx_http_local(const struct smx_http_server *server)
{
    return smx_sock_local(evconnlistener_get_fd(server->listener));
}
