#include "sim/adversary/build.h"

#include "proto/circuit/command.h"
#include "sim/adversary/inside.h"
#include "sim/result.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    WAIT_MS = 1000,    /* client/circuits.c, EXTEND_MEAN_MS */
    WAY_MS = 60,       /* at least: there and back between client and middle, by timetables */
    MEMORY_MS = 15000, /* what is older is not taken for it */
    LOOK_MS = 10,
    JUDGE_MS = 6000, /* later: the old circuit is silent, and ids on both sides tell the truth */
    RECENT = 512,
    READY_MS = 90000,
    TABLE = 256,
    IMAGINED_MAX = 8192,
};

/* ---- what the times say ---- */

/* Times at which guards were asked to lengthen circuits to a middle; one arrives at its end at `at`, true_one
 * among them.  Each weighs as likely as its wait is. */
static struct smx_build_one judge(const double *asked, size_t count, size_t true_one, double at, double mean,
                                  double way, size_t stand)
{
    struct smx_build_one one = {.stand = stand};
    double sum = 0, most = 0, bits = 0;
    size_t best = count;

    for (size_t i = 0; i < count; i++) {
        double wait = at - asked[i] - way, w = wait < 0 ? 0 : exp(-wait / mean);

        sum += w;
        if (w > most) {
            most = w;
            best = i;
        }
        if (i == true_one)
            one.weight = w;
    }
    for (size_t i = 0; sum > 0 && i < count; i++) {
        double wait = at - asked[i] - way, w = wait < 0 ? 0 : exp(-wait / mean) / sum;

        bits -= w > 0 ? w * log2(w) : 0;
    }
    one.weight = sum > 0 ? one.weight / sum : 0;
    one.bits = bits;
    one.right = best == true_one && best < count;
    return one;
}

void smx_build_imagine(struct smx_build_tally *t, const struct smx_build_model *model, struct smx_rng *rng)
{
    double rate = (double)model->circuits / model->epoch_s;
    double *asked = calloc(IMAGINED_MAX, sizeof *asked);

    SMX_SIM_MUST(asked && model->trials <= SMX_BUILD_TRIALS);
    memset(t, 0, sizeof *t);
    t->ready = true;
    t->rate = rate;
    /* Seen from the one that arrives at time 0: it was asked for one wait ago, and the others, of whom the
     * end sees none arrive yet or cannot tell whose those are, at a Poisson process of times. */
    for (; t->trials < model->trials; t->trials++) {
        double time = 0, own = -model->wait_s * log(((double)smx_rng_u32(rng) + 0.5) / 4294967296.0);
        size_t count = 1;

        asked[0] = -own;
        while (count < IMAGINED_MAX) {
            time -= -log(((double)smx_rng_u32(rng) + 0.5) / 4294967296.0) / rate;
            if (time < -12 * model->wait_s || time < -(double)model->epoch_s)
                break;
            asked[count++] = time;
        }
        t->one[t->trials] = judge(asked, count, 0, 0, model->wait_s, 0, model->circuits);
    }
    free(asked);
}

/* ---- real cores ---- */

struct asked { /* a circuit that a guard was asked to lengthen */
    struct smx_inside_circuit circuit;
    smx_time at;
    bool renews;
    struct smx_inside_circuit old; /* what it replaces */
};

struct scene {
    const struct smx_build_config *config;
    struct smx_sim_network *n;
    struct smx_build_tally *tally;
    smx_time begin;
    bool (*known)[TABLE][2]; /* [relay]: this generation's circuit was seen; and with somebody behind it */
    uint16_t (*generation)[TABLE];
    struct asked asked[RECENT];
    size_t count; /* of all; the newest RECENT are kept */
    struct arrival {
        struct scene *of;
        struct smx_inside_circuit circuit;
        smx_time at;
        size_t stand;
    } arrival[RECENT];
    size_t next;
};

/* Guards' circuits to this middle, standing now. */
static size_t count_standing(const struct scene *s, uint32_t middle)
{
    struct smx_inside_circuit list[TABLE];
    size_t count = 0;

    for (size_t r = 0; r < s->n->relays; r++) {
        size_t here = smx_inside_list(s->n, r, list, TABLE);

        for (size_t i = 0; i < here; i++)
            count += list[i].from >= s->n->relays && list[i].to == middle;
    }
    return count;
}

static bool leads_to(const struct scene *s, const struct smx_inside_circuit *c,
                     const struct smx_inside_circuit *end)
{
    struct smx_inside_circuit middle, last;

    return smx_inside_next(s->n, c, &middle) && smx_inside_next(s->n, &middle, &last) &&
           last.relay == end->relay && last.at == end->at && last.generation == end->generation;
}

