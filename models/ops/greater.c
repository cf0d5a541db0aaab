/* Greater: a > b, with broadcasting; the result is bool and has no gradient. */
#include "models/ops/elements.h"

static double real(double a, double b)
{
    return a > b;
}

static int64_t integer(int64_t a, int64_t b)
{
    return a > b;
}

const struct op op_greater = {
    .name = "Greater",
    .since = 7,
    .inputs = {2, 2},
    .outputs = {1, 1},
    .infer = infer_compare,
    .reference = binary_reference,
    .with = &(const struct binary){.real = real, .integer = integer},
};
