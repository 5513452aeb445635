/* tests/support/ages.c - what happens; watch.c looks at it. */
#include "sim/check_slots.h"
#include "tests/support/ages.h"

#include <stdio.h>
#include <string.h>

enum {
    CALL_MEAN_S = 60,  /* between calls, in the whole network */
    TALK_MEAN_S = 90,  /* length of a call */
    LONG_SHARE = 20,   /* one call in so many lasts for some epochs */
    TEXT_MEAN_S = 400, /* between messages */
    FAULT_MEAN_S = 150,
    DEAD_MEAN_S = 60,  /* a relay is away */
    TEXT_IDLE_S = 110, /* slots are free so long after a message */
    ASLEEP_S = 60,
    HALF_S = 25, /* a call has ended at one side only */
    FINDABLE_S = 30,
    LOSSY_S = 120,
    LOSS = 5000,     /* millionths */
    OPEN_ONE_IN = 4, /* links whose cells are looked at */
};

const char *const ages_fault_name[FAULTS] = {"relay_deaths", "guard_deaths",    "address_changes",
                                             "sleeps",       "lossy_intervals", "directory_outages"};

smx_time ages_now(const struct ages *g)
{
    return smx_world_now(g->n->world);
}

static smx_time draw_s(struct ages *g, uint32_t mean_s)
{
    return smx_rng_exp(&g->rng, SMX_SECOND(mean_s));
}

bool ages_is_quiet(const struct ages *g)
{
    return (ages_now(g) - g->begin) / SMX_SECOND(1) % QUIET_EVERY_S >= QUIET_EVERY_S - QUIET_S;
}

bool ages_is_awake(const struct ages *g, size_t i)
{
    return g->side[i].wakes == 0;
}

static struct smx_sim_call *find_call(struct smx_sim_user *u, uint32_t id)
{
    for (size_t i = 0; i < u->call_count; i++)
        if (u->call[i].id == id)
            return &u->call[i];
    return NULL;
}

/* The call that a user has now, either way. */
struct smx_sim_call *ages_call_of(struct smx_sim_user *u)
{
    for (size_t i = 0; i < u->call_count; i++)
        if (!smx_sim_call_is_over(&u->call[i]))
            return &u->call[i];
    return NULL;
}

void ages_excuse(struct ages *g, size_t i)
{
    g->side[i].excused = g->side[i].moving = ages_now(g) + SMX_SECOND(EXCUSE_S);
}

static void excuse_all(struct ages *g)
{
    for (size_t i = 0; i < g->n->clients; i++)
        ages_excuse(g, i);
}

void ages_note(const struct ages *g, const char *what, size_t whom)
{
    unsigned s = (unsigned)((ages_now(g) - g->begin) / SMX_SECOND(1));

    if (g->tells)
        fprintf(stderr, "%u:%02u:%02u   (%s %zu)\n", s / 3600, s / 60 % 60, s % 60, what, whom);
}

/* ---- calls ---- */

static void talk_ends(struct ages *g, struct talk *t)
{
    t->used = false;
    smx_sim_user_forget(&g->n->user[t->a]);
    smx_sim_user_forget(&g->n->user[t->b]);
}

/* All circuits of a client stand, it is heard where it listens, and a slot is free. */
static bool stands(const struct smx_client *c)
{
    for (size_t k = 0; k < c->circuit_count; k++)
        if (!smx_circuit_is_open(&c->circuit[k]))
            return false;
    return c->identity[0].listening && smx_slots_free(c) > 0;
}

/* Does a call between these two lack what it needs to come about? */
static bool is_hampered(const struct ages *g, const struct talk *t, bool begins)
{
    const struct smx_client *a = g->n->user[t->a].client, *b = g->n->user[t->b].client;

    if (g->n->directory_down || ages_now(g) < g->findable)
        return true; /* what end relays know of names is too old to be believed */
    for (size_t k = 0; k < a->circuit_count; k++)
        if (!smx_circuit_is_open(&a->circuit[k]) || !smx_circuit_is_open(&b->circuit[k]))
            return true;
    return begins && (!stands(a) || !stands(b));
}

