/* client/channel.h - a stream with a relay, and the memory that it needs now, for the client's files.
 * All that relays say is short but a consensus: for that a channel is widened, and made narrow again. */
#ifndef SMX_CLIENT_CHANNEL_H
#define SMX_CLIENT_CHANNEL_H

#include "proto/base/err.h"
#include "proto/stream/stream.h"

enum {
    CHANNEL_NARROW = SMX_STREAM_BUFFER_MIN,
    CHANNEL_WIDE = SMX_STREAM_PREFIX + SMX_STREAM_MESSAGE_MAX, /* a consensus comes as one message */
};

struct channel {
    struct smx_stream stream;
    bool done; /* what it is wide for has come */
    size_t rx_cap;
    uint8_t *rx;
    uint8_t tx[CHANNEL_NARROW];
};

struct channel *smx_channel_new(void);     /* narrow; NULL: no memory */
void smx_channel_free(struct channel *ch); /* NULL is fine */
/* The stream begins anew, narrow. */
void smx_channel_begin(struct channel *ch, smx_time period, smx_time now);
/* SMX_E_MEMORY: it is as narrow as before. */
enum smx_err smx_channel_widen(struct channel *ch) SMX_MUST_CHECK;
/* If it is wide and holds little.  Nothing long may be under way any more: it would break the stream. */
void smx_channel_narrow(struct channel *ch);

#endif
