/*
 * Gelu: y = x Phi(x), with Phi the normal distribution function, or approximate = "tanh":
 * y = x/2 (1 + tanh(sqrt(2/pi) (x + 0.044715 x^3))). ONNX has it since opset 20,
 * com.microsoft always.
 *
 * com.microsoft.QuickGelu: y = x sigmoid(alpha x); with alpha = 1 it is SiLU, or swish.
 *
 * Source: Hendrycks and Gimpel 2016, arXiv:1606.08415.
 */
#include "models/ops/elements.h"

#include <math.h>
#include <string.h>

static bool is_tanh(const struct node *node)
{
    return !strcmp(node_string(node, "approximate", "none"), "tanh");
}

static enum status infer(struct node *node)
{
    const char *form = node_string(node, "approximate", "none");
    if (strcmp(form, "none") && strcmp(form, "tanh"))
        return status_fail(ERR_FORMAT, "approximate '%s'", form);
    return infer_float(node);
}

static double inner(double x)
{
    return M_2_SQRTPI * M_SQRT1_2 * (x + 0.044715 * x * x * x);
}

static double gelu(const struct node *node, double x)
{
    if (is_tanh(node))
        return 0.5 * x * (1 + tanh(inner(x)));
    return 0.5 * x * (1 + erf(x * M_SQRT1_2));
}

static double derivative(const struct node *node, double x, double y)
{
    (void)y;
    if (is_tanh(node)) {
        double t = tanh(inner(x));
        double slope = M_2_SQRTPI * M_SQRT1_2 * (1 + 3 * 0.044715 * x * x);
        return 0.5 * (1 + t) + 0.5 * x * (1 - t * t) * slope;
    }
    return 0.5 * (1 + erf(x * M_SQRT1_2)) +
           x * exp(-0.5 * x * x) * M_SQRT1_2 * M_2_SQRTPI * 0.5;
}

static enum status reference(const struct node *node, const struct tensor *const *in,
                             struct tensor *const *out)
{
    return unary_reference(node, in, out, gelu);
}

static enum status backward(const struct node *node, const struct tensor *const *in,
                            const struct tensor *const *out,
                            const struct tensor *const *dout, struct tensor *const *din)
{
    return unary_backward(node, in, out, dout, din, derivative);
}

const struct op op_gelu = {
    .name = "Gelu",
    .since = 20,
    .inputs = {1, 1},
    .outputs = {1, 1},
    .attributes = "approximate:s",
    .infer = infer,
    .reference = reference,
    .backward = backward,
};

const struct op op_microsoft_gelu = {
    .name = "Gelu",
    .domain = "com.microsoft",
    .since = 1,
    .inputs = {1, 1},
    .outputs = {1, 1},
    .infer = infer,
    .reference = reference,
    .backward = backward,
};

static double quick(const struct node *node, double x)
{
    return x / (1 + exp(-(double)node_float(node, "alpha", 1.702f) * x));
}

static double quick_derivative(const struct node *node, double x, double y)
{
    double alpha = (double)node_float(node, "alpha", 1.702f);
    double s = 1 / (1 + exp(-alpha * x));
    return s + alpha * y * (1 - s);
}

static enum status quick_reference(const struct node *node, const struct tensor *const *in,
                                   struct tensor *const *out)
{
    return unary_reference(node, in, out, quick);
}

static enum status quick_backward(const struct node *node, const struct tensor *const *in,
                                  const struct tensor *const *out,
                                  const struct tensor *const *dout, struct tensor *const *din)
{
    return unary_backward(node, in, out, dout, din, quick_derivative);
}

const struct op op_microsoft_quickgelu = {
    .name = "QuickGelu",
    .domain = "com.microsoft",
    .since = 1,
    .inputs = {1, 1},
    .outputs = {1, 1},
    .attributes = "alpha:f",
    .infer = infer_float,
    .reference = quick_reference,
    .backward = quick_backward,
};
