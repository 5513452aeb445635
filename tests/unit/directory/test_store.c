/* One suite for every store. */
#include "directory/store.h"
#include "tests/unit/proto/doc/fixture.h"

#include <stdio.h>
#include <unistd.h>

struct fixture {
    struct smx_store *s;
    char dir[32], path[64]; /* SQLite only, else empty */
};

static int setup_memory(void **state)
{
    struct fixture *f = calloc(1, sizeof *f);

    f->s = smx_store_memory();
    assert_non_null(f->s);
    *state = f;
    return 0;
}

static void reopen(struct fixture *f)
{
    const char *why;

    if (f->s)
        f->s->free(f->s);
    assert_int_equal(smx_store_sqlite(&f->s, f->path, false, &why), SMX_OK);
}

static int setup_sqlite(void **state)
{
    struct fixture *f = calloc(1, sizeof *f);

    strcpy(f->dir, "/tmp/sipmix-store-XXXXXX");
    assert_non_null(mkdtemp(f->dir));
    snprintf(f->path, sizeof f->path, "%s/db", f->dir);
    reopen(f);
    *state = f;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *f = *state;

    f->s->free(f->s);
    if (f->dir[0]) {
        static const char *const files[] = {"db", "db-wal", "db-shm"};

        for (size_t i = 0; i < 3; i++) {
            snprintf(f->path, sizeof f->path, "%s/%s", f->dir, files[i]);
            unlink(f->path);
        }
        rmdir(f->dir);
    }
    free(f);
    return 0;
}

static struct smx_store_name name_row(const char *name, unsigned n)
{
    struct smx_store_name row = {.seq = UINT64_MAX - n, .changed = {1000 + n}, .held = n % 2 == 0};

    strcpy(row.name, name);
    memset(row.key, (int)n, sizeof row.key);
    memset(row.hash, (int)n + 1, sizeof row.hash);
    return row;
}

static struct smx_store_desc desc_row(unsigned n)
{
    struct smx_store_desc row = {
        .seq = UINT64_MAX - n, .expires = {1000 + n}, .len = (uint16_t)(SMX_DESC_MIN + n)};

    memset(row.key, (int)n, sizeof row.key);
    memset(row.bytes, (int)n + 1, row.len);
    return row;
}

static void put_name(struct smx_store *s, const struct smx_store_name *row)
{
    assert_int_equal(s->begin(s), SMX_OK);
    assert_int_equal(s->name_put(s, row), SMX_OK);
    assert_int_equal(s->commit(s), SMX_OK);
}

static void put_desc(struct smx_store *s, const struct smx_store_desc *row)
{
    assert_int_equal(s->begin(s), SMX_OK);
    assert_int_equal(s->desc_put(s, row), SMX_OK);
    assert_int_equal(s->commit(s), SMX_OK);
}

static void assert_name(struct smx_store *s, const struct smx_store_name *row)
{
    struct smx_store_name got;

    assert_int_equal(s->name_get(s, row->name, &got), SMX_OK);
    assert_string_equal(got.name, row->name);
    assert_memory_equal(got.key, row->key, sizeof got.key);
    assert_memory_equal(got.hash, row->hash, sizeof got.hash);
    assert_true(got.seq == row->seq && got.changed.s == row->changed.s && got.held == row->held);
}

static void a_name_comes_back_as_it_was_put(void **state)
{
    struct fixture *f = *state;
    struct smx_store_name a = name_row("bob", 2), b = name_row("12345678901234567890123456789012", 3), got;
    size_t count;

    put_name(f->s, &a);
    put_name(f->s, &b);
    assert_name(f->s, &a);
    assert_name(f->s, &b);
    a.held = false;
    a.seq = 7;
    put_name(f->s, &a);
    assert_name(f->s, &a);
    assert_int_equal(f->s->name_get(f->s, "bo", &got), SMX_E_ABSENT);
    assert_int_equal(f->s->name_get(f->s, "bobb", &got), SMX_E_ABSENT);
    assert_int_equal(f->s->name_count(f->s, &count), SMX_OK);
    assert_int_equal(count, 2);
}

static void a_descriptor_comes_back_as_it_was_put(void **state)
{
    struct fixture *f = *state;
    struct smx_store_desc a = desc_row(1), b = desc_row(2), got;
    size_t count;

    put_desc(f->s, &a);
    put_desc(f->s, &b);
    a.seq = 5;
    a.len = SMX_DESC_MAX;
    put_desc(f->s, &a);
    assert_int_equal(f->s->desc_get(f->s, a.key, &got), SMX_OK);
    assert_true(got.seq == 5 && got.expires.s == 1001);
    assert_int_equal(got.len, SMX_DESC_MAX);
    assert_memory_equal(got.bytes, a.bytes, SMX_DESC_MAX);
    assert_int_equal(f->s->desc_get(f->s, desc_row(3).key, &got), SMX_E_ABSENT);
    assert_int_equal(f->s->desc_count(f->s, &count), SMX_OK);
    assert_int_equal(count, 2);
}

