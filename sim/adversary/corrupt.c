#include "sim/adversary/corrupt.h"

#include "proto/doc/params.h"
#include "sim/adversary/choice.h"
#include "sim/result.h"
#include "sim/scenario.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- sets ----
 *
 * What a relay sees of a circuit is a view.  Views are tied when both relays are corrupt and a means is
 * there; the call falls when a chain of ties leads from A's guard to B's guard.
 *
 *   A   G --- M --- E|E' --- E --- M --- G   B      slots; the bar: one relay, the rendezvous, joins both
 *       |                                |
 *       G --- M --- E ~~~~~~ E --- M --- G          A's errand, the introduction, B's listening circuit */
enum view {
    SLOT_GUARD_A,
    SLOT_MIDDLE_A,
    SLOT_END_A,
    JOINED_B, /* the same relay's view of B's circuit */
    SLOT_END_B,
    SLOT_MIDDLE_B,
    SLOT_GUARD_B,
    ERRAND_GUARD,
    ERRAND_MIDDLE,
    ERRAND_END,
    LISTEN_END,
    LISTEN_MIDDLE,
    LISTEN_GUARD,
    VIEWS
};

static const enum smx_corrupt_place relay_of[VIEWS] = {
    [SLOT_GUARD_A] = SMX_PLACE_GUARD_A,
    [SLOT_MIDDLE_A] = SMX_PLACE_MIDDLE_A,
    [SLOT_END_A] = SMX_PLACE_END_A,
    [JOINED_B] = SMX_PLACE_END_A,
    [SLOT_END_B] = SMX_PLACE_END_B,
    [SLOT_MIDDLE_B] = SMX_PLACE_MIDDLE_B,
    [SLOT_GUARD_B] = SMX_PLACE_GUARD_B,
    [ERRAND_GUARD] = SMX_PLACE_GUARD_A,
    [ERRAND_MIDDLE] = SMX_PLACE_ERRAND_MIDDLE,
    [ERRAND_END] = SMX_PLACE_ERRAND_END,
    [LISTEN_END] = SMX_PLACE_LISTEN_END,
    [LISTEN_MIDDLE] = SMX_PLACE_LISTEN_MIDDLE,
    [LISTEN_GUARD] = SMX_PLACE_GUARD_B,
};

static const struct {
    enum view a, b;
    unsigned means;
} ties[] = {
    /* at one relay: a client's circuits come on one link; a join */
    {SLOT_GUARD_A, ERRAND_GUARD, SMX_MEANS_CELLS},
    {SLOT_GUARD_B, LISTEN_GUARD, SMX_MEANS_CELLS},
    {SLOT_END_A, JOINED_B, SMX_MEANS_CELLS},
    /* neighbours; INTRODUCE carries a handle from the errand's end to the introduction relay */
    {SLOT_GUARD_A, SLOT_MIDDLE_A, SMX_MEANS_CELLS},
    {SLOT_MIDDLE_A, SLOT_END_A, SMX_MEANS_CELLS},
    {JOINED_B, SLOT_END_B, SMX_MEANS_CELLS},
    {SLOT_END_B, SLOT_MIDDLE_B, SMX_MEANS_CELLS},
    {SLOT_MIDDLE_B, SLOT_GUARD_B, SMX_MEANS_CELLS},
    {ERRAND_GUARD, ERRAND_MIDDLE, SMX_MEANS_CELLS},
    {ERRAND_MIDDLE, ERRAND_END, SMX_MEANS_CELLS},
    {ERRAND_END, LISTEN_END, SMX_MEANS_CELLS},
    {LISTEN_END, LISTEN_MIDDLE, SMX_MEANS_CELLS},
    {LISTEN_MIDDLE, LISTEN_GUARD, SMX_MEANS_CELLS},
    /* guard and end of one circuit: CREATE reached them seconds apart */
    {SLOT_GUARD_A, SLOT_END_A, SMX_MEANS_BUILD},
    {SLOT_GUARD_B, SLOT_END_B, SMX_MEANS_BUILD},
    {ERRAND_GUARD, ERRAND_END, SMX_MEANS_BUILD},
    {LISTEN_GUARD, LISTEN_END, SMX_MEANS_BUILD},
    /* an introduction, and a second later the join that answers it */
    {ERRAND_END, SLOT_END_A, SMX_MEANS_TIMES},
    {ERRAND_END, SLOT_END_B, SMX_MEANS_TIMES},
    {LISTEN_END, JOINED_B, SMX_MEANS_TIMES},
    {LISTEN_END, SLOT_END_B, SMX_MEANS_TIMES},
    /* noise from the guard or middle brings a question to the last hop: A's own end, for B the rendezvous;
     * noise from an end brings a circuit out of turn at the guard */
    {SLOT_GUARD_A, SLOT_END_A, SMX_MEANS_MUTE},
    {SLOT_MIDDLE_A, SLOT_END_A, SMX_MEANS_MUTE},
    {SLOT_GUARD_B, JOINED_B, SMX_MEANS_MUTE},
    {SLOT_MIDDLE_B, JOINED_B, SMX_MEANS_MUTE},
    {SLOT_GUARD_B, SLOT_END_B, SMX_MEANS_MUTE},
    {ERRAND_GUARD, ERRAND_END, SMX_MEANS_MUTE},
    {LISTEN_GUARD, LISTEN_END, SMX_MEANS_MUTE},
    /* A's voice muted for 20 s: B gives up, and his end frees the piece to the rendezvous */
    {SLOT_GUARD_A, SLOT_END_B, SMX_MEANS_END},
    {SLOT_MIDDLE_A, SLOT_END_B, SMX_MEANS_END},
};

