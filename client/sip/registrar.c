/* client/sip/registrar.c - which phones are where (RFC 3261, 10.3), and what own addresses they use.
 * Every request gets one clear answer at once; a name that is new to us is ordered from the network later. */
#include "client/sip/core.h"

#include <string.h>

/* Seconds.  Bindings do not outlive a run: a phone shall be known again soon after the next one has begun. */
enum { EXPIRES_MAX = 60 };

static bool in_list(const char (*list)[SMX_UA_USER], size_t count, const char *user)
{
    for (size_t i = 0; i < count; i++)
        if (strcmp(list[i], user) == 0)
            return true;
    return false;
}

static bool is_identity(const struct smx_ua *ua, const char *user)
{
    return in_list(ua->identity, ua->identity_count, user);
}

static struct smx_binding *find_binding(struct smx_ua *ua, const char *aor, struct smx_span uri)
{
    for (size_t i = 0; i < ua->binding_max; i++)
        if (strcmp(ua->binding[i].aor, aor) == 0 && smx_span_is(uri, ua->binding[i].uri))
            return &ua->binding[i];
    return NULL;
}

static bool same_flow(const struct smx_flow *a, const struct smx_flow *b)
{
    return a->tcp == b->tcp && (a->tcp ? a->conn == b->conn : smx_addr_equal(&a->addr, &b->addr));
}

/* An entry for a new Contact: a free one, or that of the same phone under an older Contact. */
static struct smx_binding *new_binding(struct smx_ua *ua, const char *aor, const struct smx_flow *flow)
{
    struct smx_binding *free_one = NULL;

    for (size_t i = 0; i < ua->binding_max; i++) {
        struct smx_binding *b = &ua->binding[i];

        if (strcmp(b->aor, aor) == 0 && same_flow(&b->flow, flow))
            return b;
        if (b->aor[0] == 0)
            free_one = b;
    }
    return free_one;
}

/* 0, or the status to refuse with. */
static unsigned bind_one(struct smx_ua *ua, smx_time now, const char *aor, const struct smx_sip *sip,
                         const struct smx_contact *contact, const struct smx_flow *flow, uint32_t seconds)
{
    struct smx_binding *b = find_binding(ua, aor, contact->uri);

    if (b && smx_span_is(sip->call_id, b->call_id) && sip->cseq < b->cseq)
        return 500; /* overtaken by a later one (RFC 3261, 10.3, 7) */
    if (seconds == 0) {
        if (b)
            b->aor[0] = 0;
        return 0;
    }
    if (!b)
        b = new_binding(ua, aor, flow);
    if (!b) {
        ua->stats.table_full++;
        return 503;
    }
    if (b->aor[0] == 0)
        b->savp = false;
    b->aor[0] = 0;
    if (!smx_span_copy(b->to, sizeof b->to, smx_sip_address(*smx_gate_get(&sip->gate, SMX_H_TO))) ||
        !smx_span_copy(b->head, sizeof b->head, contact->head) ||
        !smx_span_copy(b->tail, sizeof b->tail, contact->tail) ||
        !smx_span_copy(b->uri, sizeof b->uri, contact->uri) ||
        !smx_span_copy(b->call_id, sizeof b->call_id, sip->call_id))
        return 400;
    (void)smx_span_copy(b->aor, sizeof b->aor, smx_span_of(aor));
    b->flow = *flow;
    b->cseq = sip->cseq;
    b->expires = now + SMX_SECOND(seconds < EXPIRES_MAX ? seconds : EXPIRES_MAX);
    return 0;
}

/* RFC 3261, 10.3, 6 to 7. */
static unsigned bind_all(struct smx_ua *ua, smx_time now, const char *aor, const struct smx_sip *sip,
                         const struct smx_flow *flow)
{
    const struct smx_span *header = smx_gate_get(&sip->gate, SMX_H_EXPIRES);
    uint32_t wanted = EXPIRES_MAX;

    if (header && !smx_span_u32(*header, UINT32_MAX, &wanted))
        return 400;
    for (size_t i = 0; i < sip->contact_count; i++) {
        const struct smx_contact *c = &sip->contact[i];
        unsigned status;

        if (smx_span_is(c->uri, "*")) {
            if (sip->contact_count != 1 || !header || wanted != 0)
                return 400;
            for (size_t j = 0; j < ua->binding_max; j++)
                if (strcmp(ua->binding[j].aor, aor) == 0)
                    ua->binding[j].aor[0] = 0;
            return 0;
        }
        status = bind_one(ua, now, aor, sip, c, flow, c->has_expires ? c->expires : wanted);
        if (status != 0)
            return status;
    }
    return 0;
}

/* Orders a name once.  0, or the status to refuse with. */
static unsigned claim(struct smx_ua *ua, const struct smx_ua_target *name)
{
    for (size_t i = 0; i < SMX_UA_IDENTITIES; i++) {
        if (ua->claimed[i][0] != 0)
            continue;
        if (!smx_out_has_order_room(ua))
            break;
        (void)smx_span_copy(ua->claimed[i], sizeof ua->claimed[i], smx_span_of(name->text));
        smx_out_order(ua, SMX_UA_CLAIM, 0)->target = *name;
        return 0;
    }
    ua->stats.table_full++;
    return 503;
}

