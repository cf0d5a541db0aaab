/*
 * The operators that are one line of mathematics each: y = f(x), element by element, with
 * its derivative. A table instead of thirty files that would say the same around one line.
 *
 *     UNARY(name, "Name", since, attributes, types, f(x), f'(x) given x and y)
 *
 * Where f has a corner, the derivative is the one from the left (Relu: 0 at 0), as in
 * PyTorch. STEP is for functions whose derivative is zero wherever it exists.
 */
#include "models/ops/elements.h"

#include <math.h>

static double attribute(const struct node *node, const char *name, float fallback)
{
    return (double)node_float(node, name, fallback);
}

#define PARTS(id, f)                                                                       \
    static double id##_f(const struct node *node, double x)                                \
    {                                                                                      \
        (void)node;                                                                        \
        return f;                                                                          \
    }                                                                                      \
    static enum status id##_reference(const struct node *node,                             \
                                      const struct tensor *const *in,                      \
                                      struct tensor *const *out)                           \
    {                                                                                      \
        return unary_reference(node, in, out, id##_f);                                     \
    }

#define UNARY(id, onnx, first, names, types, f, df)                                        \
    PARTS(id, f)                                                                           \
    static double id##_df(const struct node *node, double x, double y)                     \
    {                                                                                      \
        (void)node, (void)x, (void)y;                                                      \
        return df;                                                                         \
    }                                                                                      \
    static enum status id##_backward(                                                      \
        const struct node *node, const struct tensor *const *in,                           \
        const struct tensor *const *out, const struct tensor *const *dout,                 \
        struct tensor *const *din)                                                         \
    {                                                                                      \
        return unary_backward(node, in, out, dout, din, id##_df);                          \
    }                                                                                      \
    const struct op op_##id = {.name = onnx, .since = first, .inputs = {1, 1},             \
                               .outputs = {1, 1}, .attributes = names,                     \
                               .infer = infer_##types, .reference = id##_reference,        \
                               .backward = id##_backward}

#define STEP(id, onnx, first, types, f)                                                    \
    PARTS(id, f)                                                                           \
    const struct op op_##id = {.name = onnx, .since = first, .inputs = {1, 1},             \
                               .outputs = {1, 1}, .infer = infer_##types,                  \
                               .reference = id##_reference,                                \
                               .gradient_note = "zero: a step function"}

#define ALPHA(fallback) attribute(node, "alpha", fallback)
#define BETA(fallback) attribute(node, "beta", fallback)
#define GAMMA(fallback) attribute(node, "gamma", fallback)

static double sigmoid(double x)
{
    return x >= 0 ? 1 / (1 + exp(-x)) : exp(x) / (1 + exp(x));
}

static double softplus(double x)
{
    return x > 0 ? x + log1p(exp(-x)) : log1p(exp(x));
}

static double clamp01(double x)
{
    return x < 0 ? 0 : x > 1 ? 1 : x;
}

