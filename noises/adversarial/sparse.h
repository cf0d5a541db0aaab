/* Sparse steps for the L1 attacks: the coordinates with the largest |gradient| only. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

/* The k-th largest of values [n], k from 1; reorders them. */
float select_largest(float *values, size_t n, size_t k);

/*
 * x += alpha e/‖e‖₁, e = sign(g) on the max(1, fraction · size) coordinates with the
 * largest |g| (more where they tie), of those the box does not pin if `drop_pinned`.
 * `scratch` [size].
 */
void sparse_sign_step(float *x, const float *g, double fraction, double alpha,
                      bool drop_pinned, size_t size, float *scratch);
