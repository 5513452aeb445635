#include "proto/base/pool.h"

#include <assert.h>
#include <sodium.h>
#include <stdlib.h>

enum smx_err smx_pool_new(struct smx_pool *p, uint32_t cap, size_t size)
{
    assert(cap >= 1 && cap <= SMX_POOL_CAP_MAX);
    *p = (struct smx_pool){.size = size, .last_free = cap - 1, .cap = cap};
    while (cap > 1U << p->index_bits)
        p->index_bits++;
    p->bytes = calloc(cap, size);
    p->generation = calloc(cap, sizeof *p->generation);
    p->next = calloc(cap, sizeof *p->next);
    if (!p->bytes || !p->generation || !p->next) {
        smx_pool_free(p);
        return SMX_E_MEMORY;
    }
    for (uint32_t i = 0; i < cap; i++)
        p->next[i] = i + 1;
    return SMX_OK;
}

void smx_pool_free(struct smx_pool *p)
{
    if (p->bytes)
        sodium_memzero(p->bytes, p->cap * p->size);
    free(p->bytes);
    free(p->generation);
    free(p->next);
    *p = (struct smx_pool){0};
}

uint32_t smx_pool_index(const struct smx_pool *p, uint32_t handle)
{
    return handle & ((1U << p->index_bits) - 1);
}

uint32_t smx_pool_handle(const struct smx_pool *p, uint32_t index)
{
    assert(index < p->cap);
    return p->generation[index] & 1 ? p->generation[index] << p->index_bits | index : 0;
}

void *smx_pool_take(struct smx_pool *p, uint32_t *handle)
{
    uint32_t index = p->first_free;

    if (p->count == p->cap)
        return NULL;
    p->first_free = p->next[index];
    p->count++;
    p->generation[index]++;
    *handle = smx_pool_handle(p, index);
    return p->bytes + index * p->size;
}

void *smx_pool_get(const struct smx_pool *p, uint32_t handle)
{
    uint32_t index = smx_pool_index(p, handle);

    if (index >= p->cap || handle == 0 || smx_pool_handle(p, index) != handle)
        return NULL;
    return p->bytes + index * p->size;
}

enum smx_err smx_pool_give(struct smx_pool *p, uint32_t handle)
{
    uint32_t index = smx_pool_index(p, handle);
    void *object = smx_pool_get(p, handle);

    if (!object)
        return SMX_E_ABSENT;
    sodium_memzero(object, p->size);
    p->generation[index]++;
    if (p->count-- == p->cap) /* none was free: the queue starts anew */
        p->first_free = index;
    else
        p->next[p->last_free] = index;
    p->last_free = index;
    return SMX_OK;
}
