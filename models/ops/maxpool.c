/*
 * MaxPool: the largest element under a window; padding never wins. The gradient goes to the
 * first such element. Output 1, where asked for, holds its place in the whole input.
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
        st = window_read(node, &node->inputs[0]->shape, NULL, &window);
    if (st)
        return st;
    struct shape shape;
    window_shape(&window, node->inputs[0]->shape.dim[0], node->inputs[0]->shape.dim[1],
                 &shape);
    set_output(node, 0, node->inputs[0]->dtype, &shape);
    set_output(node, 1, DTYPE_I64, &shape);
    return OK;
}

/* The place of the winner in plane `base`, or -1 when the window lies in the padding. */
static int64_t winner(const struct tensor *x, int64_t base, const int64_t *places,
                      int64_t taps)
{
    int64_t best = -1;
    for (int64_t k = 0; k < taps; k++)
        if (places[k] >= 0 && (best < 0 || at(x, base + places[k]) > at(x, base + best)))
            best = places[k];
    return best;
}

/* storage_order 1 counts the last two dimensions the other way round. */
static int64_t index_of(const struct node *node, const struct window *w, int64_t base,
                        int64_t place)
{
    if (node_int(node, "storage_order", 0) == 0 || w->rank != 2)
        return base + place;
    return base + place % w->in[2] * w->in[1] + place / w->in[2];
}

static enum status reference(const struct node *node, const struct tensor *const *in,
                             struct tensor *const *out)
{
    struct window w;
    enum status st = window_read(node, &in[0]->shape, NULL, &w);
    if (st)
        return st;
    int64_t planes = in[0]->shape.dim[0] * in[0]->shape.dim[1];
    int64_t area = window_in_count(&w), outs = window_out_count(&w);
    int64_t taps = window_kernel_count(&w);
    int64_t *places = mem_array((size_t)taps, sizeof *places);
    for (int64_t o = 0; o < outs && !st; o++) {
        window_places(&w, o, places);
        for (int64_t p = 0; p < planes && !st; p++) {
            int64_t best = winner(in[0], p * area, places, taps);
            if (best < 0) {
                st = status_fail(ERR_FORMAT, "a window lies wholly in the padding");
                break;
            }
            copy_element(in[0], p * area + best, out[0], p * outs + o);
            if (node->n_outputs > 1 && out[1])
                put_int(out[1], p * outs + o, index_of(node, &w, p * area, best));
        }
    }
    free(places);
    return st;
}

static enum status backward(const struct node *node, const struct tensor *const *in,
                            const struct tensor *const *out,
                            const struct tensor *const *dout, struct tensor *const *din)
{
    (void)out;
    struct window w;
    enum status st = window_read(node, &in[0]->shape, NULL, &w);
    if (st || !din[0] || !dout[0])
        return st;
    int64_t planes = in[0]->shape.dim[0] * in[0]->shape.dim[1];
    int64_t area = window_in_count(&w), outs = window_out_count(&w);
    int64_t taps = window_kernel_count(&w);
    int64_t *places = mem_array((size_t)taps, sizeof *places);
    fill_zero(din[0]);
    for (int64_t o = 0; o < outs; o++) {
        window_places(&w, o, places);
        for (int64_t p = 0; p < planes; p++) {
            int64_t best = winner(in[0], p * area, places, taps);
            if (best >= 0)
                add_to(din[0], p * area + best, at(dout[0], p * outs + o));
        }
    }
    free(places);
    return OK;
}

const struct op op_maxpool = {
    .name = "MaxPool",
    .since = 1,
    .inputs = {1, 1},
    .outputs = {1, 2},
    .attributes = "auto_pad:s ceil_mode:i dilations:I kernel_shape:I! pads:I "
                  "storage_order:i strides:I",
    .infer = infer,
    .reference = reference,
    .backward = backward,
};
