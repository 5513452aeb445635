#include "proto/circuit/command.h"

#include "tests/support/vectors.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

struct segment {
    const uint8_t *at;
    size_t len;
};

union content {
    struct smx_create create;
    struct smx_created created;
    struct smx_refused refused;
    struct smx_release release;
    struct smx_introduce_part introduce;
    struct smx_introduced introduced;
    struct segment stream;
};

static enum smx_err decode(union content *c, const uint8_t cell[SMX_CELL_SIZE])
{
    switch ((enum smx_command_type)smx_command_type(cell)) {
    case SMX_CMD_CREATE:
        return smx_create_decode(&c->create, cell);
    case SMX_CMD_CREATED:
        return smx_created_decode(&c->created, cell);
    case SMX_CMD_REFUSED:
        return smx_refused_decode(&c->refused, cell);
    case SMX_CMD_RELEASE:
        return smx_release_decode(&c->release, cell);
    case SMX_CMD_INTRODUCE:
        return smx_introduce_part_decode(&c->introduce, cell);
    case SMX_CMD_INTRODUCED:
        return smx_introduced_decode(&c->introduced, cell);
    case SMX_CMD_STREAM:
        return smx_command_segment(&c->stream.at, &c->stream.len, cell);
    case SMX_CMD_FILLER:
    case SMX_CMD_REKEY:
        break;
    }
    return SMX_E_ABSENT;
}

static void encode(uint8_t cell[SMX_CELL_SIZE], uint8_t type, const union content *c)
{
    memset(cell, 0x5a, SMX_CELL_SIZE);
    switch ((enum smx_command_type)type) {
    case SMX_CMD_CREATE:
        smx_create_encode(cell, &c->create);
        return;
    case SMX_CMD_CREATED:
        smx_created_encode(cell, &c->created);
        return;
    case SMX_CMD_REFUSED:
        smx_refused_encode(cell, &c->refused);
        return;
    case SMX_CMD_RELEASE:
        smx_release_encode(cell, &c->release);
        return;
    case SMX_CMD_INTRODUCE:
        smx_introduce_part_encode(cell, &c->introduce);
        return;
    case SMX_CMD_INTRODUCED:
        smx_introduced_encode(cell, &c->introduced);
        return;
    case SMX_CMD_STREAM:
        smx_command_segment_encode(cell, c->stream.at, c->stream.len);
        return;
    case SMX_CMD_FILLER:
        smx_filler_encode(cell);
        return;
    case SMX_CMD_REKEY:
        break;
    }
    fail();
}

static void expect(struct smx_vec *v, uint8_t type, union content *c)
{
    size_t len;

    switch ((enum smx_command_type)type) {
    case SMX_CMD_CREATE:
        c->create.suite = (uint8_t)smx_vec_int(v, "suite");
        memcpy(c->create.tag, smx_vec_fixed(v, "tag", SMX_KEY_TAG), SMX_KEY_TAG);
        c->create.period = (uint8_t)smx_vec_int(v, "period");
        c->create.back_class = (uint8_t)smx_vec_int(v, "back_class");
        c->create.back_id = (uint32_t)smx_vec_int(v, "back_id");
        c->create.first_tick = (uint32_t)smx_vec_int(v, "first_tick");
        c->create.first_number = smx_vec_int(v, "first_number");
        c->create.replaces = (uint32_t)smx_vec_int(v, "replaces");
        c->create.work = smx_vec_int(v, "work");
        memcpy(c->create.msg1, smx_vec_fixed(v, "msg1", SMX_HOP_MSG1), SMX_HOP_MSG1);
        return;
    case SMX_CMD_CREATED:
        c->created.back_id = (uint32_t)smx_vec_int(v, "back_id");
        c->created.forward_id = (uint32_t)smx_vec_int(v, "forward_id");
        c->created.first_tick = (uint32_t)smx_vec_int(v, "first_tick");
        c->created.first_number = smx_vec_int(v, "first_number");
        memcpy(c->created.msg2, smx_vec_fixed(v, "msg2", SMX_HOP_MSG2), SMX_HOP_MSG2);
        return;
    case SMX_CMD_REFUSED:
        c->refused.back_id = (uint32_t)smx_vec_int(v, "back_id");
        c->refused.reason = (uint8_t)smx_vec_int(v, "reason");
        c->refused.bits = (uint8_t)smx_vec_int(v, "bits");
        return;
    case SMX_CMD_RELEASE:
        c->release.id = (uint32_t)smx_vec_int(v, "id");
        return;
    case SMX_CMD_INTRODUCE:
        c->introduce.handle = smx_vec_int(v, "handle");
        c->introduce.part = (uint8_t)smx_vec_int(v, "part");
        memcpy(c->introduce.bytes, smx_vec_fixed(v, "bytes", SMX_COMMAND_PART), SMX_COMMAND_PART);
        return;
    case SMX_CMD_INTRODUCED:
        c->introduced.handle = smx_vec_int(v, "handle");
        return;
    case SMX_CMD_STREAM:
        c->stream.at = smx_vec_bytes(v, "segment", &len);
        c->stream.len = len;
        return;
    case SMX_CMD_FILLER:
    case SMX_CMD_REKEY:
        break;
    }
    fail();
}

