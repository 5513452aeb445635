#include "proto/host/http.h"

#include "proto/host/loop.h"
#include "proto/host/sock.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>
#include <event2/event.h>

enum { BODY_MAX = 1000, CONNS = 3 };

struct fixture {
    struct smx_loop *loop;
    struct smx_timer *pause;
    struct smx_http_server *server;
    struct smx_addr at;
    int status;
    unsigned done;
    char body[4096];
    size_t len;
    unsigned given_back;
};

static void say_hello(void *arg, const struct smx_http_request *req, struct smx_http_reply *reply)
{
    struct fixture *f = arg;
    struct smx_addr from = smx_http_from(req);
    const char *name = smx_http_query(req, "name"), *token = smx_http_header(req, "X-Token");
    char text[200];

    (void)f;
    assert_true(smx_addr_is_v4(&from));
    snprintf(text, sizeof text, "hello %s %s", name ? name : "you", token ? token : "");
    smx_http_add_header(reply, "X-Extra", "1");
    smx_http_answer(reply, 200, "text/plain", text, strlen(text));
}

static void echo(void *arg, const struct smx_http_request *req, struct smx_http_reply *reply)
{
    const uint8_t *body;
    size_t len;

    (void)arg;
    body = smx_http_body(req, &len);
    smx_http_answer(reply, 201, "application/octet-stream", body, len);
}

static void say_nothing(void *arg, const struct smx_http_request *req, struct smx_http_reply *reply)
{
    (void)arg;
    (void)req;
    (void)reply;
}

static void say_much(void *arg, const struct smx_http_request *req, struct smx_http_reply *reply)
{
    static char much[3000];

    (void)arg;
    (void)req;
    memset(much, 'm', sizeof much);
    smx_http_answer(reply, 200, "text/plain", much, sizeof much);
}

static void give_back(void *arg)
{
    ((struct fixture *)arg)->given_back++;
}

static void lend(void *arg, const struct smx_http_request *req, struct smx_http_reply *reply)
{
    static const char much[3000] = "much";

    (void)req;
    smx_http_answer_borrowed(reply, 200, "text/plain", much, sizeof much, give_back, arg);
}

static const struct smx_http_route routes[] = {
    {SMX_HTTP_GET, "/hello", say_hello},     {SMX_HTTP_POST, "/echo", echo},
    {SMX_HTTP_GET, "/nothing", say_nothing}, {SMX_HTTP_GET, "/much", say_much},
    {SMX_HTTP_GET, "/lent", lend},
};

static void on_pause(void *arg, smx_time now)
{
    (void)now;
    smx_loop_stop(((struct fixture *)arg)->loop);
}

static int setup(void **state)
{
    static struct fixture f;
    const struct smx_http_limits limits = {CONNS, BODY_MAX, 1, true};
    struct smx_addr addr;

    memset(&f, 0, sizeof f);
    *state = &f;
    f.loop = smx_loop_new();
    f.pause = smx_timer_new(f.loop, on_pause, &f);
    assert_int_equal(smx_addr_parse(&addr, "127.0.0.1:0"), SMX_OK);
    if (smx_http_listen(&f.server, f.loop, &addr, &limits, routes, 5, &f) != SMX_OK)
        return -1;
    f.at = smx_http_local(f.server);
    return 0;
}

static int teardown(void **state)
{
    struct fixture *f = *state;

    smx_http_server_free(f->server);
    smx_timer_free(f->pause);
    smx_loop_free(f->loop);
    return 0;
}

static void turn(struct fixture *f, unsigned ms)
{
    smx_timer_arm(f->pause, smx_loop_now() + SMX_MS(ms));
    assert_int_equal(smx_loop_run(f->loop), SMX_OK);
    for (int i = 0; i < 4; i++) /* on a busy machine the timer may have come first */
        assert_true(event_base_loop(smx_loop_base(f->loop), EVLOOP_NONBLOCK) >= 0);
}

static void on_done(void *arg, int status, const uint8_t *body, size_t len)
{
    struct fixture *f = arg;

    assert_true(len < sizeof f->body);
    f->done++;
    f->status = status;
    memcpy(f->body, body, len);
    f->body[len] = 0;
    f->len = len;
    smx_loop_stop(f->loop);
}

static void ask(struct fixture *f, const char *path, const char *type, const char *body, size_t answer_max)
{
    struct smx_http_ask a = {.to = f->at,
                             .path = path,
                             .type = type,
                             .body = body,
                             .body_len = body ? strlen(body) : 0,
                             .answer_max = answer_max,
                             .timeout_ms = 3000};

    f->done = 0;
    assert_non_null(smx_http_fetch(f->loop, &a, on_done, f));
    assert_int_equal(f->done, 0);
    turn(f, 5000);
    assert_int_equal(f->done, 1);
}

static int connect_to(struct fixture *f)
{
    union smx_sock sock;
    socklen_t len = smx_sock_from_addr(&sock, &f->at);
    int fd = socket(AF_INET, SOCK_STREAM, 0);

    assert_int_equal(connect(fd, &sock.any, len), 0);
    return fd;
}

