/* Convolutions 3x3 of stride 1 through models/runtime/winograd.h, forward and turned. */
#include "models/runtime/kernels/conv.h"
#include "models/runtime/winograd.h"

#include <stdlib.h>
#include <string.h>

/* Arguments are x, weights, bias and residual where there are any, scratch, y. */
struct winograd_step {
    struct winograd winograd;
    bool bias, residual;
};

static bool blocked_layout(const struct shape *shape, dnnl_memory_desc_t *md)
{
    dnnl_dims_t dims;
    for (int i = 0; i < shape->rank; i++)
        dims[i] = shape->dim[i];
    *md = (dnnl_memory_desc_t){0};
    return !dnnl_memory_desc_init_by_tag(md, shape->rank, dims, dnnl_f32, dnnl_nChw16c);
}

bool conv_suits_winograd(const struct conv *conv, const struct shape *x, const struct shape *y)
{
    const struct window *w = &conv->window;
    return w->n == 2 && w->kernel[0] == 3 && w->kernel[1] == 3 && w->stride[0] == 1 &&
           w->stride[1] == 1 && !w->dilation[0] && !w->dilation[1] &&
           conv->grouped.rank == 4 && x->dim[1] >= 16 && y->dim[1] >= 16;
}

/* F(4x4) makes four times as many weights: where each serves few outputs, reading them costs
 * more than the products that are saved, and oneDNN's F(2x2) is the better one. */
static bool suits_tiles(const struct conv *conv, const struct shape *x, const struct shape *y)
{
    return winograd_can() && conv_suits_winograd(conv, x, y) &&
           x->dim[1] * y->dim[1] <= 1024 * y->dim[0] * y->dim[2] * y->dim[3];
}

static void run(const struct step *step, struct lane *lane)
{
    const struct winograd_step *s = step->context;
    int last = step->n_args - 1;
    winograd_run(&s->winograd, lane_arg(step, lane, 0), lane_arg(step, lane, 1),
                 s->bias ? lane_arg(step, lane, 2) : NULL,
                 s->residual ? lane_arg(step, lane, 2 + s->bias) : NULL,
                 lane_arg(step, lane, last), lane_arg(step, lane, last - 1));
}

/* Filled up to whole blocks. */
static int padded_bias(struct builder *build, struct value *bias, int64_t count)
{
    if (!build_constant_value(build, bias))
        return build_plain(build, bias);
    struct shape shape = {.rank = 1, .dim = {count}};
    float *data = build_alloc(build, (size_t)count * sizeof *data);
    memcpy(data, bias->constant->data, (size_t)shape_count(&bias->shape) * sizeof *data);
    return build_constant(build, DTYPE_F32, &shape, NULL, data);
}

struct weights_step {
    struct winograd winograd;
    bool turned;
};

static void run_weights(const struct step *step, struct lane *lane)
{
    const struct weights_step *s = step->context;
    winograd_weights(&s->winograd, lane_arg(step, lane, 0), s->turned, lane_arg(step, lane, 1));
}

/* The transformed weights, once where they are constant, else in a step of its own. */
static int transformed(struct builder *build, const struct winograd *winograd, int weights,
                       bool turned)
{
    struct shape shape = {.rank = 1, .dim = {(int64_t)winograd->weight_floats}};
    size_t bytes = winograd->weight_floats * sizeof(float);
    if (build_at(build, weights)->kind != SLOT_CONSTANT) {
        struct weights_step *s = build_alloc(build, sizeof *s);
        *s = (struct weights_step){*winograd, turned};
        struct arg args[] = {{0, weights}, {0, build_slot(build, DTYPE_F32, &shape, NULL)}};
        build_step(build, run_weights, "winograd weights", s, args, 2);
        return args[1].slot;
    }
    float *data = arena_try(&build->plan->arena, bytes);
    if (!data) {
        status_fail(ERR_NOMEM, "no memory for weights of %zu bytes", bytes);
        return -1;
    }
    winograd_weights(winograd, build_at(build, weights)->data, turned, data);
    build->plan->constant_bytes += bytes;
    return build_constant(build, DTYPE_F32, &shape, NULL, data);
}

