#include "proto/media/repeat.h"

#include <sodium.h>
#include <string.h>

/* ---- out ---- */

void smx_repeat_push(struct smx_repeat *r, const struct smx_frame *frame)
{
    memmove(r->frame + 1, r->frame, sizeof r->frame - sizeof r->frame[0]);
    if (frame)
        r->frame[0] = *frame;
    else
        r->frame[0].len = 0;
}

bool smx_repeat_is_empty(const struct smx_repeat *r)
{
    for (size_t i = 0; i < SMX_OPUS_COPIES; i++)
        if (r->frame[i].len > 0)
            return false;
    return true;
}

/* How many of its longest frame fit beside any piece: the same for each cell of a stream of constant rate. */
static uint8_t copies(const struct smx_repeat *r)
{
    size_t longest = 0, room = SMX_FRAME_CELL - SMX_FRAME_PIECE - 3;
    uint8_t count = SMX_OPUS_COPIES;

    for (size_t i = 0; i < SMX_OPUS_COPIES; i++)
        if (r->frame[i].len > longest)
            longest = r->frame[i].len;
    while (count > 1 && count * (1 + longest) > room)
        count--;
    return count;
}

size_t smx_repeat_encode(const struct smx_repeat *r, uint16_t number, const uint8_t *piece, size_t piece_len,
                         uint8_t out[SMX_FRAME_CELL])
{
    struct smx_opus_cell cell = {
        .number = number, .count = copies(r), .piece = piece, .piece_len = piece_len};

    for (size_t i = 0; i < cell.count; i++) {
        cell.frame[i] = r->frame[i].payload;
        cell.len[i] = r->frame[i].len;
    }
    return smx_opus_encode(out, &cell);
}

/* ---- in ---- */

void smx_playout_begin(struct smx_playout *p)
{
    sodium_memzero(p, sizeof *p); /* somebody's voice */
}

static void make_place(struct smx_playout *p, uint64_t tick)
{
    size_t i = tick % SMX_PLAYOUT;

    if (p->place[i].tick != tick)
        p->place[i].came = p->place[i].have = p->place[i].numbered = false;
    p->place[i].tick = tick;
}

void smx_playout_came(struct smx_playout *p, uint64_t tick)
{
    make_place(p, tick);
    p->place[tick % SMX_PLAYOUT].came = true;
}

void smx_playout_put(struct smx_playout *p, uint64_t tick, uint16_t number, const struct smx_frame *frame)
{
    make_place(p, tick);
    p->place[tick % SMX_PLAYOUT].have = p->place[tick % SMX_PLAYOUT].numbered = true;
    p->place[tick % SMX_PLAYOUT].number = number;
    p->place[tick % SMX_PLAYOUT].frame = *frame;
}

/* It waits, or was played a moment ago. */
static bool is_known(const struct smx_playout *p, uint64_t tick, uint16_t number)
{
    for (size_t i = 0; i < SMX_PLAYOUT; i++)
        if (p->place[i].numbered && p->place[i].number == number && p->place[i].tick + SMX_PLAYOUT > tick)
            return true;
    return false;
}

void smx_playout_opus(struct smx_playout *p, uint64_t tick, uint64_t next, const struct smx_opus_cell *cell)
{
    if (cell->count - 1U > p->wait)
        p->wait = cell->count - 1U;
    /* the peer may skip a slot, or his path change: then a frame's number says what its tick does not */
    for (uint8_t i = 0; i < cell->count && i <= tick; i++) {
        uint16_t number = (uint16_t)(cell->number - i);
        struct smx_frame frame = {.codec = SMX_FRAME_OPUS, .len = cell->len[i]};

        if (frame.len == 0 || tick - i < next || is_known(p, tick, number))
            continue;
        memcpy(frame.payload, cell->frame[i], frame.len);
        smx_playout_put(p, tick - i, number, &frame);
    }
}

bool smx_playout_take(struct smx_playout *p, uint64_t tick, struct smx_frame *frame, uint16_t *number,
                      bool *came)
{
    size_t i = tick % SMX_PLAYOUT;
    bool here = p->place[i].tick == tick, have = here && p->place[i].have;

    *came = here && p->place[i].came;
    if (!have)
        return false;
    *frame = p->place[i].frame;
    *number = p->place[i].number;
    p->place[i].have = false;
    sodium_memzero(&p->place[i].frame, sizeof p->place[i].frame);
    return true;
}
