#include "sim/calls.h"

#include "sim/city.h"
#include "sim/run.h"
#include "sim/talk.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum {
    TRIES = 64,      /* to find a pair that is free */
    PATIENCE_S = 15, /* and once more so long in the mean */
    NEAR_KM = 8000,
    BUSY = 486,
};
#define NOBODY SIZE_MAX

/* A call under way. */
struct pair {
    bool used;
    uint32_t generation;
    size_t truth;   /* its number in the list */
    size_t user[2]; /* caller, callee */
    uint32_t id[2]; /* at their phones; 0: the callee's has not heard of it */
    bool talks[2];  /* that side speaks */
    bool over[2];
    bool taken;      /* by the callee */
    bool unanswered; /* nobody comes to the phone */
    smx_time hold;
    struct smx_talk talk[2];
};

struct smx_calls {
    const struct smx_scenario *scenario;
    struct smx_sim_network *n;
    struct smx_agenda *agenda;
    struct smx_rng rng;
    struct smx_sim_follower follower;
    uint32_t *contact;
    size_t *pair_of; /* of each user: his call, or NOBODY */
    bool *away;
    struct pair *pair;
    size_t pairs;
    struct smx_truth_call *truth;
    size_t truths, truth_room;
    smx_time end;
    struct smx_result *result; /* of calls that are over */
    uint64_t tally[SMX_TALLY_COUNT];
};

static smx_time now_of(const struct smx_calls *c)
{
    return smx_world_now(c->n->world);
}

/* ---- draws ---- */

double smx_draw_normal(struct smx_rng *rng) /* Box and Muller, 1958 */
{
    double u = ((double)smx_rng_u32(rng) + 1) / 4294967296.0, v = (double)smx_rng_u32(rng) / 4294967296.0;

    return sqrt(-2 * log(u)) * cos(6.283185307179586 * v);
}

smx_time smx_draw_hold(struct smx_rng *rng, const struct smx_scenario_calls *calls, bool whole)
{
    double sigma = calls->hold_sigma / 1e6, normal = smx_draw_normal(rng), left = 1, hold;

    /* met under way: the longer the likelier, which moves the logarithm's mean by sigma squared, */
    normal += whole ? 0 : sigma;
    if (!whole) /* and at any of its moments */
        left = ((double)smx_rng_u32(rng) + 1) / 4294967296.0;
    hold = (double)calls->hold * exp(sigma * normal - sigma * sigma / 2) * left;
    return hold < 1e18 ? (smx_time)hold : (smx_time)1e18;
}

smx_time smx_draw_patience(struct smx_rng *rng)
{
    return SMX_SECOND(PATIENCE_S) + smx_rng_exp(rng, SMX_SECOND(PATIENCE_S));
}

uint32_t *smx_draw_contacts(struct smx_rng *rng, const struct smx_scenario_calls *calls, uint32_t clients,
                            uint32_t cities)
{
    uint32_t *ring = calloc(clients, sizeof *ring), degree = calls->contacts, placed = 0;
    uint32_t *contact = calloc((size_t)clients * degree, sizeof *contact);

    SMX_SIM_MUST(ring && contact);
    for (uint32_t city = 0; city < cities; city++)
        for (uint32_t i = city; i < clients; i += cities)
            ring[placed++] = i;
    for (uint32_t at = 0; at < clients; at++)
        for (uint32_t k = 0; k < degree; k++) {
            uint32_t step = k / 2 + 1, to = k % 2 ? (at + clients - step) % clients : (at + step) % clients;

            if (smx_rng_below(rng, SMX_MILLION) < calls->rewire)
                to = (at + 1 + smx_rng_below(rng, clients - 1)) % clients;
            if (to == at) /* a ring shorter than its neighbourhood */
                to = (at + 1) % clients;
            contact[(size_t)ring[at] * degree + k] = ring[to];
        }
    free(ring);
    return contact;
}

/* ---- pairs ---- */

static uint64_t ticket(const struct smx_calls *c, const struct pair *p)
{
    return (uint64_t)p->generation << 32 | (uint64_t)(p - c->pair);
}

