/*
 * Sequences of motion: translate, rotate, scale and shear through Pillow's affine
 * transform with torchvision's matrices (centre at half the size plus half a pixel, as
 * they were in 2018), and tilt through OpenCV's perspective warp.
 */
#include "noises/natural/perturb/perturb.h"

#include <math.h>
#include <string.h>

static int clamp(int i, int n)
{
    return i < 0 ? 0 : i >= n ? n - 1 : i;
}

static void linear_pixel(const struct image *in, double u, double v, uint8_t out[3])
{
    u -= 0.5;
    v -= 0.5;
    int x = floor_int(u), y = floor_int(v);
    double fx = u - x, fy = v - y;
    const uint8_t *upper = image_row(in, clamp(y, in->height));
    const uint8_t *lower = y + 1 < in->height ? image_row(in, y + 1) : upper;
    int l = 3 * clamp(x, in->width), r = 3 * clamp(x + 1, in->width);
    for (int c = 0; c < 3; c++) {
        double a = upper[l + c] + (upper[r + c] - upper[l + c]) * fx;
        double b = lower[l + c] + (lower[r + c] - lower[l + c]) * fx;
        out[c] = (uint8_t)(a + (b - a) * fy);
    }
}

enum status pillow_affine(const struct image *in, const double m[6], bool linear,
                          struct rect window, struct image *out)
{
    enum status st = image_init(out, window.width, window.height, 3);
    for (int y = 0; !st && y < out->height; y++)
        for (int x = 0; x < out->width; x++) {
            double cx = window.x + x + 0.5, cy = window.y + y + 0.5;
            double u = m[0] * cx + m[1] * cy + m[2];
            double v = m[3] * cx + m[4] * cy + m[5];
            if (u < 0 || v < 0 || u >= in->width || v >= in->height)
                continue;
            uint8_t *to = image_row(out, y) + 3 * x;
            if (linear)
                linear_pixel(in, u, v, to);
            else
                memcpy(to, image_row(in, (int)v) + 3 * (int)u, 3);
        }
    return st;
}

struct affine {
    double angle, move, scale, shear; /* degrees, pixels */
    bool linear;
};

/* The inverse of: scale, rotate and shear about the centre, then move. */
static void inverse_matrix(const struct affine *a, int width, int height, double m[6])
{
    double cx = width * 0.5 + 0.5, cy = height * 0.5 + 0.5;
    double degree = 3.14159265358979323846 / 180;
    double angle = a->angle * degree, shear = a->shear * degree, scale = 1 / a->scale;
    double d = cos(angle + shear) * cos(angle) + sin(angle + shear) * sin(angle);
    m[0] = scale / d * cos(angle + shear);
    m[1] = scale / d * sin(angle + shear);
    m[3] = scale / d * -sin(angle);
    m[4] = scale / d * cos(angle);
    m[2] = m[0] * (-cx - a->move) + m[1] * -cy + cx;
    m[5] = m[3] * (-cx - a->move) + m[4] * -cy + cy;
}

static enum status affine_frame(const struct image *whole,
                                const struct perturbation_args *args,
                                const struct affine *affine, struct image *frame)
{
    double m[6];
    inverse_matrix(affine, whole->width, whole->height, m);
    return pillow_affine(whole, m, affine->linear, middle_window(whole, args), frame);
}

static enum status translate_frames(const struct image *whole,
                                    const struct perturbation_args *args, struct rng *rng,
                                    struct image *frames)
{
    (void)rng;
    int count = is_cifar(args) ? 16 : 41, start = is_cifar(args) ? 7 : 20;
    enum status st = OK;
    for (int i = 0; !st && i < count; i++) {
        struct affine affine = {0, i - start, 1, 0, false};
        st = affine_frame(whole, args, &affine, &frames[i]);
    }
    return st;
}

static enum status rotate_frames(const struct image *whole,
                                 const struct perturbation_args *args, struct rng *rng,
                                 struct image *frames)
{
    (void)rng;
    enum status st = OK;
    for (int i = 0; !st && i < 31; i++) {
        struct affine affine = {i - 15, 0, 1, 0, true};
        st = affine_frame(whole, args, &affine, &frames[i]);
    }
    return st;
}

static enum status scale_frames(const struct image *whole,
                                const struct perturbation_args *args, struct rng *rng,
                                struct image *frames)
{
    (void)rng;
    enum status st = OK;
    for (int i = 0; !st && i < 31; i++) {
        double percent = is_cifar(args) ? i * 2 + 70 : i * 2.5 + 40;
        struct affine affine = {0, 0, percent / 100, 0, true};
        st = affine_frame(whole, args, &affine, &frames[i]);
    }
    return st;
}

static enum status shear_frames(const struct image *whole,
                                const struct perturbation_args *args, struct rng *rng,
                                struct image *frames)
{
    (void)rng;
    enum status st = OK;
    for (int i = 0; !st && i < 31; i++) {
        struct affine affine = {0, 0, 1, i - 15, true};
        st = affine_frame(whole, args, &affine, &frames[i]);
    }
    return st;
}

