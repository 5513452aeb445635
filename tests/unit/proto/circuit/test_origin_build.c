#include "tests/unit/proto/circuit/fake.h"

#include "proto/crypto/work.h"

/* What the origin sent in its last turn. */
static bool sent_filler_command(const struct fake *f)
{
    return smx_cell_head_read(f->cell).circuit == 0 && smx_command_type(f->cell) == SMX_CMD_FILLER;
}

static void three_hops_are_built_one_after_the_other(void **state)
{
    struct fake *f = *state;

    fake_step(f);
    assert_int_equal(f->creates, 1);
    assert_int_equal(f->o.state, SMX_ORIGIN_WAITING);
    assert_int_equal(f->o.hop_count, 1);
    fake_until(f, SMX_ORIGIN_OPENED, 5000);
    assert_int_equal(f->o.state, SMX_ORIGIN_OPEN);
    assert_int_equal(f->o.hop_count, 3);
    assert_int_equal(f->last.hop, 2);
    assert_int_equal(f->creates, 1);
    assert_int_equal(f->extends, 2);
    for (size_t i = 0; i < 3; i++)
        assert_memory_equal(f->o.hop[i].layers.hash, f->layers[i].hash, SMX_HOP_HASH);
    for (size_t i = 1; i < 3; i++) {
        assert_true(f->o.hop[i].d == f->d[i]);
        assert_true(f->o.hop[i].c == f->c[i]);
        assert_true(f->d[i] >= SMX_COUNT_MIN);
    }
    assert_true(f->d[1] != f->d[2]);
    assert_true(smx_origin_deadline(&f->o) == SMX_NEVER);
}

static void each_extend_waits_a_random_time_first(void **state)
{
    double sum = 0;
    size_t waits = 0, short_ones = 0;

    (void)state;
    for (uint8_t seed = 1; seed <= 60; seed++) {
        static struct fake f;
        smx_time began;

        fake_start(&f, SMX_PERIOD_SLOT, 1, 0, seed);
        assert_int_equal(fake_open(&f), SMX_OK);
        fake_step(&f);
        for (size_t hop = 1; hop < 3; hop++) {
            size_t before = f.extends;

            began = f.now;
            assert_true(f.o.state == SMX_ORIGIN_WAITING);
            assert_true(smx_origin_deadline(&f.o) + SMX_MS(FAKE_STEP_MS) >= began);
            while (f.extends == before)
                fake_step(&f);
            sum += (double)(f.now - began);
            waits++;
            short_ones += f.now - began < FAKE_WAIT / 4;
        }
        fake_stop(&f);
    }
    assert_true(sum / (double)waits > 0.75 * (double)FAKE_WAIT &&
                sum / (double)waits < 1.25 * (double)FAKE_WAIT);
    assert_true(short_ones > waits / 10 && short_ones < waits / 3); /* 1 - exp(-1/4) is 22 % */
}

static void a_circuit_under_construction_yields_a_cell_for_each_turn(void **state)
{
    struct fake *f = *state;

    fake_step(f);
    assert_true(f->turned && sent_filler_command(f)); /* idle */
    assert_int_equal(fake_open(f), SMX_OK);
    f->silent = true;
    fake_step(f);
    assert_int_equal(smx_command_type(f->cell), SMX_CMD_CREATE);
    fake_step(f);
    assert_true(sent_filler_command(f)); /* CREATE is under way */
    f->silent = false;
    fake_steps(f, 30); /* repeated, answered */
    assert_int_equal(f->o.state, SMX_ORIGIN_WAITING);
    fake_step(f);
    assert_int_equal(smx_cell_head_read(f->cell).circuit, FAKE_FORWARD_ID); /* cover from here on */
    assert_false(f->heard_own);
}

static void create_says_in_whose_place_the_circuit_shall_stand(void **state)
{
    struct fake *f = *state;
    struct smx_create c;

    f->o.create.replaces = 0x90abcdef;
    f->silent = true;
    assert_int_equal(fake_open(f), SMX_OK);
    for (unsigned i = 0; i < 2; i++) { /* also when it is repeated */
        do
            fake_step(f);
        while (smx_command_type(f->cell) != SMX_CMD_CREATE);
        assert_int_equal(smx_create_decode(&c, f->cell), SMX_OK);
        assert_int_equal(c.replaces, 0x90abcdef);
    }
    fake_stop(f);
    fake_start(f, SMX_PERIOD_SLOT, 1, 0, 3);
    assert_int_equal(fake_open(f), SMX_OK);
    fake_step(f);
    assert_int_equal(smx_create_decode(&c, f->cell), SMX_OK);
    assert_int_equal(c.replaces, 0); /* unless told otherwise, in its own */
}

