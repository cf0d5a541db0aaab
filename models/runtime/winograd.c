#include "models/runtime/winograd.h"

#include "models/runtime/layout.h"

#include <string.h>

#if defined(__x86_64__)
#include <immintrin.h>

#define WIDE __attribute__((target("avx512f")))
#define WIDE_INLINE __attribute__((target("avx512f"), always_inline)) static inline

enum { LANES = 16, TILE = 4, PATCH = 6, PRODUCTS = PATCH * PATCH };

/* The points are 0, +-P, +-Q and infinity. */
#define P 0.625f
#define Q 1.5f

bool winograd_can(void)
{
    return __builtin_cpu_supports("avx512f") &&
           dnnl_get_effective_cpu_isa() >= dnnl_cpu_isa_avx512_core;
}

/* Blocks of outputs that one step of the products computes together: 4, 4, ..., the rest. */
static int64_t group_width(int64_t blocks, int64_t first)
{
    return blocks - first < 4 ? blocks - first : 4;
}

/* Tiles that it computes together: as many sums as fit into registers. */
static int64_t group_tiles(int64_t width)
{
    return width > 2 ? 4 : 8;
}

/* From one product of a chunk to the next: an odd number of cache lines, since powers of two
 * would fall into the same few places of the cache. */
static int64_t step_of(const struct winograd *w, int64_t channels)
{
    return w->chunk * channels + LANES;
}

void winograd_prepare(struct winograd *w)
{
    enum { SCRATCH = 256 * 1024 }; /* what a second-level cache holds besides the weights */
    w->padded_C = (w->C + LANES - 1) / LANES * LANES;
    w->padded_O = (w->O + LANES - 1) / LANES * LANES;
    w->rows = (w->OH + TILE - 1) / TILE;
    w->columns = (w->OW + TILE - 1) / TILE;
    int64_t tiles = (w->N * w->rows * w->columns + 7) / 8 * 8;
    w->chunk = SCRATCH / (PRODUCTS * (w->padded_C + w->padded_O) * (int64_t)sizeof(float)) / 8 * 8;
    int64_t least = w->gradient ? 48 : 8;
    w->chunk = w->chunk < least ? least : w->chunk;
    w->chunk = w->chunk > tiles ? tiles : w->chunk;
    w->weight_floats = (size_t)(PRODUCTS * w->padded_C * w->padded_O);
    w->scratch_bytes = (size_t)(PRODUCTS * (step_of(w, w->padded_C) + step_of(w, w->padded_O))) *
                       sizeof(float);
    if (w->gradient)
        w->scratch_bytes += w->weight_floats * sizeof(float);
}

/* Where the weight of (product, c, o) lies: groups of outputs, each [C][width * 16]. */
static int64_t weight_place(const struct winograd *w, int64_t product, int64_t c, int64_t o)
{
    int64_t first = o / (4 * LANES) * 4, width = group_width(w->padded_O / LANES, first);
    return product * w->padded_C * w->padded_O + first * LANES * w->padded_C +
           c * width * LANES + o - first * LANES;
}

/* G g: three numbers at the points. */
WIDE_INLINE void kernel_line(__m512 a, __m512 b, __m512 c, __m512 out[PATCH])
{
    const float pp = P * P, qq = Q * Q;
    const float n0 = 1 / (pp * qq), n1 = 1 / (2 * pp * (pp - qq)), n2 = 1 / (2 * qq * (qq - pp));
    __m512 even = _mm512_fmadd_ps(_mm512_set1_ps(pp), c, a);
    __m512 odd = _mm512_mul_ps(_mm512_set1_ps(P), b);
    out[0] = _mm512_mul_ps(_mm512_set1_ps(n0), a);
    out[1] = _mm512_mul_ps(_mm512_set1_ps(n1), _mm512_add_ps(even, odd));
    out[2] = _mm512_mul_ps(_mm512_set1_ps(n1), _mm512_sub_ps(even, odd));
    even = _mm512_fmadd_ps(_mm512_set1_ps(qq), c, a);
    odd = _mm512_mul_ps(_mm512_set1_ps(Q), b);
    out[3] = _mm512_mul_ps(_mm512_set1_ps(n2), _mm512_add_ps(even, odd));
    out[4] = _mm512_mul_ps(_mm512_set1_ps(n2), _mm512_sub_ps(even, odd));
    out[5] = c;
}

