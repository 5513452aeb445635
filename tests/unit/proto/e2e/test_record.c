#include "proto/e2e/record.h"

#include "tests/support/vectors.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

static uint64_t maybe(struct smx_vec *v, const char *key)
{
    return smx_vec_has(v, key) ? smx_vec_int(v, key) : 0;
}

static void check_bytes(struct smx_vec *v, const char *key, const uint8_t *got, size_t len)
{
    size_t want_len;
    const uint8_t *want;

    assert_int_equal(got != NULL, smx_vec_has(v, key));
    if (!got)
        return;
    want = smx_vec_bytes(v, key, &want_len);
    assert_int_equal(want_len, len);
    assert_memory_equal(got, want, len);
}

static void check_good(struct smx_vec *v, const uint8_t *wire, size_t len)
{
    struct smx_record r;
    uint8_t again[SMX_RECORD_MAX];
    const uint8_t *text = NULL;
    size_t text_len = 0;

    assert_int_equal(smx_record_decode(&r, wire, len), SMX_OK);
    assert_int_equal(r.type, smx_vec_int(v, "type"));
    assert_int_equal(r.id, maybe(v, "id"));
    assert_int_equal(r.version, maybe(v, "version"));
    assert_int_equal(r.codecs, maybe(v, "codecs"));
    assert_int_equal(r.code, maybe(v, "code"));
    assert_int_equal(r.direction, maybe(v, "direction"));
    assert_int_equal(r.event, maybe(v, "event"));
    assert_int_equal(r.slots, maybe(v, "slots"));
    if (smx_vec_has(v, "text"))
        text = smx_vec_bytes(v, "text", &text_len);
    assert_int_equal(r.text_len, text_len);
    if (text)
        assert_memory_equal(r.text, text, text_len);
    check_bytes(v, "relay", r.relay, SMX_RECORD_RELAY);
    check_bytes(v, "cookie", r.cookie, SMX_RECORD_COOKIE);
    assert_int_equal(smx_record_encode(again, &r), len);
    assert_memory_equal(again, wire, len);
    if (r.type == SMX_RECORD_MESSAGE)
        return; /* its length is its text's */
    for (size_t cut = 0; cut < len; cut++)
        assert_int_equal(smx_record_decode(&r, wire, cut), SMX_E_MALFORMED);
    again[len] = 0;
    assert_int_equal(smx_record_decode(&r, again, len + 1), SMX_E_MALFORMED);
}

static void the_vectors_hold(void **state)
{
    struct smx_vec v;
    size_t count = 0;

    (void)state;
    smx_vec_open(&v, "tests/vectors/record.txt");
    while (smx_vec_next(&v)) {
        struct smx_record r, before;
        const uint8_t *wire;
        size_t len;

        if (smx_vec_has(&v, "frame") || smx_vec_has(&v, "opus"))
            continue; /* tests/unit/proto/media/test_frame.c */
        count++;
        wire = smx_vec_bytes(&v, "wire", &len);
        if (smx_vec_is(&v, "result", "ok")) {
            check_good(&v, wire, len);
            continue;
        }
        memset(&r, 0x5a, sizeof r);
        before = r;
        assert_int_equal(smx_record_decode(&r, wire, len),
                         smx_vec_is(&v, "result", "unknown") ? SMX_E_ABSENT : SMX_E_MALFORMED);
        assert_memory_equal(&r, &before, sizeof r);
    }
    assert_true(count > 30);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_vectors_hold),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
