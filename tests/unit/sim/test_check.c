/* Checkers are quiet about a network that does what it should, and each of them notices what it is for. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "relay/core.h"
#include "sim/check_cells.h"
#include "sim/check_known.h"
#include "sim/check_links.h"
#include "sim/check_once.h"
#include "sim/check_slots.h"
#include "sim/check_tables.h"
#include "sim/check_wire.h"

enum { RELAYS = 6, CLIENTS = 3, NOBODY = 1000 };

/* What somebody does to what checkers see, or to the nodes themselves. */
enum sabotage { NONE_AT_ALL, DOUBLED, WITHHELD, ALTERED, NOT_SENT, TAKEN_TWICE };

struct fixture {
    struct smx_sim_network *n;
    struct smx_verdict verdict;
    struct smx_words words;
    struct smx_check_wire wire;
    struct smx_check_known known;
    struct smx_check_links *links;
    struct smx_check_once *once;
    enum sabotage sabotage; /* of the next datagram from relay 0 */
    uint8_t seen[SMX_LINK_DATAGRAM_MAX];
};

static bool tap(void *arg, smx_time now, uint32_t from, uint32_t to, uint8_t *bytes, size_t len,
                smx_time *delay)
{
    struct fixture *f = arg;
    enum sabotage sabotage = from == 0 ? f->sabotage : NONE_AT_ALL;
    uint8_t copy[SMX_LINK_DATAGRAM_MAX];

    (void)delay;
    assert_true(len <= sizeof copy);
    memcpy(copy, bytes, len);
    memcpy(f->seen, bytes, len);
    if (from == 0 && f->sabotage < TAKEN_TWICE)
        f->sabotage = NONE_AT_ALL;
    if (sabotage == ALTERED)
        copy[100] ^= 1;
    if (sabotage != WITHHELD)
        smx_check_links_datagram(f->links, now, from, to, copy, len);
    if (sabotage == DOUBLED)
        smx_check_links_datagram(f->links, now, from, to, copy, len);
    smx_check_wire_datagram(&f->wire, now, from, to, bytes, len);
    smx_check_known_datagram(&f->known, from, to);
    if (sabotage != NOT_SENT)
        smx_check_once_sent(f->once, now, to, bytes, len);
    return true;
}

static void arrival(void *arg, smx_time now, uint32_t to, const uint8_t *bytes, size_t len)
{
    struct fixture *f = arg;

    if (f->sabotage == TAKEN_TWICE) {
        f->sabotage = NONE_AT_ALL;
        smx_check_once_arrives(f->once, now, to, bytes, len);
    }
    smx_check_once_arrives(f->once, now, to, bytes, len);
}

static void pass(struct fixture *f, unsigned ms)
{
    for (unsigned t = 0; t < ms; t += 100) {
        smx_sim_run_for(f->n, 100);
        smx_check_links_look(f->links);
        smx_check_once_look(f->once, smx_world_now(f->n->world));
    }
    smx_check_tables_look(f->n, &f->verdict);
    smx_check_known_look(&f->known);
}

static void plant(struct fixture *f, uint32_t i)
{
    struct smx_addr addr = {.port = 7000};
    char name[32];

    snprintf(name, sizeof name, "planted.name.of.client.%u", i);
    smx_sim_client_make(f->n, i, i + 1, name, 2);
    memset(addr.ip, (int)(0x20 + i), sizeof addr.ip);
    for (size_t k = 0; k < sizeof addr.ip; k++)
        addr.ip[k] = (uint8_t)(addr.ip[k] + 13 * k);
    smx_world_set_addr(f->n->world, f->n->user[i].node, &addr);
    smx_words_add(&f->words, SMX_WORD_NAME, i, name, strlen(name));
    smx_words_add(&f->words, SMX_WORD_KEY, i, f->n->user[i].public, 32);
    smx_words_add(&f->words, SMX_WORD_ADDRESS, i, addr.ip, sizeof addr.ip);
    f->n->user[i].answers = true;
    smx_sim_client_start(f->n, i);
}

static struct fixture the;

