/* tests/unit/client/test_torture.c - the torture messages of RFC 4475 from the far side.
 *
 * No SIP crosses the network, so a hostile far client can put them only where a record or a cell has room: as
 * a record, behind each type, piece by piece into each field, as a text, as the content of cells.  Whatever
 * he does and whenever, the pipe lives or ends, and the phone hears nothing but what an honest far client
 * could have caused, word for word (fresh values and numbers apart), and texts as the body of a MESSAGE.
 * (From the phone's side: tests/unit/client/sip/test_parse.c.) */
#include "client/sip/parse.h"
#include "tests/unit/client/far.h"
#include "tests/unit/client/sip/dialog.h"

#include <dirent.h>

enum {
    MESSAGES = 49,
    BYTES = 8192,
    WORDS = 64,
    WORD = 1536,
    SESSION_S = 70, /* until a phone's transactions are over, whatever became of them */
    SLOTS = 40,     /* 0.8 s: a re-INVITE of ours waits for half of one */
};

static struct {
    char name[64];
    uint8_t bytes[BYTES];
    size_t len;
} torture[MESSAGES];

static char word[WORDS][WORD]; /* what honest far clients cause */
static size_t word_count;
static bool learning;
static const char *under_test;

/* How far a call has come when he begins. */
enum stage { NO_CALL, RINGS, TALKS, DIALLED, ANSWERED, STAGES };

struct torn {
    struct far *f;
    struct phone *p;
    bool picks_up, in, out, talks; /* what the phone does, and has */
    char invite[PHONE_MESSAGE];    /* that rings it */
    struct dialog d;
    unsigned session;
    const uint8_t *text; /* the last sent to it */
    size_t text_len, texts, heard;
};

/* ---- what the phone hears ---- */

/* Without fresh values and numbers. */
static void mask(const char *text, char out[WORD])
{
    size_t n = 0;

    while (*text) {
        size_t hex = strspn(text, "0123456789abcdef"), digits = strspn(text, "0123456789");

        assert_true(n + 2 < WORD);
        out[n++] = *text;
        if (hex == 32)
            out[n - 1] = 'x';
        else if (digits > 0)
            out[n - 1] = '#';
        text += hex == 32 ? hex : digits > 0 ? digits : 1;
    }
    out[n] = 0;
}

static void judge(const char *text)
{
    char masked[WORD];

    mask(text, masked);
    for (size_t i = 0; i < word_count; i++)
        if (strcmp(word[i], masked) == 0)
            return;
    if (!learning)
        fail_msg("%s: the phone hears %s", under_test, text);
    assert_true(word_count < WORDS);
    memcpy(word[word_count++], masked, sizeof masked);
}

/* It may be anything that a record may carry: compared, and taken off. */
static void take_text(struct torn *t)
{
    char *body = strstr(t->p->text, "\r\n\r\n") + 4;

    if (strlen(body) != t->text_len || memcmp(body, t->text, t->text_len) != 0)
        fail_msg("%s: another text arrives", under_test);
    *body = 0;
    t->texts++;
}

static void take_invite(struct torn *t)
{
    char to[200];

    copy_header(t->p, "To", to, sizeof to);
    if (strstr(to, ";tag=")) {
        answer(t->p, 200, NULL, PHONE_CONTACT SDP_TYPE, SESSION("22044", ""));
        return;
    }
    t->in = true;
    memcpy(t->invite, t->p->text, sizeof t->invite);
    snprintf(t->d.own, sizeof t->d.own, "%s;tag=phonetag", to);
    copy_header(t->p, "From", t->d.peer, sizeof t->d.peer);
    copy_header(t->p, "Call-ID", t->d.call_id, sizeof t->d.call_id);
    answer(t->p, 180, "phonetag", PHONE_CONTACT, "");
    if (t->picks_up)
        answer(t->p, 200, "phonetag", PHONE_CONTACT SDP_TYPE, SESSION("22044", ""));
}

/* The final response to the INVITE that rings it. */
static void refuse(struct torn *t, unsigned status)
{
    memcpy(t->p->text, t->invite, sizeof t->invite);
    answer(t->p, status, "phonetag", "", "");
    t->in = false;
}

/* About its own INVITE, whose ACK for a refusal has the same branch. */
static void about_invite(struct torn *t, const char *method, const char *to)
{
    say(t->p, 5070,
        "%s sip:bob@sipmix.alt SIP/2.0\nVia: SIP/2.0/UDP 127.0.0.1:5070;branch=z9hG4bKinv%u;rport\nFrom: "
        "%s\nTo: %s\n"
        "Call-ID: %s\nCSeq: 1 %s\nMax-Forwards: 70\n\n",
        method, t->session, t->d.own, to, t->d.call_id, method);
}

