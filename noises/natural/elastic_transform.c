/*
 * Elastic distortion: a random affine map (three points moved), then displacement fields
 * of smoothed uniform noise.
 *
 * The affine map follows OpenCV's warpAffine to its 32nds of a pixel, the displacement
 * SciPy's map_coordinates. The constants were written for 244 pixels where 224 was meant;
 * they stay. variant=imagecorruptions has no affine map and fields of its own.
 *
 * Source: Hendrycks & Dietterich, ICLR 2019, arXiv:1903.12261; Simard et al. 2003,
 * doi:10.1109/ICDAR.2003.1227801.
 */
#include "noises/natural/parts.h"

#include "base/mem.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

struct elastic {
    double alpha, sigma, jitter; /* in parts of `side` */
};

static const double side[NATURAL_SETS] = {244, 32, 64, 360};

// clang-format off
static const struct elastic elastic[NATURAL_SETS][5] = {
    [NATURAL_224]   = {{2, .7, .1}, {2, .08, .2}, {.05, .01, .02}, {.07, .01, .02},
                       {.12, .01, .02}},
    [NATURAL_CIFAR] = {{0, 0, .08}, {.05, .2, .07}, {.08, .06, .06}, {.1, .04, .05},
                       {.1, .03, .03}},
    [NATURAL_64]    = {{0, 0, .08}, {.05, .3, .06}, {.1, .08, .06}, {.1, .03, .03},
                       {.16, .03, .02}},
    [NATURAL_299]   = {{2, .7, .1}, {2, .08, .2}, {.05, .01, .02}, {.07, .01, .02},
                       {.12, .01, .02}},
};
// clang-format on

/* imagecorruptions: alpha = 250 times these. */
static const double other_alpha[5] = {.05, .065, .085, .1, .12};

struct picture {
    int width, height;
    float *data; /* [height][width][3] */
};

/* d c b | a b c d | c b a */
static int mirror(int i, int n)
{
    if (n == 1)
        return 0;
    i = abs(i) % (2 * n - 2);
    return i < n ? i : 2 * n - 2 - i;
}

/* d c b a | a b c d | d c b a */
static int reflect(int i, int n)
{
    i %= 2 * n;
    if (i < 0)
        i += 2 * n;
    return i < n ? i : 2 * n - 1 - i;
}

/* The affine map that takes three points to three others: solves for two rows of three. */
static void affine_from_points(const float from[6], const float to[6], double m[6])
{
    double ax = (double)from[0], ay = (double)from[1];
    double bx = (double)from[2] - ax, by = (double)from[3] - ay;
    double cx = (double)from[4] - ax, cy = (double)from[5] - ay;
    double det = bx * cy - cx * by;
    for (int row = 0; row < 2; row++) {
        double at = (double)to[row], b = (double)to[2 + row] - at,
               c = (double)to[4 + row] - at;
        m[3 * row] = det != 0 ? (b * cy - c * by) / det : 0;
        m[3 * row + 1] = det != 0 ? (c * bx - b * cx) / det : 0;
        m[3 * row + 2] = at - m[3 * row] * ax - m[3 * row + 1] * ay;
    }
}

static void affine_invert(double m[6])
{
    double d = m[0] * m[4] - m[1] * m[3];
    d = d != 0 ? 1 / d : 0;
    double a = m[4] * d, b = -m[1] * d, c = -m[3] * d, e = m[0] * d;
    double x = -a * m[2] - b * m[5], y = -c * m[2] - e * m[5];
    memcpy(m, (double[6]){a, b, x, c, e, y}, 6 * sizeof *m);
}

/* OpenCV saturates on the way from double to int. */
static int to_int(double x)
{
    x = rint(x);
    return x > 2147483647.0 ? 2147483647 : x < -2147483648.0 ? -2147483647 - 1 : (int)x;
}

/* The two rows and columns around a place; most lie inside, where nothing is mirrored. */
struct corner {
    const float *upper, *lower;
    int left, right; /* offsets of the pixels in a row */
};

static inline struct corner corner_at(const struct picture *in, int x, int y,
                                      int (*outside)(int, int))
{
    int right = x + 1, bottom = y + 1;
    if (x < 0 || right >= in->width) {
        right = outside(right, in->width);
        x = outside(x, in->width);
    }
    if (y < 0 || bottom >= in->height) {
        bottom = outside(bottom, in->height);
        y = outside(y, in->height);
    }
    size_t stride = 3 * (size_t)in->width;
    return (struct corner){in->data + (size_t)y * stride,
                           in->data + (size_t)bottom * stride, 3 * x, 3 * right};
}

/* out(x, y) = in(m (x, y)): places in 1/1024, rounded to 1/32, linear between pixels. */
static void warp(const struct picture *in, const double m[6], struct picture *out)
{
    int *step = mem_array((size_t)out->width, 2 * sizeof *step);
    for (int x = 0; x < out->width; x++) {
        step[2 * x] = to_int(m[0] * x * 1024);
        step[2 * x + 1] = to_int(m[3] * x * 1024);
    }
    for (int y = 0; y < out->height; y++) {
        int x0 = to_int((m[1] * y + m[2]) * 1024) + 16;
        int y0 = to_int((m[4] * y + m[5]) * 1024) + 16;
        float *to = out->data + 3 * (size_t)y * (size_t)out->width;
        for (int x = 0; x < out->width; x++, to += 3) {
            int px = (x0 + step[2 * x]) >> 5, py = (y0 + step[2 * x + 1]) >> 5;
            float fx = (float)(px & 31) / 32.0f, fy = (float)(py & 31) / 32.0f;
            struct corner at = corner_at(in, px >> 5, py >> 5, mirror);
            float w[4] = {(1 - fy) * (1 - fx), (1 - fy) * fx, fy * (1 - fx), fy * fx};
            for (int c = 0; c < 3; c++)
                to[c] = at.upper[at.left + c] * w[0] + at.upper[at.right + c] * w[1] +
                        at.lower[at.left + c] * w[2] + at.lower[at.right + c] * w[3];
        }
    }
    free(step);
}

