/*
 * The edges, distances and filters of OpenCV that make drops of water out of a thresholded
 * random layer: Canny (50, 150), inverted; chamfer distance 5x5, at most 20; 3x3 mean;
 * histogram equalised; embossed; 3x3 mean; times the layer; scaled to `strength`.
 *
 * Source: Canny 1986, doi:10.1109/TPAMI.1986.4767851; Borgefors 1986,
 * doi:10.1016/S0734-189X(86)80047-0; the order and numbers as in make_imagenet_c.py.
 */
#include "noises/natural/parts.h"

#include "base/mem.h"
#include "base/simd.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

struct sheet {
    int width, height;
    size_t size;
    uint8_t *layer, *edges, *bytes, *other;
    uint8_t *rows; /* three of them, one pixel wider at either end */
    int16_t *dx, *dy;
    int32_t *magnitude; /* with a border of one 0 */
    uint32_t *distance; /* with a border of two */
    int32_t *stack;
    float *far, *wide; /* wide: as rows */
};

static int clamp(int i, int n)
{
    return i < 0 ? 0 : i >= n ? n - 1 : i;
}

static int mirror(int i, int n)
{
    if (n == 1)
        return 0;
    i = i < 0 ? -i : i;
    return i < n ? i : 2 * n - 2 - i;
}

SIMD_CLONES
static void sobel(const uint8_t *const row[3], int width, int16_t *restrict out_x,
                  int16_t *restrict out_y, int32_t *restrict magnitude)
{
    for (int x = 0; x < width; x++) {
        int a = row[0][x], b = row[0][x + 1], c = row[0][x + 2];
        int d = row[1][x], e = row[1][x + 2];
        int f = row[2][x], g = row[2][x + 1], h = row[2][x + 2];
        int dx = c - a + 2 * (e - d) + h - f, dy = f - a + 2 * (g - b) + h - c;
        out_x[x] = (int16_t)dx;
        out_y[x] = (int16_t)dy;
        magnitude[x] = abs(dx) + abs(dy);
    }
}

/* Row y of bytes with one pixel more at either end, by the rule of the edge. */
static const uint8_t *widen(const struct sheet *s, const uint8_t *bytes, int y, int slot,
                            int (*edge)(int, int))
{
    uint8_t *to = s->rows + (size_t)slot * (size_t)(s->width + 2);
    const uint8_t *from = bytes + (size_t)edge(y, s->height) * (size_t)s->width;
    memcpy(to + 1, from, (size_t)s->width);
    to[0] = from[edge(-1, s->width)];
    to[s->width + 1] = from[edge(s->width, s->width)];
    return to;
}

/* Sobel 3x3 with edges repeated, and |dx| + |dy|. */
static void gradients(struct sheet *s)
{
    for (int y = 0; y < s->height; y++) {
        const uint8_t *row[3];
        for (int k = 0; k < 3; k++)
            row[k] = widen(s, s->layer, y + k - 1, k, clamp);
        size_t at = (size_t)y * (size_t)s->width;
        sobel(row, s->width, s->dx + at, s->dy + at,
              s->magnitude + (size_t)(y + 1) * (size_t)(s->width + 2) + 1);
    }
}

enum { NONE, MAYBE, EDGE };

/* Whether a magnitude is a maximum across its edge; 22.5 degrees in 15 fractional bits. */
static bool is_ridge(const struct sheet *s, int x, int y)
{
    int stride = s->width + 2;
    const int32_t *m = s->magnitude + (size_t)(y + 1) * (size_t)stride + (size_t)x + 1;
    size_t i = (size_t)y * (size_t)s->width + (size_t)x;
    int dx = s->dx[i], dy = s->dy[i];
    int across = abs(dx), up = abs(dy) << 15, tangent = across * 13573;
    if (up < tangent)
        return m[0] > m[-1] && m[0] >= m[1];
    if (up > tangent + (across << 16))
        return m[0] > m[-stride] && m[0] >= m[stride];
    int side = (dx ^ dy) < 0 ? -1 : 1;
    return m[0] > m[-stride - side] && m[0] > m[stride + side];
}

/* Weak ridges that touch an edge become edges, until none is left to follow. */
static void follow(struct sheet *s, size_t top)
{
    while (top) {
        int at = s->stack[--top], x = at % s->width, y = at / s->width;
        for (int v = y - 1; v <= y + 1; v++)
            for (int u = x - 1; u <= x + 1; u++) {
                if (u < 0 || v < 0 || u >= s->width || v >= s->height)
                    continue;
                uint8_t *edge = s->edges + (size_t)v * (size_t)s->width + (size_t)u;
                if (*edge == MAYBE) {
                    *edge = EDGE;
                    s->stack[top++] = v * s->width + u;
                }
            }
    }
}