static bool is_in(unsigned places, enum view v)
{
    return places >> relay_of[v] & 1;
}

bool smx_corrupt_suffices(unsigned places, unsigned means)
{
    bool reached[VIEWS] = {[SLOT_GUARD_A] = is_in(places, SLOT_GUARD_A)}, more = true;

    while (more) {
        more = false;
        for (size_t i = 0; i < sizeof ties / sizeof ties[0]; i++) {
            enum view a = ties[i].a, b = ties[i].b;

            if (reached[a] == reached[b] || (ties[i].means & means) == 0 || !is_in(places, a) ||
                !is_in(places, b))
                continue;
            reached[a] = reached[b] = more = true;
        }
    }
    return reached[SLOT_GUARD_B];
}

static unsigned count_of(unsigned places)
{
    unsigned count = 0;

    for (; places != 0; places &= places - 1)
        count++;
    return count;
}

size_t smx_corrupt_minimal(unsigned means, unsigned set[SMX_CORRUPT_SETS])
{
    size_t count = 0;

    for (unsigned size = 1; size <= SMX_PLACES; size++)
        for (unsigned places = 0; places < 1U << SMX_PLACES; places++) {
            bool minimal = count_of(places) == size && smx_corrupt_suffices(places, means);

            for (size_t i = 0; minimal && i < count; i++)
                minimal = (set[i] & ~places) != 0;
            if (!minimal)
                continue;
            assert(count < SMX_CORRUPT_SETS);
            set[count++] = places;
        }
    return count;
}

static const uint8_t layer_of[SMX_PLACES] = {
    [SMX_PLACE_GUARD_A] = SMX_CHOICE_GUARD,
    [SMX_PLACE_MIDDLE_A] = SMX_CHOICE_MIDDLE,
    [SMX_PLACE_END_A] = SMX_CHOICE_END,
    [SMX_PLACE_END_B] = SMX_CHOICE_END,
    [SMX_PLACE_MIDDLE_B] = SMX_CHOICE_MIDDLE,
    [SMX_PLACE_GUARD_B] = SMX_CHOICE_GUARD,
    [SMX_PLACE_ERRAND_MIDDLE] = SMX_CHOICE_MIDDLE,
    [SMX_PLACE_ERRAND_END] = SMX_CHOICE_END,
    [SMX_PLACE_LISTEN_MIDDLE] = SMX_CHOICE_MIDDLE,
    [SMX_PLACE_LISTEN_END] = SMX_CHOICE_END,
};

double smx_corrupt_bound(unsigned means, const double share[3])
{
    double sum = 0;

    for (unsigned places = 0; places < 1U << SMX_PLACES; places++) {
        double p = 1;

        if (!smx_corrupt_suffices(places, means))
            continue;
        for (size_t i = 0; i < SMX_PLACES; i++)
            p *= places >> i & 1 ? share[layer_of[i]] : 1 - share[layer_of[i]];
        sum += p;
    }
    return sum;
}

/* ---- how many calls fall ---- */

enum { DAY_S = 86400, SLOTS = 2 };

struct side {
    struct smx_choice *client;
    uint16_t slot[SMX_CHOICE_HOPS], other[SMX_CHOICE_HOPS];
};

static unsigned bit(const struct smx_choice_relay *relay, uint16_t number, enum smx_corrupt_place place)
{
    return relay[number].corrupt ? 1U << place : 0;
}

