/* tests/bench/bench_onion.c - CPU time of one whole cell at a relay and at a client; prints one line of JSON.
 *   bare       the wide block alone, enciphering 216 bytes
 *   forward    what a relay does to a cell on its way: read the header, unwrap the count, window, decipher,
 * own? backward   and back: write the header, encipher origin     a client's turn and a cell read, three hops
 * each hot: one circuit over and over.  cold: circuits at random among many, as at a busy relay. Medians of
 * RUNS runs, ns per cell. */
#include "proto/circuit/hop.h"
#include "proto/circuit/origin.h"

#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { RUNS = 9, CELLS = 40000, ORIGIN_CELLS = CELLS / 8, CIRCUITS = 16384, HOPS = 3 };

struct circuit {
    struct smx_hop_layers layers;
    struct smx_timetable up, down;
    struct smx_counts counts;
    uint64_t tick;
};

struct bench {
    struct circuit *circuit;
    size_t count;
    void (*step)(struct circuit *, uint8_t cell[SMX_CELL_SIZE]);
};

static size_t own; /* so that nothing is optimised away */

static double now_ns(void)
{
    struct timespec t;

    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return (double)t.tv_sec * 1e9 + (double)t.tv_nsec;
}

static int by_value(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;

    return (x > y) - (x < y);
}

static void bare(struct circuit *c, uint8_t cell[SMX_CELL_SIZE])
{
    static const uint8_t tweak[SMX_WIDEBLOCK_TWEAK];

    smx_wideblock_encipher(&c->layers.seal, tweak, cell + SMX_CELL_HEAD, SMX_CELL_BODY);
}

static void forward(struct circuit *c, uint8_t cell[SMX_CELL_SIZE])
{
    uint64_t number = smx_timetable_number(&c->up, ++c->tick);

    smx_cell_head_write(cell, (struct smx_cell_head){.circuit = 5, .seq = (uint32_t)number}); /* as it came */
    number = smx_cell_unwrap(smx_cell_head_read(cell).seq, smx_timetable_number(&c->up, c->tick));
    if (number == 0 || !smx_counts_accept(&c->counts, number))
        return;
    smx_hop_decipher(&c->layers, SMX_FORWARD, number, cell + SMX_CELL_HEAD);
    own += smx_hop_is_own(cell + SMX_CELL_HEAD);
}

static void backward(struct circuit *c, uint8_t cell[SMX_CELL_SIZE])
{
    uint64_t number = smx_timetable_number(&c->down, ++c->tick);

    smx_cell_head_write(cell, (struct smx_cell_head){.circuit = 5, .seq = (uint32_t)number});
    smx_hop_encipher(&c->layers, SMX_BACKWARD, number, cell + SMX_CELL_HEAD);
}

static double median(double ns[RUNS])
{
    qsort(ns, RUNS, sizeof *ns, by_value);
    return ns[RUNS / 2];
}

static double median_ns(const struct bench *b)
{
    uint8_t cell[SMX_CELL_SIZE] = {0};
    double ns[RUNS];
    uint32_t pick = 1;

    for (size_t run = 0; run < RUNS; run++) {
        double start = now_ns();

        for (size_t i = 0; i < CELLS; i++) {
            pick = pick * 1664525 + 1013904223; /* its high bits spread well enough over a power of two */
            b->step(&b->circuit[(pick >> 8) % b->count], cell);
        }
        ns[run] = (now_ns() - start) / CELLS;
    }
    return median(ns);
}

static void make_circuit(struct circuit *c, struct smx_rng *rng)
{
    struct smx_timetable t = {.tick0 = 0, .number0 = smx_count_draw(rng), .period = 1};
    uint8_t key[SMX_KEY];

    smx_rng_bytes(rng, key, sizeof key);
    c->up = c->down = t;
    smx_counts_init(&c->counts, t.number0 - 1);
    smx_wideblock_init(&c->layers.seal, key);
    smx_wideblock_both_init(&c->layers.open, key);
}

/* An open circuit of three hops, made as the end of its building leaves it. */
static void make_origin(struct smx_origin *o, struct smx_rng *rng)
{
    uint8_t key[SMX_KEY];

    smx_origin_init(o, SMX_PERIOD_SLOT, 1, rng);
    o->state = SMX_ORIGIN_OPEN;
    o->own_count = o->path_count = o->hop_count = HOPS;
    o->forward_id = 5;
    o->send = o->recv = (struct smx_timetable){.tick0 = 0, .number0 = smx_count_draw(rng), .period = 1};
    smx_counts_init(&o->counts, o->recv.number0 - 1);
    smx_origin_set_joined(o, true);
    for (size_t i = 0; i < HOPS; i++) {
        o->hop[i].d = o->hop[i].c = smx_count_draw(rng);
        smx_rng_bytes(rng, key, sizeof key);
        smx_wideblock_init(&o->hop[i].layers.seal, key);
        smx_wideblock_both_init(&o->hop[i].layers.open, key);
    }
}

static double origin_ns(struct smx_origin *o)
{
    uint8_t peer[SMX_CELL_BODY] = {1}, cell[SMX_CELL_SIZE];
    struct smx_origin_send send = {.peer = peer};
    struct smx_origin_rx rx;
    double ns[RUNS];
    uint64_t tick = 0;

    for (size_t run = 0; run < RUNS; run++) {
        double start = now_ns();

        for (size_t i = 0; i < ORIGIN_CELLS; i++, tick++) {
            smx_origin_turn(o, 0, tick, &send, cell);
            smx_cell_head_write(
                cell, (struct smx_cell_head){.seq = (uint32_t)smx_timetable_number(&o->recv, tick)});
            smx_origin_cell(o, 0, tick, cell, &rx);
            own += rx.event == SMX_ORIGIN_PEER;
        }
        ns[run] = (now_ns() - start) / ORIGIN_CELLS;
    }
    return median(ns);
}

int main(void)
{
    static const uint8_t seed[SMX_RNG_SEED] = {1};
    static struct circuit circuit[CIRCUITS];
    static struct smx_origin o;
    struct smx_rng rng;
    double result[6], origin;

    if (sodium_init() < 0)
        return 1;
    smx_rng_init(&rng, seed);
    for (size_t i = 0; i < CIRCUITS; i++)
        make_circuit(&circuit[i], &rng);
    make_origin(&o, &rng);
    for (size_t i = 0; i < 6; i++) {
        void (*step[])(struct circuit *, uint8_t[SMX_CELL_SIZE]) = {bare, forward, backward};

        result[i] = median_ns(&(struct bench){circuit, i < 3 ? 1 : CIRCUITS, step[i % 3]});
    }
    origin = origin_ns(&o);
    printf("{\"bench\": \"onion\", \"cell_bytes\": %d, \"bare_ns\": %.0f, \"forward_ns\": %.0f, "
           "\"backward_ns\": %.0f, "
           "\"cold_bare_ns\": %.0f, \"cold_forward_ns\": %.0f, \"cold_backward_ns\": %.0f, "
           "\"cold_circuits\": %d, "
           "\"origin_there_and_back_ns\": %.0f, \"origin_hops\": %d, \"origin_bytes\": %zu}\n",
           SMX_CELL_SIZE, result[0], result[1], result[2], result[3], result[4], result[5], CIRCUITS, origin,
           HOPS, sizeof o);
    smx_origin_fini(&o);
    return own < RUNS * (size_t)ORIGIN_CELLS; /* each cell of the origin must have been the peer's */
}
