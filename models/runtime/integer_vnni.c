/*
 * The inner loops for CPUs with AVX-512 VNNI: vpdpbusd adds four products of bytes to each
 * of 16 int32. A tile is some pixels by up to 64 output channels, held in registers.
 */
#include "models/runtime/integer.h"

#if defined(__x86_64__)
#include <immintrin.h>

#define VNNI __attribute__((target("avx512f,avx512bw,avx512vl,avx512dq,avx512vnni")))
#define INLINE VNNI static inline __attribute__((always_inline))

enum { MOST_PIXELS = 14, MOST_TAPS = 256 };

struct tile {
    const struct integer_conv *conv;
    const uint8_t *pixel[MOST_PIXELS]; /* first byte of each window */
    int64_t place[MOST_PIXELS];        /* in y, in pixels */
    const int8_t *w;
    int64_t o;                         /* first output channel */
    const int32_t *sums;
    uint8_t *y, *inside;
};

/* Sixteen sums without their constant terms; x_sum: of x under the window. */
INLINE __m512 scaled(const struct integer_conv *conv, __m512i acc, __m512i x_sum, int64_t o)
{
    acc = _mm512_add_epi32(acc, _mm512_loadu_si512(conv->bias + o));
    if (conv->window_sums)
        acc = _mm512_sub_epi32(
            acc, _mm512_mullo_epi32(_mm512_loadu_si512(conv->w_zero + o), x_sum));
    return _mm512_mul_ps(_mm512_cvtepi32_ps(acc), _mm512_loadu_ps(conv->multiplier + o));
}

/* The bounds are integers: rounding after clipping is the same as before. */
INLINE __m512i rounded(const struct integer_conv *conv, __m512 f)
{
    f = _mm512_min_ps(_mm512_max_ps(f, _mm512_set1_ps(conv->low)), _mm512_set1_ps(conv->high));
    return _mm512_add_epi32(_mm512_cvtps_epi32(f), _mm512_set1_epi32(conv->y_zero));
}

/* 1 where it does not saturate. */
INLINE __m512i unclipped(const struct integer_conv *conv, __m512 f)
{
    __m512 r = _mm512_roundscale_ps(f, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC);
    __mmask16 same = _mm512_cmp_ps_mask(r, _mm512_set1_ps(conv->low), _CMP_GE_OQ) &
                     _mm512_cmp_ps_mask(r, _mm512_set1_ps(conv->high), _CMP_LE_OQ);
    return _mm512_maskz_set1_epi32(same, 1);
}

INLINE void store_16(__m512i q, int64_t left, uint8_t *to)
{
    __m128i bytes = _mm512_cvtepi32_epi8(q);
    if (left >= 16)
        _mm_storeu_si128((void *)to, bytes);
    else
        _mm_mask_storeu_epi8(to, (__mmask16)((1u << left) - 1), bytes);
}

/* Undoes the order of places; see integer.c. */
INLINE void store_64(const __m512i *q, bool is_signed, int64_t left, uint8_t *to)
{
    __m512i low = _mm512_packs_epi32(q[0], q[1]), high = _mm512_packs_epi32(q[2], q[3]);
    __m512i bytes =
        is_signed ? _mm512_packs_epi16(low, high) : _mm512_packus_epi16(low, high);
    if (left >= 64)
        _mm512_storeu_si512(to, bytes);
    else
        _mm512_mask_storeu_epi8(to, ((__mmask64)1 << left) - 1, bytes);
}

/* The results of one pixel from place `o` on, `width` vectors of them. */
INLINE void finish(const struct integer_conv *conv, const __m512i *acc, const __m512i *x_sum,
                   const int width, int64_t o, uint8_t *y, uint8_t *inside)
{
    __m512 f[4];
    __m512i q[4];
#pragma GCC unroll 4
    for (int i = 0; i < width; i++) {
        f[i] = scaled(conv, acc[i], x_sum[i], o + 16 * i);
        q[i] = rounded(conv, f[i]);
    }
    if (width == 4) {
        store_64(q, conv->y_dtype == DTYPE_I8, conv->O - o, y);
    } else {
#pragma GCC unroll 4
        for (int i = 0; i < width; i++)
            store_16(q[i], conv->O - o - 16 * i, y + 16 * i);
    }
    if (!inside)
        return;
#pragma GCC unroll 4
    for (int i = 0; i < width; i++)
        q[i] = unclipped(conv, f[i]);
    if (width == 4) {
        store_64(q, false, conv->O - o, inside);
    } else {
#pragma GCC unroll 4
        for (int i = 0; i < width; i++)
            store_16(q[i], conv->O - o - 16 * i, inside + 16 * i);
    }
}

