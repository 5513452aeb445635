/* client/sip/gate.c - see gate.h.  Two passes over at most SMX_GATE_HEAD bytes: bytes, then lines. */
#include "client/sip/gate.h"

#include <string.h>

static const struct {
    const char *name, *compact;
    enum smx_header id;
} known[] = {
    {"Via", "v", SMX_H_VIA},
    {"From", "f", SMX_H_FROM},
    {"To", "t", SMX_H_TO},
    {"Call-ID", "i", SMX_H_CALL_ID},
    {"CSeq", NULL, SMX_H_CSEQ},
    {"Contact", "m", SMX_H_CONTACT},
    {"Max-Forwards", NULL, SMX_H_MAX_FORWARDS},
    {"Expires", NULL, SMX_H_EXPIRES},
    {"Require", NULL, SMX_H_REQUIRE},
    {"Proxy-Require", NULL, SMX_H_PROXY_REQUIRE},
    {"Content-Type", "c", SMX_H_CONTENT_TYPE},
    {"Content-Length", "l", SMX_H_CONTENT_LENGTH},
    {"Content-Encoding", "e", SMX_H_CONTENT_ENCODING},
    {"Authorization", NULL, SMX_H_AUTHORIZATION},
    {"Info-Package", NULL, SMX_H_INFO_PACKAGE},
    {"Supported", "k", SMX_H_SUPPORTED},
    {"RSeq", NULL, SMX_H_RSEQ},
    {"RAck", NULL, SMX_H_RACK},
    {"Session-Expires", "x", SMX_H_SESSION_EXPIRES},
    {"Min-SE", NULL, SMX_H_MIN_SE},
    {"Refer-To", "r", SMX_H_REFER_TO},
    {"Refer-Sub", NULL, SMX_H_REFER_SUB},
    {"Privacy", NULL, SMX_H_PRIVACY},
};

static bool is_known(struct smx_span name, enum smx_header *id)
{
    for (size_t i = 0; i < sizeof known / sizeof known[0]; i++)
        if (smx_span_is_nocase(name, known[i].name) ||
            (known[i].compact && smx_span_is_nocase(name, known[i].compact))) {
            *id = known[i].id;
            return true;
        }
    return false;
}

/* Copies the head into gate->text with folds as blanks; checks every byte. */
static enum smx_err copy_head(struct smx_gate *gate, const uint8_t *in, size_t in_len)
{
    size_t most = in_len < SMX_GATE_HEAD ? in_len : SMX_GATE_HEAD;

    for (size_t i = 0; i < most; i++) {
        uint8_t c = in[i];

        if (c == '\r') {
            if (i + 1 >= most)
                break;
            if (in[i + 1] != '\n')
                return SMX_E_MALFORMED;
            if (i >= 2 && in[i - 1] == '\n') { /* the empty line */
                gate->head_len = i + 2;
                return SMX_OK;
            }
            if (i + 2 >= most)
                break;
            bool fold = in[i + 2] == ' ' || in[i + 2] == '\t';
            gate->text[i] = fold ? ' ' : '\r';
            gate->text[i + 1] = fold ? ' ' : '\n';
            i++;
        } else if ((c < 0x20 && c != '\t') || c == 0x7f) {
            return SMX_E_MALFORMED;
        } else {
            gate->text[i] = (char)c;
        }
    }
    return most < SMX_GATE_HEAD ? SMX_E_STATE : SMX_E_MALFORMED;
}

/* What the parser behind us would decode or walk: no encoded control characters, no long lists. */
static bool is_harmless(struct smx_span s)
{
    size_t params = 0, commas = 0;

    for (size_t i = 0; i < s.len; i++) {
        params += s.at[i] == ';';
        commas += s.at[i] == ',';
        if (s.at[i] == '%' && i + 2 < s.len) {
            char high = s.at[i + 1], low = smx_lower(s.at[i + 2]);

            if (high == '0' || high == '1' || (high == '7' && low == 'f'))
                return false;
        }
    }
    return params <= SMX_GATE_PARAMS && commas <= SMX_GATE_COMMAS;
}

static enum smx_err take_line(struct smx_gate *gate, struct smx_span line)
{
    struct smx_span value = line;
    struct smx_span name = smx_span_trim(smx_span_cut(&value, ':'));
    enum smx_header id;

    if (value.at == line.at + line.len && line.at[line.len - 1] != ':')
        return SMX_E_MALFORMED; /* no colon */
    if (!smx_is_token(name))
        return SMX_E_MALFORMED;
    if (!is_known(name, &id))
        return SMX_OK;
    value = smx_span_trim(value);
    if (!is_harmless(value) || gate->line_count == SMX_GATE_KEPT)
        return SMX_E_MALFORMED;
    if (id == SMX_H_CONTENT_LENGTH) {
        if (gate->has_length || !smx_span_u32(value, INT32_MAX, &gate->content_length))
            return SMX_E_MALFORMED;
        gate->has_length = true;
    }
    gate->line[gate->line_count++] = (struct smx_gate_line){id, value};
    return SMX_OK;
}

enum smx_err smx_gate_scan(struct smx_gate *gate, const uint8_t *in, size_t in_len)
{
    enum smx_err err;
    struct smx_span head;
    size_t headers = 0;

    gate->line_count = 0;
    gate->has_length = false;
    gate->content_length = 0;
    err = copy_head(gate, in, in_len);
    if (err != SMX_OK)
        return err;
    head = (struct smx_span){gate->text, gate->head_len - 2};
    for (bool first = true; head.len > 0; first = false) {
        struct smx_span line = smx_span_cut(&head, '\n');

        line.len--; /* the CR before it: copy_head has seen to that */
        if (line.len == 0 || line.len > SMX_GATE_LINE)
            return SMX_E_MALFORMED;
        if (first) {
            if (!is_harmless(line))
                return SMX_E_MALFORMED;
            gate->start = line;
            continue;
        }
        if (++headers > SMX_GATE_HEADERS)
            return SMX_E_MALFORMED;
        err = take_line(gate, line);
        if (err != SMX_OK)
            return err;
    }
    return SMX_OK;
}

const struct smx_span *smx_gate_get(const struct smx_gate *gate, enum smx_header id)
{
    for (size_t i = 0; i < gate->line_count; i++)
        if (gate->line[i].id == id)
            return &gate->line[i].value;
    return NULL;
}

size_t smx_gate_count(const struct smx_gate *gate, enum smx_header id)
{
    size_t n = 0;

    for (size_t i = 0; i < gate->line_count; i++)
        n += gate->line[i].id == id;
    return n;
}
