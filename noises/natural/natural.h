/*
 * Natural noise: ImageNet-C's corruptions and others like them, on uint8 RGB after resize
 * and crop, before the network.
 *
 * How to add one: write noises/natural/<name>.c ending in `const struct natural
 * natural_<name>`, and add the name to meson.build. The family's tests then check that it
 * repeats by seed, keeps its shape, differs from the input and has a source.
 *
 * A random corruption comes in two steps: arrays are drawn, then `render` is the
 * definition with those arrays given. The tests hand the same arrays to an oracle and
 * compare pixels; what is drawn is tested for its law.
 */
#pragma once

#include "base/image.h"
#include "base/params.h"
#include "base/rng.h"
#include "base/status.h"

#include <stdbool.h>

/*
 * Which of the original's constant tables: chosen by image size unless named (set=).
 * The nearest of 32, 64, 224 and 299 to the shorter side, in proportion.
 */
enum natural_set { NATURAL_224, NATURAL_CIFAR, NATURAL_64, NATURAL_299, NATURAL_SETS };
enum natural_set natural_set_for(int width, int height);
const char *natural_set_name(enum natural_set set); /* "224", "cifar", "64", "299" */
enum status natural_set_find(const char *name, enum natural_set *out);

struct natural_args {
    int severity; /* 1..severities */
    enum natural_set set;
    const struct params *params; /* of the member's table; NULL where it has none */
};

/* Random arrays in the order of the definition; those that a corruption lacks are NULL.
 * Floats hold every value that we draw exactly. */
struct natural_draws {
    float *normal;     /* N(0, 1) */
    float *uniform;    /* [0, 1) */
    uint32_t *integer; /* words, counts or offsets, as the corruption says */
    size_t normals, uniforms, integers; /* lengths */
};
void draws_clear(struct natural_draws *draws);

/* How many numbers a definition takes: for each pixel, and beside that. */
struct natural_count {
    int each, fixed;
};

struct natural {
    const char *name, *summary, *source;
    const char *group;          /* "noise", "blur", "weather", "digital", "extra" */
    int severities;             /* 5, or 1 where there is no scale */
    int impl;                   /* raised when the bytes it gives change */
    bool in_mce;                /* one of the 15 of mCE */
    bool in_cbar;               /* one of the 10 of ImageNet-C-bar */
    const struct param *params; /* NULL: none */
    /* What is drawn, in this order; all zero: nothing. */
    struct natural_count normals, uniforms, words;
    /* Instead, where that does not say it: fills the arrays from rng alone. NULL: it does. */
    enum status (*draw)(const struct image *image, const struct natural_args *args,
                        struct rng *rng, struct natural_draws *draws);
    /* image: [H][W][3], changed in place. */
    enum status (*render)(struct image *image, const struct natural_args *args,
                          const struct natural_draws *draws);
};
/* Whether two seeds differ. */
bool natural_is_random(const struct natural *natural);
/* The arrays that `render` takes for this picture; draws_clear() when done, or on failure. */
enum status natural_draw(const struct natural *natural, const struct image *image,
                         const struct natural_args *args, struct rng *rng,
                         struct natural_draws *out);
/* Draws and renders; rng is keyed by (seed, sample, noise, severity). */
enum status natural_apply(const struct natural *natural, struct image *image,
                          const struct natural_args *args, struct rng *rng);
extern const struct natural *const natural_registry[];
enum status natural_find(const char *name, const struct natural **out);
