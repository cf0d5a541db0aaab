/*
 * From bytes to the network's input: one call per stage, in the order in which things
 * happen. What comes before the network depends on the condition and on the network's
 * input geometry, not on the network: a route is that part, and networks with equal
 * routes share its pixels.
 */
#pragma once

#include "base/image.h"
#include "datasets/dataset.h"
#include "harness/condition.h"
#include "noises/adversarial/adversarial.h"
#include "models/model.h"
#include "results/metrics/metrics.h"

#include <stdbool.h>
#include <stdint.h>

/* A condition with the model's own habits where it says nothing. Borrows the condition.
 */
struct route {
    const struct condition *condition;
    const struct decoder *decoder;
    const struct resizer *resizer;
    struct geometry_rule rule;
    char fit_key[256];  /* equal: the same picture after decode, resize and crop */
    char pixel_key[65]; /* equal: the same bytes at the network's door (with one seed) */
};

enum status route_plan(const struct condition *condition,
                       const struct preprocess *preprocess, struct route *out);

/*
 * The stages. `*stage` says where a failure happened: "read", "decode", "resize",
 * "colour", "noise" or "store".
 */
enum status pipeline_fit(const struct route *route, const struct dataset *dataset,
                         size_t index, struct image *out, const char **stage);
enum status pipeline_corrupt(const struct route *route, const char *key, uint64_t seed,
                             struct image *image, const char **stage);

/* Where the condition is a sequence, pipeline_fit() gives the picture before the crop, and
 * this its frames as networks see them: `frames` has PERTURBATION_MAX_FRAMES empty images,
 * of which *count are filled, or none on failure. */
enum status pipeline_frames(const struct route *route, const char *key, uint64_t seed,
                            const struct image *whole, struct image *frames, int *count,
                            const char **stage);

/* What the network is asked to do under this condition. */
struct session_options pipeline_session(const struct condition *condition,
                                        const struct model_record *record);

/* What came out for one sample. All-zero is not a valid value: see verdict_none. */
struct verdict {
    int top1;         /* -1: none, the sample failed; of a sequence: in its worst frame */
    int rank;         /* of the true class, 0 is best; -1: none */
    float margin;     /* z_y minus the largest other logit */
    float confidence; /* softmax probability of top1 */
    float distance;   /* adversarial: found; NaN: none */
    int queries;      /* adversarial: forwards spent */
    struct stability stability; /* of a sequence; its pairs are 0 where there is none */
    const char *broken_by;
    bool zero_gradient, violated, broken, broken_8bit, survives_all;
    uint32_t steps_done; /* protocols; 0: none */
    struct preflight preflight;
    uint32_t forwards, backwards;
};
extern const struct verdict verdict_none;

/* Ties go to the lower class. A label below 0 is of no class: no rank and no margin. */
void verdict_of_logits(const float *logits, int n_classes, int label,
                       struct verdict *out);
