/* tests/soak/deaths.c - relays die in mid-call, thousands of times, in virtual time.
 *
 *   deaths [--tries N] [--seed N] [--relays N] [--clients N] [--epoch SECONDS] [--loss PPM] [--jitter US]
 *          [--drift PPM]
 *
 * One network lives on through all tries.  Each is a call between two clients at random, some seconds or
 * minutes long, in which the relay at one of the six places of the way dies, or one of either side at once;
 * it comes back when the call is over.  Prints one line of JSON: for each place, how long nothing was heard,
 * ms, the longer of both ways.  Tries slower than goals say are told on stderr.  Exit status 1 when a call
 * neither went on nor ended. */
#include "client/core.h"
#include "sim/world.h"
#include "tests/support/networks.h"
#include "tests/support/option.h"

#include <sodium.h>
#include <stdlib.h>
#include <string.h>

enum { BOTH_SIDES = POSITIONS, PLACES };

enum {
    CLIENTS_MAX = 8,
    TRIES_MAX = 100000,
    READY_MS = 600000, /* after three deaths in an epoch a circuit waits for the next one */
    SETTLE_MS = 5000,
    ANSWER_MS = 4000,
    TALK_MIN_MS = 2000,
    WATCH_MS = 8000,
    END_MS = 25000, /* a call that can't go on has ended by then */
    TAIL_MS = 2000, /* in which both must hear each other */
    TAIL_FRAMES = 90,
    LOOK_MS = 10,
};

static const char *name_of(size_t p)
{
    return p == BOTH_SIDES ? "two at once" : position_name[p];
}

struct figures {
    uint32_t gap[TRIES_MAX]; /* ms, of the calls that went on */
    size_t tries, went_on, ended, neither, slow;
};

struct deaths {
    struct smx_sim_network *n;
    struct smx_rng rng; /* of what happens: the cores' draws don't change it */
    struct figures of[PLACES];
    size_t refused; /* calls that did not come about */
    size_t unready; /* times at which the network was not whole for READY_MS */
};

struct side {
    struct smx_sim_user *user;
    struct smx_sim_call *call;
    uint32_t frames;
    smx_time since;
    smx_time gap;
};

static void listen(struct deaths *d, struct side side[2], unsigned ms)
{
    for (unsigned at = 0; at < ms; at += LOOK_MS) {
        smx_time now = smx_world_now(d->n->world);

        for (size_t i = 0; i < 2; i++) {
            struct side *s = &side[i];

            if (s->since == 0 || s->call->frames_in != s->frames) {
                s->frames = s->call->frames_in;
                s->since = now;
            } else if (now - s->since > s->gap) {
                s->gap = now - s->since;
            }
        }
        smx_sim_run_for(d->n, LOOK_MS);
    }
}

static bool begin(struct deaths *d, struct side side[2])
{
    size_t caller = smx_rng_below(&d->rng, (uint32_t)d->n->clients);
    size_t callee = (caller + 1 + smx_rng_below(&d->rng, (uint32_t)d->n->clients - 1)) % d->n->clients;

    memset(side, 0, 2 * sizeof *side);
    side[0].user = &d->n->user[caller];
    side[1].user = &d->n->user[callee];
    for (size_t i = 0; i < 2; i++)
        smx_sim_user_forget(side[i].user);
    side[0].call = smx_sim_call_place(side[0].user, smx_sim_target_name(side[1].user->name));
    smx_sim_run_for(d->n, ANSWER_MS);
    if (!side[0].call->answered || side[1].user->call_count == 0)
        return false;
    side[1].call = &side[1].user->call[side[1].user->call_count - 1];
    return side[1].call->answered && !side[1].call->ended;
}

static void judge(struct deaths *d, const struct side side[2], size_t p, const uint32_t before[2], size_t try)
{
    struct figures *f = &d->of[p];
    smx_time gap = side[0].gap > side[1].gap ? side[0].gap : side[1].gap;
    unsigned ms = (unsigned)(gap / SMX_MS(1));
    bool ended[2], hears = true;

    for (size_t i = 0; i < 2; i++) {
        ended[i] = side[i].call->ended;
        hears = hears && side[i].call->frames_in - before[i] >= TAIL_FRAMES;
    }
    f->tries++;
    if (hears && !ended[0] && !ended[1])
        f->gap[f->went_on++] = ms;
    else if (ended[0] && ended[1])
        f->ended++;
    else
        f->neither++;
    if (hears && ms <= 2000)
        return;
    f->slow++;
    fprintf(stderr, "try %zu: %s: %u and %u ms without sound, %s\n", try, name_of(p),
            (unsigned)(side[0].gap / SMX_MS(1)), (unsigned)(side[1].gap / SMX_MS(1)),
            hears                  ? "then it went on"
            : ended[0] && ended[1] ? "then it ended"
                                   : "and neither went on nor ended");
}

