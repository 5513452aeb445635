#include "sim/swarm_parts.h"

#include "proto/base/base32.h"
#include "sim/check_tables.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    SLICE_MS = 20,
    LOOK_EVERY = 5,    /* slices: links and what was accepted */
    TABLES_EVERY = 50, /* slices */
    KNOWN_EVERY = 150,
    BIRTH_MS = 60000, /* clients are ready by then */
    PHONE_CALLS = 64,
    NAME_LEN = 20,
};

void smx_swarm_tell(const struct swarm *s, const char *format, ...)
{
    char text[256];
    va_list args;

    if (!s->tell)
        return;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    s->tell(s->tell_arg, smx_world_now(s->n->world), text);
}

/* ---- taps ---- */

static bool tap(void *arg, smx_time now, uint32_t from, uint32_t to, uint8_t *bytes, size_t len,
                smx_time *delay)
{
    struct swarm *s = arg;

    smx_check_wire_datagram(&s->wire, now, from, to, bytes, len);
    smx_check_known_datagram(&s->known, from, to);
    smx_check_links_datagram(s->links, now, from, to, bytes, len);
    smx_check_once_sent(s->once, now, to, bytes, len);
    smx_swarm_on_the_way(s, now, from, to, bytes, len, delay);
    return true;
}

static void arrival(void *arg, smx_time now, uint32_t to, const uint8_t *bytes, size_t len)
{
    struct swarm *s = arg;

    smx_check_once_arrives(s->once, now, to, bytes, len);
}

/* ---- looks ---- */

static void look_at_frames(struct swarm *s)
{
    for (size_t i = 0; i < s->n->clients; i++)
        for (size_t k = 0; k < s->n->user[i].call_count; k++) {
            struct smx_sim_call *c = &s->n->user[i].call[k];

            if (c->wrong > 0)
                SMX_SWARM_SAY(s, "once", "client %zu heard %u frames twice or out of order", i, c->wrong);
            c->wrong = 0;
        }
}

/* Whoever stands still, keeps silent. */
static void excuse(struct swarm *s)
{
    for (size_t i = 0; i < s->plan->fault_count; i++)
        if (s->fault[i].lasts && s->plan->fault[i].kind == SMX_SWARM_STALL)
            smx_check_links_excuse(s->links, s->fault[i].who);
}

static void look(struct swarm *s, bool all)
{
    excuse(s);
    if (all || s->looks % LOOK_EVERY == 0) {
        smx_check_links_look(s->links);
        smx_check_once_look(s->once, smx_world_now(s->n->world));
    }
    if (all || s->looks % TABLES_EVERY == 0) {
        smx_check_tables_look(s->n, &s->result->verdict);
        look_at_frames(s);
    }
    if (all || s->looks % KNOWN_EVERY == 0)
        smx_check_known_look(&s->known);
    s->looks++;
}

bool smx_swarm_pass(struct swarm *s, unsigned ms)
{
    for (unsigned passed = 0; passed < ms; passed += SLICE_MS) {
        if (s->result->verdict.count >= SMX_VERDICT_KEPT)
            return false;
        smx_sim_run_for(s->n, SLICE_MS);
        look(s, false);
    }
    return s->result->verdict.count < SMX_VERDICT_KEPT;
}

/* ---- birth ---- */

void smx_swarm_address(struct swarm *s, uint32_t client)
{
    struct smx_addr addr = {.port = 9000};

    smx_rng_bytes(&s->rng, addr.ip, sizeof addr.ip);
    addr.ip[0] = 0x20; /* 2000::/3, where hosts are */
    smx_world_set_addr(s->n->world, s->n->user[client].node, &addr);
    smx_words_add(&s->words, SMX_WORD_ADDRESS, client, addr.ip, sizeof addr.ip);
}

bool smx_swarm_acts(const struct swarm *s, uint32_t client)
{
    for (size_t i = 0; i < s->plan->fault_count; i++)
        if (s->fault[i].lasts && s->plan->fault[i].kind == SMX_SWARM_STALL &&
            s->fault[i].who == s->n->user[client].node)
            return false;
    return true;
}

