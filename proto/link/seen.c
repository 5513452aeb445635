#include "proto/link/seen.h"

#include <sodium.h>
#include <stdlib.h>
#include <string.h>

#define GENERATION SMX_SECOND(240)

enum smx_err smx_seen_new(struct smx_seen *s, uint32_t cap, struct smx_rng *rng)
{
    *s = (struct smx_seen){.size = 8};
    while (s->size < 2 * cap)
        s->size *= 2;
    for (int i = 0; i < 2; i++)
        s->hash[i] = calloc(s->size, sizeof *s->hash[i]);
    if (!s->hash[0] || !s->hash[1]) {
        smx_seen_free(s);
        return SMX_E_MEMORY;
    }
    smx_rng_bytes(rng, s->key, sizeof s->key);
    return SMX_OK;
}

void smx_seen_free(struct smx_seen *s)
{
    free(s->hash[0]);
    free(s->hash[1]);
    *s = (struct smx_seen){.size = 0};
}

/* The place of a hash, or the free one where it would stand: at most half of all are taken. */
static uint64_t *find(uint64_t *table, uint32_t size, uint64_t hash)
{
    uint32_t i = (uint32_t)(hash >> 32) & (size - 1);

    while (table[i] != 0 && table[i] != hash)
        i = (i + 1) & (size - 1);
    return &table[i];
}

static void turn(struct smx_seen *s, smx_time now)
{
    uint64_t *old = s->hash[1];

    memset(old, 0, s->size * sizeof *old);
    s->hash[1] = s->hash[0];
    s->hash[0] = old;
    s->count = 0;
    s->since = now;
}

bool smx_seen_add(struct smx_seen *s, smx_time now, const uint8_t ephemeral[32])
{
    uint64_t hash;
    uint64_t *place;

    crypto_shorthash((uint8_t *)&hash, ephemeral, 32, s->key);
    hash |= 1; /* 0 means free */
    if (now >= s->since + GENERATION || s->count >= s->size / 2) {
        if (now >= s->since + 2 * GENERATION)
            turn(s, now); /* even the newer generation is too old */
        turn(s, now);
    }
    if (*find(s->hash[1], s->size, hash) != 0)
        return false;
    place = find(s->hash[0], s->size, hash);
    if (*place != 0)
        return false;
    *place = hash;
    s->count++;
    return true;
}
