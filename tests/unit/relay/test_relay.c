/* Relay cores in virtual time: circuits, joins, and what an attacker on a wire can change behind the next
 * honest relay. */
#include "tests/unit/relay/world.h"

static void set_up_circuits(struct world *w)
{
    run_for(w, 1500); /* links */
    for (size_t i = 0; i < OWNERS; i++) {
        assert_true(w->owner[i].up);
        for (size_t k = 0; k < CIRCUITS; k++)
            build(w, i, k, (i + k) % 3, (i + k) % 3);
    }
    run_for(w, 3000);
}

/* Owner 0's slot 0 waits at end 0; owner 1's slot 0 is lengthened from end 1 and joins. */
static void set_up_call(struct world *w)
{
    static const uint8_t cookie[SMX_COOKIE] = "a cookie of 16 b";
    uint8_t join[SMX_COOKIE + SMX_MEET_MSG2];
    struct owner_circuit *a = &w->owner[0].circuit[0], *b = &w->owner[1].circuit[0];
    struct smx_hop_target rendezvous = target_of(w, w->end[0]);

    assert_int_equal(smx_origin_request(&a->origin, w->now, 2, SMX_HOP_COOKIE, cookie, sizeof cookie),
                     SMX_OK);
    run_for(w, 300);
    assert_true(a->answered);
    a->answered = false;
    b->opened = false;
    assert_int_equal(smx_origin_extend(&b->origin, w->now, &rendezvous), SMX_OK);
    run_for(w, 300);
    assert_true(b->opened);
    memcpy(join, cookie, sizeof cookie);
    memset(join + sizeof cookie, 0x5a, SMX_MEET_MSG2);
    b->answered = false;
    assert_int_equal(smx_origin_request(&b->origin, w->now, 3, SMX_HOP_JOIN, join, sizeof join), SMX_OK);
    for (int i = 0; i < 30 && !b->answered; i++)
        run_for(w, 20);
    assert_true(b->answered);
    assert_int_equal(b->answer_type, SMX_HOP_JOINED);
    smx_origin_set_joined(&b->origin, true); /* at once: what comes from beyond is no noise any more */
    run_for(w, 500);                         /* the last copy of MET takes the place of a cell */
    assert_int_equal(a->last_type, SMX_HOP_MET);
    assert_memory_equal(a->last, join, sizeof join);
    smx_origin_set_joined(&a->origin, true);
    a->talks = b->talks = true;
}

static void circuits_of_three_hops_come_to_stand(void **state)
{
    struct world *w = world_new(1, false);

    (void)state;
    set_up_circuits(w);
    for (size_t i = 0; i < OWNERS; i++)
        for (size_t k = 0; k < CIRCUITS; k++) {
            struct owner_circuit *c = &w->owner[i].circuit[k];

            assert_true(c->opened);
            assert_false(c->died);
            assert_int_equal(c->nop_hop, 2); /* the end's filler arrives */
        }
    for (size_t i = 0; i < RELAYS; i++) {
        const struct smx_relay_counters *n = smx_relay_counters(w->relay[i]);

        assert_int_equal(n->cells_late, 0);
        assert_int_equal(n->cells_stray, 0);
        assert_int_equal(n->ticks_skipped, 0);
    }
    world_free(w);
}

static void a_call_crosses_six_relays_without_losing_a_cell(void **state)
{
    struct world *w = world_new(2, false);
    struct owner_circuit *a = &w->owner[0].circuit[0], *b = &w->owner[1].circuit[0];

    (void)state;
    w->jitter = SMX_MS(1);
    set_up_circuits(w);
    set_up_call(w);
    run_for(w, 10000);
    assert_true(a->got > 490 && b->got > 490);
    assert_int_equal(a->lost, 0);
    assert_int_equal(b->lost, 0);
    for (size_t i = 0; i < RELAYS; i++)
        assert_int_equal(smx_relay_counters(w->relay[i])->cells_late, 0);
    world_free(w);
}

