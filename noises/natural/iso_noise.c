/*
 * A camera at high ISO: photon counting, x ← clip(Poisson(25 x) / 25, 0, 1), then
 * electronics, x ← clip(x + .7 sigma n, 0, 1).
 *
 * Source: Kar et al., CVPR 2022, arXiv:2203.01441.
 */
#include "noises/natural/parts.h"

#include "base/simd.h"

static const double sigma[5] = {.08, .12, .18, .26, .38};

enum { PHOTONS = 25 };

SIMD_CLONES
static void expose(uint8_t *restrict x, const uint32_t *restrict counts,
                   const float *restrict n, size_t size, double scale)
{
    for (size_t i = 0; i < size; i++) {
        double light = (double)(int32_t)counts[i] / PHOTONS;
        light = light < 1 ? light : 1;
        x[i] = byte_from_unit(light + scale * (double)n[i]);
    }
}

/* draws->integer: the photons; draws->normal: the electronics. */
static enum status render(struct image *image, const struct natural_args *args,
                          const struct natural_draws *draws)
{
    expose(image->data, draws->integer, draws->normal, image_size(image),
           0.7 * sigma[args->severity - 1]);
    return OK;
}

static enum status apply(struct image *image, const struct natural_args *args,
                         struct rng *rng)
{
    struct natural_draws draws = {0};
    size_t size = image_size(image);
    enum status st = draws_room(&draws, size);
    if (!st) {
        poisson_counts(image->data, size, PHOTONS, rng, draws.integer);
        st = draws_normal(&draws, rng, size);
    }
    if (!st)
        st = render(image, args, &draws);
    draws_clear(&draws);
    return st;
}

const struct natural natural_iso_noise = {
    .name = "iso_noise",
    .summary = "a camera at high ISO: photons, then electronics",
    .source = "arXiv:2203.01441",
    .group = "extra",
    .severities = 5,
    .impl = 1,
    .apply = apply,
    .render = render,
};
