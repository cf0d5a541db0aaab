/*
 * Diamond-square on a torus, starting from one point at 0: on every level the middles of
 * squares, then the middles of their edges, are the mean of four neighbours and a uniform
 * number that shrinks by `decay` a level.
 *
 * Source: Fournier, Fussell, Carpenter 1982, doi:10.1145/358523.358553; constants and order
 * of draws as in make_imagenet_c.py.
 */
#include "noises/natural/parts.h"

struct level {
    double *map;
    int size, step, half;
    double wibble;
    const float *uniform; /* next unread */
};

static double *cell(const struct level *l, int row, int column)
{
    int mask = l->size - 1;
    return l->map + (size_t)(row & mask) * (size_t)l->size + (size_t)(column & mask);
}

static double wobble(struct level *l, double total)
{
    double u = (double)*l->uniform++;
    return total / 4 + l->wibble * (-l->wibble + (l->wibble + l->wibble) * u);
}

static void squares(struct level *l)
{
    for (int y = 0; y < l->size; y += l->step)
        for (int x = 0; x < l->size; x += l->step) {
            double left = *cell(l, y, x) + *cell(l, y + l->step, x);
            double right = *cell(l, y, x + l->step) + *cell(l, y + l->step, x + l->step);
            *cell(l, y + l->half, x + l->half) = wobble(l, left + right);
        }
}

/* Middles of horizontal edges, then of vertical ones. */
static void diamonds(struct level *l)
{
    int step = l->step, half = l->half;
    for (int y = 0; y < l->size; y += step)
        for (int x = 0; x < l->size; x += step) {
            double across = *cell(l, y + half, x + half) + *cell(l, y - half, x + half);
            double along = *cell(l, y, x) + *cell(l, y, x + step);
            *cell(l, y, x + half) = wobble(l, across + along);
        }
    for (int y = 0; y < l->size; y += step)
        for (int x = 0; x < l->size; x += step) {
            double across = *cell(l, y + half, x + half) + *cell(l, y + half, x - half);
            double along = *cell(l, y, x) + *cell(l, y + step, x);
            *cell(l, y + half, x) = wobble(l, across + along);
        }
}

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
    struct level level = {out->data, size, size, size / 2, 100, uniform};
    for (; level.step >= 2; level.step /= 2, level.half /= 2, level.wibble /= decay) {
        squares(&level);
        diamonds(&level);
    }
    scale_to_unit(out->data, (size_t)size * (size_t)size);
    return OK;
}
