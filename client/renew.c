/* client/renew.c - a new circuit beside the old one, which it replaces.
 *
 * Once an epoch, at a time drawn anew for each epoch and circuit, a new circuit, the young one, is built
 * beside the old one, which goes on.  The two share the turns, and the place at the guard: nobody on the link
 * sees more or fewer cells.  When the young one stands (a listening one: when it listens) it takes over; the
 * old one falls silent, and fades at the relays.  A listening circuit's old one is still heard for a while,
 * as something may be under way on it: it is then the young one.  A slot is renewed only while nothing needs
 * it; if that changes, the young one is given up.
 *
 * Timers: renew_at; linger. */
#include "client/core.h"

#include <sodium.h>
#include <stdlib.h>

enum {
    EXTEND_MEAN_MS = 1000,   /* before each EXTEND */
    REBUILD_MEAN_MS = 20000, /* after one that failed or could not be */
    RENEWALS = 3,            /* an epoch, with those rebuilt */
    LATER_SHARE = 30,        /* a renewal is put off by an epoch / this at the most, in the mean */
    LEAST_SHARE = 10,        /* a circuit that first stands in the last epoch / this is not renewed in it */
    LINGER_MS = 4000,        /* a listening circuit that was replaced is still heard: some retransmissions */
};

bool smx_circuit_is_renewing(const struct circuit *k)
{
    return k->young && k->young->linger == 0;
}

bool smx_circuit_lingers(const struct circuit *k)
{
    return k->young && k->young->linger != 0;
}

/* ---- the young one ---- */

static void young_free(struct young *y)
{
    smx_channel_free(y->channel);
    sodium_memzero(y, sizeof *y);
    free(y);
}

static enum smx_err young_make(struct smx_client *c, struct circuit *k)
{
    struct young *y = calloc(1, sizeof *y);

    if (!y)
        return SMX_E_MEMORY;
    if (k->role == CIRCUIT_LISTEN && !(y->channel = smx_channel_new())) {
        free(y);
        return SMX_E_MEMORY;
    }
    smx_origin_init(&y->origin, k->origin.period, k->origin.ticks, &c->rng);
    k->young = y;
    return SMX_OK;
}

void smx_young_drop(struct circuit *k)
{
    if (!k->young)
        return;
    smx_origin_fini(&k->young->origin);
    young_free(k->young);
    k->young = NULL;
}

/* The old one's channel stays: what is begun on it begins anew. */
void smx_young_promote(struct smx_client *c, struct circuit *k)
{
    (void)c;
    k->origin = k->young->origin;
    if (k->origin.hop_count > 0)
        k->place = k->origin.forward_id;
    k->silent = 0;
    young_free(k->young); /* what it had has moved */
    k->young = NULL;
}

/* ---- when ---- */

void smx_circuit_draw_renewal(struct smx_client *c, struct circuit *k, smx_time now)
{
    uint64_t epoch = c->consensus.params.epoch_s, left = epoch - (uint64_t)c->wall.s % epoch;

    /* wall.s is rounded down: what is drawn may not lie in the next epoch, or this one would have no renewal
     */
    k->renew_at = left < epoch / LEAST_SHARE ? SMX_NEVER : now + smx_rng_u64(&c->rng) % SMX_SECOND(left - 1);
}

/* Often enough for the epoch, when epochs are short. */
static void renew_later(struct smx_client *c, struct circuit *k, smx_time now)
{
    smx_time most = SMX_SECOND(c->consensus.params.epoch_s) / LATER_SHARE;

    k->renew_at = now + smx_rng_exp(&c->rng, smx_time_min(SMX_MS(REBUILD_MEAN_MS), most));
}

void smx_renewal_watch(struct smx_client *c, struct circuit *k, smx_time now)
{
    uint64_t epoch = (uint64_t)c->wall.s / c->consensus.params.epoch_s;

    if (k->epoch == epoch)
        return;
    k->epoch = epoch;
    k->rebuilds = 0;
    k->overdue = k->due;
    if (k->due) /* from the epoch before: it has little time left */
        renew_later(c, k, now);
    else
        smx_circuit_draw_renewal(c, k, now);
}

static void failed(struct smx_client *c, struct circuit *k, smx_time now)
{
    c->count.renewals_failed++;
    smx_young_drop(k);
    k->renew_at = SMX_NEVER;
    if (k->rebuilds++ < RENEWALS)
        renew_later(c, k, now);
}

static bool may_renew(const struct smx_client *c, const struct circuit *k)
{
    return k->role != CIRCUIT_SLOT || smx_meeting_may_renew(c, k->of);
}

/* Its time has come. */
static void renew(struct smx_client *c, struct circuit *k, smx_time now)
{
    if (k->young) { /* the last renewal was drawn late, this one early */
        smx_circuit_draw_renewal(c, k, now);
        return;
    }
    k->renew_at = SMX_NEVER;
    if (k->origin.state == SMX_ORIGIN_IDLE) { /* it had died too often */
        if (k->open_at == SMX_NEVER)
            k->open_at = now;
        return;
    }
    if (k->origin.hop_count <= END)
        return; /* it is new */
    k->due = true;
    if (!may_renew(c, k))
        renew_later(c, k, now); /* not when the slot comes free: that would tell when */
    else if (young_make(c, k) != SMX_OK ||
             smx_circuit_build(c, k, &k->young->origin, now, SMX_MS(EXTEND_MEAN_MS)) != SMX_OK)
        failed(c, k, now);
}

