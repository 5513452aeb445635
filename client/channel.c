#include "client/channel.h"

#include <stdlib.h>

struct channel *smx_channel_new(void)
{
    struct channel *ch = calloc(1, sizeof *ch);

    if (!ch)
        return NULL;
    ch->rx_cap = CHANNEL_NARROW;
    ch->rx = malloc(ch->rx_cap);
    if (!ch->rx) {
        free(ch);
        return NULL;
    }
    return ch;
}

void smx_channel_free(struct channel *ch)
{
    if (!ch)
        return;
    free(ch->rx);
    free(ch);
}

void smx_channel_begin(struct channel *ch, smx_time period, smx_time now)
{
    struct smx_stream_config config = {.tx = ch->tx, .tx_cap = sizeof ch->tx, .period = period};
    uint8_t *rx = ch->rx_cap == CHANNEL_WIDE ? realloc(ch->rx, CHANNEL_NARROW) : NULL;

    if (rx) {
        ch->rx = rx;
        ch->rx_cap = CHANNEL_NARROW;
    }
    ch->done = false;
    config.rx = ch->rx;
    config.rx_cap = ch->rx_cap;
    smx_stream_init(&ch->stream, &config, now);
}

static enum smx_err exchange(struct channel *ch, size_t cap)
{
    uint8_t *rx = malloc(cap), *before = ch->rx;

    if (!rx)
        return SMX_E_MEMORY;
    smx_stream_exchange_rx(&ch->stream, rx, cap);
    ch->rx = rx;
    ch->rx_cap = cap;
    free(before);
    return SMX_OK;
}

enum smx_err smx_channel_widen(struct channel *ch)
{
    return ch->rx_cap == CHANNEL_WIDE ? SMX_OK : exchange(ch, CHANNEL_WIDE);
}

void smx_channel_narrow(struct channel *ch)
{
    ch->done = false;
    if (ch->rx_cap == CHANNEL_WIDE && smx_stream_held(&ch->stream) <= CHANNEL_NARROW)
        (void)!exchange(ch, CHANNEL_NARROW); /* without memory it stays wide */
}
