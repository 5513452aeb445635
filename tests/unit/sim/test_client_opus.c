/* A profile against another, through the whole network in virtual time: who speaks what, and what is missing
 * when cells are lost. */
#include "tests/unit/sim/network.h"

/* Both sides of a call from a to b, after 10 s of talk. */
struct pair {
    struct smx_sim_call out, in;
};

static struct pair talk(struct smx_sim_network *n, struct smx_sim_user *a, struct smx_sim_user *b)
{
    struct smx_sim_call *out;
    struct pair p;

    a->call_count = b->call_count = 0;
    b->answers = true;
    out = smx_sim_call_place(a, smx_sim_target_name(b->own[0]));
    smx_sim_run_for(n, 12000);
    assert_true(out->answered && b->call[0].answered);
    assert_true(out->frames_in > 400 && b->call[0].frames_in > 400);
    assert_int_equal(out->wrong + b->call[0].wrong, 0); /* none twice, none out of turn */
    p = (struct pair){*out, b->call[0]};
    smx_sim_call_hang_up(a, out);
    smx_sim_run_for(n, 3000);
    return p;
}

static double missing(const struct pair *p)
{
    double missing = p->out.missing + p->in.missing;

    return missing / (missing + p->out.frames_in + p->in.frames_in);
}

static void opus_is_spoken_where_both_have_it_and_loses_a_tenth_of_what_g711_does(void **state)
{
    struct smx_sim_network *n = ready_network(21);
    struct smx_sim_user *alice = &n->user[0], *bob = &n->user[1];
    struct pair opus, g711;

    (void)state;
    alice->opus = bob->opus = true;
    opus = talk(n, alice, bob);
    assert_true(opus.out.opus && opus.in.opus);
    assert_true(missing(&opus) < 0.002);

    smx_world_net(n->world)->common.loss = 9000; /* at each link; a tenth of the cells in all */
    opus = talk(n, alice, bob);
    assert_true(opus.out.opus && opus.in.opus);
    alice->opus = false;
    g711 = talk(n, alice, bob);
    assert_false(g711.out.opus || g711.in.opus);
    print_message("missing %.2f %% of Opus, %.2f %% of G.711\n", 100 * missing(&opus), 100 * missing(&g711));
    assert_true(missing(&g711) > 0.05 && missing(&g711) < 0.15);
    assert_true(missing(&opus) < 0.02);

    smx_world_net(n->world)->common.loss = 0;
    alice->opus = true;
    bob->opus = false;
    g711 = talk(n, alice, bob);
    assert_false(g711.out.opus || g711.in.opus);
    bob->phone.call_incoming_opus = NULL; /* a client of the other profile */
    g711 = talk(n, alice, bob);
    assert_false(g711.out.opus || g711.in.opus);
    smx_sim_network_free(n);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(opus_is_spoken_where_both_have_it_and_loses_a_tenth_of_what_g711_does),
    };

    if (sodium_init() < 0)
        return 1;
    return cmocka_run_group_tests(tests, NULL, NULL);
}
