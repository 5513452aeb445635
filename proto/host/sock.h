/* proto/host/sock.h - addresses between smx_addr and the system's; not for daemons. */
#ifndef SMX_HOST_SOCK_H
#define SMX_HOST_SOCK_H

#include "proto/base/out.h"

#include <netinet/in.h>
#include <sys/socket.h>

union smx_sock {
    struct sockaddr any;
    struct sockaddr_in v4;
    struct sockaddr_in6 v6;
};

/* Returns the length. */
socklen_t smx_sock_from_addr(union smx_sock *sock, const struct smx_addr *addr);
/* Another family than the internet's yields zeros. */
struct smx_addr smx_sock_to_addr(const struct sockaddr *any);
/* The address that a socket is bound to. */
struct smx_addr smx_sock_local(int fd);
/* A non-blocking socket of the type (SOCK_DGRAM, SOCK_STREAM), bound to addr; -1: errno says why.
 * IPv6 ones take no IPv4, so that both can be bound to one port. */
int smx_sock_bind(int type, const struct smx_addr *addr);

#endif
