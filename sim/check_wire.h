/* sim/check_wire.h - every datagram as an observer of all links sees it.  It must hold that
 *   - a link's datagrams have one size: six cells between relays; on a client's link a cell for each slot and
 *     identity of the client (between relays also one for a relay's idle clients, where the network has any);
 *   - no planted word stands in one (sim/words.h), nor sixteen bytes that repeat themselves, as enciphered
 *     bytes never do (once in 2^57 datagrams).
 * Source: docs/protocol/10-link.md, sections 2 and 3.  Pure. */
#ifndef SMX_SIM_CHECK_WIRE_H
#define SMX_SIM_CHECK_WIRE_H

#include "sim/check.h"
#include "sim/network.h"
#include "sim/words.h"

struct smx_check_wire {
    const struct smx_sim_network *n;
    struct smx_verdict *verdict;
    const struct smx_words *words;
    uint64_t judged;
};

void smx_check_wire_init(struct smx_check_wire *c, const struct smx_sim_network *n,
                         struct smx_verdict *verdict, const struct smx_words *words);
void smx_check_wire_datagram(struct smx_check_wire *c, smx_time now, uint32_t from, uint32_t to,
                             const uint8_t *bytes, size_t len);

#endif