/* The kernels of one input and sixteen outputs, `stride` floats apart; absent ones are 0. */
WIDE static void transform_kernels(const float *g, int64_t stride, __mmask16 there, bool turned,
                                   float *out, int64_t step)
{
    __m512i lanes = _mm512_set_epi32(15, 14, 13, 12, 11, 10, 9, 8, 7, 6, 5, 4, 3, 2, 1, 0);
    __m512i at = _mm512_mullo_epi32(lanes, _mm512_set1_epi32((int)stride));
    __m512 kernel[9], half[3][PATCH];
    for (int k = 0; k < 9; k++)
        kernel[k] = _mm512_mask_i32gather_ps(_mm512_setzero_ps(), there, at,
                                             g + (turned ? 8 - k : k), sizeof *g);
    for (int j = 0; j < 3; j++)
        kernel_line(kernel[j], kernel[3 + j], kernel[6 + j], half[j]);
    for (int i = 0; i < PATCH; i++) {
        __m512 line[PATCH];
        kernel_line(half[0][i], half[1][i], half[2][i], line);
        for (int j = 0; j < PATCH; j++)
            _mm512_storeu_ps(out + (i * PATCH + j) * step, line[j]);
    }
}

void winograd_weights(const struct winograd *w, const float *weights, bool turned, float *out)
{
    int64_t step = w->padded_C * w->padded_O;
    for (int64_t o = 0; o < w->padded_O; o += LANES)
        for (int64_t c = 0; c < w->padded_C; c++) {
            int64_t n = c >= w->C ? 0 : w->O - o < LANES ? w->O - o : LANES;
            const float *g = weights + (n ? 9 * (turned ? c * w->O + o : o * w->C + c) : 0);
            transform_kernels(g, turned ? 9 : 9 * w->C, (__mmask16)((1u << n) - 1), turned,
                              out + weight_place(w, 0, c, o), step);
        }
}

/* B^T d: six numbers at the points. */
WIDE_INLINE void input_line(const __m512 d[PATCH], __m512 out[PATCH])
{
    const __m512 pp = _mm512_set1_ps(P * P), qq = _mm512_set1_ps(Q * Q);
    const __m512 sum = _mm512_set1_ps(P * P + Q * Q), product = _mm512_set1_ps(P * P * Q * Q);
    const __m512 p = _mm512_set1_ps(P), q = _mm512_set1_ps(Q);
    __m512 even = _mm512_fnmadd_ps(qq, d[2], d[4]), odd = _mm512_fnmadd_ps(qq, d[1], d[3]);
    out[1] = _mm512_fmadd_ps(p, odd, even);
    out[2] = _mm512_fnmadd_ps(p, odd, even);
    even = _mm512_fnmadd_ps(pp, d[2], d[4]);
    odd = _mm512_fnmadd_ps(pp, d[1], d[3]);
    out[3] = _mm512_fmadd_ps(q, odd, even);
    out[4] = _mm512_fnmadd_ps(q, odd, even);
    out[0] = _mm512_fmadd_ps(product, d[0], _mm512_fnmadd_ps(sum, d[2], d[4]));
    out[5] = _mm512_fmadd_ps(product, d[1], _mm512_fnmadd_ps(sum, d[3], d[5]));
}

/* A^T m: four outputs from six products. */
WIDE_INLINE void output_line(const __m512 m[PATCH], __m512 out[TILE])
{
    __m512 s = _mm512_add_ps(m[1], m[2]), d = _mm512_sub_ps(m[1], m[2]);
    __m512 t = _mm512_add_ps(m[3], m[4]), e = _mm512_sub_ps(m[3], m[4]);
    out[0] = _mm512_add_ps(m[0], _mm512_add_ps(s, t));
    out[1] = _mm512_fmadd_ps(_mm512_set1_ps(P), d, _mm512_mul_ps(_mm512_set1_ps(Q), e));
    out[2] = _mm512_fmadd_ps(_mm512_set1_ps(P * P), s, _mm512_mul_ps(_mm512_set1_ps(Q * Q), t));
    out[3] = _mm512_fmadd_ps(_mm512_set1_ps(P * P * P), d,
                             _mm512_fmadd_ps(_mm512_set1_ps(Q * Q * Q), e, m[5]));
}

