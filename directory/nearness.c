#include "directory/nearness.h"

#include <stdlib.h>

/* A weight before it is set against the others' of its layer: 1 is this. */
#define ONE (UINT64_C(1) << 40)

static int ascending(const void *one, const void *other)
{
    const uint64_t *a = one, *b = other;

    return (*a > *b) - (*a < *b);
}

/* ---- how far a relay is from the others ---- */

struct far { /* tables by place */
    const struct smx_consensus *c;
    const struct smx_relaydesc *const *desc;
    uint32_t *far;    /* sum of medians, then their mean; 0: nobody says anything */
    uint32_t *layers; /* how many medians */
    uint64_t *sort;
};

static bool is_running(const struct smx_consensus *c, size_t place, enum smx_layer layer)
{
    return c->relay[place].layer == layer && c->relay[place].flags & SMX_RELAY_RUNNING;
}

/* Those who measure nothing, as older software does, have no say. */
static bool measures(const struct smx_relaydesc *desc)
{
    for (size_t i = 0; i < desc->report_count; i++)
        if (desc->report[i].rtt_ms > 0)
            return true;
    return false;
}

/* What the relay at `by` says of each of its neighbours, into every `step`th place of said.  Whom it has no
 * round trip to is far: nobody shall choose who speaks of him. */
static void hear(const struct far *f, size_t by, uint16_t *said, size_t step)
{
    const struct smx_relaydesc *d = f->desc[by];

    for (size_t i = 0; i < d->report_count; i++) {
        size_t about = smx_consensus_find(f->c, d->report[i].id);
        uint16_t rtt = d->report[i].rtt_ms;

        if (about != SMX_RELAY_NONE && rtt > 0 && smx_consensus_link_rate(f->c, by, about) > 0)
            said[about * step] = rtt < SMX_NEARNESS_FAR ? rtt : SMX_NEARNESS_FAR;
    }
    for (size_t i = 0; i < f->c->relay_count; i++)
        if (said[i * step] == 0 && smx_consensus_link_rate(f->c, by, i) > 0)
            said[i * step] = SMX_NEARNESS_FAR;
}

/* The upper median of what is not 0; 0: nothing is. */
static uint32_t median(const uint16_t *said, size_t count, uint64_t *sort)
{
    size_t n = 0;

    for (size_t i = 0; i < count; i++)
        if (said[i] > 0)
            sort[n++] = said[i];
    if (n == 0)
        return 0;
    qsort(sort, n, sizeof *sort, ascending);
    return (uint32_t)sort[n / 2];
}

/* What a relay says of itself counts nothing: each one's neighbours speak of it, those of each layer with one
 * voice. */
static enum smx_err hear_layer(struct far *f, enum smx_layer layer)
{
    size_t count = f->c->relay_count, voices = 0, voice = 0;
    uint16_t *said;

    for (size_t i = 0; i < count; i++)
        voices += is_running(f->c, i, layer) && measures(f->desc[i]);
    said = calloc(count * voices + 1, sizeof *said);
    if (!said)
        return SMX_E_MEMORY;
    for (size_t i = 0; i < count; i++)
        if (is_running(f->c, i, layer) && measures(f->desc[i]))
            hear(f, i, said + voice++, voices);
    for (size_t i = 0; i < count; i++) {
        uint32_t m = median(said + i * voices, voices, f->sort);

        f->far[i] += m;
        f->layers[i] += m > 0;
    }
    free(said);
    return SMX_OK;
}

/* Exits have no say: anybody can be many of these, and all ends meet them. */
static enum smx_err hear_all(struct far *f)
{
    enum smx_err err = SMX_OK;

    for (size_t layer = SMX_LAYER_GUARD; err == SMX_OK && layer <= SMX_LAYER_END; layer++)
        err = hear_layer(f, (enum smx_layer)layer);
    for (size_t i = 0; i < f->c->relay_count; i++)
        if (f->layers[i] > 0)
            f->far[i] /= f->layers[i];
    return err;
}

/* ---- what it weighs then ---- */

/* Known ones only, ascending; their number. */
static size_t sort_known(uint64_t *sorted, const uint32_t *far, size_t count)
{
    size_t known = 0;

    for (size_t i = 0; i < count; i++)
        if (far[i] > 0)
            sorted[known++] = far[i];
    qsort(sorted, known, sizeof *sorted, ascending);
    return known;
}

