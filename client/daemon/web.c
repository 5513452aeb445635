/* client/daemon/web.c - the local page: HTTP on a loopback address, for who knows the token.  What is told,
 * and to whom, is decided in client/web; here are the socket, and the files by which the user gets in. */
#include "client/daemon/daemon.h"

#include "client/web/door.h"
#include "client/web/page.h"
#include "client/web/qr.h"
#include "client/web/report.h"
#include "proto/host/log.h"

#include <errno.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { CONNS = 16, TIMEOUT_S = 10, ROUTES_MAX = 8, SETTINGS = 16 };

struct web {
    struct client_daemon *d;
    struct smx_http_server *server;
    struct smx_door door;
    smx_time began;
    struct smx_http_route route[ROUTES_MAX];
    size_t route_count;
};

/* ---- answers ---- */

static void answer(struct smx_http_reply *reply, int status, const char *type, const char *body, size_t len)
{
    smx_http_add_header(reply, "Cross-Origin-Resource-Policy", "same-origin");
    smx_http_add_header(reply, "Cross-Origin-Opener-Policy", "same-origin");
    smx_http_add_header(reply, "X-Frame-Options", "DENY");
    smx_http_add_header(reply, "Content-Security-Policy", "require-trusted-types-for 'script'");
    smx_http_answer(reply, status, type, body, len);
}

static void answer_text(struct smx_http_reply *reply, int status, const char *text)
{
    answer(reply, status, "text/plain; charset=utf-8", text, strlen(text));
}

/* False: refused, and answered. */
static bool comes_in(const struct web *w, const struct smx_http_request *req, struct smx_http_reply *reply,
                     bool with_token)
{
    struct smx_door_knock knock = {.host = smx_http_header(req, "Host"),
                                   .origin = smx_http_header(req, "Origin"),
                                   .site = smx_http_header(req, "Sec-Fetch-Site"),
                                   .dest = smx_http_header(req, "Sec-Fetch-Dest"),
                                   .authorization = smx_http_header(req, "Authorization")};

    switch (smx_door(&w->door, &knock, with_token)) {
    case SMX_DOOR_OPEN:
        return true;
    case SMX_DOOR_FOREIGN:
        answer_text(reply, 403, "This page answers to its own address only, and to no other page.\n");
        return false;
    case SMX_DOOR_UNKNOWN:
        smx_http_add_header(reply, "WWW-Authenticate", "Bearer");
        answer_text(reply, 401, "The token is in the file web.token in the state folder.\n");
        return false;
    }
    return false;
}

/* Takes the text. */
static void answer_json(struct smx_http_reply *reply, char *text)
{
    if (text)
        answer(reply, 200, "application/json", text, strlen(text));
    else
        answer_text(reply, 503, "Out of memory.\n");
    free(text);
}

static void on_file(void *arg, const struct smx_http_request *req, struct smx_http_reply *reply)
{
    const struct web *w = arg;
    const struct smx_web_file *f = smx_web_files;
    const char *path = smx_http_path(req);

    while (f->path && strcmp(f->path, path) != 0)
        f++;
    if (f->path && comes_in(w, req, reply, false))
        answer(reply, 200, f->type, f->begin, (size_t)(f->end - f->begin));
}

/* ---- what is told ---- */

static const char *address_text(const struct smx_addr *a, char text[SMX_ADDR_TEXT])
{
    if (a->port == 0)
        return "off";
    smx_addr_format(a, text);
    return text;
}