static void check_good(struct smx_vec *v, const uint8_t wire[SMX_CELL_SIZE])
{
    uint8_t type = smx_command_type(wire), a[SMX_CELL_SIZE], b[SMX_CELL_SIZE];
    union content got = {.stream = {NULL, 0}}, want = got;

    if (type == SMX_CMD_FILLER)
        return;
    expect(v, type, &want);
    assert_int_equal(decode(&got, wire), SMX_OK);
    if (type == SMX_CMD_STREAM)
        assert_ptr_equal(got.stream.at, wire + SMX_CELL_HEAD + 2);
    encode(a, type, &got);
    encode(b, type, &want);
    assert_memory_equal(a, b, sizeof a);
    if (type != SMX_CMD_CREATE || want.create.suite == SMX_SUITE_1)
        assert_memory_equal(b, wire, sizeof b);
}

static void the_vectors_hold(void **state)
{
    struct smx_vec v;
    size_t count = 0;

    (void)state;
    smx_vec_open(&v, "tests/vectors/command.txt");
    for (; smx_vec_next(&v); count++) {
        const uint8_t *wire = smx_vec_fixed(&v, "wire", SMX_CELL_SIZE);
        union content got, before;

        assert_int_equal(smx_cell_head_read(wire).circuit, 0);
        if (smx_vec_is(&v, "result", "ok")) {
            check_good(&v, wire);
            continue;
        }
        memset(&got, 0x5a, sizeof got);
        before = got;
        assert_int_equal(decode(&got, wire), SMX_E_MALFORMED);
        assert_memory_equal(&got, &before, sizeof got);
    }
    assert_true(count > 50);
}

/* One bit of a right command altered: it is refused and nothing is written, or it is another right command.
 */
static void no_bit_is_ignored(void **state)
{
    struct smx_vec v;

    (void)state;
    smx_vec_open(&v, "tests/vectors/command.txt");
    while (smx_vec_next(&v)) {
        uint8_t cell[SMX_CELL_SIZE], again[SMX_CELL_SIZE], type;

        if (!smx_vec_is(&v, "result", "ok"))
            continue;
        memcpy(cell, smx_vec_fixed(&v, "wire", sizeof cell), sizeof cell);
        type = smx_command_type(cell);
        if (type == SMX_CMD_FILLER)
            continue;
        for (size_t bit = (SMX_CELL_HEAD + 1) * 8; bit < sizeof cell * 8; bit++) {
            union content got, before;

            cell[bit / 8] ^= (uint8_t)(1U << bit % 8);
            memset(&got, 0x5a, sizeof got);
            before = got;
            if (decode(&got, cell) != SMX_OK) {
                assert_memory_equal(&got, &before, sizeof got);
            } else if (type != SMX_CMD_CREATE || got.create.suite == SMX_SUITE_1) {
                encode(again, type, &got);
                assert_memory_equal(again, cell, sizeof cell);
            }
            cell[bit / 8] ^= (uint8_t)(1U << bit % 8);
        }
    }
}

static void filler_is_all_zeros(void **state)
{
    static const uint8_t zeros[SMX_CELL_SIZE];
    uint8_t cell[SMX_CELL_SIZE];

    (void)state;
    encode(cell, SMX_CMD_FILLER, NULL);
    assert_memory_equal(cell, zeros, sizeof cell);
    assert_int_equal(smx_command_type(cell), SMX_CMD_FILLER);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_vectors_hold),
        cmocka_unit_test(no_bit_is_ignored),
        cmocka_unit_test(filler_is_all_zeros),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
