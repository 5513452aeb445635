/* RTP from a phone: a length byte before each packet, slots between them. */
#include "proto/media/edge.h"

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
    static const uint8_t seed[SMX_RNG_SEED] = {1};
    uint8_t out[SMX_EDGE_PACKET], report[SMX_RTCP_REPORT];
    smx_time now = SMX_SECOND(1);
    struct smx_rng rng;
    struct smx_edge edge;

    smx_rng_init(&rng, seed);
    smx_edge_init(&edge, now, SMX_FRAME_PCMU, &rng);
    if (len % 2 == 1)
        smx_edge_opus(&edge, 111, 96);
    while (len > 0) {
        size_t n = data[0] < len - 1 ? data[0] : len - 1;
        struct smx_frame frame;
        struct smx_rtp rtp;
        bool there;
        size_t put;

        if (smx_rtp_decode(&rtp, data + 1, n) == SMX_OK)
            must(rtp.payload >= data + 1 && rtp.payload + rtp.payload_len <= data + 1 + n);
        (void)smx_edge_receive(&edge, now, data + 1, n);
        now += SMX_MS(7);
        if (n % 3 == 0) {
            there = smx_edge_take(&edge, now, &frame);
            must(!there || frame.codec == SMX_FRAME_PCMU || (frame.len >= 1 && frame.len <= SMX_OPUS_MAX));
            put = smx_edge_put(&edge, there ? &frame : NULL, out);
            must(edge.codec == SMX_FRAME_OPUS ? put <= SMX_RTP_HEADER + SMX_OPUS_MAX : put == sizeof out);
        }
        must(smx_edge_report(&edge, now, &rng, report) <= sizeof report);
        must(edge.count <= SMX_EDGE_FRAMES && edge.part_len < SMX_FRAME_PAYLOAD);
        data += n + 1;
        len -= n + 1;
    }
    return 0;
}
