#include "sim/scenario.h"

#include "sim/city.h"
#include "sim/units.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

enum type { COUNT, PPM, TIME, SHARE, FACTOR, RATE, YES, CHOICE, TEXT, ATTACKS, FAULT };

#define FIELD(field) offsetof(struct smx_scenario, field)
#define KEY(name, type, field, preset, least, most, what)                                                    \
    {                                                                                                        \
        name, preset, what, type, FIELD(field), least, most, NULL                                            \
    }
#define CHOOSE(name, field, preset, choices, what)                                                           \
    {                                                                                                        \
        name, preset, what, CHOICE, FIELD(field), 0, 0, choices                                              \
    }
#define HOURS(h) ((h)*3600e9) /* ns */

const struct smx_scenario_key smx_scenario_keys[] = {
    KEY("about", TEXT, about, "", 0, 0, "a sentence or two for people"),
    CHOOSE("model", model, "cores", "cores events",
           "cores: the programs' cores and every datagram; events: only who is on line, and who calls whom"),
    KEY("relays", COUNT, relays, "9", 3, 1000, "relays; the directory deals them out to layers"),
    KEY("clients", COUNT, clients, "10", 2, 60000, "clients, each with one phone and one name"),
    KEY("slots", COUNT, slots, "2", 1, 4, "media slots of a client"),
    KEY("cities", COUNT, cities, "20", 1, SMX_CITIES,
        "clients stand in the first so many cities of the table, in turn"),
    KEY("relay_cities", COUNT, relay_cities, "20", 1, SMX_CITIES, "and relays in the first so many"),
    KEY("duration", TIME, duration, "60 s", 1e9, HOURS(24 * 366), "measured time"),
    KEY("settle", TIME, settle, "10 s", 0, HOURS(24),
        "between the moment when all clients are ready, and measured time"),
    KEY("relays_ahead", TIME, relays_ahead, "0 s", 0, HOURS(1),
        "relays run so long before clients begin, in the epoch before: their consensus knows what is near"),
    KEY("start", TIME, start, "5 s", 0, HOURS(1), "clients start within this time, evenly"),
    KEY("start_most", TIME, start_most, "300 s", 1e9, HOURS(24),
        "all clients must be ready so long after it"),
    KEY("cover", YES, cover, "yes", 0, 0, "no (a control): nodes send only what carries something"),
    CHOOSE("timetables", timetables, "fixed", "fixed off adaptive",
           "off, adaptive (controls): cells leave at once; by an offset that follows arrivals"),
    KEY("net.access", TIME, net.access, "5 ms", 0, 1e9, "one way between a client and its city"),
    KEY("net.site", TIME, net.site, "300 us", 0, 1e9, "the same for a relay"),
    KEY("net.stretch", FACTOR, net.stretch, "1.5", 1, 10, "length of a path, over the great circle's"),
    KEY("net.jitter", TIME, net.jitter, "200 us", 0, 1e9, "mean of the queueing tail on each path"),
    KEY("net.burst_every", TIME, net.burst_every, "0 s", 0, HOURS(24),
        "mean time between bursts of delay on a path; 0: none"),
    KEY("net.burst_length", TIME, net.burst_length, "200 ms", 0, HOURS(1), "mean length of a burst"),
    KEY("net.burst_height", TIME, net.burst_height, "20 ms", 0, 10e9,
        "delay at the beginning of a burst, falling to 0"),
    KEY("net.loss", SHARE, net.loss, "0 %", 0, 1, "of datagrams on each path, each by itself"),
    KEY("net.access_loss", SHARE, net.access_loss, "0 %", 0, 1,
        "on paths between clients and relays, on top"),
    KEY("net.burst_loss", SHARE, net.burst_loss, "0 %", 0, 0.5,
        "lost in runs (Gilbert-Elliott), in the mean"),
    KEY("net.burst_run", COUNT, net.burst_run, "4", 1, 1000, "mean length of such a run, datagrams"),
    KEY("net.reorder", SHARE, net.reorder, "0 %", 0, 1, "of datagrams that later ones overtake"),
    KEY("net.reorder_by", TIME, net.reorder_by, "10 ms", 0, 10e9, "so much later they come at most"),
    KEY("net.duplicate", SHARE, net.duplicate, "0 %", 0, 1, "of datagrams that come twice"),
    KEY("net.corrupt", SHARE, net.corrupt, "0 %", 0, 1, "of datagrams that come with a changed bit"),
    KEY("net.client_up", RATE, net.client_up, "0 bit/s", 0, 1e12,
        "a client's line, away from it; 0: no limit"),
    KEY("net.client_down", RATE, net.client_down, "0 bit/s", 0, 1e12, "and towards it"),
    KEY("net.relay_up", RATE, net.relay_up, "0 bit/s", 0, 1e12, "a relay's line, away from it"),
    KEY("net.queue", TIME, net.queue, "200 ms", 0, 10e9, "what would wait longer for a line is lost"),
    KEY("net.rebind_every", TIME, net.rebind_every, "0 s", 0, HOURS(24 * 30),
        "mean time between changes of a client's address by a NAT; 0: none"),
    KEY("net.skew", PPM, net.skew_ppm, "50 ppm", 0, 1000,
        "nodes' clocks run wrong by up to so much, either way"),
    KEY("calls.concurrent", COUNT, calls.concurrent, "2", 0, 30000,
        "calls under way in the mean; arrivals are Poisson"),
    KEY("calls.hold", TIME, calls.hold, "180 s", 1e9, HOURS(24), "mean holding time, log-normal"),
    KEY("calls.hold_sigma", FACTOR, calls.hold_sigma, "1", 0, 3, "standard deviation of its logarithm"),
    KEY("calls.ramp", TIME, calls.ramp, "5 s", 0, HOURS(1),
        "the calls of the beginning are placed within this time"),
    KEY("calls.answer", TIME, calls.answer, "2 s", 0, 60e9, "mean time for which a phone rings"),
    KEY("calls.unanswered", SHARE, calls.unanswered, "0 %", 0, 1, "of calls that nobody takes"),
    KEY("calls.contacts", COUNT, calls.contacts, "8", 2, 1000, "of a user: neighbours on a ring, by city"),
    KEY("calls.rewire", SHARE, calls.rewire, "10 %", 0, 1,
        "of contacts that are anybody instead (small world)"),
    KEY("calls.dtx", YES, calls.dtx, "no", 0, 0, "yes: phones send nothing while nobody speaks"),
    KEY("calls.talk", TIME, calls.talk, "1 s", 0, HOURS(1), "mean length of a spurt of speech"),
    KEY("calls.pause", TIME, calls.pause, "1.6 s", 0, HOURS(1), "and of a pause"),
    KEY("churn.share", SHARE, churn.share, "0 %", 0, 1,
        "of clients that come and go; the others are always on"),
    KEY("churn.on", TIME, churn.on, "2 h", 1e9, HOURS(24 * 30), "mean time on line"),
    KEY("churn.off", TIME, churn.off, "10 h", 1e9, HOURS(24 * 30), "and off line"),
    KEY("corrupt", SHARE, corrupt, "20 %", 0, 1,
        "of relays that an attack's adversary runs, where he has any"),
    KEY("attacks", ATTACKS, attack, "", 0, 0, "adversaries, in networks of their own after the measured run"),
    KEY("fault", FAULT, fault, "", 0, 0, "KIND [SHARE] [relay NUMBER|any|busy] [by TIME] at TIME [for TIME]"),
};

