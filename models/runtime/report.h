/* What a network is made of and what it costs: the data of `gauntlet inspect`. */
#pragma once

#include "models/graph/graph.h"

struct report_totals {
    int64_t params;          /* numbers in weights, biases and normalisations */
    int64_t macs;            /* multiply-adds for one picture */
    int64_t outputs;         /* elements of the first output */
};

/* Of a specialised graph (batch 1). */
struct report_totals report_count(const struct graph *graph);
/* Of one node. */
int64_t report_macs(const struct node *node);
int64_t report_params(const struct node *node);
