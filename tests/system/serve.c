/*
 * Our decoders and resizers for the comparison scripts, over a pipe:
 *
 *     resize NAME W0 H0 W H X Y WIDTH HEIGHT GAP LIGHT\n + W0*H0*3 bytes
 *     decode NAME STRICT ORIENT SIZE\n + SIZE bytes
 *     colour NAME W H\n + W*H*3 bytes
 *     prepare DECODER RESIZER SHORT CROP SIZE\n + SIZE bytes: decode, resize, crop
 *
 * Answers "ok W H MICROSECONDS\n" + pixels, or "STATUS message\n".
 */
#include "base/mem.h"
#include "noises/system/system.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static double now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
    return (double)t.tv_sec * 1e6 + (double)t.tv_nsec * 1e-3;
}

static enum status read_picture(int width, int height, struct image *image)
{
    enum status st = image_init(image, width, height, 3);
    if (!st && fread(image->data, 1, image_size(image), stdin) != image_size(image))
        st = status_fail(ERR_IO, "the request is cut short");
    return st;
}

static void answer(enum status st, const struct image *out, double us)
{
    if (st) {
        printf("%s: %s\n", status_name(st), status_message());
    } else {
        printf("ok %d %d %.1f\n", out->width, out->height, us);
        fwrite(out->data, 1, image_size(out), stdout);
    }
    fflush(stdout);
}

static void serve_resize(const char *line)
{
    char name[64];
    int w0, h0, light;
    struct resize_options options = {0};
    struct geometry plan = {0};
    struct image in = {0}, out = {0};
    if (sscanf(line, "resize %63s %d %d %d %d %d %d %d %d %lf %d", name, &w0, &h0, &plan.width,
               &plan.height, &plan.window.x, &plan.window.y, &plan.window.width,
               &plan.window.height, &options.gap, &light) != 11)
        exit(2);
    plan.source = (struct rect){0, 0, w0, h0};
    options.linear_light = light;

    const struct resizer *resizer = NULL;
    enum status st = read_picture(w0, h0, &in);
    if (!st)
        st = resizer_find(name, &resizer);
    double start = now();
    if (!st)
        st = image_fit(&in, &plan, resizer, &options, &out);
    answer(st, &out, now() - start);
    image_clear(&in);
    image_clear(&out);
}

static void serve_decode(const char *line)
{
    char name[64];
    int strict, orient;
    size_t size;
    struct image out = {0};
    if (sscanf(line, "decode %63s %d %d %zu", name, &strict, &orient, &size) != 4)
        exit(2);
    struct decode_options options = {.strict = strict, .orient = orient};
    uint8_t *bytes = mem_array(size, 1);
    if (fread(bytes, 1, size, stdin) != size)
        exit(2);

    const struct decoder *decoder = NULL;
    enum status st = decoder_find(name, &decoder);
    double start = now();
    if (!st)
        st = image_decode(decoder, bytes, size, &options, &out);
    answer(st, &out, now() - start);
    free(bytes);
    image_clear(&out);
}

static enum status prepare(const struct decoder *decoder, const struct resizer *resizer,
                           const struct geometry_rule *rule, const uint8_t *bytes, size_t size,
                           struct image *out)
{
    struct image whole = {0};
    struct geometry plan;
    enum status st = image_decode(decoder, bytes, size, NULL, &whole);
    if (!st)
        st = geometry_plan(whole.width, whole.height, rule, &plan);
    if (!st)
        st = image_fit(&whole, &plan, resizer, NULL, out);
    image_clear(&whole);
    return st;
}

static void serve_prepare(const char *line)
{
    char decode[64], resize[64];
    struct geometry_rule rule = {0};
    size_t size;
    struct image out = {0};
    if (sscanf(line, "prepare %63s %63s %d %d %zu", decode, resize, &rule.resize, &rule.width,
               &size) != 5)
        exit(2);
    rule.height = rule.width;
    uint8_t *bytes = mem_array(size, 1);
    if (fread(bytes, 1, size, stdin) != size)
        exit(2);

    const struct decoder *decoder = NULL;
    const struct resizer *resizer = NULL;
    enum status st = decoder_find(decode, &decoder);
    if (!st)
        st = resizer_find(resize, &resizer);
    double start = now();
    if (!st)
        st = prepare(decoder, resizer, &rule, bytes, size, &out);
    answer(st, &out, now() - start);
    free(bytes);
    image_clear(&out);
}

static void serve_colour(const char *line)
{
    char name[64];
    int width, height;
    struct image image = {0};
    if (sscanf(line, "colour %63s %d %d", name, &width, &height) != 3)
        exit(2);
    const struct colour *colour = NULL;
    enum status st = read_picture(width, height, &image);
    if (!st)
        st = colour_find(name, &colour);
    double start = now();
    if (!st)
        st = colour->apply(&image);
    answer(st, &image, now() - start);
    image_clear(&image);
}

int main(void)
{
    char line[512];
    while (fgets(line, sizeof line, stdin)) {
        if (!strncmp(line, "resize ", 7))
            serve_resize(line);
        else if (!strncmp(line, "decode ", 7))
            serve_decode(line);
        else if (!strncmp(line, "prepare ", 8))
            serve_prepare(line);
        else if (!strncmp(line, "colour ", 7))
            serve_colour(line);
        else
            return 2;
    }
    return 0;
}
