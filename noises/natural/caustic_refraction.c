/*
 * Seen through moving water: the light that waves gather on the ground is a height whose
 * slope bends the ray to each pixel, by up to level / 20 of the side, and brightens it.
 *
 * Source: Mintun, Kirillov & Xie, NeurIPS 2021, arXiv:2102.11273: ImageNet-C-bar's levels.
 */
#include "noises/natural/parts.h"

#include "base/simd.h"
#include "noises/natural/parts/functions.h"

#include <math.h>

static const double level[5] = {2.35, 3.2, 4.9, 6.6, 9.15};

enum { WAVES = 5, ETA = 4 };

/* Where the rays of row p go by one wave, and what they gather. */
SIMD_CLONES
static void wave(double p, double t, int width, const double *restrict q,
                 double *restrict u, double *restrict v, double *restrict sum)
{
    for (int k = 0; k < width; k++) {
        double a = cosine(t - u[k]) + sine(t + v[k]);
        double b = sine(t - v[k]) + cosine(t + u[k]);
        u[k] = p + a;
        v[k] = q[k] + b;
        a = p / (sine(u[k] + t) / 0.005);
        b = q[k] / (cosine(v[k] + t) / 0.005);
        sum[k] += 1.0 / sqrt(a * a + b * b);
    }
}

SIMD_CLONES
static void brighten(int width, const double *restrict sum, double *restrict light)
{
    for (int k = 0; k < width; k++) {
        double x = fabs(1.17 - exponential(1.4 * logarithm(sum[k] / WAVES)));
        x *= x, x *= x, x *= x;
        light[k] = x < 1 ? x : 1;
    }
}

/* A pixel's place in its tile. */
static double tiled(int at, double size)
{
    return (at / size - (int)(at / size)) * 6.28318530718 - 250;
}

/* The light on the ground; rows: [4][width] of scratch space. */
static void gather(double size, double time, double *rows, struct grid *light)
{
    size_t width = (size_t)light->width;
    double *q = rows, *u = q + width, *v = u + width, *sum = v + width;
    for (int k = 0; k < light->width; k++)
        q[k] = tiled(k, size);
    for (int y = 0; y < light->height; y++) {
        double p = tiled(y, size);
        for (size_t k = 0; k < width; k++)
            u[k] = p, v[k] = q[k], sum[k] = 1;
        for (int n = 0; n < WAVES; n++)
            wave(p, time * (1.0 - 3.5 / (n + 1)), light->width, q, u, v, sum);
        brighten(light->width, sum, light->data + (size_t)y * width);
    }
}

/* The light at a place, summed over three equal channels; dark outside. */
static double luma(const struct grid *light, int y, int x)
{
    if (y < 0 || x < 0 || y >= light->height || x >= light->width)
        return 0;
    double v = light->data[(size_t)y * (size_t)light->width + (size_t)x];
    return v * 0.2126 + v * 0.7152 + v * 0.0722;
}

struct ray {
    double y, x;        /* where it comes from */
    double light, more; /* added one after the other */
};

/* Snell's law about the slope of the light; to a thousandth of a pixel. */
static struct ray bend(const struct grid *light, int y, int x, double lens,
                       double lighting)
{
    double north = luma(light, y, x - 1), south = luma(light, y, x + 1);
    double west = luma(light, y - 1, x), east = luma(light, y + 1, x);
    double a = east - west, b = south - north, norm = sqrt(a * a + b * b + 1);
    struct ray ray = {y, x, (north - south) * lighting, (east - west) * lighting};
    double c = 1 / norm;
    if (c >= 1.0 - 1e-3)
        return ray;
    double out = sqrt(1 - (1 - c * c) / (ETA * ETA)) - c / ETA;
    ray.y += nearest(a / norm * out * lens * 1000) / 1000;
    ray.x += nearest(b / norm * out * lens * 1000) / 1000;
    return ray;
}

/* Pixels are single, and so is what NumPy (before 2) makes of them; beyond the edges are
 * zeros of integers, and what those meet turns double. */
struct colour {
    double value;
    bool wide;
};

static struct colour mixed(struct colour a, double s, struct colour b, double t)
{
    double x = a.wide ? a.value * s : (double)((float)a.value * (float)s);
    double y = b.wide ? b.value * t : (double)((float)b.value * (float)t);
    bool wide = a.wide || b.wide;
    return (struct colour){wide ? x + y : (double)((float)x + (float)y), wide};
}

