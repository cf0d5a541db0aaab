#include "noises/system/resize/opencv.h"

#include "base/simd.h"

/* sin(pi x) sin(pi x / 4) / x^2 at eight places: the first factor only changes sign from
 * one to the next, the second turns by 45 degrees. */
static void weights(float x, float *w)
{
    static const double q = 0.70710678118654752440084436210485;
    static const double turn[8][2] = {{1, 0},  {-q, -q}, {0, 1},  {q, -q},
                                      {-1, 0}, {q, q},   {0, -1}, {-q, q}};
    double y0 = -(double)(x + 3) * M_PI * 0.25, s = sin(y0), c = cos(y0);
    float sum = 0;
    for (int i = 0; i < 8; i++) {
        float d = x + 3 - (float)i;
        double y = -(double)d * M_PI * 0.25;
        w[i] = fabsf(d) < 1e-6f ? 1e30f : (float)((turn[i][0] * s + turn[i][1] * c) / (y * y));
        sum += w[i];
    }
    sum = 1.f / sum;
    for (int i = 0; i < 8; i++)
        w[i] *= sum;
}

SIMD_CLONES
static void column(const int32_t *const *rows, const int16_t *weight, int first, int n,
                   int width, uint8_t *out)
{
    (void)first;
    (void)width;
    for (int i = 0; i < n; i++) {
        uint32_t sum = 1 << 21; /* unsigned: wraps as OpenCV's does, without the fault */
        for (int k = 0; k < 8; k++)
            sum += (uint32_t)rows[k][i] * (uint32_t)weight[k];
        int32_t v = (int32_t)sum >> 22;
        out[i] = (uint8_t)(v < 0 ? 0 : v > 255 ? 255 : v);
    }
}

static enum status resize(const struct image *in, int width, int height,
                          const struct rect *window, struct image *out)
{
    static const struct opencv_kernel kernel = {8, 3, weights, column};
    return opencv_convolve(in, width, height, window, &kernel, out);
}

const struct resizer resizer_opencv_lanczos = {
    .name = "opencv-lanczos",
    .alias = "cv2-lanczos opencv-lanczos4",
    .summary = "INTER_LANCZOS4: eight pixels each way whatever the reduction",
    .source = "OpenCV 4.6, x86-64 without IPP",
    .impl = 1,
    .portable = true,
    .resize = resize,
};