INLINE void compute(const struct tile *tile, const int pixels, const int width)
{
    const struct integer_conv *conv = tile->conv;
    int64_t row = conv->padded_W * conv->padded_C;
    __m512i acc[MOST_PIXELS][4];
#pragma GCC unroll 14
    for (int p = 0; p < pixels; p++)
#pragma GCC unroll 4
        for (int o = 0; o < width; o++)
            acc[p][o] = _mm512_setzero_si512();
    const int8_t *w = tile->w;
    for (int64_t i = 0; i < conv->kernel[0]; i++)
        for (int64_t k = 0; k < conv->kernel[1]; k++) {
            int64_t at = i * conv->dilation[0] * row + k * conv->dilation[1] * conv->padded_C;
            for (int64_t end = at + conv->padded_C; at < end; at += 4, w += 64 * width) {
                __m512i weights[4];
#pragma GCC unroll 4
                for (int o = 0; o < width; o++)
                    weights[o] = _mm512_loadu_si512(w + 64 * o);
#pragma GCC unroll 14
                for (int p = 0; p < pixels; p++) {
                    int32_t four;
                    __builtin_memcpy(&four, tile->pixel[p] + at, sizeof four);
                    __m512i x = _mm512_set1_epi32(four);
#pragma GCC unroll 4
                    for (int o = 0; o < width; o++)
                        acc[p][o] = _mm512_dpbusd_epi32(acc[p][o], x, weights[o]);
                }
            }
        }
#pragma GCC unroll 14
    for (int p = 0; p < pixels; p++) {
        __m512i sum = _mm512_set1_epi32(tile->sums ? tile->sums[tile->place[p]] : 0);
        __m512i sums[4] = {sum, sum, sum, sum};
        int64_t at = tile->place[p] * conv->O + tile->o;
        finish(conv, acc[p], sums, width, tile->o, tile->y + at,
               tile->inside ? tile->inside + at : NULL);
    }
}

VNNI static void compute_1(const struct tile *tile)
{
    compute(tile, 14, 1);
}

VNNI static void compute_2(const struct tile *tile)
{
    compute(tile, 12, 2);
}

VNNI static void compute_3(const struct tile *tile)
{
    compute(tile, 8, 3);
}

VNNI static void compute_4(const struct tile *tile)
{
    compute(tile, 6, 4);
}

/* The last pixels of a picture, one by one. */
VNNI static void compute_few(const struct tile *tile, int64_t width, int64_t pixels)
{
    for (int64_t p = 0; p < pixels; p++) {
        struct tile one = *tile;
        one.pixel[0] = tile->pixel[p];
        one.place[0] = tile->place[p];
        switch (width) {
        case 1: compute(&one, 1, 1); break;
        case 2: compute(&one, 1, 2); break;
        case 3: compute(&one, 1, 3); break;
        default: compute(&one, 1, 4); break;
        }
    }
}

void integer_dense_vnni(const struct integer_conv *conv, const uint8_t *x,
                        const int32_t *sums, uint8_t *y, uint8_t *inside)
{
    static const int pixels_of[] = {0, 14, 12, 8, 6};
    static void (*const computes[])(const struct tile *) = {NULL, compute_1, compute_2,
                                                            compute_3, compute_4};
    int64_t blocks = conv->padded_O / 16, outs = conv->OH * conv->OW;
    int64_t depth = conv->kernel[0] * conv->kernel[1] * conv->padded_C;
    for (int64_t b = 0, width; b < blocks; b += width) {
        width = integer_width(blocks, b);
        struct tile tile = {.conv = conv, .w = conv->packed + b * 16 * depth, .o = b * 16,
                            .sums = sums, .y = y, .inside = inside};
        int64_t oh = 0, ow = 0;
        for (int64_t p = 0; p < outs; p += pixels_of[width]) {
            int64_t n = outs - p < pixels_of[width] ? outs - p : pixels_of[width];
            for (int64_t i = 0; i < n; i++) {
                tile.pixel[i] = x + (oh * conv->stride[0] * conv->padded_W +
                                     ow * conv->stride[1]) * conv->padded_C;
                tile.place[i] = p + i;
                if (++ow == conv->OW) {
                    ow = 0;
                    oh++;
                }
            }
            if (n == pixels_of[width])
                computes[width](&tile);
            else
                compute_few(&tile, width, n);
        }
    }
}

/*
 * Depthwise: the bytes of four taps are interleaved, so that one product sums over taps
 * instead of channels. A tap beyond the last has weight 0 and may read anything.
 */
struct taps {
    int64_t offset[MOST_TAPS]; /* from the window's first byte, rounded up to fours */
    int64_t groups;
    int32_t last_ones;         /* a byte 1 for each real tap of the last group */
};

static void find_taps(const struct integer_conv *conv, struct taps *taps)
{
    int64_t n = 0;
    for (int64_t i = 0; i < conv->kernel[0]; i++)
        for (int64_t k = 0; k < conv->kernel[1]; k++)
            taps->offset[n++] = (i * conv->dilation[0] * conv->padded_W +
                                 k * conv->dilation[1]) * conv->padded_C;
    taps->last_ones = n % 4 ? (int32_t)((1u << n % 4 * 8) - 1) & 0x01010101 : 0x01010101;
    for (; n % 4; n++)
        taps->offset[n] = taps->offset[n - 1];
    taps->groups = n / 4;
}

