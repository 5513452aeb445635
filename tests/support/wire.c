/* tests/support/wire.c - a bad line: passes UDP datagrams on between those who send to LISTEN and TARGET, and
 * does to them, both ways, what a network may do.  Needs no privileges.
 *
 *   wire LISTEN TARGET [delay=MS] [jitter=MS] [loss=%] [reorder=%] [duplicate=%] [corrupt=%] [seed=N]
 *
 * Each datagram waits delay plus a uniform 0..jitter (which reorders too); a reordered one HOLD ms more; a
 * corrupt one has one bit flipped.  Each sender gets a socket of its own towards TARGET, so answers find
 * their way. Prints "listening ADDRESS" when ready (port 0 lets the system choose), and at SIGTERM what it
 * did. */
#include "proto/base/heap.h"
#include "proto/base/pool.h"
#include "proto/base/rng.h"
#include "proto/host/loop.h"
#include "proto/host/udp.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    SENDERS = 256,
    WAITING = 8192,   /* datagrams on the line; more are lost */
    HOLD = 20,        /* ms */
    DGRAM_MAX = 2048, /* bytes; longer ones are lost */
    MILLION = 1000000
};

struct setting {
    const char *name;
    double value; /* ms or percent */
};

enum { DELAY, JITTER, LOSS, REORDER, DUPLICATE, CORRUPT, SEED, SETTINGS };

static struct setting setting[SETTINGS] = {
    {"delay", 0}, {"jitter", 0}, {"loss", 0}, {"reorder", 0}, {"duplicate", 0}, {"corrupt", 0}, {"seed", 1},
};

struct sender {
    struct wire *wire;
    struct smx_addr addr;
    struct smx_udp *towards_target;
};

struct packet {
    const struct sender *sender;
    bool back; /* from the target to the sender */
    size_t len;
    uint8_t bytes[DGRAM_MAX];
};

struct wire {
    struct smx_loop *loop;
    struct smx_timer *timer;
    struct smx_udp *listening;
    struct smx_addr target;
    struct smx_rng rng;
    struct smx_pool packets;
    struct smx_heap due; /* by the packet's place in the pool */
    struct smx_out out;
    smx_time last; /* arrival times are made distinct, so that equal delays keep the order */
    struct sender sender[SENDERS];
    size_t sender_count;
    uint64_t passed, lost, reordered, duplicated, corrupted;
};

static bool happens(struct wire *w, int what)
{
    return smx_rng_below(&w->rng, MILLION) < setting[what].value * (MILLION / 100.0);
}

static smx_time up_to(struct wire *w, int what)
{
    double share = smx_rng_below(&w->rng, MILLION) / (double)MILLION;

    return (smx_time)(setting[what].value * share * (double)SMX_MS(1));
}

static void put_on_line(struct wire *w, const struct sender *s, bool back, const uint8_t *bytes, size_t len)
{
    smx_time leaves = w->last + (smx_time)(setting[DELAY].value * (double)SMX_MS(1)) + up_to(w, JITTER);
    uint32_t handle;
    struct packet *p = smx_pool_take(&w->packets, &handle);

    if (!p) {
        w->lost++;
        return;
    }
    *p = (struct packet){.sender = s, .back = back, .len = len};
    memcpy(p->bytes, bytes, len);
    if (happens(w, CORRUPT) && len > 0) {
        p->bytes[smx_rng_below(&w->rng, (uint32_t)len)] ^= (uint8_t)(1U << smx_rng_below(&w->rng, 8));
        w->corrupted++;
    }
    if (happens(w, REORDER)) {
        leaves += SMX_MS(HOLD);
        w->reordered++;
    }
    smx_heap_set(&w->due, smx_pool_index(&w->packets, handle), leaves);
}

static void arrived(struct wire *w, const struct sender *s, bool back, const uint8_t *bytes, size_t len)
{
    smx_time now = smx_loop_now();

    w->last = now > w->last ? now : w->last + 1;
    if (len > DGRAM_MAX || happens(w, LOSS)) {
        w->lost++;
        return;
    }
    put_on_line(w, s, back, bytes, len);
    if (happens(w, DUPLICATE)) {
        put_on_line(w, s, back, bytes, len);
        w->duplicated++;
    }
}

/* Sends what is due, one datagram a call: order matters more here than speed. */
static void deliver(void *arg, smx_time now)
{
    struct wire *w = arg;
    uint32_t place;

    while (smx_heap_pop(&w->due, now, &place)) {
        uint32_t handle = smx_pool_handle(&w->packets, place);
        const struct packet *p = smx_pool_get(&w->packets, handle);
        uint8_t *room = smx_out_add(&w->out, p->back ? &p->sender->addr : &w->target, p->len);

        memcpy(room, p->bytes, p->len);
        smx_udp_send(p->back ? w->listening : p->sender->towards_target, &w->out);
        smx_out_reset(&w->out);
        w->passed++;
        if (smx_pool_give(&w->packets, handle) != SMX_OK)
            abort();
    }
    smx_timer_arm(w->timer, smx_heap_deadline(&w->due));
}

