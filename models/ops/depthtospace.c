/*
 * DepthToSpace and SpaceToDepth: blocks of b x b pixels to channels and back. As strides:
 * the output, seen as six dimensions, walks through the input.
 */
#include "models/ops/elements.h"

#include <string.h>

static enum status block_of(const struct node *node, const struct shape *in, int64_t *block)
{
    *block = node_int(node, "blocksize", 0);
    if (in->rank != 4 || *block < 1 || *block > 65536)
        return status_fail(ERR_FORMAT, "%d dimensions, blocks of %lld", in->rank,
                           (long long)*block);
    return OK;
}

/* Output [N][C/bb][H][b][W][b]; mode DCR keeps a pixel's channels together, CRD a block's. */
static enum status to_space(const struct node *node, const struct shape *in,
                            struct movement *out)
{
    int64_t b, n = in->dim[0], c = in->dim[1], h = in->dim[2], w = in->dim[3];
    enum status st = block_of(node, in, &b);
    if (st)
        return st;
    if (c % (b * b))
        return status_fail(ERR_FORMAT, "%lld channels in blocks of %lld", (long long)c,
                           (long long)b);
    bool crd = !strcmp(node_string(node, "mode", "DCR"), "CRD");
    int64_t maps = c / (b * b), area = h * w;
    *out = (struct movement){
        .shape = {6, {n, maps, h, b, w, b}},
        .stride = {c * area, crd ? b * b * area : area, w, crd ? b * area : b * maps * area, 1,
                   crd ? area : maps * area}};
    return OK;
}

/* Output [N][b][b][C][H/b][W/b]. */
static enum status to_depth(const struct node *node, const struct shape *in,
                            struct movement *out)
{
    int64_t b, n = in->dim[0], c = in->dim[1], h = in->dim[2], w = in->dim[3];
    enum status st = block_of(node, in, &b);
    if (st)
        return st;
    if (h % b || w % b)
        return status_fail(ERR_FORMAT, "%lld x %lld pixels in blocks of %lld", (long long)h,
                           (long long)w, (long long)b);
    *out = (struct movement){.shape = {6, {n, b, b, c, h / b, w / b}},
                              .stride = {c * h * w, w, 1, h * w, w * b, b}};
    return OK;
}

/* The output has the movement's six dimensions, two by two where they are blocks. */
static enum status infer_space(struct node *node)
{
    struct movement move = {0};
    enum status st = to_space(node, &node->inputs[0]->shape, &move);
    if (st)
        return st;
    const int64_t *d = move.shape.dim;
    set_output(node, 0, node->inputs[0]->dtype,
               &(struct shape){4, {d[0], d[1], d[2] * d[3], d[4] * d[5]}});
    return OK;
}

static enum status infer_depth(struct node *node)
{
    struct movement move = {0};
    enum status st = to_depth(node, &node->inputs[0]->shape, &move);
    if (st)
        return st;
    const int64_t *d = move.shape.dim;
    set_output(node, 0, node->inputs[0]->dtype,
               &(struct shape){4, {d[0], d[1] * d[2] * d[3], d[4], d[5]}});
    return OK;
}

const struct op op_depthtospace = {
    .name = "DepthToSpace",
    .since = 1,
    .inputs = {1, 1},
    .outputs = {1, 1},
    .attributes = "blocksize:i! mode:s",
    .infer = infer_space,
    .reference = mover_reference,
    .backward = mover_backward,
    .with = &(const struct mover){to_space},
};

const struct op op_spacetodepth = {
    .name = "SpaceToDepth",
    .since = 1,
    .inputs = {1, 1},
    .outputs = {1, 1},
    .attributes = "blocksize:i!",
    .infer = infer_depth,
    .reference = mover_reference,
    .backward = mover_backward,
    .with = &(const struct mover){to_depth},
};
