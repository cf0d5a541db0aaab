/*
 * com.microsoft QLinearAdd and QLinearMul in the reference's own double arithmetic; a smaller
 * operand is spread out before. Gradient: straight through where the result did not saturate.
 */
#include "base/simd.h"
#include "models/runtime/kernels/masked.h"

#include <math.h>
#include <string.h>

struct qpair {
    bool product, is_signed;
    double a_scale, b_scale, y_scale;
    int a_zero, b_zero, y_zero, low, high;
    int64_t count;
    int a, b, inside;
    bool of_b;               /* backward: which operand */
};

static bool accepts(const struct builder *build, const struct layer *layer)
{
    const struct node *node = layer->node;
    if (!node->op->domain || (strcmp(node->op->name, "QLinearAdd") &&
                              strcmp(node->op->name, "QLinearMul")) ||
        dtype_size(node->inputs[0]->dtype) != 1)
        return false;
    for (int i = 0; i <= 3; i += 3)
        if (!shape_equal(&node->inputs[i]->shape, &layer->output->shape) &&
            build_wants(build, node->inputs[i]))
            return false; /* its gradient would be a sum: the reference has it */
    for (int i = 1; i < node->n_inputs; i++)
        if (i != 3 && (!node->inputs[i] || !node->inputs[i]->constant))
            return false;
    return true;
}

static double number(const struct node *node, int i)
{
    return i < node->n_inputs ? tensor_get(node->inputs[i]->constant, 0) : 0;
}

/* Sums and products of two float32 numbers times small integers, one rounding to double; the
 * quotient to float, as the reference does. */
static inline float quotient(struct qpair p, uint8_t a, uint8_t b)
{
    int flip = p.is_signed ? 128 : 0;
    double x = (double)((a ^ flip) - p.a_zero - flip) * p.a_scale;
    double z = (double)((b ^ flip) - p.b_zero - flip) * p.b_scale;
    return rintf((float)((p.product ? x * z : x + z) / p.y_scale));
}

/* Locals only: a byte stored might otherwise change the parameters. */
SIMD_CLONES
static void combine(struct qpair p, const uint8_t *restrict a, const uint8_t *restrict b,
                    uint8_t *restrict y)
{
    float low = (float)(p.low - p.y_zero), high = (float)(p.high - p.y_zero);
    for (int64_t i = 0; i < p.count; i++) {
        float r = quotient(p, a[i], b[i]);
        r = r < low ? low : r;
        r = r > high ? high : r;
        y[i] = (uint8_t)((int)r + p.y_zero);
    }
}

SIMD_CLONES
static void find_inside(struct qpair p, const uint8_t *restrict a, const uint8_t *restrict b,
                        uint8_t *restrict inside)
{
    float low = (float)(p.low - p.y_zero), high = (float)(p.high - p.y_zero);
    for (int64_t i = 0; i < p.count; i++) {
        float r = quotient(p, a[i], b[i]);
        inside[i] = (r >= low) & (r <= high);
    }
}

static void run_forward(const struct step *step, struct lane *lane)
{
    const struct qpair *p = step->context;
    const uint8_t *a = lane_arg(step, lane, 0), *b = lane_arg(step, lane, 1);
    combine(*p, a, b, lane_arg(step, lane, 2));
    if (step->n_args > 3)
        find_inside(*p, a, b, lane_arg(step, lane, 3));
}

/* Bytes broadcast: extents of the output in its order in memory, and the strides with which
 * the small operand is read. */
struct spread {
    int rank;
    int64_t extent[TENSOR_MAX_RANK], stride[TENSOR_MAX_RANK];
};

static void run_spread(const struct step *step, struct lane *lane)
{
    const struct spread *s = step->context;
    const uint8_t *from = lane_arg(step, lane, 0);
    uint8_t *to = lane_arg(step, lane, 1);
    int64_t at[TENSOR_MAX_RANK] = {0}, row = s->extent[s->rank - 1];
    for (int d = 0; d >= 0;) {
        if (s->stride[s->rank - 1])
            memcpy(to, from, (size_t)row);
        else
            memset(to, *from, (size_t)row);
        to += row;
        for (d = s->rank - 2; d >= 0; d--) {
            from += s->stride[d];
            if (++at[d] < s->extent[d])
                break;
            from -= s->stride[d] * s->extent[d];
            at[d] = 0;
        }
    }
}

/* An operand in the shape of the output, channels last. */
static int operand(struct builder *build, struct value *value, const struct value *y)
{
    const struct shape *shape = &y->shape;
    if (shape_equal(&value->shape, shape))
        return build_last(build, value);
    int from = build_plain(build, value), n = shape->rank;
    struct spread *s = build_alloc(build, sizeof *s);
    int64_t stride[TENSOR_MAX_RANK] = {0}, step = 1;
    for (int i = n - 1, k = value->shape.rank - 1; k >= 0; i--, k--) {
        stride[i] = value->shape.dim[k] > 1 ? step : 0;
        step *= value->shape.dim[k];
    }
    bool last = n >= 3 && n <= 5; /* as layout_last() */
    for (int i = 0; i < n; i++) {
        int axis = !last || !i ? i : i == n - 1 ? 1 : i + 1;
        s->extent[i] = shape->dim[axis];
        s->stride[i] = stride[axis];
    }
    s->rank = n;
    if (s->extent[n - 1] > 1 && s->stride[n - 1] > 1) {
        /* The innermost goes through the small operand in steps: one byte at a time. */
        if (n == TENSOR_MAX_RANK)
            return -1;
        s->extent[s->rank] = 1;
        s->stride[s->rank++] = 0;
    }
    dnnl_memory_desc_t md;
    layout_last(&md, y->dtype, shape);
    int to = build_slot(build, y->dtype, shape, &md);
    struct arg args[] = {{0, from}, {0, to}};
    if (from >= 0)
        build_step(build, run_spread, "spread", s, args, 2);
    return from < 0 ? -1 : to;
}

