#include "proto/host/log.h"

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

static char text[8192];

/* Everything written to stderr while fn runs. */
static void capture(void (*fn)(void))
{
    int ends[2], saved = dup(STDERR_FILENO);
    ssize_t got;

    assert_int_equal(pipe2(ends, O_NONBLOCK), 0);
    dup2(ends[1], STDERR_FILENO);
    fn();
    dup2(saved, STDERR_FILENO);
    got = read(ends[0], text, sizeof text - 1);
    text[got > 0 ? got : 0] = 0;
    close(saved);
    close(ends[0]);
    close(ends[1]);
}

static unsigned lines(void)
{
    unsigned n = 0;

    for (const char *p = text; *p; p++)
        n += *p == '\n';
    return n;
}

static void say_levels(void)
{
    smx_log_error("no room for %d circuits", 5);
    smx_log_info("started");
    smx_log_debug("tick %u", 1U);
}

static void a_line_names_program_and_level_and_lower_levels_are_left_out(void **state)
{
    (void)state;
    smx_log_init("sipmix-test", SMX_LOG_INFO);
    capture(say_levels);
    assert_string_equal(text, "sipmix-test: error: no room for 5 circuits\nsipmix-test: info: started\n");
}

static void say_often(void)
{
    for (int i = 0; i < 1000; i++)
        smx_log_warn("again %d", i);
    smx_log_warn("another place");
}

static void one_place_can_not_flood_the_log(void **state)
{
    (void)state;
    capture(say_often);
    assert_int_equal(lines(), SMX_LOG_BURST + 1);
    assert_non_null(strstr(text, "another place"));
}

static struct smx_log_site site;

static void say_after_a_minute(void)
{
    smx_log_line(&site, SMX_LOG_WARN, "once more");
}

static void what_was_left_out_is_counted_in_the_next_line(void **state)
{
    (void)state;
    site = (struct smx_log_site){.minute = 0, .lines = SMX_LOG_BURST, .left_out = 990};
    capture(say_after_a_minute);
    assert_string_equal(text, "sipmix-test: warn: once more (990 like it left out)\n");
    assert_int_equal(site.left_out, 0);
}

static void say_long_and_odd(void)
{
    char name[2000];

    memset(name, 'x', sizeof name);
    name[sizeof name - 1] = 0;
    smx_log_error("%s", name);
    smx_log_error("a\nb\033c");
}

static void a_line_is_one_line_and_bounded(void **state)
{
    (void)state;
    capture(say_long_and_odd);
    assert_int_equal(lines(), 2);
    assert_true(strlen(text) < 600);
    assert_non_null(strstr(text, "a b c\n"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_line_names_program_and_level_and_lower_levels_are_left_out),
        cmocka_unit_test(one_place_can_not_flood_the_log),
        cmocka_unit_test(what_was_left_out_is_counted_in_the_next_line),
        cmocka_unit_test(a_line_is_one_line_and_bounded),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
