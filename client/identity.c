/* client/identity.c - the user's pseudonyms: where they listen, their descriptors, their names.
 *
 * What the directory shall know of an identity is sent by its errand circuit, one descriptor and one claim at
 * a time: NONE --something is due--> WORK --the work is shown--> SENT --result, or none--> NONE A descriptor
 * is due when the accepted one lacks the next day, or names another introduction relay; a name when it is
 * wanted, or its time is half over.  A failure puts the next one off. */
#include "client/core.h"

#include "proto/base/bytes.h"

#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    DAY_S = 86400,
    DESCRIPTOR_SLACK_S = 3600, /* a descriptor outlives its last day by this */
    NIGHT_S = 4 * 3600,        /* before midnight, everybody must have tomorrow's key */
    WORK_TRIES = 400,          /* per tick: a quarter of a millisecond, so that the tick is not late */
    UPLOAD_AGAIN_MS = 20000,   /* mean, after a failure */
    CLAIM_MEAN_MS = 4000,      /* between a phone's REGISTER and the claim */
    ANON_LETTERS = 8,
};

static const char listen_label[] = "sipmix listen v1";

enum smx_err smx_identities_new(struct smx_client *c, const struct smx_client_identity *own, size_t count)
{
    c->identity = sodium_malloc(count * sizeof *c->identity);
    if (!c->identity)
        return SMX_E_MEMORY;
    memset(c->identity, 0, count * sizeof *c->identity);
    c->identity_count = count;
    for (size_t i = 0; i < count; i++) {
        struct identity *id = &c->identity[i];

        id->own = own[i];
        smx_base32_encode(id->key_text, own[i].public, SMX_DOC_KEY);
        for (size_t d = 0; d < DAYS; d++) {
            id->day[d].seen = calloc(SEEN, sizeof *id->day[d].seen);
            if (!id->day[d].seen)
                return SMX_E_MEMORY;
        }
    }
    return SMX_OK;
}

void smx_identities_free(struct smx_client *c)
{
    for (size_t i = 0; c->identity && i < c->identity_count; i++)
        for (size_t d = 0; d < DAYS; d++)
            free(c->identity[i].day[d].seen);
    sodium_free(c->identity);
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

static void draw_name(struct smx_client *c, struct name *n)
{
    static const char letters[] = "abcdefghijklmnopqrstuvwxyz234567";
    char tail[ANON_LETTERS + 1] = {0};

    for (size_t i = 0; i < ANON_LETTERS; i++)
        tail[i] = letters[smx_rng_below(&c->rng, 32)];
    *n = (struct name){.state = NAME_WANTED, .drawn = true};
    snprintf(n->text, sizeof n->text, "anon-%s", tail);
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
            draw_name(c, &id->name[0]);
        }
    }
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

static void forget_day(struct day *d)
{
    uint64_t *seen = d->seen;

    sodium_memzero(d, sizeof *d);
    d->seen = seen;
}

struct day *smx_identity_day(struct smx_client *c, size_t i, uint32_t day)
{
    struct identity *id = &c->identity[i];
    uint32_t today = (uint32_t)(c->wall.s / DAY_S);
    struct day *room = NULL;

