/* sim/fault.c - a fault as text and back; sim/scenario.h. */
#include "sim/scenario.h"
#include "sim/units.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

const struct smx_fault_form smx_fault_forms[SMX_FAULT_KINDS] = {
    [SMX_FAULT_CRASH] = {"crash", true, false, false,
                         "a relay dies, and comes back with what is on its disk"},
    [SMX_FAULT_PARTITION] = {"partition", false, true, false,
                             "a share of the cities is cut off from the others"},
    [SMX_FAULT_OVERLOAD] = {"overload", true, true, true,
                            "a relay's machine stands still for a share of the time, each time for so long"},
    [SMX_FAULT_SLOW] = {"slow", true, false, true, "what a relay sends leaves so much later"},
    [SMX_FAULT_OUTAGE] = {"outage", false, false, false, "nobody reaches the directory"},
    [SMX_FAULT_LOSS] = {"loss", false, true, false, "a share of all datagrams is lost, everywhere"},
    [SMX_FAULT_DROP] = {"drop", true, true, false, "a malicious relay drops a share of the cells"},
    [SMX_FAULT_DELAY] = {"delay", true, true, false,
                         "a malicious relay lets a share of the cells go a turn later"},
    [SMX_FAULT_REPLAY] = {"replay", true, true, false,
                          "a malicious relay sends old cells in the place of a share of them"},
    [SMX_FAULT_TAG] = {"tag", true, true, false, "a malicious relay changes a bit in a share of the cells"},
    [SMX_FAULT_REORDER] = {"reorder", true, true, false,
                           "a malicious relay exchanges a share of the cells with the next one"},
    [SMX_FAULT_LIE] = {"lie", true, false, false,
                       "a relay tells the directory of circuits that are not there"},
};

static enum smx_err refuse(char why[SMX_SCENARIO_WHY], const char *what, const char *text)
{
    if (text)
        snprintf(why, SMX_SCENARIO_WHY, "%s: \"%.60s\"", what, text);
    else
        snprintf(why, SMX_SCENARIO_WHY, "%s", what);
    return SMX_E_MALFORMED;
}

static enum smx_err unknown_kind(char why[SMX_SCENARIO_WHY], const char *kind)
{
    int len = snprintf(why, SMX_SCENARIO_WHY, "no fault is called \"%.20s\"; there are", kind);

    for (size_t i = 0; i < SMX_FAULT_KINDS; i++)
        len += snprintf(why + len, SMX_SCENARIO_WHY - (size_t)len, " %s", smx_fault_forms[i].name);
    return SMX_E_MALFORMED;
}

static bool read_relay(const char **text, uint32_t *relay)
{
    char word[16];
    uint64_t number;

    if (smx_units_count(text, &number)) {
        *relay = number < SMX_FAULT_BUSY ? (uint32_t)number : SMX_FAULT_BUSY;
        return number < SMX_FAULT_BUSY;
    }
    if (!smx_units_word(text, word, sizeof word))
        return false;
    *relay = strcmp(word, "any") == 0 ? SMX_FAULT_ANY : SMX_FAULT_BUSY;
    return strcmp(word, "any") == 0 || strcmp(word, "busy") == 0;
}

struct given {
    bool relay, share, by, at, lasts;
};

/* One part of the text, behind the kind; false: it is none. */
static bool read_part(struct smx_fault *f, const char **text, struct given *given)
{
    char word[16];

    if (smx_units_share(text, &f->share))
        return !given->share && (given->share = true);
    if (!smx_units_word(text, word, sizeof word))
        return false;
    if (strcmp(word, "relay") == 0)
        return read_relay(text, &f->relay) && !given->relay && (given->relay = true);
    if (strcmp(word, "by") == 0)
        return smx_units_time(text, &f->by) && !given->by && (given->by = true);
    if (strcmp(word, "at") == 0)
        return smx_units_time(text, &f->at) && !given->at && (given->at = true);
    if (strcmp(word, "for") == 0)
        return smx_units_time(text, &f->lasts) && !given->lasts && (given->lasts = true);
    return false;
}

enum smx_err smx_fault_read(struct smx_fault *f, const char *text, char why[SMX_SCENARIO_WHY])
{
    struct smx_fault got = {.relay = SMX_FAULT_ANY};
    const struct smx_fault_form *form;
    struct given given = {.relay = false};
    char word[16];

    if (!smx_units_word(&text, word, sizeof word))
        return refuse(why, "a fault begins with its kind", text);
    while (got.kind < SMX_FAULT_KINDS && strcmp(smx_fault_forms[got.kind].name, word) != 0)
        got.kind++;
    if (got.kind == SMX_FAULT_KINDS)
        return unknown_kind(why, word);
    form = &smx_fault_forms[got.kind];
    while (*text) {
        const char *part = text;

        if (!read_part(&got, &text, &given))
            return refuse(
                why, "expected, once each: a share (5 %), relay NUMBER|any|busy, by TIME, at TIME, for TIME",
                part);
    }
    if (!given.at)
        return refuse(why, "a fault needs a time of its beginning: at TIME", NULL);
    if (given.relay && !form->relay)
        return refuse(why, "this fault is of no relay", word);
    if (given.share != form->share)
        return refuse(why, form->share ? "this fault needs a share, as 5 %" : "this fault has no share",
                      word);
    if (given.by != form->by)
        return refuse(why, form->by ? "this fault needs an amount: by TIME" : "this fault has no `by`", word);
    *f = got;
    return SMX_OK;
}

void smx_fault_write(const struct smx_fault *f, char out[SMX_SCENARIO_WHY])
{
    const struct smx_fault_form *form = &smx_fault_forms[f->kind];
    char text[SMX_UNITS_TEXT];
    int len = snprintf(out, SMX_SCENARIO_WHY, "%s", form->name);

#define ADD(...) len += snprintf(out + len, SMX_SCENARIO_WHY - (size_t)len, __VA_ARGS__)
    if (form->share) {
        smx_units_write_share(text, f->share);
        ADD(" %s", text);
    }
    if (form->relay && f->relay < SMX_FAULT_BUSY)
        ADD(" relay %" PRIu32, f->relay);
    else if (form->relay)
        ADD(" relay %s", f->relay == SMX_FAULT_ANY ? "any" : "busy");
    if (form->by) {
        smx_units_write_time(text, f->by);
        ADD(" by %s", text);
    }
    smx_units_write_time(text, f->at);
    ADD(" at %s", text);
    if (f->lasts > 0) {
        smx_units_write_time(text, f->lasts);
        ADD(" for %s", text);
    }
#undef ADD
}
