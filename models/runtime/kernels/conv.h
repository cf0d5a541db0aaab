/* What other convolutions borrow from Conv. */
#pragma once

#include "models/runtime/kernels/window.h"

/* [O][I/g][k...] as [g][O/g][I/g][k...] where the node has groups. */
struct shape conv_grouped(const struct node *node, const struct shape *weights);

/* The gradient of the input of shape `x`, from that of the output: a new slot, or -1.
 * weights: a slot of the grouped shape, plain. */
int conv_input_gradient(struct builder *build, const struct window *window,
                        const struct shape *grouped, const struct shape *x, int weights,
                        int gradient);
