/* tests/support/watch.c - what must hold in the network of ages.h, and its figures. */
#include "sim/check_slots.h"
#include "tests/support/ages.h"

#include <malloc.h>
#include <stdio.h>
#include <string.h>

enum {
    IDLE_S = 20,    /* slots are free so long after a call */
    SILENT_S = 22,  /* a call without frames is over */
    TABLES_S = 10,  /* between looks at the relays' tables */
    FEW = 50,       /* frames: so few say nothing about a share */
    MEMORY_S = 60,  /* and at the heap */
    SETTLED_S = 25, /* links stand by then, after a death: they are tried again within 20 s */
};

static size_t most(size_t a, size_t b)
{
    return a > b ? a : b;
}

static void moves(struct ages *g, size_t i)
{
    smx_time until = ages_now(g) + SMX_SECOND(MOVE_S);

    if (until > g->side[i].moving)
        g->side[i].moving = until;
}

/* A circuit that has changed under a slot, or a pipe that goes over another one: what is lost around it
 * belongs to the move. */
static void look_at_slots(struct ages *g, size_t i)
{
    const struct smx_client *c = g->n->user[i].client;
    struct side *s = &g->side[i];
    bool moved = s->moves != c->count.moves;

    s->moves = c->count.moves;
    for (size_t k = 0; k < c->slots; k++) {
        moved = moved || s->ids[k] != c->circuit[k].origin.back_id;
        s->ids[k] = c->circuit[k].origin.back_id;
    }
    if (!moved)
        return;
    moves(g, i);
    for (size_t t = 0; t < TALKS; t++)
        if (g->talk[t].used && (g->talk[t].a == i || g->talk[t].b == i))
            moves(g, g->talk[t].a == i ? g->talk[t].b : g->talk[t].a);
}

static void look_at_frames(struct ages *g, size_t i)
{
    struct smx_sim_user *u = &g->n->user[i];
    struct side *s = &g->side[i];
    struct smx_sim_call *p = ages_call_of(u);
    smx_time now = ages_now(g);

    if (!p || p->frames_in == 0)
        return;
    if (s->call != p->id) {
        s->call = p->id;
        s->frames = s->missing = 0;
    }
    if (now < s->moving || now < p->taken_at + SMX_SECOND(MOVE_S)) {
        g->moving_frames += p->frames_in - s->frames;
        g->moving_missing += p->missing - s->missing;
    } else {
        g->frames += p->frames_in - s->frames;
        g->missing += p->missing - s->missing;
        if (p->missing > s->missing)
            ages_note(g, p->missing - s->missing > 1 ? "loses frames: client" : "loses a frame: client", i);
    }
    g->out_of_order += p->wrong;
    p->wrong = 0;
    s->frames = p->frames_in;
    s->missing = p->missing;
    if (now > p->heard + SMX_SECOND(SILENT_S) && p->answered) {
        smx_complain(&g->verdict, now, "ages", "client %zu: a call without frames for %llu s", i,
                     (unsigned long long)((now - p->heard) / SMX_SECOND(1)));
        p->heard = now;
    }
}

static void look_at_circuits(struct ages *g, size_t i)
{
    const struct smx_client *c = g->n->user[i].client;
    struct side *s = &g->side[i];
    smx_time now = ages_now(g), bound = SMX_SECOND(2 * g->n->config.params.epoch_s + 120);

    for (size_t k = 0; k < c->circuit_count; k++) {
        if (!smx_circuit_is_open(&c->circuit[k])) {
            if (s->dark[k] == 0)
                s->dark[k] = now;
            if (now > s->dark[k] + bound && now > g->shaken + bound / 2) {
                smx_complain(&g->verdict, now, "ages",
                             "client %zu: circuit %zu does not stand for %llu s, state %d", i, k,
                             (unsigned long long)(bound / SMX_SECOND(1)), c->circuit[k].origin.state);
                s->dark[k] = now;
            }
        } else if (s->dark[k] > 0) {
            size_t bin = (size_t)((now - s->dark[k]) / SMX_SECOND(1));

            g->dark[bin < DARK_BINS ? bin : DARK_BINS - 1]++;
            g->outages++;
            s->dark[k] = 0;
        }
    }
}

