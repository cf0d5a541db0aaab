/* What the trainer keeps between batches. Private to the folder. */
#pragma once

#include "models/runtime/train.h"
#include "models/train/trainer.h"

/* What one part of the batch works with. */
struct part {
    float *clean;            /* [size][3][side][side] in [0,1] */
    float *input;            /* [rows] normalised; rows is 2 size for TRADES */
    float *dx;               /* gradient of input */
    float *adversarial;      /* [size] in [0,1] */
    float *logits, *dlogits; /* [rows][n_classes] */
    float *targets;          /* [size][n_classes] */
    float *teacher;          /* [size][n_classes] softened */
    int *labels;
    double loss;
    size_t right;
};

struct trainer {
    struct train_rule rule;
    struct graph graph;
    struct training *training;
    struct optimizer *optimizers;
    float **averages; /* per variable; NULL without averaging */
    struct part *parts;
    int rows; /* samples that the network sees per part */
    int epoch;
    uint64_t steps;
    /* during an epoch */
    const struct train_source *source;
    const uint32_t *order;
    size_t batch;
};
