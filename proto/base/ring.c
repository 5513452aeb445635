#include "proto/base/ring.h"

#include <assert.h>
#include <sodium.h>
#include <stdlib.h>

enum smx_err smx_ring_new(struct smx_ring *r, uint32_t cap, size_t size)
{
    *r = (struct smx_ring){.bytes = calloc(cap, size), .size = size, .cap = cap};
    return r->bytes ? SMX_OK : SMX_E_MEMORY;
}

void smx_ring_free(struct smx_ring *r)
{
    if (r->bytes)
        sodium_memzero(r->bytes, r->cap * r->size);
    free(r->bytes);
    *r = (struct smx_ring){0};
}

void *smx_ring_push(struct smx_ring *r)
{
    if (r->count == r->cap)
        return NULL;
    return r->bytes + ((uint64_t)r->first + r->count++) % r->cap * r->size;
}

void *smx_ring_front(const struct smx_ring *r)
{
    return r->count ? r->bytes + r->first * r->size : NULL;
}

void smx_ring_pop(struct smx_ring *r)
{
    assert(r->count > 0);
    sodium_memzero(r->bytes + r->first * r->size, r->size);
    r->first = (r->first + 1) % r->cap;
    r->count--;
}
