/* A tensor as lines along one axis: ArgMax, TopK, CumSum, Hardmax walk them. */
#pragma once

#include "models/ops/elements.h"

struct lines {
    int axis;
    int64_t count, size, inner; /* element i of line l lies at lines_place() */
};

enum status lines_of(const struct shape *shape, int64_t axis, struct lines *out);

static inline int64_t lines_place(const struct lines *lines, int64_t line, int64_t i)
{
    return (line / lines->inner * lines->size + i) * lines->inner + line % lines->inner;
}
