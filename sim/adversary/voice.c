#include "sim/adversary/voice.h"

#include "sim/adversary/match.h"
#include "sim/adversary/mouth.h"
#include "sim/adversary/phrase.h"
#include "sim/adversary/signal.h"
#include "sim/trace.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    TALKED_S = 5,
    LAG_MS = 500,
    TALK_MS = 1000, /* means of spurts and pauses, after ITU-T P.59: 1.0 and 1.6 s */
    PAUSE_MS = 1600,
};

/* What a client's phone is to say. */
struct speaker {
    struct smx_rng rng;
    bool speaks;
    size_t until; /* bin at which the spurt or pause ends */
    /* phrases */
    uint8_t *phrase; /* of each turn */
    uint8_t (*said)[SMX_PHRASE_SPAN];
};

struct listener {
    const char *arm;
    struct smx_trace *trace;
    struct smx_mouths *mouths;
    size_t clients, turns;
    struct speaker *speaker;
    struct smx_phrase phrase[SMX_PHRASES];
};

static void *must(void *p)
{
    if (!p)
        abort();
    return p;
}

/* ---- talk and silence ---- */

static bool says_spurts(void *arg, size_t client, size_t bin)
{
    struct speaker *s = &((struct listener *)arg)->speaker[client];

    if (bin >= s->until) {
        s->speaks = !s->speaks;
        s->until = bin + 1 + (size_t)smx_rng_exp(&s->rng, (s->speaks ? TALK_MS : PAUSE_MS) / SMX_MOUTH_MS);
    }
    return s->speaks;
}

/* ---- phrases ---- */

static bool says_phrases(void *arg, size_t client, size_t bin)
{
    struct listener *l = arg;
    struct speaker *s = &l->speaker[client];
    size_t turn = bin / SMX_PHRASE_SPAN;

    if (turn >= l->turns)
        return false;
    if (bin % SMX_PHRASE_SPAN == 0) {
        s->phrase[turn] = (uint8_t)smx_rng_below(&s->rng, SMX_PHRASES);
        smx_phrase_say(s->said[turn], &l->phrase[s->phrase[turn]], &s->rng);
    }
    return s->said[turn][bin % SMX_PHRASE_SPAN] > 0;
}

/* ---- beginning and end ---- */

static struct listener *begin(struct smx_sim *sim, const char *arm, bool phrases)
{
    struct listener *l = must(calloc(1, sizeof *l));

    l->arm = arm;
    l->clients = smx_sim_network(sim)->clients;
    l->speaker = must(calloc(l->clients + 1, sizeof *l->speaker));
    l->turns = (size_t)((smx_sim_ends(sim) - smx_sim_begins(sim)) / SMX_MS(SMX_MOUTH_MS)) / SMX_PHRASE_SPAN;
    smx_phrases_draw(l->phrase, smx_sim_rng(sim));
    for (size_t i = 0; i < l->clients; i++) {
        smx_rng_fork(&l->speaker[i].rng, smx_sim_rng(sim));
        if (phrases) {
            l->speaker[i].phrase = must(calloc(l->turns + 1, 1));
            l->speaker[i].said = must(calloc(l->turns + 1, sizeof *l->speaker[i].said));
        }
    }
    l->trace = smx_trace_new(smx_sim_begins(sim), smx_sim_ends(sim), smx_sim_scenario(sim)->relays);
    smx_sim_watch(sim, smx_trace_tap, l->trace);
    l->mouths = smx_mouths_open(sim, phrases ? says_phrases : says_spurts, l);
    return l;
}

static void *begin_voice(struct smx_sim *sim, const char *arm)
{
    return begin(sim, arm, false);
}

static void *begin_phrases(struct smx_sim *sim, const char *arm)
{
    return begin(sim, arm, true);
}

static void end(struct listener *l, struct smx_sim *sim, struct smx_attack_result *result)
{
    smx_sim_unwatch(sim, smx_trace_tap, l->trace);
    smx_mouths_close(l->mouths);
    result->is_control = strcmp(l->arm, SMX_ARM_ON) != 0;
}

static void forget(struct listener *l)
{
    smx_mouths_free(l->mouths);
    smx_trace_free(l->trace);
    for (size_t i = 0; i < l->clients; i++) {
        free(l->speaker[i].phrase);
        free(l->speaker[i].said);
    }
    free(l->speaker);
    free(l);
}

/* ---- voice: judging ---- */

