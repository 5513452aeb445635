#include "proto/host/udp.h"

#include "proto/host/loop.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

enum { KEPT = 512 };

struct fixture {
    struct smx_loop *loop;
    struct smx_udp *a, *b;
    struct smx_out out;
    struct smx_timer *limit;
    unsigned count, batches, stop_at;
    size_t len[KEPT];
    uint8_t first[KEPT];
    smx_time arrival[KEPT];
    struct smx_addr from;
};

static void on_datagram(void *arg, const struct smx_addr *from, uint8_t *bytes, size_t len, smx_time arrival)
{
    struct fixture *f = arg;

    assert_true(f->count < KEPT);
    f->len[f->count] = len;
    f->first[f->count] = bytes[0];
    for (size_t i = 0; i < len; i++)
        assert_int_equal(bytes[i], bytes[0]);
    memset(bytes, 0, len); /* ours to alter */
    f->arrival[f->count] = arrival;
    f->from = *from;
    f->count++;
}

static void on_batch_end(void *arg, smx_time now)
{
    struct fixture *f = arg;

    assert_true(f->count == 0 || now >= f->arrival[f->count - 1]);
    f->batches++;
    if (f->count >= f->stop_at)
        smx_loop_stop(f->loop);
}

static void on_limit(void *arg, smx_time now)
{
    (void)now;
    smx_loop_stop(((struct fixture *)arg)->loop);
}

static const struct smx_udp_events events = {on_datagram, on_batch_end};

static bool open_pair(struct fixture *f, const char *text)
{
    struct smx_addr addr;

    assert_int_equal(smx_addr_parse(&addr, text), SMX_OK);
    return smx_udp_open(&f->a, f->loop, &addr, SMX_UDP_BUFFER, &events, f) == SMX_OK &&
           smx_udp_open(&f->b, f->loop, &addr, SMX_UDP_BUFFER, &events, f) == SMX_OK;
}

static int setup(void **state)
{
    static struct fixture f;

    memset(&f, 0, sizeof f);
    f.loop = smx_loop_new();
    *state = &f;
    if (!f.loop || smx_out_new(&f.out, KEPT, KEPT * 1372) != SMX_OK)
        return -1;
    f.limit = smx_timer_new(f.loop, on_limit, &f);
    return f.limit ? 0 : -1;
}

static int teardown(void **state)
{
    struct fixture *f = *state;

    smx_timer_free(f->limit);
    smx_udp_free(f->a);
    smx_udp_free(f->b);
    smx_out_free(&f->out);
    smx_loop_free(f->loop);
    return 0;
}

static void add(struct fixture *f, const struct smx_addr *to, size_t len, uint8_t value)
{
    uint8_t *at = smx_out_add(&f->out, to, len);

    assert_non_null(at);
    memset(at, value, len);
}

static void run_until(struct fixture *f, unsigned count)
{
    f->stop_at = count;
    smx_timer_arm(f->limit, smx_loop_now() + SMX_SECOND(5));
    assert_int_equal(smx_loop_run(f->loop), SMX_OK);
}

static void datagrams_arrive_whole_in_order_and_with_their_sender(void **state)
{
    struct fixture *f = *state;
    struct smx_addr to, from;

    assert_true(open_pair(f, "127.0.0.1:0"));
    to = smx_udp_local(f->b);
    from = smx_udp_local(f->a);
    /* runs of one size, a shorter end of a run, single ones: everything GSO must keep apart */
    for (unsigned i = 0; i < 300; i++)
        add(f, &to, i % 97 == 0 ? 700 : i % 10 == 9 ? 40 : 1372, (uint8_t)i);
    smx_udp_send(f->a, &f->out);
    assert_int_equal(smx_udp_stats(f->a).sent, 300);
    run_until(f, 300);
    assert_int_equal(f->count, 300);
    for (unsigned i = 0; i < 300; i++) {
        assert_int_equal(f->first[i], (uint8_t)i);
        assert_int_equal(f->len[i], i % 97 == 0 ? 700 : i % 10 == 9 ? 40 : 1372);
    }
    assert_true(smx_addr_equal(&f->from, &from));
    assert_int_equal(smx_udp_stats(f->b).received, 300);
    assert_true(f->batches >= 1);
}

/* The kernel begins to stamp a moment after the first socket of the system asks, so the first tries may fail.
 */
static void the_arrival_is_the_kernels_even_when_we_read_late(void **state)
{
    const struct timespec late = {.tv_nsec = 10 * 1000 * 1000};
    struct fixture *f = *state;
    struct smx_addr to;
    smx_time sent, read;
    unsigned i = 0;

    assert_true(open_pair(f, "127.0.0.1:0"));
    to = smx_udp_local(f->b);
    add(f, &to, 100, 1);
    do {
        smx_udp_send(f->a, &f->out);
        sent = smx_loop_now();
        nanosleep(&late, NULL);
        read = smx_loop_now();
        smx_udp_receive(f->b);
        assert_int_equal(f->count, i + 1);
        assert_true(f->arrival[i] <= smx_loop_now());
    } while (f->arrival[i] > read && ++i < 200);
    assert_true(f->arrival[i] < sent + SMX_MS(1));
    assert_int_equal(f->batches, 0); /* receive says nothing about batches */
}

