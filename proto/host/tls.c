/* proto/host/tls.c - see tls.h. */
#include "proto/host/tls.h"

#include "proto/host/file.h"

#include <errno.h>
#include <event2/bufferevent_ssl.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rand.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CIPHERS "ECDHE+AESGCM:ECDHE+CHACHA20" /* of TLS 1.2 */

enum { NAME_MAX_LEN = 64 }; /* bytes; RFC 5280, A.1: ub-common-name */

struct smx_tls {
    SSL_CTX *ctx;
};

static enum smx_err refuse(enum smx_err err, char why[SMX_TLS_WHY], const char *path, const char *what)
{
    snprintf(why, SMX_TLS_WHY, "%s: %s", path, what);
    ERR_clear_error();
    return err;
}

/* The library would ask the terminal for it. */
static int no_passphrase(char *buf, int size, int writing, void *arg)
{
    (void)buf, (void)size, (void)writing, (void)arg;
    return 0;
}

static bool set_up(SSL_CTX *ctx)
{
    SSL_CTX_set_options(ctx, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION | SSL_OP_NO_TICKET |
                                 SSL_OP_CIPHER_SERVER_PREFERENCE | SSL_OP_IGNORE_UNEXPECTED_EOF);
    SSL_CTX_set_session_cache_mode(ctx, SSL_SESS_CACHE_OFF);
    SSL_CTX_set_default_passwd_cb(ctx, no_passphrase);
    SSL_CTX_set_mode(ctx, SSL_MODE_RELEASE_BUFFERS);
    return SSL_CTX_set_min_proto_version(ctx, TLS1_2_VERSION) == 1 && SSL_CTX_set_num_tickets(ctx, 0) == 1 &&
           SSL_CTX_set_cipher_list(ctx, CIPHERS) == 1;
}

static enum smx_err is_readable(const char *path, char why[SMX_TLS_WHY])
{
    FILE *f = fopen(path, "re");

    if (!f)
        return refuse(SMX_E_IO, why, path, strerror(errno));
    fclose(f);
    return SMX_OK;
}

enum smx_err smx_tls_load(struct smx_tls **out, const char *certificate, const char *key,
                          char why[SMX_TLS_WHY])
{
    struct smx_tls *tls = calloc(1, sizeof *tls);
    enum smx_err err;

    *out = NULL;
    if (tls)
        tls->ctx = SSL_CTX_new(TLS_server_method());
    if (!tls || !tls->ctx || !set_up(tls->ctx)) {
        err = refuse(SMX_E_MEMORY, why, certificate, "TLS can't be set up");
        goto fail;
    }
    err = is_readable(certificate, why);
    if (err == SMX_OK)
        err = is_readable(key, why);
    if (err != SMX_OK)
        goto fail;
    if (SSL_CTX_use_certificate_chain_file(tls->ctx, certificate) != 1)
        err = refuse(SMX_E_REFUSED, why, certificate, "no certificate in PEM form that could be used");
    else if (SSL_CTX_use_PrivateKey_file(tls->ctx, key, SSL_FILETYPE_PEM) != 1)
        err = refuse(SMX_E_REFUSED, why, key,
                     "no private key without passphrase, in PEM form, of the certificate");
    else if (SSL_CTX_check_private_key(tls->ctx) != 1)
        err = refuse(SMX_E_REFUSED, why, key, "not the key of the certificate");
    if (err != SMX_OK)
        goto fail;
    *out = tls;
    return SMX_OK;
fail:
    smx_tls_free(tls);
    return err;
}

void smx_tls_free(struct smx_tls *tls)
{
    if (!tls)
        return;
    SSL_CTX_free(tls->ctx);
    free(tls);
}

/* ---- a certificate of our own ---- */

static bool extend(X509 *cert, int nid, const char *value)
{
    X509V3_CTX ctx;
    X509_EXTENSION *extension;
    bool ok;

    X509V3_set_ctx_nodb(&ctx);
    X509V3_set_ctx(&ctx, cert, cert, NULL, NULL, 0);
    extension = X509V3_EXT_conf_nid(NULL, &ctx, nid, value);
    ok = extension && X509_add_ext(cert, extension, -1) == 1;
    X509_EXTENSION_free(extension);
    return ok;
}

/* "DNS:sipmix.alt,IP:192.0.2.1,DNS:192.0.2.1": mbed TLS 2, which linphone has, looks for addresses among
 * names only. */