struct seen {
    size_t count, stop_at;
    char names[256];
};

static enum smx_err see_name(void *arg, const struct smx_store_name *row)
{
    struct seen *seen = arg;

    strcat(strcat(seen->names, row->name), " ");
    return ++seen->count == seen->stop_at ? SMX_E_FULL : SMX_OK;
}

static void rows_come_in_ascending_order_until_the_caller_has_enough(void **state)
{
    static const char *const names[] = {"carol", "alice", "bob", "bob.2", "al-ice"};
    struct fixture *f = *state;
    struct seen seen = {0}, two = {.stop_at = 2};

    for (unsigned i = 0; i < 5; i++) {
        struct smx_store_name row = name_row(names[i], i);

        put_name(f->s, &row);
    }
    assert_int_equal(f->s->name_each(f->s, see_name, &seen), SMX_OK);
    assert_string_equal(seen.names, "al-ice alice bob bob.2 carol ");
    assert_int_equal(f->s->name_each(f->s, see_name, &two), SMX_E_FULL);
    assert_int_equal(two.count, 2);
    assert_int_equal(f->s->name_each(f->s, see_name, &two), SMX_OK); /* and can be asked again */
}

static enum smx_err count_desc(void *arg, const struct smx_store_desc *row)
{
    size_t *count = arg;

    assert_int_equal(row->bytes[0], row->key[0] + 1);
    ++*count;
    return SMX_OK;
}

static void purges_drop_what_is_over_and_nothing_else(void **state)
{
    struct fixture *f = *state;
    struct seen seen = {0};
    size_t count = 0;

    for (unsigned i = 0; i < 6; i++) { /* even ones are held; times 1000..1005 */
        char name[] = "name-0";
        struct smx_store_name row;
        struct smx_store_desc desc = desc_row(i);

        name[5] = (char)('0' + i);
        row = name_row(name, i);
        put_name(f->s, &row);
        put_desc(f->s, &desc);
    }
    assert_int_equal(f->s->name_purge(f->s, (struct smx_wall){1005}, (struct smx_wall){1002}), SMX_OK);
    assert_int_equal(f->s->name_each(f->s, see_name, &seen), SMX_OK);
    assert_string_equal(seen.names, "name-2 name-4 name-5 ");
    assert_int_equal(f->s->desc_purge(f->s, (struct smx_wall){1003}), SMX_OK);
    assert_int_equal(f->s->desc_each(f->s, count_desc, &count), SMX_OK);
    assert_int_equal(count, 2);
}

static enum smx_err see_relay(void *arg, const struct smx_store_relay *row)
{
    struct seen *seen = arg;

    assert_int_equal(row->layer, row->id[0]);
    assert_int_equal(row->seen.s, 50 + row->id[0]);
    strncat(strcat(seen->names, " "), (const char *)row->at, row->len);
    seen->count++;
    return SMX_OK;
}

static void relays_keep_their_layer_and_last_descriptor(void **state)
{
    struct fixture *f = *state;
    struct smx_store_relay a = {.id = {2}, .layer = 2, .seen = {52}, .at = (const uint8_t *)"old", .len = 3};
    struct smx_store_relay b = {.id = {1}, .layer = 1, .seen = {51}, .at = (const uint8_t *)"b", .len = 1};
    struct seen seen = {0};
    uint8_t layer;

    assert_int_equal(f->s->begin(f->s), SMX_OK);
    assert_int_equal(f->s->relay_put(f->s, &a), SMX_OK);
    assert_int_equal(f->s->relay_put(f->s, &b), SMX_OK);
    a.at = (const uint8_t *)"newer";
    a.len = 5;
    assert_int_equal(f->s->relay_put(f->s, &a), SMX_OK);
    assert_int_equal(f->s->commit(f->s), SMX_OK);
    assert_int_equal(f->s->relay_each(f->s, see_relay, &seen), SMX_OK);
    assert_string_equal(seen.names, " b newer");
    assert_int_equal(f->s->relay_layer(f->s, a.id, &layer), SMX_OK);
    assert_int_equal(layer, 2);
    a.id[0] = 3;
    assert_int_equal(f->s->relay_layer(f->s, a.id, &layer), SMX_E_ABSENT);
}

