/* client/sip/txn.c - see txn.h.
 *
 *   free --open, request--> machine runs --machine ends--> settle --> free
 *                                \--2xx of an INVITE--> Accepted, until 64*T1 --> settle --> free
 *
 * Timers: the machines' own (A to K), read through osip_timers_gettimeout; until, of the Accepted state. */
#include "client/sip/clock.h"
#include "client/sip/core.h"

#include <time.h> /* before the library, which forgets it */
#include <sys/time.h>
#include <osip2/osip.h>
#include <sodium.h>
#include <stdlib.h>
#include <string.h>

/* ---- hashes: what finds a transaction is a secret function of its names, so that nobody can aim at one ----
 */

struct hashing {
    char text[1024];
    struct smx_text out;
};

static void hash_part(struct hashing *h, struct smx_span s)
{
    smx_text_span(&h->out, s);
    smx_text_span(&h->out, (struct smx_span){"\n", 1}); /* stands in none of the parts */
}

static void hash_number(struct hashing *h, uint32_t v)
{
    smx_text_u64(&h->out, v);
    hash_part(h, (struct smx_span){NULL, 0});
}

static uint64_t hash_done(const struct smx_txns *t, const struct hashing *h)
{
    uint8_t out[crypto_shorthash_BYTES];
    uint64_t v;

    _Static_assert(crypto_shorthash_KEYBYTES == sizeof t->ua->hash_key, "SipHash");
    crypto_shorthash(out, (const uint8_t *)h->text, h->out.len, t->ua->hash_key);
    memcpy(&v, out, sizeof v);
    return v;
}

/* RFC 3261, 17.2.3, with Call-ID, From tag and CSeq instead of sent-by: phones change their sent-by between
 * INVITE and CANCEL when they learn their address. */
static uint64_t server_key(const struct smx_txns *t, const struct smx_sip *sip, enum smx_method by_method)
{
    struct hashing h = {.out = {h.text, 0, sizeof h.text, false}};

    hash_part(&h, smx_span_of("server"));
    hash_part(&h, smx_span_of(sip->branch));
    hash_part(&h, sip->call_id);
    hash_part(&h, smx_span_of(sip->from_tag));
    hash_number(&h, sip->cseq);
    hash_number(&h, by_method);
    return hash_done(t, &h);
}

static uint64_t client_key(const struct smx_txns *t, const char *branch, enum smx_method method)
{
    struct hashing h = {.out = {h.text, 0, sizeof h.text, false}};

    hash_part(&h, smx_span_of("client"));
    hash_part(&h, smx_span_of(branch));
    hash_number(&h, method);
    return hash_done(t, &h);
}

static uint64_t client_check(const struct smx_txns *t, struct smx_span call_id, uint32_t cseq)
{
    struct hashing h = {.out = {h.text, 0, sizeof h.text, false}};

    hash_part(&h, call_id);
    hash_number(&h, cseq);
    return hash_done(t, &h);
}

static uint64_t tag_hash(const struct smx_txns *t, const char *tag)
{
    struct hashing h = {.out = {h.text, 0, sizeof h.text, false}};

    hash_part(&h, smx_span_of(tag ? tag : ""));
    return hash_done(t, &h);
}

/* ---- skeletons ---- */

#define SKELETON(transport, method)                                                                          \
    "Via: SIP/2.0/" transport                                                                                \
    " 127.0.0.1;branch=z9hG4bK0\r\nFrom: <sip:a@b>;tag=1\r\nTo: <sip:a@b>;tag=2\r\n"                         \
    "Call-ID: 1\r\nCSeq: 1 " method "\r\nContent-Length: 0\r\n\r\n"

/* All that a machine may know: whether it is an INVITE, the transport, and the class of a response. */
static osip_message_t *skeleton(bool invite, bool tcp, unsigned status, bool ack)
{
    static const char *const headers[2][2] = {{SKELETON("UDP", "BYE"), SKELETON("TCP", "BYE")},
                                              {SKELETON("UDP", "INVITE"), SKELETON("TCP", "INVITE")}};
    char room[512];
    struct smx_text text = {room, 0, sizeof room, false};
    osip_message_t *msg = NULL;

    if (status > 0) {
        smx_text_add(&text, "SIP/2.0 ");
        smx_text_u64(&text, status);
        smx_text_add(&text, " -\r\n");
    } else {
        smx_text_add(&text, ack ? "ACK" : invite ? "INVITE" : "BYE");
        smx_text_add(&text, " sip:a@b SIP/2.0\r\n");
    }
    smx_text_add(&text, ack ? SKELETON("UDP", "ACK") : headers[invite][tcp]);
    if (osip_message_init(&msg) != OSIP_SUCCESS)
        return NULL;
    if (osip_message_parse(msg, room, text.len) == OSIP_SUCCESS)
        return msg;
    osip_message_free(msg);
    return NULL;
}

