#include "relay/keymap.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

enum smx_err smx_keymap_new(struct smx_keymap *ix, uint32_t cap, struct smx_rng *rng)
{
    uint32_t chains = 16;

    while (chains < cap)
        chains *= 2;
    *ix = (struct smx_keymap){.cap = cap, .mask = chains - 1};
    smx_rng_bytes(rng, ix->secret, sizeof ix->secret);
    ix->head = malloc(chains * sizeof *ix->head);
    ix->next = calloc(cap, sizeof *ix->next);
    ix->key = calloc(cap, sizeof *ix->key);
    ix->used = calloc(cap, 1);
    if (!ix->head || !ix->next || !ix->key || !ix->used) {
        smx_keymap_free(ix);
        return SMX_E_MEMORY;
    }
    memset(ix->head, 0xff, chains * sizeof *ix->head); /* SMX_KEYMAP_NONE */
    return SMX_OK;
}

void smx_keymap_free(struct smx_keymap *ix)
{
    free(ix->head);
    free(ix->next);
    free(ix->key);
    free(ix->used);
    *ix = (struct smx_keymap){.cap = 0};
}

static uint32_t *chain_of(const struct smx_keymap *ix, const uint8_t key[SMX_KEYMAP_KEY])
{
    uint8_t hash[crypto_shorthash_BYTES];
    uint32_t h;

    crypto_shorthash(hash, key, SMX_KEYMAP_KEY, ix->secret);
    memcpy(&h, hash, sizeof h);
    return &ix->head[h & ix->mask];
}

static void widen(uint8_t out[SMX_KEYMAP_KEY], const void *key, size_t len)
{
    assert(len <= SMX_KEYMAP_KEY);
    memset(out, 0, SMX_KEYMAP_KEY);
    memcpy(out, key, len);
}

uint32_t smx_keymap_find(const struct smx_keymap *ix, const void *key, size_t len)
{
    uint8_t wide[SMX_KEYMAP_KEY];
    uint32_t slot;

    widen(wide, key, len);
    for (slot = *chain_of(ix, wide); slot != SMX_KEYMAP_NONE; slot = ix->next[slot])
        if (memcmp(ix->key[slot], wide, sizeof wide) == 0)
            break;
    return slot;
}

void smx_keymap_put(struct smx_keymap *ix, uint32_t slot, const void *key, size_t len)
{
    uint32_t *chain;

    smx_keymap_drop(ix, slot);
    widen(ix->key[slot], key, len);
    chain = chain_of(ix, ix->key[slot]);
    ix->next[slot] = *chain;
    *chain = slot;
    ix->used[slot] = 1;
}

bool smx_keymap_key(const struct smx_keymap *ix, uint32_t slot, uint8_t key[SMX_KEYMAP_KEY])
{
    if (ix->used[slot])
        memcpy(key, ix->key[slot], SMX_KEYMAP_KEY);
    return ix->used[slot];
}

void smx_keymap_drop(struct smx_keymap *ix, uint32_t slot)
{
    uint32_t *at;

    assert(slot < ix->cap);
    if (!ix->used[slot])
        return;
    for (at = chain_of(ix, ix->key[slot]); *at != slot; at = &ix->next[*at])
        ;
    *at = ix->next[slot];
    ix->used[slot] = 0;
}
