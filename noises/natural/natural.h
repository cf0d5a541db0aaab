/*
 * Natural noise: ImageNet-C's corruptions and others like them, on uint8 RGB after resize
 * and crop, before the network.
 *
 * How to add one: write noises/natural/<name>.c ending in `const struct natural
 * natural_<name>`, and add the name to meson.build. The family's tests then check that it
 * repeats by seed, keeps its shape, differs from the input and has a source.
 */
#pragma once

#include "base/image.h"
#include "base/params.h"
#include "base/rng.h"
#include "base/status.h"

/* Which of the original's constant tables: chosen by image size unless named (set=). */
enum natural_set { NATURAL_224, NATURAL_CIFAR, NATURAL_64, NATURAL_299, NATURAL_SETS };
enum natural_set natural_set_for(int width, int height);
const char *natural_set_name(enum natural_set set); /* "224", "cifar", "64", "299" */

struct natural_args {
    int severity;                 /* 1..severities */
    enum natural_set set;
    const struct params *params;  /* of the member's table; NULL where it has none */
};

struct natural {
    const char *name, *summary, *source;
    const char *group;            /* "noise", "blur", "weather", "digital", "extra" */
    int severities;               /* 5, or 1 where there is no scale */
    int impl;                     /* raised when the bytes it gives change */
    bool in_mce;                  /* one of the 15 of mCE */
    const struct param *params;   /* NULL: none */
    /* image: [H][W][3], changed in place. Draws come from rng alone, already keyed by
     * (seed, sample, noise, severity). */
    enum status (*apply)(struct image *image, const struct natural_args *args,
                         struct rng *rng);
};
extern const struct natural *const natural_registry[];
enum status natural_find(const char *name, const struct natural **out);
