/* client/upload.c - descriptors and claims on their way to the directory, by the identity's errand circuit;
 * one of each at a time.
 *
 *     NONE --due--> WORK --shown--> SENT --accepted--> TAKEN --a batch later--> CHECK --in the batch--> NONE
 *                     ^---more is asked---'              '---circuit gone---> NONE <---not there--------'
 * again
 *
 * A descriptor is due when the accepted one lacks the next day, or names another introduction relay; a name
 * when it is wanted, to be let go, or its time is half over.  A failure puts the next one off.
 *
 * An end relay could say "accepted" and throw the upload away.  So what was accepted is looked up in the
 * batch that must have it, by the circuit that carried it, whose end knows already that we care: if that
 * circuit is gone, or the signed batch does not have it, it goes up again. */
#include "client/core.h"

#include "proto/base/bytes.h"

#include <string.h>

enum {
    DAY_S = 86400,
    DESCRIPTOR_SLACK_S = 3600, /* a descriptor outlives its last day by this */
    NIGHT_S = 4 * 3600,        /* before midnight, everybody must have tomorrow's key */
    WORK_TRIES = 400,          /* per tick: a quarter of a millisecond, so that the tick is not late */
    AGAIN_MS = 20000,          /* mean, after a failure */
    CHECK_TRIES = 2,
};

static smx_time again(struct smx_client *c, smx_time now)
{
    return now + smx_rng_exp(&c->rng, SMX_MS(AGAIN_MS));
}

/* In the next batch, and that at most end relays. */
static smx_time a_batch_later(const struct smx_client *c, smx_time now)
{
    return now + SMX_SECOND(c->consensus.params.batch_s) * 3 / 2;
}

/* In the next batch, made within an interval, and that at every end relay, within 1.1 more. */
static smx_time everywhere(const struct smx_client *c, smx_time now)
{
    return now + SMX_SECOND(c->consensus.params.batch_s) * 11 / 5;
}

/* ---- making them ---- */

/* At once if today's readers need it.  If only tomorrow is missing, any time of the day will do, and all
 * clients shall not come at midnight. */
static bool descriptor_is_due(struct smx_client *c, struct identity *id, smx_time now)
{
    uint32_t today = (uint32_t)(c->wall.s / DAY_S);
    int64_t left = (int64_t)(today + 1) * DAY_S - NIGHT_S - c->wall.s;

    if (!id->listening)
        return false;
    if (id->upload[UPLOAD_DESCRIPTOR].again || id->published_day < today ||
        memcmp(id->published_intro, id->intro, SMX_DOC_KEY) != 0)
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
    u->seq = d.seq;
    memcpy(u->intro, id->intro, sizeof u->intro);
    u->len = smx_upload_encode(u->bytes, SMX_UPLOAD_DESCRIPTOR, body,
                               smx_descriptor_encode(body, &d, c->network->id, id->own.secret));
    return true;
}

static void make_claim(struct smx_client *c, struct identity *id, size_t at)
{
    static const enum smx_claim_op ops[] = {[NAME_NONE] = SMX_CLAIM_CLAIM,
                                            [NAME_WANTED] = SMX_CLAIM_CLAIM,
                                            [NAME_OURS] = SMX_CLAIM_RENEW,
                                            [NAME_LEAVING] = SMX_CLAIM_RELEASE};
    const struct name *n = &id->name[at];
    const struct smx_consent *consent = NULL;
    struct upload *u = &id->upload[UPLOAD_CLAIM];
    struct smx_claim claim = {.op = ops[n->state]};
    uint8_t body[SMX_CLAIM_MAX];

    if (n->state == NAME_LEAVING && c->parting[n->parting].transfer) {
        consent = &c->parting[n->parting].consent;
        claim.op = SMX_CLAIM_TRANSFER;
        memcpy(claim.new_key, consent->key, sizeof claim.new_key);
    }
    claim.seq = consent ? consent->seq : ++id->seq;
    memcpy(claim.name, n->text, sizeof claim.name);
    memcpy(claim.key, id->own.public, SMX_DOC_KEY);
    u->name = at;
    u->len = smx_upload_encode(
        u->bytes, SMX_UPLOAD_CLAIM, body,
        smx_claim_encode(body, &claim, c->network->id, id->own.secret, consent ? consent->sig : NULL));
}

