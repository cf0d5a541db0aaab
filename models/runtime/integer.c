#include "models/runtime/integer.h"

#include "base/simd.h"
#include "models/runtime/layout.h"

#include <math.h>
#include <string.h>

enum { LANES = 16 };

bool integer_has_vnni(void)
{
    return dnnl_get_effective_cpu_isa() >= dnnl_cpu_isa_avx512_core_vnni &&
           __builtin_cpu_supports("avx512vnni");
}

static int64_t up(int64_t n, int64_t to)
{
    return (n + to - 1) / to * to;
}

static double at(const struct tensor *tensor, int64_t i)
{
    return tensor_get(tensor, shape_count(&tensor->shape) > 1 ? i : 0);
}

/*
 * Four vectors of 16 sums become 64 bytes by packing pairs, which goes by 128-bit lanes. So
 * that the bytes come out in order, place j 16 + l 4 + i among 64 computes l 16 + j 4 + i.
 */
static int64_t computed_at(const struct integer_conv *conv, int64_t place)
{
    int64_t first = place / 64 * 64, p = place % 64;
    if (first + 64 > up(conv->padded_O, LANES) || !conv->packed)
        return place;
    return first + p % 16 / 4 * 16 + p / 16 * 4 + p % 4;
}

/* Weight of output o, input channel c, tap t, signed; and its zero point. */
static int weight(const struct integer_conv *conv, const struct tensor *w, int64_t o, int64_t c,
                  int64_t t)
{
    int64_t taps = conv->kernel[0] * conv->kernel[1], inputs = conv->depthwise ? 1 : conv->C;
    int value = (int)tensor_get_int(w, (o * inputs + c) * taps + t);
    return w->dtype == DTYPE_U8 ? value - 128 : value;
}

/* [tiles of up to 64 outputs][tap][C/4][blocks of 16][16][4], in the order of places */
static void pack(struct integer_conv *conv, const struct tensor *w)
{
    int64_t taps = conv->kernel[0] * conv->kernel[1], blocks = up(conv->O, LANES) / LANES;
    int8_t *to = conv->packed;
    for (int64_t b = 0; b < blocks; b += integer_width(blocks, b))
        for (int64_t t = 0; t < taps; t++)
            for (int64_t c = 0; c < conv->padded_C; c += 4)
                for (int64_t lane = 0; lane < LANES * integer_width(blocks, b); lane++)
                    for (int64_t k = 0; k < 4; k++, to++) {
                        int64_t o = computed_at(conv, b * LANES + lane);
                        if (o < conv->O && c + k < conv->C)
                            *to = (int8_t)weight(conv, w, o, c + k, t);
                    }
}

/* Depthwise: [blocks of 16 channels][groups of 4 taps][16][4], zero behind the last tap. */
static void pack_depthwise(struct integer_conv *conv, const struct tensor *w)
{
    int64_t taps = conv->kernel[0] * conv->kernel[1];
    int8_t *to = conv->packed;
    for (int64_t c = 0; c < conv->padded_C; c += LANES)
        for (int64_t t = 0; t < up(taps, 4); t += 4)
            for (int64_t lane = 0; lane < LANES; lane++)
                for (int64_t k = 0; k < 4; k++, to++) {
                    int64_t o = computed_at(conv, c + lane);
                    if (o < conv->C && t + k < taps)
                        *to = (int8_t)weight(conv, w, o, 0, t + k);
                }
}

/* [blocks of 16][tap][C][16], or [tap][C] when depthwise. */
static void pack_float(struct integer_conv *conv, const struct tensor *w)
{
    int64_t taps = conv->kernel[0] * conv->kernel[1], blocks = up(conv->O, LANES) / LANES;
    float *to = conv->packed_float;
    for (int64_t t = 0; conv->depthwise && t < taps; t++)
        for (int64_t c = 0; c < conv->padded_C; c++, to++)
            *to = c < conv->C ? (float)weight(conv, w, c, 0, t) : 0;
    for (int64_t b = 0; !conv->depthwise && b < blocks; b++)
        for (int64_t t = 0; t < taps; t++)
            for (int64_t c = 0; c < conv->padded_C; c++)
                for (int64_t lane = 0; lane < LANES; lane++, to++) {
                    int64_t o = b * LANES + lane;
                    if (o < conv->O && c < conv->C)
                        *to = (float)weight(conv, w, o, c, t);
                }
}

