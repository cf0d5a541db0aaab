/*
 * System noise: what deployment changes by accident, before the network sees a pixel.
 *
 * How to add a decoder or resizer: write decode/<name>.c or resize/<name>.c ending in
 * `const struct decoder decoder_<name>` or `const struct resizer resizer_<name>`, and add
 * the name to meson.build. Every member names the library whose bytes it reproduces.
 */
#pragma once

#include "base/image.h"
#include "base/status.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct decode_options {
    bool orient;            /* apply EXIF orientation; default ignores it */
    bool strict;            /* a truncated stream is an error (Pillow), not a grey tail */
    bool no_block_smoothing;
    uint64_t max_pixels;    /* 0: 178,956,970, Pillow's bomb limit */
};

struct decoder {
    const char *name;       /* "turbo-ifast", as in decode=turbo-ifast */
    const char *alias;      /* other names, space separated: "tensorflow"; or NULL */
    const char *summary, *source;
    int impl;               /* raised when the bytes it gives change */
    bool portable;          /* same bytes on every CPU */
    /* JPEG only; out is always RGB, 3 channels. May be called by several workers at once. */
    enum status (*decode)(const uint8_t *bytes, size_t size, const struct decode_options *,
                          struct image *out);
};
extern const struct decoder *const decoder_registry[];

struct resizer {
    const char *name;       /* "pillow-bilinear" */
    const char *alias, *summary, *source;
    int impl;
    bool portable;
    /*
     * in      [H][W][3] uint8, any sides from 1 to 65535
     * width, height  of the whole result
     * window  the part of the result to compute; NULL is all of it. The pixels are those of
     *         resizing the whole and cropping afterwards, bit for bit.
     * out     [window.height][window.width][3]
     */
    enum status (*resize)(const struct image *in, int width, int height,
                          const struct rect *window, struct image *out);
    /* light=linear: interpolates light rather than sRGB values. NULL: no such mode. */
    enum status (*resize_light)(const struct image *in, int width, int height,
                                const struct rect *window, struct image *out);
    /* gap=: Pillow's reducing_gap, >= 1, box means before the kernel. NULL: no such mode. */
    enum status (*resize_gap)(const struct image *in, int width, int height,
                              const struct rect *window, double gap, struct image *out);
};
extern const struct resizer *const resizer_registry[];

/* By name or alias; ERR_USAGE lists the near ones. */
enum status decoder_find(const char *name, const struct decoder **out);
enum status resizer_find(const char *name, const struct resizer **out);

/* Any still picture we read: JPEG through `decoder`, PNG, BMP and WebP through their own
 * readers. ERR_FORMAT names what the first bytes are. */
enum status image_decode(const struct decoder *decoder, const uint8_t *bytes, size_t size,
                         const struct decode_options *options, struct image *out);

/* How a JPEG samples its chroma, which decides what a decoder can change: "4:4:4", "4:2:0",
 * "4:2:2", "4:4:0", "4:1:1", "4:1:0", "grey", "other" (CMYK and odd factors); "none" where
 * the bytes are no JPEG. */
const char *jpeg_sampling(const uint8_t *bytes, size_t size);

/*
 * Geometry: from a decoded size and a rule to the size of the resize and the window of the
 * crop. Conventions differ by a pixel between libraries, which moves values more than any
 * decoder: they are noises of their own (size=, crop=), kept apart from the resizer.
 */
enum size_rounding { SIZE_ROUND, SIZE_TRUNC, SIZE_CEIL }; /* long side; SIZE_ROUND: half even */
enum crop_rounding { CROP_FLOOR, CROP_HALF_EVEN, CROP_HALF_UP, CROP_FRAC875 };

struct geometry_rule {
    int resize;              /* short side before the crop; 0: no resize */
    bool squash;             /* resize to resize x resize whatever the aspect */
    int width, height;       /* of the crop */
    enum size_rounding size;
    enum crop_rounding crop;
};
struct geometry {
    struct rect source;      /* of the picture: all of it, but for crop=frac875 */
    int width, height;       /* of the resized picture */
    struct rect window;      /* of the crop in it; sides are the rule's width and height */
};
/* ERR_FORMAT when the picture comes out smaller than the crop. */
enum status geometry_plan(int width, int height, const struct geometry_rule *rule,
                          struct geometry *out);

/* size=round|trunc|ceil|squash and crop=floor|half-even|half-up|frac875; ERR_USAGE lists
 * the words. frac875 is TensorFlow's: the central 7/8 of the picture resized to the crop,
 * whatever `resize` says. */
enum status geometry_set_size(struct geometry_rule *rule, const char *word);
enum status geometry_set_crop(struct geometry_rule *rule, const char *word);

struct resize_options {
    bool linear_light;
    double gap;              /* 0: none */
};
/* Resize and crop in one: only what the window needs is computed. options may be NULL.
 * ERR_UNSUPPORTED when the resizer has no such mode. */
enum status image_fit(const struct image *in, const struct geometry *plan,
                      const struct resizer *resizer, const struct resize_options *options,
                      struct image *out);

/*
 * Colour paths: colour/<name>.c ending in `const struct colour colour_<name>`. Applied in
 * place to [H][W][3] RGB after resize and crop.
 */
struct colour {
    const char *name, *summary, *source;
    int impl;
    enum status (*apply)(struct image *image);
};
extern const struct colour *const colour_registry[];
enum status colour_find(const char *name, const struct colour **out);

/* Baseline JPEG with Pillow's settings, 4:2:0; *bytes is the caller's to free. */
enum status jpeg_encode(const struct image *image, int quality, unsigned char **bytes,
                        unsigned long *size);
/* store=jpegQ: what is written to disk between corruption and network. libjpeg-turbo,
 * quality 1..100, 4:2:0, decoded by `decoder`; in place. */
enum status store_as_jpeg(struct image *image, int quality, const struct decoder *decoder);
