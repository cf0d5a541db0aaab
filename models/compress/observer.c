#include "models/compress/observer.h"

#include "base/mem.h"

#include <assert.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

const struct observer *observer_find(const char *name)
{
    for (size_t i = 0; observer_registry[i]; i++)
        if (!strcmp(observer_registry[i]->name, name))
            return observer_registry[i];
    return NULL;
}

static void keep_raw(struct statistics *s, const float *x, size_t count)
{
    bool all = s->raw_count == s->count;
    if (all && s->count + count <= STATISTICS_RAW) {
        s->raw = mem_grow(s->raw, s->raw_count + count, sizeof *s->raw);
        memcpy(s->raw + s->raw_count, x, count * sizeof *x);
        s->raw_count += count;
    } else {
        free(s->raw);
        s->raw = NULL;
        s->raw_count = 0;
    }
}

/* Twice as wide bins: neighbours join, the upper half empties. */
static void widen(uint64_t *bins)
{
    for (size_t i = 0; i < STATISTICS_BINS / 2; i++)
        bins[i] = bins[2 * i] + bins[2 * i + 1];
    memset(bins + STATISTICS_BINS / 2, 0, STATISTICS_BINS / 2 * sizeof *bins);
}

static void make_room(struct statistics *s, double largest)
{
    /* The first batch sets the width with a factor of two to spare; a power of two keeps
     * bins of different calibrations comparable. */
    if (s->width == 0 && largest > 0)
        s->width = exp2(ceil(log2(2 * largest / STATISTICS_BINS)));
    while (s->width > 0 && largest >= s->width * STATISTICS_BINS) {
        widen(s->positive);
        widen(s->negative);
        s->width *= 2;
    }
}

void statistics_add(struct statistics *s, const float *x, size_t count)
{
    for (size_t i = 0; i < count; i++)
        assert(isfinite(x[i]));
    if (!count)
        return;
    double low = (double)x[0], high = low;
    for (size_t i = 1; i < count; i++) {
        low = fmin(low, (double)x[i]);
        high = fmax(high, (double)x[i]);
    }
    keep_raw(s, x, count);
    make_room(s, fmax(-low, high));
    double per_bin = s->width > 0 ? 1 / s->width : 0;
    for (size_t i = 0; i < count; i++) {
        size_t bin = (size_t)(fabs((double)x[i]) * per_bin);
        (x[i] < 0 ? s->negative : s->positive)[bin]++;
    }

    bool first = s->batches++ == 0;
    s->low = first ? low : fmin(s->low, low);
    s->high = first ? high : fmax(s->high, high);
    s->mean_low = first ? low : 0.9 * s->mean_low + 0.1 * low;
    s->mean_high = first ? high : 0.9 * s->mean_high + 0.1 * high;
    s->count += count;
}

void statistics_clear(struct statistics *s)
{
    free(s->raw);
    *s = (struct statistics){0};
}

static double error_at(const struct grid *grid, double x, double p)
{
    double off = fabs(x - grid_decode(grid, grid_encode(grid, x)));
    return p == 2 ? off * off : pow(off, p);
}

double statistics_error(const struct statistics *s, const struct grid *grid, double p,
                        double enough)
{
    if (s->raw_count)
        return grid_error(grid, s->raw, s->raw_count, p, enough);
    double sum = 0;
    for (size_t i = 0; i < STATISTICS_BINS && sum <= enough; i++) {
        double centre = ((double)i + 0.5) * s->width;
        if (s->positive[i])
            sum += (double)s->positive[i] * error_at(grid, centre, p);
        if (s->negative[i])
            sum += (double)s->negative[i] * error_at(grid, -centre, p);
    }
    return sum;
}
