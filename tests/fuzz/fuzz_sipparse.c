/* The gate, and the parser behind it: as a datagram and as a stream, what is taken holds what it promises. */
#include "client/sip/parse.h"
#include "client/sip/write.h"

#include <stdlib.h>
#include <string.h>

static void must(bool holds)
{
    if (!holds)
        abort();
}

/* Whatever a message holds, the lines that we write back of it are lines. */
static void check_echo(const struct smx_sip *sip)
{
    static char room[2 * SMX_GATE_HEAD];
    struct smx_text out = {room, 0, sizeof room, false};
    struct smx_addr from = {.port = 5070};

    smx_write_echo(&out, &sip->gate, &from, "tag");
    must(!out.full);
    for (size_t i = 0; i < out.len; i++) {
        must(room[i] != 0);
        must((room[i] == '\r') == (i + 1 < out.len && room[i + 1] == '\n'));
    }
}

static void check_wishes(const struct smx_sip *sip)
{
    struct smx_refer refer;
    struct smx_via via;
    size_t vias = 0;

    while (smx_sip_via(sip, vias, &via)) {
        must(via.host && via.branch && via.port <= UINT16_MAX);
        vias++;
    }
    must(vias > 0 && vias <= SMX_SIP_VIAS);
    must(smx_sip_privacy(sip) <= SMX_PRIVACY_UNKNOWN);
    (void)smx_sip_is_spent(sip);
    if (!smx_sip_refer(sip, &refer))
        return;
    must(refer.uri.user == refer.user && strlen(refer.user) < sizeof refer.user);
    must(!refer.replaces || (refer.call_id[0] && refer.to_tag[0] && refer.from_tag[0]));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    static struct smx_sip sip;

    smx_sip_library();
    for (int stream = 0; stream < 2; stream++) {
        enum smx_err err = smx_sip_parse(&sip, data, len, stream);

        must(sip.total <= len);
        if (err == SMX_OK) {
            must(sip.from_tag && sip.branch && sip.call_id.len > 0);
            must(sip.body.at + sip.body.len <= (const char *)data + len);
            for (size_t i = 0; i < sip.contact_count; i++)
                must(sip.contact[i].uri.len > 0 && sip.contact[i].uri.len < SMX_SIP_URI);
            check_echo(&sip);
            check_wishes(&sip);
            smx_sip_fini(&sip);
        } else if (err != SMX_E_STATE && smx_sip_can_answer(&sip)) {
            check_echo(&sip);
        }
    }
    return 0;
}
