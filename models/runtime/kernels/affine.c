/*
 * BatchNormalization with fixed statistics, where it could not be folded into the layer
 * before: y = act(x a + b + residual), a = scale / sqrt(var + eps), b = bias - mean a, in
 * plain and channel-blocked layouts.
 */
#include "base/simd.h"
#include "models/runtime/build.h"

#include <math.h>
#include <string.h>

struct affine {
    struct channels c;
    float *a, *b;            /* per channel, zero behind the last */
    bool clips;
    float low, high;
};

static bool accepts(const struct builder *build, const struct layer *layer)
{
    const struct node *node = layer->node;
    if (node->op->domain || strcmp(node->op->name, "BatchNormalization") ||
        build->mode == PLAN_TRAIN || node->inputs[0]->dtype != DTYPE_F32 ||
        node->inputs[0]->shape.rank < 2 || node_int(node, "training_mode", 0) ||
        (node->version < 9 && !node_int(node, "spatial", 1)))
        return false;
    for (int i = 1; i < 5; i++)
        if (node->n_inputs <= i || !node->inputs[i] || !node->inputs[i]->constant)
            return false;
    return true;
}

static void coefficients(struct builder *build, const struct node *node, struct affine *affine)
{
    int64_t room = affine->c.blocks * affine->c.block;
    affine->a = build_alloc(build, (size_t)room * sizeof(float));
    affine->b = build_alloc(build, (size_t)room * sizeof(float));
    double eps = (double)node_float(node, "epsilon", 1e-5f);
    for (int64_t i = 0; i < affine->c.C; i++) {
        double scale = tensor_get(node->inputs[1]->constant, i);
        double bias = tensor_get(node->inputs[2]->constant, i);
        double mean = tensor_get(node->inputs[3]->constant, i);
        double var = tensor_get(node->inputs[4]->constant, i);
        double a = scale / sqrt(var + eps);
        affine->a[i] = (float)a;
        affine->b[i] = (float)(bias - mean * a);
    }
}

/* One run of `spatial` vectors of `block` channels. */
SIMD_CLONES
static void scale_blocks(const float *x, float *y, const float *a, const float *b,
                         const struct channels *c)
{
    for (int64_t n = 0; n < c->N; n++)
        for (int64_t block = 0; block < c->blocks; block++) {
            const float *pa = a + block * c->block, *pb = b + block * c->block;
            if (c->block == 1) {
                for (int64_t i = 0; i < c->spatial; i++)
                    y[i] = x[i] * pa[0] + pb[0];
            } else {
                for (int64_t i = 0; i < c->spatial; i++)
                    for (int64_t k = 0; k < c->block; k++)
                        y[i * c->block + k] = x[i * c->block + k] * pa[k] + pb[k];
            }
            x += c->spatial * c->block;
            y += c->spatial * c->block;
        }
}

SIMD_CLONES
static void finish(float *y, const float *residual, int64_t count, bool clips, float low,
                   float high)
{
    if (residual)
        for (int64_t i = 0; i < count; i++)
            y[i] += residual[i];
    if (clips)
        for (int64_t i = 0; i < count; i++) {
            float v = y[i] < low ? low : y[i];
            y[i] = v > high ? high : v;
        }
}

static void run_forward(const struct step *step, struct lane *lane)
{
    const struct affine *affine = step->context;
    const struct channels *c = &affine->c;
    const float *residual = step->n_args > 2 ? lane_arg(step, lane, 1) : NULL;
    float *y = lane_arg(step, lane, step->n_args - 1);
    scale_blocks(lane_arg(step, lane, 0), y, affine->a, affine->b, c);
    if (residual || affine->clips)
        finish(y, residual, c->N * c->blocks * c->spatial * c->block, affine->clips,
               affine->low, affine->high);
}

static enum status forward(struct builder *build, struct layer *layer)
{
    const struct node *node = layer->node;
    struct affine *affine = build_alloc(build, sizeof *affine);
    int in = build_first(build, node->inputs[0]);
    if (!layout_channels(&build_at(build, in)->md, &affine->c)) {
        in = build_plain(build, node->inputs[0]);
        if (in < 0 || !layout_channels(&build_at(build, in)->md, &affine->c))
            return status_fail(ERR_UNSUPPORTED, "layout");
    }
    coefficients(build, node, affine);
    affine->clips = layer->act.kind != ACT_NONE;
    affine->low = layer->act.kind == ACT_CLIP ? layer->act.alpha : 0;
    affine->high = layer->act.kind == ACT_CLIP ? layer->act.beta : __builtin_inff();
    if (affine->low > 0 && affine->c.C % affine->c.block)
        return status_fail(ERR_UNSUPPORTED, "padding");
    dnnl_memory_desc_t md = build_at(build, in)->md;
    struct arg args[3] = {{0, in}};
    int n = 1;
    if (layer->residual)
        args[n++].slot = build_form(build, layer->residual, &md);
    if (args[n - 1].slot < 0)
        return ERR_UNSUPPORTED;
    int out = build_slot(build, DTYPE_F32, &layer->output->shape, &md);
    args[n++].slot = out;
    build_step(build, run_forward, "affine", affine, args, n);
    build_define(build, layer->output, out);
    layer->state = affine;
    return OK;
}

SIMD_CLONES
static void return_blocks(const float *dy, float *dx, const float *a, const struct channels *c)
{
    for (int64_t n = 0; n < c->N; n++)
        for (int64_t block = 0; block < c->blocks; block++) {
            const float *pa = a + block * c->block;
            for (int64_t i = 0; i < c->spatial; i++)
                for (int64_t k = 0; k < c->block; k++)
                    dx[i * c->block + k] = dy[i * c->block + k] * pa[k];
            dy += c->spatial * c->block;
            dx += c->spatial * c->block;
        }
}

static void run_backward(const struct step *step, struct lane *lane)
{
    const struct affine *affine = step->context;
    return_blocks(lane_arg(step, lane, 0), lane_arg(step, lane, 1), affine->a, &affine->c);
}

static enum status backward(struct builder *build, struct layer *layer)
{
    int gradient = build_gradient_before(build, layer);
    if (gradient < 0)
        return ERR_UNSUPPORTED;
    if (layer->residual)
        build_give(build, layer->residual, gradient);
    struct value *x = layer->node->inputs[0];
    if (!build_wants(build, x))
        return OK;
    dnnl_memory_desc_t md = build_at(build, gradient)->md;
    int out = build_slot(build, DTYPE_F32, &x->shape, &md);
    struct arg args[] = {{0, gradient}, {0, out}};
    build_step(build, run_backward, "affine backward", layer->state, args, 2);
    build_give(build, x, out);
    return OK;
}

const struct kernel kernel_affine = {
    .name = "affine",
    .accepts = accepts,
    .forward = forward,
    .backward = backward,
    .fuses_activation = true,
    .fuses_residual = true,
};