    for (size_t k = 0; k < DAYS; k++) {
        struct day *d = &id->day[k];

        if (d->day != 0 && (d->day + 1 < today || d->day > today + 1)) {
            forget_day(d);
            c->changes |= SMX_CLIENT_STATE;
        }
        if (d->day == day)
            return d;
        if (d->day == 0)
            room = d;
    }
    if (!room || day + 1 < today || day > today + 1)
        return NULL;
    room->day = day;
    smx_x25519_make(&room->key, &c->rng);
    smx_meet_memory_init(&room->memory, room->seen, SEEN, &c->rng);
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

/* ---- uploads ---- */

/* At once if today's readers need it.  If only tomorrow is missing, any time of the day will do, and all
 * clients shall not come at midnight. */
static bool descriptor_is_due(struct smx_client *c, struct identity *id, smx_time now)
{
    uint32_t today = (uint32_t)(c->wall.s / DAY_S);
    int64_t left = (int64_t)(today + 1) * DAY_S - NIGHT_S - c->wall.s;

    if (!id->listening)
        return false;
    if (id->published_day < today || memcmp(id->published_intro, id->intro, SMX_DOC_KEY) != 0)
        return true;
    if (id->published_day > today)
        return false;
    if (left <= 0)
        return true;
    if (id->descriptor_at == 0)
        id->descriptor_at = now + smx_rng_u64(&c->rng) % SMX_SECOND(left);
    return now >= id->descriptor_at;
}

static bool make_descriptor(struct smx_client *c, size_t i)
{
    struct identity *id = &c->identity[i];
    struct upload *u = &id->upload[UPLOAD_DESCRIPTOR];
    uint32_t today = (uint32_t)(c->wall.s / DAY_S);
    const struct smx_params *p = &c->consensus.params;
    struct smx_descriptor d = {.seq = ++id->seq, .day_count = SMX_DESC_DAYS, .intro_count = 1};
    uint8_t body[SMX_DESC_MAX];

    memcpy(d.key, id->own.public, SMX_DOC_KEY);
    memcpy(d.intro[0], id->intro, SMX_DOC_KEY);
    d.valid_from = (uint32_t)(c->wall.s / p->epoch_s * p->epoch_s);
    d.expires = (today + SMX_DESC_DAYS) * DAY_S + DESCRIPTOR_SLACK_S;
    for (uint32_t k = 0; k < SMX_DESC_DAYS; k++) {
        const struct day *day = smx_identity_day(c, i, today + k);

        if (!day)
            return false;
        d.day[k].day = day->day;
        memcpy(d.day[k].key, day->key.public, SMX_DOC_KEY);
    }
    u->day = today + SMX_DESC_DAYS - 1;
    memcpy(u->intro, id->intro, sizeof u->intro);
    u->len = smx_upload_encode(u->bytes, SMX_UPLOAD_DESCRIPTOR, body,
                               smx_descriptor_encode(body, &d, c->network.id, id->own.secret));
    return true;
}

static void make_claim(struct smx_client *c, struct identity *id, size_t at)
{
    struct upload *u = &id->upload[UPLOAD_CLAIM];
    struct smx_claim claim = {.op = id->name[at].state == NAME_OURS ? SMX_CLAIM_RENEW : SMX_CLAIM_CLAIM,
                              .seq = ++id->seq};
    uint8_t body[SMX_CLAIM_MAX];

    memcpy(claim.name, id->name[at].text, sizeof claim.name);
    memcpy(claim.key, id->own.public, SMX_DOC_KEY);
    u->name = at;
    u->len = smx_upload_encode(u->bytes, SMX_UPLOAD_CLAIM, body,
                               smx_claim_encode(body, &claim, c->network.id, id->own.secret, NULL));
}

/* NAMES: none. */
static size_t due_name(const struct smx_client *c, const struct identity *id, smx_time now)
{
    for (size_t k = 0; k < NAMES; k++) {
        const struct name *n = &id->name[k];

        if ((n->state == NAME_WANTED && now >= n->next) ||
            (n->state == NAME_OURS && (uint64_t)c->wall.s >= n->renew && now >= n->next))
            return k;
    }
    return NAMES;
}

static bool make_upload(struct smx_client *c, size_t i, smx_time now, size_t which)
{
    struct identity *id = &c->identity[i];
    size_t name;

    if (which == UPLOAD_DESCRIPTOR)
        return descriptor_is_due(c, id, now) && make_descriptor(c, i);
    name = due_name(c, id, now);
    if (name < NAMES)
        make_claim(c, id, name);
    return name < NAMES;
}

static void work(struct smx_client *c, size_t i, smx_time now, size_t which)
{
    struct upload *u = &c->identity[i].upload[which];
    smx_time patience = SMX_SECOND(3 * c->consensus.params.batch_s + 10);

    if (smx_upload_solve(u->bytes, u->len, c->network.id, c->consensus.params.claim_work_bits, WORK_TRIES) &&
        smx_errand_ask(c, now, i, SMX_SERVICE_UPLOAD, u->bytes, u->len, ASKER_IDENTITY, i * UPLOADS + which,
                       2, patience) == SMX_OK) {
        u->state = UPLOAD_SENT;
        c->count.uploads++;
    }
}

void smx_identities_expire(struct smx_client *c, smx_time now)
{
    for (size_t k = 0; c->in_force && k < c->identity_count * UPLOADS; k++) {
        size_t i = k / UPLOADS, which = k % UPLOADS;
        struct upload *u = &c->identity[i].upload[which];

        switch (u->state) {
        case UPLOAD_NONE:
            if (now >= u->next && smx_circuit_is_open(smx_circuit_of(c, CIRCUIT_ERRAND, i)) &&
                make_upload(c, i, now, which)) {
                u->state = UPLOAD_WORK;
                c->changes |= SMX_CLIENT_STATE; /* the sequence number is used */
            }
            break;
        case UPLOAD_WORK:
            work(c, i, now, which);
            break;
        case UPLOAD_SENT:
            break;
        }
    }
}

static void descriptor_result(struct smx_client *c, struct identity *id, smx_time now, bool taken)
{
    if (!taken)
        return;
    id->published_day = id->upload[UPLOAD_DESCRIPTOR].day;
    id->descriptor_at = 0;
    memcpy(id->published_intro, id->upload[UPLOAD_DESCRIPTOR].intro, SMX_DOC_KEY);
    id->found_at =
        now + SMX_SECOND(c->consensus.params.batch_s) * 3 / 2; /* in the next batch, at every end relay */
}

static void claim_result(struct smx_client *c, struct identity *id, smx_time now, unsigned result, bool taken)
{
    struct name *n = &id->name[id->upload[UPLOAD_CLAIM].name];

    if (taken) {
        n->state = NAME_OURS;
        n->renew = (uint64_t)c->wall.s + c->consensus.params.name_grace_s / 2;
        n->next = 0;
        id->found_at = now + SMX_SECOND(c->consensus.params.batch_s) * 3 / 2;
        smx_identities_tell(c);
    } else if (result == SMX_UPLOAD_UNKNOWN) { /* it has lapsed: claim it anew */
        n->state = NAME_WANTED;
    } else if (result == SMX_UPLOAD_TAKEN && n->drawn) {
        draw_name(c, n);
    } else if (result == SMX_UPLOAD_TAKEN) {
        if (n->of_phone)
            c->phone->claim_refused(c->phone->arg, n->text);
        else
            smx_client_set_problem(c, SMX_CLIENT_NAME_TAKEN);
        *n = (struct name){.state = NAME_NONE};
        smx_identities_tell(c);
    }
}

void smx_identity_uploaded(struct smx_client *c, size_t at, smx_time now, unsigned result)
{
    struct identity *id = &c->identity[at / UPLOADS];
    struct upload *u = &id->upload[at % UPLOADS];
    bool taken = result == SMX_UPLOAD_ACCEPTED || result == SMX_UPLOAD_REPEATED;

    u->state = UPLOAD_NONE;
    u->next = taken || result == SMX_UPLOAD_TAKEN || result == SMX_UPLOAD_STALE
                  ? now
                  : now + smx_rng_exp(&c->rng, SMX_MS(UPLOAD_AGAIN_MS));
    if (result == SMX_UPLOAD_STALE) /* this key has been used with another state: leap ahead of that */
        id->seq = (uint64_t)c->wall.s > id->seq ? (uint64_t)c->wall.s : id->seq + 1000;
    if (at % UPLOADS == UPLOAD_DESCRIPTOR)
        descriptor_result(c, id, now, taken);
    else
        claim_result(c, id, now, result, taken);
    c->changes |= SMX_CLIENT_STATE | SMX_CLIENT_STATUS;
}

void smx_identity_unanswered(struct smx_client *c, size_t at, smx_time now)
{
    struct upload *u = &c->identity[at / UPLOADS].upload[at % UPLOADS];

    u->state = UPLOAD_NONE;
    u->next = now + smx_rng_exp(&c->rng, SMX_MS(UPLOAD_AGAIN_MS));
}
