/*
 * Snow: a layer of normal noise, enlarged, thresholded and blurred along a direction near
 * the vertical; the picture is whitened, and the layer and its half turn are added.
 *
 * variant=imagecorruptions keeps the layer in double until it is blurred and rounds then.
 *
 * Source: Hendrycks & Dietterich, ICLR 2019, arXiv:1903.12261.
 */
#include "noises/natural/parts.h"

#include "base/simd.h"

#include <math.h>

struct snow {
    double mean, spread, zoom, threshold, radius, sigma, mix;
};

// clang-format off
static const struct snow snow[NATURAL_SETS][5] = {
    [NATURAL_224] = {
        {.10, .3, 3.0, .50, 10,  4, .80}, {.20, .3, 2.0, .50, 12,  4, .70},
        {.55, .3, 4.0, .90, 12,  8, .70}, {.55, .3, 4.5, .85, 12,  8, .65},
        {.55, .3, 2.5, .85, 12, 12, .55}},
    [NATURAL_CIFAR] = {
        {.10, .2, 1.00, .60,  8,  3, .95}, {.10, .2, 1.00, .50, 10,  4, .90},
        {.15, .3, 1.75, .55, 10,  4, .90}, {.25, .3, 2.25, .60, 12,  6, .85},
        {.30, .3, 1.25, .65, 14, 12, .80}},
    [NATURAL_64] = {
        {.10, .2, 1.00, .60,  8,  3, .80}, {.10, .2, 1.00, .50, 10,  4, .80},
        {.15, .3, 1.75, .55, 10,  4, .70}, {.25, .3, 2.25, .60, 12,  6, .65},
        {.30, .3, 1.25, .65, 14, 12, .60}},
    [NATURAL_299] = {
        {.10, .3, 3.0, .50, 10,  4, .80}, {.20, .3, 2.0, .50, 12,  4, .70},
        {.55, .3, 4.0, .90, 12,  8, .70}, {.55, .3, 4.5, .85, 12,  8, .65},
        {.55, .3, 2.5, .85, 12, 12, .55}},
};
// clang-format on

/* The noise, enlarged, thresholded and as bytes or, for imagecorruptions, as it is. */
static enum status make_layer(const struct snow *c, const float *normal, bool original,
                              struct grid *layer)
{
    struct grid noise;
    enum status st = grid_init(&noise, layer->width, layer->height, 1);
    if (st)
        return st;
    size_t size = (size_t)layer->width * (size_t)layer->height;
    for (size_t i = 0; i < size; i++)
        noise.data[i] = c->mean + c->spread * (double)normal[i];
    st = clipped_zoom(&noise, c->zoom, original ? ZOOM_CENTRE : ZOOM_START, layer);
    for (size_t i = 0; !st && i < size; i++) {
        double x = layer->data[i] < c->threshold ? 0 : layer->data[i];
        x = x < 1 ? x > 0 ? x : 0 : 1;
        layer->data[i] = original ? (double)(int)(x * 255) : x;
    }
    grid_clear(&noise);
    return st;
}

static uint8_t flake(double x, bool original)
{
    return original ? byte_from_magick(x) : (uint8_t)(int)rint(x * 255);
}

static inline float larger(float a, float b)
{
    return a > b ? a : b;
}

SIMD_CLONES
static void fall(uint8_t *restrict pixels, const double *restrict layer, size_t count,
                 double mix)
{
    float keep = (float)mix, white = (float)(1 - mix);
    for (size_t i = 0; i < count; i++) {
        float r = (float)pixels[3 * i] / 255.0f, g = (float)pixels[3 * i + 1] / 255.0f;
        float b = (float)pixels[3 * i + 2] / 255.0f;
        float grey = (r * 0.299f + g * 0.587f + b * 0.114f) * 1.5f + 0.5f;
        double here = layer[i], turned = layer[count - 1 - i];
        r = keep * r + white * larger(r, grey);
        g = keep * g + white * larger(g, grey);
        b = keep * b + white * larger(b, grey);
        pixels[3 * i] = byte_from_unit((double)r + here + turned);
        pixels[3 * i + 1] = byte_from_unit((double)g + here + turned);
        pixels[3 * i + 2] = byte_from_unit((double)b + here + turned);
    }
}

/* draws->normal: the layer; draws->uniform[0]: the direction. */
static enum status render(struct image *image, const struct natural_args *args,
                          const struct natural_draws *draws)
{
    struct snow c = snow[args->set][args->severity - 1];
    bool original = is_original(args);
    struct trail trail = {
        .radius = c.radius,
        .sigma = c.sigma,
        .angle = -135.0 + (-45.0 - -135.0) * (double)draws->uniform[0],
        .stop = !original,
    };
    struct grid layer = {.width = image->width, .height = image->height, .channels = 1};
    struct grid blown = {0};
    enum status st = make_layer(&c, draws->normal, original, &layer);
    if (!st)
        st = motion_trail(&layer, &trail, &blown);
    if (!st) {
        size_t count = (size_t)image->width * (size_t)image->height;
        for (size_t i = 0; i < count; i++)
            blown.data[i] = (double)flake(blown.data[i], original) / 255.0;
        fall(image->data, blown.data, count, c.mix);
    }
    grid_clear(&layer);
    grid_clear(&blown);
    return st;
}

static const struct param params[] = {
    VARIANT_PARAM,
    {0},
};

const struct natural natural_snow = {
    .name = "snow",
    .summary = "driving snow over a whitened picture",
    .source = "arXiv:1903.12261",
    .group = "weather",
    .severities = 5,
    .impl = 1,
    .in_mce = true,
    .params = params,
    .normals = {.each = 1},
    .uniforms = {.fixed = 1},
    .render = render,
};