const size_t smx_scenario_key_count = sizeof smx_scenario_keys / sizeof smx_scenario_keys[0];

/* ---- words for people ---- */

void smx_scenario_allowed(const struct smx_scenario_key *key, char out[SMX_SCENARIO_WHY])
{
    char least[SMX_UNITS_TEXT], most[SMX_UNITS_TEXT];

    switch ((enum type)key->type) {
    case COUNT:
        snprintf(out, SMX_SCENARIO_WHY, "a number from %.0f to %.0f", key->least, key->most);
        return;
    case PPM:
        snprintf(out, SMX_SCENARIO_WHY, "a number of ppm from %.0f to %.0f, as 50 ppm", key->least,
                 key->most);
        return;
    case TIME:
        smx_units_write_time(least, (smx_time)key->least);
        smx_units_write_time(most, (smx_time)key->most);
        snprintf(out, SMX_SCENARIO_WHY, "a time from %s to %s, as 20 ms, 1.5 s, 3 min, 2 h or 30 d", least,
                 most);
        return;
    case SHARE:
        snprintf(out, SMX_SCENARIO_WHY, "a share from %g to %g, as 1.5 %% or 0.015", key->least, key->most);
        return;
    case FACTOR:
        snprintf(out, SMX_SCENARIO_WHY, "a number from %g to %g, as 1.5", key->least, key->most);
        return;
    case RATE:
        snprintf(out, SMX_SCENARIO_WHY, "a rate, as 512 kbit/s or 10 Mbit/s, or 0");
        return;
    case YES:
        snprintf(out, SMX_SCENARIO_WHY, "yes or no");
        return;
    case CHOICE:
        snprintf(out, SMX_SCENARIO_WHY, "one of: %s", key->choices);
        return;
    case TEXT:
        snprintf(out, SMX_SCENARIO_WHY, "a text of up to %d bytes", SMX_SCENARIO_ABOUT - 1);
        return;
    case ATTACKS:
        snprintf(out, SMX_SCENARIO_WHY, "names of attacks, or none; %d at most", SMX_SCENARIO_ATTACKS);
        return;
    case FAULT:
        snprintf(out, SMX_SCENARIO_WHY, "as crash relay 3 at 20 s for 10 s; or none; %d at most",
                 SMX_SCENARIO_FAULTS);
        return;
    }
}

