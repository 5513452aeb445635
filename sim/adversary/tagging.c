#include "sim/adversary/tagging.h"

#include "proto/circuit/hop.h"
#include "sim/result.h"

#include <math.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { CALLER, CALLEE, PEOPLE };
enum {
    READY_MS = 90000,
    CALL_MS = 4000,   /* until he has answered, and both halves have settled */
    WINDOW = 25,      /* turns that are looked at, and marked: half a second */
    AFTER_MS = 300,   /* the way to the callee's ear */
    PAUSE_MS = 200,   /* between trials */
    NOISE_TURNS = 12, /* of a question: client/move.c asks after eight */
    NOISE_MS = 900,
};

/* ---- the scene ---- */

struct scene {
    struct smx_sim_network *n;
    struct smx_inside_circuit path[SMX_INSIDE_PATH];
    size_t hops;
    struct smx_meddler meddler;
    struct watch {
        bool on, gone, asked;
        uint64_t turns, holes, twins, bits, cells;
        uint8_t body[WINDOW][SMX_CELL_BODY];
    } watch;
};

static bool set_up(struct scene *s, const struct smx_tagging_config *config)
{
    static const char *const name[PEOPLE] = {"caller", "callee"};
    struct smx_sim_network_config network = smx_sim_network_preset(config->seed);
    struct smx_sim_call *call;

    network.params.epoch_s = 3600; /* no renewal moves the call in the meantime */
    memset(s, 0, sizeof *s);
    s->n = smx_sim_network_new(&network);
    for (uint32_t i = 0; i < PEOPLE; i++) {
        smx_sim_client_make(s->n, i, i + 1, name[i], 2);
        smx_sim_client_start(s->n, i);
    }
    if (!smx_sim_run_to_ready(s->n, READY_MS))
        return false;
    if (config->cover_off)
        smx_inside_cover_off(s->n);
    s->n->user[CALLEE].answers = true;
    call = smx_sim_call_place(&s->n->user[CALLER], smx_sim_target_name(name[CALLEE]));
    smx_sim_run_for(s->n, CALL_MS);
    s->hops = smx_inside_call(s->n, CALLER, s->path);
    return call->answered && !smx_sim_call_is_over(call) && s->hops == 3;
}

static const struct smx_sim_call *heard(const struct scene *s)
{
    return &s->n->user[CALLEE].call[0];
}

/* ---- what the rendezvous sees ---- */

static uint64_t bits_of(const uint8_t *bytes, size_t len)
{
    uint64_t bits = 0;

    for (size_t i = 0; i < len; i++)
        for (unsigned b = bytes[i]; b != 0; b &= b - 1)
            bits++;
    return bits;
}

static void watch_turn(void *arg)
{
    struct scene *s = arg;
    struct watch *w = &s->watch;
    struct smx_inside_turn turn;

    w->gone = w->gone || !smx_inside_look(s->n, &s->path[s->hops - 1], &turn);
    if (w->gone || !w->on)
        return;
    w->asked = w->asked || turn.asked;
    if (!turn.due || w->turns == WINDOW)
        return;
    w->turns++;
    if (!turn.here) {
        w->holes++;
        return;
    }
    for (uint64_t i = 0; i < w->cells; i++)
        w->twins += memcmp(w->body[i], turn.body, SMX_CELL_BODY) == 0;
    w->bits += bits_of(turn.body, SMX_CELL_BODY);
    memcpy(w->body[w->cells++], turn.body, SMX_CELL_BODY);
}

/* One number for all of it: holes, twins and questions weigh more than chance can make of the bits. */
static double score_of(const struct watch *w)
{
    double all = (double)w->cells * SMX_CELL_BODY * 8;
    double z = all > 0 ? fabs((double)w->bits - all / 2) / (sqrt(all) / 2) : 0;

    return 10 * (double)(w->holes + w->twins + w->asked) + z;
}

/* The guard's deed reaches the rendezvous two relays later: its look begins with the first cell of the window
 * that can be marked, and both are of one length. */
static void pass(struct scene *s, unsigned ms)
{
    const struct smx_inside_hook hook[] = {
        {s->path[0].relay, smx_meddler_before, smx_meddler_after, &s->meddler},
        {s->path[s->hops - 1].relay, watch_turn, NULL, s},
    };

    smx_inside_run_for(s->n, ms, hook, sizeof hook / sizeof hook[0]);
}