static void end_voice(void *self, struct smx_sim *sim, struct smx_attack_result *result)
{
    struct listener *l = self;
    uint32_t relays = smx_sim_scenario(sim)->relays;
    size_t bins = (size_t)((smx_sim_now(sim) - smx_sim_begins(sim)) / SMX_MS(SMX_MOUTH_MS));
    struct smx_match m;
    float *spoken, *got;

    end(l, sim, result);
    smx_match_of(&m, sim, SMX_SECOND(TALKED_S));
    bins = bins < smx_mouth_bins(l->mouths) ? bins : smx_mouth_bins(l->mouths);
    got = must(calloc(m.callees * bins + 1, sizeof *got));
    spoken = must(calloc(bins + 1, sizeof *spoken));
    for (size_t k = 0; k < m.callees; k++) {
        smx_trace_rate_access(l->trace, relays, m.callee[k], true, SMX_TRACE_BYTES, 0, SMX_MS(SMX_MOUTH_MS),
                              got + k * bins, bins);
        smx_signal_standardize(got + k * bins, bins);
    }
    for (size_t i = 0; i < m.callers; i++) {
        for (size_t b = 0; b < bins; b++)
            spoken[b] = smx_mouth(l->mouths, m.caller[i] - relays)[b];
        smx_signal_standardize(spoken, bins);
        for (size_t k = 0; k < m.callees; k++) {
            size_t p = i * m.callees + k;
            double r = smx_signal_correlate(spoken, got + k * bins, bins, 0, LAG_MS / SMX_MOUTH_MS, NULL);

            m.score[p] = r;
            /* spurts of a second: some 50 bins go together */
            m.weight[p] = exp(fmin(r > 0 ? r * r * (double)bins / 50 / 2 : 0, 600));
        }
    }
    smx_match_judge(&m, result, smx_sim_rng(sim));
    snprintf(result->says, sizeof result->says,
             "by when a caller spoke, the other end of his call was named among all who were called");
    smx_figures_add(&result->figures, "candidates", (double)m.callees, "clients",
                    "among whom the other end is");
    free(spoken);
    free(got);
    smx_match_fini(&m);
    forget(l);
}

/* ---- phrases: judging ---- */

/* Which fits best?  Equals in random order. */
static size_t best_of(const double fit[SMX_PHRASES], struct smx_rng *rng)
{
    size_t best = 0;
    uint32_t ties = 1;

    for (size_t p = 1; p < SMX_PHRASES; p++)
        if (fit[p] > fit[best]) {
            best = p;
            ties = 1;
        } else if (!(fit[p] < fit[best]) && smx_rng_below(rng, ++ties) == 0) {
            best = p;
        }
    return best;
}

static void judge_turn(const struct listener *l, struct smx_attack_result *result, struct smx_rng *rng,
                       size_t client, size_t turn, const float *seen)
{
    const struct speaker *s = &l->speaker[client];
    float leg[SMX_PHRASE_SEEN] = {0};
    double fit[SMX_PHRASES];

    smx_phrase_fit(fit, l->phrase, SMX_PHRASE_BY_SILENCE, seen);
    for (size_t p = 0; p < SMX_PHRASES; p++)
        if (p == s->phrase[turn])
            smx_scores_add(&result->scores_true, fit[p]);
        else
            smx_scores_add(&result->scores_false, fit[p]);
    smx_attack_trial(result, best_of(fit, rng) == s->phrase[turn], 1.0 / SMX_PHRASES);
    for (size_t i = 0; i < SMX_PHRASE_SPAN; i++)
        leg[i] = smx_phrase_bytes(s->said[turn][i]);
    smx_phrase_fit(fit, l->phrase, SMX_PHRASE_BY_SIZE, leg);
    smx_figures_add(&result->figures, "found_on_the_phones_leg", best_of(fit, rng) == s->phrase[turn],
                    "share",
                    "phrases told by packet sizes of a codec with variable rate, between phone and client");
}

static void judge_call(const struct listener *l, struct smx_sim *sim, struct smx_attack_result *result,
                       const struct smx_truth_call *call)
{
    smx_time start = smx_sim_begins(sim), turn = SMX_MS(SMX_MOUTH_MS) * SMX_PHRASE_SPAN;
    smx_time until = smx_time_min(call->ended, smx_sim_now(sim));
    uint32_t relays = smx_sim_scenario(sim)->relays;

    if (call->answered == SMX_NEVER)
        return;
    for (size_t t = (size_t)((call->answered - start) / turn) + 1; t < l->turns; t++) {
        float seen[SMX_PHRASE_SEEN] = {0};

        if (start + (t + 1) * turn + SMX_MS(LAG_MS) > until)
            break;
        smx_trace_rate_access(l->trace, relays, relays + (uint32_t)call->caller, false, SMX_TRACE_BYTES,
                              t * turn, SMX_MS(SMX_MOUTH_MS), seen, SMX_PHRASE_SEEN);
        judge_turn(l, result, smx_sim_rng(sim), call->caller, t, seen);
    }
}

static void end_phrases(void *self, struct smx_sim *sim, struct smx_attack_result *result)
{
    struct listener *l = self;
    size_t count;
    const struct smx_truth_call *call = smx_sim_truth(sim, &count);

    end(l, sim, result);
    for (size_t i = 0; i < count; i++)
        judge_call(l, sim, result, &call[i]);
    snprintf(result->says, sizeof result->says,
             "which of %d phrases a caller had just said was told from his access link", SMX_PHRASES);
    forget(l);
}

static const char *const arms[] = {SMX_ARM_ON, SMX_ARM_OFF, NULL};

const struct smx_attack smx_attack_voice = {
    .name = "voice",
    .does =
        "knows when each caller spoke, and looks for that pattern in what is sent to those who were called",
    .arms = arms,
    .begin = begin_voice,
    .end = end_voice,
};

const struct smx_attack smx_attack_phrases = {
    .name = "phrases",
    .does = "tells from a caller's access link which of 32 known phrases he said",
    .arms = arms,
    .begin = begin_phrases,
    .end = end_phrases,
};
