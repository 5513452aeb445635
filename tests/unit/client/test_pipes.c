/* Which pipe serves for a new call or text: one to that peer, of that identity, alive, and named or not as
 * asked. */
#include "client/core.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>
#include <sodium.h>

static void no_network(void *arg, bool ready)
{
    (void)arg;
    (void)ready;
}

static void no_identities(void *arg, const char *const *users, size_t count)
{
    (void)arg;
    (void)users;
    (void)count;
}

static const struct smx_phone silent = {.network = no_network, .identities = no_identities};

enum { PIPE = 2 }; /* the first of the second identity */

/* With two identities, and a pipe of the second one to bob on its first slot, heard right now. */
static struct smx_client *client_with_a_pipe(void)
{
    static struct smx_network network = {.authority_count = 1};
    struct smx_client_identity own[2] = {{.name = "home"}, {.name = "work"}};
    struct smx_client_config config = {.network = &network,
                                       .slots = 2,
                                       .identity = own,
                                       .identity_count = 2,
                                       .phone = &silent,
                                       .has_v4 = true};
    uint8_t seed[32] = {7};
    struct smx_client *c;
    struct meeting *m;

    for (uint8_t i = 0; i < 2; i++) {
        seed[1] = i;
        crypto_sign_seed_keypair(own[i].public, own[i].secret, seed);
    }
    assert_int_equal(smx_client_new(&c, &config, seed, 0), SMX_OK);
    c->now = SMX_SECOND(100);
    m = &c->meeting[PIPE];
    m->state = MEETING_OPEN;
    m->out = true;
    m->target = (struct smx_client_target){.user = "bob"};
    m->key_known = true;
    memset(m->key, 9, sizeof m->key);
    smx_contact_add(c, 1, "bob", m->key);
    m->heard = c->now;
    return c;
}

static void end(struct smx_client *c)
{
    c->meeting[PIPE].state = MEETING_IDLE;
    smx_client_free(c);
}

static void a_pipe_serves_the_identity_that_it_was_made_for_alone(void **state)
{
    static const struct smx_client_target bob = {.user = "bob"}, carol = {.user = "carol"};
    struct smx_client *c = client_with_a_pipe();

    (void)state;
    assert_ptr_equal(smx_meeting_with(c, 1, &bob), &c->meeting[PIPE]);
    assert_null(smx_meeting_with(c, 0, &bob)); /* it would tell bob that home is work */
    assert_null(smx_meeting_with(c, 1, &carol));
    c->meeting[PIPE].out = false; /* he has made it: his key tells */
    c->meeting[PIPE].target.user[0] = 0;
    assert_ptr_equal(smx_meeting_with(c, 1, &bob), &c->meeting[PIPE]);
    assert_null(smx_meeting_with(c, 0, &bob));
    end(c);
}

static void a_pipe_that_is_silent_serves_nobody_but_the_call_that_is_on_it(void **state)
{
    static const struct smx_client_target bob = {.user = "bob"};
    struct smx_client *c = client_with_a_pipe();

    (void)state;
    c->now += SMX_MS(400);
    assert_non_null(smx_meeting_with(c, 1, &bob));
    c->now += SMX_MS(200);
    assert_null(smx_meeting_with(c, 1, &bob));
    c->meeting[PIPE].call.state = CALL_TALKING; /* it may move */
    assert_non_null(smx_meeting_with(c, 1, &bob));
    end(c);
}

static void who_wants_no_name_gets_no_pipe_that_knows_it_and_the_other_way_round(void **state)
{
    static const struct smx_client_target bob = {.user = "bob"}, hidden = {.user = "bob", .unnamed = true};
    struct smx_client *c = client_with_a_pipe();

    (void)state;
    assert_null(smx_meeting_with(c, 1, &hidden));
    c->meeting[PIPE].target.unnamed = true;
    assert_ptr_equal(smx_meeting_with(c, 1, &hidden), &c->meeting[PIPE]);
    assert_null(smx_meeting_with(c, 1, &bob));
    end(c);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_pipe_serves_the_identity_that_it_was_made_for_alone),
        cmocka_unit_test(a_pipe_that_is_silent_serves_nobody_but_the_call_that_is_on_it),
        cmocka_unit_test(who_wants_no_name_gets_no_pipe_that_knows_it_and_the_other_way_round),
    };
    if (sodium_init() < 0)
        return 1;
    return cmocka_run_group_tests(tests, NULL, NULL);
}