static void draw_letters(struct swarm *s, char *text, size_t len)
{
    for (size_t i = 0; i < len; i++)
        text[i] = (char)('a' + smx_rng_below(&s->rng, 26));
    text[len] = 0;
}

static void make_client(struct swarm *s, uint32_t i)
{
    struct smx_sim_user *u = &s->n->user[i];
    char name[NAME_LEN + 1], key[SMX_CLIENT_USER];

    draw_letters(s, name, NAME_LEN);
    smx_sim_client_make(s->n, i, i + 1, name, (uint8_t)s->plan->slots[i]);
    smx_swarm_address(s, i);
    u->answers = true;
    smx_base32_encode(key, u->public, sizeof u->public);
    smx_words_add(&s->words, SMX_WORD_NAME, i, name, NAME_LEN);
    smx_words_add(&s->words, SMX_WORD_KEY, i, u->public, sizeof u->public);
    smx_words_add(&s->words, SMX_WORD_KEY, i, key, strlen(key));
}

/* Everybody has everybody else's line in his contacts. */
static void introduce(struct swarm *s, uint32_t i)
{
    char text[SMX_SWARM_CLIENTS * 2 * SMX_CLIENT_USER], key[SMX_CLIENT_USER];
    size_t len = 0;
    unsigned line;

    for (uint32_t k = 0; k < s->plan->clients; k++) {
        smx_base32_encode(key, s->n->user[k].public, sizeof s->n->user[k].public);
        if (k != i)
            len += (size_t)snprintf(text + len, sizeof text - len, "%s %s\n", s->n->user[k].name, key);
    }
    SMX_SIM_MUST(smx_client_load_contacts(s->n->user[i].client, text, len, &line) == SMX_OK);
}

static void make_network(struct swarm *s)
{
    const struct smx_swarm_plan *p = s->plan;
    struct smx_sim_network_config config = smx_sim_network_preset(p->seed);
    uint8_t seed[SMX_RNG_SEED] = "faults";

    memcpy(seed + 8, &p->seed, sizeof p->seed);
    smx_rng_init(&s->rng, seed);
    s->path = (struct smx_net_path){.latency = SMX_US(p->latency_us), .jitter = SMX_US(p->jitter_us)};
    config.relays = p->relays;
    config.clients_max = p->clients;
    config.calls_max = config.texts_max = PHONE_CALLS;
    config.params.epoch_s = p->epoch_s;
    config.params.batch_s = p->batch_s;
    config.params.tick_ms = p->tick_ms;
    config.params.link_floor = p->link_floor;
    config.fetch_ms = p->fetch_ms;
    config.call_waiting = p->call_waiting;
    config.drift_ppm = p->drift_ppm;
    config.circuits_max = p->circuits_max;
    config.path = s->path;
    s->n = smx_sim_network_new(&config);
    smx_words_init(&s->words);
    smx_check_wire_init(&s->wire, s->n, &s->result->verdict, &s->words);
    smx_check_known_init(&s->known, s->n, &s->result->verdict, &s->words);
    s->links = smx_check_links_new(s->n, &s->result->verdict, p->seed, p->open_one_in);
    s->once = smx_check_once_new(s->n, &s->result->verdict);
    smx_world_watch(s->n->world, tap, s);
    smx_world_watch_arrivals(s->n->world, arrival, s);
}

static bool birth(struct swarm *s)
{
    smx_time begin = smx_world_now(s->n->world);
    smx_time end = begin + SMX_MS(BIRTH_MS);

    for (uint32_t i = 0; i < s->plan->clients; i++)
        make_client(s, i);
    for (uint32_t i = 0; i < s->plan->clients; i++) {
        if (s->plan->contacts)
            introduce(s, i);
        smx_sim_client_start(s->n, i);
    }
    while (!smx_sim_is_ready(s->n) && smx_world_now(s->n->world) < end)
        if (!smx_swarm_pass(s, 100))
            return false;
    s->result->ready_ms = (uint32_t)((smx_world_now(s->n->world) - begin) / SMX_MS(1));
    if (!smx_sim_is_ready(s->n))
        smx_swarm_say_who_is_missing(s, BIRTH_MS / 1000);
    return smx_sim_is_ready(s->n);
}

/* ---- calls of the plan ---- */

