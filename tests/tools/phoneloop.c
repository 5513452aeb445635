/* tests/tools/phoneloop.c - two phone sides back to back, without a network between them: what one orders is
 * done by the other, frames cross in the slot in which they are taken.  For tests with real phones.
 *
 *     phoneloop IP:PORT IP:PORT RTP FOLDER [USER PASSWORD]...     SIP of the first and second side, UDP and
 * TCP; first RTP port
 *
 * Phones have to know one of the passwords, if there are any, by digests of MD5, which all phones can.
 * Both also listen by TLS, one port above, with a certificate of their own, left.crt and right.crt in FOLDER.
 * The sides' addresses are sip:left@sipmix.alt and sip:right@sipmix.alt, and whatever their phones claim.
 * PROFILE=opus in the environment: both have the Opus profile.  Prints "ready", then runs until SIGINT or
 * SIGTERM, and prints what is still in use. */
#include "client/sip/ua.h"
#include "proto/host/loop.h"
#include "proto/host/random.h"
#include "proto/host/tcp.h"
#include "proto/host/tls.h"
#include "proto/host/udp.h"
#include "proto/media/srtp.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { PAIRS = 2, NAMES = 8, CALLS = 8, DGRAMS = 64, BYTES = 128 * 1024, SLOT_MS = 20 };

struct side;

struct port {
    struct side *side;
    size_t pair;
    bool rtcp;
    struct smx_udp *udp;
};

struct side {
    struct side *other;
    struct smx_ua *ua;
    struct smx_loop *loop;
    struct smx_udp *udp;
    struct smx_tcp *tcp, *tls_tcp; /* the core knows a connection by 2 n, or 2 n + 1 */
    struct smx_tls *tls;
    struct smx_timer *timer;
    struct port port[PAIRS][2];
    struct smx_out out;
    char name[NAMES][SMX_UA_USER];
    size_t name_count;
};

/* A call by a phone of caller; id[0] is its number there, id[1] on the other side. */
struct link {
    struct side *caller;
    uint32_t id[2];
    bool answered;
};

static struct side sides[2];
static struct smx_auth_account accounts[SMX_AUTH_ACCOUNTS];
static size_t account_count;
static struct link links[CALLS];

static void die(const char *why)
{
    fprintf(stderr, "phoneloop: %s\n", why);
    exit(1);
}

static void must(enum smx_err err, const char *what)
{
    if (err != SMX_OK)
        die(what);
}

/* ---- sends ---- */

static void send_one(struct side *s, const struct smx_ua_send *what)
{
    struct smx_tcp *tcp = what->conn % 2 == 0 ? s->tcp : s->tls_tcp;
    struct smx_udp *udp = s->udp;
    uint8_t *room;

    switch (what->kind) {
    case SMX_UA_SEND_TCP:
        if (smx_tcp_send(tcp, what->conn / 2, what->bytes, what->len) != SMX_OK)
            smx_tcp_close(tcp, what->conn / 2);
        return;
    case SMX_UA_SEND_CLOSE:
        smx_tcp_close(tcp, what->conn / 2);
        return;
    case SMX_UA_SEND_RTP:
    case SMX_UA_SEND_RTCP:
        udp = s->port[what->pair][what->kind == SMX_UA_SEND_RTCP].udp;
        break;
    case SMX_UA_SEND_UDP:
        break;
    }
    room = smx_out_add(&s->out, &what->to, what->len);
    if (room)
        memcpy(room, what->bytes, what->len);
    smx_udp_send(udp, &s->out);
    smx_out_reset(&s->out);
}

/* ---- orders ---- */

static void tell_names(struct side *s)
{
    const char *names[NAMES];

    for (size_t i = 0; i < s->name_count; i++)
        names[i] = s->name[i];
    smx_ua_identities(s->ua, names, s->name_count);
}

static bool has_name(const struct side *s, const char *name)
{
    for (size_t i = 0; i < s->name_count; i++)
        if (strcmp(s->name[i], name) == 0)
            return true;
    return false;
}

static struct link *find_link(const struct side *s, uint32_t id)
{
    for (size_t i = 0; i < CALLS; i++)
        if (links[i].caller && links[i].id[links[i].caller != s] == id)
            return &links[i];
    return NULL;
}

