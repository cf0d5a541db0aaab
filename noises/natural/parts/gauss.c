#include "noises/natural/parts.h"

#include "base/mem.h"
#include "base/simd.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

double numpy_sum(const double *x, int n)
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

static double *gauss_weights(double sigma, int radius)
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

/* One pass along one axis: the taps of a place, whatever the axis. */
struct pass {
    int radius;
    enum gauss_edge edge;
    double *weights;
    const double **taps; /* 2 radius + 1 rows */
};

static void pass_init(struct pass *pass, const struct gauss *gauss, double sigma)
{
    pass->radius = sigma > 1e-15 ? (int)(gauss->truncate * sigma + 0.5) : 0;
    pass->edge = gauss->edge;
    pass->weights = gauss_weights(sigma > 1e-15 ? sigma : 1, pass->radius);
    pass->taps = mem_array((size_t)(2 * pass->radius + 1), sizeof *pass->taps);
}

static void pass_clear(struct pass *pass)
{
    free(pass->weights);
    free(pass->taps);
}

SIMD_CLONES
static void round_to_float(double *x, size_t count)
{
    for (size_t i = 0; i < count; i++)
        x[i] = (double)(float)x[i];
}

static void pass_rows(const struct pass *pass, const struct grid *in, bool single,
                      double *out)
{
    size_t stride = (size_t)in->width * (size_t)in->channels;
    for (int y = 0; y < in->height; y++) {
        for (int k = -pass->radius; k <= pass->radius; k++) {
            int from = edge_index(y + k, in->height, pass->edge);
            pass->taps[pass->radius + k] = in->data + (size_t)from * stride;
        }
        weigh(pass->taps, pass->weights, pass->radius, stride, out + (size_t)y * stride);
        if (single)
            round_to_float(out + (size_t)y * stride, stride);
    }
}

/* The row with `radius` pixels more at either end. */
static void extend(const struct pass *pass, const double *row, int width, int channels,
                   double *line)
{
    double *middle = line + pass->radius * channels;
    memcpy(middle, row, (size_t)(width * channels) * sizeof *line);
    for (int i = 1; i <= pass->radius; i++) {
        int left = edge_index(-i, width, pass->edge);
        int right = edge_index(width - 1 + i, width, pass->edge);
        for (int c = 0; c < channels; c++) {
            middle[-i * channels + c] = row[left * channels + c];
            middle[(width - 1 + i) * channels + c] = row[right * channels + c];
        }
    }
}

static void pass_columns(const struct pass *pass, struct grid *grid, bool single,
                         double *line)
{
    size_t stride = (size_t)grid->width * (size_t)grid->channels;
    for (int k = 0; k < 2 * pass->radius + 1; k++)
        pass->taps[k] = line + k * grid->channels;
    for (int y = 0; y < grid->height; y++) {
        double *row = grid->data + (size_t)y * stride;
        extend(pass, row, grid->width, grid->channels, line);
        weigh(pass->taps, pass->weights, pass->radius, stride, row);
        if (single)
            round_to_float(row, stride);
    }
}

/*
 * Where the kernel is wider than the picture, its taps fall on the same pixels again and
 * again: they are added up into one weight for each pair of pixels, and the pass becomes a
 * product of matrices. The order of the sum is then our own.
 */
static double *folded_weights(const struct pass *pass, int n)
{
    double *w = mem_array((size_t)n * (size_t)n, sizeof *w);
    for (int i = 0; i < n; i++)
        for (int k = -pass->radius; k <= pass->radius; k++)
            w[i * n + edge_index(i + k, n, pass->edge)] += pass->weights[abs(k)];
    return w;
}

/* out[i] = sum of rows[j][i] w[j * step] */
SIMD_CLONES
static void combine(const double *rows, size_t stride, const double *w, int n, int step,
                    size_t count, double *restrict out)
{
    size_t i = 0;
    for (; i + 32 <= count; i += 32) {
        vec8 sum[4] = {{0}};
        for (int j = 0; j < n; j++) {
            const double *row = rows + (size_t)j * stride + i;
            for (int k = 0; k < 4; k++)
                sum[k] += load(row + 8 * k) * w[j * step];
        }
        memcpy(out + i, sum, sizeof sum);
    }
    for (; i < count; i++) {
        double sum = 0;
        for (int j = 0; j < n; j++)
            sum += rows[(size_t)j * stride + i] * w[j * step];
        out[i] = sum;
    }
}

static void fold_rows(const struct pass *pass, const struct grid *in, double *out)
{
    size_t stride = (size_t)in->width * (size_t)in->channels;
    double *w = folded_weights(pass, in->height);
    for (int y = 0; y < in->height; y++)
        combine(in->data, stride, w + y * in->height, in->height, 1, stride,
                out + (size_t)y * stride);
    free(w);
}

/* One channel: out[y][i] = sum over j of w[i][j] in[y][j], w turned so that i is inner. */
static void fold_columns(const struct pass *pass, struct grid *grid, double *line)
{
    int n = grid->width;
    double *w = folded_weights(pass, n),
           *turned = mem_array((size_t)n * (size_t)n, sizeof *w);
    for (int i = 0; i < n; i++)
        for (int j = 0; j < n; j++)
            turned[j * n + i] = w[i * n + j];
    for (int y = 0; y < grid->height; y++) {
        double *row = grid->data + (size_t)y * (size_t)n;
        combine(turned, (size_t)n, row, n, 1, (size_t)n, line);
        memcpy(row, line, (size_t)n * sizeof *row);
    }
    free(w);
    free(turned);
}

static void both_passes(const struct gauss *gauss, const struct pass pass[2],
                        const struct grid *in, struct grid *out, double *line)
{
    if (2 * pass[0].radius > in->height)
        fold_rows(&pass[0], in, out->data);
    else
        pass_rows(&pass[0], in, gauss->single, out->data);
    if (2 * pass[1].radius > in->width && in->channels == 1)
        fold_columns(&pass[1], out, line);
    else
        pass_columns(&pass[1], out, gauss->single, line);
}

enum status gauss_filter(const struct grid *in, const struct gauss *gauss,
                         struct grid *out)
{
    struct pass pass[2];
    for (int axis = 0; axis < 2; axis++)
        pass_init(&pass[axis], gauss, gauss->sigma[axis]);
    size_t line_size = (size_t)(in->width + 2 * pass[1].radius) * (size_t)in->channels;
    double *line = mem_try(line_size, sizeof *line);
    struct grid result = {0};
    enum status st =
        line ? grid_init(&result, in->width, in->height, in->channels)
             : status_fail(ERR_NOMEM, "no memory for a row of %zu", line_size);
    if (!st) {
        both_passes(gauss, pass, in, &result, line);
        if (out == in)
            free(out->data);
        *out = result;
    }
    pass_clear(&pass[0]);
    pass_clear(&pass[1]);
    free(line);
    return st;
}

enum status gauss_blur(const struct grid *in, double sigma, struct grid *out)
{
    struct gauss gauss = {{sigma, sigma}, 4, GAUSS_NEAREST, false};
    return gauss_filter(in, &gauss, out);
}
