#include "models/ops/elements.h"

#include <string.h>

void put_int(struct tensor *tensor, int64_t i, int64_t value)
{
    void *data = tensor->data;
    switch (tensor->dtype) {
    case DTYPE_I4: ((int8_t *)data)[i] = (int8_t)(((value & 15) ^ 8) - 8); break;
    case DTYPE_U4: ((uint8_t *)data)[i] = (uint8_t)(value & 15); break;
    case DTYPE_I8: ((int8_t *)data)[i] = (int8_t)value; break;
    case DTYPE_U8: ((uint8_t *)data)[i] = (uint8_t)value; break;
    case DTYPE_BOOL: ((uint8_t *)data)[i] = value != 0; break;
    case DTYPE_I16: ((int16_t *)data)[i] = (int16_t)value; break;
    case DTYPE_U16: ((uint16_t *)data)[i] = (uint16_t)value; break;
    case DTYPE_I32: ((int32_t *)data)[i] = (int32_t)value; break;
    case DTYPE_U32: ((uint32_t *)data)[i] = (uint32_t)value; break;
    case DTYPE_I64:
    case DTYPE_U64: ((int64_t *)data)[i] = value; break;
    default: put(tensor, i, (double)value); break;
    }
}

void copy_element(const struct tensor *in, int64_t i, struct tensor *out, int64_t o)
{
    if (in->dtype == out->dtype) {
        size_t size = dtype_size(in->dtype);
        memcpy((char *)out->data + (size_t)o * size,
               (const char *)in->data + (size_t)i * size, size);
    } else if (dtype_is_float(in->dtype) || dtype_is_float(out->dtype)) {
        put(out, o, at(in, i));
    } else {
        put_int(out, o, tensor_get_int(in, i));
    }
}

void fill_zero(struct tensor *tensor)
{
    size_t size = (size_t)shape_count(&tensor->shape) * dtype_size(tensor->dtype);
    if (size)
        memset(tensor->data, 0, size);
}

bool dtype_is_float(enum dtype dtype)
{
    return dtype == DTYPE_F32 || dtype == DTYPE_F64 || dtype == DTYPE_F16 ||
           dtype == DTYPE_BF16;
}

bool dtype_is_signed(enum dtype dtype)
{
    return dtype_is_float(dtype) || dtype == DTYPE_I4 || dtype == DTYPE_I8 || dtype == DTYPE_I16 ||
           dtype == DTYPE_I32 || dtype == DTYPE_I64;
}

void dtype_range(enum dtype dtype, int64_t *low, int64_t *high)
{
    bool nibble = dtype == DTYPE_I4 || dtype == DTYPE_U4;
    int bits = nibble ? 4 : (int)dtype_size(dtype) * 8;
    if (dtype_is_signed(dtype)) {
        *high = (int64_t)((UINT64_C(1) << (bits - 1)) - 1);
        *low = -*high - 1;
    } else {
        *low = 0;
        *high = bits >= 63 ? INT64_MAX : (INT64_C(1) << bits) - 1;
    }
}

void set_output(struct node *node, int i, enum dtype dtype, const struct shape *shape)
{
    if (i >= node->n_outputs || !node->outputs[i])
        return;
    node->outputs[i]->dtype = dtype;
    node->outputs[i]->shape = *shape;
    node->outputs[i]->shaped = true;
}

enum status infer_same(struct node *node)
{
    set_output(node, 0, node->inputs[0]->dtype, &node->inputs[0]->shape);
    return OK;
}

enum status infer_float(struct node *node)
{
    if (!dtype_is_float(node->inputs[0]->dtype))
        return status_fail(ERR_FORMAT, "input '%s' is %s instead of a float type",
                           node->inputs[0]->name, dtype_name(node->inputs[0]->dtype));
    return infer_same(node);
}

enum status need_same_dtype(const struct node *node, int a, int b)
{
    const struct value *x = node->inputs[a], *y = node->inputs[b];
    if (x->dtype == y->dtype)
        return OK;
    return status_fail(ERR_FORMAT, "'%s' is %s, but '%s' is %s", x->name,
                       dtype_name(x->dtype), y->name, dtype_name(y->dtype));
}

enum status need_rank(const struct node *node, int input, int min, int max)
{
    const struct value *value = node->inputs[input];
    if (value->shape.rank >= min && value->shape.rank <= max)
        return OK;
    char text[128];
    return status_fail(ERR_FORMAT, "'%s' is %s: %d to %d dimensions expected", value->name,
                       shape_text(&value->shape, text), min, max);
}

enum status resolve_axis(int64_t axis, int rank, int *out)
{
    if (axis < -rank || axis >= rank)
        return status_fail(ERR_FORMAT, "axis %lld of a tensor with %d dimensions",
                           (long long)axis, rank);
    *out = (int)(axis < 0 ? axis + rank : axis);
    return OK;
}