/* Has a call, or is in one that is not over at the other side. */
static bool is_talking(const struct ages *g, size_t i)
{
    for (size_t t = 0; t < TALKS; t++)
        if (g->talk[t].used && (g->talk[t].a == i || g->talk[t].b == i))
            return true;
    return ages_call_of(&g->n->user[i]) != NULL;
}

static void begin_call(struct ages *g)
{
    size_t a = smx_rng_below(&g->rng, (uint32_t)g->n->clients);
    size_t b = (a + 1 + smx_rng_below(&g->rng, (uint32_t)g->n->clients - 1)) % g->n->clients;
    struct smx_sim_user *u = &g->n->user[a], *v = &g->n->user[b];
    smx_time length = draw_s(g, TALK_MEAN_S);
    size_t at = 0;

    if (smx_rng_below(&g->rng, LONG_SHARE) == 0)
        length = SMX_SECOND(g->n->config.params.epoch_s) * 2 + draw_s(g, g->n->config.params.epoch_s);
    if (!ages_is_awake(g, a) || !ages_is_awake(g, b) || !u->ready || !v->ready || is_talking(g, a) ||
        is_talking(g, b))
        return;
    while (g->talk[at].used)
        at++;
    g->calls++;
    g->talk[at] =
        (struct talk){.used = true, .a = a, .b = b, .began = ages_now(g), .end = ages_now(g) + length};
    g->talk[at].id = u->calls + 1;
    g->talk[at].hampered = is_hampered(g, &g->talk[at], true);
    ages_note(g, "calls: client", a);
    (void)smx_sim_call_place(u, smx_sim_target_name(v->name));
}

static void end_call(struct ages *g, struct talk *t)
{
    struct smx_sim_user *u = &g->n->user[t->a], *v = &g->n->user[t->b];
    struct smx_sim_call *p = find_call(u, t->id), *q = ages_call_of(v);
    bool callee =
        t->answered && q && ages_is_awake(g, t->b) && (!ages_is_awake(g, t->a) || smx_rng_below(&g->rng, 2));

    if (callee)
        smx_sim_call_hang_up(v, q);
    else if (p && !smx_sim_call_is_over(p) && ages_is_awake(g, t->a))
        smx_sim_call_hang_up(u, p);
}

/* What becomes of a call that somebody placed. */
static void follow_call(struct ages *g, struct talk *t)
{
    struct smx_sim_user *u = &g->n->user[t->a], *v = &g->n->user[t->b];
    struct smx_sim_call *p = find_call(u, t->id), *q = ages_call_of(v);
    smx_time now = ages_now(g);
    bool excused = now < g->side[t->a].excused || now < g->side[t->b].excused;
    bool over = !p || smx_sim_call_is_over(p);

    t->hampered = t->hampered || is_hampered(g, t, false);
    if (p && p->answered && !t->answered) {
        t->answered = true;
        g->answered++;
    }
    if (over && !q) {
        if (!t->answered) {
            g->failed++;
            if (!excused && !t->hampered)
                smx_complain(&g->verdict, now, "ages",
                             "call of %zu to %zu failed with %u, and no fault is near", t->a, t->b,
                             p ? p->code : 0);
        } else if (now < t->end) {
            g->cut++;
            if (!excused)
                smx_complain(&g->verdict, now, "ages",
                             "call of %zu to %zu ended by itself, and no fault is near", t->a, t->b);
        }
        talk_ends(g, t);
        return;
    }
    if (t->half == 0 && over != !q)
        t->half = now;
    if (over == !q)
        t->half = 0;
    if (t->half > 0 && t->answered && ages_is_awake(g, t->a) && ages_is_awake(g, t->b) &&
        now > t->half + SMX_SECOND(HALF_S) && !excused) {
        smx_complain(&g->verdict, now, "ages", "call of %zu to %zu is over at one side only", t->a, t->b);
        t->half = now;
    }
    if (now >= t->end)
        end_call(g, t);
}