/* NAMES: none. */
static size_t due_name(const struct smx_client *c, const struct identity *id, smx_time now)
{
    for (size_t k = 0; k < NAMES; k++) {
        const struct name *n = &id->name[k];

        if (n->state != NAME_NONE && now >= n->next &&
            (n->state != NAME_OURS || (uint64_t)c->wall.s >= n->renew))
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

/* ---- sending ---- */

static const struct circuit *errand_of(struct smx_client *c, size_t i)
{
    return smx_circuit_of(c, CIRCUIT_ERRAND, i);
}

static const uint8_t *hash_of(const struct circuit *k)
{
    return k->origin.hop[END].layers.hash;
}

static smx_time patience_of(const struct smx_client *c)
{
    return SMX_SECOND(3 * c->consensus.params.batch_s + 10);
}

static void work(struct smx_client *c, size_t i, smx_time now, size_t which)
{
    struct upload *u = &c->identity[i].upload[which];

    u->bits = smx_lookup_work(c);
    if (smx_upload_solve(u->bytes, u->len, c->network->id, u->bits, WORK_TRIES) &&
        smx_errand_ask(c, now, i, SMX_SERVICE_UPLOAD, u->bytes, u->len, ASKER_IDENTITY, i * UPLOADS + which,
                       2, patience_of(c)) == SMX_OK) {
        u->state = UPLOAD_SENT;
        c->count.uploads++;
    }
}

/* ---- looking it up ---- */

/* The index that must be there; false: there is none any more (a name was let go). */
static bool index_of(const struct identity *id, size_t which, uint8_t index[SMX_INDEX])
{
    const struct name *n = &id->name[id->upload[UPLOAD_CLAIM].name];

    if (which == UPLOAD_DESCRIPTOR)
        smx_index_key(index, id->own.public);
    else if (n->state == NAME_OURS)
        smx_index_name(index, n->text);
    else
        return false;
    return true;
}

/* Of no avail: as if it had never been taken. */
static void redo(struct identity *id, size_t which)
{
    struct upload *u = &id->upload[which];
    struct name *n = &id->name[u->name];

    u->state = UPLOAD_NONE;
    if (which == UPLOAD_DESCRIPTOR)
        u->again = true;
    else if (n->state == NAME_OURS)
        n->renew = 0;
}

static void check(struct smx_client *c, size_t i, smx_time now, size_t which)
{
    struct identity *id = &c->identity[i];
    const struct circuit *k = errand_of(c, i);
    struct upload *u = &id->upload[which];
    uint8_t index[SMX_INDEX];

    if (!smx_circuit_is_open(k) || memcmp(hash_of(k), u->by, sizeof u->by) != 0)
        redo(id, which);
    else if (!index_of(id, which, index))
        u->state = UPLOAD_NONE;
    else if (now >= u->next && smx_errand_ask(c, now, i, SMX_SERVICE_LOOKUP, index, sizeof index, ASKER_CHECK,
                                              i * UPLOADS + which, CHECK_TRIES, patience_of(c)) == SMX_OK)
        u->state = UPLOAD_CHECK;
}

/* Whether a signed answer shows what was taken. */
static bool shows(const struct identity *id, size_t which, const struct smx_answer *a)
{
    if (which == UPLOAD_DESCRIPTOR)
        return a->live && a->descriptor.seq >= id->upload[which].seq;
    return a->present && memcmp(a->key, id->own.public, SMX_DOC_KEY) == 0;
}

void smx_identity_checked(struct smx_client *c, size_t at, smx_time now, const uint8_t *answer, size_t len)
{
    struct identity *id = &c->identity[at / UPLOADS];
    size_t which = at % UPLOADS;
    struct upload *u = &id->upload[which];
    uint8_t index[SMX_INDEX];
    struct smx_answer a;

    u->state = UPLOAD_TAKEN;
    u->next = again(c, now);
    if (!index_of(id, which, index) ||
        !smx_lookup_answer(c, at / UPLOADS, index, which == UPLOAD_DESCRIPTOR ? id->own.public : NULL, answer,
                           len, &a))
        return;
    if (shows(id, which, &a)) {
        u->state = UPLOAD_NONE;
        u->next = now;
    } else if (a.header.time.s > u->taken.s + SMX_BATCH_SKEW_S) { /* an older batch proves nothing */
        c->count.uploads_lost++;
        smx_client_warn(c, SMX_CLIENT_UPLOAD_LOST);
        smx_paths_shun(c, at / UPLOADS);
        redo(id, which);
    }
}

void smx_identity_unchecked(struct smx_client *c, size_t at, smx_time now)
{
    struct upload *u = &c->identity[at / UPLOADS].upload[at % UPLOADS];

    u->state = UPLOAD_TAKEN;
    u->next = again(c, now);
}

void smx_identity_moved(struct smx_client *c, size_t at)
{
    redo(&c->identity[at / UPLOADS], at % UPLOADS);
}

/* ---- time and results ---- */

void smx_uploads_expire(struct smx_client *c, smx_time now)
{
    for (size_t k = 0; c->in_force && k < c->identity_count * UPLOADS; k++) {
        size_t i = k / UPLOADS, which = k % UPLOADS;
        struct upload *u = &c->identity[i].upload[which];

        switch (u->state) {
        case UPLOAD_NONE:
            if (now >= u->next && smx_circuit_is_open(errand_of(c, i)) && make_upload(c, i, now, which)) {
                u->state = UPLOAD_WORK;
                c->changes |= SMX_CLIENT_STATE; /* the sequence number is used */
            }
            break;
        case UPLOAD_WORK:
            if (now >= u->next)
                work(c, i, now, which);
            break;
        case UPLOAD_TAKEN:
            check(c, i, now, which);
            break;
        case UPLOAD_SENT:
        case UPLOAD_CHECK:
            break;
        }
    }
}

static void descriptor_taken(struct smx_client *c, struct identity *id, smx_time now)
{
    const struct upload *u = &id->upload[UPLOAD_DESCRIPTOR];

    if (id->published_day < c->wall.s / DAY_S || memcmp(id->published_intro, u->intro, SMX_DOC_KEY) != 0)
        id->found_at = everywhere(c, now); /* else it was found before */
    id->published_day = u->day;
    id->descriptor_at = 0;
    memcpy(id->published_intro, u->intro, SMX_DOC_KEY);
}

static void claim_taken(struct smx_client *c, struct identity *id, struct name *n, smx_time now)
{
    if (n->state == NAME_LEAVING) {
        *n = (struct name){.state = NAME_NONE};
        c->count.names_let_go++;
    } else {
        if (n->state != NAME_OURS) /* else it is renewed, or goes up again */
            id->found_at = everywhere(c, now);
        n->state = NAME_OURS;
        n->renew = (uint64_t)c->wall.s + c->consensus.params.name_grace_s / 2;
        n->next = 0;
    }
    smx_identities_tell(c);
}

/* The name is another key's, or nobody's. */
static void claim_lost(struct smx_client *c, struct name *n, unsigned result)
{
    if (n->state == NAME_LEAVING) { /* it is gone already: by this very order, before a crash, or it lapsed */
        *n = (struct name){.state = NAME_NONE};
    } else if (result == SMX_UPLOAD_UNKNOWN) { /* it has lapsed: claim it anew */
        n->state = NAME_WANTED;
    } else if (n->drawn) {
        smx_identity_draw_name(c, n);
    } else {
        if (n->of_phone)
            c->phone->claim_refused(c->phone->arg, n->text);
        else
            smx_client_set_problem(c, SMX_CLIENT_NAME_TAKEN);
        *n = (struct name){.state = NAME_NONE};
    }
    smx_identities_tell(c);
}

static void claim_result(struct smx_client *c, struct identity *id, smx_time now, unsigned result, bool taken)
{
    struct name *n = &id->name[id->upload[UPLOAD_CLAIM].name];

    if (taken) {
        claim_taken(c, id, n, now);
    } else if (result == SMX_UPLOAD_UNKNOWN || result == SMX_UPLOAD_TAKEN) {
        claim_lost(c, n, result);
    } else if (result == SMX_UPLOAD_STALE && n->state == NAME_LEAVING && c->parting[n->parting].transfer) {
        n->state = NAME_OURS; /* the consent names a number that has been used up */
        smx_client_warn(c, SMX_CLIENT_NAME_STUCK);
    }
}

/* More work was asked for than was shown; false: not more than that, by what is signed. */
static bool needs_more(struct smx_client *c, size_t i, const struct upload *u, const uint8_t *head,
                       size_t len)
{
    c->count.uploads_short++;
    return smx_lookup_head(c, i, head, len) && smx_lookup_work(c) > u->bits;
}

void smx_identity_uploaded(struct smx_client *c, size_t at, smx_time now, unsigned result,
                           const uint8_t *head, size_t len)
{
    size_t i = at / UPLOADS, which = at % UPLOADS;
    struct identity *id = &c->identity[i];
    struct upload *u = &id->upload[which];
    bool taken = result == SMX_UPLOAD_ACCEPTED || result == SMX_UPLOAD_REPEATED;

    c->changes |= SMX_CLIENT_STATE | SMX_CLIENT_STATUS;
    u->state = UPLOAD_NONE;
    u->next = result == SMX_UPLOAD_TAKEN || result == SMX_UPLOAD_STALE ? now : again(c, now);
    if (result == SMX_UPLOAD_NO_WORK) {
        u->state = UPLOAD_WORK;
        if (needs_more(c, i, u, head, len))
            u->next = now;
        return;
    }
    if (result == SMX_UPLOAD_STALE) /* this key has been used with another state: leap ahead of that */
        id->seq = (uint64_t)c->wall.s > id->seq ? (uint64_t)c->wall.s : id->seq + 1000;
    if (taken) {
        u->state = UPLOAD_TAKEN;
        u->again = false;
        u->next = a_batch_later(c, now);
        u->taken = c->wall;
        memcpy(u->by, hash_of(errand_of(c, i)), sizeof u->by);
    }
    if (which == UPLOAD_CLAIM)
        claim_result(c, id, now, result, taken);
    else if (taken)
        descriptor_taken(c, id, now);
}

void smx_identity_unanswered(struct smx_client *c, size_t at, smx_time now)
{
    struct upload *u = &c->identity[at / UPLOADS].upload[at % UPLOADS];

    u->state = UPLOAD_NONE;
    u->next = again(c, now);
}