/* The call that a ticket is for; NULL: it is over. */
static struct pair *pair_of_ticket(struct smx_calls *c, uint64_t number)
{
    struct pair *p = &c->pair[number & UINT32_MAX];

    return p->used && p->generation == number >> 32 ? p : NULL;
}

static struct smx_truth_call *truth_of(struct smx_calls *c, const struct pair *p)
{
    return &c->truth[p->truth];
}

static struct smx_truth_call *new_truth(struct smx_calls *c)
{
    if (c->truths == c->truth_room) {
        c->truth_room = c->truth_room ? 2 * c->truth_room : 64;
        c->truth = realloc(c->truth, c->truth_room * sizeof *c->truth);
        SMX_SIM_MUST(c->truth);
    }
    return &c->truth[c->truths++];
}

static bool is_free(const struct smx_calls *c, size_t user)
{
    return !c->away[user] && c->n->user[user].ready && c->pair_of[user] == NOBODY;
}

static bool is_near(const struct smx_calls *c, const struct pair *p)
{
    uint32_t cities = c->scenario->cities;

    return smx_city_km(p->user[0] % cities, p->user[1] % cities) <= NEAR_KM;
}

static bool draws(struct smx_calls *c, uint32_t share)
{
    return smx_rng_below(&c->rng, SMX_MILLION) < share;
}

/* ---- how a call ends ---- */

static void count_end(struct smx_calls *c, const struct smx_truth_call *t)
{
    if (t->answered == SMX_NEVER)
        c->tally[t->wished ? SMX_T_CALLS_REFUSED : SMX_T_CALLS_FAILED]++;
    else
        c->tally[SMX_T_CALLS_CUT] += !t->wished;
}

static void judge(struct smx_calls *c, struct pair *p)
{
    for (unsigned side = 0; side < 2; side++)
        if (!p->talks[side]) /* he never spoke: an empty one */
            smx_hearing_init(&p->talk[side].hearing);
    smx_result_call(c->result, &p->talk[0].hearing, &p->talk[1].hearing, now_of(c), is_near(c, p));
    for (unsigned side = 0; side < 2; side++)
        if (p->talks[side])
            smx_talk_fini(&p->talk[side]);
}

static void over(struct smx_calls *c, struct pair *p, bool wished)
{
    struct smx_truth_call *t = truth_of(c, p);

    if (t->ended != SMX_NEVER)
        return;
    t->ended = now_of(c);
    t->wished = wished;
    count_end(c, t);
    judge(c, p);
    p->talks[0] = p->talks[1] = false;
}

/* Forgotten when neither side has it any more. */
static void side_over(struct smx_calls *c, struct pair *p, unsigned side)
{
    p->over[side] = true;
    if (p->id[1] == 0 && side == 0)
        p->over[1] = true; /* it never reached him */
    if (!p->over[0] || !p->over[1])
        return;
    for (unsigned i = 0; i < 2; i++)
        if (c->pair_of[p->user[i]] == (size_t)(p - c->pair))
            c->pair_of[p->user[i]] = NOBODY;
    p->used = false;
    p->generation++;
}

static struct smx_sim_call *call_of(struct smx_calls *c, const struct pair *p, unsigned side)
{
    struct smx_sim_user *u = &c->n->user[p->user[side]];

    for (size_t i = 0; i < u->call_count; i++)
        if (u->call[i].id == p->id[side])
            return &u->call[i];
    return NULL;
}

/* That side hangs up, or gives up; its phone forgets the call. */
static void hang_up(struct smx_calls *c, struct pair *p, unsigned side)
{
    struct smx_sim_user *u = &c->n->user[p->user[side]];
    struct smx_sim_call *call = call_of(c, p, side);

    over(c, p, true);
    if (call && !smx_sim_call_is_over(call)) {
        smx_sim_call_hang_up(u, call);
        smx_world_flush(c->n->world, u->node);
    }
    side_over(c, p, side);
}

