#include "sim/presence.h"

#include "sim/agenda.h"
#include "sim/calls.h"

#include <stdlib.h>

enum { TRIES = 64 }; /* as in sim/calls.c */
#define NOBODY SIZE_MAX

struct person {
    bool goes; /* comes and goes */
    bool online;
    smx_time since; /* on line */
    size_t with;    /* whom he is in a call with, or NOBODY */
    bool out, talks;
    smx_time answered;
    uint64_t call; /* its number */
    bool unanswered;
    smx_time hold;
};

struct presence {
    const struct smx_scenario *s;
    struct smx_world *world; /* a clock */
    struct smx_agenda *agenda;
    struct smx_rng rng;
    struct person *person;
    uint32_t *contact;
    smx_presence_seen seen;
    void *arg;
    uint64_t calls;
    uint64_t tally[SMX_TALLY_COUNT];
    struct smx_presence_rates rates;
};

static smx_time now_of(const struct presence *p)
{
    return smx_world_now(p->world);
}

static void tell(struct presence *p, enum smx_presence_kind kind, size_t client, size_t other)
{
    struct smx_presence_event event = {now_of(p), kind, client, other};

    if (p->seen)
        p->seen(p->arg, &event);
}

static void later(struct presence *p, smx_time mean, void (*fn)(void *arg, uint64_t number), uint64_t number)
{
    smx_agenda_at(p->agenda, now_of(p) + 1 + smx_rng_exp(&p->rng, mean), fn, p, number);
}

/* ---- calls ---- */

static bool is_free(const struct presence *p, size_t i)
{
    return p->person[i].online && p->person[i].with == NOBODY;
}

static void end_call(struct presence *p, size_t caller)
{
    struct person *a = &p->person[caller], *b = &p->person[a->with];

    if (a->talks) {
        p->rates.hold_ns += (double)(now_of(p) - a->answered);
        p->rates.ended++;
    } else {
        p->tally[SMX_T_CALLS_REFUSED]++;
    }
    tell(p, SMX_PRESENCE_ENDS, caller, a->with);
    a->with = b->with = NOBODY;
    a->talks = false;
}

/* The caller of a call that is still the same one; NOBODY: it is over. */
static size_t caller_of(const struct presence *p, uint64_t number)
{
    size_t caller = (size_t)(number % p->s->clients);

    return p->person[caller].with != NOBODY && p->person[caller].out &&
                   p->person[caller].call == number / p->s->clients
               ? caller
               : NOBODY;
}

static void ends(void *arg, uint64_t number)
{
    struct presence *p = arg;
    size_t caller = caller_of(p, number);

    if (caller != NOBODY)
        end_call(p, caller);
}

static void answers(void *arg, uint64_t number)
{
    struct presence *p = arg;
    size_t caller = caller_of(p, number);

    if (caller == NOBODY)
        return;
    p->person[caller].talks = true;
    p->person[caller].answered = now_of(p);
    p->tally[SMX_T_CALLS_ANSWERED]++;
    tell(p, SMX_PRESENCE_TALKS, caller, p->person[caller].with);
    smx_agenda_at(p->agenda, now_of(p) + p->person[caller].hold, ends, p, number);
}

static bool find_pair(struct presence *p, size_t *caller, size_t *callee)
{
    uint32_t degree = p->s->calls.contacts;

    for (unsigned i = 0; i < TRIES; i++) {
        *caller = smx_rng_below(&p->rng, p->s->clients);
        *callee = p->contact[*caller * degree + smx_rng_below(&p->rng, degree)];
        if (is_free(p, *caller) && is_free(p, *callee))
            return true;
    }
    return false;
}

static void place(struct presence *p, bool whole)
{
    const struct smx_scenario_calls *calls = &p->s->calls;
    size_t caller, callee;
    struct person *a;
    uint64_t number;

    if (!find_pair(p, &caller, &callee))
        return;
    a = &p->person[caller];
    a->with = callee;
    p->person[callee].with = caller;
    a->out = true;
    p->person[callee].out = false;
    a->call = p->calls++;
    a->hold = smx_draw_hold(&p->rng, calls, whole);
    number = a->call * p->s->clients + caller;
    p->rates.calls++;
    p->tally[SMX_T_CALLS_PLACED]++;
    p->tally[SMX_T_CALLS_RANG]++;
    tell(p, SMX_PRESENCE_CALLS, caller, callee);
    if (smx_rng_below(&p->rng, SMX_MILLION) < calls->unanswered)
        smx_agenda_at(p->agenda, now_of(p) + smx_draw_patience(&p->rng), ends, p, number);
    else
        later(p, calls->answer, answers, number);
}

