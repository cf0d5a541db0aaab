#include "noises/system/resize/separable.h"

#include "base/mem.h"
#include "base/simd.h"

#include <math.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

enum status taps_init(struct taps *taps, int count, int room)
{
    size_t all = (size_t)count * (size_t)room;
    *taps = (struct taps){count, room, mem_try(all, sizeof *taps->at),
                          mem_try((size_t)count, sizeof *taps->used),
                          mem_try(all, sizeof *taps->weights)};
    if (taps->at && taps->used && taps->weights)
        return OK;
    return status_fail(ERR_NOMEM, "resize: no memory for %zu weights", all);
}

void taps_clear(struct taps *taps)
{
    free(taps->at);
    free(taps->used);
    free(taps->weights);
    *taps = (struct taps){0};
}

void taps_add(struct taps *taps, int i, int at, float weight)
{
    size_t k = (size_t)i * (size_t)taps->room + (size_t)taps->used[i]++;
    taps->at[k] = at;
    taps->weights[k] = weight;
}

void taps_between(struct taps *taps, int i, int in, int at, float fraction)
{
    taps_add(taps, i, at, 1 - fraction);
    taps_add(taps, i, at + 1 < in ? at + 1 : in - 1, fraction);
}

enum status taps_antialiased(int in, int out, int first, int count, float support,
                             float (*kernel)(float), struct taps *taps)
{
    float scale = (float)in / (float)out;
    float reach = scale >= 1 ? support * scale : support;
    float shrink = scale >= 1 ? 1 / scale : 1;
    enum status st = taps_init(taps, count, (int)ceilf(reach) * 2 + 1);
    for (int i = 0; !st && i < count; i++) {
        float centre = scale * ((float)(first + i) + 0.5f), sum = 0;
        int low = (int)(centre - reach + 0.5f), high = (int)(centre + reach + 0.5f);
        low = low < 0 ? 0 : low;
        high = high > in ? in : high;
        for (int k = low; k < high; k++) {
            float w = kernel(((float)k - centre + 0.5f) * shrink);
            taps_add(taps, i, k, w);
            sum += w;
        }
        for (int k = 0; k < taps->used[i] && sum != 0; k++)
            taps->weights[(size_t)i * (size_t)taps->room + (size_t)k] /= sum;
    }
    return st;
}

/* ---- sRGB (IEC 61966-2-1) to light and back ---- */

static float light_of[256], same[256];
static float threshold[256]; /* light from which on a level is nearer than the one below */

static double srgb_to_light(double v)
{
    return v <= 0.04045 ? v / 12.92 : pow((v + 0.055) / 1.055, 2.4);
}

static void fill_tables(void)
{
    for (int i = 0; i < 256; i++) {
        same[i] = (float)i;
        light_of[i] = (float)srgb_to_light(i / 255.0);
        threshold[i] = (float)srgb_to_light((i - 0.5) / 255.0);
    }
    threshold[0] = -INFINITY;
}

static uint8_t level_of(float light)
{
    int low = 0; /* the highest level whose threshold is not above */
    for (int step = 128; step; step /= 2)
        if (low + step < 256 && light >= threshold[low + step])
            low += step;
    return (uint8_t)low;
}

/* ---- the sums ---- */

/* The k-th tap in the order of adding. */
static inline int order_of(int k, int used, bool second)
{
    return second && used > 1 && k < 2 ? 1 - k : k;
}

static inline float add(float sum, float value, float weight, bool fused)
{
    return fused ? fmaf(value, weight, sum) : sum + value * weight;
}

static inline __attribute__((always_inline)) void sums_of_row(const struct taps *xs,
                                                              const uint8_t *row,
                                                              const float *value, bool fused,
                                                              bool second, float *sums)
{
    for (int i = 0; i < xs->count; i++) {
        const int *at = xs->at + (size_t)i * (size_t)xs->room;
        const float *w = xs->weights + (size_t)i * (size_t)xs->room;
        int used = xs->used[i], first = order_of(0, used, second);
        const uint8_t *p = row + 3 * (size_t)at[first];
        float r = value[p[0]] * w[first], g = value[p[1]] * w[first], b = value[p[2]] * w[first];
        for (int k = 1; k < used; k++) {
            int tap = order_of(k, used, second);
            p = row + 3 * (size_t)at[tap];
            r = add(r, value[p[0]], w[tap], fused);
            g = add(g, value[p[1]], w[tap], fused);
            b = add(b, value[p[2]], w[tap], fused);
        }
        sums[3 * i] = r;
        sums[3 * i + 1] = g;
        sums[3 * i + 2] = b;
    }
}

static void row_plain(const struct taps *xs, const uint8_t *row, const float *value, float *sums)
{
    sums_of_row(xs, row, value, false, false, sums);
}