static void take_response(struct torn *t)
{
    long status = strtol(t->p->text + strlen("SIP/2.0 "), NULL, 10);
    char to[256];

    if (!strstr(sent_header(t->p, "CSeq"), "INVITE") || status < 200)
        return;
    copy_header(t->p, "To", to, sizeof to);
    if (status < 300) {
        confirm(t->p, &t->d);
        t->talks = true;
        ask(t->p, &t->d, "ACK", "", "");
        return;
    }
    t->out = false;
    about_invite(t, "ACK", to);
}

static void take(struct torn *t)
{
    const char *text = t->p->text;

    if (strncmp(text, "SIP/2.0 ", 8) == 0) {
        take_response(t);
    } else if (strncmp(text, "INVITE ", 7) == 0) {
        take_invite(t);
    } else if (strncmp(text, "ACK ", 4) == 0) {
        t->talks = t->in;
    } else {
        bool cancels = strncmp(text, "CANCEL ", 7) == 0;

        answer(t->p, 200, NULL, "", "");
        if (cancels)
            refuse(t, 487);
        else if (strncmp(text, "BYE ", 4) == 0)
            t->in = t->out = t->talks = false;
    }
}

static void hear(struct torn *t)
{
    struct smx_sip sip;

    while (next_sent(t->p)) {
        t->heard++;
        if (smx_sip_parse(&sip, (const uint8_t *)t->p->text, t->p->sent.len, false) != SMX_OK)
            fail_msg("%s: no SIP: %s", under_test, t->p->text);
        smx_sip_fini(&sip);
        if (strncmp(t->p->text, "MESSAGE ", 8) == 0)
            take_text(t);
        judge(t->p->text);
        take(t);
        smx_bridge_orders(&t->f->bridge, t->p->now);
    }
}

static void live(struct torn *t, size_t slots)
{
    while (slots-- > 0) {
        far_slot(t->f);
        hear(t);
    }
}

/* ---- what he says ---- */

static bool is_open(const struct torn *t)
{
    return t->f->m->state == MEETING_OPEN;
}

/* What is no record ends the pipe, and with it the phone's call; what is none yet does nothing. */
static void throw(struct torn * t, const uint8_t *bytes, size_t len)
{
    struct smx_record r;
    enum smx_err err = smx_record_decode(&r, bytes, len);
    size_t before = t->heard;

    far_forget(t->f);
    far_record(t->f, bytes, len);
    hear(t);
    if (err == SMX_E_MALFORMED || (err == SMX_OK && r.type == SMX_RECORD_HELLO)) {
        live(t, SLOTS);
        if (is_open(t) || t->in || t->out || t->talks)
            fail_msg("%s: what is no record does not end the call", under_test);
    } else if (err == SMX_E_ABSENT && (!is_open(t) || t->heard != before)) {
        fail_msg("%s: what is none yet does something", under_test);
    }
}

static void tell(struct torn *t, const struct smx_record *r)
{
    uint8_t bytes[SMX_RECORD_MAX];
    size_t len = smx_record_encode(bytes, r);

    t->text = r->text;
    t->text_len = r->text_len;
    throw(t, bytes, len);
}

static void tell_call(struct torn *t, enum smx_record_type type)
{
    tell(t, &(struct smx_record){
                .type = type, .id = 1, .codecs = type == SMX_RECORD_INVITE ? 3 : SMX_CODEC_PCMU});
}

/* ---- a session ---- */

static void dial_bob(struct torn *t)
{
    t->d =
        (struct dialog){.cseq = 1, .own = "<sip:alice@sipmix.alt>;tag=phone", .peer = "<sip:bob@sipmix.alt>"};
    snprintf(t->d.call_id, sizeof t->d.call_id, "call%u", t->session);
    t->out = true;
    say(t->p, 5070,
        "INVITE sip:bob@sipmix.alt SIP/2.0\nVia: SIP/2.0/UDP 127.0.0.1:5070;branch=z9hG4bKinv%u;rport\nFrom: "
        "%s\nTo: %s\n"
        "Call-ID: %s\nCSeq: 1 INVITE\nMax-Forwards: 70\n" PHONE_CONTACT SDP_TYPE "\n" PHONE_SDP,
        t->session, t->d.own, t->d.peer, t->d.call_id);
    smx_bridge_orders(&t->f->bridge, t->p->now);
    hear(t);
    live(t, 3);
}

