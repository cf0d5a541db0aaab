/* Cast and CastLike: another dtype. Floats become integers by dropping the fraction, bool by x != 0;
 * integers wrap. The gradient passes to and
 * from float types: an integer that is cast to float was rounded before, and that rounding
 * decides whether it goes on. */
#include "models/onnx/onnx.h"
#include "models/ops/elements.h"

#include <math.h>

static enum status infer(struct node *node)
{
    enum dtype dtype = onnx_dtype(node_int(node, "to", 0));
    if (!dtype)
        return status_fail(ERR_UNSUPPORTED, "cast to type %lld",
                           (long long)node_int(node, "to", 0));
    set_output(node, 0, dtype, &node->inputs[0]->shape);
    return OK;
}

static enum status reference(const struct node *node, const struct tensor *const *in,
                             struct tensor *const *out)
{
    (void)node;
    int64_t count = shape_count(&in[0]->shape);
    bool from_float = dtype_is_float(in[0]->dtype);
    for (int64_t i = 0; i < count; i++) {
        if (out[0]->dtype == DTYPE_BOOL)
            put_int(out[0], i, at(in[0], i) != 0);
        else if (from_float && !dtype_is_float(out[0]->dtype))
            put_int(out[0], i, tensor_get_int(in[0], i));
        else
            copy_element(in[0], i, out[0], i);
    }
    return OK;
}

static enum status backward(const struct node *node, const struct tensor *const *in,
                            const struct tensor *const *out,
                            const struct tensor *const *dout, struct tensor *const *din)
{
    if (!din[0])
        return OK;
    if (dtype_is_float(out[0]->dtype))
        return copy_backward(node, in, out, dout, din);
    fill_zero(din[0]);
    return OK;
}

static enum status like_infer(struct node *node)
{
    set_output(node, 0, node->inputs[1]->dtype, &node->inputs[0]->shape);
    return OK;
}

static enum status like_backward(const struct node *node, const struct tensor *const *in,
                                 const struct tensor *const *out,
                                 const struct tensor *const *dout, struct tensor *const *din)
{
    if (din[1])
        fill_zero(din[1]);
    return backward(node, in, out, dout, din);
}

const struct op op_castlike = {
    .name = "CastLike",
    .since = 15,
    .inputs = {2, 2},
    .outputs = {1, 1},
    .attributes = "saturate:i",
    .infer = like_infer,
    .reference = reference,
    .backward = like_backward,
    .gradient_note = "passed on when cast to a float type, zero when to integers or bool",
};

const struct op op_cast = {
    .name = "Cast",
    .since = 6,
    .inputs = {1, 1},
    .outputs = {1, 1},
    .attributes = "to:i! saturate:i",
    .infer = infer,
    .reference = reference,
    .backward = backward,
    .gradient_note = "passed on when cast to a float type, zero when to integers or bool",
};
