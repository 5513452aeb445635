/* tests/unit/client/sip/test_leaks.c - nothing of one phone shows in what leaves towards the network side or
 * the other phone, and two different phones look alike there (docs/protocol/70-phone.md, section 3). */
#include "client/sip/write.h"
#include "tests/unit/client/sip/dialog.h"

#include <ctype.h>

/* A canary stands in every place that a phone can write to; its number tells which one sang. */
static const char invite_with_canaries[] =
    "INVITE sip:bob@sipmix.alt;canary01=canary02;maddr=canary03.example;x-obr=canary04 SIP/2.0\n"
    "Via: SIP/2.0/UDP canary05.example:5070;branch=z9hG4bKcanary06;rport;canary07=canary08\n"
    "Via: SIP/2.0/UDP canary09;branch=z9hG4bKcanary10, SIP/2.0/TCP canary11;branch=z9hG4bKcanary12\n"
    "Max-Forwards: 69\n"
    "From: \"canary13\" <sip:alice:canary14@sipmix.alt;canary15>;tag=canary16;canary17=canary18\n"
    "To: \"canary19\" <sip:canary20@canary21.example;canary22=canary23>;canary24\n"
    "Call-ID: canary25@canary26\n"
    "CSeq: 271828182 INVITE\n"
    "Contact: \"canary27\" "
    "<sip:canary28@127.0.0.1:5070;canary29=canary30>;+sip.instance=\"<urn:uuid:canary31>\"\n"
    "Route: <sip:canary32.example;lr>\nRecord-Route: <sip:canary33.example;lr>\nPath: <sip:canary34>\n"
    "User-Agent: canary35\nServer: canary36\nX-Vendor: canary37\nAllow: INVITE, canary38\n"
    "Supported: canary39\nAccept: application/canary40\nAccept-Language: canary41\nContent-Language: "
    "canary42\n"
    "Date: canary43\nTimestamp: 43.43\nExpires: 4444\nSession-Expires: 4545;refresher=canary45\nMin-SE: "
    "4646\n"
    "Subject: canary47\nOrganization: canary48\nPriority: canary49\nIn-Reply-To: canary50\nReply-To: "
    "<sip:canary51>\n"
    "Call-Info: <http://canary52.example/icon>\nAlert-Info: <http://canary53.example/ring>\n"
    "Error-Info: <http://canary54.example>\nAnswer-Mode: Auto;canary55\nWarning: 399 canary56 \"canary57\"\n"
    "Reason: SIP;text=\"canary58\"\nAuthorization: Digest username=\"canary59\",nonce=\"canary60\"\n"
    "Proxy-Authorization: Digest username=\"canary61\"\nP-Asserted-Identity: <sip:canary62>\n"
    "P-Preferred-Identity: <sip:canary63>\nRemote-Party-ID: <sip:canary64>\nP-Access-Network-Info: canary65\n"
    "Privacy: canary66\nIdentity: canary67\nIdentity-Info: canary68\nGeolocation: <cid:canary69>\n"
    "History-Info: <sip:canary70>\nDiversion: <sip:canary71>\nReferred-By: <sip:canary72>\n"
    "Refer-To: <sip:canary73>\nReplaces: canary74\nTarget-Dialog: canary75\nSession-ID: canary76\n"
    "User-to-User: canary77\nAccept-Contact: canary78\nMIME-Version: 1.0\nContent-Disposition: "
    "session;canary79\n"
    "Content-ID: <canary80>\nSubject:\n canary81\n folded\n"
    "Content-Type: application/sdp;canary82=canary83\n\n"
    "v=0\no=canary84 8484848484 8585858585 IN IP4 127.0.0.1\ns=canary85\ni=canary86\nu=http://canary87\n"
    "e=canary88\np=canary89\nc=IN IP4 127.0.0.1\nb=AS:9090\nt=0 0\nr=canary91\nz=canary92\nk=clear:canary93\n"
    "a=tool:canary94\na=canary95\nm=audio 30999 RTP/AVP 96 0 8 101\ni=canary96\na=rtpmap:96 canary97/48000\n"
    "a=rtcp:30998 IN IP4 127.0.0.1\na=ssrc:99 cname:canary98\na=candidate:canary99 1 UDP 1 127.0.0.1 1 typ "
    "host\n"
    "a=ptime:40\nm=video 30997 RTP/AVP 31\na=canary00\n";

static const char *const numbers[] = {"271828182", "4444",  "4545",  "4646",  "8484848484", "8585858585",
                                      "9090",      "30999", "30998", "30997", "43.43"};

