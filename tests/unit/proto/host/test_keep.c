#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "proto/host/keep.h"

static const char *const names[] = {"one", "two"};
static char folder[] = "/tmp/sipmix-keep-XXXXXX";
static struct smx_state state = {.lock = -1};

static int open_folder(void **unused)
{
    (void)unused;
    return mkdtemp(folder) && smx_state_open(&state, folder) == SMX_OK ? 0 : -1;
}

static int close_folder(void **unused)
{
    char command[sizeof folder + 16];

    (void)unused;
    smx_state_close(&state);
    snprintf(command, sizeof command, "rm -rf %s", folder);
    return system(command); /* NOLINT(cert-env33-c): our own folder */
}

static void what_waits_is_written_before_the_end_and_the_newest_wins(void **unused)
{
    struct smx_keep *k = smx_keep_start(&state, names, 2);
    char text[32];
    uint8_t *got;
    size_t len;
    enum smx_err err;

    (void)unused;
    assert_non_null(k);
    for (int i = 0; i < 500; i++) {
        snprintf(text, sizeof text, "version %d", i);
        smx_keep(k, 0, text, strlen(text));
    }
    smx_keep(k, 1, "other", 5);
    smx_keep_stop(k);
    got = smx_keep_load(&state, "one", 100, &len, &err);
    assert_int_equal(err, SMX_OK);
    assert_int_equal(len, strlen("version 499"));
    assert_memory_equal(got, "version 499", len);
    free(got);
    got = smx_keep_load(&state, "two", 100, &len, &err);
    assert_memory_equal(got, "other", 5);
    free(got);
}

static void a_file_is_removed_and_one_may_stand_elsewhere(void **unused)
{
    char elsewhere[] = "/tmp/sipmix-kept-XXXXXX";
    const char *const two[] = {"one", elsewhere};
    struct smx_keep *k;
    size_t len;
    enum smx_err err;
    uint8_t *got;

    (void)unused;
    assert_int_equal(close(mkstemp(elsewhere)), 0);
    k = smx_keep_start(&state, two, 2);
    assert_non_null(k);
    smx_keep(k, 0, "gone", 4);
    smx_keep(k, 0, NULL, 0);
    smx_keep(k, 1, "here", 4);
    smx_keep_stop(k);
    assert_null(smx_keep_load(&state, "one", 100, &len, &err));
    assert_int_equal(err, SMX_OK);
    got = smx_keep_load(&state, elsewhere, 100, &len, &err);
    assert_memory_equal(got, "here", 4);
    free(got);

    k = smx_keep_start(&state, two, 2);
    assert_non_null(k);
    smx_keep(k, 0, NULL, 0); /* it is not there: no failure */
    smx_keep(k, 1, NULL, 0);
    smx_keep_stop(k);
    assert_int_equal(access(elsewhere, F_OK), -1);
}

static void a_file_that_is_not_there_is_no_error_and_one_too_long_is(void **unused)
{
    size_t len;
    enum smx_err err;

    (void)unused;
    assert_null(smx_keep_load(&state, "three", 100, &len, &err));
    assert_int_equal(err, SMX_OK);
    assert_null(smx_keep_load(&state, "two", 2, &len, &err));
    assert_int_equal(err, SMX_E_FULL);
}

static void what_can_not_be_written_is_counted(void **unused)
{
    struct smx_keep *k;
    char path[SMX_PATH_MAX];

    (void)unused;
    assert_int_equal(smx_state_path(&state, "one.new", path), SMX_OK);
    assert_int_equal(mkdir(path, 0700), 0); /* stands where the writer wants its file */
    k = smx_keep_start(&state, names, 2);
    assert_non_null(k);
    smx_keep(k, 0, "x", 1);
    for (int i = 0; i < 500; i++) {
        usleep(10000);
        if (smx_keep_failures(k) == 1)
            break;
        assert_true(i < 499);
    }
    assert_int_equal(smx_keep_failures(k), 0);
    smx_keep_stop(k);
    assert_int_equal(rmdir(path), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_waits_is_written_before_the_end_and_the_newest_wins),
        cmocka_unit_test(a_file_that_is_not_there_is_no_error_and_one_too_long_is),
        cmocka_unit_test(a_file_is_removed_and_one_may_stand_elsewhere),
        cmocka_unit_test(what_can_not_be_written_is_counted),
    };

    return cmocka_run_group_tests(tests, open_folder, close_folder);
}