static void leaving_frees_the_piece_between_the_ends_and_leaves_both_slots_idle(void **state)
{
    (void)state;
    for (int who = 0; who < 2; who++) {
        struct world *w = world_new(3 + (uint64_t)who, false);
        struct owner_circuit *a = &w->owner[0].circuit[0], *b = &w->owner[1].circuit[0];
        struct owner_circuit *leaver = who == 0 ? a : b, *left = who == 0 ? b : a;
        size_t circuits = 0, after = 0;

        set_up_circuits(w);
        for (size_t i = 0; i < RELAYS; i++)
            circuits += smx_relay_circuits(w->relay[i]);
        set_up_call(w);
        run_for(w, 500);
        leaver->answered = false;
        a->talks = b->talks = false;
        assert_int_equal(smx_origin_request(&leaver->origin, w->now, 2, SMX_HOP_LEAVE, NULL, 0), SMX_OK);
        run_for(w, 600);
        assert_true(leaver->answered);
        assert_int_equal(left->last_type, SMX_HOP_LEFT);
        smx_origin_truncate(&a->origin, 3);
        smx_origin_truncate(&b->origin, 3);
        run_for(w, 500);
        assert_int_equal(a->nop_hop, 2);
        assert_int_equal(b->nop_hop, 2);
        for (size_t i = 0; i < RELAYS; i++)
            after += smx_relay_circuits(w->relay[i]);
        assert_int_equal(after, circuits);
        /* and once more, with the same slots */
        set_up_call(w);
        run_for(w, 2000);
        assert_true(a->got > 100 && b->got > 100);
        world_free(w);
    }
}

static void a_join_at_ones_own_end_takes_five_relays(void **state)
{
    static const uint8_t cookie[SMX_COOKIE] = "another cookie..";
    struct world *w = world_new(7, false);
    struct owner_circuit *a = &w->owner[0].circuit[0], *b;
    uint8_t join[SMX_COOKIE + SMX_MEET_MSG2] = {0};

    (void)state;
    run_for(w, 1500);
    build(w, 0, 0, 0, 0);
    build(w, 1, 0, 1, 0); /* the same end */
    run_for(w, 2000);
    b = &w->owner[1].circuit[0];
    memcpy(join, cookie, sizeof cookie);
    /* this time the JOIN comes before the cookie, and waits */
    assert_int_equal(smx_origin_request(&b->origin, w->now, 2, SMX_HOP_JOIN, join, sizeof join), SMX_OK);
    run_for(w, 500);
    assert_int_equal(smx_origin_request(&a->origin, w->now, 2, SMX_HOP_COOKIE, cookie, sizeof cookie),
                     SMX_OK);
    run_for(w, 500);
    assert_true(b->answered);
    smx_origin_set_joined(&a->origin, true);
    smx_origin_set_joined(&b->origin, true);
    a->talks = b->talks = true;
    run_for(w, 1000);
    assert_true(a->got > 40 && b->got > 40);
    world_free(w);
}

static void a_join_without_a_cookie_is_refused_after_two_seconds(void **state)
{
    struct world *w = world_new(8, false);
    uint8_t join[SMX_COOKIE + SMX_MEET_MSG2] = "nobody's cookie";
    struct owner_circuit *b = &w->owner[1].circuit[0];

    (void)state;
    run_for(w, 1500);
    build(w, 1, 0, 1, 0);
    run_for(w, 2000);
    assert_int_equal(smx_origin_request(&b->origin, w->now, 2, SMX_HOP_JOIN, join, sizeof join), SMX_OK);
    run_for(w, 1900);
    assert_false(b->failed);
    run_for(w, 600);
    assert_true(b->failed);
    assert_int_equal(b->origin.state, SMX_ORIGIN_OPEN);
    world_free(w);
}

static void links_rekey_under_full_circuits_without_losing_a_cell(void **state)
{
    struct world *w = world_new(9, false);
    struct owner_circuit *a = &w->owner[0].circuit[0], *b = &w->owner[1].circuit[0];

    (void)state;
    set_up_circuits(w);
    set_up_call(w);
    run_for(w, 140000);
    assert_true(smx_relay_link_counters(w->relay[w->guard[0]])->rekeys >=
                2); /* with its client, with its middles */
    assert_true(smx_endpoint_counters(w->owner[0].ep)->rekeys >= 1);
    assert_int_equal(a->lost, 0);
    assert_int_equal(b->lost, 0);
    for (size_t k = 0; k < CIRCUITS; k++)
        assert_int_equal(w->owner[0].circuit[k].origin.state, SMX_ORIGIN_OPEN);
    world_free(w);
}

/* ---- an attacker on the wire between guard and middle ---- */

