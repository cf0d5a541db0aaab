/*
 * JPEG there and back without the bytes in between: colour conversion, 2x2 chroma
 * averages, integer DCT, quantization, and the way back with triangle-filter upsampling,
 * all in the integers of libjpeg's default ("islow") path. Huffman coding is lossless, so
 * the pixels are those of encoding with Pillow or OpenCV and decoding with libjpeg-turbo.
 *
 * Transforms run on a whole row of blocks at a time, coefficient by coefficient, so that
 * blocks lie side by side in vector registers and nothing is transposed.
 *
 * Source: ITU-T T.81; Loeffler, Ligtenberg, Moschytz 1989,
 * doi:10.1109/ICASSP.1989.266596.
 */
#include "noises/natural/parts.h"

#include "base/mem.h"
#include "base/simd.h"

#include <stdlib.h>
#include <string.h>

/* T.81 annex K.1, in natural order. */
// clang-format off
static const uint8_t luma_steps[64] = {
    16, 11, 10, 16,  24,  40,  51,  61,    12, 12, 14, 19,  26,  58,  60,  55,
    14, 13, 16, 24,  40,  57,  69,  56,    14, 17, 22, 29,  51,  87,  80,  62,
    18, 22, 37, 56,  68, 109, 103,  77,    24, 35, 55, 64,  81, 104, 113,  92,
    49, 64, 78, 87, 103, 121, 120, 101,    72, 92, 95, 98, 112, 100, 103,  99,
};
static const uint8_t chroma_steps[64] = {
    17, 18, 24, 47, 99, 99, 99, 99,    18, 21, 26, 66, 99, 99, 99, 99,
    24, 26, 56, 99, 99, 99, 99, 99,    47, 66, 99, 99, 99, 99, 99, 99,
    99, 99, 99, 99, 99, 99, 99, 99,    99, 99, 99, 99, 99, 99, 99, 99,
    99, 99, 99, 99, 99, 99, 99, 99,    99, 99, 99, 99, 99, 99, 99, 99,
};
// clang-format on

static void steps_for(int quality, const uint8_t base[64], int steps[64])
{
    int scale = quality < 50 ? 5000 / quality : 200 - 2 * quality;
    for (int i = 0; i < 64; i++) {
        int step = (base[i] * scale + 50) / 100;
        steps[i] = step < 1 ? 1 : step > 255 ? 255 : step;
    }
}

enum { LANES = 16 }; /* blocks side by side */

/* 2^13 times the rotations of the transform. */
enum {
    C_0_298 = 2446,
    C_0_390 = 3196,
    C_0_541 = 4433,
    C_0_765 = 6270,
    C_0_899 = 7373,
    C_1_175 = 9633,
    C_1_501 = 12299,
    C_1_847 = 15137,
    C_1_961 = 16069,
    C_2_053 = 16819,
    C_2_562 = 20995,
    C_3_072 = 25172,
};

typedef int32_t lane __attribute__((vector_size(4 * LANES)));

static inline lane descale(lane x, int bits)
{
    return (x + (1 << (bits - 1))) >> bits;
}

/*
 * One forward pass over eight values `step` apart. The first pass (rows) keeps two bits
 * more, the second (columns) gives them back: `up` bits are added or, if negative, taken.
 */
static inline void forward_pass(lane *x, int step, int up)
{
    lane s0 = x[0] + x[7 * step], d0 = x[0] - x[7 * step];
    lane s1 = x[step] + x[6 * step], d1 = x[step] - x[6 * step];
    lane s2 = x[2 * step] + x[5 * step], d2 = x[2 * step] - x[5 * step];
    lane s3 = x[3 * step] + x[4 * step], d3 = x[3 * step] - x[4 * step];
    int bits = 13 - up;

    lane a = s0 + s3, b = s1 + s2, c = s1 - s2, d = s0 - s3;
    x[0] = up > 0 ? (a + b) << 2 : descale(a + b, 2);
    x[4 * step] = up > 0 ? (a - b) << 2 : descale(a - b, 2);
    lane z = (c + d) * C_0_541;
    x[2 * step] = descale(z + d * C_0_765, bits);
    x[6 * step] = descale(z - c * C_1_847, bits);

    lane z1 = d3 + d0, z2 = d2 + d1, z3 = d3 + d1, z4 = d2 + d0;
    lane z5 = (z3 + z4) * C_1_175;
    z1 = z1 * -C_0_899;
    z2 = z2 * -C_2_562;
    z3 = z3 * -C_1_961 + z5;
    z4 = z4 * -C_0_390 + z5;
    x[7 * step] = descale(d3 * C_0_298 + z1 + z3, bits);
    x[5 * step] = descale(d2 * C_2_053 + z2 + z4, bits);
    x[3 * step] = descale(d1 * C_3_072 + z2 + z3, bits);
    x[step] = descale(d0 * C_1_501 + z1 + z4, bits);
}

