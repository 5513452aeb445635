#include "proto/host/udp.h"

#include "proto/host/loop_base.h"
#include "proto/host/sock.h"

#include <errno.h>
#include <netinet/udp.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

/* Some C libraries are older than the kernel. */
#ifndef UDP_SEGMENT
#define UDP_SEGMENT 103
#endif
#ifndef UDP_GRO
#define UDP_GRO 104
#endif

enum {
    BATCH = 32,        /* messages of a system call; larger ones gain nothing measurable */
    BATCHES_MAX = 8,   /* before the loop looks at other events, or a tick goes on: a flood can't hold us */
    MESSAGE = 65536,   /* bytes of a received message: many datagrams of one sender under GRO */
    SEGMENTS_MAX = 64, /* datagrams of a sent one: the kernel's UDP_MAX_SEGMENTS */
    SEND_MAX = 65000,  /* bytes of a sent one: below what an IPv4 packet holds */
    CLOCK_GAP_NS = 50 * 1000, /* two readings further apart were interrupted */
    ARRIVAL_AGE_MS = 2000     /* an older stamp means that the calendar clock was set meanwhile */
};

/* Received by one call.  The kernel wants the arrays aligned for cmsghdr. */
struct smx_udp_batch {
    struct mmsghdr msg[BATCH];
    struct iovec iov[BATCH];
    union smx_sock from[BATCH];
    union {
        struct cmsghdr align;
        uint8_t bytes[CMSG_SPACE(sizeof(struct timespec)) + CMSG_SPACE(sizeof(int))];
    } control[BATCH];
    uint8_t bytes[BATCH][MESSAGE];
};

struct smx_udp {
    int fd;
    struct event *event;
    struct smx_udp_batch *batch;
    struct smx_addr local;
    bool gso; /* the kernel splits for us, as far as we know */
    struct smx_udp_events on;
    void *arg;
    struct smx_udp_stats stats;
};

/* Both clocks at one moment: what to add to the calendar's to get the monotonic. */
struct clocks {
    smx_time mono, real;
};

static smx_time from_timespec(const struct timespec *t)
{
    return SMX_SECOND(t->tv_sec) + (smx_time)t->tv_nsec;
}

static struct clocks read_clocks(void)
{
    struct clocks c = {0, 0};
    struct timespec t;

    for (int tries = 0; tries < 3; tries++) {
        smx_time before = smx_loop_now();

        clock_gettime(CLOCK_REALTIME, &t);
        c.mono = smx_loop_now();
        c.real = from_timespec(&t);
        if (c.mono - before < CLOCK_GAP_NS)
            break;
    }
    return c;
}

static smx_time arrival(const struct clocks *c, smx_time stamp)
{
    smx_time age = c->real - stamp; /* wraps to something huge when the stamp is in the future */

    return age < SMX_MS(ARRIVAL_AGE_MS) && age < c->mono ? c->mono - age : c->mono;
}

/* --- Receiving --- */

static void one_message(struct smx_udp *udp, struct smx_udp_batch *b, int i, const struct clocks *c)
{
    struct msghdr *h = &b->msg[i].msg_hdr;
    size_t len = b->msg[i].msg_len, segment = len;
    struct smx_addr from = smx_sock_to_addr(&b->from[i].any);
    smx_time at = c->mono;

    for (struct cmsghdr *m = CMSG_FIRSTHDR(h); m; m = CMSG_NXTHDR(h, m)) {
        if (m->cmsg_level == SOL_SOCKET && m->cmsg_type == SCM_TIMESTAMPNS) {
            struct timespec stamp;

            memcpy(&stamp, CMSG_DATA(m), sizeof stamp);
            at = arrival(c, from_timespec(&stamp));
        } else if (m->cmsg_level == IPPROTO_UDP && m->cmsg_type == UDP_GRO) {
            int size;

            memcpy(&size, CMSG_DATA(m), sizeof size);
            if (size > 0)
                segment = (size_t)size;
        }
    }
    /* An empty datagram says nothing to any of our protocols; it runs zero times. */
    for (size_t done = 0; done < len; done += segment) {
        size_t part = len - done < segment ? len - done : segment;

        udp->stats.received++;
        udp->on.datagram(udp->arg, &from, b->bytes[i] + done, part, at);
    }
}

/* One system call; false when nothing more is waiting. */
static bool receive_batch(struct smx_udp *udp)
{
    struct smx_udp_batch *b = udp->batch;
    struct clocks c;
    int count;

    for (int i = 0; i < BATCH; i++) {
        b->msg[i].msg_hdr.msg_namelen = sizeof b->from[i];
        b->msg[i].msg_hdr.msg_controllen = sizeof b->control[i].bytes;
    }
    do
        count = recvmmsg(udp->fd, b->msg, BATCH, MSG_DONTWAIT, NULL);
    while (count < 0 && errno == EINTR);
    if (count <= 0)
        return false;
    c = read_clocks();
    for (int i = 0; i < count; i++)
        one_message(udp, b, i, &c);
    return count == BATCH;
}