static struct colour pixel(const struct image *image, int y, int x, int c)
{
    if (y < 0 || x < 0 || y >= image->height || x >= image->width)
        return (struct colour){0, true};
    return (struct colour){(double)((float)image_row(image, y)[3 * x + c] / 255.0f),
                           false};
}

/* Where a ray looks: a pixel, and how much of the next ones. */
struct spot {
    int y, x;
    double up, down, left, right;
};

static struct spot spot_of(const struct ray *ray)
{
    int y = floor_int(ray->y), x = floor_int(ray->x);
    double up = 1.0 - ray->y + y, down = 1.0 - (y + 1) + ray->y;
    double left = 1.0 - ray->x + x, right = 1.0 - (x + 1) + ray->x;
    return (struct spot){y, x, up, down, left, right};
}

static void look_across_the_edge(const struct image *in, const struct ray *ray,
                                 const struct spot *at, uint8_t *out)
{
    for (int c = 0; c < 3; c++) {
        struct colour upper = mixed(pixel(in, at->y, at->x, c), at->left,
                                    pixel(in, at->y, at->x + 1, c), at->right);
        struct colour lower = mixed(pixel(in, at->y + 1, at->x, c), at->left,
                                    pixel(in, at->y + 1, at->x + 1, c), at->right);
        struct colour all = mixed(upper, at->up, lower, at->down);
        out[c] = byte_from_unit(all.value + ray->light + ray->more);
    }
}

static void look(const struct image *in, const struct ray *ray, const float unit[256],
                 uint8_t *out)
{
    struct spot at = spot_of(ray);
    if (at.y < 0 || at.x < 0 || at.y + 1 >= in->height || at.x + 1 >= in->width) {
        look_across_the_edge(in, ray, &at, out);
        return;
    }
    const uint8_t *p = image_row(in, at.y) + 3 * at.x;
    const uint8_t *q = image_row(in, at.y + 1) + 3 * at.x;
    float left = (float)at.left, right = (float)at.right;
    float light = (float)ray->light, more = (float)ray->more;
    for (int c = 0; c < 3; c++) {
        float upper = unit[p[c]] * left + unit[p[c + 3]] * right;
        float lower = unit[q[c]] * left + unit[q[c + 3]] * right;
        float all = upper * (float)at.up + lower * (float)at.down;
        out[c] = byte_from_unit((double)(all + light + more));
    }
}

/* draws->uniform: time, size of a tile. */
static enum status render(struct image *image, const struct natural_args *args,
                          const struct natural_draws *draws)
{
    int side = shorter_side(image);
    double time = .5 + 1.5 * (double)draws->uniform[0];
    double size = (.75 + .5 * (double)draws->uniform[1]) * side;
    double lens = level[args->severity - 1] * (0.5 * side) / 10;
    double lighting = level[args->severity - 1] * 2 / 10;
    const struct gauss softening = {{1, 1}, 4, GAUSS_REFLECT, false};
    struct grid light = {0}, rows = {0};
    struct image in = {0};
    float unit[256];
    for (int i = 0; i < 256; i++)
        unit[i] = (float)i / 255.0f;
    enum status st = grid_init(&rows, image->width, 4, 1);
    if (!st)
        st = grid_init(&light, image->width, image->height, 1);
    if (!st)
        gather(size, time, rows.data, &light);
    if (!st)
        st = gauss_filter(&light, &softening, &light);
    if (!st)
        st = image_copy(image, &in);
    for (int y = 0; !st && y < image->height; y++)
        for (int x = 0; x < image->width; x++) {
            struct ray ray = bend(&light, y, x, lens, lighting);
            look(&in, &ray, unit, image_row(image, y) + 3 * x);
        }
    image_clear(&in);
    grid_clear(&rows);
    grid_clear(&light);
    return st;
}

const struct natural natural_caustic_refraction = {
    .name = "caustic_refraction",
    .summary = "seen through moving water: ImageNet-C-bar",
    .source = "arXiv:2102.11273",
    .group = "extra",
    .severities = 5,
    .impl = 1,
    .in_cbar = true,
    .uniforms = {.fixed = 2},
    .render = render,
};