/* A request written by hand; what comes back is in f->body. */
static void raw(struct fixture *f, const char *text)
{
    int fd = connect_to(f);
    ssize_t got;

    assert_int_equal(write(fd, text, strlen(text)), (ssize_t)strlen(text));
    turn(f, 50);
    got = recv(fd, f->body, sizeof f->body - 1, MSG_DONTWAIT);
    f->body[got > 0 ? got : 0] = 0;
    close(fd);
    turn(f, 20);
}

static void get_and_post_reach_their_routes(void **state)
{
    struct fixture *f = *state;

    ask(f, "/hello?name=a%20b&x=1", NULL, NULL, 100);
    assert_int_equal(f->status, 200);
    assert_string_equal(f->body, "hello a b ");
    ask(f, "/echo", "text/plain", "some bytes", 100);
    assert_int_equal(f->status, 201);
    assert_string_equal(f->body, "some bytes");
}

static void unknown_paths_methods_and_silent_routes_get_their_status(void **state)
{
    struct fixture *f = *state;

    ask(f, "/hell", NULL, NULL, 100);
    assert_int_equal(f->status, 404);
    ask(f, "/hello/", NULL, NULL, 100);
    assert_int_equal(f->status, 404);
    ask(f, "/echo", NULL, NULL, 100);
    assert_int_equal(f->status, 405);
    ask(f, "/nothing", NULL, NULL, 100);
    assert_int_equal(f->status, 500);
}

static void the_answer_carries_the_headers_that_protect_a_page(void **state)
{
    struct fixture *f = *state;

    raw(f, "GET /hello HTTP/1.1\r\nHost: 127.0.0.1:9\r\nX-Token: abc\r\n\r\n");
    assert_int_equal(strncmp(f->body, "HTTP/1.1 200 ", 13), 0);
    assert_non_null(strstr(f->body, "\r\nX-Extra: 1\r\n"));
    assert_non_null(strstr(f->body, "\r\nX-Content-Type-Options: nosniff\r\n"));
    assert_non_null(strstr(f->body, "\r\nContent-Security-Policy: default-src 'self'"));
    assert_non_null(strstr(f->body, "\r\n\r\nhello you abc"));
}

static void head_is_get_without_the_body(void **state)
{
    struct fixture *f = *state;

    raw(f, "HEAD /hello HTTP/1.1\r\nHost: localhost\r\n\r\n");
    assert_int_equal(strncmp(f->body, "HTTP/1.1 200 ", 13), 0);
    assert_non_null(strstr(f->body, "\r\nContent-Length: 10\r\n"));
    assert_null(strstr(f->body, "hello"));
}

static void a_name_of_a_stranger_in_host_is_refused(void **state)
{
    struct fixture *f = *state;

    raw(f, "GET /hello HTTP/1.1\r\nHost: evil.example:80\r\n\r\n");
    assert_int_equal(strncmp(f->body, "HTTP/1.1 403 ", 13), 0);
    raw(f, "GET /hello HTTP/1.0\r\n\r\n");
    assert_int_equal(strncmp(f->body, "HTTP/1.0 403 ", 13), 0);
    raw(f, "GET /hello HTTP/1.1\r\nHost: [::1]:80\r\n\r\n");
    assert_int_equal(strncmp(f->body, "HTTP/1.1 200 ", 13), 0);
}

static void too_much_body_or_header_is_refused(void **state)
{
    struct fixture *f = *state;
    char *text = malloc(BODY_MAX + SMX_HTTP_HEADER_MAX * 2);

    memset(text, 'x', BODY_MAX + 1);
    text[BODY_MAX + 1] = 0;
    ask(f, "/echo", "text/plain", text, 4000);
    assert_int_equal(f->status, 413);
    strcpy(text, "GET /hello HTTP/1.1\r\nHost: localhost\r\nX: ");
    memset(text + strlen(text), 'y', SMX_HTTP_HEADER_MAX);
    strcpy(text + SMX_HTTP_HEADER_MAX + 41, "\r\n\r\n");
    raw(f, text);
    assert_null(strstr(f->body, "hello"));
    free(text);
}

static void a_failed_fetch_has_status_0(void **state)
{
    struct fixture *f = *state;
    struct smx_addr there = f->at;

    ask(f, "/much", NULL, NULL, 2999);
    assert_int_equal(f->status, 0);
    assert_int_equal(f->len, 0);
    ask(f, "/much", NULL, NULL, 3000);
    assert_int_equal(f->status, 200);
    assert_int_equal(f->len, 3000);
    f->at.port = 1; /* nobody listens */
    ask(f, "/hello", NULL, NULL, 100);
    assert_int_equal(f->status, 0);
    f->at = there;
}

