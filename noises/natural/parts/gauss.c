#include "noises/natural/parts.h"

#include "base/mem.h"
#include "base/simd.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* NumPy sums up to 128 doubles in eight partial sums; more of them by halves. */
static double numpy_sum(const double *x, int n)
{
    double sum = 0;
    if (n < 8) {
        for (int i = 0; i < n; i++)
            sum += x[i];
        return sum;
    }
    if (n > 128) {
        int half = n / 2 - n / 2 % 8;
        return numpy_sum(x, half) + numpy_sum(x + half, n - half);
    }
    double part[8];
    memcpy(part, x, sizeof part);
    int i = 8;
    for (; i < n - n % 8; i += 8)
        for (int j = 0; j < 8; j++)
            part[j] += x[i + j];
    sum = ((part[0] + part[1]) + (part[2] + part[3])) +
          ((part[4] + part[5]) + (part[6] + part[7]));
    for (; i < n; i++)
        sum += x[i];
    return sum;
}

double *gauss_weights(double sigma, int radius)
{
    double *all = mem_array((size_t)(2 * radius + 1), sizeof *all);
    for (int i = -radius; i <= radius; i++)
        all[i + radius] = exp(-0.5 / (sigma * sigma) * (double)(i * i));
    double sum = numpy_sum(all, 2 * radius + 1);
    for (int i = 0; i <= radius; i++)
        all[i] = all[i + radius] / sum;
    return all;
}

/* Vectors of eight doubles, whatever the machine makes of them. */
typedef double vec8 __attribute__((vector_size(64)));

static inline vec8 load(const double *p)
{
    vec8 v;
    memcpy(&v, p, sizeof v);
    return v;
}

/*
 * out[i] = w[0] c[i] + sum over k = radius..1 of w[k] (before_k[i] + after_k[i]); `tap`
 * holds the 2 radius + 1 rows in order. The order of the sum is SciPy's.
 */
SIMD_CLONES
static void weigh(const double *const *tap, const double *w, int radius, size_t count,
                  double *restrict out)
{
    const double *const *centre = tap + radius;
    size_t i = 0;
    for (; i + 32 <= count; i += 32) {
        vec8 sum[4];
        for (int j = 0; j < 4; j++)
            sum[j] = load(centre[0] + i + 8 * j) * w[0];
        for (int k = radius; k > 0; k--) {
            const double *before = centre[-k] + i, *after = centre[k] + i;
            sum[0] += (load(before) + load(after)) * w[k];
            sum[1] += (load(before + 8) + load(after + 8)) * w[k];
            sum[2] += (load(before + 16) + load(after + 16)) * w[k];
            sum[3] += (load(before + 24) + load(after + 24)) * w[k];
        }
        memcpy(out + i, sum, sizeof sum);
    }
    for (; i < count; i++) {
        double sum = centre[0][i] * w[0];
        for (int k = radius; k > 0; k--)
            sum += (centre[-k][i] + centre[k][i]) * w[k];
        out[i] = sum;
    }
}

/* Where SciPy looks for index i of n: 'nearest' clamps, 'reflect' is d c b a | a b c d.
 */
static int edge_index(int i, int n, enum gauss_edge edge)
{
    if (edge == GAUSS_NEAREST)
        return i < 0 ? 0 : i >= n ? n - 1 : i;
    i %= 2 * n;
    if (i < 0)
        i += 2 * n;
    return i < n ? i : 2 * n - 1 - i;
}

struct gauss {
    int radius;
    enum gauss_edge edge;
    double *weights;
    const double **taps; /* 2 radius + 1 rows */
    double *line;        /* one row with radius pixels more at either end */
};

static void extend(const struct gauss *gauss, int width, int channels)
{
    double *row = gauss->line + gauss->radius * channels;
    for (int i = 1; i <= gauss->radius; i++) {
        int left = edge_index(-i, width, gauss->edge);
        int right = edge_index(width - 1 + i, width, gauss->edge);
        for (int c = 0; c < channels; c++) {
            row[-i * channels + c] = row[left * channels + c];
            row[(width - 1 + i) * channels + c] = row[right * channels + c];
        }
    }
}

static void filter_rows(const struct gauss *gauss, const struct grid *in,
                        struct grid *out)
{
    size_t stride = (size_t)in->width * (size_t)in->channels;
    int taps = 2 * gauss->radius + 1;
    for (int y = 0; y < in->height; y++) {
        for (int k = 0; k < taps; k++) {
            int from = edge_index(y + k - gauss->radius, in->height, gauss->edge);
            gauss->taps[k] = in->data + (size_t)from * stride;
        }
        weigh(gauss->taps, gauss->weights, gauss->radius, stride,
              gauss->line + gauss->radius * in->channels);
        extend(gauss, in->width, in->channels);
        for (int k = 0; k < taps; k++)
            gauss->taps[k] = gauss->line + k * in->channels;
        weigh(gauss->taps, gauss->weights, gauss->radius, stride,
              out->data + (size_t)y * stride);
    }
}

static enum status filter_small(const struct grid *in, double sigma, int radius,
                                enum gauss_edge edge, struct grid *out)
{
    size_t line = (size_t)(in->width + 2 * radius) * (size_t)in->channels;
    struct gauss gauss = {
        .radius = radius,
        .edge = edge,
        .weights = gauss_weights(sigma, radius),
        .taps = mem_array((size_t)(2 * radius + 1), sizeof *gauss.taps),
        .line = mem_try(line, sizeof *gauss.line),
    };
    struct grid result = {0};
    enum status st = gauss.line
                         ? grid_init(&result, in->width, in->height, in->channels)
                         : status_fail(ERR_NOMEM, "no memory for a row of %zu", line);
    if (!st) {
        filter_rows(&gauss, in, &result);
        if (out == in)
            free(out->data);
        *out = result;
    }
    free(gauss.weights);
    free(gauss.taps);
    free(gauss.line);
    return st;
}

enum status gauss_filter(const struct grid *in, double sigma, double truncate,
                         enum gauss_edge edge, struct grid *out)
{
    if (sigma > 1e-15)
        return filter_small(in, sigma, (int)(truncate * sigma + 0.5), edge, out);
    if (out == in)
        return OK;
    enum status st = grid_init(out, in->width, in->height, in->channels);
    if (!st)
        memcpy(out->data, in->data,
               (size_t)in->width * (size_t)in->height * (size_t)in->channels *
                   sizeof *in->data);
    return st;
}