static bool contains(const char *hay, size_t len, const char *needle)
{
    size_t n = strlen(needle);

    for (size_t i = 0; i + n <= len; i++) {
        size_t j = 0;

        while (j < n && tolower((unsigned char)hay[i + j]) == needle[j])
            j++;
        if (j == n)
            return true;
    }
    return false;
}

static void assert_silent(const char *text, size_t len)
{
    if (contains(text, len, "canary"))
        fail_msg("a canary sings in %.*s", (int)len, text);
    for (size_t i = 0; i < sizeof numbers / sizeof numbers[0]; i++)
        if (contains(text, len, numbers[i]))
            fail_msg("%s shows in %.*s", numbers[i], (int)len, text);
}

static void assert_no_canary_in_sends(struct phone *p)
{
    while (next_sent(p))
        assert_silent(p->text, strlen(p->text));
}

struct pair {
    struct phone *near, *far;
};

static int pair_setup(void **state)
{
    struct pair *pair = calloc(1, sizeof *pair);
    void *one = NULL, *two = NULL;

    if (!pair || phone_setup(&one) != 0 || phone_setup(&two) != 0)
        return -1;
    pair->near = one;
    pair->far = two;
    enlist(pair->far);
    *state = pair;
    return 0;
}

static int pair_teardown(void **state)
{
    struct pair *pair = *state;
    void *one = pair->near, *two = pair->far;

    phone_teardown(&one);
    phone_teardown(&two);
    free(pair);
    return 0;
}

/* The near phone's call, carried over; the far phone's INVITE is in far->text. */
static void carry(struct pair *pair, uint32_t *near_call, uint32_t *far_call)
{
    const struct smx_ua_order *order = expect_order(pair->near, SMX_UA_CALL_START);
    char from[128];

    assert_silent((const char *)order, sizeof *order);
    assert_string_equal(order->target.text, "bob");
    assert_string_equal(order->identity, "alice");
    *near_call = order->id;
    snprintf(from, sizeof from, "sip:%s@sipmix.alt", order->identity);
    assert_int_equal(smx_ua_call_incoming(pair->far->ua, pair->far->now, from, "alice", far_call), SMX_OK);
    expect_sent(pair->far, "INVITE ");
}

static void no_canary_of_an_invite_crosses(void **state)
{
    struct pair *pair = *state;
    uint32_t near_call, far_call;

    say(pair->near, 5070, "%s", invite_with_canaries);
    expect_sent(pair->near, "SIP/2.0 100");
    carry(pair, &near_call, &far_call);
    assert_silent(pair->far->text, strlen(pair->far->text));
    smx_ua_call_ended(pair->far->ua, pair->far->now, far_call);
    pass(pair->far, SMX_SECOND(1));
    assert_no_canary_in_sends(pair->far);
}

static void no_canary_of_an_answer_crosses(void **state)
{
    struct pair *pair = *state;
    uint32_t near_call, far_call;
    char via[256], from[256], to[256], call_id[64];
    const struct smx_ua_order *order;

    say(pair->near, 5070, PHONE_INVITE "Content-Type: application/sdp\n\n%s", "bob", "inv1", PHONE_SDP);
    expect_sent(pair->near, "SIP/2.0 100");
    carry(pair, &near_call, &far_call);
    copy_header(pair->far, "Via", via, sizeof via);
    copy_header(pair->far, "From", from, sizeof from);
    copy_header(pair->far, "To", to, sizeof to);
    copy_header(pair->far, "Call-ID", call_id, sizeof call_id);
    for (int i = 0; i < 2; i++)
        say(pair->far, 5070,
            "SIP/2.0 %s canary01\nVia: %s;canary02=canary03\nFrom: %s\nTo: \"canary04\" %s;tag=canary05\n"
            "Call-ID: %s\nCSeq: 1 INVITE\nContact: <sip:canary06@127.0.0.1:5070;canary07>\nServer: canary08\n"
            "Alert-Info: <http://canary09>\nCall-Info: <http://canary10>\nWarning: 399 canary11 "
            "\"canary12\"\n"
            "Reason: canary13\nP-Asserted-Identity: <sip:canary14>\nError-Info: <http://canary15>\n"
            "Content-Type: application/sdp\n\nv=0\no=canary16 8484848484 8585858585 IN IP4 "
            "127.0.0.1\ns=canary17\n"
            "c=IN IP4 127.0.0.1\nt=0 0\nm=audio 30999 RTP/AVP 0\na=canary18\na=candidate:canary19\n",
            i ? "200" : "183", via, from, to, call_id);
    order = expect_order(pair->far, SMX_UA_CALL_RINGING);
    assert_silent((const char *)order, sizeof *order);
    smx_ua_call_ringing(pair->near->ua, pair->near->now, near_call);
    order = expect_order(pair->far, SMX_UA_CALL_ANSWER);
    assert_silent((const char *)order, sizeof *order);
    smx_ua_call_answered(pair->near->ua, pair->near->now, near_call);
    expect_sent(pair->near, "SIP/2.0 180 Ringing\r\n");
    assert_silent(pair->near->text, strlen(pair->near->text));
    expect_sent(pair->near, "SIP/2.0 200 OK\r\n");
    assert_silent(pair->near->text, strlen(pair->near->text));
}