struct place {
    int64_t n, y, x;         /* of a tile's first output */
};

static struct place place_of(const struct winograd *w, int64_t tile)
{
    int64_t in_plane = w->rows * w->columns, at = tile % in_plane;
    return (struct place){tile / in_plane, at / w->columns * TILE, at % w->columns * TILE};
}

/* The patch of a tile, with zeros outside the plane. */
WIDE static void copy_patch(const struct winograd *w, const float *plane, int64_t y, int64_t x,
                            float *patch)
{
    for (int64_t i = 0; i < PATCH; i++)
        for (int64_t j = 0; j < PATCH; j++) {
            bool inside = y + i >= 0 && y + i < w->H && x + j >= 0 && x + j < w->W;
            __m512 v = inside ? _mm512_loadu_ps(plane + ((y + i) * w->W + x + j) * LANES)
                              : _mm512_setzero_ps();
            _mm512_storeu_ps(patch + (i * PATCH + j) * LANES, v);
        }
}

/* One tile and block of channels to its 36 places, `step` floats apart. */
WIDE static void transform_input(const float *d, int64_t row, float *out, int64_t step)
{
    __m512 half[PATCH][PATCH];
    for (int j = 0; j < PATCH; j++) {
        __m512 line[PATCH], at[PATCH];
        for (int i = 0; i < PATCH; i++)
            line[i] = _mm512_loadu_ps(d + i * row + j * LANES);
        input_line(line, at);
        for (int i = 0; i < PATCH; i++)
            half[i][j] = at[i];
    }
    for (int i = 0; i < PATCH; i++) {
        __m512 at[PATCH];
        input_line(half[i], at);
        for (int j = 0; j < PATCH; j++)
            _mm512_storeu_ps(out + (i * PATCH + j) * step, at[j]);
    }
}

WIDE static void inputs(const struct winograd *w, const float *x, int64_t first, int64_t n,
                        float *out)
{
    int64_t step = step_of(w, w->padded_C), plane = w->H * w->W * LANES;
    for (int64_t i = 0; i < n; i++) {
        struct place at = place_of(w, first + i);
        int64_t top = at.y - w->top, left = at.x - w->left;
        bool inside = top >= 0 && left >= 0 && top + PATCH <= w->H && left + PATCH <= w->W;
        for (int64_t b = 0; b < w->padded_C / LANES; b++) {
            const float *from = x + (at.n * (w->padded_C / LANES) + b) * plane;
            float patch[PRODUCTS * LANES], *to = out + i * w->padded_C + b * LANES;
            if (inside) {
                transform_input(from + (top * w->W + left) * LANES, w->W * LANES, to, step);
            } else {
                copy_patch(w, from, top, left, patch);
                transform_input(patch, PATCH * LANES, to, step);
            }
        }
    }
}

/* out[tiles][width * 16] = in[tiles][C] weights[C][width * 16] */
WIDE_INLINE void multiply(const float *in, int64_t C, const float *weights, float *out,
                          int64_t out_row, const int tiles, const int width)
{
    __m512 sum[8][4];
    for (int t = 0; t < tiles; t++)
        for (int b = 0; b < width; b++)
            sum[t][b] = _mm512_setzero_ps();
    for (int64_t c = 0; c < C; c++, weights += width * LANES) {
        __m512 w[4];
        for (int b = 0; b < width; b++)
            w[b] = _mm512_loadu_ps(weights + b * LANES);
        for (int t = 0; t < tiles; t++) {
            __m512 x = _mm512_set1_ps(in[t * C + c]);
            for (int b = 0; b < width; b++)
                sum[t][b] = _mm512_fmadd_ps(x, w[b], sum[t][b]);
        }
    }
    for (int t = 0; t < tiles; t++)
        for (int b = 0; b < width; b++)
            _mm512_storeu_ps(out + t * out_row + b * LANES, sum[t][b]);
}

WIDE static void multiply_group(const float *in, int64_t C, const float *weights, float *out,
                                int64_t out_row, int64_t width)
{
    switch (width) {
    case 1: multiply(in, C, weights, out, out_row, 8, 1); break;
    case 2: multiply(in, C, weights, out, out_row, 8, 2); break;
    case 3: multiply(in, C, weights, out, out_row, 4, 3); break;
    default: multiply(in, C, weights, out, out_row, 4, 4); break;
    }
}