static void look_at_client(struct ages *g, size_t i)
{
    const struct smx_client *c = g->n->user[i].client;
    struct side *s = &g->side[i];
    smx_time now = ages_now(g);
    char text[SMX_COMPLAINT];

    g->awake_s++;
    g->ready_s += smx_client_is_ready(c);
    look_at_slots(g, i);
    look_at_frames(g, i);
    look_at_circuits(g, i);
    if (ages_call_of(&g->n->user[i]))
        s->idle = most(s->idle, now + SMX_SECOND(IDLE_S)); /* a text before it may keep the pipe for longer */
    if (smx_slots_are_idle(c) || now <= s->excused)
        s->idle = most(s->idle, now + SMX_SECOND(IDLE_S));
    if (now > s->idle) {
        smx_complain(&g->verdict, now, "ages", "client %zu is not idle: %s", i, smx_slots_text(c, text));
        s->idle = now + SMX_SECOND(g->n->config.params.epoch_s); /* once is enough */
    }
}

static void look_at_tables(struct ages *g)
{
    struct smx_tables t = smx_network_tables(g->n);
    bool calm = (ages_now(g) - g->begin) / SMX_SECOND(1) % QUIET_EVERY_S >= QUIET_EVERY_S - TABLES_S;

#define X(name) g->peak.name = most(g->peak.name, t.name);
    X(circuits)
    X(joined)
    X(cookies)
    X(waiting)
    X(listeners)
    X(notes)
    X(streams)
    X(commands)
    X(introductions)
    X(uploads)
    X(lost)
#undef X
    if (t.lost > 0)
        smx_complain(&g->verdict, ages_now(g), "ages", "%zu places of relays' tables are lost", t.lost);
    if (!calm)
        return;
    /* no call for minutes */
    if (g->calms++ == 0)
        g->calm_first = t;
    g->calm_last = t;
    if (t.joined > 0 || t.waiting > 0 || t.introductions > 0)
        smx_complain(&g->verdict, ages_now(g), "ages",
                     "without calls: %zu joined, %zu waiting, %zu introductions", t.joined, t.waiting,
                     t.introductions);
    if (t.circuits > 2 * g->calm_first.circuits + 16)
        smx_complain(&g->verdict, ages_now(g), "ages", "without calls: %zu circuits, %zu at first",
                     t.circuits, g->calm_first.circuits);
}

static void look_at_memory(struct ages *g, double done)
{
    size_t heap = mallinfo2().uordblks + mallinfo2().hblkhd;

    if (done >= 0.25 && done < 0.5)
        g->heap_first = most(g->heap_first, heap);
    if (done >= 0.75)
        g->heap_last = most(g->heap_last, heap);
}

static void look_at_links(struct ages *g)
{
    char text[SMX_COMPLAINT];

    smx_check_links_look(g->links);
    if (ages_now(g) > g->shaken + SMX_SECOND(SETTLED_S) && smx_check_links_missing(g->links, text) > 0) {
        smx_complain(&g->verdict, ages_now(g), "ages", "%s", text);
        g->shaken = ages_now(g); /* said once in a while */
    }
}

void ages_look(struct ages *g, unsigned second, double done)
{
    look_at_links(g);
    for (size_t i = 0; i < g->n->clients; i++)
        if (ages_is_awake(g, i))
            look_at_client(g, i);
    if (second % TABLES_S == TABLES_S - 1)
        look_at_tables(g);
    if (second % MEMORY_S == 0)
        look_at_memory(g, done);
}

void ages_judge(struct ages *g)
{
    if (g->heap_last > g->heap_first + g->heap_first / 50 + 65536)
        smx_complain(&g->verdict, ages_now(g), "ages",
                     "heap: %zu bytes in the second quarter, %zu in the last", g->heap_first, g->heap_last);
    if (g->missing > FEW + g->frames / 1000)
        smx_complain(&g->verdict, ages_now(g), "ages", "%zu of %zu frames lost away from any fault or move",
                     (size_t)g->missing, (size_t)(g->frames + g->missing));
    if (g->out_of_order > 0)
        smx_complain(&g->verdict, ages_now(g), "ages", "%llu frames played twice or out of order",
                     (unsigned long long)g->out_of_order);
}

/* ---- telling ---- */

static unsigned dark_quantile(const struct ages *g, unsigned percent)
{
    uint64_t below = 0;

    for (unsigned i = 0; i < DARK_BINS; i++)
        if ((below += g->dark[i]) * 100 >= g->outages * percent)
            return i;
    return DARK_BINS;
}

