#include "sim/words.h"

#include <assert.h>
#include <string.h>

enum { EIGHT = 8 };
_Static_assert((int)SMX_WORD_MIN == 2 * EIGHT - 1, "one of the first eight eights falls on an eighth place");

void smx_words_init(struct smx_words *w)
{
    memset(w, 0, sizeof *w);
}

static uint64_t eight_at(const uint8_t *bytes)
{
    uint64_t eight;

    memcpy(&eight, bytes, EIGHT);
    return eight;
}

static size_t bit_of(uint64_t eight)
{
    return (size_t)(eight * UINT64_C(0x9e3779b97f4a7c15) >> 52) % SMX_WORD_BITS;
}

void smx_words_add(struct smx_words *w, enum smx_word_kind kind, uint32_t owner, const void *bytes,
                   size_t len)
{
    struct smx_word *word = &w->word[w->count];

    assert(len >= SMX_WORD_MIN && len <= SMX_WORD_MAX && w->count < SMX_WORDS);
    for (size_t i = 0; i < w->count; i++)
        if (w->word[i].len == len && memcmp(w->word[i].bytes, bytes, len) == 0)
            return;
    *word = (struct smx_word){.kind = kind, .owner = owner, .len = len};
    memcpy(word->bytes, bytes, len);
    w->count++;
    for (size_t i = 0; i < EIGHT; i++) {
        size_t bit = bit_of(eight_at(word->bytes + i));

        w->bits[bit / 64] |= UINT64_C(1) << bit % 64;
    }
}

/* The word one of whose eights stands at this place, all of it. */
static const struct smx_word *word_at(const struct smx_words *w, const uint8_t *bytes, size_t len, size_t at)
{
    for (size_t i = 0; i < w->count; i++) {
        const struct smx_word *word = &w->word[i];

        for (size_t shift = 0; shift < EIGHT; shift++)
            if (at >= shift && at - shift + word->len <= len &&
                memcmp(bytes + at, word->bytes + shift, EIGHT) == 0 &&
                memcmp(bytes + at - shift, word->bytes, word->len) == 0)
                return word;
    }
    return NULL;
}

const struct smx_word *smx_words_find(const struct smx_words *w, const void *bytes, size_t len, size_t *from)
{
    const uint8_t *b = bytes;
    size_t at = (*from + EIGHT - 1) / EIGHT * EIGHT;

    for (; at + EIGHT <= len; at += EIGHT) {
        size_t bit = bit_of(eight_at(b + at));
        const struct smx_word *word;

        if (!(w->bits[bit / 64] >> bit % 64 & 1))
            continue;
        word = word_at(w, b, len, at);
        if (word) {
            *from = at + EIGHT;
            return word;
        }
    }
    *from = len;
    return NULL;
}

const char *smx_word_kind_name(enum smx_word_kind kind)
{
    switch (kind) {
    case SMX_WORD_NAME:
        return "name";
    case SMX_WORD_KEY:
        return "key";
    case SMX_WORD_ADDRESS:
        return "address";
    case SMX_WORD_TEXT:
        return "text";
    case SMX_WORD_SECRET:
        return "secret key";
    }
    return "word";
}
