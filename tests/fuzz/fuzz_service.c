/* Messages between a client and an end relay: what decodes encodes to the same bytes. */
#include "proto/circuit/service.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

static void must(bool holds)
{
    if (!holds)
        abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    static uint8_t out[4096];
    struct smx_service_msg m;

    if (len > sizeof out || smx_service_decode(&m, data, len) != SMX_OK)
        return 0;
    must(m.content + m.len == data + len);
    must(smx_service_encode(out, &m) == len && memcmp(out, data, len) == 0);
    return 0;
}
