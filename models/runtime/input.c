#include "models/runtime/input.h"

#include "base/simd.h"

#include <math.h>
#include <string.h>

/* A network that expects something else gets what another family of networks gets. */
static void mistake(struct input_map *map, enum normalise how)
{
    static const float caffe[3] = {123.68f, 116.779f, 103.939f};
    map->factor = 255;
    for (int c = 0; c < 3; c++) {
        map->channel[c] = how == NORMALISE_CAFFE ? 2 - c : c;
        map->mean[c] = how == NORMALISE_CAFFE ? caffe[c] : 127.5f;
        map->std[c] = how == NORMALISE_CAFFE ? 1 : 127.5f;
    }
}

/* The largest value that a pixel can give is 127 steps. */
static float step_of(const struct input_map *map)
{
    float most = 0;
    for (int c = 0; c < 3; c++)
        most = fmaxf(most, fmaxf(fabsf(map->mean[c]), fabsf(map->factor - map->mean[c])) /
                               map->std[c]);
    return most / 127;
}

void input_map_init(struct input_map *map, const struct preprocess *preprocess,
                    enum normalise how)
{
    bool bgr = !strcmp(preprocess->order, "bgr");
    map->pixels = (int64_t)preprocess->width * preprocess->height;
    map->channels_last = !strcmp(preprocess->layout, "nhwc");
    double factor = 255.0 * preprocess->scale;
    /* 1/255 written in decimals must still mean the identity. */
    map->factor = fabs(factor - 1) < 1e-6 ? 1.0f : (float)factor;
    for (int c = 0; c < 3; c++) {
        map->channel[c] = bgr ? 2 - c : c;
        map->mean[c] = (float)preprocess->mean[c];
        map->std[c] = preprocess->std[c] == 0 ? 1.0f : (float)preprocess->std[c];
    }
    if (how == NORMALISE_CAFFE || how == NORMALISE_INCEPTION)
        mistake(map, how);
    map->folded = how == NORMALISE_FOLDED;
    map->step = how == NORMALISE_TABLE8 ? step_of(map) : 0;
}

SIMD_CLONES
static void normalise(const float *x, float *v, int64_t count, int64_t stride, float factor,
                      float mean, float std)
{
    for (int64_t i = 0; i < count; i++)
        v[i * stride] = (x[i] * factor - mean) / std;
}

/* k = 255 x, which is the byte itself where x is one: v = k a + b. */
SIMD_CLONES
static void scale_and_shift(const float *x, float *v, int64_t count, int64_t stride, float a,
                            float b)
{
    for (int64_t i = 0; i < count; i++)
        v[i * stride] = x[i] * 255 * a + b;
}

SIMD_CLONES
static void quantize(float *v, int64_t count, int64_t stride, float step)
{
    for (int64_t i = 0; i < count; i++)
        v[i * stride] = fminf(fmaxf(rintf(v[i * stride] / step), -127), 127) * step;
}

SIMD_CLONES
static void denormalise(const float *dv, float *dx, int64_t count, int64_t stride, float factor,
                        float std)
{
    for (int64_t i = 0; i < count; i++)
        dx[i] = dv[i * stride] / std * factor;
}

/* Channel c's first element in the network's input, and the step to its next. */
static int64_t channel_at(const struct input_map *map, int c, int64_t *stride)
{
    *stride = map->channels_last ? 3 : 1;
    return map->channel[c] * (map->channels_last ? 1 : map->pixels);
}

void input_apply(const struct input_map *map, const float *x, float *v)
{
    for (int c = 0; c < 3; c++) {
        int64_t stride, at = channel_at(map, c, &stride);
        const float *from = x + c * map->pixels;
        if (map->folded)
            scale_and_shift(from, v + at, map->pixels, stride,
                            map->factor / 255 / map->std[c], -map->mean[c] / map->std[c]);
        else
            normalise(from, v + at, map->pixels, stride, map->factor, map->mean[c],
                      map->std[c]);
        if (map->step > 0)
            quantize(v + at, map->pixels, stride, map->step);
    }
}

void input_return(const struct input_map *map, const float *dv, float *dx)
{
    for (int c = 0; c < 3; c++) {
        int64_t stride, at = channel_at(map, c, &stride);
        denormalise(dv + at, dx + c * map->pixels, map->pixels, stride, map->factor,
                    map->std[c]);
    }
}