static void send_a_text(struct ages *g)
{
    size_t a = smx_rng_below(&g->rng, (uint32_t)g->n->clients);
    size_t b = (a + 1 + smx_rng_below(&g->rng, (uint32_t)g->n->clients - 1)) % g->n->clients;
    struct smx_sim_user *u = &g->n->user[a], *v = &g->n->user[b];

    if (!ages_is_awake(g, a) || !ages_is_awake(g, b) || !u->ready || ages_call_of(u) || ages_call_of(v) ||
        u->text_count > SMX_SIM_TEXTS / 2 || v->text_count > SMX_SIM_TEXTS / 2)
        return;
    g->texts++;
    ages_note(g, "texts: client", a);
    (void)smx_sim_text_send(u, smx_sim_target_name(v->name), "how are you?", 12);
    g->side[a].idle = g->side[b].idle = ages_now(g) + SMX_SECOND(TEXT_IDLE_S);
}

/* ---- faults ---- */

static size_t dead_relays(const struct ages *g)
{
    size_t dead = 0;

    for (size_t i = 0; i < g->n->relays; i++)
        dead += g->n->relay[i].dead;
    return dead;
}

/* The consensus' layer of a relay, to keep one alive beside each dead one. */
static int layer_of(const struct ages *g, size_t relay)
{
    for (size_t i = 0; i < g->n->relays; i++) {
        const struct smx_consensus *c = g->n->relay[i].core ? smx_relay_current(g->n->relay[i].core) : NULL;
        size_t place = c ? smx_consensus_find(c, g->n->relay[relay].id) : SMX_RELAY_NONE;

        if (place != SMX_RELAY_NONE)
            return c->relay[place].layer;
    }
    return -1;
}

static bool may_die(const struct ages *g, size_t relay)
{
    if (g->n->relay[relay].dead || dead_relays(g) >= 2)
        return false;
    for (size_t i = 0; i < g->n->relays; i++)
        if (g->n->relay[i].dead && layer_of(g, i) == layer_of(g, relay))
            return false;
    return true;
}

static bool relay_dies(struct ages *g, size_t relay)
{
    if (relay >= g->n->relays || !may_die(g, relay))
        return false;
    ages_note(g, "dies: relay", relay);
    smx_sim_relay_kill(g->n, relay);
    g->back[relay] = ages_now(g) + SMX_SECOND(5) + draw_s(g, DEAD_MEAN_S);
    g->shaken = ages_now(g);
    excuse_all(g);
    return true;
}

static bool do_fault(struct ages *g, enum fault kind)
{
    size_t i = smx_rng_below(&g->rng, (uint32_t)g->n->clients);
    struct smx_sim_user *u = &g->n->user[i];

    switch (kind) {
    case FAULT_RELAY:
        return relay_dies(g, smx_rng_below(&g->rng, (uint32_t)g->n->relays));
    case FAULT_GUARD:
        return relay_dies(g, smx_sim_relay_number(g->n, u->client->paths.guard[u->client->uplink.guard]));
    case FAULT_MOVE:
        if (!ages_is_awake(g, i))
            return false;
        ages_note(g, "moves: client", i);
        smx_sim_client_move(g->n, i);
        ages_excuse(g, i);
        return true;
    case FAULT_SLEEP:
        if (!ages_is_awake(g, i))
            return false;
        ages_note(g, "sleeps: client", i);
        smx_sim_client_sleep(g->n, i);
        g->side[i].wakes = ages_now(g) + SMX_SECOND(ASLEEP_S);
        smx_check_links_excuse(g->links, g->n->user[i].node);
        excuse_all(g);
        return true;
    case FAULT_LOSS:
        ages_note(g, "losses, seconds", LOSSY_S);
        smx_world_net(g->n->world)->common.loss = LOSS;
        g->lossy_until = ages_now(g) + SMX_SECOND(LOSSY_S);
        excuse_all(g);
        return true;
    case FAULT_DIRECTORY:
        if (g->n->directory_down)
            return false;
        ages_note(g, "no directory, seconds", g->n->config.params.epoch_s);
        g->n->directory_down = true;
        g->directory_back = ages_now(g) + SMX_SECOND(g->n->config.params.epoch_s);
        g->shaken = ages_now(g);
        return true;
    case FAULTS:
        break;
    }
    return false;
}

