#include "client/web/door.h"

#include <sodium.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

enum { HTTP_PORT = 80 };

bool smx_door_take_token(struct smx_door *door, const char *text, size_t len)
{
    if (len == SMX_DOOR_TOKEN + 1 && text[SMX_DOOR_TOKEN] == '\n')
        len--;
    if (len != SMX_DOOR_TOKEN)
        return false;
    for (size_t i = 0; i < len; i++)
        if (!memchr("0123456789abcdef", text[i], 16))
            return false;
    memcpy(door->token, text, len);
    door->token[len] = 0;
    return true;
}

/* "127.0.0.1:8088", "localhost:8088"; without the port if that is the ordinary one. */
static bool is_own_host(const struct smx_addr *at, const char *host, size_t len)
{
    char own[SMX_ADDR_TEXT], name[SMX_ADDR_TEXT];
    size_t short_len;

    smx_addr_format(at, own);
    snprintf(name, sizeof name, "localhost:%u", at->port);
    if ((strlen(own) == len && memcmp(own, host, len) == 0) ||
        (strlen(name) == len && strncasecmp(name, host, len) == 0))
        return true;
    short_len = strlen(own) - strlen(":80");
    return at->port == HTTP_PORT &&
           ((short_len == len && memcmp(own, host, len) == 0) ||
            (len == strlen("localhost") && strncasecmp("localhost", host, len) == 0));
}

static bool is_own_origin(const struct smx_addr *at, const char *origin)
{
    static const char scheme[] = "http://";

    return strncmp(origin, scheme, sizeof scheme - 1) == 0 &&
           is_own_host(at, origin + sizeof scheme - 1, strlen(origin + sizeof scheme - 1));
}

static bool knows(const struct smx_door *door, const char *authorization)
{
    static const char scheme[] = "Bearer ";

    return authorization && strncasecmp(authorization, scheme, sizeof scheme - 1) == 0 &&
           strlen(authorization) == sizeof scheme - 1 + SMX_DOOR_TOKEN && door->token[0] &&
           sodium_memcmp(authorization + sizeof scheme - 1, door->token, SMX_DOOR_TOKEN) == 0;
}

enum smx_door_answer smx_door(const struct smx_door *door, const struct smx_door_knock *knock,
                              bool with_token)
{
    if (!knock->host || !is_own_host(&door->at, knock->host, strlen(knock->host)))
        return SMX_DOOR_FOREIGN;
    if (knock->origin && !is_own_origin(&door->at, knock->origin))
        return SMX_DOOR_FOREIGN;
    if (knock->site && strcmp(knock->site, "none") != 0 && strcmp(knock->site, "same-origin") != 0 &&
        (with_token || !knock->dest || strcmp(knock->dest, "document") != 0))
        return SMX_DOOR_FOREIGN;
    return with_token && !knows(door, knock->authorization) ? SMX_DOOR_UNKNOWN : SMX_DOOR_OPEN;
}
