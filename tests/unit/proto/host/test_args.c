#include "proto/host/args.h"

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

struct conf {
    int64_t n;
};

static const struct smx_config_key keys[] = {SMX_KEY_INT("", "n", struct conf, n, "1", 0, 9, "a number")};
static const struct smx_program program = {
    "sipmix-test", "does nothing", {keys, 1, sizeof(struct conf), NULL}};

static struct conf conf;
static char path[] = "/tmp/sipmix-args-XXXXXX", bad_path[] = "/tmp/sipmix-args-XXXXXX", text[4096];

static void write_file(char *name, const char *what)
{
    int fd = mkstemp(name);

    assert_int_equal(write(fd, what, strlen(what)), (ssize_t)strlen(what));
    close(fd);
}

static int setup(void **state)
{
    (void)state;
    write_file(path, "n = 7\n");
    write_file(bad_path, "n = 10\n");
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    unlink(path);
    unlink(bad_path);
    return 0;
}

/* Runs smx_args with what it prints on fd kept in text. */
static int args(int fd, const char *a, const char *b, const char *c)
{
    char *argv[] = {(char *)"sipmix-test", (char *)a, (char *)b, (char *)c, NULL};
    int argc = 1 + !!a + !!b + !!c, ends[2], saved = dup(fd), result;
    ssize_t got;

    assert_int_equal(pipe2(ends, O_NONBLOCK), 0);
    fflush(stdout);
    dup2(ends[1], fd);
    result = smx_args(&program, argc, argv, &conf);
    fflush(stdout);
    dup2(saved, fd);
    got = read(ends[0], text, sizeof text - 1);
    text[got > 0 ? got : 0] = 0;
    close(saved);
    close(ends[0]);
    close(ends[1]);
    return result;
}

static void with_a_good_configuration_the_program_runs(void **state)
{
    (void)state;
    assert_int_equal(args(1, "--config", path, NULL), SMX_ARGS_RUN);
    assert_string_equal(text, "");
    assert_int_equal(conf.n, 7);
}

static void check_config_ends_after_the_check(void **state)
{
    (void)state;
    assert_int_equal(args(1, "--check-config", "--config", path), SMX_EXIT_OK);
    assert_non_null(strstr(text, ": ok\n"));
    assert_int_equal(args(2, "--check-config", "--config", bad_path), SMX_EXIT_USAGE);
    assert_non_null(strstr(text, ":1: n: not a number in the range; allowed: 0 to 9\n"));
    assert_ptr_equal(strchr(text, '\n'), text + strlen(text) - 1); /* one line */
}

static void version_and_help_need_no_configuration(void **state)
{
    (void)state;
    assert_int_equal(args(1, "--version", NULL, NULL), SMX_EXIT_OK);
    assert_int_equal(strncmp(text, "sipmix-test 0.", 14), 0);
    assert_int_equal(args(1, "--help", NULL, NULL), SMX_EXIT_OK);
    assert_non_null(strstr(text, "n = 1\n"));
}

static void anything_else_is_a_usage_error(void **state)
{
    (void)state;
    assert_int_equal(args(2, NULL, NULL, NULL), SMX_EXIT_USAGE);
    assert_non_null(strstr(text, "usage: "));
    assert_int_equal(args(2, "--frobnicate", NULL, NULL), SMX_EXIT_USAGE);
    assert_non_null(strstr(text, "frobnicate"));
    assert_int_equal(args(2, "--config", path, "more"), SMX_EXIT_USAGE);
    assert_int_equal(args(2, "--config", "/nowhere", NULL), SMX_EXIT_USAGE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(with_a_good_configuration_the_program_runs),
        cmocka_unit_test(check_config_ends_after_the_check),
        cmocka_unit_test(version_and_help_need_no_configuration),
        cmocka_unit_test(anything_else_is_a_usage_error),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
