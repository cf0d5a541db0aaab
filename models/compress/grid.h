/*
 * The uniform quantization grid: q = clamp(round(x / scale) + zero, low, high), and back
 * x' = (q - zero) * scale. Rounding is half to even, as QuantizeLinear's.
 *
 * Source: Nagel et al. 2021, arXiv:2106.08295, section 2.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* What a grid may look like: chosen by the hardware preset and the bit width. */
struct grid_rule {
    int bits;          /* 2..16 */
    bool symmetric;    /* zero stays 0; integers are signed */
    bool narrow;       /* symmetric: [-(2^(b-1)-1), 2^(b-1)-1], without the lowest code */
    bool power_of_two; /* the scale is 2^k (k rounded up: nothing is clipped more) */
};

struct grid {
    double scale; /* > 0 */
    int32_t zero;
    int32_t low, high; /* codes */
};

/*
 * The grid that covers [low, high]. The range is widened to hold 0, as zero padding and
 * Relu need an exact zero; an empty range gives scale 1. Asymmetric grids are unsigned.
 */
struct grid grid_for_range(const struct grid_rule *rule, double low, double high);

int32_t grid_encode(const struct grid *grid, double x);
double grid_decode(const struct grid *grid, int32_t code);

/* x' for every x; in and out may be the same. */
void grid_round(const struct grid *grid, const float *in, float *out, size_t count);

/* Sum over x of |x - x'|^p; of the first ones only, as soon as these exceed `enough`. */
double grid_error(const struct grid *grid, const float *x, size_t count, double p,
                  double enough);