static void begin_look(struct scene *s)
{
    s->watch = (struct watch){.on = true};
}

/* ---- trials ---- */

static void trial(struct scene *s, struct smx_tagging_tally *t, enum smx_deed deed, size_t number)
{
    bool marked = number % 2 == 1;
    uint64_t done = s->meddler.done;
    uint32_t missing = heard(s)->missing, in = heard(s)->frames_in;

    s->meddler.deed = deed;
    s->meddler.on = marked;
    begin_look(s);
    pass(s, WINDOW * 20);
    s->meddler.on = false;
    pass(s, AFTER_MS);
    t->seen[deed][number] = score_of(&s->watch);
    t->lost[deed][marked] += heard(s)->missing - missing;
    t->frames[deed][marked] += heard(s)->frames_in - in + (heard(s)->missing - missing);
    t->deeds[deed] += s->meddler.done - done;
    if (deed == SMX_DEED_REPLAY)
        t->cells_again += s->meddler.done - done;
    pass(s, PAUSE_MS);
}

/* Noise towards the caller, for a quarter of a second: the control of how much a relay on both sides of an
 * honest one may learn when he interferes (it is the limit of the threat table, and bounded by what the user
 * notices). */
static void question(struct scene *s, struct smx_tagging_tally *t, size_t number)
{
    bool marked = number % 2 == 1;

    s->meddler.backward = s->meddler.every = true;
    s->meddler.deed = SMX_DEED_ALTER;
    s->meddler.on = marked;
    begin_look(s);
    pass(s, NOISE_TURNS * 20);
    s->meddler.on = false;
    pass(s, NOISE_MS);
    t->asked[marked] += s->watch.asked;
    s->meddler.backward = s->meddler.every = false;
    pass(s, PAUSE_MS);
}

/* ---- datagrams that come again ---- */

enum { KEPT = 64, EVERY = 37, AGAIN_MS = 700 };

struct recorder {
    struct scene *s;
    uint64_t seen, again, taken;
    size_t next;
    struct kept {
        struct recorder *of;
        uint32_t from, to;
        size_t len;
        uint8_t bytes[SMX_LINK_DATAGRAM_MAX];
    } kept[KEPT];
};

/* What the link layer takes for authentic and new, or answers. */
static uint64_t taken_by(const struct smx_relay *r)
{
    const struct smx_link_counters *c = smx_relay_link_counters(r);

    return c->received + c->handshakes_done;
}

static void send_again(void *arg)
{
    struct kept *k = arg;
    struct smx_sim_network *n = k->of->s->n;
    struct smx_relay *core = n->relay[k->to].core;
    uint8_t copy[SMX_LINK_DATAGRAM_MAX];
    uint64_t before = taken_by(core);

    memcpy(copy, k->bytes, k->len);
    smx_relay_receive(core, smx_world_local(n->world, k->to), smx_world_wall(n->world, k->to),
                      smx_world_addr(n->world, k->from), copy, k->len, smx_world_out(n->world));
    smx_world_flush(n->world, k->to);
    k->of->again++;
    k->of->taken += taken_by(core) - before;
    k->of = NULL;
}

static bool record(void *arg, smx_time now, uint32_t from, uint32_t to, uint8_t *bytes, size_t len,
                   smx_time *delay)
{
    struct recorder *r = arg;
    struct kept *k = &r->kept[r->next];

    (void)delay;
    if (to >= r->s->n->relays || r->seen++ % EVERY != 0 || k->of)
        return true;
    *k = (struct kept){.of = r, .from = from, .to = to, .len = len};
    memcpy(k->bytes, bytes, len);
    r->next = (r->next + 1) % KEPT;
    /* some come at once, others after the window has moved on */
    smx_world_at(r->s->n->world, now + SMX_MS(r->seen * 131 % AGAIN_MS + 10), send_again, k);
    return true;
}

static void replay_datagrams(struct scene *s, struct smx_tagging_tally *t)
{
    struct recorder *r = calloc(1, sizeof *r);

    SMX_SIM_MUST(r);
    r->s = s;
    smx_world_watch(s->n->world, record, r);
    pass(s, 2 * AGAIN_MS);
    smx_world_unwatch(s->n->world, record, r);
    pass(s, 2 * AGAIN_MS);
    t->datagrams_again = r->again;
    t->datagrams_taken = r->taken;
    free(r);
}