/* All circuits of a client as they stand in some epoch; the call takes either slot. */
static void draw(struct side *s, enum smx_choice_role role, uint64_t seconds, bool forget,
                 struct smx_rng *rng)
{
    uint16_t slot[SLOTS][SMX_CHOICE_HOPS];

    if (forget)
        smx_choice_forget(s->client);
    else
        smx_choice_time(s->client, seconds);
    for (size_t i = 0; i < SLOTS; i++)
        if (!smx_choice_draw(s->client, SMX_CHOICE_SLOT, i, slot[i]))
            abort();
    memcpy(s->slot, slot[smx_rng_below(rng, SLOTS)], sizeof s->slot);
    if (!smx_choice_draw(s->client, role, 0, s->other))
        abort();
}

static unsigned places_of(const struct smx_choice_relay *r, const struct side *a, const struct side *b)
{
    return bit(r, a->slot[SMX_CHOICE_GUARD], SMX_PLACE_GUARD_A) |
           bit(r, a->slot[SMX_CHOICE_MIDDLE], SMX_PLACE_MIDDLE_A) |
           bit(r, a->slot[SMX_CHOICE_END], SMX_PLACE_END_A) |
           bit(r, b->slot[SMX_CHOICE_END], SMX_PLACE_END_B) |
           bit(r, b->slot[SMX_CHOICE_MIDDLE], SMX_PLACE_MIDDLE_B) |
           bit(r, b->slot[SMX_CHOICE_GUARD], SMX_PLACE_GUARD_B) |
           bit(r, a->other[SMX_CHOICE_MIDDLE], SMX_PLACE_ERRAND_MIDDLE) |
           bit(r, a->other[SMX_CHOICE_END], SMX_PLACE_ERRAND_END) |
           bit(r, b->other[SMX_CHOICE_MIDDLE], SMX_PLACE_LISTEN_MIDDLE) |
           bit(r, b->other[SMX_CHOICE_END], SMX_PLACE_LISTEN_END);
}

static unsigned means_of(size_t level)
{
    return (2U << level) - 1;
}

struct network {
    struct smx_choice_relay *relay;
    struct smx_choice_net *net;
};

static struct network network_new(size_t each, double share, uint32_t epoch_s, struct smx_rng *rng,
                                  double got[3])
{
    struct network n = {.relay = calloc(3 * each, sizeof *n.relay)};
    struct smx_params params;

    if (!n.relay)
        abort();
    smx_params_preset(&params);
    params.epoch_s = epoch_s;
    smx_choice_relays(n.relay, each, share, rng, got);
    n.net = smx_choice_net_new(n.relay, 3 * each, &params, rng);
    return n;
}

static void network_fini(struct network *n)
{
    smx_choice_net_free(n->net);
    free(n->relay);
}

struct verdicts { /* by level and set of places */
    bool suffices[SMX_MEANS_LEVELS][1U << SMX_PLACES];
};

static void count_pair(struct smx_corrupt_tally *t, const struct smx_corrupt_config *config,
                       const struct network *n, const struct verdicts *v, struct smx_rng *rng)
{
    struct side a = {.client = smx_choice_new(n->net, SLOTS, rng)},
                b = {.client = smx_choice_new(n->net, SLOTS, rng)};
    bool exposed[SMX_MEANS_LEVELS] = {false};

    t->pairs++;
    for (unsigned day = 0; day < config->days; day++) {
        for (unsigned call = 0; call < config->calls; call++) {
            uint64_t at = (uint64_t)day * DAY_S + (call + 1) * DAY_S / (config->calls + 1);
            unsigned places;

            draw(&a, SMX_CHOICE_ERRAND, at, config->forget, rng);
            draw(&b, SMX_CHOICE_LISTEN, at, config->forget, rng);
            places = places_of(n->relay, &a, &b);
            t->calls++;
            for (size_t level = 0; level < SMX_MEANS_LEVELS; level++) {
                t->fell[level] += v->suffices[level][places];
                exposed[level] = exposed[level] || v->suffices[level][places];
            }
        }
        for (size_t level = 0; level < SMX_MEANS_LEVELS; level++)
            t->exposed[level][day] += exposed[level];
    }
    smx_choice_free(a.client);
    smx_choice_free(b.client);
}

void smx_corrupt_count(struct smx_corrupt_tally *t, const struct smx_corrupt_config *config,
                       struct smx_rng *rng)
{
    struct verdicts v;
    struct network n;

