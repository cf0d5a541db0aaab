/*
 * Conv: y[n,m,o] = b[m] + sum_c sum_k x[n, c, place(o,k)] w[m, c', k], in groups.
 * One to three spatial dimensions, auto_pad, dilations.
 */
#include "models/ops/conv.h"
#include "models/ops/elements.h"

#include "base/mem.h"

#include <stdlib.h>

enum status conv_sizes_read(const struct node *node, const struct shape *x,
                            const struct shape *w, struct window *window,
                            struct conv_sizes *out)
{
    if (x->rank < 3 || w->rank != x->rank)
        return status_fail(ERR_FORMAT, "x has %d dimensions, w %d", x->rank, w->rank);
    int64_t group = node_int(node, "group", 1);
    if (group < 1 || x->dim[1] % group || w->dim[0] % group || w->dim[0] < 1 ||
        x->dim[1] / group != w->dim[1])
        return status_fail(ERR_FORMAT, "%lld channels in %lld groups, but the weights have "
                           "%lld x %lld", (long long)x->dim[1], (long long)group,
                           (long long)w->dim[0], (long long)w->dim[1]);
    enum status st = window_read(node, x, &w->dim[2], window);
    if (st)
        return st;
    *out = (struct conv_sizes){x->dim[0], x->dim[1], w->dim[0], group, w->dim[1],
                          w->dim[0] / group, window_in_count(window),
                          window_out_count(window), window_kernel_count(window)};
    return OK;
}

int64_t conv_integer_sum(const struct tensor *x, int64_t x_zero, const struct tensor *w,
                         int64_t w_zero, const int64_t *places,
                         const struct conv_sizes *s, int64_t n, int64_t m)
{
    int64_t sum = 0, x_at = (n * s->channels + m / s->m_per * s->c_per) * s->in;
    int64_t w_at = m * s->c_per * s->taps;
    for (int64_t c = 0; c < s->c_per; c++, x_at += s->in, w_at += s->taps)
        for (int64_t k = 0; k < s->taps; k++)
            if (places[k] >= 0)
                sum += (tensor_get_int(x, x_at + places[k]) - x_zero) *
                       (tensor_get_int(w, w_at + k) - w_zero);
    return sum;
}

static enum status infer(struct node *node)
{
    const struct value *x = node->inputs[0], *w = node->inputs[1];
    struct window window;
    struct conv_sizes s;
    enum status st = need_same_dtype(node, 0, 1);
    if (!st)
        st = conv_sizes_read(node, &x->shape, &w->shape, &window, &s);
    if (st)
        return st;
    if (node->n_inputs > 2 && node->inputs[2] &&
        (node->inputs[2]->shape.rank != 1 || node->inputs[2]->shape.dim[0] != s.maps))
        return status_fail(ERR_FORMAT, "the bias does not have %lld elements",
                           (long long)s.maps);
    struct shape shape;
    window_shape(&window, s.batch, s.maps, &shape);
    set_output(node, 0, x->dtype, &shape);
    return OK;
}

/* The same sum in the same order, for the dtype that nearly all networks have. */
static double dot_float(const float *x, const float *w, const int64_t *places,
                        const struct conv_sizes *s)
{
    double sum = 0;
    for (int64_t c = 0; c < s->c_per; c++, x += s->in, w += s->taps)
        for (int64_t k = 0; k < s->taps; k++)
            if (places[k] >= 0)
                sum += (double)x[places[k]] * (double)w[k];
    return sum;
}

static double dot(const struct tensor *x, const struct tensor *w, const int64_t *places,
                  const struct conv_sizes *s, int64_t x_at, int64_t w_at)
{
    double sum = 0;
    if (x->dtype == DTYPE_F32 && w->dtype == DTYPE_F32)
        return dot_float((const float *)x->data + x_at, (const float *)w->data + w_at, places, s);
    for (int64_t c = 0; c < s->c_per; c++, x_at += s->in, w_at += s->taps)
        for (int64_t k = 0; k < s->taps; k++)
            if (places[k] >= 0)
                sum += at(x, x_at + places[k]) * at(w, w_at + k);
    return sum;
}

