#include "sim/adversary/polling.h"

#include "proto/base/rng.h"
#include "sim/network.h"
#include "sim/result.h"
#include "sim/scenario.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { CALLEE, CONTACT, STRANGER, PEOPLE };
enum {
    EVERY_MS = 10000,
    PATIENCE_MS = 6000, /* then he hangs up, and calls again */
    REFUSED_MS = 60000, /* he waits so long for it, if he is patient */
    BETWEEN_MS = 12000, /* blocks */
    REFUSED = 1000,     /* times the code: what stands for an answer that is no ringing */
    SILENT = 10000000,
    SHUFFLES = 2000,
};

/* ---- statistics ---- */

static int by_size(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;

    return (x > y) - (x < y);
}

/* The greatest distance between the two distributions: of blocks marked and others. */
static double distance(const struct smx_polling *r, const bool marked[])
{
    double sample[2][SMX_POLLING_BLOCKS * SMX_POLLING_ATTEMPTS], most = 0;
    size_t count[2] = {0, 0}, i = 0, k = 0;

    for (size_t b = 0; b < r->blocks; b++)
        for (size_t a = 0; a < r->attempts; a++)
            sample[marked[b]][count[marked[b]]++] = r->heard[b][a];
    for (size_t s = 0; s < 2; s++)
        qsort(sample[s], count[s], sizeof sample[s][0], by_size);
    while (i < count[0] && k < count[1]) {
        double at = fmin(sample[0][i], sample[1][k]);

        while (i < count[0] && sample[0][i] <= at)
            i++;
        while (k < count[1] && sample[1][k] <= at)
            k++;
        most = fmax(most, fabs((double)i / (double)count[0] - (double)k / (double)count[1]));
    }
    return most;
}

void smx_polling_judge(struct smx_polling *r)
{
    bool marked[SMX_POLLING_BLOCKS] = {false};
    uint8_t seed[SMX_RNG_SEED] = "shuffle";
    struct smx_rng rng;
    size_t as_much = 0;

    smx_rng_init(&rng, seed);
    for (size_t b = 0; b < r->blocks; b++)
        marked[b] = b % 2;
    r->d = distance(r, marked);
    for (size_t s = 0; s < SHUFFLES; s++) {
        for (size_t b = r->blocks - 1; b > 0; b--) {
            size_t other = smx_rng_below(&rng, (uint32_t)b + 1);
            bool kept = marked[b];

            marked[b] = marked[other];
            marked[other] = kept;
        }
        as_much += distance(r, marked) >= r->d - 1e-9;
    }
    r->p = (double)(as_much + 1) / (SHUFFLES + 1);
}

/* ---- the attack ---- */

struct scene {
    struct smx_sim_network *n;
    struct smx_sim_user *callee, *contact, *stranger;
    struct smx_rng rng;
};

/* Time passes; the callee answers his contact, and nobody else. */
static void pass(struct scene *s, unsigned ms)
{
    for (; ms > 0; ms -= ms < 20 ? ms : 20) {
        smx_sim_run_for(s->n, ms < 20 ? ms : 20);
        for (size_t i = 0; i < s->callee->call_count; i++) {
            struct smx_sim_call *p = &s->callee->call[i];

            if (!p->out && p->ringing && !p->answered && !smx_sim_call_is_over(p) &&
                strcmp(p->from, s->contact->name) == 0)
                smx_sim_call_pick_up(s->callee, p);
        }
    }
}

/* Both have spoken, and so know each other by name. */
static void acquaint(struct scene *s, struct smx_sim_user *a, struct smx_sim_user *b)
{
    struct smx_sim_call *p = smx_sim_call_place(a, smx_sim_target_name(b->name));

    b->answers = true;
    smx_sim_run_for(s->n, 4000);
    SMX_SIM_MUST(p->answered);
    smx_sim_call_hang_up(a, p);
    smx_sim_run_for(s->n, 4000);
    b->answers = false;
    smx_sim_user_forget(a);
    smx_sim_user_forget(b);
}

static bool set_up(struct scene *s, const struct smx_polling_config *config)
{
    static const char *const names[PEOPLE] = {"callee", "contact", "stranger"};
    struct smx_sim_network_config network = smx_sim_network_preset(config->seed);
    uint8_t seed[SMX_RNG_SEED] = "stranger";

    memcpy(seed + 16, &config->seed, sizeof config->seed);
    smx_rng_init(&s->rng, seed);
    network.circuits_max = 256;
    s->n = smx_sim_network_new(&network);
    for (unsigned i = 0; i < PEOPLE; i++) {
        smx_sim_client_make(s->n, i, (uint8_t)(i + 1), names[i], 2);
        smx_sim_client_start(s->n, i);
    }
    s->callee = &s->n->user[CALLEE];
    s->contact = &s->n->user[CONTACT];
    s->stranger = &s->n->user[STRANGER];
    if (!smx_sim_run_to_ready(s->n, 90000))
        return false;
    acquaint(s, s->callee, s->contact); /* so that the callee shows him by his name */
    acquaint(s, s->contact, s->callee);
    if (config->known) {
        acquaint(s, s->callee, s->stranger);
        acquaint(s, s->stranger, s->callee);
    }
    return true;
}

