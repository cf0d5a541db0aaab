#include "noises/natural/parts.h"

#include "base/mem.h"
#include "base/simd.h"

#include <stdlib.h>

static enum status no_memory(size_t count)
{
    return status_fail(ERR_NOMEM, "no memory for %zu random numbers", count);
}

enum status draws_normal(struct natural_draws *draws, struct rng *rng, size_t count)
{
    draws->normal = mem_raw(count, sizeof *draws->normal);
    if (!draws->normal)
        return no_memory(count);
    draws->normals = count;
    rng_fill_normal(rng, draws->normal, count);
    return OK;
}

enum status draws_uniform(struct natural_draws *draws, struct rng *rng, size_t count)
{
    draws->uniform = mem_raw(count, sizeof *draws->uniform);
    if (!draws->uniform)
        return no_memory(count);
    draws->uniforms = count;
    rng_fill_uniform(rng, draws->uniform, count, 0, 1);
    return OK;
}

enum status draws_room(struct natural_draws *draws, size_t count)
{
    draws->integer = mem_raw(count, sizeof *draws->integer);
    draws->integers = draws->integer ? count : 0;
    return draws->integer ? OK : no_memory(count);
}

enum status draws_words(struct natural_draws *draws, struct rng *rng, size_t count)
{
    enum status st = draws_room(draws, count);
    if (!st)
        rng_fill_u32(rng, draws->integer, count);
    return st;
}

void draws_clear(struct natural_draws *draws)
{
    free(draws->normal);
    free(draws->uniform);
    free(draws->integer);
    *draws = (struct natural_draws){0};
}

enum status grid_init(struct grid *grid, int width, int height, int channels)
{
    size_t count = (size_t)width * (size_t)height * (size_t)channels;
    double *data = mem_raw(count, sizeof *data);
    *grid = (struct grid){width, height, channels, data};
    return data ? OK : status_fail(ERR_NOMEM, "no memory for %zu doubles", count);
}

SIMD_CLONES
static void units(const uint8_t *restrict in, size_t count, double *restrict out)
{
    for (size_t i = 0; i < count; i++)
        out[i] = (double)in[i] / 255.0;
}

enum status grid_from_image(const struct image *image, struct grid *out)
{
    enum status st = grid_init(out, image->width, image->height, image->channels);
    if (!st)
        units(image->data, image_size(image), out->data);
    return st;
}

SIMD_CLONES
static void bytes(const double *restrict in, size_t count, uint8_t *restrict out)
{
    for (size_t i = 0; i < count; i++)
        out[i] = byte_from_unit(in[i]);
}

void grid_to_image(const struct grid *grid, struct image *image)
{
    bytes(grid->data, image_size(image), image->data);
}

void grid_clear(struct grid *grid)
{
    free(grid->data);
    *grid = (struct grid){0};
}
