/* Sequences of weather: snow whose wind turns, daylight, drops that run down. */
#include "noises/natural/perturb/perturb.h"

#include "base/mem.h"

#include <stdlib.h>

static enum status brightness_frames(const struct image *whole,
                                     const struct perturbation_args *args,
                                     struct rng *rng, struct image *frames)
{
    (void)rng;
    enum status st = OK;
    for (int i = 0; !st && i < 31; i++) {
        st = middle(whole, args, &frames[i]);
        if (!st)
            hsv_shift(&frames[i], 1, 0, (i - 15) * (is_cifar(args) ? 1.5 : 2.0) / 100.0);
    }
    return st;
}

/* One layer of flakes for the whole sequence, as bytes. */
static enum status flakes(const struct image *clean, double zoom, struct rng *rng,
                          struct grid *out)
{
    struct natural_draws draws = {0};
    struct grid noise = {0};
    size_t size = (size_t)clean->width * (size_t)clean->height;
    enum status st = draws_normal(&draws, rng, size);
    if (!st)
        st = grid_init(&noise, clean->width, clean->height, 1);
    for (size_t i = 0; !st && i < size; i++)
        noise.data[i] = 0.05 + 0.3 * (double)draws.normal[i];
    if (!st)
        st = clipped_zoom(&noise, zoom, ZOOM_CENTRE, out);
    for (size_t i = 0; !st && i < size; i++) {
        double x = out->data[i] < 0.5 ? 0 : out->data[i];
        out->data[i] = (double)byte_from_unit(x);
    }
    draws_clear(&draws);
    grid_clear(&noise);
    return st;
}

static void snow_on(struct image *image, const struct grid *layer)
{
    size_t count = (size_t)image->width * (size_t)image->height;
    for (size_t i = 0; i < count; i++) {
        uint8_t *p = image->data + 3 * i;
        float grey = (float)p[0] / 255.0f * 0.299f + (float)p[1] / 255.0f * 0.587f +
                     (float)p[2] / 255.0f * 0.114f;
        double white = (double)(grey * 1.5f + 0.5f);
        double here = (double)byte_from_magick(layer->data[i]) / 255.0;
        double turned = (double)byte_from_magick(layer->data[count - 1 - i]) / 255.0;
        for (int c = 0; c < 3; c++) {
            double x = (double)p[c] / 255.0;
            x = 0.85 * x + (1 - 0.85) * (x > white ? x : white);
            p[c] = byte_from_unit(x + here + turned);
        }
    }
}

static enum status snow_frames(const struct image *whole,
                               const struct perturbation_args *args, struct rng *rng,
                               struct image *frames)
{
    bool cifar = is_cifar(args);
    struct image clean = {0};
    struct grid layer = {0};
    enum status st = middle(whole, args, &clean);
    if (!st)
        st = flakes(&clean, cifar ? 2 : 3, rng, &layer);
    for (int i = 0; !st && i < 31; i++) {
        struct trail trail = {cifar ? 10 : 14, cifar ? 2 : 4, i * 4 - 150, false};
        struct grid blown = {0};
        st = motion_trail(&layer, &trail, &blown);
        if (!st)
            st = image_copy(&clean, &frames[i]);
        if (!st)
            snow_on(&frames[i], &blown);
        grid_clear(&blown);
    }
    grid_clear(&layer);
    image_clear(&clean);
    return st;
}

/* numpy.convolve(column, kernel, 'same') down every column. */
static void run_down(struct grid *layer, const double *kernel, int count)
{
    int first = (count - 1) / 2;
    double *column = mem_array((size_t)layer->height, sizeof *column);
    for (int x = 0; x < layer->width; x++) {
        for (int y = 0; y < layer->height; y++)
            column[y] = layer->data[(size_t)y * (size_t)layer->width + (size_t)x];
        for (int y = 0; y < layer->height; y++) {
            double sum = 0;
            for (int k = 0; k < count; k++) {
                int from = y + first - k;
                sum += from >= 0 && from < layer->height ? kernel[k] * column[from] : 0;
            }
            layer->data[(size_t)y * (size_t)layer->width + (size_t)x] = sum;
        }
    }
    free(column);
}

static enum status wet_frame(const struct image *clean, const struct grid *layer,
                             struct image *frame)
{
    static const float pale[3] = {(float)(175 / 255.), (float)(238 / 255.),
                                  (float)(238 / 255.)};
    float *mask = mem_try((size_t)clean->width * (size_t)clean->height, sizeof *mask);
    enum status st = mask ? water_mask(layer, 0.6, mask)
                          : status_fail(ERR_NOMEM, "no memory for a mask of water");
    if (!st)
        st = image_copy(clean, frame);
    for (size_t i = 0; !st && i < image_size(frame); i++) {
        float x = (float)frame->data[i] / 255.0f + mask[i / 3] * pale[i % 3];
        frame->data[i] = (uint8_t)(int)((x < 1 ? x : 1) * 255.0f);
    }
    free(mask);
    return st;
}

static enum status spatter_frames(const struct image *whole,
                                  const struct perturbation_args *args, struct rng *rng,
                                  struct image *frames)
{
    static const double slow[] = {0.05, 0.1, 0.15, 0.7}, fast[] = {0.2, 0.8};
    bool cifar = is_cifar(args);
    struct image clean = {0};
    struct grid layer = {0};
    struct natural_draws draws = {0};
    enum status st = middle(whole, args, &clean);
    size_t size = (size_t)clean.width * (size_t)clean.height;
    if (!st)
        st = draws_normal(&draws, rng, size);
    if (!st)
        st = grid_init(&layer, clean.width, clean.height, 1);
    for (size_t i = 0; !st && i < size; i++)
        layer.data[i] =
            (cifar ? 0.6 : 0.65) + (cifar ? 0.265 : 0.27) * (double)draws.normal[i];
    if (!st)
        st = gauss_blur(&layer, cifar ? 1.75 : 3.7, &layer);
    for (size_t i = 0; !st && i < size; i++)
        layer.data[i] = layer.data[i] < (cifar ? 0.7 : 0.69) ? 0 : layer.data[i];
    for (int i = 0; !st && i < 31; i++) {
        st = wet_frame(&clean, &layer, &frames[i]);
        run_down(&layer, cifar ? fast : slow, cifar ? 2 : 4);
    }
    draws_clear(&draws);
    grid_clear(&layer);
    image_clear(&clean);
    return st;
}

const struct perturbation perturbation_brightness = {
    "brightness", "daylight that rises", false, true, 31, 31, 1, brightness_frames,
};
const struct perturbation perturbation_snow = {
    "snow", "snow whose wind turns", false, true, 31, 31, 1, snow_frames,
};
const struct perturbation perturbation_spatter = {
    "spatter", "drops that run down", false, false, 31, 31, 1, spatter_frames,
};
