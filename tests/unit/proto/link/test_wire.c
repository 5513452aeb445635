/* The datagrams of links against tests/vectors/link.txt. */
#include "proto/link/link.h"
#include "proto/link/session.h"
#include "proto/link/wire.h"
#include "tests/support/vectors.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>
#include <cmocka.h>

static const uint8_t seed[SMX_RNG_SEED] = {1};

static bool name_begins(const struct smx_vec *v, const char *with)
{
    return strncmp(v->name, with, strlen(with)) == 0;
}

static void start_both(struct smx_vec *v, struct smx_noise *a, struct smx_noise *b, struct smx_x25519 *sa,
                       struct smx_x25519 *sb)
{
    smx_x25519_from_secret(sa, smx_vec_fixed(v, "init_static", 32));
    smx_x25519_from_secret(sb, smx_vec_fixed(v, "resp_static", 32));
    smx_noise_init(a, SMX_NOISE_IK, true, smx_wire_prologue, SMX_WIRE_PROLOGUE, sa, sb->public);
    smx_noise_init(b, SMX_NOISE_IK, false, smx_wire_prologue, SMX_WIRE_PROLOGUE, sb, NULL);
}

/* What is random gets the vector's bytes, before the MACs are made. */
static void set_random(struct smx_vec *v, uint8_t *datagram, size_t len, const char *padding,
                       const char *mac2)
{
    size_t padding_len;
    const uint8_t *bytes = smx_vec_bytes(v, padding, &padding_len);

    memcpy(datagram + len - 32 - padding_len, bytes, padding_len);
    memcpy(datagram + len - 32, smx_vec_fixed(v, mac2, 16), 16);
}