void smx_circuit_renew(struct smx_client *c, struct circuit *k, smx_time now)
{
    (void)c;
    k->renew_at = now;
}

bool smx_circuit_is_due(const struct smx_client *c, const struct circuit *k)
{
    return k->due && !may_renew(c, k);
}

/* ---- how ---- */

/* The new one's channel is the young one's, and the old one keeps its own. */
static void exchange(struct circuit *k, smx_time now)
{
    struct smx_origin old = k->origin;
    struct channel *channel = k->channel;

    k->origin = k->young->origin;
    k->channel = k->young->channel;
    k->young->origin = old;
    k->young->channel = channel;
    k->young->linger = now + SMX_MS(LINGER_MS);
    k->place = k->origin.forward_id;
    k->silent = 0;
    sodium_memzero(&old, sizeof old);
}

static void take_over(struct smx_client *c, struct circuit *k, smx_time now)
{
    c->count.circuits_renewed++;
    c->changes |= SMX_CLIENT_STATUS;
    k->due = k->overdue = false;
    if (k->role == CIRCUIT_LISTEN) {
        exchange(k, now);
        smx_circuit_begin_channel(c, k, now);
        smx_identity_listening(c, k->of, now);
        return;
    }
    smx_origin_fini(&k->origin);
    smx_young_promote(c, k);
    if (k->role == CIRCUIT_SLOT) {
        smx_meeting_renewed(c, now, k->of);
    } else {
        smx_circuit_begin_channel(c, k, now);
        smx_errand_opened(c, k->of);
    }
}

/* It is needed as it is. */
static void give_up(struct smx_client *c, struct circuit *k, smx_time now)
{
    smx_young_drop(k);
    renew_later(c, k, now);
}

static void new_event(struct smx_client *c, struct circuit *k, smx_time now, const struct smx_origin_rx *rx)
{
    switch (rx->event) {
    case SMX_ORIGIN_NOTHING:
    case SMX_ORIGIN_MESSAGE: /* what is said too early is said again */
    case SMX_ORIGIN_PEER:
        return;
    case SMX_ORIGIN_OPENED:
        if (k->role == CIRCUIT_LISTEN)
            smx_identity_listen(c, k->of, &k->young->origin, now);
        else if (may_renew(c, k))
            take_over(c, k, now);
        else
            give_up(c, k, now);
        return;
    case SMX_ORIGIN_ANSWERED:
        take_over(c, k, now);
        return;
    case SMX_ORIGIN_FAILED:
    case SMX_ORIGIN_DIED:
        failed(c, k, now);
        return;
    }
}

void smx_young_event(struct smx_client *c, struct circuit *k, smx_time now, const struct smx_origin_rx *rx)
{
    if (k->young->linger == 0)
        new_event(c, k, now, rx);
    else if (rx->event == SMX_ORIGIN_MESSAGE && rx->msg.type == SMX_HOP_STREAM && rx->hop == END)
        smx_circuit_segment(c, k, k->young->channel, now, &rx->msg);
    else if (rx->event == SMX_ORIGIN_DIED)
        smx_young_drop(k);
}

/* ---- turns and time ---- */

/* Two circuits that share the turns take them one by one, but what the building needs goes first.  Before it
 * is CREATED a young one could send nothing else. */
struct smx_origin *smx_young_whose_turn(struct circuit *k, smx_time now)
{
    struct smx_origin *young = k->young ? &k->young->origin : NULL;

    if (!young)
        return &k->origin;
    if (smx_origin_needs_turn(young, now))
        return young;
    if (young->hop_count == 0 && !young->works) /* work is done in its turns */
        return &k->origin;
    k->young_turn = !k->young_turn;
    return k->young_turn ? young : &k->origin;
}

bool smx_young_turn(struct circuit *k, smx_time now, uint64_t tick, uint8_t cell[SMX_CELL_SIZE])
{
    struct young *y = k->young;
    struct smx_origin_send send = {.peer = NULL};
    uint8_t seg[SMX_HOP_CONTENT];
    bool real = smx_origin_needs_turn(&y->origin, now);

    if (y->linger != 0 && !real) {
        send.content_len = smx_stream_segment(&y->channel->stream, now, seg, sizeof seg);
        send.content = send.content_len > 0 ? seg : NULL;
        send.hop = END;
        send.type = SMX_HOP_STREAM;
        real = send.content != NULL;
    }
    smx_origin_turn(&y->origin, now, tick, &send, cell);
    return real;
}

void smx_renewal_expire(struct smx_client *c, struct circuit *k, smx_time now, bool up)
{
    struct smx_origin_rx rx = {.event = SMX_ORIGIN_NOTHING};

    if (smx_circuit_is_renewing(k) && !may_renew(c, k))
        give_up(c, k, now);
    if (up && now >= k->renew_at && !c->cover_off) /* without cover a guard could not tell the two from one */
        renew(c, k, now);
    if (smx_circuit_lingers(k) && now >= k->young->linger)
        smx_young_drop(k);
    while (k->young) {
        smx_origin_expire(&k->young->origin, now, &rx);
        if (rx.event == SMX_ORIGIN_NOTHING)
            return;
        smx_young_event(c, k, now, &rx);
    }
}
