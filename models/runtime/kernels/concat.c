/*
 * Concat. Where the parts lie one behind the other in memory (always for one sample, when
 * channels fill their blocks) the inputs are computed in place: their slots become windows
 * of the output. Else oneDNN's concat.
 */
#include "models/runtime/build.h"

#include <string.h>

enum { MAX_PARTS = 64 };

struct concat {
    int axis;
    bool windows;
    size_t offset[MAX_PARTS];
    dnnl_memory_desc_t md;
};

static bool accepts(const struct builder *build, const struct layer *layer)
{
    const struct node *node = layer->node;
    (void)build;
    return !node->op->domain && !strcmp(node->op->name, "Concat") &&
           node->outputs[0]->dtype == DTYPE_F32 && node->n_inputs <= MAX_PARTS;
}

/* Nothing larger than 1 before the axis, and whole blocks of channels. */
static bool contiguous(const dnnl_memory_desc_t *md, int axis)
{
    struct channels c;
    for (int i = 0; i < axis; i++)
        if (md->dims[i] != 1)
            return false;
    if (layout_is_plain(md))
        return true;
    return axis == 1 && layout_channels(md, &c) && c.C % c.block == 0;
}

/* The inputs' slots in one family of layouts in which windows are possible. */
static bool find_windows(struct builder *build, const struct node *node, struct concat *concat,
                         int *slots)
{
    const dnnl_memory_desc_t like = build_at(build, build_first(build, node->inputs[0]))->md;
    size_t at = 0;
    for (int i = 0; i < node->n_inputs; i++) {
        struct value *value = node->inputs[i];
        dnnl_memory_desc_t md;
        if (!layout_like(&like, &value->shape, &md)) {
            if (!layout_is_plain(&like))
                return false;
            layout_plain(&md, DTYPE_F32, &value->shape);
        }
        if (!contiguous(&md, concat->axis))
            return false;
        slots[i] = build_form(build, value, &md);
        if (slots[i] < 0)
            return false;
        concat->offset[i] = at;
        at += build_at(build, slots[i])->bytes;
    }
    struct shape shape = node->outputs[0]->shape;
    if (!layout_like(&like, &shape, &concat->md))
        layout_plain(&concat->md, DTYPE_F32, &shape);
    return layout_bytes(&concat->md) == at;
}

static void run_copy(const struct step *step, struct lane *lane)
{
    memcpy(lane_arg(step, lane, 1), lane_arg(step, lane, 0), *(const size_t *)step->context);
}

static void copy(struct builder *build, int from, int to)
{
    size_t *bytes = build_alloc(build, sizeof *bytes);
    *bytes = build_at(build, from)->bytes;
    struct arg args[] = {{0, from}, {0, to}};
    build_step(build, run_copy, "copy", bytes, args, 2);
}

static bool can_move(const struct builder *build, int slot)
{
    return build_at(build, slot)->kind == SLOT_ARENA && slot != build->plan->input;
}

static int use_windows(struct builder *build, const struct node *node,
                       const struct concat *concat, const int *slots)
{
    int out = build_slot(build, DTYPE_F32, &node->outputs[0]->shape, &concat->md);
    for (int i = 0; i < node->n_inputs; i++) {
        if (can_move(build, slots[i])) {
            build_part(build, slots[i], out, concat->offset[i]);
            continue;
        }
        dnnl_memory_desc_t md = build_at(build, slots[i])->md;
        int window = build_slot(build, DTYPE_F32, &node->inputs[i]->shape, &md);
        build_part(build, window, out, concat->offset[i]);
        copy(build, slots[i], window);
    }
    return out;
}

