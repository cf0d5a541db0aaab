#include "noises/system/resize/opencv.h"

#include "base/simd.h"

/* Keys 1981, doi:10.1109/TASSP.1981.1163711, a = -3/4; the fourth is what is left of 1. */
static void weights(float x, float *w)
{
    const float a = -0.75f;
    w[0] = ((a * (x + 1) - 5 * a) * (x + 1) + 8 * a) * (x + 1) - 4 * a;
    w[1] = ((a + 2) * x - (a + 3)) * x * x + 1;
    w[2] = ((a + 2) * (1 - x) - (a + 3)) * (1 - x) * (1 - x) + 1;
    w[3] = 1.f - w[0] - w[1] - w[2];
}

static inline uint8_t saturate(long v)
{
    return (uint8_t)(v < 0 ? 0 : v > 255 ? 255 : v);
}

/* Where OpenCV has vectors: in float, from the last row to the first. Adding 1.5 * 2^23
 * rounds to even in the last bits, as the vector conversion does. */
SIMD_CLONES
static void column_float(const int32_t *const *rows, const float *b, int n, uint8_t *out)
{
    const int32_t *r0 = rows[0], *r1 = rows[1], *r2 = rows[2], *r3 = rows[3];
    for (int i = 0; i < n; i++) {
        float t = (float)r3[i] * b[3];
        t = (float)r2[i] * b[2] + t;
        t = (float)r1[i] * b[1] + t;
        t = (float)r0[i] * b[0] + t;
        t = t < 0 ? 0 : t > 255 ? 255 : t;
        union {
            float f;
            int32_t i;
        } round = {.f = t + 12582912.0f};
        out[i] = (uint8_t)round.i;
    }
}

/* The first 8 * floor(3 W / 8) values of a row in float, the rest in integers. */
static void column(const int32_t *const *rows, const int16_t *weight, int first, int n,
                   int width, uint8_t *out)
{
    int in_float = 3 * width / 8 * 8 - first;
    in_float = in_float < 0 ? 0 : in_float > n ? n : in_float;
    float b[4];
    for (int k = 0; k < 4; k++)
        b[k] = (float)weight[k] * (1.f / (2048 * 2048));
    column_float(rows, b, in_float, out);

    for (int i = in_float; i < n; i++) {
        int32_t sum = 1 << 21;
        for (int k = 0; k < 4; k++)
            sum += rows[k][i] * weight[k];
        out[i] = saturate(sum >> 22);
    }
}

static enum status resize(const struct image *in, int width, int height,
                          const struct rect *window, struct image *out)
{
    static const struct opencv_kernel kernel = {4, 1, weights, column};
    return opencv_convolve(in, width, height, window, &kernel, out);
}

const struct resizer resizer_opencv_bicubic = {
    .name = "opencv-bicubic",
    .alias = "cv2-bicubic opencv-cubic",
    .summary = "INTER_CUBIC: four pixels each way whatever the reduction, a = -3/4",
    .source = "OpenCV 4.6, x86-64 without IPP",
    .impl = 1,
    .portable = true,
    .resize = resize,
};
