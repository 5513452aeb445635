/* proto/host/http.h - a small HTTP/1.1 server and a client, on evhttp.
 * Plain HTTP to and from IP addresses; nothing here asks DNS.  What must be authentic is signed (proto/doc).
 */
#ifndef SMX_HOST_HTTP_H
#define SMX_HOST_HTTP_H

#include "proto/base/out.h"

struct smx_loop;

/* --- Server --- */

struct smx_http_server;
struct smx_http_request; /* valid during the call of its route only */
struct smx_http_reply;

enum smx_http_method { SMX_HTTP_GET, SMX_HTTP_POST }; /* HEAD is answered as GET without the body */

/* Must call smx_http_answer once; a route that does not yields 500. */
typedef void smx_http_fn(void *arg, const struct smx_http_request *req, struct smx_http_reply *reply);

struct smx_http_route {
    enum smx_http_method method;
    const char *path; /* whole path, without query: "/consensus" */
    smx_http_fn *fn;
};

struct smx_http_limits {
    size_t conns_max;   /* at the last one, that which has gone longest without a whole request makes room: so
                           those who only hold connections keep nobody out */
    size_t body_max;    /* bytes of a request's body: more is 413 */
    unsigned timeout_s; /* seconds for a read or write; a connection lives at most ten times as long */
    bool own_host_only; /* refuse a Host that is neither an IP address nor localhost: a web page
                           that had its own name point here (DNS rebinding) gets 403 */
};

enum { SMX_HTTP_HEADER_MAX = 16 * 1024 }; /* bytes of all header lines */

/* Unknown paths get 404, other methods 405.  routes must outlive the server.  SMX_E_IO: errno says why. */
enum smx_err smx_http_listen(struct smx_http_server **server, struct smx_loop *loop,
                             const struct smx_addr *bind, const struct smx_http_limits *limits,
                             const struct smx_http_route *routes, size_t route_count,
                             void *arg) SMX_MUST_CHECK;
void smx_http_server_free(struct smx_http_server *server);
struct smx_addr smx_http_local(const struct smx_http_server *server);

/* The body, never NULL, len 0 without one. */
const uint8_t *smx_http_body(const struct smx_http_request *req, size_t *len);
/* As in the route that it came by. */
const char *smx_http_path(const struct smx_http_request *req);
/* Value of a header line or of a query's field (decoded), or NULL. */
const char *smx_http_header(const struct smx_http_request *req, const char *name);
const char *smx_http_query(const struct smx_http_request *req, const char *name);
/* The other side of the connection; never for a log. */
struct smx_addr smx_http_from(const struct smx_http_request *req);

/* Copies the body.  type is a media type such as "application/json".  Every answer carries no-store, nosniff
 * and a content policy that allows only what comes from here (so no scripts or styles inside a page). */
void smx_http_answer(struct smx_http_reply *reply, int status, const char *type, const void *body,
                     size_t len);
/* The same, but borrows the body until done(arg), which is when it is sent or the connection gone: for what
 * is large and goes to many at once. */
void smx_http_answer_borrowed(struct smx_http_reply *reply, int status, const char *type, const void *body,
                              size_t len, void (*done)(void *arg), void *arg);
/* One more header line, before the answer. */
void smx_http_add_header(struct smx_http_reply *reply, const char *name, const char *value);

/* --- Client --- */

struct smx_http_fetch;

struct smx_http_ask {
    struct smx_addr to;
    const char *path; /* with query */
    const char *type; /* media type of the body, or NULL for GET */
    const void *body; /* POST when type is given */
    size_t body_len;
    size_t answer_max;   /* bytes of the answer's body: more is a failure */
    unsigned timeout_ms; /* for the whole */
};

/* status is the HTTP status, or 0 when there was no whole answer within the limits.  Called once, never from
 * inside smx_http_fetch; the fetch is freed afterwards. */
typedef void smx_http_done_fn(void *arg, int status, const uint8_t *body, size_t len);

/* Copies what ask points to.  NULL: out of memory (done is not called). */
struct smx_http_fetch *smx_http_fetch(struct smx_loop *loop, const struct smx_http_ask *ask,
                                      smx_http_done_fn *done, void *arg);
/* Ends it without calling done.  Not from inside done. */
void smx_http_cancel(struct smx_http_fetch *fetch);

#endif
