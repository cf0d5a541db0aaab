#include "models/runtime/input.h"

#include "base/simd.h"

#include <math.h>
#include <string.h>

void input_map_init(struct input_map *map, const struct preprocess *preprocess)
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
}

SIMD_CLONES
static void normalise(const float *x, float *v, int64_t count, int64_t stride, float factor,
                      float mean, float std)
{
    for (int64_t i = 0; i < count; i++)
        v[i * stride] = (x[i] * factor - mean) / std;
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
        normalise(x + c * map->pixels, v + at, map->pixels, stride, map->factor, map->mean[c],
                  map->std[c]);
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
