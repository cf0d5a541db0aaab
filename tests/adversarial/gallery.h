/* Samples of the shared data as a network wants them, and attacks on all of them. */
#pragma once

#include "models/model.h"
#include "noises/adversarial/adversarial.h"

struct gallery {
    struct model *model;
    const struct model_record *record;
    size_t count, size;
    float *x; /* [count][size] */
    int *labels;
    char **keys;
};

/* Every `stride`-th sample of a dataset in key order, `count` at most, decoded and resized
 * as the model's record says. */
enum status gallery_open(const char *model, const char *dataset, size_t stride, size_t count,
                         struct gallery *out);
void gallery_close(struct gallery *gallery);

struct gallery_run {
    const struct attack *attack;
    const struct params *params;
    const struct model *source; /* NULL: none */
    const struct session_options *options, *source_options;
    int threads;
    uint64_t seed;
    const bool *skip;           /* samples taken as wrong already; NULL: clean-wrong ones */
    bool *right;                /* out, [count]: still right; may be skip's complement */
    bool *right_8bit;           /* out or NULL */
    struct attack_result *results; /* out, [count], or NULL */
    float *adversarial;         /* out, [count][size], or NULL */
    double seconds;             /* out: wall time of the attacks */
    uint64_t forwards, backwards;
};
enum status gallery_attack(const struct gallery *gallery, struct gallery_run *run);

size_t count_true(const bool *flags, size_t count);
