/* tests/vectors/onion.txt from both sides: the owner wraps and reads, each hop peels or adds its one layer.
 */
#include "proto/base/bytes.h"
#include "proto/circuit/hop.h"

#include "tests/support/vectors.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

enum { HOPS = 4, CIRCUITS = 2 };

struct place {
    struct smx_hop_layers origin, relay;
    uint64_t d, c;
};

struct circuit {
    size_t hops;
    struct place hop[HOPS];
};

static struct circuit circuits[CIRCUITS];

static struct circuit *circuit_of(struct smx_vec *v, const char *key)
{
    return &circuits[smx_vec_is(v, key, "a") ? 0 : 1];
}

static const uint8_t *body_at(struct smx_vec *v, const char *stem, size_t i)
{
    char key[32];

    snprintf(key, sizeof key, "%s%zu", stem, i);
    return smx_vec_fixed(v, key, SMX_CELL_BODY);
}

static uint64_t number_at(struct smx_vec *v, const char *stem, size_t i)
{
    char key[32];

    snprintf(key, sizeof key, "%s%zu", stem, i);
    return smx_vec_int(v, key);
}

/* The counts at all hops, from the guard's. */
static void forward_counts(const struct circuit *c, uint64_t first, uint64_t at[HOPS])
{
    at[0] = first;
    for (size_t i = 1; i < c->hops; i++)
        at[i] = at[i - 1] + c->hop[i].d;
}

static void backward_counts(const struct circuit *c, uint64_t first, uint64_t at[HOPS])
{
    at[0] = first;
    for (size_t i = 1; i < c->hops; i++)
        at[i] = at[i - 1] - c->hop[i].c;
}

/* The owner sends plain to the hop `target`; bodies[i] is what hop i receives. */
static void send_forward(struct smx_vec *v, struct circuit *c, size_t target, uint64_t first,
                         const uint8_t *plain, const char *numbers, const char *bodies)
{
    uint8_t body[SMX_CELL_BODY];
    uint64_t at[HOPS] = {0};

    forward_counts(c, first, at);
    memcpy(body, plain, sizeof body);
    for (size_t i = target; i-- > 0;) {
        smx_hop_encipher(&c->hop[i].origin, SMX_FORWARD, at[i], body);
        assert_true(at[i] == number_at(v, numbers, i));
        assert_memory_equal(body, body_at(v, bodies, i), sizeof body);
    }
    for (size_t i = 0; i < target; i++) {
        assert_false(smx_hop_is_own(body));
        smx_hop_decipher(&c->hop[i].relay, SMX_FORWARD, at[i], body);
    }
    assert_memory_equal(body, plain, sizeof body);
}

/* The hop `source` sends plain to the owner; bodies[i] is what hop i sends. */
static void send_backward(struct smx_vec *v, struct circuit *c, size_t source, uint64_t first,
                          const uint8_t *plain, const char *numbers, const char *bodies)
{
    uint8_t body[SMX_CELL_BODY];
    uint64_t at[HOPS] = {0};

    backward_counts(c, first, at);
    memcpy(body, plain, sizeof body);
    for (size_t i = source; i-- > 0;) {
        smx_hop_encipher(&c->hop[i].relay, SMX_BACKWARD, at[i], body);
        assert_true(at[i] == number_at(v, numbers, i));
        assert_memory_equal(body, body_at(v, bodies, i), sizeof body);
    }
    for (size_t i = 0; i < source; i++) {
        assert_false(smx_hop_is_own(body));
        smx_hop_decipher(&c->hop[i].origin, SMX_BACKWARD, at[i], body);
    }
    assert_memory_equal(body, plain, sizeof body);
}

static void check_extend(struct smx_vec *v, struct circuit *c, const struct smx_hop_target *to,
                         const uint8_t msg1[SMX_HOP_MSG1], const uint8_t msg2[SMX_HOP_MSG2],
                         const struct smx_create *create, const struct smx_created *created)
{
    const struct place *p = &c->hop[c->hops];
    struct smx_extend e = {.suite = SMX_SUITE_1, .period = create->period, .d = p->d};
    uint8_t content[SMX_EXTEND_SIZE], extended[8 + SMX_HOP_MSG2], body[SMX_CELL_BODY];
    struct smx_wr w = {extended, sizeof extended};
    uint64_t at[HOPS] = {0};

    memcpy(e.relay, to->id, sizeof e.relay);
    memcpy(e.tag, to->tag, sizeof e.tag);
    memcpy(e.msg1, msg1, sizeof e.msg1);
    smx_extend_encode(content, &e);
    assert_memory_equal(content, smx_vec_fixed(v, "extend", sizeof content), sizeof content);
    smx_hop_msg_encode(body, SMX_HOP_EXTEND, content, sizeof content);
    forward_counts(c, smx_vec_int(v, "extend_number"), at);
    for (size_t i = c->hops; i-- > 0;)
        smx_hop_encipher(&c->hop[i].origin, SMX_FORWARD, at[i], body);
    assert_memory_equal(body, smx_vec_fixed(v, "extend_wire", sizeof body), sizeof body);

    smx_wr_u64(&w, p->c);
    smx_wr_bytes(&w, msg2, SMX_HOP_MSG2);
    smx_wr_done(&w);
    assert_memory_equal(extended, smx_vec_fixed(v, "extended", sizeof extended), sizeof extended);
    smx_hop_msg_encode(body, SMX_HOP_EXTENDED, extended, sizeof extended);
    backward_counts(c, smx_vec_int(v, "extended_number"), at);
    for (size_t i = c->hops; i-- > 0;)
        smx_hop_encipher(&c->hop[i].relay, SMX_BACKWARD, at[i], body);
    assert_memory_equal(body, smx_vec_fixed(v, "extended_wire", sizeof body), sizeof body);

    forward_counts(c, smx_vec_int(v, "first_forward"), at);
    assert_true(create->first_number == at[c->hops - 1] + p->d);
    backward_counts(c, smx_vec_int(v, "first_backward"), at);
    assert_true(created->first_number == at[c->hops - 1] - p->c);
}

