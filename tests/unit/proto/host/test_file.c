#include "proto/host/file.h"

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

struct fixture {
    char dir[64], path[96], temp[128];
};

static int setup(void **state)
{
    static struct fixture f;

    strcpy(f.dir, "/tmp/sipmix-test-XXXXXX");
    if (!mkdtemp(f.dir))
        return -1;
    snprintf(f.path, sizeof f.path, "%s/thing", f.dir);
    snprintf(f.temp, sizeof f.temp, "%s.new", f.path);
    *state = &f;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *f = *state;
    char lock[128];

    snprintf(lock, sizeof lock, "%s/lock", f->dir);
    unlink(lock);
    unlink(f->path);
    unlink(f->temp);
    return rmdir(f->dir);
}

static void assert_holds(const char *path, const char *text)
{
    char got[64];
    size_t len;

    assert_int_equal(smx_file_read(path, got, sizeof got, &len), SMX_OK);
    assert_int_equal(len, strlen(text));
    assert_memory_equal(got, text, len);
}

static void what_is_written_is_read_again_and_only_ours(void **state)
{
    struct fixture *f = *state;
    struct stat st;

    assert_int_equal(smx_file_write(f->path, "one", 3, false), SMX_OK);
    assert_holds(f->path, "one");
    assert_int_equal(smx_file_write(f->path, "longer", 6, true), SMX_OK);
    assert_holds(f->path, "longer");
    assert_int_equal(stat(f->path, &st), 0);
    assert_int_equal(st.st_mode & 0777, 0600);
    assert_int_equal(access(f->temp, F_OK), -1);
}

static void an_existing_file_is_replaced_only_when_asked(void **state)
{
    struct fixture *f = *state;

    assert_int_equal(smx_file_write(f->path, "old", 3, false), SMX_OK);
    assert_int_equal(smx_file_write(f->path, "new", 3, false), SMX_E_REFUSED);
    assert_holds(f->path, "old");
}

static void the_leftover_of_a_crash_does_no_harm(void **state)
{
    struct fixture *f = *state;
    int fd = open(f->temp, O_CREAT | O_WRONLY, 0644);

    assert_int_equal(write(fd, "half a file that was never finished", 35), 35);
    close(fd);
    assert_int_equal(smx_file_write(f->path, "whole", 5, true), SMX_OK);
    assert_holds(f->path, "whole");
}

static void two_writers_at_once_do_not_mix(void **state)
{
    struct fixture *f = *state;
    int fd = open(f->temp, O_CREAT | O_WRONLY, 0600);

    assert_int_equal(flock(fd, LOCK_EX), 0);
    assert_int_equal(smx_file_write(f->path, "late", 4, true), SMX_E_STATE);
    assert_int_equal(access(f->path, F_OK), -1);
    close(fd);
}

static void a_failed_write_leaves_the_old_file(void **state)
{
    struct fixture *f = *state;

    assert_int_equal(mkdir(f->temp, 0700), 0); /* nothing can be opened there for writing */
    assert_int_equal(smx_file_write(f->path, "new", 3, true), SMX_E_IO);
    assert_int_equal(access(f->path, F_OK), -1);
    rmdir(f->temp);
}

static void reading_tells_absent_from_too_long(void **state)
{
    struct fixture *f = *state;
    char buf[4];
    size_t len;

    assert_int_equal(smx_file_read(f->path, buf, sizeof buf, &len), SMX_E_ABSENT);
    assert_int_equal(smx_file_write(f->path, "four", 4, false), SMX_OK);
    assert_int_equal(smx_file_read(f->path, buf, sizeof buf, &len), SMX_OK);
    assert_int_equal(smx_file_read(f->path, buf, 3, &len), SMX_E_FULL);
    assert_int_equal(smx_file_read(f->dir, buf, sizeof buf, &len), SMX_E_IO);
    assert_int_equal(errno, EISDIR);
}

static void a_state_folder_serves_one_process(void **state)
{
    struct fixture *f = *state;
    struct smx_state one, two;
    char path[SMX_PATH_MAX];

    assert_int_equal(smx_state_open(&one, f->dir), SMX_OK);
    assert_int_equal(smx_state_open(&two, f->dir), SMX_E_STATE);
    assert_int_equal(smx_state_path(&one, "thing", path), SMX_OK);
    assert_string_equal(path, f->path);
    smx_state_close(&one);
    assert_int_equal(smx_state_open(&two, f->dir), SMX_OK);
    smx_state_close(&two);
}

static void a_state_folder_is_made_closed_and_refused_when_open(void **state)
{
    struct fixture *f = *state;
    struct smx_state s;
    struct stat st;
    char lock[160];

    assert_int_equal(smx_state_open(&s, f->path), SMX_OK);
    smx_state_close(&s);
    assert_int_equal(stat(f->path, &st), 0);
    assert_int_equal(st.st_mode & 0777, 0700);
    chmod(f->path, 0750);
    assert_int_equal(smx_state_open(&s, f->path), SMX_E_REFUSED);
    snprintf(lock, sizeof lock, "%s/lock", f->path);
    unlink(lock);
    rmdir(f->path);
    assert_int_equal(smx_file_write(f->path, "file", 4, false), SMX_OK);
    assert_int_equal(smx_state_open(&s, f->path), SMX_E_REFUSED);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(what_is_written_is_read_again_and_only_ours, setup, teardown),
        cmocka_unit_test_setup_teardown(an_existing_file_is_replaced_only_when_asked, setup, teardown),
        cmocka_unit_test_setup_teardown(the_leftover_of_a_crash_does_no_harm, setup, teardown),
        cmocka_unit_test_setup_teardown(two_writers_at_once_do_not_mix, setup, teardown),
        cmocka_unit_test_setup_teardown(a_failed_write_leaves_the_old_file, setup, teardown),
        cmocka_unit_test_setup_teardown(reading_tells_absent_from_too_long, setup, teardown),
        cmocka_unit_test_setup_teardown(a_state_folder_serves_one_process, setup, teardown),
        cmocka_unit_test_setup_teardown(a_state_folder_is_made_closed_and_refused_when_open, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
