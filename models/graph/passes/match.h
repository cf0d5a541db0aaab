/* What the passes that look for patterns share. */
#pragma once

#include "models/graph/passes.h"
#include "models/ops/op.h"

/* An operator of the ai.onnx domain by name. */
bool node_is(const struct node *node, const char *name);

/* The node that makes `value`, when it is this operator and nobody else reads the value. */
struct node *made_by(const struct value *value, const char *name);

/* The one node that reads `value`, or NULL when there are others, or none, or it is an
 * output of the graph. */
struct node *only_reader(const struct graph *graph, const struct value *value);

/* Of a node with two inputs, the one that is not `known`; NULL when neither is. */
struct value *other_input(const struct node *node, const struct value *known);

/* A constant of one element. */
bool scalar_of(const struct value *value, double *out);
/* One input of the node is a scalar within 1e-4 relative of `want`; the other through *rest. */
bool with_scalar(const struct node *node, double want, struct value **rest);

/* A new node in place of all that led to `old`: its output takes over the readers of `old`. */
struct node *put_node(struct graph *graph, const char *domain, const char *name, int opset,
                      struct value *const *inputs, int n_inputs, struct value *old);
