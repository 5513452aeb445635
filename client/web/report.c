#include "client/web/report.h"

#include "client/web/advice.h"
#include "client/web/words.h"
#include "proto/base/base32.h"
#include "proto/base/version.h"
#include "proto/link/link.h"
#include "proto/media/emodel.h"

#include <jansson.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

enum {
    SHORT_ID = 4,      /* bytes of a relay's identity that are shown */
    JUDGED = 50,       /* slots that a call must have lasted, to be judged: a second */
    PHONES_MS = 60,    /* what two phones take themselves, mouth to microphone and buffer to ear */
    GUESSES = 5,       /* wrong passwords that are worth a word */
    V4_HEADS = 20 + 8, /* bytes of IP and UDP */
    V6_HEADS = 40 + 8,
    DAY_S = 86400,
    PER_S = 50, /* datagrams */
};

static void put(json_t *to, const char *name, json_t *value)
{
    json_object_set_new(to, name, value ? value : json_null());
}

static void put_int(json_t *to, const char *name, uint64_t value)
{
    put(to, name, json_integer((json_int_t)value));
}

static json_t *tenths(double value)
{
    return json_real(round(value * 10) / 10);
}

/* ---- addresses and keys ---- */

void smx_web_address(char out[SMX_WEB_ADDRESS], const char *user, const char *domain)
{
    if (strcmp(user, "anonymous") == 0)
        snprintf(out, SMX_WEB_ADDRESS, "%s", user);
    else
        snprintf(out, SMX_WEB_ADDRESS, "sip:%s@%s", user, domain);
}

static json_t *address(const char *user, const char *domain)
{
    char text[SMX_WEB_ADDRESS];

    smx_web_address(text, user, domain);
    return json_string(text);
}

static json_t *words_of(const uint8_t key[SMX_DOC_KEY])
{
    const char *words[SMX_WORDS_BYTES];
    json_t *list = json_array();

    smx_words_key(words, key);
    for (size_t i = 0; i < SMX_WORDS_BYTES; i++)
        json_array_append_new(list, json_string(words[i]));
    return list;
}

bool smx_web_is_own(const struct smx_view *v, const char *domain, const char *given)
{
    char text[SMX_WEB_ADDRESS];

    for (size_t i = 0; i < v->identity_count; i++) {
        smx_web_address(text, v->identity[i].key_text, domain);
        if (strcmp(text, given) == 0)
            return true;
        for (size_t k = 0; k < v->identity[i].name_count; k++) {
            smx_web_address(text, v->identity[i].name[k].text, domain);
            if (strcmp(text, given) == 0)
                return true;
        }
    }
    return false;
}

static json_t *identities(const struct smx_web_facts *f)
{
    json_t *list = json_array();

    for (size_t i = 0; i < f->view->identity_count; i++) {
        const struct smx_view_identity *id = &f->view->identity[i];
        json_t *one = json_object(), *names = json_array();

        for (size_t k = 0; k < id->name_count; k++) {
            json_t *name = json_object();

            put(name, "address", address(id->name[k].text, f->domain));
            put(name, "confirmed", json_boolean(id->name[k].ours));
            json_array_append_new(names, name);
        }
        put(one, "names", names);
        put(one, "key_address", address(id->key_text, f->domain));
        put(one, "words", words_of(id->key));
        put(one, "listening", json_boolean(id->listening));
        json_array_append_new(list, one);
    }
    return list;
}

/* ---- what is wrong ---- */

static void add_problem(json_t *list, const char *level, const char *text, const char *advice)
{
    json_t *one = json_object();

    put(one, "level", json_string(level));
    put(one, "text", json_string(text));
    put(one, "advice", json_string(advice));
    json_array_append_new(list, one);
}

