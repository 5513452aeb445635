/* tests/unit/client/sip/dialog.h - a phone inside a dialog, whichever side began it. */
#ifndef SMX_TESTS_DIALOG_H
#define SMX_TESTS_DIALOG_H

#include "tests/unit/client/sip/phone.h"

struct dialog {
    uint32_t call;
    char own[256], peer[256], call_id[64]; /* From and To of the phone's requests, tags included */
    unsigned cseq;                         /* last used by the phone */
};

#define SESSION(port, more) "v=0\nc=IN IP4 127.0.0.1\nm=audio " port " RTP/AVP 0 8\n" more
#define SDP_TYPE            "Content-Type: application/sdp\n"

/* The phone's next request. */
static inline void ask(struct phone *p, struct dialog *d, const char *method, const char *more,
                       const char *body)
{
    if (strcmp(method, "ACK") != 0)
        d->cseq++;
    say(p, 5070,
        "%s sip:x@127.0.0.1:5060 SIP/2.0\nVia: SIP/2.0/UDP 127.0.0.1:5070;branch=z9hG4bK%s%u;rport\n"
        "From: %s\nTo: %s\nCall-ID: %s\nCSeq: %u %s\nMax-Forwards: 70\n%s\n%s",
        method, method, d->cseq, d->own, d->peer, d->call_id, d->cseq, method, more, body);
}

/* The phone's response to the request in p->text. */
static inline void answer(struct phone *p, unsigned status, const char *tag, const char *more,
                          const char *body)
{
    char via[256], from[256], to[256], call_id[64], cseq[64];

    copy_header(p, "Via", via, sizeof via);
    copy_header(p, "From", from, sizeof from);
    copy_header(p, "To", to, sizeof to);
    copy_header(p, "Call-ID", call_id, sizeof call_id);
    copy_header(p, "CSeq", cseq, sizeof cseq);
    say(p, 5070, "SIP/2.0 %u Whatever\nVia: %s\nFrom: %s\nTo: %s%s%s\nCall-ID: %s\nCSeq: %s\n%s\n%s", status,
        via, from, to, tag && !strstr(to, ";tag=") ? ";tag=" : "", tag && !strstr(to, ";tag=") ? tag : "",
        call_id, cseq, more, body);
}

#define PHONE_CONTACT "Contact: <sip:phone@127.0.0.1:5070>\n"

/* The phone's call is on its way; more goes into its INVITE, which has a session if body says so. */
static inline void dial_with(struct phone *p, struct dialog *d, const char *more, const char *body)
{
    *d = (struct dialog){.cseq = 55292,
                         .own = "\"Alice\" <sip:alice@sipmix.alt>;tag=ee4756530b55aeb4",
                         .peer = "<sip:white.rabbit@sipmix.alt>",
                         .call_id = "beabe5a8b8aacc91"};
    say(p, 5070, PHONE_INVITE "%s\n%s", "white.rabbit", "inv1", more, body);
    expect_sent(p, "SIP/2.0 100 Trying\r\n");
    d->call = expect_order(p, SMX_UA_CALL_START)->id;
}

/* Ours is the tag of the response in p->text. */
static inline void confirm(struct phone *p, struct dialog *d)
{
    copy_header(p, "To", d->peer, sizeof d->peer);
}

static inline void dial(struct phone *p, struct dialog *d)
{
    dial_with(p, d, SDP_TYPE, PHONE_SDP);
    smx_ua_call_answered(p->ua, p->now, d->call);
    expect_sent(p, "SIP/2.0 200 OK\r\n");
    confirm(p, d);
    ask(p, d, "ACK", "", "");
}

/* A call to the phone rings: its INVITE is in p->text. */
static inline void ring(struct phone *p, struct dialog *d)
{
    char to[200];

    enlist(p);
    *d = (struct dialog){.cseq = 0};
    assert_int_equal(smx_ua_call_incoming(p->ua, p->now, "sip:bob@sipmix.alt", "alice", &d->call), SMX_OK);
    expect_sent(p, "INVITE ");
    copy_header(p, "To", to, sizeof to);
    snprintf(d->own, sizeof d->own, "%s;tag=phonetag", to);
    copy_header(p, "From", d->peer, sizeof d->peer);
    copy_header(p, "Call-ID", d->call_id, sizeof d->call_id);
}

static inline void pick_up(struct phone *p, struct dialog *d)
{
    ring(p, d);
    answer(p, 200, "phonetag", PHONE_CONTACT SDP_TYPE, SESSION("22044", ""));
    expect_sent(p, "ACK ");
    assert_int_equal(expect_order(p, SMX_UA_CALL_ANSWER)->id, d->call);
}

#endif
