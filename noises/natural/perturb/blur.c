/* Sequences of blur: a turning trail, a growing zoom, a growing Gaussian. */
#include "noises/natural/perturb/perturb.h"

#include <stdlib.h>
#include <string.h>

static enum status motion_frames(const struct image *whole,
                                 const struct perturbation_args *args, struct rng *rng,
                                 struct image *frames)
{
    (void)rng;
    bool cifar = is_cifar(args);
    int count = cifar ? 21 : 31;
    struct image clean = {0};
    struct grid grid = {0};
    enum status st = middle(whole, args, &clean);
    if (!st)
        st = grid_init(&grid, clean.width, clean.height, 3);
    for (size_t i = 0; !st && i < image_size(&clean); i++)
        grid.data[i] = clean.data[i];
    for (int i = 0; !st && i < count; i++) {
        struct trail trail = {cifar ? 6 : 10, cifar ? 1.8 : 3,
                              cifar ? (i - 20) * 9 : (i - 30) * 4, false};
        struct grid blurred = {0};
        st = motion_trail(&grid, &trail, &blurred);
        if (!st)
            st = image_copy(&clean, &frames[i]);
        for (size_t k = 0; !st && k < image_size(&clean); k++)
            frames[i].data[k] = byte_from_magick(blurred.data[k]);
        grid_clear(&blurred);
    }
    grid_clear(&grid);
    image_clear(&clean);
    return st;
}

/* The running mean of the picture and of itself enlarged by .4 % more a frame. */
static enum status zoom_frames(const struct image *whole,
                               const struct perturbation_args *args, struct rng *rng,
                               struct image *frames)
{
    (void)rng;
    enum status st = middle(whole, args, &frames[0]);
    if (st)
        return st;
    size_t size = image_size(&frames[0]);
    float *sum = calloc(size, sizeof *sum);
    if (!sum)
        return status_fail(ERR_NOMEM, "no memory for %zu sums", size);
    for (size_t k = 0; k < size; k++)
        sum[k] = (float)frames[0].data[k] / 255.0f;
    double cx = whole->width * .5 + .5, cy = whole->height * .5 + .5;
    for (int i = 1; !st && i < 31; i++) {
        double step = 1 / (1 + 0.004 * i);
        double m[6] = {step, 0, cx - step * cx, 0, step, cy - step * cy};
        st = pillow_affine(whole, m, true, middle_window(whole, args), &frames[i]);
        for (size_t k = 0; !st && k < size; k++) {
            sum[k] += (float)frames[i].data[k] / 255.0f;
            frames[i].data[k] = (uint8_t)(int)(sum[k] / (float)(i + 1) * 255.0f);
        }
    }
    free(sum);
    return st;
}

static enum status gaussian_frames(const struct image *whole,
                                   const struct perturbation_args *args, struct rng *rng,
                                   struct image *frames)
{
    (void)rng;
    bool cifar = is_cifar(args);
    struct image clean = {0};
    struct grid grid = {0};
    enum status st = middle(whole, args, &clean);
    if (!st)
        st = grid_from_image(&clean, &grid);
    for (int i = 0; !st && i < 31; i++) {
        double sigma = cifar ? 0.3 + 0.015 * i : 0.25 + 0.035 * i;
        struct gauss gauss = {{sigma, sigma}, cifar ? 7 : 6, GAUSS_NEAREST, false};
        struct grid blurred = {0};
        st = gauss_filter(&grid, &gauss, &blurred);
        if (!st)
            st = image_copy(&clean, &frames[i]);
        if (!st)
            grid_to_image(&blurred, &frames[i]);
        grid_clear(&blurred);
    }
    grid_clear(&grid);
    image_clear(&clean);
    return st;
}

const struct perturbation perturbation_motion_blur = {
    "motion_blur", "a trail that turns", false, true, 31, 21, 1, motion_frames,
};
const struct perturbation perturbation_zoom_blur = {
    "zoom_blur", "a zoom that grows", false, true, 31, 31, 1, zoom_frames,
};
const struct perturbation perturbation_gaussian_blur = {
    "gaussian_blur", "a Gaussian that grows", false, false, 31, 31, 1, gaussian_frames,
};