/* One inverse pass; `bits` are taken off at its end. */
static inline void inverse_pass(lane *x, int step, int bits)
{
    lane z = (x[2 * step] + x[6 * step]) * C_0_541;
    lane c = z - x[6 * step] * C_1_847, d = z + x[2 * step] * C_0_765;
    lane a = (x[0] + x[4 * step]) << 13, b = (x[0] - x[4 * step]) << 13;
    lane e0 = a + d, e3 = a - d, e1 = b + c, e2 = b - c;

    lane t0 = x[7 * step], t1 = x[5 * step], t2 = x[3 * step], t3 = x[step];
    lane z1 = t0 + t3, z2 = t1 + t2, z3 = t0 + t2, z4 = t1 + t3;
    lane z5 = (z3 + z4) * C_1_175;
    z1 = z1 * -C_0_899;
    z2 = z2 * -C_2_562;
    z3 = z3 * -C_1_961 + z5;
    z4 = z4 * -C_0_390 + z5;
    t0 = t0 * C_0_298 + z1 + z3;
    t1 = t1 * C_2_053 + z2 + z4;
    t2 = t2 * C_3_072 + z2 + z3;
    t3 = t3 * C_1_501 + z1 + z4;

    x[0] = descale(e0 + t3, bits);
    x[7 * step] = descale(e0 - t3, bits);
    x[step] = descale(e1 + t2, bits);
    x[6 * step] = descale(e1 - t2, bits);
    x[2 * step] = descale(e2 + t1, bits);
    x[5 * step] = descale(e2 - t1, bits);
    x[3 * step] = descale(e3 + t0, bits);
    x[4 * step] = descale(e3 - t0, bits);
}

/*
 * Coefficients come out of the forward passes 8 times too large. Rounding to the nearest
 * step, halves away from zero: (|x| + 4 step) / (8 step) in whole numbers. The quotient
 * in float is exact after truncation: sums stay below 2^17, and (sum + 1/2) / (8 step)
 * lies at least 1 / (16 step) away from a whole number.
 */
static inline lane quantize(lane x, int step)
{
    typedef float lane_f __attribute__((vector_size(4 * LANES)));
    lane sign = x >> 31, size = (x ^ sign) - sign;
    lane_f quotient = (__builtin_convertvector(size + 4 * step, lane_f) + 0.5f) *
                      (1.0f / (8.0f * (float)step));
    lane level = __builtin_convertvector(quotient, lane);
    return ((level ^ sign) - sign) * step;
}

/* Up to LANES blocks from `x` on, in place; stride in bytes between rows of samples. */
SIMD_CLONES
static void blocks_round_trip(uint8_t *x, size_t stride, int blocks, const int steps[64])
{
    lane s[64];
    for (int y = 0; y < 8; y++) {
        int32_t(*row)[LANES] = (int32_t(*)[LANES])(s + 8 * y);
        const uint8_t *from = x + (size_t)y * stride;
        memset(row, 0, 8 * sizeof *row);
        for (int b = 0; b < blocks; b++)
            for (int i = 0; i < 8; i++)
                row[i][b] = from[8 * b + i] - 128;
    }
    for (int y = 0; y < 8; y++)
        forward_pass(s + 8 * y, 1, 2);
    for (int i = 0; i < 8; i++)
        forward_pass(s + i, 8, -2);
    for (int i = 0; i < 64; i++)
        s[i] = quantize(s[i], steps[i]);
    for (int i = 0; i < 8; i++)
        inverse_pass(s + i, 8, 11);
    for (int y = 0; y < 8; y++)
        inverse_pass(s + 8 * y, 1, 18);
    for (int y = 0; y < 8; y++) {
        int32_t(*row)[LANES] = (int32_t(*)[LANES])(s + 8 * y);
        uint8_t *to = x + (size_t)y * stride;
        for (int b = 0; b < blocks; b++)
            for (int i = 0; i < 8; i++) {
                int v = row[i][b] + 128;
                to[8 * b + i] = (uint8_t)(v < 0 ? 0 : v > 255 ? 255 : v);
            }
    }
}

