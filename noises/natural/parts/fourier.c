/* Pictures of given spectrum and random phases, as ImageNet-C-bar makes its noises. */
#include "noises/natural/parts.h"

#include "base/mem.h"
#include "base/simd.h"
#include "noises/natural/parts/functions.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* Complex numbers [n][w], and room for as many. */
struct field {
    int n, w;
    double *re, *im, *spare_re, *spare_im;
};

/* Rows of complex numbers. */
struct row {
    double *re, *im;
};

/* out = a + b (c + i s); a may be out. */
SIMD_CLONES
static void add_turned(struct row out, struct row a, struct row b, double c, double s,
                       int w)
{
#pragma GCC ivdep
    for (int x = 0; x < w; x++) {
        out.re[x] = a.re[x] + (c * b.re[x] - s * b.im[x]);
        out.im[x] = a.im[x] + (c * b.im[x] + s * b.re[x]);
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
    double *c = mem_array((size_t)f->n, sizeof *c),
           *s = mem_array((size_t)f->n, sizeof *s);
    for (int k = 0; k < f->n; k++) {
        c[k] = cos(2 * M_PI * k / f->n);
        s[k] = sin(2 * M_PI * k / f->n);
    }
    size_t w = (size_t)f->w;
    for (int l = 1, r; l < f->n; l *= r) {
        r = smallest_factor(f->n / l);
        int m = f->n / (l * r);
        for (int j = 0; j < m; j++)
            for (int p = 0; p < r * l; p++) {
                size_t at = (size_t)(j * r * l + p) * w,
                       first = (size_t)(j * l + p % l) * w;
                struct row to = {f->spare_re + at, f->spare_im + at};
                struct row sum = {f->re + first, f->im + first}; /* k = 0: not turned */
                for (int k = 1; k < r; k++, sum = to) {
                    size_t next = first + (size_t)(k * m * l) * w;
                    int turn = (int)((int64_t)p * k * m % f->n);
                    add_turned(to, sum, (struct row){f->re + next, f->im + next}, c[turn],
                               s[turn], f->w);
                }
            }
        swap(&f->re, &f->spare_re);
        swap(&f->im, &f->spare_im);
    }
    free(c);
    free(s);
}

/* in: [n][w], out: [w][n]; in squares that caches hold. */
static void turn_over(const double *restrict in, int n, int w, double *restrict out)
{
    enum { SQUARE = 8 };
    for (int y0 = 0; y0 < n; y0 += SQUARE)
        for (int x0 = 0; x0 < w; x0 += SQUARE)
            for (int x = x0; x < x0 + SQUARE && x < w; x++)
                for (int y = y0; y < y0 + SQUARE && y < n; y++)
                    out[x * n + y] = in[y * w + x];
}

static void transpose(struct field *f)
{
    turn_over(f->re, f->n, f->w, f->spare_re);
    turn_over(f->im, f->n, f->w, f->spare_im);
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

/* The phases of row y: the right half repeats the left turned by 180 degrees, the middle
 * column its own half. */
static void phases_of(int y, int width, int height, const float *uniform, double *phase)
{
    size_t half = (size_t)(width / 2);
    const float *left = uniform + (size_t)y * half;
    const float *right = uniform + (size_t)(height - 1 - y) * half;
    const float *middle = uniform + (size_t)height * half;
    for (size_t x = 0; x < half; x++) {
        phase[x] = 2 * M_PI * (double)left[x];
        phase[(size_t)width - 1 - x] = 2 * M_PI * (double)right[x];
    }
    if (width % 2)
        phase[half] =
            height % 2 && y == height / 2
                ? 0
                : 2 * M_PI * (double)middle[y < height / 2 ? y : height - 1 - y];
}

/* The amplitudes of a row; dy is its frequency, side over width the unit of the other. */
SIMD_CLONES
static void powers_of(enum spectrum kind, double dy, int side, int width, double *power)
{
    for (int x = 0; x < width; x++) {
        double dx = (x - width / 2.0) * side / width;
        double distance = sqrt(dx * dx + dy * dy);
        power[x] = kind == SPECTRUM_BLUE ? distance : 1 / (distance * distance + 1);
    }
}

/* Amplitudes and phases of a row to complex numbers, in place. */
SIMD_CLONES
static void to_complex(double *restrict power, double *restrict phase, int width)
{
    for (int x = 0; x < width; x++) {
        double re = power[x] * cosine(phase[x]), im = power[x] * sine(phase[x]);
        power[x] = re;
        phase[x] = im;
    }
}

/* From index at - shift of `row` on, around its end. */
static void put_turned(const double *row, int width, double *out)
{
    size_t shift = (size_t)(width / 2), rest = (size_t)width - shift;
    memcpy(out + shift, row, rest * sizeof *row);
    memcpy(out, row + rest, shift * sizeof *row);
}

/* `row` has room for two rows. */
static void fill(struct field *f, int width, int height, enum spectrum kind,
                 const float *uniform, double *row)
{
    /* Frequencies of a picture that is not square are those of its shorter side. */
    int side = width < height ? width : height;
    double *power = row, *phase = row + width;
    for (int y = 0; y < height; y++) {
        powers_of(kind, (y - height / 2.0) * side / height, side, width, power);
        phases_of(y, width, height, uniform, phase);
        to_complex(power, phase, width);
        size_t at = (size_t)((y + height / 2) % height) * (size_t)width;
        put_turned(power, width, f->re + at);
        put_turned(phase, width, f->im + at);
    }
}

SIMD_CLONES
static void divide(double *x, size_t count, double by)
{
    for (size_t i = 0; i < count; i++)
        x[i] = by > 0 ? x[i] / by : 0;
}

static void normalise(double *x, size_t count)
{
    double sum = 0, squares = 0;
    for (size_t i = 0; i < count; i++)
        sum += x[i];
    for (size_t i = 0; i < count; i++)
        squares += (x[i] - sum / (double)count) * (x[i] - sum / (double)count);
    double deviation = sqrt(squares / (double)count);
    divide(x, count, deviation);
}

enum status spectrum_noise(int width, int height, enum spectrum kind,
                           const float *uniform, struct grid *out)
{
    size_t count = (size_t)width * (size_t)height;
    enum status st = grid_init(out, width, height, 1);
    double *room = st ? NULL : mem_try(4 * count + 2 * (size_t)width, sizeof *room);
    if (!st && !room)
        st = status_fail(ERR_NOMEM, "no memory for a spectrum of %d x %d", width, height);
    if (!st) {
        struct field f = {height,           width,           room, room + count,
                          room + 2 * count, room + 3 * count};
        fill(&f, width, height, kind, uniform, f.spare_re);
        transform(&f);
        transpose(&f);
        transform(&f);
        turn_over(f.re, f.n, f.w, out->data); /* the real part alone */
        normalise(out->data, count);
    }
    free(room);
    if (st)
        grid_clear(out);
    return st;
}
