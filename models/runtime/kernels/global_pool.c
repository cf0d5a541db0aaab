/*
 * The mean over all of space, in plain and in channel-blocked layouts: GlobalAveragePool,
 * and ReduceMean over the spatial axes. The result is plain.
 */
#include "base/simd.h"
#include "models/runtime/build.h"

#include <string.h>

struct mean {
    struct channels c;
};

static bool over_space(const struct node *node)
{
    const struct shape *shape = &node->inputs[0]->shape;
    int n = 0;
    const int64_t *axes = node_ints(node, "axes", &n);
    const struct tensor *given =
        node->n_inputs > 1 && node->inputs[1] ? node->inputs[1]->constant : NULL;
    if (given)
        n = (int)shape_count(&given->shape);
    if ((!axes && !given) || n != shape->rank - 2)
        return false;
    bool seen[TENSOR_MAX_RANK] = {false};
    for (int i = 0; i < n; i++) {
        int64_t axis = given ? tensor_get_int(given, i) : axes[i];
        if (axis < 0)
            axis += shape->rank;
        if (axis < 2 || axis >= shape->rank || seen[axis])
            return false;
        seen[axis] = true;
    }
    return true;
}

static bool accepts(const struct builder *build, const struct layer *layer)
{
    const struct node *node = layer->node;
    (void)build;
    if (node->op->domain || node->inputs[0]->dtype != DTYPE_F32 ||
        node->inputs[0]->shape.rank < 3)
        return false;
    return !strcmp(node->op->name, "GlobalAveragePool") ||
           (!strcmp(node->op->name, "ReduceMean") && over_space(node));
}

SIMD_CLONES
static void means_16(const float *x, float *y, int64_t spatial)
{
    float sum[16] = {0};
    for (int64_t i = 0; i < spatial; i++)
        for (int k = 0; k < 16; k++)
            sum[k] += x[16 * i + k];
    for (int k = 0; k < 16; k++)
        y[k] = sum[k] / (float)spatial;
}

/* Eight running sums, so that the order does not depend on the vector width. */
SIMD_CLONES
static float mean_plain(const float *x, int64_t spatial)
{
    float sum[16] = {0};
    int64_t i = 0;
    for (; i + 16 <= spatial; i += 16)
        for (int k = 0; k < 16; k++)
            sum[k] += x[i + k];
    for (int k = 0; i < spatial; i++, k++)
        sum[k] += x[i];
    for (int width = 8; width; width /= 2)
        for (int k = 0; k < width; k++)
            sum[k] += sum[k + width];
    return sum[0] / (float)spatial;
}

static void run_mean(const struct step *step, struct lane *lane)
{
    const struct channels *c = &((const struct mean *)step->context)->c;
    const float *x = lane_arg(step, lane, 0);
    float *y = lane_arg(step, lane, 1);
    for (int64_t n = 0; n < c->N; n++)
        for (int64_t b = 0; b < c->blocks; b++, x += c->spatial * c->block) {
            float lanes[16];
            if (c->block == 16) {
                means_16(x, lanes, c->spatial);
            } else if (c->block == 1) {
                lanes[0] = mean_plain(x, c->spatial);
            } else {
                for (int64_t k = 0; k < c->block; k++) {
                    float sum = 0;
                    for (int64_t i = 0; i < c->spatial; i++)
                        sum += x[c->block * i + k];
                    lanes[k] = sum / (float)c->spatial;
                }
            }
            for (int64_t k = 0; k < c->block && b * c->block + k < c->C; k++)
                y[n * c->C + b * c->block + k] = lanes[k];
        }
}

static enum status forward(struct builder *build, struct layer *layer)
{
    const struct node *node = layer->node;
    struct mean *mean = build_alloc(build, sizeof *mean);
    int in = build_first(build, node->inputs[0]);
    if (!layout_channels(&build_at(build, in)->md, &mean->c) || mean->c.block > 16) {
        in = build_plain(build, node->inputs[0]);
        if (in < 0 || !layout_channels(&build_at(build, in)->md, &mean->c))
            return status_fail(ERR_UNSUPPORTED, "layout");
    }
    int out = build_slot(build, DTYPE_F32, &layer->output->shape, NULL);
    struct arg args[] = {{0, in}, {0, out}};
    build_step(build, run_mean, "mean over space", mean, args, 2);
    build_define(build, layer->output, out);
    layer->state = mean;
    return OK;
}

static void run_spread(const struct step *step, struct lane *lane)
{
    const struct channels *c = &((const struct mean *)step->context)->c;
    const float *dy = lane_arg(step, lane, 0);
    float *dx = lane_arg(step, lane, 1);
    for (int64_t n = 0; n < c->N; n++)
        for (int64_t b = 0; b < c->blocks; b++) {
            float part[16] = {0};
            for (int64_t k = 0; k < c->block && b * c->block + k < c->C; k++)
                part[k] = dy[n * c->C + b * c->block + k] / (float)c->spatial;
            for (int64_t i = 0; i < c->spatial; i++)
                for (int64_t k = 0; k < c->block; k++)
                    *dx++ = part[k];
        }
}

static enum status backward(struct builder *build, struct layer *layer)
{
    const struct mean *mean = layer->state;
    struct value *x = layer->node->inputs[0];
    int gradient = build_gradient(build, layer->output);
    if (gradient >= 0)
        gradient = build_plain_slot(build, gradient);
    if (gradient < 0)
        return ERR_UNSUPPORTED;
    /* In the layout in which the forward pass read x: its first form, or plain. */
    struct channels c;
    const struct slot *first = build_at(build, build_first(build, x));
    bool same = layout_channels(&first->md, &c) && c.block == mean->c.block;
    int out = build_slot(build, DTYPE_F32, &x->shape, same ? &first->md : NULL);
    struct arg args[] = {{0, gradient}, {0, out}};
    build_step(build, run_spread, "mean backward", mean, args, 2);
    build_give(build, x, out);
    return OK;
}

const struct kernel kernel_global_pool = {
    .name = "global_pool",
    .accepts = accepts,
    .forward = forward,
    .backward = backward,
};