static void tell_relays(const struct smx_sim_network *n)
{
    struct smx_relay_counters sum = {0};

    for (size_t i = 0; i < n->relays; i++)
        if (n->relay[i].core) {
            const struct smx_relay_counters *c = smx_relay_counters(n->relay[i].core);
#define X(name, text) sum.name += c->name;
            SMX_RELAY_COUNTERS(X)
#undef X
        }
    printf("\"relays\": {"); /* those alive, since their last birth */
#define X(name, text)                                                                                        \
    printf("%s\"%s\": %llu", &sum.name == &sum.ticks ? "" : ", ", #name, (unsigned long long)sum.name);
    SMX_RELAY_COUNTERS(X)
#undef X
    printf("}, \"clients\": {");
}

static void tell_clients(const struct smx_sim_network *n)
{
    struct smx_client_counters sum = {0};

    for (size_t i = 0; i < n->clients; i++) {
        const struct smx_client_counters *c = smx_client_counters(n->user[i].client);
#define X(name, text) sum.name += c->name;
        SMX_CLIENT_COUNTERS(X)
#undef X
    }
#define X(name, text)                                                                                        \
    printf("%s\"%s\": %llu", &sum.name == &sum.ticks ? "" : ", ", #name, (unsigned long long)sum.name);
    SMX_CLIENT_COUNTERS(X)
#undef X
    printf("}");
}

void ages_tell(const struct ages *g, double real_s)
{
    double hours = (double)(ages_now(g) - g->begin) / 3.6e12;
    unsigned seconds;

    for (uint64_t i = 0; i < g->verdict.count && i < SMX_VERDICT_KEPT; i++) {
        seconds = (unsigned)((g->verdict.kept[i].at - g->begin) / SMX_SECOND(1));
        fprintf(stderr, "%u:%02u:%02u %s\n", seconds / 3600, seconds / 60 % 60, seconds % 60,
                g->verdict.kept[i].text);
    }
    printf("{\"seed\": %llu, \"hours\": %.2f, \"nodes\": \"%zu relays, %zu clients\", \"epoch_s\": %u, "
           "\"real_s\": %.1f, ",
           (unsigned long long)g->n->config.seed, hours, g->n->relays, g->n->clients,
           g->n->config.params.epoch_s, real_s);
    for (size_t i = 0; i < FAULTS; i++)
        printf("\"%s\": %llu, ", ages_fault_name[i], (unsigned long long)g->faults[i]);
    printf("\"calls\": %llu, \"answered\": %llu, \"failed\": %llu, \"cut\": %llu, \"texts\": %llu, ",
           (unsigned long long)g->calls, (unsigned long long)g->answered, (unsigned long long)g->failed,
           (unsigned long long)g->cut, (unsigned long long)g->texts);
    printf(
        "\"frames\": %llu, \"missing\": %llu, \"frames_near_faults\": %llu, \"missing_near_faults\": %llu, ",
        (unsigned long long)g->frames, (unsigned long long)g->missing, (unsigned long long)g->moving_frames,
        (unsigned long long)g->moving_missing);
    printf("\"ready\": %.5f, \"link_ticks\": %llu, ",
           g->awake_s ? (double)g->ready_s / (double)g->awake_s : 0,
           (unsigned long long)smx_check_links_counters(g->links)->ticks);
    printf("\"outages\": %llu, \"outage_p50_s\": %u, \"outage_p95_s\": %u, \"outage_max_s\": %u, ",
           (unsigned long long)g->outages, dark_quantile(g, 50), dark_quantile(g, 95), dark_quantile(g, 100));
    printf("\"circuits_calm_first\": %zu, \"circuits_calm_last\": %zu, \"circuits_peak\": %zu, "
           "\"cookies_peak\": %zu, \"streams_peak\": %zu, \"commands_peak\": %zu, ",
           g->calm_first.circuits, g->calm_last.circuits, g->peak.circuits, g->peak.cookies, g->peak.streams,
           g->peak.commands);
    printf("\"heap_first\": %zu, \"heap_last\": %zu, ", g->heap_first, g->heap_last);
    tell_relays(g->n);
    tell_clients(g->n);
    printf(", \"violations\": %llu}\n", (unsigned long long)g->verdict.count);
}
