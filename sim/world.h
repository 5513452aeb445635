/* sim/world.h - a virtual clock and network for the cores: real nodes, simulated time, the same run for the
 * same seed.
 *
 * A node is a core behind three functions: receive, expire, deadline.  The world calls them in the order of
 * virtual time, sends what they put out through the net (sim/net.h) and lets it arrive.  Each node has clocks
 * of its own: an origin and a rate of the monotonic one, an error of the calendar. Datagrams that arrive at
 * the same time as a node's deadline come first; otherwise equal times keep the order of their making, so
 * runs repeat exactly. Pure, but it allocates as it goes; running out of memory ends the program, as this is
 * for tests and simulations. */
#ifndef SMX_SIM_WORLD_H
#define SMX_SIM_WORLD_H

#include "proto/base/out.h"
#include "proto/base/rng.h"
#include "proto/base/time.h"
#include "sim/net.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Time and wall are the node's own clocks.  Each may be NULL: such a node gets nothing, or has no timers. */
struct smx_node_ops {
    void (*receive)(void *core, smx_time now, struct smx_wall wall, const struct smx_addr *from,
                    uint8_t *bytes, size_t len, struct smx_out *out);
    void (*expire)(void *core, smx_time now, struct smx_wall wall, struct smx_out *out);
    smx_time (*deadline)(void *core);
};

struct smx_node_clock {
    smx_time origin; /* reading at the world's time 0 */
    int32_t ppb;     /* runs so many parts in 10^9 too fast; within +-10^8 */
    int64_t wall_s;  /* the calendar is ahead by so many seconds */
};

enum { SMX_WORLD_IP = 28 }; /* bytes of IPv4 and UDP that a datagram has on top */

struct smx_world;

/* Time begins at 0, the calendar at wall. */
struct smx_world *smx_world_new(uint64_t seed, struct smx_wall wall, const struct smx_net_path *common);
void smx_world_free(struct smx_world *w);

smx_time smx_world_now(const struct smx_world *w);
struct smx_rng *smx_world_rng(struct smx_world *w);
struct smx_net *smx_world_net(struct smx_world *w);

/* A new node's number: 0, 1, ...  Its address is 10.0.0.0 plus its number plus 1, port 9000, unless set anew.
 * clock NULL: the world's own.  ops and core are borrowed. */
uint32_t smx_world_add(struct smx_world *w, const struct smx_node_ops *ops, void *core,
                       const struct smx_node_clock *clock);
const struct smx_addr *smx_world_addr(const struct smx_world *w, uint32_t node);
/* Moves a node to an address that nobody has; what is under way to the old one is lost. */
void smx_world_set_addr(struct smx_world *w, uint32_t node, const struct smx_addr *addr);
/* Puts another core in a node's place, or none (NULL): it has died, and datagrams to it vanish. */
void smx_world_set_core(struct smx_world *w, uint32_t node, void *core);
/* Its machine does nothing until then; what arrives waits, with the time at which it came. */
void smx_world_pause(struct smx_world *w, uint32_t node, smx_time until);
/* Its clock reads on from where it is, at another rate. */
void smx_world_set_rate(struct smx_world *w, uint32_t node, int32_t ppb);
/* The node's clocks at the world's present time. */
smx_time smx_world_local(const struct smx_world *w, uint32_t node);
struct smx_wall smx_world_wall(const struct smx_world *w, uint32_t node);

/* For whoever commands a core directly: the out to hand in.  smx_world_flush sends what is in it and looks at
 * the node's deadline anew. */
struct smx_out *smx_world_out(struct smx_world *w);
void smx_world_flush(struct smx_world *w, uint32_t node);

/* Calls fn(arg) at a time of the world. */
void smx_world_at(struct smx_world *w, smx_time at, void (*fn)(void *arg), void *arg);

/* Sees every datagram as it is sent (whatever then becomes of it), may change its bytes, hold it back by
 * *delay (0 at the call), or lose it by returning false. */
typedef bool (*smx_world_tap)(void *arg, smx_time now, uint32_t from, uint32_t to, uint8_t *bytes, size_t len,
                              smx_time *delay);
/* Several may watch; who came first sees a datagram first, and what he loses the others do not see.  Delays
 * add up. */
void smx_world_watch(struct smx_world *w, smx_world_tap tap, void *arg);
/* The one that was added with these. */
void smx_world_unwatch(struct smx_world *w, smx_world_tap tap, void *arg);
/* Told of each datagram that arrives, before its node has it.  One per world; NULL: nobody is. */
typedef void (*smx_world_arrival)(void *arg, smx_time now, uint32_t to, const uint8_t *bytes, size_t len);
void smx_world_watch_arrivals(struct smx_world *w, smx_world_arrival fn, void *arg);
/* Somebody on the way makes a datagram that looks as if a node had sent it (now, from where it is now), to
 * arrive at that time.  Nobody watches that, and nothing befalls it.  len <= 1500. */
void smx_world_inject(struct smx_world *w, smx_time at, uint32_t from, uint32_t to, const uint8_t *bytes,
                      size_t len);

/* Does the next thing that is due; false when there is nothing, or only after `until`. */
bool smx_world_step(struct smx_world *w, smx_time until);
/* Does all up to and at that time, which it then is. */
void smx_world_run(struct smx_world *w, smx_time until);

/* Totals since the start. */
struct smx_world_counters {
    uint64_t sent;    /* datagrams put out by nodes */
    uint64_t nowhere; /* to an address that nobody has, or a dead node */
    uint64_t lost;    /* by the net, or the tap */
    uint64_t arrived;
    uint64_t steps; /* events done */
};
const struct smx_world_counters *smx_world_counters(const struct smx_world *w);

/* What a node has sent (whatever became of it) and been handed, since its start; bytes are of UDP payload. */
struct smx_world_traffic {
    uint64_t bytes_out, datagrams_out, bytes_in, datagrams_in;
};
const struct smx_world_traffic *smx_world_traffic(const struct smx_world *w, uint32_t node);

#endif
