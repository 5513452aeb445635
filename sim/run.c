#include "sim/run.h"

#include "sim/agenda.h"
#include "sim/calls.h"
#include "sim/churn.h"
#include "sim/city.h"
#include "sim/faults.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    STEP_MS = 100,
    PHONE_CALLS = 8,  /* that a phone remembers */
    BUSY_UPLOADS = 2, /* of a client when all start at once: the directory shall not ask for more work */
    ROOM_LEAST = 64,
    NEW_EPOCH_S = 6,   /* before clients begin: relays have its consensus then */
    ROOM_CIRCUITS = 4, /* a relay's tables: so many times the mean of its layer */
    ROOM_LINKS = 2,    /* of clients */
};

struct smx_sim {
    struct smx_scenario scenario;
    uint64_t seed;
    enum smx_sim_phase phase;
    struct smx_sim_network *n;
    struct smx_agenda *agenda;
    struct smx_calls *calls;
    struct smx_faults *faults;
    struct smx_churn *churn;
    struct smx_rng rng;         /* for who looks on */
    smx_time started, deadline; /* clients begin to start; all must be ready */
    smx_time settled;           /* SMX_NEVER: not all are ready yet */
    smx_time begins, ends;
    smx_time *start, *ready; /* of each client: it started; it could call and be called; 0: not yet */
    /* since the beginning of measured time */
    struct smx_world_traffic *traffic_before; /* of each node, then */
    struct smx_relay_counters *before, died;  /* of each relay, then; of those that died since */
};

/* ---- the world ---- */

static void path_model(void *arg, uint32_t from, uint32_t to, struct smx_net_path *path)
{
    const struct smx_sim *sim = arg;
    const struct smx_scenario_net *net = &sim->scenario.net;
    bool relay_from = from < sim->scenario.relays, relay_to = to < sim->scenario.relays;

    *path = (struct smx_net_path){.jitter = net->jitter,
                                  .burst_every = net->burst_every,
                                  .burst_length = net->burst_length,
                                  .burst_height = net->burst_height,
                                  .loss = net->loss,
                                  .burst_loss = net->burst_loss,
                                  .burst_run = net->burst_run,
                                  .reorder = net->reorder,
                                  .reorder_by = net->reorder_by,
                                  .duplicate = net->duplicate,
                                  .corrupt = net->corrupt};
    path->latency = smx_city_delay(smx_sim_city(sim, from), smx_sim_city(sim, to), net->stretch);
    path->latency += relay_from ? net->site : net->access;
    path->latency += relay_to ? net->site : net->access;
    if (!relay_from || !relay_to)
        path->loss += (uint32_t)((uint64_t)net->access_loss * (SMX_MILLION - net->loss) / SMX_MILLION);
}

static void set_lines(struct smx_sim *sim)
{
    const struct smx_scenario *s = &sim->scenario;
    struct smx_net *net = smx_world_net(sim->n->world);

    if (s->net.client_up == 0 && s->net.client_down == 0 && s->net.relay_up == 0)
        return;
    SMX_SIM_MUST(smx_net_lines(net, (size_t)s->relays + s->clients, s->net.queue));
    for (uint32_t i = 0; i < s->relays; i++)
        net->line[i].up = s->net.relay_up;
    for (uint32_t i = s->relays; i < s->relays + s->clients; i++) {
        net->line[i].up = s->net.client_up;
        net->line[i].down = s->net.client_down;
    }
}

/* Room for a relay's share of `all`, if it is the busiest of the smallest layer: but no more than all. */
static uint32_t room_for(const struct smx_scenario *s, unsigned times, uint64_t all, uint64_t most)
{
    uint64_t room = times * all / (s->relays / 3) + ROOM_LEAST;

    room = room < all + ROOM_LEAST ? room : all + ROOM_LEAST;
    return (uint32_t)(room < most ? room : most);
}

/* The calendar by which a new epoch begins a little before clients do. */
static struct smx_wall ahead_of_an_epoch(const struct smx_sim_network_config *config, smx_time ahead)
{
    int64_t epoch = config->params.epoch_s;

    return (struct smx_wall){(config->start.s / epoch + 1) * epoch + NEW_EPOCH_S -
                             (int64_t)(ahead / SMX_SECOND(1))};
}

static struct smx_sim_network *make_network(struct smx_sim *sim)
{
    const struct smx_scenario *s = &sim->scenario;
    struct smx_sim_network_config config = smx_sim_network_preset(sim->seed);
    struct smx_sim_network *n;

