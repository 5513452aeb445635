/* tests/unit/client/test_twins.c - what crosses the network of a call is the same whatever phone dials: byte
 * for byte the same record.
 *
 * tests/vectors/phones/ has an INVITE each of baresip, linphone and SIPp, as they wrote it to
 * tests/integration/check_twins, which has real phones dial, and gives the files of theirs as arguments. */
#include "tests/unit/client/far.h"

enum { FILES = 8 };

static const char *const kept[] = {"tests/vectors/phones/baresip.sip", "tests/vectors/phones/linphone.sip",
                                   "tests/vectors/phones/sipp.sip"};
static const char *given[FILES];
static size_t given_count;

static size_t read_file(const char *path, uint8_t *out, size_t cap)
{
    FILE *f = fopen(path, "rb");
    size_t len;

    if (!f)
        fail_msg("%s is not there", path);
    len = fread(out, 1, cap, f);
    fclose(f);
    return len;
}

/* Everything that the far client hears of the phone's INVITE. */
static void dial(const char *path, struct far *f)
{
    uint8_t text[8192];
    struct smx_addr from = phone_addr("127.0.0.1:5070");
    size_t len = read_file(path, text, sizeof text);

    smx_ua_udp(f->phone->ua, f->phone->now, &from, text, len);
    smx_bridge_orders(&f->bridge, f->phone->now);
    expect_sent(f->phone, "SIP/2.0 100 Trying\r\n");
    far_slots(f, 10);
}

static void assert_same_records(const char *path)
{
    static const uint8_t invite[] = {SMX_RECORD_INVITE, 0, 1, SMX_CODEC_PCMU | SMX_CODEC_PCMA};
    static const uint8_t no_name[1 + 2 + SMX_RECORD_NAME_LEN] = {SMX_RECORD_NAME, 0, 1};
    void *state = NULL;
    struct far *f;

    assert_int_equal(far_setup(&state), 0);
    f = state;
    dial(path, f);
    if (f->record_count != 2 || f->record_len[0] != sizeof no_name ||
        memcmp(f->record[0], no_name, sizeof no_name) != 0 || f->record_len[1] != sizeof invite ||
        memcmp(f->record[1], invite, sizeof invite) != 0)
        fail_msg("%s: %zu records, the first of %zu bytes", path, f->record_count, f->record_len[0]);
    (void)far_teardown(&state);
}

static void phones_of_three_makes_make_the_same_record(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof kept / sizeof kept[0]; i++)
        assert_same_records(kept[i]);
}

static void so_do_the_phones_that_just_dialled(void **state)
{
    (void)state;
    for (size_t i = 0; i < given_count; i++)
        assert_same_records(given[i]);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(phones_of_three_makes_make_the_same_record),
                                       cmocka_unit_test(so_do_the_phones_that_just_dialled)};

    for (int i = 1; i < argc && given_count < FILES; i++)
        given[given_count++] = argv[i];
    return cmocka_run_group_tests(tests, NULL, NULL);
}
