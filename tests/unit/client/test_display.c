/* tests/unit/client/test_display.c - what a phone calls its user, from one phone's From to the other's. */
#include "client/sip/core.h"
#include "tests/unit/client/far.h"

static void dial(struct far *f, const char *privacy)
{
    say(f->phone, 5070, PHONE_INVITE "%sContent-Type: application/sdp\n\n%s", "bob", "inv1", privacy,
        PHONE_SDP);
    smx_bridge_orders(&f->bridge, f->phone->now);
    expect_sent(f->phone, "SIP/2.0 100 Trying\r\n");
    far_slots(f, 10);
}

static void a_name_leaves_the_client_only_if_the_user_has_opted_in(void **state)
{
    static const uint8_t none[1 + 2 + SMX_RECORD_NAME_LEN] = {SMX_RECORD_NAME, 0, 1};
    static const uint8_t alice[sizeof none] = {SMX_RECORD_NAME, 0, 1, 'A', 'l', 'i', 'c', 'e'};

    for (int opted_in = 0; opted_in < 2; opted_in++) {
        struct far *f;

        (void)far_teardown(state);
        assert_int_equal(far_setup(state), 0);
        f = *state;
        f->phone->ua->display_name = opted_in != 0;
        dial(f, "");
        assert_int_equal(f->record_count, 2);
        assert_int_equal(f->record[1][0], SMX_RECORD_INVITE);
        assert_int_equal(f->record_len[0], sizeof none);
        assert_memory_equal(f->record[0], opted_in ? alice : none, sizeof none);
    }
}

/* He calls; what the phone shows of him. */
static const char *shown(struct far *f, const char *name)
{
    static const uint8_t invite[] = {SMX_RECORD_INVITE, 0, 1, SMX_CODEC_PCMU};
    uint8_t record[1 + 2 + SMX_RECORD_NAME_LEN] = {SMX_RECORD_NAME, 0, 1};

    memcpy(record + 3, name, strlen(name));
    enlist(f->phone);
    far_record(f, record, sizeof record);
    far_record(f, invite, sizeof invite);
    expect_sent(f->phone, "INVITE ");
    return sent_header(f->phone, "From");
}

static void whom_the_user_knows_by_a_name_has_no_other(void **state)
{
    const char *from = shown(*state, "Eve");

    assert_int_equal(strncmp(from, "<sip:bob@sipmix.alt>;tag=", 25), 0);
}

static void what_a_stranger_calls_himself_is_shown_as_a_claim_before_his_key(void **state)
{
    struct far *f = *state;
    const char *from;

    f->client->contact_count = 0;
    from = shown(f, "bob");
    assert_int_equal(strncmp(from, "\"says: bob\" <sip:bee", 20), 0);
    assert_non_null(strstr(from, "@sipmix.alt>;tag="));
}

static void a_name_that_could_mislead_ends_the_pipe(void **state)
{
    static const uint8_t record[1 + 2 + SMX_RECORD_NAME_LEN] = {SMX_RECORD_NAME, 0, 1, 0xe2, 0x80, 0xae, 'x'};
    struct far *f = *state;

    far_record(f, record, sizeof record);
    assert_int_not_equal(f->m->state, MEETING_OPEN);
}

#define FAR_TEST(t) cmocka_unit_test_setup_teardown(t, far_setup, far_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        FAR_TEST(a_name_leaves_the_client_only_if_the_user_has_opted_in),
        FAR_TEST(whom_the_user_knows_by_a_name_has_no_other),
        FAR_TEST(what_a_stranger_calls_himself_is_shown_as_a_claim_before_his_key),
        FAR_TEST(a_name_that_could_mislead_ends_the_pipe),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
