/* sim/words.h - words that are planted in a network, and the search for them in what nodes send and hold.
 * A word is a name, a key, an address or a text of some user's that nobody else should ever see in the clear.
 *
 * The search looks at every eighth byte only: each word is known by the eight bytes that begin at each of its
 * first eight places, one of which falls on such a place wherever the word stands.  So words have 15 bytes at
 * least, and a datagram costs some 170 look-ups.  Pure; the caller's memory. */
#ifndef SMX_SIM_WORDS_H
#define SMX_SIM_WORDS_H

#include <stddef.h>
#include <stdint.h>

enum { SMX_WORDS = 128, SMX_WORD_MIN = 15, SMX_WORD_MAX = 64, SMX_WORD_BITS = 4096 };

enum smx_word_kind { SMX_WORD_NAME, SMX_WORD_KEY, SMX_WORD_ADDRESS, SMX_WORD_TEXT, SMX_WORD_SECRET };

struct smx_word {
    enum smx_word_kind kind;
    uint32_t owner; /* whose it is: the caller's number */
    size_t len;
    uint8_t bytes[SMX_WORD_MAX];
};

struct smx_words {
    size_t count;
    struct smx_word word[SMX_WORDS];
    uint64_t bits[SMX_WORD_BITS / 64]; /* of hashes of their eights */
};

void smx_words_init(struct smx_words *w);
/* len bytes, SMX_WORD_MIN to SMX_WORD_MAX; what stands there already is not added again. */
void smx_words_add(struct smx_words *w, enum smx_word_kind kind, uint32_t owner, const void *bytes,
                   size_t len);
/* The first word that stands in the bytes at or behind *from, or NULL; *from is then where to go on. */
const struct smx_word *smx_words_find(const struct smx_words *w, const void *bytes, size_t len, size_t *from);
/* "name", "key" ... */
const char *smx_word_kind_name(enum smx_word_kind kind);

#endif
