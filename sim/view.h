/* sim/view.h - what checkers see of a core.  Each kind of node has a file of its own (view_relay.h,
 * view_client.h), as the insides of two cores can't be included together.  Only for checkers: nothing here
 * changes a core. */
#ifndef SMX_SIM_VIEW_H
#define SMX_SIM_VIEW_H

#include "proto/base/time.h"
#include "proto/link/link.h"

/* A link's tick, from its sender's tables. */
struct smx_view_tick {
    smx_time length;
    int64_t late;  /* by how many ns the sender's clock is past it */
    uint32_t rate; /* datagrams that it shall have, as the consensus in force says */
};

/* Told of each piece of memory that a core holds: the pieces are named there. */
typedef void (*smx_view_memory)(void *arg, const void *bytes, size_t len);

#endif
