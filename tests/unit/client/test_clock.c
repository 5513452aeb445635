/* A client's clock and its guard's datagrams: two endpoints and a wire in virtual time.  True time is the
 * guard's. */
#include "client/clock.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <sodium.h>
#include <stdlib.h>
#include <string.h>

enum { CELLS = 3, GUARDS = 2 };
#define Q SMX_MS(20)

static const struct smx_link_timing timing = {.relay_q = SMX_MS(10),
                                              .client_q = Q,
                                              .margin_min = SMX_MS(1),
                                              .margin_max = SMX_MS(15),
                                              .margin_unknown = SMX_MS(5)};
static const struct smx_wall wall = {1790000000};

struct end {
    struct smx_endpoint *ep;
    struct smx_x25519 keys;
    struct smx_addr addr;
    uint32_t link;
};

struct line {
    struct smx_rng rng;
    struct smx_out out;
    struct end guard[GUARDS], client;
    size_t with; /* the guard that the client is connected to */
    struct smx_clock clock;
    int64_t ppb; /* of the client's machine */
    uint64_t tick;
    smx_time delay;       /* of the path down */
    unsigned bound;       /* seconds at the bound */
    int64_t most, before; /* how far the clock strayed since the last look */
};

static smx_time true_time(const struct line *l)
{
    return SMX_SECOND(100) + l->tick * Q;
}

static smx_time local(const struct line *l, smx_time t)
{
    int64_t s = (int64_t)(t / 1000000);

    return t + SMX_SECOND(50) + (smx_time)(s * l->ppb / 1000);
}

static int64_t reading(const struct line *l)
{
    return (int64_t)(smx_clock_read(&l->clock, local(l, true_time(l))) - true_time(l));
}

static void make_end(struct line *l, struct end *e, uint8_t number, const struct smx_clock *clock)
{
    struct smx_endpoint_config config = {
        .client_links_max = 2, .accept_clients = clock == NULL, .timing = timing, .clock = clock};

    smx_x25519_make(&e->keys, &l->rng);
    config.local = e->keys;
    e->addr = (struct smx_addr){.ip = {[10] = 0xff, [11] = 0xff, [12] = 10, [15] = number}, .port = 9000};
    e->link = SMX_LINK_NONE;
    assert_int_equal(smx_endpoint_new(&e->ep, &config, &l->rng), SMX_OK);
}

static void connect_to(struct line *l, size_t which)
{
    if (l->client.link != SMX_LINK_NONE)
        smx_link_close(l->client.ep, l->client.link);
    l->with = which;
    assert_int_equal(smx_endpoint_connect(l->client.ep, local(l, true_time(l)), &l->guard[which].addr,
                                          l->guard[which].keys.public, SMX_LINK_CLIENT, CELLS,
                                          &l->client.link),
                     SMX_OK);
}

static void start(struct line *l, int64_t ppb)
{
    static const uint8_t seed[SMX_RNG_SEED] = {9};

    memset(l, 0, sizeof *l);
    smx_rng_init(&l->rng, seed);
    assert_int_equal(smx_out_new(&l->out, 8, 16384), SMX_OK);
    l->ppb = ppb;
    l->delay = SMX_MS(5);
    smx_clock_init(&l->clock, local(l, true_time(l)));
    for (unsigned i = 0; i < GUARDS; i++)
        make_end(l, &l->guard[i], (uint8_t)i, NULL);
    make_end(l, &l->client, 9, &l->clock);
    connect_to(l, 0);
}

static void end(struct line *l)
{
    for (size_t i = 0; i < GUARDS; i++)
        smx_endpoint_free(l->guard[i].ep);
    smx_endpoint_free(l->client.ep);
    smx_out_free(&l->out);
}

/* What `from` has put out arrives at `to`, and so do the answers. */
static void carry(struct line *l, struct end *from, struct end *to, smx_time at)
{
    while (l->out.dgram_count > 0) {
        uint8_t bytes[SMX_LINK_DATAGRAM_MAX];
        struct smx_link_rx rx;
        size_t len = l->out.dgram[0].len;
        struct end *swap = from;

        memcpy(bytes, l->out.bytes + l->out.dgram[0].at, len);
        smx_out_reset(&l->out);
        smx_endpoint_receive(to->ep, to == &l->client ? local(l, at) : at, wall, &from->addr, bytes, len,
                             &l->out, &rx);
        if (rx.what == SMX_LINK_RX_UP)
            to->link = rx.link;
        from = to;
        to = swap;
    }
}

