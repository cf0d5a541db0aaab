/* Pad's resolved geometry. */
#pragma once

#include "models/ops/op.h"

enum pad_mode { PAD_CONSTANT, PAD_REFLECT, PAD_EDGE, PAD_WRAP };

struct padding {
    enum pad_mode mode;
    int64_t begin[TENSOR_MAX_RANK], end[TENSOR_MAX_RANK]; /* negative ones cut off */
    double value;
};

/* Pads are attributes to opset 10, then constant inputs. */
enum status pad_read(const struct node *node, struct padding *out);
