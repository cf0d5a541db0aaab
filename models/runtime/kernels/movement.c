/*
 * Operators that only move numbers: Slice, Pad with zeros, Transpose, Gather, Split, Expand,
 * Tile, DepthToSpace and their kin. At compile time the operator's own reference moves the
 * numbers 1..n; what arrives says where each output element comes from (0: nowhere, a
 * padding zero). The map speaks of raw memory, so that blocked layouts need no reorder.
 */
#include "base/simd.h"
#include "models/runtime/build.h"

#include <stdlib.h>
#include <string.h>

enum { MAX_INPUTS = 8, MAX_OUTPUTS = 16 };

struct map {
    int64_t n_out, n_in;
    int32_t *from;     /* per output element: the input element, or -1 */
    int32_t *to;       /* the inverse where it is one-to-one, or NULL */
};

struct move {
    struct map maps[MAX_OUTPUTS];
    dnnl_memory_desc_t in;
};

/* Zero, or as good as: what a map can pad with. */
static bool pads_zero(const struct node *node)
{
    if (node_float(node, "value", 0) != 0.0f)
        return false;
    if (node->n_inputs < 3 || !node->inputs[2])
        return true;
    const struct tensor *value = node->inputs[2]->constant;
    return value && shape_count(&value->shape) == 1 && tensor_get(value, 0) == 0;
}

static bool accepts(const struct builder *build, const struct layer *layer)
{
    static const char *const names[] = {"Slice", "Pad",    "Transpose",    "Gather",
                                        "Split", "Expand", "Tile",         "DepthToSpace",
                                        "SpaceToDepth", NULL};
    const struct node *node = layer->node;
    (void)build;
    bool known = false;
    for (int i = 0; names[i]; i++)
        known |= !strcmp(node->op->name, names[i]);
    if (!known || node->op->domain || !node->inputs[0] || node->inputs[0]->constant ||
        node->inputs[0]->dtype != DTYPE_F32 || node->n_inputs > MAX_INPUTS ||
        node->n_outputs > MAX_OUTPUTS || !node->op->reference)
        return false;
    for (int i = 1; i < node->n_inputs; i++)
        if (node->inputs[i] && !node->inputs[i]->constant)
            return false;
    return strcmp(node->op->name, "Pad") || pads_zero(node);
}

/* Runs the reference on 1..n. The outputs are the caller's to clear. */
static enum status trace(const struct node *node, struct tensor *outputs)
{
    struct tensor numbers = {0}, zero = {0};
    struct shape scalar = {.rank = 0};
    enum status st = tensor_init(&numbers, DTYPE_I64, &node->inputs[0]->shape);
    if (!st)
        st = tensor_init(&zero, DTYPE_I64, &scalar);
    const struct tensor *in[MAX_INPUTS] = {&numbers};
    struct tensor *out[MAX_OUTPUTS] = {NULL};
    for (int i = 1; i < node->n_inputs; i++)
        in[i] = node->inputs[i] ? node->inputs[i]->constant : NULL;
    if (!strcmp(node->op->name, "Pad") && node->n_inputs > 2 && in[2])
        in[2] = &zero;
    for (int i = 0; !st && i < node->n_outputs; i++)
        if (node->outputs[i]) {
            st = tensor_init(&outputs[i], DTYPE_I64, &node->outputs[i]->shape);
            out[i] = &outputs[i];
        }
    int64_t n = st ? 0 : shape_count(&numbers.shape);
    for (int64_t i = 0; i < n; i++)
        ((int64_t *)numbers.data)[i] = i + 1;
    if (!st)
        st = node->op->reference(node, in, out);
    tensor_clear(&numbers);
    tensor_clear(&zero);
    return st;
}

/* Raw offset of every element in row-major order. */
static int32_t *offsets_of(const dnnl_memory_desc_t *md)
{
    int64_t index[DNNL_MAX_NDIMS] = {0}, count = 1;
    for (int i = 0; i < md->ndims; i++)
        count *= md->dims[i];
    int32_t *offsets = mem_array((size_t)count, sizeof *offsets);
    for (int64_t i = 0; i < count; i++) {
        offsets[i] = (int32_t)layout_offset(md, index);
        for (int d = md->ndims - 1; d >= 0 && ++index[d] == md->dims[d]; d--)
            index[d] = 0;
    }
    return offsets;
}