    config.relays = s->relays;
    config.clients_max = s->clients;
    config.calls_max = PHONE_CALLS;
    config.texts_max = 0;
    config.params = s->params;
    config.drift_ppm = s->net.skew_ppm;
    config.circuits_max = room_for(
        s, ROOM_CIRCUITS, (uint64_t)s->clients * (s->slots + 2) + s->calls.concurrent, SMX_RELAY_CIRCUITS);
    config.client_links_max = room_for(s, ROOM_LINKS, s->clients, UINT32_MAX);
    config.uploads_busy = config.uploads_busy + (size_t)BUSY_UPLOADS * s->clients;
    config.cover_off = !s->cover;
    config.timetables = s->timetables;
    config.model = path_model;
    config.model_arg = sim;
    if (s->relays_ahead > 0)
        config.start = ahead_of_an_epoch(&config, s->relays_ahead);
    n = smx_sim_network_new(&config);
    if (smx_world_now(n->world) < s->relays_ahead)
        smx_sim_run_until(n, s->relays_ahead);
    return n;
}

static void client_starts(void *arg, uint64_t client)
{
    struct smx_sim *sim = arg;

    sim->start[client] = smx_sim_now(sim);
    smx_sim_client_start(sim->n, client);
}

static void make_clients(struct smx_sim *sim, struct smx_rng *rng)
{
    char name[16];

    for (size_t i = 0; i < sim->scenario.clients; i++) {
        smx_time wait = sim->scenario.start ? smx_rng_u64(rng) % sim->scenario.start : 0;

        snprintf(name, sizeof name, "user%05zu", i);
        smx_sim_client_make(sim->n, i, (uint32_t)i + 1, name, (uint8_t)sim->scenario.slots);
        smx_agenda_at(sim->agenda, smx_sim_now(sim) + wait, client_starts, sim, i);
    }
}

/* ---- life ---- */

static void relay_dies(void *arg, size_t relay);

struct smx_sim *smx_sim_new(const struct smx_scenario *scenario, uint64_t seed)
{
    struct smx_sim *sim = calloc(1, sizeof *sim);
    uint8_t bytes[SMX_RNG_SEED] = "simulated";
    struct smx_rng rng;

    SMX_SIM_MUST(sim);
    sim->scenario = *scenario;
    sim->seed = seed;
    sim->settled = sim->begins = sim->ends = SMX_NEVER;
    for (unsigned i = 0; i < 8; i++)
        bytes[SMX_RNG_SEED - 1 - i] = (uint8_t)(seed >> 8 * i);
    smx_rng_init(&rng, bytes);
    smx_rng_fork(&sim->rng, &rng);
    sim->n = make_network(sim);
    set_lines(sim);
    sim->agenda = smx_agenda_new(sim->n->world);
    sim->start = calloc(scenario->clients, sizeof *sim->start);
    sim->ready = calloc(scenario->clients, sizeof *sim->ready);
    sim->traffic_before = calloc((size_t)scenario->relays + scenario->clients, sizeof *sim->traffic_before);
    sim->before = calloc(scenario->relays, sizeof *sim->before);
    SMX_SIM_MUST(sim->start && sim->ready && sim->traffic_before && sim->before);
    make_clients(sim, &rng);
    sim->calls = smx_calls_new(&sim->scenario, sim->n, sim->agenda, &rng);
    sim->faults = smx_faults_new(&sim->scenario, sim->n, sim->agenda, &rng);
    smx_faults_tell(sim->faults, relay_dies, sim);
    sim->churn = smx_churn_new(&sim->scenario, sim->n, sim->calls, sim->agenda, &rng);
    sim->started = smx_sim_now(sim);
    sim->deadline = sim->started + scenario->start_most;
    smx_rng_fini(&rng);
    return sim;
}

void smx_sim_free(struct smx_sim *sim)
{
    if (!sim)
        return;
    smx_churn_free(sim->churn);
    smx_faults_free(sim->faults);
    smx_calls_free(sim->calls);
    smx_agenda_free(sim->agenda);
    smx_sim_network_free(sim->n);
    smx_rng_fini(&sim->rng);
    free(sim->start);
    free(sim->ready);
    free(sim->traffic_before);
    free(sim->before);
    free(sim);
}

/* ---- phases ---- */

/* Looks at those that were not ready at the last look. */
static bool all_ready(struct smx_sim *sim)
{
    bool all = true;

    for (size_t i = 0; i < sim->n->clients; i++) {
        struct smx_client_status status;

        if (sim->ready[i] > 0)
            continue;
        smx_client_status(sim->n->user[i].client, &status);
        if (status.ready)
            sim->ready[i] = smx_sim_now(sim);
        all = all && status.ready;
    }
    return all;
}

