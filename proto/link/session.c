#include "proto/link/session.h"

#include "proto/link/link.h"
#include "proto/link/wire.h"

#include <sodium.h>
#include <string.h>

void smx_session_init(struct smx_session *s, bool per_tick, uint64_t *bits, uint32_t window_size)
{
    memset(s, 0, sizeof *s);
    s->per_tick = per_tick;
    smx_window_init(&s->window, bits, window_size);
}

enum smx_err smx_session_start(struct smx_session *s, struct smx_noise *noise, uint32_t index,
                               uint32_t peer_index)
{
    bool initiator = noise->initiator;
    enum smx_err err =
        smx_noise_split(noise, initiator ? s->send : s->receive, initiator ? s->receive : s->send);

    if (err)
        return err;
    s->index = index;
    s->peer_index = peer_index;
    smx_window_init(&s->window, s->window.bits, s->window.size);
    return SMX_OK;
}

void smx_session_clear(struct smx_session *s)
{
    sodium_memzero(s->send, sizeof s->send);
    sodium_memzero(s->receive, sizeof s->receive);
    s->index = s->peer_index = 0;
}

void smx_session_seal(const struct smx_session *s, struct smx_aead *aead, const uint8_t mask_key[SMX_KEY],
                      uint8_t *datagram, size_t len, uint64_t counter)
{
    uint8_t *cells = datagram + SMX_LINK_HEAD;

    smx_wire_head_write(datagram, (struct smx_wire_head){s->peer_index, counter});
    smx_aead_seal_with(aead, s->send, counter, datagram, SMX_LINK_HEAD, cells,
                       len - SMX_LINK_HEAD - SMX_LINK_TAG, cells);
    smx_wire_mask(mask_key, datagram, len);
}

enum smx_err smx_session_open(struct smx_session *s, struct smx_aead *aead, uint8_t *datagram, size_t len,
                              uint64_t counter)
{
    uint8_t *cells = datagram + SMX_LINK_HEAD;
    uint64_t place = s->per_tick ? counter >> 8 : counter;
    enum smx_err err;

    if (s->per_tick && (counter & 0xff) != 0)
        return SMX_E_MALFORMED;
    err = smx_window_check(&s->window, place);
    if (err)
        return err;
    smx_window_fetch(&s->window, place); /* the tag takes longer */
    err = smx_aead_open_with(aead, s->receive, counter, datagram, SMX_LINK_HEAD, cells, len - SMX_LINK_HEAD,
                             cells);
    if (err)
        return err;
    smx_window_add(&s->window, place);
    return SMX_OK;
}
