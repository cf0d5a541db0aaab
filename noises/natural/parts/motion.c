#include "noises/natural/parts.h"

#include "base/mem.h"
#include "base/simd.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

typedef double vec8 __attribute__((vector_size(64)));

/* out[i] = w[0] tap[0][i] + w[1] tap[1][i] + ..., in this order. */
SIMD_CLONES
static void weigh(const double *const *tap, const double *w, int taps, size_t count,
                  double *restrict out)
{
    size_t i = 0;
    for (; i + 32 <= count; i += 32) {
        vec8 sum[4] = {{0}};
        for (int k = 0; k < taps; k++)
            for (int j = 0; j < 4; j++) {
                vec8 x;
                memcpy(&x, tap[k] + i + 8 * j, sizeof x);
                sum[j] += x * w[k];
            }
        memcpy(out + i, sum, sizeof sum);
    }
    for (; i < count; i++) {
        double sum = 0;
        for (int k = 0; k < taps; k++)
            sum += tap[k][i] * w[k];
        out[i] = sum;
    }
}

enum { MAX_TAPS = 64 };

struct taps {
    int count;
    double weight[MAX_TAPS];
    int dx[MAX_TAPS], dy[MAX_TAPS];
    int left, right, top, bottom; /* how far they reach */
};

static int farther(int a, int b)
{
    return a > b ? a : b;
}

static void taps_make(struct taps *taps, const struct trail *trail)
{
    *taps = (struct taps){.count = 2 * (int)ceil(trail->radius) + 1};
    double width = taps->count, radians = trail->angle * (3.14159265358979323846 / 180.0);
    double sine = width * sin(radians), cosine = width * cos(radians);
    double length = hypot(sine, cosine), sigma = trail->sigma;
    for (int i = 0; i < taps->count; i++)
        taps->weight[i] = exp(-(double)(i * i) / (2.0 * (sigma * sigma))) /
                          (sqrt(2 * 3.14159265358979323846) * sigma);
    double sum = numpy_sum(taps->weight, taps->count);
    for (int i = 0; i < taps->count; i++) {
        taps->weight[i] /= sum;
        taps->dy[i] = (int)ceil(i * sine / length - 0.5);
        taps->dx[i] = (int)ceil(i * cosine / length - 0.5);
        taps->left = farther(taps->left, -taps->dx[i]);
        taps->right = farther(taps->right, taps->dx[i]);
        taps->top = farther(taps->top, -taps->dy[i]);
        taps->bottom = farther(taps->bottom, taps->dy[i]);
    }
}

static int clamp(int i, int n)
{
    return i < 0 ? 0 : i >= n ? n - 1 : i;
}

/* The picture with its edges repeated as far as the taps reach to either side. */
static void extend_row(const struct grid *in, int y, const struct taps *taps, double *out)
{
    size_t pixel = (size_t)in->channels * sizeof *out;
    const double *row = in->data + (size_t)y * (size_t)in->width * (size_t)in->channels;
    double *to = out + taps->left * in->channels;
    memcpy(to, row, (size_t)in->width * pixel);
    for (int i = 1; i <= taps->left; i++)
        memcpy(to - i * in->channels, row, pixel);
    for (int i = 0; i < taps->right; i++)
        memcpy(to + (in->width + i) * in->channels, row + (in->width - 1) * in->channels,
               pixel);
}

enum status motion_trail(const struct grid *in, const struct trail *trail,
                         struct grid *out)
{
    struct taps taps;
    taps_make(&taps, trail);
    for (int i = 0; trail->stop && i < taps.count; i++)
        if (abs(taps.dy[i]) >= in->height || abs(taps.dx[i]) >= in->width)
            taps.count = i;
    struct grid wide = {0};
    enum status st =
        grid_init(&wide, in->width + taps.left + taps.right, in->height, in->channels);
    if (!st)
        st = grid_init(out, in->width, in->height, in->channels);
    if (!st) {
        size_t stride = (size_t)wide.width * (size_t)in->channels;
        size_t count = (size_t)in->width * (size_t)in->channels;
        for (int y = 0; y < in->height; y++)
            extend_row(in, y, &taps, wide.data + (size_t)y * stride);
        for (int y = 0; y < in->height; y++) {
            const double *tap[MAX_TAPS];
            for (int i = 0; i < taps.count; i++)
                tap[i] = wide.data + (size_t)clamp(y + taps.dy[i], in->height) * stride +
                         (taps.left + taps.dx[i]) * in->channels;
            weigh(tap, taps.weight, taps.count, count, out->data + (size_t)y * count);
        }
    }
    grid_clear(&wide);
    return st;
}
