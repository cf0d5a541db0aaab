/*
 * What operator files share: elements of any dtype as numbers, broadcasting, axes, and the
 * whole bodies of elementwise operators.
 *
 * References compute in double and round once when they store, so that one function serves
 * float16, float32 and float64; integers go through int64 and wrap as C's do.
 */
#pragma once

#include "models/ops/op.h"

static inline double at(const struct tensor *tensor, int64_t i)
{
    if (tensor->dtype == DTYPE_F32)
        return (double)((const float *)tensor->data)[i];
    if (tensor->dtype == DTYPE_F64)
        return ((const double *)tensor->data)[i];
    return tensor_get(tensor, i);
}

static inline void put(struct tensor *tensor, int64_t i, double value)
{
    if (tensor->dtype == DTYPE_F32)
        ((float *)tensor->data)[i] = (float)value;
    else if (tensor->dtype == DTYPE_F64)
        ((double *)tensor->data)[i] = value;
    else
        tensor_set(tensor, i, value);
}

/* tensor[i] += value; for gradients that several outputs add to. */
static inline void add_to(struct tensor *tensor, int64_t i, double value)
{
    put(tensor, i, at(tensor, i) + value);
}

void put_int(struct tensor *tensor, int64_t i, int64_t value); /* wraps */
void copy_element(const struct tensor *in, int64_t i, struct tensor *out, int64_t o);
void fill_zero(struct tensor *tensor);
bool dtype_is_float(enum dtype dtype);
bool dtype_is_signed(enum dtype dtype);
void dtype_range(enum dtype dtype, int64_t *low, int64_t *high); /* of an integer dtype */

/* Inference. Setting an omitted output does nothing. */
void set_output(struct node *node, int i, enum dtype dtype, const struct shape *shape);
enum status infer_same(struct node *node);    /* output 0 as input 0 */
enum status infer_float(struct node *node);   /* the same, for float dtypes only */
enum status need_same_dtype(const struct node *node, int a, int b);
enum status need_rank(const struct node *node, int input, int min, int max);
enum status resolve_axis(int64_t axis, int rank, int *out); /* negative: from the end */
/* The integers of a constant input, or an error that says it must be constant. */
enum status constant_ints(const struct node *node, int input, int64_t *out, int max,
                          int *count);
/* Axes from attribute `axes` or constant input `input`; sets *given false when absent. */
enum status read_axes(const struct node *node, int input, int rank, bool mask[TENSOR_MAX_RANK],
                      bool *given);

/* Row-major strides; and those with which `in` is read when broadcast to `out`: 0 where its
 * dimension is 1 or missing. */
void shape_strides(const struct shape *shape, int64_t stride[TENSOR_MAX_RANK]);
void broadcast_strides(const struct shape *in, const struct shape *out,
                       int64_t stride[TENSOR_MAX_RANK]);
enum status shape_broadcast(const struct shape *a, const struct shape *b, struct shape *out);
/* Where element i (row-major in `shape`) lies with these strides. */
int64_t strided(const struct shape *shape, const int64_t *stride, int64_t i);
/* Product of the dimensions [from, to). */
int64_t shape_span(const struct shape *shape, int from, int to);

/* y = f(x): f gets the node for its attributes; the derivative may use y. */
typedef double unary_function(const struct node *node, double x);
typedef double unary_derivative(const struct node *node, double x, double y);
enum status unary_reference(const struct node *node, const struct tensor *const *in,
                            struct tensor *const *out, unary_function *f);
enum status unary_backward(const struct node *node, const struct tensor *const *in,
                           const struct tensor *const *out, const struct tensor *const *dout,
                           struct tensor *const *din, unary_derivative *f);

/* y = f(a, b) with broadcasting. An operator names a struct binary in `with` and takes the
 * functions below as its own; a NULL function is of dtypes that it is not for. */
typedef double binary_function(double a, double b);
typedef int64_t binary_integer(int64_t a, int64_t b);
typedef void binary_derivative(double a, double b, double y, double *da, double *db);
struct binary {
    binary_function *real;
    binary_integer *integer;
    binary_derivative *derivative;
};
enum status infer_binary(struct node *node);
enum status infer_compare(struct node *node); /* the same, giving bool */
enum status binary_reference(const struct node *node, const struct tensor *const *in,
                             struct tensor *const *out);
enum status binary_backward(const struct node *node, const struct tensor *const *in,
                            const struct tensor *const *out, const struct tensor *const *dout,
                            struct tensor *const *din);
/* Where an attribute chooses the function. */
enum status binary_apply(const struct tensor *const *in, struct tensor *const *out,
                         binary_function *real, binary_integer *integer);

/* Any number of inputs, folded from the left: Sum, Min, Max, Mean. */
enum status infer_variadic(struct node *node);

/* Copies elements: out[i] = in[index(i)]; and din[index(i)] += dout[i]. For the operators
 * that only move data: those with one output that is one movement of one input name a
 * struct mover in `with` and take mover_... as their own. */
struct movement {
    struct shape shape;               /* of the output */
    int64_t stride[TENSOR_MAX_RANK];  /* in the input, may be negative */
    int64_t offset;
};
void movement_apply(const struct movement *move, const struct tensor *in, struct tensor *out);
void movement_return(const struct movement *move, const struct tensor *dout,
                     struct tensor *din);
struct mover {
    enum status (*movement_of)(const struct node *node, const struct shape *in,
                               struct movement *out);
};
enum status mover_infer(struct node *node); /* where the movement's shape is the output's */
enum status mover_reference(const struct node *node, const struct tensor *const *in,
                            struct tensor *const *out);
enum status mover_backward(const struct node *node, const struct tensor *const *in,
                           const struct tensor *const *out, const struct tensor *const *dout,
                           struct tensor *const *din);
/* Whole tensors, same count: Reshape and its kin. */
enum status copy_reference(const struct node *node, const struct tensor *const *in,
                           struct tensor *const *out);
enum status copy_backward(const struct node *node, const struct tensor *const *in,
                          const struct tensor *const *out, const struct tensor *const *dout,
                          struct tensor *const *din);