/* One network for all tests: each leaves it as it was, or the last one breaks it. */
static int begin(void **state)
{
    struct smx_sim_network_config config = smx_sim_network_preset(1);

    config.relays = RELAYS;
    config.clients_max = CLIENTS;
    config.params.batch_s = 2;
    config.drift_ppm = 100;
    the.n = smx_sim_network_new(&config);
    smx_words_init(&the.words);
    smx_check_wire_init(&the.wire, the.n, &the.verdict, &the.words);
    smx_check_known_init(&the.known, the.n, &the.verdict, &the.words);
    the.links = smx_check_links_new(the.n, &the.verdict, 1, 1);
    the.once = smx_check_once_new(the.n, &the.verdict);
    smx_world_watch(the.n->world, tap, &the);
    smx_world_watch_arrivals(the.n->world, arrival, &the);
    for (uint32_t i = 0; i < CLIENTS; i++)
        plant(&the, i);
    *state = &the;
    return smx_sim_run_to_ready(the.n, 60000) ? 0 : 1;
}

static int end(void **state)
{
    (void)state;
    smx_check_links_free(the.links);
    smx_check_once_free(the.once);
    smx_check_known_fini(&the.known);
    smx_sim_network_free(the.n);
    return 0;
}

/* Says them, so that a failure can be read; forgets them. */
static size_t complaints(struct fixture *f, const char *by, const char *words)
{
    size_t found = 0;

    for (uint64_t i = 0; i < f->verdict.count && i < SMX_VERDICT_KEPT; i++) {
        const struct smx_complaint *c = &f->verdict.kept[i];

        print_message("%.4f %s: %s\n", (double)c->at / 1e9, c->by, c->text);
        found += strcmp(c->by, by) == 0 && strstr(c->text, words) != NULL;
    }
    f->verdict.count = 0;
    return found;
}

/* ---- nothing is wrong ---- */

static void nothing_is_said_of_a_network_with_calls_and_messages(void **state)
{
    struct fixture *f = *state;
    struct smx_sim_call *call = smx_sim_call_place(&f->n->user[0], smx_sim_target_key(&f->n->user[1]));

    (void)smx_sim_text_send(&f->n->user[2], smx_sim_target_key(&f->n->user[0]), "how are you?", 12);
    pass(f, 8000);
    assert_true(call->answered && call->frames_in > 200);
    smx_sim_call_hang_up(&f->n->user[0], call);
    pass(f, 8000); /* commands meet links that are full */
    if (f->verdict.count > 0)
        complaints(f, "", "");
    assert_int_equal(f->verdict.count, 0);
    assert_true(smx_check_links_counters(f->links)->ticks > 20000);
    assert_true(smx_check_links_counters(f->links)->cells > 40000);
    assert_true(smx_check_links_counters(f->links)->circuits > 4000);
    assert_true(smx_check_once_counters(f->once)->arrivals > 20000);
}

/* ---- links ---- */

static void a_datagram_too_many_or_too_few_or_altered_is_noticed(void **state)
{
    struct fixture *f = *state;

    f->sabotage = DOUBLED;
    pass(f, 100);
    assert_true(complaints(f, "links", "comes after") + complaints(f, "links", "datagrams in a tick") > 0);
    pass(f, 100);
    f->verdict.count = 0;
    f->sabotage = WITHHELD;
    pass(f, 100);
    assert_true(complaints(f, "links", "ticks left out") > 0);
    pass(f, 100);
    f->verdict.count = 0;
    f->sabotage = ALTERED;
    pass(f, 100);
    assert_true(complaints(f, "links", "does not open") > 0);
    pass(f, 100);
    f->verdict.count = 0;
}

static void a_tick_that_comes_late_and_a_link_that_falls_silent_are_noticed(void **state)
{
    struct fixture *f = *state;

    smx_world_pause(f->n->world, 1, smx_world_now(f->n->world) + SMX_MS(13));
    pass(f, 200);
    assert_true(complaints(f, "links", "after its time") > 0);
    smx_world_pause(f->n->world, 1, smx_world_now(f->n->world) + SMX_MS(13));
    smx_check_links_excuse(f->links, 1); /* and who is known to have stood still, is excused */
    pass(f, 200);
    pass(f, 1100);
    assert_int_equal(f->verdict.count, 0);
    smx_world_pause(f->n->world, 1, smx_world_now(f->n->world) + SMX_MS(400));
    pass(f, 300);
    assert_true(complaints(f, "links", "nothing was sent") > 0);
    pass(f, 1000);
    f->verdict.count = 0;
}