/* Uniform noise in [-most, most], smoothed, times alpha. */
static enum status field(const float *uniform, double most, const struct gauss *gauss,
                         double alpha, struct grid *out)
{
    size_t size = (size_t)out->width * (size_t)out->height;
    for (size_t i = 0; i < size; i++)
        out->data[i] = -most + (most - -most) * (double)uniform[i];
    enum status st = gauss_filter(out, gauss, out);
    for (size_t i = 0; !st && i < size; i++)
        out->data[i] = (double)(float)(out->data[i] * alpha);
    return st;
}

/* Linear between pixels at (x + dx, y + dy), in double, as float; clipped and cut. */
static void displace(const struct picture *in, const struct grid *dx,
                     const struct grid *dy, struct image *out)
{
    for (int y = 0; y < out->height; y++) {
        uint8_t *to = image_row(out, y);
        for (int x = 0; x < out->width; x++, to += 3) {
            size_t i = (size_t)y * (size_t)out->width + (size_t)x;
            double px = x + dx->data[i], py = y + dy->data[i];
            int bx = floor_int(px), by = floor_int(py);
            double fx = px - bx, fy = py - by;
            struct corner at = corner_at(in, bx, by, reflect);
            for (int c = 0; c < 3; c++) {
                double v = (double)at.upper[at.left + c] * (1 - fy) * (1 - fx) +
                           (double)at.upper[at.right + c] * (1 - fy) * fx +
                           (double)at.lower[at.left + c] * fy * (1 - fx) +
                           (double)at.lower[at.right + c] * fy * fx;
                float clipped = (float)v < 0 ? 0 : (float)v > 1 ? 1 : (float)v;
                to[c] = (uint8_t)(int)(clipped * 255.0f);
            }
        }
    }
}

static enum status picture_init(struct picture *picture, const struct image *image)
{
    picture->width = image->width;
    picture->height = image->height;
    picture->data = mem_raw(image_size(image), sizeof *picture->data);
    if (!picture->data)
        return status_fail(ERR_NOMEM, "no memory for %d x %d pixels", image->width,
                           image->height);
    for (size_t i = 0; i < image_size(image); i++)
        picture->data[i] = (float)image->data[i] / 255.0f;
    return OK;
}

/* Three corners of a square of two thirds of the picture, moved by up to `jitter`. */
static enum status jiggle(struct picture *picture, const struct image *image,
                          double jitter, const float *uniform)
{
    struct picture warped;
    enum status st = picture_init(&warped, image);
    if (st)
        return st;
    float cy = (float)(image->height / 2), cx = (float)(image->width / 2);
    float third = (float)(shorter_side(image) / 3);
    float from[6] = {cy + third, cx + third, cy + third,
                     cx - third, cy - third, cx - third};
    float to[6];
    for (int i = 0; i < 6; i++)
        to[i] = from[i] + (float)(-jitter + (jitter - -jitter) * (double)uniform[i]);
    double m[6];
    affine_from_points(from, to, m);
    affine_invert(m);
    warp(picture, m, &warped);
    free(picture->data);
    *picture = warped;
    return OK;
}

/* draws->uniform: six for the points (not for imagecorruptions), then two fields. */
static enum status render(struct image *image, const struct natural_args *args,
                          const struct natural_draws *draws)
{
    struct elastic c = elastic[args->set][args->severity - 1];
    double scale = side[args->set], alpha = scale * c.alpha, most = 1;
    bool original = is_original(args);
    struct gauss gauss = {{scale * c.sigma, scale * c.sigma}, 3, GAUSS_REFLECT, false};
    const float *uniform = draws->uniform;
    size_t size = (size_t)image->width * (size_t)image->height;
    struct picture picture = {0};
    struct grid dx = {0}, dy = {0};

    if (!original) {
        alpha = 250 * other_alpha[args->severity - 1];
        gauss.sigma[0] = image->height * 0.01;
        gauss.sigma[1] = image->width * 0.01;
        most = image->height * 0.005;
    }
    enum status st = picture_init(&picture, image);
    if (!st && original) {
        st = jiggle(&picture, image, scale * c.jitter, uniform);
        uniform += 6;
    }
    if (!st)
        st = grid_init(&dx, image->width, image->height, 1);
    if (!st)
        st = grid_init(&dy, image->width, image->height, 1);
    if (!st)
        st = field(uniform, most, &gauss, alpha, &dx);
    if (!st)
        st = field(uniform + size, most, &gauss, alpha, &dy);
    if (!st)
        displace(&picture, &dx, &dy, image);
    free(picture.data);
    grid_clear(&dx);
    grid_clear(&dy);
    return st;
}

static const struct param params[] = {
    VARIANT_PARAM,
    {0},
};

const struct natural natural_elastic_transform = {
    .name = "elastic_transform",
    .summary = "stretched and squeezed in small regions",
    .source = "arXiv:1903.12261",
    .group = "digital",
    .severities = 5,
    .impl = 1,
    .in_mce = true,
    .params = params,
    .uniforms = {.each = 2, .fixed = 6},
    .render = render,
};
