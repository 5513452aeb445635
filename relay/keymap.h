/* relay/keymap.h - a bounded map from 32-byte keys to slots 0..cap-1, each slot holding one key at most.
 * Keys may be chosen by strangers: they are hashed with a secret (SipHash-2-4).  Chained; no allocation after
 * _new. */
#ifndef SMX_RELAY_KEYMAP_H
#define SMX_RELAY_KEYMAP_H

#include "proto/base/err.h"
#include "proto/base/rng.h"

#include <sodium.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { SMX_KEYMAP_KEY = 32 }; /* bytes; shorter keys are zero padded */
#define SMX_KEYMAP_NONE UINT32_MAX

struct smx_keymap {
    uint8_t secret[crypto_shorthash_KEYBYTES];
    uint32_t cap, mask;
    uint32_t *head; /* mask + 1 chains */
    uint32_t *next; /* per slot */
    uint8_t (*key)[SMX_KEYMAP_KEY];
    uint8_t *used; /* per slot */
};

enum smx_err smx_keymap_new(struct smx_keymap *ix, uint32_t cap, struct smx_rng *rng) SMX_MUST_CHECK;
void smx_keymap_free(struct smx_keymap *ix);
/* The slot that holds key, or SMX_KEYMAP_NONE.  len <= 32. */
uint32_t smx_keymap_find(const struct smx_keymap *ix, const void *key, size_t len);
/* Gives slot this key, instead of what it held.  The key must not be there under another slot. */
void smx_keymap_put(struct smx_keymap *ix, uint32_t slot, const void *key, size_t len);
/* The key that slot holds; false: none. */
bool smx_keymap_key(const struct smx_keymap *ix, uint32_t slot, uint8_t key[SMX_KEYMAP_KEY]);
void smx_keymap_drop(struct smx_keymap *ix, uint32_t slot); /* fine when it holds none */

#endif
