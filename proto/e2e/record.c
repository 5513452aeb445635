#include "proto/e2e/record.h"

#include "proto/base/bytes.h"

#include <assert.h>
#include <string.h>

enum { CODECS = SMX_CODEC_PCMU | SMX_CODEC_PCMA | SMX_CODEC_OPUS };

/* Length of the UTF-8 sequence at the front of at, or 0 when it is none (RFC 3629, section 4). */
static size_t utf8_sequence(const uint8_t *at, size_t left)
{
    size_t len = at[0] < 0x80   ? 1
                 : at[0] < 0xc2 ? 0
                 : at[0] < 0xe0 ? 2
                 : at[0] < 0xf0 ? 3
                 : at[0] < 0xf5 ? 4
                                : 0;

    if (len == 0 || len > left)
        return 0;
    for (size_t i = 1; i < len; i++) {
        if ((at[i] & 0xc0) != 0x80)
            return 0;
    }
    if ((at[0] == 0xe0 && at[1] < 0xa0) || (at[0] == 0xed && at[1] > 0x9f) || /* too long; surrogates */
        (at[0] == 0xf0 && at[1] < 0x90) || (at[0] == 0xf4 && at[1] > 0x8f))   /* too long; beyond U+10FFFF */
        return 0;
    return len;
}

bool smx_record_text_is_valid(const uint8_t *text, size_t len)
{
    size_t step;

    if (len == 0 || len > SMX_RECORD_TEXT)
        return false;
    for (size_t i = 0; i < len; i += step) {
        step = utf8_sequence(text + i, len - i);
        if (step == 0)
            return false;
        if (step == 1 && (text[i] < 0x20 || text[i] == 0x7f) && text[i] != '\t' && text[i] != '\n' &&
            text[i] != '\r')
            return false;
        if (step == 2 && text[i] == 0xc2 && text[i + 1] < 0xa0) /* U+0080..U+009F */
            return false;
    }
    return true;
}

/* The character that a valid sequence stands for. */
static uint32_t character(const uint8_t *at, size_t len)
{
    uint32_t c = len == 1 ? at[0] : at[0] & (0x7fU >> len);

    for (size_t i = 1; i < len; i++)
        c = c << 6 | (at[i] & 0x3f);
    return c;
}

/* Nothing of it is seen, but it could change how the rest is read: directions of writing, joiners, line ends.
 */
static bool is_hidden(uint32_t c)
{
    static const uint32_t hidden[][2] = {
        {0, 0x1f},        {0x7f, 0x9f},     {0xad, 0xad},     {0x61c, 0x61c},   {0x200b, 0x200f},
        {0x2028, 0x202e}, {0x2060, 0x206f}, {0xfeff, 0xfeff}, {0xfff9, 0xfffb}, {0xe0000, 0xe007f}};

    for (size_t i = 0; i < sizeof hidden / sizeof hidden[0]; i++)
        if (c >= hidden[i][0] && c <= hidden[i][1])
            return true;
    return false;
}

bool smx_record_name_is_valid(const uint8_t *name, size_t len)
{
    size_t step;

    if (len == 0 || len > SMX_RECORD_NAME_LEN || name[0] == ' ' || name[len - 1] == ' ')
        return false;
    for (size_t i = 0; i < len; i += step) {
        step = utf8_sequence(name + i, len - i);
        if (step == 0 || is_hidden(character(name + i, step)))
            return false;
    }
    return true;
}

static bool is_known(uint8_t type)
{
    return type >= SMX_RECORD_HELLO && type <= SMX_RECORD_RESUME;
}

/* What no record may say, whichever way it goes. */
static bool is_right(const struct smx_record *r)
{
    switch (r->type) {
    case SMX_RECORD_HELLO:
        return r->version == SMX_RECORD_VERSION;
    case SMX_RECORD_INVITE:
        return r->codecs != 0 && (r->codecs & ~CODECS) == 0;
    case SMX_RECORD_ANSWER:
        return r->codecs == SMX_CODEC_PCMU || r->codecs == SMX_CODEC_PCMA || r->codecs == SMX_CODEC_OPUS;
    case SMX_RECORD_REFUSE:
        return r->code == 480 || r->code == 486 || r->code == 488 || r->code == 603;
    case SMX_RECORD_MESSAGE:
        return smx_record_text_is_valid(r->text, r->text_len);
    case SMX_RECORD_NAME:
        return r->text_len == 0 || smx_record_name_is_valid(r->text, r->text_len);
    case SMX_RECORD_RESULT:
        return r->code == 200 || r->code == 413 || r->code == 415 || r->code == 480;
    case SMX_RECORD_HOLD:
        return r->direction <= 3;
    case SMX_RECORD_KEY:
        return r->event <= 15 && r->slots >= 2 && r->slots <= 250;
    case SMX_RECORD_RINGING:
    case SMX_RECORD_CANCEL:
    case SMX_RECORD_BYE:
    case SMX_RECORD_REJOIN:
    case SMX_RECORD_MOVED:
    case SMX_RECORD_SECOND:
    case SMX_RECORD_RESUME:
        return true;
    }
    return false;
}