/* A circuit that goes on over this relay's link, forward. */
static struct circuit *some_circuit(struct smx_relay *r)
{
    for (uint32_t i = 0; i < r->config.circuits_max; i++)
        if (r->circuit[i].used && r->circuit[i].down == DOWN_LINK && r->circuit[i].twin == UINT32_MAX)
            return &r->circuit[i];
    fail();
    return NULL;
}

static void a_timetable_that_moves_is_noticed(void **state)
{
    struct fixture *f = *state;
    struct circuit *c = some_circuit(f->n->relay[1].core);

    c->fwd.tt.number0++;
    pass(f, 200);
    assert_true(complaints(f, "links", "with a period of") > 0);
    c->fwd.tt.number0--;
    pass(f, 200);
    f->verdict.count = 0;
    c->fwd.tt.tick0 += 5 * (uint64_t)c->fwd.tt.period;
    c->fwd.tt.number0 += 5;
    c->fwd.tt.period *= 1000; /* never again */
    pass(f, 400);
    c->fwd.tt.period /= 1000;
    pass(f, 200);
    assert_true(complaints(f, "links", "without a cell") > 0);
}

static void a_circuit_without_its_cell_or_with_two_is_noticed(void **state)
{
    struct smx_verdict v = {.count = 0};
    struct smx_cells c = {.where = "here", .verdict = &v};
    struct smx_cells_of *of = smx_cells_add(&c, 7, 2, 10);

    (void)state;
    smx_cells_judge(&c, 0, of, 10, 100, 1);
    smx_cells_judge(&c, 0, of, 12, 101, 1);
    smx_cells_due(&c, 0, 7, 2, 12, 101, 1);
    assert_int_equal(v.count, 0);
    smx_cells_due(&c, 0, 7, 2, 14, 102, 1);
    assert_non_null(strstr(v.kept[0].text, "no cell of a live circuit"));
    smx_cells_judge(&c, 0, of, 14, 102, 1);
    smx_cells_judge(&c, 0, of, 14, 103, 1);
    assert_non_null(strstr(v.kept[1].text, "two cells of one circuit"));
    smx_cells_judge(&c, 0, of, 18, 105, 1);
    assert_non_null(strstr(v.kept[2].text, "without a cell for 4 ticks"));
    smx_cells_judge(&c, 0, of, 20, 107, 1);
    assert_non_null(strstr(v.kept[3].text, "count 107 after 105"));
    c.broken = 26; /* the link was down before */
    smx_cells_judge(&c, 0, of, 26, 110, 1);
    assert_int_equal(v.count, 4);
    smx_cells_due(&c, 0, 8, 4, 30, 1, 1); /* a new circuit: its first cell may yet come */
    smx_cells_due(&c, 0, 8, 4, 34, 2, 1);
    assert_int_equal(v.count, 4);
    smx_cells_due(&c, 0, 8, 4, 50, 6, 1);
    assert_int_equal(v.count, 5);
    smx_cells_free(&c);
}

/* ---- the wire ---- */