/* One component, padded to whole blocks by repeating its last column and row. */
struct plane {
    int width, height; /* samples that mean something */
    int across, down;  /* blocks */
    uint8_t *data;     /* [8 down][8 across] */
};

static enum status plane_init(struct plane *plane, int width, int height)
{
    int across = (width + 7) / 8, down = (height + 7) / 8;
    uint8_t *data = mem_raw((size_t)across * (size_t)down, 64);
    *plane = (struct plane){width, height, across, down, data};
    return data ? OK
                : status_fail(ERR_NOMEM, "no memory for %d x %d blocks", across, down);
}

static uint8_t *plane_row(const struct plane *plane, int y)
{
    return plane->data + (size_t)y * 8 * (size_t)plane->across;
}

static void plane_round_trip(const struct plane *plane, int quality,
                             const uint8_t base[64])
{
    int steps[64];
    steps_for(quality, base, steps);
    size_t stride = 8 * (size_t)plane->across;
    for (int y = plane->height; y < 8 * plane->down; y++)
        memcpy(plane_row(plane, y), plane_row(plane, plane->height - 1), stride);
    for (int y = 0; y < plane->down; y++)
        for (int b = 0; b < plane->across; b += LANES) {
            int blocks = plane->across - b < LANES ? plane->across - b : LANES;
            blocks_round_trip(plane_row(plane, 8 * y) + 8 * b, stride, blocks, steps);
        }
}

/* JFIF's matrix in 16 fractional bits. */
SIMD_CLONES
static void to_ycc(const uint8_t *restrict rgb, int width, uint8_t *restrict y,
                   uint8_t *restrict cb, uint8_t *restrict cr)
{
    const int half = 1 << 15, centre = (128 << 16) + half - 1;
    for (int i = 0; i < width; i++) {
        int r = rgb[3 * i], g = rgb[3 * i + 1], b = rgb[3 * i + 2];
        y[i] = (uint8_t)((19595 * r + 38470 * g + 7471 * b + half) >> 16);
        cb[i] = (uint8_t)((-11059 * r - 21709 * g + 32768 * b + centre) >> 16);
        cr[i] = (uint8_t)((32768 * r - 27439 * g - 5329 * b + centre) >> 16);
    }
}

static inline uint8_t clamp_byte(int v)
{
    v = v < 0 ? 0 : v;
    return (uint8_t)(v > 255 ? 255 : v);
}

SIMD_CLONES
static void to_rgb(const uint8_t *restrict y, const uint8_t *restrict cb,
                   const uint8_t *restrict cr, int width, uint8_t *restrict rgb)
{
    const int half = 1 << 15;
    for (int i = 0; i < width; i++) {
        int u = cb[i] - 128, v = cr[i] - 128;
        rgb[3 * i] = clamp_byte(y[i] + ((91881 * v + half) >> 16));
        rgb[3 * i + 1] = clamp_byte(y[i] + ((-22554 * u - 46802 * v + half) >> 16));
        rgb[3 * i + 2] = clamp_byte(y[i] + ((116130 * u + half) >> 16));
    }
}

/* Averages of 2x2, the rounding constant alternating 1, 2 along the row. */
SIMD_CLONES
static void average(const uint8_t *restrict upper, const uint8_t *restrict lower,
                    int width, uint8_t *restrict out)
{
    for (int i = 0; i < width; i++) {
        int sum = upper[2 * i] + upper[2 * i + 1] + lower[2 * i] + lower[2 * i + 1];
        out[i] = (uint8_t)((sum + 1 + (i & 1)) >> 2);
    }
}

/*
 * Triangle filter, rows: 3 near + far; then columns the same way, 16ths rounded by 8 to
 * the left of a sample and by 7 to its right.
 */