enum { RECORDED = 20000 };
enum attack_kind { NOTHING, DROP, DELAY, REORDER, ALTER, DUPLICATE, REPLAY_LATE, ATTACKS };
struct recorder {
    struct smx_addr from, to; /* the link he sits on */
    smx_time at;              /* the first datagram from then on is his */
    enum attack_kind kind;
    bool done, replayed;
    bool armed;
    size_t count;
    struct packet kept;
    struct {
        smx_time at;
        struct smx_addr from, to;
        size_t len;
        uint8_t bytes[SMX_LINK_DATAGRAM_MAX];
    } * seen; /* what leaves all other relays but the two */
};

static int attack(struct world *w, const struct smx_addr *from, const struct smx_addr *to, uint8_t *bytes,
                  size_t len, smx_time *delay)
{
    struct recorder *r = w->meddle_ctx;
    bool his = smx_addr_equal(from, &r->from) && smx_addr_equal(to, &r->to);

    if (!r->armed)
        return 1;
    if (!his) {
        assert_true(r->count < RECORDED);
        r->seen[r->count].at = w->now;
        r->seen[r->count].from = *from;
        r->seen[r->count].to = *to;
        r->seen[r->count].len = len;
        memcpy(r->seen[r->count++].bytes, bytes, len);
        return 1;
    }
    if (r->kind == REPLAY_LATE && r->done && !r->replayed && w->now > r->at + SMX_MS(500)) {
        r->kept.at = w->now + 1;
        r->kept.order = w->order++;
        queue_push(w, &r->kept);
        r->replayed = true;
    }
    if (r->done || w->now < r->at)
        return 1;
    r->done = true;
    switch (r->kind) {
    case DROP:
        return 0;
    case DELAY:
        *delay = SMX_MS(60);
        return 1;
    case REORDER: /* the next one overtakes it */
        *delay = SMX_MS(12);
        return 1;
    case ALTER:
        bytes[200] ^= 0x10;
        return 1;
    case DUPLICATE:
        return 2;
    case REPLAY_LATE:
        r->kept = (struct packet){.from = *from, .to = *to, .len = (uint16_t)len};
        memcpy(r->kept.bytes, bytes, len);
        return 1;
    case NOTHING:
    case ATTACKS:
        break;
    }
    return 1;
}

/* Runs the same world with one meddling and returns what left everybody else meanwhile. */
static void record(struct recorder *r, enum attack_kind kind)
{
    struct world *w = world_new(15, false); /* in which the link has cells in that very tick */
    smx_time latency;

    set_up_circuits(w);
    set_up_call(w);
    run_for(w, 500);
    *r = (struct recorder){.kind = kind,
                           .from = w->addr[w->guard[0]],
                           .to = w->addr[w->middle[0]],
                           .seen = r->seen,
                           .armed = true};
    r->at = w->now + SMX_MS(100);
    w->meddle = attack;
    w->meddle_ctx = r;
    latency = w->latency;
    run_for(w, 1000);
    assert_int_equal(w->latency, latency);
    assert_true(r->done);
    assert_int_equal(r->replayed, kind == REPLAY_LATE);
    world_free(w);
}

/* Bytes of a datagram that differ, as the number of cells they lie in; the tag does not count. */
static size_t cells_changed(const uint8_t *a, const uint8_t *b, size_t len)
{
    size_t changed = 0;

    for (size_t at = SMX_LINK_HEAD; at + SMX_CELL_SIZE <= len; at += SMX_CELL_SIZE)
        changed += memcmp(a + at, b + at, SMX_CELL_SIZE) != 0;
    return changed;
}

static void meddling_with_a_datagram_changes_one_cell_a_circuit_and_no_departure(void **state)
{
    struct recorder plain = {.seen = calloc(RECORDED, sizeof *plain.seen)},
                    hurt = {.seen = calloc(RECORDED, sizeof *hurt.seen)};

    (void)state;
    assert_non_null(plain.seen);
    assert_non_null(hurt.seen);
    record(&plain, NOTHING);
    for (enum attack_kind kind = DROP; kind < ATTACKS; kind++) {
        size_t datagrams = 0, cells = 0;

        record(&hurt, kind);
        assert_int_equal(hurt.count, plain.count);
        for (size_t i = 0; i < plain.count; i++) {
            size_t changed = cells_changed(plain.seen[i].bytes, hurt.seen[i].bytes, plain.seen[i].len);

            assert_int_equal(plain.seen[i].at, hurt.seen[i].at);
            assert_int_equal(plain.seen[i].len, hurt.seen[i].len);
            assert_true(smx_addr_equal(&plain.seen[i].to, &hurt.seen[i].to));
            datagrams += changed > 0;
            cells += changed;
        }
        if (kind >= DUPLICATE) { /* a copy is nothing to anybody */
            assert_int_equal(cells, 0);
            continue;
        }
        /* The datagram held at most six cells.  Each of them is missing on each later link of its way, once:
         * filler there, or noise, so at most six cells on each of the four links that follow, and nothing
         * else. */
        assert_true(cells > 0 || kind == REORDER); /* a little late may still be in time */
        assert_true(cells <= 6 * 4);
        assert_true(datagrams <= 6 * 4);
    }
    free(plain.seen);
    free(hurt.seen);
}