static void a_word_a_repetition_and_a_wrong_size_are_noticed(void **state)
{
    struct fixture *f = *state;
    uint8_t bytes[SMX_LINK_DATAGRAM_MAX];
    size_t client = SMX_LINK_DATAGRAM(3);
    struct smx_addr addr = *smx_world_addr(f->n->world, f->n->user[2].node);

    randombytes_buf_deterministic(bytes, sizeof bytes, (uint8_t[32]){1});
    smx_check_wire_datagram(&f->wire, 0, 0, 1, bytes, sizeof bytes);
    smx_check_wire_datagram(&f->wire, 0, 0, RELAYS + 1, bytes, client);
    assert_int_equal(f->verdict.count, 0);
    smx_check_wire_datagram(&f->wire, 0, 0, 1, bytes, sizeof bytes - 1);
    assert_true(complaints(f, "wire", "a datagram of 1371 bytes") == 1);
    smx_check_wire_datagram(&f->wire, 0, 0, RELAYS + 1, bytes, sizeof bytes);
    assert_true(complaints(f, "wire", "a datagram of 1372 bytes") == 1);
    for (size_t at = 12; at < 12 + 8; at++) { /* wherever it stands */
        uint8_t copy[SMX_LINK_DATAGRAM_MAX];

        memcpy(copy, bytes, sizeof copy);
        memcpy(copy + at, addr.ip, sizeof addr.ip);
        smx_check_wire_datagram(&f->wire, 0, RELAYS, 0, copy, client);
        assert_true(complaints(f, "wire", "the address of client 2") == 1);
    }
    memcpy(bytes + 400, f->n->user[1].public, 32);
    smx_check_wire_datagram(&f->wire, 0, 0, 1, bytes, sizeof bytes);
    assert_true(complaints(f, "wire", "the key of client 1") == 1);
    memset(bytes + 400, 0, 32);
    smx_check_wire_datagram(&f->wire, 0, 0, 1, bytes, sizeof bytes);
    assert_true(complaints(f, "wire", "repeats itself") == 1);
}

/* ---- once ---- */

static void what_is_accepted_twice_or_was_never_sent_is_noticed(void **state)
{
    struct fixture *f = *state;

    f->sabotage = TAKEN_TWICE; /* the checker saw it arrive before, and the node takes it now */
    pass(f, 100);
    assert_true(complaints(f, "once", "that it had before") == 1);
    f->sabotage = NOT_SENT;
    pass(f, 100);
    assert_true(complaints(f, "once", "that nobody sent") == 1);
}

static void copies_and_what_is_made_up_are_refused_by_the_nodes(void **state)
{
    struct fixture *f = *state;
    struct smx_net_path *path = &smx_world_net(f->n->world)->common, before = *path;
    const struct smx_check_once_counters *count = smx_check_once_counters(f->once);

    path->duplicate = path->corrupt = 200000;
    pass(f, 500);
    smx_world_inject(f->n->world, 0, 0, 1, f->seen, SMX_LINK_DATAGRAM_MAX);
    *path = before;
    pass(f, 1000);
    assert_int_equal(f->verdict.count, 0);
    assert_true(count->again > 50 && count->strange > 50);
}

/* ---- what nodes know ---- */

static uint32_t relay_of_layer(const struct fixture *f, int layer)
{
    for (uint32_t i = 0; i < RELAYS; i++) {
        const struct smx_consensus *v = smx_relay_current(f->n->relay[i].core);

        if ((int)v->relay[smx_consensus_find(v, f->n->relay[i].id)].layer == layer)
            return i;
    }
    return NOBODY;
}

/* A place where a relay may keep words for somebody. */
static uint8_t *a_note_of(struct smx_relay *r)
{
    uint32_t place = smx_shelf_take(&r->notes);
    struct note *note = smx_shelf_at(&r->notes, place);

    smx_shelf_give(&r->notes, &place);
    return note->content;
}

static void what_a_relay_must_not_know_is_noticed(void **state)
{
    struct fixture *f = *state;
    uint32_t guard = relay_of_layer(f, SMX_LAYER_GUARD), middle = relay_of_layer(f, SMX_LAYER_MIDDLE);
    uint32_t end_relay = relay_of_layer(f, SMX_LAYER_END);
    uint8_t *place = a_note_of(f->n->relay[middle].core);
    struct smx_addr addr = *smx_world_addr(f->n->world, f->n->user[1].node);

    memcpy(place + 3, addr.ip, sizeof addr.ip);
    f->known.met[middle * CLIENTS + 1] = false; /* the boot relays are asked for a consensus */
    smx_check_known_look(&f->known);
    assert_true(complaints(f, "known", "holds the address of client 1") == 1);
    f->known.met[middle * CLIENTS + 1] = true;
    smx_check_known_look(&f->known);
    assert_int_equal(f->verdict.count, 0);
    memcpy(place + 3, f->n->user[2].public, 32);
    smx_check_known_look(&f->known);
    assert_true(complaints(f, "known", "holds the key of client 2") == 1);
    memset(place, 0, SMX_HOP_CONTENT);
    place = a_note_of(f->n->relay[guard].core);
    memcpy(place, f->n->user[0].name, strlen(f->n->user[0].name));
    smx_check_known_look(&f->known);
    assert_true(complaints(f, "known", "holds the name of client 0") == 1);
    memset(place, 0, SMX_HOP_CONTENT);
    smx_words_add(&f->words, SMX_WORD_TEXT, 1, "meet me at noon, by the river", 29);
    place = a_note_of(f->n->relay[end_relay].core);
    memcpy(place, "meet me at noon, by the river", 29);
    smx_check_known_look(&f->known);
    assert_true(complaints(f, "known", "holds the text of client 1") == 1);
    memset(place, 0, SMX_HOP_CONTENT);
}

