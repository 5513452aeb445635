/* sim/pretty.c - JSON that is the same bytes for the same values, and that people can read.  jansson's own
 * writer prints doubles with a fixed number of digits: 0.1 as 0.10000000000000001. */
#include "sim/result.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { DEPTH_MAX = 32, NUMBER = 40 };

struct text {
    char *bytes; /* NULL: it went wrong */
    size_t used, room;
};

static void put(struct text *t, const char *bytes, size_t len)
{
    if (!t->bytes)
        return;
    if (t->room - t->used <= len) {
        char *more;

        t->room = 2 * (t->room + len);
        more = realloc(t->bytes, t->room);
        if (!more)
            abort();
        t->bytes = more;
    }
    memcpy(t->bytes + t->used, bytes, len);
    t->used += len;
    t->bytes[t->used] = '\0';
}

static void put_text(struct text *t, const char *s)
{
    put(t, s, strlen(s));
}

static void fail(struct text *t)
{
    free(t->bytes);
    t->bytes = NULL;
}

static void put_line(struct text *t, unsigned depth)
{
    put(t, "\n", 1);
    for (unsigned i = 0; i < depth; i++)
        put(t, "  ", 2);
}

static void put_string(struct text *t, const json_t *value)
{
    char *s = json_dumps(value, JSON_ENCODE_ANY); /* as jansson escapes it: UTF-8, no doubles in it */

    if (!s)
        fail(t);
    else
        put_text(t, s);
    free(s);
}

static void put_real(struct text *t, double value)
{
    char number[NUMBER] = "";

    if (!isfinite(value)) {
        fail(t);
        return;
    }
    for (int digits = 15; digits <= 17; digits++) {
        (void)snprintf(number, sizeof number, "%.*g", digits, value);
        if (strtod(number, NULL) == value)
            break;
    }
    put_text(t, number);
}

static void put_value(struct text *t, const json_t *value, unsigned depth);

static void put_array(struct text *t, const json_t *array, unsigned depth)
{
    size_t count = json_array_size(array);
    bool plain = true;

    for (size_t i = 0; i < count; i++) {
        const json_t *e = json_array_get(array, i);

        plain = plain && !json_is_object(e) && !json_is_array(e);
    }
    put(t, "[", 1);
    for (size_t i = 0; i < count; i++) {
        if (i > 0)
            put_text(t, plain ? ", " : ",");
        if (!plain)
            put_line(t, depth + 1);
        put_value(t, json_array_get(array, i), depth + 1);
    }
    if (!plain)
        put_line(t, depth);
    put(t, "]", 1);
}

static int by_bytes(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static void put_object(struct text *t, const json_t *object, unsigned depth)
{
    size_t count = json_object_size(object), i = 0;
    const char **key = calloc(count + 1, sizeof *key);

    if (!key)
        abort();
    for (void *at = json_object_iter((json_t *)object); at; at = json_object_iter_next((json_t *)object, at))
        key[i++] = json_object_iter_key(at);
    qsort(key, count, sizeof *key, by_bytes);
    put(t, "{", 1);
    for (i = 0; i < count; i++) {
        json_t *name = json_string(key[i]);

        if (i > 0)
            put(t, ",", 1);
        put_line(t, depth + 1);
        put_string(t, name);
        json_decref(name);
        put(t, ": ", 2);
        put_value(t, json_object_get(object, key[i]), depth + 1);
    }
    if (count > 0)
        put_line(t, depth);
    put(t, "}", 1);
    free(key);
}

static void put_value(struct text *t, const json_t *value, unsigned depth)
{
    char number[NUMBER];

    if (depth > DEPTH_MAX || !value) {
        fail(t);
        return;
    }
    switch (json_typeof(value)) {
    case JSON_OBJECT:
        put_object(t, value, depth);
        return;
    case JSON_ARRAY:
        put_array(t, value, depth);
        return;
    case JSON_STRING:
        put_string(t, value);
        return;
    case JSON_INTEGER:
        (void)snprintf(number, sizeof number, "%" JSON_INTEGER_FORMAT, json_integer_value(value));
        put_text(t, number);
        return;
    case JSON_REAL:
        put_real(t, json_real_value(value));
        return;
    case JSON_TRUE:
    case JSON_FALSE:
    case JSON_NULL:
        put_text(t, json_is_null(value) ? "null" : json_is_true(value) ? "true" : "false");
        return;
    }
}

char *smx_json_pretty(const json_t *json)
{
    struct text t = {malloc(4096), 0, 4096};

    if (!t.bytes)
        abort();
    t.bytes[0] = '\0';
    put_value(&t, json, 0);
    put(&t, "\n", 1);
    return t.bytes;
}
