/* com.microsoft.QLinearGlobalAveragePool: the mean of integers, quantized again in the
 * reference's double arithmetic. Gradient: straight through where it did not saturate. */
#include "models/runtime/kernels/masked.h"

#include <math.h>
#include <string.h>

struct qmean {
    double x_scale, y_scale;
    int x_zero, y_zero, low, high;
    bool is_signed;
    int64_t N, C, spatial;
    int inside;
};

static bool accepts(const struct builder *build, const struct layer *layer)
{
    const struct node *node = layer->node;
    (void)build;
    if (!node->op->domain || strcmp(node->op->name, "QLinearGlobalAveragePool") ||
        dtype_size(node->inputs[0]->dtype) != 1 || node_int(node, "channels_last", 0))
        return false;
    for (int i = 1; i < node->n_inputs; i++)
        if (!node->inputs[i] || !node->inputs[i]->constant)
            return false;
    return true;
}

static void run_forward(const struct step *step, struct lane *lane)
{
    const struct qmean *m = step->context;
    const uint8_t *x = lane_arg(step, lane, 0);
    uint8_t *y = lane_arg(step, lane, 1);
    uint8_t *inside = step->n_args > 2 ? lane_arg(step, lane, 2) : NULL;
    for (int64_t n = 0; n < m->N; n++)
        for (int64_t c = 0; c < m->C; c++) {
            const uint8_t *from = x + n * m->spatial * m->C + c;
            int64_t sum = 0;
            for (int64_t i = 0; i < m->spatial; i++)
                sum += m->is_signed ? (int8_t)from[i * m->C] : from[i * m->C];
            double mean =
                ((double)sum / (double)m->spatial - (double)m->x_zero) * m->x_scale;
            double r = rint((double)(float)(mean / m->y_scale)) + (double)m->y_zero;
            double clipped = r < m->low ? m->low : r > m->high ? m->high : r;
            y[n * m->C + c] = (uint8_t)(int)clipped;
            if (inside)
                inside[n * m->C + c] = r == clipped;
        }
}

static enum status forward(struct builder *build, struct layer *layer)
{
    const struct node *node = layer->node;
    const struct shape *x = &node->inputs[0]->shape;
    struct value *y = layer->output;
    struct qmean *m = build_alloc(build, sizeof *m);
    *m = (struct qmean){
        .x_scale = (double)(float)tensor_get(node->inputs[1]->constant, 0),
        .y_scale = (double)(float)tensor_get(node->inputs[3]->constant, 0),
        .x_zero = (int)tensor_get_int(node->inputs[2]->constant, 0),
        .y_zero = node->n_inputs > 4 ? (int)tensor_get_int(node->inputs[4]->constant, 0) : 0,
        .is_signed = y->dtype == DTYPE_I8,
        .low = y->dtype == DTYPE_I8 ? -128 : 0, .high = y->dtype == DTYPE_I8 ? 127 : 255,
        .N = x->dim[0], .C = x->dim[1], .inside = -1,
        .spatial = shape_count(x) / (x->dim[0] * x->dim[1]),
    };
    int in = build_last(build, node->inputs[0]);
    if (in < 0)
        return ERR_UNSUPPORTED;
    dnnl_memory_desc_t md;
    layout_last(&md, y->dtype, &y->shape);
    struct arg args[3] = {{0, in}, {0, build_slot(build, y->dtype, &y->shape, &md)}};
    int n = 2;
    if (build_wants(build, node->inputs[0])) {
        m->inside = build_scratch(build, (size_t)shape_count(&y->shape));
        args[n++].slot = m->inside;
    }
    build_step(build, run_forward, "integer mean", m, args, n);
    build_define(build, y, args[1].slot);
    layer->state = m;
    return OK;
}

static void run_backward(const struct step *step, struct lane *lane)
{
    const struct qmean *m = step->context;
    const float *dy = lane_arg(step, lane, 0);
    float *dx = lane_arg(step, lane, 1);
    float scale = (float)(m->x_scale / m->y_scale / (double)m->spatial);
    for (int64_t i = 0; i < m->N * m->C; i++)
        for (int64_t k = 0; k < m->spatial; k++)
            dx[i * m->spatial + k] = dy[i] * scale;
}

static enum status backward(struct builder *build, struct layer *layer)
{
    const struct qmean *m = layer->state;
    struct value *x = layer->node->inputs[0];
    int gradient = masked_gradient(build, layer->output, m->inside, false);
    if (gradient >= 0)
        gradient = build_plain_slot(build, gradient);
    if (gradient < 0)
        return ERR_UNSUPPORTED;
    int out = build_slot(build, DTYPE_F32, &x->shape, NULL);
    struct arg args[] = {{0, gradient}, {0, out}};
    build_step(build, run_backward, "integer mean backward", m, args, 2);
    build_give(build, x, out);
    return OK;
}

const struct kernel kernel_qmean = {
    .name = "qmean",
    .accepts = accepts,
    .forward = forward,
    .backward = backward,
    .differentiates = true,
};