void smx_tagging_run(struct smx_tagging_tally *t, const struct smx_tagging_config *config)
{
    struct scene s;
    const struct smx_relay_counters *middle;
    uint64_t repeated;

    SMX_SIM_MUST(config->trials <= SMX_TAGGING_TRIALS);
    memset(t, 0, sizeof *t);
    t->ready = set_up(&s, config);
    if (t->ready) {
        t->trials = config->trials;
        s.meddler = (struct smx_meddler){.n = s.n, .circuit = s.path[0]};
        middle = smx_relay_counters(s.n->relay[s.path[1].relay].core);
        for (int deed = 0; deed < SMX_DEEDS; deed++) {
            repeated = middle->cells_repeated;
            for (size_t i = 0; i < config->trials; i++)
                trial(&s, t, (enum smx_deed)deed, i);
            if (deed == SMX_DEED_REPLAY)
                t->cells_taken = t->cells_again - (middle->cells_repeated - repeated);
        }
        if (!config->cover_off)
            replay_datagrams(&s, t);
        for (size_t i = 0; i < config->trials; i++)
            question(&s, t, i);
        t->ready = !s.watch.gone;
    }
    smx_sim_network_free(s.n);
}

/* ---- the cipher ---- */

static void stream_layer(const uint8_t key[32], uint64_t number, uint8_t body[SMX_CELL_BODY])
{
    uint8_t nonce[8];

    memcpy(nonce, &number, sizeof nonce);
    crypto_stream_chacha20_xor(body, body, SMX_CELL_BODY, nonce, key);
}

size_t smx_tagging_layers(bool wide, size_t cells, struct smx_rng *rng)
{
    enum { HOPS = 3 };
    struct smx_wideblock_both block[HOPS];
    uint8_t key[HOPS][32], mark[SMX_HOP_ZERO];
    size_t found = 0;

    smx_rng_bytes(rng, key, sizeof key);
    smx_rng_bytes(rng, mark, sizeof mark);
    for (size_t i = 0; wide && i < HOPS; i++)
        smx_wideblock_both_init(&block[i], key[i]);
    for (uint64_t number = 0; number < cells; number++) {
        uint8_t tweak[16] = {0}, body[SMX_CELL_BODY];

        memcpy(tweak + 8, &number, sizeof number);
        smx_hop_msg_encode(body, SMX_HOP_NOP, NULL, 0);
        for (size_t i = HOPS; i-- > 0;)
            if (wide)
                smx_wideblock_encipher(&block[i].forth, tweak, body, sizeof body);
            else
                stream_layer(key[i], number, body);
        for (size_t i = 0; i < HOPS; i++) {
            if (wide)
                smx_wideblock_decipher(&block[i], tweak, body, sizeof body);
            else
                stream_layer(key[i], number, body);
            for (size_t k = 0; i == 0 && k < sizeof mark; k++) /* the guard, once its own layer is off */
                body[k] ^= mark[k];
        }
        found += memcmp(body, mark, sizeof mark) == 0;
    }
    return found;
}

/* ---- the attack ---- */

enum { TRIALS = 24, LAYER_CELLS = 200 };

static const char *const deed_name[SMX_DEEDS] = {"drop", "alter", "repeat", "delay", "replay"};

/* How well one deed alone is told from none. */
static void tell_deed(struct smx_attack_result *r, const struct smx_tagging_tally *t, int deed)
{
    struct smx_scores hit = {.list = NULL}, miss = {.list = NULL};
    char name[SMX_RESULT_NAME];

    for (size_t i = 0; i < t->trials; i++)
        smx_scores_add(i % 2 ? &hit : &miss, t->seen[deed][i]);
    snprintf(name, sizeof name, "auc_%s", deed_name[deed]);
    smx_figures_add(&r->figures, name, smx_auc_of(&hit, &miss, 0.95).auc, "",
                    "of trials with this deed against those without");
    snprintf(name, sizeof name, "lost_%s", deed_name[deed]);
    smx_figures_add(&r->figures, name, (double)t->lost[deed][1] / fmax(1, (double)t->frames[deed][1]),
                    "share", "of frames that the callee did not hear while it was done");
    smx_scores_fini(&hit);
    smx_scores_fini(&miss);
}

