#include "proto/doc/relaydesc.h"
#include "tests/unit/proto/doc/fixture.h"

static struct smx_relaydesc *desc_new(size_t reports)
{
    struct smx_relaydesc *d = calloc(1, sizeof *d);

    memcpy(d->id, fix_key(9).id, SMX_DOC_KEY);
    memset(d->link_key, 2, sizeof d->link_key);
    for (size_t i = 0; i < SMX_ONION_KEYS; i++) {
        d->onion[i].key[0] = (uint8_t)i;
        d->onion[i].epoch = 100 + i;
        smx_onion_tag(d->onion[i].tag, d->onion[i].key);
    }
    d->onion_count = SMX_ONION_KEYS;
    assert_int_equal(smx_addr_parse(&d->addr[0], "192.0.2.1:9001"), SMX_OK);
    assert_int_equal(smx_addr_parse(&d->addr[1], "[2001:db8::1]:9001"), SMX_OK);
    d->addr_count = 2;
    d->role = SMX_ROLE_EXIT;
    strcpy(d->software, "0.1");
    d->published.s = 1790000000;
    d->rate = UINT32_MAX;
    d->report_count = reports;
    for (size_t i = 0; i < reports; i++) {
        memset(d->report[i].id, (int)i, SMX_DOC_KEY);
        d->report[i].circuits = (uint32_t)i;
        d->report[i].rtt_ms = (uint16_t)(UINT16_MAX - i);
    }
    return d;
}

static void the_largest_descriptor_fits_its_limit_and_comes_back(void **state)
{
    struct smx_relaydesc *d = desc_new(SMX_RELAYDESC_REPORTS), *got = calloc(1, sizeof *got);
    uint8_t *out, *again;
    size_t len, again_len;

    (void)state;
    assert_int_equal(smx_relaydesc_encode(&out, &len, d, fix_key(9).secret), SMX_OK);
    assert_true(len <= SMX_RELAYDESC_MAX);
    assert_int_equal(smx_relaydesc_decode(got, out, len), SMX_OK);
    assert_int_equal(got->report_count, SMX_RELAYDESC_REPORTS);
    assert_int_equal(got->report[255].circuits, 255);
    assert_int_equal(got->report[255].rtt_ms, UINT16_MAX - 255);
    assert_memory_equal(got->onion[2].tag, d->onion[2].tag, SMX_ONION_TAG);
    assert_int_equal(smx_relaydesc_encode(&again, &again_len, got, fix_key(9).secret), SMX_OK);
    assert_int_equal(again_len, len);
    assert_memory_equal(again, out, len);
    free(out);
    free(again);
    free(got);
    free(d);
}

static void refuse(void *arg, const uint8_t *in, size_t len)
{
    struct smx_relaydesc *got = arg;

    assert_int_not_equal(smx_relaydesc_decode(got, in, len), SMX_OK);
    assert_int_equal(got->report_count, 77); /* untouched */
}

static void every_truncation_and_flipped_bit_is_refused(void **state)
{
    struct smx_relaydesc *d = desc_new(1), *got = calloc(1, sizeof *got);
    uint8_t *out;
    size_t len;

    (void)state;
    got->report_count = 77;
    assert_int_equal(smx_relaydesc_encode(&out, &len, d, fix_key(9).secret), SMX_OK);
    fix_spoil(out, len, refuse, got);
    free(out);
    free(got);
    free(d);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_largest_descriptor_fits_its_limit_and_comes_back),
        cmocka_unit_test(every_truncation_and_flipped_bit_is_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
