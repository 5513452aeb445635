/* sim/check_cells.h - the cells of one directed link that is opened: which circuit had one, when, with what
 * count.  Part of sim/check_links.h, which says what must hold; who the circuits are, sim/view_relay.h and
 * sim/view_client.h know. */
#ifndef SMX_SIM_CHECK_CELLS_H
#define SMX_SIM_CHECK_CELLS_H

#include "sim/check.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* A circuit's direction, by the id that its cells carry. */
struct smx_cells_of {
    uint32_t id;
    uint32_t period; /* link ticks */
    bool seen;       /* there was a cell; else it is awaited since tick */
    bool shared;     /* another has its place too: turns may be left out */
    bool said;       /* that one was missing */
    uint64_t tick;   /* of the last cell */
    uint32_t seq;    /* of it */
};

struct smx_cells {
    struct smx_cells_of *of;
    size_t count, cap;
    uint64_t broken;   /* before this tick some were left out, rightly */
    uint64_t judged;   /* cells */
    uint64_t found;    /* circuits' directions that had their cell, at looks */
    const char *where; /* for complaints: the link, in words */
    struct smx_verdict *verdict;
};

void smx_cells_free(struct smx_cells *c);
struct smx_cells_of *smx_cells_find(struct smx_cells *c, uint32_t id); /* NULL: none yet */
struct smx_cells_of *smx_cells_add(struct smx_cells *c, uint32_t id, uint32_t period, uint64_t tick);
/* A cell of it in this tick.  gap: periods from one cell to the next, at most. */
void smx_cells_judge(struct smx_cells *c, smx_time now, struct smx_cells_of *of, uint64_t tick, uint32_t seq,
                     uint64_t gap);
/* Between ticks: a circuit that lives must have had its cell of the link tick due, with count seq. */
void smx_cells_due(struct smx_cells *c, smx_time now, uint32_t id, uint32_t period, uint64_t due,
                   uint32_t seq, uint64_t gap);
/* Those that had no cell for long, and so are no more. */
void smx_cells_forget(struct smx_cells *c, uint64_t newest);

#endif
