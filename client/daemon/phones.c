/* client/daemon/phones.c - sockets towards phones: SIP over UDP, TCP and TLS, a pair of UDP ports for each
 * call's audio.  The core knows a connection by twice its listener's number, and one more if that is TLS. */
#include "client/daemon/daemon.h"

#include "proto/host/log.h"
#include "proto/host/tls.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { TCP_OUT = 256 * 1024, TCP_IDLE_S = 600 };

struct audio_port {
    struct client_daemon *d;
    size_t pair;
    bool is_rtcp;
    struct smx_udp *udp;
};

struct phones {
    struct client_daemon *d;
    struct smx_udp *udp;
    struct smx_tcp *tcp, *tls_tcp;
    struct smx_tls *tls;
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

    smx_ua_tcp_open(p->d->ua, smx_loop_now(), 2 * conn, from);
    client_pump(p->d, smx_loop_now());
}

static void on_tls_opened(void *arg, uint64_t conn, const struct smx_addr *from)
{
    struct phones *p = arg;

    smx_ua_tls_open(p->d->ua, smx_loop_now(), 2 * conn + 1, from);
    client_pump(p->d, smx_loop_now());
}

static size_t received(struct phones *p, uint64_t conn, const uint8_t *bytes, size_t len)
{
    size_t taken = smx_ua_tcp_data(p->d->ua, smx_loop_now(), conn, bytes, len);

    client_pump(p->d, smx_loop_now());
    return taken;
}

static size_t on_received(void *arg, uint64_t conn, const uint8_t *bytes, size_t len)
{
    return received(arg, 2 * conn, bytes, len);
}

static size_t on_tls_received(void *arg, uint64_t conn, const uint8_t *bytes, size_t len)
{
    return received(arg, 2 * conn + 1, bytes, len);
}

static void closed(struct phones *p, uint64_t conn)
{
    smx_ua_tcp_closed(p->d->ua, smx_loop_now(), conn);
    client_pump(p->d, smx_loop_now());
}

static void on_closed(void *arg, uint64_t conn)
{
    closed(arg, 2 * conn);
}

static void on_tls_closed(void *arg, uint64_t conn)
{
    closed(arg, 2 * conn + 1);
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
        struct smx_tcp *listener = s->conn % 2 == 0 ? p->tcp : p->tls_tcp;

        switch (s->kind) {
        case SMX_UA_SEND_UDP:
            send_datagram(p, p->udp, s);
            break;
        case SMX_UA_SEND_TCP: {
            enum smx_err err = smx_tcp_send(listener, s->conn / 2, s->bytes, s->len);

            if (err == SMX_E_FULL) { /* a phone that does not read */
                uint64_t conn = s->conn;

                smx_tcp_close(listener, conn / 2);
                smx_ua_tcp_closed(p->d->ua, smx_loop_now(), conn);
            }
            break;
        }
        case SMX_UA_SEND_CLOSE:
            smx_tcp_close(listener, s->conn / 2);
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
    size_t count = (size_t)c->calls * c->keys.count;

    for (size_t i = 0; i < count; i++) {
        pairs[i].rtp = (uint16_t)(c->rtp_first + 2 * (int64_t)i);
        pairs[i].rtcp = (uint16_t)(pairs[i].rtp + 1);
    }
    return count;
}

const struct smx_addr *phones_media(const struct client_config *c)
{
    if (c->sip_tls.port != 0 && !settings_is_loopback(&c->sip_tls))
        return &c->sip_tls;
    return settings_is_loopback(&c->sip_tcp) ? &c->sip_udp : &c->sip_tcp;
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
        struct smx_addr at = *phones_media(&p->d->config);

        at.port = i % 2 == 0 ? pairs[i / 2].rtp : pairs[i / 2].rtcp;
        *a = (struct audio_port){.d = p->d, .pair = i / 2, .is_rtcp = i % 2 == 1};
        if (smx_udp_open(&a->udp, p->d->loop, &at, 0, &events, a) != SMX_OK)
            return complain("UDP (audio)", &at);
        p->audio_count = i + 1;
    }
    return true;
}

static const struct smx_tcp_limits limits = {
    .conns_max = PHONE_CONNS, .in_max = SMX_UA_TCP_UNREAD + 1, .out_max = TCP_OUT, .idle_s = TCP_IDLE_S};

/* The certificate of the configuration, or our own, made once. */
static bool load_tls(struct phones *p)
{
    const struct client_config *c = &p->d->config;
    const char *key = c->tls_key[0] ? c->tls_key : c->tls_certificate;
    char own_key[SMX_PATH_MAX], own[SMX_PATH_MAX], why[SMX_TLS_WHY];
    enum smx_err err;

    if (c->tls_certificate[0]) {
        err = smx_tls_load(&p->tls, c->tls_certificate, key, why);
    } else if (smx_state_path(&p->d->state, "tls.pem", own_key) != SMX_OK ||
               smx_state_path(&p->d->state, "tls.crt", own) != SMX_OK) {
        err = SMX_E_FULL;
        snprintf(why, sizeof why, "%s: too long", c->state);
    } else {
        err = smx_tls_load(&p->tls, own_key, own_key, why);
        if (err == SMX_E_IO && access(own_key, F_OK) != 0) {
            err = smx_tls_make(own_key, own, p->d->network.domain, &c->sip_tls, why);
            if (err == SMX_OK)
                smx_log_info("made a TLS certificate for phones to trust: tls.crt in the state folder");
            if (err == SMX_OK)
                err = smx_tls_load(&p->tls, own_key, own_key, why);
        }
    }
    if (err != SMX_OK)
        smx_log_error("TLS for phones: %s", why);
    return err == SMX_OK;
}

static bool open_tls(struct phones *p)
{
    static const struct smx_tcp_events events = {on_tls_opened, on_tls_received, on_tls_closed};
    const struct client_config *c = &p->d->config;
    const struct smx_addr *at = &c->sip_tls;

    if (at->port == 0)
        return true;
    if (!load_tls(p))
        return false;
    if (smx_tcp_listen(&p->tls_tcp, p->d->loop, at, &limits, &events, p) != SMX_OK)
        return complain("TLS", at);
    smx_tcp_secure(p->tls_tcp, p->tls);
    if (!settings_is_loopback(at) && c->phones.count == 0)
        smx_log_warn("phones on other machines are not asked for a password: who reaches sip.tls is you");
    return true;
}

struct phones *phones_start(struct client_daemon *d)
{
    static const struct smx_udp_events udp_events = {on_udp, on_udp_end};
    static const struct smx_tcp_events tcp_events = {on_opened, on_received, on_closed};
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
    good = good && open_tls(p) && open_audio(p);
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
    smx_tcp_free(p->tls_tcp);
    smx_tls_free(p->tls);
    for (size_t i = 0; i < p->audio_count; i++)
        smx_udp_free(p->audio[i].udp);
    smx_out_free(&p->out);
    free(p);
}
