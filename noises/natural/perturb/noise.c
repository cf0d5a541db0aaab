/* Noise sequences: the picture, then thirty draws of noise on it. */
#include "noises/natural/perturb/perturb.h"

static const double gaussian[2][3] = {{.03, .05, .08}, {.02, .04, .06}};
static const double speckle[2][3] = {{.05, .10, .15}, {.05, .07, .10}};
static const double shot[2][3] = {{300, 120, 60}, {700, 400, 200}};

/* x + sigma n, or x + x sigma n. */
static enum status normal_sequence(const struct image *whole,
                                   const struct perturbation_args *args, struct rng *rng,
                                   double sigma, bool multiply, struct image *frames)
{
    enum status st = middle(whole, args, &frames[0]);
    for (int i = 1; !st && i < 31; i++) {
        struct natural_draws draws = {0};
        st = draws_normal(&draws, rng, image_size(&frames[0]));
        if (!st)
            st = image_copy(&frames[0], &frames[i]);
        for (size_t k = 0; !st && k < image_size(&frames[i]); k++) {
            double x = (double)frames[0].data[k] / 255.0,
                   n = sigma * (double)draws.normal[k];
            frames[i].data[k] = byte_from_unit(x + (multiply ? x * n : n));
        }
        draws_clear(&draws);
    }
    return st;
}

static enum status gaussian_frames(const struct image *whole,
                                   const struct perturbation_args *args, struct rng *rng,
                                   struct image *frames)
{
    double sigma = gaussian[is_cifar(args)][args->difficulty - 1];
    return normal_sequence(whole, args, rng, sigma, false, frames);
}

static enum status speckle_frames(const struct image *whole,
                                  const struct perturbation_args *args, struct rng *rng,
                                  struct image *frames)
{
    double sigma = speckle[is_cifar(args)][args->difficulty - 1];
    return normal_sequence(whole, args, rng, sigma, true, frames);
}

static enum status shot_frames(const struct image *whole,
                               const struct perturbation_args *args, struct rng *rng,
                               struct image *frames)
{
    double lambda = shot[is_cifar(args)][args->difficulty - 1];
    struct natural_draws draws = {0};
    enum status st = middle(whole, args, &frames[0]);
    if (!st)
        st = draws_room(&draws, image_size(&frames[0]));
    for (int i = 1; !st && i < 31; i++) {
        st = image_copy(&frames[0], &frames[i]);
        if (st)
            break;
        size_t size = image_size(&frames[i]);
        poisson_counts(frames[0].data, size, lambda, rng, draws.integer);
        for (size_t k = 0; k < size; k++)
            frames[i].data[k] = byte_from_unit((double)draws.integer[k] / lambda);
    }
    draws_clear(&draws);
    return st;
}

const struct perturbation perturbation_gaussian_noise = {
    "gaussian_noise", "thirty draws of normal noise", true, true, 31, 31, 1,
    gaussian_frames,
};
const struct perturbation perturbation_shot_noise = {
    "shot_noise", "thirty draws of Poisson noise", true, true, 31, 31, 1, shot_frames,
};
const struct perturbation perturbation_speckle_noise = {
    "speckle_noise", "thirty draws of multiplicative noise", true, false, 31, 31, 1,
    speckle_frames,
};
