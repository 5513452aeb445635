#include "proto/circuit/service.h"

#include "tests/support/vectors.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

static void messages_match_their_vectors(void **state)
{
    struct smx_vec v;
    size_t count = 0;

    (void)state;
    smx_vec_open(&v, "tests/vectors/service.txt");
    for (; smx_vec_next(&v); count++) {
        struct smx_service_msg m = {.request = 7};
        uint8_t out[1024];
        size_t len, content_len;
        const uint8_t *in = smx_vec_bytes(&v, "wire", &len), *content;

        if (!smx_vec_is(&v, "result", "ok")) {
            assert_int_equal(smx_service_decode(&m, in, len), SMX_E_MALFORMED);
            assert_int_equal(m.request, 7);
            continue;
        }
        assert_int_equal(smx_service_decode(&m, in, len), SMX_OK);
        content = smx_vec_bytes(&v, "content", &content_len);
        assert_int_equal(m.type, smx_vec_int(&v, "type"));
        assert_int_equal(m.request, smx_vec_int(&v, "request"));
        assert_int_equal(m.len, content_len);
        assert_memory_equal(m.content, content, content_len);
        assert_int_equal(smx_service_encode(out, &m), len);
        assert_memory_equal(out, in, len);
    }
    assert_true(count >= 30);
}

static void every_length_of_every_type_is_taken_or_refused_as_said(void **state)
{
    static const struct {
        size_t min, max;
    } expect[] = {{1, 0},   {32, 32}, {0, 400}, {320, 320}, {1, 1}, {1, 400},
                  {1, 400}, {8, 8},   {0, 400}, {256, 256}, {1, 0}};

    (void)state;
    for (uint8_t type = 0; type <= 10; type++)
        for (size_t len = 0; len <= 400; len++) {
            uint8_t *in =
                calloc(1, SMX_SERVICE_HEAD + len); /* exactly, so that ASan sees a read past the end */
            struct smx_service_msg m;

            assert_non_null(in);
            in[0] = type;
            assert_int_equal(smx_service_decode(&m, in, SMX_SERVICE_HEAD + len),
                             len >= expect[type].min && len <= expect[type].max ? SMX_OK : SMX_E_MALFORMED);
            free(in);
        }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(messages_match_their_vectors),
        cmocka_unit_test(every_length_of_every_type_is_taken_or_refused_as_said),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