static enum status reference(const struct node *node, const struct tensor *const *in,
                             struct tensor *const *out)
{
    struct window window;
    struct conv_sizes s;
    enum status st = conv_sizes_read(node, &in[0]->shape, &in[1]->shape, &window, &s);
    if (st)
        return st;
    const struct tensor *bias = node->n_inputs > 2 ? in[2] : NULL;
    int64_t *places = mem_array((size_t)s.taps, sizeof *places);
    for (int64_t o = 0; o < s.out; o++) {
        window_places(&window, o, places);
        for (int64_t n = 0; n < s.batch; n++)
            for (int64_t m = 0; m < s.maps; m++) {
                int64_t c0 = m / s.m_per * s.c_per;
                double sum = dot(in[0], in[1], places, &s, (n * s.channels + c0) * s.in,
                                 m * s.c_per * s.taps);
                put(out[0], (n * s.maps + m) * s.out + o, sum + (bias ? at(bias, m) : 0));
            }
    }
    free(places);
    return OK;
}

struct sums {
    double *dx, *dw;
};

/* Adds one output's gradient to everything that it was made of. */
static void scatter(const struct tensor *x, const struct tensor *w, const int64_t *places,
                    const struct conv_sizes *s, int64_t x_at, int64_t w_at, double g,
                    struct sums *sums)
{
    for (int64_t c = 0; c < s->c_per; c++, x_at += s->in, w_at += s->taps)
        for (int64_t k = 0; k < s->taps; k++) {
            if (places[k] < 0)
                continue;
            if (sums->dx)
                sums->dx[x_at + places[k]] += g * at(w, w_at + k);
            if (sums->dw)
                sums->dw[w_at + k] += g * at(x, x_at + places[k]);
        }
}

static enum status store(struct tensor *out, double *sums)
{
    if (!sums)
        return out ? status_fail(ERR_NOMEM, "no memory for a gradient") : OK;
    int64_t count = shape_count(&out->shape);
    for (int64_t i = 0; i < count; i++)
        put(out, i, sums[i]);
    free(sums);
    return OK;
}

static void backward_bias(const struct tensor *dy, const struct conv_sizes *s, struct tensor *db)
{
    for (int64_t m = 0; m < s->maps; m++) {
        double sum = 0;
        for (int64_t n = 0; n < s->batch; n++)
            for (int64_t o = 0; o < s->out; o++)
                sum += at(dy, (n * s->maps + m) * s->out + o);
        put(db, m, sum);
    }
}

static enum status backward(const struct node *node, const struct tensor *const *in,
                            const struct tensor *const *out,
                            const struct tensor *const *dout, struct tensor *const *din)
{
    (void)out;
    struct window window;
    struct conv_sizes s;
    enum status st = conv_sizes_read(node, &in[0]->shape, &in[1]->shape, &window, &s);
    if (st || !dout[0])
        return st;
    struct sums sums = {
        din[0] ? mem_try((size_t)shape_count(&in[0]->shape), sizeof(double)) : NULL,
        din[1] ? mem_try((size_t)shape_count(&in[1]->shape), sizeof(double)) : NULL,
    };
    int64_t *places = mem_array((size_t)s.taps, sizeof *places);
    for (int64_t o = 0; o < s.out && (sums.dx || sums.dw); o++) {
        window_places(&window, o, places);
        for (int64_t n = 0; n < s.batch; n++)
            for (int64_t m = 0; m < s.maps; m++) {
                int64_t c0 = m / s.m_per * s.c_per;
                scatter(in[0], in[1], places, &s, (n * s.channels + c0) * s.in,
                        m * s.c_per * s.taps, at(dout[0], (n * s.maps + m) * s.out + o),
                        &sums);
            }
    }
    free(places);
    if (node->n_inputs > 2 && din[2])
        backward_bias(dout[0], &s, din[2]);
    st = store(din[0], sums.dx);
    enum status second = store(din[1], sums.dw);
    return st ? st : second;
}

const struct op op_conv = {
    .name = "Conv",
    .since = 1,
    .inputs = {2, 3},
    .outputs = {1, 1},
    .attributes = "auto_pad:s dilations:I group:i kernel_shape:I pads:I strides:I",
    .infer = infer,
    .reference = reference,
    .backward = backward,
};