static json_t *problems(const struct smx_web_facts *f)
{
    enum smx_client_problem problem = f->view->status.problem, warning = f->view->status.warning;
    bool waits = problem == SMX_CLIENT_STARTING || problem == SMX_CLIENT_BUILDING;
    json_t *list = json_array();

    if (f->refused)
        add_problem(list, "error", "this computer has no network: the system lets no datagram out",
                    "Connect it; the client goes on by itself.");
    if (problem != SMX_CLIENT_FINE)
        add_problem(list, waits ? "wait" : "error", smx_client_problem_text(problem),
                    smx_web_advice(problem));
    else if (!f->view->status.ready)
        add_problem(
            list, "wait", "your address is on its way to the directory",
            "Nothing to do: a new address is found by everybody after the directory's next batch, some "
            "minutes as a rule.  You can call already.");
    if (warning != SMX_CLIENT_FINE)
        add_problem(list, "warning", smx_client_problem_text(warning), smx_web_advice(warning));
    if (f->phones == 0)
        add_problem(list, "warning", "no phone is registered: nobody would hear it ring",
                    "Start your phone, and register it at the address under sip.udp or sip.tcp below.");
    if (f->wrong_passwords >= GUESSES)
        add_problem(
            list, "warning", "wrong passwords have been given as a phone",
            "Does a phone of yours still have an old password?  If not, somebody guesses; he is made to "
            "wait.");
    return list;
}

/* ---- circuits ---- */

static json_t *hops(const struct smx_view_circuit *k)
{
    static const char *const layers[SMX_VIEW_HOPS] = {"guard", "middle", "end", "meeting point"};
    json_t *list = json_array();

    for (size_t i = 0; i < k->hop_count; i++) {
        const struct smx_view_hop *h = &k->hop[i];
        char id[2 * SHORT_ID + 1], at[SMX_ADDR_TEXT];
        json_t *one = json_object();

        for (size_t b = 0; b < SHORT_ID; b++)
            snprintf(id + 2 * b, 3, "%02x", h->id[b]);
        put(one, "layer", json_string(layers[i]));
        put(one, "relay", json_string(id));
        if (h->listed)
            smx_addr_format(&h->addr, at);
        put(one, "address", h->listed ? json_string(at) : NULL);
        put(one, "stands", json_boolean(h->stands));
        json_array_append_new(list, one);
    }
    return list;
}

static json_t *circuits(const struct smx_view *v)
{
    static const char *const purposes[] = {"slot", "listening", "errands"};
    static const char *const states[] = {"waits", "building", "idle", "meeting", "joined"};
    json_t *list = json_array();

    for (size_t i = 0; i < v->circuit_count; i++) {
        const struct smx_view_circuit *k = &v->circuit[i];
        json_t *one = json_object();

        put(one, "purpose", json_string(purposes[k->purpose]));
        put_int(one, "of", k->of);
        put_int(one, "identity", k->identity);
        put(one, "state", json_string(states[k->state]));
        put(one, "renewing", json_boolean(k->renewing));
        put(one, "hops", hops(k));
        json_array_append_new(list, one);
    }
    return list;
}

/* ---- calls ---- */

static json_t *heard(const struct smx_view_heard *h)
{
    json_t *one = json_object();

    put_int(one, "due", h->due);
    put_int(one, "lost", h->lost);
    put_int(one, "quiet", h->quiet);
    put(one, "loss_percent", h->due > 0 ? json_real(round(1e4 * h->lost / h->due) / 100) : NULL);
    return one;
}

static json_t *call(const struct smx_view_call *c, const char *domain)
{
    static const char *const states[] = {"calling", "ringing there", "ringing here", "talking"};
    json_t *one = json_object();
    double ms = (double)c->round_trip / (double)SMX_MS(1);
    bool judged = c->state == SMX_VIEW_TALKING && !c->opus && c->round_trip_known && c->lately.due >= JUDGED;

    put(one, "peer", address(c->peer, domain));
    put(one, "words", c->key_known ? words_of(c->key) : NULL);
    put(one, "outgoing", json_boolean(c->out));
    put(one, "state", json_string(states[c->state]));
    put_int(one, "slot", c->slot);
    put_int(one, "identity", c->identity);
    put_int(one, "seconds", c->heard.due / PER_S);
    put(one, "heard", heard(&c->heard));
    put(one, "lately", heard(&c->lately));
    put(one, "codec", c->state == SMX_VIEW_TALKING ? json_string(c->opus ? "opus" : "g711") : NULL);
    put_int(one, "wait_ms", c->wait / SMX_MS(1));
    put(one, "round_trip_ms", c->round_trip_known ? json_integer((json_int_t)(ms + 0.5)) : NULL);
    put(one, "mos",
        judged ? tenths(smx_mos(smx_rating(ms / 2 + PHONES_MS, 100.0 * c->lately.lost / c->lately.due, 1)))
               : NULL);
    return one;
}

