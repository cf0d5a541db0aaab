/* The system steps of a condition: one row per key, in the order of the pipeline. */
#include "harness/condition.h"

#include "base/text.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *const size_words[] = {"round", "trunc", "ceil"};
static const char *const crop_words[] = {"floor", "half-even", "half-up", "frac875"};
static const char *const normalise_words[] = {"float", "folded", "table8", "caffe",
                                              "inception"}; /* enum normalise */
static const char *const precision_words[] = {"fp32", "fp16", "bf16", "bf16-native",
                                              "int8", "int8-simulated"};

/* The index of `value` among `words`, or -1 with a message. */
static int choose(const char *key, const char *value, const char *const *words,
                  size_t count)
{
    struct text list = {0};
    for (size_t i = 0; i < count; i++) {
        if (!strcmp(words[i], value)) {
            text_clear(&list);
            return (int)i;
        }
        text_addf(&list, "%s%s", i ? ", " : "", words[i]);
    }
    status_fail(ERR_USAGE, "%s=%s: choose one of: %s", key, value, list.data);
    text_clear(&list);
    return -1;
}
#define CHOOSE(key, value, words) choose(key, value, words, sizeof words / sizeof *words)

/* on/off keys: only the word that changes something is canonical. */
static enum status set_switch(const char *key, const char *value, const char *changed,
                              const char *usual, bool *out)
{
    const char *const words[] = {usual, changed};
    int choice = CHOOSE(key, value, words);
    *out = choice == 1;
    return choice < 0 ? ERR_USAGE : OK;
}

static enum status set_decode(struct condition *c, const char *value)
{
    return decoder_find(value, &c->decoder);
}
static const char *show_decode(const struct condition *c, char out[64])
{
    (void)out;
    return c->decoder ? c->decoder->name : NULL;
}

static enum status set_smoothing(struct condition *c, const char *value)
{
    return set_switch("smoothing", value, "off", "on", &c->no_smoothing);
}
static const char *show_smoothing(const struct condition *c, char out[64])
{
    (void)out;
    return c->no_smoothing ? "off" : NULL;
}

static enum status set_truncated(struct condition *c, const char *value)
{
    return set_switch("truncated", value, "strict", "grey", &c->strict);
}
static const char *show_truncated(const struct condition *c, char out[64])
{
    (void)out;
    return c->strict ? "strict" : NULL;
}

static enum status set_orient(struct condition *c, const char *value)
{
    return set_switch("orient", value, "exif", "ignore", &c->orient);
}
static const char *show_orient(const struct condition *c, char out[64])
{
    (void)out;
    return c->orient ? "exif" : NULL;
}

static enum status set_size(struct condition *c, const char *value)
{
    const char *const words[] = {"round", "trunc", "ceil", "squash"};
    int choice = CHOOSE("size", value, words);
    c->squash = choice == 3;
    c->size = choice == 3 ? -1 : choice;
    return choice < 0 ? ERR_USAGE : OK;
}
static const char *show_size(const struct condition *c, char out[64])
{
    (void)out;
    return c->squash ? "squash" : c->size >= 0 ? size_words[c->size] : NULL;
}

static enum status set_resize(struct condition *c, const char *value)
{
    return resizer_find(value, &c->resizer);
}
static const char *show_resize(const struct condition *c, char out[64])
{
    (void)out;
    return c->resizer ? c->resizer->name : NULL;
}

static enum status set_light(struct condition *c, const char *value)
{
    return set_switch("light", value, "linear", "srgb", &c->linear_light);
}

static const char *show_light(const struct condition *c, char out[64])
{
    (void)out;
    return c->linear_light ? "linear" : NULL;
}

static enum status set_gap(struct condition *c, const char *value)
{
    if (!text_parse_number(value, &c->gap) || c->gap < 1 || c->gap > 100)
        return status_fail(ERR_USAGE, "gap=%s: a number from 1 to 100", value);
    return OK;
}

static const char *show_gap(const struct condition *c, char out[64])
{
    char number[32];
    if (!(c->gap > 0))
        return NULL;
    snprintf(out, 64, "%s", text_number(c->gap, number));
    return out;
}