static void the_same_seed_gives_the_same_bytes(void **state)
{
    struct recorder a = {.seen = calloc(RECORDED, sizeof *a.seen)},
                    b = {.seen = calloc(RECORDED, sizeof *b.seen)};

    (void)state;
    assert_non_null(a.seen);
    assert_non_null(b.seen);
    record(&a, NOTHING);
    record(&b, NOTHING);
    assert_int_equal(a.count, b.count);
    assert_memory_equal(a.seen, b.seen, a.count * sizeof *a.seen);
    free(a.seen);
    free(b.seen);
}

/* ---- rates ---- */

struct tally {
    size_t count[RELAYS + OWNERS][RELAYS + OWNERS];
    size_t sizes[2];
    struct world *w;
};

static size_t place_of(const struct world *w, const struct smx_addr *addr)
{
    for (size_t i = 0; i < RELAYS; i++)
        if (smx_addr_equal(addr, &w->addr[i]))
            return i;
    for (size_t i = 0; i < OWNERS; i++)
        if (smx_addr_equal(addr, &w->owner[i].addr))
            return RELAYS + i;
    fail();
    return 0;
}

static int tally(struct world *w, const struct smx_addr *from, const struct smx_addr *to, uint8_t *bytes,
                 size_t len, smx_time *delay)
{
    struct tally *t = w->meddle_ctx;

    (void)bytes;
    (void)delay;
    t->count[place_of(w, from)][place_of(w, to)]++;
    if (len == SMX_LINK_DATAGRAM(6))
        t->sizes[0]++;
    else if (len == SMX_LINK_DATAGRAM(CELLS))
        t->sizes[1]++;
    else
        fail();
    return 1;
}

static void a_call_changes_no_links_rate(void **state)
{
    struct world *w = world_new(12, false);
    struct tally idle = {.w = w}, call = {.w = w};

    (void)state;
    set_up_circuits(w);
    w->meddle = tally;
    w->meddle_ctx = &idle;
    run_for(w, 5000);
    w->meddle = NULL;
    set_up_call(w);
    w->meddle = tally;
    w->meddle_ctx = &call;
    run_for(w, 5000);
    assert_memory_equal(idle.count, call.count, sizeof idle.count);
    assert_int_equal(idle.count[w->guard[0]][w->middle[0]], 500);
    assert_int_equal(idle.count[w->end[0]][w->end[1]], 500);
    assert_int_equal(idle.count[RELAYS][w->guard[0]], 250);
    assert_int_equal(idle.count[w->guard[0]][RELAYS], 250);
    world_free(w);
}

static void without_cover_the_call_shows(void **state)
{
    struct world *w = world_new(12, true);
    struct tally idle = {.w = w}, call = {.w = w};

    (void)state;
    set_up_circuits(w);
    w->meddle = tally;
    w->meddle_ctx = &idle;
    run_for(w, 5000);
    w->meddle = NULL;
    set_up_call(w);
    w->meddle = tally;
    w->meddle_ctx = &call;
    run_for(w, 5000);
    assert_true(call.count[w->end[1]][w->end[0]] > 4 * idle.count[w->end[1]][w->end[0]]);
    for (size_t i = 0; i < OWNERS; i++) /* but guards let their clients know that they are there */
        assert_in_range(idle.count[w->guard[i]][RELAYS + i], 4, 50);
    world_free(w);
}

/* ---- without timetables: the controls of attacks ---- */

