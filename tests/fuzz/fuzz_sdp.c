/* Session descriptions: what is taken can be answered, and our answer can be read back. */
#include "client/sip/sdp.h"

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
    static char room[2048];
    struct smx_text out = {room, 0, sizeof room, false};
    struct smx_sdp_own own = {
        .session = 123456789012345678, .version = 1, .port = 30000, .codecs = SMX_SDP_OPUS_G711};
    struct smx_sdp sdp, again;

    if (smx_sdp_read(&sdp, (struct smx_span){(const char *)data, len}) != SMX_OK)
        return 0;
    must(sdp.port != 0 && smx_sdp_has(&sdp, SMX_SDP_OPUS_G711) && sdp.audio < sdp.media_count &&
         sdp.media_count <= SMX_SDP_MEDIA);
    own.savp = sdp.savp;
    own.rtcp_mux = sdp.rtcp_mux;
    memcpy(own.crypto, sdp.crypto, sizeof own.crypto);
    own.direction = smx_sdp_mirror(sdp.direction);
    smx_sdp_write(&out, &own, &sdp);
    must(!out.full);
    must(smx_sdp_read(&again, smx_text_done(&out)) == SMX_OK);
    must(again.media_count == sdp.media_count && again.audio == sdp.audio && again.port == 30000 &&
         again.pcmu == sdp.pcmu && again.pcma == sdp.pcma && again.opus == sdp.opus &&
         again.savp == sdp.savp && again.rtcp_mux == sdp.rtcp_mux);
    for (size_t i = 0; i < SMX_SRTP_SUITES; i++)
        must(again.crypto[i].named == sdp.crypto[i].named && again.crypto[i].tag == sdp.crypto[i].tag &&
             memcmp(again.crypto[i].key, sdp.crypto[i].key, sizeof again.crypto[i].key) == 0);
    return 0;
}
