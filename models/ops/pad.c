/* Pad: a border of a constant, of mirrored, repeated or wrapped elements. */
#include "models/ops/pad.h"

#include "models/ops/elements.h"

#include <string.h>

enum { PAD_MAX = 1 << 24 };

static enum status read_axes_input(const struct node *node, int rank, int axes[16], int *count)
{
    int64_t list[TENSOR_MAX_RANK];
    for (int i = 0; i < rank; i++)
        axes[i] = i;
    *count = rank;
    if (node->n_inputs < 4 || !node->inputs[3])
        return OK;
    enum status st = constant_ints(node, 3, list, TENSOR_MAX_RANK, count);
    for (int i = 0; i < *count && !st; i++)
        st = resolve_axis(list[i], rank, &axes[i]);
    return st;
}

static enum status read_mode(const struct node *node, enum pad_mode *mode)
{
    static const char *const names[] = {"constant", "reflect", "edge", "wrap"};
    const char *name = node_string(node, "mode", "constant");
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (!strcmp(name, names[i])) {
            *mode = (enum pad_mode)i;
            return OK;
        }
    return status_fail(ERR_FORMAT, "mode '%s'", name);
}

enum status pad_read(const struct node *node, struct padding *out)
{
    int rank = node->inputs[0]->shape.rank, count, n_axes = rank, axes[16];
    int64_t list[2 * TENSOR_MAX_RANK];
    *out = (struct padding){0};
    enum status st = read_mode(node, &out->mode);
    const int64_t *pads = node_ints(node, "pads", &count);
    out->value = (double)node_float(node, "value", 0);
    if (st)
        return st;
    for (int i = 0; i < rank; i++)
        axes[i] = i;
    if (node->version >= 11) {
        if (node->n_inputs < 2)
            return status_fail(ERR_FORMAT, "no pads");
        st = constant_ints(node, 1, list, 2 * TENSOR_MAX_RANK, &count);
        if (!st)
            st = read_axes_input(node, rank, axes, &n_axes);
        pads = list;
        if (!st && node->n_inputs > 2 && node->inputs[2]) {
            const struct tensor *value = node->inputs[2]->constant;
            if (!value || shape_count(&value->shape) != 1)
                return status_fail(ERR_UNSUPPORTED, "the padding value must be a constant");
            out->value = at(value, 0);
        }
    }
    if (!st && (!pads || count != 2 * n_axes))
        st = status_fail(ERR_FORMAT, "%d pads for %d axes", count, n_axes);
    for (int i = 0; i < n_axes && !st; i++) {
        int64_t begin = pads[i], end = pads[n_axes + i];
        if (begin < -PAD_MAX || begin > PAD_MAX || end < -PAD_MAX || end > PAD_MAX)
            st = status_fail(ERR_LIMIT, "pads of %lld and %lld", (long long)begin,
                             (long long)end);
        out->begin[axes[i]] = begin;
        out->end[axes[i]] = end;
    }
    return st;
}

static enum status infer(struct node *node)
{
    struct padding pad;
    struct shape shape = node->inputs[0]->shape;
    enum status st = pad_read(node, &pad);
    for (int i = 0; i < shape.rank && !st; i++) {
        int64_t before = shape.dim[i];
        shape.dim[i] += pad.begin[i] + pad.end[i];
        if (shape.dim[i] < 0)
            st = status_fail(ERR_FORMAT, "more is cut off dimension %d than is there", i);
        else if (pad.mode != PAD_CONSTANT && before < 1)
            st = status_fail(ERR_FORMAT, "nothing to repeat in dimension %d", i);
    }
    if (!st)
        set_output(node, 0, node->inputs[0]->dtype, &shape);
    return st;
}

static int64_t modulo(int64_t a, int64_t b)
{
    return (a % b + b) % b;
}

/* Where coordinate i of one dimension is read; -1 for the constant. */
static int64_t source(enum pad_mode mode, int64_t i, int64_t size)
{
    if (i >= 0 && i < size)
        return i;
    switch (mode) {
    case PAD_EDGE: return i < 0 ? 0 : size - 1;
    case PAD_WRAP: return modulo(i, size);
    case PAD_REFLECT:
        if (size == 1)
            return 0;
        i = modulo(i, 2 * (size - 1));
        return i < size ? i : 2 * (size - 1) - i;
    case PAD_CONSTANT: break;
    }
    return -1;
}

static int64_t place(const struct padding *pad, const struct shape *in,
                     const struct shape *out, int64_t o)
{
    int64_t place = 0, step = 1;
    for (int d = out->rank - 1; d >= 0; d--) {
        int64_t i = source(pad->mode, o % out->dim[d] - pad->begin[d], in->dim[d]);
        if (i < 0)
            return -1;
        place += i * step;
        step *= in->dim[d];
        o /= out->dim[d];
    }
    return place;
}

static enum status reference(const struct node *node, const struct tensor *const *in,
                             struct tensor *const *out)
{
    struct padding pad;
    enum status st = pad_read(node, &pad);
    int64_t count = shape_count(&out[0]->shape);
    for (int64_t o = 0; o < count && !st; o++) {
        int64_t i = place(&pad, &in[0]->shape, &out[0]->shape, o);
        if (i < 0)
            put(out[0], o, pad.value);
        else
            copy_element(in[0], i, out[0], o);
    }
    return st;
}

static enum status backward(const struct node *node, const struct tensor *const *in,
                            const struct tensor *const *out,
                            const struct tensor *const *dout, struct tensor *const *din)
{
    struct padding pad;
    enum status st = pad_read(node, &pad);
    if (st || !din[0] || !dout[0])
        return st;
    int64_t count = shape_count(&out[0]->shape);
    fill_zero(din[0]);
    for (int64_t o = 0; o < count; o++) {
        int64_t i = place(&pad, &in[0]->shape, &out[0]->shape, o);
        if (i >= 0)
            add_to(din[0], i, at(dout[0], o));
    }
    return OK;
}

const struct op op_pad = {
    .name = "Pad",
    .since = 2,
    .inputs = {1, 4},
    .outputs = {1, 1},
    .attributes = "mode:s pads:I value:f",
    .infer = infer,
    .reference = reference,
    .backward = backward,
};
