/* A living network whose machines' clocks are wrong, in virtual time: relays keep to each other, clients to
 * their guards, and calls go on.  CLOCKS_SECONDS in the environment is how long the first call lasts. */
#include "tests/unit/sim/network.h"

enum { MANY = 12 }; /* relays: with four a layer one of them is in nobody's call */

static struct smx_sim_network *clocks_network(uint64_t seed, uint32_t ppm, size_t relays)
{
    struct smx_sim_network_config config = smx_sim_network_preset(seed);
    struct smx_sim_network *n;

    config.drift_ppm = ppm;
    config.relays = relays;
    config.params.epoch_s = 3600; /* what renewal would mend shall show */
    n = smx_sim_network_new(&config);
    smx_sim_client_make(n, 0, 1, "alice", 2);
    smx_sim_client_make(n, 1, 2, "bob", 2);
    for (size_t i = 0; i < CLIENTS; i++)
        smx_sim_client_start(n, i);
    run_until_ready(n, 60000);
    return n;
}

static struct smx_sim_call *call_bob(struct smx_sim_network *n)
{
    struct smx_sim_call *out;

    n->user[1].answers = true;
    out = smx_sim_call_place(&n->user[0], smx_sim_target_name("bob"));
    smx_sim_run_for(n, 5000);
    assert_true(out->answered);
    return out;
}

/* How far each relay's ticks have moved against the world's time, from their datagrams. */
struct ticks {
    size_t relays;
    smx_time last[MANY];
    int64_t moved[MANY]; /* ns; later: above 0 */
};

static bool see_tick(void *arg, smx_time now, uint32_t from, uint32_t to, uint8_t *bytes, size_t len,
                     smx_time *delay)
{
    struct ticks *t = arg;
    int64_t tick = (int64_t)SMX_MS(10), off;

    (void)to;
    (void)bytes;
    (void)len;
    (void)delay;
    if (from >= t->relays)
        return true;
    off = t->last[from] > 0 ? (int64_t)(now - t->last[from]) % tick : 0;
    t->moved[from] += off > tick / 2 ? off - tick : off;
    t->last[from] = now;
    return true;
}

static void watch_ticks(struct smx_sim_network *n, struct ticks *t)
{
    memset(t, 0, sizeof *t);
    t->relays = n->relays;
    smx_world_watch(n->world, see_tick, t);
}

/* By how much any two relays' ticks have moved against each other, in us; one relay may be left out. */
static uint32_t apart_us(const struct ticks *t, size_t without)
{
    int64_t least = INT64_MAX, most = INT64_MIN;

    for (size_t i = 0; i < t->relays; i++) {
        if (i == without)
            continue;
        least = t->moved[i] < least ? t->moved[i] : least;
        most = t->moved[i] > most ? t->moved[i] : most;
    }
    return (uint32_t)((most - least) / 1000);
}

static uint64_t misfits(const struct smx_sim_network *n)
{
    uint64_t sum = 0;

    for (size_t i = 0; i < n->relays; i++)
        sum += smx_relay_counters(n->relay[i].core)->cells_late +
               smx_relay_counters(n->relay[i].core)->cells_early;
    return sum;
}

static uint32_t strange_seen(const struct smx_sim_network *n, size_t without)
{
    uint64_t sum = 0;

    for (size_t i = 0; i < n->relays; i++)
        if (i != without)
            sum += smx_relay_counters(n->relay[i].core)->clocks_strange;
    return (uint32_t)sum;
}

/* ---- a call ---- */

/* The most that any two relays' machines differ by in so much time. */
static uint32_t machines_apart_us(const struct smx_sim_network *n, smx_time then, const smx_time local[])
{
    int64_t least = INT64_MAX, most = INT64_MIN;

    for (size_t i = 0; i < n->relays; i++) {
        int64_t gained =
            (int64_t)(smx_world_local(n->world, (uint32_t)i) - local[i] - (smx_world_now(n->world) - then));

        least = gained < least ? gained : least;
        most = gained > most ? gained : most;
    }
    return (uint32_t)((most - least) / 1000);
}

static void a_call_between_wrong_clocks_loses_hardly_a_frame(void **state)
{
    const char *asked = getenv("CLOCKS_SECONDS");
    unsigned seconds = asked ? (unsigned)strtoul(asked, NULL, 10) : 90;
    struct smx_sim_network *n = clocks_network(1, 100, RELAYS);
    struct smx_sim_call *out = call_bob(n), *in = &n->user[1].call[0];
    smx_time local[RELAYS], then;
    uint32_t lost_out, lost_in;
    struct ticks t;

    (void)state;
    smx_sim_run_for(n,
                    30000); /* to begin with, clients have much to tell each other, in the place of frames */
    lost_out = out->missing;
    lost_in = in->missing;
    watch_ticks(n, &t);
    then = smx_world_now(n->world);
    for (size_t i = 0; i < RELAYS; i++)
        local[i] = smx_world_local(n->world, (uint32_t)i);
    smx_sim_run_for(n, (seconds - 30) * 1000);
    assert_in_range(apart_us(&t, RELAYS), 0, 1000);
    assert_in_range(machines_apart_us(n, then, local), 5000, UINT32_MAX); /* control */
    assert_false(out->ended || in->ended);
    assert_in_range(out->frames_in, seconds * 50, seconds * 51 + 250);
    assert_in_range(in->frames_in, seconds * 50, seconds * 51 + 250);
    assert_in_range(out->missing, lost_out, lost_out + seconds * 50 / 1000);
    assert_in_range(in->missing, lost_in, lost_in + seconds * 50 / 1000);
    assert_int_equal(out->wrong + in->wrong, 0);
    assert_in_range(misfits(n), 0, 10); /* of 400000 cells or more */
    smx_world_unwatch(n->world, see_tick, &t);
    smx_sim_network_free(n);
}

