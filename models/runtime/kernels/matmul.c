/* MatMul of two computed tensors, over any leading dimensions. */
#include "models/runtime/kernels/matmul.h"

#include <string.h>

static bool accepts(const struct builder *build, const struct layer *layer)
{
    const struct node *node = layer->node;
    (void)build;
    return !node->op->domain && !strcmp(node->op->name, "MatMul") &&
           node->inputs[0]->dtype == DTYPE_F32 && node->inputs[0]->shape.rank >= 2 &&
           node->inputs[1]->shape.rank >= 2;
}

/* Ones in front until the rank fits. */
static struct shape lift(const struct shape *shape, int rank)
{
    struct shape out = {.rank = rank};
    for (int i = 0; i < rank; i++)
        out.dim[i] = i < rank - shape->rank ? 1 : shape->dim[i - rank + shape->rank];
    return out;
}

static void transpose(dnnl_memory_desc_t *md)
{
    int64_t *d = md->dims, *p = md->padded_dims, *s = md->format_desc.blocking.strides;
    int a = md->ndims - 2, b = md->ndims - 1;
    int64_t t = d[a];
    d[a] = d[b], d[b] = t;
    t = p[a], p[a] = p[b], p[b] = t;
    t = s[a], s[a] = s[b], s[b] = t;
}

enum status matmul_multiply(struct builder *build, int a, bool a_turned, int b, bool b_turned,
                            int y, const char *what)
{
    int rank = build_at(build, y)->shape.rank;
    int slots[3] = {a, b, y};
    dnnl_memory_desc_t md[3];
    for (int i = 0; i < 3; i++) {
        struct shape shape = lift(&build_at(build, slots[i])->shape, rank);
        layout_plain(&md[i], DTYPE_F32, &shape);
        if ((i == 0 && a_turned) || (i == 1 && b_turned))
            transpose(&md[i]);
        int seen = build_slot(build, DTYPE_F32, &shape, &md[i]);
        build_part(build, seen, slots[i], 0);
        slots[i] = seen;
    }
    dnnl_matmul_desc_t descriptor;
    dnnl_primitive_desc_t primitive;
    dnnl_primitive_attr_t attr = build_attributes(NULL, NULL);
    dnnl_status_t code = dnnl_matmul_desc_init(&descriptor, &md[0], &md[1], NULL, &md[2]);
    if (!code)
        code = dnnl_primitive_desc_create(&primitive, &descriptor, attr, layout_engine(), NULL);
    dnnl_primitive_attr_destroy(attr);
    if (code)
        return layout_fail(code, what);
    struct arg args[] = {
        {DNNL_ARG_SRC, slots[0]}, {DNNL_ARG_WEIGHTS, slots[1]}, {DNNL_ARG_DST, slots[2]}};
    return build_primitive(build, primitive, what, args, 3);
}

static enum status forward(struct builder *build, struct layer *layer)
{
    const struct node *node = layer->node;
    int a = build_plain(build, node->inputs[0]), b = build_plain(build, node->inputs[1]);
    if (a < 0 || b < 0)
        return ERR_UNSUPPORTED;
    int y = build_slot(build, DTYPE_F32, &layer->output->shape, NULL);
    enum status st = matmul_multiply(build, a, false, b, false, y, "matmul");
    if (!st)
        build_define(build, layer->output, y);
    return st;
}

static bool same_batch(const struct node *node)
{
    const struct shape *a = &node->inputs[0]->shape, *b = &node->inputs[1]->shape;
    if (a->rank != b->rank)
        return false;
    for (int i = 0; i < a->rank - 2; i++)
        if (a->dim[i] != b->dim[i])
            return false;
    return true;
}

/* dA = dY B', dB = A' dY. */
static enum status backward(struct builder *build, struct layer *layer)
{
    const struct node *node = layer->node;
    if (!same_batch(node))
        return kernel_reference.backward(build, layer);
    int gradient = build_gradient(build, layer->output);
    if (gradient >= 0)
        gradient = build_plain_slot(build, gradient);
    if (gradient < 0)
        return ERR_UNSUPPORTED;
    enum status st = OK;
    for (int i = 0; i < 2 && !st; i++) {
        struct value *wanted = node->inputs[i];
        if (!build_wants(build, wanted))
            continue;
        int other = build_plain(build, node->inputs[1 - i]);
        int out = build_slot(build, DTYPE_F32, &wanted->shape, NULL);
        if (other < 0)
            return ERR_UNSUPPORTED;
        st = i == 0 ? matmul_multiply(build, gradient, false, other, true, out, "matmul backward")
                    : matmul_multiply(build, other, true, gradient, false, out, "matmul backward");
        if (!st)
            build_give(build, wanted, out);
    }
    return st;
}

const struct kernel kernel_matmul = {
    .name = "matmul",
    .accepts = accepts,
    .forward = forward,
    .backward = backward,
};
