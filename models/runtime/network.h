/* The part of a model that computes: its graph, and the plans made from it so far. */
#pragma once

#include "models/graph/graph.h"
#include "models/model.h"
#include "models/runtime/plan.h"

#include <pthread.h>

struct network {
    const struct graph *graph;        /* as read */
    const struct preprocess *preprocess;
    pthread_mutex_t lock;
    struct network_plan *plans;       /* by options; kept until the end */
    float *samples;                   /* for int8: pictures to find ranges with */
    size_t n_samples;
};

void network_init(struct network *network, const struct graph *graph,
                  const struct preprocess *preprocess);
void network_clear(struct network *network);

/* Copies n pictures [3][H][W] in [0,1] for int8; ERR_BUSY once an int8 plan exists. */
enum status network_calibrate(struct network *network, const float *const *pictures, size_t n);

/* The plan for these options, compiled when it is asked for first. Any thread. */
enum status network_plan(struct network *network, const struct session_options *options,
                         const struct plan **out);
/* The same for a batch and a number of threads, unshared: for benchmarks and tests. */
enum status network_compile(const struct network *network,
                            const struct session_options *options, int batch, int threads,
                            struct plan *out);

enum status session_open_network(struct network *network, const struct session_options *options,
                                 struct session **out);
