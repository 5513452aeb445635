/* proto/link/session.h - the two keys of one handshake, and the datagrams sealed with them.
 * Source: docs/protocol/10-link.md, sections 2 and 6.
 * Sealed with ChaCha20-Poly1305, nonce = the counter, associated data = the unmasked header.
 * Pure; the caller's memory, which holds secrets until smx_session_clear. */
#ifndef SMX_LINK_SESSION_H
#define SMX_LINK_SESSION_H

#include "proto/base/err.h"
#include "proto/base/window.h"
#include "proto/crypto/aead.h"
#include "proto/crypto/derive.h"
#include "proto/crypto/noise.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* A relay link's window holds 64 ticks of up to 256 datagrams, a client link's 128 ticks of one: what is
 * older has missed its departure long since. */
enum { SMX_SESSION_RELAY_WINDOW = 64 * 256, SMX_SESSION_CLIENT_WINDOW = 128 };

struct smx_session {
    uint32_t index; /* what the peer's datagrams carry; 0: no session */
    uint32_t peer_index;
    uint8_t send[SMX_KEY], receive[SMX_KEY];
    bool per_tick;            /* client link: k is 0, and the window counts ticks */
    struct smx_window window; /* its bits are the owner's, for good */
};

/* bits: window_size / 64 words, which stay the session's through all its uses. */
void smx_session_init(struct smx_session *s, bool per_tick, uint64_t *bits, uint32_t window_size);
/* Takes the keys out of a finished handshake.  SMX_E_STATE: it is not finished. */
enum smx_err smx_session_start(struct smx_session *s, struct smx_noise *noise, uint32_t index,
                               uint32_t peer_index) SMX_MUST_CHECK;
void smx_session_clear(struct smx_session *s); /* wipes the keys; there is no session then */

/* Seals the cells that stand behind the header of a datagram of len bytes, and masks the header.  A counter
 * must never be used twice. */
void smx_session_seal(const struct smx_session *s, struct smx_aead *aead, const uint8_t mask_key[SMX_KEY],
                      uint8_t *datagram, size_t len, uint64_t counter);
/* Opens in place a datagram of len bytes whose header is unmasked already, and marks its counter as seen.
 * SMX_E_MALFORMED: k of a client link is not 0; SMX_E_REPLAY; SMX_E_AUTH.  A failure changes nothing but the
 * datagram. */
enum smx_err smx_session_open(struct smx_session *s, struct smx_aead *aead, uint8_t *datagram, size_t len,
                              uint64_t counter) SMX_MUST_CHECK;

#endif
