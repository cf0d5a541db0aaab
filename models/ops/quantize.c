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

int64_t requantize(int64_t sum, float multiplier, int64_t zero, enum dtype dtype)
{
    int64_t low, high;
    dtype_range(dtype, &low, &high);
    double value = (double)rintf((float)sum * multiplier) + (double)zero;
    return isnan(value)           ? zero
           : value < (double)low  ? low
           : value > (double)high ? high
                                  : (int64_t)value;
}

enum status scale_pair_check(const struct node *node, int i, int64_t many)
{
    const struct value *scale = node->inputs[i];
    const struct value *zero = i + 1 < node->n_inputs ? node->inputs[i + 1] : NULL;
    if (!scale || !dtype_is_float(scale->dtype) || (zero && dtype_is_float(zero->dtype)))
        return status_fail(ERR_FORMAT, "inputs %d and %d are not a scale and a zero point", i,
                           i + 1);
    int64_t counts[2] = {shape_count(&scale->shape), zero ? shape_count(&zero->shape) : 1};
    for (int k = 0; k < 2; k++)
        if (counts[k] != 1 && counts[k] != many)
            return status_fail(ERR_FORMAT, "input %d has %lld elements", i + k,
                               (long long)counts[k]);
    return OK;
}
