/* tests/unit/client/sip/phone.h - a phone side with a clock of its own, and hands to play phone and network.
 */
#ifndef SMX_TESTS_PHONE_H
#define SMX_TESTS_PHONE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "client/sip/ua.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { PHONE_MESSAGE = 32 * 1024 };

struct phone {
    struct smx_rng rng;
    struct smx_ua *ua;
    smx_time now;
    struct smx_ua_send sent; /* the last that next_sent returned */
    char text[PHONE_MESSAGE];
    char field[2048];
};

#define PHONE_SDP                                                                                            \
    "v=0\no=- 2531137562 133179697 IN IP4 127.0.0.1\ns=-\nc=IN IP4 127.0.0.1\nt=0 0\na=tool:baresip 1.0.0\n" \
    "m=audio 21072 RTP/AVP 0 8 101\na=rtpmap:0 PCMU/8000\na=rtpmap:8 PCMA/8000\n"                            \
    "a=rtpmap:101 telephone-event/8000\na=fmtp:101 0-15\na=sendrecv\na=ptime:20\n"

/* As baresip 1.0.0 writes it, on port 5070; branch and CSeq are the arguments. */
#define PHONE_REGISTER                                                                                       \
    "REGISTER sip:sipmix.alt SIP/2.0\nVia: SIP/2.0/UDP 127.0.0.1:5070;branch=z9hG4bK%s;rport\n"              \
    "Contact: <sip:alice-0x56514a5736a0@127.0.0.1:5070>;expires=60\nMax-Forwards: 70\n"                      \
    "Route: <sip:127.0.0.1:5060;transport=udp;lr>\nTo: <sip:alice@sipmix.alt>\n"                             \
    "From: \"Alice\" <sip:alice@sipmix.alt>;tag=f4c9a468edc38623\nCall-ID: 0bc8be498beab61c\n"               \
    "CSeq: %d REGISTER\nUser-Agent: baresip v1.0.0 (x86_64/linux)\n"                                         \
    "Allow: INVITE,ACK,BYE,CANCEL,OPTIONS,NOTIFY,SUBSCRIBE,INFO,MESSAGE,REFER\nContent-Length: 0\n\n"

/* The phone's INVITE up to its body; Request-URI user and branch are the arguments. */
#define PHONE_INVITE                                                                                         \
    "INVITE sip:%s@sipmix.alt SIP/2.0\nVia: SIP/2.0/UDP 127.0.0.1:5070;branch=z9hG4bK%s;rport\n"             \
    "Contact: <sip:alice-0x56514a5736a0@127.0.0.1:5070>\nMax-Forwards: 70\n"                                 \
    "Route: <sip:127.0.0.1:5060;transport=udp;lr>\nTo: <sip:white.rabbit@sipmix.alt>\n"                      \
    "From: \"Alice\" <sip:alice@sipmix.alt>;tag=ee4756530b55aeb4\nCall-ID: beabe5a8b8aacc91\n"               \
    "CSeq: 55292 INVITE\nUser-Agent: baresip v1.0.0 (x86_64/linux)\nSupported:\n"

static inline struct smx_addr phone_addr(const char *text)
{
    struct smx_addr addr;

    assert_int_equal(smx_addr_parse(&addr, text), SMX_OK);
    return addr;
}

static inline int phone_setup_profile(void **state, size_t pairs, bool opus)
{
    static const uint8_t seed[SMX_RNG_SEED] = {7};
    static const struct smx_ua_ports ports[4] = {
        {30000, 30001}, {30002, 30003}, {30004, 30005}, {30006, 30007}};
    static const char *const names[] = {"anon-2b4c6d8e", "alice"};
    struct phone *p = calloc(1, sizeof *p);
    struct smx_ua_config config = {.domain = "sipmix.alt", .ports = ports, .port_count = pairs, .opus = opus};

    if (!p)
        return -1;
    config.udp = phone_addr("127.0.0.1:5060");
    config.tcp = config.tls = config.udp;
    config.tls.port = 5061;
    memcpy(config.media_ip, config.udp.ip, sizeof config.media_ip);
    smx_rng_init(&p->rng, seed);
    p->now = SMX_SECOND(1000);
    p->ua = smx_ua_new(&config, &p->rng);
    if (!p->ua)
        return -1;
    smx_ua_identities(p->ua, names, 2);
    smx_ua_network(p->ua, true);
    *state = p;
    return 0;
}

static inline int phone_setup_ports(void **state, size_t pairs)
{
    return phone_setup_profile(state, pairs, false);
}

static inline int phone_setup(void **state)
{
    return phone_setup_ports(state, 2);
}

static inline int phone_teardown(void **state)
{
    struct phone *p = *state;

    smx_ua_free(p->ua);
    free(p);
    return 0;
}