static void products(const struct winograd *w, const float *in, const float *weights,
                     int64_t n, float *out)
{
    int64_t blocks = w->padded_O / LANES;
    for (int64_t k = 0; k < PRODUCTS; k++)
        for (int64_t b = 0; b < blocks; b += 4) {
            int64_t width = group_width(blocks, b), tiles = group_tiles(width);
            for (int64_t t = 0; t < n; t += tiles)
                multiply_group(in + k * step_of(w, w->padded_C) + t * w->padded_C, w->padded_C,
                               weights + weight_place(w, k, 0, b * LANES),
                               out + k * step_of(w, w->padded_O) + t * w->padded_O + b * LANES,
                               w->padded_O,
                               width);
        }
}

/* One tile and block of outputs; rows and columns past the plane's end are left out. */
WIDE static void transform_output(const struct winograd *w, const float *in, int64_t step,
                                  __m512 bias, const float *residual, float *y, int64_t height,
                                  int64_t width)
{
    __m512 half[TILE][PATCH];
    __m512 low = _mm512_set1_ps(w->low), high = _mm512_set1_ps(w->high);
    for (int j = 0; j < PATCH; j++) {
        __m512 line[PATCH], at[TILE];
        for (int i = 0; i < PATCH; i++)
            line[i] = _mm512_loadu_ps(in + (i * PATCH + j) * step);
        output_line(line, at);
        for (int i = 0; i < TILE; i++)
            half[i][j] = at[i];
    }
    for (int64_t i = 0; i < height; i++) {
        __m512 at[TILE];
        output_line(half[i], at);
        for (int64_t j = 0; j < width; j++) {
            int64_t place = (i * w->OW + j) * LANES;
            __m512 sum = _mm512_add_ps(at[j], bias);
            if (residual)
                sum = _mm512_add_ps(sum, _mm512_loadu_ps(residual + place));
            /* The second operand is the result where one is not a number. */
            sum = _mm512_min_ps(high, _mm512_max_ps(low, sum));
            _mm512_storeu_ps(y + place, sum);
        }
    }
}

WIDE static void outputs(const struct winograd *w, const float *in, int64_t first, int64_t n,
                         const float *bias, const float *residual, float *y)
{
    int64_t step = step_of(w, w->padded_O), blocks = w->padded_O / LANES;
    for (int64_t i = 0; i < n; i++) {
        struct place at = place_of(w, first + i);
        int64_t height = w->OH - at.y < TILE ? w->OH - at.y : TILE;
        int64_t width = w->OW - at.x < TILE ? w->OW - at.x : TILE;
        for (int64_t b = 0; b < blocks; b++) {
            int64_t place = (((at.n * blocks + b) * w->OH + at.y) * w->OW + at.x) * LANES;
            __m512 shift = bias ? _mm512_loadu_ps(bias + b * LANES) : _mm512_setzero_ps();
            transform_output(w, in + i * w->padded_O + b * LANES, step, shift,
                             residual ? residual + place : NULL, y + place, height, width);
        }
    }
}

/* A dy: four gradients at the points. */
WIDE_INLINE void gradient_line(const __m512 y[TILE], __m512 out[PATCH])
{
    __m512 even = _mm512_fmadd_ps(_mm512_set1_ps(P * P), y[2], y[0]);
    __m512 odd = _mm512_fmadd_ps(_mm512_set1_ps(P * P * P), y[3],
                                 _mm512_mul_ps(_mm512_set1_ps(P), y[1]));
    out[0] = y[0];
    out[1] = _mm512_add_ps(even, odd);
    out[2] = _mm512_sub_ps(even, odd);
    even = _mm512_fmadd_ps(_mm512_set1_ps(Q * Q), y[2], y[0]);
    odd = _mm512_fmadd_ps(_mm512_set1_ps(Q * Q * Q), y[3],
                          _mm512_mul_ps(_mm512_set1_ps(Q), y[1]));
    out[3] = _mm512_add_ps(even, odd);
    out[4] = _mm512_sub_ps(even, odd);
    out[5] = y[3];
}