static void what_the_owner_gives_before_the_circuit_stands_is_ignored(void **state)
{
    struct fake *f = *state;
    uint8_t peer[SMX_CELL_BODY] = {1};

    f->send =
        (struct smx_origin_send){.peer = peer, .content = peer, .content_len = 16, .type = SMX_HOP_STREAM};
    while (f->o.state != SMX_ORIGIN_OPEN) {
        assert_int_equal(smx_origin_request(&f->o, f->now, 0, SMX_HOP_COOKIE, peer, SMX_COOKIE), SMX_E_STATE);
        assert_int_equal(smx_origin_extend(&f->o, f->now, &f->target[3]), SMX_E_STATE);
        fake_step(f);
        assert_true(!f->heard_own || f->heard.type == SMX_HOP_EXTEND);
    }
}

/* ---- what is lost is sent again, the same ---- */

static void a_lost_create_is_sent_again_with_the_same_ephemeral(void **state)
{
    struct fake *f = *state;
    uint8_t first[SMX_CELL_SIZE];
    size_t sent = 0;

    f->lose_forward = 1;
    fake_step(f);
    memcpy(first, f->cell, sizeof first);
    assert_int_equal(smx_command_type(first), SMX_CMD_CREATE);
    while (f->creates == 0 && sent++ < 100)
        fake_step(f);
    assert_int_equal(sent, SMX_ORIGIN_RETRY_MS / FAKE_STEP_MS);
    assert_memory_equal(f->cell, first, sizeof first);
    fake_until(f, SMX_ORIGIN_OPENED, 5000);
}

static void a_lost_created_is_asked_for_again(void **state)
{
    struct fake *f = *state;

    f->lose_answers = true;
    fake_steps(f, 3);
    f->lose_answers = false;
    fake_until(f, SMX_ORIGIN_OPENED, 5000); /* the guard saw the same message 1 twice: fake.h looks */
    assert_int_equal(f->creates, 2);
}

static void a_lost_extend_is_sent_again_with_the_same_ephemeral(void **state)
{
    struct fake *f = *state;

    fake_step(f);
    for (size_t hop = 1; hop < 3; hop++) {
        uint8_t msg1[SMX_HOP_CONTENT];
        size_t before = f->extends;

        while (f->o.state != SMX_ORIGIN_EXTENDING) {
            f->lose_forward = 1; /* so that the very first is lost */
            fake_step(f);
        }
        memcpy(msg1, f->o.request.content, sizeof msg1);
        assert_int_equal(f->extends, before);
        while (f->extends == before)
            fake_step(f);
        assert_memory_equal(f->heard.content, msg1, SMX_EXTEND_SIZE);
    }
    assert_int_equal(f->extends, 2);
    assert_int_equal(f->o.state, SMX_ORIGIN_OPEN);
}

static void a_lost_extended_is_asked_for_again_and_what_comes_meanwhile_is_no_noise(void **state)
{
    struct fake *f = *state;

    fake_step(f);
    for (size_t hop = 1; hop < 3; hop++) {
        size_t before = f->extends;

        f->lose_answers = true;
        while (f->extends < before + 3) /* 800 ms: forty cells of a hop that the origin does not know yet */
            fake_step(f);
        assert_int_equal(f->o.state, SMX_ORIGIN_EXTENDING);
        f->lose_answers = false;
        while (f->o.state == SMX_ORIGIN_EXTENDING)
            fake_step(f);
        assert_int_equal(f->o.hop_count, hop + 1);
    }
    assert_int_equal(f->o.state, SMX_ORIGIN_OPEN);
    assert_int_equal(f->events[SMX_ORIGIN_DIED], 0);
}

/* ---- refused, or never answered ---- */

static void expect_dead(struct fake *f)
{
    assert_int_equal(f->o.state, SMX_ORIGIN_DEAD);
    assert_int_equal(f->events[SMX_ORIGIN_DIED], 1);
    assert_true(smx_origin_deadline(&f->o) == SMX_NEVER);
    fake_steps(f, 200);
    assert_true(sent_filler_command(f)); /* it goes on being sent, as filler */
    assert_int_equal(f->events[SMX_ORIGIN_DIED], 1);
    assert_int_equal(fake_open(f), SMX_E_STATE);
    assert_int_equal(smx_origin_request(&f->o, f->now, 0, SMX_HOP_LEAVE, NULL, 0), SMX_E_STATE);
    assert_int_equal(smx_origin_extend(&f->o, f->now, &f->target[3]), SMX_E_STATE);
}