static void once(struct deaths *d, size_t p, size_t try)
{
    struct side side[2];
    size_t dead[2], count = p == BOTH_SIDES ? 2 : 1;
    uint32_t before[2];
    bool came = begin(d, side);

    if (came) {
        listen(d, side, TALK_MIN_MS);
        smx_sim_run_for(d->n, smx_rng_below(&d->rng, 2 * d->n->config.params.epoch_s * 1000));
        for (size_t i = 0; i < count; i++)
            dead[i] = relay_at(d->n, side[0].user, side[1].user,
                               count == 1 ? p : CALLEE_END * i + smx_rng_below(&d->rng, CALLEE_END));
        came = !side[0].call->ended && !side[1].call->ended && dead[0] < d->n->relays &&
               dead[count - 1] < d->n->relays;
    }
    if (!came) {
        d->refused++;
        smx_sim_call_hang_up(side[0].user, side[0].call);
        smx_sim_run_for(d->n, SETTLE_MS);
        return;
    }
    for (size_t i = 0; i < 2; i++)
        side[i].since = side[i].gap = 0;
    for (size_t i = 0; i < count; i++)
        if (d->n->relay[dead[i]].core)
            smx_sim_relay_kill(d->n, dead[i]);
    listen(d, side, WATCH_MS);
    if (count == 2)
        smx_sim_run_for(d->n, END_MS - WATCH_MS);
    for (size_t i = 0; i < 2; i++)
        before[i] = side[i].call->frames_in;
    smx_sim_run_for(d->n, TAIL_MS);
    judge(d, side, p, before, try);
    if (!side[0].call->ended)
        smx_sim_call_hang_up(side[0].user, side[0].call);
    for (size_t i = 0; i < count; i++)
        if (!d->n->relay[dead[i]].core)
            smx_sim_relay_revive(d->n, dead[i]);
}

static int by_value(const void *a, const void *b)
{
    uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;

    return (x > y) - (x < y);
}

static void tell(struct deaths *d)
{
    printf("{\"soak\": \"deaths\", \"calls_that_did_not_come_about\": %zu, \"not_whole\": %zu", d->refused,
           d->unready);
    for (size_t p = 0; p < PLACES; p++) {
        struct figures *f = &d->of[p];

        qsort(f->gap, f->went_on, sizeof *f->gap, by_value);
        printf(", \"%s\": {\"tries\": %zu, \"went_on\": %zu, \"ended\": %zu, \"neither\": %zu", name_of(p),
               f->tries, f->went_on, f->ended, f->neither);
        if (f->went_on > 0)
            printf(", \"median_ms\": %u, \"p99_ms\": %u, \"worst_ms\": %u", f->gap[f->went_on / 2],
                   f->gap[f->went_on * 99 / 100], f->gap[f->went_on - 1]);
        printf("}");
    }
    printf("}\n");
}

int main(int argc, char **argv)
{
    static struct deaths d;
    uint64_t seed = (uint64_t)option(argc, argv, "--seed", 1);
    struct smx_sim_network_config config = smx_sim_network_preset(seed);
    size_t clients = (size_t)option(argc, argv, "--clients", 3),
           tries = (size_t)option(argc, argv, "--tries", 700);
    size_t neither = 0;
    uint8_t rng_seed[SMX_RNG_SEED] = {0};

    if (sodium_init() < 0 || clients < 2 || clients > CLIENTS_MAX || tries > TRIES_MAX)
        return 2;
    config.relays = (size_t)option(argc, argv, "--relays", 12);
    config.params.epoch_s = (uint32_t)option(argc, argv, "--epoch", 120);
    config.circuits_max = 512;
    config.drift_ppm = (uint32_t)option(argc, argv, "--drift", 50);
    config.fetch_ms = config.params.epoch_s * 1000 / 60;
    config.path.loss = (uint32_t)option(argc, argv, "--loss", 0);
    config.path.jitter = (smx_time)(option(argc, argv, "--jitter", 200) * 1000);
    memcpy(rng_seed, &seed, sizeof seed);
    smx_rng_init(&d.rng, rng_seed);
    d.n = smx_sim_network_new(&config);
    for (size_t i = 0; i < clients; i++) {
        char name[] = {'u', 's', 'e', 'r', (char)('a' + i), 0};

        smx_sim_client_make(d.n, i, (uint32_t)i + 1, name, 2);
        smx_sim_client_start(d.n, i);
        d.n->user[i].answers = true;
    }
    for (size_t i = 0; i < tries; i++) {
        if (!smx_sim_run_to_ready(d.n, READY_MS))
            d.unready++;
        smx_sim_run_for(d.n, SETTLE_MS);
        once(&d, i % PLACES, i);
    }
    tell(&d);
    smx_sim_network_free(d.n);
    for (size_t p = 0; p < PLACES; p++)
        neither += d.of[p].neither;
    return neither > 0;
}