static void check_handshake(struct smx_vec *v)
{
    struct smx_noise a, b;
    struct smx_x25519 sa, sb;
    struct smx_wire_keys to_a, to_b;
    struct smx_wire_handshake h;
    struct smx_wire_hello hello, got;
    struct smx_session session;
    struct smx_rng rng;
    uint64_t bits[SMX_SESSION_CLIENT_WINDOW / 64];
    uint8_t payload[SMX_WIRE_HELLO_1], msg[SMX_WIRE_MSG1], datagram[SMX_LINK_DATAGRAM_MAX];
    uint8_t cells = (uint8_t)smx_vec_int(v, "cells");
    uint32_t init_index = (uint32_t)smx_vec_int(v, "init_index"),
             resp_index = (uint32_t)smx_vec_int(v, "resp_index");
    size_t len = SMX_LINK_DATAGRAM(cells), cookie_len;
    const uint8_t *cookie = smx_vec_bytes(v, "cookie", &cookie_len);

    smx_rng_init(&rng, seed);
    start_both(v, &a, &b, &sa, &sb);
    smx_wire_keys(&to_a, sa.public);
    smx_wire_keys(&to_b, sb.public);
    assert_memory_equal(to_b.mac1, smx_vec_fixed(v, "resp_mac1_key", 32), 32);

    hello = (struct smx_wire_hello){.wall.s = (int64_t)smx_vec_int(v, "wall"),
                                    .boot = smx_vec_int(v, "init_boot"),
                                    .kind = (uint8_t)smx_vec_int(v, "kind"),
                                    .cells = cells};
    smx_wire_hello1_write(payload, &hello);
    assert_memory_equal(payload, smx_vec_fixed(v, "init_payload", SMX_WIRE_HELLO_1), SMX_WIRE_HELLO_1);
    assert_int_equal(smx_wire_hello1_read(&got, payload), SMX_OK);
    assert_true(got.wall.s == hello.wall.s && got.boot == hello.boot && got.kind == hello.kind &&
                got.cells == cells);
    assert_int_equal(smx_noise_write_with_ephemeral(&a, smx_vec_fixed(v, "init_ephemeral", 32), payload,
                                                    SMX_WIRE_HELLO_1, msg),
                     SMX_OK);
    assert_memory_equal(msg, smx_vec_fixed(v, "msg1", SMX_WIRE_MSG1), SMX_WIRE_MSG1);
    smx_wire_init_write(datagram, cells, init_index, msg, smx_vec_int(v, "work"), &rng);
    set_random(v, datagram, len, "init_padding", "init_mac2");
    smx_wire_macs_write(datagram, len, to_b.mac1, cookie_len ? cookie : NULL);
    assert_memory_equal(datagram, smx_vec_fixed(v, "init_plain", len), len);
    assert_true(smx_wire_mac1_holds(datagram, len, to_b.mac1));
    assert_int_equal(cookie_len && smx_wire_mac2_holds(datagram, len, cookie), cookie_len > 0);
    if (cookie_len) {
        uint64_t nonce = smx_vec_int(v, "work");
        unsigned shown = (unsigned)smx_vec_int(v, "work_bits");

        assert_int_equal(smx_wire_init_work(datagram, cookie), shown);
        assert_true(smx_wire_work_search(msg, cookie, shown, &nonce));
        assert_int_equal(nonce, smx_vec_int(v, "work"));
    }
    assert_int_equal(smx_wire_handshake_read(&h, datagram, len), SMX_OK);
    assert_true(h.type == SMX_WIRE_INIT && h.cells == cells && h.sender == init_index && h.receiver == 0);
    assert_memory_equal(h.msg, msg, SMX_WIRE_MSG1);
    smx_wire_mask(to_b.mask, datagram, len);
    assert_memory_equal(datagram, smx_vec_fixed(v, "init_wire", len), len);

    assert_int_equal(smx_noise_read(&b, msg, SMX_WIRE_MSG1, payload), SMX_OK);
    hello = (struct smx_wire_hello){.boot = smx_vec_int(v, "resp_boot"), .cells = cells};
    smx_wire_hello2_write(payload, &hello);
    assert_memory_equal(payload, smx_vec_fixed(v, "resp_payload", SMX_WIRE_HELLO_2), SMX_WIRE_HELLO_2);
    assert_int_equal(smx_wire_hello2_read(&got, payload), SMX_OK);
    assert_true(got.boot == hello.boot && got.cells == cells);
    assert_int_equal(smx_noise_write_with_ephemeral(&b, smx_vec_fixed(v, "resp_ephemeral", 32), payload,
                                                    SMX_WIRE_HELLO_2, msg),
                     SMX_OK);
    assert_memory_equal(msg, smx_vec_fixed(v, "msg2", SMX_WIRE_MSG2), SMX_WIRE_MSG2);
    smx_wire_response_write(datagram, cells, resp_index, init_index, msg, &rng);
    set_random(v, datagram, len, "resp_padding", "resp_mac2");
    smx_wire_macs_write(datagram, len, to_a.mac1, NULL);
    assert_memory_equal(datagram, smx_vec_fixed(v, "resp_plain", len), len);
    assert_int_equal(smx_wire_handshake_read(&h, datagram, len), SMX_OK);
    assert_true(h.type == SMX_WIRE_RESPONSE && h.sender == resp_index && h.receiver == init_index);
    smx_wire_mask(to_a.mask, datagram, len);
    assert_memory_equal(datagram, smx_vec_fixed(v, "resp_wire", len), len);
    assert_int_equal(smx_noise_read(&a, msg, SMX_WIRE_MSG2, payload), SMX_OK);

    smx_session_init(&session, true, bits, SMX_SESSION_CLIENT_WINDOW);
    assert_int_equal(smx_session_start(&session, &a, init_index, resp_index), SMX_OK);
    assert_memory_equal(session.send, smx_vec_fixed(v, "to_responder", 32), 32);
    assert_memory_equal(session.receive, smx_vec_fixed(v, "to_initiator", 32), 32);
    assert_int_equal(smx_session_start(&session, &b, resp_index, init_index), SMX_OK);
    assert_memory_equal(session.send, smx_vec_fixed(v, "to_initiator", 32), 32);
    smx_noise_fini(&a);
    smx_noise_fini(&b);
}

