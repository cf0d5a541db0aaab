/*
 * Functions of one 8-bit integer with constant parameters (Clip, Relu, QLinearSigmoid,
 * QLinearLeakyRelu): a table of 256, filled by the operator's own reference.
 *
 * Gradient: 1 where Clip and Relu leave the number as it is, else 0; of the others the
 * central difference of the table.
 */
#include "base/simd.h"
#include "models/runtime/build.h"

#include <string.h>

struct table {
    uint8_t value[256];      /* by the byte's bit pattern */
    float slope[256];
    int64_t count;
    int in;
};

static bool accepts(const struct builder *build, const struct layer *layer)
{
    static const char *const names[] = {"Clip", "Relu", "QLinearSigmoid", "QLinearLeakyRelu",
                                        NULL};
    const struct node *node = layer->node;
    (void)build;
    bool known = false;
    for (int i = 0; names[i]; i++)
        known |= !strcmp(node->op->name, names[i]);
    if (!known || node->n_inputs > 8 || dtype_size(node->inputs[0]->dtype) != 1 ||
        node->outputs[0]->dtype != node->inputs[0]->dtype || node->inputs[0]->dtype == DTYPE_BOOL)
        return false;
    for (int i = 1; i < node->n_inputs; i++)
        if (node->inputs[i] && !node->inputs[i]->constant)
            return false;
    return node->op->reference != NULL;
}

/* Byte patterns in ascending order of the numbers they stand for. */
static int pattern(bool is_signed, int rank)
{
    return is_signed ? (rank + 128) & 255 : rank;
}

static enum status fill(const struct node *node, struct table *table)
{
    uint8_t all[256], result[256];
    bool is_signed = node->inputs[0]->dtype == DTYPE_I8;
    for (int i = 0; i < 256; i++)
        all[i] = (uint8_t)pattern(is_signed, i);
    struct shape shape = {.rank = 1, .dim = {256}};
    struct tensor x = {node->inputs[0]->dtype, shape, all, false};
    struct tensor y = {node->outputs[0]->dtype, shape, result, false}, *out = &y;
    const struct tensor *in[8] = {&x};
    for (int i = 1; i < node->n_inputs; i++)
        in[i] = node->inputs[i] ? node->inputs[i]->constant : NULL;
    enum status st = node->op->reference(node, in, &out);
    for (int i = 0; !st && i < 256; i++) {
        int before = i ? i - 1 : i, after = i < 255 ? i + 1 : i;
        double rise = tensor_get(&y, after) - tensor_get(&y, before);
        table->value[all[i]] = result[i];
        table->slope[all[i]] = node->op->domain ? (float)(rise / (after - before))
                                                : (float)(result[i] == all[i]);
    }
    return st;
}

static void run_forward(const struct step *step, struct lane *lane)
{
    const struct table *table = step->context;
    const uint8_t *x = lane_arg(step, lane, 0);
    uint8_t *y = lane_arg(step, lane, 1);
    for (int64_t i = 0; i < table->count; i++)
        y[i] = table->value[x[i]];
}

static enum status forward(struct builder *build, struct layer *layer)
{
    struct table *table = build_alloc(build, sizeof *table);
    if (fill(layer->node, table))
        return ERR_UNSUPPORTED;
    table->in = build_last(build, layer->node->inputs[0]);
    if (table->in < 0)
        return ERR_UNSUPPORTED;
    const struct slot *slot = build_at(build, table->in);
    table->count = (int64_t)slot->bytes;
    dnnl_memory_desc_t md = slot->md;
    int out = build_slot(build, layer->output->dtype, &layer->output->shape, &md);
    struct arg args[] = {{0, table->in}, {0, out}};
    build_step(build, run_forward, "table", table, args, 2);
    build_define(build, layer->output, out);
    layer->state = table;
    return OK;
}

static void run_backward(const struct step *step, struct lane *lane)
{
    const struct table *table = step->context;
    const float *dy = lane_arg(step, lane, 0);
    const uint8_t *x = lane_arg(step, lane, 1);
    float *dx = lane_arg(step, lane, 2);
    for (int64_t i = 0; i < table->count; i++)
        dx[i] = dy[i] * table->slope[x[i]];
}

static enum status backward(struct builder *build, struct layer *layer)
{
    const struct table *table = layer->state;
    struct value *x = layer->node->inputs[0];
    int gradient = build_gradient(build, layer->output);
    dnnl_memory_desc_t md;
    layout_last(&md, DTYPE_F32, &x->shape);
    if (gradient >= 0)
        gradient = build_reorder(build, gradient, &md);
    if (gradient < 0)
        return ERR_UNSUPPORTED;
    int out = build_slot(build, DTYPE_F32, &x->shape, &md);
    struct arg args[] = {{0, gradient}, {0, table->in}, {0, out}};
    build_step(build, run_backward, "table backward", table, args, 3);
    build_give(build, x, out);
    return OK;
}

const struct kernel kernel_qtable = {
    .name = "qtable",
    .accepts = accepts,
    .forward = forward,
    .backward = backward,
    .differentiates = true,
};
