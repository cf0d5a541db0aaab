/* Batched matrix products as MatMul, MatMulInteger and QLinearMatMul share them (numpy's
 * matmul: leading dimensions are broadcast, a vector gets a 1 that is dropped again). */
#pragma once

#include "models/ops/op.h"

struct product {
    int64_t m, n, k;                       /* each matrix of y is [m][n] */
    struct shape lead;                     /* of the batch of matrices */
    int64_t a_stride[TENSOR_MAX_RANK], b_stride[TENSOR_MAX_RANK]; /* of matrices, in elements */
    struct shape out;
};

enum status product_of(const struct shape *a, const struct shape *b, struct product *out);
