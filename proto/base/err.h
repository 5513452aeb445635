/* proto/base/err.h - what a call came to, by what its caller does next.
 * Causes are counted by name where they happen; no text travels with an error. */
#ifndef SMX_BASE_ERR_H
#define SMX_BASE_ERR_H

enum smx_err {
    SMX_OK = 0,
    SMX_E_MALFORMED, /* the bytes break their format: drop them */
    SMX_E_AUTH,      /* a tag, MAC or signature does not verify: drop them */
    SMX_E_REPLAY,    /* seen before, or too old to tell: drop them */
    SMX_E_LATE,      /* outside its time: expired, stale or past its tick */
    SMX_E_FULL,      /* a bounded table or queue has no room: refuse the asker */
    SMX_E_STATE,     /* not now, in this state: the caller's order is wrong */
    SMX_E_ABSENT,    /* no such thing */
    SMX_E_REFUSED,   /* the other side said no */
    SMX_E_MEMORY,    /* allocation failed, only ever at start or per connection */
    SMX_E_IO,        /* the system refused; errno says why (proto/host, stores) */
};

#define SMX_MUST_CHECK __attribute__((warn_unused_result))

/* A short constant English text for messages to the operator; never NULL. */
const char *smx_err_text(enum smx_err err);

#endif