void smx_udp_receive(struct smx_udp *udp)
{
    for (int i = 0; i < BATCHES_MAX && receive_batch(udp); i++)
        ;
}

static void on_readable(evutil_socket_t fd, short what, void *arg)
{
    struct smx_udp *udp = arg;

    (void)fd;
    (void)what;
    smx_udp_receive(udp);
    udp->on.batch_end(udp->arg, smx_loop_now());
}

static struct smx_udp_batch *new_batch(void)
{
    struct smx_udp_batch *b = malloc(sizeof *b); /* 2 MiB, of which the system gives what is touched */

    if (!b)
        return NULL;
    for (int i = 0; i < BATCH; i++) {
        b->iov[i] = (struct iovec){.iov_base = b->bytes[i], .iov_len = MESSAGE};
        b->msg[i].msg_hdr = (struct msghdr){.msg_name = &b->from[i],
                                            .msg_iov = &b->iov[i],
                                            .msg_iovlen = 1,
                                            .msg_control = b->control[i].bytes};
    }
    return b;
}

/* --- Sending --- */

struct send_message {
    size_t first, count; /* in out->dgram */
};

struct send_batch {
    struct mmsghdr msg[BATCH];
    struct iovec iov[BATCH];
    union smx_sock to[BATCH];
    union {
        struct cmsghdr align;
        uint8_t bytes[CMSG_SPACE(sizeof(uint16_t))];
    } control[BATCH];
    struct send_message holds[BATCH];
    int count;
};

/* How many datagrams from first on can go as one message: same destination, same size (the last may be
 * shorter), and next to each other in memory, as smx_out_add leaves them. */
static size_t run_length(const struct smx_out *out, size_t first)
{
    const struct smx_dgram *d = &out->dgram[first];
    size_t n = 1, bytes = d->len;

    if (d->len == 0)
        return 1;
    while (first + n < out->dgram_count && n < SEGMENTS_MAX) {
        const struct smx_dgram *next = &d[n];

        if (next->len == 0 || next->len > d->len || bytes + next->len > SEND_MAX ||
            next->at != d->at + bytes || !smx_addr_equal(&next->to, &d->to))
            break;
        bytes += next->len;
        n++;
        if (next->len < d->len)
            break;
    }
    return n;
}

static void add_message(struct send_batch *b, const struct smx_out *out, size_t first, size_t count)
{
    const struct smx_dgram *d = &out->dgram[first], *last = d + count - 1;
    int i = b->count++;
    struct msghdr *h = &b->msg[i].msg_hdr;

    b->holds[i] = (struct send_message){first, count};
    b->iov[i] = (struct iovec){.iov_base = out->bytes + d->at, .iov_len = last->at + last->len - d->at};
    *h = (struct msghdr){.msg_name = &b->to[i], .msg_iov = &b->iov[i], .msg_iovlen = 1};
    h->msg_namelen = smx_sock_from_addr(&b->to[i], &d->to);
    if (count > 1) {
        struct cmsghdr *m;
        uint16_t size = d->len;

        memset(b->control[i].bytes, 0, sizeof b->control[i].bytes); /* its padding */
        h->msg_control = b->control[i].bytes;
        h->msg_controllen = sizeof b->control[i].bytes;
        m = CMSG_FIRSTHDR(h);
        m->cmsg_level = IPPROTO_UDP;
        m->cmsg_type = UDP_SEGMENT;
        m->cmsg_len = CMSG_LEN(sizeof size);
        memcpy(CMSG_DATA(m), &size, sizeof size);
    }
}

/* One datagram by itself; returns 0 or errno. */
static int send_one(struct smx_udp *udp, const struct smx_out *out, size_t which)
{
    const struct smx_dgram *d = &out->dgram[which];
    union smx_sock to;
    socklen_t to_len = smx_sock_from_addr(&to, &d->to);
    ssize_t put;

    do
        put = sendto(udp->fd, out->bytes + d->at, d->len, MSG_DONTWAIT, &to.any, to_len);
    while (put < 0 && errno == EINTR);
    return put < 0 ? errno : 0;
}

static bool is_blocked(int error)
{
    return error == EAGAIN || error == EWOULDBLOCK || error == ENOBUFS;
}

/* The system refused a message.  A run may have met a device that can't split (EIO) or a route with a smaller
 * packet size (EINVAL): its datagrams go one by one, and if that works this socket does without from now on.
 */
static void send_refused(struct smx_udp *udp, const struct smx_out *out, const struct send_message *m,
                         int error)
{
    if (m->count == 1) {
        udp->stats.failed++;
        return;
    }
    for (size_t i = 0; i < m->count; i++) {
        int e = send_one(udp, out, m->first + i);

        if (e == 0) {
            udp->stats.sent++;
            if (error == EIO || error == EINVAL)
                udp->gso = false;
        } else if (is_blocked(e)) {
            udp->stats.blocked++;
        } else {
            udp->stats.failed++;
        }
    }
}