static void tell_status(const struct web *w, struct smx_http_reply *reply)
{
    static const char *const digest[] = {"both", "sha-256", "md5"},
                             *const srtp[] = {"off", "offer", "demand"},
                             *const reach[] = {"everybody", "contacts", "ask"};
    const struct client_daemon *d = w->d;
    const struct client_config *c = &d->config;
    char slots[8], calls[8], phones[8], udp[SMX_ADDR_TEXT], tcp[SMX_ADDR_TEXT], tls[SMX_ADDR_TEXT],
        web[SMX_ADDR_TEXT];
    const struct smx_web_setting settings[SETTINGS] = {
        {"network", c->network},
        {"state", c->state},
        {"client.slots", slots},
        {"contacts.reach", reach[c->reach]},
        {"sip.udp", address_text(&c->sip_udp, udp)},
        {"sip.tcp", address_text(&c->sip_tcp, tcp)},
        {"sip.tls", address_text(&c->sip_tls, tls)},
        {"sip.phone", phones},
        {"sip.digest", digest[c->digest]},
        {"sip.srtp", srtp[c->srtp]},
        {"sip.calls", calls},
        {"sip.call_waiting", c->call_waiting ? "yes" : "no"},
        {"sip.display_name", c->display_name ? "yes" : "no"},
        {"media.profile", c->profile ? "opus" : "g711"},
        {"web.listen", address_text(&c->web, web)},
        {"test.cover", c->cover ? "yes" : "no"},
    };
    const struct smx_ua_usage usage = smx_ua_usage(d->ua);
    struct smx_view view;
    struct smx_web_facts facts = {.view = &view,
                                  .domain = d->network.domain,
                                  .wall = smx_loop_wall(),
                                  .up = smx_loop_now() - w->began,
                                  .refused = d->watch.refused,
                                  .phones = usage.bindings,
                                  .sip_calls = usage.calls,
                                  .sip_transactions = usage.transactions,
                                  .wrong_passwords = smx_ua_stats(d->ua).auth_wrong,
                                  .setting = settings,
                                  .setting_count = SETTINGS};

    snprintf(slots, sizeof slots, "%u", (unsigned)c->slots);
    snprintf(calls, sizeof calls, "%u", (unsigned)c->calls);
    snprintf(phones, sizeof phones, "%u", (unsigned)c->phones.count);
    for (size_t i = 0; i < d->udp_count; i++) {
        struct smx_udp_stats s = smx_udp_stats(d->udp[i]);

        facts.sent += s.sent;
        facts.received += s.received;
    }
    smx_client_view(d->client, &view);
    answer_json(reply, smx_web_status(&facts));
}

static void on_status(void *arg, const struct smx_http_request *req, struct smx_http_reply *reply)
{
    if (comes_in(arg, req, reply, true))
        tell_status(arg, reply);
}

static void on_contacts(void *arg, const struct smx_http_request *req, struct smx_http_reply *reply)
{
    const struct web *w = arg;

    if (comes_in(w, req, reply, true))
        answer_json(reply, smx_web_contacts(w->d->client, w->d->network.domain));
}

/* One of our own addresses as a picture, nothing else: it costs a millisecond. */
static void on_qr(void *arg, const struct smx_http_request *req, struct smx_http_reply *reply)
{
    const struct web *w = arg;
    const char *address = smx_http_query(req, "address");
    struct smx_view view;
    unsigned size = 0;
    char *path;

    if (!comes_in(w, req, reply, true))
        return;
    smx_client_view(w->d->client, &view);
    if (!address || !smx_web_is_own(&view, w->d->network.domain, address)) {
        answer_text(reply, 404, "That is none of your addresses.\n");
    } else if (smx_qr(address, &path, &size) != SMX_OK) {
        answer_text(reply, 503, "Out of memory.\n");
    } else {
        answer_json(reply, smx_web_qr(path, size));
        free(path);
    }
}

/* ---- start ---- */

