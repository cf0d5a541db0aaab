#pragma once

#include "models/runtime/build.h"

/* Divides the graph into layers, in an order in which they can run. */
void group_nodes(struct builder *build);
/* One node alone; used when a fused layer turns out not to be possible. */
struct layer group_single(struct node *node);
const struct kernel *group_kernel(const struct builder *build, const struct layer *layer,
                                  const struct kernel *after);