/* Lines end with \n in what tests write, with \r\n on the wire; a \1 stands for a plain \n. */
static inline size_t phone_wire(char *out, size_t cap, const char *text)
{
    size_t n = 0;

    for (; *text; text++) {
        assert_true(n + 2 < cap);
        if (*text == '\n')
            out[n++] = '\r';
        out[n++] = *text;
        if (*text == 1)
            out[n - 1] = '\n';
    }
    return n;
}

static inline size_t phone_format(char *out, size_t cap, const char *format, va_list args)
{
    static char text[PHONE_MESSAGE];

    vsnprintf(text, sizeof text, format, args);
    return phone_wire(out, cap, text);
}

/* The phone at 127.0.0.1:port sends a datagram.  An exact-size copy, so that ASan sees reads past its end. */
__attribute__((format(printf, 3, 4))) static inline void say(struct phone *p, uint16_t port,
                                                             const char *format, ...)
{
    static char wire[PHONE_MESSAGE];
    struct smx_addr from = phone_addr("127.0.0.1:5070");
    uint8_t *exact;
    size_t len;
    va_list args;

    from.port = port;
    va_start(args, format);
    len = phone_format(wire, sizeof wire, format, args);
    va_end(args);
    exact = malloc(len ? len : 1);
    assert_non_null(exact);
    memcpy(exact, wire, len);
    smx_ua_udp(p->ua, p->now, &from, exact, len);
    free(exact);
}

/* The next SIP message to a phone as text, or NULL; what is no SIP is passed over. */
static inline const char *next_sent(struct phone *p)
{
    const struct smx_ua_send *sent;

    while ((sent = smx_ua_next_send(p->ua)) != NULL) {
        p->sent = *sent;
        if (sent->kind != SMX_UA_SEND_UDP && sent->kind != SMX_UA_SEND_TCP)
            continue;
        assert_true(sent->len < sizeof p->text);
        memcpy(p->text, sent->bytes, sent->len);
        p->text[sent->len] = 0;
        return p->text;
    }
    return NULL;
}

static inline void expect_sent(struct phone *p, const char *first_line)
{
    const char *text = next_sent(p);

    if (!text)
        fail_msg("nothing was sent instead of %s", first_line);
    if (strncmp(text, first_line, strlen(first_line)) != 0)
        fail_msg("%s was sent instead of %s", text, first_line);
}

static inline void expect_quiet(struct phone *p)
{
    const char *text = next_sent(p);

    if (text)
        fail_msg("%s was sent", text);
}

/* The value of the first such header of the last message sent, or NULL. */
static inline const char *sent_header(struct phone *p, const char *name)
{
    char want[64];
    const char *at, *end;

    snprintf(want, sizeof want, "\r\n%s: ", name);
    at = strstr(p->text, want);
    if (!at)
        return NULL;
    at += strlen(want);
    end = strstr(at, "\r\n");
    assert_true((size_t)(end - at) < sizeof p->field);
    memcpy(p->field, at, (size_t)(end - at));
    p->field[end - at] = 0;
    return p->field;
}

static inline void copy_header(struct phone *p, const char *name, char *out, size_t cap)
{
    const char *value = sent_header(p, name);

    assert_non_null(value);
    assert_true(strlen(value) < cap);
    memcpy(out, value, strlen(value) + 1);
}

static inline const struct smx_ua_order *expect_order(struct phone *p, enum smx_ua_order_kind kind)
{
    const struct smx_ua_order *order = smx_ua_next_order(p->ua);

    assert_non_null(order);
    assert_int_equal(order->kind, kind);
    return order;
}

static inline void expect_no_order(struct phone *p)
{
    assert_null(smx_ua_next_order(p->ua));
}

/* Lets time pass as a daemon would, deadline by deadline. */
static inline void pass(struct phone *p, smx_time span)
{
    smx_time end = p->now + span;
    unsigned wakes = 0;

    while (smx_ua_deadline(p->ua) <= end) {
        if (smx_ua_deadline(p->ua) > p->now)
            p->now = smx_ua_deadline(p->ua);
        smx_ua_expire(p->ua, p->now);
        assert_true(++wakes < 10000); /* a deadline that stays would spin */
    }
    p->now = end;
}

/* The same, and whatever is sent meanwhile is thrown away. */
static inline void pass_quietly(struct phone *p, smx_time span)
{
    smx_time end = p->now + span;

    while (p->now < end) {
        pass(p, end - p->now < SMX_SECOND(1) ? end - p->now : SMX_SECOND(1));
        while (smx_ua_next_send(p->ua))
            continue;
    }
}

#define PHONE_TEST(f) cmocka_unit_test_setup_teardown(f, phone_setup, phone_teardown)

/* The phone of alice is registered. */
static inline void enlist(struct phone *p)
{
    say(p, 5070, PHONE_REGISTER, "register1", 1);
    expect_sent(p, "SIP/2.0 200 OK\r\n");
}

#endif