/* All that does not depend on x, in the order in which outputs are computed. */
static void constants(struct integer_conv *conv, const struct tensor *w,
                      const struct tensor *x_scale, const struct tensor *w_scale,
                      const struct tensor *w_zero, const struct tensor *y_scale,
                      const struct tensor *bias)
{
    int64_t taps = conv->kernel[0] * conv->kernel[1], inputs = conv->depthwise ? 1 : conv->C;
    for (int64_t place = 0; place < conv->padded_O; place++) {
        int64_t o = computed_at(conv, place), sum = 0;
        if (o >= conv->O)
            continue;
        for (int64_t c = 0; c < inputs; c++)
            for (int64_t t = 0; t < taps; t++)
                sum += weight(conv, w, o, c, t);
        int64_t zero = (int64_t)at(w_zero, o) - (w->dtype == DTYPE_U8 ? 128 : 0);
        conv->w_zero[place] = (int32_t)zero;
        conv->window_sums |= zero != 0;
        conv->bias[place] = (int32_t)((bias ? (int64_t)at(bias, o) : 0) - conv->x_zero * sum +
                                      taps * inputs * conv->x_zero * zero);
        conv->multiplier[place] =
            (float)at(x_scale, 0) * (float)at(w_scale, o) / (float)at(y_scale, 0);
    }
}

void integer_conv_prepare(struct integer_conv *conv, struct arena *arena,
                          const struct tensor *w, const struct tensor *x_scale,
                          const struct tensor *w_scale, const struct tensor *w_zero,
                          const struct tensor *y_scale, const struct tensor *bias)
{
    int64_t outputs = conv->padded_O = up(conv->O, LANES);
    int64_t taps = conv->kernel[0] * conv->kernel[1];
    conv->padded_H = conv->H + conv->pad[0] + conv->pad[2];
    conv->padded_W = conv->W + conv->pad[1] + conv->pad[3];
    conv->padded_C = conv->depthwise ? outputs : up(conv->C, 4);
    conv->copies = conv->padded_H != conv->H || conv->padded_W != conv->W ||
                   conv->padded_C != conv->C || conv->x_dtype == DTYPE_I8;
    conv->bias = arena_alloc(arena, (size_t)outputs * sizeof(int32_t));
    conv->w_zero = arena_alloc(arena, (size_t)outputs * sizeof(int32_t));
    conv->multiplier = arena_alloc(arena, (size_t)outputs * sizeof(float));
    if (!integer_has_vnni()) {
        int64_t count = (conv->depthwise ? 1 : outputs) * taps * conv->padded_C;
        conv->packed_float = arena_alloc(arena, (size_t)count * sizeof(float));
        pack_float(conv, w);
    } else if (conv->depthwise) {
        conv->packed = arena_alloc(arena, (size_t)(outputs * up(taps, 4)));
        pack_depthwise(conv, w);
    } else {
        conv->packed = arena_alloc(arena, (size_t)(outputs * taps * conv->padded_C));
        pack(conv, w);
    }
    constants(conv, w, x_scale, w_scale, w_zero, y_scale, bias);
    int64_t pixels = conv->padded_H * conv->padded_W;
    size_t picture = (size_t)up(pixels * conv->padded_C + 64, 64);
    size_t sums = (size_t)(conv->depthwise ? 0 : pixels + conv->OH * conv->OW) * sizeof(int32_t);
    conv->scratch_bytes = (conv->copies ? picture : 0) + (conv->window_sums ? sums : 0) + 64;
}

SIMD_CLONES
static void flip_sign(const uint8_t *restrict x, uint8_t *restrict out, int64_t count)
{
    for (int64_t i = 0; i < count; i++)
        out[i] = x[i] ^ 128;
}

/* Pictures: one padding byte a pixel. */
static void copy_three(const uint8_t *restrict x, uint8_t *restrict out, int64_t pixels,
                       uint8_t flip)
{
    for (int64_t i = 0; i < pixels; i++) {
        out[4 * i] = x[3 * i] ^ flip;
        out[4 * i + 1] = x[3 * i + 1] ^ flip;
        out[4 * i + 2] = x[3 * i + 2] ^ flip;
        out[4 * i + 3] = 0;
    }
}

static void copy_bytes(const struct integer_conv *conv, const uint8_t *x, uint8_t *out,
                       int64_t count)
{
    if (conv->x_dtype == DTYPE_I8)
        flip_sign(x, out, count);
    else
        memcpy(out, x, (size_t)count);
}

