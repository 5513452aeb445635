#include "proto/base/vault.h"

#include <sodium.h>
#include <stdlib.h>
#include <string.h>

struct chunk {
    struct chunk *next;
    void *at; /* sodium_malloc */
};

struct size {
    size_t size;
    void *free; /* list of parts; the first bytes of each point to the next */
};

struct smx_vault {
    struct chunk *chunk;
    unsigned char *rest; /* of the newest chunk */
    size_t rest_len;
    struct size size[SMX_VAULT_SIZES];
    size_t size_count;
};

struct smx_vault *smx_vault_new(void)
{
    return calloc(1, sizeof(struct smx_vault));
}

void smx_vault_free(struct smx_vault *v)
{
    if (!v)
        return;
    while (v->chunk) {
        struct chunk *c = v->chunk;

        v->chunk = c->next;
        sodium_free(c->at); /* wipes */
        free(c);
    }
    free(v);
}

static size_t rounded(size_t size)
{
    return (size + SMX_VAULT_ALIGN - 1) / SMX_VAULT_ALIGN * SMX_VAULT_ALIGN;
}

static struct size *find(struct smx_vault *v, size_t size)
{
    for (size_t i = 0; i < v->size_count; i++)
        if (v->size[i].size == size)
            return &v->size[i];
    if (v->size_count == SMX_VAULT_SIZES)
        return NULL;
    v->size[v->size_count] = (struct size){.size = size};
    return &v->size[v->size_count++];
}

/* What is left of the chunk before is lost: less than one part. */
static void *cut(struct smx_vault *v, size_t size)
{
    void *part;

    if (v->rest_len < size) {
        size_t len = size > SMX_VAULT_CHUNK ? size : SMX_VAULT_CHUNK;
        struct chunk *c = calloc(1, sizeof *c);

        if (!c)
            return NULL;
        c->at = sodium_malloc(len);
        if (!c->at) {
            free(c);
            return NULL;
        }
        c->next = v->chunk;
        v->chunk = c;
        v->rest = c->at;
        v->rest_len = len;
    }
    part = v->rest;
    v->rest += size;
    v->rest_len -= size;
    return part;
}

void *smx_vault_take(struct smx_vault *v, size_t size)
{
    struct size *of = v ? find(v, rounded(size)) : NULL;
    void *part;

    if (v && !of)
        return NULL;
    if (!v) {
        part = sodium_malloc(size);
    } else if (of->free) {
        part = of->free;
        memcpy(&of->free, part, sizeof of->free);
    } else {
        part = cut(v, rounded(size));
    }
    if (part)
        memset(part, 0, size);
    return part;
}

void smx_vault_give(struct smx_vault *v, void *part, size_t size)
{
    struct size *of;

    if (!part)
        return;
    if (!v) {
        sodium_free(part); /* wipes */
        return;
    }
    of = find(v, rounded(size)); /* it is there */
    sodium_memzero(part, size);
    memcpy(part, &of->free, sizeof of->free);
    of->free = part;
}
