/*
 * Perturbation sequences: ImageNet-P's, a picture and its small changes, made on the fly.
 * What a network says of one frame should be what it says of the next.
 *
 * The original stores its sequences as H.264; ours are the frames before that.
 *
 * How to add one: write its function in noises/natural/perturb/, end it in `const struct
 * perturbation perturbation_<name>`, and add the name to registry.c.
 *
 * Source: Hendrycks & Dietterich, ICLR 2019, arXiv:1903.12261.
 */
#pragma once

#include "noises/natural/natural.h"

enum { PERTURBATION_MAX_FRAMES = 41 };

struct perturbation_args {
    enum natural_set set; /* 224's constants for 224 and 299, CIFAR's for 32 and 64 */
    int difficulty;    /* 1..3: stronger noise; for the others frames between compared ones */
    int width, height; /* of the frames: a window in the middle of the picture */
};

struct perturbation {
    const char *name, *summary;
    bool noise;  /* frames are compared with the first, not with the one before */
    bool in_mfr; /* one of the ten of mFR; the others are for validation */
    int frames, frames_cifar;
    int impl;
    /*
     * whole   short side resized (256 for 224), not yet cropped; at least as large as the
     *         frames
     * frames  empty images, of the caller; [perturbation_frames()] are filled
     */
    enum status (*render)(const struct image *whole, const struct perturbation_args *args,
                          struct rng *rng, struct image *frames);
};
extern const struct perturbation *const perturbation_registry[]; /* ends with NULL */

int perturbation_frames(const struct perturbation *perturbation, enum natural_set set);
enum status perturbation_find(const char *name, const struct perturbation **out);
/* Checks sizes, renders, and leaves `frames` empty on failure. */
enum status perturbation_render(const struct perturbation *perturbation,
                                const struct image *whole,
                                const struct perturbation_args *args, struct rng *rng,
                                struct image *frames);