static void a_refused_create_is_the_end(void **state)
{
    struct fake *f = *state;

    f->refuses = true;
    fake_step(f);
    expect_dead(f);
}

static void a_refused_extend_is_the_end_while_the_path_is_built(void **state)
{
    struct fake *f = *state;

    fake_step(f);
    f->refuses = true;
    fake_until(f, SMX_ORIGIN_DIED, 5000);
    assert_int_equal(f->last.request, SMX_HOP_EXTEND);
    expect_dead(f);
}

static void a_guard_that_never_answers_is_tried_eight_times(void **state)
{
    struct fake *f = *state;
    smx_time began = f->now;

    f->silent = true;
    fake_until(f, SMX_ORIGIN_DIED, 5000);
    assert_int_equal(f->creates, SMX_ORIGIN_TRIES);
    assert_true(f->last_request - began == SMX_MS(SMX_ORIGIN_RETRY_MS) * (SMX_ORIGIN_TRIES - 1));
    assert_true(f->now - began >= SMX_MS(SMX_ORIGIN_RETRY_MS) * SMX_ORIGIN_TRIES);
    expect_dead(f);
    assert_int_equal(f->creates, SMX_ORIGIN_TRIES);
}

static void a_hop_that_never_answers_is_tried_eight_times(void **state)
{
    struct fake *f = *state;

    fake_step(f);
    f->silent = true;
    fake_until(f, SMX_ORIGIN_DIED, 5000);
    assert_int_equal(f->requests, SMX_ORIGIN_TRIES);
    assert_int_equal(f->last.request, SMX_HOP_EXTEND);
    expect_dead(f);
}

static void a_path_that_loses_its_middle_while_it_is_built_is_dead(void **state)
{
    struct fake *f = *state;

    while (f->o.hop_count < 2)
        fake_step(f);
    f->silent = true;
    smx_hop_layers_fini(&f->layers[--f->hops]); /* the guard is alone again, and says NOP */
    fake_until(f, SMX_ORIGIN_DIED, SMX_ORIGIN_NEARER);
    expect_dead(f);
}

/* ---- work ---- */

static void a_hop_that_asks_for_work_gets_it_and_the_same_handshake(void **state)
{
    struct fake *f = *state;

    f->bits = 13;
    fake_until(f, SMX_ORIGIN_OPENED, 5000);
    assert_int_equal(f->o.hop_count, 3);
    assert_int_equal(f->shorts, 3); /* each asked once, and was shown enough */
    assert_int_equal(f->creates + f->extends, 6);
    assert_int_equal(f->events[SMX_ORIGIN_DIED] + f->events[SMX_ORIGIN_FAILED], 0);
}

static void work_is_done_in_pieces_and_meanwhile_nothing_is_repeated(void **state)
{
    struct fake *f = *state;
    uint64_t from;

    f->bits = SMX_WORK_BITS_MAX;
    fake_step(f);
    assert_int_equal(f->creates, 1);
    assert_true(f->o.works);
    for (int i = 0; i < 3; i++) {
        from = f->o.create.work;
        fake_step(f);
        if (f->o.works)
            assert_true(f->o.create.work == from + SMX_WORK_TRIES);
    }
    assert_int_equal(f->creates, 1);
    assert_true(smx_origin_deadline(&f->o) == SMX_NEVER);
}

static void a_late_word_about_less_work_changes_nothing(void **state)
{
    struct fake *f = *state;
    struct smx_origin_rx rx;

    f->bits = 12;
    fake_until(f, SMX_ORIGIN_OPENED, 5000);
    f->o.state = SMX_ORIGIN_CREATING; /* as if the answer were still to come */
    f->o.bits = 12;
    for (uint8_t bits = 0; bits <= 12; bits++) {
        smx_origin_refused(
            &f->o, &(struct smx_refused){.back_id = f->o.back_id, .reason = SMX_REFUSAL_WORK, .bits = bits},
            &rx);
        assert_int_equal(rx.event, SMX_ORIGIN_NOTHING);
        assert_false(f->o.works);
    }
    f->o.state = SMX_ORIGIN_OPEN;
}

