/* proto/host/tls.h - TLS of the server's side: what a listener of proto/host/tcp.h shows to those who
 * connect. Sources: RFC 8446, RFC 5246, RFC 9325 (TLS 1.2 with forward secrecy and AEAD, and TLS 1.3; no
 * tickets, no resumption, no renegotiation, no compression), RFC 5280 (the certificate), RFC 5922 (its
 * names).
 *
 * The only file that knows OpenSSL's libssl.  One struct smx_tls holds a private key and its certificate and
 * serves any number of listeners; it must outlive them.  The other side is not asked for a certificate: who
 * it is, something above has to find out.  Errors are written to why as one line that names the file, never
 * a key. */
#ifndef SMX_HOST_TLS_H
#define SMX_HOST_TLS_H

#include "proto/base/out.h"

struct bufferevent;
struct event_base;
struct smx_tls;

enum { SMX_TLS_WHY = 1200 }; /* bytes of a message */

/* From PEM files: certificates, the own one first, and its unsealed private key (both may be one file).
 * SMX_E_IO: a file can't be read.  SMX_E_REFUSED: what is in it can't be used; *tls is then NULL. */
enum smx_err smx_tls_load(struct smx_tls **tls, const char *certificate, const char *key,
                          char why[SMX_TLS_WHY]) SMX_MUST_CHECK;
/* Makes a P-256 key and a certificate signed by itself, valid for ever, for the name and, unless NULL, the
 * IP address, and writes both as PEM to key_path (mode 0600) and the certificate alone to certificate_path,
 * for others to trust.  What is there is replaced. */
enum smx_err smx_tls_make(const char *key_path, const char *certificate_path, const char *name,
                          const struct smx_addr *ip, char why[SMX_TLS_WHY]) SMX_MUST_CHECK;
void smx_tls_free(struct smx_tls *tls); /* NULL is fine */

/* For proto/host/tcp.c: a connection just accepted; owns fd, but not when it yields NULL.  Its events come
 * to BEV_EVENT_CONNECTED once the handshake is done. */
struct bufferevent *smx_tls_accept(const struct smx_tls *tls, struct event_base *base, int fd);

#endif
