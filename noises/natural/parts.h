/*
 * What several corruptions are made of. Everything here repeats an operation of NumPy,
 * SciPy, scikit-image, OpenCV, ImageMagick or libjpeg in that library's own order of
 * operations, because truncation to uint8 makes a last bit visible.
 */
#pragma once

#include "noises/natural/natural.h"

#include <stddef.h>
#include <string.h>

/* draws.c: fill one array of `draws`; ERR_NOMEM. */
enum status draws_normal(struct natural_draws *draws, struct rng *rng, size_t count);
enum status draws_uniform(struct natural_draws *draws, struct rng *rng, size_t count);
enum status draws_words(struct natural_draws *draws, struct rng *rng, size_t count);
enum status draws_room(struct natural_draws *draws, size_t count); /* integer */

/* NumPy's clip to [0,1], times 255, truncated: how the original makes its bytes. */
static inline uint8_t byte_from_unit(double value)
{
    value = value < 0 ? 0 : value;
    value = value > 1 ? 1 : value;
    return (uint8_t)(int)(value * 255);
}

/* Clipped to [0,255] and truncated. */
static inline uint8_t byte_clipped(double value)
{
    value = value < 0 ? 0 : value;
    return (uint8_t)(int)(value > 255 ? 255 : value);
}

/* floor() of what is far from the ends of int, without a call. */
static inline int floor_int(double x)
{
    int i = (int)x;
    return i - (x < i);
}

/* Whether constants are those for pictures of 32 and 64 pixels, where there are but two. */
static inline bool set_is_small(enum natural_set set)
{
    return set == NATURAL_CIFAR || set == NATURAL_64;
}

static inline int shorter_side(const struct image *image)
{
    return image->width < image->height ? image->width : image->height;
}

/* A row of a member's table of parameters, and what it says: the original's definition, or
 * imagecorruptions'. */
#define VARIANT_PARAM                                                                    \
    {"variant", PARAM_WORD, "original", 0, 0, "original imagecorruptions",               \
     "whose definition"}
static inline bool is_original(const struct natural_args *args)
{
    return !strcmp(params_word(args->params, "variant"), "original");
}

/* A grid of doubles [height][width][channels], not zeroed; ERR_NOMEM. */
struct grid {
    int width, height, channels;
    double *data;
};
enum status grid_init(struct grid *grid, int width, int height, int channels);
enum status grid_from_image(const struct image *image, struct grid *out); /* u8 / 255. */
void grid_to_image(const struct grid *grid, struct image *image); /* byte_from_unit */
void grid_clear(struct grid *grid);

/*
 * gauss.c: scipy.ndimage.gaussian_filter in double, rows (axis 0) first; the sums run from
 * the centre tap to the outermost pair inwards, as SciPy's symmetric correlation does.
 * radius = int(truncate * sigma + 0.5). `in` and `out` may be the same grid.
 */
enum gauss_edge { GAUSS_NEAREST, GAUSS_REFLECT };
struct gauss {
    double sigma[2]; /* along axis 0 (rows) and axis 1 */
    double truncate;
    enum gauss_edge edge;
    bool single; /* the results of both passes are rounded to float */
};
enum status gauss_filter(const struct grid *in, const struct gauss *gauss,
                         struct grid *out);
/* The usual one: the same sigma, cut off at four of them, edges repeated. */
enum status gauss_blur(const struct grid *in, double sigma, struct grid *out);

/* NumPy's order of summation: eight partial sums up to 128 numbers, halves beyond. */
double numpy_sum(const double *x, int n);

/*
 * motion.c: ImageMagick's motion blur: a one-sided trail of 2 radius + 1 taps weighed by
 * exp(-i^2 / 2 sigma^2), at offsets rounded to pixels, edges repeated. Degrees.
 */
struct trail {
    double radius, sigma, angle;
    bool stop; /* imagecorruptions ends a trail that leaves the picture */
};
enum status motion_trail(const struct grid *in, const struct trail *trail,
                         struct grid *out);
/* 0..255 rounded to ImageMagick's 16 bits and cut to 8 as its PNG writer does. */
static inline uint8_t byte_from_magick(double value)
{
    return (uint8_t)((int)(value * 257 + 0.5) / 257);
}

/* zoom.c: one axis of scipy.ndimage.zoom(order=1) of the middle 1/factor of n pixels, of
 * which n are kept. */
struct zoom_tap {
    int before, after; /* pixels of the original axis */
    double near, far;  /* their weights; both 0 where SciPy sees outside */
};
enum zoom_trim { ZOOM_CENTRE, ZOOM_START }; /* the original; imagecorruptions */
/* Fills tap[0..n). Returns how many of them exist: n, or fewer with ZOOM_START. */
int zoom_axis(int n, double factor, enum zoom_trim trim, struct zoom_tap *tap);
/* One channel. What does not exist is 0. `in` and `out` differ. */
enum status clipped_zoom(const struct grid *in, double factor, enum zoom_trim trim,
                         struct grid *out);

/* plasma.c: diamond-square map of side `size` (a power of two) scaled to [0,1]; consumes
 * size^2 - 1 uniform numbers. */
enum status plasma_map(int size, double decay, const float *uniform, struct grid *out);

/*
 * fourier.c: noise of standard deviation 1 whose amplitude rises with the frequency (blue)
 * or falls (brown: 1 / (f^2 + 1)), from spectrum_draws() uniform phases; one channel.
 */
enum spectrum { SPECTRUM_BLUE, SPECTRUM_BROWN };
size_t spectrum_draws(int width, int height);
enum status spectrum_noise(int width, int height, enum spectrum kind, const float *uniform,
                           struct grid *out);

/* water.c: OpenCV's way from a thresholded layer in [0,1] to the strength of water on it,
 * 0..strength. One channel; out: [height][width] floats, of the caller. */
enum status water_mask(const struct grid *layer, double strength, float *out);

/*
 * overlay.c: pictures to lay over others, loaded or made once and kept.
 *
 * folder  "": our own ice crystals; else the first five picture files of it, by name
 * scale   of the pictures (cv2.resize, linear); 1: as they are
 */
struct overlay {
    const char *folder;
    double scale;
    bool enlarge;      /* by 1.1, cubic, as imagecorruptions does */
    int width, height; /* a crop of this size must fit */
};
/* The texture number `word` 5 / 2^32; stays the library's. */
enum status overlay_find(const struct overlay *overlay, uint32_t word,
                         const struct image **out);
struct image overlay_crystals(int side, uint64_t seed); /* grey-blue ice on black */

/* hsv.c: scikit-image's rgb2hsv, S ← clip(S a + b), V ← clip(V + c), hsv2rgb. */
void hsv_shift(struct image *image, double a, double b, double c);

/* jpeg.c: what libjpeg(-turbo) decodes after encoding at this quality with 4:2:0, integer
 * DCT and fancy upsampling; the entropy coder, which loses nothing, is left out. */
enum status jpeg_round_trip(struct image *image, int quality);

/* poisson.c: draws count[i] ~ Poisson(x[i] / 255 * lambda) from one word each. */
void poisson_counts(const uint8_t *x, size_t size, double lambda, struct rng *rng,
                    uint32_t *counts);
/* The same with a mean of its own for each of the 256 values; tables for those that occur
 * are made anew. */
void poisson_counts_of(const uint8_t *x, size_t size, const double mean[256],
                       struct rng *rng, uint32_t *counts);