static void begin(struct torn *t, enum stage stage)
{
    t->session++;
    t->d = (struct dialog){.cseq = 0};
    t->in = t->out = t->talks = false;
    t->picks_up = stage == TALKS;
    far_begin(t->f);
    say(t->p, 5070, PHONE_REGISTER, "register", (int)t->session);
    expect_sent(t->p, "SIP/2.0 200 OK\r\n");
    if (stage == RINGS || stage == TALKS)
        tell_call(t, SMX_RECORD_INVITE);
    else if (stage != NO_CALL)
        dial_bob(t);
    if (stage == ANSWERED) {
        tell_call(t, SMX_RECORD_RINGING);
        tell_call(t, SMX_RECORD_ANSWER);
    }
    assert_true(is_open(t));
    assert_int_equal(t->in, stage == RINGS || stage == TALKS);
    assert_int_equal(t->out, stage == DIALLED || stage == ANSWERED);
    assert_int_equal(t->talks, stage == TALKS || stage == ANSWERED);
}

/* The phone hangs up if it must, the pipe closes, and nothing is left. */
static void end(struct torn *t)
{
    struct smx_ua_usage usage;

    if (t->talks)
        ask(t->p, &t->d, "BYE", "", "");
    else if (t->in)
        refuse(t, 486);
    else if (t->out)
        about_invite(t, "CANCEL", t->d.peer);
    smx_bridge_orders(&t->f->bridge, t->p->now);
    hear(t);
    if (is_open(t))
        smx_meeting_close(t->f->client, t->p->now, t->f->m);
    for (size_t i = 0; i < 200 && t->f->m->state != MEETING_IDLE; i++)
        live(t, 1);
    assert_int_equal(t->f->m->state, MEETING_IDLE);
    for (int i = 0; i < SESSION_S; i++) {
        pass(t->p, SMX_SECOND(1));
        hear(t);
    }
    usage = smx_ua_usage(t->p->ua);
    if (usage.calls != 0 || usage.transactions != 0)
        fail_msg("%s: %zu calls and %zu transactions are left", under_test, usage.calls, usage.transactions);
    far_end(t->f);
}

/* ---- what honest ones cause ---- */

static void learn(struct torn *t)
{
    static const struct smx_record said[] = {
        {.type = SMX_RECORD_RINGING, .id = 1},
        {.type = SMX_RECORD_ANSWER, .id = 1, .codecs = SMX_CODEC_PCMU},
        {.type = SMX_RECORD_ANSWER, .id = 1, .codecs = SMX_CODEC_OPUS},
        {.type = SMX_RECORD_REFUSE, .id = 1, .code = 480},
        {.type = SMX_RECORD_REFUSE, .id = 1, .code = 486},
        {.type = SMX_RECORD_REFUSE, .id = 1, .code = 488},
        {.type = SMX_RECORD_REFUSE, .id = 1, .code = 603},
        {.type = SMX_RECORD_CANCEL, .id = 1},
        {.type = SMX_RECORD_BYE, .id = 1},
        {.type = SMX_RECORD_HOLD, .id = 1, .direction = 1},
        {.type = SMX_RECORD_HOLD, .id = 1, .direction = 2},
        {.type = SMX_RECORD_HOLD, .id = 1, .direction = 3},
        {.type = SMX_RECORD_HOLD, .id = 1},
        {.type = SMX_RECORD_MESSAGE, .id = 1, .text = (const uint8_t *)"hello", .text_len = 5},
    };
    static const uint8_t cut_off[] = {SMX_RECORD_BYE, 0};

    learning = true;
    under_test = "honest";
    for (int stage = NO_CALL; stage < STAGES; stage++) {
        begin(t, (enum stage)stage);
        for (size_t i = 0; i < sizeof said / sizeof said[0]; i++) {
            tell(t, &said[i]);
            live(t, SLOTS);
            if (is_open(t))
                continue;
            end(t);
            begin(t, (enum stage)stage);
        }
        end(t);
        begin(t, (enum stage)stage);
        end(t); /* by the phone */
        begin(t, (enum stage)stage);
        throw(t, cut_off, sizeof cut_off);
        end(t);
    }
    learning = false;
}

/* ---- tests ---- */

