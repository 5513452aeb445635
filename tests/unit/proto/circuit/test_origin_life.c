#include "tests/unit/proto/circuit/fake.h"

static const uint8_t cookie[SMX_COOKIE] = "one cookie of 16", other_cookie[SMX_COOKIE] = "another cookie16";
static const uint8_t join[SMX_COOKIE + SMX_MEET_MSG2] = "one cookie of 16 and a message 2";
static const uint8_t peer_body[SMX_CELL_BODY] = "end to end, opaque to all on the way";

static void request(struct fake *f, uint8_t hop, uint8_t type, const void *content, size_t len)
{
    assert_int_equal(smx_origin_request(&f->o, f->now, hop, type, content, len), SMX_OK);
}

/* ---- backward cells: each counts once, in its time ---- */

/* A backward cell of the last hop with this count, given to the origin now. */
static enum smx_origin_event deliver_nop(struct fake *f, uint64_t count)
{
    uint8_t cell[SMX_CELL_SIZE];

    smx_hop_msg_encode(cell + SMX_CELL_HEAD, SMX_HOP_NOP, NULL, 0);
    fake_wrap(f, f->hops - 1, count, cell);
    return fake_deliver(f, cell);
}

static void a_cell_that_comes_twice_counts_once(void **state)
{
    struct fake *f = *state;
    uint8_t cell[SMX_CELL_SIZE];

    for (size_t i = 0; i < 30; i++) {
        fake_step(f);
        memcpy(cell, f->back, sizeof cell);
        assert_int_equal(fake_deliver(f, cell), SMX_ORIGIN_NOTHING);
    }
    assert_int_equal(f->events[SMX_ORIGIN_DIED], 0); /* and a repetition is no noise either */
    assert_int_equal(f->o.noise, 0);
}

static void a_late_cell_counts_within_64_and_a_later_one_does_not(void **state)
{
    struct fake *f = *state;
    uint64_t newest;

    f->lose_backward = 100;
    fake_steps(f, 100);
    fake_step(f);
    newest = smx_timetable_number(&f->down, f->tick - 1);
    assert_int_equal(deliver_nop(f, newest - 1), SMX_ORIGIN_MESSAGE);
    assert_int_equal(deliver_nop(f, newest - 40), SMX_ORIGIN_MESSAGE);
    assert_int_equal(deliver_nop(f, newest - 40), SMX_ORIGIN_NOTHING);
    assert_int_equal(deliver_nop(f, newest - 62), SMX_ORIGIN_MESSAGE);
    assert_int_equal(deliver_nop(f, newest - 64), SMX_ORIGIN_NOTHING);
    assert_int_equal(deliver_nop(f, newest - 90), SMX_ORIGIN_NOTHING);
    assert_int_equal(deliver_nop(f, newest + 60), SMX_ORIGIN_MESSAGE);
    assert_int_equal(deliver_nop(f, newest + 200), SMX_ORIGIN_NOTHING);
}

static void a_cell_from_before_the_circuit_does_not_count(void **state)
{
    struct fake *f = *state;

    f->lose_backward = 3;
    fake_step(f); /* CREATED has come, and no cell yet */
    assert_int_equal(f->o.hop_count, 1);
    assert_int_equal(deliver_nop(f, f->down.number0 - 1), SMX_ORIGIN_NOTHING);
    assert_int_equal(deliver_nop(f, f->down.number0), SMX_ORIGIN_MESSAGE);
}

static void an_altered_cell_is_noise_and_costs_only_itself(void **state)
{
    struct fake *f = *state;

    for (size_t i = 0; i < 100; i++) {
        uint8_t cell[SMX_CELL_SIZE];
        size_t before = f->nops;

        f->lose_backward = 1;
        fake_step(f);
        memcpy(cell, f->back, sizeof cell);
        cell[SMX_CELL_HEAD + i * 2] ^= 0x10;
        assert_int_equal(fake_deliver(f, cell), SMX_ORIGIN_NOTHING);
        assert_int_equal(f->o.noise, 1);
        assert_int_equal(f->nops, before);
        fake_step(f);
        assert_int_equal(f->nops, before + 1);
        assert_int_equal(f->o.noise, 0);
    }
    assert_int_equal(f->events[SMX_ORIGIN_DIED], 0);
}

