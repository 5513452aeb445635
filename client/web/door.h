/* client/web/door.h - who may ask the local page for what, judged by the header lines of his request.
 * Sources: RFC 9110, 7.2 (Host); RFC 6454 (Origin); RFC 6750, 2.1 (Bearer); Fetch Metadata (Sec-Fetch-Site).
 *
 *   Host            ours, by address or as localhost, with our port: stops a name that a stranger lets
 *                   point here
 *   Origin          none, or our own page: stops other pages
 *   Sec-Fetch-Site  none, or the same origin: stops other pages' frames, images and scripts; a link of
 *                   theirs to the empty page may be followed (Sec-Fetch-Dest: document)
 *   Authorization   Bearer TOKEN, for all that tells something of the user
 *
 * Pure; the token is compared in constant time. */
#ifndef SMX_WEB_DOOR_H
#define SMX_WEB_DOOR_H

#include "proto/base/out.h"

#include <stdbool.h>

enum { SMX_DOOR_TOKEN = 32 }; /* characters: 16 bytes in hexadecimal */

struct smx_door {
    struct smx_addr at; /* where we listen, a loopback address */
    char token[SMX_DOOR_TOKEN + 1];
};

struct smx_door_knock { /* header lines, NULL: not there */
    const char *host, *origin, *site, *dest, *authorization;
};

/* False unless it is a token: small hexadecimal digits, and nothing behind them but one line feed. */
bool smx_door_take_token(struct smx_door *door, const char *text, size_t len) SMX_MUST_CHECK;

enum smx_door_answer { SMX_DOOR_OPEN, SMX_DOOR_FOREIGN /* 403 */, SMX_DOOR_UNKNOWN /* 401 */ };

/* with_token: it asks for more than the empty page. */
enum smx_door_answer smx_door(const struct smx_door *door, const struct smx_door_knock *knock,
                              bool with_token) SMX_MUST_CHECK;

#endif
