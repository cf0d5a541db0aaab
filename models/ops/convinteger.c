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

/* As if the integers were real numbers, for x: dx = sum dy (w - w_zero). */
static enum status backward(const struct node *node, const struct tensor *const *in,
                            const struct tensor *const *out,
                            const struct tensor *const *dout, struct tensor *const *din)
{
    (void)out;
    struct window window;
    struct conv_sizes s = {0};
    enum status st = conv_sizes_read(node, &in[0]->shape, &in[1]->shape, &window, &s);
    for (int k = 0; k < node->n_inputs; k++)
        if (din[k])
            fill_zero(din[k]);
    if (st || !din[0] || !dout[0])
        return st;
    int64_t *places = mem_array((size_t)s.taps, sizeof *places);
    for (int64_t o = 0; o < s.out; o++) {
        window_places(&window, o, places);
        for (int64_t nm = 0; nm < s.batch * s.maps; nm++) {
            int64_t n = nm / s.maps, m = nm % s.maps;
            double g = at(dout[0], nm * s.out + o);
            for (int64_t ck = 0; ck < s.c_per * s.taps; ck++) {
                int64_t c = m / s.m_per * s.c_per + ck / s.taps, place = places[ck % s.taps];
                int64_t w = tensor_get_int(in[1], m * s.c_per * s.taps + ck);
                if (place >= 0)
                    add_to(din[0], (n * s.channels + c) * s.in + place,
                           g * (double)(w - zero_of(node, in, 3, m)));
            }
        }
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
    .backward = backward,
    .gradient_note = "for x, as if the integers were real numbers",
};
