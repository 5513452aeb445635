/* proto/media/srtp.h - one direction of an SRTP stream and its SRTCP: libsrtp2 behind one file.
 * Sources: RFC 3711, RFC 4568 (suites and keys as SDP names them), RFC 7714; docs/protocol/70-phone.md,
 * section 13.
 *
 * The key of a suite is master key and master salt in one, as SDP carries it.  A sender is made for one SSRC
 * and must never be made twice with the same key; a receiver takes whatever SSRC proves itself.  The library
 * needs smx_srtp_library once in a process, which takes some 80 ms, and keeps no state of ours.  No I/O,
 * clock or randomness; allocates when made, and for a new SSRC of the phone; not for several threads at once.
 */
#ifndef SMX_MEDIA_SRTP_H
#define SMX_MEDIA_SRTP_H

#include "proto/base/err.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* In the order in which we prefer them. */
enum smx_srtp_suite {
    SMX_SRTP_GCM_128, /* AEAD_AES_128_GCM */
    SMX_SRTP_GCM_256, /* AEAD_AES_256_GCM */
    SMX_SRTP_CM_80,   /* AES_CM_128_HMAC_SHA1_80 */
    SMX_SRTP_CM_32,   /* AES_CM_128_HMAC_SHA1_32; its SRTCP has 80 bits too */
    SMX_SRTP_SUITES,  /* none */
};

enum {
    SMX_SRTP_KEY = 32 + 12, /* bytes of the longest key with its salt */
    SMX_SRTP_SPARE = 148,   /* bytes that must be free behind a packet that is to be protected */
    SMX_SRTP_DEAF = 50,     /* packets refused in a row, after which a receiver begins anew: the phone did */
    SMX_SRTP_SSRCS = 8,     /* SSRCs of one phone, after which it does too */
};

struct smx_srtp;

const char *smx_srtp_name(enum smx_srtp_suite suite);
size_t smx_srtp_key_len(enum smx_srtp_suite suite); /* bytes: 28, 44, 30, 30 */

/* False: it can't be used here. */
bool smx_srtp_library(void);
/* key: of smx_srtp_key_len bytes, copied.  NULL: out of memory, or the library is not ready. */
struct smx_srtp *smx_srtp_sender(enum smx_srtp_suite suite, const uint8_t *key, uint32_t ssrc);
struct smx_srtp *smx_srtp_receiver(enum smx_srtp_suite suite, const uint8_t *key);
void smx_srtp_free(struct smx_srtp *s); /* NULL is fine; wipes the key */

/* Of a sender, in place.  packet: 32-bit aligned, with SMX_SRTP_SPARE bytes behind *len.  False: *len is 0,
 * and nothing is to be sent. */
bool smx_srtp_protect(struct smx_srtp *s, bool is_rtcp, uint8_t *packet, size_t *len) SMX_MUST_CHECK;
/* Of a receiver, in place.  packet: 32-bit aligned.  False: forged, repeated, too old or no such packet; what
 * is there is then of no use. */
bool smx_srtp_unprotect(struct smx_srtp *s, bool is_rtcp, uint8_t *packet, size_t *len) SMX_MUST_CHECK;

#endif
