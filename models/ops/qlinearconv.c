/*
 * QLinearConv: an exact integer sum, with an int32 bias of scale x_scale w_scale, then one
 * rescaling: y = saturate(round((sum + b) x_scale w_scale / y_scale) + y_zero). Weights'
 * scale and zero point are one number or one a map.
 *
 * inputs  x, x_scale, x_zero, w, w_scale, w_zero, y_scale, y_zero, b
 */
#include "models/ops/conv.h"
#include "models/ops/quantize.h"

#include "base/mem.h"

#include <stdlib.h>

static enum status infer(struct node *node)
{
    struct window window;
    struct conv_sizes s;
    enum status st = conv_sizes_read(node, &node->inputs[0]->shape, &node->inputs[3]->shape,
                                     &window, &s);
    if (!st && (dtype_is_float(node->inputs[0]->dtype) || dtype_is_float(node->inputs[3]->dtype)))
        st = status_fail(ERR_FORMAT, "floats in an integer convolution");
    if (!st)
        st = scale_pair_check(node, 1, 0);
    if (!st)
        st = scale_pair_check(node, 4, s.maps);
    if (!st)
        st = scale_pair_check(node, 6, 0);
    if (!st && node->n_inputs > 8 && node->inputs[8] &&
        shape_count(&node->inputs[8]->shape) != s.maps)
        st = status_fail(ERR_FORMAT, "the bias does not have %lld elements", (long long)s.maps);
    if (st)
        return st;
    struct shape shape;
    window_shape(&window, s.batch, s.maps, &shape);
    set_output(node, 0, node->inputs[7]->dtype, &shape);
    return OK;
}

static enum status reference(const struct node *node, const struct tensor *const *in,
                             struct tensor *const *out)
{
    struct window window;
    struct conv_sizes s;
    enum status st = conv_sizes_read(node, &in[0]->shape, &in[3]->shape, &window, &s);
    if (st)
        return st;
    const struct tensor *bias = node->n_inputs > 8 ? in[8] : NULL;
    int64_t *places = mem_array((size_t)s.taps, sizeof *places);
    for (int64_t o = 0; o < s.out; o++) {
        window_places(&window, o, places);
        for (int64_t n = 0; n < s.batch; n++)
            for (int64_t m = 0; m < s.maps; m++) {
                float multiplier = scale_at(in[1], 0) * scale_at(in[4], m) / scale_at(in[6], 0);
                int64_t sum = conv_integer_sum(in[0], zero_at(in[2], 0), in[3],
                                               zero_at(in[5], m), places, &s, n, m);
                sum += bias ? tensor_get_int(bias, m) : 0;
                put_int(out[0], (n * s.maps + m) * s.out + o,
                        requantize(sum, multiplier, zero_at(in[7], 0), out[0]->dtype));
            }
    }
    free(places);
    return OK;
}

const struct op op_qlinearconv = {
    .name = "QLinearConv",
    .since = 10,
    .inputs = {8, 9},
    .outputs = {1, 1},
    .attributes = "auto_pad:s dilations:I group:i kernel_shape:I pads:I strides:I",
    .infer = infer,
    .reference = reference,
    .gradient_note = "of its dequantized form (graph_dequantize), straight through",
};
