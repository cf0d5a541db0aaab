/* Div: y = a / b; integers round towards zero, and x / 0 is 0, with broadcasting. */
#include "models/ops/elements.h"

static double real(double a, double b)
{
    return a / b;
}

static int64_t integer(int64_t a, int64_t b)
{
    return b == 0 ? 0 : b == -1 ? (int64_t)(0 - (uint64_t)a) : a / b;
}

static void derivative(double a, double b, double y, double *da, double *db)
{
    (void)a, (void)b, (void)y;
    *da = 1 / b;
    *db = -y / b;
}

const struct op op_div = {
    .name = "Div",
    .since = 7,
    .inputs = {2, 2},
    .outputs = {1, 1},
    .infer = infer_binary,
    .reference = binary_reference,
    .backward = binary_backward,
    .with = &(const struct binary){real, integer, derivative},
};
