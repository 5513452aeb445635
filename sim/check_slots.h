/* sim/check_slots.h - slots of clients, counted from outside.  Pure. */
#ifndef SMX_SIM_CHECK_SLOTS_H
#define SMX_SIM_CHECK_SLOTS_H

#include "client/client.h"
#include "sim/check.h"

/* All slots idle, and as far as their circuits stand with a new cookie out. */
bool smx_slots_are_idle(const struct smx_client *c);
/* The same, but a slot may have a pipe with nothing to carry: after a message it stays for a while. */
bool smx_slots_are_settled(const struct smx_client *c);
/* Slots that a call could have: free ones, and those that such a pipe gives up. */
size_t smx_slots_for_a_call(const struct smx_client *c);
/* Slots that are idle with a cookie. */
size_t smx_slots_free(const struct smx_client *c);
/* What its slots do, for people. */
const char *smx_slots_text(const struct smx_client *c, char text[SMX_COMPLAINT]);

#endif
