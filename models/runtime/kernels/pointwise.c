/*
 * Functions of one number that oneDNN has not: gauntlet.Staircase (straight-through
 * gradient), HardSigmoid, Reciprocal, Erf, Pow with a constant exponent.
 */
#include "base/simd.h"
#include "models/runtime/build.h"

#include <math.h>
#include <string.h>

enum function { STAIRCASE, HARD_SIGMOID, RECIPROCAL, ERF, POWER };
enum { MOST_STEPS = 64 };

struct pointwise {
    enum function function;
    int64_t count;
    int in;
    int steps;               /* of a staircase */
    float threshold[MOST_STEPS];
    double height[MOST_STEPS], top;
    float alpha, beta;       /* HardSigmoid; alpha is Pow's exponent */
};

static bool function_of(const struct node *node, enum function *out)
{
    static const char *const names[] = {"Staircase", "HardSigmoid", "Reciprocal", "Erf", "Pow"};
    for (int i = 0; i < 5; i++)
        if (!strcmp(node->op->name, names[i])) {
            *out = (enum function)i;
            return (node->op->domain != NULL) == (i == STAIRCASE);
        }
    return false;
}

static bool accepts(const struct builder *build, const struct layer *layer)
{
    enum function function;
    const struct node *node = layer->node;
    (void)build;
    if (!function_of(node, &function) || node->inputs[0]->dtype != DTYPE_F32 ||
        node->inputs[0]->constant)
        return false;
    if (function == STAIRCASE)
        return node->inputs[1]->constant && node->inputs[2]->constant &&
               node->inputs[1]->shape.dim[0] <= MOST_STEPS;
    return function != POWER || (node->inputs[1]->constant &&
                                 shape_count(&node->inputs[1]->shape) == 1);
}

static struct pointwise *read_node(struct builder *build, const struct node *node)
{
    struct pointwise *p = build_alloc(build, sizeof *p);
    function_of(node, &p->function);
    if (p->function == STAIRCASE) {
        p->steps = (int)node->inputs[1]->shape.dim[0];
        for (int i = 0; i < p->steps; i++) {
            p->threshold[i] = (float)tensor_get(node->inputs[1]->constant, i);
            p->height[i] = tensor_get(node->inputs[2]->constant, i);
            p->top += p->height[i];
        }
    } else if (p->function == POWER) {
        p->alpha = (float)tensor_get(node->inputs[1]->constant, 0);
    } else {
        p->alpha = node_float(node, "alpha", 0.2f);
        p->beta = node_float(node, "beta", 0.5f);
    }
    return p;
}

/* A staircase whose steps all lie above 0, and a few others, keep padding zero. */
static bool keeps_zero(const struct pointwise *p)
{
    if (p->function == STAIRCASE)
        for (int i = 0; i < p->steps; i++)
            if (p->threshold[i] < 0)
                return false;
    return p->function == STAIRCASE || p->function == ERF ||
           (p->function == POWER && p->alpha > 0);
}

/* Heights are added in double and rounded once, as the reference does. */
SIMD_CLONES
static void staircase(const struct pointwise *p, const float *restrict x, float *restrict y)
{
    enum { CHUNK = 256 };
    double sum[CHUNK];
    int64_t count = p->count;
    for (int64_t at = 0; at < count; at += CHUNK) {
        int64_t n = count - at < CHUNK ? count - at : CHUNK;
        for (int64_t i = 0; i < n; i++)
            sum[i] = 0;
        for (int k = 0; k < p->steps; k++) {
            float threshold = p->threshold[k];
            double height = p->height[k];
            for (int64_t i = 0; i < n; i++)
                sum[i] += x[at + i] > threshold ? height : 0.0;
        }
        for (int64_t i = 0; i < n; i++)
            y[at + i] = (float)sum[i];
    }
}

static float value_of(const struct pointwise *p, float x)
{
    switch (p->function) {
    case HARD_SIGMOID: return fmaxf(0, fminf(1, p->alpha * x + p->beta));
    case RECIPROCAL: return 1 / x;
    case ERF: return erff(x);
    default: return p->alpha == 2.0f ? x * x : powf(x, p->alpha);
    }
}

static float slope_of(const struct pointwise *p, float x)
{
    float linear = p->alpha * x + p->beta;
    switch (p->function) {
    case STAIRCASE: return x > 0 && (double)x < p->top ? 1.0f : 0.0f;
    case HARD_SIGMOID: return linear > 0 && linear < 1 ? p->alpha : 0.0f;
    case RECIPROCAL: return -1 / (x * x);
    case ERF: return 1.1283791670955126f * expf(-x * x); /* 2 / sqrt(pi) */
    default: return p->alpha == 2.0f ? 2 * x : p->alpha * powf(x, p->alpha - 1);
    }
}

static void run_forward(const struct step *step, struct lane *lane)
{
    const struct pointwise *p = step->context;
    const float *x = lane_arg(step, lane, 0);
    float *y = lane_arg(step, lane, 1);
    if (p->function == STAIRCASE)
        staircase(p, x, y);
    else
        for (int64_t i = 0; i < p->count; i++)
            y[i] = value_of(p, x[i]);
}

static enum status forward(struct builder *build, struct layer *layer)
{
    struct value *x = layer->node->inputs[0];
    struct pointwise *p = read_node(build, layer->node);
    p->in = keeps_zero(p) ? build_first(build, x) : build_plain(build, x);
    if (p->in < 0)
        return ERR_UNSUPPORTED;
    dnnl_memory_desc_t md = build_at(build, p->in)->md;
    int out = build_slot(build, DTYPE_F32, &layer->output->shape, &md);
    p->count = (int64_t)(build_at(build, out)->bytes / sizeof(float));
    struct arg args[] = {{0, p->in}, {0, out}};
    build_step(build, run_forward, layer->node->op->name, p, args, 2);
    build_define(build, layer->output, out);
    layer->state = p;
    return OK;
}

static void run_backward(const struct step *step, struct lane *lane)
{
    const struct pointwise *p = step->context;
    const float *x = lane_arg(step, lane, 0), *dy = lane_arg(step, lane, 1);
    float *dx = lane_arg(step, lane, 2);
    for (int64_t i = 0; i < p->count; i++)
        dx[i] = dy[i] == 0 ? 0 : dy[i] * slope_of(p, x[i]);
}

static enum status backward(struct builder *build, struct layer *layer)
{
    const struct pointwise *p = layer->state;
    struct value *x = layer->node->inputs[0];
    dnnl_memory_desc_t md = build_at(build, p->in)->md;
    int gradient = build_gradient(build, layer->output);
    if (gradient >= 0)
        gradient = build_reorder(build, gradient, &md);
    if (gradient < 0)
        return ERR_UNSUPPORTED;
    int out = build_slot(build, DTYPE_F32, &x->shape, &md);
    struct arg args[] = {{0, p->in}, {0, gradient}, {0, out}};
    build_step(build, run_backward, "pointwise backward", p, args, 3);
    build_give(build, x, out);
    return OK;
}

const struct kernel kernel_pointwise = {
    .name = "pointwise",
    .accepts = accepts,
    .forward = forward,
    .backward = backward,
};
