/* sim/check_known.h - what nodes hold of users, by a search for planted words (sim/words.h) in their tables.
 * It must hold that
 *   - a relay holds a client's address only if that client has sent to it;
 *   - a relay that is no end relay holds no user's name, key or text; an end relay no text;
 *   - no relay, and no other client, holds a user's secret key;
 *   - a client holds no other client's address;
 *   - the directory's batch and consensus hold no address of a client, and no text.
 * Searched are what smx_view_relay_memory and smx_view_client_memory name, and the endpoints with their
 * links.  Not searched: copies of the consensus and of the batch at relays and clients (the directory's are),
 * and keys inside libcrypto.
 *
 * An end relay that a client asked for its first consensus knows that address, and may later hold the
 * client's listening circuit too: see docs/simulate/swarm.md, Limits.  Source: DESIGN, section 2.  Pure. */
#ifndef SMX_SIM_CHECK_KNOWN_H
#define SMX_SIM_CHECK_KNOWN_H

#include "sim/check.h"
#include "sim/network.h"
#include "sim/words.h"

struct smx_check_known {
    const struct smx_sim_network *n;
    struct smx_verdict *verdict;
    const struct smx_words *words; /* an owner is a client's number */
    bool *met;                     /* [relay * clients_max + client]: the client has sent to it */
    uint64_t bytes;                /* searched */
};

/* Allocates; running out of memory ends the program. */
void smx_check_known_init(struct smx_check_known *c, const struct smx_sim_network *n,
                          struct smx_verdict *verdict, const struct smx_words *words);
void smx_check_known_fini(struct smx_check_known *c);
void smx_check_known_datagram(struct smx_check_known *c, uint32_t from, uint32_t to);
/* Between events. */
void smx_check_known_look(struct smx_check_known *c);

#endif
