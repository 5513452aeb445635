#include "sim/faults.h"

#include "relay/core.h"

#include <stdlib.h>
#include <string.h>

#define SMX_NO_RELAY SIZE_MAX

/* One of the scenario's, struck. */
struct struck {
    bool acts;
    size_t relay;
    bool *apart;                 /* partition: cities on the other side */
    uint8_t kept[SMX_CELL_BODY]; /* replay: a cell that has gone */
    bool keeps;
};

struct smx_faults {
    const struct smx_scenario *scenario;
    struct smx_sim_network *n;
    struct smx_agenda *agenda;
    struct smx_rng rng;
    struct struck struck[SMX_SCENARIO_FAULTS];
    uint64_t count;
    bool watches;
    void (*dies)(void *arg, size_t relay);
    void *dies_arg;
};

static smx_time now_of(const struct smx_faults *f)
{
    return smx_world_now(f->n->world);
}

static bool draws(struct smx_faults *f, uint32_t share)
{
    return smx_rng_below(&f->rng, SMX_MILLION) < share;
}

/* ---- what befalls datagrams ---- */

static size_t city_of(const struct smx_faults *f, uint32_t node)
{
    size_t relays = f->n->relays;

    return node < relays ? node % f->scenario->relay_cities : (node - relays) % f->scenario->cities;
}

static bool passes(struct smx_faults *f, size_t i, uint32_t from, uint32_t to, smx_time *delay)
{
    const struct smx_fault *fault = &f->scenario->fault[i];
    const struct struck *s = &f->struck[i];

    switch (fault->kind) {
    case SMX_FAULT_LOSS:
        return !draws(f, fault->share);
    case SMX_FAULT_PARTITION:
        return s->apart[city_of(f, from)] == s->apart[city_of(f, to)];
    case SMX_FAULT_SLOW:
        *delay += from == s->relay ? fault->by : 0;
        return true;
    default:
        return true;
    }
}

static bool tap(void *arg, smx_time now, uint32_t from, uint32_t to, uint8_t *bytes, size_t len,
                smx_time *delay)
{
    struct smx_faults *f = arg;

    (void)now;
    (void)bytes;
    (void)len;
    for (size_t i = 0; i < f->scenario->faults; i++)
        if (f->struck[i].acts && !passes(f, i, from, to, delay))
            return false;
    return true;
}

/* ---- what a malicious relay does to cells ---- */

/* The cell that departs in the relay's next tick in this direction of a circuit; NULL: there is none. */
static uint8_t *waiting(struct smx_relay *r, uint32_t ref, struct departure **d, uint64_t *number)
{
    *d = smx_relay_departure(r, ref);
    if ((*d)->link == NONE || (*d)->id == 0 || !smx_relay_is_due(r, ref, r->next))
        return NULL;
    *number = smx_timetable_number(&(*d)->tt, r->next);
    if (!((*d)->have >> *number % RING & 1) || (*d)->number[*number % RING] != *number)
        return NULL;
    return smx_relay_depart_body(r, *d, *number % RING);
}

static void exchange(uint8_t *a, uint8_t *b)
{
    uint8_t kept[SMX_CELL_BODY];

    memcpy(kept, a, sizeof kept);
    memcpy(a, b, sizeof kept);
    memcpy(b, kept, sizeof kept);
}

/* It departs with the next number, and this one's place stays empty. */
static void hold_back(struct smx_relay *r, struct departure *d, uint64_t number)
{
    smx_relay_depart_keep(r, d, (number + 1) % RING, number + 1, smx_relay_depart_body(r, d, number % RING));
    smx_relay_depart_lose(r, d, number % RING);
}

static void meddle_with(struct smx_faults *f, size_t i, struct smx_relay *r, struct departure *d,
                        uint64_t number, uint8_t *cell, uint8_t **other)
{
    struct struck *s = &f->struck[i];

    switch (f->scenario->fault[i].kind) {
    case SMX_FAULT_DROP:
        smx_relay_depart_lose(r, d, number % RING);
        return;
    case SMX_FAULT_DELAY:
        hold_back(r, d, number);
        return;
    case SMX_FAULT_TAG:
        cell[smx_rng_below(&f->rng, SMX_CELL_BODY)] ^= (uint8_t)(1 << smx_rng_below(&f->rng, 8));
        return;
    case SMX_FAULT_REPLAY:
        if (s->keeps)
            memcpy(cell, s->kept, SMX_CELL_BODY);
        return;
    case SMX_FAULT_REORDER:
        if (*other)
            exchange(cell, *other);
        *other = *other ? NULL : cell;
        return;
    default:
        return;
    }
}

static void meddle(void *arg, struct smx_sim_relay *relay)
{
    struct smx_faults *f = arg;
    struct smx_relay *r = relay->core;

    for (size_t i = 0; i < f->scenario->faults; i++) {
        struct struck *s = &f->struck[i];
        uint8_t *other = NULL;

        if (!s->acts || s->relay == SMX_NO_RELAY || relay != &f->n->relay[s->relay] || !r->ticking)
            continue;
        for (uint32_t ref = 0; ref < 2 * r->config.circuits_max; ref++) {
            struct departure *d;
            uint64_t number;
            uint8_t *cell = r->circuit[ref / 2].used ? waiting(r, ref, &d, &number) : NULL;

            if (!cell)
                continue;
            if (draws(f, f->scenario->fault[i].share))
                meddle_with(f, i, r, d, number, cell, &other);
            else if (f->scenario->fault[i].kind == SMX_FAULT_REPLAY)
                s->keeps = memcpy(s->kept, cell, SMX_CELL_BODY) != NULL;
        }
    }
}

/* ---- overload: the machine stands still, again and again ---- */

