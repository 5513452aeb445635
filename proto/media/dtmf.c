/* proto/media/dtmf.c - see dtmf.h. */
#include "proto/media/dtmf.h"

#include "proto/base/bytes.h"

enum { END = 0x80, VOLUME = 10 }; /* -10 dBm0 */

#define LOST SMX_MS(100)

uint8_t smx_dtmf_slots(uint32_t duration)
{
    uint32_t slots = duration / SMX_FRAME_PAYLOAD + (duration % SMX_FRAME_PAYLOAD > 0);

    if (slots < SMX_DTMF_SLOTS_MIN)
        return SMX_DTMF_SLOTS_MIN;
    return slots > SMX_DTMF_SLOTS_MAX ? SMX_DTMF_SLOTS_MAX : (uint8_t)slots;
}

static struct smx_dtmf_key release(struct smx_dtmf_in *in)
{
    in->down = false;
    return (struct smx_dtmf_key){in->event, smx_dtmf_slots(in->duration)};
}

enum smx_err smx_dtmf_receive(struct smx_dtmf_in *in, smx_time now, const struct smx_rtp *rtp,
                              struct smx_dtmf_key *key)
{
    struct smx_rd r = {rtp->payload, rtp->payload_len, false};
    uint8_t event = smx_rd_u8(&r), flags = smx_rd_u8(&r);
    uint16_t duration = smx_rd_u16(&r);
    enum smx_err err = SMX_E_ABSENT;

    if (!smx_rd_done(&r) || event > SMX_DTMF_EVENT_MAX)
        return SMX_E_MALFORMED;
    if (in->known && rtp->timestamp != in->timestamp && (int32_t)(rtp->timestamp - in->timestamp) < 0)
        return SMX_E_ABSENT; /* late: a key from before */
    if (!in->known || rtp->timestamp != in->timestamp) {
        if (in->down) { /* its end was lost */
            *key = release(in);
            err = SMX_OK;
        }
        *in = (struct smx_dtmf_in){.known = true, .down = true, .timestamp = rtp->timestamp, .event = event};
    }
    if (!in->down)
        return err; /* the end once more */
    in->heard = now;
    if (duration > in->duration)
        in->duration = duration;
    if (!(flags & END) || err == SMX_OK) /* one key a packet: this one's end comes again, or is timed out */
        return err;
    *key = release(in);
    return SMX_OK;
}

bool smx_dtmf_is_released(struct smx_dtmf_in *in, smx_time now, struct smx_dtmf_key *key)
{
    if (!in->down || in->heard + LOST > now)
        return false;
    *key = release(in);
    return true;
}

void smx_dtmf_push(struct smx_dtmf_out *out, struct smx_dtmf_key key)
{
    if (out->count < SMX_DTMF_QUEUE)
        out->queue[(out->first + out->count++) % SMX_DTMF_QUEUE] = key;
}

bool smx_dtmf_next(struct smx_dtmf_out *out, uint8_t payload[SMX_DTMF_PAYLOAD], unsigned *age)
{
    struct smx_wr w = {payload, SMX_DTMF_PAYLOAD};
    const struct smx_dtmf_key *key = &out->queue[out->first];
    unsigned slot = out->slot, last;

    if (out->count == 0)
        return false;
    last = key->slots - 1U;
    out->slot++;
    if (slot >= last + SMX_DTMF_ENDS) {
        if (slot + 1 >= last + SMX_DTMF_ENDS + SMX_DTMF_PAUSE) {
            out->first = (out->first + 1) % SMX_DTMF_QUEUE;
            out->count--;
            out->slot = 0;
        }
        return false;
    }
    *age = slot;
    smx_wr_u8(&w, key->event);
    smx_wr_u8(&w, (uint8_t)((slot >= last ? END : 0) | VOLUME));
    smx_wr_u16(&w, (uint16_t)(SMX_FRAME_PAYLOAD * (slot < last ? slot + 1 : key->slots)));
    smx_wr_done(&w);
    return true;
}
