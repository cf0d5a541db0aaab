#include "noises/system/colour/yuv.h"

#include "base/simd.h"

#include <math.h>

static inline double clip_round(double v)
{
    v = floor(v + 0.5);
    return v < 0 ? 0 : v > 255 ? 255 : v;
}

static inline double luma_of(const struct yuv *yuv, const uint8_t *rgb)
{
    double green = 1 - yuv->red - yuv->blue;
    return yuv->red * rgb[0] + green * rgb[1] + yuv->blue * rgb[2];
}

/* A level of 0..255 as stored, and back; chroma is centred at 128. */
static inline double store_luma(const struct yuv *yuv, double y)
{
    return clip_round(yuv->limited ? 16 + y * 219 / 255 : y);
}

static inline double store_chroma(const struct yuv *yuv, double c)
{
    return clip_round(128 + (yuv->limited ? c * 224 / 255 : c));
}

static inline double load_luma(const struct yuv *yuv, double y)
{
    return yuv->limited ? (y - 16) * 255 / 219 : y;
}

static inline double load_chroma(const struct yuv *yuv, double c)
{
    return yuv->limited ? (c - 128) * 255 / 224 : c - 128;
}

static inline void decode_pixel(const struct yuv *yuv, double y, double cb, double cr, uint8_t *rgb)
{
    double green = 1 - yuv->red - yuv->blue;
    double red = y + 2 * (1 - yuv->red) * cr, blue = y + 2 * (1 - yuv->blue) * cb;
    rgb[0] = (uint8_t)clip_round(red);
    rgb[1] = (uint8_t)clip_round((y - yuv->red * red - yuv->blue * blue) / green);
    rgb[2] = (uint8_t)clip_round(blue);
}

static inline void block(struct image *image, int x0, int y0, const struct yuv *encode,
                  const struct yuv *decode)
{
    int wide = image->width - x0 < 2 ? 1 : 2, high = image->height - y0 < 2 ? 1 : 2;
    double luma[4], cb = 0, cr = 0;
    for (int i = 0; i < wide * high; i++) {
        const uint8_t *rgb = image_row(image, y0 + i / wide) + 3 * (x0 + i % wide);
        double y = luma_of(encode, rgb);
        luma[i] = store_luma(encode, y);
        cb += (rgb[2] - y) / (2 * (1 - encode->blue));
        cr += (rgb[0] - y) / (2 * (1 - encode->red));
    }
    cb = load_chroma(decode, store_chroma(encode, cb / (wide * high)));
    cr = load_chroma(decode, store_chroma(encode, cr / (wide * high)));
    for (int i = 0; i < wide * high; i++)
        decode_pixel(decode, load_luma(decode, luma[i]), cb, cr,
                     image_row(image, y0 + i / wide) + 3 * (x0 + i % wide));
}

/* Cloned for the rounding instruction that the baseline lacks. */
SIMD_CLONES
void nv12_round_trip(struct image *image, const struct yuv *encode, const struct yuv *decode)
{
    for (int y = 0; y < image->height; y += 2)
        for (int x = 0; x < image->width; x += 2)
            block(image, x, y, encode, decode);
}