/* Levenshtein's distance, as far as 40 letters. */
static size_t distance(const char *a, const char *b)
{
    size_t row[41], la = strlen(a), lb = strlen(b);

    la = la < 40 ? la : 40;
    lb = lb < 40 ? lb : 40;
    for (size_t j = 0; j <= lb; j++)
        row[j] = j;
    for (size_t i = 1; i <= la; i++) {
        size_t corner = row[0];

        row[0] = i;
        for (size_t j = 1; j <= lb; j++) {
            size_t change = corner + (a[i - 1] != b[j - 1]);

            corner = row[j];
            row[j] = row[j] + 1 < row[j - 1] + 1 ? row[j] + 1 : row[j - 1] + 1;
            row[j] = row[j] < change ? row[j] : change;
        }
    }
    return row[lb];
}

static enum smx_err unknown_key(const char *key, char why[SMX_SCENARIO_WHY])
{
    size_t least = SIZE_MAX;
    char nearest[64] = "";

    for (size_t i = 0; i < smx_scenario_key_count; i++)
        if (distance(key, smx_scenario_keys[i].name) < least) {
            least = distance(key, smx_scenario_keys[i].name);
            snprintf(nearest, sizeof nearest, "%s", smx_scenario_keys[i].name);
        }
    for (size_t i = 0; i < smx_param_count; i++) {
        char name[64];

        snprintf(name, sizeof name, "param.%s", smx_param_table[i].name);
        if (distance(key, name) < least) {
            least = distance(key, name);
            snprintf(nearest, sizeof nearest, "%s", name);
        }
    }
    snprintf(why, SMX_SCENARIO_WHY, "there is no key \"%.60s\"; is it %s?", key, nearest);
    return SMX_E_MALFORMED;
}

/* ---- setting ---- */

static bool within(const struct smx_scenario_key *key, double value)
{
    return value >= key->least && value <= key->most;
}

static bool put_u32(struct smx_scenario *s, const struct smx_scenario_key *key, uint64_t value, double scale)
{
    uint32_t small = (uint32_t)value;

    if (value > UINT32_MAX || !within(key, (double)value / scale))
        return false;
    memcpy((char *)s + key->offset, &small, sizeof small);
    return true;
}

