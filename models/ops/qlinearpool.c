/*
 * com.microsoft.QLinearGlobalAveragePool and QLinearAveragePool: the real mean of quantized
 * elements, quantized again. `channels_last` puts the channels at the end.
 *
 * inputs  x, x_scale, x_zero, y_scale, y_zero
 */
#include "models/ops/quantize.h"
#include "models/ops/window.h"

#include "base/mem.h"

#include <stdlib.h>

static enum status check(const struct node *node)
{
    enum status st = need_rank(node, 0, 3, TENSOR_MAX_RANK);
    if (!st)
        st = scale_pair_check(node, 1, 0);
    if (!st)
        st = scale_pair_check(node, 3, 0);
    if (!st && dtype_is_float(node->inputs[0]->dtype))
        st = status_fail(ERR_FORMAT, "'%s' is not an integer tensor", node->inputs[0]->name);
    return st;
}

static enum status global_infer(struct node *node)
{
    enum status st = check(node);
    if (st)
        return st;
    struct shape shape = node->inputs[0]->shape;
    bool last = node_int(node, "channels_last", 0) != 0;
    for (int i = last ? 1 : 2; i < shape.rank - last; i++)
        shape.dim[i] = 1;
    set_output(node, 0, node->inputs[0]->dtype, &shape);
    return OK;
}

static int64_t mean_of(const struct node *node, const struct tensor *const *in, double sum,
                       double count, enum dtype dtype)
{
    bool inside;
    double x = (sum / count - (double)zero_at(in[2], 0)) * (double)scale_at(in[1], 0);
    return quantize(x, (double)scale_at(in[3], 0),
                    zero_at(node->n_inputs > 4 ? in[4] : NULL, 0), dtype, &inside);
}

static enum status global_reference(const struct node *node, const struct tensor *const *in,
                                    struct tensor *const *out)
{
    const struct shape *x = &in[0]->shape;
    bool last = node_int(node, "channels_last", 0) != 0;
    int64_t channels = last ? x->dim[x->rank - 1] : x->dim[1];
    int64_t area = last ? shape_span(x, 1, x->rank - 1) : shape_span(x, 2, x->rank);
    int64_t planes = shape_count(&out[0]->shape);
    for (int64_t p = 0; p < planes; p++) {
        int64_t start = last ? p / channels * area * channels + p % channels : p * area;
        double sum = 0;
        for (int64_t i = 0; i < area; i++)
            sum += (double)tensor_get_int(in[0], start + i * (last ? channels : 1));
        put_int(out[0], p, mean_of(node, in, sum, (double)area, out[0]->dtype));
    }
    return OK;
}

static enum status pool_infer(struct node *node)
{
    struct window window;
    struct shape shape;
    enum status st = check(node);
    if (!st && node_int(node, "channels_last", 0))
        st = status_fail(ERR_UNSUPPORTED, "channels_last");
    if (!st)
        st = window_read(node, &node->inputs[0]->shape, NULL, &window);
    if (st)
        return st;
    window_shape(&window, node->inputs[0]->shape.dim[0], node->inputs[0]->shape.dim[1],
                 &shape);
    set_output(node, 0, node->inputs[0]->dtype, &shape);
    return OK;
}

static enum status pool_reference(const struct node *node, const struct tensor *const *in,
                                  struct tensor *const *out)
{
    struct window w;
    enum status st = window_read(node, &in[0]->shape, NULL, &w);
    if (st)
        return st;
    bool pads = node_int(node, "count_include_pad", 0) != 0;
    int64_t planes = in[0]->shape.dim[0] * in[0]->shape.dim[1], area = window_in_count(&w);
    int64_t outs = window_out_count(&w), taps = window_kernel_count(&w);
    int64_t *places = mem_array((size_t)taps, sizeof *places);
    for (int64_t o = 0; o < outs; o++) {
        window_places(&w, o, places);
        for (int64_t p = 0; p < planes; p++) {
            double sum = 0, count = 0;
            for (int64_t k = 0; k < taps; k++) {
                bool inside = places[k] >= 0;
                sum += inside ? (double)tensor_get_int(in[0], p * area + places[k])
                       : pads ? (double)zero_at(in[2], 0) : 0;
                count += inside || pads;
            }
            put_int(out[0], p * outs + o, mean_of(node, in, sum, count, out[0]->dtype));
        }
    }
    free(places);
    return OK;
}

const struct op op_microsoft_qlinearglobalaveragepool = {
    .name = "QLinearGlobalAveragePool",
    .domain = "com.microsoft",
    .since = 1,
    .inputs = {4, 5},
    .outputs = {1, 1},
    .attributes = "channels_last:i",
    .infer = global_infer,
    .reference = global_reference,
    .gradient_note = "of its dequantized form (graph_dequantize), straight through",
};

const struct op op_microsoft_qlinearaveragepool = {
    .name = "QLinearAveragePool",
    .domain = "com.microsoft",
    .since = 1,
    .inputs = {4, 5},
    .outputs = {1, 1},
    .attributes = "auto_pad:s ceil_mode:i channels_last:i count_include_pad:i kernel_shape:I! "
                  "pads:I strides:I",
    .infer = pool_infer,
    .reference = pool_reference,
    .gradient_note = "of its dequantized form (graph_dequantize), straight through",
};
