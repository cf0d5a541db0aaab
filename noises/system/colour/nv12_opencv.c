/*
 * cv2.cvtColor to I420 and back: 20-bit integers, BT.601 limited range, and chroma that is
 * the upper left pixel's of each 2 x 2 block rather than their mean.
 */
#include "noises/system/system.h"

enum { SHIFT = 20, HALF = 1 << 19 };

struct chroma {
    int u, v; /* minus 128 */
};

static int luma_of(const uint8_t *p)
{
    return (269484 * p[0] + 528482 * p[1] + 102760 * p[2] + HALF + (16 << SHIFT)) >> SHIFT;
}

static struct chroma chroma_of(const uint8_t *p)
{
    const int centre = HALF + (128 << SHIFT);
    int u = (-155188 * p[0] - 305135 * p[1] + 460324 * p[2] + centre) >> SHIFT;
    int v = (460324 * p[0] - 385875 * p[1] - 74448 * p[2] + centre) >> SHIFT;
    return (struct chroma){u - 128, v - 128};
}

static uint8_t clip(int v)
{
    return (uint8_t)(v < 0 ? 0 : v > 255 ? 255 : v);
}

static void decode_pixel(int luma, struct chroma c, uint8_t *p)
{
    int y = (luma < 16 ? 0 : luma - 16) * 1220542;
    p[0] = clip((y + HALF + 1673527 * c.v) >> SHIFT);
    p[1] = clip((y + HALF - 852492 * c.v - 409993 * c.u) >> SHIFT);
    p[2] = clip((y + HALF + 2116026 * c.u) >> SHIFT);
}

static enum status apply(struct image *image)
{
    for (int y = 0; y < image->height; y += 2)
        for (int x = 0; x < image->width; x += 2) {
            struct chroma c = chroma_of(image_row(image, y) + 3 * x);
            for (int v = y; v < y + 2 && v < image->height; v++)
                for (int u = x; u < x + 2 && u < image->width; u++) {
                    uint8_t *p = image_row(image, v) + 3 * u;
                    decode_pixel(luma_of(p), c, p);
                }
        }
    return OK;
}

const struct colour colour_nv12_opencv = {
    .name = "nv12-opencv",
    .summary = "I420 or NV12 and back by OpenCV: chroma of one pixel in four",
    .source = "OpenCV 4.6, cvtColor",
    .impl = 1,
    .apply = apply,
};
