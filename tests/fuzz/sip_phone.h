/* tests/fuzz/sip_phone.h - the phone of fuzz_sip.c: what it has learnt of us, and what it writes.  It answers
 * and goes on where it is, so that a script need not know our tags, numbers and nonces. */
#ifndef SMX_FUZZ_SIP_PHONE_H
#define SMX_FUZZ_SIP_PHONE_H

#include "client/sip/text.h"

#include <sodium.h>
#include <stdio.h>
#include <string.h>

enum { REQUEST = 8192, ROOM = 4 * REQUEST };
enum way { BY_UDP, BY_TCP, BY_TLS, WAYS, FROM_ELSEWHERE };

struct message {
    char at[REQUEST];
    size_t len;
    enum way way;
};

struct phone {
    struct message request, before, response; /* our last */
    char tag[2][64];                          /* ours in its last dialogs */
    char fork;                                /* its own tag */
    char nonce[128];                          /* of our last challenge */
    unsigned nc;
};

/* ---- what it hears ---- */

static inline struct smx_span line_of(const struct message *m, const char *name)
{
    struct smx_span rest = {m->at, m->len}, line;
    size_t name_len = strlen(name);

    while (rest.len > 0) {
        line = smx_span_cut(&rest, '\n');
        if (line.len > name_len && memcmp(line.at, name, name_len) == 0)
            return (struct smx_span){line.at + name_len, line.len - name_len - 1}; /* without the CR */
    }
    return (struct smx_span){"", 0};
}

static inline void learn(struct phone *p)
{
    struct smx_span to = line_of(&p->response, "To: "), cseq = line_of(&p->response, "CSeq: ");
    struct smx_span nonce = line_of(&p->response, "WWW-Authenticate: ");
    size_t at = to.len;

    (void)smx_span_cut(&nonce, ',');
    (void)smx_span_cut(&nonce, '"');
    nonce = smx_span_cut(&nonce, '"');
    if (nonce.len > 0)
        (void)smx_span_copy(p->nonce, sizeof p->nonce, nonce);
    while (at > 0 && to.at[at - 1] != '=')
        at--;
    to = (struct smx_span){to.at + at, to.len - at};
    if (at == 0 || to.len >= sizeof p->tag[0] || cseq.len < 6 ||
        memcmp(cseq.at + cseq.len - 6, "INVITE", 6) != 0 || smx_span_is(to, p->tag[0]))
        return;
    memcpy(p->tag[1], p->tag[0], sizeof p->tag[1]);
    (void)smx_span_copy(p->tag[0], sizeof p->tag[0], to);
}

static inline void hear(struct phone *p, const uint8_t *bytes, size_t len, enum way way)
{
    bool response = len > 8 && memcmp(bytes, "SIP/2.0 ", 8) == 0;
    struct message *m = response ? &p->response : &p->request;

    if (len < 8 || len > REQUEST || memcmp(bytes, "ACK ", 4) == 0)
        return;
    if (!response)
        p->before = p->request;
    memcpy(m->at, bytes, len);
    m->len = len;
    m->way = way;
    if (response)
        learn(p);
}

/* ---- what it says ---- */

/* As a phone that knows the password writes it, for the request that begins so. */
static inline void add_digest(struct phone *p, struct smx_span request, struct smx_text *out)
{
    static const char secret[] = "alice:sipmix.alt:secret";
    struct smx_span uri = smx_span_cut(&request, '\n'), method;
    char a1[65], a2[65], room[ROOM];
    uint8_t hash[crypto_hash_sha256_BYTES];
    struct smx_text t = {room, 0, sizeof room, false};

    method = smx_span_cut(&uri, ' ');
    uri = smx_span_cut(&uri, ' ');
    (void)crypto_hash_sha256(hash, (const uint8_t *)secret, sizeof secret - 1);
    (void)sodium_bin2hex(a1, sizeof a1, hash, sizeof hash);
    smx_text_span(&t, method);
    smx_text_add(&t, ":");
    smx_text_span(&t, uri);
    (void)crypto_hash_sha256(hash, (const uint8_t *)room, t.len);
    (void)sodium_bin2hex(a2, sizeof a2, hash, sizeof hash);
    t.len = (size_t)snprintf(room, sizeof room, "%s:%s:%08x:c:auth:%s", a1, p->nonce, ++p->nc, a2);
    (void)crypto_hash_sha256(hash, (const uint8_t *)room, t.len);
    (void)sodium_bin2hex(a1, sizeof a1, hash, sizeof hash);
    t.len = (size_t)snprintf(room, sizeof room,
                             "Authorization: Digest username=\"alice\",realm=\"sipmix.alt\",nonce=\"%s\","
                             "uri=\"%.*s\",response=\"%s\",algorithm=SHA-256,cnonce=\"c\",qop=auth,nc=%08x",
                             p->nonce, (int)uri.len, uri.at, a1, p->nc);
    smx_text_span(out, (struct smx_span){room, t.len});
}

