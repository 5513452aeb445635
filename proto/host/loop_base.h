/* proto/host/loop_base.h - what the files of this folder share of the loop; not for daemons. */
#ifndef SMX_HOST_LOOP_BASE_H
#define SMX_HOST_LOOP_BASE_H

#include <event2/event.h>

#include "proto/host/loop.h"

/* Priorities of events that are ready in the same turn. */
enum { SMX_PRIORITY_TIMER, SMX_PRIORITY_IO, SMX_PRIORITY_COUNT };

struct smx_udp_batch; /* proto/host/udp.c */

struct smx_loop {
    struct event_base *base;
    struct event *on_int, *on_term, *on_hup;
    void (*hup)(void *arg);
    void *hup_arg;
    void (*end)(void *arg); /* NULL: none, or it has been called */
    void *end_arg;
    struct smx_udp_batch *udp_batch; /* receive buffers of all sockets: only one reads at a time */
};

#endif
