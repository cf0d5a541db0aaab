#include "noises/system/system.h"

#include <string.h>

/* long * target / short, rounded by the convention; exact in integers. */
static int64_t scaled(int64_t side, int64_t target, int64_t shorter, enum size_rounding rounding)
{
    int64_t whole = side * target / shorter, rest = side * target % shorter;
    switch (rounding) {
    case SIZE_TRUNC: break;
    case SIZE_CEIL: return whole + (rest > 0);
    case SIZE_ROUND: return whole + (2 * rest > shorter || (2 * rest == shorter && whole % 2));
    }
    return whole;
}

static int offset(int size, int crop, enum crop_rounding rounding)
{
    int spare = size - crop, half = spare / 2;
    switch (rounding) {
    case CROP_HALF_UP: return half + spare % 2;
    case CROP_HALF_EVEN: return half + (spare % 2 && half % 2);
    case CROP_FLOOR:
    case CROP_FRAC875: break;
    }
    return half;
}

/* tf.image.central_crop(0.875): the same margin on both sides, truncated. */
static void crop_fraction(int width, int height, const struct geometry_rule *rule,
                          struct geometry *out)
{
    int left = width / 16, top = height / 16;
    *out = (struct geometry){
        .source = {left, top, width - 2 * left, height - 2 * top},
        .width = rule->width,
        .height = rule->height,
        .window = {0, 0, rule->width, rule->height},
    };
}

enum status geometry_plan(int width, int height, const struct geometry_rule *rule,
                          struct geometry *out)
{
    if (rule->crop == CROP_FRAC875) {
        crop_fraction(width, height, rule, out);
        return OK;
    }
    *out = (struct geometry){.source = {0, 0, width, height}};
    int64_t w = width, h = height;
    if (rule->resize && (rule->squash || width == height)) {
        w = h = rule->resize;
    } else if (rule->resize && width < height) {
        w = rule->resize;
        h = scaled(height, rule->resize, width, rule->size);
    } else if (rule->resize) {
        h = rule->resize;
        w = scaled(width, rule->resize, height, rule->size);
    }
    if (w > IMAGE_MAX_SIDE || h > IMAGE_MAX_SIDE)
        return status_fail(ERR_LIMIT, "a picture of %d x %d would be resized to %lld x %lld",
                           width, height, (long long)w, (long long)h);
    if (w < rule->width || h < rule->height)
        return status_fail(ERR_FORMAT,
                           "a picture of %d x %d, resized to %lld x %lld, is smaller than the "
                           "crop of %d x %d",
                           width, height, (long long)w, (long long)h, rule->width,
                           rule->height);
    out->width = (int)w;
    out->height = (int)h;
    out->window = (struct rect){offset(out->width, rule->width, rule->crop),
                                offset(out->height, rule->height, rule->crop), rule->width,
                                rule->height};
    return OK;
}

enum status geometry_set_size(struct geometry_rule *rule, const char *word)
{
    static const char *const words[] = {"round", "trunc", "ceil"};
    if (!strcmp(word, "squash")) {
        rule->squash = true;
        return OK;
    }
    for (int i = 0; i < 3; i++)
        if (!strcmp(word, words[i])) {
            rule->squash = false;
            rule->size = (enum size_rounding)i;
            return OK;
        }
    return status_fail(ERR_USAGE, "size=%s: choose one of: round trunc ceil squash", word);
}

enum status geometry_set_crop(struct geometry_rule *rule, const char *word)
{
    static const char *const words[] = {"floor", "half-even", "half-up", "frac875"};
    for (int i = 0; i < 4; i++)
        if (!strcmp(word, words[i])) {
            rule->crop = (enum crop_rounding)i;
            return OK;
        }
    return status_fail(ERR_USAGE, "crop=%s: choose one of: floor half-even half-up frac875",
                       word);
}

static bool covers(const struct rect *rect, const struct image *image)
{
    return !rect->x && !rect->y && rect->width == image->width && rect->height == image->height;
}

static enum status resize_by(const struct image *in, const struct geometry *plan,
                             const struct resizer *resizer, const struct resize_options *options,
                             struct image *out)
{
    if (options && options->linear_light) {
        if (!resizer->resize_light)
            return status_fail(ERR_UNSUPPORTED, "light=linear: %s has no such mode",
                               resizer->name);
        return resizer->resize_light(in, plan->width, plan->height, &plan->window, out);
    }
    if (options && options->gap > 0) {
        if (!resizer->resize_gap)
            return status_fail(ERR_UNSUPPORTED, "gap=%g: %s has no reducing gap", options->gap,
                               resizer->name);
        return resizer->resize_gap(in, plan->width, plan->height, &plan->window, options->gap,
                                   out);
    }
    return resizer->resize(in, plan->width, plan->height, &plan->window, out);
}

enum status image_fit(const struct image *in, const struct geometry *plan,
                      const struct resizer *resizer, const struct resize_options *options,
                      struct image *out)
{
    *out = (struct image){0};
    if (covers(&plan->source, in))
        return resize_by(in, plan, resizer, options, out);

    struct image part = {0};
    enum status st = image_crop(in, plan->source, &part);
    if (!st)
        st = resize_by(&part, plan, resizer, options, out);
    image_clear(&part);
    return st;
}