/* a b, 3x3 times 3x3. */
static void multiply(const double a[9], const double b[9], double out[9])
{
    for (int i = 0; i < 3; i++)
        for (int j = 0; j < 3; j++)
            out[3 * i + j] =
                a[3 * i] * b[j] + a[3 * i + 1] * b[3 + j] + a[3 * i + 2] * b[6 + j];
}

/*
 * The picture, lifted by one (as the original has it), turned by `angle` about both axes
 * and seen from the distance f = sqrt(w^2 + h^2) behind its plane.
 */
static void tilt_matrix(double angle, int width, int height, double out[9])
{
    double w = width, h = height, f = sqrt(w * w + h * h), c = cos(angle), s = sin(angle);
    /* Rx Ry, and f added to the depth. */
    double turned[9] = {c, 0, -s, -s * s, c, -s * c, c * s, s, c * c + f};
    double lens[9] = {f, 0, w / 2, 0, f, h / 2, 0, 0, 1};
    double shift[9] = {1, 0, -w / 2, 0, 1, -h / 2, 0, 0, 1};
    double half[9];
    multiply(lens, turned, half);
    multiply(half, shift, out);
}

static void invert(const double m[9], double out[9])
{
    out[0] = m[4] * m[8] - m[5] * m[7];
    out[1] = m[2] * m[7] - m[1] * m[8];
    out[2] = m[1] * m[5] - m[2] * m[4];
    out[3] = m[5] * m[6] - m[3] * m[8];
    out[4] = m[0] * m[8] - m[2] * m[6];
    out[5] = m[2] * m[3] - m[0] * m[5];
    out[6] = m[3] * m[7] - m[4] * m[6];
    out[7] = m[1] * m[6] - m[0] * m[7];
    out[8] = m[0] * m[4] - m[1] * m[3];
    double d = m[0] * out[0] + m[1] * out[3] + m[2] * out[6];
    for (int i = 0; i < 9; i++)
        out[i] /= d;
}

static int value_at(const struct image *in, int x, int y, int c)
{
    return x < 0 || y < 0 || x >= in->width || y >= in->height
               ? 0
               : image_row(in, y)[3 * x + c];
}

/* Places rounded to 1/32 of a pixel, weights to 15 bits, black outside. (x0, y0) is the
 * result's corner in the whole one. */
static void warp(const struct image *in, const double m[9], int x0, int y0,
                 struct image *out)
{
    for (int y = 0; y < out->height; y++)
        for (int x = 0; x < out->width; x++) {
            int cx = x0 + x, cy = y0 + y;
            double w = m[6] * cx + m[7] * cy + m[8];
            w = w != 0 ? 32 / w : 0;
            int u = (int)nearbyint((m[0] * cx + m[1] * cy + m[2]) * w);
            int v = (int)nearbyint((m[3] * cx + m[4] * cy + m[5]) * w);
            int fx = u & 31, fy = v & 31, left = u >> 5, top = v >> 5;
            for (int c = 0; c < 3; c++) {
                int sum = value_at(in, left, top, c) * (32 - fx) * (32 - fy) +
                          value_at(in, left + 1, top, c) * fx * (32 - fy) +
                          value_at(in, left, top + 1, c) * (32 - fx) * fy +
                          value_at(in, left + 1, top + 1, c) * fx * fy;
                image_row(out, y)[3 * x + c] = (uint8_t)((sum + 512) >> 10);
            }
        }
}

static enum status tilt_frames(const struct image *whole,
                               const struct perturbation_args *args, struct rng *rng,
                               struct image *frames)
{
    (void)rng;
    enum status st = OK;
    for (int i = 0; !st && i < 31; i++) {
        double degrees = is_cifar(args) ? 0.75 * (i - 15) : i - 15;
        double m[9], back[9];
        struct rect window = middle_window(whole, args);
        tilt_matrix(degrees * (3.14159265358979323846 / 180), whole->width, whole->height,
                    m);
        invert(m, back);
        st = image_init(&frames[i], window.width, window.height, 3);
        if (!st)
            warp(whole, back, window.x, window.y, &frames[i]);
    }
    return st;
}

const struct perturbation perturbation_translate = {
    "translate", "a pixel to the right a frame", false, true, 41, 16, 1, translate_frames,
};
const struct perturbation perturbation_rotate = {
    "rotate", "a degree a frame", false, true, 31, 31, 1, rotate_frames,
};
const struct perturbation perturbation_scale = {
    "scale", "closer by the frame", false, true, 31, 31, 1, scale_frames,
};
const struct perturbation perturbation_shear = {
    "shear", "a degree of shear a frame", false, false, 31, 31, 1, shear_frames,
};
const struct perturbation perturbation_tilt = {
    "tilt", "a degree about both axes a frame", false, true, 31, 31, 1, tilt_frames,
};
