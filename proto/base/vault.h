/* proto/base/vault.h - locked memory for many small things with secrets in them.
 *
 * A piece of sodium_malloc costs two pages at least, four mappings of the kernel's, and there are 65,530 of
 * these for a process.  That is nothing for a daemon, and too much for a process that holds thousands of
 * cores: these share a vault, which asks libsodium for large chunks and hands out parts of them.  Within a
 * chunk there are no guard pages between parts.
 * Without a vault (NULL) each part is a piece of sodium_malloc by itself, as a daemon should have it.
 * Not for several threads at once. */
#ifndef SMX_BASE_VAULT_H
#define SMX_BASE_VAULT_H

#include <stddef.h>

enum {
    SMX_VAULT_CHUNK = 256 << 10, /* bytes */
    SMX_VAULT_SIZES = 16,        /* different ones at most, each a multiple of SMX_VAULT_ALIGN */
    SMX_VAULT_ALIGN = 64,        /* bytes */
};

struct smx_vault;

struct smx_vault *smx_vault_new(void); /* NULL: no memory */
/* Wipes and frees all, also what was not given back; NULL is fine. */
void smx_vault_free(struct smx_vault *v);
/* A part of size bytes, above 0, zeroed; NULL: no memory, or one size too many. */
void *smx_vault_take(struct smx_vault *v, size_t size);
/* Wipes a part and takes it back; size is as it was taken.  NULL is fine. */
void smx_vault_give(struct smx_vault *v, void *part, size_t size);

#endif