/* Runs the machine on one event; it takes the skeleton.  Out of memory, an event is lost as a datagram is. */
static void run(struct smx_txns *t, struct smx_txn *txn, type_t type, osip_message_t *msg)
{
    osip_event_t *event = osip_malloc(sizeof *event);

    t->stale = true;
    if (!event || !msg) {
        osip_free(event);
        osip_message_free(msg);
        return;
    }
    *event = (osip_event_t){.type = type, .sip = msg};
    /* which frees it */
    (void)osip_transaction_execute(txn->machine, event); /* NOLINT(clang-analyzer-unix.Malloc) */
}

/* ---- what the machines call ---- */

static int on_send(osip_transaction_t *machine, osip_message_t *msg, char *host, int port, int socket)
{
    struct smx_txn *txn = osip_transaction_get_reserved2(machine);
    struct smx_txns *t = osip_transaction_get_reserved3(machine);

    (void)host, (void)port, (void)socket; /* of the skeleton */
    if (MSG_IS_ACK(msg))
        smx_out_flow(t->ua, &txn->flow, (struct smx_span){txn->ack, txn->ack_len});
    else
        smx_out_flow(t->ua, &txn->flow, (struct smx_span){txn->last, txn->last_len});
    return OSIP_SUCCESS;
}

/* The machine has ended; it must not be freed while it runs, so that waits for settle. */
static void bury(struct smx_txns *t, struct smx_txn *txn)
{
    (void)osip_remove_transaction(t->osip, txn->machine);
    t->corpse[t->corpse_count++] = txn->machine;
    txn->machine = NULL;
    t->stale = true;
}

static void on_kill(int type, osip_transaction_t *machine)
{
    struct smx_txn *txn = osip_transaction_get_reserved2(machine);
    struct smx_txns *t = osip_transaction_get_reserved3(machine);

    (void)type;
    bury(t, txn);
    if (!txn->server && !txn->final && txn->owner.kind != SMX_OWNER_NONE)
        t->dead[t->dead_count++] = txn->owner;
}

/* ---- the table ---- */

enum smx_err smx_txns_init(struct smx_txns *t, struct smx_ua *ua, size_t max)
{
    *t = (struct smx_txns){.ua = ua, .max = max, .deadline = SMX_NEVER};
    t->txn = calloc(max, sizeof *t->txn);
    t->dead = calloc(max, sizeof *t->dead);
    t->corpse = calloc(max, sizeof(struct osip_transaction *));
    if (!t->txn || !t->dead || !t->corpse || osip_init(&t->osip) != OSIP_SUCCESS) {
        free(t->txn);
        free(t->dead);
        free(t->corpse);
        return SMX_E_MEMORY;
    }
    osip_set_cb_send_message(t->osip, on_send);
    for (int type = 0; type < OSIP_KILL_CALLBACK_COUNT; type++)
        (void)osip_set_kill_transaction_callback(t->osip, type, on_kill);
    return SMX_OK;
}

static void release(struct smx_txns *t, struct smx_txn *txn)
{
    free(txn->echo);
    free(txn->last);
    free(txn->ack);
    *txn = (struct smx_txn){.serial = 0};
    t->used--;
}

static void free_corpses(struct smx_txns *t)
{
    while (t->corpse_count > 0)
        (void)osip_transaction_free2(t->corpse[--t->corpse_count]);
}

void smx_txns_fini(struct smx_txns *t)
{
    for (size_t i = 0; i < t->max; i++) {
        struct smx_txn *txn = &t->txn[i];

        if (txn->serial == 0)
            continue;
        if (txn->machine)
            bury(t, txn);
        release(t, txn);
    }
    free_corpses(t);
    osip_release(t->osip);
    free(t->txn);
    free(t->dead);
    free(t->corpse);
}

void smx_txn_time(struct smx_txns *t, smx_time now)
{
    t->now = now;
    smx_sip_clock_set(now);
}

static char *copy_of(struct smx_span s)
{
    char *copy = malloc(s.len + 1);

    if (copy)
        (void)smx_span_copy(copy, s.len + 1, s);
    return copy;
}

/* Replaces *at by a copy of bytes; false, and nothing changed, when memory is out. */
static bool keep(char **at, size_t *len, struct smx_span bytes)
{
    char *copy = copy_of(bytes);

    if (!copy)
        return false;
    free(*at);
    *at = copy;
    *len = bytes.len;
    return true;
}