static void call_ends(void *arg)
{
    struct happening *h = arg;
    struct smx_sim_user *u = &h->swarm->n->user[h->swarm->plan->call[h->at].a % h->swarm->n->clients];

    if (!smx_swarm_acts(h->swarm, (uint32_t)(u - h->swarm->n->user)))
        return;
    for (size_t i = 0; i < u->call_count; i++)
        if (u->call[i].id == h->who && !smx_sim_call_is_over(&u->call[i]))
            smx_sim_call_hang_up(u, &u->call[i]);
}

static void call_begins(void *arg)
{
    struct happening *h = arg;
    struct swarm *s = h->swarm;
    const struct smx_swarm_call *c = &s->plan->call[h->at];
    uint32_t a = c->a % (uint32_t)s->n->clients;
    uint32_t b = (a + 1 + c->b % (uint32_t)(s->n->clients - 1)) % (uint32_t)s->n->clients;
    struct smx_client_target to =
        c->b >> 16 & 1 ? smx_sim_target_name(s->n->user[b].name) : smx_sim_target_key(&s->n->user[b]);
    char words[NAME_LEN + 1];

    if (!smx_swarm_acts(s, a))
        return;
    if (c->text) {
        draw_letters(s, words, NAME_LEN);
        smx_words_add(&s->words, SMX_WORD_TEXT, a, words, NAME_LEN);
        (void)smx_sim_text_send(&s->n->user[a], to, words, NAME_LEN);
        return;
    }
    smx_swarm_tell(s, "client %u calls %u", a, b);
    s->result->calls++;
    h->who = s->n->user[a].calls + 1;
    (void)smx_sim_call_place(&s->n->user[a], to);
    smx_world_at(s->n->world, smx_world_now(s->n->world) + SMX_MS(c->for_ms), call_ends, h);
}

static void plan_calls(struct swarm *s)
{
    smx_time now = smx_world_now(s->n->world);

    for (size_t i = 0; i < s->plan->call_count; i++) {
        s->call[i] = (struct happening){.swarm = s, .at = i};
        if (!s->plan->call[i].off && s->plan->call[i].from_ms < s->plan->safety_ms)
            smx_world_at(s->n->world, now + SMX_MS(s->plan->call[i].from_ms), call_begins, &s->call[i]);
    }
}

/* ---- all of it ---- */

static void count(struct swarm *s)
{
    struct smx_swarm_result *r = s->result;

    r->steps = smx_world_counters(s->n->world)->steps;
    r->datagrams = s->wire.judged;
    r->ticks = smx_check_links_counters(s->links)->ticks;
    r->cells = smx_check_links_counters(s->links)->cells;
    r->again = smx_check_once_counters(s->once)->again + smx_check_once_counters(s->once)->strange;
    r->virtual_ms = (uint32_t)(smx_world_now(s->n->world) / SMX_MS(1));
    for (size_t i = 0; i < s->n->clients; i++)
        for (size_t k = 0; k < s->n->user[i].call_count; k++)
            r->answered += s->n->user[i].call[k].out && s->n->user[i].call[k].answered;
}

void smx_swarm_run_telling(const struct smx_swarm_plan *plan, struct smx_swarm_result *result,
                           void (*tell)(void *arg, smx_time at, const char *text), void *arg)
{
    struct swarm *s = calloc(1, sizeof *s);

    SMX_SIM_MUST(s);
    memset(result, 0, sizeof *result);
    s->plan = plan;
    s->result = result;
    s->tell = tell;
    s->tell_arg = arg;
    make_network(s);
    if (birth(s)) {
        smx_swarm_tell(s, "all are ready: faults begin");
        smx_swarm_faults_plan(s);
        plan_calls(s);
        if (smx_swarm_pass(s, plan->safety_ms + SLICE_MS))
            smx_swarm_live(s);
    }
    look(s, true);
    count(s);
    smx_check_links_free(s->links);
    smx_check_once_free(s->once);
    smx_check_known_fini(&s->known);
    smx_sim_network_free(s->n);
    smx_rng_fini(&s->rng);
    free(s);
}

void smx_swarm_run(const struct smx_swarm_plan *plan, struct smx_swarm_result *result)
{
    smx_swarm_run_telling(plan, result, NULL, NULL);
}