static void stall(void *arg, uint64_t number)
{
    struct smx_faults *f = arg;
    const struct smx_fault *fault = &f->scenario->fault[number];
    double share = fault->share / 1e6, pause;

    if (!f->struck[number].acts)
        return;
    smx_world_pause(f->n->world, (uint32_t)f->struck[number].relay, now_of(f) + fault->by);
    pause = share > 0 ? (double)fault->by * (1 - share) / share : 1e18;
    smx_agenda_at(f->agenda, now_of(f) + fault->by + 1 + smx_rng_exp(&f->rng, (uint64_t)pause), stall, f,
                  number);
}

/* ---- beginnings and ends ---- */

static size_t busiest(const struct smx_faults *f)
{
    size_t best = 0, most = 0;

    for (size_t i = 0; i < f->n->relays; i++) {
        const struct smx_relay *r = f->n->relay[i].core;
        size_t joins = 0;

        for (uint32_t k = 0; r && k < r->config.circuits_max; k++)
            joins += r->circuit[k].used && r->circuit[k].down == DOWN_PEER;
        if (joins > most) {
            most = joins;
            best = i;
        }
    }
    return best;
}

static size_t choose(struct smx_faults *f, uint32_t relay)
{
    if (relay == SMX_FAULT_ANY)
        return smx_rng_below(&f->rng, (uint32_t)f->n->relays);
    return relay == SMX_FAULT_BUSY ? busiest(f) : relay;
}

static void divide(struct smx_faults *f, size_t i)
{
    struct struck *s = &f->struck[i];
    uint32_t cities =
        f->scenario->cities > f->scenario->relay_cities ? f->scenario->cities : f->scenario->relay_cities;

    s->apart = calloc(cities, sizeof *s->apart);
    SMX_SIM_MUST(s->apart);
    for (uint32_t c = 0; c < cities; c++)
        s->apart[c] = draws(f, f->scenario->fault[i].share);
}

static void heal(void *arg, uint64_t number)
{
    struct smx_faults *f = arg;
    struct struck *s = &f->struck[number];

    s->acts = false;
    switch (f->scenario->fault[number].kind) {
    case SMX_FAULT_CRASH:
        if (f->n->relay[s->relay].dead)
            smx_sim_relay_revive(f->n, s->relay);
        return;
    case SMX_FAULT_OUTAGE:
        f->n->directory_down = false;
        return;
    case SMX_FAULT_LIE:
        f->n->relay[s->relay].lies = false;
        return;
    default:
        return;
    }
}

static void strike(void *arg, uint64_t number)
{
    struct smx_faults *f = arg;
    const struct smx_fault *fault = &f->scenario->fault[number];
    struct struck *s = &f->struck[number];

    s->relay = smx_fault_forms[fault->kind].relay ? choose(f, fault->relay) : SMX_NO_RELAY;
    s->acts = true;
    f->count++;
    if (fault->lasts > 0)
        smx_agenda_at(f->agenda, now_of(f) + fault->lasts, heal, f, number);
    switch (fault->kind) {
    case SMX_FAULT_CRASH:
        if (f->n->relay[s->relay].dead)
            return;
        if (f->dies)
            f->dies(f->dies_arg, s->relay);
        smx_sim_relay_kill(f->n, s->relay);
        return;
    case SMX_FAULT_OUTAGE:
        f->n->directory_down = true;
        return;
    case SMX_FAULT_LIE:
        f->n->relay[s->relay].lies = true;
        return;
    case SMX_FAULT_OVERLOAD:
        stall(f, number);
        return;
    case SMX_FAULT_PARTITION:
        divide(f, number);
        return;
    case SMX_FAULT_DROP:
    case SMX_FAULT_DELAY:
    case SMX_FAULT_REPLAY:
    case SMX_FAULT_TAG:
    case SMX_FAULT_REORDER:
        f->n->relay[s->relay].meddle = meddle;
        f->n->relay[s->relay].meddle_arg = f;
        return;
    case SMX_FAULT_SLOW:
    case SMX_FAULT_LOSS:
    case SMX_FAULT_KINDS:
        return;
    }
}

struct smx_faults *smx_faults_new(const struct smx_scenario *s, struct smx_sim_network *n,
                                  struct smx_agenda *agenda, struct smx_rng *rng)
{
    struct smx_faults *f = calloc(1, sizeof *f);

    SMX_SIM_MUST(f);
    f->scenario = s;
    f->n = n;
    f->agenda = agenda;
    smx_rng_fork(&f->rng, rng);
    return f;
}

void smx_faults_free(struct smx_faults *f)
{
    if (!f)
        return;
    if (f->watches)
        smx_world_unwatch(f->n->world, tap, f);
    for (size_t i = 0; i < f->scenario->faults; i++)
        free(f->struck[i].apart);
    smx_rng_fini(&f->rng);
    free(f);
}

void smx_faults_begin(struct smx_faults *f)
{
    for (size_t i = 0; i < f->scenario->faults; i++) {
        enum smx_fault_kind kind = f->scenario->fault[i].kind;

        f->watches =
            f->watches || kind == SMX_FAULT_LOSS || kind == SMX_FAULT_PARTITION || kind == SMX_FAULT_SLOW;
        smx_agenda_at(f->agenda, now_of(f) + f->scenario->fault[i].at, strike, f, i);
    }
    if (f->watches)
        smx_world_watch(f->n->world, tap, f);
}

uint64_t smx_faults_count(const struct smx_faults *f)
{
    return f->count;
}

void smx_faults_tell(struct smx_faults *f, void (*dies)(void *arg, size_t relay), void *arg)
{
    f->dies = dies;
    f->dies_arg = arg;
}
