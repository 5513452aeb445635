/* proto/base/base32.h - public keys as text people can read aloud: RFC 4648, section 6, in lower case
 * and without padding; 32 bytes are 52 characters.  Used in sip:KEY@sipmix.alt and in fingerprints.
 * Table look-ups follow the data, so never use it on a secret.  Pure. */
#ifndef SMX_BASE_BASE32_H
#define SMX_BASE_BASE32_H

#include "proto/base/err.h"

#include <stddef.h>
#include <stdint.h>

/* Characters for len bytes, without the final NUL. */
#define SMX_BASE32_LEN(len) (((len)*8 + 4) / 5)

enum { SMX_KEY_TEXT = SMX_BASE32_LEN(32) + 1 }; /* a 32-byte public key with the final NUL */

/* Writes SMX_BASE32_LEN(len) characters and a NUL to text. */
void smx_base32_encode(char *text, const uint8_t *in, size_t len);
/* The exact inverse for out_len bytes; capitals are taken as small letters, since people and phones change
 * case. SMX_E_MALFORMED: wrong length, another character, or leftover bits that are not zero (one key, one
 * text). */
enum smx_err smx_base32_decode(uint8_t *out, size_t out_len, const char *text,
                               size_t text_len) SMX_MUST_CHECK;

#endif
