#include "sim/adversary/intersect.h"

#include "proto/base/time.h"
#include "sim/result.h"
#include "sim/scenario.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    DAY_H = 24,
    HOUR_S = 3600,
    WAIT_MAX = 4, /* times attach_s: a circuit that stands later is not waited for */
    STEPS = 8,    /* in a mean session: how finely he counts hours on line */
};

/* ---- presence: each user's next change, drawn as time passes ---- */

struct presence {
    bool stays, online;
    double change; /* h */
    double came;   /* h; of the last coming, before the start: -inf */
};

struct scene {
    const struct smx_intersect_config *config;
    struct smx_rng *rng;
    struct presence *user; /* user 0 is the target */
    bool *candidate;
    double now; /* h */
};

static double uniform(struct smx_rng *rng) /* above 0, below 1 */
{
    return ((double)smx_rng_u32(rng) + 0.5) / 4294967296.0;
}

static double draw_exp(struct smx_rng *rng, double mean)
{
    return -mean * log(uniform(rng));
}

static double draw_time(struct scene *s, bool online)
{
    return draw_exp(s->rng, online ? s->config->online_h : s->config->offline_h);
}

static void begin(struct scene *s, const struct smx_intersect_config *config, struct smx_rng *rng)
{
    double share = config->online_h / (config->online_h + config->offline_h);
    size_t stay = (size_t)lround(config->always * (double)config->users);

    *s = (struct scene){.config = config,
                        .rng = rng,
                        .user = calloc(config->users, sizeof *s->user),
                        .candidate = calloc(config->users, sizeof *s->candidate)};
    if (!s->user || !s->candidate)
        abort();
    for (size_t i = 0; i < config->users; i++) {
        struct presence *p = &s->user[i];

        p->stays = i == 0 ? config->target_stays : i <= stay - (stay > 0 && config->target_stays);
        p->online = p->stays || uniform(rng) < share;
        p->change = p->stays ? INFINITY : draw_time(s, p->online);
        p->came = -INFINITY;
        s->candidate[i] = true;
    }
}

static void end(struct scene *s)
{
    free(s->user);
    free(s->candidate);
}

static void advance(struct scene *s, double to)
{
    for (size_t i = 0; i < s->config->users; i++) {
        struct presence *p = &s->user[i];

        while (p->change <= to) {
            p->online = !p->online;
            if (p->online)
                p->came = p->change;
            p->change += draw_time(s, p->online);
        }
    }
    s->now = to;
}

static size_t strike(struct scene *s, bool (*fits)(const struct scene *s, const struct presence *p))
{
    size_t left = 0;

    for (size_t i = 0; i < s->config->users; i++) {
        s->candidate[i] = s->candidate[i] && fits(s, &s->user[i]);
        left += s->candidate[i];
    }
    return left;
}

/* ---- questions that strike out ---- */

static bool as_the_target(const struct scene *s, const struct presence *p)
{
    return p->online == s->user[0].online;
}

static bool is_online(const struct scene *s, const struct presence *p)
{
    (void)s;
    return p->online;
}

/* Now the listening circuit stands. */
static bool came_just_now(const struct scene *s, const struct presence *p)
{
    return p->online && s->now - p->came <= WAIT_MAX * s->config->attach_s / HOUR_S;
}

/* The target's next call, or coming, after now; INFINITY: none. */
static double next_call(struct scene *s, double calls_day)
{
    double at = s->now;

    do { /* he calls only while he is there */
        at += draw_exp(s->rng, DAY_H / calls_day);
        if (at > s->config->days * (double)DAY_H)
            return INFINITY;
        advance(s, at);
    } while (!s->user[0].online);
    return at;
}

static double next_coming(struct scene *s)
{
    double wait, last = s->user[0].came;

    while (s->user[0].came <= last || !s->user[0].online) {
        if (s->user[0].change > s->config->days * (double)DAY_H)
            return INFINITY;
        advance(s, s->user[0].change);
    }
    wait = fmin(draw_exp(s->rng, s->config->attach_s), WAIT_MAX * s->config->attach_s) / HOUR_S;
    advance(s, s->user[0].came + wait);
    return s->user[0].online ? s->now : next_coming(s);
}