/* Cloned, so that the fused step is one instruction where there is one. */
SIMD_CLONES
static void row_fused(const struct taps *xs, const uint8_t *row, bool second, float *sums)
{
    sums_of_row(xs, row, same, true, second, sums);
}

SIMD_CLONES
static void first_row(const float *row, float weight, int n, float *sum)
{
    for (int i = 0; i < n; i++)
        sum[i] = row[i] * weight;
}

SIMD_CLONES
static void next_row(const float *row, float weight, int n, float *sum)
{
    for (int i = 0; i < n; i++)
        sum[i] += row[i] * weight;
}

SIMD_CLONES
static void next_row_fused(const float *row, float weight, int n, float *sum)
{
    for (int i = 0; i < n; i++)
        sum[i] = fmaf(row[i], weight, sum[i]);
}

static void finish_row(const float *sum, int n, enum sums sums, uint8_t *out)
{
    for (int i = 0; i < n; i++) {
        if (sums == SUMS_LIGHT) {
            out[i] = level_of(sum[i]);
        } else {
            float v = rintf(sum[i]);
            out[i] = (uint8_t)(v < 0 ? 0 : v > 255 ? 255 : v);
        }
    }
}

/* The row sums of a few source rows: row y lives in slot y mod `slots`. */
struct rows {
    int slots, width; /* in values */
    int *at;
    float *sums;      /* [slots][width], then the sum of the row in work */
};

static enum status rows_init(struct rows *rows, int slots, int width)
{
    rows->slots = slots;
    rows->width = width;
    rows->at = mem_try((size_t)slots, sizeof *rows->at);
    rows->sums = mem_try(((size_t)slots + 1) * (size_t)width, sizeof *rows->sums);
    if (!rows->at || !rows->sums)
        return status_fail(ERR_NOMEM, "resize: no memory for %d rows", slots);
    for (int i = 0; i < slots; i++)
        rows->at[i] = -1;
    return OK;
}

/* The sums of source row y over columns, computed or kept. */
static const float *rows_get(struct rows *rows, const struct image *in, const struct taps *xs,
                             int y, enum sums sums)
{
    int slot = y % rows->slots;
    float *row = rows->sums + (size_t)slot * (size_t)rows->width;
    if (rows->at[slot] != y && (sums == SUMS_PLAIN || sums == SUMS_LIGHT))
        row_plain(xs, image_row(in, y), sums == SUMS_LIGHT ? light_of : same, row);
    else if (rows->at[slot] != y)
        row_fused(xs, image_row(in, y), sums == SUMS_FUSED_SECOND, row);
    rows->at[slot] = y;
    return row;
}

static void run(const struct image *in, const struct taps *xs, const struct taps *ys,
                struct rows *rows, enum sums sums, struct image *out)
{
    bool second = sums == SUMS_FUSED_SECOND, fused = second || sums == SUMS_FUSED;
    float *sum = rows->sums + (size_t)rows->slots * (size_t)rows->width;
    for (int y = 0; y < ys->count; y++) {
        for (int k = 0; k < ys->used[y]; k++) {
            size_t tap = (size_t)y * (size_t)ys->room + (size_t)order_of(k, ys->used[y], second);
            const float *row = rows_get(rows, in, xs, ys->at[tap], sums);
            if (k == 0)
                first_row(row, ys->weights[tap], rows->width, sum);
            else
                (fused ? next_row_fused : next_row)(row, ys->weights[tap], rows->width, sum);
        }
        finish_row(sum, rows->width, sums, image_row(out, y));
    }
}

enum status separable_apply(const struct image *in, const struct taps *xs, const struct taps *ys,
                            enum sums sums, struct image *out)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    struct rows rows = {0};
    pthread_once(&once, fill_tables);
    enum status st = rows_init(&rows, ys->room, 3 * xs->count);
    if (!st)
        st = image_init(out, xs->count, ys->count, 3);
    if (!st)
        run(in, xs, ys, &rows, sums, out);
    free(rows.at);
    free(rows.sums);
    return st;
}

enum status separable_resize(const struct image *in, int width, int height,
                             const struct rect *window, taps_rule *rule, enum sums sums,
                             struct image *out)
{
    struct rect all = {0, 0, width, height};
    struct taps xs = {0}, ys = {0};
    *out = (struct image){0};
    if (!window)
        window = &all;
    enum status st = rule(in->width, width, window->x, window->width, &xs);
    if (!st)
        st = rule(in->height, height, window->y, window->height, &ys);
    if (!st)
        st = separable_apply(in, &xs, &ys, sums, out);
    taps_clear(&xs);
    taps_clear(&ys);
    return st;
}