static void check_hop(struct smx_vec *v)
{
    struct circuit *c = circuit_of(v, "circuit");
    struct place *p = &c->hop[c->hops];
    uint8_t period = (uint8_t)smx_vec_int(v, "period"), msg1[SMX_HOP_MSG1], msg2[SMX_HOP_MSG2];
    struct smx_created created;
    struct smx_create create;
    struct smx_hop_target to;
    struct smx_x25519 onion;
    struct smx_noise n;

    assert_int_equal(smx_vec_int(v, "hop"), c->hops + 1);
    assert_int_equal(smx_create_decode(&create, smx_vec_fixed(v, "create", SMX_CELL_SIZE)), SMX_OK);
    assert_int_equal(smx_created_decode(&created, smx_vec_fixed(v, "created", SMX_CELL_SIZE)), SMX_OK);
    smx_x25519_from_secret(&onion, smx_vec_fixed(v, "onion_secret", SMX_X25519));
    memcpy(to.id, smx_vec_fixed(v, "relay", sizeof to.id), sizeof to.id);
    memcpy(to.onion, onion.public, sizeof to.onion);
    memcpy(to.tag, create.tag, sizeof to.tag);
    assert_int_equal(smx_hop_start_with_ephemeral(&n, msg1, &to, period, smx_vec_fixed(v, "e1", SMX_X25519)),
                     SMX_OK);
    assert_memory_equal(msg1, smx_vec_fixed(v, "msg1", sizeof msg1), sizeof msg1);
    assert_memory_equal(create.msg1, msg1, sizeof msg1);
    assert_int_equal(smx_hop_answer_with_ephemeral(&p->relay, msg2, msg1, to.id, &onion, to.tag, period,
                                                   smx_vec_fixed(v, "e2", SMX_X25519)),
                     SMX_OK);
    assert_memory_equal(msg2, smx_vec_fixed(v, "msg2", sizeof msg2), sizeof msg2);
    assert_memory_equal(created.msg2, msg2, sizeof msg2);
    assert_int_equal(created.back_id, create.back_id);
    assert_int_equal(smx_hop_finish(&p->origin, &n, msg2), SMX_OK);
    assert_memory_equal(p->origin.hash, smx_vec_fixed(v, "hash", SMX_HOP_HASH), SMX_HOP_HASH);
    assert_memory_equal(p->relay.hash, p->origin.hash, SMX_HOP_HASH);
    if (c->hops > 0) {
        p->d = smx_vec_int(v, "d");
        p->c = smx_vec_int(v, "c");
        check_extend(v, c, &to, msg1, msg2, &create, &created);
    } else {
        assert_true(create.first_number == smx_vec_int(v, "first_forward"));
        assert_true(created.first_number == smx_vec_int(v, "first_backward"));
    }
    c->hops++;
    smx_noise_fini(&n);
}

static void check_cell(struct smx_vec *v)
{
    struct circuit *c = circuit_of(v, "circuit");
    const uint8_t *plain = smx_vec_fixed(v, "plain", SMX_CELL_BODY);
    size_t hop = smx_vec_int(v, "hop");
    uint64_t first = smx_vec_int(v, "number0");

    assert_true(smx_hop_is_own(plain));
    if (smx_vec_is(v, "way", "forward"))
        send_forward(v, c, hop, first, plain, "number", "body");
    else
        send_backward(v, c, hop, first, plain, "number", "body");
}

static void check_joined(struct smx_vec *v)
{
    struct circuit *from = circuit_of(v, "from"), *to = circuit_of(v, "to");
    const uint8_t *peer = smx_vec_fixed(v, "peer", SMX_CELL_BODY);

    assert_false(smx_hop_is_own(peer));
    send_forward(v, from, from->hops, smx_vec_int(v, "up0"), peer, "up", "up_body");
    assert_true(number_at(v, "up", from->hops - 1) + smx_vec_int(v, "constant") ==
                number_at(v, "down", to->hops - 1));
    send_backward(v, to, to->hops, smx_vec_int(v, "down0"), peer, "down", "down_body");
}

static void the_vectors_hold(void **state)
{
    struct smx_vec v;
    size_t count = 0;

    (void)state;
    smx_vec_open(&v, "tests/vectors/onion.txt");
    for (; smx_vec_next(&v); count++) {
        if (smx_vec_has(&v, "peer"))
            check_joined(&v);
        else if (smx_vec_has(&v, "way"))
            check_cell(&v);
        else
            check_hop(&v);
    }
    assert_true(count > 20);
    assert_int_equal(circuits[0].hops, 3);
    assert_int_equal(circuits[1].hops, 4);
    for (size_t i = 0; i < CIRCUITS; i++) {
        for (size_t k = 0; k < HOPS; k++) {
            smx_hop_layers_fini(&circuits[i].hop[k].origin);
            smx_hop_layers_fini(&circuits[i].hop[k].relay);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_vectors_hold),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
