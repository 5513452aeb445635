#include "sim/adversary/sparse.h"

#include "proto/circuit/command.h"
#include "sim/adversary/inside.h"
#include "sim/result.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { READY_MS = 120000, TABLE = 512, CLASSES = 16, LINKS = 160 };
/* Of the preset: slots take every second mix tick, the others every fourth; half of a client's four circuits
 * are slots. */
enum { SLOT_CLASSES = 2, OTHER_CLASSES = 4 };

double smx_sparse_bits(double circuits, bool slot)
{
    return log2(fmax(1, circuits / 2 / (slot ? SLOT_CLASSES : OTHER_CLASSES)));
}

double smx_sparse_floor(double bits, bool slot)
{
    return exp2(bits) * 2 * (slot ? SLOT_CLASSES : OTHER_CLASSES);
}

/* ---- what both sides of a middle see ---- */

struct seen {
    struct smx_inside_circuit c;
    bool user,
        known; /* the source's guard knows that: a user's (not a relay's) address; the attacker's own */
};

struct scene {
    const struct smx_sparse_config *config;
    struct smx_sim_network *n;
    struct seen list[TABLE]; /* circuits through one middle that have both neighbours */
    size_t count;
};

/* Whose it is, as its guard knows. */
static void source_of(const struct scene *s, struct seen *v)
{
    struct smx_inside_circuit list[TABLE], next;
    size_t count = smx_inside_list(s->n, v->c.from, list, TABLE);

    for (size_t i = 0; i < count; i++) {
        if (list[i].to != v->c.relay || !smx_inside_next(s->n, &list[i], &next) || next.at != v->c.at)
            continue;
        v->user = list[i].from >= s->n->relays && list[i].from != SMX_INSIDE_NOBODY;
        v->known = v->user && list[i].from >= s->n->relays + s->config->users;
        return;
    }
}

static void look(struct scene *s, size_t middle)
{
    struct smx_inside_circuit list[TABLE];
    size_t count = smx_inside_list(s->n, middle, list, TABLE);

    s->count = 0;
    for (size_t i = 0; i < count; i++) {
        if (list[i].from >= s->n->relays || list[i].to >= s->n->relays)
            continue;
        s->list[s->count] = (struct seen){.c = list[i]};
        source_of(s, &s->list[s->count++]);
    }
}

static uint32_t step_of(const struct smx_inside_circuit *c)
{
    return (c->out_class + c->classes - c->in_class) % c->classes;
}

/* How many classes later this middle sends on what comes from that guard: nearly always the same, and the
 * attacker knows his own circuits. */
static uint32_t usual_step(const struct scene *s, const struct smx_inside_circuit *like)
{
    unsigned seen[CLASSES] = {0};
    uint32_t best = 0;

    for (size_t i = 0; i < s->count; i++)
        if (s->list[i].c.from == like->from && s->list[i].c.period == like->period)
            seen[step_of(&s->list[i].c)]++;
    for (uint32_t k = 1; k < CLASSES; k++)
        if (seen[k] > seen[best])
            best = k;
    return best;
}

/* Can what came on a's guard link be what goes out on b? */
static bool fits(const struct scene *s, const struct smx_inside_circuit *a,
                 const struct smx_inside_circuit *b)
{
    return a->period == b->period && (a->in_class + usual_step(s, a)) % a->classes == b->out_class;
}

static struct smx_sparse_view judge(const struct scene *s, size_t at)
{
    const struct smx_inside_circuit *own = &s->list[at].c;
    struct smx_sparse_view v = {.slot = own->period == SMX_PERIOD_SLOT, .circuits = s->count};

    v.fits = fits(s, own, own);
    for (size_t i = 0; i < s->count; i++) {
        if (s->list[i].known)
            continue; /* both views of it are the attacker's */
        v.onward += fits(s, own, &s->list[i].c);
        v.back += s->list[i].user && fits(s, &s->list[i].c, own);
    }
    return v;
}

static void measure(struct scene *s, struct smx_sparse_tally *t)
{
    size_t middles = 0, all = 0;

    for (size_t r = 0; r < s->n->relays; r++) {
        look(s, r);
        if (s->count == 0)
            continue; /* a guard or an end: nothing of it lies between relays */
        middles++;
        all += s->count;
        for (size_t i = 0; i < s->count && t->views < SMX_SPARSE_VIEWS; i++)
            if (s->list[i].user && !s->list[i].known)
                t->view[t->views++] = judge(s, i);
    }
    t->circuits = middles > 0 ? (double)all / (double)middles : 0;
    for (size_t r = 0; r < s->n->relays; r++)
        t->idle += (double)smx_relay_idle_clients(s->n->relay[r].core);
}

