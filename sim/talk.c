#include "sim/talk.h"

#include <string.h>

enum { FRAME_MS = 20, MARK = 8 };

/* In front of each frame: a mark, then its number.  No silence that somebody fills in looks like that. */
static const uint8_t mark[MARK] = "sipmix-f";

void smx_talk_begin(struct smx_talk *t, smx_time now, struct smx_rng *rng, bool dtx, smx_time talk,
                    smx_time pause)
{
    memset(t, 0, sizeof *t);
    smx_rng_fork(&t->rng, rng);
    smx_hearing_init(&t->hearing);
    smx_edge_init(&t->edge, now, SMX_FRAME_PCMU, &t->rng);
    t->dtx = dtx;
    t->talk = talk;
    t->pause = pause;
    t->speaks = true;
    t->turn = now + smx_rng_exp(&t->rng, talk);
    t->next = now + smx_rng_u64(&t->rng) % SMX_MS(FRAME_MS);
    t->ssrc = smx_rng_u32(&t->rng);
    t->timestamp = smx_rng_u32(&t->rng);
    t->seq = (uint16_t)smx_rng_u32(&t->rng);
}

void smx_talk_fini(struct smx_talk *t)
{
    smx_hearing_fini(&t->hearing);
    smx_rng_fini(&t->rng);
}

static void packet(struct smx_talk *t)
{
    uint8_t payload[SMX_FRAME_PAYLOAD], out[SMX_RTP_HEADER + SMX_FRAME_PAYLOAD];
    struct smx_rtp rtp = {.payload_type = SMX_FRAME_PCMU,
                          .seq = t->seq,
                          .timestamp = t->timestamp,
                          .ssrc = t->ssrc,
                          .payload = payload,
                          .payload_len = sizeof payload};

    memset(payload, 0x55, sizeof payload);
    memcpy(payload, mark, MARK);
    memcpy(payload + MARK, &t->given, sizeof t->given);
    (void)!smx_edge_receive(&t->edge, t->next, out, smx_rtp_encode(out, &rtp));
    smx_hearing_sent(&t->hearing, t->next);
    t->given++;
    t->seq++;
}

static void step(struct smx_talk *t)
{
    while (t->next >= t->turn) {
        t->speaks = !t->speaks;
        t->turn += 1 + smx_rng_exp(&t->rng, t->speaks ? t->talk : t->pause);
    }
    if (t->speaks || !t->dtx)
        packet(t);
    t->timestamp += SMX_FRAME_PAYLOAD;
    t->next += SMX_MS(FRAME_MS);
}

bool smx_talk_take(struct smx_talk *t, smx_time now, struct smx_frame *frame)
{
    while (t->next <= now)
        step(t);
    return smx_edge_take(&t->edge, now, frame);
}

void smx_talk_heard(struct smx_talk *t, smx_time now, const struct smx_frame *frame)
{
    uint64_t number;

    if (!frame || memcmp(frame->payload, mark, MARK) != 0)
        return;
    memcpy(&number, frame->payload + MARK, sizeof number);
    smx_hearing_came(&t->hearing, number, now);
}