static void batch_end(void *arg, smx_time now)
{
    deliver(((struct sender *)arg)->wire, now);
}

static void from_target(void *arg, const struct smx_addr *from, uint8_t *bytes, size_t len, smx_time arrival)
{
    struct sender *s = arg;

    (void)arrival;
    if (smx_addr_equal(from, &s->wire->target))
        arrived(s->wire, s, true, bytes, len);
}

static struct sender *sender_of(struct wire *w, const struct smx_addr *addr)
{
    static const struct smx_udp_events events = {from_target, batch_end};
    struct smx_addr any = {.port = 0};
    struct sender *s;

    for (size_t i = 0; i < w->sender_count; i++)
        if (smx_addr_equal(&w->sender[i].addr, addr))
            return &w->sender[i];
    if (w->sender_count == SENDERS)
        return NULL;
    s = &w->sender[w->sender_count];
    *s = (struct sender){.wire = w, .addr = *addr};
    if (smx_addr_parse(&any, smx_addr_is_v4(&w->target) ? "0.0.0.0:0" : "[::]:0") != SMX_OK ||
        smx_udp_open(&s->towards_target, w->loop, &any, 0, &events, s) != SMX_OK)
        return NULL;
    w->sender_count++;
    return s;
}

static void from_sender(void *arg, const struct smx_addr *from, uint8_t *bytes, size_t len, smx_time arrival)
{
    struct wire *w = arg;
    struct sender *s = sender_of(w, from);

    (void)arrival;
    if (s)
        arrived(w, s, false, bytes, len);
    else
        w->lost++;
}

static bool read_setting(const char *text)
{
    const char *equals = strchr(text, '=');

    for (int i = 0; equals && i < SETTINGS; i++) {
        size_t len = (size_t)(equals - text);
        char *end;

        if (strlen(setting[i].name) != len || strncmp(setting[i].name, text, len) != 0)
            continue;
        setting[i].value = strtod(equals + 1, &end);
        return end != equals + 1 && *end == 0 && setting[i].value >= 0;
    }
    return false;
}

static void fail(const char *what)
{
    fprintf(stderr, "wire: %s\n", what);
    exit(2);
}

int main(int argc, char **argv)
{
    static const struct smx_udp_events events = {from_sender, deliver};
    static struct wire w;
    struct smx_addr listening;
    uint8_t seed[SMX_RNG_SEED] = {0};
    char text[SMX_ADDR_TEXT];
    uint64_t number;

    if (argc < 3 || smx_addr_parse(&listening, argv[1]) != SMX_OK ||
        smx_addr_parse(&w.target, argv[2]) != SMX_OK)
        fail("usage: wire LISTEN TARGET [delay=MS] [jitter=MS] [loss=%] [reorder=%] [duplicate=%] "
             "[corrupt=%] [seed=N]");
    for (int i = 3; i < argc; i++)
        if (!read_setting(argv[i]))
            fail(argv[i]);
    number = (uint64_t)setting[SEED].value;
    memcpy(seed, &number, sizeof number);
    smx_rng_init(&w.rng, seed);
    w.loop = smx_loop_new();
    if (!w.loop || smx_pool_new(&w.packets, WAITING, sizeof(struct packet)) != SMX_OK ||
        smx_heap_new(&w.due, WAITING) != SMX_OK || smx_out_new(&w.out, 1, DGRAM_MAX) != SMX_OK)
        fail("out of memory");
    w.timer = smx_timer_new(w.loop, deliver, &w);
    if (!w.timer || smx_udp_open(&w.listening, w.loop, &listening, 0, &events, &w) != SMX_OK)
        fail("can't listen there");
    listening = smx_udp_local(w.listening);
    smx_addr_format(&listening, text);
    printf("listening %s\n", text);
    fflush(stdout);
    if (smx_loop_run(w.loop) != SMX_OK)
        fail("the loop ended");
    printf("passed %" PRIu64 " lost %" PRIu64 " reordered %" PRIu64 " duplicated %" PRIu64
           " corrupted %" PRIu64 "\n",
           w.passed, w.lost, w.reordered, w.duplicated, w.corrupted);
    for (size_t i = 0; i < w.sender_count; i++)
        smx_udp_free(w.sender[i].towards_target);
    smx_udp_free(w.listening);
    smx_timer_free(w.timer);
    smx_loop_free(w.loop);
    smx_out_free(&w.out);
    smx_heap_free(&w.due);
    smx_pool_free(&w.packets);
    return 0;
}