static bool put_u64(struct smx_scenario *s, const struct smx_scenario_key *key, uint64_t value)
{
    if (!within(key, (double)value))
        return false;
    memcpy((char *)s + key->offset, &value, sizeof value);
    return true;
}

static bool put_choice(struct smx_scenario *s, const struct smx_scenario_key *key, const char *value)
{
    const char *at = key->choices;
    char word[SMX_SCENARIO_NAME];

    _Static_assert(sizeof(enum smx_model) == 4 && sizeof(enum smx_relay_timetables) == 4,
                   "choices are of one size");
    for (uint32_t i = 0; smx_units_word(&at, word, sizeof word); i++)
        if (strcmp(word, value) == 0) {
            memcpy((char *)s + key->offset, &i, sizeof i);
            return true;
        }
    return false;
}

static bool put_yes(struct smx_scenario *s, const struct smx_scenario_key *key, const char *value)
{
    bool yes = strcmp(value, "yes") == 0;

    memcpy((char *)s + key->offset, &yes, sizeof yes);
    return yes || strcmp(value, "no") == 0;
}

static bool put_text(struct smx_scenario *s, const struct smx_scenario_key *key, const char *value)
{
    size_t len = strlen(value);

    if (len >= SMX_SCENARIO_ABOUT)
        return false;
    memcpy((char *)s + key->offset, value, len + 1);
    return true;
}

static bool put_attacks(struct smx_scenario *s, const char *value)
{
    char word[SMX_SCENARIO_NAME];

    while (smx_units_word(&value, word, sizeof word)) {
        if (strcmp(word, "none") == 0) {
            s->attacks = 0;
            continue;
        }
        if (s->attacks == SMX_SCENARIO_ATTACKS)
            return false;
        memcpy(s->attack[s->attacks++], word, sizeof word);
    }
    return *value == '\0';
}

static bool put_value(struct smx_scenario *s, const struct smx_scenario_key *key, const char *value)
{
    uint64_t wide;
    uint32_t share;

    switch ((enum type)key->type) {
    case COUNT:
        return smx_units_count(&value, &wide) && !*value && put_u32(s, key, wide, 1);
    case PPM:
        return smx_units_count(&value, &wide) && (!*value || strcmp(value, "ppm") == 0) &&
               put_u32(s, key, wide, 1);
    case TIME:
        return smx_units_time(&value, &wide) && !*value && put_u64(s, key, wide);
    case SHARE:
        return smx_units_share(&value, &share) && !*value && put_u32(s, key, share, SMX_MILLION);
    case FACTOR:
        return smx_units_factor(&value, &share) && !*value && put_u32(s, key, share, SMX_MILLION);
    case RATE:
        return smx_units_rate(&value, &wide) && !*value && put_u64(s, key, wide);
    case YES:
        return put_yes(s, key, value);
    case CHOICE:
        return put_choice(s, key, value);
    case TEXT:
        return put_text(s, key, value);
    case ATTACKS:
        return put_attacks(s, value);
    case FAULT:
        break; /* set_fault */
    }
    return false;
}

static enum smx_err set_fault(struct smx_scenario *s, const char *value, char why[SMX_SCENARIO_WHY])
{
    enum smx_err err;

    if (strcmp(value, "none") == 0) {
        s->faults = 0;
        return SMX_OK;
    }
    if (s->faults == SMX_SCENARIO_FAULTS) {
        snprintf(why, SMX_SCENARIO_WHY, "there are more than %d faults", SMX_SCENARIO_FAULTS);
        return SMX_E_MALFORMED;
    }
    err = smx_fault_read(&s->fault[s->faults], value, why);
    s->faults += err == SMX_OK;
    return err;
}