// clang-format off
UNARY(relu, "Relu", 6, NULL, same, x > 0 ? x : isnan(x) ? x : 0, x > 0 ? 1 : 0);
UNARY(abs, "Abs", 6, NULL, same, fabs(x), x > 0 ? 1 : x < 0 ? -1 : 0);
UNARY(neg, "Neg", 6, NULL, same, -x, -1);
UNARY(exp, "Exp", 6, NULL, float, exp(x), y);
UNARY(log, "Log", 6, NULL, float, log(x), 1 / x);
UNARY(sqrt, "Sqrt", 6, NULL, float, sqrt(x), 0.5 / y);
UNARY(reciprocal, "Reciprocal", 6, NULL, float, 1 / x, -y * y);
UNARY(erf, "Erf", 9, NULL, float, erf(x), M_2_SQRTPI * exp(-x * x));
UNARY(sigmoid, "Sigmoid", 6, NULL, float, sigmoid(x), y * (1 - y));
UNARY(tanh, "Tanh", 6, NULL, float, tanh(x), 1 - y * y);
UNARY(softplus, "Softplus", 1, NULL, float, softplus(x), sigmoid(x));
UNARY(softsign, "Softsign", 1, NULL, float, x / (1 + fabs(x)), 1 / ((1 + fabs(x)) * (1 + fabs(x))));
UNARY(leakyrelu, "LeakyRelu", 6, "alpha:f", float, x < 0 ? ALPHA(0.01f) * x : x, x > 0 ? 1 : ALPHA(0.01f));
UNARY(elu, "Elu", 6, "alpha:f", float, x < 0 ? ALPHA(1) * expm1(x) : x, x > 0 ? 1 : ALPHA(1) * exp(x));
UNARY(celu, "Celu", 12, "alpha:f", float, x < 0 ? ALPHA(1) * expm1(x / ALPHA(1)) : x, x > 0 ? 1 : exp(x / ALPHA(1)));
UNARY(selu, "Selu", 6, "alpha:f gamma:f", float,
      GAMMA(1.05070102214813232421875f) * (x > 0 ? x : ALPHA(1.67326319217681884765625f) * expm1(x)),
      GAMMA(1.05070102214813232421875f) * (x > 0 ? 1 : ALPHA(1.67326319217681884765625f) * exp(x)));
UNARY(thresholdedrelu, "ThresholdedRelu", 10, "alpha:f", float, x > ALPHA(1) ? x : 0, x > ALPHA(1) ? 1 : 0);
UNARY(hardsigmoid, "HardSigmoid", 6, "alpha:f beta:f", float, clamp01(ALPHA(0.2f) * x + BETA(0.5f)),
      y > 0 && y < 1 ? ALPHA(0.2f) : 0);
/* hard-swish = x clip((x + 3) / 6, 0, 1), Howard et al. 2019, arXiv:1905.02244. */
UNARY(hardswish, "HardSwish", 14, NULL, float, x * clamp01(x / 6 + 0.5),
      x <= -3 ? 0 : x >= 3 ? 1 : x / 3 + 0.5);
UNARY(mish, "Mish", 18, NULL, float, x * tanh(softplus(x)),
      tanh(softplus(x)) + x * sigmoid(x) * (1 - tanh(softplus(x)) * tanh(softplus(x))));
UNARY(shrink, "Shrink", 9, "bias:f lambd:f", same,
      x < -attribute(node, "lambd", 0.5f) ? x + attribute(node, "bias", 0)
      : x > attribute(node, "lambd", 0.5f) ? x - attribute(node, "bias", 0) : 0,
      fabs(x) > attribute(node, "lambd", 0.5f) ? 1 : 0);
UNARY(sin, "Sin", 7, NULL, float, sin(x), cos(x));
UNARY(cos, "Cos", 7, NULL, float, cos(x), -sin(x));
UNARY(tan, "Tan", 7, NULL, float, tan(x), 1 + y * y);
UNARY(asin, "Asin", 7, NULL, float, asin(x), 1 / sqrt(1 - x * x));
UNARY(acos, "Acos", 7, NULL, float, acos(x), -1 / sqrt(1 - x * x));
UNARY(atan, "Atan", 7, NULL, float, atan(x), 1 / (1 + x * x));
UNARY(sinh, "Sinh", 9, NULL, float, sinh(x), cosh(x));
UNARY(cosh, "Cosh", 9, NULL, float, cosh(x), sinh(x));
UNARY(asinh, "Asinh", 9, NULL, float, asinh(x), 1 / sqrt(x * x + 1));
UNARY(acosh, "Acosh", 9, NULL, float, acosh(x), 1 / sqrt(x * x - 1));
UNARY(atanh, "Atanh", 9, NULL, float, atanh(x), 1 / (1 - x * x));

STEP(floor, "Floor", 6, float, floor(x));
STEP(ceil, "Ceil", 6, float, ceil(x));
STEP(round, "Round", 11, float, rint(x)); /* half to even */
STEP(sign, "Sign", 9, same, (x > 0) - (x < 0));
// clang-format on