static void write_name(struct smx_wr *w, const struct smx_record *r)
{
    uint8_t name[SMX_RECORD_NAME_LEN] = {0};

    if (r->text_len > 0)
        memcpy(name, r->text, r->text_len);
    smx_wr_bytes(w, name, sizeof name);
}

/* Zeros behind it only. */
static void read_name(struct smx_rd *rd, struct smx_record *r)
{
    const uint8_t *name = smx_rd_view(rd, SMX_RECORD_NAME_LEN);
    size_t len = SMX_RECORD_NAME_LEN;

    while (name && len > 0 && name[len - 1] == 0)
        len--;
    r->text = name;
    r->text_len = name ? len : 0;
}

size_t smx_record_encode(uint8_t out[SMX_RECORD_MAX], const struct smx_record *r)
{
    struct smx_wr w = {out, SMX_RECORD_MAX};

    assert(is_right(r));
    smx_wr_u8(&w, (uint8_t)r->type);
    if (r->type == SMX_RECORD_HELLO)
        smx_wr_u8(&w, r->version);
    else
        smx_wr_u16(&w, r->id);
    if (r->type == SMX_RECORD_INVITE || r->type == SMX_RECORD_ANSWER)
        smx_wr_u8(&w, r->codecs);
    if (r->type == SMX_RECORD_HOLD)
        smx_wr_u8(&w, r->direction);
    if (r->type == SMX_RECORD_KEY) {
        smx_wr_u8(&w, r->event);
        smx_wr_u8(&w, r->slots);
    }
    if (r->type == SMX_RECORD_REFUSE || r->type == SMX_RECORD_RESULT)
        smx_wr_u16(&w, r->code);
    if (r->type == SMX_RECORD_MESSAGE)
        smx_wr_bytes(&w, r->text, r->text_len);
    if (r->type == SMX_RECORD_NAME)
        write_name(&w, r);
    if (r->type == SMX_RECORD_SECOND)
        smx_wr_bytes(&w, r->relay, SMX_RECORD_RELAY);
    if (r->type == SMX_RECORD_SECOND || r->type == SMX_RECORD_REJOIN)
        smx_wr_bytes(&w, r->cookie, SMX_RECORD_COOKIE);
    return SMX_RECORD_MAX - w.left;
}

enum smx_err smx_record_decode(struct smx_record *r, const uint8_t *in, size_t len)
{
    struct smx_rd rd = {in, len, false};
    uint8_t type = smx_rd_u8(&rd);
    struct smx_record got = {.type = type};

    if (!rd.bad && !is_known(type))
        return SMX_E_ABSENT;
    if (type == SMX_RECORD_HELLO)
        got.version = smx_rd_u8(&rd);
    else
        got.id = smx_rd_u16(&rd);
    if (type == SMX_RECORD_INVITE || type == SMX_RECORD_ANSWER)
        got.codecs = smx_rd_u8(&rd);
    if (type == SMX_RECORD_HOLD)
        got.direction = smx_rd_u8(&rd);
    if (type == SMX_RECORD_KEY) {
        got.event = smx_rd_u8(&rd);
        got.slots = smx_rd_u8(&rd);
    }
    if (type == SMX_RECORD_REFUSE || type == SMX_RECORD_RESULT)
        got.code = smx_rd_u16(&rd);
    if (type == SMX_RECORD_MESSAGE) {
        got.text_len = rd.left;
        got.text = smx_rd_view(&rd, rd.left);
    }
    if (type == SMX_RECORD_NAME)
        read_name(&rd, &got);
    if (type == SMX_RECORD_SECOND)
        got.relay = smx_rd_view(&rd, SMX_RECORD_RELAY);
    if (type == SMX_RECORD_SECOND || type == SMX_RECORD_REJOIN)
        got.cookie = smx_rd_view(&rd, SMX_RECORD_COOKIE);
    if (!smx_rd_done(&rd) || !is_right(&got))
        return SMX_E_MALFORMED;
    *r = got;
    return SMX_OK;
}
