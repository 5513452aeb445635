#include "proto/host/tls.h"

#include "proto/host/file.h"
#include "proto/host/loop.h"
#include "proto/host/sock.h"
#include "proto/host/tcp.h"

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>
#include <event2/event.h>
#include <openssl/evp.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>

enum { CONNS = 2, STEPS = 200 };

static char folder[64], key_path[96], certificate_path[96], why[SMX_TLS_WHY];
static struct smx_addr here;

struct fixture {
    struct smx_loop *loop;
    struct smx_tls *tls;
    struct smx_tcp *tcp;
    uint64_t conn;
    unsigned opened, closed;
    char got[64];
    size_t got_len;
    int fd; /* the phone's */
    SSL_CTX *ctx;
    SSL *ssl;
};

static void on_opened(void *arg, uint64_t conn, const struct smx_addr *from)
{
    struct fixture *f = arg;

    assert_true(smx_addr_is_v4(from));
    f->conn = conn;
    f->opened++;
}

static size_t on_received(void *arg, uint64_t conn, const uint8_t *bytes, size_t len)
{
    struct fixture *f = arg;

    assert_int_equal(conn, f->conn);
    assert_true(f->got_len + len < sizeof f->got);
    memcpy(f->got + f->got_len, bytes, len);
    f->got_len += len;
    return len;
}

static void on_closed(void *arg, uint64_t conn)
{
    (void)conn;
    ((struct fixture *)arg)->closed++;
}

static int setup_group(void **state)
{
    (void)state;
    snprintf(folder, sizeof folder, "/tmp/sipmix-tls-XXXXXX");
    if (!mkdtemp(folder) || smx_addr_parse(&here, "127.0.0.1:0") != SMX_OK)
        return -1;
    snprintf(key_path, sizeof key_path, "%s/tls.pem", folder);
    snprintf(certificate_path, sizeof certificate_path, "%s/tls.crt", folder);
    return smx_tls_make(key_path, certificate_path, "sipmix.alt", &here, why) == SMX_OK ? 0 : -1;
}

static int teardown_group(void **state)
{
    (void)state;
    unlink(key_path);
    unlink(certificate_path);
    return rmdir(folder);
}

static int setup(void **state)
{
    static const struct smx_tcp_events events = {on_opened, on_received, on_closed};
    static const struct smx_tcp_limits limits = {CONNS, 4096, 1 << 20, 30};
    static struct fixture f;

    memset(&f, 0, sizeof f);
    f.fd = -1;
    *state = &f;
    f.loop = smx_loop_new();
    if (smx_tls_load(&f.tls, key_path, key_path, why) != SMX_OK ||
        smx_tcp_listen(&f.tcp, f.loop, &here, &limits, &events, &f) != SMX_OK)
        return -1;
    smx_tcp_secure(f.tcp, f.tls);
    return 0;
}

static int teardown(void **state)
{
    struct fixture *f = *state;

    SSL_free(f->ssl);
    SSL_CTX_free(f->ctx);
    if (f->fd >= 0)
        close(f->fd);
    smx_tcp_free(f->tcp);
    smx_tls_free(f->tls);
    smx_loop_free(f->loop);
    return 0;
}

/* Lets both sides of the loopback interface do what they can. */
static void turn(struct fixture *f)
{
    usleep(1000);
    assert_true(event_base_loop(smx_loop_base(f->loop), EVLOOP_NONBLOCK) >= 0);
}

static void connect_plainly(struct fixture *f)
{
    struct smx_addr to = smx_tcp_local(f->tcp);
    union smx_sock sock;
    socklen_t len = smx_sock_from_addr(&sock, &to);

    f->fd = socket(AF_INET, SOCK_STREAM, 0);
    assert_int_equal(connect(f->fd, &sock.any, len), 0);
    assert_int_equal(fcntl(f->fd, F_SETFL, O_NONBLOCK), 0);
}

/* A phone that trusts the certificate and looks at its names; true: it got through. */
static bool greet(struct fixture *f, int version, const char *trusted, const char *name)
{
    int done = 0;

    connect_plainly(f);
    f->ctx = SSL_CTX_new(TLS_client_method());
    SSL_CTX_set_security_level(f->ctx, 0); /* old versions are offered, whatever the system thinks of them */
    assert_int_equal(SSL_CTX_set_min_proto_version(f->ctx, version), 1);
    assert_int_equal(SSL_CTX_set_max_proto_version(f->ctx, version), 1);
    if (trusted)
        assert_int_equal(SSL_CTX_load_verify_locations(f->ctx, trusted, NULL), 1);
    SSL_CTX_set_verify(f->ctx, SSL_VERIFY_PEER, NULL);
    f->ssl = SSL_new(f->ctx);
    if (strchr(name, '.') && name[0] >= '0' && name[0] <= '9')
        assert_int_equal(X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(f->ssl), name), 1);
    else
        assert_int_equal(SSL_set1_host(f->ssl, name), 1);
    assert_int_equal(SSL_set_fd(f->ssl, f->fd), 1);
    for (int i = 0; i < STEPS && done != 1; i++) {
        int err;

        done = SSL_connect(f->ssl);
        err = SSL_get_error(f->ssl, done);
        if (done != 1 && err != SSL_ERROR_WANT_READ && err != SSL_ERROR_WANT_WRITE)
            break;
        turn(f);
    }
    for (int i = 0; i < 5; i++)
        turn(f);
    return done == 1;
}

