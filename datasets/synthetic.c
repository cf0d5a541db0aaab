/*
 * synthetic:SEED:N, pictures of ten solids rendered when they are asked for and written as
 * JPEG with the qualities and chroma subsamplings one meets. Sample i shows solid i mod 10
 * and depends on (SEED, i) alone, so that a larger N adds to a smaller one.
 *
 * Rendering costs more than decoding, and a run loads a sample once a condition: encoded
 * pictures are kept, up to KEPT_BYTES.
 */
#include "datasets/index.h"

#include "base/hash.h"
#include "datasets/render/render.h"

#include <errno.h>
#include <setjmp.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <jpeglib.h>

enum { VERSION = 2, MAX_COUNT = 10000000, WITNESSES = 4 };
static const size_t KEPT_BYTES = (size_t)512 << 20;

struct kept {
    size_t size;
    uint8_t bytes[];
};

struct synthetic {
    uint64_t seed;
    atomic_size_t kept_bytes;
    _Atomic(struct kept *) *kept; /* [count], by sample */
};

/* "synthetic:7:2000" */
static bool parse(const char *spec, uint64_t *seed, size_t *count)
{
    static const char prefix[] = "synthetic:";
    if (strncmp(spec, prefix, sizeof prefix - 1))
        return false;
    const char *at = spec + sizeof prefix - 1;
    char *end;
    errno = 0;
    *seed = strtoull(at, &end, 10);
    if (*at < '0' || *at > '9' || *end != ':' || errno || end[1] < '0' || end[1] > '9')
        return false;
    unsigned long long number = strtoull(end + 1, &end, 10);
    *count = (size_t)number;
    return !*end && !errno && number >= 1 && number <= MAX_COUNT;
}

static bool probe(const char *path)
{
    return !strncmp(path, "synthetic:", 10);
}

static enum status open_synthetic(struct dataset *dataset,
                                  const struct dataset_options *options)
{
    struct synthetic *state = dataset->state = mem_new(sizeof *state);
    size_t count;
    (void)options;
    if (!parse(dataset->path, &state->seed, &count))
        return status_fail(ERR_USAGE,
                           "'%s': expected synthetic:SEED:N, two whole numbers with N "
                           "from 1 to %d",
                           dataset->path, MAX_COUNT);
    state->kept = mem_array(count, sizeof *state->kept);
    dataset->count = count;
    dataset->samples = mem_array(count, sizeof *dataset->samples);
    dataset->n_classes = SOLIDS;
    dataset->class_names = arena_alloc(&dataset->arena, SOLIDS * sizeof(char *));
    for (int i = 0; i < SOLIDS; i++)
        dataset->class_names[i] = arena_copy(&dataset->arena, solid_names[i]);
    for (size_t i = 0; i < count; i++)
        dataset->samples[i] =
            (struct sample){arena_format(&dataset->arena, "synthetic/%s/%06zu.jpg",
                                         solid_names[i % SOLIDS], i),
                            (int)(i % SOLIDS), i, 0};
    return dataset_sort(dataset);
}

struct encoder {
    struct jpeg_error_mgr manager; /* first, so that a pointer to it is one to us */
    jmp_buf escape;
};

static void fail(j_common_ptr info)
{
    longjmp(((struct encoder *)info->err)->escape, 1);
}

static void set_encoding(struct jpeg_compress_struct *info, struct rng *rng)
{
    /* Most files in the world are 4:2:0; cameras and editors also write the others. */
    static const int sampling[][2] = {{2, 2}, {2, 2}, {2, 2}, {2, 1}, {1, 1}};
    const int *chosen = sampling[rng_below(rng, 5)];
    jpeg_set_defaults(info);
    jpeg_set_quality(info, 55 + (int)rng_below(rng, 41), TRUE);
    info->dct_method = JDCT_ISLOW;
    info->comp_info[0].h_samp_factor = chosen[0];
    info->comp_info[0].v_samp_factor = chosen[1];
    if (draw_chance(rng, 0.15f))
        jpeg_simple_progression(info);
}