static void start_call(struct side *s, smx_time now, const struct smx_ua_order *order)
{
    char from[128];
    struct link *link = NULL;
    uint32_t id = 0;
    enum smx_err err;

    snprintf(from, sizeof from, "sip:%s@sipmix.alt", order->identity);
    if (!has_name(s->other, order->target.text)) {
        smx_ua_call_failed(s->ua, now, order->id, 404);
        return;
    }
    for (size_t i = 0; i < CALLS; i++)
        if (!links[i].caller)
            link = &links[i];
    err = link ? (order->opus ? smx_ua_call_incoming_opus : smx_ua_call_incoming)(s->other->ua, now, from,
                                                                                  order->target.text, &id)
               : SMX_E_FULL;
    if (err != SMX_OK) {
        smx_ua_call_failed(s->ua, now, order->id, err == SMX_E_FULL ? 486 : 480);
        return;
    }
    *link = (struct link){s, {order->id, id}, false};
}

static void on_order(struct side *s, smx_time now, const struct smx_ua_order *order)
{
    struct link *link = find_link(s, order->id);
    char from[128];

    switch (order->kind) {
    case SMX_UA_CALL_START:
        start_call(s, now, order);
        return;
    case SMX_UA_CALL_RINGING:
        smx_ua_call_ringing(s->other->ua, now, link->id[0]);
        return;
    case SMX_UA_CALL_ANSWER:
        link->answered = true;
        (order->opus ? smx_ua_call_answered_opus : smx_ua_call_answered)(s->other->ua, now, link->id[0]);
        return;
    case SMX_UA_CALL_REFUSE:
        smx_ua_call_failed(s->other->ua, now, link->id[0], order->code);
        link->caller = NULL;
        return;
    case SMX_UA_CALL_END:
        smx_ua_call_ended(s->other->ua, now, link->id[link->caller == s]);
        link->caller = NULL;
        return;
    case SMX_UA_CALL_DIRECTION:
        smx_ua_call_direction(s->other->ua, now, link->id[link->caller == s],
                              (enum smx_direction)order->code);
        return;
    case SMX_UA_CALL_KEY:
        smx_ua_call_key(s->other->ua, now, link->id[link->caller == s], order->key);
        return;
    case SMX_UA_MESSAGE_SEND:
        snprintf(from, sizeof from, "sip:%s@sipmix.alt", order->identity);
        if (!has_name(s->other, order->target.text))
            smx_ua_message_done(s->ua, now, order->id, 404);
        else if (smx_ua_message_in(s->other->ua, now, order->id, from, order->target.text, order->text,
                                   order->text_len) != SMX_OK)
            smx_ua_message_done(s->ua, now, order->id, 480);
        return;
    case SMX_UA_MESSAGE_RESULT:
        smx_ua_message_done(s->other->ua, now, order->id, order->code);
        return;
    case SMX_UA_CLAIM:
        if (s->name_count == NAMES || has_name(s->other, order->target.text)) {
            smx_ua_claim_refused(s->ua, order->target.text);
            return;
        }
        memcpy(s->name[s->name_count++], order->target.text, SMX_UA_USER);
        tell_names(s);
        return;
    }
}

/* Until both sides are quiet: an order of one makes sends and orders of the other. */
static void drain(smx_time now)
{
    const struct smx_ua_order *order;
    const struct smx_ua_send *what;
    bool quiet;

    do {
        quiet = true;
        for (size_t i = 0; i < 2; i++) {
            while ((order = smx_ua_next_order(sides[i].ua)) != NULL) {
                on_order(&sides[i], now, order);
                quiet = false;
            }
        }
    } while (!quiet);
    for (size_t i = 0; i < 2; i++) {
        while ((what = smx_ua_next_send(sides[i].ua)) != NULL)
            send_one(&sides[i], what);
        smx_timer_arm(sides[i].timer, smx_ua_deadline(sides[i].ua));
    }
}

/* ---- events ---- */

static void on_udp(void *arg, const struct smx_addr *from, uint8_t *bytes, size_t len, smx_time arrival)
{
    struct side *s = arg;

    smx_ua_udp(s->ua, arrival, from, bytes, len);
}

static void on_media(void *arg, const struct smx_addr *from, uint8_t *bytes, size_t len, smx_time arrival)
{
    struct port *p = arg;

    smx_ua_rtp(p->side->ua, arrival, p->pair, p->rtcp, from, bytes, len);
}

static void on_batch_end(void *arg, smx_time now)
{
    (void)arg;
    drain(now);
}