/* Pixels of borders hold the zero point, padding channels 0. */
static void fill_border(const struct integer_conv *conv, uint8_t *out, int64_t pixels)
{
    int64_t C = conv->C, P = conv->padded_C;
    if (C == P) {
        memset(out, conv->x_zero, (size_t)(pixels * P));
        return;
    }
    for (int64_t i = 0; i < pixels; i++, out += P) {
        memset(out, conv->x_zero, (size_t)C);
        memset(out + C, 0, (size_t)(P - C));
    }
}

static void copy_row(const struct integer_conv *conv, const uint8_t *x, uint8_t *out)
{
    int64_t C = conv->C, P = conv->padded_C;
    if (C == P) {
        copy_bytes(conv, x, out, conv->W * C);
        return;
    }
    if (C == 3 && P == 4) {
        copy_three(x, out, conv->W, conv->x_dtype == DTYPE_I8 ? 128 : 0);
        return;
    }
    for (int64_t w = 0; w < conv->W; w++, x += C, out += P) {
        copy_bytes(conv, x, out, C);
        memset(out + C, 0, (size_t)(P - C));
    }
}

/* The padded picture. */
static void copy_picture(const struct integer_conv *conv, const uint8_t *x, uint8_t *out)
{
    int64_t P = conv->padded_C, row = conv->padded_W * P;
    fill_border(conv, out, conv->pad[0] * conv->padded_W);
    out += conv->pad[0] * row;
    for (int64_t h = 0; h < conv->H; h++, out += row) {
        fill_border(conv, out, conv->pad[1]);
        copy_row(conv, x + h * conv->W * conv->C, out + conv->pad[1] * P);
        fill_border(conv, out + (conv->pad[1] + conv->W) * P, conv->pad[3]);
    }
    fill_border(conv, out, conv->pad[2] * conv->padded_W);
}

/* Sum of x under every window. */
SIMD_CLONES
static void sum_pixels(const uint8_t *restrict x, int32_t *restrict pixels, int64_t count,
                       int64_t P)
{
    for (int64_t i = 0; i < count; i++) {
        int32_t sum = 0;
        for (int64_t c = 0; c < P; c++)
            sum += x[i * P + c];
        pixels[i] = sum;
    }
}

static void sum_windows(const struct integer_conv *conv, const uint8_t *x, int32_t *pixels,
                        int32_t *sums)
{
    int64_t W = conv->padded_W;
    sum_pixels(x, pixels, conv->padded_H * W, conv->padded_C);
    for (int64_t oh = 0; oh < conv->OH; oh++)
        for (int64_t ow = 0; ow < conv->OW; ow++) {
            int32_t sum = 0;
            for (int64_t i = 0; i < conv->kernel[0]; i++)
                for (int64_t k = 0; k < conv->kernel[1]; k++)
                    sum += pixels[(oh * conv->stride[0] + i * conv->dilation[0]) * W +
                                  ow * conv->stride[1] + k * conv->dilation[1]];
            sums[oh * conv->OW + ow] = sum;
        }
}

/* The last step of 16 outputs of one pixel, from channel `o` on. */
static inline void finish(const struct integer_conv *conv, int64_t o, const int32_t *acc,
                          uint8_t *y, uint8_t *inside)
{
    int64_t n = conv->O - o < LANES ? conv->O - o : LANES;
    for (int64_t k = 0; k < n; k++) {
        float f = rintf((float)acc[k] * conv->multiplier[o + k]);
        float clipped = f < conv->low ? conv->low : f > conv->high ? conv->high : f;
        y[k] = (uint8_t)((int)clipped + conv->y_zero);
        if (inside)
            inside[k] = f == clipped;
    }
}

typedef float v16f __attribute__((vector_size(64)));
typedef int32_t v16i __attribute__((vector_size(64)));
typedef uint8_t v16b __attribute__((vector_size(16)));

/* Through pointers: a vector as a return value would depend on the compiler's flags. */
static inline void widen(const uint8_t *x, v16f *out)
{
    v16b bytes;
    memcpy(&bytes, x, sizeof bytes);
    *out = __builtin_convertvector(__builtin_convertvector(bytes, v16i), v16f);
}

static inline void load(const float *x, v16f *out)
{
    memcpy(out, x, sizeof *out);
}

