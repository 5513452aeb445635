/* sim/trace.h - what somebody who watches links writes down: of each link and direction, when datagrams left
 * and how long they were.  Contents are never looked at: they are sealed.
 *
 * It is a tap of smx_sim_watch that interferes with nothing.  Times are kept in microseconds since `from`, so
 * one trace lasts for 71 minutes at most; equal datagrams of one moment are one entry of eight bytes. Grows
 * as it goes; running out of memory ends the program, as in sim/world.h. */
#ifndef SMX_SIM_TRACE_H
#define SMX_SIM_TRACE_H

#include "proto/base/time.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct smx_trace_entry {
    uint32_t us;
    uint16_t len;   /* bytes of UDP payload */
    uint16_t count; /* datagrams */
};

struct smx_trace_link {
    uint32_t from, to; /* nodes */
    struct smx_trace_entry *entry;
    size_t count, room;
};

struct smx_trace;

enum { SMX_TRACE_ALL = 0 };

/* Keeps what is sent in from..until (the world's time).  relays: only links between the nodes below that
 * number and those from it on, that is clients' access links; SMX_TRACE_ALL: all links. */
struct smx_trace *smx_trace_new(smx_time from, smx_time until, uint32_t relays);
void smx_trace_free(struct smx_trace *t); /* NULL is fine */

/* A smx_world_tap; arg is the trace. */
bool smx_trace_tap(void *arg, smx_time now, uint32_t from, uint32_t to, uint8_t *bytes, size_t len,
                   smx_time *delay);
/* The same for who has no datagram; times of a link never fall. */
void smx_trace_add(struct smx_trace *t, smx_time at, uint32_t from, uint32_t to, size_t len);

/* NULL: nothing was ever seen there. */
const struct smx_trace_link *smx_trace_link(const struct smx_trace *t, uint32_t from, uint32_t to);
size_t smx_trace_entries(const struct smx_trace *t); /* of all links */

/* Binned rates: adds, to bin i of rate, what left in [start + i * bin, start + (i + 1) * bin), in datagrams
 * or in bytes; start and bin are in the trace's own time, from its `from` on. */
enum smx_trace_unit { SMX_TRACE_DATAGRAMS, SMX_TRACE_BYTES };
void smx_trace_rate(const struct smx_trace *t, uint32_t from, uint32_t to, enum smx_trace_unit unit,
                    smx_time start, smx_time bin, float *rate, size_t bins);
/* The same over the links of one node with all relays: to_node or from it. */
void smx_trace_rate_access(const struct smx_trace *t, uint32_t relays, uint32_t node, bool to_node,
                           enum smx_trace_unit unit, smx_time start, smx_time bin, float *rate, size_t bins);

#endif
