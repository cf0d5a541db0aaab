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

static enum status reference(const struct node *node, const struct tensor *const *in,
                             struct tensor *const *out)
{
    (void)node;
    return binary_reference(in, out, real, integer);
}

static enum status backward(const struct node *node, const struct tensor *const *in,
                            const struct tensor *const *out,
                            const struct tensor *const *dout, struct tensor *const *din)
{
    (void)node;
    return binary_backward(in, out, dout, din, derivative);
}

const struct op op_mul = {
    .name = "Mul",
    .since = 7,
    .inputs = {2, 2},
    .outputs = {1, 1},
    .infer = infer_binary,
    .reference = reference,
    .backward = backward,
};