static void on_open(void *arg, uint64_t conn, const struct smx_addr *from)
{
    struct side *s = arg;

    smx_ua_tcp_open(s->ua, smx_loop_now(), 2 * conn, from);
    drain(smx_loop_now());
}

static void on_tls_open(void *arg, uint64_t conn, const struct smx_addr *from)
{
    struct side *s = arg;

    smx_ua_tls_open(s->ua, smx_loop_now(), 2 * conn + 1, from);
    drain(smx_loop_now());
}

static size_t data(struct side *s, uint64_t conn, const uint8_t *bytes, size_t len)
{
    size_t used = smx_ua_tcp_data(s->ua, smx_loop_now(), conn, bytes, len);

    drain(smx_loop_now());
    return used;
}

static size_t on_data(void *arg, uint64_t conn, const uint8_t *bytes, size_t len)
{
    return data(arg, 2 * conn, bytes, len);
}

static size_t on_tls_data(void *arg, uint64_t conn, const uint8_t *bytes, size_t len)
{
    return data(arg, 2 * conn + 1, bytes, len);
}

static void closed(struct side *s, uint64_t conn)
{
    smx_ua_tcp_closed(s->ua, smx_loop_now(), conn);
    drain(smx_loop_now());
}

static void on_closed(void *arg, uint64_t conn)
{
    closed(arg, 2 * conn);
}

static void on_tls_closed(void *arg, uint64_t conn)
{
    closed(arg, 2 * conn + 1);
}

static void on_timer(void *arg, smx_time now)
{
    struct side *s = arg;

    smx_ua_expire(s->ua, now);
    drain(now);
}

struct slots {
    struct smx_timer *timer;
    smx_time next;
};

static void on_slot(void *arg, smx_time now)
{
    struct slots *slots = arg;

    for (size_t i = 0; i < 2; i++) /* what came in time counts, even if we woke up late */
        for (size_t j = 0; j < PAIRS; j++)
            smx_udp_receive(sides[i].port[j][0].udp);
    for (size_t i = 0; i < CALLS; i++) {
        struct link *link = &links[i];

        if (!link->caller || !link->answered)
            continue;
        for (size_t j = 0; j < 2; j++) {
            struct smx_ua *from = j ? link->caller->other->ua : link->caller->ua;
            struct smx_ua *to = j ? link->caller->ua : link->caller->other->ua;
            struct smx_frame frame;
            bool there = smx_ua_media_take(from, link->id[j], now, &frame);

            smx_ua_media_put(to, link->id[!j], now, there ? &frame : NULL);
        }
    }
    drain(now);
    slots->next += SMX_MS(SLOT_MS);
    smx_timer_arm(slots->timer, slots->next);
}

/* ---- set-up ---- */

static const struct smx_tcp_limits limits = {
    .conns_max = 16, .in_max = SMX_UA_TCP_UNREAD + 1, .out_max = 65536, .idle_s = 3600};

static void open_tls(struct side *s, const char *folder, const char *name, const struct smx_addr *at)
{
    static const struct smx_tcp_events stream = {on_tls_open, on_tls_data, on_tls_closed};
    char key[1024], certificate[1024], why[SMX_TLS_WHY];

    snprintf(key, sizeof key, "%s/%s.pem", folder, name);
    snprintf(certificate, sizeof certificate, "%s/%s.crt", folder, name);
    if (smx_tls_make(key, certificate, "sipmix.alt", at, why) != SMX_OK ||
        smx_tls_load(&s->tls, key, key, why) != SMX_OK)
        die(why);
    must(smx_tcp_listen(&s->tls_tcp, s->loop, at, &limits, &stream, s), "no TLS");
    smx_tcp_secure(s->tls_tcp, s->tls);
}