/* How well it fits that the old circuit fell silent when it did: a slot's at once, an errand circuit's with
 * its slower turns, a listening one's after client/circuits.c has listened on it for four seconds more. */
static double fit_of(const struct scene *s, const struct asked *q, smx_time at)
{
    double silent = q->renews ? (double)smx_inside_heard(s->n, &q->old) / 1e9 : 0;
    double late = silent - (double)at / 1e9;

    if (q->circuit.period == SMX_PERIOD_SLOT)
        return exp(-fabs(late - 0.1) / 0.12);
    return exp(-fabs(late - 0.3) / 0.35) + exp(-fabs(late - 4.4) / 0.3);
}

static size_t best_of(const double *weight, size_t count)
{
    size_t best = 0;

    for (size_t i = 1; i < count; i++)
        best = weight[i] > weight[best] ? i : best;
    return best;
}

/* A while later the truth is there. */
static void conclude(void *arg)
{
    struct arrival *a = arg;
    struct scene *s = a->of;
    double times[RECENT], fit[RECENT], both[RECENT];
    size_t count = 0, true_one = RECENT;
    struct smx_build_one *one;

    for (size_t i = s->count > RECENT ? s->count - RECENT : 0; i < s->count; i++) {
        const struct asked *q = &s->asked[i % RECENT];

        if (q->circuit.to != a->circuit.from || q->at > a->at || q->at + SMX_MS(MEMORY_MS) < a->at)
            continue;
        if (leads_to(s, &q->circuit, &a->circuit))
            true_one = count;
        times[count] = (double)q->at / 1e9;
        fit[count] = fit_of(s, q, a->at);
        both[count] = (fit[count] + 1e-6) * exp((times[count] - (double)a->at / 1e9) / (WAIT_MS / 1e3));
        count++;
    }
    a->of = NULL;
    if (true_one == RECENT || s->tally->trials == SMX_BUILD_TRIALS)
        return;
    one = &s->tally->one[s->tally->trials++];
    *one = judge(times, count, true_one, (double)a->at / 1e9, WAIT_MS / 1e3, WAY_MS / 1e3, a->stand);
    one->taken = best_of(fit, count) == true_one;
    one->both = best_of(both, count) == true_one;
}

static void seen(struct scene *s, const struct smx_inside_circuit *c, bool first)
{
    smx_time now = smx_world_now(s->n->world);
    struct arrival *a = &s->arrival[s->next % RECENT];

    if (!first && c->from >= s->n->relays) { /* a client's: it goes on from here */
        struct asked *q = &s->asked[s->count++ % RECENT];

        *q = (struct asked){.circuit = *c, .at = now};
        q->renews = smx_inside_twin(s->n, c, &q->old);
    } else if (first && c->from < s->n->relays && !c->between && !a->of && now > s->begin) {
        *a = (struct arrival){s, *c, now, count_standing(s, c->from)};
        s->next++;
        smx_world_at(s->n->world, now + SMX_MS(JUDGE_MS), conclude, a);
    }
}

static void look(struct scene *s)
{
    struct smx_inside_circuit list[TABLE];

    for (size_t r = 0; r < s->n->relays; r++) {
        size_t count = smx_inside_list(s->n, r, list, TABLE);

        for (size_t i = 0; i < count; i++) {
            const struct smx_inside_circuit *c = &list[i];
            bool *known = s->known[r][c->at];
            bool ends = c->to == SMX_INSIDE_NOBODY;

            if (s->generation[r][c->at] != c->generation) {
                s->generation[r][c->at] = c->generation;
                known[0] = known[1] = false;
            }
            if (!known[0])
                seen(s, c, true);
            if (!ends && !known[1])
                seen(s, c, false);
            known[0] = true;
            known[1] = known[1] || !ends;
        }
    }
}

static bool set_up(struct scene *s)
{
    struct smx_sim_network_config network = smx_sim_network_preset(s->config->seed);

    network.clients_max = s->config->clients;
    network.params.epoch_s = s->config->epoch_s;
    network.circuits_max = TABLE;
    s->n = smx_sim_network_new(&network);
    for (uint32_t i = 0; i < s->config->clients; i++) {
        char name[16];

        snprintf(name, sizeof name, "user%u", (unsigned)i);
        smx_sim_client_make(s->n, i, i + 1, name, 2);
        smx_sim_client_start(s->n, i);
    }
    s->known = calloc(s->n->relays, sizeof *s->known);
    s->generation = calloc(s->n->relays, sizeof *s->generation);
    SMX_SIM_MUST(s->known && s->generation);
    if (!smx_sim_run_to_ready(s->n, READY_MS))
        return false;
    /* The first circuits are replaced in the first epoch: what is measured are renewals. */
    return true;
}