static enum status encode(const struct image *image, struct rng *rng,
                          unsigned char **bytes, unsigned long *size)
{
    struct jpeg_compress_struct info;
    struct encoder encoder;
    info.err = jpeg_std_error(&encoder.manager);
    encoder.manager.error_exit = fail;
    *bytes = NULL;
    *size = 0;
    if (setjmp(encoder.escape)) {
        jpeg_destroy_compress(&info);
        return status_fail(ERR_NOMEM,
                           "synthetic: libjpeg cannot write a picture of %dx%d",
                           image->width, image->height);
    }
    jpeg_create_compress(&info);
    jpeg_mem_dest(&info, bytes, size);
    info.image_width = (JDIMENSION)image->width;
    info.image_height = (JDIMENSION)image->height;
    info.input_components = 3;
    info.in_color_space = JCS_RGB;
    set_encoding(&info, rng);
    jpeg_start_compress(&info, TRUE);
    while (info.next_scanline < info.image_height) {
        JSAMPROW row = image_row(image, (int)info.next_scanline);
        jpeg_write_scanlines(&info, &row, 1);
    }
    jpeg_finish_compress(&info);
    jpeg_destroy_compress(&info);
    return OK;
}

static enum status make(const struct dataset *dataset, size_t i, unsigned char **bytes,
                        unsigned long *size)
{
    const struct synthetic *state = dataset->state;
    const struct sample *sample = &dataset->samples[i];
    struct image image;
    struct rng rng;
    rng_open(&rng, state->seed, sample->key, "synthetic", VERSION);
    enum status st = render_picture((enum solid)sample->label, &rng, &image);
    if (!st) {
        st = encode(&image, &rng, bytes, size);
        image_clear(&image);
    }
    return st;
}

/* Keeps a copy where there is room; another worker may have been first. */
static const struct kept *keep(struct synthetic *state, size_t i, const void *bytes,
                               size_t size)
{
    size_t all = sizeof(struct kept) + size;
    if (atomic_fetch_add(&state->kept_bytes, all) + all > KEPT_BYTES) {
        atomic_fetch_sub(&state->kept_bytes, all);
        return NULL;
    }
    struct kept *kept = mem_new(all), *none = NULL;
    kept->size = size;
    memcpy(kept->bytes, bytes, size);
    if (atomic_compare_exchange_strong(&state->kept[i], &none, kept))
        return kept;
    free(kept);
    atomic_fetch_sub(&state->kept_bytes, all);
    return none;
}

static enum status load(const struct dataset *dataset, size_t i, struct sample_data *out)
{
    struct synthetic *state = dataset->state;
    const struct kept *kept = atomic_load(&state->kept[i]);
    if (!kept) {
        unsigned char *bytes = NULL;
        unsigned long size = 0;
        enum status st = make(dataset, i, &bytes, &size);
        if (st) {
            free(bytes);
            return st;
        }
        kept = keep(state, i, bytes, size);
        if (!kept) {
            *out = (struct sample_data){.bytes = bytes, .size = size, .owned = bytes};
            return OK;
        }
        free(bytes);
    }
    out->bytes = kept->bytes;
    out->size = kept->size;
    return OK;
}

/* Seed, version, and the bytes of a few pictures, in case an encoder elsewhere differs. */
static enum status identify(const struct dataset *dataset, struct hash *hash)
{
    const struct synthetic *state = dataset->state;
    hash_add_string(hash, "synthetic");
    hash_add_u64(hash, VERSION);
    hash_add_u64(hash, state->seed);
    enum status st = OK;
    for (size_t k = 0; !st && k < WITNESSES; k++) {
        struct sample_data data = {0};
        st = load(dataset, k * (dataset->count - 1) / (WITNESSES - 1), &data);
        if (!st)
            hash_add(hash, data.bytes, data.size);
        sample_data_clear(&data);
    }
    return st;
}

static void close_synthetic(struct dataset *dataset)
{
    struct synthetic *state = dataset->state;
    for (size_t i = 0; state && state->kept && i < dataset->count; i++)
        free(atomic_load(&state->kept[i]));
    if (state)
        free(state->kept);
    free(state);
}

const struct dataset_format dataset_format_synthetic = {
    .name = "synthetic",
    .summary = "synthetic:SEED:N, rendered pictures of ten solids",
    .probe = probe,
    .open = open_synthetic,
    .load = load,
    .identify = identify,
    .close = close_synthetic,
};