static void a_phone_that_trusts_the_certificate_talks_by_tls(void **state, int version)
{
    struct fixture *f = *state;
    char back[8] = "";
    int got = -1;

    assert_true(greet(f, version, certificate_path, "sipmix.alt"));
    assert_int_equal(f->opened, 1);
    assert_int_equal(SSL_write(f->ssl, "hello", 5), 5);
    for (int i = 0; i < STEPS && f->got_len < 5; i++)
        turn(f);
    assert_string_equal(f->got, "hello");
    assert_int_equal(smx_tcp_send(f->tcp, f->conn, "there", 5), SMX_OK);
    for (int i = 0; i < STEPS && got <= 0; i++) {
        turn(f);
        got = SSL_read(f->ssl, back, sizeof back);
    }
    assert_int_equal(got, 5);
    assert_string_equal(back, "there");
    SSL_shutdown(f->ssl);
    for (int i = 0; i < STEPS && f->closed == 0; i++)
        turn(f);
    assert_int_equal(f->closed, 1);
}

static void a_phone_talks_by_tls_1_2(void **state)
{
    a_phone_that_trusts_the_certificate_talks_by_tls(state, TLS1_2_VERSION);
}

static void a_phone_talks_by_tls_1_3(void **state)
{
    a_phone_that_trusts_the_certificate_talks_by_tls(state, TLS1_3_VERSION);
}

static void the_certificate_names_the_address_too(void **state)
{
    assert_true(greet(*state, TLS1_3_VERSION, certificate_path, "127.0.0.1"));
}

static void a_phone_that_does_not_trust_it_is_never_told_of(void **state)
{
    struct fixture *f = *state;

    assert_false(greet(f, TLS1_3_VERSION, NULL, "sipmix.alt"));
    close(f->fd);
    f->fd = -1;
    for (int i = 0; i < 5; i++)
        turn(f);
    assert_int_equal(f->opened, 0);
    assert_int_equal(f->closed, 0);
}

static void another_name_is_not_the_certificates(void **state)
{
    assert_false(greet(*state, TLS1_3_VERSION, certificate_path, "example.org"));
}

static void older_versions_are_refused(void **state)
{
    struct fixture *f = *state;

    assert_false(greet(f, TLS1_1_VERSION, certificate_path, "sipmix.alt"));
    assert_int_equal(f->opened, 0);
    assert_int_equal(f->closed, 0);
}

static void who_speaks_no_tls_is_never_told_of(void **state)
{
    static const char plain[] = "REGISTER sip:sipmix.alt SIP/2.0\r\n\r\n";
    struct fixture *f = *state;
    char byte;
    ssize_t got = -1;

    connect_plainly(f);
    assert_int_equal(write(f->fd, plain, sizeof plain - 1), sizeof plain - 1);
    for (int i = 0; i < STEPS && got != 0; i++) { /* an alert may come before the end */
        turn(f);
        got = read(f->fd, &byte, 1);
    }
    assert_int_equal(got, 0);
    assert_int_equal(f->opened, 0);
    assert_int_equal(f->closed, 0);
    assert_int_equal(f->got_len, 0);
}

static void the_key_is_closed_to_others_and_the_certificate_has_none(void **state)
{
    static char text[8192];
    struct stat st;
    size_t len;

    (void)state;
    assert_int_equal(stat(key_path, &st), 0);
    assert_int_equal(st.st_mode & 077, 0);
    assert_int_equal(smx_file_read(certificate_path, text, sizeof text - 1, &len), SMX_OK);
    text[len] = 0;
    assert_null(strstr(text, "PRIVATE"));
    assert_int_equal(smx_file_read(key_path, text, sizeof text - 1, &len), SMX_OK);
    text[len] = 0;
    assert_non_null(strstr(text, "BEGIN PRIVATE KEY"));
}

static void what_cannot_be_used_is_named(void **state)
{
    struct smx_tls *tls;

    (void)state;
    assert_int_equal(smx_tls_load(&tls, "/nonexistent.pem", key_path, why), SMX_E_IO);
    assert_null(tls);
    assert_string_equal(why, "/nonexistent.pem: No such file or directory");
    assert_int_equal(smx_tls_load(&tls, certificate_path, certificate_path, why), SMX_E_REFUSED);
    assert_null(tls);
    assert_non_null(strstr(why, "tls.crt: no private key"));
    assert_int_equal(smx_tls_load(&tls, "/dev/null", key_path, why), SMX_E_REFUSED);
    assert_string_equal(why, "/dev/null: no certificate in PEM form that could be used");
}

static void the_key_of_another_certificate_is_refused(void **state)
{
    char other_key[96], other[96];
    struct smx_tls *tls;

    (void)state;
    snprintf(other_key, sizeof other_key, "%s/other.pem", folder);
    snprintf(other, sizeof other, "%s/other.crt", folder);
    assert_int_equal(smx_tls_make(other_key, other, "sipmix.alt", NULL, why), SMX_OK);
    assert_int_equal(smx_tls_load(&tls, certificate_path, other_key, why), SMX_E_REFUSED);
    assert_null(tls);
    unlink(other_key);
    unlink(other);
}

#define TLS_TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TLS_TEST(a_phone_talks_by_tls_1_2),
        TLS_TEST(a_phone_talks_by_tls_1_3),
        TLS_TEST(the_certificate_names_the_address_too),
        TLS_TEST(a_phone_that_does_not_trust_it_is_never_told_of),
        TLS_TEST(another_name_is_not_the_certificates),
        TLS_TEST(older_versions_are_refused),
        TLS_TEST(who_speaks_no_tls_is_never_told_of),
        cmocka_unit_test(the_key_is_closed_to_others_and_the_certificate_has_none),
        cmocka_unit_test(what_cannot_be_used_is_named),
        cmocka_unit_test(the_key_of_another_certificate_is_refused),
    };

    return cmocka_run_group_tests(tests, setup_group, teardown_group);
}