static enum smx_err set_param(struct smx_scenario *s, const char *key, const char *value,
                              char why[SMX_SCENARIO_WHY])
{
    const struct smx_param_def *def = smx_param_find(key + strlen("param."));
    const char *at = value;
    uint64_t number;

    if (!def)
        return unknown_key(key, why);
    if (smx_units_count(&at, &number) && !*at && smx_param_set(&s->params, def, number) == SMX_OK)
        return SMX_OK;
    snprintf(why, SMX_SCENARIO_WHY, "%.60s: \"%.60s\" is not a number from %" PRIu32 " to %" PRIu32 " (%s)",
             key, value, def->min, def->max, def->what);
    return SMX_E_MALFORMED;
}

enum smx_err smx_scenario_set(struct smx_scenario *s, const char *key, const char *value,
                              char why[SMX_SCENARIO_WHY])
{
    struct smx_scenario set;
    char allowed[SMX_SCENARIO_WHY];
    size_t i = 0;

    if (strncmp(key, "param.", strlen("param.")) == 0)
        return set_param(s, key, value, why);
    while (i < smx_scenario_key_count && strcmp(smx_scenario_keys[i].name, key) != 0)
        i++;
    if (i == smx_scenario_key_count)
        return unknown_key(key, why);
    if (smx_scenario_keys[i].type == FAULT)
        return set_fault(s, value, why);
    set = *s; /* so that a value that is not allowed changes nothing */
    if (put_value(&set, &smx_scenario_keys[i], value)) {
        *s = set;
        return SMX_OK;
    }
    smx_scenario_allowed(&smx_scenario_keys[i], allowed);
    snprintf(why, SMX_SCENARIO_WHY, "%s: \"%.60s\" is not %.200s", key, value, allowed);
    return SMX_E_MALFORMED;
}

void smx_scenario_preset(struct smx_scenario *s)
{
    char why[SMX_SCENARIO_WHY];

    memset(s, 0, sizeof *s);
    smx_params_preset(&s->params);
    s->params.private_addresses = 1; /* the world's addresses are private, and all in one network */
    s->params.distinct_subnets = 0;
    s->params.claim_work_bits = 6; /* work costs time and shows nothing here */
    for (size_t i = 0; i < smx_scenario_key_count; i++)
        if (smx_scenario_keys[i].type != FAULT)
            (void)!smx_scenario_set(s, smx_scenario_keys[i].name, smx_scenario_keys[i].preset, why);
}

/* ---- texts ---- */

/* Cuts blanks at both ends of [at, end); writes the NUL. */
static char *trim(char *at, char *end)
{
    at += strspn(at, " \t");
    while (end > at && strchr(" \t\r", end[-1]))
        end--;
    *end = '\0';
    return at;
}

static enum smx_err read_line(struct smx_scenario *s, char *line, char why[SMX_SCENARIO_WHY])
{
    char *equals = strchr(line, '='), *end = line + strlen(line), *value;

    line = trim(line, equals ? equals : end);
    if (line[0] == '#' || (line[0] == '\0' && !equals))
        return SMX_OK;
    if (!equals) {
        snprintf(why, SMX_SCENARIO_WHY, "expected KEY = VALUE, not \"%.60s\"", line);
        return SMX_E_MALFORMED;
    }
    value = trim(equals + 1, end);
    return smx_scenario_set(s, line, value, why);
}

enum smx_err smx_scenario_read(struct smx_scenario *s, const char *text, char why[SMX_SCENARIO_WHY])
{
    char copy[SMX_SCENARIO_TEXT], cause[SMX_SCENARIO_WHY];
    char *line = copy;

    smx_scenario_preset(s);
    if (strlen(text) >= sizeof copy) {
        snprintf(why, SMX_SCENARIO_WHY, "a scenario has at most %d bytes", SMX_SCENARIO_TEXT - 1);
        return SMX_E_MALFORMED;
    }
    memcpy(copy, text, strlen(text) + 1);
    for (unsigned number = 1; line; number++) {
        char *end = strchr(line, '\n');

        if (end)
            *end = '\0';
        if (read_line(s, line, cause) != SMX_OK) {
            snprintf(why, SMX_SCENARIO_WHY, "line %u: %.300s", number, cause);
            return SMX_E_MALFORMED;
        }
        line = end ? end + 1 : NULL;
    }
    return SMX_OK;
}

