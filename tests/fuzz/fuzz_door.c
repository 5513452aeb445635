/* Header lines of a request to the local page, one a line (Host, Origin, Sec-Fetch-Site, Sec-Fetch-Dest,
 * Authorization; empty: not there): whatever they say, only who knows our address and the token is let in. */
#include "client/web/door.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define TOKEN "0123456789abcdef0123456789abcdef"

enum { LINES = 5 };

static void must(bool holds)
{
    if (!holds)
        abort();
}

static bool is_ours(const char *host)
{
    return strcmp(host, "127.0.0.1:8088") == 0 || strcasecmp(host, "localhost:8088") == 0;
}

/* Lines as texts of exactly their length. */
static void split(const uint8_t *data, size_t len, char *line[LINES])
{
    for (size_t i = 0; i < LINES; i++) {
        const uint8_t *end = len > 0 ? memchr(data, '\n', len) : NULL;
        size_t n = end ? (size_t)(end - data) : len;

        line[i] = n > 0 ? strndup((const char *)data, n) : NULL;
        n += end != NULL;
        data += n;
        len -= n;
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    struct smx_door door = {.token = ""};
    struct smx_door_knock knock;
    char *line[LINES];

    must(smx_addr_parse(&door.at, "127.0.0.1:8088") == SMX_OK);
    if (smx_door_take_token(&door, (const char *)data, len))
        must(strspn(door.token, "0123456789abcdef") == SMX_DOOR_TOKEN && door.token[SMX_DOOR_TOKEN] == 0);
    must(smx_door_take_token(&door, TOKEN "\n", sizeof TOKEN));
    split(data, len, line);
    knock = (struct smx_door_knock){line[0], line[1], line[2], line[3], line[4]};
    if (smx_door(&door, &knock, false) != SMX_DOOR_FOREIGN) {
        must(line[0] && is_ours(line[0]));
        must(!line[1] || (strncmp(line[1], "http://", 7) == 0 && is_ours(line[1] + 7)));
    }
    if (smx_door(&door, &knock, true) == SMX_DOOR_OPEN) {
        must(smx_door(&door, &knock, false) == SMX_DOOR_OPEN);
        must(line[4] && strncasecmp(line[4], "Bearer ", 7) == 0 && strcmp(line[4] + 7, TOKEN) == 0);
        must(!line[2] || strcmp(line[2], "none") == 0 || strcmp(line[2], "same-origin") == 0);
    }
    for (size_t i = 0; i < LINES; i++)
        free(line[i]);
    return 0;
}