static void open_side(struct side *s, struct smx_loop *loop, const char *name, const char *addr, uint16_t rtp,
                      const char *folder, struct smx_rng *rng)
{
    static const struct smx_udp_events sip = {on_udp, on_batch_end}, media = {on_media, on_batch_end};
    static const struct smx_tcp_events stream = {on_open, on_data, on_closed};
    struct smx_ua_ports ports[PAIRS];
    struct smx_ua_config config = {.domain = "sipmix.alt",
                                   .ports = ports,
                                   .port_count = PAIRS,
                                   .accounts = accounts,
                                   .account_count = account_count,
                                   .offer = SMX_AUTH_MD5,
                                   .srtp = SMX_UA_SRTP_OFFER,
                                   .opus = getenv("PROFILE") && strcmp(getenv("PROFILE"), "opus") == 0};

    must(smx_addr_parse(&config.udp, addr), "bad address");
    config.tcp = config.tls = config.udp;
    config.tls.port++;
    s->loop = loop;
    memcpy(config.media_ip, config.udp.ip, sizeof config.media_ip);
    must(smx_udp_open(&s->udp, loop, &config.udp, 0, &sip, s), "no UDP");
    must(smx_tcp_listen(&s->tcp, loop, &config.tcp, &limits, &stream, s), "no TCP");
    open_tls(s, folder, name, &config.tls);
    for (size_t i = 0; i < PAIRS; i++) {
        ports[i] = (struct smx_ua_ports){(uint16_t)(rtp + 2 * i), (uint16_t)(rtp + 2 * i + 1)};
        for (size_t j = 0; j < 2; j++) {
            struct smx_addr bind = config.udp;

            bind.port = j ? ports[i].rtcp : ports[i].rtp;
            s->port[i][j] = (struct port){s, i, j == 1, NULL};
            must(smx_udp_open(&s->port[i][j].udp, loop, &bind, 0, &media, &s->port[i][j]), "no RTP");
        }
    }
    must(smx_out_new(&s->out, DGRAMS, BYTES), "no memory");
    s->ua = smx_ua_new(&config, rng);
    s->timer = smx_timer_new(loop, on_timer, s);
    if (!s->ua || !s->timer)
        die("no memory");
    snprintf(s->name[0], sizeof s->name[0], "%s", name);
    s->name_count = 1;
    tell_names(s);
    smx_ua_network(s->ua, true);
}

static void close_side(struct side *s)
{
    struct smx_ua_usage usage = smx_ua_usage(s->ua);
    struct smx_ua_stats stats = smx_ua_stats(s->ua);

    printf("{\"calls\":%zu,\"bindings\":%zu,\"gate_refused\":%llu,\"parse_refused\":%llu,\"stray\":%llu,"
           "\"rtp_refused\":%llu,\"sends_dropped\":%llu}\n",
           usage.calls, usage.bindings, (unsigned long long)stats.gate_refused,
           (unsigned long long)stats.parse_refused, (unsigned long long)stats.stray,
           (unsigned long long)stats.rtp_refused, (unsigned long long)stats.sends_dropped);
    for (size_t i = 0; i < PAIRS; i++)
        for (size_t j = 0; j < 2; j++)
            smx_udp_free(s->port[i][j].udp);
    smx_timer_free(s->timer);
    smx_tcp_free(s->tcp);
    smx_tcp_free(s->tls_tcp);
    smx_tls_free(s->tls);
    smx_udp_free(s->udp);
    smx_out_free(&s->out);
    smx_ua_free(s->ua);
}

int main(int argc, char **argv)
{
    struct smx_loop *loop = smx_loop_new();
    struct smx_rng rng;
    struct slots slots;
    long rtp = argc >= 5 ? strtol(argv[3], NULL, 10) : 0;

    if (!smx_srtp_library())
        die("no SRTP");
    if (!loop || rtp < 1024 || rtp % 2 != 0 || rtp > 65000)
        die("usage: phoneloop IP:PORT IP:PORT RTP FOLDER [USER PASSWORD]...");
    for (int i = 5; i + 1 < argc && account_count < SMX_AUTH_ACCOUNTS; i += 2)
        accounts[account_count++] = (struct smx_auth_account){argv[i], argv[i + 1]};
    setvbuf(stdout, NULL, _IOLBF, 0);
    smx_random_init(&rng);
    sides[0].other = &sides[1];
    sides[1].other = &sides[0];
    open_side(&sides[0], loop, "left", argv[1], (uint16_t)rtp, argv[4], &rng);
    open_side(&sides[1], loop, "right", argv[2], (uint16_t)(rtp + 2 * PAIRS), argv[4], &rng);
    slots.timer = smx_timer_new(loop, on_slot, &slots);
    slots.next = smx_loop_now();
    smx_timer_arm(slots.timer, slots.next);
    printf("ready\n");
    must(smx_loop_run(loop), "polling failed");
    close_side(&sides[0]);
    close_side(&sides[1]);
    smx_timer_free(slots.timer);
    smx_loop_free(loop);
    return 0;
}
