/* Nodes of opset 1 to 6, which spelled broadcasting and evaluation mode as attributes. */
#pragma once

#include "models/graph/graph.h"

/* Rewrites one node in opset 7's form, its inputs' shapes being known; no-op from 7 on. */
enum status node_modernise(struct graph *graph, struct node *node);
