/* Rekeys: a Noise_IK of its own in one cell each way; docs/protocol/10-link.md, section 6. */
#include "proto/link/endpoint.h"

#include <sodium.h>
#include <string.h>

/* The request is made once and then repeated as it is, so that a late answer still fits. */
void smx_rekey_ask(struct smx_endpoint *ep, struct link *l, smx_time now, struct smx_wall wall)
{
    struct dial *d = l->dial;
    const struct smx_wire_hello hello = {wall, ep->boot, (uint8_t)l->kind, l->cells};
    uint8_t payload[SMX_WIRE_HELLO_1];

    d->next = now + SMX_LINK_REKEY_RETRY;
    if (d->index == 0) {
        smx_wire_hello1_write(payload, &hello);
        smx_noise_init(&d->noise, SMX_NOISE_IK, true, smx_wire_prologue, SMX_WIRE_PROLOGUE, &ep->local,
                       l->peer_static);
        if (smx_noise_write(&d->noise, &ep->rng, payload, sizeof payload, d->msg1))
            return; /* can't be: this very key has made a handshake */
        d->index = smx_index_new(ep, l, REF_DIAL);
        d->rekey = true;
        l->asked = 0;
    }
    d->command = true;
}

static enum smx_err answer(struct smx_endpoint *ep, struct link *l, smx_time now,
                           const struct smx_wire_rekey *r)
{
    const struct smx_wire_hello ours = {.boot = ep->boot, .cells = l->cells};
    struct smx_wire_hello theirs;
    uint8_t payload[SMX_WIRE_HELLO_1];
    struct smx_noise noise;
    enum smx_err err;

    smx_noise_init(&noise, SMX_NOISE_IK, false, smx_wire_prologue, SMX_WIRE_PROLOGUE, &ep->local, NULL);
    err = smx_noise_read(&noise, r->msg, SMX_WIRE_MSG1, payload);
    if (!err)
        err = smx_wire_hello1_read(&theirs, payload);
    if (!err && (theirs.kind != (uint8_t)l->kind || theirs.cells != l->cells || theirs.boot != l->peer_boot ||
                 memcmp(smx_noise_remote_static(&noise), l->peer_static, SMX_X25519) != 0))
        err = SMX_E_REFUSED;
    if (!err) {
        smx_wire_hello2_write(payload, &ours);
        err = smx_noise_write(&noise, &ep->rng, payload, SMX_WIRE_HELLO_2, l->rekey_msg2);
    }
    if (!err) {
        uint32_t index;

        smx_link_drop_alt(ep, l);
        index = smx_index_new(ep, l, REF_ALT);
        err = smx_session_start(&l->alt, &noise, index, r->sender);
    }
    smx_noise_fini(&noise);
    if (err)
        return err;
    memcpy(l->rekey_e, r->msg, sizeof l->rekey_e);
    l->rekeyed = true;
    l->alt_use = ALT_REKEY;
    l->answer_waits = true;
    l->asked = 0;
    l->alt_until = now + 2 * SMX_LINK_REKEY_REST;
    smx_link_arm(ep, l);
    return SMX_OK;
}

static enum smx_err receive_request(struct smx_endpoint *ep, struct link *l, smx_time now,
                                    const struct smx_wire_rekey *r)
{
    if (l->dial)
        return SMX_E_STATE;
    if (l->rekeyed &&
        memcmp(r->msg, l->rekey_e, sizeof l->rekey_e) == 0) { /* repeated: the answer was lost, or is late */
        l->answer_waits = l->alt_use == ALT_REKEY;
        return SMX_OK;
    }
    if (now < l->rekey_from)
        return SMX_E_FULL;
    l->rekey_from = now + SMX_LINK_REKEY_REST;
    ep->count.handshakes_read++;
    return answer(ep, l, now, r);
}

static enum smx_err receive_answer(struct smx_endpoint *ep, struct link *l, smx_time now,
                                   const struct smx_wire_rekey *r)
{
    struct smx_wire_hello hello;
    uint8_t payload[SMX_WIRE_HELLO_2];
    enum smx_err err;
    uint32_t index;

    if (!l->dial || !l->dial->rekey || l->dial->index != r->receiver)
        return SMX_E_STATE; /* or of a rekey that is done */
    index = l->dial->index;
    ep->count.handshakes_read++;
    err = smx_noise_read(&l->dial->noise, r->msg, SMX_WIRE_MSG2, payload);
    if (err)
        return err;
    smx_link_drop_alt(ep, l);
    err = smx_wire_hello2_read(&hello, payload);
    if (!err && (hello.boot != l->peer_boot || hello.cells != l->cells))
        err = SMX_E_REFUSED;
    if (!err)
        err = smx_session_start(&l->alt, &l->dial->noise, index, r->sender);
    if (err) {
        smx_link_drop_dial(ep, l); /* the noise state is used up: begin anew */
        return err;
    }
    l->dial->index = 0; /* the index goes on with the session */
    smx_link_drop_dial(ep, l);
    smx_link_answered(l, now);
    smx_link_swap(ep, l, now, true); /* we send with the new keys from now on */
    l->dial->next = now + SMX_LINK_REKEY;
    ep->count.rekeys++;
    smx_link_arm(ep, l);
    return SMX_OK;
}

void smx_rekey_receive(struct smx_endpoint *ep, struct link *l, smx_time now, const uint8_t *cell)
{
    struct smx_wire_rekey r;

    if (smx_wire_rekey_read(&r, cell) ||
        (r.step == 1 ? receive_request(ep, l, now, &r) : receive_answer(ep, l, now, &r)))
        ep->count.rekeys_refused++;
}

/* Of copies the first counts: an answer to it that comes after the second went out took longer, not shorter.
 */
static void ask(struct link *l, smx_time now)
{
    if (l->asked == 0)
        l->asked = now;
}

bool smx_link_command(struct smx_endpoint *ep, uint32_t link, smx_time now, uint8_t cell[SMX_LINK_CELL])
{
    struct link *l = smx_link_at(ep, link);

    if (l->dial && l->dial->command) {
        smx_wire_rekey_write(
            cell, &(struct smx_wire_rekey){.step = 1, .sender = l->dial->index, .msg = l->dial->msg1});
        l->dial->command = false;
        ask(l, now);
        return true;
    }
    if (l->answer_waits) {
        smx_wire_rekey_write(cell, &(struct smx_wire_rekey){.step = 2,
                                                            .sender = l->alt.index,
                                                            .receiver = l->alt.peer_index,
                                                            .msg = l->rekey_msg2});
        l->answer_waits = false;
        ask(l, now);
        return true;
    }
    return false;
}
