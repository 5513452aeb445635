/* proto/circuit/quantum.h - the cells of one link in one tick: gathered, filled up, in random order.
 * The room lies in datagrams that the link has begun; a cell goes straight to its final, drawn place.
 * Pure; the caller's memory. */
#ifndef SMX_CIRCUIT_QUANTUM_H
#define SMX_CIRCUIT_QUANTUM_H

#include "proto/base/rng.h"
#include "proto/circuit/cell.h"

#include <stddef.h>
#include <stdint.h>

enum { SMX_QUANTUM_DATAGRAMS = 64, SMX_QUANTUM_CELLS = 64 * 6 }; /* at most, per link and tick */

struct smx_quantum {
    uint8_t *datagram[SMX_QUANTUM_DATAGRAMS]; /* cells area of each */
    uint16_t place[SMX_QUANTUM_CELLS];        /* a permutation of 0..total-1 */
    size_t per_datagram, total, used;         /* cells */
};

/* Starts with count datagrams of per_datagram cells each; the pointers stay valid until the quantum is
 * closed. */
void smx_quantum_open(struct smx_quantum *q, uint8_t *const datagram[], size_t count, size_t per_datagram,
                      struct smx_rng *rng);
size_t smx_quantum_room(const struct smx_quantum *q);
/* The 224 bytes of the next place, to be filled by the caller, or NULL when there is none left. */
uint8_t *smx_quantum_add(struct smx_quantum *q);
/* Gives the place that was added last back. */
void smx_quantum_undo(struct smx_quantum *q);
/* Fills the rest with FILLER commands. */
void smx_quantum_close(struct smx_quantum *q);

#endif