static void strike_out(struct smx_intersect_answer *answer, struct scene *s,
                       enum smx_intersect_question question)
{
    answer->left = s->config->users;
    for (;;) {
        double at = question == SMX_ASK_PARTNER     ? next_call(s, s->config->calls_day)
                    : question == SMX_ASK_ATTACHING ? next_coming(s)
                                                    : s->now + s->config->poll_h;

        if (at > s->config->days * (double)DAY_H)
            break;
        advance(s, at);
        answer->rounds++;
        answer->left = strike(s, question == SMX_ASK_PARTNER     ? is_online
                                 : question == SMX_ASK_ATTACHING ? came_just_now
                                                                 : as_the_target);
        answer->days = at / DAY_H;
        if (answer->left == 1) {
            answer->found = true;
            return;
        }
    }
    answer->days = s->config->days;
}

/* ---- statistical disclosure ---- */

struct score {
    double rounds, hours; /* on line in so many rounds, and for so long in all */
};

/* How much oftener than by chance, in standard deviations. */
static double lead(const struct score *c, double rounds, double hours)
{
    double share = fmin(fmax(c->hours / hours, 1e-6), 1 - 1e-6);

    return (c->rounds - rounds * share) / sqrt(rounds * share * (1 - share));
}

static size_t count_leaders(const struct score *score, size_t users, double rounds, double hours)
{
    double target = lead(&score[0], rounds, hours);
    size_t left = 0;

    for (size_t i = 0; i < users; i++)
        left += lead(&score[i], rounds, hours) >= target;
    return left;
}

/* To a time, and the hours that each is on line until then.  A step is short against sessions; of two changes
 * within one he sees the first. */
static void advance_counting(struct scene *s, struct score *score, double to)
{
    for (size_t i = 0; i < s->config->users; i++) {
        const struct presence *p = &s->user[i];
        double change = fmin(p->change, to);

        score[i].hours += p->online ? change - s->now : to - change;
    }
    advance(s, to);
}

static void disclose(struct smx_intersect_answer *answer, struct scene *s)
{
    const struct smx_intersect_config *c = s->config;
    struct score *score = calloc(c->users, sizeof *score);
    double end_h = c->days * (double)DAY_H, step = fmin(c->online_h, c->offline_h) / STEPS;
    double all_day = c->calls_day + c->others_day, call = draw_exp(s->rng, DAY_H / all_day);
    unsigned rounds = 0;

    if (!score)
        abort();
    answer->left = c->users;
    while (s->now < end_h) {
        double to = fmin(fmin(s->now + step, call), end_h);

        advance_counting(s, score, to);
        if (to < call)
            continue;
        call = s->now + draw_exp(s->rng, DAY_H / all_day);
        if (uniform(s->rng) * all_day < c->calls_day && !s->user[0].online)
            continue;                         /* it would have been his call, and he isn't there */
        for (size_t i = 0; i < c->users; i++) /* whoever else calls: his being there says nothing of others */
            score[i].rounds += s->user[i].online;
        rounds++;
        answer->left = count_leaders(score, c->users, rounds, s->now);
        if (answer->left == 1 && !answer->found) {
            answer->rounds = rounds;
            answer->days = s->now / DAY_H;
        }
        answer->found = answer->left == 1;
    }
    if (!answer->found) {
        answer->rounds = rounds;
        answer->days = c->days;
    }
    free(score);
}

void smx_intersect_run(struct smx_intersect_answer *answer, enum smx_intersect_question question,
                       const struct smx_intersect_config *config, struct smx_rng *rng)
{
    struct scene s;

    memset(answer, 0, sizeof *answer);
    begin(&s, config, rng);
    if (question == SMX_ASK_CONTACT)
        disclose(answer, &s);
    else
        strike_out(answer, &s, question);
    end(&s);
}

/* ---- the attack ---- */

enum { USERS = 100, TARGETS = 50, DAYS = 30 };

