#include "proto/host/tcp.h"

#include "proto/host/loop_base.h"
#include "proto/host/sock.h"
#include "proto/host/tls.h"

#include <assert.h>
#include <errno.h>
#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/listener.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <unistd.h>

enum {
    BACKLOG = 128, /* connections that the system holds for us */
    CLOSE_S = 5,   /* seconds for the last bytes to go */
    ACCEPT_S = 1,  /* seconds without accepting after it failed for want of descriptors */
    GREET_S = 10   /* seconds for a TLS handshake */
};

/* A connection's number is serial * conns_max + slot, so the slot is found without a search. */
struct conn {
    struct smx_tcp *tcp;
    struct bufferevent *bev; /* NULL: free slot */
    uint64_t id;
    bool closing;  /* only the bytes queued keep it */
    bool greeting; /* its TLS handshake is under way: nobody has been told of it */
    smx_time greeted_by;
    struct smx_addr from;
};

struct smx_tcp {
    struct smx_loop *loop;
    const struct smx_tls *tls; /* or NULL */
    struct evconnlistener *listener;
    struct event *resume;
    struct smx_tcp_limits limits;
    struct smx_tcp_events on;
    void *arg;
    uint64_t serial;
    struct conn *conns;
};

static struct conn *find(struct smx_tcp *tcp, uint64_t id)
{
    struct conn *c = &tcp->conns[id % tcp->limits.conns_max];

    return c->bev && c->id == id ? c : NULL;
}

static void release(struct conn *c)
{
    bufferevent_free(c->bev);
    c->bev = NULL;
}

static void lose(struct conn *c)
{
    struct smx_tcp *tcp = c->tcp;
    bool tell = !c->closing && !c->greeting;
    uint64_t id = c->id;

    release(c);
    if (tell)
        tcp->on.closed(tcp->arg, id);
}

static void on_read(struct bufferevent *bev, void *arg)
{
    struct conn *c = arg;
    struct smx_tcp *tcp = c->tcp;
    struct evbuffer *in = bufferevent_get_input(bev);
    uint64_t id = c->id;
    size_t len, used;

    while ((len = evbuffer_get_length(in)) > 0) {
        const uint8_t *bytes = evbuffer_pullup(in, -1);

        if (!bytes) {
            lose(c);
            return;
        }
        used = tcp->on.received(tcp->arg, id, bytes, len);
        if (find(tcp, id) != c || c->closing)
            return;
        assert(used <= len);
        evbuffer_drain(in, used);
        if (used == 0) {
            if (len >= tcp->limits.in_max)
                lose(c);
            return;
        }
    }
}

static void on_written(struct bufferevent *bev, void *arg)
{
    struct conn *c = arg;

    (void)bev;
    if (c->closing)
        release(c);
}

static void opened(struct conn *c)
{
    struct timeval idle = {.tv_sec = c->tcp->limits.idle_s};

    c->greeting = false;
    bufferevent_set_timeouts(c->bev, &idle, NULL);
    c->tcp->on.opened(c->tcp->arg, c->id, &c->from);
}

static void on_event(struct bufferevent *bev, short what, void *arg)
{
    (void)bev;
    if (what & BEV_EVENT_CONNECTED)
        opened(arg);
    else /* end, error and time-out come to the same */
        lose(arg);
}

/* A free one, or one whose handshake has had its time: bytes that trickle in would keep it for ever. */
static struct conn *free_slot(struct smx_tcp *tcp)
{
    for (size_t i = 0; i < tcp->limits.conns_max; i++)
        if (!tcp->conns[i].bev)
            return &tcp->conns[i];
    for (size_t i = 0; i < tcp->limits.conns_max; i++)
        if (tcp->conns[i].greeting && tcp->conns[i].greeted_by <= smx_loop_now()) {
            release(&tcp->conns[i]);
            return &tcp->conns[i];
        }
    return NULL;
}

static void on_accept(struct evconnlistener *l, evutil_socket_t fd, struct sockaddr *any, int len, void *arg)
{
    struct smx_tcp *tcp = arg;
    struct conn *c = free_slot(tcp);
    struct timeval greet = {.tv_sec = GREET_S};
    struct bufferevent *bev = NULL;
    int one = 1;

    (void)l;
    (void)len;
    if (c && tcp->tls)
        bev = smx_tls_accept(tcp->tls, tcp->loop->base, fd);
    else if (c)
        bev = bufferevent_socket_new(tcp->loop->base, fd, BEV_OPT_CLOSE_ON_FREE);
    if (!bev) {
        close(fd);
        return;
    }
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    *c = (struct conn){.tcp = tcp,
                       .bev = bev,
                       .greeting = tcp->tls != NULL,
                       .greeted_by = smx_loop_now() + SMX_SECOND(GREET_S),
                       .from = smx_sock_to_addr(any)};
    c->id = ++tcp->serial * tcp->limits.conns_max + (uint64_t)(c - tcp->conns);
    bufferevent_setcb(bev, on_read, on_written, on_event, c);
    bufferevent_setwatermark(bev, EV_READ, 0, tcp->limits.in_max);
    bufferevent_set_timeouts(bev, &greet, &greet);
    bufferevent_enable(bev, EV_READ | EV_WRITE);
    if (!tcp->tls)
        opened(c);
}