static void begin_measuring(struct smx_sim *sim)
{
    smx_time now = smx_sim_now(sim);

    sim->phase = SMX_SIM_MEASURED;
    sim->begins = now;
    sim->ends = now + sim->scenario.duration;
    for (uint32_t i = 0; i < sim->scenario.relays + sim->scenario.clients; i++)
        sim->traffic_before[i] = *smx_world_traffic(sim->n->world, i);
    for (size_t i = 0; i < sim->n->relays; i++)
        if (sim->n->relay[i].core)
            sim->before[i] = *smx_relay_counters(sim->n->relay[i].core);
    smx_calls_begin(sim->calls, sim->ends);
    smx_churn_begin(sim->churn);
    smx_faults_begin(sim->faults);
}

static void step_until(struct smx_sim *sim, smx_time end)
{
    smx_time now = smx_sim_now(sim), most = now + SMX_MS(STEP_MS);

    smx_sim_run_until(sim->n, end < most ? end : most);
}

enum smx_sim_phase smx_sim_step(struct smx_sim *sim)
{
    switch (sim->phase) {
    case SMX_SIM_STARTING:
        if (sim->settled == SMX_NEVER && all_ready(sim))
            sim->settled = smx_sim_now(sim) + sim->scenario.settle;
        if (smx_sim_now(sim) >= sim->settled)
            begin_measuring(sim);
        else if (sim->settled == SMX_NEVER && smx_sim_now(sim) >= sim->deadline)
            sim->phase = SMX_SIM_FAILED;
        else
            step_until(sim, sim->settled);
        break;
    case SMX_SIM_MEASURED:
        if (smx_sim_now(sim) >= sim->ends)
            sim->phase = SMX_SIM_OVER;
        else
            step_until(sim, sim->ends);
        break;
    case SMX_SIM_OVER:
    case SMX_SIM_FAILED:
        break;
    }
    return sim->phase;
}

bool smx_sim_ready(struct smx_sim *sim)
{
    while (sim->phase == SMX_SIM_STARTING)
        smx_sim_step(sim);
    return sim->phase != SMX_SIM_FAILED;
}

void smx_sim_run(struct smx_sim *sim)
{
    while (sim->phase == SMX_SIM_STARTING || sim->phase == SMX_SIM_MEASURED)
        smx_sim_step(sim);
}

/* ---- what was measured ---- */

/* Adds what the relay counted since measured time began, or since it was born. */
static void count_relay(struct smx_sim *sim, size_t relay, struct smx_relay_counters *sum)
{
    const struct smx_relay_counters *now = smx_relay_counters(sim->n->relay[relay].core);

#define X(name, text) sum->name += now->name - sim->before[relay].name;
    SMX_RELAY_COUNTERS(X)
#undef X
}

static void relay_dies(void *arg, size_t relay)
{
    struct smx_sim *sim = arg;

    count_relay(sim, relay, &sim->died);
    memset(&sim->before[relay], 0, sizeof sim->before[relay]);
}

static void add_cells(struct smx_sim *sim, struct smx_result *result)
{
    struct smx_relay_counters sum = sim->died;

    for (size_t i = 0; i < sim->n->relays; i++)
        if (sim->n->relay[i].core)
            count_relay(sim, i, &sum);
    result->tally[SMX_T_CELLS_SENT] += sum.cells_forward + sum.cells_backward;
    result->tally[SMX_T_CELLS_LATE] += sum.cells_late;
    result->tally[SMX_T_CELLS_EARLY] += sum.cells_early;
}

static void add_traffic(struct smx_sim *sim, struct smx_result *result)
{
    static const enum smx_traffic_role role[] = {[SMX_LAYER_GUARD] = SMX_ROLE_GUARD,
                                                 [SMX_LAYER_MIDDLE] = SMX_ROLE_MIDDLE,
                                                 [SMX_LAYER_END] = SMX_ROLE_END};
    smx_time time = smx_sim_now(sim) - sim->begins;

    for (uint32_t i = 0; i < sim->scenario.relays + sim->scenario.clients; i++) {
        const struct smx_world_traffic *t = smx_world_traffic(sim->n->world, i), *b = &sim->traffic_before[i];
        int layer = i < sim->scenario.relays ? smx_sim_layer(sim, i) : 0;

        if (layer < 0 || layer > SMX_LAYER_END)
            continue;
        smx_result_traffic(result, i < sim->scenario.relays ? role[layer] : SMX_ROLE_CLIENT, time,
                           t->bytes_out - b->bytes_out, t->datagrams_out - b->datagrams_out,
                           t->bytes_in - b->bytes_in, t->datagrams_in - b->datagrams_in);
    }
}