/* A trial is half a second of a call, with the mark or without; he says "mark" when he sees more than the
 * bits of honest cells can show in a thousand windows. */
static void tell_trials(struct smx_attack_result *r, const struct smx_tagging_tally *t)
{
    for (int deed = 0; deed < SMX_DEEDS; deed++) {
        if (r->is_control && (deed == SMX_DEED_ALTER || deed == SMX_DEED_REPEAT))
            continue; /* they leave noise, and no hole: the stream cipher is their control */
        for (size_t i = 0; i < t->trials; i++) {
            bool marked = i % 2 == 1, says = t->seen[deed][i] > 3.3;

            smx_attack_trial(r, says == marked, 0.5);
            smx_scores_add(marked ? &r->scores_true : &r->scores_false, t->seen[deed][i]);
        }
    }
}

/* The cipher by itself: cells for the end that show the mark there, against as many without one. */
static void tell_layers(struct smx_attack_result *r, struct smx_rng *rng, bool wide)
{
    size_t found = smx_tagging_layers(wide, LAYER_CELLS, rng);

    smx_attack_trials(r, 2 * (uint64_t)LAYER_CELLS, LAYER_CELLS + found, 0.5);
    smx_scores_add_times(&r->scores_true, 1, found);
    smx_scores_add_times(&r->scores_true, 0, LAYER_CELLS - found);
    smx_scores_add_times(&r->scores_false, 0, LAYER_CELLS);
}

static void alone(const struct smx_scenario *scenario, uint64_t seed, const char *arm,
                  struct smx_attack_result *r)
{
    struct smx_tagging_config config = {
        .seed = seed, .trials = TRIALS, .cover_off = strcmp(arm, SMX_ARM_OFF) == 0};
    struct smx_tagging_tally *t = calloc(1, sizeof *t);
    uint8_t bytes[SMX_RNG_SEED] = "tagging";
    struct smx_rng rng;

    (void)scenario; /* one call over real relays shows as much */
    SMX_SIM_MUST(t);
    snprintf(r->name, sizeof r->name, "tagging");
    snprintf(r->arm, sizeof r->arm, "%s", arm);
    snprintf(r->says, sizeof r->says,
             "behind one honest relay the rendezvous tells whether the guard has marked "
             "cells of the call");
    r->is_control = strcmp(arm, SMX_ARM_ON) != 0;
    memcpy(bytes + 16, &seed, sizeof seed);
    smx_rng_init(&rng, bytes);
    if (strcmp(arm, "stream") == 0) {
        tell_layers(r, &rng, false);
    } else {
        smx_tagging_run(t, &config);
        tell_trials(r, t);
        for (int deed = 0; t->ready && deed < SMX_DEEDS; deed++)
            tell_deed(r, t, deed);
        smx_figures_add(&r->figures, "cells_replayed", (double)t->cells_again, "cells", "sent a second time");
        smx_figures_add(&r->figures, "cells_replayed_taken", (double)t->cells_taken, "cells",
                        "of them that the next relay took: must be 0");
        smx_figures_add(&r->figures, "datagrams_replayed", (double)t->datagrams_again, "datagrams",
                        "of all links, sent a second time");
        smx_figures_add(&r->figures, "datagrams_replayed_taken", (double)t->datagrams_taken, "datagrams",
                        "of them that a relay took: must be 0");
        smx_figures_add(&r->figures, "question_noise", (double)t->asked[1] * 2 / fmax(1, (double)t->trials),
                        "share",
                        "of quarter seconds of noise from the guard after which the rendezvous is asked "
                        "something (the limit of the threat table)");
        smx_figures_add(&r->figures, "question_quiet", (double)t->asked[0] * 2 / fmax(1, (double)t->trials),
                        "share", "of times without noise in which it is");
    }
    smx_rng_fini(&rng);
    free(t);
}

static const char *const arms[] = {SMX_ARM_ON, SMX_ARM_OFF, "stream", NULL};

const struct smx_attack smx_attack_tagging = {
    .name = "tagging",
    .does =
        "a guard alters, repeats, delays, drops and replays cells, and the rendezvous looks for the mark; "
        "controls: relays without cover, and a stream cipher in the place of the wide block",
    .arms = arms,
    .alone = alone,
};
