/* tests/support/vectors.h - reads the files of test vectors, tests/vectors/NAME.txt.
 *
 *   # a comment, to the end of the line, wherever a word may start
 *   [name-001]  key = 00 0102 ff  body = ab*216 0304*2
 *               count = 17  mask = 0x1f  result = ok  why = words of plain text
 *               line = "a string\r\n"  empty =
 *
 * "[name]", first on its line, opens a record.  A word followed by the word "=" is a key; its value is all
 * words up to the next key or record, over as many lines as it takes.  The caller says how to read a value:
 *   bytes  words of hex digits, each with an optional repetition "xx*N", and strings, one after the other;
 *   int    one decimal number, or hexadecimal with 0x;
 *   text   the words, joined by single blanks; a string in quotes counts as one word.
 * Strings know \r \n \t \0 \" \\ \xNN.  Quote what holds " = ", "#" or a leading "[".
 *
 * Whatever is wrong with a file (absent, no such field, odd digits) ends the program with a message: a test
 * without its vectors has failed.  Python's reader of the same format is tests/ref/vectorfile.py. */
#ifndef SMX_TESTS_VECTORS_H
#define SMX_TESTS_VECTORS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct smx_vec_word {
    char *at; /* unescaped, with a final NUL */
    size_t len;
    bool quoted;
};

struct smx_vec_field {
    const char *key;
    size_t word, word_count; /* first word of the value, and how many */
};

struct smx_vec {
    const char *path;
    char *text;       /* the whole file */
    const char *at;   /* what is not read yet */
    const char *name; /* of the current record */
    int line;         /* near which at stands, for messages */
    struct smx_vec_word *word;
    size_t word_count, word_cap;
    struct smx_vec_field *field;
    size_t field_count, field_cap;
    void **owned; /* words of this record, and what the getters returned */
    size_t owned_count, owned_cap;
};

/* path is relative to the root of the tree, where tests run: "tests/vectors/cell.txt". */
void smx_vec_open(struct smx_vec *v, const char *path);
/* Steps to the next record: v->name is its name.  False after the last, when all memory is freed:
 *     while (smx_vec_next(&v)) ...                                  needs no closing. */
bool smx_vec_next(struct smx_vec *v);
/* Only to leave before the last record. */
void smx_vec_close(struct smx_vec *v);

bool smx_vec_has(const struct smx_vec *v, const char *key);
/* What these return lives until the next smx_vec_next.  A result of 0 bytes is a valid pointer too, with
 * exactly *len bytes behind it, so that ASan sees a read past its end. */
const uint8_t *smx_vec_bytes(struct smx_vec *v, const char *key, size_t *len);
/* The same for a field that must have exactly len bytes. */
const uint8_t *smx_vec_fixed(struct smx_vec *v, const char *key, size_t len);
uint64_t smx_vec_int(struct smx_vec *v, const char *key);
const char *smx_vec_text(struct smx_vec *v, const char *key);
/* True when the field is there and its text is what. */
bool smx_vec_is(struct smx_vec *v, const char *key, const char *what);

#endif
