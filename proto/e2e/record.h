/* proto/e2e/record.h - call-event records: all that two clients tell each other about calls and messages.
 * Source: docs/protocol/45-meeting.md, section 5.  A record is one message of the end-to-end stream; no SIP
 * text travels, and no record has a field that could name a phone, an address or an account; NAME holds what
 * the user wants to be called, if he has opted in, and zeros else.
 *
 *    1 HELLO    version u8 = 1              first record each way
 *    2 INVITE   call u16 | codecs u8        set of smx_codec bits, at least one
 *    3 RINGING  call u16
 *    4 ANSWER   call u16 | codec u8         one of the codecs offered
 *    5 REFUSE   call u16 | code u16         480, 486, 488 or 603
 *    6 CANCEL   call u16                    by who invited, before ANSWER
 *    7 BYE      call u16
 *    8 MESSAGE  id u16 | text[1..8192]      UTF-8 without control characters other than tab, LF and CR
 *    9 RESULT   id u16 | code u16           200, 413, 415 or 480
 *   10 REJOIN   number u16 | cookie[16]     replaces your side of the join; numbers grow, the newest is valid
 *   11 MOVED    number u16                  I have used your REJOIN of this number
 *   12 SECOND   number u16 | relay[32] | cookie[16]   where my other slot waits, should our rendezvous die
 *   13 HOLD     call u16 | direction u8     0..3; bit 0: I do not listen, bit 1: I do not send
 *   14 KEY      call u16 | event u8 | slots u8   a key (0..15, RFC 4733) was pressed for 2..250 times 20 ms
 *   15 NAME     call u16 | name[48]         before each INVITE: UTF-8, zeros behind; all zeros: none
 *   16 RESUME   call u16                    the call that I made to you and we are in goes on over this pipe
 *
 * each behind type u8; integers in network order.  Unknown types are ignored (later versions have more).
 * Pure; views borrow. */
#ifndef SMX_E2E_RECORD_H
#define SMX_E2E_RECORD_H

#include "proto/base/err.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum smx_record_type {
    SMX_RECORD_HELLO = 1,
    SMX_RECORD_INVITE = 2,
    SMX_RECORD_RINGING = 3,
    SMX_RECORD_ANSWER = 4,
    SMX_RECORD_REFUSE = 5,
    SMX_RECORD_CANCEL = 6,
    SMX_RECORD_BYE = 7,
    SMX_RECORD_MESSAGE = 8,
    SMX_RECORD_RESULT = 9,
    SMX_RECORD_REJOIN = 10,
    SMX_RECORD_MOVED = 11,
    SMX_RECORD_SECOND = 12,
    SMX_RECORD_HOLD = 13,
    SMX_RECORD_KEY = 14,
    SMX_RECORD_NAME = 15,
    SMX_RECORD_RESUME = 16,
};

enum smx_codec { SMX_CODEC_PCMU = 1, SMX_CODEC_PCMA = 2, SMX_CODEC_OPUS = 4 }; /* bits of a set */

enum {
    SMX_RECORD_VERSION = 1,
    SMX_RECORD_TEXT = 8192,                   /* bytes of a MESSAGE at most */
    SMX_RECORD_NAME_LEN = 48,                 /* bytes of a NAME at most */
    SMX_RECORD_RELAY = 32,                    /* bytes of a relay's identity */
    SMX_RECORD_COOKIE = 16,                   /* bytes */
    SMX_RECORD_MAX = 1 + 2 + SMX_RECORD_TEXT, /* bytes */
};

struct smx_record {
    enum smx_record_type type;
    uint16_t
        id; /* number of the call, the MESSAGE, or the REJOIN or SECOND, in this pipe, as its sender counts */
    uint8_t version;      /* HELLO */
    uint8_t codecs;       /* INVITE: the set; ANSWER: the one */
    uint8_t direction;    /* HOLD: bits, 0 is a call as any */
    uint16_t code;        /* REFUSE, RESULT */
    uint8_t event, slots; /* KEY */
    const uint8_t *text;  /* MESSAGE, NAME (length 0: none): borrowed */
    size_t text_len;
    const uint8_t *relay;  /* SECOND: borrowed */
    const uint8_t *cookie; /* REJOIN, SECOND: borrowed */
};

/* Returns the length; *r must be right (assert). */
size_t smx_record_encode(uint8_t out[SMX_RECORD_MAX], const struct smx_record *r);
/* SMX_E_MALFORMED; SMX_E_ABSENT: a type that this version does not know, to be ignored.  *r is then
 * untouched. */
enum smx_err smx_record_decode(struct smx_record *r, const uint8_t *in, size_t len) SMX_MUST_CHECK;
/* Is this the text that a MESSAGE may carry? */
bool smx_record_text_is_valid(const uint8_t *text, size_t len);
/* Is this the name, not none, that a NAME may carry? */
bool smx_record_name_is_valid(const uint8_t *name, size_t len);

#endif