/* "head;expires=N tail" for each phone of the address: what the phone sent, with the time that is left. */
static void write_bindings(const struct smx_ua *ua, smx_time now, const char *aor, struct smx_text *out)
{
    for (size_t i = 0; i < ua->binding_max; i++) {
        const struct smx_binding *b = &ua->binding[i];

        if (strcmp(b->aor, aor) != 0)
            continue;
        smx_text_add(out, out->len > 0 ? "\r\nContact: " : "");
        smx_text_add(out, b->head);
        smx_text_add(out, b->tail);
        smx_text_add(out, ";expires=");
        smx_text_u64(out, (b->expires - now + SMX_SECOND(1) - 1) / SMX_SECOND(1));
    }
}

void smx_reg_register(struct smx_ua *ua, smx_time now, const struct smx_sip *sip, const struct smx_flow *flow)
{
    char aor[SMX_UA_USER], room[4096];
    struct smx_text contacts = {room, 0, sizeof room, false};
    struct smx_ua_target name;
    unsigned status = 0;

    if (!smx_uri_own_user(ua, &sip->to_uri, aor) || !smx_target_parse(&name, aor))
        status = 404;
    else if (in_list(ua->refused, SMX_UA_REFUSED, aor))
        status = 403;
    else if (!is_identity(ua, aor) && name.kind == SMX_UA_KEY)
        status = 403; /* somebody else's key */
    else if (sip->contact_count > 0 && !is_identity(ua, aor) && !in_list(ua->claimed, SMX_UA_IDENTITIES, aor))
        status = claim(ua, &name);
    if (status == 0)
        status = bind_all(ua, now, aor, sip, flow);
    if (status != 0) {
        smx_ua_reply(ua, sip, flow, status);
        return;
    }
    write_bindings(ua, now, aor, &contacts);
    smx_ua_answer(ua, sip, flow, &(struct smx_response){.status = 200, .contact = smx_text_done(&contacts)});
}

void smx_reg_savp(struct smx_ua *ua, const struct smx_flow *flow, bool savp)
{
    for (size_t i = 0; i < ua->binding_max; i++)
        if (ua->binding[i].aor[0] != 0 && same_flow(&ua->binding[i].flow, flow))
            ua->binding[i].savp = savp;
}

void smx_reg_flow_lost(struct smx_ua *ua, uint64_t conn)
{
    for (size_t i = 0; i < ua->binding_max; i++)
        if (ua->binding[i].flow.tcp && ua->binding[i].flow.conn == conn)
            ua->binding[i].aor[0] = 0;
}

void smx_reg_expire(struct smx_ua *ua, smx_time now)
{
    for (size_t i = 0; i < ua->binding_max; i++)
        if (ua->binding[i].aor[0] != 0 && ua->binding[i].expires <= now)
            ua->binding[i].aor[0] = 0;
}

smx_time smx_reg_deadline(const struct smx_ua *ua)
{
    smx_time first = SMX_NEVER;

    for (size_t i = 0; i < ua->binding_max; i++)
        if (ua->binding[i].aor[0] != 0)
            first = smx_time_min(first, ua->binding[i].expires);
    return first;
}

size_t smx_reg_phones(const struct smx_ua *ua, const char *identity,
                      const struct smx_binding *out[SMX_UA_LEGS])
{
    size_t count = 0;

    for (int all = 0; all < 2 && count == 0; all++)
        for (size_t i = 0; i < ua->binding_max && count < SMX_UA_LEGS; i++) {
            const struct smx_binding *b = &ua->binding[i];
            bool known = false;

            if (b->aor[0] == 0 || (!all && strcmp(b->aor, identity) != 0))
                continue;
            for (size_t j = 0; j < count; j++) /* one phone under two addresses rings once */
                known = known || (same_flow(&out[j]->flow, &b->flow) && strcmp(out[j]->uri, b->uri) == 0);
            if (!known)
                out[count++] = b;
        }
    return count;
}

void smx_reg_identity(const struct smx_ua *ua, const struct smx_sip *sip, char out[SMX_UA_USER])
{
    if (smx_uri_own_user(ua, &sip->from_uri, out) &&
        (is_identity(ua, out) || in_list(ua->claimed, SMX_UA_IDENTITIES, out)))
        return;
    out[0] = 0;
    if (ua->identity_count > 0)
        (void)smx_span_copy(out, SMX_UA_USER, smx_span_of(ua->identity[0]));
}

void smx_ua_identities(struct smx_ua *ua, const char *const *users, size_t count)
{
    ua->identity_count = 0;
    for (size_t i = 0; i < count && i < SMX_UA_IDENTITIES; i++)
        if (smx_span_copy(ua->identity[ua->identity_count], SMX_UA_USER, smx_span_of(users[i])))
            ua->identity_count++;
    for (size_t i = 0; i < SMX_UA_IDENTITIES; i++)
        if (is_identity(ua, ua->claimed[i]))
            ua->claimed[i][0] = 0;
    for (size_t i = 0; i < SMX_UA_REFUSED; i++)
        if (is_identity(ua, ua->refused[i]))
            ua->refused[i][0] = 0;
}

void smx_ua_claim_refused(struct smx_ua *ua, const char *name)
{
    for (size_t i = 0; i < SMX_UA_IDENTITIES; i++)
        if (strcmp(ua->claimed[i], name) == 0)
            ua->claimed[i][0] = 0;
    for (size_t i = 0; i < ua->binding_max; i++)
        if (strcmp(ua->binding[i].aor, name) == 0)
            ua->binding[i].aor[0] = 0;
    if (!in_list(ua->refused, SMX_UA_REFUSED, name)) {
        (void)smx_span_copy(ua->refused[ua->refused_next], SMX_UA_USER, smx_span_of(name));
        ua->refused_next = (ua->refused_next + 1) % SMX_UA_REFUSED;
    }
}