static void check_rekey(struct smx_vec *v)
{
    struct smx_noise a, b;
    struct smx_x25519 sa, sb;
    struct smx_wire_rekey r, got;
    uint8_t msg[SMX_WIRE_MSG1], payload[SMX_WIRE_HELLO_1], cell[SMX_LINK_CELL];
    uint32_t init_index = (uint32_t)smx_vec_int(v, "init_index"),
             resp_index = (uint32_t)smx_vec_int(v, "resp_index");

    start_both(v, &a, &b, &sa, &sb);
    assert_int_equal(smx_noise_write_with_ephemeral(&a, smx_vec_fixed(v, "init_ephemeral", 32),
                                                    smx_vec_fixed(v, "init_payload", SMX_WIRE_HELLO_1),
                                                    SMX_WIRE_HELLO_1, msg),
                     SMX_OK);
    r = (struct smx_wire_rekey){.step = 1, .sender = init_index, .msg = msg};
    smx_wire_rekey_write(cell, &r);
    assert_memory_equal(cell, smx_vec_fixed(v, "cell1", SMX_LINK_CELL), SMX_LINK_CELL);
    assert_true(smx_wire_is_rekey(cell));
    assert_int_equal(smx_wire_rekey_read(&got, cell), SMX_OK);
    assert_true(got.step == 1 && got.sender == init_index);
    assert_memory_equal(got.msg, msg, SMX_WIRE_MSG1);
    assert_int_equal(smx_noise_read(&b, msg, SMX_WIRE_MSG1, payload), SMX_OK);
    assert_int_equal(smx_noise_write_with_ephemeral(&b, smx_vec_fixed(v, "resp_ephemeral", 32),
                                                    smx_vec_fixed(v, "resp_payload", SMX_WIRE_HELLO_2),
                                                    SMX_WIRE_HELLO_2, msg),
                     SMX_OK);
    r = (struct smx_wire_rekey){.step = 2, .sender = resp_index, .receiver = init_index, .msg = msg};
    smx_wire_rekey_write(cell, &r);
    assert_memory_equal(cell, smx_vec_fixed(v, "cell2", SMX_LINK_CELL), SMX_LINK_CELL);
    assert_int_equal(smx_wire_rekey_read(&got, cell), SMX_OK);
    assert_true(got.step == 2 && got.sender == resp_index && got.receiver == init_index);
    for (size_t i = 0; i < SMX_LINK_CELL;
         i++) { /* head, step and padding are checked; indexes and message can't be */
        cell[i] ^= 0x80;
        assert_int_equal(smx_wire_rekey_read(&got, cell),
                         i < 10 || i >= 9 + SMX_WIRE_REKEY_2 ? SMX_E_MALFORMED : SMX_OK);
        cell[i] ^= 0x80;
    }
    smx_noise_fini(&a);
    smx_noise_fini(&b);
}

static void check_cookie(struct smx_vec *v)
{
    struct smx_x25519 responder;
    struct smx_wire_keys keys;
    struct smx_wire_handshake h;
    uint8_t cells = (uint8_t)smx_vec_int(v, "cells");
    uint8_t datagram[SMX_LINK_DATAGRAM_MAX], cookie[16] = {0}, other[16] = {0}, bits = 0;
    size_t len = SMX_LINK_DATAGRAM(cells);
    const uint8_t *mac1 = smx_vec_fixed(v, "init_mac1", 16), *wanted = smx_vec_fixed(v, "cookie", 16);
    struct smx_rng rng;

    smx_x25519_from_secret(&responder, smx_vec_fixed(v, "resp_static", 32));
    smx_wire_keys(&keys, responder.public);
    assert_memory_equal(keys.cookie, smx_vec_fixed(v, "cookie_key", 32), 32);
    memcpy(datagram, smx_vec_fixed(v, "wire", len), len);
    smx_wire_mask(keys.mask, datagram, len);
    assert_memory_equal(datagram, smx_vec_fixed(v, "plain", len), len);
    assert_int_equal(smx_wire_handshake_read(&h, datagram, len), SMX_OK);
    assert_true(h.type == SMX_WIRE_COOKIE && h.receiver == smx_vec_int(v, "init_index") && h.sender == 0);
    assert_memory_equal(h.nonce, smx_vec_fixed(v, "nonce", 24), 24);
    assert_int_equal(smx_wire_cookie_open(cookie, &bits, &h, keys.cookie, mac1), SMX_OK);
    assert_memory_equal(cookie, wanted, 16);
    assert_int_equal(bits, smx_vec_int(v, "bits"));
    assert_int_equal(smx_wire_cookie_open(cookie, &bits, &h, keys.cookie, other), SMX_E_AUTH);
    /* The writer draws its nonce, so it is checked by reading. */
    smx_rng_init(&rng, seed);
    smx_wire_cookie_write(datagram, cells, h.receiver, keys.cookie, mac1, wanted, 7, &rng);
    assert_int_equal(smx_wire_handshake_read(&h, datagram, len), SMX_OK);
    assert_int_equal(smx_wire_cookie_open(other, &bits, &h, keys.cookie, mac1), SMX_OK);
    assert_memory_equal(other, wanted, 16);
    assert_int_equal(bits, 7);
}

