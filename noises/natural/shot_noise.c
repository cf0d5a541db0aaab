/*
 * Photon counting: x ← clip(Poisson(lambda x) / lambda, 0, 1).
 *
 * Source: Hendrycks & Dietterich, ICLR 2019, arXiv:1903.12261.
 */
#include "noises/natural/parts.h"

// clang-format off
static const int lambda[NATURAL_SETS][5] = {
    [NATURAL_224]   = { 60,  25,  12,  5,  3},
    [NATURAL_CIFAR] = {500, 250, 100, 75, 50},
    [NATURAL_64]    = {250, 100,  50, 30, 15},
    [NATURAL_299]   = { 50,  20,  10,  5,  3},
};
// clang-format on

/* draws->integer: the counts, one for each channel value. */
static enum status render(struct image *image, const struct natural_args *args,
                          const struct natural_draws *draws)
{
    uint32_t most = (uint32_t)lambda[args->set][args->severity - 1];
    uint8_t byte[501];
    for (uint32_t k = 0; k <= most; k++)
        byte[k] = byte_from_unit((double)k / (double)most);
    size_t size = image_size(image);
    for (size_t i = 0; i < size; i++) {
        uint32_t count = draws->integer[i];
        image->data[i] = byte[count < most ? count : most];
    }
    return OK;
}

static enum status draw(const struct image *image, const struct natural_args *args,
                        struct rng *rng, struct natural_draws *draws)
{
    size_t size = image_size(image);
    enum status st = draws_room(draws, size);
    if (!st)
        poisson_counts(image->data, size, lambda[args->set][args->severity - 1], rng,
                       draws->integer);
    return st;
}

const struct natural natural_shot_noise = {
    .name = "shot_noise",
    .summary = "Poisson noise of counting few photons",
    .source = "arXiv:1903.12261",
    .group = "noise",
    .severities = 5,
    .impl = 1,
    .in_mce = true,
    .draw = draw,
    .render = render,
};