static enum status use_primitive(struct builder *build, const struct node *node,
                                 struct concat *concat, int *out)
{
    dnnl_memory_desc_t mds[MAX_PARTS];
    struct arg args[MAX_PARTS + 2];
    bool blocked = true;
    const dnnl_memory_desc_t like = build_at(build, build_first(build, node->inputs[0]))->md;
    for (int i = 0; i < node->n_inputs; i++)
        blocked &= node->inputs[i]->shape.dim[concat->axis] % 16 == 0;
    for (int i = 0; i < node->n_inputs; i++) {
        struct value *value = node->inputs[i];
        if (!blocked || !layout_like(&like, &value->shape, &mds[i]))
            layout_plain(&mds[i], DTYPE_F32, &value->shape);
        args[i] = (struct arg){DNNL_ARG_MULTIPLE_SRC + i, build_form(build, value, &mds[i])};
        if (args[i].slot < 0)
            return ERR_UNSUPPORTED;
    }
    dnnl_primitive_desc_t descriptor;
    dnnl_primitive_attr_t attr = build_attributes(NULL, NULL);
    dnnl_status_t code = dnnl_concat_primitive_desc_create(
        &descriptor, NULL, node->n_inputs, concat->axis, mds, attr, layout_engine());
    dnnl_primitive_attr_destroy(attr);
    if (code)
        return layout_fail(code, "concat");
    concat->md = *dnnl_primitive_desc_query_md(descriptor, dnnl_query_dst_md, 0);
    *out = build_slot(build, DTYPE_F32, &node->outputs[0]->shape, &concat->md);
    args[node->n_inputs] = (struct arg){DNNL_ARG_DST, *out};
    return build_primitive(build, descriptor, "concat", args, node->n_inputs + 1);
}

static enum status forward(struct builder *build, struct layer *layer)
{
    const struct node *node = layer->node;
    struct concat *concat = build_alloc(build, sizeof *concat);
    int slots[MAX_PARTS], out = -1;
    concat->axis = (int)node_int(node, "axis", 1);
    if (concat->axis < 0)
        concat->axis += node->outputs[0]->shape.rank;
    enum status st = OK;
    concat->windows = find_windows(build, node, concat, slots);
    if (concat->windows)
        out = use_windows(build, node, concat, slots);
    else
        st = use_primitive(build, node, concat, &out);
    if (!st)
        build_define(build, layer->output, out);
    layer->state = concat;
    return st;
}

static enum status give_windows(struct builder *build, const struct node *node,
                                const struct concat *concat, int gradient)
{
    if (build_shared(build, gradient)) {
        int own = build_slot(build, DTYPE_F32, &node->outputs[0]->shape, &concat->md);
        copy(build, gradient, own);
        gradient = own;
    }
    const dnnl_memory_desc_t like = concat->md;
    for (int i = 0; i < node->n_inputs; i++) {
        struct value *value = node->inputs[i];
        if (!build_wants(build, value))
            continue;
        dnnl_memory_desc_t md;
        if (!layout_like(&like, &value->shape, &md))
            layout_plain(&md, DTYPE_F32, &value->shape);
        int window = build_slot(build, DTYPE_F32, &value->shape, &md);
        build_part(build, window, gradient, concat->offset[i]);
        build_give(build, value, window);
    }
    return OK;
}

/* Cuts a plain gradient into pieces. */
static enum status give_pieces(struct builder *build, const struct node *node,
                               const struct concat *concat, int gradient)
{
    gradient = build_plain_slot(build, gradient);
    if (gradient < 0)
        return ERR_UNSUPPORTED;
    dnnl_dims_t offsets = {0};
    for (int i = 0; i < node->n_inputs; i++) {
        struct value *value = node->inputs[i];
        dnnl_memory_desc_t piece, md;
        dnnl_dims_t dims = {0};
        memcpy(dims, value->shape.dim, sizeof value->shape.dim);
        dnnl_status_t code = dnnl_memory_desc_init_submemory(
            &piece, &build_at(build, gradient)->md, dims, offsets);
        offsets[concat->axis] += value->shape.dim[concat->axis];
        if (code)
            return layout_fail(code, "concat backward");
        if (!build_wants(build, value))
            continue;
        int window = build_slot(build, DTYPE_F32, &value->shape, &piece);
        build_part(build, window, gradient, 0);
        layout_plain(&md, DTYPE_F32, &value->shape);
        /* A piece has gaps: it must be moved even where the layouts look alike. */
        int out = build_reorder(build, window, &md);
        if (out < 0)
            return ERR_UNSUPPORTED;
        build_give(build, value, out);
    }
    return OK;
}

static enum status backward(struct builder *build, struct layer *layer)
{
    const struct node *node = layer->node;
    const struct concat *concat = layer->state;
    int gradient = build_gradient(build, layer->output);
    if (gradient < 0)
        return ERR_UNSUPPORTED;
    return concat->windows ? give_windows(build, node, concat, gradient)
                           : give_pieces(build, node, concat, gradient);
}

const struct kernel kernel_concat = {
    .name = "concat",
    .accepts = accepts,
    .forward = forward,
    .backward = backward,
    .exact = true,
};
