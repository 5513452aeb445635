#include "tests/unit/proto/circuit/fake.h"

static const uint8_t cookie[SMX_COOKIE] = "one cookie of 16";
static const uint8_t join[SMX_COOKIE + SMX_MEET_MSG2] = "one cookie of 16 and a message 2";
static const uint8_t peer_body[SMX_CELL_BODY] = "end to end, opaque to all on the way";

static void request(struct fake *f, uint8_t hop, uint8_t type, const void *content, size_t len)
{
    assert_int_equal(smx_origin_request(&f->o, f->now, hop, type, content, len), SMX_OK);
}

static void the_relay_beyond_is_gone(struct fake *f)
{
    smx_hop_layers_fini(&f->layers[--f->hops]);
}

static void five_nops_from_the_hop_before_the_last_mean_left(void **state)
{
    struct fake *f = *state;

    the_relay_beyond_is_gone(f);
    fake_steps(f, SMX_ORIGIN_NEARER - 1);
    assert_int_equal(f->events[SMX_ORIGIN_MESSAGE], 0);
    fake_step(f);
    assert_int_equal(f->events[SMX_ORIGIN_MESSAGE], 1);
    assert_int_equal(f->last.msg.type, SMX_HOP_LEFT);
    assert_int_equal(f->last.hop, 2);
    smx_origin_truncate(&f->o, f->last.hop + 1U);
    assert_int_equal(f->o.hop_count, 3);
    fake_steps(f, 50);
    assert_int_equal(f->events[SMX_ORIGIN_MESSAGE], 1);
    assert_int_equal(f->o.state, SMX_ORIGIN_OPEN);
}

static void nops_from_nearer_count_only_in_a_row(void **state)
{
    struct fake *f = *state;

    for (size_t i = 0; i < 20; i++) {
        size_t hops = f->hops;

        f->hops = 3; /* as if a cell from before EXTENDED came late */
        fake_steps(f, SMX_ORIGIN_NEARER - 1);
        f->hops = hops;
        fake_step(f);
        assert_int_equal(f->o.nearer, 0);
    }
    assert_int_equal(f->events[SMX_ORIGIN_MESSAGE], 0);
}

static void nops_from_nearer_between_cells_of_the_peer_do_not_count(void **state)
{
    struct fake *f = *state;
    size_t peers = 0;

    smx_origin_set_joined(&f->o, true);
    for (size_t i = 0; i < 20; i++) {
        f->hops = 3;
        fake_steps(f, SMX_ORIGIN_NEARER - 1);
        f->hops = 4;
        f->peer = peer_body;
        fake_step(f);
        f->peer = NULL;
        assert_int_equal(f->events[SMX_ORIGIN_PEER], ++peers);
    }
    assert_int_equal(f->events[SMX_ORIGIN_MESSAGE], 0);
}

static void a_request_to_a_hop_that_is_gone_is_given_up(void **state)
{
    struct fake *f = *state;
    size_t before = f->requests;

    f->silent = true;
    request(f, 3, SMX_HOP_JOIN, join, sizeof join);
    fake_steps(f, 3);
    the_relay_beyond_is_gone(f);
    smx_origin_truncate(&f->o, 3);
    assert_false(smx_origin_needs_turn(&f->o, f->now));
    fake_steps(f, 500);
    assert_int_equal(f->requests, before + 1);
    assert_int_equal(f->events[SMX_ORIGIN_FAILED], 0);
    f->silent = false;
    request(f, 2, SMX_HOP_COOKIE, cookie, sizeof cookie);
    fake_until(f, SMX_ORIGIN_ANSWERED, 3);
}

static void left_unasked_is_told(void **state)
{
    struct fake *f = *state;

    the_relay_beyond_is_gone(f);
    fake_note(f, 2, SMX_HOP_LEFT, NULL, 0);
    fake_step(f);
    assert_int_equal(f->events[SMX_ORIGIN_MESSAGE], 1);
    assert_int_equal(f->last.msg.type, SMX_HOP_LEFT);
    assert_int_equal(f->last.hop, 2);
}

static void left_from_within_the_path_is_death(void **state)
{
    struct fake *f = *state;

    f->hops = 2; /* the end is gone; the middle says so, or only NOP */
    fake_note(f, 1, SMX_HOP_LEFT, NULL, 0);
    fake_step(f);
    assert_int_equal(f->o.state, SMX_ORIGIN_DEAD);
    assert_int_equal(f->events[SMX_ORIGIN_DIED], 1);
    f->hops = 3; /* for the teardown */
}

