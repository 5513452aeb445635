#include "sim/check_wire.h"

#include "sim/view_client.h"

#include <string.h>

#define SAY(c, now, ...) smx_complain((c)->verdict, now, "wire", __VA_ARGS__)

void smx_check_wire_init(struct smx_check_wire *c, const struct smx_sim_network *n,
                         struct smx_verdict *verdict, const struct smx_words *words)
{
    *c = (struct smx_check_wire){.n = n, .verdict = verdict, .words = words};
}

static bool is_size(const struct smx_check_wire *c, uint32_t from, uint32_t to, size_t len)
{
    uint32_t relays = (uint32_t)c->n->relays, client = from < relays ? to : from;
    const struct smx_client *k;
    const struct smx_params *p = &c->n->config.params;

    if (from < relays && to < relays)
        return len == SMX_LINK_DATAGRAM_MAX ||
               (p->floor_circuits > 0 && len == SMX_LINK_DATAGRAM(p->slots_max + 1));
    k = client - relays < c->n->clients ? c->n->user[client - relays].client : NULL;
    return k && len == SMX_LINK_DATAGRAM(smx_view_client_cells(k));
}

/* Where two words of eight bytes in a row are the same; len: none. */
static size_t repetition(const uint8_t *bytes, size_t len)
{
    uint64_t before, word;

    memcpy(&before, bytes, sizeof before);
    for (size_t at = sizeof word; at + sizeof word <= len; at += sizeof word) {
        memcpy(&word, bytes + at, sizeof word);
        if (word == before)
            return at - sizeof word;
        before = word;
    }
    return len;
}

void smx_check_wire_datagram(struct smx_check_wire *c, smx_time now, uint32_t from, uint32_t to,
                             const uint8_t *bytes, size_t len)
{
    const struct smx_word *word;
    size_t at = 0;

    c->judged++;
    if (!is_size(c, from, to, len)) {
        SAY(c, now, "node %u to %u: a datagram of %zu bytes", from, to, len);
        return;
    }
    word = smx_words_find(c->words, bytes, len, &at);
    if (word)
        SAY(c, now, "node %u to %u: the %s of client %u stands in a datagram", from, to,
            smx_word_kind_name(word->kind), word->owner);
    at = repetition(bytes, len);
    if (at < len)
        SAY(c, now, "node %u to %u: a datagram repeats itself at byte %zu", from, to, at);
}
