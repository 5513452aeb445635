/* Relay cores in virtual time: shared places, the end of circuits, orphans, refusals, bounds. */
#include "relay/core.h"
#include "tests/unit/relay/world.h"

static struct world *linked(uint64_t seed)
{
    struct world *w = world_new(seed, false);

    run_for(w, 1500);
    for (size_t i = 0; i < OWNERS; i++)
        assert_true(w->owner[i].up);
    return w;
}

static const struct smx_relay_counters *count_of(const struct world *w, size_t relay)
{
    return smx_relay_counters(w->relay[relay]);
}

/* Circuit k of owner i, anew and in the place of the one with this forward id; waits till it stands. */
static void build_again(struct world *w, size_t i, size_t k, uint32_t replaces)
{
    struct owner_circuit *c = &w->owner[i].circuit[k];
    uint8_t period = c->origin.period;
    uint32_t ticks = c->origin.ticks;

    smx_origin_fini(&c->origin);
    smx_origin_init(&c->origin, period, ticks, &w->owner[i].rng);
    c->origin.create.replaces = replaces;
    c->opened = false;
    build(w, i, k, k % 3, (k + 1) % 3);
    for (unsigned ms = 0; ms < 5000 && !c->opened; ms += 20)
        run_for(w, 20);
    assert_true(c->opened);
    run_for(w, 200); /* until its cells reach the end */
}

/* Slots 0 and 1 of owner 0: the second one shares the place of the first. */
static struct world *sharing(uint64_t seed)
{
    struct world *w = linked(seed);
    struct owner *o = &w->owner[0];

    build_again(w, 0, 0, 0);
    build_again(w, 0, 1, o->circuit[0].origin.forward_id);
    return w;
}

static void count_cells(struct world *w, unsigned ms, uint32_t *first, uint32_t *second)
{
    struct owner_circuit *c = w->owner[0].circuit;

    c[0].cells = c[1].cells = 0;
    run_for(w, ms);
    *first = c[0].cells;
    *second = c[1].cells;
}

static void two_circuits_in_one_place_have_every_second_cell_each(void **state)
{
    struct world *w = sharing(1);
    uint32_t first, second;

    (void)state;
    for (unsigned i = 0; i < 5; i++) {
        count_cells(w, 2000, &first, &second);
        assert_in_range(first + second, 99, 101);
        assert_in_range(first, 48, 52);
    }
    /* no two in a row for one of them are followed by two more: neither waits longer than that */
    for (unsigned i = 0; i < 100; i++) {
        count_cells(w, 60, &first, &second);
        assert_true(first > 0 && second > 0);
    }
    world_free(w);
}

static void the_one_that_is_not_heard_loses_its_place(void **state)
{
    (void)state;
    for (size_t silent = 0; silent < 2; silent++) { /* the old one after a renewal, the new one given up */
        struct world *w = sharing(2 + silent);
        uint32_t cells[2];

        w->owner[0].circuit[silent].mute = true;
        run_for(w, 150);
        count_cells(w, 40, &cells[0], &cells[1]);
        run_for(w, 110);
        count_cells(w, 2000, &cells[0], &cells[1]);
        assert_int_equal(cells[silent], 0);
        assert_in_range(cells[!silent], 99, 101);
        assert_int_equal(w->owner[0].circuit[!silent].nop_hop, 2);
        world_free(w);
    }
}

static void silence_of_both_takes_no_place(void **state)
{
    struct world *w = sharing(4);
    uint32_t first, second;

    (void)state;
    w->owner[0].circuit[0].mute = w->owner[0].circuit[1].mute = true;
    run_for(w, 2000);
    w->owner[0].circuit[0].mute = w->owner[0].circuit[1].mute = false;
    count_cells(w, 2000, &first, &second);
    assert_in_range(first, 48, 52);
    assert_in_range(second, 48, 52);
    world_free(w);
}