/* Four taps of 16 channels as 16 groups of four bytes. */
INLINE __m512i interleave_16(const uint8_t *x, const int64_t *offset)
{
    __m128i t[4];
#pragma GCC unroll 4
    for (int k = 0; k < 4; k++)
        t[k] = _mm_loadu_si128((const void *)(x + offset[k]));
    __m128i ab_low = _mm_unpacklo_epi8(t[0], t[1]), ab_high = _mm_unpackhi_epi8(t[0], t[1]);
    __m128i cd_low = _mm_unpacklo_epi8(t[2], t[3]), cd_high = _mm_unpackhi_epi8(t[2], t[3]);
    __m256i low = _mm256_set_m128i(_mm_unpackhi_epi16(ab_low, cd_low),
                                   _mm_unpacklo_epi16(ab_low, cd_low));
    __m256i high = _mm256_set_m128i(_mm_unpackhi_epi16(ab_high, cd_high),
                                    _mm_unpacklo_epi16(ab_high, cd_high));
    return _mm512_inserti64x4(_mm512_castsi256_si512(low), high, 1);
}

/* Of 64 channels, in the order of places: vector j has channels l 16 + j 4 + i. */
INLINE void interleave_64(const uint8_t *x, const int64_t *offset, __m512i *four)
{
    __m512i t[4];
#pragma GCC unroll 4
    for (int k = 0; k < 4; k++)
        t[k] = _mm512_loadu_si512(x + offset[k]);
    __m512i ab_low = _mm512_unpacklo_epi8(t[0], t[1]);
    __m512i ab_high = _mm512_unpackhi_epi8(t[0], t[1]);
    __m512i cd_low = _mm512_unpacklo_epi8(t[2], t[3]);
    __m512i cd_high = _mm512_unpackhi_epi8(t[2], t[3]);
    four[0] = _mm512_unpacklo_epi16(ab_low, cd_low);
    four[1] = _mm512_unpackhi_epi16(ab_low, cd_low);
    four[2] = _mm512_unpacklo_epi16(ab_high, cd_high);
    four[3] = _mm512_unpackhi_epi16(ab_high, cd_high);
}

/* One pixel, 16 or 64 channels from c on. */
INLINE void depthwise(const struct integer_conv *conv, const struct taps *taps,
                      const uint8_t *x, int64_t c, const int width, uint8_t *y,
                      uint8_t *inside)
{
    const int8_t *w = conv->packed + c * 4 * taps->groups;
    int64_t step = 64 * taps->groups; /* weights of one vector of channels to the next */
    __m512i acc[4], all[4], four[4];
#pragma GCC unroll 4
    for (int i = 0; i < width; i++)
        acc[i] = all[i] = _mm512_setzero_si512();
    for (int64_t g = 0; g < taps->groups; g++, w += 64) {
        if (width == 4)
            interleave_64(x + c, taps->offset + 4 * g, four);
        else
            four[0] = interleave_16(x + c, taps->offset + 4 * g);
        __m512i ones =
            _mm512_set1_epi32(g + 1 < taps->groups ? 0x01010101 : taps->last_ones);
#pragma GCC unroll 4
        for (int i = 0; i < width; i++) {
            acc[i] = _mm512_dpbusd_epi32(acc[i], four[i], _mm512_loadu_si512(w + i * step));
            if (conv->window_sums)
                all[i] = _mm512_dpbusd_epi32(all[i], four[i], ones);
        }
    }
    finish(conv, acc, all, width, c, y + c, inside ? inside + c : NULL);
}

VNNI void integer_depthwise_vnni(const struct integer_conv *conv, const uint8_t *x, uint8_t *y,
                                 uint8_t *inside)
{
    struct taps taps;
    find_taps(conv, &taps);
    for (int64_t oh = 0; oh < conv->OH; oh++)
        for (int64_t ow = 0; ow < conv->OW; ow++) {
            const uint8_t *from = x + (oh * conv->stride[0] * conv->padded_W +
                                       ow * conv->stride[1]) * conv->padded_C;
            int64_t c = 0;
            for (; c + 64 <= conv->padded_C; c += 64)
                depthwise(conv, &taps, from, c, 4, y, inside);
            for (; c < conv->padded_C; c += 16)
                depthwise(conv, &taps, from, c, 1, y, inside);
            y += conv->C;
            inside = inside ? inside + conv->C : NULL;
        }
}
#else
void integer_dense_vnni(const struct integer_conv *conv, const uint8_t *x,
                        const int32_t *sums, uint8_t *y, uint8_t *inside)
{
    (void)conv, (void)x, (void)sums, (void)y, (void)inside;
    __builtin_trap(); /* integer_has_vnni() is false here */
}

void integer_depthwise_vnni(const struct integer_conv *conv, const uint8_t *x, uint8_t *y,
                            uint8_t *inside)
{
    (void)conv, (void)x, (void)y, (void)inside;
    __builtin_trap();
}
#endif