static inline struct smx_span contact_user(const struct message *m)
{
    struct smx_span contact = line_of(m, "Contact: ");

    (void)smx_span_cut(&contact, ':');
    return smx_span_cut(&contact, '@');
}

static inline void add_text(struct phone *p, const uint8_t *bytes, size_t len, struct smx_text *out)
{
    for (size_t i = 0; i < len; i++) {
        p->nc -= bytes[i] == 7;
        if (bytes[i] == 1 || bytes[i] == 2)
            smx_text_add(out, p->tag[bytes[i] - 1]);
        else if (bytes[i] == 3)
            smx_text_span(out, line_of(&p->response, "RSeq: "));
        else if (bytes[i] == 4 || bytes[i] == 7)
            add_digest(p, (struct smx_span){out->at, out->len}, out);
        else if (bytes[i] == 5)
            smx_text_span(out, line_of(&p->request, "Via: "));
        else if (bytes[i] == 6)
            smx_text_span(out, contact_user(&p->request));
        else
            smx_text_span(out, (struct smx_span){(const char *)bytes + i, 1});
    }
}

/* Their end of it says how long the head and the body are, over a stream. */
static inline void add_rest(struct phone *p, enum way way, const uint8_t *bytes, size_t len,
                            struct smx_text *out)
{
    const uint8_t *body = memmem(bytes, len, "\r\n\r\n", 4);

    if (way != BY_UDP && body) {
        smx_text_add(out, "l: ");
        smx_text_u64(out, len - (size_t)(body - bytes) - 4);
        smx_text_add(out, "\r\n");
    }
    add_text(p, bytes, len, out);
}

static inline void add_tag(struct phone *p, struct smx_span to, struct smx_text *out)
{
    if (memmem(to.at, to.len, ";tag=", 5))
        return;
    smx_text_add(out, ";tag=");
    smx_text_span(out, (struct smx_span){&p->fork, 1});
}

static inline void write_response(struct phone *p, const uint8_t *bytes, size_t len, struct smx_text *out)
{
    static const char *const names[] = {"Via: ", "From: ", "Call-ID: ", "CSeq: "};
    struct smx_span to = line_of(&p->request, "To: ");

    if (len < 3)
        return;
    p->fork = 't';
    if (len > 3 && bytes[3] >= 14 && bytes[3] < 32)
        p->fork = (char)('A' + bytes[3]);
    smx_text_add(out, "SIP/2.0 ");
    smx_text_span(out, (struct smx_span){(const char *)bytes, 3});
    smx_text_add(out, " x\r\nTo: ");
    smx_text_span(out, to);
    add_tag(p, to, out);
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        smx_text_add(out, "\r\n");
        smx_text_add(out, names[i]);
        smx_text_span(out, line_of(&p->request, names[i]));
    }
    smx_text_add(out, "\r\n");
    if (p->fork != 't')
        bytes++, len--;
    add_rest(p, p->request.way, bytes + 3, len - 3, out);
}

/* "METHOD N", a line end, further headers, an empty line, a body. */
static inline void write_request(struct phone *p, const struct message *of, const uint8_t *bytes, size_t len,
                                 struct smx_text *out)
{
    struct smx_span first = {(const char *)bytes, len}, method, to = line_of(of, "To: ");
    const char *end = memchr(bytes, '\n', len);
    bool ours = of == &p->request; /* then it goes the other way round */

    if (!end)
        return;
    first.len = (size_t)(end - first.at);
    len -= first.len + 1;
    if (first.len > 0 && end[-1] == '\r')
        first.len--;
    method = smx_span_cut(&first, ' ');
    smx_text_span(out, method);
    smx_text_add(out, " sip:x@h SIP/2.0\r\nv: SIP/2.0/UDP h;branch=z9hG4bK");
    smx_text_span(out, first);
    smx_text_span(out, method);
    smx_text_add(out, ours ? "\r\nf: " : "\r\nt: ");
    smx_text_span(out, to);
    add_tag(p, to, out);
    smx_text_add(out, ours ? "\r\nt: " : "\r\nf: ");
    smx_text_span(out, line_of(of, "From: "));
    smx_text_add(out, "\r\ni: ");
    smx_text_span(out, line_of(of, "Call-ID: "));
    smx_text_add(out, "\r\nCSeq: ");
    smx_text_span(out, first);
    smx_text_add(out, " ");
    smx_text_span(out, method);
    smx_text_add(out, "\r\n");
    add_rest(p, of->way, (const uint8_t *)end + 1, len, out);
}

#endif