void smx_sparse_run(struct smx_sparse_tally *t, const struct smx_sparse_config *config)
{
    struct smx_sim_network_config network = smx_sim_network_preset(config->seed);
    struct scene *s = calloc(1, sizeof *s);

    SMX_SIM_MUST(s);
    memset(t, 0, sizeof *t);
    s->config = config;
    network.clients_max = config->users + config->others;
    network.client_links_max = LINKS;
    network.circuits_max = TABLE;
    network.params.floor_circuits = config->floor_circuits;
    s->n = smx_sim_network_new(&network);
    for (uint32_t i = 0; i < network.clients_max; i++) {
        char name[16];

        snprintf(name, sizeof name, "user%u", (unsigned)i);
        smx_sim_client_make(s->n, i, i + 1, name, 2);
        smx_sim_client_start(s->n, i);
    }
    t->ready = smx_sim_run_to_ready(s->n, READY_MS);
    if (t->ready) {
        smx_sim_run_for(s->n, config->settle_s * 1000);
        measure(s, t);
    }
    smx_sim_network_free(s->n);
    free(s);
}

/* ---- the attack ---- */

enum { USERS = 1, OTHERS = 16, FLOOR = 32, SETTLE_S = 60 };

static void tell(struct smx_attack_result *r, const struct smx_sparse_tally *t, struct smx_rng *rng)
{
    struct smx_figures *f = &r->figures;

    for (size_t i = 0; i < t->views; i++) {
        const struct smx_sparse_view *v = &t->view[i];
        size_t set = v->onward > 0 ? v->onward : 1;

        smx_attack_trial(r, v->fits && smx_rng_below(rng, (uint32_t)set) == 0, 1.0 / (double)v->circuits);
        smx_spread_add(&r->entropy, (uint64_t)lround(log2((double)set) * 1000));
        smx_spread_add(&r->entropy_before, (uint64_t)lround(log2((double)v->circuits) * 1000));
        smx_figures_add(f, v->slot ? "onward_slot_bits" : "onward_other_bits", log2((double)set), "bits",
                        "views at ends that fit a user's circuit at the guard");
        smx_figures_add(f, v->slot ? "back_slot_bits" : "back_other_bits",
                        log2((double)(v->back > 0 ? v->back : 1)), "bits",
                        "users' circuits at guards that fit a view at an end");
        smx_figures_add(f, "class_known", v->fits, "share", "circuits that leave in the class that is usual");
    }
    smx_figures_add(f, "circuits", t->circuits, "circuits", "through a middle, mean");
    smx_figures_add(f, "idle_clients", t->idle, "clients", "that relays run, all together");
    for (unsigned floor = 32; floor <= 256; floor *= 2) {
        char name[SMX_RESULT_NAME];

        snprintf(name, sizeof name, "floor_%u_slot_bits", floor);
        smx_figures_add(f, name, smx_sparse_bits(floor, true), "bits",
                        "that so many circuits give a slot; a listening or errand circuit has one less");
    }
}

static void alone(const struct smx_scenario *scenario, uint64_t seed, const char *arm,
                  struct smx_attack_result *r)
{
    bool off = strcmp(arm, SMX_ARM_OFF) == 0, flooded = strcmp(arm, "flooded") == 0;
    struct smx_sparse_config config = {.seed = seed,
                                       .users = USERS,
                                       .others = flooded ? OTHERS : 0,
                                       .floor_circuits = off ? 0 : FLOOR,
                                       .settle_s = SETTLE_S};
    struct smx_sparse_tally *t = calloc(1, sizeof *t);
    uint8_t bytes[SMX_RNG_SEED] = "sparse";
    struct smx_rng rng;

    (void)scenario; /* as few users as there can be */
    SMX_SIM_MUST(t);
    memcpy(bytes + 16, &seed, sizeof seed);
    smx_rng_init(&rng, bytes);
    smx_sparse_run(t, &config);
    snprintf(r->name, sizeof r->name, "sparse");
    snprintf(r->arm, sizeof r->arm, "%s", arm);
    snprintf(
        r->says, sizeof r->says,
        "guard and end match their views of a circuit, by period and tick class, where hardly anybody is");
    r->is_control = off;
    tell(r, t, &rng);
    smx_rng_fini(&rng);
    free(t);
}

static const char *const arms[] = {SMX_ARM_ON, "flooded", SMX_ARM_OFF, NULL};

const struct smx_attack smx_attack_sparse = {
    .name = "sparse",
    .does =
        "isolates a user at a middle, by starving it or by filling it; control: no idle clients of relays",
    .arms = arms,
    .alone = alone,
};