static void hold_is_over(void *arg, uint64_t number)
{
    struct smx_calls *c = arg;
    struct pair *p = pair_of_ticket(c, number);
    unsigned side = smx_rng_below(&c->rng, 2);

    if (p && !p->over[0] && !p->over[1])
        hang_up(c, p, side);
}

static void patience_is_over(void *arg, uint64_t number)
{
    struct smx_calls *c = arg;
    struct pair *p = pair_of_ticket(c, number);

    if (p && !p->taken && !p->over[0])
        hang_up(c, p, 0);
}

/* ---- how it goes on ---- */

static void speak(struct smx_calls *c, struct pair *p, unsigned side)
{
    const struct smx_scenario_calls *calls = &c->scenario->calls;

    smx_talk_begin(&p->talk[side], now_of(c), &c->rng, calls->dtx, calls->talk, calls->pause);
    p->talks[side] = true;
}

static void take_call(void *arg, uint64_t number)
{
    struct smx_calls *c = arg;
    struct pair *p = pair_of_ticket(c, number);
    struct smx_sim_user *u;
    struct smx_sim_call *call;

    if (!p || p->over[1] || truth_of(c, p)->ended != SMX_NEVER)
        return;
    u = &c->n->user[p->user[1]];
    call = call_of(c, p, 1);
    if (!call || smx_sim_call_is_over(call))
        return;
    p->taken = true;
    smx_sim_call_pick_up(u, call);
    smx_world_flush(c->n->world, u->node);
    speak(c, p, 1);
}

/* The call that user's phone tells about; NULL: none of ours. */
static struct pair *pair_with(struct smx_calls *c, size_t user, uint32_t id, unsigned *side)
{
    struct pair *p = c->pair_of[user] == NOBODY ? NULL : &c->pair[c->pair_of[user]];

    if (!p)
        return NULL;
    *side = p->user[1] == user;
    return p->id[*side] == id ? p : NULL;
}

/* Is it he who calls?  The client names him, or tells his key. */
static bool is_from(const struct smx_sim_user *caller, const struct smx_sim_call *call)
{
    return strcmp(call->from, caller->name) == 0 || strcmp(call->from, smx_sim_target_key(caller).user) == 0;
}

/* A call has come.  One that nobody waits for finds the phone busy. */
static unsigned incoming(void *arg, struct smx_sim_user *u, const struct smx_sim_call *call)
{
    struct smx_calls *c = arg;
    size_t user = (size_t)(u - c->n->user);
    struct pair *p = c->pair_of[user] == NOBODY ? NULL : &c->pair[c->pair_of[user]];

    if (!p || p->user[1] != user || p->id[1] != 0 || !is_from(&c->n->user[p->user[0]], call))
        return BUSY;
    p->id[1] = call->id;
    c->tally[SMX_T_CALLS_RANG]++;
    smx_spread_add(&c->result->measure[SMX_M_SETUP], (now_of(c) - truth_of(c, p)->placed) / 1000);
    if (!p->unanswered)
        smx_agenda_at(c->agenda, now_of(c) + smx_rng_exp(&c->rng, c->scenario->calls.answer), take_call, c,
                      ticket(c, p));
    return 0;
}

static void outgoing(struct smx_calls *c, struct pair *p, const struct smx_sim_call *call)
{
    struct smx_truth_call *t = truth_of(c, p);

    if (t->ended != SMX_NEVER)
        return;
    if (call->answered && t->answered == SMX_NEVER) {
        t->answered = now_of(c);
        c->tally[SMX_T_CALLS_ANSWERED]++;
        speak(c, p, 0);
        smx_agenda_at(c->agenda, now_of(c) + p->hold, hold_is_over, c, ticket(c, p));
    } else if (call->ringing && t->rang == SMX_NEVER) {
        t->rang = now_of(c);
    }
}