/* Out of descriptors: the listener would report it again at once, for ever. */
static void on_accept_failed(struct evconnlistener *l, void *arg)
{
    struct smx_tcp *tcp = arg;
    struct timeval wait = {.tv_sec = ACCEPT_S};

    evconnlistener_disable(l);
    event_add(tcp->resume, &wait);
}

static void on_resume(evutil_socket_t fd, short what, void *arg)
{
    struct smx_tcp *tcp = arg;

    (void)fd;
    (void)what;
    evconnlistener_enable(tcp->listener);
}

enum smx_err smx_tcp_listen(struct smx_tcp **out, struct smx_loop *loop, const struct smx_addr *bind,
                            const struct smx_tcp_limits *limits, const struct smx_tcp_events *events,
                            void *arg)
{
    struct smx_tcp *tcp = calloc(1, sizeof *tcp);
    int fd, saved;

    assert(limits->conns_max > 0);
    if (!tcp)
        return SMX_E_MEMORY;
    *tcp = (struct smx_tcp){.loop = loop, .limits = *limits, .on = *events, .arg = arg};
    tcp->conns = calloc(limits->conns_max, sizeof *tcp->conns);
    tcp->resume = evtimer_new(loop->base, on_resume, tcp);
    if (!tcp->conns || !tcp->resume) {
        smx_tcp_free(tcp);
        return SMX_E_MEMORY;
    }
    fd = smx_sock_bind(SOCK_STREAM, bind);
    if (fd >= 0)
        tcp->listener = evconnlistener_new(loop->base, on_accept, tcp,
                                           LEV_OPT_CLOSE_ON_FREE | LEV_OPT_CLOSE_ON_EXEC, BACKLOG, fd);
    if (!tcp->listener) {
        saved = errno;
        if (fd >= 0)
            close(fd);
        smx_tcp_free(tcp);
        errno = saved;
        return SMX_E_IO;
    }
    evconnlistener_set_error_cb(tcp->listener, on_accept_failed);
    *out = tcp;
    return SMX_OK;
}

void smx_tcp_secure(struct smx_tcp *tcp, const struct smx_tls *tls)
{
    tcp->tls = tls;
}

void smx_tcp_free(struct smx_tcp *tcp)
{
    if (!tcp)
        return;
    for (size_t i = 0; tcp->conns && i < tcp->limits.conns_max; i++)
        if (tcp->conns[i].bev)
            release(&tcp->conns[i]);
    if (tcp->listener)
        evconnlistener_free(tcp->listener);
    if (tcp->resume)
        event_free(tcp->resume);
    free(tcp->conns);
    free(tcp);
}

struct smx_addr smx_tcp_local(const struct smx_tcp *tcp)
{
    return smx_sock_local(evconnlistener_get_fd(tcp->listener));
}

enum smx_err smx_tcp_send(struct smx_tcp *tcp, uint64_t conn, const void *bytes, size_t len)
{
    struct conn *c = find(tcp, conn);
    struct evbuffer *queue;

    if (!c || c->closing)
        return SMX_E_ABSENT;
    queue = bufferevent_get_output(c->bev);
    if (len > tcp->limits.out_max || evbuffer_get_length(queue) > tcp->limits.out_max - len)
        return SMX_E_FULL;
    return bufferevent_write(c->bev, bytes, len) == 0 ? SMX_OK : SMX_E_FULL;
}

void smx_tcp_close(struct smx_tcp *tcp, uint64_t conn)
{
    struct conn *c = find(tcp, conn);
    struct timeval wait = {.tv_sec = CLOSE_S};

    if (!c || c->closing)
        return;
    if (evbuffer_get_length(bufferevent_get_output(c->bev)) == 0) {
        release(c);
        return;
    }
    c->closing = true;
    bufferevent_disable(c->bev, EV_READ);
    bufferevent_set_timeouts(c->bev, NULL, &wait);
}
