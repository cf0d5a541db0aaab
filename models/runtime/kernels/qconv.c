/*
 * QLinearConv, QLinearMatMul by constants, and QGemm in exact integer arithmetic (models/runtime/integer.h).
 *
 * Groups (all but depthwise) are computed one after another on their slices of the channels.
 * Small ones are joined until sixteen outputs fill a vector: to the channels of its neighbours
 * an output has weights equal to its zero point, which add nothing.
 *
 * Gradient, straight through: dy passes where the result did not saturate, through the
 * convolution with the dequantized weights. Gradients of integer values are per unit of the
 * integer, as DequantizeLinear's is, so the weights are scaled by x_scale w_scale / y_scale.
 */
#include "models/runtime/integer.h"
#include "models/runtime/kernels/conv.h"
#include "models/runtime/kernels/masked.h"
#include "models/runtime/kernels/matmul.h"

#include <string.h>

struct qconv {
    int64_t n_parts;             /* joined groups; 1: the whole convolution */
    struct integer_conv *parts;
    int64_t C, O;                /* of all parts */
    struct window window;
    bool gemm;
    int inside;                  /* slot, or -1 */
};

/* Where the operators have their inputs. */
struct places {
    int bias, y_scale, y_zero;
};

static bool is_matmul(const struct node *node)
{
    return !node->op->domain && !strcmp(node->op->name, "QLinearMatMul");
}

static bool is_gemm(const struct node *node)
{
    return node->op->domain != NULL || is_matmul(node);
}

static struct places places_of(const struct node *node)
{
    return is_gemm(node) && !is_matmul(node) ? (struct places){6, 7, 8}
                                             : (struct places){8, 6, 7};
}

static const struct tensor *constant(const struct node *node, int i)
{
    return i < node->n_inputs && node->inputs[i] ? node->inputs[i]->constant : NULL;
}

static bool narrow(enum dtype dtype)
{
    return dtype == DTYPE_U8 || dtype == DTYPE_I8;
}

static bool accepts(const struct builder *build, const struct layer *layer)
{
    const struct node *node = layer->node;
    (void)build;
    bool conv = !node->op->domain && !strcmp(node->op->name, "QLinearConv");
    bool gemm = is_gemm(node) && !strcmp(node->op->name, "QGemm");
    if ((!conv && !gemm && !is_matmul(node)) || !narrow(node->inputs[0]->dtype) || !narrow(layer->output->dtype))
        return false;
    struct places at = places_of(node);
    for (int i = 1; i < 6; i++)
        if (!constant(node, i))
            return false;
    if (!constant(node, at.y_scale) || !constant(node, at.y_zero) ||
        !narrow(node->inputs[3]->dtype) ||
        (at.bias < node->n_inputs && node->inputs[at.bias] && !constant(node, at.bias)))
        return false;
    const struct shape *w = &node->inputs[3]->shape;
    if (is_matmul(node))
        return w->rank == 2 && node->inputs[0]->shape.rank >= 2 &&
               shape_count(&node->inputs[1]->shape) == 1;
    if (gemm)
        return !node_int(node, "transA", 0) && node_float(node, "alpha", 1) == 1.0f &&
               (!constant(node, 6) || shape_count(&node->inputs[6]->shape) ==
                                          layer->output->shape.dim[1]);
    return w->rank == 4;
}

/* One filter a channel, and few enough taps for the depthwise kernels. */
static bool is_depthwise(const struct node *node)
{
    const struct shape *w = &node->inputs[3]->shape;
    int64_t groups = node_int(node, "group", 1);
    return !is_gemm(node) && groups > 1 && groups == node->inputs[0]->shape.dim[1] &&
           groups == w->dim[0] && w->dim[2] * w->dim[3] <= 256;
}

/* How many parts the groups are joined into. */
static int64_t parts_of(const struct node *node)
{
    int64_t groups = is_gemm(node) || is_depthwise(node) ? 1 : node_int(node, "group", 1);
    int64_t outputs = node->inputs[3]->shape.dim[0] / groups, joined = 1;
    while (groups > 1 && joined * outputs < 16 && joined < groups) {
        do
            joined++;
        while (groups % joined);
    }
    return groups / joined;
}