static void canny(struct sheet *s, int low, int high)
{
    size_t top = 0;
    gradients(s);
    for (int y = 0; y < s->height; y++)
        for (int x = 0; x < s->width; x++) {
            int m =
                s->magnitude[(size_t)(y + 1) * (size_t)(s->width + 2) + (size_t)x + 1];
            uint8_t *edge = s->edges + (size_t)y * (size_t)s->width + (size_t)x;
            *edge = m > low && is_ridge(s, x, y) ? (m > high ? EDGE : MAYBE) : NONE;
            if (*edge == EDGE)
                s->stack[top++] = y * s->width + x;
        }
    follow(s, top);
}

enum {
    STRAIGHT = 65536, /* 1 */
    DIAGONAL = 91750, /* 1.4 */
    KNIGHT = 143976,  /* 2.1969 */
    FAR_AWAY = 1 << 29,
};

static uint32_t nearer(uint32_t a, uint32_t b)
{
    return a < b ? a : b;
}

/* What the row before, and that before it, leave to a row of distances. */
SIMD_CLONES
static void step_over(const uint32_t *restrict one, const uint32_t *restrict two,
                      int width, uint32_t *restrict to)
{
    for (int x = 0; x < width; x++) {
        uint32_t best = nearer(two[x - 1], two[x + 1]) + KNIGHT;
        best = nearer(best, nearer(one[x - 2], one[x + 2]) + KNIGHT);
        best = nearer(best, nearer(one[x - 1], one[x + 1]) + DIAGONAL);
        to[x] = nearer(to[x], nearer(best, one[x] + STRAIGHT));
    }
}

SIMD_CLONES
static void start_row(const uint8_t *restrict edges, int width, uint32_t *restrict to)
{
    for (int x = 0; x < width; x++)
        to[x] = edges[x] == EDGE ? 0 : UINT32_MAX;
}

SIMD_CLONES
static void finish_row(const uint32_t *restrict from, int width, float *restrict far)
{
    for (int x = 0; x < width; x++) {
        float distance = (float)(int32_t)from[x] * 0x1p-16f;
        far[x] = distance < 20 ? distance : 20;
    }
}

/* Chamfer distance to the nearest edge, from above and then from below. */
static void distances(struct sheet *s)
{
    int w = s->width + 4;
    for (size_t i = 0; i < (size_t)w * (size_t)(s->height + 4); i++)
        s->distance[i] = FAR_AWAY;
    uint32_t *first = s->distance + 2 * w + 2;
    for (int y = 0; y < s->height; y++) {
        uint32_t *d = first + (size_t)y * (size_t)w;
        start_row(s->edges + (size_t)y * (size_t)s->width, s->width, d);
        step_over(d - w, d - 2 * w, s->width, d);
        for (int x = 0; x < s->width; x++)
            d[x] = nearer(d[x], d[x - 1] + STRAIGHT);
    }
    for (int y = s->height - 1; y >= 0; y--) {
        uint32_t *d = first + (size_t)y * (size_t)w;
        step_over(d + w, d + 2 * w, s->width, d);
        for (int x = s->width - 1; x >= 0; x--)
            d[x] = nearer(d[x], d[x + 1] + STRAIGHT);
        finish_row(d, s->width, s->far + (size_t)y * (size_t)s->width);
    }
}

/* Sums of three neighbours of three rows, [width + 2] each, in that order. */
SIMD_CLONES
static void mean_row(const float *const row[3], int width, uint8_t *restrict out)
{
    for (int x = 0; x < width; x++) {
        double sum = (double)row[0][x] + (double)row[0][x + 1] + (double)row[0][x + 2];
        sum += (double)row[1][x] + (double)row[1][x + 1] + (double)row[1][x + 2];
        sum += (double)row[2][x] + (double)row[2][x + 1] + (double)row[2][x + 2];
        out[x] = (uint8_t)(int)(float)(sum * (1. / 9));
    }
}

/* Mean of 3x3 floats, summed in double, then cut to bytes. */
static void mean_of_floats(const struct sheet *s, uint8_t *out)
{
    size_t width = (size_t)s->width;
    for (int y = 0; y < s->height; y++) {
        const float *row[3];
        for (int k = 0; k < 3; k++) {
            const float *from = s->far + (size_t)mirror(y + k - 1, s->height) * width;
            float *to = s->wide + (size_t)k * (width + 2);
            memcpy(to + 1, from, width * sizeof *to);
            to[0] = from[mirror(-1, s->width)];
            to[width + 1] = from[mirror(s->width, s->width)];
            row[k] = to;
        }
        mean_row(row, s->width, out + (size_t)y * width);
    }
}

