/* sim/pretty.c - JSON that is the same bytes for the same values, and that people can read.  jansson's own
 * writer prints doubles with a fixed number of digits: 0.1 as 0.10000000000000001. */
#include "sim/result.h"

#include "sim/paper.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { DEPTH_MAX = 32, NUMBER = 40 };

struct pretty {
    struct smx_paper out;
    bool bad; /* something can't be written */
};

static void put_text(struct pretty *t, const char *s)
{
    smx_paper_add(&t->out, s);
}

static void put_line(struct pretty *t, unsigned depth)
{
    put_text(t, "\n");
    for (unsigned i = 0; i < depth; i++)
        put_text(t, "  ");
}

static void put_string(struct pretty *t, const json_t *value)
{
    char *s = json_dumps(value, JSON_ENCODE_ANY); /* as jansson escapes it: UTF-8, no doubles in it */

    if (s)
        put_text(t, s);
    t->bad |= !s;
    free(s);
}

static void put_real(struct pretty *t, double value)
{
    char number[NUMBER] = "";

    if (!isfinite(value)) {
        t->bad = true;
        return;
    }
    for (int digits = 15; digits <= 17; digits++) {
        (void)snprintf(number, sizeof number, "%.*g", digits, value);
        if (strtod(number, NULL) == value)
            break;
    }
    put_text(t, number);
}

static void put_value(struct pretty *t, const json_t *value, unsigned depth);

static void put_array(struct pretty *t, const json_t *array, unsigned depth)
{
    size_t count = json_array_size(array);
    bool plain = true;

    for (size_t i = 0; i < count; i++) {
        const json_t *e = json_array_get(array, i);

        plain = plain && !json_is_object(e) && !json_is_array(e);
    }
    put_text(t, "[");
    for (size_t i = 0; i < count; i++) {
        if (i > 0)
            put_text(t, plain ? ", " : ",");
        if (!plain)
            put_line(t, depth + 1);
        put_value(t, json_array_get(array, i), depth + 1);
    }
    if (!plain)
        put_line(t, depth);
    put_text(t, "]");
}

static int by_bytes(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static void put_object(struct pretty *t, const json_t *object, unsigned depth)
{
    size_t count = json_object_size(object), i = 0;
    const char **key = calloc(count + 1, sizeof *key);

    if (!key)
        abort();
    for (void *at = json_object_iter((json_t *)object); at; at = json_object_iter_next((json_t *)object, at))
        key[i++] = json_object_iter_key(at);
    qsort(key, count, sizeof *key, by_bytes);
    put_text(t, "{");
    for (i = 0; i < count; i++) {
        json_t *name = json_string(key[i]);

        if (i > 0)
            put_text(t, ",");
        put_line(t, depth + 1);
        put_string(t, name);
        json_decref(name);
        put_text(t, ": ");
        put_value(t, json_object_get(object, key[i]), depth + 1);
    }
    if (count > 0)
        put_line(t, depth);
    put_text(t, "}");
    free(key);
}

static void put_value(struct pretty *t, const json_t *value, unsigned depth)
{
    if (depth > DEPTH_MAX || !value) {
        t->bad = true;
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
        smx_paper_format(&t->out, "%" JSON_INTEGER_FORMAT, json_integer_value(value));
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
    struct pretty t = {{0}, false};

    put_value(&t, json, 0);
    put_text(&t, "\n");
    if (t.bad)
        smx_paper_fini(&t.out);
    return t.bad ? NULL : smx_paper_take(&t.out);
}