/* A matrix's weights as [O][K]. The copy is the caller's. */
static enum status weights_of(const struct node *node, struct tensor *out)
{
    const struct tensor *w = constant(node, 3);
    if (!is_gemm(node) || node_int(node, "transB", 0))
        return tensor_copy(w, out);
    struct shape turned = {.rank = 2, .dim = {w->shape.dim[1], w->shape.dim[0]}};
    enum status st = tensor_init(out, w->dtype, &turned);
    for (int64_t o = 0; !st && o < turned.dim[0]; o++)
        for (int64_t k = 0; k < turned.dim[1]; k++)
            ((uint8_t *)out->data)[o * turned.dim[1] + k] =
                ((const uint8_t *)w->data)[k * turned.dim[0] + o];
    return st;
}

/* Elements [first, first + n) of a row; a single number stands for all. Borrowed. */
static struct tensor slice(const struct tensor *row, int64_t first, int64_t n)
{
    struct tensor out = *row;
    out.owned = false;
    if (shape_count(&row->shape) > 1) {
        out.data = (char *)row->data + (size_t)first * dtype_size(row->dtype);
        out.shape = (struct shape){.rank = 1, .dim = {n}};
    }
    return out;
}

/* The weights of one part, [outputs][channels][k][k]. The caller clears them. */
static enum status part_weights(const struct node *node, const struct qconv *q,
                                const struct tensor *w, int64_t part, struct tensor *out)
{
    int64_t O = q->O / q->n_parts, C = q->C / q->n_parts, per_output = w->shape.dim[1];
    int64_t groups = node_int(node, "group", 1) / q->n_parts, outputs = O / groups;
    int64_t taps = w->shape.dim[2] * w->shape.dim[3];
    struct shape shape = {.rank = 4, .dim = {O, C, w->shape.dim[2], w->shape.dim[3]}};
    enum status st = tensor_init(out, w->dtype, &shape);
    if (st)
        return st;
    const struct tensor *zero = constant(node, 5);
    uint8_t *to = out->data;
    for (int64_t o = 0; o < O; o++, to += C * taps) {
        int64_t all = part * O + o, own = o / outputs * per_output;
        int64_t z = tensor_get_int(zero, shape_count(&zero->shape) > 1 ? all : 0);
        memset(to, (int)(z & 255), (size_t)(C * taps));
        memcpy(to + own * taps, (const uint8_t *)w->data + all * per_output * taps,
               (size_t)(per_output * taps));
    }
    return OK;
}

static void geometry(const struct node *node, struct qconv *q, const struct tensor *w,
                     struct integer_conv *conv)
{
    const struct shape *x = &node->inputs[0]->shape, *y = &node->outputs[0]->shape;
    struct places at = places_of(node);
    *conv = (struct integer_conv){.x_dtype = node->inputs[0]->dtype,
                                  .y_dtype = node->outputs[0]->dtype,
                                  .O = w->shape.dim[0] / q->n_parts,
                                  .kernel = {1, 1}, .stride = {1, 1}, .dilation = {1, 1}};
    if (q->gemm) {
        /* Rows are pixels of one picture. */
        conv->N = conv->H = conv->OH = 1;
        conv->C = x->dim[x->rank - 1];
        conv->W = conv->OW = shape_count(x) / conv->C;
    } else {
        window_of(node, x, y, &w->shape, &q->window);
        conv->N = x->dim[0], conv->C = x->dim[1] / q->n_parts, conv->H = x->dim[2], conv->W = x->dim[3];
        conv->OH = y->dim[2], conv->OW = y->dim[3];
        conv->depthwise = is_depthwise(node);
        for (int i = 0; i < 2; i++) {
            conv->kernel[i] = q->window.kernel[i];
            conv->stride[i] = q->window.stride[i];
            conv->dilation[i] = q->window.dilation[i] + 1;
            conv->pad[i] = q->window.left[i];
            conv->pad[i + 2] = q->window.right[i];
        }
    }
    conv->x_zero = (int)tensor_get_int(constant(node, 2), 0) +
                   (conv->x_dtype == DTYPE_I8 ? 128 : 0);
    conv->y_zero = (int)tensor_get_int(constant(node, at.y_zero), 0);
    int low = conv->y_dtype == DTYPE_I8 ? -128 : 0;
    conv->low = (float)(low - conv->y_zero);
    conv->high = (float)(low + 255 - conv->y_zero);
}

