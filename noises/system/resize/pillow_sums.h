/*
 * The inner loops of Pillow's convolution: weighted sums of bytes in 32-bit integers,
 * shifted and clipped to 8 bits. The plain C is the reference; the vector form splits a
 * weight w into 2048 h + l, so that 16-bit multiply-adds give the same sums. Private.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Which source pixels make which result pixel, for a run of `count` results. */
struct pillow_axis {
    int count, taps;  /* taps: room for each result */
    int bits;         /* after the point of a weight */
    int *from, *used; /* [count] */
    int32_t *weights; /* [count][taps], zero after `used` */
    int16_t *split;   /* [count][taps/4 rounded up][32]: weights laid out for vectors */
};

/* `rows` rows of RGB, `stride` bytes apart, that end before `end`; out [rows][count][3]. */
typedef void pillow_row_sums(const struct pillow_axis *axis, const uint8_t *in, size_t stride,
                             const uint8_t *end, int rows, uint8_t *out);
/* One row of `bytes` values from `used` rows that lie `stride` apart. */
typedef void pillow_column_sums(const int32_t *weights, int used, int bits, const uint8_t *in,
                                size_t stride, int bytes, uint8_t *out);

pillow_row_sums pillow_row_sums_c;
pillow_column_sums pillow_column_sums_c;

/* The fastest that this processor has. */
pillow_row_sums *pillow_row_sums_best(void);
pillow_column_sums *pillow_column_sums_best(void);

/* int16 values that `split` needs; 0 where no vector form is there. */
size_t pillow_split_size(const struct pillow_axis *axis);
void pillow_split_fill(struct pillow_axis *axis);
