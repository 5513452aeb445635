#include "proto/host/tcp.h"

#include "proto/host/loop.h"
#include "proto/host/sock.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>
#include <event2/event.h>

enum { CONNS = 2, IN_MAX = 64, OUT_MAX = 1 << 20 };

struct fixture {
    struct smx_loop *loop;
    struct smx_tcp *tcp;
    struct smx_timer *pause;
    int phone[4];
    uint64_t conn[8]; /* as opened */
    unsigned opened, closed;
    uint64_t last_closed;
    char got[256];
    size_t got_len;
    size_t message; /* bytes that received takes at a time; 0: everything */
    bool close_in_received;
};

static void on_opened(void *arg, uint64_t conn, const struct smx_addr *from)
{
    struct fixture *f = arg;

    assert_true(smx_addr_is_v4(from));
    f->conn[f->opened++] = conn;
}

static size_t on_received(void *arg, uint64_t conn, const uint8_t *bytes, size_t len)
{
    struct fixture *f = arg;
    size_t take = f->message ? f->message : len;

    if (len < take)
        return 0;
    memcpy(f->got + f->got_len, bytes, take);
    f->got_len += take;
    if (f->close_in_received)
        smx_tcp_close(f->tcp, conn);
    return take;
}

static void on_closed(void *arg, uint64_t conn)
{
    struct fixture *f = arg;

    f->closed++;
    f->last_closed = conn;
}

static void on_pause(void *arg, smx_time now)
{
    (void)now;
    smx_loop_stop(((struct fixture *)arg)->loop);
}

static const struct smx_tcp_events events = {on_opened, on_received, on_closed};

static int setup(void **state)
{
    static struct fixture f;
    const struct smx_tcp_limits limits = {CONNS, IN_MAX, OUT_MAX, 30};
    struct smx_addr addr;

    memset(&f, 0, sizeof f);
    for (int i = 0; i < 4; i++)
        f.phone[i] = -1;
    *state = &f;
    f.loop = smx_loop_new();
    f.pause = smx_timer_new(f.loop, on_pause, &f);
    assert_int_equal(smx_addr_parse(&addr, "127.0.0.1:0"), SMX_OK);
    return smx_tcp_listen(&f.tcp, f.loop, &addr, &limits, &events, &f) == SMX_OK ? 0 : -1;
}

static int teardown(void **state)
{
    struct fixture *f = *state;

    for (int i = 0; i < 4; i++)
        if (f->phone[i] >= 0)
            close(f->phone[i]);
    smx_tcp_free(f->tcp);
    smx_timer_free(f->pause);
    smx_loop_free(f->loop);
    return 0;
}

/* Lets the loop do what is ready on the loopback interface. */
static void turn(struct fixture *f)
{
    smx_timer_arm(f->pause, smx_loop_now() + SMX_MS(20));
    assert_int_equal(smx_loop_run(f->loop), SMX_OK);
    for (int i = 0; i < 4; i++) /* on a busy machine the timer may have come first */
        assert_true(event_base_loop(smx_loop_base(f->loop), EVLOOP_NONBLOCK) >= 0);
}

static void call_in(struct fixture *f, int i)
{
    struct smx_addr to = smx_tcp_local(f->tcp);
    union smx_sock sock;
    socklen_t len = smx_sock_from_addr(&sock, &to);

    f->phone[i] = socket(AF_INET, SOCK_STREAM, 0);
    assert_int_equal(connect(f->phone[i], &sock.any, len), 0);
    turn(f);
}

static void say(struct fixture *f, int i, const char *text)
{
    assert_int_equal(write(f->phone[i], text, strlen(text)), (ssize_t)strlen(text));
    turn(f);
}

static bool is_at_end(int fd)
{
    char byte;
    ssize_t got = recv(fd, &byte, 1, MSG_DONTWAIT);

    return got == 0 || (got < 0 && errno == ECONNRESET);
}

static void bytes_go_both_ways(void **state)
{
    struct fixture *f = *state;
    char back[8] = "";

    call_in(f, 0);
    assert_int_equal(f->opened, 1);
    say(f, 0, "hello");
    assert_string_equal(f->got, "hello");
    assert_int_equal(smx_tcp_send(f->tcp, f->conn[0], "there", 5), SMX_OK);
    turn(f);
    assert_int_equal(recv(f->phone[0], back, sizeof back, MSG_DONTWAIT), 5);
    assert_string_equal(back, "there");
}

