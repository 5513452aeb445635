#include "directory/relays.h"

#include <stdlib.h>
#include <string.h>

enum smx_err smx_dir_relays_new(struct smx_dir_relays *r, size_t max)
{
    *r = (struct smx_dir_relays){.at = calloc(max + 1, sizeof(void *)), .max = max};
    return r->at ? SMX_OK : SMX_E_MEMORY;
}

void smx_dir_relays_free(struct smx_dir_relays *r)
{
    for (size_t i = 0; i < r->count; i++)
        free(r->at[i]);
    free(r->at);
    *r = (struct smx_dir_relays){.at = NULL};
}

/* The place of id, or where it belongs. */
static size_t place_of(const struct smx_dir_relays *r, const uint8_t id[SMX_DOC_KEY])
{
    size_t low = 0, high = r->count;

    while (low < high) {
        size_t mid = low + (high - low) / 2;

        if (memcmp(r->at[mid]->desc.id, id, SMX_DOC_KEY) < 0)
            low = mid + 1;
        else
            high = mid;
    }
    return low;
}

struct smx_dir_relay *smx_dir_relays_find(const struct smx_dir_relays *r, const uint8_t id[SMX_DOC_KEY])
{
    size_t at = place_of(r, id);

    return at < r->count && memcmp(r->at[at]->desc.id, id, SMX_DOC_KEY) == 0 ? r->at[at] : NULL;
}

enum smx_err smx_dir_relays_put(struct smx_dir_relays *r, const struct smx_dir_relay *relay)
{
    struct smx_dir_relay *mine = smx_dir_relays_find(r, relay->desc.id);

    if (!mine) {
        size_t at = place_of(r, relay->desc.id);

        if (r->count == r->max)
            return SMX_E_FULL;
        mine = malloc(sizeof *mine);
        if (!mine)
            return SMX_E_MEMORY;
        memmove(r->at + at + 1, r->at + at, (r->count - at) * sizeof(void *));
        r->at[at] = mine;
        r->count++;
    }
    *mine = *relay;
    return SMX_OK;
}

void smx_dir_relays_purge(struct smx_dir_relays *r, const struct smx_params *p, struct smx_wall now)
{
    size_t kept = 0;

    for (size_t i = 0; i < r->count; i++)
        if (smx_dir_relay_is_listed(r->at[i], p, now))
            r->at[kept++] = r->at[i];
        else
            free(r->at[i]);
    r->count = kept;
}

bool smx_dir_relay_is_listed(const struct smx_dir_relay *r, const struct smx_params *p, struct smx_wall now)
{
    return now.s - r->seen.s < (int64_t)SMX_DIRECTORY_LISTED_EPOCHS * p->epoch_s;
}

bool smx_dir_relay_is_fresh(const struct smx_dir_relay *r, const struct smx_params *p, struct smx_wall now)
{
    return 2 * (now.s - r->seen.s) <= 3 * (int64_t)p->epoch_s;
}

enum smx_layer smx_dir_relays_layer(const struct smx_dir_relays *r, const struct smx_params *p,
                                    enum smx_role role)
{
    size_t size[SMX_LAYER_EXIT + 1] = {0};
    enum smx_layer least = SMX_LAYER_GUARD;

    if (role == SMX_ROLE_EXIT)
        return SMX_LAYER_EXIT;
    for (size_t i = 0; i < r->count; i++)
        size[r->at[i]->layer]++;
    if (size[SMX_LAYER_MIDDLE] < size[least])
        least = SMX_LAYER_MIDDLE;
    if (size[SMX_LAYER_END] < size[least] && size[SMX_LAYER_END] < p->fanout)
        least = SMX_LAYER_END;
    return least;
}

/* Addresses that others can reach: RFC 6890 without what is private, local, or no single host. */
static bool is_public(const struct smx_addr *a)
{
    const uint8_t *ip = a->ip;

    if (smx_addr_is_v4(a)) {
        ip += 12;
        return ip[0] != 0 && ip[0] != 10 && ip[0] != 127 && ip[0] < 224 &&
               !(ip[0] == 100 && ip[1] >> 6 == 1) && !(ip[0] == 169 && ip[1] == 254) &&
               !(ip[0] == 172 && ip[1] >> 4 == 1) && !(ip[0] == 192 && ip[1] == 168);
    }
    return ip[0] >> 5 == 1; /* 2000::/3, all that is given out */
}

/* Whether two relays can't both be what they say: one address or link key means one machine. */
static bool is_clash(const struct smx_relaydesc *a, const struct smx_relaydesc *b)
{
    if (memcmp(a->link_key, b->link_key, SMX_DOC_KEY) == 0)
        return true;
    for (size_t i = 0; i < a->addr_count; i++)
        for (size_t j = 0; j < b->addr_count; j++)
            if (smx_addr_equal(&a->addr[i], &b->addr[j]))
                return true;
    return false;
}

static bool has_onion_key(const struct smx_relaydesc *d, uint64_t epoch)
{
    for (size_t i = 0; i < d->onion_count; i++)
        if (d->onion[i].epoch == epoch || d->onion[i].epoch == epoch + 1)
            return true;
    return false;
}

enum smx_err smx_dir_relays_judge(const struct smx_dir_relays *r, const struct smx_relaydesc *d,
                                  const struct smx_network *n, const struct smx_params *p,
                                  struct smx_wall now, const char **why)
{
    const struct smx_dir_relay *known = smx_dir_relays_find(r, d->id);

    *why = "descriptor for another network";
    if (memcmp(d->network, n->id, sizeof n->id) != 0)
        return SMX_E_REFUSED;
    *why = "the relay's clock is more than a minute off";
    if (d->published.s > now.s + SMX_DIRECTORY_CLOCK_S || d->published.s < now.s - SMX_DIRECTORY_CLOCK_S)
        return SMX_E_LATE;
    *why = "not newer than the descriptor held";
    if (known && d->published.s <= known->desc.published.s)
        return SMX_E_REPLAY;
    *why = "no onion key for this epoch or the next";
    if (!has_onion_key(d, (uint64_t)now.s / p->epoch_s))
        return SMX_E_REFUSED;
    *why = "an address that others cannot reach";
    for (size_t i = 0; i < d->addr_count && !p->private_addresses; i++)
        if (!is_public(&d->addr[i]))
            return SMX_E_REFUSED;
    *why = "address or link key of another running relay";
    for (size_t i = 0; i < r->count; i++)
        if (r->at[i] != known && smx_dir_relay_is_fresh(r->at[i], p, now) && is_clash(d, &r->at[i]->desc))
            return SMX_E_REFUSED;
    *why = "an exit stays an exit, a relay a relay";
    if (known && (known->layer == SMX_LAYER_EXIT) != (d->role == SMX_ROLE_EXIT))
        return SMX_E_REFUSED;
    *why = "no room for more relays";
    if (!known && r->count == r->max)
        return SMX_E_FULL;
    *why = NULL;
    return SMX_OK;
}
