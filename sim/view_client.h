/* sim/view_client.h - what checkers see of a client's core. */
#ifndef SMX_SIM_VIEW_CLIENT_H
#define SMX_SIM_VIEW_CLIENT_H

#include "client/client.h"
#include "sim/check_cells.h"
#include "sim/view.h"

const struct smx_endpoint *smx_view_client_endpoint(const struct smx_client *c);
uint8_t smx_view_client_cells(const struct smx_client *c);        /* in a datagram */
const uint8_t *smx_view_client_guard(const struct smx_client *c); /* identity; NULL: none yet */
/* A stranger's introduction would be answered now: it isn't too soon after others', and nobody's is under
 * way. */
bool smx_view_client_hears_strangers(const struct smx_client *c, smx_time now);
bool smx_view_client_sends_on(const struct smx_client *c, uint32_t link);
struct smx_view_tick smx_view_client_tick(const struct smx_client *c, smx_time local, uint64_t tick);
/* The struct, identities, meetings, messages, contacts.  Not its endpoint, its consensus, buffers of streams
 * (they hold what other memory held before). */
void smx_view_client_memory(const struct smx_client *c, smx_view_memory fn, void *arg);

/* As in sim/view_relay.h. */
void smx_view_client_cell(struct smx_cells *c, smx_time now, const struct smx_client *client, uint64_t tick,
                          const uint8_t *cell);
void smx_view_client_look(struct smx_cells *c, smx_time now, const struct smx_client *client,
                          uint64_t newest);

#endif
