/*
 * The trainer: epochs over a source of pictures, deterministic by seed on any number of
 * threads, resumable from a checkpoint after any epoch.
 */
#pragma once

#include "models/model.h"
#include "models/train/architecture.h"
#include "models/train/augment.h"
#include "models/train/optimizer.h"

#include "base/image.h"

/* Where pictures come from. May be called by several workers at once. */
struct train_source {
    size_t count;
    int n_classes;
    void *context;
    /* [side][side][3] RGB, decoded, resized and cropped, not augmented. Draws (which decoder,
     * which resizer) come from rng, keyed by (seed, sample, epoch). */
    enum status (*load)(void *context, size_t index, struct rng *rng, struct image *out,
                        int *label);
};

enum adversary { ADVERSARY_NONE, ADVERSARY_PGD, ADVERSARY_TRADES };

struct train_rule {
    const struct architecture *architecture;
    int side, n_classes, epochs;
    int parts, size; /* batch = parts * size; see models/runtime/train.h */
    struct optimizer_rule optimizer;
    struct schedule schedule;
    double smoothing; /* label smoothing, share spread over all classes */
    double average;   /* weight average kept per step; 0: none */
    struct augment_rule augment;
    double mean[3], std[3];   /* x = (u8/255 - mean) / std */
    enum adversary adversary; /* Madry et al. 2018, arXiv:1706.06083; Zhang et al. 2019,
                                   arXiv:1901.08573 */
    double eps, alpha, beta;  /* in [0,1] pixels; beta weighs TRADES' robust term */
    int steps;
    double distill,
        temperature; /* weight of the teacher's soft labels, Hinton et al. 2015,
                                    arXiv:1503.02531; 0: none */
    void *teacher;   /* passed to teach */
    enum status (*teach)(void *teacher, int worker, const float *x, float *logits);
    uint64_t seed;
    int threads;
};

struct trainer;

enum status trainer_open(const struct train_rule *rule, struct trainer **out);
void trainer_close(struct trainer *trainer);

struct train_progress {
    int epoch;             /* finished so far */
    double loss, accuracy; /* over the last epoch, as trained on */
    double rate;           /* learning rate at its end */
    double seconds;        /* of the last epoch */
    size_t samples;        /* in it */
};

/* One epoch. `step` is called after each batch (may be NULL): a progress bar. */
enum status trainer_epoch(struct trainer *trainer, const struct train_source *source,
                          void (*step)(size_t samples), struct train_progress *out);

/* Share of `source` classified right by the averaged weights, in evaluation mode. */
enum status trainer_evaluate(struct trainer *trainer, const struct train_source *source,
                             double *top1);

/* The network as it stands: averaged weights, running statistics, batch norm unfolded.
 * Owned by the trainer, valid until the next call. */
enum status trainer_graph(struct trainer *trainer, struct graph **out);
struct preprocess trainer_preprocess(const struct trainer *trainer);

/* Everything that later epochs depend on, bit for bit. ERR_FORMAT when the file is of
 * another rule. */
enum status trainer_save(const struct trainer *trainer, const char *path);
enum status trainer_resume(struct trainer *trainer, const char *path);
int trainer_epochs_done(const struct trainer *trainer);