    assert(config->days <= SMX_CORRUPT_DAYS);
    memset(t, 0, sizeof *t);
    n = network_new(config->each, config->share, config->epoch_s, rng, t->got);
    for (size_t level = 0; level < SMX_MEANS_LEVELS; level++)
        for (unsigned places = 0; places < 1U << SMX_PLACES; places++)
            v.suffices[level][places] = smx_corrupt_suffices(places, means_of(level));
    for (size_t i = 0; i < config->pairs; i++)
        count_pair(t, config, &n, &v, rng);
    network_fini(&n);
}

/* ---- the attack ---- */

enum { EACH = 13, PAIRS = 150, DAYS = 30, CALLS = 2, SHARE_PERCENT = 20 };

static const struct {
    const char *name, *says, *bound, *exposed;
} text[SMX_MEANS_LEVELS] = {
    {"fell_cells", "of calls: found by neighbours' cells alone", "bound_cells", "exposed_cells"},
    {"fell_build", "and by when circuits were built", "bound_build", "exposed_build"},
    {"fell_times", "and by introductions and joins that come at one time", "bound_times", "exposed_times"},
    {"fell_mute", "and by half a second of noise: both guards and the join", "bound_mute", "exposed_mute"},
    {"fell_end", "and by muting a call until it ends", "bound_end", "exposed_end"},
};

static void tell(struct smx_attack_result *r, const struct smx_corrupt_tally *t)
{
    struct smx_figures *f = &r->figures;

    for (size_t level = 0; level < SMX_MEANS_LEVELS; level++) {
        smx_figures_add(f, text[level].name, (double)t->fell[level] / (double)t->calls, "share",
                        text[level].says);
        smx_figures_add(f, text[level].bound, smx_corrupt_bound(means_of(level), t->got), "share",
                        "the same for places drawn by themselves, by weight");
        smx_figures_add(f, text[level].exposed, (double)t->exposed[level][DAYS - 1] / (double)t->pairs,
                        "share", "of pairs: one of their calls at least in a month");
    }
    smx_figures_add(f, "exposed_mute_day1", (double)t->exposed[3][0] / (double)t->pairs, "share",
                    "of pairs, on the first day");
    smx_figures_add(f, "exposed_mute_day7", (double)t->exposed[3][6] / (double)t->pairs, "share",
                    "of pairs, in the first week");
    smx_figures_add(f, "corrupt_guards", t->got[SMX_CHOICE_GUARD], "share", "of the guards' weight");
    smx_figures_add(f, "corrupt_middles", t->got[SMX_CHOICE_MIDDLE], "share", "of the middles' weight");
    smx_figures_add(f, "corrupt_ends", t->got[SMX_CHOICE_END], "share", "of the ends' weight");
}

/* A trial is a pair of users, and it succeeds when a call of theirs fell within the month by what a relay can
 * do without being noticed, or nearly so (MUTE).  Chance is the bound for both guards: no more can fall. */
static void alone(const struct smx_scenario *scenario, uint64_t seed, const char *arm,
                  struct smx_attack_result *r)
{
    bool ours = scenario && scenario->corrupt > 0; /* else what the preset says */
    struct smx_corrupt_config config = {.each = ours ? scenario->relays / 3 : EACH,
                                        .share = ours ? scenario->corrupt / 1e6 : SHARE_PERCENT / 100.0,
                                        .pairs = PAIRS,
                                        .days = DAYS,
                                        .calls = CALLS,
                                        .epoch_s = 3600,
                                        .forget = strcmp(arm, "fresh") == 0};
    struct smx_corrupt_tally *t = calloc(1, sizeof *t);
    uint8_t bytes[SMX_RNG_SEED] = "corrupt";
    struct smx_rng rng;

    if (!t)
        abort();
    memcpy(bytes + 16, &seed, sizeof seed);
    smx_rng_init(&rng, bytes);
    smx_corrupt_count(t, &config, &rng);
    snprintf(r->name, sizeof r->name, "corrupt");
    snprintf(r->arm, sizeof r->arm, "%s", arm);
    snprintf(r->says, sizeof r->says,
             "both ends of a call of a pair are found within a month by relays of %g %% of each layer",
             config.share * 100);
    r->is_control = config.forget;
    smx_attack_trials(r, t->pairs, t->exposed[3][DAYS - 1],
                      t->got[SMX_CHOICE_GUARD] * t->got[SMX_CHOICE_GUARD]);
    tell(r, t);
    smx_rng_fini(&rng);
    free(t);
}

static const char *const arms[] = {SMX_ARM_ON, "fresh", NULL};

const struct smx_attack smx_attack_corrupt = {
    .name = "corrupt",
    .does = "owns a share of all relays and ties together what they see; control: guards that don't persist",
    .arms = arms,
    .alone = alone,
};
