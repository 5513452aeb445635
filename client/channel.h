/* client/channel.h - a stream with a relay, and the memory that it needs now, for the client's files.
 * Mostly nothing is said, and there are no buffers.  All that relays say is short but a consensus: for
 * that a channel is widened, and made narrow again. */
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
    bool wide, done;  /* done: what it is wide for has come */
    uint8_t *tx, *rx; /* NULL: not needed now */
};

struct channel *smx_channel_new(void);     /* to be begun; NULL: no memory */
void smx_channel_free(struct channel *ch); /* NULL is fine */
/* The stream begins anew, narrow. */
void smx_channel_begin(struct channel *ch, smx_time period, smx_time now);
/* As those of streams.  SMX_E_MEMORY: nothing was done. */
enum smx_err smx_channel_send(struct channel *ch, const void *msg, size_t len) SMX_MUST_CHECK;
enum smx_err smx_channel_receive(struct channel *ch, smx_time now, const uint8_t *seg,
                                 size_t len) SMX_MUST_CHECK;
bool smx_channel_message(struct channel *ch, const uint8_t **msg, size_t *len);
/* SMX_E_MEMORY: it is as narrow as before. */
enum smx_err smx_channel_widen(struct channel *ch) SMX_MUST_CHECK;
/* If it is wide and holds little.  Nothing long may be under way any more: it would break the stream. */
void smx_channel_narrow(struct channel *ch);

#endif
