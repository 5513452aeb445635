/* directory/rates.h - the datagram rate of each link, from what relays reported about the epoch before.
 * Source: docs/protocol/60-directory.md, section 6, "Link rates".  Pure. */
#ifndef SMX_DIRECTORY_RATES_H
#define SMX_DIRECTORY_RATES_H

#include "proto/doc/consensus.h"

/* Fills c->link (room of them) and c->link_count from the descriptors, in the order of c->relay.  Relays,
 * layers (also counted) and parameters of c must be set; what finds no room stays at the floor. SMX_E_MEMORY.
 */
enum smx_err smx_rates_fill(struct smx_consensus *c, size_t room,
                            const struct smx_relaydesc *const *desc) SMX_MUST_CHECK;

#endif
