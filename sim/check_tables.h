/* sim/check_tables.h - tables of relays, counted from outside.  It must hold that
 *   - every place of a relay's tables (circuits, streams, link commands) is either in use or free;
 *   - queues keep their bounds: commands of a link, words to a circuit's owner, orphans; and the world's out
 *     never overflowed;
 *   - without calls nothing is joined or waits for a join (smx_check_tables_calm).
 * Sizes: docs/architecture.md, section 7.  Pure. */
#ifndef SMX_SIM_CHECK_TABLES_H
#define SMX_SIM_CHECK_TABLES_H

#include "sim/check.h"
#include "sim/network.h"

struct smx_tables { /* things in use */
    size_t circuits, joined, cookies, waiting, listeners, notes, streams, commands, introductions, uploads;
    size_t owned_joins; /* joined, and the owner's side is alive on both */
    size_t lost;        /* places of a table that are neither free nor in use */
};

/* Adds what this relay has. */
void smx_relay_tables(const struct smx_relay *r, struct smx_tables *t);
/* Of all relays that live. */
struct smx_tables smx_network_tables(const struct smx_sim_network *n);

/* Between events. */
void smx_check_tables_look(const struct smx_sim_network *n, struct smx_verdict *verdict);
/* The same, when there was no call and no fault for a while: and what must then be empty.  ghosts: joins of
 * clients who are no more may still be there, so many. */
void smx_check_tables_calm(const struct smx_sim_network *n, struct smx_verdict *verdict, size_t ghosts);

#endif
