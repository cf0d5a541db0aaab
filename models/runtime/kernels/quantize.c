/*
 * QuantizeLinear and DequantizeLinear per tensor, 8 bits: q = saturate(round(x / s) + z),
 * x = (q - z) s. Integers lie channels last. Backward as the operators say: straight through
 * where nothing saturated.
 */
#include "base/simd.h"
#include "models/runtime/build.h"

#include <math.h>
#include <string.h>

struct grid {
    float scale;
    int zero, low, high;
    bool is_signed;
    int64_t count;
    int inside;              /* slot of one byte an element, or -1 */
};

static bool narrow(enum dtype dtype)
{
    return dtype == DTYPE_U8 || dtype == DTYPE_I8;
}

static bool one_number(const struct node *node, int i)
{
    return node->n_inputs > i && node->inputs[i] && node->inputs[i]->constant &&
           shape_count(&node->inputs[i]->shape) == 1;
}

static bool accepts_named(const struct layer *layer, const char *name)
{
    const struct node *node = layer->node;
    if (node->op->domain || strcmp(node->op->name, name) || !one_number(node, 1))
        return false;
    return node->n_inputs < 3 || !node->inputs[2] || one_number(node, 2);
}

static bool accepts_quantize(const struct builder *build, const struct layer *layer)
{
    (void)build;
    return accepts_named(layer, "QuantizeLinear") &&
           layer->node->inputs[0]->dtype == DTYPE_F32 && narrow(layer->output->dtype);
}

static bool accepts_dequantize(const struct builder *build, const struct layer *layer)
{
    (void)build;
    return accepts_named(layer, "DequantizeLinear") &&
           narrow(layer->node->inputs[0]->dtype) && layer->output->dtype == DTYPE_F32;
}

static struct grid *grid_of(struct builder *build, const struct node *node, enum dtype dtype)
{
    struct grid *grid = build_alloc(build, sizeof *grid);
    grid->scale = (float)tensor_get(node->inputs[1]->constant, 0);
    grid->zero = node->n_inputs > 2 && node->inputs[2]
                     ? (int)tensor_get_int(node->inputs[2]->constant, 0)
                     : 0;
    grid->is_signed = dtype == DTYPE_I8;
    grid->low = grid->is_signed ? -128 : 0;
    grid->high = grid->low + 255;
    grid->count = shape_count(&node->inputs[0]->shape);
    grid->inside = -1;
    return grid;
}

/* Locals only: a byte stored might otherwise change the grid. */
SIMD_CLONES
static void quantize(struct grid g, const float *restrict x, uint8_t *restrict q)
{
    float low = (float)(g.low - g.zero), high = (float)(g.high - g.zero);
    for (int64_t i = 0; i < g.count; i++) {
        float r = rintf(x[i] / g.scale);
        r = r == r ? r : 0;
        r = r < low ? low : r;
        r = r > high ? high : r;
        q[i] = (uint8_t)((int)r + g.zero);
    }
}

SIMD_CLONES
static void find_inside(struct grid g, const float *restrict x, uint8_t *restrict inside)
{
    float low = (float)(g.low - g.zero), high = (float)(g.high - g.zero);
    for (int64_t i = 0; i < g.count; i++) {
        float r = rintf(x[i] / g.scale);
        inside[i] = (r >= low) & (r <= high);
    }
}

static void run_quantize(const struct step *step, struct lane *lane)
{
    const struct grid *grid = step->context;
    quantize(*grid, lane_arg(step, lane, 0), lane_arg(step, lane, 1));
    if (step->n_args > 2)
        find_inside(*grid, lane_arg(step, lane, 0), lane_arg(step, lane, 2));
}

static enum status forward_quantize(struct builder *build, struct layer *layer)
{
    struct value *y = layer->output;
    struct grid *grid = grid_of(build, layer->node, y->dtype);
    int in = build_last(build, layer->node->inputs[0]);
    if (in < 0)
        return ERR_UNSUPPORTED;
    dnnl_memory_desc_t md;
    layout_last(&md, y->dtype, &y->shape);
    struct arg args[3] = {{0, in}, {0, build_slot(build, y->dtype, &y->shape, &md)}};
    int n = 2;
    if (build_wants(build, layer->node->inputs[0])) {
        grid->inside = build_scratch(build, (size_t)grid->count);
        args[n++].slot = grid->inside;
    }
    build_step(build, run_quantize, "quantize", grid, args, n);
    build_define(build, y, args[1].slot);
    layer->state = grid;
    return OK;
}