static const struct {
    const char *found, *rounds, *days, *says_found, *says_rounds, *says_days;
} text[SMX_INTERSECT_QUESTIONS] = {
    [SMX_ASK_HOLDER] = {"holder_found", "holder_rounds", "holder_days",
                        "pseudonyms whose holder was the only one left",
                        "hourly calls to the pseudonym until then, of those found", "days until then"},
    [SMX_ASK_ATTACHING] = {"attaching_found", "attaching_rounds", "attaching_days",
                           "the same, for the introduction relay that sees its listening circuit come",
                           "comings until then, of those found", "days until then"},
    [SMX_ASK_PARTNER] = {"partner_found", "partner_rounds", "partner_days",
                         "callers who were the only one left that was on line at each of their calls",
                         "calls until then, of those found", "days until then"},
    [SMX_ASK_CONTACT] = {"contact_found", "contact_rounds", "contact_days",
                         "frequent callers who lead among all users, by the introduction relay's count",
                         "calls of all callers until then, of those found", "days until then"},
};

static void tell(struct smx_attack_result *r, enum smx_intersect_question q,
                 const struct smx_intersect_answer *a)
{
    smx_figures_add(&r->figures, text[q].found, a->found, "share", text[q].says_found);
    if (!a->found)
        return;
    smx_figures_add(&r->figures, text[q].rounds, a->rounds, "rounds", text[q].says_rounds);
    smx_figures_add(&r->figures, text[q].days, a->days, "days", text[q].says_days);
}

/* All who are left are as likely. */
static void tell_set(struct smx_attack_result *r, size_t left, size_t users)
{
    double weight[USERS];

    for (size_t i = 0; i < users; i++)
        weight[i] = i < left;
    smx_attack_set(r, weight, users);
}

static void alone(const struct smx_scenario *scenario, uint64_t seed, const char *arm,
                  struct smx_attack_result *r)
{
    bool churn = strcmp(arm, "churn") == 0, mixed = strcmp(arm, "mixed") == 0;
    struct smx_intersect_config config = {.users = USERS,
                                          .always = churn   ? 0
                                                    : mixed ? 0.5
                                                            : 1,
                                          .target_stays = !churn,
                                          .online_h = 4,
                                          .offline_h = 8,
                                          .poll_h = 1,
                                          .calls_day = 1,
                                          .others_day = 3,
                                          .attach_s = 5,
                                          .days = DAYS};
    uint8_t bytes[SMX_RNG_SEED] = "intersect";
    struct smx_rng rng;

    if (scenario && scenario->churn.on > 0 && scenario->churn.off > 0) {
        config.online_h = (double)scenario->churn.on / (double)SMX_SECOND(HOUR_S);
        config.offline_h = (double)scenario->churn.off / (double)SMX_SECOND(HOUR_S);
    }
    memcpy(bytes + 16, &seed, sizeof seed);
    bytes[31] = (uint8_t)arm[0];
    smx_rng_init(&rng, bytes);
    snprintf(r->name, sizeof r->name, "intersect");
    snprintf(r->arm, sizeof r->arm, "%s", arm);
    snprintf(r->says, sizeof r->says,
             "the caller is named, of %d users, from who was on line at each of his calls in %d days", USERS,
             DAYS);
    r->is_control = churn;
    for (unsigned i = 0; i < TARGETS; i++)
        for (int q = 0; q < SMX_INTERSECT_QUESTIONS; q++) {
            struct smx_intersect_answer a;

            smx_intersect_run(&a, (enum smx_intersect_question)q, &config, &rng);
            tell(r, (enum smx_intersect_question)q, &a);
            if (q != SMX_ASK_PARTNER)
                continue;
            /* he names one of those left; the target is always among them */
            smx_attack_trial(r, smx_rng_below(&rng, (uint32_t)a.left) == 0, 1.0 / USERS);
            tell_set(r, a.left, USERS);
        }
    smx_rng_fini(&rng);
}

static const char *const arms[] = {SMX_ARM_ON, "mixed", "churn", NULL};

const struct smx_attack smx_attack_intersect = {
    .name = "intersect",
    .does = "strikes out who was not on line when the target called, could be reached, or came",
    .arms = arms,
    .alone = alone,
};