static void who_asks_for_ever_more_is_given_up(void **state)
{
    struct fake *f = *state;

    f->bits = 0;
    f->silent = true;
    fake_step(f);
    for (uint8_t bits = 1; bits <= 9; bits++) {
        struct smx_origin_rx rx;

        f->o.works = false; /* done at once */
        smx_origin_refused(
            &f->o, &(struct smx_refused){.back_id = f->o.back_id, .reason = SMX_REFUSAL_WORK, .bits = bits},
            &rx);
        fake_event(f, &rx);
    }
    expect_dead(f);
}

/* ---- answers that are none ---- */

static void created_for_another_circuit_or_forged_changes_nothing(void **state)
{
    struct fake *f = *state;
    struct smx_created bad;
    struct smx_origin_rx rx;

    f->lose_answers = true;
    fake_step(f);
    bad = f->created;
    bad.back_id++;
    smx_origin_created(&f->o, f->now, f->tick, &bad, &rx);
    assert_int_equal(rx.event, SMX_ORIGIN_NOTHING);
    for (size_t i = 0; i < SMX_HOP_MSG2; i++) {
        bad = f->created;
        bad.msg2[i] ^= 1;
        smx_origin_created(&f->o, f->now, f->tick, &bad, &rx);
        assert_int_equal(rx.event, SMX_ORIGIN_NOTHING);
    }
    assert_int_equal(f->o.state, SMX_ORIGIN_CREATING);
    smx_origin_created(&f->o, f->now, f->tick, &f->created, &rx); /* the true one still counts */
    assert_int_equal(f->o.state, SMX_ORIGIN_WAITING);
    bad = f->created;
    bad.forward_id = 5;
    bad.first_number++;
    smx_origin_created(&f->o, f->now, f->tick, &bad, &rx); /* a second one does not */
    assert_int_equal(f->o.forward_id, FAKE_FORWARD_ID);
    assert_true(f->o.recv.number0 == f->created.first_number);
    smx_origin_refused(&f->o, &(struct smx_refused){.back_id = f->o.back_id}, &rx); /* nor a late REFUSED */
    assert_int_equal(rx.event, SMX_ORIGIN_NOTHING);
    assert_int_equal(f->o.state, SMX_ORIGIN_WAITING);
}

static void a_forged_extended_changes_nothing(void **state)
{
    struct fake *f = *state;

    fake_step(f);
    f->silent = true;
    while (f->o.state != SMX_ORIGIN_EXTENDING)
        fake_step(f);
    for (size_t len = 0; len < 60; len += 4) { /* 56 is right but for its bytes */
        uint8_t content[60] = {1};

        fake_note(f, 0, SMX_HOP_EXTENDED, content, len);
        fake_step(f);
    }
    assert_int_equal(f->o.state, SMX_ORIGIN_EXTENDING);
    assert_int_equal(f->o.hop_count, 1);
    f->silent = false;
    fake_until(f, SMX_ORIGIN_OPENED, 5000);
}

static void an_onion_key_of_low_order_ends_it_at_once(void **state)
{
    struct fake *f = *state;

    memset(f->target[0].onion, 0, sizeof f->target[0].onion);
    assert_int_equal(fake_open(f), SMX_E_AUTH);
    assert_int_equal(f->o.state, SMX_ORIGIN_DEAD);
    fake_step(f);
    assert_true(sent_filler_command(f));
}

static void an_onion_key_of_low_order_later_in_the_path_ends_it_there(void **state)
{
    struct fake *f = *state;

    memset(f->target[2].onion, 0, sizeof f->target[2].onion);
    assert_int_equal(fake_open(f), SMX_OK);
    fake_until(f, SMX_ORIGIN_DIED, 5000);
    assert_int_equal(f->o.hop_count, 2);
    expect_dead(f);
}

/* ---- time ---- */

static void late_wake_ups_do_not_burst(void **state)
{
    struct fake *f = *state;
    size_t before;

    fake_step(f);
    f->now += SMX_SECOND(3600); /* asleep, but its ticks went on being counted */
    f->tick += 3600 * 50;
    before = f->requests;
    fake_steps(f, 3);
    assert_int_equal(f->requests, before + 1);
    fake_until(f, SMX_ORIGIN_OPENED, 5000);
}

static void the_deadline_is_the_end_of_a_wait_or_of_the_last_try(void **state)
{
    struct fake *f = *state;

    assert_true(smx_origin_deadline(&f->o) == SMX_NEVER);
    assert_int_equal(fake_open(f), SMX_OK);
    assert_true(smx_origin_deadline(&f->o) == SMX_NEVER); /* it wants a turn, not a wake-up */
    f->silent = true;
    while (f->creates < SMX_ORIGIN_TRIES)
        fake_step(f);
    assert_true(smx_origin_deadline(&f->o) == f->last_request + SMX_MS(SMX_ORIGIN_RETRY_MS));
}