static struct winograd sizes_of(const struct conv *conv, const struct shape *x,
                                const struct shape *y)
{
    struct winograd winograd = {.N = x->dim[0], .C = x->dim[1], .H = x->dim[2], .W = x->dim[3],
                                .O = y->dim[1], .OH = y->dim[2], .OW = y->dim[3],
                                .top = conv->window.left[0], .left = conv->window.left[1],
                                .low = -__builtin_inff(), .high = __builtin_inff()};
    winograd_prepare(&winograd);
    return winograd;
}

/* Adds the step; args hold what is read, the scratch and the output are added. */
static int add_step(struct builder *build, const struct winograd_step *context,
                    struct arg *args, int n, const struct shape *y, const char *what)
{
    dnnl_memory_desc_t md;
    blocked_layout(y, &md);
    for (int i = 0; i < n; i++)
        if (args[i].slot < 0)
            return -1;
    int out = build_slot(build, DTYPE_F32, y, &md);
    args[n++].slot = build_scratch(build, context->winograd.scratch_bytes);
    args[n++].slot = out;
    build_step(build, run, what, context, args, n);
    return out;
}

int conv_winograd_forward(struct builder *build, const struct layer *layer, struct conv *conv)
{
    const struct node *node = layer->node;
    const struct activation *act = &layer->act;
    struct value *x = node->inputs[0], *w = node->inputs[1];
    if (!suits_tiles(conv, &x->shape, &layer->output->shape) ||
        act->kind == ACT_SMOOTH || !activation_keeps_zero(act) ||
        (conv->has_bias && !build_constant_value(build, node->inputs[2]) &&
         layer->output->shape.dim[1] % 16))
        return -1;
    struct winograd_step *s = build_alloc(build, sizeof *s);
    *s = (struct winograd_step){sizes_of(conv, &x->shape, &layer->output->shape),
                                conv->has_bias, layer->residual != NULL};
    if (act->kind != ACT_NONE)
        s->winograd.low = act->kind == ACT_CLIP ? act->alpha : 0;
    if (act->kind == ACT_CLIP)
        s->winograd.high = act->beta;
    dnnl_memory_desc_t in, out;
    blocked_layout(&x->shape, &in);
    blocked_layout(&layer->output->shape, &out);
    struct arg args[6] = {
        {0, build_form(build, x, &in)},
        {0, transformed(build, &s->winograd, build_plain(build, w), false)}};
    int n = 2;
    conv->src = in;
    conv->input = args[0].slot;
    if (conv->has_bias)
        args[n++].slot = padded_bias(build, node->inputs[2], s->winograd.padded_O);
    if (layer->residual)
        args[n++].slot = build_form(build, layer->residual, &out);
    return add_step(build, s, args, n, &layer->output->shape, "conv winograd avx512");
}

static void run_gradient(const struct step *step, struct lane *lane)
{
    winograd_gradient(step->context, lane_arg(step, lane, 0), lane_arg(step, lane, 1),
                      lane_arg(step, lane, 3), lane_arg(step, lane, 2));
}

int conv_winograd_weights(struct builder *build, const struct layer *layer, int gradient)
{
    const struct conv *conv = layer->state;
    const struct node *node = layer->node;
    const struct shape *x = &node->inputs[0]->shape, *y = &layer->output->shape;
    if (!suits_tiles(conv, x, y) || (conv->has_bias && build_wants(build, node->inputs[2])))
        return -1;
    struct winograd *w = build_alloc(build, sizeof *w);
    *w = sizes_of(conv, x, y);
    w->gradient = true;
    winograd_prepare(w);
    dnnl_memory_desc_t in, out;
    blocked_layout(x, &in);
    blocked_layout(y, &out);
    struct arg args[] = {{0, build_reorder(build, conv->input, &in)},
                         {0, build_reorder(build, gradient, &out)},
                         {0, build_scratch(build, w->scratch_bytes)},
                         {0, build_slot(build, DTYPE_F32, &node->inputs[1]->shape, NULL)}};
    if (args[0].slot < 0 || args[1].slot < 0)
        return -1;
    build_step(build, run_gradient, "conv weights winograd avx512", w, args, 4);
    return args[3].slot;
}

/*
 * With stride 1 the gradient of the input is a convolution as well, of the output's gradient
 * with the kernels turned by half a turn and inputs and outputs exchanged.
 */
