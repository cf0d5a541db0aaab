/*
 * Night: x stretched to [0,1], squared and dimmed, then few photons, Poisson(120 x) / 120,
 * and electronics, sigma = .018.
 *
 * Source: Kar et al., CVPR 2022, arXiv:2203.01441.
 */
#include "noises/natural/parts.h"

#include "base/simd.h"

static const double level[5] = {.6, .5, .4, .3, .2};

enum { PHOTONS = 120 };

struct dusk {
    uint8_t low, high;
    double level;
};

static struct dusk dusk_of(const struct image *image, int severity)
{
    struct dusk d = {255, 0, level[severity - 1]};
    for (size_t i = 0; i < image_size(image); i++) {
        d.low = image->data[i] < d.low ? image->data[i] : d.low;
        d.high = image->data[i] > d.high ? image->data[i] : d.high;
    }
    return d;
}

static double dimmed(const struct dusk *d, uint8_t value)
{
    double x =
        d->high > d->low ? (double)(value - d->low) / (double)(d->high - d->low) : 0;
    return x * x * d->level;
}

SIMD_CLONES
static void expose(uint8_t *restrict x, const uint32_t *restrict counts,
                   const float *restrict n, size_t size)
{
    for (size_t i = 0; i < size; i++) {
        double light = (double)(int32_t)counts[i] / PHOTONS;
        light = light < 1 ? light : 1;
        x[i] = byte_from_unit(light + 0.018 * (double)n[i]);
    }
}

/* draws->integer: the photons; draws->normal: the electronics. */
static enum status render(struct image *image, const struct natural_args *args,
                          const struct natural_draws *draws)
{
    (void)args;
    expose(image->data, draws->integer, draws->normal, image_size(image));
    return OK;
}

static enum status draw(const struct image *image, const struct natural_args *args,
                        struct rng *rng, struct natural_draws *draws)
{
    struct dusk dusk = dusk_of(image, args->severity);
    size_t size = image_size(image);
    double mean[256];
    for (int v = 0; v < 256; v++)
        mean[v] = PHOTONS * dimmed(&dusk, (uint8_t)v);
    enum status st = draws_room(draws, size);
    if (st)
        return st;
    poisson_counts_of(image->data, size, mean, rng, draws->integer);
    return draws_normal(draws, rng, size);
}

const struct natural natural_low_light = {
    .name = "low_light",
    .summary = "night: dim, few photons, and the camera's own noise",
    .source = "arXiv:2203.01441",
    .group = "extra",
    .severities = 5,
    .impl = 2,
    .draw = draw,
    .render = render,
};
