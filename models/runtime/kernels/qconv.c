/*
 * QLinearConv and QGemm in exact integer arithmetic (models/runtime/integer.h).
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
    struct integer_conv conv;
    struct window window;
    bool gemm;
    int inside;              /* slot, or -1 */
};

/* Where the two operators have their inputs. */
struct places {
    int bias, y_scale, y_zero;
};

static bool is_gemm(const struct node *node)
{
    return node->op->domain != NULL;
}

static struct places places_of(const struct node *node)
{
    return is_gemm(node) ? (struct places){6, 7, 8} : (struct places){8, 6, 7};
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
    if ((!conv && !gemm) || !narrow(node->inputs[0]->dtype) || !narrow(layer->output->dtype))
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
    if (gemm)
        return !node_int(node, "transA", 0) && node_float(node, "alpha", 1) == 1.0f &&
               (!constant(node, 6) || shape_count(&node->inputs[6]->shape) ==
                                          layer->output->shape.dim[1]);
    int64_t groups = node_int(node, "group", 1);
    return w->rank == 4 &&
           (groups == 1 || (groups == node->inputs[0]->shape.dim[1] && groups == w->dim[0] &&
                            w->dim[2] * w->dim[3] <= 256));
}

/* QGemm's weights as [O][K]. The copy is the caller's. */
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

static void geometry(const struct node *node, struct qconv *q, const struct tensor *w)
{
    struct integer_conv *conv = &q->conv;
    const struct shape *x = &node->inputs[0]->shape, *y = &node->outputs[0]->shape;
    struct places at = places_of(node);
    *conv = (struct integer_conv){.x_dtype = node->inputs[0]->dtype,
                                  .y_dtype = node->outputs[0]->dtype,
                                  .O = w->shape.dim[0],
                                  .kernel = {1, 1}, .stride = {1, 1}, .dilation = {1, 1}};
    if (q->gemm) {
        /* Rows are pixels of one picture. */
        conv->N = conv->H = conv->OH = 1;
        conv->W = conv->OW = x->dim[0];
        conv->C = x->dim[1];
    } else {
        window_of(node, x, y, &w->shape, &q->window);
        conv->N = x->dim[0], conv->C = x->dim[1], conv->H = x->dim[2], conv->W = x->dim[3];
        conv->OH = y->dim[2], conv->OW = y->dim[3];
        conv->depthwise = node_int(node, "group", 1) > 1;
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

static void run_forward(const struct step *step, struct lane *lane)
{
    const struct qconv *q = step->context;
    bool marks = q->inside >= 0;
    integer_conv_run(&q->conv, lane_arg(step, lane, 0), lane_arg(step, lane, 1),
                     marks ? lane_arg(step, lane, 3) : NULL, lane_arg(step, lane, 2));
}

static enum status forward(struct builder *build, struct layer *layer)
{
    struct node *node = layer->node;
    struct value *x = node->inputs[0], *y = layer->output;
    struct places at = places_of(node);
    struct qconv *q = build_alloc(build, sizeof *q);
    struct tensor w = {0};
    enum status st = weights_of(node, &w);
    if (st)
        return st;
    q->gemm = is_gemm(node);
    geometry(node, q, &w);
    integer_conv_prepare(&q->conv, &build->plan->arena, &w, constant(node, 1),
                         constant(node, 4), constant(node, 5), constant(node, at.y_scale),
                         constant(node, at.bias));
    tensor_clear(&w);
    int in = build_last(build, x);
    if (in < 0)
        return ERR_UNSUPPORTED;
    dnnl_memory_desc_t md;
    layout_last(&md, y->dtype, &y->shape);
    int out = build_slot(build, y->dtype, &y->shape, &md);
    struct arg args[4] = {
        {0, in}, {0, out}, {0, build_scratch(build, q->conv.scratch_bytes)}};
    q->inside = build_wants(build, x) ? build_scratch(build, (size_t)shape_count(&y->shape))
                                      : -1;
    args[3].slot = q->inside;
    const char *what = q->conv.depthwise ? "integer depthwise"
                       : q->conv.packed  ? "integer avx512_vnni"
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
    int64_t count = shape_count(shape), per_output = count / q->conv.O;
    float *data = build_alloc(build, (size_t)count * sizeof *data);
    const struct tensor *zero = constant(node, 5);
    for (int64_t i = 0; i < count; i++) {
        int64_t o = i / per_output;
        int64_t z = tensor_get_int(zero, shape_count(&zero->shape) > 1 ? o : 0);
        data[i] = (float)(tensor_get_int(&w, i) - z) * q->conv.multiplier[o];
    }
    tensor_clear(&w);
    return build_constant(build, DTYPE_F32, shape, NULL, data);
}

static int gemm_gradient(struct builder *build, const struct node *node, const struct qconv *q,
                         int gradient)
{
    struct shape shape = {.rank = 2, .dim = {q->conv.O, q->conv.C}};
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
    int gradient = masked_gradient(build, layer->output, q->inside), out;
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