static void a_third_one_takes_the_turns_of_the_one_that_is_not_named(void **state)
{
    struct world *w = sharing(5);
    struct owner *o = &w->owner[0];
    uint32_t first, second;

    (void)state;
    build_again(w, 0, 1, o->circuit[0].origin.forward_id); /* the former young one has been given up */
    count_cells(w, 2000, &first, &second);
    assert_in_range(first, 48, 52);
    assert_in_range(second, 48, 52);
    world_free(w);
}

static void a_place_that_is_not_there_is_not_shared(void **state)
{
    struct world *w = linked(6);
    uint32_t first, second;

    (void)state;
    build_again(w, 0, 0, 0);
    build_again(w, 0, 1, w->owner[0].circuit[0].origin.forward_id ^ 1); /* nobody's */
    count_cells(w, 2000, &first, &second);
    assert_in_range(first, 99, 101);
    assert_in_range(second, 99, 101);
    world_free(w);
}

/* Cells that wait in departures; each has a place on the shelf. */
static uint32_t waiting_cells(const struct smx_relay *r)
{
    uint32_t count = 0;

    for (uint32_t at = 0; at < r->circuit_fresh; at++)
        for (size_t i = 0; i < RING && r->circuit[at].used; i++)
            count += (r->circuit[at].fwd.have >> i & 1U) + (r->circuit[at].bwd.have >> i & 1U);
    return count;
}

static void what_was_replaced_goes_on_as_filler_for_its_time_and_leaves_nothing(void **state)
{
    struct world *w = sharing(7);
    size_t guard = w->guard[0], before = smx_relay_circuits(w->relay[guard]);

    (void)state;
    assert_int_equal(before, 2);
    w->owner[0].circuit[0].mute = true;
    run_for(w, 9000);
    assert_int_equal(smx_relay_circuits(w->relay[guard]), 2); /* without a place backward */
    run_for(w, 80000);
    assert_int_equal(smx_relay_circuits(w->relay[guard]), 1);
    assert_int_equal(w->relay[guard]->bodies.used, waiting_cells(w->relay[guard]));
    world_free(w);
}

static void circuits_end_soon_after_the_epoch_that_follows_their_birth(void **state)
{
    struct world *w = linked(8);
    struct owner_circuit *c = &w->owner[0].circuit[0];

    (void)state;
    build_again(w, 0, 0, 0); /* 20 s after the beginning of an epoch of 60 s, says the calendar */
    run_for(w, 95000);
    assert_false(c->died);
    assert_int_equal(c->nop_hop, 2);
    assert_int_equal(smx_relay_circuits(w->relay[w->guard[0]]), 1);
    run_for(w, 13000);
    assert_int_equal(smx_relay_circuits(w->relay[w->guard[0]]), 0);
    world_free(w);
}

static void orphans_are_a_tenth_of_the_table_and_the_oldest_end_first(void **state)
{
    struct world *w = linked(9);
    struct owner_circuit *c = &w->owner[0].circuit[0];
    struct smx_relay *guard = w->relay[w->guard[0]];
    uint32_t place = 0;

    (void)state;
    for (unsigned i = 0; i < 10; i++) { /* each leaves the one before behind */
        build_again(w, 0, 0, place);
        place = c->origin.forward_id;
    }
    for (unsigned i = 0; i < 100; i++) {
        uint32_t orphans = 0;

        run_for(w, 100);
        for (uint32_t at = guard->orphan_oldest; at != NONE; at = guard->circuit[at].newer) {
            uint32_t next = guard->circuit[at].newer;

            orphans++;
            assert_true(next == NONE || guard->circuit[at].heard <= guard->circuit[next].heard);
        }
        assert_int_equal(orphans, guard->orphans);
        assert_true(orphans <= 64 / 10);
    }
    assert_true(count_of(w, w->guard[0])->orphans_dropped > 0);
    assert_false(c->died);
    world_free(w);
}

