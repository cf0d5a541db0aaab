/*
 * Diamond-square on a torus, starting from one point at 0: on every level the middles of
 * squares, then the middles of their edges, are the mean of four neighbours and a uniform
 * number that shrinks by `decay` a level.
 *
 * Source: Fournier, Fussell, Carpenter 1982, doi:10.1145/358523.358553; constants and order
 * of draws as in make_imagenet_c.py.
 */
#include "noises/natural/parts.h"

#include "base/simd.h"

struct level {
    double *map;
    int size, step, half;
    double wibble;
    const float *uniform; /* next unread */
};

static double *row_of(const struct level *l, int row)
{
    return l->map + (size_t)(row & (l->size - 1)) * (size_t)l->size;
}

static inline double wobble(double total, double wibble, const float *uniform)
{
    return total / 4 + wibble * (-wibble + (wibble + wibble) * (double)*uniform);
}

static void squares(struct level *l)
{
    int mask = l->size - 1, step = l->step, half = l->half;
    for (int y = 0; y < l->size; y += step) {
        const double *upper = row_of(l, y), *lower = row_of(l, y + step);
        double *middle = row_of(l, y + half);
        for (int x = 0; x < l->size; x += step) {
            int next = (x + step) & mask;
            double total = (upper[x] + lower[x]) + (upper[next] + lower[next]);
            middle[x + half] = wobble(total, l->wibble, l->uniform++);
        }
    }
}

/* Middles of horizontal edges, then of vertical ones. */
static void diamonds(struct level *l)
{
    int mask = l->size - 1, step = l->step, half = l->half;
    for (int y = 0; y < l->size; y += step) {
        const double *above = row_of(l, y - half), *below = row_of(l, y + half);
        double *row = row_of(l, y);
        for (int x = 0; x < l->size; x += step) {
            double across = below[x + half] + above[x + half];
            double total = across + (row[x] + row[(x + step) & mask]);
            row[x + half] = wobble(total, l->wibble, l->uniform++);
        }
    }
    for (int y = 0; y < l->size; y += step) {
        const double *upper = row_of(l, y), *lower = row_of(l, y + step);
        double *middle = row_of(l, y + half);
        for (int x = 0; x < l->size; x += step) {
            double across = middle[x + half] + middle[(x - half) & mask];
            double total = across + (upper[x] + lower[x]);
            middle[x] = wobble(total, l->wibble, l->uniform++);
        }
    }
}

SIMD_CLONES
static void scale_to_unit(double *map, size_t count)
{
    double low = map[0], high = map[0];
    for (size_t i = 1; i < count; i++) {
        low = map[i] < low ? map[i] : low;
        high = map[i] > high ? map[i] : high;
    }
    double range = high - low;
    for (size_t i = 0; i < count; i++)
        map[i] = range > 0 ? (map[i] - low) / range : 0;
}

enum status plasma_map(int size, double decay, const float *uniform, struct grid *out)
{
    enum status st = grid_init(out, size, size, 1);
    if (st)
        return st;
    out->data[0] = 0;
    struct level level = {out->data, size, size, size / 2, 100, uniform};
    for (; level.step >= 2; level.step /= 2, level.half /= 2, level.wibble /= decay) {
        squares(&level);
        diamonds(&level);
    }
    scale_to_unit(out->data, (size_t)size * (size_t)size);
    return OK;
}
