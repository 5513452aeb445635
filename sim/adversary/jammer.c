#include "sim/adversary/jammer.h"

#include "proto/base/rng.h"
#include "sim/network.h"
#include "sim/result.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { PARTY, TALKER }; /* clients; the others are behind them */
enum {
    SUSPECTS = 32,
    STEP_MS = 5,
    CALL_MS = 4000,
    READY_MS = 90000,
    HEARD_MS = 300, /* from a cut until it has been heard: the way through six relays */
    CALM = 10,      /* windows without a cut, for comparison */
    CUTS_EACH = 40, /* of one search at most */
    FRAMES = 64,    /* of one window */
};

struct scene {
    const struct smx_jammer_config *config;
    struct smx_sim_network *n;
    struct smx_rng rng;
    bool cut[SUSPECTS]; /* suspect i is client i + TALKER */
    smx_time from, until;
    bool missing[FRAMES]; /* of the frames of this window */
    size_t frames;
};

static bool tap(void *arg, smx_time now, uint32_t from, uint32_t to, uint8_t *bytes, size_t len,
                smx_time *delay)
{
    const struct scene *s = arg;

    (void)bytes;
    (void)len;
    (void)delay;
    if (now < s->from || now >= s->until)
        return true;
    for (size_t i = 0; i < s->config->suspects; i++)
        if (s->cut[i] && (s->n->user[i + TALKER].node == from || s->n->user[i + TALKER].node == to))
            return false;
    return true;
}

static bool set_up(struct scene *s, const struct smx_jammer_config *config)
{
    struct smx_sim_network_config network = smx_sim_network_preset(config->seed);
    uint8_t seed[SMX_RNG_SEED] = "jammer";
    struct smx_sim_call *call;

    memset(s, 0, sizeof *s);
    s->config = config;
    memcpy(seed + 16, &config->seed, sizeof config->seed);
    smx_rng_init(&s->rng, seed);
    network.clients_max = config->suspects + 1;
    network.params.epoch_s = 3600;
    network.circuits_max = 256;
    s->n = smx_sim_network_new(&network);
    for (uint32_t i = 0; i <= config->suspects; i++) {
        char name[16];

        snprintf(name, sizeof name, "user%u", (unsigned)i);
        smx_sim_client_make(s->n, i, i + 1, name, config->slots);
        smx_sim_client_start(s->n, i);
    }
    if (!smx_sim_run_to_ready(s->n, READY_MS))
        return false;
    s->n->user[PARTY].answers = true;
    call = smx_sim_call_place(&s->n->user[TALKER], smx_sim_target_name(s->n->user[PARTY].name));
    smx_sim_run_for(s->n, CALL_MS);
    smx_world_net(s->n->world)->common.loss = config->loss;
    smx_world_watch(s->n->world, tap, s);
    return call->answered && !smx_sim_call_is_over(call);
}

/* What the other party's phone gets: frame by frame, there or not. */
static void listen(struct scene *s, unsigned ms)
{
    const struct smx_sim_call *c = &s->n->user[PARTY].call[0];

    s->frames = 0;
    for (; ms > 0; ms -= ms < STEP_MS ? ms : STEP_MS) {
        uint32_t missing = c->missing, in = c->frames_in;

        smx_sim_run_for(s->n, ms < STEP_MS ? ms : STEP_MS);
        for (uint32_t i = missing; i < c->missing && s->frames < FRAMES; i++)
            s->missing[s->frames++] = true;
        for (uint32_t i = in; i < c->frames_in && s->frames < FRAMES; i++)
            s->missing[s->frames++] = false;
    }
}

static double count_missing(const struct scene *s)
{
    double count = 0;

    for (size_t i = 0; i < s->frames; i++)
        count += s->missing[i] && (!s->config->repeated || (i + 1 < s->frames && s->missing[i + 1]));
    return count;
}

static double window(struct scene *s, unsigned cut_ms)
{
    smx_time now = smx_world_now(s->n->world);

    s->from = now;
    s->until = now + SMX_MS(cut_ms);
    listen(s, s->config->cut_ms + HEARD_MS);
    return count_missing(s);
}

/* Half of the suspects, the likelier ones as often as the others. */
static void draw_set(struct scene *s)
{
    size_t order[SUSPECTS], n = s->config->suspects;

    for (size_t i = 0; i < n; i++)
        order[i] = i;
    for (size_t i = n; i > 1; i--) {
        size_t other = smx_rng_below(&s->rng, (uint32_t)i), kept = order[i - 1];

        order[i - 1] = order[other];
        order[other] = kept;
    }
    for (size_t i = 0; i < n; i++)
        s->cut[order[i]] = i < (n + 1) / 2;
}

