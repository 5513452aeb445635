/* client/bridge.h - joins the client core (client/client.h) to the phone side (client/sip/ua.h): what one
 * orders, the other is told.  Pure; holds no state but the two pointers, so that a call has the phone side's
 * number in both. */
#ifndef SMX_CLIENT_BRIDGE_H
#define SMX_CLIENT_BRIDGE_H

#include "client/client.h"
#include "client/sip/ua.h"

struct smx_bridge {
    struct smx_client *client; /* set by the caller once it is made, before the first verb of either side */
    struct smx_ua *ua;
    char domain[SMX_NETWORK_DOMAIN];
    struct smx_phone phone; /* for struct smx_client_config */
};

/* Fills phone; the bridge must stay where it is. */
void smx_bridge_init(struct smx_bridge *b, struct smx_ua *ua, const char *domain);
/* Carries out the orders of the phones: to be called after every verb of the phone side or the core. */
void smx_bridge_orders(struct smx_bridge *b, smx_time now);

#endif
