#include "sim/swarm.h"

#include <stdio.h>
#include <string.h>

const char *const smx_swarm_fault_name[SMX_SWARM_KINDS] = {
    "loss", "noise",   "jitter",    "cut",    "crash", "guard", "stall",   "clock",
    "move", "restart", "directory", "replay", "hold",  "tag",   "swallow",
};

/* from..to, both included. */
static uint32_t between(struct smx_rng *rng, uint32_t from, uint32_t to)
{
    return from + smx_rng_below(rng, to - from + 1);
}

/* 0, 1, ... with these weights, which end with 0. */
static uint32_t weighed(struct smx_rng *rng, const uint8_t *weight)
{
    uint32_t sum = 0, at, i = 0;

    for (i = 0; weight[i] > 0; i++)
        sum += weight[i];
    at = smx_rng_below(rng, sum);
    for (i = 0; at >= weight[i]; i++)
        at -= weight[i];
    return i;
}

static uint32_t draw_amount(struct smx_rng *rng, enum smx_swarm_fault_kind kind)
{
    switch (kind) {
    case SMX_SWARM_LOSS:
        return between(rng, 1000, smx_rng_below(rng, 4) == 0 ? 600000 : 50000);
    case SMX_SWARM_NOISE:
        return between(rng, 1000, 200000);
    case SMX_SWARM_JITTER:
        return between(rng, 100, 20000);
    case SMX_SWARM_CLOCK:
        return between(rng, 0, 200);
    case SMX_SWARM_REPLAY:
        return between(rng, 2, 50); /* one of so many datagrams */
    case SMX_SWARM_HOLD:
        return between(rng, 1000, 300000);
    case SMX_SWARM_TAG:
    case SMX_SWARM_SWALLOW:
        return between(rng, 1, 20);
    case SMX_SWARM_CUT:
        return smx_rng_below(rng, 2); /* 1: both ways */
    case SMX_SWARM_CRASH:
    case SMX_SWARM_GUARD:
    case SMX_SWARM_STALL:
    case SMX_SWARM_MOVE:
    case SMX_SWARM_RESTART:
    case SMX_SWARM_DIRECTORY:
    case SMX_SWARM_KINDS:
        break;
    }
    return 0;
}

/* Each seed has some of the kinds only, so that rare ones are not drowned by the others. */
static void draw_faults(struct smx_swarm_plan *p, struct smx_rng *rng)
{
    uint32_t kinds = 0;

    while (kinds == 0)
        kinds = smx_rng_u32(rng) & smx_rng_u32(rng) & ((UINT32_C(1) << SMX_SWARM_KINDS) - 1);
    p->fault_count = smx_rng_below(rng, SMX_SWARM_FAULTS + 1);
    for (size_t i = 0; i < p->fault_count; i++) {
        struct smx_swarm_fault *f = &p->fault[i];

        do
            f->kind = (enum smx_swarm_fault_kind)smx_rng_below(rng, SMX_SWARM_KINDS);
        while (!(kinds >> f->kind & 1));
        f->from_ms = smx_rng_below(rng, p->safety_ms);
        f->for_ms = between(rng, 20, smx_rng_below(rng, 3) == 0 ? 12000 : 3000);
        f->a = smx_rng_u32(rng);
        f->b = smx_rng_u32(rng);
        f->amount = draw_amount(rng, f->kind);
    }
}

static void draw_calls(struct smx_swarm_plan *p, struct smx_rng *rng)
{
    p->call_count = between(rng, 1, SMX_SWARM_CALLS);
    for (size_t i = 0; i < p->call_count; i++)
        p->call[i] = (struct smx_swarm_call){.text = smx_rng_below(rng, 4) == 0,
                                             .from_ms = smx_rng_below(rng, p->safety_ms),
                                             .for_ms = between(rng, 500, 10000),
                                             .a = smx_rng_u32(rng),
                                             .b = smx_rng_u32(rng)};
}

void smx_swarm_draw(struct smx_swarm_plan *p, uint64_t seed)
{
    static const uint8_t relays[] = {46, 20, 16, 12, 6, 0}, clients[] = {45, 30, 17, 8, 0};
    uint8_t bytes[SMX_RNG_SEED] = "swarm";
    struct smx_rng rng;

    for (int i = 0; i < 8; i++)
        bytes[8 + i] = (uint8_t)(seed >> 8 * i);
    smx_rng_init(&rng, bytes);
    memset(p, 0, sizeof *p);
    p->seed = seed;
    p->relays = SMX_SWARM_RELAYS_MIN + weighed(&rng, relays);
    p->clients = SMX_SWARM_CLIENTS_MIN + weighed(&rng, clients);
    p->epoch_s = between(&rng, 30, 90);
    p->batch_s = between(&rng, 2, 4);
    p->tick_ms = smx_rng_below(&rng, 3) == 0 ? 20 : 10;
    p->link_floor = p->tick_ms == 20 || smx_rng_below(&rng, 8) == 0 ? 2 : 1; /* 12 slots a link */
    p->fetch_ms = smx_rng_below(&rng, 1500);
    p->drift_ppm = smx_rng_below(&rng, 2) * between(&rng, 1, 100);
    p->circuits_max = between(&rng, 64, 128);
    p->latency_us = between(&rng, 100, smx_rng_below(&rng, 2) ? 40000 : 3000);
    p->jitter_us = smx_rng_below(&rng, 800);
    for (size_t i = 0; i < SMX_SWARM_CLIENTS; i++)
        p->slots[i] = smx_rng_below(&rng, 7) == 0 ? 1 : 2;
    p->contacts = smx_rng_below(&rng, 4) > 0;
    p->open_one_in = between(&rng, 1, 6);
    p->safety_ms = between(&rng, 3000, 14000);
    draw_faults(p, &rng);
    draw_calls(p, &rng);
    p->call_waiting = smx_rng_below(&rng, 2) == 0;
    smx_rng_fini(&rng);
}

void smx_swarm_text(const struct smx_swarm_plan *p, char text[SMX_SWARM_TEXT])
{
    size_t len = 0;

#define ADD(...)                                                                                             \
    do                                                                                                       \
        if (len < SMX_SWARM_TEXT)                                                                            \
            len += (size_t)snprintf(text + len, SMX_SWARM_TEXT - len, __VA_ARGS__);                          \
    while (0)
    ADD("seed %llu: %u relays, %u clients, epoch %u s, tick %u ms, latency %.1f ms, jitter %.1f ms, %.1f s "
        "of faults:",
        (unsigned long long)p->seed, p->relays, p->clients, p->epoch_s, p->tick_ms, p->latency_us / 1e3,
        p->jitter_us / 1e3, p->safety_ms / 1e3);
    for (size_t i = 0; i < p->fault_count; i++)
        if (!p->fault[i].off)
            ADD(" %s@%.1f+%.1f", smx_swarm_fault_name[p->fault[i].kind], p->fault[i].from_ms / 1e3,
                p->fault[i].for_ms / 1e3);
    ADD("; calls:");
    for (size_t i = 0; i < p->call_count; i++)
        if (!p->call[i].off)
            ADD(" %s%u-%u@%.1f", p->call[i].text ? "text " : "", p->call[i].a % p->clients,
                (p->call[i].a % p->clients + 1 + p->call[i].b % (p->clients - 1)) % p->clients,
                p->call[i].from_ms / 1e3);
#undef ADD
}
