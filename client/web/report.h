/* client/web/report.h - what the local page is told, as JSON; docs/use/web.md names every member.
 * Pure but for malloc.  Texts that are not UTF-8 become null.  It tells whom the user calls: it goes to him
 * alone, and never to a file or a log. */
#ifndef SMX_WEB_REPORT_H
#define SMX_WEB_REPORT_H

#include "client/view.h"

struct smx_web_setting {
    const char *key, *value; /* as in the configuration: "client.slots", "2" */
};

struct smx_web_facts {
    const struct smx_view *view;
    const char *domain;
    struct smx_wall wall;
    smx_time up;                        /* since the start */
    bool refused;                       /* this computer lets no datagram out */
    size_t phones;                      /* registered ones */
    size_t sip_calls, sip_transactions; /* of phones, those included that are only waited out */
    uint64_t wrong_passwords;           /* given by phones since the start */
    uint64_t sent, received;            /* datagrams since the start */
    const struct smx_web_setting *setting;
    size_t setting_count;
};

/* The text, malloc'ed, the caller's; NULL: out of memory. */
char *smx_web_status(const struct smx_web_facts *facts);
char *smx_web_contacts(const struct smx_client *client, const char *domain);
char *smx_web_qr(const char *path, unsigned size);

/* "sip:USER@DOMAIN"; USER alone if that is no address ("anonymous"). */
enum { SMX_WEB_ADDRESS = 4 + SMX_CLIENT_USER + 1 + SMX_NETWORK_DOMAIN };
void smx_web_address(char out[SMX_WEB_ADDRESS], const char *user, const char *domain);
/* Is that one of the user's own addresses, as the status tells them? */
bool smx_web_is_own(const struct smx_view *view, const char *domain, const char *address);

#endif