enum status constant_ints(const struct node *node, int input, int64_t *out, int max,
                          int *count)
{
    const struct value *value = node->inputs[input];
    if (!value->constant)
        return status_fail(ERR_UNSUPPORTED, "'%s' must be known before the network runs",
                           value->name);
    int64_t n = shape_count(&value->shape);
    if (value->shape.rank > 1 || n > max)
        return status_fail(ERR_FORMAT, "'%s' has %lld elements, at most %d expected",
                           value->name, (long long)n, max);
    for (int64_t i = 0; i < n; i++)
        out[i] = tensor_get_int(value->constant, i);
    *count = (int)n;
    return OK;
}

enum status read_axes(const struct node *node, int input, int rank,
                      bool mask[TENSOR_MAX_RANK], bool *given)
{
    int64_t buffer[TENSOR_MAX_RANK];
    int count = 0;
    const int64_t *axes = node_ints(node, "axes", &count);
    memset(mask, 0, TENSOR_MAX_RANK * sizeof *mask);
    if (!axes && input > 0 && input < node->n_inputs && node->inputs[input]) {
        enum status st = constant_ints(node, input, buffer, TENSOR_MAX_RANK, &count);
        if (st)
            return st;
        axes = buffer;
    }
    *given = axes && count > 0;
    for (int i = 0; i < count; i++) {
        int axis;
        enum status st = resolve_axis(axes[i], rank, &axis);
        if (st)
            return st;
        if (mask[axis])
            return status_fail(ERR_FORMAT, "axis %d is named twice", axis);
        mask[axis] = true;
    }
    return OK;
}

void shape_strides(const struct shape *shape, int64_t stride[TENSOR_MAX_RANK])
{
    int64_t step = 1;
    for (int i = shape->rank - 1; i >= 0; i--) {
        stride[i] = step;
        step *= shape->dim[i];
    }
}

void broadcast_strides(const struct shape *in, const struct shape *out,
                       int64_t stride[TENSOR_MAX_RANK])
{
    int64_t own[TENSOR_MAX_RANK];
    shape_strides(in, own);
    int lead = out->rank - in->rank;
    for (int i = 0; i < out->rank; i++)
        stride[i] = i < lead || in->dim[i - lead] == 1 ? 0 : own[i - lead];
}

enum status shape_broadcast(const struct shape *a, const struct shape *b, struct shape *out)
{
    struct shape result = {.rank = a->rank > b->rank ? a->rank : b->rank};
    for (int i = 0; i < result.rank; i++) {
        int ia = i - (result.rank - a->rank), ib = i - (result.rank - b->rank);
        int64_t da = ia < 0 ? 1 : a->dim[ia], db = ib < 0 ? 1 : b->dim[ib];
        if (da != db && da != 1 && db != 1) {
            char ta[128], tb[128];
            return status_fail(ERR_FORMAT, "%s and %s cannot be broadcast",
                               shape_text(a, ta), shape_text(b, tb));
        }
        result.dim[i] = da == 1 ? db : da;
    }
    *out = result;
    return OK;
}

int64_t strided(const struct shape *shape, const int64_t *stride, int64_t i)
{
    int64_t place = 0;
    for (int d = shape->rank - 1; d >= 0; d--) {
        place += i % shape->dim[d] * stride[d];
        i /= shape->dim[d];
    }
    return place;
}

int64_t shape_span(const struct shape *shape, int from, int to)
{
    int64_t count = 1;
    for (int i = from; i < to; i++)
        count *= shape->dim[i];
    return count;
}

enum status unary_reference(const struct node *node, const struct tensor *const *in,
                            struct tensor *const *out, unary_function *f)
{
    int64_t count = shape_count(&in[0]->shape);
    for (int64_t i = 0; i < count; i++)
        put(out[0], i, f(node, at(in[0], i)));
    return OK;
}

enum status unary_backward(const struct node *node, const struct tensor *const *in,
                           const struct tensor *const *out, const struct tensor *const *dout,
                           struct tensor *const *din, unary_derivative *f)
{
    if (!din[0] || !dout[0])
        return OK;
    int64_t count = shape_count(&in[0]->shape);
    for (int64_t i = 0; i < count; i++)
        put(din[0], i, at(dout[0], i) * f(node, at(in[0], i), at(out[0], i)));
    return OK;
}

enum status infer_binary(struct node *node)
{
    struct shape shape;
    enum status st = need_same_dtype(node, 0, 1);
    if (!st)
        st = shape_broadcast(&node->inputs[0]->shape, &node->inputs[1]->shape, &shape);
    if (!st)
        set_output(node, 0, node->inputs[0]->dtype, &shape);
    return st;
}

enum status infer_compare(struct node *node)
{
    enum status st = infer_binary(node);
    if (!st)
        node->outputs[0]->dtype = DTYPE_BOOL;
    return st;
}