static void equalize(uint8_t *bytes, size_t size)
{
    uint32_t count[256] = {0};
    uint8_t to[256];
    for (size_t i = 0; i < size; i++)
        count[bytes[i]]++;
    int first = 0;
    while (!count[first])
        first++;
    if (count[first] == size)
        return;
    float scale = 255.0f / (float)(size - count[first]);
    uint32_t sum = 0;
    for (int i = 0; i < 256; i++) {
        sum += i > first ? count[i] : 0;
        to[i] = (uint8_t)lrintf((float)sum * scale);
    }
    for (size_t i = 0; i < size; i++)
        bytes[i] = to[bytes[i]];
}

/* Rounded halves to even: adding and taking 1.5 2^52 leaves no fraction of a double. */
SIMD_CLONES
static void filter_row(const uint8_t *const row[3], const int kernel[9], double scale,
                       int width, uint8_t *restrict out)
{
    for (int x = 0; x < width; x++) {
        int sum = kernel[0] * row[0][x] + kernel[1] * row[0][x + 1] +
                  kernel[2] * row[0][x + 2] + kernel[3] * row[1][x] +
                  kernel[4] * row[1][x + 1] + kernel[5] * row[1][x + 2] +
                  kernel[6] * row[2][x] + kernel[7] * row[2][x + 1] +
                  kernel[8] * row[2][x + 2];
        int value = (int)(sum * scale + 0x1.8p52 - 0x1.8p52);
        value = value < 0 ? 0 : value;
        out[x] = (uint8_t)(value > 255 ? 255 : value);
    }
}

/* 3x3 correlation on bytes, mirrored edges, rounded and clamped. */
static void filter(const struct sheet *s, const uint8_t *in, const int kernel[9],
                   double scale, uint8_t *out)
{
    for (int y = 0; y < s->height; y++) {
        const uint8_t *row[3];
        for (int k = 0; k < 3; k++)
            row[k] = widen(s, in, y + k - 1, k, mirror);
        filter_row(row, kernel, scale, s->width, out + (size_t)y * (size_t)s->width);
    }
}

static enum status sheet_init(struct sheet *s, const struct grid *grid)
{
    size_t size = (size_t)grid->width * (size_t)grid->height;
    size_t bordered = (size_t)(grid->width + 4) * (size_t)(grid->height + 4);
    *s = (struct sheet){
        .width = grid->width,
        .height = grid->height,
        .size = size,
        .layer = mem_raw(size, 1),
        .edges = mem_raw(size, 1),
        .bytes = mem_raw(size, 1),
        .other = mem_raw(size, 1),
        .rows = mem_raw((size_t)grid->width + 2, 3),
        .dx = mem_raw(size, sizeof *s->dx),
        .dy = mem_raw(size, sizeof *s->dy),
        .magnitude = mem_try(bordered, sizeof *s->magnitude),
        .distance = mem_raw(bordered, sizeof *s->distance),
        .stack = mem_raw(size, sizeof *s->stack),
        .far = mem_raw(size, sizeof *s->far),
        .wide = mem_raw((size_t)grid->width + 2, 3 * sizeof *s->wide),
    };
    return s->layer && s->edges && s->bytes && s->other && s->rows && s->dx && s->dy &&
                   s->magnitude && s->distance && s->stack && s->far && s->wide
               ? OK
               : status_fail(ERR_NOMEM, "no memory for water on %zu pixels", size);
}

static void sheet_clear(struct sheet *s)
{
    free(s->layer);
    free(s->edges);
    free(s->bytes);
    free(s->other);
    free(s->rows);
    free(s->dx);
    free(s->dy);
    free(s->magnitude);
    free(s->distance);
    free(s->stack);
    free(s->far);
    free(s->wide);
}

enum status water_mask(const struct grid *layer, double strength, float *out)
{
    static const int emboss[9] = {-2, -1, 0, -1, 1, 1, 0, 1, 2};
    static const int ones[9] = {1, 1, 1, 1, 1, 1, 1, 1, 1};
    struct sheet s;
    enum status st = sheet_init(&s, layer);
    if (!st) {
        for (size_t i = 0; i < s.size; i++)
            s.layer[i] = (uint8_t)(int)(layer->data[i] * 255);
        canny(&s, 50, 150);
        distances(&s);
        mean_of_floats(&s, s.bytes);
        equalize(s.bytes, s.size);
        filter(&s, s.bytes, emboss, 1, s.other);
        filter(&s, s.other, ones, 1. / 9, s.bytes);
        float top = 0;
        for (size_t i = 0; i < s.size; i++) {
            out[i] = (float)s.layer[i] * (float)s.bytes[i];
            top = out[i] > top ? out[i] : top;
        }
        for (size_t i = 0; i < s.size; i++) /* no drop survived: dry, not 0/0 */
            out[i] = top > 0 ? out[i] / top * (float)strength : 0;
    }
    sheet_clear(&s);
    return st;
}
