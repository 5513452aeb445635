#include "sim/adversary/discover.h"

#include "proto/base/time.h"
#include "proto/doc/params.h"
#include "sim/adversary/choice.h"
#include "sim/result.h"
#include "sim/scenario.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Of client/circuits.c: what bounds the attack. */
enum { REBUILDS = 3, REBUILD_MEAN_S = 20 };
enum {
    HOUR_S = 3600,
    DAY_S = 86400,
    CALL_S = 5,       /* until he has been heard, and has made noise for half a second */
    UNBOUNDED = 1000, /* rebuilds in an epoch: none of an hour's is refused */
};

struct trial {
    const struct smx_choice_relay *relay;
    struct smx_choice *client;
    bool found[SMX_DISCOVERIES];
    unsigned broken;
};

static void look(struct smx_discover_tally *t, struct trial *s, double at_s)
{
    uint16_t path[SMX_CHOICE_HOPS];
    bool middle, end;

    smx_choice_time(s->client, (uint64_t)at_s);
    if (!smx_choice_draw(s->client, SMX_CHOICE_SLOT, 0, path))
        return;
    middle = s->relay[path[SMX_CHOICE_MIDDLE]].corrupt;
    end = s->relay[path[SMX_CHOICE_END]].corrupt;
    for (size_t i = 0; i < SMX_DISCOVERIES; i++) {
        bool now = i == SMX_DISCOVER_MIDDLE ? end : i == SMX_DISCOVER_CHAIN ? middle && end : middle;

        if (!now || s->found[i])
            continue;
        s->found[i] = true;
        t->one[i][t->found[i]++] = (struct smx_discover_one){at_s / HOUR_S, s->broken};
    }
}

static bool is_done(const struct trial *s)
{
    bool all = true;

    for (size_t i = 0; i < SMX_DISCOVERIES; i++)
        all = all && s->found[i];
    return all;
}

/* One epoch: the circuit that stands, what is rebuilt after each broken call, and the renewal.  All breaks
 * come early: he has no reason to wait. */
static void epoch(struct smx_discover_tally *t, struct trial *s, const struct smx_discover_config *config,
                  double start, struct smx_rng *rng)
{
    double renewal = smx_rng_below(rng, config->epoch_s), at = CALL_S;
    unsigned left = config->unbounded ? UNBOUNDED : REBUILDS;
    bool renewed = false;

    for (; config->breaks && left > 0 && at < config->epoch_s && !is_done(s); left--) {
        s->broken++;
        at += (double)smx_rng_exp(rng, SMX_SECOND(REBUILD_MEAN_S)) / 1e9 + CALL_S;
        if (at >= config->epoch_s)
            break;
        renewed = renewed || renewal < at;
        look(t, s, start + at);
    }
    if (!renewed)
        look(t, s, start + renewal);
}

static int by_hours(const void *a, const void *b)
{
    const struct smx_discover_one *x = a, *y = b;

    return (x->hours > y->hours) - (x->hours < y->hours);
}

void smx_discover_count(struct smx_discover_tally *t, const struct smx_discover_config *config,
                        struct smx_rng *rng)
{
    struct smx_choice_relay *relay = calloc(3 * config->each, sizeof *relay);
    struct smx_choice_net *net;
    struct smx_params params;
    uint64_t epochs = config->days * (uint64_t)DAY_S / config->epoch_s;
    double got[3];

    assert(config->users <= SMX_DISCOVER_USERS);
    if (!relay)
        abort();
    memset(t, 0, sizeof *t);
    smx_params_preset(&params);
    params.epoch_s = config->epoch_s;
    smx_choice_relays(relay, config->each, config->share, rng, got);
    net = smx_choice_net_new(relay, 3 * config->each, &params, rng);
    for (size_t i = 0; i < config->users; i++) {
        struct trial s = {.relay = relay, .client = smx_choice_new(net, 2, rng)};
        uint16_t path[SMX_CHOICE_HOPS];

        t->users++;
        t->guards += smx_choice_draw(s.client, SMX_CHOICE_SLOT, 0, path) && relay[path[0]].corrupt;
        look(t, &s, 0);
        for (uint64_t e = 0; e < epochs && !is_done(&s); e++)
            epoch(t, &s, config, (double)(e * config->epoch_s), rng);
        smx_choice_free(s.client);
    }
    for (size_t i = 0; i < SMX_DISCOVERIES; i++)
        qsort(t->one[i], t->found[i], sizeof t->one[i][0], by_hours);
    smx_choice_net_free(net);
    free(relay);
}

