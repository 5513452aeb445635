/* sim/adversary/choice.h - whom real client cores choose: paths without a network around them.
 *
 * A consensus is made of relays with given layers and weights and signed, and a client core takes it as from
 * a relay; then its own code (client/paths.c) draws guards, middles and ends, by the rules and with the
 * memory that it has in a network.  What is left out is what happens on the way: a circuit that is drawn
 * stands at once.  The one place in the simulator that looks into client/core.h.
 *
 * Pure and deterministic; running out of memory ends the program, as in sim/world.h. */
#ifndef SMX_SIM_ADVERSARY_CHOICE_H
#define SMX_SIM_ADVERSARY_CHOICE_H

#include "proto/base/rng.h"
#include "proto/doc/consensus.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct smx_choice_relay {
    enum smx_layer layer;
    uint32_t weight;
    bool corrupt; /* the client doesn't know; here for whoever counts */
};

/* The network that clients choose from.  Its relays have numbers 0, 1, ... */
struct smx_choice_net;
struct smx_choice_net *smx_choice_net_new(const struct smx_choice_relay *relay, size_t count,
                                          const struct smx_params *params, struct smx_rng *rng);
void smx_choice_net_free(struct smx_choice_net *net);

enum smx_choice_role { SMX_CHOICE_SLOT, SMX_CHOICE_LISTEN, SMX_CHOICE_ERRAND };
enum { SMX_CHOICE_GUARD, SMX_CHOICE_MIDDLE, SMX_CHOICE_END, SMX_CHOICE_HOPS };

/* A client with one identity; its calendar begins with the consensus'. */
struct smx_choice;
struct smx_choice *smx_choice_new(const struct smx_choice_net *net, uint8_t slots, struct smx_rng *rng);
void smx_choice_free(struct smx_choice *c);
/* Seconds since the start: middles whose time is over are replaced. */
void smx_choice_time(struct smx_choice *c, uint64_t seconds);
/* A control that no client has: guards and middles are drawn anew. */
void smx_choice_forget(struct smx_choice *c);
/* A circuit is built, or renewed: the numbers of its relays.  of: number of the slot, else 0.  False: no path
 * fits, and the old one stays. */
bool smx_choice_draw(struct smx_choice *c, enum smx_choice_role role, size_t of,
                     uint16_t path[SMX_CHOICE_HOPS]);

/* ---- relays for an experiment ---- */

/* The weights of layers are drawn between half and twice the ordinary one; then relays in random order are
 * corrupt until their share of the layer's weight is as near to `share` as whole relays allow.  Fills
 * 3 * each; returns, in got, the share that was reached in each layer. */
void smx_choice_relays(struct smx_choice_relay *relay, size_t each, double share, struct smx_rng *rng,
                       double got[SMX_CHOICE_HOPS]);

#endif