static double attempt(struct scene *s, struct smx_polling *r, bool patient)
{
    unsigned before = smx_rng_below(&s->rng, 1000);
    struct smx_sim_call *p;
    double heard;

    pass(s, before);
    p = smx_sim_call_place(s->stranger, smx_sim_target_name(s->callee->name));
    if (patient)
        for (unsigned ms = 0; ms < REFUSED_MS && !smx_sim_call_is_over(p); ms += 500)
            pass(s, 500);
    else
        pass(s, PATIENCE_MS);
    if (p->failed && (patient || !p->ringing)) {
        heard = p->code * (double)REFUSED + (patient ? (double)(p->over_at - p->placed) / 1e9 : 0);
        r->refused++;
    } else if (p->ringing) {
        heard = (double)(p->rang - p->placed) / 1e6;
        r->rang++;
    } else {
        heard = SILENT;
        r->silent++;
    }
    if (!smx_sim_call_is_over(p))
        smx_sim_call_hang_up(s->stranger, p);
    if (!patient)
        pass(s, EVERY_MS - PATIENCE_MS - before);
    smx_sim_user_forget(s->stranger);
    return heard;
}

static void block(struct scene *s, struct smx_polling *r, const struct smx_polling_config *config, size_t at)
{
    struct smx_sim_call *talk = NULL;

    if (at % 2 == 1) { /* the contact calls, at any moment of the stranger's */
        struct smx_sim_call *p =
            config->known ? NULL : smx_sim_call_place(s->stranger, smx_sim_target_name(s->callee->name));

        pass(s, 200 + smx_rng_below(&s->rng, 4000));
        talk = smx_sim_call_place(s->contact, smx_sim_target_name(s->callee->name));
        pass(s, 5000);
        r->contact_calls++;
        r->contact_answered += talk->answered && !smx_sim_call_is_over(talk);
        if (p && !smx_sim_call_is_over(p))
            smx_sim_call_hang_up(s->stranger, p);
        pass(s, EVERY_MS);
        smx_sim_user_forget(s->stranger);
    }
    for (size_t a = 0; a < config->attempts; a++)
        r->heard[at][a] = attempt(s, r, config->patient);
    if (talk && !smx_sim_call_is_over(talk))
        smx_sim_call_hang_up(s->contact, talk);
    pass(s, BETWEEN_MS);
    smx_sim_user_forget(s->contact);
    smx_sim_user_forget(s->callee);
}

void smx_polling_run(struct smx_polling *r, const struct smx_polling_config *config)
{
    struct scene s;

    memset(r, 0, sizeof *r);
    SMX_SIM_MUST(config->blocks <= SMX_POLLING_BLOCKS && config->attempts <= SMX_POLLING_ATTEMPTS);
    r->blocks = config->blocks;
    r->attempts = config->attempts;
    r->ready = set_up(&s, config);
    for (size_t b = 0; r->ready && b < config->blocks; b++)
        block(&s, r, config, b);
    if (r->ready)
        smx_polling_judge(r);
    smx_sim_network_free(s.n);
    smx_rng_fini(&s.rng);
}

/* ---- as an attack on a scenario ---- */

enum { BLOCKS = 12, BLOCKS_PATIENT = 10, EACH = 4, LEVEL = 100 /* one in so many alarms is false */ };

/* What he heard in the middle of a block: one value, as its calls go by the same circuits. */
static double middle_of(const struct smx_polling *p, size_t block)
{
    double heard[SMX_POLLING_ATTEMPTS];

    memcpy(heard, p->heard[block], p->attempts * sizeof heard[0]);
    qsort(heard, p->attempts, sizeof heard[0], by_size);
    return heard[p->attempts / 2];
}

/* A trial is an experiment with one callee, and it succeeds when busy and idle blocks differ at 99 %.  The
 * scores are what he heard, busy blocks being the true ones. */
static void alone(const struct smx_scenario *scenario, uint64_t seed, const char *arm,
                  struct smx_attack_result *r)
{
    struct smx_polling_config config = {.seed = seed,
                                        .blocks = BLOCKS,
                                        .attempts = EACH,
                                        .patient = strcmp(arm, "patient") == 0,
                                        .known = strcmp(arm, "known") == 0};
    struct smx_polling *p = calloc(1, sizeof *p);

    (void)scenario; /* a network of nine relays shows as much */
    SMX_SIM_MUST(p);
    if (config.patient) {
        config.blocks = BLOCKS_PATIENT;
        config.attempts = 1;
    }
    smx_polling_run(p, &config);
    snprintf(r->name, sizeof r->name, "polling");
    snprintf(r->arm, sizeof r->arm, "%s", arm);
    snprintf(r->says, sizeof r->says,
             "who calls every ten seconds tells when the callee is in a call, at the level of 99 %%");
    r->is_control = config.known;
    smx_attack_trial(r, p->ready && p->p < 1.0 / LEVEL, 1.0 / LEVEL);
    for (size_t b = 0; p->ready && b < p->blocks; b++)
        smx_scores_add(b % 2 ? &r->scores_true : &r->scores_false, middle_of(p, b));
    smx_figures_add(&r->figures, "distance", p->d, "", "of the two distributions (Kolmogorov-Smirnov)");
    smx_figures_add(&r->figures, "rang", (double)p->rang, "calls", "of his that rang");
    smx_figures_add(&r->figures, "refused", (double)p->refused, "calls", "of his that were refused");
    smx_figures_add(&r->figures, "silent", (double)p->silent, "calls", "of his that nobody answered");
    smx_figures_add(&r->figures, "contact_missed", (double)(p->contact_calls - p->contact_answered), "calls",
                    "of the contact that he kept out");
    free(p);
}

static const char *const arms[] = {SMX_ARM_ON, "patient", "known", NULL};

const struct smx_attack smx_attack_polling = {
    .name = "polling",
    .does =
        "a stranger calls every ten seconds and listens whether the callee is in a call; control: a contact",
    .arms = arms,
    .alone = alone,
};
