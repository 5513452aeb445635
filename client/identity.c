/* client/identity.c - the user's pseudonyms: their names, the keys of the day, where they listen.  What the
 * directory shall know of them goes up by upload.c.
 *
 *     nothing --configured, registered or drawn--> WANTED --claim taken--> OURS --time half over: renewed-->
 * OURS
 *                                                     ^------ lapsed -------'  '--to be let go--> LEAVING -->
 * nothing */
#include "client/core.h"

#include "proto/base/bytes.h"

#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    DAY_S = 86400,
    CLAIM_MEAN_MS = 4000, /* between a phone's REGISTER and the claim */
    ANON_LETTERS = 8,
};

static const char listen_label[] = "sipmix listen v1";

enum smx_err smx_identities_new(struct smx_client *c, const struct smx_client_identity *own, size_t count)
{
    c->identity = smx_vault_take(c->vault, count * sizeof *c->identity);
    if (!c->identity)
        return SMX_E_MEMORY;
    c->identity_count = count;
    for (size_t i = 0; i < count; i++) {
        struct identity *id = &c->identity[i];

        id->own = own[i];
        smx_base32_encode(id->key_text, own[i].public, SMX_DOC_KEY);
    }
    return SMX_OK;
}

void smx_identities_free(struct smx_client *c)
{
    for (size_t i = 0; c->identity && i < c->identity_count; i++)
        for (size_t d = 0; d < DAYS; d++)
            smx_day_forget(&c->identity[i].day[d]);
    smx_vault_give(c->vault, c->identity, c->identity_count * sizeof *c->identity);
}

/* ---- names ---- */

static struct name *find_name(struct identity *id, const char *text)
{
    for (size_t i = 0; i < NAMES; i++)
        if (id->name[i].state != NAME_NONE && strcmp(id->name[i].text, text) == 0)
            return &id->name[i];
    return NULL;
}

static struct name *free_name(struct identity *id)
{
    for (size_t i = 0; i < NAMES; i++)
        if (id->name[i].state == NAME_NONE)
            return &id->name[i];
    return NULL;
}

void smx_identity_draw_name(struct smx_client *c, struct name *n)
{
    static const char letters[] = "abcdefghijklmnopqrstuvwxyz234567";
    char tail[ANON_LETTERS + 1] = {0};

    for (size_t i = 0; i < ANON_LETTERS; i++)
        tail[i] = letters[smx_rng_below(&c->rng, 32)];
    *n = (struct name){.state = NAME_WANTED, .drawn = true};
    snprintf(n->text, sizeof n->text, "anon-%s", tail);
}

/* A name that we don't hold has been let go before.  A consent that is for another name or key is of no use.
 */
static void part(struct smx_client *c, size_t parting)
{
    const struct smx_client_parting *p = &c->parting[parting];

    for (size_t i = 0; i < c->identity_count; i++) {
        struct name *n = find_name(&c->identity[i], p->name);

        if (!n || n->state != NAME_OURS)
            continue;
        if (p->transfer &&
            smx_consent_verify(&p->consent, p->name, c->identity[i].own.public, c->network->id) != SMX_OK) {
            smx_client_warn(c, SMX_CLIENT_NAME_STUCK);
        } else {
            n->state = NAME_LEAVING;
            n->parting = (uint8_t)parting;
        }
    }
}

void smx_identities_start(struct smx_client *c)
{
    for (size_t i = 0; i < c->identity_count; i++) {
        struct identity *id = &c->identity[i];
        struct name *n;

        if (id->own.name[0] && !find_name(id, id->own.name) && (n = free_name(id))) {
            *n = (struct name){.state = NAME_WANTED};
            memcpy(n->text, id->own.name, sizeof n->text);
        } else if (id->name[0].state == NAME_NONE && id->own.name[0] == 0) {
            smx_identity_draw_name(c, &id->name[0]);
        }
    }
    for (size_t i = 0; i < c->parting_count; i++)
        part(c, i);
    c->changes |= SMX_CLIENT_STATE;
    smx_identities_tell(c);
}

void smx_client_claim(struct smx_client *c, smx_time now, const char *name)
{
    struct identity *id = &c->identity[0];
    char text[SMX_NAME_MAX + 1];
    struct name *n;

    if (smx_name_parse(text, name, strlen(name)) != SMX_OK || find_name(id, text))
        return;
    n = free_name(id);
    if (!n) {
        c->phone->claim_refused(c->phone->arg, name);
        return;
    }
    *n = (struct name){
        .state = NAME_WANTED, .of_phone = true, .next = now + smx_rng_exp(&c->rng, SMX_MS(CLAIM_MEAN_MS))};
    memcpy(n->text, text, sizeof n->text);
    c->changes |= SMX_CLIENT_STATE;
}

