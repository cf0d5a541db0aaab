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
};

void network_init(struct network *network, const struct graph *graph,
                  const struct preprocess *preprocess);
void network_clear(struct network *network);

/* The plan for these options, compiled when it is asked for first. Any thread. */
enum status network_plan(struct network *network, const struct session_options *options,
                         const struct plan **out);
/* The same for a batch, unshared: for benchmarks and tests. The graph it is made from
 * must outlive it. */
enum status network_compile(const struct graph *graph, const struct preprocess *preprocess,
                            const struct session_options *options, int batch,
                            struct plan *out);

enum status session_open_network(struct network *network, const struct session_options *options,
                                 struct session **out);
