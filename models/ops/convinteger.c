/* ConvInteger: y = conv(x - x_zero, w - w_zero) in int32; x_zero is one number, w_zero one
 * or one a map. Padding is x_zero. */
#include "models/ops/conv.h"
#include "models/ops/elements.h"

#include "base/mem.h"

#include <stdlib.h>

static enum status infer(struct node *node)
{
    struct window window;
    struct conv_sizes s;
    enum status st = conv_sizes_read(node, &node->inputs[0]->shape, &node->inputs[1]->shape,
                                     &window, &s);
    if (!st && (dtype_is_float(node->inputs[0]->dtype) || dtype_is_float(node->inputs[1]->dtype)))
        st = status_fail(ERR_FORMAT, "floats in an integer convolution");
    for (int i = 2; i < node->n_inputs && !st; i++) {
        int64_t count = node->inputs[i] ? shape_count(&node->inputs[i]->shape) : 1;
        if (count != 1 && (i == 2 || count != s.maps))
            st = status_fail(ERR_FORMAT, "zero point %d has %lld elements", i,
                             (long long)count);
    }
    if (st)
        return st;
    struct shape shape;
    window_shape(&window, s.batch, s.maps, &shape);
    set_output(node, 0, DTYPE_I32, &shape);
    return OK;
}

static int64_t zero_of(const struct node *node, const struct tensor *const *in, int i,
                       int64_t map)
{
    if (i >= node->n_inputs || !in[i])
        return 0;
    return tensor_get_int(in[i], shape_count(&in[i]->shape) > 1 ? map : 0);
}

static enum status reference(const struct node *node, const struct tensor *const *in,
                             struct tensor *const *out)
{
    struct window window;
    struct conv_sizes s;
    enum status st = conv_sizes_read(node, &in[0]->shape, &in[1]->shape, &window, &s);
    if (st)
        return st;
    int64_t *places = mem_array((size_t)s.taps, sizeof *places);
    for (int64_t o = 0; o < s.out; o++) {
        window_places(&window, o, places);
        for (int64_t n = 0; n < s.batch; n++)
            for (int64_t m = 0; m < s.maps; m++)
                put_int(out[0], (n * s.maps + m) * s.out + o,
                        conv_integer_sum(in[0], zero_of(node, in, 2, 0), in[1],
                                         zero_of(node, in, 3, m), places, &s, n, m));
    }
    free(places);
    return OK;
}

const struct op op_convinteger = {
    .name = "ConvInteger",
    .since = 10,
    .inputs = {2, 4},
    .outputs = {1, 1},
    .attributes = "auto_pad:s dilations:I group:i kernel_shape:I pads:I strides:I",
    .infer = infer,
    .reference = reference,
};
