/* Slice's resolved geometry, for whoever moves the data. */
#pragma once

#include "models/ops/elements.h"

/* Strides count elements of the input and may be negative. Bounds are attributes to opset
 * 9, then constant inputs. */
enum status slice_movement(const struct node *node, const struct shape *in,
                           struct movement *out);
