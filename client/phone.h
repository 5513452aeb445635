/* client/phone.h - what stands on the user's side of a client: the core tells it about calls, messages and
 * addresses, and takes its frames.  The SIP side is one (client/sip/ua.h, joined on by client/bridge.h), a
 * test or a simulated user another.  The functions mean what their namesakes in ua.h say; a call's number is
 * chosen by the phone's side, a message's by who sends it. */
#ifndef SMX_CLIENT_PHONE_H
#define SMX_CLIENT_PHONE_H

#include "proto/base/err.h"
#include "proto/base/time.h"
#include "proto/media/dtmf.h"
#include "proto/media/rtp.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct smx_phone {
    void *arg; /* first argument of all */
    /* display: what he calls himself, never proved; empty: nothing, or the user knows him by a name. */
    enum smx_err (*call_incoming)(void *arg, smx_time now, const char *from, const char *display,
                                  const char *identity, uint32_t *call);
    void (*call_ringing)(void *arg, smx_time now, uint32_t call);
    void (*call_answered)(void *arg, smx_time now, uint32_t call);
    /* The same in Opus.  A phone's side that has none (NULL) is asked for G.711 alone, and is answered in it.
     */
    enum smx_err (*call_incoming_opus)(void *arg, smx_time now, const char *from, const char *display,
                                       const char *identity, uint32_t *call);
    void (*call_answered_opus)(void *arg, smx_time now, uint32_t call);
    void (*call_failed)(void *arg, smx_time now, uint32_t call, unsigned code);
    void (*call_ended)(void *arg, smx_time now, uint32_t call);
    void (*call_direction)(void *arg, smx_time now, uint32_t call, uint8_t direction); /* may be NULL */
    void (*call_key)(void *arg, smx_time now, uint32_t call, struct smx_dtmf_key key); /* may be NULL */
    enum smx_err (*message_in)(void *arg, smx_time now, uint32_t id, const char *from, const char *identity,
                               const char *text, size_t text_len);
    void (*message_done)(void *arg, smx_time now, uint32_t id, unsigned code);
    bool (*media_take)(void *arg, uint32_t call, smx_time now, struct smx_frame *frame);
    void (*media_put)(void *arg, uint32_t call, smx_time now, const struct smx_frame *frame);
    void (*network)(void *arg, bool ready);
    void (*identities)(void *arg, const char *const *users, size_t count);
    void (*claim_refused)(void *arg, const char *name);
};

#endif
