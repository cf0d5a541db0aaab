/*
 * com.microsoft.QLinearConcat along the channels: each part's 256 possible bytes are
 * requantized once, in the reference's arithmetic, into a table.
 * Gradient: straight through where a byte did not saturate.
 */
#include "models/runtime/build.h"

#include <math.h>
#include <string.h>

enum { MAX_PARTS = 32 };

struct part {
    int64_t pixels, C, whole_C, at; /* at: first channel in the result */
    int in;
    bool same;               /* as quantized as the result: nothing to look up */
    uint8_t value[256];
    float slope[256];        /* x_scale / y_scale, or 0 where it saturates */
};

struct qconcat {
    int n;
    struct part parts[MAX_PARTS];
};

static bool accepts(const struct builder *build, const struct layer *layer)
{
    const struct node *node = layer->node;
    (void)build;
    if (!node->op->domain || strcmp(node->op->name, "QLinearConcat") ||
        node_int(node, "axis", 0) != 1 || (node->n_inputs - 2) / 3 > MAX_PARTS ||
        dtype_size(layer->output->dtype) != 1)
        return false;
    for (int i = 0; i < node->n_inputs; i++) {
        bool data = i >= 2 && (i - 2) % 3 == 0;
        if (!node->inputs[i] || (!data && !node->inputs[i]->constant) ||
            (data && dtype_size(node->inputs[i]->dtype) != 1))
            return false;
    }
    return true;
}

static double number(const struct node *node, int i)
{
    return tensor_get(node->inputs[i]->constant, 0);
}

static void fill(const struct node *node, int i, struct part *part)
{
    bool x_signed = node->inputs[i]->dtype == DTYPE_I8;
    int low = node->outputs[0]->dtype == DTYPE_I8 ? -128 : 0;
    double x_scale = (double)(float)number(node, i + 1), y_scale = (double)(float)number(node, 0);
    part->same = true;
    for (int byte = 0; byte < 256; byte++) {
        int q = x_signed ? (int8_t)byte : byte;
        double x = (q - number(node, i + 2)) * x_scale;
        double r = rint((double)(float)(x / y_scale)) + number(node, 1);
        double clipped = r < low ? low : r > low + 255 ? low + 255 : r;
        part->value[byte] = (uint8_t)(int)clipped;
        part->same &= part->value[byte] == byte;
        part->slope[byte] = r == clipped ? (float)(x_scale / y_scale) : 0.0f;
    }
}

static void look_up(const uint8_t *restrict table, const uint8_t *restrict x,
                    uint8_t *restrict y, int64_t C)
{
    for (int64_t c = 0; c < C; c++)
        y[c] = table[x[c]];
}

static void run_forward(const struct step *step, struct lane *lane)
{
    const struct part *part = step->context;
    const uint8_t *x = lane_arg(step, lane, 0);
    uint8_t *y = (uint8_t *)lane_arg(step, lane, 1) + part->at;
    int64_t C = part->C, whole = part->whole_C, pixels = part->pixels;
    for (int64_t p = 0; p < pixels; p++, x += C, y += whole) {
        if (part->same)
            memcpy(y, x, (size_t)C);
        else
            look_up(part->value, x, y, C);
    }
}

static enum status forward(struct builder *build, struct layer *layer)
{
    const struct node *node = layer->node;
    struct value *y = layer->output;
    struct qconcat *concat = build_alloc(build, sizeof *concat);
    dnnl_memory_desc_t md;
    layout_last(&md, y->dtype, &y->shape);
    int out = build_slot(build, y->dtype, &y->shape, &md);
    int64_t at = 0, pixels = shape_count(&y->shape) / y->shape.dim[1];
    for (int i = 2; i < node->n_inputs; i += 3) {
        struct part *part = &concat->parts[concat->n++];
        *part = (struct part){.pixels = pixels, .C = node->inputs[i]->shape.dim[1],
                              .whole_C = y->shape.dim[1], .at = at};
        at += part->C;
        fill(node, i, part);
        part->in = build_last(build, node->inputs[i]);
        if (part->in < 0)
            return ERR_UNSUPPORTED;
        struct arg args[] = {{0, part->in}, {0, out}};
        build_step(build, run_forward, "integer concat", part, args, 2);
    }
    build_define(build, y, out);
    layer->state = concat;
    return OK;
}

static void run_backward(const struct step *step, struct lane *lane)
{
    const struct part *part = step->context;
    const float *dy = (const float *)lane_arg(step, lane, 0) + part->at;
    const uint8_t *x = lane_arg(step, lane, 1);
    float *dx = lane_arg(step, lane, 2);
    for (int64_t p = 0; p < part->pixels; p++, dy += part->whole_C)
        for (int64_t c = 0; c < part->C; c++)
            *dx++ = dy[c] * part->slope[*x++];
}

static enum status backward(struct builder *build, struct layer *layer)
{
    const struct node *node = layer->node;
    const struct qconcat *concat = layer->state;
    int gradient = build_gradient(build, layer->output);
    dnnl_memory_desc_t md;
    layout_last(&md, DTYPE_F32, &layer->output->shape);
    if (gradient >= 0)
        gradient = build_reorder(build, gradient, &md);
    if (gradient < 0)
        return ERR_UNSUPPORTED;
    for (int i = 0; i < concat->n; i++) {
        struct value *x = node->inputs[2 + 3 * i];
        if (!build_wants(build, x))
            continue;
        layout_last(&md, DTYPE_F32, &x->shape);
        int out = build_slot(build, DTYPE_F32, &x->shape, &md);
        struct arg args[] = {{0, gradient}, {0, concat->parts[i].in}, {0, out}};
        build_step(build, run_backward, "integer concat backward", &concat->parts[i], args, 3);
        build_give(build, x, out);
    }
    return OK;
}

const struct kernel kernel_qconcat = {
    .name = "qconcat",
    .accepts = accepts,
    .forward = forward,
    .backward = backward,
    .differentiates = true,
};