/* The token of an earlier run, or a new one: a bookmark stays good. */
static bool have_token(struct web *w)
{
    char path[SMX_PATH_MAX], text[SMX_DOOR_TOKEN + 2];
    uint8_t bytes[SMX_DOOR_TOKEN / 2];
    size_t len;
    enum smx_err err = smx_state_path(&w->d->state, "web.token", path);

    if (err == SMX_OK)
        err = smx_file_read(path, text, sizeof text, &len);
    if (err == SMX_OK && smx_door_take_token(&w->door, text, len)) {
        sodium_memzero(text, sizeof text);
        return true;
    }
    if (err == SMX_OK || err == SMX_E_ABSENT || err == SMX_E_FULL) {
        smx_rng_bytes(&w->d->rng, bytes, sizeof bytes);
        sodium_bin2hex(w->door.token, sizeof w->door.token, bytes, sizeof bytes);
        snprintf(text, sizeof text, "%s\n", w->door.token);
        err = smx_file_write(path, text, SMX_DOOR_TOKEN + 1, true);
        sodium_memzero(bytes, sizeof bytes);
    }
    sodium_memzero(text, sizeof text);
    if (err != SMX_OK)
        smx_log_error("%s/web.token: %s", w->d->config.state, smx_err_text(err));
    return err == SMX_OK;
}

/* A file that leads a browser there: a token on a command line would be seen by others on this machine. */
static bool write_key(const struct web *w)
{
    char path[SMX_PATH_MAX], at[SMX_ADDR_TEXT], text[512];
    int n;

    smx_addr_format(&w->door.at, at);
    n = snprintf(
        text, sizeof text,
        "<!doctype html>\n<meta charset=\"utf-8\">\n<meta name=\"referrer\" content=\"no-referrer\">\n"
        "<meta http-equiv=\"refresh\" content=\"0; url=http://%s/#%s\">\n<title>sipmix</title>\n"
        "<a href=\"http://%s/#%s\">sipmix-client</a>\n",
        at, w->door.token, at, w->door.token);
    if (smx_state_path(&w->d->state, "web.html", path) == SMX_OK &&
        smx_file_write(path, text, (size_t)n, true) == SMX_OK) {
        sodium_memzero(text, sizeof text);
        return true;
    }
    sodium_memzero(text, sizeof text);
    smx_log_error("%s/web.html: can't be written", w->d->config.state);
    return false;
}

static bool listen_at(struct web *w)
{
    static const struct smx_http_limits limits = {
        .conns_max = CONNS, .body_max = 0, .timeout_s = TIMEOUT_S, .own_host_only = true};
    char at[SMX_ADDR_TEXT];

    for (const struct smx_web_file *f = smx_web_files; f->path; f++)
        w->route[w->route_count++] = (struct smx_http_route){SMX_HTTP_GET, f->path, on_file};
    w->route[w->route_count++] = (struct smx_http_route){SMX_HTTP_GET, "/status.json", on_status};
    w->route[w->route_count++] = (struct smx_http_route){SMX_HTTP_GET, "/contacts.json", on_contacts};
    w->route[w->route_count++] = (struct smx_http_route){SMX_HTTP_GET, "/qr.json", on_qr};
    smx_addr_format(&w->door.at, at);
    if (smx_http_listen(&w->server, w->d->loop, &w->door.at, &limits, w->route, w->route_count, w) ==
        SMX_OK) {
        smx_log_info(
            "the local page is there: web.html in the state folder leads in, its token is in web.token");
        return true;
    }
    smx_log_error("web.listen: listen on TCP %s: %s", at, strerror(errno));
    return false;
}

bool web_start(struct client_daemon *d)
{
    struct web *w;

    if (d->config.web.port == 0)
        return true;
    w = calloc(1, sizeof *w);
    if (!w) {
        smx_log_error("out of memory");
        return false;
    }
    d->web = w;
    *w = (struct web){.d = d, .door.at = d->config.web, .began = smx_loop_now()};
    return have_token(w) && listen_at(w) && write_key(w);
}

void web_stop(struct client_daemon *d)
{
    if (!d->web)
        return;
    smx_http_server_free(d->web->server);
    sodium_memzero(d->web, sizeof *d->web);
    free(d->web);
    d->web = NULL;
}