/* A gradient in the integers' order, so that bytes and floats go side by side. */
static int gradient_last(struct builder *build, struct value *value)
{
    int gradient = build_gradient(build, value);
    dnnl_memory_desc_t md;
    layout_last(&md, DTYPE_F32, &value->shape);
    return gradient < 0 ? gradient : build_reorder(build, gradient, &md);
}

SIMD_CLONES
static void pass_inside(const float *dq, const uint8_t *inside, float *dx, int64_t count,
                        float scale)
{
    for (int64_t i = 0; i < count; i++)
        dx[i] = inside[i] ? dq[i] / scale : 0.0f;
}

static void run_pass(const struct step *step, struct lane *lane)
{
    const struct grid *grid = step->context;
    pass_inside(lane_arg(step, lane, 0), lane_arg(step, lane, 1), lane_arg(step, lane, 2),
                grid->count, grid->scale);
}

static enum status backward_quantize(struct builder *build, struct layer *layer)
{
    const struct grid *grid = layer->state;
    struct value *x = layer->node->inputs[0];
    int gradient = gradient_last(build, layer->output);
    if (gradient < 0)
        return ERR_UNSUPPORTED;
    dnnl_memory_desc_t md;
    layout_last(&md, DTYPE_F32, &x->shape);
    int out = build_slot(build, DTYPE_F32, &x->shape, &md);
    struct arg args[] = {{0, gradient}, {0, grid->inside}, {0, out}};
    build_step(build, run_pass, "quantize backward", grid, args, 3);
    build_give(build, x, out);
    return OK;
}

SIMD_CLONES
static void dequantize(const struct grid *g, const uint8_t *q, float *x)
{
    if (g->is_signed)
        for (int64_t i = 0; i < g->count; i++)
            x[i] = (float)((int)(int8_t)q[i] - g->zero) * g->scale;
    else
        for (int64_t i = 0; i < g->count; i++)
            x[i] = (float)((int)q[i] - g->zero) * g->scale;
}

static void run_dequantize(const struct step *step, struct lane *lane)
{
    dequantize(step->context, lane_arg(step, lane, 0), lane_arg(step, lane, 1));
}

static enum status forward_dequantize(struct builder *build, struct layer *layer)
{
    struct value *q = layer->node->inputs[0], *y = layer->output;
    struct grid *grid = grid_of(build, layer->node, q->dtype);
    int in = build_last(build, q);
    if (in < 0)
        return ERR_UNSUPPORTED;
    dnnl_memory_desc_t md;
    layout_last(&md, DTYPE_F32, &y->shape);
    int out = build_slot(build, DTYPE_F32, &y->shape, &md);
    struct arg args[] = {{0, in}, {0, out}};
    build_step(build, run_dequantize, "dequantize", grid, args, 2);
    build_define(build, y, out);
    layer->state = grid;
    return OK;
}

SIMD_CLONES
static void scale_all(const float *dy, float *dq, int64_t count, float scale)
{
    for (int64_t i = 0; i < count; i++)
        dq[i] = dy[i] * scale;
}

static void run_scale(const struct step *step, struct lane *lane)
{
    const struct grid *grid = step->context;
    const struct slot *slot = &lane->plan->slots[step->args[0].slot];
    scale_all(lane_arg(step, lane, 0), lane_arg(step, lane, 1),
              (int64_t)(slot->bytes / sizeof(float)), grid->scale);
}

static enum status backward_dequantize(struct builder *build, struct layer *layer)
{
    struct value *q = layer->node->inputs[0];
    int gradient = build_gradient(build, layer->output);
    if (gradient < 0)
        return ERR_UNSUPPORTED;
    dnnl_memory_desc_t md = build_at(build, gradient)->md;
    int out = build_slot(build, DTYPE_F32, &q->shape, &md);
    struct arg args[] = {{0, gradient}, {0, out}};
    build_step(build, run_scale, "dequantize backward", layer->state, args, 2);
    build_give(build, q, out);
    return OK;
}

const struct kernel kernel_quantize = {
    .name = "quantize",
    .accepts = accepts_quantize,
    .forward = forward_quantize,
    .backward = backward_quantize,
};

const struct kernel kernel_dequantize = {
    .name = "dequantize",
    .accepts = accepts_dequantize,
    .forward = forward_dequantize,
    .backward = backward_dequantize,
};
