#include "proto/host/sock.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

static const uint8_t v4_prefix[12] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};

socklen_t smx_sock_from_addr(union smx_sock *sock, const struct smx_addr *addr)
{
    memset(sock, 0, sizeof *sock);
    if (smx_addr_is_v4(addr)) {
        sock->v4.sin_family = AF_INET;
        sock->v4.sin_port = htons(addr->port);
        memcpy(&sock->v4.sin_addr, addr->ip + 12, 4);
        return sizeof sock->v4;
    }
    sock->v6.sin6_family = AF_INET6;
    sock->v6.sin6_port = htons(addr->port);
    memcpy(&sock->v6.sin6_addr, addr->ip, 16);
    return sizeof sock->v6;
}

struct smx_addr smx_sock_to_addr(const struct sockaddr *any)
{
    struct smx_addr addr = {.port = 0};
    union smx_sock sock;

    if (any->sa_family == AF_INET) {
        memcpy(&sock.v4, any, sizeof sock.v4);
        memcpy(addr.ip, v4_prefix, sizeof v4_prefix);
        memcpy(addr.ip + 12, &sock.v4.sin_addr, 4);
        addr.port = ntohs(sock.v4.sin_port);
    } else if (any->sa_family == AF_INET6) {
        memcpy(&sock.v6, any, sizeof sock.v6);
        memcpy(addr.ip, &sock.v6.sin6_addr, 16);
        addr.port = ntohs(sock.v6.sin6_port);
    }
    return addr;
}

struct smx_addr smx_sock_local(int fd)
{
    union smx_sock sock = {0};
    socklen_t len = sizeof sock;

    getsockname(fd, &sock.any, &len);
    return smx_sock_to_addr(&sock.any);
}

int smx_sock_bind(int type, const struct smx_addr *addr)
{
    union smx_sock sock;
    socklen_t len = smx_sock_from_addr(&sock, addr);
    int fd = socket(sock.any.sa_family, type | SOCK_NONBLOCK | SOCK_CLOEXEC, 0), one = 1, saved;

    if (fd < 0)
        return -1;
    if (sock.any.sa_family == AF_INET6 && setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &one, sizeof one) != 0)
        goto fail;
    /* a restarted daemon gets its port back at once; for UDP it would let two share one */
    if (type == SOCK_STREAM && setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one) != 0)
        goto fail;
    if (bind(fd, &sock.any, len) != 0)
        goto fail;
    return fd;
fail:
    saved = errno;
    close(fd);
    errno = saved;
    return -1;
}