static void check_transport(struct smx_vec *v)
{
    uint64_t bits[SMX_SESSION_RELAY_WINDOW / 64];
    uint8_t datagram[SMX_LINK_DATAGRAM_MAX];
    struct smx_aead *aead = smx_aead_new();
    struct smx_wire_keys keys;
    struct smx_session s;
    size_t cells_len, len;
    const uint8_t *cells = smx_vec_bytes(v, "cells", &cells_len);
    uint64_t counter = smx_vec_int(v, "tick") << 8 | smx_vec_int(v, "k");

    len = SMX_LINK_HEAD + cells_len + SMX_LINK_TAG;
    smx_wire_keys(&keys, smx_vec_fixed(v, "receiver", 32));
    smx_session_init(&s, false, bits, SMX_SESSION_RELAY_WINDOW);
    s.peer_index = (uint32_t)smx_vec_int(v, "index");
    memcpy(s.send, smx_vec_fixed(v, "key", 32), 32);
    memcpy(s.receive, s.send, 32);
    memcpy(datagram + SMX_LINK_HEAD, cells, cells_len);
    smx_session_seal(&s, aead, keys.mask, datagram, len, counter);
    assert_memory_equal(datagram, smx_vec_fixed(v, "wire", len), len);
    smx_wire_mask(keys.mask, datagram, len);
    assert_memory_equal(datagram, smx_vec_fixed(v, "plain", len), len);
    assert_true(smx_wire_head_read(datagram).index == s.peer_index &&
                smx_wire_head_read(datagram).counter == counter);
    assert_int_equal(smx_session_open(&s, aead, datagram, len, counter ^ 1), SMX_E_AUTH);
    memcpy(datagram, smx_vec_fixed(v, "plain", len), len);
    if (counter == UINT64_MAX) { /* the last counter of all is never sent, and never taken */
        assert_int_equal(smx_session_open(&s, aead, datagram, len, counter), SMX_E_REPLAY);
        smx_aead_free(aead);
        return;
    }
    assert_int_equal(smx_session_open(&s, aead, datagram, len, counter), SMX_OK);
    assert_memory_equal(datagram + SMX_LINK_HEAD, cells, cells_len);
    assert_int_equal(smx_session_open(&s, aead, datagram, len, counter), SMX_E_REPLAY);
    smx_aead_free(aead);
}

static void datagrams_and_cells_are_as_the_vectors_say(void **state)
{
    struct smx_vec v;
    unsigned count = 0;

    (void)state;
    smx_vec_open(&v, "tests/vectors/link.txt");
    for (; smx_vec_next(&v); count++) {
        if (name_begins(&v, "handshake-"))
            check_handshake(&v);
        else if (name_begins(&v, "rekey-"))
            check_rekey(&v);
        else if (name_begins(&v, "cookie-"))
            check_cookie(&v);
        else if (name_begins(&v, "transport-"))
            check_transport(&v);
        else {
            struct smx_wire_handshake h = {.sender = 5};
            size_t len;
            const uint8_t *plain = smx_vec_bytes(&v, "plain", &len);

            assert_true(name_begins(&v, "refuse-"));
            assert_int_equal(smx_wire_handshake_read(&h, plain, len), SMX_E_MALFORMED);
            assert_int_equal(h.sender, 5); /* untouched */
        }
    }
    assert_true(count >= 20);
}

static void payloads_with_reserved_bytes_set_are_refused(void **state)
{
    uint8_t one[SMX_WIRE_HELLO_1] = {0}, two[SMX_WIRE_HELLO_2] = {0};
    struct smx_wire_hello h = {.boot = 77};

    (void)state;
    for (size_t i = 18; i < sizeof one; i++) {
        one[i] = 1;
        assert_int_equal(smx_wire_hello1_read(&h, one), SMX_E_MALFORMED);
        one[i] = 0;
    }
    for (size_t i = 9; i < sizeof two; i++) {
        two[i] = 1;
        assert_int_equal(smx_wire_hello2_read(&h, two), SMX_E_MALFORMED);
        two[i] = 0;
    }
    assert_int_equal(h.boot, 77);
}

static void a_client_session_knows_one_datagram_a_tick(void **state)
{
    uint64_t bits[SMX_SESSION_CLIENT_WINDOW / 64];
    uint8_t datagram[SMX_LINK_DATAGRAM(1)] = {0};
    static const uint8_t mask_key[SMX_KEY];
    struct smx_aead *aead = smx_aead_new();
    struct smx_session s;

    (void)state;
    smx_session_init(&s, true, bits, SMX_SESSION_CLIENT_WINDOW);
    smx_session_seal(&s, aead, mask_key, datagram, sizeof datagram, 5 << 8 | 1);
    smx_wire_mask(mask_key, datagram, sizeof datagram);
    assert_int_equal(smx_session_open(&s, aead, datagram, sizeof datagram, 5 << 8 | 1), SMX_E_MALFORMED);
    smx_aead_free(aead);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(datagrams_and_cells_are_as_the_vectors_say),
        cmocka_unit_test(payloads_with_reserved_bytes_set_are_refused),
        cmocka_unit_test(a_client_session_knows_one_datagram_a_tick),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