static void a_socket_leaves_the_other_family_to_another(void **state)
{
    struct fixture *f = *state;
    struct smx_addr to, six;

    assert_true(open_pair(f, "127.0.0.1:0"));
    to = smx_udp_local(f->b);
    assert_int_equal(smx_addr_parse(&six, "[::1]:9"), SMX_OK);
    add(f, &six, 100, 1);
    add(f, &to, 100, 2);
    add(f, &six, 100, 3);
    smx_udp_send(f->a, &f->out);
    assert_int_equal(smx_udp_stats(f->a).sent, 1);
    assert_int_equal(smx_udp_stats(f->a).failed, 0);
    run_until(f, 1);
    assert_int_equal(f->first[0], 2);
}

static void ipv6_works_beside_ipv4_on_one_port(void **state)
{
    struct fixture *f = *state;
    struct smx_addr any4, any6, to;
    struct smx_udp *four;

    if (!open_pair(f, "[::1]:0"))
        skip();
    to = smx_udp_local(f->b);
    add(f, &to, 1372, 5);
    add(f, &to, 1372, 6);
    smx_udp_send(f->a, &f->out);
    run_until(f, 2);
    assert_int_equal(f->count, 2);
    smx_udp_free(f->b);
    f->b = NULL;
    assert_int_equal(smx_addr_parse(&any6, "[::]:0"), SMX_OK);
    assert_int_equal(smx_udp_open(&f->b, f->loop, &any6, 0, &events, f), SMX_OK);
    assert_int_equal(smx_addr_parse(&any4, "0.0.0.0:0"), SMX_OK);
    any4.port = smx_udp_local(f->b).port;
    assert_int_equal(smx_udp_open(&four, f->loop, &any4, 0, &events, f), SMX_OK);
    smx_udp_free(four);
}

static void a_destination_that_the_system_refuses_costs_only_itself(void **state)
{
    struct fixture *f = *state;
    struct smx_addr to, bad;

    assert_true(open_pair(f, "127.0.0.1:0"));
    to = smx_udp_local(f->b);
    bad = to;
    bad.port = 0;
    add(f, &to, 100, 1);
    add(f, &bad, 100, 2);
    add(f, &bad, 100, 3);
    add(f, &to, 100, 4);
    add(f, &to, 100, 5);
    smx_udp_send(f->a, &f->out);
    assert_int_equal(smx_udp_stats(f->a).failed, 2);
    assert_int_equal(smx_udp_stats(f->a).sent, 3);
    run_until(f, 3);
    assert_int_equal(f->first[0], 1);
    assert_int_equal(f->first[2], 5);
}

static void a_datagram_may_be_as_long_as_udp_lets_it(void **state)
{
    struct fixture *f = *state;
    struct smx_out big;
    struct smx_addr to;

    assert_true(open_pair(f, "127.0.0.1:0"));
    to = smx_udp_local(f->b);
    assert_int_equal(smx_out_new(&big, 2, 1 << 17), SMX_OK);
    memset(smx_out_add(&big, &to, 65507), 7, 65507); /* the most that IPv4 carries */
    memset(smx_out_add(&big, &to, 8500), 8, 8500);
    smx_udp_send(f->a, &big);
    smx_out_free(&big);
    run_until(f, 2);
    assert_int_equal(f->len[0], 65507);
    assert_int_equal(f->len[1], 8500);
}

static void a_socket_outlives_the_network(void **state)
{
    struct fixture *f = *state;
    struct smx_addr to, bad;

    /* what a laptop meets that has lost its network: ENETUNREACH, for as long as it lasts */
    assert_true(open_pair(f, "127.0.0.1:0"));
    to = smx_udp_local(f->b);
    assert_int_equal(smx_addr_parse(&bad, "192.0.2.1:7000"), SMX_OK);
    for (int i = 0; i < 100; i++) {
        add(f, &bad, 1372, 1);
        smx_udp_send(f->a, &f->out);
        smx_out_reset(&f->out);
    }
    assert_int_equal(smx_udp_stats(f->a).sent + smx_udp_stats(f->a).failed, 100);
    add(f, &to, 100, 9);
    smx_udp_send(f->a, &f->out);
    run_until(f, 1);
    assert_int_equal(f->first[0], 9);
}

static void a_port_in_use_is_an_error_with_a_cause(void **state)
{
    struct fixture *f = *state;
    struct smx_addr taken;
    struct smx_udp *other;

    assert_true(open_pair(f, "127.0.0.1:0"));
    taken = smx_udp_local(f->a);
    assert_int_equal(smx_udp_open(&other, f->loop, &taken, 0, &events, f), SMX_E_IO);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(datagrams_arrive_whole_in_order_and_with_their_sender, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(the_arrival_is_the_kernels_even_when_we_read_late, setup, teardown),
        cmocka_unit_test_setup_teardown(a_socket_leaves_the_other_family_to_another, setup, teardown),
        cmocka_unit_test_setup_teardown(ipv6_works_beside_ipv4_on_one_port, setup, teardown),
        cmocka_unit_test_setup_teardown(a_destination_that_the_system_refuses_costs_only_itself, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(a_datagram_may_be_as_long_as_udp_lets_it, setup, teardown),
        cmocka_unit_test_setup_teardown(a_socket_outlives_the_network, setup, teardown),
        cmocka_unit_test_setup_teardown(a_port_in_use_is_an_error_with_a_cause, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