/* ---- liveness ---- */

static void twenty_five_cells_of_noise_in_a_row_are_death(void **state)
{
    struct fake *f = *state;

    f->noisy = true;
    fake_steps(f, SMX_ORIGIN_NOISE - 1);
    f->noisy = false;
    fake_step(f); /* one of the last hop: all is well */
    f->noisy = true;
    fake_steps(f, SMX_ORIGIN_NOISE - 1);
    assert_int_equal(f->o.state, SMX_ORIGIN_OPEN);
    fake_step(f);
    assert_int_equal(f->o.state, SMX_ORIGIN_DEAD);
    assert_int_equal(f->events[SMX_ORIGIN_DIED], 1);
    fake_steps(f, 100);
    assert_int_equal(f->events[SMX_ORIGIN_DIED], 1);
}

static void noise_of_the_peer_is_not_ours_to_judge(void **state)
{
    struct fake *f = *state;

    smx_origin_set_joined(&f->o, true);
    f->peer = peer_body;
    fake_steps(f, 10);
    assert_int_equal(f->events[SMX_ORIGIN_PEER], 10);
    assert_memory_equal(f->last_peer, peer_body, SMX_CELL_BODY);
    f->noisy = true;
    fake_steps(f, 200);
    assert_int_equal(f->events[SMX_ORIGIN_PEER], 210);
    assert_int_equal(f->o.state, SMX_ORIGIN_OPEN);
    smx_origin_set_joined(&f->o, false);
    fake_steps(f, SMX_ORIGIN_NOISE);
    assert_int_equal(f->o.state, SMX_ORIGIN_DEAD);
}

static void silence_is_no_noise(void **state)
{
    struct fake *f = *state;

    f->lose_backward = 1000;
    fake_steps(f, 1000);
    assert_int_equal(f->o.state, SMX_ORIGIN_OPEN); /* a silent guard is the link's to notice */
    fake_step(f);
    assert_int_equal(f->o.noise, 0);
}

/* While an answer is under way that changes what lies beyond the last hop, cells from there prove nothing. */
static void noise_before_joined_or_left_does_not_kill(void **state)
{
    struct fake *f = *state;
    static const uint8_t type[] = {SMX_HOP_JOIN, SMX_HOP_LEAVE};

    for (size_t i = 0; i < 2; i++) {
        request(f, 2, type[i], join, type[i] == SMX_HOP_JOIN ? sizeof join : 0);
        f->silent = true;
        f->noisy = true;
        fake_steps(f, SMX_ORIGIN_NOISE + 10);
        assert_int_equal(f->o.state, SMX_ORIGIN_OPEN);
        f->silent = false;
        fake_until(f, SMX_ORIGIN_ANSWERED, 50);
        f->noisy = false;
        fake_steps(f, 2);
    }
}

static void noise_while_a_cookie_is_placed_does(void **state)
{
    struct fake *f = *state;

    request(f, 2, SMX_HOP_COOKIE, cookie, sizeof cookie);
    f->silent = f->noisy = true;
    fake_until(f, SMX_ORIGIN_DIED, SMX_ORIGIN_NOISE);
}

/* ---- requests and answers ---- */

