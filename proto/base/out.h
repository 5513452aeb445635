/* proto/base/out.h - the datagrams that a core wants sent, collected for one batch.
 * The caller owns the struct and its memory, hands it to the core's verbs, sends what it then holds (in
 * order; runs to one address may go as one GSO send) and resets it.  A full out drops and counts, never
 * grows. */
#ifndef SMX_BASE_OUT_H
#define SMX_BASE_OUT_H

#include "proto/base/err.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* An IPv6 address, or an IPv4 one mapped into it (RFC 4291, 2.5.5.2), and a port in host order. */
struct smx_addr {
    uint8_t ip[16];
    uint16_t port;
};

bool smx_addr_equal(const struct smx_addr *a, const struct smx_addr *b);
bool smx_addr_is_v4(const struct smx_addr *a);
/* "192.0.2.1:5060" or "[2001:db8::1]:5060", nothing else. */
enum smx_err smx_addr_parse(struct smx_addr *addr, const char *text) SMX_MUST_CHECK;
enum { SMX_ADDR_TEXT = 56 }; /* bytes, with the final NUL */
void smx_addr_format(const struct smx_addr *addr, char text[SMX_ADDR_TEXT]);

struct smx_dgram {
    struct smx_addr to;
    uint32_t at;  /* offset into bytes */
    uint16_t len; /* bytes */
};

struct smx_out {
    struct smx_dgram *dgram;
    size_t dgram_count, dgram_cap;
    uint8_t *bytes;
    size_t bytes_len, bytes_cap;
    uint64_t dropped; /* datagrams that found no room */
};

enum smx_err smx_out_new(struct smx_out *out, size_t dgram_cap, size_t bytes_cap) SMX_MUST_CHECK;
void smx_out_free(struct smx_out *out);
void smx_out_reset(struct smx_out *out);
/* Room for a datagram of len bytes to addr, to be filled by the caller, or NULL (counted) when full. */
uint8_t *smx_out_add(struct smx_out *out, const struct smx_addr *to, size_t len);

#endif