/* ---- the attack ---- */

enum { EACH = 13, USERS = 60, DAYS = 14, SHARE_PERCENT = 20 };

static const struct {
    const char *found, *hours, *broken, *says;
} text[SMX_DISCOVERIES] = {
    {"middle_found", "middle_hours", "middle_broken", "users of whom an end of his saw a middle"},
    {"chain_found", "chain_hours", "chain_broken", "users whose guard a middle and an end of his saw"},
    {"guard_found", "guard_hours", "guard_broken", "users whose guard a middle of his saw, asked by noise"},
};

static void tell(struct smx_attack_result *r, const struct smx_discover_tally *t)
{
    struct smx_figures *f = &r->figures;

    for (size_t i = 0; i < SMX_DISCOVERIES; i++) {
        const struct smx_discover_one *half = &t->one[i][t->users / 2];

        smx_figures_add(f, text[i].found, (double)t->found[i] / (double)t->users, "share", text[i].says);
        if (t->found[i] <= t->users / 2)
            continue;
        smx_figures_add(f, text[i].hours, half->hours, "h", "until half of all users were found so");
        smx_figures_add(f, text[i].broken, half->broken, "calls", "calls that he has broken by then");
    }
    smx_figures_add(f, "corrupt_guard", (double)t->guards / (double)t->users, "share",
                    "users whose guard is his: one muted call shows the address");
}

/* A trial is a user, and it succeeds when his guard (not his address) is known within a day. */
static void alone(const struct smx_scenario *scenario, uint64_t seed, const char *arm,
                  struct smx_attack_result *r)
{
    bool ours = scenario && scenario->corrupt > 0; /* else what the preset says */
    struct smx_discover_config config = {.each = ours ? scenario->relays / 3 : EACH,
                                         .share = ours ? scenario->corrupt / 1e6 : SHARE_PERCENT / 100.0,
                                         .users = USERS,
                                         .days = DAYS,
                                         .epoch_s = HOUR_S,
                                         .breaks = strcmp(arm, "waits") != 0,
                                         .unbounded = strcmp(arm, "unbounded") == 0};
    struct smx_discover_tally *t = calloc(1, sizeof *t);
    uint8_t bytes[SMX_RNG_SEED] = "discover";
    struct smx_rng rng;
    size_t in_time = 0;

    if (!t)
        abort();
    memcpy(bytes + 16, &seed, sizeof seed);
    smx_rng_init(&rng, bytes);
    smx_discover_count(t, &config, &rng);
    while (in_time < t->found[SMX_DISCOVER_CHAIN] && t->one[SMX_DISCOVER_CHAIN][in_time].hours <= 24)
        in_time++;
    snprintf(r->name, sizeof r->name, "discover");
    snprintf(r->arm, sizeof r->arm, "%s", arm);
    snprintf(r->says, sizeof r->says,
             "the guard of a user is found within a day by who calls him and owns %g %% of each layer",
             config.share * 100);
    r->is_control = config.unbounded;
    smx_attack_trials(r, t->users, in_time, 1.0 / (double)config.each);
    tell(r, t);
    smx_rng_fini(&rng);
    free(t);
}

static const char *const arms[] = {SMX_ARM_ON, "waits", "unbounded", NULL};

const struct smx_attack smx_attack_discover = {
    .name = "discover",
    .does = "breaks calls with a user until relays of the adversary's stand in his circuit",
    .arms = arms,
    .alone = alone,
};
