#include "proto/base/window.h"

#include "proto/base/fetch.h"

#include <assert.h>
#include <string.h>

void smx_window_init(struct smx_window *w, uint64_t *bits, uint32_t size)
{
    assert(size >= 64 && (size & (size - 1)) == 0);
    *w = (struct smx_window){.bits = bits, .size = size};
    memset(bits, 0, size / 8);
}

static uint64_t *word_of(const struct smx_window *w, uint64_t counter)
{
    return &w->bits[(counter & (w->size - 1)) / 64];
}

void smx_window_fetch(const struct smx_window *w, uint64_t counter)
{
    smx_fetch(word_of(w, counter), sizeof *w->bits);
}

enum smx_err smx_window_check(const struct smx_window *w, uint64_t counter)
{
    if (counter >= w->next)
        return counter == UINT64_MAX ? SMX_E_REPLAY : SMX_OK;
    if (w->next - counter > w->size)
        return SMX_E_REPLAY;
    return *word_of(w, counter) >> (counter % 64) & 1 ? SMX_E_REPLAY : SMX_OK;
}

/* Forgets the counters that stood size below from, from + 1, ... and to. */
static void make_room(struct smx_window *w, uint64_t from, uint64_t to)
{
    if (to - from >= w->size) {
        memset(w->bits, 0, w->size / 8);
        return;
    }
    while (from <= to) {
        uint64_t last = from | 63; /* of this word */
        uint64_t mask = UINT64_MAX << (from % 64);

        if (last > to) {
            mask &= UINT64_MAX >> (last - to);
            last = to;
        }
        *word_of(w, from) &= ~mask;
        from = last + 1;
    }
}

void smx_window_add(struct smx_window *w, uint64_t counter)
{
    assert(smx_window_check(w, counter) == SMX_OK);
    if (counter >= w->next) {
        make_room(w, w->next, counter);
        w->next = counter + 1;
    }
    *word_of(w, counter) |= UINT64_C(1) << (counter % 64);
}
