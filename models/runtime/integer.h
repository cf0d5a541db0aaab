/*
 * Convolution of 8-bit integers, exact: y = saturate(round(float(acc) m) + zero), where acc
 * is the int32 sum of (x - x_zero)(w - w_zero) plus a bias. Channels last.
 *
 * The sum is taken as x w - x_zero sum(w) - w_zero sum(x) + K x_zero w_zero with x unsigned
 * and w signed (the other kinds are shifted by 128, with their zero points).
 */
#pragma once

#include "base/mem.h"
#include "base/tensor.h"

struct integer_conv {
    int64_t N, H, W, C;          /* of x */
    int64_t OH, OW, O;           /* of y */
    int64_t kernel[2], stride[2], dilation[2], pad[4]; /* pad: top left bottom right */
    bool depthwise;              /* one filter a channel, O = C */
    enum dtype x_dtype, y_dtype;
    int x_zero;                  /* in the unsigned domain */
    int y_zero;
    float low, high;             /* bounds of round(acc m), before the zero point */

    /* Made by integer_conv_prepare(). */
    int64_t padded_H, padded_W, padded_C, padded_O;
    bool copies;                 /* x needs padding, shifting or whole groups of channels */
    bool window_sums;            /* some w_zero is not 0 */
    size_t scratch_bytes;        /* padded picture and window sums */
    int8_t *packed;              /* for 4-way byte products */
    float *packed_float;         /* for CPUs without them */
    /* [padded_O], in the order in which outputs are computed. */
    int32_t *bias;               /* all constant terms */
    int32_t *w_zero;
    float *multiplier;
};

/* w [O][C][kh][kw] ([C][1][kh][kw] when depthwise) of `w_dtype`, scales and zero points of 1
 * or O elements; bias int32 or NULL. Everything is allocated in `arena`. */
void integer_conv_prepare(struct integer_conv *conv, struct arena *arena,
                          const struct tensor *w, const struct tensor *x_scale,
                          const struct tensor *w_scale, const struct tensor *w_zero,
                          const struct tensor *y_scale, const struct tensor *bias);

/* inside: one byte an element of y, 1 where it did not saturate; or NULL. */
void integer_conv_run(const struct integer_conv *conv, const uint8_t *x, uint8_t *y,
                      uint8_t *inside, void *scratch);

/* Whether the CPU multiplies bytes four at a time (capped by ONEDNN_MAX_CPU_ISA). */
bool integer_has_vnni(void);

/* integer_vnni.c: all of y from a padded picture. */
void integer_dense_vnni(const struct integer_conv *conv, const uint8_t *x,
                        const int32_t *sums, uint8_t *y, uint8_t *inside);
void integer_depthwise_vnni(const struct integer_conv *conv, const uint8_t *x, uint8_t *y,
                            uint8_t *inside);

/* Groups of 16 output channels that one tile computes at once: 4, 4, ..., then the rest. */
static inline int64_t integer_width(int64_t blocks, int64_t first)
{
    return blocks - first < 4 ? blocks - first : 4;
}