static void an_orphan_that_is_heard_again_is_none(void **state)
{
    struct world *w = linked(10);
    struct owner_circuit *c = &w->owner[0].circuit[0];
    struct smx_relay *guard = w->relay[w->guard[0]];

    (void)state;
    build_again(w, 0, 0, 0);
    c->mute = true;
    run_for(w, 10300);
    if (smx_relay_circuits(guard) > 0) { /* it may have faded already: seldom, and not with this seed */
        assert_int_equal(guard->orphans, 1);
        c->mute = false;
        run_for(w, 100);
    }
    assert_int_equal(guard->orphans, 0);
    assert_int_equal(smx_relay_circuits(guard), 1);
    world_free(w);
}

/* ---- neighbours that are silent ---- */

struct cut {
    struct smx_addr from, to;
    bool all; /* whatever it sends, to whomever */
};

static int cut(struct world *w, const struct smx_addr *from, const struct smx_addr *to, uint8_t *bytes,
               size_t len, smx_time *delay)
{
    const struct cut *c = w->meddle_ctx;

    (void)bytes;
    (void)len;
    (void)delay;
    return smx_addr_equal(from, &c->from) && (c->all || smx_addr_equal(to, &c->to)) ? 0 : 1;
}

/* What its owner has just asked for. */
static void is_refused_at_once(struct world *w, const struct owner_circuit *c)
{
    smx_time asked = w->now;

    while (!c->failed && w->now < asked + SMX_SECOND(5))
        run_for(w, 10);
    assert_true(c->failed);
    assert_true(w->now - asked < SMX_MS(200));
    assert_false(c->died);
}

static void an_extend_to_a_neighbour_that_is_silent_is_refused_at_once(void **state)
{
    struct world *w = linked(11);
    struct owner_circuit *c = &w->owner[0].circuit[0];
    struct smx_hop_target target = target_of(w, w->end[2]);
    struct cut dead = {.from = w->addr[w->end[2]], .all = true};

    (void)state;
    build_again(w, 0, 0, 0);
    w->meddle = cut;
    w->meddle_ctx = &dead;
    run_for(w, 300);
    assert_int_equal(smx_origin_extend(&c->origin, w->now, &target), SMX_OK);
    is_refused_at_once(w, c);
    world_free(w);
}

static void a_join_with_one_who_is_cut_off_is_refused_at_once(void **state)
{
    struct world *w = linked(14);
    uint8_t join[SMX_COOKIE + SMX_MEET_MSG2] = "a cookie of 16 b";
    struct owner_circuit *a = &w->owner[0].circuit[0], *b = &w->owner[1].circuit[0];
    struct cut dead = {.from = w->addr[w->middle[0]], .all = true};

    (void)state;
    build(w, 0, 0, 0, 0);
    build(w, 1, 0, 1, 0);
    run_for(w, 2000);
    assert_int_equal(smx_origin_request(&a->origin, w->now, 2, SMX_HOP_COOKIE, join, SMX_COOKIE), SMX_OK);
    run_for(w, 300);
    assert_true(a->answered);
    w->meddle = cut;
    w->meddle_ctx = &dead;
    run_for(w, 300);
    assert_int_equal(smx_origin_request(&b->origin, w->now, 2, SMX_HOP_JOIN, join, sizeof join), SMX_OK);
    is_refused_at_once(w, b);
    world_free(w);
}

static void another_extend_takes_the_place_of_one_that_is_not_answered(void **state)
{
    struct world *w = linked(12);
    struct owner_circuit *c = &w->owner[0].circuit[0];
    struct smx_hop_target first = target_of(w, w->end[0]), second = target_of(w, w->end[2]);
    /* the CREATE does not get there; but there is somebody, who speaks */
    struct cut one_way = {.from = w->addr[w->end[1]], .to = w->addr[w->end[0]]};

    (void)state;
    build_again(w, 0, 0, 0); /* ends at end 1 */
    w->meddle = cut;
    w->meddle_ctx = &one_way;
    assert_int_equal(smx_origin_extend(&c->origin, w->now, &first), SMX_OK);
    run_for(w, 150);
    smx_origin_truncate(&c->origin, 3); /* its owner has changed his mind */
    c->opened = false;
    assert_int_equal(smx_origin_extend(&c->origin, w->now, &second), SMX_OK);
    run_for(w, 200);
    assert_true(c->opened);
    run_for(w, 200);
    assert_int_equal(c->nop_hop, 3);
    world_free(w);
}