/* Poisson: so many frames are missing anyhow, and with a cut most of its own besides. */
static double evidence(const struct smx_jammer_tally *t, const struct smx_jammer_config *config,
                       double missing)
{
    double calm = fmax(t->calm, 0.02), frames = config->cut_ms / 20.0, hit;

    hit = calm + fmax(0.25, 0.8 * (config->repeated ? frames - 1 : frames));
    return missing * log(hit / calm) - (hit - calm);
}

static bool search(struct scene *s, struct smx_jammer_tally *t)
{
    double odds[SUSPECTS] = {0}; /* logarithms */
    size_t n = s->config->suspects;

    for (unsigned i = 0; i < CUTS_EACH && t->cuts < SMX_JAMMER_CUTS; i++) {
        double e, missing, best = 0, sum = 0;
        size_t who = 0;

        draw_set(s);
        missing = window(s, s->config->cut_ms);
        t->missing[t->cuts] = missing;
        t->hit[t->cuts++] = s->cut[0];
        e = evidence(t, s->config, missing);
        for (size_t k = 0; k < n; k++)
            odds[k] += s->cut[k] ? e : 0;
        for (size_t k = 0; k < n; k++)
            who = odds[k] > odds[who] ? k : who;
        for (size_t k = 0; k < n; k++)
            sum += exp(odds[k] - odds[who]);
        best = 1 / sum;
        if (best < 0.99)
            continue;
        t->named++;
        t->right += who == 0;
        return true;
    }
    return false;
}

void smx_jammer_run(struct smx_jammer_tally *t, const struct smx_jammer_config *config)
{
    struct scene s;

    SMX_SIM_MUST(config->suspects >= 2 && config->suspects <= SUSPECTS);
    memset(t, 0, sizeof *t);
    t->ready = set_up(&s, config);
    for (unsigned i = 0; t->ready && i < CALM; i++)
        t->calm += window(&s, 0) / CALM;
    for (size_t i = 0; t->ready && i < config->searches; i++) {
        t->searches++;
        (void)search(&s, t);
    }
    smx_sim_network_free(s.n);
    smx_rng_fini(&s.rng);
}

/* ---- the attack ---- */

enum { MANY = 7, SEARCHES = 8 };

static const struct arm {
    const char *name;
    unsigned cut_ms;
    uint8_t slots;
    uint32_t loss;
    bool repeated;
} ways[] = {
    {SMX_ARM_ON, 60, 2, 0, false},        /* as it is */
    {"single", 60, 1, 0, false},          /* one slot: no stand-by */
    {"short", 20, 2, 0, false},           /* one datagram each way */
    {"repeated", 20, 2, 0, true},         /* and each frame twice */
    {"lossy", 60, 2, 10000, false},       /* 1 % on each link hides some of it */
    {"lossy-short", 20, 2, 10000, false}, /* */
};

/* A trial is a search, and it succeeds when the talker is named.  It must: this is the limit that the threat
 * table names. */
static void alone(const struct smx_scenario *scenario, uint64_t seed, const char *arm,
                  struct smx_attack_result *r)
{
    const struct arm *way = ways;
    struct smx_jammer_tally *t = calloc(1, sizeof *t);
    struct smx_jammer_config config;

    (void)scenario; /* its own network, so that a cut means the same in all */
    SMX_SIM_MUST(t);
    while (strcmp(way->name, arm) != 0)
        way++;
    config = (struct smx_jammer_config){.seed = seed,
                                        .suspects = MANY,
                                        .searches = SEARCHES,
                                        .cut_ms = way->cut_ms,
                                        .slots = way->slots,
                                        .loss = way->loss,
                                        .repeated = way->repeated};
    smx_jammer_run(t, &config);
    snprintf(r->name, sizeof r->name, "jammer");
    snprintf(r->arm, sizeof r->arm, "%s", arm);
    snprintf(
        r->says, sizeof r->says,
        "of %d suspects the talker is named by cutting access links for %u ms (a limit: it must be possible)",
        MANY, way->cut_ms);
    smx_attack_trials(r, t->searches, t->right, 1.0 / MANY);
    for (size_t i = 0; i < t->cuts; i++)
        smx_scores_add(t->hit[i] ? &r->scores_true : &r->scores_false, t->missing[i]);
    if (t->searches > 0)
        smx_figures_add(&r->figures, "cuts", (double)t->cuts / (double)t->searches, "cuts",
                        "of a search, until one is named at 99 %, or given up");
    smx_figures_add(&r->figures, "calm", t->calm, "frames", "missing in as long without a cut");
    free(t);
}

static const char *const arms[] = {SMX_ARM_ON, "single", "short", "repeated", "lossy", "lossy-short", NULL};

const struct smx_attack smx_attack_jammer = {
    .name = "jammer",
    .does =
        "the other party listens while an accomplice cuts the access links of half of the suspects at a time",
    .arms = arms,
    .alone = alone,
};
