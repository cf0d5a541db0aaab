#include "harness/examples.h"

#include "base/file.h"
#include "base/image.h"
#include "base/mem.h"
#include "harness/sheet.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include <png.h>

/* What was written must be what was meant: the picture is evidence. */
static enum status check_png(const char *path, const struct image *image)
{
    png_image png = {.version = PNG_IMAGE_VERSION};
    struct image again = {0};
    enum status st = image_init(&again, image->width, image->height, 3);
    if (st)
        return st;
    bool same = png_image_begin_read_from_file(&png, path);
    png.format = PNG_FORMAT_RGB;
    same = same && png.width == (png_uint_32)image->width &&
           png.height == (png_uint_32)image->height &&
           png_image_finish_read(&png, NULL, again.data, 0, NULL) &&
           !memcmp(again.data, image->data, image_size(image));
    png_image_free(&png);
    image_clear(&again);
    return same ? OK : status_fail(ERR_IO, "%s: does not read back as written", path);
}

static uint8_t to_byte(float value)
{
    return (uint8_t)lrintf(fminf(fmaxf(value, 0), 1) * 255);
}

/* scale * (a - b) + offset, from planes to interleaved bytes. */
static void fill(struct image *image, const float *a, const float *b, float scale,
                 float offset)
{
    size_t plane = (size_t)image->width * (size_t)image->height;
    for (size_t i = 0; i < plane; i++)
        for (size_t c = 0; c < 3; c++) {
            float difference = a[c * plane + i] - (b ? b[c * plane + i] : 0);
            image->data[3 * i + c] = to_byte(scale * difference + offset);
        }
}

/* A label or key as one part of a path. */
static char *as_name(const char *text)
{
    char *name = mem_copy(text);
    for (char *c = name; *c; c++)
        if (strchr("/\\ :=*?\"<>|", *c))
            *c = '_';
    return name;
}

enum status examples_save(const char *folder, const struct plan *plan,
                          const struct cell *cell, const struct sample *sample,
                          const float *x, const float *adversarial, bool broken_8bit)
{
    const struct preprocess *size = &plan->models[cell->model].record->preprocess;
    char *model = as_name(plan->models[cell->model].name);
    char *condition = as_name(cell_condition(plan, cell)->label),
         *key = as_name(sample->key);
    char *place = mem_format("%s/%s/%s", folder, model, condition);
    char *example =
        mem_format("%s/%s%s.png", place, key, broken_8bit ? "" : ".float_only");
    char *difference = mem_format("%s/%s.x10.png", place, key);
    struct image image = {0};
    /* Plain rounding could leave the ball; this is the point the 8-bit verdict is about. */
    const struct condition *how = cell_condition(plan, cell);
    size_t values = (size_t)3 * (size_t)size->width * (size_t)size->height;
    float *point = mem_array(values, sizeof *point);
    attack_lattice(how->attack, how->eps, x, adversarial, values, point);

    enum status st = file_make_folder(place);
    if (!st)
        st = image_init(&image, size->width, size->height, 3);
    if (!st) {
        fill(&image, point, NULL, 1, 0);
        st = picture_write(example, &image);
    }
    if (!st)
        st = check_png(example, &image);
    if (!st) {
        fill(&image, adversarial, x, 10, 0.5f);
        st = picture_write(difference, &image);
    }
    image_clear(&image);
    free(point);
    free(model);
    free(condition);
    free(key);
    free(place);
    free(example);
    free(difference);
    return st;
}