static void another_extend_at_an_end_takes_the_place_of_one_that_was_answered(void **state)
{
    struct world *w = linked(13);
    struct owner_circuit *c = &w->owner[0].circuit[0];
    struct smx_hop_target first = target_of(w, w->end[0]), second = target_of(w, w->end[2]);

    (void)state;
    build_again(w, 0, 0, 0);
    c->opened = false;
    assert_int_equal(smx_origin_extend(&c->origin, w->now, &first), SMX_OK);
    run_for(w, 300);
    assert_true(c->opened);
    assert_int_equal(smx_relay_circuits(w->relay[w->end[0]]), 1);
    smx_origin_truncate(&c->origin, 3);
    c->opened = false;
    assert_int_equal(smx_origin_extend(&c->origin, w->now, &second), SMX_OK);
    run_for(w, 400);
    assert_true(c->opened);
    assert_int_equal(c->nop_hop, 3);
    assert_int_equal(smx_relay_circuits(w->relay[w->end[0]]), 0); /* released */
    assert_int_equal(smx_relay_circuits(w->relay[w->end[2]]), 1);
    world_free(w);
}

static void a_slot_can_be_met_until_the_next_hop_stands(void **state)
{
    static const uint8_t cookie[SMX_COOKIE] = "still waiting...";
    struct world *w = linked(14);
    struct owner_circuit *a = &w->owner[0].circuit[0];
    struct smx_relay *end = w->relay[w->end[1]];
    struct smx_hop_target target = target_of(w, w->end[0]);
    struct cut one_way = {.from = w->addr[w->end[1]], .to = w->addr[w->end[0]]};

    (void)state;
    build_again(w, 0, 0, 0);
    assert_int_equal(smx_origin_request(&a->origin, w->now, 2, SMX_HOP_COOKIE, cookie, sizeof cookie),
                     SMX_OK);
    run_for(w, 300);
    assert_true(a->answered);
    w->meddle = cut;
    w->meddle_ctx = &one_way;
    assert_int_equal(smx_origin_extend(&a->origin, w->now, &target), SMX_OK);
    run_for(w, 300);
    assert_int_not_equal(smx_keymap_find(&end->cookies, cookie, sizeof cookie), NONE);
    w->meddle = NULL;
    run_for(w, 1000);
    assert_int_equal(smx_keymap_find(&end->cookies, cookie, sizeof cookie), NONE);
    world_free(w);
}

/* ---- bounds ---- */

static void who_makes_too_many_circuits_is_refused(void **state)
{
    struct world *w = linked(15);
    struct smx_relay *guard = w->relay[w->guard[0]];
    uint32_t link = 0;
    unsigned made = 0;

    (void)state;
    while (guard->neighbour[link].kind != SMX_LINK_CLIENT || !guard->neighbour[link].up)
        link++;
    for (unsigned i = 0; i < 100; i++)
        made += smx_relay_may_create_more(guard, link, w->now);
    assert_int_equal(made, LINK_CREATES);
    assert_int_equal(count_of(w, w->guard[0])->creates_limited, 100 - LINK_CREATES);
    assert_false(smx_relay_may_create_more(guard, link, w->now + SMX_MS(LINK_CREATE_MS) - 1));
    assert_true(smx_relay_may_create_more(guard, link, w->now + SMX_MS(LINK_CREATE_MS)));
    assert_false(smx_relay_may_create_more(guard, link, w->now + SMX_MS(LINK_CREATE_MS)));
    made = 0;
    for (unsigned i = 0; i < 100; i++)
        made += smx_relay_may_create_more(guard, link, w->now + SMX_SECOND(1000));
    assert_int_equal(made, LINK_CREATES);
    world_free(w);
}

