/* client/sip/gate.h - the raw pre-scan of a SIP message: what stands between the wire and any parser.
 * Source: docs/protocol/70-phone.md, section 2; RFC 3261, 7.3 and 7.3.3.
 *
 * One pass over the head, whose cost is bounded before it starts: the first SMX_GATE_HEAD bytes must hold all
 * of it.  Refuses NUL, bare CR or LF and other control characters, and their percent-encoded forms; long
 * lines, many lines, and lists long enough to hurt the parser (which is quadratic in them).  Unfolds lines.
 * Of the headers it keeps only those that we read: no other ever meets the parser. */
#ifndef SMX_SIP_GATE_H
#define SMX_SIP_GATE_H

#include "client/sip/text.h"
#include "proto/base/err.h"

enum {
    SMX_GATE_HEAD = 8192,  /* bytes, start line to empty line */
    SMX_GATE_LINE = 2048,  /* bytes of one line, unfolded */
    SMX_GATE_HEADERS = 96, /* lines, kept or not */
    SMX_GATE_KEPT = 32,    /* lines kept */
    SMX_GATE_PARAMS = 32,  /* semicolons in a kept line */
    SMX_GATE_COMMAS = 16,  /* commas in a kept line */
    SMX_GATE_BODY = 12288, /* bytes of a body on a stream; datagrams end by themselves */
};

enum smx_header {
    SMX_H_VIA,
    SMX_H_FROM,
    SMX_H_TO,
    SMX_H_CALL_ID,
    SMX_H_CSEQ,
    SMX_H_CONTACT,
    SMX_H_MAX_FORWARDS,
    SMX_H_EXPIRES,
    SMX_H_REQUIRE,
    SMX_H_PROXY_REQUIRE,
    SMX_H_CONTENT_TYPE,
    SMX_H_CONTENT_LENGTH,
    SMX_H_CONTENT_ENCODING,
    SMX_H_AUTHORIZATION,
    SMX_H_INFO_PACKAGE,
    SMX_H_SUPPORTED,
    SMX_H_RSEQ,
    SMX_H_RACK,
    SMX_H_SESSION_EXPIRES,
    SMX_H_MIN_SE,
    SMX_H_REFER_TO,
    SMX_H_REFER_SUB,
    SMX_H_PRIVACY,
};

struct smx_gate_line {
    enum smx_header id;
    struct smx_span value; /* trimmed, unfolded */
};

struct smx_gate {
    struct smx_span start; /* the start line */
    struct smx_gate_line line[SMX_GATE_KEPT];
    size_t line_count;
    size_t head_len;          /* bytes of the input, the empty line included */
    bool has_length;          /* a Content-Length stood there */
    uint32_t content_length;  /* bytes, 0 without one */
    char text[SMX_GATE_HEAD]; /* the head, unfolded; the spans point here */
};

/* SMX_E_STATE: the head is not complete, and may yet become so.  SMX_E_MALFORMED: refused. */
enum smx_err smx_gate_scan(struct smx_gate *gate, const uint8_t *in, size_t in_len) SMX_MUST_CHECK;
/* The only (or first) line of this kind, or NULL. */
const struct smx_span *smx_gate_get(const struct smx_gate *gate, enum smx_header id);
size_t smx_gate_count(const struct smx_gate *gate, enum smx_header id);

#endif