static void heal(struct ages *g)
{
    smx_time now = ages_now(g);

    for (size_t i = 0; i < g->n->relays; i++)
        if (g->n->relay[i].dead && now >= g->back[i]) {
            ages_note(g, "returns: relay", i);
            smx_sim_relay_revive(g->n, i);
            g->shaken = now;
            excuse_all(g);
        }
    for (size_t i = 0; i < g->n->clients; i++) {
        if (ages_is_awake(g, i))
            continue;
        smx_check_links_excuse(g->links, g->n->user[i].node);
        if (now < g->side[i].wakes)
            continue;
        g->side[i].wakes = 0;
        memset(g->side[i].dark, 0, sizeof g->side[i].dark);
        ages_note(g, "wakes: client", i);
        smx_sim_client_start(g->n, i);
        excuse_all(g);
    }
    if (g->lossy_until > 0) {
        excuse_all(g);
        if (now >= g->lossy_until)
            smx_world_net(g->n->world)->common.loss = 0;
        if (now >= g->lossy_until)
            g->lossy_until = 0;
    }
    if (g->n->directory_down && now >= g->directory_back) {
        g->n->directory_down = false;
        g->shaken = now;
        g->findable = now + SMX_SECOND(FINDABLE_S);
    }
}

void ages_happen(struct ages *g)
{
    smx_time now = ages_now(g);
    bool quiet = ages_is_quiet(g);

    heal(g);
    for (size_t i = 0; i < TALKS; i++)
        if (g->talk[i].used) {
            if (quiet && g->talk[i].end > now)
                g->talk[i].end = now;
            follow_call(g, &g->talk[i]);
        }
    if (quiet)
        return;
    if (now >= g->next_call) {
        begin_call(g);
        g->next_call = now + draw_s(g, CALL_MEAN_S);
    }
    if (now >= g->next_text) {
        send_a_text(g);
        g->next_text = now + draw_s(g, TEXT_MEAN_S);
    }
    if (g->faulty && now >= g->next_fault) {
        static const uint8_t shares[] = {FAULT_RELAY, FAULT_RELAY, FAULT_RELAY, FAULT_GUARD,    FAULT_MOVE,
                                         FAULT_MOVE,  FAULT_SLEEP, FAULT_LOSS,  FAULT_DIRECTORY};
        enum fault kind = (enum fault)shares[smx_rng_below(&g->rng, sizeof shares)];

        g->faults[kind] += do_fault(g, kind);
        g->next_fault = now + draw_s(g, FAULT_MEAN_S);
    }
}

/* ---- beginning and end ---- */

bool ages_begin(struct ages *g, const struct ages_config *config)
{
    uint8_t seed[SMX_RNG_SEED] = "ages";
    char name[16];

    memset(g, 0, sizeof *g);
    g->faulty = config->faults;
    g->tells = config->tells;
    memcpy(seed + 8, &config->network.seed, sizeof config->network.seed);
    smx_rng_init(&g->rng, seed);
    g->n = smx_sim_network_new(&config->network);
    for (size_t i = 0; i < config->clients; i++) {
        snprintf(name, sizeof name, "user%u", (unsigned)i % 100);
        smx_sim_client_make(g->n, i, (uint32_t)i + 1, name, 2);
        g->n->user[i].answers = true;
        smx_sim_client_start(g->n, i);
    }
    if (!run_to_ready(g->n, 120000))
        return false;
    g->begin = g->next_call = g->next_text = ages_now(g);
    g->next_fault = g->begin + SMX_SECOND(60);
    g->links = smx_check_links_new(g->n, &g->verdict, config->network.seed, OPEN_ONE_IN);
    smx_check_links_watch(g->links);
    return true;
}

void ages_run(struct ages *g, unsigned seconds)
{
    for (unsigned s = 0; s < seconds && g->verdict.count < SMX_VERDICT_KEPT; s++) {
        ages_happen(g);
        smx_sim_run_for(g->n, 1000);
        ages_look(g, s, (double)s / seconds);
    }
    ages_judge(g);
}

void ages_end(struct ages *g)
{
    smx_check_links_free(g->links);
    smx_sim_network_free(g->n);
    smx_rng_fini(&g->rng);
}
