/* proto/host/udp.h - a UDP socket on the loop, in batches: recvmmsg, sendmmsg, and segmentation (GSO, GRO)
 * where the kernel has it.  Sources: Linux udp(7), socket(7).
 * IPv4 or IPv6 by the address bound (an IPv6 socket takes no IPv4): a node with both opens two sockets. */
#ifndef SMX_HOST_UDP_H
#define SMX_HOST_UDP_H

#include "proto/base/out.h"
#include "proto/base/time.h"

struct smx_loop;
struct smx_udp;

struct smx_udp_events {
    /* A datagram of 1 to 65,535 bytes; bytes may be altered in place and are valid for the call only. arrival
     * is when the kernel got it, not when we read it, so a process that was scheduled late still measures its
     * links right. */
    void (*datagram)(void *arg, const struct smx_addr *from, uint8_t *bytes, size_t len, smx_time arrival);
    /* The batch is over: send what the core has put out, arm the timer. */
    void (*batch_end)(void *arg, smx_time now);
};

struct smx_udp_stats {       /* datagrams */
    uint64_t received, sent; /* whole ones */
    uint64_t blocked;        /* the send buffer was full: dropped */
    uint64_t failed;         /* the system refused that destination: dropped */
};

enum {
    SMX_UDP_BUFFER = 8 * 1024 * 1024 /* bytes wanted for a link socket: several ticks of 5,000 circuits */
};

/* Port 0 lets the system choose.  buffer is the wanted socket buffer size in bytes, 0 for the system's;
 * less than wanted is no error.  SMX_E_IO: errno says why. */
enum smx_err smx_udp_open(struct smx_udp **udp, struct smx_loop *loop, const struct smx_addr *bind,
                          int buffer, const struct smx_udp_events *events, void *arg) SMX_MUST_CHECK;
void smx_udp_free(struct smx_udp *udp); /* not from inside a datagram callback of the same socket */
struct smx_addr smx_udp_local(const struct smx_udp *udp);
/* Reads what is waiting, now, at most a few batches, with the callbacks above except batch_end.  A mix calls
 * it first in its tick: cells that arrived in time count even if the process woke up late.  Not from inside a
 * datagram callback. */
void smx_udp_receive(struct smx_udp *udp);
/* Sends all datagrams of out that are of this socket's address family, in order, and leaves the others to
 * another socket.  Never blocks: what finds no room is dropped and counted.  The caller resets out. */
void smx_udp_send(struct smx_udp *udp, const struct smx_out *out);
struct smx_udp_stats smx_udp_stats(const struct smx_udp *udp);

#endif
