/*
 * A network being trained: its weights, and plans in train mode over parts of a batch.
 *
 * A batch is cut into a fixed number of parts, each on one thread; gradients are added in
 * the order of the parts. So the weights after any number of steps are the same on any
 * number of threads. Batch norm sees one part at a time: its statistics are of `size`
 * samples, as in data-parallel training.
 */
#pragma once

#include "models/graph/graph.h"

struct training;

struct training_options {
    int parts, size;     /* batch = parts * size */
    bool input_gradient; /* training_backward gives dx: for adversarial training */
};

/* `graph` has a symbolic batch, stays the caller's and must outlive the training, which
 * works on copies of its weights. */
enum status training_open(const struct graph *graph,
                          const struct training_options *options, struct training **out);
void training_close(struct training *training);

/*
 * One part, forward and back; parts may run at once.
 *   x        [size] of the graph's input, normalised as it wants it
 *   logits   [size][n_classes]
 *   dlogits  [size][n_classes], already divided by the batch size
 *   dx       like x, or NULL
 * Nothing is copied where they are the training's own.
 */
struct training_part {
    float *x, *logits, *dlogits, *dx; /* dx: NULL without input_gradient */
};
struct training_part training_part(const struct training *training, int part);
enum status training_forward(struct training *training, int part, const float *x,
                             float *logits);
enum status training_backward(struct training *training, int part, const float *dlogits,
                              float *dx);

/* Weights that the output depends on. */
struct variable {
    const char *name;
    struct shape shape;
    size_t count;
    float *data;     /* the weight itself: write to it between batches */
    float *gradient; /* training_reduce(): sum over the parts, in their order */
    bool decays;     /* a matrix or a kernel; biases and norms do not */
};
int training_variables(const struct training *training);
struct variable *training_variable(struct training *training, int i);

/* After every part has gone back: adds the gradients up. */
void training_reduce(struct training *training);
/* Running statistics of batch norm: r <- keep r + (1 - keep) new, the parts' mean. */
void training_average(struct training *training);

/* Writes weights and running statistics into the constants of `graph`, matched by name;
 * `weights[i]` replaces variable i's data where it is not NULL (weight averages). */
enum status training_store(const struct training *training, const float *const *weights,
                           struct graph *graph);
/* All that a checkpoint must hold: weights, then running statistics. */
int training_arrays(const struct training *training);
float *training_array(const struct training *training, int i, size_t *count);
size_t training_bytes(const struct training *training);