static void a_slot_is_extended_beyond_its_end_left_and_extended_again(void **state)
{
    struct fake *f = *state;
    uint8_t first[SMX_HOP_HASH];

    for (size_t round = 0; round < 3; round++) {
        assert_int_equal(smx_origin_extend(&f->o, f->now, &f->target[3]), SMX_OK);
        assert_int_equal(smx_origin_extend(&f->o, f->now, &f->target[3]), SMX_E_STATE);
        fake_until(f, SMX_ORIGIN_OPENED, 50);
        assert_int_equal(f->last.hop, 3);
        assert_int_equal(smx_origin_extend(&f->o, f->now, &f->target[3]),
                         SMX_E_STATE); /* four are all there is */
        if (round > 0)
            assert_memory_not_equal(f->o.hop[3].layers.hash, first, sizeof first); /* other keys each time */
        memcpy(first, f->o.hop[3].layers.hash, sizeof first);
        request(f, 3, SMX_HOP_JOIN, join, sizeof join);
        fake_until(f, SMX_ORIGIN_ANSWERED, 50);
        smx_origin_set_joined(&f->o, true);
        f->send = (struct smx_origin_send){.peer = peer_body};
        f->peer = peer_body;
        fake_steps(f, 5);
        assert_false(f->heard_own);
        assert_memory_equal(f->heard_body, peer_body, SMX_CELL_BODY); /* bare at the last hop */
        f->send.peer = NULL;
        request(f, 2, SMX_HOP_LEAVE, NULL, 0);
        fake_until(f, SMX_ORIGIN_ANSWERED, 50);
        assert_int_equal(f->last.request, SMX_HOP_LEAVE);
        smx_origin_truncate(&f->o, 3);
        assert_false(f->o.joined);
        fake_steps(f, 30);
        assert_int_equal(f->o.state, SMX_ORIGIN_OPEN);
    }
}

static void a_refused_extension_leaves_the_slot_as_it_was(void **state)
{
    struct fake *f = *state;

    f->refuses = true;
    assert_int_equal(smx_origin_extend(&f->o, f->now, &f->target[3]), SMX_OK);
    fake_until(f, SMX_ORIGIN_FAILED, 50);
    assert_int_equal(f->last.request, SMX_HOP_EXTEND);
    assert_int_equal(f->last.msg.type, SMX_HOP_REFUSED);
    assert_int_equal(f->last_content[1], SMX_REFUSAL_PATH);
    assert_int_equal(f->o.state, SMX_ORIGIN_OPEN);
    assert_int_equal(f->o.hop_count, 3);
    f->refuses = false;
    request(f, 2, SMX_HOP_COOKIE, cookie, sizeof cookie);
    fake_until(f, SMX_ORIGIN_ANSWERED, 50);
}

static void an_unanswered_extension_leaves_the_slot_as_it_was(void **state)
{
    struct fake *f = *state;

    f->silent = true;
    assert_int_equal(smx_origin_extend(&f->o, f->now, &f->target[3]), SMX_OK);
    fake_until(f, SMX_ORIGIN_FAILED, 500);
    assert_int_equal(f->requests, 2 + SMX_ORIGIN_TRIES); /* two for the path */
    assert_int_equal(f->last.msg.type, SMX_HOP_NOP);     /* nobody said anything */
    assert_int_equal(f->o.state, SMX_ORIGIN_OPEN);
    assert_int_equal(f->o.hop_count, 3);
    f->silent = false;
    assert_int_equal(smx_origin_extend(&f->o, f->now, &f->target[3]), SMX_OK);
    fake_until(f, SMX_ORIGIN_OPENED, 50);
}

static void an_extension_to_a_bad_key_is_refused_at_once(void **state)
{
    struct fake *f = *state;
    struct smx_hop_target bad = f->target[3];

    memset(bad.onion, 0, sizeof bad.onion);
    assert_int_equal(smx_origin_extend(&f->o, f->now, &bad), SMX_E_AUTH);
    assert_int_equal(f->o.state, SMX_ORIGIN_OPEN);
    assert_int_equal(f->o.path_count, 3);
    fake_steps(f, 10);
    assert_int_equal(f->requests, 2); /* the two EXTENDs of the path */
}

static void truncating_gives_up_the_extend_under_way(void **state)
{
    struct fake *f = *state;

    f->silent = true;
    assert_int_equal(smx_origin_extend(&f->o, f->now, &f->target[3]), SMX_OK);
    fake_steps(f, 3);
    smx_origin_truncate(&f->o, 3);
    assert_int_equal(f->o.state, SMX_ORIGIN_OPEN);
    fake_steps(f, 500);
    assert_int_equal(f->requests, 3);
    assert_int_equal(f->events[SMX_ORIGIN_FAILED], 0);
}

#define OPEN(test)   cmocka_unit_test_setup_teardown(test, fake_setup_open, fake_teardown)
#define LONGER(test) cmocka_unit_test_setup_teardown(test, fake_setup_longer, fake_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        LONGER(five_nops_from_the_hop_before_the_last_mean_left),
        LONGER(nops_from_nearer_count_only_in_a_row),
        LONGER(nops_from_nearer_between_cells_of_the_peer_do_not_count),
        LONGER(a_request_to_a_hop_that_is_gone_is_given_up),
        LONGER(left_unasked_is_told),
        OPEN(left_from_within_the_path_is_death),
        OPEN(a_slot_is_extended_beyond_its_end_left_and_extended_again),
        OPEN(a_refused_extension_leaves_the_slot_as_it_was),
        OPEN(an_unanswered_extension_leaves_the_slot_as_it_was),
        OPEN(an_extension_to_a_bad_key_is_refused_at_once),
        OPEN(truncating_gives_up_the_extend_under_way),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
