/*
 * Frost: x ← clip(a x + b texture, 0, 255), a crop of one of five pictures of ice.
 *
 * The original's pictures are photographs of others: overlays=DIR reads them, or any
 * others, from a folder; without it the textures are ice crystals of our own making, and
 * the numbers are not those of ImageNet-C. The original ships six pictures and draws from
 * five. For 32 and 64 pixels they are shrunk to .2 and .3; variant=imagecorruptions
 * enlarges them by 1.1 first.
 *
 * Source: Hendrycks & Dietterich, ICLR 2019, arXiv:1903.12261.
 */
#include "noises/natural/parts.h"

#include "base/simd.h"

struct frost {
    double keep, ice;
};

// clang-format off
static const struct frost frost[NATURAL_SETS][5] = {
    [NATURAL_224]   = {{1, .4}, {.8, .6}, {.7, .70}, {.65, .7}, {.60, .75}},
    [NATURAL_CIFAR] = {{1, .2}, {1., .3}, {.9, .40}, {.85, .4}, {.75, .45}},
    [NATURAL_64]    = {{1, .3}, {.9, .4}, {.8, .45}, {.75, .5}, {.70, .55}},
    [NATURAL_299]   = {{1, .4}, {.8, .6}, {.7, .70}, {.65, .7}, {.60, .75}},
};
// clang-format on

static const double shrink[NATURAL_SETS] = {1, .2, .3, 1};

SIMD_CLONES
static void freeze(uint8_t *restrict x, const uint8_t *restrict ice, int count,
                   struct frost c)
{
    for (int i = 0; i < count; i++) {
        double v = c.keep * (double)x[i] + c.ice * (double)ice[i];
        x[i] = (uint8_t)(int)(v < 255 ? v : 255);
    }
}

/* draws->integer: three words, for the picture and the crop's row and column. */
static enum status render(struct image *image, const struct natural_args *args,
                          const struct natural_draws *draws)
{
    bool original = is_original(args);
    struct overlay overlay = {
        .folder = params_word(args->params, "overlays"),
        .scale = original ? shrink[args->set] : 1,
        .enlarge = !original,
        .width = image->width,
        .height = image->height,
    };
    const struct image *ice;
    enum status st = overlay_find(&overlay, draws->integer[0], &ice);
    if (st)
        return st;
    uint64_t rows = (uint64_t)(ice->height - image->height);
    uint64_t columns = (uint64_t)(ice->width - image->width);
    int top = (int)(draws->integer[1] * rows >> 32);
    int left = (int)(draws->integer[2] * columns >> 32);
    for (int y = 0; y < image->height; y++)
        freeze(image_row(image, y), image_row(ice, top + y) + 3 * left, 3 * image->width,
               frost[args->set][args->severity - 1]);
    return OK;
}

static const struct param params[] = {
    VARIANT_PARAM,
    {"overlays", PARAM_PATH, "", 0, 0, NULL,
     "folder of pictures of ice; without it, crystals of our own"},
    {0},
};

const struct natural natural_frost = {
    .name = "frost",
    .summary = "ice on the lens, from pictures of it",
    .source = "arXiv:1903.12261",
    .group = "weather",
    .severities = 5,
    .impl = 1,
    .in_mce = true,
    .params = params,
    .words = {.fixed = 3},
    .render = render,
};
