#include "models/train/augment.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static uint8_t clip8(double value)
{
    return (uint8_t)(value < 0 ? 0 : value > 255 ? 255 : value + 0.5);
}

static void flip(struct image *image)
{
    for (int y = 0; y < image->height; y++) {
        uint8_t *row = image_row(image, y);
        for (int a = 0, b = image->width - 1; a < b; a++, b--)
            for (int c = 0; c < 3; c++) {
                uint8_t swap = row[3 * a + c];
                row[3 * a + c] = row[3 * b + c];
                row[3 * b + c] = swap;
            }
    }
}

/* Mirrors an index into 0..n-1, the edge pixel not repeated. */
static int reflect(int i, int n)
{
    if (n == 1)
        return 0;
    int period = 2 * (n - 1);
    i = abs(i) % period;
    return i < n ? i : period - i;
}

/* out(p) = in(A p + t), nearest pixel, around the centre, reflected at the border. */
static enum status warp(struct image *image, const double a[4], double tx, double ty)
{
    struct image in;
    enum status st = image_copy(image, &in);
    if (st)
        return st;
    double cx = 0.5 * (in.width - 1), cy = 0.5 * (in.height - 1);
    for (int y = 0; y < in.height; y++)
        for (int x = 0; x < in.width; x++) {
            double u = a[0] * (x - cx) + a[1] * (y - cy) + cx + tx;
            double v = a[2] * (x - cx) + a[3] * (y - cy) + cy + ty;
            const uint8_t *from = image_row(&in, reflect((int)lrint(v), in.height));
            memcpy(image_row(image, y) + 3 * x,
                   from + 3 * reflect((int)lrint(u), in.width), 3);
        }
    image_clear(&in);
    return OK;
}

static double luma(const uint8_t *p)
{
    return 0.299 * p[0] + 0.587 * p[1] + 0.114 * p[2];
}

static void brightness(struct image *image, double factor)
{
    for (size_t i = 0; i < image_size(image); i++)
        image->data[i] = clip8(image->data[i] * factor);
}

static void contrast(struct image *image, double factor)
{
    double mean = 0;
    size_t size = image_size(image);
    for (size_t i = 0; i < size; i += 3)
        mean += luma(image->data + i);
    mean /= (double)(size / 3);
    for (size_t i = 0; i < size; i++)
        image->data[i] = clip8(mean + (image->data[i] - mean) * factor);
}

static void saturation(struct image *image, double factor)
{
    for (size_t i = 0; i < image_size(image); i += 3) {
        double grey = luma(image->data + i);
        for (int c = 0; c < 3; c++)
            image->data[i + (size_t)c] =
                clip8(grey + (image->data[i + (size_t)c] - grey) * factor);
    }
}

static void posterize(struct image *image, int bits)
{
    for (size_t i = 0; i < image_size(image); i++)
        image->data[i] &= (uint8_t)(0xff << (8 - bits));
}

static void solarize(struct image *image, int threshold)
{
    for (size_t i = 0; i < image_size(image); i++)
        if (image->data[i] >= threshold)
            image->data[i] = (uint8_t)(255 - image->data[i]);
}

static void autocontrast(struct image *image)
{
    for (size_t c = 0; c < 3; c++) {
        int low = 255, high = 0;
        for (size_t i = c; i < image_size(image); i += 3) {
            low = image->data[i] < low ? image->data[i] : low;
            high = image->data[i] > high ? image->data[i] : high;
        }
        for (size_t i = c; high > low && i < image_size(image); i += 3)
            image->data[i] = clip8((image->data[i] - low) * 255.0 / (high - low));
    }
}

/* The operations of RandAugment (Cubuk et al. 2020, arXiv:1909.13719), sign at random. */
enum { RAND_OPERATIONS = 11 };

