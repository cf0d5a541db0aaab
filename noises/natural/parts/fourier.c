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
        phase[half] = height % 2 && y == height / 2
                          ? 0
                          : 2 * M_PI * (double)middle[y < height / 2 ? y : height - 1 - y];
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
        double dy = (y - height / 2.0) * side / height;
        for (int x = 0; x < width; x++) {
            double dx = (x - width / 2.0) * side / width;
            double distance = sqrt(dx * dx + dy * dy);
            power[x] = kind == SPECTRUM_BLUE ? distance : 1 / (distance * distance + 1);
        }
        phases_of(y, width, height, uniform, phase);
        to_complex(power, phase, width);
        size_t at = (size_t)((y + height / 2) % height) * (size_t)width;
        put_turned(power, width, f->re + at);
        put_turned(phase, width, f->im + at);
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
    double *room = st ? NULL : mem_try(4 * count + 2 * (size_t)width, sizeof *room);
    if (!st && !room)
        st = status_fail(ERR_NOMEM, "no memory for a spectrum of %d x %d", width, height);
    if (!st) {
        struct field f = {height, width, room, room + count, room + 2 * count,
                          room + 3 * count};
        fill(&f, width, height, kind, uniform, f.spare_re);
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