SIMD_CLONES
static void upsample(const uint8_t *restrict near, const uint8_t *restrict far, int width,
                     int16_t *restrict sum, uint8_t *restrict out)
{
    for (int i = 0; i < width; i++)
        sum[i] = (int16_t)(3 * near[i] + far[i]);
    out[0] = (uint8_t)((4 * sum[0] + 8) >> 4);
    out[2 * width - 1] = (uint8_t)((4 * sum[width - 1] + 7) >> 4);
    for (int i = 0; i < width - 1; i++) {
        out[2 * i + 1] = (uint8_t)((3 * sum[i] + sum[i + 1] + 7) >> 4);
        out[2 * i + 2] = (uint8_t)((3 * sum[i + 1] + sum[i] + 8) >> 4);
    }
}

struct codec {
    struct plane y, cb, cr;
    uint8_t *line[4]; /* full-width chroma: two rows of each */
    int16_t *sum;
};

/* Repeats the last pixel up to `full` samples. */
static void pad(uint8_t *row, int width, int full)
{
    memset(row + width, row[width - 1], (size_t)(full - width));
}

static void encode(const struct image *image, struct codec *codec)
{
    int full = 16 * codec->cb.across;
    for (int y = 0; y < image->height; y += 2) {
        for (int k = 0; k < 2; k++) {
            if (y + k == image->height) { /* an odd last row stands twice */
                memcpy(codec->line[2], codec->line[0], (size_t)full);
                memcpy(codec->line[3], codec->line[1], (size_t)full);
                break;
            }
            uint8_t *luma = plane_row(&codec->y, y + k);
            to_ycc(image_row(image, y + k), image->width, luma, codec->line[2 * k],
                   codec->line[2 * k + 1]);
            pad(luma, image->width, 8 * codec->y.across);
            pad(codec->line[2 * k], image->width, full);
            pad(codec->line[2 * k + 1], image->width, full);
        }
        int width = 8 * codec->cb.across;
        average(codec->line[0], codec->line[2], width, plane_row(&codec->cb, y / 2));
        average(codec->line[1], codec->line[3], width, plane_row(&codec->cr, y / 2));
    }
}

/* libjpeg repeats chroma as it is where there are no three columns to interpolate. */
static void upsample_row(const struct plane *plane, int y, int16_t *sum, uint8_t *out)
{
    const uint8_t *near = plane_row(plane, y / 2);
    int other = y & 1 ? y / 2 + 1 : y / 2 - 1;
    other = other < 0 ? 0 : other >= plane->height ? plane->height - 1 : other;
    if (plane->width > 2)
        upsample(near, plane_row(plane, other), plane->width, sum, out);
    else
        for (int i = 0; i < 2 * plane->width; i++)
            out[i] = near[i / 2];
}

static void decode(const struct codec *codec, struct image *image)
{
    for (int y = 0; y < image->height; y++) {
        upsample_row(&codec->cb, y, codec->sum, codec->line[0]);
        upsample_row(&codec->cr, y, codec->sum, codec->line[1]);
        to_rgb(plane_row(&codec->y, y), codec->line[0], codec->line[1], image->width,
               image_row(image, y));
    }
}

static void codec_clear(struct codec *codec)
{
    free(codec->y.data);
    free(codec->cb.data);
    free(codec->cr.data);
    for (int i = 0; i < 4; i++)
        free(codec->line[i]);
    free(codec->sum);
}

static enum status codec_init(struct codec *codec, int width, int height)
{
    *codec = (struct codec){0};
    enum status st = plane_init(&codec->y, width, height);
    if (!st)
        st = plane_init(&codec->cb, (width + 1) / 2, (height + 1) / 2);
    if (!st)
        st = plane_init(&codec->cr, (width + 1) / 2, (height + 1) / 2);
    for (int i = 0; !st && i < 4; i++) {
        codec->line[i] = mem_raw((size_t)codec->cb.across, 16);
        if (!codec->line[i])
            st = status_fail(ERR_NOMEM, "no memory for a row of %d pixels", width);
    }
    if (!st && !(codec->sum = mem_raw((size_t)codec->cb.across, 16)))
        st = status_fail(ERR_NOMEM, "no memory for a row of %d pixels", width);
    return st;
}

enum status jpeg_round_trip(struct image *image, int quality)
{
    struct codec codec;
    enum status st = codec_init(&codec, image->width, image->height);
    if (!st) {
        encode(image, &codec);
        plane_round_trip(&codec.y, quality, luma_steps);
        plane_round_trip(&codec.cb, quality, chroma_steps);
        plane_round_trip(&codec.cr, quality, chroma_steps);
        decode(&codec, image);
    }
    codec_clear(&codec);
    return st;
}