static void a_request_is_repeated_until_its_answer_comes(void **state)
{
    struct fake *f = *state;
    size_t before = f->requests;

    request(f, 2, SMX_HOP_COOKIE, cookie, sizeof cookie);
    assert_true(smx_origin_needs_turn(&f->o, f->now));
    assert_int_equal(smx_origin_request(&f->o, f->now, 1, SMX_HOP_LEAVE, NULL, 0), SMX_E_STATE);
    f->silent = true;
    fake_steps(f, SMX_ORIGIN_RETRY_MS / FAKE_STEP_MS * 3);
    assert_int_equal(f->requests, before + 3);
    f->silent = false;
    fake_until(f, SMX_ORIGIN_ANSWERED, 50);
    assert_int_equal(f->last.request, SMX_HOP_COOKIE);
    assert_int_equal(f->last.hop, 2);
    assert_int_equal(f->last.msg.type, SMX_HOP_COOKIE_OK);
    assert_memory_equal(f->last_content, cookie, sizeof cookie);
    fake_steps(f, 100);
    assert_int_equal(f->requests, before + 4);
    assert_true(smx_origin_deadline(&f->o) == SMX_NEVER);
}

static void each_request_has_its_answer(void **state)
{
    static const struct {
        uint8_t type;
        size_t len;
    } ask[] = {
        {SMX_HOP_COOKIE, SMX_COOKIE}, {SMX_HOP_JOIN, sizeof join}, {SMX_HOP_LEAVE, 0}, {SMX_HOP_LISTEN, 96}};
    uint8_t content[SMX_HOP_CONTENT] = {7};
    struct fake *f = *state;

    for (size_t i = 0; i < sizeof ask / sizeof *ask; i++) {
        request(f, 2, ask[i].type, content, ask[i].len);
        fake_until(f, SMX_ORIGIN_ANSWERED, 3);
        assert_int_equal(f->last.request, ask[i].type);
        assert_int_equal(f->last.msg.type, ask[i].type + 1);
        f->refuses = true;
        request(f, 2, ask[i].type, content, ask[i].len);
        fake_until(f, SMX_ORIGIN_FAILED, 3);
        assert_int_equal(f->last.request, ask[i].type);
        assert_int_equal(f->last.msg.type, SMX_HOP_REFUSED);
        f->refuses = false;
    }
}

static void an_unanswered_request_fails_and_the_circuit_stands(void **state)
{
    struct fake *f = *state;
    size_t before = f->requests;

    f->silent = true;
    request(f, 2, SMX_HOP_COOKIE, cookie, sizeof cookie);
    fake_until(f, SMX_ORIGIN_FAILED, 500);
    assert_int_equal(f->requests, before + SMX_ORIGIN_TRIES);
    assert_int_equal(f->o.state, SMX_ORIGIN_OPEN);
    assert_int_equal(f->last.request, SMX_HOP_COOKIE);
    fake_note(f, 2, SMX_HOP_COOKIE_OK, cookie, sizeof cookie); /* it was only slow */
    fake_step(f);
    assert_int_equal(f->events[SMX_ORIGIN_ANSWERED], 0);
    assert_int_equal(f->events[SMX_ORIGIN_MESSAGE], 1);
}

/* What a request under way must not take for its answer. */
static void answers_to_something_else_answer_nothing(void **state)
{
    static const uint8_t refused_join[2] = {SMX_HOP_JOIN, SMX_REFUSAL_ABSENT};
    static const uint8_t refused_long[3] = {SMX_HOP_COOKIE, SMX_REFUSAL_PATH, 0};
    struct fake *f = *state;

    f->silent = true;
    request(f, 2, SMX_HOP_COOKIE, other_cookie, sizeof other_cookie);
    fake_step(f);
    fake_note(f, 2, SMX_HOP_COOKIE_OK, cookie, sizeof cookie); /* of an older request */
    fake_note(f, 2, SMX_HOP_COOKIE_OK, other_cookie, sizeof other_cookie - 1);
    fake_note(f, 2, SMX_HOP_COOKIE_OK, NULL, 0);
    fake_note(f, 1, SMX_HOP_COOKIE_OK, other_cookie, sizeof other_cookie); /* of another hop */
    fake_note(f, 2, SMX_HOP_JOINED, other_cookie, sizeof other_cookie);
    fake_note(f, 2, SMX_HOP_REFUSED, refused_join, sizeof refused_join);
    fake_note(f, 2, SMX_HOP_REFUSED, refused_long, sizeof refused_long);
    fake_note(f, 1, SMX_HOP_REFUSED, (uint8_t[]){SMX_HOP_COOKIE, SMX_REFUSAL_PATH}, 2);
    fake_steps(f, 8);
    assert_int_equal(f->events[SMX_ORIGIN_MESSAGE], 8);
    assert_int_equal(f->events[SMX_ORIGIN_ANSWERED] + f->events[SMX_ORIGIN_FAILED], 0);
    f->silent = false;
    fake_until(f, SMX_ORIGIN_ANSWERED, 50);
    assert_memory_equal(f->last_content, other_cookie, sizeof other_cookie);
}