static enum status set_crop(struct condition *c, const char *value)
{
    c->crop = CHOOSE("crop", value, crop_words);
    return c->crop < 0 ? ERR_USAGE : OK;
}
static const char *show_crop(const struct condition *c, char out[64])
{
    (void)out;
    return c->crop >= 0 ? crop_words[c->crop] : NULL;
}

static enum status set_colour(struct condition *c, const char *value)
{
    return colour_find(value, &c->colour);
}
static const char *show_colour(const struct condition *c, char out[64])
{
    (void)out;
    return c->colour ? c->colour->name : NULL;
}

static enum status set_store(struct condition *c, const char *value)
{
    char *end = NULL;
    long quality = !strncmp(value, "jpeg", 4) ? strtol(value + 4, &end, 10) : 0;
    if (quality < 1 || quality > 100 || *end)
        return status_fail(ERR_USAGE,
                           "store=%s: write jpegQ with a quality from 1 to 100", value);
    c->store_quality = (int)quality;
    return OK;
}
static const char *show_store(const struct condition *c, char out[64])
{
    if (!c->store_quality)
        return NULL;
    snprintf(out, 64, "jpeg%d", c->store_quality);
    return out;
}

static enum status set_normalise(struct condition *c, const char *value)
{
    int choice = CHOOSE("normalise", value, normalise_words);
    c->normalise = choice < 0 ? NORMALISE_FLOAT : (enum normalise)choice;
    return choice < 0 ? ERR_USAGE : OK;
}
static const char *show_normalise(const struct condition *c, char out[64])
{
    (void)out;
    return c->normalise ? normalise_words[c->normalise] : NULL;
}

static enum status set_precision(struct condition *c, const char *value)
{
    int choice = CHOOSE("precision", value, precision_words);
    if (choice < 0)
        return ERR_USAGE;
    c->precision = precision_words[choice];
    return OK;
}
static const char *show_precision(const struct condition *c, char out[64])
{
    (void)out;
    return c->precision;
}

static enum status set_pool(struct condition *c, const char *value)
{
    return set_switch("pool", value, "ceil", "floor", &c->ceil_mode);
}
static const char *show_pool(const struct condition *c, char out[64])
{
    (void)out;
    return c->ceil_mode ? "ceil" : NULL;
}

static enum status set_fold(struct condition *c, const char *value)
{
    return set_switch("fold", value, "off", "on", &c->no_fold);
}
static const char *show_fold(const struct condition *c, char out[64])
{
    (void)out;
    return c->no_fold ? "off" : NULL;
}

// clang-format off
const struct system_key condition_keys[] = {
    {"decode",    "DECODER", "the JPEG decoder",                         set_decode,    show_decode},
    {"smoothing", "on off",  "block smoothing of unfinished progressive files", set_smoothing, show_smoothing},
    {"truncated", "grey strict", "a truncated file: a grey tail, or an error",  set_truncated, show_truncated},
    {"orient",    "ignore exif", "whether the EXIF orientation is applied",     set_orient,    show_orient},
    {"size",      "round trunc ceil squash", "how the long side is rounded, or squash to a square", set_size, show_size},
    {"resize",    "RESIZER", "the resizer",                              set_resize,    show_resize},
    {"light",     "srgb linear", "resize in sRGB values or in linear light", set_light, show_light},
    {"gap",       "N",       "reducing gap: box means before the kernel, as Pillow's", set_gap, show_gap},
    {"crop",      "floor half-even half-up frac875", "where the centre crop starts", set_crop, show_crop},
    {"colour",    "COLOUR",  "a colour path after the crop",             set_colour,    show_colour},
    {"store",     "jpegQ",   "stored as JPEG between corruption and network", set_store, show_store},
    {"normalise", "float folded table8 caffe inception", "how pixels become the input: in two steps, merged, in 8 bits; or a mistake", set_normalise, show_normalise},
    {"precision", "fp32 fp16 bf16 bf16-native int8 int8-simulated", "the network's arithmetic", set_precision, show_precision},
    {"pool",      "floor ceil", "how pooling rounds its output size",    set_pool,      show_pool},
    {"fold",      "on off",  "batch normalisation folded into convolutions", set_fold,  show_fold},
    {0},
};
// clang-format on
