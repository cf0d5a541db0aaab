/*
 * Operators: what ONNX calls them, what shape they give, and their arithmetic in plain C.
 *
 * How to add one: write models/ops/<name>.c ending in `const struct op op_<name>` (lower
 * case: op_conv is Conv), and add the name to meson.build. The `reference` is the judge:
 * slow, obvious, for any dtype the operator is claimed for. Faster kernels live in
 * models/runtime and are compared with it.
 */
#pragma once

#include "models/graph/graph.h"

struct op {
    const char *name;        /* ONNX's: "Conv" */
    const char *domain;      /* NULL is ai.onnx; "com.microsoft" */
    int since, until;        /* opsets this file implements, inclusive; until 0: any later */

    /* What a file may say; checked once by node_check(), so that the functions below need
     * not. The first inputs[0] inputs are never NULL there. */
    int inputs[2];           /* fewest and most; most -1: any number */
    int outputs[2];
    const char *attributes;  /* "axis:i mode:s pads:I": name and kind, i f s t or I F for
                                lists; '!' after the kind: required. NULL: none */
    bool from_shape;         /* the output depends on the inputs' shapes only (Shape, Size) */

    /* Sets dtype and shape of each output from the inputs' (all known), reading constant
     * inputs (Reshape's target) through value->constant. Dimensions are checked: a lying
     * file gives ERR_FORMAT, never a crash. */
    enum status (*infer)(struct node *node);

    /* in[i] is NULL for an omitted input; out[i] are allocated with the inferred shapes. */
    enum status (*reference)(const struct node *node, const struct tensor *const *in,
                             struct tensor *const *out);

    /*
     * Gradient of the reference, float32 (float64 in tests). dout[i]: gradient of output i,
     * or NULL when nothing reads it; din[i]: overwritten, or NULL when not wanted. in and
     * out are the forward tensors. NULL entry: not differentiable; its gradient is zero
     * unless `straight_through` says that it is passed on unchanged.
     */
    enum status (*backward)(const struct node *node, const struct tensor *const *in,
                            const struct tensor *const *out,
                            const struct tensor *const *dout, struct tensor *const *din);
    bool straight_through;
    const char *gradient_note; /* documented surrogate for README and inspect, or NULL */

    /* What functions that several operators share work with (models/ops/elements.h). */
    const void *with;
};
extern const struct op *const op_registry[];

/* Arity and attributes of a node against its op's table. ERR_FORMAT, or ERR_UNSUPPORTED for
 * an attribute that the operator has and this file does not know. */
enum status node_check(const struct node *node);

/* "Abs Add And ...": for the message about one that is not there. The caller frees. */
char *op_supported(void);

/* NULL when there is none for this domain and opset. */
const struct op *op_find(const char *domain, const char *name, int opset);