static void messages_come_through_as_they_are(void **state)
{
    struct fake *f = *state;
    uint8_t content[SMX_HOP_CONTENT];

    for (size_t i = 0; i < sizeof content; i++)
        content[i] = (uint8_t)i;
    for (size_t hop = 0; hop < 3; hop++) {
        fake_note(f, hop, SMX_HOP_STREAM, content, sizeof content);
        fake_note(f, hop, 200, content, hop); /* of a later version: the owner's to ignore */
        fake_step(f);
        assert_int_equal(f->last.event, SMX_ORIGIN_MESSAGE);
        assert_int_equal(f->last.hop, hop);
        assert_int_equal(f->last.msg.type, SMX_HOP_STREAM);
        assert_int_equal(f->last.msg.len, sizeof content);
        assert_memory_equal(f->last_content, content, sizeof content);
        fake_step(f);
        assert_int_equal(f->last.msg.type, 200);
        assert_int_equal(f->last.msg.len, hop);
    }
}

static void a_message_that_breaks_its_format_is_dropped_but_shows_life(void **state)
{
    struct fake *f = *state;

    f->noisy = true;
    fake_steps(f, 10);
    f->noisy = false;
    f->lose_backward = 1;
    fake_step(f);
    memset(f->back, 0, sizeof f->back);
    f->back[SMX_CELL_SIZE - 1] = 1; /* padding */
    fake_wrap(f, 2, smx_timetable_number(&f->down, f->tick - 1), f->back);
    assert_int_equal(fake_deliver(f, f->back), SMX_ORIGIN_NOTHING);
    assert_int_equal(f->o.noise, 0);
}

/* ---- turns ---- */

static void the_owners_content_goes_to_the_hop_he_names(void **state)
{
    struct fake *f = *state;

    for (uint8_t hop = 0; hop < 3; hop++) {
        f->send = (struct smx_origin_send){
            .content = cookie, .content_len = sizeof cookie, .hop = hop, .type = SMX_HOP_STREAM};
        assert_false(smx_origin_needs_turn(&f->o, f->now));
        fake_step(f);
        assert_true(f->heard_own);
        assert_int_equal(f->heard_hop, hop);
        assert_int_equal(f->heard.type, SMX_HOP_STREAM);
        assert_int_equal(f->heard.len, sizeof cookie);
        assert_memory_equal(f->heard.content, cookie, sizeof cookie);
    }
}

static void a_request_of_its_own_takes_the_owners_turn(void **state)
{
    struct fake *f = *state;

    f->send = (struct smx_origin_send){
        .content = cookie, .content_len = sizeof cookie, .hop = 2, .type = SMX_HOP_STREAM};
    request(f, 2, SMX_HOP_LISTEN, join, sizeof join);
    for (size_t i = 0; i < 30; i++) {
        bool needs = smx_origin_needs_turn(&f->o, f->now);

        f->silent = true;
        fake_step(f);
        assert_true(f->heard_own);
        assert_int_equal(f->heard.type,
                         needs ? SMX_HOP_LISTEN : SMX_HOP_STREAM); /* never both, never neither */
        assert_int_equal(needs, i % (SMX_ORIGIN_RETRY_MS / FAKE_STEP_MS) == 0);
    }
}