static int load(void **state)
{
    DIR *folder = opendir("tests/vectors/rfc4475");
    const struct dirent *entry;
    size_t count = 0;

    (void)state;
    if (!folder)
        return -1;
    while ((entry = readdir(folder)) != NULL) {
        char path[320];
        FILE *file;

        if (!strstr(entry->d_name, ".dat"))
            continue;
        snprintf(path, sizeof path, "tests/vectors/rfc4475/%s", entry->d_name);
        file = fopen(path, "rb");
        if (!file || count == MESSAGES)
            return -1;
        snprintf(torture[count].name, sizeof torture[count].name, "%.60s", entry->d_name);
        torture[count].len = fread(torture[count].bytes, 1, BYTES, file);
        fclose(file);
        count++;
    }
    closedir(folder);
    return count == MESSAGES ? 0 : -1;
}

static int setup(void **state)
{
    struct torn *t = calloc(1, sizeof *t);
    void *far = NULL;

    if (!t || far_setup(&far) != 0)
        return -1;
    t->f = far;
    t->p = t->f->phone;
    end(t);
    if (word_count == 0)
        learn(t);
    *state = t;
    return 0;
}

static int teardown(void **state)
{
    struct torn *t = *state;
    void *far = t->f;

    far_teardown(&far);
    free(t);
    return 0;
}

static void an_honest_call_comes_about(struct torn *t)
{
    begin(t, TALKS);
    tell_call(t, SMX_RECORD_BYE);
    assert_false(t->talks);
    end(t);
}

/* As a whole: alone, and behind each type, MESSAGE and those that no version has yet among them. */
static void no_message_as_a_record_disturbs_client_or_phone(void **state)
{
    struct torn *t = *state;

    for (size_t i = 0; i < MESSAGES; i++) {
        under_test = torture[i].name;
        for (int stage = NO_CALL; stage < STAGES; stage++) {
            begin(t, (enum stage)stage);
            throw(t, torture[i].bytes, torture[i].len);
            end(t);
        }
        for (unsigned type = 0; type <= SMX_RECORD_NAME + 2; type++) {
            uint8_t bytes[1 + BYTES] = {(uint8_t)type};

            memcpy(bytes + 1, torture[i].bytes, torture[i].len);
            t->text = bytes + 3;
            t->text_len = torture[i].len - 2;
            begin(t, (enum stage)(type % STAGES));
            throw(t, bytes, 1 + torture[i].len);
            end(t);
        }
        an_honest_call_comes_about(t);
    }
}

/* The next line of a message in at[0..*len). */
static const uint8_t *next_line(size_t i, const uint8_t *at, size_t *len)
{
    const uint8_t *end = torture[i].bytes + torture[i].len, *from = at ? at + *len : torture[i].bytes;

    while (from < end && (*from == '\r' || *from == '\n'))
        from++;
    for (*len = 0; from + *len < end && from[*len] != '\r' && from[*len] != '\n';)
        ++*len;
    return *len > 0 ? from : NULL;
}

/* The whole, and line by line. */
static void every_message_that_is_text_arrives_as_a_text_and_nothing_else(void **state)
{
    struct torn *t = *state;
    size_t whole = 0;

    for (size_t i = 0; i < MESSAGES; i++) {
        const uint8_t *line = torture[i].bytes;
        size_t len = torture[i].len;

        under_test = torture[i].name;
        begin(t, (enum stage)(i % STAGES));
        do {
            bool valid = smx_record_text_is_valid(line, len);
            size_t before = t->texts;

            if (valid) {
                tell(t, &(struct smx_record){
                            .type = SMX_RECORD_MESSAGE, .id = 1, .text = line, .text_len = len});
                live(t, 2);
                assert_int_equal(t->texts, before + 1);
            }
            whole += valid && line == torture[i].bytes && len == torture[i].len;
            line = line == torture[i].bytes && len == torture[i].len ? next_line(i, NULL, &len)
                                                                     : next_line(i, line, &len);
        } while (line);
        end(t);
    }
    assert_true(whole > MESSAGES / 2);
}

