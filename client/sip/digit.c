/* client/sip/digit.c - keys: from a phone's RTP events and INFO to one kind of order, and back to RTP events.
 * Source: docs/protocol/70-phone.md, section 6; RFC 4733; RFC 6086, 2 and 5. */
#include "client/sip/core.h"

#include <string.h>

#define KEY_GAP SMX_MS(20) /* between two keys: nobody types faster */

enum { PER_8 = 48 / 8 }; /* units of 48000/s in one of 8000/s */

static void order_key(struct smx_ua *ua, smx_time now, struct smx_call *call, struct smx_dtmf_key key)
{
    struct smx_ua_order *order;

    if (now < call->key_at || !smx_out_has_order_room(ua))
        return;
    call->key_at = now + KEY_GAP;
    order = smx_out_order(ua, SMX_UA_CALL_KEY, call->id);
    order->key = key;
}

/* The duration of an event, to the units of another rate; a longer one than there is room for is cut. */
static void scale(uint8_t payload[SMX_DTMF_PAYLOAD], uint32_t times, uint32_t by)
{
    uint32_t duration = ((uint32_t)payload[2] << 8 | payload[3]) * times / by;

    if (duration > UINT16_MAX)
        duration = UINT16_MAX;
    payload[2] = (uint8_t)(duration >> 8);
    payload[3] = (uint8_t)duration;
}

bool smx_digit_rtp(struct smx_ua *ua, smx_time now, struct smx_call *call, const uint8_t *bytes, size_t len)
{
    const struct smx_leg *leg = &call->leg[call->winner];
    uint8_t payload[SMX_DTMF_PAYLOAD];
    struct smx_dtmf_key key;
    struct smx_rtp rtp;
    bool at_48;

    if (smx_rtp_decode(&rtp, bytes, len) != SMX_OK || rtp.payload_type == 0)
        return false;
    at_48 = leg->codecs == SMX_SDP_OPUS_ALONE &&
            (rtp.payload_type == leg->sdp.event_48 || rtp.payload_type == leg->event_48);
    if (!at_48 && rtp.payload_type != leg->sdp.event && rtp.payload_type != leg->event)
        return false;
    if (at_48 && rtp.payload_len >= sizeof payload) {
        memcpy(payload, rtp.payload, sizeof payload);
        scale(payload, 1, PER_8);
        rtp.payload = payload;
        rtp.payload_len = sizeof payload;
    }
    if (smx_dtmf_receive(&call->keys_in, now, &rtp, &key) == SMX_OK)
        order_key(ua, now, call, key);
    return true;
}

void smx_digit_slot(struct smx_ua *ua, smx_time now, struct smx_call *call)
{
    struct smx_dtmf_key key;

    if (smx_dtmf_is_released(&call->keys_in, now, &key))
        order_key(ua, now, call, key);
}

/* ---- INFO ---- */

static bool is_event(struct smx_span s, uint8_t *event)
{
    static const char keys[] = "0123456789*#ABCD";
    uint32_t number;

    if (s.len == 1) {
        const char *at = strchr(keys, s.at[0] >= 'a' && s.at[0] <= 'd' ? s.at[0] - 'a' + 'A' : s.at[0]);

        *event = (uint8_t)(at ? at - keys : 0);
        return at != NULL && *at != 0;
    }
    *event = 0;
    if (!smx_span_u32(s, SMX_DTMF_EVENT_MAX, &number))
        return false;
    *event = (uint8_t)number; /* some write 10 for the star */
    return s.len == 2;
}

/* "Signal=5", "Duration=160" in lines, or the key alone. */
static bool read_key(struct smx_span body, struct smx_dtmf_key *key)
{
    uint32_t ms = 160;
    bool known = false;

    for (int lines = 0; body.len > 0 && lines < 8; lines++) {
        struct smx_span line = smx_span_cut(&body, '\n'), value;
        struct smx_span name;

        if (line.len > 0 && line.at[line.len - 1] == '\r')
            line.len--;
        value = line;
        name = smx_span_trim(smx_span_cut(&value, '='));
        if (smx_span_is_nocase(name, "signal"))
            known = is_event(smx_span_trim(value), &key->event);
        else if (smx_span_is_nocase(name, "duration"))
            (void)smx_span_u32(smx_span_trim(value), 60000, &ms);
        else if (lines == 0 && body.len == 0)
            known = is_event(smx_span_trim(line), &key->event);
    }
    key->slots = smx_dtmf_slots(ms * 8);
    return known;
}

void smx_digit_info(struct smx_ua *ua, smx_time now, struct smx_call *call, struct smx_leg *leg,
                    const struct smx_sip *sip, const struct smx_flow *flow)
{
    const struct smx_span *line = smx_gate_get(&sip->gate, SMX_H_CONTENT_TYPE);
    struct smx_span params = line ? *line : (struct smx_span){NULL, 0};
    struct smx_span type = smx_span_trim(smx_span_cut(&params, ';'));
    bool is_key =
        smx_span_is_nocase(type, "application/dtmf-relay") || smx_span_is_nocase(type, "application/dtmf");
    struct smx_dtmf_key key;
    struct smx_txn *txn;
    unsigned status = 0;

    if (call->over)
        status = 481;
    else if (smx_gate_get(&sip->gate, SMX_H_INFO_PACKAGE))
        status = 469;
    else if (sip->cseq <= leg->remote_cseq)
        status = 500;
    else if (sip->body.len > 0 && !is_key)
        status = 415;
    else if (sip->body.len > 0 && !read_key(sip->body, &key))
        status = 400;
    if (status != 0) {
        smx_ua_reply(ua, sip, flow, status);
        return;
    }
    txn = smx_ua_open(ua, sip, flow);
    if (!txn)
        return;
    leg->remote_cseq = sip->cseq;
    smx_leg_accept_request(ua, leg, txn, false, false);
    if (sip->body.len > 0 && call->answered && leg == &call->leg[call->winner])
        order_key(ua, now, call, key);
}

/* ---- to the phone ---- */

size_t smx_digit_packet(struct smx_call *call, uint8_t packet[SMX_EDGE_PACKET])
{
    const struct smx_leg *leg = &call->leg[call->winner];
    bool at_48 = leg->codecs == SMX_SDP_OPUS_ALONE && leg->sdp.event_48 != 0;
    uint8_t type = at_48 ? leg->sdp.event_48 : leg->sdp.event, payload[SMX_DTMF_PAYLOAD];
    unsigned age;

    if (type == 0 || !smx_dtmf_next(&call->keys_out, payload, &age))
        return 0;
    if (at_48)
        scale(payload, PER_8, 1);
    return smx_edge_event(&call->edge, type, age, payload, packet);
}

void smx_ua_call_key(struct smx_ua *ua, smx_time now, uint32_t id, struct smx_dtmf_key key)
{
    struct smx_call *call = smx_call_get(ua, id);

    (void)now; /* the slots are the clock */
    if (call && !call->over && call->join.through)
        smx_transfer_key(ua, call, key);
    else if (call && call->answered && !call->over && key.event <= SMX_DTMF_EVENT_MAX &&
             key.slots >= SMX_DTMF_SLOTS_MIN && key.slots <= SMX_DTMF_SLOTS_MAX)
        smx_dtmf_push(&call->keys_out, key);
}
