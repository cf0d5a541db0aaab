/*
 * DepthToSpace and SpaceToDepth: blocks of b x b pixels to channels and back. As strides:
 * the output, seen as six dimensions, walks through the input.
 */
#include "models/ops/elements.h"

#include <string.h>

extern const struct op op_spacetodepth;

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
                            struct movement *move, struct shape *out)
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
    *out = (struct shape){4, {n, maps, h * b, w * b}};
    *move = (struct movement){
        .shape = {6, {n, maps, h, b, w, b}},
        .stride = {c * area, crd ? b * b * area : area, w, crd ? b * area : b * maps * area, 1,
                   crd ? area : maps * area}};
    return OK;
}

/* Output [N][b][b][C][H/b][W/b]. */
static enum status to_depth(const struct node *node, const struct shape *in,
                            struct movement *move, struct shape *out)
{
    int64_t b, n = in->dim[0], c = in->dim[1], h = in->dim[2], w = in->dim[3];
    enum status st = block_of(node, in, &b);
    if (st)
        return st;
    if (h % b || w % b)
        return status_fail(ERR_FORMAT, "%lld x %lld pixels in blocks of %lld", (long long)h,
                           (long long)w, (long long)b);
    *out = (struct shape){4, {n, c * b * b, h / b, w / b}};
    *move = (struct movement){.shape = {6, {n, b, b, c, h / b, w / b}},
                              .stride = {c * h * w, w, 1, h * w, w * b, b}};
    return OK;
}

static enum status movement_of(const struct node *node, const struct shape *in,
                               struct movement *move, struct shape *out)
{
    return node->op == &op_spacetodepth ? to_depth(node, in, move, out)
                                        : to_space(node, in, move, out);
}

static enum status infer(struct node *node)
{
    struct movement move;
    struct shape shape;
    enum status st = movement_of(node, &node->inputs[0]->shape, &move, &shape);
    if (!st)
        set_output(node, 0, node->inputs[0]->dtype, &shape);
    return st;
}

static enum status reference(const struct node *node, const struct tensor *const *in,
                             struct tensor *const *out)
{
    struct movement move;
    struct shape shape;
    enum status st = movement_of(node, &in[0]->shape, &move, &shape);
    if (!st)
        movement_apply(&move, in[0], out[0]);
    return st;
}

static enum status backward(const struct node *node, const struct tensor *const *in,
                            const struct tensor *const *out,
                            const struct tensor *const *dout, struct tensor *const *din)
{
    (void)out;
    struct movement move;
    struct shape shape;
    enum status st = movement_of(node, &in[0]->shape, &move, &shape);
    if (!st && din[0] && dout[0])
        movement_return(&move, dout[0], din[0]);
    return st;
}

const struct op op_depthtospace = {
    .name = "DepthToSpace",
    .since = 1,
    .inputs = {1, 1},
    .outputs = {1, 1},
    .attributes = "blocksize:i! mode:s",
    .infer = infer,
    .reference = reference,
    .backward = backward,
};

const struct op op_spacetodepth = {
    .name = "SpaceToDepth",
    .since = 1,
    .inputs = {1, 1},
    .outputs = {1, 1},
    .attributes = "blocksize:i!",
    .infer = infer,
    .reference = reference,
    .backward = backward,
};
