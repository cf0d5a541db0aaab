/* Pictures of given spectrum and random phases, as ImageNet-C-bar makes its noises. */
#include "noises/natural/parts.h"

#include "base/mem.h"
#include "base/simd.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* Complex numbers [n][w], and room for as many. */
struct field {
    int n, w;
    double *re, *im, *spare_re, *spare_im;
};

SIMD_CLONES
static void add_turned(double *restrict out_re, double *restrict out_im,
                       const double *restrict re, const double *restrict im, double c,
                       double s, int w)
{
    for (int x = 0; x < w; x++) {
        out_re[x] += c * re[x] - s * im[x];
        out_im[x] += c * im[x] + s * re[x];
    }
}

static int smallest_factor(int n)
{
    for (int r = 2; r * r <= n; r++)
        if (n % r == 0)
            return r;
    return n;
}

static void swap(double **a, double **b)
{
    double *kept = *a;
    *a = *b;
    *b = kept;
}

/*
 * Inverse transform along the first axis, without the factor 1/n, by Stockham's algorithm
 * in prime radices: after a stage, row j l + i holds element i of the transform of length l
 * of rows j, j + n/l, j + 2n/l, ...
 */
static void transform(struct field *f)
{
    double *c = mem_array((size_t)f->n, sizeof *c), *s = mem_array((size_t)f->n, sizeof *s);
    for (int k = 0; k < f->n; k++) {
        c[k] = cos(2 * M_PI * k / f->n);
        s[k] = sin(2 * M_PI * k / f->n);
    }
    size_t w = (size_t)f->w, bytes = (size_t)f->n * w * sizeof(double);
    for (int l = 1, r; l < f->n; l *= r) {
        r = smallest_factor(f->n / l);
        int m = f->n / (l * r);
        memset(f->spare_re, 0, bytes);
        memset(f->spare_im, 0, bytes);
        for (int j = 0; j < m; j++)
            for (int p = 0; p < r * l; p++)
                for (int k = 0; k < r; k++) {
                    size_t to = (size_t)(j * r * l + p) * w;
                    size_t from = (size_t)((j + k * m) * l + p % l) * w;
                    int turn = (int)((int64_t)p * k * m % f->n);
                    add_turned(f->spare_re + to, f->spare_im + to, f->re + from,
                               f->im + from, c[turn], s[turn], f->w);
                }
        swap(&f->re, &f->spare_re);
        swap(&f->im, &f->spare_im);
    }
    free(c);
    free(s);
}

static void transpose(struct field *f)
{
    for (int y = 0; y < f->n; y++)
        for (int x = 0; x < f->w; x++) {
            f->spare_re[x * f->n + y] = f->re[y * f->w + x];
            f->spare_im[x * f->n + y] = f->im[y * f->w + x];
        }
    swap(&f->re, &f->spare_re);
    swap(&f->im, &f->spare_im);
    int kept = f->n;
    f->n = f->w;
    f->w = kept;
}

size_t spectrum_draws(int width, int height)
{
    return (size_t)height * (size_t)(width / 2) + (width % 2 ? (size_t)(height / 2) : 0);
}

/* The right half repeats the left turned by 180 degrees, the middle column its own half. */
static double phase_at(int x, int y, int width, int height, const float *uniform)
{
    int half = width / 2;
    if (width % 2 && x == half) {
        const float *middle = uniform + (size_t)height * (size_t)half;
        int at = y < height / 2 ? y : height - 1 - y;
        return height % 2 && y == height / 2 ? 0 : 2 * M_PI * (double)middle[at];
    }
    bool left = x < half;
    int column = left ? x : width - 1 - x, row = left ? y : height - 1 - y;
    return 2 * M_PI * (double)uniform[(size_t)row * (size_t)half + (size_t)column];
}

static void fill(struct field *f, int width, int height, enum spectrum kind,
                 const float *uniform)
{
    /* Frequencies of a picture that is not square are those of its shorter side. */
    int side = width < height ? width : height;
    for (int y = 0; y < height; y++)
        for (int x = 0; x < width; x++) {
            double dx = (x - width / 2.0) * side / width;
            double dy = (y - height / 2.0) * side / height;
            double distance = sqrt(dx * dx + dy * dy);
            double power = kind == SPECTRUM_BLUE ? distance : 1 / (distance * distance + 1);
            double phase = phase_at(x, y, width, height, uniform);
            size_t at = (size_t)((y + height / 2) % height) * (size_t)width +
                        (size_t)((x + width / 2) % width);
            f->re[at] = power * cos(phase);
            f->im[at] = power * sin(phase);
        }
}

static void normalise(double *x, size_t count)
{
    double sum = 0, squares = 0;
    for (size_t i = 0; i < count; i++)
        sum += x[i];
    for (size_t i = 0; i < count; i++)
        squares += (x[i] - sum / (double)count) * (x[i] - sum / (double)count);
    double deviation = sqrt(squares / (double)count);
    for (size_t i = 0; i < count; i++)
        x[i] = deviation > 0 ? x[i] / deviation : 0;
}

enum status spectrum_noise(int width, int height, enum spectrum kind, const float *uniform,
                           struct grid *out)
{
    size_t count = (size_t)width * (size_t)height;
    enum status st = grid_init(out, width, height, 1);
    double *room = st ? NULL : mem_try(4 * count, sizeof *room);
    if (!st && !room)
        st = status_fail(ERR_NOMEM, "no memory for a spectrum of %d x %d", width, height);
    if (!st) {
        struct field f = {height, width, room, room + count, room + 2 * count,
                          room + 3 * count};
        fill(&f, width, height, kind, uniform);
        transform(&f);
        transpose(&f);
        transform(&f);
        transpose(&f);
        memcpy(out->data, f.re, count * sizeof *out->data);
        normalise(out->data, count);
    }
    free(room);
    if (st)
        grid_clear(out);
    return st;
}
