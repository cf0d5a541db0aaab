/*
 * ConvTranspose: what Conv's gradient with respect to x computes. Its window is that of the
 * convolution from y (large) to x (small); w is [C][M/group][...].
 */
#include "models/ops/elements.h"
#include "models/ops/window.h"

#include "base/mem.h"

#include <stdlib.h>
#include <string.h>

struct sizes {
    int64_t batch, channels, maps, c_per, m_per, x_area, y_area, taps;
};

static enum status list_at(const struct node *node, const char *name, int rank, int i,
                           int64_t fallback, int64_t *out)
{
    int count;
    const int64_t *list = node_ints(node, name, &count);
    if (list && count != rank)
        return status_fail(ERR_FORMAT, "'%s' has %d values for %d spatial dimensions", name,
                           count, rank);
    *out = list ? list[i] : fallback;
    if (*out < 0 || *out > 65535)
        return status_fail(ERR_FORMAT, "'%s' is %lld", name, (long long)*out);
    return OK;
}

/* One dimension: y = stride (x - 1) + output_padding + reach - pads, or output_shape. */
static enum status dimension(const struct node *node, int rank, int i, int64_t x,
                             int64_t kernel, struct window *w)
{
    int d = 3 - rank + i, count;
    int64_t extra = 0, want = 0;
    enum status st = list_at(node, "strides", rank, i, 1, &w->stride[d]);
    if (!st)
        st = list_at(node, "dilations", rank, i, 1, &w->dilation[d]);
    if (!st)
        st = list_at(node, "output_padding", rank, i, 0, &extra);
    if (!st)
        st = list_at(node, "output_shape", rank, i, 0, &want);
    if (st)
        return st;
    if (w->stride[d] < 1 || w->dilation[d] < 1 || kernel < 1 || kernel > 65535 || x < 1)
        return status_fail(ERR_FORMAT, "a kernel of %lld with stride %lld", (long long)kernel,
                           (long long)w->stride[d]);
    w->kernel[d] = kernel;
    w->out[d] = x;
    int64_t full = w->stride[d] * (x - 1) + extra + (kernel - 1) * w->dilation[d] + 1;
    const char *mode = node_string(node, "auto_pad", "NOTSET");
    const int64_t *pads = node_ints(node, "pads", &count);
    bool same = !strncmp(mode, "SAME_", 5);
    if (same || want) {
        w->in[d] = want ? want : x * w->stride[d];
        int64_t total = full - w->in[d] > 0 ? full - w->in[d] : 0;
        bool more_at_end = strcmp(mode, "SAME_LOWER") != 0;
        w->begin[d] = more_at_end ? total / 2 : total - total / 2;
        return OK;
    }
    if (pads && count != 2 * rank)
        return status_fail(ERR_FORMAT, "'pads' has %d values", count);
    w->begin[d] = pads ? pads[i] : 0;
    w->in[d] = full - w->begin[d] - (pads ? pads[rank + i] : 0);
    if (w->begin[d] < 0 || w->begin[d] > 65535 || w->in[d] < 1)
        return status_fail(ERR_FORMAT, "%lld would become %lld", (long long)x,
                           (long long)w->in[d]);
    return OK;
}

static enum status read_all(const struct node *node, const struct shape *x,
                            const struct shape *w, struct window *window, struct sizes *out)
{
    int rank = x->rank - 2;
    int64_t group = node_int(node, "group", 1);
    if (rank < 1 || rank > 3 || w->rank != x->rank)
        return status_fail(ERR_UNSUPPORTED, "x has %d dimensions, w %d", x->rank, w->rank);
    if (group < 1 || x->dim[1] != w->dim[0] || x->dim[1] % group || x->dim[1] < 1)
        return status_fail(ERR_FORMAT, "%lld channels in %lld groups, weights for %lld",
                           (long long)x->dim[1], (long long)group, (long long)w->dim[0]);
    *window = (struct window){.rank = rank, .in = {1, 1, 1}, .kernel = {1, 1, 1},
                              .stride = {1, 1, 1}, .dilation = {1, 1, 1}, .out = {1, 1, 1}};
    enum status st = OK;
    for (int i = 0; i < rank && !st; i++)
        st = dimension(node, rank, i, x->dim[2 + i], w->dim[2 + i], window);
    *out = (struct sizes){x->dim[0], x->dim[1], w->dim[1] * group, x->dim[1] / group,
                          w->dim[1], window_out_count(window), window_in_count(window),
                          window_kernel_count(window)};
    return st;
}

