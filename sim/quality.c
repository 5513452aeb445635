#include "sim/quality.h"

#include <math.h>
#include <stdlib.h>

void smx_hearing_init(struct smx_hearing *h)
{
    *h = (struct smx_hearing){0};
}

void smx_hearing_fini(struct smx_hearing *h)
{
    smx_spread_fini(&h->delay);
    smx_spread_fini(&h->step);
    smx_spread_fini(&h->silence);
}

static void end_run(struct smx_hearing *h)
{
    if (h->run >= SMX_SILENCE_FRAMES)
        smx_spread_add(&h->silence, h->run * SMX_FRAME_MS * 1000);
    h->run = 0;
}

static void judge_next(struct smx_hearing *h)
{
    if (h->frame[h->judged++ % SMX_HEARING_FRAMES].heard) {
        end_run(h);
        return;
    }
    h->lost++;
    h->runs += h->run++ == 0;
}

void smx_hearing_sent(struct smx_hearing *h, smx_time now)
{
    if (h->sent - h->judged == SMX_HEARING_FRAMES)
        judge_next(h);
    h->frame[h->sent % SMX_HEARING_FRAMES].sent = now;
    h->frame[h->sent++ % SMX_HEARING_FRAMES].heard = false;
}

static smx_time quickest(const struct smx_hearing *h)
{
    smx_time least = SMX_NEVER;

    for (size_t i = 0; i < SMX_BUFFER_MEMORY && i < h->came; i++)
        least = smx_time_min(least, h->transit[i]);
    return least;
}

/* Time against the frame before, as it comes: the sender's clock and ours are the same world's. */
static void measure_jitter(struct smx_hearing *h, smx_time sent, smx_time now)
{
    int64_t step = (int64_t)(now - h->last_came) - (int64_t)(sent - h->last_sent);

    if (h->came > 0) {
        step = step < 0 ? -step : step;
        h->jitter += step - ((h->jitter + 8) >> 4);
        smx_spread_add(&h->step, (uint64_t)step / 1000);
    }
    h->last_sent = sent;
    h->last_came = now;
}

void smx_hearing_came(struct smx_hearing *h, uint64_t number, smx_time now)
{
    size_t at = number % SMX_HEARING_FRAMES;
    smx_time transit, delay;

    if (number >= h->sent || number < h->judged || h->frame[at].heard || now < h->frame[at].sent)
        return;
    transit = now - h->frame[at].sent;
    measure_jitter(h, h->frame[at].sent, now);
    h->transit[h->came++ % SMX_BUFFER_MEMORY] = transit;
    if (transit > quickest(h) + SMX_MS(SMX_PHONE_BUFFER_MS)) {
        h->late++; /* and is not heard */
        return;
    }
    delay = transit + SMX_MS(SMX_FRAME_MS + SMX_PHONE_BUFFER_MS);
    h->frame[at].heard = true;
    h->heard++;
    h->delay_sum += delay;
    smx_spread_add(&h->delay, delay / 1000);
}

struct smx_heard smx_hearing_end(struct smx_hearing *h, smx_time now)
{
    struct smx_heard r = {.burst = 1};
    double share;

    while (h->judged < h->sent && (h->frame[h->judged % SMX_HEARING_FRAMES].heard ||
                                   h->frame[h->judged % SMX_HEARING_FRAMES].sent + SMX_SECOND(1) <= now))
        judge_next(h);
    end_run(h);
    for (uint64_t n = h->judged; n < h->sent; n++) /* heard ones behind one that was not waited for */
        r.frames += h->frame[n % SMX_HEARING_FRAMES].heard;
    r.frames += h->judged;
    r.jitter_ms = (double)h->jitter / 16 / 1e6;
    if (r.frames == 0)
        return r;
    share = (double)h->lost / (double)r.frames;
    r.loss = 100 * share;
    if (h->runs > 0) /* mean length of runs, over 1 / (1 - share), which it would be at random */
        r.burst = fmax(1, (double)h->lost / (double)h->runs * (1 - share));
    if (h->heard == 0) {
        r.rating = 0;
        r.mos = 1;
        return r;
    }
    r.ms = (double)h->delay_sum / (double)h->heard / 1e6;
    r.rating = smx_rating(r.ms, r.loss, r.burst);
    r.mos = smx_mos(r.rating);
    return r;
}

/* ---- into the result ---- */

static uint64_t whole(double value)
{
    return value > 0 ? (uint64_t)llround(value) : 0;
}

/* Its score; 0: not judged. */
static double add_direction(struct smx_result *r, struct smx_hearing *h, smx_time now, bool near)
{
    struct smx_heard heard = smx_hearing_end(h, now);

    r->tally[SMX_T_FRAMES_SENT] += heard.frames;
    r->tally[SMX_T_FRAMES_HEARD] += h->heard;
    r->tally[SMX_T_FRAMES_LATE] += h->late;
    if (heard.frames == 0)
        return 0;
    smx_spread_merge(&r->measure[SMX_M_LATENCY], &h->delay);
    if (near)
        smx_spread_merge(&r->measure[SMX_M_LATENCY_NEAR], &h->delay);
    smx_spread_merge(&r->measure[SMX_M_STEP], &h->step);
    smx_spread_merge(&r->measure[SMX_M_SILENCE], &h->silence);
    smx_spread_add(&r->measure[SMX_M_JITTER], whole(heard.jitter_ms * 1000));
    smx_spread_add(&r->measure[SMX_M_LOSS], whole(heard.loss * 10000));
    smx_spread_add(&r->measure[SMX_M_RATING], whole(heard.rating * 1000));
    smx_spread_add(&r->measure[SMX_M_MOS], whole(heard.mos * 1000));
    return heard.mos;
}

void smx_result_call(struct smx_result *r, struct smx_hearing *to_callee, struct smx_hearing *to_caller,
                     smx_time now, bool near)
{
    double there = add_direction(r, to_callee, now, near), back = add_direction(r, to_caller, now, near);

    if (there == 0 && back == 0)
        return;
    r->tally[SMX_T_CALLS_JUDGED]++;
    r->tally[SMX_T_CALLS_NEAR] += near;
    /* a direction in which nobody spoke takes nothing away from a call */
    r->tally[SMX_T_CALLS_GOOD] +=
        (there == 0 || there >= SMX_MOS_GOOD) && (back == 0 || back >= SMX_MOS_GOOD);
}
