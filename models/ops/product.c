#include "models/ops/product.h"

#include "models/ops/elements.h"

static void lead_strides(const struct shape *padded, const struct shape *lead, int64_t matrix,
                         int64_t stride[TENSOR_MAX_RANK])
{
    struct shape own = *padded;
    own.rank -= 2;
    broadcast_strides(&own, lead, stride);
    for (int i = 0; i < lead->rank; i++)
        stride[i] *= matrix;
}

enum status product_of(const struct shape *a, const struct shape *b, struct product *out)
{
    if (!a->rank || !b->rank)
        return status_fail(ERR_FORMAT, "a scalar has no matrix product");
    struct shape pa = *a, pb = *b;
    if (a->rank == 1)
        pa = (struct shape){2, {1, a->dim[0]}};
    if (b->rank == 1)
        pb = (struct shape){2, {b->dim[0], 1}};

    struct product p = {.m = pa.dim[pa.rank - 2], .k = pa.dim[pa.rank - 1],
                        .n = pb.dim[pb.rank - 1]};
    if (pb.dim[pb.rank - 2] != p.k) {
        char ta[128], tb[128];
        return status_fail(ERR_FORMAT, "%s times %s: the inner sizes differ",
                           shape_text(a, ta), shape_text(b, tb));
    }
    struct shape la = pa, lb = pb;
    la.rank -= 2;
    lb.rank -= 2;
    enum status st = shape_broadcast(&la, &lb, &p.lead);
    if (st)
        return st;
    lead_strides(&pa, &p.lead, p.m * p.k, p.a_stride);
    lead_strides(&pb, &p.lead, p.k * p.n, p.b_stride);
    p.out = p.lead;
    if (a->rank > 1)
        p.out.dim[p.out.rank++] = p.m;
    if (b->rank > 1)
        p.out.dim[p.out.rank++] = p.n;
    *out = p;
    return OK;
}
