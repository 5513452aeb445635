/* sim/tool/memory.c - libsodium's guarded memory, done without guards.
 *
 * sodium_malloc puts each piece of memory between two guard pages and locks it: four mappings and 16 KiB of
 * address space a piece.  A simulation holds some hundred thousand pieces, more than a process may have
 * mappings (vm.max_map_count, 65,530), and no real secret: all its keys follow from the seed.  So this
 * program takes the place of these functions, for itself and for the library.  Contents are as libsodium's:
 * 0xdb at first, and wiped when freed. */
#include <errno.h>
#include <malloc.h>
#include <sodium.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

enum { GARBAGE = 0xdb };

void *sodium_malloc(size_t size)
{
    void *p = malloc(size > 0 ? size : 1);

    if (p)
        memset(p, GARBAGE, size);
    return p;
}

void *sodium_allocarray(size_t count, size_t size)
{
    size_t bytes;

    if (__builtin_mul_overflow(count, size, &bytes)) {
        errno = ENOMEM;
        return NULL;
    }
    return sodium_malloc(bytes);
}

void sodium_free(void *p)
{
    if (p)
        sodium_memzero(p, malloc_usable_size(p));
    free(p);
}

/* Nothing is protected. */
int sodium_mprotect_noaccess(void *p)
{
    (void)p;
    return 0;
}

int sodium_mprotect_readonly(void *p)
{
    (void)p;
    return 0;
}

int sodium_mprotect_readwrite(void *p)
{
    (void)p;
    return 0;
}
