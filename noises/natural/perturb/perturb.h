/* What the sequences share. Private. */
#pragma once

#include "noises/natural/parts.h"
#include "noises/natural/perturbation.h"

static inline bool is_cifar(const struct perturbation_args *args)
{
    return args->set == NATURAL_CIFAR || args->set == NATURAL_64;
}

/* The window in the middle, offsets rounded half to even as torchvision does. */
struct rect middle_window(const struct image *whole, const struct perturbation_args *args);
enum status middle(const struct image *whole, const struct perturbation_args *args,
                   struct image *out);

/* The window of in(m (x + .5, y + .5)) as Pillow's affine transform has it, black outside;
 * nearest pixel or linear. */
enum status pillow_affine(const struct image *in, const double m[6], bool linear,
                          struct rect window, struct image *out);