/* ---- rules between keys ---- */

static const char *broken_rule(const struct smx_scenario *s)
{
    const char *why = NULL;

    if (smx_params_check(&s->params, &why) != SMX_OK)
        return why;
    if (s->slots > s->params.slots_max)
        return "slots is above param.slots_max";
    if (s->calls.contacts >= s->clients)
        return "calls.contacts must be below clients";
    if (2 * (uint64_t)s->calls.concurrent > s->clients)
        return "calls.concurrent needs two clients for each call";
    if (s->params.private_addresses == 0 || s->params.distinct_subnets == 1)
        return "the simulated world has private addresses of one network: param.private_addresses must be 1, "
               "param.distinct_subnets 0";
    for (size_t i = 0; i < s->faults; i++)
        if (s->fault[i].relay < SMX_FAULT_BUSY && s->fault[i].relay >= s->relays)
            return "a fault names a relay that is not there; the first is 0";
    return NULL;
}

/* Until the directory has heard what links carry, each has room for 12 slots at link_floor (DESIGN,
 * "Layers"): circuits that find none are refused, and clients never get ready. */
static bool has_room(const struct smx_scenario *s, char why[SMX_SCENARIO_WHY])
{
    uint64_t layer = s->relays / 3, neighbours = layer < s->params.fanout ? layer : s->params.fanout;
    uint64_t room = 12 * layer * neighbours, wanted = (uint64_t)s->clients * (s->slots + 1);

    if (s->model == SMX_MODEL_EVENTS || wanted <= room * s->params.link_floor)
        return true;
    snprintf(
        why, SMX_SCENARIO_WHY,
        "links have no room for the circuits of so many clients: param.link_floor must be at least %" PRIu64,
        (wanted + room - 1) / room);
    return false;
}

enum smx_err smx_scenario_check(const struct smx_scenario *s, char why[SMX_SCENARIO_WHY])
{
    const char *broken = broken_rule(s);

    if (!broken)
        return has_room(s, why) ? SMX_OK : SMX_E_MALFORMED;
    snprintf(why, SMX_SCENARIO_WHY, "%s", broken);
    return SMX_E_MALFORMED;
}

void smx_scenario_value(const struct smx_scenario *s, const struct smx_scenario_key *key,
                        char out[SMX_SCENARIO_ABOUT])
{
    const char *at = (const char *)s + key->offset, *choice = key->choices;
    uint32_t small = 0;
    uint64_t wide = 0;
    bool yes = false;

    out[0] = '\0';
    switch ((enum type)key->type) {
    case COUNT:
    case PPM:
        memcpy(&small, at, sizeof small);
        snprintf(out, SMX_SCENARIO_ABOUT, key->type == PPM ? "%" PRIu32 " ppm" : "%" PRIu32, small);
        return;
    case TIME:
        memcpy(&wide, at, sizeof wide);
        smx_units_write_time(out, wide);
        return;
    case SHARE:
        memcpy(&small, at, sizeof small);
        smx_units_write_share(out, small);
        return;
    case FACTOR:
        memcpy(&small, at, sizeof small);
        smx_units_write_factor(out, small);
        return;
    case RATE:
        memcpy(&wide, at, sizeof wide);
        smx_units_write_rate(out, wide);
        return;
    case YES:
        memcpy(&yes, at, sizeof yes);
        snprintf(out, SMX_SCENARIO_ABOUT, "%s", yes ? "yes" : "no");
        return;
    case CHOICE:
        memcpy(&small, at, sizeof small);
        do
            smx_units_word(&choice, out, SMX_SCENARIO_NAME);
        while (small-- > 0);
        return;
    case TEXT:
        memcpy(out, at, SMX_SCENARIO_ABOUT);
        return;
    case ATTACKS:
    case FAULT:
        return;
    }
}
