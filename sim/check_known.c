#include "sim/check_known.h"

#include "proto/link/endpoint.h" /* which holds addresses */
#include "sim/view_client.h"
#include "sim/view_relay.h"

#include <stdlib.h>

enum { NOBODY = UINT32_MAX };

struct holder { /* who is searched */
    struct smx_check_known *check;
    uint32_t relay, client; /* NOBODY: it is none */
    bool end;               /* relay: of the end layer */
    const char *what;
};

void smx_check_known_init(struct smx_check_known *c, const struct smx_sim_network *n,
                          struct smx_verdict *verdict, const struct smx_words *words)
{
    *c = (struct smx_check_known){.n = n, .verdict = verdict, .words = words};
    c->met = calloc(n->relays * n->config.clients_max + 1, sizeof *c->met);
    if (!c->met)
        abort(); /* as the header says */
}

void smx_check_known_fini(struct smx_check_known *c)
{
    free(c->met);
}

void smx_check_known_datagram(struct smx_check_known *c, uint32_t from, uint32_t to)
{
    size_t client = from - c->n->relays;

    if (from >= c->n->relays && client < c->n->config.clients_max && to < c->n->relays)
        c->met[to * c->n->config.clients_max + client] = true;
}

static bool may_hold(const struct smx_check_known *c, const struct holder *h, const struct smx_word *word)
{
    switch (word->kind) {
    case SMX_WORD_ADDRESS:
        return h->relay != NOBODY ? c->met[h->relay * c->n->config.clients_max + word->owner]
                                  : h->client == word->owner;
    case SMX_WORD_NAME:
    case SMX_WORD_KEY:
        return h->relay == NOBODY || h->end;
    case SMX_WORD_TEXT:
        return h->client != NOBODY;
    case SMX_WORD_SECRET:
        return h->client == word->owner;
    }
    return false;
}

static void search(void *arg, const void *bytes, size_t len)
{
    const struct holder *h = arg;
    struct smx_check_known *c = h->check;
    const struct smx_word *word;

    c->bytes += len;
    for (size_t at = 0; bytes && (word = smx_words_find(c->words, bytes, len, &at)) != NULL;)
        if (!may_hold(c, h, word))
            smx_complain(c->verdict, smx_world_now(c->n->world), "known", "%s %u holds the %s of client %u",
                         h->what, h->relay != NOBODY ? h->relay : h->client, smx_word_kind_name(word->kind),
                         word->owner);
}

static void search_endpoint(struct holder *h, const struct smx_endpoint *ep)
{
    search(h, ep, sizeof *ep);
    search(h, ep->link, ep->links_max * sizeof *ep->link);
    for (const struct dial *d = ep->dials; d; d = d->next_dial)
        search(h, d, sizeof *d);
}

static void look_at_relay(struct smx_check_known *c, uint32_t i)
{
    const struct smx_relay *r = c->n->relay[i].core;
    struct holder h = {.check = c, .relay = i, .client = NOBODY, .end = smx_relay_is_end(r), .what = "relay"};

    smx_view_relay_memory(r, search, &h);
    search_endpoint(&h, smx_view_relay_endpoint(r));
}

static void look_at_client(struct smx_check_known *c, uint32_t i)
{
    const struct smx_client *k = c->n->user[i].client;
    struct holder h = {.check = c, .relay = NOBODY, .client = i, .what = "client"};

    smx_view_client_memory(k, search, &h);
    search_endpoint(&h, smx_view_client_endpoint(k));
}

static void look_at_directory(struct smx_check_known *c)
{
    struct holder h = {.check = c, .relay = NOBODY, .client = NOBODY, .end = true, .what = "directory"};
    struct smx_bytes batch = smx_directory_batch(c->n->directory);
    struct smx_bytes consensus = smx_directory_consensus(c->n->directory);

    search(&h, batch.at, batch.len);
    search(&h, consensus.at, consensus.len);
}

void smx_check_known_look(struct smx_check_known *c)
{
    for (uint32_t i = 0; i < c->n->relays; i++)
        if (c->n->relay[i].core)
            look_at_relay(c, i);
    for (uint32_t i = 0; i < c->n->clients; i++)
        if (c->n->user[i].client)
            look_at_client(c, i);
    look_at_directory(c);
}