static void no_canary_of_a_text_crosses(void **state)
{
    struct pair *pair = *state;
    const struct smx_ua_order *order;

    say(pair->near, 5070,
        "MESSAGE sip:bob@sipmix.alt;canary01 SIP/2.0\nVia: SIP/2.0/UDP canary02;branch=z9hG4bKcanary03\n"
        "From: \"canary04\" <sip:alice@sipmix.alt>;tag=canary05\nTo: <sip:canary06@canary07>\nCall-ID: "
        "canary08\n"
        "CSeq: 271828182 MESSAGE\nSubject: canary09\nDate: canary10\nUser-Agent: canary11\nExpires: 4444\n"
        "Contact: <sip:canary12@h>\nContent-Disposition: canary13\nContent-Type: "
        "text/plain;canary14=canary15\n\nhello");
    order = expect_order(pair->near, SMX_UA_MESSAGE_SEND);
    assert_silent((const char *)order, sizeof *order);
    assert_int_equal(smx_ua_message_in(pair->far->ua, pair->far->now, 1, "sip:alice@sipmix.alt", "alice",
                                       order->text, order->text_len),
                     SMX_OK);
    expect_sent(pair->far, "MESSAGE ");
    assert_silent(pair->far->text, strlen(pair->far->text));
}

/* By re-INVITE and by UPDATE: the far phone hears of the direction, in our words. */
static void no_canary_of_a_hold_crosses(void **state)
{
    static const char *const methods[] = {"INVITE", "UPDATE"};
    struct pair *pair = *state;
    struct dialog near, far;

    dial(pair->near, &near);
    pick_up(pair->far, &far);
    for (size_t i = 0; i < 2; i++) {
        const struct smx_ua_order *order;

        ask(pair->near, &near, methods[i],
            "Contact: <sip:canary01@127.0.0.1:5070;canary02>\nUser-Agent: canary03\nAlert-Info: "
            "<http://canary04>\n"
            "Session-Expires: 4545;canary05\nReason: canary06\nSubject: canary07\nP-Asserted-Identity: "
            "<sip:canary08>\n"
            "Content-Type: application/sdp;canary09\n",
            "v=0\no=canary10 8484848484 8585858585 IN IP4 127.0.0.1\ns=canary11\nc=IN IP4 127.0.0.1\nt=0 0\n"
            "m=audio 30999 RTP/AVP 0 101\na=candidate:canary12\na=inactive\n");
        expect_sent(pair->near, "SIP/2.0 200 OK\r\n");
        if (i == 0)
            ask(pair->near, &near, "ACK", "", "");
        order = i == 0 ? expect_order(pair->near, SMX_UA_CALL_DIRECTION) : NULL;
        if (order) {
            assert_silent((const char *)order, sizeof *order);
            smx_ua_call_direction(pair->far->ua, pair->far->now, far.call, (enum smx_direction)order->code);
            expect_sent(pair->far, "INVITE ");
            assert_silent(pair->far->text, strlen(pair->far->text));
        }
    }
    expect_no_order(pair->near); /* the UPDATE said nothing new */
}

/* Fresh values, all of a fixed length, become a letter each: 32 hex digits x, the 18 digits of a session n.
 */
static void mask(const char *text, char *out, size_t cap)
{
    size_t n = 0;

    while (*text && n + 2 < cap) {
        size_t hex = strspn(text, "0123456789abcdef"), digits = strspn(text, "0123456789");

        if (hex == 32 || digits == 18) {
            out[n++] = hex == 32 ? 'x' : 'n';
            text += hex == 32 ? hex : digits;
        } else {
            size_t run = hex ? hex : 1;

            while (run-- && n + 2 < cap)
                out[n++] = *text++;
        }
    }
    out[n] = 0;
}