/* One tile and block of the gradient, with zeros past the plane's end. */
WIDE static void transform_gradient(const float *dy, int64_t row, int64_t height, int64_t width,
                                    float *out, int64_t step)
{
    __m512 half[TILE][PATCH];
    for (int64_t i = 0; i < TILE; i++) {
        __m512 line[TILE];
        for (int64_t j = 0; j < TILE; j++)
            line[j] = i < height && j < width ? _mm512_loadu_ps(dy + i * row + j * LANES)
                                              : _mm512_setzero_ps();
        gradient_line(line, half[i]);
    }
    for (int j = 0; j < PATCH; j++) {
        __m512 line[TILE] = {half[0][j], half[1][j], half[2][j], half[3][j]}, at[PATCH];
        gradient_line(line, at);
        for (int i = 0; i < PATCH; i++)
            _mm512_storeu_ps(out + (i * PATCH + j) * step, at[i]);
    }
}

static void gradients(const struct winograd *w, const float *dy, int64_t first, int64_t n,
                      float *out)
{
    int64_t step = step_of(w, w->padded_O), blocks = w->padded_O / LANES;
    for (int64_t i = 0; i < n; i++) {
        struct place at = place_of(w, first + i);
        int64_t height = w->OH - at.y, width = w->OW - at.x;
        for (int64_t b = 0; b < blocks; b++)
            transform_gradient(
                dy + (((at.n * blocks + b) * w->OH + at.y) * w->OW + at.x) * LANES,
                w->OW * LANES, height, width, out + i * w->padded_O + b * LANES, step);
    }
}

/* out[rows][width * 16] += in[n][rows]' dy[n][width * 16] */
WIDE_INLINE void multiply_turned(const float *in, int64_t in_row, const float *dy,
                                 int64_t dy_row, int64_t n, float *out, int64_t out_row,
                                 const int rows, const int width)
{
    __m512 sum[8][4];
    for (int c = 0; c < rows; c++)
        for (int b = 0; b < width; b++)
            sum[c][b] = _mm512_loadu_ps(out + c * out_row + b * LANES);
    for (int64_t t = 0; t < n; t++, in += in_row, dy += dy_row) {
        __m512 g[4];
        for (int b = 0; b < width; b++)
            g[b] = _mm512_loadu_ps(dy + b * LANES);
        for (int c = 0; c < rows; c++) {
            __m512 x = _mm512_set1_ps(in[c]);
            for (int b = 0; b < width; b++)
                sum[c][b] = _mm512_fmadd_ps(x, g[b], sum[c][b]);
        }
    }
    for (int c = 0; c < rows; c++)
        for (int b = 0; b < width; b++)
            _mm512_storeu_ps(out + c * out_row + b * LANES, sum[c][b]);
}

/* out [PRODUCTS][C][O] */
WIDE static void add_products(const struct winograd *w, const float *in, const float *dy,
                              int64_t n, float *out)
{
    int64_t C = w->padded_C, O = w->padded_O, blocks = O / LANES;
    for (int64_t k = 0; k < PRODUCTS; k++)
        for (int64_t b = 0; b < blocks; b += group_width(blocks, b)) {
            int64_t width = group_width(blocks, b), rows = group_tiles(width);
            for (int64_t c = 0; c < C; c += rows) {
                const float *x = in + k * step_of(w, C) + c;
                const float *g = dy + k * step_of(w, O) + b * LANES;
                float *to = out + (k * C + c) * O + b * LANES;
                switch (width) {
                case 1: multiply_turned(x, C, g, O, n, to, O, 8, 1); break;
                case 2: multiply_turned(x, C, g, O, n, to, O, 8, 2); break;
                case 3: multiply_turned(x, C, g, O, n, to, O, 4, 3); break;
                default: multiply_turned(x, C, g, O, n, to, O, 4, 4); break;
                }
            }
        }
}

/* G' u: three taps from six points. */
WIDE_INLINE void tap_line(const __m512 u[PATCH], __m512 out[3])
{
    const float pp = P * P, qq = Q * Q;
    const float n0 = 1 / (pp * qq), n1 = 1 / (2 * pp * (pp - qq)), n2 = 1 / (2 * qq * (qq - pp));
    __m512 s = _mm512_mul_ps(_mm512_set1_ps(n1), _mm512_add_ps(u[1], u[2]));
    __m512 d = _mm512_mul_ps(_mm512_set1_ps(n1 * P), _mm512_sub_ps(u[1], u[2]));
    __m512 t = _mm512_mul_ps(_mm512_set1_ps(n2), _mm512_add_ps(u[3], u[4]));
    __m512 e = _mm512_mul_ps(_mm512_set1_ps(n2 * Q), _mm512_sub_ps(u[3], u[4]));
    out[0] = _mm512_fmadd_ps(_mm512_set1_ps(n0), u[0], _mm512_add_ps(s, t));
    out[1] = _mm512_add_ps(d, e);
    out[2] = _mm512_fmadd_ps(_mm512_set1_ps(pp), s,
                             _mm512_fmadd_ps(_mm512_set1_ps(qq), t, u[5]));
}

