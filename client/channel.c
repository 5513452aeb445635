#include "client/channel.h"

#include <stdlib.h>

struct channel *smx_channel_new(void)
{
    return calloc(1, sizeof(struct channel));
}

static void give_up_buffers(struct channel *ch)
{
    free(ch->tx);
    free(ch->rx);
    ch->tx = ch->rx = NULL;
}

void smx_channel_free(struct channel *ch)
{
    if (!ch)
        return;
    give_up_buffers(ch);
    free(ch);
}

void smx_channel_begin(struct channel *ch, smx_time period, smx_time now)
{
    struct smx_stream_config config = {.tx_cap = CHANNEL_NARROW, .rx_cap = CHANNEL_NARROW, .period = period};

    give_up_buffers(ch);
    ch->wide = ch->done = false;
    smx_stream_init(&ch->stream, &config, now);
}

enum smx_err smx_channel_send(struct channel *ch, const void *msg, size_t len)
{
    if (!ch->tx) {
        ch->tx = malloc(CHANNEL_NARROW);
        smx_stream_lend_tx(&ch->stream, ch->tx);
    }
    return ch->tx ? smx_stream_send(&ch->stream, msg, len) : SMX_E_MEMORY;
}

enum smx_err smx_channel_receive(struct channel *ch, smx_time now, const uint8_t *seg, size_t len)
{
    enum smx_err err;

    if (!ch->rx) {
        ch->rx = malloc(CHANNEL_NARROW);
        smx_stream_lend_rx(&ch->stream, ch->rx);
    }
    err = ch->rx ? smx_stream_receive(&ch->stream, now, seg, len) : SMX_E_MEMORY;
    if (smx_stream_is_clear(&ch->stream)) {
        smx_stream_lend_tx(&ch->stream, NULL);
        free(ch->tx);
        ch->tx = NULL;
    }
    return err;
}

static void give_up_rx(struct channel *ch)
{
    if (ch->wide || smx_stream_held(&ch->stream) > 0)
        return;
    smx_stream_lend_rx(&ch->stream, NULL);
    free(ch->rx);
    ch->rx = NULL;
}

bool smx_channel_message(struct channel *ch, const uint8_t **msg, size_t *len)
{
    if (smx_stream_message(&ch->stream, msg, len))
        return true;
    give_up_rx(ch);
    return false;
}

static enum smx_err exchange(struct channel *ch, size_t cap)
{
    uint8_t *rx = malloc(cap);

    if (!rx)
        return SMX_E_MEMORY;
    smx_stream_exchange_rx(&ch->stream, rx, cap);
    free(ch->rx);
    ch->rx = rx;
    ch->wide = cap == CHANNEL_WIDE;
    return SMX_OK;
}

enum smx_err smx_channel_widen(struct channel *ch)
{
    return ch->wide ? SMX_OK : exchange(ch, CHANNEL_WIDE);
}

void smx_channel_narrow(struct channel *ch)
{
    ch->done = false;
    if (ch->wide && smx_stream_held(&ch->stream) <= CHANNEL_NARROW)
        (void)!exchange(ch, CHANNEL_NARROW); /* without memory it stays wide */
    give_up_rx(ch);
}