/* Products of bytes and their sums over a window stay below 2^24: float is exact. */
SIMD_CLONES
static void depthwise(const struct integer_conv *conv, const uint8_t *x, uint8_t *y,
                      uint8_t *inside)
{
    int64_t P = conv->padded_C, row = conv->padded_W * P;
    for (int64_t oh = 0; oh < conv->OH; oh++)
        for (int64_t ow = 0; ow < conv->OW; ow++)
            for (int64_t c = 0; c < conv->C; c += LANES) {
                const uint8_t *from = x + oh * conv->stride[0] * row +
                                      ow * conv->stride[1] * P + c;
                const float *w = conv->packed_float + c;
                v16f sum = {0}, all = {0};
                for (int64_t i = 0; i < conv->kernel[0]; i++)
                    for (int64_t k = 0; k < conv->kernel[1]; k++, w += P) {
                        v16f v, weights;
                        widen(from + i * conv->dilation[0] * row + k * conv->dilation[1] * P,
                              &v);
                        load(w, &weights);
                        sum += v * weights;
                        all += v;
                    }
                v16i acc = __builtin_convertvector(sum, v16i);
                v16i total = __builtin_convertvector(all, v16i), bias, zero;
                memcpy(&bias, conv->bias + c, sizeof bias);
                memcpy(&zero, conv->w_zero + c, sizeof zero);
                acc += bias - zero * total;
                int32_t lanes[LANES];
                memcpy(lanes, &acc, sizeof lanes);
                int64_t to = (oh * conv->OW + ow) * conv->C + c;
                finish(conv, c, lanes, y + to, inside ? inside + to : NULL);
            }
}

/* Without byte products: floats over at most 256 of them, which is exact, then int32. */
SIMD_CLONES
static void dense(const struct integer_conv *conv, const uint8_t *x, const int32_t *sums,
                  uint8_t *y, uint8_t *inside)
{
    enum { CHUNK = 256 };
    int64_t P = conv->padded_C, row = conv->padded_W * P;
    for (int64_t o = 0; o < conv->O; o += LANES)
        for (int64_t p = 0; p < conv->OH * conv->OW; p++) {
            const uint8_t *from = x + p / conv->OW * conv->stride[0] * row +
                                  p % conv->OW * conv->stride[1] * P;
            const float *w = conv->packed_float +
                             o * conv->kernel[0] * conv->kernel[1] * P;
            v16i acc = {0}, bias, zero;
            for (int64_t i = 0; i < conv->kernel[0]; i++)
                for (int64_t k = 0; k < conv->kernel[1]; k++) {
                    const uint8_t *tap =
                        from + i * conv->dilation[0] * row + k * conv->dilation[1] * P;
                    for (int64_t c = 0; c < P; c += CHUNK) {
                        v16f sum = {0}, weights;
                        for (int64_t j = c; j < P && j < c + CHUNK; j++, w += LANES) {
                            load(w, &weights);
                            sum += (float)tap[j] * weights;
                        }
                        acc += __builtin_convertvector(sum, v16i);
                    }
                }
            memcpy(&bias, conv->bias + o, sizeof bias);
            memcpy(&zero, conv->w_zero + o, sizeof zero);
            acc += bias - (sums ? zero * sums[p] : zero - zero);
            int32_t lanes[LANES];
            memcpy(lanes, &acc, sizeof lanes);
            finish(conv, o, lanes, y + p * conv->O + o, inside ? inside + p * conv->O + o : NULL);
        }
}

void integer_conv_run(const struct integer_conv *conv, const uint8_t *x, uint8_t *y,
                      uint8_t *inside, void *scratch)
{
    int64_t pixels = conv->padded_H * conv->padded_W, outs = conv->OH * conv->OW;
    uint8_t *picture = scratch;
    size_t after = conv->copies ? (size_t)up(pixels * conv->padded_C + 64, 64) : 0;
    int32_t *per_pixel = (int32_t *)(void *)((char *)scratch + after);
    int32_t *sums = conv->window_sums && !conv->depthwise ? per_pixel + pixels : NULL;
    for (int64_t n = 0; n < conv->N; n++) {
        const uint8_t *from = x + n * conv->H * conv->W * conv->C;
        uint8_t *to = y + n * outs * conv->O, *in = inside ? inside + n * outs * conv->O : NULL;
        if (conv->copies)
            copy_picture(conv, from, picture);
        const uint8_t *read = conv->copies ? picture : from;
        if (sums)
            sum_windows(conv, read, per_pixel, sums);
        if (conv->depthwise && conv->packed)
            integer_depthwise_vnni(conv, read, to, in);
        else if (conv->depthwise)
            depthwise(conv, read, to, in);
        else if (conv->packed)
            integer_dense_vnni(conv, read, sums, to, in);
        else
            dense(conv, read, sums, to, in);
    }
}
