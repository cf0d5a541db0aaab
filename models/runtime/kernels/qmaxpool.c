/* MaxPool of 8-bit integers, channels last; padding is never the largest. The place of each
 * maximum (the first in reading order) is kept for backward. */
#include "base/simd.h"
#include "models/runtime/kernels/window.h"

#include <string.h>

struct qmaxpool {
    struct window window;
    int64_t N, C, H, W, OH, OW;
    bool is_signed;
    int places;              /* slot of int32 [N][OH][OW][C], or -1 */
};

static bool accepts(const struct builder *build, const struct layer *layer)
{
    const struct node *node = layer->node;
    (void)build;
    return !node->op->domain && !strcmp(node->op->name, "MaxPool") &&
           (node->inputs[0]->dtype == DTYPE_U8 || node->inputs[0]->dtype == DTYPE_I8) &&
           node->inputs[0]->shape.rank == 4 && (node->n_outputs == 1 || !node->outputs[1]);
}

/* y = max(y, x), of bytes with the sign bit turned where they are signed. */
SIMD_CLONES
static void larger(const uint8_t *restrict x, uint8_t *restrict y, int64_t C, uint8_t flip)
{
    for (int64_t c = 0; c < C; c++) {
        uint8_t a = x[c] ^ flip, b = y[c] ^ flip;
        y[c] = (a > b ? a : b) ^ flip;
    }
}

static void larger_and_where(const uint8_t *x, int64_t at, uint8_t *y, int32_t *places,
                             int64_t C, uint8_t flip)
{
    for (int64_t c = 0; c < C; c++)
        if ((x[at + c] ^ flip) > (y[c] ^ flip)) {
            y[c] = x[at + c];
            places[c] = (int32_t)(at + c);
        }
}

/* One output pixel: running maxima over the window, all channels at once. */
static void pool_pixel(const struct qmaxpool *q, const uint8_t *x, int64_t oh, int64_t ow,
                       uint8_t *y, int32_t *places)
{
    const struct window *w = &q->window;
    uint8_t flip = q->is_signed ? 128 : 0;
    bool first = true;
    for (int64_t i = 0; i < w->kernel[0]; i++)
        for (int64_t k = 0; k < w->kernel[1]; k++) {
            int64_t h = oh * w->stride[0] - w->left[0] + i * (w->dilation[0] + 1);
            int64_t v = ow * w->stride[1] - w->left[1] + k * (w->dilation[1] + 1);
            if (h < 0 || h >= q->H || v < 0 || v >= q->W)
                continue;
            int64_t at = (h * q->W + v) * q->C;
            if (first) {
                memcpy(y, x + at, (size_t)q->C);
                for (int64_t c = 0; places && c < q->C; c++)
                    places[c] = (int32_t)(at + c);
            } else if (places) {
                larger_and_where(x, at, y, places, q->C, flip);
            } else {
                larger(x + at, y, q->C, flip);
            }
            first = false;
        }
}

static void run_forward(const struct step *step, struct lane *lane)
{
    const struct qmaxpool *q = step->context;
    const uint8_t *x = lane_arg(step, lane, 0);
    uint8_t *y = lane_arg(step, lane, 1);
    int32_t *places = step->n_args > 2 ? lane_arg(step, lane, 2) : NULL;
    for (int64_t n = 0; n < q->N; n++, x += q->H * q->W * q->C)
        for (int64_t oh = 0; oh < q->OH; oh++)
            for (int64_t ow = 0; ow < q->OW; ow++, y += q->C) {
                pool_pixel(q, x, oh, ow, y, places);
                places = places ? places + q->C : NULL;
            }
}

static enum status forward(struct builder *build, struct layer *layer)
{
    const struct node *node = layer->node;
    struct value *x = node->inputs[0], *y = layer->output;
    struct qmaxpool *q = build_alloc(build, sizeof *q);
    window_of(node, &x->shape, &y->shape, NULL, &q->window);
    q->N = x->shape.dim[0], q->C = x->shape.dim[1], q->H = x->shape.dim[2];
    q->W = x->shape.dim[3], q->OH = y->shape.dim[2], q->OW = y->shape.dim[3];
    q->is_signed = x->dtype == DTYPE_I8;
    q->places = -1;
    int in = build_last(build, x);
    if (in < 0)
        return ERR_UNSUPPORTED;
    dnnl_memory_desc_t md;
    layout_last(&md, y->dtype, &y->shape);
    struct arg args[3] = {{0, in}, {0, build_slot(build, y->dtype, &y->shape, &md)}};
    int n = 2;
    if (build_wants(build, x)) {
        q->places = build_scratch(build, (size_t)shape_count(&y->shape) * sizeof(int32_t));
        args[n++].slot = q->places;
    }
    build_step(build, run_forward, "integer maxpool", q, args, n);
    build_define(build, y, args[1].slot);
    layer->state = q;
    return OK;
}

static void run_backward(const struct step *step, struct lane *lane)
{
    const struct qmaxpool *q = step->context;
    const float *dy = lane_arg(step, lane, 0);
    const int32_t *places = lane_arg(step, lane, 1);
    float *dx = lane_arg(step, lane, 2);
    int64_t in = q->H * q->W * q->C, out = q->OH * q->OW * q->C;
    memset(dx, 0, (size_t)(q->N * in) * sizeof *dx);
    for (int64_t n = 0; n < q->N; n++, dx += in)
        for (int64_t i = 0; i < out; i++)
            dx[*places++] += *dy++;
}

static enum status backward(struct builder *build, struct layer *layer)
{
    const struct qmaxpool *q = layer->state;
    struct value *x = layer->node->inputs[0];
    int gradient = build_gradient(build, layer->output);
    dnnl_memory_desc_t md;
    layout_last(&md, DTYPE_F32, &layer->output->shape);
    if (gradient >= 0)
        gradient = build_reorder(build, gradient, &md);
    if (gradient < 0)
        return ERR_UNSUPPORTED;
    layout_last(&md, DTYPE_F32, &x->shape);
    int out = build_slot(build, DTYPE_F32, &x->shape, &md);
    struct arg args[] = {{0, gradient}, {0, q->places}, {0, out}};
    build_step(build, run_backward, "integer maxpool backward", q, args, 3);
    build_give(build, x, out);
    return OK;
}

const struct kernel kernel_qmaxpool = {
    .name = "qmaxpool",
    .accepts = accepts,
    .forward = forward,
    .backward = backward,
    .differentiates = true,
};
