#include "relay/shelf.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

enum smx_err smx_shelf_new(struct smx_shelf *s, uint32_t cap, size_t size)
{
    assert(size >= sizeof s->free && size % 8 == 0);
    *s = (struct smx_shelf){
        .bytes = calloc(cap, size), .size = size, .cap = cap, .free = SMX_SHELF_NONE}; /* untouched */
    return s->bytes ? SMX_OK : SMX_E_MEMORY;
}

void smx_shelf_free(struct smx_shelf *s)
{
    free(s->bytes);
    *s = (struct smx_shelf){.bytes = NULL};
}

void *smx_shelf_at(const struct smx_shelf *s, uint32_t place)
{
    assert(place < s->fresh);
    return s->bytes + place * s->size;
}

uint32_t smx_shelf_take(struct smx_shelf *s)
{
    uint32_t place = s->free;

    s->used++;
    if (place == SMX_SHELF_NONE) {
        assert(s->fresh < s->cap);
        return s->fresh++;
    }
    memcpy(&s->free, smx_shelf_at(s, place), sizeof s->free);
    return place;
}

void smx_shelf_give(struct smx_shelf *s, uint32_t *place)
{
    if (*place == SMX_SHELF_NONE)
        return;
    memcpy(smx_shelf_at(s, *place), &s->free, sizeof s->free);
    s->free = *place;
    s->used--;
    *place = SMX_SHELF_NONE;
}
