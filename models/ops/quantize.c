#include "models/ops/quantize.h"

#include <math.h>

enum status scales_check(const struct node *node, const struct shape *shape, int scale,
                         int zero, int64_t axis)
{
    const struct value *s = node->inputs[scale];
    const struct value *z = zero >= 0 && zero < node->n_inputs ? node->inputs[zero] : NULL;
    int64_t count = shape_count(&s->shape);
    if (!dtype_is_float(s->dtype))
        return status_fail(ERR_FORMAT, "scale '%s' is %s", s->name, dtype_name(s->dtype));
    if (z && (dtype_is_float(z->dtype) || shape_count(&z->shape) != count))
        return status_fail(ERR_FORMAT, "zero point '%s' does not fit its scale", z->name);
    if (count == 1 && s->shape.rank <= 1)
        return OK;
    int resolved;
    enum status st = resolve_axis(axis, shape->rank, &resolved);
    if (!st && (s->shape.rank != 1 || count != shape->dim[resolved]))
        st = status_fail(ERR_FORMAT, "scale '%s' has %lld elements for axis %d of %lld",
                         s->name, (long long)count, resolved,
                         (long long)shape->dim[resolved]);
    return st;
}

struct scales scales_of(const struct shape *shape, const struct tensor *scale,
                        const struct tensor *zero, int64_t axis)
{
    struct scales s = {scale, zero, shape_count(&scale->shape), 1};
    if (s.size > 1)
        s.inner = shape_span(shape, (int)(axis < 0 ? axis + shape->rank : axis) + 1,
                             shape->rank);
    return s;
}

int64_t quantize(double x, double scale, int64_t zero, enum dtype dtype, bool *inside)
{
    int64_t low, high;
    dtype_range(dtype, &low, &high);
    double value = rint((double)(float)(x / scale)) + (double)zero;
    *inside = value >= (double)low && value <= (double)high;
    if (*inside)
        return (int64_t)value;
    return value < (double)low ? low : isnan(value) ? zero : high;
}
