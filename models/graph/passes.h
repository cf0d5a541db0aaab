/*
 * Passes: functions that rewrite a graph in place, each with a test. They work on graphs as
 * read or specialised, and leave graph_update() done; graph_infer() follows where a pass says
 * so.
 */
#pragma once

#include "models/graph/graph.h"

/* Rewrites nodes of older opsets in the form of `opset` (at most 13 is needed so far):
 * attributes that became inputs, Softmax over several axes. No-op on newer graphs. */
enum status graph_upgrade(struct graph *graph, int opset);