/* ---- tables ---- */

static void a_place_that_is_lost_and_a_queue_without_bound_are_noticed(void **state)
{
    struct fixture *f = *state;
    struct smx_relay *r = f->n->relay[2].core;
    uint32_t command = r->command_free;

    smx_check_tables_look(f->n, &f->verdict);
    assert_int_equal(f->verdict.count, 0);
    r->circuit_fresh++;
    smx_check_tables_look(f->n, &f->verdict);
    assert_true(complaints(f, "tables", "1 places of its tables are lost") == 1);
    r->circuit_fresh--;
    r->served_fresh++;
    smx_check_tables_look(f->n, &f->verdict);
    assert_true(complaints(f, "tables", "1 places of its tables are lost") == 1);
    r->served_fresh--;
    r->command_free = r->command[command].next;
    smx_check_tables_look(f->n, &f->verdict);
    assert_true(complaints(f, "tables", "1 places of its tables are lost") == 1);
    r->command_free = command;
    r->bodies.used++;
    smx_check_tables_look(f->n, &f->verdict);
    assert_true(complaints(f, "tables", "1 places of its tables are lost") == 1);
    r->bodies.used--;
    r->circuit_used++;
    smx_check_tables_look(f->n, &f->verdict);
    assert_true(complaints(f, "tables", "counted") == 1);
    r->circuit_used--;
    r->orphans += r->config.circuits_max;
    smx_check_tables_look(f->n, &f->verdict);
    assert_true(complaints(f, "tables", "orphans") == 1);
    r->orphans -= r->config.circuits_max;
    smx_check_tables_look(f->n, &f->verdict);
    assert_int_equal(f->verdict.count, 0);
}

static void a_link_that_is_wanted_and_not_up_is_missing(void **state)
{
    struct fixture *f = *state;
    char text[SMX_COMPLAINT];

    assert_int_equal(smx_check_links_missing(f->links, text), 0);
    smx_world_set_core(f->n->world, 5, NULL); /* asleep */
    smx_sim_run_for(f->n, 3500);
    assert_true(smx_check_links_missing(f->links, text) > 0);
    assert_non_null(strstr(text, "has no link to"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_circuit_without_its_cell_or_with_two_is_noticed),
        cmocka_unit_test(nothing_is_said_of_a_network_with_calls_and_messages),
        cmocka_unit_test(a_word_a_repetition_and_a_wrong_size_are_noticed),
        cmocka_unit_test(copies_and_what_is_made_up_are_refused_by_the_nodes),
        cmocka_unit_test(what_is_accepted_twice_or_was_never_sent_is_noticed),
        cmocka_unit_test(what_a_relay_must_not_know_is_noticed),
        cmocka_unit_test(a_place_that_is_lost_and_a_queue_without_bound_are_noticed),
        cmocka_unit_test(a_datagram_too_many_or_too_few_or_altered_is_noticed),
        cmocka_unit_test(a_timetable_that_moves_is_noticed),
        cmocka_unit_test(a_tick_that_comes_late_and_a_link_that_falls_silent_are_noticed),
        cmocka_unit_test(a_link_that_is_wanted_and_not_up_is_missing),
    };
    if (sodium_init() < 0)
        return 1;
    return cmocka_run_group_tests(tests, begin, end);
}