/* Each line as the fields of each type, after a number of its own, and after that of the call. */
static void no_line_in_the_fields_of_a_record_shows_at_the_phone(void **state)
{
    static const uint8_t fields[SMX_RECORD_NAME + 1] = {
        [SMX_RECORD_HELLO] = 1,   [SMX_RECORD_INVITE] = 3,   [SMX_RECORD_RINGING] = 2,
        [SMX_RECORD_ANSWER] = 3,  [SMX_RECORD_REFUSE] = 4,   [SMX_RECORD_CANCEL] = 2,
        [SMX_RECORD_BYE] = 2,     [SMX_RECORD_MESSAGE] = 60, [SMX_RECORD_RESULT] = 4,
        [SMX_RECORD_REJOIN] = 18, [SMX_RECORD_MOVED] = 2,    [SMX_RECORD_SECOND] = 50,
        [SMX_RECORD_HOLD] = 3,    [SMX_RECORD_KEY] = 4,      [SMX_RECORD_NAME] = 50};
    struct torn *t = *state;

    for (size_t i = 0; i < MESSAGES; i++) {
        size_t len = 0, number = 0;

        under_test = torture[i].name;
        for (const uint8_t *line = next_line(i, NULL, &len); line; line = next_line(i, line, &len)) {
            enum stage stage = (enum stage)((i + number++) % STAGES);

            begin(t, stage);
            for (unsigned type = 1; type <= SMX_RECORD_NAME; type++)
                for (size_t own = 0; own < 3; own += 2) {
                    uint8_t bytes[64] = {(uint8_t)type, 0, own > 0};
                    size_t room = (size_t)fields[type] - (fields[type] < own ? 0 : own);

                    memcpy(bytes + 1 + own, line, len < room ? len : room);
                    t->text = bytes + 3;
                    t->text_len = (size_t)fields[type] - 2;
                    throw(t, bytes, 1 + (size_t)fields[type]);
                    if (is_open(t))
                        continue;
                    end(t);
                    begin(t, stage);
                }
            end(t);
        }
    }
}

static void no_message_in_cells_shows_at_the_phone(void **state)
{
    static const uint8_t types[] = {SMX_PIPE_STREAM, SMX_PIPE_PCMU, SMX_PIPE_PCMA, SMX_PIPE_OPUS, 'I'};
    struct torn *t = *state;

    for (size_t i = 0; i < MESSAGES * sizeof types; i++) {
        size_t of = i / sizeof types;

        under_test = torture[of].name;
        for (int stage = NO_CALL; stage < STAGES; stage++) {
            begin(t, (enum stage)stage);
            for (size_t at = 0; at < torture[of].len; at += SMX_PIPE_CONTENT) {
                size_t len =
                    torture[of].len - at < SMX_PIPE_CONTENT ? torture[of].len - at : SMX_PIPE_CONTENT;

                far_cell(t->f, (enum smx_pipe_type)types[i % sizeof types], torture[of].bytes + at, len);
                live(t, 1);
            }
            live(t, SLOTS);
            end(t);
        }
    }
}

/* Names come from the user's own contacts and from keys; but whatever the network side would say: */
static void no_line_as_a_name_shows_but_what_is_a_name(void **state)
{
    static const char allowed[] = "abcdefghijklmnopqrstuvwxyz0123456789._-";
    struct torn *t = *state;
    size_t shown = 0;

    for (size_t i = 0; i < MESSAGES; i++) {
        size_t len = 0;

        under_test = torture[i].name;
        for (const uint8_t *line = next_line(i, NULL, &len); line; line = next_line(i, line, &len)) {
            char from[2][BYTES + 32];
            uint32_t call;

            snprintf(from[0], sizeof from[0], "%.*s", (int)len, (const char *)line);
            snprintf(from[1], sizeof from[1], "sip:%.*s@sipmix.alt", (int)strcspn(from[0], " :"), from[0]);
            for (size_t k = 0; k < 2; k++) {
                char *name = from[k] + strlen("sip:"), *name_end = strstr(from[k], "@sipmix.alt");
                bool is_name = k == 1 && strspn(name, allowed) == (size_t)(name_end - name);
                const char *said;

                begin(t, NO_CALL);
                assert_int_equal(smx_ua_call_incoming(t->p->ua, t->p->now, from[k], "alice", &call), SMX_OK);
                expect_sent(t->p, "INVITE ");
                said = sent_header(t->p, "From");
                if (strncmp(said, "<sip:anonymous@anonymous.invalid>;tag=", 38) != 0) {
                    if (!is_name || strncmp(said + 1, from[k], strlen(from[k])) != 0)
                        fail_msg("%s: shown as %s", under_test, said);
                    shown++;
                }
                take_invite(t);
                smx_ua_call_ended(t->p->ua, t->p->now, call);
                while (next_sent(t->p))
                    take(t);
                end(t);
            }
        }
    }
    assert_true(shown > 0); /* "from" and "to" are names, too */
}

#define TORN(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TORN(no_message_as_a_record_disturbs_client_or_phone),
        TORN(every_message_that_is_text_arrives_as_a_text_and_nothing_else),
        TORN(no_line_in_the_fields_of_a_record_shows_at_the_phone),
        TORN(no_message_in_cells_shows_at_the_phone),
        TORN(no_line_as_a_name_shows_but_what_is_a_name),
    };

    smx_sip_library();
    return cmocka_run_group_tests(tests, load, NULL);
}