static void invert(struct builder *build, struct map *map)
{
    map->to = build_alloc(build, (size_t)map->n_in * sizeof *map->to);
    for (int64_t i = 0; i < map->n_in; i++)
        map->to[i] = -1;
    for (int64_t i = 0; i < map->n_out; i++) {
        if (map->from[i] < 0)
            continue;
        if (map->to[map->from[i]] >= 0) {
            map->to = NULL; /* read twice: gradients must be added */
            return;
        }
        map->to[map->from[i]] = (int32_t)i;
    }
}

static void make_map(struct builder *build, const struct tensor *trace_of,
                     const dnnl_memory_desc_t *in, const dnnl_memory_desc_t *out,
                     struct map *map)
{
    map->n_in = (int64_t)(layout_bytes(in) / sizeof(float));
    map->n_out = (int64_t)(layout_bytes(out) / sizeof(float));
    map->from = build_alloc(build, (size_t)map->n_out * sizeof *map->from);
    for (int64_t i = 0; i < map->n_out; i++)
        map->from[i] = -1;
    int32_t *from = offsets_of(in), *to = offsets_of(out);
    int64_t count = shape_count(&trace_of->shape);
    const int64_t *source = trace_of->data;
    for (int64_t i = 0; i < count; i++)
        if (source[i] > 0)
            map->from[to[i]] = from[source[i] - 1];
    free(from);
    free(to);
    if (build->mode != PLAN_INFER)
        invert(build, map);
}

SIMD_CLONES
static void take(const int32_t *from, int64_t n, const float *x, float *y)
{
    for (int64_t i = 0; i < n; i++)
        y[i] = from[i] < 0 ? 0.0f : x[from[i]];
}

static void run_take(const struct step *step, struct lane *lane)
{
    const struct map *map = step->context;
    take(map->from, map->n_out, lane_arg(step, lane, 0), lane_arg(step, lane, 1));
}

static enum status forward(struct builder *build, struct layer *layer)
{
    const struct node *node = layer->node;
    struct value *x = node->inputs[0];
    if (shape_count(&x->shape) > INT32_MAX / 32)
        return status_fail(ERR_UNSUPPORTED, "a map of %lld elements",
                           (long long)shape_count(&x->shape));
    struct tensor traced[MAX_OUTPUTS] = {{0}};
    enum status st = trace(node, traced);
    struct move *move = build_alloc(build, sizeof *move);
    int in = build_first(build, x);
    move->in = build_at(build, in)->md;
    for (int i = 0; !st && i < node->n_outputs; i++) {
        struct value *y = node->outputs[i];
        if (!y)
            continue;
        dnnl_memory_desc_t md;
        if (y->shape.rank != x->shape.rank || !layout_like(&move->in, &y->shape, &md))
            layout_plain(&md, DTYPE_F32, &y->shape);
        make_map(build, &traced[i], &move->in, &md, &move->maps[i]);
        int out = build_slot(build, DTYPE_F32, &y->shape, &md);
        struct arg args[] = {{0, in}, {0, out}};
        build_step(build, run_take, node->op->name, &move->maps[i], args, 2);
        build_define(build, y, out);
    }
    for (int i = 0; i < node->n_outputs; i++)
        tensor_clear(&traced[i]);
    layer->state = move;
    return st ? ERR_UNSUPPORTED : OK;
}

static void run_return(const struct step *step, struct lane *lane)
{
    const struct map *map = step->context;
    const float *dy = lane_arg(step, lane, 0);
    float *dx = lane_arg(step, lane, 1);
    if (map->to) {
        take(map->to, map->n_in, dy, dx);
        return;
    }
    memset(dx, 0, (size_t)map->n_in * sizeof *dx);
    for (int64_t i = 0; i < map->n_out; i++)
        if (map->from[i] >= 0)
            dx[map->from[i]] += dy[i];
}

static enum status backward(struct builder *build, struct layer *layer)
{
    const struct node *node = layer->node;
    struct value *x = node->inputs[0];
    const struct move *move = layer->state;
    for (int i = 0; i < node->n_outputs; i++) {
        int gradient = node->outputs[i] ? build_gradient(build, node->outputs[i]) : -1;
        if (gradient < -1)
            return ERR_UNSUPPORTED;
        if (gradient < 0)
            continue;
        int out = build_slot(build, DTYPE_F32, &x->shape, &move->in);
        struct arg args[] = {{0, gradient}, {0, out}};
        build_step(build, run_return, "movement backward", &move->maps[i], args, 2);
        build_give(build, x, out);
    }
    return OK;
}

const struct kernel kernel_movement = {
    .name = "movement",
    .accepts = accepts,
    .forward = forward,
    .backward = backward,
    .exact = true,
};
