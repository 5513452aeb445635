/* Segments of the signalling stream, one after the other (length u8 | segment), into a stream that also
 * sends. */
#include "proto/stream/stream.h"

#include <stdlib.h>

static void must(bool holds)
{
    if (!holds)
        abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    uint8_t tx[SMX_STREAM_BUFFER_MIN], rx[SMX_STREAM_BUFFER_MIN], cell[198];
    struct smx_stream_config config = {tx, rx, sizeof tx, sizeof rx, SMX_MS(20)};
    struct smx_stream s;
    smx_time now = SMX_SECOND(1);

    smx_stream_init(&s, &config, now);
    while (len > 0) {
        size_t part = data[0] < len ? data[0] : len - 1, msg_len;
        const uint8_t *msg;

        if (smx_stream_receive(&s, now, data + 1, part) == SMX_OK) {
            while (smx_stream_message(&s, &msg, &msg_len))
                must(msg_len + SMX_STREAM_PREFIX <= sizeof rx);
        }
        if (smx_stream_send(&s, data, len < 300 ? len : 300) == SMX_OK || smx_stream_wants(&s, now) > 0)
            must(smx_stream_segment(&s, now, cell, sizeof cell) <= sizeof cell);
        now += config.period;
        data += 1 + part;
        len -= 1 + part;
    }
    return 0;
}