static void what_is_not_taken_comes_again_with_what_follows(void **state)
{
    struct fixture *f = *state;

    f->message = 4;
    call_in(f, 0);
    say(f, 0, "on");
    assert_int_equal(f->got_len, 0);
    say(f, 0, "e.two.thr");
    assert_string_equal(f->got, "one.two.");
    say(f, 0, "3");
    assert_string_equal(f->got, "one.two.thr3");
}

static void a_stream_without_a_message_in_its_bound_is_closed(void **state)
{
    struct fixture *f = *state;
    char text[IN_MAX + 1];

    f->message = 1000;
    memset(text, 'x', sizeof text);
    text[IN_MAX] = 0;
    call_in(f, 0);
    say(f, 0, text);
    assert_int_equal(f->closed, 1);
    assert_true(f->last_closed == f->conn[0]);
    assert_true(is_at_end(f->phone[0]));
}

static void connections_above_the_limit_are_closed_and_a_slot_comes_free_again(void **state)
{
    struct fixture *f = *state;

    call_in(f, 0);
    call_in(f, 1);
    call_in(f, 2);
    assert_int_equal(f->opened, 2);
    assert_true(is_at_end(f->phone[2]));
    close(f->phone[0]);
    f->phone[0] = -1;
    turn(f);
    assert_int_equal(f->closed, 1);
    call_in(f, 3);
    assert_int_equal(f->opened, 3);
    assert_true(f->conn[2] != f->conn[0]); /* the same slot, another number */
    assert_int_equal(smx_tcp_send(f->tcp, f->conn[0], "x", 1), SMX_E_ABSENT);
}

static void closing_sends_what_is_queued_and_says_nothing(void **state)
{
    struct fixture *f = *state;
    char back[8] = "";

    call_in(f, 0);
    assert_int_equal(smx_tcp_send(f->tcp, f->conn[0], "bye", 3), SMX_OK);
    smx_tcp_close(f->tcp, f->conn[0]);
    assert_int_equal(smx_tcp_send(f->tcp, f->conn[0], "x", 1), SMX_E_ABSENT);
    turn(f);
    assert_int_equal(recv(f->phone[0], back, sizeof back, MSG_DONTWAIT), 3);
    assert_true(is_at_end(f->phone[0]));
    assert_int_equal(f->closed, 0);
    smx_tcp_close(f->tcp, f->conn[0]); /* harmless */
}

static void a_connection_may_be_closed_from_inside_its_own_callback(void **state)
{
    struct fixture *f = *state;

    f->close_in_received = true;
    f->message = 1;
    call_in(f, 0);
    say(f, 0, "abc");
    assert_int_equal(f->got_len, 1);
    assert_true(is_at_end(f->phone[0]));
}

static void who_does_not_read_gets_no_more(void **state)
{
    struct fixture *f = *state;
    static uint8_t much[OUT_MAX];
    enum smx_err err = SMX_OK;

    call_in(f, 0);
    for (int i = 0; i < 64 && err == SMX_OK; i++) {
        err = smx_tcp_send(f->tcp, f->conn[0], much, sizeof much);
        turn(f);
    }
    assert_int_equal(err, SMX_E_FULL);
    assert_int_equal(smx_tcp_send(f->tcp, f->conn[0], much, OUT_MAX), SMX_E_FULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(bytes_go_both_ways, setup, teardown),
        cmocka_unit_test_setup_teardown(what_is_not_taken_comes_again_with_what_follows, setup, teardown),
        cmocka_unit_test_setup_teardown(a_stream_without_a_message_in_its_bound_is_closed, setup, teardown),
        cmocka_unit_test_setup_teardown(connections_above_the_limit_are_closed_and_a_slot_comes_free_again,
                                        setup, teardown),
        cmocka_unit_test_setup_teardown(closing_sends_what_is_queued_and_says_nothing, setup, teardown),
        cmocka_unit_test_setup_teardown(a_connection_may_be_closed_from_inside_its_own_callback, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(who_does_not_read_gets_no_more, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
