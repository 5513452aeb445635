#include "proto/circuit/quantum.h"

#include "proto/circuit/command.h"

#include <assert.h>
#include <string.h>

void smx_quantum_open(struct smx_quantum *q, uint8_t *const datagram[], size_t count, size_t per_datagram,
                      struct smx_rng *rng)
{
    assert(count <= SMX_QUANTUM_DATAGRAMS && count * per_datagram <= SMX_QUANTUM_CELLS);
    memcpy(q->datagram, datagram, count * sizeof datagram[0]);
    q->per_datagram = per_datagram;
    q->total = count * per_datagram;
    q->used = 0;
    for (size_t i = 0; i < q->total; i++) { /* Fisher-Yates, from the inside out */
        size_t j = smx_rng_below(rng, (uint32_t)i + 1);

        q->place[i] = q->place[j];
        q->place[j] = (uint16_t)i;
    }
}

size_t smx_quantum_room(const struct smx_quantum *q)
{
    return q->total - q->used;
}

uint8_t *smx_quantum_add(struct smx_quantum *q)
{
    size_t at;

    if (q->used == q->total)
        return NULL;
    at = q->place[q->used++];
    return q->datagram[at / q->per_datagram] + at % q->per_datagram * SMX_CELL_SIZE;
}

void smx_quantum_undo(struct smx_quantum *q)
{
    assert(q->used > 0);
    q->used--;
}

void smx_quantum_close(struct smx_quantum *q)
{
    uint8_t *cell;

    while ((cell = smx_quantum_add(q)) != NULL)
        smx_filler_encode(cell);
}
