/* proto/media/edge.c - see edge.h. */
#include "proto/media/edge.h"

#include "proto/media/g711.h"

#include <string.h>

enum { COMFORT_NOISE = 13 }; /* RFC 3389 */

/* 20 ms of nothing: one frame of CELT, full band, mono. */
static const uint8_t opus_silence[] = {0xf8, 0xff, 0xfe};

static bool is_opus(const struct smx_edge *edge)
{
    return edge->codec == SMX_FRAME_OPUS;
}

/* Timestamps a slot. */
static uint32_t slot_units(const struct smx_edge *edge)
{
    return is_opus(edge) ? 48 * 20 : SMX_FRAME_PAYLOAD;
}

void smx_edge_restart(struct smx_edge *edge, struct smx_rng *rng)
{
    edge->seq = (uint16_t)smx_rng_below(rng, 1U << 15); /* far from a wrap, for SRTP's sake */
    edge->ssrc = smx_rng_u32(rng);
    edge->timestamp = smx_rng_u32(rng);
    edge->packets = edge->payload_bytes = 0;
    edge->begun = false;
}

void smx_edge_init(struct smx_edge *edge, smx_time now, uint8_t codec, struct smx_rng *rng)
{
    static const char base64[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

    memset(edge, 0, sizeof *edge);
    smx_edge_codec(edge, codec);
    smx_edge_restart(edge, rng);
    smx_conceal_init(&edge->conceal);
    edge->holes = SMX_EDGE_HOLES;
    edge->started = now;
    edge->report_at = now + SMX_MS(1250) + SMX_US(smx_rng_below(rng, 2500000)); /* the first comes sooner */
    for (size_t i = 0; i < sizeof edge->cname; i++)
        edge->cname[i] = base64[smx_rng_below(rng, 64)];
}

void smx_edge_codec(struct smx_edge *edge, uint8_t codec)
{
    edge->codec = edge->type = edge->opus_type = codec;
}

void smx_edge_opus(struct smx_edge *edge, uint8_t type, uint8_t its_type)
{
    edge->codec = SMX_FRAME_OPUS;
    edge->type = type;
    edge->opus_type = its_type;
}

/* ---- from the phone ---- */

static void append_frame(struct smx_edge *edge, smx_time now, const uint8_t *bytes, size_t len)
{
    struct smx_edge_frame *f;

    if (edge->count == SMX_EDGE_FRAMES) {
        edge->first = (edge->first + 1) % SMX_EDGE_FRAMES;
        edge->count--;
    }
    f = &edge->frame[(edge->first + edge->count++) % SMX_EDGE_FRAMES];
    memcpy(f->payload, bytes, len);
    f->len = (uint8_t)len;
    f->at = now;
}

static void append(struct smx_edge *edge, smx_time now, uint8_t code)
{
    edge->part[edge->part_len++] = code;
    if (edge->part_len < SMX_FRAME_PAYLOAD)
        return;
    edge->part_len = 0;
    append_frame(edge, now, edge->part, SMX_FRAME_PAYLOAD);
}

/* RFC 6716, 3.1 and 3.2: does the packet last 20 ms?  Two frames of 10 ms do, too. */
static bool lasts_a_slot(const uint8_t *packet, size_t len)
{
    static const uint16_t silk[] = {4, 8, 16, 24}, celt[] = {1, 2, 4, 8}; /* 2.5 ms */
    unsigned config = packet[0] >> 3, frames = packet[0] & 3U;
    unsigned one = config < 12 ? silk[config & 3U] : config < 16 ? silk[config & 1U] : celt[config & 3U];

    if (frames == 3)
        frames = len > 1 ? packet[1] & 0x3fU : 0;
    else
        frames = frames == 0 ? 1 : 2;
    return one * frames == 8;
}

/* A packet that is next, and what was lost before it. */
static void append_opus(struct smx_edge *edge, smx_time now, const struct smx_rtp *rtp, int32_t gap)
{
    bool fits = rtp->payload_len <= SMX_OPUS_MAX && lasts_a_slot(rtp->payload, rtp->payload_len);

    for (; gap > 0 && gap <= SMX_EDGE_HOLES * 48 * 20; gap -= 48 * 20)
        append_frame(edge, now, rtp->payload, 0);
    append_frame(edge, now, rtp->payload, fits ? rtp->payload_len : 0);
}

/* RFC 3550, A.1 without probation (the source is latched already) and A.8. */
static void count_packet(struct smx_edge *edge, smx_time now, const struct smx_rtp *rtp, bool anew)
{
    smx_time units = (now - edge->started) * slot_units(edge) / SMX_MS(20);
    uint32_t transit = (uint32_t)units - rtp->timestamp, second = 50 * slot_units(edge);
    int32_t step = (int32_t)(transit - edge->transit);

    edge->transit = transit;
    if (anew) {
        edge->base_seq = edge->highest_seq = rtp->seq;
        edge->received = edge->expected_before = edge->received_before = 0;
        edge->jitter16 = 0;
        step = 0;
    }
    if ((int16_t)(rtp->seq - (uint16_t)edge->highest_seq) > 0)
        edge->highest_seq += (uint16_t)(rtp->seq - (uint16_t)edge->highest_seq);
    edge->received++;
    if (step > -(int32_t)second && step < (int32_t)second) /* beyond a second it is a jump, not jitter */
        edge->jitter16 += (uint32_t)(step < 0 ? -step : step) - ((edge->jitter16 + 8) >> 4);
}

static bool is_ours(const struct smx_edge *edge, const struct smx_rtp *rtp)
{
    if (rtp->payload_len == 0)
        return false;
    if (is_opus(edge))
        return rtp->payload_type == edge->type || rtp->payload_type == edge->opus_type;
    return (rtp->payload_type == SMX_FRAME_PCMU || rtp->payload_type == SMX_FRAME_PCMA) &&
           rtp->payload_len <= SMX_EDGE_PAYLOAD;
}

enum smx_err smx_edge_receive(struct smx_edge *edge, smx_time now, const uint8_t *in, size_t in_len)
{
    struct smx_rtp rtp;
    enum smx_err err = smx_rtp_decode(&rtp, in, in_len);
    int32_t gap;
    int16_t step;
    bool anew, noise;

    if (err != SMX_OK)
        return err;
    noise = rtp.payload_type == COMFORT_NOISE && !is_opus(edge);
    if (noise)
        rtp.payload_len = 0; /* of the stream, and nothing to hear: silence is made here */
    else if (!is_ours(edge, &rtp))
        return SMX_E_MALFORMED;

    step = (int16_t)(rtp.seq - edge->seq_next);
    anew =
        !edge->heard || rtp.ssrc != edge->heard_ssrc || step > SMX_EDGE_REORDER || step < -SMX_EDGE_REORDER;
    count_packet(edge, now, &rtp, anew);
    if (!anew && step < 0)
        return SMX_OK; /* late or twice: its place is filled */
    gap = (int32_t)(rtp.timestamp - edge->timestamp_next);
    if (anew)
        edge->part_len = 0;
    else if (!is_opus(edge) && !noise && gap > 0 &&
             gap <= SMX_EDGE_GAP) /* lost on the way; a longer one is a pause: nothing to fill */
        for (; gap > 0; gap--)
            append(edge, now, SMX_PCMU_SILENCE);
    edge->heard = true;
    edge->heard_ssrc = rtp.ssrc;
    edge->seq_next = (uint16_t)(rtp.seq + 1);
    if (is_opus(edge)) {
        append_opus(edge, now, &rtp, anew ? 0 : gap);
        edge->timestamp_next = rtp.timestamp + slot_units(edge);
        return SMX_OK;
    }
    if (anew || !noise) /* what follows noise begins where it does */
        edge->timestamp_next = rtp.timestamp + (uint32_t)rtp.payload_len;
    for (size_t i = 0; i < rtp.payload_len; i++) {
        uint8_t code = rtp.payload[i];

        append(edge, now, rtp.payload_type == SMX_FRAME_PCMA ? smx_pcmu_encode(smx_pcma_decode(code)) : code);
    }
    return SMX_OK;
}

static bool has_waited(const struct smx_edge *edge, size_t n, smx_time now)
{
    return n < edge->count && edge->frame[(edge->first + n) % SMX_EDGE_FRAMES].at + SMX_EDGE_SLACK <= now;
}

static void drop_first(struct smx_edge *edge, size_t n)
{
    edge->first = (edge->first + n) % SMX_EDGE_FRAMES;
    edge->count -= n;
}

static void new_window(struct smx_edge *edge, smx_time end)
{
    edge->window_end = end;
    edge->surplus = SMX_EDGE_FRAMES;
}

/* Slots stayed empty, and now there are frames again: are those that came too late worth a longer delay? */
static void resume(struct smx_edge *edge, smx_time now)
{
    bool seldom = !edge->has_dried || now - edge->dried_at >= SMX_EDGE_SELDOM;
    size_t late = edge->dry < edge->count ? edge->dry : edge->count - 1;

    edge->has_dried = true;
    edge->dried_at = now;
    if (late > 0 && !has_waited(edge, late, now))
        late--; /* the frame to be played must be in good time, or the next will be late too */
    if (seldom && late > 0)
        drop_first(edge, late);
    else
        new_window(edge, now + SMX_EDGE_SETTLE);
}

/* After a frame was taken. */
static void drop_surplus(struct smx_edge *edge, smx_time now)
{
    size_t waiting = 0;

    while (has_waited(edge, waiting, now))
        waiting++;
    if (waiting < edge->surplus)
        edge->surplus = waiting;
    if (now < edge->window_end)
        return;
    drop_first(edge, edge->surplus); /* at most waiting */
    new_window(edge, now + SMX_EDGE_WINDOW);
}

static void silence(struct smx_frame *frame)
{
    memset(frame->payload, SMX_PCMU_SILENCE, sizeof frame->payload);
    if (frame->codec == SMX_FRAME_OPUS)
        memcpy(frame->payload, opus_silence, sizeof opus_silence);
    frame->len = sizeof opus_silence;
}

bool smx_edge_take(struct smx_edge *edge, smx_time now, struct smx_frame *frame)
{
    const struct smx_edge_frame *first;

    frame->codec = is_opus(edge) ? SMX_FRAME_OPUS : SMX_FRAME_PCMU;
    if (edge->count == 0 || (!edge->playing && !has_waited(edge, 0, now))) {
        if (!edge->heard)
            return false;
        if (++edge->dry >= SMX_EDGE_PAUSE)
            edge->playing = false;
        silence(frame);
        return edge->dry > SMX_EDGE_HOLES;
    }
    if (!edge->playing)
        new_window(edge, now + SMX_EDGE_BEGIN);
    else if (edge->dry > 0)
        resume(edge, now);
    edge->playing = true;
    edge->dry = 0;
    first = &edge->frame[edge->first]; /* some may have been dropped */
    memcpy(frame->payload, first->payload, sizeof frame->payload);
    frame->len = first->len;
    drop_first(edge, 1);
    drop_surplus(edge, now);
    return frame->len > 0;
}

/* ---- towards the phone ---- */

/* The samples of a slot in the phone's law.  A frame in that law, with none missing before it, passes as it
 * is: decoding and encoding again would not bring back each code. */
static void fill(struct smx_edge *edge, const struct smx_frame *frame, uint8_t payload[SMX_FRAME_PAYLOAD])
{
    int16_t samples[SMX_CONCEAL_SAMPLES];
    bool made = true;

    for (size_t i = 0; frame && i < SMX_FRAME_PAYLOAD; i++)
        if (frame->codec == SMX_FRAME_PCMA)
            samples[i] = smx_pcma_decode(frame->payload[i]);
        else
            samples[i] = smx_pcmu_decode(frame->payload[i]);
    if (frame)
        made = smx_conceal_heard(&edge->conceal, samples);
    else
        smx_conceal_fill(&edge->conceal, samples);
    if (!made && frame->codec == edge->codec) {
        memcpy(payload, frame->payload, SMX_FRAME_PAYLOAD);
        return;
    }
    for (size_t i = 0; i < SMX_FRAME_PAYLOAD; i++)
        payload[i] =
            edge->codec == SMX_FRAME_PCMA ? smx_pcma_encode(samples[i]) : smx_pcmu_encode(samples[i]);
}

/* The same of Opus; its length, 0 for a hole. */
static size_t fill_opus(struct smx_edge *edge, const struct smx_frame *frame,
                        uint8_t payload[SMX_FRAME_PAYLOAD])
{
    if (frame && frame->codec == SMX_FRAME_OPUS && frame->len > 0 && frame->len <= SMX_OPUS_MAX) {
        edge->holes = 0;
        memcpy(payload, frame->payload, frame->len);
        return frame->len;
    }
    if (edge->holes < SMX_EDGE_HOLES) {
        edge->holes++;
        return 0;
    }
    memcpy(payload, opus_silence, sizeof opus_silence);
    return sizeof opus_silence;
}

size_t smx_edge_put(struct smx_edge *edge, const struct smx_frame *frame, uint8_t out[SMX_EDGE_PACKET])
{
    uint8_t payload[SMX_FRAME_PAYLOAD];
    struct smx_rtp rtp = {!edge->begun, edge->type, edge->seq,     edge->timestamp,
                          edge->ssrc,   payload,    sizeof payload};

    if (is_opus(edge))
        rtp.payload_len = fill_opus(edge, frame, payload);
    else
        fill(edge, frame && frame->codec != SMX_FRAME_OPUS ? frame : NULL, payload);
    edge->seq++;
    edge->timestamp += slot_units(edge);
    if (rtp.payload_len == 0)
        return 0;
    edge->begun = true;
    edge->packets++;
    edge->payload_bytes += (uint32_t)rtp.payload_len;
    return smx_rtp_encode(out, &rtp);
}

size_t smx_edge_event(struct smx_edge *edge, uint8_t type, unsigned age, const uint8_t payload[4],
                      uint8_t out[SMX_EDGE_PACKET])
{
    struct smx_rtp rtp = {age == 0,   type,    edge->seq, edge->timestamp - age * slot_units(edge),
                          edge->ssrc, payload, 4};

    edge->seq++;
    edge->timestamp += slot_units(edge);
    edge->packets++;
    edge->payload_bytes += 4;
    return smx_rtp_encode(out, &rtp);
}

void smx_edge_skip(struct smx_edge *edge)
{
    edge->timestamp += slot_units(edge);
}

/* ---- reports ---- */

/* RFC 3550, A.3 */
static void count_losses(struct smx_edge *edge, struct smx_rtcp_report *report)
{
    uint32_t expected = edge->highest_seq - edge->base_seq + 1;
    uint32_t expected_now = expected - edge->expected_before,
             received_now = edge->received - edge->received_before;
    int32_t lost = (int32_t)(expected - edge->received);

    edge->expected_before = expected;
    edge->received_before = edge->received;
    report->lost = lost > 0x7fffff ? 0x7fffff : lost < -0x800000 ? -0x800000 : lost;
    if (expected_now > received_now)
        report->fraction_lost = (uint8_t)(((uint64_t)(expected_now - received_now) << 8) / expected_now >= 256
                                              ? 255
                                              : ((expected_now - received_now) << 8) / expected_now);
}

size_t smx_edge_report(struct smx_edge *edge, smx_time now, struct smx_rng *rng, uint8_t out[SMX_RTCP_REPORT])
{
    struct smx_rtcp_report report = {
        .ssrc = edge->ssrc,
        .since_start = now - edge->started,
        .timestamp = edge->timestamp,
        .packets = edge->packets,
        .payload_bytes = edge->payload_bytes,
        .heard = edge->heard,
        .heard_ssrc = edge->heard_ssrc,
        .highest_seq = edge->highest_seq,
        .jitter = edge->jitter16 >> 4,
    };

    memcpy(report.cname, edge->cname, sizeof report.cname);
    if (edge->heard)
        count_losses(edge, &report);
    edge->report_at =
        now + SMX_MS(2500) + SMX_US(smx_rng_below(rng, 5000000)); /* RFC 3550, 6.2: 5 s, 0.5 to 1.5 */
    return smx_rtcp_encode(out, &report);
}