static void a_listening_circuit_takes_every_second_tick(void **state)
{
    (void)state;
    for (uint32_t phase = 0; phase < 2; phase++) {
        static struct fake f;
        static const uint8_t cookie[SMX_COOKIE] = {9};

        fake_start(&f, SMX_PERIOD_LISTEN, 2, phase, 3);
        fake_step(&f);
        assert_int_equal(fake_open(&f), SMX_OK);
        fake_until(&f, SMX_ORIGIN_OPENED, 5000);
        f.send =
            (struct smx_origin_send){.content = cookie, .content_len = 16, .hop = 2, .type = SMX_HOP_STREAM};
        for (size_t i = 0; i < 20; i++) {
            uint64_t before = f.heard_count;

            fake_step(&f);
            if (f.turned) {
                assert_true(f.heard_own && f.heard_hop == 2);
                assert_true(before == 0 || f.heard_count == before + 1);
            }
        }
        fake_stop(&f);
    }
}

static void a_first_tick_beyond_32_bits_is_understood(void **state)
{
    struct fake *f = *state;

    f->tick = (UINT64_C(1) << 32) - 2; /* the low half wraps between CREATE and CREATED */
    assert_int_equal(fake_open(f), SMX_OK);
    f->silent = true;
    fake_steps(f, 5);
    f->silent = false;
    fake_until(f, SMX_ORIGIN_OPENED, 5000);
    assert_true(f->o.recv.tick0 > UINT32_MAX);
    assert_true(f->o.send.tick0 < UINT32_MAX);
}

static void nothing_secret_stays_behind(void **state)
{
    struct fake *f = *state;
    struct smx_origin zeros;

    memset(&zeros, 0, sizeof zeros);
    zeros.next = SMX_NEVER;
    fake_until(f, SMX_ORIGIN_OPENED, 5000);
    assert_int_equal(smx_origin_request(&f->o, f->now, 2, SMX_HOP_COOKIE, "0123456789abcdef", SMX_COOKIE),
                     SMX_OK);
    smx_origin_fini(&f->o);
    assert_memory_equal(&f->o, &zeros, sizeof zeros);
    smx_origin_fini(&f->o); /* twice is fine */
}

#define STARTED(test) cmocka_unit_test_setup_teardown(test, fake_setup_creating, fake_teardown)
#define IDLE(test)    cmocka_unit_test_setup_teardown(test, fake_setup_idle, fake_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        STARTED(three_hops_are_built_one_after_the_other),
        cmocka_unit_test(each_extend_waits_a_random_time_first),
        IDLE(a_circuit_under_construction_yields_a_cell_for_each_turn),
        IDLE(create_says_in_whose_place_the_circuit_shall_stand),
        STARTED(what_the_owner_gives_before_the_circuit_stands_is_ignored),
        STARTED(a_lost_create_is_sent_again_with_the_same_ephemeral),
        STARTED(a_lost_created_is_asked_for_again),
        STARTED(a_lost_extend_is_sent_again_with_the_same_ephemeral),
        STARTED(a_lost_extended_is_asked_for_again_and_what_comes_meanwhile_is_no_noise),
        STARTED(a_refused_create_is_the_end),
        STARTED(a_refused_extend_is_the_end_while_the_path_is_built),
        STARTED(a_guard_that_never_answers_is_tried_eight_times),
        STARTED(a_hop_that_never_answers_is_tried_eight_times),
        STARTED(a_path_that_loses_its_middle_while_it_is_built_is_dead),
        STARTED(a_hop_that_asks_for_work_gets_it_and_the_same_handshake),
        STARTED(work_is_done_in_pieces_and_meanwhile_nothing_is_repeated),
        STARTED(a_late_word_about_less_work_changes_nothing),
        STARTED(who_asks_for_ever_more_is_given_up),
        STARTED(created_for_another_circuit_or_forged_changes_nothing),
        STARTED(a_forged_extended_changes_nothing),
        IDLE(an_onion_key_of_low_order_ends_it_at_once),
        IDLE(an_onion_key_of_low_order_later_in_the_path_ends_it_there),
        STARTED(late_wake_ups_do_not_burst),
        IDLE(the_deadline_is_the_end_of_a_wait_or_of_the_last_try),
        cmocka_unit_test(a_listening_circuit_takes_every_second_tick),
        IDLE(a_first_tick_beyond_32_bits_is_understood),
        STARTED(nothing_secret_stays_behind),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
