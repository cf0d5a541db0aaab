/* Scale and zero point, per tensor or per slice of one axis, as the quantizing operators
 * share them. */
#pragma once

#include "models/ops/elements.h"

struct scales {
    const struct tensor *scale, *zero; /* zero may be NULL: 0 */
    int64_t size, inner;               /* slices of the axis; 1 and 1 when per tensor */
};

/* Checks that inputs `scale` and `zero` (-1 or absent: none) are scalars or fit the axis of
 * `shape`. */
enum status scales_check(const struct node *node, const struct shape *shape, int scale,
                         int zero, int64_t axis);
struct scales scales_of(const struct shape *shape, const struct tensor *scale,
                        const struct tensor *zero, int64_t axis);

static inline int64_t scales_slice(const struct scales *s, int64_t i)
{
    return i / s->inner % s->size;
}

static inline double scales_scale(const struct scales *s, int64_t i)
{
    return at(s->scale, scales_slice(s, i));
}

static inline int64_t scales_zero(const struct scales *s, int64_t i)
{
    return s->zero ? tensor_get_int(s->zero, scales_slice(s, i)) : 0;
}

/* saturate(round_half_even(x / scale) + zero): the quotient is rounded to float32 first, as
 * the arithmetic of the specification is. Sets *inside false where it saturated. */
int64_t quantize(double x, double scale, int64_t zero, enum dtype dtype, bool *inside);

/* The integer operators' last step: saturate(round_half_even((float)sum * multiplier) + zero),
 * in float32 as ONNX Runtime and oneDNN compute it; multiplier = x_scale w_scale / y_scale. */
int64_t requantize(int64_t sum, float multiplier, int64_t zero, enum dtype dtype);

/* A zero point that may be omitted, one number or one an element of an axis. */
static inline int64_t zero_at(const struct tensor *zero, int64_t i)
{
    return zero ? tensor_get_int(zero, shape_count(&zero->shape) > 1 ? i : 0) : 0;
}

static inline float scale_at(const struct tensor *scale, int64_t i)
{
    return (float)at(scale, shape_count(&scale->shape) > 1 ? i : 0);
}

/* That input i is a float scale, and i + 1 (which may be omitted) an integer zero point, of
 * one element, or `many` where that is not 0. */
enum status scale_pair_check(const struct node *node, int i, int64_t many);