/* Mean of the calls under way, from the moment when the first ones have begun. */
static void add_concurrency(const struct smx_sim *sim, struct smx_result *result)
{
    smx_time from = sim->begins + sim->scenario.calls.ramp, now = smx_sim_now(sim);
    const struct smx_truth_call *call;
    double time = 0;
    size_t count;

    call = smx_calls_truth(sim->calls, &count);
    for (size_t i = 0; i < count; i++) {
        smx_time a = call[i].answered > from ? call[i].answered : from,
                 b = call[i].ended < now ? call[i].ended : now;

        if (call[i].answered != SMX_NEVER && b > a)
            time += (double)(b - a);
    }
    if (now > from)
        smx_figures_add(&result->figures, "calls_under_way", time / (double)(now - from), "calls",
                        "conversations at a time, in the mean");
}

static void add_presence(const struct smx_sim *sim, struct smx_result *result)
{
    struct smx_presence_rates rates = {.clients = 0};
    const struct smx_truth_call *call;
    size_t count;

    smx_churn_rates(sim->churn, &rates);
    call = smx_calls_truth(sim->calls, &count);
    rates.calls = count;
    for (size_t i = 0; i < count; i++)
        if (call[i].answered != SMX_NEVER && call[i].ended != SMX_NEVER) {
            rates.hold_ns += (double)(call[i].ended - call[i].answered);
            rates.ended++;
        }
    smx_presence_figures(&rates, result);
}

void smx_sim_end(struct smx_sim *sim, struct smx_result *result)
{
    smx_result_seed(result, sim->seed);
    if (sim->scenario.clients > result->clients)
        result->clients = sim->scenario.clients;
    if (sim->scenario.relays > result->relays)
        result->relays = sim->scenario.relays;
    if (smx_churn_always_on(sim->churn) > result->always_on)
        result->always_on = smx_churn_always_on(sim->churn);
    for (size_t i = 0; i < sim->n->clients; i++)
        if (sim->ready[i] > 0)
            smx_spread_add(&result->measure[SMX_M_READY], (sim->ready[i] - sim->start[i]) / 1000);
    if (sim->begins == SMX_NEVER)
        return;
    result->virtual_ns += smx_sim_now(sim) - sim->begins;
    result->tally[SMX_T_FAULTS] += smx_faults_count(sim->faults);
    smx_calls_end(sim->calls, result);
    add_cells(sim, result);
    add_traffic(sim, result);
    add_concurrency(sim, result);
    add_presence(sim, result);
}

/* ---- for who looks on ---- */

enum smx_sim_phase smx_sim_phase(const struct smx_sim *sim)
{
    return sim->phase;
}

const struct smx_scenario *smx_sim_scenario(const struct smx_sim *sim)
{
    return &sim->scenario;
}

uint64_t smx_sim_seed(const struct smx_sim *sim)
{
    return sim->seed;
}

smx_time smx_sim_now(const struct smx_sim *sim)
{
    return smx_world_now(sim->n->world);
}

smx_time smx_sim_begins(const struct smx_sim *sim)
{
    return sim->begins;
}

smx_time smx_sim_ends(const struct smx_sim *sim)
{
    return sim->ends;
}

size_t smx_sim_ready_clients(const struct smx_sim *sim)
{
    size_t count = 0;

    for (size_t i = 0; i < sim->n->clients; i++)
        count += sim->ready[i] > 0;
    return count;
}

struct smx_sim_network *smx_sim_network(struct smx_sim *sim)
{
    return sim->n;
}

int smx_sim_layer(const struct smx_sim *sim, size_t relay)
{
    for (size_t i = 0; i < sim->n->relays; i++) {
        const struct smx_consensus *c =
            sim->n->relay[i].core ? smx_relay_current(sim->n->relay[i].core) : NULL;
        size_t place = c ? smx_consensus_find(c, sim->n->relay[relay].id) : SMX_RELAY_NONE;

        if (place != SMX_RELAY_NONE)
            return c->relay[place].layer;
    }
    return -1;
}

size_t smx_sim_city(const struct smx_sim *sim, uint32_t node)
{
    const struct smx_scenario *s = &sim->scenario;

    return node < s->relays ? node % s->relay_cities : (node - s->relays) % s->cities;
}

void smx_sim_watch(struct smx_sim *sim, smx_world_tap tap, void *arg)
{
    smx_world_watch(sim->n->world, tap, arg);
}

void smx_sim_unwatch(struct smx_sim *sim, smx_world_tap tap, void *arg)
{
    smx_world_unwatch(sim->n->world, tap, arg);
}

void smx_sim_at(struct smx_sim *sim, smx_time at, void (*fn)(void *arg), void *arg)
{
    smx_world_at(sim->n->world, at, fn, arg);
}

struct smx_rng *smx_sim_rng(struct smx_sim *sim)
{
    return &sim->rng;
}

const struct smx_truth_call *smx_sim_truth(const struct smx_sim *sim, size_t *count)
{
    return smx_calls_truth(sim->calls, count);
}