static void a_blob_is_kept_whole(void **state)
{
    struct fixture *f = *state;
    uint8_t *at = NULL, big[5000];
    size_t len;

    memset(big, 7, sizeof big);
    assert_int_equal(f->s->blob_get(f->s, SMX_STORE_BATCH, &at, &len), SMX_E_ABSENT);
    assert_int_equal(f->s->blob_put(f->s, SMX_STORE_BATCH, big, 3), SMX_OK);
    assert_int_equal(f->s->blob_put(f->s, SMX_STORE_BATCH, big, sizeof big), SMX_OK);
    assert_int_equal(f->s->blob_get(f->s, SMX_STORE_BATCH, &at, &len), SMX_OK);
    assert_int_equal(len, sizeof big);
    assert_memory_equal(at, big, len);
    free(at);
    assert_int_equal(f->s->blob_get(f->s, SMX_STORE_CONSENSUS, &at, &len), SMX_E_ABSENT);
}

/* ---- SQLite only ---- */

static void what_was_committed_is_there_after_opening_again(void **state)
{
    struct fixture *f = *state;
    struct smx_store_name a = name_row("bob", 2), b = name_row("carol", 4), got;
    struct smx_store_desc d = desc_row(1), got_desc;

    put_name(f->s, &a);
    put_desc(f->s, &d);
    assert_int_equal(f->s->begin(f->s), SMX_OK);
    assert_int_equal(f->s->name_put(f->s, &b), SMX_OK); /* never committed */
    reopen(f);
    assert_name(f->s, &a);
    assert_int_equal(f->s->name_get(f->s, "carol", &got), SMX_E_ABSENT);
    assert_int_equal(f->s->desc_get(f->s, d.key, &got_desc), SMX_OK);
}

static void what_was_undone_was_never_there(void **state)
{
    struct fixture *f = *state;
    struct smx_store_name a = name_row("bob", 2), got;

    assert_int_equal(f->s->begin(f->s), SMX_OK);
    assert_int_equal(f->s->name_put(f->s, &a), SMX_OK);
    f->s->undo(f->s);
    assert_int_equal(f->s->name_get(f->s, "bob", &got), SMX_E_ABSENT);
    put_name(f->s, &a);
    assert_name(f->s, &a);
}

static void a_reader_sees_the_store_beside_its_writer(void **state)
{
    struct fixture *f = *state;
    struct smx_store_name a = name_row("bob", 2);
    struct smx_store *reader;
    const char *why;

    put_name(f->s, &a);
    assert_int_equal(smx_store_sqlite(&reader, f->path, true, &why), SMX_OK);
    assert_name(reader, &a);
    assert_int_equal(reader->name_put(reader, &a), SMX_E_IO);
    assert_non_null(reader->fault(reader));
    reader->free(reader);
    assert_int_equal(smx_store_sqlite(&reader, "/tmp/sipmix-store-none/db", true, &why), SMX_E_IO);
    assert_null(reader);
}

static void a_file_that_is_no_store_is_refused_and_left_alone(void **state)
{
    static const char text[] =
        "this is not a database, but somebody's letter; it is long enough to have a header";
    struct fixture *f = *state;
    char got[sizeof text] = "";
    struct smx_store *s;
    const char *why = NULL;
    FILE *file;

    f->s->free(f->s);
    file = fopen(f->path, "w");
    assert_int_equal(fwrite(text, 1, sizeof text, file), sizeof text);
    fclose(file);
    assert_int_equal(smx_store_sqlite(&s, f->path, false, &why), SMX_E_IO);
    assert_non_null(why);
    file = fopen(f->path, "r");
    assert_int_equal(fread(got, 1, sizeof got, file), sizeof text);
    fclose(file);
    assert_string_equal(got, text);
    f->s = smx_store_memory();
}

#define ON_BOTH(test)                                                                                        \
    {#test " (memory)", test, setup_memory, teardown, NULL},                                                 \
    {                                                                                                        \
#test " (sqlite)", test, setup_sqlite, teardown, NULL                                                \
    }

int main(void)
{
    const struct CMUnitTest tests[] = {
        ON_BOTH(a_name_comes_back_as_it_was_put),
        ON_BOTH(a_descriptor_comes_back_as_it_was_put),
        ON_BOTH(rows_come_in_ascending_order_until_the_caller_has_enough),
        ON_BOTH(purges_drop_what_is_over_and_nothing_else),
        ON_BOTH(relays_keep_their_layer_and_last_descriptor),
        ON_BOTH(a_blob_is_kept_whole),
        cmocka_unit_test_setup_teardown(what_was_committed_is_there_after_opening_again, setup_sqlite,
                                        teardown),
        cmocka_unit_test_setup_teardown(what_was_undone_was_never_there, setup_sqlite, teardown),
        cmocka_unit_test_setup_teardown(a_reader_sees_the_store_beside_its_writer, setup_sqlite, teardown),
        cmocka_unit_test_setup_teardown(a_file_that_is_no_store_is_refused_and_left_alone, setup_sqlite,
                                        teardown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
