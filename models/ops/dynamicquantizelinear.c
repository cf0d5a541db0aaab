/*
 * DynamicQuantizeLinear: to uint8 with the tensor's own range, which is made to hold zero:
 * scale = (max - min) / 255, zero = saturate(round(-min / scale)), each step in float32.
 * The gradient is passed on unchanged through y scale, and scale and zero point count as
 * constants (straight through).
 */
#include "models/ops/quantize.h"

#include <math.h>

static enum status infer(struct node *node)
{
    struct shape scalar = {0};
    if (node->inputs[0]->dtype != DTYPE_F32)
        return status_fail(ERR_FORMAT, "'%s' is %s", node->inputs[0]->name,
                           dtype_name(node->inputs[0]->dtype));
    set_output(node, 0, DTYPE_U8, &node->inputs[0]->shape);
    set_output(node, 1, DTYPE_F32, &scalar);
    set_output(node, 2, DTYPE_U8, &scalar);
    return OK;
}

static void range_of(const struct tensor *x, float *scale, int64_t *zero)
{
    float low = 0, high = 0;
    int64_t count = shape_count(&x->shape);
    for (int64_t i = 0; i < count; i++) {
        low = fminf(low, (float)at(x, i));
        high = fmaxf(high, (float)at(x, i));
    }
    *scale = (high - low) / 255;
    float place = *scale > 0 ? rintf(-low / *scale) : 0;
    *zero = (int64_t)(place < 0 ? 0 : place > 255 ? 255 : place);
}

static enum status reference(const struct node *node, const struct tensor *const *in,
                             struct tensor *const *out)
{
    float scale;
    int64_t zero, count = shape_count(&in[0]->shape);
    bool inside;
    range_of(in[0], &scale, &zero);
    for (int64_t i = 0; i < count; i++)
        put_int(out[0], i, scale > 0 ? quantize(at(in[0], i), (double)scale, zero, DTYPE_U8,
                                                &inside) : zero);
    if (node->n_outputs > 1 && out[1])
        put(out[1], 0, (double)scale);
    if (node->n_outputs > 2 && out[2])
        put_int(out[2], 0, zero);
    return OK;
}

static enum status backward(const struct node *node, const struct tensor *const *in,
                            const struct tensor *const *out,
                            const struct tensor *const *dout, struct tensor *const *din)
{
    (void)node, (void)out;
    float scale;
    int64_t zero, count = shape_count(&in[0]->shape);
    range_of(in[0], &scale, &zero);
    for (int64_t i = 0; i < count && din[0]; i++)
        put(din[0], i, dout[0] && scale > 0 ? at(dout[0], i) / (double)scale : 0);
    return OK;
}

const struct op op_dynamicquantizelinear = {
    .name = "DynamicQuantizeLinear",
    .since = 11,
    .inputs = {1, 1},
    .outputs = {1, 3},
    .infer = infer,
    .reference = reference,
    .backward = backward,
    .straight_through = true,
    .gradient_note = "straight through; scale and zero point count as constants",
};