static void two_different_phones_look_alike_at_the_far_phone(void **state)
{
    static const char linphone[] =
        "INVITE sip:bob@sipmix.alt SIP/2.0\nVia: SIP/2.0/UDP 127.0.0.1:5070;branch=z9hG4bK.7xY2;rport\n"
        "From: \"Alice L\" <sip:alice@sipmix.alt>;tag=Xk-2~\nTo: sip:bob@sipmix.alt\nCSeq: 20 INVITE\n"
        "Call-ID: K3oQ~u6\nMax-Forwards: 70\nRoute: <sip:127.0.0.1:5060;transport=udp;lr>\n"
        "Supported: replaces, outbound, gruu, path\n"
        "Allow: INVITE, ACK, CANCEL, OPTIONS, BYE, REFER, NOTIFY, MESSAGE, SUBSCRIBE, INFO, PRACK, UPDATE\n"
        "Content-Type: application/sdp\n"
        "Contact: <sip:alice@127.0.0.1:5070;transport=udp>;expires=3600;+sip.instance=\"<urn:uuid:0>\"\n"
        "User-Agent: Linphone/5.1.65 (host)\n\nv=0\no=alice 2480 1234 IN IP4 127.0.0.1\ns=Talk\n"
        "c=IN IP4 127.0.0.1\nt=0 0\na=rtcp-xr:rcvr-rtt=all:10000 stat-summary=loss,dup,jitt,TTL "
        "voip-metrics\n"
        "m=audio 7078 RTP/AVP 96 97 98 0 8 18 101 99 100\na=rtpmap:96 opus/48000/2\n"
        "a=fmtp:96 useinbandfec=1\na=rtcp-fb:* trr-int 5000\nm=video 9078 RTP/AVP 96\n";
    struct pair *pair = *state;
    uint32_t near_call, far_call;
    char first[2048], second[2048];

    say(pair->near, 5070, PHONE_INVITE "Content-Type: application/sdp\n\n%s", "bob", "inv1", PHONE_SDP);
    carry(pair, &near_call, &far_call);
    mask(pair->far->text, first, sizeof first);
    smx_ua_call_failed(pair->near->ua, pair->near->now, near_call, 480);
    smx_ua_call_ended(pair->far->ua, pair->far->now, far_call);
    say(pair->near, 5070, "%s", linphone);
    carry(pair, &near_call, &far_call);
    mask(pair->far->text, second, sizeof second);
    assert_string_equal(first, second);
    assert_string_equal(
        first,
        "INVITE sip:alice-0x56514a5736a0@127.0.0.1:5070 SIP/2.0\r\n"
        "Via: SIP/2.0/UDP 127.0.0.1:5060;branch=z9hG4bKx;rport\r\nMax-Forwards: 70\r\n"
        "From: <sip:alice@sipmix.alt>;tag=x\r\nTo: <sip:alice@sipmix.alt>\r\nCall-ID: x\r\nCSeq: 1 INVITE\r\n"
        "Contact: <sip:x@127.0.0.1:5060>\r\nAllow: " SMX_SIP_ALLOW
        "\r\nSupported: 100rel, timer\r\nSession-Expires: 1800\r\n"
        "Content-Type: application/sdp\r\nContent-Length: 231\r\n\r\n"
        "v=0\r\no=- n 1 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\nm=audio 30000 RTP/AVP 0 8 "
        "101\r\n"
        "a=rtpmap:0 PCMU/8000\r\na=rtpmap:8 PCMA/8000\r\na=rtpmap:101 telephone-event/8000\r\na=fmtp:101 "
        "0-15\r\na=ptime:20\r\na=sendrecv\r\n");
}

static void two_calls_share_nothing_fresh(void **state)
{
    struct pair *pair = *state;
    char text[2][4096];
    const char *at = text[0];
    uint32_t call;
    int shared = 0;

    for (int i = 0; i < 2; i++) {
        assert_int_equal(
            smx_ua_call_incoming(pair->far->ua, pair->far->now, "sip:bob@sipmix.alt", "alice", &call),
            SMX_OK);
        expect_sent(pair->far, "INVITE ");
        snprintf(text[i], sizeof text[i], "%.4095s", pair->far->text);
        smx_ua_call_ended(pair->far->ua, pair->far->now, call);
    }
    for (size_t run = 0; *at; at += run ? run : 1) {
        char token[64];

        run = strspn(at, "0123456789abcdef");
        if (run != 32 && run != 18)
            continue;
        memcpy(token, at, run);
        token[run] = 0;
        shared += strstr(text[1], token) != NULL;
    }
    assert_int_equal(shared, 0);
}

#define PAIR_TEST(f) cmocka_unit_test_setup_teardown(f, pair_setup, pair_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        PAIR_TEST(no_canary_of_an_invite_crosses),
        PAIR_TEST(no_canary_of_an_answer_crosses),
        PAIR_TEST(no_canary_of_a_text_crosses),
        PAIR_TEST(no_canary_of_a_hold_crosses),
        PAIR_TEST(two_different_phones_look_alike_at_the_far_phone),
        PAIR_TEST(two_calls_share_nothing_fresh),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
