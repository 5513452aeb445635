/* client/daemon/phones.c - sockets towards phones: SIP over UDP and TCP, a pair of UDP ports for each call's
 * audio. */
#include "client/daemon/daemon.h"

#include "proto/host/log.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum { CONNS = 16, TCP_OUT = 256 * 1024, TCP_IDLE_S = 600 };

struct audio_port {
    struct client_daemon *d;
    size_t pair;
    bool is_rtcp;
    struct smx_udp *udp;
};

struct phones {
    struct client_daemon *d;
    struct smx_udp *udp;
    struct smx_tcp *tcp;
    struct audio_port audio[2 * PAIRS_MAX];
    size_t audio_count;
    struct smx_out out; /* one datagram at a time */
};

/* ---- in ---- */

static void on_udp(void *arg, const struct smx_addr *from, uint8_t *bytes, size_t len, smx_time arrival)
{
    struct phones *p = arg;

    (void)arrival;
    smx_ua_udp(p->d->ua, smx_loop_now(), from, bytes, len);
    client_pump(p->d, smx_loop_now());
}

static void on_udp_end(void *arg, smx_time now)
{
    (void)arg;
    (void)now; /* each datagram was worked off by itself */
}

static void on_audio(void *arg, const struct smx_addr *from, uint8_t *bytes, size_t len, smx_time arrival)
{
    struct audio_port *a = arg;

    smx_ua_rtp(a->d->ua, arrival, a->pair, a->is_rtcp, from, bytes, len);
}

static void on_audio_end(void *arg, smx_time now)
{
    struct audio_port *a = arg;

    client_pump(a->d, now);
}

static void on_opened(void *arg, uint64_t conn, const struct smx_addr *from)
{
    struct phones *p = arg;

    smx_ua_tcp_open(p->d->ua, smx_loop_now(), conn, from);
    client_pump(p->d, smx_loop_now());
}

static size_t on_received(void *arg, uint64_t conn, const uint8_t *bytes, size_t len)
{
    struct phones *p = arg;
    size_t taken = smx_ua_tcp_data(p->d->ua, smx_loop_now(), conn, bytes, len);

    client_pump(p->d, smx_loop_now());
    return taken;
}

static void on_closed(void *arg, uint64_t conn)
{
    struct phones *p = arg;

    smx_ua_tcp_closed(p->d->ua, smx_loop_now(), conn);
    client_pump(p->d, smx_loop_now());
}

/* ---- out ---- */

static void send_datagram(struct phones *p, struct smx_udp *udp, const struct smx_ua_send *s)
{
    uint8_t *room = smx_out_add(&p->out, &s->to, s->len);

    if (!room)
        return;
    memcpy(room, s->bytes, s->len);
    smx_udp_send(udp, &p->out);
    smx_out_reset(&p->out);
}

void phones_send(struct phones *p)
{
    const struct smx_ua_send *s;

    while ((s = smx_ua_next_send(p->d->ua))) {
        switch (s->kind) {
        case SMX_UA_SEND_UDP:
            send_datagram(p, p->udp, s);
            break;
        case SMX_UA_SEND_TCP: {
            enum smx_err err = smx_tcp_send(p->tcp, s->conn, s->bytes, s->len);

            if (err == SMX_E_FULL) { /* a phone that does not read */
                uint64_t conn = s->conn;

                smx_tcp_close(p->tcp, conn);
                smx_ua_tcp_closed(p->d->ua, smx_loop_now(), conn);
            }
            break;
        }
        case SMX_UA_SEND_CLOSE:
            smx_tcp_close(p->tcp, s->conn);
            break;
        case SMX_UA_SEND_RTP:
        case SMX_UA_SEND_RTCP:
            if (2 * s->pair < p->audio_count)
                send_datagram(p, p->audio[2 * s->pair + (s->kind == SMX_UA_SEND_RTCP)].udp, s);
            break;
        }
    }
}

void phones_receive(struct phones *p)
{
    if (smx_ua_usage(p->d->ua).calls == 0)
        return; /* a system call for each port, for nothing */
    for (size_t i = 0; i < p->audio_count; i++)
        smx_udp_receive(p->audio[i].udp);
}

/* ---- start ---- */

size_t phones_pairs(const struct client_config *c, struct smx_ua_ports pairs[PAIRS_MAX])
{
    for (size_t i = 0; i < (size_t)c->calls; i++) {
        pairs[i].rtp = (uint16_t)(c->rtp_first + 2 * (int64_t)i);
        pairs[i].rtcp = (uint16_t)(pairs[i].rtp + 1);
    }
    return (size_t)c->calls;
}

static bool complain(const char *what, const struct smx_addr *at)
{
    char text[SMX_ADDR_TEXT];

    smx_addr_format(at, text);
    smx_log_error("listen on %s %s: %s", what, text, strerror(errno));
    return false;
}

static bool open_audio(struct phones *p)
{
    static const struct smx_udp_events events = {on_audio, on_audio_end};
    struct smx_ua_ports pairs[PAIRS_MAX];
    size_t count = phones_pairs(&p->d->config, pairs);

    for (size_t i = 0; i < 2 * count; i++) {
        struct audio_port *a = &p->audio[i];
        struct smx_addr at = p->d->config.sip_udp;

        at.port = i % 2 == 0 ? pairs[i / 2].rtp : pairs[i / 2].rtcp;
        *a = (struct audio_port){.d = p->d, .pair = i / 2, .is_rtcp = i % 2 == 1};
        if (smx_udp_open(&a->udp, p->d->loop, &at, 0, &events, a) != SMX_OK)
            return complain("UDP (audio)", &at);
        p->audio_count = i + 1;
    }
    return true;
}

struct phones *phones_start(struct client_daemon *d)
{
    static const struct smx_udp_events udp_events = {on_udp, on_udp_end};
    static const struct smx_tcp_events tcp_events = {on_opened, on_received, on_closed};
    static const struct smx_tcp_limits limits = {
        .conns_max = CONNS, .in_max = SMX_UA_TCP_UNREAD + 1, .out_max = TCP_OUT, .idle_s = TCP_IDLE_S};
    struct phones *p = calloc(1, sizeof *p);
    bool good = p && smx_out_new(&p->out, 1, UINT16_MAX) == SMX_OK;

    if (!good)
        smx_log_error("out of memory");
    if (good)
        p->d = d;
    if (good && smx_udp_open(&p->udp, d->loop, &d->config.sip_udp, 0, &udp_events, p) != SMX_OK)
        good = complain("UDP", &d->config.sip_udp);
    if (good && smx_tcp_listen(&p->tcp, d->loop, &d->config.sip_tcp, &limits, &tcp_events, p) != SMX_OK)
        good = complain("TCP", &d->config.sip_tcp);
    good = good && open_audio(p);
    if (good)
        return p;
    phones_stop(p);
    return NULL;
}

void phones_stop(struct phones *p)
{
    if (!p)
        return;
    if (p->udp)
        smx_udp_free(p->udp);
    if (p->tcp)
        smx_tcp_free(p->tcp);
    for (size_t i = 0; i < p->audio_count; i++)
        smx_udp_free(p->audio[i].udp);
    smx_out_free(&p->out);
    free(p);
}
