/* Mul: y = a b, with broadcasting. */
#include "models/ops/elements.h"

static double real(double a, double b)
{
    return a * b;
}

static int64_t integer(int64_t a, int64_t b)
{
    return (int64_t)((uint64_t)a * (uint64_t)b);
}

static void derivative(double a, double b, double y, double *da, double *db)
{
    (void)a, (void)b, (void)y;
    *da = b;
    *db = a;
}

const struct op op_mul = {
    .name = "Mul",
    .since = 7,
    .inputs = {2, 2},
    .outputs = {1, 1},
    .infer = infer_binary,
    .reference = binary_reference,
    .backward = binary_backward,
    .with = &(const struct binary){real, integer, derivative},
};