static struct smx_txn *find(struct smx_txns *t, uint64_t key)
{
    for (size_t i = 0; i < t->max; i++)
        if (t->txn[i].serial != 0 && t->txn[i].key == key)
            return &t->txn[i];
    return NULL;
}

/* A free entry with its machine started on a skeleton request. */
static struct smx_txn *start(struct smx_txns *t, osip_fsm_type_t kind, bool tcp)
{
    struct smx_txn *txn = NULL;
    bool invite = kind == ICT || kind == IST;
    osip_message_t *msg;
    osip_transaction_t *machine = NULL;

    for (size_t i = 0; i < t->max && !txn; i++)
        if (t->txn[i].serial == 0)
            txn = &t->txn[i];
    if (!txn)
        return NULL;
    msg = skeleton(invite, tcp, 0, false);
    if (!msg || osip_transaction_init(&machine, kind, t->osip, msg) != OSIP_SUCCESS) {
        osip_message_free(msg);
        return NULL;
    }
    (void)osip_transaction_set_reserved2(machine, txn); /* its reserved1 and your_instance are one */
    (void)osip_transaction_set_reserved3(machine, t);
    t->last_serial = t->last_serial == UINT32_MAX ? 1 : t->last_serial + 1;
    *txn = (struct smx_txn){.serial = t->last_serial,
                            .server = kind == IST || kind == NIST,
                            .invite = invite,
                            .machine = machine};
    t->used++;
    osip_message_free(msg);
    return txn;
}

/* ---- as server ---- */

struct smx_txn *smx_txn_find(struct smx_txns *t, const struct smx_sip *sip, enum smx_method by_method)
{
    return find(t, server_key(t, sip, by_method));
}

struct smx_txn *smx_txn_open(struct smx_txns *t, const struct smx_sip *sip, const struct smx_flow *flow,
                             struct smx_span echo)
{
    bool invite = sip->method == SMX_M_INVITE;
    struct smx_txn *txn = start(t, invite ? IST : NIST, flow->tcp);

    if (!txn)
        return NULL;
    txn->key = server_key(t, sip, sip->method);
    txn->flow = *flow;
    if (!keep(&txn->echo, &txn->echo_len, echo)) {
        smx_txn_kill(t, txn);
        return NULL;
    }
    run(t, txn, invite ? RCV_REQINVITE : RCV_REQUEST, skeleton(invite, flow->tcp, 0, false));
    return txn;
}

void smx_txn_again(struct smx_txns *t, struct smx_txn *txn, bool is_ack)
{
    if (!txn->machine)
        return; /* Accepted: the 200 is repeated by its own timer, not by this */
    if (is_ack)
        run(t, txn, RCV_REQACK, skeleton(true, txn->flow.tcp, 0, true));
    else
        run(t, txn, txn->invite ? RCV_REQINVITE : RCV_REQUEST,
            skeleton(txn->invite, txn->flow.tcp, 0, false));
}

void smx_txn_respond(struct smx_txns *t, struct smx_txn *txn, unsigned status, struct smx_span bytes)
{
    type_t type = status < 200 ? SND_STATUS_1XX : status < 300 ? SND_STATUS_2XX : SND_STATUS_3456XX;

    if (!txn->machine || !keep(&txn->last, &txn->last_len, bytes))
        return;
    if (txn->invite && type == SND_STATUS_2XX)
        txn->until = t->now + SMX_SIP_GIVE_UP;
    run(t, txn, type, skeleton(txn->invite, txn->flow.tcp, status, false));
}

/* ---- as client ---- */

struct smx_txn *smx_txn_request(struct smx_txns *t, const struct smx_flow *flow,
                                const struct smx_txn_new *what, struct smx_span bytes)
{
    bool invite = what->method == SMX_M_INVITE;
    struct smx_txn *txn = start(t, invite ? ICT : NICT, flow->tcp);

    if (!txn)
        return NULL;
    txn->key = client_key(t, what->branch, what->method);
    txn->check = client_check(t, smx_span_of(what->call_id), what->cseq);
    txn->flow = *flow;
    txn->owner = what->owner;
    if (!keep(&txn->last, &txn->last_len, bytes)) {
        smx_txn_kill(t, txn);
        return NULL;
    }
    run(t, txn, invite ? SND_REQINVITE : SND_REQUEST, skeleton(invite, flow->tcp, 0, false));
    return txn;
}

struct smx_txn *smx_txn_find_response(struct smx_txns *t, const struct smx_sip *sip,
                                      const struct smx_flow *flow)
{
    struct smx_txn *txn = find(t, client_key(t, sip->branch, sip->method));

    if (!txn || txn->check != client_check(t, sip->call_id, sip->cseq) || txn->flow.tcp != flow->tcp)
        return NULL;
    if (flow->tcp ? txn->flow.conn != flow->conn
                  : memcmp(txn->flow.addr.ip, flow->addr.ip, sizeof flow->addr.ip) != 0)
        return NULL;
    return txn;
}