static void place_first(void *arg, uint64_t number)
{
    (void)number;
    place(arg, false);
}

static void place_next(void *arg, uint64_t number)
{
    struct presence *p = arg;

    (void)number;
    place(p, true);
    later(p, p->s->calls.hold / p->s->calls.concurrent, place_next, 0);
}

/* ---- coming and going ---- */

static void comes(void *arg, uint64_t client);

static void goes(void *arg, uint64_t client)
{
    struct presence *p = arg;
    struct person *a = &p->person[client];

    if (a->with != NOBODY)
        end_call(p, a->out ? client : a->with);
    a->online = false;
    p->rates.online_ns += (double)(now_of(p) - a->since);
    tell(p, SMX_PRESENCE_GOES, client, NOBODY);
    later(p, p->s->churn.off, comes, client);
}

static void appear(struct presence *p, size_t client)
{
    p->person[client].online = true;
    p->person[client].since = now_of(p);
    tell(p, SMX_PRESENCE_COMES, client, NOBODY);
    if (p->person[client].goes)
        later(p, p->s->churn.on, goes, client);
}

static void comes(void *arg, uint64_t client)
{
    struct presence *p = arg;

    p->rates.comings++;
    appear(p, client);
}

static void begin(struct presence *p)
{
    double on = (double)p->s->churn.on, off = (double)p->s->churn.off;

    for (size_t i = 0; i < p->s->clients; i++)
        p->person[i] =
            (struct person){.goes = smx_rng_below(&p->rng, SMX_MILLION) < p->s->churn.share, .with = NOBODY};
    for (size_t i = 0; i < p->s->clients; i++) {
        if (!p->person[i].goes || smx_rng_u32(&p->rng) / 4294967296.0 < on / (on + off))
            appear(p, i);
        else
            later(p, p->s->churn.off, comes, i);
    }
    for (uint32_t i = 0; i < p->s->calls.concurrent; i++)
        smx_agenda_at(p->agenda, p->s->calls.ramp ? smx_rng_u64(&p->rng) % p->s->calls.ramp : 0, place_first,
                      p, 0);
    if (p->s->calls.concurrent > 0)
        later(p, p->s->calls.hold / p->s->calls.concurrent, place_next, 0);
}

void smx_presence_run(const struct smx_scenario *s, uint64_t seed, smx_presence_seen seen, void *arg,
                      struct smx_result *result)
{
    struct presence p = {.s = s, .seen = seen, .arg = arg};
    uint8_t bytes[SMX_RNG_SEED] = "presence";
    const struct smx_net_path none = {.cut = true};

    for (unsigned i = 0; i < 8; i++)
        bytes[SMX_RNG_SEED - 1 - i] = (uint8_t)(seed >> 8 * i);
    smx_rng_init(&p.rng, bytes);
    p.world = smx_world_new(seed, (struct smx_wall){0}, &none);
    p.agenda = smx_agenda_new(p.world);
    p.person = calloc(s->clients, sizeof *p.person);
    SMX_SIM_MUST(p.person);
    p.contact = smx_draw_contacts(&p.rng, &s->calls, s->clients, s->cities);
    begin(&p);
    smx_world_run(p.world, s->duration);
    for (size_t i = 0; i < s->clients; i++)
        p.rates.online_ns += p.person[i].online ? (double)(s->duration - p.person[i].since) : 0;
    if (result) {
        smx_result_seed(result, seed);
        result->virtual_ns += s->duration;
        if (s->clients > result->clients)
            result->clients = s->clients;
        for (size_t i = 0; i < SMX_TALLY_COUNT; i++)
            result->tally[i] += p.tally[i];
        p.rates.clients = s->clients;
        p.rates.time = s->duration;
        smx_presence_figures(&p.rates, result);
    }
    smx_agenda_free(p.agenda);
    smx_world_free(p.world);
    smx_rng_fini(&p.rng);
    free(p.person);
    free(p.contact);
}

void smx_presence_figures(const struct smx_presence_rates *r, struct smx_result *result)
{
    double hours = (double)r->time / 3600e9;

    if (r->time == 0)
        return;
    smx_figures_add(&result->figures, "online_share", r->online_ns / (double)r->time / (double)r->clients, "",
                    "share of users who are on line, in the mean");
    smx_figures_add(&result->figures, "comings_per_hour", (double)r->comings / hours, "1/h",
                    "users who come on line in an hour");
    smx_figures_add(&result->figures, "calls_per_hour", (double)r->calls / hours, "1/h",
                    "calls that are placed in an hour");
    if (r->ended > 0)
        smx_figures_add(&result->figures, "hold", r->hold_ns / (double)r->ended / 1e9, "s",
                        "from answer to end, of calls that have ended, in the mean");
}