static void told(void *arg, struct smx_sim_user *u, const struct smx_sim_call *call)
{
    struct smx_calls *c = arg;
    size_t user = (size_t)(u - c->n->user);
    unsigned side = 0;
    struct pair *p = pair_with(c, user, call->id, &side);

    if (!p)
        return;
    if (smx_sim_call_is_over(call)) {
        over(c, p, c->away[p->user[1]] || p->unanswered || (side == 0 && call->code == BUSY));
        side_over(c, p, side);
    } else if (side == 0) {
        outgoing(c, p, call);
    }
}

static bool take(void *arg, struct smx_sim_user *u, const struct smx_sim_call *call, struct smx_frame *frame)
{
    struct smx_calls *c = arg;
    unsigned side = 0;
    struct pair *p = pair_with(c, (size_t)(u - c->n->user), call->id, &side);

    return p && p->talks[side] && smx_talk_take(&p->talk[side], now_of(c), frame);
}

static void put(void *arg, struct smx_sim_user *u, const struct smx_sim_call *call,
                const struct smx_frame *frame)
{
    struct smx_calls *c = arg;
    unsigned side = 0;
    struct pair *p = pair_with(c, (size_t)(u - c->n->user), call->id, &side);

    if (p && p->talks[!side])
        smx_talk_heard(&p->talk[!side], now_of(c), frame);
}

/* ---- how it begins ---- */

/* A pair that is free; false: there is hardly one. */
static bool find_pair(struct smx_calls *c, size_t user[2])
{
    uint32_t clients = (uint32_t)c->n->clients, degree = c->scenario->calls.contacts;

    for (unsigned i = 0; i < TRIES; i++) {
        size_t a = smx_rng_below(&c->rng, clients);
        size_t b = c->contact[a * degree + smx_rng_below(&c->rng, degree)];

        if (is_free(c, a) && is_free(c, b)) {
            user[0] = a;
            user[1] = b;
            return true;
        }
    }
    return false;
}

static struct pair *new_pair(struct smx_calls *c)
{
    for (size_t i = 0; i < c->pairs; i++)
        if (!c->pair[i].used)
            return &c->pair[i];
    return NULL;
}

static void place(struct smx_calls *c, bool whole)
{
    struct pair *p = new_pair(c);
    struct smx_sim_user *u;
    smx_time now = now_of(c);
    size_t user[2];

    if (!p || now >= c->end || !find_pair(c, user))
        return;
    u = &c->n->user[user[0]];
    p->used = true;
    p->truth = c->truths;
    memcpy(p->user, user, sizeof p->user);
    p->id[1] = 0;
    p->taken = p->over[0] = p->over[1] = p->talks[0] = p->talks[1] = false;
    p->unanswered = draws(c, c->scenario->calls.unanswered);
    p->hold = smx_draw_hold(&c->rng, &c->scenario->calls, whole);
    c->pair_of[user[0]] = c->pair_of[user[1]] = (size_t)(p - c->pair);
    smx_sim_user_forget(u);
    smx_sim_user_forget(&c->n->user[user[1]]);
    p->id[0] = u->calls + 1;
    *new_truth(c) = (struct smx_truth_call){.caller = user[0],
                                            .callee = user[1],
                                            .id = p->id[0],
                                            .placed = now,
                                            .rang = SMX_NEVER,
                                            .answered = SMX_NEVER,
                                            .ended = SMX_NEVER};
    c->tally[SMX_T_CALLS_PLACED]++;
    if (p->unanswered)
        smx_agenda_at(c->agenda, now + smx_draw_patience(&c->rng), patience_is_over, c, ticket(c, p));
    (void)smx_sim_call_place(u, smx_sim_target_name(c->n->user[user[1]].name));
    smx_world_flush(c->n->world, u->node);
}

static void place_first(void *arg, uint64_t number)
{
    (void)number;
    place(arg, false);
}

static void place_next(void *arg, uint64_t number)
{
    struct smx_calls *c = arg;
    smx_time each = c->scenario->calls.hold / c->scenario->calls.concurrent;

    (void)number;
    place(c, true);
    if (now_of(c) < c->end)
        smx_agenda_at(c->agenda, now_of(c) + 1 + smx_rng_exp(&c->rng, each), place_next, c, 0);
}

