/* gauntlet.LearnedStep, while post-training quantization learns; see the operator. */
#include "base/simd.h"
#include "models/ops/learnedstep.h"
#include "models/runtime/build.h"

#include <math.h>
#include <string.h>

struct quantizer {
    struct learned_step rule;
    int64_t count;
    int in, step;
};

static bool accepts(const struct builder *build, const struct layer *layer)
{
    const struct node *node = layer->node;
    (void)build;
    return node->op->domain && !strcmp(node->op->name, "LearnedStep") &&
           node->inputs[0]->dtype == DTYPE_F32 && !node->inputs[0]->constant &&
           node->inputs[1]->constant;
}

SIMD_CLONES
static void round_to(const struct learned_step *rule, float step, uint32_t draw,
                     const float *restrict x, float *restrict y, int64_t count)
{
    const struct learned_step s = *rule;
    for (int64_t i = 0; i < count; i++) {
        float code = rintf(x[i] / step);
        code = code < s.low ? s.low : code > s.high ? s.high : code;
        y[i] = learned_step_passes(&s, draw, (uint32_t)i) ? x[i] : code * step;
    }
}

static void run_forward(const struct step *step, struct lane *lane)
{
    const struct quantizer *q = step->context;
    const float *s = lane_arg(step, lane, 1);
    round_to(&q->rule, s[0], (uint32_t)s[1], lane_arg(step, lane, 0),
             lane_arg(step, lane, 2), q->count);
}

/* Which elements pass depends on their places, so those are the plain ones then. */
static enum status forward(struct builder *build, struct layer *layer)
{
    const struct node *node = layer->node;
    struct quantizer *q = build_alloc(build, sizeof *q);
    q->rule = learned_step_of(node);
    q->in = q->rule.drops ? build_plain(build, node->inputs[0])
                          : build_first(build, node->inputs[0]);
    q->step = build_first(build, node->inputs[1]);
    if (q->in < 0 || q->step < 0)
        return ERR_UNSUPPORTED;
    dnnl_memory_desc_t md = build_at(build, q->in)->md;
    int out = build_slot(build, DTYPE_F32, &layer->output->shape, &md);
    q->count = (int64_t)(build_at(build, out)->bytes / sizeof(float));
    struct arg args[] = {{0, q->in}, {0, q->step}, {0, out}};
    build_step(build, run_forward, "learned step", q, args, 3);
    build_define(build, layer->output, out);
    layer->state = q;
    return OK;
}

/* Sums of a chunk in float vectors, of chunks in double. */
SIMD_CLONES
static double go_back(const struct learned_step *rule, float step, uint32_t draw,
                      const float *restrict x, const float *restrict dy,
                      float *restrict dx, int64_t count)
{
    enum { CHUNK = 512 };
    const struct learned_step s = *rule;
    float part[CHUNK];
    double sum = 0;
    for (int64_t from = 0; from < count; from += CHUNK) {
        int64_t n = count - from < CHUNK ? count - from : CHUNK;
        for (int64_t k = 0; k < n; k++) {
            int64_t i = from + k;
            float ratio = x[i] / step, code = rintf(ratio);
            bool below = code < s.low, above = code > s.high;
            bool passes = learned_step_passes(&s, draw, (uint32_t)i);
            float slope = below ? s.low : above ? s.high : code - ratio;
            dx[i] = (passes | !(below | above)) ? dy[i] : 0.0f;
            part[k] = passes ? 0.0f : dy[i] * slope;
        }
        for (int64_t k = 0; k < n; k++)
            sum += (double)part[k];
    }
    return sum;
}

static void run_backward(const struct step *step, struct lane *lane)
{
    const struct quantizer *q = step->context;
    const float *s = lane_arg(step, lane, 1);
    float *out = lane_arg(step, lane, 4);
    out[0] = (float)go_back(&q->rule, s[0], (uint32_t)s[1], lane_arg(step, lane, 0),
                            lane_arg(step, lane, 2), lane_arg(step, lane, 3), q->count);
    out[1] = 0;
}

static enum status backward(struct builder *build, struct layer *layer)
{
    const struct quantizer *q = layer->state;
    struct value *x = layer->node->inputs[0], *step = layer->node->inputs[1];
    dnnl_memory_desc_t md = build_at(build, q->in)->md;
    int gradient = build_gradient(build, layer->output);
    if (gradient >= 0)
        gradient = build_reorder(build, gradient, &md);
    if (gradient < 0)
        return ERR_UNSUPPORTED;
    int dx = build_slot(build, DTYPE_F32, &x->shape, &md);
    int ds = build_slot(build, DTYPE_F32, &step->shape, NULL);
    struct arg args[] = {{0, q->in}, {0, q->step}, {0, gradient}, {0, dx}, {0, ds}};
    build_step(build, run_backward, "learned step backward", q, args, 5);
    build_give(build, x, dx);
    build_give(build, step, ds);
    return OK;
}

const struct kernel kernel_learned_step = {
    .name = "learned_step",
    .accepts = accepts,
    .forward = forward,
    .backward = backward,
};
