/*
 * LayerNormalization over the last dimension, with constant scale and bias: y = h scale + b,
 * h = (x - mean) r, r = 1 / sqrt(var + epsilon). Backward, with g = dy scale and means over
 * the row: dx = r (g - mean(g) - h mean(g h)). Ba et al. 2016, arXiv:1607.06450.
 */
#include "base/simd.h"
#include "models/runtime/build.h"

#include <math.h>
#include <string.h>

struct layernorm {
    int64_t rows, size;
    const float *scale, *bias; /* bias may be NULL */
    float epsilon;
    int in, moments;         /* slots; moments: mean and r of each row */
};

static bool accepts(const struct builder *build, const struct layer *layer)
{
    const struct node *node = layer->node;
    if (node->op->domain || strcmp(node->op->name, "LayerNormalization") ||
        build->mode == PLAN_TRAIN || node->inputs[0]->dtype != DTYPE_F32)
        return false;
    const struct shape *x = &node->inputs[0]->shape;
    int64_t axis = node_int(node, "axis", -1);
    for (int i = 1; i < node->n_outputs; i++)
        if (node->outputs[i] && node->outputs[i]->uses)
            return false;
    for (int i = 1; i < node->n_inputs; i++)
        if (node->inputs[i] && (!node->inputs[i]->constant ||
                                shape_count(&node->inputs[i]->shape) != x->dim[x->rank - 1]))
            return false;
    return x->rank >= 2 && (axis == -1 || axis == x->rank - 1) && node->n_inputs > 1;
}

/* Sixteen running sums, so that the order does not depend on the vector width. */
enum { LANES = 16 };

static inline float total(float *lane)
{
    for (int width = LANES / 2; width; width /= 2)
        for (int k = 0; k < width; k++)
            lane[k] += lane[k + width];
    return lane[0];
}

static inline float sum_of(const float *x, int64_t n)
{
    float lane[LANES] = {0};
    int64_t i = 0;
    for (; i + LANES <= n; i += LANES)
        for (int k = 0; k < LANES; k++)
            lane[k] += x[i + k];
    for (int k = 0; i < n; i++, k++)
        lane[k] += x[i];
    return total(lane);
}

/* sum of (x - a) (y - b) */
static inline float sum_of_products(const float *x, float a, const float *y, float b, int64_t n)
{
    float lane[LANES] = {0};
    int64_t i = 0;
    for (; i + LANES <= n; i += LANES)
        for (int k = 0; k < LANES; k++)
            lane[k] += (x[i + k] - a) * (y[i + k] - b);
    for (int k = 0; i < n; i++, k++)
        lane[k] += (x[i] - a) * (y[i] - b);
    return total(lane);
}

SIMD_CLONES
static void normalise_rows(const struct layernorm *ln, const float *x, float *y, float *moments)
{
    int64_t n = ln->size;
    for (int64_t row = 0; row < ln->rows; row++, x += n, y += n) {
        float mean = sum_of(x, n) / (float)n;
        float variance = sum_of_products(x, mean, x, mean, n) / (float)n;
        float r = 1 / sqrtf(variance + ln->epsilon);
        moments[2 * row] = mean;
        moments[2 * row + 1] = r;
        for (int64_t i = 0; i < n; i++)
            y[i] = (x[i] - mean) * r * ln->scale[i];
        for (int64_t i = 0; ln->bias && i < n; i++)
            y[i] += ln->bias[i];
    }
}

static void run_forward(const struct step *step, struct lane *lane)
{
    normalise_rows(step->context, lane_arg(step, lane, 0), lane_arg(step, lane, 1),
                   lane_arg(step, lane, 2));
}

static enum status forward(struct builder *build, struct layer *layer)
{
    const struct node *node = layer->node;
    const struct shape *x = &node->inputs[0]->shape;
    struct layernorm *ln = build_alloc(build, sizeof *ln);
    ln->size = x->dim[x->rank - 1];
    ln->rows = shape_count(x) / ln->size;
    ln->scale = node->inputs[1]->constant->data;
    ln->bias = node->n_inputs > 2 && node->inputs[2] ? node->inputs[2]->constant->data : NULL;
    ln->epsilon = node_float(node, "epsilon", 1e-5f);
    ln->in = build_plain(build, node->inputs[0]);
    if (ln->in < 0)
        return ERR_UNSUPPORTED;
    int out = build_slot(build, DTYPE_F32, &layer->output->shape, NULL);
    ln->moments = build_scratch(build, 2 * (size_t)ln->rows * sizeof(float));
    struct arg args[] = {{0, ln->in}, {0, out}, {0, ln->moments}};
    build_step(build, run_forward, "layer norm", ln, args, 3);
    build_define(build, layer->output, out);
    layer->state = ln;
    return OK;
}

/* dx holds g until its row is done. */
SIMD_CLONES
static void return_rows(const struct layernorm *ln, const float *x, const float *moments,
                        const float *dy, float *dx)
{
    int64_t n = ln->size;
    for (int64_t row = 0; row < ln->rows; row++, x += n, dy += n, dx += n) {
        float mean = moments[2 * row], r = moments[2 * row + 1];
        for (int64_t i = 0; i < n; i++)
            dx[i] = dy[i] * ln->scale[i];
        float g = sum_of(dx, n) / (float)n;
        float gh = sum_of_products(dx, 0, x, mean, n) * r / (float)n;
        for (int64_t i = 0; i < n; i++)
            dx[i] = r * (dx[i] - g - (x[i] - mean) * r * gh);
    }
}

static void run_backward(const struct step *step, struct lane *lane)
{
    return_rows(step->context, lane_arg(step, lane, 0), lane_arg(step, lane, 1),
                lane_arg(step, lane, 2), lane_arg(step, lane, 3));
}

static enum status backward(struct builder *build, struct layer *layer)
{
    const struct layernorm *ln = layer->state;
    struct value *x = layer->node->inputs[0];
    int gradient = build_gradient(build, layer->output);
    if (gradient >= 0)
        gradient = build_plain_slot(build, gradient);
    if (gradient < 0)
        return ERR_UNSUPPORTED;
    int out = build_slot(build, DTYPE_F32, &x->shape, NULL);
    struct arg args[] = {{0, ln->in}, {0, ln->moments}, {0, gradient}, {0, out}};
    build_step(build, run_backward, "layer norm backward", ln, args, 4);
    build_give(build, x, out);
    return OK;
}

const struct kernel kernel_layernorm = {
    .name = "layernorm",
    .accepts = accepts,
    .forward = forward,
    .backward = backward,
};
