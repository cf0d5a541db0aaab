/*
 * Spatter: drops of water (severities 1 to 3) or of mud on the lens, where blurred normal
 * noise exceeds a threshold.
 *
 * Source: Hendrycks & Dietterich, ICLR 2019, arXiv:1903.12261; one of the four validation
 * corruptions.
 */
#include "noises/natural/parts.h"

#include "base/mem.h"

#include <stdlib.h>

struct spatter {
    double mean, spread, sigma, threshold, strength;
    bool mud;
};

// clang-format off
static const struct spatter spatter[NATURAL_SETS][5] = {
    [NATURAL_224] = {
        {.65, .3, 4.0, .69, 0.6, 0}, {.65, .3, 3.0, .68, 0.6, 0}, {.65, .3, 2.0, .68, 0.5, 0},
        {.65, .3, 1.0, .65, 1.5, 1}, {.67, .4, 1.0, .65, 1.5, 1}},
    [NATURAL_CIFAR] = {
        {.62, .1, 0.7, .70, 0.5, 0}, {.65, .1, 0.8, .70, 0.5, 0}, {.65, .3, 1.0, .69, 0.5, 0},
        {.65, .1, 0.7, .69, 0.6, 1}, {.65, .1, 0.5, .68, 0.6, 1}},
    [NATURAL_64] = {
        {.62, .1, 0.7, .70, 0.6, 0}, {.65, .1, 0.8, .70, 0.6, 0}, {.65, .3, 1.0, .69, 0.6, 0},
        {.65, .1, 0.7, .68, 0.6, 1}, {.65, .1, 0.5, .67, 0.6, 1}},
    [NATURAL_299] = {
        {.65, .3, 4.0, .69, 0.9, 0}, {.65, .3, 3.5, .68, 0.9, 0}, {.65, .3, 3.0, .68, 0.8, 0},
        {.65, .3, 1.2, .65, 1.8, 1}, {.67, .4, 1.2, .65, 1.8, 1}},
};
// clang-format on

/* float x in [0,1], times 255 in float, truncated. */
static uint8_t byte_from_float(float x)
{
    x = x < 0 ? 0 : x > 1 ? 1 : x;
    return (uint8_t)(int)(x * 255.0f);
}

static void add_water(struct image *image, const float *mask)
{
    static const float pale[3] = {(float)(175 / 255.), (float)(238 / 255.),
                                  (float)(238 / 255.)};
    size_t pixels = (size_t)image->width * (size_t)image->height;
    for (size_t i = 0; i < pixels; i++)
        for (size_t c = 0; c < 3; c++) {
            float x = (float)image->data[3 * i + c] / 255.0f;
            image->data[3 * i + c] = byte_from_float(x + mask[i] * pale[c]);
        }
}

static void cover_with_mud(struct image *image, const double *mask)
{
    static const float brown[3] = {(float)(63 / 255.), (float)(42 / 255.),
                                   (float)(20 / 255.)};
    size_t pixels = (size_t)image->width * (size_t)image->height;
    for (size_t i = 0; i < pixels; i++) {
        float m = (float)mask[i];
        m = m < (float)0.8 ? 0 : m;
        for (size_t c = 0; c < 3; c++) {
            float x = (float)image->data[3 * i + c] / 255.0f;
            image->data[3 * i + c] = byte_from_float(x * (1 - m) + m * brown[c]);
        }
    }
}

static enum status water(struct image *image, const struct grid *layer, double strength)
{
    float *mask = mem_try((size_t)image->width * (size_t)image->height, sizeof *mask);
    if (!mask)
        return status_fail(ERR_NOMEM, "no memory for a mask of water");
    enum status st = water_mask(layer, strength, mask);
    if (!st)
        add_water(image, mask);
    free(mask);
    return st;
}

static enum status mud(struct image *image, struct grid *layer, double threshold,
                       double sigma)
{
    size_t pixels = (size_t)image->width * (size_t)image->height;
    for (size_t i = 0; i < pixels; i++)
        layer->data[i] = layer->data[i] > threshold;
    struct gauss gauss = {{sigma, sigma}, 4, GAUSS_NEAREST, true};
    enum status st = gauss_filter(layer, &gauss, layer);
    if (!st)
        cover_with_mud(image, layer->data);
    return st;
}

/* draws->normal: the layer. */
static enum status render(struct image *image, const struct natural_args *args,
                          const struct natural_draws *draws)
{
    struct spatter c = spatter[args->set][args->severity - 1];
    size_t pixels = (size_t)image->width * (size_t)image->height;
    struct grid layer;
    enum status st = grid_init(&layer, image->width, image->height, 1);
    for (size_t i = 0; !st && i < pixels; i++)
        layer.data[i] = c.mean + c.spread * (double)draws->normal[i];
    if (!st)
        st = gauss_blur(&layer, c.sigma, &layer);
    for (size_t i = 0; !st && i < pixels; i++)
        layer.data[i] = layer.data[i] < c.threshold ? 0 : layer.data[i];
    if (!st)
        st = c.mud ? mud(image, &layer, c.threshold, c.strength)
                   : water(image, &layer, c.strength);
    grid_clear(&layer);
    return st;
}

const struct natural natural_spatter = {
    .name = "spatter",
    .summary = "drops of water, then mud, on the lens",
    .source = "arXiv:1903.12261",
    .group = "extra",
    .severities = 5,
    .impl = 1,
    .normals = {.each = 1},
    .render = render,
};
