/* sim/view_relay.h - what checkers see of a relay's core: its endpoint, its ticks, its circuits' cells, its
 * memory. */
#ifndef SMX_SIM_VIEW_RELAY_H
#define SMX_SIM_VIEW_RELAY_H

#include "relay/relay.h"
#include "sim/check_cells.h"
#include "sim/view.h"

const struct smx_endpoint *smx_view_relay_endpoint(const struct smx_relay *r);
/* local: what its machine's clock says. */
struct smx_view_tick smx_view_relay_tick(const struct smx_relay *r, smx_time local, uint32_t link,
                                         uint64_t tick);
/* The struct, circuits, neighbours, commands, streams, sources, keys of the five maps.  Not its endpoint, its
 * consensus, its batch. */
void smx_view_relay_memory(const struct smx_relay *r, smx_view_memory fn, void *arg);

/* A cell that it has put into the datagram of a link tick. */
void smx_view_relay_cell(struct smx_cells *c, smx_time now, const struct smx_relay *r, uint32_t link,
                         uint64_t tick, const uint8_t *cell);
/* Did all circuits that leave by this link have their last cell?  newest: the last link tick sent. */
void smx_view_relay_look(struct smx_cells *c, smx_time now, const struct smx_relay *r, uint32_t link,
                         uint64_t newest);

#endif
