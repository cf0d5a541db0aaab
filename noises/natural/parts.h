/*
 * What several corruptions are made of. Everything here repeats an operation of NumPy,
 * SciPy, scikit-image, OpenCV, ImageMagick or libjpeg in that library's own order of
 * operations, because truncation to uint8 makes a last bit visible.
 */
#pragma once

#include "noises/natural/natural.h"

#include <stddef.h>

/* draws.c: fill one array of `draws`; ERR_NOMEM. draws_clear() frees all of them. */
enum status draws_normal(struct natural_draws *draws, struct rng *rng, size_t count);
enum status draws_uniform(struct natural_draws *draws, struct rng *rng, size_t count);
enum status draws_words(struct natural_draws *draws, struct rng *rng, size_t count);
enum status draws_room(struct natural_draws *draws, size_t count); /* integer, zeroed */
void draws_clear(struct natural_draws *draws);

/* NumPy's clip to [0,1], times 255, truncated: how the original makes its bytes. */
static inline uint8_t byte_from_unit(double value)
{
    value = value < 0 ? 0 : value;
    value = value > 1 ? 1 : value;
    return (uint8_t)(int)(value * 255);
}

/* A grid of doubles [height][width][channels]; ERR_NOMEM. free() the data. */
struct grid {
    int width, height, channels;
    double *data;
};
enum status grid_init(struct grid *grid, int width, int height, int channels);
enum status grid_from_image(const struct image *image, struct grid *out); /* u8 / 255. */
void grid_to_image(const struct grid *grid, struct image *image); /* byte_from_unit */
void grid_clear(struct grid *grid);

/*
 * gauss.c: scipy.ndimage.gaussian_filter in double, rows (axis 0) first; the sums run
 * from the centre tap to the outermost pair inwards, as SciPy's symmetric correlation
 * does. radius = int(truncate * sigma + 0.5). `in` and `out` may be the same grid.
 */
enum gauss_edge { GAUSS_NEAREST, GAUSS_REFLECT };
enum status gauss_filter(const struct grid *in, double sigma, double truncate,
                         enum gauss_edge edge, struct grid *out);
/* Centre and one side, normalised over both: weight[0..radius]; free() it. */
double *gauss_weights(double sigma, int radius);

/* hsv.c: scikit-image's rgb2hsv, S ← clip(S a + b), V ← clip(V + c), hsv2rgb. */
void hsv_shift(struct image *image, double a, double b, double c);

/* jpeg.c: what libjpeg(-turbo) decodes after encoding at this quality with 4:2:0, integer
 * DCT and fancy upsampling; the entropy coder, which loses nothing, is left out. */
enum status jpeg_round_trip(struct image *image, int quality);

/* poisson.c: draws count[i] ~ Poisson(x[i] / 255 * lambda) from one word each. */
void poisson_counts(const uint8_t *x, size_t size, double lambda, struct rng *rng,
                    uint32_t *counts);