/* ---- life ---- */

struct smx_calls *smx_calls_new(const struct smx_scenario *s, struct smx_sim_network *n,
                                struct smx_agenda *agenda, struct smx_rng *rng)
{
    struct smx_calls *c = calloc(1, sizeof *c);

    SMX_SIM_MUST(c);
    c->scenario = s;
    c->n = n;
    c->agenda = agenda;
    smx_rng_fork(&c->rng, rng);
    c->follower = (struct smx_sim_follower){c, incoming, told, take, put};
    c->contact = smx_draw_contacts(&c->rng, &s->calls, s->clients, s->cities);
    c->pair_of = calloc(n->clients, sizeof *c->pair_of);
    c->away = calloc(n->clients, sizeof *c->away);
    c->pairs = n->clients / 2;
    c->pair = calloc(c->pairs, sizeof *c->pair);
    c->result = smx_result_new("", NULL, "");
    SMX_SIM_MUST(c->pair_of && c->away && c->pair);
    for (size_t i = 0; i < n->clients; i++) {
        c->pair_of[i] = NOBODY;
        n->user[i].follower = &c->follower;
    }
    return c;
}

void smx_calls_free(struct smx_calls *c)
{
    if (!c)
        return;
    for (size_t i = 0; i < c->pairs; i++)
        for (unsigned side = 0; side < 2; side++)
            if (c->pair[i].used && c->pair[i].talks[side])
                smx_talk_fini(&c->pair[i].talk[side]);
    for (size_t i = 0; i < c->n->clients; i++)
        c->n->user[i].follower = NULL;
    smx_result_free(c->result);
    smx_rng_fini(&c->rng);
    free(c->contact);
    free(c->pair_of);
    free(c->away);
    free(c->pair);
    free(c->truth);
    free(c);
}

void smx_calls_begin(struct smx_calls *c, smx_time end)
{
    const struct smx_scenario_calls *calls = &c->scenario->calls;

    c->end = end;
    if (calls->concurrent == 0)
        return;
    for (uint32_t i = 0; i < calls->concurrent; i++)
        smx_agenda_at(c->agenda, now_of(c) + (calls->ramp ? smx_rng_u64(&c->rng) % calls->ramp : 0),
                      place_first, c, 0);
    smx_agenda_at(c->agenda, now_of(c) + smx_rng_exp(&c->rng, calls->hold / calls->concurrent), place_next, c,
                  0);
}

void smx_calls_leave(struct smx_calls *c, size_t client)
{
    struct pair *p = c->pair_of[client] == NOBODY ? NULL : &c->pair[c->pair_of[client]];
    unsigned side = p && p->user[1] == client;

    c->away[client] = true;
    if (!p)
        return;
    if (p->id[side] != 0 && !p->over[side]) {
        hang_up(c, p, side);
    } else if (side == 1 && p->id[1] == 0) {
        p->unanswered = true; /* it will not find him */
    }
}

void smx_calls_back(struct smx_calls *c, size_t client)
{
    c->away[client] = false;
}

bool smx_calls_is_away(const struct smx_calls *c, size_t client)
{
    return c->away[client];
}

void smx_calls_end(struct smx_calls *c, struct smx_result *result)
{
    for (size_t i = 0; i < c->pairs; i++)
        if (c->pair[i].used && truth_of(c, &c->pair[i])->ended == SMX_NEVER)
            judge(c, &c->pair[i]);
    for (size_t i = 0; i < c->pairs; i++)
        c->pair[i].talks[0] = c->pair[i].talks[1] = false;
    for (size_t i = 0; i < SMX_TALLY_COUNT; i++)
        result->tally[i] += c->tally[i] + c->result->tally[i];
    for (size_t i = 0; i < SMX_MEASURE_COUNT; i++)
        smx_spread_merge(&result->measure[i], &c->result->measure[i]);
}

const struct smx_truth_call *smx_calls_truth(const struct smx_calls *c, size_t *count)
{
    *count = c->truths;
    return c->truth;
}