/* `width` bytes of each of `rows`, from rows of `from_row` bytes to rows of `to_row`. */
static void copy_columns(const uint8_t *from, int64_t from_row, uint8_t *to, int64_t to_row,
                         int64_t rows, int64_t width)
{
    for (int64_t i = 0; i < rows; i++)
        memcpy(to + i * to_row, from + i * from_row, (size_t)width);
}

/* Scratch: what the parts need themselves, then x, y and the marks of one part. */
static void run_parts(const struct qconv *q, const uint8_t *x, uint8_t *y, uint8_t *inside,
                      uint8_t *scratch)
{
    for (int64_t i = 0; i < q->n_parts; i++) {
        const struct integer_conv *part = &q->parts[i];
        int64_t ins = part->N * part->H * part->W, outs = part->N * part->OH * part->OW;
        uint8_t *own_x = scratch + part->scratch_bytes, *own_y = own_x + ins * part->C;
        uint8_t *own_inside = own_y + outs * part->O;
        copy_columns(x + i * part->C, q->C, own_x, part->C, ins, part->C);
        integer_conv_run(part, own_x, own_y, inside ? own_inside : NULL, scratch);
        copy_columns(own_y, part->O, y + i * part->O, q->O, outs, part->O);
        if (inside)
            copy_columns(own_inside, part->O, inside + i * part->O, q->O, outs, part->O);
    }
}

static void run_forward(const struct step *step, struct lane *lane)
{
    const struct qconv *q = step->context;
    const uint8_t *x = lane_arg(step, lane, 0);
    uint8_t *y = lane_arg(step, lane, 1), *scratch = lane_arg(step, lane, 2);
    uint8_t *inside = q->inside >= 0 ? lane_arg(step, lane, 3) : NULL;
    if (q->n_parts > 1)
        run_parts(q, x, y, inside, scratch);
    else
        integer_conv_run(&q->parts[0], x, y, inside, scratch);
}

static enum status prepare_part(struct builder *build, const struct node *node,
                                struct qconv *q, const struct tensor *w, int64_t i)
{
    struct integer_conv *part = &q->parts[i];
    struct places at = places_of(node);
    struct tensor own = *w;
    own.owned = false;
    bool grouped = !q->gemm && !is_depthwise(node) && node_int(node, "group", 1) > 1;
    enum status st = grouped ? part_weights(node, q, w, i, &own) : OK;
    if (st)
        return st;
    geometry(node, q, w, part);
    int64_t first = i * part->O;
    struct tensor w_scale = slice(constant(node, 4), first, part->O);
    struct tensor w_zero = slice(constant(node, 5), first, part->O), bias = {0};
    if (constant(node, at.bias))
        bias = slice(constant(node, at.bias), first, part->O);
    integer_conv_prepare(part, &build->plan->arena, &own, constant(node, 1), &w_scale, &w_zero,
                         constant(node, at.y_scale), bias.data ? &bias : NULL);
    tensor_clear(&own);
    return OK;
}

static size_t scratch_bytes(const struct qconv *q)
{
    const struct integer_conv *part = &q->parts[0];
    size_t most = 0;
    for (int64_t i = 0; i < q->n_parts; i++)
        most = q->parts[i].scratch_bytes > most ? q->parts[i].scratch_bytes : most;
    return q->n_parts == 1 ? most
                           : most + (size_t)(part->N * (part->H * part->W * part->C +
                                                        2 * part->OH * part->OW * part->O));
}