/* ---- one that goes its own way ---- */

static size_t middle_of_call(const struct smx_sim_network *n, size_t user)
{
    const struct smx_client *c = n->user[user].client;

    for (size_t i = 0; i < c->slots; i++)
        if (c->circuit[i].origin.joined)
            return smx_sim_relay_number(n, c->circuit[i].origin.path[1].id);
    fail_msg("no call");
    return 0;
}

static bool is_middle(const struct smx_sim_network *n, size_t i)
{
    const struct smx_consensus *v = smx_relay_current(n->relay[i].core);

    return v->relay[smx_consensus_find(v, n->relay[i].id)].layer == SMX_LAYER_MIDDLE;
}

static void delay_more(struct smx_sim_network *n, size_t one, size_t other, smx_time more)
{
    smx_net_path(smx_world_net(n->world), (uint32_t)one, (uint32_t)other)->latency += more;
    smx_net_path(smx_world_net(n->world), (uint32_t)other, (uint32_t)one)->latency += more;
}

static void a_path_that_changes_moves_nobody(void **state)
{
    struct smx_sim_network *n = clocks_network(4, 0, RELAYS);
    struct ticks t;

    (void)state;
    smx_sim_run_for(n, 5000);
    watch_ticks(n, &t);
    for (size_t i = 1; i < RELAYS; i++) /* at once, and to everybody */
        delay_more(n, 0, i, SMX_MS(30));
    smx_sim_run_for(n, 10000);
    for (unsigned k = 0; k < 150; k++) { /* slowly, as if a clock ran wrong, and to one */
        for (size_t i = 2; i < 4; i++)
            delay_more(n, 1, i, SMX_US(20));
        smx_sim_run_for(n, 100);
    }
    assert_in_range(apart_us(&t, RELAYS), 0, 100);
    for (unsigned k = 0; k < 150; k++) { /* control: slowly, and to everybody */
        for (size_t i = 0; i < RELAYS; i++)
            if (i != 1)
                delay_more(n, 1, i, SMX_US(20));
        smx_sim_run_for(n, 100);
    }
    assert_in_range(apart_us(&t, RELAYS), 500, 3000);
    smx_world_unwatch(n->world, see_tick, &t);
    smx_sim_network_free(n);
}

static void a_relay_at_1000_ppm_costs_only_its_own_circuits(void **state)
{
    struct smx_sim_network *n = clocks_network(3, 0, MANY);
    struct smx_sim_call *out = call_bob(n), *in = &n->user[1].call[0];
    size_t ours = middle_of_call(n, 0), others = middle_of_call(n, 1), bad = 0;
    uint32_t missing;
    struct ticks t;

    (void)state;
    while (!is_middle(n, bad) || bad == ours || bad == others)
        bad++;
    smx_sim_run_for(n, 5000);
    missing = out->missing + in->missing;
    watch_ticks(n, &t);
    smx_world_set_rate(n->world, (uint32_t)bad, 1000000);
    smx_sim_run_for(n, 40000);
    assert_in_range(apart_us(&t, bad), 0, 100);
    assert_in_range(apart_us(&t, MANY), 30000, 50000);                 /* control */
    assert_in_range(out->missing + in->missing, missing, missing + 4); /* of 4000 */
    missing = out->missing + in->missing;
    smx_world_set_rate(n->world, (uint32_t)ours, 1000000); /* control: on the call's way */
    smx_sim_run_for(n, 20000);
    assert_true(out->missing + in->missing > missing + 20);
    if (smx_world_now(n->world) < SMX_SECOND(121)) /* neighbours look at each other once a minute */
        smx_sim_run_for(n, 121000 - (unsigned)(smx_world_now(n->world) / SMX_MS(1)));
    assert_in_range(strange_seen(n, bad), 4, 100); /* its neighbours know */
    smx_world_unwatch(n->world, see_tick, &t);
    smx_sim_network_free(n);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_call_between_wrong_clocks_loses_hardly_a_frame),
        cmocka_unit_test(a_path_that_changes_moves_nobody),
        cmocka_unit_test(a_relay_at_1000_ppm_costs_only_its_own_circuits),
    };

    if (sodium_init() < 0)
        return 1;
    return cmocka_run_group_tests(tests, NULL, NULL);
}
