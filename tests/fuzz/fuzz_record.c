/* Call-event records and frames: what decodes encodes to the same bytes. */
#include "proto/e2e/record.h"
#include "proto/media/repeat.h"

#include <stdlib.h>
#include <string.h>

static void must(bool holds)
{
    if (!holds)
        abort();
}

/* Such cells in ticks that follow, repeat and jump. */
static void play(const struct smx_opus_cell *cell)
{
    static const uint64_t ticks[] = {0, 1, 2, 2, 3, 5, 12, 300};
    struct smx_playout p;
    struct smx_frame frame;
    struct smx_opus_cell at = *cell;

    smx_playout_begin(&p);
    for (size_t i = 0; i < sizeof ticks / sizeof ticks[0]; i++, at.number++) {
        uint64_t next = ticks[i] > p.wait ? ticks[i] - p.wait : 0;
        uint16_t number;
        bool came;

        smx_playout_opus(&p, ticks[i], next, &at);
        must(p.wait < SMX_OPUS_COPIES);
        if (smx_playout_take(&p, next, &frame, &number, &came))
            must(frame.codec == SMX_FRAME_OPUS && frame.len >= 1 && frame.len <= SMX_OPUS_MAX);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    uint8_t again[SMX_RECORD_MAX];
    struct smx_record r;
    struct smx_frame_cell f;
    struct smx_opus_cell o;

    if (smx_record_decode(&r, data, len) == SMX_OK)
        must(smx_record_encode(again, &r) == len && memcmp(again, data, len) == 0);
    if (smx_frame_decode(&f, data, len) == SMX_OK)
        must(smx_frame_encode(again, &f) == len && memcmp(again, data, len) == 0);
    if (smx_opus_decode(&o, data, len) == SMX_OK) {
        must(smx_opus_encode(again, &o) == len && memcmp(again, data, len) == 0);
        play(&o);
    }
    return 0;
}