void smx_identities_tell(struct smx_client *c)
{
    const char *user[SMX_CLIENT_IDENTITIES * (NAMES + 1)];
    size_t count = 0;

    for (size_t i = 0; i < c->identity_count; i++) {
        for (size_t k = 0; k < NAMES; k++)
            if (c->identity[i].name[k].state == NAME_OURS)
                user[count++] = c->identity[i].name[k].text;
        user[count++] = c->identity[i].key_text;
    }
    c->phone->identities(c->phone->arg, user, count);
    c->changes |= SMX_CLIENT_STATUS;
}

size_t smx_identity_find(const struct smx_client *c, const char *user)
{
    for (size_t i = 0; i < c->identity_count; i++) {
        if (strcmp(c->identity[i].key_text, user) == 0)
            return i;
        for (size_t k = 0; k < NAMES; k++)
            if (c->identity[i].name[k].state != NAME_NONE && strcmp(c->identity[i].name[k].text, user) == 0)
                return i;
    }
    return 0;
}

const char *smx_identity_user(const struct smx_client *c, size_t i)
{
    for (size_t k = 0; k < NAMES; k++)
        if (c->identity[i].name[k].state == NAME_OURS)
            return c->identity[i].name[k].text;
    return c->identity[i].key_text;
}

/* ---- the day's keys ---- */

void smx_day_forget(struct day *d)
{
    free(d->memory.slot);
    sodium_memzero(d, sizeof *d);
}

enum smx_err smx_day_remembers(struct day *d, const uint8_t key[16], size_t hashes)
{
    size_t places = SEEN_FIRST;
    uint64_t *slot;

    while (places / 4 * 3 < hashes)
        places *= 2;
    slot = calloc(places, sizeof *slot);
    if (!slot)
        return SMX_E_MEMORY;
    smx_meet_memory_restore(&d->memory, slot, places, key);
    return SMX_OK;
}

enum smx_err smx_day_makes_room(struct day *d)
{
    struct day more = {.day = 0};
    enum smx_err err;

    if (!smx_meet_memory_is_full(&d->memory) || d->memory.slot_count >= SEEN)
        return SMX_OK;
    err = smx_day_remembers(&more, d->memory.key, d->memory.used + 1);
    if (err != SMX_OK)
        return err;
    for (size_t i = 0; i < d->memory.slot_count; i++)
        smx_meet_memory_add(&more.memory, d->memory.slot[i]);
    free(d->memory.slot);
    d->memory = more.memory;
    sodium_memzero(&more, sizeof more);
    return SMX_OK;
}

struct day *smx_identity_day(struct smx_client *c, size_t i, uint32_t day)
{
    struct identity *id = &c->identity[i];
    uint32_t today = (uint32_t)(c->wall.s / DAY_S);
    struct day *room = NULL;
    uint8_t key[sizeof room->memory.key];

    for (size_t k = 0; k < DAYS; k++) {
        struct day *d = &id->day[k];

        if (d->day != 0 && (d->day + 1 < today || d->day > today + 1)) {
            smx_day_forget(d);
            c->changes |= SMX_CLIENT_STATE;
        }
        if (d->day == day)
            return d;
        if (d->day == 0)
            room = d;
    }
    if (!room || day + 1 < today || day > today + 1)
        return NULL;
    smx_x25519_make(&room->key, &c->rng);
    smx_rng_bytes(&c->rng, key, sizeof key);
    if (smx_day_remembers(room, key, 0) != SMX_OK) {
        smx_day_forget(room);
        return NULL;
    }
    room->day = day;
    c->changes |= SMX_CLIENT_STATE;
    return room;
}

/* ---- listening ---- */

void smx_identity_listen(struct smx_client *c, size_t i, struct smx_origin *o, smx_time now)
{
    struct identity *id = &c->identity[i];
    uint8_t text[sizeof listen_label - 1 + SMX_RELAY_ID + SMX_HOP_HASH];
    uint8_t content[SMX_DOC_KEY + SMX_DOC_SIG];
    struct smx_wr w = {text, sizeof text};

    smx_wr_bytes(&w, listen_label, sizeof listen_label - 1);
    smx_wr_bytes(&w, o->path[END].id, SMX_RELAY_ID);
    smx_wr_bytes(&w, o->hop[END].layers.hash, SMX_HOP_HASH);
    smx_wr_done(&w);
    memcpy(content, id->own.public, SMX_DOC_KEY);
    crypto_sign_detached(content + SMX_DOC_KEY, NULL, text, sizeof text, id->own.secret);
    (void)!smx_origin_request(o, now, END, SMX_HOP_LISTEN, content,
                              sizeof content); /* it asks nothing else */
}

void smx_identity_listening(struct smx_client *c, size_t i, smx_time now)
{
    (void)now;
    c->identity[i].listening = true;
    c->changes |= SMX_CLIENT_STATUS;
}