static enum status infer(struct node *node)
{
    struct window window;
    struct sizes s = {0};
    const struct shape *x = &node->inputs[0]->shape;
    enum status st = need_same_dtype(node, 0, 1);
    if (!st)
        st = read_all(node, x, &node->inputs[1]->shape, &window, &s);
    if (!st && node->n_inputs > 2 && node->inputs[2] &&
        (node->inputs[2]->shape.rank != 1 || node->inputs[2]->shape.dim[0] != s.maps))
        st = status_fail(ERR_FORMAT, "the bias does not have %lld elements", (long long)s.maps);
    if (st)
        return st;
    struct shape shape = {x->rank, {s.batch, s.maps}};
    for (int i = 0; i < window.rank; i++)
        shape.dim[2 + i] = window.in[3 - window.rank + i];
    set_output(node, 0, node->inputs[0]->dtype, &shape);
    return OK;
}

/* Visits every pair of an x element and a y element that a tap joins. */
struct walk {
    const struct tensor *x, *w, *dy;
    double *y, *dx, *dw;
};

static void join(const struct walk *walk, int64_t x, int64_t y, int64_t w)
{
    if (walk->y)
        walk->y[y] += at(walk->x, x) * at(walk->w, w);
    if (walk->dx)
        walk->dx[x] += at(walk->dy, y) * at(walk->w, w);
    if (walk->dw)
        walk->dw[w] += at(walk->dy, y) * at(walk->x, x);
}

static void walk_all(const struct window *window, const struct sizes *s,
                     const struct walk *walk)
{
    for (int64_t o = 0; o < s->x_area; o++)
        for (int64_t k = 0; k < s->taps; k++) {
            int64_t place = window_place(window, o, k);
            for (int64_t nc = 0; place >= 0 && nc < s->batch * s->channels; nc++) {
                int64_t n = nc / s->channels, c = nc % s->channels;
                for (int64_t m = 0; m < s->m_per; m++) {
                    int64_t map = n * s->maps + c / s->c_per * s->m_per + m;
                    join(walk, nc * s->x_area + o, map * s->y_area + place,
                         (c * s->m_per + m) * s->taps + k);
                }
            }
        }
}

static enum status reference(const struct node *node, const struct tensor *const *in,
                             struct tensor *const *out)
{
    struct window window;
    struct sizes s = {0};
    enum status st = read_all(node, &in[0]->shape, &in[1]->shape, &window, &s);
    if (st)
        return st;
    int64_t count = shape_count(&out[0]->shape);
    const struct tensor *bias = node->n_inputs > 2 ? in[2] : NULL;
    double *y = mem_try((size_t)count, sizeof *y);
    if (!y)
        return status_fail(ERR_NOMEM, "no memory for %lld sums", (long long)count);
    walk_all(&window, &s, &(struct walk){.x = in[0], .w = in[1], .y = y});
    for (int64_t i = 0; i < count; i++)
        put(out[0], i, y[i] + (bias ? at(bias, i / s.y_area % s.maps) : 0));
    free(y);
    return OK;
}

static void store(struct tensor *out, double *sums)
{
    int64_t count = sums ? shape_count(&out->shape) : 0;
    for (int64_t i = 0; i < count; i++)
        put(out, i, sums[i]);
    free(sums);
}

static enum status backward(const struct node *node, const struct tensor *const *in,
                            const struct tensor *const *out,
                            const struct tensor *const *dout, struct tensor *const *din)
{
    struct window window;
    struct sizes s = {0};
    enum status st = read_all(node, &in[0]->shape, &in[1]->shape, &window, &s);
    if (st || !dout[0])
        return st;
    struct walk walk = {.x = in[0], .w = in[1], .dy = dout[0]};
    if (din[0])
        walk.dx = mem_try((size_t)shape_count(&in[0]->shape), sizeof(double));
    if (din[1])
        walk.dw = mem_try((size_t)shape_count(&in[1]->shape), sizeof(double));
    if ((din[0] && !walk.dx) || (din[1] && !walk.dw)) {
        free(walk.dx);
        free(walk.dw);
        return status_fail(ERR_NOMEM, "no memory for gradients");
    }
    walk_all(&window, &s, &walk);
    store(din[0], walk.dx);
    store(din[1], walk.dw);
    if (node->n_inputs > 2 && din[2]) {
        fill_zero(din[2]);
        for (int64_t i = 0; i < shape_count(&out[0]->shape); i++)
            add_to(din[2], i / s.y_area % s.maps, at(dout[0], i));
    }
    return OK;
}

const struct op op_convtranspose = {
    .name = "ConvTranspose",
    .since = 1,
    .inputs = {2, 3},
    .outputs = {1, 1},
    .attributes = "auto_pad:s dilations:I group:i kernel_shape:I output_padding:I "
                  "output_shape:I pads:I strides:I",
    .infer = infer,
    .reference = reference,
    .backward = backward,
};