/* What owner 0 sends arrives 60 ms later than it should. */
static int hold(struct world *w, const struct smx_addr *from, const struct smx_addr *to, uint8_t *bytes,
                size_t len, smx_time *delay)
{
    (void)to;
    (void)bytes;
    (void)len;
    if (smx_addr_equal(from, &w->owner[0].addr))
        *delay = SMX_MS(60);
    return 1;
}

struct delays {
    uint64_t before, held, after; /* cells under way from owner 0 to owner 1 */
    uint32_t got, lost;           /* while his were held back, but for the first second */
};

/* A call; for four seconds of it 0's datagrams are held back. */
static void measure_delays(struct delays *d, bool cover_off, enum smx_relay_timetables timetables)
{
    struct world *w = world_with(14, cover_off, timetables);
    struct owner_circuit *a = &w->owner[0].circuit[0], *b = &w->owner[1].circuit[0];
    uint32_t got, lost;

    set_up_circuits(w);
    set_up_call(w);
    run_for(w, 3000);
    d->before = a->sent - b->got_last;
    w->meddle = hold;
    run_for(w, 1000);
    got = b->got;
    lost = b->lost;
    run_for(w, 3000);
    d->held = a->sent - b->got_last;
    d->got = b->got - got;
    d->lost = b->lost - lost;
    w->meddle = NULL;
    run_for(w, 6000);
    d->after = a->sent - b->got_last;
    world_free(w);
}

static void a_delay_goes_on_behind_relays_only_where_timetables_are_not_fixed(void **state)
{
    struct delays fixed, off, bare, adaptive;

    (void)state;
    measure_delays(&fixed, false, SMX_TIMETABLES_FIXED);
    measure_delays(&off, false, SMX_TIMETABLES_OFF);
    measure_delays(&bare, true, SMX_TIMETABLES_OFF);
    measure_delays(&adaptive, false, SMX_TIMETABLES_ADAPTIVE);
    assert_int_equal(fixed.got, 0); /* late cells are lost */
    assert_int_equal(fixed.after, fixed.before);
    assert_true(off.before < fixed.before);
    assert_true(bare.before < fixed.before);
    assert_int_equal(off.held, off.before + 3);
    assert_int_equal(bare.held, bare.before + 3);
    assert_int_equal(adaptive.held, adaptive.before + 3);
    assert_int_equal(off.after, off.before);
    assert_int_equal(bare.after, bare.before);
    assert_int_equal(adaptive.after, adaptive.before);
    assert_int_equal(bare.lost, 0);
    assert_int_equal(adaptive.lost, 0);
    assert_true(off.got >= 149 && bare.got >= 149 && adaptive.got >= 149);
}

/* ---- an owner that goes away ---- */

static void circuits_of_a_silent_owner_fade(void **state)
{
    struct world *w = world_new(13, false);
    size_t circuits = 0;

    (void)state;
    set_up_circuits(w);
    w->owner[0].base += SMX_SECOND(1000000); /* his clock stops: he says nothing any more */
    /* each hop fades after the one before: ten seconds of silence, then three times the mean */
    run_for(w, 90000);
    circuits = 0;
    for (size_t i = 0; i < RELAYS; i++)
        circuits += smx_relay_circuits(w->relay[i]);
    assert_int_equal(circuits, CIRCUITS * 3);
    world_free(w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(circuits_of_three_hops_come_to_stand),
        cmocka_unit_test(a_call_crosses_six_relays_without_losing_a_cell),
        cmocka_unit_test(leaving_frees_the_piece_between_the_ends_and_leaves_both_slots_idle),
        cmocka_unit_test(a_join_at_ones_own_end_takes_five_relays),
        cmocka_unit_test(a_join_without_a_cookie_is_refused_after_two_seconds),
        cmocka_unit_test(links_rekey_under_full_circuits_without_losing_a_cell),
        cmocka_unit_test(meddling_with_a_datagram_changes_one_cell_a_circuit_and_no_departure),
        cmocka_unit_test(the_same_seed_gives_the_same_bytes),
        cmocka_unit_test(a_call_changes_no_links_rate),
        cmocka_unit_test(without_cover_the_call_shows),
        cmocka_unit_test(a_delay_goes_on_behind_relays_only_where_timetables_are_not_fixed),
        cmocka_unit_test(circuits_of_a_silent_owner_fade),
    };

    if (sodium_init() < 0)
        return 1;
    return cmocka_run_group_tests(tests, NULL, NULL);
}