static void flush(struct smx_udp *udp, const struct smx_out *out, struct send_batch *b)
{
    int at = 0;

    while (at < b->count) {
        int done = sendmmsg(udp->fd, b->msg + at, (unsigned)(b->count - at), MSG_DONTWAIT);

        if (done > 0) {
            for (; done; done--)
                udp->stats.sent += b->holds[at++].count;
        } else if (errno == EINTR) {
            continue;
        } else if (is_blocked(errno)) {
            /* what comes next is of the same tick and would only be later: drop, as a full link does */
            for (; at < b->count; at++)
                udp->stats.blocked += b->holds[at].count;
        } else {
            send_refused(udp, out, &b->holds[at], errno);
            at++;
        }
    }
    b->count = 0;
}

void smx_udp_send(struct smx_udp *udp, const struct smx_out *out)
{
    bool v4 = smx_addr_is_v4(&udp->local);
    struct send_batch b;
    size_t count;

    b.count = 0;
    for (size_t i = 0; i < out->dgram_count; i += count) {
        count = udp->gso ? run_length(out, i) : 1;
        if (smx_addr_is_v4(&out->dgram[i].to) != v4)
            continue;
        add_message(&b, out, i, count);
        if (b.count == BATCH)
            flush(udp, out, &b);
    }
    flush(udp, out, &b);
}

/* --- Opening --- */

static void set_buffer(int fd, int forced, int plain, int bytes)
{
    if (setsockopt(fd, SOL_SOCKET, forced, &bytes, sizeof bytes) != 0)
        setsockopt(fd, SOL_SOCKET, plain, &bytes, sizeof bytes);
}

static void set_options(struct smx_udp *udp, int buffer)
{
    int one = 1, zero = 0, omit_v4 = IP_PMTUDISC_OMIT, omit_v6 = IPV6_PMTUDISC_OMIT;

    if (buffer > 0) {
        set_buffer(udp->fd, SO_RCVBUFFORCE, SO_RCVBUF, buffer);
        set_buffer(udp->fd, SO_SNDBUFFORCE, SO_SNDBUF, buffer);
    }
    setsockopt(udp->fd, SOL_SOCKET, SO_TIMESTAMPNS, &one, sizeof one);
    setsockopt(udp->fd, IPPROTO_UDP, UDP_GRO, &one, sizeof one);
    udp->gso = setsockopt(udp->fd, IPPROTO_UDP, UDP_SEGMENT, &zero, sizeof zero) == 0;
    /* Datagrams have one size whatever a router says: believe no "packet too big", which anybody can forge.
     */
    if (smx_addr_is_v4(&udp->local))
        setsockopt(udp->fd, IPPROTO_IP, IP_MTU_DISCOVER, &omit_v4, sizeof omit_v4);
    else
        setsockopt(udp->fd, IPPROTO_IPV6, IPV6_MTU_DISCOVER, &omit_v6, sizeof omit_v6);
}

enum smx_err smx_udp_open(struct smx_udp **out, struct smx_loop *loop, const struct smx_addr *bind,
                          int buffer, const struct smx_udp_events *events, void *arg)
{
    struct smx_udp *udp = calloc(1, sizeof *udp);
    enum smx_err err = SMX_E_MEMORY;
    int saved;

    if (!udp)
        return SMX_E_MEMORY;
    *udp = (struct smx_udp){.fd = -1, .on = *events, .arg = arg};
    if (!loop->udp_batch)
        loop->udp_batch = new_batch();
    udp->batch = loop->udp_batch;
    if (!udp->batch)
        goto fail;
    udp->fd = smx_sock_bind(SOCK_DGRAM, bind);
    if (udp->fd < 0) {
        err = SMX_E_IO;
        goto fail;
    }
    udp->local = smx_sock_local(udp->fd);
    set_options(udp, buffer);
    udp->event = event_new(loop->base, udp->fd, EV_READ | EV_PERSIST, on_readable, udp);
    if (!udp->event || event_add(udp->event, NULL) != 0)
        goto fail;
    *out = udp;
    return SMX_OK;
fail:
    saved = errno;
    smx_udp_free(udp);
    errno = saved;
    return err;
}

void smx_udp_free(struct smx_udp *udp)
{
    if (!udp)
        return;
    if (udp->event)
        event_free(udp->event);
    if (udp->fd >= 0)
        close(udp->fd);
    free(udp);
}

struct smx_addr smx_udp_local(const struct smx_udp *udp)
{
    return udp->local;
}

struct smx_udp_stats smx_udp_stats(const struct smx_udp *udp)
{
    return udp->stats;
}
