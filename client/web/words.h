/* client/web/words.h - a public key as words that two people can compare by voice.
 * Source: the PGP word list (Patrick Juola and Philip Zimmermann, 1995): a byte is a word of two syllables at
 * even places and one of three at odd ones, so that a word left out or exchanged with its neighbour is heard.
 * A key's words are those of the first SMX_WORDS_BYTES bytes of BLAKE2b-256 of the key, keyed with
 * "sipmix words of a key 1": who wants another key with the same words tries some 2^96 of them.  Each of two
 * who talk reads his own words aloud, and looks at the other's.  Pure. */
#ifndef SMX_WEB_WORDS_H
#define SMX_WEB_WORDS_H

#include <stddef.h>
#include <stdint.h>

enum { SMX_WORDS_KEY = 32, SMX_WORDS_BYTES = 12 };

/* The word of a byte at this place, from 0. */
const char *smx_words_of(size_t place, uint8_t byte);
void smx_words_key(const char *words[SMX_WORDS_BYTES], const uint8_t key[SMX_WORDS_KEY]);

#endif
