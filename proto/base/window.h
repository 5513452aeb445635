/* proto/base/window.h - which of the last counters were seen?  The replay window of links and hops, as in
 * RFC 6479: a ring of bits in which the window moves on by clearing, whole words at a time.
 * Authentication stands between the two verbs: check, authenticate, then add.
 * Pure; the caller's memory; a jump ahead costs at most one pass over the bits. */
#ifndef SMX_BASE_WINDOW_H
#define SMX_BASE_WINDOW_H

#include "proto/base/err.h"

#include <stdint.h>

struct smx_window {
    uint64_t *bits; /* counter c has bit c % size */
    uint64_t next;  /* one above the highest counter seen */
    uint32_t size;  /* counters, a power of two, at least 64 */
};

/* bits: size / 64 words of the caller, borrowed for the life of w and zeroed here. */
void smx_window_init(struct smx_window *w, uint64_t *bits, uint32_t size);
/* SMX_E_REPLAY: seen, or size or more below the highest seen, or UINT64_MAX, which nobody ever reaches. */
enum smx_err smx_window_check(const struct smx_window *w, uint64_t counter) SMX_MUST_CHECK;
/* Says that one of these two is soon called for this counter: its word may be far away in memory. */
void smx_window_fetch(const struct smx_window *w, uint64_t counter);
/* Marks a counter that smx_window_check lets pass. */
void smx_window_add(struct smx_window *w, uint64_t counter);

#endif
