/*
 * AveragePool: the mean under a window, over the elements inside the input, or with
 * count_include_pad over the padded input. What ceil_mode adds beyond the right pad is
 * never counted.
 */
#include "models/ops/elements.h"
#include "models/ops/window.h"

#include "base/mem.h"

#include <stdlib.h>

static enum status infer(struct node *node)
{
    struct window window;
    enum status st = need_rank(node, 0, 3, 5);
    if (!st)
        st = infer_float(node);
    if (!st)
        st = window_read(node, &node->inputs[0]->shape, NULL, &window);
    if (st)
        return st;
    struct shape shape;
    window_shape(&window, node->inputs[0]->shape.dim[0], node->inputs[0]->shape.dim[1],
                 &shape);
    set_output(node, 0, node->inputs[0]->dtype, &shape);
    return OK;
}

/* How many taps of output o count. */
static double divisor(const struct window *w, int64_t o, const int64_t *places, bool pads)
{
    int64_t count = 0;
    if (!pads) {
        int64_t taps = window_kernel_count(w);
        for (int64_t k = 0; k < taps; k++)
            count += places[k] >= 0;
        return (double)count;
    }
    count = 1;
    for (int i = 2; i >= 0; i--) {
        int64_t start = o % w->out[i] * w->stride[i], inside = 0;
        for (int64_t k = 0; k < w->kernel[i]; k++)
            inside += start + k * w->dilation[i] < w->begin[i] + w->in[i] + w->end[i];
        count *= inside;
        o /= w->out[i];
    }
    return (double)count;
}

static enum status walk(const struct node *node, const struct tensor *x,
                        const struct tensor *dy, struct tensor *y, struct tensor *dx)
{
    struct window w;
    const struct shape *shape = x ? &x->shape : &dx->shape;
    enum status st = window_read(node, shape, NULL, &w);
    if (st)
        return st;
    bool pads = node_int(node, "count_include_pad", 0) != 0;
    int64_t planes = shape->dim[0] * shape->dim[1], area = window_in_count(&w);
    int64_t outs = window_out_count(&w), taps = window_kernel_count(&w);
    int64_t *places = mem_array((size_t)taps, sizeof *places);
    for (int64_t o = 0; o < outs; o++) {
        window_places(&w, o, places);
        double count = divisor(&w, o, places, pads);
        for (int64_t p = 0; p < planes; p++) {
            double sum = 0, g = dx ? at(dy, p * outs + o) / count : 0;
            for (int64_t k = 0; k < taps; k++) {
                if (places[k] < 0)
                    continue;
                if (dx)
                    add_to(dx, p * area + places[k], g);
                else
                    sum += at(x, p * area + places[k]);
            }
            if (y)
                put(y, p * outs + o, sum / count);
        }
    }
    free(places);
    return OK;
}

static enum status reference(const struct node *node, const struct tensor *const *in,
                             struct tensor *const *out)
{
    return walk(node, in[0], NULL, out[0], NULL);
}

static enum status backward(const struct node *node, const struct tensor *const *in,
                            const struct tensor *const *out,
                            const struct tensor *const *dout, struct tensor *const *din)
{
    (void)in, (void)out;
    if (!din[0] || !dout[0])
        return OK;
    fill_zero(din[0]);
    return walk(node, NULL, dout[0], NULL, din[0]);
}

const struct op op_averagepool = {
    .name = "AveragePool",
    .since = 1,
    .inputs = {1, 1},
    .outputs = {1, 1},
    .attributes = "auto_pad:s ceil_mode:i count_include_pad:i dilations:I kernel_shape:I! "
                  "pads:I strides:I",
    .infer = infer,
    .reference = reference,
    .backward = backward,
};