static enum status forward(struct builder *build, struct layer *layer)
{
    struct node *node = layer->node;
    struct value *x = node->inputs[0], *y = layer->output;
    struct qconv *q = build_alloc(build, sizeof *q);
    struct tensor w = {0};
    enum status st = weights_of(node, &w);
    q->gemm = is_gemm(node);
    q->n_parts = parts_of(node);
    q->parts = build_alloc(build, (size_t)q->n_parts * sizeof *q->parts);
    q->C = x->shape.dim[q->gemm ? x->shape.rank - 1 : 1];
    q->O = y->shape.dim[q->gemm ? y->shape.rank - 1 : 1];
    for (int64_t i = 0; i < q->n_parts && !st; i++)
        st = prepare_part(build, node, q, &w, i);
    tensor_clear(&w);
    if (st)
        return st;
    int in = q->gemm ? build_plain(build, x) : build_last(build, x);
    if (in < 0)
        return ERR_UNSUPPORTED;
    dnnl_memory_desc_t md;
    (q->gemm ? layout_plain : layout_last)(&md, y->dtype, &y->shape);
    int out = build_slot(build, y->dtype, &y->shape, &md);
    struct arg args[4] = {
        {0, in}, {0, out}, {0, build_scratch(build, scratch_bytes(q))}};
    q->inside = build_wants(build, x) ? build_scratch(build, (size_t)shape_count(&y->shape))
                                      : -1;
    args[3].slot = q->inside;
    const char *what = q->parts[0].depthwise ? "integer depthwise"
                       : q->parts[0].packed  ? "integer avx512_vnni"
                                             : "integer";
    build_step(build, run_forward, what, q, args, q->inside >= 0 ? 4 : 3);
    build_define(build, y, out);
    layer->state = q;
    return OK;
}

/* (w - w_zero) x_scale w_scale / y_scale, a constant slot of `shape`. */
static int float_weights(struct builder *build, const struct node *node, const struct qconv *q,
                         const struct shape *shape)
{
    struct tensor w = {0};
    if (weights_of(node, &w))
        return -1;
    int64_t count = shape_count(shape), per_output = count / q->O;
    float *data = build_alloc(build, (size_t)count * sizeof *data);
    const struct tensor *zero = constant(node, 5), *scale = constant(node, 4);
    double unit = tensor_get(constant(node, 1), 0) /
                  tensor_get(constant(node, places_of(node).y_scale), 0);
    for (int64_t i = 0; i < count; i++) {
        int64_t o = i / per_output;
        int64_t z = tensor_get_int(zero, shape_count(&zero->shape) > 1 ? o : 0);
        double s = tensor_get(scale, shape_count(&scale->shape) > 1 ? o : 0);
        data[i] = (float)((double)(tensor_get_int(&w, i) - z) * s * unit);
    }
    tensor_clear(&w);
    return build_constant(build, DTYPE_F32, shape, NULL, data);
}

static int gemm_gradient(struct builder *build, const struct node *node, const struct qconv *q,
                         int gradient)
{
    struct shape shape = {.rank = 2, .dim = {q->O, q->C}};
    int w = float_weights(build, node, q, &shape);
    int out = build_slot(build, DTYPE_F32, &node->inputs[0]->shape, NULL);
    gradient = build_plain_slot(build, gradient);
    if (w < 0 || gradient < 0 ||
        matmul_multiply(build, gradient, false, w, false, out, "matmul backward"))
        return -1;
    return out;
}

static enum status backward(struct builder *build, struct layer *layer)
{
    const struct node *node = layer->node;
    const struct qconv *q = layer->state;
    int gradient = masked_gradient(build, layer->output, q->inside, q->gemm), out;
    if (gradient < 0)
        return ERR_UNSUPPORTED;
    if (q->gemm) {
        out = gemm_gradient(build, node, q, gradient);
    } else {
        struct shape grouped = conv_grouped(node, &node->inputs[3]->shape);
        int w = float_weights(build, node, q, &grouped);
        out = w < 0 ? -1
                    : conv_input_gradient(build, &q->window, &grouped, &node->inputs[0]->shape,
                                          w, gradient);
    }
    if (out < 0)
        return ERR_UNSUPPORTED;
    build_give(build, node->inputs[0], out);
    return OK;
}

const struct kernel kernel_qconv = {
    .name = "qconv",
    .accepts = accepts,
    .forward = forward,
    .backward = backward,
    .differentiates = true,
};
