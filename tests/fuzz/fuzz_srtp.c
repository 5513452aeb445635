/* SRTP and SRTCP from whoever does not have the key: a byte that says which suite and kind, then a length
 * byte before each packet.  Nothing opens, and a packet of the phone still does afterwards. */
#include "proto/media/rtp.h"
#include "proto/media/srtp.h"

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
    static const uint8_t key[SMX_SRTP_KEY] = {1, 2, 3};
    static bool ready;
    static struct smx_srtp *always; /* without one that lives, each new one costs a millisecond */
    _Alignas(4) uint8_t packet[SMX_RTP_MAX];
    struct smx_rtp rtp = {false, 0, 7, 1120, 77, key, sizeof key};
    struct smx_srtp *in, *out;
    enum smx_srtp_suite suite;
    size_t n;
    bool is_rtcp;

    if (!ready) {
        ready = smx_srtp_library();
        must(ready);
        always = smx_srtp_receiver(SMX_SRTP_GCM_128, key);
    }
    if (len == 0)
        return 0;
    suite = (enum smx_srtp_suite)(data[0] % SMX_SRTP_SUITES);
    is_rtcp = data[0] & 0x80;
    data++;
    len--;
    in = smx_srtp_receiver(suite, key);
    out = smx_srtp_sender(suite, key, 77);
    must(always && in && out);
    while (len > 0) {
        size_t taken = data[0] < len - 1 ? data[0] : len - 1;

        n = taken;
        memcpy(packet, data + 1, n);
        must(!smx_srtp_unprotect(in, is_rtcp, packet, &n));
        data += taken + 1;
        len -= taken + 1;
    }
    n = smx_rtp_encode(packet, &rtp);
    must(smx_srtp_protect(out, false, packet, &n) && smx_srtp_unprotect(in, false, packet, &n));
    smx_srtp_free(in);
    smx_srtp_free(out);
    return 0;
}