static void a_peers_cell_goes_only_while_joined_and_after_content(void **state)
{
    struct fake *f = *state;

    f->send = (struct smx_origin_send){.peer = peer_body};
    fake_step(f);
    assert_false(f->heard_own);
    assert_memory_not_equal(f->heard_body, peer_body, SMX_CELL_BODY);
    smx_origin_set_joined(&f->o, true);
    fake_step(f);
    assert_memory_equal(f->heard_body, peer_body, SMX_CELL_BODY);
    f->send.content = cookie;
    f->send.content_len = sizeof cookie;
    f->send.type = SMX_HOP_STREAM;
    fake_step(f);
    assert_true(f->heard_own);
}

/* As many bits set as not, bytes evenly spread, no cell twice, no hop's own. */
static void idle_filler_is_random_to_every_hop(void **state)
{
    enum { CELLS = 1000 };
    static uint8_t cells[CELLS][16];
    struct fake *f = *state;
    uint32_t seen[256] = {0};
    double chi = 0, want = (double)CELLS * SMX_CELL_BODY / 256;

    for (size_t i = 0; i < CELLS; i++) {
        fake_step(f);
        assert_false(f->heard_own);
        for (size_t k = 0; k < SMX_CELL_BODY; k++)
            seen[f->heard_body[k]]++; /* below all three layers */
        memcpy(cells[i], f->cell + SMX_CELL_HEAD, sizeof cells[i]);
        for (size_t k = 0; k < i; k++)
            assert_memory_not_equal(cells[i], cells[k], sizeof cells[i]);
    }
    for (size_t i = 0; i < 256; i++)
        chi += (seen[i] - want) * (seen[i] - want) / want;
    assert_true(chi > 170 && chi < 345); /* 255 degrees of freedom, +-4 sigma; the seed is fixed */
}

static void skipped_turns_skip_numbers_and_nothing_else(void **state)
{
    struct fake *f = *state;
    uint64_t before;

    f->send = (struct smx_origin_send){
        .content = cookie, .content_len = sizeof cookie, .hop = 2, .type = SMX_HOP_STREAM};
    fake_step(f);
    before = f->heard_count;
    f->tick += 10; /* we were not scheduled for 200 ms */
    f->now += SMX_MS(200);
    fake_step(f);
    assert_true(f->heard_own);
    assert_true(f->heard_count == before + 11);
}

#define OPEN(test) cmocka_unit_test_setup_teardown(test, fake_setup_open, fake_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        OPEN(a_cell_that_comes_twice_counts_once),
        OPEN(a_late_cell_counts_within_64_and_a_later_one_does_not),
        cmocka_unit_test_setup_teardown(a_cell_from_before_the_circuit_does_not_count, fake_setup_creating,
                                        fake_teardown),
        OPEN(an_altered_cell_is_noise_and_costs_only_itself),
        OPEN(twenty_five_cells_of_noise_in_a_row_are_death),
        OPEN(noise_of_the_peer_is_not_ours_to_judge),
        OPEN(silence_is_no_noise),
        OPEN(noise_before_joined_or_left_does_not_kill),
        OPEN(noise_while_a_cookie_is_placed_does),
        OPEN(a_request_is_repeated_until_its_answer_comes),
        OPEN(each_request_has_its_answer),
        OPEN(an_unanswered_request_fails_and_the_circuit_stands),
        OPEN(answers_to_something_else_answer_nothing),
        OPEN(messages_come_through_as_they_are),
        OPEN(a_message_that_breaks_its_format_is_dropped_but_shows_life),
        OPEN(the_owners_content_goes_to_the_hop_he_names),
        OPEN(a_request_of_its_own_takes_the_owners_turn),
        OPEN(a_peers_cell_goes_only_while_joined_and_after_content),
        OPEN(idle_filler_is_random_to_every_hop),
        OPEN(skipped_turns_skip_numbers_and_nothing_else),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