enum status binary_apply(const struct tensor *const *in, struct tensor *const *out,
                         binary_function *real, binary_integer *integer)
{
    const struct shape *shape = &out[0]->shape;
    int64_t sa[TENSOR_MAX_RANK], sb[TENSOR_MAX_RANK], count = shape_count(shape);
    broadcast_strides(&in[0]->shape, shape, sa);
    broadcast_strides(&in[1]->shape, shape, sb);
    bool real_only = dtype_is_float(in[0]->dtype) || dtype_is_float(in[1]->dtype);
    if (real_only ? !real : !integer)
        return status_fail(ERR_UNSUPPORTED, "not implemented for %s",
                           dtype_name(in[0]->dtype));
    for (int64_t i = 0; i < count; i++) {
        int64_t a = strided(shape, sa, i), b = strided(shape, sb, i);
        if (real_only)
            put(out[0], i, real(at(in[0], a), at(in[1], b)));
        else
            put_int(out[0], i, integer(tensor_get_int(in[0], a), tensor_get_int(in[1], b)));
    }
    return OK;
}

enum status binary_reference(const struct node *node, const struct tensor *const *in,
                             struct tensor *const *out)
{
    const struct binary *f = node->op->with;
    return binary_apply(in, out, f->real, f->integer);
}

enum status binary_backward(const struct node *node, const struct tensor *const *in,
                            const struct tensor *const *out, const struct tensor *const *dout,
                            struct tensor *const *din)
{
    const struct binary *f = node->op->with;
    if (!dout[0])
        return OK;
    const struct shape *shape = &out[0]->shape;
    int64_t sa[TENSOR_MAX_RANK], sb[TENSOR_MAX_RANK], count = shape_count(shape);
    broadcast_strides(&in[0]->shape, shape, sa);
    broadcast_strides(&in[1]->shape, shape, sb);
    for (int k = 0; k < 2; k++)
        if (din[k])
            fill_zero(din[k]);
    for (int64_t i = 0; i < count; i++) {
        int64_t a = strided(shape, sa, i), b = strided(shape, sb, i);
        double da = 0, db = 0, g = at(dout[0], i);
        f->derivative(at(in[0], a), at(in[1], b), at(out[0], i), &da, &db);
        if (din[0])
            add_to(din[0], a, g * da);
        if (din[1])
            add_to(din[1], b, g * db);
    }
    return OK;
}

enum status infer_variadic(struct node *node)
{
    struct shape shape = node->inputs[0]->shape;
    for (int i = 1; i < node->n_inputs; i++) {
        enum status st = need_same_dtype(node, 0, i);
        if (!st)
            st = shape_broadcast(&shape, &node->inputs[i]->shape, &shape);
        if (st)
            return st;
    }
    set_output(node, 0, node->inputs[0]->dtype, &shape);
    return OK;
}

void movement_apply(const struct movement *move, const struct tensor *in, struct tensor *out)
{
    int64_t count = shape_count(&move->shape);
    for (int64_t i = 0; i < count; i++)
        copy_element(in, move->offset + strided(&move->shape, move->stride, i), out, i);
}

void movement_return(const struct movement *move, const struct tensor *dout,
                     struct tensor *din)
{
    int64_t count = shape_count(&move->shape);
    fill_zero(din);
    for (int64_t i = 0; i < count; i++)
        add_to(din, move->offset + strided(&move->shape, move->stride, i), at(dout, i));
}

static enum status movement_of(const struct node *node, const struct shape *in,
                               struct movement *out)
{
    const struct mover *mover = node->op->with;
    return mover->movement_of(node, in, out);
}

enum status mover_infer(struct node *node)
{
    struct movement move;
    enum status st = movement_of(node, &node->inputs[0]->shape, &move);
    if (!st)
        set_output(node, 0, node->inputs[0]->dtype, &move.shape);
    return st;
}

enum status mover_reference(const struct node *node, const struct tensor *const *in,
                            struct tensor *const *out)
{
    struct movement move;
    enum status st = movement_of(node, &in[0]->shape, &move);
    if (!st)
        movement_apply(&move, in[0], out[0]);
    return st;
}

enum status mover_backward(const struct node *node, const struct tensor *const *in,
                           const struct tensor *const *out, const struct tensor *const *dout,
                           struct tensor *const *din)
{
    (void)out;
    struct movement move;
    enum status st = movement_of(node, &in[0]->shape, &move);
    if (!st && din[0] && dout[0])
        movement_return(&move, dout[0], din[0]);
    return st;
}

enum status copy_reference(const struct node *node, const struct tensor *const *in,
                           struct tensor *const *out)
{
    (void)node;
    size_t size = (size_t)shape_count(&in[0]->shape) * dtype_size(in[0]->dtype);
    if (size)
        memcpy(out[0]->data, in[0]->data, size);
    return OK;
}

enum status copy_backward(const struct node *node, const struct tensor *const *in,
                          const struct tensor *const *out, const struct tensor *const *dout,
                          struct tensor *const *din)
{
    (void)node, (void)in, (void)out;
    if (!din[0] || !dout[0])
        return OK;
    int64_t count = shape_count(&din[0]->shape);
    for (int64_t i = 0; i < count; i++)
        copy_element(dout[0], i, din[0], i);
    return OK;
}