static enum status random_operation(struct image *image, double magnitude,
                                    struct rng *rng)
{
    double sign = rng_below(rng, 2) ? 1 : -1, m = sign * magnitude;
    double angle = m * 30 * 3.14159265358979323846 / 180;
    const double rotation[4] = {cos(angle), -sin(angle), sin(angle), cos(angle)};
    const double shear_x[4] = {1, 0.3 * m, 0, 1}, shear_y[4] = {1, 0, 0.3 * m, 1};
    const double same[4] = {1, 0, 0, 1};
    switch (rng_below(rng, RAND_OPERATIONS)) {
    case 0: return warp(image, rotation, 0, 0);
    case 1: return warp(image, shear_x, 0, 0);
    case 2: return warp(image, shear_y, 0, 0);
    case 3: return warp(image, same, 0.3 * m * image->width, 0);
    case 4: return warp(image, same, 0, 0.3 * m * image->height);
    case 5: brightness(image, 1 + 0.9 * m); break;
    case 6: contrast(image, 1 + 0.9 * m); break;
    case 7: saturation(image, 1 + 0.9 * m); break;
    case 8: posterize(image, 8 - (int)lrint(4 * magnitude)); break;
    case 9: solarize(image, 256 - (int)lrint(255 * magnitude)); break;
    case 10: autocontrast(image); break;
    }
    return OK;
}

static double around_one(struct rng *rng, double spread)
{
    return 1 + spread * (2 * rng_uniform(rng) - 1);
}

enum status augment_image(struct image *image, const struct augment_rule *rule,
                          struct rng *rng)
{
    enum status st = OK;
    if (rule->flip && rng_below(rng, 2))
        flip(image);
    if (rule->crop) {
        uint32_t range = 2 * (uint32_t)rule->crop + 1;
        int dx = (int)rng_below(rng, range) - rule->crop;
        int dy = (int)rng_below(rng, range) - rule->crop;
        st = warp(image, (const double[]){1, 0, 0, 1}, dx, dy);
    }
    if (rule->jitter > 0) {
        brightness(image, around_one(rng, rule->jitter));
        contrast(image, around_one(rng, rule->jitter));
        saturation(image, around_one(rng, rule->jitter));
    }
    for (int i = 0; i < rule->randaugment && !st; i++)
        st = random_operation(image, rule->magnitude, rng);
    return st;
}

static double rng_gamma(struct rng *rng, double shape)
{
    if (shape < 1)
        return rng_gamma(rng, shape + 1) * pow(1 - rng_uniform(rng), 1 / shape);
    double d = shape - 1.0 / 3, c = 1 / sqrt(9 * d);
    for (;;) {
        double x = rng_normal(rng), v = 1 + c * x;
        if (v <= 0)
            continue;
        v = v * v * v;
        if (log(1 - rng_uniform(rng)) < 0.5 * x * x + d - d * v + d * log(v))
            return d * v;
    }
}

double rng_beta(struct rng *rng, double alpha)
{
    double a = rng_gamma(rng, alpha), b = rng_gamma(rng, alpha);
    return a + b > 0 ? a / (a + b) : 0.5;
}

static double cut(float *x, const float *other, int height, int width, double keep,
                  struct rng *rng)
{
    int h = (int)lrint(height * sqrt(1 - keep)), w = (int)lrint(width * sqrt(1 - keep));
    int top = (int)rng_below(rng, (uint32_t)(height - h + 1));
    int left = (int)rng_below(rng, (uint32_t)(width - w + 1));
    for (int c = 0; c < 3; c++)
        for (int y = top; y < top + h; y++) {
            size_t at =
                ((size_t)c * (size_t)height + (size_t)y) * (size_t)width + (size_t)left;
            memcpy(x + at, other + at, (size_t)w * sizeof *x);
        }
    return 1 - (double)h * w / ((double)height * width);
}

double augment_mix(float *x, const float *other, int height, int width,
                   const struct augment_rule *rule, struct rng *rng)
{
    bool both = rule->mixup > 0 && rule->cutmix > 0;
    bool paste = both ? rng_below(rng, 2) : rule->cutmix > 0;
    if (paste)
        return cut(x, other, height, width, rng_beta(rng, rule->cutmix), rng);
    if (!(rule->mixup > 0))
        return 1;
    double keep = rng_beta(rng, rule->mixup);
    float own = (float)keep, foreign = 1 - own;
    for (size_t i = 0; i < 3 * (size_t)height * (size_t)width; i++)
        x[i] = own * x[i] + foreign * other[i];
    return keep;
}