static void a_fetch_ends_when_its_time_is_over(void **state)
{
    struct fixture *f = *state;
    struct smx_addr any;
    int deaf;
    struct smx_http_ask a = {.path = "/", .answer_max = 10, .timeout_ms = 50};

    assert_int_equal(smx_addr_parse(&any, "127.0.0.1:0"), SMX_OK);
    deaf = smx_sock_bind(SOCK_STREAM, &any);
    assert_int_equal(listen(deaf, 1), 0);
    a.to = smx_sock_local(deaf);
    assert_non_null(smx_http_fetch(f->loop, &a, on_done, f));
    turn(f, 2000);
    assert_int_equal(f->done, 1);
    assert_int_equal(f->status, 0);
    close(deaf);
}

static void a_cancelled_fetch_says_nothing(void **state)
{
    struct fixture *f = *state;
    struct smx_http_ask a = {.to = f->at, .path = "/hello", .answer_max = 100, .timeout_ms = 1000};

    smx_http_cancel(smx_http_fetch(f->loop, &a, on_done, f));
    turn(f, 50);
    assert_int_equal(f->done, 0);
}

/* Whether the other side has closed it. */
static bool is_closed(int fd)
{
    char byte;

    return recv(fd, &byte, 1, MSG_DONTWAIT) == 0;
}

static void who_only_holds_connections_keeps_nobody_out(void **state)
{
    struct fixture *f = *state;
    int idle[CONNS];

    for (int i = 0; i < CONNS; i++) {
        idle[i] = connect_to(f);
        assert_int_equal(send(idle[i], "POST /echo HTTP/1.1\r\n", 22, 0), 21 + 1);
        turn(f, 30);
    }
    assert_true(is_closed(idle[0])); /* the last place is kept free */
    assert_false(is_closed(idle[1]));
    for (int i = 0; i < 3 * CONNS; i++) {
        raw(f, "GET /hello HTTP/1.1\r\nHost: localhost\r\n\r\n");
        assert_non_null(strstr(f->body, "hello"));
    }
    for (int i = 0; i < CONNS; i++)
        close(idle[i]);
}

static void who_asks_stays_before_who_is_silent(void **state)
{
    struct fixture *f = *state;
    int asks = connect_to(f), silent, third;
    char text[2000];

    turn(f, 30);
    silent = connect_to(f);
    turn(f, 30);
    assert_true(send(asks, "GET /hello HTTP/1.1\r\nHost: localhost\r\n\r\n", 41, 0) > 0);
    turn(f, 30);
    assert_true(recv(asks, text, sizeof text, MSG_DONTWAIT) > 0);
    third = connect_to(f);
    turn(f, 50);
    assert_true(is_closed(silent));
    assert_false(is_closed(asks));
    assert_false(is_closed(third));
    close(asks);
    close(silent);
    close(third);
}

static void a_borrowed_body_is_given_back_once(void **state)
{
    struct fixture *f = *state;

    ask(f, "/lent", NULL, NULL, 4000);
    assert_int_equal(f->status, 200);
    assert_int_equal(f->len, 3000);
    turn(f, 20);
    assert_int_equal(f->given_back, 1);
    raw(f, "HEAD /lent HTTP/1.1\r\nHost: localhost\r\n\r\n");
    assert_int_equal(f->given_back, 2);
}

static void a_silent_connection_is_closed_in_time(void **state)
{
    struct fixture *f = *state;
    int fd = connect_to(f);
    char byte;

    turn(f, 1500);
    assert_int_equal(recv(fd, &byte, 1, MSG_DONTWAIT), 0);
    close(fd);
}

static void a_server_may_go_while_connections_are_open(void **state)
{
    struct fixture *f = *state;
    int fd = connect_to(f);

    turn(f, 20);
    smx_http_server_free(f->server);
    f->server = NULL;
    turn(f, 20);
    close(fd);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(get_and_post_reach_their_routes, setup, teardown),
        cmocka_unit_test_setup_teardown(unknown_paths_methods_and_silent_routes_get_their_status, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(the_answer_carries_the_headers_that_protect_a_page, setup, teardown),
        cmocka_unit_test_setup_teardown(head_is_get_without_the_body, setup, teardown),
        cmocka_unit_test_setup_teardown(a_name_of_a_stranger_in_host_is_refused, setup, teardown),
        cmocka_unit_test_setup_teardown(too_much_body_or_header_is_refused, setup, teardown),
        cmocka_unit_test_setup_teardown(a_failed_fetch_has_status_0, setup, teardown),
        cmocka_unit_test_setup_teardown(a_fetch_ends_when_its_time_is_over, setup, teardown),
        cmocka_unit_test_setup_teardown(a_cancelled_fetch_says_nothing, setup, teardown),
        cmocka_unit_test_setup_teardown(who_only_holds_connections_keeps_nobody_out, setup, teardown),
        cmocka_unit_test_setup_teardown(who_asks_stays_before_who_is_silent, setup, teardown),
        cmocka_unit_test_setup_teardown(a_borrowed_body_is_given_back_once, setup, teardown),
        cmocka_unit_test_setup_teardown(a_silent_connection_is_closed_in_time, setup, teardown),
        cmocka_unit_test_setup_teardown(a_server_may_go_while_connections_are_open, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