/* The kernels of one input and sixteen outputs, `stride` floats apart. */
WIDE static void transform_taps(const float *u, int64_t step, float *dw, int64_t stride,
                                __mmask16 there)
{
    __m512i lanes = _mm512_set_epi32(15, 14, 13, 12, 11, 10, 9, 8, 7, 6, 5, 4, 3, 2, 1, 0);
    __m512i at = _mm512_mullo_epi32(lanes, _mm512_set1_epi32((int)stride));
    __m512 half[PATCH][3];
    for (int i = 0; i < PATCH; i++) {
        __m512 line[PATCH];
        for (int j = 0; j < PATCH; j++)
            line[j] = _mm512_loadu_ps(u + (i * PATCH + j) * step);
        tap_line(line, half[i]);
    }
    for (int j = 0; j < 3; j++) {
        __m512 line[PATCH], taps[3];
        for (int i = 0; i < PATCH; i++)
            line[i] = half[i][j];
        tap_line(line, taps);
        for (int i = 0; i < 3; i++)
            _mm512_mask_i32scatter_ps(dw + 3 * i + j, there, at, taps[i], sizeof *dw);
    }
}

void winograd_gradient(const struct winograd *w, const float *x, const float *dy, float *dw,
                       void *scratch)
{
    int64_t C = w->padded_C, O = w->padded_O, tiles = w->N * w->rows * w->columns;
    float *sums = scratch, *in = sums + w->weight_floats, *out = in + PRODUCTS * step_of(w, C);
    memset(sums, 0, w->weight_floats * sizeof *sums);
    for (int64_t first = 0; first < tiles; first += w->chunk) {
        int64_t n = tiles - first < w->chunk ? tiles - first : w->chunk;
        inputs(w, x, first, n, in);
        gradients(w, dy, first, n, out);
        add_products(w, in, out, n, sums);
    }
    for (int64_t o = 0; o < w->O; o += LANES)
        for (int64_t c = 0; c < w->C; c++) {
            int64_t n = w->O - o < LANES ? w->O - o : LANES;
            transform_taps(sums + c * O + o, C * O, dw + (o * w->C + c) * 9, w->C * 9,
                           (__mmask16)((1u << n) - 1));
        }
}

void winograd_run(const struct winograd *w, const float *x, const float *weights,
                  const float *bias, const float *residual, float *y, void *scratch)
{
    float *in = scratch, *out = in + PRODUCTS * step_of(w, w->padded_C);
    int64_t tiles = w->N * w->rows * w->columns;
    for (int64_t first = 0; first < tiles; first += w->chunk) {
        int64_t n = tiles - first < w->chunk ? tiles - first : w->chunk;
        inputs(w, x, first, n, in);
        products(w, in, weights, n, out);
        outputs(w, out, first, n, bias, residual, y);
    }
}

#else

bool winograd_can(void)
{
    return false;
}

/* Nobody asks for these where winograd_can() is false. */
void winograd_prepare(struct winograd *w)
{
    (void)w;
    __builtin_trap();
}

void winograd_weights(const struct winograd *w, const float *weights, bool turned, float *out)
{
    (void)w, (void)weights, (void)turned, (void)out;
    __builtin_trap();
}

void winograd_gradient(const struct winograd *w, const float *x, const float *dy, float *dw,
                       void *scratch)
{
    (void)w, (void)x, (void)dy, (void)dw, (void)scratch;
    __builtin_trap();
}

void winograd_run(const struct winograd *w, const float *x, const float *weights,
                  const float *bias, const float *residual, float *y, void *scratch)
{
    (void)w, (void)x, (void)weights, (void)bias, (void)residual, (void)y, (void)scratch;
    __builtin_trap();
}

#endif