static struct conv turned_conv(const struct conv *conv)
{
    struct conv turned = {.window = conv->window, .grouped = conv->grouped};
    turned.grouped.dim[0] = conv->grouped.dim[1];
    turned.grouped.dim[1] = conv->grouped.dim[0];
    for (int i = 0; i < conv->window.n; i++) {
        turned.window.left[i] = conv->window.kernel[i] - 1 - conv->window.left[i];
        turned.window.right[i] = conv->window.kernel[i] - 1 - conv->window.right[i];
    }
    return turned;
}

/* Constant weights [O][I][taps] as [I][O][taps, backwards], in the layout `md`. */
static int turned_weights(struct builder *build, const float *w, const struct shape *turned,
                          const dnnl_memory_desc_t *md)
{
    int64_t I = turned->dim[0], O = turned->dim[1], taps = shape_count(turned) / (I * O);
    float *data = mem_array((size_t)shape_count(turned), sizeof *data);
    for (int64_t i = 0; i < I; i++)
        for (int64_t o = 0; o < O; o++)
            for (int64_t k = 0; k < taps; k++)
                data[(i * O + o) * taps + k] = w[(o * I + i) * taps + taps - 1 - k];
    int plain = build_constant(build, DTYPE_F32, turned, NULL, data);
    int slot = build_reorder(build, plain, md);
    build->plan->slots[plain].data = NULL; /* no step reads it */
    free(data);
    return slot;
}

static enum status describe_turned(const struct conv *turned, const struct shape *x,
                                   const dnnl_memory_desc_t *ddst, dnnl_primitive_desc_t *out)
{
    const struct window *w = &turned->window;
    dnnl_memory_desc_t weights, dsrc;
    layout_any(&weights, DTYPE_F32, &turned->grouped);
    layout_any(&dsrc, DTYPE_F32, x);
    dnnl_convolution_desc_t descriptor;
    dnnl_status_t code = dnnl_dilated_convolution_forward_desc_init(
        &descriptor, dnnl_forward_inference, dnnl_convolution_winograd, ddst, &weights, NULL,
        &dsrc, w->stride, w->dilation, w->left, w->right);
    dnnl_primitive_attr_t attr = build_attributes(NULL, NULL);
    if (!code)
        code = dnnl_primitive_desc_create(out, &descriptor, attr, layout_engine(), NULL);
    dnnl_primitive_attr_destroy(attr);
    return layout_fail(code, "turned conv");
}

/* By oneDNN's Winograd kernels. */
static int turned_primitive(struct builder *build, const struct conv *turned,
                            const struct shape *x, const float *w, int gradient)
{
    dnnl_primitive_desc_t descriptor;
    if (describe_turned(turned, x, &build_at(build, gradient)->md, &descriptor))
        return -1;
    dnnl_memory_desc_t weights =
        *dnnl_primitive_desc_query_md(descriptor, dnnl_query_weights_md, 0);
    int out = build_slot(build, DTYPE_F32, x,
                         dnnl_primitive_desc_query_md(descriptor, dnnl_query_dst_md, 0));
    struct arg args[] = {{DNNL_ARG_SRC, gradient},
                         {DNNL_ARG_WEIGHTS, turned_weights(build, w, &turned->grouped, &weights)},
                         {DNNL_ARG_DST, out}};
    if (args[1].slot < 0) {
        dnnl_primitive_desc_destroy(descriptor);
        return -1;
    }
    return build_primitive(build, descriptor, "conv turned", args, 3) ? -1 : out;
}

int conv_winograd_turned(struct builder *build, const struct conv *conv, const struct shape *x,
                         int weights, int gradient)
{
    struct conv turned = turned_conv(conv);
    const struct shape *y = &build_at(build, gradient)->shape;
    if (!conv_suits_winograd(&turned, y, x))
        return -1;
    const struct slot *w = build_at(build, weights);
    if (!suits_tiles(&turned, y, x))
        return w->kind == SLOT_CONSTANT
                   ? turned_primitive(build, &turned, x, w->data, gradient)
                   : -1;
    struct winograd_step *s = build_alloc(build, sizeof *s);
    s->winograd = sizes_of(&turned, y, x);
    dnnl_memory_desc_t in;
    blocked_layout(y, &in);
    struct arg args[4] = {{0, build_reorder(build, gradient, &in)},
                          {0, transformed(build, &s->winograd, weights, true)}};
    return add_step(build, s, args, 2, x, "conv turned winograd avx512");
}
