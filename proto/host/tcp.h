/* proto/host/tcp.h - a TCP listener and its connections, as numbered byte streams with bounded buffers.
 * A connection's number is never used again.  Nothing here blocks. */
#ifndef SMX_HOST_TCP_H
#define SMX_HOST_TCP_H

#include "proto/base/out.h"

struct smx_loop;
struct smx_tcp;
struct smx_tls;

struct smx_tcp_events {
    /* With TLS, once the handshake is done: of who does not get so far nothing is told. */
    void (*opened)(void *arg, uint64_t conn, const struct smx_addr *from);
    /* All unread bytes, those left unread before included; returns how many are now read (0..len).
     * A connection with in_max unread bytes is closed. */
    size_t (*received)(void *arg, uint64_t conn, const uint8_t *bytes, size_t len);
    /* Gone: by the other side, an error, a limit or the idle time.  Not called after smx_tcp_close. */
    void (*closed)(void *arg, uint64_t conn);
};

struct smx_tcp_limits {
    size_t conns_max;       /* further ones are closed at once */
    size_t in_max, out_max; /* bytes unread, bytes unsent, per connection */
    unsigned idle_s;        /* seconds without a byte from the other side; a TLS handshake has 10 in all */
};

/* Port 0 lets the system choose.  SMX_E_IO: errno says why. */
enum smx_err smx_tcp_listen(struct smx_tcp **tcp, struct smx_loop *loop, const struct smx_addr *bind,
                            const struct smx_tcp_limits *limits, const struct smx_tcp_events *events,
                            void *arg) SMX_MUST_CHECK;
/* Connections of this listener speak TLS (proto/host/tls.h, borrowed).  To be called before the loop runs. */
void smx_tcp_secure(struct smx_tcp *tcp, const struct smx_tls *tls);
/* Closes the listener and all connections, without callbacks. */
void smx_tcp_free(struct smx_tcp *tcp);
struct smx_addr smx_tcp_local(const struct smx_tcp *tcp);
/* Queues the bytes.  SMX_E_ABSENT: no such connection (any more).  SMX_E_FULL: the other side does not read;
 * nothing is queued, and a stream with a hole is of no use, so close it. */
enum smx_err smx_tcp_send(struct smx_tcp *tcp, uint64_t conn, const void *bytes, size_t len) SMX_MUST_CHECK;
/* Sends what is queued (for at most 5 s), then closes; no more callbacks for it. */
void smx_tcp_close(struct smx_tcp *tcp, uint64_t conn);

#endif