static json_t *calls(const struct smx_web_facts *f)
{
    json_t *list = json_array();

    for (size_t i = 0; i < f->view->call_count; i++)
        json_array_append_new(list, call(&f->view->call[i], f->domain));
    return list;
}

/* ---- the rest ---- */

static json_t *network(const struct smx_web_facts *f)
{
    const struct smx_view *v = f->view;
    json_t *one = json_object();

    put(one, "domain", json_string(f->domain));
    put(one, "guard_answers", json_boolean(v->status.guard));
    put(one, "datagrams_go_out", json_boolean(!f->refused));
    put_int(one, "circuits", v->status.circuits);
    put_int(one, "circuits_wanted", v->status.circuits_wanted);
    put_int(one, "relays", v->relay_count);
    put(one, "list_valid_s",
        v->relay_count > 0 ? json_integer((json_int_t)v->valid_until.s - (json_int_t)f->wall.s) : NULL);
    return one;
}

static json_t *sip(const struct smx_web_facts *f)
{
    json_t *one = json_object();

    put_int(one, "calls", f->sip_calls);
    put_int(one, "transactions", f->sip_transactions);
    return one;
}

static json_t *traffic(const struct smx_web_facts *f)
{
    uint64_t size = SMX_LINK_DATAGRAM(f->view->cells) + (f->view->over_v6 ? V6_HEADS : V4_HEADS);
    json_t *one = json_object();

    put_int(one, "datagram_bytes", size);
    put_int(one, "bits_per_s", size * 8 * PER_S);
    put_int(one, "bytes_a_day", size * PER_S * DAY_S);
    put_int(one, "sent_datagrams", f->sent);
    put_int(one, "received_datagrams", f->received);
    return one;
}

static json_t *settings(const struct smx_web_facts *f)
{
    json_t *list = json_array();

    for (size_t i = 0; i < f->setting_count; i++) {
        json_t *one = json_object();

        put(one, "key", json_string(f->setting[i].key));
        put(one, "value", json_string(f->setting[i].value));
        json_array_append_new(list, one);
    }
    return list;
}

static json_t *asking(const struct smx_web_facts *f)
{
    json_t *list = json_array();

    for (size_t i = 0; i < f->view->asking_count; i++) {
        char key[SMX_KEY_TEXT];
        json_t *one = json_object();

        smx_base32_encode(key, f->view->asking[i].key, SMX_DOC_KEY);
        put(one, "key_address", address(key, f->domain));
        put(one, "words", words_of(f->view->asking[i].key));
        put_int(one, "identity", f->view->asking[i].identity);
        json_array_append_new(list, one);
    }
    return list;
}

static char *text_of(json_t *root)
{
    char *text = json_dumps(root, JSON_COMPACT);

    json_decref(root);
    return text;
}

char *smx_web_status(const struct smx_web_facts *f)
{
    json_t *root = json_object();

    put(root, "version", json_string(SMX_VERSION_TEXT));
    put_int(root, "up_s", f->up / SMX_SECOND(1));
    put(root, "ready", json_boolean(f->view->status.ready));
    put(root, "problems", problems(f));
    put(root, "identities", identities(f));
    put(root, "network", network(f));
    put(root, "circuits", circuits(f->view));
    put(root, "calls", calls(f));
    put_int(root, "phones", f->phones);
    put(root, "sip", sip(f));
    put_int(root, "contacts", f->view->contact_count);
    put(root, "asking", asking(f));
    put(root, "traffic", traffic(f));
    put(root, "settings", settings(f));
    return text_of(root);
}

char *smx_web_contacts(const struct smx_client *client, const char *domain)
{
    struct smx_view_contact contact;
    json_t *list = json_array();

    for (size_t i = 0; smx_client_view_contact(client, i, &contact); i++) {
        char key[SMX_KEY_TEXT];
        json_t *one = json_object();

        smx_base32_encode(key, contact.key, SMX_DOC_KEY);
        put(one, "address", address(contact.user, domain));
        put(one, "key_address", address(key, domain));
        put(one, "words", words_of(contact.key));
        put(one, "blocked", json_boolean(contact.blocked));
        put(one, "identity", contact.has_identity ? json_integer(contact.identity) : NULL);
        json_array_append_new(list, one);
    }
    return text_of(list);
}

char *smx_web_qr(const char *path, unsigned size)
{
    json_t *root = json_object();

    put_int(root, "size", size);
    put(root, "path", json_string(path));
    return text_of(root);
}
