/* Commands of circuit 0: what decodes encodes to the same cell; what does not leaves its place untouched.
 * The input is the body of the cell, zero padded. */
#include "proto/circuit/command.h"

#include <stdlib.h>
#include <string.h>

static void must(bool holds)
{
    if (!holds)
        abort();
}

static bool same_bytes(const void *a, const void *b, size_t len)
{
    return memcmp(a, b, len) == 0;
}

/* One decoder and its encoder, of the type that the cell says. */
#define TRY(kind, type)                                                                                      \
    do {                                                                                                     \
        struct smx_##type got, before;                                                                       \
        memset(&got, 0x5a, sizeof got);                                                                      \
        memcpy(&before, &got, sizeof got);                                                                   \
        if (smx_##kind##_decode(&got, cell) == SMX_OK) {                                                     \
            smx_##kind##_encode(again, &got);                                                                \
            same = true;                                                                                     \
        } else {                                                                                             \
            must(same_bytes(&got, &before, sizeof got));                                                     \
        }                                                                                                    \
    } while (0)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    uint8_t cell[SMX_CELL_SIZE] = {0}, again[SMX_CELL_SIZE];
    const uint8_t *segment;
    size_t segment_len;
    bool same = false;

    if (len > SMX_CELL_BODY)
        return 0;
    memcpy(cell + SMX_CELL_HEAD, data, len);
    switch (smx_command_type(cell)) {
    case SMX_CMD_CREATE:
        TRY(create, create);
        same = same &&
               cell[SMX_CELL_HEAD + 1] == SMX_SUITE_1; /* what stands behind another suite's is not kept */
        break;
    case SMX_CMD_CREATED:
        TRY(created, created);
        break;
    case SMX_CMD_REFUSED:
        TRY(refused, refused);
        break;
    case SMX_CMD_RELEASE:
        TRY(release, release);
        break;
    case SMX_CMD_INTRODUCE:
        TRY(introduce_part, introduce_part);
        break;
    case SMX_CMD_INTRODUCED:
        TRY(introduced, introduced);
        break;
    case SMX_CMD_STREAM:
        if (smx_command_segment(&segment, &segment_len, cell) == SMX_OK) {
            must(segment_len <= SMX_COMMAND_SEGMENT);
            smx_command_segment_encode(again, segment, segment_len);
            same = true;
        }
        break;
    default:
        break;
    }
    must(!same || same_bytes(again, cell, sizeof cell));
    return 0;
}