void smx_build_run(struct smx_build_tally *t, const struct smx_build_config *config)
{
    struct scene *s = calloc(1, sizeof *s);

    SMX_SIM_MUST(s);
    memset(t, 0, sizeof *t);
    s->config = config;
    s->tally = t;
    t->ready = set_up(s);
    s->begin = smx_world_now(s->n->world) + SMX_SECOND(5);
    for (unsigned ms = 0; t->ready && ms < (config->seconds + 5) * 1000; ms += LOOK_MS) {
        smx_sim_run_for(s->n, LOOK_MS);
        look(s);
    }
    smx_sim_run_for(s->n, 2 * JUDGE_MS);
    if (config->seconds > 0) /* three middles */
        t->rate = (double)t->trials / config->seconds / 3;
    free(s->known);
    free(s->generation);
    smx_sim_network_free(s->n);
    free(s);
}

/* ---- the attack ---- */

enum { CLIENTS = 8, EPOCH_S = 60, SECONDS = 120, IMAGINED = 2000, HOUR_S = 3600 };

static void tell(struct smx_attack_result *r, const struct smx_build_tally *t)
{
    for (size_t i = 0; i < t->trials; i++) {
        const struct smx_build_one *one = &t->one[i];

        smx_figures_add(&r->figures, "by_wait", one->right, "share", "told right by the wait alone");
        smx_figures_add(&r->figures, "by_silence", one->taken, "share",
                        "told right by when the circuit that it replaces fell silent, alone");
        smx_attack_trial(r, one->both, 1.0 / (double)(one->stand > 0 ? one->stand : 1));
        smx_spread_add(&r->entropy, (uint64_t)lround(one->bits * 1000));
        smx_spread_add(&r->entropy_before, (uint64_t)lround(log2(fmax(1, (double)one->stand)) * 1000));
    }
}

/* How many circuits are told right, and what is left in bits, for other waits and other numbers of circuits.
 */
static void imagine(struct smx_attack_result *r, struct smx_rng *rng)
{
    static const size_t circuits[] = {32, 256, 2048};
    static const double wait[] = {1, 60, 300};
    struct smx_build_tally *t = calloc(1, sizeof *t);

    SMX_SIM_MUST(t);
    for (size_t c = 0; c < sizeof circuits / sizeof circuits[0]; c++)
        for (size_t w = 0; w < sizeof wait / sizeof wait[0]; w++) {
            struct smx_build_model model = {circuits[c], HOUR_S, wait[w], IMAGINED};
            char name[SMX_RESULT_NAME];
            double right = 0, bits = 0;

            smx_build_imagine(t, &model, rng);
            for (size_t i = 0; i < t->trials; i++) {
                right += t->one[i].right / (double)t->trials;
                bits += t->one[i].bits / (double)t->trials;
            }
            snprintf(name, sizeof name, "model_%zu_circuits_%g_s_right", circuits[c], wait[w]);
            smx_figures_add(
                &r->figures, name, right, "share",
                "told right in a model of times: circuits of a middle, mean wait, epochs of an hour");
            snprintf(name, sizeof name, "model_%zu_circuits_%g_s_bits", circuits[c], wait[w]);
            smx_figures_add(&r->figures, name, bits, "bits", "and what is left of the anonymity set");
        }
    free(t);
}

static void alone(const struct smx_scenario *scenario, uint64_t seed, const char *arm,
                  struct smx_attack_result *r)
{
    struct smx_build_config config = {
        .seed = seed, .clients = CLIENTS, .epoch_s = EPOCH_S, .seconds = SECONDS};
    struct smx_build_tally *t = calloc(1, sizeof *t);
    uint8_t bytes[SMX_RNG_SEED] = "build";
    struct smx_rng rng;

    (void)scenario;
    SMX_SIM_MUST(t);
    memcpy(bytes + 16, &seed, sizeof seed);
    smx_rng_init(&rng, bytes);
    smx_build_run(t, &config);
    snprintf(r->name, sizeof r->name, "build");
    snprintf(r->arm, sizeof r->arm, "%s", arm);
    snprintf(r->says, sizeof r->says,
             "guard and end, an honest middle between, tell by times alone which circuits are the same");
    tell(r, t);
    smx_figures_add(&r->figures, "built_per_s", t->rate, "1/s",
                    "circuits built through a middle; at an hour's epoch 3600 times as many stand there");
    imagine(r, &rng);
    smx_rng_fini(&rng);
    free(t);
}

static const char *const arms[] = {SMX_ARM_ON, NULL};

const struct smx_attack smx_attack_build = {
    .name = "build",
    .does = "guard and end of a circuit, with an honest middle between, match when it was built",
    .arms = arms,
    .alone = alone,
};
