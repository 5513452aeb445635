/* Any text: what smx_addr_parse takes comes back the same through smx_addr_format. */
#include "proto/base/out.h"

#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    struct smx_addr addr, again;
    char in[256], text[SMX_ADDR_TEXT];

    if (len >= sizeof in)
        return 0;
    memcpy(in, data, len);
    in[len] = 0;
    if (smx_addr_parse(&addr, in) != SMX_OK)
        return 0;
    smx_addr_format(&addr, text);
    if (smx_addr_parse(&again, text) != SMX_OK || !smx_addr_equal(&addr, &again))
        __builtin_trap();
    return 0;
}
