/*
 * Black holes where blue noise is low: x ← x [n > t], n of standard deviation 1 with a
 * spectrum that rises with the frequency, one for all channels; t = .3 level - 2.5.
 *
 * Source: Mintun, Kirillov & Xie, NeurIPS 2021, arXiv:2102.11273: levels of ImageNet-C-bar
 * and CIFAR-10-C-bar.
 */
#include "noises/natural/parts.h"

static const double level[2][5] = {{.8, 1.6, 2.4, 4, 5.6}, {.7, 1.4, 2.1, 3.5, 4.2}};

/* draws->uniform: spectrum_draws() phases. */
static enum status render(struct image *image, const struct natural_args *args,
                          const struct natural_draws *draws)
{
    double threshold = level[set_is_small(args->set)][args->severity - 1] * 3 / 10 - 2.5;
    struct grid noise = {0};
    enum status st = spectrum_noise(image->width, image->height, SPECTRUM_BLUE,
                                    draws->uniform, &noise);
    size_t pixels = (size_t)image->width * (size_t)image->height;
    for (size_t i = 0; !st && i < pixels; i++)
        for (int c = 0; c < 3 && !(noise.data[i] > threshold); c++)
            image->data[3 * i + (size_t)c] = 0;
    grid_clear(&noise);
    return st;
}

static enum status draw(const struct image *image, const struct natural_args *args,
                        struct rng *rng, struct natural_draws *draws)
{
    (void)args;
    return draws_uniform(draws, rng, spectrum_draws(image->width, image->height));
}

const struct natural natural_blue_noise_sample = {
    .name = "blue_noise_sample",
    .summary = "black pixels where blue noise is low: ImageNet-C-bar",
    .source = "arXiv:2102.11273",
    .group = "extra",
    .severities = 5,
    .impl = 1,
    .in_cbar = true,
    .draw = draw,
    .render = render,
};