static enum status forward(struct builder *build, struct layer *layer)
{
    const struct node *node = layer->node;
    struct value *y = layer->output;
    struct qpair *p = build_alloc(build, sizeof *p);
    *p = (struct qpair){
        .product = !strcmp(node->op->name, "QLinearMul"),
        .is_signed = y->dtype == DTYPE_I8,
        .a_scale = (double)(float)number(node, 1), .a_zero = (int)number(node, 2),
        .b_scale = (double)(float)number(node, 4), .b_zero = (int)number(node, 5),
        .y_scale = (double)(float)number(node, 6), .y_zero = (int)number(node, 7),
        .low = y->dtype == DTYPE_I8 ? -128 : 0, .high = y->dtype == DTYPE_I8 ? 127 : 255,
        .count = shape_count(&y->shape), .inside = -1,
    };
    p->a = operand(build, node->inputs[0], y);
    p->b = operand(build, node->inputs[3], y);
    if (p->a < 0 || p->b < 0)
        return ERR_UNSUPPORTED;
    dnnl_memory_desc_t md;
    layout_last(&md, y->dtype, &y->shape);
    struct arg args[4] = {{0, p->a}, {0, p->b}, {0, build_slot(build, y->dtype, &y->shape, &md)}};
    int n = 3;
    if (build_wants(build, node->inputs[0]) || build_wants(build, node->inputs[3])) {
        p->inside = build_scratch(build, (size_t)p->count);
        args[n++].slot = p->inside;
    }
    build_step(build, run_forward, p->product ? "integer mul" : "integer add", p, args, n);
    build_define(build, y, args[2].slot);
    layer->state = p;
    return OK;
}

/* Args: dy, then for products the other operand, then dx. */
static void run_backward(const struct step *step, struct lane *lane)
{
    const struct qpair *p = step->context;
    const struct slot *slot = &lane->plan->slots[step->args[0].slot];
    int64_t count = (int64_t)(slot->bytes / sizeof(float));
    const float *dy = lane_arg(step, lane, 0);
    float *dx = lane_arg(step, lane, step->n_args - 1);
    float scale = (float)((p->of_b ? p->b_scale : p->a_scale) / p->y_scale);
    if (!p->product) {
        for (int64_t i = 0; i < count; i++)
            dx[i] = dy[i] * scale;
        return;
    }
    const uint8_t *other = lane_arg(step, lane, 1);
    float unit = scale * (float)(p->of_b ? p->a_scale : p->b_scale);
    int zero = p->of_b ? p->a_zero : p->b_zero;
    for (int64_t i = 0; i < count; i++) {
        int q = p->is_signed ? (int8_t)other[i] : other[i];
        dx[i] = dy[i] * unit * (float)(q - zero);
    }
}

static enum status give(struct builder *build, const struct layer *layer, bool of_b,
                        int gradient)
{
    const struct qpair *forwards = layer->state;
    struct value *value = layer->node->inputs[of_b ? 3 : 0];
    struct qpair *p = build_alloc(build, sizeof *p);
    *p = *forwards;
    p->of_b = of_b;
    if (p->product) {
        /* Beside the integers, so in their order. */
        dnnl_memory_desc_t last;
        layout_last(&last, DTYPE_F32, &value->shape);
        gradient = build_reorder(build, gradient, &last);
        if (gradient < 0)
            return ERR_UNSUPPORTED;
    }
    dnnl_memory_desc_t md = build_at(build, gradient)->md;
    int out = build_slot(build, DTYPE_F32, &value->shape, &md);
    struct arg args[3] = {{0, gradient}};
    int n = 1;
    if (p->product)
        args[n++].slot = of_b ? p->a : p->b;
    args[n++].slot = out;
    build_step(build, run_backward, "integer pair backward", p, args, n);
    build_give(build, value, out);
    return OK;
}

static enum status backward(struct builder *build, struct layer *layer)
{
    const struct qpair *p = layer->state;
    int gradient = masked_gradient(build, layer->output, p->inside, false);
    if (gradient < 0)
        return ERR_UNSUPPORTED;
    enum status st = OK;
    for (int i = 0; i < 2 && !st; i++)
        if (build_wants(build, layer->node->inputs[i ? 3 : 0]))
            st = give(build, layer, i == 1, gradient);
    return st;
}

const struct kernel kernel_qpair = {
    .name = "qpair",
    .accepts = accepts,
    .forward = forward,
    .backward = backward,
    .differentiates = true,
};
