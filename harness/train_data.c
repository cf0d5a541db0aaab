#include "harness/train_data.h"

#include "base/mem.h"

#include <stdlib.h>
#include <string.h>

static enum status prepare(const struct train_data *d, const struct sample_data *sample,
                           struct rng *rng, struct image *out)
{
    static const struct decode_options options;
    struct image whole = {0};
    const struct decoder *decoder = d->decoders[rng_below(rng, d->n_decoders)];
    const struct resizer *resizer = d->resizers[rng_below(rng, d->n_resizers)];
    enum status st = sample->bytes ? image_decode(decoder, sample->bytes, sample->size,
                                                  &options, &whole)
                                   : image_copy(&sample->pixels, &whole);
    struct geometry_rule rule = d->rule;
    struct geometry geometry;
    if (!st)
        st = geometry_plan(whole.width, whole.height, &rule, &geometry);
    if (!st && rule.resize)
        st = resizer->resize(&whole, geometry.width, geometry.height, &geometry.window,
                             out);
    else if (!st)
        st = image_crop(&whole, geometry.window, out);
    image_clear(&whole);
    return st;
}

static enum status load(void *context, size_t index, struct rng *rng, struct image *out,
                        int *label)
{
    struct train_data *d = context;
    size_t bytes = 3 * (size_t)d->rule.width * (size_t)d->rule.height;
    uint32_t item = d->subset.items[index];
    *label = d->dataset->samples[item].label;
    enum status st;
    if (d->cache && __atomic_load_n(&d->cached[index], __ATOMIC_ACQUIRE)) {
        st = image_init(out, d->rule.width, d->rule.height, 3);
        if (!st)
            memcpy(out->data, d->cache + index * bytes, bytes);
        return st;
    }
    struct sample_data sample = {0};
    st = dataset_load(d->dataset, item, &sample);
    if (!st)
        st = prepare(d, &sample, rng, out);
    sample_data_clear(&sample);
    if (st)
        return status_wrap(st, "%s", d->dataset->samples[item].key);
    if (d->cache) {
        memcpy(d->cache + index * bytes, out->data, bytes);
        __atomic_store_n(&d->cached[index], 1, __ATOMIC_RELEASE);
    }
    return OK;
}

static enum status find_members(struct train_data *d, char *const *decoders,
                                unsigned n_decoders, char *const *resizers,
                                unsigned n_resizers)
{
    if (n_decoders > TRAIN_MAX_MEMBERS || n_resizers > TRAIN_MAX_MEMBERS)
        return status_fail(ERR_USAGE, "at most %d decoders and resizers",
                           TRAIN_MAX_MEMBERS);
    enum status st = OK;
    d->n_decoders = n_decoders ? n_decoders : 1;
    d->n_resizers = n_resizers ? n_resizers : 1;
    for (unsigned i = 0; i < d->n_decoders && !st; i++)
        st = decoder_find(n_decoders ? decoders[i] : "turbo", &d->decoders[i]);
    for (unsigned i = 0; i < d->n_resizers && !st; i++)
        st = resizer_find(n_resizers ? resizers[i] : "pillow-bilinear", &d->resizers[i]);
    return st;
}

static bool same(const char *a, const char *b)
{
    return a && b ? !strcmp(a, b) : a == b;
}

static enum status take_from(struct train_shelf *shelf, const char *spec,
                             const struct dataset_options *how,
                             const struct dataset **out)
{
    for (size_t i = 0; i < shelf->count; i++) {
        const struct train_book *book = &shelf->books[i];
        if (same(book->spec, spec) && same(book->classes, how->classes) &&
            book->unlabelled == how->unlabelled) {
            *out = &book->dataset;
            return OK;
        }
    }
    if (shelf->count == TRAIN_MAX_BOOKS)
        return status_fail(ERR_LIMIT, "more than %d datasets", TRAIN_MAX_BOOKS);
    struct train_book *book = &shelf->books[shelf->count];
    enum status st = dataset_open(spec, how, &book->dataset);
    if (st)
        return st;
    book->spec = mem_copy(spec);
    book->classes = how->classes ? mem_copy(how->classes) : NULL;
    book->unlabelled = how->unlabelled;
    shelf->count++;
    *out = &book->dataset;
    return OK;
}

void train_shelf_clear(struct train_shelf *shelf)
{
    for (size_t i = 0; i < shelf->count; i++) {
        dataset_close(&shelf->books[i].dataset);
        free(shelf->books[i].spec);
        free(shelf->books[i].classes);
    }
    *shelf = (struct train_shelf){0};
}

enum status train_data_open(struct train_shelf *shelf, const char *spec,
                            const struct dataset_options *how, uint64_t limit,
                            uint64_t seed, int side, int resize, char *const *decoders,
                            unsigned n_decoders, char *const *resizers,
                            unsigned n_resizers, struct train_data *out)
{
    *out = (struct train_data){0};
    out->rule = (struct geometry_rule){.resize = resize, .width = side, .height = side};
    enum status st = find_members(out, decoders, n_decoders, resizers, n_resizers);
    if (!st)
        st = take_from(shelf, spec, how, &out->dataset);
    if (!st)
        st = limit ? subset_limit(out->dataset, limit, seed, &out->subset)
                   : subset_all(out->dataset, &out->subset);
    if (st) {
        train_data_close(out);
        return st;
    }
    size_t bytes = 3 * (size_t)side * (size_t)side * out->subset.count;
    if (out->n_decoders == 1 && out->n_resizers == 1 && bytes <= (size_t)2 << 30) {
        out->cache = malloc(bytes);
        out->cached = out->cache ? mem_array(out->subset.count, 1) : NULL;
    }
    out->source =
        (struct train_source){out->subset.count, out->dataset->n_classes, out, load};
    return OK;
}

void train_data_close(struct train_data *data)
{
    free(data->cache);
    free(data->cached);
    subset_clear(&data->subset);
    *data = (struct train_data){0};
}
