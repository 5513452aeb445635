/* client/lookup.c - what the directory says through an end relay: answers, and heads of batches.  Nothing is
 * believed that a majority of the authorities did not sign, that is old, or that they signed twice in
 * different words.  Who passes on what is refused is not asked again: the next errand circuit has another
 * end. */
#include "client/core.h"

#include <string.h>

/* The newest header of a batch that we have seen, or NULL. */
static const struct smx_batch_header *seen(const struct smx_client *c)
{
    return c->has_batch ? &c->batch : NULL;
}

static enum smx_client_problem problem_of(enum smx_err err, size_t len)
{
    if (err == SMX_E_REFUSED)
        return SMX_CLIENT_TWO_FACED;
    if (err == SMX_E_STATE)
        return SMX_CLIENT_ANSWER_AHEAD;
    return err == SMX_E_LATE || err == SMX_E_REPLAY || len == 0 ? SMX_CLIENT_ANSWER_OLD
                                                                : SMX_CLIENT_ANSWER_FALSE;
}

static bool judge(struct smx_client *c, size_t identity, enum smx_err err, const struct smx_batch_header *h,
                  size_t len)
{
    if (err != SMX_OK) {
        c->count.answers_refused++;
        smx_paths_shun(c, identity);
        smx_client_warn(c, problem_of(err, len));
        return false;
    }
    if (!c->has_batch || h->number > c->batch.number) {
        c->has_batch = true;
        c->batch = *h;
        c->changes |= SMX_CLIENT_STATE;
    }
    if (c->warning == SMX_CLIENT_ANSWER_OLD || c->warning == SMX_CLIENT_ANSWER_FALSE ||
        c->warning == SMX_CLIENT_ANSWER_AHEAD) {
        c->warning = SMX_CLIENT_FINE;
        c->changes |= SMX_CLIENT_STATUS;
    }
    return true;
}

bool smx_lookup_answer(struct smx_client *c, size_t identity, const uint8_t index[SMX_INDEX],
                       const uint8_t *key, const uint8_t *answer, size_t len, struct smx_answer *a)
{
    enum smx_err err =
        smx_answer_verify(a, c->network, &c->consensus.params, index, seen(c), c->wall, answer, len);

    if (err == SMX_OK && key && a->present && memcmp(a->key, key, SMX_DOC_KEY) != 0)
        err = SMX_E_AUTH; /* no majority can give a key's place to another one */
    return judge(c, identity, err, &a->header, len);
}

bool smx_lookup_head(struct smx_client *c, size_t identity, const uint8_t *head, size_t len)
{
    struct smx_batch_header h;
    enum smx_err err = smx_batch_verify(&h, c->network, &c->consensus.params, seen(c), c->wall, head, len);

    return judge(c, identity, err, &h, len);
}

unsigned smx_lookup_work(const struct smx_client *c)
{
    const struct smx_params *p = &c->consensus.params;

    /* An old batch says nothing about today's load. */
    return c->has_batch && smx_batch_check(&c->batch, p, NULL, c->wall) == SMX_OK ? c->batch.work
                                                                                  : p->claim_work_bits;
}
