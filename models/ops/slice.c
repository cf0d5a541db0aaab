/* Slice: numpy's start:end:step along some axes. */
#include "models/ops/slice.h"

#include <string.h>

struct cut {
    int64_t start[TENSOR_MAX_RANK], end[TENSOR_MAX_RANK], axis[TENSOR_MAX_RANK];
    int64_t step[TENSOR_MAX_RANK];
    int count;
};

static enum status same_count(const char *what, int count, int want)
{
    if (count == want)
        return OK;
    return status_fail(ERR_FORMAT, "%d %s for %d starts", count, what, want);
}

static enum status read_attributes(const struct node *node, struct cut *cut)
{
    int n_starts, n_ends, n_axes;
    const int64_t *starts = node_ints(node, "starts", &n_starts);
    const int64_t *ends = node_ints(node, "ends", &n_ends);
    const int64_t *axes = node_ints(node, "axes", &n_axes);
    if (!starts || !ends || n_starts > TENSOR_MAX_RANK)
        return status_fail(ERR_FORMAT, "no starts, no ends, or too many");
    enum status st = same_count("ends", n_ends, n_starts);
    if (!st && axes)
        st = same_count("axes", n_axes, n_starts);
    cut->count = n_starts;
    for (int i = 0; i < n_starts && !st; i++) {
        cut->start[i] = starts[i];
        cut->end[i] = ends[i];
        cut->axis[i] = axes ? axes[i] : i;
        cut->step[i] = 1;
    }
    return st;
}

static enum status read_inputs(const struct node *node, struct cut *cut)
{
    int count;
    if (node->n_inputs < 3)
        return status_fail(ERR_FORMAT, "no starts or no ends");
    enum status st = constant_ints(node, 1, cut->start, TENSOR_MAX_RANK, &cut->count);
    if (!st)
        st = constant_ints(node, 2, cut->end, TENSOR_MAX_RANK, &count);
    if (!st)
        st = same_count("ends", count, cut->count);
    for (int i = 0; i < cut->count; i++) {
        cut->axis[i] = i;
        cut->step[i] = 1;
    }
    if (!st && node->n_inputs > 3 && node->inputs[3]) {
        st = constant_ints(node, 3, cut->axis, TENSOR_MAX_RANK, &count);
        st = st ? st : same_count("axes", count, cut->count);
    }
    if (!st && node->n_inputs > 4 && node->inputs[4]) {
        st = constant_ints(node, 4, cut->step, TENSOR_MAX_RANK, &count);
        st = st ? st : same_count("steps", count, cut->count);
    }
    return st;
}

static int64_t clamp(int64_t x, int64_t low, int64_t high)
{
    return x < low ? low : x > high ? high : x;
}

/* First element and number of elements of start:end:step over a dimension. */
static void range_of(int64_t start, int64_t end, int64_t step, int64_t dim, int64_t *first,
                     int64_t *count)
{
    if (start < 0)
        start = start < -dim ? -1 : start + dim;
    if (end < 0)
        end = end < -dim ? -1 : end + dim;
    if (step > 0) {
        start = clamp(start, 0, dim);
        end = clamp(end, 0, dim);
        *count = end > start ? (end - start - 1) / step + 1 : 0;
    } else {
        start = clamp(start, -1, dim - 1);
        end = clamp(end, -1, dim - 1);
        *count = start > end ? (start - end - 1) / -step + 1 : 0;
    }
    *first = *count ? start : 0;
}

enum status slice_movement(const struct node *node, const struct shape *in,
                           struct movement *out)
{
    struct cut cut = {.count = 0};
    enum status st = node->version < 10 ? read_attributes(node, &cut) : read_inputs(node, &cut);
    if (st)
        return st;
    struct movement move = {.shape = *in};
    shape_strides(in, move.stride);
    bool seen[TENSOR_MAX_RANK] = {false};
    for (int i = 0; i < cut.count; i++) {
        int axis;
        st = resolve_axis(cut.axis[i], in->rank, &axis);
        if (st)
            return st;
        if (seen[axis] || cut.step[i] == 0 || cut.step[i] == INT64_MIN)
            return status_fail(ERR_FORMAT, "axis %d is named twice, or has step %lld", axis,
                               (long long)cut.step[i]);
        seen[axis] = true;
        int64_t first, stride = move.stride[axis];
        range_of(cut.start[i], cut.end[i], cut.step[i], in->dim[axis], &first,
                 &move.shape.dim[axis]);
        move.offset += first * stride;
        /* With one element the step is never taken (and might overflow). */
        move.stride[axis] = move.shape.dim[axis] > 1 ? stride * cut.step[i] : 0;
    }
    *out = move;
    return OK;
}

const struct op op_slice = {
    .name = "Slice",
    .since = 1,
    .inputs = {1, 5},
    .outputs = {1, 1},
    .attributes = "axes:I starts:I ends:I",
    .infer = mover_infer,
    .reference = mover_reference,
    .backward = mover_backward,
    .with = &(const struct mover){slice_movement},
};
