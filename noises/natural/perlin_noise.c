/*
 * Clouds: x ← clip((1 - a) x + 255 a n, 0, 255), a = level / 20, n = (1 + t) / 2 of the
 * turbulence t, five octaves of the absolute value of Perlin's gradient noise.
 *
 * Source: Mintun, Kirillov & Xie, NeurIPS 2021, arXiv:2102.11273: ImageNet-C-bar's levels;
 * Perlin 1985, doi:10.1145/325165.325247.
 */
#include "noises/natural/parts.h"

#include "base/simd.h"

#include <math.h>

static const double level[5] = {4.6, 5.2, 5.8, 7.6, 8.8};

enum { CELLS = 256, FAR = 4096, OCTAVES = 5 };

struct lattice {
    int place[2 * CELLS];
    double gy[CELLS], gx[CELLS]; /* unit gradients */
};

/* draws->integer: two words for each gradient, then one for each step of a shuffle. */
static void lattice_init(struct lattice *l, const uint32_t *words)
{
    for (int i = 0; i < CELLS; i++) { /* one of length 0 is no number in the source */
        double y = ((int)(words[2 * i] >> 23) - CELLS) / (double)CELLS;
        double x = ((int)(words[2 * i + 1] >> 23) - CELLS) / (double)CELLS;
        double norm = sqrt(y * y + x * x);
        l->gy[i] = norm > 0 ? y / norm : 0;
        l->gx[i] = norm > 0 ? x / norm : 0;
        l->place[i] = i;
    }
    for (int i = CELLS - 1; i >= 0; i--) {
        int j = (int)(words[2 * CELLS + i] >> 24), here = l->place[i];
        l->place[i] = l->place[j];
        l->place[j] = here;
    }
    for (int i = 0; i < CELLS; i++)
        l->place[CELLS + i] = l->place[i];
}

static inline double smooth(double t)
{
    return t * t * (3.0 - 2.0 * t);
}

/* Adds an octave's absolute value in row y of a picture whose pixels are `step` apart. */
SIMD_CLONES
static void add_octave(const struct lattice *l, int y, double step, double frequency,
                       int width, double *restrict sum)
{
    double ty = frequency * (y * step) + FAR;
    double ry = ty - (int)ty, sy = smooth(ry), below = ry - 1;
    int upper = l->place[(int)ty % CELLS], lower = l->place[((int)ty + 1) % CELLS];
    for (int k = 0; k < width; k++) {
        double tx = frequency * (k * step) + FAR;
        int left = (int)tx % CELLS, right = (left + 1) % CELLS;
        double rx = tx - (int)tx, sx = smooth(rx), beyond = rx - 1;
        int a = l->place[upper + left], b = l->place[lower + left];
        int c = l->place[upper + right], d = l->place[lower + right];
        double u = ry * l->gy[a] + rx * l->gx[a], v = below * l->gy[b] + rx * l->gx[b];
        double near = u + sy * (v - u);
        u = ry * l->gy[c] + beyond * l->gx[c], v = below * l->gy[d] + beyond * l->gx[d];
        double far = u + sy * (v - u);
        sum[k] += fabs(1.5 * (near + sx * (far - near))) / frequency;
    }
}

static void blend(const double *sum, double alpha, int width, uint8_t *rgb)
{
    float keep = (float)(1 - alpha); /* NumPy scales the picture in single precision */
    for (int k = 0; k < width; k++, rgb += 3) {
        double cloud = 0.5 * sum[k] + 0.5;
        cloud = 255 * alpha * (cloud < 1 ? cloud : 1);
        for (int c = 0; c < 3; c++)
            rgb[c] = byte_clipped((double)(keep * (float)rgb[c]) + cloud);
    }
}

static enum status render(struct image *image, const struct natural_args *args,
                          const struct natural_draws *draws)
{
    int side = shorter_side(image);
    double step = 1 / (32. * side / 224), alpha = level[args->severity - 1] * 0.5 / 10;
    size_t width = (size_t)image->width;
    struct lattice lattice;
    struct grid row;
    enum status st = grid_init(&row, image->width, 1, 1);
    double *sum = row.data;
    lattice_init(&lattice, draws->integer);
    for (int y = 0; !st && y < image->height; y++) {
        for (size_t k = 0; k < width; k++)
            sum[k] = 0;
        for (int octave = 0; octave < OCTAVES; octave++)
            add_octave(&lattice, y, step, 1 << octave, image->width, sum);
        blend(sum, alpha, image->width, image_row(image, y));
    }
    grid_clear(&row);
    return st;
}

const struct natural natural_perlin_noise = {
    .name = "perlin_noise",
    .summary = "clouds of five octaves: ImageNet-C-bar",
    .source = "arXiv:2102.11273",
    .group = "extra",
    .severities = 5,
    .impl = 1,
    .in_cbar = true,
    .words = {.fixed = 3 * CELLS},
    .render = render,
};