static uint64_t raw_weight(uint64_t nearest, uint64_t far, uint32_t strength)
{
    uint64_t w = ONE;

    while (strength-- > 0)
        w = w * (SMX_NEARNESS_HOP + nearest) / (SMX_NEARNESS_HOP + far);
    return w > 0 ? w : 1;
}

/* What no weight may exceed, so that none is more than SMX_WEIGHT_TIMES the mean of all when those above it
 * are cut to it.  With the k heaviest cut, most = times * (k * most + others) / count; k is the least that
 * leaves none of the others above it. */
static uint64_t most_of(const uint64_t *sorted, size_t count)
{
    uint64_t others = 0;

    for (size_t i = 0; i < count; i++)
        others += sorted[i];
    for (size_t k = 0; SMX_WEIGHT_TIMES * k < count; k++) {
        uint64_t most = SMX_WEIGHT_TIMES * others / (count - SMX_WEIGHT_TIMES * k);

        if (sorted[count - 1 - k] <= most)
            return most;
        others -= sorted[count - 1 - k];
    }
    return sorted[count - 1]; /* not reached: of one or two that are left, none is more than both */
}

enum smx_err smx_nearness_weights(uint32_t *weight, const uint32_t *far, size_t count, uint32_t strength)
{
    uint64_t *raw = calloc(2 * count + 1, sizeof *raw), *sorted = raw ? raw + count : NULL;
    uint64_t sum = 0, most, nearest, middling;
    size_t known;

    for (size_t i = 0; i < count; i++)
        weight[i] = SMX_WEIGHT;
    if (!raw)
        return SMX_E_MEMORY;
    known = sort_known(sorted, far, count);
    if (known == 0) {
        free(raw);
        return SMX_OK;
    }
    nearest = sorted[0];
    middling = sorted[known / 2];
    for (size_t i = 0; i < count; i++)
        raw[i] = sorted[i] = raw_weight(nearest, far[i] > 0 ? far[i] : middling, strength);
    qsort(sorted, count, sizeof *sorted, ascending);
    most = most_of(sorted, count);
    for (size_t i = 0; i < count; i++) {
        raw[i] = raw[i] < most ? raw[i] : most;
        sum += raw[i];
    }
    for (size_t i = 0; i < count; i++) {
        uint64_t mean = sum / count, w = (raw[i] * SMX_WEIGHT + mean / 2) / mean;

        weight[i] = w > 0 ? (uint32_t)w : 1; /* it can still be drawn, and is, where nothing else fits */
    }
    free(raw);
    return SMX_OK;
}

/* ---- a whole consensus ---- */

static enum smx_err weigh_layer(struct smx_consensus *c, const uint32_t *far, enum smx_layer layer,
                                uint32_t strength)
{
    size_t count = 0, at = 0;
    uint32_t *of = calloc(2 * c->relay_count + 1, sizeof *of), *weight = of ? of + c->relay_count : NULL;
    enum smx_err err;

    if (!of)
        return SMX_E_MEMORY;
    for (size_t i = 0; i < c->relay_count; i++)
        if (is_running(c, i, layer))
            of[count++] = far[i];
    err = smx_nearness_weights(weight, of, count, strength);
    for (size_t i = 0; err == SMX_OK && i < c->relay_count; i++)
        if (is_running(c, i, layer))
            c->relay[i].weight = weight[at++];
    free(of);
    return err;
}

enum smx_err smx_nearness_fill(struct smx_consensus *c, const struct smx_relaydesc *const *desc)
{
    const uint32_t strength[] = {[SMX_LAYER_GUARD] = c->params.nearness_guard,
                                 [SMX_LAYER_MIDDLE] = c->params.nearness,
                                 [SMX_LAYER_END] = c->params.nearness};
    size_t count = c->relay_count;
    struct far f = {c, desc, calloc(count + 1, sizeof *f.far), calloc(count + 1, sizeof *f.layers),
                    calloc(count + 1, sizeof *f.sort)};
    enum smx_err err = f.far && f.layers && f.sort ? SMX_OK : SMX_E_MEMORY;

    for (size_t i = 0; i < count; i++)
        c->relay[i].weight = SMX_WEIGHT;
    if (err == SMX_OK)
        err = hear_all(&f);
    for (size_t layer = 0; err == SMX_OK && layer < sizeof strength / sizeof strength[0]; layer++)
        err = weigh_layer(c, f.far, (enum smx_layer)layer, strength[layer]);
    free(f.far);
    free(f.layers);
    free(f.sort);
    return err;
}