static bool write_names(char *out, size_t cap, const char *name, const struct smx_addr *ip)
{
    char text[SMX_ADDR_TEXT] = "", *end;
    const char *at = text;
    int n;

    if (ip) {
        smx_addr_format(ip, text);
        at = text + (text[0] == '[');
        end = strrchr(text, text[0] == '[' ? ']' : ':');
        if (end)
            *end = 0;
    }
    n = snprintf(out, cap, "DNS:%s%s%s%s%s", name, ip ? ",IP:" : "", at, ip ? ",DNS:" : "", at);
    return n > 0 && (size_t)n < cap && !strpbrk(name, ",:");
}

static bool fill(X509 *cert, EVP_PKEY *key, const char *name, const struct smx_addr *ip)
{
    X509_NAME *subject = X509_get_subject_name(cert);
    char names[256];
    uint64_t serial;

    /* since before any clock, and for ever (RFC 5280, 4.1.2.5): it tells no time, and whoever pins it is not
     * locked out one day */
    return write_names(names, sizeof names, name, ip) && RAND_bytes((uint8_t *)&serial, sizeof serial) == 1 &&
           X509_set_version(cert, X509_VERSION_3) == 1 &&
           ASN1_INTEGER_set_uint64(X509_get_serialNumber(cert), (serial >> 2) + 1) == 1 &&
           ASN1_TIME_set_string_X509(X509_getm_notBefore(cert), "20200101000000Z") == 1 &&
           ASN1_TIME_set_string_X509(X509_getm_notAfter(cert), "99991231235959Z") == 1 &&
           X509_NAME_add_entry_by_txt(subject, "CN", MBSTRING_ASC, (const uint8_t *)name, -1, -1, 0) == 1 &&
           X509_set_issuer_name(cert, subject) == 1 && X509_set_pubkey(cert, key) == 1 &&
           extend(cert, NID_basic_constraints, "critical,CA:TRUE,pathlen:0") &&
           extend(cert, NID_key_usage, "critical,digitalSignature,keyCertSign") &&
           extend(cert, NID_ext_key_usage, "serverAuth") && extend(cert, NID_subject_alt_name, names) &&
           X509_sign(cert, key, EVP_sha256()) > 0;
}

static enum smx_err write_pem(const char *path, X509 *cert, EVP_PKEY *key, char why[SMX_TLS_WHY])
{
    BIO *bio = BIO_new(BIO_s_secmem());
    char *bytes = NULL;
    enum smx_err err = SMX_E_MEMORY;
    long len;

    if (bio && (!key || PEM_write_bio_PKCS8PrivateKey(bio, key, NULL, NULL, 0, NULL, NULL) == 1) &&
        PEM_write_bio_X509(bio, cert) == 1) {
        len = BIO_get_mem_data(bio, &bytes);
        err = smx_file_write(path, bytes, (size_t)len, true);
    }
    BIO_free(bio);
    return err == SMX_OK ? err
                         : refuse(err, why, path, err == SMX_E_IO ? strerror(errno) : smx_err_text(err));
}

enum smx_err smx_tls_make(const char *key_path, const char *certificate_path, const char *name,
                          const struct smx_addr *ip, char why[SMX_TLS_WHY])
{
    EVP_PKEY *key = strlen(name) <= NAME_MAX_LEN ? EVP_EC_gen("P-256") : NULL;
    X509 *cert = X509_new();
    enum smx_err err;

    if (!key || !cert || !fill(cert, key, name, ip))
        err = refuse(SMX_E_MEMORY, why, key_path, "a certificate can't be made");
    else
        err = write_pem(certificate_path, cert, NULL, why);
    if (err == SMX_OK)
        err = write_pem(key_path, cert, key, why);
    X509_free(cert);
    EVP_PKEY_free(key);
    return err;
}

/* ---- connections ---- */

struct bufferevent *smx_tls_accept(const struct smx_tls *tls, struct event_base *base, int fd)
{
    SSL *ssl = SSL_new(tls->ctx);
    struct bufferevent *bev;

    if (!ssl)
        return NULL;
    bev = bufferevent_openssl_socket_new(base, fd, ssl, BUFFEREVENT_SSL_ACCEPTING, BEV_OPT_CLOSE_ON_FREE);
    if (bev) /* else ssl is the library's to free, since 2.1.9 */
        bufferevent_openssl_set_allow_dirty_shutdown(bev, 1); /* one that is cut is over, not broken */
    return bev;
}