static void clients_of_one_address_are_counted(void **state)
{
    struct world *w = linked(16);
    struct smx_relay *guard = w->relay[w->guard[0]];
    uint32_t link = 0;

    (void)state;
    while (guard->neighbour[link].kind != SMX_LINK_CLIENT || !guard->neighbour[link].up)
        link++;
    guard->config.source_links_max = 2;
    assert_true(smx_relay_source_add(guard, link)); /* as if another came from there */
    assert_false(smx_relay_source_add(guard, link));
    assert_int_equal(count_of(w, w->guard[0])->clients_refused, 1);
    guard->source[guard->neighbour[link].source].links--;
    assert_true(smx_relay_source_add(guard, link));
    world_free(w);
}

/* ---- rates that fall ---- */

static void what_does_not_fit_a_slower_link_ends_the_newest_first(void **state)
{
    struct world *w = linked(17);
    struct smx_relay *guard = w->relay[w->guard[0]];
    uint32_t link = 0, kept = 0;

    (void)state;
    for (size_t k = 0; k < CIRCUITS; k++) /* all over one link */
        build(w, 0, k, 0, k % 3);
    run_for(w, 2000);
    for (size_t k = 0; k < CIRCUITS; k++)
        assert_true(w->owner[0].circuit[k].opened);
    while (guard->neighbour[link].place != w->middle[0])
        link++;
    smx_relay_fit(guard, link);
    assert_int_equal(count_of(w, w->guard[0])->circuits_unfit, 0); /* there is room */
    guard->neighbour[link].cells = 1;                              /* as if the rate were a sixth */
    smx_relay_fit(guard, link);
    for (uint32_t class = 0; class < guard->period[SMX_PERIOD_LISTEN]; class ++)
        assert_true(guard->neighbour[link].slot_count[class % 2] +
                        guard->neighbour[link].listen_count[class] <=
                    smx_relay_capacity(guard, link, class));
    for (uint32_t at = 0; at < 64; at++)
        kept += guard->circuit[at].used && guard->circuit[at].down == DOWN_LINK;
    assert_int_equal(kept + count_of(w, w->guard[0])->circuits_unfit, CIRCUITS);
    assert_true(kept >= 1);
    assert_int_equal(smx_relay_circuits(guard), CIRCUITS); /* they stand alone at the guard */
    guard->neighbour[link].cells = SMX_LINK_CELLS_MAX;
    run_for(w, 2000);
    for (size_t k = 0; k < CIRCUITS; k++)
        kept += w->owner[0].circuit[k].died; /* whose owners have noticed */
    assert_int_equal(kept, CIRCUITS);
    world_free(w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_does_not_fit_a_slower_link_ends_the_newest_first),
        cmocka_unit_test(two_circuits_in_one_place_have_every_second_cell_each),
        cmocka_unit_test(the_one_that_is_not_heard_loses_its_place),
        cmocka_unit_test(silence_of_both_takes_no_place),
        cmocka_unit_test(a_third_one_takes_the_turns_of_the_one_that_is_not_named),
        cmocka_unit_test(a_place_that_is_not_there_is_not_shared),
        cmocka_unit_test(what_was_replaced_goes_on_as_filler_for_its_time_and_leaves_nothing),
        cmocka_unit_test(circuits_end_soon_after_the_epoch_that_follows_their_birth),
        cmocka_unit_test(orphans_are_a_tenth_of_the_table_and_the_oldest_end_first),
        cmocka_unit_test(an_orphan_that_is_heard_again_is_none),
        cmocka_unit_test(an_extend_to_a_neighbour_that_is_silent_is_refused_at_once),
        cmocka_unit_test(a_join_with_one_who_is_cut_off_is_refused_at_once),
        cmocka_unit_test(another_extend_takes_the_place_of_one_that_is_not_answered),
        cmocka_unit_test(another_extend_at_an_end_takes_the_place_of_one_that_was_answered),
        cmocka_unit_test(a_slot_can_be_met_until_the_next_hop_stands),
        cmocka_unit_test(who_makes_too_many_circuits_is_refused),
        cmocka_unit_test(clients_of_one_address_are_counted),
    };

    if (sodium_init() < 0)
        return 1;
    return cmocka_run_group_tests(tests, NULL, NULL);
}
