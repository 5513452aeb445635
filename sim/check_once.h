/* sim/check_once.h - nothing is accepted twice, and nothing that was not sent.  It looks at each datagram as
 * it is sent and as it arrives; from an arrival that was there before (the net's copies, somebody's replay),
 * or that nobody sent to it (damaged, made up, or meant for another), the node's counts of authentic
 * datagrams and of handshakes done must not rise.  Source: docs/protocol/10-link.md, section 6.
 *
 * A datagram is known by a 64-bit hash of its bytes for 15 to 30 seconds; what is older when it arrives
 * counts as one that was not sent.  Pure, but it allocates; running out of memory ends the program. */
#ifndef SMX_SIM_CHECK_ONCE_H
#define SMX_SIM_CHECK_ONCE_H

#include "sim/check.h"
#include "sim/network.h"

struct smx_check_once;

struct smx_check_once *smx_check_once_new(const struct smx_sim_network *n, struct smx_verdict *verdict);
void smx_check_once_free(struct smx_check_once *c);
void smx_check_once_sent(struct smx_check_once *c, smx_time now, uint32_t to, const uint8_t *bytes,
                         size_t len);
/* Before the node has it. */
void smx_check_once_arrives(struct smx_check_once *c, smx_time now, uint32_t to, const uint8_t *bytes,
                            size_t len);
/* Between events: what was made of the last arrivals? */
void smx_check_once_look(struct smx_check_once *c, smx_time now);

struct smx_check_once_counters {
    uint64_t arrivals, again, strange; /* strange: bytes that nobody sent */
};
const struct smx_check_once_counters *smx_check_once_counters(const struct smx_check_once *c);

#endif
