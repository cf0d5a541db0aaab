/*
 * Coarse coloured noise: x ← clip(x + 6.4 level n, 0, 255), n of standard deviation 1 in
 * each channel with the spectrum 1 / (f^2 + 1).
 *
 * Source: Mintun, Kirillov & Xie, NeurIPS 2021, arXiv:2102.11273: levels of ImageNet-C-bar
 * and CIFAR-10-C-bar.
 */
#include "noises/natural/parts.h"

static const double level[2][5] = {{1, 2, 3, 4, 5}, {2.5, 4, 5.5, 6.5, 7}};

/* draws->uniform: spectrum_draws() phases for each channel. */
static enum status render(struct image *image, const struct natural_args *args,
                          const struct natural_draws *draws)
{
    double intensity = level[set_is_small(args->set)][args->severity - 1] * 64 / 10;
    size_t pixels = (size_t)image->width * (size_t)image->height;
    size_t phases = spectrum_draws(image->width, image->height);
    enum status st = OK;
    for (size_t c = 0; !st && c < 3; c++) {
        struct grid noise = {0};
        st = spectrum_noise(image->width, image->height, SPECTRUM_BROWN,
                            draws->uniform + c * phases, &noise);
        for (size_t i = 0; !st && i < pixels; i++) {
            uint8_t *x = &image->data[3 * i + c];
            *x = byte_clipped(*x + intensity * noise.data[i]);
        }
        grid_clear(&noise);
    }
    return st;
}

static enum status draw(const struct image *image, const struct natural_args *args,
                        struct rng *rng, struct natural_draws *draws)
{
    (void)args;
    return draws_uniform(draws, rng, 3 * spectrum_draws(image->width, image->height));
}

const struct natural natural_brownish_noise = {
    .name = "brownish_noise",
    .summary = "coarse coloured noise: ImageNet-C-bar",
    .source = "arXiv:2102.11273",
    .group = "extra",
    .severities = 5,
    .impl = 1,
    .in_cbar = true,
    .draw = draw,
    .render = render,
};