bool smx_txn_is_second_fork(const struct smx_txns *t, const struct smx_txn *txn, const struct smx_sip *sip)
{
    return txn->invite && txn->final && !txn->machine && sip->status >= 200 && sip->status < 300 &&
           tag_hash(t, sip->to_tag) != txn->accepted_tag;
}

bool smx_txn_response(struct smx_txns *t, struct smx_txn *txn, const struct smx_sip *sip, struct smx_span ack)
{
    unsigned status = sip->status;
    type_t type = status < 200 ? RCV_STATUS_1XX : status < 300 ? RCV_STATUS_2XX : RCV_STATUS_3456XX;
    bool news = !txn->final, accepts = txn->invite && type == RCV_STATUS_2XX;

    if (!txn->machine) { /* Accepted: the phone has not got our ACK */
        if (accepts && tag_hash(t, sip->to_tag) == txn->accepted_tag)
            smx_out_flow(t->ua, &txn->flow, (struct smx_span){txn->ack, txn->ack_len});
        return false;
    }
    if (status >= 200) {
        if (news && ack.len > 0 && !keep(&txn->ack, &txn->ack_len, ack))
            return false; /* it will come again */
        txn->final = true;
    }
    if (accepts) {
        txn->accepted_tag = tag_hash(t, sip->to_tag);
        txn->until = t->now + SMX_SIP_GIVE_UP;
        smx_out_flow(t->ua, &txn->flow, (struct smx_span){txn->ack, txn->ack_len});
    }
    run(t, txn, type, skeleton(txn->invite, txn->flow.tcp, status, false));
    return news;
}

/* ---- both ---- */

struct smx_txn_ref smx_txn_ref(const struct smx_txns *t, const struct smx_txn *txn)
{
    return (struct smx_txn_ref){(size_t)(txn - t->txn), txn->serial};
}

struct smx_txn *smx_txn_get(struct smx_txns *t, struct smx_txn_ref ref)
{
    struct smx_txn *txn = &t->txn[ref.slot];

    return ref.serial != 0 && txn->serial == ref.serial ? txn : NULL;
}

void smx_txn_kill(struct smx_txns *t, struct smx_txn *txn)
{
    if (txn->machine)
        bury(t, txn);
    txn->final = true;
    txn->until = 0;
    t->stale = true;
}

void smx_txn_flow_lost(struct smx_txns *t, uint64_t conn)
{
    for (size_t i = 0; i < t->max; i++) {
        struct smx_txn *txn = &t->txn[i];

        if (txn->serial == 0 || !txn->flow.tcp || txn->flow.conn != conn)
            continue;
        if (txn->machine && !txn->server && !txn->final &&
            txn->owner.kind != SMX_OWNER_NONE) /* without a machine it has died, and has told */
            t->dead[t->dead_count++] = txn->owner;
        smx_txn_kill(t, txn);
    }
}

void smx_txn_expire(struct smx_txns *t)
{
    if (t->now < t->deadline)
        return;
    osip_timers_ict_execute(t->osip);
    osip_timers_ist_execute(t->osip);
    osip_timers_nict_execute(t->osip);
    osip_timers_nist_execute(t->osip);
    (void)osip_ict_execute(t->osip);
    (void)osip_ist_execute(t->osip);
    (void)osip_nict_execute(t->osip);
    (void)osip_nist_execute(t->osip);
    t->stale = true;
}

void smx_txn_settle(struct smx_txns *t)
{
    struct timeval wait;
    bool machines = false;

    free_corpses(t);
    if (!t->stale)
        return;
    t->stale = false;
    t->deadline = SMX_NEVER;
    for (size_t i = 0; i < t->max; i++) {
        struct smx_txn *txn = &t->txn[i];

        if (txn->serial == 0)
            continue;
        if (txn->machine)
            machines = true;
        else if (txn->until <= t->now)
            release(t, txn);
        else
            t->deadline = smx_time_min(t->deadline, txn->until);
    }
    if (!machines)
        return;
    osip_timers_gettimeout(t->osip, &wait);
    /* a timer fires after its time, not at it */
    t->deadline =
        smx_time_min(t->deadline, t->now + SMX_SECOND(wait.tv_sec) + SMX_US(wait.tv_usec) + SMX_MS(1));
}

bool smx_txn_next_dead(struct smx_txns *t, struct smx_owner *owner)
{
    if (t->dead_count == 0)
        return false;
    *owner = t->dead[--t->dead_count];
    return true;
}