static void send(struct line *l, struct end *from, struct end *to, smx_time at)
{
    uint8_t *cells;

    if (from->link == SMX_LINK_NONE || !(cells = smx_link_begin(from->ep, from->link, &l->out)))
        return;
    memset(cells, 0, (size_t)CELLS * SMX_LINK_CELL);
    smx_link_seal(from->ep, from->link, cells, l->tick, 0);
    carry(l, from, to, at);
}

static void run(struct line *l, unsigned seconds)
{
    l->before = reading(l);
    l->most = 0;
    for (uint64_t last = l->tick + seconds * 50; l->tick < last;) {
        struct end *guard = &l->guard[l->with];
        smx_time now;

        l->tick++;
        now = true_time(l);
        smx_endpoint_expire(l->client.ep, local(l, now), wall, &l->out);
        carry(l, &l->client, guard, now);
        send(l, &l->client, guard, now);
        send(l, guard, &l->client, now + l->delay + smx_rng_below(&l->rng, 1000000));
        l->bound += smx_client_clock_follow(&l->clock, l->client.ep, l->client.link, local(l, now));
        if (llabs(reading(l) - l->before) > llabs(l->most))
            l->most = reading(l) - l->before;
    }
}

static void its_pace_is_the_guards_however_wrong_the_machine(void **state)
{
    (void)state;
    for (int64_t ppb = -100000; ppb <= 100000; ppb += 50000) {
        struct line l;
        int64_t machine;

        start(&l, ppb);
        run(&l, 60);
        assert_in_range(llabs(l.most), 0, SMX_US(1200));
        machine = (int64_t)local(&l, true_time(&l));
        run(&l, 60);
        assert_in_range(llabs(l.most), 0, SMX_US(400));
        machine = (int64_t)local(&l, true_time(&l)) - machine - (int64_t)SMX_SECOND(60);
        assert_int_equal(machine, 60 * ppb); /* control: the machine's has strayed by so much, up to 6 ms */
        assert_int_equal(l.bound, 0);
        end(&l);
    }
}

static void another_guard_is_met_anew(void **state)
{
    struct line l;

    (void)state;
    start(&l, 80000);
    run(&l, 60);
    l.delay += SMX_MS(7); /* its ticks lie elsewhere */
    connect_to(&l, 1);
    run(&l, 30);
    assert_true(smx_link_is_up(l.client.ep, l.client.link));
    assert_in_range(llabs(l.most), 0, SMX_US(400));
    end(&l);
}

static void a_longer_way_to_the_guard_does_not_move_it(void **state)
{
    struct line l;

    (void)state;
    start(&l, 0);
    run(&l, 60);
    l.delay += SMX_MS(30);
    run(&l, 30);
    assert_in_range(llabs(l.most), 0, SMX_US(200));
    end(&l);
}

static void without_a_guard_it_keeps_the_pace_it_had(void **state)
{
    struct line l;

    (void)state;
    start(&l, 80000);
    run(&l, 120);
    smx_link_close(l.client.ep, l.client.link);
    l.client.link = SMX_LINK_NONE;
    run(&l, 60);
    assert_in_range(llabs(l.most), 0, SMX_US(600)); /* 10 ppm; its machine is wrong by 80 */
    end(&l);
}

static void a_guard_beyond_its_bound_is_told_apart(void **state)
{
    struct line l;

    (void)state;
    start(&l, 300000);
    run(&l, 120);
    assert_in_range(l.bound, 60, 120);
    end(&l);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(its_pace_is_the_guards_however_wrong_the_machine),
        cmocka_unit_test(another_guard_is_met_anew),
        cmocka_unit_test(a_longer_way_to_the_guard_does_not_move_it),
        cmocka_unit_test(without_a_guard_it_keeps_the_pace_it_had),
        cmocka_unit_test(a_guard_beyond_its_bound_is_told_apart),
    };

    if (sodium_init() < 0)
        return 1;
    return cmocka_run_group_tests(tests, NULL, NULL);
}
