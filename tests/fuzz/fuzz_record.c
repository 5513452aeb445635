/* Call-event records and frames: what decodes encodes to the same bytes. */
#include "proto/e2e/record.h"
#include "proto/media/frame.h"

#include <stdlib.h>
#include <string.h>

static void must(bool holds)
{
    if (!holds)
        abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    uint8_t again[SMX_RECORD_MAX];
    struct smx_record r;
    struct smx_frame_cell f;

    if (smx_record_decode(&r, data, len) == SMX_OK)
        must(smx_record_encode(again, &r) == len && memcmp(again, data, len) == 0);
    if (smx_frame_decode(&f, data, len) == SMX_OK)
        must(smx_frame_encode(again, &f) == len && memcmp(again, data, len) == 0);
    return 0;
}
